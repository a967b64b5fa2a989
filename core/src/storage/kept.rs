//! What readers made of rows, kept in memory, so that a row which is read often is not found and decoded each time.
//!
//! A thing goes when a commit changes its row, before anybody sees that commit. It is given to the views that see
//! the row as it was made from, and to no others: not to those of earlier commits, since the row may have been
//! another one then, and none is taken from those of earlier commits once the row has changed.
//!
//! Only a row that is asked for twice within a short time is worth a place (as TinyLFU's doorkeeper has it:
//! Einziger, Friedman, Manes 2017); what then stays is decided by S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi 2023), in
//! the crate `quick_cache`. A walk over many rows therefore costs a hash for each, and drives nothing out.

use std::any::Any;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Weighter};

use crate::storage::store::Keyspace;

/// The tables of whose rows things are kept.
const KEYSPACES: [Keyspace; 1] = [Keyspace::Records];
/// Parts of the keys, each of which knows when one of its rows was last changed.
const PARTS: usize = 64;
/// Bytes of a thing, about, by which places are counted.
const USUAL_BYTES: usize = 1_024;
/// What a thing costs beside its own bytes and those of its key: its place in a table and in a queue, and lengths.
const PLACE_BYTES: usize = 112;
/// Most slots in which rows are noted that were asked for lately.
const MAX_SLOTS: usize = 1 << 22;

/// What a reader made of a row: the storage does not know what it is.
pub type Made = Arc<dyn Any + Send + Sync>;

/// What is kept of a row.
#[derive(Debug, Clone)]
pub enum Recalled {
    /// What was made of it, and still follows from it.
    Made(Made),
    /// Nothing, but it is asked for so often that what is made of it should be handed to `Snapshot::remember`.
    Wanted,
    /// Nothing.
    Nothing,
}

/// A thing in its place.
#[derive(Clone)]
struct Thing {
    made: Made,
    bytes: usize,
    /// The earliest commit after which the row was as it is.
    since: u64,
}

/// Weighs things by their bytes.
#[derive(Clone)]
struct Bytes;

impl Weighter<Box<[u8]>, Thing> for Bytes {
    fn weight(&self, key: &Box<[u8]>, thing: &Thing) -> u64 {
        let bytes = thing.bytes.saturating_add(key.len()).saturating_add(PLACE_BYTES);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// Places for things, whose number follows from their bytes.
type Things = Cache<Box<[u8]>, Thing, Bytes, DefaultHashBuilder, DefaultLifecycle<Box<[u8]>, Thing>>;

/// Things by the keys of their rows.
pub(super) struct Kept {
    things: Things,
    hashes: DefaultHashBuilder,
    /// By part of the keys, the newest commit that changed a row. Who puts a thing holds the part meanwhile.
    changed: [Mutex<u64>; PARTS],
    /// Hashes of keys that were asked for lately, each in the slot that its hash names.
    lately: Box<[AtomicU32]>,
}

impl Kept {
    /// Room for so many bytes; nothing where that is no room.
    pub(super) fn new(bytes: usize) -> Option<Self> {
        let places = bytes.checked_div(USUAL_BYTES).filter(|places| *places > 0)?;
        let slots = places.checked_next_power_of_two().unwrap_or(MAX_SLOTS).min(MAX_SLOTS);
        let hashes = DefaultHashBuilder::default();
        let capacity = u64::try_from(bytes).unwrap_or(u64::MAX);
        let things = Cache::with(places, capacity, Bytes, hashes.clone(), DefaultLifecycle::default());
        let lately = (0..slots).map(|_| AtomicU32::new(0)).collect();
        Some(Self { things, hashes, changed: std::array::from_fn(|_| Mutex::new(0)), lately })
    }

    /// What a view of a commit may have of what is kept of a row.
    pub(super) fn recall(&self, sequence: u64, keyspace: Keyspace, key: &[u8]) -> Recalled {
        if !KEYSPACES.contains(&keyspace) {
            return Recalled::Nothing;
        }
        match self.things.get(key) {
            Some(thing) if thing.since <= sequence => Recalled::Made(thing.made),
            Some(_) => Recalled::Nothing,
            None if self.was_asked_for(key) => Recalled::Wanted,
            None => Recalled::Nothing,
        }
    }

    /// Keeps what was made of a row as a view of a commit sees it, unless a later commit has changed it.
    pub(super) fn remember(&self, sequence: u64, keyspace: Keyspace, key: &[u8], made: Made, bytes: usize) {
        if !KEYSPACES.contains(&keyspace) {
            return;
        }
        let Some(changed) = self.part_of(key) else { return };
        if *changed <= sequence {
            let since = *changed;
            self.things.insert(key.into(), Thing { made, bytes, since });
        }
    }

    /// Forgets what was made of a row that a commit changes. To be called before anybody sees that commit.
    pub(super) fn forget(&self, sequence: u64, keyspace: Keyspace, key: &[u8]) {
        if !KEYSPACES.contains(&keyspace) {
            return;
        }
        let Some(mut changed) = self.part_of(key) else { return };
        *changed = sequence.max(*changed);
        self.things.remove(key);
    }

    /// Bytes of what is kept.
    pub(super) fn bytes(&self) -> u64 {
        self.things.weight()
    }

    /// Whether a key was asked for not long ago; from here on it was.
    fn was_asked_for(&self, key: &[u8]) -> bool {
        let (low, high) = self.halves(key);
        let slot = usize::try_from(low).ok().and_then(|low| self.lately.get(low & (self.lately.len() - 1)));
        // Zero is what an empty slot holds.
        let mark = high | 1;
        slot.is_some_and(|slot| slot.swap(mark, Ordering::Relaxed) == mark)
    }

    fn part_of(&self, key: &[u8]) -> Option<MutexGuard<'_, u64>> {
        let (low, _) = self.halves(key);
        let part = self.changed.get(usize::try_from(low).ok()? % PARTS)?;
        Some(part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The two halves of the hash of a key.
    fn halves(&self, key: &[u8]) -> (u32, u32) {
        let hash = self.hashes.hash_one(key);
        let half = |part: u64| u32::try_from(part & u64::from(u32::MAX)).unwrap_or_default();
        (half(hash), half(hash >> 32))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: Keyspace = Keyspace::Records;

    /// What a reader of a view does with a row that has a value there.
    fn read(kept: &Kept, sequence: u64, key: u8, value: u64) -> u64 {
        match kept.recall(sequence, TABLE, &[key]) {
            Recalled::Made(made) => *made.downcast_ref::<u64>().unwrap(),
            Recalled::Wanted => {
                kept.remember(sequence, TABLE, &[key], Arc::new(value), 8);
                value
            }
            Recalled::Nothing => value,
        }
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
                    let given = read(&kept, u64::try_from(sequence).unwrap(), key, value);
                    prop_assert_eq!(given, value);
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
                kept.remember(0, TABLE, &number.to_be_bytes(), Arc::new(number), size);
                prop_assert!(kept.bytes() <= u64::try_from(room).unwrap());
            }
        }
    }

    #[test]
    fn a_row_is_worth_a_place_when_it_is_asked_for_again() {
        let kept = Kept::new(1 << 20).unwrap();
        assert!(matches!(kept.recall(0, TABLE, b"row"), Recalled::Nothing));
        assert!(matches!(kept.recall(0, TABLE, b"row"), Recalled::Wanted));
        kept.remember(0, TABLE, b"row", Arc::new(7_u64), 8);
        assert!(matches!(kept.recall(0, TABLE, b"row"), Recalled::Made(_)));
        kept.forget(1, TABLE, b"row");
        assert_eq!(kept.bytes(), 0);
    }

    #[test]
    fn a_walk_over_more_rows_than_there_is_room_for_keeps_almost_none_of_them() {
        let kept = Kept::new(256 * 1_024).unwrap();
        for _ in 0..3 {
            for number in 0..20_000_u32 {
                if let Recalled::Wanted = kept.recall(0, TABLE, &number.to_be_bytes()) {
                    kept.remember(0, TABLE, &number.to_be_bytes(), Arc::new(number), 900);
                }
            }
        }
        assert!(kept.things.len() < 20, "{}", kept.things.len());
    }

    #[test]
    fn rows_of_other_tables_are_not_kept() {
        let kept = Kept::new(1 << 20).unwrap();
        for _ in 0..3 {
            assert!(matches!(kept.recall(0, Keyspace::Index, b"row"), Recalled::Nothing));
        }
        kept.remember(0, Keyspace::Index, b"row", Arc::new(7_u64), 8);
        assert_eq!(kept.bytes(), 0);
    }
}
