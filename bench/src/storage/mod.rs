//! The group of storage: loading, commits, reads, opening, sizes and memory.

mod figures;
mod phases;
mod sealing;

use std::path::Path;

use tempfile::TempDir;

use crate::harness::{Arguments, Child, Outcome, Reply, Samples, Side};
use figures::{Cache, FIGURES, STEPS, Step};
use phases::Phase;
pub use phases::{PhaseArguments, phase};

/// What a host gives a database by default here, on both sides.
const USUAL_CACHE: u64 = 64 << 20;

/// Runs the group and prints its figures.
pub fn run(arguments: &Arguments) -> Outcome<()> {
    let folder = arguments.scratch()?;
    let mut bench = Bench { folder, accounts: arguments.accounts.max(100), samples: Samples::default() };
    for round in 0..arguments.rounds.max(1) {
        for step in STEPS.iter().filter(|step| step.needed || step.name.starts_with(&arguments.only)) {
            for side in Side::in_round(round) {
                eprintln!("round {}: {} {}", round + 1, step.name, side.name());
                bench.run(step, side)?;
            }
        }
    }
    let figures: Vec<_> = FIGURES.iter().map(figures::declared).collect();
    bench.samples.print(&figures, bench.accounts, arguments.json);
    Ok(())
}

struct Bench {
    folder: TempDir,
    accounts: usize,
    samples: Samples,
}

impl Bench {
    fn run(&mut self, step: &Step, side: Side) -> Outcome<()> {
        let folder = self.folder.path().join(format!("{}-{}", step.database, side.name()));
        if matches!(step.phase, Phase::Load | Phase::SealingLoad) {
            if folder.exists() {
                std::fs::remove_dir_all(&folder)?;
            }
            std::fs::create_dir(&folder)?;
        }
        if step.phase == Phase::Load {
            self.child(Phase::Create, step, side, &folder)?.finish()?;
        }
        if step.crashed {
            let mut child = self.child(Phase::CommitAndWait, step, side, &folder)?;
            child.reply()?;
            child.kill()?;
        }
        let mut child = self.child(step.phase, step, side, &folder)?;
        let reply = child.reply()?;
        child.finish()?;
        self.keep(step, side, &reply);
        if step.last {
            std::fs::remove_dir_all(&folder)?;
        }
        Ok(())
    }

    fn keep(&mut self, step: &Step, side: Side, reply: &Reply) {
        self.samples.keep(step.name, side, reply);
    }

    fn child(&self, phase: Phase, step: &Step, side: Side, folder: &Path) -> Outcome<Child> {
        let arguments = PhaseArguments {
            phase,
            side,
            folder: folder.to_owned(),
            accounts: self.accounts,
            cache_bytes: self.cache_bytes(step.cache),
            batch: step.batch,
            threads: step.threads,
            relaxed: step.relaxed,
        };
        Child::start(&arguments.to_strings())
    }

    /// The size of the data is SQLCipher's file, which is the smaller one, and the same for both sides.
    fn cache_bytes(&self, cache: Cache) -> u64 {
        let size = std::fs::metadata(self.folder.path().join("main-theirs/bench.sqlite/data.db"));
        let size = size.map_or(0, |known| known.len());
        match cache {
            Cache::Usual => USUAL_CACHE,
            Cache::Tenth => (size / 10).max(1 << 20),
            Cache::Ample => (size * 4).max(USUAL_CACHE),
        }
    }
}
