//! Rows of a plan: streamed in the order of its index, or gathered and the best kept.

use std::cmp::Ordering;

use crate::base::{RecordId, Result};
use crate::records::Record;
use crate::records::query::heads::Stream;
use crate::records::query::lanes::Merge;
use crate::records::query::matcher::{Cache, Matcher, Test};
use crate::records::query::plan::{Order, Plan};
use crate::records::query::shared;
use crate::records::query::sight::Sight;
use crate::records::query::{PageCursor, Query};
use crate::records::row::load_fields;

/// Records that are fetched at once.
const BATCH: usize = 64;
/// Bytes that a place in a list usually takes: a number or two, and an id.
const PLACE_BYTES: usize = 40;

/// The first rows in the order of the index, one more than the limit if there are more.
pub(super) fn stream(
    sight: &Sight<'_>,
    query: &Query,
    plan: &Plan<'_>,
    matcher: &Matcher<'_>,
    limit: usize,
) -> Result<Vec<Record>> {
    let after = query.after.as_ref().map(|cursor| place_of(cursor, query, plan));
    let far = matcher.needs_far(std::iter::empty());
    let mut stream = Stream::new(sight, plan, after.clone(), limit.saturating_add(1))?;
    let mut rows = Vec::new();
    while rows.len() <= limit {
        sight.patience.check()?;
        let wanted = BATCH.min(limit.saturating_add(1).saturating_sub(rows.len()));
        let ids = stream.batch(wanted)?;
        if ids.is_empty() {
            break;
        }
        let found = matching(read(sight, plan, &ids, far)?, matcher)?;
        // Most pages are of one batch, which is not copied.
        if rows.is_empty() {
            rows = found;
        } else {
            rows.extend(found);
        }
    }
    // Records that the condition names are read by their ids, shared ones among them.
    let beside = if plan.these.is_some() { Vec::new() } else { shared::matching(sight, matcher, far)? };
    if !beside.is_empty() {
        let place = |record: &Record| place_of(&cursor_of(record, query), query, plan);
        let most = limit.saturating_add(1);
        rows = shared::merge(rows, beside, (plan, after.as_deref()), most, &place);
    }
    look_up_late(sight, &mut rows, far)?;
    Ok(rows)
}

/// Those records of a batch that meet a condition.
fn matching(mut records: Vec<Record>, matcher: &Matcher<'_>) -> Result<Vec<Record>> {
    let mut failed = None;
    records.retain(|record| {
        failed.is_none()
            && matcher.matches(record).unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
    });
    failed.map_or(Ok(records), Err)
}

/// The records of a batch, with what lookups and rollups say of them if that decides on them.
fn read(sight: &Sight<'_>, plan: &Plan<'_>, ids: &[RecordId], far: bool) -> Result<Vec<Record>> {
    let read = load_fields(sight.snapshot, plan.index.entity, ids, sight.fields)?;
    // Who is named by a condition need not be in an index of the reader's classes.
    let reached = |record: &Record| {
        plan.these.is_none()
            || !record.is_deleted() && sight.permit.allows(record.id, &record.envelope.access_class())
    };
    // In the memory of those that were read.
    let mut records: Vec<Record> = read.into_iter().filter_map(|record| record.filter(&reached)).collect();
    sight.has_read(records.len());
    sight.complete(&mut records, far)?;
    sight.translate(&mut records);
    Ok(records)
}

/// Looks up for the rows alone that are shown what did not decide on them.
pub(super) fn look_up_late(sight: &Sight<'_>, rows: &mut [Record], far: bool) -> Result<()> {
    if far || !sight.entity.has_far() { Ok(()) } else { sight.complete(rows, true) }
}

/// Where a cursor stands in the ranges of a plan: the components that order them, and the id.
fn place_of(cursor: &PageCursor, query: &Query, plan: &Plan<'_>) -> Vec<u8> {
    let key_of = |field| {
        let mut sorted = query.sort.iter().map(|sort| sort.field).zip(&cursor.keys);
        sorted.find(|(known, _)| *known == field).map(|(_, key)| key.as_slice()).unwrap_or_default()
    };
    let mut place = Vec::with_capacity(PLACE_BYTES);
    for part in &plan.tail {
        let start = place.len();
        place.extend_from_slice(key_of(part.field));
        if part.turned {
            place.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
        }
    }
    place.extend_from_slice(&cursor.id);
    place
}

/// The first rows in the order asked, one more than the limit if there are more. All are read, and memory
/// is bounded by the limit.
pub(super) fn gather(
    sight: &Sight<'_>,
    query: &Query,
    plan: &Plan<'_>,
    matcher: &Matcher<'_>,
    limit: usize,
) -> Result<Vec<Record>> {
    let mut best: Vec<(SortKey, Record)> = Vec::new();
    let after = query.after.as_ref().map(|cursor| SortKey::of_cursor(cursor, query));
    let far = matcher.needs_far(query.sort.iter().map(|sort| sort.field));
    for_each(sight, plan, far, &mut |record| {
        if matcher.matches(&record)? {
            let key = SortKey::of(&record, query);
            if after.as_ref().is_none_or(|after| key > *after) {
                best.push((key, record));
            }
        }
        // Twice the page is kept between prunings, so that the cost of sorting is spread.
        if best.len() > limit.saturating_add(1).saturating_mul(2).max(BATCH) {
            prune(&mut best, limit);
        }
        Ok(true)
    })?;
    prune(&mut best, limit);
    let mut rows: Vec<Record> = best.into_iter().map(|(_, record)| record).collect();
    look_up_late(sight, &mut rows, far)?;
    Ok(rows)
}

fn prune(best: &mut Vec<(SortKey, Record)>, limit: usize) {
    best.sort_by(|(left, _), (right, _)| left.cmp(right));
    best.truncate(limit.saturating_add(1));
}

/// Hands the records of a plan to a function until it says that it has enough.
pub(super) fn for_each(
    sight: &Sight<'_>,
    plan: &Plan<'_>,
    far: bool,
    visit: &mut dyn FnMut(Record) -> Result<bool>,
) -> Result<()> {
    for_each_batch(sight, plan, far, &mut |records| {
        for record in records {
            if !visit(record)? {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// Hands the records of a plan, and those that are shared with the reader singly, to a function, some at a time,
/// until it says that it has enough.
pub(super) fn for_each_batch(
    sight: &Sight<'_>,
    plan: &Plan<'_>,
    far: bool,
    visit: &mut dyn FnMut(Vec<Record>) -> Result<bool>,
) -> Result<()> {
    if each_of_classes(sight, plan, far, visit)? && plan.these.is_none() {
        let beside = shared::beside(sight, far)?;
        if !beside.is_empty() {
            visit(beside)?;
        }
    }
    Ok(())
}

/// The same for the classes that the reader reaches; says whether the function has not had enough.
fn each_of_classes(
    sight: &Sight<'_>,
    plan: &Plan<'_>,
    far: bool,
    visit: &mut dyn FnMut(Vec<Record>) -> Result<bool>,
) -> Result<bool> {
    if plan.alternatives.is_empty() || plan.order == Order::Streamed {
        return each_batch(sight, plan, far, visit);
    }
    let cache = Cache::default();
    let mut before: Vec<&Test<'_>> = Vec::new();
    for (alternative, test) in &plan.alternatives {
        let goes_on = each_batch(sight, alternative, far, &mut |records| {
            let mut new = Vec::with_capacity(records.len());
            for record in records {
                // The ranges of an alternative may hold more than it finds, which is left to the others.
                let mut is_new = test.is_met(&record, sight, &cache)?;
                for earlier in &before {
                    is_new = is_new && !earlier.is_met(&record, sight, &cache)?;
                }
                new.extend(is_new.then_some(record));
            }
            visit(new)
        })?;
        if !goes_on {
            return Ok(false);
        }
        before.push(*test);
    }
    Ok(true)
}

/// The same for the ranges of one list; says whether the function has not had enough.
fn each_batch(
    sight: &Sight<'_>,
    plan: &Plan<'_>,
    far: bool,
    visit: &mut dyn FnMut(Vec<Record>) -> Result<bool>,
) -> Result<bool> {
    // Nobody is promised an order, so what all classes hold is read in one go.
    let mut merge = match plan.whole(sight.permit) {
        Some(range) => Merge::of_one(sight.snapshot, range)?,
        None => Merge::new(sight.snapshot, plan, None, usize::MAX)?,
    };
    loop {
        sight.patience.check()?;
        let ids = merge.batch(sight.snapshot, BATCH)?;
        if ids.is_empty() {
            return Ok(true);
        }
        if !visit(read(sight, plan, &ids, far)?)? {
            return Ok(false);
        }
    }
}

/// The records of a plan that meet a condition, at most so many; whether lookups and rollups decide on that
/// is said by the caller. Where the ranges hold these and no others,
/// no record is read.
pub(super) fn collect_ids(
    sight: &Sight<'_>,
    plan: &Plan<'_>,
    (most, far): (usize, bool),
    matches: &dyn Fn(&Record) -> Result<bool>,
) -> Result<Vec<RecordId>> {
    let mut found = Vec::new();
    if plan.is_exact() {
        let mut merge = Merge::new(sight.snapshot, plan, None, most)?;
        while found.len() < most {
            sight.patience.check()?;
            let ids = merge.batch(sight.snapshot, BATCH.min(most.saturating_sub(found.len())))?;
            if ids.is_empty() {
                break;
            }
            found.extend(ids);
        }
        for record in shared::beside(sight, far)? {
            if found.len() < most && matches(&record)? {
                found.push(record.id);
            }
        }
        return Ok(found);
    }
    for_each(sight, plan, far, &mut |record| {
        if matches(&record)? {
            found.push(record.id);
        }
        Ok(found.len() < most)
    })?;
    Ok(found)
}

/// Where a page that ends with a record ends.
pub(super) fn cursor_of(record: &Record, query: &Query) -> PageCursor {
    let keys = query.sort.iter().map(|sort| sort.key_of(record)).collect();
    PageCursor { keys, id: *record.id.as_bytes(), query: [0; 8], at: query.at }
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
        let directions = query.sort.iter().map(|sort| sort.falls());
        let mut parts: Vec<(Vec<u8>, bool)> = cursor.keys.iter().cloned().zip(directions).collect();
        let last = query.sort.last().is_some_and(|sort| sort.falls());
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
