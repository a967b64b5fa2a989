//! Lists and counts: one page at a time by keyset, over class-led indexes, within a permit.
//!
//! A page in the order of an index, or of creation, costs the same however many records there are: one
//! seek for each access class of the permit and each value asked for, then a merge. Any other order reads
//! all records that the conditions leave in an index, and keeps the best page in memory.

mod answers;
mod bounds;
mod count;
mod ends;
mod explain;
mod far;
mod heads;
mod lanes;
mod matcher;
mod plan;
mod run;
mod shared;
mod sight;
mod size;
mod union;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::access::{Permit, Read};
use crate::base::{Code, Collation, Error, FieldId, MAX_PAGE_ROWS, RecordId, Result, Timestamp};
use crate::records::classes::read_epoch;
use crate::records::ordered::collated;
use crate::records::purge::gone;
use crate::records::row::{load, load_envelope, load_many, load_where};
use crate::records::{Envelope, Filter, Record};
use crate::schema::Entity;
use crate::storage::Snapshot;
use answers::{Basis, KeptPage, Known, Question};
use plan::{Order, Plan};
use run::{cursor_of, for_each_batch, gather, look_up_late, stream};

pub use count::{CountSource, Counted, Total, count, groups};
pub use ends::{LinkWalk, end, sees_ends, walk_links};
pub use explain::{Explanation, explain};
pub use matcher::Matcher;
pub use sight::{FarPermits, Sight, check_refers, complete, target};
pub use size::Size;

/// Most rows of a first page that is kept.
const MAX_KEPT_ROWS: usize = 256;

/// Which way a list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first; records without value come first.
    Ascending,
    /// Largest first; records without value come last.
    Descending,
}

/// A field by which a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortField {
    /// The field.
    pub field: FieldId,
    /// Which way it goes.
    pub direction: Direction,
    /// How its texts sort.
    pub collation: Collation,
}

impl SortField {
    /// One that sorts texts by code points.
    #[must_use]
    pub fn new(field: FieldId, direction: Direction) -> Self {
        Self { field, direction, collation: Collation::default() }
    }

    /// Whether it goes from the largest to the smallest.
    fn falls(self) -> bool {
        self.direction == Direction::Descending
    }

    /// What sorts a record among others.
    fn key_of(self, record: &Record) -> Vec<u8> {
        collated(&record.peek(self.field), self.collation)
    }
}

/// What to list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    /// Which records.
    pub filter: Filter,
    /// In which order; ties, and no order at all, go by id, which is the order of creation.
    pub sort: Vec<SortField>,
    /// Most rows of the page, 1 to `MAX_PAGE_ROWS`.
    pub limit: usize,
    /// The fields that the rows have besides those that decide on them; all of them if there are none here.
    pub fields: BTreeSet<FieldId>,
    /// Where the page before ended.
    pub after: Option<PageCursor>,
    /// The moment by which spans of time of the filter were worked out; the pages that follow keep to it.
    pub at: Timestamp,
}

/// Where a page ended: the sort keys and id of its last row. Opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PageCursor {
    keys: Vec<Vec<u8>>,
    id: [u8; 16],
    /// Which query it belongs to.
    #[serde(default)]
    query: [u8; 8],
    #[serde(default, with = "micros")]
    at: Timestamp,
}

impl PageCursor {
    /// The moment of the first page.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The memory that it takes beside its own place, in bytes.
    fn heap_bytes(&self) -> usize {
        let keys = self.keys.iter().map(|key| size_of::<Vec<u8>>().saturating_add(key.capacity()));
        keys.fold(0, usize::saturating_add)
    }
}

/// A moment in the text of a cursor.
mod micros {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::base::Timestamp;

    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.micros())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_micros)
    }
}

impl Query {
    /// What tells the cursors of this query from those of others.
    fn fingerprint(&self, sight: &Sight<'_>) -> [u8; 8] {
        let language = sight.language.map(|tag| format!(" {tag}")).unwrap_or_default();
        let said = format!("{:?} {:?} {:?}{language}", sight.entity.id(), self.filter, self.sort);
        let digest: [u8; 32] = Sha256::digest(said.as_bytes()).into();
        digest.first_chunk().copied().unwrap_or_default()
    }
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
/// `storage.conflict` for a stale permit, `schema.unknown_field` for a hidden field in filter or order,
/// `access.field_not_permitted` for a masked one, `access.not_permitted` beyond a reference, `input.invalid_filter`, `input.invalid_cursor`,
/// `engine.cancelled`, `engine.deadline_exceeded`.
pub fn find(sight: &Sight<'_>, query: &Query) -> Result<QueryPage> {
    sight.check(&query.filter, query.sort.iter().map(|sort| sort.field))?;
    let question = Question::page(sight, query);
    let known = question.as_ref().map_or(Known::Nothing, |question| question.recall::<KeptPage>(sight));
    if let Known::Stands(page) = &known {
        let read = load_many(sight.snapshot, sight.entity.id(), &page.ids)?;
        sight.has_read(read.len());
        let next = page.next.clone().map(|cursor| PageCursor { at: query.at, ..cursor });
        return Ok(QueryPage { records: read.into_iter().flatten().collect(), next });
    }
    let fingerprint = query.fingerprint(sight);
    if let Some(cursor) = &query.after
        && (cursor.keys.len() != query.sort.len() || cursor.query != fingerprint)
    {
        return Err(Error::new(Code::InvalidCursor));
    }
    let matcher = Matcher::of_checked(sight, &query.filter)?;
    let plan = Plan::choose(sight, &matcher.test, &query.sort)?;
    let page = read_page(sight, query, (&plan, &matcher), fingerprint)?;
    if let Some(question) = question.filter(|_| known.is_wanted()) {
        keep(sight, &question, &plan, &page);
    }
    Ok(page)
}

/// Keeps a first page, if it is short and one index says what is in it.
fn keep(sight: &Sight<'_>, question: &Question, plan: &Plan<'_>, page: &QueryPage) {
    let Some(basis) = Basis::of(sight).filter(|_| plan.is_of_one_index()) else { return };
    if page.records.len() > MAX_KEPT_ROWS {
        return;
    }
    // Where rows are gathered, any of them may come to the front without a change of the index.
    let exact = plan.is_exact() && plan.order == Order::Streamed;
    let ids = page.records.iter().map(|record| record.id).collect();
    let kept = KeptPage { basis, index: plan.index.field, exact, ids, next: page.next.clone() };
    question.remember(sight, &Arc::new(kept));
}

fn read_page(
    sight: &Sight<'_>,
    query: &Query,
    (plan, matcher): (&Plan<'_>, &Matcher<'_>),
    fingerprint: [u8; 8],
) -> Result<QueryPage> {
    let limit = query.limit.clamp(1, MAX_PAGE_ROWS);
    let fields = wanted(sight, query, matcher);
    let sight = &Sight { fields: fields.as_ref(), ..*sight };
    let mut rows = match plan.order {
        Order::Streamed => stream(sight, query, plan, matcher, limit)?,
        Order::Gathered => gather(sight, query, plan, matcher, limit)?,
    };
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| cursor_of(last, query));
    let next = next.map(|cursor| PageCursor { query: fingerprint, ..cursor });
    Ok(QueryPage { records: rows, next })
}

/// What is to be read of records: what is asked for, what decides on them, and what both follow from. Nothing
/// where everything is asked for.
fn wanted(sight: &Sight<'_>, query: &Query, matcher: &Matcher<'_>) -> Option<BTreeSet<FieldId>> {
    if query.fields.is_empty() {
        return None;
    }
    let deciding = RefCell::new(query.fields.clone());
    deciding.borrow_mut().extend(query.sort.iter().map(|sort| sort.field));
    matcher.test.looks_at(&|field| {
        deciding.borrow_mut().insert(field);
        false
    });
    if let Some(ends) = sight.entity.ends() {
        deciding.borrow_mut().extend([ends.from, ends.to]);
    }
    Some(sight.with_inputs(deciding.into_inner()))
}

/// Hands every record that a permit reaches and that meets a filter to a function, in no promised order.
///
/// # Errors
/// As [`find`], and what the function gives.
pub fn scan_all(
    sight: &Sight<'_>,
    filter: &Filter,
    visit: &mut dyn FnMut(&Record) -> Result<()>,
) -> Result<()> {
    let matcher = Matcher::new(sight, filter)?;
    let plan = Plan::choose(sight, &matcher.test, &[])?;
    let far = matcher.needs_far(std::iter::empty());
    for_each_batch(sight, &plan, far, &mut |records| {
        let mut met = Vec::with_capacity(records.len());
        for record in records {
            if matcher.matches(&record)? {
                met.push(record);
            }
        }
        look_up_late(sight, &mut met, far)?;
        met.iter().try_for_each(&mut *visit)?;
        Ok(true)
    })
}

/// A record that a permit reaches. One that it does not is refused after as many reads as one that is not there, and
/// its values are not decoded.
///
/// # Errors
/// `record.not_found` alike for a record that is not there, is deleted, or is out of reach.
pub fn get(snapshot: &dyn Snapshot, permit: &Permit<Read>, entity: &Entity, id: RecordId) -> Result<Record> {
    permit.check(entity.id(), read_epoch(snapshot)?)?;
    let missing = || Error::new(Code::RecordNotFound).entity(&entity.api_name).record(id);
    let is_reached =
        |envelope: &Envelope| envelope.deleted_at.is_none() && permit.allows(id, &envelope.access_class());
    load_where(snapshot, (entity.id(), id), &is_reached)?.ok_or_else(missing)
}

/// A record that a permit reaches, deleted or not.
///
/// # Errors
/// As [`get`], but that a deleted record is found; `record.purged` for one that the permit reached and that is gone for
/// good.
pub fn get_standing(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    entity: &Entity,
    id: RecordId,
) -> Result<Record> {
    permit.check(entity.id(), read_epoch(snapshot)?)?;
    let record = load(snapshot, entity.id(), id)?;
    reached(snapshot, permit, entity, id, record, |record| &record.envelope)
}

/// As [`get_standing`], for who does not look at the record.
///
/// # Errors
/// As [`get_standing`].
pub fn check_standing(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    entity: &Entity,
    id: RecordId,
) -> Result<()> {
    permit.check(entity.id(), read_epoch(snapshot)?)?;
    let envelope = load_envelope(snapshot, entity.id(), id)?;
    reached(snapshot, permit, entity, id, envelope, |envelope| &**envelope).map(drop)
}

/// What was found of a record, if a permit reaches that.
fn reached<T>(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    entity: &Entity,
    id: RecordId,
    found: Option<T>,
    envelope: impl Fn(&T) -> &Envelope,
) -> Result<T> {
    let Some(found) = found else {
        return Err(gone(snapshot, &|class| permit.allows(id, class), entity, id)?);
    };
    let missing = || Error::new(Code::RecordNotFound).entity(&entity.api_name).record(id);
    Some(found).filter(|found| permit.allows(id, &envelope(found).access_class())).ok_or_else(missing)
}

/// Those of several records that a permit reaches, in the order asked.
///
/// # Errors
/// `storage.conflict` for a stale permit, `storage.damaged`, `storage.io`.
pub fn get_many(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    entity: &Entity,
    ids: &[RecordId],
) -> Result<Vec<Record>> {
    permit.check(entity.id(), read_epoch(snapshot)?)?;
    let reached =
        |record: &Record| !record.is_deleted() && permit.allows(record.id, &record.envelope.access_class());
    Ok(load_many(snapshot, entity.id(), ids)?.into_iter().flatten().filter(reached).collect())
}

/// The live records that a permit reaches because they are shared with its holder singly, beside those of its classes.
///
/// # Errors
/// `storage.conflict` for a stale permit, `storage.damaged`, `storage.io`.
pub fn shared_records(
    snapshot: &dyn Snapshot,
    permit: &Permit<Read>,
    entity: &Entity,
) -> Result<Vec<RecordId>> {
    permit.check(entity.id(), read_epoch(snapshot)?)?;
    let mut found = Vec::new();
    for id in permit.shared() {
        let Some(envelope) = load_envelope(snapshot, entity.id(), *id)? else { continue };
        let class = envelope.access_class();
        if envelope.deleted_at.is_none() && permit.allows(*id, &class) && !permit.covers(&class) {
            found.push(*id);
        }
    }
    Ok(found)
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
        .is_some_and(|envelope| envelope.deleted_at.is_none() && permit.allows(id, &envelope.access_class())))
}
