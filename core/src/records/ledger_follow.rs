//! Following the chain through the ledger, by several threads where a caller asks for them and it is long.
//!
//! An entry's link is worked out from the hash that stands at the entry before it. All links hold exactly if each of
//! them does, and the first one that does not is the first one that would fail if they were followed one after the
//! other; so the ledger is cut into stretches that are followed at the same time, and what is found is told in the
//! order of the entries.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::base::{Code, Error, Patience, Result};
use crate::records::chain_links::ChainLinks;
use crate::records::ledger_proof::hash_at;
use crate::records::merkle::{Peaks, TreeHash, leaf};
use crate::storage::{LogRow, Snapshot};

/// Entries of one stretch: a power of two, so that it is a whole subtree.
const STRETCH: u64 = 1 << 13;
/// Entries that are read before their links are worked out.
const PAGE: u64 = 256;
/// Most threads.
const MAX_THREADS: usize = 8;

/// What is followed.
#[derive(Clone, Copy)]
pub(super) struct Course<'a> {
    /// Where the ledger is read.
    pub(super) snapshot: &'a dyn Snapshot,
    /// The first and the last entry.
    pub(super) bounds: (u64, u64),
    /// At which entries somebody wants to know what stands there.
    pub(super) places: &'a BTreeMap<u64, Said>,
    /// How many threads at most; 0 and 1 for that of the call alone.
    pub(super) threads: usize,
    /// How long to go on, and who wants to know how far it is.
    pub(super) patience: &'a Patience,
}

/// What is said of a place: the chain's hash there, and the root of the tree if known.
pub(super) type Said = Vec<(TreeHash, Option<TreeHash>)>;

/// What stands at a place.
pub(super) struct Place {
    pub(super) position: u64,
    pub(super) hash: TreeHash,
    /// The root of the tree up to there, if the course began at the first entry.
    pub(super) root: Option<TreeHash>,
}

/// What one stretch came to.
struct Followed {
    /// Places, with the tree over the stretch up to there.
    places: Vec<(u64, TreeHash, Peaks)>,
    /// The tree over the stretch.
    peaks: Peaks,
    /// The hash at its end, or the first fault behind all places.
    end: Result<TreeHash>,
}

/// Works every link out anew, and tells in the order of the entries what stands at the places. Gives the hash at the
/// end.
///
/// # Errors
/// `ledger.broken` naming the first entry that is wrong or missing; `storage.damaged`, `engine.cancelled`,
/// `engine.deadline_exceeded`; those of the function, if nothing before that place is wrong.
pub(super) fn follow(course: Course<'_>, arrive: &mut dyn FnMut(&Place) -> Result<()>) -> Result<TreeHash> {
    let (first, last) = course.bounds;
    let mut hash = hash_at(course.snapshot, first.saturating_sub(1))?;
    let mut tree = (first == 1).then(Peaks::default);
    for followed in Walk::over(course).all(course) {
        for (position, hash, peaks) in followed.places {
            let root = tree.clone().map(|mut tree| {
                tree.append(&peaks);
                tree.root()
            });
            arrive(&Place { position, hash, root })?;
        }
        hash = followed.end?;
        if let Some(tree) = &mut tree {
            tree.append(&followed.peaks);
        }
    }
    let total = last.saturating_add(1).saturating_sub(first);
    course.patience.tell("ledger", total, total);
    Ok(hash)
}

/// What the threads of one course share.
struct Walk<'a> {
    bounds: (u64, u64),
    places: &'a BTreeMap<u64, Said>,
    patience: &'a Patience,
    /// Beyond this place nobody asks for the tree.
    last_place: u64,
    /// The stretch that nobody has taken yet.
    next: AtomicU64,
    /// Some stretch is at fault: none behind those that were taken has to be looked at.
    at_fault: AtomicBool,
    /// Entries that were followed.
    done: AtomicU64,
    followed: Mutex<BTreeMap<u64, Followed>>,
}

impl<'a> Walk<'a> {
    fn over(course: Course<'a>) -> Self {
        let Course { bounds, places, patience, .. } = course;
        let last_place = places.keys().next_back().copied().unwrap_or(0);
        let first = stretch_of(bounds.0);
        Self {
            bounds,
            places,
            patience,
            last_place: if bounds.0 == 1 { last_place } else { 0 },
            next: AtomicU64::new(first),
            at_fault: AtomicBool::new(false),
            done: AtomicU64::new(0),
            followed: Mutex::default(),
        }
    }

    /// The stretches from the first one on; one that is at fault is the last that means something.
    fn all(self, course: Course<'_>) -> impl Iterator<Item = Followed> {
        let (first, last) = self.bounds;
        let stretches = if first > last { 0 } else { stretch_of(last) - stretch_of(first) + 1 };
        thread::scope(|scope| {
            if let Some(snapshot) = course.snapshot.shared() {
                for _ in 1..threads(course.threads, stretches) {
                    // Where no thread can be had, this one does it all.
                    let work = || self.work(snapshot, false);
                    if thread::Builder::new().name("ledger".to_owned()).spawn_scoped(scope, work).is_err() {
                        break;
                    }
                }
            }
            self.work(course.snapshot, true);
        });
        self.followed.into_inner().unwrap_or_else(PoisonError::into_inner).into_values()
    }

    /// Follows stretches until none is left.
    fn work(&self, snapshot: &dyn Snapshot, tells: bool) {
        let (first, last) = self.bounds;
        while !self.at_fault.load(Ordering::Acquire) {
            let stretch = self.next.fetch_add(1, Ordering::AcqRel);
            let start = stretch.saturating_mul(STRETCH).saturating_add(1);
            if start > last {
                return;
            }
            let bounds = (start.max(first), start.saturating_add(STRETCH - 1).min(last));
            let followed = self.follow_stretch(snapshot, bounds, tells);
            if followed.end.is_err() {
                self.at_fault.store(true, Ordering::Release);
            }
            self.followed.lock().unwrap_or_else(PoisonError::into_inner).insert(stretch, followed);
        }
    }

    fn follow_stretch(&self, snapshot: &dyn Snapshot, (first, last): (u64, u64), tells: bool) -> Followed {
        let mut followed = Followed { places: Vec::new(), peaks: Peaks::default(), end: Ok([0; 32]) };
        followed.end = self.follow_into(snapshot, (first, last), &mut followed, tells);
        followed
    }

    fn follow_into(
        &self,
        snapshot: &dyn Snapshot,
        (first, last): (u64, u64),
        followed: &mut Followed,
        tells: bool,
    ) -> Result<TreeHash> {
        let total = self.bounds.1.saturating_add(1).saturating_sub(self.bounds.0);
        let before = first.saturating_sub(1);
        let mut hash = hash_at(snapshot, before)?;
        let (mut links, mut reached) = (ChainLinks::behind(hash), before);
        while reached < last {
            self.patience.check()?;
            let read = read_page(snapshot, (reached, last), &mut links);
            let broken = links.first_broken();
            let right = links.entries().iter().take_while(|entry| broken != Some(entry.position));
            for entry in right {
                (hash, reached) = (entry.hash, entry.position);
                if reached <= self.last_place {
                    followed.peaks.add(0, leaf(&hash));
                }
                if self.places.contains_key(&reached) {
                    followed.places.push((reached, hash, followed.peaks.clone()));
                }
            }
            if let Some(broken) = broken {
                return Err(Error::new(Code::LedgerBroken).rule("chain").record(broken));
            }
            read?;
            let count = u64::try_from(links.entries().len()).unwrap_or(u64::MAX);
            let done = self.done.fetch_add(count, Ordering::AcqRel).saturating_add(count);
            if tells {
                self.patience.tell("ledger", done, total);
            }
            links.clear();
        }
        Ok(hash)
    }
}

/// Reads the next entries behind a place, of which none may be missing; those before a fault are read all the same.
fn read_page(snapshot: &dyn Snapshot, (after, last): (u64, u64), links: &mut ChainLinks) -> Result<()> {
    let count = PAGE.min(last.saturating_sub(after));
    let mut next = after.saturating_add(1);
    let missing = |position: u64| Error::new(Code::LedgerBroken).rule("entries missing").record(position);
    snapshot.visit_log(after, usize::try_from(count).unwrap_or(usize::MAX), &mut |row: LogRow<'_>| {
        if row.position != next {
            return Err(missing(next));
        }
        links.add(row);
        next = next.saturating_add(1);
        Ok(())
    })?;
    if next.saturating_sub(after) > count { Ok(()) } else { Err(missing(next)) }
}

fn stretch_of(position: u64) -> u64 {
    position.saturating_sub(1) / STRETCH
}

fn threads(asked: usize, stretches: u64) -> usize {
    asked.min(MAX_THREADS).min(usize::try_from(stretches).unwrap_or(MAX_THREADS))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::base::CancelToken;
    use crate::records::merkle::node;
    use crate::storage::{Head, Keyspace, LogEntry, LogRecord, Page, RangeRequest};

    /// A ledger that threads may share.
    #[derive(Clone)]
    struct Ledger(Vec<LogEntry>);

    impl Snapshot for Ledger {
        fn get_many(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Vec<u8>>>> {
            Ok(vec![None; keys.len()])
        }

        fn scan(&self, _: &RangeRequest) -> Result<Page> {
            Ok(Page::default())
        }

        fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>> {
            let start = self.0.partition_point(|entry| entry.position <= after);
            Ok(self.0[start..].iter().take(max).cloned().collect())
        }

        fn shared(&self) -> Option<&(dyn Snapshot + Sync)> {
            Some(self)
        }

        fn head(&self) -> Result<Head> {
            let newest = self.0.last();
            Ok(newest.map(|entry| Head { position: entry.position, hash: entry.hash }).unwrap_or_default())
        }
    }

    /// The link of FORMAT.md, written down once more.
    fn by_definition(before: &TreeHash, entry: &LogEntry) -> TreeHash {
        let position = entry.position.to_be_bytes();
        let text = [b"guanxi.ledger.chain.v1", &before[..], &position, &entry.record.chained].concat();
        Sha256::digest(text).into()
    }

    fn honest(count: u64) -> Ledger {
        let mut before = [0; 32];
        let entry = |position: u64| {
            let chained = vec![position as u8; (position % 190) as usize];
            let record = LogRecord { chained, sealed: Vec::new() };
            let mut entry = LogEntry { position, hash: [0; 32], record };
            entry.hash = by_definition(&before, &entry);
            before = entry.hash;
            entry
        };
        Ledger((1..=count).map(entry).collect())
    }

    /// What following one entry after the other comes to.
    fn one_by_one(
        ledger: &Ledger,
        (first, last): (u64, u64),
    ) -> std::result::Result<TreeHash, (String, u64)> {
        let at = |position: u64| ledger.0.iter().find(|entry| entry.position == position);
        let missing = |position| ("entries missing".to_owned(), position);
        let mut hash = match first {
            1 => [0; 32],
            _ => at(first - 1).ok_or_else(|| missing(first - 1))?.hash,
        };
        let start = ledger.0.partition_point(|entry| entry.position < first);
        let mut entries = ledger.0[start..].iter();
        for position in first..=last {
            let entry = entries.next().filter(|entry| entry.position == position);
            let entry = entry.ok_or_else(|| missing(position))?;
            hash = by_definition(&hash, entry);
            if hash != entry.hash {
                return Err(("chain".to_owned(), position));
            }
        }
        Ok(hash)
    }

    fn followed(ledger: &Ledger, bounds: (u64, u64), threads: usize) -> Result<TreeHash> {
        let (places, patience) = (BTreeMap::new(), Patience::default());
        follow(
            Course { snapshot: ledger, bounds, places: &places, threads, patience: &patience },
            &mut |_| Ok(()),
        )
    }

    fn compare(ledger: &Ledger, bounds: (u64, u64)) {
        let expected = one_by_one(ledger, bounds);
        for threads in [0, 1, 2, 3, 8] {
            let told = followed(ledger, bounds, threads).map_err(|error| {
                assert_eq!(error.code(), Code::LedgerBroken);
                (error.rule_name().unwrap().to_owned(), error.record_name().unwrap().parse().unwrap())
            });
            assert_eq!(told, expected, "{bounds:?} by {threads} threads");
        }
    }

    #[test]
    fn several_threads_find_what_one_finds_wherever_an_entry_was_altered() {
        let whole = honest(3 * STRETCH + 700);
        let last = whole.0.len() as u64;
        let edges = [1, 2, PAGE, STRETCH, STRETCH + 1, 2 * STRETCH, 2 * STRETCH + PAGE + 3, last];
        compare(&whole, (1, last));
        for place in edges {
            let index = usize::try_from(place - 1).unwrap();
            let alterations: [&dyn Fn(&mut LogEntry); 3] =
                [&|entry| entry.record.chained.push(1), &|entry| entry.hash[31] ^= 1, &|entry| {
                    entry.record.chained.clear()
                }];
            for alter in alterations {
                let mut forged = whole.clone();
                alter(&mut forged.0[index]);
                // A second one behind it, in another stretch or the same, is not the one that is named.
                forged.0[usize::try_from(last - 1).unwrap()].hash[0] ^= 1;
                compare(&forged, (1, last));
                compare(&forged, (STRETCH - 5, last - 1));
            }
            let mut cut = whole.clone();
            cut.0.remove(index);
            compare(&cut, (1, last));
            let mut exchanged = whole.clone();
            let other = if index == 0 { 1 } else { index - 1 };
            let (own, others) = (exchanged.0[index].record.clone(), exchanged.0[other].record.clone());
            exchanged.0[index].record = others;
            exchanged.0[other].record = own;
            compare(&exchanged, (1, last));
        }
    }

    #[test]
    fn the_tree_at_each_place_is_that_of_the_definition_and_places_are_told_in_order() {
        fn root(leaves: &[TreeHash]) -> TreeHash {
            match leaves {
                [one] => leaf(one),
                _ => {
                    let half = leaves.len().next_power_of_two() / 2;
                    node(&root(&leaves[..half]), &root(&leaves[half..]))
                }
            }
        }
        let ledger = honest(2 * STRETCH + 77);
        let leaves: Vec<TreeHash> = ledger.0.iter().map(|entry| entry.hash).collect();
        let wanted = [1, 77, STRETCH - 1, STRETCH, STRETCH + 1, 2 * STRETCH + 76];
        let places = wanted.iter().map(|place| (*place, Vec::new())).collect();
        let patience = Patience::default();
        for threads in [1, 3] {
            for (first, has_root) in [(1, true), (2, false)] {
                let bounds = (first, leaves.len() as u64);
                let mut told = Vec::new();
                let course =
                    Course { snapshot: &ledger, bounds, places: &places, threads, patience: &patience };
                follow(course, &mut |place| {
                    let size = usize::try_from(place.position).unwrap();
                    assert_eq!(place.hash, leaves[size - 1]);
                    assert_eq!(place.root, has_root.then(|| root(&leaves[..size])));
                    told.push(place.position);
                    Ok(())
                })
                .unwrap();
                assert!(told.iter().copied().eq(wanted.into_iter().filter(|place| *place >= first)));
            }
        }
    }

    #[test]
    fn a_place_that_is_refused_is_told_before_a_fault_behind_it_and_after_one_before_it() {
        let mut ledger = honest(2 * STRETCH);
        let broken = STRETCH + 9;
        ledger.0[usize::try_from(broken - 1).unwrap()].hash[3] ^= 8;
        let patience = Patience::default();
        for (place, code) in [(broken - 1, Code::CheckpointInvalid), (broken + 1, Code::LedgerBroken)] {
            let places = BTreeMap::from([(place, Vec::new())]);
            let bounds = (1, 2 * STRETCH);
            let course =
                Course { snapshot: &ledger, bounds, places: &places, threads: 2, patience: &patience };
            let refuse = &mut |_: &Place| Err(Error::new(Code::CheckpointInvalid));
            assert_eq!(follow(course, refuse).unwrap_err().code(), code);
        }
    }

    #[test]
    fn who_cancels_ends_all_threads_and_progress_rises_to_the_end_on_the_thread_of_the_call() {
        let ledger = honest(2 * STRETCH + 1);
        let bounds = (1, 2 * STRETCH + 1);
        let caller = thread::current().id();
        let told = std::sync::Arc::new(Mutex::new(Vec::new()));
        let heard = std::sync::Arc::clone(&told);
        let patience = Patience::default().telling(move |progress| {
            assert_eq!(thread::current().id(), caller);
            heard.lock().unwrap().push((progress.done, progress.total));
        });
        let places = BTreeMap::new();
        let course = Course { snapshot: &ledger, bounds, places: &places, threads: 2, patience: &patience };
        follow(course, &mut |_| Ok(())).unwrap();
        let told = told.lock().unwrap();
        assert!(told.is_sorted());
        assert_eq!(told.last(), Some(&(bounds.1, bounds.1)));

        let token = CancelToken::new();
        token.cancel();
        let patience = Patience::with_token(token);
        let course = Course { patience: &patience, ..course };
        assert_eq!(follow(course, &mut |_| Ok(())).unwrap_err().code(), Code::Cancelled);
    }
}
