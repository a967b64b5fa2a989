//! Records that are shared with the reader singly, beside those of the classes that the reader reaches.
//!
//! There are as many as the reader has shares, however many others have, so they are read by their ids and held
//! against the whole condition: no index is asked, and no range merged. One that a class of the reader's reaches too
//! is left to that class, so that nothing is met twice.

use std::cmp::Ordering;

use crate::base::Result;
use crate::records::Record;
use crate::records::query::matcher::Matcher;
use crate::records::query::plan::Plan;
use crate::records::query::sight::Sight;
use crate::records::row::load_fields;

/// Records that are fetched at once.
const BATCH: usize = 256;

/// The live records that the reader reaches one by one, with what lookups and rollups say of them if that decides.
pub(super) fn beside(sight: &Sight<'_>, far: bool) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    for ids in sight.permit.shared().chunks(BATCH) {
        sight.patience.check()?;
        let reached = |record: &Record| {
            let class = record.envelope.access_class();
            let within = sight.permit.allows(record.id, &class) && !sight.permit.covers(&class);
            within && !record.is_deleted()
        };
        let read = load_fields(sight.snapshot, sight.entity.id(), ids, sight.fields)?;
        found.extend(read.into_iter().flatten().filter(reached));
    }
    sight.has_read(found.len());
    sight.complete(&mut found, far)?;
    sight.translate(&mut found);
    Ok(found)
}

/// Those of them that meet a condition.
pub(super) fn matching(sight: &Sight<'_>, matcher: &Matcher<'_>, far: bool) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    for record in beside(sight, far)? {
        if matcher.matches(&record)? {
            found.push(record);
        }
    }
    Ok(found)
}

/// Puts records among those of a list that is in order, and keeps the first of them all. `place` gives the bytes by
/// which the list is in order, and `after` is where the page before ended.
pub(super) fn merge(
    rows: Vec<Record>,
    beside: Vec<Record>,
    (plan, after): (&Plan<'_>, Option<&[u8]>),
    most: usize,
    place: &dyn Fn(&Record) -> Vec<u8>,
) -> Vec<Record> {
    let behind = |key: &[u8]| after.is_none_or(|after| plan.compare(key, after) == Ordering::Greater);
    let placed = |record: Record| (place(&record), record);
    let mut all: Vec<(Vec<u8>, Record)> = rows.into_iter().map(placed).collect();
    all.extend(beside.into_iter().map(placed).filter(|(key, _)| behind(key)));
    all.sort_by(|(left, _), (right, _)| plan.compare(left, right));
    all.truncate(most);
    all.into_iter().map(|(_, record)| record).collect()
}
