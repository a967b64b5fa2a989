//! SQLCipher's side: the same policy by hand, with closures, covering indexes, and an audit that triggers chain.
//! Where an engineer would try several statements, all are asked, and the fastest one counts.

use std::ops::Range;
use std::path::Path;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row as Found, TransactionBehavior, named_params, params};
use sha2::{Digest, Sha256};

use crate::access::forms::{self, Ask};
use crate::access::phases::HITS;
use crate::access::store::{Answer, Asker, Form, Question, Store};
use crate::access::world::{Lead, Role, SOUGHT, World, user_name};
use crate::crm::sqlcipher::{connect, database, id, now_micros};
use crate::crm::{Opening, PAGE_ROWS};
use crate::harness::{Clock, Outcome, Spent};

const SCHEMA: &str = include_str!("schema.sql");
/// The actor of everything that is loaded.
const ADMINISTRATOR: i64 = 0;
/// Entries of one page of the audit, and entries of reads of one commit.
const ENTRIES: usize = 1_000;

const INSERT: &str = "INSERT INTO lead (id, partition, unit, owner, created_at, created_by, modified_at, modified_by, \
    name, stage, amount, city, phone, opened_at, note) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
const INSERT_SHARE: &str = "INSERT INTO share (grantee, record, level, until, created_at, created_by) VALUES (?1, ?2, 1, NULL, ?3, ?4)";
const INDEX_NAME: &str = "INSERT INTO lead_text (rowid, name) VALUES (?1, ?2)";
const INSERT_READ: &str = "INSERT INTO audit (kind, entity, record, actor, at, changes, hash) \
    VALUES ('read', 'lead', ?1, ?2, ?3, '{}', chained((SELECT hash FROM audit ORDER BY position DESC LIMIT 1), \
    'read', 'lead', ?1, ?2, ?3, '{}'))";
const CHAIN: &str = "SELECT position, kind, entity, record, actor, at, changes, hash FROM audit WHERE position > ?1 \
    ORDER BY position LIMIT ?2";

/// An open database of SQLCipher.
pub struct SqlCipher {
    connection: Connection,
    world: World,
    /// Entries of reads since the last commit, while reads are watched.
    watched: Option<usize>,
}

/// An entry of the audit.
#[derive(Debug)]
#[expect(dead_code, reason = "what is read is held, as a host would, and thrown away")]
struct Entry {
    position: i64,
    kind: String,
    entity: String,
    record: i64,
    actor: i64,
    at: i64,
    changes: String,
}

/// The hash of an entry: of the one before it and of the entry's values, each with its length.
fn link<'v>(before: &[u8], values: impl Iterator<Item = ValueRef<'v>>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(before);
    for value in values {
        match value {
            ValueRef::Integer(number) => hasher.update(number.to_be_bytes()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                hasher.update((bytes.len() as u64).to_be_bytes());
                hasher.update(bytes);
            }
            ValueRef::Real(number) => hasher.update(number.to_be_bytes()),
            ValueRef::Null => hasher.update([0]),
        }
    }
    hasher.finalize().into()
}

/// `chained(hash before, values ...)`, which the triggers call.
fn chained(context: &Context<'_>) -> rusqlite::Result<Vec<u8>> {
    let before = context.get_raw(0).as_blob_or_null()?.unwrap_or_default();
    Ok(link(before, (1..context.len()).map(|place| context.get_raw(place))).to_vec())
}

fn open(folder: &Path, cache_bytes: usize, relaxed: bool) -> Outcome<Connection> {
    let connection = connect(folder, Opening { cache_bytes, relaxed })?;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("chained", -1, flags, chained)?;
    Ok(connection)
}

impl Store for SqlCipher {
    fn create(folder: &Path, world: World) -> Outcome<()> {
        if let Some(parent) = database(folder).parent() {
            std::fs::create_dir(parent)?;
        }
        let mut connection = open(folder, 1 << 26, true)?;
        connection.execute_batch(SCHEMA)?;
        let transaction = connection.transaction()?;
        organisation(&transaction, world)?;
        transaction.commit()?;
        Ok(())
    }

    fn open(folder: &Path, world: World, cache_bytes: usize, loading: bool) -> Outcome<Self> {
        Ok(Self { connection: open(folder, cache_bytes, loading)?, world, watched: None })
    }

    fn insert(&mut self, first: usize, leads: &[(usize, Lead)]) -> Outcome<()> {
        let (world, now) = (self.world, now_micros());
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (number, (owner, lead)) in (first..).zip(leads) {
            let person = world.person(*owner);
            transaction.prepare_cached(INSERT)?.execute(params![
                id(number),
                i64::from(person.parted),
                id(person.unit),
                id(*owner),
                now,
                ADMINISTRATOR,
                lead.name,
                lead.stage,
                lead.amount * 100,
                lead.city,
                lead.phone,
                lead.opened_at,
                lead.note,
            ])?;
            transaction.prepare_cached(INDEX_NAME)?.execute(params![id(number), lead.name])?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn share(&mut self, users: Range<usize>) -> Outcome<usize> {
        let (world, now) = (self.world, now_micros());
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut count = 0;
        for share in users.flat_map(|user| world.shares_with(user)) {
            let values = params![id(share.with), id(share.lead), now, ADMINISTRATOR];
            transaction.prepare_cached(INSERT_SHARE)?.execute(values)?;
            count += 1;
        }
        transaction.commit()?;
        Ok(count)
    }

    fn settle(&mut self) -> Outcome<()> {
        self.connection.execute_batch("INSERT INTO lead_text (lead_text) VALUES ('optimize')")?;
        Ok(self.connection.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?)
    }

    fn leads(&mut self) -> Outcome<usize> {
        let count: i64 =
            self.connection
                .query_row("SELECT sum(leads) FROM kept WHERE partition = 0", [], |row| row.get(0))?;
        Ok(usize::try_from(count)?)
    }

    fn forms(&self, question: Question, asker: Asker) -> Outcome<Vec<Form>> {
        let (me, unit) = self.known(asker);
        let owners = self.list("SELECT person FROM reports WHERE superior = ?1", me)?;
        let units = self.list("SELECT below FROM unit_below WHERE unit = ?1", unit)?;
        Ok(forms::of(question, &Ask { role: asker.role(), owners, units }))
    }

    fn ask(&mut self, question: Question, asker: Asker, form: &Form, turn: usize) -> Outcome<Answer> {
        let (me, unit) = self.known(asker);
        match question {
            Question::Page => self.page(form, me, unit),
            Question::Count => self.count(form, me, unit),
            Question::Search => self.search(form, (me, unit), turn),
            Question::Explain => self.explain(form, me, turn),
        }
    }

    fn compile(&mut self, people: &[usize]) -> Outcome<Spent> {
        let clock = Clock::start();
        for number in people {
            std::hint::black_box(self.reached(id(*number))?);
        }
        Ok(clock.stop())
    }

    fn reorganise(&mut self, turn: usize, back: bool) -> Outcome<()> {
        let (moved, superior) = self.world.moved(turn, back);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let facts = params![id(moved), id(superior)];
        transaction.prepare_cached("UPDATE person SET reports_to = ?2 WHERE id = ?1")?.execute(facts)?;
        // Nobody reports to a salesperson, so one line is all that changes.
        transaction
            .prepare_cached("DELETE FROM reports WHERE person = ?1 AND superior <> ?1")?
            .execute([id(moved)])?;
        transaction
            .prepare_cached("INSERT INTO reports SELECT superior, ?1 FROM reports WHERE person = ?2")?
            .execute(facts)?;
        transaction.commit()?;
        std::hint::black_box(self.reached(id(superior))?);
        Ok(())
    }

    fn verify(&mut self) -> Outcome<usize> {
        let mut statement = self.connection.prepare_cached(CHAIN)?;
        let (mut before, mut count) = (Vec::new(), 0);
        let mut rows = statement.query([0, i64::MAX])?;
        while let Some(row) = rows.next()? {
            let values = (1..7).map(|place| row.get_ref(place)).collect::<Result<Vec<_>, _>>()?;
            let linked = link(&before, values.into_iter());
            if row.get_ref(7)?.as_blob()? != linked {
                return Err("the chain is broken".into());
            }
            before.clear();
            before.extend_from_slice(&linked);
            count += 1;
        }
        Ok(count)
    }

    fn entries(&mut self, most: usize) -> Outcome<usize> {
        let mut statement = self.connection.prepare_cached(CHAIN)?;
        let (mut after, mut read) = (0, 0);
        while read < most {
            let page = statement.query_map([after, id(ENTRIES)], |row| {
                Ok(Entry {
                    position: row.get(0)?,
                    kind: row.get(1)?,
                    entity: row.get(2)?,
                    record: row.get(3)?,
                    actor: row.get(4)?,
                    at: row.get(5)?,
                    changes: row.get(6)?,
                })
            })?;
            let page: Vec<Entry> = page.collect::<Result<_, _>>()?;
            read += page.len();
            match page.last() {
                Some(last) => after = last.position,
                None => break,
            }
        }
        Ok(read)
    }

    fn watch_reads(&mut self, watched: bool) -> Outcome<()> {
        self.watched = watched.then_some(0);
        Ok(())
    }

    fn read_watched(&mut self, lead: usize) -> Outcome<()> {
        let director = id(self.world.asking(Role::Director));
        let mut statement = self.connection.prepare_cached(forms::BY_ID)?;
        let found = statement.query_row(params![id(lead)], |row| Ok((read(row)?, row.get::<_, i64>(7)?)))?;
        drop(statement);
        if found.1 != 0 {
            return Err("a lead of another partition".into());
        }
        if let Some(waiting) = self.watched {
            if waiting == 0 {
                self.connection.execute_batch("BEGIN IMMEDIATE")?;
            }
            let values = params![id(lead), director, now_micros()];
            self.connection.prepare_cached(INSERT_READ)?.execute(values)?;
            self.watched = Some(waiting + 1);
            if waiting + 1 == ENTRIES {
                self.flush_reads()?;
            }
        }
        Ok(())
    }

    fn flush_reads(&mut self) -> Outcome<()> {
        if self.watched.is_some_and(|waiting| waiting > 0) {
            self.connection.execute_batch("COMMIT")?;
            self.watched = Some(0);
        }
        Ok(())
    }
}

impl SqlCipher {
    /// The row of a user and that of the unit.
    fn known(&self, asker: Asker) -> (i64, i64) {
        let user = asker.user(self.world);
        (id(user), id(self.world.person(user).unit))
    }

    fn list(&self, statement: &str, of: i64) -> Outcome<Vec<i64>> {
        let mut statement = self.connection.prepare_cached(statement)?;
        Ok(statement.query_map([of], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// What a host reads when somebody signs in: the level, and the owners and units that it reaches.
    fn reached(&self, me: i64) -> Outcome<(i64, Vec<i64>, Vec<i64>)> {
        let mut statement = self.connection.prepare_cached(forms::LEVEL)?;
        let (level, unit): (i64, i64) = statement.query_row([me], |row| Ok((row.get(0)?, row.get(1)?)))?;
        drop(statement);
        let owners = match level {
            2..=4 => self.list("SELECT person FROM reports WHERE superior = ?1", me)?,
            _ => Vec::new(),
        };
        let units = match level {
            4 => self.list("SELECT below FROM unit_below WHERE unit = ?1", unit)?,
            _ => Vec::new(),
        };
        Ok((level, owners, units))
    }

    fn page(&self, form: &Form, me: i64, unit: i64) -> Outcome<Answer> {
        let mut statement = self.connection.prepare_cached(&form.statement)?;
        let values = named_params! {":me": me, ":unit": unit, ":partition": 0, ":rows": id(PAGE_ROWS),
        ":at": i64::MAX, ":id": i64::MAX};
        let wanted: Vec<_> =
            values.iter().filter(|(name, _)| form.statement.contains(*name)).copied().collect();
        let rows = statement.query_map(wanted.as_slice(), read)?;
        Ok(Answer::Rows(rows.collect::<Result<_, _>>()?))
    }

    fn count(&self, form: &Form, me: i64, unit: i64) -> Outcome<Answer> {
        let mut statement = self.connection.prepare_cached(&form.statement)?;
        let values = named_params! {":me": me, ":unit": unit, ":partition": 0};
        let wanted: Vec<_> =
            values.iter().filter(|(name, _)| form.statement.contains(*name)).copied().collect();
        let count: i64 = statement.query_row(wanted.as_slice(), |row| row.get(0))?;
        Ok(Answer::Count(u64::try_from(count)?))
    }

    fn search(&self, form: &Form, (me, unit): (i64, i64), turn: usize) -> Outcome<Answer> {
        let sought = format!("\"{}\"", SOUGHT.get(turn % SOUGHT.len()).copied().unwrap_or_default());
        let values = named_params! {":me": me, ":unit": unit, ":partition": 0, ":sought": sought,
        ":rows": id(HITS)};
        let of = |statement: &str| -> Vec<_> {
            values.iter().filter(|(name, _)| statement.contains(*name)).copied().collect()
        };
        let (page, total) = form.statement.split_once(';').ok_or("a search is two statements")?;
        let mut found = self.connection.prepare_cached(page)?;
        let rows = found.query_map(of(page).as_slice(), read)?.collect::<Result<Vec<_>, _>>()?;
        let mut counted = self.connection.prepare_cached(total)?;
        let total: i64 = counted.query_row(of(total).as_slice(), |row| row.get(0))?;
        Ok(Answer::Hits(u64::try_from(total)?, rows.len()))
    }

    fn explain(&self, form: &Form, me: i64, turn: usize) -> Outcome<Answer> {
        let lead = id(self.world.explained(usize::try_from(me)?, turn));
        let mut statement = self.connection.prepare_cached(&form.statement)?;
        let paths = statement.query_map(params![me, lead], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, Option<String>>(3)?,
            ))
        })?;
        let paths = paths.collect::<Result<Vec<_>, _>>()?;
        let shares = paths.iter().filter(|(_, reason, _, _)| reason == "share").count();
        Ok(Answer::Paths(paths.len() - shares, shares))
    }
}

/// Everybody of the world, with units, roles and both closures.
fn organisation(connection: &Connection, world: World) -> Outcome<()> {
    for number in 0..world.units {
        let above = World::parent(number).map(id);
        connection.prepare_cached("INSERT INTO unit VALUES (?1, ?2)")?.execute(params![id(number), above])?;
        for above in std::iter::successors(Some(number), |unit| World::parent(*unit)) {
            let closed = "INSERT INTO unit_below VALUES (?1, ?2)";
            connection.prepare_cached(closed)?.execute([id(above), id(number)])?;
        }
    }
    for (number, (role, level)) in Role::ALL.iter().zip([1, 2, 4, 5]).enumerate() {
        connection.execute("INSERT INTO role VALUES (?1, ?2)", params![id(number), role.name()])?;
        for action in ["read", "create", "update", "assign"] {
            let granted = "INSERT INTO granted (role, entity, action, level) VALUES (?1, 'lead', ?2, ?3)";
            connection.execute(granted, params![id(number), action, level])?;
        }
    }
    for number in 0..world.users {
        let person = world.person(number);
        let partition = i64::from(person.parted);
        connection.prepare_cached("INSERT INTO person VALUES (?1, ?2, 1, ?3, ?4, ?5)")?.execute(params![
            id(number),
            user_name(number),
            id(person.unit),
            person.reports_to.map(id),
            partition
        ])?;
        let role = Role::ALL.iter().position(|role| *role == person.role).map(id);
        connection
            .prepare_cached("INSERT INTO assignment VALUES (?1, ?2)")?
            .execute(params![id(number), role])?;
        for above in std::iter::successors(Some(number), |user| world.person(*user).reports_to) {
            let closed = "INSERT INTO reports VALUES (?1, ?2)";
            connection.prepare_cached(closed)?.execute([id(above), id(number)])?;
        }
    }
    Ok(())
}

fn read(row: &Found<'_>) -> rusqlite::Result<Lead> {
    Ok(Lead {
        name: row.get(0)?,
        stage: row.get(1)?,
        amount: row.get::<_, i64>(2)? / 100,
        city: row.get(3)?,
        phone: row.get(4)?,
        opened_at: row.get(5)?,
        note: row.get(6)?,
    })
}
