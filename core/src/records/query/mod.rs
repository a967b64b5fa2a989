//! Lists and counts: one page at a time by keyset, over class-led indexes, within a permit.
//!
//! A page in the order of an indexed field, or of creation, costs the same however many records there
//! are: one seek for each access class of the permit, then a merge. Any other order reads all records
//! that the permit reaches and keeps the best page in memory.

mod lanes;
mod plan;
mod run;

use crate::access::{Permit, Read};
use crate::base::{Code, Error, FieldId, MAX_PAGE_ROWS, Patience, RecordId, Result};
use crate::records::classes::read_epoch;
use crate::records::derived::{live_counter, read_counter};
use crate::records::row::{load, load_envelope};
use crate::records::{Filter, Record};
use crate::schema::Entity;
use crate::storage::Snapshot;
use plan::{Order, Plan};
use run::{cursor_of, for_each, gather, stream};

/// Which way a list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first; records without value come first.
    Ascending,
    /// Largest first; records without value come last.
    Descending,
}

/// What to list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    /// Which records.
    pub filter: Filter,
    /// In which order; ties, and no order at all, go by id, which is the order of creation.
    pub sort: Vec<(FieldId, Direction)>,
    /// Most rows of the page, 1 to `MAX_PAGE_ROWS`.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<PageCursor>,
}

/// Where a page ended: the sort keys and id of its last row. Opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PageCursor {
    keys: Vec<Vec<u8>>,
    id: [u8; 16],
}

/// One page.
#[derive(Debug, Default)]
pub struct QueryPage {
    /// The records.
    pub records: Vec<Record>,
    /// Where to go on, if there is more.
    pub next: Option<PageCursor>,
}

/// One page of the records that a permit reaches.
///
/// # Errors
/// `storage.conflict` for a stale permit, `access.field_not_permitted` for a hidden field in filter or
/// order, `input.invalid_filter`, `input.invalid_cursor`, `engine.cancelled`, `engine.deadline_exceeded`.
pub fn find(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    entity: &Entity,
    query: &Query,
    patience: &Patience,
) -> Result<QueryPage> {
    check(snapshot, permit, entity, query)?;
    let limit = query.limit.clamp(1, MAX_PAGE_ROWS);
    let plan = Plan::choose(entity, query);
    let mut rows = match plan.order {
        Order::Streamed => stream(snapshot, permit, query, &plan, limit, patience)?,
        Order::Gathered => gather(snapshot, permit, query, &plan, limit, patience)?,
    };
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| cursor_of(last, query));
    Ok(QueryPage { records: rows, next })
}

/// How many records a permit reaches that meet a filter. Without a filter it reads counters only.
///
/// # Errors
/// As [`find`].
pub fn count(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    entity: &Entity,
    filter: &Filter,
    patience: &Patience,
) -> Result<u64> {
    let query = Query { filter: filter.clone(), ..Query::default() };
    check(snapshot, permit, entity, &query)?;
    if *filter == Filter::Everything {
        let mut total = 0_u64;
        for (class, _) in permit.classes() {
            total = total.saturating_add(read_counter(snapshot, &live_counter(entity.id(), *class))?);
        }
        return Ok(total);
    }
    let mut total = 0_u64;
    scan_all(snapshot, permit, entity, filter, patience, &mut |_| {
        total = total.saturating_add(1);
        Ok(())
    })?;
    Ok(total)
}

/// Hands every record that a permit reaches and that meets a filter to a function, in no promised order.
///
/// # Errors
/// As [`find`], and what the function gives.
pub fn scan_all(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    entity: &Entity,
    filter: &Filter,
    patience: &Patience,
    visit: &mut dyn FnMut(&Record) -> Result<()>,
) -> Result<()> {
    let query = Query { filter: filter.clone(), ..Query::default() };
    check(snapshot, permit, entity, &query)?;
    let plan = Plan::choose(entity, &query);
    for_each(snapshot, permit, &plan, patience, &mut |record| {
        if filter.matches(&record) { visit(&record) } else { Ok(()) }
    })
}

/// A record that a permit reaches.
///
/// # Errors
/// `record.not_found` alike for a record that is not there, is deleted, or is out of reach.
pub fn get(snapshot: &dyn Snapshot, permit: &Permit<Read>, entity: &Entity, id: RecordId) -> Result<Record> {
    permit.check(entity.id(), read_epoch(snapshot)?)?;
    let missing = || Error::new(Code::RecordNotFound).entity(&entity.api_name).record(id);
    load(snapshot, entity.id(), id)?
        .filter(|record| !record.is_deleted() && permit.allows(&record.envelope.access_class()))
        .ok_or_else(missing)
}

/// Whether a permit reaches a record: what [`get`] would find, without reading its values.
///
/// # Errors
/// `storage.conflict` for a stale permit, `storage.damaged`, `storage.io`.
pub fn reaches(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    entity: &Entity,
    id: RecordId,
) -> Result<bool> {
    permit.check(entity.id(), read_epoch(snapshot)?)?;
    let envelope = load_envelope(snapshot, entity.id(), id)?;
    Ok(envelope
        .is_some_and(|envelope| envelope.deleted_at.is_none() && permit.allows(&envelope.access_class())))
}

fn check(snapshot: &dyn Snapshot, permit: &Permit<Read>, entity: &Entity, query: &Query) -> Result<()> {
    permit.check(entity.id(), read_epoch(snapshot)?)?;
    query.filter.check()?;
    let mut fields: Vec<FieldId> = query.sort.iter().map(|(field, _)| *field).collect();
    query.filter.fields(&mut fields);
    for field in fields {
        let name = entity.field_by_id(field).map_or("", |field| field.api_name.as_str());
        permit.check_field(field, name).map_err(|error| error.entity(&entity.api_name))?;
    }
    match &query.after {
        Some(cursor) if cursor.keys.len() != query.sort.len() => Err(Error::new(Code::InvalidCursor)),
        _ => Ok(()),
    }
}
