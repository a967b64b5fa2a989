//! Records that belong to nobody, so that all of a partition are of one access class and are found by one look.

use std::collections::BTreeSet;

use crate::access::{NOBODY, Permit, Policy, Read};
use crate::base::{FieldId, Patience, Result, Timestamp, Value};
use crate::records::{Filter, Record, Sight, scan_all};
use crate::schema::{Entity, EntityType, FieldName, Registry};
use crate::storage::Snapshot;

/// Where nobody's records of an entity are looked for.
#[derive(Clone, Copy)]
pub(super) struct Nobodys<'a> {
    pub snapshot: &'a dyn Snapshot,
    pub registry: &'a Registry,
    pub policy: &'a Policy,
}

impl Nobodys<'_> {
    /// The records of some partitions, or of all of them, that meet a filter, in the order in which they were made.
    pub fn records<E: EntityType>(
        &self,
        partitions: Option<&BTreeSet<u32>>,
        filter: &dyn Fn(&Entity) -> Result<Filter>,
    ) -> Result<Vec<Record>> {
        let Ok(entity) = self.registry.entity(E::NAME) else { return Ok(Vec::new()) };
        let permit = self.permit(entity, partitions);
        let mut found = Vec::new();
        if permit.classes().is_empty() {
            return Ok(found);
        }
        let patience = Patience::default();
        let sight = Sight::new(self.snapshot, self.registry, entity, &permit, &patience);
        scan_all(&sight, &filter(entity)?, &mut |record| {
            found.push(record.clone());
            Ok(())
        })?;
        found.sort_by_key(|record| record.id);
        Ok(found)
    }

    /// A permit to read them.
    pub fn permit(&self, entity: &Entity, partitions: Option<&BTreeSet<u32>>) -> Permit<Read> {
        let all = self.policy.bootstrap_of_owner::<Read>(entity.id(), NOBODY);
        let Some(partitions) = partitions else { return all };
        let near = all.classes().iter().filter(|(_, class)| partitions.contains(&class.partition)).cloned();
        all.narrowed(&near.collect::<Vec<_>>())
    }
}

/// The values of a record by the constants of its entity.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub entity: &'a Entity,
    pub record: &'a Record,
}

impl Values<'_> {
    pub fn value(&self, name: FieldName<'static>) -> Value {
        let field = self.entity.field(name).map(crate::schema::Field::id);
        field.map(|field: FieldId| self.record.value(field)).unwrap_or_default()
    }

    pub fn text(&self, name: FieldName<'static>) -> Option<String> {
        self.value(name).as_text().map(str::to_owned)
    }

    pub fn moment(&self, name: FieldName<'static>) -> Option<Timestamp> {
        match self.value(name) {
            Value::DateTime(moment) => Some(moment),
            _ => None,
        }
    }

    /// The codes of a list.
    pub fn codes(&self, name: FieldName<'static>) -> Vec<String> {
        self.value(name).items().filter_map(Value::as_text).map(str::to_owned).collect()
    }
}

/// The names in a text, with commas between them.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}
