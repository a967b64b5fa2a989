//! The ranges of all classes read side by side and merged into one order.

use std::collections::{BTreeMap, VecDeque};

use crate::base::{RecordId, Result};
use crate::records::query::plan::Plan;
use crate::storage::{Keyspace, Page, RangeRequest, Snapshot, continue_after};

/// Most keys that one class reads ahead.
const READ_AHEAD: usize = 64;
/// Most keys that all classes together read ahead, where they are many.
const READ_AHEAD_OF_ALL: usize = 1_024;

/// The keys of one range, read ahead in small pages.
struct Lane {
    range: RangeRequest,
    /// How many bytes at the front of its keys do not order them.
    lead: usize,
    rows: VecDeque<Vec<u8>>,
    more: bool,
    /// Most keys that it reads ahead.
    most: usize,
}

impl Lane {
    /// Records that are named, rising, behind one of them.
    fn of(ids: &[RecordId], after: Option<&[u8]>) -> Self {
        let behind = |id: &&RecordId| after.is_none_or(|after| id.as_bytes().as_slice() > after);
        Self {
            range: RangeRequest::prefix(Keyspace::Index, &[], 0),
            lead: 0,
            rows: ids.iter().filter(behind).map(|id| id.as_bytes().to_vec()).collect(),
            more: false,
            most: 0,
        }
    }

    fn fill(&mut self, snapshot: &dyn Snapshot) -> Result<()> {
        if self.rows.is_empty() && self.more {
            self.take(snapshot.scan(&self.range)?);
        }
        Ok(())
    }

    fn take(&mut self, page: Page) {
        self.more = page.more;
        if let Some((last, _)) = page.rows.last() {
            continue_after(&mut self.range, last.clone());
        }
        let lead = self.lead;
        self.rows.extend(page.rows.into_iter().map(|(mut key, _)| {
            key.drain(..lead.min(key.len()));
            key
        }));
        // A lane that is read to its end so soon holds much of the list.
        self.range.max_rows = self.range.max_rows.saturating_mul(2).min(self.most);
    }
}

/// All ranges of a plan merged into one order, that of (components ‖ id), rising or falling.
pub(super) struct Merge {
    lanes: Vec<Lane>,
    /// The next key of each lane that has one, with the lane.
    heads: BTreeMap<(Vec<u8>, usize), ()>,
    reverse: bool,
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
        let lanes = plan.lanes().map(|(mut range, lead)| {
            range.max_rows = read_ahead;
            if let Some(after) = after {
                skip(&mut range, lead, after);
            }
            Lane { range, lead, rows: VecDeque::new(), more: true, most }
        });
        let mut merge = Self {
            lanes: lanes.chain(plan.these.as_deref().map(|ids| Lane::of(ids, after))).collect(),
            heads: BTreeMap::new(),
            reverse: plan.reverse,
            met: None,
            several: plan.several,
        };
        let mut waiting: Vec<&mut Lane> = merge.lanes.iter_mut().filter(|lane| lane.more).collect();
        let ranges: Vec<RangeRequest> = waiting.iter().map(|lane| lane.range.clone()).collect();
        for (lane, page) in waiting.iter_mut().zip(snapshot.scan_many(&ranges)?) {
            lane.take(page);
        }
        for number in 0..merge.lanes.len() {
            merge.advance(snapshot, number)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, snapshot: &dyn Snapshot, number: usize) -> Result<()> {
        if let Some(lane) = self.lanes.get_mut(number) {
            lane.fill(snapshot)?;
            if let Some(key) = lane.rows.pop_front() {
                self.heads.insert((key, number), ());
            }
        }
        Ok(())
    }

    fn next(&mut self, snapshot: &dyn Snapshot) -> Result<Option<Vec<u8>>> {
        loop {
            let first = if self.reverse { self.heads.pop_last() } else { self.heads.pop_first() };
            let Some(((key, lane), ())) = first else { return Ok(None) };
            self.advance(snapshot, lane)?;
            if !self.several {
                return Ok(Some(key));
            }
            if self.met.as_ref() != Some(&key) {
                self.met = Some(key.clone());
                return Ok(Some(key));
            }
        }
    }

    /// The next records, as many as are wanted or there are.
    pub fn batch(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<Vec<RecordId>> {
        let mut ids = Vec::new();
        while ids.len() < most {
            let Some(key) = self.next(snapshot)? else { break };
            ids.extend(RecordId::from_suffix(&key));
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
