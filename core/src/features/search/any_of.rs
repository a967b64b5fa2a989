//! Any of some terms of a field, for the same score each.
//!
//! The rows of the terms are put together first: as a sorted list where they are few, and as bits where they are many.
//! The query of the library for this builds an automaton of the terms for each question, which costs far more than
//! a short list of them is worth.

use std::collections::HashMap;
use std::sync::Arc;

use tantivy::index::SegmentId;
use tantivy::postings::TermInfo;
use tantivy::query::{
    BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError};

/// Most rows that are sorted.
const MOST_SORTED: u64 = 4_096;

/// The query.
#[derive(Debug, Clone)]
pub(super) struct AnyOf {
    /// The field whose terms they are.
    pub(super) field: Field,
    /// Where each part of the index lists their rows.
    pub(super) listed: Arc<HashMap<SegmentId, Vec<TermInfo>>>,
    /// The score.
    pub(super) score: Score,
}

impl Query for AnyOf {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for AnyOf {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some(listed) = self.listed.get(&reader.segment_id()) else {
            return Ok(Box::new(EmptyScorer));
        };
        let index = reader.inverted_index(self.field)?;
        let (mut lists, mut sum) = (Vec::with_capacity(listed.len()), 0_u64);
        for place in listed {
            sum = sum.saturating_add(u64::from(place.doc_freq));
            lists.push(index.read_postings_from_terminfo(place, IndexRecordOption::Basic)?);
        }
        let score = self.score * boost;
        Ok(if sum <= MOST_SORTED {
            Box::new(ConstScorer::new(Rows { rows: sorted(lists), place: 0 }, score))
        } else {
            Box::new(ConstScorer::new(BitSetDocSet::from(marked(lists, reader.max_doc())), score))
        })
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument("any of some terms is not explained".to_owned()))
    }
}

fn each(mut list: impl DocSet, mut visit: impl FnMut(DocId)) {
    while list.doc() != TERMINATED {
        visit(list.doc());
        list.advance();
    }
}

fn sorted(lists: Vec<impl DocSet>) -> Vec<DocId> {
    let is_one = lists.len() == 1;
    let mut rows = Vec::new();
    lists.into_iter().for_each(|list| each(list, |row| rows.push(row)));
    if !is_one {
        rows.sort_unstable();
        rows.dedup();
    }
    rows
}

fn marked(lists: Vec<impl DocSet>, end: DocId) -> BitSet {
    let mut bits = BitSet::with_max_value(end);
    for list in lists {
        each(list, |row| {
            bits.insert(row);
        });
    }
    bits
}

/// Rows in their order.
struct Rows {
    rows: Vec<DocId>,
    place: usize,
}

impl DocSet for Rows {
    fn advance(&mut self) -> DocId {
        self.place = self.place.saturating_add(1);
        self.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        let rest = self.rows.get(self.place..).unwrap_or_default();
        self.place = self.place.saturating_add(rest.partition_point(|row| *row < target));
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.rows.get(self.place).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }
}
