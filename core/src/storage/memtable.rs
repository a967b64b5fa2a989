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

    /// Forgets what no view sees that sees commit `oldest` or a later one: older versions of a key, and the last one of
    /// all where it says that the key was deleted.
    pub(super) fn forget(&self, oldest: u64, table: Table, key: &[u8]) {
        let seen = Version { table, key: key.to_vec(), sequence: oldest };
        let of_key = |entry: &Entry<'_>| entry.key().table == table && entry.key().key == key;
        for (place, entry) in self.versions.range(&seen..).take_while(of_key).enumerate() {
            if place > 0 || (entry.value().is_none() && self.is_newest(&entry)) {
                self.remove(&entry);
            }
        }
    }

    fn is_newest(&self, entry: &Entry<'_>) -> bool {
        let first = Version::first(entry.key().table, &entry.key().key);
        self.versions.range(&first..).next().is_some_and(|newest| newest.key() == entry.key())
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
}

type Bounds = (Bound<Version>, Bound<Version>);
type Entries<'a> = crossbeam_skiplist::map::Range<'a, Version, Bounds, Version, Option<Vec<u8>>>;
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
    entries: Entries<'a>,
    last: Option<Entry<'a>>,
}

impl<'a> Rising<'a> {
    fn new(table: &'a Memtable, upto: u64, [low, high]: [Version; 2]) -> Self {
        let entries = table.versions.range((Bound::Included(low), Bound::Excluded(high.clone())));
        Self { table, upto, high, entries, last: None }
    }

    fn go_on_from(&mut self, place: Bound<Version>) {
        self.entries = self.table.versions.range((place, Bound::Excluded(self.high.clone())));
    }
}

impl Iterator for Rising<'_> {
    type Item = Changed;

    fn next(&mut self) -> Option<Changed> {
        let mut walked = 0_usize;
        loop {
            let entry = self.entries.next()?;
            let version = entry.key();
            let is_given = self.last.as_ref().is_some_and(|last| last.key().key == version.key);
            if !is_given && version.sequence <= self.upto {
                let changed = changed(&entry);
                self.last = Some(entry);
                return Some(changed);
            }
            walked += 1;
            if walked == MOST_WALKED {
                let place = match is_given {
                    true => Bound::Excluded(version.at(0)),
                    false => Bound::Included(version.at(self.upto)),
                };
                self.go_on_from(place);
                walked = 0;
            }
        }
    }
}

/// The same in falling order, in which the oldest version of a key comes first.
struct Falling<'a> {
    table: &'a Memtable,
    upto: u64,
    low: Version,
    entries: Entries<'a>,
    /// What was met and not looked at yet.
    met: Option<Entry<'a>>,
}

impl<'a> Falling<'a> {
    fn new(table: &'a Memtable, upto: u64, [low, high]: [Version; 2]) -> Self {
        let entries = table.versions.range((Bound::Included(low.clone()), Bound::Excluded(high)));
        Self { table, upto, low, entries, met: None }
    }

    /// The newest version of a key that the view sees, of which the oldest was met; behind all versions of the key.
    fn seen(&mut self, oldest: Entry<'a>) -> Option<Changed> {
        let key = oldest.key().clone();
        let mut seen = (key.sequence <= self.upto).then_some(oldest);
        for _ in 0..MOST_WALKED {
            match self.entries.next_back() {
                Some(newer) if newer.key().key == key.key => {
                    if newer.key().sequence <= self.upto {
                        seen = Some(newer);
                    }
                }
                other => {
                    self.met = other;
                    return seen.as_ref().map(changed);
                }
            }
        }
        let before = Version::first(key.table, &key.key);
        self.entries =
            self.table.versions.range((Bound::Included(self.low.clone()), Bound::Excluded(before)));
        let newest = self.table.versions.range(key.at(self.upto)..).next()?;
        (newest.key().table == key.table && newest.key().key == key.key).then(|| changed(&newest))
    }
}

impl Iterator for Falling<'_> {
    type Item = Changed;

    fn next(&mut self) -> Option<Changed> {
        loop {
            let oldest = self.met.take().or_else(|| self.entries.next_back())?;
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
