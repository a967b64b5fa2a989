//! Fields of the customer's own under another type: the registry first, then the values, in chunks between which
//! others write.
//!
//! Whoever writes the new field before its value comes keeps what was written. A value that the lens does not take
//! stays in the field as it was.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use sha2::{Digest, Sha256};

use crate::base::{Code, Error, FieldId, Patience, RecordId, Result, Value, fold};
use crate::engine::crm::store_registry;
use crate::engine::{Changes, Crm, SchemaPlan, Session, Transaction, WriteOptions};
use crate::records::{
    EntryKind, Record, WriteView, changed_since, find_unique, next_records, note, records_made,
};
use crate::schema::{Entity, Field, FieldType, Lens, PhoneRegion, Registry};
use crate::storage::{Keyspace, Snapshot};

/// What the ledger names.
const CAUSE: &str = "schema.retype_field";
/// Most records of one transaction.
const CHUNK: u64 = 500;
/// Most records that are named whose values stay where they are.
const MAX_NAMED: usize = 100;
/// Where the state of a move lies, before the number of the field that values are moved into.
const RETYPE: &[u8] = b"retype.";

/// What became of the values of a field whose type was changed, or would become of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retyped {
    /// The API name of the field, as before.
    pub field: String,
    /// The API name under which the field as it was is read.
    pub before: String,
    /// Values that were converted.
    pub converted: u64,
    /// Values that were passed over, because somebody had written the new field before.
    pub kept: u64,
    /// Values that do not convert.
    pub unconverted: u64,
    /// The first of the records whose values do not convert, at most 100, but for those that the user may not see.
    pub records: Vec<Unconverted>,
}

/// A record whose value did not convert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unconverted {
    /// The record.
    pub id: RecordId,
    /// Why not.
    pub reason: Code,
}

impl Session {
    /// Changes the type of a field of the customer's own. A new field takes over the name, and the field as it was
    /// stays under another name, withdrawn, with its values and its history. The values are converted in chunks
    /// between which others write, as ordinary changes of their records; those of deleted records when they come back.
    /// The listener of the session's patience is told of the phase `values`. If it is interrupted, the same call
    /// again, or [`Session::build_indexes`], goes on with it.
    ///
    /// A default takes the place of the one that stands; an empty one takes it away.
    ///
    /// # Errors
    /// As [`Session::rename_field`]; `schema.invalid_expression`;
    /// those of [`Registry::retype_field`](crate::schema::Registry::retype_field), after which nothing is changed;
    /// `engine.cancelled`, `engine.deadline_exceeded`, after which the next call goes on where this one stopped.
    pub fn retype_field(
        &self,
        entity: &str,
        field: &str,
        kind: &FieldType,
        default: Option<&str>,
    ) -> Result<Retyped> {
        let (entity, field) = self.check_evolving(entity, field)?;
        let before = self.crm().registry();
        let known = before.entity(&entity)?;
        self.check_expressions(known, default.into_iter().filter(|source| !source.is_empty()))?;
        let standing = known.field(field.as_str().into())?;
        let same = standing.definition.kind.name() == kind.name();
        let goes_on = standing.is_moving() && !standing.is_withdrawn() && same;
        let change = |registry: &mut Registry| registry.retype_field(&entity, &field, kind, default);
        if !goes_on {
            self.change_schema(CAUSE, change)?;
        }
        let Some(rehearsal) = self.rehearsal() else {
            let number = self.crm().registry().entity(&entity)?.field(field.as_str().into())?.id();
            return self.move_values(&entity, number);
        };
        let mut after = Registry::clone(&before);
        if !goes_on {
            change(&mut after)?;
        }
        let after = after.entity(&entity)?;
        let retyped = self.try_values(after, after.field(field.as_str().into())?, goes_on)?;
        self.plan_move(known, &mut rehearsal.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(retyped)
    }

    /// Goes on with every move of values that is not over.
    pub(super) fn move_pending(&self) -> Result<()> {
        let next = |registry: &Registry| {
            let moving = |entity: &Entity| {
                let mut moving = entity.fields().iter().filter(|field| field.is_moving());
                let field = moving.find(|field| !field.is_withdrawn())?;
                Some((entity.api_name.clone(), field.id()))
            };
            registry.entities().iter().find_map(moving)
        };
        while let Some((entity, number)) = next(&self.crm().registry()) {
            self.move_values(&entity, number)?;
        }
        Ok(())
    }

    /// Moves all values into a field that are not there yet.
    fn move_values(&self, entity: &str, number: FieldId) -> Result<Retyped> {
        let most = usize::try_from(self.crm().inner.build_at_once.clamp(1, CHUNK)).unwrap_or(1);
        let mut done = 0_u64;
        loop {
            self.patience().check()?;
            let options = WriteOptions::default().cause(CAUSE);
            let chunk =
                self.write_with(options, |transaction| transaction.move_chunk(entity, number, most))?;
            done = done.saturating_add(chunk.records);
            self.patience().tell("values", done, 0);
            if !chunk.more {
                self.crm().finish_move(self.user(), entity, number)?;
                let registry = self.crm().registry();
                let known = registry.entity(entity)?;
                let field = known.field_by_id(number).ok_or_else(|| Error::new(Code::UnknownField))?;
                return self.outcome(known, field, chunk.state);
            }
        }
    }

    /// What a move would come to, over one stable view of the records.
    fn try_values(&self, after: &Entity, field: &Field, goes_on: bool) -> Result<Retyped> {
        let mut seen = BTreeSet::new();
        let state = self.read(|reader| {
            let snapshot = reader.snapshot;
            let Some(pair) = Pair::of(after, field.id(), self.crm().phone_region()) else {
                return Ok(State::new());
            };
            let mut state = State::load(snapshot, field.id())?;
            if !goes_on {
                // Nobody can have written a field that is not there.
                state.since = u64::MAX;
            }
            loop {
                let most = usize::try_from(CHUNK).unwrap_or(1);
                let (records, more) = next_records(snapshot, after, (state.position, most), self.patience())?;
                for record in &records {
                    let look = match pair.look_at((snapshot, self.patience()), record, state.since)? {
                        Look::Converts(value) if !pair.is_new(&value, &mut seen) => {
                            Look::Stays(Code::NotUnique)
                        }
                        look => look,
                    };
                    state.count(record.id, &look);
                }
                if !more {
                    return Ok(state);
                }
            }
        })?;
        self.outcome(after, field, state)
    }

    /// What moving the values of an entity's records costs.
    fn plan_move(&self, entity: &Entity, plan: &mut SchemaPlan) -> Result<()> {
        let records = records_made(self.crm().snapshot()?.as_ref(), entity)?;
        let chunks = records.div_ceil(self.crm().inner.build_at_once.clamp(1, CHUNK));
        plan.records = plan.records.saturating_add(records);
        plan.commits = plan.commits.saturating_add(chunks);
        Ok(())
    }

    /// The answer, which names no record that the user may not see.
    fn outcome(&self, entity: &Entity, field: &Field, state: State) -> Result<Retyped> {
        let before = entity.retyped_from(field).map(|before| before.api_name.clone());
        let records = self.read(|reader| {
            let shown = |row: &Unconverted| reader.reaches(&entity.api_name, row.id).unwrap_or(false);
            Ok(state.named.into_iter().filter(shown).collect())
        })?;
        Ok(Retyped {
            field: field.api_name.clone(),
            before: before.unwrap_or_default(),
            converted: state.converted,
            kept: state.kept,
            unconverted: state.unconverted,
            records,
        })
    }
}

/// The two fields of a move.
struct Pair<'e> {
    from: &'e Field,
    to: &'e Field,
    lens: Lens<'e>,
}

/// What a move makes of one record.
enum Look {
    /// It has no value to be moved.
    Nothing,
    /// Somebody wrote the new field before.
    Kept,
    /// Its value becomes this.
    Converts(Value),
    /// Its value does not convert.
    Stays(Code),
}

impl<'e> Pair<'e> {
    fn of(entity: &'e Entity, number: FieldId, phones: PhoneRegion) -> Option<Self> {
        let to = entity.field_by_id(number)?;
        let from = entity.retyped_from(to)?;
        let lens = Lens::between(&from.definition.kind, &to.definition.kind)?;
        Some(Self { from, to, lens: lens.reading_phones(phones) })
    }

    /// What is made of a record: somebody who wrote the new field, and be it to empty it again, wrote it behind the
    /// position of the ledger at which it was there.
    fn look_at(
        &self,
        (snapshot, patience): (&dyn Snapshot, &Patience),
        record: &Record,
        since: u64,
    ) -> Result<Look> {
        let (field, value) = (self.to.id(), record.peek(self.from.id()));
        if record.is_deleted() || value.is_null() {
            return Ok(Look::Nothing);
        }
        if !record.peek(field).is_null() || changed_since(snapshot, record, (field, since), patience)? {
            return Ok(Look::Kept);
        }
        Ok(self.converted(&value))
    }

    fn converted(&self, value: &Value) -> Look {
        match self.lens.apply(value) {
            Ok(value) => Look::Converts(value),
            Err(error) => Look::Stays(error.code()),
        }
    }

    /// Whether no record before had a value, where no two may have one. Of each a digest is kept.
    fn is_new(&self, value: &Value, seen: &mut BTreeSet<[u8; 32]>) -> bool {
        if !self.to.definition.unique || !self.lens.may_merge() {
            return true;
        }
        let compared = match value {
            Value::Text(text) => fold(text),
            Value::Decimal(number) => number.normalized().to_string(),
            other => format!("{other:?}"),
        };
        seen.insert(Sha256::digest(compared.as_bytes()).into())
    }
}

/// How far a move is, as it lies in the store.
#[derive(Debug)]
struct State {
    /// The last record that was looked at; zeros before the first.
    position: RecordId,
    /// The newest entry of the ledger from before the field that values are moved into.
    since: u64,
    converted: u64,
    kept: u64,
    unconverted: u64,
    /// The first records whose values do not convert.
    named: Vec<Unconverted>,
}

impl State {
    fn key(number: FieldId) -> Vec<u8> {
        [RETYPE, &number.number().to_be_bytes()].concat()
    }

    /// That of a move that has not begun.
    fn new() -> Self {
        let position = RecordId::from_bytes([0; 16]);
        Self { position, since: 0, converted: 0, kept: 0, unconverted: 0, named: Vec::new() }
    }

    fn count(&mut self, id: RecordId, look: &Look) {
        self.position = id;
        let counted = match look {
            Look::Nothing => return,
            Look::Kept => &mut self.kept,
            Look::Converts(_) => &mut self.converted,
            Look::Stays(_) => &mut self.unconverted,
        };
        *counted = counted.saturating_add(1);
        if let Look::Stays(reason) = look
            && self.named.len() < MAX_NAMED
        {
            self.named.push(Unconverted { id, reason: *reason });
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.position.as_bytes().to_vec();
        for count in [self.since, self.converted, self.kept, self.unconverted] {
            bytes.extend(count.to_be_bytes());
        }
        for row in &self.named {
            bytes.extend(row.id.as_bytes());
            bytes.extend(row.reason.number().to_be_bytes());
        }
        bytes
    }

    fn load(snapshot: &dyn Snapshot, number: FieldId) -> Result<Self> {
        match snapshot.get(Keyspace::Meta, &Self::key(number))? {
            Some(bytes) => Self::from_bytes(&bytes)
                .ok_or_else(|| Error::new(Code::Damaged).rule("state of a change of type")),
            None => Ok(Self::new()),
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (position, rest) = bytes.split_first_chunk::<16>()?;
        let (since, rest) = rest.split_first_chunk::<8>()?;
        let (converted, rest) = rest.split_first_chunk::<8>()?;
        let (kept, rest) = rest.split_first_chunk::<8>()?;
        let (unconverted, mut rest) = rest.split_first_chunk::<8>()?;
        let mut named = Vec::new();
        while !rest.is_empty() {
            let (id, after) = rest.split_first_chunk::<16>()?;
            let (reason, after) = after.split_first_chunk::<4>()?;
            let reason = i32::from_be_bytes(*reason);
            // A newer engine may have had a reason that this one does not know.
            let reason = Code::ALL.iter().find(|code| code.number() == reason).unwrap_or(&Code::WrongType);
            named.push(Unconverted { id: RecordId::from_bytes(*id), reason: *reason });
            rest = after;
        }
        Some(Self {
            position: RecordId::from_bytes(*position),
            since: u64::from_be_bytes(*since),
            converted: u64::from_be_bytes(*converted),
            kept: u64::from_be_bytes(*kept),
            unconverted: u64::from_be_bytes(*unconverted),
            named,
        })
    }
}

/// What one transaction of a move came to.
struct Chunk {
    state: State,
    records: u64,
    more: bool,
}

impl Transaction<'_> {
    /// Moves the values of the next records. Where the move stands is part of the same commit.
    fn move_chunk(&mut self, entity: &str, number: FieldId, most: usize) -> Result<Chunk> {
        let registry = Arc::clone(&self.registry);
        let known = registry.entity(entity)?;
        let mut state = State::load(self.view(), number)?;
        let field = known.field_by_id(number).ok_or_else(|| Error::new(Code::UnknownField))?;
        if field.is_withdrawn() {
            // Somebody took the field back meanwhile; the move goes on once it is brought back.
            return Err(Error::new(Code::Withdrawn).entity(&known.api_name).field(&field.api_name));
        }
        let moving = field.is_moving();
        let Some(pair) = Pair::of(known, number, self.crm().phone_region()).filter(|_| moving) else {
            return Ok(Chunk { state, records: 0, more: false });
        };
        let patience = self.session().patience().clone();
        let (records, more) = next_records(self.view(), known, (state.position, most), &patience)?;
        for record in &records {
            let look = match pair.look_at((self.view(), &patience), record, state.since)? {
                Look::Converts(value) => self.convert(known, record.id, &pair, value)?,
                look => look,
            };
            state.count(record.id, &look);
        }
        if !records.is_empty() {
            self.view_mut().put(Keyspace::Meta, State::key(number), state.to_bytes());
        }
        Ok(Chunk { state, records: records.len() as u64, more })
    }

    /// Gives a record its converted value in the engine's own right, since whoever may change the type changes it
    /// for all records. What the store refuses of one record concerns that one alone.
    fn convert(&mut self, entity: &Entity, id: RecordId, pair: &Pair<'_>, value: Value) -> Result<Look> {
        let point = self.savepoint();
        let changes = Changes::new().set(pair.to.api_name.as_str(), value.clone());
        match self.update_in_own_right(&entity.api_name, id, changes) {
            Ok(()) => Ok(Look::Converts(value)),
            Err(error) => {
                self.roll_back_to(point);
                if error.code().is_of_record() { Ok(Look::Stays(error.code())) } else { Err(error) }
            }
        }
    }
}

impl Transaction<'_> {
    /// Gives a deleted record that comes back the values that were moved while it was away, but for those that do
    /// not convert, or that another record has where no two may.
    pub(super) fn take_along(&self, entity: &Entity, record: &mut Record) -> Result<()> {
        for field in entity.fields() {
            let Some(pair) = Pair::of(entity, field.id(), self.crm().phone_region()) else { continue };
            let value = record.peek(pair.from.id()).into_owned();
            let stand = !field.is_withdrawn() && pair.from.is_withdrawn();
            if !stand || value.is_null() || !record.peek(field.id()).is_null() {
                continue;
            }
            let Look::Converts(value) = pair.converted(&value) else { continue };
            let taken = field.definition.unique
                && find_unique(self.view(), entity.id(), field.id(), &value)?.is_some();
            if !taken && !changed_since(self.view(), record, (field.id(), 0), self.session().patience())? {
                record.set(field.id(), value);
            }
        }
        Ok(())
    }
}

/// Whether the value of a field of a record is still on its way from the field whose place it took.
pub(super) fn is_on_its_way(entity: &Entity, record: &Record, field: &Field) -> bool {
    let from = entity.retyped_from(field).filter(|_| field.is_moving());
    from.is_some_and(|from| !record.peek(from.id()).is_null())
}

/// Notes where in the ledger fields began into which values are to be moved.
pub(super) fn begin_moves(view: &mut WriteView<'_>, before: &Registry, after: &Registry) -> Result<()> {
    for entity in after.entities() {
        let known = before.entity_by_id(entity.id()).ok();
        let moved = |field: &&Field| {
            let known = known.and_then(|known| known.field_by_id(field.id()));
            field.is_moving() && !known.is_some_and(Field::is_moving)
        };
        for field in entity.fields().iter().filter(moved) {
            let state = State { since: view.head()?.position, ..State::new() };
            view.put(Keyspace::Meta, State::key(field.id()), state.to_bytes());
        }
    }
    Ok(())
}

impl Crm {
    /// Says of a field that it has all values that convert.
    fn finish_move(&self, actor: RecordId, entity: &str, number: FieldId) -> Result<()> {
        let _alone = self.inner.changing_registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut after = Registry::clone(&self.registry());
        after.set_moved(entity, number)?;
        let (json, after) = (after.to_json()?, Arc::new(after));
        self.system_write_and(
            actor,
            CAUSE,
            |view, context| {
                view.remove(Keyspace::Meta, State::key(number));
                store_registry(view, &json);
                note(view, context, EntryKind::Schema, actor, &format!("version {}", after.version()));
                Ok(())
            },
            &mut || {
                *self.inner.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&after);
            },
        )
    }
}
