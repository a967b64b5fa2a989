//! Methods on the configuration: which settings there are, what they are set to, and changes of them.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::{Secret, methods};
use crate::base::{Code, Error, Locale, Result};
use crate::engine::{ConfigurationChange, ConfiguredSetting, Session, SettingChange};
use crate::schema::{Layer, SettingScope};

methods! {
    /// Describes every setting: type, default, bounds, for whom it has a value, and the value in force for the
    /// user. The value of a secret is never told, only whether it is set.
    "configuration.describe" (session, _given: DescribeConfiguration {}) -> "{settings: [{setting, layer, label, help, type, codes, default, scope, secret, min, max, administered_with, value, is_set, is_own}]}" {
        let settings = session.configuration()?;
        let told = settings.iter().map(|setting| setting_to_json(setting, session.locale()));
        Ok(json!({"settings": told.collect::<Vec<_>>()}))
    }

    /// Reads the values in force for the user, the user's own before those of the database.
    "configuration.get" (session, given: GetConfiguration {
        /// Names of settings; all if not said.
        settings: Option<Vec<Json>>,
    }) -> "{settings: {name: value}}" {
        let known = session.configuration()?;
        let value = |setting: &ConfiguredSetting| (setting.definition.api_name(), setting.value.clone());
        let told: Map<String, Json> = match given.settings {
            None => known.iter().filter(|setting| !setting.definition.secret).map(value).collect(),
            Some(names) => {
                let names = names_of(&names)?;
                let unknown: Vec<&str> = names.iter().filter(|name| find(&known, name).is_none()).map(String::as_str).collect();
                if !unknown.is_empty() {
                    let error = Error::new(Code::InvalidConfiguration).field(&unknown.join(", "));
                    return Err(error.rule(&format!("no such setting: {}", unknown.join(", "))));
                }
                names.iter().filter_map(|name| find(&known, name)).map(value).collect()
            }
        };
        Ok(json!({"settings": told}))
    }

    /// Sets settings, all of them or none. Values of the database need the right to administer; a user sets
    /// values of their own where a setting has them.
    "configuration.set" (session, given: SetConfiguration {
        /// Values by name.
        settings: Secret<Map<String, Json>>,
        /// Whether they are the user's own; those of the database if not said.
        own: Option<bool>,
    }) -> "{changes: [{setting, old, new}]}" {
        let values = given.settings.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        change(session, ConfigurationChange { values: values.collect(), own: given.own.unwrap_or(false), dry_run: false })
    }

    /// Takes values back, so that the default holds again, or for the user's own the value of the database.
    "configuration.reset" (session, given: ResetConfiguration {
        /// Names of settings.
        settings: Vec<Json>,
        /// Whether the user's own are meant; those of the database if not said.
        own: Option<bool>,
    }) -> "{changes: [{setting, old, new}]}" {
        let values = names_of(&given.settings)?.into_iter().map(|name| (name, None));
        change(session, ConfigurationChange { values: values.collect(), own: given.own.unwrap_or(false), dry_run: false })
    }

    /// Gives the values that were set for the database, without secrets, for `configuration.import`.
    "configuration.export" (session, _given: ExportConfiguration {}) -> "{settings: {name: value}}" {
        Ok(json!({"settings": session.export_configuration()?}))
    }

    /// Takes what `configuration.export` gave, all of it or nothing; what it does not name stays. A setting that
    /// is unknown or does not take its value refuses the whole, and all of them are named.
    "configuration.import" (session, given: ImportConfiguration {
        /// Values by name.
        settings: Secret<Map<String, Json>>,
        /// Only says what would be; no if not said.
        dry_run: Option<bool>,
    }) -> "{changes: [{setting, old, new}]}" {
        let values = given.settings.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        change(session, ConfigurationChange { values: values.collect(), own: false, dry_run: given.dry_run.unwrap_or(false) })
    }
}

fn change(session: &Session, change: ConfigurationChange) -> Result<Json> {
    let changes = session.change_configuration(&change)?;
    Ok(json!({"changes": changes.iter().map(SettingChange::to_json).collect::<Vec<_>>()}))
}

fn find<'s>(known: &'s [ConfiguredSetting], name: &str) -> Option<&'s ConfiguredSetting> {
    known.iter().find(|setting| setting.definition.api_name() == name)
}

fn names_of(given: &[Json]) -> Result<Vec<String>> {
    let names = given.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>();
    names.ok_or_else(|| Error::new(Code::InvalidArgument).field("settings").rule("a list of names"))
}

fn setting_to_json(setting: &ConfiguredSetting, locale: Locale) -> Json {
    let definition = &setting.definition;
    let codes = definition.kind.codes().map(|codes| {
        let codes = codes.iter().map(|code| json!({"code": code.code, "label": code.label.text(locale)}));
        codes.collect::<Vec<_>>()
    });
    json!({
        "setting": definition.api_name(),
        "layer": Layer::of(&definition.namespace).name(),
        "label": definition.label.text(locale),
        "help": definition.help.as_ref().map(|help| help.text(locale)),
        "type": definition.kind.name(),
        "codes": codes,
        "default": definition.default,
        "scope": match definition.scope {
            SettingScope::Database => "database",
            SettingScope::User => "user",
        },
        "secret": definition.secret,
        "min": definition.min,
        "max": definition.max,
        "administered_with": definition.administered_with(),
        "value": setting.value,
        "is_set": setting.is_set,
        "is_own": setting.is_own,
    })
}
