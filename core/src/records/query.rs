//! Lists and counts: one page at a time by keyset, over class-led indexes, within a permit.
//!
//! A page in the order of an indexed field, or of creation, costs the same however many records there
//! are: one seek for each access class of the permit, then a merge. Any other order reads all records
//! that the permit reaches and keeps the best page in memory.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use crate::access::{AccessClass, ClassId, Permit, Read};
use crate::base::{Code, EntityId, Error, FieldId, MAX_PAGE_ROWS, Patience, RecordId, Result, Value};
use crate::records::classes::read_epoch;
use crate::records::derived::{INDEX_PREFIX, Index, live_counter, read_counter};
use crate::records::ordered::ordered;
use crate::records::row::{load, load_envelope, load_many};
use crate::records::{Filter, Record, SystemField};
use crate::schema::Entity;
use crate::storage::{Keyspace, Page, RangeRequest, Snapshot, continue_after, successor};

/// Most keys that one class reads ahead.
const READ_AHEAD: usize = 64;
/// Most keys that all classes together read ahead, where they are many.
const READ_AHEAD_OF_ALL: usize = 1_024;
/// Records that are fetched at once.
const BATCH: usize = 64;

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

/// A record that a permit reaches, deleted or not.
///
/// # Errors
/// As [`get`], but that a deleted record is found.
pub fn get_standing(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    entity: &Entity,
    id: RecordId,
) -> Result<Record> {
    permit.check(entity.id(), read_epoch(snapshot)?)?;
    load(snapshot, entity.id(), id)?
        .filter(|record| permit.allows(&record.envelope.access_class()))
        .ok_or_else(|| Error::new(Code::RecordNotFound).entity(&entity.api_name).record(id))
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
    let sorted: Vec<FieldId> = query.sort.iter().map(|(field, _)| *field).collect();
    check_filter(permit, entity, &query.filter, sorted)?;
    match &query.after {
        Some(cursor) if cursor.keys.len() != query.sort.len() => Err(Error::new(Code::InvalidCursor)),
        _ => Ok(()),
    }
}

/// Refuses a condition that is too large, or looks at a hidden field; further fields are held against the
/// permit with it.
pub(super) fn check_filter(
    permit: &Permit<Read>,
    entity: &Entity,
    filter: &Filter,
    mut fields: Vec<FieldId>,
) -> Result<()> {
    filter.check()?;
    filter.fields(&mut fields);
    for field in fields {
        let name = entity.field_by_id(field).map_or("", |field| field.api_name.as_str());
        permit.check_field(field, name).map_err(|error| error.entity(&entity.api_name))?;
    }
    Ok(())
}

enum Order {
    /// The index gives the rows in the order asked.
    Streamed,
    /// All rows are read, and the best kept.
    Gathered,
}

struct Plan {
    entity: EntityId,
    index: Index,
    /// The only value of the index that is read, if an equality chose it.
    equal: Option<Vec<u8>>,
    /// The only owner whose records can match, if the filter names one: classes of others stay unread.
    owner: Option<RecordId>,
    reverse: bool,
    order: Order,
}

impl Plan {
    fn choose(entity: &Entity, query: &Query) -> Self {
        let equalities = query.filter.equalities();
        let owner = equalities.iter().find_map(|(field, value)| match value {
            Value::Id(owner) if *field == SystemField::Owner.id() => Some(*owner),
            _ => None,
        });
        let entity_id = entity.id();
        let plan =
            |index, equal, reverse, order| Self { entity: entity_id, index, equal, owner, reverse, order };
        let by_sort = match query.sort.as_slice() {
            [(field, direction)] => {
                Index::on(entity, *field).map(|index| (index, *direction == Direction::Descending))
            }
            _ => None,
        };
        let indexed = equalities
            .into_iter()
            .find_map(|(field, value)| Index::on(entity, field).map(|index| (index, ordered(value))));
        match (by_sort, indexed) {
            (Some((index, reverse)), _) => plan(index, None, reverse, Order::Streamed),
            (None, Some((index, value))) if query.sort.is_empty() => {
                plan(index, Some(value), false, Order::Streamed)
            }
            (None, Some((index, value))) => plan(index, Some(value), false, Order::Gathered),
            (None, None) if query.sort.is_empty() => {
                plan(Index::by_id(entity.id()), None, false, Order::Streamed)
            }
            (None, None) => plan(Index::by_id(entity.id()), None, false, Order::Gathered),
        }
    }
}

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
struct Merge {
    lanes: Vec<Lane>,
    /// The next key of each lane that has one, with the lane.
    heads: BTreeMap<(Vec<u8>, usize), ()>,
    reverse: bool,
}

impl Merge {
    fn new(
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

    fn batch(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<Vec<RecordId>> {
        let mut ids = Vec::new();
        while ids.len() < most {
            let Some(key) = self.next(snapshot)? else { break };
            ids.extend(RecordId::from_suffix(&key));
        }
        Ok(ids)
    }
}

fn stream(
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

fn gather(
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

fn for_each(
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

fn cursor_of(record: &Record, query: &Query) -> PageCursor {
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
