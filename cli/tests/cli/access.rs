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
