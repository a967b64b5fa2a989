//! The pages for hosts: the reference is made of the header, and the code of the first ten minutes runs.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::clients;
use crate::toolchain::{Dialect, assert_done, build_from, headers_named, workspace};

/// One declaration of a header with what is said of it.
struct Declared {
    words: String,
    code: String,
}

/// The comments of a header and what each of them stands above.
fn declared(header: &str) -> Vec<Declared> {
    let mut found = Vec::new();
    for part in header.split("\n/**\n").skip(1) {
        let Some((comment, rest)) = part.split_once("\n */\n") else { continue };
        let words =
            comment.lines().map(|line| line.strip_prefix(" *").unwrap_or(line).trim()).collect::<Vec<_>>();
        let code = rest.split("\n\n").next().unwrap_or_default();
        let code = code.replace("GUANXI_API\n", "").replace("GUANXI_API ", "");
        found.push(Declared { words: words.join("\n"), code: code.trim().to_owned() });
    }
    found
}

fn section(title: &str, all: &[Declared], belongs: impl Fn(&str) -> bool) -> String {
    let mut text = format!("\n## {title}\n");
    for one in all.iter().filter(|one| belongs(&one.code)) {
        text += &format!("\n```c\n{}\n```\n\n{}\n", one.code, one.words.trim());
    }
    text
}

fn is_constant(code: &str) -> bool {
    code.starts_with("#define")
}

fn is_type(code: &str) -> bool {
    code.starts_with("typedef") || code.starts_with("struct")
}

fn is_function(code: &str) -> bool {
    !is_constant(code) && !is_type(code) && code.ends_with(");")
}

/// The reference: what the header says, in the order of kinds.
fn reference() -> String {
    let header = headers_named("guanxi.h");
    let introduction = header.split(" */").next().unwrap_or_default();
    let introduction: Vec<&str> =
        introduction.lines().skip(1).map(|line| line.trim_start_matches(" *").trim()).collect();
    let (values, host) = (declared(&headers_named("guanxi_types.h")), declared(&header));
    let is_status =
        |code: &str| is_constant(code) && !code.contains("GUANXI_VALUE") && !code.contains("DECIMAL");
    [
        format!(
            "# The C interface\n\n<!-- Made of the headers by the test `the_reference_is_what_the_headers_say`: do not edit. -->\n\n{}\n",
            introduction.join("\n").trim()
        ),
        section("Functions", &host, is_function),
        section("Types of guanxi.h", &host, is_type),
        section("Constants of guanxi.h", &host, is_constant),
        section("Values", &values, |code| is_type(code) || (is_constant(code) && !is_status(code))),
        section("Status numbers", &values, is_status),
    ]
    .concat()
}

#[test]
fn the_reference_is_what_the_headers_say() {
    let (path, fresh) = (workspace().join("docs/c.md"), reference());
    if std::env::var_os("GUANXI_BLESS").is_some() {
        fs::write(&path, &fresh).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "docs/c.md is stale: GUANXI_BLESS=1 writes it anew");
    for function in crate::headers::functions(&headers_named("guanxi.h")) {
        assert!(fresh.contains(&format!("{function}(")), "{function} is missing in the reference");
    }
}

/// The fenced blocks of a language on the page of the first ten minutes.
fn blocks(language: &str) -> Vec<String> {
    let page = fs::read_to_string(workspace().join("docs/ten_minutes.md")).unwrap();
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

fn assert_greets(output: &std::process::Output, folder: &Path) {
    assert_done(output, "the first ten minutes");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("上海加喜企业服务有限公司"), "{said}");
    assert!(said.contains("schema.required"), "{said}");
    assert!(folder.join("jiaxi.guanxi").is_dir());
}

#[test]
fn the_first_ten_minutes_in_c_run() {
    let folder = tempfile::tempdir().unwrap();
    let [program] = <[String; 1]>::try_from(blocks("c")).unwrap();
    let source = folder.path().join("customer.c");
    fs::write(&source, program).unwrap();
    let program = build_from(Dialect::C99, &source, folder.path());
    let output = Command::new(program).current_dir(folder.path()).output().unwrap();
    assert_greets(&output, folder.path());
}

#[test]
fn the_first_ten_minutes_in_python_run() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut command) = clients::python(folder.path()) else { return };
    let [program] = <[String; 1]>::try_from(blocks("python")).unwrap();
    let output = command.args(["-c", &program]).current_dir(folder.path()).output().unwrap();
    assert_greets(&output, folder.path());
}
