//! Layers: packages stand on the core, and the customer's own elements on both. What a higher layer may change
//! of a lower one is listed here, and none of it loosens what the lower one asks for.

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, FieldId, Label, Result};
use crate::schema::computation::Computation;
use crate::schema::privacy::{are_purposes, common_purposes};
use crate::schema::{
    Entity, EnumCode, Field, FieldDefinition, FieldName, FieldNames, FieldType, Privacy, Registry,
    RegistryChange, compile_condition, valid_namespace,
};

/// The namespace of what customers add.
pub const CUSTOMER: &str = "x";
/// The namespaces of what the engine brings along.
const CORE: [&str; 2] = ["crm", "sys"];

/// Where an element comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The engine.
    Core,
    /// A plugin or a package of metadata.
    Package,
    /// The customer.
    Customer,
}

impl Layer {
    /// The layer of a namespace.
    #[must_use]
    pub fn of(namespace: &str) -> Self {
        match namespace {
            CUSTOMER => Self::Customer,
            core if CORE.contains(&core) => Self::Core,
            _ => Self::Package,
        }
    }

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Package => "package",
            Self::Customer => "customer",
        }
    }
}

/// What a higher layer changes of a field of a lower one. What is not said stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FieldOverride {
    /// Who changes it.
    #[serde(default)]
    pub namespace: String,
    /// The field, by API name.
    pub field: String,
    /// What people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Label>,
    /// True: a record is not saved without a value. A lower layer that asks for one goes on asking.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Another condition under which a record is not saved without a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_when: Option<String>,
    /// The value of a new record that comes with none, as an expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Codes that are offered besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_codes: Vec<EnumCode>,
    /// Codes that are no longer offered; records that have one keep it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retire_codes: Vec<String>,
    /// Headers under which imports find it besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// What it tells of people; never less than the lower layers say.
    #[serde(default, skip_serializing_if = "Privacy::is_none")]
    pub privacy: Privacy,
    /// What it may be used for: some of the purposes that the lower layers name, if they name any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<String>,
}

/// What a higher layer changes of what people read of an entity of a lower one. What is not said stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EntityOverride {
    /// Who changes it.
    #[serde(default)]
    pub namespace: String,
    /// What people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// What its records are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Label>,
}

impl FieldOverride {
    /// A change that says nothing yet.
    #[must_use]
    pub fn of(field: &str) -> Self {
        Self { field: field.to_owned(), ..Self::default() }
    }

    /// The condition that it adds under which a record must have a value.
    pub(super) fn required_when(&self) -> Option<&str> {
        self.required_when.as_deref().or(self.required.then_some("true"))
    }

    /// Lays it over a definition.
    pub(super) fn apply(&self, definition: &mut FieldDefinition) {
        if let Some(label) = &self.label {
            definition.label = label.clone();
        }
        if self.help.is_some() {
            definition.help.clone_from(&self.help);
        }
        if self.default.is_some() {
            definition.default.clone_from(&self.default);
        }
        definition.synonyms.extend(self.synonyms.iter().cloned());
        // The author may have become stricter, and have other purposes, since it was declared.
        definition.privacy = definition.privacy.max(self.privacy);
        let common = common_purposes(&definition.purposes, &self.purposes);
        definition.purposes = if common.is_empty() { self.purposes.clone() } else { common };
        if let FieldType::Enum { codes } | FieldType::MultiEnum { codes } = &mut definition.kind {
            for code in codes.iter_mut().filter(|code| self.retire_codes.contains(&code.code)) {
                code.active = false;
            }
            let fresh = |code: &&EnumCode| codes.iter().all(|known| known.code != code.code);
            let added: Vec<EnumCode> = self.add_codes.iter().filter(fresh).cloned().collect();
            codes.extend(added);
        }
    }

    /// Whether it may be laid over a field of an entity, and is right there.
    fn check(&self, entity: &Entity, field: &Field) -> Result<()> {
        let fault = |rule: &str| {
            let error = Error::new(Code::InvalidDefinition).entity(&entity.api_name);
            Err(error.field(&field.api_name).rule(rule))
        };
        if !valid_namespace(&self.namespace) || !self.is_above(field) {
            return fault("a layer changes fields of the layers below");
        }
        let labels = [&self.label, &self.help].into_iter().flatten();
        if labels.chain(self.add_codes.iter().map(|code| &code.label)).any(Label::is_partial) {
            return fault("labels stand in zh and en");
        }
        if self.required && self.required_when.is_some() {
            return fault("a field is required, or required under a condition");
        }
        self.check_codes(field).or_else(fault)?;
        self.check_privacy(field).or_else(fault)?;
        let named = |error: Error| error.entity(&entity.api_name).field(&field.api_name);
        let names = FieldNames::of(entity);
        self.required_when()
            .map_or(Ok(()), |source| compile_condition(source, &names).map(drop))
            .map_err(named)?;
        let mut laid = field.definition.clone();
        self.apply(&mut laid);
        Computation::of(entity, &laid).map(drop).map_err(named)
    }

    fn is_above(&self, field: &Field) -> bool {
        Layer::of(&self.namespace) > Layer::of(&field.definition.namespace)
    }

    fn check_codes(&self, field: &Field) -> Result<(), &'static str> {
        if self.add_codes.is_empty() && self.retire_codes.is_empty() {
            return Ok(());
        }
        if field.declared().value_set.is_some() {
            return Err("the codes of a value set are changed in the set");
        }
        let codes = field.declared().kind.codes().ok_or("only a list of codes has codes")?;
        let known = |code: &String| codes.iter().any(|known| known.code == *code);
        if self.add_codes.iter().any(|code| code.code.is_empty() || known(&code.code)) {
            return Err("a code that is added is not there yet");
        }
        if self.retire_codes.iter().any(|code| !known(code)) {
            return Err("a code that is retired is there");
        }
        Ok(())
    }
}

impl FieldOverride {
    /// A layer makes a field stricter, and never looser.
    fn check_privacy(&self, field: &Field) -> Result<(), &'static str> {
        let below = field.declared();
        if self.privacy != Privacy::None && self.privacy < below.privacy {
            return Err("a class is never less strict than that of the layers below");
        }
        if !are_purposes(&self.purposes) {
            return Err("purposes are at most 32 codes, each once");
        }
        let is_other = |code: &String| !below.purposes.is_empty() && !below.purposes.contains(code);
        if self.purposes.iter().any(is_other) {
            return Err("purposes are some of those of the layers below");
        }
        Ok(())
    }
}

impl Registry {
    /// Declares what a higher layer changes of what people read of an entity, in place of what the same layer changed
    /// before. A change that says nothing takes that back.
    ///
    /// # Errors
    /// `schema.unknown_entity`; `schema.invalid_definition` for an entity that is not of a lower layer.
    pub fn declare_entity_override(
        &mut self,
        entity: &str,
        changed: &EntityOverride,
    ) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        let fault = |entity: &Entity, rule: &str| {
            Err(Error::new(Code::InvalidDefinition).entity(&entity.api_name).rule(rule))
        };
        let above = Layer::of(&changed.namespace) > Layer::of(&entity.definition.namespace);
        if !valid_namespace(&changed.namespace) || !above {
            return fault(entity, "a layer changes entities of the layers below");
        }
        if [&changed.label, &changed.help].into_iter().flatten().any(Label::is_partial) {
            return fault(entity, "labels stand in zh and en");
        }
        let before = entity.overrides().to_vec();
        let overrides = entity.overrides_mut();
        overrides.retain(|known| known.namespace != changed.namespace);
        if changed.label.is_some() || changed.help.is_some() {
            overrides.push(changed.clone());
            overrides.sort_by_key(|known| Layer::of(&known.namespace));
        }
        let change = match *overrides == before {
            true => RegistryChange::Nothing,
            false => RegistryChange::Changed,
        };
        self.touch(change);
        Ok(change)
    }

    /// Declares what a higher layer changes of a field, in place of what the same layer changed before.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `schema.invalid_definition` for a field that is not of a
    /// lower layer and for codes that do not fit, `schema.invalid_expression`.
    pub fn declare_override(&mut self, entity: &str, changed: &FieldOverride) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        let place = entity.field(FieldName::Name(&changed.field))?.id();
        let bare = {
            // What the same layer changed before is not what it stands on.
            let mut bare = entity.clone();
            bare.lay_over(place, |overrides| {
                overrides.retain(|known| known.namespace != changed.namespace);
            });
            bare
        };
        let missing = || Error::new(Code::UnknownField).field(&changed.field);
        changed.check(&bare, bare.field_by_id(place).ok_or_else(missing)?)?;
        if entity.field_by_id(place).is_some_and(|field| field.overrides().contains(changed)) {
            return Ok(RegistryChange::Nothing);
        }
        entity.lay_over(place, |overrides| {
            overrides.retain(|known| known.namespace != changed.namespace);
            overrides.push(changed.clone());
            overrides.sort_by_key(|known| Layer::of(&known.namespace));
        });
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }
}

impl Entity {
    /// Changes what lies over a field, and lays it anew.
    pub(super) fn lay_over(&mut self, field: FieldId, change: impl FnOnce(&mut Vec<FieldOverride>)) {
        if let Some(field) = self.fields_mut().iter_mut().find(|known| known.id() == field) {
            change(field.overrides_mut());
            field.apply_overrides();
        }
        self.index();
    }
}
