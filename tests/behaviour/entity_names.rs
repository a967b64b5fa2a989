//! Entities that get another name, and are still found by those that they bore.

use guanxi::engine::{Action, Level};
use guanxi::{Code, Session, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn done(house: &House, method: &str, given: Json) -> Json {
    call(&house.admin, method, given).unwrap()
}

fn rename(house: &House, entity: &str, name: &str) -> guanxi::Result<Json> {
    call(&house.admin, "schema.rename_entity", json!({"entity": entity, "name": name}))
}

fn described(house: &House, entity: &str) -> Json {
    done(house, "schema.describe", json!({"entity": entity}))["entities"][0].clone()
}

fn field_of(house: &House, entity: &str, name: &str) -> Json {
    let told = described(house, entity);
    let fields = told["fields"].as_array().unwrap();
    fields.iter().find(|field| field["name"] == name).unwrap().clone()
}

/// Projects with a secret, to which accounts refer.
fn house() -> House {
    let house = database();
    let entity = json!({"name": "project", "label_zh": "项目", "label_en": "Project"});
    assert_eq!(done(&house, "schema.define_entity", entity), json!({"entity": "x.project"}));
    let field = |entity: &str, name: &str, kind: &str, more: Json| {
        let mut given =
            json!({"entity": entity, "name": name, "field_type": kind, "label_zh": name, "label_en": name});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        done(&house, "schema.define_field", given);
    };
    field("x.project", "secret", "text", json!({}));
    field("x.project", "firm", "reference", json!({"target": "account"}));
    field("x.project", "above", "reference", json!({"target": "x.project", "tree": true}));
    field("account", "main", "reference", json!({"target": "x.project"}));
    field("account", "any", "any_reference", json!({"targets": ["x.project", "crm.contact"]}));
    field("account", "projects", "rollup", json!({"child": "x.project", "by": "firm", "function": "count"}));
    house
}

fn project(session: &Session, entity: &str, values: Json) -> guanxi::Result<String> {
    let made = call(session, "record.create", json!({"entity": entity, "values": values}))?;
    Ok(made["id"].as_str().unwrap().to_owned())
}

fn rows(session: &Session, entity: &str, more: Json) -> guanxi::Result<Vec<Json>> {
    let mut given = json!({"entity": entity});
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Ok(call(session, "query.run", given)?["rows"].as_array().unwrap().clone())
}

#[test]
fn a_renamed_entity_is_found_by_both_names_wherever_it_is_named() {
    let house = house();
    let role = house.role(
        "reader",
        &[("x.project", Action::Read, Level::All), ("x.project", Action::Create, Level::All)],
    );
    let hiding = house.role_hiding("blind", &[("x.project", Action::Read, Level::All)], "secret");
    let (reader, blind) = (house.user("reader", &[role]), house.user("blind", &[hiding]));
    let first = project(&reader, "x.project", json!({"name": "甲", "secret": "s"})).unwrap();
    let view = json!({"name": "Mine", "entity": "x.project", "columns": ["name"], "audience": "everyone"});
    done(&house, "view.save", view);
    let policy = json!({"entity": "x.project", "mode": "strict"});
    done(&house, "audit.define_read_policy", policy);
    let firm = project(&house.admin, "account", json!({"name": "加喜", "x.main": first})).unwrap();

    let dry =
        done(&house, "schema.rename_entity", json!({"entity": "x.project", "name": "job", "dry_run": true}));
    assert_eq!(dry["changes"][0]["properties"][0]["property"], "name", "{dry}");
    assert_eq!(described(&house, "x.project")["name"], "x.project");
    assert_eq!(rename(&house, "x.project", "job").unwrap(), json!({"entity": "x.job"}));
    let entered = done(&house, "ledger.query", json!({"cause": "schema.rename_entity"}));
    assert_eq!(entered["entries"].as_array().unwrap().len(), 1, "{entered}");

    drop((reader, blind));
    let house = house.reopened();
    let reader = house.crm.session_for("reader").unwrap();
    let blind = house.crm.session_for("blind").unwrap();
    for name in ["x.job", "x.project"] {
        let told = described(&house, name);
        assert_eq!((&told["name"], &told["former_names"]), (&json!("x.job"), &json!(["x.project"])));
        assert_eq!(rows(&reader, name, json!({})).unwrap().len(), 1, "grants hold under either name");
        let seen = rows(&blind, name, json!({})).unwrap();
        assert!(seen[0]["values"].get("secret").is_none(), "what was hidden stays so: {seen:?}");
        let run = call(&reader, "view.run", json!({"entity": name, "name": "Mine"})).unwrap();
        assert_eq!((&run["view"]["entity"], run["rows"].as_array().unwrap().len()), (&json!("x.job"), 1));
    }
    let listed = call(&reader, "view.list", json!({})).unwrap();
    assert_eq!(listed["views"][0]["entity"], "x.job");
    let replaced = json!({"name": "Mine", "entity": "x.job", "columns": ["name"], "audience": "everyone"});
    done(&house, "view.save", replaced);
    assert_eq!(done(&house, "view.list", json!({}))["views"].as_array().unwrap().len(), 1);
    let read = done(&house, "ledger.query", json!({"kinds": ["read"], "limit": 1}));
    assert_eq!(read["entries"].as_array().unwrap().len(), 1, "the policy on reads goes on");

    // References lead there, under whatever name they were made, and so do rollups, trees and paths.
    let second = project(&house.admin, "x.job", json!({"name": "乙", "firm": firm, "above": first})).unwrap();
    assert_eq!(field_of(&house, "account", "x.main")["targets"], json!(["x.job"]));
    let account = done(&house, "record.get", json!({"entity": "account", "id": firm}));
    assert_eq!(account["values"]["x.projects"], 1, "{account}");
    let along = rows(&house.admin, "account", json!({"filter": {"x.main.name": "甲"}})).unwrap();
    assert_eq!(along.len(), 1);
    for name in ["x.job", "x.project"] {
        let has = json!({"filter": {"has": {"entity": name, "by": "firm"}}});
        assert_eq!(rows(&house.admin, "account", has).unwrap().len(), 1, "{name}");
    }
    let tree = done(&house, "record.tree", json!({"entity": "x.job", "id": second}));
    assert_eq!(tree["ancestors"].as_array().unwrap().len(), 1, "{tree}");
    let _ = house.verified();
}

#[test]
fn a_value_that_names_a_renamed_entity_is_the_same_under_both_names() {
    let house = house();
    let first = project(&house.admin, "x.project", json!({"name": "甲"})).unwrap();
    let refer = |entity: &str| json!({"entity": entity, "id": first});
    let old = project(&house.admin, "account", json!({"name": "旧", "x.any": refer("x.project")})).unwrap();
    rename(&house, "x.project", "job").unwrap();
    let new = project(&house.admin, "account", json!({"name": "新", "x.any": refer("x.job")})).unwrap();
    let again = project(&house.admin, "account", json!({"name": "又", "x.any": refer("x.project")})).unwrap();
    let value = |id: &str| {
        done(&house, "record.get", json!({"entity": "account", "id": id}))["values"]["x.any"].clone()
    };
    // What stands in records is what their author wrote, whichever name a caller writes.
    assert_eq!(
        (value(&old), value(&new), value(&again)),
        (refer("x.project"), refer("x.project"), refer("x.project"))
    );
    let other = call(
        &house.admin,
        "record.update",
        json!({
            "entity": "account", "id": new, "values": {"x.any": refer("crm.account")},
        }),
    );
    assert_eq!(other.unwrap_err().code(), Code::NotInValueSet);
    // What refers to a record holds it.
    let gone = call(&house.admin, "record.delete", json!({"entity": "x.job", "id": first}));
    assert_eq!(gone.unwrap_err().code(), Code::Referenced);
    let _ = house.verified();
}

#[test]
fn a_former_name_is_nobody_elses_and_only_the_owner_renames() {
    let house = house();
    rename(&house, "x.project", "job").unwrap();
    let taken = json!({"name": "project", "label_zh": "项目", "label_en": "Project"});
    let refused = call(&house.admin, "schema.define_entity", taken).unwrap_err();
    assert_eq!((refused.code(), refused.entity_name()), (Code::DuplicateDefinition, Some("x.project")));
    let other = json!({"name": "task", "label_zh": "任务", "label_en": "Task"});
    done(&house, "schema.define_entity", other);
    for (entity, name, code) in [
        ("x.task", "project", Code::DuplicateDefinition),
        ("x.task", "job", Code::DuplicateDefinition),
        ("x.task", "Task", Code::InvalidDefinition),
        ("account", "firm", Code::InvalidDefinition),
        ("x.nothing", "firm", Code::UnknownEntity),
    ] {
        assert_eq!(rename(&house, entity, name).unwrap_err().code(), code, "{entity} {name}");
    }
    done(&house, "schema.remove_entity", json!({"entity": "x.task"}));
    assert_eq!(rename(&house, "x.task", "work").unwrap_err().code(), Code::Withdrawn);
    let seller = house.user_as("plain", "salesperson");
    let given = json!({"entity": "x.job", "name": "deal"});
    assert_eq!(call(&seller, "schema.rename_entity", given).unwrap_err().code(), Code::NotPermitted);
    // It may have its own name again, and be called by either.
    rename(&house, "x.job", "project").unwrap();
    let told = described(&house, "x.job");
    assert_eq!((&told["name"], &told["former_names"]), (&json!("x.project"), &json!(["x.job"])));
    rename(&house, "x.project", "project").unwrap();
    // Whoever takes the customer's own elsewhere takes the former names along.
    rename(&house, "x.project", "deal").unwrap();
    let package = done(&house, "schema.export_package", json!({"package": "x"}))["package"].clone();
    let elsewhere = database();
    done(&elsewhere, "schema.install_package", json!({"package": package}));
    assert_eq!(described(&elsewhere, "x.job")["name"], "x.deal");
    assert_eq!(described(&elsewhere, "x.project")["name"], "x.deal");
    assert_eq!(field_of(&elsewhere, "account", "x.main")["targets"], json!(["x.deal"]));
}

/// A package with an entity of a name, which another entity and a relation of it lead to.
fn fleet(version: &str, name: &str) -> Json {
    let label = |text: &str| json!({"zh": text, "en": text});
    let title = json!({"local": 1, "name": "name", "label": label("名"), "kind": {"type": "text"}});
    let side = |entities: Json, name: &str| json!({"entities": entities, "label": label(name), "name": name});
    let full = format!("cn.fleet.{name}");
    json!({
        "package": "cn.fleet", "version": version, "label": label("车队"),
        "entities": [
            {"local": 3, "name": "trip", "label": label("行程"), "title": "name", "fields": [title, {
                "local": 2, "name": "vehicle", "label": label("车"), "kind": {"type": "reference", "entity": full},
            }]},
            {"local": 2, "name": "drives", "label": label("驾驶"), "relation": {
                "from": side(json!(["crm.contact"]), "driver"), "to": side(json!([full]), "vehicle"),
                "cardinality": "many_to_many",
            }},
            {"local": 1, "name": name, "label": label("车"), "title": "name", "fields": [title]},
        ],
        "extends": [{"entity": "crm.account", "fields": [
            {"local": 1, "name": "van", "label": label("车"), "kind": {"type": "reference", "entity": full}},
        ]}],
        "roles": [{"name": "Driver", "grants": [{"entity": full, "action": "read", "level": "all"}]}],
    })
}

#[test]
fn a_package_renames_its_entity_in_a_newer_version_and_goes_back() {
    let house = database();
    let install = |version: &str, name: &str| {
        call(&house.admin, "schema.install_package", json!({"package": fleet(version, name)}))
    };
    install("1.0.0", "car").unwrap();
    let car = project(&house.admin, "cn.fleet.car", json!({"name": "沪A"})).unwrap();
    project(&house.admin, "cn.fleet.trip", json!({"name": "一", "vehicle": car})).unwrap();
    let roles = house.admin.read(|reader| reader.find_by_title("sys.role", "Driver")).unwrap();
    let driver = house.user("driver", &roles);
    install("2.0.0", "vehicle").unwrap();
    for name in ["cn.fleet.car", "cn.fleet.vehicle"] {
        assert_eq!(described(&house, name)["name"], "cn.fleet.vehicle");
        assert_eq!(rows(&driver, name, json!({})).unwrap().len(), 1);
    }
    project(&house.admin, "cn.fleet.trip", json!({"name": "二", "vehicle": car})).unwrap();
    done(&house, "schema.roll_back_package", json!({"package": "cn.fleet"}));
    assert_eq!(described(&house, "cn.fleet.vehicle")["name"], "cn.fleet.car");
    assert_eq!(rows(&driver, "cn.fleet.car", json!({})).unwrap().len(), 1);
    let mut twice = fleet("3.0.0", "car");
    twice["entities"][0]["local"] = json!(1);
    let refused = call(&house.admin, "schema.install_package", json!({"package": twice})).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidDefinition, "two entities of one number");
    let mut others = fleet("3.0.0", "car");
    others["entities"][2]["former_names"] = json!(["crm.lead"]);
    let refused = call(&house.admin, "schema.install_package", json!({"package": others})).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidDefinition, "a name that was never the author's");
    let _ = house.verified();
}
