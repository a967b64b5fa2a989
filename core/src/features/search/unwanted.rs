//! What must not match, as a query that may be asked about any place.
//!
//! The index asks what is excluded about places before the first one where that stands. A phrase does not expect that of
//! a quick look, and stops a build that checks itself. Sought in the usual way it answers all such questions.

use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, Term};

/// A query whose matches are excluded.
#[derive(Debug)]
pub(super) struct Unwanted(pub(super) Box<dyn Query>);

impl Clone for Unwanted {
    fn clone(&self) -> Self {
        Self(self.0.box_clone())
    }
}

impl Query for Unwanted {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(UnwantedWeight(self.0.weight(scoring)?)))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.0.query_terms(visitor);
    }
}

struct UnwantedWeight(Box<dyn Weight>);

impl Weight for UnwantedWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(Box::new(Sought(self.0.scorer(reader, boost)?)))
    }

    fn explain(&self, reader: &SegmentReader, row: DocId) -> tantivy::Result<Explanation> {
        self.0.explain(reader, row)
    }
}

/// Matches that are sought in the usual way alone: the quick look stays that of any list.
struct Sought(Box<dyn Scorer>);

impl DocSet for Sought {
    fn advance(&mut self) -> DocId {
        self.0.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.0.seek(target)
    }

    fn doc(&self) -> DocId {
        self.0.doc()
    }

    fn size_hint(&self) -> u32 {
        self.0.size_hint()
    }
}

impl Scorer for Sought {
    fn score(&mut self) -> Score {
        self.0.score()
    }
}
