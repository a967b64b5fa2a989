//! A field that its reader may not see is asked for in vain, in the same words as a name that no field has.

use guanxi::base::Label;
use guanxi::engine::{Action, Direction, Filter, Find, Level};
use guanxi::model::{Account, Contact};
use guanxi::schema::{EntityType, FieldType};
use guanxi::{Changes, Code, Condition, Locale, Session, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

/// A name of a hidden field, and one of its length that no field has.
const NAMES: [(&str, &str); 4] =
    [("revenue", "revenuf"), ("x.seat", "x.seau"), ("parent", "parens"), ("industry", "industrx")];

fn stage() -> (House, Session) {
    let house = database();
    let kind = FieldType::GeoPoint;
    house.admin.define_field(Account::NAME, "seat", Label::new("位置", "Seat"), kind, |_| ()).unwrap();
    let grants = [Action::Read, Action::Update].map(|action| ("crm.account", action, Level::All));
    let all = house.role("contacts", &[("crm.contact", Action::Read, Level::All)]);
    let hiding = house.role_hiding("hiding", &grants, "revenue, x.seat, parent, industry");
    let lin = house.user("lin", &[hiding, all]);
    let _ = house.create(Account::NAME, &Changes::new().set("name", "加喜"));
    (house, lin)
}

/// Conditions that name a field in every way, with values of every kind.
fn conditions(name: &str) -> Vec<Json> {
    let mut found = Vec::new();
    for value in [json!(1), json!("a"), json!(null), json!(true), json!({"amount": 1}), json!([1, "b"])] {
        found.push(json!({name: value}));
        for operator in
            ["eq", "ne", "lt", "ge", "in", "not_in", "between", "contains", "starts_with", "is_null"]
        {
            found.push(json!({"field": name, "op": operator, "value": value}));
        }
    }
    found.push(json!({"field": name, "op": "near", "value": {"latitude": 1, "longitude": 1, "metres": 5}}));
    found.push(json!({"field": name, "op": "within", "value": "this_month"}));
    found.push(json!({"field": name, "op": "under", "value": "018f0000-0000-7000-8000-000000000000"}));
    found.push(json!({"field": name, "op": "no such operator", "value": 1}));
    for source in [
        format!("{name} == 1"),
        format!("{name} > 'a' || name == 'b'"),
        format!("size({name}) > 2 && {name}.startsWith('a')"),
        format!("{name} != null"),
        format!("!({name} == null) ? true : name == 'x'"),
        format!("[1, 2].exists(one, one == {name})"),
    ] {
        found.push(json!({"expression": source}));
    }
    found.push(json!({"field": format!("{name}.name"), "op": "eq", "value": "a"}));
    found.push(json!({"not": {"any": [{"city": "上海"}, {"field": name, "op": "eq", "value": "a"}]}}));
    found
}

/// Calls at every door that takes the name of a field.
fn calls(name: &str) -> Vec<(&'static str, Json)> {
    let mut found = Vec::new();
    let account = |more: Json| {
        let mut given = json!({"entity": "account"});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        given
    };
    for condition in conditions(name) {
        for method in ["query.run", "query.count", "query.explain"] {
            found.push((method, account(json!({"filter": condition}))));
        }
        found.push(("report.run", account(json!({"filter": condition}))));
        found.push(("report.run", account(json!({"measures": [{"share": condition, "of": null}]}))));
        found.push(("view.save", account(json!({"name": "v", "filter": condition}))));
    }
    for condition in conditions(&format!("account.{name}")) {
        let has = json!({"has": {"entity": "contact", "by": "account", "where": condition}});
        found.push(("query.run", account(json!({"filter": has}))));
    }
    for operator in ["eq", "near", "contains"] {
        let far = json!({"field": format!("account.{name}"), "op": operator, "value": {"latitude": 1}});
        found.push(("query.count", json!({"entity": "contact", "filter": far})));
    }
    for sort in [name.to_owned(), format!("-{name}")] {
        found.push(("query.run", account(json!({"sort": [sort]}))));
        found.push(("view.save", account(json!({"name": "v", "sort": [sort]}))));
    }
    found.push(("query.run", account(json!({"fields": [name]}))));
    found.push(("view.save", account(json!({"name": "v", "columns": [name]}))));
    found.push(("view.save", account(json!({"name": "v", "group": name}))));
    for group in [name.to_owned(), format!("{name}:month")] {
        found.push(("report.run", account(json!({"group_by": [group]}))));
    }
    found.push(("report.run", json!({"entity": "contact", "group_by": [format!("account.{name}")]})));
    for measure in ["sum", "mean", "min", "max", "distinct"] {
        found.push(("report.run", account(json!({"measures": [{measure: name}]}))));
    }
    found.push(("report.run", account(json!({"measures": [{"mean_days": [name, name]}]}))));
    let has = json!({"has": {"entity": "account", "by": name, "where": null}});
    found.push(("query.run", account(json!({"filter": has}))));
    found
}

/// What a call was refused with, without the name that it used.
fn told(session: &Session, (method, given): &(&str, Json), name: &str) -> Vec<String> {
    let error = match api::call(session, method, given) {
        Err(error) => error,
        Ok(answer) => panic!("{method} {given}: {answer}"),
    };
    let texts = [Locale::English, Locale::SimplifiedChinese].map(|locale| error.to_json(locale).to_string());
    let texts = texts.into_iter().chain([error.to_string(), format!("{error:?}")]);
    texts.map(|text| text.replace(name, "NAME")).collect()
}

#[test]
fn every_question_by_a_hidden_field_is_refused_in_the_words_of_one_by_a_name_that_is_none() {
    let (house, lin) = stage();
    for (hidden, unknown) in NAMES {
        for (one, other) in calls(hidden).iter().zip(&calls(unknown)) {
            assert_eq!(told(&lin, one, hidden), told(&lin, other, unknown), "{one:?}");
        }
    }
    // The same in Rust.
    let error = |name: &str| {
        let null = lin.count(Account::NAME, &Condition::IsNull(name.into())).unwrap_err();
        let path = format!("account.{name}");
        let far = lin.count(Contact::NAME, &Filter::IsNull(path.as_str().into())).unwrap_err();
        let sort = vec![(name.into(), Direction::Ascending)];
        let sorted = lin.list(Account::NAME, &Find { sort, ..Find::default() }).unwrap_err();
        [null, far, sorted].map(|error| (error.code(), error.to_string().replace(name, "NAME")))
    };
    assert_eq!(error("revenue"), error("revenuf"));
    assert!(error("revenue").iter().all(|(code, _)| *code == Code::UnknownField));
    assert_eq!(house.admin.count(Account::NAME, &Condition::IsNull("revenue".into())).unwrap(), 1);
}

#[test]
fn an_auditor_reads_who_asked_by_a_hidden_field_and_nobody_else_is_kept_waiting_for_the_entry() {
    let (house, lin) = stage();
    let before = house.crm.head().unwrap().position;
    for name in ["revenue", "revenuf"] {
        let given = json!({"entity": "account", "filter": {"field": name, "op": "is_null"}});
        assert_eq!(api::call(&lin, "query.count", &given).unwrap_err().code(), Code::UnknownField);
        let stated = json!({"entity": "account", "filter": {"expression": format!("{name} == 1")}});
        assert_eq!(api::call(&lin, "query.count", &stated).unwrap_err().code(), Code::InvalidExpression);
    }
    assert_eq!(house.crm.head().unwrap().position, before, "no commit tells the one from the other");
    let given = json!({"kinds": ["denied"]});
    let entries = api::call(&house.admin, "ledger.query", &given).unwrap()["entries"].clone();
    let entries = entries.as_array().unwrap();
    assert!(!entries.is_empty());
    for entry in entries {
        assert_eq!(entry["actor"], json!(lin.user().to_string()));
        assert!(entry.to_string().contains("access.field_not_permitted"), "{entry}");
        assert!(!entry.to_string().contains("revenuf"), "{entry}");
    }
}
