//! What is measured in a round, in its order, and which figures follow from it.

use crate::access::store::{Asker, Question};
use crate::access::world::Role;
use crate::harness::{BEST, Declared, Side, Source, Target, WALL};

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Makes a database with everybody in it, and stores its leads.
    Load,
    /// Shares leads.
    Share,
    /// Asks a question.
    Ask(Question, Asker),
    /// Asks a question each time after a lead has come in, which is not measured.
    AskAnew(Question, Asker),
    /// Works out whose records people of a role reach, each for the first time.
    Compile(Role),
    /// Changes the organisation, and asks.
    Reorganise,
    /// Stores leads, one in a durable commit.
    Write,
    /// Verifies the chain of the audit.
    Verify,
    /// Reads the audit.
    Entries,
    /// Reads leads, which is entered in the audit.
    Watched,
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

const fn step(name: &'static str, work: Work) -> Step {
    Step { name, work, ours_alone: false }
}

const fn ask(name: &'static str, question: Question, role: Role) -> Step {
    step(name, Work::Ask(question, Asker::Of(role)))
}

const fn before(name: &'static str, asker: Asker) -> Step {
    Step { ours_alone: true, ..step(name, Work::Ask(Question::Page, asker)) }
}

/// The steps that make the databases, once for all rounds, with pages that are asked for while nothing is shared.
pub const LOADS: &[Step] = &[
    step("load", Work::Load),
    before("before salesperson", Asker::Of(Role::Salesperson)),
    before("before manager", Asker::Of(Role::Manager)),
    before("before division", Asker::Of(Role::DivisionHead)),
    before("before director", Asker::Of(Role::Director)),
    before("before unshared", Asker::Unshared),
    step("share", Work::Share),
];

/// All steps of a round. Those that write come last.
pub const STEPS: &[Step] = &[
    step("compile salesperson", Work::Compile(Role::Salesperson)),
    step("compile manager", Work::Compile(Role::Manager)),
    step("compile division", Work::Compile(Role::DivisionHead)),
    step("compile director", Work::Compile(Role::Director)),
    ask("page salesperson", Question::Page, Role::Salesperson),
    ask("page manager", Question::Page, Role::Manager),
    ask("page division", Question::Page, Role::DivisionHead),
    ask("page director", Question::Page, Role::Director),
    step("page unshared", Work::Ask(Question::Page, Asker::Unshared)),
    ask("count salesperson", Question::Count, Role::Salesperson),
    ask("count manager", Question::Count, Role::Manager),
    ask("count division", Question::Count, Role::DivisionHead),
    ask("count director", Question::Count, Role::Director),
    ask("search salesperson", Question::Search, Role::Salesperson),
    ask("search manager", Question::Search, Role::Manager),
    ask("search division", Question::Search, Role::DivisionHead),
    ask("search director", Question::Search, Role::Director),
    ask("explain salesperson", Question::Explain, Role::Salesperson),
    ask("explain manager", Question::Explain, Role::Manager),
    ask("explain division", Question::Explain, Role::DivisionHead),
    step("verify", Work::Verify),
    step("entries", Work::Entries),
    step("page director anew", Work::AskAnew(Question::Page, Asker::Of(Role::Director))),
    step("count director anew", Work::AskAnew(Question::Count, Asker::Of(Role::Director))),
    step("write", Work::Write),
    step("watched", Work::Watched),
    step("organisation", Work::Reorganise),
];

/// The measure of the form that reads what triggers have kept.
pub const KEPT: &str = "kept_us";
/// The measures of a bare store, by the processor and by the clock.
pub const BARE: &str = "bare_us";
pub const BARE_WALL: &str = "bare_wall_us";

/// Least of how much better a page and a count are.
const PAGE: Target = Target::Ratio(10.0);
const COUNT: Target = Target::Ratio(50.0);
/// Most microseconds of compiling a permit.
const PERMIT: Target = Target::AtMost(5_000.0);
/// Most of what shares add to a page.
const SHARES: Target = Target::Factor(1.2);

/// A figure before it is measured: name, step, measure of theirs, target.
type Row = (&'static str, &'static str, &'static str, Target);

/// What is held against SQLCipher, in the order in which it is printed.
const ROWS: &[Row] = &[
    ("permit.salesperson", "compile salesperson", BEST, PERMIT),
    ("permit.manager", "compile manager", BEST, PERMIT),
    ("permit.division_head", "compile division", BEST, PERMIT),
    ("permit.director", "compile director", BEST, PERMIT),
    ("page.salesperson", "page salesperson", BEST, PAGE),
    ("page.manager", "page manager", BEST, PAGE),
    ("page.division_head", "page division", BEST, PAGE),
    ("page.director", "page director", BEST, PAGE),
    ("page.director.anew", "page director anew", BEST, Target::None),
    ("count.salesperson", "count salesperson", BEST, COUNT),
    ("count.salesperson.kept", "count salesperson", KEPT, Target::None),
    ("count.manager", "count manager", BEST, COUNT),
    ("count.manager.kept", "count manager", KEPT, Target::None),
    ("count.division_head", "count division", BEST, COUNT),
    ("count.division_head.kept", "count division", KEPT, Target::None),
    ("count.director", "count director", BEST, COUNT),
    ("count.director.kept", "count director", KEPT, Target::None),
    ("count.director.anew", "count director anew", BEST, Target::None),
    ("search.salesperson", "search salesperson", BEST, Target::None),
    ("search.manager", "search manager", BEST, Target::None),
    ("search.division_head", "search division", BEST, Target::None),
    ("search.director", "search director", BEST, Target::None),
    ("explain.salesperson", "explain salesperson", BEST, Target::None),
    ("explain.manager", "explain manager", BEST, Target::None),
    ("explain.division_head", "explain division", BEST, Target::None),
    ("organisation.change", "organisation", BEST, Target::None),
    ("chain.verify", "verify", BEST, Target::Ratio(5.0)),
    ("chain.verify.wall", "verify", WALL, Target::Ratio(5.0)),
    ("entries.read", "entries", BEST, Target::None),
    ("read.audited", "watched", BEST, Target::None),
    ("write.audited", "write", BEST, Target::None),
    ("write.audited.wall", "write", WALL, Target::None),
];

/// What Guanxi is held against itself by: name; step and measure of ours; step and measure beside it; target.
type Own = (&'static str, (&'static str, &'static str), (&'static str, &'static str), Target);

/// Pages with shares beside those without, and an audited write beside a commit of the bare store.
const OWN: &[Own] = &[
    ("shares.of_others", ("page unshared", BEST), ("before unshared", BEST), SHARES),
    ("shares.salesperson", ("page salesperson", BEST), ("before salesperson", BEST), Target::None),
    ("shares.manager", ("page manager", BEST), ("before manager", BEST), Target::None),
    ("shares.division_head", ("page division", BEST), ("before division", BEST), Target::None),
    ("shares.director", ("page director", BEST), ("before director", BEST), SHARES),
    ("write.bare", ("write", BEST), ("write", BARE), Target::Factor(1.3)),
    ("write.bare.wall", ("write", WALL), ("write", BARE_WALL), Target::Factor(1.3)),
];

/// All figures: against SQLCipher, and then of Guanxi against itself.
pub fn figures() -> Vec<Declared> {
    let source = |step, measure, side| Source { step, measure, side };
    let against = ROWS.iter().map(|(name, step, measure, target)| {
        let own = if *measure == WALL { WALL } else { BEST };
        let theirs = source(*step, *measure, Side::Theirs);
        Declared::micros(name, source(*step, own, Side::Ours), theirs, *target)
    });
    let own = OWN.iter().map(|(name, ours, beside, target)| {
        let beside = source(beside.0, beside.1, Side::Ours);
        Declared::micros(name, source(ours.0, ours.1, Side::Ours), beside, *target)
    });
    against.chain(own).collect()
}
