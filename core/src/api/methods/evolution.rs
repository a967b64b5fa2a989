//! Methods by which the customer's own fields and entities change their names, are set aside, go and come back.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::planned::define_or_plan;
use crate::schema::Deprecation;

methods! {
    /// Gives a field of the customer's own another name. The old one still finds it in calls, expressions, grants
    /// and views, so no other field gets it.
    "schema.rename_field" (session, given: RenameField {
        /// The entity.
        entity: String,
        /// The field.
        field: String,
        /// The new name, without namespace.
        name: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{field}" {
        define_or_plan(session, given.dry_run, |session| {
            Ok(json!({"field": session.rename_field(&given.entity, &given.field, &given.name)?}))
        })
    }

    /// Says of a field of the customer's own that it is no longer to be used. It works as before, and layouts leave
    /// it out.
    "schema.deprecate_field" (session, given: DeprecateField {
        /// The entity.
        entity: String,
        /// The field.
        field: String,
        /// The field that is used in its place.
        replacement: Option<String>,
        /// No: the field is to be used again; yes if not said.
        deprecated: Option<bool>,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        let deprecation = Deprecation { replacement: given.replacement };
        let deprecated = given.deprecated.unwrap_or(true).then_some(deprecation);
        define_or_plan(session, given.dry_run, |session| {
            session.deprecate_field(&given.entity, &given.field, deprecated)?;
            Ok(outcome("changed"))
        })
    }

    /// Takes a field of the customer's own back. Its values stay, can be read and exported, and nobody sets another
    /// one.
    "schema.remove_field" (session, given: RemoveField {
        /// The entity.
        entity: String,
        /// The field.
        field: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        define_or_plan(session, given.dry_run, |session| {
            session.remove_field(&given.entity, &given.field)?;
            Ok(outcome("removed"))
        })
    }

    /// Brings a field of the customer's own back that was taken back, with the values that it has.
    "schema.restore_field" (session, given: RestoreField {
        /// The entity.
        entity: String,
        /// The field.
        field: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        define_or_plan(session, given.dry_run, |session| {
            session.restore_field(&given.entity, &given.field)?;
            Ok(outcome("restored"))
        })
    }

    /// Takes an entity of the customer's own back. Its records stay, can be read and exported, and nobody makes
    /// another one.
    "schema.remove_entity" (session, given: RemoveEntity {
        /// The entity.
        entity: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        define_or_plan(session, given.dry_run, |session| {
            session.remove_entity(&given.entity)?;
            Ok(outcome("removed"))
        })
    }

    /// Brings an entity of the customer's own back that was taken back, with its records.
    "schema.restore_entity" (session, given: RestoreEntity {
        /// The entity.
        entity: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        define_or_plan(session, given.dry_run, |session| {
            session.restore_entity(&given.entity)?;
            Ok(outcome("restored"))
        })
    }
}

fn outcome(outcome: &str) -> Json {
    json!({"outcome": outcome})
}
