//! Texts in several languages: set beside the text itself, read in its place, found, audited and forgotten with it.

use guanxi::engine::{Action, Level};
use guanxi::features::exchange::ImportOptions;
use guanxi::{Code, Session, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn product(house: &House, name: &str) -> String {
    let given = json!({"entity": "product", "values": {"name": name}});
    call(&house.admin, "record.create", given).unwrap()["id"].as_str().unwrap().to_owned()
}

fn translate(session: &Session, id: &str, texts: Json) -> guanxi::Result<Json> {
    call(session, "record.translate", json!({"entity": "product", "id": id, "field": "name", "texts": texts}))
}

fn title(house: &House, id: &str, locale: Json) -> String {
    let asked = json!({"entity": "product", "id": id, "locale": locale});
    call(&house.admin, "record.get", asked).unwrap()["title"].as_str().unwrap().to_owned()
}

#[test]
fn a_text_is_told_in_the_language_asked_for_and_else_as_it_is() {
    let house = database();
    let id = product(&house, "账本");
    let told =
        translate(&house.admin, &id, json!({"EN": "Ledger", "de": "Kontobuch", "zh-Hans": "帐簿"})).unwrap();
    assert_eq!(told["outcome"], "updated");
    let house = house.reopened();
    for (locale, text) in [
        (json!("en"), "Ledger"),
        (json!("en-US"), "Ledger"),
        (json!("zh_hans_CN"), "帐簿"),
        (json!("fr"), "账本"),
        (json!(null), "账本"),
    ] {
        assert_eq!(title(&house, &id, locale), text);
    }
    translate(&house.admin, &id, json!({"de": null})).unwrap();
    assert_eq!(
        (title(&house, &id, json!("de")), title(&house, &id, json!("en"))),
        ("账本".into(), "Ledger".into())
    );
    let again = translate(&house.admin, &id, json!({"en": "Ledger"})).unwrap();
    assert_eq!(again["outcome"], "unchanged");
    // Lists are told in a language, and sort and filter by the text itself.
    let listed = json!({"entity": "product", "locale": "en", "filter": {"name": "账本"}, "sort": ["name"]});
    let listed = call(&house.admin, "record.list", listed).unwrap();
    assert_eq!(listed["rows"][0]["values"]["name"], "Ledger");
    let none = call(&house.admin, "record.count", json!({"entity": "product", "filter": {"name": "Ledger"}}));
    assert_eq!(none.unwrap()["count"], 0);
    let _ = house.verified();
}

#[test]
fn search_finds_every_language_and_history_tells_of_it() {
    let house = database();
    let id = product(&house, "账本");
    translate(&house.admin, &id, json!({"en": "Bookkeeper"})).unwrap();
    let found = |text: &str| {
        let told = call(&house.admin, "search.find", json!({"text": text, "entity": "product"})).unwrap();
        told["total"].as_u64().unwrap()
    };
    assert_eq!((found("bookkeeper"), found("账本")), (1, 1));
    translate(&house.admin, &id, json!({"en": null})).unwrap();
    assert_eq!((found("bookkeeper"), found("账本")), (0, 1));
    let past = call(&house.admin, "record.history", json!({"entity": "product", "id": id})).unwrap();
    let past = past.to_string();
    assert!(past.contains("name_translations") && past.contains("Bookkeeper"), "{past}");
}

#[test]
fn what_is_hidden_is_hidden_in_every_language_and_bad_texts_are_refused() {
    let house = database();
    let id = product(&house, "账本");
    let refused = |texts: Json| translate(&house.admin, &id, texts).unwrap_err().code();
    assert_eq!(refused(json!({"english": "Ledger"})), Code::InvalidArgument);
    assert_eq!(refused(json!({"en": 7})), Code::WrongType);
    assert_eq!(refused(json!({"en": "a", "de-x": "b"})), Code::InvalidArgument);
    assert_eq!(title(&house, &id, json!("en")), "账本", "nothing of it is half done");
    let given = json!({"entity": "product", "id": id, "field": "series", "texts": {"en": "a"}});
    assert_eq!(call(&house.admin, "record.translate", given).unwrap_err().code(), Code::NotTranslatable);
    let raw = json!({"entity": "product", "id": id, "values": {"name_translations": {"en": "x"}}});
    assert_eq!(call(&house.admin, "record.update", raw).unwrap_err().code(), Code::ReadOnlyField);
    translate(&house.admin, &id, json!({"en": "Ledger"})).unwrap();
    let grants = [("crm.product", Action::Read, Level::All), ("crm.product", Action::Update, Level::All)];
    let lin = house.user("lin", &[house.role_hiding("lin", &grants, "name")]);
    let told = call(&lin, "record.get", json!({"entity": "product", "id": id, "locale": "en"})).unwrap();
    assert!(!told.to_string().contains("Ledger"), "{told}");
    let told = call(&lin, "schema.describe", json!({"entity": "product"})).unwrap();
    assert!(!told.to_string().contains("name_translations"));
    assert_eq!(call(&lin, "search.find", json!({"text": "Ledger"})).unwrap()["total"], 0);
    assert_eq!(translate(&lin, &id, json!({"en": "Mine"})).unwrap_err().code(), Code::FieldNotPermitted);
    let chen = house.user("chen", &[house.role("chen", &grants[..1])]);
    assert_eq!(translate(&chen, &id, json!({"en": "Mine"})).unwrap_err().code(), Code::NotPermitted);
    assert_eq!(title(&house, &id, json!("en")), "Ledger");
}

#[test]
fn files_bring_translations_in_columns_of_their_own() {
    let house = database();
    let file = "name,name@en,产品名称@de\n账本,Ledger,Kontobuch\n印章,,\n";
    let preview = call(&house.admin, "import.preview", json!({"entity": "product", "text": file})).unwrap();
    let fields: Vec<&Json> =
        preview["columns"].as_array().unwrap().iter().map(|column| &column["field"]).collect();
    assert_eq!(fields, [&json!("name"), &json!("name@en"), &json!("name@de")]);
    let mut quietly = |_| {};
    let options = ImportOptions::default();
    let report = house.admin.import_csv("product", file.as_bytes(), &options, &mut quietly).unwrap();
    assert_eq!((report.created, report.rejected), (2, 0));
    let id = house.admin.read(|reader| reader.find_by_title("crm.product", "账本")).unwrap()[0].to_string();
    assert_eq!(
        (title(&house, &id, json!("en")), title(&house, &id, json!("de"))),
        ("Ledger".into(), "Kontobuch".into())
    );
    // A language that a file does not name stays.
    let file = "name,name@en\n账本,Books\n";
    house.admin.import_csv("product", file.as_bytes(), &options, &mut quietly).unwrap();
    assert_eq!(
        (title(&house, &id, json!("en")), title(&house, &id, json!("de"))),
        ("Books".into(), "Kontobuch".into())
    );
}

#[test]
fn packages_and_customers_declare_translatable_texts_and_a_person_is_forgotten_in_every_language() {
    let house = database();
    let label = json!({"zh": "问候", "en": "Greeting"});
    let field = |kind: &str, more: Json| {
        let mut field = json!({"local": 1, "name": "greeting", "label": label, "kind": {"type": kind}});
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"package": "cn.post", "version": "1.0.0", "label": label, "extends": [{"entity": "crm.contact", "fields": [field]}]})
    };
    let install = |package: Json| call(&house.admin, "schema.install_package", json!({"package": package}));
    assert_eq!(
        install(field("int", json!({"translatable": true}))).unwrap_err().code(),
        Code::InvalidDefinition
    );
    assert_eq!(
        install(field("json", json!({"translation_of": 1}))).unwrap_err().code(),
        Code::InvalidDefinition
    );
    install(field("text", json!({"translatable": true}))).unwrap();
    let exported = call(&house.admin, "schema.export_package", json!({"package": "cn.post"})).unwrap();
    assert_eq!(exported["package"]["extends"][0]["fields"].as_array().unwrap().len(), 1);
    let given = json!({"entity": "product", "name": "motto", "field_type": "text", "label_zh": "格言", "label_en": "Motto", "translatable": true});
    call(&house.admin, "schema.define_field", given).unwrap();
    let given = json!({"entity": "product", "name": "next", "field_type": "text", "label_zh": "其后", "label_en": "Next"});
    call(&house.admin, "schema.define_field", given).unwrap();
    let own = call(&house.admin, "schema.export_package", json!({"package": "x"})).unwrap();
    let fields = own["package"]["extends"][0]["fields"].as_array().unwrap();
    assert_eq!(fields.iter().map(|field| field["local"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((&fields[0]["translatable"], fields[1].get("translatable")), (&json!(true), None));
    let given = json!({"entity": "contact", "values": {"name": "林", "cn.post.greeting": "你好"}});
    let id = call(&house.admin, "record.create", given).unwrap()["id"].clone();
    let given =
        json!({"entity": "contact", "id": id, "field": "cn.post.greeting", "texts": {"en": "Hello Lin"}});
    call(&house.admin, "record.translate", given).unwrap();
    // Taken back, the text stays in all its languages, and none is added; brought again, all is as before.
    call(&house.admin, "schema.remove_package", json!({"package": "cn.post"})).unwrap();
    let given = json!({"entity": "contact", "id": id, "field": "cn.post.greeting", "texts": {"de": "Hallo"}});
    assert_eq!(
        call(&house.admin, "record.translate", given.clone()).unwrap_err().code(),
        Code::NotTranslatable
    );
    let told =
        call(&house.admin, "record.get", json!({"entity": "contact", "id": id, "locale": "en"})).unwrap();
    assert_eq!(told["values"]["cn.post.greeting"], "Hello Lin");
    let mut again = field("text", json!({"translatable": true}));
    again["version"] = json!("1.1.0");
    install(again).unwrap();
    call(&house.admin, "record.translate", given).unwrap();
    call(&house.admin, "record.erase", json!({"entity": "contact", "id": id})).unwrap();
    let entries = call(&house.admin, "ledger.list", json!({"limit": 1000})).unwrap().to_string();
    assert!(!entries.contains("Hello Lin") && !entries.contains("Hallo"));
    let _ = house.reopened().verified();
}
