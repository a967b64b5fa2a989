//! Of which records the ledger says who read them, and how surely: a setting of the organisation.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::base::{FieldId, Result};
use crate::engine::{FieldSelector, Settings};
use crate::schema::{Entity, Registry};

/// When an entry about what was read is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadMode {
    /// Before the rows are returned, for which a reader waits for the writer's turn. Within a transaction, with its commit, or right after it is given up.
    Strict,
    /// A little later: with the next call behind five seconds, or behind a thousand entries, or when the
    /// database is closed. A crash loses what was collected since.
    Batched,
}

/// Who reads the records of an entity is entered in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadPolicy {
    /// How surely.
    pub mode: ReadMode,
    /// The fields whose readers are entered, by API name; without any, reading a record at all is.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub fields: BTreeSet<String>,
}

impl Settings {
    /// Refuses policies on what there is not.
    pub(super) fn check_read_policies(&self, registry: &Registry) -> Result<()> {
        self.read_policies.iter().try_for_each(|(entity, policy)| {
            let known = registry.entity(entity)?;
            policy.guarded(known).map_err(|error| error.entity(entity)).map(drop)
        })
    }

    /// The policy on an entity, if there is one.
    pub(super) fn read_policy(&self, entity: &Entity) -> Option<&ReadPolicy> {
        entity.names().find_map(|name| self.read_policies.get(name))
    }

    /// The settings with another policy on an entity, or with none.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`.
    pub fn with_read_policy(
        mut self,
        registry: &Registry,
        entity: &str,
        policy: Option<ReadPolicy>,
    ) -> Result<Self> {
        let known = registry.entity(entity)?;
        // What was said under a name that it bore is said of it.
        known.former_names().iter().for_each(|name| drop(self.read_policies.remove(name)));
        match policy {
            Some(policy) => {
                policy.guarded(known).map_err(|error| error.entity(entity))?;
                self.read_policies.insert(known.api_name.clone(), policy);
            }
            None => drop(self.read_policies.remove(&known.api_name)),
        }
        Ok(self)
    }
}

impl ReadPolicy {
    /// The fields whose readers are entered; none where reading a record at all is.
    fn guarded(&self, entity: &Entity) -> Result<BTreeSet<FieldId>> {
        let resolve = |name: &String| FieldSelector::Name(name.clone()).resolve(entity);
        self.fields.iter().map(resolve).collect()
    }

    /// The names of the fields that a reader sees and whose readers are entered, or nothing where none is.
    /// Without fields in the policy, what is asked for in particular is told.
    pub(super) fn concerns(
        &self,
        entity: &Entity,
        asked: &BTreeSet<FieldId>,
        shows: impl Fn(FieldId) -> bool,
    ) -> Option<Vec<String>> {
        let is_asked = |field: FieldId| asked.is_empty() || asked.contains(&field);
        let name = |field: FieldId| super::field_name(entity, field);
        if self.fields.is_empty() {
            return Some(asked.iter().copied().filter(|field| shows(*field)).map(name).collect());
        }
        // A field that the policy names and that is gone since is guarded no more.
        let guarded =
            self.fields.iter().filter_map(|field| FieldSelector::Name(field.clone()).resolve(entity).ok());
        let read: Vec<String> = guarded.filter(|field| is_asked(*field) && shows(*field)).map(name).collect();
        (!read.is_empty()).then_some(read)
    }
}
