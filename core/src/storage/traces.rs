//! Which rows of a family commits changed lately, for what is kept in memory and follows from many rows: it can be
//! brought up to date by looking at those few alone.
//!
//! Nothing is noted of a family until somebody asks about it. Notes are in a ring, so that memory is bounded; who asks
//! about more than the ring remembers is told so, and reads everything anew.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;

use crate::storage::store::{Family, Keyspace};

/// Slots of families. Two that share one are told apart by what is noted, and share its ring.
const SLOTS: usize = 256;
/// Most changes that a slot remembers.
const RING: usize = 4_096;

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trace {
    sequence: u64,
    /// The family.
    family: Family,
    /// What the key has behind the front of its family, filled up with zeros.
    rest: [u8; 16],
}

/// The changes of the families of a slot.
#[derive(Default)]
struct Slot {
    /// Whether anybody has asked.
    watched: AtomicBool,
    /// The newest commit that changed anything here, asked for or not.
    newest: AtomicU64,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    /// All changes by commits behind this one are here.
    since: u64,
    traces: Vec<Trace>,
    /// Where the next one goes once the ring is full.
    next: usize,
}

impl Slot {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn newest_first(&self) -> impl Iterator<Item = &Trace> {
        let (newer, older) = self.traces.split_at_checked(self.next).unwrap_or_default();
        newer.iter().rev().chain(older.iter().rev())
    }

    fn note(&mut self, trace: Trace) {
        // The rows of one record in one index follow each other.
        if self.newest_first().next() == Some(&trace) {
            return;
        }
        if self.traces.len() < RING {
            self.traces.push(trace);
        } else if let Some(oldest) = self.traces.get_mut(self.next) {
            self.since = self.since.max(oldest.sequence);
            *oldest = trace;
            self.next = (self.next + 1) % RING;
        }
    }
}

/// What was changed lately, by family.
pub(super) struct Traces {
    hashes: RandomState,
    slots: Box<[Slot]>,
}

impl Default for Traces {
    fn default() -> Self {
        let slots = (0..SLOTS).map(|_| Slot::default()).collect();
        Self { hashes: RandomState::default(), slots }
    }
}

impl Traces {
    /// Notes that a commit changes a row. To be called before anybody sees that commit, in the order of commits.
    pub fn note(&self, sequence: u64, keyspace: Keyspace, key: &[u8]) {
        let Some((family, rest)) = Family::of(keyspace, key) else { return };
        let Some(slot) = self.slot(family) else { return };
        // Before the look at who watches: whoever begins to watch now begins behind this commit.
        slot.newest.fetch_max(sequence, Ordering::SeqCst);
        if slot.watched.load(Ordering::SeqCst) {
            slot.ring().note(Trace { sequence, family, rest });
        }
    }

    /// What commits behind one, up to another, changed of a family; nothing where that is not known.
    pub fn between(&self, family: Family, since: u64, upto: u64) -> Option<Vec<[u8; 16]>> {
        let slot = self.slot(family)?;
        if slot.newest.load(Ordering::SeqCst) <= since {
            return Some(Vec::new());
        }
        let mut ring = slot.ring();
        if !slot.watched.swap(true, Ordering::SeqCst) {
            ring.since = slot.newest.load(Ordering::SeqCst);
        }
        if ring.since > since {
            return None;
        }
        let behind = |trace: &&Trace| trace.sequence > since;
        let is_asked = |trace: &&Trace| trace.family == family && trace.sequence <= upto;
        Some(ring.newest_first().take_while(behind).filter(is_asked).map(|trace| trace.rest).collect())
    }

    fn slot(&self, family: Family) -> Option<&Slot> {
        let hash = usize::try_from(self.hashes.hash_one(family) & u64::from(u32::MAX)).unwrap_or_default();
        self.slots.get(hash % SLOTS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(family: u8, row: u8) -> Vec<u8> {
        vec![1, 0, 0, 0, family, row]
    }

    fn family(number: u8) -> Family {
        Family::of(Keyspace::Index, &key(number, 0)).unwrap().0
    }

    proptest! {
        #[test]
        fn what_is_told_is_what_was_changed_or_nothing(
            steps in prop::collection::vec((0_u8..3, 0_u8..5, any::<bool>(), 0_u64..8), 1..200),
        ) {
            let traces = Traces::default();
            // The family and row that each commit changed; commits are counted from 1.
            let mut commits: Vec<(u8, u8)> = Vec::new();
            for (of, row, commits_now, back) in steps {
                let newest = commits.len() as u64;
                if commits_now {
                    traces.note(newest + 1, Keyspace::Index, &key(of, row));
                    commits.push((of, row));
                    continue;
                }
                let (upto, since) = (newest, newest.saturating_sub(back));
                let told = traces.between(family(of), since, upto);
                let changed = commits[usize::try_from(since).unwrap()..].iter();
                let expected: Vec<u8> = changed.filter(|(known, _)| *known == of).map(|(_, row)| *row).collect();
                if let Some(told) = told {
                    let told: Vec<u8> = told.iter().rev().map(|rest| rest[0]).collect();
                    prop_assert_eq!(told, expected);
                } else {
                    // Only who asks for the first time about what was changed before is told nothing.
                    prop_assert!(!expected.is_empty() || since < newest);
                }
                prop_assert_eq!(traces.between(family(of), newest, newest), Some(Vec::new()));
            }
        }
    }

    #[test]
    fn more_than_is_remembered_is_not_told() {
        let traces = Traces::default();
        assert_eq!(traces.between(family(1), 0, 0), Some(Vec::new()));
        traces.note(1, Keyspace::Index, &key(1, 0));
        assert_eq!(traces.between(family(1), 0, 1), None);
        assert_eq!(traces.between(family(1), 1, 1), Some(Vec::new()));
        let commits = RING as u64 + 10;
        for sequence in 2..commits {
            traces.note(sequence, Keyspace::Index, &key(1, u8::try_from(sequence % 251).unwrap()));
        }
        assert_eq!(traces.between(family(1), 1, commits), None);
        assert_eq!(traces.between(family(1), commits - 4, commits).unwrap().len(), 3);
        assert_eq!(traces.between(family(1), commits - 4, commits - 2).unwrap().len(), 2);
    }
}
