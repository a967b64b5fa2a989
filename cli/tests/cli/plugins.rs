//! Packages of plugins as the program makes and checks them.

use std::fs;

use crate::sandbox::{Answer, Sandbox};

const PACKAGE: &str = "cn.example.score-1.2.0.gxplugin";

fn pack(sandbox: &Sandbox, id: &str) -> Answer {
    sandbox.file("library", "not really a library");
    let names = ["--name-zh", "评分", "--name-en", "Score", "--capability", "schema:crm.account"];
    let identity = ["plugin", "pack", "library", ".", "--version", "1.2.0", "--id", id];
    sandbox.guanxi(identity.into_iter().chain(names).chain(["--json"]))
}

#[test]
fn what_was_packed_is_verified_and_says_what_it_is() {
    let sandbox = Sandbox::empty();
    let packed = pack(&sandbox, "cn.example.score").json();
    assert!(packed["package"].as_str().unwrap().ends_with(PACKAGE), "{packed}");
    let checked = sandbox.guanxi(["plugin", "verify", PACKAGE, "--unsigned", "--json"]).json();
    assert_eq!(
        (checked["id"].as_str(), checked["version"].as_str()),
        (Some("cn.example.score"), Some("1.2.0"))
    );
    assert_eq!(checked["capabilities"], serde_json::json!(["schema:crm.account"]));
    let chinese = sandbox.guanxi(["plugin", "verify", PACKAGE, "--unsigned", "--locale", "zh-Hans"]);
    assert!(chinese.output.contains("name: 评分\n"), "{}", chinese.output);
}

#[test]
fn an_altered_library_and_a_bad_name_are_status_9() {
    let sandbox = Sandbox::empty();
    pack(&sandbox, "cn.example.score").json();
    let binaries = fs::read_dir(sandbox.path(PACKAGE).join("bin")).unwrap();
    let target = binaries.map(|entry| entry.unwrap().path()).next().unwrap();
    let library = fs::read_dir(target).unwrap().next().unwrap().unwrap().path();
    fs::write(library, "another library").unwrap();
    let altered = sandbox.guanxi(["plugin", "verify", PACKAGE, "--unsigned", "--json"]);
    assert_eq!((altered.status, altered.error_code().as_str()), (9, "plugin.hash_mismatch"));
    let named = pack(&sandbox, "crm.score");
    assert_eq!((named.status, named.error_code().as_str()), (9, "plugin.manifest"));
}

#[test]
fn a_plugin_that_does_not_load_is_status_9_and_changes_nothing() {
    let sandbox = Sandbox::new();
    pack(&sandbox, "cn.example.score").json();
    let before = sandbox.lin("describe", ["account", "--json"]).json();
    let refused =
        sandbox.guanxi(["plugin", "load", "crm.guanxi", PACKAGE, "--unsigned", "--as", "lin", "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (9, "plugin.entry"));
    let refused = sandbox.lin("find", ["account", "--plugin", PACKAGE, "--unsigned", "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (9, "plugin.entry"));
    assert_eq!(sandbox.lin("describe", ["account", "--json"]).json(), before);
}

#[test]
fn a_plugin_is_given_an_account_listed_with_it_and_loses_it() {
    let sandbox = Sandbox::new();
    let robot =
        sandbox.lin("call", ["user.create", r#"{"values": {"name": "robot", "kind": "service"}}"#]).json();
    let plugin = |words: &[&str]| {
        sandbox.guanxi(["plugin"].into_iter().chain(words.iter().copied()).chain(["--as", "lin", "--json"]))
    };
    let id = plugin(&["admit", "crm.guanxi", "cn.example.score", "robot", "--note", "nightly"]).json()["id"]
        .clone();
    let listed = plugin(&["admitted", "crm.guanxi"]).json();
    let row = &listed["plugins"][0];
    assert_eq!((&row["id"], &row["user"], &row["loaded"]), (&id, &robot["id"], &false.into()));
    assert_eq!(plugin(&["dismiss", "crm.guanxi", "cn.example.score"]).status, 0);
    let again = plugin(&["dismiss", "crm.guanxi", "cn.example.score"]);
    assert_eq!(again.error_code(), "record.not_found");
}
