//! Many records changed, deleted or created by one call, each with its own outcome.
//!
//! Records go in chunks, a transaction each, in the order of their ids. A chunk that is committed stays, and
//! the answer says where to go on. The ledger names the batch in the cause of each entry, and where a batch
//! lies in the ledger is part of the same commit, so that it is taken back without a search.

use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{Changes, Condition, Find, Session, Transaction, Upserted, WriteOptions};
use crate::records::PageCursor;
use crate::storage::{Keyspace, Snapshot};

/// Records of one transaction.
pub(super) const CHUNK: usize = 500;
/// Most records of one call.
pub const MAX_BULK: usize = 10_000;
/// Where a batch's places in the ledger lie.
pub(super) const BATCH: &[u8] = b"batch.";
/// What the cause of a batch's entries begins with.
pub(super) const CAUSE: &str = "bulk.";

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
    pub(super) batch: [u8; 16],
    /// Behind which row of the list.
    page: Option<PageCursor>,
    /// Behind which of the ids that were named.
    id: Option<[u8; 16]>,
    /// Behind how many of the rows that were to be created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
}

impl BulkCursor {
    fn begin(batch: RecordId) -> Self {
        Self { batch: *batch.as_bytes(), page: None, id: None, row: None }
    }

    /// Behind so many of the rows that are to be created.
    pub(super) fn of_row(batch: RecordId, row: usize) -> Self {
        Self { row: Some(row as u64), ..Self::begin(batch) }
    }

    /// How many rows are created or refused.
    pub(super) fn row(&self) -> Result<usize> {
        let row = self.row.and_then(|row| usize::try_from(row).ok());
        row.ok_or_else(|| Error::new(Code::InvalidCursor))
    }
}

/// What became of the records of one call.
#[derive(Debug)]
pub struct BulkOutcome {
    /// The batch, by which [`Session::undo_bulk`] takes it back.
    pub batch: RecordId,
    /// Of rows to be created: how many of them the calls before have come to.
    pub first: u64,
    /// Each record, in the order of ids; what was to be created in the order in which it was given.
    pub rows: Vec<BulkRow>,
    /// Where to go on, if there is more.
    pub next: Option<BulkCursor>,
    /// Why the call stopped before its limit: it was cancelled, or its time was up. What is in `rows` stays.
    pub stopped: Option<Error>,
}

/// What became of one record.
#[derive(Debug)]
pub struct BulkRow {
    /// The record; the id that it would have, for one that was not created.
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
    /// It was deleted, and is there again.
    Restored,
    /// It was not there before.
    Created,
}

impl BulkDone {
    /// The stable name: `updated`, `unchanged`, `deleted`, `restored`, `created`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Restored => "restored",
            Self::Created => "created",
        }
    }
}

/// What is done with each record, which is handed over with its place in the chunk.
pub type BulkWork<'w> = &'w dyn Fn(&mut Transaction<'_>, usize, RecordId) -> Result<BulkDone>;

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
        self.bulk_each(entity, selection, bulk, "update", &|transaction, _, id| {
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
        self.bulk_each(entity, selection, bulk, "delete", &|transaction, _, id| {
            transaction.delete_record(entity, id).map(|()| BulkDone::Deleted)
        })
    }

    /// Does something with many records, each with its own outcome: what fails is taken back alone. The verb is told in
    /// the cause of the entries, `bulk.verb`.
    ///
    /// # Errors
    /// As [`Session::bulk_update`].
    pub fn bulk_each(
        &self,
        entity: &str,
        selection: &Selection,
        bulk: &Bulk,
        verb: &str,
        work: BulkWork<'_>,
    ) -> Result<BulkOutcome> {
        let batch = match &bulk.after {
            Some(cursor) => RecordId::from_bytes(cursor.batch),
            None => self.crm().new_id(),
        };
        let most = most_of(bulk);
        let mut outcome =
            BulkOutcome { batch, first: 0, rows: Vec::new(), next: bulk.after.clone(), stopped: None };
        loop {
            let wanted = CHUNK.min(most.saturating_sub(outcome.rows.len()));
            if let Err(stopped) = self.patience().check() {
                outcome.next.get_or_insert(BulkCursor::begin(batch));
                outcome.stopped = Some(stopped);
                return Ok(outcome);
            }
            let (ids, next) = self.next_ids(entity, selection, outcome.next.as_ref(), (batch, wanted))?;
            match self.chunk(batch, verb, &ids, work) {
                Err(error) if ends(&error) => {
                    outcome.next.get_or_insert(BulkCursor::begin(batch));
                    outcome.stopped = Some(error);
                    return Ok(outcome);
                }
                rows => outcome.rows.extend(rows?),
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
        let cursor = |page, id| BulkCursor { page, id, ..BulkCursor::begin(batch) };
        if after.is_some_and(|after| after.row.is_some()) {
            return Err(Error::new(Code::InvalidCursor));
        }
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

    /// Does something with each record of a chunk, in a transaction of its own.
    pub(super) fn chunk(
        &self,
        batch: RecordId,
        verb: &str,
        ids: &[RecordId],
        work: BulkWork<'_>,
    ) -> Result<Vec<BulkRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let options = WriteOptions::default().cause(&cause_of(verb, batch));
        self.write_with(options, |transaction| {
            let mut places = 0..;
            let rows = each(transaction, ids, |transaction, id| {
                work(transaction, places.next().unwrap_or_default(), id)
            })?;
            transaction.remember_batch(batch)?;
            Ok(rows)
        })
    }
}

/// Whether an error says that nobody waits any longer.
pub(super) fn ends(error: &Error) -> bool {
    matches!(error.code(), Code::Cancelled | Code::DeadlineExceeded)
}

/// Most records of a call.
pub(super) fn most_of(bulk: &Bulk) -> usize {
    if bulk.limit == 0 { MAX_BULK } else { bulk.limit.min(MAX_BULK) }
}

pub(super) fn cause_of(verb: &str, batch: RecordId) -> String {
    format!("{CAUSE}{verb} {batch}")
}

/// Does something with each record; what fails is taken back alone.
pub(super) fn each(
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
            // The store's own faults are of the whole call, and not of one record; so is its end.
            if error.code().key().starts_with("storage.") || ends(error) {
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
}
