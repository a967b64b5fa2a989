//! What is measured in a round, in its order, and which figures follow from it.

use crate::harness::{BEST, Declared, Side, Source, Target, WALL};
use crate::trade::store::{Question, Write};

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Makes the database.
    Load,
    /// Asks a question.
    Ask(Question),
    /// Writes, one in a durable transaction.
    Write(Write),
    /// Does what is due: so many records for each thousand accounts.
    Tick(usize),
    /// Gives accounts to somebody else.
    Transfer,
}

/// One step, which runs for a side in a process of its own.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub name: &'static str,
    pub work: Work,
}

const fn step(name: &'static str, work: Work) -> Step {
    Step { name, work }
}

/// The step that makes the databases, once for all rounds.
pub const LOAD: Step = step("load", Work::Load);

/// All steps of a round. Those that write come last.
pub const STEPS: &[Step] = &[
    step("overview", Work::Ask(Question::Overview)),
    step("todo", Work::Ask(Question::Todo)),
    step("pipeline", Work::Ask(Question::Pipeline)),
    step("forecast", Work::Ask(Question::Forecast)),
    step("convert", Work::Write(Write::Convert)),
    step("record", Work::Write(Write::Record)),
    step("win", Work::Write(Write::Win)),
    step("tick few", Work::Tick(1)),
    step("tick many", Work::Tick(10)),
    step("transfer", Work::Transfer),
];

/// Least of how much better reads are, and writes.
const READ: Target = Target::Ratio(3.0);
const WRITE: Target = Target::Ratio(0.8);
/// Most microseconds of an account at one look.
const LOOK: Target = Target::AtMost(1_000.0);
/// Most of what a due record costs where ten times as many are due.
const PROPORTIONAL: Target = Target::Factor(1.2);

/// A figure before it is measured: name, step, measure, target.
const ROWS: &[(&str, &str, &str, Target)] = &[
    ("overview", "overview", BEST, READ),
    ("overview.wall", "overview", WALL, LOOK),
    ("todo", "todo", BEST, READ),
    ("pipeline.manager", "pipeline", BEST, READ),
    ("forecast.manager", "forecast", BEST, READ),
    ("lead.convert", "convert", BEST, WRITE),
    ("lead.convert.wall", "convert", WALL, WRITE),
    ("activity.record", "record", BEST, WRITE),
    ("activity.record.wall", "record", WALL, WRITE),
    ("opportunity.win", "win", BEST, WRITE),
    ("opportunity.win.wall", "win", WALL, WRITE),
    ("tick.each", "tick many", BEST, WRITE),
    ("tick.each.wall", "tick many", WALL, WRITE),
    ("transfer.each", "transfer", BEST, WRITE),
    ("transfer.each.wall", "transfer", WALL, WRITE),
];

/// All figures: against SQLCipher, and a due record of many beside one of few.
pub fn figures() -> Vec<Declared> {
    let source = |step, measure, side| Source { step, measure, side };
    let against = ROWS.iter().map(|(name, step, measure, target)| {
        let [ours, theirs] = [Side::Ours, Side::Theirs].map(|side| source(step, measure, side));
        Declared::micros(name, ours, theirs, *target)
    });
    let (many, few) = (source("tick many", BEST, Side::Ours), source("tick few", BEST, Side::Ours));
    against.chain([Declared::micros("tick.growth", many, few, PROPORTIONAL)]).collect()
}
