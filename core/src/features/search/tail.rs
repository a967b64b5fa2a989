//! What was committed since the index was last written, in memory: found without a commit of the index.
//!
//! It holds the documents themselves, until they go to the index together, and the same terms at the
//! same places as the index would. Invariants: a record is in it once, as it is now or as gone; its size
//! is bounded by whoever fills it, who asks [`Tail::is_full`]; what it holds of a record goes with it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentId;
use tantivy::query::{Bm25StatisticsProvider, Bm25Weight};
use tantivy::{DocId, Term};

use super::analysis::{SLOTS, Slot};
use super::index::Change;
use super::plan::{Plan, TIE_BREAKER, flat};
use super::schema::{Document, Fields, analyzed};
use super::visibility::{Pair, PairStats};
use crate::base::RecordId;

/// Most records of a tail.
const MAX_ROWS: usize = 2_000;
/// Most memory of a tail, in bytes as they are counted here.
const MAX_BYTES: usize = 8_000_000;
/// How many times that may wait while the files take nothing.
const MOST_TIMES: usize = 4;
/// What a term of a record costs beside its text, in bytes: its place in a tree and in two lists.
const PER_TERM: usize = 96;

/// Number of a row of the tail.
type Row = u32;

/// Where a term stands: rows and places in them, in rising order. Rows come in this order.
type Places = Vec<(Row, u32)>;

/// The places of one row.
fn of_row(places: &[(Row, u32)], row: Row) -> &[(Row, u32)] {
    let from = places.partition_point(|(other, _)| *other < row);
    let rest = places.get(from..).unwrap_or_default();
    rest.get(..rest.partition_point(|(other, _)| *other == row)).unwrap_or_default()
}

/// The rows of a term, each with its places.
fn rows_of(places: &Places) -> impl Iterator<Item = (Row, &[(Row, u32)])> {
    let rows = places.chunk_by(|(left, _), (right, _)| left == right);
    rows.filter_map(|places| places.first().map(|(row, _)| (*row, places)))
}

/// Rows of the index that do not count any more, by segment.
pub(super) type Superseded = HashMap<SegmentId, Arc<HashSet<DocId>>>;

/// A record of the tail.
struct Kept {
    document: Document,
    /// How many terms it has in each dictionary.
    lengths: [u32; SLOTS],
    terms: Vec<(Slot, Arc<str>)>,
    bytes: usize,
}

/// The records that changed, and the rows of the index that they supersede.
#[derive(Default)]
pub(super) struct Tail {
    rows: HashMap<Row, Kept>,
    /// The row of each record that changed; none of one that is gone.
    records: HashMap<RecordId, Option<Row>>,
    dictionaries: [BTreeMap<Arc<str>, Places>; SLOTS],
    pairs: BTreeMap<Pair, PairStats>,
    superseded: Arc<Superseded>,
    next: Row,
    bytes: usize,
}

impl Tail {
    /// Whether it is to be brought to the index.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= MAX_ROWS || self.bytes >= MAX_BYTES
    }

    /// Whether no more is to be taken, though it cannot be brought to the index.
    pub(super) fn is_stuffed(&self) -> bool {
        self.records.len() >= MAX_ROWS.saturating_mul(MOST_TIMES)
            || self.bytes >= MAX_BYTES.saturating_mul(MOST_TIMES)
    }

    /// How many records it knows of.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Its memory, in bytes as they are counted here.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows of the index that do not count any more.
    pub(super) fn superseded(&self) -> Arc<Superseded> {
        Arc::clone(&self.superseded)
    }

    /// What there is by entity and access class.
    pub(super) fn pairs(&self) -> &BTreeMap<Pair, PairStats> {
        &self.pairs
    }

    /// Takes a change, with the rows of the index that its record has.
    pub(super) fn take(&mut self, change: Change, rows: Vec<(SegmentId, DocId)>) {
        let superseded = Arc::make_mut(&mut self.superseded);
        for (segment, row) in rows {
            Arc::make_mut(superseded.entry(segment).or_default()).insert(row);
        }
        match change {
            Change::Delete(record) => {
                self.forget(record);
                self.records.insert(record, None);
            }
            Change::Upsert(document) => {
                self.forget(document.record);
                self.keep(document);
            }
        }
        self.bytes = self.bytes.saturating_add(PER_TERM);
    }

    fn keep(&mut self, document: Document) {
        let row = self.next;
        self.next = self.next.wrapping_add(1);
        let mut lengths = [0_u32; SLOTS];
        let mut terms = Vec::new();
        let texts: usize = document.fields.iter().map(|(_, _, text)| text.len()).sum();
        let mut bytes = texts;
        let mut bases = [0_u32; SLOTS];
        for value in analyzed(&document) {
            let place = value.slot as usize;
            let base = bases.get(place).copied().unwrap_or_default();
            let mut last = base;
            for (position, text) in value.terms {
                let text: Arc<str> = Arc::from(text);
                let position = base.saturating_add(position);
                last = last.max(position);
                bytes = bytes.saturating_add(text.len()).saturating_add(PER_TERM);
                let Some(dictionary) = self.dictionaries.get_mut(place) else { continue };
                let places = dictionary.entry(Arc::clone(&text)).or_default();
                if places.last().is_none_or(|(last, _)| *last != row) {
                    terms.push((value.slot, text));
                }
                let here = (row, position);
                // Nearly all come in their order.
                let end = match places.last() {
                    Some(last) if *last > here => places.partition_point(|known| *known <= here),
                    _ => places.len(),
                };
                places.insert(end, here);
                if let Some(length) = lengths.get_mut(place) {
                    *length = length.saturating_add(1);
                }
            }
            if let Some(base) = bases.get_mut(place) {
                *base = last.saturating_add(2);
            }
        }
        self.pairs.entry(document.pair()).or_default().add(1, &lengths);
        self.records.insert(document.record, Some(row));
        self.bytes = self.bytes.saturating_add(bytes);
        self.rows.insert(row, Kept { document, lengths, terms, bytes });
    }

    fn forget(&mut self, record: RecordId) {
        let Some(row) = self.records.remove(&record).flatten() else { return };
        let Some(kept) = self.rows.remove(&row) else { return };
        for (slot, text) in &kept.terms {
            let Some(dictionary) = self.dictionaries.get_mut(*slot as usize) else { continue };
            let Some(places) = dictionary.get_mut(text) else { continue };
            places.retain(|(other, _)| *other != row);
            if places.is_empty() {
                dictionary.remove(text);
            }
        }
        if let Some(stats) = self.pairs.get_mut(&kept.document.pair()) {
            stats.remove(1, &kept.lengths);
        }
        self.pairs.retain(|_, stats| stats.rows > 0);
        self.bytes = self.bytes.saturating_sub(kept.bytes);
    }

    /// Everything in it, as changes of the index.
    pub(super) fn changes(&self) -> Vec<Change> {
        let change = |(record, row): (&RecordId, &Option<Row>)| {
            let kept = row.and_then(|row| self.rows.get(&row));
            kept.map_or(Change::Delete(*record), |kept| Change::Upsert(kept.document.clone()))
        };
        self.records.iter().map(change).collect()
    }

    /// A record of the tail by its row.
    pub(super) fn document(&self, row: Row) -> Option<&Document> {
        self.rows.get(&row).map(|kept| &kept.document)
    }

    /// The terms of a dictionary from one key to below another.
    pub(super) fn terms<'a>(&'a self, slot: Slot, from: &str, to: &[u8]) -> impl Iterator<Item = &'a str> {
        let to = to.to_vec();
        let dictionary = self.dictionaries.get(slot as usize);
        let range = dictionary
            .into_iter()
            .flat_map(move |terms| terms.range::<str, _>((Bound::Included(from), Bound::Unbounded)));
        range.map(|(term, _)| term.as_ref()).take_while(move |term| term.as_bytes() < to.as_slice())
    }

    /// Every term of a dictionary.
    pub(super) fn all_terms(&self, slot: Slot) -> impl Iterator<Item = &str> {
        self.dictionaries.get(slot as usize).into_iter().flat_map(BTreeMap::keys).map(AsRef::as_ref)
    }

    /// How many records have a term, of those of some pairs.
    pub(super) fn frequency(&self, slot: Slot, term: &str, pairs: &HashSet<Pair>) -> u64 {
        let places = self.dictionaries.get(slot as usize).and_then(|dictionary| dictionary.get(term));
        let seen = |row: Row| self.document(row).is_some_and(|document| pairs.contains(&document.pair()));
        let count = places.map_or(0, |places| rows_of(places).filter(|(row, _)| seen(*row)).count());
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// Whether any record has a term, of those that are shown.
    pub(super) fn any_has(&self, slot: Slot, term: &str, shows: impl Fn(&Document) -> bool) -> bool {
        let places = self.dictionaries.get(slot as usize).and_then(|dictionary| dictionary.get(term));
        let mut rows = places.into_iter().flat_map(rows_of);
        rows.any(|(row, _)| self.document(row).is_some_and(&shows))
    }

    /// The rows that match, with their scores, whoever may see them.
    pub(super) fn matches(
        &self,
        plan: &Plan,
        fields: &Fields,
        rarity: &dyn Bm25StatisticsProvider,
    ) -> tantivy::Result<BTreeMap<Row, f32>> {
        let each = |parts: &[Plan]| -> tantivy::Result<Vec<BTreeMap<Row, f32>>> {
            parts.iter().map(|part| self.matches(part, fields, rarity)).collect()
        };
        Ok(match plan {
            Plan::Phrase { slot, terms, weight } => self.phrase(*slot, terms, *weight, (fields, rarity))?,
            Plan::Set { slot, terms, score } => {
                let dictionary = self.dictionaries.get(*slot as usize);
                let rows = terms.in_tail.iter().filter_map(|term| dictionary?.get(term.as_str()));
                rows.flat_map(rows_of).map(|(row, _)| (row, *score)).collect()
            }
            Plan::All(parts) => at_least(parts.len(), each(parts)?),
            Plan::Any(parts) => best(each(parts)?),
            Plan::Some { least, parts } => at_least(*least, each(parts)?),
            Plan::Without(wanted, unwanted) => {
                let unwanted = self.matches(unwanted, fields, rarity)?;
                let mut wanted = self.matches(wanted, fields, rarity)?;
                wanted.retain(|row, _| !unwanted.contains_key(row));
                wanted
            }
        })
    }

    fn phrase(
        &self,
        slot: Slot,
        terms: &[(usize, String)],
        weight: f32,
        (fields, rarity): (&Fields, &dyn Bm25StatisticsProvider),
    ) -> tantivy::Result<BTreeMap<Row, f32>> {
        let mut found = BTreeMap::new();
        let dictionary = self.dictionaries.get(slot as usize);
        let lists: Option<Vec<(u32, &Places)>> = terms
            .iter()
            .map(|(place, term)| Some((u32::try_from(*place).ok()?, dictionary?.get(term.as_str())?)))
            .collect();
        let Some(((first, rows), others)) = lists.as_ref().and_then(|lists| lists.split_first()) else {
            return Ok(found);
        };
        let mut bm25 = None;
        for (row, places) in rows_of(rows) {
            let at = |place: u32| {
                others.iter().all(|(offset, rows)| {
                    let wanted = place.saturating_add(*offset).checked_sub(*first);
                    wanted.is_some_and(|wanted| of_row(rows, row).binary_search(&(row, wanted)).is_ok())
                })
            };
            let count = places.iter().filter(|(_, place)| at(*place)).count();
            if count == 0 {
                continue;
            }
            if let Some(score) = flat(slot) {
                found.insert(row, score * weight);
                continue;
            }
            if bm25.is_none() {
                let field = fields.of(slot);
                let terms: Vec<Term> =
                    terms.iter().map(|(_, text)| Term::from_field_text(field, text)).collect();
                bm25 = Some(Bm25Weight::for_terms(rarity, &terms)?.boost_by(weight));
            }
            let length = self.rows.get(&row).and_then(|kept| kept.lengths.get(slot as usize)).copied();
            let length = FieldNormReader::fieldnorm_to_id(length.unwrap_or_default());
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            found.insert(row, bm25.as_ref().map_or(0.0, |bm25| bm25.score(length, count)));
        }
        Ok(found)
    }
}

/// Rows that are in at least some of the parts, with the sum of their scores.
fn at_least(least: usize, parts: Vec<BTreeMap<Row, f32>>) -> BTreeMap<Row, f32> {
    let mut sums: BTreeMap<Row, (usize, f32)> = BTreeMap::new();
    for (row, score) in parts.into_iter().flatten() {
        let sum = sums.entry(row).or_default();
        *sum = (sum.0.saturating_add(1), sum.1 + score);
    }
    let enough = sums.into_iter().filter(|(_, (count, _))| *count >= least);
    enough.map(|(row, (_, score))| (row, score)).collect()
}

/// Rows that are in any of the parts, with the best of their scores and a tenth of the others.
fn best(parts: Vec<BTreeMap<Row, f32>>) -> BTreeMap<Row, f32> {
    let mut found: BTreeMap<Row, (f32, f32)> = BTreeMap::new();
    for (row, score) in parts.into_iter().flatten() {
        let (best, sum) = found.entry(row).or_default();
        (*best, *sum) = (best.max(score), *sum + score);
    }
    found.into_iter().map(|(row, (best, sum))| (row, best + (sum - best) * TIE_BREAKER)).collect()
}
