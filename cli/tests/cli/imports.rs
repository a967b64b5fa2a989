//! Imports from CSV: what is taken, what is not and why, and what a script learns of it.

use serde_json::json;

use crate::sandbox::Sandbox;

/// Line 3 lacks the name, line 4 has no year, line 6 has a cell too many.
const ACCOUNTS: &str = "\
name,city,established
上海加喜企业服务有限公司,上海,2015
,北京,2016
Acme,Berlin,long ago
万科,深圳,1984
Initech,Austin,1999,surplus
";

#[test]
fn rejected_rows_are_reported_with_line_field_and_reason() {
    let sandbox = Sandbox::new();
    sandbox.file("accounts.csv", ACCOUNTS);
    let answer = sandbox.lin("import", ["account", "accounts.csv", "--rejects", "rejects.csv"]);
    assert_eq!(answer.status, 1, "{}", answer.errors);
    let first = answer.output.lines().next().unwrap();
    assert_eq!(first, "read 5, taken 2, warned 0, rejected 3, created 2, updated 0, unchanged 0");
    for reason in ["schema.required", "schema.wrong_type", "input.invalid_csv"] {
        assert!(answer.output.contains(reason), "{}", answer.output);
    }
    let rejects = sandbox.text("rejects.csv");
    let rows: Vec<Vec<&str>> = rejects.lines().map(|line| line.splitn(5, ',').collect()).collect();
    assert_eq!(rows[0], ["line", "outcome", "field", "reason", "message"]);
    assert_eq!(rows[1][..4], ["3", "rejected", "name", "schema.required"]);
    assert_eq!(rows[2][..4], ["4", "rejected", "established", "schema.wrong_type"]);
    assert_eq!((rows[3][0], rows[3][3]), ("6", "input.invalid_csv"));
    assert_eq!(rows.len(), 4);
    let standing = sandbox.lin("call", ["record.count", r#"{"entity": "account"}"#]).json();
    assert_eq!(standing, json!({"count": 2}));
}

#[test]
fn the_same_report_is_there_in_json() {
    let sandbox = Sandbox::new();
    sandbox.file("accounts.csv", ACCOUNTS);
    let answer = sandbox.lin("import", ["account", "accounts.csv", "--json"]);
    assert_eq!(answer.status, 1);
    let report: serde_json::Value = serde_json::from_str(&answer.output).unwrap();
    assert_eq!((&report["read"], &report["rejected"], &report["created"]), (&json!(5), &json!(3), &json!(2)));
    assert_eq!(report["rows"][0]["line"], 3);
    assert_eq!(report["rows"][0]["field"], "name");
    assert_eq!(report["reasons"].as_array().unwrap().len(), 3);
}

#[test]
fn rows_with_the_same_reason_are_counted_together() {
    let sandbox = Sandbox::new();
    let rows: String = (0..30).map(|number| format!("company {number},never\n")).collect();
    sandbox.file("accounts.csv", format!("name,established\n{rows}"));
    let answer = sandbox.lin("import", ["account", "accounts.csv"]);
    assert_eq!(answer.status, 1);
    let told: Vec<&str> = answer.output.lines().filter(|line| line.contains("schema.wrong_type")).collect();
    assert_eq!(told.len(), 1, "{}", answer.output);
    assert!(told[0].contains(" 30 ") && told[0].contains("2, 3, 4, …"), "{}", told[0]);
}

#[test]
fn columns_go_where_the_caller_says_and_a_dry_run_keeps_nothing() {
    let sandbox = Sandbox::new();
    sandbox.file("accounts.csv", "Firma,city,Key=No\nAcme,Berlin,7\n");
    let mapped = ["account", "accounts.csv", "--map", "Firma=name", "--map", "city=-", "--key", "Key=No"];
    let dry = sandbox.lin("import", mapped.into_iter().chain(["--dry-run", "--json"])).json();
    assert_eq!(dry["created"], 1);
    assert_eq!(sandbox.lin("find", ["account", "--json"]).json()["rows"], json!([]));

    let real = sandbox.lin("import", mapped.into_iter().chain(["--source", "sap", "--json"])).json();
    assert_eq!(real["created"], 1);
    let row = &sandbox.lin("find", ["account", "--json"]).json()["rows"][0];
    assert_eq!(row["values"], json!({"name": "Acme"}));
    assert_eq!(row["external_ids"], json!([{"source": "sap", "key": "7"}]));
}

#[test]
fn a_file_comes_from_standard_input_too() {
    let sandbox = Sandbox::new();
    let answer = sandbox.lin_with_input("import", &["account", "-", "--json"], "name\n加喜\n");
    assert_eq!(answer.json()["created"], 1);
}

#[test]
fn a_file_that_is_not_there_is_status_7_and_a_column_that_is_not_there_is_status_3() {
    let sandbox = Sandbox::new();
    let missing = sandbox.lin("import", ["account", "nowhere.csv", "--json"]);
    assert_eq!((missing.status, missing.error_code().as_str()), (7, "storage.io"));
    sandbox.file("accounts.csv", "name\nAcme\n");
    let column = sandbox.lin("import", ["account", "accounts.csv", "--key", "number", "--json"]);
    assert_eq!((column.status, column.error_code().as_str()), (3, "input.invalid_argument"));
}

#[test]
fn the_file_of_reasons_never_takes_the_place_of_the_input() {
    let sandbox = Sandbox::new();
    sandbox.file("accounts.csv", ACCOUNTS);
    let refused = sandbox.lin("import", ["account", "accounts.csv", "--rejects", "./accounts.csv"]);
    assert_eq!(refused.status, 3);
    assert_eq!(sandbox.text("accounts.csv"), ACCOUNTS);
}

#[test]
fn an_unknown_entity_is_status_3() {
    let sandbox = Sandbox::new();
    sandbox.file("accounts.csv", ACCOUNTS);
    for arguments in
        [vec!["import", "acount", "accounts.csv"], vec!["find", "acount"], vec!["report", "acount"]]
    {
        let refused = sandbox.lin(arguments[0], arguments[1..].iter().copied().chain(["--json"]));
        assert_eq!((refused.status, refused.error_code().as_str()), (3, "schema.unknown_entity"));
    }
}
