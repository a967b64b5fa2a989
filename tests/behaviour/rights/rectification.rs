//! A value put right where it is kept, and in the copies of it that people have written down.

use guanxi::engine::{Action, Level};
use guanxi::features::rights::{CopyPlace, Rectification};
use guanxi::{Changes, Code, RecordId, Value};
use guanxi_tests::{House, database, refusal};
use serde_json::json;

use super::contact;

/// A house in which deals refer to a contact.
fn house() -> (House, RecordId, RecordId) {
    let house = database();
    let field = json!({
        "entity": "opportunity", "name": "buyer", "field_type": "reference", "target": "contact",
        "label_zh": "买方", "label_en": "Buyer",
    });
    guanxi::api::call(&house.admin, "schema.define_field", &field).unwrap();
    let person = contact(&house, "林先生");
    let deal = house.create(
        "opportunity",
        &Changes::new()
            .set("title", "林先生")
            .set("note", "请致电 13812345678 找林先生")
            .set("x.buyer", person),
    );
    let _ = house.create("opportunity", &Changes::new().set("title", "林先生").set("note", "another deal"));
    (house, person, deal)
}

fn wrong(person: RecordId, field: &str, value: &str) -> Rectification {
    let (field, value) = (field.to_owned(), Value::from(value));
    Rectification { entity: "contact".to_owned(), id: person, field, value, old: None }
}

fn note(house: &House, deal: RecordId) -> String {
    house.admin.get("opportunity", deal).unwrap().value("note").unwrap().as_text().unwrap().to_owned()
}

#[test]
fn copies_about_the_person_are_shown_first_and_changed_where_they_are_chosen() {
    let (house, person, deal) = house();
    let name = wrong(person, "name", "凌先生");
    let page = house.admin.copies_of(&name).unwrap();
    let copies: Vec<(&str, RecordId, &str, bool)> = page
        .copies
        .iter()
        .map(|copy| (copy.place.field.as_str(), copy.place.record, copy.becomes.as_str(), copy.is_whole))
        .collect();
    assert_eq!(
        copies,
        [("title", deal, "凌先生", true), ("note", deal, "请致电 13812345678 找凌先生", false),],
        "and not the deal that is about nobody"
    );
    assert_eq!(house.admin.get("contact", person).unwrap().title(), "林先生", "nothing is changed");
    let chosen: Vec<CopyPlace> = page.copies.into_iter().map(|copy| copy.place).collect();
    let head = house.crm.head().unwrap().position;
    let done = house.admin.rectify(&name, &chosen).unwrap();
    assert_eq!((done.records, done.copies), (2, 2));
    assert_eq!(house.admin.get("contact", person).unwrap().title(), "凌先生");
    assert_eq!(house.admin.get("opportunity", deal).unwrap().title(), "凌先生");
    assert_eq!(note(&house, deal), "请致电 13812345678 找凌先生");
    let entries =
        guanxi::api::call(&house.admin, "ledger.list", &json!({"after": head, "limit": 100})).unwrap();
    let causes = entries["entries"].as_array().unwrap().iter();
    assert!(causes.filter(|entry| entry["cause"] == "privacy.rectify").count() >= 2);
    assert_eq!(house.admin.search("凌先生", Some("contact"), 5, 0).unwrap().total, 1, "the index follows");
    let _ = house.verified();
}

#[test]
fn a_phone_is_found_as_people_write_it_and_one_put_right_before_by_what_it_was() {
    let (house, person, deal) = house();
    house.change("contact", person, &Changes::new().set("phone", "13987654321"));
    let mut phone = wrong(person, "phone", "13987654321");
    assert!(house.admin.copies_of(&phone).unwrap().copies.is_empty());
    phone.old = Some("+8613812345678".to_owned());
    let copies = house.admin.copies_of(&phone).unwrap().copies;
    assert_eq!((copies.len(), copies[0].place.record), (1, deal));
    house.admin.rectify(&phone, &[copies[0].place.clone()]).unwrap();
    assert_eq!(note(&house, deal), "请致电 13987654321 找林先生");
}

#[test]
fn a_copy_that_changed_meanwhile_or_may_not_be_changed_holds_all_of_it_back() {
    let (house, person, deal) = house();
    let name = wrong(person, "name", "凌先生");
    let chosen: Vec<CopyPlace> =
        house.admin.copies_of(&name).unwrap().copies.into_iter().map(|copy| copy.place).collect();
    house.change("opportunity", deal, &Changes::new().set("note", "nobody"));
    assert_eq!(refusal(house.admin.rectify(&name, &chosen)), Code::VersionConflict);
    assert_eq!(house.admin.get("contact", person).unwrap().title(), "林先生");
    let role = house.role(
        "contacts",
        &[
            ("crm.contact", Action::Read, Level::All),
            ("crm.contact", Action::Update, Level::All),
            ("crm.opportunity", Action::Read, Level::All),
        ],
    );
    let clerk = house.user("clerk", &[role]);
    let title = vec![chosen[0].clone()];
    assert_eq!(refusal(clerk.rectify(&name, &title)), Code::NotPermitted);
    assert_eq!(refusal(clerk.copies_of(&name)), Code::NotPermitted, "who searches for copies administers");
    assert_eq!(house.admin.get("contact", person).unwrap().title(), "林先生");
    clerk.rectify(&name, &[]).unwrap();
    assert_eq!(house.admin.get("contact", person).unwrap().title(), "凌先生");
    let empty = wrong(contact(&house, "x"), "position", "厂长");
    assert_eq!(refusal(house.admin.copies_of(&empty)), Code::MissingParameter);
}

#[test]
fn the_methods_say_the_same() {
    let (house, person, deal) = house();
    let call = |method: &str, given: serde_json::Value| guanxi::api::call(&house.admin, method, &given);
    let mut given =
        json!({"entity": "contact", "id": person.to_string(), "field": "name", "value": "凌先生"});
    let page = call("privacy.copies", given.clone()).unwrap();
    assert_eq!((page["copies"].as_array().unwrap().len(), &page["more"]), (2, &json!(false)));
    given["copies"] = json!([page["copies"][0]]);
    assert_eq!(call("privacy.rectify", given.clone()).unwrap(), json!({"records": 2, "copies": 1}));
    assert_eq!(note(&house, deal), "请致电 13812345678 找林先生");
    given["copies"] = json!([{"entity": "opportunity"}]);
    assert_eq!(call("privacy.rectify", given).unwrap_err().code(), Code::InvalidArgument);
    let hidden = json!({"entity": "contact", "id": person.to_string(), "field": "nothing", "value": 1});
    assert_eq!(call("privacy.copies", hidden).unwrap_err().code(), Code::UnknownField);
}
