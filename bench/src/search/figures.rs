//! What is measured in a round, in its order, and which figures follow from it.

use crate::harness::{BEST, Better, Declared, Side, Source, Target};
use crate::search::store::{Asker, Question};

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Makes a database with everybody in it, and stores its records.
    Load,
    /// Makes all records findable.
    Index,
    /// Asks a question.
    Ask(Question, Asker),
    /// Types names letter by letter.
    Complete,
    /// Opens the database and finds something.
    Open,
    /// Writes records, and looks for them.
    Written,
}

/// One step, which runs for a side in a process of its own.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Name of the step.
    pub name: &'static str,
    /// What is done.
    pub work: Work,
    /// Whether Guanxi alone does it.
    pub ours_alone: bool,
}

impl Step {
    /// Whether it makes the database.
    pub fn loads(&self) -> bool {
        matches!(self.work, Work::Load | Work::Index)
    }
}

const fn step(name: &'static str, work: Work) -> Step {
    Step { name, work, ours_alone: false }
}

const fn ask(name: &'static str, question: Question) -> Step {
    step(name, Work::Ask(question, Asker::Manager))
}

const fn alone(name: &'static str, question: Question, asker: Asker) -> Step {
    Step { ours_alone: true, ..step(name, Work::Ask(question, asker)) }
}

/// The steps that make the databases, once for all rounds.
pub const LOADS: &[Step] = &[step("load", Work::Load), step("index", Work::Index)];

/// All steps of a round. The one that writes comes last.
pub const STEPS: &[Step] = &[
    ask("rare", Question::Rare),
    ask("common", Question::Common),
    ask("common long", Question::CommonLong),
    ask("two words", Question::TwoWords),
    ask("full name", Question::FullName),
    ask("person", Question::Person),
    ask("phone", Question::Phone),
    ask("email", Question::Email),
    ask("prefix", Question::Prefix),
    alone("initials", Question::Initials, Asker::Manager),
    alone("misspelt", Question::Misspelt, Asker::Manager),
    alone("wrong character", Question::WrongCharacter, Asker::Manager),
    alone("all rare", Question::Rare, Asker::Everybody),
    alone("all initials", Question::Initials, Asker::Everybody),
    alone("all misspelt", Question::Misspelt, Asker::Everybody),
    alone("all wrong character", Question::WrongCharacter, Asker::Everybody),
    step("type ahead", Work::Complete),
    step("open", Work::Open),
    step("written", Work::Written),
];

/// The slowest of a hundred calls.
pub const P99: &str = "p99_us";

/// A figure before it is measured: name; step and measure of ours; step, measure and side beside it; unit; target.
type Row =
    (&'static str, (&'static str, &'static str), (&'static str, &'static str, Side), &'static str, Target);

const fn against(name: &'static str, step: &'static str, target: Target) -> Row {
    (name, (step, BEST), (step, BEST, Side::Theirs), "us", target)
}

const fn own(name: &'static str, step: &'static str, beside: &'static str, target: Target) -> Row {
    (name, (step, BEST), (beside, BEST, Side::Ours), "us", target)
}

const fn built(name: &'static str, measure: &'static str, target: Target) -> Row {
    (name, ("index", "index_us"), ("index", measure, Side::Theirs), "us", target)
}

const fn sized(name: &'static str, measure: &'static str, target: Target) -> Row {
    (name, ("index", "index_mib"), ("index", measure, Side::Theirs), "MiB", target)
}

const fn wrote(
    name: &'static str,
    measure: &'static str,
    beside: &'static str,
    side: Side,
    target: Target,
) -> Row {
    (name, ("written", measure), ("written", beside, side), "us", target)
}

/// All figures, in the order in which they are printed.
const ROWS: &[Row] = &[
    against("find.rare", "rare", Target::Ratio(4.0)),
    against("find.common", "common", Target::Ratio(50.0)),
    against("find.common_long", "common long", Target::None),
    against("find.two_words", "two words", Target::Ratio(30.0)),
    against("find.full_name", "full name", Target::None),
    against("find.person", "person", Target::None),
    against("find.phone", "phone", Target::Ratio(50.0)),
    against("find.email", "email", Target::None),
    against("find.prefix", "prefix", Target::None),
    own("find.initials", "initials", "all initials", Target::AtMost(100.0)),
    own("find.misspelt", "misspelt", "all misspelt", Target::AtMost(500.0)),
    own("find.wrong_character", "wrong character", "all wrong character", Target::AtMost(20_000.0)),
    own("permission.rare", "rare", "all rare", Target::Factor(1.1)),
    against("type_ahead.median", "type ahead", Target::None),
    (
        "type_ahead.p99",
        ("type ahead", P99),
        ("type ahead", P99, Side::Theirs),
        "us",
        Target::AtMost(10_000.0),
    ),
    built("build.cpu", "bigram_us", Target::Factor(1.9)),
    built("build.cpu.trigram", "trigram_us", Target::None),
    sized("size", "bigram_mib", Target::Factor(0.75)),
    sized("size.trigram", "trigram_mib", Target::None),
    ("open", ("open", BEST), ("open", BEST, Side::Theirs), "ms", Target::None),
    ("open.wall", ("open", "wall"), ("open", "wall", Side::Theirs), "ms", Target::None),
    wrote("written.found", "found_us", "found_us", Side::Theirs, Target::None),
    wrote("written.found.wall", "found_wall_us", "found_wall_us", Side::Theirs, Target::None),
    wrote("written.commit", "commit_us", "unsearched_us", Side::Ours, Target::Factor(1.1)),
    wrote("written.tail.write", "tail_write_us", "warm_us", Side::Ours, Target::AtMost(50.0)),
    wrote("written.tail.query", "tail_query_us", "warm_us", Side::Ours, Target::AtMost(20.0)),
    wrote("written.drain", "drain_us", "commit_us", Side::Theirs, Target::None),
    ("memory.common", ("common", "peak_mib"), ("common", "peak_mib", Side::Theirs), "MiB", Target::None),
    ("memory.index", ("index", "peak_mib"), ("index", "peak_mib", Side::Theirs), "MiB", Target::None),
];

/// All figures.
pub fn figures() -> Vec<Declared> {
    let declared = |(name, ours, theirs, unit, target): &Row| Declared {
        name,
        ours: Source { step: ours.0, measure: ours.1, side: Side::Ours },
        theirs: Source { step: theirs.0, measure: theirs.1, side: theirs.2 },
        unit,
        better: Better::Less,
        target: *target,
    };
    ROWS.iter().map(declared).collect()
}
