//! What a side does for the group: it takes records in, makes them findable, and answers what is typed.

use std::path::Path;

use crate::harness::Outcome;
use crate::search::party::Party;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// A manager, who sees a fifth of all records.
    Manager,
    /// Somebody who sees all of them.
    Everybody,
}

/// What is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The mark of a company, two or three characters.
    Rare,
    /// Two characters that very many names have.
    Common,
    /// Four of them.
    CommonLong,
    /// A trade and a mark.
    TwoWords,
    /// The whole name of a company.
    FullName,
    /// The name of a Chinese person.
    Person,
    /// Five digits from within a number.
    Phone,
    /// The first part of a domain.
    Email,
    /// The beginning of a Latin name.
    Prefix,
    /// First letters of the reading of a person's name.
    Initials,
    /// A Latin name with one letter wrong.
    Misspelt,
    /// The whole name of a company with one character wrong.
    WrongCharacter,
}

/// One way to ask a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What its measure is called, before the unit: the table, where the side has several.
    pub name: &'static str,
}

/// What a side answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Answer {
    /// How many records there are in all.
    pub total: u64,
    /// How many the page has.
    pub shown: usize,
}

/// What an index takes.
#[derive(Debug, Clone, Copy)]
pub struct Built {
    /// Bytes of the index, or of the smallest one.
    pub bytes: u64,
    /// Processor time for each record, in microseconds.
    pub micros_each: f64,
}

/// One side: a database of the records.
pub trait Store: Sized {
    /// Makes a database in a folder, with everybody and no records.
    fn create(folder: &Path) -> Outcome<()>;

    /// Opens it, with so much memory for pages. What is loaded need not be durable at once.
    fn open(folder: &Path, cache_bytes: usize, loading: bool) -> Outcome<Self>;

    /// Stores records, the first of which has a number, in one transaction. Those of one call are indexed at once if
    /// there is an index.
    fn insert(&mut self, first: usize, parties: &[Party]) -> Outcome<()>;

    /// How many records there are.
    fn records(&mut self) -> Outcome<usize>;

    /// Makes all records findable, each index of the side by itself, by its name.
    fn index(&mut self, records: usize) -> Outcome<Vec<(&'static str, Built)>>;

    /// Does what is done after a large import.
    fn settle(&mut self) -> Outcome<()>;

    /// The ways to ask a question; none where the side cannot answer it.
    fn forms(&self, question: Question) -> Vec<Form>;

    /// The twenty best records for a text, whole, and how many there are.
    fn ask(&mut self, form: &Form, question: Question, asker: Asker, text: &str) -> Outcome<Answer>;

    /// The ten best names that begin with what was typed.
    fn complete(&mut self, asker: Asker, text: &str) -> Outcome<usize>;
}
