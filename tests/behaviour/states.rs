//! State machines: where records begin, which steps are open, what follows from them, and what is locked.

use guanxi::{Code, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(house: &House, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(&house.admin, method, &given)
}

/// Licences of accounts: drafted, filed, approved or refused, and locked once approved.
fn house() -> House {
    let house = database();
    let states = ["draft", "filed", "approved", "refused"];
    let codes: Vec<Json> = states.iter().map(|code| json!({"code": code, "zh": code, "en": code})).collect();
    let field = json!({"entity": "account", "name": "licence", "field_type": "enum", "label_zh": "执照", "label_en": "Licence", "codes": codes});
    call(&house, "schema.define_field", field).unwrap();
    let field = json!({"entity": "account", "name": "filed_on", "field_type": "date", "label_zh": "申报日", "label_en": "Filed on"});
    call(&house, "schema.define_field", field).unwrap();
    call(&house, "schema.define_states", json!({"entity": "account", "machine": machine()})).unwrap();
    house
}

fn machine() -> Json {
    let label = |text: &str| json!({"zh": text, "en": text});
    json!({
        "name": "licence", "field": "x.licence", "initial": ["draft"], "locked": ["approved"],
        "transitions": [
            {"name": "file", "label": label("File"), "from": ["draft", "refused"], "to": "filed",
             "guard": "industry != null && employees > 0", "sets": {"x.filed_on": "today()"}},
            {"name": "approve", "label": label("Approve"), "from": ["filed"], "to": "approved"},
            {"name": "refuse", "label": label("Refuse"), "from": ["filed"], "to": "refused"},
            {"name": "reopen", "label": label("Reopen"), "from": ["approved"], "to": "draft"},
        ],
    })
}

fn create(house: &House, values: Json) -> guanxi::Result<String> {
    let made = call(house, "record.create", json!({"entity": "account", "values": values}))?;
    Ok(made["id"].as_str().unwrap().to_owned())
}

fn change(house: &House, id: &str, values: Json) -> guanxi::Result<()> {
    call(house, "record.update", json!({"entity": "account", "id": id, "values": values})).map(drop)
}

fn values(house: &House, id: &str) -> Json {
    call(house, "record.get", json!({"entity": "account", "id": id})).unwrap()["values"].clone()
}

fn steps(house: &House, id: &str) -> Vec<(String, bool)> {
    let told = call(house, "record.transitions", json!({"entity": "account", "id": id})).unwrap();
    let list = told["transitions"].as_array().unwrap().iter();
    list.map(|step| (step["name"].as_str().unwrap().to_owned(), step["open"].as_bool().unwrap())).collect()
}

#[test]
fn a_record_begins_where_it_may_and_takes_the_steps_that_are_open() {
    let house = house();
    let error = create(&house, json!({"name": "a", "x.licence": "approved"})).unwrap_err();
    assert_eq!((error.code(), error.rule_name()), (Code::TransitionNotAllowed, Some("none -> approved")));
    let id = create(&house, json!({"name": "a"})).unwrap();
    assert_eq!(values(&house, &id)["x.licence"], "draft", "it begins in the first state");
    assert_eq!(steps(&house, &id), [("file".to_owned(), false)]);
    let error = change(&house, &id, json!({"x.licence": "filed"})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::TransitionNotAllowed, Some("x.licence")));
    let error = change(&house, &id, json!({"x.licence": "approved"})).unwrap_err();
    assert_eq!(error.rule_name(), Some("draft -> approved"));
    let error = change(&house, &id, json!({"x.licence": null})).unwrap_err();
    assert_eq!(error.rule_name(), Some("draft -> none"));
    change(&house, &id, json!({"industry": "IT", "employees": 3})).unwrap();
    assert_eq!(steps(&house, &id), [("file".to_owned(), true)]);
    change(&house, &id, json!({"x.licence": "filed"})).unwrap();
    assert_eq!(values(&house, &id)["x.filed_on"], "2026-11-22", "a step sets what follows from it");
    assert_eq!(steps(&house, &id), [("approve".to_owned(), true), ("refuse".to_owned(), true)]);
    let house = house.reopened();
    change(&house, &id, json!({"x.licence": "refused"})).unwrap();
    change(&house, &id, json!({"x.licence": "filed", "employees": 4})).unwrap();
    let _ = house.verified();
}

#[test]
fn a_record_that_is_locked_changes_nothing_but_its_state_and_its_refusals_leave_it_as_it_was() {
    let house = house();
    let id = create(&house, json!({"name": "a", "industry": "IT", "employees": 3})).unwrap();
    for state in ["filed", "approved"] {
        change(&house, &id, json!({"x.licence": state})).unwrap();
    }
    let before = values(&house, &id);
    let error = change(&house, &id, json!({"name": "b"})).unwrap_err();
    assert_eq!(
        (error.code(), error.field_name(), error.rule_name()),
        (Code::RecordLocked, Some("name"), Some("x.licence is approved"))
    );
    let error = change(&house, &id, json!({"x.licence": "draft", "name": "b"})).unwrap_err();
    assert_eq!(error.code(), Code::RecordLocked);
    let error = call(&house, "record.delete", json!({"entity": "account", "id": id})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::RecordLocked, Some("x.licence")));
    // Owner, tags and attachments stand still with the rest.
    let lin = house.user_as("lin", "director");
    let record: guanxi::RecordId = id.parse().unwrap();
    let held = |changes: guanxi::Changes| {
        let error = house.admin.write(|write| write.update_record("account", record, changes.clone()));
        let error = error.unwrap_err();
        (error.code(), error.field_name().unwrap_or_default().to_owned())
    };
    let fact = |name: &str| (Code::RecordLocked, name.to_owned());
    assert_eq!(held(guanxi::Changes::new().owner(lin.user())), fact("owner"));
    assert_eq!(held(guanxi::Changes::new().tags(vec!["vip".to_owned()])), fact("tags"));
    assert_eq!(held(guanxi::Changes::new().external_id("erp", "1")), fact("external_ids"));
    let attached = house.admin.attach("account", record, "a.txt", "text/plain", &mut "a".as_bytes());
    assert_eq!(attached.unwrap_err().code(), Code::RecordLocked);
    assert_eq!(values(&house, &id), before);
    change(&house, &id, json!({"name": "a"})).unwrap();
    change(&house, &id, json!({"x.licence": "draft"})).unwrap();
    change(&house, &id, json!({"name": "b"})).unwrap();
}

#[test]
fn records_from_before_a_machine_keep_what_they_have_and_begin_when_they_are_given_a_state() {
    let house = database();
    let id = create(&house, json!({"name": "old"})).unwrap();
    let codes: Vec<Json> =
        ["draft", "filed"].iter().map(|code| json!({"code": code, "zh": code, "en": code})).collect();
    let field = json!({"entity": "account", "name": "licence", "field_type": "enum", "label_zh": "执照", "label_en": "Licence", "codes": codes});
    call(&house, "schema.define_field", field).unwrap();
    let small = json!({"name": "small", "field": "x.licence", "initial": ["draft"], "transitions": []});
    call(&house, "schema.define_states", json!({"entity": "account", "machine": small})).unwrap();
    change(&house, &id, json!({"name": "older"})).unwrap();
    assert!(values(&house, &id).get("x.licence").is_none());
    assert_eq!(
        change(&house, &id, json!({"x.licence": "filed"})).unwrap_err().code(),
        Code::TransitionNotAllowed
    );
    change(&house, &id, json!({"x.licence": "draft"})).unwrap();
}

#[test]
fn a_machine_that_is_wrong_is_refused_and_what_a_user_does_not_see_is_not_told() {
    use guanxi::engine::{Action, Level};
    let house = house();
    let define = |adjust: &dyn Fn(&mut Json)| {
        let mut wrong = machine();
        adjust(&mut wrong);
        call(&house, "schema.define_states", json!({"entity": "account", "machine": wrong})).unwrap_err()
    };
    let rule = |adjust: &dyn Fn(&mut Json)| {
        let error = define(adjust);
        assert_eq!(error.code(), Code::InvalidDefinition, "{error}");
        error.rule_name().unwrap_or_default().to_owned()
    };
    assert_eq!(
        rule(&|machine| machine["field"] = json!("name")),
        "states are the codes of a field of one code"
    );
    assert_eq!(rule(&|machine| machine["initial"] = json!(["gone"])), "each state is a code of the field");
    assert_eq!(
        rule(&|machine| machine["transitions"][1]["name"] = json!("file")),
        "each transition has a name of its own"
    );
    assert_eq!(
        rule(&|machine| machine["transitions"][0]["sets"] = json!({"employees": "'many'"})),
        "a transition sets other fields to what they take"
    );
    assert_eq!(rule(&|machine| machine["transitions"][0]["form"] = json!([])), "no such property");
    assert_eq!(
        define(&|machine| machine["transitions"][0]["guard"] = json!("employees +")).code(),
        Code::InvalidExpression
    );
    assert_eq!(define(&|machine| machine["name"] = json!("other")).code(), Code::DuplicateDefinition);
    let role = house.role_hiding("clerk", &[("crm.account", Action::Read, Level::All)], "employees");
    let clerk = house.user("clerk", &[role]);
    let id = create(&house, json!({"name": "a"})).unwrap();
    let asked = json!({"entity": "account", "id": id});
    assert_eq!(api::call(&clerk, "record.transitions", &asked).unwrap()["transitions"], json!([]));
    let told = api::call(&clerk, "schema.describe", &json!({"entity": "account"})).unwrap();
    assert_eq!(told["entities"][0]["states"], json!([]));
    let told = call(&house, "schema.describe", json!({"entity": "account"})).unwrap();
    assert_eq!(told["entities"][0]["states"][0]["name"], "x.licence");
}
