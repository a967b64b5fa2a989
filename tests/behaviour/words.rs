//! What hosts show people without knowing an entity or a method beforehand: labels and help texts, in the languages
//! that there are.

use guanxi::engine::Registrar;
use guanxi::{Code, Extension, Locale, Patience, Session, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|character| ('\u{4e00}'..='\u{9fff}').contains(&character))
}

/// Letters alone, so that a full stop makes no other text.
fn letters(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Every entity and field that stands in a registry, with label and help.
fn told(house: &House, locale: &str) -> Vec<(String, String, String)> {
    let described = call(&house.admin, "schema.describe", json!({"locale": locale})).unwrap();
    let mut told = Vec::new();
    for entity in described["entities"].as_array().unwrap() {
        let name = entity["name"].as_str().unwrap();
        let text = |item: &Json, what: &str| item[what].as_str().unwrap_or_default().to_owned();
        told.push((name.to_owned(), text(entity, "label"), text(entity, "help")));
        for field in entity["fields"].as_array().unwrap() {
            let place = format!("{name}.{}", text(field, "name"));
            told.push((place, text(field, "label"), text(field, "help")));
        }
    }
    told
}

#[test]
fn every_built_in_entity_and_field_has_a_help_that_says_more_than_its_label_in_both_languages() {
    let house = database();
    let (english, chinese) = (told(&house, "en"), told(&house, "zh-Hans"));
    assert!(english.len() > 70 && english.len() == chinese.len(), "{}", english.len());
    for ((place, label, help), (_, label_zh, help_zh)) in english.iter().zip(&chinese) {
        assert!(help.ends_with('.') && !is_chinese(help), "{place}: {help}");
        assert!(help_zh.ends_with('。') && is_chinese(help_zh), "{place}: {help_zh}");
        assert!(letters(help) != letters(label) && help.len() > label.len(), "{place}: {help}");
        assert!(
            letters(help_zh) != letters(label_zh) && help_zh.len() > label_zh.len(),
            "{place}: {help_zh}"
        );
    }
}

#[test]
fn methods_and_parameters_are_described_in_the_language_that_is_asked_for() {
    let house = database();
    let texts = |described: &Json| -> Vec<String> {
        let methods = described["methods"].as_array().unwrap().iter();
        let parameters = |method: &Json| method["parameters"].as_array().unwrap().clone();
        methods
            .flat_map(|method| [vec![method.clone()], parameters(method)].concat())
            .map(|item| item["help"].as_str().unwrap().to_owned())
            .collect()
    };
    let english = call(&house.admin, "api.describe", json!({})).unwrap();
    assert_eq!(english, call(&house.admin, "api.describe", json!({"locale": "en"})).unwrap());
    let chinese = call(&house.admin, "api.describe", json!({"locale": "zh-CN"})).unwrap();
    let pairs = || texts(&english).into_iter().zip(texts(&chinese));
    assert!(pairs().count() > 500 && texts(&english).len() == texts(&chinese).len());
    for (english, chinese) in pairs() {
        assert!(english != chinese && is_chinese(&chinese), "{english}");
    }
    // Without a session nobody has chosen a language.
    let alone = |given: Json| api::call_without_session("api.describe", &given, &Patience::default());
    assert_eq!(alone(json!({})).unwrap(), english);
    assert_eq!(alone(json!({"locale": "zh-Hans"})).unwrap(), chinese);
    assert_eq!(alone(json!({"locale": "fr"})).unwrap_err().code(), Code::InvalidArgument);
    // A session has: the language of the database, unless its user says another one.
    let house = House::with(|options| options.locale(Locale::SimplifiedChinese));
    assert_eq!(call(&house.admin, "api.describe", json!({})).unwrap(), chinese);
}

/// A vendor who has lost count.
struct TwoOfOneNumber;

impl Extension for TwoOfOneNumber {
    fn id(&self) -> &'static str {
        "cn.twice"
    }

    fn declare(&self, registrar: &mut Registrar) -> guanxi::Result<()> {
        use guanxi::base::Label;
        use guanxi::schema::{EntityDefinition, FieldDefinition, FieldType};
        for name in ["one", "two"] {
            let label = Label::new("名称", "Name");
            let title = FieldDefinition::new("cn.twice", 1, "name", label.clone(), FieldType::Text);
            registrar.entity(EntityDefinition {
                namespace: "cn.twice".to_owned(),
                local: 1,
                name: name.to_owned(),
                label,
                title: "name".to_owned(),
                fields: vec![title],
                ..EntityDefinition::default()
            });
        }
        Ok(())
    }
}

#[test]
fn an_extension_whose_entities_share_a_number_is_refused() {
    let house = database();
    let error = house.crm.install(&TwoOfOneNumber, "test").unwrap_err();
    assert_eq!((error.code(), error.plugin_name()), (Code::InvalidDefinition, Some("cn.twice")));
}

#[test]
fn a_layout_tells_what_its_fields_are_for() {
    let house = database();
    let given = json!({"entity": "account", "kind": "form", "locale": "zh-Hans"});
    let layout = call(&house.admin, "schema.layout", given).unwrap();
    let sections = layout["sections"].as_array().unwrap().iter();
    let fields: Vec<&Json> = sections.flat_map(|section| section["fields"].as_array().unwrap()).collect();
    let name = fields.iter().find(|field| field["name"] == "name").unwrap();
    assert_eq!(name["label"], "客户名称");
    assert!(name["help"].as_str().unwrap().contains("执照"), "{name}");
}
