//! A store in memory alone, for the tests of hosts: it keeps the whole contract but survives nothing.
//!
//! It can be told to answer `storage.conflict` now and then, as a store with several writers may, so
//! that a host sees whether the closures that it passes can run again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{Code, Error, Patience, Result};
use crate::storage::commit_format::Commit;
use crate::storage::layered_view::{LayeredView, Lease, Leases, Sees};
use crate::storage::memtable::Memtable;
use crate::storage::store::{
    Caps, ChainLink, CommitId, Committed, Head, Settled, Snapshot, Store, StoreStatistics, StoreTransaction,
    WriteSet,
};
use crate::storage::tables::TableSize;
use crate::storage::turns::{Turn, Turns};

/// The store.
pub(super) struct MemoryStore {
    chain: ChainLink,
    turns: Turns,
    rows: Arc<Memtable>,
    /// The views that are there, whose versions are kept.
    leases: Leases,
    state: Mutex<State>,
    /// Every how many commits one is refused; 0 for never.
    conflict_every: u64,
    attempts: AtomicU64,
}

#[derive(Default)]
struct State {
    newest: (u64, Head),
    ids: Vec<CommitId>,
}

impl MemoryStore {
    /// An empty store.
    pub(super) fn new(chain: ChainLink, conflict_every: u64) -> Self {
        Self {
            chain,
            turns: Turns::default(),
            rows: Arc::default(),
            leases: Leases::default(),
            state: Mutex::default(),
            conflict_every,
            attempts: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> LayeredView {
        // Under the lock, so that no commit comes between that forgets what this view sees.
        let state = self.lock();
        let (sequence, head) = state.newest;
        let _lease = Some(Lease::new(&self.leases, sequence));
        LayeredView { tables: None, recent: Arc::clone(&self.rows), kept: None, sequence, head, _lease }
    }

    /// The oldest commit that a view sees, or will see that is taken now.
    fn oldest(&self) -> u64 {
        let newest = self.lock().newest.0;
        let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.keys().next().map_or(newest, |oldest| newest.min(*oldest))
    }

    /// Refuses a commit when its time has come, and never twice in a row.
    fn conflict(&self) -> Result<()> {
        let attempt = self.attempts.fetch_add(1, Ordering::SeqCst) + 1;
        if self.conflict_every > 0 && attempt.is_multiple_of(self.conflict_every.max(2)) {
            return Err(Error::new(Code::Conflict).rule("asked for by the test"));
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn caps(&self) -> Caps {
        Caps::EMBEDDED
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>> {
        Ok(Box::new(self.view()))
    }

    fn durable_snapshot(&self) -> Result<Box<dyn Snapshot + '_>> {
        self.snapshot()
    }

    fn begin(&self, patience: &Patience) -> Result<Box<dyn StoreTransaction + '_>> {
        let turn = self.turns.take(patience)?;
        Ok(Box::new(Writing { store: self, view: self.view(), _turn: turn }))
    }

    fn settle(&self, id: &CommitId) -> Result<Settled> {
        let known = self.lock().ids.contains(id);
        Ok(if known { Settled::Committed } else { Settled::Absent })
    }

    fn flush(&self) -> Result<Head> {
        Ok(self.lock().newest.1)
    }

    fn checkpoint(&self) -> Result<()> {
        Ok(())
    }

    fn statistics(&self) -> Result<StoreStatistics> {
        let mut tables = BTreeMap::new();
        for (table, (key, value)) in self.rows.newest() {
            let nothing = TableSize { rows: 0, stored_bytes: 0, overhead_bytes: 0 };
            let size: &mut TableSize = tables.entry(table.name()).or_insert(nothing);
            if let Some(value) = value {
                size.rows += 1;
                size.stored_bytes += (key.len() + value.len()) as u64;
            }
        }
        let commits = self.lock().newest.0;
        let memory_bytes = self.rows.bytes() as u64;
        Ok(StoreStatistics { tables, memory_bytes, commits, ..StoreStatistics::default() })
    }
}

/// The writer's turn with its stable view.
struct Writing<'a> {
    store: &'a MemoryStore,
    view: LayeredView,
    _turn: Turn<'a>,
}

impl Sees for Writing<'_> {
    fn view(&self) -> &LayeredView {
        &self.view
    }
}

impl StoreTransaction for Writing<'_> {
    fn caps(&self) -> Caps {
        self.store.caps()
    }

    fn commit(self: Box<Self>, writes: WriteSet) -> Result<Committed> {
        self.store.conflict()?;
        self.commit_and(writes, &mut || {})
    }

    fn commit_and(self: Box<Self>, writes: WriteSet, publish: &mut dyn FnMut()) -> Result<Committed> {
        writes.check_limits(self.store.caps())?;
        writes.check_expectations(&self.view, &self.store.view())?;
        if writes.is_empty() {
            publish();
            return Ok(Committed { head: self.view.head });
        }
        let (commit, head) = Commit::of(writes, self.view.head, self.store.chain)?;
        let (sequence, id) = (self.view.sequence + 1, commit.id);
        let oldest = self.store.oldest();
        for (table, (key, value)) in commit.into_each() {
            self.store.rows.forget(oldest, table, &key);
            self.store.rows.insert(sequence, table, key, value);
        }
        let mut state = self.store.lock();
        state.newest = (sequence, head);
        state.ids.extend((id != CommitId::default()).then_some(id));
        drop(state);
        publish();
        Ok(Committed { head })
    }
}
