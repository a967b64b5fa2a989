//! The phases, each of which runs for one side in a process of its own and prints what it measured.

use std::hint::black_box;
use std::time::Duration;

use crate::harness::{BEST, Clock, Outcome, Phase, Reply, SAME, Side, WALL, digest, measured, median};
use crate::trade::figures::{LOAD, STEPS, Step, Work};
use crate::trade::guanxi::Guanxi;
use crate::trade::sqlcipher::SqlCipher;
use crate::trade::store::{Question, Store, Write, world};

/// Answers that are held against those of the other side.
const COMPARED: usize = 40;
/// Writes of a step.
const WRITES: usize = 300;
/// Accounts that are handed over, unless the world has too few.
const TRANSFERRED: usize = 5_000;
/// Accounts from which on times are measured that mean something.
const MEANINGFUL: usize = 5_000;

/// A phase and its circumstances.
#[derive(Debug, Clone, clap::Args)]
pub struct PhaseArguments {
    /// What it has in common with those of other groups.
    #[command(flatten)]
    pub phase: Phase,
    /// Accounts of the world.
    #[arg(long)]
    pub accounts: usize,
}

impl PhaseArguments {
    /// The arguments as the command line takes them.
    pub fn to_strings(&self) -> Vec<String> {
        self.phase.to_strings("trade", [("accounts", self.accounts)])
    }
}

/// Runs a phase and prints its measures.
pub fn phase(arguments: &PhaseArguments) -> Outcome<()> {
    let mut steps = STEPS.iter().chain([&LOAD]);
    let step = steps.find(|step| step.name == arguments.phase.step).ok_or("a step that nobody knows")?;
    match arguments.phase.side {
        Side::Ours => run::<Guanxi>(step, arguments),
        Side::Theirs => run::<SqlCipher>(step, arguments),
    }
}

fn run<S: Store>(step: &Step, arguments: &PhaseArguments) -> Outcome<()> {
    let world = world(arguments.accounts)?;
    if step.work == Work::Load {
        let clock = Clock::start();
        S::create(&arguments.phase.folder, &world)?;
        eprintln!("the world took {:.1} s", clock.stop().wall.as_secs_f64());
    }
    let mut store = S::open(&arguments.phase.folder, &world, arguments.phase.cache_bytes)?;
    let reply = match step.work {
        Work::Load => {
            store.settle()?;
            Reply::default().with(SAME, digest(&store.counts()?))
        }
        Work::Ask(question) => ask(&mut store, question, arguments.accounts)?,
        Work::Write(work) => write(&mut store, work)?,
        Work::Tick(of_thousand) => tick(&mut store, (arguments.accounts * of_thousand / 1_000).max(10))?,
        Work::Transfer => transfer(&mut store, TRANSFERRED.min(arguments.accounts / 10))?,
    };
    reply.print();
    Ok(())
}

fn ask<S: Store>(store: &mut S, question: Question, accounts: usize) -> Outcome<Reply> {
    let answers: Vec<_> = (0..COMPARED).map(|turn| store.ask(question, turn)).collect::<Outcome<_>>()?;
    let least = Duration::from_millis(if accounts < MEANINGFUL { 2 } else { 100 });
    let micros = measured(1, least, &mut |_, turn| {
        black_box(store.ask(question, turn)?);
        Ok(())
    })?;
    let mut walls: Vec<f64> = Vec::new();
    for turn in 0..if accounts < MEANINGFUL { 10 } else { 500 } {
        let clock = Clock::start();
        black_box(store.ask(question, turn)?);
        walls.push(clock.stop().wall_micros_each(1));
    }
    let best = micros.into_iter().fold(f64::INFINITY, f64::min);
    Ok(Reply::default().with(BEST, best).with(WALL, median(walls)).with(SAME, digest(&answers)))
}

fn write<S: Store>(store: &mut S, work: Write) -> Outcome<Reply> {
    store.prepare(work, WRITES)?;
    let clock = Clock::start();
    for turn in 0..WRITES {
        store.write(work, turn)?;
    }
    Ok(Reply::of_spent(clock.stop(), WRITES).with(SAME, digest(&store.counts()?)))
}

fn tick<S: Store>(store: &mut S, count: usize) -> Outcome<Reply> {
    store.plan(count)?;
    let clock = Clock::start();
    let done = store.tick()?;
    Ok(Reply::of_spent(clock.stop(), done).with(SAME, done as f64))
}

fn transfer<S: Store>(store: &mut S, count: usize) -> Outcome<Reply> {
    let clock = Clock::start();
    let moved = store.transfer(count)?;
    Ok(Reply::of_spent(clock.stop(), moved).with(SAME, moved as f64))
}
