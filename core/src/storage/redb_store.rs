//! The store on redb: one table per keyspace, one for the log, one fsync per commit.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition};

use crate::base::{Code, Error, MAX_KEY_BYTES, MAX_VALUE_BYTES, Patience, Result};
use crate::storage::faults::from_redb;
use crate::storage::log_format::{decode_entry, encode_entry};
use crate::storage::store::{
    Caps, ChainLink, Committed, Head, Keyspace, LogEntry, LogRecord, Page, RangeRequest, Snapshot, Store,
    StoreTransaction, WriteSet,
};
use crate::storage::turns::{Turn, Turns};
use crate::storage::vault::Vault;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
type ReadTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// Positions, most significant byte first, to entries of the log.
const LOG: Definition = TableDefinition::new("log");

/// Most changes of one commit: above some ten thousand, a larger batch no longer makes a row cheaper.
const MAX_OPERATIONS: usize = 50_000;
/// Most bytes of one commit, which redb and the sealed pages hold in memory until the fsync.
const MAX_COMMIT_BYTES: usize = 64 * 1_024 * 1_024;

fn definition(keyspace: Keyspace) -> Definition {
    TableDefinition::new(match keyspace {
        Keyspace::Meta => "meta",
        Keyspace::Records => "records",
        Keyspace::Index => "index",
        Keyspace::Unique => "unique",
        Keyspace::Aggregate => "aggregate",
        Keyspace::Attachments => "attachments",
    })
}

/// The embedded store.
pub(super) struct RedbStore {
    vault: Arc<Vault>,
    chain: ChainLink,
    turns: Turns,
    stopped: AtomicBool,
}

impl RedbStore {
    /// The store in a vault.
    pub(super) fn new(vault: Arc<Vault>, chain: ChainLink) -> Self {
        Self { vault, chain, turns: Turns::default(), stopped: AtomicBool::new(false) }
    }

    /// Makes the tables of a new vault, so that no reader ever finds one missing.
    pub(super) fn prepare(vault: &Vault) -> Result<()> {
        let transaction = vault.database.begin_write().map_err(from_redb)?;
        for keyspace in Keyspace::ALL {
            transaction.open_table(definition(keyspace)).map_err(from_redb)?;
        }
        transaction.open_table(LOG).map_err(from_redb)?;
        transaction.commit().map_err(from_redb)
    }

    fn check_running(&self) -> Result<()> {
        if self.stopped.load(Ordering::SeqCst) {
            return Err(Error::new(Code::Stopped));
        }
        Ok(())
    }

    fn view(&self) -> Result<View> {
        self.check_running()?;
        let transaction = self.vault.database.begin_read().map_err(from_redb)?;
        Ok(View { transaction, tables: Default::default(), log: OnceCell::new() })
    }

    /// Applies a checked write set in one transaction of redb.
    fn apply(&self, writes: WriteSet, head: Head) -> Result<Head> {
        let mut transaction = self.vault.database.begin_write().map_err(from_redb)?;
        transaction.set_durability(Durability::Immediate).map_err(from_redb)?;
        apply_changes(&transaction, &writes)?;
        let head = append_log(&transaction, writes.log, head, self.chain)?;
        transaction.commit().map_err(from_redb)?;
        Ok(head)
    }
}

impl Store for RedbStore {
    fn caps(&self) -> Caps {
        Caps {
            max_key_bytes: MAX_KEY_BYTES,
            max_value_bytes: MAX_VALUE_BYTES,
            max_transaction_operations: MAX_OPERATIONS,
            max_transaction_bytes: MAX_COMMIT_BYTES,
        }
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>> {
        Ok(Box::new(self.view()?))
    }

    fn begin(&self, patience: &Patience) -> Result<Box<dyn StoreTransaction + '_>> {
        self.check_running()?;
        let turn = self.turns.take(patience)?;
        Ok(Box::new(Writing { store: self, view: self.view()?, _turn: turn }))
    }
}

/// A read transaction with the tables that it has opened.
struct View {
    transaction: ReadTransaction,
    tables: [OnceCell<ReadTable>; Keyspace::ALL.len()],
    log: OnceCell<ReadTable>,
}

impl View {
    fn table(&self, keyspace: Keyspace) -> Result<&ReadTable> {
        let position = Keyspace::ALL.iter().position(|known| *known == keyspace);
        let cell = position.and_then(|position| self.tables.get(position));
        let cell = cell.ok_or_else(|| Error::new(Code::InvalidArgument).field("keyspace"))?;
        self.open(cell, definition(keyspace))
    }

    fn log(&self) -> Result<&ReadTable> {
        self.open(&self.log, LOG)
    }

    fn open<'a>(&self, cell: &'a OnceCell<ReadTable>, definition: Definition) -> Result<&'a ReadTable> {
        if let Some(table) = cell.get() {
            return Ok(table);
        }
        let table = self.transaction.open_table(definition).map_err(from_redb)?;
        Ok(cell.get_or_init(|| table))
    }
}

impl Snapshot for View {
    fn get_many(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Vec<u8>>>> {
        keys.iter()
            .map(|(keyspace, key)| {
                let found = self.table(*keyspace)?.get(*key).map_err(from_redb)?;
                Ok(found.map(|guard| guard.value().to_vec()))
            })
            .collect()
    }

    fn scan(&self, range: &RangeRequest) -> Result<Page> {
        if range.low >= range.high || range.max_rows == 0 {
            return Ok(Page::default());
        }
        let table = self.table(range.keyspace)?;
        let rows = table.range(range.low.as_slice()..range.high.as_slice()).map_err(from_redb)?;
        if range.reverse { collect(rows.rev(), range.max_rows) } else { collect(rows, range.max_rows) }
    }

    fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>> {
        let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
        let first = first.to_be_bytes();
        let rows = self.log()?.range(first.as_slice()..).map_err(from_redb)?;
        collect(rows, max)?.rows.iter().map(|(key, value)| decode_entry(key, value)).collect()
    }

    fn head(&self) -> Result<Head> {
        let newest = self.log()?.last().map_err(from_redb)?;
        newest.map_or(Ok(Head::default()), |(key, value)| {
            let entry = decode_entry(key.value(), value.value())?;
            Ok(Head { position: entry.position, hash: entry.hash })
        })
    }
}

type Row<'a> = (redb::AccessGuard<'a, &'static [u8]>, redb::AccessGuard<'a, &'static [u8]>);

/// The first rows of an iterator, and whether it has more.
fn collect<'a>(
    mut rows: impl Iterator<Item = std::result::Result<Row<'a>, redb::StorageError>>,
    max_rows: usize,
) -> Result<Page> {
    let mut page = Page::default();
    for row in rows.by_ref().take(max_rows) {
        let (key, value) = row.map_err(from_redb)?;
        page.rows.push((key.value().to_vec(), value.value().to_vec()));
    }
    page.more = rows.next().transpose().map_err(from_redb)?.is_some();
    Ok(page)
}

/// The writer's turn with its stable view: nobody else can commit while it is held.
struct Writing<'a> {
    store: &'a RedbStore,
    view: View,
    _turn: Turn<'a>,
}

impl Snapshot for Writing<'_> {
    fn get_many(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Vec<u8>>>> {
        self.view.get_many(keys)
    }

    fn scan(&self, range: &RangeRequest) -> Result<Page> {
        self.view.scan(range)
    }

    fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>> {
        self.view.read_log(after, max)
    }

    fn head(&self) -> Result<Head> {
        self.view.head()
    }
}

impl StoreTransaction for Writing<'_> {
    fn commit(self: Box<Self>, writes: WriteSet) -> Result<Committed> {
        self.store.check_running()?;
        check_limits(&writes, self.store.caps())?;
        let head = self.view.head()?;
        if writes.changes.is_empty() && writes.log.is_empty() {
            return Ok(Committed { head });
        }
        // After a failure nobody knows what reached the disk, so nothing more is written or read.
        let head = self
            .store
            .apply(writes, head)
            .inspect_err(|_| self.store.stopped.store(true, Ordering::SeqCst))?;
        Ok(Committed { head })
    }
}

/// Refuses a write set that is larger than the store takes, before anything is written.
fn check_limits(writes: &WriteSet, caps: Caps) -> Result<()> {
    let mut bytes = 0_usize;
    for ((_, key), value) in &writes.changes {
        let value_bytes = value.as_ref().map_or(0, Vec::len);
        check("key bytes", key.len(), caps.max_key_bytes)?;
        check("value bytes", value_bytes, caps.max_value_bytes)?;
        bytes = bytes.saturating_add(key.len()).saturating_add(value_bytes);
    }
    for record in &writes.log {
        bytes = bytes.saturating_add(record.chained.len()).saturating_add(record.sealed.len());
    }
    let operations = writes.changes.len().saturating_add(writes.log.len());
    check("operations of one commit", operations, caps.max_transaction_operations)?;
    check("bytes of one commit", bytes, caps.max_transaction_bytes)
}

fn check(what: &str, actual: usize, limit: usize) -> Result<()> {
    if actual > limit {
        return Err(Error::new(Code::LimitExceeded).field(what).rule(&format!("{actual} > {limit}")));
    }
    Ok(())
}

fn apply_changes(transaction: &redb::WriteTransaction, writes: &WriteSet) -> Result<()> {
    let mut changes = writes.changes.iter().peekable();
    while let Some(((keyspace, _), _)) = changes.peek() {
        let keyspace = *keyspace;
        let mut table = transaction.open_table(definition(keyspace)).map_err(from_redb)?;
        while let Some(((_, key), value)) = changes.next_if(|((of, _), _)| *of == keyspace) {
            match value {
                Some(value) => table.insert(key.as_slice(), value.as_slice()).map(drop),
                None => table.remove(key.as_slice()).map(drop),
            }
            .map_err(from_redb)?;
        }
    }
    Ok(())
}

/// Gives each record the next position and links it to the one before.
fn append_log(
    transaction: &redb::WriteTransaction,
    records: Vec<LogRecord>,
    mut head: Head,
    chain: ChainLink,
) -> Result<Head> {
    if records.is_empty() {
        return Ok(head);
    }
    let mut table = transaction.open_table(LOG).map_err(from_redb)?;
    for record in records {
        let position = head.position.saturating_add(1);
        head = Head { position, hash: chain(&head.hash, position, &record.chained) };
        let value = encode_entry(&head.hash, &record)?;
        table.insert(position.to_be_bytes().as_slice(), value.as_slice()).map_err(from_redb)?;
    }
    Ok(head)
}
