//! A stable view: the tables as the last checkpoint left them, with the commits since laid over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::Result;
use crate::storage::kept::{Kept, Made, Recalled, Source};
use crate::storage::log_format::decode_row;
use crate::storage::memtable::Memtable;
use crate::storage::overlay::scan_over;
use crate::storage::store::{Family, Head, Keyspace, LogEntry, LogVisitor, Page, RangeRequest, Snapshot};
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
    /// Keeps the versions that this view sees, in a store that would forget them.
    pub(super) _lease: Option<Arc<Lease>>,
}

/// The numbers of commits that views see, each with how many see it.
pub(super) type Leases = Arc<Mutex<BTreeMap<u64, usize>>>;

/// A view that is there.
pub(super) struct Lease {
    leases: Leases,
    sequence: u64,
}

impl Lease {
    /// Notes a view of a commit, until it is dropped.
    pub(super) fn new(leases: &Leases, sequence: u64) -> Arc<Self> {
        *leases.lock().unwrap_or_else(PoisonError::into_inner).entry(sequence).or_default() += 1;
        Arc::new(Self { leases: Arc::clone(leases), sequence })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = leases.get_mut(&self.sequence) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                leases.remove(&self.sequence);
            }
        }
    }
}

impl LayeredView {
    /// What is kept of a source.
    fn kept_of(&self, source: Source<'_>) -> Recalled {
        let kept = self.kept.as_ref();
        kept.map_or(Recalled::Nothing, |kept| kept.recall(self.sequence, source))
    }

    fn keep(&self, source: Source<'_>, made: Made, bytes: usize) {
        if let Some(kept) = &self.kept {
            kept.remember(self.sequence, source, made, bytes);
        }
    }

    /// What is kept of a source, or is read now, and kept if it was asked for before.
    fn made_or<T: Send + Sync + 'static>(
        &self,
        source: Source<'_>,
        read: impl FnOnce() -> Result<T>,
        bytes: impl FnOnce(&T) -> usize,
        copy: impl Fn(&T) -> T,
    ) -> Result<T> {
        let recalled = self.kept_of(source);
        if let Recalled::Made(made) = &recalled
            && let Some(known) = made.downcast_ref::<T>()
        {
            return Ok(copy(known));
        }
        let value = read()?;
        if let Recalled::Wanted = recalled {
            let bytes = bytes(&value).saturating_add(size_of::<T>());
            self.keep(source, Arc::new(copy(&value)), bytes);
        }
        Ok(value)
    }
}

impl Snapshot for LayeredView {
    fn get_many(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Vec<u8>>>> {
        keys.iter().map(|(keyspace, key)| self.get(*keyspace, key)).collect()
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
        if !self.recent.is_empty()
            && let Some(recent) = self.recent.get(self.sequence, Table::Of(keyspace), key)
        {
            return Ok(recent);
        }
        self.tables.as_ref().map_or(Ok(None), |tables| tables.get(keyspace, key))
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

    fn get_many_kept(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Arc<[u8]>>>> {
        let value = |(keyspace, key): &(Keyspace, &[u8])| {
            let read = || Ok(self.get(*keyspace, key)?.map(Arc::<[u8]>::from));
            let bytes = |value: &Option<Arc<[u8]>>| value.as_ref().map_or(0, |value| value.len());
            self.made_or(Source::Row(*keyspace, key), read, bytes, Clone::clone)
        };
        keys.iter().map(value).collect()
    }

    fn scan_kept(&self, range: &RangeRequest) -> Result<Arc<Page>> {
        self.made_or(Source::Range(range), || self.scan(range).map(Arc::new), |page| page.bytes(), Arc::clone)
    }

    fn recall(&self, keyspace: Keyspace, key: &[u8]) -> Recalled {
        self.kept_of(Source::Row(keyspace, key))
    }

    fn remember(&self, keyspace: Keyspace, key: &[u8], made: Made, bytes: usize) {
        self.keep(Source::Row(keyspace, key), made, bytes);
    }

    fn sequence(&self) -> Option<u64> {
        Some(self.sequence)
    }

    fn changed_since(&self, family: Family, sequence: u64) -> Option<Vec<[u8; 16]>> {
        self.kept.as_ref()?.changed_between(family, sequence, self.sequence)
    }

    fn recall_answer(&self, name: &[u8]) -> Recalled {
        self.kept_of(Source::Answer(name))
    }

    fn remember_answer(&self, name: &[u8], made: Made, bytes: usize) {
        self.keep(Source::Answer(name), made, bytes);
    }

    fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>> {
        let mut entries = Vec::new();
        self.visit_log(after, max, &mut |row| {
            entries.push(row.to_entry());
            Ok(())
        })?;
        Ok(entries)
    }

    fn visit_log(&self, after: u64, max: usize, visit: LogVisitor<'_>) -> Result<()> {
        if after >= self.head.position || max == 0 {
            return Ok(());
        }
        let (low, high) = (after.saturating_add(1).to_be_bytes(), self.head.position.saturating_add(1));
        let recent = self.recent.range(self.sequence, Table::Log, (&low, &high.to_be_bytes()), false);
        let (mut recent, mut visited) = (recent.peekable(), 0_usize);
        // Entries that stood there before may have been emptied since.
        if let Some(tables) = &self.tables {
            tables.visit_log(after, max, &mut |row| {
                visited = visited.saturating_add(1);
                match recent.next_if(|(key, _)| *key == row.position.to_be_bytes()) {
                    Some((key, value)) => visit(decode_row(&key, &value.unwrap_or_default())?),
                    None => visit(row),
                }
            })?;
        }
        for (key, value) in recent.take(max.saturating_sub(visited)) {
            visit(decode_row(&key, &value.unwrap_or_default())?)?;
        }
        Ok(())
    }

    fn shared(&self) -> Option<&(dyn Snapshot + Sync)> {
        Some(self)
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

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.view().get(keyspace, key)
    }

    fn scan(&self, range: &RangeRequest) -> Result<Page> {
        self.view().scan(range)
    }

    fn get_many_kept(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Arc<[u8]>>>> {
        self.view().get_many_kept(keys)
    }

    fn scan_kept(&self, range: &RangeRequest) -> Result<Arc<Page>> {
        self.view().scan_kept(range)
    }

    fn recall(&self, keyspace: Keyspace, key: &[u8]) -> Recalled {
        self.view().kept_of(Source::Row(keyspace, key))
    }

    fn remember(&self, keyspace: Keyspace, key: &[u8], made: Made, bytes: usize) {
        self.view().keep(Source::Row(keyspace, key), made, bytes);
    }

    fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>> {
        self.view().read_log(after, max)
    }

    fn visit_log(&self, after: u64, max: usize, visit: LogVisitor<'_>) -> Result<()> {
        self.view().visit_log(after, max, visit)
    }

    fn head(&self) -> Result<Head> {
        self.view().head()
    }
}
