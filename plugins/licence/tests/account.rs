//! What the plugin does to an account that is saved.

use guanxi_plugin_licence::setup;
use guanxi_plugin_sdk::abi::{
    GUANXI_ERR_PLUGIN_REJECTED, GUANXI_FIELD_INDEXED, GUANXI_FIELD_SEARCHABLE, GUANXI_OK,
};
use guanxi_plugin_sdk::testing::{Database, Fields, Outcome};
use guanxi_plugin_sdk::{Error, Value};

const FIELD: &str = "unified_social_credit_code";

fn save(code: Value) -> Result<Outcome, Error> {
    let database = Database::open(&["schema:crm.account", "hook:crm.account"], setup)?;
    Ok(database.save("crm.account", Fields::from([(FIELD.to_owned(), code)])))
}

fn save_text(code: &str) -> Result<Outcome, Error> {
    save(Value::Text(code.to_owned()))
}

#[test]
fn the_account_gets_a_field_that_lists_and_search_find() {
    let database = Database::open(&["schema:crm.account", "hook:crm.account"], setup).unwrap();
    let field = database.fields().first().unwrap();
    assert_eq!((field.entity.as_str(), field.name.as_str()), ("crm.account", FIELD));
    assert_eq!((field.label_zh.as_str(), field.type_name.as_str()), ("统一社会信用代码", "text"));
    assert!(field.help_zh.contains("GB 32100-2015") && field.help_en.contains("GB 32100-2015"));
    assert_eq!(field.flags, GUANXI_FIELD_INDEXED | GUANXI_FIELD_SEARCHABLE);
}

#[test]
fn a_code_is_stored_in_its_standard_form() {
    let outcome = save_text("９１ 110000-600037341l").unwrap();
    assert_eq!((outcome.status, outcome.warnings.len()), (GUANXI_OK, 0));
    assert_eq!(outcome.record[FIELD], Value::Text("91110000600037341L".to_owned()));
}

#[test]
fn an_account_without_code_passes_and_a_dash_means_none() {
    assert_eq!(save(Value::Null).unwrap().status, GUANXI_OK);
    let outcome = save_text("—").unwrap();
    assert_eq!((outcome.status, &outcome.record[FIELD]), (GUANXI_OK, &Value::Null));
}

#[test]
fn a_wrong_code_refuses_the_account_and_names_the_right_check_character() {
    let outcome = save_text("91350100M000100Y4Z").unwrap();
    assert_eq!(outcome.status, GUANXI_ERR_PLUGIN_REJECTED);
    let said = outcome.rejection.unwrap();
    assert_eq!(said.field, FIELD);
    assert_eq!(said.zh, "统一社会信用代码校验位应为 3，现为 Z");
    assert_eq!(said.en, "the check character should be 3 and is Z");
}

#[test]
fn a_pilot_issue_is_stored_with_a_warning() {
    let outcome = save_text("91350211m0000xuf46").unwrap();
    assert_eq!(outcome.status, GUANXI_OK);
    assert_eq!(outcome.record[FIELD], Value::Text("91350211M0000XUF46".to_owned()));
    let warning = outcome.warnings.first().unwrap();
    assert_eq!(warning.field, FIELD);
    assert!(warning.zh.contains("早期试点") && warning.en.contains("pilot"));
}
