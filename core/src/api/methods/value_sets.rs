//! Methods that list, define and change value sets.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::described::language;
use crate::api::planned::define_or_plan;
use crate::base::Language;
use crate::schema::{Layer, ValueSet, ValueSetDefinition, ValueSetOverride};

methods! {
    /// Lists the value sets of the fields that the user sees; all of them for whoever may administer everything.
    "schema.value_sets" (session, given: ValueSets {
        /// A BCP 47 tag: labels and help texts that stand in this language are told in it; the session's if not said.
        locale: Option<String>,
    }) -> "{value_sets: [{name, layer, label, help, withdrawn, changed_by, codes: [{code, label, active, color, only_with}]}]}" {
        let language = language(session, given.locale.as_deref())?;
        let sets = session.value_sets()?;
        Ok(json!({"value_sets": sets.iter().map(|set| to_json(set, &language)).collect::<Vec<_>>()}))
    }

    /// Adds a value set of the customer's own, or changes the one of this name: a list of codes that enum and
    /// multi_enum fields of any entity share, as `schema.define_field` takes it in `value_set`. Codes that it no longer
    /// lists are retired: records that have one keep it.
    "schema.define_value_set" (session, given: DefineValueSet {
        /// The set: {name, label: {zh, en}, help, codes: [{code, label, active, color, only_with}]}, its codes in their
        /// order.
        value_set: Json,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{value_set}" {
        let definition = ValueSetDefinition::from_json(&given.value_set)?;
        define_or_plan(session, given.dry_run, |session| {
            Ok(json!({"value_set": session.define_value_set(definition)?}))
        })
    }

    /// Changes a value set of a lower layer for this customer, in place of what was changed of it before: codes are
    /// added and retired, and none is lost. A change that says nothing takes that back.
    "schema.override_value_set" (session, given: OverrideValueSet {
        /// What changes: {value_set, label, add_codes, retire_codes}.
        change: Json,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        let changed = ValueSetOverride::from_json(&given.change)?;
        define_or_plan(session, given.dry_run, |session| {
            session.override_value_set(changed)?;
            Ok(json!({"outcome": "changed"}))
        })
    }
}

fn to_json(set: &ValueSet, language: &Language) -> Json {
    let codes = set.codes();
    let codes = codes.iter().map(|code| {
        json!({
            "code": code.code,
            "label": code.label.spoken(language),
            "active": code.active,
            "color": code.color,
            "only_with": code.only_with,
        })
    });
    json!({
        "name": set.api_name(),
        "layer": Layer::of(&set.definition.namespace).name(),
        "label": set.label().spoken(language),
        "help": set.definition.help.as_ref().map(|help| help.spoken(language)),
        "withdrawn": set.is_withdrawn(),
        "changed_by": set.overrides().iter().map(|changed| &changed.namespace).collect::<Vec<_>>(),
        "codes": codes.collect::<Vec<_>>(),
    })
}
