//! The keys of data subjects: one random key per person, in a file of their own.
//!
//! What the ledger says of a person is sealed under that person's key. Destroying the key makes all of
//! it unreadable, in the ledger and in every copy of the file `data`, while the chain still verifies.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use redb::{ReadableDatabase, TableDefinition, WriteTransaction};
use zeroize::Zeroizing;

use crate::base::{Code, Error, Random, Result};
use crate::storage::device::{Device, FileDevice};
use crate::storage::faults::from_redb;
use crate::storage::keys::{Key, KeyCost, KeyRing};
use crate::storage::memtable::Changed;
use crate::storage::sealing::{seal, unseal};
use crate::storage::vault::{Unlock, Vault, VaultOptions};

/// The id of a data subject.
pub(super) type Subject = [u8; 16];
/// Keys that are in no file yet, sealed for it.
type SealedKeys = Vec<(Subject, Vec<u8>)>;
/// The key of a data subject, wiped on drop.
pub(super) type SubjectKey = Zeroizing<[u8; 32]>;

/// Subject ids to sealed keys.
pub(super) const SUBJECTS: TableDefinition<'static, &'static [u8], &'static [u8]> =
    TableDefinition::new(SUBJECTS_NAME);
/// Its name.
pub(super) const SUBJECTS_NAME: &str = "subjects";
/// Keys that are kept in memory.
const MAX_CACHED: usize = 4_096;

/// The keys of data subjects of one database.
pub struct SubjectKeys {
    opened: RwLock<Arc<Opened>>,
    random: Arc<dyn Random>,
    cache: Mutex<Cache>,
    /// Keys that commits take along and that the file does not have yet.
    pending: Mutex<HashMap<Subject, SubjectKey>>,
    /// Held while the file and the cache change together, so that a destroyed key never comes back.
    pub(super) changing: Mutex<()>,
}

/// The open file.
pub(super) struct Opened {
    /// The vault that it is.
    pub(super) vault: Vault,
    /// Seals the keys in it.
    pub(super) wrapping: Zeroizing<[u8; 32]>,
}

impl SubjectKeys {
    /// Makes the file on an empty device. It opens with a key that derives from the file `data`.
    pub(super) fn create(device: Arc<dyn Device>, owner: &KeyRing, options: &VaultOptions) -> Result<()> {
        let vault = Vault::create(device, options, &file_key(owner), KeyCost::default())?;
        let transaction = begin(&vault)?;
        transaction.open_table(SUBJECTS).map_err(from_redb)?;
        transaction.commit().map_err(from_redb)
    }

    /// Opens the file that belongs to an open file `data`.
    pub(super) fn open(device: Arc<dyn Device>, owner: &KeyRing, options: &VaultOptions) -> Result<Self> {
        let vault = Vault::open(device, options, &Unlock::Key(&file_key(owner))).map_err(foreign)?;
        let wrapping = vault.ring.derive("subject");
        let random = Arc::clone(&options.random);
        let opened = RwLock::new(Arc::new(Opened { vault, wrapping }));
        let (cache, pending, changing) = Default::default();
        Ok(Self { opened, random, cache, pending, changing })
    }

    /// Lets no key be made, kept or destroyed before this is dropped.
    pub(super) fn hold(&self) -> MutexGuard<'_, ()> {
        lock(&self.changing)
    }

    /// Goes on with another file that has the same keys, which were held since it was made.
    ///
    /// # Errors
    /// As the open.
    pub(super) fn reopen(
        &self,
        path: &Path,
        owner: &KeyRing,
        options: &VaultOptions,
        _held: &MutexGuard<'_, ()>,
    ) -> Result<()> {
        let other = Self::open(Arc::new(FileDevice::open(path)?), owner, options)?;
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = other.opened();
        Ok(())
    }

    /// The file as it is now.
    pub(super) fn opened(&self) -> Arc<Opened> {
        Arc::clone(&self.opened.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys of several subjects, in the order asked. Those who have none get one, which is durable
    /// when this returns; one fsync for all of them.
    ///
    /// # Errors
    /// [`Code::Io`], [`Code::Damaged`]; [`Code::Stopped`] after an earlier fault.
    pub fn ensure_many(&self, subjects: &[Subject]) -> Result<Vec<SubjectKey>> {
        if let Some(keys) = self.all_cached(subjects) {
            return Ok(keys);
        }
        let _guard = lock(&self.changing);
        let known = self.load(subjects)?;
        let mut drawn: HashMap<Subject, SubjectKey> = HashMap::new();
        for (subject, _) in subjects.iter().zip(&known).filter(|(_, key)| key.is_none()) {
            drawn.entry(*subject).or_insert_with(|| self.draw());
        }
        self.store(&drawn)?;
        let pairs = subjects.iter().zip(known);
        let keys = pairs.filter_map(|(subject, known)| known.or_else(|| drawn.get(subject).cloned()));
        Ok(keys.collect())
    }

    /// The keys of several subjects, in the order asked, and those of them that are in no file yet,
    /// sealed: whoever uses such a key commits it along, so that it is durable as soon as what it seals.
    /// Those who have no key get one. No fsync.
    ///
    /// # Errors
    /// As [`SubjectKeys::ensure_many`].
    pub fn take_along(&self, subjects: &[Subject]) -> Result<(Vec<SubjectKey>, SealedKeys)> {
        let _guard = lock(&self.changing);
        let opened = self.opened();
        let (mut keys, mut along) = (Vec::with_capacity(subjects.len()), Vec::new());
        for (subject, known) in subjects.iter().zip(self.load(subjects)?) {
            let key = match known {
                Some(key) => key,
                None => lock(&self.pending).entry(*subject).or_insert_with(|| self.draw()).clone(),
            };
            if lock(&self.pending).contains_key(subject) {
                let sealed = seal(&opened.wrapping, subject, key.as_slice(), self.random.as_ref());
                along.push((*subject, sealed));
            }
            keys.push(key);
        }
        Ok((keys, along))
    }

    /// Brings keys to the file, durably, as they were sealed for it.
    ///
    /// # Errors
    /// [`Code::Io`], [`Code::Damaged`] for what is no key.
    pub(super) fn keep(&self, sealed: Vec<Changed>) -> Result<()> {
        if sealed.is_empty() {
            return Ok(());
        }
        let _guard = lock(&self.changing);
        let keys = self.unseal_all(sealed)?;
        self.store(&keys)?;
        lock(&self.pending).retain(|subject, _| !keys.contains_key(subject));
        Ok(())
    }

    /// Learns keys that the journal holds and the file does not have yet.
    ///
    /// # Errors
    /// [`Code::Damaged`] for what is no key.
    pub(super) fn expect(&self, sealed: Vec<Changed>) -> Result<()> {
        let _guard = lock(&self.changing);
        let keys = self.unseal_all(sealed)?;
        lock(&self.pending).extend(keys);
        Ok(())
    }

    fn unseal_all(&self, sealed: Vec<Changed>) -> Result<HashMap<Subject, SubjectKey>> {
        let opened = self.opened();
        let unsealed = sealed.into_iter().map(|(subject, sealed)| {
            let damaged = |_| Error::new(Code::Damaged).rule("subject key");
            let subject: Subject = subject.try_into().map_err(damaged)?;
            Ok((subject, opened.unseal(&subject, sealed.as_deref().unwrap_or_default())?))
        });
        unsealed.collect()
    }

    /// The key of a subject, or `None` where it never had one or it was destroyed.
    ///
    /// # Errors
    /// As [`SubjectKeys::ensure_many`].
    pub fn get(&self, subject: &Subject) -> Result<Option<SubjectKey>> {
        if let Some(key) = self.known(subject) {
            return Ok(Some(key));
        }
        let _guard = lock(&self.changing);
        Ok(self.load(&[*subject])?.pop().flatten())
    }

    /// Destroys the key of a subject, durably; says whether there was one. Copies of this file that
    /// were made before still hold it.
    ///
    /// # Errors
    /// As [`SubjectKeys::ensure_many`].
    pub fn destroy(&self, subject: &Subject) -> Result<bool> {
        let _guard = lock(&self.changing);
        lock(&self.cache).remove(subject);
        lock(&self.pending).remove(subject);
        let opened = self.opened();
        let transaction = opened.begin()?;
        let mut table = transaction.open_table(SUBJECTS).map_err(from_redb)?;
        let existed = table.remove(subject.as_slice()).map_err(from_redb)?.is_some();
        drop(table);
        transaction.commit().map_err(from_redb)?;
        Ok(existed)
    }

    fn all_cached(&self, subjects: &[Subject]) -> Option<Vec<SubjectKey>> {
        let cache = lock(&self.cache);
        subjects.iter().map(|subject| cache.get(subject)).collect()
    }

    /// A key that is known without a look into the file.
    fn known(&self, subject: &Subject) -> Option<SubjectKey> {
        let cached = lock(&self.cache).get(subject);
        cached.or_else(|| lock(&self.pending).get(subject).cloned())
    }

    /// The keys of several subjects; those that are read from the file stay in the cache.
    fn load(&self, subjects: &[Subject]) -> Result<Vec<Option<SubjectKey>>> {
        let mut keys: Vec<Option<SubjectKey>> = subjects.iter().map(|subject| self.known(subject)).collect();
        if keys.iter().all(Option::is_some) {
            return Ok(keys);
        }
        let opened = self.opened();
        let transaction = opened.vault.database.begin_read().map_err(from_redb)?;
        let table = transaction.open_table(SUBJECTS).map_err(from_redb)?;
        for (subject, key) in subjects.iter().zip(&mut keys).filter(|(_, key)| key.is_none()) {
            let Some(sealed) = table.get(subject.as_slice()).map_err(from_redb)? else { continue };
            let found = opened.unseal(subject, sealed.value())?;
            lock(&self.cache).insert(*subject, found.clone());
            *key = Some(found);
        }
        Ok(keys)
    }

    /// Writes keys durably, and into the cache.
    pub(super) fn store(&self, keys: &HashMap<Subject, SubjectKey>) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let opened = self.opened();
        let transaction = opened.begin()?;
        let mut table = transaction.open_table(SUBJECTS).map_err(from_redb)?;
        for (subject, key) in keys {
            let sealed = seal(&opened.wrapping, subject, key.as_slice(), self.random.as_ref());
            table.insert(subject.as_slice(), sealed.as_slice()).map_err(from_redb)?;
        }
        drop(table);
        transaction.commit().map_err(from_redb)?;
        let mut cache = lock(&self.cache);
        for (subject, key) in keys {
            cache.insert(*subject, key.clone());
        }
        Ok(())
    }

    fn draw(&self) -> SubjectKey {
        let mut key = Zeroizing::new([0; 32]);
        self.random.fill(key.as_mut_slice());
        key
    }
}

impl Opened {
    /// The key of a subject as the file has it.
    pub(super) fn unseal(&self, subject: &Subject, sealed: &[u8]) -> Result<SubjectKey> {
        unseal_key(&self.wrapping, subject, sealed)
    }

    fn begin(&self) -> Result<WriteTransaction> {
        begin(&self.vault)
    }
}

/// The key of a subject as a file with this wrapping key has it.
pub(super) fn unseal_key(wrapping: &[u8; 32], subject: &Subject, sealed: &[u8]) -> Result<SubjectKey> {
    let plain = unseal(wrapping, subject, sealed)?;
    let bytes = plain.first_chunk::<32>().filter(|_| plain.len() == 32);
    Ok(Zeroizing::new(*bytes.ok_or_else(|| Error::new(Code::Damaged).rule("subject key"))?))
}

/// Begins to write so that an open after a crash need not walk the file.
fn begin(vault: &Vault) -> Result<WriteTransaction> {
    let mut transaction = vault.database.begin_write().map_err(from_redb)?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

impl std::fmt::Debug for SubjectKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SubjectKeys(..)")
    }
}

/// Keys in memory; the one that came first leaves first.
#[derive(Default)]
struct Cache {
    keys: HashMap<Subject, SubjectKey>,
    order: VecDeque<Subject>,
}

impl Cache {
    fn get(&self, subject: &Subject) -> Option<SubjectKey> {
        self.keys.get(subject).cloned()
    }

    fn insert(&mut self, subject: Subject, key: SubjectKey) {
        if self.keys.insert(subject, key).is_some() {
            return;
        }
        self.order.push_back(subject);
        if self.order.len() > MAX_CACHED
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }

    fn remove(&mut self, subject: &Subject) {
        if self.keys.remove(subject).is_some() {
            self.order.retain(|known| known != subject);
        }
    }
}

/// The key of this file, which whoever opened the file `data` can derive.
pub(super) fn file_key(owner: &KeyRing) -> Key {
    Key::derived(owner.derive("subject-key-file"))
}

/// The caller's key was right, so a refusal here means that the two files do not belong together.
fn foreign(error: Error) -> Error {
    if error.code() == Code::WrongKey || error.code() == Code::NotADatabase {
        return Error::new(Code::Damaged).rule("the file `keys` belongs to another database").because(error);
    }
    error
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
