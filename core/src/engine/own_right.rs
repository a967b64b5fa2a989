//! What the engine and rules do in their own right, beside what a caller is permitted: records that follow from others,
//! changes that rules ask for, and records that are handed over.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{Assign, Create, Delete, Update};
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::extension::FollowUp;
use crate::engine::transaction::Hand;
use crate::engine::{Changes, Transaction};
use crate::records::{self, Envelope, Record};
use crate::schema::Entity;

/// Most steps that rules go away from what the caller asked for.
const MAX_FOLLOWED: usize = 8;

impl Transaction<'_> {
    /// What rules asked for, in the rules' own right. No rule is asked about a record that is made so; those of a
    /// record that is changed are.
    pub(super) fn follow_up(&mut self, follow_ups: Vec<FollowUp>) -> Result<()> {
        for follow_up in follow_ups {
            match follow_up {
                FollowUp::Create(entity, changes) => drop(self.create_in_own_right(&entity, changes)?),
                FollowUp::Update(entity, id, changes) => self.update_by_rule(&entity, id, changes)?,
                FollowUp::Assign(entity, id, to) => self.assign_by_rule(&entity, id, to)?,
            }
        }
        Ok(())
    }

    /// Changes a record because a rule asked for it.
    fn update_by_rule(&mut self, entity: &str, id: RecordId, changes: Changes) -> Result<()> {
        if self.followed >= MAX_FOLLOWED {
            let error = Error::new(Code::LimitExceeded).entity(entity).record(id);
            return Err(error.rule("rules that ask for changes <= 8 steps"));
        }
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let Some(old) = records::get_for_rule(self.view(), entity.id(), id)? else { return Ok(()) };
        let mut new = old.clone();
        self.set_values(entity, &mut new, changes, Hand::Rule)?;
        if new == old {
            return Ok(());
        }
        let follow_ups = self.prepare(entity, Some(&old), &mut new)?;
        let permit = self.policy.bootstrap::<Update>(entity.id());
        let context = self.context_for(entity, BTreeSet::new());
        records::update(self.view_mut(), &context, &permit, None, entity, &old, new)?;
        self.learn_classes();
        self.followed = self.followed.saturating_add(1);
        let followed = self.follow_up(follow_ups);
        self.followed = self.followed.saturating_sub(1);
        followed?;
        self.after_save(entity, Some(&old), id)
    }

    /// Gives a record to somebody else because a rule asked for it.
    fn assign_by_rule(&mut self, entity: &str, id: RecordId, to: RecordId) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let Some(old) = records::get_for_rule(self.view(), entity.id(), id)? else { return Ok(()) };
        if old.envelope.owner == to {
            return Ok(());
        }
        self.check_owner(entity, to, Some(old.envelope.partition))?;
        self.reassign_in_own_right(entity, &old, to)
    }

    /// Creates a record in the engine's own right: no permission is asked for, and no rule.
    pub(super) fn create_in_own_right(&mut self, entity: &str, changes: Changes) -> Result<RecordId> {
        self.create_about(None, entity, changes)
    }

    /// As [`Transaction::create_in_own_right`]; where the record tells of a person, its history is sealed under that
    /// person's key.
    pub(super) fn create_about(
        &mut self,
        subject: Option<RecordId>,
        entity: &str,
        changes: Changes,
    ) -> Result<RecordId> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let crm = self.crm();
        let id = crm.new_id();
        let owner = changes.owner.unwrap_or(self.user());
        let unit = self.policy.unit_of(owner);
        let mut envelope = Envelope::new(owner, unit, self.user(), self.stamp());
        envelope.subject = subject;
        let mut record = Record::new(id, entity.id(), envelope);
        self.set_values(entity, &mut record, changes, Hand::Rule)?;
        self.furnish(entity, &mut record)?;
        self.place_in_trees(entity, None, &mut record)?;
        record.envelope.partition = self.partition_of(entity, &record)?;
        let permit = self.policy.bootstrap::<Create>(entity.id());
        let context = self.context_for(entity, BTreeSet::new());
        records::create(self.view_mut(), &context, &permit, entity, record)?;
        self.learn_classes();
        Ok(id)
    }

    /// Changes a record in the engine's own right.
    pub(super) fn update_in_own_right(&mut self, entity: &str, id: RecordId, changes: Changes) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let old = self.standing(entity, id)?;
        let mut new = old.clone();
        self.set_values(entity, &mut new, changes, Hand::Rule)?;
        let permit = self.policy.bootstrap::<Update>(entity.id());
        let context = self.context_for(entity, BTreeSet::new());
        records::update(self.view_mut(), &context, &permit, None, entity, &old, new)?;
        self.learn_classes();
        Ok(())
    }

    /// Gives a record to another owner in the engine's own right. Rules are asked as for any change.
    pub(super) fn reassign_in_own_right(
        &mut self,
        entity: &Entity,
        old: &Record,
        to: RecordId,
    ) -> Result<()> {
        let mut new = old.clone();
        new.envelope.owner = to;
        new.envelope.unit = self.policy.unit_of(to);
        let follow_ups = self.prepare(entity, Some(old), &mut new)?;
        let permits =
            (self.policy.bootstrap::<Update>(entity.id()), self.policy.bootstrap::<Assign>(entity.id()));
        let context = self.context_for(entity, BTreeSet::new());
        records::update(self.view_mut(), &context, &permits.0, Some(&permits.1), entity, old, new)?;
        self.learn_classes();
        self.follow_up(follow_ups)?;
        self.after_save(entity, Some(old), old.id)
    }

    /// Deletes a record to which none refers in the engine's own right.
    pub(super) fn delete_in_own_right(&mut self, entity: &str, id: RecordId) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let old = self.standing(entity, id)?;
        let permit = self.policy.bootstrap::<Delete>(entity.id());
        let context = self.context_for(entity, BTreeSet::new());
        records::delete(self.view_mut(), &context, &permit, entity, &old, &BTreeSet::new())
    }

    /// A live record, whoever may see it.
    fn standing(&self, entity: &Entity, id: RecordId) -> Result<Record> {
        let found = records::get_for_rule(self.view(), entity.id(), id)?;
        found.ok_or_else(|| Error::new(Code::RecordNotFound).entity(&entity.api_name).record(id))
    }
}
