//! SQLCipher's side: deals as a competent engineer stores and asks for them, and the forms that come to mind
//! first. Where an engineer would try several statements, all are asked, and the fastest one counts.

use std::path::Path;

use rusqlite::{Connection, Row as Found, ToSql, TransactionBehavior, params, params_from_iter};

use crate::crm::guanxi::{manager, seller};
use crate::crm::sqlcipher::{SCHEMA, connect, database, id, now_micros};
use crate::crm::{Opening, PAGE_ROWS};
use crate::harness::Outcome;
use crate::query::deal::{COLUMNS, CUSTOMERS, Deal, FIELDS, OWNERS, STAGES, Summary, TEAM, city};
use crate::query::kept::TRIGGERS;
use crate::query::store::{Answer, Form, Group, Question, Store};

const DEALS: &str = include_str!("deal.sql");
/// The first manager's row; owners follow from it.
const MANAGERS: i64 = 1_000;
/// The actor of everything that is loaded.
const ADMINISTRATOR: i64 = 0;

/// An open database of SQLCipher.
pub struct SqlCipher {
    connection: Connection,
    /// The owners whom the manager sees.
    visible: Vec<i64>,
    walked: Vec<i64>,
    deep: Place,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// When the deal before it was opened.
    opened_at: i64,
    /// That deal.
    id: i64,
    /// How many deals are before it.
    before: i64,
}

/// Where the first page begins.
const FIRST: Place = Place { opened_at: i64::MAX, id: i64::MAX, before: 0 };

impl Store for SqlCipher {
    type Row = Deal;

    fn create(folder: &Path) -> Outcome<()> {
        if let Some(parent) = database(folder).parent() {
            std::fs::create_dir(parent)?;
        }
        let connection = connect(folder, Opening { cache_bytes: 1 << 24, relaxed: false })?;
        connection.execute_batch(&[SCHEMA, DEALS, TRIGGERS].concat())?;
        let mut person = connection.prepare("INSERT INTO person (id, name, manager) VALUES (?1, ?2, ?3)")?;
        let mut customer = connection.prepare("INSERT INTO customer (id, name) VALUES (?1, ?2)")?;
        for number in 0..CUSTOMERS {
            customer.execute(params![id(number), format!("{number:06}")])?;
        }
        let mut visible = connection.prepare("INSERT INTO visible (manager, owner) VALUES (?1, ?2)")?;
        for team in 0..OWNERS / TEAM {
            person.execute(params![MANAGERS + id(team), manager(team), None::<i64>])?;
            for number in team * TEAM..(team + 1) * TEAM {
                person.execute(params![owner(number), seller(number), MANAGERS + id(team)])?;
                visible.execute(params![MANAGERS + id(team), owner(number)])?;
            }
        }
        Ok(())
    }

    fn open(folder: &Path, cache_bytes: usize) -> Outcome<Self> {
        let connection = connect(folder, Opening { cache_bytes, relaxed: false })?;
        let visible = {
            let mut team = connection.prepare("SELECT owner FROM visible WHERE manager = ?1")?;
            team.query_map([MANAGERS], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        Ok(Self { connection, visible, walked: Vec::new(), deep: FIRST })
    }

    fn insert(&mut self, deals: &[(usize, Deal)]) -> Outcome<()> {
        let statement = insert_statement();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = now_micros();
        for (owned_by, deal) in deals {
            insert(&transaction, &statement, owner(*owned_by), now, deal)?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn settle(&mut self) -> Outcome<()> {
        Ok(self.connection.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?)
    }

    fn deals(&mut self) -> Outcome<usize> {
        let count: i64 = self.connection.query_row("SELECT count(*) FROM deal", [], |row| row.get(0))?;
        Ok(usize::try_from(count)?)
    }

    fn customers(&mut self) -> Outcome<Vec<(i64, i64)>> {
        let mut statement = self.connection.prepare("SELECT deals, worth / 100 FROM customer ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn add_field(&mut self, name: &str) -> Outcome<()> {
        Ok(self.connection.execute_batch(&format!("ALTER TABLE deal ADD COLUMN {name} TEXT"))?)
    }

    fn walk(&mut self, depth: usize) -> Outcome<()> {
        let sql = format!(
            "SELECT id, opened_at FROM deal WHERE owner IN ({}) ORDER BY opened_at DESC, id DESC LIMIT ?1",
            self.owners(2)
        );
        let mut statement = self.connection.prepare(&sql)?;
        let walked = statement.query_map(self.bound(&[&id(depth)]), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let walked: Vec<(i64, i64)> = walked.collect::<Result<_, _>>()?;
        drop(statement);
        let (last, opened_at) = *walked.last().ok_or("nothing was walked")?;
        self.deep = Place { opened_at, id: last, before: id(depth) };
        self.walked = walked.into_iter().map(|(id, _)| id).collect();
        Ok(())
    }

    fn forms(&self, question: Question) -> Vec<Form> {
        match question {
            Question::Newest | Question::Deep => self.newest(&columns()),
            Question::Columns => self.newest(&of_deal(&COLUMNS)),
            Question::Filtered => self.filtered(),
            Question::Count => self.count(),
            Question::Sums => self.sums(),
            Question::Record => {
                let owner = format!("SELECT {}, owner FROM deal WHERE id = ?1", columns());
                vec![competent("by_id", owner)]
            }
        }
    }

    fn ask(&mut self, question: Question, form: &Form, turn: usize) -> Outcome<Answer<Deal>> {
        let Place { opened_at, id: last, before } =
            if question == Question::Deep { self.deep } else { FIRST };
        let rows = id(PAGE_ROWS);
        match question {
            Question::Newest | Question::Deep if form.naive => self.rows(form, &[&rows, &before]),
            Question::Newest | Question::Deep => self.rows(form, &[&rows, &opened_at, &last]),
            Question::Columns if form.name == "naive" => self.summaries(form, &[&rows, &before]),
            Question::Columns => self.summaries(form, &[&rows, &opened_at, &last]),
            Question::Filtered => self.rows(form, &[&rows, &city(turn)]),
            Question::Count => self.one_count(form, turn),
            Question::Sums => self.groups(form),
            Question::Record => self.record(form, turn),
        }
    }

    fn deal(&self, row: &Deal) -> Outcome<Deal> {
        Ok(row.clone())
    }
}

fn owner(number: usize) -> i64 {
    MANAGERS + id(OWNERS) + id(number)
}

fn columns() -> String {
    format!("{}, deal.customer", of_deal(&FIELDS))
}

fn of_deal(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("deal.{name}")).collect();
    names.join(", ")
}

fn competent(name: &'static str, statement: String) -> Form {
    Form { name, naive: false, statement }
}

fn naive(statement: String) -> Form {
    Form { name: "naive", naive: true, statement }
}

fn insert_statement() -> String {
    let places: Vec<String> = (5..).take(FIELDS.len()).map(|place| format!("?{place}")).collect();
    format!(
        "INSERT INTO deal (owner, created_at, created_by, modified_at, modified_by, customer, {}) \
         VALUES (?1, ?2, ?3, ?2, ?3, ?4, {})",
        FIELDS.join(", "),
        places.join(", ")
    )
}

fn insert(connection: &Connection, sql: &str, owner: i64, now: i64, deal: &Deal) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(params![
        owner,
        now,
        ADMINISTRATOR,
        id(deal.customer),
        deal.code,
        deal.name,
        deal.stage,
        deal.amount * 100,
        deal.source,
        deal.kind,
        deal.city,
        deal.contact,
        deal.phone,
        deal.email,
        deal.opened_at,
        deal.expected_on,
        deal.closed_on,
        deal.seats,
        deal.probability,
        deal.cost * 100,
        deal.renewal,
        deal.note,
        deal.town,
        deal.places,
    ])?;
    Ok(())
}

fn read(row: &Found<'_>) -> rusqlite::Result<Deal> {
    Ok(Deal {
        customer: usize::try_from(row.get::<_, i64>(FIELDS.len())?).unwrap_or(usize::MAX),
        code: row.get(0)?,
        name: row.get(1)?,
        stage: row.get(2)?,
        amount: row.get::<_, i64>(3)? / 100,
        source: row.get(4)?,
        kind: row.get(5)?,
        city: row.get(6)?,
        contact: row.get(7)?,
        phone: row.get(8)?,
        email: row.get(9)?,
        opened_at: row.get(10)?,
        expected_on: row.get(11)?,
        closed_on: row.get(12)?,
        seats: row.get(13)?,
        probability: row.get(14)?,
        cost: row.get::<_, i64>(15)? / 100,
        renewal: row.get(16)?,
        note: row.get(17)?,
        town: row.get(18)?,
        places: row.get(19)?,
    })
}

/// The forms of each question. The parameters of a list are its rows, then what it asks for; the owners come
/// last, or the manager where the owners are joined.
impl SqlCipher {
    /// A page goes on behind the place `(?2, ?3)`; the naive one leaves out `?2` rows.
    fn newest(&self, columns: &str) -> Vec<Form> {
        let owners = self.owners(4);
        let list = format!("SELECT {columns} FROM deal");
        let behind = "(opened_at, deal.id) < (?2, ?3)";
        let order = "ORDER BY opened_at DESC, deal.id DESC LIMIT ?1";
        let keys =
            |index: &str| format!("SELECT deal.id, opened_at FROM deal INDEXED BY {index} WHERE {behind}");
        let of_one = |place| format!("{} AND owner = ?{place}", keys("deal_by_owner"));
        let merged: Vec<String> = (4..).take(self.visible.len()).map(of_one).collect();
        let merged = format!("{} ORDER BY opened_at DESC, id DESC LIMIT ?1", merged.join(" UNION ALL "));
        let scanned = format!("{} AND +owner IN ({owners}) {order}", keys("deal_newest"));
        let whole = |keys: String| {
            format!(
                "SELECT {columns} FROM ({keys}) AS page JOIN deal ON deal.id = page.id \
                 ORDER BY page.opened_at DESC, page.id DESC"
            )
        };
        let joined = "EXISTS (SELECT 1 FROM visible WHERE manager = ?4 AND visible.owner = deal.owner)";
        vec![
            competent("merged", whole(merged)),
            competent("scanned", whole(scanned)),
            competent("in_list", format!("{list} WHERE owner IN ({owners}) AND {behind} {order}")),
            competent("joined", format!("{list} WHERE {behind} AND {joined} {order}")),
            naive(format!("{list} WHERE owner IN ({}) {order} OFFSET ?2", self.owners(3))),
        ]
    }

    fn filtered(&self) -> Vec<Form> {
        let (columns, owners) = (columns(), self.owners(3));
        let keys = format!(
            "SELECT id, seats, opened_at FROM deal INDEXED BY deal_by_city WHERE city = ?2 \
             AND +owner IN ({owners}) ORDER BY seats DESC, opened_at DESC LIMIT ?1"
        );
        vec![competent(
            "in_list",
            format!(
                "SELECT {columns} FROM ({keys}) AS page JOIN deal ON deal.id = page.id \
                 ORDER BY page.seats DESC, page.opened_at DESC"
            ),
        )]
    }

    fn count(&self) -> Vec<Form> {
        let owners = self.owners(2);
        let sum = "SELECT coalesce(sum(deals), 0) FROM kept_by_stage";
        vec![
            competent("in_list", format!("{sum} WHERE owner IN ({owners}) AND stage = ?1")),
            competent(
                "joined",
                format!("{sum} JOIN visible USING (owner) WHERE visible.manager = ?2 AND stage = ?1"),
            ),
            naive(format!("SELECT count(*) FROM deal WHERE owner IN ({owners}) AND stage = ?1")),
        ]
    }

    fn sums(&self) -> Vec<Form> {
        let owners = self.owners(1);
        let kept = "SELECT stage, sum(deals), sum(amount) FROM kept_by_stage";
        vec![
            competent("in_list", format!("{kept} WHERE owner IN ({owners}) GROUP BY stage")),
            competent(
                "joined",
                format!("{kept} JOIN visible USING (owner) WHERE visible.manager = ?1 GROUP BY stage"),
            ),
            naive(format!(
                "SELECT stage, count(*), sum(amount) FROM deal WHERE owner IN ({owners}) GROUP BY stage"
            )),
        ]
    }
}

impl SqlCipher {
    /// Places for the owners, from a number on.
    fn owners(&self, first: usize) -> String {
        let places: Vec<String> =
            (first..).take(self.visible.len()).map(|place| format!("?{place}")).collect();
        places.join(", ")
    }

    fn bound<'p>(&'p self, first: &[&'p dyn ToSql]) -> impl rusqlite::Params + use<'p> {
        let owners = self.visible.iter().map(|owner| owner as &dyn ToSql);
        params_from_iter(first.iter().copied().chain(owners).collect::<Vec<_>>())
    }

    /// Runs a form with its parameters, and reads its rows.
    fn run<T>(
        &self,
        form: &Form,
        first: &[&dyn ToSql],
        read: impl FnMut(&Found<'_>) -> rusqlite::Result<T>,
    ) -> Outcome<Vec<T>> {
        let mut statement = self.connection.prepare_cached(&form.statement)?;
        let rows = if form.name == "joined" {
            let with_manager: Vec<&dyn ToSql> =
                first.iter().copied().chain([&MANAGERS as &dyn ToSql]).collect();
            statement.query_map(params_from_iter(with_manager), read)?.collect::<Result<_, _>>()
        } else {
            statement.query_map(self.bound(first), read)?.collect::<Result<_, _>>()
        };
        Ok(rows?)
    }

    fn rows(&self, form: &Form, first: &[&dyn ToSql]) -> Outcome<Answer<Deal>> {
        Ok(Answer::Rows(self.run(form, first, read)?))
    }

    fn summaries(&self, form: &Form, first: &[&dyn ToSql]) -> Outcome<Answer<Deal>> {
        let summary = |row: &Found<'_>| {
            Ok(Summary {
                name: row.get(0)?,
                stage: row.get(1)?,
                amount: row.get::<_, i64>(2)? / 100,
                city: row.get(3)?,
                opened_at: row.get(4)?,
                expected_on: row.get(5)?,
            })
        };
        Ok(Answer::Summaries(self.run(form, first, summary)?))
    }

    fn one_count(&self, form: &Form, turn: usize) -> Outcome<Answer<Deal>> {
        let stage = STAGES.get(turn % STAGES.len()).copied().unwrap_or_default();
        let counted: Vec<i64> = self.run(form, &[&stage], |row| row.get(0))?;
        Ok(Answer::Count(u64::try_from(*counted.first().ok_or("no count")?)?))
    }

    fn groups(&self, form: &Form) -> Outcome<Answer<Deal>> {
        let group = |row: &Found<'_>| {
            let (stage, deals, amount) = (row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)? / 100);
            Ok(Group { stage, deals: u64::try_from(deals).unwrap_or(0), amount })
        };
        Ok(Answer::Groups(self.run(form, &[], group)?))
    }

    /// One deal, if its owner is among those whom the manager sees; the host checks that.
    fn record(&self, form: &Form, turn: usize) -> Outcome<Answer<Deal>> {
        let wanted = self.walked.get(turn * 31 % self.walked.len().max(1)).ok_or("nothing was walked")?;
        let mut statement = self.connection.prepare_cached(&form.statement)?;
        let (deal, owner) =
            statement.query_row([wanted], |row| Ok((read(row)?, row.get(FIELDS.len() + 1)?)))?;
        if self.visible.contains(&owner) {
            Ok(Answer::Rows(vec![deal]))
        } else {
            Err("a deal out of sight".into())
        }
    }
}
