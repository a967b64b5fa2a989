//! Looking after a database from the command line: sizes, reports, room given back, a new data key.

use std::fs;

use crate::sandbox::Sandbox;

/// A database with 300 accounts.
fn filled() -> Sandbox {
    let sandbox = Sandbox::new();
    let rows: String = (0..300).map(|number| format!("Kunstdorf {number},Ulm\n")).collect();
    sandbox.file("accounts.csv", format!("name,city\n{rows}"));
    let imported = sandbox.lin("import", ["account", "accounts.csv"]);
    assert_eq!(imported.status, 0, "{}", imported.errors);
    sandbox
}

fn count(sandbox: &Sandbox) -> serde_json::Value {
    sandbox.lin("call", ["record.count", "{\"entity\": \"account\"}"]).json()["count"].clone()
}

#[test]
fn a_compacted_database_has_everything_and_says_what_it_came_to() {
    let sandbox = filled();
    let told = sandbox.lin("compact", [""; 0]);
    assert_eq!(told.status, 0, "{}", told.errors);
    assert!(told.output.starts_with("written anew: rows "), "{}", told.output);
    let report = sandbox.lin("compact", ["--json"]).json();
    assert!(report["bytes_after"].as_u64() <= report["bytes_before"].as_u64(), "{report}");
    // Closing cuts off what the file had taken ahead.
    let closed = fs::metadata(sandbox.path("crm.guanxi/data")).unwrap().len();
    assert!(report["bytes_after"].as_u64().unwrap() >= closed, "{report}");
    assert_eq!(count(&sandbox), 300);
    assert_eq!(sandbox.lin("verify", [""; 0]).status, 0);
}

#[test]
fn a_purge_says_what_the_settings_no_longer_keep() {
    let sandbox = filled();
    let told = sandbox.lin("purge", ["--json"]);
    assert_eq!((told.status, told.json()["entities"].clone()), (0, serde_json::json!([])), "{}", told.errors);
    let policy = "{\"settings\": {\"deletion.purge_days\": {\"account\": 30}}}";
    let set = sandbox.lin("call", ["configuration.set", policy]);
    assert_eq!(set.status, 0, "{}", set.errors);
    let told = sandbox.lin("purge", ["--dry-run"]);
    assert_eq!(
        (told.status, told.output.trim()),
        (0, "crm.account: would go 0, locked 0, held 0"),
        "{}",
        told.errors
    );
}

#[test]
fn a_new_data_key_is_opened_by_the_keys_that_were_named_and_by_no_other() {
    let sandbox = filled();
    sandbox.file("one", [8; 32]);
    sandbox.file("two", "a quiet river under seven bridges\n");
    let rekey = ["key", "rekey", "crm.guanxi", "--as", "lin"];
    let nobody = sandbox.guanxi(rekey.into_iter().chain(["--json"]));
    assert_eq!((nobody.status, nobody.error_code().as_str()), (3, "input.missing_parameter"));
    let files = ["--new-key-file", "one", "--new-key-file", "two"];
    let told = sandbox.guanxi(rekey.into_iter().chain(files).chain(["--locale", "zh-Hans"]));
    assert_eq!(told.status, 0, "{}", told.errors);
    assert!(told.output.starts_with("重写完成: rows "), "{}", told.output);
    assert!(!told.output.contains("river") && !told.errors.contains("river"));

    let refused = sandbox.lin("find", ["account", "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (5, "storage.wrong_key"));
    for key in ["one", "two"] {
        fs::copy(sandbox.path(key), sandbox.path("key")).unwrap();
        assert_eq!(count(&sandbox), 300);
        assert_eq!(sandbox.lin("search", ["Kunstdorf", "--json"]).json()["total"], 300);
    }
    assert_eq!(sandbox.lin("verify", [""; 0]).status, 0);
    let kinds = sandbox.guanxi(["key", "list", "crm.guanxi", "--as", "lin"]).output;
    assert!(kinds.starts_with("0: raw") && kinds.contains("\n1: passphrase"), "{kinds}");
}

#[test]
fn a_quick_verification_reads_everything_and_finds_a_damaged_page() {
    let sandbox = filled();
    let quick = sandbox.lin("verify", ["--quick", "--json"]).json();
    let full = sandbox.lin("verify", ["--json"]).json();
    assert_eq!((&quick["mode"], &full["mode"]), (&"quick".into(), &"full".into()));
    assert!(quick["rows"].as_u64() > full["derived_keys"].as_u64());
    let told = sandbox.lin("verify", ["--quick"]).output;
    assert!(told.starts_with("no fault: entries ") && told.contains(", rows "), "{told}");

    let data = sandbox.path("crm.guanxi/data");
    let mut bytes = fs::read(&data).unwrap();
    bytes.iter_mut().skip(64 * 1_024).step_by(512).for_each(|byte| *byte ^= 1);
    fs::write(&data, bytes).unwrap();
    let refused = sandbox.lin("verify", ["--quick", "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (6, "storage.damaged"));
}

#[test]
fn sizes_and_counts_are_told_for_people_and_for_scripts() {
    let sandbox = filled();
    let told = sandbox.lin("stats", [""; 0]);
    assert_eq!(told.status, 0, "{}", told.errors);
    let records = told.output.lines().find(|line| line.starts_with("records ")).unwrap();
    let rows: u64 = records.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(rows >= 300, "{}", told.output);
    assert!(told.output.lines().any(|line| line.starts_with("file_bytes: ")), "{}", told.output);
    let answer = sandbox.lin("stats", ["--json"]).json();
    assert_eq!(answer["tables"]["records"]["rows"], rows);
    // What is told is of the open file, which gives back a page or two as it is closed.
    let (told, closed) = (
        answer["file_bytes"].as_u64().unwrap(),
        fs::metadata(sandbox.path("crm.guanxi/data")).unwrap().len(),
    );
    assert!((closed..=closed + 2 * 4_096).contains(&told), "{told} {closed}");
}

#[test]
fn the_inspection_is_drawn_for_people_in_both_languages() {
    let sandbox = filled();
    let english = sandbox.lin("inspect", [""; 0]);
    assert_eq!(english.status, 0, "{}", english.errors);
    let accounts = english.output.lines().find(|line| line.ends_with("crm.account")).unwrap();
    assert!(accounts.contains(&"█".repeat(20)) && accounts.contains(" 300 "), "{}", english.output);
    assert!(english.output.contains("100%  crm.account.phone"), "{}", english.output);
    let chinese = sandbox.lin("inspect", ["--locale", "zh-Hans"]).output;
    assert!(chinese.contains("各实体的记录") && !chinese.contains("records by entity"), "{chinese}");
    let data = sandbox.lin("inspect", ["--json"]).json();
    assert_eq!((&data["format"], &data["unfinished_copy"]), (&2.into(), &false.into()));
    assert_eq!(data["entities"][0]["records"], 300);
}

#[test]
fn the_support_bundle_goes_to_a_new_file_and_holds_no_name() {
    let sandbox = filled();
    let made = sandbox.lin("support", ["bundle.json"]);
    assert_eq!((made.status, made.output.as_str()), (0, ""), "{}", made.errors);
    let bundle = sandbox.text("bundle.json");
    let told: serde_json::Value = serde_json::from_str(&bundle).unwrap();
    assert_eq!(told["platform"]["system"], std::env::consts::OS);
    for name in ["Kunstdorf", "lin\"", "Ulm", "crm.guanxi"] {
        assert!(!bundle.contains(name), "{name}");
    }
    let again = sandbox.lin("support", ["bundle.json", "--json"]);
    assert_eq!((again.status, again.error_code().as_str()), (5, "storage.already_exists"));
    assert_eq!(sandbox.text("bundle.json"), bundle);
}

#[test]
fn what_is_left_of_a_damaged_database_is_read_into_files() {
    let sandbox = filled();
    let whole = sandbox.guanxi(["salvage", "crm.guanxi", "whole"]);
    assert_eq!(whole.status, 0, "{}{}", whole.output, whole.errors);
    assert!(whole.output.contains("lost pages: 0\n"), "{}", whole.output);
    assert_eq!(sandbox.text("whole/crm.account.jsonl").lines().count(), 300);

    let data = sandbox.path("crm.guanxi/data");
    let mut bytes = fs::read(&data).unwrap();
    // Both header slots, without which nothing opens the file.
    bytes.get_mut(2 * 4_096..4 * 4_096).unwrap().fill(0);
    fs::write(&data, &bytes).unwrap();
    assert_eq!(sandbox.lin("find", ["account"]).status, 6);
    let found = sandbox.guanxi(["salvage", "crm.guanxi", "found", "--locale", "zh-Hans"]);
    assert_eq!(found.status, 1, "{}", found.errors);
    assert!(found.output.starts_with("记录: "), "{}", found.output);
    let accounts = sandbox.text("found/crm.account.jsonl");
    assert_eq!(accounts.lines().count(), 300);
    assert!((0..300).all(|number| accounts.contains(&format!("\"Kunstdorf {number}\""))));
    assert_eq!(fs::read(&data).unwrap(), bytes);

    let again = sandbox.guanxi(["salvage", "crm.guanxi", "found", "--json"]);
    assert_eq!((again.status, again.error_code().as_str()), (5, "storage.already_exists"));
    sandbox.file("key", [8; 32]);
    let wrong = sandbox.guanxi(["salvage", "crm.guanxi", "other", "--json"]);
    assert_eq!((wrong.status, wrong.error_code().as_str()), (5, "storage.wrong_key"));
    assert!(!sandbox.path("other").exists());
}
