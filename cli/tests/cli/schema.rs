//! Packages of metadata, as somebody installs a business from a file, fills it, and takes it back.

use serde_json::{Value as Json, json};

use crate::sandbox::{Answer, Sandbox};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/packages/easy_spaces.json");

fn schema(sandbox: &Sandbox, rest: &[&str]) -> Answer {
    let (work, rest) = rest.split_first().unwrap();
    sandbox.guanxi(["schema", work, "crm.guanxi", "--as", "lin"].iter().chain(rest).copied())
}

#[test]
fn a_package_is_compared_installed_filled_rolled_back_and_removed() {
    let sandbox = Sandbox::new();
    let compared = schema(&sandbox, &["diff", EXAMPLE]);
    assert_eq!(compared.status, 0, "{}", compared.errors);
    assert!(compared.output.contains("added"), "{}", compared.output);
    assert!(compared.errors.contains("records to be read: 0"), "{}", compared.errors);
    assert_eq!(
        schema(&sandbox, &["list", "--json"]).json()["packages"],
        json!([]),
        "a comparison installs nothing"
    );
    let installed = schema(&sandbox, &["install", EXAMPLE]);
    assert_eq!(installed.output, compared.output, "what was said is what was done");
    sandbox.file(
        "markets.json",
        r#"{"records": [
            {"attributes": {"type": "Market__c", "referenceId": "M1"}, "Name": "Shanghai", "City__c": "上海"},
            {"attributes": {"type": "Space__c", "referenceId": "S1"}, "Name": "Terrace", "Market__c": "@M1",
             "Maximum_Capacity__c": 20, "Minimum_Capacity__c": 2, "Category__c": "Temporary Terrace"},
            {"attributes": {"type": "Space__c", "referenceId": "S2"}, "Name": "Cellar", "Market__c": "@M1",
             "Maximum_Capacity__c": 2, "Minimum_Capacity__c": 20, "Category__c": "Music Room"}]}"#,
    );
    let imported = sandbox.lin("import", ["tree", "markets.json", "--source", "sf"]);
    assert!(
        imported.output.contains("taken 2") && imported.output.contains("rejected 1"),
        "{}",
        imported.output
    );
    let filter = json!({"expression": "maximum_capacity > 10 && market_city == '上海'"}).to_string();
    let page = sandbox.lin("query", ["easy_spaces.space", filter.as_str(), "--json"]).json();
    assert_eq!(page["rows"][0]["values"]["category"], "terrace");
    let page = sandbox.lin("query", ["easy_spaces.market", "spaces=1", "--json"]).json();
    assert_eq!(page["rows"][0]["values"]["largest"], 20);
    let exported = schema(&sandbox, &["export", "easy_spaces"]);
    assert_eq!(exported.json()["version"], "1.0.0");
    let mut newer: Json = serde_json::from_str(&std::fs::read_to_string(EXAMPLE).unwrap()).unwrap();
    newer["version"] = json!("1.1.0");
    newer["entities"].as_array_mut().unwrap().pop();
    sandbox.file("newer.json", newer.to_string());
    let taken = schema(&sandbox, &["install", "newer.json"]);
    assert!(taken.output.contains("withdrawn  entity"), "{}", taken.output);
    let listed = schema(&sandbox, &["list"]);
    assert!(listed.output.contains("1.0.0, 1.1.0"), "{}", listed.output);
    let back = schema(&sandbox, &["roll-back", "easy_spaces"]);
    assert!(back.output.contains("restored  entity"), "{}", back.output);
    assert_eq!(schema(&sandbox, &["remove", "easy_spaces"]).status, 0);
    let refused = sandbox.lin("import", ["tree", "markets.json", "--source", "other"]);
    assert_ne!(refused.status, 0, "{}", refused.output);
    assert_eq!(
        sandbox.lin("query", ["easy_spaces.space", "--json"]).json()["rows"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn a_plan_of_trees_is_read_with_the_files_beside_it() {
    let sandbox = Sandbox::new();
    assert_eq!(schema(&sandbox, &["install", EXAMPLE]).status, 0);
    sandbox.file(
        "markets.json",
        r#"{"records": [{"attributes": {"type": "Market__c", "referenceId": "M1"}, "Name": "Shanghai"}]}"#,
    );
    sandbox.file(
        "spaces.json",
        r#"{"records": [
            {"attributes": {"type": "Space__c", "referenceId": "S1"}, "Name": "Terrace", "Market__c": "@M1"},
            {"attributes": {"type": "Space__c", "referenceId": "S2"}, "Name": "Cellar", "Market__c": "@M2"}]}"#,
    );
    let plan = |name: &str, file: &str| {
        let steps = json!([
            {"sobject": "Market__c", "saveRefs": true, "files": ["markets.json"]},
            {"sobject": "Space__c", "resolveRefs": true, "files": [file]},
        ]);
        sandbox.file(name, format!("\n {steps}"));
        sandbox.lin("import", ["tree", name, "--source", "sf", "--json"])
    };
    // What is done in part is told, too.
    let read = |answer: Answer| -> Json { serde_json::from_str(&answer.output).unwrap() };
    let told = read(plan("plan.json", "spaces.json"));
    assert_eq!((&told["created"], &told["rejected"]), (&json!(2), &json!(1)), "{told}");
    // The row says in which file it is the second record.
    let row = &told["rows"][0];
    assert_eq!((&row["file"], &row["line"]), (&json!("spaces.json"), &json!(2)), "{told}");
    assert_eq!(read(plan("again.json", "spaces.json"))["unchanged"], 2);
    for (name, file, code) in [
        ("out.json", "../spaces.json", "input.invalid_argument"),
        ("absent.json", "absent.json.txt", "storage.io"),
        ("other.json", "markets.json", "input.invalid_json"),
    ] {
        assert_eq!(plan(name, file).error_code(), code, "{file}");
    }
}

#[test]
fn a_package_that_is_none_is_refused_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.file(
        "wrong.json",
        r#"{"package": "cn.wrong", "version": "1.0.0", "label": {"zh": "错", "en": "Wrong"}, "entites": []}"#,
    );
    let refused = schema(&sandbox, &["install", "wrong.json", "--json"]);
    assert_eq!(refused.error_code(), "schema.invalid_definition");
    assert!(refused.errors.contains("entites"), "{}", refused.errors);
    sandbox.file("broken.json", "{");
    assert_eq!(schema(&sandbox, &["install", "broken.json", "--json"]).error_code(), "input.invalid_json");
    assert_eq!(schema(&sandbox, &["install", "absent.json", "--json"]).error_code(), "storage.io");
    assert_eq!(schema(&sandbox, &["roll-back", "cn.none", "--json"]).error_code(), "schema.package_missing");
}
