//! The trait behind which bytes are kept: snapshots, one commit at a time, and a log without gaps.

use std::collections::BTreeMap;

use crate::base::{Patience, Result};

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
}

/// A range of keys: `low` inclusive, `high` exclusive, in either direction.
#[derive(Debug, Clone)]
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

/// Rows of a range in its direction.
#[derive(Debug, Default)]
pub struct Page {
    /// Keys and values.
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the range holds more rows beyond the last one of this page.
    pub more: bool,
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

    /// The value of one key.
    ///
    /// # Errors
    /// As [`Snapshot::get_many`].
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.get_many(&[(keyspace, key)])?.pop().flatten())
    }

    /// Entries of the log after a position, oldest first, at most `max`.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>>;

    /// The newest entry of the log.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    fn head(&self) -> Result<Head>;
}

/// The right to commit once, with a stable view until then. Dropping it leaves nothing behind.
pub trait StoreTransaction: Snapshot {
    /// Makes all of a write set durable, or nothing of it.
    ///
    /// # Errors
    /// `storage.io` after which the store stops; `storage.stopped` when it has; `input.limit_exceeded`.
    fn commit(self: Box<Self>, writes: WriteSet) -> Result<Committed>;
}

/// Where bytes are kept.
pub trait Store: Send + Sync {
    /// What this store can take.
    fn caps(&self) -> Caps;

    /// A stable view of the newest durable state.
    ///
    /// # Errors
    /// `storage.stopped`, `storage.io`.
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>>;

    /// Waits for the writer's turn, first come first served.
    ///
    /// # Errors
    /// `engine.deadline_exceeded`, `engine.cancelled`, `storage.stopped`.
    fn begin(&self, patience: &Patience) -> Result<Box<dyn StoreTransaction + '_>>;
}

/// Everything one commit changes. Maps keep keys sorted, which is the cheap order to insert in.
#[derive(Debug, Default)]
pub struct WriteSet {
    /// `Some` puts a value, `None` deletes the key.
    pub changes: BTreeMap<(Keyspace, Vec<u8>), Option<Vec<u8>>>,
    /// Entries for the log, in order; the store gives positions and chains them.
    pub log: Vec<LogRecord>,
}

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
