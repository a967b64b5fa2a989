//! What every store keeps to, whatever it is made of: one suite over the trait.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{link, made, reopened};
use crate::base::{CancelToken, Code, Patience};
use crate::storage::memory_store::MemoryStore;
use crate::storage::store::{Settled, Store};
use crate::storage::{Head, Keyspace, LogRecord, RangeRequest, StoreTransaction, WriteSet, successor};

fn put(writes: &mut WriteSet, keyspace: Keyspace, key: &[u8], value: &[u8]) {
    writes.changes.insert((keyspace, key.to_vec()), Some(value.to_vec()));
}

fn begin(store: &dyn Store) -> Box<dyn StoreTransaction + '_> {
    store.begin(&Patience::default()).unwrap()
}

fn commit(store: &dyn Store, writes: WriteSet) -> Head {
    begin(store).commit(writes).unwrap().head
}

fn record(chained: &[u8], sealed: &[u8]) -> LogRecord {
    LogRecord { chained: chained.to_vec(), sealed: sealed.to_vec() }
}

/// Every promise of the trait, tried on an empty store.
pub(super) fn contract(store: &dyn Store) {
    an_empty_store_answers_with_nothing(store);
    values_come_back_in_the_order_asked(store);
    a_scan_agrees_with_a_sorted_map(store);
    a_snapshot_does_not_see_later_commits(store);
    old_snapshots_stay_as_they_were_however_often_keys_change(store);
    a_dropped_transaction_leaves_nothing(store);
    the_log_has_no_gaps_and_is_chained(store);
    too_large_is_refused_and_nothing_is_written(store);
    a_waiting_writer_gives_up_at_its_deadline(store);
    writers_on_threads_lose_no_update(store);
    a_key_to_be_created_must_not_exist_and_a_guarded_one_must_stand(store);
    several_ranges_are_answered_in_the_order_asked(store);
    what_is_published_with_a_commit_is_published_once(store);
    a_named_commit_is_settled(store);
}

fn a_key_to_be_created_must_not_exist_and_a_guarded_one_must_stand(store: &dyn Store) {
    let place = (Keyspace::Unique, b"created once".to_vec());
    let mut writes = WriteSet::default();
    put(&mut writes, place.0, &place.1, b"first");
    writes.creates.insert(place.clone());
    writes.guards.insert(place.clone());
    commit(store, writes.clone());
    put(&mut writes, place.0, &place.1, b"second");
    put(&mut writes, Keyspace::Meta, b"beside", b"it");
    assert_eq!(begin(store).commit(writes).map(drop).unwrap_err().code(), Code::Conflict);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.get(place.0, &place.1).unwrap().unwrap(), b"first");
    assert_eq!(snapshot.get(Keyspace::Meta, b"beside").unwrap(), None);
}

fn several_ranges_are_answered_in_the_order_asked(store: &dyn Store) {
    let snapshot = store.snapshot().unwrap();
    let ranges = [b"\xff".as_slice(), b"", b"\x40"].map(|low| RangeRequest::prefix(Keyspace::Index, low, 9));
    let pages = snapshot.scan_many(&ranges).unwrap();
    for (range, page) in ranges.iter().zip(&pages) {
        assert_eq!(page.rows, snapshot.scan(range).unwrap().rows);
    }
    assert_eq!(pages.len(), 3);
}

fn what_is_published_with_a_commit_is_published_once(store: &dyn Store) {
    let mut published = 0;
    let mut writes = WriteSet::default();
    put(&mut writes, Keyspace::Meta, b"published", b"with it");
    begin(store).commit_and(writes, &mut || published += 1).unwrap();
    assert_eq!(published, 1);
    let refused =
        WriteSet { creates: [(Keyspace::Meta, b"published".to_vec())].into(), ..WriteSet::default() };
    begin(store).commit_and(refused, &mut || published += 1).map(drop).unwrap_err();
    assert_eq!(published, 1);
    assert_eq!(store.flush().unwrap(), store.durable_snapshot().unwrap().head().unwrap());
    store.checkpoint().unwrap();
    assert!(store.statistics().unwrap().tables["meta"].rows > 0);
}

fn a_named_commit_is_settled(store: &dyn Store) {
    let mut writes = WriteSet { id: [9; 16], ..WriteSet::default() };
    put(&mut writes, Keyspace::Meta, b"named", b"by nine");
    assert_eq!(store.settle(&[9; 16]).unwrap(), Settled::Absent);
    commit(store, writes);
    assert_eq!(store.settle(&[9; 16]).unwrap(), Settled::Committed);
}

fn an_empty_store_answers_with_nothing(store: &dyn Store) {
    let snapshot = store.snapshot().unwrap();
    for keyspace in Keyspace::ALL {
        assert_eq!(snapshot.get(keyspace, b"key").unwrap(), None);
        assert!(snapshot.scan(&RangeRequest::prefix(keyspace, b"", 10)).unwrap().rows.is_empty());
    }
    assert_eq!(snapshot.head().unwrap(), Head::default());
    assert_eq!(snapshot.read_log(0, 10).unwrap(), vec![]);
}

fn values_come_back_in_the_order_asked(store: &dyn Store) {
    let mut writes = WriteSet::default();
    put(&mut writes, Keyspace::Meta, b"a", b"meta a");
    put(&mut writes, Keyspace::Records, b"a", b"record a");
    put(&mut writes, Keyspace::Unique, b"", b"the empty key");
    put(&mut writes, Keyspace::Aggregate, b"empty", b"");
    commit(store, writes);
    let keys: [(Keyspace, &[u8]); 5] = [
        (Keyspace::Records, b"a"),
        (Keyspace::Meta, b"a"),
        (Keyspace::Index, b"a"),
        (Keyspace::Unique, b""),
        (Keyspace::Aggregate, b"empty"),
    ];
    let found = store.snapshot().unwrap().get_many(&keys).unwrap();
    let expected: [Option<&[u8]>; 5] =
        [Some(b"record a"), Some(b"meta a"), None, Some(b"the empty key"), Some(b"")];
    assert_eq!(found, expected.map(|value| value.map(<[u8]>::to_vec)));
}

fn a_scan_agrees_with_a_sorted_map(store: &dyn Store) {
    let mut model = BTreeMap::new();
    let mut writes = WriteSet::default();
    for number in 0..500_u32 {
        let key = number.wrapping_mul(2_654_435_761).to_be_bytes();
        let key = &key[..1 + (number % 4) as usize];
        model.insert(key.to_vec(), number.to_be_bytes().to_vec());
        put(&mut writes, Keyspace::Index, key, &number.to_be_bytes());
    }
    commit(store, writes);
    let snapshot = store.snapshot().unwrap();
    let bounds: [&[u8]; 6] =
        [b"", b"\x00\x01", b"\x40", b"\x7f\xff", b"\xc0\x10\x00", b"\xff\xff\xff\xff\xff"];
    for (low, high) in bounds.iter().flat_map(|low| bounds.iter().map(move |high| (low, high))) {
        for (reverse, max_rows) in [(false, 7), (true, 7), (false, 1_000), (true, 1_000), (true, 1)] {
            let rows = model.iter().filter(|(key, _)| key.as_slice() >= *low && key.as_slice() < *high);
            let mut expected: Vec<_> = rows.map(|(key, value)| (key.clone(), value.clone())).collect();
            if reverse {
                expected.reverse();
            }
            let (low, high) = (low.to_vec(), high.to_vec());
            let range = RangeRequest { keyspace: Keyspace::Index, low, high, reverse, max_rows };
            let page = snapshot.scan(&range).unwrap();
            assert_eq!(page.more, expected.len() > max_rows);
            expected.truncate(max_rows);
            assert_eq!(page.rows, expected);
        }
    }
    let prefix = RangeRequest::prefix(Keyspace::Index, b"\xff", 1_000);
    let expected = model.keys().filter(|key| key.starts_with(b"\xff")).count();
    assert_eq!(snapshot.scan(&prefix).unwrap().rows.len(), expected);
    assert_eq!(successor(b"a\xff"), b"b");
}

fn a_snapshot_does_not_see_later_commits(store: &dyn Store) {
    let mut writes = WriteSet::default();
    put(&mut writes, Keyspace::Records, b"seen", b"old");
    commit(store, writes);
    let before = store.snapshot().unwrap();
    let transaction = begin(store);
    let mut writes = WriteSet::default();
    put(&mut writes, Keyspace::Records, b"seen", b"new");
    assert_eq!(transaction.get(Keyspace::Records, b"seen").unwrap().unwrap(), b"old");
    transaction.commit(writes).unwrap();
    assert_eq!(before.get(Keyspace::Records, b"seen").unwrap().unwrap(), b"old");
    assert_eq!(store.snapshot().unwrap().get(Keyspace::Records, b"seen").unwrap().unwrap(), b"new");

    let mut writes = WriteSet::default();
    writes.changes.insert((Keyspace::Records, b"seen".to_vec()), None);
    writes.changes.insert((Keyspace::Records, b"never there".to_vec()), None);
    commit(store, writes);
    assert_eq!(store.snapshot().unwrap().get(Keyspace::Records, b"seen").unwrap(), None);
}

fn old_snapshots_stay_as_they_were_however_often_keys_change(store: &dyn Store) {
    let (often, gone) = (b"often", b"gone");
    let ends = RangeRequest {
        keyspace: Keyspace::Meta,
        low: b"g".to_vec(),
        high: b"p".to_vec(),
        reverse: false,
        max_rows: 9,
    };
    let mut views = Vec::new();
    for turn in 0_u8..60 {
        let mut writes = WriteSet::default();
        put(&mut writes, Keyspace::Meta, often, &[turn]);
        let value = (turn % 3 > 0).then(|| vec![turn]);
        writes.changes.insert((Keyspace::Meta, gone.to_vec()), value.clone());
        commit(store, writes);
        if turn % 7 == 0 {
            views.push((turn, value, store.snapshot().unwrap()));
        }
        if turn == 40 {
            drop(views.drain(1..3));
        }
    }
    for (turn, value, view) in &views {
        assert_eq!(view.get(Keyspace::Meta, often).unwrap(), Some(vec![*turn]));
        assert_eq!(view.get(Keyspace::Meta, gone).unwrap(), *value);
        let rows: Vec<_> = value.iter().map(|value| (gone.to_vec(), value.clone())).collect();
        let mut expected = [rows, vec![(often.to_vec(), vec![*turn])]].concat();
        assert_eq!(view.scan(&ends).unwrap().rows, expected);
        expected.reverse();
        let falling = RangeRequest { reverse: true, ..ends.clone() };
        assert_eq!(view.scan(&falling).unwrap().rows, expected);
    }
}

fn a_dropped_transaction_leaves_nothing(store: &dyn Store) {
    let head = store.snapshot().unwrap().head().unwrap();
    drop(begin(store));
    assert_eq!(begin(store).commit(WriteSet::default()).unwrap().head, head);
}

fn the_log_has_no_gaps_and_is_chained(store: &dyn Store) {
    let start = store.snapshot().unwrap().head().unwrap();
    let mut expected = start;
    let mut written = Vec::new();
    for number in 0..7_u8 {
        let log: Vec<_> = (0..number).map(|part| record(&[number, part], &[part; 3])).collect();
        for entry in &log {
            let position = expected.position + 1;
            expected = Head { position, hash: link(&expected.hash, position, &entry.chained) };
            written.push((expected, entry.clone()));
        }
        assert_eq!(commit(store, WriteSet { log, ..WriteSet::default() }), expected);
    }
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.head().unwrap(), expected);
    let entries = snapshot.read_log(start.position, 1_000).unwrap();
    let read: Vec<_> = entries
        .into_iter()
        .map(|entry| (Head { position: entry.position, hash: entry.hash }, entry.record))
        .collect();
    assert_eq!(read, written);
    assert_eq!(snapshot.read_log(start.position + 3, 2).unwrap()[0].position, start.position + 4);
    assert_eq!(snapshot.read_log(start.position, 2).unwrap().len(), 2);
    assert_eq!(snapshot.read_log(u64::MAX, 2).unwrap(), vec![]);
}

fn too_large_is_refused_and_nothing_is_written(store: &dyn Store) {
    let caps = store.caps();
    let too_large = [
        (vec![b'k'; caps.max_key_bytes + 1], Vec::new()),
        (b"large".to_vec(), vec![b'v'; caps.max_value_bytes + 1]),
    ];
    for (key, value) in too_large {
        let mut writes = WriteSet::default();
        put(&mut writes, Keyspace::Records, b"beside", b"it");
        writes.changes.insert((Keyspace::Records, key), Some(value));
        let refused = begin(store).commit(writes).unwrap_err();
        assert_eq!(refused.code(), Code::LimitExceeded);
        assert_eq!(store.snapshot().unwrap().get(Keyspace::Records, b"beside").unwrap(), None);
    }
    let mut many = WriteSet::default();
    for number in 0..=caps.max_transaction_operations {
        many.changes.insert((Keyspace::Records, number.to_be_bytes().to_vec()), None);
    }
    assert_eq!(begin(store).commit(many).unwrap_err().code(), Code::LimitExceeded);

    let mut largest = WriteSet::default();
    let (key, value) = (vec![b'k'; caps.max_key_bytes], vec![b'v'; caps.max_value_bytes]);
    put(&mut largest, Keyspace::Records, &key, &value);
    commit(store, largest);
    assert_eq!(store.snapshot().unwrap().get(Keyspace::Records, &key).unwrap().unwrap(), value);
}

fn a_waiting_writer_gives_up_at_its_deadline(store: &dyn Store) {
    let held = begin(store);
    let refused = store.begin(&Patience::default().within(Duration::from_millis(5))).map(drop).unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded);
    let token = CancelToken::new();
    token.cancel();
    let refused = store.begin(&Patience::with_token(token)).map(drop).unwrap_err();
    assert_eq!(refused.code(), Code::Cancelled);
    drop(held);
    drop(store.begin(&Patience::default().within(Duration::from_secs(60))).unwrap());
}

fn writers_on_threads_lose_no_update(store: &dyn Store) {
    let before = store.snapshot().unwrap().head().unwrap().position;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let transaction = begin(store);
                    let count = transaction.get(Keyspace::Aggregate, b"count").unwrap();
                    let count = count.map_or(0, |bytes| bytes[0]) + 1;
                    let mut writes = WriteSet { log: vec![record(&[count], b"")], ..WriteSet::default() };
                    put(&mut writes, Keyspace::Aggregate, b"count", &[count]);
                    transaction.commit(writes).unwrap();
                }
            });
        }
    });
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.get(Keyspace::Aggregate, b"count").unwrap().unwrap(), [20]);
    assert_eq!(snapshot.head().unwrap().position, before + 20);
}

#[test]
fn the_embedded_store_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract(made(&folder.path().join("a.guanxi")).store.as_ref());
}

#[test]
fn what_was_committed_is_there_after_a_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let database = made(&path);
    let mut writes = WriteSet { log: vec![record(b"chained", b"sealed")], ..WriteSet::default() };
    put(&mut writes, Keyspace::Records, "客户".as_bytes(), "上海关系".as_bytes());
    let head = commit(database.store.as_ref(), writes);
    drop(database);

    let database = reopened(&path);
    let snapshot = database.store.snapshot().unwrap();
    assert_eq!(snapshot.get(Keyspace::Records, "客户".as_bytes()).unwrap().unwrap(), "上海关系".as_bytes());
    assert_eq!(snapshot.head().unwrap(), head);
    assert!(!database.recovery.repaired);
}

#[test]
fn the_store_in_memory_keeps_the_same_contract() {
    contract(&MemoryStore::new(link, 0));
}

#[test]
fn a_store_in_memory_forgets_what_no_view_sees() {
    let store = MemoryStore::new(link, 0);
    let write = |value: Option<&[u8]>| {
        let mut writes = WriteSet::default();
        writes.changes.insert((Keyspace::Records, b"one".to_vec()), value.map(<[u8]>::to_vec));
        commit(&store, writes);
        store.statistics().unwrap().memory_bytes
    };
    let first = write(Some(&[7; 1_000]));
    let most = (0..100).map(|_| write(Some(&[7; 1_000]))).max().unwrap();
    assert!(most <= 3 * first, "{most} {first}");
    let view = store.snapshot().unwrap();
    write(None);
    write(None);
    assert_eq!(view.get(Keyspace::Records, b"one").unwrap().unwrap(), [7; 1_000]);
    drop(view);
    write(None);
    assert!(write(None) < first);
}

#[test]
fn a_store_in_memory_answers_with_conflicts_when_it_is_asked_to() {
    let store = MemoryStore::new(link, 3);
    let mut writes = WriteSet::default();
    put(&mut writes, Keyspace::Meta, b"key", b"value");
    let outcomes =
        (0..9).map(|_| begin(&store).commit(writes.clone()).map(drop).map_err(|error| error.code()));
    let conflicts: Vec<_> = outcomes.map(|outcome| outcome == Err(Code::Conflict)).collect();
    assert_eq!(conflicts, [false, false, true].repeat(3));
}
