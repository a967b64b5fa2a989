//! More like this: from the texts of a record to a plan of what tells them from others.
//!
//! The words of a record are held against how rare they are among what the person sees, and the most telling ones
//! make the question. What is asked with is what the person may read of the record, so nothing hidden takes part.

use std::collections::BTreeMap;

use tantivy::{Result, Term};

use super::analysis::{Analyzer, Slot, analyze};
use super::compile::Compiler;
use super::plan::Plan;

/// Most different words that are looked up; those of titles come first.
const MOST_WORDS: usize = 300;
/// Most words that make the question.
const MOST_TELLING: usize = 24;
/// One of so many of them must be in a record that is alike.
const LEAST_SHARE: usize = 4;
/// Occurrences of a word in one record beyond which it tells no more.
const MOST_OCCURRENCES: u16 = 3;

/// A text of a record, and how it is searched.
pub(super) type Sample = (Analyzer, String);

/// A word of a record, as it may stand in titles and in prose.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Characters(String),
    Word(String),
}

impl Piece {
    fn of(slot: Slot, text: String) -> Option<Self> {
        match slot {
            // A single character tells too little.
            Slot::Name | Slot::Text => text.chars().nth(1).map(|_| Self::Characters(text)),
            Slot::Latin | Slot::Word => Some(Self::Word(text)),
            _ => None,
        }
    }

    fn slots(&self) -> ([Slot; 2], &str) {
        match self {
            Self::Characters(text) => ([Slot::Name, Slot::Text], text),
            Self::Word(text) => ([Slot::Latin, Slot::Word], text),
        }
    }
}

impl Compiler<'_> {
    /// What records have that are like some texts; nothing where the texts tell nothing.
    pub(super) fn like(&mut self, samples: &[Sample]) -> Result<Option<Plan>> {
        let all = count(self.rarity.records());
        let mut telling = Vec::new();
        for (piece, occurrences) in pieces(samples) {
            let (slots, text) = piece.slots();
            let mut found = Vec::new();
            for slot in slots {
                self.exact(slot, text, &mut found)?;
            }
            let Some(plan) = Plan::any(found) else { continue };
            let records = self.frequency(&plan)?;
            // What nobody else has finds nobody.
            if records > 1 {
                telling.push((
                    f32::from(occurrences.min(MOST_OCCURRENCES)) * (1.0 + all / count(records)).ln(),
                    plan,
                ));
            }
        }
        telling.sort_by(|(left, _), (right, _)| right.total_cmp(left));
        telling.truncate(MOST_TELLING);
        let parts: Vec<Plan> = telling.into_iter().map(|(_, plan)| plan).collect();
        if parts.len() < 2 {
            return Ok(parts.into_iter().next());
        }
        let least = parts.len().div_ceil(LEAST_SHARE);
        Ok(Some(Plan::Some { least, parts }))
    }

    /// How many visible records have the most frequent of the terms of a plan.
    pub(super) fn frequency(&self, plan: &Plan) -> Result<u64> {
        Ok(match plan {
            Plan::Phrase { slot, terms, .. } => {
                let mut most = 0;
                for (_, text) in terms {
                    most = most.max(self.rarity.of(&Term::from_field_text(self.fields.of(*slot), text))?);
                }
                most
            }
            Plan::Any(parts) => {
                let mut most = 0;
                for part in parts {
                    most = most.max(self.frequency(part)?);
                }
                most
            }
            _ => 0,
        })
    }
}

/// The different words of texts, with how often each occurs, as many as are looked up.
fn pieces(samples: &[Sample]) -> BTreeMap<Piece, u16> {
    let mut counts: BTreeMap<Piece, u16> = BTreeMap::new();
    let titles = samples.iter().filter(|(analyzer, _)| *analyzer == Analyzer::Title);
    let others = samples.iter().filter(|(analyzer, _)| *analyzer == Analyzer::Text);
    for token in titles.chain(others).flat_map(|(analyzer, text)| analyze(*analyzer, text)) {
        let Some(piece) = Piece::of(token.slot, token.text) else { continue };
        if counts.len() < MOST_WORDS || counts.contains_key(&piece) {
            let count = counts.entry(piece).or_default();
            *count = count.saturating_add(1);
        }
    }
    counts
}

/// A number of records as a float, of which only the logarithm is used.
fn count(records: u64) -> f32 {
    records as f32
}
