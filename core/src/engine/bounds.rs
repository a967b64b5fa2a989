//! Delegated administration: whoever changes the organisation gives nobody more than they have themselves.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{
    self, Action, Administer, Beyond, Grant, HolderFact, Level, Policy, PositionHolder, PositionRole,
    RoleAssignment, User, grant, role_assignment,
};
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::organisation::{KeptPolicy, holders_of};
use crate::engine::{GuideProgress, Transaction};
use crate::records::{self, Entered, Record};
use crate::schema::{Entity, EntityType, Registry};

impl Transaction<'_> {
    /// Refuses what would give anybody more than the user has, by the policy that the transaction comes to as
    /// against the one that it began with. Administrators of the organisation are not bounded.
    pub(super) fn check_bounds(&self) -> Result<()> {
        let (author, before) = (self.user(), self.base_policy());
        let changed = self.view().changes_policy();
        if self.is_founding() || !changed && self.passwords.is_empty() || before.administers(author) {
            return Ok(());
        }
        if self.settles_guides_alone()? {
            return Ok(());
        }
        self.check_ahead()?;
        let after = match changed {
            true => KeptPolicy::load(self.view(), &self.registry, self.crm().moment_of_access())?.policy,
            false => Arc::clone(before),
        };
        self.check_waiting(&after)?;
        self.check_covers(&after)?;
        let registry = &self.registry;
        let entities: Vec<&str> = registry.entities().iter().map(|known| known.api_name.as_str()).collect();
        let stronger = |user: &RecordId| before.stronger(author, &after, *user, &entities);
        let gained = if changed { before.beyond(author, &after, &entities) } else { None };
        match gained.or_else(|| self.passwords.iter().find_map(stronger)) {
            Some(beyond) => Err(refusal(registry, &beyond)),
            None => Ok(()),
        }
    }

    /// Whose rights are bounded gives positions from now on: what somebody will have later is held against nobody's
    /// rights today.
    fn check_ahead(&self) -> Result<()> {
        let (holders, roles) = (self.touched(PositionHolder::NAME), self.touched(PositionRole::NAME));
        if holders.is_empty() && roles.is_empty() {
            return Ok(());
        }
        let later = |fact: &HolderFact| fact.from.is_some_and(|from| from > self.crm().moment_of_access());
        let found = holders_of(self.view(), &self.registry)?.into_iter().find(|(id, fact)| {
            // A role that a position gets is one that its holders of later get.
            later(fact) && (holders.contains(id) || !roles.is_empty())
        });
        match found {
            Some((id, _)) => {
                let error = Error::new(Code::BeyondOwnRights).entity(PositionHolder::NAME).record(id);
                Err(error.field("from").rule("from now on"))
            }
            None => Ok(()),
        }
    }

    /// Whether nothing is changed but that somebody's guide is done, or begins anew. That gives what was agreed on when the
    /// role was assigned.
    fn settles_guides_alone(&self) -> Result<bool> {
        let progress = self.registry.entity(GuideProgress::NAME)?.id();
        let assignments = self.registry.entity(RoleAssignment::NAME)?;
        let done_at = assignments.field(role_assignment::GUIDE_DONE_AT.selector())?.id();
        let settles = |entry: Entered<'_>| {
            entry.entity == progress || entry.entity == assignments.id() && entry.is_of(done_at)
        };
        let mut entered = self.view().entered().peekable();
        Ok(self.passwords.is_empty() && entered.peek().is_some() && entered.all(settles))
    }

    /// Whose rights are bounded gives no role that waits for a guide, and changes nothing of what such a role grants: what
    /// somebody will have when the guide is done is held against nobody's rights then.
    fn check_waiting(&self, after: &Policy) -> Result<()> {
        let of_assignment = (RoleAssignment::NAME, role_assignment::ROLE.selector());
        for (name, field) in [of_assignment, (Grant::NAME, grant::ROLE.selector())] {
            let entity = self.registry.entity(name)?;
            let field = entity.field(field)?.id();
            for id in self.touched(name) {
                let record = records::get_for_rule(self.view(), entity.id(), id)?;
                let role = record.and_then(|record| record.peek(field).as_id());
                if role.is_some_and(|role| after.is_waited_for(role)) {
                    let error = Error::new(Code::BeyondOwnRights).entity(name).record(id);
                    return Err(error.field("role").rule("from now on"));
                }
            }
        }
        Ok(())
    }

    /// Whose rights are bounded lifts nothing of what pools hide, but where they are shown it all the same.
    fn check_covers(&self, after: &Policy) -> Result<()> {
        let (author, before, registry) = (self.user(), self.base_policy(), &self.registry);
        for field in before.uncovered(after) {
            let mut of_field =
                registry.entities().iter().filter(|entity| entity.field_by_id(field).is_some());
            if let Some(entity) = of_field.find(|entity| !before.sees_through(author, &entity.api_name)) {
                let (entity, action, level) = (entity.api_name.clone(), Action::Read, Level::All);
                return Err(refusal(registry, &Beyond { entity, action, level, field: Some(field) }));
            }
        }
        Ok(())
    }

    /// The records of an entity that the transaction has changed.
    fn touched(&self, name: &str) -> BTreeSet<RecordId> {
        let id = self.registry.entity(name).map(Entity::id).ok();
        let of = self.view().entered().filter(move |entry| Some(entry.entity) == id);
        of.map(|entry| entry.record).collect()
    }

    /// Refuses somebody who has more rights than the user.
    pub(super) fn check_not_stronger(&self, other: RecordId) -> Result<()> {
        let (author, before) = (self.user(), self.base_policy());
        let entities: Vec<&str> =
            self.registry.entities().iter().map(|known| known.api_name.as_str()).collect();
        match before.stronger(author, before, other, &entities) {
            Some(beyond) => Err(refusal(&self.registry, &beyond)),
            None => Ok(()),
        }
    }

    /// Refuses a password for another one but by who administers that user. That the user has no more rights than
    /// oneself is seen at the commit, when it is known what these are.
    pub(super) fn check_sets_password(&mut self, user: RecordId) -> Result<()> {
        if self.is_founding() || user == self.user() {
            return Ok(());
        }
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(User::NAME)?;
        let permit = self.policy.decide::<Administer>(self.user(), entity.id(), &entity.api_name)?;
        let target = self.readable(entity, user)?;
        if !permit.allows(target.id, &target.envelope.access_class()) {
            let refused = Error::new(Code::NotPermitted).entity(User::NAME).record(user);
            return Err(refused.rule(Action::Administer.code()));
        }
        self.passwords.insert(user);
        Ok(())
    }

    /// Who works in a partition changes what the roles of that partition grant, and those of no other one.
    pub(super) fn check_granted_role(&self, entity: &Entity, record: &Record) -> Result<()> {
        let own = self.policy.partition_of(self.user()).filter(|own| *own != 0);
        let Some(own) = own.filter(|_| entity.api_name == Grant::NAME) else { return Ok(()) };
        let role = record.peek(entity.field(grant::ROLE.selector())?.id()).as_id();
        let roles = self.registry.entity(access::Role::NAME)?.id();
        let role = role.map(|role| records::get_for_rule(self.view(), roles, role)).transpose()?.flatten();
        match role {
            Some(role) if role.envelope.partition != own => {
                let refused = Error::new(Code::NotPermitted).entity(access::Role::NAME).record(role.id);
                Err(refused.rule("role of another partition"))
            }
            _ => Ok(()),
        }
    }
}

/// What a change would give beyond its author's rights, as an error.
fn refusal(registry: &Registry, beyond: &Beyond) -> Error {
    let error = Error::new(Code::BeyondOwnRights).entity(&beyond.entity);
    let error = error.rule(&format!("{} {}", beyond.action.code(), beyond.level.code()));
    let name = beyond.field.and_then(|field| {
        registry.entity(&beyond.entity).ok()?.field_by_id(field).map(|field| field.api_name.clone())
    });
    match name {
        Some(name) => error.field(&name),
        None => error,
    }
}
