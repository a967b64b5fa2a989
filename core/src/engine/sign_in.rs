//! What keeps guessers out: names that failed too often wait, and refusals fill no disk.
//!
//! Failures are counted by the name that was given, whether there is such a user or not, so that nothing tells which
//! names there are. They are counted in memory: a process that begins anew begins to count anew.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::base::Timestamp;

/// Failures of a name after which it waits.
const FREE: u32 = 10;
/// The first wait, in microseconds; each further failure doubles it, up to the longest.
const FIRST_WAIT: i64 = 1_000_000;
const LONGEST_WAIT: i64 = 900_000_000;
/// After how long without a failure, in microseconds, a name is forgotten.
const FORGOTTEN: i64 = 900_000_000;
/// Most names of which failures are counted.
const MAX_NAMES: usize = 4_096;

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: i64,
    until: i64,
}

/// The names that failed lately.
#[derive(Debug, Default)]
pub(super) struct Failed {
    names: Mutex<BTreeMap<[u8; 32], Failures>>,
}

impl Failed {
    /// Whether a name has to wait.
    pub fn waits(&self, name: &str, now: Timestamp) -> bool {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&key(name)).is_some_and(|failures| now.micros() < failures.until)
    }

    /// Counts a failure.
    pub fn count(&self, name: &str, now: Timestamp) {
        let now = now.micros();
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(name);
        if names.len() >= MAX_NAMES && !names.contains_key(&key) {
            make_room(&mut names, now);
        }
        let failures = names.entry(key).or_insert(Failures { count: 0, last: now, until: 0 });
        if is_forgotten(failures, now) {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        if failures.count >= FREE {
            let doublings = failures.count.saturating_sub(FREE).min(20);
            let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
            failures.until = now.saturating_add(wait);
        }
    }

    /// A name that has signed in begins anew.
    pub fn forget(&self, name: &str) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(name));
    }
}

/// Forgets what is long ago, and if nothing is, the name that failed least: a flood of names does not free one that
/// waits.
fn make_room(names: &mut BTreeMap<[u8; 32], Failures>, now: i64) {
    names.retain(|_, failures| !is_forgotten(failures, now));
    if names.len() >= MAX_NAMES {
        let least = names.iter().min_by_key(|(_, failures)| (failures.count, failures.last));
        if let Some(least) = least.map(|(key, _)| *key) {
            names.remove(&least);
        }
    }
}

fn is_forgotten(failures: &Failures, now: i64) -> bool {
    now >= failures.until && now.saturating_sub(failures.last) >= FORGOTTEN
}

/// Names that sign the same user in are one: letters are told apart by no case and no width.
fn key(name: &str) -> [u8; 32] {
    Sha256::digest(crate::base::fold(name).as_bytes()).into()
}
