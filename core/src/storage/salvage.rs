//! A damaged database, opened for reading alone, as far as its files say anything that is true.
//!
//! Nothing is written to its files. Tables are read page by page along their trees, each page against the
//! checksum that its parent has of it, and the journal is laid over them in memory. A page that is lost
//! costs the rows on it. Where the trees cannot be entered, because no header or first page is left, rows
//! are looked for on every page that authenticates; then nobody says which of several versions of a row is
//! the newest, and the caller has to tell by what is in them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::base::{Code, Error, Patience, Random, Result};
use crate::storage::commit_format::Commit;
use crate::storage::copies::KEYS_COPY;
use crate::storage::database::{DATA, JOURNAL, KEYS};
use crate::storage::device::{Device, MemoryDevice};
use crate::storage::frozen::FrozenDevice;
use crate::storage::journal::{Generation, Journal};
use crate::storage::keys::{Key, KeyRing};
use crate::storage::log_format::decode_entry;
use crate::storage::salvage_pages::Pages;
use crate::storage::salvage_tree::{Page, Root, Trees, Walked};
use crate::storage::store::{Keyspace, LogEntry, RowVisitor};
use crate::storage::subject_keys::{SUBJECTS_NAME, Subject, SubjectKey, SubjectKeys, file_key, unseal_key};
use crate::storage::superblock::{FileKind, Superblock};
use crate::storage::tables::{GENERATION, JOURNAL_NAME, Table};
use crate::storage::vault::VaultOptions;

/// Pages between two tellings of a search through all of them.
const TOLD: u64 = 1_024;
/// Memory for the pages of the file of keys that is made in memory.
const CACHE_BYTES: usize = 1_024 * 1_024;

/// A damaged database.
pub struct Wreck {
    ring: KeyRing,
    random: Arc<dyn Random>,
    pages: Pages,
    /// Where each table that is known begins; `None` where the trees cannot be entered.
    roots: Option<BTreeMap<String, Option<Root>>>,
    /// What the journal has that the tables do not, newest; only where the tables say how it continues
    /// them.
    recent: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
    /// Rows of the journal where nobody says which of them are newer than the tables.
    loose: Vec<(Vec<u8>, Vec<u8>)>,
    subjects: Vec<(Subject, SubjectKey)>,
    state: WreckState,
}

/// What can be said of the files of a damaged database before its rows are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WreckState {
    /// Whether the trees of the tables can be entered; if not, rows are looked for on every page.
    pub has_trees: bool,
    /// Whether a header is broken: what was committed last may be lost, or was never finished.
    pub header_broken: bool,
    /// Whether pages of the table of tables are lost, so that whole tables may be.
    pub tables_lost: bool,
    /// Commits that were found in the journal alone.
    pub journal_commits: u64,
    /// Records of the journal, each a group of commits, that are broken or missing.
    pub journal_broken: u64,
    /// Whether the journal could be read at all.
    pub journal_readable: bool,
    /// Keys of persons that were found.
    pub subject_keys: u64,
    /// Whether some or all keys of persons are lost: what is sealed under them stays sealed.
    pub subject_keys_lost: bool,
}

impl Wreck {
    /// Opens a damaged database with a key that opened it.
    ///
    /// # Errors
    /// [`Code::DatabaseNotFound`], [`Code::NotADatabase`], [`Code::WrongKey`], [`Code::Locked`] while
    /// somebody has it open; [`Code::NewerFormat`]; [`Code::Damaged`] where both superblocks are lost, and
    /// with them the data key; [`Code::Io`].
    pub fn open(path: &Path, key: &Key, random: Arc<dyn Random>, patience: &Patience) -> Result<Self> {
        if path.is_file() {
            return Err(Error::new(Code::NotADatabase));
        }
        let device: Arc<dyn Device> = Arc::new(FrozenDevice::open(&path.join(DATA))?);
        let (_, ring) = Superblock::unlock(device.as_ref(), FileKind::Data, key)?;
        let pages = Pages::of(device, &ring, Arc::clone(&random))?;
        let mut wreck = Self {
            ring,
            random,
            pages,
            roots: None,
            recent: BTreeMap::new(),
            loose: Vec::new(),
            subjects: Vec::new(),
            state: WreckState::default(),
        };
        wreck.find_tables(patience)?;
        let generation = wreck.generation(patience)?;
        wreck.read_journal(&path.join(JOURNAL), generation.as_ref());
        wreck.read_subject_keys(path, patience)?;
        Ok(wreck)
    }

    /// What can be said of the files.
    #[must_use]
    pub fn state(&self) -> &WreckState {
        &self.state
    }

    /// The keys that derive from the data key.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Where nonces come from.
    #[must_use]
    pub fn random(&self) -> Arc<dyn Random> {
        Arc::clone(&self.random)
    }

    /// The keys of persons that were found, in a file in memory.
    ///
    /// # Errors
    /// [`Code::Io`] where memory cannot be had.
    pub fn subject_keys(&self) -> Result<Arc<SubjectKeys>> {
        let device: Arc<dyn Device> = Arc::new(MemoryDevice::default());
        let options = VaultOptions {
            kind: FileKind::SubjectKeys,
            cache_bytes: CACHE_BYTES,
            random: self.random(),
            verify: false,
        };
        SubjectKeys::create(Arc::clone(&device), &self.ring, &options)?;
        let keys = SubjectKeys::open(device, &self.ring, &options)?;
        keys.import(self.subjects.iter().cloned())?;
        Ok(Arc::new(keys))
    }

    /// Hands every row of a keyspace that the trees and the journal have to a function, in the order of
    /// keys.
    ///
    /// # Errors
    /// Those of the function; `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn rows(&self, keyspace: Keyspace, patience: &Patience, visit: RowVisitor<'_>) -> Result<Walked> {
        self.merged(Table::Of(keyspace), patience, visit)
    }

    /// As [`Wreck::rows`], of the log. What is no entry is passed over, and leaves a gap of positions.
    ///
    /// # Errors
    /// As [`Wreck::rows`].
    pub fn log_rows(
        &self,
        patience: &Patience,
        visit: &mut dyn FnMut(&LogEntry) -> Result<()>,
    ) -> Result<Walked> {
        self.merged(Table::Log, patience, &mut |key, value| {
            Self::log_entry(key, value).map_or(Ok(()), |entry| visit(&entry))
        })
    }

    /// The entry of the log in a row, if it is one.
    #[must_use]
    pub fn log_entry(key: &[u8], value: &[u8]) -> Option<LogEntry> {
        decode_entry(key, value).ok()
    }

    /// Hands every row on every page that authenticates, and every row of the journal, to a function: of
    /// all tables, without their names, in no order, and older versions of rows among them.
    ///
    /// # Errors
    /// As [`Wreck::rows`].
    pub fn search(&self, patience: &Patience, visit: RowVisitor<'_>) -> Result<()> {
        search_pages(&self.pages, patience, visit)?;
        self.loose.iter().try_for_each(|(key, value)| visit(key, value))?;
        let mut puts = self.recent.iter().filter_map(|((_, key), value)| Some((key, value.as_ref()?)));
        puts.try_for_each(|(key, value)| visit(key, value))
    }

    fn merged(&self, table: Table, patience: &Patience, visit: RowVisitor<'_>) -> Result<Walked> {
        let recent = self.recent.iter().filter(|((of, _), _)| *of == table);
        let mut recent = recent.map(|((_, key), value)| (key, value)).peekable();
        let mut told = 0_u64;
        let walked = self.walk(table.name(), patience, &mut |key, value| {
            if told.is_multiple_of(TOLD) {
                patience.tell(table.name(), told, 0);
            }
            told = told.saturating_add(1);
            while let Some((newer, value)) = recent.next_if(|(newer, _)| newer.as_slice() < key) {
                value.as_ref().map_or(Ok(()), |value| visit(newer, value))?;
            }
            match recent.next_if(|(newer, _)| newer.as_slice() == key) {
                Some((_, Some(newer))) => visit(key, newer),
                Some((_, None)) => Ok(()),
                None => visit(key, value),
            }
        })?;
        for (newer, value) in recent {
            value.as_ref().map_or(Ok(()), |value| visit(newer, value))?;
        }
        Ok(walked)
    }

    fn walk(&self, table: &str, patience: &Patience, visit: RowVisitor<'_>) -> Result<Walked> {
        match (self.roots.as_ref().and_then(|roots| roots.get(table)), Trees::of(&self.pages)) {
            (Some(Some(root)), Some(trees)) => trees.walk(*root, patience, visit),
            (Some(None), Some(_)) => Ok(Walked::default()),
            _ => Ok(Walked::nothing()),
        }
    }

    fn find_tables(&mut self, patience: &Patience) -> Result<()> {
        self.state.header_broken = self.pages.has_broken_header();
        let Some(trees) = Trees::of(&self.pages) else { return Ok(()) };
        let (tables, walked) = trees.tables(patience)?;
        self.state.has_trees = true;
        self.state.tables_lost = !walked.lost.is_empty();
        self.roots = Some(tables.into_iter().collect());
        Ok(())
    }

    /// The generation of the journal that continues the tables, if they still say so.
    fn generation(&self, patience: &Patience) -> Result<Option<Generation>> {
        let mut generation = None;
        self.walk(JOURNAL_NAME, patience, &mut |key, value| {
            if key == GENERATION {
                generation = Generation::try_from(value).ok();
            }
            Ok(())
        })?;
        Ok(generation)
    }

    /// Takes over what the journal has. Records of an older generation are in the tables already and would
    /// undo what came after them, so that where trees can be read, the generation must be known; where they
    /// cannot, the caller tells what is newest.
    fn read_journal(&mut self, path: &Path, generation: Option<&Generation>) {
        if self.state.has_trees && generation.is_none() {
            return;
        }
        let Ok(device) = FrozenDevice::open(path) else { return };
        let journal = Journal::over(Arc::new(device), &self.ring, self.random());
        let Ok((texts, broken)) = journal.and_then(|journal| journal.whole_records(generation)) else {
            return;
        };
        self.state.journal_readable = true;
        self.state.journal_broken = broken;
        for text in texts {
            let Ok(commits) = Commit::decode_all(&text) else {
                self.state.journal_broken = self.state.journal_broken.saturating_add(1);
                continue;
            };
            for commit in commits {
                self.state.journal_commits = self.state.journal_commits.saturating_add(1);
                for (table, (key, value)) in commit.into_each() {
                    match value {
                        Some(value) if generation.is_none() && table != Table::SubjectKeys => {
                            self.loose.push((key, value));
                        }
                        value if generation.is_some() => drop(self.recent.insert((table, key), value)),
                        // A key of an older generation may be one that was destroyed since.
                        _ => {}
                    }
                }
            }
        }
    }

    /// Reads the keys of persons: of their file, of the copy that goes with a new data key, of the journal.
    fn read_subject_keys(&mut self, path: &Path, patience: &Patience) -> Result<()> {
        let mut wrapping = None;
        self.state.subject_keys_lost = true;
        for name in [KEYS, KEYS_COPY] {
            let Ok(device) = FrozenDevice::open(&path.join(name)) else { continue };
            let device: Arc<dyn Device> = Arc::new(device);
            let unlocked = Superblock::unlock(device.as_ref(), FileKind::SubjectKeys, &file_key(&self.ring));
            let Ok((_, ring)) = unlocked else { continue };
            let pages = Pages::of(device, &ring, self.random())?;
            let key = ring.derive("subject");
            let mut found = Vec::new();
            let mut take = |subject: &[u8], sealed: &[u8]| {
                let subject = Subject::try_from(subject).ok();
                found.extend(
                    subject.and_then(|subject| Some((subject, unseal_key(&key, &subject, sealed).ok()?))),
                );
                Ok(())
            };
            self.state.subject_keys_lost = !read_table(&pages, SUBJECTS_NAME, patience, &mut take)?;
            self.subjects = found;
            wrapping = Some(key);
            break;
        }
        let taken_along = self.recent.iter().filter(|((table, _), _)| *table == Table::SubjectKeys);
        for ((_, subject), sealed) in taken_along {
            let (Ok(subject), Some(key), Some(sealed)) =
                (Subject::try_from(subject.as_slice()), &wrapping, sealed)
            else {
                continue;
            };
            self.subjects.extend(unseal_key(key, &subject, sealed).ok().map(|key| (subject, key)));
        }
        self.state.subject_keys = self.subjects.len() as u64;
        Ok(())
    }
}

impl std::fmt::Debug for Wreck {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Wreck({:?})", self.state)
    }
}

/// Reads a table along its tree, or, where that cannot be entered, every page; says whether all of it was
/// there.
fn read_table(pages: &Pages, name: &str, patience: &Patience, visit: RowVisitor<'_>) -> Result<bool> {
    if let Some(trees) = Trees::of(pages) {
        let (tables, _) = trees.tables(patience)?;
        match tables.into_iter().find(|(known, _)| known == name) {
            Some((_, None)) => return Ok(true),
            Some((_, Some(root))) => {
                let walked = trees.walk(root, patience, visit)?;
                return Ok(walked.lost.is_empty());
            }
            None => {}
        }
    }
    search_pages(pages, patience, visit)?;
    Ok(false)
}

fn search_pages(pages: &Pages, patience: &Patience, visit: RowVisitor<'_>) -> Result<()> {
    // The first page is the header, which holds no rows.
    for page in 1..pages.count() {
        patience.check()?;
        if page.is_multiple_of(TOLD) {
            patience.tell("pages", page, pages.count());
        }
        let Some(page) = pages.read_any(page).and_then(Page::read).filter(Page::is_leaf) else { continue };
        for (key, value) in page.rows().unwrap_or_default() {
            visit(key, value)?;
        }
    }
    Ok(())
}
