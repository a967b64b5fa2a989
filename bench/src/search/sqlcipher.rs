//! SQLCipher's side: FTS5 with trigrams, and with unicode61 over texts that the host cuts into pairs of characters.
//! Where both mean the same by a question, both are asked, and the faster one counts.

use std::path::Path;

use rusqlite::{Connection, Row as Found, TransactionBehavior, named_params, params};

use crate::crm::Opening;
use crate::crm::sqlcipher::{connect, database, id, now_micros};
use crate::harness::{Clock, Outcome};
use crate::search::party::{Party, TEAM};
use crate::search::phases::{COMPLETED, HITS};
use crate::search::store::{Answer, Asker, Built, Form, Question, Store};

const SCHEMA: &str = include_str!("schema.sql");
const BIGRAM: &str = "bigram";
const TRIGRAM: &str = "trigram";
/// Records of one transaction of indexing.
const INDEXED: i64 = 10_000;
/// The manager of the team.
const MANAGER: i64 = 0;

const INSERT: &str = "INSERT INTO party (id, company, owner, created_at, name, phone, email, note) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const COLUMNS: &str = "party.company, party.owner, party.name, party.phone, party.email, party.note";

/// An open database of SQLCipher.
pub struct SqlCipher {
    connection: Connection,
    /// Whether there are indexes that new records go to.
    indexed: bool,
}

impl Store for SqlCipher {
    fn create(folder: &Path) -> Outcome<()> {
        if let Some(parent) = database(folder).parent() {
            std::fs::create_dir(parent)?;
        }
        let connection = connect(folder, Opening { cache_bytes: 1 << 26, relaxed: true })?;
        connection.execute_batch(SCHEMA)?;
        for owner in 0..TEAM {
            connection.execute("INSERT INTO team VALUES (?1, ?2)", [MANAGER, id(owner)])?;
        }
        Ok(())
    }

    fn open(folder: &Path, cache_bytes: usize, loading: bool) -> Outcome<Self> {
        let connection = connect(folder, Opening { cache_bytes, relaxed: loading })?;
        let some = "SELECT EXISTS (SELECT 1 FROM bigram_docsize)";
        let indexed = connection.query_row(some, [], |row| row.get(0))?;
        Ok(Self { connection, indexed })
    }

    fn insert(&mut self, first: usize, parties: &[Party]) -> Outcome<()> {
        let now = now_micros();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (number, party) in (first..).zip(parties) {
            let Party { company, owner, name, phone, email, note } = party;
            let values = params![id(number), company, id(*owner), now, name, phone, email, note];
            transaction.prepare_cached(INSERT)?.execute(values)?;
            if self.indexed {
                for table in [BIGRAM, TRIGRAM] {
                    add(&transaction, table, id(number), party)?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn records(&mut self) -> Outcome<usize> {
        let count: i64 = self.connection.query_row("SELECT count(*) FROM party", [], |row| row.get(0))?;
        Ok(usize::try_from(count)?)
    }

    fn index(&mut self, records: usize) -> Outcome<Vec<(&'static str, Built)>> {
        let mut built = Vec::new();
        for table in [BIGRAM, TRIGRAM] {
            let clock = Clock::start();
            for first in (0..id(records)).step_by(usize::try_from(INDEXED)?) {
                self.index_some(table, first)?;
            }
            self.connection.execute_batch(&format!("INSERT INTO {table} ({table}) VALUES ('optimize')"))?;
            let micros_each = clock.stop().processor_micros_each(records);
            let bytes = format!(
                "SELECT (SELECT sum(length(block)) FROM {table}_data) + (SELECT sum(length(sz)) FROM {table}_docsize)"
            );
            let bytes: i64 = self.connection.query_row(&bytes, [], |row| row.get(0))?;
            built.push((table, Built { bytes: u64::try_from(bytes)?, micros_each }));
        }
        self.indexed = true;
        Ok(built)
    }

    fn settle(&mut self) -> Outcome<()> {
        Ok(self.connection.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?)
    }

    fn forms(&self, question: Question) -> Vec<Form> {
        let [bigram, trigram] = [BIGRAM, TRIGRAM].map(|name| Form { name });
        match question {
            Question::CommonLong | Question::FullName | Question::Phone => vec![bigram, trigram],
            Question::Rare
            | Question::Common
            | Question::TwoWords
            | Question::Person
            | Question::Email
            | Question::Prefix => vec![bigram],
            // Neither reads characters, and neither forgives an error.
            Question::Initials | Question::Misspelt | Question::WrongCharacter => Vec::new(),
        }
    }

    fn ask(&mut self, form: &Form, _: Question, asker: Asker, text: &str) -> Outcome<Answer> {
        let sought = if form.name == BIGRAM { bigram_query(text) } else { format!("\"{text}\"") };
        let found = found(form.name, asker);
        let page = format!("SELECT {COLUMNS} {found} ORDER BY rank LIMIT :rows");
        let rows = self.rows(&page, asker, &sought, HITS)?;
        let mut counted = self.connection.prepare_cached(&format!("SELECT count(*) {found}"))?;
        let total: i64 = match asker {
            Asker::Manager => {
                counted.query_row(named_params! {":sought": sought, ":me": MANAGER}, |row| row.get(0))?
            }
            Asker::Everybody => counted.query_row(named_params! {":sought": sought}, |row| row.get(0))?,
        };
        Ok(Answer { total: u64::try_from(total)?, shown: rows.len() })
    }

    fn complete(&mut self, asker: Asker, text: &str) -> Outcome<usize> {
        let sought = format!("name : {}", bigram_query(text));
        let page = format!("SELECT {COLUMNS} {} ORDER BY rank LIMIT :rows", found(BIGRAM, asker));
        Ok(self.rows(&page, asker, &sought, COMPLETED)?.len())
    }
}

impl SqlCipher {
    fn index_some(&mut self, table: &str, first: i64) -> Outcome<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let some = format!("SELECT id, {COLUMNS} FROM party WHERE id >= ?1 AND id < ?2");
        let mut some = transaction.prepare_cached(&some)?;
        let mut rows = some.query([first, first + INDEXED])?;
        while let Some(row) = rows.next()? {
            add(&transaction, table, row.get(0)?, &read(row, 1)?)?;
        }
        drop(rows);
        drop(some);
        transaction.commit()?;
        Ok(())
    }

    fn rows(&self, statement: &str, asker: Asker, sought: &str, most: usize) -> Outcome<Vec<Party>> {
        let mut statement = self.connection.prepare_cached(statement)?;
        let read = |row: &Found<'_>| read(row, 0);
        let rows = match asker {
            Asker::Manager => statement
                .query_map(named_params! {":sought": sought, ":rows": id(most), ":me": MANAGER}, read)?,
            Asker::Everybody => {
                statement.query_map(named_params! {":sought": sought, ":rows": id(most)}, read)?
            }
        };
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn found(table: &str, asker: Asker) -> String {
    let within = match asker {
        Asker::Manager => "AND party.owner IN (SELECT owner FROM team WHERE manager = :me)",
        Asker::Everybody => "",
    };
    format!("FROM {table} CROSS JOIN party ON party.id = {table}.rowid WHERE {table} MATCH :sought {within}")
}

fn add(connection: &Connection, table: &str, id: i64, party: &Party) -> Outcome<()> {
    let statement =
        format!("INSERT INTO {table} (rowid, name, phone, email, note) VALUES (?1, ?2, ?3, ?4, ?5)");
    let mut statement = connection.prepare_cached(&statement)?;
    if table == BIGRAM {
        let [name, phone, email, note] =
            [&party.name, &party.phone, &party.email, &party.note].map(|text| cut(text));
        statement.execute(params![id, name, phone, email, note])?;
    } else {
        statement.execute(params![id, party.name, party.phone, party.email, party.note])?;
    }
    Ok(())
}

/// What a text is made of: runs of Chinese, of digits, and other words.
fn runs(text: &str) -> Vec<String> {
    let class = |sign: char| match sign {
        '\u{4e00}'..='\u{9fff}' => 1,
        '0'..='9' => 2,
        other if other.is_alphanumeric() => 3,
        _ => 0,
    };
    let signs: Vec<char> = text.chars().collect();
    let runs = signs.chunk_by(|left, right| class(*left) == class(*right));
    runs.filter(|run| run.first().is_some_and(|sign| class(*sign) != 0)).map(String::from_iter).collect()
}

/// The pairs of neighbouring signs of a run of Chinese or digits, and other words as they are.
fn pairs(run: &str) -> Vec<String> {
    let signs: Vec<char> = run.chars().collect();
    let parted = signs.first().is_some_and(|sign| sign.is_ascii_digit() || *sign >= '\u{4e00}');
    if !parted || signs.len() < 2 {
        return vec![run.to_owned()];
    }
    signs.windows(2).map(String::from_iter).collect()
}

/// A text as the table of pairs takes it.
fn cut(text: &str) -> String {
    let pieces: Vec<String> = runs(text).iter().flat_map(|run| pairs(run)).collect();
    pieces.join(" ")
}

/// What was typed as a question to that table: a phrase for each run, and the last Latin word may be unfinished.
fn bigram_query(text: &str) -> String {
    let all = runs(text);
    let last = all.len().saturating_sub(1);
    let phrases = all.iter().enumerate().map(|(place, run)| {
        let unfinished = place == last && (run.is_ascii() || run.chars().count() == 1);
        let digits = run.bytes().all(|byte| byte.is_ascii_digit());
        let beginning = if unfinished && !digits { "*" } else { "" };
        format!("\"{}\"{beginning}", pairs(run).join(" "))
    });
    phrases.collect::<Vec<_>>().join(" ")
}

fn read(row: &Found<'_>, first: usize) -> rusqlite::Result<Party> {
    let owner: i64 = row.get(first + 1)?;
    Ok(Party {
        company: row.get(first)?,
        owner: usize::try_from(owner).unwrap_or_default(),
        name: row.get(first + 2)?,
        phone: row.get(first + 3)?,
        email: row.get(first + 4)?,
        note: row.get(first + 5)?,
    })
}
