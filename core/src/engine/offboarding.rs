//! Somebody leaves: no way in any more, and nothing that is still theirs without being told.
//!
//! First the way in is closed, in one transaction; then what the user owns is handed over, entity by entity and in
//! chunks, by the same verb by which a record gets another owner. What was interrupted is gone on with by the same
//! call: it finds what is left.

use std::collections::BTreeMap;

use crate::access::{
    Administer, PositionHolder, RoleAssignment, User, UserStatus, position_holder, role_assignment, user,
};
use crate::base::{Code, Error, RecordId, Result, Value};
use crate::engine::{
    Bulk, BulkOutcome, Changes, Comparison, Condition, Crm, EntryKind, FieldSelector, Find, Selection,
    Session, Transaction, WriteOptions, credentials,
};
use crate::records::note;
use crate::schema::EntityType;

/// Records whose refusal is told one by one, of an entity.
const MAX_TOLD: usize = 100;

/// What becomes of what a leaver owns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffboardingPlan {
    /// Who gets the records of the trade; they stay, and are told, if nobody does.
    pub heir: Option<RecordId>,
    /// Who gets the records of some entities instead, by API name.
    pub heirs: BTreeMap<String, RecordId>,
    /// To whom those report from now on who reported to the leaver; to whom the leaver reported, if not said.
    pub superior: Option<RecordId>,
    /// Whether it is only looked at.
    pub dry_run: bool,
}

/// What was found of a leaver, and what became of it.
#[derive(Debug, Default)]
pub struct Offboarding {
    /// Open sessions that end at their next call.
    pub sessions: usize,
    /// Roles that were taken away.
    pub roles: u64,
    /// Users who reported to the leaver.
    pub subordinates: u64,
    /// The entities of which the leaver owns records, and those that could not be looked at.
    pub entities: Vec<HandedOver>,
    /// Why it stopped before the end: it was cancelled, or its time was up. What was handed over stays so.
    pub stopped: Option<Error>,
}

impl Offboarding {
    /// Whether nothing is the leaver's any more, as far as the one who asks may see.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let is_over = |entity: &HandedOver| entity.refused.is_none() && entity.owned == entity.handed_over;
        self.stopped.is_none() && self.entities.iter().all(is_over)
    }
}

/// What became of a leaver's records of one entity.
#[derive(Debug)]
pub struct HandedOver {
    /// The entity, by API name.
    pub entity: String,
    /// How many there were.
    pub owned: u64,
    /// How many have another owner now.
    pub handed_over: u64,
    /// Who got them.
    pub heir: Option<RecordId>,
    /// The first hundred that stay, each with its error: locked ones, for instance.
    pub left: Vec<(RecordId, Error)>,
    /// Why none could be looked at.
    pub refused: Option<Error>,
}

impl Session {
    /// Somebody leaves: the user may not sign in any more (`left`), password and recovery code are gone, open
    /// sessions end, roles are taken away, subordinates report to somebody else, and records get other owners, in
    /// chunks of 500. Records of the organisation itself, the leaver's own among them, go to the one who calls,
    /// unless the plan names somebody. It can be called again, and goes on with what is left. Deleted records keep
    /// their owner, and so does what names the user in a field.
    ///
    /// The listener of the session's patience is told of the phase `bulk`.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the user; `record.not_found`;
    /// `input.invalid_argument` for oneself, and for an heir or superior who is the leaver;
    /// `schema.unknown_entity`; at the commit `access.beyond_own_rights` for somebody who may do more.
    pub fn offboard(&self, leaver: RecordId, plan: &OffboardingPlan) -> Result<Offboarding> {
        self.check_plan(leaver, plan)?;
        let mut report = Offboarding {
            sessions: self.crm().count_sessions_of(leaver),
            roles: self.count(RoleAssignment::NAME, &is(role_assignment::USER, leaver))?,
            subordinates: self.count(User::NAME, &is(user::REPORTS_TO, leaver))?,
            entities: self.owned_by(leaver, &|entity| self.heir_of(plan, entity))?,
            stopped: None,
        };
        if plan.dry_run {
            return Ok(report);
        }
        let superior = self.close_way_in(leaver, plan)?;
        let ended = self.hand_over(leaver, superior, &mut report);
        match ended {
            Err(error) if super::bulk::ends(&error) => report.stopped = Some(error),
            ended => ended?,
        }
        Ok(report)
    }

    fn check_plan(&self, leaver: RecordId, plan: &OffboardingPlan) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidArgument).entity(User::NAME).rule(rule));
        if leaver == self.user() {
            return fault("somebody else offboards a user");
        }
        let named = plan.heir.iter().chain(plan.heirs.values()).chain(&plan.superior);
        if named.into_iter().any(|named| *named == leaver) {
            return fault("nobody inherits from themselves");
        }
        self.read(|reader| {
            plan.heirs.keys().try_for_each(|name| reader.registry().entity(name).map(|_| ()))?;
            let entity = reader.registry().entity(User::NAME)?;
            let target = reader.get(User::NAME, leaver)?;
            let permit = reader.policy.decide::<Administer>(self.user(), entity.id(), &entity.api_name)?;
            match permit.allows(leaver, &target.record.envelope.access_class()) {
                true => Ok(()),
                false => Err(reader.policy.refusal(User::NAME, crate::access::Action::Administer)),
            }
        })
    }

    fn heir_of(&self, plan: &OffboardingPlan, entity: &str) -> Option<RecordId> {
        let others = if entity.starts_with("sys.") { Some(self.user()) } else { plan.heir };
        plan.heirs.get(entity).copied().or(others)
    }

    /// The entities of which a user owns records, as far as they can be looked at, those of the trade first, with
    /// who gets them.
    pub(super) fn owned_by(
        &self,
        owner: RecordId,
        heir: &dyn Fn(&str) -> Option<RecordId>,
    ) -> Result<Vec<HandedOver>> {
        let registry = self.crm().registry();
        let mut names: Vec<(bool, String)> = registry
            .entities()
            .iter()
            .filter(|entity| !registry.is_off(entity))
            .map(|entity| (entity.api_name.starts_with("sys."), entity.api_name.clone()))
            .collect();
        names.sort();
        let mut found = Vec::new();
        for (_, entity) in names {
            self.patience().check()?;
            let heir = heir(&entity);
            let told = |owned, refused| HandedOver {
                entity: entity.clone(),
                owned,
                handed_over: 0,
                heir,
                left: Vec::new(),
                refused,
            };
            match self.count(&entity, &owned(owner)) {
                Ok(0) => {}
                Ok(owned) => found.push(told(owned, None)),
                Err(error) if error.code() == Code::NotPermitted => found.push(told(0, Some(error))),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Closes the way in, and gives to whom subordinates report from now on.
    fn close_way_in(&self, leaver: RecordId, plan: &OffboardingPlan) -> Result<Option<RecordId>> {
        let options = || WriteOptions::default().cause("user.offboard");
        let own_superior = self.write_with(options(), |transaction| transaction.close_way_in(leaver))?;
        self.crm().end_all_sessions(leaver);
        Ok(plan.superior.or(own_superior))
    }

    fn hand_over(
        &self,
        leaver: RecordId,
        superior: Option<RecordId>,
        report: &mut Offboarding,
    ) -> Result<()> {
        let reports = Changes::new().set(user::REPORTS_TO, superior.map_or(Value::Null, Value::Id));
        let subordinates = Selection::Matching(is(user::REPORTS_TO, leaver));
        self.in_bulk(User::NAME, &subordinates, &reports, &mut |outcome| match refusal_of(outcome) {
            Some(refused) => Err(refused),
            None => Ok(()),
        })?;
        for handed in &mut report.entities {
            let Some(heir) = handed.heir.filter(|_| handed.refused.is_none()) else { continue };
            let changes = Changes::new().owner(heir);
            self.hand_over_all(handed, &Selection::Matching(owned(leaver)), &changes)?;
        }
        Ok(())
    }

    /// Gives the records of a selection to whom the changes say, and counts what became of them.
    pub(super) fn hand_over_all(
        &self,
        handed: &mut HandedOver,
        selection: &Selection,
        changes: &Changes,
    ) -> Result<()> {
        self.in_bulk(&handed.entity.clone(), selection, changes, &mut |outcome| {
            for row in outcome.rows.drain(..) {
                match row.outcome {
                    Ok(_) => handed.handed_over = handed.handed_over.saturating_add(1),
                    Err(error) if handed.left.len() < MAX_TOLD => handed.left.push((row.id, error)),
                    Err(_) => {}
                }
            }
            Ok(())
        })
    }

    /// Changes all records of a selection, call by call.
    fn in_bulk(
        &self,
        entity: &str,
        selection: &Selection,
        changes: &Changes,
        told: &mut dyn FnMut(&mut BulkOutcome) -> Result<()>,
    ) -> Result<()> {
        let mut bulk = Bulk::default();
        loop {
            let mut outcome = self.bulk_update(entity, selection, changes, &bulk)?;
            told(&mut outcome)?;
            if let Some(stopped) = outcome.stopped {
                return Err(stopped);
            }
            match outcome.next {
                Some(next) => bulk.after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

impl Transaction<'_> {
    /// Takes away everything by which a user acts, and gives to whom the user reported.
    fn close_way_in(&mut self, leaver: RecordId) -> Result<Option<RecordId>> {
        // Who takes roles and password away must be allowed to give them.
        self.check_sets_password(leaver)?;
        let superior = {
            let reader = self.reader();
            let field = reader.registry().entity(User::NAME)?.field(user::REPORTS_TO.selector())?.id();
            reader.get(User::NAME, leaver)?.record.value(field).as_id()
        };
        self.update_record(User::NAME, leaver, Changes::new().set(user::STATUS, UserStatus::Left))?;
        self.delete_all(RoleAssignment::NAME, &is(role_assignment::USER, leaver))?;
        self.delete_all(PositionHolder::NAME, &is(position_holder::USER, leaver))?;
        credentials::forget(self.view_mut(), leaver)?;
        self.revoke_all_tokens(leaver)?;
        let context = self.context().clone();
        note(self.view_mut(), &context, EntryKind::Credential, leaver, "withdrawn");
        Ok(superior)
    }
}

impl Transaction<'_> {
    fn delete_all(&mut self, entity: &str, filter: &Condition) -> Result<()> {
        loop {
            let find = Find { filter: filter.clone(), limit: 500, ..Find::default() };
            let found = self.reader().find(entity, &find)?.rows;
            for row in &found {
                self.delete_record(entity, row.record.id)?;
            }
            if found.is_empty() {
                return Ok(());
            }
        }
    }
}

impl Crm {
    fn end_all_sessions(&self, user: RecordId) {
        self.inner.sessions.end(|ticket| ticket.user == user);
    }
}

/// The first record that did not take a change.
fn refusal_of(outcome: &mut BulkOutcome) -> Option<Error> {
    outcome.rows.drain(..).find_map(|row| row.outcome.err())
}

pub(super) fn owned(by: RecordId) -> Condition {
    Condition::Compare(FieldSelector::from("owner"), Comparison::Equal, Value::Id(by))
}

fn is(field: impl Into<FieldSelector>, who: RecordId) -> Condition {
    Condition::Compare(field.into(), Comparison::Equal, Value::Id(who))
}
