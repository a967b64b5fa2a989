//! Processes that get no more memory than a limit of the system: they end with an error or die, and what was
//! acknowledged stands.

use std::process::Command;

use super::cuts::{Left, Operation};
use super::house::placed;
use super::recording::{run, worker};

/// Limits that are tried, from nearly enough to half of it.
const STEPS: u64 = 12;

/// How a process under a limit ended.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum End {
    Done,
    Refused,
    Died,
}

/// Runs an operation under a limit of its address space, and checks what is left.
fn under(operation: &Operation, kib: u64) -> End {
    let start = (operation.start)();
    let home = placed(&start);
    let inner = worker(home.path(), operation.words);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {kib}; exec \"$0\" \"$@\"")]);
    command.arg(inner.get_program()).args(inner.get_args());
    let ended = run(command, home.path());
    let left = Left::behind(home.path(), &ended, &start);
    let place = format!("{} under {kib} KiB", operation.words);
    (operation.check)(&left).unwrap_or_else(|error| panic!("{place}: {error}; {}", ended.stderr()));
    match (ended.succeeded(), ended.code()) {
        (true, _) => End::Done,
        (false, Some(_)) => End::Refused,
        (false, None) => End::Died,
    }
}

/// The smallest limit under which an operation is done, in KiB.
fn enough(operation: &Operation) -> u64 {
    let (mut below, mut above) = (1_024, 4 << 20);
    while below + 256 < above {
        let middle = u64::midpoint(below, above);
        if under(operation, middle) == End::Done { above = middle } else { below = middle }
    }
    above
}

/// Takes memory away from an operation, step by step.
pub fn starve(operation: &Operation) {
    let enough = enough(operation);
    let mut ends = Vec::new();
    for part in 1..=STEPS {
        ends.push((part, under(operation, enough - enough * part / (2 * STEPS))));
    }
    let count = |wanted| ends.iter().filter(|(_, end)| *end == wanted).count();
    let (done, refused, died) = (count(End::Done), count(End::Refused), count(End::Died));
    eprintln!(
        "{}: enough {enough} KiB; with less: done {done}, refused {refused}, died {died}",
        operation.words
    );
    assert!(refused + died > 0, "nothing was missed");
}
