//! Following what changes: records that were created, changed, deleted or forgotten, told to those who may see them.
//!
//! A follower keeps a position of the ledger and asks for what is behind it, so nothing is lost between two
//! questions, nor by a crash: who remembers the position goes on where it stopped. What is told is durable, and is
//! held against the permissions of the moment of the question.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::base::{Code, EntityId, RecordId, Result, Timestamp};
use crate::engine::{Crm, EntryKind, LedgerEntry, Reader, Session, field_name};
use crate::records;

/// Most entries of the ledger that one question looks at.
const MAX_LOOKED_AT: usize = 1_024;
/// How long a waiting follower sleeps at the most before it looks whether its call was cancelled.
const NAP: Duration = Duration::from_millis(25);

/// That a record was created, changed, deleted or forgotten. It tells no value: who wants one reads the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// The position of the entry of the ledger that tells of it.
    pub position: u64,
    /// What was done: [`EntryKind::Create`], [`EntryKind::Update`], [`EntryKind::Delete`] or [`EntryKind::Erase`].
    pub kind: EntryKind,
    /// The API name of the entity.
    pub entity: String,
    /// The record.
    pub record: RecordId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: RecordId,
    /// The fields that were changed, without those that the follower may not see.
    pub fields: Vec<String>,
}

/// What changed behind a position.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordChanges {
    /// The changes, oldest first. There may be none, and more to come.
    pub changes: Vec<RecordChange>,
    /// Where the next question goes on.
    pub position: u64,
    /// Whether there are entries behind that position already.
    pub more: bool,
}

/// Wakes followers when somebody has written.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<u64>,
    heard: Condvar,
}

impl Bell {
    pub(super) fn ring(&self) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        *rung = rung.wrapping_add(1);
        self.heard.notify_all();
    }

    fn times(&self) -> u64 {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the bell has rung since it had rung so often, or for a moment.
    fn wait(&self, times: u64) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.heard.wait_timeout_while(rung, NAP, |rung| *rung == times));
    }
}

impl Session {
    /// What changed behind a position of the ledger, 0 for its beginning: at most `limit` changes (0 means 256, 1,000
    /// at the most) of records of these entities, or of all where none is named. A record that the user may not see
    /// now is not told of, whoever could see it when it changed. A call looks at 1,024 entries at the most.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `access.not_permitted` for an entity that the user may not read at all,
    /// `access.session_ended`, `storage.damaged`, `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn changes_after(&self, position: u64, entities: &[&str], limit: usize) -> Result<RecordChanges> {
        let limit = if limit == 0 { 256 } else { limit.min(1_000) };
        // Entries come first: a view that is older than they are would not know the records that they tell of.
        let ledger = self.crm().durable_snapshot()?;
        let head = ledger.head()?.position;
        let entries = records::headers_after(ledger.as_ref(), position, MAX_LOOKED_AT)?;
        self.read(|reader| {
            let asked = reader.followed(entities)?;
            let mut found = RecordChanges { position, ..RecordChanges::default() };
            for entry in entries {
                self.patience().check()?;
                let wanted = asked.is_empty() || asked.contains(&entry.entity);
                let change = if wanted { reader.change(&entry)? } else { None };
                found.position = entry.position;
                found.changes.extend(change);
                if found.changes.len() == limit {
                    break;
                }
            }
            found.more = found.position < head;
            Ok(found)
        })
    }

    /// Waits until the ledger goes on behind a position, and gives its newest one: at once if it does already. How
    /// long, and who may end it, is the session's patience.
    ///
    /// # Errors
    /// `engine.cancelled`, `engine.deadline_exceeded`, `storage.io`.
    pub fn wait_for_changes(&self, position: u64) -> Result<u64> {
        let bell = &self.crm().inner.bell;
        loop {
            let times = bell.times();
            let newest = self.crm().head()?.position;
            if newest > position {
                return Ok(newest);
            }
            self.patience().check()?;
            bell.wait(times);
        }
    }
}

impl Reader<'_> {
    /// The entities that a follower names, each of which the user may read.
    fn followed(&self, names: &[&str]) -> Result<Vec<EntityId>> {
        let permitted = names.iter().map(|name| {
            let entity = self.registry().entity(name)?;
            self.permit(entity).map(|_| entity.id())
        });
        permitted.collect()
    }

    /// What an entry tells the user: nothing unless it is of a record that the user may see.
    fn change(&self, entry: &LedgerEntry) -> Result<Option<RecordChange>> {
        if !entry.kind.is_change() {
            return Ok(None);
        }
        let Ok(entity) = self.registry().entity_by_id(entry.entity) else { return Ok(None) };
        let Ok(permit) = self.permit(entity) else { return Ok(None) };
        match self.check_standing(&permit, entity, entry.record) {
            Ok(()) => {}
            Err(error) if matches!(error.code(), Code::RecordNotFound | Code::RecordPurged) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let shown = entry.fields.iter().filter(|field| permit.shows(**field));
        let change = RecordChange {
            position: entry.position,
            kind: entry.kind,
            entity: entity.api_name.clone(),
            record: entry.record,
            at: entry.stamp.at(),
            actor: entry.actor,
            fields: shown.map(|field| field_name(entity, *field)).filter(|name| !name.is_empty()).collect(),
        };
        Ok(Some(change))
    }
}

impl Crm {
    /// Tells those who wait for changes that somebody has written.
    pub(super) fn ring(&self) {
        self.inner.bell.ring();
    }
}
