//! One encrypted redb database: superblock, page cipher and redb put together, made or opened.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::{Random, Result};
use crate::storage::cryptfile::{Backend, CryptFile};
use crate::storage::device::Device;
use crate::storage::faults::from_redb;
use crate::storage::keys::{Key, KeyCost, KeyRing};
use crate::storage::superblock::{FileKind, Superblock};

/// What the last open had to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecoveryInfo {
    /// The database was not closed, and was brought back to its last durable commit.
    pub repaired: bool,
    /// Commits that were only in the journal, and are in the tables now.
    pub replayed_commits: u64,
    /// The older format that the database had, if it was brought to the newest one.
    pub upgraded_from: Option<u32>,
    /// Units that were torn or lost when the power went, none of which that commit needs.
    pub discarded_units: u64,
}

/// How a file is unlocked.
pub(super) enum Unlock<'a> {
    /// With the key of a slot.
    Key(&'a Key),
    /// With the master key, which is at hand.
    Ring(&'a KeyRing),
}

/// What a vault needs beside its device.
pub(super) struct VaultOptions {
    /// What the file holds.
    pub(super) kind: FileKind,
    /// Memory for pages in clear.
    pub(super) cache_bytes: usize,
    /// Where salts, nonces and keys come from.
    pub(super) random: Arc<dyn Random>,
    /// Whether every page is verified at the open.
    pub(super) verify: bool,
}

/// An open encrypted database. Dropping it closes the file.
pub(super) struct Vault {
    /// redb over the encrypted file.
    pub(super) database: redb::Database,
    /// The keys of this file.
    pub(super) ring: KeyRing,
    /// What the open had to mend.
    pub(super) recovery: RecoveryInfo,
    file: Arc<CryptFile>,
    /// The slots of its keys, as they were last written.
    pub(super) superblock: Mutex<Superblock>,
    /// Where the superblock lies.
    pub(super) device: Arc<dyn Device>,
    /// Where salts, nonces and keys come from.
    pub(super) random: Arc<dyn Random>,
}

impl Vault {
    /// Makes a database on an empty device, with one key.
    ///
    /// # Errors
    /// `storage.io`, `input.invalid_argument` for a key or cost that cannot be.
    pub(super) fn create(
        device: Arc<dyn Device>,
        options: &VaultOptions,
        key: &Key,
        cost: KeyCost,
    ) -> Result<Self> {
        let ring = KeyRing::draw(options.random.as_ref());
        let superblock = Superblock::new(options.kind, &ring, key, cost, options.random.as_ref())?;
        Self::create_with(device, options, ring, superblock)
    }

    /// Makes a database on an empty device, with a master key and slots that are at hand.
    ///
    /// # Errors
    /// `storage.io`.
    pub(super) fn create_with(
        device: Arc<dyn Device>,
        options: &VaultOptions,
        ring: KeyRing,
        superblock: Superblock,
    ) -> Result<Self> {
        let file = CryptFile::create(Arc::clone(&device), &ring, Arc::clone(&options.random))?;
        superblock.write_both(device.as_ref(), &ring)?;
        Self::start(device, file, ring, superblock, options)
    }

    /// Opens a database, and recovers it where it was not closed.
    ///
    /// # Errors
    /// `storage.not_a_database`, `storage.newer_format`, `storage.wrong_key`, `storage.damaged`,
    /// `storage.io`.
    pub(super) fn open(device: Arc<dyn Device>, options: &VaultOptions, unlock: &Unlock<'_>) -> Result<Self> {
        let (superblock, ring) = match unlock {
            Unlock::Key(key) => Superblock::unlock(device.as_ref(), options.kind, key)?,
            Unlock::Ring(ring) => {
                (Superblock::verify(device.as_ref(), options.kind, ring)?, KeyRing::clone(ring))
            }
        };
        let file = CryptFile::open(Arc::clone(&device), &ring, Arc::clone(&options.random))?;
        Self::start(device, file, ring, superblock, options)
    }

    fn start(
        device: Arc<dyn Device>,
        file: CryptFile,
        ring: KeyRing,
        superblock: Superblock,
        options: &VaultOptions,
    ) -> Result<Self> {
        let file = Arc::new(file);
        let repaired = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&repaired);
        let database = redb::Builder::new()
            .set_cache_size(options.cache_bytes)
            .set_check_integrity_on_open(options.verify)
            .set_repair_callback(move |_| noted.store(true, Ordering::SeqCst))
            .create_with_backend(Backend(Arc::clone(&file)))
            .map_err(from_redb)?;
        let discarded_units = file.end_recovery();
        let repaired = repaired.load(Ordering::SeqCst);
        let recovery = RecoveryInfo { repaired, discarded_units, ..RecoveryInfo::default() };
        let random = Arc::clone(&options.random);
        Ok(Self { database, ring, recovery, file, superblock: Mutex::new(superblock), device, random })
    }

    /// The superblock as it was last written.
    pub(super) fn current_superblock(&self) -> Superblock {
        self.superblock.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes down that the file has the newest format.
    ///
    /// # Errors
    /// `storage.io`.
    pub(super) fn raise_format(&self) -> Result<()> {
        let mut superblock = self.superblock.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = superblock.clone();
        next.raise_format();
        next.store(self.device.as_ref(), &self.ring)?;
        *superblock = next;
        Ok(())
    }

    /// Length of the file in bytes.
    ///
    /// # Errors
    /// `storage.io`.
    pub(super) fn length(&self) -> Result<u64> {
        Ok(self.device.len()?)
    }

    /// How often the file was made durable since the open.
    pub(super) fn syncs(&self) -> u64 {
        self.file.syncs()
    }
}
