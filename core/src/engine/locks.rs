//! Records that somebody locks: they stand as they are for everybody, also for who locked them, until they are
//! unlocked.
//!
//! The lock is a fact of the record and not of a session, so that it outlives both, and the ledger tells of it. The
//! records' floor holds to it, so that no way of writing goes round it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{Action, Lock, Update};
use crate::base::{Code, Error, RecordId, Result, normalize};
use crate::engine::{Transaction, Upserted};
use crate::records::{self, Record, is_restriction};
use crate::schema::Entity;

/// Longest reason, in bytes of UTF-8.
const MAX_REASON_BYTES: usize = 2_000;

impl Transaction<'_> {
    /// Locks a record: nobody changes it, its owner, tags and attachments included, nor deletes or erases it, until
    /// it is unlocked. Who sees the record sees by whom it is locked, and why. It takes the right to lock
    /// ([`Action::Lock`]) beside that to change the record. A record that the user has locked already stays as it is.
    ///
    /// ```
    /// # fn main() -> guanxi::Result<()> {
    /// # let crm = guanxi::in_memory().create_in_memory()?;
    /// # let session = crm.session_for("admin@example.test")?;
    /// use guanxi::{Changes, Code};
    /// session.write(|transaction| {
    ///     let id = transaction.create_record("account", Changes::new().set("name", "加喜"))?;
    ///     transaction.lock_record("account", id, Some("合同审核"))?;
    ///     let refused = transaction.update_record("account", id, Changes::new().set("name", "别名"));
    ///     assert_eq!(refused.err().map(|error| error.code()), Some(Code::RecordLocked));
    ///     transaction.unlock_record("account", id, None)
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`; `record.locked` where somebody else has locked it;
    /// `input.limit_exceeded` for a reason of more than 2,000 bytes; `input.invalid_argument` for one that only a request
    /// for a restriction gives.
    pub fn lock_record(&mut self, entity: &str, id: RecordId, reason: Option<&str>) -> Result<Upserted> {
        if reason.is_some_and(is_restriction) {
            return Err(Error::new(Code::InvalidArgument)
                .field("reason")
                .rule("a restriction is a request's"));
        }
        self.lock_for(entity, id, reason)
    }

    /// Locks a record because of a request for a restriction, by which it is hidden, too. A lock that the user has set
    /// gives way to it.
    pub(super) fn restrict_record(&mut self, entity: &str, id: RecordId, reason: &str) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let known = registry.entity(entity)?;
        let old = self.readable(known, id)?;
        if old.envelope.locked_by == Some(self.user()) {
            self.set_lock(known, &old, None, None)?;
        }
        self.lock_for(entity, id, Some(reason)).map(drop)
    }

    /// Unlocks a record because a restriction is lifted.
    pub(super) fn lift_restriction(&mut self, entity: &str, id: RecordId, reason: &str) -> Result<()> {
        self.unlock_for(entity, id, Some(reason), &|_, _| true).map(drop)
    }

    fn lock_for(&mut self, entity: &str, id: RecordId, reason: Option<&str>) -> Result<Upserted> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let old = self.readable(entity, id)?;
        let permit = self.policy.decide::<Lock>(self.user(), entity.id(), &entity.api_name)?;
        if !permit.allows(old.id, &old.envelope.access_class()) {
            return Err(refused(entity, id, "lock"));
        }
        match old.envelope.locked_by {
            Some(holder) if holder == self.user() => Ok(Upserted::Unchanged(id)),
            Some(_) => Err(Error::new(Code::RecordLocked).entity(&entity.api_name).record(id)),
            None => self.set_lock(entity, &old, Some(self.user()), reason),
        }
    }

    /// Unlocks a record: one that the user has locked, or any with the right to administer the entity, and in either
    /// case with the right to change the record. The ledger keeps the reason.
    ///
    /// # Errors
    /// `record.not_found`; `access.not_permitted` for a record that somebody else has locked, and for one that a request
    /// for a restriction has, which is lifted by the request; `input.limit_exceeded`.
    pub fn unlock_record(&mut self, entity: &str, id: RecordId, reason: Option<&str>) -> Result<Upserted> {
        let registry = Arc::clone(&self.registry);
        let known = registry.entity(entity)?;
        if self.readable(known, id)?.envelope.is_restricted() {
            return Err(refused(known, id, "rights.step"));
        }
        let administers = self.reader().may(&known.api_name, Action::Administer);
        self.unlock_for(entity, id, reason, &|holder, user| holder == user || administers)
    }

    fn unlock_for(
        &mut self,
        entity: &str,
        id: RecordId,
        reason: Option<&str>,
        may: &dyn Fn(RecordId, RecordId) -> bool,
    ) -> Result<Upserted> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let old = self.readable(entity, id)?;
        match old.envelope.locked_by {
            None => Ok(Upserted::Unchanged(id)),
            Some(holder) if may(holder, self.user()) => self.set_lock(entity, &old, None, reason),
            Some(_) => Err(refused(entity, id, "unlock")),
        }
    }

    fn set_lock(
        &mut self,
        entity: &Entity,
        old: &Record,
        holder: Option<RecordId>,
        reason: Option<&str>,
    ) -> Result<Upserted> {
        let reason = reason.map(|reason| normalize(reason.trim())).filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.len() > MAX_REASON_BYTES) {
            let rule = format!("reason <= {MAX_REASON_BYTES} bytes");
            return Err(Error::new(Code::LimitExceeded).field("reason").rule(&rule));
        }
        let permit = self.policy.decide::<Update>(self.user(), entity.id(), &entity.api_name)?;
        let mut new = old.clone();
        new.envelope.locked_by = holder;
        new.envelope.lock_reason = reason;
        let context = self.context_for(entity, BTreeSet::new());
        records::update(self.view_mut(), &context, &permit, None, entity, old, new)?;
        // What a restriction marks may be of a class that there was not before.
        self.learn_classes();
        Ok(Upserted::Updated(old.id))
    }
}

fn refused(entity: &Entity, id: RecordId, rule: &str) -> Error {
    Error::new(Code::NotPermitted).entity(&entity.api_name).record(id).rule(rule)
}
