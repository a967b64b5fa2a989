//! Validity: the days on which a record holds, and what no two records of an entity have on one day.
//!
//! Days are half open: a record holds from the first one up to the last one, which is not among them. A
//! record without the one or the other has no beginning or no end.

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, FieldId, Result};
use crate::schema::{
    Entity, EntityDefinition, Field, FieldName, FieldType, IndexDefinition, Registry, RegistryChange,
};

/// Most fields of the key of a fact: the index of facts has the first day besides.
const MAX_KEY: usize = 3;
/// The author's numbers of the indexes that follow from valid time.
const BY_KEY: u32 = 1_000_000;
const BY_END: u32 = 1_000_001;

/// What makes facts of the records of an entity: each says something of a key for some days, and no two of
/// one key on the same day.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ValidTime {
    /// The fields of the key by API name, 1 to 3. A fact keeps the key that it is made with.
    pub key: Vec<String>,
    /// The field of the first day; `valid_from` if not said.
    #[serde(default)]
    pub from: String,
    /// The field of the day behind the last one; `valid_to` if not said.
    #[serde(default)]
    pub to: String,
}

/// The days on which records of an entity hold, and what no two of them have on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validity {
    /// The field of the first day; nothing where records hold on every day.
    pub from: Option<FieldId>,
    /// The field of the day behind the last one.
    pub to: Option<FieldId>,
    /// What no two records have on one day.
    pub exclusions: Vec<Exclusion>,
    /// Whether a link may have one record at both ends.
    pub to_itself: bool,
}

/// Values that no two records of an entity have on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// Its number within the entity, which stands in keys.
    pub number: u8,
    /// The fields.
    pub fields: Vec<FieldId>,
    /// What is made of their values.
    pub gathering: Gathering,
    /// Whether it is held against records. Keys are kept in any case, so that it may be given up.
    pub enforced: bool,
}

/// What is made of the values of an exclusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gathering {
    /// All of them together, in the order of the fields.
    InOrder,
    /// All of them together, in whichever order.
    Either,
    /// Each by itself.
    Each,
}

impl ValidTime {
    /// A key of these fields, for the days from `valid_from` up to `valid_to`.
    #[must_use]
    pub fn of(key: &[&str]) -> Self {
        Self {
            key: key.iter().map(|field| (*field).to_owned()).collect(),
            from: "valid_from".to_owned(),
            to: "valid_to".to_owned(),
        }
    }

    /// The same with the usual names where none are said.
    pub(super) fn named(&self) -> Self {
        let usual = Self::of(&[]);
        let or = |said: &String, usual: String| if said.is_empty() { usual } else { said.clone() };
        Self { key: self.key.clone(), from: or(&self.from, usual.from), to: or(&self.to, usual.to) }
    }
}

impl EntityDefinition {
    /// The indexes that answer what was valid when.
    fn indexes_of_facts(&self) -> Vec<IndexDefinition> {
        let Some(facts) = &self.valid_time else { return Vec::new() };
        let by_key = IndexDefinition::new(&self.namespace, BY_KEY, "valid_time");
        let by_key = facts.key.iter().fold(by_key, |index, field| index.rising(field)).rising(&facts.from);
        let by_end = IndexDefinition::new(&self.namespace, BY_END, "valid_to");
        vec![by_key, by_end.rising(&facts.to).rising(&facts.from)]
    }
}

impl Registry {
    /// Checks valid time once the fields are there, and declares its indexes.
    pub(super) fn declare_valid_time(&mut self, definition: &EntityDefinition) -> Result<RegistryChange> {
        let name = definition.api_name();
        let Some(facts) = &definition.valid_time else { return Ok(RegistryChange::Nothing) };
        self.entity(&name)?.check_facts(facts)?;
        let mut change = RegistryChange::Nothing;
        for index in definition.indexes_of_facts() {
            if self.declare_index(&name, &index)? == RegistryChange::Changed {
                change = RegistryChange::Changed;
            }
        }
        Ok(change)
    }
}

impl Entity {
    fn check_facts(&self, facts: &ValidTime) -> Result<()> {
        let fault = |rule: &str| {
            let error = Error::new(Code::InvalidDefinition).entity(&self.api_name);
            Err(error.field("valid_time").rule(rule))
        };
        if !(1..=MAX_KEY).contains(&facts.key.len()) {
            return fault("a key has 1 to 3 fields");
        }
        for name in &facts.key {
            let field = self.field(FieldName::Name(name))?;
            let kind = &field.definition.kind;
            let has_one = kind.is_indexable() && !kind.has_cells() && !kind.names_entity();
            if !field.is_required() || !has_one || kind.is_worked_out() {
                return fault("the fields of a key are required, stored, and have one value");
            }
        }
        for name in [&facts.from, &facts.to] {
            let field = self.field(FieldName::Name(name))?;
            if field.definition.kind != FieldType::Date || facts.key.contains(name) {
                return fault("the days of validity are dates beside the key");
            }
        }
        if facts.from == facts.to {
            return fault("the first day and the last one are two fields");
        }
        if self.definition.relation.is_some() || self.definition.data_subject {
            return fault("facts are neither links nor persons");
        }
        Ok(())
    }

    /// The fields of the key, if its records are facts.
    #[must_use]
    pub fn fact_key(&self) -> Option<Vec<&Field>> {
        let facts = self.definition.valid_time.as_ref()?;
        facts.key.iter().map(|name| self.field(FieldName::Name(name)).ok()).collect()
    }

    /// The days on which facts hold, and what no two of them have on one day.
    pub(super) fn validity_of_facts(&self) -> Option<Validity> {
        let facts = self.definition.valid_time.as_ref()?;
        let field = |name: &str| self.field(FieldName::Name(name)).ok().map(Field::id);
        let fields: Vec<FieldId> = self.fact_key()?.into_iter().map(Field::id).collect();
        Some(Validity {
            from: Some(field(&facts.from)?),
            to: Some(field(&facts.to)?),
            exclusions: vec![Exclusion { number: 1, fields, gathering: Gathering::InOrder, enforced: true }],
            to_itself: false,
        })
    }

    /// The days on which its records hold, and what no two of them have on one day, if it says so.
    #[must_use]
    pub fn validity(&self) -> Option<&Validity> {
        self.validity_kept()
    }
}
