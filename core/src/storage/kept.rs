//! What readers made of rows and of ranges of rows, kept in memory, so that what is read often is not found and decoded
//! each time.
//!
//! A thing goes when a commit changes its row, or a row that shares the front of its key with a range, before anybody
//! sees that commit. It is given to the views that see the rows as it was made from, and to no others: not to those of
//! earlier commits, since the rows may have been other ones then, and none is taken from those of earlier commits once
//! a row has changed.
//!
//! Only what is asked for twice within a short time is worth a place (as TinyLFU's doorkeeper has it: Einziger,
//! Friedman, Manes 2017); what then stays is decided by S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi 2023), in the crate
//! `quick_cache`. A walk over many rows therefore costs a hash for each, and drives nothing out.

use std::any::Any;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, Weighter};

use crate::storage::store::{Family, Keyspace, RangeRequest, successor};
use crate::storage::traces::Traces;

/// The tables of whose rows things are kept.
const ROWS: [Keyspace; 3] = [Keyspace::Records, Keyspace::Aggregate, Keyspace::Meta];
/// The tables of whose ranges things are kept.
const RANGES: [Keyspace; 2] = [Keyspace::Index, Keyspace::Aggregate];
/// How many bytes at its front a key shares with those of its group. A change of one key makes all that is kept of
/// ranges of its group stale. Keys of indexes and counters have their kind, entity, number and access class there.
pub const GROUP_BYTES: usize = 13;
/// Most rows of a range that is kept.
const MAX_ROWS: usize = 256;
/// Slots in which it is noted when a group last changed. Groups that share one make each other stale, which costs a
/// reading and no more.
const GROUPS: usize = 1 << 14;
/// Parts of the keys, each of which knows when one of its rows was last changed.
const PARTS: usize = 64;
/// Bytes of a thing, about, by which places are counted.
const USUAL_BYTES: usize = 1_024;
/// What a thing costs beside its own bytes and those of its key: its place in a table and in a queue, and lengths.
const PLACE_BYTES: usize = 144;
/// Bytes of the keys of rows that most things are made of: those of records.
const SHORT_KEY: usize = 20;
/// Most slots in which is noted what was asked for lately.
const MAX_SLOTS: usize = 1 << 22;

/// What a reader made of a row: the storage does not know what it is.
pub type Made = Arc<dyn Any + Send + Sync>;

/// What is kept of a row or range.
#[derive(Debug, Clone)]
pub enum Recalled {
    /// What was made of it, and still follows from it.
    Made(Made),
    /// Nothing, but it is asked for so often that what is made of it should be handed to `Snapshot::remember`.
    Wanted,
    /// Nothing.
    Nothing,
}

/// What a thing is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source<'a> {
    /// The row under a key.
    Row(Keyspace, &'a [u8]),
    /// One page of a range.
    Range(&'a RangeRequest),
    /// What its reader has named, and knows the sources of.
    Answer(&'a [u8]),
}

/// What makes a thing stale.
#[derive(Debug, Clone, Copy)]
enum Watched<'a> {
    /// A change of this row.
    Row(&'a [u8]),
    /// A change of any key with this front.
    Group(Keyspace, &'a [u8]),
    /// Its reader says so.
    ByReader,
}

impl<'a> Source<'a> {
    /// What makes a thing that is made of it stale; nothing where no such things are kept.
    fn watched(self) -> Option<Watched<'a>> {
        match self {
            Self::Row(keyspace, key) => ROWS.contains(&keyspace).then_some(Watched::Row(key)),
            Self::Range(RangeRequest { keyspace, low, high, max_rows, .. }) => {
                let front = low.get(..GROUP_BYTES)?;
                let is_kept = RANGES.contains(keyspace) && *max_rows <= MAX_ROWS;
                let is_of_group = is_kept && (high.starts_with(front) || *high == successor(front));
                is_of_group.then_some(Watched::Group(*keyspace, front))
            }
            Self::Answer(_) => Some(Watched::ByReader),
        }
    }

    fn to_place(self) -> Place {
        match self {
            Self::Row(keyspace, key) => match key.try_into() {
                Ok(key) => Place::ShortRow(keyspace, key),
                Err(_) => Place::Row(keyspace, key.into()),
            },
            Self::Range(range) => Place::Range(Box::new(range.clone())),
            Self::Answer(name) => Place::Answer(name.into()),
        }
    }
}

/// The same, where a thing lies.
#[derive(Debug, Clone)]
enum Place {
    /// A row whose key lies in the place itself, so that a look at it costs no look elsewhere.
    ShortRow(Keyspace, [u8; SHORT_KEY]),
    Row(Keyspace, Box<[u8]>),
    Range(Box<RangeRequest>),
    Answer(Box<[u8]>),
}

impl Place {
    fn source(&self) -> Source<'_> {
        match self {
            Self::ShortRow(keyspace, key) => Source::Row(*keyspace, key),
            Self::Row(keyspace, key) => Source::Row(*keyspace, key),
            Self::Range(range) => Source::Range(range),
            Self::Answer(name) => Source::Answer(name),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::ShortRow(..) => 0,
            Self::Row(_, bytes) | Self::Answer(bytes) => bytes.len(),
            Self::Range(range) => size_of::<RangeRequest>()
                .saturating_add(range.low.capacity())
                .saturating_add(range.high.capacity()),
        }
    }
}

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.source().hash(state);
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Place {}

impl Equivalent<Place> for Source<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        *self == place.source()
    }
}

/// A thing in its place.
#[derive(Clone)]
struct Thing {
    made: Made,
    bytes: usize,
    /// The earliest commit after which its rows were as they are.
    since: u64,
    /// The commit after which they were read.
    read_at: u64,
}

/// Weighs things by their bytes.
#[derive(Clone)]
struct Bytes;

impl Weighter<Place, Thing> for Bytes {
    fn weight(&self, place: &Place, thing: &Thing) -> u64 {
        let bytes = thing.bytes.saturating_add(place.bytes()).saturating_add(PLACE_BYTES);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// Places for things, whose number follows from their bytes.
type Things = Cache<Place, Thing, Bytes, RandomState, DefaultLifecycle<Place, Thing>>;

/// Things by what they are made of.
pub(super) struct Kept {
    things: Things,
    hashes: RandomState,
    /// By part of the keys, the newest commit that changed a row. Who puts a thing of a row holds the part meanwhile.
    changed: [Mutex<u64>; PARTS],
    /// By group of keys, the newest commit that changed one.
    groups: Box<[AtomicU64]>,
    /// Hashes of what was asked for lately, each in the slot that its hash names. A slot holds two, so that two which
    /// share it and are asked for by turns do not drive each other out for ever.
    lately: Box<[[AtomicU32; 2]]>,
    traces: Traces,
}

impl Kept {
    /// Room for so many bytes; nothing where that is no room.
    pub(super) fn new(bytes: usize) -> Option<Self> {
        let places = bytes.checked_div(USUAL_BYTES).filter(|places| *places > 0)?;
        let slots = places.checked_next_power_of_two().unwrap_or(MAX_SLOTS).clamp(2, MAX_SLOTS);
        let hashes = RandomState::default();
        let capacity = u64::try_from(bytes).unwrap_or(u64::MAX);
        let things = Cache::with(places, capacity, Bytes, hashes.clone(), DefaultLifecycle::default());
        let lately = (0..slots / 2).map(|_| [const { AtomicU32::new(0) }; 2]).collect();
        let groups = (0..GROUPS).map(|_| AtomicU64::new(0)).collect();
        let (changed, traces) = (std::array::from_fn(|_| Mutex::new(0)), Traces::default());
        Some(Self { things, hashes, changed, groups, lately, traces })
    }

    /// What a view of a commit may have of what is kept.
    pub(super) fn recall(&self, sequence: u64, source: Source<'_>) -> Recalled {
        let Some(watched) = source.watched() else { return Recalled::Nothing };
        // Of a row that changed nothing is kept; what is kept of a range does not know of the change of its group.
        let changed = match watched {
            Watched::Row(_) | Watched::ByReader => 0,
            Watched::Group(keyspace, front) => self.group(keyspace, front).load(Ordering::Acquire),
        };
        match self.things.get(&source) {
            Some(thing) if thing.read_at < changed && changed <= sequence => Recalled::Wanted,
            Some(thing) if thing.read_at < changed || thing.since > sequence => Recalled::Nothing,
            Some(thing) => Recalled::Made(thing.made),
            None if self.was_asked_for(source) => Recalled::Wanted,
            None => Recalled::Nothing,
        }
    }

    /// Keeps what was made as a view of a commit sees its source, unless a later commit has changed that.
    pub(super) fn remember(&self, sequence: u64, source: Source<'_>, made: Made, bytes: usize) {
        let put = |since: u64| {
            if since <= sequence {
                self.things.insert(source.to_place(), Thing { made, bytes, since, read_at: sequence });
            }
        };
        match source.watched() {
            Some(Watched::Row(key)) => {
                if let Some(changed) = self.part_of(key) {
                    put(*changed);
                }
            }
            // A commit that comes between does no harm: what was read before it is stale when it is asked for.
            Some(Watched::Group(keyspace, front)) => put(self.group(keyspace, front).load(Ordering::Acquire)),
            Some(Watched::ByReader) => put(0),
            None => {}
        }
    }

    /// Forgets what was made of a row that a commit changes, and of the ranges of its group. To be called before
    /// anybody sees that commit.
    pub(super) fn forget(&self, sequence: u64, keyspace: Keyspace, key: &[u8]) {
        self.traces.note(sequence, keyspace, key);
        if RANGES.contains(&keyspace) {
            let front = key.get(..GROUP_BYTES).unwrap_or(key);
            self.group(keyspace, front).fetch_max(sequence, Ordering::Release);
        }
        if ROWS.contains(&keyspace)
            && let Some(mut changed) = self.part_of(key)
        {
            *changed = sequence.max(*changed);
            self.things.remove(&Source::Row(keyspace, key));
        }
    }

    /// What commits behind one, up to another, changed of a family; nothing where that is not known.
    pub(super) fn changed_between(&self, family: Family, since: u64, upto: u64) -> Option<Vec<[u8; 16]>> {
        self.traces.between(family, since, upto)
    }

    /// Drops everything that is kept.
    pub(super) fn clear(&self) {
        self.things.clear();
    }

    /// Bytes of what is kept.
    pub(super) fn bytes(&self) -> u64 {
        self.things.weight()
    }

    /// Whether this was asked for not long ago; from here on it was.
    fn was_asked_for(&self, source: Source<'_>) -> bool {
        let (low, high) = halves(self.hashes.hash_one(source));
        let slot = self.lately.get(low & self.lately.len().wrapping_sub(1));
        // Zero is what an empty slot holds.
        let mark = u32::try_from(high).unwrap_or_default() | 1;
        slot.is_some_and(|[newer, older]| {
            let before = newer.swap(mark, Ordering::Relaxed);
            before == mark || older.swap(before, Ordering::Relaxed) == mark
        })
    }

    fn part_of(&self, key: &[u8]) -> Option<MutexGuard<'_, u64>> {
        let (low, _) = halves(self.hashes.hash_one(key));
        let part = self.changed.get(low % PARTS)?;
        Some(part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When a group last changed. The one that there is not changes at every moment.
    fn group(&self, keyspace: Keyspace, front: &[u8]) -> &AtomicU64 {
        static NONE: AtomicU64 = AtomicU64::new(u64::MAX);
        let (low, _) = halves(self.hashes.hash_one((keyspace, front)));
        self.groups.get(low % GROUPS).unwrap_or(&NONE)
    }
}

/// The two halves of a hash.
fn halves(hash: u64) -> (usize, usize) {
    let half = |part: u64| usize::try_from(part & u64::from(u32::MAX)).unwrap_or_default();
    (half(hash), half(hash >> 32))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: Keyspace = Keyspace::Records;

    /// What a reader of a view does with a source that has a value there.
    fn read(kept: &Kept, sequence: u64, source: Source<'_>, value: u64) -> u64 {
        match kept.recall(sequence, source) {
            Recalled::Made(made) => *made.downcast_ref::<u64>().unwrap(),
            Recalled::Wanted => {
                kept.remember(sequence, source, Arc::new(value), 8);
                value
            }
            Recalled::Nothing => value,
        }
    }

    /// A key of a group; of each group there are four.
    fn key_of(group: u8, last: u8) -> Vec<u8> {
        [&[group; GROUP_BYTES][..], &[last]].concat()
    }

    /// The rows of a group from one on.
    fn range_of(group: u8, first: u8, max_rows: usize) -> RangeRequest {
        let (low, high) = (key_of(group, first), successor(&[group; GROUP_BYTES]));
        RangeRequest { keyspace: Keyspace::Index, low, high, reverse: false, max_rows }
    }

    proptest! {
        #[test]
        fn no_view_is_given_what_follows_from_another_state_of_a_row(
            steps in prop::collection::vec((0_u8..4, any::<bool>(), 0_usize..6), 1..200),
        ) {
            let kept = Kept::new(64 * 1_024).unwrap();
            // The values of all rows after each commit; the first is that before any.
            let mut states = vec![[0_u64; 4]];
            for (key, commits, back) in steps {
                let newest = states.len() - 1;
                if commits {
                    let mut state = states[newest];
                    state[usize::from(key)] = u64::try_from(states.len()).unwrap();
                    kept.forget(u64::try_from(states.len()).unwrap(), TABLE, &[key]);
                    states.push(state);
                } else {
                    let sequence = newest - back.min(newest);
                    let value = states[sequence][usize::from(key)];
                    let source = Source::Row(TABLE, &[key]);
                    let given = read(&kept, u64::try_from(sequence).unwrap(), source, value);
                    prop_assert_eq!(given, value);
                }
            }
        }

        #[test]
        fn no_view_is_given_what_follows_from_another_state_of_a_range(
            steps in prop::collection::vec((0_u8..4, 0_u8..4, any::<bool>(), 0_usize..6), 1..300),
        ) {
            let kept = Kept::new(64 * 1_024).unwrap();
            let mut states = vec![[[0_u64; 4]; 4]];
            // Commits are counted from 1, so that a view of none is one before all.
            for (group, last, commits, back) in steps {
                let newest = states.len() - 1;
                let (g, l) = (usize::from(group), usize::from(last));
                if commits {
                    let mut state = states[newest];
                    state[g][l] += 1;
                    kept.forget(u64::try_from(states.len()).unwrap(), Keyspace::Index, &key_of(group, last));
                    states.push(state);
                } else {
                    let sequence = newest - back.min(newest);
                    // What stands for a page is the sum of its rows, told apart by where it begins.
                    let value = states[sequence][g][l..].iter().sum();
                    let range = range_of(group, last, 10);
                    let view = u64::try_from(sequence).unwrap();
                    prop_assert_eq!(read(&kept, view, Source::Range(&range), value), value);
                }
            }
        }

        #[test]
        fn what_is_kept_stays_within_its_bytes(
            room in 4_usize..64,
            sizes in prop::collection::vec(0_usize..6_000, 1..300),
        ) {
            let room = room * 1_024;
            let kept = Kept::new(room).unwrap();
            for (number, size) in (0_u32..).zip(sizes) {
                let source = number.to_be_bytes();
                kept.remember(0, Source::Row(TABLE, &source), Arc::new(number), size);
                prop_assert!(kept.bytes() <= u64::try_from(room).unwrap());
            }
        }
    }

    #[test]
    fn a_row_is_worth_a_place_when_it_is_asked_for_again() {
        let kept = Kept::new(1 << 20).unwrap();
        let row = Source::Row(TABLE, b"row");
        assert!(matches!(kept.recall(0, row), Recalled::Nothing));
        assert!(matches!(kept.recall(0, row), Recalled::Wanted));
        kept.remember(0, row, Arc::new(7_u64), 8);
        assert!(matches!(kept.recall(0, row), Recalled::Made(_)));
        kept.forget(1, TABLE, b"row");
        assert_eq!(kept.bytes(), 0);
    }

    #[test]
    fn of_two_rows_that_are_asked_for_by_turns_both_are_kept_whatever_their_hashes() {
        // So few slots that many pairs share one.
        let kept = Kept::new(4 * 1_024).unwrap();
        for pair in 0_u16..200 {
            let keys = [(2 * pair).to_be_bytes(), (2 * pair + 1).to_be_bytes()];
            let ask = |key: &[u8; 2]| kept.recall(0, Source::Row(TABLE, key));
            keys.iter().for_each(|key| drop(ask(key)));
            assert!(keys.iter().all(|key| matches!(ask(key), Recalled::Wanted)), "{pair}");
        }
    }

    #[test]
    fn a_range_is_kept_until_a_key_of_its_group_changes_and_then_again() {
        let kept = Kept::new(1 << 20).unwrap();
        let range = range_of(3, 0, 10);
        let range = Source::Range(&range);
        assert!(matches!(kept.recall(1, range), Recalled::Nothing));
        assert!(matches!(kept.recall(1, range), Recalled::Wanted));
        kept.remember(1, range, Arc::new(7_u64), 8);
        kept.forget(2, Keyspace::Index, &key_of(4, 0));
        assert!(matches!(kept.recall(2, range), Recalled::Made(_)));
        kept.forget(3, Keyspace::Index, &key_of(3, 2));
        assert!(matches!(kept.recall(2, range), Recalled::Nothing));
        assert!(matches!(kept.recall(3, range), Recalled::Wanted));
        kept.remember(3, range, Arc::new(8_u64), 8);
        assert!(matches!(kept.recall(3, range), Recalled::Made(_)));
        assert!(matches!(kept.recall(2, range), Recalled::Nothing));
    }

    #[test]
    fn ranges_that_no_group_contains_and_long_ones_are_not_kept() {
        let kept = Kept::new(1 << 20).unwrap();
        let within = range_of(3, 0, 10);
        let others = [
            RangeRequest { low: vec![3; GROUP_BYTES - 1], ..within.clone() },
            RangeRequest { high: vec![4; GROUP_BYTES], ..within.clone() },
            RangeRequest { keyspace: Keyspace::Records, ..within.clone() },
            RangeRequest { max_rows: MAX_ROWS + 1, ..within.clone() },
        ];
        for range in &others {
            kept.remember(0, Source::Range(range), Arc::new(7_u64), 8);
        }
        assert_eq!(kept.bytes(), 0);
        // The front may end with the greatest byte, and the end of its group is shorter then.
        let last =
            RangeRequest { low: vec![0xFF; GROUP_BYTES], high: successor(&[0xFF; GROUP_BYTES]), ..within };
        kept.remember(0, Source::Range(&last), Arc::new(7_u64), 8);
        assert!(matches!(kept.recall(0, Source::Range(&last)), Recalled::Made(_)));
    }

    #[test]
    fn a_walk_over_more_rows_than_there_is_room_for_keeps_almost_none_of_them() {
        let kept = Kept::new(256 * 1_024).unwrap();
        for _ in 0..3 {
            for number in 0..20_000_u32 {
                let key = number.to_be_bytes();
                let source = Source::Row(TABLE, &key);
                if let Recalled::Wanted = kept.recall(0, source) {
                    kept.remember(0, source, Arc::new(number), 900);
                }
            }
        }
        assert!(kept.things.len() < 20, "{}", kept.things.len());
    }

    #[test]
    fn rows_of_other_tables_are_not_kept() {
        let kept = Kept::new(1 << 20).unwrap();
        let row = Source::Row(Keyspace::Unique, b"row");
        for _ in 0..3 {
            assert!(matches!(kept.recall(0, row), Recalled::Nothing));
        }
        kept.remember(0, row, Arc::new(7_u64), 8);
        assert_eq!(kept.bytes(), 0);
    }
}
