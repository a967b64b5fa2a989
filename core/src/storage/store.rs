//! The trait behind which bytes are kept: snapshots, one commit at a time, and a log without gaps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Code, Error, MAX_KEY_BYTES, MAX_VALUE_BYTES, Patience, Result};
use crate::storage::kept::{Made, Recalled};
use crate::storage::tables::TableSize;

/// A table of the store. Each has keys that sort by their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keyspace {
    /// Format, registry, policy and other facts of the database.
    Meta,
    /// Records.
    Records,
    /// Secondary indexes.
    Index,
    /// Unique keys, external ids and idempotency keys.
    Unique,
    /// Maintained counters.
    Aggregate,
    /// Which attachments records have, and where their bytes lie.
    Attachments,
}

impl Keyspace {
    /// Every keyspace but the log, which only a commit writes.
    pub const ALL: [Self; 6] =
        [Self::Meta, Self::Records, Self::Index, Self::Unique, Self::Aggregate, Self::Attachments];
}

/// The rows of one entity in one table, whose keys begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Family {
    keyspace: Keyspace,
    front: [u8; 5],
}

impl Family {
    /// The family of a key, and what the key has behind its front, filled up with zeros; nothing in tables whose changes
    /// nobody asks for. Records have their entity in front, and indexes and counters their kind and entity.
    #[must_use]
    pub fn of(keyspace: Keyspace, key: &[u8]) -> Option<(Self, [u8; 16])> {
        let length = match keyspace {
            Keyspace::Records => 4,
            Keyspace::Index | Keyspace::Aggregate => 5,
            Keyspace::Meta | Keyspace::Unique | Keyspace::Attachments => return None,
        };
        let (begin, behind) = key.split_at_checked(length)?;
        let (mut front, mut rest) = ([0; 5], [0; 16]);
        front.iter_mut().zip(begin).for_each(|(to, from)| *to = *from);
        rest.iter_mut().zip(behind).for_each(|(to, from)| *to = *from);
        Some((Self { keyspace, front }, rest))
    }
}

/// What an implementation can take; universal caps apply on top (`base::MAX_KEY_BYTES` …).
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    /// Largest key, in bytes.
    pub max_key_bytes: usize,
    /// Largest value, in bytes.
    pub max_value_bytes: usize,
    /// Most puts and deletes of one commit; bulk work goes in chunks of this.
    pub max_transaction_operations: usize,
    /// Most bytes of keys and values of one commit.
    pub max_transaction_bytes: usize,
    /// Whether the entries of a transaction get the positions that follow the head of its view, in their
    /// order, or the commit fails: then what is written may name them before they are given.
    pub positions_follow_view: bool,
}

impl Caps {
    /// What the stores of one process take. 10,000 records with some forty keys each fit into one commit,
    /// above which a larger batch no longer makes a row cheaper; its bytes are in memory until they are
    /// durable. A writer has its turn to itself and sees every commit that was accepted before, so it knows
    /// the positions of its entries.
    pub(super) const EMBEDDED: Self = Self {
        max_key_bytes: MAX_KEY_BYTES,
        max_value_bytes: MAX_VALUE_BYTES,
        max_transaction_operations: 500_000,
        max_transaction_bytes: 256 * 1_024 * 1_024,
        positions_follow_view: true,
    };
}

/// A range of keys: `low` inclusive, `high` exclusive, in either direction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RangeRequest {
    /// The table.
    pub keyspace: Keyspace,
    /// First key of the range, inclusive.
    pub low: Vec<u8>,
    /// End of the range, exclusive.
    pub high: Vec<u8>,
    /// From high to low.
    pub reverse: bool,
    /// Most rows of one answer, at least 1.
    pub max_rows: usize,
}

impl RangeRequest {
    /// All keys that begin with a prefix, in rising order.
    #[must_use]
    pub fn prefix(keyspace: Keyspace, prefix: &[u8], max_rows: usize) -> Self {
        Self { keyspace, low: prefix.to_vec(), high: successor(prefix), reverse: false, max_rows }
    }
}

/// The least key that is above every key with this prefix. All-0xFF prefixes end at a key of
/// `MAX_KEY_BYTES + 1` bytes of 0xFF, which no key reaches.
#[must_use]
pub fn successor(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return end;
        }
    }
    vec![0xFF; crate::base::MAX_KEY_BYTES + 1]
}

/// Who is handed rows, one after the other, by key and value.
pub type RowVisitor<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<()>;

/// Who is handed entries of the log, one after the other.
pub type LogVisitor<'a> = &'a mut dyn FnMut(LogRow<'_>) -> Result<()>;

/// Rows of a range in its direction.
#[derive(Debug, Default)]
pub struct Page {
    /// Keys and values.
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the range holds more rows beyond the last one of this page.
    pub more: bool,
}

impl Page {
    /// The memory that its rows take.
    pub(super) fn bytes(&self) -> usize {
        let row = |(key, value): &(Vec<u8>, Vec<u8>)| key.capacity().saturating_add(value.capacity());
        let places = self.rows.capacity().saturating_mul(size_of::<(Vec<u8>, Vec<u8>)>());
        self.rows.iter().map(row).fold(places, usize::saturating_add)
    }
}

/// A stable view of the store.
pub trait Snapshot: Send {
    /// The values of several keys, in the order asked.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    fn get_many(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Vec<u8>>>>;

    /// One page of a range.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    fn scan(&self, range: &RangeRequest) -> Result<Page>;

    /// One page of each of several ranges, in the order asked, as [`Snapshot::scan_kept`] has them. A store that
    /// answers over a network asks for them in one flight.
    ///
    /// # Errors
    /// As [`Snapshot::scan`].
    fn scan_many(&self, ranges: &[RangeRequest]) -> Result<Vec<Arc<Page>>> {
        ranges.iter().map(|range| self.scan_kept(range)).collect()
    }

    /// The value of one key.
    ///
    /// # Errors
    /// As [`Snapshot::get_many`].
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.get_many(&[(keyspace, key)])?.pop().flatten())
    }

    /// As [`Snapshot::get_many`], from memory where rows of counters or facts of the database are kept there because
    /// they are asked for often.
    ///
    /// # Errors
    /// As [`Snapshot::get_many`].
    fn get_many_kept(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Arc<[u8]>>>> {
        Ok(self.get_many(keys)?.into_iter().map(|value| value.map(Arc::from)).collect())
    }

    /// As [`Snapshot::scan`], from memory where pages of indexes and counters are kept there because they are asked
    /// for often.
    ///
    /// # Errors
    /// As [`Snapshot::scan`].
    fn scan_kept(&self, range: &RangeRequest) -> Result<Arc<Page>> {
        self.scan(range).map(Arc::new)
    }

    /// What is kept in memory of what readers made of a row, if it follows from the row as this view sees it.
    fn recall(&self, _keyspace: Keyspace, _key: &[u8]) -> Recalled {
        Recalled::Nothing
    }

    /// Keeps what was made of a row as this view sees it, and of nothing else, with the bytes that it takes. It is
    /// kept as long as there is room and the row stays as it is.
    fn remember(&self, _keyspace: Keyspace, _key: &[u8], _made: Made, _bytes: usize) {}

    /// The number of the newest commit that this view sees; nothing of a view that sees more than what was committed.
    fn sequence(&self) -> Option<u64> {
        None
    }

    /// What the keys of a family have behind its front that commits changed since one that this view sees; nothing where
    /// that is not known.
    fn changed_since(&self, _family: Family, _sequence: u64) -> Option<Vec<[u8; 16]>> {
        None
    }

    /// What was kept under a name that a reader chose, whatever has changed since: the reader tells what it follows
    /// from, and whether that stands, by [`Snapshot::changed_since`].
    fn recall_answer(&self, _name: &[u8]) -> Recalled {
        Recalled::Nothing
    }

    /// Keeps something under a name, with the bytes that it takes, as long as there is room.
    fn remember_answer(&self, _name: &[u8], _made: Made, _bytes: usize) {}

    /// Entries of the log after a position, oldest first, at most `max`.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>>;

    /// As [`Snapshot::read_log`], and hands each entry to a function where it lies.
    ///
    /// # Errors
    /// As [`Snapshot::read_log`], and those of the function.
    fn visit_log(&self, after: u64, max: usize, visit: LogVisitor<'_>) -> Result<()> {
        self.read_log(after, max)?.iter().try_for_each(|entry| visit(entry.row()))
    }

    /// This view for several threads at once, where they may share it.
    fn shared(&self) -> Option<&(dyn Snapshot + Sync)> {
        None
    }

    /// The newest entry of the log.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    fn head(&self) -> Result<Head>;
}

/// The right to commit once, with a stable view until then. Dropping it leaves nothing behind.
pub trait StoreTransaction: Snapshot {
    /// What the store of this transaction can take.
    fn caps(&self) -> Caps;

    /// Makes all of a write set durable, or nothing of it. Where the store is open with
    /// [`Durability::Relaxed`], it is visible when this returns and durable a little later.
    ///
    /// # Errors
    /// `storage.conflict` where a key to be created exists, a guarded one has changed, or another
    /// commit was in the way; `storage.io` after which the store stops; `storage.stopped` when it has;
    /// `input.limit_exceeded`.
    fn commit(self: Box<Self>, writes: WriteSet) -> Result<Committed>;

    /// As [`StoreTransaction::commit`], and runs a function when the commit is durable and before the
    /// next writer has its turn: for what is kept in memory beside the store.
    ///
    /// # Errors
    /// As [`StoreTransaction::commit`]; the function has not run then.
    fn commit_and(self: Box<Self>, writes: WriteSet, publish: &mut dyn FnMut()) -> Result<Committed>;
}

/// Where bytes are kept.
pub trait Store: Send + Sync {
    /// What this store can take.
    fn caps(&self) -> Caps;

    /// A stable view of the newest state that a reader may see.
    ///
    /// # Errors
    /// `storage.stopped`, `storage.io`.
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>>;

    /// A stable view of the newest state that no power cut takes back: for readers that tell others of
    /// it. The same as [`Store::snapshot`] unless the store is open with [`Durability::Relaxed`].
    ///
    /// # Errors
    /// As [`Store::snapshot`].
    fn durable_snapshot(&self) -> Result<Box<dyn Snapshot + '_>>;

    /// Waits for the writer's turn, first come first served.
    ///
    /// # Errors
    /// `engine.deadline_exceeded`, `engine.cancelled`, `storage.stopped`.
    fn begin(&self, patience: &Patience) -> Result<Box<dyn StoreTransaction + '_>>;

    /// What became of a commit whose outcome its caller does not know, for the newest thousand.
    ///
    /// # Errors
    /// `storage.stopped`, `storage.io`.
    fn settle(&self, id: &CommitId) -> Result<Settled>;

    /// Makes everything durable that was committed so far.
    ///
    /// # Errors
    /// `storage.io` after which the store stops; `storage.stopped` when it has.
    fn flush(&self) -> Result<Head>;

    /// Brings everything that was committed so far to where a reopen after a crash has nothing left to
    /// do. A host calls it when it is idle, or is about to be suspended.
    ///
    /// # Errors
    /// As [`Store::flush`].
    fn checkpoint(&self) -> Result<()>;

    /// Drops all that is kept in memory of what readers made of rows: what was read of somebody who is to be forgotten
    /// goes at once, and not when its place is wanted.
    fn forget_kept(&self) {}

    /// Sizes and counts since the open.
    ///
    /// # Errors
    /// `storage.stopped`, `storage.io`.
    fn statistics(&self) -> Result<StoreStatistics>;
}

/// When a commit is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When it returns: no power cut takes it back.
    #[default]
    Durable,
    /// A little later: a power cut may take back the newest commits, at most 1,000 of them or 1 MiB,
    /// and none that were made more than a second before the last call of the engine. What is left is
    /// always a state that was committed. A process that dies alone takes nothing back.
    Relaxed,
}

/// A name that a caller gives a commit, so that it can ask later what became of it; zeros for none.
pub type CommitId = [u8; 16];

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is there.
    Committed,
    /// Nothing of it is there, or more than a thousand named commits came after it.
    Absent,
}

/// Everything one commit changes. Maps keep keys sorted, which is the cheap order to insert in.
#[derive(Debug, Default, Clone)]
pub struct WriteSet {
    /// The caller's name for the commit.
    pub id: CommitId,
    /// `Some` puts a value, `None` deletes the key.
    pub changes: BTreeMap<(Keyspace, Vec<u8>), Option<Vec<u8>>>,
    /// Keys that must not exist before.
    pub creates: BTreeSet<(Keyspace, Vec<u8>)>,
    /// Keys that must be as the transaction's view has them. With one writer at a time they are; a
    /// store with several locks them.
    pub guards: BTreeSet<(Keyspace, Vec<u8>)>,
    /// Keys of data subjects that are in no file yet, sealed: they become durable with the commit.
    pub subject_keys: Vec<([u8; 16], Vec<u8>)>,
    /// Entries for the log, in order; the store gives positions and chains them.
    pub log: Vec<LogRecord>,
    /// Entries that stand in the log, in order and without their sealed part, which is taken out of it. What is
    /// chained stays as it is.
    pub emptied: Vec<LogEntry>,
}

impl WriteSet {
    /// Whether there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.log.is_empty() && self.emptied.is_empty()
    }

    /// Puts, deletes and entries.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.changes.len().saturating_add(self.log.len()).saturating_add(self.emptied.len())
    }

    /// Bytes of keys, values and entries.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let changes = self
            .changes
            .iter()
            .map(|((_, key), value)| key.len().saturating_add(value.as_ref().map_or(0, Vec::len)));
        let log = self.log.iter().map(|record| record.chained.len().saturating_add(record.sealed.len()));
        let emptied = self.emptied.iter().map(|entry| entry.record.chained.len());
        changes.chain(log).chain(emptied).fold(0, usize::saturating_add)
    }

    /// Refuses what is larger than a store takes, before anything is written.
    ///
    /// # Errors
    /// `input.limit_exceeded`.
    pub fn check_limits(&self, caps: Caps) -> Result<()> {
        for ((_, key), value) in &self.changes {
            check("key bytes", key.len(), caps.max_key_bytes)?;
            check("value bytes", value.as_ref().map_or(0, Vec::len), caps.max_value_bytes)?;
        }
        check("operations of one commit", self.operations(), caps.max_transaction_operations)?;
        check("bytes of one commit", self.bytes(), caps.max_transaction_bytes)
    }

    /// Refuses where a guarded key is not as the transaction's view has it, or a key to be created exists.
    ///
    /// # Errors
    /// `storage.conflict`, and those of the views.
    pub fn check_expectations(&self, view: &dyn Snapshot, newest: &dyn Snapshot) -> Result<()> {
        for (keyspace, key) in &self.guards {
            if view.get(*keyspace, key)? != newest.get(*keyspace, key)? {
                return Err(Error::new(Code::Conflict).rule("a guarded key has changed"));
            }
        }
        self.check_creates(newest)
    }

    /// Refuses where a key to be created exists.
    ///
    /// # Errors
    /// `storage.conflict`, and those of the view.
    pub fn check_creates(&self, newest: &dyn Snapshot) -> Result<()> {
        for (keyspace, key) in &self.creates {
            if newest.get(*keyspace, key)?.is_some() {
                return Err(Error::new(Code::Conflict).rule("the key exists"));
            }
        }
        Ok(())
    }
}

fn check(what: &str, actual: usize, limit: usize) -> Result<()> {
    if actual > limit {
        return Err(Error::new(Code::LimitExceeded).field(what).rule(&format!("{actual} > {limit}")));
    }
    Ok(())
}

/// Sizes of a store, and what it did since it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreStatistics {
    /// Rows and bytes by table.
    pub tables: BTreeMap<&'static str, TableSize>,
    /// Length of the file with the tables, in bytes.
    pub file_bytes: u64,
    /// Bytes of that file which no table uses.
    pub free_bytes: u64,
    /// Length of the journal, in bytes.
    pub journal_bytes: u64,
    /// Memory of what was committed since the last checkpoint, in bytes.
    pub memory_bytes: u64,
    /// Commits.
    pub commits: u64,
    /// Rows that commits put or took away, entries of the log among them.
    pub changed_rows: u64,
    /// Bytes of their keys and values.
    pub changed_bytes: u64,
    /// Records of the journal: groups of commits.
    pub groups: u64,
    /// Calls that make a file durable, of the journal and the tables.
    pub syncs: u64,
    /// Times that the journal went into the tables.
    pub checkpoints: u64,
    /// Commits that took longer than 100 ms from their first wait to their end.
    pub slow_commits: u64,
    /// The longest commit, in microseconds.
    pub longest_commit_micros: u64,
    /// Memory of what is kept of rows that are read often, in bytes.
    pub kept_bytes: u64,
    /// Pages that were found in memory.
    pub cache_hits: u64,
    /// Pages that were read from the file.
    pub cache_misses: u64,
}

/// From when on a commit counts as slow.
pub const SLOW_COMMIT: Duration = Duration::from_millis(100);

/// One entry for the log before it has a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Header and commitments: what the chain covers.
    pub chained: Vec<u8>,
    /// Sealed values: what lies beside the chain and may become unreadable.
    pub sealed: Vec<u8>,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Position, from 1, without gaps.
    pub position: u64,
    /// The chain's hash at this entry.
    pub hash: [u8; 32],
    /// What was written.
    pub record: LogRecord,
}

impl LogEntry {
    /// The entry where it lies.
    #[must_use]
    pub fn row(&self) -> LogRow<'_> {
        let LogRecord { chained, sealed } = &self.record;
        LogRow { position: self.position, hash: &self.hash, chained, sealed }
    }
}

/// One entry of the log where it lies; its parts are those of a [`LogEntry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRow<'a> {
    /// Position.
    pub position: u64,
    /// The chain's hash at this entry.
    pub hash: &'a [u8; 32],
    /// Header and commitments.
    pub chained: &'a [u8],
    /// Sealed values.
    pub sealed: &'a [u8],
}

impl LogRow<'_> {
    /// The entry by itself.
    #[must_use]
    pub fn to_entry(self) -> LogEntry {
        let record = LogRecord { chained: self.chained.to_vec(), sealed: self.sealed.to_vec() };
        LogEntry { position: self.position, hash: *self.hash, record }
    }
}

/// The newest entry: its position and hash; position 0 and zeros for an empty log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Position of the newest entry.
    pub position: u64,
    /// The chain's hash there.
    pub hash: [u8; 32],
}

/// The pure function that links an entry to the one before it: (previous hash, position, chained bytes).
pub type ChainLink = fn(&[u8; 32], u64, &[u8]) -> [u8; 32];

/// The outcome of a commit, which is durable when it is returned.
#[derive(Debug, Clone, Copy)]
pub struct Committed {
    /// The log after the commit.
    pub head: Head,
}
