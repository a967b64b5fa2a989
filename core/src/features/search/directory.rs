//! The index's files: tantivy's `Directory` over whole files that somebody else keeps and encrypts.
//!
//! It deliberately does not know how files are kept, only that a write is whole and durable when it
//! returns. Invariants: nothing is written but through [`FileStore`], not even a lock file; a segment
//! file is written once (tantivy's write-once contract); a file that several readers hold is decrypted once,
//! because every reload opens every file of every segment again.
//!
//! What it does not do yet: reads of single blocks of large files.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, TerminatingWrite, WatchCallback,
    WatchHandle, WritePtr,
};

use crate::base::{Code, Error, Result};

/// Whole files by name, kept for the index. Names are flat: letters, digits, dots and hyphens.
pub trait FileStore: Send + Sync + 'static {
    /// The bytes of a file, or nothing where there is none.
    ///
    /// # Errors
    /// [`Code::Io`], or [`Code::Damaged`] where the store notices that bytes were altered.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Writes a file whole: afterwards, and after a crash, it has the old bytes or the new ones.
    ///
    /// # Errors
    /// [`Code::Io`].
    fn write(&self, name: &str, bytes: &[u8]) -> Result<()>;

    /// Whether there is such a file.
    ///
    /// # Errors
    /// [`Code::Io`].
    fn exists(&self, name: &str) -> Result<bool>;

    /// Deletes a file. It is no error when there is none.
    ///
    /// # Errors
    /// [`Code::Io`].
    fn delete(&self, name: &str) -> Result<()>;

    /// Deletes every file.
    ///
    /// # Errors
    /// [`Code::Io`].
    fn clear(&self) -> Result<()>;

    /// Whether [`FileStore::read`] itself notices altered bytes, as authenticated encryption does.
    /// Where it does not, opening an index reads every file once and checks its CRC-32.
    fn is_authenticated(&self) -> bool {
        false
    }
}

/// Files in memory: for tests, and for databases that live no longer than the process.
#[derive(Default)]
pub struct MemoryFiles(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryFiles {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The names of the files there are.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        held(&self.0).keys().cloned().collect()
    }
}

impl fmt::Debug for MemoryFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MemoryFiles({} files)", held(&self.0).len())
    }
}

impl FileStore for MemoryFiles {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(held(&self.0).get(name).cloned())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        held(&self.0).insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn exists(&self, name: &str) -> Result<bool> {
        Ok(held(&self.0).contains_key(name))
    }

    fn delete(&self, name: &str) -> Result<()> {
        held(&self.0).remove(name);
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        held(&self.0).clear();
        Ok(())
    }
}

/// A lock survives a thread that died with it: what it guards is replaced whole or not at all.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A [`FileStore`] as tantivy sees it. Clones share everything.
#[derive(Clone)]
pub(super) struct IndexDirectory(Arc<Shared>);

struct Shared {
    files: Arc<dyn FileStore>,
    /// Plaintext that somebody still reads, by name.
    opened: Mutex<HashMap<String, Weak<[u8]>>>,
    /// Names whose writer has not finished.
    unfinished: Mutex<HashSet<String>>,
    locks: Mutex<HashSet<PathBuf>>,
    unlocked: Condvar,
    retired: AtomicBool,
    /// Whether the store has refused bytes.
    refused: AtomicBool,
}

impl IndexDirectory {
    /// A directory of its own; two directories over one store must not live at the same time.
    pub(super) fn new(files: Arc<dyn FileStore>) -> Self {
        Self(Arc::new(Shared {
            files,
            opened: Mutex::default(),
            unfinished: Mutex::default(),
            locks: Mutex::default(),
            unlocked: Condvar::new(),
            retired: AtomicBool::new(false),
            refused: AtomicBool::new(false),
        }))
    }

    /// Refuses every write and deletion from now on: the files belong to a successor.
    pub(super) fn retire(&self) {
        self.0.retired.store(true, Ordering::SeqCst);
    }

    /// Whether the store has refused bytes, as a full disk does.
    pub(super) fn was_refused(&self) -> bool {
        self.0.refused.load(Ordering::SeqCst)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let files = self.changeable()?;
        files.write(name, bytes).inspect_err(|_| self.0.refused.store(true, Ordering::SeqCst))
    }

    /// The store, for a change of it.
    fn changeable(&self) -> Result<&dyn FileStore> {
        if self.0.retired.load(Ordering::SeqCst) {
            return Err(Error::new(Code::Stopped).entity("search_index"));
        }
        Ok(self.0.files.as_ref())
    }

    fn plaintext(&self, path: &Path) -> Result<Arc<[u8]>, OpenReadError> {
        let name = name_of(path).map_err(|error| unreadable(path, error))?;
        let mut opened = held(&self.0.opened);
        if let Some(bytes) = opened.get(name).and_then(Weak::upgrade) {
            return Ok(bytes);
        }
        let bytes = match self.0.files.read(name) {
            Ok(Some(bytes)) => Arc::<[u8]>::from(bytes),
            Ok(None) => return Err(OpenReadError::FileDoesNotExist(path.to_owned())),
            Err(error) => return Err(unreadable(path, error)),
        };
        opened.retain(|_, bytes| bytes.strong_count() > 0);
        opened.insert(name.to_owned(), Arc::downgrade(&bytes));
        Ok(bytes)
    }
}

impl fmt::Debug for IndexDirectory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IndexDirectory")
    }
}

impl Directory for IndexDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        Ok(Arc::new(OwnedBytes::new(self.plaintext(path)?)))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let outcome = name_of(path).and_then(|name| {
            held(&self.0.opened).remove(name);
            self.changeable()?.delete(name)
        });
        outcome.map_err(|error| DeleteError::IoError {
            io_error: Arc::new(io::Error::other(error)),
            filepath: path.to_owned(),
        })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        let outcome = name_of(path).and_then(|name| self.0.files.exists(name));
        outcome.map_err(|error| unreadable(path, error))
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let refused = |error| OpenWriteError::wrap_io_error(io::Error::other(error), path.to_owned());
        let name = name_of(path).map_err(refused)?;
        let exists = self.0.files.exists(name).map_err(refused)?;
        if exists || !held(&self.0.unfinished).insert(name.to_owned()) {
            return Err(OpenWriteError::FileAlreadyExists(path.to_owned()));
        }
        let writer = FileWriter { name: name.to_owned(), bytes: Vec::new(), directory: self.clone() };
        Ok(BufWriter::new(Box::new(writer)))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let outcome = name_of(path).and_then(|name| self.0.files.read(name));
        outcome
            .map_err(|error| unreadable(path, error))?
            .ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_owned()))
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        name_of(path).and_then(|name| self.write(name, data)).map_err(io::Error::other)
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(()) // Every write of the store is durable when it returns.
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        let mut locks = held(&self.0.locks);
        while locks.contains(&lock.filepath) {
            if !lock.is_blocking {
                return Err(LockError::LockBusy);
            }
            locks = self.0.unlocked.wait(locks).unwrap_or_else(PoisonError::into_inner);
        }
        locks.insert(lock.filepath.clone());
        let held = HeldLock { path: lock.filepath.clone(), directory: self.clone() };
        Ok(DirectoryLock::from(Box::new(held)))
    }

    fn watch(&self, _callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty()) // Readers are reloaded by hand, after a commit of this process.
    }
}

fn name_of(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::new(Code::InvalidUtf8).entity("search_index"))
}

fn unreadable(path: &Path, error: Error) -> OpenReadError {
    OpenReadError::wrap_io_error(io::Error::other(error), path.to_owned())
}

/// A lock of tantivy's, in this process only: the engine holds the database's own lock already.
struct HeldLock {
    path: PathBuf,
    directory: IndexDirectory,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        held(&self.directory.0.locks).remove(&self.path);
        self.directory.0.unlocked.notify_all();
    }
}

/// Collects a segment file in memory and hands it to the store whole.
struct FileWriter {
    name: String,
    bytes: Vec<u8>,
    directory: IndexDirectory,
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for FileWriter {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.directory.write(&self.name, &self.bytes).map_err(io::Error::other)
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        held(&self.directory.0.unfinished).remove(&self.name);
    }
}
