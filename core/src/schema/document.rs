//! A package as JSON. A key that nobody knows is refused, since what is misspelt would otherwise be left out in
//! silence. Which keys there are is asked of the definitions themselves, so no list of them stands here.

use serde::Deserialize;
use serde::de::value::Error as NoValue;
use serde::de::{Deserializer, Error as _, Visitor};
use serde_json::{Map, Value as Json};

use crate::base::{Code, Error, Label, Result};
use crate::schema::{
    CounterDefinition, Deprecation, EntityDefinition, EntityExtension, EnumCode, FieldDefinition,
    FieldOverride, FieldType, GuideDefinition, GuideEvidence, GuideStep, IndexDefinition, IndexField,
    LayoutDefinition, ModuleDefinition, Package, PackageCommand, PackageGrant, PackageRole, PackageView,
    RecordTypeDefinition, RecordTypesDefinition, RelationDefinition, RelationSide, Requirement, RowColumn,
    RuleDefinition, SectionDefinition, SettingDefinition, StateMachineDefinition, Transition,
    UniqueDefinition, UniqueField, ValidTime, ValueSetDefinition, ValueSetOverride,
};

impl Package {
    /// Reads a package, with its namespace in all that it declares.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the place of what is not understood; those of [`Package::checked`].
    pub fn from_json(document: &Json) -> Result<Self> {
        check_package(document)?;
        let package: Self = serde_json::from_value(document.clone())
            .map_err(|error| Error::new(Code::InvalidDefinition).field("package").rule(&error.to_string()))?;
        package.checked()
    }

    /// The package as JSON, which [`Package::from_json`] reads.
    ///
    /// # Errors
    /// Never in practice: `engine.panic` if serialisation fails.
    pub fn to_json(&self) -> Result<Json> {
        serde_json::to_value(self).map_err(|error| Error::new(Code::Panic).because(error))
    }
}

impl FieldOverride {
    /// Reads what a layer changes of a field.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the place of what is not understood.
    pub fn from_json(document: &Json) -> Result<Self> {
        check_override(document, &Place(String::new()))?;
        let changed = serde_json::from_value(document.clone());
        changed.map_err(|error| Error::new(Code::InvalidDefinition).rule(&error.to_string()))
    }
}

impl ValueSetDefinition {
    /// Reads a value set.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the place of what is not understood.
    pub fn from_json(document: &Json) -> Result<Self> {
        check_value_set(document, &Place(String::new()))?;
        let set = serde_json::from_value(document.clone());
        set.map_err(|error| Error::new(Code::InvalidDefinition).rule(&error.to_string()))
    }
}

impl ValueSetOverride {
    /// Reads what a layer changes of a value set.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the place of what is not understood.
    pub fn from_json(document: &Json) -> Result<Self> {
        check_value_set_override(document, &Place(String::new()))?;
        let changed = serde_json::from_value(document.clone());
        changed.map_err(|error| Error::new(Code::InvalidDefinition).rule(&error.to_string()))
    }
}

impl StateMachineDefinition {
    /// Reads a state machine.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the place of what is not understood.
    pub fn from_json(document: &Json) -> Result<Self> {
        check_states(document, &Place(String::new()))?;
        let machine = serde_json::from_value(document.clone());
        machine.map_err(|error| Error::new(Code::InvalidDefinition).rule(&error.to_string()))
    }
}

impl RelationSide {
    /// Reads a side of a relation.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the place of what is not understood.
    pub fn from_json(document: &Json, name: &str) -> Result<Self> {
        check_side(document, &Place(name.to_owned()))?;
        let side = serde_json::from_value(document.clone());
        side.map_err(|error| Error::new(Code::InvalidDefinition).field(name).rule(&error.to_string()))
    }
}

impl UniqueDefinition {
    /// Reads a unique rule.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the place of what is not understood.
    pub fn from_json(document: &Json) -> Result<Self> {
        check_unique(document, &Place(String::new()))?;
        let rule = serde_json::from_value(document.clone());
        rule.map_err(|error| Error::new(Code::InvalidDefinition).rule(&error.to_string()))
    }
}

impl RecordTypesDefinition {
    /// Reads record types.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the place of what is not understood.
    pub fn from_json(document: &Json) -> Result<Self> {
        check_record_types(document, &Place(String::new()))?;
        let types = serde_json::from_value(document.clone());
        types.map_err(|error| Error::new(Code::InvalidDefinition).rule(&error.to_string()))
    }
}

impl LayoutDefinition {
    /// Reads a layout.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the place of what is not understood.
    pub fn from_json(document: &Json) -> Result<Self> {
        check_layout(document, &Place(String::new()))?;
        let layout = serde_json::from_value(document.clone());
        layout.map_err(|error| Error::new(Code::InvalidDefinition).rule(&error.to_string()))
    }
}

impl FieldDefinition {
    /// Reads a field as packages have it.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the place of what is not understood.
    pub fn from_json(document: &Json) -> Result<Self> {
        check_field(document, &Place(String::new()))?;
        let field = serde_json::from_value(document.clone());
        field.map_err(|error| Error::new(Code::InvalidDefinition).rule(&error.to_string()))
    }
}

/// A place in a document, for errors.
#[derive(Clone)]
struct Place(String);

impl Place {
    fn part(&self, name: &str) -> Self {
        Self(if self.0.is_empty() { name.to_owned() } else { format!("{}.{name}", self.0) })
    }

    fn fault(&self, rule: &str) -> Error {
        Error::new(Code::InvalidDefinition).field(&self.0).rule(rule)
    }
}

fn check_package(document: &Json) -> Result<()> {
    let place = Place(String::new());
    let package = object::<Package>(document, &place)?;
    label(package.get("label"), &place.part("label"))?;
    each(package, "requires", &place, |json, place| object::<Requirement>(json, place).map(drop))?;
    each(package, "modules", &place, |json, place| {
        let module = object::<ModuleDefinition>(json, place)?;
        label(module.get("label"), &place.part("label"))
    })?;
    each(package, "settings", &place, |json, place| {
        let setting = object::<SettingDefinition>(json, place)?;
        label(setting.get("label"), &place.part("label"))?;
        label(setting.get("help"), &place.part("help"))?;
        check_kind(setting.get("kind"), &place.part("kind"))
    })?;
    each(package, "value_sets", &place, check_value_set)?;
    each(package, "value_set_overrides", &place, check_value_set_override)?;
    each(package, "entities", &place, |json, place| {
        let entity = object::<EntityDefinition>(json, place)?;
        label(entity.get("label"), &place.part("label"))?;
        label(entity.get("help"), &place.part("help"))?;
        check_relation(entity.get("relation"), &place.part("relation"))?;
        if let Some(facts) = entity.get("valid_time").filter(|facts| !facts.is_null()) {
            object::<ValidTime>(facts, &place.part("valid_time"))?;
        }
        check_parts(entity, place)
    })?;
    each(package, "roles", &place, |json, place| {
        let role = object::<PackageRole>(json, place)?;
        each(role, "grants", place, |json, place| object::<PackageGrant>(json, place).map(drop))
    })?;
    each(package, "views", &place, |json, place| object::<PackageView>(json, place).map(drop))?;
    each(package, "commands", &place, |json, place| {
        label(object::<PackageCommand>(json, place)?.get("label"), &place.part("label"))
    })?;
    each(package, "guides", &place, |json, place| {
        let guide = object::<GuideDefinition>(json, place)?;
        label(guide.get("label"), &place.part("label"))?;
        label(guide.get("help"), &place.part("help"))?;
        each(guide, "steps", place, |json, place| {
            let step = object::<GuideStep>(json, place)?;
            label(step.get("label"), &place.part("label"))?;
            label(step.get("text"), &place.part("text"))?;
            match step.get("done").filter(|done| !done.is_null()) {
                Some(done) => object::<GuideEvidence>(done, &place.part("done")).map(drop),
                None => Ok(()),
            }
        })
    })?;
    each(package, "extends", &place, |json, place| {
        let extension = object::<EntityExtension>(json, place)?;
        label(extension.get("label"), &place.part("label"))?;
        label(extension.get("help"), &place.part("help"))?;
        each(extension, "overrides", place, check_override)?;
        check_parts(extension, place)
    })
}

fn check_value_set(json: &Json, place: &Place) -> Result<()> {
    let set = object::<ValueSetDefinition>(json, place)?;
    label(set.get("label"), &place.part("label"))?;
    label(set.get("help"), &place.part("help"))?;
    each(set, "codes", place, check_code)
}

fn check_value_set_override(json: &Json, place: &Place) -> Result<()> {
    let changed = object::<ValueSetOverride>(json, place)?;
    label(changed.get("label"), &place.part("label"))?;
    each(changed, "add_codes", place, check_code)
}

fn check_override(json: &Json, place: &Place) -> Result<()> {
    let changed = object::<FieldOverride>(json, place)?;
    label(changed.get("label"), &place.part("label"))?;
    label(changed.get("help"), &place.part("help"))?;
    each(changed, "add_codes", place, check_code)
}

/// What entities and extensions have alike.
fn check_parts(owner: &Map<String, Json>, place: &Place) -> Result<()> {
    each(owner, "fields", place, check_field)?;
    each(owner, "indexes", place, |json, place| {
        let index = object::<IndexDefinition>(json, place)?;
        each(index, "fields", place, |json, place| object::<IndexField>(json, place).map(drop))
    })?;
    each(owner, "counters", place, |json, place| object::<CounterDefinition>(json, place).map(drop))?;
    each(owner, "states", place, check_states)?;
    each(owner, "unique", place, check_unique)?;
    each(owner, "layouts", place, check_layout)?;
    match owner.get("record_types") {
        Some(types) if !types.is_null() => check_record_types(types, &place.part("record_types"))?,
        _ => {}
    }
    each(owner, "rules", place, |json, place| {
        let rule = object::<RuleDefinition>(json, place)?;
        label(rule.get("message"), &place.part("message"))
    })
}

fn check_field(json: &Json, place: &Place) -> Result<()> {
    let field = object::<FieldDefinition>(json, place)?;
    label(field.get("label"), &place.part("label"))?;
    label(field.get("help"), &place.part("help"))?;
    match field.get("deprecated") {
        Some(said) if !said.is_null() => object::<Deprecation>(said, &place.part("deprecated")).map(drop)?,
        _ => {}
    }
    check_kind(field.get("kind"), &place.part("kind"))
}

fn check_relation(json: Option<&Json>, place: &Place) -> Result<()> {
    let Some(json) = json.filter(|json| !json.is_null()) else { return Ok(()) };
    let relation = object::<RelationDefinition>(json, place)?;
    ["from", "to"].into_iter().try_for_each(|side| {
        let place = place.part(side);
        check_side(relation.get(side).ok_or_else(|| place.fault("a side"))?, &place)
    })
}

fn check_side(json: &Json, place: &Place) -> Result<()> {
    let side = object::<RelationSide>(json, place)?;
    label(side.get("label"), &place.part("label"))
}

fn check_record_types(json: &Json, place: &Place) -> Result<()> {
    let types = object::<RecordTypesDefinition>(json, place)?;
    each(types, "types", place, |json, place| {
        let known = object::<RecordTypeDefinition>(json, place)?;
        label(known.get("label"), &place.part("label"))
    })
}

fn check_layout(json: &Json, place: &Place) -> Result<()> {
    let layout = object::<LayoutDefinition>(json, place)?;
    each(layout, "sections", place, |json, place| {
        let section = object::<SectionDefinition>(json, place)?;
        label(section.get("label"), &place.part("label"))
    })
}

fn check_unique(json: &Json, place: &Place) -> Result<()> {
    let rule = object::<UniqueDefinition>(json, place)?;
    each(rule, "fields", place, |json, place| object::<UniqueField>(json, place).map(drop))
}

fn check_states(json: &Json, place: &Place) -> Result<()> {
    let machine = object::<StateMachineDefinition>(json, place)?;
    each(machine, "transitions", place, |json, place| {
        let transition = object::<Transition>(json, place)?;
        label(transition.get("label"), &place.part("label"))
    })
}

/// A type knows its parameters by what it writes of itself.
fn check_kind(json: Option<&Json>, place: &Place) -> Result<()> {
    let json = json.ok_or_else(|| place.fault("a field has a type"))?;
    let kind: FieldType =
        serde_json::from_value(json.clone()).map_err(|error| place.fault(&error.to_string()))?;
    let written = serde_json::to_value(&kind).unwrap_or_default();
    let given = json.as_object().ok_or_else(|| place.fault("a type is an object"))?;
    let known = |name: &&String| written.get(name.as_str()).is_some();
    if let Some(name) = given.keys().find(|name| !known(name)) {
        return Err(place.part(name).fault("no such property"));
    }
    each(given, "codes", place, check_code)?;
    each(given, "columns", place, |json, place| {
        let column = object::<RowColumn>(json, place)?;
        label(column.get("label"), &place.part("label"))?;
        check_kind(column.get("kind"), &place.part("kind"))
    })
}

fn check_code(json: &Json, place: &Place) -> Result<()> {
    label(object::<EnumCode>(json, place)?.get("label"), &place.part("label"))
}

fn label(json: Option<&Json>, place: &Place) -> Result<()> {
    match json {
        Some(json) if !json.is_null() => {
            object::<Label>(json, place)?;
            let said = serde_json::from_value::<Label>(json.clone());
            let said = said.map_err(|error| place.fault(&error.to_string()))?;
            said.fault().map_or(Ok(()), |rule| Err(place.part("others").fault(rule)))
        }
        _ => Ok(()),
    }
}

/// Looks at each item of a list, if there is one; items are counted from 1.
fn each(
    owner: &Map<String, Json>,
    name: &str,
    place: &Place,
    check: impl Fn(&Json, &Place) -> Result<()>,
) -> Result<()> {
    let Some(list) = owner.get(name) else { return Ok(()) };
    let place = place.part(name);
    let items = list.as_array().ok_or_else(|| place.fault("a list"))?;
    let mut numbered = items.iter().zip(1..);
    numbered.try_for_each(|(item, number)| check(item, &place.part(&number.to_string())))
}

/// An object that has no other keys than a definition.
fn object<'j, T: for<'de> Deserialize<'de>>(json: &'j Json, place: &Place) -> Result<&'j Map<String, Json>> {
    let given = json.as_object().ok_or_else(|| place.fault("an object"))?;
    let known = keys_of::<T>();
    match given.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(place.part(name).fault("no such property")),
        None => Ok(given),
    }
}

/// The keys that a definition has as JSON: its `Deserialize` tells them to whoever reads it.
fn keys_of<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut asked = Asked(&[]);
    // It is never given a value, so this fails, once the keys are known.
    let _ = T::deserialize(&mut asked);
    asked.0
}

/// Reads nothing, and remembers the keys that it was asked for.
struct Asked(&'static [&'static str]);

impl<'de> Deserializer<'de> for &mut Asked {
    type Error = NoValue;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, NoValue> {
        Err(NoValue::custom("no value"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NoValue> {
        self.0 = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
