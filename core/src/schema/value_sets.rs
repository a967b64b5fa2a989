//! Value sets: named lists of codes that fields of any entity share. A set has an author; higher layers add codes
//! and retire codes, and nothing ever takes one away that records may have.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Label, Result};
use crate::schema::derived::MAX_GROUP_CODE;
use crate::schema::{
    EnumCode, Field, FieldDefinition, FieldType, Layer, Package, Registry, RegistryChange, valid_name,
    valid_namespace,
};

/// Most codes of a value set.
const MAX_CODES: usize = 5_000;

/// A value set as its author defines it. Its identity is (namespace, name), for ever.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ValueSetDefinition {
    /// Who defines it.
    #[serde(default)]
    pub namespace: String,
    /// Its name, without namespace.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Label>,
    /// The codes with their labels and colours, in their order.
    pub codes: Vec<EnumCode>,
}

/// What a higher layer changes of a value set of a lower one. What is not said stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ValueSetOverride {
    /// Who changes it.
    #[serde(default)]
    pub namespace: String,
    /// The set, by API name.
    pub value_set: String,
    /// What people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// Codes that are offered besides, behind those of the lower layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_codes: Vec<EnumCode>,
    /// Codes that are no longer offered; records that have one keep it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retire_codes: Vec<String>,
}

impl ValueSetDefinition {
    /// The name under which the API knows it: `namespace.name`.
    #[must_use]
    pub fn api_name(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }

    fn check(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field(&self.name).rule(rule));
        if !valid_name(&self.name) || !valid_namespace(&self.namespace) {
            return fault("names are lower-case letters, digits and underscores, at most 63");
        }
        if self.label.is_partial() || self.help.as_ref().is_some_and(Label::is_partial) {
            return fault("labels stand in zh and en");
        }
        if self.codes.is_empty() {
            return fault("a value set has at least one code");
        }
        check_codes(&self.codes).or_else(fault)
    }
}

/// Codes that stand once, have labels, and can be counted by.
fn check_codes(codes: &[EnumCode]) -> Result<(), &'static str> {
    let mut seen = BTreeSet::new();
    if codes.len() > MAX_CODES {
        return Err("a value set has at most 5,000 codes");
    }
    if codes.iter().any(|code| code.label.is_partial()) {
        return Err("labels stand in zh and en");
    }
    let sized = |code: &EnumCode| (1..=MAX_GROUP_CODE).contains(&code.code.len());
    match codes.iter().all(|code| sized(code) && seen.insert(&code.code)) {
        true => Ok(()),
        false => Err("each code stands once and has 1 to 128 bytes"),
    }
}

/// A value set of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueSet {
    /// What its author defined.
    pub definition: ValueSetDefinition,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    overrides: Vec<ValueSetOverride>,
    /// Codes that somebody took back, which records may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former: Vec<EnumCode>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    withdrawn: bool,
}

impl ValueSet {
    /// The name under which the API knows it.
    #[must_use]
    pub fn api_name(&self) -> String {
        self.definition.api_name()
    }

    /// What people read, by the highest layer that says it.
    #[must_use]
    pub fn label(&self) -> &Label {
        let said = self.overrides.iter().rev().find_map(|changed| changed.label.as_ref());
        said.unwrap_or(&self.definition.label)
    }

    /// What higher layers change, in the order of the layers.
    #[must_use]
    pub fn overrides(&self) -> &[ValueSetOverride] {
        &self.overrides
    }

    /// Whether its author took it back: fields that have it go on, and no other field takes it.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }

    /// The codes of all layers together; those that somebody took back are among them, and not offered.
    #[must_use]
    pub fn codes(&self) -> Vec<EnumCode> {
        let mut codes = self.definition.codes.clone();
        for changed in &self.overrides {
            for code in codes.iter_mut().filter(|code| changed.retire_codes.contains(&code.code)) {
                code.active = false;
            }
            join(&mut codes, &changed.add_codes);
        }
        join(&mut codes, &self.former);
        codes
    }

    /// Changes it so that no code is lost that was there.
    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.codes();
        change(self);
        self.former.clear();
        let left = self.codes();
        let gone = before.into_iter().filter(|code| left.iter().all(|known| known.code != code.code));
        self.former = gone.map(|code| EnumCode { active: false, ..code }).collect();
    }
}

/// Adds codes that are not there yet.
fn join(codes: &mut Vec<EnumCode>, more: &[EnumCode]) {
    let known: BTreeSet<String> = codes.iter().map(|code| code.code.clone()).collect();
    codes.extend(more.iter().filter(|code| !known.contains(&code.code)).cloned());
}

impl Field {
    /// Takes the codes of its value set, and says whether they are other than before.
    pub(super) fn take_codes(&mut self, codes: Vec<EnumCode>) -> bool {
        let changed = self.set_codes != codes;
        self.set_codes = codes;
        self.apply_overrides();
        changed
    }
}

impl FieldDefinition {
    /// Lays the codes of its value set over it. Codes of its own from before it had a set stay, retired.
    pub(super) fn lay_codes(&mut self, set: &[EnumCode]) {
        if self.value_set.is_none() {
            return;
        }
        if let FieldType::Enum { codes } | FieldType::MultiEnum { codes } = &mut self.kind {
            let mut own = std::mem::replace(codes, set.to_vec());
            own.iter_mut().for_each(|code| code.active = false);
            join(codes, &own);
        }
    }
}

impl Registry {
    /// The value set with this API name; `crm.` may be left out.
    ///
    /// # Errors
    /// `schema.unknown_value_set`.
    pub fn value_set(&self, name: &str) -> Result<&ValueSet> {
        let is_it = |set: &&ValueSet| {
            let known = set.api_name();
            known == name || known.strip_prefix("crm.") == Some(name)
        };
        let found = self.value_sets().iter().find(is_it);
        found.ok_or_else(|| Error::new(Code::UnknownValueSet).value(name))
    }

    /// Declares a value set, in place of the one of this name. Codes that it no longer lists are retired.
    ///
    /// # Errors
    /// `schema.invalid_definition`, naming the set and the rule.
    pub fn declare_value_set(&mut self, definition: &ValueSetDefinition) -> Result<RegistryChange> {
        definition.check()?;
        let same = |set: &&mut ValueSet| set.api_name() == definition.api_name();
        match self.value_sets_mut().iter_mut().find(same) {
            Some(known) if known.definition == *definition && !known.withdrawn => {
                return Ok(RegistryChange::Nothing);
            }
            Some(known) => known.change(|set| {
                set.definition = definition.clone();
                set.withdrawn = false;
            }),
            None => self.value_sets_mut().push(ValueSet {
                definition: definition.clone(),
                overrides: Vec::new(),
                former: Vec::new(),
                withdrawn: false,
            }),
        }
        self.hand_out_codes();
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Declares what a higher layer changes of a value set, in place of what the same layer changed before. A
    /// change that says nothing takes that back.
    ///
    /// # Errors
    /// `schema.unknown_value_set`; `schema.invalid_definition` for a set that is not of a lower layer, and for
    /// codes that do not fit.
    pub fn declare_value_set_override(&mut self, changed: &ValueSetOverride) -> Result<RegistryChange> {
        let known = self.value_set(&changed.value_set)?;
        let name = known.api_name();
        let changed = ValueSetOverride { value_set: name.clone(), ..changed.clone() };
        if known.overrides.contains(&changed) {
            return Ok(RegistryChange::Nothing);
        }
        let mut bare = known.clone();
        bare.overrides.retain(|other| other.namespace != changed.namespace);
        check_override(&bare, &changed).map_err(|error| error.field(&name))?;
        let says_nothing = changed
            == ValueSetOverride {
                namespace: changed.namespace.clone(),
                value_set: name.clone(),
                ..ValueSetOverride::default()
            };
        for set in self.value_sets_mut().iter_mut().filter(|set| set.api_name() == name) {
            set.change(|set| {
                set.overrides.retain(|other| other.namespace != changed.namespace);
                set.overrides.extend((!says_nothing).then(|| changed.clone()));
                set.overrides.sort_by_key(|other| Layer::of(&other.namespace));
            });
        }
        self.hand_out_codes();
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Declares the value sets of a package, and what it changes of others.
    pub(super) fn declare_value_sets(&mut self, package: &Package) -> Result<()> {
        package.value_sets.iter().try_for_each(|set| self.declare_value_set(set).map(drop))?;
        let changes = package.value_set_overrides.iter();
        changes.map(|changed| self.declare_value_set_override(changed)).try_for_each(|done| done.map(drop))
    }

    /// Withdraws the value sets of a namespace, and what it changes of others, that a later version of its package
    /// does not declare.
    pub(super) fn withdraw_value_sets(&mut self, namespace: &str, kept: &Package) {
        let laid: BTreeSet<String> = kept
            .value_set_overrides
            .iter()
            .map(|changed| {
                self.value_set(&changed.value_set)
                    .map_or_else(|_| changed.value_set.clone(), ValueSet::api_name)
            })
            .collect();
        for set in self.value_sets_mut() {
            let own = set.definition.namespace == namespace;
            set.withdrawn |= own && kept.value_sets.iter().all(|other| other.name != set.definition.name);
            if !laid.contains(&set.api_name()) {
                set.change(|set| set.overrides.retain(|changed| changed.namespace != namespace));
            }
        }
        self.hand_out_codes();
    }

    /// The codes of the set that a field names; none where it names none.
    ///
    /// # Errors
    /// `schema.unknown_value_set`; `schema.withdrawn` for one that its author took back.
    pub(super) fn codes_for(&self, definition: &FieldDefinition) -> Result<Vec<EnumCode>> {
        let Some(name) = &definition.value_set else { return Ok(Vec::new()) };
        let set = self.value_set(name).map_err(|error| error.field(&definition.name))?;
        match set.is_withdrawn() {
            true => Err(Error::new(Code::Withdrawn).field(&definition.name).value(name)),
            false => Ok(set.codes()),
        }
    }

    /// Gives the codes of value sets to the fields that have them.
    pub(super) fn hand_out_codes(&mut self) {
        let sets = self.value_sets().iter().map(|set| (set.api_name(), set.codes())).collect::<Vec<_>>();
        if sets.is_empty() {
            return;
        }
        for entity in self.entities_mut() {
            let mut changed = false;
            for field in entity.fields_mut() {
                let named = field.declared().value_set.as_deref();
                let codes = named.and_then(|named| sets.iter().find(|(name, _)| name == named));
                if let Some((_, codes)) = codes {
                    changed |= field.take_codes(codes.clone());
                }
            }
            if changed {
                entity.index();
            }
        }
    }
}

fn check_override(set: &ValueSet, changed: &ValueSetOverride) -> Result<()> {
    let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).rule(rule));
    let above = Layer::of(&changed.namespace) > Layer::of(&set.definition.namespace);
    if !valid_namespace(&changed.namespace) || !above {
        return fault("a layer changes value sets of the layers below");
    }
    if changed.label.as_ref().is_some_and(Label::is_partial) {
        return fault("labels stand in zh and en");
    }
    check_codes(&changed.add_codes).or_else(fault)?;
    let known = set.codes();
    let offered = |code: &String| known.iter().find(|known| known.code == *code);
    // A code that the same layer took back before may come again.
    let taken = |code: &EnumCode| {
        offered(&code.code).is_some() && set.former.iter().all(|former| former.code != code.code)
    };
    if changed.add_codes.iter().any(taken) {
        return fault("a code that is added is not there yet");
    }
    if changed.retire_codes.iter().any(|code| offered(code).is_none()) {
        return fault("a code that is retired is there");
    }
    match known.len().saturating_add(changed.add_codes.len()) > MAX_CODES {
        true => fault("a value set has at most 5,000 codes"),
        false => Ok(()),
    }
}
