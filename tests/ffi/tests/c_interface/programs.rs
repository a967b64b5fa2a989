//! C programs against the built library, once plainly and once under valgrind.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use crate::toolchain::{assert_done, build, has, skip, workspace};

/// Builds a program and runs it with arguments; under valgrind too, if that is installed.
pub(crate) fn run(source: &str, arguments: &[&Path]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let program = build(source, folder.path());
    let output = Command::new(&program).args(arguments).current_dir(folder.path()).output().unwrap();
    assert_done(&output, source);
    under_valgrind(&program, arguments, folder.path());
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a program under valgrind, if that is installed.
pub(crate) fn under_valgrind(program: &Path, arguments: &[&Path], folder: &Path) {
    if !has("valgrind") {
        return skip("valgrind is not installed");
    }
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--error-exitcode=9", "--leak-check=full", "--child-silent-after-fork=yes"]);
    // Rust's own library and its time zones hold blocks for the life of the process by pointers into
    // their middle, of which valgrind says "possibly lost"; what is lost for certain is an error.
    valgrind.args(["--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect"]);
    let checked = valgrind.arg(program).args(arguments).current_dir(folder).output().unwrap();
    assert_done(&checked, &format!("{} under valgrind", program.display()));
}

#[test]
fn the_example_tells_its_story_and_loses_no_memory() {
    let said = run("examples/c/sales_day.c", &[]);
    for sentence in ["200 records", "storage.wrong_key", "The ledger verifies"] {
        assert!(said.contains(sentence), "`{sentence}` is missing in:\n{said}");
    }
}

#[test]
fn the_example_counts_the_public_sales_data_as_its_authors_do() {
    let shared = workspace().join("../shared");
    let data = shared.join("data/crm_sales");
    let Ok(expected) = fs::read_to_string(data.join("expected_public.json")) else {
        assert!(!shared.exists(), "../shared is there, and data/crm_sales is not");
        return skip("../shared/data/crm_sales is absent");
    };
    let folder = tempfile::tempdir().unwrap();
    let program = build("examples/c/sales_day.c", folder.path());
    let output = Command::new(program).arg(data).current_dir(folder.path()).output().unwrap();
    assert_done(&output, "sales_day with data");
    let said = String::from_utf8(output.stdout).unwrap();
    let expected: Json = serde_json::from_str(&expected).unwrap();
    for (stage, count) in expected["stage_counts"].as_object().unwrap() {
        let line = format!("\n{stage:<12} {count}\n");
        assert!(said.contains(&line), "`{line}` is missing in:\n{said}");
    }
}

#[test]
fn bad_input_is_answered_and_never_crashes_the_host() {
    run("tests/ffi/tests/c_interface/programs/bad_input.c", &[]);
}

/// Without valgrind, which lets one thread run at a time, so that they hardly meet.
#[test]
fn two_threads_in_one_cursor_record_or_query_are_told_so_and_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("tests/ffi/tests/c_interface/programs/two_threads.c", folder.path());
    assert_done(&Command::new(program).current_dir(folder.path()).output().unwrap(), "two threads");
}

#[test]
fn values_transactions_and_cursors_keep_their_word() {
    run("tests/ffi/tests/c_interface/programs/contract.c", &[]);
}

#[test]
fn a_program_without_a_session_creates_backs_up_loses_and_restores_its_database() {
    let said = run("tests/ffi/tests/c_interface/programs/without_session.c", &[]);
    assert!(said.contains("restored 40 companies"), "{said}");
}

#[test]
fn a_host_supplies_clock_and_chance_and_is_told_of_faults() {
    run("tests/ffi/tests/c_interface/programs/observed.c", &[]);
}

#[test]
fn a_host_reads_texts_of_attachments_and_drives_the_steps_of_search() {
    run("tests/ffi/tests/c_interface/programs/search.c", &[]);
}

#[test]
fn changes_are_told_to_subscribers_by_pull_and_by_function() {
    run("tests/ffi/tests/c_interface/programs/subscriptions.c", &[]);
}

#[test]
fn getters_take_no_memory() {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        return skip("memory is counted by the names of glibc");
    }
    let folder = tempfile::tempdir().unwrap();
    let program = build("tests/ffi/tests/c_interface/programs/allocation.c", folder.path());
    assert_done(&Command::new(program).current_dir(folder.path()).output().unwrap(), "allocation");
}
