//! Indexes, counters, rules and state machines that are taken back: answers stay, and nothing of them is left.

use guanxi::engine::{Action, Level};
use guanxi::{Changes, Code, Options, Patience, api};
use guanxi_tests::{House, refusal};
use serde_json::{Value as Json, json};

fn call(house: &House, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(&house.admin, method, &given)
}

fn define(house: &House) {
    let field = json!({"entity": "account", "name": "size", "field_type": "int", "label_zh": "大小", "label_en": "Size"});
    call(house, "schema.define_field", field).unwrap();
    call(house, "schema.define_index", json!({"entity": "account", "name": "by_size", "fields": ["x.size"]}))
        .unwrap();
    call(
        house,
        "schema.define_counter",
        json!({"entity": "account", "name": "of_city", "group_by": ["x.size"]}),
    )
    .unwrap();
}

fn explained(house: &House) -> String {
    let asked = json!({"entity": "account", "filter": {"x.size": 3}});
    call(house, "query.explain", asked).unwrap().to_string()
}

fn count(house: &House) -> Json {
    call(house, "record.count", json!({"entity": "account", "filter": {"x.size": 3}})).unwrap()["count"]
        .clone()
}

#[test]
fn an_index_and_a_counter_go_in_chunks_and_their_numbers_are_not_given_again() {
    // Chunks of ten keys, so that a sweep has several.
    let house = House::with(|options: Options| options.build_at_once(10));
    define(&house);
    for number in 0..60 {
        let _ = house.create("account", &Changes::new().set("name", "a").set("x.size", number % 5));
    }
    assert_eq!(count(&house), 12);
    assert!(explained(&house).contains("by_size"), "{}", explained(&house));
    let refused =
        |method: &str, name: &str| refusal(call(&house, method, json!({"entity": "account", "name": name})));
    assert_eq!(refused("schema.remove_index", "of_city"), Code::InvalidDefinition);
    assert_eq!(refused("schema.remove_counter", "by_size"), Code::InvalidDefinition);
    assert_eq!(refused("schema.remove_rule", "by_size"), Code::InvalidDefinition);
    assert_eq!(refused("schema.remove_states", "by_size"), Code::InvalidDefinition);
    let lin = house.user("lin", &[house.role("reads", &[("crm.account", Action::Read, Level::All)])]);
    assert_eq!(refusal(lin.remove_index("account", "by_size")), Code::NotPermitted);
    // A sweep that is interrupted goes on, and the database verifies in between.
    let token = guanxi::CancelToken::default();
    let inner = token.clone();
    let impatient = Patience::with_token(token).telling(move |told| {
        if told.phase == "indexes" {
            inner.cancel();
        }
    });
    let cut_off = house.admin.with_patience(impatient).remove_index("account", "by_size");
    assert_eq!(refusal(cut_off), Code::Cancelled);
    assert!(!explained(&house).contains("by_size"));
    assert_eq!(count(&house), 12);
    let _ = house.create("account", &Changes::new().set("name", "b").set("x.size", 3));
    let _ = house.verified();
    drop(lin);
    let house = house.reopened();
    house.admin.build_indexes().unwrap();
    call(&house, "schema.remove_counter", json!({"entity": "account", "name": "x.of_city"})).unwrap();
    assert_eq!(count(&house), 13);
    let _ = house.verified();
    // The same names make new ones, over what stands by now.
    call(
        &house,
        "schema.define_index",
        json!({"entity": "account", "name": "by_size", "fields": ["-x.size"]}),
    )
    .unwrap();
    call(
        &house,
        "schema.define_counter",
        json!({"entity": "account", "name": "of_city", "group_by": ["x.size"]}),
    )
    .unwrap();
    assert_eq!(count(&house), 13);
    let package = call(&house, "schema.export_package", json!({"package": "x"})).unwrap();
    let added = &package["package"]["extends"][0];
    assert_eq!((&added["indexes"][0]["local"], &added["counters"][0]["local"]), (&json!(2), &json!(2)));
    let _ = house.verified();
}

#[test]
fn a_rule_and_a_state_machine_hold_until_they_are_taken_back() {
    let house = guanxi_tests::database();
    define(&house);
    let codes = json!([{"code": "a", "zh": "甲", "en": "A"}, {"code": "b", "zh": "乙", "en": "B"}]);
    let field = json!({"entity": "account", "name": "kind", "field_type": "enum", "label_zh": "类", "label_en": "Kind", "codes": codes});
    call(&house, "schema.define_field", field).unwrap();
    let machine =
        json!({"name": "way", "field": "x.kind", "initial": ["a"], "transitions": [], "locked": ["a"]});
    call(&house, "schema.define_states", json!({"entity": "account", "machine": machine})).unwrap();
    let rule = json!({"entity": "account", "name": "large", "condition": "x.size > 2", "message_zh": "小", "message_en": "small"});
    call(&house, "schema.define_rule", rule).unwrap();
    let id = house.create("account", &Changes::new().set("name", "a").set("x.size", 3));
    let change =
        |changes: Changes| house.admin.write(|write| write.update_record("account", id, changes.clone()));
    assert_eq!(refusal(change(Changes::new().set("x.kind", "b"))), Code::TransitionNotAllowed);
    assert_eq!(refusal(change(Changes::new().set("name", "b"))), Code::RecordLocked);
    call(&house, "schema.remove_states", json!({"entity": "account", "name": "way"})).unwrap();
    change(Changes::new().set("x.kind", "b")).unwrap();
    assert_eq!(refusal(change(Changes::new().set("x.size", 1))), Code::RuleBroken);
    call(&house, "schema.remove_rule", json!({"entity": "account", "name": "x.large"})).unwrap();
    change(Changes::new().set("x.size", 1)).unwrap();
    let house = house.reopened();
    let told = call(&house, "schema.describe", json!({"entity": "account"})).unwrap();
    assert_eq!((&told["entities"][0]["states"], &told["entities"][0]["rules"]), (&json!([]), &json!([])));
    let _ = house.verified();
}
