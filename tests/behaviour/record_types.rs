//! Record types: which fields a record has, what it must have, and what becomes of it when its type changes.

use guanxi::engine::{Action, Level};
use guanxi::{Code, Session, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn label(text: &str) -> Json {
    json!({"zh": text, "en": text})
}

fn field(house: &House, name: &str, kind: &str, more: Json) {
    let mut given =
        json!({"entity": "account", "name": name, "field_type": kind, "label_zh": name, "label_en": name});
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(&house.admin, "schema.define_field", given).unwrap();
}

/// Exhibitors have booths, visitors have badges, and both a grade.
fn house() -> House {
    let house = database();
    let codes = |codes: &[&str]| -> Json {
        codes.iter().map(|code| json!({"code": code, "zh": code, "en": code})).collect()
    };
    field(&house, "kind", "enum", json!({"codes": codes(&["exhibitor", "visitor", "partner"])}));
    field(&house, "grade", "enum", json!({"codes": codes(&["a", "b", "c"])}));
    field(&house, "booth", "text", json!({}));
    field(&house, "area", "int", json!({}));
    field(&house, "badge", "text", json!({}));
    field(
        &house,
        "number",
        "serial",
        json!({"parts": [{"part": "text", "text": "V"}, {"part": "counter", "digits": 4}]}),
    );
    field(&house, "double", "formula", json!({"expression": "x.area * 2"}));
    house
}

fn types() -> Json {
    json!({"field": "x.kind", "types": [
        {"code": "exhibitor", "label": label("参展商"), "fields": ["x.area", "x.booth", "x.double"], "required": ["x.booth"],
         "defaults": {"x.area": "employees * 2", "x.grade": "'b'"}, "codes": {"x.grade": ["a", "b"]}},
        {"code": "visitor", "label": label("观众"), "fields": ["x.badge", "x.number"]},
        {"code": "partner", "label": label("伙伴"), "active": false},
    ]})
}

fn define(session: &Session, types: Json) -> guanxi::Result<Json> {
    call(session, "schema.define_record_types", json!({"entity": "account", "record_types": types}))
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

fn values(house: &House, id: &str) -> Json {
    call(&house.admin, "record.get", json!({"entity": "account", "id": id})).unwrap()["values"].clone()
}

#[test]
fn a_record_has_the_fields_of_its_type_and_what_that_asks_for() {
    let house = house();
    let admin = &house.admin;
    define(admin, types()).unwrap();
    let error = create(admin, json!({"x.kind": "exhibitor"})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::Required, Some("x.booth")));
    assert_eq!(error.rule_name(), Some("required where x.kind is exhibitor"));
    let error = create(admin, json!({"x.kind": "exhibitor", "x.booth": "A1", "x.badge": "7"})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::NotInRecordType, Some("x.badge")));
    assert_eq!(error.rule_name(), Some("x.kind is exhibitor"));
    let id = create(admin, json!({"x.kind": "exhibitor", "x.booth": "A1", "employees": 8})).unwrap();
    let made = values(&house, &id);
    assert_eq!((&made["x.area"], &made["x.grade"], &made["x.double"]), (&json!(16), &json!("b"), &json!(32)));
    assert_eq!(
        made.get("x.number").unwrap_or(&Json::Null),
        &Json::Null,
        "a visitor's number is no exhibitor's"
    );
    let error = change(admin, &id, json!({"x.grade": "c"})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::CodeNotAllowed, Some("x.grade")));
    let visitor = create(admin, json!({"x.kind": "visitor", "x.grade": "c"})).unwrap();
    assert_eq!(values(&house, &visitor)["x.number"], "V0001");
    // A record without type has what belongs to all.
    let plain = create(admin, json!({"x.grade": "c"})).unwrap();
    assert_eq!(change(admin, &plain, json!({"x.booth": "B"})).unwrap_err().code(), Code::NotInRecordType);
    let error = create(admin, json!({"x.kind": "partner"})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::CodeNotAllowed, Some("x.kind")));
    let house = house.reopened();
    let error = change(&house.admin, &visitor, json!({"x.area": 3})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::NotInRecordType, Some("x.area")));
    let _ = house.verified();
}

#[test]
fn a_change_of_type_leaves_nothing_of_the_old_one_behind() {
    let house = house();
    let admin = &house.admin;
    define(admin, types()).unwrap();
    let id =
        create(admin, json!({"x.kind": "exhibitor", "x.booth": "A1", "x.area": 9, "x.grade": "a"})).unwrap();
    let before = values(&house, &id);
    let error = change(admin, &id, json!({"x.kind": "visitor"})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::NotInRecordType, Some("x.booth, x.area")));
    assert_eq!(error.rule_name(), Some("x.kind is visitor"));
    assert_eq!(values(&house, &id), before, "what was refused changed nothing");
    change(admin, &id, json!({"x.kind": "visitor", "x.booth": null, "x.area": null, "x.badge": "9"}))
        .unwrap();
    let error = change(admin, &id, json!({"x.kind": "exhibitor", "x.badge": null})).unwrap_err();
    assert_eq!(error.code(), Code::Required);
    change(admin, &id, json!({"x.kind": "exhibitor", "x.badge": null, "x.booth": "C", "employees": 2}))
        .unwrap();
    assert_eq!(values(&house, &id)["x.area"], 4, "the defaults of the type come in");
    assert_eq!(change(admin, &id, json!({"x.kind": null})).unwrap_err().code(), Code::NotInRecordType);
}

#[test]
fn what_stood_before_the_types_may_stay_until_it_changes() {
    let house = house();
    let admin = &house.admin;
    let id = create(admin, json!({"x.kind": "partner", "x.badge": "1", "x.booth": "A"})).unwrap();
    define(admin, types()).unwrap();
    change(admin, &id, json!({"city": "上海"})).unwrap();
    let error = change(admin, &id, json!({"x.badge": "2"})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::NotInRecordType, Some("x.badge")));
    change(admin, &id, json!({"x.badge": null})).unwrap();
    let call_on = |method: &str| call(admin, method, json!({"entity": "account", "id": id})).map(drop);
    call_on("record.delete").unwrap();
    call_on("record.undelete").unwrap();
    define(admin, json!({"field": "x.kind", "types": []})).unwrap();
    change(admin, &id, json!({"x.badge": "2"})).unwrap();
    let told = call(admin, "schema.describe", json!({"entity": "account"})).unwrap();
    assert_eq!(told["entities"][0]["record_types"], Json::Null);
}

#[test]
fn a_layout_of_a_type_has_its_fields_in_its_order_and_those_of_all() {
    let house = house();
    define(&house.admin, types()).unwrap();
    let layout = |session: &Session, kind: &str, code: Json| {
        call(session, "schema.layout", json!({"entity": "account", "kind": kind, "record_type": code}))
    };
    let names = |layout: &Json, section: usize| -> Vec<String> {
        let fields = layout["sections"][section]["fields"].as_array().unwrap().iter();
        fields.map(|field| field["name"].as_str().unwrap().to_owned()).collect()
    };
    let detail = layout(&house.admin, "detail", json!("exhibitor")).unwrap();
    let fields = names(&detail, 0);
    assert_eq!(fields[..4], ["name", "x.area", "x.booth", "x.double"]);
    assert!(fields.contains(&"x.grade".to_owned()) && !fields.contains(&"x.badge".to_owned()));
    let form = layout(&house.admin, "form", json!("exhibitor")).unwrap();
    assert_eq!(names(&form, 0), ["name", "x.booth"], "what the type asks for is asked for first");
    assert_eq!(form["sections"][0]["fields"][1]["required"], true);
    let list = layout(&house.admin, "list", json!("visitor")).unwrap();
    assert_eq!(names(&list, 0)[..3], ["name", "x.badge", "x.number"]);
    let all = layout(&house.admin, "detail", Json::Null).unwrap();
    assert!(names(&all, 0).contains(&"x.badge".to_owned()) && names(&all, 0).contains(&"x.booth".to_owned()));
    let error = layout(&house.admin, "list", json!("nobody")).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::InvalidArgument, Some("record_type")));
    // Who does not see the type does not learn which there are.
    let grants = [Action::Read, Action::Update].map(|action| ("crm.account", action, Level::All));
    let blind = house.user("blind", &[house.role_hiding("blind", &grants, "x.kind,x.area")]);
    assert_eq!(layout(&blind, "list", json!("visitor")).unwrap_err().code(), Code::InvalidArgument);
    let told = call(&blind, "schema.describe", json!({"entity": "account"})).unwrap();
    assert_eq!(told["entities"][0]["record_types"], Json::Null);
    let half = house.user("half", &[house.role_hiding("half", &grants, "x.area,employees")]);
    let told = call(&half, "schema.describe", json!({"entity": "account"})).unwrap();
    let exhibitor = &told["entities"][0]["record_types"]["types"][0];
    assert_eq!(exhibitor["fields"], json!(["x.booth"]), "a formula over a hidden field is hidden");
    assert_eq!(exhibitor["defaults"], json!({"x.grade": "'b'"}));
    let id = create(&house.admin, json!({"x.kind": "exhibitor", "x.booth": "A", "x.area": 3})).unwrap();
    let error = change(&half, &id, json!({"x.kind": "visitor", "x.booth": null})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::NotInRecordType, None));
}

#[test]
fn types_travel_in_packages_and_what_no_types_can_be_is_refused() {
    let house = house();
    let admin = &house.admin;
    let refused = |types: Json| {
        let error = define(admin, types).unwrap_err();
        (error.code(), error.field_name().unwrap_or_default().to_owned())
    };
    let one = |more: Json| {
        let mut one = json!({"code": "visitor", "label": label("v")});
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"field": "x.kind", "types": [one]})
    };
    let invalid = |name: &str| (Code::InvalidDefinition, name.to_owned());
    assert_eq!(refused(json!({"field": "x.booth", "types": []})), invalid("x.booth"));
    assert_eq!(
        refused(json!({"field": "x.kind", "types": [{"code": "nobody", "label": label("v")}]})),
        invalid("nobody")
    );
    assert_eq!(refused(one(json!({"fields": ["name"]}))), invalid("visitor.name"));
    assert_eq!(refused(one(json!({"fields": ["x.kind"]}))), invalid("visitor.x.kind"));
    assert_eq!(refused(one(json!({"fields": ["x.badge", "x.badge"]}))), invalid("visitor.x.badge"));
    assert_eq!(refused(one(json!({"codes": {"x.grade": ["z"]}}))), invalid("visitor.x.grade"));
    assert_eq!(refused(one(json!({"defaults": {"x.grade": "1"}}))), invalid("visitor.x.grade"));
    assert_eq!(refused(one(json!({"required": ["x.double"]}))), invalid("visitor.x.double"));
    assert_eq!(refused(one(json!({"field": ["x.badge"]}))), invalid("types.1.field"));
    assert_eq!(refused(one(json!({"fields": ["nothing"]}))), (Code::UnknownField, "nothing".to_owned()));
    define(admin, types()).unwrap();
    let exported = call(admin, "schema.export_package", json!({"package": "x"})).unwrap()["package"].clone();
    let elsewhere = database();
    call(&elsewhere.admin, "schema.install_package", json!({"package": exported})).unwrap();
    let described = |house: &House| {
        let told = call(&house.admin, "schema.describe", json!({"entity": "account"})).unwrap();
        told["entities"][0]["record_types"].clone()
    };
    assert_eq!(described(&elsewhere), described(&house));
    // A vendor's types go with the vendor, and an entity has those of one author.
    let other = database();
    let package = |version: &str, types: Json| {
        let codes = json!([{"code": "one", "label": label("one")}]);
        let field = json!({"local": 1, "name": "sort", "label": label("sort"), "kind": {"type": "enum", "codes": codes}});
        let extension = json!({"entity": "crm.account", "fields": [field], "record_types": types});
        json!({"package": {"package": "acme", "version": version, "label": label("A"), "extends": [extension]}})
    };
    let types_of_acme = json!({"field": "acme.sort", "types": [{"code": "one", "label": label("one")}]});
    let plan = package("1.0.0", types_of_acme.clone());
    let installed = call(&other.admin, "schema.install_package", plan).unwrap();
    let changes = installed["changes"].as_array().unwrap();
    assert!(changes.iter().any(|change| change["element"] == "record_types" && change["change"] == "added"));
    let error = define(&other.admin, types_of_acme).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::DuplicateDefinition, Some("acme.sort")));
    call(&other.admin, "schema.install_package", package("1.1.0", Json::Null)).unwrap();
    assert_eq!(described(&other), Json::Null);
    let reader = house.user("reader", &[house.role("reader", &[("crm.account", Action::Read, Level::All)])]);
    assert_eq!(define(&reader, types()).unwrap_err().code(), Code::NotPermitted);
}
