//! A small run of every group but `abi`, which takes a library that is built first: each figure is printed once, with
//! finite numbers. No time is asserted.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Runs the bench and reads what it prints, one JSON object a line.
fn figures(group: &str, further: &[&str]) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let output = Command::new(env!("CARGO_BIN_EXE_guanxi-bench"))
        .args([group, "--accounts", "500", "--rounds", "1", "--json"])
        .args(further)
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// Each figure has a name of its own and finite numbers, and these are among them.
fn check(figures: &[Value], expected: &[&str]) {
    let names: BTreeSet<&str> = figures.iter().filter_map(|figure| figure["figure"].as_str()).collect();
    assert_eq!(names.len(), figures.len());
    for name in expected {
        assert!(names.contains(name), "{name}");
    }
    for figure in figures {
        for number in ["n", "ours", "theirs", "ratio", "spread"] {
            assert!(figure[number].as_f64().is_some_and(f64::is_finite), "{number} of {figure}");
        }
        assert!(
            figure["unit"].is_string() && figure["met"].is_boolean() != figure["met"].is_null(),
            "{figure}"
        );
    }
}

#[test]
fn every_figure_of_storage_is_printed_once_with_finite_numbers() {
    let figures = figures("storage", &[]).unwrap();
    check(&figures, &["load.10000.cpu", "commit.threads_8", "read.hot", "open.after_crash", "size.loaded"]);
}

/// The group fails where the two sides, or two forms of a question, do not give the same rows and sums.
#[test]
fn every_figure_of_query_is_printed_once_and_both_sides_answer_alike() {
    let figures = figures("query", &[]).unwrap();
    check(&figures, &["page.newest", "page.deep.naive", "sum.by_stage", "custom.filtered", "field.growth"]);
}

/// The same of the trade, on a small demo world.
#[test]
fn every_figure_of_the_trade_is_printed_once_and_both_sides_answer_alike() {
    let figures = figures("trade", &[]).unwrap();
    check(
        &figures,
        &["overview", "todo", "pipeline.manager", "lead.convert", "tick.growth", "transfer.each"],
    );
}

/// The same of what people type.
#[test]
fn every_figure_of_search_is_printed_once_and_both_sides_answer_alike() {
    let figures = figures("search", &[]).unwrap();
    check(
        &figures,
        &["find.rare", "find.phone", "type_ahead.p99", "build.cpu", "size", "written.tail.write"],
    );
}

/// The same of the organisation, its shares and its audit.
#[test]
fn every_figure_of_access_is_printed_once_and_both_sides_answer_alike() {
    let figures = figures("access", &["--users", "200", "--units", "20", "--shares", "1000"]).unwrap();
    check(
        &figures,
        &["permit.director", "page.manager", "count.division_head.kept", "search.director", "chain.verify"],
    );
    check(&figures, &["shares.of_others", "write.bare", "organisation.change", "read.audited"]);
}
