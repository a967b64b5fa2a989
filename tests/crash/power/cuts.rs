//! One operation, recorded once and cut off at many places: what the disk holds then is put into a folder
//! and judged.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::super::killing::Chance;
use super::disk::{Disk, Loss, Tree};
use super::house::{Checked, placed};
use super::recording::{Ended, Event, record, recorder};

/// Power cuts of each operation in the normal run.
const POINTS: u64 = 80;
/// One of so many cuts is also gone on from, which takes longer.
const GOES_ON: u64 = 5;

/// Power cuts of each operation: `GUANXI_CRASH_POINTS` in the long form.
pub fn points() -> u64 {
    std::env::var("GUANXI_CRASH_POINTS").ok().and_then(|text| text.parse().ok()).unwrap_or(POINTS)
}

/// What is left after an operation was cut off or failed, in a folder of its own.
pub struct Left<'a> {
    pub root: &'a Path,
    /// What the worker had told.
    pub acknowledged: Vec<String>,
    /// Whether only the process died.
    pub kept: bool,
    /// Whether this one is to be gone on from.
    pub goes_on: bool,
    /// The folder before the operation.
    pub start: &'a Tree,
    /// The folder after the operation, where it was not cut off; nothing where it was not recorded.
    pub end: Option<&'a Tree>,
}

impl<'a> Left<'a> {
    /// What a process left that ended by itself, however it did: the system lived on.
    pub fn behind(root: &'a Path, ended: &Ended, start: &'a Tree) -> Self {
        Self { root, acknowledged: ended.acknowledged.clone(), kept: true, goes_on: true, start, end: None }
    }

    pub fn was_told(&self, line: &str) -> bool {
        self.acknowledged.iter().any(|told| told == line)
    }
}

/// An operation of the worker.
pub struct Operation {
    /// What the worker is called with.
    pub words: &'static str,
    /// The folder before it.
    pub start: fn() -> Tree,
    /// What has to hold wherever it ends.
    pub check: fn(&Left<'_>) -> Checked<&'static str>,
}

/// What became of the power cuts of an operation.
#[derive(Default)]
pub struct Tally {
    pub points: u64,
    /// What the checks found, and how often.
    pub states: BTreeMap<&'static str, u64>,
    pub failures: Vec<String>,
}

/// Names the place of a panic, which is nobody's to catch.
struct Place<'a>(&'a str, usize, Loss);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: cut behind event {}, {:?}", self.0, self.1, self.2);
        }
    }
}

/// Records an operation and cuts it off so many times; nothing where nothing can be recorded.
pub fn cut_off(operation: &Operation, points: u64, syncs: bool) -> Option<Tally> {
    let recorder = recorder()?;
    let start = (operation.start)();
    let home = placed(&start);
    let mut disk = Disk::of(home.path());
    disk.syncs = syncs;
    let events = record(recorder, home.path(), operation.words);
    let places = changing(&start, &events);
    let chance = Chance::new(20_261_122);
    let end = {
        let mut disk = Disk::of(placed(&start).path());
        for event in &events {
            disk.apply(event);
        }
        disk.after(Loss::Nothing, &chance)
    };
    let (mut tally, mut done) = (Tally::default(), 0);
    for (number, event) in events.iter().enumerate() {
        disk.apply(event);
        let Ok(place) = places.binary_search(&number) else { continue };
        // The cuts are spread evenly, and each is of the next kind; where a file gets its name, and at the
        // end, all kinds.
        let until = (place as u64 + 1) * points / places.len() as u64;
        let all_kinds = matches!(event, Event::Rename { .. }) || place + 1 == places.len();
        let least = if all_kinds { Loss::ALL.len() as u64 } else { 0 };
        let first = done;
        while done < until.max(first + least) {
            let loss = Loss::ALL[usize::try_from(done).unwrap() % Loss::ALL.len()];
            let _place = Place(operation.words, number, loss);
            let home = placed(&disk.after(loss, &chance));
            let left = Left {
                root: home.path(),
                acknowledged: disk.acknowledged(),
                kept: loss == Loss::Nothing,
                goes_on: done % GOES_ON == 0,
                start: &start,
                end: Some(&end),
            };
            done += 1;
            match judged(operation, &left, syncs) {
                Ok(state) => *tally.states.entry(state).or_default() += 1,
                Err(error) => {
                    let told = left.acknowledged.join(", ");
                    let failure =
                        format!("behind event {number} {event:.80?}, {loss:?}, told {told}: {error}");
                    tally.failures.push(failure);
                }
            }
        }
    }
    tally.points = done;
    Some(tally)
}

/// What a check says. On a disk that lies about syncs even a panic is only a loss.
fn judged(operation: &Operation, left: &Left<'_>, syncs: bool) -> Checked<&'static str> {
    if syncs {
        return (operation.check)(left);
    }
    let judged = catch_unwind(AssertUnwindSafe(|| (operation.check)(left)));
    judged.unwrap_or_else(|_| Err("a panic".to_owned()))
}

/// The places of a recording at which something changes.
fn changing(start: &Tree, events: &[Event]) -> Vec<usize> {
    let mut disk = Disk::of(placed(start).path());
    let changing = events.iter().enumerate().filter_map(|(place, event)| disk.apply(event).then_some(place));
    changing.collect()
}

/// Cuts an operation off and lets nothing be wrong.
pub fn survives(operation: &Operation) {
    let Some(tally) = cut_off(operation, points(), true) else { return };
    let states: Vec<String> = tally.states.iter().map(|(state, count)| format!("{state} {count}")).collect();
    eprintln!("{}: {} crash points; {}", operation.words, tally.points, states.join(", "));
    let failures = &tally.failures;
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), tally.points, first_lines(failures));
    assert!(tally.states.len() > 1, "every cut left the same, so these prove nothing");
}

fn first_lines(failures: &[String]) -> String {
    failures
        .iter()
        .take(8)
        .map(|failure| failure.chars().take(600).collect::<String>())
        .collect::<Vec<_>>()
        .join("\n")
}
