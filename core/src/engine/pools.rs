//! Pools of records that nobody works at yet: claimed by their members, and given back to them.

use std::sync::Arc;

use crate::access::{Action, Pool, PoolMember, Read, Update};
use crate::base::{Code, Error, Patience, RecordId, Result};
use crate::engine::opening::{principals_of, said};
use crate::engine::organisation::POOL_MEMBERS;
use crate::engine::{Session, Transaction, WriteOptions};
use crate::records::{self, Filter, Record, Sight, Total};
use crate::schema::{Entity, EntityType};

impl Session {
    /// Claims a record of a pool. See [`Transaction::claim_record`].
    ///
    /// # Errors
    /// As [`Transaction::claim_record`].
    pub fn claim(&self, entity: &str, id: RecordId) -> Result<()> {
        let options = WriteOptions::default().cause("record.claim");
        self.write_with(options, |transaction| transaction.claim_record(entity, id))
    }

    /// Gives a record to a pool. See [`Transaction::release_record`].
    ///
    /// # Errors
    /// As [`Transaction::release_record`].
    pub fn release(&self, entity: &str, id: RecordId, pool: RecordId) -> Result<()> {
        let options = WriteOptions::default().cause("record.release");
        self.write_with(options, |transaction| transaction.release_record(entity, id, pool))
    }
}

impl Transaction<'_> {
    /// Makes a record one's own that a pool owns. It takes membership in the pool and the right to change one's own
    /// records of the entity, and not that to assign. Of two who claim it the first gets it.
    ///
    /// # Errors
    /// `record.not_found`, alike for a record that is hidden and one that is not there; `access.not_permitted` for one
    /// that no pool of this user owns any more, and without the right to change records; `record.locked`.
    pub fn claim_record(&mut self, entity: &str, id: RecordId) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let old = self.readable(entity, id)?;
        self.policy.decide::<Update>(self.user(), entity.id(), &entity.api_name)?;
        self.check_member(entity, &old, old.envelope.owner)?;
        self.hand_over_in_own_right(entity, &old, self.user())
    }

    /// Gives a record to a pool that this user is a member of. It takes the right to change the record, and not that to
    /// assign.
    ///
    /// # Errors
    /// `record.not_found`, `record.locked`; `access.not_permitted` for another pool, and without the right to change the
    /// record.
    pub fn release_record(&mut self, entity: &str, id: RecordId, pool: RecordId) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let old = self.readable(entity, id)?;
        let permit = self.policy.decide::<Update>(self.user(), entity.id(), &entity.api_name)?;
        if !permit.allows(old.id, &old.envelope.access_class()) {
            return Err(refused(entity, &old, Action::Update.code()));
        }
        self.check_member(entity, &old, pool)?;
        self.hand_over_in_own_right(entity, &old, pool)
    }

    fn check_member(&self, entity: &Entity, record: &Record, pool: RecordId) -> Result<()> {
        let partition = self.policy.partition_of_owner(pool);
        let near = partition == Some(record.envelope.partition);
        match near && self.policy.pools_of(self.user()).any(|known| known == pool) {
            true => Ok(()),
            false => Err(refused(entity, record, "a pool of one's own")),
        }
    }

    /// Gives a record to somebody else in the engine's own right. A lock holds it back as it holds back whoever asks.
    fn hand_over_in_own_right(&mut self, entity: &Entity, old: &Record, to: RecordId) -> Result<()> {
        if old.envelope.locked_by.is_some() {
            let locked = Error::new(Code::RecordLocked).entity(&entity.api_name).record(old.id);
            return Err(locked.rule("locked by a person"));
        }
        self.reassign_in_own_right(entity, old, to)
    }

    /// A member of a pool is one user, team or unit. A pool goes when it owns nothing any more.
    pub(super) fn check_pool_member(&self, entity: &Entity, record: &Record) -> Result<()> {
        if entity.api_name == PoolMember::NAME
            && principals_of(&said(entity, record), &POOL_MEMBERS).is_none()
        {
            let wrong = Error::new(Code::InvalidArgument).entity(PoolMember::NAME);
            return Err(wrong.rule("one of user, team and unit"));
        }
        Ok(())
    }

    /// Refuses to delete a pool that owns records.
    pub(super) fn check_pool_empty(&self, entity: &Entity, pool: &Record) -> Result<()> {
        if entity.api_name != Pool::NAME {
            return Ok(());
        }
        let patience = Patience::default();
        for owned in self.registry.entities() {
            let place = (pool.id, pool.envelope.partition);
            let permit = self.policy.bootstrap_of::<Read>(owned.id(), place);
            let sight = Sight::new(self.view(), &self.registry, owned, &permit, &patience);
            if records::count(&sight, &Filter::Everything, Total::Exact)?.count > 0 {
                let held = Error::new(Code::Referenced).entity(Pool::NAME).record(pool.id);
                return Err(held.rule("owns records"));
            }
        }
        Ok(())
    }
}

fn refused(entity: &Entity, record: &Record, rule: &str) -> Error {
    Error::new(Code::NotPermitted).entity(&entity.api_name).record(record.id).rule(rule)
}
