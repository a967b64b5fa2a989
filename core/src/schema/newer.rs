//! What a registry says that this engine does not know, because a newer one wrote it: named, and never lost.
//!
//! A registry lies under authenticated encryption, so what is well-formed JSON and yet not understood is the word of a
//! newer engine, and no damage. A member that is not known is passed over by whoever reads; whoever would write the
//! registry without it is refused.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::base::{Code, Error, Result};
use crate::schema::{Entity, Field};

/// What is wrong with bytes that are no registry for this engine.
pub(super) fn not_understood(bytes: &[u8], error: serde_json::Error) -> Error {
    let damaged = |error| Error::new(Code::Damaged).rule("registry").because(error);
    let document = match serde_json::from_slice::<Json>(bytes) {
        Ok(document) if document.is_object() => document,
        Ok(_) => return damaged(error),
        Err(error) => return damaged(error),
    };
    let (place, said) = place_of(&document).unwrap_or_else(|| ("registry".to_owned(), error.to_string()));
    // No engine ever leaves out what is always there.
    if said.starts_with("missing field") {
        return damaged(error);
    }
    Error::new(Code::NewerFormat).rule(&format!("{place}: {said}"))
}

/// The entity or field that is not understood, and why.
fn place_of(document: &Json) -> Option<(String, String)> {
    let mut entities = document.get("entities")?.as_array()?.iter();
    let (entity, error) = entities.find_map(|json| Some((json, Entity::deserialize(json).err()?)))?;
    let named = format!("entities.{}", name_of(entity).unwrap_or_default());
    let mut fields = entity.get("fields").and_then(Json::as_array).into_iter().flatten();
    let field = fields.find_map(|json| Some((json, Field::deserialize(json).err()?)));
    Some(match field {
        Some((field, error)) => {
            (format!("{named}.fields.{}", name_of(field).unwrap_or_default()), error.to_string())
        }
        None => (named, error.to_string()),
    })
}

/// The place of the first thing that one document says and another, which was read from it, does not.
pub(super) fn lost(said: &Json, kept: &Json) -> Option<String> {
    lost_within(said, kept, "")
}

fn lost_within(said: &Json, kept: &Json, place: &str) -> Option<String> {
    let part = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match (said, kept) {
        (Json::Object(said), Json::Object(kept)) => said
            .iter()
            .filter(|(_, value)| says_something(value))
            .find_map(|(name, value)| match kept.get(name) {
                Some(kept) => lost_within(value, kept, &part(name)),
                None => Some(part(name)),
            }),
        (Json::Array(said), Json::Array(kept)) if said.len() == kept.len() => {
            said.iter().zip(kept).enumerate().find_map(|(number, (said, kept))| {
                let name = name_of(said).map_or_else(|| number.to_string(), str::to_owned);
                lost_within(said, kept, &part(&name))
            })
        }
        (Json::Array(_) | Json::Object(_), _) => Some(place.to_owned()),
        _ => None,
    }
}

/// Whether a member says more than its absence does.
fn says_something(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(members) => !members.is_empty(),
        _ => true,
    }
}

/// The name under which people know an element.
fn name_of(element: &Json) -> Option<&str> {
    ["api_name", "name", "package", "code"].iter().find_map(|name| element.get(*name)?.as_str())
}

/// Refuses to write what would lose the word of a newer engine.
pub(super) fn check_known(newer: Option<&str>) -> Result<()> {
    match newer {
        Some(place) => Err(Error::new(Code::NewerFormat).rule(&format!("registry: {place}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::schema::{Package, Registry};

    /// A registry with one of most things.
    fn registry() -> Json {
        let label = json!({"zh": "物", "en": "Thing"});
        let package = json!({
            "package": "cn.shelf", "version": "1.0.0", "label": label,
            "modules": [{"name": "shelf", "label": label}],
            "settings": [{"name": "size", "label": label, "kind": {"type": "int"}, "administered_with": "cn.shelf.thing"}],
            "value_sets": [{"name": "state", "label": label, "codes": [{"code": "new", "label": label}]}],
            "entities": [{
                "local": 1, "name": "thing", "label": label, "title": "name",
                "fields": [
                    {"local": 1, "name": "name", "label": label, "kind": {"type": "text"}, "search": "title"},
                    {"local": 2, "name": "state", "label": label, "kind": {"type": "enum"},
                     "value_set": "cn.shelf.state", "privacy": "personal", "purposes": ["care"]},
                    {"local": 3, "name": "up", "label": label, "on_delete": "set_null",
                     "kind": {"type": "reference", "entity": "cn.shelf.thing"}},
                    {"local": 4, "name": "rows", "label": label, "kind": {"type": "rows", "columns": [
                        {"name": "count", "label": label, "kind": {"type": "int"}},
                    ]}},
                    {"local": 5, "name": "size", "label": label,
                     "kind": {"type": "formula", "expression": "size(name)"}},
                    {"local": 6, "name": "below", "label": label, "kind": {
                        "type": "rollup", "entity": "cn.shelf.thing", "by": "up", "function": "count"}},
                ],
                "indexes": [{"local": 1, "name": "by_name", "fields": [{"field": "name"}]}],
                "counters": [{"local": 1, "name": "by_state", "group_by": ["state"]}],
                "rules": [{"name": "named", "condition": "size(name) > 0", "message": label}],
                "unique": [{"name": "once", "fields": [{"field": "name"}]}],
                "layouts": [],
            }],
        });
        let mut registry = Registry::default();
        registry.install(Package::from_json(&package).unwrap()).unwrap();
        serde_json::from_slice(&registry.to_json().unwrap()).unwrap()
    }

    fn bytes(document: &Json) -> Vec<u8> {
        serde_json::to_vec(document).unwrap()
    }

    /// Every object of a document, the chosen one of which gets a member more.
    fn put(document: &mut Json, chosen: &mut usize, member: &(String, Json)) -> bool {
        let inside: Vec<&mut Json> = match document {
            Json::Object(members) => {
                if *chosen == 0 {
                    members.insert(member.0.clone(), member.1.clone());
                    return true;
                }
                *chosen -= 1;
                members.values_mut().collect()
            }
            Json::Array(items) => items.iter_mut().collect(),
            _ => return false,
        };
        inside.into_iter().any(|inner| put(inner, chosen, member))
    }

    fn said() -> impl Strategy<Value = Json> {
        prop_oneof![
            Just(json!(true)),
            any::<i32>().prop_map(|number| json!(number)),
            "[a-z]{1,8}".prop_map(|text| json!(text)),
            "[a-z]{1,8}".prop_map(|text| json!([{"code": text}])),
            "[a-z]{1,8}".prop_map(|text| json!({"said": {"by": text}})),
        ]
    }

    #[test]
    fn a_registry_of_this_engine_says_nothing_new() {
        let registry = Registry::from_json(&bytes(&registry())).unwrap();
        assert_eq!(registry.newer(), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn what_a_newer_engine_says_is_named_and_never_written_without(
            place in any::<proptest::sample::Index>(), name in "newer_[a-z]{1,8}", said in said(),
        ) {
            let mut document = registry();
            let mut objects = 0_usize;
            let mut open = vec![&document];
            while let Some(json) = open.pop() {
                objects += usize::from(json.is_object());
                open.extend(json.as_array().into_iter().flatten());
                open.extend(json.as_object().into_iter().flat_map(|members| members.values()));
            }
            let mut chosen = place.index(objects);
            prop_assert!(put(&mut document, &mut chosen, &(name.clone(), said)));
            match Registry::from_json(&bytes(&document)) {
                Ok(registry) => {
                    prop_assert!(registry.newer().is_some_and(|place| place.ends_with(&name)), "{:?}", registry.newer());
                    let refused = registry.to_json().unwrap_err();
                    prop_assert_eq!(refused.code(), Code::NewerFormat);
                    prop_assert!(refused.rule_name().unwrap_or_default().contains(&name));
                    prop_assert_eq!(registry.entity("cn.shelf.thing").unwrap().fields().len(), 6);
                }
                Err(error) => {
                    prop_assert_eq!(error.code(), Code::NewerFormat);
                    prop_assert!(error.rule_name().unwrap_or_default().contains(&name));
                }
            }
        }

        #[test]
        fn a_type_or_choice_of_a_newer_engine_is_named(
            place in any::<proptest::sample::Index>(), name in "newer_[a-z]{1,8}",
        ) {
            let text = String::from_utf8(bytes(&registry())).unwrap();
            let known = ["\"type\":\"reference\"", "\"type\":\"enum\"", "\"search\":\"title\"", "\"on_delete\":\"set_null\"",
                "\"function\":\"count\"", "\"severity\":\"error\"", "\"privacy\":\"personal\"", "\"type\":\"int\""];
            let chosen = known[place.index(known.len())];
            let (member, _) = chosen.split_once(':').unwrap();
            let newer = text.replace(chosen, &format!("{member}:\"{name}\""));
            prop_assert_ne!(&newer, &text, "{} is there", chosen);
            let error = Registry::from_json(newer.as_bytes()).unwrap_err();
            prop_assert_eq!(error.code(), Code::NewerFormat);
            prop_assert!(error.rule_name().unwrap_or_default().contains(&name), "{:?}", error.rule_name());
        }

        #[test]
        fn a_package_of_a_newer_engine_is_refused_where_it_is_not_understood(
            place in any::<proptest::sample::Index>(), name in "newer_[a-z]{1,8}", said in said(),
        ) {
            let registry = Registry::from_json(&bytes(&registry())).unwrap();
            let mut document = registry.package_of("cn.shelf").unwrap().to_json().unwrap();
            let mut chosen = place.index(25);
            prop_assert!(put(&mut document, &mut chosen, &(name.clone(), said)));
            let error = Package::from_json(&document).unwrap_err();
            prop_assert_eq!(error.code(), Code::InvalidDefinition);
            prop_assert!(error.field_name().unwrap_or_default().ends_with(&name), "{:?}", error.field_name());
        }
    }

    #[test]
    fn bytes_that_are_no_registry_are_damage() {
        let mut document = registry();
        document.as_object_mut().unwrap().remove("next_field");
        let truncated = bytes(&registry());
        let truncated = truncated.get(..truncated.len() / 2).unwrap();
        for bytes in [b"".as_slice(), b"{", b"[]", b"\xFF\xFE", truncated, &bytes(&document)] {
            assert_eq!(Registry::from_json(bytes).unwrap_err().code(), Code::Damaged);
        }
    }
}
