//! The embedded store: commits go to memory and to the journal, checkpoints bring them to the tables.
//!
//! A commit takes its place under the writer's turn, and the next writer goes on at once on top of it.
//! It is durable when the journal is, and whoever waits for that first writes the journal for all who
//! wait: one fsync for the group. Readers see what is durable. Nobody else is told of a commit before,
//! so when a journal cannot be written, all of its group failed, and the store stops.

use std::ops::RangeInclusive;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redb::ReadableDatabase;

use crate::base::{Code, Error, Patience, Random, Result};
use crate::storage::commit_format::Commit;
use crate::storage::journal::{Generation, Journal};
use crate::storage::kept::Kept;
use crate::storage::layered_view::{LayeredView, Sees};
use crate::storage::memtable::{Changed, Memtable};
use crate::storage::store::{
    Caps, ChainLink, CommitId, Committed, Durability, Head, SLOW_COMMIT, Settled, Snapshot, Store,
    StoreStatistics, StoreTransaction, WriteSet,
};
use crate::storage::subject_keys::SubjectKeys;
use crate::storage::tables::{self, Batch, Reached, Stretch, Table, TableView, stretches};
use crate::storage::turns::{Turn, Turns};
use crate::storage::vault::Vault;

/// The bounds of the memory of recent commits at which a checkpoint is due, which is a quarter of that for pages. It
/// bounds what a reopen after a crash reads.
const CHECKPOINT_BYTES: RangeInclusive<usize> = 8 * 1_024 * 1_024..=32 * 1_024 * 1_024;
/// One part in so many of the memory for pages is that of recent commits.
const RECENT_OF_CACHE: usize = 4;
/// A commit of at least one part in so many of that memory goes to the tables at once: hardly another one would share
/// a checkpoint with it, and through the journal it would be written twice.
const DIRECT_OF_RECENT: usize = 2;
/// Longest wait for others to join a group.
const LONGEST_LINGER: Duration = Duration::from_millis(5);
/// How often who lingers looks whether all have joined.
const LOOK_AGAIN: Duration = Duration::from_micros(100);
/// The bounds of what a power cut may take back where commits are relaxed.
const RELAXED_COMMITS: u64 = 1_000;
const RELAXED_BYTES: usize = 1_024 * 1_024;
const RELAXED_AGE: Duration = Duration::from_secs(1);

/// When commits are durable, and when they go to the tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) durability: Durability,
    /// Memory of recent commits at which a checkpoint is due.
    checkpoint_bytes: usize,
}

impl Pace {
    /// The pace of a store with so many bytes for pages. Commits that share a checkpoint share the pages that they
    /// change, and the more of them do, the less each costs.
    pub(super) fn new(durability: Durability, cache_bytes: usize) -> Self {
        let bytes = cache_bytes / RECENT_OF_CACHE;
        let checkpoint_bytes = bytes.clamp(*CHECKPOINT_BYTES.start(), *CHECKPOINT_BYTES.end());
        Self { durability, checkpoint_bytes }
    }
}

/// The embedded store.
pub(super) struct EmbeddedStore {
    chain: ChainLink,
    pace: Pace,
    random: Arc<dyn Random>,
    /// Where keys of data subjects go at a checkpoint.
    subjects: Option<Arc<SubjectKeys>>,
    /// What is kept of rows that are read often.
    kept: Option<Arc<Kept>>,
    /// Commits that the open found in the journal.
    replayed: u64,
    turns: Turns,
    journal: Mutex<Journal>,
    state: Mutex<State>,
    moved: Condvar,
}

/// What all threads share.
struct State {
    // The view of the tables goes before the vault that it is of.
    tables: Arc<TableView>,
    vault: Arc<Vault>,
    /// What was committed since the last checkpoint.
    recent: Arc<Memtable>,
    /// The newest commit, and the log after it.
    accepted: (u64, Head),
    /// The newest commit that is durable, and the log after it.
    durable: (u64, Head),
    /// The newest commit that the journal has, durable or not.
    written: u64,
    /// Commits that the journal does not have yet, encoded.
    pending: Vec<u8>,
    /// Bytes in the journal that are not durable yet.
    unsynced_bytes: usize,
    /// When the oldest commit that is not durable was made.
    waiting_since: Option<Instant>,
    /// Ids of commits since the last checkpoint.
    ids: Vec<(u64, CommitId)>,
    /// Threads that wait for something to move.
    waiters: usize,
    /// Somebody has the journal or the tables in hand.
    working: bool,
    /// A copy of the tables that is being made, and how far it has come.
    copy: Option<Copy>,
    /// Rows are on their way from the tables to the copy, so the tables stay as they are.
    copying: bool,
    /// Nothing may be accepted: the tables are being brought up to date.
    checkpointing: bool,
    /// A write failed, and nobody knows what reached the disk.
    stopped: bool,
    /// The newest commit that was under way when the store stopped.
    failed_upto: u64,
    /// How long the last group took to become durable.
    last_flush: Duration,
    counts: StoreStatistics,
}

/// A copy of the tables in another file. What it has reached is kept in step at every checkpoint.
#[derive(Clone)]
struct Copy {
    vault: Arc<Vault>,
    reached: Option<Reached>,
}

impl EmbeddedStore {
    /// Opens the store in a vault, and brings what its journal holds to the tables.
    ///
    /// # Errors
    /// [`Code::Damaged`], [`Code::NewerFormat`], [`Code::Io`].
    pub(super) fn open(
        vault: Arc<Vault>,
        journal: Journal,
        chain: ChainLink,
        pace: Pace,
        random: Arc<dyn Random>,
        subjects: Option<Arc<SubjectKeys>>,
        copy: Option<Arc<Vault>>,
    ) -> Result<Self> {
        let tables = Arc::new(TableView::of(&vault)?);
        let generation = tables.generation()?;
        let head = tables.head()?;
        let reached = copy.as_ref().map(|copy| TableView::of(copy)?.reached()).transpose()?.flatten();
        let state = State {
            tables,
            vault,
            recent: Arc::default(),
            accepted: (0, head),
            durable: (0, head),
            written: 0,
            pending: Vec::new(),
            unsynced_bytes: 0,
            waiting_since: None,
            ids: Vec::new(),
            waiters: 0,
            working: false,
            copy: copy.map(|vault| Copy { vault, reached }),
            copying: false,
            checkpointing: false,
            stopped: false,
            failed_upto: 0,
            last_flush: Duration::ZERO,
            counts: StoreStatistics::default(),
        };
        let (journal, state) = (Mutex::new(journal), Mutex::new(state));
        let mut store = Self {
            chain,
            pace,
            random,
            subjects,
            kept: None,
            replayed: 0,
            turns: Turns::default(),
            journal,
            state,
            moved: Condvar::new(),
        };
        // A journal that cannot be read keeps what it holds: a store that is stopped leaves it alone when it
        // is dropped.
        store.replayed = store.replay(generation).inspect_err(|_| store.lock().stop())?;
        Ok(store)
    }

    /// From here on, so many bytes are for what is made of rows that are read often.
    pub(super) fn keep(&mut self, bytes: usize) {
        self.kept = Kept::new(bytes).map(Arc::new);
    }

    /// Reads the journal that continues the tables, and says how many commits there were. They stay in the
    /// journal, and in memory, as if the process had never ended; only where the journal cannot go on do
    /// they go to the tables first.
    fn replay(&self, generation: Option<Generation>) -> Result<u64> {
        let mut state = self.lock();
        let mut goes_on = false;
        if let Some(generation) = generation {
            let mut journal = self.journal();
            goes_on = journal.replay(&generation, &mut |text| {
                for commit in Commit::decode_all(text)? {
                    let known = state.accepted.1;
                    let newest = newest_entry(&commit).transpose()?;
                    // A commit may do no more than empty entries that stood before.
                    let head = newest.filter(|newest| newest.position > known.position).unwrap_or(known);
                    state.accept(commit, head);
                }
                Ok(())
            })?;
            if goes_on && state.accepted.0 > 0 {
                // The system may have what a process wrote that died before its fsync. Nothing is built on
                // it, or told to anybody, before it is on the medium.
                journal.sync()?;
            }
            state.counts.journal_bytes = journal.length();
        }
        let replayed = state.accepted;
        if goes_on && state.recent.bytes() < self.pace.checkpoint_bytes {
            if let Some(subjects) = &self.subjects {
                subjects.expect(state.recent.all(Table::SubjectKeys))?;
            }
            state.written = replayed.0;
            state.became_durable(replayed);
        } else {
            drop(self.bring_to_tables(state, None)?);
        }
        Ok(replayed.0)
    }

    /// Commits that the open found in the journal.
    pub(super) fn replayed(&self) -> u64 {
        self.replayed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.wait_at_most(state, Duration::MAX)
    }

    /// Waits until something has moved, or for some time.
    fn wait_at_most<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        longest: Duration,
    ) -> MutexGuard<'a, State> {
        state.waiters += 1;
        let waited = self.moved.wait_timeout(state, longest);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.waiters -= 1;
        state
    }

    /// Wakes whoever waits; a call of the system that nobody waits for is not made.
    fn has_moved(&self, state: &State) {
        if state.waiters > 0 {
            self.moved.notify_all();
        }
    }

    /// Waits until nobody has journal and tables in hand.
    fn idle(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        while state.working {
            state = self.wait(state);
        }
        state.check_running()?;
        Ok(state)
    }

    /// Gives a write set its place behind all others. The caller has the writer's turn.
    fn accept(&self, writes: WriteSet) -> Result<(u64, Head)> {
        let mut state = self.lock();
        while state.checkpointing {
            state = self.wait(state);
        }
        state.check_running()?;
        let (commit, head) = Commit::of(writes, state.accepted.1, self.chain)?;
        commit.encode(&mut state.pending);
        // Nobody sees the commit before it is accepted.
        self.forget(state.accepted.0 + 1, &commit.changes);
        state.count(commit.size());
        state.accept(commit, head);
        state.waiting_since.get_or_insert_with(Instant::now);
        Ok(state.accepted)
    }

    /// Forgets what is kept of rows that a commit changes.
    fn forget(&self, sequence: u64, changes: &[Stretch]) {
        let Some(kept) = &self.kept else { return };
        for (table, stretch) in changes {
            if let Table::Of(keyspace) = table {
                stretch.iter().for_each(|(key, _)| kept.forget(sequence, *keyspace, key));
            }
        }
    }

    /// Waits until a commit is durable, and makes it so if nobody else does. Where others may commit meanwhile, it is
    /// waited a little for them.
    fn wait_until_durable(&self, sequence: u64, others_may_join: bool) -> Result<()> {
        let mut state = self.lock();
        let mut lingered = !others_may_join;
        while state.durable.0 < sequence {
            if state.stopped {
                return Err(state.failure(sequence));
            }
            if state.working {
                state = self.wait(state);
            } else if lingered {
                state = self.write_journal(state, true)?;
            } else {
                state = self.linger(state);
                lingered = true;
            }
        }
        Ok(())
    }

    /// Lets those who are about to commit join the group: not longer than the fsync took that they
    /// would otherwise wait for, so nobody loses more than is won.
    fn linger<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let began = Instant::now();
        let longest = state.last_flush.min(LONGEST_LINGER);
        while !state.working && self.turns.are_wanted() && began.elapsed() < longest {
            state = self.wait_at_most(state, LOOK_AGAIN);
        }
        state
    }

    /// Writes what the journal does not have yet, and makes it durable if that is asked.
    fn write_journal<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        durably: bool,
    ) -> Result<MutexGuard<'a, State>> {
        state.working = true;
        let text = std::mem::take(&mut state.pending);
        let upto = state.accepted;
        let (grouped, bytes) = (!text.is_empty(), text.len());
        drop(state);

        let began = Instant::now();
        let written = {
            let mut journal = self.journal();
            let appended = if grouped { journal.append(text) } else { Ok(()) };
            let synced = appended.and_then(|()| if durably { journal.sync() } else { Ok(()) });
            synced.map(|()| journal.length())
        };

        let mut state = self.lock();
        state.working = false;
        self.has_moved(&state);
        match written {
            // Kept here because a reader of statistics must not wait for a sync.
            Ok(length) => state.counts.journal_bytes = length,
            Err(error) => {
                state.stop();
                return Err(error.into());
            }
        }
        state.counts.groups += u64::from(grouped);
        state.written = upto.0;
        state.unsynced_bytes += bytes;
        if durably {
            state.counts.syncs += 1;
            state.last_flush = began.elapsed();
            state.became_durable(upto);
        }
        // While rows are copied, the next group will see to it.
        if state.recent.bytes() >= self.pace.checkpoint_bytes && !state.copying {
            state = self.bring_to_tables(state, None)?;
        }
        Ok(state)
    }

    /// Brings all that was committed to the tables, with one more write set on top if there is one, and
    /// begins a new generation of the journal. Nobody else may work meanwhile; readers go on.
    fn bring_to_tables<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        last: Option<WriteSet>,
    ) -> Result<MutexGuard<'a, State>> {
        while state.working || state.copying {
            state = self.wait(state);
        }
        state.check_running()?;
        (state.working, state.checkpointing) = (true, true);
        let copy = state.copy.clone();
        let (vault, recent, accepted) = (Arc::clone(&state.vault), Arc::clone(&state.recent), state.accepted);
        let mut ids: Vec<CommitId> = state.ids.iter().map(|(_, id)| *id).collect();
        drop(state);

        let mut generation = [0; 16];
        self.random.fill(&mut generation);
        let mut counted = None;
        let brought: Result<((u64, Head), Arc<TableView>, bool)> = (|| {
            let mut batch = Batch { generation, ..Batch::default() };
            let mut keys = Vec::new();
            batch.changes.extend(without_keys(stretches(recent.newest()), &mut keys));
            let mut reached = accepted;
            if let Some(writes) = last {
                ids.push(writes.id);
                let (commit, head) = Commit::of(writes, accepted.1, self.chain)?;
                self.forget(accepted.0 + 1, &commit.changes);
                counted = Some(commit.size());
                batch.changes.extend(without_keys(commit.changes, &mut keys));
                reached = (accepted.0 + 1, head);
            }
            if let Some(subjects) = &self.subjects {
                // First, since nothing that is sealed under a key may outlive it.
                subjects.keep(keys)?;
            }
            ids.retain(|id| *id != CommitId::default());
            batch.ids = ids;
            // The copy first: if the original fails, the journal still has it all for both.
            let copied = copy.map(|copy| match &copy.reached {
                Some(reached) => tables::apply_to_copy(&copy.vault, &batch, reached),
                None => Ok(()),
            });
            tables::apply(&vault, &batch)?;
            Ok((reached, Arc::new(TableView::of(&vault)?), copied.is_some_and(|copied| copied.is_err())))
        })();

        let mut state = self.lock();
        (state.working, state.checkpointing) = (false, false);
        self.has_moved(&state);
        let (reached, tables, copy_failed) = brought.inspect_err(|_| state.stop())?;
        if copy_failed {
            // The original is whole. Whoever makes the copy learns of it at the next step.
            state.copy = None;
        }
        state.tables = tables;
        state.recent = Arc::default();
        state.ids.clear();
        state.pending.clear();
        (state.accepted, state.written) = (reached, reached.0);
        state.became_durable(reached);
        state.counts.checkpoints += 1;
        counted.into_iter().for_each(|size| state.count(size));
        self.journal().restart(generation);
        Ok(state)
    }

    /// Commits a large write set, with the turn held until it is in the tables.
    fn commit_directly(&self, writes: WriteSet) -> Result<Head> {
        let state = self.idle()?;
        let state = self.bring_to_tables(state, Some(writes))?;
        Ok(state.accepted.1)
    }

    /// Keeps a copy of the tables in step from here on, as far as it has come.
    ///
    /// # Errors
    /// `storage.stopped`.
    pub(super) fn follow(&self, vault: Arc<Vault>, reached: Option<Reached>) -> Result<()> {
        self.idle()?.copy = Some(Copy { vault, reached });
        Ok(())
    }

    /// Whether there is a copy of which something is true.
    pub(super) fn follows(&self, is_right: impl FnOnce(&Vault) -> bool) -> bool {
        let copy = self.lock().copy.as_ref().map(|copy| Arc::clone(&copy.vault));
        copy.is_some_and(|copy| is_right(&copy))
    }

    /// Leaves a copy to itself.
    pub(super) fn forget_copy(&self) {
        self.lock().copy = None;
    }

    /// Copies some rows more; says whether all of them are in the copy. Commits go on meanwhile.
    ///
    /// # Errors
    /// [`Code::Io`] of the copy, after which the store goes on without it; those of the store.
    pub(super) fn copy_some(&self, bytes: usize) -> Result<(u64, bool)> {
        let (tables, copy) = {
            let mut state = self.lock();
            while state.working || state.copying {
                state = self.wait(state);
            }
            state.check_running()?;
            let copy = state.copy.clone().ok_or_else(|| Error::new(Code::Io).rule("the copy"))?;
            state.copying = true;
            (Arc::clone(&state.tables), copy)
        };
        let copied = (|| {
            let (mut rows, reached) = tables.rows_after(copy.reached.as_ref(), bytes)?;
            rows.generation = tables.generation()?.unwrap_or_default();
            let count: usize = rows.changes.iter().map(|(_, stretch)| stretch.len()).sum();
            tables::extend_copy(&copy.vault, rows, &reached)?;
            Ok((count as u64, reached))
        })();
        let mut state = self.lock();
        state.copying = false;
        self.has_moved(&state);
        match copied {
            Ok((count, reached)) => {
                let end = reached == Reached::End;
                state.copy = Some(Copy { reached: Some(reached), ..copy });
                Ok((count, end))
            }
            Err(error) => {
                state.copy = None;
                Err(error)
            }
        }
    }

    /// Puts the whole copy in the place of the original, between two commits. `exchange` does the same
    /// to the files, and gives the copy's vault as it is to be used from here on.
    ///
    /// # Errors
    /// Those of `exchange`, after which the store stops; those of the store.
    pub(super) fn exchange(&self, exchange: impl FnOnce(Arc<Vault>) -> Result<Arc<Vault>>) -> Result<()> {
        let _turn = self.turns.take(&Patience::default())?;
        let state = self.idle()?;
        let mut state = self.bring_to_tables(state, None)?;
        let copy = state.copy.take().ok_or_else(|| Error::new(Code::Io).rule("the copy"))?;
        if copy.reached != Some(Reached::End) {
            return Err(Error::new(Code::InvalidArgument).rule("the copy is not whole"));
        }
        let generation = state.tables.generation()?.unwrap_or_default();
        // A failure in the midst leaves nobody sure which file stands under which name.
        let vault = exchange(copy.vault).inspect_err(|_| state.stop())?;
        let tables = Arc::new(TableView::of(&vault).inspect_err(|_| state.stop())?);
        let mut journal = self.journal();
        journal.change_key(&vault.ring, Arc::clone(&self.random));
        journal.restart(generation);
        // The tables hold all that its records say. If they stay, the next open passes over them.
        let _ = journal.shrink();
        state.counts.journal_bytes = journal.length();
        state.tables = tables;
        state.vault = vault;
        Ok(())
    }

    /// The vault that holds the tables now.
    pub(super) fn vault(&self) -> Arc<Vault> {
        Arc::clone(&self.lock().vault)
    }

    /// Rows of all tables.
    pub(super) fn rows(&self) -> Result<u64> {
        let tables = Arc::clone(&self.lock().tables);
        tables.rows()
    }

    /// Hands a relaxed commit to the system, and to the medium when the window is full.
    fn hand_over(&self, sequence: u64) -> Result<()> {
        let mut state = self.lock();
        while state.written < sequence {
            if state.stopped {
                return Err(state.failure(sequence));
            }
            state = if state.working {
                self.wait(state)
            } else {
                let durably = state.window_is_full();
                self.write_journal(state, durably)?
            };
        }
        Ok(())
    }

    /// Keeps the promise about the age of relaxed commits, at any call.
    fn keep_window(&self) -> Result<()> {
        if self.pace.durability == Durability::Durable {
            return Ok(());
        }
        let state = self.lock();
        let old = state.waiting_since.is_some_and(|since| since.elapsed() >= RELAXED_AGE);
        if old && !state.working && !state.stopped {
            drop(self.write_journal(state, true)?);
        }
        Ok(())
    }

    fn view(&self, sees: fn(&State) -> (u64, Head)) -> Result<LayeredView> {
        self.keep_window()?;
        let state = self.lock();
        state.check_running()?;
        let (sequence, head) = sees(&state);
        let (tables, recent) = (Some(Arc::clone(&state.tables)), Arc::clone(&state.recent));
        Ok(LayeredView { tables, recent, kept: self.kept.clone(), sequence, head, _lease: None })
    }

    fn note_duration(&self, began: Instant) {
        let took = began.elapsed();
        let mut state = self.lock();
        state.counts.slow_commits += u64::from(took >= SLOW_COMMIT);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        state.counts.longest_commit_micros = state.counts.longest_commit_micros.max(micros);
    }
}

impl State {
    fn check_running(&self) -> Result<()> {
        if self.stopped { Err(Error::new(Code::Stopped)) } else { Ok(()) }
    }

    fn stop(&mut self) {
        self.stopped = true;
        self.failed_upto = self.accepted.0;
    }

    /// What a commit that was under way when the store stopped is told.
    fn failure(&self, sequence: u64) -> Error {
        if sequence <= self.failed_upto {
            return Error::new(Code::Io).rule("the journal could not be written");
        }
        Error::new(Code::Stopped)
    }

    /// Counts a commit that a caller makes, with its rows and their bytes.
    fn count(&mut self, (rows, bytes): (usize, usize)) {
        self.counts.commits += 1;
        self.counts.changed_rows += rows as u64;
        self.counts.changed_bytes += bytes as u64;
    }

    fn accept(&mut self, commit: Commit, head: Head) {
        let sequence = self.accepted.0 + 1;
        if commit.id != CommitId::default() {
            self.ids.push((sequence, commit.id));
        }
        for (table, (key, value)) in commit.into_each() {
            self.recent.insert(sequence, table, key, value);
        }
        self.accepted = (sequence, head);
    }

    fn became_durable(&mut self, upto: (u64, Head)) {
        self.durable = upto;
        self.unsynced_bytes = 0;
        self.waiting_since = (self.accepted.0 > upto.0).then(Instant::now);
    }

    fn window_is_full(&self) -> bool {
        self.accepted.0 - self.durable.0 >= RELAXED_COMMITS
            || self.unsynced_bytes + self.pending.len() >= RELAXED_BYTES
            || self.waiting_since.is_some_and(|since| since.elapsed() >= RELAXED_AGE)
    }
}

/// Takes the keys of data subjects out of what goes to the tables.
fn without_keys(changes: Vec<Stretch>, keys: &mut Vec<Changed>) -> impl Iterator<Item = Stretch> {
    changes.into_iter().filter_map(move |(table, stretch)| {
        if table == Table::SubjectKeys {
            keys.extend(stretch);
            return None;
        }
        Some((table, stretch))
    })
}

/// The newest entry of the log in a commit, as a head.
fn newest_entry(commit: &Commit) -> Option<Result<Head>> {
    let (_, log) = commit.changes.iter().rev().find(|(table, _)| *table == Table::Log)?;
    let (key, value) = log.last()?;
    let entry = crate::storage::log_format::decode_entry(key, value.as_deref().unwrap_or_default());
    Some(entry.map(|entry| Head { position: entry.position, hash: entry.hash }))
}

impl Drop for EmbeddedStore {
    /// Leaves nothing in the journal. If that cannot be written, the next open reads the journal.
    fn drop(&mut self) {
        let Ok(state) = self.idle() else { return };
        let brought = if state.recent.is_empty() { Ok(state) } else { self.bring_to_tables(state, None) };
        if brought.map(drop).is_ok() {
            // What stays behind is skipped by the next open, which then takes a little longer.
            let _ = self.journal().shrink();
        }
    }
}

impl Store for EmbeddedStore {
    fn caps(&self) -> Caps {
        Caps::EMBEDDED
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>> {
        let sees: fn(&State) -> (u64, Head) = match self.pace.durability {
            Durability::Durable => |state| state.durable,
            Durability::Relaxed => |state| state.accepted,
        };
        Ok(Box::new(self.view(sees)?))
    }

    fn durable_snapshot(&self) -> Result<Box<dyn Snapshot + '_>> {
        Ok(Box::new(self.view(|state| state.durable)?))
    }

    fn begin(&self, patience: &Patience) -> Result<Box<dyn StoreTransaction + '_>> {
        self.lock().check_running()?;
        let began = Instant::now();
        let turn = self.turns.take(patience)?;
        Ok(Box::new(Writing { store: self, view: self.view(|state| state.accepted)?, turn, began }))
    }

    fn settle(&self, id: &CommitId) -> Result<Settled> {
        let (tables, recent) = {
            let state = self.lock();
            state.check_running()?;
            let durable = state.durable.0;
            let recent = state.ids.iter().any(|(sequence, known)| known == id && *sequence <= durable);
            (Arc::clone(&state.tables), recent)
        };
        let known = recent || tables.remembers(id)?;
        Ok(if known { Settled::Committed } else { Settled::Absent })
    }

    fn flush(&self) -> Result<Head> {
        let (sequence, head) = {
            let state = self.lock();
            state.check_running()?;
            state.accepted
        };
        self.wait_until_durable(sequence, true)?;
        Ok(head)
    }

    fn checkpoint(&self) -> Result<()> {
        let state = self.idle()?;
        if !state.recent.is_empty() {
            drop(self.bring_to_tables(state, None)?);
        }
        Ok(())
    }

    fn forget_kept(&self) {
        if let Some(kept) = &self.kept {
            kept.clear();
        }
    }

    fn statistics(&self) -> Result<StoreStatistics> {
        let state = self.lock();
        state.check_running()?;
        let (tables, vault, counts) =
            (Arc::clone(&state.tables), Arc::clone(&state.vault), state.counts.clone());
        let memory_bytes = state.recent.bytes() as u64;
        drop(state);
        let cache = vault.database.cache_stats();
        let tables = tables.sizes()?;
        let (file_bytes, used) =
            (vault.length()?, tables.values().map(|size| size.stored_bytes + size.overhead_bytes).sum());
        Ok(StoreStatistics {
            tables,
            file_bytes,
            free_bytes: file_bytes.saturating_sub(used),
            memory_bytes,
            kept_bytes: self.kept.as_ref().map_or(0, |kept| kept.bytes()),
            syncs: counts.syncs + vault.syncs(),
            cache_hits: cache.read_hits(),
            cache_misses: cache.read_misses(),
            ..counts
        })
    }
}

/// The writer's turn with its stable view: nobody else can commit while it is held.
struct Writing<'a> {
    store: &'a EmbeddedStore,
    view: LayeredView,
    turn: Turn<'a>,
    began: Instant,
}

impl Writing<'_> {
    fn check(&self, writes: &WriteSet) -> Result<()> {
        self.store.lock().check_running()?;
        writes.check_limits(self.store.caps())?;
        // With one writer at a time, the view of the writer is the newest there is, and what is guarded is as it was.
        writes.check_creates(&self.view)
    }
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
        (*self).commit_with(writes, None)
    }

    fn commit_and(self: Box<Self>, writes: WriteSet, publish: &mut dyn FnMut()) -> Result<Committed> {
        (*self).commit_with(writes, Some(publish))
    }
}

impl Writing<'_> {
    /// Commits, and keeps the turn until a function has run that is to see the commit durable.
    fn commit_with(self, writes: WriteSet, publish: Option<&mut dyn FnMut()>) -> Result<Committed> {
        self.check(&writes)?;
        let Self { store, view, turn, began } = self;
        if writes.is_empty() {
            publish.into_iter().for_each(|publish| publish());
            return Ok(Committed { head: view.head });
        }
        // The view goes first: pages that only it still sees can then be used again.
        drop(view);
        if writes.bytes() >= store.pace.checkpoint_bytes / DIRECT_OF_RECENT {
            let head = store.commit_directly(writes)?;
            publish.into_iter().for_each(|publish| publish());
            return Ok(Committed { head });
        }
        let (sequence, head) = store.accept(writes)?;
        match publish {
            Some(publish) => {
                // Who holds the turn keeps everybody out, and would wait for nobody.
                store.wait_until_durable(sequence, false)?;
                publish();
                drop(turn);
            }
            None => {
                drop(turn);
                match store.pace.durability {
                    Durability::Durable => store.wait_until_durable(sequence, true)?,
                    Durability::Relaxed => store.hand_over(sequence)?,
                }
            }
        }
        store.note_duration(began);
        Ok(Committed { head })
    }
}
