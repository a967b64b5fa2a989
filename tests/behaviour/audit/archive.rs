//! The ledger is archived, emptied by class, and verifies as before; the archive has what was taken out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use guanxi::api::call;
use guanxi::engine::{Action, ConfigurationChange, Ed25519Key, LedgerCheck, Level, ReadMode, ReadPolicy};
use guanxi::{CancelToken, Changes, Code, Patience};
use guanxi_tests::{House, moment, refusal};
use serde_json::{Value as Json, json};

const SECRET: [u8; 32] = [9; 32];

/// A ledger in which reads are entered, with a signer.
fn house() -> House {
    let house = House::with(|options| options.checkpoint_signer(Arc::new(Ed25519Key::from_secret(&SECRET))));
    let strict = ReadPolicy { mode: ReadMode::Strict, fields: BTreeSet::new() };
    house.admin.define_read_policy("account", Some(strict)).unwrap();
    house
}

fn keep(house: &House, days: Json) -> guanxi::Result<()> {
    let values = [("audit.retention_days".to_owned(), Some(days))].into();
    house
        .admin
        .change_configuration(&ConfigurationChange { values, ..ConfigurationChange::default() })
        .map(drop)
}

fn archive(house: &House, name: &str) -> guanxi::Result<Json> {
    call(&house.admin, "audit.archive", &json!({"path": house.folder().join(name)}))
}

fn drop_old(house: &House, dry_run: bool) -> Json {
    call(&house.admin, "audit.drop_archived", &json!({"dry_run": dry_run})).unwrap()
}

/// Whether the entries of reads have their values.
fn reads(house: &House) -> Vec<bool> {
    let told = call(&house.admin, "ledger.query", &json!({"kinds": ["read"], "order": "rising"})).unwrap();
    let has = |entry: &Json| !entry["changes"].to_string().contains("pruned");
    told["entries"].as_array().unwrap().iter().map(has).collect()
}

fn verified(house: &House) {
    let _ = house.verified();
    house.admin.verify_ledger(&LedgerCheck::default(), &[]).unwrap();
}

#[test]
fn what_is_archived_and_old_is_emptied_and_everything_verifies() {
    let house = house();
    let id = house.create("account", &Changes::new().set("name", "加喜"));
    let lin = house.user("lin", &[house.role("readers", &[("crm.account", Action::Read, Level::All)])]);
    for _ in 0..3 {
        lin.get("account", id).unwrap();
    }
    assert_eq!(reads(&house), [true; 3]);
    keep(&house, json!({"reads": 30})).unwrap();
    house.clock.set(moment("2027-03-01T00:00:00Z"));
    assert_eq!(drop_old(&house, false)["classes"][0]["entries"], 0, "nothing is archived yet");
    assert_eq!(refusal(archive(&house, "none.jsonl")), Code::InvalidArgument, "nothing is signed yet");
    call(&house.admin, "ledger.checkpoint", &json!({})).unwrap();
    let first = archive(&house, "first.jsonl").unwrap();
    assert_eq!(
        refusal(archive(&house, "again.jsonl")),
        Code::InvalidArgument,
        "nothing is new that is signed"
    );
    lin.get("account", id).unwrap();
    assert_eq!(drop_old(&house, true)["classes"][0]["entries"], 3);
    assert_eq!(reads(&house), [true; 4], "it was only said");
    assert_eq!(drop_old(&house, false)["classes"][0]["entries"], 3);
    assert_eq!(reads(&house), [false, false, false, true], "what is not archived stays");
    assert_eq!(drop_old(&house, false)["classes"][0]["entries"], 0);
    verified(&house);
    // What an entry is about is chained, and so it is found as before.
    let of_record = json!({"kinds": ["read"], "record": id.to_string()});
    let found = call(&house.admin, "ledger.query", &of_record).unwrap();
    assert_eq!(found["entries"].as_array().unwrap().len(), 4);
    let by = json!({"kinds": ["read"], "actor": lin.user().to_string()});
    assert_eq!(call(&house.admin, "ledger.query", &by).unwrap()["entries"].as_array().unwrap().len(), 4);
    // The next archive goes on where the first one ended.
    call(&house.admin, "ledger.checkpoint", &json!({})).unwrap();
    let second = archive(&house, "second.jsonl").unwrap();
    assert_eq!(second["first"].as_u64().unwrap(), first["last"].as_u64().unwrap() + 1);
    assert_eq!(drop_old(&house, false)["classes"][0]["entries"], 0, "the newest read is not thirty days old");
    drop(lin);
    let house = house.reopened();
    verified(&house);
    let whole = house.folder().join("whole.jsonl");
    call(&house.admin, "audit.export", &json!({"path": whole, "values": true})).unwrap();
    outsiders_agree(&house, &["first.jsonl", "second.jsonl", "whole.jsonl"]);
}

/// The program in another language holds the archives, and the ledger from which values were taken.
fn outsiders_agree(house: &House, files: &[&str]) {
    if !Command::new("python3").arg("--version").output().is_ok_and(|told| told.status.success()) {
        eprintln!("skipped: there is no python3");
        return;
    }
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/audit_verify/verify.py");
    let key: String =
        Ed25519Key::from_secret(&SECRET).public().iter().map(|byte| format!("{byte:02x}")).collect();
    for file in files {
        let path = house.folder().join(file);
        let told = Command::new("python3").arg(&program).arg(&path).args(["--key", &key]).output().unwrap();
        assert!(told.status.success(), "{file}: {}", String::from_utf8_lossy(&told.stdout));
    }
    // A value that was altered in the archive does not fit its commitment.
    let path = house.folder().join(files[0]);
    let text = fs::read_to_string(&path).unwrap();
    let forged = text.replacen("\"salt\":\"", "\"salt\":\"00", 1).replacen("00", "", 0);
    fs::write(&path, forged).unwrap();
    let told = Command::new("python3").arg(&program).arg(&path).output().unwrap();
    assert!(!told.status.success());
}

#[test]
fn an_interrupted_call_is_gone_on_with_and_backups_hold() {
    let house = house();
    let id = house.create("account", &Changes::new().set("name", "加喜"));
    for _ in 0..5 {
        house.admin.get("account", id).unwrap();
    }
    keep(&house, json!({"reads": 1, "sign_ins": 1})).unwrap();
    house.clock.set(moment("2027-03-01T00:00:00Z"));
    call(&house.admin, "ledger.checkpoint", &json!({})).unwrap();
    archive(&house, "archive.jsonl").unwrap();
    let token = CancelToken::default();
    token.cancel();
    let stopped = house.admin.with_patience(Patience::with_token(token.clone())).drop_archived(false);
    assert_eq!(refusal(stopped), Code::Cancelled);
    assert_eq!(reads(&house), [true; 5]);
    let dropped = house.admin.drop_archived(false).unwrap();
    assert_eq!(dropped.iter().map(|one| one.entries > 0).collect::<Vec<_>>(), [true, true]);
    assert_eq!(reads(&house), [false; 5]);
    verified(&house);
    let (backup, _) = crate::backup::full(&house.admin);
    let keys = crate::backup::keys(&house.admin);
    let (_, restored, path) = crate::backup::opened(&house, &[&backup], Some(&keys));
    restored.verify(&Patience::default()).unwrap();
    drop(restored);
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn classes_are_those_that_there_are_and_only_administrators_archive() {
    let house = house();
    for wrong in [json!({"reads": 0}), json!({"changes": 5}), json!({"reads": "long"}), json!([1])] {
        assert_eq!(refusal(keep(&house, wrong)), Code::InvalidConfiguration);
    }
    let lin = house.user_as("lin", "director");
    let path = house.folder().join("no.jsonl");
    assert_eq!(refusal(call(&lin, "audit.archive", &json!({"path": path}))), Code::NotPermitted);
    assert!(!path.exists());
    assert_eq!(refusal(lin.drop_archived(false)), Code::NotPermitted);
    assert_eq!(refusal(lin.archived_ledger()), Code::NotPermitted);
}

#[test]
fn an_archive_is_held_against_the_ledger_also_when_its_values_are_gone_and_no_byte_of_it_may_be_another() {
    let house = house();
    let id = house.create("account", &Changes::new().set("name", "加喜"));
    let lin = house.user("lin", &[house.role("readers", &[("crm.account", Action::Read, Level::All)])]);
    lin.get("account", id).unwrap();
    house.admin.checkpoint_ledger().unwrap();
    archive(&house, "archive.jsonl").unwrap();
    let path = house.folder().join("archive.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let verify = |text: &str| house.admin.verify_ledger_archive(&mut text.as_bytes());
    let done = verify(&text).unwrap();
    assert_eq!((done.first, done.checkpoints), (1, 1));
    assert!(done.with_values > 0 && done.entries == done.last);
    keep(&house, json!({"reads": 1})).unwrap();
    house.clock.advance_micros(3 * 86_400_000_000);
    drop_old(&house, false);
    assert!(reads(&house).iter().any(|has| !has), "the database no longer has them");
    let told = call(&house.admin, "audit.verify_archive", &json!({"path": path})).unwrap();
    assert_eq!(told["with_values"], json!(done.with_values));
    // Whatever is another: a digit of an entry, of a salt, of a value, of a checkpoint, an order, an end.
    let lines: Vec<&str> = text.lines().collect();
    let another = |line: usize, from: &str, to: &str| {
        let mut lines = lines.clone();
        let changed = lines[line].replacen(from, to, 1);
        assert_ne!(changed, lines[line], "{from}");
        lines[line] = &changed;
        verify(&(lines.join("\n") + "\n")).map(drop).map_err(|error| error.code())
    };
    let of =
        |kind: &str| lines.iter().position(|line| line.contains(&format!("\"type\":\"{kind}\""))).unwrap();
    let with_values = lines.iter().position(|line| line.contains("\"salt\":\"")).unwrap();
    let flipped = |line: usize, name: &str| {
        let json: Json = serde_json::from_str(lines[line]).unwrap();
        let text = json[name].as_str().unwrap().to_owned();
        let mut other = text.clone();
        let last = other.pop();
        other.push(if last == Some('0') { '1' } else { '0' });
        another(line, &text, &other)
    };
    for (line, name) in [(of("entry"), "chained"), (of("entry"), "hash"), (with_values, "salt")] {
        assert_eq!(flipped(line, name), Err(Code::LedgerBroken), "{name}");
    }
    for name in ["hash", "root", "signature", "key"] {
        assert_eq!(flipped(of("checkpoint"), name), Err(Code::CheckpointInvalid), "{name}");
    }
    for (line, name) in [(of("end"), "sha256"), (of("ledger"), "origin")] {
        assert_eq!(flipped(line, name), Err(Code::InvalidArgument), "{name}");
    }
    assert_eq!(another(of("ledger"), "\"format\":1", "\"format\":2"), Err(Code::InvalidArgument));
    let taken = |text: &str| refusal(verify(text));
    assert_eq!(taken(""), Code::InvalidArgument);
    assert_eq!(taken("[]\n"), Code::InvalidArgument);
    assert_eq!(taken(text.trim_end()), Code::InvalidArgument, "the last line is not whole");
    assert_eq!(taken(&(text.clone() + "{}\n")), Code::InvalidArgument, "something stands behind the end");
    let mut swapped = lines.clone();
    swapped.swap(1, 2);
    assert_eq!(taken(&(swapped.join("\n") + "\n")), Code::LedgerBroken);
    let mut shorter = lines.clone();
    shorter.remove(1);
    assert_eq!(taken(&(shorter.join("\n") + "\n")), Code::LedgerBroken);
    let other = self::house();
    assert_eq!(refusal(other.admin.verify_ledger_archive(&mut text.as_bytes())), Code::InvalidArgument);
    assert_eq!(refusal(lin.verify_ledger_archive(&mut text.as_bytes())), Code::NotPermitted);
    let relative = call(&house.admin, "audit.verify_archive", &json!({"path": "archive.jsonl"}));
    assert_eq!(refusal(relative), Code::InvalidArgument);
}
