//! Keys as an administrator keeps them: listed, added, changed, written down, taken away.

use crate::sandbox::{Answer, Sandbox, answer};

const WORDS: &str = "a quiet river under seven bridges";

/// A key command on the database, with the present key in the file `key`.
fn key(sandbox: &Sandbox, work: &str, rest: &[&str]) -> Answer {
    sandbox.guanxi(["key", work, "crm.guanxi", "--as", "lin"].into_iter().chain(rest.iter().copied()))
}

/// Whether the database opens with the content of the file `key`.
fn opens(sandbox: &Sandbox, kind: &[&str]) -> bool {
    let told = sandbox.lin("call", ["session.whoami"].iter().chain(kind).copied());
    assert!(told.status == 0 || told.status == 5, "{}", told.errors);
    told.status == 0
}

fn kinds(sandbox: &Sandbox, rest: &[&str]) -> Vec<String> {
    let listed = key(sandbox, "list", &[rest, &["--json"]].concat()).json();
    let keys = listed["keys"].as_array().unwrap().iter();
    keys.map(|slot| format!("{} {}", slot["slot"], slot["kind"].as_str().unwrap())).collect()
}

/// The kinds of the ledger's entries on keys, with what they say.
fn entries(sandbox: &Sandbox) -> Vec<(String, String)> {
    let ledger = sandbox.lin("call", ["ledger.list", "{\"limit\": 1000}"]).json();
    let entries = ledger["entries"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "key");
    let told = entries.map(|entry| {
        (entry["cause"].as_str().unwrap().to_owned(), entry["changes"][0]["new"].as_str().unwrap().to_owned())
    });
    told.collect()
}

#[test]
fn a_passphrase_is_added_beside_the_raw_key_and_both_open() {
    let sandbox = Sandbox::new();
    sandbox.file("new", format!("{WORDS}\n"));
    let added = key(&sandbox, "add", &["--new-key-file", "new", "--label", "会议室"]);
    assert_eq!(added.status, 0, "{}", added.errors);
    assert!(
        added.output.starts_with("1: passphrase; 65536 KiB, 3 passes, 1 lanes; 会议室; 2"),
        "{}",
        added.output
    );
    let listed = key(&sandbox, "list", &[]).output;
    assert!(listed.starts_with("0: raw\n1: passphrase; "), "{listed}");
    assert!(!listed.contains("river"));
    assert_eq!(entries(&sandbox), [("key.add".to_owned(), "passphrase key in slot 1".to_owned())]);
    assert!(opens(&sandbox, &[]));
    sandbox.file("key", WORDS);
    assert!(opens(&sandbox, &[]));
}

#[test]
fn a_new_key_may_come_from_the_environment_and_is_not_an_argument() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["key", "add", "crm.guanxi", "--as", "lin"]);
    let added = answer(command.env("GUANXI_NEW_KEY", "08".repeat(32)).output().unwrap());
    assert_eq!((added.status, added.output.split(';').next()), (0, Some("1: raw")), "{}", added.errors);
    for name in ["--new-key", "--passphrase", "--recovery-key"] {
        assert_eq!(key(&sandbox, "add", &[name, WORDS]).status, 2, "{name}");
        assert!(!key(&sandbox, "add", &[&format!("{name}={WORDS}")]).errors.contains(WORDS));
    }
    // Nobody is there to be asked.
    assert_eq!(key(&sandbox, "add", &["--json"]).error_code(), "input.missing_parameter");
    sandbox.file("key", [8; 32]);
    assert!(opens(&sandbox, &[]));
}

#[test]
fn a_changed_key_opens_and_the_old_one_does_not() {
    let sandbox = Sandbox::new();
    sandbox.file("new", [9; 32]);
    assert_eq!(key(&sandbox, "change", &["--new-key-file", "new"]).status, 0);
    assert!(!opens(&sandbox, &[]));
    sandbox.file("key", [9; 32]);
    assert_eq!(kinds(&sandbox, &[]), ["0 raw"]);
    assert_eq!(entries(&sandbox), [("key.change".to_owned(), "raw key in slot 0".to_owned())]);
}

#[test]
fn a_recovery_key_is_shown_once_and_opens_however_it_is_typed() {
    let sandbox = Sandbox::new();
    let shown = key(&sandbox, "recovery", &["--label", "safe"]);
    assert_eq!(shown.status, 0, "{}", shown.errors);
    assert!(shown.errors.contains("not shown again"));
    let text = shown.output.trim();
    assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), [6; 6]);
    assert!(!key(&sandbox, "list", &["--json"]).output.contains(text));
    sandbox.file("key", format!("{}\n", text.to_lowercase().replace('-', " ")));
    assert!(opens(&sandbox, &["--key-kind", "recovery"]));
    let ledger = sandbox.lin("call", ["ledger.list", "{\"limit\": 1000}", "--key-kind", "recovery"]);
    assert!(ledger.status == 0 && !ledger.output.contains(text));

    // A slip of the pen is bad input; another key that is whole is a wrong key.
    let last = if text.ends_with('0') { "1" } else { "0" };
    sandbox.file("key", format!("{}{last}", text.get(..text.len() - 1).unwrap()));
    let slip = sandbox.lin("call", ["session.whoami", "--key-kind", "recovery", "--json"]);
    assert_eq!((slip.status, slip.error_code().as_str()), (3, "input.invalid_argument"));
    let other = Sandbox::new();
    let other = key(&other, "recovery", &["--json"]).json()["recovery_key"].as_str().unwrap().to_owned();
    sandbox.file("key", &other);
    let wrong = sandbox.lin("call", ["session.whoami", "--key-kind", "recovery", "--json"]);
    assert_eq!((wrong.status, wrong.error_code().as_str()), (5, "storage.wrong_key"));
    assert!(!wrong.errors.contains(&other));
}

#[test]
fn a_removed_key_opens_no_more_and_the_last_one_stays() {
    let sandbox = Sandbox::new();
    sandbox.file("new", [9; 32]);
    assert_eq!(key(&sandbox, "add", &["--new-key-file", "new"]).status, 0);
    assert_eq!(key(&sandbox, "remove", &["0"]).status, 0);
    assert!(!opens(&sandbox, &[]));
    sandbox.file("key", [9; 32]);
    for slot in ["0", "1", "9"] {
        let refused = key(&sandbox, "remove", &[slot, "--json"]);
        assert_eq!((refused.status, refused.error_code().as_str()), (3, "input.invalid_argument"), "{slot}");
    }
    assert_eq!(kinds(&sandbox, &[]), ["1 raw"]);
}

#[test]
fn the_cost_of_a_passphrase_is_changed_and_it_still_opens() {
    let sandbox = Sandbox::new();
    sandbox.file("new", WORDS);
    assert_eq!(key(&sandbox, "change", &["--new-key-file", "new"]).status, 0);
    sandbox.file("key", WORDS);
    let upgraded = key(&sandbox, "upgrade", &["--memory-kib", "1024", "--passes", "5", "--json"]).json();
    let cost = &upgraded["cost"];
    assert_eq!((&cost["memory_kib"], &cost["passes"], &cost["lanes"]), (&1_024.into(), &5.into(), &1.into()));
    assert!(opens(&sandbox, &[]));
    let refused = key(&sandbox, "upgrade", &["--memory-kib", "4000000000", "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (3, "input.invalid_argument"));
}

#[test]
fn only_an_administrator_sees_or_changes_keys() {
    let sandbox = Sandbox::new();
    let made = sandbox
        .lin("call", ["user.create", "{\"values\": {\"name\": \"wang\"}, \"roles\": [\"salesperson\"]}"]);
    assert_eq!(made.status, 0, "{}", made.errors);
    sandbox.file("new", [9; 32]);
    let tries: [(&str, &[&str]); 6] = [
        ("list", &[]),
        ("add", &["--new-key-file", "new"]),
        ("remove", &["0"]),
        ("change", &["--new-key-file", "new"]),
        ("recovery", &[]),
        ("upgrade", &[]),
    ];
    for (work, rest) in tries {
        let arguments = ["key", work, "crm.guanxi", "--as", "wang", "--json"].into_iter();
        let refused = sandbox.guanxi(arguments.chain(rest.iter().copied()));
        assert_eq!((refused.status, refused.error_code().as_str()), (4, "access.not_permitted"), "{work}");
        assert_eq!(refused.output, "", "{work}");
    }
    assert_eq!((kinds(&sandbox, &[]), entries(&sandbox)), (vec!["0 raw".to_owned()], Vec::new()));
}
