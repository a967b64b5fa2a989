//! Who may do what to a record, and why: explained for one person, or listed for all.

use std::sync::Arc;

use crate::access::{
    AccessPath, Action, Decision, ParentPath, Place, Policy, Read, Role, RulePath, SharePath, Shares,
    Showing, Verdict,
};
use crate::base::{Code, Error, MAX_PAGE_ROWS, RecordId, Result};
use crate::engine::sharing::{shares_of, shares_with};
use crate::engine::{Reader, Session};
use crate::records::Record;
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
            explained(&reader, principal, (entity, &record), action)
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
        (after, limit): (Option<RecordId>, usize),
    ) -> Result<EntitledPage> {
        let limit = if limit == 0 { 100 } else { limit.min(MAX_PAGE_ROWS) };
        self.read(|reader| {
            check_administers(&reader)?;
            let entity = reader.registry().entity(entity)?;
            let record = reader.stored(&reader.permit(entity)?, entity, id)?;
            let (place, mut rows) = (place_of(&reader, &record)?, Vec::<Entitled>::new());
            for (number, user) in reader.policy.users_after(after).enumerate() {
                if number % AT_ONCE == 0 {
                    self.patience().check()?;
                }
                let decision = decided(&reader, user, (entity, &record, &place), action)?;
                let delegators = delegators(&reader, user, (entity, &record, &place), action)?;
                if decision.verdict != Verdict::Granted && delegators.is_empty() {
                    continue;
                }
                if rows.len() == limit {
                    let next = rows.last().map(|row| row.user);
                    return Ok(EntitledPage { rows, next });
                }
                let own = if decision.verdict == Verdict::Granted {
                    decision
                } else {
                    Decision::refused(decision.verdict)
                };
                let parents = told_parents(&reader, (entity, &record), own.parents)?;
                let Decision { paths, shares, rules, .. } = own;
                rows.push(Entitled { user, paths, shares, rules, parents, delegators });
            }
            Ok(EntitledPage { rows, next: None })
        })
    }
}

fn check_administers(reader: &Reader<'_>) -> Result<()> {
    match reader.policy.administers(reader.user) {
        true => Ok(()),
        false => Err(Error::new(Code::NotPermitted).entity(Role::NAME).rule(Action::Administer.code())),
    }
}

/// Where a record stands, with the shares of it that hold now.
fn place_of(reader: &Reader<'_>, record: &Record) -> Result<Place> {
    let mut shares = shares_of(reader.snapshot, reader.registry, reader.policy, record)?;
    let now = reader.crm.moment_of_access();
    shares.retain(|share| share.holds_at(now));
    Ok(reader.policy.place(record.envelope.access_class(), shares))
}

/// The policy, which knows what is shared with somebody else.
pub(super) fn policy_about(reader: &Reader<'_>, principal: RecordId) -> Result<Policy> {
    let facts = shares_with(reader.snapshot, reader.registry, reader.policy, principal)?;
    let shares = Shares::at(&facts, reader.crm.moment_of_access());
    Ok(reader.policy.with_shares(principal, Arc::new(shares)))
}

/// What is decided, with all that an action asks for beside its own grant.
fn decided(
    reader: &Reader<'_>,
    principal: RecordId,
    (entity, record, place): (&Entity, &Record, &Place),
    action: Action,
) -> Result<Decision> {
    let policy = reader.policy;
    let decision = policy.explain(principal, &entity.api_name, action, place);
    if decision.verdict != Verdict::Granted || action == Action::Create {
        return Ok(decision);
    }
    if policy.explain(principal, &entity.api_name, Action::Read, place).verdict != Verdict::Granted {
        return Ok(Decision::refused(Verdict::Unread));
    }
    if entity.ends().is_some() {
        let policy = policy_about(reader, principal)?;
        let theirs = Reader { user: principal, policy: &policy, ..*reader };
        if !theirs.sees_ends(&theirs.permit(entity)?, entity, record)? {
            return Ok(Decision::refused(Verdict::EndUnread));
        }
    }
    Ok(decision)
}

/// For whom somebody may do an action to a record, because a delegation of theirs holds and they may do it.
fn delegators(
    reader: &Reader<'_>,
    principal: RecordId,
    (entity, record, place): (&Entity, &Record, &Place),
    action: Action,
) -> Result<Vec<RecordId>> {
    let now = reader.crm.moment_of_access();
    let mut found = Vec::new();
    if !reader.policy.is_active(principal) {
        return Ok(found);
    }
    for fact in reader.policy.delegators_of(principal, now) {
        let acting = reader.policy.acting(principal, fact.delegator, now);
        let lets = acting.is_some_and(|acting| acting.permits(principal, &entity.api_name, action));
        let decision = |action| decided(reader, fact.delegator, (entity, record, place), action);
        if lets && !found.contains(&fact.delegator) && decision(action)?.verdict == Verdict::Granted {
            found.push(fact.delegator);
        }
    }
    Ok(found)
}

fn explained(
    reader: &Reader<'_>,
    principal: RecordId,
    (entity, record): (&Entity, &Record),
    action: Action,
) -> Result<AccessExplanation> {
    let place = place_of(reader, record)?;
    let delegators = delegators(reader, principal, (entity, record, &place), action)?;
    let decision = decided(reader, principal, (entity, record, &place), action)?;
    let Decision { verdict, paths, shares, rules, parents } = decision;
    let parents = told_parents(reader, (entity, record), parents)?;
    let permit = reader.policy.decide::<Read>(principal, entity.id(), &entity.api_name);
    let class = record.envelope.access_class();
    let name = |field| entity.field_by_id(field).map(|field| field.api_name.clone());
    let (mut hidden, mut masked) = (Vec::new(), Vec::new());
    if let (Verdict::Granted, Ok(permit)) = (verdict, &permit) {
        hidden = permit.hidden_in(&class).iter().copied().filter_map(name).collect();
        masked = permit.masked_in(&class, Showing::Detail).filter_map(name).collect();
    }
    // A field of which whoever asks sees nothing anywhere is not told of.
    let shown = reader.readable_fields(&entity.api_name)?;
    let known = |field: &String| {
        entity.fields().iter().any(|known| known.api_name == *field && shown.contains(&known.id()))
    };
    hidden.retain(known);
    masked.retain(known);
    Ok(AccessExplanation { verdict, paths, shares, rules, parents, delegators, hidden, masked })
}

/// The records beyond, as far as whoever asks sees the fields that refer to them.
fn told_parents(
    reader: &Reader<'_>,
    (entity, record): (&Entity, &Record),
    paths: Vec<ParentPath>,
) -> Result<Vec<ParentRecord>> {
    let shown = if paths.is_empty() { Vec::new() } else { reader.shown_fields(&entity.api_name)? };
    let told = paths.into_iter().map(|path| {
        let field = entity.field_by_id(path.field).filter(|field| shown.contains(&field.id()));
        ParentRecord {
            setting: path.setting,
            field: field.map(|field| field.api_name.clone()),
            entity: path.parent,
            record: field.and_then(|field| record.peek(field.id()).as_id()),
        }
    });
    Ok(told.collect())
}
