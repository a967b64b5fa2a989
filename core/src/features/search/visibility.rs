//! Who sees what, inside the query: records by access class or one by one, matches by readable field.
//!
//! It deliberately does not know roles, owners or teams: whoever asks hands in a [`Visibility`].
//! Invariant: a record or field that is hidden takes part in no hit and no total.
//! The order of hits follows from visible records, too: rarity of words is counted among them alone.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::columnar::ColumnValues;
use tantivy::index::SegmentId;
use tantivy::postings::TermInfo;
use tantivy::query::{
    AllScorer, Bm25StatisticsProvider, ConstScorer, EnableScoring, Explanation, Query as IndexQuery, Scorer,
    Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, Searcher, SegmentReader, TERMINATED, TantivyError, Term};

use super::analysis::{SLOTS, Slot};
use super::plan::Terms;
use super::query::Query;
use super::schema::{CHANGED, CLASS, Document, Fields, KIND, OWNER, RECORD_HALVES, Scope};
use super::tail::{Superseded, Tail};
use crate::base::RecordId;

/// Fewest records with a word of which it is kept how many there are of each pair, and most such numbers of one part.
const FEWEST_KEPT: u32 = 256;
const MOST_KEPT: usize = 1_000_000;
/// What a word costs beside its numbers, in numbers: its text, and its places in two lists.
const REST_OF_A_WORD: usize = 16;
/// Most beginnings of words of which it is kept that they stand for too many terms of one part.
const MOST_CROWDED: usize = 1_000;
/// Most memory for what people see, in bytes: one for each class of a part, some for each row that is visible singly, and a
/// little more.
const MOST_OF_MASKS: usize = 64_000_000;
const ROW_OF_A_MASK: usize = 8;
const REST_OF_A_MASK: usize = 512;

/// What one person may see. Asked once per distinct pair, so answers must not change while a search runs.
pub trait Visibility {
    /// Whether records of this entity in this access class exist for the person.
    fn allows(&self, kind: u32, class: u32) -> bool;

    /// The records that exist for the person one by one, whatever their class; of each the number of its entity.
    fn singly(&self) -> Vec<(u32, RecordId)> {
        Vec::new()
    }

    /// Whether the person may read this field of this entity. A field that may not be read matches
    /// nothing, since a match would tell its content.
    fn reads(&self, kind: u32, field: u32) -> bool;

    /// A number that nobody has who may see anything else, in this process; nothing where it is not known. What was
    /// worked out for it is kept for the next search.
    fn number(&self) -> Option<u64> {
        None
    }
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

/// The places of a segment's rows in its list of pairs: two bytes a row, where there are few enough pairs.
enum Places {
    Narrow(Box<[u16]>),
    Wide(Box<[u32]>),
}

/// A number of each row of a segment.
type Column = Arc<dyn ColumnValues<u64>>;

/// The pairs of one segment. A segment never changes, so each is looked through once, for everybody; deleted
/// records may leave a pair that no longer occurs, which only costs one question.
pub(super) struct Pairs {
    /// In the order in which they were met.
    pairs: Vec<Pair>,
    stats: Vec<PairStats>,
    places: Places,
    columns: Columns,
    counts: Mutex<Counts>,
    crowded: Mutex<HashMap<(Slot, String), HashMap<Scope, usize>>>,
}

/// How many rows have a term, by the places of their pairs; none for a pair that has none.
type Counted = Arc<[(u32, u32)]>;

/// What is known of frequent terms, whoever asks.
#[derive(Default)]
struct Counts {
    by_term: HashMap<Term, Counted>,
    /// How many numbers that are, with what the terms cost beside them.
    numbers: usize,
}

/// What is read of single rows. To open a column costs the more the longer it is, so that it is done once.
pub(super) struct Columns {
    /// Both halves of the id of the record.
    pub(super) record: [Column; 2],
    /// Second of the last change.
    pub(super) changed: Column,
    /// Number of the owner.
    pub(super) owner: Column,
}

impl Columns {
    fn of(reader: &SegmentReader) -> tantivy::Result<Self> {
        let column = |name: &str| reader.fast_fields().column_first_or_default::<u64>(name);
        let [high, low] = RECORD_HALVES;
        Ok(Self { record: [column(high)?, column(low)?], changed: column(CHANGED)?, owner: column(OWNER)? })
    }
}

impl Pairs {
    fn of(reader: &SegmentReader, fields: &Fields) -> tantivy::Result<Self> {
        let fast = reader.fast_fields();
        let kinds = fast.column_first_or_default::<u64>(KIND)?;
        let classes = fast.column_first_or_default::<u64>(CLASS)?;
        let mut lengths = Vec::with_capacity(SLOTS);
        for slot in Slot::ALL {
            lengths.push(reader.get_fieldnorms_reader(fields.of(slot))?);
        }
        let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let mut known: HashMap<Pair, u32> = HashMap::new();
        let (mut pairs, mut stats, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..reader.max_doc() {
            let pair = (number(kinds.get_val(row)), number(classes.get_val(row)));
            let next = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
            let place = *known.entry(pair).or_insert(next);
            if place == next {
                pairs.push(pair);
                stats.push(PairStats::default());
            }
            let mut terms = [0_u32; SLOTS];
            for (terms, lengths) in terms.iter_mut().zip(&lengths) {
                *terms = lengths.fieldnorm(row);
            }
            if let Some(stats) = stats.get_mut(place as usize) {
                stats.add(1, &terms);
            }
            places.push(place);
        }
        let narrow: Option<Box<[u16]>> = places.iter().map(|place| u16::try_from(*place).ok()).collect();
        let places = narrow.map_or_else(|| Places::Wide(places.into_boxed_slice()), Places::Narrow);
        let (counts, crowded) = (Mutex::default(), Mutex::default());
        Ok(Self { pairs, stats, places, columns: Columns::of(reader)?, counts, crowded })
    }

    /// How many rows of each pair have a frequent term, which is counted once for everybody.
    fn counted(&self, term: &Term, list: impl DocSet) -> Counted {
        let known = |counts: &Counts| counts.by_term.get(term).cloned();
        if let Some(counted) = known(&self.counts.lock().unwrap_or_else(PoisonError::into_inner)) {
            return counted;
        }
        let counted = self.count(list);
        let size = counted.len().saturating_add(REST_OF_A_WORD);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.numbers.saturating_add(size) > MOST_KEPT {
            *counts = Counts::default();
        }
        counts.numbers = counts.numbers.saturating_add(size);
        counts.by_term.insert(term.clone(), Arc::clone(&counted));
        counted
    }

    fn count(&self, mut list: impl DocSet) -> Counted {
        let mut counts = vec![0_u32; self.pairs.len()];
        while list.doc() != TERMINATED {
            if let Some(count) = counts.get_mut(self.place(list.doc())) {
                *count = count.saturating_add(1);
            }
            list.advance();
        }
        (0_u32..).zip(counts).filter(|(_, count)| *count > 0).collect()
    }

    /// At least how many terms of readable scopes a beginning of words stands for, as far as somebody met them before.
    pub(super) fn met(&self, slot: Slot, text: &str, mut reads: impl FnMut(Scope) -> bool) -> usize {
        let crowded = self.crowded.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(scopes) = crowded.get(&(slot, text.to_owned())) else { return 0 };
        let seen = scopes.iter().filter(|(scope, _)| reads(**scope));
        seen.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Keeps how many terms of each scope a beginning stands for at least, where that is too many for somebody. It is true
    /// of everybody, and each learns of it only what the own scopes add up to.
    pub(super) fn keep_met(&self, slot: Slot, text: &str, scopes: HashMap<Scope, usize>) {
        let mut crowded = self.crowded.lock().unwrap_or_else(PoisonError::into_inner);
        if crowded.len() >= MOST_CROWDED {
            crowded.clear();
        }
        let kept = crowded.entry((slot, text.to_owned())).or_default();
        for (scope, count) in scopes {
            let known = kept.entry(scope).or_default();
            *known = count.max(*known);
        }
    }

    /// What is read of single rows.
    pub(super) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The place of a row's pair; behind all of them for a row that is not there.
    pub(super) fn place(&self, row: DocId) -> usize {
        let place = match &self.places {
            Places::Narrow(places) => places.get(row as usize).map(|place| usize::from(*place)),
            Places::Wide(places) => places.get(row as usize).map(|place| *place as usize),
        };
        place.unwrap_or(usize::MAX)
    }

    /// The entity's number of a place.
    pub(super) fn kind(&self, place: usize) -> u32 {
        self.pairs.get(place).map_or(u32::MAX, |(kind, _)| *kind)
    }

    /// How many pairs there are.
    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }
}

/// Which rows of a segment one person sees.
pub(super) struct Mask {
    /// The pairs of the segment.
    pub(super) pairs: Arc<Pairs>,
    /// Whether a pair is visible, by its place.
    seen: Box<[bool]>,
    /// Whether every row is.
    whole: bool,
    /// How much is visible by class.
    known: PairStats,
    /// Rows that are visible one by one.
    singly: HashSet<DocId>,
}

impl Mask {
    fn of(pairs: Arc<Pairs>, singly: HashSet<DocId>, sees: impl Fn(Pair) -> bool) -> Self {
        let seen: Box<[bool]> = pairs.pairs.iter().map(|pair| sees(*pair)).collect();
        let mut known = PairStats::default();
        let visible = pairs.stats.iter().zip(&seen).filter(|(_, seen)| **seen);
        visible.for_each(|(stats, _)| known.merge(stats));
        let whole = seen.iter().all(|seen| *seen);
        Self { pairs, seen, whole, known, singly }
    }

    /// Its memory, roughly.
    fn bytes(&self) -> usize {
        let singly = self.singly.capacity().saturating_mul(ROW_OF_A_MASK);
        self.seen.len().saturating_add(singly).saturating_add(REST_OF_A_MASK)
    }

    fn by_class(&self, row: DocId) -> bool {
        self.seen.get(self.pairs.place(row)).copied().unwrap_or_default()
    }

    fn shows(&self, row: DocId) -> bool {
        self.whole || self.by_class(row) || (!self.singly.is_empty() && self.singly.contains(&row))
    }

    /// Nearly how many rows are visible.
    fn rows(&self) -> u64 {
        let singly = u64::try_from(self.singly.len()).unwrap_or(u64::MAX);
        self.known.rows.saturating_add(singly)
    }

    /// How many rows that are visible by class have a term.
    fn frequency(&self, reader: &SegmentReader, term: &Term) -> tantivy::Result<u64> {
        let index = reader.inverted_index(term.field())?;
        let Some(place) = index.get_term_info(term)? else { return Ok(0) };
        if self.whole {
            return Ok(u64::from(place.doc_freq));
        }
        let mut list = index.read_postings_from_terminfo(&place, IndexRecordOption::Basic)?;
        let mut sum = 0_u64;
        // What is rare is counted anew as fast as it is looked up.
        if place.doc_freq < FEWEST_KEPT {
            while list.doc() != TERMINATED {
                sum = sum.saturating_add(u64::from(self.by_class(list.doc())));
                list.advance();
            }
            return Ok(sum);
        }
        for (place, count) in self.pairs.counted(term, list).iter() {
            let seen = self.seen.get(*place as usize).copied().unwrap_or_default();
            sum = sum.saturating_add(if seen { u64::from(*count) } else { 0 });
        }
        Ok(sum)
    }
}

/// Whose masks they are: the number of a visibility, and the entities that were asked for.
type Viewer = (u64, Vec<u32>);

/// What is kept of each segment: its pairs, and the masks of those who searched.
#[derive(Default)]
struct Kept {
    pairs: HashMap<SegmentId, Arc<Pairs>>,
    masks: HashMap<Viewer, HashMap<SegmentId, Arc<Mask>>>,
}

/// The pairs that occur in each segment, and who sees which of them.
#[derive(Default)]
pub(super) struct PairsBySegment(Mutex<Kept>);

impl PairsBySegment {
    /// The records of index and tail that a person may see and a query asks for.
    pub(super) fn visible(
        &self,
        searcher: &Searcher,
        tail: &Tail,
        query: &Query,
        (visible, fields): (&dyn Visibility, &Fields),
    ) -> tantivy::Result<VisibleRecords> {
        let viewer = visible.number().map(|number| (number, query.kinds.clone()));
        let sees = |(kind, class): Pair| query.asks_for(kind) && visible.allows(kind, class);
        let singly = visible.singly().into_iter().filter(|(kind, _)| query.asks_for(*kind));
        let singly: HashSet<RecordId> = singly.map(|(_, record)| record).collect();
        let mut masks = self.known(viewer.as_ref());
        let mut fresh = false;
        let mut known = PairStats::default();
        for reader in searcher.segment_readers() {
            let mask = match masks.get(&reader.segment_id()).cloned() {
                Some(mask) => mask,
                None => {
                    let mut rows = HashSet::new();
                    for record in &singly {
                        rows.extend(rows_of_record(reader, fields.record, *record)?);
                    }
                    fresh = true;
                    Arc::new(Mask::of(self.pairs(reader, fields)?, rows, sees))
                }
            };
            known.merge(&mask.known);
            masks.insert(reader.segment_id(), mask);
        }
        if let Some(viewer) = viewer.filter(|_| fresh) {
            self.keep_masks(viewer, &masks);
        }
        let seen = tail.pairs().iter().filter(|(pair, _)| sees(**pair));
        let mut in_tail = HashSet::new();
        seen.for_each(|(pair, stats)| {
            known.merge(stats);
            in_tail.insert(*pair);
        });
        let superseded = tail.superseded();
        Ok(VisibleRecords { masks: Arc::new(masks), in_tail, singly, superseded, left_out: None, known })
    }

    /// Forgets segments that merges have replaced.
    pub(super) fn keep(&self, searcher: &Searcher) {
        let alive: HashSet<SegmentId> =
            searcher.segment_readers().iter().map(SegmentReader::segment_id).collect();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pairs.retain(|segment, _| alive.contains(segment));
        // Who sees otherwise by now has another number, and would leave an empty entry behind for each.
        kept.masks.retain(|_, masks| {
            masks.retain(|segment, _| alive.contains(segment));
            !masks.is_empty()
        });
    }

    fn known(&self, viewer: Option<&Viewer>) -> HashMap<SegmentId, Arc<Mask>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        viewer.and_then(|viewer| kept.masks.get(viewer)).cloned().unwrap_or_default()
    }

    fn keep_masks(&self, viewer: Viewer, masks: &HashMap<SegmentId, Arc<Mask>>) {
        let size = |masks: &HashMap<SegmentId, Arc<Mask>>| -> usize {
            masks.values().map(|mask| mask.bytes()).sum()
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = kept.masks.values().map(size).sum();
        if all.saturating_add(size(masks)) > MOST_OF_MASKS {
            kept.masks.clear();
        }
        kept.masks.insert(viewer, masks.clone());
    }

    fn pairs(&self, reader: &SegmentReader, fields: &Fields) -> tantivy::Result<Arc<Pairs>> {
        let known = |kept: &Kept| kept.pairs.get(&reader.segment_id()).cloned();
        if let Some(pairs) = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(pairs);
        }
        let pairs = Arc::new(Pairs::of(reader, fields)?);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pairs.insert(reader.segment_id(), Arc::clone(&pairs));
        Ok(pairs)
    }
}

/// The records that exist for one person, as a part of a query.
#[derive(Clone)]
pub(super) struct VisibleRecords {
    masks: Arc<HashMap<SegmentId, Arc<Mask>>>,
    /// What is visible of the tail by class.
    in_tail: HashSet<Pair>,
    /// Records that are visible one by one.
    singly: HashSet<RecordId>,
    /// Rows that are older than the tail.
    superseded: Arc<Superseded>,
    /// A record that is not wanted.
    left_out: Option<RecordId>,
    /// How much is visible by class.
    known: PairStats,
}

impl fmt::Debug for VisibleRecords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VisibleRecords({} by class, {} singly)", self.known.rows, self.singly.len())
    }
}

impl VisibleRecords {
    /// Whether nothing at all is visible.
    pub(super) fn is_empty(&self) -> bool {
        self.known.rows == 0 && self.singly.is_empty()
    }

    /// Whether a record of the tail is visible.
    pub(super) fn shows(&self, document: &Document) -> bool {
        self.left_out != Some(document.record)
            && (self.in_tail.contains(&document.pair()) || self.singly.contains(&document.record))
    }

    /// The pairs of the tail that are visible.
    pub(super) fn pairs_of_tail(&self) -> &HashSet<Pair> {
        &self.in_tail
    }

    /// Leaves a record out, which the person sees.
    pub(super) fn leave_out(
        &mut self,
        record: RecordId,
        searcher: &Searcher,
        fields: &Fields,
    ) -> tantivy::Result<()> {
        self.left_out = Some(record);
        let mut all = Superseded::clone(&self.superseded);
        for reader in searcher.segment_readers() {
            let rows = rows_of_record(reader, fields.record, record)?;
            if !rows.is_empty() {
                Arc::make_mut(all.entry(reader.segment_id()).or_default()).extend(rows);
            }
        }
        self.superseded = Arc::new(all);
        Ok(())
    }

    /// What is visible of a segment.
    pub(super) fn of(&self, segment: SegmentId) -> tantivy::Result<VisibleRows> {
        let mask = self.masks.get(&segment).cloned();
        let mask = mask.ok_or_else(|| TantivyError::InternalError("a part that nobody knows".to_owned()))?;
        Ok(VisibleRows { mask, superseded: self.superseded.get(&segment).cloned() })
    }
}

/// What is visible of a segment: the filter of each row.
#[derive(Clone)]
pub(super) struct VisibleRows {
    /// The rows of the person.
    pub(super) mask: Arc<Mask>,
    /// Rows that are older than the tail.
    superseded: Option<Arc<HashSet<DocId>>>,
}

impl VisibleRows {
    /// Whether a row is visible.
    pub(super) fn shows(&self, row: DocId) -> bool {
        self.mask.shows(row) && self.superseded.as_ref().is_none_or(|rows| !rows.contains(&row))
    }

    fn is_whole(&self) -> bool {
        self.mask.whole && self.superseded.is_none()
    }

    /// Whether any row of a term is visible, and was not deleted.
    fn meets(&self, reader: &SegmentReader, field: Field, place: &TermInfo) -> tantivy::Result<bool> {
        let index = reader.inverted_index(field)?;
        let mut list = index.read_postings_from_terminfo(place, IndexRecordOption::Basic)?;
        let alive = reader.alive_bitset();
        while list.doc() != TERMINATED {
            if self.shows(list.doc()) && alive.is_none_or(|alive| alive.is_alive(list.doc())) {
                return Ok(true);
            }
            list.advance();
        }
        Ok(false)
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

/// The filter as a query, for what costs more to match than to look whether a row is visible. It adds nothing to a
/// score.
#[derive(Debug, Clone)]
pub(super) struct OfVisible(pub(super) VisibleRecords);

impl IndexQuery for OfVisible {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(OfVisibleWeight(self.0.clone())))
    }
}

struct OfVisibleWeight(VisibleRecords);

impl Weight for OfVisibleWeight {
    fn scorer(&self, reader: &SegmentReader, _: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let rows = self.0.of(reader.segment_id())?;
        if rows.is_whole() {
            return Ok(Box::new(ConstScorer::new(AllScorer::new(reader.max_doc()), 0.0)));
        }
        let mut seen = SeenRows { rows, row: 0, end: reader.max_doc() };
        seen.row = seen.from(0);
        Ok(Box::new(ConstScorer::new(seen, 0.0)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument("what is visible is not explained".to_owned()))
    }
}

/// The rows that are visible, in their order.
struct SeenRows {
    rows: VisibleRows,
    row: DocId,
    end: DocId,
}

impl SeenRows {
    fn from(&self, row: DocId) -> DocId {
        (row..self.end).find(|row| self.rows.shows(*row)).unwrap_or(TERMINATED)
    }
}

impl DocSet for SeenRows {
    fn advance(&mut self) -> DocId {
        self.row = self.from(self.row.saturating_add(1));
        self.row
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target > self.row {
            self.row = self.from(target);
        }
        self.row
    }

    fn doc(&self) -> DocId {
        self.row
    }

    fn size_hint(&self) -> u32 {
        u32::try_from(self.rows.mask.rows()).unwrap_or(u32::MAX)
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

    /// Whether any record that is visible has a term, by class or singly, as it is now.
    pub(super) fn occurs(&self, slot: Slot, text: &str) -> tantivy::Result<bool> {
        let term = Term::from_field_text(self.fields.of(slot), text);
        for reader in self.searcher.segment_readers() {
            let rows = self.visible.of(reader.segment_id())?;
            // The count of a frequent term is kept, and a walk over rows that are all hidden would go on to the last one.
            if rows.mask.singly.is_empty() && rows.mask.frequency(reader, &term)? == 0 {
                continue;
            }
            let index = reader.inverted_index(term.field())?;
            let Some(place) = index.get_term_info(&term)? else { continue };
            if rows.meets(reader, term.field(), &place)? {
                return Ok(true);
            }
        }
        Ok(self.tail.any_has(slot, text, |document| self.visible.shows(document)))
    }

    /// The same of any of several terms.
    pub(super) fn any_occurs(&self, slot: Slot, terms: &Terms) -> tantivy::Result<bool> {
        for reader in self.searcher.segment_readers() {
            let rows = self.visible.of(reader.segment_id())?;
            for place in terms.listed.get(&reader.segment_id()).into_iter().flatten() {
                if rows.meets(reader, self.fields.of(slot), place)? {
                    return Ok(true);
                }
            }
        }
        let has = |term: &String| self.tail.any_has(slot, term, |document| self.visible.shows(document));
        Ok(terms.in_tail.iter().any(has))
    }

    /// How many of them have a term.
    pub(super) fn of(&self, term: &Term) -> tantivy::Result<u64> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = known.get(term) {
            return Ok(*count);
        }
        let slot = self.fields.slot_of(term.field());
        let text = term.value().as_str().unwrap_or_default().to_owned();
        let pairs = self.visible.pairs_of_tail();
        let mut count = slot.map_or(0, |slot| self.tail.frequency(slot, &text, pairs));
        for reader in self.searcher.segment_readers() {
            let rows = self.visible.of(reader.segment_id())?;
            count = count.saturating_add(rows.mask.frequency(reader, term)?);
        }
        let count = count.min(self.records());
        known.insert(term.clone(), count);
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

    /// What a find in a scope counts.
    pub(super) fn weight(&self, scope: Scope) -> f32 {
        self.query.field_weights.get(&(scope.kind, scope.field)).copied().unwrap_or(1.0)
    }

    /// Whether terms of this scope may match.
    pub(super) fn contains(&mut self, scope: Scope) -> bool {
        let Self { visible, query, answers } = self;
        *answers
            .entry(scope)
            .or_insert_with(|| query.asks_for_field(scope) && visible.reads(scope.kind, scope.field))
    }
}
