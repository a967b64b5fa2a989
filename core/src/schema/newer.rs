//! What a registry says that this engine does not know, because a newer one wrote it: named, and never lost.
//!
//! A registry lies under authenticated encryption, so what is well-formed JSON and yet not understood is the word of a
//! newer engine, and no damage. A member that is not known is passed over by whoever reads, and a field that is not
//! understood is opaque: its values can be read and are carried, and are neither set nor asked by. Whoever would write
//! the registry without that is refused, and so is whoever would write a record of which this engine cannot make the
//! keys.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::base::{Code, Error, FieldId, Label, Result};
use crate::schema::{Entity, Field, FieldDefinition, FieldType, OpaqueType, Registry, RollupReaders};

/// Fields that this engine does not understand, each with the number of its entity, and where the first of them is.
#[derive(Debug, Default)]
pub(super) struct NotUnderstood {
    pub fields: Vec<(u32, Field)>,
    pub place: String,
}

/// What is understood of a registry whose bytes are not understood as they are, and the fields that are not.
pub(super) fn around_opaque<T: for<'de> Deserialize<'de>>(
    bytes: &[u8],
    error: serde_json::Error,
) -> Result<(T, Option<NotUnderstood>)> {
    let document = serde_json::from_slice::<Json>(bytes).ok();
    let rest = document.and_then(|mut document| {
        let opaque = take_opaque(&mut document)?;
        Some((T::deserialize(document).ok()?, Some(opaque)))
    });
    rest.ok_or_else(|| not_understood(bytes, error))
}

/// Takes the fields out of a registry that this engine does not understand, also out of the packages that declare
/// them; nothing where something else is not understood.
fn take_opaque(document: &mut Json) -> Option<NotUnderstood> {
    let mut taken = NotUnderstood::default();
    for entity in members(document, "entities") {
        let number = u32::try_from(entity.get("number")?.as_u64()?).ok()?;
        let named = name_of(entity).unwrap_or_default().to_owned();
        let fields = entity.get_mut("fields")?.as_array_mut()?;
        for (json, error) in drain::<Field>(fields) {
            let said = error.to_string();
            // No engine ever leaves out what is always there.
            if said.starts_with("missing field") {
                return None;
            }
            if taken.place.is_empty() {
                let name = name_of(&json).unwrap_or_default();
                taken.place = format!("entities.{named}.fields.{name}: {said}");
            }
            taken.fields.push((number, opaque(&json)?));
        }
    }
    for package in members(document, "packages") {
        for version in members(package, "versions") {
            for part in ["entities", "extends"] {
                for declared in members(version, part) {
                    let fields = declared.get_mut("fields").and_then(Json::as_array_mut);
                    fields.into_iter().for_each(|fields| drop(drain::<FieldDefinition>(fields)));
                }
            }
        }
    }
    (!taken.fields.is_empty()).then_some(taken)
}

/// The items of a list of a document, or none where it has no such list.
fn members<'d>(document: &'d mut Json, name: &str) -> impl Iterator<Item = &'d mut Json> {
    document.get_mut(name).and_then(Json::as_array_mut).into_iter().flatten()
}

/// Takes those out of a list that are not understood, each with the reason.
fn drain<T: for<'de> Deserialize<'de>>(items: &mut Vec<Json>) -> Vec<(Json, serde_json::Error)> {
    let mut taken = Vec::new();
    for json in std::mem::take(items) {
        match T::deserialize(&json) {
            Ok(_) => items.push(json),
            Err(error) => taken.push((json, error)),
        }
    }
    taken
}

/// What stands for a field that is not understood: its name, its label, what it demands, and who may see it.
fn opaque(json: &Json) -> Option<Field> {
    let said = json.get("definition")?;
    let text = |of: &Json, name: &str| of.get(name).and_then(Json::as_str).map(str::to_owned);
    let number =
        |of: &Json, name: &str| of.get(name).and_then(Json::as_u64).and_then(|it| u32::try_from(it).ok());
    let (name, kind) = (text(said, "name")?, said.get("kind")?);
    let is = |of: &Json, name: &str| of.get(name).and_then(Json::as_bool).unwrap_or(false);
    let label = said.get("label").map(|label| {
        let of = |language: &str| text(label, language).unwrap_or_else(|| name.clone());
        Label::new(&of("zh"), &of("en"))
    });
    // Of a type that is known something else may not be: it keeps the keys that it has.
    let known = FieldType::deserialize(kind).ok();
    let refers = known.as_ref().is_some_and(|kind| !kind.targets().is_empty());
    let of_type = OpaqueType {
        said: text(kind, "type").unwrap_or_default(),
        has_keys: refers || is(said, "indexed") || is(said, "unique"),
        over: text(kind, "entity").filter(|_| text(kind, "type").as_deref() == Some("rollup")),
    };
    let definition = FieldDefinition {
        required: is(said, "required"),
        unique: is(said, "unique"),
        indexed: is(said, "indexed"),
        privacy: said.get("privacy").and_then(|it| Deserialize::deserialize(it).ok()).unwrap_or_default(),
        ..FieldDefinition::new(
            &text(said, "namespace")?,
            number(said, "local")?,
            &name,
            label.unwrap_or_default(),
            FieldType::Opaque(of_type),
        )
    };
    let mut field = Field::fresh(number(json, "number")?, text(json, "api_name")?, definition);
    field.set_withdrawn(is(json, "withdrawn"));
    let former = json.get("former_names").and_then(Json::as_array).into_iter().flatten();
    let _ = field.learn_names(former.filter_map(Json::as_str).map(str::to_owned).collect());
    Some(field)
}

impl Entity {
    /// The field of a newer engine because of which this one can read its records and not write them: it cannot make
    /// the keys that they have by it.
    #[must_use]
    pub fn held(&self) -> Option<&str> {
        self.held.as_deref()
    }

    /// The fields whose values this engine cannot tell: opaque ones, and formulas that lead to them.
    fn dark(&self) -> BTreeSet<FieldId> {
        let opaque = self.fields().iter().filter(|field| field.definition.kind.is_opaque());
        let mut dark: BTreeSet<FieldId> = opaque.map(Field::id).collect();
        loop {
            let leads = |field: &&Field| match (&field.definition.kind, field.formula()) {
                (FieldType::Formula { .. }, Some(formula)) => {
                    formula.fields().iter().any(|read| dark.contains(read))
                }
                (FieldType::Formula { .. }, None) => true,
                _ => false,
            };
            let more: Vec<FieldId> = self
                .fields()
                .iter()
                .filter(|field| !dark.contains(&field.id()))
                .filter(leads)
                .map(Field::id)
                .collect();
            if more.is_empty() {
                return dark;
            }
            dark.extend(more);
        }
    }

    /// A field by which records have keys that this engine cannot make.
    fn keyed_in_the_dark(&self) -> Option<FieldId> {
        let dark = self.dark();
        let is_dark = |field: &FieldId| dark.contains(field);
        let keyed = |field: &&Field| match &field.definition.kind {
            FieldType::Opaque(opaque) => opaque.has_keys,
            _ => is_dark(&field.id()) && field.is_indexed(),
        };
        let of_fields = self.fields().iter().filter(keyed).map(Field::id);
        let of_indexes =
            self.indexes().iter().flat_map(|index| index.components()).map(crate::schema::Component::field);
        let of_counters = self.counters().iter().flat_map(|kept| kept.group_by().chain(kept.sums()));
        let of_rules = self.unique_rules().iter().flat_map(crate::schema::UniqueRule::reads);
        let of_days = self.validity().into_iter().flat_map(|kept| &kept.exclusions);
        let of_days = of_days.flat_map(|exclusion| exclusion.fields.iter().copied());
        let kept = of_indexes.chain(of_counters).chain(of_rules).chain(of_days);
        of_fields.chain(kept.filter(is_dark)).next()
    }
}

impl Registry {
    /// Takes in the fields that are not understood, and finds what this engine cannot write because of them.
    pub(super) fn take_in(&mut self, opaque: Option<NotUnderstood>) {
        let Some(opaque) = opaque else { return };
        for (number, field) in opaque.fields {
            let entity = self.entities_mut().find(|entity| entity.id().number() == number);
            if let Some(entity) = entity {
                entity.fields_mut().push(field);
                entity.index();
            }
        }
        self.link();
        self.find_held();
    }

    /// Finds of every entity what keeps its records from being written: keys, counters or rollups that this engine
    /// cannot keep, because they follow from what it does not understand.
    fn find_held(&mut self) {
        let named = |entity: &Entity, field: FieldId| {
            entity.field_by_id(field).map(|field| field.api_name.clone()).unwrap_or_default()
        };
        let mut held: Vec<Option<String>> = self
            .entities()
            .iter()
            .map(|entity| entity.keyed_in_the_dark().map(|field| named(entity, field)))
            .collect();
        for entity in self.entities() {
            for field in entity.fields() {
                let over = match &field.definition.kind {
                    FieldType::Rollup(rollup) if rollup.readers == RollupReaders::All => Some(&rollup.entity),
                    FieldType::Opaque(opaque) => opaque.over.as_ref(),
                    _ => None,
                };
                let Some(over) = over.and_then(|over| self.entity(over).ok()) else { continue };
                let is_kept = over.rolled_up().iter().any(|rollup| rollup.id() == field.id());
                let place = self.entities().iter().position(|entity| entity.id() == over.id());
                let place = place.filter(|_| !is_kept).and_then(|place| held.get_mut(place));
                place.into_iter().for_each(|place| *place = Some(field.api_name.clone()));
            }
        }
        for (entity, held) in self.entities_mut().zip(held) {
            entity.held = held;
        }
    }
}

/// What is wrong with bytes that are no registry for this engine.
fn not_understood(bytes: &[u8], error: serde_json::Error) -> Error {
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

    /// It says where something is new, and refuses to be written without it.
    fn check_named(registry: &Registry, name: &str) {
        assert!(registry.newer().is_some_and(|place| place.contains(name)), "{:?}", registry.newer());
        let refused = registry.to_json().unwrap_err();
        assert_eq!(refused.code(), Code::NewerFormat);
        assert!(refused.rule_name().unwrap_or_default().contains(name));
    }

    /// The registry, where one of the fields says something else.
    fn saying(field: &str, member: &str, said: &Json) -> Registry {
        let mut document = registry();
        let fields = document["entities"][0]["fields"].as_array_mut().unwrap();
        let known = fields.iter_mut().find(|known| known["api_name"] == field).unwrap();
        known["definition"][member] = said.clone();
        Registry::from_json(&bytes(&document)).unwrap()
    }

    #[test]
    fn records_are_written_unless_their_keys_follow_from_what_is_not_understood() {
        let newer = json!({"type": "tensor"});
        let median = json!({"type": "rollup", "entity": "cn.shelf.thing", "by": "up", "function": "median"});
        for (field, member, said, held) in [
            ("rows", "kind", newer.clone(), None),
            ("size", "kind", newer.clone(), None),
            ("rows", "privacy", json!("secret"), None),
            ("name", "kind", newer.clone(), Some("name")),
            ("state", "kind", newer.clone(), Some("state")),
            ("up", "on_delete", json!("archive"), Some("below")),
            ("up", "kind", newer, Some("below")),
            ("below", "kind", median, Some("below")),
        ] {
            let registry = saying(field, member, &said);
            let thing = registry.entity("cn.shelf.thing").unwrap();
            assert!(thing.field(field.into()).unwrap().definition.kind.is_opaque(), "{field}");
            assert_eq!(thing.held(), held, "{field} {said}");
        }
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
                    check_named(&registry, &name);
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
            match Registry::from_json(newer.as_bytes()) {
                Ok(registry) => {
                    check_named(&registry, &name);
                    let thing = registry.entity("cn.shelf.thing").unwrap();
                    prop_assert_eq!(thing.fields().len(), 6);
                    let opaque = |field: &&Field| field.definition.kind.is_opaque();
                    prop_assert!(thing.fields().iter().any(|field| opaque(&field)));
                    let count = registry.entities().iter().map(|entity| entity.fields().len()).sum::<usize>();
                    prop_assert_eq!(count, 6, "none is there twice");
                }
                Err(error) => {
                    prop_assert_eq!(error.code(), Code::NewerFormat);
                    prop_assert!(error.rule_name().unwrap_or_default().contains(&name), "{:?}", error.rule_name());
                }
            }
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
