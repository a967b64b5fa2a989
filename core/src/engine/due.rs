//! What is done when a moment in a record has come: who declares it, and how what is due is found and put off.
//!
//! An index has the moments of an entity in one row, whatever the access classes, so what is due costs what is due and
//! not what stands. Who works it off is the room `time`; nothing runs by itself. Works run inside the transaction that
//! finds the record due, and no two writers have their turn at once: so no record is worked on twice, by however many
//! sessions, and a process that dies leaves it due.

use std::sync::{Arc, PoisonError};

use crate::base::{Code, Error, RecordId, Result, Timestamp, Value};
use crate::engine::{Changes, Crm, FieldSelector, Reader, Transaction};
use crate::records::{due_until, first_due, get_for_rule};
use crate::schema::{DeclaredIndex, Entity, FieldName};

/// What is done with a record when the moment in one of its fields has come.
pub trait DueWork: Send + Sync {
    /// The stable name, `noun.verb`, which the ledger names as the cause of what is done.
    fn name(&self) -> &'static str;

    /// Works on one record, in the right of the session that ticks. Work that reaches out of the database is not done
    /// here: it is handed out for a time, by a lease, to whoever ticks.
    ///
    /// # Errors
    /// What the work gives. All that it did with this record is taken back then, and it is put off.
    fn run(&self, transaction: &mut Transaction<'_>, record: RecordId) -> Result<DueDone>;
}

/// What became of a record that was due. One that is as due as before is an error, so that nothing is worked on for
/// ever.
#[derive(Debug, Clone, PartialEq)]
pub enum DueDone {
    /// The work has moved the moment, or has deleted the record.
    Moved,
    /// It is due again at this moment, or never if there is none. The engine writes it down, also where the field is
    /// read-only.
    Again(Option<Timestamp>),
    /// It is handed out, and due again when the lease ends.
    HandedOut(Lease),
}

/// Work that is handed out for a time. Whoever has it says when it is done; after its end it is handed out anew.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// The record of the work.
    pub record: RecordId,
    /// What kind of work it is, by a name that its runner knows.
    pub kind: String,
    /// What it takes, as JSON.
    pub parameters: Value,
    /// What tells this handing out from others.
    pub token: RecordId,
    /// Until when it is nobody else's.
    pub until: Timestamp,
    /// The extension whose job it is, by its id; nothing for work that the host does.
    pub extension: Option<String>,
}

/// One work with its index.
#[derive(Clone)]
pub struct DueHook {
    pub(super) entity: String,
    pub(super) index: String,
    pub(super) work: Arc<dyn DueWork>,
}

impl DueHook {
    /// The entity whose records are worked on, by API name.
    pub(crate) fn entity(&self) -> &str {
        &self.entity
    }

    /// What is done with them.
    pub(crate) fn work(&self) -> &Arc<dyn DueWork> {
        &self.work
    }

    /// The entity and the index, as soon as every record is in it; nothing while its module is off.
    fn place<'r>(&self, reader: &Reader<'r>) -> Result<Option<(&'r Entity, &'r DeclaredIndex)>> {
        let entity = reader.registry.entity(&self.entity)?;
        if reader.registry.is_off(entity) {
            return Ok(None);
        }
        let found = entity.indexes().iter().find(|index| index.api_name == self.index && index.complete);
        Ok(found.map(|index| (entity, index)))
    }
}

impl Crm {
    /// What is done when moments have come, by everybody who declared something.
    pub(crate) fn due_works(&self) -> Arc<Vec<DueHook>> {
        Arc::clone(&self.inner.due.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The moment by which it is decided what is due. It never goes back within a process: what came due does not stop
    /// being so because a clock was set back.
    pub(crate) fn moment_of_work(&self) -> Timestamp {
        self.moment_of_access()
    }
}

impl Reader<'_> {
    /// The moment at which the first record of a work is due, if one ever is.
    pub(crate) fn next_due(&self, hook: &DueHook) -> Result<Option<Timestamp>> {
        let Some((entity, index)) = hook.place(self)? else { return Ok(None) };
        let Some(first) = first_due(self.snapshot, (entity, index))? else { return Ok(None) };
        let record = get_for_rule(self.snapshot, entity.id(), first)?;
        let field = index.components().first().map(crate::schema::Component::field);
        match record.zip(field).map(|(record, field)| record.value(field)) {
            Some(Value::DateTime(moment)) => Ok(Some(moment)),
            _ => Err(Error::new(Code::IndexMismatch).entity(&entity.api_name).field(&index.api_name)),
        }
    }

    /// Records of a work whose moment has come, the earliest first, at most so many.
    pub(crate) fn due(&self, hook: &DueHook, until: Timestamp, most: usize) -> Result<Vec<RecordId>> {
        match hook.place(self)? {
            Some(place) => due_until(self.snapshot, place, until, most),
            None => Ok(Vec::new()),
        }
    }
}

impl Transaction<'_> {
    /// Whether a record of a work is due.
    pub(crate) fn is_due(&self, hook: &DueHook, record: RecordId, until: Timestamp) -> Result<bool> {
        let Some((entity, field)) = self.due_field(hook)? else { return Ok(false) };
        let stored = get_for_rule(self.view(), entity.id(), record)?;
        let moment = stored.map(|stored| stored.value(field.id())).unwrap_or_default();
        Ok(matches!(moment, Value::DateTime(moment) if moment <= until))
    }

    /// Lets a record of a work come due later, or never.
    pub(crate) fn put_off(&mut self, hook: &DueHook, record: RecordId, to: Option<Timestamp>) -> Result<()> {
        let Some(name) = self.due_field(hook)?.map(|(_, field)| field.api_name.clone()) else {
            return Ok(());
        };
        self.update_in_own_right(&hook.entity, record, Changes::new().set(FieldSelector::Name(name), to))
    }

    /// The present moment, which does not go back within a process when the clock does. It is by this that things are
    /// due.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.crm().moment_of_work()
    }

    /// Whether an owner is a pool.
    #[must_use]
    pub fn is_pool(&self, owner: RecordId) -> bool {
        self.policy.is_pool(owner)
    }

    /// Refuses what an extension could not do now: a job of its is not handed out where nobody would do it.
    ///
    /// # Errors
    /// `plugin.not_admitted`.
    pub(crate) fn check_acts(&self, extension: &str) -> Result<()> {
        self.crm().check_acts(extension)
    }

    /// An id that nothing has.
    pub(crate) fn fresh_id(&self) -> RecordId {
        self.crm().new_id()
    }

    /// Changes a record as a rule would, whoever may set what; no rule is asked.
    pub(crate) fn keep(&mut self, entity: &str, record: RecordId, changes: Changes) -> Result<()> {
        self.update_in_own_right(entity, record, changes)
    }

    fn due_field(&self, hook: &DueHook) -> Result<Option<(&Entity, &crate::schema::Field)>> {
        let entity = self.registry.entity(&hook.entity)?;
        let index = entity.indexes().iter().find(|index| index.api_name == hook.index);
        let named = index.and_then(|index| index.definition.fields.first());
        let field = named.map(|named| entity.field(FieldName::Name(&named.field))).transpose()?;
        Ok(field.map(|field| (entity, field)))
    }
}
