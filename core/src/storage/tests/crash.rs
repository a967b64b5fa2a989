//! Power cuts at any operation: the database opens, and holds a state that was committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fault_device::{Dice, FaultDevice, HeaderInPlace};
use super::{CHEAP, link, random};
use crate::base::{Code, Patience, Result};
use crate::storage::device::Device;
use crate::storage::keys::{Key, KeyRing};
use crate::storage::redb_store::RedbStore;
use crate::storage::store::Store;
use crate::storage::superblock::FileKind;
use crate::storage::vault::{Unlock, Vault, VaultOptions};
use crate::storage::{Head, Keyspace, LogRecord, RangeRequest, WriteSet};

/// Rounds of the normal run; the long form sets `GUANXI_CRASH_ROUNDS`.
const ROUNDS: u64 = 60;
/// Crashes of one round, each from where the last one left the medium.
const CRASHES_PER_ROUND: u64 = 5;

type Table = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Content {
    pub(super) rows: Table,
    pub(super) head: Head,
    pub(super) log: Vec<LogRecord>,
}

pub(super) fn vault_options(verify: bool) -> VaultOptions {
    VaultOptions { kind: FileKind::Data, cache_bytes: 64 * 1_024, random: random(), verify }
}

/// A new store on a device, closed again.
pub(super) fn make(device: &Arc<dyn Device>) -> KeyRing {
    let vault = Vault::create(Arc::clone(device), &vault_options(false), &Key::raw([1; 32]), CHEAP).unwrap();
    RedbStore::prepare(&vault).unwrap();
    vault.ring.clone()
}

pub(super) fn open_store(device: &Arc<dyn Device>, ring: &KeyRing, verify: bool) -> Result<RedbStore> {
    let vault = Vault::open(Arc::clone(device), &vault_options(verify), &Unlock::Ring(ring))?;
    Ok(RedbStore::new(Arc::new(vault), link))
}

pub(super) fn content(store: &RedbStore) -> Result<Content> {
    let snapshot = store.snapshot()?;
    let all = RangeRequest::prefix(Keyspace::Records, b"", 1_000_000);
    let rows = snapshot.scan(&all)?.rows.into_iter().collect();
    let log = snapshot.read_log(0, 1_000_000)?.into_iter().map(|entry| entry.record).collect();
    Ok(Content { rows, head: snapshot.head()?, log })
}

/// Some puts and deletes, a few of them large enough for units of several pages, and log entries.
pub(super) fn draw_changes(dice: &mut Dice) -> WriteSet {
    let mut writes = WriteSet::default();
    for _ in 0..=dice.below(12) {
        let key = format!("key {:03}", dice.below(150)).into_bytes();
        let length = if dice.below(8) == 0 { dice.below(60_000) } else { dice.below(600) };
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
            Some(value) => next.rows.insert(key.clone(), value.clone()),
            None => next.rows.remove(key),
        };
    }
    for record in &writes.log {
        let position = next.head.position + 1;
        next.head = Head { position, hash: link(&next.head.hash, position, &record.chained) };
        next.log.push(record.clone());
    }
    next
}

fn copy_of(writes: &WriteSet) -> WriteSet {
    WriteSet { changes: writes.changes.clone(), log: writes.log.clone() }
}

/// Commits until power fails. The states that may be found then: the last one that was
/// acknowledged, and the one that was being committed.
fn work_until_power_fails(
    device: &FaultDevice,
    store: &RedbStore,
    start: Content,
    dice: &mut Dice,
) -> Vec<Content> {
    let mut acknowledged = start;
    while !device.is_off() {
        let writes = draw_changes(dice);
        let attempted = after(&acknowledged, &writes);
        let Ok(transaction) = store.begin(&Patience::default()) else { break };
        match transaction.commit(copy_of(&writes)) {
            Ok(committed) => {
                assert_eq!(committed.head, attempted.head);
                acknowledged = attempted;
            }
            Err(_) => return vec![acknowledged, attempted],
        }
    }
    vec![acknowledged]
}

/// Several crashes of one database; `Err` names the crash after which it could not be opened.
fn round(seed: u64, wrap: impl Fn(&Arc<FaultDevice>) -> Arc<dyn Device>) -> Result<(), String> {
    let mut dice = Dice(seed);
    let medium = FaultDevice::with_image(Vec::new());
    let ring = make(&wrap(&medium));
    let mut possible = vec![Content::default()];
    for crash in 0..CRASHES_PER_ROUND {
        medium.fail_power_in(1 + dice.below(120));
        if let Ok(store) = open_store(&wrap(&medium), &ring, false) {
            // Every state that was possible before was durable in one of these forms, and the open
            // has chosen one of them for good once a commit follows.
            if let Ok(found) = content(&store) {
                assert!(possible.contains(&found), "seed {seed}, crash {crash}: a state nobody committed");
                possible = work_until_power_fails(&medium, &store, found, &mut dice);
            }
        }
        match dice.below(4) {
            0 => medium.restart_process(),
            _ => medium.restart_machine(&mut dice),
        }
        // A copy is opened without faults, so that the next crash may fall into the recovery itself.
        let copy = FaultDevice::with_image(medium.image());
        let store = open_store(&wrap(&copy), &ring, dice.below(2) == 0)
            .map_err(|error| format!("seed {seed}, crash {crash}: {error:?}"))?;
        let found = content(&store).map_err(|error| format!("seed {seed}, crash {crash}: {error:?}"))?;
        assert!(possible.contains(&found), "seed {seed}, crash {crash}: a state nobody committed");
        drop(store);
        drop(open_store(&wrap(&copy), &ring, true).unwrap());
    }
    Ok(())
}

#[test]
fn after_any_power_cut_the_database_opens_with_an_acknowledged_state() {
    let rounds = std::env::var("GUANXI_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok());
    for seed in 0..rounds.unwrap_or(ROUNDS) {
        round(seed, |medium| Arc::clone(medium) as Arc<dyn Device>).unwrap();
    }
}

/// A medium whose newest commit is torn, so that the next open falls back, and what it may hold.
fn torn_commit(seed: u64) -> Option<(Vec<u8>, KeyRing, Vec<Content>)> {
    let mut dice = Dice(seed);
    let medium = FaultDevice::with_image(Vec::new());
    let device: Arc<dyn Device> = Arc::clone(&medium) as _;
    let ring = make(&device);
    let store = open_store(&device, &ring, false).unwrap();
    medium.fail_power_in(10 + dice.below(60));
    let possible = work_until_power_fails(&medium, &store, Content::default(), &mut dice);
    drop(store);
    medium.restart_machine(&mut dice);
    let copy: Arc<dyn Device> = FaultDevice::with_image(medium.image());
    let recovery = Vault::open(copy, &vault_options(false), &Unlock::Ring(&ring)).unwrap().recovery;
    (recovery.discarded_units > 0).then(|| (medium.image(), ring, possible))
}

#[test]
fn a_power_cut_at_any_operation_of_a_recovery_is_recovered_from() {
    let mut torn = (0..200).filter_map(torn_commit);
    for (image, ring, possible) in torn.by_ref().take(3) {
        for (operation, seed) in (1..16).flat_map(|operation| (0..4).map(move |seed| (operation, seed))) {
            let medium = FaultDevice::with_image(image.clone());
            let device: Arc<dyn Device> = Arc::clone(&medium) as _;
            medium.fail_power_in(operation);
            drop(open_store(&device, &ring, false));
            medium.restart_machine(&mut Dice(seed));
            let found = content(&open_store(&device, &ring, false).unwrap()).unwrap();
            assert!(possible.contains(&found), "operation {operation}, seed {seed}");
        }
    }
    assert!(torn.next().is_some(), "too few commits were torn");
}

/// A medium whose process died in its last commit so many operations in, while the system lived on:
/// what was not synced is seen by the next open, and can still be lost.
fn killed_in_commit(operations: u64) -> (Arc<FaultDevice>, KeyRing, Vec<Content>) {
    let medium = FaultDevice::with_image(Vec::new());
    let device: Arc<dyn Device> = Arc::clone(&medium) as _;
    let ring = make(&device);
    let store = open_store(&device, &ring, false).unwrap();
    medium.fail_power_in(operations);
    let possible = work_until_power_fails(&medium, &store, Content::default(), &mut Dice(5));
    drop(store);
    medium.restart_process();
    (medium, ring, possible)
}

#[test]
fn a_header_seen_after_a_killed_process_is_synced_before_the_other_one_is_overwritten() {
    // Only where each sector is kept or lost for itself can both headers be lost at once.
    let scattered: Vec<u64> = (0..).filter(|seed| Dice(*seed).below(4) == 0).take(8).collect();
    for (killed_at, cut_at) in (1..10).flat_map(|killed| (2..4).map(move |cut| (killed, cut))) {
        for seed in scattered.iter().copied() {
            let (medium, ring, possible) = killed_in_commit(killed_at);
            let device: Arc<dyn Device> = Arc::clone(&medium) as _;
            medium.fail_power_in(cut_at);
            drop(open_store(&device, &ring, false));
            medium.restart_machine(&mut Dice(seed));
            let found = content(&open_store(&device, &ring, false).unwrap()).unwrap();
            assert!(possible.contains(&found), "killed at {killed_at}, cut at {cut_at}, seed {seed}");
        }
    }
}

#[test]
fn a_header_that_is_overwritten_in_place_loses_databases_so_the_suite_can_tell() {
    let lost = (0..ROUNDS)
        .filter(|seed| round(*seed, |medium| Arc::new(HeaderInPlace(Arc::clone(medium)))).is_err())
        .count();
    assert!(lost > 0, "the naive design survived, so these power cuts prove nothing");
}

#[test]
fn after_a_failed_write_the_store_stops_and_a_reopen_finds_a_committed_state() {
    let mut failed = 0;
    for operations in 1..60 {
        let mut dice = Dice(operations);
        let medium = FaultDevice::with_image(Vec::new());
        let device: Arc<dyn Device> = Arc::clone(&medium) as _;
        let ring = make(&device);
        let store = open_store(&device, &ring, false).unwrap();
        medium.fail_one_write_in(operations);
        let mut possible = vec![Content::default()];
        for _ in 0..6 {
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
        medium.restart_process();
        let found = content(&open_store(&device, &ring, true).unwrap()).unwrap();
        assert!(possible[possible.len() - 2..].contains(&found), "operation {operations}");
    }
    assert!(failed > 10);
}

#[test]
fn a_store_that_was_not_closed_says_so_and_one_that_was_does_not() {
    let medium = FaultDevice::with_image(Vec::new());
    let device: Arc<dyn Device> = Arc::clone(&medium) as _;
    let ring = make(&device);
    let recovery = |image: Vec<u8>| {
        let device: Arc<dyn Device> = FaultDevice::with_image(image);
        Vault::open(device, &vault_options(false), &Unlock::Ring(&ring)).unwrap().recovery
    };
    assert!(!recovery(medium.image()).repaired);
    let store = open_store(&device, &ring, false).unwrap();
    store.begin(&Patience::default()).unwrap().commit(draw_changes(&mut Dice(1))).unwrap();
    assert!(recovery(medium.image()).repaired);
    drop(store);
    assert!(!recovery(medium.image()).repaired);
}
