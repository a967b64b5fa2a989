//! Entries of the ledger about what changes nothing: reads that a policy asks for, refusals, exports, prints.
//!
//! They are collected in memory and written together, each kind by its bound. Of refusals the first is
//! entered at once, and those of the same person, entity and action within a minute of it are counted in one
//! more entry, so that no loop fills the disk. A refusal of a field that must not seem to exist waits for other
//! entries, for an auditor, a flush or the close, since the time of a commit would tell of it. A thread that is
//! inside a transaction cannot write another one: what it collects is written as soon as the transaction is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::Action;
use crate::base::{Code, EntityId, Error, FieldId, Patience, RecordId, Result, Timestamp, Value};
use crate::engine::crm::Inner;
use crate::engine::session::WriterTurn;
use crate::engine::{
    Crm, EntryKind, LedgerEntry, ReadMode, ReadPolicy, Reader, Session, Settings, Transaction,
};
use crate::records::{
    self, FieldChange, NAMED_RECORDS, Note, Staleness, WriteContext, WriteView, note_field,
};
use crate::schema::{Entity, Registry};

/// Most records that one entry names.
const MAX_NAMED: usize = 256;
/// Entries that are collected, and for how long in microseconds, before they are written.
const MAX_COLLECTED: usize = 1_000;
const MAX_AGE: i64 = 5_000_000;
/// For how long, in microseconds, refusals are counted in one entry, and of how many kinds at once.
const COUNTED_FOR: i64 = 60_000_000;
const MAX_COUNTED: usize = 4_096;
/// How many refused sign-ins of one person are entered one by one within that time.
const MAX_ENTERED: u64 = 10;
/// What stands for the entity of refusals to sign in, and for their cause.
const SIGN_IN: &str = "sign_in";
/// Longest text of a host in an entry, in bytes.
const MAX_TEXT: usize = 500;

/// What is to be entered.
#[derive(Debug, Clone)]
struct Collected {
    note: Note,
    actor: RecordId,
    /// For whom, if for another one.
    on_behalf_of: Option<RecordId>,
    cause: String,
    since: Timestamp,
}

/// Whose refusals are counted together: the person, the entity, and the action or field.
type Refusal = (RecordId, String, String);

/// Refusals since one that was entered.
#[derive(Debug, Clone)]
struct Refusals {
    since: Timestamp,
    /// How many were entered one by one.
    entered: u64,
    more: u64,
    code: Code,
}

/// What waits to be entered.
#[derive(Debug, Default)]
pub(super) struct AuditTrail {
    collected: Mutex<Waiting>,
    /// Held by who enters what was collected, so that another one knows when it is durable.
    entering: Mutex<()>,
    /// Whether something waits that should not wait longer than the transaction that is open.
    urgent: AtomicBool,
    /// Whether a refusal waits of which its caller must not know.
    concealed: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: Vec<Collected>,
    refusals: BTreeMap<Refusal, Refusals>,
}

/// What a reader is about to be given.
pub(super) struct Asked<'a> {
    /// The door: `get`, `list`, `search` …
    pub door: &'static str,
    /// The fields that were asked for in particular, if some were.
    pub fields: &'a BTreeSet<FieldId>,
    /// How many records, where they are not named.
    pub rows: Option<u64>,
}

impl Asked<'static> {
    /// Records with whatever their reader may see.
    pub fn by(door: &'static str) -> Self {
        static WHATEVER: BTreeSet<FieldId> = BTreeSet::new();
        Self { door, fields: &WHATEVER, rows: None }
    }
}

/// What a host did with records outside of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The entity.
    pub entity: String,
    /// The records, if the host names them; at most 10,000.
    pub records: Vec<RecordId>,
    /// How many records.
    pub rows: u64,
    /// What they became: the format of a file, the name of a form.
    pub form: String,
    /// By which condition they were chosen, without its values.
    pub filter: Option<String>,
}

/// Most records that a host names at once.
const MAX_CARRIED: usize = 10_000;

impl Session {
    /// Enters that this user took records out of the database into a file, which the engine itself does not see.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to read the entity; `record.not_found` for a record that the
    /// user may not see; `schema.unknown_entity`; `input.limit_exceeded`; `storage.io`.
    pub fn note_export(&self, carried: &Carried) -> Result<()> {
        self.note_carried(EntryKind::Export, Action::Export, carried)
    }

    /// Enters that this user printed records.
    ///
    /// # Errors
    /// As [`Session::note_export`].
    pub fn note_print(&self, carried: &Carried) -> Result<()> {
        self.note_carried(EntryKind::Print, Action::Read, carried)
    }

    fn note_carried(&self, kind: EntryKind, action: Action, carried: &Carried) -> Result<()> {
        let long = |text: &str| text.len() > MAX_TEXT;
        if carried.records.len() > MAX_CARRIED
            || long(&carried.form)
            || carried.filter.as_deref().is_some_and(long)
        {
            return Err(Error::new(Code::LimitExceeded).entity(&carried.entity));
        }
        self.check_may(&carried.entity, action)?;
        let entity = self.read(|reader| {
            let entity = reader.registry().entity(&carried.entity)?;
            let permit = reader.permit(entity)?;
            for id in &carried.records {
                reader.standing(&permit, entity, *id)?;
            }
            Ok(entity.id())
        })?;
        let count = u64::try_from(carried.records.len()).unwrap_or(u64::MAX).max(carried.rows);
        let mut facts = vec![("rows", int(count)), ("form", Value::from(carried.form.as_str()))];
        facts.extend(carried.filter.as_deref().map(|filter| ("filter", Value::from(filter))));
        let crm = self.crm();
        for named in chunks(&carried.records) {
            let who = (self.user(), self.acts_on_behalf_of());
            crm.collect(who, &self.cause_of(kind.name()), about(kind, entity, named, &facts));
        }
        crm.enter_collected(self.patience())
    }

    /// Says whether the ledger tells who reads the records of an entity; without a policy it does not.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `schema.unknown_entity`,
    /// `schema.unknown_field`.
    pub fn define_read_policy(&self, entity: &str, policy: Option<ReadPolicy>) -> Result<()> {
        let crm = self.crm();
        let settings = Settings::clone(&crm.settings());
        self.change_settings(settings.with_read_policy(&crm.registry(), entity, policy)?)
    }

    /// Writes what was collected for the ledger and waits: reads of batched policies, and counts of refusals
    /// whose minute is over. A host calls it when it is idle.
    ///
    /// # Errors
    /// `storage.io`, `engine.deadline_exceeded`.
    pub fn flush_audit(&self) -> Result<()> {
        self.crm().end_counts();
        self.crm().enter_collected(self.patience())
    }

    /// Hands a result on, and enters a refusal.
    pub(super) fn told<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result
            && let Some(code) = refused_by(error)
        {
            self.crm().refused(self.user(), error, code);
            if error.concealed().is_none() {
                // That the refusal is not entered, because the disk is full, must not hide the refusal.
                drop(self.crm().enter_collected(self.patience()));
            }
        }
        result
    }
}

/// The code under which an error is entered, if it is a refusal. One of which its caller must not know waits for
/// other entries, since the time that a commit takes would tell.
fn refused_by(error: &Error) -> Option<Code> {
    let code = error.concealed().unwrap_or_else(|| error.code());
    let refusals = [Code::NotPermitted, Code::FieldNotPermitted, Code::BeyondOwnRights, Code::FourEyes];
    refusals.contains(&code).then_some(code)
}

impl Transaction<'_> {
    /// Enters a refusal in the ledger when the transaction is over, whatever becomes of it. `Session::write` does
    /// so by itself; a host that begins transactions calls it with the error that it was given.
    pub fn enter_refusal(&self, error: &Error) {
        if let Some(code) = refused_by(error) {
            let reader = self.reader();
            reader.crm.refused(reader.user, error, code);
            if error.concealed().is_none() {
                reader.crm.enter_after_transaction();
            }
        }
    }
}

impl Reader<'_> {
    /// Enters that the user is about to be given records, if a policy asks for that.
    pub(super) fn reads(&self, entity: &Entity, ids: &[RecordId], asked: &Asked<'_>) -> Result<()> {
        let Some(policy) = self.settings.read_policy(entity) else { return Ok(()) };
        if ids.is_empty() && asked.rows.is_none_or(|rows| rows == 0) {
            return Ok(());
        }
        let permit = self.permit(entity)?;
        // A field that is masked in lists alone is read where a record is opened, and counts as read everywhere.
        let Some(fields) = policy.concerns(entity, asked.fields, |field| permit.reads(field)) else {
            return Ok(());
        };
        let mut facts = vec![("read_at", Value::DateTime(self.now))];
        facts.extend(asked.rows.map(|rows| ("rows", int(rows))));
        if !fields.is_empty() {
            let names = fields.iter().map(|name| Value::from(name.as_str())).collect();
            facts.push(("fields", Value::List(names)));
        }
        let cause = format!("read.{}", asked.door);
        for named in chunks(ids) {
            let note = about(EntryKind::Read, entity.id(), named, &facts);
            self.crm.collect((self.user, self.policy.acts_for(self.user)), &cause, note);
        }
        match policy.mode {
            ReadMode::Strict => {
                self.crm.enter_collected(self.patience)?;
                // Where commits are durable a little later, this one is waited for.
                self.crm.inner.database.store.flush().map(drop)
            }
            ReadMode::Batched => self.crm.enter_when_due(self.patience),
        }
    }
}

impl Crm {
    fn collect(&self, (actor, on_behalf_of): (RecordId, Option<RecordId>), cause: &str, note: Note) {
        let entry = Collected { note, actor, on_behalf_of, cause: cause.to_owned(), since: self.now() };
        self.inner.audit.lock().entries.push(entry);
    }

    /// Enters something at once, in a transaction of its own.
    pub(super) fn enter_own(&self, actor: RecordId, cause: &str, note: Note) -> Result<()> {
        self.collect((actor, None), cause, note);
        self.enter_collected(&Patience::default())
    }

    /// Counts a refusal, or enters it where it is the first within a minute.
    fn refused(&self, actor: RecordId, error: &Error, code: Code) {
        let entity = error.entity_name().unwrap_or_default().to_owned();
        let action = error.field_name().or(error.rule_name()).unwrap_or_default().to_owned();
        let (now, key) = (self.now(), (actor, entity, action));
        self.end_counts();
        {
            let mut waiting = self.inner.audit.lock();
            if let Some(counted) = waiting.refusals.get_mut(&key) {
                counted.more = counted.more.saturating_add(1);
                return;
            }
            if waiting.refusals.len() >= MAX_COUNTED {
                // The first of so many by their order goes: its next one is a first one again.
                waiting.refusals.pop_first();
            }
            let counted = Refusals { since: now, entered: 1, more: 0, code };
            waiting.refusals.insert(key.clone(), counted);
        }
        self.collect((actor, None), "denied", refusal(&self.registry(), &key, (code, 1, now)));
        if error.concealed().is_some() {
            self.inner.audit.concealed.store(true, Ordering::Release);
        }
    }

    /// Enters a refused sign-in of somebody, or of a name that nobody has. Where there were as many within a minute
    /// it is counted, so that no guesser fills the disk or makes the others wait for it.
    pub(super) fn refused_sign_in(&self, person: RecordId) -> Result<()> {
        let now = self.now();
        self.end_counts();
        let key = (person, SIGN_IN.to_owned(), String::new());
        {
            let mut waiting = self.inner.audit.lock();
            if waiting.refusals.len() >= MAX_COUNTED && !waiting.refusals.contains_key(&key) {
                waiting.refusals.pop_first();
            }
            let fresh = Refusals { since: now, entered: 0, more: 0, code: Code::SignInFailed };
            let counted = waiting.refusals.entry(key).or_insert(fresh);
            if counted.entered >= MAX_ENTERED {
                counted.more = counted.more.saturating_add(1);
                drop(waiting);
                return self.enter_when_due(&Patience::default());
            }
            counted.entered = counted.entered.saturating_add(1);
        }
        self.enter_note(person, EntryKind::SignInRefused, SIGN_IN, "password")
    }

    /// Enters the counts of refusals whose minute is over.
    fn end_counts(&self) {
        let now = self.now().micros();
        let is_over = |counted: &Refusals| now.saturating_sub(counted.since.micros()) >= COUNTED_FOR;
        let over: Vec<(Refusal, Refusals)> = {
            let mut waiting = self.inner.audit.lock();
            let keys: Vec<Refusal> = waiting
                .refusals
                .iter()
                .filter(|(_, counted)| is_over(counted))
                .map(|(key, _)| key.clone())
                .collect();
            keys.into_iter().filter_map(|key| waiting.refusals.remove_entry(&key)).collect()
        };
        for (key, counted) in over.into_iter().filter(|(_, counted)| counted.more > 0) {
            let note = refusal(&self.registry(), &key, (counted.code, counted.more, counted.since));
            self.collect((key.0, None), cause_of(&key), note);
        }
    }

    /// Enters what was collected if a refusal is among it that waits for somebody to look.
    pub(super) fn enter_concealed(&self, patience: &Patience) -> Result<()> {
        let waits = self.inner.audit.concealed.load(Ordering::Acquire);
        if waits { self.enter_collected(patience) } else { Ok(()) }
    }

    /// Enters what was collected, if it is enough or old enough.
    pub(super) fn enter_when_due(&self, patience: &Patience) -> Result<()> {
        let now = self.now().micros();
        let is_due = {
            let waiting = self.inner.audit.lock();
            waiting.entries.len() >= MAX_COLLECTED
                || waiting
                    .entries
                    .first()
                    .is_some_and(|entry| now.saturating_sub(entry.since.micros()) >= MAX_AGE)
        };
        if is_due { self.enter_collected(patience) } else { Ok(()) }
    }

    /// Enters what was collected. Inside a transaction of this thread it waits for the end of that.
    pub(super) fn enter_collected(&self, patience: &Patience) -> Result<()> {
        let turn = match WriterTurn::quiet(self) {
            Ok(turn) => turn,
            Err(error) if error.code() == Code::Reentrant => {
                self.inner.audit.urgent.store(true, Ordering::Release);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let _alone = self.inner.audit.entering.lock().unwrap_or_else(PoisonError::into_inner);
        self.inner.audit.urgent.store(false, Ordering::Release);
        self.inner.audit.concealed.store(false, Ordering::Release);
        let entries = std::mem::take(&mut self.inner.audit.lock().entries);
        let entered = enter(&self.inner, &entries, patience, &|| turn.hold());
        if entered.is_err() {
            self.inner.audit.lock().entries.splice(0..0, entries);
        }
        entered
    }

    /// What was collected is entered when the transaction of this thread is over.
    fn enter_after_transaction(&self) {
        self.inner.audit.urgent.store(true, Ordering::Release);
    }

    /// What waited for the end of a transaction of this thread.
    pub(super) fn after_transaction(&self) {
        if self.inner.audit.urgent.load(Ordering::Acquire) && !std::thread::panicking() {
            // What cannot be written now is tried again with the next entries.
            drop(self.enter_collected(&Patience::default()));
        }
    }
}

impl AuditTrail {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    /// The last user of the database has gone: what still waits is entered.
    fn drop(&mut self) {
        let waiting = std::mem::take(&mut *self.audit.lock());
        let mut entries = waiting.entries;
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner).clone();
        for (key, counted) in waiting.refusals.into_iter().filter(|(_, counted)| counted.more > 0) {
            let note = refusal(&registry, &key, (counted.code, counted.more, counted.since));
            let cause = cause_of(&key).to_owned();
            entries.push(Collected { note, actor: key.0, on_behalf_of: None, cause, since: counted.since });
        }
        // Nobody is left to be told of a fault.
        drop(enter(self, &entries, &Patience::default(), &|| ()));
    }
}

/// Writes entries in one transaction.
fn enter(inner: &Inner, entries: &[Collected], patience: &Patience, holding: &dyn Fn()) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let transaction = inner.database.store.begin(patience)?;
    holding();
    let mut view = WriteView::new(transaction)?;
    let version = inner.registry.read().unwrap_or_else(PoisonError::into_inner).version();
    for entry in entries {
        let context = WriteContext {
            actor: entry.actor,
            on_behalf_of: entry.on_behalf_of,
            cause: entry.cause.clone(),
            stamp: inner.hybrid.next(inner.clock.as_ref()),
            schema_version: version,
            stales: Staleness::None,
            named: BTreeSet::new(),
            marking: Arc::default(),
            holds: Arc::new(crate::records::Unasked),
        };
        records::enter_note(&mut view, &context, &entry.note);
    }
    view.commit(&inner.sealer).map(drop)
}

/// The cause that the ledger names of refusals.
fn cause_of((_, entity, _): &Refusal) -> &'static str {
    if entity == SIGN_IN { SIGN_IN } else { "denied" }
}

/// An entry about refusals: the code, how many, and since when.
fn refusal(
    registry: &Registry,
    (_, entity, action): &Refusal,
    (code, count, since): (Code, u64, Timestamp),
) -> Note {
    if entity == SIGN_IN {
        let facts = [("count", int(count)), ("since", Value::DateTime(since))];
        return about(EntryKind::SignInRefused, EntityId::new(0), &[], &facts);
    }
    let known = registry.entity(entity).map_or(EntityId::new(0), Entity::id);
    let facts = [
        ("code", Value::from(code.key())),
        ("action", Value::from(action.as_str())),
        ("count", int(count)),
        ("since", Value::DateTime(since)),
    ];
    about(EntryKind::Denied, known, &[], &facts)
}

/// Ids in parts that one entry takes; one part without any where there are none.
fn chunks(ids: &[RecordId]) -> Vec<&[RecordId]> {
    if ids.is_empty() { vec![ids] } else { ids.chunks(MAX_NAMED).collect() }
}

fn int(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// What an entry that changes no record says under a name.
pub(super) fn fact<'e>(entry: &'e LedgerEntry, name: &str) -> Option<&'e Value> {
    let field = note_field(name)?;
    entry.changes.iter().flatten().find(|change| change.field == field).map(|change| &change.new)
}

/// An entry about no record.
pub(super) fn own_note(kind: EntryKind, entity: EntityId, facts: &[(&str, Value)]) -> Note {
    about(kind, entity, &[], facts)
}

/// An entry about records of an entity: one of them stands in the header, several in the values.
fn about(kind: EntryKind, entity: EntityId, ids: &[RecordId], facts: &[(&str, Value)]) -> Note {
    let change = |field: FieldId, new: Value| FieldChange { field, old: Value::Null, new };
    let mut changes = Vec::new();
    if !ids.is_empty() {
        let ids = ids.iter().copied().map(Value::Id).collect();
        changes.push(change(NAMED_RECORDS, Value::List(ids)));
    }
    let named = facts.iter().filter_map(|(name, value)| Some(change(note_field(name)?, value.clone())));
    changes.extend(named);
    let record = match ids {
        [one] => *one,
        _ => RecordId::from_bytes([0; 16]),
    };
    Note { kind, entity, record, changes }
}
