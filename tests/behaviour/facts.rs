//! Facts: what holds of a key on some days, and what was known of it at some time.

use guanxi::engine::{Action, At, Find, Level};
use guanxi::{Changes, Code, Condition, Date, RecordId, Result, Value, api};
use guanxi_tests::{House, database, moment, refusal};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const NAME: &str = "cn.licence.fact";

fn call(house: &House, method: &str, given: Json) -> Result<Json> {
    api::call(&house.admin, method, &given)
}

/// What the registry says of a licence: an attribute of it has a value on some days.
fn package(key: &Json) -> Json {
    let label = |text: &str| json!({"zh": text, "en": text});
    json!({
        "package": "cn.licence", "version": "1.0.0", "label": label("licences"),
        "entities": [{
            "local": 1, "name": "fact", "label": label("fact"), "title": "attribute", "valid_time": {"key": key},
            "fields": [
                {"local": 1, "name": "licence", "label": label("licence"), "kind": {"type": "text"}, "required": true},
                {"local": 2, "name": "attribute", "label": label("attribute"), "kind": {"type": "text"}, "required": true},
                {"local": 3, "name": "value", "label": label("value"), "kind": {"type": "text"}},
                {"local": 4, "name": "source", "label": label("source"), "kind": {"type": "text"}},
                {"local": 5, "name": "valid_from", "label": label("from"), "kind": {"type": "date"}},
                {"local": 6, "name": "valid_to", "label": label("to"), "kind": {"type": "date"}},
            ],
        }],
    })
}

fn house() -> House {
    let house = database();
    let package = package(&json!(["licence", "attribute"]));
    call(&house, "schema.install_package", json!({"package": package})).unwrap();
    house
}

fn fact(house: &House, value: &str, days: (Option<&str>, Option<&str>)) -> Result<String> {
    let values = json!({
        "licence": "91310000", "attribute": "capital", "value": value, "source": "registry",
        "valid_from": days.0, "valid_to": days.1,
    });
    let made = call(house, "record.create", json!({"entity": NAME, "values": values}))?;
    Ok(made["id"].as_str().unwrap().to_owned())
}

fn key() -> Json {
    json!({"licence": "91310000", "attribute": "Capital"})
}

/// The value that holds on a day, by what was known at some time; the present if none is said.
fn value_on(house: &House, day: &str, known: Option<&str>) -> Option<String> {
    let mut given = json!({"entity": NAME, "key": key(), "valid_at": day});
    if let Some(known) = known {
        given["at"] = json!(known);
    }
    match call(house, "record.fact", given) {
        Ok(found) => Some(found["values"]["value"].as_str().unwrap().to_owned()),
        Err(error) => {
            assert_eq!((error.code(), error.rule_name()), (Code::RecordNotFound, Some("a fact of this day")));
            None
        }
    }
}

fn known(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[test]
fn what_was_valid_when_and_what_was_known_of_it_when_are_two_questions() {
    let house = house();
    fact(&house, "100", (Some("2020-01-01"), None)).unwrap();
    house.clock.set(moment("2026-12-01T00:00:00Z"));
    let superseded = call(
        &house,
        "record.supersede",
        json!({"entity": NAME, "key": key(), "at": "2026-11-25", "values": {"value": "200"}}),
    )
    .unwrap();
    house.clock.set(moment("2027-01-01T00:00:00Z"));
    // The registry says later that the change came into force some days earlier.
    let first = superseded["superseded"].as_str().unwrap();
    house
        .admin
        .write(|transaction| {
            let day = |text: &str| Value::Date(text.parse().unwrap());
            let change = |field: &str, text: &str| Changes::new().set(field, day(text));
            transaction.update_record(NAME, first.parse()?, change("valid_to", "2026-11-20"))?;
            let second = superseded["id"].as_str().unwrap().parse()?;
            transaction.update_record(NAME, second, change("valid_from", "2026-11-20"))
        })
        .unwrap();
    let (before, between) = (Some("2026-11-23T00:00:00Z"), Some("2026-12-15T00:00:00Z"));
    // What is known now of what was valid then, and of what is valid now.
    assert_eq!(value_on(&house, "2026-11-22", None), known("200"));
    assert_eq!(value_on(&house, "2026-11-19", None), known("100"));
    // What was known then of what was valid then.
    assert_eq!(value_on(&house, "2026-11-22", before), known("100"));
    assert_eq!(value_on(&house, "2026-11-22", between), known("100"));
    // What was known then of what is valid later.
    assert_eq!(value_on(&house, "2026-11-26", before), known("100"));
    assert_eq!(value_on(&house, "2026-11-26", between), known("200"));
    assert_eq!(value_on(&house, "2019-12-31", between), None);
    let listed = |day: &str, at: &str| {
        let given = json!({"entity": NAME, "valid_at": day, "at": at});
        let page = call(&house, "record.list_as_of", given).unwrap();
        let rows = page["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["values"]["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed("2026-11-26", "2026-11-23T00:00:00Z"), ["100"]);
    assert_eq!(listed("2026-11-22", "2026-12-15T00:00:00Z"), ["100"]);
    assert_eq!(listed("2026-11-22", "2027-01-02T00:00:00Z"), ["200"]);
    let house = house.reopened();
    let second = house.admin.get(NAME, superseded["id"].as_str().unwrap().parse().unwrap()).unwrap();
    assert_eq!(second.value("source").unwrap(), "registry".into(), "what is not said is taken over");
    let _ = house.verified();
}

#[test]
fn no_two_facts_of_a_key_hold_on_one_day_and_a_fact_keeps_its_key() {
    let house = house();
    let id = fact(&house, "100", (Some("2020-01-01"), Some("2022-01-01"))).unwrap();
    assert_eq!(refusal(fact(&house, "200", (None, Some("2020-01-02")))), Code::ValidityOverlap);
    assert_eq!(refusal(fact(&house, "200", (Some("2021-12-31"), None))), Code::ValidityOverlap);
    assert_eq!(refusal(fact(&house, "200", (Some("2023-01-02"), Some("2023-01-01")))), Code::InvalidPeriod);
    fact(&house, "200", (Some("2022-01-01"), None)).unwrap();
    let update =
        |values: Json| call(&house, "record.update", json!({"entity": NAME, "id": id, "values": values}));
    assert_eq!(refusal(update(json!({"attribute": "name"}))), Code::KeyFixed);
    assert_eq!(refusal(update(json!({"valid_to": null}))), Code::ValidityOverlap);
    update(json!({"value": "150"})).unwrap();
    let supersede = |more: Json| {
        let mut given = json!({"entity": NAME, "key": key(), "at": "2021-01-01", "values": {"value": "175"}});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(&house, "record.supersede", given)
    };
    assert_eq!(refusal(supersede(json!({"at": "2019-01-01"}))), Code::RecordNotFound);
    assert_eq!(refusal(supersede(json!({"at": "2020-01-01"}))), Code::InvalidPeriod);
    assert_eq!(refusal(supersede(json!({"values": {"licence": "other"}}))), Code::KeyFixed);
    assert_eq!(refusal(supersede(json!({"values": {"value": 5}}))), Code::WrongType);
    assert_eq!(refusal(supersede(json!({"key": {"licence": "91310000"}}))), Code::Required);
    assert_eq!(refusal(supersede(json!({"key": {"licence": "1", "value": "2"}}))), Code::UnknownField);
    assert_eq!(value_on(&house, "2021-06-01", None), known("150"), "nothing of a refusal is there");
    supersede(json!({})).unwrap();
    for (day, value) in [("2020-06-01", "150"), ("2021-06-01", "175"), ("2022-06-01", "200")] {
        assert_eq!(value_on(&house, day, None), known(value), "{day}");
    }
    assert_eq!(house.admin.count(NAME, &Condition::Everything).unwrap(), 3);
    call(&house, "record.delete", json!({"entity": NAME, "id": id})).unwrap();
    assert_eq!(value_on(&house, "2020-06-01", None), None);
    let _ = house.verified();
}

#[test]
fn a_list_of_a_day_is_read_by_an_index_and_counted_and_others_have_no_days() {
    let house = house();
    for (value, days) in [
        ("100", (None, Some("2021-01-01"))),
        ("200", (Some("2021-01-01"), Some("2023-01-01"))),
        ("300", (Some("2023-01-01"), None)),
    ] {
        fact(&house, value, days).unwrap();
    }
    let run = |day: &str, filter: Json| {
        let given = json!({"entity": NAME, "valid_at": day, "filter": filter, "total": "exact"});
        let page = call(&house, "query.run", given).unwrap();
        assert_eq!(page["total"]["count"], page["rows"].as_array().unwrap().len());
        let rows = page["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["values"]["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(run("1999-01-01", Json::Null), ["100"]);
    assert_eq!(run("2022-12-31", key()), ["200"]);
    assert_eq!(run("2023-01-01", Json::Null), ["300"]);
    let explained = |filter: Json| {
        let given = json!({"entity": NAME, "valid_at": "2022-01-01", "filter": filter});
        call(&house, "query.explain", given).unwrap()
    };
    let by_key = explained(key());
    assert_eq!(by_key["index"], "cn.licence.valid_time", "{by_key}");
    assert_eq!(by_key["components"], json!(["licence", "attribute", "valid_from"]));
    let all = explained(Json::Null);
    assert_eq!((&all["index"], &all["scan"]), (&json!("cn.licence.valid_to"), &json!(false)), "{all}");
    let refused = call(&house, "query.run", json!({"entity": "account", "valid_at": "2022-01-01"}));
    assert_eq!(refusal(refused), Code::InvalidFilter);
    let refused = call(&house, "query.run", json!({"entity": NAME, "valid_at": "soon"}));
    assert_eq!(refusal(refused), Code::InvalidArgument);
    let refused = call(&house, "record.fact", json!({"entity": "account", "key": {}}));
    assert_eq!(refusal(refused), Code::UnknownEntity);
}

#[test]
fn facts_are_for_those_who_may_see_them() {
    let house = house();
    fact(&house, "100", (None, None)).unwrap();
    let role = house.role("own", &[(NAME, Action::Read, Level::Own), (NAME, Action::Update, Level::Own)]);
    let clerk = house.user("clerk", &[role]);
    let asked = json!({"entity": NAME, "key": key(), "valid_at": "2022-01-01"});
    let error = api::call(&clerk, "record.fact", &asked).unwrap_err();
    assert_eq!(
        (error.code(), error.rule_name()),
        (Code::RecordNotFound, Some("a fact of this day")),
        "as if there were none"
    );
    let now = json!({"entity": NAME, "key": key(), "valid_at": "2022-01-01", "position": house.crm.head().unwrap().position});
    assert_eq!(refusal(api::call(&clerk, "record.fact", &now)), Code::RecordNotFound);
    let role = house.role_hiding("blind", &[(NAME, Action::Read, Level::All)], "licence");
    let blind = house.user("blind", &[role]);
    assert_eq!(refusal(api::call(&blind, "record.fact", &asked)), Code::UnknownField);
    let role = house.role_hiding("dateless", &[(NAME, Action::Read, Level::All)], "valid_to");
    let dateless = house.user("dateless", &[role]);
    let listed = json!({"entity": NAME, "valid_at": "2022-01-01"});
    assert_eq!(refusal(api::call(&dateless, "query.run", &listed)), Code::InvalidFilter);
    let told = api::call(&blind, "schema.describe", &json!({"entity": NAME})).unwrap();
    assert_eq!(told["entities"][0]["valid_time"], Json::Null);
    let told = call(&house, "schema.describe", json!({"entity": NAME})).unwrap();
    let wanted = json!({"key": ["licence", "attribute"], "from": "valid_from", "to": "valid_to"});
    assert_eq!(told["entities"][0]["valid_time"], wanted);
}

#[test]
fn valid_time_that_contradicts_itself_is_refused_and_stays_as_it_is() {
    let other = database();
    for (key, rule) in [
        (json!([]), "a key has 1 to 3 fields"),
        (json!(["value"]), "the fields of a key are required, stored, and have one value"),
        (json!(["licence", "gone"]), ""),
    ] {
        let error = call(&other, "schema.install_package", json!({"package": package(&key)})).unwrap_err();
        assert_eq!(error.rule_name().unwrap_or_default(), rule, "{error}");
    }
    let mut misspelt = package(&json!(["licence"]));
    misspelt["entities"][0]["valid_time"]["keys"] = json!([]);
    assert_eq!(
        refusal(call(&other, "schema.install_package", json!({"package": misspelt}))),
        Code::InvalidDefinition
    );
    let house = house();
    let mut changed = package(&json!(["licence"]));
    changed["version"] = json!("1.1.0");
    let error = call(&house, "schema.install_package", json!({"package": changed})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::InvalidDefinition, Some("valid_time")));
    let exported =
        call(&house, "schema.export_package", json!({"package": "cn.licence"})).unwrap()["package"].clone();
    call(&other, "schema.install_package", json!({"package": exported})).unwrap();
    fact(&other, "100", (None, None)).unwrap();
    assert_eq!(refusal(fact(&other, "100", (None, None))), Code::ValidityOverlap);
    let _ = other.verified();
}

/// A step: a fact of one of two keys for some months, one superseded, corrected or deleted.
#[derive(Debug, Clone)]
enum Step {
    Add(usize, Option<i8>, Option<i8>),
    Supersede(usize, i8),
    Correct(usize, Option<i8>, Option<i8>),
    Delete(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end = || prop_oneof![1 => Just(None), 4 => (1..12_i8).prop_map(Some)];
    let add = (0..2_usize, end(), end()).prop_map(|(key, from, to)| Step::Add(key, from, to));
    let supersede = (0..2_usize, 1..12_i8).prop_map(|(key, at)| Step::Supersede(key, at));
    let correct = (0..6_usize, end(), end()).prop_map(|(fact, from, to)| Step::Correct(fact, from, to));
    vec(prop_oneof![4 => add, 3 => supersede, 2 => correct, 1 => (0..6_usize).prop_map(Step::Delete)], 1..20)
}

fn day(month: i8) -> Date {
    Date::new(2030, month, 1).unwrap()
}

/// A fact of the model: key, value, first and last month.
#[derive(Debug, Clone)]
struct Known {
    id: RecordId,
    key: usize,
    value: i64,
    from: i8,
    to: i8,
}

fn meets(one: (i8, i8), other: (i8, i8)) -> bool {
    (0..=13).any(|month| one.0 <= month && month < one.1 && other.0 <= month && month < other.1)
}

fn key_of(key: usize) -> Changes {
    Changes::new().set("licence", format!("L{key}")).set("attribute", "capital")
}

fn days(changes: Changes, from: Option<i8>, to: Option<i8>) -> Changes {
    changes.set("valid_from", from.map(day)).set("valid_to", to.map(day))
}

fn span(from: Option<i8>, to: Option<i8>) -> (i8, i8) {
    (from.unwrap_or(-1), to.unwrap_or(14))
}

/// Plays a step on both, and gives the table as it is then.
fn play(house: &House, table: &mut Vec<Known>, step: &Step, value: i64) {
    let clear = |table: &[Known], key: usize, but: Option<RecordId>, wanted: (i8, i8)| {
        let others = table.iter().filter(|known| known.key == key && Some(known.id) != but);
        wanted.0 <= wanted.1 && others.into_iter().all(|known| !meets(wanted, (known.from, known.to)))
    };
    let text = value.to_string();
    match step {
        Step::Add(key, from, to) => {
            let wanted = span(*from, *to);
            let changes = days(key_of(*key).set("value", text.as_str()), *from, *to);
            let made = house.admin.write(|transaction| transaction.create_record(NAME, changes.clone()));
            assert_eq!(made.is_ok(), clear(table, *key, None, wanted), "{step:?} {table:?}");
            table.extend(made.ok().map(|id| Known { id, key: *key, value, from: wanted.0, to: wanted.1 }));
        }
        Step::Supersede(key, at) => {
            let place =
                table.iter().position(|known| known.key == *key && known.from <= *at && *at < known.to);
            let changes = Changes::new().set("value", text.as_str());
            let made = house.admin.write(|transaction| {
                let fact = transaction.reader().fact(NAME, &key_of(*key), day(*at))?.record.id;
                transaction.supersede(NAME, fact, day(*at), changes.clone())
            });
            let may = place.is_some_and(|place| table[place].from < *at);
            assert_eq!(made.is_ok(), may, "{step:?} {table:?}");
            if let (Ok(id), Some(place)) = (made, place) {
                let to = std::mem::replace(&mut table[place].to, *at);
                table.push(Known { id, key: *key, value, from: *at, to });
            }
        }
        Step::Correct(place, from, to) => {
            let Some(known) = table.get(*place).cloned() else { return };
            let wanted = span(*from, *to);
            let changes = days(Changes::new(), *from, *to);
            let done =
                house.admin.write(|transaction| transaction.update_record(NAME, known.id, changes.clone()));
            assert_eq!(done.is_ok(), clear(table, known.key, Some(known.id), wanted), "{step:?} {table:?}");
            if done.is_ok() {
                (table[*place].from, table[*place].to) = wanted;
            }
        }
        Step::Delete(place) => {
            if *place < table.len() {
                let known = table.remove(*place);
                house.admin.write(|transaction| transaction.delete_record(NAME, known.id)).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_question_about_two_times_is_answered_as_a_table_does(steps in steps()) {
        let house = house();
        let mut table = Vec::new();
        let mut past: Vec<(u64, Vec<Known>)> = vec![(house.crm.head().unwrap().position, Vec::new())];
        for (step, value) in steps.iter().zip(1_i64..) {
            play(&house, &mut table, step, value);
            past.push((house.crm.head().unwrap().position, table.clone()));
        }
        for (position, table) in &past {
            for month in [1_i8, 4, 7, 11] {
                let mut wanted = Vec::new();
                for key in 0..2 {
                    let held = table.iter().find(|known| known.key == key && known.from <= month && month < known.to);
                    let found = house.admin.fact_as_of(NAME, &key_of(key), day(month), At::Position(*position));
                    let found = found.ok().map(|past| format!("{:?}", past.value("value").unwrap()));
                    let said = held.map(|known| format!("Known(Text(\"{}\"))", known.value));
                    prop_assert_eq!(&found, &said, "{} {}", position, month);
                    wanted.extend(held.map(|known| known.id));
                }
                wanted.sort_unstable();
                let condition = Find::default().valid_at(day(month)).filter;
                let page = house.admin.list_as_of(NAME, &condition, At::Position(*position), None, 0).unwrap();
                let mut listed: Vec<RecordId> = page.rows.iter().map(|row| row.id).collect();
                listed.sort_unstable();
                prop_assert_eq!(&listed, &wanted);
            }
        }
        for month in 1..12_i8 {
            let mut wanted: Vec<RecordId> =
                table.iter().filter(|known| known.from <= month && month < known.to).map(|known| known.id).collect();
            wanted.sort_unstable();
            let find = Find::default().valid_at(day(month));
            let mut listed: Vec<RecordId> =
                house.admin.list(NAME, &find).unwrap().rows.iter().map(|row| row.record.id).collect();
            listed.sort_unstable();
            prop_assert_eq!(&listed, &wanted);
            for key in 0..2 {
                let found = house.admin.fact(NAME, &key_of(key), day(month)).ok().map(|row| row.record.id);
                let held = table.iter().find(|known| known.key == key && known.from <= month && month < known.to);
                prop_assert_eq!(found, held.map(|known| known.id));
            }
        }
        let _ = house.verified();
    }
}
