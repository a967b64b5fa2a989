//! One database is one directory: made whole or not at all, opened by one process at a time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::base::{Code, Error, OsRandom, Patience, Random, Result};
use crate::storage::copies::{self, KEYS_COPY};
use crate::storage::device::{Device, FileDevice, MemoryDevice};
use crate::storage::embedded_store::{EmbeddedStore, Pace};
use crate::storage::journal::{Journal, RECORDS_AT};
use crate::storage::keys::{Key, KeyCost, KeyRing};
use crate::storage::memory_store::MemoryStore;
use crate::storage::places;
use crate::storage::store::{ChainLink, Durability, Keyspace, LogRecord, Store, WriteSet};
use crate::storage::subject_keys::SubjectKeys;
use crate::storage::superblock::FileKind;
use crate::storage::tables::{self, TableView};
use crate::storage::upgrade::{self, UpgradePolicy};
use crate::storage::vault::{RecoveryInfo, Unlock, Vault, VaultOptions};

/// The file with all records, indexes and the log.
pub(super) const DATA: &str = "data";
/// The file with what was committed since the last checkpoint.
pub(super) const JOURNAL: &str = "journal";
/// The file with the wrapped keys of data subjects.
pub(super) const KEYS: &str = "keys";
/// The directory of the search index, which can be made anew.
pub(super) const INDEX: &str = "index";
/// The directory of large attachments.
pub(super) const BLOBS: &str = "blobs";

/// Memory for pages in clear unless the caller says otherwise.
const DEFAULT_CACHE_BYTES: usize = 16 * 1_024 * 1_024;

/// How a database is made or opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Memory for pages in clear, 16 MiB unless set.
    pub cache_bytes: usize,
    /// Memory for what is made of rows that are read often, none unless set.
    pub kept_bytes: usize,
    /// What opens the database.
    pub key: Key,
    /// What it costs to try a passphrase; of `create` only, since each slot
    /// stores its own.
    pub key_cost: KeyCost,
    /// Where keys, salts and nonces come from.
    pub random: Arc<dyn Random>,
    /// Links the log's entries.
    pub chain: ChainLink,
    /// When a commit is durable.
    pub durability: Durability,
    /// What is done with a database of an older format.
    pub upgrade: UpgradePolicy,
    /// Verifies every page against the checksums of the tree at the open, which also notices single
    /// pages that were put back to an older state. Reads the whole file.
    pub verify_on_open: bool,
}

impl OpenOptions {
    /// The usual choice for a key.
    #[must_use]
    pub fn new(key: Key, random: Arc<dyn Random>, chain: ChainLink) -> Self {
        let (cache_bytes, key_cost) = (DEFAULT_CACHE_BYTES, KeyCost::default());
        let durability = Durability::default();
        let upgrade = UpgradePolicy::default();
        let (kept_bytes, verify_on_open) = (0, false);
        Self { cache_bytes, kept_bytes, key, key_cost, random, chain, durability, upgrade, verify_on_open }
    }

    pub(super) fn vault(&self, kind: FileKind) -> VaultOptions {
        VaultOptions {
            kind,
            cache_bytes: self.cache_bytes,
            random: Arc::clone(&self.random),
            verify: self.verify_on_open,
        }
    }
}

/// An open database. Dropping it, with all that came from it, closes the files.
pub struct Database {
    /// Records, indexes and the log.
    pub store: Arc<dyn Store>,
    /// The same where it lies in files, for what is done to those.
    embedded: Option<Arc<EmbeddedStore>>,
    /// The keys of data subjects.
    pub subjects: Arc<SubjectKeys>,
    /// What the open had to mend.
    pub recovery: RecoveryInfo,
    pub(super) vault: RwLock<Arc<Vault>>,
    pub(super) random: Arc<dyn Random>,
    cache_bytes: usize,
    path: PathBuf,
    /// The folder of a database in memory, for what lies in files even so. It goes last.
    _temporary: Option<TemporaryFolder>,
}

/// A folder that is removed with all in it when this is dropped.
struct TemporaryFolder(PathBuf);

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed is sealed under a key that is gone.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Database {
    /// The keys that derive from the data key as it is now.
    #[must_use]
    pub fn ring(&self) -> KeyRing {
        self.vault().ring.clone()
    }

    /// The vault that is the file `data` now.
    pub(super) fn vault(&self) -> Arc<Vault> {
        Arc::clone(&self.vault.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The store in files.
    pub(super) fn embedded(&self) -> Result<&EmbeddedStore> {
        let refused = || Error::new(Code::InvalidArgument).rule("a database in memory has no files");
        self.embedded.as_deref().ok_or_else(refused)
    }

    /// How files of this database are made and opened.
    pub(super) fn vault_options(&self, kind: FileKind) -> VaultOptions {
        VaultOptions { kind, cache_bytes: self.cache_bytes, random: Arc::clone(&self.random), verify: false }
    }

    /// Where its files lie.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Database({:?})", self.path)
    }
}

/// Makes a database at a path that nothing has, with what a function writes to it. A crash meanwhile leaves
/// nothing under that path, and a name beside it that begins with a point.
///
/// # Errors
/// [`Code::AlreadyExists`], [`Code::InvalidArgument`] for an empty passphrase or a cost out of bounds,
/// [`Code::Io`]; those of the function.
pub fn create(
    path: &Path,
    options: &OpenOptions,
    furnish: impl FnOnce(Database) -> Result<()>,
) -> Result<Database> {
    let random = options.random.as_ref();
    places::put_back(path)?;
    if fs::symlink_metadata(path).is_ok() {
        return Err(Error::new(Code::AlreadyExists));
    }
    let draft = draft_path(path, random)?;
    fs::create_dir(&draft)?;
    let made = fill_draft(&draft, options).and_then(|ring| {
        furnish(open_files(&draft, options, &Unlock::Ring(&ring))?)?;
        sync_draft(&draft)?;
        fs::rename(&draft, path)?;
        sync_directory(&parent_of(path))?;
        Ok(ring)
    });
    match made {
        Ok(ring) => open_files(path, options, &Unlock::Ring(&ring)),
        Err(error) => {
            // What went wrong is told; a draft that cannot be removed is only an unused directory.
            let _ = fs::remove_dir_all(&draft);
            Err(error)
        }
    }
}

/// Makes all files of a database that is closed durable, before it gets its name.
///
/// # Errors
/// [`Code::Io`].
pub(super) fn sync_draft(draft: &Path) -> Result<()> {
    for folder in [draft.join(BLOBS), draft.join(INDEX), draft.to_owned()] {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_file() {
                File::options().write(true).open(path)?.sync_all()?;
            }
        }
        sync_directory(&folder)?;
    }
    Ok(())
}

/// Makes a database in memory, which is gone when it is closed. The index of search and large
/// attachments lie in a temporary folder meanwhile, sealed under a key that is nowhere else. One of
/// `conflict_every` commits is answered with a conflict, as stores with several writers do; 0 for none.
///
/// # Errors
/// [`Code::Io`] where the system has no temporary folder; [`Code::InvalidArgument`] as [`create`].
pub fn create_in_memory(options: &OpenOptions, conflict_every: u64) -> Result<Database> {
    let mut salt = [0; 8];
    options.random.fill(&mut salt);
    let path = std::env::temp_dir().join(format!("guanxi-{:016x}", u64::from_be_bytes(salt)));
    fs::create_dir(&path)?;
    let temporary = TemporaryFolder(path.clone());
    let device = Arc::new(MemoryDevice::default());
    let vault = Vault::create(device, &options.vault(FileKind::Data), &options.key, options.key_cost)?;
    let keys = vault.ring.clone();
    let (device, kind) = (Arc::new(MemoryDevice::default()), options.vault(FileKind::SubjectKeys));
    SubjectKeys::create(Arc::clone(&device) as Arc<dyn Device>, &keys, &kind)?;
    let subjects = Arc::new(SubjectKeys::open(device, &keys, &kind)?);
    let store = Arc::new(MemoryStore::new(options.chain, conflict_every));
    Ok(Database {
        store,
        embedded: None,
        subjects,
        recovery: RecoveryInfo::default(),
        vault: RwLock::new(Arc::new(vault)),
        random: Arc::clone(&options.random),
        cache_bytes: options.cache_bytes,
        path,
        _temporary: Some(temporary),
    })
}

/// Opens a database, and recovers it where it was not closed.
///
/// # Errors
/// [`Code::DatabaseNotFound`], [`Code::NotADatabase`], [`Code::WrongKey`], [`Code::Damaged`],
/// [`Code::NewerFormat`], [`Code::Locked`], [`Code::Io`].
pub fn open(path: &Path, options: &OpenOptions) -> Result<Database> {
    places::settle(path, options.random.as_ref())?;
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::new(Code::DatabaseNotFound).because(error),
        _ => error.into(),
    })?;
    if !metadata.is_dir() || !path.join(DATA).is_file() {
        return Err(Error::new(Code::NotADatabase));
    }
    open_files(path, options, &Unlock::Key(&options.key))
}

pub(super) fn open_files(path: &Path, options: &OpenOptions, unlock: &Unlock<'_>) -> Result<Database> {
    let device = open_device(&path.join(DATA), DATA)?;
    let upgraded_from = upgrade::older_format(device.as_ref())?;
    if let Some(format) = upgraded_from {
        let random = options.random.as_ref();
        upgrade::prepare(path, device.as_ref(), format, options.upgrade, unlock, random)?;
    }
    let vault = Vault::open(device, &options.vault(FileKind::Data), unlock)?;
    let subjects = open_subject_keys(path, &vault.ring, options)?;
    let recovery = vault.recovery;
    let vault = Arc::new(vault);
    let unclosed = fs::metadata(path.join(JOURNAL)).is_ok_and(|journal| journal.len() > RECORDS_AT);
    let subjects = Arc::new(subjects);
    let store = Arc::new(open_store(path, &vault, &subjects, options)?);
    if upgraded_from.is_some() {
        vault.raise_format()?;
    }
    let (repaired, replayed_commits) = (recovery.repaired || unclosed, store.replayed());
    Ok(Database {
        store: Arc::clone(&store) as Arc<dyn Store>,
        embedded: Some(store),
        subjects,
        recovery: RecoveryInfo { repaired, replayed_commits, upgraded_from, ..recovery },
        vault: RwLock::new(vault),
        random: Arc::clone(&options.random),
        cache_bytes: options.cache_bytes,
        path: path.to_owned(),
        _temporary: None,
    })
}

/// The keys of data subjects. A crash at the end of a copy leaves the file that goes with it under the name of a
/// copy.
fn open_subject_keys(path: &Path, ring: &KeyRing, options: &OpenOptions) -> Result<SubjectKeys> {
    let (file, copy) = (path.join(KEYS), path.join(KEYS_COPY));
    let kind = options.vault(FileKind::SubjectKeys);
    let opened = open_device(&file, KEYS).and_then(|device| SubjectKeys::open(device, ring, &kind));
    if !copy.try_exists()? {
        return opened;
    }
    if opened.is_ok() {
        // A copy that was cut off before it took the file's place would keep keys that are destroyed later.
        fs::remove_file(&copy)?;
        return opened;
    }
    let device: Arc<dyn Device> = Arc::new(FileDevice::open(&copy)?);
    let Ok(subjects) = SubjectKeys::open(device, ring, &kind) else { return opened };
    fs::rename(&copy, &file)?;
    sync_directory(path)?;
    Ok(subjects)
}

/// The store in a vault, with its journal; a database of format 1 gets one.
fn open_store(
    path: &Path,
    vault: &Arc<Vault>,
    subjects: &Arc<SubjectKeys>,
    options: &OpenOptions,
) -> Result<EmbeddedStore> {
    let path = path.join(JOURNAL);
    let random = Arc::clone(&options.random);
    if TableView::of(vault)?.generation()?.is_none() {
        // An earlier upgrade may have ended in the midst of this file. It is nobody's before the tables
        // name a generation.
        if path.try_exists()? {
            fs::remove_file(&path)?;
        }
        Journal::create(&FileDevice::create(&path)?, vault.ring.file_id())?;
        sync_directory(&parent_of(&path))?;
        tables::prepare(vault, random.as_ref())?;
    }
    let journal = Journal::open(open_device(&path, JOURNAL)?, &vault.ring, Arc::clone(&random))?;
    let copy = copies::unfinished(&parent_of(&path), vault, &options.vault(FileKind::Data))?;
    let mut store = EmbeddedStore::open(
        Arc::clone(vault),
        journal,
        options.chain,
        Pace::new(options.durability, options.cache_bytes),
        random,
        Some(Arc::clone(subjects)),
        copy,
    )?;
    store.keep(options.kept_bytes);
    Ok(store)
}

/// A store by itself, to which is committed what a caller brings, and nothing else: to measure what an engine adds to
/// a commit.
pub struct BareStore(Database);

impl BareStore {
    /// Makes one under a path.
    ///
    /// # Errors
    /// As [`create`].
    pub fn create(path: &Path, key: [u8; 32], cache_bytes: usize, chain: ChainLink) -> Result<Self> {
        let options = OpenOptions::new(Key::raw(key), Arc::new(OsRandom), chain);
        create(path, &OpenOptions { cache_bytes, ..options }, |_| Ok(())).map(Self)
    }

    /// Makes rows durable, keys with their values, and an entry of the log: what is chained of it, and what is not.
    ///
    /// # Errors
    /// As [`StoreTransaction::commit`](crate::storage::StoreTransaction::commit).
    pub fn commit(&self, rows: Vec<(Vec<u8>, Vec<u8>)>, chained: Vec<u8>, sealed: Vec<u8>) -> Result<()> {
        let changes = rows.into_iter().map(|(key, value)| ((Keyspace::Index, key), Some(value))).collect();
        let writes = WriteSet { changes, log: vec![LogRecord { chained, sealed }], ..WriteSet::default() };
        self.0.store.begin(&Patience::default())?.commit(writes).map(drop)
    }
}

/// A file of redb's that is sealed as those of a database are, made where it does not stand, and nothing
/// else: to measure what sealing costs.
///
/// # Errors
/// [`Code::WrongKey`], [`Code::Damaged`], [`Code::NotADatabase`], [`Code::Locked`], [`Code::Io`].
pub fn sealed_tables(path: &Path, key: [u8; 32], cache_bytes: usize) -> Result<redb::Database> {
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let options = VaultOptions { kind: FileKind::Data, cache_bytes, random, verify: false };
    let key = Key::raw(key);
    let vault = if path.try_exists()? {
        Vault::open(Arc::new(FileDevice::open(path)?), &options, &Unlock::Key(&key))?
    } else {
        Vault::create(Arc::new(FileDevice::create(path)?), &options, &key, KeyCost::default())?
    };
    Ok(vault.database)
}

fn open_device(path: &Path, name: &str) -> Result<Arc<dyn Device>> {
    match FileDevice::open(path) {
        Ok(device) => Ok(Arc::new(device)),
        Err(error) if error.code() == Code::DatabaseNotFound => {
            Err(Error::new(Code::Damaged).rule(&format!("the file `{name}` is missing")).because(error))
        }
        Err(error) => Err(error),
    }
}

/// Makes all files of a database in a directory that nobody knows yet, and closes them.
fn fill_draft(draft: &Path, options: &OpenOptions) -> Result<KeyRing> {
    let device = Arc::new(FileDevice::create(&draft.join(DATA))?);
    let vault = Vault::create(device, &options.vault(FileKind::Data), &options.key, options.key_cost)?;
    tables::prepare(&vault, options.random.as_ref())?;
    Journal::create(&FileDevice::create(&draft.join(JOURNAL))?, vault.ring.file_id())?;
    let device = Arc::new(FileDevice::create(&draft.join(KEYS))?);
    SubjectKeys::create(device, &vault.ring, &options.vault(FileKind::SubjectKeys))?;
    fs::create_dir(draft.join(INDEX))?;
    fs::create_dir(draft.join(BLOBS))?;
    Ok(vault.ring.clone())
}

/// A name beside the final one that nothing has, so that the rename stays within one file system.
pub(super) fn draft_path(path: &Path, random: &dyn Random) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| Error::new(Code::InvalidArgument).field("path"))?;
    let mut salt = [0; 8];
    random.fill(&mut salt);
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(format!(".{:016x}", u64::from_be_bytes(salt)));
    Ok(parent_of(path).join(draft))
}

pub(super) fn parent_of(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// Makes the names in a directory durable. Windows has no such call and needs none.
pub fn sync_directory(directory: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}
