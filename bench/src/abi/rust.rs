//! The side of Rust: makes the database that all others read, and reads it without a boundary.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use guanxi::base::FieldId;
use guanxi::engine::{Find, Question};
use guanxi::model::{Account, account};
use guanxi::schema::EntityType;
use guanxi::{Changes, Crm, Durability, Key, KeyCost, Money, Result, Session, Value};

use crate::harness::{Outcome, Reply};

/// Rows of one page, as many as the C interface reads ahead.
const PAGE: usize = 256;
const UPSERTS: u32 = 2_000;
const FIELDS: [&str; 9] =
    ["name", "kind", "industry", "city", "phone", "email", "established", "revenue", "employees"];

/// Makes a database of so many accounts, reads it, and writes to it.
pub fn measure(database: &Path, rows: usize) -> Outcome<Reply> {
    let crm = guanxi::options()
        .key(Key::raw([7; 32]))
        .key_cost(KeyCost { memory_kib: 64, passes: 1, lanes: 1 })
        .administrator("admin", "one long password")
        .durability(Durability::Relaxed)
        .cache_bytes(256 << 20)
        // Of one memory as large as the other side's, so much is for rows as they are handed out.
        .record_cache_bytes(192 << 20)
        .trust_host()
        .create(database)?;
    let session = crm.session_for("admin")?;
    fill(&session, rows)?;
    let fields = fields(&crm)?;
    let mut least = f64::INFINITY;
    for _ in 0..5 {
        let begun = Instant::now();
        let read = pass(&session, &fields)?;
        least = least.min(nanos(begun, read));
        if read != rows {
            return Err(format!("{read} rows, and not {rows}").into());
        }
    }
    let upsert = upsert(&session)?;
    crm.checkpoint()?;
    Ok(Reply::default().with("rows_ns", least).with("upsert_us", upsert))
}

fn nanos(begun: Instant, pieces: usize) -> f64 {
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(pieces.max(1)).unwrap_or(u32::MAX))
}

fn fill(session: &Session, rows: usize) -> Result<()> {
    let numbers: Vec<usize> = (0..rows).collect();
    for chunk in numbers.chunks(5_000) {
        session.write(|transaction| {
            for number in chunk {
                let year = 1950 + i64::try_from(number % 70).unwrap_or(0);
                let values = Changes::new()
                    .set(account::NAME, format!("上海加喜企业服务有限公司 {number}").as_str())
                    .set("kind", "organisation")
                    .set(account::INDUSTRY, "企业服务")
                    .set(account::CITY, "上海")
                    .set("phone", "021-62518888")
                    .set("email", format!("info{number}@jiaxi.cn").as_str())
                    .set("established", year)
                    .set("revenue", Money::cny(i64::try_from(*number).unwrap_or(0)))
                    .set("employees", i64::try_from(number % 900).unwrap_or(0));
                transaction.create_record(Account::NAME, values)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn fields(crm: &Crm) -> Result<Vec<FieldId>> {
    let registry = crm.registry();
    let entity = registry.entity(Account::NAME)?;
    FIELDS.iter().map(|name| entity.field((*name).into()).map(guanxi::schema::Field::id)).collect()
}

/// Reads ten columns of every row, page by page.
fn pass(session: &Session, fields: &[FieldId]) -> Result<usize> {
    let mut asked = Question::from(Find { limit: PAGE, ..Find::default() });
    asked.fields = FIELDS.iter().map(|name| (*name).into()).collect();
    let (mut read, mut kept) = (0_usize, 0_usize);
    loop {
        let page = session.query(Account::NAME, &asked)?;
        for row in &page.rows {
            kept = kept.wrapping_add(usize::from(row.record.id.as_bytes().last().copied().unwrap_or(0)));
            for field in fields {
                kept = kept.wrapping_add(match row.record.stored(*field) {
                    Some(Value::Text(text)) => text.len(),
                    Some(Value::Int(number)) => usize::try_from(*number).unwrap_or(0),
                    Some(value) => usize::from(!value.is_null()),
                    None => 0,
                });
            }
        }
        read = read.saturating_add(page.rows.len());
        match page.next {
            Some(next) => asked.find.after = Some(next),
            None => break,
        }
    }
    black_box(kept);
    Ok(read)
}

/// The microseconds of one upsert in a transaction of its own. What it makes is deleted again, since the others read as
/// many rows as they were told of.
fn upsert(session: &Session) -> Result<f64> {
    let mut made = Vec::new();
    let begun = Instant::now();
    for number in 0..UPSERTS {
        let key = format!("rust-{number}");
        let upserted = session.write(|transaction| {
            let values = Changes::new()
                .set(account::NAME, "一个客户")
                .set(account::CITY, "上海")
                .set("employees", i64::from(number));
            transaction.upsert_record(Account::NAME, "bench", &key, values)
        })?;
        made.push(upserted.id());
    }
    let spent = begun.elapsed().as_secs_f64() * 1e6 / f64::from(UPSERTS);
    session
        .write(|transaction| made.iter().try_for_each(|id| transaction.delete_record(Account::NAME, *id)))?;
    Ok(spent)
}
