//! Who sees what, inside the query: records by access class or one by one, matches by readable field.
//!
//! It deliberately does not know roles, owners or teams: whoever asks hands in a [`Visibility`].
//! Invariant: a record or field that is hidden takes part in no hit and no total.
//! The order of hits follows from visible records, too: rarity of words is counted among them alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::columnar::ColumnValues;
use tantivy::index::SegmentId;
use tantivy::query::doc_predicate_query::{
    ConstOrVariableSegmentPredicate, DocPredicate, DocPredicateQuery, SegmentDocPredicate,
};
use tantivy::query::{AllScorer, Bm25StatisticsProvider, ConstScoreQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Searcher, SegmentReader, TERMINATED, Term};

use super::analysis::{SLOTS, Slot};
use super::query::Query;
use super::schema::{CLASS, Document, Fields, KIND, Scope};
use super::tail::{Superseded, Tail};
use crate::base::RecordId;

/// Up to how many visible records of one part of the index with a word are counted where others are
/// hidden: a word that is more frequent than that ranks nothing.
const MOST_COUNTED: u64 = 20_000;

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

/// How much there is of one pair.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PairStats {
    /// Records.
    pub(super) rows: u64,
    /// Their terms, by dictionary.
    pub(super) terms: [u64; SLOTS],
}

impl PairStats {
    /// Counts records with so many terms in.
    pub(super) fn add(&mut self, rows: u64, terms: &[u32; SLOTS]) {
        self.rows = self.rows.saturating_add(rows);
        for (sum, terms) in self.terms.iter_mut().zip(terms) {
            *sum = sum.saturating_add(u64::from(*terms));
        }
    }

    /// Counts records with so many terms out.
    pub(super) fn remove(&mut self, rows: u64, terms: &[u32; SLOTS]) {
        self.rows = self.rows.saturating_sub(rows);
        for (sum, terms) in self.terms.iter_mut().zip(terms) {
            *sum = sum.saturating_sub(u64::from(*terms));
        }
    }

    fn merge(&mut self, other: &Self) {
        self.rows = self.rows.saturating_add(other.rows);
        for (sum, terms) in self.terms.iter_mut().zip(other.terms) {
            *sum = sum.saturating_add(terms);
        }
    }
}

/// The pairs of one segment.
#[derive(Default)]
pub(super) struct Pairs {
    pairs: BTreeSet<Pair>,
    stats: BTreeMap<Pair, PairStats>,
}

/// The pairs that occur in each segment. A segment never changes, so each is looked through once;
/// deleted records may leave a pair that no longer occurs, which only costs one question.
#[derive(Default)]
pub(super) struct PairsBySegment(Mutex<HashMap<SegmentId, Arc<Pairs>>>);

impl PairsBySegment {
    /// The records of index and tail that a person may see and a query asks for.
    pub(super) fn visible(
        &self,
        searcher: &Searcher,
        tail: &Tail,
        query: &Query,
        (visible, fields): (&dyn Visibility, &Fields),
    ) -> tantivy::Result<VisibleRecords> {
        let (mut allowed, mut whole) = (HashSet::new(), HashSet::new());
        let mut known = PairStats::default();
        for reader in searcher.segment_readers() {
            let all = self.of(reader, fields)?;
            let mut seen = visible.among(&all.pairs);
            seen.retain(|(kind, _)| query.asks_for(*kind));
            seen.iter().filter_map(|pair| all.stats.get(pair)).for_each(|stats| known.merge(stats));
            if seen.len() == all.pairs.len() {
                whole.insert(reader.segment_id());
            }
            allowed.extend(seen);
        }
        let mut seen = visible.among(&tail.pairs().keys().copied().collect());
        seen.retain(|(kind, _)| query.asks_for(*kind));
        seen.iter().filter_map(|pair| tail.pairs().get(pair)).for_each(|stats| known.merge(stats));
        allowed.extend(seen);
        let singly = visible.singly().into_iter().filter(|(kind, _)| query.asks_for(*kind));
        let singly = Arc::new(singly.map(|(_, record)| record).collect());
        Ok(VisibleRecords {
            allowed: Arc::new(allowed),
            whole: Arc::new(whole),
            singly,
            superseded: tail.superseded(),
            record: fields.record,
            known,
        })
    }

    /// Forgets segments that merges have replaced.
    pub(super) fn keep(&self, searcher: &Searcher) {
        let alive: HashSet<SegmentId> =
            searcher.segment_readers().iter().map(SegmentReader::segment_id).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|segment, _| alive.contains(segment));
    }

    fn of(&self, reader: &SegmentReader, fields: &Fields) -> tantivy::Result<Arc<Pairs>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pairs) = known.get(&reader.segment_id()) {
            return Ok(Arc::clone(pairs));
        }
        let columns = Columns::of(reader)?;
        let mut lengths = Vec::with_capacity(SLOTS);
        for slot in Slot::ALL {
            lengths.push(reader.get_fieldnorms_reader(fields.of(slot))?);
        }
        let mut stats: BTreeMap<Pair, PairStats> = BTreeMap::new();
        for row in 0..reader.max_doc() {
            let Some(pair) = columns.pair(row) else { continue };
            let mut terms = [0_u32; SLOTS];
            for (terms, lengths) in terms.iter_mut().zip(&lengths) {
                *terms = lengths.fieldnorm(row);
            }
            stats.entry(pair).or_default().add(1, &terms);
        }
        let pairs = Arc::new(Pairs { pairs: stats.keys().copied().collect(), stats });
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
    singly: Arc<HashSet<RecordId>>,
    /// Rows that are older than the tail.
    superseded: Arc<Superseded>,
    /// The field by which records are found.
    record: Field,
    /// How much is visible by class.
    known: PairStats,
}

impl VisibleRecords {
    /// Whether nothing at all is visible.
    pub(super) fn is_empty(&self) -> bool {
        self.allowed.is_empty() && self.whole.is_empty() && self.singly.is_empty()
    }

    /// Whether a record of the tail is visible.
    pub(super) fn shows(&self, document: &Document) -> bool {
        self.allowed.contains(&document.pair()) || self.singly.contains(&document.record)
    }

    /// The pairs that are visible.
    pub(super) fn pairs(&self) -> &HashSet<Pair> {
        &self.allowed
    }

    /// The filter; it adds nothing to a score.
    pub(super) fn into_query(self) -> ConstScoreQuery {
        ConstScoreQuery::new(Box::new(DocPredicateQuery::from(self)), 0.0)
    }

    /// The rows of a segment that are visible one by one.
    fn rows_of(&self, reader: &SegmentReader) -> tantivy::Result<HashSet<DocId>> {
        let mut rows = HashSet::new();
        for record in self.singly.iter() {
            rows.extend(rows_of_record(reader, self.record, *record)?);
        }
        Ok(rows)
    }
}

/// The rows of a record in a segment that were not deleted.
pub(super) fn rows_of_record(
    reader: &SegmentReader,
    field: Field,
    record: RecordId,
) -> tantivy::Result<Vec<DocId>> {
    let index = reader.inverted_index(field)?;
    let term = Term::from_field_bytes(field, record.as_bytes());
    let Some(mut found) = index.read_postings(&term, IndexRecordOption::Basic)? else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    while found.doc() != TERMINATED {
        if reader.alive_bitset().is_none_or(|alive| alive.is_alive(found.doc())) {
            rows.push(found.doc());
        }
        found.advance();
    }
    Ok(rows)
}

impl DocPredicate for VisibleRecords {
    type SegmentDocPredicate = VisibleRows;

    fn doc_predicate(
        &self,
        reader: &SegmentReader,
    ) -> tantivy::Result<ConstOrVariableSegmentPredicate<VisibleRows>> {
        let whole = self.whole.contains(&reader.segment_id());
        let superseded = self.superseded.get(&reader.segment_id()).cloned().unwrap_or_default();
        if whole && superseded.is_empty() {
            return Ok(ConstOrVariableSegmentPredicate::Const(true));
        }
        let columns = if whole { None } else { Some(Columns::of(reader)?) };
        let singly = if whole { HashSet::new() } else { self.rows_of(reader)? };
        let predicate = VisibleRows { columns, allowed: Arc::clone(&self.allowed), singly, superseded };
        let necessary_condition = Box::new(AllScorer::new(reader.max_doc()));
        Ok(ConstOrVariableSegmentPredicate::Variable { predicate, necessary_condition })
    }
}

/// The filter within one segment.
pub(super) struct VisibleRows {
    /// Nothing where every row is visible.
    columns: Option<Columns>,
    allowed: Arc<HashSet<Pair>>,
    singly: HashSet<DocId>,
    superseded: Arc<HashSet<DocId>>,
}

impl VisibleRows {
    fn allows(&self, row: DocId) -> bool {
        let Some(columns) = &self.columns else { return true };
        columns.pair(row).is_some_and(|pair| self.allowed.contains(&pair)) || self.singly.contains(&row)
    }
}

impl SegmentDocPredicate for VisibleRows {
    fn eval(&mut self, row: DocId) -> bool {
        self.allows(row) && !self.superseded.contains(&row)
    }
}

/// How rare words are among the records that a person may see by class, so that the order of hits tells
/// nothing of hidden ones. Records that are seen one by one are ranked by the same figures.
pub(super) struct Rarity<'a> {
    /// The state of the index.
    pub(super) searcher: &'a Searcher,
    /// What is newer.
    pub(super) tail: &'a Tail,
    /// The layout.
    pub(super) fields: &'a Fields,
    /// What is visible.
    pub(super) visible: &'a VisibleRecords,
    known: Mutex<HashMap<Term, u64>>,
}

impl<'a> Rarity<'a> {
    /// Nothing counted yet.
    pub(super) fn new(
        searcher: &'a Searcher,
        tail: &'a Tail,
        fields: &'a Fields,
        visible: &'a VisibleRecords,
    ) -> Self {
        Self { searcher, tail, fields, visible, known: Mutex::default() }
    }

    /// How many records are visible by class, at least one.
    pub(super) fn records(&self) -> u64 {
        self.visible.known.rows.max(1)
    }

    /// How many of them have a term.
    pub(super) fn of(&self, term: &Term) -> tantivy::Result<u64> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = known.get(term) {
            return Ok(*count);
        }
        let slot = self.fields.slot_of(term.field());
        let text = term.value().as_str().unwrap_or_default().to_owned();
        let mut count = slot.map_or(0, |slot| self.tail.frequency(slot, &text, self.visible.pairs()));
        for reader in self.searcher.segment_readers() {
            let index = reader.inverted_index(term.field())?;
            count = count.saturating_add(if self.visible.whole.contains(&reader.segment_id()) {
                u64::from(index.doc_freq(term)?)
            } else {
                self.walked(reader, term)?
            });
        }
        let count = count.min(self.records());
        known.insert(term.clone(), count);
        Ok(count)
    }

    fn walked(&self, reader: &SegmentReader, term: &Term) -> tantivy::Result<u64> {
        let index = reader.inverted_index(term.field())?;
        let Some(mut found) = index.read_postings(term, IndexRecordOption::Basic)? else { return Ok(0) };
        let columns = Columns::of(reader)?;
        let mut count = 0_u64;
        while found.doc() != TERMINATED {
            let seen = columns.pair(found.doc()).is_some_and(|pair| self.visible.allowed.contains(&pair));
            count = count.saturating_add(u64::from(seen));
            if count >= MOST_COUNTED {
                break;
            }
            found.advance();
        }
        Ok(count)
    }
}

impl Bm25StatisticsProvider for Rarity<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        let terms = self.fields.slot_of(field).and_then(|slot| self.visible.known.terms.get(slot as usize));
        Ok(terms.copied().unwrap_or_default().max(1))
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.records())
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        self.of(term)
    }
}

/// Entity and access class of each row of a segment.
pub(super) struct Columns {
    kinds: Arc<dyn ColumnValues<u64>>,
    classes: Arc<dyn ColumnValues<u64>>,
}

impl Columns {
    /// The columns of a segment.
    pub(super) fn of(reader: &SegmentReader) -> tantivy::Result<Self> {
        let fast = reader.fast_fields();
        Ok(Self { kinds: fast.column_first_or_default(KIND)?, classes: fast.column_first_or_default(CLASS)? })
    }

    /// The entity's number of a row.
    pub(super) fn kind(&self, row: DocId) -> u32 {
        u32::try_from(self.kinds.get_val(row)).unwrap_or(u32::MAX)
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
            .or_insert_with(|| query.asks_for_field(scope) && visible.reads(scope.kind, scope.field))
    }
}
