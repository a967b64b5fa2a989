//! Single records that are shared with users and teams: given, taken back, told, and known to whoever decides.
//!
//! Shares lie as records that nobody owns, in one access class for each partition, so that those of one person and
//! those of one record are found by one look at an index each, however many there are. A session reads its own user's,
//! and keeps what they come to until the next change of any share, or until one of them begins or ends.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::{
    Action, NOBODY, Policy, Process, RecordShare, ShareFact, ShareLevel, Sharee, Shares, Team, Way, share,
};
use crate::base::{Code, Error, RecordId, Result, Timestamp, Value};
use crate::engine::followed_shares::shares_at;
use crate::engine::nobodys::Nobodys;
use crate::engine::{Changes, Crm, Reader, Session, Transaction, WriteOptions};
use crate::records::{self, Comparison, Filter, Record, links_by};
use crate::schema::{Entity, EntityType, FieldName, Registry};
use crate::storage::Snapshot;

/// Most shares that stand with one user, and with one team, unless a host says fewer.
pub const MAX_SHARES: usize = 10_000;
/// Most shares that stand of one record, unless a host says fewer.
pub const MAX_SHARES_OF_RECORD: usize = 1_000;
/// Longest reason, in bytes of UTF-8.
const MAX_REASON_BYTES: usize = 2_000;
/// Most records that one call shares.
const MAX_AT_ONCE: usize = 10_000;
/// Most people whose shares are kept in memory; beyond them it begins anew.
const MAX_KEPT: usize = 4_096;

/// How a record is to be shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewShare {
    /// With whom.
    pub with: Sharee,
    /// What it lets be done.
    pub level: ShareLevel,
    /// From when on; from now on if nothing is said.
    pub from: Option<Timestamp>,
    /// From when on no longer; without end if nothing is said.
    pub until: Option<Timestamp>,
    /// Why, at most 2,000 bytes.
    pub reason: Option<String>,
}

impl NewShare {
    /// A share from now on and without end.
    #[must_use]
    pub fn new(with: Sharee, level: ShareLevel) -> Self {
        Self { with, level, from: None, until: None, reason: None }
    }

    /// The same that ends at a moment.
    #[must_use]
    pub fn until(self, until: Timestamp) -> Self {
        Self { until: Some(until), ..self }
    }
}

/// With whom a record is shared, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedWith {
    /// The share.
    pub id: RecordId,
    /// With whom.
    pub with: Sharee,
    /// What it lets be done.
    pub level: ShareLevel,
    /// From when on, if that was said.
    pub from: Option<Timestamp>,
    /// From when on no longer, if it ends.
    pub until: Option<Timestamp>,
    /// Why, if that was said.
    pub reason: Option<String>,
    /// Who shared it so.
    pub by: RecordId,
    /// When.
    pub at: Timestamp,
    /// Whether it holds now.
    pub holds: bool,
    /// The process that it is for, with which it ends.
    pub process: Option<Process>,
}

/// What is shared with those who ask, as of one epoch of the policy and version of the registry.
#[derive(Debug, Default)]
pub(super) struct KeptShares(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    of: (u64, u32),
    by_user: HashMap<RecordId, OfUser>,
}

/// The shares of one person, and what they came to when they were last looked at.
#[derive(Debug, Clone)]
struct OfUser {
    facts: Arc<[ShareFact]>,
    shares: Arc<Shares>,
}

impl KeptShares {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, place: (u64, u32), user: RecordId) -> Option<OfUser> {
        let kept = self.lock();
        kept.by_user.get(&user).filter(|_| kept.of == place).cloned()
    }

    fn keep(&self, place: (u64, u32), user: RecordId, of_user: OfUser) {
        let mut kept = self.lock();
        if kept.of < place || kept.by_user.len() >= MAX_KEPT {
            *kept = Kept { of: place, by_user: HashMap::new() };
        }
        if kept.of == place {
            kept.by_user.insert(user, of_user);
        }
    }
}

impl Crm {
    /// The moment by which it is decided what has ended. It never goes back: what ended does not live again because a
    /// clock was set back.
    pub(super) fn moment_of_access(&self) -> Timestamp {
        self.inner.hybrid.latest(self.inner.clock.as_ref())
    }

    /// The policy of a view for one user, with what is shared with that user now.
    pub(super) fn policy_for(&self, snapshot: &dyn Snapshot, user: RecordId) -> Result<Arc<Policy>> {
        let moment = self.moment_of_access();
        let policy = self.policy_at(snapshot, moment)?;
        let registry = self.registry();
        let place = (policy.epoch(), registry.version());
        let facts = match self.inner.shares.of(place, user) {
            Some(known) if known.shares.is_of(moment) => return Ok(sharing(policy, user, known.shares)),
            Some(known) => known.facts,
            None => shares_with(snapshot, &registry, &policy, user)?.into(),
        };
        let shares = shares_at((&snapshot, &registry), &policy, user, (&facts, moment))?;
        self.inner.shares.keep(place, user, OfUser { facts, shares: Arc::clone(&shares) });
        Ok(sharing(policy, user, shares))
    }

    /// The policy of a view for one user, or for one who acts for another one.
    pub(super) fn policy_of(
        &self,
        snapshot: &dyn Snapshot,
        user: RecordId,
        delegator: Option<RecordId>,
    ) -> Result<Arc<Policy>> {
        let Some(delegator) = delegator else { return self.policy_for(snapshot, user) };
        let policy = self.policy_for(snapshot, delegator)?;
        let acting = policy.acting(user, delegator, self.moment_of_access());
        acting.map(Arc::new).ok_or_else(|| Error::new(Code::SessionEnded).rule("delegation"))
    }
}

fn sharing(policy: Arc<Policy>, user: RecordId, shares: Arc<Shares>) -> Arc<Policy> {
    if shares.is_empty() { policy } else { Arc::new(policy.with_shares(user, shares)) }
}

/// What is shared with a user and with the user's teams, whenever it holds.
pub(super) fn shares_with(
    snapshot: &dyn Snapshot,
    registry: &Registry,
    policy: &Policy,
    user: RecordId,
) -> Result<Vec<ShareFact>> {
    let Ok(entity) = registry.entity(RecordShare::NAME) else { return Ok(Vec::new()) };
    let Some(partition) = policy.partition_of(user) else { return Ok(Vec::new()) };
    let of_user = (entity.field(share::USER.selector())?.id(), Comparison::Equal, Value::Id(user));
    let mut filters = vec![Filter::Compare(of_user.0, of_user.1, of_user.2)];
    let teams: Vec<Value> = policy.teams_of(user).iter().map(|team| Value::Id(*team)).collect();
    if !teams.is_empty() {
        filters.push(Filter::In(entity.field(share::TEAM.selector())?.id(), teams));
    }
    let place = Place { snapshot, registry, policy, entity, partition };
    let mut facts = Vec::new();
    for filter in &filters {
        facts.extend(place.stored(filter)?.into_iter().map(|stored| stored.fact));
    }
    Ok(facts)
}

/// Where the shares of a partition are.
struct Place<'a> {
    snapshot: &'a dyn Snapshot,
    registry: &'a Registry,
    policy: &'a Policy,
    entity: &'a Entity,
    partition: u32,
}

/// A share as it is stored.
struct Stored {
    fact: ShareFact,
    reason: Option<String>,
    by: RecordId,
    at: Timestamp,
}

impl Place<'_> {
    /// The shares that meet a condition.
    fn stored(&self, filter: &Filter) -> Result<Vec<Stored>> {
        let nobodys = Nobodys { snapshot: self.snapshot, registry: self.registry, policy: self.policy };
        let mut found = Vec::new();
        nobodys.scan((self.entity, Some(&[self.partition].into())), filter, &mut |record| {
            found.extend(stored(self.registry, self.entity, record));
        })?;
        found.sort_by_key(|stored| stored.fact.id);
        Ok(found)
    }

    /// Those of a record.
    fn of_record(&self, record: RecordId) -> Result<Vec<Stored>> {
        let field = self.entity.field(share::RECORD.selector())?.id();
        self.stored(&Filter::Compare(field, Comparison::Equal, Value::from(record.to_string().as_str())))
    }
}

/// The shares of one record, whenever they hold.
pub(super) fn shares_of(
    snapshot: &dyn Snapshot,
    registry: &Registry,
    policy: &Policy,
    record: &Record,
) -> Result<Vec<ShareFact>> {
    let Ok(entity) = registry.entity(RecordShare::NAME) else { return Ok(Vec::new()) };
    let place = Place { snapshot, registry, policy, entity, partition: record.envelope.partition };
    let stored = place.of_record(record.id)?.into_iter().map(|stored| stored.fact);
    Ok(stored.filter(|fact| fact.entity == record.entity).collect())
}

/// What a record of a share comes to; nothing where it says nothing that can be understood.
pub(super) fn share_of(registry: &Registry, entity: &Entity, record: &Record) -> Option<ShareFact> {
    stored(registry, entity, record).map(|stored| stored.fact)
}

/// What a record of a share says.
fn stored(registry: &Registry, entity: &Entity, record: &Record) -> Option<Stored> {
    let value = |name: FieldName<'static>| {
        entity.field(name).map(|field| record.value(field.id())).unwrap_or_default()
    };
    let text = |name| value(name).as_text().map(str::to_owned);
    let moment = |name| match value(name) {
        Value::DateTime(moment) => Some(moment),
        _ => None,
    };
    let with = match (value(share::USER.selector()).as_id(), value(share::TEAM.selector()).as_id()) {
        (Some(user), None) => Sharee::User(user),
        (None, Some(team)) => Sharee::Team(team),
        _ => return None,
    };
    Some(Stored {
        fact: ShareFact {
            id: record.id,
            entity: registry.entity(&text(share::ENTITY.selector())?).ok()?.id(),
            record: text(share::RECORD.selector())?.parse().ok()?,
            with,
            level: ShareLevel::from_code(&text(share::LEVEL.selector())?)?,
            from: moment(share::FROM.selector()),
            until: moment(share::UNTIL.selector()),
            process: text(share::PROCESS.selector()).and_then(|text| Process::of_text(&text)),
        },
        reason: text(share::REASON.selector()),
        by: record.envelope.modified_by,
        at: record.envelope.modified.at(),
    })
}

impl Session {
    /// Shares a record. See [`Transaction::share_record`].
    ///
    /// # Errors
    /// As [`Transaction::share_record`].
    pub fn share(&self, entity: &str, id: RecordId, share: &NewShare) -> Result<RecordId> {
        let options = WriteOptions::default().cause("record.share");
        self.write_with(options, |transaction| transaction.share_record(entity, id, share))
    }

    /// Shares many records of an entity with one user or team in one transaction: all of them, or none where one is
    /// refused. Gives the shares in the order of the records. It costs one commit for all; what is checked is what
    /// [`Transaction::share_record`] checks of each.
    ///
    /// # Errors
    /// As [`Transaction::share_record`], of the first record that is refused; `input.limit_exceeded` for more than
    /// 10,000 records.
    pub fn share_all(&self, entity: &str, ids: &[RecordId], share: &NewShare) -> Result<Vec<RecordId>> {
        let options = WriteOptions::default().cause("record.share_all");
        self.write_with(options, |transaction| transaction.share_all(entity, ids, share))
    }

    /// Takes a share back. See [`Transaction::unshare_record`].
    ///
    /// # Errors
    /// As [`Transaction::unshare_record`].
    pub fn unshare(&self, entity: &str, id: RecordId, with: Sharee) -> Result<()> {
        let options = WriteOptions::default().cause("record.unshare");
        self.write_with(options, |transaction| transaction.unshare_record(entity, id, with))
    }

    /// With whom a record is shared. See [`Reader::shares`].
    ///
    /// # Errors
    /// As [`Reader::shares`].
    pub fn shares(&self, entity: &str, id: RecordId) -> Result<Vec<SharedWith>> {
        self.read(|reader| reader.shares(entity, id))
    }
}

impl Reader<'_> {
    /// With whom a record is shared singly, in the order in which that was done: all of it for whoever may share the
    /// record, and for others who see it what is shared with them or their teams.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_entity`.
    pub fn shares(&self, entity: &str, id: RecordId) -> Result<Vec<SharedWith>> {
        let entity = self.registry.entity(entity)?;
        let record = self.stored(&self.permit(entity)?, entity, id)?;
        let all = self.way_to(entity, &record, Action::Share).is_some();
        let now = self.crm.moment_of_access();
        let shown = |stored: &Stored| {
            let told = all || self.policy.is_with(self.user, stored.fact.with);
            told && stored.fact.entity == entity.id()
        };
        let rows = self.shares_at(record.envelope.partition)?;
        let rows = rows.map_or(Ok(Vec::new()), |place| place.of_record(id))?;
        let rows = rows.into_iter().filter(shown).map(|stored| SharedWith {
            holds: stored.fact.holds_at(now),
            id: stored.fact.id,
            with: stored.fact.with,
            level: stored.fact.level,
            from: stored.fact.from,
            until: stored.fact.until,
            reason: stored.reason,
            by: stored.by,
            at: stored.at,
            process: stored.fact.process,
        });
        Ok(rows.collect())
    }

    fn shares_at(&self, partition: u32) -> Result<Option<Place<'_>>> {
        let Ok(entity) = self.registry.entity(RecordShare::NAME) else { return Ok(None) };
        let Self { snapshot, registry, policy, .. } = *self;
        Ok(Some(Place { snapshot, registry, policy, entity, partition }))
    }

    /// How the user reaches a record by an action, if at all.
    pub(super) fn way_to(&self, entity: &Entity, record: &Record, action: Action) -> Option<Way> {
        let place = (record.id, &record.envelope.access_class());
        self.policy.way_to(self.user, (entity.id(), &entity.api_name), action, place)
    }

    /// Refuses a share that would give more than the user has, or to somebody who is not there.
    pub(super) fn check_share(&self, fact: &ShareFact) -> Result<()> {
        let entity = self.registry.entity_by_id(fact.entity)?;
        let record = self.stored(&self.permit(entity)?, entity, fact.record)?;
        if entity.api_name.starts_with("sys.") {
            let refused = Error::new(Code::InvalidArgument).entity(&entity.api_name).field("entity");
            return Err(refused.rule("records of the organisation are not shared"));
        }
        let beyond = |code: Code, rule: &str| {
            Err(Error::new(code).entity(&entity.api_name).record(record.id).rule(rule))
        };
        if self.policy.partition_of(self.user) != Some(record.envelope.partition) {
            return beyond(Code::NotPermitted, "a record of another partition");
        }
        if self.way_to(entity, &record, Action::Share).is_none() {
            // Whose roles grant it nowhere is told so in the words of every other action.
            self.policy.decide::<crate::access::Share>(self.user, entity.id(), &entity.api_name)?;
            return beyond(Code::NotPermitted, Action::Share.code());
        }
        self.check_sharee(fact.with, record.envelope.partition)?;
        self.check_span(fact)?;
        // Whoever has it by a grant has it without end, so nobody's shares are looked up.
        let mut by_shares = Vec::new();
        for action in fact.level.actions().iter().chain([&Action::Share]) {
            match self.way_to(entity, &record, *action) {
                None => return beyond(Code::BeyondOwnRights, action.code()),
                Some(Way::Class) => {}
                Some(Way::Share) => by_shares.push(*action),
            }
        }
        if !by_shares.is_empty() {
            let own = shares_of(self.snapshot, self.registry, self.policy, &record)?;
            if !by_shares.iter().all(|action| self.has_until(&own, *action, fact.until)) {
                return beyond(Code::BeyondOwnRights, "until");
            }
        }
        Ok(())
    }

    /// Whether the user has an action by a share of one's own that lasts as long as another one.
    fn has_until(&self, own: &[ShareFact], action: Action, until: Option<Timestamp>) -> bool {
        let (now, needed) = (self.crm.moment_of_access(), ShareLevel::needed_for(action));
        let mut held = own.iter().filter(|fact| {
            fact.holds_at(now) && Some(fact.level) >= needed && self.policy.is_with(self.user, fact.with)
        });
        held.any(|fact| match (fact.until, until) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => theirs <= mine,
        })
    }

    /// A record is shared with active users of its partition, and with teams that are known there. Beyond it nobody is
    /// known.
    fn check_sharee(&self, with: Sharee, partition: u32) -> Result<()> {
        let missing = |field: &str, id: RecordId| {
            let error = Error::new(Code::ReferenceMissing).entity(RecordShare::NAME).field(field);
            Err(error.value(&id.to_string()))
        };
        match with {
            Sharee::User(user) if user == self.user => {
                let refused = Error::new(Code::InvalidArgument).entity(RecordShare::NAME).field("user");
                Err(refused.rule("shared with somebody else"))
            }
            Sharee::User(user) => {
                let known = self.policy.is_active(user) && self.policy.partition_of(user) == Some(partition);
                if known { Ok(()) } else { missing("user", user) }
            }
            Sharee::Team(team) => {
                let teams = self.registry.entity(Team::NAME)?.id();
                let found = records::get_for_rule(self.snapshot, teams, team)?;
                let known = found.is_some_and(|team| [0, partition].contains(&team.envelope.partition));
                if known { Ok(()) } else { missing("team", team) }
            }
        }
    }

    /// A share begins before it ends, and ends after now.
    fn check_span(&self, fact: &ShareFact) -> Result<()> {
        let begins = fact.from.unwrap_or(Timestamp::from_micros(i64::MIN)).max(self.crm.moment_of_access());
        match fact.until {
            Some(until) if until <= begins => {
                let refused = Error::new(Code::InvalidArgument).entity(RecordShare::NAME).field("until");
                Err(refused.rule("later than from, and than now"))
            }
            _ => Ok(()),
        }
    }
}

impl Transaction<'_> {
    /// Shares a record with a user or a team, and gives the id of the share. Where it is shared with them already,
    /// that share becomes this one. It holds from the next call on, and whoever it is with needs the action granted on
    /// some records of the entity, as at any level: a share opens a record, and no kind of work. It shows what the
    /// widest of their grants to read shows. What is forbidden of the record's class stays so.
    ///
    /// It takes the right to share ([`Action::Share`]) on the record, by a grant or by a share of level `full` beside
    /// a grant to share. Nobody gives more than they have, nor for longer than they have it by a share.
    ///
    /// # Errors
    /// `record.not_found`, alike for a record that is hidden, deleted, or not there; `access.not_permitted`;
    /// `access.beyond_own_rights` naming the action, or `until`; `record.reference_missing` for somebody who is not an
    /// active user of the record's partition, and for a team that is not there; `input.invalid_argument` for a span
    /// that is over, for oneself, and for records of the organisation; `input.limit_exceeded` beyond 10,000 shares with
    /// one user or team, 1,000 of one record, and 2,000 bytes of the reason.
    pub fn share_record(&mut self, entity: &str, id: RecordId, share: &NewShare) -> Result<RecordId> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let shares = registry.entity(RecordShare::NAME)?;
        if share.reason.as_ref().is_some_and(|reason| reason.len() > MAX_REASON_BYTES) {
            return Err(full(&format!("reason <= {MAX_REASON_BYTES} bytes")).field("reason"));
        }
        let NewShare { with, level, from, until, .. } = *share;
        let process = None;
        let fact = ShareFact { id, entity: entity.id(), record: id, with, level, from, until, process };
        self.reader().check_share(&fact)?;
        let known = self.known_shares(shares, entity, id)?;
        self.shared_with.insert(with);
        let changes = Changes::new()
            .set(share::LEVEL, level)
            .set(share::FROM, from.map_or(Value::Null, Value::DateTime))
            .set(share::UNTIL, until.map_or(Value::Null, Value::DateTime))
            .set(share::REASON, share.reason.as_deref().map_or(Value::Null, Value::from));
        if let Some(standing) = known.iter().find(|stored| stored.fact.is_given_to(with)) {
            self.update_in_own_right(RecordShare::NAME, standing.fact.id, changes)?;
            return Ok(standing.fact.id);
        }
        self.put_share((entity, id), (with, known.len()), changes)
    }

    /// Shares many records. See [`Session::share_all`].
    ///
    /// # Errors
    /// As there.
    pub fn share_all(&mut self, entity: &str, ids: &[RecordId], share: &NewShare) -> Result<Vec<RecordId>> {
        if ids.len() > MAX_AT_ONCE {
            return Err(full(&format!("at most {MAX_AT_ONCE} records at once")).field("ids"));
        }
        ids.iter().map(|id| self.share_record(entity, *id, share)).collect()
    }

    /// Makes one more share of a record, which has so many, in the engine's own right.
    fn put_share(
        &mut self,
        (entity, id): (&Entity, RecordId),
        (with, known): (Sharee, usize),
        changes: Changes,
    ) -> Result<RecordId> {
        let (_, most) = self.crm().inner.most_shares;
        if known >= most {
            return Err(full(&format!("at most {most} shares of one record")).field("record"));
        }
        let registry = Arc::clone(&self.registry);
        self.make_room(registry.entity(RecordShare::NAME)?, with)?;
        let changes = match with {
            Sharee::User(user) => changes.set(share::USER, user),
            Sharee::Team(team) => changes.set(share::TEAM, team),
        };
        let changes = changes
            .set(share::ENTITY, entity.api_name.as_str())
            .set(share::RECORD, id.to_string())
            .owner(NOBODY);
        self.create_in_own_right(RecordShare::NAME, changes)
    }

    /// Lets somebody read a record for as long as a process is open, in the engine's own right. Whoever takes part in it
    /// already does so still.
    pub(super) fn put_involvement(
        &mut self,
        (entity, id): (&Entity, RecordId),
        with: Sharee,
        process: &Process,
    ) -> Result<RecordId> {
        let registry = Arc::clone(&self.registry);
        let known = self.known_shares(registry.entity(RecordShare::NAME)?, entity, id)?;
        let same =
            |stored: &&Stored| stored.fact.with == with && stored.fact.process.as_ref() == Some(process);
        if let Some(standing) = known.iter().find(same) {
            return Ok(standing.fact.id);
        }
        self.shared_with.insert(with);
        let changes =
            Changes::new().set(share::LEVEL, ShareLevel::Read).set(share::PROCESS, process.to_string());
        self.put_share((entity, id), (with, known.len()), changes)
    }

    /// Takes back what is shared for a process of a partition, in the engine's own right, and gives how many shares that
    /// were.
    pub(super) fn take_involvements(&mut self, process: &Process, partition: u32) -> Result<usize> {
        let registry = Arc::clone(&self.registry);
        let Ok(shares) = registry.entity(RecordShare::NAME) else { return Ok(0) };
        let place = Place {
            snapshot: self.view(),
            registry: &registry,
            policy: &self.policy,
            entity: shares,
            partition,
        };
        let field = shares.field(share::PROCESS.selector())?.id();
        let said = Value::from(process.to_string().as_str());
        let found = place.stored(&Filter::Compare(field, Comparison::Equal, said))?;
        for stored in &found {
            self.shared_with.insert(stored.fact.with);
            self.delete_in_own_right(RecordShare::NAME, stored.fact.id)?;
        }
        Ok(found.len())
    }

    /// Takes back what is shared of a record with a user or a team. Whoever may share the record may, whoever made the
    /// share, and whom it is with. What was shared on by them stays.
    ///
    /// # Errors
    /// `record.not_found` for a record that is hidden or not there, and for one that is not shared so;
    /// `access.not_permitted`.
    pub fn unshare_record(&mut self, entity: &str, id: RecordId, with: Sharee) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let record = self.readable(entity, id)?;
        let own = with == Sharee::User(self.user());
        let may = own || self.reader().way_to(entity, &record, Action::Share).is_some();
        let known = self.known_shares(registry.entity(RecordShare::NAME)?, entity, id)?;
        let found = known.iter().find(|stored| stored.fact.is_given_to(with));
        let refused = Error::new(Code::NotPermitted).entity(&entity.api_name).record(id).rule("share");
        match found {
            Some(stored) if may || stored.by == self.user() => {
                self.shared_with.insert(with);
                self.delete_in_own_right(RecordShare::NAME, stored.fact.id)
            }
            None if may => Err(Error::new(Code::RecordNotFound).entity(RecordShare::NAME)),
            // Whether there is one is not told to who may not know.
            _ => Err(refused),
        }
    }

    /// The shares of a record.
    fn known_shares(&self, shares: &Entity, entity: &Entity, id: RecordId) -> Result<Vec<Stored>> {
        let Some(partition) = self.policy.partition_of(self.user()) else { return Ok(Vec::new()) };
        let place = Place {
            snapshot: self.view(),
            registry: &self.registry,
            policy: &self.policy,
            entity: shares,
            partition,
        };
        let mut known = place.of_record(id)?;
        known.retain(|stored| stored.fact.entity == entity.id());
        Ok(known)
    }

    /// Refuses one more share with somebody than there may be. Where they have so many, those that have ended go.
    fn make_room(&mut self, shares: &Entity, with: Sharee) -> Result<()> {
        let (field, principal) = match with {
            Sharee::User(user) => (share::USER.selector(), user),
            Sharee::Team(team) => (share::TEAM.selector(), team),
        };
        let place = (shares.id(), shares.field(field)?.id());
        let (most, _) = self.crm().inner.most_shares;
        // Counted once in a transaction that makes many, and again where it seems full: what it has taken back since is
        // not taken off.
        let counted = self.standing_shares.get(&with).copied().filter(|counted| *counted < most);
        let standing = match counted {
            Some(_) => Vec::new(),
            None => links_by(self.view(), principal, place, most)?,
        };
        let count = counted.unwrap_or(standing.len());
        if count < most {
            self.standing_shares.insert(with, count.saturating_add(1));
            return Ok(());
        }
        let (registry, now) = (Arc::clone(&self.registry), self.crm().moment_of_access());
        let mut ended = Vec::new();
        for id in standing {
            let record = records::get_for_rule(self.view(), shares.id(), id)?;
            let stored = record.and_then(|record| stored(&registry, shares, &record));
            let until = stored.and_then(|stored| stored.fact.until);
            ended.extend(until.filter(|until| *until <= now).map(|_| id));
        }
        if ended.is_empty() {
            let field = if matches!(with, Sharee::User(_)) { "user" } else { "team" };
            return Err(full(&format!("at most {most} shares with one user or team")).field(field));
        }
        ended.into_iter().try_for_each(|id| self.delete_in_own_right(RecordShare::NAME, id))
    }

    /// With whom the shares are that this transaction makes, changes or takes back.
    pub(super) fn changed_shares(&self) -> &BTreeSet<Sharee> {
        &self.shared_with
    }

    /// Remembers with whom a share is that changes, if it is one.
    pub(super) fn note_share(&mut self, entity: &Entity, record: &Record) {
        if entity.api_name == RecordShare::NAME {
            let stored = stored(&self.registry, entity, record);
            self.shared_with.extend(stored.map(|stored| stored.fact.with));
        }
    }

    /// Holds a share that comes through the door of all records to what is held against one that is given by its own.
    pub(super) fn check_stated_share(
        &mut self,
        entity: &Entity,
        old: Option<&Record>,
        record: &mut Record,
    ) -> Result<()> {
        if entity.api_name != RecordShare::NAME {
            return Ok(());
        }
        let stated = stored(&self.registry, entity, record).ok_or_else(|| {
            let refused = Error::new(Code::InvalidArgument).entity(RecordShare::NAME);
            refused.rule("an entity, one of its records, a level, and either a user or a team")
        })?;
        record.envelope.owner = NOBODY;
        record.envelope.unit = None;
        self.shared_with.insert(stated.fact.with);
        if let Some(old) = old {
            self.note_share(entity, old);
        }
        self.reader().check_share(&stated.fact)?;
        let (id, fact) = (record.id, &stated.fact);
        let shared = self.registry.entity_by_id(fact.entity)?;
        let known = self.known_shares(entity, shared, fact.record)?;
        let twice = |stored: &Stored| {
            let same = (stored.fact.with, &stored.fact.process) == (fact.with, &fact.process);
            same && stored.fact.id != id
        };
        if known.iter().any(twice) {
            return Err(Error::new(Code::NotUnique).entity(RecordShare::NAME).rule("one share with each"));
        }
        if old.is_some() { Ok(()) } else { self.make_room(entity, fact.with) }
    }
}

fn full(rule: &str) -> Error {
    Error::new(Code::LimitExceeded).entity(RecordShare::NAME).rule(rule)
}
