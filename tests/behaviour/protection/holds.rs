//! Legal holds: while one holds, nothing that it is about goes, whoever wants it to.

use guanxi::engine::{Action, Bulk, Level, NewDelegation, NewHold, Selection};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, Patience, RecordId, Session, Settings};
use guanxi_tests::{House, PASSWORD, database, no_cost, refusal};
use serde_json::{Value as Json, json};

use super::{DAY, call, entries, person};
use crate::backup::{full, keys, restored, since};

fn account(house: &House, name: &str) -> RecordId {
    house.create(Account::NAME, &Changes::new().set("name", name))
}

fn delete(session: &Session, entity: &str, id: RecordId) -> guanxi::Result<()> {
    session.write(|transaction| transaction.delete_record(entity, id))
}

fn hold(house: &House, entity: &str, id: RecordId) -> RecordId {
    house.admin.place_hold(&NewHold::on(entity, id, "案号 (2026) 沪 01 民初 7 号")).unwrap()
}

fn listed(session: &Session, given: Json) -> Vec<Json> {
    call(session, "hold.list", given).unwrap()["holds"].as_array().unwrap().clone()
}

#[test]
fn a_held_record_is_neither_deleted_nor_erased_nor_purged_by_anybody() {
    let house = database();
    let (held, free) = (person(&house, "held"), person(&house, "free"));
    let content = json!({"entity": "contact", "record": held.to_string(), "name": "a.txt", "media_type": "text/plain", "content": "aGVsbG8="});
    let attached = call(&house.admin, "attachment.add", content).unwrap()["id"].clone();
    let id = hold(&house, Contact::NAME, held);
    assert_eq!(refusal(delete(&house.admin, Contact::NAME, held)), Code::LegalHold);
    assert_eq!(refusal(house.admin.erase(Contact::NAME, held)), Code::LegalHold);
    let taken = json!({"entity": "contact", "record": held.to_string(), "attachment": attached});
    assert_eq!(refusal(call(&house.admin, "attachment.remove", taken)), Code::LegalHold);
    let selection = Selection::Ids(vec![held, free]);
    let done = house.admin.bulk_delete(Contact::NAME, &selection, &Bulk::default()).unwrap();
    let codes: Vec<Option<Code>> =
        done.rows.iter().map(|row| row.outcome.as_ref().err().map(guanxi::Error::code)).collect();
    assert_eq!(codes, [Some(Code::LegalHold), None]);
    house.change(Contact::NAME, held, &Changes::new().set("position", "厂长"));
    let house = house.reopened();
    assert_eq!(refusal(delete(&house.admin, Contact::NAME, held)), Code::LegalHold);
    assert_eq!(house.admin.holds_on(Contact::NAME, held).unwrap()[0].id, id);
    house.admin.release_hold(id, "结案").unwrap();
    house.admin.erase(Contact::NAME, held).unwrap();
    let _ = house.verified();
}

#[test]
fn what_would_go_along_is_held_too_and_so_is_what_is_held_in_the_same_transaction() {
    let house = database();
    let parent = json!({"entity": "contact", "name": "child", "field_type": "reference", "target": "contact", "label_zh": "上级", "label_en": "Parent", "on_delete": "cascade"});
    call(&house.admin, "schema.define_field", parent).unwrap();
    let root = person(&house, "root");
    let child = house.create(Contact::NAME, &Changes::new().set("name", "child").set("x.child", root));
    let id = hold(&house, Contact::NAME, child);
    assert_eq!(refusal(delete(&house.admin, Contact::NAME, root)), Code::LegalHold);
    assert!(house.admin.get(Contact::NAME, root).is_ok(), "nothing of it is done");
    house.admin.release_hold(id, "over").unwrap();
    let together = house.admin.write(|transaction| {
        transaction.place_hold(&NewHold::on(Contact::NAME, root, "now"))?;
        transaction.delete_record(Contact::NAME, root)
    });
    assert_eq!(refusal(together), Code::LegalHold);
    delete(&house.admin, Contact::NAME, root).unwrap();
    let _ = house.verified();
}

#[test]
fn deleted_records_that_are_held_are_not_purged_and_their_history_is_not_pruned() {
    let house = database();
    let [held, gone] = ["held", "gone"].map(|name| account(&house, name));
    house.change(Account::NAME, held, &Changes::new().set("city", "上海"));
    [held, gone].into_iter().for_each(|id| delete(&house.admin, Account::NAME, id).unwrap());
    let id = hold(&house, Account::NAME, held);
    house.clock.advance_micros(40 * DAY);
    let settings = Settings {
        purge_days: [("account".to_owned(), 10)].into(),
        history_days: [("account".to_owned(), 20)].into(),
        ..(*house.crm.settings()).clone()
    };
    house.admin.change_settings(settings).unwrap();
    for dry_run in [true, false] {
        let told =
            call(&house.admin, "record.purge", json!({"dry_run": dry_run})).unwrap()["entities"].clone();
        assert_eq!((&told[0]["records"], &told[0]["held"]), (&json!(1), &json!(1)), "{told}");
    }
    assert_eq!(house.admin.prune_history(false).unwrap().len(), 0, "of this entity nothing is pruned");
    house.admin.release_hold(id, "over").unwrap();
    let told = call(&house.admin, "record.purge", json!({})).unwrap()["entities"].clone();
    assert_eq!((&told[0]["records"], &told[0]["held"]), (&json!(1), &json!(0)));
    assert!(house.admin.prune_history(false).unwrap()[0].versions > 0);
    let _ = house.verified();
}

#[test]
fn a_hold_on_an_entity_is_about_what_meets_its_condition_now_and_later() {
    let house = database();
    let place = |condition: Option<&str>| {
        let given = json!({"entity": "account", "condition": condition, "reason": "inquiry"});
        call(&house.admin, "hold.place", given)
    };
    let id = place(Some("city == '上海'")).unwrap()["id"].as_str().unwrap().parse().unwrap();
    let there = house.create(Account::NAME, &Changes::new().set("name", "a").set("city", "上海"));
    let elsewhere = house.create(Account::NAME, &Changes::new().set("name", "b").set("city", "苏州"));
    let nowhere = account(&house, "c");
    assert_eq!(refusal(delete(&house.admin, Account::NAME, there)), Code::LegalHold);
    delete(&house.admin, Account::NAME, elsewhere).unwrap();
    delete(&house.admin, Account::NAME, nowhere).unwrap();
    house.change(Account::NAME, there, &Changes::new().set("city", "苏州"));
    delete(&house.admin, Account::NAME, there).unwrap();
    let there = house.create(Account::NAME, &Changes::new().set("name", "d").set("city", "上海"));
    assert_eq!(refusal(place(Some("city ==")).map(drop)), Code::InvalidExpression);
    assert_eq!(refusal(place(Some("name")).map(drop)), Code::InvalidExpression);
    assert_eq!(refusal(place(Some("nothing == 1")).map(drop)), Code::InvalidExpression);
    let all = place(None).unwrap()["id"].as_str().unwrap().parse().unwrap();
    let any = account(&house, "e");
    assert_eq!(refusal(delete(&house.admin, Account::NAME, any)), Code::LegalHold);
    delete(&house.admin, Contact::NAME, person(&house, "of another entity")).unwrap();
    house.admin.release_hold(all, "over").unwrap();
    delete(&house.admin, Account::NAME, any).unwrap();
    assert_eq!(
        refusal(delete(&house.admin, Account::NAME, there)),
        Code::LegalHold,
        "two holds, one is left"
    );
    house.admin.release_hold(id, "over").unwrap();
    delete(&house.admin, Account::NAME, there).unwrap();
}

#[test]
fn a_hold_has_a_span_by_a_clock_that_does_not_go_back_and_stays_in_the_list_of_those_that_were() {
    let house = database();
    let id = account(&house, "a");
    let given = json!({
        "entity": "account", "id": id.to_string(), "reason": "order",
        "from": "2026-11-23T00:00:00Z", "until": "2026-11-25T00:00:00Z",
    });
    let hold: RecordId =
        call(&house.admin, "hold.place", given).unwrap()["id"].as_str().unwrap().parse().unwrap();
    delete(&house.admin, Account::NAME, id).unwrap();
    house.admin.write(|transaction| transaction.undelete_record(Account::NAME, id)).unwrap();
    house.clock.advance_micros(2 * DAY);
    assert_eq!(refusal(delete(&house.admin, Account::NAME, id)), Code::LegalHold);
    assert_eq!(listed(&house.admin, json!({})).len(), 1);
    house.clock.advance_micros(2 * DAY);
    assert_eq!(listed(&house.admin, json!({})).len(), 0);
    assert_eq!(listed(&house.admin, json!({"all": true, "entity": "account"})).len(), 1);
    house.admin.release_hold(hold, "nothing is left to release").unwrap();
    assert!(listed(&house.admin, json!({"all": true}))[0]["release_reason"].is_null());
    delete(&house.admin, Account::NAME, id).unwrap();
    let causes: Vec<(String, String, bool)> = entries(&house, hold);
    assert_eq!((causes[0].0.as_str(), causes[0].1.as_str()), ("create", "hold.place"));
    let over =
        json!({"entity": "account", "id": id.to_string(), "reason": "x", "until": "2026-11-20T00:00:00Z"});
    assert_eq!(refusal(call(&house.admin, "hold.place", over)), Code::InvalidArgument);
    let bare = json!({"entity": "account", "reason": "  "});
    assert_eq!(refusal(call(&house.admin, "hold.place", bare)), Code::ReasonRequired);
}

#[test]
fn holds_are_changed_by_their_own_calls_alone_and_by_who_administers() {
    let house = database();
    let id = account(&house, "a");
    let hold = hold(&house, Account::NAME, id);
    let values = |values: Json| json!({"entity": "sys.legal_hold", "id": hold.to_string(), "values": values});
    for (method, given) in [
        ("record.update", values(json!({"until": "2026-11-22T00:00:00Z"}))),
        ("record.update", values(json!({"condition": "false"}))),
        ("record.update", values(json!({"target": "x"}))),
        ("record.update", values(json!({"owner": "admin"}))),
        ("record.delete", json!({"entity": "sys.legal_hold", "id": hold.to_string()})),
    ] {
        let refused = refusal(call(&house.admin, method, given.clone()));
        assert!(
            [Code::NotPermitted, Code::ReadOnlyField].contains(&refused),
            "{method} {given}: {refused:?}"
        );
    }
    let kept = call(&house.admin, "hold.place", json!({"entity": "sys.legal_hold", "reason": "x"}));
    assert_eq!(refusal(kept), Code::InvalidArgument);
    let all = ("crm.account", Action::Read, Level::All);
    let deletes = ("crm.account", Action::Delete, Level::All);
    let clerk = house.user("clerk", &[house.role("clerk", &[all, deletes])]);
    assert_eq!(refusal(delete(&clerk, Account::NAME, id)), Code::LegalHold);
    for refused in [
        refusal(clerk.place_hold(&NewHold::on(Account::NAME, id, "x"))),
        refusal(clerk.place_hold(&NewHold::on_all(Account::NAME, "x"))),
        refusal(clerk.holds(Some(Account::NAME), true, None, 0)),
        refusal(clerk.holds_on(Account::NAME, id)),
    ] {
        assert_eq!(refused, Code::NotPermitted);
    }
    assert_eq!(refusal(clerk.release_hold(hold, "x")), Code::RecordNotFound, "not even that it is there");
    assert_eq!(clerk.holds(None, true, None, 0).unwrap().rows.len(), 0);
    let own = [("crm.account", Action::Read, Level::All), ("crm.account", Action::Administer, Level::Own)];
    let owner = house.user("owner", &[house.role("owner", &own)]);
    assert_eq!(refusal(owner.place_hold(&NewHold::on(Account::NAME, id, "x"))), Code::NotPermitted);
    assert_eq!(refusal(owner.place_hold(&NewHold::on_all(Account::NAME, "x"))), Code::NotPermitted);
    house.change(Account::NAME, id, &Changes::new().owner(owner.user()));
    owner.place_hold(&NewHold::on(Account::NAME, id, "x")).unwrap();
    assert_eq!(refusal(delete(&house.admin, Account::NAME, id)), Code::LegalHold);
}

#[test]
fn holds_are_in_backups_and_hold_in_what_is_restored() {
    let house = database();
    let (base, before) = full(&house.admin);
    let held = person(&house, "held");
    let id = hold(&house, Contact::NAME, held);
    let (increment, _) = since(&house.admin, &before);
    let path = house.folder().join("restored.guanxi");
    let options = guanxi::RestoreOptions::default().administrator("root", PASSWORD, no_cost());
    restored(&[&base[..], &increment[..]], Some(&keys(&house.admin)), &path, &options).unwrap();
    let crm = guanxi_tests::options().open(&path).unwrap();
    let session = crm.session_for("root").unwrap();
    assert_eq!(refusal(delete(&session, Contact::NAME, held)), Code::LegalHold);
    session.release_hold(id, "over").unwrap();
    delete(&session, Contact::NAME, held).unwrap();
    crm.verify(&Patience::default()).unwrap();
    assert_eq!(house.admin.count("sys.legal_hold", &Condition::Everything).unwrap(), 1);
}

#[test]
fn a_hold_of_the_organisation_is_about_all_partitions_and_one_of_a_partition_about_its_own() {
    let house = database();
    let everything = [
        ("*", Action::Create, Level::All),
        ("*", Action::Read, Level::All),
        ("*", Action::Delete, Level::All),
        ("*", Action::Administer, Level::All),
    ];
    let role = house.role("keeper", &everything);
    let [left, right] = ["left", "right"].map(|name| {
        let partition = house.partition(name);
        let user = house.user(name, &[role]);
        house.change("sys.user", user.user(), &Changes::new().set("partition", partition));
        house.crm.session_for(name).unwrap()
    });
    let make = |session: &Session| {
        session.write(|txn| txn.create_record(Account::NAME, Changes::new().set("name", "x"))).unwrap()
    };
    let (ours, theirs) = (make(&left), make(&right));
    let hold = left.place_hold(&NewHold::on_all(Account::NAME, "ours")).unwrap();
    assert_eq!(refusal(delete(&left, Account::NAME, ours)), Code::LegalHold);
    delete(&right, Account::NAME, theirs).unwrap();
    assert_eq!(right.holds(None, true, None, 0).unwrap().rows.len(), 0, "nobody else's are told of");
    assert_eq!(refusal(right.release_hold(hold, "x")), Code::RecordNotFound);
    left.release_hold(hold, "over").unwrap();
    house.admin.place_hold(&NewHold::on_all(Account::NAME, "all")).unwrap();
    let more = make(&right);
    for (session, id) in [(&left, ours), (&right, more)] {
        assert_eq!(refusal(delete(session, Account::NAME, id)), Code::LegalHold);
    }
}

#[test]
fn holds_are_bounded_and_those_that_are_over_make_room() {
    let house = database();
    let id = account(&house, "a");
    let until = Some(guanxi_tests::moment("2026-11-23T00:00:00Z"));
    let place = || house.admin.place_hold(&NewHold { until, ..NewHold::on(Account::NAME, id, "x") });
    (0..100).for_each(|_| assert!(place().is_ok()));
    assert_eq!(refusal(place()), Code::LimitExceeded);
    house.clock.advance_micros(DAY);
    let last = hold(&house, Account::NAME, id);
    assert_eq!(listed(&house.admin, json!({"entity": "account"})).len(), 1);
    let all = listed(&house.admin, json!({"entity": "account", "all": true, "limit": 1000}));
    assert_eq!(all.len(), 101, "none is forgotten");
    house.admin.release_hold(last, "over").unwrap();
    let (mut seen, mut cursor) = (0, json!(null));
    loop {
        let given = json!({"entity": "account", "all": true, "limit": 30, "cursor": cursor});
        let page = call(&house.admin, "hold.list", given).unwrap();
        seen += page["holds"].as_array().unwrap().len();
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(seen, 101);
    delete(&house.admin, Account::NAME, id).unwrap();
}

#[test]
fn who_stands_in_for_another_one_neither_places_nor_releases_holds() {
    let house = database();
    let (held, other) = (account(&house, "held"), account(&house, "other"));
    let hold = hold(&house, Account::NAME, held);
    let clerk = house.user_as("clerk", "salesperson");
    let until = guanxi_tests::moment("2026-12-01T00:00:00Z");
    house.admin.delegate(&NewDelegation::new(clerk.user(), until)).unwrap();
    let acting = clerk.act_for(house.admin.user()).unwrap();
    assert_eq!(refusal(acting.place_hold(&NewHold::on(Account::NAME, other, "x"))), Code::NotPermitted);
    assert_eq!(refusal(acting.place_hold(&NewHold::on_all(Account::NAME, "x"))), Code::NotPermitted);
    assert_eq!(refusal(acting.release_hold(hold, "x")), Code::RecordNotFound);
    assert_eq!(refusal(delete(&acting, Account::NAME, held)), Code::LegalHold);
    delete(&acting, Account::NAME, other).unwrap();
}

#[test]
fn a_hold_that_has_ended_does_not_live_again_when_the_clock_is_set_back() {
    let house = database();
    let id = account(&house, "a");
    let until = Some(guanxi_tests::moment("2026-11-23T00:00:00Z"));
    house.admin.place_hold(&NewHold { until, ..NewHold::on(Account::NAME, id, "x") }).unwrap();
    house.clock.advance_micros(2 * DAY);
    let _ = account(&house, "the ledger knows this moment");
    house.clock.advance_micros(-2 * DAY);
    delete(&house.admin, Account::NAME, id).unwrap();
}
