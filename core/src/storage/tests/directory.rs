//! A database as a directory: made, found, locked, refused, each with its own error.

use std::fs;

use super::{create, made, options, passphrase, reopened};
use crate::base::{Code, Patience};
use crate::storage::{Key, Keyspace, WriteSet, open};

fn refusal(path: &std::path::Path) -> Code {
    open(path, &passphrase()).unwrap_err().code()
}

#[test]
fn a_path_that_is_taken_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    fs::write(&path, "a letter").unwrap();
    assert_eq!(create(&path, &passphrase()).unwrap_err().code(), Code::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"a letter");
    let second = folder.path().join("b.guanxi");
    drop(made(&second));
    assert_eq!(create(&second, &passphrase()).unwrap_err().code(), Code::AlreadyExists);
    drop(reopened(&second));
}

#[test]
fn what_is_no_database_is_told_from_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(refusal(&folder.path().join("missing")), Code::DatabaseNotFound);
    assert_eq!(refusal(folder.path()), Code::NotADatabase);
    let file = folder.path().join("letter");
    fs::write(&file, "a letter").unwrap();
    assert_eq!(refusal(&file), Code::NotADatabase);
    for foreign in [b"SQLite format 3\0".repeat(600), b"x".to_vec(), Vec::new()] {
        fs::write(folder.path().join("data"), foreign).unwrap();
        assert_eq!(refusal(folder.path()), Code::NotADatabase);
    }
}

#[test]
fn a_wrong_key_is_refused_by_name_and_the_right_one_still_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    drop(made(&path));
    for wrong in [Key::from_passphrase("老友 kez"), Key::raw([7; 32])] {
        let error = open(&path, &options(wrong)).unwrap_err();
        assert_eq!(error.code(), Code::WrongKey);
        assert!(!format!("{error:?}").contains("kez"));
    }
    drop(reopened(&path));
}

#[test]
fn a_passphrase_opens_in_whatever_unicode_form_it_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    drop(create(&path, &options(Key::from_passphrase("caf\u{e9}"))).unwrap());
    drop(open(&path, &options(Key::from_passphrase("cafe\u{301}"))).unwrap());
}

#[test]
fn an_empty_passphrase_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let error = create(&path, &options(Key::from_passphrase(""))).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing half is left");
}

#[test]
fn a_second_open_of_one_path_is_refused_until_the_first_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let first = made(&path);
    assert_eq!(refusal(&path), Code::Locked);
    assert!(open(&path, &passphrase()).unwrap_err().is_retryable());
    drop(first);
    drop(reopened(&path));
}

#[test]
fn sub_keys_differ_by_purpose_and_stay_the_same_over_a_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let database = made(&path);
    let keys = ["blob", "index", "ledger"].map(|purpose| database.ring().derive(purpose));
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    drop(database);
    assert_eq!(reopened(&path).ring().derive("ledger"), keys[2]);
}

#[test]
fn no_byte_of_a_stored_value_can_be_found_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let canary = "关系-canary-7f3a9c-a value that nobody else writes";
    let database = made(&path);
    let mut writes = WriteSet::default();
    for number in 0..200_u32 {
        let key = [canary.as_bytes(), &number.to_be_bytes()].concat();
        writes.changes.insert((Keyspace::Records, key), Some(canary.as_bytes().repeat(20)));
    }
    database.store.begin(&Patience::default()).unwrap().commit(writes).unwrap();
    database.subjects.ensure_many(&[*b"canary-subject-1"]).unwrap();
    let while_open = files(&path);
    drop(database);
    let needles = ["-canary-7f3a9c-".as_bytes(), b"canary-subject-1", b"redb", "老友 key".as_bytes()];
    for (name, bytes) in while_open.iter().chain(&files(&path)) {
        for needle in needles {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{name}");
        }
    }
}

fn files(path: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = entries.filter(|path| path.is_file()).collect();
    assert!(files.len() >= 2);
    files.iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

#[test]
fn neither_a_key_nor_what_holds_one_tells_it_when_printed() {
    let folder = tempfile::tempdir().unwrap();
    let options = passphrase();
    let database = create(&folder.path().join("a.guanxi"), &options).unwrap();
    let printed = format!("{options:?} {database:?} {:?} {:?}", database.ring(), database.subjects);
    assert!(!printed.contains("老友"), "{printed}");
    assert_eq!(format!("{:?}", Key::raw([65; 32])), "Key(raw)");
}
