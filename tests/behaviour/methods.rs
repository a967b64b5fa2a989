//! The named methods: described, checked, and never brought down by what they are given.

use std::collections::BTreeSet;

use guanxi::api::{call, call_text, call_without_session};
use guanxi::{Code, Error, Locale, Patience, Result};
use guanxi_tests::{House, database, refusal};
use serde_json::{Map, Value as Json, json};

/// The types that a parameter may have.
const TYPES: [&str; 7] = ["text", "bool", "int", "id", "object", "list", "any"];

fn described(house: &House) -> Vec<Json> {
    let answer = call(&house.admin, "api.describe", &Json::Null).unwrap();
    answer["methods"].as_array().unwrap().clone()
}

fn name(method: &Json) -> &str {
    method["name"].as_str().unwrap()
}

/// Calls a method as its description says.
fn answer(house: &House, method: &Json, given: &Json) -> Result<Json> {
    match method["session"].as_str().unwrap() {
        "none" => call_without_session(name(method), given, &Patience::default()),
        "required" | "optional" => call(&house.admin, name(method), given),
        other => panic!("a session is {other}"),
    }
}

#[test]
fn every_method_is_described_with_its_parameters_and_their_types() {
    let house = database();
    let methods = described(&house);
    let names: Vec<&str> = methods.iter().map(name).collect();
    assert!(names.is_sorted() && names.iter().collect::<BTreeSet<_>>().len() == names.len());
    let expected = [
        "api.describe",
        "api.errors",
        "attachment.add",
        "attachment.get",
        "attachment.list",
        "attachment.remove",
        "backup.create",
        "backup.inspect",
        "backup.list",
        "backup.restore",
        "backup.rotate",
        "backup.verify",
        "database.create",
        "database.salvage",
        "database.upgrade",
        "import.csv",
        "import.preview",
        "key.add",
        "key.add_recovery",
        "key.change",
        "key.list",
        "key.remove",
        "key.upgrade_cost",
        "ledger.list",
        "ledger.verify",
        "opportunity.lose",
        "opportunity.pipeline",
        "opportunity.void",
        "opportunity.win",
        "record.count",
        "record.create",
        "record.delete",
        "record.get",
        "record.list",
        "record.update",
        "record.upsert",
        "report.run",
        "role.assign",
        "role.grant",
        "schema.define_field",
        "schema.describe",
        "search.find",
        "session.whoami",
        "settings.get",
        "settings.set",
        "user.create",
        "user.set_password",
    ];
    for wanted in expected {
        assert!(names.contains(&wanted), "{wanted}");
    }
    for method in &methods {
        assert!(
            !method["help"].as_str().unwrap().is_empty() && !method["returns"].as_str().unwrap().is_empty()
        );
        for parameter in method["parameters"].as_array().unwrap() {
            assert!(TYPES.contains(&parameter["type"].as_str().unwrap()), "{parameter}");
            assert!(!parameter["help"].as_str().unwrap().is_empty() && parameter["required"].is_boolean());
        }
    }
}

/// Values of every type, among them the largest, the emptiest and the oddest.
fn garbage() -> Vec<Json> {
    let deep = (0..100).fold(json!(1), |inner, _| json!({"all": [inner]}));
    let nested = (0..40).fold(json!({"name": "x"}), |inner, _| json!({"not": inner}));
    vec![
        Json::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("account"),
        json!("*"),
        json!("crm.opportunity"),
        json!("\u{0}'\";--\u{202e}\u{ffff}"),
        json!("019aa000-0000-7000-8000-000000000000"),
        json!("7b226b657973223a5b5d2c226964223a5b5d7d"),
        json!("x".repeat(100_000)),
        json!("no,name\n1,\"x\n"),
        json!([]),
        json!([null, 1, "name", {"sum": "name"}, ["a"]]),
        json!(["name", "-amount", "owner.unit:month", ":", "."]),
        json!({}),
        json!({"name": "x"}),
        json!({"name": ["x"], "owner": 5, "unknown": {}}),
        json!({"field": "name", "op": "contains", "value": 5}),
        json!({"field": "name", "op": "in", "value": [1, null]}),
        json!({"share": {"name": "x"}, "of": null}),
        deep,
        nested,
    ]
}

/// An error that a caller may be given: of the catalogue, with words in both languages, no fault inside.
fn check_error(error: &Error, what: &str) {
    assert_ne!(error.code(), Code::Panic, "{what}: {error:?}");
    assert!(!matches!(error.code(), Code::Damaged | Code::Io | Code::Stopped), "{what}: {error:?}");
    for locale in [Locale::English, Locale::SimplifiedChinese] {
        assert!(!error.message(locale).is_empty());
    }
}

#[test]
fn a_method_without_parameters_answers_or_says_which_one_is_missing() {
    let house = database();
    // Without a parameter it ends the sessions of whoever calls it.
    for method in described(&house).into_iter().filter(|method| method["name"] != "session.end") {
        let required: Vec<&str> = method["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|parameter| parameter["required"] == true)
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        for given in [json!({}), Json::Null] {
            match answer(&house, &method, &given) {
                Ok(answer) => assert!(required.is_empty() && answer.is_object(), "{method}"),
                Err(error) => {
                    assert_eq!(error.code(), Code::MissingParameter, "{method}");
                    assert!(required.contains(&error.field_name().unwrap()));
                }
            }
        }
        let listed = answer(&house, &method, &json!([]));
        assert_eq!(refusal(listed), Code::InvalidArgument);
    }
}

#[test]
fn whatever_a_method_is_given_it_answers_or_refuses() {
    let house = database();
    let _ = house.create("account", &guanxi::Changes::new().set("name", "account"));
    let garbage = garbage();
    for method in described(&house) {
        let parameters = method["parameters"].as_array().unwrap();
        for (number, first) in garbage.iter().enumerate() {
            // Neighbouring oddities stand together, so that each meets several others.
            let given: Map<String, Json> = (number..)
                .zip(parameters)
                .map(|(place, parameter)| {
                    let name = parameter["name"].as_str().unwrap().to_owned();
                    let fitting = if name == "entity" {
                        json!("account")
                    } else {
                        garbage[place % garbage.len()].clone()
                    };
                    (name, fitting)
                })
                .collect();
            if let Err(error) = answer(&house, &method, &Json::Object(given)) {
                check_error(&error, name(&method));
            }
            for parameter in parameters {
                let single = json!({parameter["name"].as_str().unwrap(): first});
                if let Err(error) = answer(&house, &method, &single) {
                    check_error(&error, name(&method));
                }
            }
        }
    }
    let _ = house.verified();
}

#[test]
fn a_parameter_of_the_wrong_type_is_named_with_the_type_that_it_takes() {
    let house = database();
    for method in described(&house) {
        let parameters = method["parameters"].as_array().unwrap();
        for wrong in parameters.iter().filter(|parameter| parameter["type"] != "any") {
            let kind = wrong["type"].as_str().unwrap();
            let value = if kind == "bool" { json!("true") } else { json!(false) };
            let required = parameters.iter().filter(|parameter| parameter["required"] == true);
            let mut given: Map<String, Json> = required
                .map(|parameter| (parameter["name"].as_str().unwrap().to_owned(), sample(parameter)))
                .collect();
            let field = wrong["name"].as_str().unwrap();
            given.insert(field.to_owned(), value);
            let error = answer(&house, &method, &Json::Object(given)).unwrap_err();
            let told = (error.code(), error.field_name(), error.rule_name());
            assert_eq!(told, (Code::InvalidArgument, Some(field), Some(kind)), "{method}");
        }
    }
}

/// Some value of a parameter's type.
fn sample(parameter: &Json) -> Json {
    match parameter["type"].as_str().unwrap() {
        "text" => json!("account"),
        "bool" => json!(true),
        "int" => json!(1),
        "id" => json!("019aa000-0000-7000-8000-000000000000"),
        "object" => json!({}),
        "list" => json!([]),
        _ => Json::Null,
    }
}

#[test]
fn a_parameter_that_no_method_knows_is_refused_and_named() {
    let house = database();
    for method in described(&house) {
        let error = answer(&house, &method, &json!({"colour": "red"})).unwrap_err();
        let told = (error.code(), error.entity_name(), error.field_name());
        assert_eq!(told, (Code::UnknownParameter, Some(name(&method)), Some("colour")));
    }
}

#[test]
fn a_method_that_does_not_exist_is_unknown() {
    let house = database();
    for method in ["", "record", "record.", "Record.create", "record.create ", "record.fly"] {
        assert_eq!(refusal(call(&house.admin, method, &json!({}))), Code::UnknownMethod, "{method}");
        let without = call_without_session(method, &json!({}), &Patience::default());
        assert_eq!(refusal(without), Code::UnknownMethod, "{method}");
    }
}

#[test]
fn a_method_is_called_with_a_session_or_without_as_its_description_says() {
    let house = database();
    for method in described(&house) {
        let with = call(&house.admin, name(&method), &json!({"colour": "red"})).unwrap_err().code();
        let without = call_without_session(name(&method), &json!({"colour": "red"}), &Patience::default());
        let expected = match method["session"].as_str().unwrap() {
            "required" => (Code::UnknownParameter, Code::SessionRequired),
            "none" => (Code::SessionNotTaken, Code::UnknownParameter),
            _ => (Code::UnknownParameter, Code::UnknownParameter),
        };
        assert_eq!((with, refusal(without)), expected, "{method}");
    }
    let alone = call_without_session("api.describe", &Json::Null, &Patience::default()).unwrap();
    assert_eq!(alone["methods"].as_array().unwrap(), &described(&house));
}

#[test]
fn malformed_json_is_told_with_line_and_column() {
    let house = database();
    let texts =
        ["{", "{\"entity\": }", "[1,", "{\"a\": 1}}", "nul", "\"\\ud800\"", "{\"a\":1e999999}", "\u{feff}{}"];
    for text in texts {
        let error = call_text(&house.admin, "record.count", text).unwrap_err();
        assert_eq!(error.code(), Code::InvalidJson, "{text}");
        assert!(error.rule_name().unwrap().starts_with("line 1 column "), "{text}");
    }
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(refusal(call_text(&house.admin, "record.count", &nested)), Code::InvalidJson);
    let large = format!("\"{}\"", "x".repeat(17 << 20));
    assert_eq!(refusal(call_text(&house.admin, "record.count", &large)), Code::LimitExceeded);
    assert_eq!(call_text(&house.admin, "session.whoami", "  ").unwrap()["name"], "admin");
}

#[test]
fn an_amount_never_passes_through_a_binary_fraction() {
    let house = database();
    let create = |amount: Json| {
        let values = json!({"entity": "opportunity", "values": {"title": "x", "amount": amount}});
        call(&house.admin, "record.create", &values)
    };
    assert_eq!(refusal(create(json!(0.1))), Code::WrongType);
    assert_eq!(refusal(create(json!({"amount": 0.1}))), Code::WrongType);
    let exact = json!({"amount": "79228162514264.337593543950335", "currency": "JPY"});
    let made = create(exact.clone()).unwrap();
    let row = call(&house.admin, "record.get", &json!({"entity": "opportunity", "id": made["id"]})).unwrap();
    assert_eq!(row["values"]["amount"], exact);
    let found = json!({"entity": "opportunity", "filter": {"amount": exact}});
    assert_eq!(call(&house.admin, "record.count", &found).unwrap()["count"], 1);
}

#[test]
fn a_record_goes_in_through_the_methods_and_comes_out_the_same() {
    let house = database();
    let values = json!({
        "name": "加喜", "kind": "organisation", "city": "上海", "established": 1999,
        "revenue": {"amount": "12.50", "currency": "USD"}, "phone": "+8613812345678",
    });
    let made = call(&house.admin, "record.create", &json!({"entity": "account", "values": values})).unwrap();
    let row = call(&house.admin, "record.get", &json!({"entity": "account", "id": made["id"]})).unwrap();
    assert_eq!((&row["values"], &row["title"], &row["version"]), (&values, &json!("加喜"), &json!(1)));
    let person = json!({"entity": "contact", "values": {"name": "林", "account": {"title": "加喜"}}});
    let person = call(&house.admin, "record.create", &person).unwrap();
    let row = call(&house.admin, "record.get", &json!({"entity": "contact", "id": person["id"]})).unwrap();
    assert_eq!(row["values"]["account"], made["id"]);
    let page = json!({"entity": "account", "filter": {"any": [{"city": "上海"}, {"city": "北京"}]}, "sort": ["-name"]});
    let page = call(&house.admin, "record.list", &page).unwrap();
    assert_eq!((page["rows"].as_array().unwrap().len(), &page["cursor"]), (1, &Json::Null));
}

#[test]
fn pages_go_on_where_their_cursor_says() {
    let house = database();
    for number in 0..5 {
        let _ = house.create("account", &guanxi::Changes::new().set("name", format!("n{number}")));
    }
    let mut given = json!({"entity": "account", "sort": ["-name"], "limit": 2});
    let mut titles = Vec::new();
    loop {
        let page = call(&house.admin, "record.list", &given).unwrap();
        let rows = page["rows"].as_array().unwrap().clone();
        titles.extend(rows.iter().map(|row| row["title"].as_str().unwrap().to_owned()));
        if page["cursor"].is_null() {
            break;
        }
        given["cursor"] = page["cursor"].clone();
    }
    assert_eq!(titles, ["n4", "n3", "n2", "n1", "n0"]);
    for cursor in ["", "zz", "7b7d", "00"] {
        given["cursor"] = json!(cursor);
        assert_eq!(refusal(call(&house.admin, "record.list", &given)), Code::InvalidCursor, "{cursor}");
    }
    // A cursor of a list in another order does not fit.
    let cursor =
        call(&house.admin, "record.list", &json!({"entity": "account", "limit": 2})).unwrap()["cursor"]
            .clone();
    given["cursor"] = cursor;
    assert_eq!(refusal(call(&house.admin, "record.list", &given)), Code::InvalidCursor);
}

#[test]
fn a_user_made_with_a_role_by_one_call_may_work_at_once() {
    let house = database();
    let given =
        json!({"values": {"name": "lin"}, "password": "the password of lin", "roles": ["salesperson"]});
    let made = call(&house.admin, "user.create", &given).unwrap();
    let lin = house.crm.sign_in("lin", "the password of lin").unwrap();
    assert_eq!(made["id"], lin.user().to_string());
    call(&lin, "record.create", &json!({"entity": "account", "values": {"name": "x"}})).unwrap();
    let weak = json!({"values": {"name": "wang"}, "password": "short"});
    assert_eq!(refusal(call(&house.admin, "user.create", &weak)), Code::WeakPassword);
    let find = json!({"entity": "user", "filter": {"name": "wang"}});
    assert_eq!(call(&house.admin, "record.count", &find).unwrap()["count"], 0, "all of it or nothing");
}

#[test]
fn a_grant_hides_only_fields_that_exist() {
    let house = database();
    let grant = |hidden: &str| {
        let given = json!({"role": "salesperson", "entity": "account", "action": "read", "level": "all", "hidden_fields": hidden});
        call(&house.admin, "role.grant", &given)
    };
    grant("revenue, phone").unwrap();
    let error = grant("revenue, fone").unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::UnknownField, Some("fone")));
}

#[test]
fn the_ledger_tells_who_changed_what_from_what_to_what() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let made = call(&lin, "record.create", &json!({"entity": "account", "values": {"name": "one"}})).unwrap();
    let after = house.crm.head().unwrap().position;
    let given = json!({"entity": "account", "id": made["id"], "values": {"name": "two", "city": "上海"}});
    call(&lin, "record.update", &given).unwrap();
    let entries = call(&house.admin, "ledger.list", &json!({"after": after})).unwrap();
    let entry = &entries["entries"][0];
    assert_eq!(entry["actor"], lin.user().to_string());
    assert_eq!((&entry["kind"], &entry["cause"]), (&json!("update"), &json!("record.update")));
    assert_eq!((&entry["record"], &entry["entity"]), (&made["id"], &json!("crm.account")));
    assert_eq!(
        entry["changes"],
        json!([{"field": "name", "old": "one", "new": "two"}, {"field": "city", "old": null, "new": "上海"}])
    );
    assert_eq!(entries["entries"].as_array().unwrap().len(), 1);
}
