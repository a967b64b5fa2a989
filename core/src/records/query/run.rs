//! Rows of a plan: streamed in the order of its index, or gathered and the best kept.

use std::cmp::Ordering;

use crate::access::{Permit, Read};
use crate::base::{Patience, Result};
use crate::records::Record;
use crate::records::ordered::ordered;
use crate::records::query::lanes::Merge;
use crate::records::query::plan::Plan;
use crate::records::query::{Direction, PageCursor, Query};
use crate::records::row::load_many;
use crate::storage::Snapshot;

/// Records that are fetched at once.
const BATCH: usize = 64;

pub(super) fn stream(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    query: &Query,
    plan: &Plan,
    limit: usize,
    patience: &Patience,
) -> Result<Vec<Record>> {
    let after = query.after.as_ref().map(|cursor| {
        let value = plan.equal.clone().unwrap_or_else(|| cursor.keys.concat());
        [&value[..], &cursor.id].concat()
    });
    let mut merge = Merge::new(snapshot, permit, plan, after.as_deref(), limit.saturating_add(1))?;
    let mut rows = Vec::new();
    while rows.len() <= limit {
        patience.check()?;
        let wanted = BATCH.min(limit.saturating_add(1).saturating_sub(rows.len()));
        let ids = merge.batch(snapshot, wanted)?;
        if ids.is_empty() {
            break;
        }
        let records = load_many(snapshot, plan.entity, &ids)?;
        rows.extend(records.into_iter().flatten().filter(|record| query.filter.matches(record)));
    }
    Ok(rows)
}

pub(super) fn gather(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    query: &Query,
    plan: &Plan,
    limit: usize,
    patience: &Patience,
) -> Result<Vec<Record>> {
    let mut best: Vec<(SortKey, Record)> = Vec::new();
    let after = query.after.as_ref().map(|cursor| SortKey::of_cursor(cursor, query));
    for_each(snapshot, permit, plan, patience, &mut |record| {
        if query.filter.matches(&record) {
            let key = SortKey::of(&record, query);
            if after.as_ref().is_none_or(|after| key > *after) {
                best.push((key, record));
            }
        }
        // Twice the page is kept between prunings, so that the cost of sorting is spread.
        if best.len() > limit.saturating_add(1).saturating_mul(2).max(BATCH) {
            prune(&mut best, limit);
        }
        Ok(())
    })?;
    prune(&mut best, limit);
    Ok(best.into_iter().map(|(_, record)| record).collect())
}

fn prune(best: &mut Vec<(SortKey, Record)>, limit: usize) {
    best.sort_by(|(left, _), (right, _)| left.cmp(right));
    best.truncate(limit.saturating_add(1));
}

pub(super) fn for_each(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    plan: &Plan,
    patience: &Patience,
    visit: &mut dyn FnMut(Record) -> Result<()>,
) -> Result<()> {
    let mut merge = Merge::new(snapshot, permit, plan, None, usize::MAX)?;
    loop {
        patience.check()?;
        let ids = merge.batch(snapshot, BATCH)?;
        if ids.is_empty() {
            return Ok(());
        }
        for record in load_many(snapshot, plan.entity, &ids)?.into_iter().flatten() {
            visit(record)?;
        }
    }
}

pub(super) fn cursor_of(record: &Record, query: &Query) -> PageCursor {
    let keys = query.sort.iter().map(|(field, _)| ordered(&record.peek(*field))).collect();
    PageCursor { keys, id: *record.id.as_bytes() }
}

/// The place of a record in the order asked.
#[derive(PartialEq, Eq)]
struct SortKey {
    parts: Vec<(Vec<u8>, bool)>,
}

impl SortKey {
    fn of(record: &Record, query: &Query) -> Self {
        Self::of_cursor(&cursor_of(record, query), query)
    }

    /// Ids follow the direction of the last field, as they do in an index read backwards.
    fn of_cursor(cursor: &PageCursor, query: &Query) -> Self {
        let falling = |direction: &Direction| *direction == Direction::Descending;
        let directions = query.sort.iter().map(|(_, direction)| falling(direction));
        let mut parts: Vec<(Vec<u8>, bool)> = cursor.keys.iter().cloned().zip(directions).collect();
        let last = query.sort.last().is_some_and(|(_, direction)| falling(direction));
        parts.push((cursor.id.to_vec(), last));
        Self { parts }
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.parts.iter().zip(&other.parts);
        let orders = pairs.map(
            |((left, falling), (right, _))| {
                if *falling { right.cmp(left) } else { left.cmp(right) }
            },
        );
        orders.fold(Ordering::Equal, Ordering::then)
    }
}
