//! Rules over the ledger: what they notice, what they do not, and that they stand in nobody's way.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use guanxi::api::call;
use guanxi::engine::{Action, Level, ReadMode, ReadPolicy};
use guanxi::{Changes, Code, RecordId, Session};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::{Value as Json, json};

fn detect(house: &House) -> Vec<(String, u64)> {
    let mut raised = Vec::new();
    loop {
        let found = call(&house.admin, "audit.detect", &json!({})).unwrap();
        let list = found["raised"].as_array().unwrap().iter();
        raised.extend(
            list.map(|one| (one["rule"].as_str().unwrap().to_owned(), one["count"].as_u64().unwrap())),
        );
        if found["more"] == false {
            return raised;
        }
    }
}

fn rule(house: &House, given: Json) {
    call(&house.admin, "audit.define_anomaly_rule", &given).unwrap();
}

fn at(house: &House, time: &str) {
    house.clock.set(moment(time));
}

/// Accounts of the administrator, a reader of all of them, and a policy that enters who reads.
fn guarded(count: usize) -> (House, Vec<RecordId>, Session) {
    let house = database();
    let named = |number: usize| Changes::new().set("name", format!("加喜 {number}").as_str());
    let made = (0..count).map(|number| house.create("crm.account", &named(number))).collect();
    let strict = ReadPolicy { mode: ReadMode::Strict, fields: BTreeSet::new() };
    house.admin.define_read_policy("account", Some(strict)).unwrap();
    let role = house.role("readers", &[("crm.account", Action::Read, Level::All)]);
    let lin = house.user("lin", &[role]);
    (house, made, lin)
}

#[test]
fn failed_sign_ins_are_raised_once_for_each_five_within_ten_minutes() {
    let house = database();
    let fail = |count: usize| (0..count).for_each(|_| assert!(house.crm.sign_in("admin", "wrong").is_err()));
    fail(4);
    assert_eq!(detect(&house), []);
    fail(1);
    assert_eq!(detect(&house), [("failed_sign_ins".to_owned(), 5)]);
    // What was raised is not raised again, and its entries are not counted once more.
    assert_eq!(detect(&house), []);
    fail(4);
    assert_eq!(detect(&house), []);
    at(&house, "2026-11-22T04:20:00Z");
    fail(4);
    assert_eq!(detect(&house), [], "the four before are too long ago");
    fail(1);
    assert_eq!(detect(&house), [("failed_sign_ins".to_owned(), 5)]);
    // Nobody was kept out.
    house.crm.sign_in("admin", guanxi_tests::PASSWORD).unwrap();
}

#[test]
fn reading_many_records_and_those_of_others_is_noticed_person_by_person() {
    let (house, made, lin) = guarded(30);
    rule(&house, json!({"name": "mass_reads", "threshold": 20}));
    rule(&house, json!({"name": "reads_of_others", "threshold": 10}));
    for id in &made[..9] {
        lin.get("crm.account", *id).unwrap();
        house.admin.get("crm.account", *id).unwrap();
    }
    assert_eq!(detect(&house), []);
    lin.get("crm.account", made[9]).unwrap();
    for id in &made[9..20] {
        house.admin.get("crm.account", *id).unwrap();
    }
    // The administrator owns what the administrator read.
    assert_eq!(detect(&house), [("reads_of_others".to_owned(), 10), ("mass_reads".to_owned(), 20)]);
    let listed = call(&house.admin, "audit.anomalies", &json!({"rule": "reads_of_others"})).unwrap();
    assert_eq!(listed["anomalies"][0]["person"], lin.user().to_string());
    assert_eq!(listed["anomalies"].as_array().unwrap().len(), 1);
    lin.list("crm.account", &guanxi::Find::default()).unwrap();
    assert_eq!(detect(&house).len(), 2, "a list names all of its records");
}

#[test]
fn reading_outside_of_ones_team_is_noticed_and_told_to_a_host_as_long_as_it_listens() {
    let (house, made, lin) = guarded(6);
    rule(&house, json!({"name": "reads_outside_team", "enabled": true, "threshold": 2}));
    let told: Arc<Mutex<Vec<(String, RecordId, u64)>>> = Arc::default();
    let listener = Arc::clone(&told);
    let broken = house.crm.on_anomaly(|_| panic!("the host's own fault"));
    let subscription = house.crm.on_anomaly(move |anomaly| {
        listener.lock().unwrap().push((anomaly.rule.clone(), anomaly.person, anomaly.count));
    });
    let raised = [("reads_outside_team".to_owned(), 2)];
    made[..2].iter().for_each(|id| drop(lin.get("crm.account", *id).unwrap()));
    assert_eq!(detect(&house), raised);
    assert_eq!(*told.lock().unwrap(), [("reads_outside_team".to_owned(), lin.user(), 2)]);
    // What the owner shares a team with is read within it.
    let team = house.create("sys.team", &Changes::new().set("name", "east"));
    for user in [house.admin.user(), lin.user()] {
        let _ = house.create("sys.team_member", &Changes::new().set("team", team).set("user", user));
    }
    made[2..4].iter().for_each(|id| drop(lin.get("crm.account", *id).unwrap()));
    assert_eq!(detect(&house), []);
    drop((subscription, broken));
    let wang = house.user("wang", &[house.role("others", &[("crm.account", Action::Read, Level::All)])]);
    made[4..].iter().for_each(|id| drop(wang.get("crm.account", *id).unwrap()));
    assert_eq!(detect(&house), raised);
    assert_eq!(told.lock().unwrap().len(), 1, "nobody listens any more");
}

#[test]
fn exports_at_night_and_on_sunday_are_noticed_by_the_clock_of_the_organisation() {
    let (house, made, _) = guarded(1);
    let export = || {
        let given = json!({"entity": "account", "records": [made[0].to_string()], "form": "csv"});
        call(&house.admin, "audit.note_export", &given).unwrap();
        detect(&house).len()
    };
    // The zone is Asia/Shanghai: 04:00 UTC of that Sunday is noon there.
    assert_eq!(export(), 1);
    at(&house, "2026-11-23T04:00:00Z");
    assert_eq!(export(), 0, "noon on Monday");
    at(&house, "2026-11-23T11:59:59Z");
    assert_eq!(export(), 0, "a second before eight in the evening");
    at(&house, "2026-11-23T12:00:00Z");
    assert_eq!(export(), 1, "eight in the evening");
    at(&house, "2026-11-23T23:59:00Z");
    assert_eq!(export(), 1, "a minute before eight in the morning of Tuesday");
    at(&house, "2026-11-24T00:00:00Z");
    assert_eq!(export(), 0, "eight in the morning of Tuesday");
}

#[test]
fn rules_are_settings_that_are_checked_entered_and_kept() {
    let house = database();
    rule(&house, json!({"name": "failed_sign_ins", "enabled": false}));
    rule(&house, json!({"name": "two at once", "kind": "failed_sign_ins", "threshold": 2, "minutes": 1}));
    let house = house.reopened();
    for _ in 0..6 {
        assert!(house.crm.sign_in("nobody of this name", "wrong").is_err());
    }
    assert_eq!(detect(&house), vec![("two at once".to_owned(), 2); 3]);
    let listed = call(&house.admin, "audit.anomaly_rules", &json!({})).unwrap();
    assert_eq!(listed["rules"].as_array().unwrap().len(), 6);
    for (wrong, code) in [
        (json!({"name": "mass_reads", "threshold": 0}), Code::OutOfRange),
        (json!({"name": "mass_reads", "minutes": 1441}), Code::OutOfRange),
        (json!({"name": "mass_reads", "opens": 20, "closes": 8}), Code::OutOfRange),
        (json!({"name": "new", "kind": "gossip"}), Code::InvalidArgument),
        (json!({"name": "new"}), Code::MissingParameter),
    ] {
        assert_eq!(refusal(call(&house.admin, "audit.define_anomaly_rule", &wrong)), code, "{wrong}");
    }
    let seller = house.user_as("seller", "sales");
    for (method, given) in [
        ("audit.detect", json!({})),
        ("audit.anomalies", json!({})),
        ("audit.define_anomaly_rule", json!({"name": "mass_reads", "threshold": 5})),
    ] {
        assert_eq!(refusal(call(&seller, method, &given)), Code::NotPermitted, "{method}");
    }
}
