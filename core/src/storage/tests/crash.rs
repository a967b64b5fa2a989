//! Power cuts at any operation: the database opens, and holds a state that was committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fault_device::{Dice, FaultDevice, HeaderInPlace};
use super::{CHEAP, link, random};
use crate::base::{Code, Patience, Result};
use crate::storage::device::Device;
use crate::storage::embedded_store::{EmbeddedStore, Pace};
use crate::storage::journal::Journal;
use crate::storage::keys::{Key, KeyRing};
use crate::storage::store::{Durability, Store};
use crate::storage::superblock::FileKind;
use crate::storage::vault::{Unlock, Vault, VaultOptions};
use crate::storage::{Head, Keyspace, LogRecord, RangeRequest, WriteSet, tables};

/// Rounds of the normal run; the long form sets `GUANXI_CRASH_ROUNDS`.
const ROUNDS: u64 = 210;
/// Crashes of one round, each from where the last one left the medium.
const CRASHES_PER_ROUND: u64 = 5;

/// Values are shared, since every state of a round has a table of its own.
type Table = BTreeMap<Vec<u8>, Arc<[u8]>>;

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Content {
    pub(super) rows: Table,
    pub(super) head: Head,
    pub(super) log: Vec<Arc<LogRecord>>,
}

/// What became of crashes.
#[derive(Debug, Default)]
struct Tally {
    /// Power cuts and kills, each with an open and a comparison behind it.
    points: u64,
    /// Opens that found the newest state that was begun.
    newest: u64,
    /// Opens that found an earlier one.
    earlier: u64,
    /// Opens that had to replay commits or to repair tables.
    recovered: u64,
}

impl Tally {
    /// Checks that a state which was found is one of those that may be.
    fn count(&mut self, found: &Content, possible: &[Content], store: &EmbeddedStore, place: &str) {
        assert!(possible.contains(found), "{place}: a state nobody committed");
        self.points += 1;
        let newest = possible.last() == Some(found);
        self.newest += u64::from(newest);
        self.earlier += u64::from(!newest);
        self.recovered += u64::from(store.replayed() > 0 || store.vault().recovery.repaired);
    }

    fn plus(self, other: Self) -> Self {
        Self {
            points: self.points + other.points,
            newest: self.newest + other.newest,
            earlier: self.earlier + other.earlier,
            recovered: self.recovered + other.recovered,
        }
    }

    /// Prints the counts, which a run of tests shows with `--nocapture`.
    fn print(&self, name: &str) {
        let Self { points, newest, earlier, recovered } = self;
        eprintln!(
            "{name}: {points} crash points; newest state {newest}, an earlier one {earlier}; recovered {recovered}"
        );
    }
}

pub(super) fn vault_options(verify: bool) -> VaultOptions {
    VaultOptions { kind: FileKind::Data, cache_bytes: 64 * 1_024, random: random(), verify }
}

/// A new store on a disk, closed again: file 0 has the tables, file 1 the journal.
pub(super) fn make(disk: &Arc<FaultDevice>) -> KeyRing {
    make_on(&plain(disk), disk)
}

fn make_on(device: &Arc<dyn Device>, disk: &Arc<FaultDevice>) -> KeyRing {
    let vault = Vault::create(Arc::clone(device), &vault_options(false), &Key::raw([1; 32]), CHEAP).unwrap();
    tables::prepare(&vault, random().as_ref()).unwrap();
    Journal::create(disk.sibling(1).as_ref(), vault.ring.file_id()).unwrap();
    vault.ring.clone()
}

/// The file with the tables as it is.
fn plain(disk: &Arc<FaultDevice>) -> Arc<dyn Device> {
    Arc::clone(disk) as Arc<dyn Device>
}

pub(super) fn open_store(disk: &Arc<FaultDevice>, ring: &KeyRing, verify: bool) -> Result<EmbeddedStore> {
    open_on(&plain(disk), disk, ring, verify, Durability::Durable)
}

fn open_on(
    device: &Arc<dyn Device>,
    disk: &Arc<FaultDevice>,
    ring: &KeyRing,
    verify: bool,
    durability: Durability,
) -> Result<EmbeddedStore> {
    let vault = Vault::open(Arc::clone(device), &vault_options(verify), &Unlock::Ring(ring))?;
    let journal = Journal::open(disk.sibling(1), ring, random())?;
    EmbeddedStore::open(Arc::new(vault), journal, link, Pace::new(durability, 0), random(), None, None)
}

pub(super) fn content(store: &EmbeddedStore) -> Result<Content> {
    let snapshot = store.snapshot()?;
    let all = RangeRequest::prefix(Keyspace::Records, b"", 1_000_000);
    let rows = snapshot.scan(&all)?.rows.into_iter().map(|(key, value)| (key, value.into())).collect();
    let log = snapshot.read_log(0, 1_000_000)?.into_iter().map(|entry| entry.record.into()).collect();
    Ok(Content { rows, head: snapshot.head()?, log })
}

/// Some puts and deletes, a few of them large enough for units of several pages, and log entries.
pub(super) fn draw_changes(dice: &mut Dice) -> WriteSet {
    let mut writes = WriteSet::default();
    for _ in 0..=dice.below(12) {
        let key = format!("key {:03}", dice.below(150)).into_bytes();
        let length = if dice.below(16) == 0 { dice.below(60_000) } else { dice.below(600) };
        let value = vec![dice.below(256) as u8; length as usize];
        let value = (dice.below(5) > 0).then_some(value);
        writes.changes.insert((Keyspace::Records, key), value);
    }
    for _ in 0..dice.below(3) {
        let (chained, sealed) = (vec![dice.below(256) as u8; 40], vec![7; dice.below(300) as usize]);
        writes.log.push(LogRecord { chained, sealed });
    }
    writes
}

/// What a store holds after a write set, worked out without it.
pub(super) fn after(before: &Content, writes: &WriteSet) -> Content {
    let mut next = before.clone();
    for ((_, key), value) in &writes.changes {
        match value {
            Some(value) => next.rows.insert(key.clone(), value.as_slice().into()),
            None => next.rows.remove(key),
        };
    }
    for record in &writes.log {
        let position = next.head.position + 1;
        next.head = Head { position, hash: link(&next.head.hash, position, &record.chained) };
        next.log.push(Arc::new(record.clone()));
    }
    next
}

/// Commits until power fails, with checkpoints in between. The states that may be found then: every one
/// from the last that was durable to the one that was being committed.
fn work_until_power_fails(
    disk: &FaultDevice,
    store: &EmbeddedStore,
    durability: Durability,
    start: Content,
    dice: &mut Dice,
) -> Vec<Content> {
    let mut possible = vec![start];
    while !disk.is_off() {
        if dice.below(6) == 0 {
            let settled = if dice.below(2) == 0 { store.checkpoint() } else { store.flush().map(drop) };
            if settled.is_ok() {
                possible.drain(..possible.len() - 1);
            }
            continue;
        }
        let writes = draw_changes(dice);
        let attempted = after(possible.last().unwrap(), &writes);
        let Ok(transaction) = store.begin(&Patience::default()) else { break };
        let committed = transaction.commit(writes);
        if let Ok(committed) = &committed {
            assert_eq!(committed.head, attempted.head);
        }
        possible.push(attempted);
        match committed {
            Err(_) => break,
            Ok(_) if durability == Durability::Durable => drop(possible.drain(..possible.len() - 1)),
            Ok(_) => {}
        }
    }
    possible
}

type Wrap = fn(&Arc<FaultDevice>) -> Arc<dyn Device>;

/// Several crashes of one database; `Err` names the crash after which it could not be opened.
fn round(seed: u64, durability: Durability, wrap: Wrap) -> Result<Tally, String> {
    let mut dice = Dice(seed);
    let disk = FaultDevice::with_image(Vec::new());
    let ring = make_on(&wrap(&disk), &disk);
    let (mut possible, mut tally) = (vec![Content::default()], Tally::default());
    for crash in 0..CRASHES_PER_ROUND {
        let place = format!("seed {seed}, crash {crash}");
        disk.fail_power_in(1 + dice.below(120));
        if let Ok(store) = open_on(&wrap(&disk), &disk, &ring, false, durability) {
            // Every state that was possible before was durable in one of these forms, and the open
            // has chosen one of them for good once a commit follows.
            if let Ok(found) = content(&store) {
                assert!(possible.contains(&found), "{place}: a state nobody committed");
                possible = work_until_power_fails(&disk, &store, durability, found, &mut dice);
            }
        }
        match dice.below(4) {
            0 => disk.restart_process(),
            _ => disk.restart_machine(&mut dice),
        }
        // A copy is opened without faults, so that the next crash may fall into the recovery itself.
        let copy = disk.copy();
        let refused = |error| format!("{place}: {error:?}");
        let store = open_on(&wrap(&copy), &copy, &ring, dice.below(2) == 0, durability).map_err(refused)?;
        tally.count(&content(&store).map_err(refused)?, &possible, &store, &place);
        drop(store);
        drop(open_on(&wrap(&copy), &copy, &ring, true, durability).unwrap());
    }
    Ok(tally)
}

fn rounds() -> u64 {
    let asked = std::env::var("GUANXI_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(ROUNDS)
}

/// All rounds at one level, on all processors.
fn check_rounds(durability: Durability) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let tally = std::thread::scope(|scope| {
        let share = |first: usize| {
            let seeds = (first as u64..rounds()).step_by(threads);
            seeds.map(|seed| round(seed, durability, plain).unwrap()).fold(Tally::default(), Tally::plus)
        };
        let threads: Vec<_> = (0..threads).map(|first| scope.spawn(move || share(first))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold(Tally::default(), Tally::plus)
    });
    tally.print(&format!("{durability:?} commits and checkpoints"));
    assert_eq!(tally.points, rounds() * CRASHES_PER_ROUND);
    assert!(tally.newest > 0 && tally.earlier > 0 && tally.recovered > 0, "{tally:?}");
}

#[test]
fn after_any_power_cut_the_database_opens_with_an_acknowledged_state() {
    check_rounds(Durability::Durable);
}

#[test]
fn after_any_power_cut_a_relaxed_database_opens_with_a_committed_state() {
    check_rounds(Durability::Relaxed);
}

/// A disk that lost power in the midst of commits, and the states that may be found on it.
fn cut_off(seed: u64) -> (Arc<FaultDevice>, KeyRing, Vec<Content>) {
    let mut dice = Dice(seed);
    let disk = FaultDevice::with_image(Vec::new());
    let ring = make(&disk);
    let store = open_store(&disk, &ring, false).unwrap();
    disk.fail_power_in(10 + dice.below(60));
    let possible = work_until_power_fails(&disk, &store, Durability::Durable, Content::default(), &mut dice);
    drop(store);
    disk.restart_machine(&mut dice);
    (disk, ring, possible)
}

#[test]
fn a_power_cut_at_any_operation_of_a_recovery_is_recovered_from() {
    // The long form has as many more of these as of the rounds.
    let disks = 4 * (rounds() / ROUNDS).max(1);
    let mut tally = Tally::default();
    for (cut, ring, possible) in (0..disks).map(cut_off) {
        let whole = cut.copy();
        drop(open_store(&whole, &ring, false).unwrap());
        assert!(whole.operations() > 4, "there was nothing to recover");
        for (operation, seed) in (1..=whole.operations()).flat_map(|cut| (0..4).map(move |seed| (cut, seed)))
        {
            let disk = cut.copy();
            disk.fail_power_in(operation);
            drop(open_store(&disk, &ring, false));
            disk.restart_machine(&mut Dice(seed));
            let store = open_store(&disk, &ring, false).unwrap();
            let place = format!("operation {operation}, seed {seed}");
            tally.count(&content(&store).unwrap(), &possible, &store, &place);
        }
    }
    tally.print("recoveries");
}

/// A disk whose process died in its last commit so many operations in, while the system lived on: what
/// was not synced is seen by the next open, and can still be lost.
fn killed_in_commit(operations: u64) -> (Arc<FaultDevice>, KeyRing, Vec<Content>) {
    let disk = FaultDevice::with_image(Vec::new());
    let ring = make(&disk);
    let store = open_store(&disk, &ring, false).unwrap();
    disk.fail_power_in(operations);
    let dice = &mut Dice(5);
    let possible = work_until_power_fails(&disk, &store, Durability::Durable, Content::default(), dice);
    drop(store);
    disk.restart_process();
    (disk, ring, possible)
}

#[test]
fn what_is_seen_after_a_killed_process_is_synced_before_anything_is_built_on_it() {
    // Only where each sector is kept or lost for itself can two copies be lost at once.
    let scattered: Vec<u64> = (0..).filter(|seed| Dice(*seed).below(4) == 0).take(8).collect();
    let mut tally = Tally::default();
    for (killed_at, cut_at) in (1..30).step_by(3).flat_map(|killed| (2..5).map(move |cut| (killed, cut))) {
        for seed in scattered.iter().copied() {
            let (disk, ring, possible) = killed_in_commit(killed_at);
            disk.fail_power_in(cut_at);
            drop(open_store(&disk, &ring, false));
            disk.restart_machine(&mut Dice(seed));
            let store = open_store(&disk, &ring, false).unwrap();
            let place = format!("killed at {killed_at}, cut at {cut_at}, seed {seed}");
            tally.count(&content(&store).unwrap(), &possible, &store, &place);
        }
    }
    tally.print("kills with a power cut behind them");
}

#[test]
fn a_header_that_is_overwritten_in_place_loses_databases_so_the_suite_can_tell() {
    let in_place: Wrap = |disk| Arc::new(HeaderInPlace(Arc::clone(disk)));
    let lost = (0..ROUNDS).filter(|seed| round(*seed, Durability::Durable, in_place).is_err()).count();
    assert!(lost > 0, "the naive design survived, so these power cuts prove nothing");
}

#[test]
fn after_a_failed_write_the_store_stops_and_a_reopen_finds_a_committed_state() {
    let mut failed = 0;
    for operations in 1..60 {
        let mut dice = Dice(operations);
        let disk = FaultDevice::with_image(Vec::new());
        let ring = make(&disk);
        let store = open_store(&disk, &ring, false).unwrap();
        disk.fail_one_write_in(operations);
        let mut possible = vec![Content::default()];
        for _ in 0..12 {
            if dice.below(4) == 0 && store.checkpoint().is_err() {
                failed += 1;
                break;
            }
            let writes = draw_changes(&mut dice);
            possible.push(after(possible.last().unwrap(), &writes));
            let transaction = store.begin(&Patience::default()).unwrap();
            if let Err(error) = transaction.commit(writes) {
                assert_eq!(error.code(), Code::Io);
                assert_eq!(store.snapshot().map(drop).unwrap_err().code(), Code::Stopped);
                assert_eq!(store.begin(&Patience::default()).map(drop).unwrap_err().code(), Code::Stopped);
                failed += 1;
                break;
            }
        }
        drop(store);
        disk.restart_process();
        let found = content(&open_store(&disk, &ring, true).unwrap()).unwrap();
        assert!(possible[possible.len().saturating_sub(2)..].contains(&found), "operation {operations}");
    }
    assert!(failed > 10);
}
