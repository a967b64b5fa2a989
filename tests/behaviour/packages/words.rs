//! The words of a package: labels and help in further languages, and the names of its roles and views in them.

use guanxi::{Code, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

use super::{call, changes, install};

fn words(zh: &str, en: &str, de: &str) -> Json {
    json!({"zh": zh, "en": en, "others": {"de": de}})
}

/// A package that says everything in German, too.
fn garage(version: &str, code: &str) -> Json {
    json!({
        "package": "cn.garage", "version": version, "label": words("车库", "Garage", "Garage"),
        "modules": [{"name": "cars", "label": words("车辆", "Cars", "Fahrzeuge"), "icon": "car", "order": 400}],
        "module": "cn.garage.cars",
        "entities": [{
            "local": 1, "name": "car", "label": words("车", "Car", "Wagen"), "title": "plate",
            "help": words("公司的车。", "A car of the firm.", "Ein Wagen der Firma."),
            "fields": [
                {"local": 1, "name": "plate", "label": words("车牌", "Plate", "Kennzeichen"), "kind": {"type": "text"},
                 "help": words("按行驶证填写。", "As in the papers.", "Wie im Schein.")},
                {"local": 2, "name": "state", "label": words("状态", "State", "Zustand"), "kind": {"type": "enum", "codes": [
                    {"code": "new", "label": words("新", "New", code), "active": true},
                ]}},
            ],
            "rules": [{"name": "plated", "condition": "size(plate) > 2", "message": words("车牌过短", "too short", "zu kurz")}],
        }],
        "extends": [{"entity": "crm.account", "label": words("主顾", "Client", "Kunde")}],
        "roles": [{"name": "Driver", "translations": {"zh-Hans": "司机", "de": "Fahrer"},
                   "grants": [{"entity": "cn.garage.car", "action": "read", "level": "all"}]}],
        "views": [{"name": "All cars", "entity": "cn.garage.car", "translations": {"zh-Hans": "所有车", "de": "Alle Wagen"},
                   "definition": {"columns": ["plate"]}}],
    })
}

fn told(house: &House, entity: &str, locale: &str) -> Json {
    call(house, "schema.describe", json!({"entity": entity, "locale": locale})).unwrap()["entities"][0]
        .clone()
}

fn role(house: &House, locale: &str) -> String {
    let roles = house.admin.read(|reader| reader.find_by_title("sys.role", "Driver")).unwrap();
    let given = json!({"entity": "sys.role", "id": roles[0].to_string(), "locale": locale});
    call(house, "record.get", given).unwrap()["values"]["name"].as_str().unwrap().to_owned()
}

fn check(house: &House, code: &str) {
    let car = told(house, "cn.garage.car", "de-AT");
    assert_eq!((&car["label"], &car["help"]), (&json!("Wagen"), &json!("Ein Wagen der Firma.")));
    let (plate, state) = (&car["fields"][0], &car["fields"][1]);
    assert_eq!((&plate["label"], &plate["help"]), (&json!("Kennzeichen"), &json!("Wie im Schein.")));
    assert_eq!((&state["codes"][0]["label"], &car["rules"][0]["message"]), (&json!(code), &json!("zu kurz")));
    assert_eq!(told(house, "account", "de")["label"], "Kunde");
    assert_eq!(
        told(house, "contact", "de")["label"],
        "Contact",
        "what has no German is told in the session's language"
    );
    assert_eq!(told(house, "cn.garage.car", "zh-Hant")["label"], "车");
    let modules = call(house, "module.list", json!({"locale": "de"})).unwrap();
    let modules = modules["modules"].as_array().unwrap();
    assert!(modules.iter().any(|module| module["label"] == "Fahrzeuge"), "{modules:?}");
    let layout = json!({"entity": "cn.garage.car", "kind": "form", "locale": "de"});
    assert_eq!(call(house, "schema.layout", layout).unwrap()["label"], "Wagen");
    assert_eq!(
        (role(house, "de"), role(house, "zh-Hans-CN"), role(house, "fr")),
        ("Fahrer".into(), "司机".into(), "Driver".into())
    );
}

#[test]
fn moving_a_package_moves_its_words() {
    let house = database();
    let dry = json!({"package": garage("1.0.0", "neu"), "dry_run": true});
    call(&house, "schema.install_package", dry).unwrap();
    assert!(call(&house, "schema.describe", json!({"entity": "cn.garage.car"})).is_err());
    install(&house, &garage("1.0.0", "neu")).unwrap();
    let house = house.reopened();
    check(&house, "neu");
    let listed = |locale: &str| {
        call(&house, "configuration.set", json!({"settings": {"regional.locale": locale}, "own": true}))
            .unwrap();
        let session = house.crm.session_for("admin").unwrap();
        let views = api::call(&session, "view.list", &json!({"entity": "cn.garage.car"})).unwrap();
        views["views"][0]["label"].as_str().unwrap().to_owned()
    };
    assert_eq!((listed("zh-Hans").as_str(), listed("en").as_str()), ("所有车", "All cars"));
    let run = json!({"entity": "cn.garage.car", "name": "所有车"});
    assert_eq!(
        call(&house, "view.run", run).unwrap()["view"]["name"],
        "All cars",
        "found by what people read"
    );

    // A newer version says something otherwise, and takes something back; the one before has it as it was.
    let mut newer = garage("1.1.0", "frisch");
    newer["roles"][0]["translations"] = json!({"de": "Fahrer"});
    let done = install(&house, &newer).unwrap();
    assert_eq!(changes(&done), ["changed field cn.garage.car state", "changed role  Driver"], "{done}");
    assert_eq!(
        (
            role(&house, "zh-Hans"),
            told(&house, "cn.garage.car", "de")["fields"][1]["codes"][0]["label"].clone()
        ),
        ("Driver".to_owned(), json!("frisch"))
    );
    call(&house, "schema.roll_back_package", json!({"package": "cn.garage"})).unwrap();
    check(&house, "neu");
    let given = call(&house, "schema.export_package", json!({"package": "cn.garage"})).unwrap();
    let other = database();
    install(&other, &given["package"]).unwrap();
    check(&other, "neu");
    let _ = house.verified();
}

#[test]
fn words_in_a_language_that_is_none_are_refused_with_their_place() {
    let house = database();
    let refused = |spoil: &dyn Fn(&mut Json)| {
        let mut package = garage("1.0.0", "neu");
        spoil(&mut package);
        let error = install(&house, &package).unwrap_err();
        assert_eq!(error.code(), Code::InvalidDefinition, "{error}");
        error.field_name().unwrap_or_default().to_owned()
    };
    for others in
        [json!({"german": "Wagen"}), json!({"DE": "Wagen"}), json!({"de": ""}), json!({"zh-Hans": "车"})]
    {
        let place =
            refused(&|package| package["entities"][0]["fields"][0]["label"]["others"] = others.clone());
        assert_eq!(place, "entities.1.fields.1.label.others", "{others}");
    }
    assert_eq!(refused(&|package| package["views"][0]["translations"] = json!({"de": ""})), "translations");
    assert_eq!(
        refused(&|package| package["roles"][0]["translations"] = json!({"deutsch": "Fahrer"})),
        "translations"
    );
    let given = json!({"entity": "account", "locale": "german"});
    assert_eq!(call(&house, "schema.describe", given).unwrap_err().code(), Code::InvalidArgument);
}
