//! No unfinished work is marked, no machine is named, comments are English, and lines are clean.

use crate::house::{with, with_rust};

const BASE: &str = "core/src/base/text.rs";
const PAGE: &str = "docs/guide.md";
const CLEAN: [&str; 0] = [];

/// The markers, in two halves so that this file passes the rule that it tests.
const MARKERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

#[test]
fn a_marker_of_unfinished_work_is_found_in_every_kind_of_file() {
    for marker in MARKERS {
        let rule = format!("no marker of unfinished work: {marker}");
        assert_eq!(with_rust(BASE, &format!("/* a\n{marker}: later */")), [format!("{BASE}:3: {rule}")]);
        assert_eq!(with_rust(BASE, &format!("fn {marker}() {{}}")), [format!("{BASE}:2: {rule}")]);
        assert_eq!(with(PAGE, &format!("# Guide\n{marker}: later\n")), [format!("{PAGE}:2: {rule}")]);
        assert_eq!(with("deny.toml", &format!("# ({marker})\n")), [format!("deny.toml:1: {rule}")]);
        for path in ["examples/a.c", "include/a.h"] {
            assert_eq!(with(path, &format!("int a; // {marker}\n")), [format!("{path}:1: {rule}")]);
        }
    }
}

#[test]
fn a_literal_may_hold_the_code_of_no_currency_and_no_other_marker() {
    let [unfinished, wrong, currency] = MARKERS;
    assert_eq!(with_rust(BASE, &format!("const A: &str = \"{currency}\";")), CLEAN);
    for marker in [unfinished, wrong] {
        let expected = format!("{BASE}:2: no marker of unfinished work: {marker}");
        assert_eq!(with_rust(BASE, &format!("const A: &str = \"{marker}\";")), [expected]);
    }
}

#[test]
fn parts_of_other_words_are_no_markers() {
    let [unfinished, wrong, currency] = MARKERS;
    let words =
        format!("V{unfinished}, {wrong}D, mktemp a.{currency}{currency}, {}", unfinished.to_lowercase());
    assert_eq!(with(PAGE, &format!("{words}\n")), CLEAN);
    assert_eq!(with_rust(BASE, &format!("// {words}")), CLEAN);
}

#[test]
fn a_path_of_a_machine_is_found() {
    for folder in [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")] {
        for path in [BASE, PAGE, "deny.toml", "tools/a.sh", "examples/a.c", "examples/a.py", ".ci/run"] {
            let text = format!("//! What is it for, this file?\n# {folder}a\n");
            assert_eq!(with(path, &text), [format!("{path}:2: no path of a machine: {folder}")]);
        }
        assert_eq!(with_rust(BASE, &format!("const A: &str = \"{folder}a\";")).len(), 1);
        assert_eq!(with(PAGE, &format!("https://example.org{folder}a, ..{folder}a, a{folder}b\n")), CLEAN);
    }
}

#[test]
fn chinese_outside_of_literals_is_found() {
    let expected = [format!("{BASE}:2: identifiers and comments are English; data stands in literals")];
    for code in ["// 客户", "/// 客户 \"a\" 名称", "fn 客户() {}", "run（1）;", "/* \"quoted\" 客户 */"]
    {
        assert_eq!(with_rust(BASE, code), expected, "{code}");
    }
}

#[test]
fn chinese_in_literals_and_in_cited_data_passes() {
    let code = "const A: &str = \"客户\";\nconst B: char = '客';\n/// let c = named(\"客户\");\n// The label `客户`, 1 → 2 …\n";
    assert_eq!(with_rust(BASE, code.trim_end()), CLEAN);
    assert_eq!(with(PAGE, "# 客户\n"), CLEAN);
}

#[test]
fn tabs_and_white_space_at_the_end_of_a_line_are_found() {
    for path in [BASE, PAGE, "deny.toml"] {
        let first = "//! What is it for, this file?";
        assert_eq!(with(path, &format!("{first}\n#\tb\n")), [format!("{path}:2: a line has no tab")]);
        for end in [" ", "\r", "\u{3000}"] {
            let expected = [format!("{path}:2: a line has no white space at its end")];
            assert_eq!(with(path, &format!("{first}\n#{end}\n")), expected, "{end:?}");
        }
    }
    assert_eq!(with("Makefile", "all:\n\tmake \n"), CLEAN);
}
