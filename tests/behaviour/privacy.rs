//! What fields tell of people: declared, made stricter and never looser, and inherited by what follows from them.

use guanxi::{Code, Session, api};
use guanxi_tests::database;
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn field(session: &Session, entity: &str, name: &str) -> (String, Vec<String>) {
    let told = call(session, "schema.describe", json!({"entity": entity})).unwrap();
    let fields = told["entities"][0]["fields"].as_array().unwrap().clone();
    let field = fields.iter().find(|known| known["name"] == name).unwrap();
    let purposes = field["purposes"].as_array().unwrap();
    let purposes = purposes.iter().map(|code| code.as_str().unwrap().to_owned());
    (field["privacy"].as_str().unwrap().to_owned(), purposes.collect())
}

fn define(session: &Session, entity: &str, name: &str, field_type: &str, more: Json) -> guanxi::Result<Json> {
    let mut given = json!({
        "entity": entity, "name": name, "field_type": field_type, "label_zh": "字段", "label_en": "Field",
    });
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(session, "schema.define_field", given)
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn refine(session: &Session, entity: &str, change: Json) -> guanxi::Result<Json> {
    call(session, "schema.override_field", json!({"entity": entity, "change": change}))
}

#[test]
fn what_tells_of_people_is_declared_and_what_follows_from_it_inherits_the_strictest_class() {
    let house = database();
    for (entity, name) in
        [("contact", "name"), ("contact", "phone"), ("contact", "birthday"), ("sys.user", "email")]
    {
        assert_eq!(field(&house.admin, entity, name).0, "personal", "{entity}.{name}");
    }
    assert_eq!(field(&house.admin, "account", "name").0, "none");
    let purposes = json!({"privacy": "sensitive", "purposes": ["care", "billing"], "translatable": true});
    define(&house.admin, "contact", "illness", "text", purposes).unwrap();
    let told = json!({"purposes": ["billing", "contact"]});
    define(&house.admin, "contact", "note", "text", told).unwrap();
    assert_eq!(field(&house.admin, "contact", "x.illness_translations").0, "sensitive");

    let formula = |name: &str, expression: &str| {
        define(&house.admin, "contact", name, "formula", json!({"expression": expression})).unwrap();
        field(&house.admin, "contact", &format!("x.{name}"))
    };
    assert_eq!(formula("short", "size(name)"), ("personal".to_owned(), Vec::new()));
    let both = ("sensitive".to_owned(), owned(&["billing"]));
    assert_eq!(formula("both", "x.illness + x.note + position"), both);
    assert_eq!(formula("again", "x.both + '!'"), both, "through another formula");
    assert_eq!(formula("plain", "1 + 1"), ("none".to_owned(), Vec::new()));

    let kind = json!({"target": "contact"});
    define(&house.admin, "account", "patient", "reference", kind).unwrap();
    let lookup = json!({"through": "x.patient", "field": "x.both"});
    define(&house.admin, "account", "told", "lookup", lookup).unwrap();
    assert_eq!(field(&house.admin, "account", "x.told"), both, "along a reference");
    let born = json!({"child": "contact", "by": "account", "function": "max", "field": "birthday"});
    define(&house.admin, "account", "youngest", "rollup", born).unwrap();
    let ill = json!({"child": "contact", "by": "account", "function": "count", "filter": "has(x.illness)"});
    define(&house.admin, "account", "ill", "rollup", ill).unwrap();
    let house = house.reopened();
    assert_eq!(field(&house.admin, "account", "x.youngest").0, "personal");
    assert_eq!(field(&house.admin, "account", "x.ill").0, "sensitive", "by the condition of a rollup");
}

#[test]
fn a_higher_layer_makes_a_class_stricter_and_never_looser() {
    let house = database();
    let package = |version: &str, privacy: &str| {
        let label = json!({"zh": "诊所", "en": "Clinic"});
        json!({
            "package": "cn.clinic", "version": version, "label": label,
            "extends": [{
                "entity": "crm.contact",
                "fields": [{
                    "local": 1, "name": "allergy", "label": label, "kind": {"type": "text"},
                    "privacy": privacy, "purposes": ["care", "billing"],
                }],
                "overrides": [{"field": "birthday", "privacy": "sensitive"}],
            }],
        })
    };
    let install = |package: Json| call(&house.admin, "schema.install_package", json!({"package": package}));
    install(package("1.0.0", "personal")).unwrap();
    let allergy = "cn.clinic.allergy";
    assert_eq!(field(&house.admin, "contact", "birthday").0, "sensitive");
    assert_eq!(field(&house.admin, "contact", allergy), ("personal".to_owned(), owned(&["care", "billing"])));

    let looser = |change: Json| refine(&house.admin, "contact", change).unwrap_err().code();
    let wrong = Code::InvalidDefinition;
    define(&house.admin, "contact", "own", "text", json!({"privacy": "personal"})).unwrap();
    assert_eq!(looser(json!({"field": allergy, "purposes": ["care", "advertising"]})), wrong);
    assert_eq!(looser(json!({"field": allergy, "privacy": "public"})), wrong);
    assert_eq!(looser(json!({"field": "x.own", "privacy": "sensitive"})), wrong, "its own layer");
    refine(&house.admin, "contact", json!({"field": allergy, "privacy": "sensitive", "purposes": ["care"]}))
        .unwrap();
    assert_eq!(field(&house.admin, "contact", allergy), ("sensitive".to_owned(), owned(&["care"])));

    install(package("1.1.0", "sensitive")).unwrap();
    assert_eq!(looser(json!({"field": allergy, "privacy": "personal"})), wrong);
    refine(&house.admin, "contact", json!({"field": allergy, "help": {"zh": "过敏", "en": "Allergies"}}))
        .unwrap();
    let of_author = ("sensitive".to_owned(), owned(&["care", "billing"]));
    assert_eq!(
        field(&house.admin, "contact", allergy),
        of_author,
        "a class that is not said stays the author's"
    );
    let exported = call(&house.admin, "schema.export_package", json!({"package": "cn.clinic"})).unwrap();
    let fields = &exported["package"]["extends"][0]["fields"];
    assert_eq!(fields[0]["privacy"], "sensitive");
    for purposes in [json!(["Care"]), json!(["care", "care"]), json!([""])] {
        let error =
            define(&house.admin, "contact", "wrong", "text", json!({"purposes": purposes})).unwrap_err();
        assert_eq!(error.code(), wrong);
    }
}

#[test]
fn a_higher_layer_gives_an_entity_another_label_and_more_rules_and_takes_nothing_from_it() {
    let house = database();
    let described = || {
        call(&house.admin, "schema.describe", json!({"entity": "account"})).unwrap()["entities"][0].clone()
    };
    let english = described()["label"].clone();
    let clinic = json!({"zh": "诊所", "en": "Clinic"});
    let install = |version: &str, extends: Json| {
        let package = json!({
            "package": "cn.clinic", "version": version, "label": clinic, "extends": extends,
        });
        call(&house.admin, "schema.install_package", json!({"package": package}))
    };
    let message = json!({"zh": "名称太短", "en": "The name is too short"});
    let rule = json!({"name": "long", "condition": "size(name) > 1", "message": message});
    let extends = json!([{"entity": "crm.account", "label": clinic, "help": clinic, "rules": [rule]}]);
    let told = install("1.0.0", extends).unwrap();
    let elements: Vec<&Json> =
        told["changes"].as_array().unwrap().iter().map(|one| &one["element"]).collect();
    assert_eq!(elements, ["rule", "override"]);
    assert_eq!(
        (&described()["label"], &described()["changed_by"]),
        (&json!("Clinic"), &json!(["cn.clinic"]))
    );
    let short = json!({"entity": "account", "values": {"name": "A"}});
    assert_eq!(call(&house.admin, "record.create", short.clone()).unwrap_err().code(), Code::RuleBroken);
    let own = json!({"entity": "account", "label_zh": "医院", "label_en": "Hospital"});
    call(&house.admin, "schema.override_entity", own.clone()).unwrap();
    assert_eq!(described()["label"], "Hospital");
    let again = json!({
        "entity": "account", "name": "long", "condition": "true", "message_zh": "无", "message_en": "None",
    });
    call(&house.admin, "schema.define_rule", again).unwrap();
    assert_eq!(
        call(&house.admin, "record.create", short).unwrap_err().code(),
        Code::RuleBroken,
        "a rule of another layer stays"
    );
    let mut entity = own.clone();
    entity["dry_run"] = json!(true);
    entity["label_en"] = json!("Ward");
    let plan = call(&house.admin, "schema.override_entity", entity).unwrap();
    assert_eq!(
        (&plan["changes"][0]["element"], &plan["changes"][0]["layer"]),
        (&json!("override"), &json!("customer"))
    );
    install("1.1.0", json!([])).unwrap();
    assert_eq!(described()["label"], "Hospital");
    call(&house.admin, "schema.override_entity", json!({"entity": "account"})).unwrap();
    assert_eq!(described()["label"], english);
    let partial = json!({"entity": "account", "label_en": "Hospital"});
    assert_eq!(
        call(&house.admin, "schema.override_entity", partial).unwrap_err().code(),
        Code::InvalidDefinition
    );
}
