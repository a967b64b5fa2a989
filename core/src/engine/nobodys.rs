//! Records that nobody owns: all of an entity and a partition are of one access class, and are found by one look at an
//! index, however many people there are.

use std::collections::BTreeSet;

use crate::access::{NOBODY, Permit, Policy, Read};
use crate::base::{Patience, Result};
use crate::engine::Reader;
use crate::records::{self, FarPermits, Filter, PageCursor, Query, Record, Sight, scan_all};
use crate::schema::{Entity, EntityType, Registry};
use crate::storage::Snapshot;

/// A page of records, and where to go on.
pub(super) type NobodysPage = (Vec<Record>, Option<PageCursor>);

/// Where nobody's records are looked for, in the engine's own right.
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
        let mut found = Vec::new();
        self.scan((entity, partitions), &filter(entity)?, &mut |record| found.push(record.clone()))?;
        found.sort_by_key(|record| record.id);
        Ok(found)
    }

    /// Hands the records of an entity and of some partitions, or of all of them, that meet a filter to a function.
    pub fn scan(
        &self,
        (entity, partitions): (&Entity, Option<&BTreeSet<u32>>),
        filter: &Filter,
        take: &mut dyn FnMut(&Record),
    ) -> Result<()> {
        let permit = self.permit(entity, partitions);
        if permit.classes().is_empty() {
            return Ok(());
        }
        let patience = Patience::default();
        let sight = Sight::new(self.snapshot, self.registry, entity, &permit, &patience);
        scan_all(&sight, filter, &mut |record| {
            take(record);
            Ok(())
        })
    }

    /// A permit to read them.
    pub fn permit(&self, entity: &Entity, partitions: Option<&BTreeSet<u32>>) -> Permit<Read> {
        let all = self.policy.bootstrap_of_owner::<Read>(entity.id(), NOBODY);
        let Some(partitions) = partitions else { return all };
        let near = all.classes().iter().filter(|(_, class)| partitions.contains(&class.partition)).cloned();
        all.narrowed(&near.collect::<Vec<_>>())
    }
}

impl Reader<'_> {
    /// Where nobody's records are in this view.
    pub(super) fn of_nobody(&self) -> Nobodys<'_> {
        Nobodys { snapshot: self.snapshot, registry: self.registry, policy: self.policy }
    }

    /// Records of an entity that nobody owns, of the user's partition, in the engine's own right.
    pub(super) fn nobodys(&self, entity: &Entity, query: &Query) -> Result<NobodysPage> {
        match self.policy.partition_of(self.user) {
            Some(partition) => self.nobodys_of(entity, partition, query),
            None => Ok(NobodysPage::default()),
        }
    }

    /// The same of any partition.
    pub(super) fn nobodys_of(&self, entity: &Entity, partition: u32, query: &Query) -> Result<NobodysPage> {
        let permit = self.of_nobody().permit(entity, Some(&[partition].into()));
        if permit.classes().is_empty() {
            return Ok(NobodysPage::default());
        }
        let page = records::find(&self.sight(entity, &permit, &FarPermits::new()), query)?;
        Ok((page.records, page.next))
    }
}
