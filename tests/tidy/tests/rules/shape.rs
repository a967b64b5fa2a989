//! Files say at once what they are for, and neither files nor functions grow beyond their measure.

use crate::house::{OPENING, with, with_rust};

const FILE: &str = "core/src/base/text.rs";
const CLEAN: [&str; 0] = [];

/// A function of so many lines, from its head to its closing brace.
fn function(lines: usize) -> String {
    format!("pub fn long(count: [u8; 2]) {{\n{}}}", "    run();\n".repeat(lines - 2))
}

#[test]
fn a_file_that_does_not_say_what_it_is_for_is_found() {
    let expected = [format!("{FILE}:1: a file begins with `//!` and at least 5 words on what it is for")];
    for opening in
        ["", "\n//! What this file is for.\n", "//! Text of the house.\n", "// What this file is for.\n"]
    {
        assert_eq!(with(FILE, opening), expected, "{opening:?}");
    }
    assert_eq!(with(FILE, "//! Text as it is stored.\n"), CLEAN);
}

#[test]
fn a_file_may_have_a_thousand_lines_and_not_one_more() {
    assert_eq!(with(FILE, &format!("{OPENING}{}", "//\n".repeat(999))), CLEAN);
    assert_eq!(
        with(FILE, &format!("{OPENING}{}", "//\n".repeat(1_000))),
        [format!("{FILE}:1001: a file has at most 1000 lines, and this one has 1001")]
    );
}

#[test]
fn a_roof_may_have_two_hundred_and_fifty_lines() {
    let roof = "plugins/host/src/lib.rs";
    assert_eq!(with(roof, &format!("{OPENING}{}", "//\n".repeat(249))), CLEAN);
    assert_eq!(
        with(roof, &format!("{OPENING}{}", "//\n".repeat(250))),
        [format!("{roof}:251: a lib.rs has at most 250 lines, and this one has 251")]
    );
}

#[test]
fn a_function_may_have_seventy_lines_and_not_one_more() {
    assert_eq!(with_rust(FILE, &function(70)), CLEAN);
    let expected = |line: usize| format!("{FILE}:{line}: a function has at most 70 lines, and long has 71");
    assert_eq!(with_rust(FILE, &function(71)), [expected(2)]);
    assert_eq!(with_rust(FILE, &function(71).replace("2]", "{ 2 }]")), [expected(2)]);
    assert_eq!(with_rust(FILE, &format!("impl A {{\n{}\n}}", function(71))), [expected(3)]);
}

#[test]
fn braces_in_literals_and_comments_do_not_count() {
    let body = "    run('{', \"{\", r#\"{\"#); // {\n".repeat(68);
    assert_eq!(with_rust(FILE, &format!("fn quoted() {{\n{body}}}\n{}", "\n".repeat(99).trim())), CLEAN);
    let closed = "    run('}', \"}\"); /* } */\n".repeat(69);
    let expected = format!("{FILE}:2: a function has at most 70 lines, and quoted has 71");
    assert_eq!(with_rust(FILE, &format!("fn quoted() {{\n{closed}}}")), [expected]);
}

#[test]
fn heads_without_bodies_and_types_of_pointers_are_no_functions() {
    let lines = "    const A: u8 = 1;\n".repeat(80);
    assert_eq!(with_rust(FILE, &format!("trait A {{\n    fn head(&self);\n{lines}}}")), CLEAN);
    assert_eq!(
        with_rust(FILE, &format!("struct A {{\n    pointer: fn(u8),\n{}}}", "    a: u8,\n".repeat(80))),
        CLEAN
    );
}
