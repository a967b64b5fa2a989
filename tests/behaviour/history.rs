//! What was: versions, past states, lists as they were, deleted records and their return.

mod pruning;
mod purging;
mod random;
mod sorted;
mod temporal;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use guanxi::api::call;
use guanxi::engine::{Action, At, Level, PastValue, VersionKind};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, Patience, RecordId, Settings, Value};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

const DAY: i64 = 86_400_000_000;

fn known(text: &str) -> PastValue {
    PastValue::Known(text.into())
}

/// An account with a change of its city a day, and the position of each of its entries.
fn account(house: &House, cities: &[&str]) -> (RecordId, Vec<u64>) {
    let id = house.create(Account::NAME, &Changes::new().set("name", "加喜").set("phone", "021-62518888"));
    let mut positions = vec![house.crm.head().unwrap().position];
    for city in cities {
        house.clock.advance_micros(DAY);
        house.change(Account::NAME, id, &Changes::new().set("city", *city));
        positions.push(house.crm.head().unwrap().position);
    }
    (id, positions)
}

#[test]
fn every_version_tells_who_changed_what_and_when() {
    let house = database();
    let (id, positions) = account(&house, &["上海", "北京"]);
    let history = house.admin.history(Account::NAME, id, None, 0).unwrap();
    assert_eq!(history.next, None);
    let told: Vec<_> = history.versions.iter().map(|version| (version.position, version.kind)).collect();
    let kinds = [VersionKind::Updated, VersionKind::Updated, VersionKind::Created];
    assert_eq!(told, positions.iter().rev().copied().zip(kinds).collect::<Vec<_>>());
    let newest = &history.versions[0];
    assert_eq!((newest.actor, newest.at), (house.admin.user(), moment("2026-11-24T04:00:00Z")));
    assert_eq!(newest.changes.len(), 1);
    assert_eq!((&newest.changes[0].old, &newest.changes[0].new), (&known("上海"), &known("北京")));
}

#[test]
fn a_cursor_that_is_no_entry_of_the_record_is_refused() {
    let house = database();
    let (id, _) = account(&house, &["上海"]);
    let (other, positions) = account(&house, &[]);
    for before in [0, positions[0], u64::MAX] {
        let refused = house.admin.history(Account::NAME, id, Some(before), 0);
        assert_eq!(refusal(refused), Code::InvalidCursor, "{before}");
    }
    let end = house.admin.history(Account::NAME, other, Some(positions[0]), 0).unwrap();
    assert!(end.versions.is_empty() && end.next.is_none());
}

#[test]
fn the_past_of_a_record_costs_its_own_entries_however_long_the_ledger_is() {
    let house = database();
    let (id, positions) = account(&house, &["上海", "北京", "广州"]);
    for number in 0..40 {
        let _ = house.create(Account::NAME, &Changes::new().set("name", format!("other {number}")));
    }
    let read = Arc::new(AtomicU64::new(0));
    let heard = Arc::clone(&read);
    let patience = Patience::default().telling(move |progress| {
        if progress.phase == "history" {
            heard.store(progress.done, Ordering::SeqCst);
        }
    });
    let session = house.admin.with_patience(patience);
    for (index, city) in [None, Some("上海"), Some("北京"), Some("广州")].into_iter().enumerate() {
        read.store(0, Ordering::SeqCst);
        let past = session.get_as_of(Account::NAME, id, At::Position(positions[index])).unwrap();
        assert_eq!(past.value("city").unwrap(), PastValue::Known(city.into()));
        // Those behind it, and the one that made it so; of the present state none.
        assert_eq!(read.load(Ordering::SeqCst), [4, 3, 2, 0][index]);
    }
}

#[test]
fn a_place_before_the_record_after_its_deletion_or_in_the_future_is_refused() {
    let house = database();
    let before = house.crm.head().unwrap().position;
    let (id, positions) = account(&house, &["上海"]);
    house.clock.advance_micros(DAY);
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, id)).unwrap();
    let head = house.crm.head().unwrap().position;
    let at = |at: At| house.admin.get_as_of(Account::NAME, id, at);
    for place in [At::Position(0), At::Position(before), At::Position(head)] {
        assert_eq!(refusal(at(place)), Code::RecordNotFound, "{place:?}");
    }
    assert_eq!(refusal(at(At::Time(moment("2026-11-22T03:59:59Z")))), Code::RecordNotFound);
    assert_eq!(refusal(at(At::Time(moment("2036-11-22T03:59:59Z")))), Code::RecordNotFound);
    assert_eq!(refusal(at(At::Position(head + 1))), Code::InvalidArgument);
    assert_eq!(at(At::Position(positions[1])).unwrap().value("city").unwrap(), known("上海"));
    assert_eq!(at(At::Time(moment("2026-11-22T04:00:00Z"))).unwrap().state.version, 1);
}

#[test]
fn two_versions_differ_in_what_changed_between_them() {
    let house = database();
    let (id, positions) = account(&house, &["上海", "北京"]);
    let lin = house.user_as("lin", "salesperson");
    house.change(Account::NAME, id, &Changes::new().owner(lin.user()).set("phone", Value::Null));
    let head = house.crm.head().unwrap().position;
    let told = |from: u64, to: u64| {
        let given =
            json!({"entity": "account", "id": id.to_string(), "from_position": from, "to_position": to});
        call(&house.admin, "record.diff", &given).unwrap()["differences"].clone()
    };
    assert_eq!(told(positions[0], positions[2]), json!([{"field": "city", "from": null, "to": "北京"}]));
    let owner =
        json!({"field": "owner", "from": house.admin.user().to_string(), "to": lin.user().to_string()});
    let phone = json!({"field": "phone", "from": "+862162518888", "to": null});
    assert_eq!(told(positions[2], head), json!([owner, phone]));
    assert_eq!(told(head, head), json!([]));
    let backwards = house.admin.diff(Account::NAME, id, At::Position(head), At::Position(positions[0]));
    assert_eq!(refusal(backwards), Code::InvalidArgument);
}

#[test]
fn the_permissions_of_today_hold_for_all_that_was() {
    let house = database();
    let (id, positions) = account(&house, &["上海", "北京"]);
    let read = [("crm.account", Action::Read, Level::Own)];
    let lin = house.user("lin", &[house.role_hiding("seller", &read, "city")]);
    let first = At::Position(positions[1]);
    assert_eq!(refusal(lin.get_as_of(Account::NAME, id, first)), Code::RecordNotFound);
    assert_eq!(refusal(lin.history(Account::NAME, id, None, 0)), Code::RecordNotFound);
    assert_eq!(refusal(lin.diff(Account::NAME, id, first, first)), Code::RecordNotFound);
    assert!(lin.list_as_of(Account::NAME, &Condition::Everything, first, None, 0).unwrap().rows.is_empty());
    // What was not lin's then is told now that it is lin's, but for the hidden field.
    house.change(Account::NAME, id, &Changes::new().owner(lin.user()));
    let past = lin.get_as_of(Account::NAME, id, first).unwrap();
    assert_eq!(past.value("name").unwrap(), known("加喜"));
    assert_eq!(past.value("city").unwrap(), PastValue::Known(Value::Null));
    assert_eq!(past.value("owner").unwrap(), PastValue::Known(house.admin.user().into()));
    let history = lin.history(Account::NAME, id, None, 0).unwrap();
    assert!(!format!("{history:?}").contains("上海"));
    assert_eq!(history.versions.len(), 4);
    assert!(
        !format!("{:?}", lin.diff(Account::NAME, id, first, At::Position(positions[2]))).contains("北京")
    );
    let hidden = lin.value_as_of(Account::NAME, id, "city", first);
    assert_eq!(refusal(hidden), Code::UnknownField);
    let by_city = Condition::IsNull("city".into());
    let refused = lin.list_as_of(Account::NAME, &by_city, first, None, 0);
    assert_eq!(refusal(refused), Code::UnknownField);
    let listed = lin.list_as_of(Account::NAME, &Condition::Everything, first, None, 0).unwrap();
    assert_eq!(listed.rows.len(), 1);
    assert_eq!(listed.rows[0].value("city").unwrap(), PastValue::Known(Value::Null));
}

#[test]
fn a_deleted_record_shows_its_past_to_whoever_reads_records_of_its_class_alone() {
    let house = database();
    let (id, positions) = account(&house, &[]);
    let own = house.user("own", &[house.role("own", &[("crm.account", Action::Read, Level::Own)])]);
    let all = house.user("all", &[house.role("all", &[("crm.account", Action::Read, Level::All)])]);
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, id)).unwrap();
    let at = At::Position(positions[0]);
    assert_eq!(refusal(own.get_as_of(Account::NAME, id, at)), Code::RecordNotFound);
    assert!(own.deleted(Account::NAME, None, 0).unwrap().rows.is_empty());
    assert_eq!(all.get_as_of(Account::NAME, id, at).unwrap().value("name").unwrap(), known("加喜"));
    assert_eq!(all.deleted(Account::NAME, None, 0).unwrap().rows[0].title(), "加喜");
}

#[test]
fn what_a_forgotten_person_was_reads_erased_and_never_as_another_value() {
    let house = database();
    let id = house.create(Contact::NAME, &Changes::new().set("name", "林先生").set("phone", "13812345678"));
    let position = house.crm.head().unwrap().position;
    house.change(Contact::NAME, id, &Changes::new().set("position", "厂长"));
    house.admin.erase(Contact::NAME, id).unwrap();
    let at = At::Position(position);
    let past = house.admin.get_as_of(Contact::NAME, id, at).unwrap();
    for field in ["name", "phone", "owner"] {
        assert_eq!(past.value(field).unwrap(), PastValue::Erased, "{field}");
    }
    // Nobody had given the person a position by then, and that is no value of the person's.
    assert_eq!(past.value("position").unwrap(), PastValue::Known(Value::Null));
    assert_eq!(past.state.version, 1);
    let history = house.admin.history(Contact::NAME, id, None, 0).unwrap();
    let kinds: Vec<_> = history.versions.iter().map(|version| version.kind.name()).collect();
    assert_eq!(kinds, ["erase", "delete", "update", "create"]);
    let changes = history.versions.iter().flat_map(|version| &version.changes);
    assert!(changes.clone().count() > 3);
    assert!(
        changes
            .into_iter()
            .all(|change| (&change.old, &change.new) == (&PastValue::Erased, &PastValue::Erased))
    );
    let listed = house.admin.list_as_of(Contact::NAME, &Condition::Everything, at, None, 0).unwrap();
    assert_eq!((listed.rows.len(), listed.undecided), (1, 0));
    let named = Condition::Not(Box::new(Condition::IsNull("name".into())));
    let listed = house.admin.list_as_of(Contact::NAME, &named, at, None, 0).unwrap();
    assert_eq!((listed.rows.len(), listed.undecided), (0, 1));
    let given = json!({"entity": "contact", "id": id.to_string(), "field": "name", "position": position});
    let told = call(&house.admin, "record.value_as_of", &given).unwrap();
    assert_eq!(told, json!({"value": {"erased": true}}));
    let back = house.admin.write(|transaction| transaction.undelete_record(Contact::NAME, id));
    assert_eq!(refusal(back), Code::RecordNotFound);
}

#[test]
fn a_list_of_the_past_looks_along_references_at_what_these_led_to_then() {
    let house = database();
    let (firm, positions) = account(&house, &["上海", "北京"]);
    let other = house.create(Account::NAME, &Changes::new().set("name", "别家").set("city", "上海"));
    let of = |name: &str, firm: RecordId| Changes::new().set("name", name).set("account", firm);
    let moving = house.create(Contact::NAME, &of("林", firm));
    let staying = house.create(Contact::NAME, &of("王", other));
    let alone = house.create(Contact::NAME, &Changes::new().set("name", "张"));
    let both = house.crm.head().unwrap().position;
    house.change(Account::NAME, firm, &Changes::new().set("city", "上海"));
    house.change(Contact::NAME, moving, &Changes::new().set("account", other));
    let moved = house.crm.head().unwrap().position;
    house.change(Account::NAME, other, &Changes::new().set("city", "苏州"));
    let list = |session: &guanxi::Session, filter: &Condition, at: u64| {
        let page = session.list_as_of(Contact::NAME, filter, At::Position(at), None, 0).unwrap();
        assert_eq!((page.undecided, page.next), (0, None));
        page.rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let city = |city: &str| {
        Condition::Compare("account.city".into(), guanxi::engine::Comparison::Equal, city.into())
    };
    assert_eq!(list(&house.admin, &city("上海"), both), [staying]);
    assert_eq!(list(&house.admin, &city("北京"), both), [moving]);
    assert_eq!(list(&house.admin, &city("上海"), moved), [moving, staying]);
    let none = Condition::IsNull("account.city".into());
    assert_eq!(list(&house.admin, &none, moved), [alone]);
    let neither = Condition::Not(Box::new(city("上海")));
    assert_eq!(list(&house.admin, &neither, both), [moving, alone]);
    // Who sees none of the firms today finds none of them in the past.
    let read = |entity, level| (entity, Action::Read, level);
    let near = [read("crm.contact", Level::All), read("crm.account", Level::Own)];
    let near = house.user("near", &[house.role("near", &near)]);
    assert_eq!(list(&near, &city("上海"), moved), []);
    assert_eq!(list(&near, &none, moved), [moving, staying, alone]);
    // Beyond what is kept of the firms nothing is told of them, though the persons are kept for ever.
    house.clock.advance_micros(3 * DAY);
    let history_days = [("account".to_owned(), 1)].into();
    house.admin.change_settings(Settings { history_days, ..Settings::default() }).unwrap();
    let at = At::Position(moved);
    let refused = house.admin.list_as_of(Contact::NAME, &city("上海"), at, None, 0);
    assert_eq!(refusal(refused), Code::HistoryExpired);
    assert_eq!(list(&house.admin, &Condition::Everything, moved).len(), 3);
    let _ = positions;
}

#[test]
fn beyond_what_the_settings_keep_history_is_expired_and_never_told_in_part() {
    let house = database();
    let (id, positions) = account(&house, &["上海", "北京", "广州"]);
    let (other, _) = (house.create(Contact::NAME, &Changes::new().set("name", "林")), ());
    let kept = |days: u32| {
        let history_days = [("account".to_owned(), days)].into();
        house.admin.change_settings(Settings { history_days, ..Settings::default() })
    };
    assert_eq!(refusal(kept(0)), Code::OutOfRange);
    let unknown = Settings { history_days: [("acount".to_owned(), 1)].into(), ..Settings::default() };
    assert_eq!(refusal(house.admin.change_settings(unknown)), Code::UnknownEntity);
    kept(1).unwrap();
    let at = |position: usize| house.admin.get_as_of(Account::NAME, id, At::Position(positions[position]));
    assert_eq!(at(2).unwrap().value("city").unwrap(), known("北京"));
    assert_eq!(refusal(at(1)), Code::HistoryExpired);
    // The state at the bound is told, though an older entry made it.
    house.clock.advance_micros(DAY / 2);
    let moment = At::Time(moment("2026-11-24T16:00:00Z"));
    assert_eq!(
        house.admin.get_as_of(Account::NAME, id, moment).unwrap().value("city").unwrap(),
        known("北京")
    );
    let page = house.admin.history(Account::NAME, id, None, 0).unwrap();
    assert_eq!(page.versions.len(), 1);
    assert_eq!(refusal(house.admin.history(Account::NAME, id, page.next, 0)), Code::HistoryExpired);
    let list =
        house.admin.list_as_of(Account::NAME, &Condition::Everything, At::Position(positions[1]), None, 0);
    assert_eq!(refusal(list), Code::HistoryExpired);
    let from = house.admin.diff(Account::NAME, id, At::Position(positions[1]), At::Position(positions[3]));
    assert_eq!(refusal(from), Code::HistoryExpired);
    // Another entity is told for ever.
    assert_eq!(house.admin.history(Contact::NAME, other, None, 0).unwrap().versions.len(), 1);
}

#[test]
fn a_deleted_record_comes_back_into_lists_counts_search_and_unique_keys() {
    let house = database();
    let changes = Changes::new().set("name", "加喜企业").external_id("erp", "7").tags(vec!["vip".to_owned()]);
    let id = house.create(Account::NAME, &changes);
    let before = house.admin.get(Account::NAME, id).unwrap();
    let whole = |session: &guanxi::Session| {
        let count = session.count(Account::NAME, &Condition::Everything).unwrap();
        (count, session.search("加喜企业", None, 5, 0).unwrap().total)
    };
    assert_eq!(whole(&house.admin), (1, 1));
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, id)).unwrap();
    assert_eq!(whole(&house.admin), (0, 0));
    let given = json!({"entity": "account", "id": id.to_string()});
    let listed = call(&house.admin, "record.deleted", &json!({"entity": "account"})).unwrap();
    assert_eq!(listed["rows"][0]["id"], id.to_string());
    assert!(listed["rows"][0]["deleted_at"].is_string());
    assert_eq!(call(&house.admin, "record.undelete", &given).unwrap()["outcome"], "undeleted");
    assert_eq!(whole(&house.admin), (1, 1));
    let after = house.admin.get(Account::NAME, id).unwrap();
    assert_eq!(after.record.values, before.record.values);
    assert_eq!((after.record.envelope.version, &after.record.envelope.tags), (3, &vec!["vip".to_owned()]));
    let found = house.admin.read(|reader| reader.find_by_external_id(Account::NAME, "erp", "7")).unwrap();
    assert_eq!(found.map(|row| row.record.id), Some(id));
    assert_eq!(
        house.admin.history(Account::NAME, id, None, 1).unwrap().versions[0].kind,
        VersionKind::Undeleted
    );
    assert_eq!(call(&house.admin, "record.undelete", &given).unwrap_err().code(), Code::RecordNotFound);
    let _ = house.verified();
}

#[test]
fn who_may_not_delete_a_record_does_not_bring_it_back() {
    let house = database();
    let (id, _) = account(&house, &[]);
    let read = ("crm.account", Action::Read, Level::All);
    let reader = house.user("reader", &[house.role("reader", &[read])]);
    let own = house.role("own", &[read, ("crm.account", Action::Delete, Level::Own)]);
    let own = house.user("own", &[own]);
    let blind = house.role("blind", &[("crm.account", Action::Delete, Level::All)]);
    let blind = house.user("blind", &[blind]);
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, id)).unwrap();
    for session in [reader, own, blind] {
        let refused = session.write(|transaction| transaction.undelete_record(Account::NAME, id));
        assert_eq!(refusal(refused), Code::NotPermitted);
    }
}

#[test]
fn a_record_does_not_come_back_where_its_place_is_taken_or_what_it_refers_to_is_gone() {
    let house = database();
    let changes = Changes::new().set("name", "一").external_id("erp", "7");
    let id = house.create(Account::NAME, &changes);
    let child = house.create(Account::NAME, &Changes::new().set("name", "二").set("parent", id));
    let delete = |id: RecordId| house.admin.write(|transaction| transaction.delete_record(Account::NAME, id));
    let undelete =
        |id: RecordId| house.admin.write(|transaction| transaction.undelete_record(Account::NAME, id));
    delete(child).unwrap();
    delete(id).unwrap();
    assert_eq!(refusal(undelete(child)), Code::ReferenceMissing);
    let other = house.create(Account::NAME, &Changes::new().set("name", "三").external_id("erp", "7"));
    assert_eq!(refusal(undelete(id)), Code::NotUnique);
    delete(other).unwrap();
    undelete(id).unwrap();
    undelete(child).unwrap();
    assert_eq!(refusal(delete(id)), Code::Referenced);
    let _ = house.verified();
}

#[test]
fn a_list_of_the_past_goes_on_where_it_was_and_can_be_cancelled() {
    let house = database();
    for number in 0..5 {
        let _ = house.create(Account::NAME, &Changes::new().set("name", format!("{number}")));
    }
    let now = At::Time(moment("2030-01-01T00:00:00Z"));
    let first = house.admin.list_as_of(Account::NAME, &Condition::Everything, now, None, 2).unwrap();
    assert_eq!((first.rows.len(), first.looked_at), (2, 2));
    // The first chunk fixed the place, so what comes later is not in the list.
    let _ = house.create(Account::NAME, &Changes::new().set("name", "later"));
    let rest = house.admin.list_as_of(Account::NAME, &Condition::Everything, now, first.next, 0).unwrap();
    assert_eq!((rest.rows.len(), rest.next, rest.position), (3, None, first.position));
    let session = house.admin.with_patience(Patience::default());
    session.cancel_token().cancel();
    let cancelled = session.list_as_of(Account::NAME, &Condition::Everything, now, None, 0);
    assert_eq!(refusal(cancelled), Code::Cancelled);
    let text = json!({"entity": "account", "at": "2030-01-01T00:00:00Z", "chunk": 4});
    let told = call(&house.admin, "record.list_as_of", &text).unwrap();
    assert_eq!(told["rows"].as_array().unwrap().len(), 4);
    let next = json!({"entity": "account", "cursor": told["cursor"]});
    let told = call(&house.admin, "record.list_as_of", &next).unwrap();
    assert_eq!((told["rows"].as_array().unwrap().len(), &told["cursor"]), (2, &json!(null)));
    let neither = call(&house.admin, "record.list_as_of", &json!({"entity": "account"}));
    assert_eq!(refusal(neither), Code::InvalidArgument);
}
