//! Value sets of a database: which there are for whom, and those of the customer's own.

use crate::access::Action;
use crate::base::Result;
use crate::engine::Session;
use crate::schema::{CUSTOMER, ValueSet, ValueSetDefinition, ValueSetOverride};

impl Session {
    /// The value sets: for whoever may administer everything all of them, for others those of the fields of which they
    /// see something.
    ///
    /// # Errors
    /// `access.session_ended`.
    pub fn value_sets(&self) -> Result<Vec<ValueSet>> {
        self.read(|reader| {
            let (registry, all) = (reader.registry(), reader.may("sys.role", Action::Administer));
            let mut named = Vec::new();
            for entity in registry.entities().iter().filter(|_| !all) {
                if !reader.may(&entity.api_name, Action::Read) {
                    continue;
                }
                let shown = reader.shown_fields(&entity.api_name)?;
                let fields = entity.fields().iter().filter(|field| shown.contains(&field.id()));
                named.extend(fields.filter_map(|field| field.definition.value_set.clone()));
            }
            let sets = registry.value_sets().iter();
            Ok(sets.filter(|set| all || named.contains(&set.api_name())).cloned().collect())
        })
    }

    /// Adds a value set of the customer's own, or changes the one of this name, and gives its API name. Codes that it
    /// no longer lists are retired, for every field that has it.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `schema.invalid_definition`.
    pub fn define_value_set(&self, definition: ValueSetDefinition) -> Result<String> {
        self.check_may("sys.role", Action::Administer)?;
        let definition = ValueSetDefinition { namespace: CUSTOMER.to_owned(), ..definition };
        self.change_schema("schema.define_value_set", |registry| registry.declare_value_set(&definition))?;
        Ok(definition.api_name())
    }

    /// Changes a value set of a lower layer for this customer, in place of what was changed before. A change that says
    /// nothing takes that back.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `schema.unknown_value_set`; those of
    /// [`Registry::declare_value_set_override`](crate::schema::Registry::declare_value_set_override).
    pub fn override_value_set(&self, changed: ValueSetOverride) -> Result<()> {
        self.check_may("sys.role", Action::Administer)?;
        let changed = ValueSetOverride { namespace: CUSTOMER.to_owned(), ..changed };
        self.change_schema("schema.override_value_set", |registry| {
            registry.declare_value_set_override(&changed)
        })
    }
}
