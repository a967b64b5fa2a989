//! The way through the trade from C; Rust and the command line walk the same.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use crate::toolchain::build;
use crate::way;

#[test]
fn a_c_program_walks_the_way_of_a_lead_to_the_same_end() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("tests/ffi/tests/c_interface/programs/calls.c", folder.path());
    let mut command = Command::new(program);
    let mut child =
        command.current_dir(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut calls = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    let told = way::walk(&mut |method, parameters| {
        writeln!(calls, "{method}\t{parameters}").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{method}: {error}: {answer}"))
    });
    drop(calls);
    assert!(child.wait().unwrap().success());
    assert_eq!(told, way::outcome());
}
