//! What is owed to people: purposes and consents, holds and retention, the report, and data that nobody declared.

mod consents;
mod discovery;
mod holds;
mod report;
mod retention;
mod suppression;

use guanxi::api;
use guanxi::model::Contact;
use guanxi::schema::EntityType;
use guanxi::{Changes, RecordId, Session};
use guanxi_tests::House;
use serde_json::{Value as Json, json};

/// A day in microseconds.
pub const DAY: i64 = 86_400_000_000;

/// Calls a named method.
pub fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

/// A person of the administrator's.
pub fn person(house: &House, name: &str) -> RecordId {
    house.create(Contact::NAME, &Changes::new().set("name", name))
}

/// Puts a purpose into the register.
pub fn purpose(house: &House, code: &str, bases: &[&str]) {
    let given = json!({"code": code, "name": "目的", "name_en": "Purpose", "legal_bases": bases});
    call(&house.admin, "purpose.define", given).unwrap();
}

/// Everything that the ledger says of a record: kind, cause, whether values are told.
pub fn entries(house: &House, id: RecordId) -> Vec<(String, String, bool)> {
    let given = json!({"record": id.to_string(), "order": "rising", "limit": 1000});
    let told = call(&house.admin, "ledger.query", given).unwrap();
    let text = |entry: &Json, name: &str| entry[name].as_str().unwrap().to_owned();
    let entries = told["entries"].as_array().unwrap().iter();
    let told = |entry: &Json| {
        let changes = entry["changes"].to_string();
        changes != "[]" && !changes.contains("\"erased\"")
    };
    entries.map(|entry| (text(entry, "kind"), text(entry, "cause"), told(entry))).collect()
}
