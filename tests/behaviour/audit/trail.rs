//! What the ledger says of those who change nothing: readers, those who were refused, who exports, who prints.

use guanxi::api::call;
use guanxi::engine::{Action, Find, Grant, Level, ReadMode, ReadPolicy, grant};
use guanxi::model::{Account, account};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::{Value as Json, json};

fn entries(house: &House, kind: &str) -> Vec<Json> {
    let query = json!({"kinds": [kind], "order": "rising", "limit": 1000});
    call(&house.admin, "ledger.query", &query).unwrap()["entries"].as_array().unwrap().clone()
}

/// What an entry says under a name.
fn said(entry: &Json, name: &str) -> Json {
    let changes = entry["changes"].as_array().unwrap().iter();
    changes
        .filter(|change| change["field"] == name)
        .map(|change| change["new"].clone())
        .next()
        .unwrap_or_default()
}

fn guard(house: &House, mode: ReadMode, fields: &[&str]) {
    let fields = fields.iter().map(|name| (*name).to_owned()).collect();
    house.admin.define_read_policy("account", Some(ReadPolicy { mode, fields })).unwrap();
}

fn firms(house: &House, count: usize) -> Vec<RecordId> {
    (0..count)
        .map(|number| {
            house.create("crm.account", &Changes::new().set("name", format!("加喜 {number}").as_str()))
        })
        .collect()
}

fn reader(house: &House, name: &str) -> Session {
    let role = house.role("readers", &[("crm.account", Action::Read, Level::All)]);
    house.user(name, &[role])
}

#[test]
fn without_a_policy_nobody_is_told_of_as_a_reader() {
    let house = database();
    let firm = firms(&house, 1)[0];
    house.admin.get("crm.account", firm).unwrap();
    assert!(entries(&house, "read").is_empty());
}

#[test]
fn a_strict_policy_enters_every_door_before_the_rows_are_given() {
    let house = database();
    let made = firms(&house, 3);
    guard(&house, ReadMode::Strict, &[]);
    let lin = reader(&house, "lin");
    let doors: [(&str, usize, &dyn Fn()); 7] = [
        ("read.get", 1, &|| drop(lin.get("crm.account", made[0]).unwrap())),
        ("read.list", 3, &|| drop(lin.list("crm.account", &Find::default()).unwrap())),
        ("read.count", 0, &|| assert_eq!(lin.count("crm.account", &Condition::Everything).unwrap(), 3)),
        ("read.history", 1, &|| drop(lin.history("crm.account", made[1], None, 0).unwrap())),
        ("read.search", 3, &|| assert_eq!(lin.search("加喜", None, 10, 0).unwrap().total, 3)),
        ("read.list", 3, &|| assert_eq!(lin.find::<Account>().fetch().unwrap().len(), 3)),
        ("read.scan", 3, &|| {
            lin.read(|reader| reader.scan("crm.account", &Condition::Everything, &mut |_| Ok(()))).unwrap();
        }),
    ];
    for (cause, named, door) in doors {
        let before = house.crm.head().unwrap().position;
        door();
        // The entry is there, durable, when the door has given its rows.
        assert!(house.crm.head().unwrap().position > before, "{cause}");
        let last = entries(&house, "read").pop().unwrap();
        assert_eq!(last["cause"], cause);
        assert_eq!(last["actor"], lin.user().to_string());
        assert_eq!(last["entity"], "crm.account");
        assert_eq!(said(&last, "records").as_array().map_or(0, Vec::len), named, "{cause}: {last}");
        assert!(!last.to_string().contains("加喜"), "values of records are not in it");
    }
    let of_one = json!({"record": made[2].to_string(), "kinds": ["read"]});
    let found = call(&house.admin, "ledger.query", &of_one).unwrap();
    assert_eq!(found["entries"].as_array().unwrap().len(), 4, "two lists, a search and a walk");
    house.crm.verify(&guanxi::Patience::default()).unwrap();
}

#[test]
fn a_policy_on_fields_tells_of_those_alone_who_see_them() {
    let house = database();
    let made = firms(&house, 1);
    guard(&house, ReadMode::Strict, &["city"]);
    let read_all = [("crm.account", Action::Read, Level::All)];
    let blind = house.user("blind", &[house.role_hiding("blind", &read_all, "city")]);
    blind.get("crm.account", made[0]).unwrap();
    assert!(entries(&house, "read").is_empty());
    let lin = house.user("lin", &[house.role("readers", &read_all)]);
    let names = json!({"entity": "account", "fields": ["name"]});
    call(&lin, "query.run", &names).unwrap();
    assert!(entries(&house, "read").is_empty());
    lin.get("crm.account", made[0]).unwrap();
    assert_eq!(said(&entries(&house, "read")[0], "fields"), json!(["city"]));
}

#[test]
fn who_opens_a_record_whose_field_is_masked_in_lists_has_read_the_field() {
    let house = database();
    let made = firms(&house, 1);
    guard(&house, ReadMode::Strict, &["city"]);
    let role = house.role("masked", &[]);
    let masks = Changes::new()
        .set(grant::LIST_MASKED_FIELDS, "city")
        .set(grant::ROLE, role)
        .set(grant::ENTITY, "crm.account")
        .set(grant::ACTION, Action::Read)
        .set(grant::LEVEL, Level::All);
    let _ = house.create(Grant::NAME, &masks);
    let lin = house.user("lin", &[role]);
    lin.get("crm.account", made[0]).unwrap();
    assert_eq!(said(&entries(&house, "read")[0], "fields"), json!(["city"]));
}

#[test]
fn what_is_read_in_a_transaction_is_entered_when_that_is_over_whatever_became_of_it() {
    let house = database();
    let made = firms(&house, 2);
    guard(&house, ReadMode::Strict, &[]);
    house
        .admin
        .write(|transaction| {
            transaction.get_record("crm.account", made[0])?;
            transaction.create(account::named("another"))
        })
        .unwrap();
    assert_eq!(entries(&house, "read").len(), 1);
    let given_up = house.admin.write(|transaction| {
        transaction.get_record("crm.account", made[1])?;
        Err::<(), _>(guanxi::Error::new(Code::Cancelled))
    });
    assert_eq!(refusal(given_up), Code::Cancelled);
    assert_eq!(entries(&house, "read").len(), 2);
}

#[test]
fn batched_reads_come_together_and_at_the_latest_with_the_close() {
    let house = database();
    let made = firms(&house, 2);
    guard(&house, ReadMode::Batched, &[]);
    house.admin.get("crm.account", made[0]).unwrap();
    assert!(entries(&house, "read").is_empty());
    house.clock.set(moment("2026-11-22T04:00:06Z"));
    house.admin.get("crm.account", made[1]).unwrap();
    let told = entries(&house, "read");
    assert_eq!(told.len(), 2);
    // Each says when it was, though both were written later.
    assert!(said(&told[0], "read_at").as_str().unwrap().starts_with("2026-11-22T04:00:00"));
    house.admin.get("crm.account", made[0]).unwrap();
    house.admin.flush_audit().unwrap();
    assert_eq!(entries(&house, "read").len(), 3);
    house.admin.get("crm.account", made[0]).unwrap();
    let house = house.reopened();
    assert_eq!(entries(&house, "read").len(), 4);
}

#[test]
fn the_policy_itself_is_entered_and_nobody_sets_it_without_the_right() {
    let house = database();
    let lin = reader(&house, "lin");
    let strict = json!({"entity": "account", "mode": "strict", "fields": ["phone"]});
    assert_eq!(refusal(call(&lin, "audit.define_read_policy", &strict)), Code::NotPermitted);
    call(&house.admin, "audit.define_read_policy", &strict).unwrap();
    assert!(entries(&house, "settings").last().unwrap().to_string().contains("read_policies"));
    let listed = call(&house.admin, "audit.read_policies", &json!({})).unwrap();
    assert_eq!(listed["policies"], json!([{"entity": "crm.account", "mode": "strict", "fields": ["phone"]}]));
    for (wrong, code) in [
        (json!({"entity": "acount", "mode": "strict"}), Code::UnknownEntity),
        (json!({"entity": "account", "mode": "strict", "fields": ["fone"]}), Code::UnknownField),
        (json!({"entity": "account", "mode": "now and then"}), Code::InvalidArgument),
    ] {
        assert_eq!(refusal(call(&house.admin, "audit.define_read_policy", &wrong)), code);
    }
    call(&house.admin, "audit.define_read_policy", &json!({"entity": "account", "mode": "off"})).unwrap();
    drop(lin);
    let house = house.reopened();
    assert_eq!(call(&house.admin, "audit.read_policies", &json!({})).unwrap()["policies"], json!([]));
}

#[test]
fn the_first_refusal_is_entered_at_once_and_those_of_its_minute_are_counted() {
    let house = database();
    let firm = firms(&house, 1)[0];
    let lin = reader(&house, "lin");
    let head = house.crm.head().unwrap().position;
    let change = || {
        let changes = Changes::new().set("city", "上海");
        lin.write(|transaction| transaction.update_record("crm.account", firm, changes.clone()))
    };
    for _ in 0..50 {
        assert_eq!(refusal(change()), Code::NotPermitted);
    }
    assert_eq!(house.crm.head().unwrap().position, head + 1);
    let told = entries(&house, "denied");
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["actor"], &told[0]["entity"]),
        (&json!(lin.user().to_string()), &json!("crm.account"))
    );
    assert_eq!((said(&told[0], "action"), said(&told[0], "count")), (json!("update"), json!(1)));
    // Another action is another entry.
    assert_eq!(refusal(call(&lin, "ledger.query", &json!({}))), Code::NotPermitted);
    assert_eq!(entries(&house, "denied").len(), 2);
    house.clock.set(moment("2026-11-22T04:02:00Z"));
    assert_eq!(refusal(change()), Code::NotPermitted);
    let counts: Vec<Json> = entries(&house, "denied").iter().map(|entry| said(entry, "count")).collect();
    assert_eq!(counts, [json!(1), json!(1), json!(49), json!(1)]);
}

#[test]
fn refusals_that_were_counted_are_entered_at_the_close() {
    let house = database();
    let lin = reader(&house, "lin");
    for _ in 0..3 {
        assert_eq!(refusal(call(&lin, "settings.set", &json!({"settings": {}}))), Code::NotPermitted);
    }
    drop(lin);
    let house = house.reopened();
    let counts: Vec<Json> = entries(&house, "denied").iter().map(|entry| said(entry, "count")).collect();
    assert_eq!(counts, [json!(1), json!(2)]);
}

#[test]
fn a_host_says_what_was_printed_and_exported_and_may_only_say_what_its_user_sees() {
    let house = database();
    let made = firms(&house, 300);
    let ids: Vec<String> = made.iter().map(RecordId::to_string).collect();
    let print = json!({"entity": "account", "records": ids[..1], "form": "letter"});
    call(&house.admin, "audit.note_print", &print).unwrap();
    let told = entries(&house, "print").pop().unwrap();
    assert_eq!((&told["record"], said(&told, "form")), (&json!(ids[0]), json!("letter")));
    let export = json!({"entity": "account", "records": ids, "form": "csv", "filter": "city = ?"});
    call(&house.admin, "audit.note_export", &export).unwrap();
    let told = entries(&house, "export");
    let named: usize = told.iter().map(|entry| said(entry, "records").as_array().unwrap().len()).sum();
    assert_eq!((told.len(), named, said(&told[0], "rows")), (2, 300, json!(300)));
    let own = house.role("own", &[("crm.account", Action::Read, Level::Own)]);
    let lin = house.user("lin", &[own]);
    assert_eq!(refusal(call(&lin, "audit.note_print", &print)), Code::RecordNotFound);
    assert_eq!(refusal(call(&lin, "audit.note_export", &export)), Code::NotPermitted);
    let long = json!({"entity": "account", "records": [], "form": "x".repeat(501)});
    assert_eq!(refusal(call(&house.admin, "audit.note_print", &long)), Code::LimitExceeded);
}
