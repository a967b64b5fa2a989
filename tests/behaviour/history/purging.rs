//! Deleted records that are no longer kept: gone with all that hung on them, and their history told no more.

use guanxi::api::call;
use guanxi::engine::{Action, Level};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{CancelToken, Changes, Code, Condition, Patience, RecordId, Session, Settings};
use guanxi_tests::{House, PASSWORD, database, no_cost, refusal};
use serde_json::{Value as Json, json};

use super::DAY;
use crate::backup::{full, keys, restored, since};

fn keep(house: &House, entity: &str, days: u32) -> guanxi::Result<()> {
    let purge_days = [(entity.to_owned(), days)].into();
    house.admin.change_settings(Settings { purge_days, ..(*house.crm.settings()).clone() })
}

fn purge(session: &Session, dry_run: bool) -> guanxi::Result<Json> {
    Ok(call(session, "record.purge", &json!({"dry_run": dry_run}))?["entities"].clone())
}

fn delete(house: &House, entity: &str, id: RecordId) {
    house.admin.write(|transaction| transaction.delete_record(entity, id)).unwrap();
}

fn undelete(session: &Session, entity: &str, id: RecordId) -> guanxi::Result<()> {
    session.write(|transaction| transaction.undelete_record(entity, id))
}

fn account(house: &House, name: &str) -> RecordId {
    house.create(Account::NAME, &Changes::new().set("name", name))
}

#[test]
fn a_record_that_was_deleted_long_ago_goes_for_good_and_whoever_saw_it_is_told_so() {
    let house = database();
    house.admin.define_temporal_index(Account::NAME).unwrap();
    let [old, fresh, locked, live] = ["old", "fresh", "locked", "live"].map(|name| account(&house, name));
    let content = json!({"entity": "account", "record": old.to_string(), "name": "a.txt", "media_type": "text/plain", "content": "aGVsbG8="});
    call(&house.admin, "attachment.add", &content).unwrap();
    house.change(Account::NAME, old, &Changes::new().set("city", "上海"));
    let lock = json!({"entity": "account", "id": locked.to_string(), "reason": "诉讼"});
    delete(&house, Account::NAME, old);
    house.clock.advance_micros(5 * DAY);
    delete(&house, Account::NAME, fresh);
    call(&house.admin, "record.lock", &lock).unwrap();
    assert_eq!(purge(&house.admin, false).unwrap(), json!([]), "without a policy everything is kept");
    keep(&house, "account", 3).unwrap();
    let told = purge(&house.admin, true).unwrap();
    assert_eq!((&told[0]["entity"], &told[0]["records"]), (&json!("crm.account"), &json!(1)), "{told}");
    let own = [("crm.account", Action::Read, Level::Own), ("crm.account", Action::Delete, Level::Own)];
    let stranger = house.user("stranger", &[house.role("own", &own)]);
    undelete(&house.admin, Account::NAME, old).unwrap();
    delete(&house, Account::NAME, old);
    assert_eq!(purge(&house.admin, true).unwrap()[0]["records"], 0, "it was deleted anew");
    house.clock.advance_micros(4 * DAY);
    let place = house.crm.head().unwrap().position;
    assert_eq!(purge(&house.admin, false).unwrap()[0]["records"], 2);
    for id in [old, fresh] {
        assert_eq!(refusal(undelete(&house.admin, Account::NAME, id)), Code::RecordPurged);
        assert_eq!(refusal(house.admin.history(Account::NAME, id, None, 0)), Code::RecordPurged);
        assert_eq!(refusal(house.admin.get(Account::NAME, id)), Code::RecordNotFound);
        assert_eq!(refusal(undelete(&stranger, Account::NAME, id)), Code::RecordNotFound);
    }
    let nobody = RecordId::from_bytes([7; 16]);
    assert_eq!(refusal(undelete(&house.admin, Account::NAME, nobody)), Code::RecordNotFound);
    assert_eq!(house.admin.count(Account::NAME, &Condition::Everything).unwrap(), 2);
    assert!(house.admin.get(Account::NAME, live).is_ok());
    let past = house.admin.list_as_of(
        Account::NAME,
        &Condition::Everything,
        guanxi::engine::At::Position(place),
        None,
        0,
    );
    assert_eq!(past.unwrap().rows.len(), 2, "lists of the past no longer have it");
    // The ledger keeps what it says of it, and says that it was purged.
    let given = json!({"record": old.to_string()});
    let entries = call(&house.admin, "ledger.query", &given).unwrap()["entries"].clone();
    let kinds: Vec<&str> =
        entries.as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"purge") && kinds.contains(&"create"), "{kinds:?}");
    assert_eq!(purge(&house.admin, false).unwrap()[0]["records"], 0);
    drop(stranger);
    let house = house.reopened();
    assert_eq!(refusal(undelete(&house.admin, Account::NAME, old)), Code::RecordPurged);
    let _ = house.verified();
}

#[test]
fn locked_records_stay_and_a_policy_speaks_of_records_of_the_trade() {
    let house = database();
    let [kept, gone] = ["kept", "gone"].map(|name| account(&house, name));
    let lock = json!({"entity": "account", "id": kept.to_string(), "reason": "诉讼"});
    call(&house.admin, "record.lock", &lock).unwrap();
    let held = house.admin.write(|transaction| transaction.delete_record(Account::NAME, kept));
    assert_eq!(refusal(held), Code::RecordLocked);
    delete(&house, Account::NAME, gone);
    house.clock.advance_micros(40 * DAY);
    keep(&house, "account", 30).unwrap();
    assert_eq!(purge(&house.admin, false).unwrap()[0]["records"], 1);
    assert!(house.admin.get(Account::NAME, kept).is_ok());
    assert_eq!(refusal(keep(&house, "sys.user", 30)), Code::InvalidArgument);
    assert_eq!(refusal(keep(&house, "account", 0)), Code::OutOfRange);
    assert_eq!(refusal(keep(&house, "nothing", 1)), Code::UnknownEntity);
    let clerk = house.user_as("clerk", "salesperson");
    assert_eq!(refusal(purge(&clerk, true)), Code::NotPermitted);
    let _ = house.verified();
}

#[test]
fn a_purge_goes_in_chunks_and_goes_on_where_it_was_interrupted() {
    let house = House::with(|options| options.build_at_once(5));
    let ids: Vec<RecordId> = (0..17).map(|number| account(&house, &format!("{number}"))).collect();
    ids.iter().skip(1).for_each(|id| delete(&house, Account::NAME, *id));
    house.clock.advance_micros(2 * DAY);
    keep(&house, "account", 1).unwrap();
    let token = CancelToken::default();
    let inner = token.clone();
    let impatient = house.admin.with_patience(Patience::with_token(token).telling(move |told| {
        if told.phase == "purge" && told.done >= 10 {
            inner.cancel();
        }
    }));
    assert_eq!(refusal(purge(&impatient, false)), Code::Cancelled);
    drop(impatient);
    let _ = house.verified();
    assert_eq!(purge(&house.admin, true).unwrap()[0]["records"], 7, "nine are gone");
    let house = house.reopened();
    assert_eq!(purge(&house.admin, false).unwrap()[0]["records"], 7);
    assert_eq!(house.admin.deleted(Account::NAME, None, 0).unwrap().rows.len(), 0);
    assert!(house.admin.get(Account::NAME, ids[0]).is_ok());
    let _ = house.verified();
}

#[test]
fn a_restore_knows_what_was_purged_and_brings_back_what_was_not_yet() {
    let house = database();
    let person = |name: &str| house.create(Contact::NAME, &Changes::new().set("name", name));
    let [first, erased] = ["first", "erased"].map(person);
    let (base, before) = full(&house.admin);
    let second = person("second");
    house.admin.erase(Contact::NAME, erased).unwrap();
    for id in [first, second] {
        house.change(Contact::NAME, id, &Changes::new().set("position", "x"));
        delete(&house, Contact::NAME, id);
    }
    house.clock.advance_micros(9 * DAY);
    keep(&house, "contact", 2).unwrap();
    assert_eq!(purge(&house.admin, false).unwrap()[0]["records"], 2, "what is left of a person stays");
    let _ = house.verified();
    let (increment, _) = since(&house.admin, &before);
    let (whole, _) = full(&house.admin);
    let keys = keys(&house.admin);
    for (backups, keys) in [
        (vec![&base[..], &increment[..]], Some(&keys[..])),
        (vec![&base[..], &increment[..]], None),
        (vec![&whole[..]], Some(&keys[..])),
    ] {
        let path = house.folder().join("restored.guanxi");
        // Users are persons too, so that without keys somebody has to be there who administers.
        let options = guanxi::RestoreOptions::default().administrator("root", PASSWORD, no_cost());
        restored(&backups, keys, &path, &options).unwrap();
        let crm = guanxi_tests::options().open(&path).unwrap();
        let session = crm.session_for("root").unwrap();
        for id in [first, second] {
            assert_eq!(refusal(undelete(&session, Contact::NAME, id)), Code::RecordPurged);
        }
        crm.verify(&Patience::default()).unwrap();
        drop((session, crm));
        std::fs::remove_dir_all(path).unwrap();
    }
}
