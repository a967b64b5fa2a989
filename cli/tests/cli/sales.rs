//! A year of real sales through four imports, compared with the figures published with the data.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::sandbox::{Sandbox, shared_data};

fn import(sandbox: &Sandbox, data: &Path, entity: &str, file: &str, more: &[&str]) -> Json {
    let file = data.join(file).to_string_lossy().into_owned();
    let arguments = [entity, &file, "--json"].into_iter().chain(more.iter().copied());
    sandbox.lin("import", arguments).json()
}

fn counts(report: &Json) -> [u64; 4] {
    ["read", "taken", "warned", "rejected"].map(|name| report[name].as_u64().unwrap())
}

fn import_people_and_products(sandbox: &Sandbox, data: &Path) {
    let accounts = import(sandbox, data, "account", "accounts.csv", &[]);
    assert_eq!(counts(&accounts), [85, 85, 0, 0]);
    let products = import(sandbox, data, "product", "products.csv", &[]);
    assert_eq!(counts(&products), [7, 7, 0, 0]);
    let people = ["--create-missing", "reports_to", "--create-missing", "unit"];
    let agents = import(sandbox, data, "user", "sales_teams.csv", &people);
    assert_eq!(counts(&agents), [35, 35, 0, 0]);
}

fn decimal(json: &Json) -> f64 {
    json.as_str().unwrap().parse().unwrap()
}

/// Whether two figures agree to the six digits that the published ones have.
fn agree(figure: f64, published: &Json) -> bool {
    (figure - published.as_f64().unwrap()).abs() < 0.000_001
}

fn check_pipeline(sandbox: &Sandbox, expected: &Json) {
    let pipeline = sandbox.lin("report", ["--json"]).json();
    let stages = pipeline["stages"]["rows"].as_array().unwrap();
    let counted: serde_json::Map<String, Json> = stages
        .iter()
        .map(|row| (row["labels"][0].as_str().unwrap().to_owned(), row["figures"][0].clone()))
        .collect();
    assert_eq!(Json::Object(counted), expected["stage_counts"]);
    let totals = &pipeline["totals"]["rows"][0]["figures"];
    assert_eq!(totals[0], expected["rows"]["sales_pipeline"]);
    assert!(agree(decimal(&totals[1]), &expected["win_rate_overall"]["rate"]), "{totals}");
    let won = &pipeline["won"]["rows"][0]["figures"];
    assert_eq!(won[0], expected["won"]["count"]);
    assert!(agree(decimal(&won[1]["amount"]), &expected["won"]["sum"]), "{won}");
    assert!(agree(decimal(&won[2]["amount"]), &expected["won"]["mean"]), "{won}");
    assert_eq!(won[1]["currency"], "USD");
}

fn check_managers(sandbox: &Sandbox, expected: &Json) {
    let filter = r#"{"status": "won"}"#;
    let by_manager = ["opportunity", "--group-by", "owner.reports_to", "--filter", filter, "--json"];
    let measures = ["--measure", "count", "--measure", "sum:amount"];
    let report = sandbox.lin("report", by_manager.into_iter().chain(measures)).json();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), expected["by_manager"].as_object().unwrap().len());
    for row in rows {
        let manager = &expected["by_manager"][row["labels"][0].as_str().unwrap()];
        assert_eq!(row["figures"][0], manager["won"]);
        assert!(agree(decimal(&row["figures"][1]["amount"]), &manager["won_amount"]), "{row}");
    }
}

#[test]
fn the_real_sales_of_a_year_come_to_the_published_figures() {
    let Some(data) = shared_data("crm_sales") else { return };
    let published = fs::read_to_string(data.join("expected_public.json")).unwrap();
    let expected: Json = serde_json::from_str(&published).unwrap();
    let sandbox = Sandbox::new();
    import_people_and_products(&sandbox, &data);

    let first = import(&sandbox, &data, "opportunity", "sales_pipeline.csv", &[]);
    assert_eq!(counts(&first), [8_800, 7_320, 1_480, 0]);
    let reasons = first["reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    let expected_reason = json!(["product", "record.reference_missing", 1_480]);
    assert_eq!(json!([reasons[0]["field"], reasons[0]["reason"], reasons[0]["rows"]]), expected_reason);
    assert!(reasons[0]["example"].as_str().unwrap().contains("GTXPro"), "{reasons:?}");
    check_pipeline(&sandbox, &expected);
    check_managers(&sandbox, &expected);

    let again = import(&sandbox, &data, "opportunity", "sales_pipeline.csv", &[]);
    assert_eq!(
        (&again["unchanged"], &again["created"], &again["updated"]),
        (&json!(8_800), &json!(0), &json!(0))
    );
}

#[test]
fn another_spelling_of_a_product_leaves_no_warning() {
    let Some(data) = shared_data("crm_sales") else { return };
    let sandbox = Sandbox::new();
    import_people_and_products(&sandbox, &data);
    let alias = ["--alias", "GTXPro=GTX Pro"];
    let deals = import(&sandbox, &data, "opportunity", "sales_pipeline.csv", &alias);
    assert_eq!(counts(&deals), [8_800, 8_800, 0, 0]);
    let of_product = ["opportunity", "--filter", r#"{"product": {"title": "GTX Pro"}}"#, "--json"];
    let report = sandbox.lin("report", of_product).json();
    assert_eq!(report["rows"][0]["figures"], json!([1_480]));
}
