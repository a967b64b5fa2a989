//! What was committed since the last checkpoint, in memory: every version of a key, so that each view
//! keeps what it saw.
//!
//! A version is the key with the number of its commit, newest first, in a concurrent skip list. This is
//! how the memtables of log-structured stores are made (O'Neil, Cheng, Gawlick, O'Neil 1996; RocksDB's
//! documentation, "MemTable").

use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::atomic::{self, AtomicUsize};

use crossbeam_skiplist::SkipMap;

use crate::storage::tables::Table;

/// What a version costs beside its bytes: the node of the skip list and two lengths, roughly.
const VERSION_BYTES: usize = 96;

/// How many versions that are not wanted are walked over until the next key is looked up. To look it up costs about as
/// much.
const MOST_WALKED: usize = 8;

/// A key as it was left by one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        if low >= high {
            return Box::new(std::iter::empty());
        }
        let ends = [Version::first(table, low), Version::first(table, high)];
        if reverse {
            Box::new(Falling::new(self, upto, ends))
        } else {
            Box::new(Rising::new(self, upto, ends))
        }
    }

    /// Forgets what no view sees that sees commit `oldest` or a later one: older versions of a key. The newest of those
    /// that such a view sees stays even where the key was deleted by it: a reader that goes through the versions just now
    /// may have met an older one already, and would take that for what it sees.
    pub(super) fn forget(&self, oldest: u64, table: Table, key: &[u8]) {
        let seen = Version { table, key: key.to_vec(), sequence: oldest };
        let of_key = |entry: &Entry<'_>| entry.key().is_of_key(&seen);
        let newest = self.versions.lower_bound(Bound::Included(&seen)).filter(of_key);
        let versions = std::iter::successors(newest, |version| version.next().filter(of_key));
        versions.skip(1).for_each(|older| self.remove(&older));
    }

    fn remove(&self, entry: &Entry<'_>) {
        if entry.remove() {
            let value = entry.value().as_ref().map_or(0, Vec::len);
            let bytes = entry.key().key.len() + value + VERSION_BYTES;
            self.bytes.fetch_sub(bytes, atomic::Ordering::Relaxed);
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

    /// The same key by another commit.
    fn at(&self, sequence: u64) -> Self {
        Self { sequence, ..self.clone() }
    }

    /// Whether it is of the same key.
    fn is_of_key(&self, other: &Self) -> bool {
        self.table == other.table && self.key == other.key
    }
}

// From one entry to the next, and by no range of the library: that holds every entry it has passed for ever, and what
// is removed would never be freed (crossbeam-skiplist 0.1.3, `RefRange::next`).
type Entry<'a> = crossbeam_skiplist::map::Entry<'a, Version, Option<Vec<u8>>>;

fn changed(entry: &Entry<'_>) -> Changed {
    (entry.key().key.clone(), entry.value().clone())
}

/// The keys of a range as a view sees them, each once. Versions of one key lie side by side, the newest first; where
/// there are many, the next key is looked up.
struct Rising<'a> {
    table: &'a Memtable,
    upto: u64,
    high: Version,
    next: Option<Entry<'a>>,
    last: Option<Entry<'a>>,
}

impl<'a> Rising<'a> {
    fn new(table: &'a Memtable, upto: u64, [low, high]: [Version; 2]) -> Self {
        let next = table.versions.lower_bound(Bound::Included(&low));
        Self { table, upto, high, next, last: None }
    }
}

impl Iterator for Rising<'_> {
    type Item = Changed;

    fn next(&mut self) -> Option<Changed> {
        let mut walked = 0_usize;
        loop {
            let entry = self.next.take().filter(|entry| *entry.key() < self.high)?;
            let version = entry.key();
            let is_given = self.last.as_ref().is_some_and(|last| last.key().key == version.key);
            if !is_given && version.sequence <= self.upto {
                let changed = changed(&entry);
                self.next = entry.next();
                self.last = Some(entry);
                return Some(changed);
            }
            walked += 1;
            self.next = match walked.is_multiple_of(MOST_WALKED) {
                true if is_given => self.table.versions.lower_bound(Bound::Excluded(&version.at(0))),
                true => self.table.versions.lower_bound(Bound::Included(&version.at(self.upto))),
                false => entry.next(),
            };
        }
    }
}

/// The same in falling order, in which the oldest version of a key comes first.
struct Falling<'a> {
    table: &'a Memtable,
    upto: u64,
    low: Version,
    next: Option<Entry<'a>>,
}

impl<'a> Falling<'a> {
    fn new(table: &'a Memtable, upto: u64, [low, high]: [Version; 2]) -> Self {
        let next = table.versions.upper_bound(Bound::Excluded(&high));
        Self { table, upto, low, next }
    }

    /// The newest version of a key that the view sees, of which the oldest was met; behind all versions of the key.
    fn seen(&mut self, oldest: Entry<'a>) -> Option<Changed> {
        let (mut met, mut seen) = (oldest, None);
        for _ in 0..MOST_WALKED {
            let newer = met.prev();
            let has_newer = newer.as_ref().is_some_and(|newer| newer.key().is_of_key(met.key()));
            if met.key().sequence <= self.upto {
                seen = Some(met.clone());
            }
            match newer {
                Some(newer) if has_newer => met = newer,
                other => {
                    self.next = other;
                    return seen.as_ref().map(changed);
                }
            }
        }
        let (versions, key) = (&self.table.versions, met.key());
        self.next = versions.upper_bound(Bound::Excluded(&Version::first(key.table, &key.key)));
        let newest = versions.lower_bound(Bound::Included(&key.at(self.upto)))?;
        newest.key().is_of_key(key).then(|| changed(&newest))
    }
}

impl Iterator for Falling<'_> {
    type Item = Changed;

    fn next(&mut self) -> Option<Changed> {
        loop {
            let oldest = self.next.take().filter(|entry| *entry.key() >= self.low)?;
            if let Some(seen) = self.seen(oldest) {
                return Some(seen);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::storage::Keyspace;

    const TABLE: Table = Table::Of(Keyspace::Records);

    #[test]
    fn a_reader_that_has_met_what_is_forgotten_meets_the_deletion_behind_it() {
        let table = Memtable::default();
        table.insert(1, TABLE, vec![7], Some(vec![1]));
        table.insert(2, TABLE, vec![7], None);
        let mut reader = Falling::new(&table, 2, [Version::first(TABLE, &[7]), Version::first(TABLE, &[8])]);
        let oldest = reader.next.take().unwrap();
        table.forget(2, TABLE, &[7]);
        assert_eq!(reader.seen(oldest), Some((vec![7], None)));
        assert_eq!(table.get(2, TABLE, &[7]), Some(None));
    }

    proptest! {
        #[test]
        fn every_view_sees_the_commits_up_to_its_own(
            // Up to as many versions of a key that some are passed over.
            commits in prop::collection::vec((0_u8..4, prop::option::of(0_u8..4)), 0..80),
            (low, high) in (0_u8..5, 0_u8..5),
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
                for key in 0..4_u8 {
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

        #[test]
        fn what_no_view_sees_is_forgotten_and_what_any_sees_is_not(
            commits in prop::collection::vec((0_u8..3, prop::option::of(0_u8..4)), 1..60),
            oldest in 1_u64..60,
        ) {
            let (table, whole) = (Memtable::default(), Memtable::default());
            let newest = u64::try_from(commits.len()).unwrap();
            let oldest = oldest.min(newest);
            for (sequence, (key, value)) in (1_u64..).zip(&commits) {
                for table in [&table, &whole] {
                    table.insert(sequence, TABLE, vec![*key], value.map(|value| vec![value]));
                }
            }
            (0..3_u8).for_each(|key| table.forget(oldest, TABLE, &[key]));
            for upto in oldest..=newest {
                for key in 0..3_u8 {
                    let (kept, known) = (table.get(upto, TABLE, &[key]), whole.get(upto, TABLE, &[key]));
                    prop_assert_eq!(kept.flatten(), known.flatten());
                }
            }
            // Of each key at most one version is left that is no newer than the oldest view.
            let left = |key: u8| {
                let versions = table.versions.iter().filter(|entry| entry.key().key == [key]);
                versions.filter(|entry| entry.key().sequence <= oldest).count()
            };
            prop_assert!((0..3_u8).all(|key| left(key) <= 1));
            let bytes = table.versions.iter().map(|entry| {
                1 + entry.value().as_ref().map_or(0, Vec::len) + VERSION_BYTES
            });
            prop_assert_eq!(table.bytes(), bytes.sum::<usize>());
        }
    }
}
