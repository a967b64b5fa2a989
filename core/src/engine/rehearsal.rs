//! Changes of the registry: made, or only held against what stands, by one way in for all of them.

use std::sync::{Arc, Mutex, PoisonError};

use crate::base::Result;
use crate::engine::{Crm, Session};
use crate::records::{BUILD_CHUNK, added, gaining, is_large, records_made, unfinished};
use crate::schema::{Registry, RegistryChange, SchemaChange};

/// What a change of the registry changes, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemaPlan {
    /// Every element that is other than before.
    pub changes: Vec<SchemaChange>,
    /// Records that are read to make keys and counts: at most those that were ever made of the entities.
    pub records: u64,
    /// About how many commits it takes: one, and those of the chunks in which large tables are read.
    pub commits: u64,
}

/// What the changes of a session that only rehearses would come to.
pub(super) type Rehearsal = Arc<Mutex<SchemaPlan>>;

impl Session {
    /// Says what a change of the registry by this session would come to, and makes none. The function is handed a
    /// session that checks whatever this one does, but in place of changing the registry plans it, and that writes
    /// no record.
    ///
    /// # Errors
    /// What the function gives.
    pub(crate) fn rehearse<T>(&self, change: impl FnOnce(&Self) -> Result<T>) -> Result<SchemaPlan> {
        let (rehearsing, plan) = self.rehearsing();
        change(&rehearsing)?;
        let plan = plan.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(plan)
    }

    /// Changes the registry, and builds what is to be built of it; or only plans that.
    pub(super) fn change_schema(
        &self,
        cause: &str,
        change: impl FnOnce(&mut Registry) -> Result<RegistryChange>,
    ) -> Result<()> {
        match self.rehearsal() {
            None => {
                let before = builds(&self.crm().registry());
                self.crm().change_registry(self.user(), cause, change)?;
                // What was to be built before is not waited for where nothing is added to it.
                match builds(&self.crm().registry()) > before {
                    true => self.crm().build_indexes(self.user(), self.patience()),
                    false => Ok(()),
                }
            }
            Some(rehearsal) => {
                let plan = self.crm().plan_change(change)?;
                *rehearsal.lock().unwrap_or_else(PoisonError::into_inner) = plan;
                Ok(())
            }
        }
    }
}

/// How many indexes and the like are still to be built.
fn builds(registry: &Registry) -> usize {
    registry.entities().iter().map(|entity| unfinished(entity).len()).sum()
}

impl Crm {
    /// What a change of the registry would come to.
    pub(super) fn plan_change(
        &self,
        change: impl FnOnce(&mut Registry) -> Result<RegistryChange>,
    ) -> Result<SchemaPlan> {
        let before = self.registry();
        let mut after = Registry::clone(&before);
        change(&mut after)?;
        self.plan(&before, &after)
    }

    /// What one registry has that another has not, and what it costs to come there.
    pub(super) fn plan(&self, before: &Registry, after: &Registry) -> Result<SchemaPlan> {
        let changes = before.changes_to(after);
        let snapshot = self.snapshot()?;
        let mut plan = SchemaPlan { commits: u64::from(!changes.is_empty()), changes, records: 0 };
        for entity in before.entities() {
            let said =
                plan.changes.iter().any(|change| change.reads_records && change.entity == entity.api_name);
            let fresh = after.entity_by_id(entity.id()).map(|after| added(entity, after)).unwrap_or_default();
            let fields = after.entity_by_id(entity.id()).map(|after| gaining(entity, after).count());
            let builds = fresh.len().saturating_add(fields.unwrap_or_default());
            if !said && builds == 0 {
                continue;
            }
            let records = records_made(snapshot.as_ref(), entity)?;
            plan.records = plan.records.saturating_add(records);
            if builds > 0 && is_large(snapshot.as_ref(), entity, self.inner.build_at_once)? {
                let chunk = self.inner.build_at_once.clamp(1, BUILD_CHUNK);
                plan.commits = plan.commits.saturating_add(records.div_ceil(chunk));
            }
        }
        Ok(plan)
    }
}
