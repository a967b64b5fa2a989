//! Who may what, from the command line.

use crate::sandbox::Sandbox;

#[test]
fn a_record_is_shared_listed_explained_and_taken_back() {
    let sandbox = Sandbox::new();
    let call = |method: &str, given: &str| sandbox.lin("call", [method, given]).json();
    let wang = call("user.create", r#"{"values": {"name": "wang"}, "roles": ["salesperson"]}"#);
    let record = call("record.create", r#"{"entity": "account", "values": {"name": "加喜"}}"#)["id"].clone();
    let record = record.as_str().unwrap();
    let access = |work: &str, rest: &[&str]| {
        let words = ["access", work, "crm.guanxi", "account", record];
        sandbox.guanxi(words.into_iter().chain(rest.iter().copied()).chain(["--as", "lin"]))
    };
    let shared = access("share", &["--user", "wang", "--level", "edit", "--reason", "代班", "--json"]).json();
    let listed = access("shares", &["--json"]).json();
    assert_eq!((&listed["shares"][0]["id"], &listed["shares"][0]["user"]), (&shared["id"], &wang["id"]));
    assert!(access("shares", &[]).output.contains("代班"));
    let told = access("explain", &["--user", "wang", "--action", "update", "--json"]).json();
    assert_eq!((&told["verdict"], &told["shares"][0]["share"]), (&"granted".into(), &shared["id"]));
    assert!(access("who", &["--action", "update"]).output.contains("share"));
    assert_eq!(access("unshare", &["--user", "wang"]).status, 0);
    assert_eq!(access("shares", &["--json"]).json()["shares"], serde_json::json!([]));
    let refused = access("unshare", &["--user", "wang", "--json"]);
    assert_eq!(refused.error_code(), "record.not_found");
    assert_ne!(access("share", &[]).status, 0, "with whom is to be said");
}

#[test]
fn rules_that_share_records_are_made_listed_changed_and_taken_away() {
    let sandbox = Sandbox::new();
    let call = |method: &str, given: &str| sandbox.lin("call", [method, given]).json();
    let _ = call("user.create", r#"{"values": {"name": "wang"}, "roles": ["salesperson"]}"#);
    let record =
        call("record.create", r#"{"entity": "account", "values": {"name": "加喜", "employees": 500}}"#);
    let record = record["id"].as_str().unwrap();
    let access = |words: &[&str]| {
        sandbox.guanxi(["access"].into_iter().chain(words.iter().copied()).chain(["--as", "lin"]))
    };
    let database = "crm.guanxi";
    let made =
        access(&["rule", "define", database, "large", "account", "employees >= 100", "--user", "wang"]);
    assert_eq!(made.status, 0);
    let id = made.output.trim().to_owned();
    let listed = access(&["rule", "list", database]).output;
    assert!(listed.contains("employees >= 100") && listed.contains(&id));
    let explained = access(&["explain", database, "account", record, "--user", "wang"]).output;
    assert!(explained.contains("granted") && explained.contains(&id));
    assert!(access(&["who", database, "account", record]).output.contains("rule"));
    assert_eq!(access(&["rule", "change", database, &id, "--off", "true"]).status, 0);
    let explained = access(&["explain", database, "account", record, "--user", "wang", "--json"]).json();
    assert_eq!(explained["verdict"], "out_of_reach");
    assert_eq!(access(&["rule", "remove", database, &id]).status, 0);
    let setting = access(&["inherit", "define", database, "contact", "account", "--level", "edit"]);
    let setting = setting.output.trim().to_owned();
    assert!(access(&["inherit", "list", database]).output.contains("crm.account"));
    assert_eq!(access(&["inherit", "change", database, &setting, "--off", "true"]).status, 0);
    assert_eq!(access(&["inherit", "remove", database, &setting]).status, 0);
    assert_eq!(access(&["mark", database]).status, 0);
    let refused = access(&["rule", "remove", database, &id, "--json"]);
    assert_eq!(refused.error_code(), "record.not_found");
}
