//! Rules of an entity: conditions that its records meet, and what people read where they do not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, FieldId, Label, Result, ValueKind};
use crate::schema::expr::{Column, Expression, Facts, Items, Meaning, Names, Takes};
use crate::schema::{Entity, FieldName, FieldType, valid_name, valid_namespace};

/// What becomes of a record that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is refused.
    #[default]
    Error,
    /// It is taken, and whoever saves it is told.
    Warning,
}

/// A rule as its author defines it. Its identity is (namespace, name) within the entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleDefinition {
    /// Who defines it: `crm`, a plugin's id, or `x` for the customer's own.
    #[serde(default)]
    pub namespace: String,
    /// Name in the API, without namespace.
    pub name: String,
    /// What holds of every record, as an expression over the fields of the entity. As a check in SQL, a
    /// condition that is unknown because a value is missing is met.
    pub condition: String,
    /// What people read where it does not hold.
    pub message: Label,
    /// What becomes of such a record.
    #[serde(default)]
    pub severity: Severity,
    /// Whether it is looked at.
    #[serde(default = "yes")]
    pub active: bool,
}

fn yes() -> bool {
    true
}

impl RuleDefinition {
    /// The name under which the API knows it: `namespace.name`.
    #[must_use]
    pub fn api_name(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }

    fn check(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field(&self.name).rule(rule));
        if !valid_name(&self.name) || !valid_namespace(&self.namespace) {
            return fault("names are lower-case letters, digits and underscores, at most 63");
        }
        if self.message.is_partial() {
            return fault("messages stand in zh and en");
        }
        Ok(())
    }
}

/// A rule of an entity.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rule {
    /// What its author defined.
    pub definition: RuleDefinition,
    /// Its condition as it is worked out; nothing for one that this version does not understand.
    #[serde(skip)]
    condition: Option<Expression>,
}

impl Rule {
    /// A rule whose condition was found right for an entity.
    ///
    /// # Errors
    /// [`Code::InvalidDefinition`], [`Code::InvalidExpression`].
    pub(super) fn of(entity: &Entity, definition: &RuleDefinition) -> Result<Self> {
        definition.check()?;
        let condition = compile_condition(&definition.condition, &FieldNames::of(entity))?;
        Ok(Self { definition: definition.clone(), condition: Some(condition) })
    }

    /// Reads the condition of a rule that was stored.
    pub(super) fn compile(&self, entity: &Entity) -> Self {
        let condition = compile_condition(&self.definition.condition, &FieldNames::of(entity)).ok();
        Self { definition: self.definition.clone(), condition }
    }

    /// The fields that it reads.
    pub fn fields(&self) -> impl Iterator<Item = FieldId> + '_ {
        self.condition.iter().flat_map(|condition| condition.fields().iter().copied())
    }

    /// Whether a record breaks it.
    ///
    /// # Errors
    /// [`Code::InvalidExpression`] for a condition that an older version took and this one does not;
    /// those of [`Expression::evaluate`].
    pub fn is_broken(&self, facts: &dyn Facts) -> Result<bool> {
        let unknown = || Error::new(Code::InvalidExpression);
        Ok(self.condition.as_ref().ok_or_else(unknown)?.holds(facts)? == Some(false))
    }
}

/// Compiles an expression that is true or false.
///
/// # Errors
/// [`Code::InvalidExpression`], [`Code::LimitExceeded`].
pub fn compile_condition(source: &str, names: &dyn Names) -> Result<Expression> {
    let condition = Expression::compile(source, names)?;
    if condition.kind() != ValueKind::Bool {
        let rule = "line 1, column 1: a condition is true or false";
        return Err(Error::new(Code::InvalidExpression).rule(rule));
    }
    Ok(condition)
}

/// The fields of an entity as the names of expressions.
#[derive(Debug, Clone, Copy)]
pub struct FieldNames<'a> {
    entity: &'a Entity,
    shown: Option<&'a [FieldId]>,
}

impl<'a> FieldNames<'a> {
    /// All of them.
    #[must_use]
    pub fn of(entity: &'a Entity) -> Self {
        Self { entity, shown: None }
    }

    /// Those that an author may see. Others are as if they were not there.
    #[must_use]
    pub fn shown(entity: &'a Entity, shown: &'a [FieldId]) -> Self {
        Self { entity, shown: Some(shown) }
    }
}

impl Names for FieldNames<'_> {
    fn field(&self, name: &str) -> Option<Meaning> {
        let field = self.entity.field(FieldName::Name(name)).ok()?;
        if self.shown.is_some_and(|shown| !shown.contains(&field.id())) {
            return None;
        }
        let kind = &field.definition.kind;
        if kind.is_opaque() {
            return None;
        }
        let (takes, items) = (takes_of(kind, &field.entity_names), items_of(kind, &field.entity_names));
        Some(Meaning { field: field.id(), kind: kind.value_kind(), takes, items })
    }
}

/// What a type takes beyond the kind of its values. `aliases` are further names of the entities that it refers to.
pub(super) fn takes_of(kind: &FieldType, aliases: &BTreeMap<String, String>) -> Takes {
    match (kind, kind.codes()) {
        (_, Some(codes)) => Takes::Codes(codes.iter().map(|code| code.code.clone()).collect()),
        (FieldType::AnyReference { entities }, None) => {
            let aliases = aliases.iter().filter(|(_, known)| entities.contains(known));
            let names = entities.iter().map(|name| (name, name)).chain(aliases);
            Takes::Entities(names.map(|(name, known)| (name.clone(), known.clone())).collect())
        }
        _ => Takes::Anything,
    }
}

/// What the values of a type of several values are, one by one.
fn items_of(kind: &FieldType, aliases: &BTreeMap<String, String>) -> Option<Items> {
    match kind {
        FieldType::MultiEnum { .. } => Some(Items::Values(ValueKind::Text, takes_of(kind, aliases))),
        FieldType::MultiReference { .. } => Some(Items::Values(ValueKind::Id, Takes::Anything)),
        FieldType::Rows { columns } => {
            let columns = columns.iter().map(|column| Column {
                name: column.name.clone(),
                kind: column.kind.value_kind(),
                takes: takes_of(&column.kind, aliases),
            });
            Some(Items::Rows(columns.collect()))
        }
        _ => None,
    }
}
