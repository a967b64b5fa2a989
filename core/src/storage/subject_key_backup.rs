//! The keys of data subjects out of one file and into another: what a backup of keys is made of.

use std::sync::Arc;

use redb::{ReadableDatabase, ReadableTable};

use crate::base::{Code, Error, Result};
use crate::storage::device::Device;
use crate::storage::faults::from_redb;
use crate::storage::keys::KeyRing;
use crate::storage::subject_keys::{SUBJECTS, Subject, SubjectKey, SubjectKeys, lock};
use crate::storage::vault::VaultOptions;

/// Keys that one fsync makes durable in a copy.
const COPIED_AT_ONCE: usize = 10_000;

impl SubjectKeys {
    /// Hands every key, in the order of the subjects' ids, to a function, from one stable view; gives
    /// their number.
    ///
    /// # Errors
    /// [`Code::Io`], [`Code::Damaged`], and what the function gives.
    pub fn export(&self, visit: &mut dyn FnMut(&Subject, &SubjectKey) -> Result<()>) -> Result<u64> {
        let damaged = || Error::new(Code::Damaged).rule("subject key");
        let opened = self.opened();
        let transaction = opened.vault.database.begin_read().map_err(from_redb)?;
        let table = transaction.open_table(SUBJECTS).map_err(from_redb)?;
        let mut count = 0_u64;
        for row in table.iter().map_err(from_redb)? {
            let (subject, sealed) = row.map_err(from_redb)?;
            let subject: Subject = subject.value().try_into().map_err(|_| damaged())?;
            visit(&subject, &opened.unseal(&subject, sealed.value())?)?;
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    /// Stores keys as they are, durably; one fsync for all of them. A subject that has one gets this one.
    ///
    /// # Errors
    /// [`Code::Io`]; [`Code::Stopped`] after an earlier fault.
    pub fn import(&self, keys: impl IntoIterator<Item = (Subject, SubjectKey)>) -> Result<()> {
        let _guard = lock(&self.changing);
        self.store(&keys.into_iter().collect())
    }

    /// Makes another file on an empty device that belongs to another ring of the same database, with all
    /// keys as they are.
    ///
    /// # Errors
    /// [`Code::Io`], [`Code::Damaged`].
    pub(super) fn copy_into(
        &self,
        device: Arc<dyn Device>,
        owner: &KeyRing,
        options: &VaultOptions,
    ) -> Result<()> {
        Self::create(Arc::clone(&device), owner, options)?;
        let copy = Self::open(device, owner, options)?;
        let mut chunk = Vec::new();
        self.export(&mut |subject, key| {
            chunk.push((*subject, key.clone()));
            if chunk.len() < COPIED_AT_ONCE { Ok(()) } else { copy.import(std::mem::take(&mut chunk)) }
        })?;
        copy.import(chunk)
    }
}
