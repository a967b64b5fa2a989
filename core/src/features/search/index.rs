//! The index's life: open or start anew, take changes, answer queries, and never take the engine down.
//!
//! The index is a projection of the ledger: it can be lost at any time and built again. So every
//! fault inside of it, an error of tantivy's or a panic, ends in the same way: the index is emptied,
//! its cursor is gone, and the caller feeds it from the beginning.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tantivy::index::SegmentMeta;
use tantivy::indexer::IndexWriterOptions;
use tantivy::merge_policy::LogMergePolicy;
use tantivy::query::{BooleanQuery, Occur, Query as IndexQuery};
use tantivy::{FutureResult, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, TantivyError, Term};

use super::collect::{Best, Scored};
use super::compile::{Closeness, Compiler, corrected};
use super::directory::{FileStore, IndexDirectory, MemoryFiles};
use super::like::Sample;
use super::plan::Plan;
use super::query::Query;
use super::schema::{Document, Fields, LineTokenizer, TOKENIZER};
use super::syntax::{Node, parse};
use super::tail::Tail;
use super::visibility::{OfVisible, PairsBySegment, Rarity, ReadableScopes, Visibility, rows_of_record};
use crate::base::{Code, Error, MAX_PAGE_ROWS, RecordId, Result};

/// Furthest hit that can be paged to, counted from the best one.
pub const MAX_HITS: usize = 100_000;
/// Memory for documents that wait for their commit, in bytes; as much is used as they need.
const WRITER_MEMORY: usize = 60_000_000;
/// Part of a segment's rows that may be deleted before it is rewritten. tantivy's own default never
/// rewrites.
const MAX_DELETED_RATIO: f32 = 0.3;
/// Parts of about one size that become one. Each part costs a search some microseconds for each word.
const PARTS_OF_A_MERGE: usize = 4;
/// The same while the index is made anew: a record is written once more with each merge, and most of these come to
/// nothing when all becomes one in the end.
const PARTS_WHILE_MADE: usize = 16;
/// Records of a commit while the index is made anew: as many as there are already, within these bounds.
const LEAST_STAGED: usize = 5_000;
const MOST_STAGED: usize = 20_000;
/// How often a part is taken out of the hands of other merges, and how long to wait for them between.
const MAX_PURGE_ATTEMPTS: u32 = 1_000;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// What an index was built from. An index of another identity is thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The database.
    pub database_id: [u8; 16],
    /// Version of what is searchable: which fields, analyzed how.
    pub schema_version: u64,
    /// Version of the analyzers, [`super::ANALYZER_VERSION`].
    pub analyzer_version: u32,
}

/// How far the index has followed the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Position of the last entry taken.
    pub position: u64,
    /// The chain's hash at that entry, by which a cursor of a lost future is noticed.
    pub chain: [u8; 32],
}

/// What an index that is made anew has not read yet: of one entity the records below an id, and all records of the
/// entities with lower numbers. What was written after the cursor follows beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Number of the entity.
    pub kind: u32,
    /// The id; nothing where none of its records was read yet.
    pub below: Option<[u8; 16]>,
    /// How many records were read.
    pub done: u64,
}

/// What travels in each commit.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    identity: Identity,
    cursor: Cursor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rest: Option<Rest>,
}

/// A change of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The record is now this.
    Upsert(Document),
    /// The record is gone.
    Delete(RecordId),
}

impl Change {
    /// How much text it has, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Upsert(document) => document.fields.iter().map(|(_, _, text)| text.len()).sum(),
            Self::Delete(_) => 0,
        }
    }

    /// The record that it is about.
    fn record(&self) -> RecordId {
        match self {
            Self::Upsert(document) => document.record,
            Self::Delete(record) => *record,
        }
    }
}

/// A record that answers a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The record.
    pub record: RecordId,
    /// Number of its entity.
    pub kind: u32,
    /// Its place among all hits, 0 for the best. Scores stay inside, because they tell of other records.
    pub score_rank: u64,
}

/// One page of hits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    /// The page, best first; equally good ones by record.
    pub hits: Vec<Hit>,
    /// How many records match altogether, of those the person may see.
    pub total: u64,
    /// How many of them are of each entity, by its number.
    pub kinds: BTreeMap<u32, u64>,
    /// Whether they match only with something misspelt or left out.
    pub near: bool,
    /// The text with misspelt words put right by words that stand in hits.
    pub corrected: Option<String>,
}

/// The search index of one database.
pub struct Index {
    files: Arc<dyn FileStore>,
    identity: Identity,
    /// Absent only while an emptied index could not be started again.
    engine: Option<Engine>,
    cursor: Option<Cursor>,
    /// How far the tail has come, where it is ahead of the index.
    ahead: Option<Cursor>,
    /// What is still to be read of records that are older than the cursor.
    rest: Option<Rest>,
    /// Whether the files took no bytes when they were last written.
    refused: bool,
    /// Whether nothing at all could be written to the files, so that everything waits in memory.
    stands_in: bool,
    failed: AtomicBool,
}

impl Index {
    /// Opens the index that the files hold, or starts an empty one where they hold none, a damaged one
    /// or one of another identity. Without a cursor everything must be fed again.
    ///
    /// # Errors
    /// As [`Index::reset`].
    pub fn open_or_create(files: Arc<dyn FileStore>, identity: Identity) -> Result<(Self, Option<Cursor>)> {
        let mut index = Self {
            files,
            identity,
            engine: None,
            cursor: None,
            ahead: None,
            rest: None,
            refused: false,
            stands_in: false,
            failed: AtomicBool::new(false),
        };
        match guarded(|| Engine::open(&index.files, &identity)) {
            Ok(Some((engine, payload))) => {
                index.engine = Some(engine);
                index.cursor = Some(payload.cursor);
                index.rest = payload.rest;
            }
            Ok(None) | Err(_) => index.reset()?,
        }
        let cursor = index.cursor;
        Ok((index, cursor))
    }

    /// How far the index has come durably; nothing where it is empty or failed and must be fed anew.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.cursor.filter(|_| !self.failed.load(Ordering::SeqCst))
    }

    /// How far it answers, what waits in memory included.
    #[must_use]
    pub fn reached(&self) -> Option<Cursor> {
        self.ahead.or(self.cursor).filter(|_| !self.failed.load(Ordering::SeqCst))
    }

    /// What is still to be read of records that are older than the cursor.
    #[must_use]
    pub fn rest(&self) -> Option<Rest> {
        self.rest
    }

    /// Notes what is still to be read, which becomes durable with the next commit.
    pub fn set_rest(&mut self, rest: Option<Rest>) {
        self.rest = rest;
    }

    /// Records that wait in memory for the next commit, and how many bytes they take there.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        self.engine.as_ref().map_or((0, 0), |engine| (engine.tail.len(), engine.tail.bytes()))
    }

    /// Records that are written, but neither durable nor found yet.
    pub(super) fn staged(&self) -> usize {
        self.engine.as_ref().map_or(0, |engine| engine.staged)
    }

    /// What it was built from.
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// Empties the index, which is built from something else from now on.
    ///
    /// # Errors
    /// As [`Index::reset`].
    pub(super) fn begin_as(&mut self, identity: Identity) -> Result<()> {
        self.identity = identity;
        self.reset()
    }

    /// Empties the index. Where the files take nothing, on a full disk perhaps, an index in memory stands in for it,
    /// which takes as much as may wait there ([`Index::is_refused`]).
    ///
    /// # Errors
    /// What the store answers that is behind a gate, or the fault that keeps an empty index from being made.
    pub fn reset(&mut self) -> Result<()> {
        self.engine = None;
        self.cursor = None;
        self.ahead = None;
        self.rest = None;
        let created = self.created();
        self.stands_in = created.as_ref().is_err_and(|error| error.code() == Code::Io);
        self.refused = self.stands_in;
        self.engine = Some(if self.stands_in {
            let memory: Arc<dyn FileStore> = Arc::new(MemoryFiles::new());
            guarded(|| Engine::create(&memory))?
        } else {
            created?
        });
        self.failed.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// An empty index in the files.
    fn created(&self) -> Result<Engine> {
        self.files.clear()?;
        guarded(|| Engine::create(&self.files))
    }

    /// Tries to begin an index in the files in place of the one in memory that stands in for it. It is empty, and is
    /// to be fed again, as the one in memory did not have everything.
    fn begin_in_files(&mut self) -> Result<()> {
        let engine = self.created()?;
        self.engine = Some(engine);
        (self.cursor, self.ahead, self.rest) = (None, None, None);
        (self.refused, self.stands_in) = (false, false);
        self.failed.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Takes changes, in their order, and makes them findable at once, without a commit for each: they wait
    /// in memory, at most 2,000 records or 8 MB, and go to the files together. After a crash whatever
    /// [`Index::cursor`] does not cover must come again.
    ///
    /// # Errors
    /// As [`Index::apply`].
    pub fn take(&mut self, changes: &[Change], cursor: Cursor) -> Result<()> {
        let outcome = match &mut self.engine {
            Some(engine) if !self.failed.load(Ordering::SeqCst) => guarded(|| engine.take(changes)),
            _ => Err(fault(Code::Stopped)),
        };
        if let Err(error) = outcome {
            self.reset()?;
            return Err(error);
        }
        self.ahead = Some(cursor);
        let is_full = self.engine.as_ref().is_some_and(|engine| engine.tail.is_full());
        if is_full && !self.refused { self.settle() } else { Ok(()) }
    }

    /// Whether the files took no bytes when they were last written, on a full disk perhaps. What is in them and in
    /// memory answers still.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Whether no more can wait in memory until the files take something.
    #[must_use]
    pub fn is_stuffed(&self) -> bool {
        self.refused && self.engine.as_ref().is_some_and(|engine| engine.tail.is_stuffed())
    }

    /// Whether everything waits in memory, because the files took nothing from the beginning.
    #[must_use]
    pub fn stands_in(&self) -> bool {
        self.stands_in
    }

    /// Makes durable what waits in memory. Where everything waits there, an empty index is begun in the files, which is
    /// to be fed again.
    ///
    /// # Errors
    /// As [`Index::apply`].
    pub fn settle(&mut self) -> Result<()> {
        if self.stands_in {
            return self.begin_in_files();
        }
        let Some(cursor) = self.ahead else { return Ok(()) };
        self.apply(&[], cursor)
    }

    /// Takes records that are older than the cursor while the index is made anew. They become durable and findable with
    /// what is still to be read, many at a time and with the last of them.
    ///
    /// # Errors
    /// As [`Index::apply`].
    pub fn stage(&mut self, changes: &[Change], cursor: Cursor) -> Result<()> {
        // What waits in memory because of the files is found there, and needs no commit.
        if self.refused {
            return self.apply(changes, cursor);
        }
        let staged = match &mut self.engine {
            Some(engine) if !self.failed.load(Ordering::SeqCst) => guarded(|| engine.stage(changes)),
            _ => Err(fault(Code::Stopped)),
        };
        match staged {
            Ok(staged) if self.waits_for_more(staged) => Ok(()),
            Ok(_) => self.apply(&[], cursor),
            Err(error) => {
                self.fall_back()?;
                Err(error)
            }
        }
    }

    /// Whether staged records are to wait for others that are still to be read.
    fn waits_for_more(&self, staged: usize) -> bool {
        self.rest.is_some_and(|rest| {
            let done = usize::try_from(rest.done).unwrap_or(usize::MAX);
            staged < done.saturating_sub(staged).clamp(LEAST_STAGED, MOST_STAGED)
        })
    }

    /// Takes changes, in their order, and makes them durable and findable together with the cursor.
    /// The same changes may come again after a crash. Where everything waits in memory, so do these.
    ///
    /// # Errors
    /// [`Code::Io`] with [`Index::is_refused`] where the files took nothing: the index is as it was before, and what
    /// waits in memory waits on. After any other error the index is empty, [`Index::cursor`] is `None`, and everything
    /// must be fed again.
    pub fn apply(&mut self, changes: &[Change], cursor: Cursor) -> Result<()> {
        if self.stands_in {
            return self.take(changes, cursor);
        }
        let payload = Payload { identity: self.identity, cursor, rest: self.rest };
        let outcome = match &mut self.engine {
            Some(engine) if !self.failed.load(Ordering::SeqCst) => {
                guarded(|| engine.apply(changes, &payload))
            }
            _ => Err(fault(Code::Stopped)),
        };
        match outcome {
            Ok(()) => {
                self.cursor = Some(cursor);
                self.ahead = None;
                self.refused = false;
            }
            Err(error) => {
                self.fall_back()?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// After a fault while it was written: as it was before where the files only took no bytes, else empty.
    fn fall_back(&mut self) -> Result<()> {
        let refused = self.engine.as_ref().is_some_and(|engine| engine.directory.was_refused());
        if refused && self.stands() { Ok(()) } else { self.reset() }
    }

    /// After the files took no bytes: whether the index stands as it was written before, with what waits in memory.
    fn stands(&mut self) -> bool {
        let Some(before) = self.engine.take() else { return false };
        let waiting = before.tail.changes();
        drop(before);
        let opened = guarded(|| Engine::open(&self.files, &self.identity));
        let Ok(Some((mut engine, payload))) = opened else { return false };
        if Some(payload.cursor) != self.cursor || guarded(|| engine.take(&waiting)).is_err() {
            return false;
        }
        self.engine = Some(engine);
        self.rest = payload.rest;
        self.refused = true;
        true
    }

    /// Begins to make one part of all, so that searches look words up once; nothing where there are few. Others search
    /// and write meanwhile. Whoever waited for it says so by [`Index::compacted`].
    ///
    /// # Errors
    /// As [`Index::purge`].
    pub(super) fn begin_compaction(&mut self) -> Result<Option<Merging>> {
        self.changed(Engine::begin_compaction)
    }

    /// Answers from the part that was made of all.
    ///
    /// # Errors
    /// As [`Index::purge`].
    pub(super) fn compacted(&mut self) -> Result<()> {
        self.changed(Engine::look_anew)
    }

    /// Writes those parts of the index anew that still hold words of records that changed or are gone, and gives
    /// their number. Without it they go when the parts are next merged.
    ///
    /// # Errors
    /// After any error the index is empty, [`Index::cursor`] is `None`, and everything must be fed again.
    pub fn purge(&mut self) -> Result<u64> {
        self.changed(Engine::purge)
    }

    /// Changes the files by a work after whose failure they are emptied.
    fn changed<T>(&mut self, work: impl FnOnce(&mut Engine) -> tantivy::Result<T>) -> Result<T> {
        let outcome = match &mut self.engine {
            Some(engine) if !self.failed.load(Ordering::SeqCst) => guarded(|| work(engine)),
            _ => Err(fault(Code::Stopped)),
        };
        if outcome.is_err() {
            self.reset()?;
        }
        outcome
    }

    /// Every term that its parts hold, those of records that are gone and of the tail included.
    #[cfg(test)]
    pub(super) fn terms(&self) -> std::collections::BTreeSet<Vec<u8>> {
        let mut all = std::collections::BTreeSet::new();
        let Some(engine) = &self.engine else { return all };
        for slot in super::analysis::Slot::ALL {
            all.extend(engine.tail.all_terms(slot).map(|term| term.as_bytes().to_vec()));
        }
        for part in engine.reader.searcher().segment_readers() {
            for (field, entry) in engine.fields.schema().fields() {
                if !entry.is_indexed() {
                    continue;
                }
                let Ok(inverted) = part.inverted_index(field) else { continue };
                let Ok(mut terms) = inverted.terms().stream() else { continue };
                while terms.advance() {
                    all.insert(terms.key().to_vec());
                }
            }
        }
        all
    }

    /// The records that match every word of a query, of those the person may see, by fields the person
    /// may read. Words may have one letter wrong, and Chinese names a character, only where nothing matches
    /// as it is written.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for an empty text; [`Code::LimitExceeded`] for a text above 256
    /// characters, a page above 10,000 rows or beyond hit 100,000; [`Code::NothingMatches`] for a text
    /// without letter or digit. After any other error the index is to be fed again.
    pub fn search(
        &self,
        query: &Query,
        visible: &dyn Visibility,
        limit: usize,
        offset: usize,
    ) -> Result<Hits> {
        let parsed = parse(query)?;
        self.find(query, parsed.node.as_ref(), visible, Page { limit, offset })
    }

    /// The records that are most like some texts of a record, which is left out itself.
    pub(super) fn like(
        &self,
        query: &Query,
        (record, samples): (RecordId, &[Sample]),
        visible: &dyn Visibility,
        page: Page,
    ) -> Result<Hits> {
        self.asked(page, |engine| engine.like(query, (record, samples), visible, page))
    }

    /// The records that match what a text was read as.
    pub(super) fn find(
        &self,
        query: &Query,
        node: Option<&Node>,
        visible: &dyn Visibility,
        page: Page,
    ) -> Result<Hits> {
        let Some(node) = node else { return Ok(Hits::default()) };
        self.asked(page, |engine| engine.search(query, node, visible, page))
    }

    /// What the engine answers, if a page is not too far away. After a fault the index is to be fed again.
    fn asked(&self, page: Page, ask: impl FnOnce(&Engine) -> tantivy::Result<Hits>) -> Result<Hits> {
        if page.limit > MAX_PAGE_ROWS || page.end() > MAX_HITS {
            return Err(Error::new(Code::LimitExceeded).field("limit").rule("at_most_100000_hits"));
        }
        let Some(engine) = self.engine.as_ref().filter(|_| !self.failed.load(Ordering::SeqCst)) else {
            return Err(fault(Code::Stopped));
        };
        let outcome = guarded(|| ask(engine));
        if outcome.is_err() {
            self.failed.store(true, Ordering::SeqCst);
        }
        outcome
    }
}

/// Runs a piece of work of tantivy's; a panic in it becomes an error like any other.
fn guarded<T>(work: impl FnOnce() -> tantivy::Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(fault(code_of(&error)).because(error)),
        Err(_) => Err(fault(Code::Panic)),
    }
}

fn fault(code: Code) -> Error {
    Error::new(code).entity("search_index").rule("rebuilt_from_the_ledger")
}

fn code_of(error: &TantivyError) -> Code {
    match error {
        TantivyError::IoError(_) | TantivyError::OpenWriteError(_) | TantivyError::OpenDirectoryError(_) => {
            Code::Io
        }
        _ => Code::Damaged,
    }
}

/// Parts of the index that become one.
pub(super) struct Merging(FutureResult<Option<SegmentMeta>>);

impl Merging {
    /// Waits until it is done, and gives whether it was: a merge of the index's own accord may have some of the parts in
    /// hand.
    pub(super) fn wait(self) -> bool {
        matches!(catch_unwind(AssertUnwindSafe(|| self.0.wait())), Ok(Ok(_)))
    }
}

/// Which hits are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// How many.
    pub(super) limit: usize,
    /// After how many.
    pub(super) offset: usize,
}

impl Page {
    fn end(self) -> usize {
        self.offset.saturating_add(self.limit)
    }
}

/// tantivy's index with its one writer. One writer thread and one merge thread; they end with it.
struct Engine {
    fields: Fields,
    directory: IndexDirectory,
    writer: IndexWriter,
    reader: IndexReader,
    pairs: PairsBySegment,
    tail: Tail,
    /// Changes that the writer has and no commit.
    staged: usize,
}

impl Engine {
    /// The index in the files, where it is whole and of this identity.
    fn open(files: &Arc<dyn FileStore>, identity: &Identity) -> tantivy::Result<Option<(Self, Payload)>> {
        let directory = IndexDirectory::new(Arc::clone(files));
        if !tantivy::Index::exists(&directory)? {
            return Ok(None);
        }
        let index = tantivy::Index::open(directory.clone())?;
        let payload = index.load_metas()?.payload.unwrap_or_default();
        let Ok(payload) = serde_json::from_str::<Payload>(&payload) else { return Ok(None) };
        let whole = files.is_authenticated() || index.validate_checksum()?.is_empty();
        if payload.identity != *identity || index.schema() != *Fields::new().schema() || !whole {
            return Ok(None);
        }
        Ok(Some((Self::over(index, directory)?, payload)))
    }

    fn create(files: &Arc<dyn FileStore>) -> tantivy::Result<Self> {
        let directory = IndexDirectory::new(Arc::clone(files));
        let schema = Fields::new().schema().clone();
        let index = tantivy::Index::create(directory.clone(), schema, IndexSettings::default())?;
        Self::over(index, directory)
    }

    fn over(index: tantivy::Index, directory: IndexDirectory) -> tantivy::Result<Self> {
        index.tokenizers().register(TOKENIZER, LineTokenizer::default());
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(WRITER_MEMORY)
            .build();
        let writer = index.writer_with_options(options)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let (fields, pairs, tail) = (Fields::new(), PairsBySegment::default(), Tail::default());
        let engine = Self { fields, directory, writer, reader, pairs, tail, staged: 0 };
        engine.merge_by(PARTS_OF_A_MERGE);
        Ok(engine)
    }

    fn merge_by(&self, parts: usize) {
        let mut merges = LogMergePolicy::default();
        merges.set_del_docs_ratio_before_merge(MAX_DELETED_RATIO);
        merges.set_min_num_segments(parts);
        self.writer.set_merge_policy(Box::new(merges));
    }

    /// Takes changes into the tail.
    fn take(&mut self, changes: &[Change]) -> tantivy::Result<()> {
        let searcher = self.reader.searcher();
        for change in changes {
            let mut rows = Vec::new();
            for reader in searcher.segment_readers() {
                let found = rows_of_record(reader, self.fields.record, change.record())?;
                rows.extend(found.into_iter().map(|row| (reader.segment_id(), row)));
            }
            self.tail.take(change.clone(), rows);
        }
        Ok(())
    }

    /// Hands changes to the writer, and gives how many it has by then that are in no commit.
    fn stage(&mut self, changes: &[Change]) -> tantivy::Result<usize> {
        for change in changes {
            match change {
                Change::Upsert(document) => {
                    self.delete(document.record);
                    self.writer.add_document(self.fields.document(document))?;
                }
                Change::Delete(record) => self.delete(*record),
            }
        }
        self.staged = self.staged.saturating_add(changes.len());
        Ok(self.staged)
    }

    fn apply(&mut self, changes: &[Change], payload: &Payload) -> tantivy::Result<()> {
        self.stage(&self.tail.changes())?;
        self.stage(changes)?;
        self.merge_by(if payload.rest.is_some() { PARTS_WHILE_MADE } else { PARTS_OF_A_MERGE });
        let payload = serde_json::to_string(payload).map_err(std::io::Error::other)?;
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        self.staged = 0;
        self.tail = Tail::default();
        self.reader.reload()?;
        self.pairs.keep(&self.reader.searcher());
        Ok(())
    }

    fn begin_compaction(&mut self) -> tantivy::Result<Option<Merging>> {
        let parts = self.writer.index().searchable_segment_ids()?;
        Ok((parts.len() >= PARTS_OF_A_MERGE).then(|| Merging(self.writer.merge(&parts))))
    }

    /// Looks at the parts as they are by now, and lets those go that were replaced.
    fn look_anew(&mut self) -> tantivy::Result<()> {
        self.reader.reload()?;
        self.pairs.keep(&self.reader.searcher());
        self.writer.garbage_collect_files().wait()?;
        Ok(())
    }

    fn purge(&mut self) -> tantivy::Result<u64> {
        let mut purged = 0_u64;
        for attempt in 1_u32.. {
            let parts = self.writer.index().searchable_segment_metas()?;
            let Some(stale) = parts.iter().find(|part| part.has_deletes()) else { break };
            match self.writer.merge(&[stale.id()]).wait() {
                Ok(_) => purged = purged.saturating_add(1),
                // A merge of its own accord has this part in hand, and leaves the words out, too.
                Err(_) if attempt < MAX_PURGE_ATTEMPTS => std::thread::sleep(BETWEEN_ATTEMPTS),
                Err(error) => return Err(error),
            }
        }
        self.look_anew()?;
        Ok(purged)
    }

    fn delete(&self, record: RecordId) {
        self.writer.delete_term(Term::from_field_bytes(self.fields.record, record.as_bytes()));
    }

    fn search(
        &self,
        query: &Query,
        node: &Node,
        visible: &dyn Visibility,
        page: Page,
    ) -> tantivy::Result<Hits> {
        let searcher = self.reader.searcher();
        let records = self.pairs.visible(&searcher, &self.tail, query, (visible, &self.fields))?;
        if records.is_empty() {
            return Ok(Hits::default());
        }
        let rarity = Rarity::new(&searcher, &self.tail, &self.fields, &records);
        let closest = query.closest.then_some(Closeness::Closest);
        for closeness in [Closeness::Written, Closeness::Misspelt].into_iter().chain(closest) {
            let mut compiler = self.compiler(&rarity, closeness, ReadableScopes::new(visible, query));
            let Some(plan) = compiler.compile(node)? else { continue };
            let corrections = compiler.corrections;
            let mut hits = self.collect(&plan, query, &rarity, page)?;
            if hits.total > 0 {
                hits.near = closeness > Closeness::Written;
                hits.corrected = corrected(&query.text, &corrections).filter(|_| hits.near);
                return Ok(hits);
            }
        }
        Ok(Hits::default())
    }

    fn like(
        &self,
        query: &Query,
        (record, samples): (RecordId, &[Sample]),
        visible: &dyn Visibility,
        page: Page,
    ) -> tantivy::Result<Hits> {
        let searcher = self.reader.searcher();
        let mut records = self.pairs.visible(&searcher, &self.tail, query, (visible, &self.fields))?;
        records.leave_out(record, &searcher, &self.fields)?;
        let rarity = Rarity::new(&searcher, &self.tail, &self.fields, &records);
        let mut compiler = self.compiler(&rarity, Closeness::Written, ReadableScopes::new(visible, query));
        match compiler.like(samples)? {
            Some(plan) => self.collect(&plan, query, &rarity, page),
            None => Ok(Hits::default()),
        }
    }

    fn compiler<'a>(
        &'a self,
        rarity: &'a Rarity<'a>,
        closeness: Closeness,
        readable: ReadableScopes<'a>,
    ) -> Compiler<'a> {
        Compiler {
            searcher: rarity.searcher,
            tail: &self.tail,
            fields: &self.fields,
            readable,
            rarity,
            closeness,
            only: None,
            corrections: BTreeMap::new(),
        }
    }

    /// The rows of index and tail that a plan matches.
    fn collect(&self, plan: &Plan, query: &Query, rarity: &Rarity<'_>, page: Page) -> tantivy::Result<Hits> {
        let mut asked = plan.query(&self.fields);
        // To hold places of words against each other costs more than to look whether a row is visible.
        if plan.has_phrases() {
            let filter: Box<dyn IndexQuery> = Box::new(OfVisible(rarity.visible.clone()));
            asked = Box::new(BooleanQuery::new(vec![(Occur::Must, asked), (Occur::Must, filter)]));
        }
        let limit = page.limit.min(1).saturating_mul(page.end());
        let best = Best { limit, boosts: &query.boosts, visible: rarity.visible };
        let mut found = rarity.searcher.search_with_statistics_provider(&asked, &best, rarity)?;
        for (row, score) in self.tail.matches(plan, &self.fields, rarity)? {
            let Some(document) = self.tail.document(row) else { continue };
            if rarity.visible.shows(document) {
                let score = query.boosts.of_document(score, document);
                found.add(Scored { score, record: document.record, kind: document.kind });
            }
        }
        found.sort();
        let ranks = u64::try_from(page.offset).unwrap_or(u64::MAX)..;
        let shown = found.best.iter().skip(page.offset).take(page.limit);
        let hits = ranks.zip(shown).map(|(score_rank, scored)| Hit {
            record: scored.record,
            kind: scored.kind,
            score_rank,
        });
        let hits = hits.collect();
        Ok(Hits { hits, total: found.total, kinds: found.kinds, ..Hits::default() })
    }
}

impl Drop for Engine {
    /// Work that still runs in threads must not write into the files of a successor.
    fn drop(&mut self) {
        self.directory.retire();
    }
}
