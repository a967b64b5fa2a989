//! The types of fields: what each takes, how it is stored, and what it refuses, at the doors of a host.

mod phones;
mod rows;

use std::collections::BTreeMap;

use guanxi::base::Label;
use guanxi::model::opportunity;
use guanxi::schema::FieldType;
use guanxi::{Changes, Code, Condition, Find, RecordId, Result, Session, Value, api};
use guanxi_tests::{House, database, shared_data};
use serde_json::{Value as Json, json};

/// Adds a field to accounts by the named method, and gives its name in the API.
fn define(session: &Session, name: &str, field_type: &str, more: Json) -> Result<String> {
    let mut given = json!({
        "entity": "account", "name": name, "field_type": field_type, "label_zh": "字段", "label_en": "Field",
    });
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = api::call(session, "schema.define_field", &given)?;
    Ok(answer["field"].as_str().unwrap().to_owned())
}

fn create(session: &Session, values: &Json) -> Result<String> {
    let given = json!({"entity": "account", "values": values});
    let answer = api::call(session, "record.create", &given)?;
    Ok(answer["id"].as_str().unwrap().to_owned())
}

fn read(session: &Session, id: &str) -> Json {
    let given = json!({"entity": "account", "id": id});
    api::call(session, "record.get", &given).unwrap()
}

fn codes() -> Json {
    json!([
        {"code": "gold", "zh": "金", "en": "Gold"},
        {"code": "silver", "zh": "银", "en": "Silver", "color": "grey"},
        {"code": "tin", "zh": "锡", "en": "Tin", "active": false},
    ])
}

/// Each type with what its author says, a value as JSON, and what is stored.
fn samples() -> Vec<(&'static str, Json, Json, Json)> {
    let same = |name, more, value: Json| (name, more, value.clone(), value);
    vec![
        same("rich_text", json!({}), json!("**重要** client")),
        same("percent", json!({}), json!("12.5")),
        same("time", json!({}), json!("08:30:00")),
        ("duration", json!({}), json!("90m"), json!("PT1H30M")),
        (
            "multi_enum",
            json!({"codes": codes()}),
            json!(["silver", "gold", "gold"]),
            json!(["gold", "silver"]),
        ),
        ("url", json!({}), json!("HTTPS://Example.COM/a?b=c"), json!("https://example.com/a?b=c")),
        (
            "address",
            json!({}),
            json!({"country": "CN", "city": " 上海 ", "street": "", "raw": null}),
            json!({"country": "CN", "city": "上海"}),
        ),
        ("address", json!({}), json!("南京路 1 号"), json!({"raw": "南京路 1 号"})),
        (
            "person_name",
            json!({}),
            json!("王小明"),
            json!({"full": "王小明", "family": "王", "given": "小明", "order": "family_first"}),
        ),
        (
            "geo_point",
            json!({}),
            json!({"latitude": "31.2304", "longitude": 121}),
            json!({"latitude": "31.2304", "longitude": "121"}),
        ),
        same("json", json!({}), json!({"a": [1, {"b": null}], "c": true})),
        (
            "identifier",
            json!({"scheme": "iban"}),
            json!("gb29 nwbk 6016 1331 9268 19"),
            json!("GB29NWBK60161331926819"),
        ),
        (
            "rows",
            json!({"columns": [
                {"name": "sku", "zh": "货号", "en": "SKU", "type": "text", "required": true},
                {"name": "quantity", "zh": "数量", "en": "Quantity", "type": "int"},
                {"name": "price", "zh": "单价", "en": "Price", "type": "money"},
                {"name": "due", "zh": "到期", "en": "Due", "type": "date"},
            ]}),
            json!([{"sku": "A", "quantity": 2, "price": {"amount": "9.90", "currency": "CNY"}, "due": "2026-12-01"}]),
            json!([{"sku": "A", "quantity": 2, "price": {"amount": "9.90", "currency": "CNY"}, "due": "2026-12-01"}]),
        ),
    ]
}

#[test]
fn every_type_takes_its_values_and_gives_them_back_after_the_database_was_reopened() {
    let house = database();
    let mut written = Vec::new();
    for (place, (kind, more, given, stored)) in samples().into_iter().enumerate() {
        let field = define(&house.admin, &format!("{kind}_{place}"), kind, more).unwrap();
        let id = create(&house.admin, &json!({"name": kind, field.as_str(): given})).unwrap();
        written.push((field, id, stored));
    }
    let house = house.reopened();
    for (field, id, stored) in written {
        assert_eq!(read(&house.admin, &id)["values"][field.as_str()], stored, "{field}");
    }
    let _ = house.verified();
}

#[test]
fn what_a_type_does_not_take_is_refused_with_the_place_where_it_stands() {
    let house = database();
    let refused = |kind: &str, more: Json, value: Json| -> (Code, String) {
        let name = format!(
            "f{}",
            RecordId::generate(house.crm.now(), &guanxi::base::OsRandom).to_string().replace('-', "_")
        );
        let field = define(&house.admin, &name, kind, more).unwrap();
        let error = create(&house.admin, &json!({"name": kind, field.as_str(): value})).unwrap_err();
        (error.code(), error.field_name().unwrap_or_default().replace(&field, "f"))
    };
    let columns = json!({"columns": [
        {"name": "sku", "zh": "货号", "en": "SKU", "type": "text", "required": true},
        {"name": "quantity", "zh": "数量", "en": "Quantity", "type": "int"},
    ]});
    let long: Vec<i64> = (0..1_001).collect();
    let deep = (0..17).fold(json!(1), |inner, _| json!([inner]));
    for (kind, more, value, code, place) in [
        ("time", json!({}), json!("25:00"), Code::WrongType, "f"),
        ("duration", json!({}), json!("P1M"), Code::WrongType, "f"),
        ("url", json!({}), json!("example.com"), Code::InvalidUrl, "f"),
        ("url", json!({}), json!("javascript:alert(1)"), Code::InvalidUrl, "f"),
        ("multi_enum", json!({"codes": codes()}), json!(["gold", "lead"]), Code::NotInValueSet, "f"),
        ("multi_enum", json!({"codes": codes()}), json!(["tin"]), Code::CodeNotAllowed, "f"),
        ("address", json!({}), json!({"country": "China"}), Code::WrongType, "f.country"),
        ("address", json!({}), json!({"planet": "Earth"}), Code::UnknownField, "f.planet"),
        ("person_name", json!({}), json!({"full": "A", "order": "reversed"}), Code::NotInValueSet, "f.order"),
        (
            "geo_point",
            json!({}),
            json!({"latitude": "90.1", "longitude": "0"}),
            Code::OutOfRange,
            "f.latitude",
        ),
        ("geo_point", json!({}), json!({"latitude": "1"}), Code::WrongType, "f.longitude"),
        ("identifier", json!({"scheme": "gtin"}), json!("4006381333932"), Code::InvalidIdentifier, "f"),
        ("rows", columns.clone(), json!([{"sku": "A"}, {"quantity": 1}]), Code::Required, "f.2.sku"),
        ("rows", columns.clone(), json!([{"sku": "A", "quantity": "two"}]), Code::WrongType, "f.1.quantity"),
        ("rows", columns.clone(), json!([{"sku": "A", "colour": "red"}]), Code::UnknownField, "f.1.colour"),
        ("json", json!({}), json!(long), Code::LimitExceeded, "f"),
        ("json", json!({}), deep, Code::LimitExceeded, "f"),
        ("formula", json!({"expression": "size(name)"}), json!(1), Code::ReadOnlyField, "f"),
    ] {
        assert_eq!(refused(kind, more, value.clone()), (code, place.to_owned()), "{kind} {value}");
    }
    assert_eq!(house.admin.count("account", &Condition::Everything).unwrap(), 0);
}

#[test]
fn the_naughty_strings_are_stored_byte_for_byte_or_refused_in_every_type() {
    let Some(path) = shared_data("robustness/blns/blns.json") else { return };
    let strings: Vec<String> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let house = database();
    let mut fields = Vec::new();
    for (place, (kind, more, _, _)) in samples().into_iter().enumerate() {
        fields.push((kind, define(&house.admin, &format!("{kind}_{place}"), kind, more).unwrap()));
    }
    for text in &strings {
        for (kind, field) in &fields {
            let created = create(&house.admin, &json!({"name": "x", field.as_str(): text}));
            let normal = guanxi::base::normalize(text);
            let (part, expected) = match *kind {
                "rich_text" | "json" => (None, normal.as_str()),
                "address" => (Some("raw"), normal.trim()),
                "person_name" => (Some("full"), normal.trim()),
                // These take what they can read, and refuse the rest.
                _ => continue,
            };
            let Ok(id) = created else {
                assert!(text.contains(char::is_control), "{kind} {text:?}: {created:?}");
                continue;
            };
            let stored = &read(&house.admin, &id)["values"][field.as_str()];
            let whole = part.map_or(stored, |part| &stored[part]);
            assert_eq!(whole.as_str().unwrap_or_default(), expected, "{kind} {text:?}");
        }
    }
}

#[test]
fn references_to_several_records_hold_what_they_refer_to() {
    let house = database();
    let kind = FieldType::MultiReference { entity: "crm.contact".into() };
    let label = Label::new("联系人", "People");
    let field = house.admin.define_field("account", "people", label, kind, |_| {}).unwrap();
    let (first, second, account) = house
        .admin
        .write(|transaction| {
            let contact = |name: &str| Changes::new().set("name", name);
            let first = transaction.create_record("contact", contact("甲"))?;
            let second = transaction.create_record("contact", contact("乙"))?;
            let both = Value::List(vec![second.into(), first.into(), second.into()]);
            let account = Changes::new().set("name", "加喜").set(field.as_str(), both);
            Ok((first, second, transaction.create_record("account", account)?))
        })
        .unwrap();
    let stored = house.admin.get("account", account).unwrap().value(field.as_str()).unwrap();
    assert_eq!(stored, Value::List(vec![second.into(), first.into()]), "each once, in the order given");
    let gone = house.admin.write(|transaction| transaction.delete_record("contact", first));
    assert_eq!(gone.unwrap_err().code(), Code::Referenced);
    let nobody = Value::List(vec![RecordId::from_bytes([9; 16]).into()]);
    let wrong = Changes::new().set(field.as_str(), nobody);
    let error = house.admin.write(|transaction| transaction.update_record("account", account, wrong.clone()));
    assert_eq!(error.unwrap_err().code(), Code::ReferenceMissing);
    let fewer = Changes::new().set(field.as_str(), Value::List(vec![second.into()]));
    house.admin.write(|transaction| transaction.update_record("account", account, fewer.clone())).unwrap();
    house.admin.write(|transaction| transaction.delete_record("contact", first)).unwrap();
    let _ = house.verified();
}

#[test]
fn serial_numbers_count_on_across_days_reopening_and_records_that_were_refused() {
    let house = database();
    let parts = json!({"parts": [
        {"part": "text", "text": "HT-"}, {"part": "date", "format": "YYYYMMDD"}, {"part": "counter", "digits": 4},
    ]});
    let field = define(&house.admin, "number", "serial", parts).unwrap();
    let number = |house: &House, name: &str| {
        let id = create(&house.admin, &json!({"name": name})).unwrap();
        read(&house.admin, &id)["values"][field.as_str()].as_str().unwrap().to_owned()
    };
    assert_eq!(number(&house, "one"), "HT-202611220001");
    assert_eq!(number(&house, "two"), "HT-202611220002");
    let own = create(&house.admin, &json!({"name": "own", field.as_str(): "HT-1"})).unwrap_err();
    assert_eq!(own.code(), Code::ReadOnlyField);
    let house = house.reopened();
    assert_eq!(number(&house, "three"), "HT-202611220003");
    house.clock.set(guanxi_tests::moment("2026-11-23T04:00:00Z"));
    assert_eq!(number(&house, "four"), "HT-202611230001");
}

#[test]
fn defaults_stand_in_for_what_is_not_said_and_follow_from_each_other() {
    let house = database();
    let discount = define(&house.admin, "discount", "percent", json!({"default": "5"})).unwrap();
    let until = define(&house.admin, "until", "date", json!({"default": "addMonths(today(), 1)"})).unwrap();
    let doubled = define(&house.admin, "doubled", "decimal", json!({"default": "x.discount * 2"})).unwrap();
    let id = create(&house.admin, &json!({"name": "a"})).unwrap();
    let values = read(&house.admin, &id)["values"].clone();
    assert_eq!(values[discount.as_str()], "5");
    assert_eq!(values[until.as_str()], "2026-12-22");
    assert_eq!(values[doubled.as_str()], "10");
    let id = create(&house.admin, &json!({"name": "b", discount.as_str(): "7.5"})).unwrap();
    assert_eq!(read(&house.admin, &id)["values"][doubled.as_str()], "15.0");
    let wrong = define(&house.admin, "wrong", "date", json!({"default": "5"})).unwrap_err();
    assert_eq!(wrong.code(), Code::InvalidDefinition);
}

#[test]
fn a_value_is_required_when_its_condition_says_so() {
    let house = database();
    define(&house.admin, "reason", "text", json!({"required_when": "employees > 100"})).unwrap();
    create(&house.admin, &json!({"name": "small", "employees": 5})).unwrap();
    create(&house.admin, &json!({"name": "unknown"})).unwrap();
    let error = create(&house.admin, &json!({"name": "large", "employees": 500})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::Required, Some("x.reason")));
    create(&house.admin, &json!({"name": "large", "employees": 500, "x.reason": "group"})).unwrap();
}

#[test]
fn codes_go_with_the_code_of_the_controlling_field() {
    let house = database();
    let countries =
        json!([{"code": "cn", "zh": "中国", "en": "China"}, {"code": "de", "zh": "德国", "en": "Germany"}]);
    let country = define(&house.admin, "country", "enum", json!({"codes": countries})).unwrap();
    let cities = json!([
        {"code": "sh", "zh": "上海", "en": "Shanghai", "only_with": ["cn"]},
        {"code": "be", "zh": "柏林", "en": "Berlin", "only_with": ["de"]},
        {"code": "other", "zh": "其他", "en": "Other"},
    ]);
    let city =
        define(&house.admin, "town", "enum", json!({"codes": cities, "controlled_by": "x.country"})).unwrap();
    let firm = |country_code: &str, city_code: &str| {
        create(&house.admin, &json!({"name": "a", country.as_str(): country_code, city.as_str(): city_code}))
    };
    let id = firm("cn", "sh").unwrap();
    firm("de", "other").unwrap();
    assert_eq!(firm("de", "sh").unwrap_err().code(), Code::CodeNotAllowed);
    let moved = json!({"entity": "account", "id": id, "values": {country.as_str(): "de"}});
    let error = api::call(&house.admin, "record.update", &moved).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::CodeNotAllowed, Some(city.as_str())));
}

#[test]
fn formulas_follow_the_fields_that_they_read_and_each_other() {
    let house = database();
    let formula = |name: &str, expression: &str| {
        define(&house.admin, name, "formula", json!({"expression": expression}))
    };
    let double = formula("double", "employees * 2").unwrap();
    let more = formula("more", "x.double + 1").unwrap();
    let share = formula("share", "100 / employees").unwrap();
    let id = create(&house.admin, &json!({"name": "a", "employees": 21})).unwrap();
    let values = read(&house.admin, &id)["values"].clone();
    assert_eq!((&values[double.as_str()], &values[more.as_str()]), (&json!(42), &json!(43)));
    let change = json!({"entity": "account", "id": id, "values": {"employees": 0}});
    api::call(&house.admin, "record.update", &change).unwrap();
    let values = read(&house.admin, &id)["values"].clone();
    assert_eq!(values[more.as_str()], 1);
    assert!(values.get(share.as_str()).is_none(), "what cannot be worked out has no value");
    assert_eq!(formula("bad", "employees + name").unwrap_err().code(), Code::InvalidExpression);
    assert_eq!(formula("gone", "nothing + 1").unwrap_err().code(), Code::InvalidExpression);
}

#[test]
fn an_index_on_a_formula_is_kept_when_what_it_reads_changes() {
    let house = database();
    let size =
        define(&house.admin, "size_of_name", "formula", json!({"expression": "size(name)", "indexed": true}));
    let size = size.unwrap();
    let mut ids = BTreeMap::new();
    for name in ["ccc", "a", "bb"] {
        let changes = Changes::new().set("name", name);
        let id =
            house.admin.write(|transaction| transaction.create_record("account", changes.clone())).unwrap();
        ids.insert(name, id);
    }
    let listed = || {
        let find = Find {
            sort: vec![(size.as_str().into(), guanxi::engine::Direction::Ascending)],
            ..Find::default()
        };
        let page = house.admin.list("account", &find).unwrap();
        page.rows.iter().map(|row| row.title()).collect::<Vec<_>>()
    };
    assert_eq!(listed(), ["a", "bb", "ccc"]);
    let longer = Changes::new().set("name", "aaaa");
    house.admin.write(|transaction| transaction.update_record("account", ids["a"], longer.clone())).unwrap();
    assert_eq!(listed(), ["bb", "ccc", "aaaa"]);
    let _ = house.verified();
}

#[test]
fn a_formula_over_a_hidden_field_is_hidden_with_it() {
    use guanxi::engine::{Action, Level};
    let house = database();
    let double = define(&house.admin, "double", "formula", json!({"expression": "employees * 2"})).unwrap();
    let role = house.role_hiding("clerk", &[("crm.account", Action::Read, Level::All)], "employees");
    let clerk = house.user("clerk", &[role]);
    let id = create(&house.admin, &json!({"name": "a", "employees": 21})).unwrap();
    assert!(read(&clerk, &id)["values"].get(double.as_str()).is_none());
    let sorted = Find {
        sort: vec![(double.as_str().into(), guanxi::engine::Direction::Ascending)],
        ..Find::default()
    };
    assert_eq!(clerk.list("account", &sorted).unwrap_err().code(), Code::UnknownField);
    let stored = house.admin.get("account", id.parse().unwrap()).unwrap().value(double.as_str()).unwrap();
    assert_eq!(stored, Value::Int(42));
}

#[test]
fn the_fields_that_a_query_asks_for_are_all_that_it_gives_formulas_among_them() {
    let house = database();
    let double = define(&house.admin, "double", "formula", json!({"expression": "employees * 2"})).unwrap();
    create(&house.admin, &json!({"name": "a", "employees": 21})).unwrap();
    let values = |fields: &[&str]| {
        let asked = api::call(&house.admin, "query.run", &json!({"entity": "account", "fields": fields}));
        asked.unwrap()["rows"][0]["values"].clone()
    };
    assert_eq!(values(&["name"]), json!({"name": "a"}));
    assert_eq!(values(&["name", &double]), json!({"name": "a", double.as_str(): 42}));
}

#[test]
fn records_that_rules_make_beside_another_have_their_serial_numbers_and_defaults() {
    let house = database();
    let entity = "stage_change";
    let more =
        json!({"entity": entity, "parts": [{"part": "text", "text": "S"}, {"part": "counter", "digits": 3}]});
    let number = define(&house.admin, "number", "serial", more).unwrap();
    let more = json!({"entity": entity, "default": "'none'"});
    let remark = define(&house.admin, "remark", "text", more).unwrap();
    let deal = house.admin.write(|transaction| transaction.create(opportunity::titled("deal"))).unwrap();
    house.admin.write(|transaction| deal.win(transaction)).unwrap();
    let page = house.admin.list(entity, &Find::default()).unwrap();
    let told: Vec<_> = page
        .rows
        .iter()
        .map(|row| (row.value(number.as_str()).unwrap(), row.value(remark.as_str()).unwrap()))
        .collect();
    assert_eq!(told, [("S001".into(), "none".into())]);
}

#[test]
fn a_field_of_an_attachment_names_one_of_its_record_that_stays_while_it_is_named() {
    let house = database();
    let admin = &house.admin;
    let contract = define(admin, "contract", "attachment", json!({})).unwrap();
    let [own, other] = ["a", "b"].map(|name| house.create("account", &Changes::new().set("name", name)));
    let file =
        |record| admin.attach("account", record, "a.pdf", "application/pdf", &mut &b"text"[..]).unwrap().id;
    let (of_own, of_other) = (file(own), file(other));
    let name = |value: Value| {
        let changes = Changes::new().set(contract.as_str(), value);
        admin.write(|transaction| transaction.update_record("account", own, changes.clone()))
    };
    let error = name(of_other.into()).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::ReferenceMissing, Some(contract.as_str())));
    name(of_own.into()).unwrap();
    let error = admin.detach("account", own, of_own).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::Referenced, Some(contract.as_str())));
    name(Value::Null).unwrap();
    admin.detach("account", own, of_own).unwrap();
    let _ = house.verified();
}

#[test]
fn places_within_a_distance_are_found_and_what_is_no_place_is_refused() {
    let house = database();
    let place = define(&house.admin, "place", "geo_point", json!({})).unwrap();
    for (name, point) in
        [("bund", "31.2400, 121.4900"), ("pudong", "31.1434, 121.8052"), ("beijing", "39.9042, 116.4074")]
    {
        create(&house.admin, &json!({"name": name, place.as_str(): point})).unwrap();
    }
    create(&house.admin, &json!({"name": "nowhere"})).unwrap();
    let near = |field: &str, circle: Json| {
        let filter = json!({"field": field, "op": "near", "value": circle});
        let asked = json!({"entity": "account", "filter": filter, "sort": ["name"], "fields": ["name"]});
        let rows = api::call(&house.admin, "query.run", &asked)?["rows"].clone();
        let rows = rows.as_array().unwrap().iter();
        Ok::<_, guanxi::Error>(
            rows.map(|row| row["values"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
        )
    };
    let around = |metres: u64| json!({"latitude": "31.2304", "longitude": 121.4737, "metres": metres});
    assert_eq!(near(&place, around(5_000)).unwrap(), ["bund"]);
    assert_eq!(near(&place, around(60_000)).unwrap(), ["bund", "pudong"]);
    assert_eq!(near(&place, around(2_000_000)).unwrap(), ["beijing", "bund", "pudong"]);
    assert_eq!(near("name", around(5)).unwrap_err().code(), Code::InvalidFilter);
    assert_eq!(
        near(&place, json!({"latitude": "91", "longitude": "0", "metres": 1})).unwrap_err().code(),
        Code::OutOfRange
    );
    assert_eq!(near(&place, json!("here")).unwrap_err().code(), Code::InvalidFilter);
}
