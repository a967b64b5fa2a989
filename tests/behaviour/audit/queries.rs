//! Looking for entries: every query against a plain filter over the whole ledger.

use guanxi::api::call;
use guanxi::engine::{Action, Level};
use guanxi::model::{account, contact};
use guanxi::{Changes, Code, RecordId, Session};
use guanxi_tests::{House, database, moment, refusal};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// Every entry, by the list that knows no filters.
fn whole_ledger(session: &Session) -> Vec<Json> {
    let mut all: Vec<Json> = Vec::new();
    loop {
        let after = all.last().map_or(json!(0), |entry| entry["position"].clone());
        let page = call(session, "ledger.list", &json!({"after": after, "limit": 1000})).unwrap();
        match page["entries"].as_array().unwrap().as_slice() {
            [] => return all,
            entries => all.extend_from_slice(entries),
        }
    }
}

/// What a query gives, page by page, and how many entries were read for it.
fn queried(session: &Session, query: &Json, limit: u64) -> (Vec<Json>, u64) {
    let (mut found, mut read) = (Vec::new(), 0);
    let mut query = query.clone();
    query["limit"] = json!(limit);
    loop {
        let page = call(session, "ledger.query", &query).unwrap();
        read += page["looked_at"].as_u64().unwrap();
        let entries = page["entries"].as_array().unwrap();
        assert!(entries.len() as u64 <= limit);
        found.extend_from_slice(entries);
        match &page["after"] {
            Json::Null => return (found, read),
            after => query["after"] = after.clone(),
        }
    }
}

/// A ledger of more than three blocks: imports by two people, and now and then something else.
fn busy() -> (House, Vec<RecordId>) {
    let house = database();
    let lin = house.user_as("lin", "administrator");
    let mut records = Vec::new();
    for round in 0..7 {
        house.clock.set(moment(&format!("2026-11-22T{:02}:00:00Z", 5 + round)));
        let session = if round % 3 == 0 { &lin } else { &house.admin };
        let options = guanxi::WriteOptions::default().cause(["import", "api"][round % 2]);
        let made = session.write_with(options, |transaction| {
            let mut made = Vec::new();
            for number in 0..500 {
                let name = format!("加喜 {round}-{number}");
                made.push(transaction.create(account::named(&name).with(account::CITY, "上海"))?.id());
            }
            Ok(made)
        });
        records.push(made.unwrap()[17]);
        let moved = Changes::new().set("city", "杭州");
        session
            .write(|transaction| transaction.update_record("crm.account", records[round], moved.clone()))
            .unwrap();
        if round == 3 {
            assert_eq!(refusal(house.crm.sign_in("lin", "wrong password")), Code::SignInFailed);
            session.write(|transaction| transaction.delete_record("crm.account", records[round])).unwrap();
        }
    }
    (house, records)
}

#[test]
fn a_query_gives_what_a_plain_filter_gives_before_and_after_blocks_are_known() {
    let (house, records) = busy();
    let lin = house.crm.session_for("lin").unwrap().user().to_string();
    let ledger = whole_ledger(&house.admin);
    assert!(ledger.len() > 3 * 1024, "{}", ledger.len());
    let middle = ledger[1500]["at"].as_str().unwrap();
    let is = |name: &'static str, value: String| move |entry: &Json| entry[name] == value.as_str();
    let changes = |entry: &Json, field: &str| {
        entry["changes"].as_array().unwrap().iter().any(|change| change["field"] == field)
    };
    type Oracle<'a> = Box<dyn Fn(&Json) -> bool + 'a>;
    let of_record = records[4].to_string();
    let queries: Vec<(Json, Oracle<'_>)> = vec![
        (json!({}), Box::new(|_| true)),
        (json!({"actor": "lin"}), Box::new(is("actor", lin))),
        (
            json!({"kinds": ["sign_in_refused", "delete"]}),
            Box::new(|entry| entry["kind"] == "sign_in_refused" || entry["kind"] == "delete"),
        ),
        (json!({"entity": "crm.account", "record": of_record}), Box::new(is("record", of_record.clone()))),
        (
            json!({"entity": "crm.account", "field": "city", "kinds": ["update"]}),
            Box::new(move |entry| {
                entry["kind"] == "update" && entry["entity"] == "crm.account" && changes(entry, "city")
            }),
        ),
        (json!({"cause": "import"}), Box::new(is("cause", "import".to_owned()))),
        (
            json!({"from": middle, "until": "2026-11-22T09:00:00Z"}),
            Box::new(move |entry| {
                let at = moment(entry["at"].as_str().unwrap());
                at >= moment(middle) && at < moment("2026-11-22T09:00:00Z")
            }),
        ),
        (
            json!({"first": 1000, "last": 2100, "kinds": ["update"]}),
            Box::new(|entry| {
                (1000..=2100).contains(&entry["position"].as_u64().unwrap()) && entry["kind"] == "update"
            }),
        ),
        (json!({"on_behalf_of": records[0].to_string()}), Box::new(|_| false)),
    ];
    for round in 0..2 {
        for (query, takes) in &queries {
            for (order, limit) in [("rising", 1000), ("falling", 1000), ("rising", 333), ("falling", 77)] {
                let mut query = query.clone();
                query["order"] = json!(order);
                let mut expected: Vec<&Json> = ledger.iter().filter(|entry| takes(entry)).collect();
                if order == "falling" {
                    expected.reverse();
                }
                let (found, _) = queried(&house.admin, &query, limit);
                assert_eq!(found.len(), expected.len(), "round {round}: {query}");
                assert!(found.iter().eq(expected), "round {round}: {query}");
            }
        }
    }
}

#[test]
fn blocks_that_name_nothing_of_what_is_asked_are_passed_over() {
    let (house, records) = busy();
    let query = json!({"record": records[1].to_string()});
    let (first, read_first) = queried(&house.admin, &query, 100);
    let (again, read_again) = queried(&house.admin, &query, 100);
    assert_eq!(first, again);
    assert_eq!(first.len(), 2);
    let head = house.crm.head().unwrap().position;
    assert_eq!(read_first, head);
    // The blocks that have the record, the last one that is not whole yet, and none of the others.
    assert!(read_again + 1024 <= head, "{read_again} of {head}");
    let one_page = call(&house.admin, "ledger.query", &query).unwrap();
    assert!(one_page["passed_over"].as_u64().unwrap() >= 1, "{one_page}");
    assert!(house.verified() > 3_000);
}

#[test]
fn what_was_learnt_of_blocks_is_there_after_a_reopen_and_takes_no_entry_of_the_ledger() {
    let (house, records) = busy();
    let query = json!({"record": records[2].to_string()});
    let head = house.crm.head().unwrap();
    let (found, _) = queried(&house.admin, &query, 100);
    assert_eq!(house.crm.head().unwrap(), head);
    let house = house.reopened();
    let (again, read) = queried(&house.admin, &query, 100);
    assert_eq!((again, read < 2_600), (found, true), "{read}");
}

#[test]
fn a_query_shows_no_value_that_its_reader_may_not_see() {
    let house = database();
    let firm = house.create("crm.account", &Changes::new().set("name", "加喜").set("city", "上海"));
    let person =
        house.create("crm.contact", &Changes::new().set("name", "林").set("phone", "+8613900000001"));
    let administer = [
        ("sys.role", Action::Administer, Level::All),
        ("crm.account", Action::Read, Level::All),
        ("sys.user", Action::Read, Level::All),
    ];
    let auditor = house.user("auditor", &[house.role_hiding("auditor", &administer, "city")]);
    let of = |record: RecordId| {
        let query = json!({"record": record.to_string(), "order": "rising"});
        call(&auditor, "ledger.query", &query).unwrap()["entries"].as_array().unwrap().clone()
    };
    let told = of(firm);
    let changes = told[0]["changes"].as_array().unwrap();
    let value = |field: &str| {
        changes.iter().find(|change| change["field"] == field).map(|change| change["new"].clone()).unwrap()
    };
    assert_eq!(value("name"), "加喜");
    assert_eq!(value("city"), json!({"withheld": true}));
    let listed = call(&auditor, "ledger.list", &json!({"limit": 1000})).unwrap().to_string();
    assert!(!listed.contains("上海") && !listed.contains("+8613900000001"));
    // That there was a change is the auditor's right; what it was of, a matter of the entity's permissions.
    let of_person = of(person);
    assert_eq!(of_person[0]["kind"], "create");
    assert!(
        of_person[0]["changes"].as_array().unwrap().iter().all(|change| change["new"]["withheld"] == true)
    );
    let by_field = call(&auditor, "ledger.query", &json!({"entity": "crm.account", "field": "city"}));
    assert_eq!(refusal(by_field), Code::UnknownField);
}

#[test]
fn values_of_a_forgotten_person_read_as_erased() {
    let house = database();
    let person = house.create("crm.contact", &Changes::new().set("name", "林"));
    house.admin.erase("crm.contact", person).unwrap();
    let query = json!({"record": person.to_string(), "kinds": ["create"]});
    let told = call(&house.admin, "ledger.query", &query).unwrap();
    let changes = told["entries"][0]["changes"].as_array().unwrap().clone();
    assert!(changes.iter().any(|change| change["field"] == "name"));
    assert!(changes.iter().all(|change| change["new"] == json!({"erased": true})), "{changes:?}");
}

#[test]
fn the_ledger_is_shown_to_nobody_without_the_right() {
    let house = database();
    let seller = house.user_as("seller", "sales");
    assert_eq!(refusal(call(&seller, "ledger.query", &json!({}))), Code::NotPermitted);
    for (wrong, field) in [
        (json!({"order": "sideways"}), "order"),
        (json!({"kinds": ["gossip"]}), "kinds"),
        (json!({"from": "yesterday"}), "from"),
        (json!({"actor": "nobody at all"}), "actor"),
        (json!({"field": "name"}), "entity"),
    ] {
        let error = call(&house.admin, "ledger.query", &wrong).unwrap_err();
        assert_eq!(error.field_name(), Some(field), "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn pages_of_any_size_make_the_same_list(limit in 1_u64..50, first in 1_u64..60, length in 0_u64..60) {
        let house = database();
        house.admin.write(|transaction| {
            for number in 0..40 {
                transaction.create(contact::named(&format!("{number}")))?;
            }
            Ok(())
        }).unwrap();
        let last = first + length;
        let ledger = whole_ledger(&house.admin);
        let expected: Vec<&Json> = ledger.iter().filter(|entry| {
            (first..=last).contains(&entry["position"].as_u64().unwrap())
        }).collect();
        let query = json!({"first": first, "last": last, "order": "rising"});
        let (found, _) = queried(&house.admin, &query, limit);
        prop_assert!(found.iter().eq(expected));
    }
}
