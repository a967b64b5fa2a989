//! Erasing a person: nothing of the person is read any more, and the ledger still verifies.

use guanxi::api::call;
use guanxi::engine::{Action, Level};
use guanxi::model::Contact;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, Patience, RecordId};
use guanxi_tests::{House, PASSWORD, database, options, refusal};
use serde_json::json;

fn person(house: &House) -> RecordId {
    let changes = Changes::new()
        .set("name", "林先生")
        .set("phone", "13812345678")
        .external_id("erp", "lin-7")
        .tags(vec!["重点客户".to_owned()]);
    let id = house.create(Contact::NAME, &changes);
    house.change(Contact::NAME, id, &Changes::new().set("position", "厂长"));
    id
}

/// Everything that the ledger says of a record.
fn told(house: &House, id: RecordId) -> Vec<serde_json::Value> {
    let answer = call(&house.admin, "ledger.list", &json!({"limit": 1000})).unwrap();
    let entries = answer["entries"].as_array().unwrap().iter();
    entries.filter(|entry| entry["record"] == id.to_string()).cloned().collect()
}

#[test]
fn an_erased_person_is_in_no_list_no_search_and_no_history() {
    let house = database();
    let id = person(&house);
    assert_eq!(house.admin.search("林先生", None, 5, 0).unwrap().total, 1);
    let before = told(&house, id);
    assert_eq!(before.len(), 2);
    assert!(before.iter().all(|entry| entry["changes"].is_array()));
    house.admin.erase(Contact::NAME, id).unwrap();
    assert_eq!(refusal(house.admin.get(Contact::NAME, id)), Code::RecordNotFound);
    assert_eq!(house.admin.count(Contact::NAME, &Condition::Everything).unwrap(), 0);
    assert_eq!(house.admin.search("林先生", None, 5, 0).unwrap().total, 0);
    let known = house.admin.read(|reader| reader.find_by_external_id(Contact::NAME, "erp", "lin-7"));
    assert!(known.unwrap().is_none());
    let after = told(&house, id);
    assert!(after.len() > before.len() && after.iter().all(|entry| entry["changes"].is_null()));
    let report = house.crm.verify(&Patience::default()).unwrap();
    assert_eq!(report.forgotten, u64::try_from(after.len()).unwrap());
    // The key of the other system is free for another person.
    let _ = house.create(Contact::NAME, &Changes::new().set("name", "another").external_id("erp", "lin-7"));
}

#[test]
fn an_erased_person_stays_erased_after_the_database_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let crm = options().create(&path).unwrap();
    let session = crm.sign_in("admin", PASSWORD).unwrap();
    let changes = Changes::new().set("name", "林先生");
    let id = session.write(|transaction| transaction.create_record("contact", changes.clone())).unwrap();
    session.erase("contact", id).unwrap();
    drop((session, crm));
    let crm = options().open(&path).unwrap();
    let report = crm.verify(&Patience::default()).unwrap();
    assert!(report.forgotten >= 2);
    let ledger = call(&crm.session_for("admin").unwrap(), "ledger.list", &json!({"limit": 1000})).unwrap();
    assert!(!ledger.to_string().contains("林先生"));
}

#[test]
fn a_person_who_was_deleted_before_is_erased_too_and_twice_is_no_fault() {
    let house = database();
    let id = person(&house);
    house.admin.write(|transaction| transaction.delete_record(Contact::NAME, id)).unwrap();
    house.admin.erase(Contact::NAME, id).unwrap();
    house.admin.erase(Contact::NAME, id).unwrap();
    assert!(told(&house, id).iter().all(|entry| entry["changes"].is_null()));
    let _ = house.verified();
}

#[test]
fn only_persons_are_erased_and_only_by_those_who_administer_and_delete() {
    let house = database();
    let company = house.create("account", &Changes::new().set("name", "加喜"));
    assert_eq!(refusal(house.admin.erase("account", company)), Code::InvalidDefinition);
    let id = person(&house);
    let read = ("*", Action::Read, Level::All);
    let delete = ("*", Action::Delete, Level::All);
    let administer = ("*", Action::Administer, Level::All);
    for (name, grants) in [("one", [read, delete]), ("two", [read, administer])] {
        let user = house.user(name, &[house.role(name, &grants)]);
        assert_eq!(refusal(user.erase(Contact::NAME, id)), Code::NotPermitted, "{name}");
    }
    assert_eq!(house.admin.get(Contact::NAME, id).unwrap().title(), "林先生");
}

#[test]
fn a_person_to_whom_others_refer_is_not_erased_until_they_let_go() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    assert_eq!(refusal(house.admin.erase("sys.user", lin.user())), Code::Referenced);
    house.admin.get("sys.user", lin.user()).unwrap();
}
