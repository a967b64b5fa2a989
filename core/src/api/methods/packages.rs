//! Methods that hold packages of metadata against a database, install them, and take them back.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::methods::schema::help;
use crate::api::planned::{define_or_plan, plan_to_json};
use crate::base::Result;
use crate::engine::{PackageStep, Session};
use crate::schema::{FieldOverride, Package};

methods! {
    /// Lists the packages of metadata that were ever installed, in the order in which they came.
    "schema.packages" (session, _given: Packages {}) -> "{packages: [{package, version, label, active, versions, requires}]}" {
        let locale = session.locale();
        let packages = session.packages()?;
        let told = packages.iter().filter_map(|installed| {
            let newest = installed.versions.last()?;
            Some(json!({
                "package": newest.package,
                "version": newest.version,
                "label": newest.label.text(locale),
                "active": installed.active,
                "versions": installed.versions.iter().map(|version| &version.version).collect::<Vec<_>>(),
                "requires": newest.requires,
            }))
        });
        Ok(json!({"packages": told.collect::<Vec<_>>()}))
    }

    /// Installs a package of metadata, in place of an older version of it, or says what that would change and
    /// how many records would be read for it.
    "schema.install_package" (session, given: InstallPackage {
        /// The package: {package, version, label, requires, modules, module, settings, value_sets,
        /// value_set_overrides, entities, extends, roles, views, commands, guides}.
        package: Json,
        /// Only says what would be; no if not said.
        dry_run: Option<bool>,
    }) -> "{changes: [{entity, element, name, layer, change, properties, reads_records}], records, commits}" {
        change(session, &PackageStep::Install(Package::from_json(&given.package)?), given.dry_run)
    }

    /// Goes back to the version of a package that was in force before, or says what that would change. Where
    /// there was none, the package is removed.
    "schema.roll_back_package" (session, given: RollBackPackage {
        /// The package's namespace.
        package: String,
        /// Only says what would be; no if not said.
        dry_run: Option<bool>,
    }) -> "{changes, records, commits, estimate}" {
        change(session, &PackageStep::RollBack(given.package), given.dry_run)
    }

    /// Withdraws all that a package declares, or says what that would change. Its records and values stay, can be
    /// read and exported, and nobody makes new ones.
    "schema.remove_package" (session, given: RemovePackage {
        /// The package's namespace.
        package: String,
        /// Only says what would be; no if not said.
        dry_run: Option<bool>,
    }) -> "{changes, records, commits, estimate}" {
        change(session, &PackageStep::Remove(given.package), given.dry_run)
    }

    /// Gives what a namespace has in this database as a package that another database can install; `x` is the
    /// customer's own.
    "schema.export_package" (session, given: ExportPackage {
        /// The namespace.
        package: String,
    }) -> "{package}" {
        Ok(json!({"package": session.export_package(&given.package)?.to_json()?}))
    }

    /// Changes what people read of an entity of a lower layer for this customer, in place of what was changed of it
    /// before. A change that says nothing takes that back.
    "schema.override_entity" (session, given: OverrideEntity {
        /// The entity.
        entity: String,
        /// What people read, in Chinese; with `label_en`.
        label_zh: Option<String>,
        /// The same in English.
        label_en: Option<String>,
        /// What its records are, in Chinese; with `help_en`.
        help_zh: Option<String>,
        /// The same in English.
        help_en: Option<String>,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        let label = help(given.label_zh.as_deref(), given.label_en.as_deref());
        let said = help(given.help_zh.as_deref(), given.help_en.as_deref());
        define_or_plan(session, given.dry_run, |session| {
            session.override_entity(&given.entity, label, said)?;
            Ok(json!({"outcome": "changed"}))
        })
    }

    /// Changes a field of a lower layer for this customer, in place of what was changed of it before. What a
    /// lower layer asks for is never loosened.
    "schema.override_field" (session, given: OverrideField {
        /// The entity.
        entity: String,
        /// What changes: {field, label, help, required, required_when, default, add_codes, retire_codes, synonyms,
        /// privacy, purposes}.
        change: Json,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        let change = FieldOverride::from_json(&given.change)?;
        define_or_plan(session, given.dry_run, |session| {
            session.override_field(&given.entity, change)?;
            Ok(json!({"outcome": "changed"}))
        })
    }
}

fn change(session: &Session, step: &PackageStep, dry_run: Option<bool>) -> Result<Json> {
    let plan = match dry_run {
        Some(true) => session.plan_package(step)?,
        _ => session.change_package(step)?,
    };
    Ok(plan_to_json(&plan))
}
