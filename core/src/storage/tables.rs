//! The tables in redb: one for each keyspace, one for the log, one for the state of the journal.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::OnceLock;

use redb::{
    Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, WriteTransaction,
};

use zeroize::Zeroizing;

use crate::base::{Code, Error, Random, Result};
use crate::storage::faults::from_redb;
use crate::storage::journal::Generation;
use crate::storage::log_format::{decode_entry, decode_row};
use crate::storage::memtable::Changed;
use crate::storage::store::{CommitId, Head, Keyspace, LogVisitor, Page, RangeRequest};
use crate::storage::vault::Vault;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
type ReadTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The generation of the journal that continues the tables, and the ids of the newest commits.
const JOURNAL: Definition = TableDefinition::new(JOURNAL_NAME);
/// Its name.
pub(super) const JOURNAL_NAME: &str = "journal";
/// The key of the generation; ids of commits lie under numbers of eight bytes.
pub(super) const GENERATION: &[u8] = b"generation";
/// The key of what a copy of the tables has reached, in the copy; and, in the original, of the copy's
/// master key, so that whoever opens the original can go on with it.
const COPY: &[u8] = b"shadow";
/// Room that is made for the rows of a page at once.
const USUAL_ROWS: usize = 64;
/// Ids of commits that are remembered, so that a caller may ask what became of one.
const REMEMBERED: u64 = 1_024;

/// A table that commits write: a keyspace, or the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// The table of a keyspace.
    Of(Keyspace),
    /// Positions, most significant byte first, to entries of the log.
    Log,
    /// Keys of data subjects on their way to their own file; no table here.
    SubjectKeys,
}

impl Table {
    /// Every table of the file `data` that commits write.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Keyspace::ALL.into_iter().map(Self::Of).chain([Self::Log])
    }

    /// The name, in redb and in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Of(Keyspace::Meta) => "meta",
            Self::Of(Keyspace::Records) => "records",
            Self::Of(Keyspace::Index) => "index",
            Self::Of(Keyspace::Unique) => "unique",
            Self::Of(Keyspace::Aggregate) => "aggregate",
            Self::Of(Keyspace::Attachments) => "attachments",
            Self::Log => "log",
            Self::SubjectKeys => "subject_keys",
        }
    }

    fn definition(self) -> Definition {
        TableDefinition::new(self.name())
    }
}

/// What a checkpoint brings to the tables.
#[derive(Default)]
pub(super) struct Batch {
    /// Keys and what they became, in the order of tables and keys; a later stretch of the same table
    /// goes over an earlier one.
    pub(super) changes: Vec<Stretch>,
    /// Ids of the commits in it that have one.
    pub(super) ids: Vec<CommitId>,
    /// The generation of the journal that continues the tables from here.
    pub(super) generation: Generation,
}

/// Keys of one table and what they became, in the order of the keys.
pub(super) type Stretch = (Table, Vec<Changed>);

/// Groups changes that come in the order of tables.
pub(super) fn stretches(changes: impl Iterator<Item = (Table, Changed)>) -> Vec<Stretch> {
    let mut grouped: Vec<Stretch> = Vec::new();
    for (table, changed) in changes {
        match grouped.last_mut() {
            Some((last, stretch)) if *last == table => stretch.push(changed),
            _ => grouped.push((table, vec![changed])),
        }
    }
    grouped
}

/// How far a copy of the tables has come: everything up to a key of a table, in their order, is there
/// and is kept in step with the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reached {
    /// Up to a key, inclusive.
    Key(Table, Vec<u8>),
    /// Everything.
    End,
}

impl Reached {
    /// Whether a key is in the copy.
    fn covers(&self, table: Table, key: &[u8]) -> bool {
        match self {
            Self::End => true,
            Self::Key(last, upto) => (table, key) <= (*last, upto.as_slice()),
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::End => vec![u8::MAX],
            Self::Key(table, key) => {
                let number = Table::all().position(|known| known == *table).unwrap_or_default();
                let number = u8::try_from(number).unwrap_or_default();
                [&[number][..], key].concat()
            }
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (number, key) = bytes.split_first()?;
        if *number == u8::MAX {
            return Some(Self::End);
        }
        Some(Self::Key(Table::all().nth(usize::from(*number))?, key.to_vec()))
    }
}

impl Batch {
    /// What of this batch a copy has to take over.
    fn within(&self, reached: &Reached) -> Self {
        let changes = self.changes.iter().map(|(table, stretch)| {
            let covered = stretch.iter().filter(|(key, _)| reached.covers(*table, key));
            (*table, covered.cloned().collect())
        });
        Self { changes: changes.collect(), ids: self.ids.clone(), generation: self.generation }
    }
}

/// Brings to a copy what a batch brings to the original.
///
/// # Errors
/// As [`apply`].
pub(super) fn apply_to_copy(copy: &Vault, batch: &Batch, reached: &Reached) -> Result<()> {
    apply(copy, &batch.within(reached))
}

/// Adds rows to a copy, and notes with them how far it has come.
///
/// # Errors
/// As [`apply`].
pub(super) fn extend_copy(copy: &Vault, rows: Batch, reached: &Reached) -> Result<()> {
    let transaction = begin(copy)?;
    write(&transaction, &rows)?;
    let mut table = transaction.open_table(JOURNAL).map_err(from_redb)?;
    table.insert(GENERATION, rows.generation.as_slice()).map_err(from_redb)?;
    table.insert(COPY, reached.encode().as_slice()).map_err(from_redb)?;
    drop(table);
    transaction.commit().map_err(from_redb)
}

/// Notes something about a copy: in the original its master key, in the copy nothing more.
///
/// # Errors
/// As [`apply`].
pub(super) fn note_copy(vault: &Vault, noted: Option<&[u8]>) -> Result<()> {
    let transaction = begin(vault)?;
    let mut table = transaction.open_table(JOURNAL).map_err(from_redb)?;
    match noted {
        Some(noted) => table.insert(COPY, noted).map(drop),
        None => table.remove(COPY).map(drop),
    }
    .map_err(from_redb)?;
    drop(table);
    transaction.commit().map_err(from_redb)
}

/// Makes the tables of a vault where they are missing, so that no reader ever finds one missing.
///
/// # Errors
/// [`Code::Io`], [`Code::Damaged`].
pub(super) fn prepare(vault: &Vault, random: &dyn Random) -> Result<()> {
    let mut generation: Generation = [0; 16];
    random.fill(&mut generation);
    let transaction = begin(vault)?;
    for table in Table::all() {
        transaction.open_table(table.definition()).map_err(from_redb)?;
    }
    let mut journal = transaction.open_table(JOURNAL).map_err(from_redb)?;
    journal.insert(GENERATION, generation.as_slice()).map_err(from_redb)?;
    drop(journal);
    transaction.commit().map_err(from_redb)
}

/// Applies a batch, durably. The state of redb's allocator is saved with it, so that an open after a
/// crash never has to walk the tables, however large they are; that costs redb a second fsync, which
/// the many commits of a batch share.
///
/// # Errors
/// [`Code::Io`], after which nobody knows what reached the disk; [`Code::Damaged`].
pub(super) fn apply(vault: &Vault, batch: &Batch) -> Result<()> {
    let transaction = begin(vault)?;
    write(&transaction, batch)?;
    remember(&transaction, batch)?;
    transaction.commit().map_err(from_redb)
}

fn write(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    for (table, changes) in &batch.changes {
        let mut table = transaction.open_table(table.definition()).map_err(from_redb)?;
        for (key, value) in changes {
            match value {
                Some(value) => table.insert(key.as_slice(), value.as_slice()).map(drop),
                None => table.remove(key.as_slice()).map(drop),
            }
            .map_err(from_redb)?;
        }
    }
    Ok(())
}

fn begin(vault: &Vault) -> Result<WriteTransaction> {
    let mut transaction = vault.database.begin_write().map_err(from_redb)?;
    transaction.set_durability(Durability::Immediate).map_err(from_redb)?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

/// Notes the generation, and the newest ids in place of the oldest.
fn remember(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    let mut table = transaction.open_table(JOURNAL).map_err(from_redb)?;
    table.insert(GENERATION, batch.generation.as_slice()).map_err(from_redb)?;
    if batch.ids.is_empty() {
        return Ok(());
    }
    let numbers = ..GENERATION;
    let last =
        table.range::<&[u8]>(numbers).map_err(from_redb)?.next_back().transpose().map_err(from_redb)?;
    let last = last.and_then(|(key, _)| key.value().try_into().ok()).map_or(0, u64::from_be_bytes);
    let mut number = last;
    for id in &batch.ids {
        number += 1;
        table.insert(number.to_be_bytes().as_slice(), id.as_slice()).map_err(from_redb)?;
    }
    let kept = number.saturating_sub(REMEMBERED).to_be_bytes();
    table.retain_in::<&[u8], _>(..=kept.as_slice(), |_, _| false).map_err(from_redb)
}

/// A stable view of the tables. Threads may share it.
pub(super) struct TableView {
    transaction: ReadTransaction,
    tables: [OnceLock<ReadTable>; Keyspace::ALL.len()],
    log: OnceLock<ReadTable>,
}

impl TableView {
    /// The newest state of a vault's tables.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub(super) fn of(vault: &Vault) -> Result<Self> {
        let transaction = vault.database.begin_read().map_err(from_redb)?;
        Ok(Self { transaction, tables: Default::default(), log: OnceLock::new() })
    }

    /// The generation of the journal that continues these tables; `None` for tables of format 1.
    ///
    /// # Errors
    /// [`Code::Io`], [`Code::Damaged`].
    pub(super) fn generation(&self) -> Result<Option<Generation>> {
        let table = match self.transaction.open_table(JOURNAL) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            other => other.map_err(from_redb)?,
        };
        let damaged = || Error::new(Code::Damaged).rule("journal generation");
        let stored = table.get(GENERATION).map_err(from_redb)?.ok_or_else(damaged)?;
        stored.value().try_into().map(Some).map_err(|_| damaged())
    }

    /// What is noted about a copy of these tables, or of them as a copy.
    ///
    /// # Errors
    /// [`Code::Io`], [`Code::Damaged`].
    pub(super) fn noted_copy(&self) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let table = self.transaction.open_table(JOURNAL).map_err(from_redb)?;
        let noted = table.get(COPY).map_err(from_redb)?;
        Ok(noted.map(|noted| Zeroizing::new(noted.value().to_vec())))
    }

    /// How far these tables have come as a copy; `None` where they do not say.
    ///
    /// # Errors
    /// As [`TableView::noted_copy`].
    pub(super) fn reached(&self) -> Result<Option<Reached>> {
        Ok(self.noted_copy()?.and_then(|noted| Reached::decode(&noted)))
    }

    /// The rows that follow what a copy has reached, up to some bytes, and what it has reached with them.
    ///
    /// # Errors
    /// As [`TableView::get`].
    pub(super) fn rows_after(&self, reached: Option<&Reached>, bytes: usize) -> Result<(Batch, Reached)> {
        let (first, after) = match reached {
            None => (None, None),
            Some(Reached::End) => return Ok((Batch::default(), Reached::End)),
            Some(Reached::Key(table, key)) => (Some(*table), Some(key.as_slice())),
        };
        let (mut batch, mut size) = (Batch::default(), 0);
        for table in Table::all().skip_while(|table| first.is_some_and(|first| *table != first)) {
            let after = after.filter(|_| Some(table) == first);
            let bounds = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::<&[u8]>::Unbounded);
            let mut stretch = Vec::new();
            for row in self.table(table)?.range::<&[u8]>(bounds).map_err(from_redb)? {
                let (key, value) = row.map_err(from_redb)?;
                size += key.value().len() + value.value().len();
                stretch.push((key.value().to_vec(), Some(value.value().to_vec())));
                if size >= bytes {
                    let last = stretch.last().map(|(key, _)| key.clone()).unwrap_or_default();
                    batch.changes.push((table, stretch));
                    return Ok((batch, Reached::Key(table, last)));
                }
            }
            batch.changes.push((table, stretch));
        }
        Ok((batch, Reached::End))
    }

    /// Rows of all tables.
    ///
    /// # Errors
    /// As [`TableView::get`].
    pub(super) fn rows(&self) -> Result<u64> {
        let mut rows = 0;
        for table in Table::all() {
            rows += self.table(table)?.len().map_err(from_redb)?;
        }
        Ok(rows)
    }

    /// Whether the commit of an id is among the newest that these tables hold.
    ///
    /// # Errors
    /// [`Code::Io`], [`Code::Damaged`].
    pub(super) fn remembers(&self, id: &CommitId) -> Result<bool> {
        let table = self.transaction.open_table(JOURNAL).map_err(from_redb)?;
        for row in table.range::<&[u8]>(..GENERATION).map_err(from_redb)? {
            if row.map_err(from_redb)?.1.value() == id {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`Code::Io`], [`Code::Damaged`].
    pub(super) fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let found = self.table(Table::Of(keyspace))?.get(key).map_err(from_redb)?;
        Ok(found.map(|guard| guard.value().to_vec()))
    }

    /// One page of a range.
    ///
    /// # Errors
    /// As [`TableView::get`].
    pub(super) fn scan(&self, range: &RangeRequest) -> Result<Page> {
        if range.low >= range.high || range.max_rows == 0 {
            return Ok(Page::default());
        }
        let table = self.table(Table::Of(range.keyspace))?;
        let (low, high) = (range.low.as_slice(), range.high.as_slice());
        let start = match range.reverse {
            true => table.upper_bound(Bound::Excluded(high)),
            false => table.lower_bound(Bound::Included(low)),
        };
        let mut rows = start.map_err(from_redb)?;
        let mut page = Page { rows: Vec::with_capacity(range.max_rows.min(USUAL_ROWS)), more: false };
        loop {
            let row = if range.reverse { rows.prev() } else { rows.next() };
            let Some((key, value)) = row.map_err(from_redb)? else { return Ok(page) };
            let key = key.value();
            let is_within = if range.reverse { key >= low } else { key < high };
            if !is_within {
                return Ok(page);
            }
            if page.rows.len() == range.max_rows {
                page.more = true;
                return Ok(page);
            }
            page.rows.push((key.to_vec(), value.value().to_vec()));
        }
    }

    /// Hands entries of the log after a position to a function, at most `max`.
    ///
    /// # Errors
    /// As [`TableView::get`], and those of the function.
    pub(super) fn visit_log(&self, after: u64, max: usize, visit: LogVisitor<'_>) -> Result<()> {
        let Some(first) = after.checked_add(1) else { return Ok(()) };
        let first = first.to_be_bytes();
        // A cursor has no end to look for at each row, as a range has.
        let from = Bound::Included(first.as_slice());
        let mut rows = self.table(Table::Log)?.lower_bound(from).map_err(from_redb)?;
        for _ in 0..max {
            let Some((key, value)) = rows.next().map_err(from_redb)? else { break };
            visit(decode_row(key.value(), value.value())?)?;
        }
        Ok(())
    }

    /// The newest entry of the log.
    ///
    /// # Errors
    /// As [`TableView::get`].
    pub(super) fn head(&self) -> Result<Head> {
        let newest = self.table(Table::Log)?.last().map_err(from_redb)?;
        newest.map_or(Ok(Head::default()), |(key, value)| {
            let entry = decode_entry(key.value(), value.value())?;
            Ok(Head { position: entry.position, hash: entry.hash })
        })
    }

    /// Rows and bytes of each table, by name. Walks the tables' pages.
    ///
    /// # Errors
    /// As [`TableView::get`].
    pub(super) fn sizes(&self) -> Result<BTreeMap<&'static str, TableSize>> {
        let sizes = Table::all().map(|table| {
            let opened = self.table(table)?;
            let stats = opened.stats().map_err(from_redb)?;
            let size = TableSize {
                rows: opened.len().map_err(from_redb)?,
                stored_bytes: stats.stored_bytes(),
                overhead_bytes: stats.metadata_bytes().saturating_add(stats.fragmented_bytes()),
            };
            Ok((table.name(), size))
        });
        sizes.collect()
    }

    fn table(&self, table: Table) -> Result<&ReadTable> {
        let cell = match table {
            Table::Log => Some(&self.log),
            Table::SubjectKeys => None,
            Table::Of(keyspace) => {
                let position = Keyspace::ALL.iter().position(|known| *known == keyspace);
                position.and_then(|position| self.tables.get(position))
            }
        };
        let cell = cell.ok_or_else(|| Error::new(Code::InvalidArgument).field("keyspace"))?;
        if let Some(opened) = cell.get() {
            return Ok(opened);
        }
        let opened = self.transaction.open_table(table.definition()).map_err(from_redb)?;
        Ok(cell.get_or_init(|| opened))
    }
}

/// What one table takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSize {
    /// Its rows.
    pub rows: u64,
    /// Bytes of keys and values.
    pub stored_bytes: u64,
    /// Bytes of its pages beside those: inner pages, and room that is left in pages.
    pub overhead_bytes: u64,
}
