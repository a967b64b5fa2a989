//! Who might have done what at a moment of the past: the facts of the organisation as they were then, read back from
//! history, and decided by the same policy as those of today.
//!
//! It reads every record that makes the policy, and the entries of those that changed since; so it costs as much as
//! the organisation has records, whatever the records of the trade are. Where more records than one person reaches by
//! following shared ones were ever made, it also reads those that follow, for people who reach the record in no other
//! way. What entities, fields and modules there are is taken from today.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::access::{AccessClass, Action, Place, Policy, RecordShare, ShareFact, Sharee};
use crate::base::{Code, EntityId, Error, FieldId, RecordId, Result, Stamp, Timestamp};
use crate::engine::access_paths::{AccessExplanation, Case, Entitled, check_administers};
use crate::engine::followed_shares::{MAX_FOLLOWED_SHARES, Standing, shares_at};
use crate::engine::organisation::{KeptPolicy, stales};
use crate::engine::sharing::share_of;
use crate::engine::{At, Reader, Session};
use crate::records::{
    self, Filter, Moment, PastQuery, Record, Rewind, Sealer, Sight, Staleness, end, records_made, stamp_at,
};
use crate::schema::{Entity, EntityType, Registry};
use crate::storage::Snapshot;

/// Records that one chunk looks at.
const CHUNK: usize = 1_000;

/// The records of an entity that referred to others by a field, by those.
type Followers = BTreeMap<RecordId, Vec<RecordId>>;

/// Those who might have done something to a record at a place of the ledger, a page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastEntitledPage {
    /// The last entry of the ledger that was known then.
    pub position: u64,
    /// The moment by which shares and delegations had begun, or ended.
    pub moment: Timestamp,
    /// They, in the order of their ids.
    pub rows: Vec<Entitled>,
    /// Users who have been forgotten since, so that nobody can tell what they might have done.
    pub undecided: Vec<RecordId>,
    /// Behind whom the next page goes on, if there is more.
    pub next: Option<RecordId>,
}

/// The place in the ledger as of which facts are read.
pub(super) struct PastFacts<'a> {
    sealer: &'a Sealer,
    place: (u64, Stamp),
    moment: Moment,
    patience: &'a crate::base::Patience,
    /// Records of forgotten persons, whose facts nobody knows any more.
    lost: RefCell<BTreeSet<RecordId>>,
}

impl PastFacts<'_> {
    /// Hands every record of an entity that was there then to a function, as it was.
    pub fn each(
        &self,
        (snapshot, registry, entity): (&dyn Snapshot, &Registry, &Entity),
        bare: &Policy,
        look: &mut dyn FnMut(&Record),
    ) -> Result<()> {
        let permit = bare.bootstrap::<crate::access::Read>(entity.id());
        let sight = Sight::new(snapshot, registry, entity, &permit, self.patience);
        let mut query = PastQuery {
            filter: &Filter::Everything,
            place: self.place,
            moment: self.moment,
            kept: &|_| Ok(()),
            after: None,
            looks: CHUNK,
        };
        loop {
            let chunk = records::list_past(&sight, self.sealer, &query)?;
            for (row, state) in &chunk.rows {
                match &state.record {
                    Some(record) => look(record),
                    None => drop(self.lost.borrow_mut().insert(row.id)),
                }
            }
            let Some(after) = chunk.next else { return Ok(()) };
            query.after = Some(after);
        }
    }
}

/// What was known at a place of the ledger, of a record that is asked about.
struct Then<'a> {
    session: &'a Session,
    reader: Reader<'a>,
    facts: PastFacts<'a>,
    policy: Policy,
    moment: Timestamp,
    /// What followed others then, as far as somebody has asked.
    followers: RefCell<BTreeMap<(EntityId, FieldId), Followers>>,
    /// What was shared then, by those with whom it was, once somebody has asked: it is read once for all people.
    shared: RefCell<Option<BTreeMap<Sharee, Vec<ShareFact>>>>,
}

impl Session {
    /// Why somebody might have done an action to a record at a place of the ledger, or might not, by the users, units,
    /// roles, grants, teams, shares and delegations of that moment, and by the owner and unit that the record had. It
    /// is told as [`Session::explain_access`] tells what holds today; of fields, those that the person did not see
    /// then. A record that has been deleted since is asked about like any other.
    ///
    /// # Errors
    /// As [`Session::explain_access`]; `record.not_found` also where the record was not there then;
    /// `history.expired` where the facts of that moment, or of that record, are not kept any more, be it because they
    /// are too old or because the person was forgotten; `input.invalid_argument` for a place that has not come.
    pub fn explain_access_at(
        &self,
        principal: RecordId,
        entity: &str,
        id: RecordId,
        (action, at): (Action, At),
    ) -> Result<AccessExplanation> {
        self.read(|reader| {
            if principal != self.user() {
                check_administers(&reader)?;
            }
            let entity = reader.registry().entity(entity)?;
            let record = reader.standing(&reader.permit(entity)?, entity, id)?;
            let then = self.then(reader, entity, at)?;
            let past = then.record(entity, &record)?;
            if then.facts.lost.borrow().contains(&principal) {
                return Err(lost(entity, principal));
            }
            then.case(entity, past)?.explained(principal, action)
        })
    }

    /// Who might have done an action to a record at a place of the ledger, a page at a time, and by which grants and
    /// shares of then. Each page reads the facts of that moment anew. It is for administrators.
    ///
    /// # Errors
    /// As [`Session::explain_access_at`] about somebody else; `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn who_might(
        &self,
        entity: &str,
        id: RecordId,
        (action, at): (Action, At),
        page: (Option<RecordId>, usize),
    ) -> Result<PastEntitledPage> {
        self.read(|reader| {
            check_administers(&reader)?;
            let entity = reader.registry().entity(entity)?;
            let record = reader.standing(&reader.permit(entity)?, entity, id)?;
            let then = self.then(reader, entity, at)?;
            let past = then.record(entity, &record)?;
            let (rows, next) = then.case(entity, past)?.entitled(action, page)?;
            Ok(PastEntitledPage {
                position: then.facts.place.0,
                moment: then.moment,
                rows,
                undecided: then.facts.lost.borrow().iter().copied().collect(),
                next,
            })
        })
    }

    /// The facts of the organisation at a place of the ledger.
    fn then<'r>(&'r self, reader: Reader<'r>, entity: &Entity, at: At) -> Result<Then<'r>> {
        if matches!(at, At::Time(moment) if moment > reader.crm.moment_of_access()) {
            return Err(Error::new(Code::InvalidArgument).field("at").rule("not later than now"));
        }
        self.check_kept(reader, &entity.api_name, at)?;
        for fact in reader.registry().entities() {
            if stales(&fact.api_name) != Staleness::None {
                self.check_kept(reader, &fact.api_name, at)?;
            }
        }
        let position = records::resolve(reader.snapshot, at)?;
        let stamp = stamp_at(reader.snapshot, position)?;
        let moment = if let At::Time(moment) = at { moment } else { stamp.at() };
        let facts = PastFacts {
            sealer: &self.crm().inner.sealer,
            place: (position, stamp),
            moment: reader.settings().moment(stamp.at())?,
            patience: self.patience(),
            lost: RefCell::default(),
        };
        let policy = KeptPolicy::past(reader.snapshot, reader.registry(), (&facts, moment))?;
        let (followers, shared) = (RefCell::default(), RefCell::default());
        Ok(Then { session: self, reader, facts, policy, moment, followers, shared })
    }
}

impl<'a> Then<'a> {
    /// A record as it was.
    fn record(&self, entity: &Entity, record: &Record) -> Result<Record> {
        let missing = || Error::new(Code::RecordNotFound).entity(&entity.api_name).record(record.id);
        match self.state(record)? {
            None => Err(missing()),
            Some(None) => Err(lost(entity, record.id)),
            Some(Some(past)) => Ok(past),
        }
    }

    /// A record as it was, if it was there; without it where its person has been forgotten.
    fn state(&self, record: &Record) -> Result<Option<Option<Record>>> {
        let source = (self.reader.snapshot, self.facts.sealer);
        let mut rewind = Rewind::of(source, record, self.facts.patience)?;
        let state = rewind.to(At::Position(self.facts.place.0))?;
        Ok(state.map(|state| state.record))
    }

    fn case<'t>(&'t self, entity: &'t Entity, record: Record) -> Result<Case<'t>> {
        let mut ends = Vec::new();
        for field in entity.ends().into_iter().flat_map(|ends| [ends.from, ends.to]) {
            ends.push(self.end(entity, &record, field)?);
        }
        Ok(Case {
            reader: &self.reader,
            policy: &self.policy,
            moment: self.moment,
            entity,
            place: self.place(entity, &record)?,
            record,
            ends: Some(ends),
            about: Box::new(|principal| self.about(principal)),
        })
    }

    /// Where the record at an end of a link stood, or one that was followed; nothing where it was not there.
    fn end(
        &self,
        entity: &Entity,
        link: &Record,
        field: crate::base::FieldId,
    ) -> Result<Option<(String, Place)>> {
        let Some((name, id)) = end(entity, link, field) else { return Ok(None) };
        let Ok(beyond) = self.reader.registry().entity(&name) else { return Ok(None) };
        let Some(record) = records::stored_for_rule(self.reader.snapshot, beyond.id(), id)? else {
            return Ok(None);
        };
        let Some(Some(past)) = self.state(&record)? else { return Ok(None) };
        Ok(Some((beyond.api_name.clone(), self.place(beyond, &past)?)))
    }

    /// Where a record stood, with the shares of it that held then, and where the records stood that it followed.
    fn place(&self, entity: &Entity, record: &Record) -> Result<Place> {
        let mut beyond = Vec::new();
        for fact in self.policy.inherited().filter(|fact| fact.entity == entity.api_name) {
            // In no circle, so that this comes to an end.
            if let Some((_, place)) = self.end(entity, record, fact.field)? {
                beyond.push((fact.id, place));
            }
        }
        let of = |fact: &ShareFact| (fact.entity, fact.record) == (record.entity, record.id);
        let shares = self.shares(&of)?;
        Ok(self.policy.place(record.envelope.access_class(), shares).following(beyond))
    }

    /// The shares that held then and are asked for, in the order of their ids.
    fn shares(&self, asked: &dyn Fn(&ShareFact) -> bool) -> Result<Vec<ShareFact>> {
        let mut shares: Vec<ShareFact> = Vec::new();
        let (snapshot, registry) = (self.reader.snapshot, self.reader.registry());
        if let Ok(entity) = registry.entity(RecordShare::NAME) {
            self.facts.each((snapshot, registry, entity), &self.policy, &mut |stored| {
                let fact = share_of(registry, entity, stored);
                shares.extend(fact.filter(|fact| fact.holds_at(self.moment) && asked(fact)));
            })?;
        }
        shares.sort_by_key(|share| share.id);
        Ok(shares)
    }

    /// The policy that knows what was shared with somebody, with what followed it as far as there was room; nothing where
    /// there was room for all that was ever made.
    fn about(&self, principal: RecordId) -> Result<Option<Policy>> {
        let (snapshot, registry) = (self.reader.snapshot, self.reader.registry());
        let mut made = 0_u64;
        for child in self.policy.inherited().filter_map(|fact| registry.entity(&fact.entity).ok()) {
            made = made.saturating_add(records_made(snapshot, child)?);
        }
        if usize::try_from(made).is_ok_and(|made| made <= MAX_FOLLOWED_SHARES) {
            return Ok(None);
        }
        let facts = self.shared_with(principal)?;
        let shares = shares_at((self, registry), &self.policy, principal, (&facts, self.moment))?;
        Ok(Some(self.policy.with_shares(principal, shares)))
    }

    /// The shares that held then with somebody and with their teams.
    fn shared_with(&self, principal: RecordId) -> Result<Vec<ShareFact>> {
        if self.shared.borrow().is_none() {
            let mut shared: BTreeMap<Sharee, Vec<ShareFact>> = BTreeMap::new();
            for fact in self.shares(&|_| true)? {
                shared.entry(fact.with).or_default().push(fact);
            }
            *self.shared.borrow_mut() = Some(shared);
        }
        let shared = self.shared.borrow();
        let teams = self.policy.teams_of(principal).iter().copied().map(Sharee::Team);
        let with = std::iter::once(Sharee::User(principal)).chain(teams);
        Ok(with.filter_map(|with| shared.as_ref()?.get(&with)).flatten().cloned().collect())
    }

    /// Which records of an entity referred to others by a field, by those.
    fn followers_by(&self, (entity, field): (EntityId, FieldId)) -> Result<Followers> {
        let (snapshot, registry) = (self.reader.snapshot, self.reader.registry());
        let entity = registry.entity_by_id(entity)?;
        let PastFacts { sealer, place, moment, patience, .. } = self.facts;
        let at = At::Position(place.0);
        self.session.check_kept(self.reader, &entity.api_name, at)?;
        // Who of them was forgotten since is no user of whom nobody can tell.
        let facts = PastFacts { sealer, place, moment, patience, lost: RefCell::default() };
        let mut followers = Followers::new();
        facts.each((snapshot, registry, entity), &self.policy, &mut |record| {
            if let Some(beyond) = record.peek(field).as_id() {
                followers.entry(beyond).or_default().push(record.id);
            }
        })?;
        Ok(followers)
    }
}

impl Standing for Then<'_> {
    fn followers(&self, of: RecordId, place: (EntityId, FieldId), most: usize) -> Result<Vec<RecordId>> {
        if !self.followers.borrow().contains_key(&place) {
            let found = self.followers_by(place)?;
            self.followers.borrow_mut().insert(place, found);
        }
        let known = self.followers.borrow();
        let followers = known.get(&place).and_then(|followers| followers.get(&of));
        Ok(followers.into_iter().flatten().copied().take(most).collect())
    }

    fn class(&self, entity: EntityId, id: RecordId) -> Result<Option<AccessClass>> {
        let Some(record) = records::stored_for_rule(self.reader.snapshot, entity, id)? else {
            return Ok(None);
        };
        Ok(self.state(&record)?.flatten().map(|past| past.envelope.access_class()))
    }
}

/// Of a person who was forgotten nobody can tell any more.
fn lost(entity: &Entity, record: RecordId) -> Error {
    let error = Error::new(Code::HistoryExpired).entity(&entity.api_name).record(record);
    error.rule("the person was forgotten")
}
