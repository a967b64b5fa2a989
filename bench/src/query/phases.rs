//! The phases, each of which runs for one side in a process of its own and prints what it measured.

use std::hint::black_box;
use std::time::Duration;

use crate::crm::PAGE_ROWS;
use crate::harness::{BEST, Clock, Outcome, Phase, Reply, SAME, Side, Spent, agreed, digest, measured};
use crate::query::deal::{OWNERS, TEAM, deals};
use crate::query::figures::{LOADS, STEPS, Step, Work};
use crate::query::guanxi::Guanxi;
use crate::query::sqlcipher::SqlCipher;
use crate::query::store::{Answer, Form, Question, Store};

/// The page that is deep in the list, if the list is so long.
const DEEP_PAGE: usize = 1_000;
/// Calls whose answers are compared: by form within a side, and then between the sides.
const COMPARED: usize = 16;
/// Rows of one commit of an import.
const IMPORTED: usize = 10_000;
/// Fields that a step adds.
const ADDED: usize = 20;
/// Deals from which on times are measured that mean something.
const MEANINGFUL: usize = 5_000;
/// Deals that come in between two questions of the same kind.
const RENEWED: usize = 300;

/// A phase and its circumstances.
#[derive(Debug, Clone, clap::Args)]
pub struct PhaseArguments {
    /// What it has in common with those of other groups.
    #[command(flatten)]
    pub phase: Phase,
    /// Deals that are loaded.
    #[arg(long)]
    pub deals: usize,
}

impl PhaseArguments {
    /// The arguments as the command line takes them.
    pub fn to_strings(&self) -> Vec<String> {
        self.phase.to_strings("query", [("deals", self.deals)])
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
    let mut store = S::open(&arguments.phase.folder, arguments.phase.cache_bytes)?;
    let reply = match step.work {
        Work::Load => load(&mut store, arguments.deals)?,
        Work::Ask(question) => ask(&mut store, question)?,
        Work::AskAnew(question) => ask_anew(&mut store, question)?,
        Work::Insert { each, commits } => insert(&mut store, each, commits)?,
        Work::AddFields => add_fields(&mut store)?,
    };
    reply.print();
    Ok(())
}

fn load<S: Store>(store: &mut S, count: usize) -> Outcome<Reply> {
    for start in (0..count).step_by(IMPORTED) {
        store.insert(&deals(start..count.min(start + IMPORTED)))?;
    }
    store.settle()?;
    Ok(Reply::default().with(SAME, store.deals()? as f64))
}

fn insert<S: Store>(store: &mut S, each: usize, commits: usize) -> Outcome<Reply> {
    let first = store.deals()?;
    let mut spent = Spent::default();
    for start in (first..first + each * commits).step_by(each) {
        let rows = deals(start..start + each);
        let clock = Clock::start();
        store.insert(&rows)?;
        spent += clock.stop();
    }
    // The counters and the rollups must have followed.
    let followed = digest(&(said(store, Question::Sums)?.to_bits(), store.customers()?));
    Ok(Reply::default().with(BEST, spent.processor_micros_each(each * commits)).with(SAME, followed))
}

fn add_fields<S: Store>(store: &mut S) -> Outcome<Reply> {
    // A round must not name fields as the round before did.
    let names = (0..ADDED).map(|number| format!("added_{}_{number}", std::process::id()));
    let names: Vec<String> = names.collect();
    let clock = Clock::start();
    names.iter().try_for_each(|name| store.add_field(name))?;
    let spent = clock.stop();
    // Records that stood before are read as they were.
    let counted = store.deals()? as f64;
    Ok(Reply::default().with(BEST, spent.processor_micros_each(ADDED)).with(SAME, counted))
}

fn ask<S: Store>(store: &mut S, question: Question) -> Outcome<Reply> {
    let deals = store.deals()?;
    let seen = deals / OWNERS * TEAM;
    let page = DEEP_PAGE.min(seen / PAGE_ROWS).max(2);
    store.walk((page - 1) * PAGE_ROWS)?;
    let same = said(store, question)?;
    let least = Duration::from_millis(if deals < MEANINGFUL { 2 } else { 100 });
    let forms = store.forms(question);
    let micros = measured(forms.len(), least, &mut |form, turn| {
        let form = forms.get(form).ok_or("a form that nobody knows")?;
        black_box(store.ask(question, form, turn)?);
        Ok(())
    })?;
    Ok(reply_of(&forms, micros).with(SAME, same))
}

/// What each form took, and the fastest of those that are not naive.
fn reply_of(forms: &[Form], micros: impl IntoIterator<Item = f64>) -> Reply {
    Reply::of_forms(forms.iter().map(|form| (form.name, !form.naive)), micros)
}

fn ask_anew<S: Store>(store: &mut S, question: Question) -> Outcome<Reply> {
    let forms = store.forms(question);
    let first = store.deals()?;
    let mut spent = vec![Spent::default(); forms.len()];
    for turn in 0..RENEWED {
        // The first of the owners is of the team.
        let number = (first + turn + 1) * OWNERS;
        store.insert(&deals(number..number + 1))?;
        for (form, spent) in forms.iter().zip(&mut spent) {
            let clock = Clock::start();
            black_box(store.ask(question, form, turn)?);
            *spent += clock.stop();
        }
    }
    let micros = spent.iter().map(|spent| spent.processor_micros_each(RENEWED));
    Ok(reply_of(&forms, micros).with(SAME, said(store, question)?))
}

/// What a side answers, over several turns. Its forms must agree.
fn said<S: Store>(store: &mut S, question: Question) -> Outcome<f64> {
    let mut all: Vec<f64> = Vec::new();
    for form in store.forms(question) {
        let turns = (0..COMPARED).map(|turn| {
            let answer = store.ask(question, &form, turn)?;
            digest_of(store, answer)
        });
        let turns: Vec<u64> = turns.map(|turn| turn.map(f64::to_bits)).collect::<Outcome<_>>()?;
        all.push(digest(&turns));
    }
    agreed(&all, question)
}

fn digest_of<S: Store>(store: &S, answer: Answer<S::Row>) -> Outcome<f64> {
    Ok(match answer {
        Answer::Rows(rows) => digest(&rows.iter().map(|row| store.deal(row)).collect::<Outcome<Vec<_>>>()?),
        Answer::Summaries(rows) => digest(&rows),
        Answer::Count(count) => digest(&count),
        Answer::Groups(mut groups) => {
            groups.sort();
            digest(&groups)
        }
    })
}
