//! How the customer's own fields and entities change their names, are set aside, go, and come back. Identities and
//! what is stored stay as they are.

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Label, Result};
use crate::schema::{
    CUSTOMER, Entity, Field, FieldDefinition, FieldName, Registry, RegistryChange, Rule, StateMachine,
};

/// Says of a field that it is no longer to be used, though it still works.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Deprecation {
    /// The field that is used in its place, by API name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
}

/// A field of the customer's own.
fn own_field<'e>(entity: &'e Entity, name: &str) -> Result<&'e Field> {
    let field = entity.field(FieldName::Name(name))?;
    if field.declared().namespace == CUSTOMER {
        return Ok(field);
    }
    let error = Error::new(Code::InvalidDefinition).entity(&entity.api_name).field(&field.api_name);
    Err(error.rule("a field of the customer's own"))
}

impl Registry {
    /// Gives a field of the customer's own another name. Whatever names it by the old one still finds it.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `schema.invalid_definition` for a field of another author,
    /// `schema.duplicate_definition` for a name that another field bears or bore.
    pub fn rename_field(&mut self, entity: &str, field: &str, name: &str) -> Result<RegistryChange> {
        let known = own_field(self.entity(entity)?, field)?;
        if known.is_withdrawn() {
            return Err(Error::new(Code::Withdrawn).entity(entity).field(&known.api_name));
        }
        let (old, id) = (known.api_name.clone(), known.id());
        let definition = FieldDefinition { name: name.to_owned(), ..known.declared().clone() };
        self.check_free(entity, &definition)?;
        let was_called = known.declared().name.clone();
        let change = self.declare_field(entity, &definition)?;
        let entity = self.entity_mut(entity)?;
        let new = entity.field_by_id(id).map(|field| field.api_name.clone()).unwrap_or_default();
        if entity.definition.namespace == CUSTOMER && entity.definition.title == was_called {
            name.clone_into(&mut entity.definition.title);
        }
        for field in entity.fields_mut() {
            field.rename_root(&old, &new);
        }
        entity.index();
        Ok(change)
    }

    /// Refuses a name that another field bore, since whatever finds that by it would be led astray.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.duplicate_definition`.
    pub fn check_free(&self, entity: &str, definition: &FieldDefinition) -> Result<()> {
        let entity = self.entity(entity)?;
        let name = definition.api_name(&entity.definition.namespace);
        let bore =
            |field: &Field| field.former_names().contains(&name) && !field.declared().is_same_as(definition);
        match entity.fields().iter().any(bore) {
            true => Err(Error::new(Code::DuplicateDefinition).entity(&entity.api_name).field(&name)),
            false => Ok(()),
        }
    }

    /// Says of a field of the customer's own that it is no longer to be used, or that it is again.
    ///
    /// # Errors
    /// As [`Registry::rename_field`]; `schema.invalid_definition` for a replacement that is the field itself, or
    /// was taken back.
    pub fn deprecate_field(
        &mut self,
        entity: &str,
        field: &str,
        deprecated: Option<Deprecation>,
    ) -> Result<RegistryChange> {
        let known = self.entity(entity)?;
        let field = own_field(known, field)?;
        let error = |code| Error::new(code).entity(&known.api_name).field(&field.api_name);
        if field.is_withdrawn() {
            return Err(error(Code::Withdrawn));
        }
        let replacement = deprecated.as_ref().and_then(|deprecated| deprecated.replacement.as_deref());
        let replacement = replacement.map(|name| known.field(FieldName::Name(name))).transpose()?;
        if replacement.is_some_and(|other| other.id() == field.id() || other.is_withdrawn()) {
            return Err(error(Code::InvalidDefinition).rule("a replacement is another field that stands"));
        }
        let replacement = replacement.map(|other| other.api_name.clone());
        let deprecated = deprecated.map(|_| Deprecation { replacement });
        let definition = FieldDefinition { deprecated, ..field.declared().clone() };
        self.declare_field(entity, &definition)
    }

    /// Takes a field of the customer's own back, or brings it back. Its values stay and can be read.
    ///
    /// # Errors
    /// As [`Registry::rename_field`]; `schema.invalid_definition` for the field by which people know a record.
    pub fn set_field_withdrawn(
        &mut self,
        entity: &str,
        field: &str,
        withdrawn: bool,
    ) -> Result<RegistryChange> {
        let known = self.entity(entity)?;
        let field = own_field(known, field)?;
        if known.title().is_ok_and(|title| title.id() == field.id()) {
            let error = Error::new(Code::InvalidDefinition).entity(&known.api_name).field(&field.api_name);
            return Err(error.rule("a record is known by its title"));
        }
        if field.is_withdrawn() == withdrawn {
            return Ok(RegistryChange::Nothing);
        }
        let id = field.id();
        let entity = self.entity_mut(entity)?;
        let fields = entity.fields_mut().iter_mut();
        fields.filter(|field| field.id() == id).for_each(|field| field.set_withdrawn(withdrawn));
        entity.index();
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Takes a rule of the customer's own back, by its name with the namespace or without.
    ///
    /// # Errors
    /// `schema.unknown_entity`; `schema.invalid_definition` for a name that none bears.
    pub fn remove_rule(&mut self, entity: &str, name: &str) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        let own = |rule: &Rule| {
            let known = &rule.definition;
            known.namespace == CUSTOMER && (known.name == name || known.api_name() == name)
        };
        if !entity.rules().iter().any(own) {
            let error = Error::new(Code::InvalidDefinition).entity(&entity.api_name).field(name);
            return Err(error.rule("a rule of the customer"));
        }
        entity.rules_mut().retain(|rule| !own(rule));
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Takes a state machine of the customer's own back, by its name with the namespace or without.
    ///
    /// # Errors
    /// As [`Registry::remove_rule`].
    pub fn remove_states(&mut self, entity: &str, name: &str) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        let own = |machine: &StateMachine| {
            let known = &machine.definition;
            known.namespace == CUSTOMER && (known.name == name || known.api_name() == name)
        };
        if !entity.machines().iter().any(own) {
            let error = Error::new(Code::InvalidDefinition).entity(&entity.api_name).field(name);
            return Err(error.rule("a state machine of the customer"));
        }
        entity.machines_mut().retain(|machine| !own(machine));
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Gives an entity of the customer's own another label, and another help text or none. Its API name stays.
    ///
    /// # Errors
    /// `schema.unknown_entity`; `schema.invalid_definition` for an entity of another author, and for a text that does
    /// not stand in zh and en.
    pub fn relabel_entity(
        &mut self,
        entity: &str,
        label: &Label,
        help: Option<&Label>,
    ) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).entity(&entity.api_name).rule(rule));
        if entity.definition.namespace != CUSTOMER {
            return fault("an entity of the customer's own");
        }
        if label.is_partial() || help.is_some_and(Label::is_partial) {
            return fault("labels stand in zh and en");
        }
        if (&entity.definition.label, entity.definition.help.as_ref()) == (label, help) {
            return Ok(RegistryChange::Nothing);
        }
        entity.definition.label = label.clone();
        entity.definition.help = help.cloned();
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Takes an entity of the customer's own back, or brings it back. Its records stay and can be read.
    ///
    /// # Errors
    /// `schema.unknown_entity`; `schema.invalid_definition` for an entity of another author.
    pub fn set_entity_withdrawn(&mut self, entity: &str, withdrawn: bool) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        if entity.definition.namespace != CUSTOMER {
            let error = Error::new(Code::InvalidDefinition).entity(&entity.api_name);
            return Err(error.rule("an entity of the customer's own"));
        }
        if entity.is_withdrawn() == withdrawn {
            return Ok(RegistryChange::Nothing);
        }
        entity.set_withdrawn(withdrawn);
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }
}
