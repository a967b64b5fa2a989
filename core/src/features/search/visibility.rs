//! Who sees what, inside the query: records by access class or one by one, matches by readable field.
//!
//! It deliberately does not know roles, owners or teams: whoever asks hands in a [`Visibility`].
//! Invariant: a record or field that is hidden takes part in no hit and no total.
//! What still depends on hidden records is the order of hits, because rarity of words is counted over
//! the whole index; scores are therefore never handed out.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::columnar::ColumnValues;
use tantivy::index::SegmentId;
use tantivy::query::doc_predicate_query::{
    ConstOrVariableSegmentPredicate, DocPredicate, DocPredicateQuery, SegmentDocPredicate,
};
use tantivy::query::{AllScorer, ConstScoreQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Searcher, SegmentReader, TERMINATED, Term};

use super::query::Query;
use super::schema::{CLASS, KIND, Scope};
use crate::base::RecordId;

/// What one person may see. Asked once per distinct pair and search, so answers must not change
/// while a search runs.
pub trait Visibility {
    /// Whether records of this entity in this access class exist for the person.
    fn allows(&self, kind: u32, class: u32) -> bool;

    /// Those of some pairs of an entity and a class that exist for the person.
    fn among(&self, pairs: &BTreeSet<Pair>) -> Vec<Pair> {
        pairs.iter().copied().filter(|(kind, class)| self.allows(*kind, *class)).collect()
    }

    /// The records that exist for the person one by one, whatever their class; of each the number of its entity.
    fn singly(&self) -> Vec<(u32, RecordId)> {
        Vec::new()
    }

    /// Whether the person may read this field of this entity. A field that may not be read matches
    /// nothing, since a match would tell its content.
    fn reads(&self, kind: u32, field: u32) -> bool;
}

/// Number of an entity and number of an access class.
pub(super) type Pair = (u32, u32);

/// The pairs that occur in each segment. A segment never changes, so each is looked through once;
/// deleted records may leave a pair that no longer occurs, which only costs one question.
#[derive(Default)]
pub(super) struct PairsBySegment(Mutex<HashMap<SegmentId, Arc<BTreeSet<Pair>>>>);

impl PairsBySegment {
    /// The pairs of the segments of a searcher that a person may see and a query asks for.
    pub(super) fn visible(
        &self,
        searcher: &Searcher,
        query: &Query,
        (visible, record): (&dyn Visibility, Field),
    ) -> tantivy::Result<VisibleRecords> {
        let (mut allowed, mut whole) = (HashSet::new(), HashSet::new());
        for reader in searcher.segment_readers() {
            let pairs = self.of(reader)?;
            let mut seen = visible.among(&pairs);
            seen.retain(|(kind, _)| query.asks_for(*kind));
            if seen.len() == pairs.len() {
                whole.insert(reader.segment_id());
            } else {
                allowed.extend(seen);
            }
        }
        let singly = visible.singly().into_iter().filter(|(kind, _)| query.asks_for(*kind));
        let singly = Arc::new(singly.map(|(_, record)| record).collect());
        Ok(VisibleRecords { allowed: Arc::new(allowed), whole: Arc::new(whole), singly, record })
    }

    /// Forgets segments that merges have replaced.
    pub(super) fn keep(&self, searcher: &Searcher) {
        let alive: HashSet<SegmentId> =
            searcher.segment_readers().iter().map(SegmentReader::segment_id).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|segment, _| alive.contains(segment));
    }

    fn of(&self, reader: &SegmentReader) -> tantivy::Result<Arc<BTreeSet<Pair>>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pairs) = known.get(&reader.segment_id()) {
            return Ok(Arc::clone(pairs));
        }
        let columns = Columns::of(reader)?;
        let pairs = Arc::new((0..reader.max_doc()).filter_map(|row| columns.pair(row)).collect());
        known.insert(reader.segment_id(), Arc::clone(&pairs));
        Ok(pairs)
    }
}

/// The records that exist for one person, as a part of a query.
#[derive(Debug, Clone)]
pub(super) struct VisibleRecords {
    allowed: Arc<HashSet<Pair>>,
    /// Segments of which every record is visible.
    whole: Arc<HashSet<SegmentId>>,
    /// Records that are visible one by one.
    singly: Arc<Vec<RecordId>>,
    /// The field by which they are found.
    record: Field,
}

impl VisibleRecords {
    /// Whether nothing at all is visible.
    pub(super) fn is_empty(&self) -> bool {
        self.allowed.is_empty() && self.whole.is_empty() && self.singly.is_empty()
    }

    /// The filter; it adds nothing to a score.
    pub(super) fn into_query(self) -> ConstScoreQuery {
        ConstScoreQuery::new(Box::new(DocPredicateQuery::from(self)), 0.0)
    }
}

impl VisibleRecords {
    /// The rows of a segment that are visible one by one.
    fn rows_of(&self, reader: &SegmentReader) -> tantivy::Result<HashSet<DocId>> {
        let mut rows = HashSet::new();
        if self.singly.is_empty() {
            return Ok(rows);
        }
        let index = reader.inverted_index(self.record)?;
        for record in self.singly.iter() {
            let term = Term::from_field_bytes(self.record, record.as_bytes());
            let Some(mut found) = index.read_postings(&term, IndexRecordOption::Basic)? else { continue };
            while found.doc() != TERMINATED {
                rows.insert(found.doc());
                found.advance();
            }
        }
        Ok(rows)
    }
}

impl DocPredicate for VisibleRecords {
    type SegmentDocPredicate = VisibleRows;

    fn doc_predicate(
        &self,
        reader: &SegmentReader,
    ) -> tantivy::Result<ConstOrVariableSegmentPredicate<VisibleRows>> {
        if self.whole.contains(&reader.segment_id()) {
            return Ok(ConstOrVariableSegmentPredicate::Const(true));
        }
        let predicate = VisibleRows {
            columns: Columns::of(reader)?,
            allowed: Arc::clone(&self.allowed),
            singly: self.rows_of(reader)?,
        };
        let necessary_condition = Box::new(AllScorer::new(reader.max_doc()));
        Ok(ConstOrVariableSegmentPredicate::Variable { predicate, necessary_condition })
    }
}

/// The filter within one segment.
pub(super) struct VisibleRows {
    columns: Columns,
    allowed: Arc<HashSet<Pair>>,
    singly: HashSet<DocId>,
}

impl SegmentDocPredicate for VisibleRows {
    fn eval(&mut self, row: DocId) -> bool {
        self.columns.pair(row).is_some_and(|pair| self.allowed.contains(&pair)) || self.singly.contains(&row)
    }
}

/// Entity and access class of each row of a segment.
pub(super) struct Columns {
    kinds: Arc<dyn ColumnValues<u64>>,
    classes: Arc<dyn ColumnValues<u64>>,
}

impl Columns {
    fn of(reader: &SegmentReader) -> tantivy::Result<Self> {
        let fast = reader.fast_fields();
        Ok(Self { kinds: fast.column_first_or_default(KIND)?, classes: fast.column_first_or_default(CLASS)? })
    }

    fn pair(&self, row: DocId) -> Option<Pair> {
        let kind = u32::try_from(self.kinds.get_val(row)).ok()?;
        Some((kind, u32::try_from(self.classes.get_val(row)).ok()?))
    }
}

/// Which scopes a person may read, asked once each.
pub(super) struct ReadableScopes<'a> {
    visible: &'a dyn Visibility,
    query: &'a Query,
    answers: HashMap<Scope, bool>,
}

impl<'a> ReadableScopes<'a> {
    /// Nothing asked yet.
    pub(super) fn new(visible: &'a dyn Visibility, query: &'a Query) -> Self {
        Self { visible, query, answers: HashMap::new() }
    }

    /// Whether terms of this scope may match.
    pub(super) fn contains(&mut self, scope: Scope) -> bool {
        let Self { visible, query, answers } = self;
        *answers
            .entry(scope)
            .or_insert_with(|| query.asks_for(scope.kind) && visible.reads(scope.kind, scope.field))
    }
}
