//! Random worlds of sharing rules and of contacts that follow their accounts, changed step by step, against an oracle
//! that looks at each record by itself: it knows no class, no mark and no pass.

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use guanxi::engine::{
    Action, Effect, Find, Level, NewInheritance, NewSharingRule, Principals, ShareLevel, SharingRuleChange,
    Unit, User, UserStatus, Verdict, unit, user,
};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session};
use guanxi_tests::{House, database};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

const ENTITIES: [&str; 2] = [Account::NAME, Contact::NAME];
const PEOPLE: usize = 3;
const LEVELS: [ShareLevel; 3] = [ShareLevel::Read, ShareLevel::Edit, ShareLevel::Full];

/// What somebody is granted of an entity by an action, and what is forbidden of it.
#[derive(Debug, Clone, Copy)]
struct Granted {
    allowed: Level,
    denied: Level,
}

#[derive(Debug, Clone)]
struct Person {
    /// By entity, to read and to change.
    granted: [[Granted; 2]; 2],
    unit: Option<usize>,
}

/// With whom a rule shares, by place.
#[derive(Debug, Clone, Copy)]
enum With {
    User(usize),
    Unit(usize, bool),
}

#[derive(Debug, Clone)]
struct Rule {
    entity: usize,
    /// Accounts of so many employees, or contacts of so large a number in their position, and more.
    at_least: i64,
    with: With,
    level: usize,
    off: bool,
}

#[derive(Debug, Clone)]
struct Thing {
    entity: usize,
    owner: usize,
    number: i64,
    /// The account of a contact, by place among the accounts.
    account: Option<usize>,
}

/// One change of a world.
#[derive(Debug, Clone)]
enum Step {
    Number(usize, i64),
    Owner(usize, usize),
    Account(usize, Option<usize>),
    NewRule(Rule),
    Switch(usize),
    Raise(usize, usize),
    Criteria(usize, i64),
    Remove(usize),
    Follow(Option<usize>),
    Move(usize, Option<usize>),
}

#[derive(Debug, Clone)]
struct Plan {
    /// Whether the second unit is below the first.
    below: bool,
    people: Vec<Person>,
    things: Vec<Thing>,
    rules: Vec<Rule>,
    /// The level at which contacts follow their accounts, if they do.
    follows: Option<usize>,
    steps: Vec<Step>,
}

fn granted() -> impl Strategy<Value = Granted> {
    let allowed = select(vec![Level::None, Level::Own, Level::Own, Level::Own, Level::Unit, Level::All]);
    let denied = prop_oneof![6 => Just(Level::None), 1 => Just(Level::Own), 1 => Just(Level::Unit)];
    (allowed, denied).prop_map(|(allowed, denied)| Granted { allowed, denied })
}

fn rule() -> impl Strategy<Value = Rule> {
    let with = prop_oneof![
        (0..PEOPLE).prop_map(With::User),
        (0..2_usize, any::<bool>()).prop_map(|(unit, below)| With::Unit(unit, below))
    ];
    (0..2_usize, 0..10_i64, with, 0..3_usize, prop_oneof![4 => Just(false), 1 => Just(true)])
        .prop_map(|(entity, at_least, with, level, off)| Rule { entity, at_least, with, level, off })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..12_usize, 0..10_i64).prop_map(|(thing, number)| Step::Number(thing, number)),
        2 => (0..12_usize, 0..PEOPLE).prop_map(|(thing, owner)| Step::Owner(thing, owner)),
        2 => (0..12_usize, option::of(0..4_usize)).prop_map(|(thing, account)| Step::Account(thing, account)),
        2 => rule().prop_map(Step::NewRule),
        1 => (0..4_usize).prop_map(Step::Switch),
        1 => (0..4_usize, 0..3_usize).prop_map(|(rule, level)| Step::Raise(rule, level)),
        1 => (0..4_usize, 0..10_i64).prop_map(|(rule, number)| Step::Criteria(rule, number)),
        1 => (0..4_usize).prop_map(Step::Remove),
        2 => option::of(0..3_usize).prop_map(Step::Follow),
        1 => (0..PEOPLE, option::of(0..2_usize)).prop_map(|(person, unit)| Step::Move(person, unit)),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let pair = || (granted(), granted()).prop_map(|(read, change)| [read, change]);
    let person = (pair(), pair(), option::of(0..2_usize));
    let person = person.prop_map(|(accounts, contacts, unit)| Person { granted: [accounts, contacts], unit });
    let thing = (0..PEOPLE, 0..10_i64, option::of(0..4_usize));
    (
        any::<bool>(),
        vec(person, PEOPLE),
        vec(thing, 12),
        vec(rule(), 0..4),
        option::of(0..3_usize),
        vec(step(), 2..7),
    )
        .prop_map(|(below, people, things, rules, follows, steps)| {
            // The first four are accounts, and the others contacts of theirs.
            let things = things.into_iter().enumerate().map(|(place, (owner, number, account))| {
                let entity = usize::from(place >= 4);
                Thing { entity, owner, number, account: account.filter(|_| entity == 1) }
            });
            Plan { below, people, things: things.collect(), rules, follows, steps }
        })
}

/// A world as it is now, and the unit in which each record was given to its owner.
struct Oracle {
    plan: Plan,
    units: Vec<Option<usize>>,
}

impl Oracle {
    fn new(plan: &Plan) -> Self {
        let units = plan.things.iter().map(|thing| plan.people[thing.owner].unit).collect();
        Self { plan: plan.clone(), units }
    }

    /// Whether somebody may do an action (0 to read, 1 to change) to a record, for which reading it is needed too.
    fn may(&self, person: usize, thing: usize, action: usize) -> bool {
        (0..=action).all(|action| self.reaches(person, thing, action))
    }

    fn reaches(&self, person: usize, thing: usize, action: usize) -> bool {
        let Thing { entity, owner, number, account } = self.plan.things[thing];
        let Granted { allowed, denied } = self.plan.people[person].granted[entity][action];
        let at = |level: Level| {
            let own = owner == person;
            let unit = self.plan.people[person].unit;
            let near = unit.is_some() && unit == self.units[thing];
            match level {
                Level::None => false,
                Level::Own => own,
                Level::Unit => own || near,
                _ => true,
            }
        };
        if allowed == Level::None || at(denied) {
            return false;
        }
        let among = |with: With| match with {
            With::User(user) => user == person,
            With::Unit(unit, below) => {
                let own = self.plan.people[person].unit;
                own == Some(unit) || below && unit == 0 && own == Some(1) && self.plan.below
            }
        };
        let met = |rule: &Rule| {
            rule.entity == entity
                && number >= rule.at_least
                && !rule.off
                && rule.level >= action
                && among(rule.with)
        };
        let follows = entity == 1 && self.plan.follows.is_some_and(|level| level >= action);
        at(allowed)
            || self.plan.rules.iter().any(met)
            || follows && account.is_some_and(|account| self.may(person, account, action))
    }
}

/// The same world in a database.
struct Stage<'h> {
    house: &'h House,
    units: Vec<RecordId>,
    users: Vec<RecordId>,
    sessions: Vec<Session>,
    things: Vec<RecordId>,
    rules: Vec<RecordId>,
    follows: Option<RecordId>,
}

fn criteria(rule: &Rule) -> String {
    match rule.entity {
        0 => format!("employees >= {}", rule.at_least),
        _ => format!("position >= '{}'", rule.at_least),
    }
}

fn number_of(thing: &Thing) -> Changes {
    match thing.entity {
        0 => Changes::new().set("employees", thing.number),
        _ => Changes::new().set("position", thing.number.to_string()),
    }
}

impl<'h> Stage<'h> {
    fn set(house: &'h House, world: usize, plan: &Plan) -> Self {
        let units =
            [format!("first {world}"), format!("second {world}")].map(|name| house.unit(&name)).to_vec();
        if plan.below {
            house.change(Unit::NAME, units[1], &Changes::new().set(unit::PARENT, units[0]));
        }
        let mut sessions = Vec::new();
        for (place, person) in plan.people.iter().enumerate() {
            let role = house.role(&format!("role {world}.{place}"), &[]);
            for (entity, actions) in ENTITIES.into_iter().zip(person.granted) {
                for (action, granted) in [Action::Read, Action::Update].into_iter().zip(actions) {
                    house.grant(role, Effect::Allow, (entity, action, granted.allowed), "");
                    if granted.denied > Level::None {
                        house.grant(role, Effect::Deny, (entity, action, granted.denied), "");
                    }
                }
            }
            let session = house.user(&format!("user {world}.{place}"), &[role]);
            let unit = person.unit.map(|unit| units[unit]);
            house.change(User::NAME, session.user(), &Changes::new().set(user::UNIT, unit));
            sessions.push(session);
        }
        let users = sessions.iter().map(Session::user).collect();
        let mut stage = Self { house, units, users, sessions, things: vec![], rules: vec![], follows: None };
        for thing in &plan.things {
            let account = thing.account.map(|account| stage.things[account]);
            let mut changes = number_of(thing).set("name", "thing").owner(stage.users[thing.owner]);
            if thing.entity == 1 {
                changes = changes.set("account", account);
            }
            stage.things.push(house.create(ENTITIES[thing.entity], &changes));
        }
        plan.rules.iter().for_each(|rule| stage.define(rule));
        stage.follow(plan.follows);
        stage
    }

    fn define(&mut self, rule: &Rule) {
        let with = match rule.with {
            With::User(user) => Principals::User(self.users[user]),
            With::Unit(unit, below) => Principals::Unit { unit: self.units[unit], below },
        };
        let new = NewSharingRule {
            name: "rule".to_owned(),
            entity: ENTITIES[rule.entity].to_owned(),
            criteria: criteria(rule),
            with,
            level: LEVELS[rule.level],
            reason: None,
        };
        let id = self.house.admin.define_sharing_rule(&new).unwrap();
        if rule.off {
            self.change(id, SharingRuleChange { off: Some(true), ..SharingRuleChange::default() });
        }
        self.rules.push(id);
    }

    fn change(&self, id: RecordId, change: SharingRuleChange) -> RecordId {
        self.house.admin.change_sharing_rule(id, &change).unwrap()
    }

    fn follow(&mut self, level: Option<usize>) {
        let admin = &self.house.admin;
        match (self.follows, level) {
            (None, None) => {}
            (Some(setting), Some(level)) => {
                admin.change_inheritance(setting, Some(LEVELS[level]), None).unwrap();
            }
            (Some(setting), None) => {
                admin.stop_inheriting(setting).unwrap();
                self.follows = None;
            }
            (None, Some(level)) => {
                let (entity, field) = ("contact".to_owned(), "account".to_owned());
                let new = NewInheritance { entity, field, level: LEVELS[level], reason: None };
                self.follows = Some(admin.inherit_access(&new).unwrap());
            }
        }
    }

    /// Makes one change, in the oracle's world and in the database.
    fn make(&mut self, oracle: &mut Oracle, step: &Step) {
        let plan = &mut oracle.plan;
        let some = |place: usize, all: usize| (all > 0).then(|| place % all.max(1));
        match step {
            Step::Number(thing, number) => {
                plan.things[*thing].number = *number;
                let changed = &plan.things[*thing];
                self.house.change(ENTITIES[changed.entity], self.things[*thing], &number_of(changed));
            }
            Step::Owner(thing, owner) => {
                let changed = &mut plan.things[*thing];
                if changed.owner != *owner {
                    changed.owner = *owner;
                    oracle.units[*thing] = plan.people[*owner].unit;
                    let given = Changes::new().owner(self.users[*owner]);
                    self.house.change(ENTITIES[plan.things[*thing].entity], self.things[*thing], &given);
                }
            }
            Step::Account(thing, account) if plan.things[*thing].entity == 1 => {
                plan.things[*thing].account = *account;
                let account = account.map(|account| self.things[account]);
                self.house.change(
                    Contact::NAME,
                    self.things[*thing],
                    &Changes::new().set("account", account),
                );
            }
            Step::Account(..) => {}
            Step::NewRule(rule) => {
                plan.rules.push(rule.clone());
                self.define(rule);
            }
            Step::Switch(rule) => {
                let Some(place) = some(*rule, plan.rules.len()) else { return };
                plan.rules[place].off = !plan.rules[place].off;
                let off = Some(plan.rules[place].off);
                self.change(self.rules[place], SharingRuleChange { off, ..SharingRuleChange::default() });
            }
            Step::Raise(rule, level) => {
                let Some(place) = some(*rule, plan.rules.len()) else { return };
                plan.rules[place].level = *level;
                let level = Some(LEVELS[*level]);
                self.change(self.rules[place], SharingRuleChange { level, ..SharingRuleChange::default() });
            }
            Step::Criteria(rule, number) => {
                let Some(place) = some(*rule, plan.rules.len()) else { return };
                plan.rules[place].at_least = *number;
                let criteria = Some(criteria(&plan.rules[place]));
                let change = SharingRuleChange { criteria, ..SharingRuleChange::default() };
                self.rules[place] = self.change(self.rules[place], change);
            }
            Step::Remove(rule) => {
                let Some(place) = some(*rule, plan.rules.len()) else { return };
                plan.rules.remove(place);
                self.house.admin.remove_sharing_rule(self.rules.remove(place)).unwrap();
            }
            Step::Follow(level) => {
                plan.follows = *level;
                self.follow(*level);
            }
            Step::Move(person, unit) => {
                plan.people[*person].unit = *unit;
                let unit = unit.map(|unit| self.units[unit]);
                self.house.change(User::NAME, self.users[*person], &Changes::new().set(user::UNIT, unit));
            }
        }
    }

    /// Holds what everybody reads and may change against the oracle, in several ways of asking.
    fn check(&self, oracle: &Oracle) {
        for (person, session) in self.sessions.iter().enumerate() {
            for (number, entity) in ENTITIES.into_iter().enumerate() {
                if oracle.plan.people[person].granted[number][0].allowed == Level::None {
                    assert_eq!(
                        session.count(entity, &Condition::Everything).unwrap_err().code(),
                        Code::NotPermitted
                    );
                    continue;
                }
                self.check_reading(oracle, (person, session), (number, entity));
            }
            self.check_changing(oracle, (person, session));
        }
    }

    fn of(&self, oracle: &Oracle, number: usize) -> impl Iterator<Item = (usize, RecordId)> {
        let all = self.things.iter().copied().enumerate().collect::<Vec<_>>();
        let entities: Vec<usize> = oracle.plan.things.iter().map(|thing| thing.entity).collect();
        all.into_iter().filter(move |(place, _)| entities[*place] == number)
    }

    fn check_reading(
        &self,
        oracle: &Oracle,
        (person, session): (usize, &Session),
        (number, entity): (usize, &str),
    ) {
        let seen = self.of(oracle, number).filter(|(place, _)| oracle.may(person, *place, 0));
        let expected: BTreeSet<RecordId> = seen.map(|(_, id)| id).collect();
        let count = u64::try_from(expected.len()).unwrap();
        let page = session.list(entity, &Find::default()).unwrap();
        let listed: BTreeSet<RecordId> = page.rows.iter().map(|row| row.record.id).collect();
        assert_eq!((listed, page.rows.len()), (expected.clone(), expected.len()), "{person} lists {entity}");
        assert_eq!(session.count(entity, &Condition::Everything).unwrap(), count);
        assert_eq!(session.search("thing", Some(entity), 0, 0).unwrap().total, count);
        for (place, id) in self.of(oracle, number) {
            assert_eq!(session.get(entity, id).is_ok(), expected.contains(&id));
            for (action, place_of) in [(Action::Read, 0), (Action::Update, 1)] {
                let told = self.house.admin.explain_access(session.user(), entity, id, action).unwrap();
                let granted = told.verdict == Verdict::Granted;
                assert_eq!(
                    granted,
                    oracle.may(person, place, place_of),
                    "{person} {action:?} {place}: {told:?}"
                );
            }
        }
    }

    fn check_changing(&self, oracle: &Oracle, (person, session): (usize, &Session)) {
        let mut transaction = session.begin(guanxi::WriteOptions::default()).unwrap();
        for (place, id) in self.things.iter().enumerate() {
            let entity = ENTITIES[oracle.plan.things[place].entity];
            let point = transaction.savepoint();
            let changed = transaction.update_record(entity, *id, Changes::new().set("phone", "changed"));
            assert_eq!(changed.is_ok(), oracle.may(person, place, 1), "{person} changes {place}");
            transaction.roll_back_to(point);
        }
    }

    /// Clears the world away.
    fn strike(self) {
        let admin = &self.house.admin;
        for id in &self.rules {
            admin.remove_sharing_rule(*id).unwrap();
        }
        self.follows.iter().for_each(|id| admin.stop_inheriting(*id).unwrap());
        let cleared = admin.write(|transaction| {
            for (place, id) in self.things.iter().enumerate().rev() {
                transaction.delete_record(ENTITIES[usize::from(place >= 4)], *id)?;
            }
            let left = Changes::new().set(user::STATUS, UserStatus::Left);
            self.users
                .iter()
                .try_for_each(|user| transaction.update_record(User::NAME, *user, left.clone()).map(drop))
        });
        cleared.unwrap();
    }
}

fn check(plan: &Plan) {
    static HOUSE: LazyLock<Mutex<(House, usize)>> = LazyLock::new(|| Mutex::new((database(), 0)));
    let mut kept = HOUSE.lock().unwrap_or_else(PoisonError::into_inner);
    kept.1 += 1;
    let (house, world) = (&kept.0, kept.1);
    let (mut oracle, mut stage) = (Oracle::new(plan), Stage::set(house, world, plan));
    stage.check(&oracle);
    for step in &plan.steps {
        stage.make(&mut oracle, step);
        stage.check(&oracle);
    }
    stage.strike();
    if world.is_multiple_of(8) {
        let _ = house.verified();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: super::worlds::in_the_long_form().map_or(12, |worlds| (worlds / 400).max(12)),
        max_shrink_iters: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn everybody_reaches_exactly_what_rules_and_records_beyond_mean_after_every_change(plan in plan()) {
        check(&plan);
    }
}
