//! The ranges of all classes read side by side and merged into one order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;

use crate::access::ClassId;
use crate::base::{RecordId, Result};
use crate::records::derived::INDEX_PREFIX;
use crate::records::query::plan::Plan;
use crate::storage::{Keyspace, Page, RangeRequest, Snapshot, continue_after};

/// Most keys that one class reads ahead.
const READ_AHEAD: usize = 64;
/// Most keys that all classes together read ahead, where they are many.
const READ_AHEAD_OF_ALL: usize = 1_024;

/// A key of a page that others may read, too.
#[derive(Clone)]
struct Key {
    page: Arc<Page>,
    place: usize,
}

impl Key {
    fn bytes(&self) -> &[u8] {
        self.page.rows.get(self.place).map(|(key, _)| key.as_slice()).unwrap_or_default()
    }
}

/// The keys of one range, read ahead in small pages.
struct Lane {
    range: RangeRequest,
    /// How many bytes at the front of its keys do not order them.
    lead: usize,
    page: Arc<Page>,
    /// The next key of the page.
    place: usize,
    /// Whether there are keys behind the page.
    more: bool,
    /// Most keys that it reads ahead.
    most: usize,
}

impl Lane {
    /// Records that are named, rising, behind one of them.
    fn of(ids: &[RecordId], after: Option<&[u8]>) -> Self {
        let behind = |id: &&RecordId| after.is_none_or(|after| id.as_bytes().as_slice() > after);
        let rows = ids.iter().filter(behind).map(|id| (id.as_bytes().to_vec(), Vec::new())).collect();
        let range = RangeRequest::prefix(Keyspace::Index, &[], 0);
        Self { range, lead: 0, page: Arc::new(Page { rows, more: false }), place: 0, more: false, most: 0 }
    }

    /// The next key, whole.
    fn next(&mut self, snapshot: &dyn Snapshot) -> Result<Option<Key>> {
        if self.place >= self.page.rows.len() && self.more {
            if let Some((last, _)) = self.page.rows.last() {
                continue_after(&mut self.range, last.clone());
            }
            let page = snapshot.scan_kept(&self.range)?;
            self.take(page);
        }
        let key = Key { page: Arc::clone(&self.page), place: self.place };
        self.place = self.place.saturating_add(1);
        Ok((key.place < self.page.rows.len()).then_some(key))
    }

    fn take(&mut self, page: Arc<Page>) {
        self.more = page.more;
        (self.page, self.place) = (page, 0);
        // A lane that is read to its end so soon holds much of the list.
        self.range.max_rows = self.range.max_rows.saturating_mul(2).min(self.most);
    }
}

/// The next key of a lane. The greatest is that which comes first.
struct Head {
    key: Key,
    lead: usize,
    lane: usize,
    reverse: bool,
}

impl Head {
    /// The part of the key that orders it.
    fn place(&self) -> &[u8] {
        self.key.bytes().get(self.lead..).unwrap_or_default()
    }

    /// The class whose key it is.
    fn class(&self) -> Option<ClassId> {
        let class = self.key.bytes().get(..INDEX_PREFIX)?.last_chunk()?;
        Some(ClassId::new(u32::from_be_bytes(*class)))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        let rising = self.place().cmp(other.place()).then_with(|| self.lane.cmp(&other.lane));
        if self.reverse { rising } else { rising.reverse() }
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

/// All ranges of a plan merged into one order, that of (components ‖ id), rising or falling.
pub(super) struct Merge {
    lanes: Vec<Lane>,
    /// The next key of each lane that has one.
    heads: BinaryHeap<Head>,
    /// The key met last, where a record may be met more than once: without the values that differ, its keys
    /// are alike and follow each other.
    met: Option<Vec<u8>>,
    several: bool,
}

impl Merge {
    /// The merged ranges from the beginning, or behind a key without what all keys of its range begin with.
    pub fn new(
        snapshot: &dyn Snapshot,
        plan: &Plan<'_>,
        after: Option<&[u8]>,
        wanted: usize,
    ) -> Result<Self> {
        let count = plan.lane_count();
        let most = READ_AHEAD.min((READ_AHEAD_OF_ALL / count.max(1)).max(4));
        let read_ahead = match count {
            0 | 1 => wanted.min(most),
            // Twice the even share, since no list is spread evenly.
            several => (wanted.saturating_mul(2) / several).clamp(4, most),
        };
        let (ranges, leads): (Vec<RangeRequest>, Vec<usize>) = plan
            .lanes()
            .map(|(mut range, lead)| {
                range.max_rows = read_ahead;
                if let Some(after) = after {
                    skip(&mut range, lead, after);
                }
                (range, lead)
            })
            .unzip();
        let pages = snapshot.scan_many(&ranges)?;
        let lanes = ranges.into_iter().zip(leads).zip(pages).map(|((range, lead), page)| {
            let mut lane = Lane { range, lead, page: Arc::default(), place: 0, more: true, most };
            lane.take(page);
            lane
        });
        let mut merge = Self {
            lanes: lanes.chain(plan.these.as_deref().map(|ids| Lane::of(ids, after))).collect(),
            heads: BinaryHeap::with_capacity(count),
            met: None,
            several: plan.several,
        };
        for (number, lane) in merge.lanes.iter_mut().enumerate() {
            let key = lane.next(snapshot)?;
            let head = key.map(|key| Head { key, lead: lane.lead, lane: number, reverse: plan.reverse });
            merge.heads.extend(head);
        }
        Ok(merge)
    }

    /// One range by itself, in the order of its keys.
    pub fn of_one(snapshot: &dyn Snapshot, mut range: RangeRequest) -> Result<Self> {
        range.max_rows = READ_AHEAD;
        let (lead, most) = (INDEX_PREFIX, READ_AHEAD_OF_ALL);
        let mut lane = Lane { range, lead, page: Arc::default(), place: 0, more: true, most };
        let first = lane.next(snapshot)?.map(|key| Head { key, lead, lane: 0, reverse: false });
        Ok(Self { lanes: vec![lane], heads: first.into_iter().collect(), met: None, several: false })
    }

    /// The next key without what stands before the components that order it, and the class that it has in front.
    pub fn next_place(&mut self, snapshot: &dyn Snapshot) -> Result<Option<(Vec<u8>, ClassId)>> {
        let place = self.heads.peek().map(|first| (first.place().to_vec(), first.class()));
        Ok(self.next(snapshot)?.and(place).and_then(|(place, class)| Some((place, class?))))
    }

    fn next(&mut self, snapshot: &dyn Snapshot) -> Result<Option<RecordId>> {
        while let Some(mut first) = self.heads.peek_mut() {
            let is_met = self.several && self.met.as_deref() == Some(first.place());
            if self.several && !is_met {
                self.met = Some(first.place().to_vec());
            }
            let id = RecordId::from_suffix(first.key.bytes());
            let following = self.lanes.get_mut(first.lane).map(|lane| lane.next(snapshot)).transpose()?;
            match following.flatten() {
                Some(key) => first.key = key,
                None => drop(PeekMut::pop(first)),
            }
            if !is_met && id.is_some() {
                return Ok(id);
            }
        }
        Ok(None)
    }

    /// The next records, as many as are wanted or there are.
    pub fn batch(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<Vec<RecordId>> {
        let mut ids = Vec::with_capacity(most.min(READ_AHEAD));
        while ids.len() < most {
            let Some(id) = self.next(snapshot)? else { break };
            ids.push(id);
        }
        Ok(ids)
    }
}

/// Narrows a range to what lies behind a key, and never widens it.
fn skip(range: &mut RangeRequest, lead: usize, after: &[u8]) {
    let front = range.low.get(..lead).unwrap_or(&range.low);
    let key = [front, after].concat();
    let (low, high) = (range.low.clone(), range.high.clone());
    continue_after(range, key);
    if range.low < low {
        range.low = low;
    }
    if range.high > high {
        range.high = high;
    }
}
