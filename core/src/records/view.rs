//! What one transaction has changed so far, laid over the store's stable view: a write sees itself.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

use crate::access::{AccessClass, ClassId, Policy};
use crate::base::{Code, EntityId, Error, FieldId, Random, RecordId, Result};
use crate::records::classes::{EPOCH, Staleness, raise_epoch};
use crate::records::envelope::DELETED;
use crate::records::ledger::{PendingEntry, seal_entry};
use crate::records::{EntryKind, FieldChange, read_epoch};
use crate::storage::{
    CommitId, Head, Keyspace, LogEntry, LogVisitor, Made, Page, RangeRequest, Recalled, Snapshot,
    StoreTransaction, SubjectKeys, WriteSet, scan_over,
};

/// Seals and opens the values of ledger entries under the keys of their data subjects.
pub struct Sealer {
    /// Keys of persons.
    pub subjects: Arc<SubjectKeys>,
    /// Key for values that belong to no person.
    database_key: RwLock<Zeroizing<[u8; 32]>>,
    /// Source of nonces and salts.
    pub random: Arc<dyn Random>,
}

/// Where the key lies that seals values of no person, once it no longer follows from the data key.
pub(super) const KEPT_KEY: &[u8] = b"secret.ledger";

impl std::fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sealer")
    }
}

/// The keys of data subjects.
type KeysOf = BTreeMap<RecordId, Zeroizing<[u8; 32]>>;
/// Keys that are in no file yet, sealed.
type NewKeys = Vec<([u8; 16], Vec<u8>)>;

impl Sealer {
    /// A sealer whose key for values of no person follows from the data key.
    #[must_use]
    pub fn new(subjects: Arc<SubjectKeys>, derived: Zeroizing<[u8; 32]>, random: Arc<dyn Random>) -> Self {
        Self { subjects, database_key: RwLock::new(derived), random }
    }

    /// The key for values that belong to no person.
    pub(super) fn database_key(&self) -> Zeroizing<[u8; 32]> {
        self.database_key.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Uses the key that a database keeps in place of the derived one, if it keeps one.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn use_kept_key(&self, snapshot: &dyn Snapshot) -> Result<()> {
        let kept = snapshot.get(Keyspace::Meta, KEPT_KEY)?.map(Zeroizing::new);
        kept.map_or(Ok(()), |kept| self.use_key(&kept))
    }

    /// Uses a key in place of the derived one.
    ///
    /// # Errors
    /// `storage.damaged` for what is no key.
    pub(super) fn use_key(&self, kept: &[u8]) -> Result<()> {
        let damaged = || Error::new(Code::Damaged).rule("secret.ledger");
        let key = Zeroizing::new(*kept.first_chunk::<32>().filter(|_| kept.len() == 32).ok_or_else(damaged)?);
        *self.database_key.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(())
    }

    /// Keeps the key for values of no person in the database, so that it stays when the data key changes.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn keep_key(&self, view: &mut WriteView<'_>) -> Result<()> {
        if view.get(Keyspace::Meta, KEPT_KEY)?.is_none() {
            view.put(Keyspace::Meta, KEPT_KEY.to_vec(), self.database_key().to_vec());
        }
        Ok(())
    }

    /// The keys of several subjects, and the new ones among them, which the commit takes along.
    fn keys(&self, subjects: &[RecordId]) -> Result<(KeysOf, NewKeys)> {
        if subjects.is_empty() {
            return Ok((KeysOf::new(), NewKeys::new()));
        }
        let bytes: Vec<[u8; 16]> = subjects.iter().map(|id| *id.as_bytes()).collect();
        let (keys, along) = self.subjects.take_along(&bytes)?;
        Ok((subjects.iter().copied().zip(keys).collect(), along))
    }

    /// The key of a subject, or of the database; `None` for a person who was forgotten.
    pub(super) fn find_key(&self, subject: Option<RecordId>) -> Result<Option<Zeroizing<[u8; 32]>>> {
        match subject {
            None => Ok(Some(self.database_key())),
            Some(subject) => self.subjects.get(subject.as_bytes()),
        }
    }
}

/// The view of a writer: the store as it was when the writer's turn came, and the changes since.
pub struct WriteView<'a> {
    base: Box<dyn StoreTransaction + 'a>,
    changes: BTreeMap<(Keyspace, Vec<u8>), Option<Vec<u8>>>,
    entries: Vec<PendingEntry>,
    /// Entries of the ledger whose values are taken out.
    emptied: Vec<LogEntry>,
    /// The position that the first entry will have, where the store lets a writer know it.
    first_position: Option<u64>,
    /// The caller's name for the commit.
    id: CommitId,
    /// What each change since the first savepoint replaced, so that a part can be taken back.
    undo: Option<Vec<Undo>>,
    epoch: u64,
    /// What the commit makes stale, so that it raises the epoch. The view itself keeps the epoch of its begin, since the
    /// permits of this transaction are of that one.
    stale: Staleness,
    /// Access classes that are new in this transaction.
    interned: Vec<(ClassId, AccessClass)>,
    /// The policy of the view, which has the access classes in memory.
    policy: Option<Arc<Policy>>,
}

/// What a transaction has done to a record.
#[derive(Debug, Clone, Copy)]
pub struct Entered<'a> {
    /// Whether it made, changed or deleted it.
    pub kind: EntryKind,
    /// The entity.
    pub entity: EntityId,
    /// The record.
    pub record: RecordId,
    /// What it changed.
    pub changes: &'a [FieldChange],
}

impl Entered<'_> {
    /// Whether it brought a deleted record back.
    #[must_use]
    pub fn brings_back(&self) -> bool {
        self.kind == EntryKind::Update && self.changes.iter().any(|change| change.field == DELETED)
    }

    /// Whether it changed this field of a record that stood, and nothing else of it.
    #[must_use]
    pub fn is_of(&self, field: FieldId) -> bool {
        let others = self.changes.iter().any(|change| change.field != field);
        self.kind == EntryKind::Update && !self.changes.is_empty() && !others
    }
}

/// A key, and the change that stood there before, if one did.
type Undo = ((Keyspace, Vec<u8>), Option<Option<Vec<u8>>>);

/// A point of a transaction to which it can go back.
#[derive(Debug, Clone, Copy)]
pub struct Savepoint {
    changes: usize,
    entries: usize,
    interned: usize,
    stale: Staleness,
}

impl<'a> WriteView<'a> {
    /// The view over a store transaction.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn new(base: Box<dyn StoreTransaction + 'a>) -> Result<Self> {
        let epoch = read_epoch(base.as_ref())?;
        let (changes, entries, interned) = (BTreeMap::new(), Vec::new(), Vec::new());
        let id = CommitId::default();
        let known = base.caps().positions_follow_view;
        let first_position = if known { base.head()?.position.checked_add(1) } else { None };
        Ok(Self {
            base,
            changes,
            entries,
            emptied: Vec::new(),
            first_position,
            id,
            undo: None,
            epoch,
            stale: Staleness::None,
            interned,
            policy: None,
        })
    }

    /// The policy epoch when the writer's turn came; permits are checked against it.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Names the commit, so that its caller can ask later what became of it.
    pub fn name_commit(&mut self, id: CommitId) {
        self.id = id;
    }

    /// Puts a value.
    pub fn put(&mut self, keyspace: Keyspace, key: Vec<u8>, value: Vec<u8>) {
        self.change((keyspace, key), Some(value));
    }

    /// Deletes a key.
    pub fn remove(&mut self, keyspace: Keyspace, key: Vec<u8>) {
        self.change((keyspace, key), None);
    }

    /// The present point. From the first one on, every change remembers what it replaced.
    #[must_use]
    pub fn savepoint(&mut self) -> Savepoint {
        Savepoint {
            changes: self.undo.get_or_insert_default().len(),
            entries: self.entries.len(),
            interned: self.interned.len(),
            stale: self.stale,
        }
    }

    /// Takes back everything since a point.
    pub fn roll_back_to(&mut self, point: Savepoint) {
        self.entries.truncate(point.entries);
        self.interned.truncate(point.interned);
        self.stale = point.stale;
        let undo = self.undo.get_or_insert_default();
        while undo.len() > point.changes {
            match undo.pop() {
                Some((place, Some(before))) => self.changes.insert(place, before),
                Some((place, None)) => self.changes.remove(&place).flatten().map(Some),
                None => None,
            };
        }
    }

    fn change(&mut self, place: (Keyspace, Vec<u8>), value: Option<Vec<u8>>) {
        match &mut self.undo {
            None => drop(self.changes.insert(place, value)),
            Some(undo) => {
                let before = self.changes.insert(place.clone(), value);
                undo.push((place, before));
            }
        }
    }

    /// Whether this transaction changes a row.
    fn has_changed(&self, keyspace: Keyspace, key: &[u8]) -> bool {
        !self.changes.is_empty() && self.changes.contains_key(&(keyspace, key.to_vec()))
    }

    /// Whether it changes facts of the organisation.
    #[must_use]
    pub fn changes_policy(&self) -> bool {
        self.stale == Staleness::Policy
    }

    /// Makes every permit of the epochs so far stale once this is committed, and the policy too if that is said.
    pub(super) fn outdate(&mut self, staleness: Staleness) {
        self.stale = self.stale.max(staleness);
    }

    /// Looks access classes up in a policy, if it is that of this view.
    pub fn use_policy(&mut self, policy: &Arc<Policy>) {
        self.policy = Some(Arc::clone(policy)).filter(|policy| policy.epoch() == self.epoch);
    }

    /// The number of a class that the policy of the view has at hand.
    pub(super) fn known_class(&self, class: &AccessClass) -> Option<ClassId> {
        self.policy.as_ref().and_then(|policy| policy.number_of_class(class))
    }

    /// Remembers a class that permits of this epoch do not list yet.
    pub(super) fn add_class(&mut self, number: ClassId, class: AccessClass) {
        self.interned.push((number, class));
    }

    /// The access classes that are new in this transaction, in the order of their numbers.
    #[must_use]
    pub fn interned(&self) -> &[(ClassId, AccessClass)] {
        &self.interned
    }

    /// The position that the next entry will have, where the store lets a writer know it.
    pub(super) fn next_position(&self) -> Option<u64> {
        let entered = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        self.first_position.map(|first| first.saturating_add(entered))
    }

    /// Adds a ledger entry, sealed at commit.
    pub(super) fn record_entry(&mut self, entry: PendingEntry) {
        self.entries.push(entry);
    }

    /// Takes the values out of an entry that stands in the ledger; entries come in the order of their positions.
    pub(super) fn empty_entry(&mut self, entry: LogEntry) {
        self.emptied.push(entry);
    }

    /// How many keys this transaction changes so far, for bulk work that goes in chunks.
    #[must_use]
    pub fn change_count(&self) -> usize {
        self.changes.len()
    }

    /// What this transaction has done to records so far, as its entries of the ledger will say it. How records were
    /// marked anew is not among it, since that follows.
    pub fn entered(&self) -> impl Iterator<Item = Entered<'_>> + '_ {
        let of_records = self.entries.iter().filter(|entry| entry.kind.is_change());
        of_records.map(|entry| Entered {
            kind: entry.kind,
            entity: entry.entity,
            record: entry.record,
            changes: &entry.changes,
        })
    }

    /// How many entries of the ledger this transaction makes so far.
    #[must_use]
    pub fn entry_count(&self) -> usize {
        self.entries.len()
    }

    /// What the entries record that this transaction makes, from one of them on.
    pub fn entered_since(&self, first: usize) -> impl Iterator<Item = (EntryKind, EntityId, RecordId)> {
        self.entries.iter().skip(first).map(|entry| (entry.kind, entry.entity, entry.record))
    }

    /// Whether there is anything to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let entries = self.entries.is_empty() && self.emptied.is_empty();
        self.changes.is_empty() && entries && self.stale == Staleness::None
    }

    /// Seals the entries and commits everything with one durable write.
    ///
    /// # Errors
    /// As [`StoreTransaction::commit`].
    pub fn commit(self, sealer: &Sealer) -> Result<Head> {
        let (base, writes) = self.finish(sealer)?;
        Ok(base.commit(writes)?.head)
    }

    /// As [`WriteView::commit`], and runs a function when everything is durable and before the next
    /// writer has its turn.
    ///
    /// # Errors
    /// As [`WriteView::commit`].
    pub fn commit_and(self, sealer: &Sealer, publish: &mut dyn FnMut()) -> Result<Head> {
        let (base, writes) = self.finish(sealer)?;
        Ok(base.commit_and(writes, publish)?.head)
    }

    fn finish(mut self, sealer: &Sealer) -> Result<(Box<dyn StoreTransaction + 'a>, WriteSet)> {
        let stale = self.stale;
        raise_epoch(&mut self, stale);
        let mut subjects: Vec<RecordId> = self.entries.iter().filter_map(PendingEntry::subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let (keys, subject_keys) = sealer.keys(&subjects)?;
        let database_key = sealer.database_key();
        let mut log = Vec::with_capacity(self.entries.len());
        for entry in self.entries {
            let key = match entry.subject() {
                None => &database_key,
                Some(subject) => {
                    keys.get(&subject).ok_or_else(|| Error::new(Code::Panic).rule("subject key"))?
                }
            };
            log.push(seal_entry(&entry, key, sealer.random.as_ref()));
        }
        // Every permit of this transaction is of the epoch that it began with.
        let guards = [(Keyspace::Meta, EPOCH.to_vec())].into();
        Ok((
            self.base,
            WriteSet {
                guards,
                subject_keys,
                id: self.id,
                changes: self.changes,
                log,
                emptied: self.emptied,
                ..WriteSet::default()
            },
        ))
    }
}

impl Snapshot for WriteView<'_> {
    fn get_many(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Vec<u8>>>> {
        let changed: Vec<_> =
            keys.iter().map(|(keyspace, key)| self.changes.get(&(*keyspace, key.to_vec()))).collect();
        let unchanged = keys.iter().zip(&changed).filter(|(_, changed)| changed.is_none());
        let asked: Vec<(Keyspace, &[u8])> = unchanged.map(|(place, _)| *place).collect();
        let mut stored = if asked.is_empty() { Vec::new() } else { self.base.get_many(&asked)? }.into_iter();
        let values = changed.into_iter().map(|changed| match changed {
            Some(value) => value.clone(),
            None => stored.next().flatten(),
        });
        Ok(values.collect())
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let changed =
            if self.changes.is_empty() { None } else { self.changes.get(&(keyspace, key.to_vec())) };
        changed.map_or_else(|| self.base.get(keyspace, key), |value| Ok(value.clone()))
    }

    fn scan(&self, range: &RangeRequest) -> Result<Page> {
        let (low, high) = ((range.keyspace, range.low.clone()), (range.keyspace, range.high.clone()));
        if low >= high {
            return Ok(Page::default());
        }
        let changed = |((_, key), value): (&(_, Vec<u8>), &Option<Vec<u8>>)| (key.clone(), value.clone());
        let changes = self.changes.range(low..high);
        if range.reverse {
            scan_over(range, changes.rev().map(changed), |range| self.base.scan(range))
        } else {
            scan_over(range, changes.map(changed), |range| self.base.scan(range))
        }
    }

    fn get_many_kept(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Arc<[u8]>>>> {
        if keys.iter().any(|(keyspace, key)| self.has_changed(*keyspace, key)) {
            return Ok(self.get_many(keys)?.into_iter().map(|value| value.map(Arc::from)).collect());
        }
        self.base.get_many_kept(keys)
    }

    fn scan_kept(&self, range: &RangeRequest) -> Result<Arc<Page>> {
        let (low, high) = ((range.keyspace, range.low.clone()), (range.keyspace, range.high.clone()));
        let is_changed = low < high && self.changes.range(low..high).next().is_some();
        if is_changed { self.scan(range).map(Arc::new) } else { self.base.scan_kept(range) }
    }

    fn recall(&self, keyspace: Keyspace, key: &[u8]) -> Recalled {
        if self.has_changed(keyspace, key) { Recalled::Nothing } else { self.base.recall(keyspace, key) }
    }

    fn remember(&self, keyspace: Keyspace, key: &[u8], made: Made, bytes: usize) {
        if !self.has_changed(keyspace, key) {
            self.base.remember(keyspace, key, made, bytes);
        }
    }

    fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>> {
        self.base.read_log(after, max)
    }

    fn visit_log(&self, after: u64, max: usize, visit: LogVisitor<'_>) -> Result<()> {
        self.base.visit_log(after, max, visit)
    }

    fn head(&self) -> Result<Head> {
        self.base.head()
    }
}
