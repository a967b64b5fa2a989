//! Random organisations: units, people, roles and records, and the database in which they stand.

use guanxi::engine::{
    Action, Effect, Level, RoleAssignment, Unit, User, UserStatus, role_assignment, unit, user,
};
use guanxi::schema::EntityType;
use guanxi::{Changes, RecordId, Session};
use guanxi_tests::{House, database};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// The entities of which the records are.
pub const ENTITIES: [&str; 2] = ["crm.account", "crm.contact"];

/// One action on one entity at one level.
#[derive(Debug, Clone)]
pub struct Grant {
    pub entity: &'static str,
    pub action: Action,
    pub level: Level,
    /// Whether it forbids.
    pub deny: bool,
}

/// Somebody.
#[derive(Debug, Clone)]
pub struct Person {
    pub unit: Option<usize>,
    pub reports_to: Option<usize>,
    pub roles: Vec<usize>,
    /// The partition, if it is not that of the organisation.
    pub partition: Option<usize>,
}

/// Something that somebody owns.
#[derive(Debug, Clone)]
pub struct Thing {
    pub entity: &'static str,
    pub owner: usize,
    pub employees: i64,
}

/// An organisation. Lines of units and of reporting may run in circles.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The unit above each unit.
    pub units: Vec<Option<usize>>,
    pub roles: Vec<Vec<Grant>>,
    pub users: Vec<Person>,
    pub records: Vec<Thing>,
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
    (entities, actions, levels, deny).prop_map(|(entity, action, level, deny)| Grant {
        entity,
        action,
        level,
        deny,
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
        });
        let thing = (select(ENTITIES.to_vec()), 0..users, 0_i64..100);
        let thing = thing.prop_map(|(entity, owner, employees)| Thing { entity, owner, employees });
        (
            vec(option::of(0..units), units),
            vec(vec(grant(), 1..6), roles),
            vec(person, users),
            vec(thing, 4..14),
        )
            .prop_map(|(units, roles, users, records)| Plan { units, roles, users, records })
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
        let actions = [Action::Create, Action::Read, Action::Delete];
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
                let effect = if grant.deny { Effect::Deny } else { Effect::Allow };
                house.grant(id, effect, (grant.entity, grant.action, grant.level), "");
            }
            id
        });
        let roles: Vec<RecordId> = roles.collect();
        let users = people(theatre, plan, &roles);
        let records = things(theatre, plan, &users);
        let sessions = (0..users.len())
            .map(|number| house.crm.session_for(&format!("user {world}.{number}")).unwrap())
            .collect();
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
