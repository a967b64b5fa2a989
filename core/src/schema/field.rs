//! A field of the registry: what its author declared, what higher layers changed of it, and what follows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, FieldId, Result};
use crate::schema::computation::Computation;
use crate::schema::expr::Expression;
use crate::schema::{EnumCode, FieldDefinition, FieldOverride, RegistryChange};

/// A field with its number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Field {
    pub(super) number: u32,
    /// The name under which the API knows it.
    pub api_name: String,
    /// What its author defined, with what higher layers changed of it.
    pub definition: FieldDefinition,
    /// What its author defined, where a higher layer changed anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) declared: Option<Box<FieldDefinition>>,
    /// What higher layers change, in the order of the layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) overrides: Vec<FieldOverride>,
    /// The names in the API that it bore before, under which it is still found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) former_names: Vec<String>,
    /// Whether its author took it back: its values stay and can be read, and nobody sets another one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) withdrawn: bool,
    /// For a rollup: whether every record is in it.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub(super) complete: bool,
    /// Whether values of the field whose place it took are still to be moved into it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) moving: bool,
    /// Whether some records are not in its index yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) index_unfinished: bool,
    /// Whether some records were not held against each other yet, where no two values are to be equal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) unique_unfinished: bool,
    /// Whether rows of some records still have what columns gave that were worked out by another expression.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) rows_outdated: bool,
    /// Whether an index stayed from when it was to be unique.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) keeps_index: bool,
    /// The codes of its value set, which lie beside it.
    #[serde(skip)]
    pub(super) set_codes: Vec<EnumCode>,
    /// The names of entities, by which names else they are called, where its values name some.
    #[serde(skip)]
    pub(super) entity_names: BTreeMap<String, String>,
    /// Its expressions as they are worked out, which follow from the definition.
    #[serde(skip)]
    pub(super) computation: Computation,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_yes(complete: &bool) -> bool {
    *complete
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        let mine = (self.number, &self.api_name, &self.definition, &self.overrides, self.withdrawn);
        mine == (other.number, &other.api_name, &other.definition, &other.overrides, other.withdrawn)
    }
}

impl Eq for Field {}

impl Field {
    /// A field that was not there before, of which nothing is worked out yet.
    pub(super) fn fresh(number: u32, api_name: String, definition: FieldDefinition) -> Self {
        Self {
            number,
            api_name,
            definition,
            declared: None,
            overrides: Vec::new(),
            former_names: Vec::new(),
            withdrawn: false,
            complete: true,
            moving: false,
            index_unfinished: false,
            unique_unfinished: false,
            rows_outdated: false,
            keeps_index: false,
            set_codes: Vec::new(),
            entity_names: BTreeMap::new(),
            computation: Computation::default(),
        }
    }

    /// What a new record has that comes without value.
    #[must_use]
    pub fn default(&self) -> Option<&Expression> {
        self.computation.default.as_ref()
    }

    /// Under which conditions a record must have a value: the author's, and those that higher layers add.
    #[must_use]
    pub fn required_when(&self) -> &[Expression] {
        &self.computation.required_when
    }

    /// Whether no record is saved without a value.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.definition.required && !self.withdrawn
    }

    /// Whether callers set it at all, as far as nobody's rights are asked.
    #[must_use]
    pub fn is_set_by_callers(&self) -> bool {
        !(self.definition.read_only || self.withdrawn || self.definition.kind.is_worked_out())
    }

    /// What its author defined, whatever higher layers changed of it.
    #[must_use]
    pub fn declared(&self) -> &FieldDefinition {
        self.declared.as_deref().unwrap_or(&self.definition)
    }

    /// What higher layers change, in the order of the layers.
    #[must_use]
    pub fn overrides(&self) -> &[FieldOverride] {
        &self.overrides
    }

    /// The names in the API that it bore before.
    #[must_use]
    pub fn former_names(&self) -> &[String] {
        &self.former_names
    }

    /// Whether its author took it back: its values stay and can be read, and nobody sets another one.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }

    /// Whether values of the field whose place it took are still to be moved into it.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.moving
    }

    /// What works the value out; nothing for fields that are stored.
    #[must_use]
    pub fn formula(&self) -> Option<&Expression> {
        self.computation.formula.as_ref()
    }

    /// The stored fields that a formula follows from; nothing for fields that are stored.
    #[must_use]
    pub fn inputs(&self) -> &BTreeSet<FieldId> {
        &self.computation.inputs
    }

    /// The number as this database gave it.
    #[must_use]
    pub fn id(&self) -> FieldId {
        FieldId::new(self.number)
    }

    /// Whether every record is in a rollup; true of fields of other types.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }
}

impl Field {
    /// Takes a definition of its author in place of the one that stands. Values and keys of the store follow
    /// from type, so that never changes; an index may be added and not be taken away.
    pub(super) fn redeclare(
        &mut self,
        definition: FieldDefinition,
        api_name: String,
    ) -> Result<RegistryChange> {
        let old = self.declared();
        let kind = definition.kind.after(&old.kind);
        let definition = FieldDefinition { kind, retypes: old.retypes, ..definition };
        if *old == definition && !self.withdrawn {
            return Ok(RegistryChange::Nothing);
        }
        let fewer_keys = (old.unique && !definition.unique) || (old.indexed && !definition.indexed);
        let targets = definition.kind.targets();
        let elsewhere = old.kind.targets().iter().any(|target| !targets.contains(target));
        if old.kind.name() != definition.kind.name() || elsewhere || fewer_keys {
            let rule = "type and target of a field never change, and its indexes stay";
            return Err(Error::new(Code::InvalidDefinition).field(&definition.name).rule(rule));
        }
        if old.value_set.is_some() && old.value_set != definition.value_set {
            let error = Error::new(Code::InvalidDefinition).field(&definition.name);
            return Err(error.rule("a field keeps its value set"));
        }
        if self.api_name != api_name {
            self.former_names.retain(|known| *known != api_name);
            self.former_names.push(std::mem::replace(&mut self.api_name, api_name));
        }
        self.withdrawn = false;
        self.definition = definition;
        self.declared = None;
        self.apply_overrides();
        Ok(RegistryChange::Changed)
    }

    /// Lays what higher layers change over what the author defined.
    pub(super) fn apply_overrides(&mut self) {
        let mut definition = self.declared().clone();
        let is_laid = !self.overrides.is_empty() || definition.value_set.is_some();
        self.declared = is_laid.then(|| Box::new(definition.clone()));
        definition.lay_codes(&self.set_codes);
        self.overrides.iter().for_each(|changed| changed.apply(&mut definition));
        self.definition = definition;
    }

    pub(super) fn overrides_mut(&mut self) -> &mut Vec<FieldOverride> {
        &mut self.overrides
    }

    pub(super) fn withdraw(&mut self) {
        self.withdrawn = true;
    }

    pub(super) fn set_withdrawn(&mut self, withdrawn: bool) {
        self.withdrawn = withdrawn;
    }

    /// Is withdrawn under another name, since another field takes its place.
    pub(super) fn step_aside(&mut self, name: &str, entity_namespace: &str) {
        let definitions = [Some(&mut self.definition), self.declared.as_deref_mut()];
        definitions.into_iter().flatten().for_each(|definition| name.clone_into(&mut definition.name));
        let api_name = self.definition.api_name(entity_namespace);
        self.former_names.retain(|known| *known != api_name);
        self.former_names.push(std::mem::replace(&mut self.api_name, api_name));
        self.withdrawn = true;
    }

    /// Whether it bore a name before, with its namespace or without.
    #[must_use]
    pub fn was_named(&self, name: &str) -> bool {
        let bare = |known: &String| known.rsplit('.').next() == Some(name);
        self.former_names.iter().any(|known| known == name || bare(known))
    }

    /// Remembers names that it bore, and says whether one of them was not known.
    pub(super) fn learn_names(&mut self, names: Vec<String>) -> RegistryChange {
        let mut change = RegistryChange::Nothing;
        for name in names {
            if name != self.api_name && !self.former_names.contains(&name) {
                self.former_names.push(name);
                change = RegistryChange::Changed;
            }
        }
        change
    }

    /// A tree's field has another name, which the one says that keeps the roots of the tree.
    pub(super) fn rename_root(&mut self, old: &str, new: &str) {
        let definitions = [Some(&mut self.definition), self.declared.as_deref_mut()];
        for definition in definitions.into_iter().flatten() {
            if definition.root_of.as_deref() == Some(old) {
                definition.root_of = Some(new.to_owned());
            }
        }
    }
}
