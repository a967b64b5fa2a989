//! Random organisations: units, people, roles and records, and the database in which they stand.

use guanxi::engine::{
    Action, Effect, Level, NewDelegation, NewShare, RoleAssignment, ShareLevel, Sharee, Team, TeamMember,
    TeamRole, Unit, User, UserStatus, grant, role_assignment, team, team_member, team_role, unit, user,
};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, RecordId, Session, Timestamp};
use guanxi_tests::{House, database, refusal};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// The entities of which the records are.
pub const ENTITIES: [&str; 2] = ["crm.account", "crm.contact"];

/// The field of accounts that grants hide and mask.
pub const FIELD: &str = "employees";

/// One action on one entity at one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub entity: &'static str,
    pub action: Action,
    pub level: Level,
    /// Whether it forbids: records, or, where it does not show the number of employees, that alone.
    pub deny: bool,
    /// What it shows of the number of employees, the one field of which grants say anything here.
    pub shows: Shown,
    /// Of one to change: the only field that it lets be set; where it forbids, the only one that it does not forbid to.
    pub only: Option<&'static str>,
}

/// How much is shown of a value, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    Nothing,
    Mask,
    MaskInLists,
    Value,
}

impl Grant {
    /// Whether it forbids records, rather than a field.
    pub fn denies_records(&self) -> bool {
        self.deny && self.shows == Shown::Value && self.only.is_none()
    }

    /// The record of the grant, for a role.
    pub fn changes(&self, role: RecordId) -> Changes {
        let named = |shown: Shown| if self.shows == shown { FIELD } else { "" };
        Changes::new()
            .set(grant::ROLE, role)
            .set(grant::ENTITY, self.entity)
            .set(grant::ACTION, self.action)
            .set(grant::LEVEL, self.level)
            .set(grant::EFFECT, if self.deny { Effect::Deny } else { Effect::Allow })
            .set(grant::HIDDEN_FIELDS, named(Shown::Nothing))
            .set(grant::MASKED_FIELDS, named(Shown::Mask))
            .set(grant::LIST_MASKED_FIELDS, named(Shown::MaskInLists))
            .set(grant::WRITABLE_FIELDS, self.only)
    }
}

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub unit: Option<usize>,
    pub reports_to: Option<usize>,
    pub roles: Vec<usize>,
    /// The partition, if it is not that of the organisation.
    pub partition: Option<usize>,
    /// Whether the person may sign in.
    pub active: bool,
}

/// Something that somebody owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    pub entity: &'static str,
    pub owner: usize,
    /// The unit that the owner worked in when the record came to them.
    pub unit: Option<usize>,
    pub employees: i64,
    /// Of a contact, the place of its account among all things.
    pub account: Option<usize>,
}

/// People who have roles together, and with whom records are shared together.
#[derive(Debug, Clone)]
pub struct Group {
    pub members: Vec<usize>,
    pub roles: Vec<usize>,
}

/// With whom a record is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    User(usize),
    Team(usize),
}

/// When a share holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// From its making on, without end.
    Ever,
    /// Up to a moment that has come since.
    Over,
    /// Up to a moment that has not come.
    Running,
    /// From a moment on that has not come.
    Later,
}

/// A record that is shared. The last one of a record with somebody is the one that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub record: usize,
    pub with: With,
    pub level: ShareLevel,
    pub term: Term,
}

/// Somebody stands in for another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    pub delegator: usize,
    pub delegate: usize,
    pub term: Term,
    /// About these records alone, if something is said.
    pub entity: Option<&'static str>,
}

/// An organisation. Lines of units and of reporting may run in circles.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The unit above each unit.
    pub units: Vec<Option<usize>>,
    pub roles: Vec<Vec<Grant>>,
    pub users: Vec<Person>,
    pub records: Vec<Thing>,
    pub teams: Vec<Group>,
    pub shares: Vec<Given>,
    pub stand_ins: Vec<StandIn>,
    /// How much of what may be done to accounts may be done to their contacts.
    pub follows: Option<ShareLevel>,
}

fn stand_in(users: usize) -> impl Strategy<Value = StandIn> {
    let terms = prop_oneof![4 => Just(Term::Running), 1 => Just(Term::Over), 1 => Just(Term::Later)];
    let about = prop_oneof![2 => Just(None), 1 => select(ENTITIES.to_vec()).prop_map(Some)];
    (0..users, 0..users, terms, about).prop_map(|(delegator, delegate, term, entity)| StandIn {
        delegator,
        delegate,
        term,
        entity,
    })
}

fn given(users: usize, records: usize, teams: usize) -> impl Strategy<Value = Given> {
    let with = prop_oneof![2 => (0..users).prop_map(With::User), 1 => (0..teams).prop_map(With::Team)];
    let levels = select(vec![ShareLevel::Read, ShareLevel::Edit, ShareLevel::Full]);
    let terms = prop_oneof![
        4 => Just(Term::Ever),
        1 => Just(Term::Over),
        2 => Just(Term::Running),
        1 => Just(Term::Later),
    ];
    (0..records, with, levels, terms).prop_map(|(record, with, level, term)| Given {
        record,
        with,
        level,
        term,
    })
}

fn grant() -> impl Strategy<Value = Grant> {
    let entities = select(vec!["crm.account", "crm.contact", "*"]);
    // To read comes often, since nothing else can be seen without it.
    let actions = prop_oneof![
        4 => Just(Action::Read),
        1 => Just(Action::Create),
        2 => Just(Action::Update),
        1 => Just(Action::Delete),
        2 => Just(Action::Assign),
    ];
    let levels = select(vec![
        Level::None,
        Level::Own,
        Level::OwnAndSubordinates,
        Level::Unit,
        Level::UnitAndChildren,
        Level::All,
    ]);
    let deny = prop_oneof![5 => Just(false), 1 => Just(true)];
    let shows = prop_oneof![
        6 => Just(Shown::Value),
        1 => Just(Shown::Nothing),
        1 => Just(Shown::Mask),
        1 => Just(Shown::MaskInLists),
    ];
    (entities, actions, levels, deny, shows).prop_map(|(entity, action, level, deny, shows)| {
        let has_field = entity == "crm.account" && action == Action::Read;
        let shows = if has_field { shows } else { Shown::Value };
        Grant { entity, action, level, deny, shows, only: None }
    })
}

/// Any organisation of a handful of people.
pub fn plan() -> impl Strategy<Value = Plan> {
    (1_usize..5, 2_usize..6, 1_usize..4).prop_flat_map(|(units, users, roles)| {
        let partition = prop_oneof![3 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(1))];
        let person = (option::of(0..units), option::of(0..users), vec(0..roles, 1..3), partition);
        let person = person.prop_map(|(unit, reports_to, roles, partition)| Person {
            unit,
            reports_to,
            roles,
            partition,
            active: true,
        });
        let thing = (select(ENTITIES.to_vec()), 0..users, 0_i64..100);
        let thing = thing.prop_map(|(entity, owner, employees)| Thing {
            entity,
            owner,
            unit: None,
            employees,
            account: None,
        });
        let group = (vec(0..users, 0..4), vec(0..roles, 0..3));
        let group = group.prop_map(|(members, roles)| Group { members, roles });
        let records = 4_usize..14;
        (
            vec(option::of(0..units), units),
            vec(vec(grant(), 1..6), roles),
            vec(person, users),
            (vec(group, 2), vec(stand_in(users), 0..4)),
            records.prop_flat_map(move |records| {
                (vec(thing.clone(), records), vec(given(users, records, 2), 0..10))
            }),
        )
            .prop_map(|(units, roles, users, (teams, stand_ins), (mut records, shares))| {
                records.iter_mut().for_each(|thing| thing.unit = users[thing.owner].unit);
                Plan { units, roles, users, records, teams, shares, stand_ins, follows: None }
            })
    })
}

/// A database in which one organisation after another stands, each of new people.
pub struct Theatre {
    pub house: House,
    /// Who makes and clears away the records of each partition.
    clerks: Vec<Session>,
    partitions: [RecordId; 2],
    /// How many organisations stood here.
    pub worlds: usize,
}

impl Theatre {
    /// A new database, with the clerks of its partitions.
    pub fn new() -> Self {
        let house = database();
        let partitions = ["north", "south"].map(|name| house.partition(name));
        let actions = [
            Action::Create,
            Action::Read,
            Action::Update,
            Action::Delete,
            Action::Assign,
            Action::Share,
            Action::Lock,
        ];
        let clerk = house.role("clerk", &actions.map(|action| ("*", action, Level::All)));
        let of_partition = |number: usize, id: &RecordId| {
            let session = house.user(&format!("clerk {number}"), &[clerk]);
            house.change(User::NAME, session.user(), &Changes::new().set(user::PARTITION, *id));
            session
        };
        let clerks = partitions.iter().enumerate().map(|(number, id)| of_partition(number, id)).collect();
        Self { house, clerks, partitions, worlds: 0 }
    }

    fn maker(&self, partition: Option<usize>) -> &Session {
        partition.map_or(&self.house.admin, |partition| &self.clerks[partition])
    }
}

/// The organisation in a database.
pub struct Stage<'t> {
    pub house: &'t House,
    pub users: Vec<RecordId>,
    pub sessions: Vec<Session>,
    pub records: Vec<RecordId>,
    theatre: &'t Theatre,
}

impl<'t> Stage<'t> {
    pub fn set(theatre: &'t mut Theatre, plan: &Plan) -> Self {
        theatre.worlds += 1;
        let theatre: &'t Theatre = theatre;
        let (house, world) = (&theatre.house, theatre.worlds);
        let roles = plan.roles.iter().enumerate().map(|(number, role)| {
            let id = house.role(&format!("role {world}.{number}"), &[]);
            for grant in role {
                let _ = house.create(guanxi::engine::Grant::NAME, &grant.changes(id));
            }
            id
        });
        let roles: Vec<RecordId> = roles.collect();
        let users = people(theatre, plan, &roles);
        let records = things(theatre, plan, &users);
        let teams = teams(theatre, plan, (&users, &roles));
        shares(theatre, plan, (&users, &teams, &records));
        let sessions: Vec<Session> = (0..users.len())
            .map(|number| house.crm.session_for(&format!("user {world}.{number}")).unwrap())
            .collect();
        stand_ins(theatre, plan, (&users, &sessions));
        house.clock.advance_micros(2 * SECOND);
        Self { house, users, sessions, records, theatre }
    }

    /// The records of an entity, with their places in the plan.
    pub fn records_of(&self, plan: &Plan, entity: &str) -> Vec<(RecordId, usize)> {
        let all = self.records.iter().copied().zip(0..);
        all.filter(|(_, number)| plan.records[*number].entity == entity).collect()
    }

    /// Clears the records away, since who reaches everybody's would find them in the next world, and lets its
    /// people go.
    pub fn strike(self, plan: &Plan) {
        for (record, id) in plan.records.iter().zip(&self.records) {
            let maker = self.theatre.maker(plan.users[record.owner].partition);
            maker.write(|transaction| transaction.delete_record(record.entity, *id)).unwrap();
        }
        let left = self.house.admin.write(|transaction| {
            self.users.iter().try_for_each(|user| {
                let left = Changes::new().set(user::STATUS, UserStatus::Left);
                transaction.update_record(User::NAME, *user, left).map(drop)
            })
        });
        left.unwrap();
    }
}

/// Units and users are linked after they stand, so that the links may run in circles.
fn people(theatre: &Theatre, plan: &Plan, roles: &[RecordId]) -> Vec<RecordId> {
    let world = theatre.worlds;
    let made = theatre.house.admin.write(|transaction| {
        let mut units = Vec::new();
        for number in 0..plan.units.len() {
            let changes = Changes::new().set(unit::NAME, format!("unit {world}.{number}"));
            units.push(transaction.create_record(Unit::NAME, changes)?);
        }
        for (id, parent) in units.iter().zip(&plan.units) {
            let parent = parent.map(|parent| units[parent]);
            transaction.update_record(Unit::NAME, *id, Changes::new().set(unit::PARENT, parent))?;
        }
        let mut users = Vec::new();
        for (number, person) in plan.users.iter().enumerate() {
            let partition = person.partition.map(|partition| theatre.partitions[partition]);
            let changes = Changes::new()
                .set(user::NAME, format!("user {world}.{number}"))
                .set(user::STATUS, UserStatus::Active)
                .set(user::UNIT, person.unit.map(|unit| units[unit]))
                .set(user::PARTITION, partition);
            users.push(transaction.create_record(User::NAME, changes)?);
        }
        for (id, person) in users.iter().zip(&plan.users) {
            let superior = person.reports_to.map(|superior| users[superior]);
            transaction.update_record(User::NAME, *id, Changes::new().set(user::REPORTS_TO, superior))?;
            for role in &person.roles {
                let changes =
                    Changes::new().set(role_assignment::USER, *id).set(role_assignment::ROLE, roles[*role]);
                transaction.create_record(RoleAssignment::NAME, changes)?;
            }
        }
        Ok(users)
    });
    made.unwrap()
}

/// Who is in a team twice is in it once.
fn teams(theatre: &Theatre, plan: &Plan, (users, roles): (&[RecordId], &[RecordId])) -> Vec<RecordId> {
    let made = theatre.house.admin.write(|transaction| {
        let mut teams = Vec::new();
        for (number, group) in plan.teams.iter().enumerate() {
            let name = format!("team {}.{number}", theatre.worlds);
            let team = transaction.create_record(Team::NAME, Changes::new().set(team::NAME, name))?;
            for user in &group.members {
                let member = Changes::new().set(team_member::TEAM, team).set(team_member::USER, users[*user]);
                transaction.create_record(TeamMember::NAME, member)?;
            }
            for role in &group.roles {
                let has = Changes::new().set(team_role::TEAM, team).set(team_role::ROLE, roles[*role]);
                transaction.create_record(TeamRole::NAME, has)?;
            }
            teams.push(team);
        }
        Ok(teams)
    });
    made.unwrap()
}

/// Records are shared by whoever keeps those of their partition; beyond it nobody is known.
fn shares(theatre: &Theatre, plan: &Plan, (users, teams, records): (&[RecordId], &[RecordId], &[RecordId])) {
    for given in &plan.shares {
        let thing = &plan.records[given.record];
        let partition = plan.users[thing.owner].partition;
        let (with, known) = match given.with {
            With::User(user) => (Sharee::User(users[user]), plan.users[user].partition == partition),
            With::Team(team) => (Sharee::Team(teams[team]), true),
        };
        let (from, until) = given.term.period(theatre.house.crm.now());
        let share = NewShare { from, until, ..NewShare::new(with, given.level) };
        let made = theatre.maker(partition).share(thing.entity, records[given.record], &share);
        if known {
            made.unwrap();
        } else {
            assert_eq!(refusal(made), Code::ReferenceMissing);
        }
    }
}

/// Everybody says for themselves who stands in; nobody does in another partition, nor for themselves.
fn stand_ins(theatre: &Theatre, plan: &Plan, (users, sessions): (&[RecordId], &[Session])) {
    for said in &plan.stand_ins {
        let made = sessions[said.delegator].delegate(&said.for_period(users, theatre.house.crm.now()));
        let refused = if said.delegator == said.delegate {
            Some(Code::NotPermitted)
        } else {
            let partition = |user: usize| plan.users[user].partition;
            (partition(said.delegator) != partition(said.delegate)).then_some(Code::ReferenceMissing)
        };
        assert_eq!(made.err().map(|error| error.code()), refused);
    }
}

/// A second, in microseconds.
pub const SECOND: i64 = 1_000_000;

impl Term {
    /// From when until when, as seen two seconds before the questions.
    pub fn period(self, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        let after = |seconds: i64| Some(Timestamp::from_micros(now.micros() + seconds * SECOND));
        match self {
            Self::Ever => (None, None),
            Self::Over => (None, after(1)),
            Self::Running => (None, after(1_000_000)),
            Self::Later => (after(1_000_000), None),
        }
    }

    /// Whether it is the present.
    pub fn holds(self) -> bool {
        matches!(self, Self::Ever | Self::Running)
    }
}

impl StandIn {
    /// The delegation, by the delegator.
    pub fn for_period(&self, users: &[RecordId], now: Timestamp) -> NewDelegation {
        let (from, until) = self.term.period(now);
        let latest = Timestamp::from_micros(now.micros() + 2_000_000 * SECOND);
        NewDelegation {
            from,
            entities: self.entity.map(str::to_owned).into_iter().collect(),
            ..NewDelegation::new(users[self.delegate], until.unwrap_or(latest))
        }
    }
}

/// Records are made by a clerk of their partition, since nobody else can.
fn things(theatre: &Theatre, plan: &Plan, users: &[RecordId]) -> Vec<RecordId> {
    let made = plan.records.iter().enumerate().map(|(number, thing)| {
        let maker = theatre.maker(plan.users[thing.owner].partition);
        let mut changes = Changes::new().set("name", format!("thing {number}")).owner(users[thing.owner]);
        if thing.entity == "crm.account" {
            changes = changes.set("employees", thing.employees);
        }
        maker.write(|transaction| transaction.create_record(thing.entity, changes.clone())).unwrap()
    });
    made.collect()
}
