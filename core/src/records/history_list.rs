//! Lists of what was: the records of an entity at a place in the ledger, and the deleted ones of today.
//!
//! Both go through the rows of an entity in the order of their ids, deleted ones among them, a chunk at a
//! time. A list of the past reads entries of the ledger only for records that changed since.

use std::collections::BTreeMap;

use crate::access::{Permit, Read};
use crate::base::{Code, EntityId, Error, Patience, RecordId, Result, Stamp};
use crate::records::classes::read_epoch;
use crate::records::history::PastState;
use crate::records::history_match::{PastMatcher, past_of};
use crate::records::ordered::write_collated;
use crate::records::row::{RECORD_KEY, assemble, record_key};
use crate::records::view::Sealer;
use crate::records::{Direction, Filter, Moment, Record, Sight, SortField, sees_ends};
use crate::schema::Entity;
use crate::storage::{Keyspace, RangeRequest, Snapshot, continue_after, successor};

/// Rows of one read.
const PAGE: usize = 200;

/// Records that a sorted list looks at between two looks at whether it is still wanted.
const CHUNK: usize = 1_000;

/// A chunk of a list of the past.
#[derive(Clone, Copy)]
pub struct PastQuery<'a> {
    /// Which records.
    pub filter: &'a Filter,
    /// The last entry that had been made, and when.
    pub place: (u64, Stamp),
    /// What formulas take for now.
    pub moment: Moment,
    /// Refuses an entity beyond a reference whose past is not told so far back.
    pub kept: &'a dyn Fn(&Entity) -> Result<()>,
    /// The last record that the chunk before looked at.
    pub after: Option<RecordId>,
    /// Most records that this chunk looks at, at least 1.
    pub looks: usize,
}

/// What a chunk, or a page in an order, came to. `N` is by what it goes on.
#[derive(Debug)]
pub struct PastChunk<T, N = RecordId> {
    /// What was found.
    pub rows: Vec<T>,
    /// Records that were looked at.
    pub looked_at: u64,
    /// Records of forgotten persons, of which nobody can tell whether they met the condition.
    pub undecided: u64,
    /// By what the next one goes on, if there is more: the last record that was looked at, or what the last row sorts by.
    pub next: Option<N>,
}

impl<T, N> PastChunk<T, N> {
    fn empty() -> Self {
        Self { rows: Vec::new(), looked_at: 0, undecided: 0, next: None }
    }

    /// The same, with what it goes on by told in another way.
    pub fn going_on_by<C>(self, told: impl FnOnce(N) -> C) -> PastChunk<T, C> {
        let Self { rows, looked_at, undecided, next } = self;
        PastChunk { rows, looked_at, undecided, next: next.map(told) }
    }
}

/// What became of a record that a walk looked at.
enum Seen<T> {
    Found(T),
    Passed,
    Undecided,
}

/// A chunk of the records that a permit reaches today and that were there at a place, with their state then.
/// A record of a forgotten person is among them only if there is no condition.
///
/// # Errors
/// `storage.conflict` for a stale permit, `access.field_not_permitted` for a hidden field in the condition,
/// `input.invalid_filter`, `ledger.broken`, `storage.damaged`, `engine.cancelled`, `engine.deadline_exceeded`.
pub fn list_past(
    sight: &Sight<'_>,
    sealer: &Sealer,
    query: &PastQuery<'_>,
) -> Result<PastChunk<(Record, PastState)>> {
    let Sight { snapshot, permit, entity, patience, .. } = *sight;
    let matcher = PastMatcher::new((sight, sealer), query.filter, (query.place, query.moment), query.kept)?;
    let asks_nothing = *query.filter == Filter::Everything;
    walk(snapshot, entity.id(), (query.after, query.looks), patience, &mut |record| {
        if !permit.allows(record.id, &record.envelope.access_class()) {
            return Ok(Seen::Passed);
        }
        let state = past_of((snapshot, sealer), &record, query.place, sight)?;
        let Some(mut state) = state else { return Ok(Seen::Passed) };
        state.compute(entity, query.moment);
        let met = match &state.record {
            Some(past) if !sees_ends(sight, past)? => Some(false),
            Some(past) => matcher.matches(past)?,
            None => asks_nothing.then_some(true),
        };
        Ok(match met {
            Some(true) => Seen::Found((record, state)),
            Some(false) => Seen::Passed,
            None => Seen::Undecided,
        })
    })
}

/// In which order a list of the past is given, and which part of it.
pub struct PastOrder<'a> {
    /// The fields, by their values then; ties go by id.
    pub sort: &'a [SortField],
    /// What the last row of the page before sorted by.
    pub after: Option<&'a [u8]>,
    /// Most rows.
    pub limit: usize,
}

/// The first records of a list of the past by an order. All records of the entity are looked at, whatever the page, and
/// no more than it are kept. One of a forgotten person has no values, and sorts so.
///
/// # Errors
/// As [`list_past`]; `input.invalid_filter` for an order by what has no past.
pub fn list_past_sorted(
    sight: &Sight<'_>,
    sealer: &Sealer,
    query: &PastQuery<'_>,
    order: &PastOrder<'_>,
) -> Result<PastChunk<(Record, PastState), Vec<u8>>> {
    let fields = || order.sort.iter().map(|sort| sort.field);
    sight.check(query.filter, fields())?;
    if fields().any(|field| sight.entity.is_far(field)) {
        let refused = Error::new(Code::InvalidFilter).entity(&sight.entity.api_name);
        return Err(refused.rule("an order of what was looks at no lookup and no rollup"));
    }
    let (mut best, mut part) = (BTreeMap::new(), PastChunk::empty());
    let mut after = None;
    loop {
        let chunk = list_past(sight, sealer, &PastQuery { after, looks: CHUNK, ..*query })?;
        part.looked_at = part.looked_at.saturating_add(chunk.looked_at);
        part.undecided = part.undecided.saturating_add(chunk.undecided);
        for (record, state) in chunk.rows {
            let key = place_of(&record, &state, order.sort);
            if order.after.is_none_or(|after| key.as_slice() > after) {
                best.insert(key, (record, state));
            }
            if best.len() > order.limit.saturating_add(1) {
                best.pop_last();
            }
        }
        after = chunk.next;
        if after.is_none() {
            break;
        }
    }
    if best.len() > order.limit {
        best.pop_last();
        part.next = best.last_key_value().map(|(key, _)| key.clone());
    }
    part.rows = best.into_values().collect();
    Ok(part)
}

/// What a record sorts by as it was: the keys of its values, complemented where they fall, and its id.
fn place_of(record: &Record, state: &PastState, sort: &[SortField]) -> Vec<u8> {
    let mut key = Vec::new();
    for by in sort {
        let start = key.len();
        let value = state.record.as_ref().map(|then| then.value(by.field)).unwrap_or_default();
        write_collated(&mut key, &value, by.collation);
        if by.direction == Direction::Descending {
            key.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
        }
    }
    key.extend_from_slice(record.id.as_bytes());
    key
}

/// A chunk of the deleted records that a permit reaches.
///
/// # Errors
/// `storage.conflict` for a stale permit, `storage.damaged`, `engine.cancelled`, `engine.deadline_exceeded`.
pub fn list_deleted(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    entity: &Entity,
    (after, looks): (Option<RecordId>, usize),
    patience: &Patience,
) -> Result<PastChunk<Record>> {
    permit.check(entity.id(), read_epoch(snapshot)?)?;
    walk(snapshot, entity.id(), (after, looks), patience, &mut |record| {
        let seen = record.is_deleted() && permit.allows(record.id, &record.envelope.access_class());
        Ok(if seen { Seen::Found(record) } else { Seen::Passed })
    })
}

/// Looks at so many records of an entity behind one of them, in the order of their ids.
fn walk<T>(
    snapshot: &dyn Snapshot,
    entity: EntityId,
    (after, looks): (Option<RecordId>, usize),
    patience: &Patience,
    look: &mut dyn FnMut(Record) -> Result<Seen<T>>,
) -> Result<PastChunk<T>> {
    let mut range = RangeRequest::prefix(Keyspace::Records, &entity.number().to_be_bytes(), PAGE);
    if let Some(after) = after {
        range.low = successor(&record_key(entity, after));
    }
    let looks = u64::try_from(looks.max(1)).unwrap_or(u64::MAX);
    let mut chunk = PastChunk::empty();
    loop {
        let page = snapshot.scan(&range)?;
        let last = page.rows.last().map(|(key, _)| key.clone());
        for (key, value) in page.rows {
            // Pieces of a large record have longer keys, and are read with its head.
            let Some(id) = RecordId::from_suffix(&key).filter(|_| key.len() == RECORD_KEY) else { continue };
            if chunk.looked_at == looks {
                return Ok(chunk);
            }
            patience.check()?;
            match look(assemble(snapshot, entity, id, value)?)? {
                Seen::Found(row) => chunk.rows.push(row),
                Seen::Passed => {}
                Seen::Undecided => chunk.undecided = chunk.undecided.saturating_add(1),
            }
            chunk.looked_at = chunk.looked_at.saturating_add(1);
            chunk.next = Some(id);
        }
        match last {
            Some(last) if page.more => continue_after(&mut range, last),
            _ => return Ok(PastChunk { next: None, ..chunk }),
        }
    }
}
