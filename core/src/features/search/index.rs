//! The index's life: open or start anew, take changes, answer queries, and never take the engine down.
//!
//! The index is a projection of the ledger: it can be lost at any time and built again. So every
//! fault inside of it, an error of tantivy's or a panic, ends in the same way: the index is emptied,
//! its cursor is gone, and the caller feeds it from the beginning.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tantivy::collector::{Count, TopDocs, sort_key};
use tantivy::indexer::IndexWriterOptions;
use tantivy::merge_policy::LogMergePolicy;
use tantivy::query::{BooleanQuery, Occur, Query as IndexQuery};
use tantivy::{
    DocAddress, IndexReader, IndexSettings, IndexWriter, Order, ReloadPolicy, Searcher, TantivyError, Term,
};

use super::compile::Compiler;
use super::directory::{FileStore, IndexDirectory};
use super::query::{Clause, Query, parse};
use super::schema::{Document, Fields, KIND, LineTokenizer, RECORD, TOKENIZER};
use super::visibility::{PairsBySegment, ReadableScopes, Visibility};
use crate::base::{Code, Error, MAX_PAGE_ROWS, RecordId, Result};

/// Furthest hit that can be paged to, counted from the best one.
pub const MAX_HITS: usize = 100_000;
/// Memory for documents that wait for their commit, in bytes; the least that tantivy accepts.
const WRITER_MEMORY: usize = 15_000_000;
/// Part of a segment's rows that may be deleted before it is rewritten. tantivy's own default never
/// rewrites.
const MAX_DELETED_RATIO: f32 = 0.3;
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

/// What travels in each commit.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    identity: Identity,
    cursor: Cursor,
}

/// A change of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The record is now this.
    Upsert(Document),
    /// The record is gone.
    Delete(RecordId),
}

/// A record that answers a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The record.
    pub record: RecordId,
    /// Number of its entity.
    pub kind: u32,
    /// Its place among all hits, 0 for the best. Scores stay inside, because they tell of hidden records.
    pub score_rank: u64,
}

/// One page of hits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    /// The page, best first; equally good ones by record.
    pub hits: Vec<Hit>,
    /// How many records match altogether, of those the person may see.
    pub total: u64,
}

/// The search index of one database.
pub struct Index {
    files: Arc<dyn FileStore>,
    identity: Identity,
    /// Absent only while an emptied index could not be started again.
    engine: Option<Engine>,
    cursor: Option<Cursor>,
    failed: AtomicBool,
}

impl Index {
    /// Opens the index that the files hold, or starts an empty one where they hold none, a damaged one
    /// or one of another identity. Without a cursor everything must be fed again.
    ///
    /// # Errors
    /// [`Code::Io`] and what else the store answers when even an empty index cannot be written.
    pub fn open_or_create(files: Arc<dyn FileStore>, identity: Identity) -> Result<(Self, Option<Cursor>)> {
        let mut index = Self { files, identity, engine: None, cursor: None, failed: AtomicBool::new(false) };
        match guarded(|| Engine::open(&index.files, &identity)) {
            Ok(Some((engine, cursor))) => {
                index.engine = Some(engine);
                index.cursor = Some(cursor);
            }
            Ok(None) | Err(_) => index.reset()?,
        }
        let cursor = index.cursor;
        Ok((index, cursor))
    }

    /// How far the index has come; nothing where it is empty or failed and must be fed anew.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.cursor.filter(|_| !self.failed.load(Ordering::SeqCst))
    }

    /// Empties the index.
    ///
    /// # Errors
    /// What the store answers, or the fault that keeps an empty index from being written.
    pub fn reset(&mut self) -> Result<()> {
        self.engine = None;
        self.cursor = None;
        self.files.clear()?;
        self.engine = Some(guarded(|| Engine::create(&self.files))?);
        self.failed.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Takes changes, in their order, and makes them durable and findable together with the cursor.
    /// The same changes may come again after a crash.
    ///
    /// # Errors
    /// After any error the index is empty, [`Index::cursor`] is `None`, and everything must be fed again.
    pub fn apply(&mut self, changes: &[Change], cursor: Cursor) -> Result<()> {
        let payload = Payload { identity: self.identity, cursor };
        let outcome = match &mut self.engine {
            Some(engine) if !self.failed.load(Ordering::SeqCst) => {
                guarded(|| engine.apply(changes, &payload))
            }
            _ => Err(fault(Code::Stopped)),
        };
        match outcome {
            Ok(()) => self.cursor = Some(cursor),
            Err(error) => {
                self.reset()?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes those parts of the index anew that still hold words of records that changed or are gone, and gives
    /// their number. Without it they go when the parts are next merged.
    ///
    /// # Errors
    /// After any error the index is empty, [`Index::cursor`] is `None`, and everything must be fed again.
    pub fn purge(&mut self) -> Result<u64> {
        let outcome = match &mut self.engine {
            Some(engine) if !self.failed.load(Ordering::SeqCst) => guarded(|| engine.purge()),
            _ => Err(fault(Code::Stopped)),
        };
        match outcome {
            Ok(parts) => Ok(parts),
            Err(error) => {
                self.reset()?;
                Err(error)
            }
        }
    }

    /// Every term that its parts hold, those of records that are gone included.
    #[cfg(test)]
    pub(super) fn terms(&self) -> std::collections::BTreeSet<Vec<u8>> {
        let mut all = std::collections::BTreeSet::new();
        let Some(engine) = &self.engine else { return all };
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
    /// may read. Words may have one letter wrong only where nothing matches as it is written.
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
        if limit > MAX_PAGE_ROWS || offset.saturating_add(limit) > MAX_HITS {
            return Err(Error::new(Code::LimitExceeded).field("limit").rule("at_most_100000_hits"));
        }
        let clauses = parse(&query.text)?;
        let Some(engine) = self.engine.as_ref().filter(|_| !self.failed.load(Ordering::SeqCst)) else {
            return Err(fault(Code::Stopped));
        };
        let page = Page { limit, offset };
        let outcome = guarded(|| engine.search(query, &clauses, visible, page));
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

#[derive(Clone, Copy)]
struct Page {
    limit: usize,
    offset: usize,
}

/// tantivy's index with its one writer. One writer thread and one merge thread; they end with it.
struct Engine {
    fields: Fields,
    directory: IndexDirectory,
    writer: IndexWriter,
    reader: IndexReader,
    pairs: PairsBySegment,
}

impl Engine {
    /// The index in the files, where it is whole and of this identity.
    fn open(files: &Arc<dyn FileStore>, identity: &Identity) -> tantivy::Result<Option<(Self, Cursor)>> {
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
        Ok(Some((Self::over(index, directory)?, payload.cursor)))
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
        let mut merges = LogMergePolicy::default();
        merges.set_del_docs_ratio_before_merge(MAX_DELETED_RATIO);
        writer.set_merge_policy(Box::new(merges));
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { fields: Fields::new(), directory, writer, reader, pairs: PairsBySegment::default() })
    }

    fn apply(&mut self, changes: &[Change], payload: &Payload) -> tantivy::Result<()> {
        for change in changes {
            match change {
                Change::Upsert(document) => {
                    self.delete(document.record);
                    self.writer.add_document(self.fields.document(document))?;
                }
                Change::Delete(record) => self.delete(*record),
            }
        }
        let payload = serde_json::to_string(payload).map_err(std::io::Error::other)?;
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        self.reader.reload()?;
        self.pairs.keep(&self.reader.searcher());
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
        self.reader.reload()?;
        self.pairs.keep(&self.reader.searcher());
        self.writer.garbage_collect_files().wait()?;
        Ok(purged)
    }

    fn delete(&self, record: RecordId) {
        self.writer.delete_term(Term::from_field_bytes(self.fields.record, record.as_bytes()));
    }

    fn search(
        &self,
        query: &Query,
        clauses: &[Clause],
        visible: &dyn Visibility,
        page: Page,
    ) -> tantivy::Result<Hits> {
        let searcher = self.reader.searcher();
        let records = self.pairs.visible(&searcher, query, (visible, self.fields.record))?;
        if records.is_empty() {
            return Ok(Hits::default());
        }
        for misspelt in [false, true] {
            let readable = ReadableScopes::new(visible, query);
            let mut compiler = Compiler { searcher: &searcher, fields: &self.fields, readable, misspelt };
            let Some(words) = compiler.all(clauses)? else { continue };
            let filter: Box<dyn IndexQuery> = Box::new(records.clone().into_query());
            let both = BooleanQuery::new(vec![(Occur::Must, words), (Occur::Must, filter)]);
            let hits = collect(&searcher, &both, page)?;
            if hits.total > 0 {
                return Ok(hits);
            }
        }
        Ok(Hits::default())
    }
}

impl Drop for Engine {
    /// Work that still runs in threads must not write into the files of a successor.
    fn drop(&mut self) {
        self.directory.retire();
    }
}

fn collect(searcher: &Searcher, query: &dyn IndexQuery, page: Page) -> tantivy::Result<Hits> {
    if page.limit == 0 {
        let total = searcher.search(query, &Count)?;
        return Ok(Hits { hits: Vec::new(), total: total.try_into().unwrap_or(u64::MAX) });
    }
    let by_score_then_record =
        (sort_key::SortBySimilarityScore, (sort_key::SortByBytes::for_field(RECORD), Order::Asc));
    let top = TopDocs::with_limit(page.limit).and_offset(page.offset).order_by(by_score_then_record);
    let (rows, total) = searcher.search(query, &(top, Count))?;
    let mut hits = Vec::with_capacity(rows.len());
    for (score_rank, ((_, record), row)) in (u64::try_from(page.offset).unwrap_or(u64::MAX)..).zip(rows) {
        let record = record.as_deref().and_then(RecordId::from_suffix);
        let record = record.ok_or_else(|| TantivyError::InternalError("a row without record".to_owned()))?;
        hits.push(Hit { record, kind: kind_of(searcher, row)?, score_rank });
    }
    Ok(Hits { hits, total: total.try_into().unwrap_or(u64::MAX) })
}

fn kind_of(searcher: &Searcher, row: DocAddress) -> tantivy::Result<u32> {
    let fast = searcher.segment_reader(row.segment_ord).fast_fields();
    let kinds = fast.column_first_or_default::<u64>(KIND)?;
    u32::try_from(kinds.get_val(row.doc_id))
        .map_err(|_| TantivyError::InternalError("an entity's number above 32 bits".to_owned()))
}
