//! A compiled query: terms of readable fields, and how they combine.
//!
//! It is made once and asked twice: the index answers it as a query of tantivy's, the tail by itself.
//! Both score alike: BM25 of the same rarities, the same weights, the same combination.

use std::collections::HashMap;
use std::sync::Arc;

use tantivy::Term;
use tantivy::index::SegmentId;
use tantivy::postings::TermInfo;
use tantivy::query::{
    BooleanQuery, BoostQuery, DisjunctionMaxQuery, Occur, PhraseQuery, Query as IndexQuery, TermQuery,
};
use tantivy::schema::IndexRecordOption;

use super::analysis::Slot;
use super::any_of::AnyOf;
use super::flat::Flat;
use super::schema::Fields;
use super::unwanted::Unwanted;

/// What the weaker matches of one word add to its best one.
pub(super) const TIE_BREAKER: f32 = 0.1;

/// What a number counts that is found by its digits. How rare these are tells nothing, and to count them in the records
/// that are visible would take longer than to find them. About what BM25 gives to a name that few have.
const DIGITS: f32 = 8.0;

/// What a phrase of a dictionary counts where it counts the same wherever it stands.
pub(super) fn flat(slot: Slot) -> Option<f32> {
    (slot == Slot::Digits).then_some(DIGITS)
}

/// Several terms of one dictionary.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Terms {
    /// Where the parts of the index list their rows.
    pub(super) listed: Arc<HashMap<SegmentId, Vec<TermInfo>>>,
    /// Those that the tail has, qualified.
    pub(super) in_tail: Vec<String>,
}

/// A part of a compiled query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plan {
    /// Terms of one dictionary at places that differ as these do; one term at any place.
    Phrase {
        /// The dictionary.
        slot: Slot,
        /// Place and qualified term.
        terms: Vec<(usize, String)>,
        /// What its BM25 is multiplied by.
        weight: f32,
    },
    /// Any of these terms of one dictionary, for the same score each.
    Set {
        /// The dictionary.
        slot: Slot,
        /// The terms.
        terms: Terms,
        /// The score.
        score: f32,
    },
    /// All of them; scores are added.
    All(Vec<Plan>),
    /// Any of them; the best score counts, and the others a tenth.
    Any(Vec<Plan>),
    /// At least some of them; scores are added.
    Some {
        /// How many.
        least: usize,
        /// Of these.
        parts: Vec<Plan>,
    },
    /// What matches the first and not the second.
    Without(Box<Plan>, Box<Plan>),
}

impl Plan {
    /// All of several parts, or nothing where there is none.
    pub(super) fn every(mut parts: Vec<Self>) -> Option<Self> {
        if parts.len() < 2 { parts.pop() } else { Some(Self::All(parts)) }
    }

    /// Any of several parts, or nothing where there is none.
    pub(super) fn any(mut parts: Vec<Self>) -> Option<Self> {
        if parts.len() < 2 { parts.pop() } else { Some(Self::Any(parts)) }
    }

    /// Whether the places of words are held against each other.
    pub(super) fn has_phrases(&self) -> bool {
        match self {
            Self::Phrase { terms, .. } => terms.len() > 1,
            Self::Set { .. } => false,
            Self::All(parts) | Self::Any(parts) | Self::Some { parts, .. } => {
                parts.iter().any(Self::has_phrases)
            }
            Self::Without(wanted, unwanted) => wanted.has_phrases() || unwanted.has_phrases(),
        }
    }

    /// The query as the index answers it.
    pub(super) fn query(&self, fields: &Fields) -> Box<dyn IndexQuery> {
        match self {
            Self::Phrase { slot, terms, weight } => {
                let field = fields.of(*slot);
                let term = |text: &String| Term::from_field_text(field, text);
                let found: Box<dyn IndexQuery> = match terms.as_slice() {
                    [(_, only)] => Box::new(TermQuery::new(term(only), IndexRecordOption::WithFreqs)),
                    several => Box::new(PhraseQuery::new_with_offset(
                        several.iter().map(|(place, text)| (*place, term(text))).collect(),
                    )),
                };
                match flat(*slot) {
                    Some(score) => Box::new(Flat(found, score * weight)),
                    None => Box::new(BoostQuery::new(found, *weight)),
                }
            }
            Self::Set { slot, terms, score } => {
                let (field, listed) = (fields.of(*slot), Arc::clone(&terms.listed));
                Box::new(AnyOf { field, listed, score: *score })
            }
            Self::All(parts) => {
                let parts = parts.iter().map(|part| (Occur::Must, part.query(fields)));
                Box::new(BooleanQuery::new(parts.collect()))
            }
            Self::Any(parts) => {
                let parts = parts.iter().map(|part| part.query(fields)).collect();
                Box::new(DisjunctionMaxQuery::with_tie_breaker(parts, TIE_BREAKER))
            }
            Self::Some { least, parts } => {
                let parts = parts.iter().map(|part| (Occur::Should, part.query(fields)));
                Box::new(BooleanQuery::with_minimum_required_clauses(parts.collect(), *least))
            }
            Self::Without(wanted, unwanted) => Box::new(BooleanQuery::new(vec![
                (Occur::Must, wanted.query(fields)),
                (Occur::MustNot, Box::new(Unwanted(unwanted.query(fields)))),
            ])),
        }
    }
}
