//! What a planned change of the organisation would open or close, before it is applied.
//!
//! The change is made in a transaction that is never committed, through the doors that any change goes through; then
//! the policies before and after it are compared, by access classes and the counters of their records. No record is
//! read but for the samples, and those that are shared singly with somebody whom the change concerns.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{AccessClass, Action, ClassId, Level, Numbered, Permit, Policy, Read, Role, Sharee, Way};
use crate::base::{Code, Error, MAX_PAGE_ROWS, RecordId, Result, Timestamp};
use crate::engine::followed_shares::shares_at;
use crate::engine::organisation::KeptPolicy;
use crate::engine::sharing::shares_with;
use crate::engine::{Session, Transaction, WriteOptions};
use crate::records::{self, Filter, MarkingPass, Query, Sight, WriteContext, mark_chunk, records_made};
use crate::schema::{Codes, Entity, EntityType, Registry};
use crate::storage::Snapshot;

/// Most records of an entity that are marked for rules that are new in what is planned.
const MAX_MARKED: u64 = 100_000;
/// Records that are named of what opens, and of what closes.
const SAMPLES: usize = 5;

/// What changes for one person, entity and action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessChange {
    /// The person.
    pub user: RecordId,
    /// For whom, where the person acts for another one by a delegation.
    pub acting_for: Option<RecordId>,
    /// The entity, by API name.
    pub entity: String,
    /// The action.
    pub action: Action,
    /// The level before.
    pub was: Level,
    /// The level after.
    pub becomes: Level,
    /// How many records come within reach.
    pub opened: u64,
    /// How many leave it.
    pub closed: u64,
    /// Some of those that come.
    pub opened_samples: Vec<RecordId>,
    /// Some of those that leave.
    pub closed_samples: Vec<RecordId>,
    /// For reading, the fields of which more is shown; for creating and changing, those that may be set now. By API name.
    pub opened_fields: Vec<String>,
    /// The fields of which less is shown, and those that may be set no longer.
    pub closed_fields: Vec<String>,
}

/// What a planned change comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessImpact {
    /// By person, entity and action.
    pub rows: Vec<AccessChange>,
    /// Whether there is more than was asked for.
    pub more: bool,
}

type Classes = Vec<(ClassId, AccessClass)>;
/// How many records, and some of them.
type Told = (u64, Vec<RecordId>);

impl Session {
    /// What a change of users, units, roles, positions, assignments, grants, teams, shares, delegations, sharing rules
    /// and references by which records follow would open or close, by person, entity and action; nothing of it is
    /// kept. What a delegation opens is told of the delegate by whom they act for, as of what holds now. It counts the
    /// records that its caller sees and no others, and records
    /// keep the owners and units that they have. While it works no other transaction writes.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; what the change refuses;
    /// `input.limit_exceeded` for new sharing rules and references where the records that they concern are more than
    /// 100,000; `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn simulate_access(
        &self,
        limit: usize,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<()>,
    ) -> Result<AccessImpact> {
        self.check_may(Role::NAME, Action::Administer)?;
        let limit = if limit == 0 { 100 } else { limit.min(MAX_PAGE_ROWS) };
        let mut transaction = self.begin(WriteOptions::default().cause("access.simulate"))?;
        change(&mut transaction)?;
        let registry = Arc::clone(&transaction.registry);
        let after = KeptPolicy::load(transaction.view(), &registry, self.crm().moment_of_access())?;
        transaction.mark_planned(&after)?;
        let interned = transaction.view().interned();
        let after = after.policy.with_classes(interned);
        let before = transaction.base_policy().with_classes(interned);
        let mut impact = AccessImpact { rows: Vec::new(), more: false };
        for user in concerned(&transaction, (&before, &after)) {
            self.patience().check()?;
            let (was, becomes) = with_shares(&transaction, user, (&before, &after))?;
            let (was, becomes) = (Side::own(&was), Side::own(&becomes));
            let comparison = Comparison { transaction: &transaction, person: (user, None), was, becomes };
            if comparison.tell(&registry, limit, &mut impact)? {
                return Ok(impact);
            }
        }
        let moment = self.crm().moment_of_access();
        for (delegate, delegator) in redelegated((&before, &after), moment) {
            self.patience().check()?;
            let (was, becomes) = with_shares(&transaction, delegator, (&before, &after))?;
            let acting = |policy: &Policy| policy.acting(delegate, delegator, moment);
            let (acted, acts) = (acting(&was), acting(&becomes));
            let comparison = Comparison {
                transaction: &transaction,
                person: (delegate, Some(delegator)),
                was: Side { policy: &was, acting: Some(acted.as_ref()) },
                becomes: Side { policy: &becomes, acting: Some(acts.as_ref()) },
            };
            if comparison.tell(&registry, limit, &mut impact)? {
                return Ok(impact);
            }
        }
        Ok(impact)
    }
}

impl Transaction<'_> {
    /// Marks records for rules and references that are new, in this transaction alone. Marks of those that are gone stay,
    /// so that what these have opened is known.
    fn mark_planned(&mut self, planned: &KeptPolicy) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let context = WriteContext { marking: Arc::new(planned.marking.keeping()), ..self.context().clone() };
        let patience = self.session().patience().clone();
        while let Some(id) = MarkingPass::pending(self.view(), 1)?.pop() {
            let entity = registry.entity_by_id(id)?;
            if records_made(self.view(), entity)? > MAX_MARKED {
                let rule = format!("at most {MAX_MARKED} records for a new rule");
                return Err(Error::new(Code::LimitExceeded).entity(&entity.api_name).rule(&rule));
            }
            mark_chunk(self.view_mut(), &context, entity, u64::MAX, &patience)?;
        }
        Ok(())
    }
}

/// Pairs of a delegate and whom they act for, whose delegations that hold are others after a change.
fn redelegated((before, after): (&Policy, &Policy), moment: Timestamp) -> BTreeSet<(RecordId, RecordId)> {
    let holding = |policy: &Policy| {
        let held = policy.delegations().filter(|fact| fact.holds_at(moment));
        held.map(|fact| (fact.delegate, fact.delegator, fact.id, format!("{:?}", fact.entities)))
            .collect::<BTreeSet<_>>()
    };
    let (was, becomes) = (holding(before), holding(after));
    was.symmetric_difference(&becomes).map(|(delegate, delegator, _, _)| (*delegate, *delegator)).collect()
}

/// Those whose rights a change touches: by what roles say, and by what is shared with them and their teams.
fn concerned(transaction: &Transaction<'_>, (before, after): (&Policy, &Policy)) -> BTreeSet<RecordId> {
    let mut users: BTreeSet<RecordId> = before.differing(after).into_iter().collect();
    for with in transaction.changed_shares() {
        match with {
            Sharee::User(user) => drop(users.insert(*user)),
            Sharee::Team(team) => users.extend(before.members_of(*team).chain(after.members_of(*team))),
        }
    }
    users
}

/// The policies before and after a change, with what is shared with somebody by each.
fn with_shares(
    transaction: &Transaction<'_>,
    user: RecordId,
    (before, after): (&Policy, &Policy),
) -> Result<(Policy, Policy)> {
    let (crm, registry) = (transaction.crm(), &transaction.registry);
    // While this transaction holds the writer, what is committed is what it began with.
    let committed = crm.snapshot()?;
    let moment = crm.moment_of_access();
    let of = |policy: &Policy, snapshot: &dyn Snapshot| -> Result<Policy> {
        let facts = shares_with(snapshot, registry, policy, user)?;
        Ok(policy.with_shares(user, shares_at((&snapshot, registry), policy, user, (&facts, moment))?))
    };
    Ok((of(before, committed.as_ref())?, of(after, transaction.view())?))
}

/// A policy on one side of a change.
#[derive(Clone, Copy)]
struct Side<'a> {
    policy: &'a Policy,
    /// For who acts for another one: the policy by which they do, if a delegation says so at all.
    acting: Option<Option<&'a Policy>>,
}

impl<'a> Side<'a> {
    fn own(policy: &'a Policy) -> Self {
        Self { policy, acting: None }
    }

    /// Whether what the subject has counts for the person.
    fn lets(&self, person: RecordId, entity: &str, action: Action) -> bool {
        match self.acting {
            None => true,
            Some(acting) => acting.is_some_and(|acting| acting.permits(person, entity, action)),
        }
    }
}

struct Comparison<'a, 't> {
    transaction: &'a Transaction<'t>,
    /// Who, and for whom if for another one.
    person: (RecordId, Option<RecordId>),
    was: Side<'a>,
    becomes: Side<'a>,
}

impl Comparison<'_, '_> {
    /// Adds what changes for the person, and says whether there is more than was asked for.
    fn tell(&self, registry: &Registry, limit: usize, impact: &mut AccessImpact) -> Result<bool> {
        for entity in registry.entities().iter().filter(|entity| entity.ends().is_none()) {
            for (action, _, _, _) in Action::ALL {
                let Some(row) = self.row(entity, *action)? else { continue };
                if impact.rows.len() == limit {
                    impact.more = true;
                    return Ok(true);
                }
                impact.rows.push(row);
            }
        }
        Ok(false)
    }

    /// Whose rights are compared.
    fn subject(&self) -> RecordId {
        self.person.1.unwrap_or(self.person.0)
    }

    fn row(&self, entity: &Entity, action: Action) -> Result<Option<AccessChange>> {
        let (name, user) = (&entity.api_name, self.subject());
        let level = |side: &Side<'_>| match side.lets(self.person.0, name, action) {
            true => side.policy.effective(user, name, action),
            false => Level::None,
        };
        let (was, becomes) = (level(&self.was), level(&self.becomes));
        let (opened, closed) = self.classes(entity, action);
        let (opened_fields, closed_fields) = match was.min(becomes) > Level::None {
            true => self.fields(user, entity, action),
            false => (Vec::new(), Vec::new()),
        };
        let (mut opened, mut closed) = (self.told(entity, &opened)?, self.told(entity, &closed)?);
        self.shared(user, entity, action, (&mut opened, &mut closed))?;
        let ((opened_count, opened_samples), (closed_count, closed_samples)) = (opened, closed);
        let same = was == becomes && opened_count == 0 && closed_count == 0;
        if same && opened_fields.is_empty() && closed_fields.is_empty() {
            return Ok(None);
        }
        Ok(Some(AccessChange {
            user: self.person.0,
            acting_for: self.person.1,
            entity: name.clone(),
            action,
            was,
            becomes,
            opened: opened_count,
            closed: closed_count,
            opened_samples,
            closed_samples,
            opened_fields,
            closed_fields,
        }))
    }

    /// The classes that come within reach, and those that leave it. To create reaches no record.
    fn classes(&self, entity: &Entity, action: Action) -> (Classes, Classes) {
        if action == Action::Create {
            return (Vec::new(), Vec::new());
        }
        let reached = |side: &Side<'_>| match side.lets(self.person.0, &entity.api_name, action) {
            true => side.policy.reached(self.subject(), &entity.api_name, action),
            false => Numbered::default(),
        };
        let (was, becomes) = (reached(&self.was), reached(&self.becomes));
        (without(&becomes, &was), without(&was, &becomes))
    }

    /// Adds the records that come within reach or leave it because they are shared singly, as far as the caller sees
    /// them, and takes away those that a class of theirs was counted for though nothing changes for them.
    fn shared(
        &self,
        user: RecordId,
        entity: &Entity,
        action: Action,
        (opened, closed): (&mut Told, &mut Told),
    ) -> Result<()> {
        let shared = |side: &Side<'_>| side.policy.shared(user, entity.id(), action);
        let (was, becomes) = (shared(&self.was), shared(&self.becomes));
        let known = (entity.id(), entity.api_name.as_str());
        let reader = self.transaction.reader();
        for id in was.iter().chain(becomes.iter()).copied().collect::<BTreeSet<RecordId>>() {
            if !matches!(reader.reaches(&entity.api_name, id), Ok(true)) {
                continue;
            }
            let class = records::class_of(reader.snapshot, entity.id(), id)?;
            let Some(class) = class else { continue };
            let way = |side: &Side<'_>| {
                let lets = side.lets(self.person.0, &entity.api_name, action);
                side.policy.way_to(user, known, action, (id, &class)).filter(|_| lets)
            };
            match (way(&self.was), way(&self.becomes)) {
                (None, Some(Way::Share)) => add(opened, id),
                (Some(Way::Share), None) => add(closed, id),
                (Some(Way::Share), Some(Way::Class)) => take(opened, id),
                (Some(Way::Class), Some(Way::Share)) => take(closed, id),
                _ => {}
            }
        }
        Ok(())
    }

    /// The fields of which more is shown or that may be set now, and those of which less is, or that may be no longer.
    fn fields(&self, user: RecordId, entity: &Entity, action: Action) -> (Vec<String>, Vec<String>) {
        let (was, becomes, name) = (self.was.policy, self.becomes.policy, &entity.api_name);
        let moved = match action {
            Action::Read => was.shown_otherwise(becomes, user, name),
            Action::Create | Action::Update => was.set_otherwise(becomes, user, name, action),
            _ => return (Vec::new(), Vec::new()),
        };
        let names = |more: bool| {
            let of = moved.iter().filter(|(_, opened)| *opened == more);
            let named = of.filter_map(|(field, _)| entity.field_by_id(*field));
            let named = named.filter(|field| action == Action::Read || field.is_set_by_callers());
            named.map(|field| field.api_name.clone()).collect()
        };
        (names(true), names(false))
    }

    /// How many records the caller sees of some classes, and the ids of some of them.
    fn told(&self, entity: &Entity, classes: &Classes) -> Result<Told> {
        let own = self.was.policy.decide::<Read>(self.transaction.user(), entity.id(), &entity.api_name);
        let Some(own) = own.ok().filter(|_| !classes.is_empty()) else { return Ok((0, Vec::new())) };
        let permit: Permit<Read> = own.narrowed(classes);
        let reader = self.transaction.reader();
        let sight = Sight::new(reader.snapshot, reader.registry, entity, &permit, reader.patience);
        let counted = records::count(&sight, &Filter::Everything, records::Total::Exact)?.count;
        if counted == 0 {
            return Ok((0, Vec::new()));
        }
        let query = Query {
            filter: Filter::Everything,
            sort: Vec::new(),
            limit: SAMPLES,
            fields: BTreeSet::new(),
            after: None,
            at: reader.now,
        };
        let page = records::find(&sight, &query)?;
        Ok((counted, page.records.iter().map(|record| record.id).collect()))
    }
}

fn add((count, samples): &mut Told, id: RecordId) {
    *count = count.saturating_add(1);
    if samples.len() < SAMPLES {
        samples.push(id);
    }
}

fn take((count, samples): &mut Told, id: RecordId) {
    *count = count.saturating_sub(1);
    samples.retain(|sample| *sample != id);
}

/// The classes of one list, both in the order of their numbers, that are not in another one.
fn without(list: &[(ClassId, AccessClass)], other: &[(ClassId, AccessClass)]) -> Classes {
    let known = |class: &ClassId| other.binary_search_by_key(class, |(known, _)| *known).is_ok();
    list.iter().filter(|(class, _)| !known(class)).cloned().collect()
}
