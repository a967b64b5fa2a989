//! Settings as their authors declare them: a name, a type with its validation, a default, and who may change them.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::base::{Code, Currency, Decimal, Error, Label, Result, Value};
use crate::schema::validate::{normalize_kind, parse_kind};
use crate::schema::{FieldType, Layer, Package, PhoneRegion, Registry, RegistryChange, valid_namespace};

/// For whom a setting has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingScope {
    /// One value for the whole database.
    #[default]
    Database,
    /// A value for the database, and one of each user's own, which comes first.
    User,
}

/// A setting as its author declares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingDefinition {
    /// Who declares it.
    #[serde(default)]
    pub namespace: String,
    /// Its name, without namespace: names joined by points, as `regional.currency`.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Label>,
    /// What values it takes.
    pub kind: FieldType,
    /// Its value where nobody has set one, as JSON.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub default: Json,
    /// For whom it has a value.
    #[serde(default)]
    pub scope: SettingScope,
    /// Whether its value is never told back, given out or written in the ledger.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// For numbers: the least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// For numbers: the greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// The entity whose administrators may change it for the database; those of everything if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administered_with: Option<String>,
}

impl SettingDefinition {
    /// A setting of the whole database, without default and bounds.
    #[must_use]
    pub fn new(namespace: &str, name: &str, label: Label, kind: FieldType) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            label,
            help: None,
            kind,
            default: Json::Null,
            scope: SettingScope::Database,
            secret: false,
            min: None,
            max: None,
            administered_with: None,
        }
    }

    /// The name under which it is known: plain for the engine's own, otherwise `namespace.name`.
    #[must_use]
    pub fn api_name(&self) -> String {
        match Layer::of(&self.namespace) {
            Layer::Core => self.name.clone(),
            Layer::Package | Layer::Customer => format!("{}.{}", self.namespace, self.name),
        }
    }

    /// The entity whose administrators may change it for the database.
    #[must_use]
    pub fn administered_with(&self) -> &str {
        self.administered_with.as_deref().unwrap_or("sys.role")
    }

    /// The value that JSON says, as its type takes it.
    ///
    /// # Errors
    /// Those of a field of the type; `schema.out_of_range` outside of its bounds.
    pub fn value(&self, json: &Json) -> Result<Value> {
        // A setting is the same wherever it is taken, whatever the region of the database.
        let value = normalize_kind(&self.kind, plain(&self.kind, json)?, PhoneRegion::INTERNATIONAL)?;
        let number = match &value {
            Value::Int(number) => Decimal::from(*number),
            Value::Decimal(number) => *number,
            _ => return Ok(value),
        };
        let below =
            self.min.filter(|least| number < Decimal::from(*least)).map(|least| format!(">= {least}"));
        let above = self.max.filter(|most| number > Decimal::from(*most)).map(|most| format!("<= {most}"));
        match below.or(above) {
            Some(bound) => Err(Error::new(Code::OutOfRange).rule(&bound)),
            None => Ok(value),
        }
    }

    /// Checks the definition.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the setting and the rule.
    pub fn check(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field(&self.name).rule(rule));
        if !valid_namespace(&self.name) || !valid_namespace(&self.namespace) {
            return fault("the name of a setting is names joined by points");
        }
        if self.label.is_partial() || self.help.as_ref().is_some_and(Label::is_partial) {
            return fault("labels stand in zh and en");
        }
        let of_records =
            matches!(self.kind, FieldType::Attachment | FieldType::Serial { .. } | FieldType::Rows { .. });
        if of_records || self.kind.is_worked_out() || !self.kind.targets().is_empty() {
            return fault("a setting takes a value of its own, and none of a record");
        }
        let is_number = matches!(self.kind, FieldType::Int | FieldType::Decimal | FieldType::Percent);
        if (self.min.is_some() || self.max.is_some()) && !is_number {
            return fault("only numbers have bounds");
        }
        if self.min.zip(self.max).is_some_and(|(least, most)| least > most) {
            return fault("the least value is not above the greatest");
        }
        if self.secret && !self.default.is_null() {
            return fault("a secret has no default");
        }
        self.kind.check().map_err(|error| error.field(&self.name))?;
        match self.value(&self.default) {
            Ok(_) => Ok(()),
            Err(error) => fault(&format!("its default: {}", error.code().key())),
        }
    }
}

/// A value as JSON gives it, before its type looks at it. Fractions travel as text, as in fields.
fn plain(kind: &FieldType, json: &Json) -> Result<Value> {
    let wrong = || Error::new(Code::WrongType).rule(kind.name());
    match (kind, json) {
        (_, Json::Null) => Ok(Value::Null),
        (FieldType::Json, json) => Value::from_json(json),
        (FieldType::Bool, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (FieldType::Int | FieldType::Decimal | FieldType::Percent, Json::Number(number)) => {
            number.as_i64().map(Value::Int).ok_or_else(wrong)
        }
        (kind, Json::Array(_) | Json::Object(_)) if kind.is_composite() => Value::from_json(json),
        (FieldType::Bool | FieldType::Int, _) => Err(wrong()),
        (FieldType::Money, Json::Object(parts)) => {
            let text = |name: &str| parts.get(name).and_then(Json::as_str).ok_or_else(wrong);
            let amount = format!("{} {}", text("amount")?, text("currency")?);
            amount.parse().map(Value::Money)
        }
        // An amount of a setting says its currency itself.
        (FieldType::Money, Json::String(text)) => text.parse().map(Value::Money),
        (FieldType::Text | FieldType::RichText, Json::String(text)) => Ok(Value::Text(text.clone())),
        (_, Json::String(text)) => parse_kind(kind, text.trim(), Currency::from_code("CNY")?),
        _ => Err(wrong()),
    }
}

/// A setting of a registry: one that a package or an extension declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// What its author declared.
    pub definition: SettingDefinition,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    withdrawn: bool,
}

impl Setting {
    /// Whether its author took it back; a value that it has stays until it is declared again.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }
}

impl Registry {
    /// Declares a setting, in place of the one of the same name. Its type stays what it is.
    ///
    /// # Errors
    /// `schema.invalid_definition`, `schema.unknown_entity`; `schema.duplicate_definition` where somebody else
    /// has the name.
    pub fn declare_setting(&mut self, definition: &SettingDefinition) -> Result<RegistryChange> {
        definition.check()?;
        self.entity(definition.administered_with()).map_err(|error| error.field(&definition.name))?;
        let name = definition.api_name();
        let fault = |code: Code| Error::new(code).field(&name);
        let same = |setting: &&mut Setting| setting.definition.api_name() == name;
        match self.settings_mut().iter_mut().find(same) {
            Some(known) if known.definition.namespace != definition.namespace => {
                return Err(fault(Code::DuplicateDefinition));
            }
            Some(known) if known.definition.kind.name() != definition.kind.name() => {
                return Err(fault(Code::InvalidDefinition).rule("the type of a setting never changes"));
            }
            Some(known) if known.definition.secret && !definition.secret => {
                return Err(fault(Code::InvalidDefinition).rule("what is secret stays secret"));
            }
            Some(known) if known.definition == *definition && !known.withdrawn => {
                return Ok(RegistryChange::Nothing);
            }
            Some(known) => *known = Setting { definition: definition.clone(), withdrawn: false },
            None => {
                let setting = Setting { definition: definition.clone(), withdrawn: false };
                self.settings_mut().push(setting);
            }
        }
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Withdraws the settings of a namespace that a later version of its package does not declare.
    pub(super) fn withdraw_settings(&mut self, namespace: &str, kept: &Package) {
        for setting in self.settings_mut() {
            let own = setting.definition.namespace == namespace;
            let stays = kept.settings.iter().any(|other| other.name == setting.definition.name);
            setting.withdrawn |= own && !stays;
        }
    }
}
