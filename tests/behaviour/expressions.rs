//! Expressions that somebody wrote to do harm, at every door that takes one: each ends in an error or a value,
//! within a bound of time, on the small stack of a thread.

use std::thread;
use std::time::{Duration, Instant};

use guanxi::schema::expr::MAX_EXPRESSION_BYTES;
use guanxi::{Changes, Code, Condition, Find, Result, Session, Value, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

/// What a host's thread has where nobody says more.
const STACK: usize = 2 << 20;
/// What no single call may take. The machine may be busy, so it is far above what any of them needs.
const LONGEST: Duration = Duration::from_secs(10);

/// Runs a test on a thread with the usual stack. An overflow ends the whole process, so none is missed.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let running = thread::Builder::new().stack_size(STACK).spawn(test).unwrap();
    if let Err(panic) = running.join() {
        std::panic::resume_unwind(panic);
    }
}

fn call(session: &Session, method: &str, given: &Json) -> Result<Json> {
    let begun = Instant::now();
    let answer = api::call(session, method, given);
    assert!(begun.elapsed() < LONGEST, "{method} took {:?}", begun.elapsed());
    answer
}

fn label(text: &str) -> Json {
    json!({"zh": text, "en": text})
}

/// Accounts with fields of the customer's own, of several types.
fn house() -> House {
    let house = database();
    let codes = json!([{"code": "a", "zh": "甲", "en": "A"}, {"code": "b", "zh": "乙", "en": "B"}]);
    for (name, kind, more) in [
        ("level", "enum", json!({"codes": codes})),
        ("size", "int", json!({})),
        ("flag", "bool", json!({})),
        ("old", "text", json!({})),
        ("remark", "text", json!({})),
    ] {
        let mut given = json!({
            "entity": "account", "name": name, "field_type": kind, "label_zh": "字段", "label_en": "Field",
        });
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(&house.admin, "schema.define_field", &given).unwrap();
    }
    house
}

/// A package that has an expression in one of its places.
fn package(place: &str, expression: &str) -> Json {
    let mut field = json!({"local": 2, "name": "flag", "label": label("flag"), "kind": {"type": "bool"}});
    let mut entity = json!({
        "local": 1, "name": "thing", "label": label("thing"), "title": "name",
    });
    match place {
        "formula" => field["kind"] = json!({"type": "formula", "expression": expression}),
        "rule" => {
            entity["rules"] = json!([{"name": "r", "condition": expression, "message": label("r")}]);
        }
        name => field[name] = json!(expression),
    }
    entity["fields"] = json!([
        {"local": 1, "name": "name", "label": label("name"), "kind": {"type": "text"}, "required": true}, field,
    ]);
    json!({"package": {"package": "cn.hostile", "version": "1.0.0", "label": label("hostile"), "entities": [entity]}})
}

/// A call that takes an expression: what it is for, the method, and its parameters.
type Door = (&'static str, &'static str, Json);

/// Every call that takes an expression which is true or false, with the expression in its place.
fn doors(expression: &str) -> Vec<Door> {
    let package = |place| ("a package", "schema.install_package", package(place, expression));
    let packages = ["rule", "formula", "default", "required_when"].map(package);
    definitions(expression).into_iter().chain(filters(expression)).chain(packages).collect()
}

/// What defines something.
fn definitions(expression: &str) -> Vec<Door> {
    let field = |kind: &str, name: &str| {
        json!({
            "entity": "account", "name": "made", "field_type": kind, "label_zh": "字段", "label_en": "Field",
            name: expression,
        })
    };
    let step = |part: Json| {
        let mut step = json!({"name": "step", "label": label("step"), "from": ["a"], "to": "b"});
        step.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        json!({"entity": "account", "machine": {"name": "level", "field": "x.level", "transitions": [step]}})
    };
    let mut rollup = field("rollup", "filter");
    rollup.as_object_mut().unwrap().extend(
        json!({"child": "account", "by": "parent", "function": "count"}).as_object().unwrap().clone(),
    );
    let rule = json!({
        "entity": "account", "name": "r", "condition": expression, "message_zh": "规则", "message_en": "Rule",
    });
    let unique = json!({"name": "u", "fields": [{"field": "x.size"}], "condition": expression});
    let types = json!({"field": "x.level", "types": [
        {"code": "a", "label": label("a"), "defaults": {"x.flag": expression}},
    ]});
    vec![
        ("a rule", "schema.define_rule", rule),
        ("a formula", "schema.define_field", field("formula", "expression")),
        ("a default", "schema.define_field", field("bool", "default")),
        ("a required-when", "schema.define_field", field("bool", "required_when")),
        ("a filter of a rollup", "schema.define_field", rollup),
        ("a guard", "schema.define_states", step(json!({"guard": expression}))),
        ("what a step sets", "schema.define_states", step(json!({"sets": {"x.flag": expression}}))),
        (
            "a condition of a unique rule",
            "schema.define_unique",
            json!({"entity": "account", "rule": unique}),
        ),
        (
            "a default of a type",
            "schema.define_record_types",
            json!({"entity": "account", "record_types": types}),
        ),
        (
            "an override",
            "schema.override_field",
            json!({"entity": "account", "change": {"field": "industry", "required_when": expression}}),
        ),
        (
            "a new type",
            "schema.retype_field",
            json!({"entity": "account", "field": "x.old", "field_type": "bool", "default": expression}),
        ),
    ]
}

/// What asks for records.
fn filters(expression: &str) -> Vec<Door> {
    let stated = json!({"expression": expression});
    let mut doors = vec![
        (
            "a filter of a report",
            "report.run",
            json!({"entity": "account", "filter": stated, "measures": ["count"]}),
        ),
        ("a view", "view.save", json!({"entity": "account", "name": "v", "filter": stated})),
        (
            "a mass edit",
            "record.bulk_update",
            json!({"entity": "account", "filter": stated, "values": {"city": "上海"}}),
        ),
        ("a mass deletion", "record.bulk_delete", json!({"entity": "account", "filter": stated})),
        (
            "a list of the past",
            "record.list_as_of",
            json!({"entity": "account", "filter": stated, "at": "2026-11-22T03:00:00Z"}),
        ),
    ];
    for method in ["query.run", "query.count", "query.explain", "record.list", "record.count"] {
        doors.push(("a filter", method, json!({"entity": "account", "filter": stated})));
    }
    doors
}

/// Calls that define something are only rehearsed, so that each can be made again; all that is said is checked.
fn rehearsed(method: &str, mut given: Json) -> Json {
    if method.starts_with("schema.") {
        given["dry_run"] = json!(true);
    }
    given
}

/// Texts that would take other engines down.
fn hostile() -> Vec<String> {
    let long = "x".repeat(2 * MAX_EXPRESSION_BYTES);
    vec![
        "(".repeat(4_000),
        "[".repeat(4_000),
        "{".repeat(4_000),
        "!(".repeat(2_000) + "true",
        "true?".repeat(800),
        "coalesce(".repeat(400),
        "name.".repeat(700) + "name",
        "1+".repeat(2_000) + "1 > 0",
        "name == 'a' || ".repeat(300) + "name == 'a'",
        format!("{}1{} > 0", "1+(".repeat(500), ")".repeat(500)),
        format!("{}true{}", "true ? (".repeat(300), ") : false".repeat(300)),
        format!("name in [{}'a']", "'a',".repeat(1_100)),
        format!("name == '{long}'"),
        "'".to_owned() + &"y".repeat(1 << 20),
        "name.matches('(a{1000}){1000}')".to_owned(),
        "name.matches('((((((((a{9}){9}){9}){9}){9}){9}){9}){9})')".to_owned(),
        "name.matches('".to_owned() + &"(".repeat(3_000) + "')",
        "name.matches('".to_owned() + &"(?i:".repeat(900) + "')",
        "\u{0}\u{202e}\u{feff}".repeat(300),
        "x.remark.x.remark == name".to_owned(),
        "1e999999999 > 1".to_owned(),
        format!("{} > 1", "9".repeat(3_000)),
    ]
}

#[test]
fn hostile_expressions_are_refused_at_every_door_and_nothing_is_written() {
    on_a_small_stack(|| {
        let house = house();
        for (what, method, given) in doors("name != 'x'") {
            let taken = call(&house.admin, method, &rehearsed(method, given));
            assert!(taken.is_ok(), "{what} takes a harmless expression: {taken:?}");
        }
        let before = house.crm.head().unwrap();
        for text in hostile() {
            for (what, method, given) in doors(&text) {
                let answer = call(&house.admin, method, &given);
                let shown: String = text.chars().take(40).collect();
                let error = answer.expect_err(&format!("{what} by {method} takes {shown}"));
                let known = matches!(error.code(), Code::InvalidExpression | Code::LimitExceeded);
                assert!(known, "{what} by {method} of {shown}: {error}");
                assert!(
                    error.to_string().len() < 4_096,
                    "{what} by {method} of {shown} repeats what it was given"
                );
            }
        }
        assert_eq!(house.crm.head().unwrap(), before);
    });
}

/// A part of an expression around another, as deep as it is asked for.
type Nesting = fn(usize) -> String;

fn nestings() -> [(&'static str, Nesting); 5] {
    fn around(open: &str, inner: &str, close: &str, depth: usize) -> String {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    }
    [
        ("sums", |depth| format!("{} > 0", around("1+(", "1", ")", depth))),
        ("choices", |depth| around("(size(name) > 0 ? ", "true", " : false)", depth)),
        ("calls", |depth| format!("{} != 'x'", around("coalesce(null, ", "name", ")", depth))),
        ("conditions", |depth| around("!(true && ", "!(name == 'x')", ")", 2 * depth)),
        ("texts", |depth| format!("{} != 'x'", around("trim('a' + ", "name", ")", depth))),
    ]
}

#[test]
fn the_deepest_expression_that_is_taken_is_worked_out_at_every_door() {
    on_a_small_stack(|| {
        for (shape, nesting) in nestings() {
            let house = house();
            let admin = &house.admin;
            let takes = |depth: &usize| {
                let given = doors(&nesting(*depth)).swap_remove(0).2;
                call(admin, "schema.define_rule", &rehearsed("schema.define_rule", given)).is_ok()
            };
            let deepest = (1..200).take_while(takes).last().unwrap();
            assert!(
                (5..100).contains(&deepest),
                "usual nesting of {shape} is taken, and no other: {deepest}"
            );
            let expression = nesting(deepest);
            for (what, method, given) in doors(&expression) {
                let taken = call(admin, method, &rehearsed(method, given));
                assert!(taken.is_ok(), "{what} takes {shape}: {taken:?}");
            }
            // All that one record can meet at once.
            let mut values = json!({"name": "甲", "x.level": "a", "x.size": 1});
            for (what, method, mut given) in doors(&expression).into_iter().take(9) {
                if given.get("name").is_some_and(|name| name == "made") {
                    given["name"] = json!(format!("made_{}", house.crm.head().unwrap().position));
                }
                let answer = call(admin, method, &given).unwrap();
                if what == "a required-when" {
                    values[answer["field"].as_str().unwrap()] = json!(false);
                }
            }
            let made = call(admin, "record.create", &json!({"entity": "account", "values": values})).unwrap();
            let step = json!({"entity": "account", "id": made["id"], "values": {"x.level": "b"}});
            call(admin, "record.update", &step).unwrap();
            let told = call(admin, "record.get", &json!({"entity": "account", "id": made["id"]})).unwrap();
            assert_eq!(told["values"]["x.flag"], json!(true), "{shape}");
            for (what, method, given) in
                doors(&expression).into_iter().filter(|door| door.1.contains("query."))
            {
                let answer = call(admin, method, &given).unwrap();
                assert!(answer["count"] == 1 || method != "query.count", "{what} by {method}: {answer}");
            }
        }
    });
}

/// Patterns over which a matcher that goes back and forth takes longer than the world will stand, and those
/// over which one that does not has many ways open at once.
const PATTERNS: [&str; 5] = [
    "(a+)+$",
    "(a|b|ab)*bc",
    "[ab]*a[ab]{300}[cd]",
    "([ab]?){200}[ab]{200}[cd]",
    "(?:[ab]|[ab]{2}|[ab]{3}|[ab]{5}|[ab]{7}|[ab]{11}|[ab]{13}){0,20}[cd]",
];

#[test]
fn patterns_over_the_longest_text_end_within_the_bound() {
    on_a_small_stack(|| {
        let house = house();
        let letter = |number: u32| if number.wrapping_mul(2_654_435_761) >> 30 & 1 == 0 { 'a' } else { 'b' };
        let remark: String = (0..1 << 20).map(letter).collect();
        let _ = house.create("account", &Changes::new().set("name", "x").set("x.remark", remark.as_str()));
        for pattern in PATTERNS {
            let one = format!("x.remark.matches('{pattern}')");
            let many = vec![one.as_str(); 20].join(" || ");
            for expression in [&one, &many] {
                let given = json!({"entity": "account", "filter": {"expression": expression}});
                let answer = call(&house.admin, "query.count", &given);
                let ended = answer.as_ref().map_or_else(
                    |error| matches!(error.code(), Code::LimitExceeded | Code::InvalidExpression),
                    |answer| answer["count"] == 0 || answer["count"] == 1,
                );
                assert!(ended, "{pattern}: {answer:?}");
            }
        }
    });
}

/// An object of one member; the macro would copy what is within, once for each level.
fn around(name: &str, inner: Json) -> Json {
    Json::Object([(name.to_owned(), inner)].into_iter().collect())
}

#[test]
fn filters_that_are_nested_too_deeply_or_have_too_many_parts_are_refused() {
    on_a_small_stack(|| {
        let house = house();
        let _ = house.create("account", &Changes::new().set("name", "x"));
        let term = json!({"field": "name", "op": "eq", "value": "x"});
        let nested = |depth: usize, name: &str| {
            (0..depth).fold(term.clone(), |inner, _| match name {
                "not" => around(name, inner),
                name => around(name, Json::Array(vec![inner])),
            })
        };
        let wide = |terms: usize| json!({"any": vec![term.clone(); terms]});
        let refused = ["all", "any", "not"].map(|name| nested(500, name)).into_iter().chain([wide(20_000)]);
        for filter in refused {
            for method in
                ["query.run", "query.count", "query.explain", "record.list", "report.run", "view.save"]
            {
                let mut given = match method {
                    "view.save" => json!({"entity": "account", "name": "v"}),
                    "report.run" => json!({"entity": "account", "measures": ["count"]}),
                    _ => json!({"entity": "account"}),
                };
                given["filter"] = filter.clone();
                let error = call(&house.admin, method, &given).unwrap_err();
                assert!(
                    matches!(error.code(), Code::InvalidFilter | Code::LimitExceeded),
                    "{method}: {error}"
                );
            }
        }
        for filter in [nested(20, "all"), nested(20, "any"), nested(20, "not"), wide(900)] {
            let counted = call(&house.admin, "query.count", &json!({"entity": "account", "filter": filter}));
            assert_eq!(counted.unwrap()["count"], 1);
        }
        // A host in Rust builds them without a text.
        let deep = (0..2_000).fold(Condition::Everything, |inner, _| Condition::Not(Box::new(inner)));
        let find = Find { filter: deep, ..Find::default() };
        let error = house.admin.list("account", &find).unwrap_err();
        assert!(matches!(error.code(), Code::InvalidFilter | Code::LimitExceeded), "{error}");
    });
}

#[test]
fn values_that_are_nested_too_deeply_are_refused_wherever_they_stand() {
    on_a_small_stack(|| {
        let house = house();
        let given = json!({
            "entity": "account", "name": "any", "field_type": "json", "label_zh": "字段", "label_en": "Field",
        });
        call(&house.admin, "schema.define_field", &given).unwrap();
        // As deep as a JSON text goes, whose parser refuses more than 128 levels.
        let deep = || (0..60).fold(json!(1), |inner, _| around("a", Json::Array(vec![inner])));
        for field in ["x.any", "name", "x.size", "x.level", "parent", "emails"] {
            let given = json!({"entity": "account", "values": {"name": "x", field: deep()}});
            assert!(call(&house.admin, "record.create", &given).is_err(), "{field}");
            let filter = json!({"field": field, "op": "eq", "value": deep()});
            assert!(
                call(&house.admin, "query.count", &json!({"entity": "account", "filter": filter})).is_err(),
                "{field}"
            );
        }
        let built = (0..120).fold(Value::Int(1), |inner, _| Value::List(vec![inner]));
        let changes = Changes::new().set("name", "x").set("x.any", built);
        let made = house.admin.write(|transaction| transaction.create_record("account", changes.clone()));
        assert_eq!(made.unwrap_err().code(), Code::LimitExceeded);
    });
}
