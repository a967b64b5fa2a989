//! State machines: which code of a field may follow which, under what condition, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, FieldId, Label, Result, ValueKind};
use crate::schema::expr::Expression;
use crate::schema::{
    Entity, Field, FieldName, FieldNames, FieldType, Registry, RegistryChange, compile_condition, valid_name,
    valid_namespace,
};

/// A state machine as its author defines it. Its identity is (namespace, name) within the entity; a field has
/// at most one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StateMachineDefinition {
    /// Who defines it.
    #[serde(default)]
    pub namespace: String,
    /// Name in the API, without namespace.
    pub name: String,
    /// The field of one code whose values are the states, by API name.
    pub field: String,
    /// The states in which a record may begin; one that comes without state begins in the first. All of them if
    /// none is named, and then a record without state has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initial: Vec<String>,
    /// What may follow on what.
    pub transitions: Vec<Transition>,
    /// The states in which a record is locked: a person changes nothing of it but its state, neither fields nor
    /// owner, tags and attachments, and does not delete it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locked: Vec<String>,
}

/// A step from one state to another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Transition {
    /// Its name, which stands once in its machine.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// The states that it leaves; any other one if none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// The state that it comes to.
    pub to: String,
    /// What must be true of the record as it is about to be, as an expression. Unknown is not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// The fields that it sets, each to what an expression over the record gives.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sets: BTreeMap<String, String>,
}

impl StateMachineDefinition {
    /// The name under which the API knows it: `namespace.name`.
    #[must_use]
    pub fn api_name(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }
}

/// A state machine of an entity.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StateMachine {
    /// What its author defined.
    pub definition: StateMachineDefinition,
    /// Nothing for one that this version does not understand: then no state follows on another.
    #[serde(skip)]
    compiled: Option<Compiled>,
}

#[derive(Debug, Clone)]
struct Compiled {
    field: FieldId,
    steps: Vec<Step>,
}

/// A transition as it is worked out.
#[derive(Debug, Clone)]
pub struct Step {
    /// What must be true.
    pub guard: Option<Expression>,
    /// The fields that it sets.
    pub sets: Vec<(FieldId, Expression)>,
}

impl StateMachine {
    /// The field whose values are the states; nothing where this version does not understand the machine.
    #[must_use]
    pub fn field(&self) -> Option<FieldId> {
        self.compiled.as_ref().map(|compiled| compiled.field)
    }

    /// The transitions from one state to another, in the order of their author.
    pub fn between<'s>(
        &'s self,
        from: &'s str,
        to: &'s str,
    ) -> impl Iterator<Item = (&'s Transition, &'s Step)> {
        self.leaving(from).filter(move |(transition, _)| transition.to == to)
    }

    /// The transitions that leave a state, in the order of their author.
    pub fn leaving<'s>(&'s self, from: &'s str) -> impl Iterator<Item = (&'s Transition, &'s Step)> {
        let steps = self.compiled.iter().flat_map(|compiled| &compiled.steps);
        let leaves = move |transition: &Transition| {
            transition.to != from
                && (transition.from.is_empty() || transition.from.iter().any(|code| code == from))
        };
        self.definition.transitions.iter().zip(steps).filter(move |(transition, _)| leaves(transition))
    }

    /// The fields that its expressions read.
    pub fn fields(&self) -> impl Iterator<Item = FieldId> + '_ {
        let steps = self.compiled.iter().flat_map(|compiled| &compiled.steps);
        let expressions =
            steps.flat_map(|step| step.guard.iter().chain(step.sets.iter().map(|(_, value)| value)));
        expressions.flat_map(|expression| expression.fields().iter().copied())
    }

    /// A machine that was found right for an entity.
    pub(super) fn of(entity: &Entity, definition: &StateMachineDefinition) -> Result<Self> {
        let fault = |rule: &str| Error::new(Code::InvalidDefinition).field(&definition.name).rule(rule);
        if !valid_name(&definition.name) || !valid_namespace(&definition.namespace) {
            return Err(fault("names are lower-case letters, digits and underscores, at most 63"));
        }
        let field = entity.field(FieldName::Name(&definition.field))?;
        let FieldType::Enum { codes } = &field.definition.kind else {
            return Err(fault("states are the codes of a field of one code"));
        };
        let mut named = definition.initial.iter().chain(&definition.locked).chain(
            definition
                .transitions
                .iter()
                .flat_map(|transition| transition.from.iter().chain([&transition.to])),
        );
        if named.any(|state| codes.iter().all(|code| code.code != *state)) {
            return Err(fault("each state is a code of the field"));
        }
        let mut names = BTreeSet::new();
        if definition.transitions.iter().any(|one| !valid_name(&one.name) || !names.insert(&one.name)) {
            return Err(fault("each transition has a name of its own"));
        }
        if definition.transitions.iter().any(|transition| transition.label.is_partial()) {
            return Err(fault("labels stand in zh and en"));
        }
        let steps = definition.transitions.iter().map(|transition| {
            step(entity, field, transition)
                .map_err(|error| error.field(&format!("{}.{}", definition.name, transition.name)))
        });
        let compiled = Some(Compiled { field: field.id(), steps: steps.collect::<Result<_>>()? });
        Ok(Self { definition: definition.clone(), compiled })
    }

    /// Reads the expressions of a machine that was stored.
    pub(super) fn compile(&self, entity: &Entity) -> Self {
        let left_out = || Self { definition: self.definition.clone(), compiled: None };
        Self::of(entity, &self.definition).unwrap_or_else(|_| left_out())
    }
}

fn step(entity: &Entity, state: &Field, transition: &Transition) -> Result<Step> {
    let names = FieldNames::of(entity);
    let guard = transition.guard.as_deref().map(|source| compile_condition(source, &names)).transpose()?;
    let sets =
        transition.sets.iter().map(|(name, source)| {
            let field = entity.field(FieldName::Name(name))?;
            let value = Expression::compile(source, &names)?;
            let wanted = field.definition.kind.value_kind();
            let fits = value.kind() == wanted
                || value.kind() == ValueKind::Null
                || (wanted == ValueKind::Decimal && value.kind() == ValueKind::Int);
            let settable = field.id() != state.id() && field.formula().is_none();
            match fits && settable {
                true => Ok((field.id(), value)),
                false => Err(Error::new(Code::InvalidDefinition)
                    .rule("a transition sets other fields to what they take")),
            }
        });
    Ok(Step { guard, sets: sets.collect::<Result<_>>()? })
}

impl Registry {
    /// Declares a state machine of an entity that stands already, in place of the one of the same author and
    /// name. Records keep their states.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `schema.invalid_definition`,
    /// `schema.invalid_expression`; `schema.duplicate_definition` where the field has another machine.
    pub fn declare_states(
        &mut self,
        entity: &str,
        definition: &StateMachineDefinition,
    ) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        let machine = StateMachine::of(entity, definition).map_err(|error| error.entity(&entity.api_name))?;
        let same = |known: &StateMachine| known.definition.api_name() == definition.api_name();
        let of_field = |known: &StateMachine| known.field() == machine.field();
        if entity.machines().iter().any(|known| !same(known) && of_field(known)) {
            let error = Error::new(Code::DuplicateDefinition).entity(&entity.api_name);
            return Err(error.field(&definition.field));
        }
        match entity.machines().iter().position(same) {
            Some(place)
                if entity.machines().get(place).is_some_and(|known| known.definition == *definition) =>
            {
                return Ok(RegistryChange::Nothing);
            }
            Some(place) => {
                entity.machines_mut().remove(place);
                entity.machines_mut().insert(place, machine);
            }
            None => entity.machines_mut().push(machine),
        }
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }
}
