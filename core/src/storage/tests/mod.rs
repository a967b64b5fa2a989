//! What the storage floor promises, tried on real files and on a device that loses power.

mod blobs;
mod contract;
mod copies;
mod crash;
mod directory;
mod fault_device;
mod files;
mod groups;
mod image;
mod keys;
mod tamper;
mod vectors;

use std::path::Path;
use std::sync::Arc;

use crate::base::{OsRandom, Random, Result};
use crate::storage::{Database, Key, KeyCost, OpenOptions, open};

/// A cost that no test has to wait for.
const CHEAP: KeyCost = KeyCost { memory_kib: 8, passes: 1, lanes: 1 };

fn random() -> Arc<dyn Random> {
    Arc::new(OsRandom)
}

/// A chain that a reader can follow by eye: previous hash, position and length added into one byte.
fn link(previous: &[u8; 32], position: u64, chained: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&position.to_be_bytes());
    hash[8] = previous[8].wrapping_add(chained.iter().fold(1, |sum: u8, byte| sum.wrapping_add(*byte)));
    hash
}

fn options(key: Key) -> OpenOptions {
    OpenOptions { key_cost: CHEAP, ..OpenOptions::new(key, random(), link) }
}

fn passphrase() -> OpenOptions {
    options(Key::from_passphrase("老友 key"))
}

/// A database with nothing in it.
fn create(path: &Path, options: &OpenOptions) -> Result<Database> {
    crate::storage::create(path, options, |_| Ok(()))
}

fn made(path: &Path) -> Database {
    create(path, &passphrase()).unwrap()
}

fn reopened(path: &Path) -> Database {
    open(path, &passphrase()).unwrap()
}
