//! Sealed files and the keys of data subjects.

use std::fs;
use std::path::Path;

use zeroize::Zeroizing;

use super::{made, random, reopened};
use crate::base::Code;
use crate::storage::SealedFiles;

fn sealed_files(directory: &Path) -> SealedFiles {
    SealedFiles::new(directory.to_owned(), Zeroizing::new([3; 32]), random())
}

fn only_file(directory: &Path) -> std::path::PathBuf {
    let mut entries = fs::read_dir(directory).unwrap();
    let path = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none());
    path
}

#[test]
fn a_file_comes_back_as_it_was_written_whatever_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let files = sealed_files(folder.path());
    for length in [0, 1, 16_383, 16_384, 16_385, 32_768, 100_000] {
        let text: Vec<u8> = (0..length).map(|number: usize| (number % 251) as u8).collect();
        files.write("段落.store", &text).unwrap();
        assert_eq!(files.read("段落.store").unwrap().unwrap().as_slice(), text, "{length} bytes");
    }
    assert!(files.exists("段落.store").unwrap());
    assert_eq!(files.read("another").unwrap(), None);
    assert!(files.delete("段落.store").unwrap());
    assert!(!files.delete("段落.store").unwrap());
    assert!(!files.exists("段落.store").unwrap());
}

#[test]
fn neither_name_nor_text_of_a_sealed_file_can_be_found() {
    let folder = tempfile::tempdir().unwrap();
    sealed_files(folder.path()).write("canary-name", &b"canary-text".repeat(5_000)).unwrap();
    let path = only_file(folder.path());
    assert!(!path.display().to_string().contains("canary"));
    assert!(!fs::read(path).unwrap().windows(6).any(|window| window == b"canary"));
}

#[test]
fn a_sealed_file_that_was_changed_cut_or_renamed_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let files = sealed_files(folder.path());
    let text = b"0123456789".repeat(4_000);
    files.write("a", &text).unwrap();
    let path = only_file(folder.path());
    let sealed = fs::read(&path).unwrap();
    let block = 16_384 + 16;

    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        files.read("a").unwrap_err().code()
    };
    for at in [20, 50, 60, 70, 56 + block, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(refused(&changed), Code::Damaged, "byte {at}");
    }
    for length in [0, 7, 11, 40, 56, 57, 56 + block, 56 + 2 * block, sealed.len() - 1] {
        assert_eq!(refused(&sealed[..length]), Code::Damaged, "cut at {length}");
    }
    let mut swapped = sealed.clone();
    swapped[56..56 + 2 * block].rotate_left(block);
    assert_eq!(refused(&swapped), Code::Damaged);
    assert_eq!(refused(&[sealed.as_slice(), &sealed[56..]].concat()), Code::Damaged);
    let mut newer = sealed.clone();
    newer[11] = 2;
    assert_eq!(refused(&newer), Code::NewerFormat);

    fs::write(&path, &sealed).unwrap();
    files.write("b", b"other").unwrap();
    let other = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    fs::copy(&path, other.filter(|other| *other != path).last().unwrap()).unwrap();
    assert_eq!(files.read("b").unwrap_err().code(), Code::Damaged);
    assert_eq!(files.read("a").unwrap().unwrap().as_slice(), text);
}

#[test]
fn clearing_takes_drafts_that_a_crash_left_too() {
    let folder = tempfile::tempdir().unwrap();
    let files = sealed_files(folder.path());
    files.write("a", b"text").unwrap();
    fs::write(only_file(folder.path()).with_extension("draft"), b"half").unwrap();
    assert_eq!(files.read("a").unwrap().unwrap().as_slice(), b"text");
    files.clear().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_subject_keeps_its_key_over_a_reopen_until_it_is_destroyed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let database = made(&path);
    let (lin, wang, chen) = ([1; 16], [2; 16], [3; 16]);
    let keys = database.subjects.ensure_many(&[lin, wang, lin]).unwrap();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[0], keys[2]);
    assert_ne!(keys[0], keys[1]);
    assert_eq!(database.subjects.get(&chen).unwrap(), None);
    drop(database);

    let database = reopened(&path);
    assert_eq!(database.subjects.get(&lin).unwrap().unwrap(), keys[0]);
    let again = database.subjects.ensure_many(&[chen, wang]).unwrap();
    assert_eq!(again[1], keys[1]);
    assert!(database.subjects.destroy(&lin).unwrap());
    assert!(!database.subjects.destroy(&lin).unwrap());
    assert_eq!(database.subjects.get(&lin).unwrap(), None);
    drop(database);

    let database = reopened(&path);
    assert_eq!(database.subjects.get(&lin).unwrap(), None);
    assert_eq!(database.subjects.get(&chen).unwrap().unwrap(), again[0]);
    assert_ne!(database.subjects.ensure_many(&[lin]).unwrap()[0], keys[0]);
}

#[test]
fn more_subjects_than_memory_keeps_are_all_found() {
    let folder = tempfile::tempdir().unwrap();
    let database = made(&folder.path().join("a.guanxi"));
    let subjects: Vec<[u8; 16]> = (0..6_000_u128).map(u128::to_be_bytes).collect();
    let keys = database.subjects.ensure_many(&subjects).unwrap();
    let distinct: std::collections::HashSet<_> = keys.iter().map(|key| **key).collect();
    assert_eq!(distinct.len(), subjects.len());
    for (subject, key) in subjects.iter().zip(&keys).step_by(97) {
        assert_eq!(database.subjects.get(subject).unwrap().as_ref(), Some(key));
    }
}

#[test]
fn a_key_file_of_another_database_or_none_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("a.guanxi"), folder.path().join("b.guanxi"));
    drop(made(&one));
    drop(made(&other));
    fs::copy(other.join("keys"), one.join("keys")).unwrap();
    let refusal = |path: &Path| super::open(path, &super::passphrase()).unwrap_err().code();
    assert_eq!(refusal(&one), Code::Damaged);
    fs::remove_file(other.join("keys")).unwrap();
    assert_eq!(refusal(&other), Code::Damaged);
}
