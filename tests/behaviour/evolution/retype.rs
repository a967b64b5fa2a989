//! A field of the customer's own gets another type: a new field takes over its name, and the values that convert.

use guanxi::base::{CancelToken, Patience};
use guanxi::engine::{Action, Level};
use guanxi::{Code, Session};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

use super::{add_field, call, change, create, field, label, standing, values};

fn retype(session: &Session, name: &str, kind: &str, more: Json) -> guanxi::Result<Json> {
    let mut given = json!({"entity": "account", "field": name, "field_type": kind});
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(session, "schema.retype_field", given)
}

fn counts(answer: &Json) -> (u64, u64, u64) {
    let count = |name: &str| answer[name].as_u64().unwrap();
    (count("converted"), count("kept"), count("unconverted"))
}

fn codes() -> Json {
    json!({"codes": [{"code": "a", "zh": "甲", "en": "A"}, {"code": "b", "zh": "乙", "en": "B"}]})
}

/// The types before and after, what the field is given besides, and values with what becomes of them: a value, or
/// the reason why it stays.
type Case = (&'static str, &'static str, Json, Vec<(Json, Result<Json, &'static str>)>);

fn cases_of_text() -> Vec<Case> {
    let none = json!({});
    let wrong = Err("schema.wrong_type");
    vec![
        (
            "text",
            "int",
            none.clone(),
            vec![
                (json!("42"), Ok(json!(42))),
                (json!("-7"), Ok(json!(-7))),
                (json!("042"), Ok(json!(42))),
                (json!("about 5"), wrong.clone()),
                (json!("9223372036854775808"), wrong.clone()),
            ],
        ),
        (
            "text",
            "decimal",
            none.clone(),
            vec![(json!("12.50"), Ok(json!("12.50"))), (json!("12,5"), Err("schema.wrong_type"))],
        ),
        (
            "text",
            "date",
            none.clone(),
            vec![
                (json!("2026-02-28"), Ok(json!("2026-02-28"))),
                (json!("1996-07-04 00:00:00"), Ok(json!("1996-07-04"))),
                (json!("2026-02-29"), Err("schema.wrong_type")),
            ],
        ),
        (
            "text",
            "bool",
            none.clone(),
            vec![
                (json!("是"), Ok(json!(true))),
                (json!("no"), Ok(json!(false))),
                (json!("maybe"), wrong.clone()),
            ],
        ),
        (
            "text",
            "enum",
            codes(),
            vec![
                (json!("a"), Ok(json!("a"))),
                (json!("乙"), Ok(json!("b"))),
                (json!("c"), Err("schema.not_in_value_set")),
            ],
        ),
    ]
}

fn cases_of_addresses() -> Vec<Case> {
    let none = json!({});
    vec![
        ("text", "phone", none.clone(), vec![(json!("138 0013 8000"), Ok(json!("+8613800138000")))]),
        (
            "text",
            "email",
            none.clone(),
            vec![
                (json!("lin@JiaXi.cn"), Ok(json!("lin@jiaxi.cn"))),
                (json!("lin"), Err("schema.invalid_email")),
            ],
        ),
        (
            "text",
            "url",
            none.clone(),
            vec![
                (json!("https://jiaxi.cn"), Ok(json!("https://jiaxi.cn/"))),
                (json!("jiaxi"), Err("schema.invalid_url")),
            ],
        ),
        ("text", "rich_text", none.clone(), vec![(json!("a *b*"), Ok(json!("a *b*")))]),
    ]
}

fn cases_of_others() -> Vec<Case> {
    let (none, wrong) = (json!({}), Err("schema.wrong_type"));
    vec![
        ("int", "decimal", none.clone(), vec![(json!(42), Ok(json!("42")))]),
        ("int", "text", none.clone(), vec![(json!(-42), Ok(json!("-42")))]),
        ("decimal", "int", none.clone(), vec![(json!("7.00"), Ok(json!(7))), (json!("7.01"), wrong)]),
        ("decimal", "text", none.clone(), vec![(json!("7.25"), Ok(json!("7.25")))]),
        ("date", "text", none.clone(), vec![(json!("2026-02-28"), Ok(json!("2026-02-28")))]),
        ("bool", "text", none.clone(), vec![(json!(true), Ok(json!("true")))]),
        ("enum", "text", none.clone(), vec![(json!("b"), Ok(json!("b")))]),
        ("email", "text", none, vec![(json!("lin@jiaxi.cn"), Ok(json!("lin@jiaxi.cn")))]),
    ]
}

#[test]
fn values_convert_where_they_can_and_stay_beside_where_they_cannot() {
    let house = database();
    let admin = &house.admin;
    for (number, (from, to, more, rows)) in
        cases_of_text().into_iter().chain(cases_of_addresses()).chain(cases_of_others()).enumerate()
    {
        let name = format!("f{number}");
        let own = format!("x.{name}");
        add_field(&house, &name, from, if from == "enum" { codes() } else { json!({}) });
        let told = |given: &Json| json!({own.as_str(): given});
        let ids: Vec<String> = rows.iter().map(|(given, _)| create(admin, told(given)).unwrap()).collect();
        let stored: Vec<Json> = ids.iter().map(|id| values(admin, id)[&own].clone()).collect();
        let answer = retype(admin, &name, to, more).unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
        let before = format!("x.{name}_before_1");
        assert_eq!((&answer["field"], &answer["before"]), (&json!(own), &json!(before)));
        let mut reasons = Vec::new();
        for ((id, (given, becomes)), stood) in ids.iter().zip(&rows).zip(&stored) {
            let now = values(admin, id);
            assert_eq!(now[&before], *stood, "{from} to {to}: {given} stays where it was");
            match becomes {
                Ok(value) => assert_eq!(now[&own], *value, "{from} to {to}: {given}"),
                Err(reason) => {
                    assert!(now.get(&own).is_none_or(Json::is_null), "{from} to {to}: {given} became {now}");
                    reasons.push(json!({"id": id, "reason": reason}));
                }
            }
        }
        let converted = (rows.len() - reasons.len()) as u64;
        assert_eq!(counts(&answer), (converted, 0, reasons.len() as u64), "{from} to {to}");
        assert_eq!(answer["unconverted_records"], Json::Array(reasons), "{from} to {to}");
        let (now, then) = (field(admin, "account", &own), field(admin, "account", &before));
        assert_eq!(
            (&now["type"], &now["withdrawn"], &now["moving"]),
            (&json!(to), &json!(false), &json!(false))
        );
        assert_eq!((&then["type"], &then["withdrawn"]), (&json!(from), &json!(true)));
        assert_eq!(
            change(admin, &ids[0], json!({before.as_str(): rows.last().unwrap().0})).is_err(),
            rows.len() > 1
        );
    }
    let _ = house.verified();
    let house = house.reopened();
    assert_eq!(field(&house.admin, "account", "x.f0")["type"], "int");
    let _ = house.verified();
}

#[test]
fn what_would_convert_is_told_first_and_nothing_changes() {
    let house = database();
    let admin = &house.admin;
    add_field(&house, "code", "text", json!({"unique": true}));
    let given = ["1", "2", "x", "01", "3"];
    let ids: Vec<String> = given.iter().map(|code| create(admin, json!({"x.code": code})).unwrap()).collect();
    let before = standing(&house);
    let plan = retype(admin, "x.code", "int", json!({"dry_run": true})).unwrap();
    assert_eq!(standing(&house), before);
    assert_eq!(counts(&plan), (3, 0, 2));
    let left =
        json!([{"id": ids[2], "reason": "schema.wrong_type"}, {"id": ids[3], "reason": "schema.not_unique"}]);
    assert_eq!(plan["unconverted_records"], left);
    let changed: Vec<(&Json, &Json)> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (&change["name"], &change["change"]))
        .collect();
    let expected = [(&json!("x.code_before_1"), &json!("withdrawn")), (&json!("x.code"), &json!("added"))];
    assert_eq!(changed, expected);
    assert_eq!(field(admin, "account", "x.code")["type"], "text");
    let done = retype(admin, "x.code", "int", json!({})).unwrap();
    assert_eq!((counts(&done), &done["unconverted_records"]), ((3, 0, 2), &left));
    // What was unique still is, and lists find it.
    assert_eq!(create(admin, json!({"x.code": 2})).unwrap_err().code(), Code::NotUnique);
    let found = call(admin, "query.count", json!({"entity": "account", "filter": {"x.code": 3}})).unwrap();
    assert_eq!(found["count"], 1);
    let told = field(admin, "account", "x.code");
    assert_eq!((&told["unique"], &told["former_names"]), (&json!(true), &json!([])));
    let _ = house.verified();
}

/// A session that is cancelled once so many records have been looked at.
fn impatient(house: &House, records: u64) -> Session {
    let token = CancelToken::default();
    let inner = token.clone();
    house.admin.with_patience(Patience::with_token(token).telling(move |told| {
        if told.phase == "values" && told.done >= records {
            inner.cancel();
        }
    }))
}

#[test]
fn a_move_goes_on_after_an_interruption_and_whoever_writes_before_it_wins() {
    let house = House::with(|options| options.build_at_once(10));
    let admin = &house.admin;
    add_field(&house, "code", "text", json!({}));
    let code = |number: usize| if number % 9 == 4 { "none".to_owned() } else { number.to_string() };
    let ids: Vec<String> =
        (0..45).map(|number| create(admin, json!({"x.code": code(number)})).unwrap()).collect();
    let error = retype(&impatient(&house, 20), "x.code", "int", json!({})).unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    let now = field(admin, "account", "x.code");
    assert_eq!((&now["type"], &now["moving"]), (&json!("int"), &json!(true)));
    assert_eq!(values(admin, &ids[3])["x.code"], 3);
    assert!(values(admin, &ids[40]).get("x.code").is_none_or(Json::is_null));
    let _ = house.verified();
    // Somebody writes before the move comes by, deletes, and makes new ones; and one that is moved is changed.
    change(admin, &ids[41], json!({"x.code": 4100})).unwrap();
    change(admin, &ids[3], json!({"x.code": 300})).unwrap();
    change(admin, &ids[43], json!({"x.code": 1})).unwrap();
    change(admin, &ids[43], json!({"x.code": null})).unwrap();
    change(admin, &ids[38], json!({"city": "上海"})).unwrap();
    call(admin, "record.delete", json!({"entity": "account", "id": ids[42]})).unwrap();
    let late = create(admin, json!({"x.code": 77})).unwrap();
    // While values are on their way the field gets no third type.
    let error = retype(admin, "x.code", "text", json!({})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::InvalidDefinition, Some("x.code")));
    let plan = retype(admin, "x.code", "int", json!({"dry_run": true})).unwrap();
    // 0 to 44 but for 4, 13, 22, 31 and 40, the two that are written and the one that is deleted.
    assert_eq!((counts(&plan), &plan["changes"]), ((37, 2, 5), &json!([])));
    let house = house.reopened();
    let admin = &house.admin;
    let done = retype(admin, "x.code", "int", json!({})).unwrap();
    assert_eq!(counts(&done), (37, 2, 5));
    let left: Vec<&Json> =
        done["unconverted_records"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
    assert_eq!(left, [4, 13, 22, 31, 40].map(|number: usize| json!(ids[number])).iter().collect::<Vec<_>>());
    assert_eq!(field(admin, "account", "x.code")["moving"], false);
    for (number, id) in ids.iter().enumerate().filter(|(number, _)| *number != 42) {
        let now = values(admin, id);
        let expected = match number {
            3 => json!(300),
            41 => json!(4100),
            43 => Json::Null,
            number if number % 9 == 4 => Json::Null,
            number => json!(number),
        };
        assert_eq!(now.get("x.code").cloned().unwrap_or_default(), expected, "{number}");
        assert_eq!(now["x.code_before_1"], code(number));
    }
    assert_eq!(values(admin, &late)["x.code"], 77);
    let _ = house.verified();
}

#[test]
fn an_interrupted_move_is_taken_up_by_whoever_builds_indexes() {
    let house = House::with(|options| options.build_at_once(10));
    add_field(&house, "code", "text", json!({"indexed": true}));
    let ids: Vec<String> =
        (0..25).map(|number| create(&house.admin, json!({"x.code": number.to_string()})).unwrap()).collect();
    retype(&impatient(&house, 10), "x.code", "int", json!({})).unwrap_err();
    // A field that is taken back meanwhile waits until it is brought back.
    let given = json!({"entity": "account", "field": "x.code"});
    call(&house.admin, "schema.remove_field", given.clone()).unwrap();
    assert_eq!(retype(&house.admin, "x.code", "int", json!({})).unwrap_err().code(), Code::Withdrawn);
    house.admin.build_indexes().unwrap();
    assert_eq!(field(&house.admin, "account", "x.code")["moving"], true);
    call(&house.admin, "schema.restore_field", given).unwrap();
    house.admin.build_indexes().unwrap();
    assert_eq!(field(&house.admin, "account", "x.code")["moving"], false);
    assert_eq!(values(&house.admin, &ids[24])["x.code"], 24);
    let page = json!({"entity": "account", "sort": ["-x.code"], "limit": 1});
    let listed = call(&house.admin, "record.list", page).unwrap();
    assert_eq!(listed["rows"][0]["id"], ids[24], "{listed}");
    let _ = house.verified();
}

#[test]
fn a_moved_value_is_a_change_of_its_record_and_the_history_stays() {
    let house = database();
    let admin = &house.admin;
    add_field(&house, "code", "text", json!({}));
    let id = create(admin, json!({"x.code": "1"})).unwrap();
    change(admin, &id, json!({"x.code": "2"})).unwrap();
    retype(admin, "x.code", "int", json!({})).unwrap();
    let history = call(admin, "record.history", json!({"entity": "account", "id": id})).unwrap();
    let told = history["versions"].as_array().unwrap();
    let newest = &told[0];
    let moved = json!([{"field": "x.code", "old": null, "new": 2}]);
    assert_eq!((told.len(), &newest["cause"]), (3, &json!("schema.retype_field")), "{newest}");
    assert_eq!((&newest["kind"], &newest["changes"]), (&json!("update"), &moved));
    assert!(history.to_string().contains("x.code_before_1"), "{history}");
    let _ = house.verified();
}

#[test]
fn expressions_go_along_or_nothing_does() {
    let house = database();
    let admin = &house.admin;
    add_field(&house, "code", "text", json!({"default": "'7'"}));
    add_field(&house, "size", "int", json!({}));
    let rule = |condition: &str| json!({"entity": "account", "name": "coded", "condition": condition, "message_zh": "错", "message_en": "bad"});
    call(admin, "schema.define_rule", rule("x.code != 'bad'")).unwrap();
    let id = create(admin, json!({"x.code": "5"})).unwrap();
    let before = standing(&house);
    for dry_run in [true, false] {
        let error = retype(admin, "x.code", "int", json!({"default": "7", "dry_run": dry_run})).unwrap_err();
        assert_eq!((error.code(), error.field_name()), (Code::InvalidExpression, Some("x.coded")), "{error}");
    }
    call(admin, "schema.define_rule", rule("x.code != null || x.size > 0")).unwrap();
    let changed = standing(&house);
    assert_ne!(changed, before);
    let error = retype(admin, "x.code", "int", json!({})).unwrap_err();
    assert_eq!(error.rule_name(), Some("a default gives what the field takes"));
    let error = retype(admin, "x.code", "int", json!({"default": "nothing + 1"})).unwrap_err();
    assert_eq!(error.code(), Code::InvalidExpression);
    assert_eq!(standing(&house), changed, "what is refused leaves nothing behind");
    assert_eq!(values(admin, &id)["x.code"], "5");
    retype(admin, "x.code", "int", json!({"default": "7"})).unwrap();
    let fresh = create(admin, json!({})).unwrap();
    assert_eq!((&values(admin, &fresh)["x.code"], &values(admin, &id)["x.code"]), (&json!(7), &json!(5)));
    // A formula that gives another type than before is refused, too.
    let formula = json!({"expression": "x.size + 1"});
    add_field(&house, "next", "formula", formula);
    let error = retype(admin, "x.size", "text", json!({})).unwrap_err();
    assert_eq!(error.field_name(), Some("x.next"));
    retype(admin, "x.code", "text", json!({"default": ""})).unwrap();
    let fresh = create(admin, json!({})).unwrap();
    assert!(values(admin, &fresh).get("x.code").is_none_or(Json::is_null));
    assert_eq!(values(admin, &id)["x.code_before_2"], 5);
    let _ = house.verified();
}

#[test]
fn what_keys_and_sums_follow_from_keeps_its_type() {
    let house = database();
    let admin = &house.admin;
    for name in ["listed", "held"] {
        add_field(&house, name, "text", json!({}));
    }
    add_field(&house, "counted", "int", json!({}));
    add_field(&house, "state", "enum", codes());
    add_field(&house, "typed", "enum", codes());
    add_field(&house, "told", "text", json!({"translatable": true}));
    let index = json!({"entity": "account", "name": "by", "fields": ["x.listed", "city"]});
    call(admin, "schema.define_index", index).unwrap();
    let counter = json!({"entity": "account", "name": "of", "group_by": ["x.counted"]});
    call(admin, "schema.define_counter", counter).unwrap();
    let unique = json!({"entity": "account", "rule": {"name": "held", "fields": [{"field": "x.held"}]}});
    call(admin, "schema.define_unique", unique).unwrap();
    let machine = json!({"name": "way", "field": "x.state", "transitions": [{"name": "on", "label": label("on"), "from": ["a"], "to": "b"}]});
    call(admin, "schema.define_states", json!({"entity": "account", "machine": machine})).unwrap();
    let types = json!({"field": "x.typed", "types": [{"code": "a", "label": label("a"), "fields": []}]});
    call(admin, "schema.define_record_types", json!({"entity": "account", "record_types": types})).unwrap();
    let before = standing(&house);
    for (name, to) in [
        ("x.listed", "int"),
        ("x.held", "int"),
        ("x.counted", "text"),
        ("x.state", "text"),
        ("x.typed", "text"),
        ("x.told", "int"),
        ("x.counted", "date"),
        ("x.listed", "text"),
        ("city", "int"),
    ] {
        let error = retype(admin, name, to, json!({})).unwrap_err();
        assert_eq!(error.code(), Code::InvalidDefinition, "{name}: {error}");
        assert!(error.field_name().is_some() && error.rule_name().is_some(), "{name}: {error}");
    }
    assert_eq!(retype(admin, "x.held", "enum", json!({})).unwrap_err().code(), Code::MissingParameter);
    assert_eq!(retype(admin, "x.nothing", "int", json!({})).unwrap_err().code(), Code::UnknownField);
    assert_eq!(standing(&house), before);
    let entity = json!({"name": "project", "label_zh": "项目", "label_en": "Project"});
    call(admin, "schema.define_entity", entity).unwrap();
    let title = json!({"entity": "x.project", "field": "name", "field_type": "int"});
    assert_eq!(call(admin, "schema.retype_field", title).unwrap_err().code(), Code::InvalidDefinition);
}

#[test]
fn only_who_administers_the_entity_and_sees_the_field_changes_its_type() {
    let house = database();
    add_field(&house, "code", "text", json!({}));
    let hidden = create(&house.admin, json!({"x.code": "secret"})).unwrap();
    let reads = [Action::Read, Action::Update].map(|action| ("crm.account", action, Level::All));
    let reader = house.user("reader", &[house.role("reader", &reads)]);
    assert_eq!(retype(&reader, "x.code", "int", json!({})).unwrap_err().code(), Code::NotPermitted);
    let all = [Action::Read, Action::Administer].map(|action| ("crm.account", action, Level::All));
    let blind = house.user("blind", &[house.role_hiding("blind", &all, "x.code")]);
    for dry_run in [true, false] {
        let error = retype(&blind, "x.code", "int", json!({"dry_run": dry_run})).unwrap_err();
        assert_eq!(error.code(), Code::UnknownField);
    }
    // Who sees some records alone has all values moved, and is told of no record but those.
    let grants = [
        ("crm.account", Action::Create, Level::All),
        ("crm.account", Action::Read, Level::Own),
        ("crm.account", Action::Administer, Level::All),
    ];
    let keeper = house.user("keeper", &[house.role("keeper", &grants)]);
    let own = create(&keeper, json!({"x.code": "mine"})).unwrap();
    let moved = create(&house.admin, json!({"x.code": "8"})).unwrap();
    let left = json!([{"id": own, "reason": "schema.wrong_type"}]);
    let plan = retype(&keeper, "x.code", "int", json!({"dry_run": true})).unwrap();
    assert_eq!((counts(&plan), &plan["unconverted_records"]), ((1, 0, 2), &left));
    let done = retype(&keeper, "x.code", "int", json!({})).unwrap();
    assert_eq!((counts(&done), &done["unconverted_records"]), ((1, 0, 2), &left));
    assert_eq!(values(&house.admin, &moved)["x.code"], 8);
    // Who was not to see the field sees neither.
    assert_eq!(values(&house.admin, &hidden)["x.code_before_1"], "secret");
    let seen = values(&blind, &hidden);
    assert!(seen.get("x.code").is_none() && seen.get("x.code_before_1").is_none(), "{seen}");
}

#[test]
fn a_name_that_went_over_is_found_in_the_last_field_that_bore_it() {
    let house = database();
    let admin = &house.admin;
    add_field(&house, "mark", "text", json!({}));
    let id = create(admin, json!({"x.mark": "5"})).unwrap();
    let rename = |from: &str, to: &str| {
        call(admin, "schema.rename_field", json!({"entity": "account", "field": from, "name": to})).unwrap();
    };
    rename("x.mark", "code");
    retype(admin, "x.mark", "int", json!({})).unwrap();
    assert_eq!(values(admin, &id)["x.code"], 5);
    change(admin, &id, json!({"x.mark": 6})).unwrap();
    rename("x.code", "label");
    for (name, value) in [("x.mark", 7), ("x.code", 8), ("code", 9), ("x.label", 10)] {
        change(admin, &id, json!({name: value})).unwrap();
        assert_eq!(values(admin, &id)["x.label"], value);
    }
    assert_eq!(values(admin, &id)["x.code_before_1"], "5");
    let house = house.reopened();
    change(&house.admin, &id, json!({"x.code": 11})).unwrap();
    assert_eq!(values(&house.admin, &id)["x.label"], 11);
}

#[test]
fn a_change_of_type_travels_in_a_package() {
    let (house, elsewhere) = (database(), database());
    for place in [&house, &elsewhere] {
        add_field(place, "code", "text", json!({}));
    }
    let there = create(&elsewhere.admin, json!({"x.code": "12"})).unwrap();
    let stays = create(&elsewhere.admin, json!({"x.code": "twelve"})).unwrap();
    retype(&house.admin, "x.code", "int", json!({})).unwrap();
    let exported =
        call(&house.admin, "schema.export_package", json!({"package": "x"})).unwrap()["package"].clone();
    assert!(!exported.to_string().contains("before"), "{exported}");
    let plan =
        call(&elsewhere.admin, "schema.install_package", json!({"package": exported, "dry_run": true}));
    let plan = plan.unwrap();
    assert_eq!(plan["changes"][0]["name"], "x.code_before_1", "{plan}");
    call(&elsewhere.admin, "schema.install_package", json!({"package": exported})).unwrap();
    assert_eq!(values(&elsewhere.admin, &there)["x.code"], 12);
    let left = values(&elsewhere.admin, &stays);
    assert_eq!((&left["x.code_before_1"], left.get("x.code")), (&json!("twelve"), None));
    let told = field(&elsewhere.admin, "account", "x.code");
    assert_eq!((&told["type"], &told["moving"]), (&json!("int"), &json!(false)));
    let _ = elsewhere.verified();
    // Where nothing stood before, the field is as any other one.
    let third = database();
    call(&third.admin, "schema.install_package", json!({"package": exported})).unwrap();
    create(&third.admin, json!({"x.code": 1})).unwrap();
    assert_eq!(field(&third.admin, "account", "x.code_before_1"), Json::Null);
    // A package of somebody else takes nobody's place.
    let fields =
        json!([{"local": 2, "name": "code", "label": label("c"), "kind": {"type": "int"}, "retypes": 1}]);
    let acme = json!({"package": "acme", "version": "1.0.0", "label": label("A"),
        "extends": [{"entity": "crm.account", "fields": fields}]});
    let error = call(&third.admin, "schema.install_package", json!({"package": acme})).unwrap_err();
    assert_eq!(error.code(), Code::InvalidDefinition);
}

#[test]
fn deleted_records_take_their_values_along_when_they_come_back() {
    let house = database();
    let admin = &house.admin;
    add_field(&house, "code", "text", json!({"unique": true}));
    let given = ["1", "2", "x", "4"];
    let ids: Vec<String> = given.iter().map(|code| create(admin, json!({"x.code": code})).unwrap()).collect();
    let act = |verb: &str, id: &String| call(admin, verb, json!({"entity": "account", "id": id})).unwrap();
    ids.iter().take(3).for_each(|id| drop(act("record.delete", id)));
    let done = retype(admin, "x.code", "int", json!({})).unwrap();
    assert_eq!(counts(&done), (1, 0, 0));
    // Somebody else has taken the place of one of them, and the one that was moved is emptied and goes, too.
    create(admin, json!({"x.code": 2})).unwrap();
    change(admin, &ids[3], json!({"x.code": null})).unwrap();
    act("record.delete", &ids[3]);
    ids.iter().for_each(|id| drop(act("record.undelete", id)));
    for (number, (code, id)) in
        [json!(1), Json::Null, Json::Null, Json::Null].into_iter().zip(&ids).enumerate()
    {
        let now = values(admin, id);
        assert_eq!(now.get("x.code").cloned().unwrap_or_default(), code, "{number}");
        assert_eq!(now["x.code_before_1"], given[number]);
    }
    let _ = house.verified();
}

#[test]
fn a_value_that_is_asked_for_may_be_on_its_way() {
    let house = House::with(|options| options.build_at_once(10));
    let admin = &house.admin;
    add_field(&house, "code", "text", json!({"required_when": "industry != 'none'"}));
    let ids: Vec<String> = (0..25)
        .map(|number| {
            let code = if number == 24 { "none".to_owned() } else { number.to_string() };
            create(admin, json!({"x.code": code, "industry": "steel"})).unwrap()
        })
        .collect();
    retype(&impatient(&house, 10), "x.code", "int", json!({})).unwrap_err();
    change(admin, &ids[20], json!({"city": "上海"})).unwrap();
    change(admin, &ids[24], json!({"city": "上海"})).unwrap();
    retype(admin, "x.code", "int", json!({})).unwrap();
    assert_eq!(values(admin, &ids[20])["x.code"], 20);
    // One that did not convert is to be given by whoever saves its record next.
    assert_eq!(change(admin, &ids[24], json!({"city": "北京"})).unwrap_err().code(), Code::Required);
    change(admin, &ids[24], json!({"city": "北京", "x.code": 24})).unwrap();
    let _ = house.verified();
}
