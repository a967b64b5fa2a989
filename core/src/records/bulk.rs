//! Many rows and entries into a store that nobody else has open, in commits of a bounded size.

use crate::base::{Patience, Result};
use crate::storage::{Keyspace, LogRecord, Store, WriteSet};

/// Changes of one commit.
const MAX_CHANGES: usize = 10_000;
/// Bytes of one commit.
const MAX_BYTES: usize = 8 * 1_024 * 1_024;

/// Collects changes and commits them from time to time. What is left is committed by [`Bulk::flush`].
pub(super) struct Bulk<'a> {
    store: &'a dyn Store,
    patience: &'a Patience,
    set: WriteSet,
    bytes: usize,
}

impl<'a> Bulk<'a> {
    pub fn new(store: &'a dyn Store, patience: &'a Patience) -> Self {
        Self { store, patience, set: WriteSet::default(), bytes: 0 }
    }

    pub fn put(&mut self, keyspace: Keyspace, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        let bytes = key.len().saturating_add(value.len());
        self.set.changes.insert((keyspace, key), Some(value));
        self.grow(bytes)
    }

    pub fn remove(&mut self, keyspace: Keyspace, key: Vec<u8>) -> Result<()> {
        let bytes = key.len();
        self.set.changes.insert((keyspace, key), None);
        self.grow(bytes)
    }

    pub fn log(&mut self, record: LogRecord) -> Result<()> {
        let bytes = record.chained.len().saturating_add(record.sealed.len());
        self.set.log.push(record);
        self.grow(bytes)
    }

    pub fn flush(&mut self) -> Result<()> {
        self.patience.check()?;
        self.bytes = 0;
        self.store.begin(self.patience)?.commit(std::mem::take(&mut self.set))?;
        Ok(())
    }

    fn grow(&mut self, bytes: usize) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        let changes = self.set.changes.len().saturating_add(self.set.log.len());
        if changes >= MAX_CHANGES || self.bytes >= MAX_BYTES { self.flush() } else { Ok(()) }
    }
}
