//! What is measured in a round, in its order, and which figures follow from it.

use crate::harness::{BEST, Declared, Side, Source, Target};
use crate::query::store::Question;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Makes a database and stores its deals.
    Load,
    /// Asks a question.
    Ask(Question),
    /// Asks a question each time after a deal of the team has come in, which is not measured.
    AskAnew(Question),
    /// Stores new deals, so many in a commit, and commits so often.
    Insert { each: usize, commits: usize },
    /// Adds fields.
    AddFields,
}

/// One step, which runs for a side in a process of its own.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Name of the step.
    pub name: &'static str,
    /// What is done.
    pub work: Work,
    /// Whether it is done with the small database, which Guanxi alone has.
    pub small: bool,
}

const fn step(name: &'static str, work: Work) -> Step {
    Step { name, work, small: false }
}

/// The steps that make the databases, once for all rounds.
pub const LOADS: &[Step] =
    &[step("load", Work::Load), Step { small: true, ..step("load small", Work::Load) }];

/// All steps of a round. Those that write come last; the next round has a few rows more, on both sides.
pub const STEPS: &[Step] = &[
    step("newest", Work::Ask(Question::Newest)),
    Step { small: true, ..step("newest small", Work::Ask(Question::Newest)) },
    step("deep", Work::Ask(Question::Deep)),
    step("columns", Work::Ask(Question::Columns)),
    step("filtered", Work::Ask(Question::Filtered)),
    step("count", Work::Ask(Question::Count)),
    step("sums", Work::Ask(Question::Sums)),
    step("record", Work::Ask(Question::Record)),
    step("newest anew", Work::AskAnew(Question::Newest)),
    step("count anew", Work::AskAnew(Question::Count)),
    step("insert 1000", Work::Insert { each: 1_000, commits: 10 }),
    step("insert single", Work::Insert { each: 1, commits: 500 }),
    step("field", Work::AddFields),
    Step { small: true, ..step("field small", Work::AddFields) },
];

/// The measure of a question in the form that comes to mind first.
pub const NAIVE: &str = "naive_us";

/// A figure before it is measured: name, step, measure of theirs, target.
type Row = (&'static str, &'static str, &'static str, Target);

/// What is held against SQLCipher, in the order in which it is printed.
const ROWS: &[Row] = &[
    ("page.newest", "newest", BEST, Target::Ratio(5.0)),
    ("page.newest.naive", "newest", NAIVE, Target::None),
    ("page.newest.anew", "newest anew", BEST, Target::None),
    ("page.deep", "deep", BEST, Target::Ratio(2.0)),
    ("page.deep.naive", "deep", NAIVE, Target::None),
    ("page.columns", "columns", BEST, Target::None),
    ("page.filtered", "filtered", BEST, Target::None),
    ("count.stage", "count", BEST, Target::Ratio(1.0)),
    ("count.stage.naive", "count", NAIVE, Target::Ratio(50.0)),
    ("count.stage.anew", "count anew", BEST, Target::None),
    ("sum.by_stage", "sums", BEST, Target::Ratio(1.0)),
    ("sum.by_stage.naive", "sums", NAIVE, Target::Ratio(50.0)),
    ("record.read", "record", BEST, Target::None),
    ("insert.1000", "insert 1000", BEST, Target::Ratio(0.8)),
    ("insert.single", "insert single", BEST, Target::Ratio(0.8)),
    ("field.add", "field", BEST, Target::None),
];

/// All figures: against SQLCipher, and then of Guanxi against itself.
pub fn figures() -> Vec<Declared> {
    let ours = |step, measure| Source { step, measure, side: Side::Ours };
    let against = |(name, step, measure, target): &Row| {
        let theirs = Source { side: Side::Theirs, ..ours(step, measure) };
        Declared::micros(name, ours(*step, BEST), theirs, *target)
    };
    let custom = (ours("filtered", "custom_us"), ours("filtered", "built_in_us"));
    let growth = (ours("newest", BEST), ours("newest small", BEST));
    let field = (ours("field", BEST), ours("field small", BEST));
    let own = [
        Declared::micros("custom.filtered", custom.0, custom.1, Target::Factor(1.05)),
        Declared::micros("page.growth", growth.0, growth.1, Target::Factor(1.5)),
        Declared::micros("field.growth", field.0, field.1, Target::None),
    ];
    ROWS.iter().map(against).chain(own).collect()
}
