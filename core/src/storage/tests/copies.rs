//! Copies of the tables: nothing is lost or added while commits go on, and a job that was cut off goes on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{CHEAP, create, link, made, options, passphrase, random, reopened};
use crate::base::{CancelToken, Code, Patience, Timestamp};
use crate::storage::{Database, Head, Key, Keyspace, LogRecord, OpenOptions, RangeRequest, WriteSet, open};

const NOW: Timestamp = Timestamp::from_micros(1_795_320_000_000_000);

fn commit(database: &Database, number: u64, size: usize) -> Head {
    let mut writes = WriteSet::default();
    for keyspace in [Keyspace::Meta, Keyspace::Records, Keyspace::Attachments] {
        let key = (number % 5_000).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes().to_vec();
        let value = (!number.is_multiple_of(7)).then(|| vec![number as u8; size]);
        writes.changes.insert((keyspace, key), value);
    }
    writes.log.push(LogRecord { chained: number.to_be_bytes().to_vec(), sealed: vec![1; 30] });
    database.store.begin(&Patience::default()).unwrap().commit(writes).unwrap().head
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn content(database: &Database) -> (Vec<Rows>, Vec<LogRecord>, Head) {
    let snapshot = database.store.snapshot().unwrap();
    let rows = Keyspace::ALL
        .map(|keyspace| snapshot.scan(&RangeRequest::prefix(keyspace, b"", 1_000_000)).unwrap().rows);
    let log = snapshot.read_log(0, 1_000_000).unwrap().into_iter().map(|entry| entry.record).collect();
    (rows.to_vec(), log, snapshot.head().unwrap())
}

fn filled(path: &Path) -> Database {
    let database = made(path);
    for number in 0..300 {
        commit(&database, number, 20_000);
    }
    database
}

fn relaxed() -> Patience {
    Patience::default()
}

#[test]
fn a_compacted_database_has_every_row_and_is_not_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let database = filled(&path);
    for number in 0..300 {
        commit(&database, number, 200);
    }
    let before = content(&database);
    let report = database.compact(&relaxed()).unwrap();
    assert!(report.bytes_after < report.bytes_before / 2, "{report:?}");
    assert_eq!(content(&database), before);
    commit(&database, 1, 10);
    let after = content(&database);
    drop(database);
    assert_eq!(content(&reopened(&path)), after);
    assert!(!path.join("data.copy").exists());
}

#[test]
fn commits_that_come_while_rows_are_copied_are_all_there_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let database = filled(&path);
    let (done, made) = (AtomicBool::new(false), AtomicU64::new(300));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let number = made.fetch_add(1, Ordering::SeqCst);
                commit(&database, number, if number.is_multiple_of(50) { 60_000 } else { 300 });
                if number.is_multiple_of(20) {
                    database.store.checkpoint().unwrap();
                }
            }
        });
        for _ in 0..3 {
            database.compact(&relaxed()).unwrap();
        }
        done.store(true, Ordering::SeqCst);
        writer.join().unwrap();
    });
    let now = content(&database);
    assert_eq!(now.2.position, made.load(Ordering::SeqCst));
    // The same commits without a copy give the same rows.
    let other = create(&folder.path().join("b.guanxi"), &passphrase()).unwrap();
    for number in 0..made.load(Ordering::SeqCst) {
        let size = if number < 300 {
            20_000
        } else if number.is_multiple_of(50) {
            60_000
        } else {
            300
        };
        commit(&other, number, size);
    }
    assert_eq!(content(&other).0, now.0);
    drop(database);
    assert_eq!(content(&reopened(&path)).0, now.0);
}

#[test]
fn a_copy_that_was_cancelled_goes_on_after_a_reopen_and_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let database = filled(&path);
    let rows: usize = content(&database).0.iter().map(Vec::len).sum();
    let token = CancelToken::new();
    let cancelling = {
        let token = token.clone();
        Patience::with_token(token.clone()).telling(move |progress| {
            if progress.done > 0 {
                token.cancel();
            }
        })
    };
    assert_eq!(database.compact(&cancelling).unwrap_err().code(), Code::Cancelled);
    for number in 300..400 {
        commit(&database, number, 500);
    }
    drop(database);
    assert!(path.join("data.copy").exists());
    let database = reopened(&path);
    for number in 400..450 {
        commit(&database, number, 500);
    }
    let before = content(&database);
    let report = database.compact(&relaxed()).unwrap();
    assert!((report.rows as usize) < rows + 450, "it began anew: {report:?}");
    assert_eq!(content(&database), before);
    drop(database);
    assert_eq!(content(&reopened(&path)), before);
}

#[test]
fn under_a_new_data_key_only_the_named_keys_open_and_everything_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let database = filled(&path);
    let subject = [7; 16];
    let subject_key = database.subjects.ensure_many(&[subject]).unwrap();
    let old_ring = database.ring();
    let before = content(&database);
    let keys = [Key::from_passphrase("new words"), Key::raw([3; 32])];
    database.change_data_key(&keys, CHEAP, NOW, &relaxed()).unwrap();
    assert!(database.ring() != old_ring);
    assert_eq!(database.ring().file_id(), old_ring.file_id());
    assert_eq!(content(&database), before);
    assert_eq!(database.subjects.get(&subject).unwrap(), subject_key.first().cloned());
    commit(&database, 7_000, 40);
    let after = content(&database);
    drop(database);
    let refused = open(&path, &passphrase()).map(drop).unwrap_err();
    assert_eq!(refused.code(), Code::WrongKey);
    for key in keys {
        let database = open(&path, &options(key)).unwrap();
        assert_eq!(content(&database), after);
        assert_eq!(database.subjects.get(&subject).unwrap(), subject_key.first().cloned());
    }
}

#[test]
fn a_change_of_the_data_key_that_ended_between_its_two_files_is_finished_at_the_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let database = filled(&path);
    database.subjects.ensure_many(&[[7; 16]]).unwrap();
    let old_keys = std::fs::read(path.join("keys")).unwrap();
    database.change_data_key(&[Key::raw([3; 32])], CHEAP, NOW, &relaxed()).unwrap();
    drop(database);
    // As if power had failed after the file `data` was renamed and before the file `keys` was.
    std::fs::rename(path.join("keys"), path.join("keys.copy")).unwrap();
    std::fs::write(path.join("keys"), old_keys).unwrap();
    let database = open(&path, &options(Key::raw([3; 32]))).unwrap();
    assert!(database.subjects.get(&[7; 16]).unwrap().is_some());
    assert!(!path.join("keys.copy").exists());
}

#[test]
fn a_file_that_only_looks_like_a_copy_is_removed_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let before = content(&filled(&path));
    for junk in [&b""[..], b"junk", &[0; 100_000]] {
        std::fs::write(path.join("data.copy"), junk).unwrap();
        let database = reopened(&path);
        assert_eq!(content(&database), before);
        assert!(!path.join("data.copy").exists());
    }
}

#[test]
fn a_database_in_memory_has_no_file_to_compact() {
    let options = OpenOptions { key_cost: CHEAP, ..OpenOptions::new(Key::raw([1; 32]), random(), link) };
    let database = Arc::new(crate::storage::create_in_memory(&options, 0).unwrap());
    assert_eq!(database.compact(&relaxed()).unwrap_err().code(), Code::InvalidArgument);
}
