//! The classes of a permit read side by side and merged into one order.

use std::collections::{BTreeMap, VecDeque};

use crate::access::{AccessClass, ClassId, Permit, Read};
use crate::base::{RecordId, Result};
use crate::records::derived::INDEX_PREFIX;
use crate::records::query::plan::Plan;
use crate::storage::{Keyspace, Page, RangeRequest, Snapshot, continue_after, successor};

/// Most keys that one class reads ahead.
const READ_AHEAD: usize = 64;
/// Most keys that all classes together read ahead, where they are many.
const READ_AHEAD_OF_ALL: usize = 1_024;

/// The keys of one class, read ahead in small pages.
struct Lane {
    range: RangeRequest,
    rows: VecDeque<Vec<u8>>,
    more: bool,
    /// Most keys that it reads ahead.
    most: usize,
}

impl Lane {
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
        self.rows.extend(page.rows.into_iter().map(|(mut key, _)| {
            key.drain(..INDEX_PREFIX.min(key.len()));
            key
        }));
        // A lane that is read to its end so soon holds much of the list.
        self.range.max_rows = self.range.max_rows.saturating_mul(2).min(self.most);
    }
}

/// All classes of a permit merged into one order: (value ‖ id) rising or falling.
pub(super) struct Merge {
    lanes: Vec<Lane>,
    /// The next key of each lane that has one, with the lane.
    heads: BTreeMap<(Vec<u8>, usize), ()>,
    reverse: bool,
}

impl Merge {
    pub fn new(
        snapshot: &dyn Snapshot,
        permit: &Permit<Read>,
        plan: &Plan,
        after: Option<&[u8]>,
        wanted: usize,
    ) -> Result<Self> {
        let reached =
            |(_, class): &&(ClassId, AccessClass)| plan.owner.is_none_or(|owner| owner == class.owner);
        let classes: Vec<ClassId> = permit.classes().iter().filter(reached).map(|(id, _)| *id).collect();
        let most = READ_AHEAD.min((READ_AHEAD_OF_ALL / classes.len().max(1)).max(4));
        let read_ahead = match classes.len() {
            0 | 1 => wanted.min(most),
            // Twice the even share, since no list is spread evenly.
            several => (wanted.saturating_mul(2) / several).clamp(4, most),
        };
        let mut merge = Self { lanes: Vec::new(), heads: BTreeMap::new(), reverse: plan.reverse };
        for class in &classes {
            let mut prefix = plan.index.prefix(*class);
            let class_prefix = prefix.clone();
            prefix.extend(plan.equal.iter().flatten());
            let mut range = RangeRequest {
                keyspace: Keyspace::Index,
                high: successor(&prefix),
                low: prefix,
                reverse: plan.reverse,
                max_rows: read_ahead,
            };
            if let Some(after) = after {
                continue_after(&mut range, [&class_prefix[..], after].concat());
            }
            merge.lanes.push(Lane { range, rows: VecDeque::new(), more: true, most });
        }
        let ranges: Vec<RangeRequest> = merge.lanes.iter().map(|lane| lane.range.clone()).collect();
        for (lane, page) in merge.lanes.iter_mut().zip(snapshot.scan_many(&ranges)?) {
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
        let first = if self.reverse { self.heads.pop_last() } else { self.heads.pop_first() };
        let Some(((key, lane), ())) = first else { return Ok(None) };
        self.advance(snapshot, lane)?;
        Ok(Some(key))
    }

    pub fn batch(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<Vec<RecordId>> {
        let mut ids = Vec::new();
        while ids.len() < most {
            let Some(key) = self.next(snapshot)? else { break };
            ids.extend(RecordId::from_suffix(&key));
        }
        Ok(ids)
    }
}
