//! Many records changed or deleted by one call, each with its own outcome, and a mass edit taken back.
//!
//! Records go in chunks, a transaction each, in the order of their ids. A chunk that is committed stays, and
//! the answer says where to go on. The ledger names the batch in the cause of each entry, and where a batch
//! lies in the ledger is part of the same commit, so that it is taken back without a search.

use crate::access::Action;
use crate::base::{Code, Error, RecordId, Result, Value};
use crate::engine::{
    Changes, Condition, FieldSelector, Find, Listing, Session, Transaction, Upserted, WriteOptions,
};
use crate::records::{EntryKind, FieldChange, LedgerEntry, LedgerReader, PageCursor, SystemField};
use crate::schema::Entity;
use crate::storage::{Keyspace, RangeRequest, Snapshot, continue_after};

/// Records of one transaction.
const CHUNK: usize = 500;
/// Most records of one call.
pub const MAX_BULK: usize = 10_000;
/// Where a batch's places in the ledger lie.
const BATCH: &[u8] = b"batch.";
/// What the cause of a batch's entries begins with.
const CAUSE: &str = "bulk.";

/// Which records are meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// Those that meet a condition and that the user may see.
    Matching(Condition),
    /// These.
    Ids(Vec<RecordId>),
}

/// One call of several for the same batch.
#[derive(Debug, Clone, Default)]
pub struct Bulk {
    /// Most records of this call, up to 10,000; 0 means that.
    pub limit: usize,
    /// Where the call before stopped.
    pub after: Option<BulkCursor>,
}

/// Where a call stopped, and of which batch it was. Opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BulkCursor {
    batch: [u8; 16],
    /// Behind which row of the list.
    page: Option<PageCursor>,
    /// Behind which of the ids that were named.
    id: Option<[u8; 16]>,
}

/// What became of the records of one call.
#[derive(Debug)]
pub struct BulkOutcome {
    /// The batch, by which [`Session::undo_bulk`] takes it back.
    pub batch: RecordId,
    /// Each record, in the order of ids.
    pub rows: Vec<BulkRow>,
    /// Where to go on, if there is more.
    pub next: Option<BulkCursor>,
    /// Why the call stopped before its limit: it was cancelled, or its time was up. What is in `rows` stays.
    pub stopped: Option<Error>,
}

/// What became of one record.
#[derive(Debug)]
pub struct BulkRow {
    /// The record.
    pub id: RecordId,
    /// What was done, or why not.
    pub outcome: Result<BulkDone>,
}

/// What was done with one record of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkDone {
    /// It was changed.
    Updated,
    /// It was like this already.
    Unchanged,
    /// It was deleted.
    Deleted,
}

impl BulkDone {
    /// The stable name: `updated`, `unchanged`, `deleted`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
        }
    }
}

/// What is done with each record.
type Work<'w> = &'w dyn Fn(&mut Transaction<'_>, RecordId) -> Result<BulkDone>;

impl Session {
    /// Changes many records alike. A record that cannot be changed is left as it is, with its error; the
    /// others are changed. The listener of the session's patience is told of the phase `bulk`.
    ///
    /// # Errors
    /// As [`Reader::find`](crate::engine::Reader::find) for the selection; `input.invalid_cursor`;
    /// `storage.io` and the like, after which what was committed stays.
    pub fn bulk_update(
        &self,
        entity: &str,
        selection: &Selection,
        changes: &Changes,
        bulk: &Bulk,
    ) -> Result<BulkOutcome> {
        self.bulk(entity, selection, bulk, "update", &|transaction, id| {
            Ok(match transaction.update_record(entity, id, changes.clone())? {
                Upserted::Unchanged(_) => BulkDone::Unchanged,
                _ => BulkDone::Updated,
            })
        })
    }

    /// Deletes many records softly, as [`Session::bulk_update`] changes them.
    ///
    /// # Errors
    /// As [`Session::bulk_update`].
    pub fn bulk_delete(&self, entity: &str, selection: &Selection, bulk: &Bulk) -> Result<BulkOutcome> {
        self.bulk(entity, selection, bulk, "delete", &|transaction, id| {
            transaction.delete_record(entity, id).map(|()| BulkDone::Deleted)
        })
    }

    /// Takes a mass edit back: each record that nobody has changed since gets its old values again, which
    /// is a change like any other and needs the same permission. A record that was changed since stays as
    /// it is, with `record.version_conflict`; so does one that a rule keeps from going back. What rules
    /// alone set follows from the rest. The chunks are transactions of their own; a second call takes back
    /// what the first one did not come to.
    ///
    /// # Errors
    /// `record.not_found` for a batch that is not there, or that another user made unless the user may
    /// administer everything; `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn undo_bulk(&self, batch: RecordId) -> Result<Vec<BulkRow>> {
        let mut rows = Vec::new();
        for place in self.places(batch)? {
            self.patience().check()?;
            let cause = format!("{CAUSE}undo {batch}");
            let undone = self.write_with(WriteOptions::default().cause(&cause), |transaction| {
                transaction.take_back(batch, place)
            })?;
            rows.extend(undone);
            self.patience().tell("bulk", rows.len() as u64, 0);
        }
        Ok(rows)
    }

    fn bulk(
        &self,
        entity: &str,
        selection: &Selection,
        bulk: &Bulk,
        verb: &str,
        work: Work<'_>,
    ) -> Result<BulkOutcome> {
        let batch = match &bulk.after {
            Some(cursor) => RecordId::from_bytes(cursor.batch),
            None => self.crm().new_id(),
        };
        let most = if bulk.limit == 0 { MAX_BULK } else { bulk.limit.min(MAX_BULK) };
        let mut outcome = BulkOutcome { batch, rows: Vec::new(), next: bulk.after.clone(), stopped: None };
        loop {
            let wanted = CHUNK.min(most.saturating_sub(outcome.rows.len()));
            if let Err(stopped) = self.patience().check() {
                outcome.next.get_or_insert(BulkCursor { batch: *batch.as_bytes(), page: None, id: None });
                outcome.stopped = Some(stopped);
                return Ok(outcome);
            }
            let (ids, next) = self.next_ids(entity, selection, outcome.next.as_ref(), (batch, wanted))?;
            if !ids.is_empty() {
                outcome.rows.extend(self.chunk(batch, verb, &ids, work)?);
            }
            self.patience().tell("bulk", outcome.rows.len() as u64, 0);
            let is_over = next.is_none() || outcome.rows.len() >= most;
            outcome.next = next;
            if is_over {
                return Ok(outcome);
            }
        }
    }

    /// The next records of a selection, and where to go on behind them.
    fn next_ids(
        &self,
        entity: &str,
        selection: &Selection,
        after: Option<&BulkCursor>,
        (batch, wanted): (RecordId, usize),
    ) -> Result<(Vec<RecordId>, Option<BulkCursor>)> {
        let cursor = |page, id| BulkCursor { batch: *batch.as_bytes(), page, id };
        match selection {
            Selection::Matching(condition) => {
                let after = after.and_then(|cursor| cursor.page.clone());
                let find = Find { filter: condition.clone(), limit: wanted, after, ..Find::default() };
                let page = self.list(entity, &find)?;
                let ids = page.rows.iter().map(|row| row.record.id).collect();
                Ok((ids, page.next.map(|page| cursor(Some(page), None))))
            }
            Selection::Ids(ids) => {
                let mut ids = ids.clone();
                ids.sort_unstable();
                ids.dedup();
                let done = after.and_then(|cursor| cursor.id).map(RecordId::from_bytes);
                let left = ids.into_iter().filter(|id| done.is_none_or(|done| *id > done));
                let mut left: Vec<RecordId> = left.collect();
                let more = left.len() > wanted;
                left.truncate(wanted);
                let last = left.last().filter(|_| more).map(|id| *id.as_bytes());
                Ok((left, last.map(|last| cursor(None, Some(last)))))
            }
        }
    }

    fn chunk(&self, batch: RecordId, verb: &str, ids: &[RecordId], work: Work<'_>) -> Result<Vec<BulkRow>> {
        let options = WriteOptions::default().cause(&cause_of(verb, batch));
        self.write_with(options, |transaction| {
            let rows = each(transaction, ids, work)?;
            transaction.remember_batch(batch)?;
            Ok(rows)
        })
    }

    /// The stretches of the ledger in which a batch lies.
    fn places(&self, batch: RecordId) -> Result<Vec<Place>> {
        let missing = || Error::new(Code::RecordNotFound).rule("batch").record(batch);
        let administers = self.check_may("sys.role", Action::Administer).is_ok();
        let snapshot = self.crm().snapshot()?;
        let prefix = [BATCH, batch.as_bytes()].concat();
        let mut range = RangeRequest::prefix(Keyspace::Meta, &prefix, CHUNK);
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

fn cause_of(verb: &str, batch: RecordId) -> String {
    format!("{CAUSE}{verb} {batch}")
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

/// Does something with each record; what fails is taken back alone.
fn each(
    transaction: &mut Transaction<'_>,
    ids: &[RecordId],
    mut work: impl FnMut(&mut Transaction<'_>, RecordId) -> Result<BulkDone>,
) -> Result<Vec<BulkRow>> {
    let mut rows = Vec::new();
    for id in ids.iter().copied() {
        let point = transaction.savepoint();
        let outcome = work(transaction, id);
        if let Err(error) = &outcome {
            transaction.roll_back_to(point);
            // The store's own faults are of the whole call, and not of one record.
            if error.code().key().starts_with("storage.") {
                return outcome.map(|_| Vec::new());
            }
        }
        rows.push(BulkRow { id, outcome });
    }
    Ok(rows)
}

impl Transaction<'_> {
    /// Notes where in the ledger this transaction will lie.
    fn remember_batch(&mut self, batch: RecordId) -> Result<()> {
        let entries = self.view().entry_count() as u64;
        if entries == 0 {
            return Ok(());
        }
        let after = self.view().head()?.position;
        let key = [BATCH, batch.as_bytes(), &after.to_be_bytes()].concat();
        let user = self.user();
        let value = [&entries.to_be_bytes()[..], user.as_bytes()].concat();
        self.view_mut().put(Keyspace::Meta, key, value);
        Ok(())
    }

    /// Gives the records of a stretch of the ledger their old values again.
    fn take_back(&mut self, batch: RecordId, place: Place) -> Result<Vec<BulkRow>> {
        let cause = cause_of("update", batch);
        let entries = usize::try_from(place.entries).unwrap_or(usize::MAX);
        let sealer = &self.crm().inner.sealer;
        let entries = LedgerReader::new(sealer).read(self.view(), place.after, entries)?;
        let of_batch = |entry: &LedgerEntry| entry.kind == EntryKind::Update && entry.cause == cause;
        let mut edits: Vec<LedgerEntry> = entries.into_iter().filter(of_batch).collect();
        edits.reverse();
        let ids: Vec<RecordId> = edits.iter().map(|entry| entry.record).collect();
        let mut edits = edits.into_iter();
        each(self, &ids, |transaction, _| match edits.next() {
            Some(edit) => transaction.take_back_one(&edit),
            None => Ok(BulkDone::Unchanged),
        })
    }

    fn take_back_one(&mut self, edit: &LedgerEntry) -> Result<BulkDone> {
        let registry = std::sync::Arc::clone(self.reader().registry());
        let entity = registry.entity_by_id(edit.entity)?;
        let row = self.get_record(&entity.api_name, edit.record)?;
        if row.record.envelope.modified != edit.stamp {
            let changed = Error::new(Code::VersionConflict).entity(&entity.api_name).record(edit.record);
            return Err(changed.rule("changed since"));
        }
        let gone = || Error::new(Code::RecordNotFound).entity(&entity.api_name).record(edit.record);
        let changes = edit.changes.as_deref().ok_or_else(gone)?;
        let changes = old_values(entity, &row, changes);
        Ok(match self.update_record(&entity.api_name, edit.record, changes)? {
            Upserted::Unchanged(_) => BulkDone::Unchanged,
            _ => BulkDone::Updated,
        })
    }
}

/// What brings a record back to what it was before these changes. What callers may not set follows from the rest.
fn old_values(entity: &Entity, row: &Listing, changes: &[FieldChange]) -> Changes {
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
    back.expect_version(row.record.envelope.version)
}
