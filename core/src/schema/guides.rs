//! Guides: steps that lead somebody through a part of the work, as their authors declare them. What is said of a step
//! is data, so that any host can show it; what was done of it lies with each user.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::base::{Code, Error, Label, Result};
use crate::schema::{FieldName, Package, Registry, valid_namespace};

/// Most guides of one author.
const MAX_GUIDES: usize = 100;
/// Most steps of a guide.
const MAX_STEPS: usize = 50;
/// Longest text of a step in one language, in bytes.
const MAX_TEXT: usize = 4_000;
/// Most records that a step waits for.
const MAX_COUNT: u32 = 100;
/// Most values that a step asks of a record.
const MAX_VALUES: usize = 10;

/// A guide as its author declares it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GuideDefinition {
    /// Who declares it.
    #[serde(default)]
    pub namespace: String,
    /// Its name, without namespace.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// What it leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Label>,
    /// The steps, in the order in which they are shown.
    pub steps: Vec<GuideStep>,
}

/// One step of a guide.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GuideStep {
    /// Its name within the guide. A later version of the guide that keeps the name keeps what was done.
    pub name: String,
    /// What people read, in few words.
    pub label: Label,
    /// What is to be done, and why.
    pub text: Label,
    /// The entity that it points at, by API name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// The field of that entity that it points at, by API name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The method that it points at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// What of the user's own records shows that it is done. Where nothing is said, the user says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<GuideEvidence>,
    /// Whether the guide is complete without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// What shows that a step is done: so many records that the user owns and sees.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GuideEvidence {
    /// The entity, by API name.
    pub entity: String,
    /// Values that the records have, by field: texts, whole numbers, truth values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Json>,
    /// How many records; 1 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

impl GuideDefinition {
    /// The name under which it is known: `namespace.name`.
    #[must_use]
    pub fn api_name(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }

    /// Checks what it says by itself.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the guide and the rule.
    pub fn check(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field(&self.name).rule(rule));
        if !is_word(&self.name) || !valid_namespace(&self.namespace) {
            return fault("the name of a guide is one word in lower case");
        }
        if self.label.is_partial() || self.help.as_ref().is_some_and(Label::is_partial) {
            return fault("labels stand in zh and en");
        }
        if self.steps.is_empty() || self.steps.len() > MAX_STEPS {
            return fault("a guide has 1 to 50 steps");
        }
        if self.steps.iter().all(|step| step.optional) {
            return fault("a step of a guide is not optional");
        }
        let mut names = BTreeSet::new();
        if self.steps.iter().any(|step| !is_word(&step.name) || !names.insert(&step.name)) {
            return fault("each step has a name of its own, one word in lower case");
        }
        self.steps.iter().try_for_each(|step| step.check().map_err(|error| error.field(&self.name)))
    }

    /// Checks that the entities and fields that it names are there.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`.
    pub fn check_in(&self, registry: &Registry) -> Result<()> {
        let there = |entity: &str, fields: &[&String]| {
            let entity = registry.entity(entity)?;
            fields.iter().try_for_each(|field| entity.field(FieldName::Name(field)).map(drop))
        };
        for step in &self.steps {
            if let Some(entity) = &step.entity {
                there(entity, &step.field.iter().collect::<Vec<_>>())?;
            }
            if let Some(done) = &step.done {
                there(&done.entity, &done.values.keys().collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }
}

impl GuideStep {
    fn check(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).value(&self.name).rule(rule));
        if self.label.is_partial() || self.text.is_partial() {
            return fault("the texts of a step stand in zh and en");
        }
        if [&self.text.zh, &self.text.en].into_iter().any(|text| text.len() > MAX_TEXT) {
            return fault("the text of a step is at most 4000 bytes");
        }
        if self.field.is_some() && self.entity.is_none() {
            return fault("a field is one of an entity");
        }
        let Some(done) = &self.done else { return Ok(()) };
        if done.count.is_some_and(|count| count == 0 || count > MAX_COUNT) {
            return fault("a step waits for 1 to 100 records");
        }
        let plain = |value: &Json| value.is_string() || value.is_boolean() || value.is_i64();
        match done.values.len() <= MAX_VALUES && done.values.values().all(plain) {
            true => Ok(()),
            false => fault("a step asks for at most 10 texts, whole numbers or truth values"),
        }
    }
}

/// One name in lower case, as of a method.
fn is_word(name: &str) -> bool {
    valid_namespace(name) && !name.contains('.')
}

impl Package {
    /// Checks the guides of a package by themselves.
    pub(super) fn check_guides(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field("guides").rule(rule));
        if self.guides.len() > MAX_GUIDES {
            return fault("at most 100 guides");
        }
        let mut names = BTreeSet::new();
        if !self.guides.iter().all(|guide| names.insert(&guide.name)) {
            return fault("each guide has a name of its own");
        }
        self.guides.iter().try_for_each(GuideDefinition::check)
    }
}
