//! Layouts that somebody declared: which fields of an entity stand where, for a record type or the holders of a
//! role, in place of what follows from the registry alone.
//!
//! A layout names fields; it gives nobody a field to see. What it names and the registry no longer has is passed
//! over when it is read.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, FieldId, Label, Result, fold};
use crate::schema::{
    Entity, Field, FieldName, FieldNames, FieldType, Registry, RegistryChange, compile_condition,
    valid_namespace,
};

/// Most sections of a layout.
const MAX_SECTIONS: usize = 100;
/// Most layouts of an entity.
const MAX_LAYOUTS: usize = 1_000;

/// The facts of every record that stand in layouts beside fields, by name.
pub const LAYOUT_FACTS: [&str; 5] = ["owner", "unit", "created_at", "modified_at", "tags"];

/// What a layout is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayoutKind {
    /// Rows with columns.
    #[default]
    List,
    /// One record, to be read.
    Detail,
    /// One record, to be filled in.
    Form,
    /// Cards in columns by the value of a field.
    Kanban,
    /// Cards on days.
    Calendar,
    /// Moments in their order.
    Timeline,
}

impl LayoutKind {
    /// All of them, with their stable names.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::List, "list"),
        (Self::Detail, "detail"),
        (Self::Form, "form"),
        (Self::Kanban, "kanban"),
        (Self::Calendar, "calendar"),
        (Self::Timeline, "timeline"),
    ];

    /// The kind of this name.
    ///
    /// # Errors
    /// `input.invalid_argument`.
    pub fn from_name(name: &str) -> Result<Self> {
        let known = Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind);
        known.ok_or_else(|| Error::new(Code::InvalidArgument).field("kind").value(name))
    }

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// A class of devices, by how much of a record stands on their screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// Held in a hand.
    Phone,
    /// A large screen.
    Desktop,
}

impl Device {
    /// The class of this name: `phone` or `desktop`.
    ///
    /// # Errors
    /// `input.invalid_argument`.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "phone" => Ok(Self::Phone),
            "desktop" => Ok(Self::Desktop),
            _ => Err(Error::new(Code::InvalidArgument).field("device").value(name)),
        }
    }

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Desktop => "desktop",
        }
    }
}

/// A layout as its author defines it. Its identity within the entity is (namespace, kind, record type, device, role,
/// partition).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LayoutDefinition {
    /// Who defines it.
    #[serde(default)]
    pub namespace: String,
    /// What it is for.
    pub kind: LayoutKind,
    /// The code of the record type whose records it is for; those of all types if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_type: Option<String>,
    /// The name of the role whose holders it is for; everybody if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The class of devices that it is for; every one if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// The name of the partition whose people it is for; everybody if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// The field of one code that makes the columns of a kanban; the day or moment at which a record stands in a
    /// calendar, or the first and the last one; those at which it stands in a timeline. What follows from the
    /// registry if none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Fields that stand together, in their order; one section with its columns for a list. What follows from the
    /// registry if none is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<SectionDefinition>,
    /// Fields, and facts of every record, that do not stand in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<String>,
    /// Whether fields that it does not name, as those that come later, stand behind those of the sections.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub append: bool,
    /// Under what condition a field or fact stands in it, by name, as an expression over the record; where none is
    /// named always. It decides what is shown of what the reader may see, and never what the reader may see.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub visible_when: BTreeMap<String, String>,
}

/// Fields of a layout that stand together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SectionDefinition {
    /// What people read above them.
    pub label: Label,
    /// The fields, by API name, and facts of every record such as `owner`.
    pub fields: Vec<String>,
    /// Under what condition the section stands, as an expression over the record; always if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_when: Option<String>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_yes(append: &bool) -> bool {
    *append
}

impl LayoutDefinition {
    /// A layout that says nothing yet: all that follows from the registry stands in it.
    #[must_use]
    pub fn new(kind: LayoutKind) -> Self {
        Self { kind, append: true, ..Self::default() }
    }

    /// What tells it from the other layouts of its author: the kind, with the record type, the role, the device and
    /// the partition, if it is for one.
    #[must_use]
    pub fn name(&self) -> String {
        let parts = [
            self.record_type.as_ref().map(|code| format!(" of {code:?}")),
            self.role.as_ref().map(|role| format!(" for {role:?}")),
            self.device.map(|device| format!(" on {}", device.name())),
            self.partition.as_ref().map(|partition| format!(" in {partition:?}")),
        ];
        parts.into_iter().flatten().fold(self.kind.name().to_owned(), |name, part| name + &part)
    }

    /// Whether it takes the place of another one. Names of roles and partitions are compared folded.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let folded = |layout: &Self| {
            (layout.role.as_deref().map(fold), layout.partition.as_deref().map(fold), layout.device)
        };
        (&self.namespace, self.kind, &self.record_type) == (&other.namespace, other.kind, &other.record_type)
            && folded(self) == folded(other)
    }

    /// Every name of a field or fact that it says, but for those in conditions.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        let placed = self.sections.iter().flat_map(|section| &section.fields);
        placed.chain(&self.hidden).chain(&self.by).chain(self.visible_when.keys())
    }

    /// The conditions under which sections and fields stand in it.
    pub fn conditions(&self) -> impl Iterator<Item = &String> {
        let of_sections = self.sections.iter().filter_map(|section| section.visible_when.as_ref());
        of_sections.chain(self.visible_when.values())
    }

    /// The layout without what the entity no longer has; nothing where its record type is gone.
    #[must_use]
    pub(super) fn standing(&self, entity: &Entity) -> Option<Self> {
        if self.record_type.as_ref().is_some_and(|code| !has_type(entity, code)) {
            return None;
        }
        let stands = |name: &String| is_fact(name) || field_of(entity, name).is_ok();
        let mut layout = self.clone();
        layout.sections.iter_mut().for_each(|section| section.fields.retain(&stands));
        layout.hidden.retain(&stands);
        layout.by.retain(&stands);
        let names = FieldNames::of(entity);
        let holds = |condition: &String| compile_condition(condition, &names).is_ok();
        layout.visible_when.retain(|name, condition| stands(name) && holds(condition));
        for section in &mut layout.sections {
            section.visible_when = section.visible_when.take().filter(&holds);
        }
        Some(layout)
    }

    /// Refuses a layout that is not right for an entity.
    pub(crate) fn check(&self, entity: &Entity) -> Result<()> {
        let fault = |field: &str, rule: &str| {
            let error = Error::new(Code::InvalidDefinition).entity(&entity.api_name);
            Err(error.field(field).rule(rule))
        };
        if !valid_namespace(&self.namespace) {
            return fault("namespace", "namespaces are lower-case letters, digits and underscores");
        }
        if let Some(code) = self.record_type.as_ref().filter(|code| !has_type(entity, code)) {
            return fault(code, "a record type of the entity");
        }
        if self.sections.len() > MAX_SECTIONS {
            return fault("sections", &format!("at most {MAX_SECTIONS} sections"));
        }
        if self.sections.iter().any(|section| section.label.is_partial()) {
            return fault("sections", "labels stand in zh and en");
        }
        if self.sections.is_empty() && !self.append {
            return fault("sections", "a layout without sections has what follows from the registry");
        }
        let mut seen = BTreeSet::new();
        for name in self.sections.iter().flat_map(|section| &section.fields).chain(&self.hidden) {
            let place = match is_fact(name) {
                true => name.clone(),
                false => field_of(entity, name)?.api_name.clone(),
            };
            if !seen.insert(place) {
                return fault(name, "a field stands once in a layout, or is hidden");
            }
        }
        for (name, condition) in &self.visible_when {
            if !is_fact(name) {
                field_of(entity, name)?;
            }
            check_condition(entity, condition).map_err(|error| error.field(name))?;
        }
        for section in &self.sections {
            let condition = section.visible_when.iter();
            condition.map(String::as_str).try_for_each(|condition| check_condition(entity, condition))?;
        }
        self.check_by(entity)
    }

    fn check_by(&self, entity: &Entity) -> Result<()> {
        let fault = |field: &str, rule: &str| {
            let error = Error::new(Code::InvalidDefinition).entity(&entity.api_name);
            Err(error.field(field).rule(rule))
        };
        let most = match self.kind {
            LayoutKind::List | LayoutKind::Detail | LayoutKind::Form => 0,
            LayoutKind::Kanban => 1,
            LayoutKind::Calendar => 2,
            LayoutKind::Timeline => usize::MAX,
        };
        if self.by.len() > most {
            return fault("by", &format!("at most {most} fields for {}", self.kind.name()));
        }
        let mut seen = BTreeSet::new();
        for name in &self.by {
            let is_moment = ["created_at", "modified_at"].contains(&name.as_str());
            if is_moment && self.kind == LayoutKind::Timeline && seen.insert(name.clone()) {
                continue;
            }
            let field = field_of(entity, name)?;
            let fits = match self.kind {
                LayoutKind::Kanban => matches!(field.definition.kind, FieldType::Enum { .. }),
                _ => matches!(field.definition.kind, FieldType::Date | FieldType::DateTime),
            };
            if !fits {
                return fault(name, "a kanban goes by a field of one code, others by days and moments");
            }
            if !seen.insert(field.api_name.clone()) {
                return fault(name, "a field stands once in `by`");
            }
        }
        Ok(())
    }
}

fn check_condition(entity: &Entity, condition: &str) -> Result<()> {
    let compiled = compile_condition(condition, &FieldNames::of(entity));
    compiled.map(drop).map_err(|error| error.entity(&entity.api_name))
}

fn has_type(entity: &Entity, code: &str) -> bool {
    entity.record_types().is_some_and(|types| types.of_code(code).is_some())
}

/// Whether a name is that of a fact of every record, and not that of a field.
fn is_fact(name: &str) -> bool {
    LAYOUT_FACTS.contains(&name)
}

/// A field that may stand in layouts: one that was not taken back, and that keeps no translations.
fn field_of<'e>(entity: &'e Entity, name: &str) -> Result<&'e Field> {
    let field = entity.field(FieldName::Name(name))?;
    let error = |code| Error::new(code).entity(&entity.api_name).field(&field.api_name);
    if field.is_withdrawn() {
        return Err(error(Code::Withdrawn));
    }
    match field.definition.translation_of {
        Some(_) => Err(error(Code::InvalidDefinition).rule("what keeps translations stands in no layout")),
        None => Ok(field),
    }
}

impl Entity {
    /// The field or fact that a layout names: its name as hosts read it, with the field's number; nothing where
    /// it is gone.
    #[must_use]
    pub fn laid_out(&self, name: &str) -> Option<(String, Option<FieldId>)> {
        if is_fact(name) {
            return Some((name.to_owned(), None));
        }
        field_of(self, name).ok().map(|field| (field.api_name.clone(), Some(field.id())))
    }
}

impl Registry {
    /// Declares a layout of an entity that stands already, in place of the one of the same author, kind, record
    /// type, device, role and partition.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `schema.withdrawn`, `schema.invalid_definition`;
    /// `input.limit_exceeded` for more than 1,000 layouts of an entity.
    pub fn declare_layout(&mut self, entity: &str, definition: &LayoutDefinition) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        definition.check(entity)?;
        match entity.layouts().iter().position(|known| known.is_same_as(definition)) {
            Some(place) if entity.layouts().get(place) == Some(definition) => {
                return Ok(RegistryChange::Nothing);
            }
            Some(place) => {
                entity.layouts_mut().remove(place);
                entity.layouts_mut().insert(place, definition.clone());
            }
            None if entity.layouts().len() >= MAX_LAYOUTS => {
                let error = Error::new(Code::LimitExceeded).entity(&entity.api_name).field("layouts");
                return Err(error.rule(&format!("layouts <= {MAX_LAYOUTS}")));
            }
            None => entity.layouts_mut().push(definition.clone()),
        }
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Takes a layout back: the one of the same author, kind, record type, device, role and partition.
    ///
    /// # Errors
    /// `schema.unknown_entity`; `schema.invalid_definition` where there is none.
    pub fn remove_layout(&mut self, entity: &str, definition: &LayoutDefinition) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        let Some(place) = entity.layouts().iter().position(|known| known.is_same_as(definition)) else {
            let error = Error::new(Code::InvalidDefinition).entity(&entity.api_name);
            return Err(error.field(&definition.name()).rule("a layout that was declared"));
        };
        entity.layouts_mut().remove(place);
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SystemField;

    #[test]
    fn the_facts_of_layouts_are_facts_of_every_record() {
        for fact in LAYOUT_FACTS.into_iter().filter(|fact| *fact != "tags") {
            assert!(SystemField::from_name(fact).is_some(), "{fact}");
        }
    }

    #[test]
    fn what_tells_layouts_apart_cannot_be_confused() {
        let layout = |record_type: Option<&str>, role: Option<&str>| LayoutDefinition {
            record_type: record_type.map(str::to_owned),
            role: role.map(str::to_owned),
            ..LayoutDefinition::new(LayoutKind::Form)
        };
        assert_eq!(layout(None, None).name(), "form");
        assert_eq!(layout(Some("visitor"), Some("销售")).name(), "form of \"visitor\" for \"销售\"");
        assert_ne!(layout(Some("a\" for \"b"), None).name(), layout(Some("a"), Some("b")).name());
        assert!(layout(None, Some("Sales")).is_same_as(&layout(None, Some("sales"))));
        assert!(!layout(Some("Sales"), None).is_same_as(&layout(Some("sales"), None)));
        let phone =
            LayoutDefinition { device: Some(Device::Phone), ..LayoutDefinition::new(LayoutKind::Form) };
        let of = LayoutDefinition { partition: Some("上海".to_owned()), ..phone.clone() };
        assert_eq!((phone.name(), of.name()), ("form on phone".into(), "form on phone in \"上海\"".into()));
        assert!(!phone.is_same_as(&of) && !phone.is_same_as(&LayoutDefinition::new(LayoutKind::Form)));
    }
}
