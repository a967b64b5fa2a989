//! Backing up, looking at what there is, and restoring: as an evening job and a bad morning do it.

use std::fs;
use std::process::Stdio;

use crate::sandbox::{Sandbox, answer};

/// A house with two companies and a person, and a folder for backups.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("backups")).unwrap();
    create(&sandbox, "account", "加喜集团");
    create(&sandbox, "contact", "林先生");
    sandbox
}

fn create(sandbox: &Sandbox, entity: &str, name: &str) {
    let given = serde_json::json!({"entity": entity, "values": {"name": name}}).to_string();
    let made = sandbox.lin("call", ["record.create", &given]);
    assert_eq!(made.status, 0, "{}", made.errors);
}

fn backup(sandbox: &Sandbox, rest: &[&str]) -> String {
    let made = sandbox.lin("backup", ["backups"].iter().chain(rest));
    assert_eq!(made.status, 0, "{}", made.errors);
    made.output.trim().to_owned()
}

fn found(sandbox: &Sandbox, database: &str, entity: &str) -> Vec<String> {
    found_by(sandbox, "lin", database, entity)
}

fn found_by(sandbox: &Sandbox, user: &str, database: &str, entity: &str) -> Vec<String> {
    let answer = sandbox.guanxi(["find", database, entity, "--as", user, "--json"]).json();
    let mut names: Vec<String> = answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["values"]["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_folder_of_backups_brings_a_lost_database_back() {
    let sandbox = sandbox();
    let full = backup(&sandbox, &[]);
    assert!(full.starts_with("backups/crm-") && full.contains("-full-") && full.ends_with(".gxb"), "{full}");
    create(&sandbox, "account", "后来");
    assert!(backup(&sandbox, &["--incremental"]).contains("-incremental-"));
    assert!(backup(&sandbox, &["--keys"]).contains("-keys-"));
    fs::remove_dir_all(sandbox.path("crm.guanxi")).unwrap();
    let restored = sandbox.guanxi(["restore", "crm.guanxi", "backups"]);
    assert_eq!(restored.status, 0, "{}", restored.errors);
    assert!(restored.output.starts_with("restored to entry "), "{}", restored.output);
    assert!(restored.output.contains("from 2 backups and verified"), "{}", restored.output);
    assert_eq!(found(&sandbox, "crm.guanxi", "account"), ["加喜集团", "后来"]);
    assert_eq!(found(&sandbox, "crm.guanxi", "contact"), ["林先生"]);
    assert_eq!(sandbox.lin("verify", [""; 0]).status, 0);
}

#[test]
fn without_the_backup_of_keys_persons_are_empty_and_the_command_says_so() {
    let sandbox = sandbox();
    let full = backup(&sandbox, &[]);
    let refused = sandbox.guanxi(["restore", "b.guanxi", &full, "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (3, "storage.backup_chain"));
    let restored = sandbox.guanxi(["restore", "b.guanxi", &full, "--administrator", "rescue", "--json"]);
    assert_eq!(restored.json()["emptied"], 2, "the contact and the user");
    assert!(restored.errors.contains("newest backup of keys"), "{}", restored.errors);
    let names = |entity: &str| found_by(&sandbox, "rescue", "b.guanxi", entity);
    assert!(names("contact").is_empty());
    assert_eq!(names("account"), ["加喜集团"]);
}

#[test]
fn a_restore_stops_at_the_entry_that_is_named() {
    let sandbox = sandbox();
    let full = backup(&sandbox, &[]);
    let entries = sandbox.lin("verify", ["--json"]).json()["entries"].as_u64().unwrap();
    create(&sandbox, "account", "too late");
    let next = backup(&sandbox, &["--incremental"]);
    let keys = backup(&sandbox, &["--keys"]);
    let at = (entries + 1).to_string();
    let restored = sandbox.guanxi(["restore", "b.guanxi", &next, &full, "--keys", &keys, "--up-to", &at]);
    assert_eq!(restored.status, 0, "{}", restored.errors);
    assert!(!found(&sandbox, "b.guanxi", "account").contains(&"too late".to_owned()));
    let refused = sandbox.guanxi(["restore", "c.guanxi", &full, "--up-to", "1", "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (3, "input.invalid_argument"));
}

#[test]
fn a_database_that_stands_is_replaced_only_when_asked_and_kept_beside() {
    let sandbox = sandbox();
    let (full, keys) = (backup(&sandbox, &[]), backup(&sandbox, &["--keys"]));
    create(&sandbox, "account", "only here");
    let refused = sandbox.guanxi(["restore", "crm.guanxi", &full, "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (5, "storage.already_exists"));
    let restored =
        sandbox.guanxi(["restore", "crm.guanxi", &full, "--keys", &keys, "--replace", "--json"]).json();
    let kept = restored["replaced"].as_str().unwrap();
    assert!(
        kept.starts_with("./crm.guanxi.before-restore-") || kept.starts_with("crm.guanxi.before-restore-")
    );
    assert_eq!(found(&sandbox, "crm.guanxi", "account"), ["加喜集团"]);
    assert_eq!(found(&sandbox, kept, "account"), ["only here", "加喜集团"]);
}

#[test]
fn a_backup_goes_through_a_pipe_and_comes_back_from_one() {
    let sandbox = sandbox();
    let stream = |rest: &[&str]| {
        let given = ["backup", "crm.guanxi", "-", "--as", "lin"].iter().chain(rest).copied();
        let output = sandbox.command(given).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    sandbox.file("full.gxb", stream(&[]));
    create(&sandbox, "account", "后来");
    sandbox.file("keys.gxb", stream(&["--keys"]));
    sandbox.file("next.gxb", stream(&["--incremental", "--after", "full.gxb"]));
    let mut command = sandbox.command(["restore", "b.guanxi", "-", "next.gxb", "--keys", "keys.gxb"]);
    let input = fs::File::open(sandbox.path("full.gxb")).unwrap();
    let restored = answer(command.stdin(Stdio::from(input)).output().unwrap());
    assert_eq!(restored.status, 0, "{}", restored.errors);
    assert_eq!(found(&sandbox, "b.guanxi", "account"), ["加喜集团", "后来"]);
    assert_eq!(found(&sandbox, "b.guanxi", "contact"), ["林先生"]);
    let missing = sandbox.lin("backup", ["-", "--incremental", "--json"]);
    assert_eq!((missing.status, missing.error_code().as_str()), (3, "input.missing_parameter"));
}

#[test]
fn damaged_backups_and_broken_chains_have_their_status_and_leave_nothing() {
    let sandbox = sandbox();
    let full = backup(&sandbox, &[]);
    let next = backup(&sandbox, &["--incremental"]);
    let chain = sandbox.guanxi(["restore", "b.guanxi", &next, "--json"]);
    assert_eq!((chain.status, chain.error_code().as_str()), (3, "storage.backup_chain"));
    let mut bytes = fs::read(sandbox.path(&full)).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    sandbox.file("bad.gxb", bytes);
    let damaged = sandbox.guanxi(["restore", "b.guanxi", "bad.gxb", "--json"]);
    assert_eq!((damaged.status, damaged.error_code().as_str()), (6, "storage.damaged"));
    sandbox.file("key", [8; 32]);
    let wrong = sandbox.guanxi(["restore", "b.guanxi", &full, "--json"]);
    assert_eq!((wrong.status, wrong.error_code().as_str()), (5, "storage.wrong_key"));
    assert!(!sandbox.path("b.guanxi").exists());
}

#[test]
fn backups_are_listed_and_rotated_without_any_key() {
    let sandbox = sandbox();
    let full = backup(&sandbox, &[]);
    let next = backup(&sandbox, &["--incremental"]);
    fs::remove_file(sandbox.path("key")).unwrap();
    let table = sandbox.guanxi(["backups", "backups"]);
    assert_eq!(table.status, 0, "{}", table.errors);
    for name in [&full, &next] {
        assert!(table.output.contains(name.strip_prefix("backups/").unwrap()), "{}", table.output);
    }
    let listed = sandbox.guanxi(["backups", "backups", "--json"]).json();
    assert_eq!(listed["backups"].as_array().unwrap().len(), 2);
    let policy = ["backups", "backups", "--rotate", "--keep-full", "0", "--keep-days", "0"];
    let plan = sandbox.guanxi(policy.iter().chain(&["--dry-run", "--json"])).json();
    assert_eq!((plan["keep"].as_array().unwrap().len(), plan["delete"].as_array().unwrap().len()), (2, 0));
    let rotated = sandbox.guanxi(policy);
    assert_eq!((rotated.status, rotated.output.as_str()), (0, "kept 2\n"));
    let refused = sandbox.guanxi(["backups", "nowhere", "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (3, "input.invalid_argument"));
    assert_eq!(sandbox.guanxi(["backups", "backups", "--dry-run"]).status, 2);
}
