//! A batch taken back: a mass edit record by record, a mass deletion with all that went along with it, and what
//! was created by being deleted.
//!
//! What is taken back is what the ledger says of the batch, the newest first: a record is there again before
//! those that refer to it, and these before the references that were emptied.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::Action;
use crate::base::{Code, Error, RecordId, Result, Value};
use crate::engine::bulk::{BATCH, CAUSE, cause_of, each};
use crate::engine::plugin_accounts::bare_cause;
use crate::engine::{
    BulkDone, BulkRow, Changes, FieldSelector, Session, Transaction, Upserted, WriteOptions,
};
use crate::records::{EntryKind, FieldChange, LedgerEntry, LedgerReader, Record, SystemField};
use crate::schema::Entity;
use crate::storage::{Keyspace, RangeRequest, continue_after};

/// Places that are read at once.
const PAGE: usize = 500;

impl Session {
    /// Takes a batch back. After a mass edit each record that nobody has changed since gets its old values
    /// again, which is a change like any other and needs the same permission; what rules alone set follows
    /// from the rest. After a mass deletion each record is there again, with those that went along with it and
    /// the references to them that were emptied, in the rights that [`Transaction::undelete_record`] and
    /// [`Transaction::update_record`] ask for. A record that was changed since stays as it is, with
    /// `record.version_conflict`; so does one whose unique value another one has by now
    /// (`schema.not_unique`), or that a rule keeps from going back. After a mass creation each record that nobody
    /// has changed since is deleted, in the right to delete it; one that another record refers to by now stays
    /// (`record.referenced`). The chunks are transactions of their own;
    /// a second call takes back what the first one did not come to.
    ///
    /// # Errors
    /// `record.not_found` for a batch that is not there, or that another user made unless the user may
    /// administer everything; `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn undo_bulk(&self, batch: RecordId) -> Result<Vec<BulkRow>> {
        let mut rows = Vec::new();
        for place in self.places(batch)?.into_iter().rev() {
            self.patience().check()?;
            let cause = cause_of("undo", batch);
            let undone = self.write_with(WriteOptions::default().cause(&cause), |transaction| {
                transaction.take_back(batch, place)
            })?;
            rows.extend(undone);
            self.patience().tell("bulk", rows.len() as u64, 0);
        }
        Ok(rows)
    }

    /// The stretches of the ledger in which a batch lies, the oldest first.
    fn places(&self, batch: RecordId) -> Result<Vec<Place>> {
        let missing = || Error::new(Code::RecordNotFound).rule("batch").record(batch);
        let administers = self.read(|reader| Ok(reader.may("sys.role", Action::Administer)))?;
        let snapshot = self.crm().snapshot()?;
        let prefix = [BATCH, batch.as_bytes()].concat();
        let mut range = RangeRequest::prefix(Keyspace::Meta, &prefix, PAGE);
        let mut places = Vec::new();
        loop {
            let page = snapshot.scan(&range)?;
            for (key, value) in &page.rows {
                places.push(Place::read(key, value).ok_or_else(missing)?);
            }
            match page.rows.into_iter().last() {
                Some((last, _)) if page.more => continue_after(&mut range, last),
                _ => break,
            }
        }
        let own = |place: &Place| administers || place.user == self.user();
        if places.is_empty() || !places.iter().all(own) { Err(missing()) } else { Ok(places) }
    }
}

/// A stretch of the ledger in which a transaction of a batch lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The position before its first entry.
    after: u64,
    entries: u64,
    user: RecordId,
}

impl Place {
    fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let after = u64::from_be_bytes(*key.last_chunk()?);
        let (entries, user) = value.split_first_chunk::<8>()?;
        Some(Self { after, entries: u64::from_be_bytes(*entries), user: RecordId::from_suffix(user)? })
    }
}

impl Transaction<'_> {
    /// Takes back what a stretch of the ledger says, the newest first.
    fn take_back(&mut self, batch: RecordId, place: Place) -> Result<Vec<BulkRow>> {
        let entries = usize::try_from(place.entries).unwrap_or(usize::MAX);
        let sealer = &self.crm().inner.sealer;
        let entries = LedgerReader::new(sealer).read(self.view(), place.after, entries)?;
        let deletion = cause_of("delete", batch);
        let creation = cause_of("create", batch);
        let of_batch = |entry: &LedgerEntry| match entry.kind {
            EntryKind::Update => is_change_of(batch, bare_cause(&entry.cause)),
            EntryKind::Delete => bare_cause(&entry.cause) == deletion,
            EntryKind::Create => bare_cause(&entry.cause) == creation,
            _ => false,
        };
        let mut done: Vec<LedgerEntry> = entries.into_iter().filter(of_batch).collect();
        done.reverse();
        let (deleted, changed): (Vec<_>, Vec<_>) =
            done.into_iter().partition(|entry| entry.kind == EntryKind::Delete);
        let (created, changed): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|entry| entry.kind == EntryKind::Create);
        let mut rows = self.bring_back_all(batch, &deleted)?;
        rows.extend(self.take_back_created(batch, &created)?);
        let ids: Vec<RecordId> = changed.iter().map(|entry| entry.record).collect();
        let mut changed = changed.iter();
        rows.extend(each(self, &ids, |transaction, _| match changed.next() {
            Some(change) => transaction.take_back_one(batch, change),
            None => Ok(BulkDone::Unchanged),
        })?);
        Ok(rows)
    }

    /// Deletes what was created, the newest first, so that what rules made beside a record goes before it. Of a
    /// record that the user does not see nothing is told.
    fn take_back_created(&mut self, batch: RecordId, created: &[LedgerEntry]) -> Result<Vec<BulkRow>> {
        let mut seen = Vec::new();
        for entry in created {
            let registry = Arc::clone(self.reader().registry());
            let entity = registry.entity_by_id(entry.entity)?;
            let permit = self.reader().permit(entity);
            match permit.and_then(|permit| self.reader().standing(&permit, entity, entry.record)) {
                Ok(_) => seen.push(entry),
                Err(error) if error.code().key().starts_with("storage.") => return Err(error),
                Err(_) => {}
            }
        }
        let ids: Vec<RecordId> = seen.iter().map(|entry| entry.record).collect();
        let mut seen = seen.into_iter();
        each(self, &ids, |transaction, _| match seen.next() {
            Some(entry) => transaction.take_back_one_created(batch, entry),
            None => Ok(BulkDone::Unchanged),
        })
    }

    fn take_back_one_created(&mut self, batch: RecordId, creation: &LedgerEntry) -> Result<BulkDone> {
        let registry = Arc::clone(self.reader().registry());
        let entity = registry.entity_by_id(creation.entity)?;
        let permit = self.reader().permit(entity)?;
        let record = self.reader().standing(&permit, entity, creation.record)?;
        if record.is_deleted() && self.was_taken_back(batch, &record)? {
            return Ok(BulkDone::Unchanged);
        }
        if record.is_deleted() || record.envelope.modified != creation.stamp {
            return Err(changed_since(entity, creation.record));
        }
        self.delete_one(entity, &record, &BTreeSet::new()).map(|()| BulkDone::Deleted)
    }

    /// Brings deleted records back. Those that refer to each other in a circle come together.
    fn bring_back_all(&mut self, batch: RecordId, deleted: &[LedgerEntry]) -> Result<Vec<BulkRow>> {
        let mut rows = self.bring_back_each(batch, deleted, &BTreeSet::new())?;
        let waits =
            |row: &&BulkRow| row.outcome.as_ref().is_err_and(|error| error.code() == Code::ReferenceMissing);
        let mut coming: BTreeSet<RecordId> = rows.iter().filter(waits).map(|row| row.id).collect();
        while !coming.is_empty() {
            let entries = deleted.iter().filter(|entry| coming.contains(&entry.record)).cloned();
            let entries: Vec<LedgerEntry> = entries.collect();
            let point = self.savepoint();
            let mut told = self.bring_back_each(batch, &entries, &coming)?;
            let all = told.iter().all(|row| row.outcome.is_ok());
            if !all {
                self.roll_back_to(point);
                // One that cannot come keeps those away that refer to it: the others are tried without it.
                told.retain(|row| row.outcome.is_err());
            }
            for row in told {
                coming.remove(&row.id);
                rows.retain(|known| known.id != row.id);
                rows.push(row);
            }
        }
        Ok(rows)
    }

    fn bring_back_each(
        &mut self,
        batch: RecordId,
        deleted: &[LedgerEntry],
        coming: &BTreeSet<RecordId>,
    ) -> Result<Vec<BulkRow>> {
        let ids: Vec<RecordId> = deleted.iter().map(|entry| entry.record).collect();
        let mut deleted = deleted.iter();
        each(self, &ids, |transaction, _| match deleted.next() {
            Some(entry) => transaction.bring_back_one(batch, entry, coming),
            None => Ok(BulkDone::Unchanged),
        })
    }

    fn bring_back_one(
        &mut self,
        batch: RecordId,
        deletion: &LedgerEntry,
        coming: &BTreeSet<RecordId>,
    ) -> Result<BulkDone> {
        let registry = Arc::clone(self.reader().registry());
        let entity = registry.entity_by_id(deletion.entity)?;
        let permit = self.reader().permit(entity)?;
        let record = self.reader().standing(&permit, entity, deletion.record)?;
        if record.is_deleted() && record.envelope.modified == deletion.stamp {
            self.bring_back(&entity.api_name, deletion.record, coming)?;
            return Ok(BulkDone::Restored);
        }
        match self.was_taken_back(batch, &record)? {
            true if !record.is_deleted() => Ok(BulkDone::Unchanged),
            _ => Err(changed_since(entity, deletion.record)),
        }
    }

    fn take_back_one(&mut self, batch: RecordId, change: &LedgerEntry) -> Result<BulkDone> {
        let registry = Arc::clone(self.reader().registry());
        let entity = registry.entity_by_id(change.entity)?;
        let record = self.get_record(&entity.api_name, change.record)?.record;
        let code = if change.is_pruned { Code::HistoryExpired } else { Code::RecordNotFound };
        let gone = || Error::new(code).entity(&entity.api_name).record(change.record);
        let changes = change.changes.as_deref().ok_or_else(gone)?;
        if record.envelope.modified != change.stamp {
            let of_deletion = bare_cause(&change.cause) == cause_of("delete", batch);
            if !of_deletion || !self.was_taken_back(batch, &record)? {
                return Err(changed_since(entity, change.record));
            }
            // What the batch has left is taken back; where something else stands, that was done before.
            if changes.iter().any(|change| *record.peek(change.field) != change.new) {
                return Ok(BulkDone::Unchanged);
            }
        }
        let changes = old_values(entity, &record, changes);
        Ok(match self.update_record(&entity.api_name, change.record, changes)? {
            Upserted::Unchanged(_) => BulkDone::Unchanged,
            _ => BulkDone::Updated,
        })
    }

    /// Whether the last change of a record is that this batch was taken back.
    fn was_taken_back(&self, batch: RecordId, record: &Record) -> Result<bool> {
        if record.envelope.modified == self.stamp() {
            return Ok(true);
        }
        let Some(newest) = record.envelope.version_entry() else { return Ok(false) };
        let sealer = &self.crm().inner.sealer;
        let entries = LedgerReader::new(sealer).read(self.view(), newest.saturating_sub(1), 1)?;
        Ok(entries.first().is_some_and(|entry| bare_cause(&entry.cause) == cause_of("undo", batch)))
    }
}

/// Whether a cause is of a batch that changes records, by whatever verb. What rules wrote beside them stays written.
fn is_change_of(batch: RecordId, cause: &str) -> bool {
    let said = cause.strip_prefix(CAUSE).and_then(|said| said.split_once(' '));
    said.is_some_and(|(verb, of)| of == batch.to_string() && !["undo", "create"].contains(&verb))
}

fn changed_since(entity: &Entity, record: RecordId) -> Error {
    let changed = Error::new(Code::VersionConflict).entity(&entity.api_name).record(record);
    changed.rule("changed since")
}

/// What brings a record back to what it was before these changes. What callers may not set follows from the rest.
fn old_values(entity: &Entity, record: &Record, changes: &[FieldChange]) -> Changes {
    let mut back = Changes::new();
    for change in changes {
        match (entity.field_by_id(change.field), &change.old) {
            (Some(field), old) if !field.definition.read_only => {
                back = back.set(FieldSelector::Name(field.api_name.clone()), old.clone());
            }
            (None, Value::Id(owner)) if change.field == SystemField::Owner.id() => back = back.owner(*owner),
            _ => {}
        }
    }
    back.expect_version(record.envelope.version)
}
