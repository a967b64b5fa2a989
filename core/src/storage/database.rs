//! One database is one directory: made whole or not at all, opened by one process at a time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{Code, Error, Random, Result};
use crate::storage::device::{Device, FileDevice};
use crate::storage::keys::{Key, KeyCost, KeyRing};
use crate::storage::redb_store::RedbStore;
use crate::storage::store::{ChainLink, Store};
use crate::storage::subject_keys::SubjectKeys;
use crate::storage::superblock::FileKind;
use crate::storage::vault::{RecoveryInfo, Unlock, Vault, VaultOptions};

/// The file with all records, indexes and the log.
pub(super) const DATA: &str = "data";
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
    /// What opens the database.
    pub key: Key,
    /// What it costs to try a passphrase; of `create` and [`Database::add_key`] only, since each slot
    /// stores its own.
    pub key_cost: KeyCost,
    /// Where keys, salts and nonces come from.
    pub random: Arc<dyn Random>,
    /// Links the log's entries.
    pub chain: ChainLink,
    /// Verifies every page against the checksums of the tree at the open, which also notices single
    /// pages that were put back to an older state. Reads the whole file.
    pub verify_on_open: bool,
}

impl OpenOptions {
    /// The usual choice for a key.
    #[must_use]
    pub fn new(key: Key, random: Arc<dyn Random>, chain: ChainLink) -> Self {
        let (cache_bytes, key_cost) = (DEFAULT_CACHE_BYTES, KeyCost::default());
        Self { cache_bytes, key, key_cost, random, chain, verify_on_open: false }
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
    /// The sub-keys of the file `data`.
    pub keys: Arc<KeyRing>,
    /// The keys of data subjects.
    pub subjects: Arc<SubjectKeys>,
    /// What the open had to mend.
    pub recovery: RecoveryInfo,
    pub(super) vault: Arc<Vault>,
    path: PathBuf,
}

impl Database {
    /// Lets one more key open this database.
    ///
    /// # Errors
    /// [`Code::LimitExceeded`] where all 8 slots are taken, [`Code::InvalidArgument`] for an empty
    /// passphrase or a cost out of bounds, [`Code::Io`].
    pub fn add_key(&self, key: &Key, cost: KeyCost) -> Result<()> {
        self.vault.add_key(key, cost)
    }

    /// Takes a key away. Whoever kept an older copy of the file and this key can still open that copy.
    ///
    /// # Errors
    /// [`Code::WrongKey`] where no slot has it, [`Code::InvalidArgument`] for the last one, [`Code::Io`].
    pub fn remove_key(&self, key: &Key) -> Result<()> {
        self.vault.remove_key(key)
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Database({:?})", self.path)
    }
}

/// Makes a database at a path that nothing has. A crash meanwhile leaves nothing under that path.
///
/// # Errors
/// [`Code::AlreadyExists`], [`Code::InvalidArgument`] for an empty passphrase or a cost out of bounds,
/// [`Code::Io`].
pub fn create(path: &Path, options: &OpenOptions) -> Result<Database> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(Error::new(Code::AlreadyExists));
    }
    let draft = draft_path(path, options.random.as_ref())?;
    fs::create_dir(&draft)?;
    let made = fill_draft(&draft, options).and_then(|ring| {
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

/// Opens a database, and recovers it where it was not closed.
///
/// # Errors
/// [`Code::DatabaseNotFound`], [`Code::NotADatabase`], [`Code::WrongKey`], [`Code::Damaged`],
/// [`Code::NewerFormat`], [`Code::Locked`], [`Code::Io`].
pub fn open(path: &Path, options: &OpenOptions) -> Result<Database> {
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
    let vault = Vault::open(device, &options.vault(FileKind::Data), unlock)?;
    RedbStore::prepare(&vault)?;
    let keys = Arc::new(vault.ring.clone());
    let subjects = SubjectKeys::open(
        open_device(&path.join(KEYS), KEYS)?,
        &keys,
        &options.vault(FileKind::SubjectKeys),
    )?;
    let recovery = vault.recovery;
    let vault = Arc::new(vault);
    let store = Arc::new(RedbStore::new(Arc::clone(&vault), options.chain));
    Ok(Database { store, keys, subjects: Arc::new(subjects), recovery, vault, path: path.to_owned() })
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
    RedbStore::prepare(&vault)?;
    let device = Arc::new(FileDevice::create(&draft.join(KEYS))?);
    SubjectKeys::create(device, &vault.ring, &options.vault(FileKind::SubjectKeys))?;
    fs::create_dir(draft.join(INDEX))?;
    fs::create_dir(draft.join(BLOBS))?;
    let ring = vault.ring.clone();
    drop(vault);
    for file in [DATA, KEYS] {
        File::options().write(true).open(draft.join(file))?.sync_all()?;
    }
    sync_directory(draft)?;
    Ok(ring)
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
