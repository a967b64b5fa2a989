//! What the ledger says, from the command line.

use crate::sandbox::Sandbox;

#[test]
fn entries_are_found_by_who_did_what_to_which_entity() {
    let sandbox = Sandbox::new();
    sandbox.file("accounts.csv", "name,city\n加喜,上海\n关系,苏州\n");
    assert_eq!(sandbox.lin("import", ["account", "accounts.csv"]).status, 0);
    let query = |rest: &[&str]| {
        let words = ["audit", "query", "crm.guanxi", "--as", "lin"];
        sandbox.guanxi(words.into_iter().chain(rest.iter().copied()))
    };
    let told = query(&["--entity", "account", "--kind", "create", "--json"]).json();
    assert_eq!(told["entries"].as_array().unwrap().len(), 2, "{told}");
    let drawn = query(&["--entity", "account", "--kind", "create", "--actor", "lin", "--limit", "1"]);
    assert!(drawn.output.contains("create") && drawn.output.contains("name, city"), "{}", drawn.output);
    assert!(drawn.output.contains("more: --after "), "{}", drawn.output);
    let refused = query(&["--kind", "gossip", "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (3, "input.invalid_argument"));
}

#[test]
fn a_signed_ledger_is_verified_by_its_key_and_by_what_was_kept_elsewhere() {
    let sandbox = Sandbox::new();
    sandbox.file("signing", "0f".repeat(32));
    let audit = |work: &str, rest: &[&str]| {
        let words = ["audit", work, "crm.guanxi"];
        sandbox.guanxi(words.into_iter().chain(rest.iter().copied()).chain(["--as", "lin"]))
    };
    let made = audit("checkpoint", &["--signing-key", "signing", "--json"]).json();
    assert_eq!((&made["sequence"], &made["algorithm"]), (&1.into(), &"ed25519".into()));
    let key = made["key"].as_str().unwrap();
    let heads = audit("heads", &[]);
    sandbox.file("heads.json", &heads.output);
    let told = audit("verify", &["--trusted-key", key, "--anchors", "heads.json"]);
    assert_eq!(told.status, 0, "{}", told.errors);
    assert!(told.output.contains("checkpoints 1, signed 1, anchors 2"), "{}", told.output);
    let other = audit("verify", &["--trusted-key", &"ab".repeat(32), "--json"]);
    assert_eq!((other.status != 0, other.error_code().as_str()), (true, "ledger.checkpoint_invalid"));
    let written = audit("export", &["ledger.jsonl", "--json"]).json();
    assert_eq!(written["checkpoints"], 1);
    assert!(std::fs::read_to_string(sandbox.path("ledger.jsonl")).unwrap().contains("\"type\":\"end\""));
    assert_ne!(audit("export", &["ledger.jsonl"]).status, 0, "a file that stands is not written over");
}

#[test]
fn a_ledger_is_archived_the_archive_is_held_against_it_and_old_values_go_with_a_word() {
    let sandbox = Sandbox::new();
    sandbox.file("signing", "0f".repeat(32));
    let audit = |work: &str, rest: &[&str]| {
        let words = ["audit", work, "crm.guanxi"];
        sandbox.guanxi(words.into_iter().chain(rest.iter().copied()).chain(["--as", "lin"]))
    };
    let early = audit("archive", &["first.jsonl", "--json"]);
    assert_eq!(
        (early.status, early.error_code().as_str()),
        (3, "input.invalid_argument"),
        "no signed checkpoint"
    );
    assert_eq!(audit("checkpoint", &["--signing-key", "signing"]).status, 0);
    let done = audit("archive", &["first.jsonl"]);
    assert!(done.output.starts_with("archived: first 1, "), "{} {}", done.output, done.errors);
    let told = audit("verify-archive", &["first.jsonl", "--json"]).json();
    assert_eq!((&told["first"], &told["checkpoints"]), (&1.into(), &1.into()));
    assert!(told["with_values"].as_u64().unwrap() > 0, "{told}");
    let text = std::fs::read_to_string(sandbox.path("first.jsonl")).unwrap();
    sandbox.file("cut.jsonl", text.lines().take(3).map(|line| format!("{line}\n")).collect::<String>());
    let cut = audit("verify-archive", &["cut.jsonl", "--json"]);
    assert_eq!(cut.error_code(), "input.invalid_argument");
    let values = r#"{"audit.retention_days": {"sign_ins": 1}}"#;
    let set = sandbox.lin("call", ["configuration.set", &format!(r#"{{"settings": {values}}}"#)]);
    assert_eq!(set.status, 0, "{}", set.errors);
    let drop = |rest: &[&str]| audit("drop", rest);
    assert!(drop(&[]).output.contains("sign_ins"));
    let dropped = drop(&["--yes", "--json"]);
    assert_eq!(dropped.status, 0, "{}", dropped.errors);
    assert!(dropped.json()["archived"].as_u64().unwrap() > 0);
    assert_eq!(audit("verify-archive", &["first.jsonl"]).status, 0);
}
