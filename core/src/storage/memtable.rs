//! What was committed since the last checkpoint, in memory: every version of a key, so that each view
//! keeps what it saw.
//!
//! A version is the key with the number of its commit, newest first, in a concurrent skip list. This is
//! how the memtables of log-structured stores are made (O'Neil, Cheng, Gawlick, O'Neil 1996; RocksDB's
//! documentation, "MemTable").

use std::cmp::Ordering;
use std::sync::atomic::{self, AtomicUsize};

use crossbeam_skiplist::SkipMap;

use crate::storage::tables::Table;

/// What a version costs beside its bytes: the node of the skip list and two lengths, roughly.
const VERSION_BYTES: usize = 96;

/// A key as it was left by one commit.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    table: Table,
    key: Vec<u8>,
    sequence: u64,
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let place = self.table.cmp(&other.table).then_with(|| self.key.cmp(&other.key));
        place.then_with(|| other.sequence.cmp(&self.sequence))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A key and what it became; `None` where it was deleted.
pub(super) type Changed = (Vec<u8>, Option<Vec<u8>>);

/// Versions in memory. Readers and the one writer never wait for each other.
#[derive(Default)]
pub(super) struct Memtable {
    versions: SkipMap<Version, Option<Vec<u8>>>,
    bytes: AtomicUsize,
}

impl Memtable {
    /// Adds what a commit made of a key. Numbers of commits rise.
    pub(super) fn insert(&self, sequence: u64, table: Table, key: Vec<u8>, value: Option<Vec<u8>>) {
        let bytes = key.len() + value.as_ref().map_or(0, Vec::len) + VERSION_BYTES;
        self.bytes.fetch_add(bytes, atomic::Ordering::Relaxed);
        self.versions.insert(Version { table, key, sequence }, value);
    }

    /// Memory in use, in bytes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(atomic::Ordering::Relaxed)
    }

    /// Whether nothing was committed since the last checkpoint.
    pub(super) fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// What a key is after commit `upto`; `None` if no commit here touched it.
    pub(super) fn get(&self, upto: u64, table: Table, key: &[u8]) -> Option<Option<Vec<u8>>> {
        let wanted = Version { table, key: key.to_vec(), sequence: upto };
        let found = self.versions.range(&wanted..).next()?;
        let same = found.key().table == table && found.key().key == key;
        same.then(|| found.value().clone())
    }

    /// What the keys of a range became by commit `upto`, in the range's direction, each key once.
    pub(super) fn range<'a>(
        &'a self,
        upto: u64,
        table: Table,
        (low, high): (&[u8], &[u8]),
        reverse: bool,
    ) -> Box<dyn Iterator<Item = Changed> + 'a> {
        let bounds = Version::first(table, low)..Version::first(table, high);
        if low >= high {
            return Box::new(std::iter::empty());
        }
        let versions = self.versions.range(bounds);
        let seen = move |entry: &crossbeam_skiplist::map::Entry<'_, Version, Option<Vec<u8>>>| {
            (entry.key().sequence <= upto).then(|| (entry.key().key.clone(), entry.value().clone()))
        };
        if reverse {
            Box::new(LastOfEach { items: versions.rev().filter_map(move |entry| seen(&entry)).peekable() })
        } else {
            Box::new(FirstOfEach { items: versions.filter_map(move |entry| seen(&entry)), last: None })
        }
    }

    /// Every key of a table that was touched, as the newest commit left it.
    pub(super) fn all(&self, table: Table) -> Vec<Changed> {
        self.newest().filter(|(touched, _)| *touched == table).map(|(_, changed)| changed).collect()
    }

    /// Every key that was touched, in the order of tables and keys, as the newest commit left it.
    pub(super) fn newest(&self) -> impl Iterator<Item = (Table, Changed)> + '_ {
        let mut last: Option<(Table, Vec<u8>)> = None;
        self.versions.iter().filter_map(move |entry| {
            let version = entry.key();
            if last.as_ref().is_some_and(|(table, key)| *table == version.table && *key == version.key) {
                return None;
            }
            last = Some((version.table, version.key.clone()));
            Some((version.table, (version.key.clone(), entry.value().clone())))
        })
    }
}

impl Version {
    /// What comes before every version of a key.
    fn first(table: Table, key: &[u8]) -> Self {
        Self { table, key: key.to_vec(), sequence: u64::MAX }
    }
}

/// Of neighbours with one key, the first: rising, that is the newest version.
struct FirstOfEach<I> {
    items: I,
    last: Option<Vec<u8>>,
}

impl<I: Iterator<Item = Changed>> Iterator for FirstOfEach<I> {
    type Item = Changed;

    fn next(&mut self) -> Option<Changed> {
        let last = &self.last;
        let next = self.items.find(|(key, _)| last.as_ref() != Some(key))?;
        self.last = Some(next.0.clone());
        Some(next)
    }
}

/// Of neighbours with one key, the last: falling, that is the newest version.
struct LastOfEach<I: Iterator<Item = Changed>> {
    items: std::iter::Peekable<I>,
}

impl<I: Iterator<Item = Changed>> Iterator for LastOfEach<I> {
    type Item = Changed;

    fn next(&mut self) -> Option<Changed> {
        let mut newest = self.items.next()?;
        while let Some(newer) = self.items.next_if(|(key, _)| *key == newest.0) {
            newest = newer;
        }
        Some(newest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::storage::Keyspace;

    const TABLE: Table = Table::Of(Keyspace::Records);

    proptest! {
        #[test]
        fn every_view_sees_the_commits_up_to_its_own(
            commits in prop::collection::vec((0_u8..8, prop::option::of(0_u8..4)), 0..40),
            (low, high) in (0_u8..9, 0_u8..9),
        ) {
            let table = Memtable::default();
            let mut models = vec![std::collections::BTreeMap::new()];
            for (sequence, (key, value)) in (1_u64..).zip(&commits) {
                table.insert(sequence, TABLE, vec![*key], value.map(|value| vec![value]));
                table.insert(sequence, Table::Log, vec![*key], None);
                let mut model = models.last().unwrap().clone();
                model.insert(vec![*key], value.map(|value| vec![value]));
                models.push(model);
            }
            for (upto, model) in (0_u64..).zip(&models) {
                for key in 0..8_u8 {
                    prop_assert_eq!(table.get(upto, TABLE, &[key]), model.get(&vec![key]).cloned());
                }
                let mut expected: Vec<Changed> = model
                    .iter()
                    .filter(|(key, _)| key[0] >= low && key[0] < high)
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                let bounds = (&[low][..], &[high][..]);
                prop_assert_eq!(&table.range(upto, TABLE, bounds, false).collect::<Vec<_>>(), &expected);
                expected.reverse();
                prop_assert_eq!(&table.range(upto, TABLE, bounds, true).collect::<Vec<_>>(), &expected);
            }
            let newest = table.newest().filter(|(table, _)| *table == TABLE).map(|(_, changed)| changed);
            prop_assert_eq!(newest.collect::<std::collections::BTreeMap<_, _>>(), models.pop().unwrap());
        }
    }
}
