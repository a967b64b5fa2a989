//! Records move along the state machines of their entity: begin where they may, take steps that are open, and
//! stand still where they are locked.

use crate::access::Action;
use crate::base::{Code, Error, FieldId, Label, RecordId, Result, Value};
use crate::engine::Session;
use crate::engine::record_types::excludes;
use crate::records::{Envelope, Moment, Record, RecordFacts};
use crate::schema::{
    CUSTOMER, Entity, Field, PhoneRegion, StateMachine, StateMachineDefinition, Step, normalize_value,
};

/// A step that leaves the state of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStep {
    /// The field whose values are the states.
    pub field: String,
    /// The transition's name.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// The state that it comes to.
    pub to: String,
    /// Whether the record may take it as it stands now.
    pub open: bool,
}

impl Session {
    /// Adds a state machine of the customer's own to an entity, or changes the one of this name, and gives its
    /// API name.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; `access.field_not_permitted`,
    /// `schema.invalid_expression` for fields that the user does not see; those of
    /// [`Registry::declare_states`](crate::schema::Registry::declare_states).
    pub fn define_states(&self, entity: &str, machine: StateMachineDefinition) -> Result<String> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        let sets = || machine.transitions.iter().flat_map(|transition| &transition.sets);
        self.read(|reader| {
            let mut names = sets().map(|(field, _)| field).chain([&machine.field]);
            names.try_for_each(|name| reader.check_field(known, known.field(name.as_str().into())?.id()))
        })?;
        let guards = machine.transitions.iter().filter_map(|transition| transition.guard.as_deref());
        self.check_expressions(known, guards.chain(sets().map(|(_, source)| source.as_str())))?;
        let machine = StateMachineDefinition { namespace: CUSTOMER.to_owned(), ..machine };
        self.change_schema("schema.define_states", |registry| {
            registry.declare_states(&known.api_name, &machine)
        })?;
        Ok(machine.api_name())
    }

    /// The steps that leave the states of a record, with whether each is open to it now. Machines over fields
    /// that the user does not see are left out.
    ///
    /// # Errors
    /// `record.not_found`, `schema.unknown_entity`, `access.not_permitted`.
    pub fn open_steps(&self, entity: &str, record: RecordId) -> Result<Vec<OpenStep>> {
        self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            let shown = reader.shown_fields(&known.api_name)?;
            let row = reader.get(entity, record)?.record;
            let moment = reader.moment()?;
            let visible = |machine: &&StateMachine| {
                machine.fields().chain(machine.field()).all(|field| shown.contains(&field))
            };
            let steps = known
                .machines()
                .iter()
                .filter(visible)
                .flat_map(|machine| steps_of(known, machine, &row, moment));
            Ok(steps.collect())
        })
    }
}

fn steps_of(entity: &Entity, machine: &StateMachine, record: &Record, moment: Moment) -> Vec<OpenStep> {
    let Some(field) = machine.field().and_then(|field| entity.field_by_id(field)) else { return Vec::new() };
    let state = state_of(record, field.id());
    let steps = machine.leaving(&state).map(|(transition, step)| {
        let mut ahead = record.clone();
        ahead.set(field.id(), Value::from(transition.to.as_str()));
        ahead.compute(entity, moment);
        OpenStep {
            field: field.api_name.clone(),
            name: transition.name.clone(),
            label: transition.label.clone(),
            to: transition.to.clone(),
            open: record.envelope.locked_by.is_none() && is_open(step, &ahead, moment),
        }
    });
    steps.collect()
}

/// Moves a record along the state machines of its entity, and refuses what none of them allows.
///
/// # Errors
/// [`Code::TransitionNotAllowed`] naming the states; [`Code::RecordLocked`]; those of the expressions.
pub(super) fn advance(
    entity: &Entity,
    old: Option<&Record>,
    record: &mut Record,
    moment: Moment,
) -> Result<()> {
    for (machine, field) in running(entity) {
        if excludes(entity, record, field.id()) {
            continue;
        }
        match old {
            None => begin(entity, machine, field, record)?,
            Some(old) => step(entity, machine, field, (old, record), moment)?,
        }
    }
    // Formulas may follow from states and from what steps have set.
    if !entity.machines().is_empty() {
        record.compute(entity, moment);
    }
    Ok(())
}

/// Refuses to delete a record that is locked in its state, and to change what is attached to it.
///
/// # Errors
/// [`Code::RecordLocked`].
pub(super) fn check_state(entity: &Entity, record: &Record) -> Result<()> {
    for (machine, field) in running(entity) {
        let state = state_of(record, field.id());
        if is_locked(machine, &state) {
            return Err(locked(entity, field, &state).record(record.id).field(&field.api_name));
        }
    }
    Ok(())
}

/// The machines that hold, with their fields.
fn running(entity: &Entity) -> impl Iterator<Item = (&StateMachine, &Field)> {
    let machines = entity.machines().iter();
    let with_field = machines.filter_map(|machine| Some((machine, entity.field_by_id(machine.field()?)?)));
    with_field.filter(|(_, field)| !field.is_withdrawn())
}

fn begin(entity: &Entity, machine: &StateMachine, field: &Field, record: &mut Record) -> Result<()> {
    let initial = &machine.definition.initial;
    let Some(first) = initial.first() else { return Ok(()) };
    let state = state_of(record, field.id());
    if state.is_empty() {
        record.set(field.id(), Value::from(first.as_str()));
        return Ok(());
    }
    if initial.contains(&state) { Ok(()) } else { Err(refused(entity, field, "", &state)) }
}

fn step(
    entity: &Entity,
    machine: &StateMachine,
    field: &Field,
    (old, record): (&Record, &mut Record),
    moment: Moment,
) -> Result<()> {
    let (from, to) = (state_of(old, field.id()), state_of(record, field.id()));
    if from == to {
        return check_lock(entity, (machine, None), field, (old, record), &from);
    }
    // A record from before the machine was there begins now.
    if from.is_empty() {
        return begin(entity, machine, field, record);
    }
    let open = machine.between(&from, &to).find(|(_, step)| is_open(step, record, moment));
    let Some((_, step)) = open else { return Err(refused(entity, field, &from, &to)) };
    check_lock(entity, (machine, Some(step)), field, (old, record), &from)?;
    for (target, expression) in &step.sets {
        let Some(target) = entity.field_by_id(*target) else { continue };
        let value = expression.evaluate(&RecordFacts { record, moment });
        let value = value.and_then(|value| normalize_value(target, value, PhoneRegion::INTERNATIONAL));
        record
            .set(target.id(), value.map_err(|error| error.entity(&entity.api_name).field(&target.api_name))?);
    }
    Ok(())
}

/// Refuses a change of a record that is locked, its owner and tags among them, but for its state and what the step sets that it takes.
fn check_lock(
    entity: &Entity,
    (machine, taken): (&StateMachine, Option<&Step>),
    field: &Field,
    (old, new): (&Record, &Record),
    state: &str,
) -> Result<()> {
    if !is_locked(machine, state) {
        return Ok(());
    }
    let changed = |other: &&Field| {
        other.id() != field.id()
            && !other.definition.read_only
            && taken.is_none_or(|taken| taken.sets.iter().all(|(set, _)| *set != other.id()))
            && other.formula().is_none()
            && old.peek(other.id()) != new.peek(other.id())
    };
    if let Some(other) = entity.fields().iter().find(changed) {
        return Err(locked(entity, field, state).field(&other.api_name));
    }
    match changed_fact(&old.envelope, &new.envelope) {
        Some(fact) => Err(locked(entity, field, state).field(fact)),
        None => Ok(()),
    }
}

/// What a person changes of a record beside its fields.
fn changed_fact(old: &Envelope, new: &Envelope) -> Option<&'static str> {
    let facts = [
        ("owner", old.owner != new.owner),
        ("tags", old.tags != new.tags),
        ("external_ids", old.external_ids != new.external_ids),
        ("original_author", old.original_author != new.original_author),
        ("original_at", old.original_at != new.original_at),
    ];
    facts.into_iter().find(|(_, changed)| *changed).map(|(name, _)| name)
}

fn is_locked(machine: &StateMachine, state: &str) -> bool {
    machine.definition.locked.iter().any(|locked| locked == state)
}

fn locked(entity: &Entity, field: &Field, state: &str) -> Error {
    let error = Error::new(Code::RecordLocked).entity(&entity.api_name);
    error.rule(&format!("{} is {state}", field.api_name))
}

fn is_open(step: &Step, record: &Record, moment: Moment) -> bool {
    let holds = |guard: &crate::schema::expr::Expression| guard.holds(&RecordFacts { record, moment });
    step.guard.as_ref().is_none_or(|guard| matches!(holds(guard), Ok(Some(true))))
}

fn state_of(record: &Record, field: FieldId) -> String {
    record.peek(field).as_text().unwrap_or_default().to_owned()
}

fn refused(entity: &Entity, field: &Field, from: &str, to: &str) -> Error {
    let error = Error::new(Code::TransitionNotAllowed).entity(&entity.api_name).field(&field.api_name);
    error.rule(&format!("{} -> {}", or_none(from), or_none(to)))
}

fn or_none(state: &str) -> &str {
    if state.is_empty() { "none" } else { state }
}
