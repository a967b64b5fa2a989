//! The group of storage: loading, commits, reads, opening, sizes and memory.

mod figures;
mod phases;
mod sealing;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::harness::{Child, Outcome, Reply, Samples, Side, print};
use figures::{Cache, FIGURES, STEPS, Step};
use phases::Phase;
pub use phases::{PhaseArguments, phase};

/// What a host gives a database by default here, on both sides.
const USUAL_CACHE: u64 = 64 << 20;

/// How the group is run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Accounts in the database; contacts and opportunities are half as many each.
    #[arg(long, default_value_t = 100_000)]
    accounts: usize,
    /// How often each phase of each side is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only steps whose name begins so, besides those that they need.
    #[arg(long, default_value = "")]
    only: String,
    /// Prints one JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
    /// Where the databases lie while they are measured; the system's temporary folder unless said.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// Runs the group and prints its figures.
pub fn run(arguments: &Arguments) -> Outcome<()> {
    let folder = match &arguments.folder {
        Some(folder) => TempDir::new_in(folder)?,
        None => TempDir::new()?,
    };
    let mut bench = Bench { folder, accounts: arguments.accounts.max(100), samples: Samples::default() };
    for round in 0..arguments.rounds.max(1) {
        for step in STEPS.iter().filter(|step| step.needed || step.name.starts_with(&arguments.only)) {
            for side in Side::in_round(round) {
                eprintln!("round {}: {} {}", round + 1, step.name, side.name());
                bench.run(step, side)?;
            }
        }
    }
    let of = |figure| figures::figure(figure, &bench.samples, bench.accounts);
    print(&FIGURES.iter().filter_map(of).collect::<Vec<_>>(), arguments.json);
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
