//! Who may do what to a record, and why: explained for one person, or listed for all.

use std::sync::Arc;

use crate::access::{
    AccessPath, Action, Decision, MAX_PARENTS, ParentPath, Place, Policy, Read, Role, RulePath, SharePath,
    Showing, Verdict, WaitingRole,
};
use crate::base::{Code, Error, MAX_PAGE_ROWS, RecordId, Result, Timestamp};
use crate::engine::followed_shares::{Standing, shares_at};
use crate::engine::sharing::{shares_of, shares_with};
use crate::engine::{Reader, Session};
use crate::records::{self, Record};
use crate::schema::{Entity, EntityType};

/// People that are looked at between two looks at the clock.
const AT_ONCE: usize = 256;

/// Why somebody may do something to a record, or may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessExplanation {
    /// What is decided.
    pub verdict: Verdict,
    /// The grants that say so: those that allow it where it is granted, those that forbid it where it is denied.
    pub paths: Vec<AccessPath>,
    /// The shares that give it, where it is granted.
    pub shares: Vec<SharePath>,
    /// The sharing rules that give it, where it is granted.
    pub rules: Vec<RulePath>,
    /// The records beyond that give it, where it is granted.
    pub parents: Vec<ParentRecord>,
    /// For whom the person may do it by a delegation that holds, whatever the person's own rights are.
    pub delegators: Vec<RecordId>,
    /// Fields of the record of which the person sees nothing, by API name, where the person reads it.
    pub hidden: Vec<String>,
    /// Fields of which the person sees masks alone, where the record is opened.
    pub masked: Vec<String>,
    /// Fields that the person may not set, where the action is to create or to change; those that nobody sets are not
    /// among them.
    pub read_only: Vec<String>,
    /// Roles of the person that would allow the action and count for nothing until a guide is done, where it is not
    /// granted.
    pub waiting: Vec<WaitingRole>,
}

/// A record beyond, by which another one that refers to it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentRecord {
    /// The setting that says so.
    pub setting: RecordId,
    /// The field by which the record refers to it, by API name; nothing for one that is hidden from whoever asks.
    pub field: Option<String>,
    /// Its entity, by API name.
    pub entity: String,
    /// The record, where the field is told.
    pub record: Option<RecordId>,
    /// Whether that one is reached because it, or one beyond it, is shared singly.
    pub shared: bool,
}

/// Somebody who may do something to a record, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitled {
    /// The person.
    pub user: RecordId,
    /// The grants that allow it.
    pub paths: Vec<AccessPath>,
    /// The shares that give it.
    pub shares: Vec<SharePath>,
    /// The sharing rules that give it.
    pub rules: Vec<RulePath>,
    /// The records beyond that give it.
    pub parents: Vec<ParentRecord>,
    /// For whom the person may do it by a delegation that holds.
    pub delegators: Vec<RecordId>,
    /// Fields that the person may not set by own rights, as of [`AccessExplanation::read_only`].
    pub read_only: Vec<String>,
}

/// One page of those who may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntitledPage {
    /// They, in the order of their ids.
    pub rows: Vec<Entitled>,
    /// Behind whom the next page goes on, if there is more.
    pub next: Option<RecordId>,
}

impl Session {
    /// Why somebody may do an action to a record, or may not: the grants with their roles and levels and why each
    /// reaches the record, and the shares that give it, or the rule that refuses it. Everybody asks about themselves, administrators of the
    /// organisation about everybody, and both of records alone that they see.
    ///
    /// # Errors
    /// `access.not_permitted` about somebody else without the right to administer everything, or without that to
    /// read the entity; `record.not_found`, alike for a record that is hidden and one that is not there;
    /// `schema.unknown_entity`.
    pub fn explain_access(
        &self,
        principal: RecordId,
        entity: &str,
        id: RecordId,
        action: Action,
    ) -> Result<AccessExplanation> {
        self.read(|reader| {
            if principal != self.user() {
                check_administers(&reader)?;
            }
            let entity = reader.registry().entity(entity)?;
            let record = reader.stored(&reader.permit(entity)?, entity, id)?;
            Case::of_today(&reader, entity, record)?.explained(principal, action)
        })
    }

    /// Who may do an action to a record, a page at a time, and by which grants and shares. It looks at each person once, and
    /// compiles nobody's rights.
    ///
    /// # Errors
    /// As [`Session::explain_access`] about somebody else; `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn who_may(
        &self,
        entity: &str,
        id: RecordId,
        action: Action,
        page: (Option<RecordId>, usize),
    ) -> Result<EntitledPage> {
        self.read(|reader| {
            check_administers(&reader)?;
            let entity = reader.registry().entity(entity)?;
            let record = reader.stored(&reader.permit(entity)?, entity, id)?;
            let (rows, next) = Case::of_today(&reader, entity, record)?.entitled(action, page)?;
            Ok(EntitledPage { rows, next })
        })
    }
}

/// Refuses who does not administer the organisation.
pub(super) fn check_administers(reader: &Reader<'_>) -> Result<()> {
    match reader.policy.administers(reader.user) {
        true => Ok(()),
        false => Err(Error::new(Code::NotPermitted).entity(Role::NAME).rule(Action::Administer.code())),
    }
}

/// The policy, which knows what is shared with somebody else.
fn policy_about(reader: &Reader<'_>, principal: RecordId) -> Result<Policy> {
    let facts = shares_with(reader.snapshot, reader.registry, reader.policy, principal)?;
    let (place, moment) =
        ((&reader.snapshot as &dyn Standing, &**reader.registry), reader.crm.moment_of_access());
    let shares = shares_at(place, reader.policy, principal, (&facts, moment))?;
    Ok(reader.policy.with_shares(principal, shares))
}

/// Where a record stands now, with its shares that hold, and where the records stand that it follows.
fn place_of_today(
    reader: &Reader<'_>,
    (entity, record): (&Entity, &Record),
    moment: Timestamp,
    depth: usize,
) -> Result<Place> {
    let mut shares = shares_of(reader.snapshot, reader.registry, reader.policy, record)?;
    shares.retain(|share| share.holds_at(moment));
    let mut beyond = Vec::new();
    let followed = reader.policy.inherited().filter(|fact| fact.entity == entity.api_name);
    for fact in followed.filter(|_| depth < MAX_PARENTS) {
        let Some(id) = record.peek(fact.field).as_id() else { continue };
        let parent = reader.registry.entity(&fact.parent)?;
        if let Some(found) = records::get_for_rule(reader.snapshot, parent.id(), id)? {
            let place = place_of_today(reader, (parent, &found), moment, depth.saturating_add(1))?;
            beyond.push((fact.id, place));
        }
    }
    Ok(reader.policy.place(record.envelope.access_class(), shares).following(beyond))
}

/// The ends of a link, each with its entity and its place, if it was there.
pub(super) type Ends = Vec<Option<(String, Place)>>;

/// The policy that knows what is shared with somebody, with what follows it as far as there is room; nothing where there is
/// room for all.
pub(super) type About<'a> = Box<dyn Fn(RecordId) -> Result<Option<Policy>> + 'a>;

/// A record that is asked about, where it stands, and by which policy it is decided: today's or one of the past.
pub(super) struct Case<'a> {
    /// Who asks, today.
    pub reader: &'a Reader<'a>,
    pub policy: &'a Policy,
    /// By when shares and delegations have begun, or ended.
    pub moment: Timestamp,
    pub entity: &'a Entity,
    pub record: Record,
    pub place: Place,
    /// Of a link, the ends as they were; nothing where they are looked at as they are.
    pub ends: Option<Ends>,
    /// What is shared with somebody.
    pub about: About<'a>,
}

impl<'a> Case<'a> {
    /// A record as it stands, with the shares of it that hold now.
    fn of_today(reader: &'a Reader<'a>, entity: &'a Entity, record: Record) -> Result<Self> {
        let moment = reader.crm.moment_of_access();
        let place = place_of_today(reader, (entity, &record), moment, 0)?;
        let about: About<'a> = Box::new(move |principal| policy_about(reader, principal).map(Some));
        Ok(Self { reader, policy: reader.policy, moment, entity, record, place, ends: None, about })
    }

    /// What is decided, with all that an action asks for beside its own grant.
    fn decided(&self, principal: RecordId, action: Action) -> Result<Decision> {
        let name = &self.entity.api_name;
        let decision = self.policy.explain(principal, name, action, &self.place);
        if decision.verdict != Verdict::Granted || action == Action::Create {
            return Ok(decision);
        }
        if !self.has_room(principal, action, &decision)? {
            return Ok(Decision::refused(Verdict::OutOfReach));
        }
        let read = self.policy.explain(principal, name, Action::Read, &self.place);
        if read.verdict != Verdict::Granted || !self.has_room(principal, Action::Read, &read)? {
            return Ok(Decision::refused(Verdict::Unread));
        }
        match self.entity.ends().is_none() || self.sees_ends(principal)? {
            true => Ok(decision),
            false => Ok(Decision::refused(Verdict::EndUnread)),
        }
    }

    /// Whether what only shares of records beyond give is among as much of it as somebody has.
    fn has_room(&self, principal: RecordId, action: Action, decision: &Decision) -> Result<bool> {
        let Decision { paths, shares, rules, parents, .. } = decision;
        let otherwise = !(paths.is_empty() && shares.is_empty() && rules.is_empty());
        if otherwise || parents.is_empty() || parents.iter().any(|parent| !parent.shared) {
            return Ok(true);
        }
        let Some(policy) = (self.about)(principal)? else { return Ok(true) };
        let place = (self.record.id, &self.record.envelope.access_class());
        let known = (self.entity.id(), self.entity.api_name.as_str());
        Ok(policy.way_to(principal, known, action, place).is_some())
    }

    /// Whether somebody sees both ends of the link that the record is.
    fn sees_ends(&self, principal: RecordId) -> Result<bool> {
        let Some(ends) = &self.ends else {
            let policy = Arc::new(policy_about(self.reader, principal)?);
            let theirs = Reader { user: principal, policy: &policy, ..*self.reader };
            return theirs.sees_ends(&theirs.permit(self.entity)?, self.entity, &self.record);
        };
        let sees = |(entity, place): &(String, Place)| {
            self.policy.explain(principal, entity, Action::Read, place).verdict == Verdict::Granted
        };
        Ok(ends.iter().all(|end| end.as_ref().is_some_and(sees)))
    }

    /// For whom somebody may do an action to the record, because a delegation of theirs holds and they may do it.
    fn delegators(&self, principal: RecordId, action: Action) -> Result<Vec<RecordId>> {
        let mut found = Vec::new();
        if !self.policy.is_active(principal) {
            return Ok(found);
        }
        for fact in self.policy.delegators_of(principal, self.moment) {
            let acting = self.policy.acting(principal, fact.delegator, self.moment);
            let lets = acting.is_some_and(|acting| acting.permits(principal, &self.entity.api_name, action));
            if !lets || found.contains(&fact.delegator) {
                continue;
            }
            if self.decided(fact.delegator, action)?.verdict == Verdict::Granted {
                found.push(fact.delegator);
            }
        }
        Ok(found)
    }

    /// Those behind somebody who may do an action to the record, at most so many, and behind whom it goes on.
    pub fn entitled(
        &self,
        action: Action,
        (after, limit): (Option<RecordId>, usize),
    ) -> Result<(Vec<Entitled>, Option<RecordId>)> {
        let limit = if limit == 0 { 100 } else { limit.min(MAX_PAGE_ROWS) };
        let mut rows = Vec::<Entitled>::new();
        for (number, user) in self.policy.users_after(after).enumerate() {
            if number % AT_ONCE == 0 {
                self.reader.patience.check()?;
            }
            let decision = self.decided(user, action)?;
            let delegators = self.delegators(user, action)?;
            if decision.verdict != Verdict::Granted && delegators.is_empty() {
                continue;
            }
            if rows.len() == limit {
                let next = rows.last().map(|row| row.user);
                return Ok((rows, next));
            }
            let read_only = self.unset(user, (action, decision.verdict))?;
            let own = match decision.verdict {
                Verdict::Granted => decision,
                refused => Decision::refused(refused),
            };
            let parents = self.told_parents(own.parents)?;
            let Decision { paths, shares, rules, .. } = own;
            rows.push(Entitled { user, paths, shares, rules, parents, delegators, read_only });
        }
        Ok((rows, None))
    }

    /// What is decided about somebody, and of which fields they see nothing, or masks.
    pub fn explained(&self, principal: RecordId, action: Action) -> Result<AccessExplanation> {
        let delegators = self.delegators(principal, action)?;
        let Decision { verdict, paths, shares, rules, parents } = self.decided(principal, action)?;
        let parents = self.told_parents(parents)?;
        let entity = self.entity;
        let permit = self.policy.decide::<Read>(principal, entity.id(), &entity.api_name);
        let class = self.record.envelope.access_class();
        let name = |field| entity.field_by_id(field).map(|field| field.api_name.clone());
        let (mut hidden, mut masked) = (Vec::new(), Vec::new());
        if let (Verdict::Granted, Ok(permit)) = (verdict, &permit) {
            hidden = permit.hidden_in(&class).iter().copied().filter_map(name).collect();
            masked = permit.masked_in(&class, Showing::Detail).filter_map(name).collect();
        }
        // A field of which whoever asks sees nothing anywhere is not told of.
        let shown = self.reader.readable_fields(&entity.api_name)?;
        let known = |field: &String| {
            entity.fields().iter().any(|known| known.api_name == *field && shown.contains(&known.id()))
        };
        hidden.retain(known);
        masked.retain(known);
        let read_only = self.unset(principal, (action, verdict))?;
        let waiting = self.policy.waiting_for(principal, &entity.api_name, action);
        let waiting = waiting.filter(|_| verdict != Verdict::Granted).cloned().collect();
        Ok(AccessExplanation {
            waiting,
            verdict,
            paths,
            shares,
            rules,
            parents,
            delegators,
            hidden,
            masked,
            read_only,
        })
    }

    /// The fields that somebody may not set in the record, where they may create or change it at all, as far as whoever
    /// asks sees these fields.
    fn unset(&self, principal: RecordId, (action, verdict): (Action, Verdict)) -> Result<Vec<String>> {
        if verdict != Verdict::Granted || ![Action::Create, Action::Update].contains(&action) {
            return Ok(Vec::new());
        }
        let name = &self.entity.api_name;
        let unset = self.policy.unset_in(principal, name, action, &self.record.envelope.access_class());
        let shown = if unset.is_empty() { Vec::new() } else { self.reader.readable_fields(name)? };
        let fields = self.entity.fields().iter().filter(|field| unset.contains(&field.id()));
        let told = fields.filter(|field| field.is_set_by_callers() && shown.contains(&field.id()));
        Ok(told.map(|field| field.api_name.clone()).collect())
    }

    /// The records beyond, as far as whoever asks sees the fields that refer to them.
    fn told_parents(&self, paths: Vec<ParentPath>) -> Result<Vec<ParentRecord>> {
        let (entity, record) = (self.entity, &self.record);
        let shown = if paths.is_empty() { Vec::new() } else { self.reader.shown_fields(&entity.api_name)? };
        let told = paths.into_iter().map(|path| {
            let field = entity.field_by_id(path.field).filter(|field| shown.contains(&field.id()));
            ParentRecord {
                setting: path.setting,
                field: field.map(|field| field.api_name.clone()),
                entity: path.parent,
                record: field.and_then(|field| record.peek(field.id()).as_id()),
                shared: path.shared,
            }
        });
        Ok(told.collect())
    }
}
