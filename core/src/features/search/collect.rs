//! What is taken of the rows that match: the best ones in their order, the total, and counts by entity.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::query::Weight;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader, TERMINATED};

use super::query::Boosts;
use super::schema::{Document, owner_number, record_of, second_of};
use super::visibility::{VisibleRecords, VisibleRows};
use crate::base::RecordId;

/// Seconds of a day.
const DAY: f32 = 86_400.0;

/// A row that matches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scored {
    pub(super) score: f32,
    pub(super) record: RecordId,
    pub(super) kind: u32,
}

impl Scored {
    /// The best first, equally good ones by record.
    fn order(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then_with(|| self.record.cmp(&other.record))
    }
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// The best ones, in no order.
    pub(super) best: Vec<Scored>,
    /// All of them.
    pub(super) total: u64,
    /// All of them by the number of the entity.
    pub(super) kinds: BTreeMap<u32, u64>,
}

impl Found {
    /// Counts and keeps one more.
    pub(super) fn add(&mut self, scored: Scored) {
        self.total = self.total.saturating_add(1);
        let count = self.kinds.entry(scored.kind).or_default();
        *count = count.saturating_add(1);
        self.best.push(scored);
    }

    /// The best first, equally good ones by record.
    pub(super) fn sort(&mut self) {
        self.best.sort_by(Scored::order);
    }
}

impl Boosts {
    /// A score with its boosts.
    fn of(&self, score: f32, kind: u32, second: u64, owner: u64) -> f32 {
        let mut factor = 1.0_f32;
        if self.recent > 0.0 {
            let age = second_of(self.now).saturating_sub(second);
            // Precision of some seconds is enough.
            let days = u32::try_from(age).map_or(f32::MAX, |age| f32_of(age) / DAY);
            factor += self.recent * (-days / self.half_life_days.max(0.01)).exp2();
        }
        if let Some((mine, add)) = &self.owned
            && owner_number(mine) == owner
        {
            factor += add;
        }
        rounded(score * factor * self.entities.get(&kind).copied().unwrap_or(1.0))
    }

    /// A score of a record of the tail with its boosts.
    pub(super) fn of_document(&self, score: f32, document: &Document) -> f32 {
        self.of(score, document.kind, second_of(document.changed), owner_number(&document.owner))
    }

    fn needs_columns(&self) -> bool {
        self.recent > 0.0 || self.owned.is_some()
    }
}

/// A score to 13 binary digits: sums that were added in another order are equal, and hits that are equally
/// good go by record, wherever they wait.
fn rounded(score: f32) -> f32 {
    f32::from_bits(score.to_bits().saturating_add(0x200) & !0x3ff)
}

/// A number of seconds as a float; above 16 million it is rounded.
fn f32_of(number: u32) -> f32 {
    number as f32
}

/// Collects the best rows of a query.
pub(super) struct Best<'a> {
    /// How many; none for counts alone.
    pub(super) limit: usize,
    /// What comes earlier.
    pub(super) boosts: &'a Boosts,
    /// What may be seen.
    pub(super) visible: &'a VisibleRecords,
}

impl Collector for Best<'_> {
    type Fruit = Found;
    type Child = BestOfSegment;

    /// Rows are held against what is visible before they are scored.
    fn collect_segment(
        &self,
        weight: &dyn Weight,
        place: SegmentOrdinal,
        reader: &SegmentReader,
    ) -> tantivy::Result<tantivy::Result<Found>> {
        let mut best = self.for_segment(place, reader)?;
        let mut rows = weight.scorer(reader, 1.0)?;
        let alive = reader.alive_bitset();
        let mut row = rows.doc();
        while row != TERMINATED {
            if best.rows.shows(row) && alive.is_none_or(|alive| alive.is_alive(row)) {
                let score = if self.limit > 0 { rows.score() } else { 0.0 };
                best.collect(row, score);
            }
            row = rows.advance();
        }
        Ok(best.harvest())
    }

    fn for_segment(&self, _: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<BestOfSegment> {
        let rows = self.visible.of(reader.segment_id())?;
        Ok(BestOfSegment {
            limit: self.limit,
            boosts: self.boosts.clone(),
            counts: vec![0; rows.mask.pairs.len()],
            rows,
            best: Vec::new(),
            worst: None,
        })
    }

    fn requires_scoring(&self) -> bool {
        self.limit > 0
    }

    fn merge_fruits(&self, fruits: Vec<tantivy::Result<Found>>) -> tantivy::Result<Found> {
        let mut all = Found::default();
        for found in fruits {
            let mut found = found?;
            all.best.append(&mut found.best);
            all.total = all.total.saturating_add(found.total);
            for (kind, count) in found.kinds {
                let sum = all.kinds.entry(kind).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        Ok(all)
    }
}

/// The best rows of one segment.
pub(super) struct BestOfSegment {
    limit: usize,
    boosts: Boosts,
    rows: VisibleRows,
    /// How many match of each pair, by its place.
    counts: Vec<u64>,
    /// The best so far and up to as many others, which are parted when there are twice as many as are wanted: that costs
    /// each row a few comparisons, where a heap is put in order for each.
    best: Vec<Scored>,
    /// The last of the best ones, when they were parted.
    worst: Option<Scored>,
}

impl BestOfSegment {
    /// Leaves the best ones.
    fn part(&mut self) {
        let last = self.limit.saturating_sub(1);
        if self.best.len() > last {
            let (_, worst, _) = self.best.select_nth_unstable_by(last, Scored::order);
            self.worst = Some(*worst);
            self.best.truncate(self.limit);
        }
    }
}

impl SegmentCollector for BestOfSegment {
    type Fruit = tantivy::Result<Found>;

    fn collect(&mut self, row: DocId, score: Score) {
        let place = self.rows.mask.pairs.place(row);
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
        if self.limit == 0 {
            return;
        }
        let columns = self.rows.mask.pairs.columns();
        let (second, owner) = match self.boosts.needs_columns() {
            true => (columns.changed.get_val(row), columns.owner.get_val(row)),
            false => (0, 0),
        };
        let kind = self.rows.mask.pairs.kind(place);
        let score = self.boosts.of(score, kind, second, owner);
        if self.worst.is_some_and(|worst| score < worst.score) {
            return;
        }
        let record = record_of(columns.record.each_ref().map(|half| half.get_val(row)));
        self.best.push(Scored { score, record, kind });
        if self.best.len() >= self.limit.saturating_mul(2) {
            self.part();
        }
    }

    fn harvest(mut self) -> tantivy::Result<Found> {
        self.part();
        let mut kinds = BTreeMap::new();
        for (place, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let sum: &mut u64 = kinds.entry(self.rows.mask.pairs.kind(place)).or_default();
            *sum = sum.saturating_add(*count);
        }
        let total = kinds.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
        Ok(Found { best: self.best, total, kinds })
    }
}
