//! Maintenance through a session: room given back, a new data key, verification. It asks for the right to
//! administer everything, and goes on while others read and write.

use std::sync::PoisonError;

use crate::base::{Error, RecordId, Result};
use crate::engine::{
    CopyReport, Crm, EntryKind, Head, Key, QuickReport, Session, StoreStatistics, VerifyReport,
};
use crate::records::{note, verify_quickly};

/// The folder of the search index, which can be made anew.
const INDEX: &str = "index";

impl Session {
    /// Writes the file with all records anew, in order and without gaps, and gives the room back to the
    /// system. Reads and writes go on meanwhile; a call that was cancelled is gone on with by the next one.
    /// The listener of the session's patience is told of the phase `rows`.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `storage.io`, for instance where
    /// the disk is full, after which the database is as it was; `engine.cancelled`,
    /// `engine.deadline_exceeded`; `input.invalid_argument` for a database in memory.
    pub fn compact(&self) -> Result<CopyReport> {
        self.administered()?.inner.database.compact(self.patience())
    }

    /// Encrypts everything anew under a data key that nobody has seen, which these keys open and no others.
    /// That takes from whoever kept an old copy of the files, and a key that was removed since, everything
    /// that is written from now on. Attachments in files keep their own keys, which lie under the new data
    /// key. The search index is made anew at the next search. Reads and writes go on meanwhile.
    ///
    /// # Errors
    /// As [`Session::compact`]; `input.invalid_argument` without a key or with one that is not acceptable,
    /// `input.limit_exceeded` for more than eight.
    pub fn change_data_key(&self, keys: &[Key]) -> Result<CopyReport> {
        let crm = self.administered()?;
        crm.keep_ledger_key(self.user(), keys)?;
        let (cost, now) = (crm.inner.key_cost, crm.now());
        let report = crm.inner.database.change_data_key(keys, cost, now, self.patience())?;
        crm.forget_derived_keys()?;
        Ok(report)
    }

    /// Verifies the whole database. See [`Crm::verify`].
    ///
    /// # Errors
    /// `access.not_permitted`; as there.
    pub fn verify(&self) -> Result<VerifyReport> {
        self.administered()?.verify(self.patience())
    }

    /// Reads every row of every table, and follows the ledger's chain. It finds every page that was damaged
    /// or exchanged on the disk and is not in memory, and every entry that was changed, removed or put in;
    /// it does not compare records with their indexes, counters and commitments, and opens no attachment,
    /// as [`Session::verify`] does. Single pages that were put back to an older state of theirs are noticed
    /// by an open with `Options::verify_on_open` alone, which checks each page against its parent.
    ///
    /// # Errors
    /// `access.not_permitted`; `ledger.broken`, `storage.damaged`, `engine.cancelled`,
    /// `engine.deadline_exceeded`.
    pub fn verify_quickly(&self) -> Result<QuickReport> {
        let crm = self.administered()?;
        verify_quickly(crm.snapshot()?.as_ref(), self.patience())
    }

    /// Sizes and counts since the open. See [`Crm::statistics`].
    ///
    /// # Errors
    /// `access.not_permitted`; as there.
    pub fn statistics(&self) -> Result<StoreStatistics> {
        self.administered()?.statistics()
    }

    /// Brings the journal into the tables. See [`Crm::checkpoint`].
    ///
    /// # Errors
    /// `access.not_permitted`; as there.
    pub fn checkpoint(&self) -> Result<()> {
        self.administered()?.checkpoint()
    }

    /// Makes durable what was committed so far. See [`Crm::flush`].
    ///
    /// # Errors
    /// `access.not_permitted`; as there.
    pub fn flush(&self) -> Result<Head> {
        self.administered()?.flush()
    }
}

impl Crm {
    /// Makes the key that seals values of no person independent of the data key, and enters that the data
    /// key is about to change. After a crash in between, the entry stands alone.
    fn keep_ledger_key(&self, actor: RecordId, keys: &[Key]) -> Result<()> {
        let kinds: Vec<&str> = keys.iter().map(|key| key.kind().name()).collect();
        let text = format!("data key, opened by: {}", kinds.join(", "));
        self.system_write(actor, "database.change_data_key", |view, context| {
            self.inner.sealer.keep_key(view)?;
            note(view, context, EntryKind::Key, actor, &text);
            Ok(())
        })
    }

    /// Leaves behind what was made under keys of the old data key: features begin anew, and whoever still
    /// works with an older one of their files is turned away.
    fn forget_derived_keys(&self) -> Result<()> {
        let mut slots = self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let older = std::mem::take(&mut *slots);
        let gate = {
            let mut gate = self.inner.gate.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *gate)
        };
        gate.shut();
        // While the slots are held, no feature opens files of its own.
        self.sealed_files(INDEX).clear()?;
        drop(slots);
        drop(older);
        Ok(())
    }

    /// Counts an error that a named method gave, for the support bundle.
    pub(crate) fn count_refusal(&self, error: &Error) {
        let mut refusals = self.inner.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let count = refusals.entry(error.code().key()).or_insert(0);
        *count = count.saturating_add(1);
    }
}
