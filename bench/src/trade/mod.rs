//! The group of the trade: verbs and views of salespeople and managers, on the demo world.

mod figures;
mod guanxi;
mod phases;
mod sqlcipher;
mod store;

use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::{Arguments as GroupArguments, Child, Outcome, Phase, Reply, Samples, Side, both, once};
use figures::{LOAD, STEPS, Step, figures};
pub use phases::{PhaseArguments, phase};

/// The fewest accounts of which every question finds some.
const LEAST: usize = 500;
/// Memory for pages for each account, which is more than it takes with all that was done with it.
const CACHE_OF_AN_ACCOUNT: usize = 32 << 10;
/// The least memory for pages, and the most.
const LEAST_CACHE: usize = 64 << 20;
const MOST_CACHE: usize = 2 << 30;

/// How the group is run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What it has in common with the others.
    #[command(flatten)]
    pub group: GroupArguments,
    /// Where the databases stay; those that were made there before, with as many accounts, are used again. A round has
    /// left its writes in them.
    #[arg(long)]
    pub database: Option<PathBuf>,
}

/// Runs the group and prints its figures.
pub fn run(arguments: &Arguments) -> Outcome<()> {
    let (folder, scratch) = arguments.group.room(arguments.database.as_deref())?;
    let bench = Bench { folder, _scratch: scratch, accounts: arguments.group.accounts.max(LEAST) };
    let mut samples = Samples::default();
    bench.load(&mut samples)?;
    for round in 0..arguments.group.rounds.max(1) {
        for step in STEPS.iter().filter(|step| step.name.starts_with(&arguments.group.only)) {
            bench.both(step, round, &mut samples)?;
        }
    }
    samples.print(&figures(), bench.accounts, arguments.group.json);
    Ok(())
}

struct Bench {
    folder: PathBuf,
    /// Removes the folder at the end, where nobody said where it is.
    _scratch: Option<TempDir>,
    accounts: usize,
}

impl Bench {
    /// Makes the databases, or finds them as they were made before.
    fn load(&self, samples: &mut Samples) -> Outcome<()> {
        // Theirs is filled from ours, which is made first.
        once(&self.folder, &self.accounts.to_string(), || self.both(&LOAD, 0, samples))
    }

    fn both(&self, step: &Step, round: usize, samples: &mut Samples) -> Outcome<()> {
        both((step.name, round), false, samples, &|side| self.child(step, side))
    }

    fn child(&self, step: &Step, side: Side) -> Outcome<Reply> {
        let folder = self.folder.join(side.name());
        std::fs::create_dir_all(&folder)?;
        let cache_bytes = (self.accounts * CACHE_OF_AN_ACCOUNT).clamp(LEAST_CACHE, MOST_CACHE);
        let phase = Phase { step: step.name.to_owned(), side, folder, cache_bytes };
        Child::answer(&PhaseArguments { phase, accounts: self.accounts }.to_strings())
    }
}
