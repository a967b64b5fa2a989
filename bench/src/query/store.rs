//! What a side does for the group: it takes deals in, and answers questions about them in one or several forms.

use std::path::Path;

use crate::harness::Outcome;
use crate::query::deal::{Deal, Summary};

/// What a manager asks about the deals of the team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The newest deals.
    Newest,
    /// The same deep in the list, by cursor.
    Deep,
    /// The newest deals with the columns that a screen shows.
    Columns,
    /// The deals of a city with the most seats.
    Filtered,
    /// How many deals are in a stage.
    Count,
    /// How many deals there are in each stage, and what they are worth.
    Sums,
    /// One deal.
    Record,
}

/// One way to ask a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What its measure is called, before the unit.
    pub name: &'static str,
    /// Whether it is what comes to mind first, and is measured beside the others.
    pub naive: bool,
    /// How it is asked: a statement, or nothing where the side has one way.
    pub statement: String,
}

/// One group of deals.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    /// Code of the stage.
    pub stage: String,
    /// How many deals.
    pub deals: u64,
    /// What they are worth, in whole yuan.
    pub amount: i64,
}

/// What a side answers, in its own rows.
#[derive(Debug)]
pub enum Answer<R> {
    /// Rows of a list, or one.
    Rows(Vec<R>),
    /// Rows of a list on a screen.
    Summaries(Vec<Summary>),
    /// A count.
    Count(u64),
    /// Groups, in no promised order.
    Groups(Vec<Group>),
}

/// One side: a database of deals.
pub trait Store: Sized {
    /// A deal as the side reads it, with all its values taken out of their encoding.
    type Row;

    /// Makes a database in a folder, with the people and the two fields that a customer adds.
    fn create(folder: &Path) -> Outcome<()>;

    /// Opens it, with so much memory for pages.
    fn open(folder: &Path, cache_bytes: usize) -> Outcome<Self>;

    /// Stores deals with the numbers of their owners, in one transaction.
    fn insert(&mut self, deals: &[(usize, Deal)]) -> Outcome<()>;

    /// Does what is done after a large import.
    fn settle(&mut self) -> Outcome<()>;

    /// How many deals there are.
    fn deals(&mut self) -> Outcome<usize>;

    /// For each customer how many deals there are, and what they are worth in whole yuan.
    fn customers(&mut self) -> Outcome<Vec<(i64, i64)>>;

    /// Adds a text field.
    fn add_field(&mut self, name: &str) -> Outcome<()>;

    /// Walks the manager's list from the newest deal to a depth, so that [`Question::Deep`] goes on from there
    /// and [`Question::Record`] asks for what was walked over.
    fn walk(&mut self, depth: usize) -> Outcome<()>;

    /// The ways to ask a question.
    fn forms(&self, question: Question) -> Vec<Form>;

    /// Asks. A turn chooses among stages, cities and records.
    fn ask(&mut self, question: Question, form: &Form, turn: usize) -> Outcome<Answer<Self::Row>>;

    /// A row as a host holds it.
    fn deal(&self, row: &Self::Row) -> Outcome<Deal>;
}
