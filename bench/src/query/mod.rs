//! The group of queries: pages within a permission, counts and sums, single records, inserts and new fields.

mod deal;
mod figures;
mod guanxi;
mod kept;
mod phases;
mod sqlcipher;
mod store;

use tempfile::TempDir;

use crate::harness::{Arguments, Child, Outcome, Phase, Reply, Samples, Side, both};
use figures::{LOADS, STEPS, Step, figures};
pub use phases::{PhaseArguments, phase};

/// The fewest deals of which the manager sees more than a page.
const LEAST: usize = 1_000;
/// Deals of the database against which growth is measured.
const SMALL: usize = 10_000;
/// Memory for pages for each deal, which is more than a deal takes with all that follows from it.
const CACHE_OF_A_DEAL: usize = 4 << 10;
/// The least memory for pages.
const LEAST_CACHE: usize = 64 << 20;

/// Runs the group and prints its figures.
pub fn run(arguments: &Arguments) -> Outcome<()> {
    let bench = Bench { folder: arguments.scratch()?, deals: arguments.accounts.max(LEAST) };
    let mut samples = Samples::default();
    let wanted: Vec<&Step> = STEPS.iter().filter(|step| step.name.starts_with(&arguments.only)).collect();
    for load in LOADS.iter().filter(|load| wanted.iter().any(|step| step.small == load.small)) {
        bench.both(load, 0, &mut samples)?;
    }
    for round in 0..arguments.rounds.max(1) {
        wanted.iter().try_for_each(|step| bench.both(step, round, &mut samples))?;
    }
    samples.print(&figures(), bench.deals, arguments.json);
    Ok(())
}

struct Bench {
    folder: TempDir,
    deals: usize,
}

impl Bench {
    /// Runs a step for each side that has its database, and holds what they answered against each other.
    fn both(&self, step: &Step, round: usize, samples: &mut Samples) -> Outcome<()> {
        both((step.name, round), step.small, samples, &|side| self.child(step, side))
    }

    fn child(&self, step: &Step, side: Side) -> Outcome<Reply> {
        let database = if step.small { "small" } else { "main" };
        let folder = self.folder.path().join(format!("{database}-{}", side.name()));
        std::fs::create_dir_all(&folder)?;
        let cache_bytes = (self.deals * CACHE_OF_A_DEAL).max(LEAST_CACHE);
        let deals = if step.small { self.deals.min(SMALL) } else { self.deals };
        let phase = Phase { step: step.name.to_owned(), side, folder, cache_bytes };
        let arguments = PhaseArguments { phase, deals };
        Child::answer(&arguments.to_strings())
    }
}
