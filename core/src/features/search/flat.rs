//! What matches a query, for the same score each: nothing is counted for it, neither how rare its terms are nor how long
//! the texts.

use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, Score, SegmentReader, Term};

/// A query, and the score of its matches.
#[derive(Debug)]
pub(super) struct Flat(pub(super) Box<dyn Query>, pub(super) Score);

impl Clone for Flat {
    fn clone(&self) -> Self {
        Self(self.0.box_clone(), self.1)
    }
}

impl Query for Flat {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let without = EnableScoring::disabled_from_schema(scoring.schema());
        Ok(Box::new(FlatWeight(self.0.weight(without)?, self.1)))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.0.query_terms(visitor);
    }
}

struct FlatWeight(Box<dyn Weight>, Score);

impl Weight for FlatWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(Box::new(ConstScorer::new(self.0.scorer(reader, 1.0)?, self.1 * boost)))
    }

    fn explain(&self, reader: &SegmentReader, row: DocId) -> tantivy::Result<Explanation> {
        self.0.explain(reader, row)
    }
}
