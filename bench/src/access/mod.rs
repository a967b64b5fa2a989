//! The group of access: permits, pages, counts and search of people of different roles, shares, explanations, and the
//! audit that is chained.

mod bare;
mod figures;
mod forms;
mod guanxi;
mod phases;
mod sqlcipher;
mod store;
mod world;

use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::{
    Arguments as GroupArguments, BEST, Child, Outcome, Phase, Reply, Samples, Side, both, once,
};
use figures::{LOADS, STEPS, Step, figures};
pub use phases::{PhaseArguments, phase};

/// The fewest units of which some are two below the topmost.
const LEAST_UNITS: usize = 20;
/// Memory for pages for each lead and each share, which is more than they take with all that follows from them.
const CACHE_OF_A_LEAD: usize = 4 << 10;
const CACHE_OF_A_SHARE: usize = 2 << 10;
/// The least memory for pages.
const LEAST_CACHE: usize = 64 << 20;

/// How the group is run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What it has in common with the others; accounts are leads here.
    #[command(flatten)]
    pub group: GroupArguments,
    /// Users, each of whom owns as many leads.
    #[arg(long, default_value_t = 1_000)]
    pub users: usize,
    /// Units of the organisation, each with as many users.
    #[arg(long, default_value_t = 100)]
    pub units: usize,
    /// Leads that are shared singly, each with one user.
    #[arg(long, default_value_t = 100_000)]
    pub shares: usize,
    /// Where the databases stay; those that were loaded there before, with the same sizes, are used again. A round
    /// has left its writes in them.
    #[arg(long)]
    pub database: Option<PathBuf>,
}

/// Runs the group and prints its figures.
pub fn run(arguments: &Arguments) -> Outcome<()> {
    let bench = Bench::new(arguments)?;
    let mut samples = Samples::default();
    let wanted: Vec<&Step> =
        STEPS.iter().filter(|step| step.name.starts_with(&arguments.group.only)).collect();
    bench.load(&mut samples)?;
    for round in 0..arguments.group.rounds.max(1) {
        for step in &wanted {
            bench.both(step, round, &mut samples)?;
        }
    }
    samples.print(&figures(), bench.phase.leads, arguments.group.json);
    Ok(())
}

struct Bench {
    folder: PathBuf,
    /// Removes the folder at the end, where nobody said where it is.
    _scratch: Option<TempDir>,
    phase: PhaseArguments,
}

impl Bench {
    fn new(arguments: &Arguments) -> Outcome<Self> {
        let (folder, scratch) = arguments.group.room(arguments.database.as_deref())?;
        let units = arguments.units.max(LEAST_UNITS);
        let users = arguments.users.max(units * 2).div_ceil(units) * units;
        let (leads, shares) = (arguments.group.accounts.max(users), arguments.shares);
        let cache_bytes = (leads * CACHE_OF_A_LEAD + shares * CACHE_OF_A_SHARE).max(LEAST_CACHE);
        // Of the sizes alone, until a step is begun.
        let phase = Phase { step: String::new(), side: Side::Ours, folder: PathBuf::new(), cache_bytes };
        let phase = PhaseArguments { phase, users, units, leads, shares };
        Ok(Self { folder, _scratch: scratch, phase })
    }

    /// Makes the databases, or finds them as they were made before.
    fn load(&self, samples: &mut Samples) -> Outcome<()> {
        let before = self.folder.join("before.json");
        once(&self.folder, &self.phase.to_strings().join(" "), || {
            let mut made = Samples::default();
            LOADS.iter().try_for_each(|step| self.both(step, 0, &mut made))?;
            let measured = LOADS.iter().filter(|step| step.ours_alone);
            let measured =
                measured.filter_map(|step| Some((step.name, made.median(step.name, BEST, Side::Ours)?)));
            Ok(std::fs::write(&before, serde_json::to_string(&measured.collect::<Vec<_>>())?)?)
        })?;
        let kept: Vec<(String, f64)> = serde_json::from_str(&std::fs::read_to_string(before)?)?;
        for (step, micros) in kept {
            samples.keep(&step, Side::Ours, &Reply::default().with(BEST, micros));
        }
        Ok(())
    }

    /// Runs a step for each side, and holds what they answered against each other.
    fn both(&self, step: &Step, round: usize, samples: &mut Samples) -> Outcome<()> {
        both((step.name, round), step.ours_alone, samples, &|side| self.child(step, side))
    }

    fn child(&self, step: &Step, side: Side) -> Outcome<Reply> {
        let folder = self.folder.join(side.name());
        std::fs::create_dir_all(&folder)?;
        let phase = Phase { step: step.name.to_owned(), side, folder, ..self.phase.phase.clone() };
        let arguments = PhaseArguments { phase, ..self.phase.clone() };
        Child::answer(&arguments.to_strings())
    }
}
