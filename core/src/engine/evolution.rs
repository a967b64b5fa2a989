//! The customer's own fields and entities on their way: renamed, set aside, taken back, brought back. Their types
//! change in `retype.rs`.

use crate::access::Action;
use crate::base::{Label, Result};
use crate::engine::Session;
use crate::schema::{CUSTOMER, Deprecation};

impl Session {
    /// Gives a field of the customer's own another name, and gives its new API name. The old one still finds it in
    /// calls, expressions, grants and views.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity, `access.field_not_permitted`; those of
    /// [`Registry::rename_field`](crate::schema::Registry::rename_field).
    pub fn rename_field(&self, entity: &str, field: &str, name: &str) -> Result<String> {
        let (entity, field) = self.check_evolving(entity, field)?;
        self.change_schema("schema.rename_field", |registry| registry.rename_field(&entity, &field, name))?;
        let registry = self.crm().registry();
        let known = registry.entity(&entity)?.field(field.as_str().into())?;
        Ok(known.definition.api_name(&registry.entity(&entity)?.definition.namespace))
    }

    /// Says of a field of the customer's own that it is no longer to be used, or with nothing that it is again. It
    /// works as before, and layouts leave it out.
    ///
    /// # Errors
    /// As [`Session::rename_field`];
    /// those of [`Registry::deprecate_field`](crate::schema::Registry::deprecate_field).
    pub fn deprecate_field(&self, entity: &str, field: &str, deprecated: Option<Deprecation>) -> Result<()> {
        let (entity, field) = self.check_evolving(entity, field)?;
        if let Some(replacement) = deprecated.as_ref().and_then(|deprecated| deprecated.replacement.as_ref())
        {
            self.check_evolving(&entity, replacement)?;
        }
        self.change_schema("schema.deprecate_field", |registry| {
            registry.deprecate_field(&entity, &field, deprecated)
        })
    }

    /// Takes a field of the customer's own back: its values stay and can be read, and nobody sets another one.
    ///
    /// # Errors
    /// As [`Session::rename_field`];
    /// those of [`Registry::set_field_withdrawn`](crate::schema::Registry::set_field_withdrawn).
    pub fn remove_field(&self, entity: &str, field: &str) -> Result<()> {
        self.set_field_withdrawn("schema.remove_field", (entity, field), true)
    }

    /// Brings a field of the customer's own back, with the values that it has.
    ///
    /// # Errors
    /// As [`Session::remove_field`].
    pub fn restore_field(&self, entity: &str, field: &str) -> Result<()> {
        self.set_field_withdrawn("schema.restore_field", (entity, field), false)
    }

    /// Gives an entity of the customer's own another label, and another help text or none. Its API name stays, by which
    /// calls, grants and packages know it.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything;
    /// those of [`Registry::relabel_entity`](crate::schema::Registry::relabel_entity).
    pub fn relabel_entity(&self, entity: &str, label: &Label, help: Option<&Label>) -> Result<()> {
        self.check_may("sys.role", Action::Administer)?;
        self.change_schema("schema.relabel_entity", |registry| registry.relabel_entity(entity, label, help))
    }

    /// Gives an entity of the customer's own another name, and gives its new API name. The old one still finds it in
    /// calls, expressions, grants, views and packages.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything;
    /// those of [`Registry::rename_entity`](crate::schema::Registry::rename_entity).
    pub fn rename_entity(&self, entity: &str, name: &str) -> Result<String> {
        self.check_may("sys.role", Action::Administer)?;
        self.change_schema("schema.rename_entity", |registry| registry.rename_entity(entity, name))?;
        Ok(format!("{CUSTOMER}.{name}"))
    }

    /// Takes an entity of the customer's own back: its records stay and can be read, and nobody makes another one.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything;
    /// those of [`Registry::set_entity_withdrawn`](crate::schema::Registry::set_entity_withdrawn).
    pub fn remove_entity(&self, entity: &str) -> Result<()> {
        self.set_entity_withdrawn("schema.remove_entity", entity, true)
    }

    /// Brings an entity of the customer's own back, with its records.
    ///
    /// # Errors
    /// As [`Session::remove_entity`].
    pub fn restore_entity(&self, entity: &str) -> Result<()> {
        self.set_entity_withdrawn("schema.restore_entity", entity, false)
    }

    fn set_field_withdrawn(&self, cause: &str, (entity, field): (&str, &str), withdrawn: bool) -> Result<()> {
        let (entity, field) = self.check_evolving(entity, field)?;
        self.change_schema(cause, |registry| registry.set_field_withdrawn(&entity, &field, withdrawn))
    }

    fn set_entity_withdrawn(&self, cause: &str, entity: &str, withdrawn: bool) -> Result<()> {
        self.check_may("sys.role", Action::Administer)?;
        self.change_schema(cause, |registry| registry.set_entity_withdrawn(entity, withdrawn))
    }

    /// The API names of an entity that the user administers and of a field of it that the user sees.
    pub(super) fn check_evolving(&self, entity: &str, field: &str) -> Result<(String, String)> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        let field = known.field(field.into())?;
        self.read(|reader| reader.check_field(known, field.id()))?;
        Ok((known.api_name.clone(), field.api_name.clone()))
    }
}
