//! What is measured in a round, in its order, and which figures follow from it.

use crate::harness::{Better, Declared, Side, Source, Target};
use crate::storage::phases::Phase;

/// How much memory for pages a step gives each side.
#[derive(Debug, Clone, Copy)]
pub enum Cache {
    /// 64 MiB.
    Usual,
    /// A tenth of the data.
    Tenth,
    /// More than the data.
    Ample,
}

/// One phase that is measured for each side in every round.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Name of the step.
    pub name: &'static str,
    /// What is done.
    pub phase: Phase,
    /// The database of the step, which its first load makes.
    pub database: &'static str,
    /// Whether others need it.
    pub needed: bool,
    /// Whether the database goes after it.
    pub last: bool,
    /// Whether the process before it was killed amid its work.
    pub crashed: bool,
    /// Memory for pages.
    pub cache: Cache,
    /// Rows of one commit.
    pub batch: usize,
    /// Threads that commit.
    pub threads: usize,
    /// Whether commits are relaxed.
    pub relaxed: bool,
}

const STEP: Step = Step {
    name: "",
    phase: Phase::Load,
    database: "main",
    needed: false,
    last: false,
    crashed: false,
    cache: Cache::Usual,
    batch: 10_000,
    threads: 1,
    relaxed: false,
};

const SEALING: Step = Step { database: "sealing", ..STEP };

/// All steps of a round.
pub const STEPS: &[Step] = &[
    Step { name: "load 1000", batch: 1_000, database: "small-batches", last: true, ..STEP },
    Step { name: "load 10000", needed: true, ..STEP },
    Step { name: "size", phase: Phase::Size, ..STEP },
    Step { name: "open", phase: Phase::Open, ..STEP },
    Step { name: "read ample", phase: Phase::Read, cache: Cache::Ample, ..STEP },
    Step { name: "read tenth", phase: Phase::Read, cache: Cache::Tenth, ..STEP },
    Step { name: "read cold", phase: Phase::ReadCold, ..STEP },
    Step { name: "commit 1", phase: Phase::Commit, ..STEP },
    Step { name: "commit 4", phase: Phase::Commit, threads: 4, ..STEP },
    Step { name: "commit 8", phase: Phase::Commit, threads: 8, ..STEP },
    Step { name: "commit relaxed", phase: Phase::Commit, relaxed: true, ..STEP },
    Step { name: "open after crash", phase: Phase::OpenOnce, crashed: true, ..STEP },
    Step { name: "backup", phase: Phase::Backup, ..STEP },
    Step { name: "compact", phase: Phase::Compact, last: true, ..STEP },
    Step { name: "sealing load", phase: Phase::SealingLoad, batch: 1_000, ..SEALING },
    Step { name: "sealing read", phase: Phase::SealingRead, cache: Cache::Ample, ..SEALING },
    Step { name: "sealing commit", phase: Phase::SealingCommit, last: true, ..SEALING },
];

/// A figure before it is measured: name, step, measure of both sides, unit, which is better, target.
type Row = (&'static str, &'static str, &'static str, &'static str, Better, Target);

/// All figures, in the order in which they are printed.
pub const FIGURES: &[Row] = &[
    ("load.10000.cpu", "load 10000", "cpu_us", "us/row", Better::Less, Target::Ratio(2.5)),
    ("load.10000.rows", "load 10000", "per_second", "rows/s", Better::More, Target::None),
    ("load.1000.cpu", "load 1000", "cpu_us", "us/row", Better::Less, Target::Ratio(1.5)),
    ("load.1000.rows", "load 1000", "per_second", "rows/s", Better::More, Target::None),
    ("commit.threads_1", "commit 1", "per_second", "commits/s", Better::More, Target::Ratio(0.95)),
    ("commit.threads_4", "commit 4", "per_second", "commits/s", Better::More, Target::None),
    ("commit.threads_8", "commit 8", "per_second", "commits/s", Better::More, Target::Ratio(4.0)),
    ("commit.threads_1.cpu", "commit 1", "cpu_us", "us", Better::Less, Target::None),
    ("commit.threads_8.cpu", "commit 8", "cpu_us", "us", Better::Less, Target::None),
    ("commit.threads_1.flushes", "commit 1", "flushes", "each", Better::Less, Target::None),
    ("commit.threads_8.flushes", "commit 8", "flushes", "each", Better::Less, Target::None),
    ("commit.relaxed", "commit relaxed", "per_second", "commits/s", Better::More, Target::Ratio(1.0)),
    ("read.hot", "read ample", "read_us", "us", Better::Less, Target::Ratio(1.2)),
    ("read.small_cache", "read tenth", "read_us", "us", Better::Less, Target::Ratio(2.0)),
    ("read.cold", "read cold", "cpu_us", "us", Better::Less, Target::Ratio(0.9)),
    ("read.cold.wall", "read cold", "wall_us", "us", Better::Less, Target::None),
    ("page.by_name.hot", "read ample", "name_page_us", "us", Better::Less, Target::None),
    ("page.by_name.small_cache", "read tenth", "name_page_us", "us", Better::Less, Target::Ratio(1.5)),
    ("page.by_owner.hot", "read ample", "owner_page_us", "us", Better::Less, Target::None),
    ("page.by_owner.small_cache", "read tenth", "owner_page_us", "us", Better::Less, Target::Ratio(1.5)),
    ("open.raw_key", "open", "open_ms", "ms", Better::Less, Target::AtMost(20.0)),
    ("open.after_crash", "open after crash", "open_ms", "ms", Better::Less, Target::AtMost(20.0)),
    ("size.loaded", "size", "mib", "MiB", Better::Less, Target::Factor(1.3)),
    ("size.loaded.without_history", "size", "without_history_mib", "MiB", Better::Less, Target::None),
    ("size.compacted", "compact", "mib", "MiB", Better::Less, Target::Factor(1.15)),
    ("size.backup", "backup", "mib", "MiB", Better::Less, Target::Factor(1.05)),
    ("sealing.load", "sealing load", "cpu_us", "us/row", Better::Less, Target::Factor(1.15)),
    ("sealing.read.hot", "sealing read", "cpu_us", "us", Better::Less, Target::Factor(1.05)),
    ("sealing.commit", "sealing commit", "cpu_us", "us", Better::Less, Target::Factor(1.25)),
    ("memory.load", "load 10000", "peak_mib", "MiB", Better::Less, Target::None),
    ("memory.commit", "commit 1", "peak_mib", "MiB", Better::Less, Target::None),
    ("memory.read.hot", "read ample", "peak_mib", "MiB", Better::Less, Target::None),
    ("memory.read.small_cache", "read tenth", "peak_mib", "MiB", Better::Less, Target::None),
    ("memory.open", "open", "peak_mib", "MiB", Better::Less, Target::None),
];

/// A figure of the table.
pub fn declared(row: &Row) -> Declared {
    let (name, step, measure, unit, better, target) = *row;
    let of = |side| Source { step, measure, side };
    Declared { name, ours: of(Side::Ours), theirs: of(Side::Theirs), unit, better, target }
}
