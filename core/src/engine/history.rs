//! What was: versions of a record, its state at any place of the ledger, what differs between two of them,
//! lists as they were, and deleted records.
//!
//! Everything is read with the permissions of today: who may not see a record or a field now does not see
//! what it was. A deleted record shows its past to whoever may read records of its access class. The
//! settings bound how far back is answered; beyond that the answer is `history.expired`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::{Permit, Read, Showing};
use crate::base::{Code, Date, Error, FieldId, RecordId, Result, Timestamp, Value};
use crate::engine::audit_trail::Asked;
use crate::engine::reader::found;
use crate::engine::{Changes, Condition, FieldSelector, Listing, Reader, Session};
use crate::records::{
    self, At, MARKED, PastChunk, PastQuery, PastState, PastValue, Period, Pruned, Record, RecordVersion,
    Rewind, Sight, Versions,
};
use crate::schema::{Entity, Registry};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// Most versions of one page, and most records that one chunk looks at.
const MAX_PAGE: usize = 1_000;

/// Versions of a record, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The versions, without changes of fields that the reader may not see.
    pub versions: Vec<RecordVersion>,
    /// Where to go on, if there are more.
    pub next: Option<u64>,
}

/// A record as it was, for its reader of today: hidden fields have no value.
#[derive(Debug, Clone)]
pub struct PastRecord {
    /// The record.
    pub id: RecordId,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: RecordId,
    /// Its state.
    pub state: PastState,
    entity: crate::base::EntityId,
    registry: Arc<Registry>,
}

/// A field whose value was not the same at two places of the ledger, or of which nobody can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field, or a number of the envelope.
    pub field: FieldId,
    /// At the earlier place; none where the record was not there.
    pub from: PastValue,
    /// At the later place, likewise.
    pub to: PastValue,
}

/// Where a list of the past goes on: the place in the ledger that the first chunk fixed, and a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastCursor {
    position: u64,
    after: [u8; 16],
}

/// A chunk of a list of the past, or a page of one in an order.
#[derive(Debug)]
pub struct PastPage<C = PastCursor> {
    /// The records: of a chunk in the order of their creation, and there may be none, and more to come; of a page in
    /// the order asked.
    pub rows: Vec<PastRecord>,
    /// The last entry of the ledger that the list knows of.
    pub position: u64,
    /// Records that were looked at; for a page all that the entity has, deleted ones among them.
    pub looked_at: u64,
    /// Records of forgotten persons, of which nobody can tell whether they met the condition.
    pub undecided: u64,
    /// Where to go on, if there is more.
    pub next: Option<C>,
}

/// A chunk of deleted records.
#[derive(Debug)]
pub struct DeletedPage {
    /// The records, each as it was when it was deleted; the values of forgotten persons are gone.
    pub rows: Vec<Listing>,
    /// Records that this chunk looked at.
    pub looked_at: u64,
    /// Where to go on, if there is more.
    pub next: Option<RecordId>,
}

impl PastRecord {
    /// The value that a field had; [`Value::Null`] if it had none, or the reader may not see it.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn value(&self, field: impl Into<FieldSelector>) -> Result<PastValue> {
        let field = field.into().resolve(self.entity()?)?;
        Ok(value_in(Some(&self.state), field))
    }

    /// The entity of the record.
    ///
    /// # Errors
    /// `schema.unknown_entity` if its plugin is gone.
    pub fn entity(&self) -> Result<&Entity> {
        self.registry.entity_by_id(self.entity)
    }
}

/// What a call needs to look at the past of one record.
struct Past<'r> {
    reader: Reader<'r>,
    permit: Permit<Read>,
    record: Record,
}

impl Session {
    /// Versions of a record that were made before an entry of it, or its newest ones, at most `limit`
    /// (0 means 100, 1,000 at the most). Reads the entries of the record that it gives and no others; where
    /// an older version of the engine wrote some of them, the ledger between them too. The listener of the
    /// session's patience is told how many entries were read, as the phase `history`.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_entity`; `input.invalid_cursor` where
    /// `before` is no entry of the record; `history.expired` where all further versions are older than the
    /// settings keep; `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn history(&self, entity: &str, id: RecordId, before: Option<u64>, limit: usize) -> Result<History> {
        self.past(entity, id, |past| {
            let limit = if limit == 0 { 100 } else { limit.min(MAX_PAGE) };
            let bound = self.bound(past.reader, entity)?;
            let pruned = Pruned::of(past.reader.snapshot, past.record.entity)?;
            let is_gone = |version: &RecordVersion| {
                bound.is_some_and(|bound| version.at < bound)
                    || pruned.is_some_and(|pruned| version.position <= pruned.position)
            };
            let mut walk = Versions::of(self.source(past.reader), &past.record, before, self.patience())?;
            let mut history = History { versions: Vec::new(), next: None };
            while let Some((mut version, more)) = walk.next()? {
                if is_gone(&version) {
                    return if history.versions.is_empty() { Err(expired(entity)) } else { Ok(history) };
                }
                history.next = more.then_some(version.position);
                version.changes.retain(|change| is_told(&past.permit, change.field));
                history.versions.push(version);
                if history.versions.len() == limit {
                    break;
                }
            }
            Ok(history)
        })
    }

    /// A record as it was. Reads the entries of the record that are newer, and the one that made it so.
    ///
    /// # Errors
    /// As [`Session::history`]; `record.not_found` also where the record was not there then, or was deleted;
    /// `input.invalid_argument` for a position behind the newest entry; `history.expired` for a place that is
    /// older than the settings keep.
    pub fn get_as_of(&self, entity: &str, id: RecordId, at: At) -> Result<PastRecord> {
        self.past(entity, id, |past| {
            self.check_kept(past.reader, entity, at)?;
            let mut rewind = Rewind::of(self.source(past.reader), &past.record, self.patience())?;
            let missing = || Error::new(Code::RecordNotFound).entity(entity).record(id);
            let mut state = rewind.to(at)?.ok_or_else(missing)?;
            self.compute(past.reader, entity, &mut state, at)?;
            Ok(past_record(past.reader, &past.permit, &past.record, state))
        })
    }

    /// The value that a field of a record had.
    ///
    /// # Errors
    /// As [`Session::get_as_of`]; `schema.unknown_field`, `access.field_not_permitted`.
    pub fn value_as_of(
        &self,
        entity: &str,
        id: RecordId,
        field: impl Into<FieldSelector>,
        at: At,
    ) -> Result<PastValue> {
        let field = field.into();
        self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            reader.visible(known, &field).map(drop)
        })?;
        self.get_as_of(entity, id, at)?.value(field)
    }

    /// What differs between two states of a record. At a place where the record was not there, it has no
    /// values. Reads the entries of the record from its newest one up to the earlier place.
    ///
    /// # Errors
    /// As [`Session::get_as_of`]; `input.invalid_argument` where the later place is the earlier one.
    pub fn diff(&self, entity: &str, id: RecordId, from: At, to: At) -> Result<Vec<Difference>> {
        self.past(entity, id, |past| {
            let snapshot = past.reader.snapshot;
            if records::resolve(snapshot, from)? > records::resolve(snapshot, to)? {
                return Err(Error::new(Code::InvalidArgument).field("to").rule("not before from"));
            }
            self.check_kept(past.reader, entity, from)?;
            let mut rewind = Rewind::of(self.source(past.reader), &past.record, self.patience())?;
            let (mut later, mut earlier) = (rewind.to(to)?, rewind.to(from)?);
            for (state, at) in [(&mut later, to), (&mut earlier, from)] {
                if let Some(state) = state {
                    self.compute(past.reader, entity, state, at)?;
                }
            }
            let states = [&earlier, &later];
            let fields: BTreeSet<FieldId> =
                states.into_iter().flatten().flat_map(|state| state.values.keys().copied()).collect();
            let told = fields.into_iter().filter(|field| is_told(&past.permit, *field));
            let differences = told.map(|field| {
                let (from, to) = (value_in(earlier.as_ref(), field), value_in(later.as_ref(), field));
                Difference { field, from, to }
            });
            let differs = |found: &Difference| found.from != found.to || found.to == PastValue::Erased;
            Ok(differences.filter(differs).collect())
        })
    }

    /// A chunk of the records that were there and met a condition: what a list gave then, of what this
    /// session may see today. It looks at `looks` records of the entity (0 means 100, 1,000 at the most),
    /// deleted ones among them, and reads the entries of those that changed since; so a whole list costs the
    /// rows of the entity and the entries behind the place. Go on with the cursor until there is none; the
    /// place is fixed by the first chunk, and is not looked at again. Records of forgotten persons are in a
    /// list without a condition alone, and counted otherwise. A condition may go along references: what they led to
    /// then is looked at as it was then, within what the session may see today. Lookups, rollups, trees
    /// and what refers to a record have no past.
    ///
    /// # Errors
    /// As [`Session::list`] and [`Session::get_as_of`].
    pub fn list_as_of(
        &self,
        entity: &str,
        condition: &Condition,
        at: At,
        cursor: Option<PastCursor>,
        looks: usize,
    ) -> Result<PastPage> {
        let at = cursor.map_or(at, |cursor| At::Position(cursor.position));
        self.past_page((entity, condition, at), |_, sight, query| {
            let after = cursor.map(|cursor| RecordId::from_bytes(cursor.after));
            let query = PastQuery { after, looks: page(looks), ..query };
            let chunk = records::list_past(sight, &self.crm().inner.sealer, &query)?;
            let position = query.place.0;
            Ok(chunk.going_on_by(|after| PastCursor { position, after: *after.as_bytes() }))
        })
    }

    /// What a list gave at a place of the ledger, of what this session may see today, as `look` finds it.
    pub(super) fn past_page<C>(
        &self,
        (entity, condition, at): (&str, &Condition, At),
        look: impl FnOnce(Reader<'_>, &Sight<'_>, PastQuery<'_>) -> Result<PastChunk<(Record, PastState), C>>,
    ) -> Result<PastPage<C>> {
        self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            let permit = reader.permit(known)?;
            self.check_kept(reader, entity, at)?;
            let position = records::resolve(reader.snapshot, at)?;
            let stamp = records::stamp_at(reader.snapshot, position)?;
            let filter = reader.resolve(known, condition, stamp.at())?;
            let kept = |beyond: &Entity| self.check_kept(reader, &beyond.api_name, at);
            let query = PastQuery {
                filter: &filter,
                place: (position, stamp),
                moment: reader.settings().moment(stamp.at())?,
                kept: &kept,
                after: None,
                looks: 0,
            };
            let far = reader.far_permits(known, &filter)?;
            let sight = reader.sight(known, &permit, &far);
            let PastChunk { rows, looked_at, undecided, next } = look(reader, &sight, query)?;
            let rows = rows.into_iter();
            let rows = rows.map(|(record, state)| past_record(reader, &permit, &record, state));
            let rows: Vec<PastRecord> = rows.collect();
            let given: Vec<RecordId> = rows.iter().map(|row| row.id).collect();
            reader.reads(known, &given, &Asked::by("list_as_of"))?;
            Ok(PastPage { rows, position, looked_at, undecided, next })
        })
    }

    /// The fact of a key that held on a day, by what was known at a place of the ledger. Reads the entries of the
    /// facts that there ever were of the key, and no others.
    ///
    /// # Errors
    /// As [`Session::get_as_of`] and [`Reader::fact`]; `record.not_found` where nothing was known to hold.
    pub fn fact_as_of(&self, entity: &str, key: &Changes, day: Date, at: At) -> Result<PastRecord> {
        self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            let permit = reader.permit(known)?;
            let values = reader.key_of(known, key)?;
            self.check_kept(reader, entity, at)?;
            let holds = |state: &PastState| {
                let period = known.validity().zip(state.record.as_ref());
                period.is_some_and(|(validity, record)| Period::of(validity, record).contains(day))
            };
            for id in records::facts_of(reader.snapshot, known, &values)? {
                let Some(record) = found(reader.standing(&permit, known, id))? else { continue };
                let state = Rewind::of(self.source(reader), &record, self.patience())?.to(at)?;
                if let Some(mut state) = state.filter(holds) {
                    self.compute(reader, entity, &mut state, at)?;
                    reader.reads(known, &[id], &Asked::by("history"))?;
                    return Ok(past_record(reader, &permit, &record, state));
                }
            }
            Err(Error::new(Code::RecordNotFound).entity(&known.api_name).rule("a fact of this day"))
        })
    }

    /// A chunk of the deleted records that the user may see, in the order of their creation. It looks at
    /// `looks` records of the entity (0 means 100, 1,000 at the most), so a whole list costs its rows.
    ///
    /// # Errors
    /// `access.not_permitted`, `schema.unknown_entity`, `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn deleted(&self, entity: &str, after: Option<RecordId>, looks: usize) -> Result<DeletedPage> {
        self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            let permit = reader.permit(known)?;
            let walk = (after, page(looks));
            let chunk = records::list_deleted(reader.snapshot, &permit, known, walk, self.patience())?;
            let mut rows = Vec::new();
            for record in chunk.rows {
                if reader.sees_ends(&permit, known, &record)? {
                    rows.push(reader.show_stored(&permit, known, record, Showing::List)?);
                }
            }
            let given: Vec<RecordId> = rows.iter().map(|row| row.record.id).collect();
            reader.reads(known, &given, &Asked::by("deleted"))?;
            Ok(DeletedPage { rows, looked_at: chunk.looked_at, next: chunk.next })
        })
    }

    fn past<T>(&self, entity: &str, id: RecordId, look: impl FnOnce(Past<'_>) -> Result<T>) -> Result<T> {
        self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            let permit = reader.permit(known)?;
            let record = reader.standing(&permit, known, id)?;
            reader.opens(known, &record)?;
            reader.reads(known, &[id], &Asked::by("history"))?;
            look(Past { reader, permit, record })
        })
    }

    /// Works out the formulas of a past state, with the definitions of today and the moment of its place.
    fn compute(&self, reader: Reader<'_>, entity: &str, state: &mut PastState, at: At) -> Result<()> {
        let entity = reader.registry().entity(entity)?;
        if entity.formulas().next().is_none() {
            return Ok(());
        }
        let moment = match at {
            At::Time(moment) => moment,
            At::Position(position) => records::stamp_at(reader.snapshot, position)?.at(),
        };
        state.compute(entity, reader.settings().moment(moment)?);
        Ok(())
    }

    fn source<'a>(
        &'a self,
        reader: Reader<'a>,
    ) -> (&'a dyn crate::storage::Snapshot, &'a crate::records::Sealer) {
        (reader.snapshot, &self.crm().inner.sealer)
    }

    /// The moment before which history is not told, if the settings say so.
    fn bound(&self, reader: Reader<'_>, entity: &str) -> Result<Option<Timestamp>> {
        let days = reader.settings().history_days(reader.registry(), entity)?;
        Ok(days.map(|days| kept_since(self.crm().now(), days)))
    }

    /// Refuses a place that is not there yet, and one that is older than the settings keep.
    pub(super) fn check_kept(&self, reader: Reader<'_>, entity: &str, at: At) -> Result<()> {
        records::check_place(reader.snapshot, at)?;
        let pruned = Pruned::of(reader.snapshot, reader.registry().entity(entity)?.id())?;
        if pruned.is_some_and(|pruned| pruned.hides(at)) {
            return Err(expired(entity));
        }
        let Some(bound) = self.bound(reader, entity)? else { return Ok(()) };
        let moment = match at {
            At::Time(moment) => moment,
            At::Position(position) => records::stamp_at(reader.snapshot, position)?.at(),
        };
        if moment < bound { Err(expired(entity)) } else { Ok(()) }
    }
}

/// The moment from which history is told, where so many days are kept.
pub(super) fn kept_since(now: Timestamp, days: u32) -> Timestamp {
    Timestamp::from_micros(now.micros().saturating_sub(i64::from(days).saturating_mul(DAY)))
}

/// Whether a reader is told of a field of the past. The marks by which rules reach a record are for who audits.
fn is_told(permit: &Permit<Read>, field: FieldId) -> bool {
    field != MARKED && permit.shows(field)
}

fn page(looks: usize) -> usize {
    if looks == 0 { 100 } else { looks.min(MAX_PAGE) }
}

fn expired(entity: &str) -> Error {
    Error::new(Code::HistoryExpired).entity(entity)
}

fn past_record(
    reader: Reader<'_>,
    permit: &Permit<Read>,
    record: &Record,
    mut state: PastState,
) -> PastRecord {
    state.values.retain(|field, _| is_told(permit, *field));
    state.record = None;
    PastRecord {
        id: record.id,
        created_at: record.envelope.created.at(),
        created_by: record.envelope.created_by,
        state,
        entity: record.entity,
        registry: Arc::clone(reader.registry()),
    }
}

fn value_in(state: Option<&PastState>, field: FieldId) -> PastValue {
    let value = state.and_then(|state| state.values.get(&field));
    value.cloned().unwrap_or(PastValue::Known(Value::Null))
}
