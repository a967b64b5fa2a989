//! The same operations while calls of the system fail: each ends with an error of a stable code, what is left
//! is whole, and the work goes on.

use std::collections::BTreeMap;

use super::cuts::{Left, Operation};
use super::house::{ensure, placed};
use super::recording::{Ended, recorder, run_failing};

/// Failing calls of each operation and kind in the normal run.
const SAMPLES: u64 = 5;
/// The kinds of failure that count calls; `recorder.c` explains them.
const KINDS: [&str; 5] = ["io", "full", "torn", "sync", "read"];
/// Codes with which an operation may end when the system refuses something.
const CODES: [&str; 3] = ["storage.io", "storage.stopped", "storage.damaged"];

/// How many failing calls of each kind are tried: `GUANXI_CRASH_FAULTS` in the long form, which may be more
/// than there are.
fn samples() -> u64 {
    std::env::var("GUANXI_CRASH_FAULTS").ok().and_then(|text| text.parse().ok()).unwrap_or(SAMPLES)
}

/// Fails one call of an operation, and checks what is left. Says whether the operation succeeded even so.
fn fail(operation: &Operation, fault: &str) -> Option<Ended> {
    let start = (operation.start)();
    let home = placed(&start);
    let ended = run_failing(recorder()?, home.path(), operation.words, fault);
    let place = format!("{}, {fault}", operation.words);
    if !ended.succeeded() {
        let code = ended.code().unwrap_or_else(|| panic!("{place}: {}", ended.stderr()));
        assert!(CODES.contains(&code.as_str()), "{place}: {}", ended.stderr());
    }
    assert!(!ended.stderr().contains("panicked"), "{place}: {}", ended.stderr());
    let left = Left::behind(home.path(), &ended, &start);
    (operation.check)(&left).unwrap_or_else(|error| panic!("{place}: {error}; {}", ended.stderr()));
    Some(ended)
}

/// How many calls of a kind an operation makes: the first number at which nothing fails any more.
fn calls(operation: &Operation, kind: &str) -> Option<u64> {
    let (mut below, mut above) = (1, 16);
    while fails(operation, kind, above)? {
        (below, above) = (above, above * 2);
    }
    while below + 1 < above {
        let middle = below.midpoint(above);
        if fails(operation, kind, middle)? { below = middle } else { above = middle }
    }
    Some(below)
}

/// Whether a call of this number is made: the library leaves a mark where it makes one fail.
fn fails(operation: &Operation, kind: &str, number: u64) -> Option<bool> {
    let home = placed(&(operation.start)());
    let ended = run_failing(recorder()?, home.path(), operation.words, &format!("{kind} {number}"));
    Some(ended.stderr().contains("the recorder made a call fail"))
}

/// Fails calls spread over an operation, one at a time.
pub fn sweep(operation: &Operation) {
    let mut counts = BTreeMap::new();
    for kind in KINDS {
        let Some(calls) = calls(operation, kind) else { return };
        let tried = samples().min(calls);
        for sample in 0..tried {
            // The last one is always among them.
            let number = (sample + 1) * calls / tried;
            let Some(ended) = fail(operation, &format!("{kind} {number}")) else { return };
            let outcome =
                if ended.succeeded() { "succeeded".to_owned() } else { ended.code().unwrap_or_default() };
            *counts.entry((kind, outcome)).or_insert(0_u64) += 1;
        }
    }
    eprintln!("{}: failing calls {counts:?}", operation.words);
    let refused: u64 =
        counts.iter().filter(|((_, outcome), _)| outcome != "succeeded").map(|(_, count)| count).sum();
    assert!(refused > 0, "no call that failed was noticed");
}

/// Writes and reads that do half of what they were asked for are no failures.
pub fn bears_short_calls(operation: &Operation) {
    let Some(ended) = fail(operation, "short 0") else { return };
    assert!(ended.succeeded(), "{}: {}", operation.words, ended.stderr());
    ensure(ended.acknowledged.last().is_some_and(|told| told == "done"), "it was told").unwrap();
}
