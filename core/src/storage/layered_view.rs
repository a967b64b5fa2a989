//! A stable view: the tables as the last checkpoint left them, with the commits since laid over.

use std::sync::Arc;

use crate::base::Result;
use crate::storage::kept::{Kept, Made, Recalled};
use crate::storage::log_format::decode_entry;
use crate::storage::memtable::Memtable;
use crate::storage::overlay::scan_over;
use crate::storage::store::{Head, Keyspace, LogEntry, Page, RangeRequest, Snapshot};
use crate::storage::tables::{Table, TableView};

/// What one reader, or the writer, sees.
#[derive(Clone)]
pub(super) struct LayeredView {
    /// The tables; a store that has none is in memory alone.
    pub(super) tables: Option<Arc<TableView>>,
    /// The commits since.
    pub(super) recent: Arc<Memtable>,
    /// What is kept of rows; nothing where nothing is.
    pub(super) kept: Option<Arc<Kept>>,
    /// The newest commit that this view sees.
    pub(super) sequence: u64,
    /// The newest entry of the log that this view sees.
    pub(super) head: Head,
}

impl Snapshot for LayeredView {
    fn get_many(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Vec<u8>>>> {
        let nothing_recent = self.recent.is_empty();
        keys.iter()
            .map(|(keyspace, key)| {
                if !nothing_recent
                    && let Some(recent) = self.recent.get(self.sequence, Table::Of(*keyspace), key)
                {
                    return Ok(recent);
                }
                self.tables.as_ref().map_or(Ok(None), |tables| tables.get(*keyspace, key))
            })
            .collect()
    }

    fn scan(&self, range: &RangeRequest) -> Result<Page> {
        if range.low >= range.high || range.max_rows == 0 {
            return Ok(Page::default());
        }
        let stored = |range: &RangeRequest| {
            self.tables.as_ref().map_or_else(|| Ok(Page::default()), |tables| tables.scan(range))
        };
        if self.recent.is_empty() {
            return stored(range);
        }
        let bounds = (range.low.as_slice(), range.high.as_slice());
        let recent = self.recent.range(self.sequence, Table::Of(range.keyspace), bounds, range.reverse);
        scan_over(range, recent, stored)
    }

    fn recall(&self, keyspace: Keyspace, key: &[u8]) -> Recalled {
        let kept = self.kept.as_ref();
        kept.map_or(Recalled::Nothing, |kept| kept.recall(self.sequence, keyspace, key))
    }

    fn remember(&self, keyspace: Keyspace, key: &[u8], made: Made, bytes: usize) {
        if let Some(kept) = &self.kept {
            kept.remember(self.sequence, keyspace, key, made, bytes);
        }
    }

    fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>> {
        if after >= self.head.position {
            return Ok(Vec::new());
        }
        let stored = self.tables.as_ref().map(|tables| tables.read_log(after, max)).transpose()?;
        let mut entries = stored.unwrap_or_default();
        let last = entries.last().map_or(after, |entry| entry.position);
        // Entries that stood there before may have been emptied since.
        let (low, high) = (after.saturating_add(1).to_be_bytes(), last.saturating_add(1).to_be_bytes());
        for (key, value) in self.recent.range(self.sequence, Table::Log, (&low, &high), false) {
            let newer = decode_entry(&key, &value.unwrap_or_default())?;
            if let Some(entry) = entries.iter_mut().find(|entry| entry.position == newer.position) {
                *entry = newer;
            }
        }
        let (low, high) = (last.saturating_add(1).to_be_bytes(), self.head.position.saturating_add(1));
        let recent = self.recent.range(self.sequence, Table::Log, (&low, &high.to_be_bytes()), false);
        for (key, value) in recent.take(max.saturating_sub(entries.len())) {
            entries.push(decode_entry(&key, &value.unwrap_or_default())?);
        }
        Ok(entries)
    }

    fn head(&self) -> Result<Head> {
        Ok(self.head)
    }
}

/// A transaction, which sees what its view sees.
pub(super) trait Sees: Send {
    /// The view of its begin.
    fn view(&self) -> &LayeredView;
}

impl<T: Sees> Snapshot for T {
    fn get_many(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Vec<u8>>>> {
        self.view().get_many(keys)
    }

    fn scan(&self, range: &RangeRequest) -> Result<Page> {
        self.view().scan(range)
    }

    fn recall(&self, keyspace: Keyspace, key: &[u8]) -> Recalled {
        self.view().recall(keyspace, key)
    }

    fn remember(&self, keyspace: Keyspace, key: &[u8], made: Made, bytes: usize) {
        self.view().remember(keyspace, key, made, bytes);
    }

    fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>> {
        self.view().read_log(after, max)
    }

    fn head(&self) -> Result<Head> {
        self.view().head()
    }
}
