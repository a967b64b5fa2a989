//! Modules: while one is off nobody reaches its entities, and what is stored of them stays right.

use guanxi::engine::{Action, Level};
use guanxi::{Code, Session, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn switch(house: &House, module: &str, on: bool) -> guanxi::Result<Json> {
    call(&house.admin, "module.switch", json!({"module": module, "on": on}))
}

fn create(house: &House, entity: &str, values: Json) -> String {
    let made = call(&house.admin, "record.create", json!({"entity": entity, "values": values})).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

fn code(session: &Session, method: &str, given: Json) -> Code {
    call(session, method, given).unwrap_err().code()
}

fn names(list: &Json, name: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one[name].as_str().unwrap().to_owned()).collect()
}

/// Sales are off, and so is the work around them, which requires them.
fn sales_off(house: &House) {
    for module in ["work", "sales"] {
        switch(house, module, false).unwrap();
    }
}

/// A house with a product and a deal over it, and how many deals there are as a field of products.
fn house() -> (House, String, String) {
    let house = database();
    let rollup = json!({"entity": "product", "name": "deals", "field_type": "rollup", "label_zh": "商机数", "label_en": "Deals",
        "child": "opportunity", "by": "product", "function": "count"});
    call(&house.admin, "schema.define_field", rollup).unwrap();
    let product = create(&house, "product", json!({"name": "Ledger"}));
    let deal = create(&house, "opportunity", json!({"title": "Ledger for Jiaxi", "product": product}));
    (house, product, deal)
}

#[test]
fn every_entity_belongs_to_a_module_and_navigation_is_by_modules() {
    let (house, _, _) = house();
    let told = call(&house.admin, "module.list", json!({})).unwrap();
    assert_eq!(
        names(&told["modules"], "module"),
        ["parties", "work", "sales", "products", "custom", "system"]
    );
    let sales = &told["modules"][2];
    assert_eq!(
        (&sales["label"], &sales["icon"], &sales["on"]),
        (&json!("Sales"), &json!("funnel"), &json!(true))
    );
    assert_eq!(sales["requires"], json!(["parties"]));
    let told = call(&house.admin, "schema.describe", json!({})).unwrap();
    let of = |name: &str| {
        let entities = told["entities"].as_array().unwrap();
        entities.iter().find(|entity| entity["name"] == name).unwrap()["module"].clone()
    };
    assert_eq!([of("crm.opportunity"), of("sys.user")], ["sales", "system"]);
    let read = [("crm.account", Action::Read, Level::All)];
    let lin = house.user("lin", &[house.role("reader", &read)]);
    let told = call(&lin, "schema.navigation", json!({})).unwrap();
    assert_eq!(names(&told["modules"], "module"), ["parties"], "nobody is told of what they may not read");
    assert_eq!(told["modules"][0]["entities"], json!(["crm.account"]));
}

#[test]
fn what_is_off_is_off_for_everybody_and_comes_back_as_it_was() {
    let (house, product, deal) = house();
    let before = call(&house.admin, "record.get", json!({"entity": "opportunity", "id": deal})).unwrap();
    let asked = json!({"entity": "opportunity", "id": deal});
    call(&house.admin, "recent.add", asked.clone()).unwrap();
    let search = |text: &str| call(&house.admin, "search.find", json!({"text": text})).unwrap();
    assert_eq!(search("Jiaxi")["total"], 1);
    sales_off(&house);
    let house = house.reopened();
    let lin = house.user_as("lin", "salesperson");
    for session in [&house.admin, &lin] {
        let values = json!({"title": "another"});
        for (method, given) in [
            ("record.get", asked.clone()),
            ("record.list", json!({"entity": "opportunity"})),
            ("record.count", json!({"entity": "opportunity"})),
            ("record.create", json!({"entity": "opportunity", "values": values})),
            ("record.update", json!({"entity": "opportunity", "id": deal, "values": values})),
            ("record.delete", asked.clone()),
            ("record.history", asked.clone()),
            ("opportunity.win", json!({"id": deal})),
            ("opportunity.pipeline", json!({})),
            ("search.find", json!({"text": "Jiaxi", "entity": "opportunity"})),
            ("schema.layout", json!({"entity": "opportunity", "kind": "list"})),
            ("recent.add", asked.clone()),
        ] {
            assert_eq!(code(session, method, given), Code::ModuleOff, "{method}");
        }
    }
    let search = |text: &str| call(&house.admin, "search.find", json!({"text": text})).unwrap();
    assert_eq!(search("Jiaxi")["total"], 0, "not even a count tells of it");
    assert_eq!(call(&house.admin, "recent.list", json!({})).unwrap()["records"], json!([]));
    let told = call(&house.admin, "schema.navigation", json!({})).unwrap();
    assert!(!names(&told["entities"], "entity").contains(&"crm.opportunity".to_owned()));
    let told = call(&house.admin, "schema.describe", json!({})).unwrap();
    assert!(!names(&told["entities"], "name").contains(&"crm.stage".to_owned()));
    // What follows from deals is not told either, and the product itself is as before.
    let read = call(&house.admin, "record.get", json!({"entity": "product", "id": product})).unwrap();
    assert_eq!((&read["title"], read["values"].get("x.deals")), (&json!("Ledger"), None));
    // A product that a deal refers to stays, whoever asks.
    let asked_product = json!({"entity": "product", "id": product});
    assert_eq!(code(&house.admin, "record.delete", asked_product), Code::Referenced);
    let _ = house.verified();
    switch(&house, "sales", true).unwrap();
    assert_eq!(call(&house.admin, "record.get", asked).unwrap(), before);
    let search = |text: &str| call(&house.admin, "search.find", json!({"text": text})).unwrap();
    assert_eq!(search("Jiaxi")["total"], 1);
    let read = call(&house.admin, "record.get", json!({"entity": "product", "id": product})).unwrap();
    assert_eq!(read["values"]["x.deals"], 1);
    assert_eq!(
        names(&call(&house.admin, "recent.list", json!({})).unwrap()["records"], "title"),
        ["Ledger for Jiaxi"]
    );
    let _ = house.verified();
}

#[test]
fn references_that_lead_into_a_module_that_is_off_stay_and_no_new_one_is_made() {
    let (house, product, deal) = house();
    switch(&house, "products", false).unwrap();
    let asked = json!({"entity": "opportunity", "id": deal});
    let read = call(&house.admin, "record.get", asked.clone()).unwrap();
    assert_eq!(read["values"]["product"], json!(product));
    // A record that refers there is changed, but not led there anew, nor asked for along that way.
    let change = |values: Json| json!({"entity": "opportunity", "id": deal, "values": values});
    call(&house.admin, "record.update", change(json!({"note": "a note"}))).unwrap();
    let given = json!({"entity": "opportunity", "values": {"title": "b", "product": product}});
    assert_eq!(code(&house.admin, "record.create", given), Code::ModuleOff);
    let given = json!({"entity": "opportunity", "filter": {"product.name": "Ledger"}});
    assert_eq!(code(&house.admin, "record.list", given), Code::ModuleOff);
    let layout = json!({"entity": "opportunity", "kind": "detail"});
    let told = call(&house.admin, "schema.layout", layout).unwrap();
    assert!(!names(&told["sections"][0]["fields"], "name").contains(&"product".to_owned()));
    switch(&house, "products", true).unwrap();
    assert_eq!(call(&house.admin, "record.get", asked).unwrap()["values"]["note"], "a note");
    let _ = house.verified();
}

#[test]
fn a_module_is_switched_by_administrators_and_not_from_under_others() {
    let (house, _, _) = house();
    let refused = |module: &str, on: bool| {
        let error = switch(&house, module, on).unwrap_err();
        (error.code(), error.rule_name().unwrap_or_default().to_owned())
    };
    assert_eq!(refused("parties", false), (Code::ModuleRequired, "required by sales, work".to_owned()));
    assert_eq!(refused("system", false).0, Code::ModuleRequired);
    assert_eq!(refused("nothing", false).0, Code::UnknownModule);
    sales_off(&house);
    switch(&house, "parties", false).unwrap();
    assert_eq!(refused("sales", true), (Code::ModuleRequired, "it requires parties".to_owned()));
    let lin = house.user_as("lin", "director");
    assert_eq!(code(&lin, "module.switch", json!({"module": "parties", "on": true})), Code::NotPermitted);
    let head = house.crm.head().unwrap().position;
    switch(&house, "parties", true).unwrap();
    switch(&house, "parties", true).unwrap();
    let entries = call(&house.admin, "ledger.list", json!({"after": head})).unwrap();
    assert_eq!(entries["entries"].as_array().unwrap().len(), 1, "what is so already is no entry");
    let entry = entries["entries"][0].to_string();
    assert!(entry.contains("module.switch") && entry.contains("parties"), "{entry}");
}

fn package(version: &str, modules: Json, module: Json) -> Json {
    let label = json!({"zh": "执照", "en": "Licences"});
    let field = |local: u32, name: &str, kind: Json, required: bool| json!({"local": local, "name": name, "label": label, "kind": kind, "required": required});
    json!({
        "package": "cn.licence", "version": version, "label": label, "modules": modules, "module": module,
        "entities": [{
            "local": 1, "name": "case", "label": label, "title": "name",
            "fields": [
                field(1, "name", json!({"type": "text"}), true),
                field(2, "account", json!({"type": "reference", "entity": "crm.account"}), true),
            ],
        }],
    })
}

#[test]
fn a_package_brings_modules_of_its_own_which_go_and_come_back_with_it() {
    let house = database();
    let label = json!({"zh": "执照", "en": "Licences"});
    let own = json!([{"name": "cases", "label": label, "icon": "stamp", "order": 250}]);
    let install = |version: &str, modules: Json, module: Json| {
        let given = json!({"package": package(version, modules, module)});
        call(&house.admin, "schema.install_package", given)
    };
    let error = install("1.0.0", json!([]), json!("cn.licence.cases")).unwrap_err();
    assert_eq!((error.code(), error.entity_name()), (Code::UnknownModule, Some("cn.licence.case")));
    let wrong = json!([{"name": "cases", "label": label, "colour": "red"}]);
    assert_eq!(install("1.0.0", wrong, json!(null)).unwrap_err().code(), Code::InvalidDefinition);
    sales_off(&house);
    switch(&house, "parties", false).unwrap();
    assert_eq!(install("1.0.0", own.clone(), json!("cn.licence.cases")).unwrap_err().code(), Code::ModuleOff);
    switch(&house, "parties", true).unwrap();
    let plan = install("1.0.0", own.clone(), json!("cn.licence.cases")).unwrap();
    let module = &plan["changes"][0];
    assert_eq!(
        (&module["change"], &module["element"], &module["name"]),
        (&json!("added"), &json!("module"), &json!("cn.licence.cases"))
    );
    // A required reference is a need like one that is named.
    let error = switch(&house, "parties", false).unwrap_err();
    assert_eq!(error.rule_name(), Some("required by cn.licence.cases"));
    switch(&house, "cn.licence.cases", false).unwrap();
    let list = || code(&house.admin, "record.list", json!({"entity": "cn.licence.case"}));
    assert_eq!(list(), Code::ModuleOff);
    let exported = call(&house.admin, "schema.export_package", json!({"package": "cn.licence"})).unwrap();
    assert_eq!(exported["package"]["modules"][0]["name"], "cases");
    assert_eq!(exported["package"]["entities"][0]["module"], "cn.licence.cases");
    // It stays off while its package goes and comes back.
    call(&house.admin, "schema.remove_package", json!({"package": "cn.licence"})).unwrap();
    assert_eq!(list(), Code::ModuleOff);
    install("1.1.0", own, json!("cn.licence.cases")).unwrap();
    assert_eq!(list(), Code::ModuleOff);
    switch(&house, "cn.licence.cases", true).unwrap();
    call(&house.admin, "record.list", json!({"entity": "cn.licence.case"})).unwrap();
    let _ = house.reopened().verified();
}
