//! A store by itself, to which as many rows and bytes are committed as an audited write changes.

use std::path::Path;

use guanxi::parts::BareStore;
use sha2::{Digest, Sha256};

use crate::access::guanxi::Guanxi;
use crate::access::store::Store;
use crate::access::world::World;
use crate::crm::draw;
use crate::harness::{Clock, Outcome, Spent};

/// The world in which it is seen what a write changes.
const SMALL: World = World { users: 200, units: 20, leads: 400, shares: 0 };
/// Bytes that the store adds to an entry of its log: its key, and version, hash and length.
const BESIDE_ENTRY: u64 = 8 + 1 + 32 + 4;
/// Bytes of a key, about as many as those of the engine have.
const KEY: usize = 40;

/// As the ledger of the engine is chained.
fn chain(before: &[u8; 32], position: u64, chained: &[u8]) -> [u8; 32] {
    let hasher = Sha256::new().chain_update(before).chain_update(position.to_be_bytes());
    hasher.chain_update(chained).finalize().into()
}

/// The time of so many durable commits.
pub fn write(folder: &Path, cache_bytes: usize, commits: usize) -> Outcome<Spent> {
    let scratch = tempfile::tempdir_in(folder)?;
    let Shape { rows, bytes, log } = shape(scratch.path())?;
    let store = BareStore::create(&scratch.path().join("bare"), [0x5A; 32], cache_bytes, chain)?;
    let value = bytes.div_ceil(rows.max(1)).saturating_sub(KEY);
    let row = |number: usize| (key(number), vec![0xA5; value]);
    let commits: Vec<Vec<_>> =
        (0..commits).map(|commit| (commit * rows..(commit + 1) * rows).map(row).collect()).collect();
    let clock = Clock::start();
    for rows in commits {
        // About half of an entry is chained, the rest is sealed.
        store.commit(rows, vec![0x3C; log / 2], vec![0xC3; log - log / 2])?;
    }
    Ok(clock.stop())
}

/// What one write changes: rows but those of the log, counters among them, their bytes, and bytes of the log.
struct Shape {
    rows: usize,
    bytes: usize,
    log: usize,
}

fn shape(folder: &Path) -> Outcome<Shape> {
    Guanxi::create(folder, SMALL)?;
    let mut guanxi = Guanxi::open(folder, SMALL, 1 << 26, false)?;
    // What comes once, counters and classes among it, is there already.
    guanxi.insert(0, &SMALL.leads(0..SMALL.leads / 2))?;
    let before = guanxi.changed()?;
    let single = SMALL.leads / 2..SMALL.leads;
    let count = single.len() as u64;
    for number in single {
        guanxi.insert(number, &SMALL.leads(number..number + 1))?;
    }
    let after = guanxi.changed()?;
    let [rows, bytes, log] = [0, 1, 2].map(|place: usize| {
        let of = |changed: &[u64; 3]| changed.get(place).copied().unwrap_or(0);
        (of(&after) - of(&before)) / count
    });
    Ok(Shape {
        rows: usize::try_from(rows.saturating_sub(1))?,
        bytes: usize::try_from(bytes - log)?,
        log: usize::try_from(log.saturating_sub(BESIDE_ENTRY))?,
    })
}

/// A key that lies anywhere among the others.
fn key(number: usize) -> Vec<u8> {
    (0..KEY as u64 / 8).flat_map(|part| draw(number, 51 + part, u64::MAX).to_be_bytes()).collect()
}
