//! The phases, each of which runs for one side in a process of its own and prints what it measured.

use std::hint::black_box;
use std::time::Duration;

use crate::access::bare;
use crate::access::figures::{BARE, BARE_WALL, LOADS, STEPS, Step, Work};
use crate::access::guanxi::Guanxi;
use crate::access::sqlcipher::SqlCipher;
use crate::access::store::{Asker, Form, Question, Store};
use crate::access::world::{Role, World};
use crate::harness::{BEST, Clock, Outcome, Phase, Reply, SAME, Side, Spent, agreed, digest, measured};

/// Hits of one page.
pub const HITS: usize = 20;
/// Calls whose answers are compared: by form within a side, and then between the sides.
const COMPARED: usize = 16;
/// Leads of one commit of an import.
const IMPORTED: usize = 10_000;
/// Shares of one commit, about.
const SHARED: usize = 5_000;
/// People whose permits are compiled.
const COMPILED: usize = 100;
/// Durable commits, entries that are read back, reads that are entered, and changes of the organisation.
const WRITES: usize = 1_000;
const ENTRIES: usize = 100_000;
const READS: usize = 10_000;
const MOVES: usize = 10;
/// Leads that come in between two questions of the same kind.
const RENEWED: usize = 300;
/// Leads from which on times are measured that mean something.
const MEANINGFUL: usize = 5_000;

/// A phase and its circumstances.
#[derive(Debug, Clone, clap::Args)]
pub struct PhaseArguments {
    /// What it has in common with those of other groups.
    #[command(flatten)]
    pub phase: Phase,
    /// Users of the world.
    #[arg(long)]
    pub users: usize,
    /// Its units.
    #[arg(long)]
    pub units: usize,
    /// Its leads.
    #[arg(long)]
    pub leads: usize,
    /// Its shares.
    #[arg(long)]
    pub shares: usize,
}

impl PhaseArguments {
    /// The arguments as the command line takes them.
    pub fn to_strings(&self) -> Vec<String> {
        self.phase.to_strings(
            "access",
            [("users", self.users), ("units", self.units), ("leads", self.leads), ("shares", self.shares)],
        )
    }

    fn world(&self) -> World {
        World { users: self.users, units: self.units, leads: self.leads, shares: self.shares }
    }
}

/// Runs a phase and prints its measures.
pub fn phase(arguments: &PhaseArguments) -> Outcome<()> {
    let mut steps = LOADS.iter().chain(STEPS);
    let step = steps.find(|step| step.name == arguments.phase.step).ok_or("a step that nobody knows")?;
    let reply = match arguments.phase.side {
        Side::Ours => run::<Guanxi>(step, arguments)?,
        Side::Theirs => run::<SqlCipher>(step, arguments)?,
    };
    let is_ours = arguments.phase.side == Side::Ours;
    let reply = if step.work == Work::Write && is_ours { write_bare(reply, arguments)? } else { reply };
    reply.print();
    Ok(())
}

fn run<S: Store>(step: &Step, arguments: &PhaseArguments) -> Outcome<Reply> {
    let world = arguments.world();
    if step.work == Work::Load {
        S::create(&arguments.phase.folder, world)?;
    }
    let loading = matches!(step.work, Work::Load | Work::Share);
    let mut store = S::open(&arguments.phase.folder, world, arguments.phase.cache_bytes, loading)?;
    match step.work {
        Work::Load => load(&mut store, world),
        Work::Share => share(&mut store, world),
        Work::Ask(question, asker) => ask(&mut store, question, asker, world),
        Work::AskAnew(question, asker) => ask_anew(&mut store, question, asker, world),
        Work::Compile(role) => compile(&mut store, role, world),
        Work::Reorganise => reorganise(&mut store),
        Work::Write => write(&mut store, world),
        Work::Verify => verify(&mut store),
        Work::Entries => entries(&mut store),
        Work::Watched => watched(&mut store, world),
    }
}

fn load<S: Store>(store: &mut S, world: World) -> Outcome<Reply> {
    let clock = Clock::start();
    for start in (0..world.leads).step_by(IMPORTED) {
        store.insert(start, &world.leads(start..world.leads.min(start + IMPORTED)))?;
    }
    let spent = clock.stop();
    store.settle()?;
    eprintln!(
        "a lead took {:.1} us, {:.1} of the processor",
        spent.wall_micros_each(world.leads),
        spent.processor_micros_each(world.leads)
    );
    Ok(Reply::default().with(SAME, store.leads()? as f64))
}

fn share<S: Store>(store: &mut S, world: World) -> Outcome<Reply> {
    let users = (SHARED * world.users / world.shares.max(1)).max(1);
    let (clock, mut shares) = (Clock::start(), 0);
    for first in (0..world.users).step_by(users) {
        shares += store.share(first..world.users.min(first + users))?;
    }
    let spent = clock.stop();
    store.settle()?;
    eprintln!(
        "a share took {:.1} us, {:.1} of the processor",
        spent.wall_micros_each(shares),
        spent.processor_micros_each(shares)
    );
    Ok(Reply::default().with(SAME, shares as f64))
}

fn ask<S: Store>(store: &mut S, question: Question, asker: Asker, world: World) -> Outcome<Reply> {
    let forms = store.forms(question, asker)?;
    let mut said: Vec<f64> = Vec::new();
    for form in &forms {
        let turns = (0..COMPARED).map(|turn| store.ask(question, asker, form, turn));
        said.push(digest(&turns.collect::<Outcome<Vec<_>>>()?));
    }
    let same = agreed(&said, (question, asker))?;
    let least = Duration::from_millis(if world.leads < MEANINGFUL { 2 } else { 100 });
    let micros = measured(forms.len(), least, &mut |form, turn| {
        let form = forms.get(form).ok_or("a form that nobody knows")?;
        black_box(store.ask(question, asker, form, turn)?);
        Ok(())
    })?;
    let reply = Reply::of_forms(forms.iter().map(|form| (form.name, !form.kept)), micros);
    Ok(reply.with(SAME, same))
}

fn ask_anew<S: Store>(store: &mut S, question: Question, asker: Asker, world: World) -> Outcome<Reply> {
    let forms: Vec<Form> = store.forms(question, asker)?.into_iter().filter(|form| !form.kept).collect();
    // Behind all that were written before, of which each stands here twice: those of the partition are not counted.
    let first = world.leads + 2 * store.leads()?;
    let rows = world.leads(first..first + RENEWED);
    let mut spent = vec![Spent::default(); forms.len()];
    for ((turn, number), row) in (first..).enumerate().zip(rows) {
        store.insert(number, &[row])?;
        for (form, spent) in forms.iter().zip(&mut spent) {
            let clock = Clock::start();
            black_box(store.ask(question, asker, form, turn)?);
            *spent += clock.stop();
        }
    }
    let answers = forms.iter().map(|form| store.ask(question, asker, form, 0));
    let same = digest(&answers.take(1).collect::<Outcome<Vec<_>>>()?);
    let micros = spent.iter().map(|spent| spent.processor_micros_each(RENEWED));
    Ok(Reply::default().with(BEST, micros.fold(f64::INFINITY, f64::min)).with(SAME, same))
}

fn compile<S: Store>(store: &mut S, role: Role, world: World) -> Outcome<Reply> {
    let people = world.others(role, COMPILED);
    let spent = store.compile(&people)?;
    Ok(Reply::default().with(BEST, spent.processor_micros_each(people.len())))
}

fn reorganise<S: Store>(store: &mut S) -> Outcome<Reply> {
    let clock = Clock::start();
    // There, and back, so that everything is as before.
    for back in [false, true] {
        (0..MOVES).try_for_each(|turn| store.reorganise(turn, back))?;
    }
    Ok(Reply::default().with(BEST, clock.stop().processor_micros_each(2 * MOVES)))
}

fn write<S: Store>(store: &mut S, world: World) -> Outcome<Reply> {
    // Behind all that were written before, of which each stands here twice: those of the partition are not counted.
    let first = world.leads + 2 * store.leads()?;
    let rows = world.leads(first..first + WRITES);
    let clock = Clock::start();
    for (number, row) in (first..).zip(rows) {
        store.insert(number, &[row])?;
    }
    let spent = clock.stop();
    Ok(Reply::of_spent(spent, WRITES).with(SAME, store.leads()? as f64))
}

/// Commits as many bytes to a store by itself.
fn write_bare(reply: Reply, arguments: &PhaseArguments) -> Outcome<Reply> {
    let spent = bare::write(&arguments.phase.folder, arguments.phase.cache_bytes, WRITES)?;
    let reply = reply.with(BARE, spent.processor_micros_each(WRITES));
    Ok(reply.with(BARE_WALL, spent.wall_micros_each(WRITES)))
}

fn verify<S: Store>(store: &mut S) -> Outcome<Reply> {
    store.verify()?;
    let clock = Clock::start();
    let entries = store.verify()?;
    Ok(Reply::of_spent(clock.stop(), entries))
}

fn entries<S: Store>(store: &mut S) -> Outcome<Reply> {
    store.entries(ENTRIES)?;
    let clock = Clock::start();
    let entries = store.entries(ENTRIES)?;
    Ok(Reply::default().with(BEST, clock.stop().processor_micros_each(entries)))
}

fn watched<S: Store>(store: &mut S, world: World) -> Outcome<Reply> {
    store.watch_reads(true)?;
    let parted = world.first_parted();
    let leads: Vec<usize> = (0..).map(|turn| turn * 7_919 % world.leads.max(1)).take(READS).collect();
    let leads: Vec<usize> = leads.into_iter().filter(|lead| world.owner(*lead) < parted).collect();
    let clock = Clock::start();
    leads.iter().try_for_each(|lead| store.read_watched(*lead))?;
    store.flush_reads()?;
    let spent = clock.stop();
    store.watch_reads(false)?;
    Ok(Reply::default().with(BEST, spent.processor_micros_each(leads.len())))
}
