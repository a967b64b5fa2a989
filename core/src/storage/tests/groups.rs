//! Commits that share an fsync: what each is told, what others see meanwhile, and what a crash leaves.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::crash::{content, make, open_store, vault_options};
use super::fault_device::FaultDevice;
use super::{link, random};
use crate::base::{Code, Patience};
use crate::storage::device::Device;
use crate::storage::embedded_store::{EmbeddedStore, Pace};
use crate::storage::journal::Journal;
use crate::storage::keys::KeyRing;
use crate::storage::store::{Durability, Settled, Store};
use crate::storage::vault::{Unlock, Vault};
use crate::storage::{Keyspace, LogRecord, Snapshot, WriteSet};

/// A file whose syncs wait at a gate, and fail when they are told to.
#[derive(Debug)]
struct Gate {
    file: Arc<FaultDevice>,
    open: Mutex<bool>,
    moved: Condvar,
    waiting: AtomicU64,
    fails: AtomicBool,
}

impl Gate {
    fn set(&self, open: bool) {
        *self.open.lock().unwrap() = open;
        self.moved.notify_all();
    }

    fn until_somebody_waits(&self) {
        while self.waiting.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
    }
}

impl Device for Gate {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut open = self.open.lock().unwrap();
        while !*open {
            open = self.moved.wait(open).unwrap();
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if self.fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("the medium is gone"));
        }
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    fn release(&self) -> io::Result<()> {
        self.file.release()
    }
}

/// A store whose journal is behind a gate.
struct Gated {
    disk: Arc<FaultDevice>,
    ring: KeyRing,
    gate: Arc<Gate>,
    store: EmbeddedStore,
}

fn gated(durability: Durability) -> Gated {
    let disk = FaultDevice::with_image(Vec::new());
    let ring = make(&disk);
    let gate = Arc::new(Gate {
        file: disk.sibling(1),
        open: Mutex::new(true),
        moved: Condvar::new(),
        waiting: AtomicU64::new(0),
        fails: AtomicBool::new(false),
    });
    let device = Arc::clone(&disk) as Arc<dyn Device>;
    let vault = Vault::open(device, &vault_options(false), &Unlock::Ring(&ring)).unwrap();
    let journal = Journal::open(Arc::clone(&gate) as _, &ring, random()).unwrap();
    let store =
        EmbeddedStore::open(Arc::new(vault), journal, link, Pace::new(durability, 0), random(), None, None)
            .unwrap();
    Gated { disk, ring, gate, store }
}

fn writes(key: &[u8], value: &[u8]) -> WriteSet {
    let mut writes = WriteSet::default();
    writes.changes.insert((Keyspace::Records, key.to_vec()), Some(value.to_vec()));
    writes.log.push(LogRecord { chained: key.to_vec(), sealed: value.to_vec() });
    writes
}

fn commit(store: &dyn Store, writes: WriteSet) -> Result<(), Code> {
    let transaction = store.begin(&Patience::default()).map_err(|error| error.code())?;
    transaction.commit(writes).map(drop).map_err(|error| error.code())
}

fn has(snapshot: &dyn Snapshot, key: &[u8]) -> bool {
    snapshot.get(Keyspace::Records, key).unwrap().is_some()
}

#[test]
fn threads_that_commit_while_a_sync_is_under_way_share_the_next_one() {
    let Gated { gate, store, .. } = gated(Durability::Durable);
    gate.set(false);
    std::thread::scope(|scope| {
        let (store, gate) = (&store, &gate);
        scope.spawn(move || commit(store, writes(b"first", b"1")).unwrap());
        gate.until_somebody_waits();
        for number in 0..8_u8 {
            scope.spawn(move || commit(store, writes(&[number], b"2")).unwrap());
        }
        // All eight have their place behind the one that waits for its sync.
        while store.statistics().unwrap().commits < 9 {
            std::thread::yield_now();
        }
        gate.set(true);
    });
    let counts = store.statistics().unwrap();
    assert_eq!((counts.commits, counts.groups), (9, 2));
    assert_eq!(store.snapshot().unwrap().head().unwrap().position, 9);
}

#[test]
fn nobody_reads_a_commit_before_it_is_durable_but_the_next_writer_builds_on_it() {
    let Gated { gate, store, .. } = gated(Durability::Durable);
    gate.set(false);
    std::thread::scope(|scope| {
        let store = &store;
        scope.spawn(move || commit(store, writes(b"key", b"1")).unwrap());
        gate.until_somebody_waits();
        let snapshot = store.snapshot().unwrap();
        assert!(!has(snapshot.as_ref(), b"key"));
        assert_eq!(snapshot.head().unwrap().position, 0);
        let transaction = store.begin(&Patience::default()).unwrap();
        assert!(has(transaction.as_ref(), b"key"));
        assert_eq!(transaction.head().unwrap().position, 1);
        drop(transaction);
        gate.set(true);
    });
    assert!(has(store.snapshot().unwrap().as_ref(), b"key"));
}

#[test]
fn a_sync_that_fails_fails_every_commit_of_its_group_and_stops_the_store() {
    let Gated { disk, ring, gate, store } = gated(Durability::Durable);
    commit(&store, writes(b"before", b"1")).unwrap();
    gate.set(false);
    gate.fails.store(true, Ordering::SeqCst);
    let outcomes = std::thread::scope(|scope| {
        let store = &store;
        let first = scope.spawn(move || commit(store, writes(b"first", b"1")));
        gate.until_somebody_waits();
        let others: Vec<_> =
            (0..4_u8).map(|number| scope.spawn(move || commit(store, writes(&[number], b"2")))).collect();
        while store.statistics().unwrap().commits < 6 {
            std::thread::yield_now();
        }
        gate.set(true);
        std::iter::once(first).chain(others).map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(outcomes, [Err(Code::Io); 5]);
    assert_eq!(commit(&store, writes(b"after", b"1")), Err(Code::Stopped));
    assert_eq!(store.snapshot().map(drop).unwrap_err().code(), Code::Stopped);
    drop(store);
    let found = content(&open_store(&disk, &ring, true).unwrap()).unwrap();
    assert!(found.rows.contains_key(&b"before"[..]));
    assert!(!found.rows.keys().any(|key| key.len() == 1), "a commit that was refused is there");
}

#[test]
fn a_function_that_publishes_runs_after_the_sync_and_before_the_next_turn() {
    let Gated { gate, store, .. } = gated(Durability::Durable);
    gate.set(false);
    let published = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (store, published) = (&store, &published);
        scope.spawn(move || {
            let transaction = store.begin(&Patience::default()).unwrap();
            let mut publish = || published.store(true, Ordering::SeqCst);
            transaction.commit_and(writes(b"key", b"1"), &mut publish).unwrap();
        });
        gate.until_somebody_waits();
        assert!(!published.load(Ordering::SeqCst));
        let hurried = Patience::default().within(Duration::from_millis(20));
        assert_eq!(store.begin(&hurried).map(drop).unwrap_err().code(), Code::DeadlineExceeded);
        gate.set(true);
        drop(store.begin(&Patience::default()).unwrap());
        assert!(published.load(Ordering::SeqCst));
    });
}

#[test]
fn a_relaxed_commit_is_seen_at_once_told_to_others_when_durable_and_survives_the_process() {
    let Gated { disk, ring, store, .. } = gated(Durability::Relaxed);
    commit(&store, writes(b"key", b"1")).unwrap();
    assert!(has(store.snapshot().unwrap().as_ref(), b"key"));
    assert!(!has(store.durable_snapshot().unwrap().as_ref(), b"key"));
    // The process dies here: what the system was handed is still there.
    let copy = disk.copy();
    assert!(has(open_store(&copy, &ring, true).unwrap().snapshot().unwrap().as_ref(), b"key"));
    store.flush().unwrap();
    assert!(has(store.durable_snapshot().unwrap().as_ref(), b"key"));
}

#[test]
fn relaxed_commits_are_made_durable_before_there_are_too_many() {
    let Gated { store, .. } = gated(Durability::Relaxed);
    for number in 0..2_500_u32 {
        commit(&store, writes(&number.to_be_bytes(), b"1")).unwrap();
        let ahead = store.snapshot().unwrap().head().unwrap().position;
        let durable = store.durable_snapshot().unwrap().head().unwrap().position;
        assert!(ahead - durable <= 1_000);
    }
}

#[test]
fn a_named_commit_can_be_asked_for_before_and_after_a_checkpoint_and_a_crash() {
    let Gated { disk, ring, store, .. } = gated(Durability::Durable);
    let named = |number: u8| WriteSet { id: [number; 16], ..writes(&[number], b"1") };
    commit(&store, named(1)).unwrap();
    store.checkpoint().unwrap();
    commit(&store, named(2)).unwrap();
    let crashed = open_store(&disk.copy(), &ring, false).unwrap();
    for store in [&store, &crashed] {
        for (number, expected) in [(1, Settled::Committed), (2, Settled::Committed), (3, Settled::Absent)] {
            assert_eq!(store.settle(&[number; 16]).unwrap(), expected, "{number}");
        }
    }
}

#[test]
fn a_large_commit_lies_over_the_small_ones_before_it() {
    let Gated { disk, ring, store, .. } = gated(Durability::Durable);
    commit(&store, writes(b"small", b"old")).unwrap();
    let mut large = writes(b"small", b"new");
    for number in 0..40_u32 {
        let place = (Keyspace::Records, number.to_be_bytes().to_vec());
        large.changes.insert(place, Some(vec![7; 60_000]));
    }
    commit(&store, large).unwrap();
    commit(&store, writes(b"after", b"it")).unwrap();
    let crashed = open_store(&disk.copy(), &ring, true).unwrap();
    for store in [&store, &crashed] {
        let found = content(store).unwrap();
        assert_eq!(found.rows.len(), 42);
        assert_eq!(&*found.rows[&b"small"[..]], b"new");
        assert_eq!(found.head.position, 3);
    }
}

#[test]
fn after_a_checkpoint_a_reopen_replays_nothing_and_before_it_every_commit() {
    let Gated { disk, ring, store, .. } = gated(Durability::Durable);
    let replayed = |disk: &Arc<FaultDevice>| {
        let copy = disk.copy();
        open_store(&copy, &ring, false).unwrap().replayed()
    };
    for number in 0..5_u8 {
        commit(&store, writes(&[number], b"1")).unwrap();
    }
    assert_eq!(replayed(&disk), 5);
    store.checkpoint().unwrap();
    assert_eq!(replayed(&disk), 0);
    commit(&store, writes(b"6", b"1")).unwrap();
    assert_eq!(replayed(&disk), 1);
}

#[test]
fn every_flipped_byte_of_a_journal_is_damage_or_the_end_of_what_was_not_closed() {
    let Gated { disk, ring, store, .. } = gated(Durability::Durable);
    let mut states = vec![content(&store).unwrap()];
    for number in 0..4_u8 {
        commit(&store, writes(&[number], b"1")).unwrap();
        states.push(content(&store).unwrap());
    }
    let images = disk.images();
    let length = images[1].iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let (mut damaged, mut cut) = (0, 0);
    for at in 0..length {
        let mut images = images.clone();
        images[1][at] ^= 1;
        let disk = FaultDevice::with_images(images);
        match open_store(&disk, &ring, false) {
            Err(error) => {
                let again = open_store(&disk, &ring, false).map(drop).unwrap_err();
                assert_eq!(
                    again.code(),
                    error.code(),
                    "byte {at}: an open that was refused has changed something"
                );
                assert!(matches!(error.code(), Code::Damaged | Code::NewerFormat), "byte {at}: {error:?}");
                damaged += 1;
            }
            Ok(store) => {
                let found = content(&store).unwrap();
                // The last record may have been torn by a power cut; every earlier one was durable.
                assert!(found == states[4] || found == states[3], "byte {at}");
                cut += u32::from(found == states[3]);
            }
        }
    }
    assert!(damaged > 300 && cut > 100, "damaged {damaged}, cut {cut}");
}
