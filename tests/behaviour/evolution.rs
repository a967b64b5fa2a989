//! The customer's own fields and entities on their way: tried first, renamed, set aside, taken back, brought back.

mod cost;
mod retype;

use guanxi::engine::{Action, Level};
use guanxi::{Code, Session, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn add_field(house: &House, name: &str, kind: &str, more: Json) {
    let mut given =
        json!({"entity": "account", "name": name, "field_type": kind, "label_zh": name, "label_en": name});
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(&house.admin, "schema.define_field", given).unwrap();
}

fn house() -> House {
    let house = database();
    add_field(&house, "code", "text", json!({"indexed": true}));
    add_field(&house, "size", "int", json!({}));
    add_field(
        &house,
        "kind",
        "enum",
        json!({"codes": [{"code": "a", "zh": "甲", "en": "A"}, {"code": "b", "zh": "乙", "en": "B"}]}),
    );
    house
}

fn create(session: &Session, values: Json) -> guanxi::Result<String> {
    let mut values = values;
    values["name"] = json!("甲公司");
    let made = call(session, "record.create", json!({"entity": "account", "values": values}))?;
    Ok(made["id"].as_str().unwrap().to_owned())
}

fn change(session: &Session, id: &str, values: Json) -> guanxi::Result<()> {
    call(session, "record.update", json!({"entity": "account", "id": id, "values": values})).map(drop)
}

fn values(session: &Session, id: &str) -> Json {
    call(session, "record.get", json!({"entity": "account", "id": id})).unwrap()["values"].clone()
}

fn field(session: &Session, entity: &str, name: &str) -> Json {
    let told = call(session, "schema.describe", json!({"entity": entity})).unwrap();
    let fields = told["entities"][0]["fields"].as_array().unwrap().clone();
    fields.into_iter().find(|field| field["name"] == name).unwrap_or(Json::Null)
}

/// Version of the registry and length of the ledger.
fn standing(house: &House) -> (u32, u64) {
    (house.crm.registry().version(), house.crm.verify(&guanxi::Patience::default()).unwrap().entries)
}

fn label(text: &str) -> Json {
    json!({"zh": text, "en": text})
}

/// A call that defines something, what it names, and how many records are read for it.
type Try = (&'static str, Json, &'static str, &'static str, u64);

fn definitions(entity: &str) -> Vec<Try> {
    let transitions = json!([{"name": "on", "label": label("on"), "from": ["a"], "to": "b"}]);
    vec![
        (
            "schema.define_entity",
            json!({"name": "project", "label_zh": "项目", "label_en": "Project"}),
            "entity",
            "x.project",
            0,
        ),
        (
            "schema.define_field",
            json!({"entity": entity, "name": "note", "field_type": "text", "label_zh": "注", "label_en": "Note", "help_zh": "写什么", "help_en": "What to write"}),
            "field",
            "x.note",
            0,
        ),
        (
            "schema.define_field",
            json!({"entity": entity, "name": "mark", "field_type": "text", "label_zh": "记", "label_en": "Mark", "unique": true}),
            "field",
            "x.mark",
            3,
        ),
        (
            "schema.define_index",
            json!({"entity": entity, "name": "by_size", "fields": ["x.size"]}),
            "index",
            "x.by_size",
            3,
        ),
        (
            "schema.define_counter",
            json!({"entity": entity, "name": "of_kind", "group_by": ["x.kind"]}),
            "counter",
            "x.of_kind",
            3,
        ),
        (
            "schema.define_rule",
            json!({"entity": entity, "name": "sized", "condition": "x.size > 0", "message_zh": "过小", "message_en": "too small"}),
            "rule",
            "x.sized",
            0,
        ),
        (
            "schema.define_states",
            json!({"entity": entity, "machine": {"name": "way", "field": "x.kind", "transitions": transitions}}),
            "states",
            "x.way",
            0,
        ),
        (
            "schema.define_unique",
            json!({"entity": entity, "rule": {"name": "code", "fields": [{"field": "x.code"}]}}),
            "unique",
            "x.code",
            3,
        ),
        (
            "schema.define_record_types",
            json!({"entity": entity, "record_types": {"field": "x.kind", "types": [{"code": "a", "label": label("a"), "fields": ["x.size"]}]}}),
            "record_types",
            "x.kind",
            0,
        ),
    ]
}

fn ways(entity: &str) -> Vec<Try> {
    vec![
        (
            "schema.override_field",
            json!({"entity": entity, "change": {"field": "city", "label": label("城")}}),
            "override",
            "city",
            0,
        ),
        (
            "schema.rename_field",
            json!({"entity": entity, "field": "x.note", "name": "remark"}),
            "field",
            "x.remark",
            0,
        ),
        ("schema.deprecate_field", json!({"entity": entity, "field": "x.remark"}), "field", "x.remark", 0),
        ("schema.remove_field", json!({"entity": entity, "field": "x.remark"}), "field", "x.remark", 0),
        ("schema.restore_field", json!({"entity": entity, "field": "x.remark"}), "field", "x.remark", 0),
        (
            "schema.define_layout",
            json!({"entity": entity, "layout": {"kind": "form", "hidden": ["city"]}}),
            "layout",
            "form",
            0,
        ),
        ("schema.remove_layout", json!({"entity": entity, "kind": "form"}), "layout", "form", 0),
        ("schema.remove_rule", json!({"entity": entity, "name": "sized"}), "rule", "x.sized", 0),
        ("schema.remove_states", json!({"entity": entity, "name": "x.way"}), "states", "x.way", 0),
        ("schema.remove_index", json!({"entity": entity, "name": "by_size"}), "index", "x.by_size", 0),
        ("schema.remove_counter", json!({"entity": entity, "name": "of_kind"}), "counter", "x.of_kind", 0),
        ("schema.remove_unique", json!({"entity": entity, "name": "code"}), "unique", "x.code", 0),
        (
            "schema.relabel_entity",
            json!({"entity": "x.project", "label_zh": "工程", "label_en": "Works", "help_zh": "一项工程", "help_en": "One of the works"}),
            "entity",
            "x.project",
            0,
        ),
        ("schema.remove_entity", json!({"entity": "x.project"}), "entity", "x.project", 0),
        ("schema.restore_entity", json!({"entity": "x.project"}), "entity", "x.project", 0),
    ]
}

#[test]
fn whatever_is_defined_can_be_tried_first_and_then_changes_nothing() {
    let house = house();
    for _ in 0..3 {
        create(&house.admin, json!({})).unwrap();
    }
    let entity = "account";
    let tries = definitions(entity).into_iter().chain(ways(entity));
    for (method, given, element, name, records) in tries {
        let before = standing(&house);
        let mut tried = given.clone();
        tried["dry_run"] = json!(true);
        let plan = call(&house.admin, method, tried).unwrap_or_else(|error| panic!("{method}: {error}"));
        assert_eq!(standing(&house), before, "{method} changed something");
        let first = &plan["changes"][0];
        assert_eq!((&first["element"], &first["name"]), (&json!(element), &json!(name)), "{method}: {plan}");
        assert_eq!((&plan["records"], &plan["commits"]), (&json!(records), &json!(1)), "{method}");
        call(&house.admin, method, given).unwrap_or_else(|error| panic!("{method}: {error}"));
        assert!(standing(&house).0 > before.0, "{method} is done after it was tried");
    }
    // What would be refused is refused when it is tried, too.
    let tried = json!({"entity": entity, "name": "x", "fields": ["nothing"], "dry_run": true});
    assert_eq!(call(&house.admin, "schema.define_index", tried).unwrap_err().code(), Code::UnknownField);
    let reader = house.user("reader", &[house.role("reader", &[("crm.account", Action::Read, Level::All)])]);
    let tried = json!({"entity": entity, "field": "x.code", "name": "other", "dry_run": true});
    assert_eq!(call(&reader, "schema.rename_field", tried).unwrap_err().code(), Code::NotPermitted);
    assert_eq!(field(&house.admin, "account", "x.remark")["help"], "What to write");
    let half = json!({"entity": entity, "name": "half", "field_type": "text", "label_zh": "半", "label_en": "Half", "help_en": "no Chinese"});
    assert_eq!(call(&house.admin, "schema.define_field", half).unwrap_err().code(), Code::InvalidDefinition);
}

#[test]
fn a_large_table_costs_a_plan_as_many_commits_as_it_has_chunks() {
    let house = House::with(|options| options.build_at_once(20));
    for _ in 0..45 {
        create(&house.admin, json!({})).unwrap();
    }
    let mut index = json!({"entity": "account", "name": "by_city", "fields": ["city"], "dry_run": true});
    let plan = call(&house.admin, "schema.define_index", index.clone()).unwrap();
    assert_eq!((&plan["records"], &plan["commits"]), (&json!(45), &json!(4)));
    // About what it takes is told as an estimate: by a sample at first, then by what the last build took.
    let estimate = &plan["estimate"];
    assert_eq!(
        (&estimate["label"], &estimate["basis"], &estimate["sampled"]),
        (&json!("estimate"), &json!("sample"), &json!(45))
    );
    assert!(
        estimate["bytes"].as_u64().unwrap() >= 45 * 20 && estimate["millis"].as_u64().unwrap() >= 1,
        "{estimate}"
    );
    index["dry_run"] = json!(false);
    call(&house.admin, "schema.define_index", index.clone()).unwrap();
    index["name"] = json!("by_city_again");
    index["dry_run"] = json!(true);
    let plan = call(&house.admin, "schema.define_index", index.clone()).unwrap();
    assert_eq!(plan["estimate"]["basis"], "last_build");
    // What reads no record takes no time worth telling.
    let field = json!({"entity": "account", "name": "memo", "field_type": "text", "label_zh": "记", "label_en": "Memo", "dry_run": true});
    assert_eq!(call(&house.admin, "schema.define_field", field).unwrap()["estimate"], Json::Null);
}

#[test]
fn a_renamed_field_keeps_its_values_and_is_found_under_its_old_name() {
    let house = house();
    let admin = &house.admin;
    let id = create(admin, json!({"x.code": "k1", "x.size": 4})).unwrap();
    let rule = json!({"entity": "account", "name": "coded", "condition": "code != 'bad'", "message_zh": "错", "message_en": "bad"});
    call(admin, "schema.define_rule", rule).unwrap();
    let unique = json!({"entity": "account", "rule": {"name": "code", "fields": [{"field": "x.code"}], "condition": "x.code != 'free'"}});
    call(admin, "schema.define_unique", unique).unwrap();
    let view = json!({"name": "mine", "entity": "account", "columns": ["name", "x.code"]});
    call(admin, "view.save", view).unwrap();
    let grants = [Action::Read, Action::Update].map(|action| ("crm.account", action, Level::All));
    let blind = house.user("blind", &[house.role_hiding("blind", &grants, "x.code")]);
    let renamed =
        call(admin, "schema.rename_field", json!({"entity": "account", "field": "code", "name": "label"}));
    assert_eq!(renamed.unwrap(), json!({"field": "x.label"}));
    assert_eq!(values(admin, &id)["x.label"], "k1");
    change(admin, &id, json!({"x.code": "k2"})).unwrap();
    change(admin, &id, json!({"label": "k3"})).unwrap();
    assert_eq!(change(admin, &id, json!({"x.label": "bad"})).unwrap_err().code(), Code::RuleBroken);
    let error = create(admin, json!({"x.label": "K3"})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::NotUnique, Some("x.label")));
    let filter = json!({"x.code": "k3"});
    let found = call(admin, "query.count", json!({"entity": "account", "filter": filter})).unwrap();
    assert_eq!(found["count"], 1);
    let run = call(admin, "view.run", json!({"entity": "account", "name": "mine"})).unwrap();
    assert_eq!(run["rows"][0]["cells"]["x.code"], "k3");
    let told = field(admin, "account", "x.label");
    assert_eq!((&told["former_names"], &told["layer"]), (&json!(["x.code"]), &json!("customer")));
    // Who was not to see it does not see it under its new name.
    assert!(values(&blind, &id).get("x.label").is_none());
    // What finds it by its old name is not led to another field.
    let again = json!({"entity": "account", "name": "code", "field_type": "int", "label_zh": "码", "label_en": "Code"});
    assert_eq!(call(admin, "schema.define_field", again).unwrap_err().code(), Code::DuplicateDefinition);
    let taken = json!({"entity": "account", "field": "x.size", "name": "code"});
    assert_eq!(call(admin, "schema.rename_field", taken).unwrap_err().code(), Code::DuplicateDefinition);
    drop(blind);
    let house = house.reopened();
    let admin = &house.admin;
    assert_eq!(values(admin, &id)["x.label"], "k3");
    assert_eq!(change(admin, &id, json!({"x.code": "bad"})).unwrap_err().code(), Code::RuleBroken);
    let _ = house.verified();
    let taken = json!({"entity": "account", "field": "x.label", "name": "size"});
    assert_eq!(call(admin, "schema.rename_field", taken).unwrap_err().code(), Code::DuplicateDefinition);
    let wrong = json!({"entity": "account", "field": "x.label", "name": "Not A Name"});
    assert_eq!(call(admin, "schema.rename_field", wrong).unwrap_err().code(), Code::InvalidDefinition);
    let core = json!({"entity": "account", "field": "city", "name": "town"});
    let error = call(admin, "schema.rename_field", core).unwrap_err();
    assert_eq!(
        (error.code(), error.rule_name()),
        (Code::InvalidDefinition, Some("a field of the customer's own"))
    );
}

#[test]
fn former_names_and_deprecations_travel_in_packages() {
    let house = house();
    let admin = &house.admin;
    let index = json!({"entity": "account", "name": "by_code", "fields": ["x.code", "x.size"]});
    call(admin, "schema.define_index", index).unwrap();
    call(admin, "schema.rename_field", json!({"entity": "account", "field": "x.code", "name": "label"}))
        .unwrap();
    call(
        admin,
        "schema.deprecate_field",
        json!({"entity": "account", "field": "x.size", "replacement": "x.label"}),
    )
    .unwrap();
    let exported = call(admin, "schema.export_package", json!({"package": "x"})).unwrap()["package"].clone();
    let elsewhere = database();
    call(&elsewhere.admin, "schema.install_package", json!({"package": exported})).unwrap();
    for session in [admin, &elsewhere.admin] {
        assert_eq!(field(session, "account", "x.label")["former_names"], json!(["x.code"]));
        let size = field(session, "account", "x.size");
        assert_eq!((&size["deprecated"], &size["replacement"]), (&json!(true), &json!("x.label")));
    }
    let misspelt = json!({"package": "x", "version": "9.0.0", "label": label("x"), "extends": [{"entity": "crm.account",
        "fields": [{"local": 9, "name": "n", "label": label("n"), "kind": {"type": "text"}, "deprecated": {"replaced": "x.label"}}]}]});
    let error = call(admin, "schema.install_package", json!({"package": misspelt})).unwrap_err();
    assert_eq!(error.field_name(), Some("extends.1.fields.1.deprecated.replaced"));
}

#[test]
fn a_hidden_field_stays_hidden_when_a_package_gives_its_name_to_another_one() {
    let house = database();
    let admin = &house.admin;
    let package = |version: &str, names: &[&str]| {
        let fields = names.iter().zip(1..).map(|(name, local)| {
            json!({"local": local, "name": name, "label": label(name), "kind": {"type": "text"}})
        });
        let extension = json!({"entity": "crm.account", "fields": fields.collect::<Vec<_>>()});
        json!({"package": {"package": "acme", "version": version, "label": label("A"), "extends": [extension]}})
    };
    call(admin, "schema.install_package", package("1.0.0", &["secret"])).unwrap();
    let id = create(admin, json!({"acme.secret": "s"})).unwrap();
    let blind = house.user(
        "blind",
        &[house.role_hiding("blind", &[("crm.account", Action::Read, Level::All)], "acme.secret")],
    );
    call(admin, "schema.install_package", package("1.1.0", &["other", "secret"])).unwrap();
    change(admin, &id, json!({"acme.secret": "t"})).unwrap();
    assert_eq!(values(admin, &id)["acme.other"], "s");
    let seen = values(&blind, &id);
    assert!(seen.get("acme.other").is_none() && seen.get("acme.secret").is_none(), "{seen}");
}

#[test]
fn a_deprecated_field_works_and_is_left_out_of_layouts() {
    let house = house();
    let admin = &house.admin;
    let id = create(admin, json!({"x.size": 4})).unwrap();
    let deprecate = |more: Json| {
        let mut given = json!({"entity": "account", "field": "x.size"});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(admin, "schema.deprecate_field", given)
    };
    let in_layout = || {
        let layout = call(admin, "schema.layout", json!({"entity": "account", "kind": "form"})).unwrap();
        layout.to_string().contains("x.size")
    };
    assert!(in_layout());
    deprecate(json!({"replacement": "code"})).unwrap();
    let told = field(admin, "account", "x.size");
    assert_eq!((&told["deprecated"], &told["replacement"]), (&json!(true), &json!("x.code")));
    assert!(!in_layout());
    change(admin, &id, json!({"x.size": 5})).unwrap();
    assert_eq!(values(admin, &id)["x.size"], 5);
    assert_eq!(deprecate(json!({"replacement": "x.size"})).unwrap_err().code(), Code::InvalidDefinition);
    assert_eq!(deprecate(json!({"replacement": "nothing"})).unwrap_err().code(), Code::UnknownField);
    deprecate(json!({"deprecated": false})).unwrap();
    assert!(in_layout());
    // Who does not see the replacement is not told of it.
    deprecate(json!({"replacement": "x.code"})).unwrap();
    let grants = [Action::Read, Action::Administer].map(|action| ("crm.account", action, Level::All));
    let blind = house.user("blind", &[house.role_hiding("blind", &grants, "x.code")]);
    assert_eq!(field(&blind, "account", "x.size")["replacement"], Json::Null);
    let given = json!({"entity": "account", "field": "x.code"});
    assert_eq!(call(&blind, "schema.remove_field", given).unwrap_err().code(), Code::UnknownField);
}

#[test]
fn what_is_taken_back_stays_readable_and_comes_back_as_it_was() {
    let house = house();
    let admin = &house.admin;
    let id = create(admin, json!({"x.size": 4})).unwrap();
    let on = |method: &str, name: &str| call(admin, method, json!({"entity": "account", "field": name}));
    on("schema.remove_field", "x.size").unwrap();
    assert_eq!(field(admin, "account", "x.size")["withdrawn"], true);
    assert_eq!(values(admin, &id)["x.size"], 4);
    assert_eq!(change(admin, &id, json!({"x.size": 5})).unwrap_err().code(), Code::Withdrawn);
    let exported = call(admin, "schema.export_package", json!({"package": "x"})).unwrap();
    assert!(!exported.to_string().contains("\"size\""));
    let error =
        call(admin, "schema.rename_field", json!({"entity": "account", "field": "x.size", "name": "n"}));
    assert_eq!(error.unwrap_err().code(), Code::Withdrawn);
    let house = house.reopened();
    let admin = &house.admin;
    let on = |method: &str, name: &str| call(admin, method, json!({"entity": "account", "field": name}));
    on("schema.restore_field", "x.size").unwrap();
    change(admin, &id, json!({"x.size": 5})).unwrap();
    assert_eq!(on("schema.remove_field", "city").unwrap_err().code(), Code::InvalidDefinition);
    let entity = json!({"name": "project", "label_zh": "项目", "label_en": "Project", "title": "topic", "title_zh": "题目", "title_en": "Topic"});
    assert_eq!(call(admin, "schema.define_entity", entity).unwrap(), json!({"entity": "x.project"}));
    let project = |title: &str| {
        call(admin, "record.create", json!({"entity": "x.project", "values": {"topic": title}}))
    };
    let made = project("展会").unwrap();
    let renamed = json!({"entity": "x.project", "field": "topic", "name": "heading"});
    call(admin, "schema.rename_field", renamed).unwrap();
    let read = || call(admin, "record.get", json!({"entity": "x.project", "id": made["id"]})).unwrap();
    assert_eq!(read()["values"]["heading"], "展会");
    assert_eq!(read()["title"], "展会", "a record is still known by its title");
    let title = json!({"entity": "x.project", "field": "heading"});
    assert_eq!(call(admin, "schema.remove_field", title).unwrap_err().code(), Code::InvalidDefinition);
    call(admin, "schema.remove_entity", json!({"entity": "x.project"})).unwrap();
    assert_eq!(project("另一").unwrap_err().code(), Code::Withdrawn);
    assert_eq!(read()["values"]["heading"], "展会");
    call(admin, "schema.restore_entity", json!({"entity": "x.project"})).unwrap();
    project("另一").unwrap();
    let error = call(admin, "schema.remove_entity", json!({"entity": "account"})).unwrap_err();
    assert_eq!(error.code(), Code::InvalidDefinition);
    let lead = house.user("lead", &[house.role("lead", &[("crm.account", Action::Administer, Level::All)])]);
    let given = json!({"entity": "x.project"});
    assert_eq!(call(&lead, "schema.remove_entity", given).unwrap_err().code(), Code::NotPermitted);
    let _ = house.verified();
}
