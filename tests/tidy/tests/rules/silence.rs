//! Unsafe code stands where it may and is argued for, and no lint is silenced without a reason.

use crate::house::with_rust;

const HOST: &str = "plugins/host/src/loader.rs";
const BASE: &str = "core/src/base/text.rs";
const CLEAN: [&str; 0] = [];
const UNARGUED: &str = "a `SAFETY:` comment ends at most 3 lines above an unsafe block";

#[test]
fn unsafe_code_outside_of_its_folders_is_found() {
    let expected = [format!("{BASE}:3: unsafe code stands only in ffi/, plugins/host/, plugins/sdk/")];
    for code in
        ["unsafe { run() }", "unsafe impl Send for A {}", "unsafe fn run() {}", "#[unsafe(no_mangle)]"]
    {
        assert_eq!(with_rust(BASE, &format!("// SAFETY: none.\n{code}")), expected, "{code}");
    }
}

#[test]
fn names_of_lints_comments_literals_and_types_of_pointers_are_not_unsafe_code() {
    let code = "#![forbid(unsafe_code)]\n// unsafe { }\nconst A: &str = \"unsafe { }\";\n\
                type Run = unsafe extern \"C\" fn(u8);\ntype Stop = unsafe fn(u8);";
    assert_eq!(with_rust(BASE, code), CLEAN);
}

#[test]
fn an_unsafe_block_without_its_argument_is_found() {
    assert_eq!(with_rust(HOST, "fn a() {\n    unsafe { run() }\n}"), [format!("{HOST}:3: {UNARGUED}")]);
    assert_eq!(with_rust(HOST, "unsafe impl Send for A {}"), [format!("{HOST}:2: {UNARGUED}")]);
    let far = "// SAFETY: the pointer is ours.\n\n\n\nlet a = unsafe { run() };";
    assert_eq!(with_rust(HOST, far), [format!("{HOST}:6: {UNARGUED}")]);
    let behind = "unsafe { run() }\n// SAFETY: too late.";
    assert_eq!(with_rust(HOST, behind), [format!("{HOST}:2: {UNARGUED}")]);
    let in_a_literal = "const A: &str = \"SAFETY: no\";\nunsafe impl Send for A {}";
    assert_eq!(with_rust(HOST, in_a_literal), [format!("{HOST}:3: {UNARGUED}")]);
}

#[test]
fn an_unsafe_block_with_its_argument_passes() {
    assert_eq!(with_rust(HOST, "// SAFETY: the pointer is ours.\n\n\nlet a = unsafe { run() };"), CLEAN);
    assert_eq!(with_rust(HOST, "/* SAFETY: nothing is shared. */ unsafe impl Send for A {}"), CLEAN);
    let long = "// SAFETY: the pointer\n// is ours,\n// and nobody else\n// holds it.\nunsafe { run() }";
    assert_eq!(with_rust(HOST, long), CLEAN);
}

#[test]
fn an_allowed_lint_is_found_in_every_form() {
    let rule = "an attribute `allow` is forbidden: `expect` says the reason and notices when it is gone";
    for attribute in [
        "#[allow(dead_code)]",
        "#![allow(dead_code, reason = \"none\")]",
        "# [ allow ( dead_code ) ]",
        "#[cfg_attr(test, allow(dead_code))]",
    ] {
        assert_eq!(with_rust(BASE, attribute), [format!("{BASE}:2: {rule}")], "{attribute}");
    }
}

#[test]
fn an_expected_lint_says_its_reason() {
    let expected = [format!("{BASE}:2: an attribute `expect` says its reason")];
    assert_eq!(with_rust(BASE, "#[expect(dead_code)]"), expected);
    assert_eq!(with_rust(BASE, "#![expect(dead_code)] const REASON: [u8; 1] = [reason];"), expected);
    assert_eq!(with_rust(BASE, "#[expect(dead_code, reason = \"the macro uses it\")]"), CLEAN);
}

#[test]
fn calls_and_texts_that_look_like_attributes_pass() {
    let code = "// #[allow(dead_code)]\nconst A: &str = \"#[allow(dead_code)]\";\n#[derive(Debug)]\nstruct B;\n\
                fn c() { list[0].expect(\"a value\"); rules.allow(1); }";
    assert_eq!(with_rust(BASE, code), CLEAN);
}
