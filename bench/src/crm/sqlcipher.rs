//! SQLCipher's side: tables, indexes, triggers and cached statements as a competent engineer writes them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Row as Found, TransactionBehavior, params, params_from_iter};

use crate::crm::data::{OWNERS, STAGES, VISIBLE_OWNERS};
use crate::crm::{
    ANCHORS, Account, Contact, Opening, Opportunity, PAGE_ROWS, RAW_KEY, Role, Row, Rows, Store, Worker,
    folder_size,
};
use crate::harness::Outcome;

/// The tables, indexes and triggers of the workload.
pub const SCHEMA: &str = include_str!("schema.sql");
/// Statements that one connection keeps prepared.
const STATEMENTS: usize = 64;
/// Pages of the write-ahead log after which it is taken over: 16 MiB, as much as Guanxi's journal holds.
const CHECKPOINT_PAGES: u32 = 4_096;

const INSERT_ACCOUNT: &str = "INSERT INTO account (owner, created_at, created_by, modified_at, modified_by, \
    name, kind, industry, city, phone, email, established, revenue, revenue_currency, employees, parent, note) \
    VALUES (?1, ?2, ?3, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'CNY', ?12, ?13, ?14)";
const INSERT_CONTACT: &str = "INSERT INTO contact (owner, created_at, created_by, modified_at, modified_by, \
    name, account, position, phone, email, birthday) VALUES (?1, ?2, ?3, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const INSERT_OPPORTUNITY: &str = "INSERT INTO opportunity (owner, created_at, created_by, modified_at, \
    modified_by, title, account, stage, status, amount, amount_currency, engaged_on, closed_on, expected_on, \
    stage_since, note) VALUES (?1, ?2, ?3, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'CNY', ?9, ?10, ?11, ?2, ?12)";
const UPDATE_ACCOUNT: &str = "UPDATE account SET phone = ?2, note = ?3, modified_at = ?4, modified_by = ?5, \
    version = version + 1 WHERE id = ?1";
const COLUMNS: &str = "id, owner, version, created_at, created_by, modified_at, modified_by, name, kind, \
    industry, city, phone, email, established, revenue, revenue_currency, employees, parent, note";

/// An open database of SQLCipher. Writers of one process take turns, as its one writer demands, without
/// the sleeps of its busy handler.
pub struct SqlCipher {
    folder: PathBuf,
    opening: Opening,
    turn: Mutex<()>,
    /// With `synchronous = FULL` each commit flushes the log once (sqlite.org/pragma.html#pragma_synchronous);
    /// what checkpoints flush beside that is not counted.
    durable_commits: AtomicU64,
}

/// Where a database lies in its folder.
pub fn database(folder: &Path) -> PathBuf {
    folder.join("bench.sqlite").join("data.db")
}

/// A connection to the database of a folder.
pub fn connect(folder: &Path, opening: Opening) -> Outcome<Connection> {
    let connection = Connection::open(database(folder))?;
    let key: String = RAW_KEY.iter().map(|byte| format!("{byte:02x}")).collect();
    connection.execute_batch(&format!("PRAGMA key = \"x'{key}'\";"))?;
    let synchronous = if opening.relaxed { "NORMAL" } else { "FULL" };
    let cache_kib = opening.cache_bytes / 1_024;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA cache_size = -{cache_kib}; \
         PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};"
    ))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

impl Store for SqlCipher {
    type Worker<'a> = SqlCipherWorker<'a>;

    fn create(folder: &Path) -> Outcome<()> {
        std::fs::create_dir(folder.join("bench.sqlite"))?;
        let connection = connect(folder, Opening { cache_bytes: 1 << 24, relaxed: false })?;
        connection.execute_batch(SCHEMA)?;
        let mut person = connection.prepare("INSERT INTO person (id, name, manager) VALUES (?1, ?2, ?3)")?;
        for half in 0..2_i64 {
            person.execute(params![manager(half), format!("manager-{half}"), None::<i64>])?;
        }
        for number in 0..OWNERS {
            let above = manager(i64::from(number >= VISIBLE_OWNERS));
            person.execute(params![owner(number), format!("seller-{number:02}"), above])?;
        }
        let mut stage = connection.prepare("INSERT INTO stage (id, name, outcome) VALUES (?1, ?2, ?3)")?;
        for ((name, outcome), id) in STAGES.iter().zip(1_i64..) {
            stage.execute(params![id, name, outcome])?;
        }
        Ok(())
    }

    fn open(folder: &Path, opening: Opening) -> Outcome<Self> {
        // The key is only tried when something is read.
        connect(folder, opening)?.query_row("SELECT count(*) FROM stage", [], |row| row.get::<_, i64>(0))?;
        Ok(Self {
            folder: folder.to_owned(),
            opening,
            turn: Mutex::new(()),
            durable_commits: AtomicU64::new(0),
        })
    }

    fn worker(&self, role: Role) -> Outcome<SqlCipherWorker<'_>> {
        let connection = connect(&self.folder, self.opening)?;
        let (actor, visible) = match role {
            Role::Administrator => (0, Vec::new()),
            Role::Manager => {
                let mut team = connection.prepare("SELECT id FROM person WHERE id = ?1 OR manager = ?1")?;
                let visible = team.query_map([manager(0)], |row| row.get(0))?.collect::<Result<_, _>>()?;
                (manager(0), visible)
            }
        };
        let wanted: Vec<String> = (5..).take(visible.len()).map(|number| format!("?{number}")).collect();
        let wanted = wanted.join(", ");
        let page_by_name = format!(
            "SELECT {COLUMNS} FROM account WHERE (name, owner, id) > (?1, ?2, ?3) AND +owner IN ({wanted}) \
             ORDER BY name, owner, id LIMIT ?4"
        );
        Ok(SqlCipherWorker {
            connection,
            store: self,
            actor,
            visible,
            page_by_name,
            anchors: Vec::new(),
            owners: vec![0; OWNERS],
        })
    }

    fn size(folder: &Path) -> Outcome<u64> {
        folder_size(&folder.join("bench.sqlite"))
    }

    fn size_of_history(folder: &Path) -> Outcome<u64> {
        let connection = connect(folder, Opening { cache_bytes: 64 << 20, relaxed: false })?;
        let bytes: i64 =
            connection
                .query_row("SELECT sum(pgsize) FROM dbstat WHERE name = 'audit'", [], |row| row.get(0))?;
        Ok(u64::try_from(bytes)?)
    }

    fn compacted_size(folder: &Path, opening: Opening) -> Outcome<u64> {
        let connection = connect(folder, opening)?;
        connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")?;
        drop(connection);
        Self::size(folder)
    }

    fn backup_size(folder: &Path, opening: Opening) -> Outcome<u64> {
        let copy = folder.join("copy.db");
        let connection = connect(folder, opening)?;
        connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
        let size = std::fs::metadata(&copy)?.len();
        std::fs::remove_file(copy)?;
        Ok(size)
    }

    fn flushes(&self) -> Outcome<u64> {
        Ok(self.durable_commits.load(Ordering::SeqCst))
    }
}

/// One thread's connection.
pub struct SqlCipherWorker<'a> {
    connection: Connection,
    store: &'a SqlCipher,
    actor: i64,
    visible: Vec<i64>,
    page_by_name: String,
    anchors: Vec<(String, i64, i64)>,
    owners: Vec<i64>,
}

/// An account as the host holds it.
#[derive(Debug)]
struct Read {
    id: i64,
    owner: i64,
    _envelope: [i64; 5],
    name: String,
    kind: Option<String>,
    industry: Option<String>,
    city: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    _established: Option<i64>,
    _revenue: Option<i64>,
    _currency: Option<String>,
    _employees: Option<i64>,
    _parent: Option<i64>,
    note: Option<String>,
}

impl Read {
    fn of(row: &Found<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            owner: row.get(1)?,
            _envelope: [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?],
            name: row.get(7)?,
            kind: row.get(8)?,
            industry: row.get(9)?,
            city: row.get(10)?,
            phone: row.get(11)?,
            email: row.get(12)?,
            _established: row.get(13)?,
            _revenue: row.get(14)?,
            _currency: row.get(15)?,
            _employees: row.get(16)?,
            _parent: row.get(17)?,
            note: row.get(18)?,
        })
    }

    fn text_bytes(&self) -> usize {
        let optional = [&self.kind, &self.industry, &self.city, &self.phone, &self.email, &self.note];
        self.name.len() + optional.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

fn manager(half: i64) -> i64 {
    1 + half
}

fn owner(number: usize) -> i64 {
    3 + id(number)
}

fn account_id(number: usize) -> i64 {
    1 + id(number)
}

/// A number as a row id.
pub fn id(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The present moment, in microseconds since 1970.
pub fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn insert_account(connection: &Connection, row: &Account, actor: i64, now: i64) -> rusqlite::Result<()> {
    let kind = if row.person { "person" } else { "organisation" };
    connection.prepare_cached(INSERT_ACCOUNT)?.execute(params![
        owner(row.owner),
        now,
        actor,
        row.name,
        kind,
        row.industry,
        row.city,
        row.phone,
        row.email,
        row.established,
        row.revenue * 100,
        row.employees,
        row.parent.map(account_id),
        row.note,
    ])?;
    Ok(())
}

fn insert_contact(connection: &Connection, row: &Contact, actor: i64, now: i64) -> rusqlite::Result<()> {
    connection.prepare_cached(INSERT_CONTACT)?.execute(params![
        owner(row.owner),
        now,
        actor,
        row.name,
        account_id(row.account),
        row.position,
        row.phone,
        row.email,
        row.birthday,
    ])?;
    Ok(())
}

fn insert_opportunity(
    connection: &Connection,
    row: &Opportunity,
    actor: i64,
    now: i64,
) -> rusqlite::Result<()> {
    let status = STAGES.get(row.stage).map_or("open", |(_, outcome)| outcome);
    connection.prepare_cached(INSERT_OPPORTUNITY)?.execute(params![
        owner(row.owner),
        now,
        actor,
        row.title,
        account_id(row.account),
        id(row.stage) + 1,
        status,
        row.amount * 100,
        row.engaged_on,
        row.closed_on,
        row.expected_on,
        row.note,
    ])?;
    Ok(())
}

impl Worker for SqlCipherWorker<'_> {
    fn store(&mut self, rows: &Rows) -> Outcome<()> {
        let _turn = self.store.take_turn();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = now_micros();
        for row in rows {
            match row {
                Row::Account(row) => insert_account(&transaction, row, self.actor, now)?,
                Row::Contact(row) => insert_contact(&transaction, row, self.actor, now)?,
                Row::Opportunity(row) => insert_opportunity(&transaction, row, self.actor, now)?,
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn change(&mut self, account: usize, phone: &str, note: &str) -> Outcome<()> {
        let _turn = self.store.take_turn();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.prepare_cached(UPDATE_ACCOUNT)?.execute(params![
            account_id(account),
            phone,
            note,
            now_micros(),
            self.actor
        ])?;
        transaction.commit()?;
        Ok(())
    }

    fn remember(&self, _folder: &Path) -> Outcome<()> {
        // Accounts are numbered in the order in which they were stored.
        Ok(())
    }

    fn read(&mut self, account: usize) -> Outcome<usize> {
        let mut statement = self.connection.prepare_cached(&by_id())?;
        let found = statement.query_row([account_id(account)], Read::of).optional()?;
        let read =
            found.filter(|read| self.visible.contains(&read.owner)).ok_or("an account out of sight")?;
        Ok(read.text_bytes())
    }

    fn prepare_pages(&mut self, accounts: usize) -> Outcome<()> {
        let distance = id(accounts.div_ceil(2 * ANCHORS).max(1));
        self.anchors = vec![(String::new(), 0, 0)];
        while self.anchors.len() < ANCHORS {
            let last = self.anchors.last().cloned().unwrap_or_default();
            match self.names_after(&last, distance)?.1 {
                Some(next) => self.anchors.push(next),
                None => break,
            }
        }
        Ok(())
    }

    fn page_by_name(&mut self, anchor: usize) -> Outcome<usize> {
        let place = anchor % self.anchors.len().max(1);
        let after = self.anchors.get(place).cloned().unwrap_or_default();
        let (bytes, next) = self.names_after(&after, id(PAGE_ROWS))?;
        if let Some(anchor) = self.anchors.get_mut(place) {
            *anchor = next.unwrap_or_default();
        }
        Ok(bytes)
    }

    fn page_by_owner(&mut self, number: usize) -> Outcome<usize> {
        let place = number % VISIBLE_OWNERS;
        let after = self.owners.get(place).copied().unwrap_or_default();
        let mut statement = self.connection.prepare_cached(&by_owner())?;
        let rows: Vec<Read> = statement
            .query_map(params![owner(place), after, id(PAGE_ROWS)], Read::of)?
            .collect::<Result<_, _>>()?;
        if let Some(place) = self.owners.get_mut(place) {
            *place = rows.last().filter(|_| rows.len() == PAGE_ROWS).map_or(0, |last| last.id);
        }
        Ok(rows.iter().map(Read::text_bytes).sum())
    }
}

fn by_id() -> String {
    format!("SELECT {COLUMNS} FROM account WHERE id = ?1")
}

fn by_owner() -> String {
    format!("SELECT {COLUMNS} FROM account WHERE owner = ?1 AND id > ?2 ORDER BY id LIMIT ?3")
}

impl SqlCipher {
    /// The writer's turn, for one commit.
    fn take_turn(&self) -> MutexGuard<'_, ()> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.durable_commits.fetch_add(u64::from(!self.opening.relaxed), Ordering::SeqCst);
        turn
    }
}

/// Where a page by name ended.
type Place = (String, i64, i64);

impl SqlCipherWorker<'_> {
    fn names_after(&self, after: &Place, limit: i64) -> Outcome<(usize, Option<Place>)> {
        let mut statement = self.connection.prepare_cached(&self.page_by_name)?;
        let (name, owner, id) = after;
        let fixed: [&dyn rusqlite::ToSql; 4] = [name, owner, id, &limit];
        let wanted = fixed.into_iter().chain(self.visible.iter().map(|owner| owner as &dyn rusqlite::ToSql));
        let rows: Vec<Read> =
            statement.query_map(params_from_iter(wanted), Read::of)?.collect::<Result<_, _>>()?;
        let full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
        let next = rows.last().filter(|_| full).map(|last| (last.name.clone(), last.owner, last.id));
        Ok((rows.iter().map(Read::text_bytes).sum(), next))
    }
}
