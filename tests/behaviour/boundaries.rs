//! The first and the last value of every type of field, and the one beyond: stored, indexed, remembered and told
//! without a change, or refused with a code that says why.

use std::collections::BTreeSet;

use guanxi::base::{Duration, Timestamp};
use guanxi::{Changes, Code, Value, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

/// Most bytes of one text (`base::limits`).
const LONGEST: usize = 1 << 20;
/// Most items of one list.
const MOST: usize = 1_000;

/// What lists can do with the values of a type.
#[derive(Clone, Copy, PartialEq)]
enum Lists {
    /// They stand in this order.
    Sort,
    /// Each is found by itself.
    Find,
    /// They are kept and told.
    Keep,
}

/// A type with its edges.
struct Edges {
    kind: &'static str,
    more: Json,
    lists: Lists,
    /// What is given and what is stored, from the least to the greatest.
    taken: Vec<(Json, Json)>,
    /// What is beyond.
    refused: Vec<(Json, Code)>,
}

fn call(house: &House, method: &str, given: &Json) -> guanxi::Result<Json> {
    api::call(&house.admin, method, given)
}

/// Values that are stored as they are given.
fn same(values: impl IntoIterator<Item = Json>) -> Vec<(Json, Json)> {
    values.into_iter().map(|value| (value.clone(), value)).collect()
}

fn edges(kind: &'static str, lists: Lists, taken: Vec<(Json, Json)>, refused: Vec<(Json, Code)>) -> Edges {
    Edges { kind, more: json!({}), lists, taken, refused }
}

/// What is no decimal, or none that is stored.
fn no_decimals() -> Vec<(Json, Code)> {
    vec![
        (json!("79228162514264337593543950336"), Code::OutOfRange),
        (json!("-79228162514264337593543950336"), Code::OutOfRange),
        (json!("0.0000000000000000001"), Code::OutOfRange),
        (json!("9".repeat(LONGEST)), Code::OutOfRange),
        (json!("NaN"), Code::WrongType),
        (json!("Infinity"), Code::WrongType),
        (json!("-inf"), Code::WrongType),
        (json!("1e5"), Code::WrongType),
        (json!("1,000"), Code::WrongType),
        (json!(0.5), Code::WrongType),
        (json!(true), Code::WrongType),
    ]
}

fn numbers() -> Vec<Edges> {
    // 2^96 - 1, the greatest mantissa, with no and with most digits behind the point.
    const GREATEST: &str = "79228162514264337593543950335";
    const FINEST: &str = "79228162514.264337593543950335";
    const LEAST: &str = "0.000000000000000001";
    let decimals = [
        format!("-{GREATEST}"),
        format!("-{FINEST}"),
        format!("-{LEAST}"),
        "0".to_owned(),
        LEAST.to_owned(),
        FINEST.to_owned(),
        GREATEST.to_owned(),
    ];
    let amount = |amount: &str, currency: &str| json!({"amount": amount, "currency": currency});
    let no_amounts = no_decimals().into_iter().map(|(value, code)| match value {
        Json::String(text) => (amount(&text, "CNY"), code),
        other => (other, code),
    });
    let no_amounts = no_amounts.chain([
        (amount("1", "ABC"), Code::UnknownCurrency),
        (amount("1", ""), Code::UnknownCurrency),
        (json!({"currency": "CNY"}), Code::WrongType),
        (json!([1]), Code::WrongType),
    ]);
    vec![
        edges(
            "bool",
            Lists::Find,
            same([json!(false), json!(true)]),
            vec![(json!("maybe"), Code::WrongType), (json!(2), Code::WrongType)],
        ),
        edges(
            "int",
            Lists::Sort,
            same([i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX].map(Json::from)),
            vec![
                (json!(1_u64 << 63), Code::WrongType),
                (json!(u64::MAX), Code::WrongType),
                (json!(-9.3e18), Code::WrongType),
                (json!(0.5), Code::WrongType),
                (json!("1"), Code::WrongType),
                // JSON writes a negative zero, and a float is what that is.
                (serde_json::from_str("-0").unwrap(), Code::WrongType),
                (json!([]), Code::WrongType),
            ],
        ),
        edges("decimal", Lists::Sort, same(decimals.iter().map(|text| json!(text))), no_decimals()),
        edges("percent", Lists::Sort, same(decimals.iter().map(|text| json!(text))), no_decimals()),
        edges(
            "money",
            Lists::Sort,
            same(decimals.iter().map(|text| amount(text, "CNY"))),
            no_amounts.collect(),
        ),
    ]
}

fn times() -> Vec<Edges> {
    let wrong = |texts: &[&str]| texts.iter().map(|text| (json!(text), Code::WrongType)).collect::<Vec<_>>();
    let lengths = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    let lengths = lengths.map(|micros| json!(Duration::from_micros(micros).to_string()));
    let texts = |texts: &[&str]| same(texts.iter().map(|text| json!(text)));
    vec![
        edges(
            "date",
            Lists::Sort,
            texts(&["-009999-01-01", "0000-02-29", "1969-12-31", "1970-01-01", "2000-02-29", "9999-12-31"]),
            wrong(&["10000-01-01", "1900-02-29", "2026-13-01", "2026-00-01", "2026-1-1", "-9999-01-01"]),
        ),
        edges(
            "datetime",
            Lists::Sort,
            texts(&[
                "-009999-01-02T01:59:59Z",
                "1969-12-31T23:59:59.999999Z",
                "1970-01-01T00:00:00Z",
                "9999-12-30T22:00:00Z",
            ]),
            {
                let texts = ["9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-11-22T00:00:00", "now"];
                let mut refused = wrong(&texts);
                refused.push((json!("9999-12-30T22:00:00.000001Z"), Code::OutOfRange));
                refused
            },
        ),
        edges(
            "time",
            Lists::Sort,
            texts(&["00:00:00", "00:00:00.000001", "23:59:59", "23:59:59.999999"]),
            wrong(&["24:00:00", "23:60:00", "-00:00:01"]),
        ),
        edges(
            "duration",
            Lists::Sort,
            same(lengths),
            wrong(&["PT2562047788H54.775808S", "PT99999999999999H", "P1D", "forever"]),
        ),
    ]
}

fn texts() -> Vec<Edges> {
    let longest = "z".repeat(LONGEST);
    let widest = "\u{10ffff}".repeat(LONGEST / 4);
    let beyond = || {
        vec![
            (json!(format!("{longest}z")), Code::LimitExceeded),
            // In form C this takes twice the room.
            (json!("\u{958}".repeat(LONGEST / 3)), Code::LimitExceeded),
            (json!(1), Code::WrongType),
            (json!(["a"]), Code::WrongType),
        ]
    };
    let plain = || {
        let mut taken = vec![(json!(""), Json::Null)];
        taken.extend(same(["\u{1}", "a", longest.as_str(), widest.as_str()].map(Json::from)));
        taken
    };
    let url = |length: usize| format!("https://example.com/{}", "a".repeat(length - 20));
    let local = "l".repeat(64);
    let host = [63, 63, 57].map(|length| "d".repeat(length)).join(".") + ".cn";
    vec![
        edges("text", Lists::Sort, plain(), beyond()),
        edges("rich_text", Lists::Keep, plain().into_iter().take(3).collect(), beyond()),
        edges(
            "phone",
            Lists::Find,
            vec![
                (json!("110"), json!("110")),
                (json!("138 1234 5678"), json!("+8613812345678")),
                (json!("9".repeat(LONGEST)), json!("9".repeat(LONGEST))),
            ],
            vec![(json!("9".repeat(LONGEST + 1)), Code::LimitExceeded), (json!(110), Code::WrongType)],
        ),
        edges(
            "email",
            Lists::Find,
            same(["a@b.cn".to_owned(), format!("{local}@{host}")].map(Json::from)),
            vec![
                (json!(format!("{local}l@b.cn")), Code::InvalidEmail),
                (json!(format!("a@{}.cn", "d".repeat(64))), Code::InvalidEmail),
                (json!(longest), Code::InvalidEmail),
            ],
        ),
        edges(
            "url",
            Lists::Find,
            same(["https://b.cn/".to_owned(), url(LONGEST)].map(Json::from)),
            vec![
                (json!(url(LONGEST + 1)), Code::LimitExceeded),
                (json!("b.cn"), Code::InvalidUrl),
                (json!("https://"), Code::InvalidUrl),
            ],
        ),
        Edges {
            more: json!({"scheme": "iban"}),
            ..edges(
                "identifier",
                Lists::Find,
                same(["MT84MALT011000012345MTLCAST001S", "NO9386011117947"].map(Json::from)),
                vec![
                    (json!("NO9386011117948"), Code::InvalidIdentifier),
                    (json!("N".repeat(LONGEST)), Code::InvalidIdentifier),
                ],
            )
        },
    ]
}

fn lists() -> Vec<Edges> {
    let codes = json!([{"code": "a", "zh": "甲", "en": "A"}, {"code": "b", "zh": "乙", "en": "B"}]);
    let columns = json!([
        {"name": "note", "zh": "备注", "en": "Note", "type": "text"},
        {"name": "count", "zh": "数量", "en": "Count", "type": "int"},
    ]);
    let row = |count: i64| json!({"note": "n", "count": count});
    let longest = "z".repeat(LONGEST);
    vec![
        Edges {
            more: json!({"codes": codes}),
            ..edges(
                "enum",
                Lists::Find,
                same([json!("a"), json!("b")]),
                vec![(json!("c"), Code::NotInValueSet), (json!(longest), Code::NotInValueSet)],
            )
        },
        Edges {
            more: json!({"codes": codes}),
            ..edges(
                "multi_enum",
                Lists::Keep,
                vec![
                    (json!([]), Json::Null),
                    (json!(["a"]), json!(["a"])),
                    (json!(vec!["b"; MOST]), json!(["b"])),
                ],
                vec![(json!(vec!["b"; MOST + 1]), Code::LimitExceeded), (json!(["c"]), Code::NotInValueSet)],
            )
        },
        Edges {
            more: json!({"columns": columns}),
            ..edges(
                "rows",
                Lists::Keep,
                vec![
                    (json!([]), Json::Null),
                    (json!([row(i64::MIN), row(i64::MAX)]), json!([row(i64::MIN), row(i64::MAX)])),
                    (json!(vec![row(1); MOST]), json!(vec![row(1); MOST])),
                ],
                vec![
                    (json!(vec![row(1); MOST + 1]), Code::LimitExceeded),
                    (json!([{"note": format!("{longest}z")}]), Code::LimitExceeded),
                    (json!([{"count": u64::MAX}]), Code::WrongType),
                ],
            )
        },
    ]
}

fn parts() -> Vec<Edges> {
    let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    let point = |latitude: &str, longitude: &str| json!({"latitude": latitude, "longitude": longitude});
    let longest = "z".repeat(LONGEST);
    vec![
        edges(
            "address",
            Lists::Keep,
            vec![
                (json!({}), Json::Null),
                (json!({"country": "CN", "city": "上海"}), json!({"country": "CN", "city": "上海"})),
            ],
            vec![
                (json!({"raw": format!("{longest}z")}), Code::LimitExceeded),
                (json!({"country": "CHN"}), Code::WrongType),
            ],
        ),
        edges(
            "person_name",
            Lists::Keep,
            vec![
                (json!({}), Json::Null),
                (json!({"full": "王小明", "family": "王"}), json!({"full": "王小明", "family": "王"})),
            ],
            vec![(json!({"full": format!("{longest}z")}), Code::LimitExceeded)],
        ),
        edges(
            "geo_point",
            Lists::Keep,
            same([
                point("-90", "-180"),
                point("0.000000000000000001", "-0.000000000000000001"),
                point("90", "180"),
            ]),
            vec![
                (point("90.000000000000000001", "0"), Code::OutOfRange),
                (point("0", "-180.000000000000000001"), Code::OutOfRange),
                (point("NaN", "0"), Code::WrongType),
            ],
        ),
        edges(
            "json",
            Lists::Keep,
            same([json!([]), json!({}), json!([i64::MIN, i64::MAX]), nested(16), json!(vec![0; MOST])]),
            vec![
                (nested(17), Code::LimitExceeded),
                (json!(vec![0; MOST + 1]), Code::LimitExceeded),
                (json!([format!("{longest}z")]), Code::LimitExceeded),
                (json!({format!("{longest}z"): 1}), Code::LimitExceeded),
                (json!(1e300), Code::OutOfRange),
            ],
        ),
    ]
}

/// References of an account to other accounts, of which one stands.
fn references(one: &str) -> Vec<Edges> {
    let nobody = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"];
    let missing = || nobody.map(|id| (json!(id), Code::ReferenceMissing)).to_vec();
    let any = |entity: &str, id: &str| json!({"entity": entity, "id": id});
    let target = json!({"target": "account"});
    vec![
        Edges {
            more: target.clone(),
            ..edges("reference", Lists::Find, same([json!(one)]), {
                let mut refused = missing();
                refused.push((json!("nobody"), Code::InvalidId));
                refused
            })
        },
        Edges {
            more: target,
            ..edges(
                "multi_reference",
                Lists::Keep,
                vec![(json!([]), Json::Null), (json!(vec![one; MOST]), json!([one]))],
                vec![
                    (json!(vec![one; MOST + 1]), Code::LimitExceeded),
                    (json!([nobody[0]]), Code::ReferenceMissing),
                ],
            )
        },
        Edges {
            more: json!({"targets": ["account", "contact"]}),
            ..edges(
                "any_reference",
                Lists::Keep,
                same([any("crm.account", one)]),
                vec![
                    (any("crm.account", nobody[1]), Code::ReferenceMissing),
                    (any("crm.contact", one), Code::ReferenceMissing),
                    (any("crm.product", one), Code::NotInValueSet),
                ],
            )
        },
    ]
}

fn all(one: &str) -> Vec<Edges> {
    [numbers(), times(), texts(), lists(), parts(), references(one)].into_iter().flatten().collect()
}

fn define(house: &House, name: &str, kind: &str, more: &Json) -> String {
    let mut given = json!({
        "entity": "account", "name": name, "field_type": kind, "label_zh": "字段", "label_en": "Field",
    });
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = call(house, "schema.define_field", &given).unwrap_or_else(|error| panic!("{name}: {error}"));
    answer["field"].as_str().unwrap().to_owned()
}

fn create(house: &House, values: &Json) -> guanxi::Result<String> {
    let made = call(house, "record.create", &json!({"entity": "account", "values": values}))?;
    Ok(made["id"].as_str().unwrap().to_owned())
}

fn value(house: &House, id: &str, field: &str) -> Json {
    let told = call(house, "record.get", &json!({"entity": "account", "id": id})).unwrap();
    told["values"].get(field).cloned().unwrap_or_default()
}

/// What a value looks like in a message.
fn short(value: &Json) -> String {
    value.to_string().chars().take(60).collect()
}

#[test]
fn the_edges_of_every_type_are_kept_found_sorted_and_remembered() {
    let house = database();
    let one = create(&house, &json!({"name": "one"})).unwrap();
    let mut stored = Vec::new();
    for edges in all(&one) {
        let mut more = edges.more.clone();
        more["indexed"] = json!(edges.lists != Lists::Keep);
        let field = define(&house, &format!("a_{}", edges.kind), edges.kind, &more);
        let mut records = Vec::new();
        for (given, kept) in &edges.taken {
            let id = create(&house, &json!({"name": edges.kind, field.as_str(): given}))
                .unwrap_or_else(|error| panic!("{} {}: {error}", edges.kind, short(given)));
            assert!(value(&house, &id, &field) == *kept, "{} {}", edges.kind, short(given));
            // What is told is taken again, and is the same.
            let told = json!({"entity": "account", "id": id, "values": {field.as_str(): kept}});
            let again = call(&house, "record.update", &told).unwrap();
            assert_eq!(again["outcome"], "unchanged", "{} {}", edges.kind, short(given));
            records.push((id, kept.clone()));
        }
        records.retain(|(_, kept)| !kept.is_null());
        check_lists(&house, edges.lists, &field, &records);
        stored.push((field, records));
    }
    let position = house.crm.head().unwrap().position;
    for (field, records) in &stored {
        for (id, _) in records {
            let emptied = json!({"entity": "account", "id": id, "values": {field.as_str(): null}});
            call(&house, "record.update", &emptied).unwrap();
        }
    }
    let house = house.reopened();
    for (field, records) in &stored {
        for (id, kept) in records {
            assert!(value(&house, id, field).is_null(), "{field}");
            let asked = json!({"entity": "account", "id": id, "field": field, "position": position});
            let was = call(&house, "record.value_as_of", &asked).unwrap();
            assert!(was["value"] == *kept, "{field} was {}", short(&was["value"]));
        }
    }
    let _ = house.verified();
}

/// Each value is found by itself, and all stand in their order, both ways.
fn check_lists(house: &House, lists: Lists, field: &str, records: &[(String, Json)]) {
    if lists == Lists::Keep {
        return;
    }
    let ids = |asked: Json| -> Vec<String> {
        let told = call(house, "query.run", &asked).unwrap_or_else(|error| panic!("{field}: {error}"));
        let rows = told["rows"].as_array().unwrap().iter();
        rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    for (id, kept) in records {
        let filter = json!({"field": field, "op": "eq", "value": kept});
        let found = ids(json!({"entity": "account", "filter": filter, "fields": ["name"]}));
        assert_eq!(found, [id.as_str()], "{field} {}", short(kept));
    }
    if lists == Lists::Find {
        return;
    }
    let filter = json!({"not": {"field": field, "op": "is_null"}});
    let order: Vec<String> = records.iter().map(|(id, _)| id.clone()).collect();
    let sorted = |name: String| {
        ids(json!({"entity": "account", "filter": filter, "sort": [name], "fields": ["name"]}))
    };
    assert_eq!(sorted(field.to_owned()), order, "{field} rises");
    let fallen: Vec<String> = order.iter().rev().cloned().collect();
    assert_eq!(sorted(format!("-{field}")), fallen, "{field} falls");
    for (place, (_, kept)) in records.iter().enumerate() {
        let from = json!({"field": field, "op": "ge", "value": kept});
        let found = ids(json!({"entity": "account", "filter": from, "sort": [field], "fields": ["name"]}));
        assert_eq!(found, order[place..], "{field} from {}", short(kept));
    }
}

#[test]
fn what_is_beyond_the_edge_of_a_type_is_refused_with_its_code_and_leaves_nothing() {
    let house = database();
    let one = create(&house, &json!({"name": "one"})).unwrap();
    for edges in all(&one) {
        let field = define(&house, &format!("a_{}", edges.kind), edges.kind, &edges.more);
        for (given, code) in &edges.refused {
            let error = create(&house, &json!({"name": edges.kind, field.as_str(): given})).unwrap_err();
            assert_eq!(error.code(), *code, "{} {}: {error}", edges.kind, short(given));
            let place = error.field_name().unwrap_or_default();
            assert!(place.starts_with(&field), "{} {} is blamed on {place}", edges.kind, short(given));
            assert!(error.to_string().len() < 1_000, "{} {} is repeated whole", edges.kind, short(given));
        }
    }
    assert_eq!(call(&house, "query.count", &json!({"entity": "account"})).unwrap()["count"], 1);
    let _ = house.verified();
}

#[test]
fn what_the_engine_works_out_or_gives_is_exact_at_the_edges_and_is_set_by_nobody() {
    let house = database();
    let int = define(&house, "a_int", "int", &json!({}));
    let decimal = define(&house, "a_decimal", "decimal", &json!({}));
    let serial = define(&house, "number", "serial", &json!({"parts": [{"part": "counter", "digits": 18}]}));
    let file = define(&house, "file", "attachment", &json!({}));
    let formula = define(&house, "less", "formula", &json!({"expression": "0 - x.a_int"}));
    let lookup = define(&house, "above", "lookup", &json!({"through": "parent", "field": "x.a_int"}));
    let rollup = |function: &str, field: Option<&str>| {
        let more = json!({"child": "account", "by": "parent", "function": function, "field": field});
        define(&house, &format!("the_{function}"), "rollup", &more)
    };
    let [count, sum, least, most] =
        ["count", "sum", "min", "max"].map(|name| rollup(name, (name != "count").then_some("x.a_int")));
    let top = create(&house, &json!({"name": "top", int.as_str(): i64::MAX})).unwrap();
    let child = |number: i64| create(&house, &json!({"name": "child", "parent": top, int.as_str(): number}));
    let (low, high) = (child(i64::MIN), child(i64::MAX).unwrap());
    // There is no whole number above the greatest, and the formula of the least is one: no such record, or no value.
    if let Ok(low) = &low {
        assert!(value(&house, low, &formula).is_null(), "{}", value(&house, low, &formula));
    }
    let low = child(i64::MIN + 1).unwrap();
    assert_eq!(value(&house, &low, &formula), json!(i64::MAX));
    assert_eq!(value(&house, &high, &formula), json!(i64::MIN + 1));
    assert_eq!(value(&house, &high, &lookup), json!(i64::MAX));
    let children = value(&house, &top, &count).as_i64().unwrap();
    assert!((2..=3).contains(&children));
    assert_eq!(value(&house, &top, &most), json!(i64::MAX));
    assert_eq!(value(&house, &top, &least).as_i64().unwrap() > i64::MIN, children == 2);
    assert!(value(&house, &top, &sum).to_string().trim_matches('"').parse::<i128>().is_ok());
    assert_eq!(value(&house, &top, &serial), json!("000000000000000001"));
    for (field, given) in [
        (&serial, json!("1")),
        (&formula, json!(1)),
        (&lookup, json!(1)),
        (&count, json!(1)),
        (&sum, json!(1)),
    ] {
        let error = create(&house, &json!({"name": "x", field.as_str(): given})).unwrap_err();
        assert_eq!((error.code(), error.field_name()), (Code::ReadOnlyField, Some(field.as_str())));
    }
    let error = create(&house, &json!({"name": "x", file.as_str(): top})).unwrap_err();
    assert_eq!(error.field_name(), Some(file.as_str()), "{error}");
    // Two of the greatest decimals have no sum: a report says so.
    for _ in 0..2 {
        create(&house, &json!({"name": "x", decimal.as_str(): "79228162514264337593543950335"})).unwrap();
    }
    let sum = json!({"entity": "account", "measures": [{"sum": decimal}]});
    assert_eq!(call(&house, "report.run", &sum).unwrap_err().code(), Code::OutOfRange);
    let _ = house.verified();
}

#[test]
fn the_table_of_edges_knows_every_type_that_there_is() {
    let house = database();
    let told = call(&house, "schema.types", &json!({})).unwrap();
    let types = told["types"].as_array().unwrap().iter();
    let types: BTreeSet<String> = types.map(|kind| kind["name"].as_str().unwrap().to_owned()).collect();
    let listed = all("").into_iter().map(|edges| edges.kind);
    // These have no values that somebody gives.
    let given = ["attachment", "serial", "formula", "lookup", "rollup"];
    let listed: BTreeSet<String> = listed.chain(given).map(str::to_owned).collect();
    assert_eq!(listed, types);
}

#[test]
fn a_host_in_rust_meets_the_same_edges() {
    let house = database();
    let moment = define(&house, "moment", "datetime", &json!({"indexed": true}));
    let any = define(&house, "any", "json", &json!({}));
    let made = |field: &str, value: Value| {
        let changes = Changes::new().set("name", "x").set(field, value);
        house.admin.write(|transaction| transaction.create_record("account", changes.clone()))
    };
    // No calendar has these moments, and nobody could read them.
    for micros in [i64::MIN, i64::MAX] {
        let moments = Value::DateTime(Timestamp::from_micros(micros));
        for (field, value) in [(&moment, moments.clone()), (&any, Value::List(vec![moments]))] {
            let error = made(field, value).unwrap_err();
            assert_eq!((error.code(), error.field_name()), (Code::OutOfRange, Some(field.as_str())));
        }
    }
    let zero = define(&house, "zero", "decimal", &json!({"indexed": true}));
    for (given, told) in [("-0", "0"), ("-0.00", "0.00"), ("+0", "0")] {
        let id = create(&house, &json!({"name": "zero", zero.as_str(): given})).unwrap();
        assert_eq!(value(&house, &id, &zero), json!(told));
    }
    let filter = json!({"field": zero, "op": "eq", "value": "-0.0"});
    assert_eq!(
        call(&house, "query.count", &json!({"entity": "account", "filter": filter})).unwrap()["count"],
        3
    );
    let _ = house.verified();
}

#[test]
fn tags_and_keys_of_other_systems_have_bounds_too() {
    let house = database();
    let longest = "z".repeat(LONGEST);
    let made = |changes: Changes| {
        house
            .admin
            .write(|transaction| transaction.create_record("account", changes.clone().set("name", "x")))
    };
    let beyond = format!("{longest}z");
    for changes in [
        Changes::new().tags(vec![beyond.clone()]),
        Changes::new().tags(vec!["t".to_owned(); MOST + 1]),
        Changes::new().external_id(&beyond, "1"),
        Changes::new().external_id("erp", &beyond),
        (0..=MOST).fold(Changes::new(), |changes, number| changes.external_id("erp", &number.to_string())),
    ] {
        assert_eq!(made(changes).unwrap_err().code(), Code::LimitExceeded);
    }
    let tags = vec![longest.clone(), String::new(), "标签".to_owned()];
    let id = made(Changes::new().tags(tags.clone()).external_id(&longest, &longest)).unwrap();
    let house = house.reopened();
    assert_eq!(house.admin.get("account", id).unwrap().record.envelope.tags, tags);
    let known = house.admin.read(|reader| reader.find_by_external_id("account", &longest, &longest)).unwrap();
    assert_eq!(known.unwrap().record.id, id);
    let _ = house.verified();
}
