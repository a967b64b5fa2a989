//! What a new field costs: the same at any size of the table, since no record is read or written for it. A
//! reference is not among these, nor is a field that is indexed by itself: each record has a key by it at once.

use std::collections::BTreeMap;

use guanxi::Changes;
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

use super::{add_field, call};

/// What is written: bytes of rows that a commit changes, and rows and bytes of each table when they are in them.
#[derive(Debug, PartialEq)]
struct Written {
    changed: i64,
    rows: BTreeMap<String, i64>,
    bytes: i64,
}

fn statistics(house: &House) -> Json {
    call(&house.admin, "database.statistics", json!({})).unwrap()
}

fn number(json: &Json) -> i64 {
    json.as_i64().unwrap()
}

/// What a change writes into a database.
fn written(house: &House, change: impl FnOnce()) -> Written {
    let checkpoint = || call(&house.admin, "database.checkpoint", json!({})).unwrap();
    checkpoint();
    let before = statistics(house);
    change();
    let changed = number(&statistics(house)["changed_bytes"]) - number(&before["changed_bytes"]);
    checkpoint();
    let after = statistics(house);
    let (mut rows, mut bytes) = (BTreeMap::new(), 0);
    for (name, table) in after["tables"].as_object().unwrap() {
        let old = &before["tables"][name];
        rows.insert(name.clone(), number(&table["rows"]) - old["rows"].as_i64().unwrap_or(0));
        bytes += number(&table["stored_bytes"]) - old["stored_bytes"].as_i64().unwrap_or(0);
    }
    Written { changed, rows, bytes }
}

/// A database of so many accounts in ten cities.
fn filled(records: usize) -> House {
    let house = database();
    house
        .admin
        .write(|transaction| {
            for number in 0..records {
                let city = format!("city {}", number % 10);
                let account = Changes::new().set("name", format!("account {number}")).set("city", city);
                transaction.create_record("account", account)?;
            }
            Ok(())
        })
        .unwrap();
    house
}

#[test]
fn a_field_added_to_a_table_writes_the_same_whatever_the_table_holds() {
    let codes = json!([{"code": "a", "zh": "甲", "en": "A"}, {"code": "b", "zh": "乙", "en": "B"}]);
    let fields = [
        ("plain", "text", json!({})),
        ("coded", "enum", json!({"codes": codes})),
        ("usual", "int", json!({"default": "1 + 1"})),
        ("needed", "date", json!({"required_when": "city == 'nowhere'"})),
        ("worked_out", "formula", json!({"expression": "size(name)"})),
        ("several", "multi_enum", json!({"codes": codes})),
    ];
    let houses = [20, 1_000].map(filled);
    for (name, kind, more) in fields {
        let [small, large] = [0, 1].map(|place: usize| {
            let house: &House = &houses[place];
            written(house, || add_field(house, name, kind, more.clone()))
        });
        assert_eq!(small.rows, large.rows, "{kind}");
        assert!(small.rows["records"] == 0 && small.rows.values().sum::<i64>() < 10, "{kind}: {small:?}");
        // Numbers in keys and lengths may be a byte longer, and pages are sealed whole.
        let alike = |small: i64, large: i64| (small - large).abs() <= 512;
        assert!(alike(small.changed, large.changed), "{kind}: {} and {}", small.changed, large.changed);
        assert!(alike(small.bytes, large.bytes), "{kind}: {} and {}", small.bytes, large.bytes);
    }
    // The measure sees what grows: an index has a row for each record.
    let index = json!({"entity": "account", "name": "by_city", "fields": ["city", "name"]});
    let rows = |house: &House| {
        written(house, || drop(call(&house.admin, "schema.define_index", index.clone()).unwrap()))
    };
    let [small, large] = [0, 1].map(|place: usize| rows(&houses[place]).rows.values().sum::<i64>());
    assert_eq!(large - small, 1_000 - 20);
    // A record that stood before has the field, and takes a value.
    let page = call(&houses[1].admin, "query.run", json!({"entity": "account", "limit": 1})).unwrap();
    let id = &page["rows"][0]["id"];
    let given = json!({"entity": "account", "id": id, "values": {"x.plain": "later", "x.coded": "b"}});
    call(&houses[1].admin, "record.update", given).unwrap();
    for house in houses {
        let _ = house.verified();
    }
}
