//! What the author of a field says in expressions: its default, when it is required, and its formula.

use std::collections::BTreeSet;

use crate::base::{Code, Error, FieldId, Result, ValueKind};
use crate::schema::expr::Expression;
use crate::schema::links::reads_others;
use crate::schema::{
    Entity, Field, FieldDefinition, FieldNames, FieldOverride, FieldType, compile_condition,
};

/// The expressions of a field, as they are worked out.
#[derive(Debug, Clone, Default)]
pub(super) struct Computation {
    /// The value of a new record that comes with none.
    pub default: Option<Expression>,
    /// Under which conditions a record must have a value.
    pub required_when: Vec<Expression>,
    /// The value of a formula.
    pub formula: Option<Expression>,
    /// The stored fields that a formula follows from, through other formulas too.
    pub inputs: BTreeSet<FieldId>,
}

impl Computation {
    /// The expressions of a field of an entity, found right.
    ///
    /// # Errors
    /// [`Code::InvalidExpression`], [`Code::InvalidDefinition`] for a default or formula that gives another
    /// type, and for formulas that go in a circle.
    pub fn of(entity: &Entity, definition: &FieldDefinition) -> Result<Self> {
        let names = FieldNames::of(entity);
        let default = definition.default.as_deref().map(|source| Expression::compile(source, &names));
        let default = default.transpose()?;
        let required_when = definition.required_when.iter().map(|source| compile_condition(source, &names));
        let required_when = required_when.collect::<Result<_>>()?;
        let formula = match &definition.kind {
            FieldType::Formula { expression, .. } => Some(Expression::compile(expression, &names)?),
            _ => None,
        };
        let computation = Self { default, required_when, formula, inputs: BTreeSet::new() };
        computation.check(entity, definition)?;
        Ok(computation)
    }

    /// The expressions of a field that was stored; those that this version does not understand are left out.
    /// Where higher layers add conditions, those are among them.
    pub fn compile(entity: &Entity, definition: &FieldDefinition, overrides: &[FieldOverride]) -> Self {
        let mut computation = Self::of(entity, definition).unwrap_or_default();
        let names = FieldNames::of(entity);
        let added = overrides.iter().filter_map(FieldOverride::required_when);
        computation.required_when.extend(added.filter_map(|source| compile_condition(source, &names).ok()));
        computation
    }

    fn check(&self, entity: &Entity, definition: &FieldDefinition) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field(&definition.name).rule(rule));
        let wanted = definition.kind.value_kind();
        if let Some(default) = &self.default {
            let widened = wanted == ValueKind::Decimal && default.kind() == ValueKind::Int;
            if self.formula.is_some() || (default.kind() != wanted && !widened) {
                return fault("a default gives what the field takes");
            }
        }
        let Some(formula) = &self.formula else { return Ok(()) };
        if formula.kind() != wanted {
            return fault("a formula gives what it says that it gives");
        }
        if definition.is_indexed() && changes_with_time(entity, formula) {
            return fault("what changes with time has no index");
        }
        if definition.is_indexed() && reads_others(entity, formula.fields()) {
            return fault("what follows from other records has no index");
        }
        let stands = entity.fields().iter().find(|field| is_of(field, definition));
        if stands.is_some_and(|field| field.definition.kind != definition.kind) && entity.keeps_formulas() {
            return fault("formulas do not change while an index is kept on one");
        }
        let own = entity.fields().iter().find(|field| is_of(field, definition));
        match own.is_some_and(|own| leads_to(entity, formula.fields(), own.id())) {
            true => fault("formulas go in a circle"),
            false => Ok(()),
        }
    }
}

fn is_of(field: &Field, definition: &FieldDefinition) -> bool {
    field.definition.namespace == definition.namespace && field.definition.local == definition.local
}

/// Whether some fields follow from another one, through formulas.
fn leads_to(entity: &Entity, from: &BTreeSet<FieldId>, wanted: FieldId) -> bool {
    reached(entity, from).contains(&wanted)
}

/// Some fields, and those that they follow from through formulas.
pub(super) fn reached(entity: &Entity, from: &BTreeSet<FieldId>) -> BTreeSet<FieldId> {
    let mut open: Vec<FieldId> = from.iter().copied().collect();
    let mut seen = BTreeSet::new();
    while let Some(field) = open.pop() {
        let formula = entity.field_by_id(field).and_then(Field::formula);
        if seen.insert(field) {
            open.extend(formula.into_iter().flat_map(Expression::fields));
        }
    }
    seen
}

/// Whether an expression gives other values at another time, by itself or by the formulas that it reads.
pub(super) fn changes_with_time(entity: &Entity, expression: &Expression) -> bool {
    let through = reached(entity, expression.fields());
    let mut formulas = through.iter().filter_map(|field| entity.field_by_id(*field).and_then(Field::formula));
    expression.reads_clock() || formulas.any(Expression::reads_clock)
}

/// The formulas of an entity so that each stands behind those that it reads, by their places among the
/// fields, with the stored fields from which each follows.
pub(super) fn formulas_in_order(fields: &[Field]) -> Vec<(usize, BTreeSet<FieldId>)> {
    let mut ordered: Vec<(usize, BTreeSet<FieldId>)> = Vec::new();
    let mut waiting: Vec<(usize, &Field, &Expression)> = fields
        .iter()
        .enumerate()
        .filter_map(|(place, field)| Some((place, field, field.formula()?)))
        .collect();
    loop {
        let blocked: BTreeSet<FieldId> = waiting.iter().map(|(_, field, _)| field.id()).collect();
        let (ready, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, _, formula)| formula.fields().is_disjoint(&blocked));
        if ready.is_empty() {
            return ordered;
        }
        for (place, _, formula) in ready {
            let through = |field: &FieldId| {
                let known =
                    ordered.iter().find(|(place, _)| fields.get(*place).map(Field::id) == Some(*field));
                known.map_or_else(|| BTreeSet::from([*field]), |(_, inputs)| inputs.clone())
            };
            let inputs = formula.fields().iter().flat_map(through).collect();
            ordered.push((place, inputs));
        }
        waiting = later;
    }
}
