//! The phases, each of which runs for one side in a process of its own and prints what it measured.

use std::hint::black_box;
use std::time::Duration;

use crate::harness::{BEST, Clock, Outcome, Phase, Reply, SAME, Side, Spent, agreed, digest, measured};
use crate::search::figures::{LOADS, P99, STEPS, Step, Work};
use crate::search::guanxi::Guanxi;
use crate::search::party::{Party, party};
use crate::search::sqlcipher::SqlCipher;
use crate::search::store::{Asker, Form, Question, Store};
use crate::search::typed;

/// Hits of one page, and names that complete what was typed.
pub const HITS: usize = 20;
pub const COMPLETED: usize = 10;
/// Texts of a question whose counts are compared, and texts that are asked in turn.
const COMPARED: usize = 32;
const TEXTS: usize = 512;
/// Names that are typed letter by letter.
const TYPED: usize = 200;
/// Records of one commit of an import.
const IMPORTED: usize = 10_000;
/// Records that are written singly, each followed by a search; that wait; and that are drained to the index.
const WRITES: usize = 300;
const WAITING: usize = 500;
const DRAINED: usize = 10_000;
/// Records from which on times are measured that mean something.
const MEANINGFUL: usize = 5_000;

/// A phase and its circumstances.
#[derive(Debug, Clone, clap::Args)]
pub struct PhaseArguments {
    /// What it has in common with those of other groups.
    #[command(flatten)]
    pub phase: Phase,
    /// Records that are loaded.
    #[arg(long)]
    pub records: usize,
}

impl PhaseArguments {
    /// The arguments as the command line takes them.
    pub fn to_strings(&self) -> Vec<String> {
        self.phase.to_strings("search", [("records", self.records)])
    }

    fn least(&self) -> Duration {
        Duration::from_millis(if self.records < MEANINGFUL { 2 } else { 50 })
    }
}

/// Runs a phase and prints its measures.
pub fn phase(arguments: &PhaseArguments) -> Outcome<()> {
    let mut steps = LOADS.iter().chain(STEPS);
    let step = steps.find(|step| step.name == arguments.phase.step).ok_or("a step that nobody knows")?;
    match arguments.phase.side {
        Side::Ours => run::<Guanxi>(step, arguments),
        Side::Theirs => run::<SqlCipher>(step, arguments),
    }
}

fn run<S: Store>(step: &Step, arguments: &PhaseArguments) -> Outcome<()> {
    if step.work == Work::Load {
        S::create(&arguments.phase.folder)?;
    }
    let clock = Clock::start();
    let mut store = S::open(&arguments.phase.folder, arguments.phase.cache_bytes, step.loads())?;
    let reply = match step.work {
        Work::Load => load(&mut store, arguments.records)?,
        Work::Index => index(&mut store, arguments.records)?,
        Work::Ask(question, asker) => ask(&mut store, question, asker, arguments)?,
        Work::Complete => complete(&mut store, arguments.records)?,
        Work::Open => first(&mut store, clock)?,
        Work::Written => written(&mut store)?,
    };
    reply.print();
    Ok(())
}

fn load<S: Store>(store: &mut S, records: usize) -> Outcome<Reply> {
    for start in (0..records).step_by(IMPORTED) {
        store.insert(start, &parties(start, records.min(start + IMPORTED)))?;
    }
    store.settle()?;
    Ok(Reply::default().with(SAME, store.records()? as f64))
}

fn parties(first: usize, end: usize) -> Vec<Party> {
    (first..end).map(party).collect()
}

fn index<S: Store>(store: &mut S, records: usize) -> Outcome<Reply> {
    let mut reply = Reply::default();
    for (name, built) in store.index(records)? {
        reply = reply.with(&format!("{name}_us"), built.micros_each);
        reply = reply.with(&format!("{name}_mib"), built.bytes as f64 / f64::from(1 << 20));
    }
    store.settle()?;
    Ok(reply)
}

fn ask<S: Store>(
    store: &mut S,
    question: Question,
    asker: Asker,
    arguments: &PhaseArguments,
) -> Outcome<Reply> {
    let texts: Vec<String> = (0..TEXTS).map(|turn| typed::text(question, turn, arguments.records)).collect();
    let text = |turn: usize| texts.get(turn % TEXTS).map(String::as_str).unwrap_or_default();
    let forms = store.forms(question);
    let mut said: Vec<f64> = Vec::new();
    for form in &forms {
        let turns = (0..COMPARED).map(|turn| store.ask(form, question, asker, text(turn)));
        let answers = turns.collect::<Outcome<Vec<_>>>()?;
        said.push(digest(&answers));
    }
    let same = agreed(&said, question)?;
    let micros = measured(forms.len(), arguments.least(), &mut |form, turn| {
        let form = forms.get(form).ok_or("a form that nobody knows")?;
        black_box(store.ask(form, question, asker, text(turn))?);
        Ok(())
    })?;
    let reply = Reply::of_forms(forms.iter().map(|form| (form.name, true)), micros);
    // The beginning of a word is also found within names here, and of words of notes on the other side.
    Ok(if question == Question::Prefix { reply } else { reply.with(SAME, same) })
}

fn complete<S: Store>(store: &mut S, records: usize) -> Outcome<Reply> {
    let mut micros = Vec::new();
    for turn in 0..TYPED {
        for text in typed::beginnings(turn, records) {
            let clock = Clock::start();
            black_box(store.complete(Asker::Manager, &text)?);
            micros.push(clock.stop().processor_micros_each(1));
        }
    }
    micros.sort_by(f64::total_cmp);
    let at = |part: usize| micros.get(micros.len() * part / 100).copied().unwrap_or(f64::NAN);
    Ok(Reply::default().with(BEST, at(50)).with(P99, at(99)))
}

/// From before the open until something was found.
fn first<S: Store>(store: &mut S, clock: Clock) -> Outcome<Reply> {
    let form = usual(store)?;
    black_box(store.ask(&form, Question::Rare, Asker::Manager, "华盛")?);
    let spent = clock.stop();
    let reply = Reply::default().with(BEST, spent.processor_micros_each(1) / 1_000.0);
    Ok(reply.with("wall", spent.wall_micros_each(1) / 1_000.0))
}

fn usual<S: Store>(store: &S) -> Outcome<Form> {
    Ok(store.forms(Question::Rare).into_iter().next().ok_or("a question without a form")?)
}

/// Writes, and asks for what was written.
fn written<S: Store>(store: &mut S) -> Outcome<Reply> {
    let form = usual(store)?;
    let mut next = store.records()?;
    let found = |store: &mut S, number: usize| -> Outcome<u64> {
        Ok(store.ask(&form, Question::Email, Asker::Everybody, &party(number).email)?.total)
    };
    let mut reply = Reply::default();
    // Before anybody has searched, so that there is no index to keep in step.
    let clock = Clock::start();
    for number in next..next + WRITES {
        store.insert(number, &parties(number, number + 1))?;
    }
    reply = reply.with("unsearched_us", clock.stop().processor_micros_each(WRITES));
    next += WRITES;
    found(store, next - 1)?;
    let warm = |store: &mut S, number: usize| -> Outcome<f64> {
        let clock = Clock::start();
        for _ in 0..WRITES {
            black_box(found(store, number)?);
        }
        Ok(clock.stop().processor_micros_each(WRITES))
    };
    let before = warm(store, next - 1)?;
    let (mut commits, mut searches, mut total) = (Spent::default(), Spent::default(), 0);
    for number in next..next + WRITES {
        let clock = Clock::start();
        store.insert(number, &parties(number, number + 1))?;
        commits += clock.stop();
        let clock = Clock::start();
        total += found(store, number)?;
        searches += clock.stop();
    }
    next += WRITES;
    if total < WRITES as u64 {
        return Err("what was written was not found by the next search".into());
    }
    let found_us = searches.processor_micros_each(WRITES);
    reply = reply.with("commit_us", commits.processor_micros_each(WRITES)).with("found_us", found_us);
    reply = reply.with("found_wall_us", searches.wall_micros_each(WRITES));
    reply = reply.with("tail_write_us", (found_us - before).max(0.0));
    store.insert(next, &parties(next, next + WAITING))?;
    next += WAITING;
    found(store, next - 1)?;
    let waiting = warm(store, next - WAITING - 2 * WRITES - 1)?;
    reply = reply.with("tail_query_us", (waiting - before).max(0.0)).with("warm_us", before);
    store.insert(next, &parties(next, next + DRAINED))?;
    let clock = Clock::start();
    found(store, next + DRAINED - 1)?;
    Ok(reply.with("drain_us", clock.stop().processor_micros_each(DRAINED)))
}
