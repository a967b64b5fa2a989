//! What a side does for the group: it takes a world in, and answers to people of different roles.

use std::path::Path;

use crate::access::world::{Lead, Role, World};
use crate::harness::{Outcome, Spent};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// Somebody of a role, with whom leads are shared, too.
    Of(Role),
    /// A salesperson with whom nothing is shared.
    Unshared,
}

impl Asker {
    /// The number of the user.
    pub fn user(self, world: World) -> usize {
        match self {
            Self::Of(role) => world.asking(role),
            Self::Unshared => world.unshared(),
        }
    }

    /// The role.
    pub fn role(self) -> Role {
        match self {
            Self::Of(role) => role,
            Self::Unshared => Role::Salesperson,
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The newest leads, whole.
    Page,
    /// How many leads there are.
    Count,
    /// The best hits for a part of a name, and how many there are.
    Search,
    /// Why somebody of the role may read a lead.
    Explain,
}

/// One way to ask a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What its measure is called, before the unit.
    pub name: &'static str,
    /// Whether it reads what triggers have kept, and is measured beside the others.
    pub kept: bool,
    /// How it is asked: a statement, or nothing where the side has one way.
    pub statement: String,
}

/// What a side answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Rows of a list.
    Rows(Vec<Lead>),
    /// A count.
    Count(u64),
    /// How many hits there are in all, and how many the page has.
    Hits(u64, usize),
    /// By how many grants and by how many shares somebody may.
    Paths(usize, usize),
}

/// One side: a database of the world.
pub trait Store: Sized {
    /// Makes a database in a folder, with everybody of the world and no leads.
    fn create(folder: &Path, world: World) -> Outcome<()>;

    /// Opens it, with so much memory for pages. What is loaded need not be durable at once.
    fn open(folder: &Path, world: World, cache_bytes: usize, loading: bool) -> Outcome<Self>;

    /// Stores leads in one transaction, the first of which has a number.
    fn insert(&mut self, first: usize, leads: &[(usize, Lead)]) -> Outcome<()>;

    /// Shares the leads that are shared with some users, in one transaction, and says how many these are.
    fn share(&mut self, users: std::ops::Range<usize>) -> Outcome<usize>;

    /// Does what is done after a large import.
    fn settle(&mut self) -> Outcome<()>;

    /// How many leads there are.
    fn leads(&mut self) -> Outcome<usize>;

    /// The ways to ask a question on behalf of somebody.
    fn forms(&self, question: Question, asker: Asker) -> Outcome<Vec<Form>>;

    /// Asks. A turn chooses among what is sought, and among leads that are explained.
    fn ask(&mut self, question: Question, asker: Asker, form: &Form, turn: usize) -> Outcome<Answer>;

    /// Works out for people of a role, each for the first time, whose records they reach; gives the time for all.
    fn compile(&mut self, people: &[usize]) -> Outcome<Spent>;

    /// Gives a salesperson another superior, or the first one again, and asks on behalf of that one. A turn chooses
    /// both.
    fn reorganise(&mut self, turn: usize, back: bool) -> Outcome<()>;

    /// Verifies the chain of all entries, and says how many there are.
    fn verify(&mut self) -> Outcome<usize>;

    /// Reads so many entries of the audit, a thousand at a time from the oldest on, and says how many those were.
    fn entries(&mut self, most: usize) -> Outcome<usize>;

    /// From now on, or no longer, who reads leads is entered in the audit.
    fn watch_reads(&mut self, watched: bool) -> Outcome<()>;

    /// Reads a lead by its number on behalf of the director; entries of reads may become durable a little later.
    fn read_watched(&mut self, lead: usize) -> Outcome<()>;

    /// Makes the entries of reads durable.
    fn flush_reads(&mut self) -> Outcome<()>;
}
