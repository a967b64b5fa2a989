//! Packages of metadata: held against a database, installed, laid over lower layers, moved and taken back.

mod records;
mod samples;
mod words;

use guanxi::schema::{FieldOverride, Package};
use guanxi::{Changes, Code, Condition, Value, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(house: &House, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(&house.admin, method, &given)
}

fn install(house: &House, package: &Json) -> guanxi::Result<Json> {
    call(house, "schema.install_package", json!({"package": package}))
}

fn label(text: &str) -> Json {
    json!({"zh": text, "en": text})
}

/// A package of a library: books with authors, and a field of accounts.
fn library(version: &str) -> Json {
    json!({
        "package": "cn.library", "version": version, "label": {"zh": "图书馆", "en": "Library"},
        "entities": [{
            "local": 1, "name": "book", "label": {"zh": "书", "en": "Book"}, "title": "title",
            "fields": [
                {"local": 1, "name": "title", "label": label("title"), "kind": {"type": "text"}, "required": true},
                {"local": 2, "name": "pages", "label": label("pages"), "kind": {"type": "int"}},
                {"local": 3, "name": "owner_firm", "label": label("firm"),
                 "kind": {"type": "reference", "entity": "crm.account"}},
                {"local": 4, "name": "double", "label": label("double"),
                 "kind": {"type": "formula", "expression": "sheets * 4"}},
                {"local": 5, "name": "sheets", "label": label("sheets"),
                 "kind": {"type": "formula", "expression": "pages / 2"}},
            ],
            "indexes": [{"local": 1, "name": "by_pages", "fields": [{"field": "pages"}]}],
            "rules": [{"name": "has_pages", "condition": "pages > 0", "message": label("pages > 0")}],
        }],
        "extends": [{
            "entity": "crm.account",
            "fields": [{"local": 1, "name": "reader", "label": label("reader"), "kind": {"type": "bool"}}],
            "overrides": [{"field": "industry", "label": {"zh": "专业", "en": "Subject"}, "required": true}],
        }],
    })
}

fn changes(plan: &Json) -> Vec<String> {
    let text = |change: &Json, name: &str| change[name].as_str().unwrap_or_default().to_owned();
    let list = plan["changes"].as_array().unwrap().iter();
    list.map(|change| ["change", "element", "entity", "name"].map(|name| text(change, name)).join(" "))
        .collect()
}

fn field(house: &House, entity: &str, name: &str) -> Json {
    let told = call(house, "schema.describe", json!({"entity": entity})).unwrap();
    let fields = told["entities"][0]["fields"].as_array().unwrap();
    fields.iter().find(|field| field["name"] == name).unwrap().clone()
}

#[test]
fn a_package_adds_entities_that_are_worth_as_much_as_built_in_ones() {
    let house = database();
    let before = call(&house, "schema.describe", json!({})).unwrap();
    let dry = call(&house, "schema.install_package", json!({"package": library("1.0.0"), "dry_run": true}))
        .unwrap();
    assert_eq!(call(&house, "schema.describe", json!({})).unwrap(), before, "a dry run changes nothing");
    let plan = install(&house, &library("1.0.0")).unwrap();
    assert_eq!(plan, dry, "what was said is what was done");
    assert_eq!(
        changes(&plan)[..2],
        ["added field crm.account cn.library.reader", "added override crm.account industry"]
    );
    assert!(changes(&plan).contains(&"added rule cn.library.book cn.library.has_pages".to_owned()));
    let house = house.reopened();
    let values = json!({"title": "红楼梦", "pages": 1_000});
    let id = call(&house, "record.create", json!({"entity": "cn.library.book", "values": values})).unwrap();
    let read = call(&house, "record.get", json!({"entity": "cn.library.book", "id": id["id"]})).unwrap();
    assert_eq!((&read["values"]["sheets"], &read["values"]["double"]), (&json!("500"), &json!("2000")));
    let broken = json!({"entity": "cn.library.book", "values": {"title": "空", "pages": 0}});
    assert_eq!(call(&house, "record.create", broken).unwrap_err().code(), Code::RuleBroken);
    let explained = json!({"entity": "cn.library.book", "sort": ["pages"]});
    let explained = call(&house, "query.explain", explained).unwrap();
    assert_eq!(explained["index"], "cn.library.by_pages", "{explained}");
    let _ = house.verified();
}

#[test]
fn a_higher_layer_changes_what_people_read_and_asks_for_more_and_for_nothing_less() {
    let house = database();
    install(&house, &library("1.0.0")).unwrap();
    let industry = field(&house, "account", "industry");
    assert_eq!((&industry["label"], &industry["changed_by"]), (&json!("Subject"), &json!(["cn.library"])));
    let refused = house
        .admin
        .write(|transaction| transaction.create_record("account", Changes::new().set("name", "加喜")));
    let error = refused.unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::Required, Some("industry")));
    let given = json!({"entity": "account", "change": {
        "field": "industry", "label": {"zh": "行当", "en": "Trade"}, "default": "'services'",
    }});
    call(&house, "schema.override_field", given).unwrap();
    let industry = field(&house, "account", "industry");
    assert_eq!((&industry["label"], &industry["changed_by"]), (&json!("Trade"), &json!(["cn.library", "x"])));
    let house = house.reopened();
    let id = house.create("account", &Changes::new().set("name", "加喜"));
    let stored = house.admin.get("account", id).unwrap().value("industry").unwrap();
    assert_eq!(
        stored,
        Value::from("services"),
        "the customer's default stands in, the package still asks for it"
    );
}

#[test]
fn codes_are_added_and_retired_by_a_higher_layer_and_stay_where_they_stand() {
    let house = database();
    let mut package = library("1.0.0");
    package["entities"][0]["fields"].as_array_mut().unwrap().push(json!({
        "local": 6, "name": "state", "label": label("state"), "kind": {"type": "enum", "codes": [
            {"code": "new", "label": label("new")}, {"code": "worn", "label": label("worn")},
        ]},
    }));
    install(&house, &package).unwrap();
    let book = |state: &str| {
        let values = json!({"title": "书", "state": state});
        call(&house, "record.create", json!({"entity": "cn.library.book", "values": values}))
    };
    let worn = book("worn").unwrap()["id"].clone();
    let change = |change: Json| {
        call(&house, "schema.override_field", json!({"entity": "cn.library.book", "change": change}))
    };
    let lost = json!({"code": "lost", "label": label("lost")});
    change(json!({"field": "state", "add_codes": [lost], "retire_codes": ["worn"]})).unwrap();
    book("lost").unwrap();
    assert_eq!(book("worn").unwrap_err().code(), Code::CodeNotAllowed);
    let read = call(&house, "record.get", json!({"entity": "cn.library.book", "id": worn})).unwrap();
    assert_eq!(read["values"]["state"], "worn");
    let mut fewer = package.clone();
    fewer["version"] = json!("1.0.1");
    fewer["entities"][0]["fields"][5]["kind"]["codes"].as_array_mut().unwrap().truncate(1);
    install(&house, &fewer).unwrap();
    assert_eq!(book("worn").unwrap_err().code(), Code::CodeNotAllowed, "a code that is left out is retired");
    let codes = field(&house, "cn.library.book", "state")["codes"].clone();
    assert_eq!(codes.as_array().unwrap().len(), 3, "{codes}");
    for (wrong, rule) in [
        (json!({"field": "state", "retire_codes": ["gone"]}), "a code that is retired is there"),
        (
            json!({"field": "state", "add_codes": [{"code": "new", "label": label("x")}]}),
            "a code that is added is not there yet",
        ),
        (json!({"field": "pages", "retire_codes": ["1"]}), "only a list of codes has codes"),
    ] {
        let error = change(wrong).unwrap_err();
        assert_eq!((error.code(), error.rule_name()), (Code::InvalidDefinition, Some(rule)));
    }
}

#[test]
fn what_a_later_version_no_longer_has_is_withdrawn_and_comes_back_as_it_was() {
    let house = database();
    install(&house, &library("1.0.0")).unwrap();
    let values = json!({"title": "书", "pages": 10});
    let id =
        call(&house, "record.create", json!({"entity": "cn.library.book", "values": values})).unwrap()["id"]
            .clone();
    let mut smaller = library("1.1.0");
    smaller["entities"][0]["fields"].as_array_mut().unwrap().truncate(2);
    smaller["entities"][0]["fields"][1]["name"] = json!("leaves");
    smaller["entities"][0]["fields"][1]["label"] = label("leaves");
    smaller["entities"][0]["rules"] = json!([]);
    smaller["entities"][0]["indexes"] = json!([]);
    smaller["extends"] = json!([]);
    let plan = install(&house, &smaller).unwrap();
    let listed = changes(&plan);
    for expected in [
        "changed field cn.library.book leaves",
        "withdrawn field cn.library.book owner_firm",
        "withdrawn rule cn.library.book cn.library.has_pages",
        "withdrawn override crm.account industry",
        "withdrawn field crm.account cn.library.reader",
    ] {
        assert!(listed.contains(&expected.to_owned()), "{expected}: {listed:?}");
    }
    let read =
        |house: &House| call(house, "record.get", json!({"entity": "cn.library.book", "id": id})).unwrap();
    assert_eq!(read(&house)["values"]["leaves"], 10, "a field is renamed, and its values are there");
    let by_old_name =
        json!({"entity": "cn.library.book", "filter": {"field": "pages", "op": "eq", "value": 10}});
    assert_eq!(call(&house, "query.run", by_old_name).unwrap()["rows"].as_array().unwrap().len(), 1);
    let set = |house: &House| {
        let values = json!({"cn.library.reader": true});
        call(
            house,
            "record.create",
            json!({"entity": "account", "values": {"name": "a", "industry": "b", "cn.library.reader": values["cn.library.reader"]}}),
        )
    };
    assert_eq!(set(&house).unwrap_err().code(), Code::Withdrawn);
    let house = house.reopened();
    call(&house, "schema.roll_back_package", json!({"package": "cn.library"})).unwrap();
    set(&house).unwrap();
    assert_eq!(read(&house)["values"]["double"], "20", "what was withdrawn is there again");
    let told = call(&house, "schema.packages", json!({})).unwrap();
    assert_eq!(
        (&told["packages"][0]["version"], &told["packages"][0]["active"]),
        (&json!("1.0.0"), &json!(true))
    );
    call(&house, "schema.remove_package", json!({"package": "cn.library"})).unwrap();
    let error = call(&house, "record.create", json!({"entity": "cn.library.book", "values": {"title": "b"}}))
        .unwrap_err();
    assert_eq!(error.code(), Code::Withdrawn);
    assert_eq!(read(&house)["values"]["title"], "书", "records of a package that is gone can be read");
    assert_eq!(house.admin.count("cn.library.book", &Condition::Everything).unwrap(), 1);
    let _ = house.verified();
}

#[test]
fn what_a_customer_added_moves_to_another_database_with_its_identities() {
    let (first, second) = (database(), database());
    let given = json!({"entity": "account", "name": "level", "field_type": "int", "label_zh": "级", "label_en": "Level", "indexed": true});
    call(&first, "schema.define_field", given).unwrap();
    let rule = json!({"entity": "account", "name": "level_is_small", "condition": "x.level < 10", "message_zh": "太大", "message_en": "too large"});
    call(&first, "schema.define_rule", rule).unwrap();
    let exported = call(&first, "schema.export_package", json!({"package": "x"})).unwrap()["package"].clone();
    install(&second, &exported).unwrap();
    let again = call(&second, "schema.export_package", json!({"package": "x"})).unwrap()["package"].clone();
    assert_eq!((&again["entities"], &again["extends"]), (&exported["entities"], &exported["extends"]));
    let broken = second.admin.write(|transaction| {
        transaction.create_record("account", Changes::new().set("name", "a").set("x.level", 11))
    });
    assert_eq!(broken.unwrap_err().code(), Code::RuleBroken);
    let other = json!({"entity": "account", "name": "later", "field_type": "text", "label_zh": "后", "label_en": "Later"});
    call(&second, "schema.define_field", other).unwrap();
    let error = call(&first, "schema.export_package", json!({"package": "nobody"})).unwrap_err();
    assert_eq!(error.code(), Code::PackageMissing);
}

#[test]
fn every_change_of_a_registry_is_in_the_ledger_with_what_it_changed() {
    let house = database();
    install(&house, &library("1.0.0")).unwrap();
    let entries = call(&house, "ledger.list", json!({"limit": 1_000})).unwrap()["entries"].clone();
    let mut installed = entries.as_array().unwrap().iter().rev();
    let entry = installed.find(|entry| entry["cause"] == "schema.install_package").unwrap();
    let said: Json = serde_json::from_str(entry["changes"][0]["new"].as_str().unwrap()).unwrap();
    assert!(
        said["changes"].as_array().unwrap().iter().any(|change| change["name"] == "cn.library.reader"),
        "{said}"
    );
    assert_eq!(entry["actor"], house.admin.user().to_string());
}

#[test]
fn a_package_that_is_wrong_is_refused_with_its_place_and_nothing_of_it_is_there() {
    let house = database();
    install(&house, &library("1.0.0")).unwrap();
    let before = house.crm.registry().version();
    let mut cases: Vec<(Json, Code, &str)> = Vec::new();
    let mut case = |code: Code, place: &'static str, adjust: &dyn Fn(&mut Json)| {
        let mut package = library("2.0.0");
        adjust(&mut package);
        cases.push((package, code, place));
    };
    let book = "/entities/0";
    let at = |package: &mut Json, path: &str, value: Json| *package.pointer_mut(path).unwrap() = value;
    case(Code::InvalidDefinition, "entities.1.fields.2.kind.columns", &|package| {
        at(package, &format!("{book}/fields/1/kind"), json!({"type": "int", "columns": []}));
    });
    case(Code::InvalidDefinition, "entities.1.fields.1.requierd", &|package| {
        package["entities"][0]["fields"][0]["requierd"] = json!(true);
    });
    case(Code::InvalidDefinition, "extends.1.overrides.1.label.de", &|package| {
        package["extends"][0]["overrides"][0]["label"]["de"] = json!("Fach");
    });
    case(Code::InvalidDefinition, "package", &|package| at(package, "/package", json!("crm")));
    case(Code::InvalidDefinition, "package", &|package| {
        package["entities"][0]["fields"][0]["namespace"] = json!("crm");
    });
    case(Code::InvalidDefinition, "version", &|package| at(package, "/version", json!("2")));
    case(Code::InvalidDefinition, "version", &|package| at(package, "/version", json!("0.9.9")));
    case(Code::InvalidDefinition, "pages", &|package| {
        at(package, &format!("{book}/fields/1/kind"), json!({"type": "text"}));
    });
    case(Code::UnknownEntity, "cn.library.book.shelf", &|package| {
        let shelf = json!({"type": "reference", "entity": "cn.library.nothing"});
        let shelf = json!({"local": 9, "name": "shelf", "label": label("shelf"), "kind": shelf});
        package["entities"][0]["fields"].as_array_mut().unwrap().push(shelf);
    });
    case(Code::InvalidDefinition, "owner_firm", &|package| {
        at(package, &format!("{book}/fields/2/kind/entity"), json!("crm.contact"));
    });
    case(Code::DuplicateDefinition, "owner_firm", &|package| {
        package["entities"][0]["fields"][2]["local"] = json!(9);
    });
    case(Code::InvalidExpression, "", &|package| {
        at(package, &format!("{book}/rules/0/condition"), json!("pages >"));
    });
    case(Code::InvalidDefinition, "industry", &|package| {
        at(
            package,
            "/extends/0/overrides/0",
            json!({"field": "industry", "add_codes": [{"code": "a", "label": label("a")}]}),
        );
    });
    case(Code::InvalidDefinition, "reader", &|package| {
        package["extends"][0]["fields"][0]["required"] = json!(true);
    });
    case(Code::PackageMissing, "", &|package| {
        package["requires"] = json!([{"package": "cn.paper", "version": "1.0.0"}]);
    });
    case(Code::InvalidDefinition, "sheets", &|package| {
        at(package, &format!("{book}/fields/4/kind/expression"), json!("double / 4"));
    });
    for (package, code, place) in cases {
        let error = install(&house, &package).unwrap_err();
        let told = error.field_name().unwrap_or_default();
        assert!(
            error.code() == code && (place.is_empty() || told == place),
            "{code:?} {place}: {error} at {told}"
        );
        assert_eq!(house.crm.registry().version(), before, "{error}");
    }
}

#[test]
fn a_package_takes_no_namespace_of_an_extension() {
    let shelf = guanxi_tests::options().extension(std::sync::Arc::new(super::queries::Shelf));
    let folder = tempfile::tempdir().unwrap();
    let crm = shelf.create(folder.path().join("shelf.guanxi")).unwrap();
    let session = crm.sign_in(guanxi_tests::ADMIN, guanxi_tests::PASSWORD).unwrap();
    let package = json!({"package": "shelf", "version": "1.0.0", "label": label("Shelf")});
    let error = api::call(&session, "schema.install_package", &json!({"package": package})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::DuplicateDefinition, Some("package")));
}

#[test]
fn only_whoever_administers_everything_installs_packages() {
    let house = database();
    install(&house, &library("1.0.0")).unwrap();
    let lower = FieldOverride {
        label: Some(guanxi::base::Label::new("页", "Leaves")),
        ..FieldOverride::of("pages")
    };
    house.admin.override_field("cn.library.book", lower).unwrap();
    let clerk = house.user_as("clerk", "Salesperson");
    let step = guanxi::engine::PackageStep::Install(Package::from_json(&library("3.0.0")).unwrap());
    assert_eq!(clerk.change_package(&step).unwrap_err().code(), Code::NotPermitted);
}

#[test]
fn a_field_becomes_unique_only_if_what_stands_is_and_else_the_records_are_listed() {
    let house = database();
    install(&house, &library("1.0.0")).unwrap();
    let book = |pages: i64| {
        let values = json!({"title": "书", "pages": pages});
        let made = call(&house, "record.create", json!({"entity": "cn.library.book", "values": values}));
        made.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (first, second, _) = (book(5), book(5), book(6));
    let mut unique = library("1.0.1");
    unique["entities"][0]["fields"][1]["unique"] = json!(true);
    let planned =
        call(&house, "schema.install_package", json!({"package": unique, "dry_run": true})).unwrap();
    assert_eq!(planned["records"], 3, "what it costs is said before");
    for (indexed, records) in [(true, 3), (false, 0)] {
        let mut larger = library("1.0.1");
        let shelf = json!({"local": 9, "name": "shelf", "label": label("shelf"), "kind": {"type": "int"}, "indexed": indexed});
        larger["entities"][0]["fields"].as_array_mut().unwrap().push(shelf);
        let planned =
            call(&house, "schema.install_package", json!({"package": larger, "dry_run": true})).unwrap();
        assert_eq!(planned["records"], records, "a new index reads what stands, a new field alone nothing");
    }
    let error = install(&house, &unique).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::NotUnique, Some("pages")));
    let listed = error.rule_name().unwrap().to_owned();
    assert!(
        listed.starts_with("2 records") && listed.contains(&first) && listed.contains(&second),
        "{listed}"
    );
    let change = json!({"entity": "cn.library.book", "id": second, "values": {"pages": 7}});
    call(&house, "record.update", change).unwrap();
    install(&house, &unique).unwrap();
    let same = json!({"entity": "cn.library.book", "values": {"title": "书", "pages": 7}});
    assert_eq!(call(&house, "record.create", same).unwrap_err().code(), Code::NotUnique);
    let _ = house.verified();
}
