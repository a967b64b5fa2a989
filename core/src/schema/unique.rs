//! Unique rules: which values no two records of an entity have in common, alone or within a scope.
//!
//! A rule gets a permanent number from the same row as fields and indexes, and never changes: who wants another
//! one takes it back and declares another one, which gets a number of its own. The number of one that was taken
//! back stays with the entity until its keys are gone.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, FieldId, Result, ValueKind};
use crate::schema::computation::changes_with_time;
use crate::schema::derived::{check_names, is_ordered};
use crate::schema::expr::{Expression, Meaning, Names};
use crate::schema::links::reads_others;
use crate::schema::{Entity, FieldNames, Registry, RegistryChange, SystemField, compile_condition};

/// Most fields of one rule.
const MAX_FIELDS: usize = 4;

/// How a text is made ready to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalizer {
    /// Without regard to case, width and runs of white space.
    #[default]
    Folded,
    /// As it is written.
    Exact,
}

impl Normalizer {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
    fn is_folded(&self) -> bool {
        *self == Self::Folded
    }
}

/// What a refused writer learns of the record that has the value, where they may not see it. Whoever sees it is told
/// which one it is, whatever is said here; and nobody learns more of a record in another partition than that they are
/// refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reveal {
    /// Nothing but the refusal.
    #[default]
    Nothing,
    /// That it is a record which they may not see.
    Existence,
    /// Whose it is, so that the owner can be asked.
    Owner,
}

impl Reveal {
    /// All of them, with their stable names.
    const ALL: [(Self, &'static str); 3] =
        [(Self::Nothing, "nothing"), (Self::Existence, "existence"), (Self::Owner, "owner")];

    /// The one with this name.
    ///
    /// # Errors
    /// `input.invalid_argument`.
    pub fn from_name(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name).map(|(reveal, _)| *reveal);
        found.ok_or_else(|| Error::new(Code::InvalidArgument).field("reveal").value(name))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

/// One field of a unique rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniqueField {
    /// The field by API name, or `owner` or `unit`.
    pub field: String,
    /// For a text: how it is compared.
    #[serde(default, skip_serializing_if = "Normalizer::is_folded")]
    pub normalizer: Normalizer,
}

/// A unique rule as its author defines it. Its identity is (namespace, name) within the entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniqueDefinition {
    /// Who defines it.
    #[serde(default)]
    pub namespace: String,
    /// Name in the API, without namespace.
    pub name: String,
    /// The fields, at most 4, whose values together stand once. A record in which one of them is missing takes
    /// no part.
    pub fields: Vec<UniqueField>,
    /// Only records for which this holds take part: an expression over the entity's fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What a refused writer learns of a record that they may not see. Alone of the rule it may be changed.
    #[serde(default, skip_serializing_if = "Reveal::is_nothing")]
    pub reveal: Reveal,
}

impl UniqueDefinition {
    /// What no two records have in common in these fields together.
    #[must_use]
    pub fn new(namespace: &str, name: &str, fields: &[&str]) -> Self {
        let field =
            |field: &&str| UniqueField { field: (*field).to_owned(), normalizer: Normalizer::default() };
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            fields: fields.iter().map(field).collect(),
            condition: None,
            reveal: Reveal::default(),
        }
    }

    /// The name under which the API knows it: `namespace.name`.
    #[must_use]
    pub fn api_name(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }
}

/// A unique rule with its number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UniqueRule {
    number: u32,
    /// What its author defined.
    pub definition: UniqueDefinition,
    /// The fields by their numbers, so that no later field takes the place of one by bearing its name.
    fields: Vec<u32>,
    /// The names in the condition with the numbers of the fields that they mean, for the same reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    meant: BTreeMap<String, u32>,
    /// Whether every record was held against it; until then it binds those that are written.
    pub complete: bool,
    #[serde(skip)]
    condition: Option<Expression>,
}

impl UniqueRule {
    /// The number as this database gave it, from the row of the fields' numbers.
    #[must_use]
    pub fn id(&self) -> FieldId {
        FieldId::new(self.number)
    }

    /// The fields that stand in its keys, each with how a text of it is compared.
    pub fn components(&self) -> impl Iterator<Item = (FieldId, Normalizer)> + '_ {
        let numbers = self.fields.iter().map(|number| FieldId::new(*number));
        numbers.zip(self.definition.fields.iter().map(|field| field.normalizer))
    }

    /// Which records take part, where not all do.
    #[must_use]
    pub fn condition(&self) -> Option<&Expression> {
        self.condition.as_ref()
    }

    /// Every field that it reads, in its keys and its condition.
    pub fn reads(&self) -> impl Iterator<Item = FieldId> + '_ {
        self.fields.iter().chain(self.meant.values()).map(|number| FieldId::new(*number))
    }

    fn of(entity: &Entity, definition: &UniqueDefinition, number: u32) -> Result<Self> {
        check_names(&definition.namespace, &definition.name)?;
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field(&definition.name).rule(rule));
        if !(1..=MAX_FIELDS).contains(&definition.fields.len()) {
            return fault("a unique rule has 1 to 4 fields");
        }
        let mut fields = Vec::new();
        for named in &definition.fields {
            let (id, kind) = entity.component(&named.field)?;
            let of_record = entity.field_by_id(id).is_some()
                || [SystemField::Owner, SystemField::Unit].iter().any(|system| system.id() == id);
            if !of_record || !is_ordered(kind) || fields.contains(&id.number()) {
                return fault("fields of a unique rule are different, and can be compared");
            }
            if kind != ValueKind::Text && named.normalizer == Normalizer::Exact {
                return fault("only a text is compared as it is written");
            }
            fields.push(id.number());
        }
        let meant = meant_by(entity, definition.condition.as_deref())?;
        let mut rule =
            Self { number, definition: definition.clone(), fields, meant, complete: true, condition: None };
        rule.condition = rule.compiled(entity)?;
        let clock = rule.condition.as_ref().is_some_and(|condition| changes_with_time(entity, condition));
        let formulas =
            || rule.reads().filter_map(|field| entity.field_by_id(field).and_then(|known| known.formula()));
        if clock || formulas().any(|formula| changes_with_time(entity, formula)) {
            return fault("what changes with time is not unique");
        }
        if reads_others(entity, &rule.reads().collect()) {
            return fault("what follows from other records is not unique");
        }
        Ok(rule)
    }

    /// Reads the condition of a rule that was stored.
    pub(super) fn compile(&self, entity: &Entity) -> Self {
        Self { condition: self.compiled(entity).ok().flatten(), ..self.clone() }
    }

    fn compiled(&self, entity: &Entity) -> Result<Option<Expression>> {
        let names = Bound { entity, meant: &self.meant };
        self.definition.condition.as_deref().map(|source| compile_condition(source, &names)).transpose()
    }
}

/// The names in a condition, with the fields that they mean now.
fn meant_by(entity: &Entity, condition: Option<&str>) -> Result<BTreeMap<String, u32>> {
    let asked = Asked { names: FieldNames::of(entity), meant: RefCell::default() };
    condition.map(|source| compile_condition(source, &asked)).transpose()?;
    Ok(asked.meant.into_inner())
}

/// Remembers which names were asked for.
struct Asked<'a> {
    names: FieldNames<'a>,
    meant: RefCell<BTreeMap<String, u32>>,
}

impl Names for Asked<'_> {
    fn field(&self, name: &str) -> Option<Meaning> {
        let meaning = self.names.field(name)?;
        self.meant.borrow_mut().insert(name.to_owned(), meaning.field.number());
        Some(meaning)
    }
}

/// Names that mean what they meant when the rule was declared.
struct Bound<'a> {
    entity: &'a Entity,
    meant: &'a BTreeMap<String, u32>,
}

impl Names for Bound<'_> {
    fn field(&self, name: &str) -> Option<Meaning> {
        let field = self.entity.field_by_id(FieldId::new(*self.meant.get(name)?))?;
        FieldNames::of(self.entity).field(&field.api_name)
    }
}

impl Entity {
    /// The unique rules, in the order in which they were declared.
    #[must_use]
    pub fn unique_rules(&self) -> &[UniqueRule] {
        self.unique_parts().0
    }

    /// The numbers of unique rules, unique fields, indexes and counters that were taken back, whose keys are still to
    /// be swept away.
    pub fn dropped(&self) -> impl Iterator<Item = FieldId> + '_ {
        self.unique_parts().1.iter().map(|number| FieldId::new(*number))
    }

    /// Takes unique rules back.
    pub(super) fn drop_unique(&mut self, goes: impl Fn(&UniqueRule) -> bool) {
        let (rules, dropped) = self.unique_parts_mut();
        dropped.extend(rules.iter().filter(|rule| goes(rule)).map(|rule| rule.number));
        rules.retain(|rule| !goes(rule));
    }

    /// Says of unique rules whether every record was held against them, and of those that were taken back that
    /// their keys are gone.
    pub(super) fn set_unique_complete(&mut self, numbers: &[FieldId], complete: bool) {
        let (rules, dropped) = self.unique_parts_mut();
        for rule in rules.iter_mut().filter(|rule| numbers.contains(&rule.id())) {
            rule.complete = complete;
        }
        dropped.retain(|number| !(complete && numbers.contains(&FieldId::new(*number))));
    }
}

impl Registry {
    /// Declares a unique rule of an entity that stands already.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `schema.invalid_definition` (a unique rule never
    /// changes, but for what it reveals), `schema.invalid_expression`.
    pub fn declare_unique(&mut self, entity: &str, definition: &UniqueDefinition) -> Result<RegistryChange> {
        let number = self.next_number();
        let entity = self.entity_mut(entity)?;
        let api_name = entity.api_name.clone();
        let named = |error: Error| error.entity(&api_name);
        let rule = UniqueRule::of(entity, definition, number).map_err(named)?;
        let known = entity.unique_parts_mut().0.iter_mut().map(|known| &mut known.definition);
        match known.into_iter().find(|known| known.api_name() == definition.api_name()) {
            Some(known) if known == definition => return Ok(RegistryChange::Nothing),
            Some(known) if *known == (UniqueDefinition { reveal: known.reveal, ..definition.clone() }) => {
                known.reveal = definition.reveal;
                self.touch(RegistryChange::Changed);
                return Ok(RegistryChange::Changed);
            }
            Some(_) => {
                let error = Error::new(Code::InvalidDefinition).field(&definition.api_name());
                return Err(named(error.rule("a unique rule never changes")));
            }
            None => entity.unique_parts_mut().0.push(rule),
        }
        entity.index();
        self.take_number(number);
        Ok(RegistryChange::Changed)
    }

    /// Takes back the unique rules with these numbers. Their keys are still to be swept away.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn drop_unique(&mut self, entity: &str, numbers: &[FieldId]) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        entity.drop_unique(|rule| numbers.contains(&rule.id()));
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }
}
