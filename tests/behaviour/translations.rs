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
    // Lists are told in a language too; one that names none sorts and filters by the text itself.
    let listed = json!({"entity": "product", "locale": "en", "sort": ["name"]});
    let listed = call(&house.admin, "record.list", listed).unwrap();
    assert_eq!(listed["rows"][0]["values"]["name"], "Ledger");
    let count = |filter: Json| {
        call(&house.admin, "record.count", json!({"entity": "product", "filter": filter})).unwrap()["count"]
            .clone()
    };
    assert_eq!((count(json!({"name": "Ledger"})), count(json!({"name": "账本"}))), (json!(0), json!(1)));
    let _ = house.verified();
}

/// Products with names in Chinese, of which some have names in other languages.
fn shop() -> (House, Vec<String>) {
    let house = database();
    let products = [
        ("账本", json!({"en": "Ledger", "de": "Kontobuch"})),
        ("印章", json!({"en": "Company seal"})),
        ("发票", json!({"en": "Invoice", "en-GB": "Bill", "zh-Hant": "發票"})),
        ("Abacus 算盘", json!({"de": "Rechenbrett"})),
        ("合同", json!({"en": "contract"})),
    ];
    let made = products.iter().map(|(name, texts)| {
        let id = product(&house, name);
        translate(&house.admin, &id, texts.clone()).unwrap();
        id
    });
    let made = made.collect();
    (house, made)
}

fn run(session: &Session, more: Json) -> guanxi::Result<Json> {
    let mut given = json!({"entity": "product"});
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(session, "query.run", given)
}

/// The names of a page, as they are told.
fn told(page: &Json) -> Vec<String> {
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| row["values"]["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn lists_are_filtered_sorted_and_paged_in_the_language_asked_for() {
    let (house, _) = shop();
    let names = |more: Json| told(&run(&house.admin, more).unwrap());
    let of = |op: &str, value: Json| json!({"field": "name", "op": op, "value": value});
    let all = ["Abacus 算盘", "Company seal", "contract", "Invoice", "Ledger"];
    assert_eq!(names(json!({"locale": "en", "sort": ["name"]})), all);
    let mut falling = all;
    falling.reverse();
    assert_eq!(names(json!({"locale": "en", "sort": ["-name"]})), falling);
    assert_eq!(names(json!({"locale": "en", "filter": of("contains", json!("SEAL"))})), ["Company seal"]);
    assert_eq!(
        names(json!({"locale": "en", "filter": of("starts_with", json!("co")), "sort": ["name"]})),
        all[1..3]
    );
    assert_eq!(names(json!({"locale": "en", "filter": {"name": "ledger"}})), ["Ledger"]);
    assert_eq!(
        names(json!({"locale": "en", "filter": of("in", json!(["Invoice", "Ledger"])), "sort": ["name"]})),
        all[3..]
    );
    assert_eq!(
        names(json!({"locale": "en", "filter": {"name": "账本"}})),
        Vec::<String>::new(),
        "that is its name in Chinese"
    );
    assert_eq!(names(json!({"filter": {"name": "账本"}})), ["账本"]);
    assert_eq!(
        names(json!({"locale": "de-AT", "filter": of("ge", json!("kontobuch")), "sort": ["name"]}))[..2],
        ["Kontobuch", "Rechenbrett"]
    );
    assert_eq!(
        names(json!({"locale": "en-GB", "filter": {"name": "Bill"}})),
        ["Bill"],
        "the nearest tag is taken"
    );
    assert_eq!(
        names(json!({"locale": "fr", "filter": {"name": "合同"}})),
        ["合同"],
        "a text that has no translation stands for itself"
    );
    let expressed = json!({"expression": "name.startsWith(\"Inv\")"});
    assert_eq!(names(json!({"locale": "en", "filter": expressed})), ["Invoice"]);
}

#[test]
fn pages_go_on_in_their_language_alone() {
    let (house, _) = shop();
    let (mut seen, mut cursor) = (Vec::new(), Json::Null);
    loop {
        let page = run(&house.admin, json!({"locale": "en", "sort": ["name"], "limit": 2, "cursor": cursor}))
            .unwrap();
        seen.extend(told(&page));
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
        let other =
            run(&house.admin, json!({"locale": "de", "sort": ["name"], "limit": 2, "cursor": cursor}));
        assert_eq!(other.unwrap_err().code(), Code::InvalidCursor);
    }
    assert_eq!(seen, ["Abacus 算盘", "Company seal", "contract", "Invoice", "Ledger"]);
}

#[test]
fn what_is_counted_in_a_language_is_what_is_listed_and_a_plan_says_that_it_reads_records() {
    let (house, _) = shop();
    let filter = json!({"field": "name", "op": "starts_with", "value": "co"});
    let given = json!({"locale": "en", "filter": filter, "total": "exact"});
    let page = run(&house.admin, given).unwrap();
    assert_eq!((&page["total"]["count"], &page["total"]["source"]), (&json!(2), &json!("scan")));
    for method in ["query.count", "record.count"] {
        let given = json!({"entity": "product", "locale": "en", "filter": {"name": "invoice"}});
        assert_eq!(call(&house.admin, method, given).unwrap()["count"], 1);
    }
    let explain = |locale: Json| {
        let given = json!({"entity": "product", "locale": locale, "filter": {"name": "x"}, "sort": ["name"]});
        call(&house.admin, "query.explain", given).unwrap()
    };
    assert_eq!(
        (&explain(json!(null))["index"], &explain(json!(null))["scan"]),
        (&json!("name"), &json!(false))
    );
    let scanned = explain(json!("en"));
    assert_eq!(
        (&scanned["scan"], &scanned["components"], &scanned["order"]),
        (&json!(true), &json!([]), &json!("gathered"))
    );
    // Other conditions keep their indexes.
    let given = json!({"entity": "product", "locale": "en", "filter": {"name": "x", "owner": "admin"}});
    assert_eq!(call(&house.admin, "query.explain", given).unwrap()["residual"], 1);
    for method in ["query.run", "query.count", "query.explain", "record.list", "record.count"] {
        let wrong =
            call(&house.admin, method, json!({"entity": "product", "locale": "english"})).unwrap_err();
        assert_eq!((wrong.code(), wrong.field_name()), (Code::InvalidArgument, Some("locale")), "{method}");
    }
}

#[test]
fn views_titles_and_conditions_along_references_speak_the_language_asked_for() {
    let (house, products) = shop();
    let deal = |title: &str, product: &str| {
        let values = json!({"title": title, "product": product});
        call(&house.admin, "record.create", json!({"entity": "opportunity", "values": values})).unwrap();
    };
    deal("年审", &products[0]);
    deal("变更", &products[1]);
    let given = |locale: &str| {
        json!({"entity": "opportunity", "locale": locale, "display": true, "fields": ["title", "product"],
               "filter": {"field": "product.name", "op": "contains", "value": "seal"}})
    };
    let page = call(&house.admin, "query.run", given("en")).unwrap();
    assert_eq!((page["rows"].as_array().unwrap().len(), &page["rows"][0]["title"]), (1, &json!("变更")));
    assert_eq!(page["titles"][products[1].as_str()], "Company seal");
    let page = call(&house.admin, "query.run", given("de")).unwrap();
    assert_eq!(page["rows"], json!([]));
    let view = json!({"name": "全部", "entity": "product", "columns": ["name"], "sort": ["-name"]});
    call(&house.admin, "view.save", view).unwrap();
    let view = |locale: Json| {
        let given = json!({"entity": "product", "name": "全部", "limit": 2, "locale": locale});
        call(&house.admin, "view.run", given).unwrap()
    };
    let shown = view(json!("en"));
    assert_eq!(
        (&shown["rows"][0]["cells"]["name"], &shown["rows"][0]["title"]),
        (&json!("Ledger"), &json!("Ledger"))
    );
    assert_eq!(view(json!(null))["rows"][0]["cells"]["name"], "账本");
}

/// What readers find in a language is what they read in it, held against the condition one by one.
#[test]
fn a_language_finds_nobody_more_than_they_read_in_it() {
    let (house, products) = shop();
    let read = |level| [("crm.product", Action::Read, level)];
    let readers = [
        house.user("all", &[house.role("all", &read(Level::All))]),
        house.user("own", &[house.role("own", &read(Level::Own))]),
        house.user(
            "untranslated",
            &[house.role_hiding("untranslated", &read(Level::All), "name_translations")],
        ),
    ];
    for reader in &readers {
        for locale in ["en", "de", "en-GB", "zh-Hant", "fr"] {
            let read: Vec<String> = products
                .iter()
                .filter_map(|id| {
                    let asked = json!({"entity": "product", "id": id, "locale": locale});
                    Some(call(reader, "record.get", asked).ok()?["values"]["name"].as_str()?.to_owned())
                })
                .collect();
            for part in ["e", "co", "Ledger", "账", "發", "票", "Bill", "no such"] {
                let part_folded = part.to_lowercase();
                for (op, holds) in [
                    ("eq", (|text: &str, part: &str| text == part) as fn(&str, &str) -> bool),
                    ("contains", |text, part| text.contains(part)),
                    ("starts_with", |text, part| text.starts_with(part)),
                ] {
                    let wanted = read.iter().filter(|text| holds(&text.to_lowercase(), &part_folded));
                    let mut wanted: Vec<String> = wanted.cloned().collect();
                    let filter = json!({"field": "name", "op": op, "value": part});
                    let given = json!({"locale": locale, "filter": filter, "total": "exact"});
                    let page = run(reader, given).unwrap();
                    let mut found = told(&page);
                    wanted.sort();
                    found.sort();
                    assert_eq!(found, wanted, "{locale} {op} {part}");
                    assert_eq!(page["total"]["count"], wanted.len(), "{locale} {op} {part}");
                }
            }
        }
    }
    // Who does not see the text asks nothing of it, in whichever language.
    let blind = house.user("blind", &[house.role_hiding("blind", &read(Level::All), "name")]);
    for more in [json!({"filter": {"name": "Ledger"}}), json!({"sort": ["name"]})] {
        let mut more = more;
        more["locale"] = json!("en");
        assert_eq!(run(&blind, more).unwrap_err().code(), Code::UnknownField);
    }
    let page = run(&blind, json!({"locale": "en", "display": true})).unwrap();
    assert!(page["rows"].as_array().unwrap().len() == 5 && !page.to_string().contains("Ledger"));
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
