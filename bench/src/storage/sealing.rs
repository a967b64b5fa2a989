//! What sealing costs: one table of redb over a sealed file, and the same over a plain one.
//!
//! Ours is the file as the engine seals it, theirs the file that redb itself writes.

use std::path::Path;

use redb::{Database, Durability, ReadableDatabase, TableDefinition};

use crate::harness::{Clock, Outcome, Reply, Side, Spent};
use crate::storage::phases::PhaseArguments;

const TABLE: TableDefinition<'static, &'static [u8], &'static [u8]> = TableDefinition::new("rows");
/// Bytes of a value: a record of usual size.
const VALUE_BYTES: usize = 300;

fn open(folder: &Path, side: Side, cache_bytes: u64) -> Outcome<Database> {
    let (path, cache_bytes) = (folder.join("rows"), usize::try_from(cache_bytes)?);
    Ok(match side {
        Side::Ours => guanxi::parts::sealed_tables(&path, [0x5A; 32], cache_bytes)?,
        Side::Theirs => redb::Builder::new().set_cache_size(cache_bytes).create(path)?,
    })
}

/// A key that lies anywhere among the others: a number with its bits mixed (SplitMix64).
fn key(number: usize) -> [u8; 16] {
    let mut mixed = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (u128::from(mixed) << 64 | u128::from(mixed ^ (mixed >> 31))).to_be_bytes()
}

fn value(number: usize) -> Vec<u8> {
    (number..number + VALUE_BYTES).map(|byte| byte.to_le_bytes()[0]).collect()
}

fn store(database: &Database, numbers: std::ops::Range<usize>) -> Outcome<()> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    let mut rows: Vec<_> = numbers.map(|number| (key(number), value(number))).collect();
    rows.sort_unstable();
    let mut table = transaction.open_table(TABLE)?;
    for (key, value) in &rows {
        table.insert(key.as_slice(), value.as_slice())?;
    }
    drop(table);
    transaction.commit()?;
    Ok(())
}

/// Stores a row for each account, in batches.
pub fn load(arguments: &PhaseArguments) -> Outcome<Reply> {
    let database = open(&arguments.folder, arguments.side, arguments.cache_bytes)?;
    let mut spent = Spent::default();
    for first in (0..arguments.accounts).step_by(arguments.batch) {
        let clock = Clock::start();
        store(&database, first..(first + arguments.batch).min(arguments.accounts))?;
        spent += clock.stop();
    }
    Ok(Reply::default().with("cpu_us", spent.processor_micros_each(arguments.accounts)))
}

/// Reads every row twice, and measures the second time, when the cache has them all.
pub fn read(arguments: &PhaseArguments) -> Outcome<Reply> {
    let database = open(&arguments.folder, arguments.side, arguments.cache_bytes)?;
    let all = || -> Outcome<usize> {
        let table = database.begin_read()?.open_table(TABLE)?;
        let mut bytes = 0;
        for number in 0..arguments.accounts {
            bytes += table.get(key(number).as_slice())?.ok_or("a row is missing")?.value().len();
        }
        Ok(bytes)
    };
    all()?;
    let clock = Clock::start();
    let bytes = all()?;
    let spent = clock.stop();
    if bytes != arguments.accounts * VALUE_BYTES {
        return Err("a row is not what was stored".into());
    }
    Ok(Reply::default().with("cpu_us", spent.processor_micros_each(arguments.accounts)))
}

/// Commits rows one by one.
pub fn commit(arguments: &PhaseArguments) -> Outcome<Reply> {
    let database = open(&arguments.folder, arguments.side, arguments.cache_bytes)?;
    let commits = (arguments.accounts / 200).clamp(20, 400);
    let clock = Clock::start();
    for number in arguments.accounts..arguments.accounts + commits {
        store(&database, number..number + 1)?;
    }
    let spent = clock.stop();
    Ok(Reply::default().with("cpu_us", spent.processor_micros_each(commits)))
}
