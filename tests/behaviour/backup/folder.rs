//! A folder of backups: names, list, increments that find what they follow, and rotation.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use guanxi::api::call;
use guanxi::engine::{BackupFile, BackupFolder, BackupKind, RotationPolicy};
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Timestamp};
use guanxi_tests::{House, database, refusal};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::names;

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

fn folder(house: &House) -> (BackupFolder, PathBuf) {
    let path = house.folder().join("backups");
    fs::create_dir(&path).unwrap();
    (BackupFolder::open(&path).unwrap(), path)
}

fn make(house: &House, folder: &BackupFolder, kind: BackupKind) -> BackupFile {
    house.admin.backup_to(folder, kind).unwrap()
}

#[test]
fn a_backup_in_a_folder_is_named_listed_and_hashed() {
    let house = database();
    let (folder, path) = folder(&house);
    let file = make(&house, &folder, BackupKind::Full);
    let position = house.crm.head().unwrap().position;
    assert_eq!(file.name, format!("house-20261122T040000Z-full-{position}.gxb"));
    let expected: [u8; 32] = Sha256::digest(fs::read(path.join(&file.name)).unwrap()).into();
    assert_eq!(file.sha256, expected);
    assert_eq!(names(&path), ["catalogue.json", &file.name]);
    let listed = folder.list().unwrap().backups;
    assert_eq!(listed, std::slice::from_ref(&file));
    let told: serde_json::Value =
        serde_json::from_slice(&fs::read(path.join("catalogue.json")).unwrap()).unwrap();
    assert_eq!(told["backups"][0], file.to_json());
    fs::remove_file(path.join("catalogue.json")).unwrap();
    assert_eq!(folder.list().unwrap().backups, [file]);
}

#[test]
fn an_increment_follows_the_newest_backup_of_the_folder() {
    let house = database();
    let (folder, path) = folder(&house);
    assert_eq!(refusal(house.admin.backup_to(&folder, BackupKind::Incremental)), Code::BackupChain);
    assert!(names(&path).iter().all(|name| name == "catalogue.json"));
    let full = make(&house, &folder, BackupKind::Full);
    let one = make(&house, &folder, BackupKind::Incremental);
    let _ = make(&house, &folder, BackupKind::Keys);
    let two = make(&house, &folder, BackupKind::Incremental);
    assert_eq!((one.header.from, two.header.from), (full.header.to, one.header.to));
    assert!(folder.list().unwrap().backups.iter().all(|file| file.is_whole));
    fs::remove_file(path.join(&one.name)).unwrap();
    let catalogue = folder.list().unwrap();
    let broken: Vec<_> = catalogue.backups.iter().filter(|file| !file.is_whole).collect();
    assert_eq!(broken.iter().map(|file| &file.name).collect::<Vec<_>>(), [&two.name]);
    assert_eq!(catalogue.chain(&full.header.database, None), [&full]);
    assert_eq!(make(&house, &folder, BackupKind::Incremental).header.from, full.header.to);
}

#[test]
fn what_is_no_backup_is_told_and_stops_nothing() {
    let house = database();
    let (folder, path) = folder(&house);
    let full = make(&house, &folder, BackupKind::Full);
    fs::write(path.join("note.txt"), "hello").unwrap();
    fs::write(path.join("foreign.gxb"), "hello").unwrap();
    let catalogue = folder.list().unwrap();
    assert_eq!((catalogue.backups.len(), catalogue.unreadable), (1, vec!["foreign.gxb".to_owned()]));
    house.clock.advance_micros(400 * DAY);
    let nothing = RotationPolicy { keep_full: 0, keep_days: 0, keys_days: 0 };
    let rotation = folder.rotate(nothing, house.crm.now()).unwrap();
    assert_eq!((rotation.keep, rotation.delete), (vec![full.name], vec![]));
    assert!(path.join("foreign.gxb").exists() && path.join("note.txt").exists());
}

#[test]
fn a_folder_that_is_not_there_is_an_argument_that_is_refused() {
    let house = database();
    let missing = BackupFolder::open(house.folder().join("nowhere"));
    assert_eq!(refusal(missing), Code::InvalidArgument);
    assert!(!house.folder().join("nowhere").exists());
}

/// A year of weeks: a full backup each fourth, increments between, keys each week.
fn year(house: &House, folder: &BackupFolder) {
    for week in 0..16 {
        let _ = house.create(Account::NAME, &Changes::new().set("name", format!("week {week}")));
        let kind = if week % 4 == 0 { BackupKind::Full } else { BackupKind::Incremental };
        let _ = make(house, folder, kind);
        let _ = make(house, folder, BackupKind::Keys);
        house.clock.advance_micros(7 * DAY);
    }
}

/// By hand: what stays is the newest chain, the newest keys, what is young enough, and what those follow.
fn expected(files: &[BackupFile], policy: RotationPolicy, now: Timestamp) -> BTreeSet<String> {
    let age = |file: &BackupFile| u64::try_from((now.micros() - file.header.at.micros()) / DAY).unwrap();
    let mut stays: Vec<&BackupFile> = Vec::new();
    let data: Vec<&BackupFile> = files.iter().filter(|file| file.header.kind != BackupKind::Keys).collect();
    let keys: Vec<&BackupFile> = files.iter().filter(|file| file.header.kind == BackupKind::Keys).collect();
    stays.extend(data.iter().filter(|file| age(file) < policy.keep_days));
    stays.extend(keys.iter().filter(|file| age(file) < policy.keys_days));
    stays.extend(data.last());
    stays.extend(keys.last());
    let full: Vec<_> = data.iter().filter(|file| file.header.kind == BackupKind::Full).collect();
    stays.extend(full.iter().rev().take(usize::try_from(policy.keep_full).unwrap()).map(|file| **file));
    let mut at = 0;
    while let Some(file) = stays.get(at) {
        let before = data
            .iter()
            .find(|other| file.header.kind == BackupKind::Incremental && other.header.to == file.header.from);
        stays.extend(before);
        at += 1;
    }
    stays.iter().map(|file| file.name.clone()).collect()
}

#[test]
fn a_rotation_keeps_what_a_hand_would_and_every_kept_increment_stays_whole() {
    let house = database();
    let (folder, path) = folder(&house);
    year(&house, &folder);
    let now = house.crm.now();
    let policies = [(9, 365, 365), (2, 50, 20), (1, 30, 10), (0, 0, 0)];
    for (keep_full, keep_days, keys_days) in policies {
        let policy = RotationPolicy { keep_full, keep_days, keys_days };
        let before = folder.list().unwrap();
        let wanted = expected(&before.backups, policy, now);
        let plan = before.plan(policy, now);
        assert_eq!(plan.keep.iter().cloned().collect::<BTreeSet<_>>(), wanted, "{policy:?}");
        assert_eq!(folder.list().unwrap(), before, "a plan deletes nothing");
        assert_eq!(folder.rotate(policy, now).unwrap(), plan);
        let after = folder.list().unwrap();
        assert_eq!(after.backups.iter().map(|file| file.name.clone()).collect::<BTreeSet<_>>(), wanted);
        assert!(after.backups.iter().all(|file| file.is_whole));
    }
    assert_eq!(names(&path).len(), 6, "a full backup, three increments, keys and the catalogue");
}

#[test]
fn the_methods_create_list_and_rotate() {
    let house = database();
    let (_, path) = folder(&house);
    let place = path.to_str().unwrap();
    let made = call(&house.admin, "backup.create", &json!({"folder": place, "kind": "full"})).unwrap();
    assert_eq!((&made["kind"], &made["whole"]), (&json!("full"), &json!(true)));
    let _ = call(&house.admin, "backup.create", &json!({"folder": place, "kind": "incremental"})).unwrap();
    let listed = call(&house.admin, "backup.list", &json!({"folder": place})).unwrap();
    assert_eq!((listed["backups"].as_array().unwrap().len(), &listed["backups"][0]), (2, &made));
    house.clock.advance_micros(DAY);
    let again = call(&house.admin, "backup.create", &json!({"folder": place, "kind": "full"})).unwrap();
    let policy = json!({"folder": place, "keep_full": 1, "keep_days": 0, "dry_run": true});
    let plan = call(&house.admin, "backup.rotate", &policy).unwrap();
    assert_eq!((&plan["keep"], plan["delete"].as_array().unwrap().len()), (&json!([again["name"]]), 2));
    let done = json!({"folder": place, "keep_full": 1, "keep_days": 0});
    assert_eq!(call(&house.admin, "backup.rotate", &done).unwrap(), plan);
    assert_eq!(names(&path), ["catalogue.json", again["name"].as_str().unwrap()]);
    let user = house.user_as("li", "director");
    for (method, given) in [
        ("backup.create", json!({"folder": place, "kind": "full"})),
        ("backup.list", json!({"folder": place})),
        ("backup.rotate", json!({"folder": place})),
    ] {
        assert_eq!(refusal(call(&user, method, &given)), Code::NotPermitted, "{method}");
    }
}
