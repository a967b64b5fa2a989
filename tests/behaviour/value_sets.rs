//! Value sets: lists of codes that fields share, in layers, in packages, and never with a code lost.

use guanxi::engine::{Action, Level};
use guanxi::{Code, Session, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn label(text: &str) -> Json {
    json!({"zh": format!("{text}（中）"), "en": text})
}

fn code(code: &str) -> Json {
    json!({"code": code, "label": label(code)})
}

fn set_of(codes: &[&str]) -> Json {
    let codes: Vec<Json> = codes.iter().map(|known| code(known)).collect();
    json!({"name": "industry", "label": label("Industry"), "codes": codes})
}

fn define_set(session: &Session, codes: &[&str]) -> guanxi::Result<Json> {
    call(session, "schema.define_value_set", json!({"value_set": set_of(codes)}))
}

fn define_field(
    session: &Session,
    entity: &str,
    name: &str,
    field_type: &str,
    set: &str,
) -> guanxi::Result<Json> {
    let given = json!({
        "entity": entity, "name": name, "field_type": field_type, "value_set": set, "indexed": true,
        "label_zh": "行业", "label_en": "Industry",
    });
    call(session, "schema.define_field", given)
}

fn create(session: &Session, entity: &str, field: &str, value: Json) -> guanxi::Result<Json> {
    call(session, "record.create", json!({"entity": entity, "values": {"name": "A", field: value}}))
}

/// The codes of a field as it is described, each with whether it is offered.
fn described(session: &Session, entity: &str, field: &str) -> Vec<(String, bool)> {
    let told = call(session, "schema.describe", json!({"entity": entity})).unwrap();
    let fields = told["entities"][0]["fields"].as_array().unwrap().clone();
    let field = fields.iter().find(|known| known["name"] == field).unwrap();
    let codes = field["codes"].as_array().unwrap();
    let pair = |code: &Json| (code["code"].as_str().unwrap().to_owned(), code["active"].as_bool().unwrap());
    codes.iter().map(pair).collect()
}

fn codes_with(codes: &[(&str, bool)]) -> Vec<(String, bool)> {
    codes.iter().map(|(code, active)| ((*code).to_owned(), *active)).collect()
}

#[test]
fn fields_of_several_entities_share_the_codes_of_a_set_and_follow_its_changes() {
    let house = database();
    define_set(&house.admin, &["bank", "farm"]).unwrap();
    define_field(&house.admin, "account", "industry", "enum", "x.industry").unwrap();
    define_field(&house.admin, "contact", "fields_of_work", "multi_enum", "x.industry").unwrap();
    let held = create(&house.admin, "account", "x.industry", json!("farm")).unwrap();
    create(&house.admin, "contact", "x.fields_of_work", json!(["farm", "bank"])).unwrap();
    let refused = create(&house.admin, "account", "x.industry", json!("mine")).unwrap_err();
    assert_eq!(refused.code(), Code::NotInValueSet);

    define_set(&house.admin, &["bank", "mine"]).unwrap();
    let expected = codes_with(&[("bank", true), ("mine", true), ("farm", false)]);
    assert_eq!(described(&house.admin, "account", "x.industry"), expected);
    assert_eq!(described(&house.admin, "contact", "x.fields_of_work"), expected);
    create(&house.admin, "account", "x.industry", json!("mine")).unwrap();
    let refused = create(&house.admin, "account", "x.industry", json!("farm")).unwrap_err();
    assert_eq!(refused.code(), Code::CodeNotAllowed, "what was taken back is not chosen anew");
    let kept = json!({"entity": "account", "id": held["id"], "values": {"name": "B"}});
    call(&house.admin, "record.update", kept).unwrap();

    let house = house.reopened();
    assert_eq!(described(&house.admin, "account", "x.industry"), expected);
    define_set(&house.admin, &["farm", "bank"]).unwrap();
    let expected = codes_with(&[("farm", true), ("bank", true), ("mine", false)]);
    assert_eq!(described(&house.admin, "account", "x.industry"), expected);
    let filter = json!({"field": "x.industry", "op": "eq", "value": "farm"});
    let found = call(&house.admin, "query.count", json!({"entity": "account", "filter": filter})).unwrap();
    assert_eq!(found["count"], 1);
    let _ = house.verified();
}

fn package(version: &str, codes: &[&str]) -> Json {
    json!({
        "package": "cn.trade", "version": version, "label": label("Trade"),
        "value_sets": [set_of(codes)],
        "extends": [{"entity": "crm.account", "fields": [{
            "local": 1, "name": "industry", "label": label("Industry"), "value_set": "cn.trade.industry",
            "kind": {"type": "enum"},
        }]}],
    })
}

fn install(house: &House, package: Json, dry_run: bool) -> guanxi::Result<Json> {
    call(&house.admin, "schema.install_package", json!({"package": package, "dry_run": dry_run}))
}

#[test]
fn a_higher_layer_adds_and_retires_codes_and_a_newer_version_goes_under_that() {
    let house = database();
    install(&house, package("1.0.0", &["bank", "farm"]), false).unwrap();
    let change = json!({
        "value_set": "cn.trade.industry", "label": label("Trade"),
        "add_codes": [code("space")], "retire_codes": ["farm"],
    });
    let plan = json!({"change": change, "dry_run": true});
    let plan = call(&house.admin, "schema.override_value_set", plan).unwrap();
    assert_eq!(plan["changes"][0]["element"], "override");
    assert_eq!(plan["changes"][0]["layer"], "customer");
    call(&house.admin, "schema.override_value_set", json!({"change": change})).unwrap();
    let expected = codes_with(&[("bank", true), ("farm", false), ("space", true)]);
    assert_eq!(described(&house.admin, "account", "cn.trade.industry"), expected);
    create(&house.admin, "account", "cn.trade.industry", json!("space")).unwrap();

    let dry = install(&house, package("1.1.0", &["bank", "farm", "port"]), true).unwrap();
    let elements: Vec<&str> =
        dry["changes"].as_array().unwrap().iter().map(|change| change["element"].as_str().unwrap()).collect();
    assert_eq!(elements, ["value_set"], "a field that has the set is not itself another one: {dry}");
    install(&house, package("1.1.0", &["bank", "farm", "port"]), false).unwrap();
    let expected = codes_with(&[("bank", true), ("farm", false), ("port", true), ("space", true)]);
    assert_eq!(described(&house.admin, "account", "cn.trade.industry"), expected);

    let back = json!({"change": {"value_set": "cn.trade.industry"}});
    call(&house.admin, "schema.override_value_set", back).unwrap();
    let expected = codes_with(&[("bank", true), ("farm", true), ("port", true), ("space", false)]);
    assert_eq!(described(&house.admin, "account", "cn.trade.industry"), expected);
    let told = call(&house.admin, "schema.value_sets", json!({})).unwrap();
    assert_eq!(told["value_sets"][0]["name"], "cn.trade.industry");
}

#[test]
fn a_package_moves_its_sets_to_another_database_and_takes_them_back_without_losing_a_code() {
    let house = database();
    install(&house, package("1.0.0", &["bank", "farm"]), false).unwrap();
    let given = call(&house.admin, "schema.export_package", json!({"package": "cn.trade"})).unwrap();
    let other = database();
    install(&other, given["package"].clone(), false).unwrap();
    let held = create(&other.admin, "account", "cn.trade.industry", json!("farm")).unwrap();
    install(&other, package("1.1.0", &["bank"]), false).unwrap();
    call(&other.admin, "schema.roll_back_package", json!({"package": "cn.trade"})).unwrap();
    let expected = codes_with(&[("bank", true), ("farm", true)]);
    assert_eq!(described(&other.admin, "account", "cn.trade.industry"), expected);
    call(&other.admin, "schema.remove_package", json!({"package": "cn.trade"})).unwrap();
    let given = json!({"entity": "account", "id": held["id"]});
    let record = call(&other.admin, "record.get", given).unwrap();
    assert_eq!(record["values"]["cn.trade.industry"], "farm");
    let withdrawn = define_field(&other.admin, "contact", "other", "enum", "cn.trade.industry").unwrap_err();
    assert_eq!(withdrawn.code(), Code::Withdrawn);
}

#[test]
fn what_contradicts_a_set_is_refused() {
    let house = database();
    install(&house, package("1.0.0", &["bank", "farm"]), false).unwrap();
    define_set(&house.admin, &["a"]).unwrap();
    let change = |change: Json| {
        call(&house.admin, "schema.override_value_set", json!({"change": change})).unwrap_err().code()
    };
    let trade = "cn.trade.industry";
    let wrong = Code::InvalidDefinition;
    assert_eq!(change(json!({"value_set": "x.nothing"})), Code::UnknownValueSet);
    assert_eq!(change(json!({"value_set": "x.industry", "retire_codes": ["a"]})), wrong, "its own layer");
    assert_eq!(change(json!({"value_set": trade, "add_codes": [code("bank")]})), wrong);
    assert_eq!(change(json!({"value_set": trade, "retire_codes": ["port"]})), wrong);
    assert_eq!(change(json!({"value_set": trade, "remove_codes": ["bank"]})), wrong, "no such property");
    assert_eq!(define_set(&house.admin, &[]).unwrap_err().code(), wrong);
    assert_eq!(define_set(&house.admin, &["a", "a"]).unwrap_err().code(), wrong);
    assert_eq!(define_set(&house.admin, &[""]).unwrap_err().code(), wrong);
    let text = define_field(&house.admin, "account", "text", "text", "x.industry").unwrap_err();
    assert_eq!(text.code(), wrong);
    let unknown = define_field(&house.admin, "account", "other", "enum", "x.nothing").unwrap_err();
    assert_eq!(unknown.code(), Code::UnknownValueSet);
    let field = json!({"field": "cn.trade.industry", "retire_codes": ["bank"]});
    let field = call(&house.admin, "schema.override_field", json!({"entity": "account", "change": field}));
    assert_eq!(field.unwrap_err().code(), wrong, "codes of a set are changed in the set");
    let clerk = house.user_as("clerk", "salesperson");
    assert_eq!(define_set(&clerk, &["b"]).unwrap_err().code(), Code::NotPermitted);
}

#[test]
fn a_set_is_told_to_those_alone_who_see_a_field_that_has_it() {
    let house = database();
    define_set(&house.admin, &["bank"]).unwrap();
    define_field(&house.admin, "account", "industry", "enum", "x.industry").unwrap();
    let sees = house.role("sees", &[("crm.account", Action::Read, Level::All)]);
    let hides = house.role_hiding("hides", &[("crm.account", Action::Read, Level::All)], "x.industry");
    let told = |session: &Session| {
        let told = call(session, "schema.value_sets", json!({})).unwrap();
        told["value_sets"].as_array().unwrap().len()
    };
    assert_eq!(told(&house.user("one", &[sees])), 1);
    assert_eq!(told(&house.user("other", &[hides])), 0);
    assert_eq!(told(&house.user("nobody", &[])), 0);
}
