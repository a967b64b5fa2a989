//! The reader of the ledger that keeps the index in step: what changed is read again and indexed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::analysis::ANALYZER_VERSION;
use super::directory::FileStore;
use super::index::{Change, Cursor, Identity, Index, Rest};
use super::making::{Making, is_searchable};
use crate::base::{EntityId, Patience, RecordId, Result};
use crate::engine::{Crm, SealedFiles};
use crate::schema::{Entity, Registry};

/// The folder of the index within the database.
const FOLDER: &str = "index";
/// Entries of the ledger that one commit of the index takes in, and records that one step of making it anew reads.
const CHUNK: usize = 5_000;
/// Chunks of entries that one search takes in. More are left to the next ones, and the answer says so.
const CHUNKS_OF_A_SEARCH: usize = 10;
/// Entries that change nothing which is searched, after which the index notes how far it has come all the same, so
/// that the next open does not read them again.
const FAR: u64 = 50_000;

/// Steps for which files are left alone that took nothing, since each attempt costs what a write costs.
const STEPS_OF_A_PAUSE: u32 = 32;

/// How often it is tried to make one part of the index of all, and how long others that have parts in hand are waited for
/// between.
const MAX_COMPACTIONS: u32 = 50;
const BETWEEN_COMPACTIONS: Duration = Duration::from_millis(20);

/// Changed records that are written to the index at once. Fewer wait in memory, so that many small changes share one
/// write, which costs some ten files and as many waits for the disk, however small it is.
const MANY: usize = 1_000;

/// Texts that are taken at once, in bytes.
const MOST_BYTES: usize = 16 << 20;

/// Names that are read otherwise than usual, with their syllables.
type Readings = Vec<(String, Vec<String>)>;

/// How far an index has come that is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchProgress {
    /// Records that are found already, of those that there are.
    pub done: u64,
    /// Records that are searched.
    pub total: u64,
    /// Entries of the ledger that were not looked at yet.
    pub entries: u64,
}

impl SearchProgress {
    /// The same part of so many records.
    pub(super) fn of(self, total: u64) -> Self {
        let done = u128::from(self.done).saturating_mul(u128::from(total));
        let done = done.checked_div(u128::from(self.total)).unwrap_or_default();
        Self { done: u64::try_from(done).unwrap_or(total), total, ..self }
    }
}

/// The index of one open database, and how far it has followed. Searches share it; what brings it forward has it alone.
pub(super) struct Feed {
    state: RwLock<State>,
    /// Whoever writes parts of the index anew has this, before the state: one would wait for the other's parts, and a
    /// purge that waits too long begins the index anew.
    parts: Mutex<()>,
}

pub(super) struct State {
    pub index: Index,
    /// The registry that the identity was worked out from.
    registry: Arc<Registry>,
    /// The readings that the identity was worked out from.
    readings: Readings,
    /// Entries of the ledger that the last step has left to the next one.
    left: u64,
    /// Steps until files are written again that took nothing.
    pause: u32,
    /// Position up to which nothing is missing but what is still to be read of older records; ahead of the index's own
    /// cursor where the last entries changed no record.
    seen: u64,
}

impl Feed {
    /// The feed of a database, opened at its first use.
    pub fn of(crm: &Crm) -> Result<Arc<Self>> {
        crm.slot(|| {
            let (registry, readings) = (crm.registry(), crm.readings());
            let (index, _) = Index::open_or_create(Arc::new(crm.sealed_files(FOLDER)), identity(crm))?;
            let pause = if index.is_refused() { STEPS_OF_A_PAUSE } else { 0 };
            let mut state = State { index, registry, readings, left: 0, pause, seen: 0 };
            state.resume(crm)?;
            Ok(Self { state: RwLock::new(state), parts: Mutex::default() })
        })
    }

    /// The index, brought up to the newest durable entry of the ledger. Where it is far behind, because it was lost or
    /// very much was written, it is brought forward a step, the newest records first, and answers by what it has:
    /// [`State::behind`] says so.
    pub fn caught_up(&self, crm: &Crm, patience: &Patience) -> Result<RwLockReadGuard<'_, State>> {
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if state.is_current(crm)? {
                return Ok(state);
            }
        }
        self.alone().brought_forward(crm, patience)?;
        Ok(self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The index for somebody who changes it, when nothing is left to be done, however long that takes.
    pub fn complete(&self, crm: &Crm, patience: &Patience) -> Result<RwLockWriteGuard<'_, State>> {
        loop {
            let mut state = self.alone();
            if state.is_current(crm)? && !state.index.is_refused() {
                return Ok(state);
            }
            state.pause = 0;
            if state.index.is_refused() {
                state.index.settle()?;
            }
            // Others search between the steps.
            state.brought_forward(crm, patience)?;
            if let Some(SearchProgress { done, total, .. }) = state.progress(crm)? {
                patience.tell("search", done, total);
            }
        }
    }

    /// Makes one part of the index of all, if nothing else keeps its parts in hand for long. Others search meanwhile.
    pub fn compact(&self) -> Result<()> {
        let _parts = self.parts();
        for _ in 0..MAX_COMPACTIONS {
            let Some(merging) = self.alone().index.begin_compaction()? else { break };
            if merging.wait() {
                break;
            }
            std::thread::sleep(BETWEEN_COMPACTIONS);
        }
        self.alone().index.compacted()
    }

    /// Takes out of the complete index what it still holds of records that changed or are gone.
    pub fn purge(&self, crm: &Crm, patience: &Patience) -> Result<u64> {
        let _parts = self.parts();
        self.complete(crm, patience)?.purge()
    }

    /// How far it is, without bringing it forward; nothing where it is complete.
    pub fn progress(&self, crm: &Crm) -> Result<Option<SearchProgress>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).progress(crm)
    }

    fn alone(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn parts(&self) -> MutexGuard<'_, ()> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Goes on where the index stopped, if it followed this ledger and not one that was lost.
    fn resume(&mut self, crm: &Crm) -> Result<()> {
        self.seen = 0;
        let Some(cursor) = self.index.cursor() else { return Ok(()) };
        let known = crm.entry_at(cursor.position)?;
        if known.is_some_and(|head| head.position == cursor.position && head.hash == cursor.chain) {
            self.seen = cursor.position;
            return Ok(());
        }
        self.index.reset()
    }

    /// Takes out what the index still holds of records that changed or are gone. What is wrong with it makes it
    /// begin anew, which leaves nothing of them either.
    pub fn purge(&mut self) -> Result<u64> {
        self.index.settle()?;
        self.index.purge()
    }

    /// How far the step has come that a search has taken; nothing where nothing is left to be done.
    pub fn behind(&self, crm: &Crm) -> Result<Option<SearchProgress>> {
        if self.left == 0 && self.index.rest().is_none() { Ok(None) } else { self.progress(crm) }
    }

    /// How far it is; nothing where nothing is left to be done.
    pub fn progress(&self, crm: &Crm) -> Result<Option<SearchProgress>> {
        let entries = crm.head()?.position.saturating_sub(self.seen);
        let staged = u64::try_from(self.index.staged()).unwrap_or(u64::MAX);
        let found = |rest: Rest| rest.done.saturating_sub(staged);
        let rest = if self.index.reached().is_none() { Some(0) } else { self.index.rest().map(found) };
        if entries == 0 && rest.is_none() {
            return Ok(None);
        }
        let mut total = 0_u64;
        for entity in crm.registry().entities().iter().filter(|entity| is_searchable(entity)) {
            total = total.saturating_add(crm.live_unchecked(entity)?);
        }
        Ok(Some(SearchProgress { done: rest.unwrap_or(total).min(total), total, entries }))
    }

    /// Whether what is searched how is as it was.
    fn is_of(&self, crm: &Crm, registry: &Arc<Registry>) -> bool {
        Arc::ptr_eq(&self.registry, registry) && self.readings == crm.readings()
    }

    fn is_current(&self, crm: &Crm) -> Result<bool> {
        Ok(self.is_of(crm, &crm.registry())
            && self.index.reached().is_some()
            && self.index.rest().is_none()
            && self.seen >= crm.head()?.position)
    }

    /// A step forward. Whatever is wrong with the index, it is a projection and made anew from the records. Where its
    /// files take no bytes it answers by what it has, and keeps what is new in memory as far as that goes.
    fn brought_forward(&mut self, crm: &Crm, patience: &Patience) -> Result<()> {
        if self.catch_up(crm, patience).is_ok() {
            return Ok(());
        }
        patience.check()?;
        // What was emptied, and is to wait in memory from now on, is to be fed with everything again.
        if self.index.is_refused() && self.index.reached().is_some() {
            self.pause = STEPS_OF_A_PAUSE;
            return self.follow(crm, &crm.registry(), patience);
        }
        self.index.reset()?;
        if self.index.is_refused() {
            self.pause = STEPS_OF_A_PAUSE;
        }
        self.catch_up(crm, patience)
    }

    fn catch_up(&mut self, crm: &Crm, patience: &Patience) -> Result<()> {
        let registry = crm.registry();
        if !self.is_of(crm, &registry) {
            let wanted = identity(crm);
            if wanted != self.index.identity() {
                self.index.begin_as(wanted)?;
            }
            self.registry = Arc::clone(&registry);
            self.readings = crm.readings();
        }
        if self.index.reached().is_none() {
            self.begin(crm, &registry)?;
        }
        self.follow(crm, &registry, patience)?;
        if self.pause > 0 {
            self.pause = self.pause.saturating_sub(1);
            return if self.index.stands_in() { self.read_some(crm, &registry, patience) } else { Ok(()) };
        }
        if self.index.is_refused() {
            self.index.settle()?;
            if self.index.reached().is_none() {
                self.begin(crm, &registry)?;
            }
            self.follow(crm, &registry, patience)?;
        }
        self.read_some(crm, &registry, patience)
    }

    /// An empty index, which follows what is written from now on; older records are still to be read.
    fn begin(&mut self, crm: &Crm, registry: &Registry) -> Result<()> {
        let head = crm.head()?;
        let first = kind_below(registry, u32::MAX);
        self.index.set_rest(first.map(|kind| Rest { kind: kind.number(), below: None, done: 0 }));
        self.index.apply(&[], Cursor { position: head.position, chain: head.hash })?;
        self.seen = head.position;
        Ok(())
    }

    /// Takes in what was written since.
    fn follow(&mut self, crm: &Crm, registry: &Registry, patience: &Patience) -> Result<()> {
        self.left = 0;
        // What waits in memory must not grow by more than it may at once.
        let chunk = if self.index.is_refused() { MANY } else { CHUNK };
        for _ in 0..CHUNKS_OF_A_SEARCH {
            if self.seen >= crm.head()?.position {
                return Ok(());
            }
            if self.index.is_stuffed() {
                break;
            }
            patience.check()?;
            let (changed, last) = crm.changed_after(self.seen, chunk)?;
            let Some(changes) = self.changes(crm, registry, &changed)? else { break };
            let kept = self.index.cursor().map_or(0, |cursor| cursor.position);
            let cursor = Cursor { position: last.position, chain: last.hash };
            let is_much = changes.len() >= MANY || last.position.saturating_sub(kept) >= FAR;
            if is_much && !self.index.is_refused() {
                self.index.apply(&changes, cursor)?;
            } else if !changes.is_empty() {
                self.index.take(&changes, cursor)?;
            }
            self.seen = last.position;
        }
        self.left = crm.head()?.position.saturating_sub(self.seen);
        Ok(())
    }

    /// What is to be taken of records that changed. Where that is very much, what came first is taken already, and comes
    /// again where it was not all; nothing where no more can wait.
    fn changes(
        &mut self,
        crm: &Crm,
        registry: &Registry,
        changed: &BTreeSet<(EntityId, RecordId)>,
    ) -> Result<Option<Vec<Change>>> {
        let making = Making::of(crm, registry)?;
        let (mut changes, mut bytes) = (Vec::new(), 0_usize);
        for (entity, id) in changed {
            let Some(change) = making.change(*entity, *id)? else { continue };
            bytes = bytes.saturating_add(change.bytes());
            changes.push(change);
            if bytes < MOST_BYTES {
                continue;
            }
            if self.index.is_stuffed() {
                return Ok(None);
            }
            self.take_early(&std::mem::take(&mut changes))?;
            bytes = 0;
        }
        Ok(Some(changes))
    }

    /// Takes what others follow, without a step of the cursor.
    fn take_early(&mut self, changes: &[Change]) -> Result<()> {
        let Some(cursor) = self.index.reached() else { return Ok(()) };
        if self.index.is_refused() {
            self.index.take(changes, cursor)
        } else {
            self.index.apply(changes, cursor)
        }
    }

    /// Reads some of the older records that are still to be read, the newest first.
    fn read_some(&mut self, crm: &Crm, registry: &Registry, patience: &Patience) -> Result<()> {
        if self.index.is_stuffed() {
            return Ok(());
        }
        let mut left = if self.index.is_refused() { MANY } else { CHUNK };
        let mut changes = Vec::new();
        let Some(cursor) = self.index.reached() else { return Ok(()) };
        let Some(mut rest) = self.index.rest() else { return Ok(()) };
        let making = Making::of(crm, registry)?;
        let (mut next, mut bytes) = (Some(rest), 0_usize);
        while left > 0 && next.is_some() {
            patience.check()?;
            let kind = EntityId::new(rest.kind);
            let below = rest.below.map(RecordId::from_bytes);
            let (records, last) = crm.newest_unchecked(kind, (below, left), patience)?;
            left = left.saturating_sub(records.len());
            rest.done = rest.done.saturating_add(u64::try_from(records.len()).unwrap_or(u64::MAX));
            for record in &records {
                let change = Change::Upsert(making.document(record)?);
                bytes = bytes.saturating_add(change.bytes());
                changes.push(change);
                if bytes >= MOST_BYTES {
                    self.take_early(&std::mem::take(&mut changes))?;
                    bytes = 0;
                }
            }
            rest.below = last.map(|last| *last.as_bytes());
            next = Some(rest);
            if last.is_none() {
                let kind = kind_below(registry, rest.kind);
                next = kind.map(|kind| Rest { kind: kind.number(), ..rest });
                rest = next.unwrap_or(rest);
            }
        }
        self.index.set_rest(next);
        self.index.stage(&changes, cursor)
    }
}

/// The searched entity with the next lower number.
fn kind_below(registry: &Registry, kind: u32) -> Option<EntityId> {
    let searched = registry.entities().iter().filter(|entity| is_searchable(entity));
    searched.map(Entity::id).filter(|id| id.number() < kind).max_by_key(|id| id.number())
}

/// What the index is built from: the database, and which of its fields are searchable how.
pub(super) fn identity(crm: &Crm) -> Identity {
    let registry = crm.registry();
    let mut hash = Sha256::new();
    for entity in registry.entities() {
        for field in entity.fields() {
            if let Some(class) = field.definition.search {
                hash.update(entity.id().number().to_be_bytes());
                hash.update(field.id().number().to_be_bytes());
                hash.update([class as u8]);
            }
        }
    }
    for (name, syllables) in crm.readings() {
        hash.update(format!("{name}={}\n", syllables.join(" ")));
    }
    let digest: [u8; 32] = hash.finalize().into();
    let head = digest.first_chunk::<8>().copied().unwrap_or_default();
    Identity {
        database_id: *crm.identity().as_bytes(),
        schema_version: u64::from_be_bytes(head),
        analyzer_version: ANALYZER_VERSION,
    }
}

impl FileStore for SealedFiles {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(Self::read(self, name)?.map(|bytes| bytes.to_vec()))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        Self::write(self, name, bytes)
    }

    fn exists(&self, name: &str) -> Result<bool> {
        Self::exists(self, name)
    }

    fn delete(&self, name: &str) -> Result<()> {
        Self::delete(self, name).map(|_| ())
    }

    fn clear(&self) -> Result<()> {
        Self::clear(self)
    }

    fn is_authenticated(&self) -> bool {
        true
    }
}
