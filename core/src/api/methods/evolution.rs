//! Methods by which the customer's own fields and entities change their names and types, are set aside, go and come
//! back.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::methods::schema::{codes, help};
use crate::api::planned::{define_or_plan, plan_to_json};
use crate::base::{Code, Error, Label, Result};
use crate::engine::{Retyped, Session};
use crate::schema::{Deprecation, FieldType};

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

    /// Changes the type of a field of the customer's own: text becomes int, decimal, date, bool, enum, phone, email,
    /// url or rich_text, int and decimal each other, and these, dates, bools, codes, phones, addresses and URLs text.
    /// A new field takes over the name; the one before stays as `<name>_before_<n>`, withdrawn, with its values and
    /// its history. The values are then converted, in chunks between which others write; called again with the same
    /// type after an interruption, it goes on. What somebody writes into the new field before stays, deleted
    /// records take their values along when they come back, and a value that
    /// does not convert stays in the field before, which counts as `unconverted`. Of these `unconverted_records` names
    /// the first hundred, but for those that the caller may not see, each with the code of an error as `reason`.
    "schema.retype_field" (session, given: RetypeField {
        /// The entity.
        entity: String,
        /// The field.
        field: String,
        /// The new type.
        field_type: String,
        /// For enum: [{code, zh, en, active, color, only_with}]. A text that is a code or its label becomes the code.
        codes: Option<Vec<Json>>,
        /// The value of a new record that comes with none, as an expression, in place of the one that stands; an
        /// empty text for none.
        default: Option<String>,
        /// Only says how many values would convert, and beside that what `schema.install_package` says with it; no
        /// if not said.
        dry_run: Option<bool>,
    }) -> "{field, before, converted, kept, unconverted, unconverted_records: [{id, reason}]}" {
        let kind = new_type(&given.field_type, given.codes.as_deref())?;
        let retype = |session: &Session| {
            session.retype_field(&given.entity, &given.field, &kind, given.default.as_deref())
        };
        if given.dry_run != Some(true) {
            return Ok(retyped_to_json(&retype(session)?));
        }
        let mut answer = json!({});
        let plan = session.rehearse(|session| {
            answer = retyped_to_json(&retype(session)?);
            Ok(())
        })?;
        if let (Some(answer), Json::Object(plan)) = (answer.as_object_mut(), plan_to_json(&plan)) {
            answer.extend(plan);
        }
        Ok(answer)
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

    /// Gives an entity of the customer's own another label, and another help text or none. Its API name stays.
    "schema.relabel_entity" (session, given: RelabelEntity {
        /// The entity.
        entity: String,
        /// The label, in Chinese.
        label_zh: String,
        /// The label, in English.
        label_en: String,
        /// What its records are, in Chinese; with `help_en`.
        help_zh: Option<String>,
        /// The same in English.
        help_en: Option<String>,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        let label = Label::new(&given.label_zh, &given.label_en);
        let help = help(given.help_zh.as_deref(), given.help_en.as_deref());
        define_or_plan(session, given.dry_run, |session| {
            session.relabel_entity(&given.entity, &label, help.as_ref())?;
            Ok(outcome("changed"))
        })
    }

    /// Gives an entity of the customer's own another name. The old one still finds it in calls, expressions, grants,
    /// views and packages, so no other entity gets it.
    "schema.rename_entity" (session, given: RenameEntity {
        /// The entity.
        entity: String,
        /// The new name, without namespace.
        name: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{entity}" {
        define_or_plan(session, given.dry_run, |session| {
            Ok(json!({"entity": session.rename_entity(&given.entity, &given.name)?}))
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

/// A type that a field may change to, as parameters give it.
fn new_type(name: &str, given: Option<&[Json]>) -> Result<FieldType> {
    match name {
        "enum" => {
            let given = given.ok_or_else(|| Error::new(Code::MissingParameter).field("codes"))?;
            Ok(FieldType::Enum { codes: codes(given)? })
        }
        simple => FieldType::from_name(simple),
    }
}

fn retyped_to_json(retyped: &Retyped) -> Json {
    let records = retyped.records.iter();
    let records = records.map(|row| json!({"id": row.id.to_string(), "reason": row.reason.key()}));
    json!({
        "field": retyped.field,
        "before": retyped.before,
        "converted": retyped.converted,
        "kept": retyped.kept,
        "unconverted": retyped.unconverted,
        "unconverted_records": records.collect::<Vec<_>>(),
    })
}
