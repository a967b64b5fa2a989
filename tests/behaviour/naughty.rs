//! The Big List of Naughty Strings wherever a host hands text in: what is taken is told again letter for letter,
//! what is not is refused, and nothing falls over.

use std::fs;

use guanxi::base::normalize;
use guanxi::{Changes, Code, Locale, api};
use guanxi_tests::{House, database, shared_data};
use serde_json::{Value as Json, json};

fn strings() -> Option<Vec<String>> {
    let path = shared_data("robustness/blns/blns.json")?;
    let strings: Vec<String> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(strings.len() > 500);
    Some(strings.into_iter().filter(|text| !text.is_empty()).collect())
}

fn call(house: &House, method: &str, given: &Json) -> guanxi::Result<Json> {
    api::call(&house.admin, method, given)
}

fn define(house: &House, name: &str, kind: &str, more: Json) {
    let mut given = json!({
        "entity": "account", "name": name, "field_type": kind, "label_zh": "字段", "label_en": "Field",
    });
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(house, "schema.define_field", &given).unwrap();
}

fn create(house: &House, entity: &str, values: &Json) -> guanxi::Result<String> {
    let made = call(house, "record.create", &json!({"entity": entity, "values": values}))?;
    Ok(made["id"].as_str().unwrap().to_owned())
}

fn values(house: &House, id: &str) -> Json {
    call(house, "record.get", &json!({"entity": "account", "id": id})).unwrap()["values"].clone()
}

#[test]
fn fields_that_read_a_text_keep_it_as_it_came_or_in_their_one_form_or_refuse_it() {
    let Some(strings) = strings() else { return };
    let house = database();
    define(&house, "call", "phone", json!({}));
    define(&house, "site", "url", json!({}));
    define(&house, "account_no", "identifier", json!({"scheme": "iban"}));
    define(&house, "mail", "email", json!({}));
    let columns = json!([{"name": "note", "zh": "备注", "en": "Note", "type": "text"}]);
    define(&house, "lines", "rows", json!({"columns": columns}));
    for text in &strings {
        let (trimmed, normal) = (normalize(text.trim()), normalize(text));
        // A phone number that is none is kept as it was written, and rows keep what they are given.
        let given = json!({"name": "x", "x.call": text, "x.lines": [{"note": text}]});
        let id = create(&house, "account", &given).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let stored = values(&house, &id);
        let phone = stored["x.call"].as_str().unwrap_or_default();
        let dialled =
            phone.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        assert!(
            phone == text
                || (trimmed.is_empty() && phone.is_empty())
                || (dialled && phone.ends_with(digits(text).trim_start_matches('0'))),
            "{text:?} is kept as {phone:?}"
        );
        assert_eq!(stored["x.lines"][0]["note"], json!(normal));
        for (field, code) in [
            ("x.site", Code::InvalidUrl),
            ("x.account_no", Code::InvalidIdentifier),
            ("x.mail", Code::InvalidEmail),
        ] {
            let made = create(&house, "account", &json!({"name": "x", field: text}));
            match made {
                Err(error) => assert_eq!((error.code(), error.field_name()), (code, Some(field)), "{text:?}"),
                Ok(id) => {
                    let told = values(&house, &id)[field].clone();
                    let again = json!({"entity": "account", "id": id, "values": {field: told}});
                    assert_eq!(
                        call(&house, "record.update", &again).unwrap()["outcome"],
                        "unchanged",
                        "{text:?}"
                    );
                    let empty = trimmed.is_empty() && told.is_null();
                    assert!(
                        empty || field == "x.site" && text.to_lowercase().contains(":"),
                        "{text:?} as {told}"
                    );
                }
            }
        }
    }
    let _ = house.verified();
}

#[test]
fn tags_and_translations_are_told_letter_for_letter() {
    let Some(strings) = strings() else { return };
    let house = database();
    let id = house.create("account", &Changes::new().set("name", "x").tags(strings.clone()));
    let products = house
        .admin
        .write(|transaction| {
            let made = strings.iter().enumerate().map(|(number, text)| {
                let changes =
                    Changes::new().set("name", number.to_string()).translate("name", "en", Some(text));
                transaction.create_record("product", changes)
            });
            made.collect::<guanxi::Result<Vec<_>>>()
        })
        .unwrap();
    let house = house.reopened();
    let told = call(&house, "record.get", &json!({"entity": "account", "id": id.to_string()})).unwrap();
    assert_eq!(told["tags"], json!(strings));
    for (product, text) in products.iter().zip(&strings) {
        let asked = json!({"entity": "product", "id": product.to_string(), "locale": "en"});
        assert_eq!(call(&house, "record.get", &asked).unwrap()["title"], json!(normalize(text)));
    }
    // No string is the name of a language.
    for text in &strings {
        let changes = Changes::new().translate("name", text, Some("x"));
        let said = house
            .admin
            .write(|transaction| transaction.update_record("product", products[0], changes.clone()));
        assert!(
            said.is_err()
                || text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
        );
    }
    let _ = house.verified();
}

/// A package of one entity, whose fields bear the strings as labels and help, and so do the codes of one of them.
fn package(strings: &[String]) -> Json {
    let label = |text: &str| json!({"zh": text, "en": text});
    let mut fields = vec![json!({
        "local": 1, "name": "name", "label": label("name"), "kind": {"type": "text"}, "required": true,
    })];
    fields.extend(strings.iter().enumerate().map(|(number, text)| {
        json!({
            "local": number + 2, "name": format!("f{number}"), "label": label(text), "help": label(text),
            "kind": {"type": "bool"},
        })
    }));
    let codes = strings
        .iter()
        .enumerate()
        .map(|(number, text)| json!({"code": format!("c{number}"), "label": label(text)}));
    fields.push(json!({
        "local": strings.len() + 2, "name": "codes", "label": label("codes"),
        "kind": {"type": "enum", "codes": codes.collect::<Vec<_>>()},
    }));
    json!({
        "package": "cn.naughty", "version": "1.0.0", "label": label("naughty"),
        "entities": [{"local": 1, "name": "thing", "label": label("thing"), "title": "name", "fields": fields}],
    })
}

#[test]
fn a_package_carries_any_label_and_help_and_gives_it_back() {
    let Some(strings) = strings() else { return };
    let house = database();
    let package = package(&strings);
    call(&house, "schema.install_package", &json!({"package": package})).unwrap();
    let house = house.reopened();
    for locale in [Locale::English, Locale::SimplifiedChinese] {
        let session = house.admin.with_locale(locale);
        let told = api::call(&session, "schema.describe", &json!({"entity": "cn.naughty.thing"})).unwrap();
        let fields = told["entities"][0]["fields"].as_array().unwrap();
        for (field, text) in fields[1..].iter().zip(&strings) {
            assert_eq!((&field["label"], &field["help"]), (&json!(text), &json!(text)));
        }
    }
    let exported = call(&house, "schema.export_package", &json!({"package": "cn.naughty"})).unwrap();
    for (field, text) in
        exported["package"]["entities"][0]["fields"].as_array().unwrap()[1..].iter().zip(&strings)
    {
        assert_eq!(field["label"], json!({"zh": text, "en": text}));
    }
    // Sections of layouts bear them too.
    for (chunk, texts) in strings.chunks(100).enumerate() {
        let section = |(number, text): (usize, &String)| {
            let field = format!("f{}", chunk * 100 + number);
            json!({"label": {"zh": text, "en": text}, "fields": [field]})
        };
        let sections: Vec<Json> = texts.iter().enumerate().map(section).collect();
        let given = json!({"entity": "cn.naughty.thing", "layout": {"kind": "detail", "sections": sections}});
        call(&house, "schema.define_layout", &given).unwrap();
        let asked = json!({"entity": "cn.naughty.thing", "kind": "detail"});
        let told = call(&house, "schema.layout", &asked).unwrap();
        let labels = told["sections"].as_array().unwrap().iter().map(|section| section["label"].clone());
        assert_eq!(
            labels.take(texts.len()).collect::<Vec<_>>(),
            texts.iter().map(|text| json!(text)).collect::<Vec<_>>()
        );
    }
    let _ = house.verified();
}

#[test]
fn no_string_is_taken_for_a_part_of_a_document_or_the_name_of_something() {
    let Some(strings) = strings() else { return };
    let house = database();
    let before = house.crm.head().unwrap();
    for text in &strings {
        for (place, value) in [
            ("/package", json!(text)),
            ("/version", json!(text)),
            ("/entities/0/name", json!(text)),
            ("/entities/0/title", json!(text)),
            ("/entities/0/fields/0/name", json!(text)),
            ("/entities/0/fields/0/kind", json!({"type": text})),
            ("/entities/0/fields/0/kind", json!(text)),
        ] {
            let mut document = package(&[]);
            document["entities"][0]["fields"].as_array_mut().unwrap().truncate(1);
            *document.pointer_mut(place).unwrap() = value;
            let refused =
                call(&house, "schema.install_package", &json!({"package": document, "dry_run": true}));
            let plain =
                text.chars().all(|letter| letter.is_ascii_lowercase() || "._0123456789".contains(letter));
            assert!(refused.is_err() || plain, "{place} {text:?}");
        }
        for (method, given) in [
            ("query.run", json!({"entity": text})),
            ("query.run", json!({"entity": "account", "sort": [text]})),
            ("query.run", json!({"entity": "account", "fields": [text]})),
            ("query.run", json!({"entity": "account", "cursor": text})),
            ("query.count", json!({"entity": "account", "filter": {text.as_str(): 1}})),
            ("record.get", json!({"entity": "account", "id": text})),
            (
                "schema.define_field",
                json!({
                    "entity": "account", "name": text, "field_type": text, "label_zh": "字", "label_en": "F",
                }),
            ),
            (text.as_str(), json!({})),
        ] {
            assert!(call(&house, method, &given).is_err(), "{method} {text:?}");
        }
    }
    assert_eq!(house.crm.head().unwrap(), before);
}

/// A text as a literal of an expression.
fn literal(text: &str) -> String {
    let escaped = text.chars().map(|letter| match letter {
        '\\' => "\\\\".to_owned(),
        '\'' => "\\'".to_owned(),
        control if control.is_ascii_control() => format!("\\u{:04x}", u32::from(control)),
        other => other.to_string(),
    });
    format!("'{}'", escaped.collect::<String>())
}

#[test]
fn what_is_searched_for_and_compared_with_is_nothing_but_text() {
    let Some(strings) = strings() else { return };
    let house = database();
    house
        .admin
        .write(|transaction| {
            for text in &strings {
                transaction.create_record("account", Changes::new().set("name", text.as_str()))?;
            }
            Ok(())
        })
        .unwrap();
    let stored: Vec<String> = strings.iter().map(|text| normalize(text)).collect();
    for text in &strings {
        let expected = stored.iter().filter(|stored| **stored == *text).count();
        let expression = format!("name == {}", literal(text));
        let given = json!({"entity": "account", "filter": {"expression": expression}});
        let counted = call(&house, "query.count", &given).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(counted["count"], json!(expected), "{text:?} as {expression}");
        // Without quotes it is an expression, such as `true`, or none.
        let given = json!({"entity": "account", "filter": {"expression": text}});
        let code = call(&house, "query.count", &given).err().map(|error| error.code());
        assert!(code.is_none_or(|code| code == Code::InvalidExpression), "{text:?}: {code:?}");
        // Nobody types more than so many letters into a palette or a search, and of nothing but marks finds nothing.
        for (method, most) in [("palette.find", 64), ("search.find", 256)] {
            let found = call(&house, method, &json!({"text": text, "limit": 5}));
            let (long, blank) = (text.chars().count() > most, text.trim().is_empty());
            let ended = match found.as_ref().map_err(guanxi::Error::code) {
                Ok(_) => !long,
                Err(Code::LimitExceeded) => long,
                Err(Code::InvalidArgument) => blank,
                Err(code) => code == Code::NothingMatches,
            };
            assert!(ended, "{method} {text:?}: {found:?}");
        }
        for kind in ["number", "amount", "date"] {
            let _ = call(&house, "locale.parse", &json!({"kind": kind, "text": text}));
        }
    }
}

#[test]
fn a_view_may_have_any_name() {
    let Some(strings) = strings() else { return };
    let house = database();
    // The names are records of one entity: a part of the list shows it, and `GUANXI_LONG_TESTS` takes all.
    let step = if std::env::var_os("GUANXI_LONG_TESTS").is_some() { 1 } else { 8 };
    let names: Vec<&String> = strings.iter().step_by(step).filter(|text| !text.trim().is_empty()).collect();
    for name in &names {
        call(&house, "view.save", &json!({"entity": "account", "name": name, "columns": ["name"]})).unwrap();
        call(&house, "view.run", &json!({"entity": "account", "name": name})).unwrap();
    }
    let told = call(&house, "view.list", &json!({"entity": "account"})).unwrap();
    let told: Vec<&str> =
        told["views"].as_array().unwrap().iter().map(|view| view["name"].as_str().unwrap()).collect();
    for name in names {
        let known = told.iter().any(|told| guanxi::base::fold(told) == guanxi::base::fold(name));
        assert!(known, "{name:?}");
    }
}
