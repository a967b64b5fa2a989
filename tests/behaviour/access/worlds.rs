//! Many small organisations, some hundred of them one after the other in one database: each is drawn anew from chance,
//! and every door is asked what the oracle knows.
//!
//! To make people and records takes longer than to ask about them, so a cast stands once for a whole block of worlds. What
//! decides is drawn anew for each world: units and lines of reporting, grants, roles, teams, who may sign in, who owns
//! what, who stands in for whom, and what is shared. In the long form a world keeps most parts of the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use guanxi::base::ManualClock;
use guanxi::engine::{
    Action, Carried, Find, Level, NewDelegation, NewInheritance, NewShare, RoleAssignment, ShareLevel,
    Sharee, Team, TeamMember, TeamRole, Transaction, Unit, User, UserStatus, Verdict, role_assignment,
    team_member, team_role, unit, user,
};
use guanxi::features::reports::{Figure, GroupBy, Measure, Report};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, Crm, Patience, RecordId, Result, Session, Value, WriteOptions, api};
use guanxi_tests::moment;
use serde_json::json;

use super::oracle::Oracle;
use super::organisation::{
    ENTITIES, FIELD, Given, Grant, Group, Person, Plan, SECOND, Shown, StandIn, Term, Thing, With,
};

const ACCOUNT: &str = ENTITIES[0];
const CONTACT: &str = ENTITIES[1];

/// The partition of each person: three of the organisation's own, two of another one.
const PEOPLE: [Option<usize>; 5] = [None, None, None, Some(0), Some(0)];
/// Entity and partition of each record.
const THINGS: [(&str, Option<usize>); 8] = [
    (ACCOUNT, None),
    (ACCOUNT, None),
    (ACCOUNT, None),
    (ACCOUNT, Some(0)),
    (CONTACT, None),
    (CONTACT, None),
    (CONTACT, None),
    (CONTACT, Some(0)),
];
/// A field that both entities have, which everybody sees as it is.
const PHONE: &str = "phone";
const UNITS: usize = 3;
const ROLES: usize = 3;
/// Grants of each role.
const GRANTS: usize = 4;
const TEAMS: usize = 2;
/// Places in teams, and roles of teams.
const PLACES: (usize, usize) = (3, 2);
/// The actions of which grants are drawn.
const ACTIONS: [Action; 6] =
    [Action::Read, Action::Create, Action::Update, Action::Delete, Action::Assign, Action::Export];

/// Chance that can be had again: splitmix64, by Sebastiano Vigna, in the public domain.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn maybe(&mut self, bound: usize) -> Option<usize> {
        let drawn = self.below(bound + 1);
        (drawn < bound).then_some(drawn)
    }
}

fn people_of(partition: Option<usize>) -> Vec<usize> {
    (0..PEOPLE.len()).filter(|person| PEOPLE[*person] == partition).collect()
}

fn grant(dice: &mut Dice) -> Grant {
    let entity = dice.of(&["crm.account", "crm.contact", "*"]);
    // To read comes often, since nothing else can be seen without it.
    let action = if dice.one_in(2) { Action::Read } else { dice.of(&ACTIONS) };
    let levels =
        [Level::None, Level::Own, Level::OwnAndSubordinates, Level::Unit, Level::UnitAndChildren, Level::All];
    let has_field = entity == ACCOUNT && action == Action::Read && dice.one_in(2);
    let shows =
        if has_field { dice.of(&[Shown::Nothing, Shown::Mask, Shown::MaskInLists]) } else { Shown::Value };
    let lists = entity == ACCOUNT && action == Action::Update && dice.one_in(2);
    let only = lists.then(|| dice.of(&[FIELD, PHONE]));
    Grant { entity, action, level: dice.of(&levels), deny: dice.one_in(6), shows, only }
}

fn person(dice: &mut Dice, place: usize) -> Person {
    Person {
        unit: dice.maybe(UNITS),
        reports_to: dice.maybe(PEOPLE.len()),
        roles: (0..2).filter_map(|_| dice.maybe(ROLES)).collect(),
        partition: PEOPLE[place],
        active: !dice.one_in(10),
    }
}

/// Which places of teams are taken by whom, and which roles teams have; where there is no team, nobody and none.
#[derive(Clone)]
struct Seats {
    members: Vec<(Option<usize>, usize)>,
    roles: Vec<(Option<usize>, usize)>,
}

impl Seats {
    fn empty() -> Self {
        Self { members: vec![(None, 0); PLACES.0], roles: vec![(None, ROLES); PLACES.1] }
    }

    fn drawn(dice: &mut Dice) -> Self {
        Self {
            members: (0..PLACES.0).map(|_| (dice.maybe(TEAMS), dice.below(PEOPLE.len()))).collect(),
            roles: (0..PLACES.1).map(|_| (dice.maybe(TEAMS), dice.below(ROLES))).collect(),
        }
    }

    fn teams(&self) -> Vec<Group> {
        let of = |pairs: &[(Option<usize>, usize)], team: usize| {
            pairs.iter().filter(|(of, _)| *of == Some(team)).map(|(_, what)| *what).collect()
        };
        (0..TEAMS)
            .map(|team| Group { members: of(&self.members, team), roles: of(&self.roles, team) })
            .collect()
    }
}

fn given(dice: &mut Dice) -> Given {
    let record = dice.below(THINGS.len());
    let with = match dice.one_in(3) {
        true => With::Team(dice.below(TEAMS)),
        false => With::User(dice.of(&people_of(THINGS[record].1))),
    };
    let level = dice.of(&[ShareLevel::Read, ShareLevel::Edit, ShareLevel::Full]);
    let term = dice.of(&[Term::Ever, Term::Ever, Term::Running, Term::Over, Term::Later]);
    Given { record, with, level, term }
}

fn stand_in(dice: &mut Dice) -> StandIn {
    let near = people_of(dice.of(&[None, Some(0)]));
    let delegator = dice.of(&near);
    let others: Vec<usize> = near.into_iter().filter(|other| *other != delegator).collect();
    StandIn {
        delegator,
        delegate: dice.of(&others),
        term: dice.of(&[Term::Running, Term::Running, Term::Over, Term::Later]),
        entity: dice.one_in(3).then(|| dice.of(&ENTITIES)),
    }
}

/// A world, and the places in its teams.
#[derive(Clone)]
struct World {
    plan: Plan,
    seats: Seats,
}

impl World {
    /// The one in which a cast stands before anything was drawn.
    fn first() -> Self {
        let seats = Seats::empty();
        let nobody = |partition: &Option<usize>| Person {
            unit: None,
            reports_to: None,
            roles: Vec::new(),
            partition: *partition,
            active: true,
        };
        let records = THINGS.iter().map(|(entity, partition)| {
            let owner = people_of(*partition)[0];
            Thing { entity, owner, unit: None, employees: 0, account: None }
        });
        let plan = Plan {
            units: vec![None; UNITS],
            roles: vec![vec![NOTHING; GRANTS]; ROLES],
            users: PEOPLE.iter().map(nobody).collect(),
            records: records.collect(),
            teams: seats.teams(),
            shares: Vec::new(),
            stand_ins: Vec::new(),
            follows: Some(ShareLevel::Read),
        };
        Self { plan, seats }
    }

    /// The next one, of which every part is drawn anew in one of so many worlds.
    fn after(&self, dice: &mut Dice, renewed: usize) -> Self {
        let mut next = self.clone();
        let plan = &mut next.plan;
        if dice.one_in(renewed) {
            plan.units = (0..UNITS).map(|_| dice.maybe(UNITS)).collect();
        }
        for role in &mut plan.roles {
            if dice.one_in(renewed) {
                *role = (0..GRANTS).map(|_| grant(dice)).collect();
            }
        }
        for (place, user) in plan.users.iter_mut().enumerate() {
            if dice.one_in(renewed) {
                *user = person(dice, place);
            }
        }
        for (place, thing) in plan.records.iter_mut().enumerate() {
            if dice.one_in(renewed) {
                *thing = changed(dice, place, thing, &plan.users);
            }
        }
        if dice.one_in(renewed) {
            next.seats = Seats::drawn(dice);
            plan.teams = next.seats.teams();
        }
        if dice.one_in(renewed) {
            plan.shares = (0..dice.below(5)).map(|_| given(dice)).collect();
        }
        if dice.one_in(renewed) {
            plan.stand_ins = (0..dice.below(3)).map(|_| stand_in(dice)).collect();
        }
        if dice.one_in(renewed) {
            let levels = [None, Some(ShareLevel::Read), Some(ShareLevel::Edit), Some(ShareLevel::Full)];
            plan.follows = dice.of(&levels);
        }
        next
    }
}

/// A record with another value and perhaps another owner: it keeps its unit with its owner.
fn changed(dice: &mut Dice, place: usize, last: &Thing, users: &[Person]) -> Thing {
    let (entity, partition) = THINGS[place];
    let owner = dice.of(&people_of(partition));
    let unit = if last.owner == owner { last.unit } else { users[owner].unit };
    let near = (0..THINGS.len()).filter(|other| THINGS[*other] == (ACCOUNT, partition));
    let accounts: Vec<usize> = near.collect();
    let account = (entity == CONTACT).then(|| dice.of(&accounts));
    Thing { entity, owner, unit, employees: i64::try_from(dice.below(100)).unwrap(), account }
}

/// Those who play in every world.
struct Cast {
    crm: Crm,
    clock: Arc<ManualClock>,
    admin: Session,
    clerk: Session,
    units: Vec<RecordId>,
    /// The roles, and one that grants nothing.
    roles: Vec<RecordId>,
    grants: Vec<Vec<RecordId>>,
    users: Vec<RecordId>,
    /// Two places for roles of each person.
    assignments: Vec<[RecordId; 2]>,
    /// The teams, one that has members and no role, and one that has roles and no member.
    teams: Vec<RecordId>,
    members: Vec<RecordId>,
    team_roles: Vec<RecordId>,
    records: Vec<RecordId>,
    sessions: Vec<Option<Session>>,
    stand_ins: Vec<RecordId>,
    /// The setting by which contacts follow their accounts.
    follows: RecordId,
    world: World,
}

fn name_of(place: usize) -> String {
    format!("person {place}")
}

/// A grant that allows nothing.
const NOTHING: Grant = Grant {
    entity: ACCOUNT,
    action: Action::Read,
    level: Level::None,
    deny: false,
    shows: Shown::Value,
    only: None,
};

/// A database in which an account tells how many of its contacts the reader sees.
fn founded() -> (Crm, Arc<ManualClock>, Session) {
    let clock = Arc::new(ManualClock::at(moment(guanxi_tests::NOON)));
    let crm = guanxi::in_memory().clock(clock.clone()).create_in_memory().unwrap();
    let admin = crm.session_for("admin@example.test").unwrap();
    let people = json!({
        "entity": "account", "name": "people", "label_zh": "人数", "label_en": "People", "field_type": "rollup",
        "child": "contact", "by": "account", "function": "count", "readers": "visible",
    });
    api::call(&admin, "schema.define_field", &people).unwrap();
    (crm, clock, admin)
}

/// The records, each made by whoever keeps those of its partition.
fn things(admin: &Session, clerk: &Session, users: &[RecordId]) -> Vec<RecordId> {
    let made = THINGS.iter().enumerate().map(|(place, (entity, partition))| {
        let owner = users[people_of(*partition)[0]];
        let changes = Changes::new().set("name", format!("thing {place}")).owner(owner);
        let changes = if *entity == ACCOUNT { changes.set(FIELD, 0_i64) } else { changes };
        let maker = partition.map_or(admin, |_| clerk);
        maker.write(|transaction| transaction.create_record(entity, changes.clone())).unwrap()
    });
    made.collect()
}

/// The setting by which contacts follow their accounts.
fn following(admin: &Session) -> RecordId {
    let (entity, field) = (CONTACT.to_owned(), "account".to_owned());
    let setting = NewInheritance { entity, field, level: ShareLevel::Read, reason: None };
    admin.inherit_access(&setting).unwrap()
}

impl Cast {
    fn new() -> Self {
        let (crm, clock, admin) = founded();
        let make = |entity: &str, changes: Changes| {
            admin.write(|transaction| transaction.create_record(entity, changes.clone())).unwrap()
        };
        let named = |entity: &str, name: &str| make(entity, Changes::new().set("name", name));
        let partition = named("sys.partition", "north");
        let all = named("sys.role", "clerk");
        let kept = [Action::Create, Action::Read, Action::Update, Action::Delete, Action::Assign];
        for action in kept.into_iter().chain([Action::Share, Action::Lock]) {
            let grant = Grant { entity: "*", action, level: Level::All, ..NOTHING };
            make(guanxi::engine::Grant::NAME, grant.changes(all));
        }
        let user = |name: &str, partition: Option<RecordId>| {
            let changes = Changes::new().set(user::NAME, name).set(user::STATUS, UserStatus::Active);
            make(User::NAME, changes.set(user::PARTITION, partition))
        };
        let assigned = |user: RecordId, role: RecordId| {
            make(
                RoleAssignment::NAME,
                Changes::new().set(role_assignment::USER, user).set(role_assignment::ROLE, role),
            )
        };
        assigned(user("clerk", Some(partition)), all);
        let clerk = crm.session_for("clerk").unwrap();
        let units = (0..UNITS).map(|place| named(Unit::NAME, &format!("unit {place}"))).collect();
        let roles: Vec<RecordId> =
            (0..=ROLES).map(|place| named("sys.role", &format!("role {place}"))).collect();
        let grants = roles.iter().take(ROLES).map(|role| {
            (0..GRANTS).map(|_| make(guanxi::engine::Grant::NAME, NOTHING.changes(*role))).collect()
        });
        let grants = grants.collect();
        let users: Vec<RecordId> = PEOPLE
            .iter()
            .enumerate()
            .map(|(place, of)| user(&name_of(place), of.map(|_| partition)))
            .collect();
        let idle = roles[ROLES];
        let assignments = users.iter().map(|user| [assigned(*user, idle), assigned(*user, idle)]).collect();
        let teams: Vec<RecordId> =
            (0..TEAMS + 2).map(|place| named(Team::NAME, &format!("team {place}"))).collect();
        let member = Changes::new().set(team_member::TEAM, teams[TEAMS]).set(team_member::USER, users[0]);
        let members = (0..PLACES.0).map(|_| make(TeamMember::NAME, member.clone())).collect();
        let of_team = Changes::new().set(team_role::TEAM, teams[TEAMS + 1]).set(team_role::ROLE, idle);
        let team_roles = (0..PLACES.1).map(|_| make(TeamRole::NAME, of_team.clone())).collect();
        let records = things(&admin, &clerk, &users);
        let sessions = (0..PEOPLE.len()).map(|_| None).collect();
        let follows = following(&admin);
        Self {
            crm,
            clock,
            admin,
            clerk,
            units,
            roles,
            grants,
            users,
            assignments,
            teams,
            members,
            team_roles,
            records,
            sessions,
            stand_ins: Vec::new(),
            follows,
            world: World::first(),
        }
    }

    fn with(&self, with: With) -> Sharee {
        match with {
            With::User(user) => Sharee::User(self.users[user]),
            With::Team(team) => Sharee::Team(self.teams[team]),
        }
    }

    /// What one keeps of a partition: owners, values and shares of its records.
    fn keep(&self, transaction: &mut Transaction<'_>, plan: &Plan, partition: Option<usize>) -> Result<()> {
        let last = &self.world.plan;
        let is_here = |given: &&Given| THINGS[given.record].1 == partition && plan.shares != last.shares;
        for given in last.shares.iter().filter(is_here) {
            let (entity, id) = (THINGS[given.record].0, self.records[given.record]);
            match transaction.unshare_record(entity, id, self.with(given.with)) {
                // The one that took its place is gone already.
                Err(error) if error.code() == Code::RecordNotFound => {}
                done => drop(done?),
            }
        }
        for (place, thing) in plan.records.iter().enumerate() {
            if THINGS[place].1 != partition || *thing == last.records[place] {
                continue;
            }
            let mut changes = Changes::new();
            if thing.owner != last.records[place].owner {
                changes = changes.owner(self.users[thing.owner]);
            }
            changes = match thing.account {
                Some(account) => changes.set("account", self.records[account]),
                None => changes.set(FIELD, thing.employees),
            };
            transaction.update_record(thing.entity, self.records[place], changes)?;
        }
        for given in plan.shares.iter().filter(is_here) {
            let (from, until) = given.term.period(self.crm.now());
            let share = NewShare { from, until, ..NewShare::new(self.with(given.with), given.level) };
            transaction.share_record(THINGS[given.record].0, self.records[given.record], &share)?;
        }
        Ok(())
    }

    /// What administrators change of the organisation: only what is another.
    fn organise(&self, transaction: &mut Transaction<'_>, next: &World) -> Result<()> {
        let (plan, last) = (&next.plan, &self.world.plan);
        for (place, id) in self.units.iter().enumerate() {
            if plan.units[place] != last.units[place] {
                let parent = plan.units[place].map(|parent| self.units[parent]);
                transaction.update_record(Unit::NAME, *id, Changes::new().set(unit::PARENT, parent))?;
            }
        }
        for (place, person) in plan.users.iter().enumerate() {
            self.place(transaction, place, person)?;
        }
        for (place, role) in plan.roles.iter().enumerate() {
            for (slot, grant) in role.iter().enumerate() {
                if *grant != last.roles[place][slot] {
                    let (id, changes) = (self.grants[place][slot], grant.changes(self.roles[place]));
                    transaction.update_record(guanxi::engine::Grant::NAME, id, changes)?;
                }
            }
        }
        for (slot, (team, user)) in next.seats.members.iter().enumerate() {
            if (*team, *user) != self.world.seats.members[slot] {
                let team = self.teams[team.unwrap_or(TEAMS)];
                let changes = Changes::new().set(team_member::TEAM, team);
                let changes = changes.set(team_member::USER, self.users[*user]);
                transaction.update_record(TeamMember::NAME, self.members[slot], changes)?;
            }
        }
        for (slot, (team, role)) in next.seats.roles.iter().enumerate() {
            if (*team, *role) != self.world.seats.roles[slot] {
                let team = self.teams[team.unwrap_or(TEAMS + 1)];
                let changes = Changes::new().set(team_role::TEAM, team);
                let changes = changes.set(team_role::ROLE, self.roles[*role]);
                transaction.update_record(TeamRole::NAME, self.team_roles[slot], changes)?;
            }
        }
        Ok(())
    }

    /// Where somebody stands, and what roles they have. Whoever could not sign in can while the world is made: records
    /// may be given to them.
    fn place(&self, transaction: &mut Transaction<'_>, place: usize, person: &Person) -> Result<()> {
        let last = &self.world.plan.users[place];
        if *person == *last && last.active {
            return Ok(());
        }
        let changes = Changes::new()
            .set(user::STATUS, UserStatus::Active)
            .set(user::UNIT, person.unit.map(|unit| self.units[unit]))
            .set(user::REPORTS_TO, person.reports_to.map(|superior| self.users[superior]));
        transaction.update_record(User::NAME, self.users[place], changes)?;
        for (slot, id) in self.assignments[place].iter().enumerate() {
            let role = |person: &Person| person.roles.get(slot).copied().unwrap_or(ROLES);
            if role(person) != role(last) {
                let changes = Changes::new().set(role_assignment::ROLE, self.roles[role(person)]);
                transaction.update_record(RoleAssignment::NAME, *id, changes)?;
            }
        }
        Ok(())
    }

    /// Lets the next world come: what nobody decides by goes first, and who may no longer sign in goes last.
    fn set(&mut self, next: World) {
        let plan = &next.plan;
        let stands_in_anew = plan.stand_ins != self.world.plan.stand_ins;
        let ended = if stands_in_anew { std::mem::take(&mut self.stand_ins) } else { Vec::new() };
        let mut said = Vec::new();
        let now = self.crm.now();
        let made = self.admin.write(|transaction| {
            ended.iter().try_for_each(|id| transaction.end_delegation(*id))?;
            self.organise(transaction, &next)
        });
        made.unwrap();
        // A record gets the unit that its owner has when the transaction begins.
        let made = self.admin.write(|transaction| {
            said.clear();
            self.keep(transaction, plan, None)?;
            for stand_in in plan.stand_ins.iter().filter(|_| stands_in_anew) {
                let delegator = Some(self.users[stand_in.delegator]);
                let new = NewDelegation { delegator, ..stand_in.for_period(&self.users, now) };
                said.push(transaction.delegate(&new)?);
            }
            Ok(())
        });
        made.unwrap();
        if plan.follows != self.world.plan.follows {
            let off = Some(plan.follows.is_none());
            self.admin.change_inheritance(self.follows, plan.follows, off).unwrap();
        }
        self.stand_ins.extend(said);
        self.clerk.write(|transaction| self.keep(transaction, plan, Some(0))).unwrap();
        self.suspend(plan);
        self.open(plan);
        self.clock.advance_micros(2 * SECOND);
        self.world = next;
    }

    fn suspend(&self, plan: &Plan) {
        let gone: Vec<usize> = (0..PEOPLE.len()).filter(|place| !plan.users[*place].active).collect();
        if gone.is_empty() {
            return;
        }
        let left = self.admin.write(|transaction| {
            gone.iter().try_for_each(|place| {
                let changes = Changes::new().set(user::STATUS, UserStatus::Suspended);
                transaction.update_record(User::NAME, self.users[*place], changes).map(drop)
            })
        });
        left.unwrap();
    }

    /// Sessions for those who may sign in; those of others have ended, and no new one begins.
    fn open(&mut self, plan: &Plan) {
        for place in 0..PEOPLE.len() {
            match plan.users[place].active {
                true if self.sessions[place].is_some() => {}
                true => self.sessions[place] = Some(self.crm.session_for(&name_of(place)).unwrap()),
                false => {
                    if let Some(session) = self.sessions[place].take() {
                        let count = session.count(ACCOUNT, &Condition::Everything);
                        assert_eq!(count.unwrap_err().code(), Code::SessionEnded);
                    }
                    assert_eq!(self.crm.session_for(&name_of(place)).unwrap_err().code(), Code::SignInFailed);
                }
            }
        }
    }
}

/// Tells the world in which a question was answered wrongly.
struct Told<'p> {
    seed: u64,
    world: u32,
    plan: &'p Plan,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("GUANXI_ACCESS_SEED={}, world {}: {:#?}", self.seed, self.world, self.plan);
        }
    }
}

/// Somebody who asks: a session, and in whose place.
struct Asker<'a> {
    session: &'a Session,
    user: usize,
    oracle: &'a Oracle<'a>,
    cast: &'a Cast,
    /// Whether words are looked for.
    searches: bool,
}

impl Asker<'_> {
    fn ids(&self, places: &[usize]) -> BTreeSet<RecordId> {
        places.iter().map(|place| self.cast.records[*place]).collect()
    }

    /// One record, and all of an entity, by every door through which records are read.
    fn reads(&self, entity: &'static str) {
        let (session, everything) = (self.session, Condition::Everything);
        let all = (0..THINGS.len()).filter(|place| THINGS[*place].0 == entity);
        let report = Report {
            entity: entity.to_owned(),
            filter: Condition::Everything,
            group_by: vec![GroupBy { path: vec!["owner".into()], bucket: None }],
            measures: vec![Measure::Count],
        };
        let Some(visible) = self.oracle.visible(self.user, entity) else {
            let refused = |code: Code| assert_eq!(code, Code::NotPermitted);
            refused(session.list(entity, &Find::default()).unwrap_err().code());
            refused(session.count(entity, &everything).unwrap_err().code());
            refused(session.report(&report).unwrap_err().code());
            if self.searches {
                refused(session.search("thing", Some(entity), 0, 0).unwrap_err().code());
            }
            for place in all {
                refused(session.get(entity, self.cast.records[place]).unwrap_err().code());
            }
            return;
        };
        let ids = self.ids(&visible);
        let count = u64::try_from(ids.len()).unwrap();
        let page = session.list(entity, &Find { limit: 100, ..Find::default() }).unwrap();
        assert_eq!(page.rows.iter().map(|row| row.record.id).collect::<BTreeSet<_>>(), ids);
        for row in &page.rows {
            let place = self.cast.records.iter().position(|id| *id == row.record.id).unwrap();
            self.sees_field(place, &row.value(FIELD).unwrap_or_default(), true);
        }
        assert_eq!(session.count(entity, &everything).unwrap(), count);
        if self.searches {
            let found = session.search("thing", Some(entity), 100, 0).unwrap();
            assert_eq!(found.total, count);
            assert_eq!(found.hits.iter().map(|hit| hit.listing.record.id).collect::<BTreeSet<_>>(), ids);
        }
        let mut by_owner: BTreeMap<RecordId, u64> = BTreeMap::new();
        for place in &visible {
            *by_owner.entry(self.cast.users[self.oracle.plan.records[*place].owner]).or_default() += 1;
        }
        let table = session.report(&report).unwrap();
        let told = table.rows.iter().map(|row| (row.group[0].as_id().unwrap(), row.figures.clone()));
        let counted = by_owner.into_iter().map(|(owner, count)| (owner, vec![Figure::Count(count)]));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), counted.collect::<BTreeMap<_, _>>());
        for place in all {
            self.reads_one(entity, place, visible.contains(&place));
        }
        if entity == ACCOUNT {
            self.sums(report, &visible);
        }
    }

    fn reads_one(&self, entity: &str, place: usize, visible: bool) {
        match self.session.get(entity, self.cast.records[place]) {
            Err(error) => assert!(!visible && error.code() == Code::RecordNotFound, "{place}: {error}"),
            Ok(row) => {
                assert!(visible, "{place}");
                if entity == ACCOUNT {
                    self.sees_field(place, &row.value(FIELD).unwrap(), false);
                    self.rolls_up(place, &row.value("x.people").unwrap());
                }
            }
        }
    }

    fn sees_field(&self, place: usize, value: &Value, in_list: bool) {
        let thing = &self.oracle.plan.records[place];
        let is_mask = value.as_text().is_some_and(|text| text.contains("****"));
        match self.oracle.shown(self.user, place) {
            _ if thing.entity != ACCOUNT => {}
            Shown::Nothing => assert_eq!(*value, Value::Null, "{place}"),
            Shown::Mask => assert!(is_mask, "{place}: {value:?}"),
            Shown::MaskInLists if in_list => assert!(is_mask, "{place}: {value:?}"),
            _ => assert_eq!(*value, Value::Int(thing.employees), "{place}"),
        }
    }

    /// How many contacts of an account the reader sees; nothing for whoever reads no contacts.
    fn rolls_up(&self, place: usize, value: &Value) {
        let seen = self.oracle.visible(self.user, CONTACT).map(|contacts| {
            let of_account = |contact: &&usize| self.oracle.plan.records[**contact].account == Some(place);
            i64::try_from(contacts.iter().filter(of_account).count()).unwrap()
        });
        assert_eq!(*value, seen.map_or(Value::Null, Value::Int), "people of {place}, as {} sees", self.user);
    }

    /// The sum of a field, and a condition on it, for whoever sees it in all records; for others neither.
    fn sums(&self, report: Report, visible: &[usize]) {
        let measures = vec![Measure::Sum(FIELD.into())];
        let summed = self.session.report(&Report { measures, group_by: Vec::new(), ..report });
        let large =
            Condition::Compare(FIELD.into(), guanxi::engine::Comparison::GreaterOrEqual, Value::Int(50));
        let counted = self.session.count(ACCOUNT, &large);
        let employees = visible.iter().map(|place| self.oracle.plan.records[*place].employees);
        if let Some(code) = self.oracle.asked_by_field(self.user, ACCOUNT) {
            assert_eq!((summed.unwrap_err().code(), counted.unwrap_err().code()), (code, code));
            return;
        }
        let expected = employees.clone().filter(|number| *number >= 50).count();
        assert_eq!(counted.unwrap(), u64::try_from(expected).unwrap());
        match &summed.unwrap().rows[0].figures[0] {
            Figure::Number(number) => assert_eq!(number.to_string(), employees.sum::<i64>().to_string()),
            other => assert!(visible.is_empty() && *other == Figure::Nothing, "{other:?}"),
        }
    }

    /// What is told of the past of a record, and whether it may be taken away.
    fn looks_back_and_takes_away(&self, place: usize, acting: bool) {
        let (entity, id) = (THINGS[place].0, self.cast.records[place]);
        let visible = self.oracle.visible(self.user, entity).map(|seen| seen.contains(&place));
        let unseen = match visible {
            None => Some(Code::NotPermitted),
            Some(false) => Some(Code::RecordNotFound),
            Some(true) => None,
        };
        let told = self.session.history(entity, id, None, 1);
        assert_eq!(told.err().map(|error| error.code()), unseen, "history of {place}");
        let carried = Carried {
            entity: entity.to_owned(),
            records: vec![id],
            rows: 1,
            form: "csv".to_owned(),
            filter: None,
        };
        let may = !acting && self.oracle.may(self.user, entity, Action::Export);
        let refused = if may { unseen } else { Some(Code::NotPermitted) };
        let taken = self.session.note_export(&carried);
        assert_eq!(taken.err().map(|error| error.code()), refused, "export of {place}");
    }

    fn is_held(&self, place: usize) -> bool {
        self.oracle.plan.records.iter().any(|thing| thing.account == Some(place))
    }

    /// Some writes, each taken back.
    fn writes(&self, dice: &mut Dice) {
        let mut transaction = self.session.begin(WriteOptions::default()).unwrap();
        for (place, id) in self.cast.records.iter().enumerate() {
            let entity = THINGS[place].0;
            let before = transaction.savepoint();
            let kind = dice.below(3);
            let deleted = kind == 1;
            let (done, expected) = match kind {
                0 => {
                    let field = if entity == ACCOUNT { dice.of(&[FIELD, PHONE]) } else { PHONE };
                    let value = if field == FIELD { Value::Int(101) } else { Value::from("changed") };
                    let done = transaction.update_record(entity, *id, Changes::new().set(field, value));
                    (done.map(drop), self.oracle.setting(self.user, place, field))
                }
                1 => {
                    let done = transaction.delete_record(entity, *id);
                    (done, self.oracle.change(self.user, place, Action::Delete))
                }
                _ => {
                    let other = dice.below(PEOPLE.len());
                    let changes = Changes::new().owner(self.cast.users[other]);
                    let done = transaction.update_record(entity, *id, changes).map(drop);
                    (done, self.oracle.assignment(self.user, place, other))
                }
            };
            // What others refer to stays, whoever may delete it.
            let expected = expected.or_else(|| (deleted && self.is_held(place)).then_some(Code::Referenced));
            assert_eq!(done.err().map(|error| error.code()), expected, "{place}");
            transaction.roll_back_to(before);
        }
        let (entity, other) = (dice.of(&ENTITIES), dice.below(PEOPLE.len()));
        let made = transaction
            .create_record(entity, Changes::new().set("name", "new").owner(self.cast.users[other]));
        assert_eq!(made.err().map(|error| error.code()), self.oracle.creation(self.user, entity, other));
    }
}

/// What administrators are told of who may what, for one record and one action.
fn explains(cast: &Cast, oracle: &Oracle<'_>, place: usize, action: Action) {
    let (entity, id) = (THINGS[place].0, cast.records[place]);
    let users = &oracle.plan.users;
    let reads = |oracle: &Oracle<'_>, user: usize| {
        users[user].active && oracle.visible(user, entity).is_some_and(|seen| seen.contains(&place))
    };
    // Whoever makes a record need not see it before.
    let sees = |oracle: &Oracle<'_>, user: usize| action == Action::Create || reads(oracle, user);
    let may = |oracle: &Oracle<'_>, user: usize| {
        users[user].active && sees(oracle, user) && oracle.reaches(user, place, action)
    };
    let told = cast.admin.who_may(entity, id, action, (None, 0));
    if THINGS[place].1.is_some() {
        assert_eq!(told.unwrap_err().code(), Code::RecordNotFound);
        return;
    }
    let told = told.unwrap();
    for (user, person) in users.iter().enumerate() {
        let explained = cast.admin.explain_access(cast.users[user], entity, id, action).unwrap();
        assert_eq!(
            explained.verdict == Verdict::Granted,
            may(oracle, user),
            "{user} {action:?} {place}: {explained:?}"
        );
        let for_others = if person.active { oracle.stood_in_for(user) } else { Vec::new() };
        let for_others = for_others
            .iter()
            .filter(|(other, standing_in)| may(standing_in, *other) && action != Action::Export);
        let delegators: BTreeSet<RecordId> = for_others.map(|(other, _)| cast.users[*other]).collect();
        assert_eq!(
            explained.delegators.iter().copied().collect::<BTreeSet<_>>(),
            delegators,
            "{user} {action:?} {place}"
        );
        let row = told.rows.iter().find(|row| row.user == cast.users[user]);
        let entitled =
            row.is_some_and(|row| !(row.paths.is_empty() && row.shares.is_empty() && row.parents.is_empty()));
        assert_eq!(entitled, may(oracle, user), "{user} {action:?} {place}");
        let listed: BTreeSet<RecordId> = row.iter().flat_map(|row| row.delegators.iter().copied()).collect();
        assert_eq!(listed, delegators);
        if explained.verdict == Verdict::Granted && action == Action::Update && entity == ACCOUNT {
            for field in [FIELD, PHONE] {
                let unset = !oracle.sets(user, place, field);
                assert_eq!(explained.read_only.contains(&field.to_owned()), unset, "{user} {field} {place}");
                let listed = row.is_some_and(|row| row.read_only.contains(&field.to_owned()));
                assert_eq!(listed, unset, "{user} {field} {place}");
            }
        }
        if explained.verdict == Verdict::Granted && reads(oracle, user) && entity == ACCOUNT {
            let shown = oracle.shown(user, place);
            assert_eq!(explained.hidden.contains(&FIELD.to_owned()), shown == Shown::Nothing);
            assert_eq!(explained.masked.contains(&FIELD.to_owned()), shown == Shown::Mask);
        }
    }
}

/// What another grant in place of one that stands would open and close: the difference of two worlds.
fn simulates(cast: &Cast, oracle: &Oracle<'_>, dice: &mut Dice) {
    let (role, slot, other) = (dice.below(ROLES), dice.below(GRANTS), grant(dice));
    let mut after = oracle.plan.clone();
    after.roles[role][slot] = other.clone();
    let after = Oracle::new(&after);
    let told = cast.admin.simulate_access(1_000, |transaction| {
        let changes = other.changes(cast.roles[role]);
        transaction.update_record(guanxi::engine::Grant::NAME, cast.grants[role][slot], changes).map(drop)
    });
    let told = told.unwrap();
    assert!(!told.more);
    for (user, person) in oracle.plan.users.iter().enumerate() {
        for (entity, action) in ENTITIES.iter().flat_map(|entity| ACTIONS.map(|action| (*entity, action))) {
            let level = |oracle: &Oracle<'_>| {
                if person.active { oracle.level(user, entity, action) } else { Level::None }
            };
            let reached = |oracle: &Oracle<'_>| -> BTreeSet<usize> {
                let here = |place: &usize| THINGS[*place] == (entity, None) && action != Action::Create;
                let reached = |place: &usize| person.active && oracle.reaches(user, *place, action);
                (0..THINGS.len()).filter(here).filter(reached).collect()
            };
            let (was, becomes) = (reached(oracle), reached(&after));
            let count = |one: &BTreeSet<usize>, other: &BTreeSet<usize>| {
                u64::try_from(one.difference(other).count()).unwrap()
            };
            let expected = (level(oracle), level(&after), count(&becomes, &was), count(&was, &becomes));
            let row = told
                .rows
                .iter()
                .find(|row| (row.user, &*row.entity, row.action) == (cast.users[user], entity, action));
            let row = row.map(|row| (row.was, row.becomes, row.opened, row.closed));
            let still = row.unwrap_or((expected.0, expected.0, 0, 0));
            assert_eq!(still, expected, "{user} {entity} {action:?} by {other:?} for {role}.{slot}");
        }
    }
}

/// How much of a world is another than before, and how much of it is asked.
#[derive(Clone, Copy)]
struct Breadth {
    /// Whether everybody is asked, or one who is drawn.
    everybody: bool,
    /// A change is simulated in one of so many worlds.
    simulated: usize,
    /// Each part of a world is drawn anew in one of so many.
    renewed: usize,
    /// Words are looked for in one of so many: their index takes in each world's owners anew.
    searched: usize,
    /// Whether the ledger is verified on the way, too, and not at the end of a block alone.
    verified: bool,
}

/// Fewer worlds, and everything about them.
const WHOLE: Breadth = Breadth { everybody: true, simulated: 4, renewed: 1, searched: 4, verified: true };
/// Of very many worlds each is asked by one of its people: another world shows more than another of its people. For the
/// same reason each keeps most of the one before, which to write anew would take most of the time.
const DRAWN: Breadth = Breadth { everybody: false, simulated: 64, renewed: 4, searched: 16, verified: false };

fn check(cast: &Cast, plan: &Plan, dice: &mut Dice, breadth: Breadth) {
    let oracle = Oracle::new(plan);
    let (one, first) = (dice.below(THINGS.len()), dice.below(PEOPLE.len()));
    let searches = dice.one_in(breadth.searched);
    // Who has no session is asked nothing: the next one who has writes in their place.
    let mut people = (0..PEOPLE.len()).map(|step| (first + step) % PEOPLE.len());
    let writer = people.find(|user| cast.sessions[*user].is_some());
    for (user, session) in cast.sessions.iter().enumerate() {
        let is_asked = breadth.everybody || Some(user) == writer;
        let Some(session) = session.as_ref().filter(|_| is_asked) else { continue };
        let asker = Asker { session, user, oracle: &oracle, cast, searches };
        ENTITIES.iter().for_each(|entity| asker.reads(entity));
        asker.looks_back_and_takes_away(one, false);
        if Some(user) == writer {
            asker.writes(dice);
        }
        let stood_in_for = oracle.stood_in_for(user);
        for (other, id) in cast.users.iter().enumerate() {
            let acting = session.act_for(*id);
            let Some((_, oracle)) = stood_in_for.iter().find(|(delegator, _)| *delegator == other) else {
                assert_eq!(
                    acting.err().map(|error| error.code()),
                    Some(Code::SessionEnded),
                    "{user} for {other}"
                );
                continue;
            };
            let acting = Asker { session: &acting.unwrap(), user: other, oracle, cast, searches };
            ENTITIES.iter().for_each(|entity| acting.reads(entity));
            acting.looks_back_and_takes_away(one, true);
            acting.writes(dice);
        }
    }
    explains(cast, &oracle, one, dice.of(&ACTIONS));
    if dice.one_in(breadth.simulated) {
        simulates(cast, &oracle, dice);
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// How many worlds are tried in the long form: as many as `GUANXI_ACCESS_WORLDS` says. Each is asked by one of its people.
pub fn in_the_long_form() -> Option<u32> {
    from_environment("GUANXI_ACCESS_WORLDS").and_then(|worlds| u32::try_from(worlds).ok())
}

/// How many worlds are tried where nobody says how many.
const WORLDS: u32 = 10_000;
/// How many worlds one cast plays. Its database keeps the history of all that was ever written, so it becomes
/// slower with each world; to found another one costs as much as some ten worlds.
const BLOCK: u32 = 250;

/// Some worlds, one after the other in one database.
fn play(seed: u64, worlds: u32, breadth: Breadth) {
    let (mut dice, mut cast) = (Dice(seed), Cast::new());
    for world in 1..=worlds {
        let renewed = if world == 1 { 1 } else { breadth.renewed };
        let next = cast.world.after(&mut dice, renewed);
        let plan = next.plan.clone();
        let _told = Told { seed, world, plan: &plan };
        cast.set(next);
        check(&cast, &plan, &mut dice, breadth);
        if breadth.verified && world.is_power_of_two() || world == worlds {
            cast.crm.verify(&Patience::default()).unwrap();
        }
    }
}

#[test]
fn every_door_answers_everybody_as_the_oracle_does_in_many_worlds() {
    // A new seed each time: what failed once is had again by its own, as the first of the blocks.
    let seed =
        from_environment("GUANXI_ACCESS_SEED").unwrap_or_else(|| RandomState::new().hash_one("access"));
    let (all, breadth) = in_the_long_form().map_or((WORLDS, WHOLE), |worlds| (worlds, DRAWN));
    let (began, next, played) = (Instant::now(), AtomicU32::new(0), AtomicU32::new(0));
    let work = || loop {
        let block = next.fetch_add(1, Ordering::SeqCst);
        let worlds = all.saturating_sub(block.saturating_mul(BLOCK)).min(BLOCK);
        if worlds == 0 {
            return;
        }
        play(seed.wrapping_add(u64::from(block)), worlds, breadth);
        played.fetch_add(worlds, Ordering::SeqCst);
    };
    let hands = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..hands).for_each(|_| drop(scope.spawn(work))));
    let played = played.into_inner();
    println!("{played} worlds in {:?}", began.elapsed());
    assert_eq!(played, all);
}
