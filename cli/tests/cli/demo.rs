//! The demo world from the command line: made from a seed, and then used like any other database.

use serde_json::{Value as Json, json};

use crate::sandbox::{Answer, Sandbox};

fn made(sandbox: &Sandbox, path: &str, seed: &str) -> Answer {
    let size =
        ["--accounts", "30", "--until", "2026-11-20", "--seed", seed, "--administrator", "lin", "--json"];
    sandbox.guanxi(["demo", path].into_iter().chain(size))
}

/// What the pipeline and the names of accounts say, without any id.
fn told(sandbox: &Sandbox, path: &str) -> (Json, Json) {
    let as_lin = ["--as", "lin", "--json"];
    let pipeline = sandbox.guanxi(["report", path].into_iter().chain(as_lin)).json();
    let list = r#"{"entity": "account", "sort": ["name"], "limit": 100}"#;
    let accounts = sandbox.guanxi(["call", path, "record.list", list].into_iter().chain(as_lin)).json();
    let names = accounts["rows"].as_array().unwrap().iter().map(|row| row["title"].clone()).collect();
    let stages = pipeline["stages"]["rows"].as_array().unwrap();
    let stages: Json = stages.iter().map(|row| json!([row["labels"], row["figures"]])).collect();
    (json!([stages, pipeline["totals"]["rows"], pipeline["won"]["rows"]]), names)
}

#[test]
fn a_demo_is_made_alike_from_one_seed_otherwise_from_another_and_verifies() {
    let sandbox = Sandbox::empty();
    let [one, again, other] = [("one.guanxi", "4"), ("again.guanxi", "4"), ("other.guanxi", "5")]
        .map(|(path, seed)| made(&sandbox, path, seed).json()["counts"].clone());
    assert_eq!((&one["crm.account"], &one["sys.user"]), (&Json::from(30), &Json::from(41)));
    assert_eq!(one, again);
    assert_ne!(one, other);
    assert_eq!(told(&sandbox, "one.guanxi"), told(&sandbox, "again.guanxi"));
    assert_ne!(told(&sandbox, "one.guanxi").1, told(&sandbox, "other.guanxi").1);
    let verified = sandbox.guanxi(["verify", "one.guanxi", "--as", "lin"]);
    assert_eq!(verified.status, 0, "{}", verified.errors);
}

#[test]
fn a_demo_takes_no_place_that_is_taken_and_no_size_beyond_the_largest() {
    let sandbox = Sandbox::new();
    let refused = made(&sandbox, "crm.guanxi", "1");
    assert_eq!((refused.status != 0, refused.error_code()), (true, "storage.already_exists".to_owned()));
    assert_eq!(sandbox.lin("verify", [""; 0]).status, 0);
    let refused = sandbox.guanxi(["demo", "large.guanxi", "--accounts", "1000001", "--json"]);
    assert_eq!(refused.error_code(), "schema.out_of_range");
    assert!(!sandbox.path("large.guanxi").exists());
}
