//! Hosts in other languages, each complete and each run: C++ and Python here, the others by `examples/run_clients.sh`.

use std::path::Path;
use std::process::Command;

use crate::library;
use crate::programs::under_valgrind;
use crate::toolchain::{Dialect, assert_done, build_as, check, has, skip, workspace};

/// What every sales day says, in whatever language it is written.
fn assert_told(said: &[u8]) {
    let said = String::from_utf8_lossy(said);
    let sentences = ["admin sees 6 deals, 韩梅梅 3", "[model.invalid_transition]", "[schema.required]"];
    for sentence in sentences.into_iter().chain(["[storage.wrong_key]", "The ledger verifies"]) {
        assert!(said.contains(sentence), "`{sentence}` is missing in:\n{said}");
    }
}

#[test]
fn the_sales_day_in_cpp_tells_its_story_and_loses_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let program = build_as(Dialect::CPP17, "examples/cpp/sales_day.cpp", folder.path());
    let output = Command::new(&program).output().unwrap();
    assert_done(&output, "sales_day.cpp");
    assert_told(&output.stdout);
    under_valgrind(&program, &[], folder.path());
}

#[test]
fn the_header_of_cpp_may_be_included_twice_and_alone() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("alone.cc");
    std::fs::write(&source, "#include \"guanxi.hpp\"\n#include \"guanxi.hpp\"\nint main() { return 0; }\n")
        .unwrap();
    check(Dialect::CPP17, &source);
}

/// Python with the package on its path, and the library that it is to load.
pub(crate) fn python(folder: &Path) -> Option<Command> {
    if !has("python3") {
        skip("python3 is not installed");
        return None;
    }
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", workspace().join("examples/python/src")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("PYTHONIOENCODING", "utf-8").env("GUANXI_LIBRARY", library::linked_into(folder));
    Some(command)
}

#[test]
fn the_sales_day_in_python_tells_its_story() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut command) = python(folder.path()) else { return };
    let output = command.arg(workspace().join("examples/python/sales_day.py")).output().unwrap();
    assert_done(&output, "sales_day.py");
    assert_told(&output.stdout);
}

#[test]
fn the_python_package_keeps_the_word_of_its_types() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut command) = python(folder.path()) else { return };
    let program = workspace().join("tests/ffi/tests/c_interface/programs/package.py");
    let output = command.arg(program).current_dir(folder.path()).output().unwrap();
    assert_done(&output, "package.py");
}

#[test]
fn a_watched_host_serves_its_health_its_figures_and_its_faults() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut command) = python(folder.path()) else { return };
    let program = workspace().join("examples/python/watched_host.py");
    let output = command.arg(program).arg("--check").output().unwrap();
    assert_done(&output, "watched_host.py");
    assert!(String::from_utf8_lossy(&output.stdout).contains("guanxi_ledger_position"));
}

/// A database that a host might have, with the key file that the suite of acceptance takes.
const A_DATABASE: &str = "
import guanxi
key = bytes(range(32))
with open('key', 'wb') as file: file.write(key)
with guanxi.create('house.guanxi', key=key, administrator=('lin', 'a long password')) as crm:
    with crm.sign_in('lin', 'a long password') as lin:
        for number in range(300): lin.create('crm.account', name=f'公司 {number}')
";

#[test]
fn the_acceptance_suite_accepts_this_build_and_nothing_with_another_key() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut command) = python(folder.path()) else { return };
    assert_done(&command.args(["-c", A_DATABASE]).current_dir(folder.path()).output().unwrap(), "a database");
    let accept = || {
        let mut command = python(folder.path()).unwrap();
        command.arg(workspace().join("examples/python/acceptance.py")).args(["house.guanxi", "lin"]);
        command.args(["--key-file", "key"]).current_dir(folder.path()).output().unwrap()
    };
    let accepted = accept();
    assert_done(&accepted, "acceptance.py");
    let said = String::from_utf8_lossy(&accepted.stdout);
    assert!(said.contains("\naccepted") && said.matches("ok   ").count() == 9, "{said}");
    std::fs::write(folder.path().join("key"), [7; 32]).unwrap();
    assert!(!accept().status.success(), "another key opens nothing");
}
