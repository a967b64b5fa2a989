//! Records that somebody has locked: nothing of them changes by any way of writing, until they are unlocked.

use guanxi::engine::{Action, Bulk, BulkDone, Level, Selection};
use guanxi::model::{Account, account};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, RecordId, Session, api};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

fn made(house: &House, name: &str) -> RecordId {
    house.create(Account::NAME, &Changes::new().set("name", name))
}

fn lock(session: &Session, id: RecordId, reason: Option<&str>) -> guanxi::Result<Json> {
    api::call(session, "record.lock", &json!({"entity": "account", "id": id.to_string(), "reason": reason}))
}

fn unlock(session: &Session, id: RecordId) -> guanxi::Result<Json> {
    api::call(session, "record.unlock", &json!({"entity": "account", "id": id.to_string(), "reason": "完成"}))
}

fn got(session: &Session, id: RecordId) -> Json {
    api::call(session, "record.get", &json!({"entity": "account", "id": id.to_string()})).unwrap()
}

/// Roles of people who lock, and of people who change without that.
fn people(house: &House) -> (Session, Session) {
    let all = |action| ("crm.account", action, Level::All);
    let works = [all(Action::Read), all(Action::Update), all(Action::Delete), all(Action::Assign)];
    let locks =
        house.role("locks", &[works.as_slice(), &[("crm.account", Action::Lock, Level::Own)]].concat());
    let works = house.role("works", &works);
    (house.user("lin", &[locks]), house.user("wang", &[works]))
}

#[test]
fn a_locked_record_stands_as_it_is_by_every_way_of_writing() {
    let house = database();
    let (lin, _) = people(&house);
    let [id, other] = ["held", "free"].map(|name| made(&house, name));
    let file = house.admin.attach("account", id, "a.txt", "text/plain", &mut "a".as_bytes()).unwrap().id;
    house.change(Account::NAME, id, &Changes::new().external_id("erp", "K-1").set("parent", other));
    lock(&house.admin, id, Some(" 合同审核 ")).unwrap();
    let before = got(&house.admin, id);
    assert_eq!(
        (&before["locked_by"], &before["lock_reason"]),
        (&json!(house.admin.user().to_string()), &json!("合同审核"))
    );
    // Who locked it is held as everybody is.
    for session in [&house.admin, &lin] {
        let change = |changes: Changes| {
            refusal(session.write(|write| write.update_record("account", id, changes.clone())))
        };
        assert_eq!(change(Changes::new().set("name", "b")), Code::RecordLocked);
        assert_eq!(change(Changes::new().owner(lin.user())), Code::RecordLocked);
        assert_eq!(change(Changes::new().tags(vec!["vip".to_owned()])), Code::RecordLocked);
        assert_eq!(change(Changes::new().external_id("crm", "2")), Code::RecordLocked);
        assert_eq!(refusal(session.write(|write| write.delete_record("account", id))), Code::RecordLocked);
        let attached = session.attach("account", id, "b.txt", "text/plain", &mut "b".as_bytes());
        assert_eq!(refusal(attached), Code::RecordLocked);
        assert_eq!(refusal(session.detach("account", id, file)), Code::RecordLocked);
        let selection = Selection::Ids(vec![id, other]);
        let changed = session.bulk_update(
            "account",
            &selection,
            &Changes::new().set(account::CITY, "北京"),
            &Bulk::default(),
        );
        let outcome = |id: RecordId, rows: &[guanxi::engine::BulkRow]| {
            let row = rows.iter().find(|row| row.id == id).unwrap();
            row.outcome.as_ref().map_err(|error| error.code()).copied()
        };
        let changed = changed.unwrap().rows;
        assert_eq!(outcome(id, &changed), Err(Code::RecordLocked));
        assert!(matches!(outcome(other, &changed), Ok(BulkDone::Updated | BulkDone::Unchanged)));
    }
    let upserted = |write: &mut guanxi::Transaction<'_>| {
        write.upsert_record("account", "erp", "K-1", Changes::new().set("name", "imported"))
    };
    assert_eq!(refusal(house.admin.write(upserted)), Code::RecordLocked);
    // A change that changes nothing is none.
    house.change(Account::NAME, id, &Changes::new().set("name", "held"));
    drop(lin);
    let house = house.reopened();
    assert_eq!(got(&house.admin, id), before);
    unlock(&house.admin, id).unwrap();
    assert_eq!(unlock(&house.admin, id).unwrap()["outcome"], "unchanged");
    let after = got(&house.admin, id);
    assert_eq!((&after["locked_by"], &after["lock_reason"]), (&Json::Null, &Json::Null));
    house.change(Account::NAME, id, &Changes::new().set("name", "b"));
    let _ = house.verified();
}

#[test]
fn who_may_lock_locks_and_the_holder_or_an_administrator_unlocks() {
    let house = database();
    let (lin, wang) = people(&house);
    let id = made(&house, "a");
    assert_eq!(refusal(lock(&wang, id, None)), Code::NotPermitted, "no right to lock");
    assert_eq!(refusal(lock(&lin, id, None)), Code::NotPermitted, "a record of somebody else");
    house.change(Account::NAME, id, &Changes::new().owner(lin.user()));
    assert_eq!(lock(&lin, id, Some("mine")).unwrap()["outcome"], "updated");
    assert_eq!(lock(&lin, id, Some("again")).unwrap()["outcome"], "unchanged");
    assert_eq!(got(&wang, id)["lock_reason"], "mine");
    assert_eq!(refusal(lock(&house.admin, id, None)), Code::RecordLocked);
    assert_eq!(refusal(unlock(&wang, id)), Code::NotPermitted);
    unlock(&house.admin, id).unwrap();
    lock(&lin, id, None).unwrap();
    unlock(&lin, id).unwrap();
    let long = "长".repeat(700);
    assert_eq!(refusal(lock(&lin, id, Some(&long))), Code::LimitExceeded);
    // The ledger tells who locked and unlocked, and why.
    let told =
        api::call(&lin, "record.history", &json!({"entity": "account", "id": id.to_string()})).unwrap();
    let versions = told["versions"].as_array().unwrap();
    let causes = versions.iter().map(|version| version["cause"].as_str().unwrap());
    let locks: Vec<&str> = causes.filter(|cause| cause.ends_with("lock")).collect();
    assert_eq!(locks, ["record.unlock", "record.lock", "record.unlock", "record.lock"]);
    let first = versions.iter().rfind(|version| version["cause"] == "record.lock").unwrap();
    let reason = first["changes"].as_array().unwrap().iter().find(|change| change["field"] == "lock_reason");
    assert_eq!(reason.unwrap()["new"], "mine");
    let _ = house.verified();
}

#[test]
fn what_refers_to_others_is_held_and_what_the_engine_keeps_up_is_kept_up() {
    let house = database();
    let [top, middle, low] = ["top", "middle", "low"].map(|name| made(&house, name));
    house.change(Account::NAME, low, &Changes::new().set("parent", middle));
    lock(&house.admin, low, None).unwrap();
    // The top of a tree is the engine's to keep, and moves with the record above.
    house.change(Account::NAME, middle, &Changes::new().set("parent", top));
    let ultimate = got(&house.admin, low)["values"]["ultimate_parent"].clone();
    assert_eq!(ultimate, json!(top.to_string()));
    assert_eq!(refusal(house.admin.write(|write| write.delete_record("account", middle))), Code::Referenced);
    assert_eq!(refusal(house.admin.write(|write| write.delete_record("account", low))), Code::RecordLocked);
    unlock(&house.admin, low).unwrap();
    house.admin.write(|write| write.delete_record("account", low)).unwrap();
    let _ = house.verified();
}

#[test]
fn a_person_who_is_locked_is_forgotten_only_once_unlocked_and_the_reason_goes_too() {
    let house = database();
    let id = house.create("contact", &Changes::new().set("name", "王小明"));
    let given = json!({"entity": "contact", "id": id.to_string(), "reason": "王小明的纠纷"});
    api::call(&house.admin, "record.lock", &given).unwrap();
    assert_eq!(refusal(house.admin.erase("contact", id)), Code::RecordLocked);
    api::call(&house.admin, "record.unlock", &given).unwrap();
    house.admin.erase("contact", id).unwrap();
    let _ = house.verified();
}
