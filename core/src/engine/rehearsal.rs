//! Changes of the registry: made, or only held against what stands, by one way in for all of them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::base::{Patience, Result};
use crate::engine::{Crm, Session};
use crate::records::{BUILD_CHUNK, added, gaining, is_large, records_made, sample_keys, unfinished};
use crate::schema::{Entity, Registry, RegistryChange, SchemaChange};

/// What a change of the registry changes, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemaPlan {
    /// Every element that is other than before.
    pub changes: Vec<SchemaChange>,
    /// Records that are read to make keys and counts: at most those that were ever made of the entities.
    pub records: u64,
    /// About how many commits it takes: one, and those of the chunks in which large tables are read.
    pub commits: u64,
    /// About what that takes of time and space, where it was only asked and records are read.
    pub estimate: Option<CostEstimate>,
}

/// What a change is expected to take, by a rate that was measured here. It promises nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostEstimate {
    /// Time, in milliseconds.
    pub millis: u64,
    /// Bytes of the keys that are made, before compression and overhead of the store. Counters take little beside.
    pub bytes: u64,
    /// What the time goes by.
    pub basis: RateBasis,
    /// How many records were looked at for the bytes, and for the time where nothing was built before.
    pub sampled: u64,
}

/// What an estimate of time goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateBasis {
    /// What the last build in this process took for each record, its commits among it.
    LastBuild,
    /// What reading a sample took, without commits, which makes it the least that is to be expected.
    Sample,
}

impl RateBasis {
    /// The stable name: `last_build`, `sample`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LastBuild => "last_build",
            Self::Sample => "sample",
        }
    }
}

/// Records that an estimate looks at of one entity.
const SAMPLE: usize = 200;

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

/// Whether a plan reads the records of an entity.
fn reads(plan: &SchemaPlan, old: &Entity, new: &Entity) -> bool {
    let said = |change: &SchemaChange| change.reads_records && change.entity == new.api_name;
    plan.changes.iter().any(said) || builds_over(old, new)
}

/// Whether something is to be built over the records that stand.
fn builds_over(old: &Entity, new: &Entity) -> bool {
    !added(old, new).is_empty()
        || gaining(old, new).next().is_some()
        || new.renewing_rows(old).next().is_some()
}

/// What a part of something comes to for all of it.
fn scaled(part: u64, all: u64, of: u64) -> u64 {
    let whole = u128::from(part).saturating_mul(all.into()).checked_div(of.into()).unwrap_or(0);
    u64::try_from(whole).unwrap_or(u64::MAX)
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
        let plan = self.plan(&before, &after)?;
        Ok(SchemaPlan { estimate: self.estimate(&before, &after, &plan)?, ..plan })
    }

    /// What a plan is expected to take, by a sample of the records that it reads and the rate of the last build.
    fn estimate(
        &self,
        before: &Registry,
        after: &Registry,
        plan: &SchemaPlan,
    ) -> Result<Option<CostEstimate>> {
        let snapshot = self.snapshot()?;
        let began = Instant::now();
        let (mut records, mut sampled, mut bytes) = (0_u64, 0_u64, 0_u64);
        for old in before.entities() {
            let Ok(new) = after.entity_by_id(old.id()) else { continue };
            if !reads(plan, old, new) {
                continue;
            }
            let made = records_made(snapshot.as_ref(), old)?;
            let (read, gained) = sample_keys(snapshot.as_ref(), (old, new), SAMPLE, &Patience::default())?;
            records = records.saturating_add(made);
            sampled = sampled.saturating_add(read);
            bytes = bytes.saturating_add(scaled(gained, made, read));
        }
        if sampled == 0 {
            return Ok(None);
        }
        let known = self.inner.build_rate.load(Ordering::Relaxed);
        let (nanos, basis) = match known {
            0 => {
                let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
                (scaled(took, records, sampled), RateBasis::Sample)
            }
            rate => (rate.saturating_mul(records), RateBasis::LastBuild),
        };
        Ok(Some(CostEstimate { millis: nanos.div_ceil(1_000_000), bytes, basis, sampled }))
    }

    /// What one registry has that another has not, and what it costs to come there.
    pub(super) fn plan(&self, before: &Registry, after: &Registry) -> Result<SchemaPlan> {
        let changes = before.changes_to(after);
        let snapshot = self.snapshot()?;
        let commits = u64::from(!changes.is_empty());
        let mut plan = SchemaPlan { commits, changes, records: 0, estimate: None };
        for entity in before.entities() {
            let Ok(new) = after.entity_by_id(entity.id()) else { continue };
            if !reads(&plan, entity, new) {
                continue;
            }
            let records = records_made(snapshot.as_ref(), entity)?;
            plan.records = plan.records.saturating_add(records);
            if builds_over(entity, new) && is_large(snapshot.as_ref(), entity, self.inner.build_at_once)? {
                let chunk = self.inner.build_at_once.clamp(1, BUILD_CHUNK);
                plan.commits = plan.commits.saturating_add(records.div_ceil(chunk));
            }
        }
        Ok(plan)
    }
}
