//! Indexes and unique values that are switched on for a field that records have already, over few and over many.

use std::sync::{Arc, Mutex};

use guanxi::engine::{Action, FieldSelector, Find, Level};
use guanxi::{CancelToken, Code, Condition, Patience, Session, api};
use guanxi_tests::House;
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn create(session: &Session, code: &str) -> guanxi::Result<String> {
    let values = json!({"name": "某公司", "x.code": code});
    let made = call(session, "record.create", json!({"entity": "account", "values": values}))?;
    Ok(made["id"].as_str().unwrap().to_owned())
}

fn change(session: &Session, id: &str, code: &str) -> guanxi::Result<Json> {
    call(session, "record.update", json!({"entity": "account", "id": id, "values": {"x.code": code}}))
}

fn switch_on(session: &Session, unique: bool) -> guanxi::Result<Json> {
    call(session, "schema.index_field", json!({"entity": "account", "field": "x.code", "unique": unique}))
}

/// A house that builds over more than ten records in chunks, with accounts that have a code.
fn house(codes: &[String]) -> (House, Vec<String>) {
    let house = House::with(|options| options.build_at_once(10));
    let field = json!({"entity": "account", "name": "code", "field_type": "text", "label_zh": "码", "label_en": "Code"});
    call(&house.admin, "schema.define_field", field).unwrap();
    let ids = codes.iter().map(|code| create(&house.admin, code).unwrap()).collect();
    (house, ids)
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("k{number}")).collect()
}

/// A session that gives up after so many records.
fn impatient(house: &House, records: u64) -> Session {
    let token = CancelToken::default();
    let inner = token.clone();
    house.admin.with_patience(Patience::with_token(token).telling(move |told| {
        if told.phase == "indexes" && told.done >= records {
            inner.cancel();
        }
    }))
}

fn pending(house: &House) -> Json {
    call(&house.admin, "schema.pending_builds", json!({})).unwrap()["builds"].clone()
}

fn by_code(code: &str) -> Find {
    let field: FieldSelector = "x.code".into();
    Find {
        filter: Condition::Compare(field, guanxi::engine::Comparison::Equal, code.into()),
        ..Find::default()
    }
}

fn is_scan(house: &House) -> bool {
    house.admin.explain("crm.account", &by_code("k3")).unwrap().scan
}

fn found(house: &House, code: &str) -> usize {
    house.admin.list("crm.account", &by_code(code)).unwrap().rows.len()
}

#[test]
fn an_index_that_is_switched_on_over_many_records_is_built_in_chunks_while_others_write() {
    let (house, ids) = house(&numbered(45));
    assert!(is_scan(&house));
    let plan = json!({"entity": "account", "field": "x.code", "dry_run": true});
    let plan = call(&house.admin, "schema.index_field", plan).unwrap();
    assert_eq!((&plan["records"], &plan["commits"]), (&json!(45), &json!(6)));
    let given = json!({"entity": "account", "field": "x.code"});
    let stopped = call(&impatient(&house, 20), "schema.index_field", given);
    assert_eq!(stopped.unwrap_err().code(), Code::Cancelled);
    let told = json!([{"entity": "crm.account", "kind": "field", "name": "x.code", "done": 20, "total": 45}]);
    assert_eq!(pending(&house), told);
    // No query reads what is not complete, and what is written meanwhile is in it.
    assert!(is_scan(&house));
    change(&house.admin, &ids[1], "k3").unwrap();
    change(&house.admin, &ids[40], "k3").unwrap();
    call(&house.admin, "record.delete", json!({"entity": "account", "id": ids[2]})).unwrap();
    create(&house.admin, "k3").unwrap();
    assert_eq!(found(&house, "k3"), 4);
    let _ = house.verified();
    let house = house.reopened();
    assert_eq!(pending(&house)[0]["done"], json!(20));
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    let listening = Patience::default().telling(move |progress| {
        if progress.phase == "indexes" {
            kept.lock().unwrap().push((progress.done, progress.total));
        }
    });
    house.admin.with_patience(listening).build_indexes().unwrap();
    assert_eq!(*told.lock().unwrap(), [(26, 26)]);
    assert_eq!(pending(&house), json!([]));
    assert!(!is_scan(&house));
    assert_eq!((found(&house, "k3"), found(&house, "k2"), found(&house, "k7")), (4, 0, 1));
    let _ = house.verified();
}

#[test]
fn values_that_are_to_be_unique_are_held_against_each_other_in_chunks() {
    let (house, ids) = house(&numbered(45));
    let given = json!({"entity": "account", "field": "x.code", "unique": true});
    let stopped = call(&impatient(&house, 20), "schema.index_field", given);
    assert_eq!(stopped.unwrap_err().code(), Code::Cancelled);
    // Who was taken in is protected; who was not may be met by a fellow, which the rest of the build finds.
    let error = create(&house.admin, "K3").unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::NotUnique, Some("x.code")));
    let late = create(&house.admin, "K44").unwrap();
    change(&house.admin, &ids[44], "moved").unwrap();
    assert_eq!(create(&house.admin, "k44").unwrap_err().code(), Code::NotUnique);
    let _ = house.verified();
    let house = house.reopened();
    house.admin.build_indexes().unwrap();
    assert_eq!(change(&house.admin, &late, "MOVED").unwrap_err().code(), Code::NotUnique);
    assert!(!is_scan(&house));
    let _ = house.verified();
}

#[test]
fn values_that_are_not_unique_are_listed_and_the_field_stays_as_it_was_with_an_index() {
    let codes: Vec<String> = (0..45).map(|number| format!("k{}", number % 40)).collect();
    let (house, ids) = house(&codes);
    let error = switch_on(&house.admin, true).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::NotUnique, Some("x.code")));
    let said = error.rule_name().unwrap();
    assert!(said.starts_with("10 records") && said.contains(&ids[44]) && said.contains(&ids[4]), "{said}");
    create(&house.admin, "k1").unwrap();
    assert_eq!((pending(&house), is_scan(&house), found(&house, "k1")), (json!([]), false, 3));
    let _ = house.verified();
    // The same again finds them again, however often; once they differ it holds.
    assert_eq!(switch_on(&house.admin, true).unwrap_err().code(), Code::NotUnique);
    let house = house.reopened();
    let _ = house.verified();
    for number in 0..6 {
        let all = house.admin.list("crm.account", &by_code(&format!("k{number}"))).unwrap().rows;
        for (copy, row) in all.iter().enumerate().skip(1) {
            change(&house.admin, &row.record.id.to_string(), &format!("k{number} copy {copy}")).unwrap();
        }
    }
    switch_on(&house.admin, true).unwrap();
    assert_eq!(create(&house.admin, "k1").unwrap_err().code(), Code::NotUnique);
    let _ = house.verified();
}

#[test]
fn a_sweep_that_was_cut_short_does_not_stand_in_the_way_of_the_next_try() {
    let codes: Vec<String> = (0..45).map(|number| format!("k{}", number % 40)).collect();
    let (house, ids) = house(&codes);
    // The last chunk takes the promise back; the sweep of its keys is still to come.
    let given = json!({"entity": "account", "field": "x.code", "unique": true});
    assert_eq!(
        call(&impatient(&house, 45), "schema.index_field", given).unwrap_err().code(),
        Code::Cancelled
    );
    assert_eq!(pending(&house)[0]["kind"], json!("sweep"));
    create(&house.admin, "k7").unwrap();
    let _ = house.verified();
    for (number, id) in ids.iter().enumerate() {
        change(&house.admin, id, &format!("other {number}")).unwrap();
    }
    let house = house.reopened();
    switch_on(&house.admin, true).unwrap();
    assert_eq!(pending(&house), json!([]));
    assert_eq!(create(&house.admin, "OTHER 3").unwrap_err().code(), Code::NotUnique);
    create(&house.admin, "k3").unwrap();
    let _ = house.verified();
}

#[test]
fn over_few_records_it_is_there_at_once_or_not_at_all() {
    let (house, _) = house(&["a".to_owned(), "b".to_owned(), "A".to_owned()]);
    assert_eq!(switch_on(&house.admin, true).unwrap_err().code(), Code::NotUnique);
    assert!(is_scan(&house));
    switch_on(&house.admin, false).unwrap();
    assert!(!is_scan(&house));
    let _ = house.verified();
}

#[test]
fn only_fields_of_the_customer_are_switched_by_who_administers_and_sees_them() {
    let (house, _) = house(&[]);
    let given = |field: &str| json!({"entity": "account", "field": field});
    let error = call(&house.admin, "schema.index_field", given("city")).unwrap_err();
    assert_eq!((error.code(), error.rule_name()), (Code::InvalidDefinition, Some("a field of the customer")));
    let all = [Action::Read, Action::Administer].map(|action| ("crm.account", action, Level::All));
    let blind = house.user("blind", &[house.role_hiding("blind", &all, "x.code")]);
    let hidden = call(&blind, "schema.index_field", given("x.code")).unwrap_err();
    assert_eq!(hidden.code(), Code::UnknownField);
    assert_eq!(call(&blind, "schema.pending_builds", json!({})).unwrap_err().code(), Code::NotPermitted);
    let reader = house.user_as("reader", "salesperson");
    let refused = call(&reader, "schema.index_field", given("x.code")).unwrap_err();
    assert_eq!(refused.code(), Code::NotPermitted);
}
