//! From the clauses of a query to a query of tantivy, made only of terms the person may read.
//!
//! Each clause looks its words up in the dictionaries first: which terms exist, in which fields. Only
//! those of readable fields go on, so a hidden field cannot match, whatever the clause.

use std::collections::{BTreeMap, BTreeSet};

use tantivy::query::{
    BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, FuzzyTermQuery, Occur, PhraseQuery,
    Query as IndexQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Result, Searcher, Term};

use super::analysis::{Address, GRAM, Slot, Word, grams};
use super::pinyin::{Cut, JOINT, cuts, pair};
use super::query::Clause;
use super::schema::{Fields, Scope, exact_range, prefix_range};
use super::visibility::ReadableScopes;

/// Fewest letters of a word that may be misspelt.
const SHORTEST_MISSPELT: usize = 4;
/// What a match that is not exact counts, against an exact one of the same slot.
const INEXACT: f32 = 0.5;
/// What the weaker matches of one word add to its best one.
const TIE_BREAKER: f32 = 0.1;

/// A part of a query, or nothing where nothing can match.
type Part = Option<Box<dyn IndexQuery>>;

/// Compiles the clauses of one search.
pub(super) struct Compiler<'a> {
    /// The state of the index.
    pub(super) searcher: &'a Searcher,
    /// Its layout.
    pub(super) fields: &'a Fields,
    /// What may be read.
    pub(super) readable: ReadableScopes<'a>,
    /// Whether words may have one letter wrong.
    pub(super) misspelt: bool,
}

/// What a match counts. Names come first, then words of names, contact data, readings, and prose.
fn weight(slot: Slot) -> f32 {
    match slot {
        Slot::Name => 4.0,
        Slot::Latin => 3.0,
        Slot::Email | Slot::Digits => 2.0,
        Slot::Pinyin => 1.5,
        Slot::Text | Slot::Word | Slot::Initials => 1.0,
    }
}

impl Compiler<'_> {
    /// A query that every clause must match; nothing where one of them cannot.
    pub(super) fn all(&mut self, clauses: &[Clause]) -> Result<Part> {
        let mut parts = Vec::with_capacity(clauses.len());
        for clause in clauses {
            let Some(part) = self.clause(clause)? else { return Ok(None) };
            parts.push(part);
        }
        Ok(every(parts))
    }

    fn clause(&mut self, clause: &Clause) -> Result<Part> {
        let mut found = Vec::new();
        match clause {
            Clause::Ideographs(text) => self.ideographs(text, &mut found)?,
            Clause::Word { word, unfinished } => self.word(word, *unfinished, &mut found)?,
            Clause::Address(address) => self.address(address, &mut found)?,
            Clause::Telephone { digits, apart } => {
                self.phrase(Slot::Digits, &grams(digits, GRAM), GRAM, &mut found)?;
                found.extend(self.all(apart)?);
            }
        }
        Ok(any(found))
    }

    fn ideographs(&mut self, text: &str, found: &mut Vec<Box<dyn IndexQuery>>) -> Result<()> {
        for slot in [Slot::Name, Slot::Text] {
            if text.chars().nth(1).is_none() {
                self.beginning(slot, text, found)?;
            } else {
                self.phrase(slot, &grams(text, 2), 2, found)?;
            }
        }
        Ok(())
    }

    fn word(&mut self, word: &Word, unfinished: bool, found: &mut Vec<Box<dyn IndexQuery>>) -> Result<()> {
        for slot in [Slot::Latin, Slot::Word, Slot::Email] {
            self.exact(slot, &word.whole, found)?;
            if unfinished {
                self.beginning(slot, &word.whole, found)?;
            }
        }
        if !word.parts.is_empty() {
            found.extend(self.parts(&word.parts, &[Slot::Latin, Slot::Word])?);
        }
        if word.whole.chars().any(|character| character.is_ascii_digit()) {
            self.phrase(Slot::Digits, &grams(&word.whole, GRAM), GRAM, found)?;
        } else {
            self.misspelt(&word.whole, found)?;
        }
        if word.whole.len() >= 2 && word.whole.bytes().all(|byte| byte.is_ascii_lowercase()) {
            self.beginning(Slot::Initials, &word.whole, found)?;
        }
        for cut in cuts(&word.whole, unfinished) {
            self.pinyin(&cut, found)?;
        }
        Ok(())
    }

    fn address(&mut self, address: &Address, found: &mut Vec<Box<dyn IndexQuery>>) -> Result<()> {
        self.exact(Slot::Email, &address.whole, found)?;
        self.beginning(Slot::Email, &address.whole, found)?;
        if let Some(domain) = &address.domain {
            let mut domains = Vec::new();
            self.beginning(Slot::Email, &format!("@{domain}"), &mut domains)?;
            let local = self.parts(&address.local, &[Slot::Email])?;
            if local.is_some() || address.local.is_empty() {
                found.extend(
                    any(domains).and_then(|domain| every(local.into_iter().chain([domain]).collect())),
                );
            }
        }
        Ok(())
    }

    /// All of several words, each in any of the slots.
    fn parts(&mut self, words: &[String], slots: &[Slot]) -> Result<Part> {
        let mut parts = Vec::with_capacity(words.len());
        for word in words {
            let mut found = Vec::new();
            for slot in slots {
                self.exact(*slot, word, &mut found)?;
            }
            let Some(part) = any(found) else { return Ok(None) };
            parts.push(part);
        }
        Ok(every(parts))
    }

    /// Neighbouring syllables, the last of them perhaps unfinished.
    fn pinyin(&mut self, cut: &Cut, found: &mut Vec<Box<dyn IndexQuery>>) -> Result<()> {
        let pairs: Vec<String> = cut
            .syllables
            .iter()
            .zip(cut.syllables.iter().skip(1))
            .map(|(left, right)| pair(left, right))
            .collect();
        match (&cut.begun, cut.syllables.last()) {
            (Some(begun), Some(last)) => {
                let ends = self.lookup(Slot::Pinyin, &prefix_range(&pair(last, begun)), &|_| true)?;
                for end in ends.keys().map(|(text, _)| text.clone()).collect::<BTreeSet<_>>() {
                    let pairs: Vec<String> = pairs.iter().cloned().chain([end]).collect();
                    self.phrase(Slot::Pinyin, &pairs, 1, found)?;
                }
                Ok(())
            }
            (None, Some(only)) if pairs.is_empty() => {
                self.exact(Slot::Pinyin, only, found)?;
                self.beginning(Slot::Pinyin, &format!("{only}{JOINT}"), found)
            }
            _ => self.phrase(Slot::Pinyin, &pairs, 1, found),
        }
    }

    fn exact(&mut self, slot: Slot, text: &str, found: &mut Vec<Box<dyn IndexQuery>>) -> Result<()> {
        self.phrase(slot, &[text.to_owned()], 1, found)
    }

    /// Terms at neighbouring places of one field, where consecutive terms share all but one of their
    /// `width` characters; terms that others cover are left out, which halves the work.
    fn phrase(
        &mut self,
        slot: Slot,
        terms: &[String],
        width: usize,
        found: &mut Vec<Box<dyn IndexQuery>>,
    ) -> Result<()> {
        let mut by_scope: BTreeMap<Scope, Vec<(usize, Term)>> = BTreeMap::new();
        let last = terms.len().saturating_sub(1);
        let needed = terms.iter().enumerate().filter(|(place, _)| place % width == 0 || *place == last);
        let mut expected = 0_usize;
        for (place, text) in needed {
            expected = expected.saturating_add(1);
            for ((_, scope), term) in self.lookup(slot, &exact_range(text), &|_| true)? {
                by_scope.entry(scope).or_default().push((place, term));
            }
        }
        let whole = by_scope.into_values().filter(|terms| terms.len() == expected);
        found.extend(whole.filter_map(phrase_of).map(|query| boosted(query, weight(slot))));
        Ok(())
    }

    fn beginning(&mut self, slot: Slot, text: &str, found: &mut Vec<Box<dyn IndexQuery>>) -> Result<()> {
        let terms = self.lookup(slot, &prefix_range(text), &|_| true)?;
        found.extend(one_of(terms.into_values(), weight(slot)));
        Ok(())
    }

    fn misspelt(&mut self, text: &str, found: &mut Vec<Box<dyn IndexQuery>>) -> Result<()> {
        if !self.misspelt || text.chars().count() < SHORTEST_MISSPELT {
            return Ok(());
        }
        for slot in [Slot::Latin, Slot::Word] {
            let Some(field) = self.fields.of(slot) else { continue };
            let mut terms = BTreeMap::new();
            for reader in self.searcher.segment_readers() {
                let index = reader.inverted_index(field)?;
                // The automaton knows nothing of scopes, so it looks for beginnings (the scope stands
                // behind), and what it finds is compared again without the scope.
                let automaton =
                    FuzzyTermQuery::new_prefix(Term::from_field_text(field, text), 1, true).automaton()?;
                let mut stream = index.terms().search(automaton).into_stream()?;
                while stream.advance() {
                    let near = |word: &str| is_one_edit_away(word, text);
                    keep(field, stream.key(), &near, &mut self.readable, &mut terms);
                }
            }
            found.extend(one_of(terms.into_values(), weight(slot)));
        }
        Ok(())
    }

    /// The readable terms of a range of a dictionary, by text and scope.
    fn lookup(
        &mut self,
        slot: Slot,
        (from, to): &(Vec<u8>, Vec<u8>),
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<BTreeMap<(String, Scope), Term>> {
        let mut found = BTreeMap::new();
        let Some(field) = self.fields.of(slot) else { return Ok(found) };
        for reader in self.searcher.segment_readers() {
            let index = reader.inverted_index(field)?;
            let mut stream = index.terms().range().ge(from).lt(to).into_stream()?;
            while stream.advance() {
                keep(field, stream.key(), wanted, &mut self.readable, &mut found);
            }
        }
        Ok(found)
    }
}

fn keep(
    field: Field,
    key: &[u8],
    wanted: &dyn Fn(&str) -> bool,
    readable: &mut ReadableScopes<'_>,
    found: &mut BTreeMap<(String, Scope), Term>,
) {
    if let Some((text, scope)) = Scope::of_term(key)
        && wanted(text)
        && readable.contains(scope)
    {
        let term = Term::from_field_text(field, &scope.qualify(text));
        found.insert((text.to_owned(), scope), term);
    }
}

fn phrase_of(mut terms: Vec<(usize, Term)>) -> Part {
    if terms.len() > 1 {
        return Some(Box::new(PhraseQuery::new_with_offset(terms)));
    }
    terms.pop().map(|(_, term)| -> Box<dyn IndexQuery> {
        Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
    })
}

fn boosted(query: Box<dyn IndexQuery>, by: f32) -> Box<dyn IndexQuery> {
    Box::new(BoostQuery::new(query, by))
}

fn one_of(terms: impl Iterator<Item = Term>, weight: f32) -> Part {
    let mut terms = terms.peekable();
    terms.peek()?;
    Some(Box::new(ConstScoreQuery::new(Box::new(TermSetQuery::new(terms)), weight * INEXACT)))
}

fn every(mut parts: Vec<Box<dyn IndexQuery>>) -> Part {
    if parts.len() < 2 {
        return parts.pop();
    }
    Some(Box::new(BooleanQuery::new(parts.into_iter().map(|part| (Occur::Must, part)).collect())))
}

fn any(mut parts: Vec<Box<dyn IndexQuery>>) -> Part {
    if parts.len() < 2 {
        return parts.pop();
    }
    Some(Box::new(DisjunctionMaxQuery::with_tie_breaker(parts, TIE_BREAKER)))
}

/// Whether one insertion, deletion, substitution or exchange of neighbours, or none at all, makes one
/// word the other (Damerau 1964).
fn is_one_edit_away(left: &str, right: &str) -> bool {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let same = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
    let rest =
        |word: &[char], skip: usize| word.iter().copied().skip(same.saturating_add(skip)).collect::<Vec<_>>();
    let exchanged = || {
        let mut head: Vec<char> = rest(&left, 0).into_iter().take(2).collect();
        head.reverse();
        head.len() == 2 && rest(&right, 0).starts_with(&head) && rest(&left, 2) == rest(&right, 2)
    };
    left == right
        || rest(&left, 1) == rest(&right, 1)
        || rest(&left, 1) == rest(&right, 0)
        || rest(&left, 0) == rest(&right, 1)
        || exchanged()
}
