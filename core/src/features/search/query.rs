//! What people type, taken apart: words that must all match, each by script.
//!
//! There is no query grammar on purpose: every text is a query, none is a syntax error.

use super::analysis::{Address, Word, parts_addresses, telephone_digits};
use super::folding::{Class, Letter, fold, folded, runs, spell};
use crate::base::{Code, Error, Result};

/// Longest query, in characters.
pub const MAX_QUERY_CHARACTERS: usize = 256;

/// A question to the index: every word of the text must match somewhere in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What was typed.
    pub(super) text: String,
    /// Numbers of the entities to look in; all where it is empty.
    pub(super) kinds: Vec<u32>,
}

impl Query {
    /// Looks for a text in every entity.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), kinds: Vec::new() }
    }

    /// Looks in records of these entities only.
    #[must_use]
    pub fn within(mut self, kinds: &[u32]) -> Self {
        self.kinds.extend_from_slice(kinds);
        self
    }

    /// Whether records of an entity are asked for.
    pub(super) fn asks_for(&self, kind: u32) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

/// One thing that must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Clause {
    /// A run of characters without spaces, folded.
    Ideographs(String),
    /// A word; the last one of a query may be unfinished.
    Word {
        /// The word.
        word: Word,
        /// Whether more letters may follow.
        unfinished: bool,
    },
    /// A piece of an e-mail address with its @.
    Address(Address),
    /// A whole query that looks like a telephone number.
    Telephone {
        /// Its digits together.
        digits: String,
        /// The same query word by word.
        apart: Vec<Clause>,
    },
}

/// Takes a query apart.
///
/// # Errors
/// [`Code::InvalidArgument`] for an empty text, [`Code::LimitExceeded`] above 256 characters,
/// [`Code::NothingMatches`] where no letter, digit or ideograph is left to look up.
pub(super) fn parse(text: &str) -> Result<Vec<Clause>> {
    let refused = |code, rule| Error::new(code).field("text").rule(rule);
    if text.trim().is_empty() {
        return Err(refused(Code::InvalidArgument, "not_empty"));
    }
    if text.chars().count() > MAX_QUERY_CHARACTERS {
        return Err(refused(Code::LimitExceeded, "at_most_256_characters"));
    }
    let clauses = clauses(text);
    if clauses.is_empty() {
        return Err(refused(Code::NothingMatches, "has_a_letter_or_digit"));
    }
    Ok(match telephone(text) {
        Some(digits) => vec![Clause::Telephone { digits, apart: clauses }],
        None => clauses,
    })
}

/// The clauses of a text, in its order.
pub(super) fn clauses(text: &str) -> Vec<Clause> {
    let mut clauses = Vec::new();
    for piece in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        let letters = fold(piece);
        if letters.iter().any(|letter| letter.character == '@') {
            clauses.extend(addresses(&spell(&letters)));
            continue;
        }
        words(&letters, &mut clauses);
    }
    if let Some(Clause::Word { unfinished, .. }) = clauses.last_mut() {
        *unfinished = !text.ends_with(char::is_whitespace);
    }
    clauses
}

fn addresses(text: &str) -> Vec<Clause> {
    text.split(parts_addresses)
        .map(Address::of)
        .filter(|address| !address.parts.is_empty())
        .map(Clause::Address)
        .collect()
}

fn words(letters: &[Letter], clauses: &mut Vec<Clause>) {
    clauses.extend(runs(letters).filter_map(|(class, run)| match class {
        Class::Ideograph => Some(Clause::Ideographs(spell(run))),
        Class::Word => Some(Clause::Word { word: Word::of(run), unfinished: false }),
        Class::Gap => None,
    }));
}

/// The digits of a query that consists of nothing but a telephone number in its usual spellings, at
/// least four of them and not written in one run, which an ordinary word covers.
pub(super) fn telephone(text: &str) -> Option<String> {
    let text = folded(text);
    let marks = |character: char| " -()+.\u{2010}\u{2011}\u{2012}\u{2013}".contains(character);
    let shaped = text.chars().all(|character| character.is_ascii_digit() || marks(character));
    let digits = telephone_digits(text.trim());
    (shaped && digits.len() >= 4 && digits != text).then_some(digits)
}
