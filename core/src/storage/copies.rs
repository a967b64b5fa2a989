//! The tables copied into a new file while commits go on: to give room back, or to change the data key.
//!
//! The copy takes over rows in the order of their tables and keys. What it has reached is kept in step
//! at every checkpoint, so there is nothing to catch up with, and a job that was interrupted, even by a
//! crash, goes on where it stopped: the original notes the copy's master key, and both note the same
//! generation of the journal after each checkpoint. Where the two differ, a crash fell between two
//! commits, and the copy begins anew.

use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use zeroize::Zeroizing;

use crate::base::{Code, Error, Patience, Result, Timestamp};
use crate::storage::database::{DATA, Database, KEYS, sync_directory};
use crate::storage::device::{Device, FileDevice};
use crate::storage::embedded_store::EmbeddedStore;
use crate::storage::keys::{Key, KeyCost, KeyRing};
use crate::storage::slots::{About, Slot};
use crate::storage::store::Store;
use crate::storage::superblock::{FileKind, Superblock};
use crate::storage::tables::{self, TableView};
use crate::storage::vault::{Unlock, Vault, VaultOptions};

/// The file of a copy that is being made of `data`.
pub(super) const DATA_COPY: &str = "data.copy";
/// The file of the keys of data subjects that goes with a copy.
pub(super) const KEYS_COPY: &str = "keys.copy";
/// Rows of one step, in bytes. Commits may have to wait for a checkpoint as long as a step takes.
const STEP_BYTES: usize = 4 * 1_024 * 1_024;

/// What a copy made of the file `data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyReport {
    /// Rows of all tables that were copied by this call.
    pub rows: u64,
    /// Length of the file before, in bytes.
    pub bytes_before: u64,
    /// Length of the file now, in bytes.
    pub bytes_after: u64,
}

impl Database {
    /// Writes all tables into a new file, in order and without gaps, and puts it in the place of the old
    /// one between two commits. Commits and reads go on meanwhile. The file of the keys of persons is written
    /// anew with it, under a key of its own that nobody has seen, so that nothing is left of keys that were destroyed.
    ///
    /// # Errors
    /// `storage.io`, for instance where the disk is full: the database is as it was, and open;
    /// `engine.cancelled`, `engine.deadline_exceeded`: the next call goes on where this one stopped.
    pub fn compact(&self, patience: &Patience) -> Result<CopyReport> {
        let store = self.embedded()?;
        let vault = store.vault();
        if !store.follows(|copy| copy.ring == vault.ring) {
            self.begin_copy(store, &vault.ring, &vault.current_superblock())?;
        }
        self.finish_copy(store, patience)
    }

    /// Encrypts everything anew under a data key that nobody has seen, which these keys open and no
    /// others: whoever kept an old copy of the files and a key that was removed since gets nothing of
    /// what is written from now on. Commits and reads go on meanwhile; the change takes place between
    /// two of them, at the end.
    ///
    /// # Errors
    /// As [`Database::compact`]; `input.invalid_argument` without a key or with one that is not
    /// acceptable, `input.limit_exceeded` for more than eight.
    pub fn change_data_key(
        &self,
        keys: &[Key],
        cost: KeyCost,
        at: Timestamp,
        patience: &Patience,
    ) -> Result<CopyReport> {
        let store = self.embedded()?;
        let goes_on = store.follows(|copy| {
            let superblock = copy.current_superblock();
            copy.ring != store.vault().ring
                && superblock.slots().count() == keys.len()
                && keys.iter().all(|key| superblock.number_of(key).is_ok())
        });
        if !goes_on {
            let (ring, superblock) = self.new_key(keys, cost, at)?;
            self.begin_copy(store, &ring, &superblock)?;
        }
        self.finish_copy(store, patience)
    }

    /// Whether a copy was begun and cut off, which the next [`Database::compact`] or
    /// [`Database::change_data_key`] goes on with.
    #[must_use]
    pub fn has_unfinished_copy(&self) -> bool {
        self.embedded().is_ok_and(|store| store.follows(|_| true))
    }

    /// A ring of this database with another master key, and the superblock whose slots hold it.
    fn new_key(&self, keys: &[Key], cost: KeyCost, at: Timestamp) -> Result<(KeyRing, Superblock)> {
        let missing = || Error::new(Code::InvalidArgument).field("keys").rule("at least one key");
        let (first, others) = keys.split_first().ok_or_else(missing)?;
        let random = self.random.as_ref();
        let ring = KeyRing::draw_for(random, self.ring().file_id());
        let mut superblock = Superblock::new(FileKind::Data, &ring, first, cost, random)?;
        for key in others {
            let number = superblock.free_number()?;
            superblock.put_slot(number, Slot::wrap(&ring, number, key, cost, &About::at(at), random)?);
        }
        Ok((ring, superblock))
    }

    fn begin_copy(&self, store: &EmbeddedStore, ring: &KeyRing, superblock: &Superblock) -> Result<()> {
        self.drop_copy(store)?;
        store.checkpoint()?;
        tables::note_copy(&store.vault(), Some(ring.master().as_slice()))?;
        let device: Arc<dyn Device> = Arc::new(FileDevice::create(&self.path().join(DATA_COPY))?);
        let vault = Vault::create_with(device, &self.copy_options(), ring.clone(), superblock.clone())?;
        tables::prepare(&vault, self.random.as_ref())?;
        sync_directory(self.path())?;
        store.follow(Arc::new(vault), None)
    }

    /// Leaves an unfinished copy to itself and removes its file.
    fn drop_copy(&self, store: &EmbeddedStore) -> Result<()> {
        store.forget_copy();
        tables::note_copy(&store.vault(), None)?;
        remove(&self.path().join(DATA_COPY))?;
        remove(&self.path().join(KEYS_COPY))
    }

    fn finish_copy(&self, store: &EmbeddedStore, patience: &Patience) -> Result<CopyReport> {
        let bytes_before = store.vault().length()?;
        let (total, mut rows) = (store.rows()?, 0);
        loop {
            patience.check()?;
            patience.tell("rows", rows, total.max(rows));
            let (copied, end) = match store.copy_some(STEP_BYTES) {
                Ok(step) => step,
                Err(error) => {
                    // What went wrong is told; the original is whole, whatever becomes of the copy's file.
                    let _ = self.drop_copy(store);
                    return Err(error);
                }
            };
            rows += copied;
            if end {
                break;
            }
        }
        store.exchange(|copy| self.put_in_place(copy))?;
        Ok(CopyReport { rows, bytes_before, bytes_after: store.vault().length()? })
    }

    /// Puts the copy's file in the place of the original. Nobody commits meanwhile.
    fn put_in_place(&self, copy: Arc<Vault>) -> Result<Arc<Vault>> {
        let (ring, path) = (copy.ring.clone(), self.path());
        tables::note_copy(&copy, None)?;
        // Closing it cuts off the room that it has taken ahead.
        drop(copy);
        let device: Arc<dyn Device> = Arc::new(FileDevice::open(&path.join(DATA_COPY))?);
        let vault = Vault::open(device, &self.copy_options(), &Unlock::Ring(&ring))?;
        // What becomes of keys of persons waits: a key that is destroyed meanwhile would come back with the copy.
        let keys = self.subjects.hold();
        remove(&path.join(KEYS_COPY))?;
        let device = Arc::new(FileDevice::create(&path.join(KEYS_COPY))?);
        self.subjects.copy_into(device, &ring, &self.subject_options())?;
        sync_directory(path)?;
        fs::rename(path.join(DATA_COPY), path.join(DATA))?;
        sync_directory(path)?;
        // From here on the old file of keys no longer opens under another key; an open after a crash takes the copy.
        self.subjects.reopen(&path.join(KEYS_COPY), &ring, &self.subject_options(), &keys)?;
        fs::rename(path.join(KEYS_COPY), path.join(KEYS))?;
        sync_directory(path)?;
        drop(keys);
        let vault = Arc::new(vault);
        *self.vault.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&vault);
        Ok(vault)
    }

    fn copy_options(&self) -> VaultOptions {
        self.vault_options(FileKind::Data)
    }

    fn subject_options(&self) -> VaultOptions {
        self.vault_options(FileKind::SubjectKeys)
    }
}

/// The unfinished copy beside a file `data`, if it can go on; what cannot is removed.
///
/// # Errors
/// [`Code::Io`], [`Code::Damaged`] of the original.
pub(super) fn unfinished(
    path: &Path,
    original: &Vault,
    options: &VaultOptions,
) -> Result<Option<Arc<Vault>>> {
    let path = path.join(DATA_COPY);
    let tables = TableView::of(original)?;
    let noted = tables.noted_copy()?;
    if !path.try_exists()? {
        return Ok(None);
    }
    let master = noted.and_then(|noted| noted.first_chunk::<32>().copied()).map(Zeroizing::new);
    let copy = master.and_then(|master| {
        let ring = KeyRing::new(master, original.ring.file_id());
        let device: Arc<dyn Device> = Arc::new(FileDevice::open(&path).ok()?);
        let vault = Vault::open(device, options, &Unlock::Ring(&ring)).ok()?;
        let generation = TableView::of(&vault).ok()?.generation().ok()??;
        (Some(generation) == tables.generation().ok()?).then_some(vault)
    });
    if copy.is_none() {
        remove(&path)?;
        tables::note_copy(original, None)?;
    }
    Ok(copy.map(Arc::new))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
