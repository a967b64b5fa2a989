//! The group of search: what people type into one box, the index that answers it, and what it costs to keep it.

mod figures;
mod guanxi;
mod party;
mod phases;
mod sqlcipher;
mod store;
mod typed;

use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::{Arguments as GroupArguments, Child, Outcome, Phase, Reply, Samples, Side, both, once};
use figures::{LOADS, STEPS, Step, figures};
pub use phases::{PhaseArguments, phase};

/// The fewest records of which the team has some for each question.
const LEAST: usize = 1_000;
/// Memory for pages for each record, which is more than one takes with all that follows from it.
const CACHE_OF_A_RECORD: usize = 3 << 10;
/// The least memory for pages.
const LEAST_CACHE: usize = 64 << 20;

/// How the group is run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What it has in common with the others; accounts are companies and people here, three of five companies.
    #[command(flatten)]
    pub group: GroupArguments,
    /// Where the databases stay; those that were loaded there before, with the same size, are used again. A round has
    /// left its writes in them.
    #[arg(long)]
    pub database: Option<PathBuf>,
}

/// Runs the group and prints its figures.
pub fn run(arguments: &Arguments) -> Outcome<()> {
    let (folder, scratch) = arguments.group.room(arguments.database.as_deref())?;
    let bench = Bench { folder, _scratch: scratch, records: arguments.group.accounts.max(LEAST) };
    let mut samples = Samples::default();
    bench.load(&mut samples)?;
    let only = &arguments.group.only;
    for round in 0..arguments.group.rounds.max(1) {
        let mut wanted = STEPS.iter().filter(|step| step.name.starts_with(only));
        wanted.try_for_each(|step| bench.step(step, round, &mut samples))?;
    }
    samples.print(&figures(), bench.records, arguments.group.json);
    Ok(())
}

struct Bench {
    folder: PathBuf,
    /// Removes the folder at the end, where nobody said where it is.
    _scratch: Option<TempDir>,
    records: usize,
}

impl Bench {
    /// Makes the databases, or finds them as they were made before.
    fn load(&self, samples: &mut Samples) -> Outcome<()> {
        once(&self.folder, &self.records.to_string(), || {
            LOADS.iter().try_for_each(|step| self.step(step, 0, samples))
        })
    }

    fn step(&self, step: &Step, round: usize, samples: &mut Samples) -> Outcome<()> {
        both((step.name, round), step.ours_alone, samples, &|side| self.child(step, side))
    }

    fn child(&self, step: &Step, side: Side) -> Outcome<Reply> {
        let folder = self.folder.join(side.name());
        std::fs::create_dir_all(&folder)?;
        let cache_bytes = (self.records * CACHE_OF_A_RECORD).max(LEAST_CACHE);
        let phase = Phase { step: step.name.to_owned(), side, folder, cache_bytes };
        let arguments = PhaseArguments { phase, records: self.records };
        Child::answer(&arguments.to_strings())
    }
}
