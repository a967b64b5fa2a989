//! A field of the customer's own under another type: a new field takes its name over, and the field as it was stays
//! beside it, withdrawn, with its values. What values of one type are in another one, a lens says.

use crate::base::{Code, Currency, Decimal, Error, FieldId, Result, Value};
use crate::schema::changes::Element;
use crate::schema::computation::Computation;
use crate::schema::registry::check_controller;
use crate::schema::validate::{normalize_kind, parse_kind};
use crate::schema::{
    CUSTOMER, Entity, Field, FieldDefinition, FieldName, FieldNames, FieldType, PhoneRegion, Registry,
    RegistryChange, Rule, StateMachine, compile_condition,
};

/// Longest name of a field.
const MAX_NAME: usize = 63;

/// How values of one type become values of another one.
#[derive(Debug, Clone, Copy)]
pub struct Lens<'k> {
    to: &'k FieldType,
    region: PhoneRegion,
}

impl<'k> Lens<'k> {
    /// The lens between two types, where there is one: from text to whatever is written as text; between whole and
    /// decimal numbers; from these, days, truth, codes, phones, addresses and URLs to text.
    #[must_use]
    pub fn between(from: &FieldType, to: &'k FieldType) -> Option<Self> {
        use FieldType::{Bool, Date, Decimal, Email, Enum, Int, Phone, RichText, Text, Url};
        let known = match (from, to) {
            (Text, Int | Decimal | Date | Bool | Enum { .. } | Phone | Email | Url | RichText)
            | (Int, Decimal | Text)
            | (Decimal, Int | Text) => true,
            (from, Text) => matches!(from, Date | Bool | Enum { .. } | Phone | Email | Url),
            _ => false,
        };
        known.then_some(Self { to, region: PhoneRegion::default() })
    }

    /// The lens that reads phone numbers without country code by the rules of a region.
    #[must_use]
    pub fn reading_phones(self, region: PhoneRegion) -> Self {
        Self { region, ..self }
    }

    /// A value through the lens. A text is read as [`parse_text`](crate::schema::parse_text) reads it; a code
    /// becomes the code and not its label, and a truth `true` or `false`.
    ///
    /// # Errors
    /// `schema.wrong_type` for a text that is no value of the type, and for a number that is not whole;
    /// `schema.out_of_range` for one that is too large; `schema.not_in_value_set`, `schema.invalid_email`,
    /// `schema.invalid_url`.
    pub fn apply(&self, value: &Value) -> Result<Value> {
        let wrong = || Error::new(Code::WrongType).rule(self.to.name());
        let seen = match (value, self.to) {
            (Value::Decimal(number), FieldType::Int) => whole(*number)?,
            (Value::Int(number), FieldType::Text) => Value::Text(number.to_string()),
            (Value::Decimal(number), FieldType::Text) => Value::Text(number.to_string()),
            (Value::Date(day), FieldType::Text) => Value::Text(day.to_string()),
            (Value::Bool(said), FieldType::Text) => Value::Text(said.to_string()),
            (Value::Text(_), FieldType::Text | FieldType::RichText) => value.clone(),
            // No type that a text becomes is an amount, so no currency is asked for.
            (Value::Text(_), FieldType::Phone) => value.clone(),
            (Value::Text(text), to) => parse_kind(to, text.trim(), Currency::CNY)?,
            (value, _) => value.clone(),
        };
        match normalize_kind(self.to, seen, self.region)? {
            Value::Null => Err(wrong()),
            seen => Ok(seen),
        }
    }

    /// Whether different values may become one.
    #[must_use]
    pub fn may_merge(&self) -> bool {
        !matches!(self.to, FieldType::Text | FieldType::RichText)
    }
}

/// A decimal number that is a whole one.
fn whole(number: Decimal) -> Result<Value> {
    let number = number.normalized();
    if number.scale() > 0 {
        return Err(Error::new(Code::WrongType).rule("int").value(&number.to_string()));
    }
    let whole = i64::try_from(number.mantissa());
    whole.map(Value::Int).map_err(|_| Error::new(Code::OutOfRange).value(&number.to_string()))
}

/// What names fields of an entity: what it is, its name, and whether it is right.
type Saying = (Element, String, Result<()>);

impl Entity {
    /// The field whose name and values another one took over.
    #[must_use]
    pub fn retyped_from(&self, field: &Field) -> Option<&Field> {
        self.before(field.declared())
    }

    /// The field that a definition says that it takes the place of.
    pub(super) fn before(&self, definition: &FieldDefinition) -> Option<&Field> {
        let local = definition.retypes?;
        self.fields().iter().find(|field| {
            field.definition.namespace == definition.namespace && field.definition.local == local
        })
    }

    /// Everything that names fields of the entity, but for fields that were withdrawn.
    fn sayings(&self) -> Vec<Saying> {
        let names = FieldNames::of(self);
        let mut said: Vec<Saying> = Vec::new();
        for field in self.fields().iter().filter(|field| !field.is_withdrawn()) {
            let definition = &field.definition;
            let right = Computation::of(self, definition).and_then(|_| check_controller(self, definition));
            said.push((Element::Field, field.api_name.clone(), right));
            for source in field.overrides().iter().filter_map(|changed| changed.required_when()) {
                let right = compile_condition(source, &names).map(drop);
                said.push((Element::Override, field.api_name.clone(), right));
            }
        }
        for rule in self.rules() {
            let right = Rule::of(self, &rule.definition).map(drop);
            said.push((Element::Rule, rule.definition.api_name(), right));
        }
        for machine in self.machines() {
            let right = StateMachine::of(self, &machine.definition).map(drop);
            said.push((Element::States, machine.definition.api_name(), right));
        }
        if let Some(types) = self.record_types() {
            let definition = &types.definition;
            said.push((Element::RecordTypes, definition.field.clone(), definition.check(self)));
        }
        said
    }

    /// What keeps a field as it is, because keys or sums of the store follow from it, with its name.
    fn kept_by(&self, field: FieldId) -> Option<(&'static str, String)> {
        let index =
            self.indexes().iter().find(|index| index.components().iter().any(|part| part.field() == field));
        if let Some(index) = index {
            return Some(("an index of its own is kept on it", index.api_name.clone()));
        }
        let mut counters = self.counters().iter();
        if let Some(counter) =
            counters.find(|kept| kept.group_by().chain(kept.sums()).any(|part| part == field))
        {
            return Some(("a counter is kept on it", counter.api_name.clone()));
        }
        if let Some(rule) = self.unique_rules().iter().find(|rule| rule.reads().any(|read| read == field)) {
            return Some(("a unique rule reads it", rule.definition.api_name()));
        }
        let mut formulas = self.formulas().filter(|(formula, _)| formula.inputs().contains(&field));
        if let (true, Some((formula, _))) = (self.keeps_formulas(), formulas.next()) {
            return Some(("formulas do not change while an index is kept on one", formula.api_name.clone()));
        }
        let types = self.record_types().map(|types| types.types()).unwrap_or_default();
        if let Some(asks) = types.iter().find(|known| known.required.contains(&field)) {
            return Some(("a record type requires it", asks.code.clone()));
        }
        let validity = self.validity_kept();
        let of_key = |exclusion: &crate::schema::Exclusion| exclusion.fields.contains(&field);
        let holds = validity.is_some_and(|kept| {
            [kept.from, kept.to].contains(&Some(field)) || kept.exclusions.iter().any(of_key)
        });
        holds.then(|| ("days on which records hold are kept by it", self.api_name.clone()))
    }

    /// A name that no field bears or bore, for one whose name another one takes.
    fn name_before(&self, name: &str) -> String {
        let free = |name: &String| {
            self.fields().iter().all(|field| field.definition.name != *name && !field.was_named(name))
        };
        let derived = |number: u32| {
            let ending = format!("_before_{number}");
            let stem: String = name.chars().take(MAX_NAME.saturating_sub(ending.len())).collect();
            stem + &ending
        };
        (1..).map(derived).find(free).unwrap_or_default()
    }
}

impl Registry {
    /// Puts a new field of another type in the place of a field of the customer's own. It takes over the name,
    /// with all that the field says and that fits the type; the field as it was is withdrawn under a name that is
    /// derived from its own, and keeps its values. Nothing is said of values here: the new field has none yet.
    ///
    /// A default takes the place of the one that stands; an empty one takes it away.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `schema.withdrawn`; `schema.invalid_definition` for a field
    /// of another author, a title, a required or translatable field, one on which an index, a counter, a unique
    /// rule, a rollup and the like is kept, types without a lens, and where a default, a state machine or record
    /// types do not go with the type; `schema.invalid_expression` naming what says an expression that is not right
    /// over the new type.
    pub fn retype_field(
        &mut self,
        entity: &str,
        field: &str,
        kind: &FieldType,
        default: Option<&str>,
    ) -> Result<RegistryChange> {
        let known = self.entity(entity)?;
        let old = known.field(FieldName::Name(field))?;
        if old.is_withdrawn() {
            return Err(Error::new(Code::Withdrawn).entity(&known.api_name).field(&old.api_name));
        }
        let said = old.declared();
        let is_text = matches!(kind, FieldType::Text | FieldType::RichText)
            || matches!(kind, FieldType::Phone | FieldType::Email | FieldType::Url);
        let default = default.map_or_else(|| said.default.clone(), |given| Some(given.to_owned()));
        let definition = FieldDefinition {
            local: self.next_local(entity, &said.namespace)?,
            retypes: Some(said.local),
            kind: kind.clone(),
            unique: said.unique && *kind != FieldType::Bool,
            search: said.search.filter(|_| is_text),
            default: default.filter(|source| !source.is_empty()),
            controlled_by: None,
            former_names: old.former_names().to_vec(),
            ..said.clone()
        };
        let name = known.api_name.clone();
        self.declare_field(&name, &definition)
    }

    /// Withdraws the field whose place another one takes, if one stands there, under a name that is derived from
    /// its own; and gives what was right before, to be held against what is right after.
    pub(super) fn step_aside(
        &mut self,
        entity: &str,
        definition: &FieldDefinition,
    ) -> Result<Option<Vec<(Element, String)>>> {
        let Some(local) = definition.retypes else { return Ok(None) };
        let known = self.entity(entity)?;
        let fault = |rule: &str| {
            let error = Error::new(Code::InvalidDefinition).entity(&known.api_name);
            Err(error.field(&definition.api_name(&known.definition.namespace)).rule(rule))
        };
        if definition.namespace != CUSTOMER || local >= definition.local {
            return fault("a field of the customer's own takes the place of an earlier one");
        }
        let stands = known.fields().iter().any(|field| field.declared().is_same_as(definition));
        let old = known.before(definition).filter(|old| !stands && !old.is_withdrawn());
        let Some(old) = old else { return Ok(None) };
        self.check_retyping(known, old, definition)?;
        let right = known.sayings().into_iter().filter(|(_, _, right)| right.is_ok());
        let right = right.map(|(element, name, _)| (element, name)).collect();
        let (id, name) = (old.id(), known.name_before(&old.declared().name));
        let entity = self.entity_mut(entity)?;
        let namespace = entity.definition.namespace.clone();
        for field in entity.fields_mut().iter_mut().filter(|field| field.id() == id) {
            field.step_aside(&name, &namespace);
        }
        entity.index();
        Ok(Some(right))
    }

    fn check_retyping(&self, known: &Entity, old: &Field, definition: &FieldDefinition) -> Result<()> {
        let error = || Error::new(Code::InvalidDefinition).entity(&known.api_name).field(&old.api_name);
        let fault = |rule: &str| Err(error().rule(rule));
        let said = old.declared();
        if said.name != definition.name {
            return fault("a field takes over the name with the place");
        }
        if old.is_moving() {
            return fault("its values are still on their way from another type");
        }
        if known.title().is_ok_and(|title| title.id() == old.id()) {
            return fault("a record is known by its title");
        }
        if said.required || definition.required {
            return fault("a required field keeps its type");
        }
        if said.translatable || definition.translatable {
            return fault("a text with translations keeps its type");
        }
        let (from, to) = (&said.kind, &definition.kind);
        if Lens::between(from, to).is_none() {
            return Err(error().rule(&format!("no lens from {} to {}", from.name(), to.name())));
        }
        if let Some((rule, name)) = known.kept_by(old.id()) {
            return Err(error().rule(rule).value(&name));
        }
        let mut rollups = self.entities().iter().flat_map(Entity::rollups);
        let reads = |rollup: &&std::sync::Arc<crate::schema::Rollup>| {
            let inputs = |field: &FieldId| known.field_by_id(*field).map(Field::inputs);
            let through = || rollup.formulas.iter().filter_map(|(formula, _)| inputs(formula));
            let is_read = rollup.inputs().contains(&old.id());
            rollup.child == known.id() && (is_read || through().any(|inputs| inputs.contains(&old.id())))
        };
        match rollups.find(reads).and_then(|rollup| self.entity_by_id(rollup.parent).ok()) {
            Some(parent) => Err(error().rule("a rollup reads it").value(&parent.api_name)),
            None => Ok(()),
        }
    }

    /// Refuses what was right before a field took the place of another one, and is not any more.
    pub(super) fn check_sayings(&self, entity: &str, right_before: &[(Element, String)]) -> Result<()> {
        let known = self.entity(entity)?;
        for (element, name, right) in known.sayings() {
            if right_before.iter().any(|(kind, known)| *kind == element && *known == name) {
                right.map_err(|error| error.entity(&known.api_name).field(&name))?;
            }
        }
        Ok(())
    }

    /// Says of a field that took the place of another one that it has all of the values.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn set_moved(&mut self, entity: &str, number: FieldId) -> Result<()> {
        let fields = self.entity_mut(entity)?.fields_mut().iter_mut();
        fields.filter(|field| field.id() == number).for_each(|field| field.moving = false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_whole_or_too_large_is_no_int() {
        let through = |text: &str| {
            let lens = Lens::between(&FieldType::Decimal, &FieldType::Int).unwrap();
            lens.apply(&Value::Decimal(text.parse().unwrap()))
        };
        assert_eq!(through("100").unwrap(), Value::Int(100));
        assert_eq!(through("-7.000").unwrap(), Value::Int(-7));
        assert_eq!(through("0.5").unwrap_err().code(), Code::WrongType);
        assert_eq!(through("9223372036854775808").unwrap_err().code(), Code::OutOfRange);
        assert_eq!(through("-9223372036854775808").unwrap(), Value::Int(i64::MIN));
    }

    #[test]
    fn types_without_anything_in_common_have_no_lens() {
        for (from, to) in [
            (FieldType::Int, FieldType::Date),
            (FieldType::Text, FieldType::Text),
            (FieldType::Text, FieldType::Money),
            (FieldType::RichText, FieldType::Text),
            (FieldType::Bool, FieldType::Int),
        ] {
            assert!(Lens::between(&from, &to).is_none(), "{} to {}", from.name(), to.name());
        }
    }
}
