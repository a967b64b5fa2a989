//! SQLCipher's side: the same world in tables, with what follows from each verb written by hand.

use std::collections::HashMap;
use std::path::Path;

use guanxi::base::TimeZone;
use guanxi::engine::{Listing, SystemField};
use guanxi::model::{
    Account, Activity, Contact, Event, Lead, Opportunity, OwnerChange, Stage, StageChange, Task,
};
use guanxi::schema::EntityType;
use guanxi::{Condition, RecordId, Session, Timestamp, Value};
use guanxi_demo::World;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::crm::Opening;
use crate::crm::sqlcipher::{connect, database};
use crate::harness::Outcome;
use crate::trade::guanxi::{Guanxi, LOADING_CACHE, people};
use crate::trade::store::{
    BACK_DAYS, DAY, Line, Moments, Question, ROWS, STAGNANT_DAYS, Store, WARN_DAYS, Write,
};

const SCHEMA: &str = include_str!("schema.sql");
/// Due records of one transaction, as the other side takes them.
const CHUNK: usize = 100;

/// An open database of SQLCipher.
pub struct SqlCipher {
    connection: Connection,
    /// Each with the accounts that they look at.
    managers: Vec<(i64, Vec<i64>)>,
    sellers: Vec<i64>,
    moments: Moments,
    now: i64,
    prepared: Vec<i64>,
}

/// The rows of the world while they are copied, and the number of each record.
struct Copying<'a> {
    admin: &'a Session,
    to: &'a Transaction<'a>,
    numbers: HashMap<RecordId, i64>,
}

fn text(row: &Listing, field: &str) -> Outcome<Option<String>> {
    Ok(row.value(field)?.as_text().map(str::to_owned))
}

fn moment(row: &Listing, field: &str) -> Outcome<Option<i64>> {
    Ok(match row.value(field)? {
        Value::DateTime(moment) => Some(moment.micros()),
        _ => None,
    })
}

fn day(row: &Listing, field: &str) -> Outcome<Option<i32>> {
    Ok(match row.value(field)? {
        Value::Date(day) => Some(day.days()),
        _ => None,
    })
}

fn whole(row: &Listing, field: &str) -> Outcome<Option<i64>> {
    Ok(match row.value(field)? {
        Value::Int(number) => Some(number),
        Value::Money(money) => Some(money.amount.rounded(0).to_string().parse()?),
        _ => None,
    })
}

impl Copying<'_> {
    /// Copies the records of an entity, in the order of their ids.
    fn each(
        &mut self,
        entity: &str,
        copy: &mut dyn FnMut(&Self, i64, &Listing) -> Outcome<()>,
    ) -> Outcome<()> {
        let mut rows = Vec::new();
        self.admin.read(|reader| {
            reader.scan(entity, &Condition::Everything, &mut |row| {
                rows.push(row);
                Ok(())
            })
        })?;
        rows.sort_by_key(|row| row.record.id);
        for (number, row) in (1..).zip(&rows) {
            self.numbers.insert(row.record.id, number);
            copy(self, number, row)?;
        }
        Ok(())
    }

    fn number(&self, id: Option<RecordId>) -> Option<i64> {
        self.numbers.get(&id?).copied()
    }

    fn reference(&self, row: &Listing, field: &str) -> Outcome<Option<i64>> {
        Ok(self.number(row.value(field)?.as_id()))
    }

    fn owner(&self, row: &Listing) -> i64 {
        self.number(Some(row.record.envelope.owner)).unwrap_or(0)
    }

    /// The party of a record, and the account if it is one.
    fn party(&self, row: &Listing) -> Outcome<(String, Option<i64>, Option<i64>)> {
        let party = row.value("regarding")?;
        let entity = party.part("entity").as_text().unwrap_or_default().to_owned();
        let number = self.number(party.part("id").as_id());
        let account = number.filter(|_| entity == Account::NAME);
        Ok((entity, number, account))
    }

    fn people(&mut self) -> Outcome<()> {
        let people = people(self.admin)?;
        for (number, person) in (1..).zip(&people) {
            self.numbers.insert(person.id, number);
        }
        for person in &people {
            let superior = self.number(person.superior);
            let row = params![self.number(Some(person.id)), person.name, superior, person.level];
            self.to.execute("INSERT INTO person VALUES (?1, ?2, ?3, ?4)", row)?;
        }
        self.to.execute_batch(
            "INSERT INTO visible SELECT m.id, p.id FROM person m JOIN person p ON p.id = m.id OR p.reports_to = m.id
             WHERE m.level = 1",
        )?;
        Ok(())
    }

    fn parties(&mut self) -> Outcome<()> {
        self.each(Stage::NAME, &mut |all, number, row| {
            let values = params![
                number,
                row.title(),
                whole(row, "position")?,
                text(row, "outcome")?,
                whole(row, "probability")?
            ];
            all.to.execute("INSERT INTO stage VALUES (?1, ?2, ?3, ?4, ?5)", values)?;
            Ok(())
        })?;
        self.each("crm.territory", &mut |all, _, row| {
            for city in text(row, "cities")?.unwrap_or_default().split('，') {
                all.to.execute("INSERT INTO territory VALUES (?1, ?2)", params![city, row.title()])?;
            }
            Ok(())
        })?;
        self.each(Account::NAME, &mut |all, number, row| {
            let values = params![
                number, all.owner(row), row.title(), text(row, "kind")?, text(row, "industry")?, text(row, "city")?,
                moment(row, "last_activity_at")?, moment(row, "held_since")?, moment(row, "recycle_at")?,
                moment(row, "warn_at")?,
            ];
            let mut insert = all.to.prepare_cached(
                "INSERT INTO account VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT name FROM territory WHERE city = ?6),
                 NULL, ?7, ?8, ?9, ?10)",
            )?;
            insert.execute(values)?;
            Ok(())
        })?;
        self.each(Contact::NAME, &mut |all, number, row| {
            let values = params![
                number,
                all.owner(row),
                all.reference(row, "account")?,
                row.title(),
                text(row, "position")?,
                text(row, "phone")?,
                text(row, "email")?,
            ];
            all.to
                .prepare_cached("INSERT INTO contact VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
                .execute(values)?;
            Ok(())
        })
    }

    fn deals(&mut self) -> Outcome<()> {
        self.each(Opportunity::NAME, &mut |all, number, row| {
            let values = params![
                number,
                all.owner(row),
                all.reference(row, "account")?,
                row.title(),
                all.reference(row, "stage")?,
                text(row, "status")?,
                whole(row, "amount")?,
                day(row, "expected_on")?,
                day(row, "closed_on")?,
                moment(row, "stage_since")?,
                moment(row, "stagnant_at")?,
                moment(row, "last_activity_at")?,
                text(row, "note")?,
            ];
            let sql =
                "INSERT INTO opportunity VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
            all.to.prepare_cached(sql)?.execute(values)?;
            Ok(())
        })?;
        self.each(StageChange::NAME, &mut |all, number, row| {
            let values = params![
                number,
                all.reference(row, "opportunity")?,
                all.reference(row, "from_stage")?,
                all.reference(row, "to_stage")?,
                moment(row, "at")?,
                whole(row, "days")?,
            ];
            all.to
                .prepare_cached("INSERT INTO stage_change VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(values)?;
            Ok(())
        })?;
        self.each(Lead::NAME, &mut |all, number, row| {
            let created = match row.record.value(SystemField::CreatedAt.id()) {
                Value::DateTime(moment) => Some(moment.micros()),
                _ => None,
            };
            let values = params![
                number,
                all.owner(row),
                row.title(),
                text(row, "company")?,
                text(row, "position")?,
                text(row, "phone")?,
                text(row, "email")?,
                text(row, "city")?,
                text(row, "status")?,
                text(row, "need")?,
                whole(row, "budget")?,
                moment(row, "next_contact_at")?,
                moment(row, "last_activity_at")?,
                moment(row, "recycle_at")?,
                created,
                all.reference(row, "converted_account")?,
                all.reference(row, "converted_contact")?,
                all.reference(row, "converted_opportunity")?,
                moment(row, "converted_at")?,
            ];
            let sql = "INSERT INTO lead VALUES
                (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";
            all.to.prepare_cached(sql)?.execute(values)?;
            Ok(())
        })
    }

    fn work(&mut self) -> Outcome<()> {
        self.each(Activity::NAME, &mut |all, number, row| {
            let (party, id, _) = all.party(row)?;
            let values = params![
                number,
                all.owner(row),
                row.title(),
                text(row, "kind")?,
                party,
                id,
                all.reference(row, "account")?,
                moment(row, "at")?,
                text(row, "outcome")?,
                whole(row, "minutes")?,
            ];
            let sql = "INSERT INTO activity VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
            all.to.prepare_cached(sql)?.execute(values)?;
            Ok(())
        })?;
        self.each(Task::NAME, &mut |all, number, row| {
            let (_, _, account) = all.party(row)?;
            let values = params![
                number,
                all.owner(row),
                row.title(),
                text(row, "status")?,
                moment(row, "due_at")?,
                account,
                moment(row, "remind_at")?,
                moment(row, "reminded_at")?,
            ];
            all.to
                .prepare_cached("INSERT INTO task VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
                .execute(values)?;
            Ok(())
        })?;
        self.each(Event::NAME, &mut |all, number, row| {
            let (_, _, account) = all.party(row)?;
            let values = params![
                number,
                all.owner(row),
                row.title(),
                moment(row, "starts_at")?,
                moment(row, "ends_at")?,
                account
            ];
            all.to.prepare_cached("INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(values)?;
            Ok(())
        })?;
        self.each(OwnerChange::NAME, &mut |all, number, row| {
            let of: Option<RecordId> = text(row, "record")?.and_then(|id| id.parse().ok());
            let owner = |field: &str| -> Outcome<i64> {
                Ok(all.number(row.value(field)?.part("id").as_id()).unwrap_or(0))
            };
            let values = params![
                number,
                all.number(of).unwrap_or(0),
                owner("from_owner")?,
                owner("to_owner")?,
                moment(row, "at")?
            ];
            all.to.prepare_cached("INSERT INTO owner_change VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(values)?;
            Ok(())
        })
    }

    /// The accounts that managers look at are those of the other side.
    fn picks(&self, ours: &Guanxi) -> Outcome<()> {
        for (manager, accounts) in ours.picked() {
            for (place, account) in (0_i64..).zip(accounts) {
                let values = params![self.number(Some(manager.user())), place, self.number(Some(*account))];
                self.to.execute("INSERT INTO pick VALUES (?1, ?2, ?3)", values)?;
            }
        }
        Ok(())
    }
}

/// The end of a statement by which a manager sees what the people of theirs own.
const SEEN: &str = "owner IN (SELECT owner FROM visible WHERE manager = ?2)";

/// The panels of an account: name, table and condition, order.
const PANELS: [(&str, &str, &str, &str); 9] = [
    ("contacts", "contact", "account = ?1", "name"),
    ("subsidiaries", "account", "parent = ?1", "name"),
    ("open_deals", "opportunity", "account = ?1 AND status = 'open'", "expected_on"),
    ("won_deals", "opportunity", "account = ?1 AND status = 'won'", "closed_on DESC"),
    ("lost_deals", "opportunity", "account = ?1 AND status = 'lost'", "closed_on DESC"),
    ("activities", "activity", "account = ?1", "at DESC"),
    ("open_tasks", "task", "account = ?1 AND status IN ('open', 'in_progress')", "due_at"),
    ("coming_events", "event", "account = ?1 AND starts_at >= ?3", "starts_at"),
    ("leads", "lead", "converted_account = ?1", "converted_at DESC"),
];

/// The kinds of the to-do list: name, table and condition, order.
const KINDS: [(&str, &str, &str, &str); 10] = [
    ("overdue_tasks", "task", "status IN ('open', 'in_progress') AND due_at < ?2", "due_at"),
    ("tasks_today", "task", "status IN ('open', 'in_progress') AND due_at >= ?2 AND due_at < ?4", "due_at"),
    ("reminders", "task", "status IN ('open', 'in_progress') AND reminded_at IS NOT NULL", "reminded_at"),
    ("events_today", "event", "starts_at < ?4 AND ends_at >= ?3", "starts_at"),
    (
        "leads_to_contact",
        "lead",
        "next_contact_at < ?4 AND status NOT IN ('converted', 'dead')",
        "next_contact_at",
    ),
    ("new_leads", "lead", "status IN ('new', 'assigned')", "created_at"),
    ("leads_going_back", "lead", "recycle_at < ?5", "recycle_at"),
    ("accounts_going_back", "account", "recycle_at < ?5", "recycle_at"),
    ("overdue_deals", "opportunity", "status = 'open' AND expected_on < ?6", "expected_on"),
    ("stagnant_deals", "opportunity", "status = 'open' AND stagnant_at < ?2", "stagnant_at"),
];

/// Reads the rows of a statement whole, and says how many there were.
fn read_rows(connection: &Connection, sql: &str, bound: &[&dyn rusqlite::ToSql]) -> Outcome<i64> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(bound)?;
    let (mut count, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        count += 1;
        for column in 0..columns {
            if let rusqlite::types::ValueRef::Text(text) = row.get_ref(column)? {
                bytes += text.len();
            }
        }
    }
    std::hint::black_box(bytes);
    Ok(count)
}

impl SqlCipher {
    fn one_of(list: &[i64], turn: usize) -> Outcome<i64> {
        Ok(*list.get(turn % list.len().max(1)).ok_or("nobody is there")?)
    }

    /// A manager, and the accounts that they look at.
    fn manager(&self, turn: usize) -> Outcome<(i64, &[i64])> {
        let found = self.managers.get(turn % self.managers.len().max(1));
        let (manager, accounts) = found.ok_or("nobody manages")?;
        Ok((*manager, accounts.as_slice()))
    }

    fn begin(&mut self) -> Outcome<Transaction<'_>> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    fn own(&self, seller: i64, most: usize) -> Outcome<Vec<i64>> {
        let mut own =
            self.connection.prepare("SELECT id FROM account WHERE owner = ?1 ORDER BY id LIMIT ?2")?;
        let rows = own.query_map(params![seller, i64::try_from(most)?], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn overview(&self, turn: usize) -> Outcome<Vec<Line>> {
        let (manager, accounts) = self.manager(turn)?;
        let account = Self::one_of(accounts, turn * 7)?;
        let of = params![account, manager];
        let seen = format!("SELECT * FROM account WHERE id = ?1 AND {SEEN}");
        if read_rows(&self.connection, &seen, of)? != 1 {
            return Err("an account that is not seen".into());
        }
        let mut lines = Vec::new();
        for (name, table, met, order) in PANELS {
            let bound: &[&dyn rusqlite::ToSql] =
                if met.contains("?3") { &[&account, &manager, &self.now] } else { &[&account, &manager] };
            let amount = if table == "opportunity" { "coalesce(sum(amount), 0)" } else { "0" };
            let sql = format!("SELECT count(*), {amount} FROM {table} WHERE {met} AND {SEEN}");
            let mut counted = self.connection.prepare_cached(&sql)?;
            let (count, sum): (i64, i64) = counted.query_row(bound, |row| Ok((row.get(0)?, row.get(1)?)))?;
            let sql = format!("SELECT * FROM {table} WHERE {met} AND {SEEN} ORDER BY {order} LIMIT {ROWS}");
            let rows = if count > 0 { read_rows(&self.connection, &sql, bound)? } else { 0 };
            lines.push((format!("{name} {rows}"), count, sum));
        }
        Ok(lines)
    }

    fn todo(&self, turn: usize) -> Outcome<Vec<Line>> {
        let seller = Self::one_of(&self.sellers, turn)?;
        let soon = self.now + 7 * DAY;
        let (begin, end, today) = (self.moments.day_begin, self.moments.day_end, self.moments.today.days());
        let all: [&dyn rusqlite::ToSql; 6] = [&seller, &self.now, &begin, &end, &soon, &today];
        let mut lines = Vec::new();
        for (name, table, met, order) in KINDS {
            // A statement takes as many values as its highest number says.
            let most = (2..=6).rev().find(|place| met.contains(&format!("?{place}"))).unwrap_or(1);
            let bound = all.get(..most).unwrap_or_default();
            let sql = format!("SELECT count(*) FROM {table} WHERE owner = ?1 AND {met}");
            let count: i64 = self.connection.prepare_cached(&sql)?.query_row(bound, |row| row.get(0))?;
            if count > 0 {
                let sql =
                    format!("SELECT * FROM {table} WHERE owner = ?1 AND {met} ORDER BY {order} LIMIT {ROWS}");
                lines.push((name.to_owned(), count, read_rows(&self.connection, &sql, bound)?));
            }
        }
        Ok(lines)
    }

    fn pipeline(&self, turn: usize) -> Outcome<Vec<Line>> {
        let (manager, _) = self.manager(turn)?;
        let mut statement = self.connection.prepare_cached(
            "SELECT s.name, sum(p.deals), sum(p.amount) FROM visible v JOIN pipeline p ON p.owner = v.owner
             JOIN stage s ON s.id = p.stage WHERE v.manager = ?1 GROUP BY s.id HAVING sum(p.deals) > 0 ORDER BY s.name",
        )?;
        let rows = statement.query_map([manager], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn forecast(&self, turn: usize) -> Outcome<Vec<Line>> {
        let (manager, _) = self.manager(turn)?;
        let month = self.moments.today.first_of_month();
        let (from, to) = (month.plus_months(-1)?, month.plus_months(3)?);
        let mut statement = self.connection.prepare_cached(
            "SELECT date(day * 86400, 'unixepoch', 'start of month') AS month, category, count(*), sum(amount),
                    sum(amount * chance)
             FROM (
                 SELECT o.expected_on AS day, 'pipeline' AS category, o.amount, s.probability AS chance
                 FROM visible v JOIN opportunity o ON o.owner = v.owner AND o.status = 'open'
                     AND o.expected_on >= ?2 AND o.expected_on < ?3
                 JOIN stage s ON s.id = o.stage WHERE v.manager = ?1
                 UNION ALL
                 SELECT o.closed_on, 'closed', o.amount, 100
                 FROM visible v JOIN opportunity o ON o.owner = v.owner AND o.status = 'won'
                     AND o.closed_on >= ?2 AND o.closed_on < ?3 WHERE v.manager = ?1
             ) GROUP BY month, category ORDER BY month, category = 'closed'",
        )?;
        let mut rows = statement.query(params![manager, from.days(), to.days()])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let (month, category): (String, String) = (row.get(0)?, row.get(1)?);
            let name = format!("{month} {category}");
            lines.push((name.clone(), row.get(2)?, row.get(3)?));
            lines.push((name, 0, row.get(4)?));
        }
        Ok(lines)
    }

    fn prepare_leads(&mut self, count: usize) -> Outcome<Vec<i64>> {
        let [first, ..] = self.counts()?;
        let (seller, now) = (Self::one_of(&self.sellers, 0)?, self.now);
        let transaction = self.begin()?;
        let mut leads = Vec::new();
        for number in (first..).take(count) {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO lead (owner, name, company, position, phone, email, city, status, need, budget,
                     last_activity_at, created_at)
                 VALUES (?1, ?2, ?3, '总经理', ?4, ?5, '上海', 'contacting', '需要办理营业执照变更', 12800, ?6, ?6)",
            )?;
            insert.execute(params![
                seller,
                format!("林{number}"),
                format!("上海测试{number}贸易有限公司"),
                format!("+86139{number:08}"),
                format!("t{number}@example.org"),
                now
            ])?;
            let lead = transaction.last_insert_rowid();
            record(&transaction, (seller, now), "crm.lead", lead, None)?;
            leads.push(lead);
        }
        transaction.commit()?;
        Ok(leads)
    }

    fn prepare_deals(&mut self, count: usize) -> Outcome<Vec<i64>> {
        let (seller, now) = (Self::one_of(&self.sellers, 0)?, self.now);
        let expected = self.moments.today.plus_days(400)?.days();
        let accounts = self.own(seller, count)?;
        let transaction = self.begin()?;
        let mut deals = Vec::new();
        for account in accounts.iter().cycle().take(count) {
            deals.push(open_deal(&transaction, (seller, now), (*account, 7_200, Some(expected)), None)?);
        }
        transaction.commit()?;
        Ok(deals)
    }
}

/// Enters an activity, and moves the clocks of the account.
fn record(
    to: &Transaction<'_>,
    (owner, now): (i64, i64),
    party: &str,
    id: i64,
    account: Option<i64>,
) -> Outcome<()> {
    let mut insert = to.prepare_cached(
        "INSERT INTO activity (owner, subject, kind, party, party_id, account, at, outcome, minutes)
         VALUES (?1, '季度回访 follow-up', 'call', ?2, ?3, ?4, ?5, 'reached', 15)",
    )?;
    insert.execute(params![owner, party, id, account, now])?;
    if let Some(account) = account {
        let mut update = to.prepare_cached(
            "UPDATE account SET last_activity_at = ?2, recycle_at = ?2 + ?3, warn_at = ?2 + ?4
             WHERE id = ?1 AND (last_activity_at IS NULL OR last_activity_at < ?2)",
        )?;
        update.execute(params![account, now, BACK_DAYS * DAY, (BACK_DAYS - WARN_DAYS) * DAY])?;
    }
    Ok(())
}

/// Opens a deal in the first stage.
fn open_deal(
    to: &Transaction<'_>,
    (owner, now): (i64, i64),
    (account, amount, expected): (i64, i64, Option<i32>),
    note: Option<&str>,
) -> Outcome<i64> {
    let mut first = to.prepare_cached("SELECT id FROM stage ORDER BY position LIMIT 1")?;
    let stage: i64 = first.query_row([], |row| row.get(0))?;
    let mut insert = to.prepare_cached(
        "INSERT INTO opportunity (owner, account, title, stage, status, amount, expected_on, stage_since, stagnant_at, note)
         VALUES (?1, ?2, '代理记账 Bookkeeping', ?3, 'open', ?4, ?5, ?6, ?7, ?8)",
    )?;
    insert.execute(params![owner, account, stage, amount, expected, now, now + STAGNANT_DAYS * DAY, note])?;
    Ok(to.last_insert_rowid())
}

/// Makes a customer of a lead, unless one stands already.
fn convert(to: &Transaction<'_>, (owner, now): (i64, i64), lead: i64) -> Outcome<()> {
    let mut read = to.prepare_cached(
        "SELECT name, company, position, phone, email, city, need, budget FROM lead
         WHERE id = ?1 AND owner = ?2 AND status IN ('contacting', 'qualified')",
    )?;
    type Said = (String, String, Option<String>, String, String, Option<String>, Option<String>, i64);
    let (name, company, position, phone, email, city, need, budget): Said =
        read.query_row([lead, owner], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
                row.get(7)?,
            ))
        })?;
    let mut standing = to.prepare_cached("SELECT count(*) FROM account WHERE name = ?1 AND owner = ?2")?;
    let accounts: i64 = standing.query_row(params![company, owner], |row| row.get(0))?;
    let mut standing =
        to.prepare_cached("SELECT count(*) FROM contact WHERE (phone = ?1 OR email = ?2) AND owner = ?3")?;
    let contacts: i64 = standing.query_row(params![phone, email, owner], |row| row.get(0))?;
    if accounts + contacts > 0 {
        return Err("somebody is there already".into());
    }
    let mut insert = to.prepare_cached(
        "INSERT INTO account (owner, name, kind, city, territory, held_since, recycle_at, warn_at)
         VALUES (?1, ?2, 'organisation', ?3, (SELECT name FROM territory WHERE city = ?3), ?4, ?5, ?6)",
    )?;
    let (back, warn) = (now + BACK_DAYS * DAY, now + (BACK_DAYS - WARN_DAYS) * DAY);
    insert.execute(params![owner, company, city, now, back, warn])?;
    let account = to.last_insert_rowid();
    let mut insert = to.prepare_cached(
        "INSERT INTO contact (owner, account, name, position, phone, email) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    insert.execute(params![owner, account, name, position, phone, email])?;
    let contact = to.last_insert_rowid();
    let deal = open_deal(to, (owner, now), (account, budget, None), need.as_deref())?;
    let mut update = to.prepare_cached(
        "UPDATE lead SET status = 'converted', converted_account = ?2, converted_contact = ?3,
             converted_opportunity = ?4, converted_at = ?5, recycle_at = NULL WHERE id = ?1",
    )?;
    update.execute(params![lead, account, contact, deal, now])?;
    Ok(())
}

/// Wins a deal of which the one who does it is the owner.
fn win(to: &Transaction<'_>, (owner, now): (i64, i64), deal: i64) -> Outcome<()> {
    let mut read = to.prepare_cached(
        "SELECT stage, stage_since FROM opportunity WHERE id = ?1 AND owner = ?2 AND status = 'open'",
    )?;
    let (from, since): (i64, i64) = read.query_row([deal, owner], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut won =
        to.prepare_cached("SELECT id FROM stage WHERE outcome = 'won' ORDER BY position LIMIT 1")?;
    let stage: i64 = won.query_row([], |row| row.get(0))?;
    let today = Timestamp::from_micros(now).date_in(&TimeZone::utc()).days();
    let mut update = to.prepare_cached(
        "UPDATE opportunity SET stage = ?2, status = 'won', closed_on = ?3, stage_since = ?4, stagnant_at = NULL
         WHERE id = ?1",
    )?;
    update.execute(params![deal, stage, today, now])?;
    let mut change = to.prepare_cached(
        "INSERT INTO stage_change (opportunity, from_stage, to_stage, at, days) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    change.execute(params![deal, from, stage, now, (now - since) / DAY])?;
    Ok(())
}

impl Store for SqlCipher {
    fn create(folder: &Path, world: &World) -> Outcome<()> {
        if let Some(parent) = database(folder).parent() {
            std::fs::create_dir(parent)?;
        }
        let mut connection = connect(folder, Opening { cache_bytes: LOADING_CACHE, relaxed: true })?;
        let beside = folder.parent().ok_or("a folder without another one around it")?.join("ours");
        let ours = Guanxi::open(&beside, world, LOADING_CACHE)?;
        connection.execute_batch(SCHEMA)?;
        let transaction = connection.transaction()?;
        let mut copying = Copying { admin: ours.admin(), to: &transaction, numbers: HashMap::new() };
        copying.people()?;
        copying.parties()?;
        copying.deals()?;
        copying.work()?;
        copying.picks(&ours)?;
        drop(copying);
        Ok(transaction.commit()?)
    }

    fn open(folder: &Path, world: &World, cache_bytes: usize) -> Outcome<Self> {
        let connection = connect(folder, Opening { cache_bytes, relaxed: false })?;
        let of_level = |level: i64| -> Outcome<Vec<i64>> {
            let mut people = connection.prepare("SELECT id FROM person WHERE level = ?1 ORDER BY id")?;
            Ok(people.query_map([level], |row| row.get(0))?.collect::<Result<_, _>>()?)
        };
        let picked = |manager: i64| -> Outcome<(i64, Vec<i64>)> {
            let mut accounts =
                connection.prepare("SELECT account FROM pick WHERE manager = ?1 ORDER BY place")?;
            let accounts: Vec<i64> =
                accounts.query_map([manager], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok((manager, accounts))
        };
        let managers = of_level(1)?.into_iter().map(picked).collect::<Outcome<_>>()?;
        let (sellers, moments) = (of_level(2)?, Moments::of(world)?);
        Ok(Self { managers, sellers, now: moments.now, moments, prepared: Vec::new(), connection })
    }

    fn settle(&mut self) -> Outcome<()> {
        Ok(self.connection.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?)
    }

    fn counts(&mut self) -> Outcome<[i64; 4]> {
        let count = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        Ok([
            count("SELECT count(*) FROM account")?,
            count("SELECT count(*) FROM lead WHERE status = 'converted'")?,
            count("SELECT count(*) FROM activity")?,
            count("SELECT count(*) FROM opportunity WHERE status = 'won'")?,
        ])
    }

    fn prepare(&mut self, work: Write, count: usize) -> Outcome<()> {
        self.prepared = match work {
            Write::Convert => self.prepare_leads(count)?,
            Write::Record => self.own(Self::one_of(&self.sellers, 0)?, count)?,
            Write::Win => self.prepare_deals(count)?,
        };
        Ok(())
    }

    fn write(&mut self, work: Write, turn: usize) -> Outcome<()> {
        let (seller, now) = (Self::one_of(&self.sellers, 0)?, self.now);
        let record_of_turn = Self::one_of(&self.prepared, turn)?;
        let transaction = self.begin()?;
        match work {
            Write::Convert => convert(&transaction, (seller, now), record_of_turn)?,
            Write::Record => {
                record(&transaction, (seller, now), "crm.account", record_of_turn, Some(record_of_turn))?;
            }
            Write::Win => win(&transaction, (seller, now), record_of_turn)?,
        }
        Ok(transaction.commit()?)
    }

    fn plan(&mut self, count: usize) -> Outcome<()> {
        let (seller, now) = (Self::one_of(&self.sellers, 0)?, self.now);
        let transaction = self.begin()?;
        for _ in 0..count {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO task (owner, subject, status, due_at, remind_at) VALUES (?1, '发送报价单', 'open', ?2, ?3)",
            )?;
            insert.execute(params![seller, now + 400 * DAY, now + DAY / 1_440])?;
        }
        transaction.commit()?;
        self.now = now + DAY / 720;
        Ok(())
    }

    fn tick(&mut self) -> Outcome<usize> {
        let (now, chunk, mut done) = (self.now, i64::try_from(CHUNK)?, 0);
        loop {
            let transaction = self.begin()?;
            let mut update = transaction.prepare_cached(
                "UPDATE task SET reminded_at = remind_at, remind_at = NULL WHERE id IN
                 (SELECT id FROM task WHERE remind_at <= ?1 ORDER BY remind_at LIMIT ?2)",
            )?;
            let changed = update.execute(params![now, chunk])?;
            drop(update);
            transaction.commit()?;
            done += changed;
            if changed < CHUNK {
                return Ok(done);
            }
        }
    }

    fn transfer(&mut self, count: usize) -> Outcome<usize> {
        let (to, now) = (Self::one_of(&self.sellers, 1)?, self.now);
        let mut ids = Vec::new();
        for seller in self.sellers.iter().skip(2) {
            ids.extend(self.own(*seller, count)?.into_iter().take(count - ids.len()));
        }
        let transaction = self.begin()?;
        transaction.execute_batch(
            "CREATE TEMP TABLE moving (account INTEGER PRIMARY KEY, owner INTEGER NOT NULL)",
        )?;
        for id in &ids {
            let sql = "INSERT INTO moving SELECT id, owner FROM account WHERE id = ?1";
            transaction.prepare_cached(sql)?.execute([id])?;
        }
        for (table, met) in [
            ("contact", "1"),
            ("opportunity", "c.status = 'open'"),
            ("task", "c.status IN ('open', 'in_progress')"),
            ("event", "c.starts_at >= ?2"),
        ] {
            let sql = format!(
                "UPDATE {table} SET owner = ?1 WHERE id IN (SELECT c.id FROM moving m JOIN {table} c
                 ON c.account = m.account AND c.owner = m.owner WHERE {met})"
            );
            let bound: &[&dyn rusqlite::ToSql] = if met.contains("?2") { &[&to, &now] } else { &[&to] };
            transaction.execute(&sql, bound)?;
        }
        let moved = transaction.execute(
            "UPDATE account SET owner = ?1, held_since = ?2, recycle_at = ?2 + ?3, warn_at = ?2 + ?4
             WHERE id IN (SELECT account FROM moving)",
            params![to, now, BACK_DAYS * DAY, (BACK_DAYS - WARN_DAYS) * DAY],
        )?;
        transaction.execute_batch("DROP TABLE moving")?;
        transaction.commit()?;
        Ok(moved)
    }

    fn ask(&mut self, question: Question, turn: usize) -> Outcome<Vec<Line>> {
        match question {
            Question::Overview => self.overview(turn),
            Question::Todo => self.todo(turn),
            Question::Pipeline => self.pipeline(turn),
            Question::Forecast => self.forecast(turn),
        }
    }
}
