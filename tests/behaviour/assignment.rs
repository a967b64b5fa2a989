//! To whom rules give leads and accounts, in which territories these stand, and what is written down of it.

use std::collections::{BTreeMap, BTreeSet};

use guanxi::engine::{Action, Bulk, Level, NewDelegation, Pool, Selection, pool};
use guanxi::model::assignment::{self, WhyNot, assignment_member};
use guanxi::model::pool_policy::{self, PooledEntity};
use guanxi::model::territory::{self, territory_member};
use guanxi::model::{
    Account, Assigned, AssignmentMember, AssignmentRule, Lead, LeadStatus, PoolPolicy, Territory,
    TerritoryMember, account, lead,
};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Result, Session, Value, api};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

/// A rule for new leads with three members, lin, wang and zhao.
struct World {
    house: House,
    rule: RecordId,
    members: Vec<Session>,
    places: Vec<RecordId>,
}

fn world(rule: &dyn Fn(Changes) -> Changes) -> World {
    let house = database();
    let members: Vec<Session> = ["lin", "wang", "zhao"].map(|name| house.user_as(name, "salesperson")).into();
    let changes = Changes::new()
        .set(assignment::NAME, "in turn")
        .set(assignment::OF, PooledEntity::Lead)
        .set(assignment::POSITION, 1)
        .set(assignment::ON_CREATE, true);
    let rule = house.create(AssignmentRule::NAME, &rule(changes));
    let places =
        members.iter().map(|member| member_of(&house, rule, member.user(), Changes::new())).collect();
    World { house, rule, members, places }
}

fn member_of(house: &House, rule: RecordId, user: RecordId, changes: Changes) -> RecordId {
    let changes = changes.set(assignment_member::RULE, rule).set(assignment_member::USER, user);
    house.create(AssignmentMember::NAME, &changes)
}

fn owner(house: &House, entity: &str, id: RecordId) -> RecordId {
    house.admin.get(entity, id).unwrap().record.envelope.owner
}

impl World {
    fn lead(&self) -> RecordId {
        self.lead_of("王芳", None)
    }

    fn lead_of(&self, name: &str, city: Option<&str>) -> RecordId {
        self.house.create(Lead::NAME, &Changes::new().set("name", name).set("city", city))
    }

    /// Who gets so many new leads, by the places of the members.
    fn given(&self, leads: usize) -> Vec<usize> {
        let place = |id| {
            let owner = owner(&self.house, Lead::NAME, id);
            self.members.iter().position(|member| member.user() == owner).unwrap_or(usize::MAX)
        };
        (0..leads).map(|_| place(self.lead())).collect()
    }

    fn told(&self, id: RecordId) -> Assigned {
        let read = self.house.admin.read(|reader| assignment::explain(&reader, PooledEntity::Lead, id));
        read.unwrap().into_iter().next().unwrap()
    }
}

fn counted(places: &[usize]) -> BTreeMap<usize, usize> {
    let mut counts = BTreeMap::new();
    for place in places {
        *counts.entry(*place).or_default() += 1;
    }
    counts
}

#[test]
fn new_leads_go_to_each_in_turn_and_tell_by_which_rule() {
    let world = world(&|rule| rule);
    let given = world.given(9);
    for round in given.chunks(3) {
        assert_eq!(round.iter().collect::<BTreeSet<_>>().len(), 3, "{given:?}");
    }
    let lead = world.lead();
    let row = world.house.admin.get(Lead::NAME, lead).unwrap();
    assert_eq!(row.value(lead::STATUS).unwrap(), Value::from(LeadStatus::Assigned));
    assert_eq!(row.value(lead::ASSIGNED_AT).unwrap(), Value::DateTime(world.house.crm.now()));
    let told = world.told(lead);
    assert_eq!((told.rule, told.rule_name.as_str()), (Some(world.rule), "in turn"));
    assert_eq!(told.to, Some(row.record.envelope.owner));
    assert!(told.passed_over.is_empty());
    let _ = world.house.verified();
}

#[test]
fn of_writers_at_once_no_two_are_given_one_turn() {
    let world = world(&|rule| rule);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let _ = world.lead();
                }
            });
        }
    });
    for member in &world.members {
        assert_eq!(member.count(Lead::NAME, &Condition::Everything).unwrap(), 20);
    }
}

#[test]
fn weights_hold_at_every_moment_and_over_all() {
    let world = world(&|rule| rule.set(assignment::SPREAD, assignment::Spread::Weight));
    for (place, weight) in world.places.iter().zip([5, 3, 2]) {
        world.house.change(AssignmentMember::NAME, *place, &Changes::new().set("weight", weight));
    }
    let given = world.given(40);
    assert_eq!(counted(&given), BTreeMap::from([(0, 20), (1, 12), (2, 8)]));
    // Nobody is further from their share than one turn, at any moment.
    for end in 1..=given.len() {
        for (member, weight) in [5, 3, 2].into_iter().enumerate() {
            let has = given[..end].iter().filter(|place| **place == member).count();
            let (has, share) = (i64::try_from(has * 10).unwrap(), i64::try_from(end).unwrap() * weight);
            assert!((has - share).abs() <= 10, "{member} after {end}: {given:?}");
        }
    }
}

#[test]
fn who_is_away_or_may_not_sign_in_or_is_full_is_passed_over_with_the_reason_and_does_not_catch_up() {
    let world = world(&|rule| rule);
    let [lin, wang, zhao] = [0, 1, 2].map(|place| &world.members[place]);
    let until = moment("2026-12-01T00:00:00Z");
    let away = wang.delegate(&NewDelegation::new(lin.user(), until)).unwrap();
    world.house.change("sys.user", zhao.user(), &Changes::new().set("status", "suspended"));
    assert_eq!(world.given(6), [0; 6]);
    let told = world.told(world.lead());
    let passed: BTreeMap<RecordId, WhyNot> = told.passed_over.into_iter().collect();
    assert_eq!(passed, BTreeMap::from([(wang.user(), WhyNot::Away), (zhao.user(), WhyNot::Inactive)]));
    // Back again, both go on from where the others are.
    wang.end_delegation(away).unwrap();
    world.house.change("sys.user", zhao.user(), &Changes::new().set("status", "active"));
    for round in world.given(9).chunks(3) {
        assert_eq!(round.iter().collect::<BTreeSet<_>>().len(), 3);
    }
    // With as many leads as there may be, nobody gets another one; those that are over do not count.
    let has = lin.count(Lead::NAME, &Condition::Everything).unwrap();
    let capacity = Changes::new().set("capacity", i64::try_from(has).unwrap());
    world.house.change(AssignmentMember::NAME, world.places[0], &capacity);
    let lead = world.lead();
    assert_eq!(world.told(lead).passed_over, [(lin.user(), WhyNot::Full)]);
    let mine = lin.list(Lead::NAME, &guanxi::engine::Find::default()).unwrap().rows[0].record.id;
    let dead = Changes::new().set("status", LeadStatus::Dead).set("reason", "gone");
    world.house.change(Lead::NAME, mine, &dead);
    assert!(world.given(3).contains(&0), "there is room again");
}

#[test]
fn the_least_loaded_is_next_by_weight() {
    let world = world(&|rule| rule.set(assignment::SPREAD, assignment::Spread::LeastLoaded));
    for (member, leads) in world.members.iter().zip([4, 1, 0]) {
        for _ in 0..leads {
            let draft = Changes::new().set("name", "old").owner(member.user());
            let _ = world.house.create(Lead::NAME, &draft);
        }
    }
    assert_eq!(world.given(1), [2]);
    let _ = world.given(6);
    let load = |member: &Session| member.count(Lead::NAME, &Condition::Everything).unwrap();
    assert_eq!(world.members.iter().map(load).collect::<Vec<_>>(), [4, 4, 4]);
    world.house.change(AssignmentMember::NAME, world.places[2], &Changes::new().set("weight", 2));
    let _ = world.given(4);
    assert_eq!(world.members.iter().map(load).collect::<Vec<_>>(), [4, 4, 8]);
}

#[test]
fn the_first_rule_that_a_lead_meets_gives_it_away_and_the_next_one_where_nobody_is_there() {
    let world = world(&|rule| rule.set(assignment::CONDITION, "city == '上海'"));
    let house = &world.house;
    let other = house.user_as("chen", "salesperson");
    let changes = Changes::new()
        .set(assignment::NAME, "the rest")
        .set(assignment::OF, PooledEntity::Lead)
        .set(assignment::POSITION, 2)
        .set(assignment::ON_CREATE, true);
    let rest = house.create(AssignmentRule::NAME, &changes);
    let _ = member_of(house, rest, other.user(), Changes::new());
    let shanghai = world.lead_of("a", Some("上海"));
    assert_eq!(world.told(shanghai).rule, Some(world.rule));
    for city in [Some("北京"), None] {
        let lead = world.lead_of("b", city);
        assert_eq!((world.told(lead).rule, owner(house, Lead::NAME, lead)), (Some(rest), other.user()));
    }
    for member in &world.members {
        house.change("sys.user", member.user(), &Changes::new().set("status", "suspended"));
    }
    let shanghai = world.lead_of("c", Some("上海"));
    let told = world.told(shanghai);
    assert_eq!((told.rule, told.to, told.passed_over.len()), (Some(rest), Some(other.user()), 3));
    // Where nobody is there at all, whoever makes it keeps it, and it is told.
    house.change("sys.user", other.user(), &Changes::new().set("status", "suspended"));
    let kept = world.lead_of("d", Some("上海"));
    assert_eq!(owner(house, Lead::NAME, kept), house.admin.user());
    assert_eq!((world.told(kept).to, world.told(kept).passed_over.len()), (None, 4));
    // Asked for by name, that is an error, and so is a record that no rule meets.
    let assign =
        |id| house.admin.write(|transaction| assignment::assign(transaction, PooledEntity::Lead, id));
    assert_eq!(refusal(assign(kept)), Code::AssignmentNobody);
    for rule in [world.rule, rest] {
        house.change(AssignmentRule::NAME, rule, &Changes::new().set("active", false));
    }
    assert_eq!(refusal(assign(kept)), Code::AssignmentNoRule);
}

#[test]
fn an_owner_who_was_named_stays_and_a_pool_s_lead_is_given_away() {
    let world = world(&|rule| rule);
    let house = &world.house;
    let named = house.create(Lead::NAME, &Changes::new().set("name", "x").owner(house.admin.user()));
    assert_eq!(owner(house, Lead::NAME, named), house.admin.user());
    let pool = house.create(Pool::NAME, &Changes::new().set(pool::NAME, "公海"));
    let pooled = house.create(Lead::NAME, &Changes::new().set("name", "x").owner(pool));
    assert!(world.members.iter().any(|member| member.user() == owner(house, Lead::NAME, pooled)));
    // What was there before there was a rule is given away by name, and never to whom it belongs.
    for _ in 0..3 {
        let before = owner(house, Lead::NAME, named);
        let given = json!({"of": "lead", "id": named.to_string()});
        let told = api::call(&house.admin, "assignment.assign", &given).unwrap();
        let now = owner(house, Lead::NAME, named);
        assert_ne!(before, now);
        assert_eq!(told["assignment"]["to"], now.to_string());
    }
    let given = json!({"of": "lead", "id": named.to_string()});
    let told = api::call(&house.admin, "assignment.explain", &given).unwrap();
    assert_eq!(told["rows"].as_array().unwrap().len(), 3);
}

#[test]
fn the_room_of_a_pool_s_policy_is_kept_by_rules_too() {
    let world = world(&|rule| rule);
    let house = &world.house;
    let pool = house.create(Pool::NAME, &Changes::new().set(pool::NAME, "公海"));
    let policy = Changes::new()
        .set(pool_policy::NAME, "room for 1")
        .set(pool_policy::POOL, pool)
        .set(pool_policy::OF, PooledEntity::Lead)
        .set(pool_policy::DEFAULT_OF, PooledEntity::Lead)
        .set(pool_policy::CAPACITY, 1);
    let _ = house.create(PoolPolicy::NAME, &policy);
    assert_eq!(counted(&world.given(3)), BTreeMap::from([(0, 1), (1, 1), (2, 1)]));
    let full = world.lead();
    assert_eq!(owner(house, Lead::NAME, full), house.admin.user());
    assert!(world.told(full).passed_over.iter().all(|(_, why)| *why == WhyNot::Full));
}

#[test]
fn who_may_not_assign_has_nothing_assigned_and_who_does_not_administer_makes_no_rule() {
    let world = world(&|rule| rule.set(assignment::ON_CREATE, false));
    let house = &world.house;
    let lin = &world.members[0];
    let lead = house.create(Lead::NAME, &Changes::new().set("name", "x").owner(lin.user()));
    let asked = |session: &Session| -> Result<()> {
        let assigned = session.write(|transaction| assignment::assign(transaction, PooledEntity::Lead, lead));
        assigned.map(drop)
    };
    assert_eq!(refusal(asked(lin)), Code::NotPermitted);
    assert_eq!(refusal(asked(&world.members[1])), Code::RecordNotFound);
    let nobody = house.user("nobody", &[]);
    assert_eq!(refusal(asked(&nobody)), Code::NotPermitted);
    assert_eq!(owner(house, Lead::NAME, lead), lin.user());
    asked(&house.user_as("director", "director")).unwrap();
    assert_ne!(owner(house, Lead::NAME, lead), lin.user());
    // A rule, its members and territories hold for others, so that no salesperson makes them.
    let create = |entity: &str, changes: Changes| {
        refusal(lin.write(|transaction| transaction.create_record(entity, changes.clone())))
    };
    let rule = Changes::new().set(assignment::NAME, "mine").set(assignment::OF, PooledEntity::Lead);
    assert_eq!(create(AssignmentRule::NAME, rule), Code::NotPermitted);
    assert_eq!(create(Territory::NAME, Changes::new().set(territory::NAME, "mine")), Code::NotPermitted);
    let member = Changes::new().set(assignment_member::USER, lin.user());
    let refused = lin.write(|transaction| {
        transaction.create_record(AssignmentMember::NAME, member.clone().set("rule", world.rule))
    });
    assert!(refused.is_err());
    // What a rule wrote down is not written by anybody else.
    let forged = Changes::new().set("record", lead.to_string()).set("rule_name", "forged");
    assert_eq!(create("crm.assignment", forged), Code::ReadOnlyField);
}

#[test]
fn what_a_rule_did_before_is_no_answer_to_who_does_not_see_what_it_did_now() {
    let world = world(&|rule| rule.set(assignment::ON_CREATE, false));
    let house = &world.house;
    let mut rights = [Action::Read, Action::Update, Action::Assign]
        .map(|action| (Lead::NAME, action, Level::All))
        .to_vec();
    rights.push(("crm.assignment", Action::Read, Level::Own));
    let chen = house.user("chen", &[house.role("desk", &rights)]);
    let _ = member_of(house, world.rule, chen.user(), Changes::new());
    let status = |status: &str| {
        for member in &world.members {
            house.change("sys.user", member.user(), &Changes::new().set("status", status));
        }
    };
    let lead = house.create(Lead::NAME, &Changes::new().set("name", "x"));
    let assign = |session: &Session| {
        session.write(|transaction| assignment::assign(transaction, PooledEntity::Lead, lead)).unwrap()
    };
    status("suspended");
    assert_eq!(assign(&house.admin).unwrap().to, Some(chen.user()));
    status("active");
    assert_eq!(assign(&chen), None);
    assert_ne!(owner(house, Lead::NAME, lead), chen.user());
    let told = chen.read(|reader| assignment::explain(&reader, PooledEntity::Lead, lead)).unwrap();
    assert_eq!(told.iter().map(|one| one.to).collect::<Vec<_>>(), [Some(chen.user())]);
}

#[test]
fn a_rule_that_cannot_be_understood_is_refused_and_so_is_a_weight_of_nothing() {
    let world = world(&|rule| rule);
    let house = &world.house;
    let create = |entity: &str, changes: Changes| {
        refusal(house.admin.write(|transaction| transaction.create_record(entity, changes.clone())))
    };
    let rule = || Changes::new().set(assignment::NAME, "x").set(assignment::OF, PooledEntity::Lead);
    assert_eq!(
        create(AssignmentRule::NAME, rule().set("condition", "no_such == 1")),
        Code::InvalidExpression
    );
    assert_eq!(create(AssignmentRule::NAME, rule().set("condition", "city ==")), Code::InvalidExpression);
    assert_eq!(create(AssignmentRule::NAME, rule().set("capacity", 0)), Code::OutOfRange);
    let chen = house.user_as("chen", "salesperson");
    let member = |user: RecordId| Changes::new().set("rule", world.rule).set("user", user);
    assert_eq!(create(AssignmentMember::NAME, member(chen.user()).set("weight", 101)), Code::OutOfRange);
    assert_eq!(create(AssignmentMember::NAME, member(world.members[0].user())), Code::NotUnique);
    let territory = Changes::new().set(territory::NAME, "x").set(territory::LEAD_CONDITION, "1 + 1");
    assert_eq!(create(Territory::NAME, territory), Code::InvalidExpression);
}

/// A country, with a south that holds two cities together, and the banks of one of them below it.
struct Map {
    china: RecordId,
    south: RecordId,
    banks: RecordId,
}

fn map(house: &House) -> Map {
    let territory = |name: &str, parent: Option<RecordId>, changes: Changes| {
        house.create(Territory::NAME, &changes.set(territory::NAME, name).set(territory::PARENT, parent))
    };
    let china = territory("中国", None, Changes::new());
    let south = territory("华南", Some(china), Changes::new().set(territory::CITIES, "广州，深圳"));
    let banks = Changes::new().set(territory::INDUSTRIES, "银行, 保险").set(territory::CITIES, "深圳");
    let banks = territory("深圳金融", Some(south), banks);
    Map { china, south, banks }
}

fn territory_of(house: &House, entity: &str, id: RecordId) -> Option<RecordId> {
    house.admin.get(entity, id).unwrap().value("territory").unwrap().as_id()
}

#[test]
fn a_record_stands_in_the_deepest_territory_that_it_meets_unless_one_is_named() {
    let house = database();
    let map = map(&house);
    let account = |city: &str, industry: &str| {
        let changes = Changes::new().set("name", "x").set("city", city).set("industry", industry);
        house.create(Account::NAME, &changes)
    };
    let of = |id| territory_of(&house, Account::NAME, id);
    let (bank, shop, north) = (account("深圳", "银行"), account("广州", "零售"), account("北京", "银行"));
    assert_eq!((of(bank), of(shop), of(north)), (Some(map.banks), Some(map.south), None));
    // It follows what it says of itself.
    house.change(Account::NAME, bank, &Changes::new().set(account::INDUSTRY, "零售"));
    assert_eq!(of(bank), Some(map.south));
    // What is named stays, until it is emptied.
    house.change(Account::NAME, bank, &Changes::new().set(account::TERRITORY, map.china));
    house.change(Account::NAME, bank, &Changes::new().set(account::INDUSTRY, "银行"));
    assert_eq!(of(bank), Some(map.china));
    house.change(Account::NAME, bank, &Changes::new().set(account::TERRITORY, Value::Null));
    assert_eq!(of(bank), Some(map.banks));
    // One that is off is off with what is below it.
    house.change(Territory::NAME, map.south, &Changes::new().set(territory::ACTIVE, false));
    house.change(Account::NAME, bank, &Changes::new().set(account::NOTE, "x"));
    assert_eq!(of(bank), None);
    let _ = house.verified();
}

#[test]
fn records_go_to_a_territory_that_has_changed_when_it_is_applied() {
    let house = database();
    let map = map(&house);
    let lead = |name: &str, city: &str| {
        house.create(Lead::NAME, &Changes::new().set("name", name).set("city", city))
    };
    let (near, far) = (lead("a", "佛山"), lead("b", "北京"));
    let named = lead("c", "佛山");
    house.change(Lead::NAME, named, &Changes::new().set(lead::TERRITORY, map.china));
    let changes =
        Changes::new().set(territory::CITIES, Value::Null).set(territory::LEAD_CONDITION, "city in ['佛山']");
    house.change(Territory::NAME, map.south, &changes);
    assert_eq!(territory_of(&house, Lead::NAME, near), None);
    let everything = Selection::Matching(Condition::Everything);
    let applied = house.admin.apply_territories(PooledEntity::Lead, &everything, &Bulk::default()).unwrap();
    assert_eq!(applied.rows.len(), 3);
    let of = |id| territory_of(&house, Lead::NAME, id);
    assert_eq!((of(near), of(far), of(named)), (Some(map.south), None, Some(map.china)));
    let given = json!({"of": "lead", "filter": {"city": "佛山"}, "limit": 1});
    let told = api::call(&house.admin, "territory.apply", &given).unwrap();
    assert_eq!(
        (told["rows"].as_array().unwrap().len(), &told["rows"][0]["outcome"]),
        (1, &json!("unchanged"))
    );
}

#[test]
fn a_rule_by_territory_gives_to_its_members_or_those_of_the_nearest_one_above() {
    let world =
        world(&|rule| rule.set(assignment::BY_TERRITORY, true).set(assignment::OF, PooledEntity::Account));
    let house = &world.house;
    let map = map(house);
    for (territory, member) in [(map.banks, 0), (map.south, 1), (map.china, 2)] {
        let changes = Changes::new()
            .set(territory_member::TERRITORY, territory)
            .set(territory_member::USER, world.members[member].user());
        let _ = house.create(TerritoryMember::NAME, &changes);
    }
    let account = |city: &str, industry: &str| {
        let changes = Changes::new().set("name", "x").set("city", city).set("industry", industry);
        owner(house, Account::NAME, house.create(Account::NAME, &changes))
    };
    let [lin, wang, zhao] = [0, 1, 2].map(|place| world.members[place].user());
    assert_eq!((account("深圳", "银行"), account("广州", "零售")), (lin, wang));
    assert_eq!(account("北京", "零售"), house.admin.user(), "no territory, nobody");
    for user in [lin, wang] {
        house.change("sys.user", user, &Changes::new().set("status", "suspended"));
    }
    assert_eq!(account("深圳", "银行"), zhao);
    // A rule may speak of a territory, and of what is below it.
    let own = Changes::new().set(assignment::TERRITORY, map.south).set(assignment::BY_TERRITORY, false);
    house.change(AssignmentRule::NAME, world.rule, &own);
    assert_eq!(account("深圳", "保险"), zhao);
    assert_eq!(account("北京", "保险"), house.admin.user());
}

#[test]
fn what_rules_did_is_read_by_whom_it_was_given_to_and_by_who_reads_all() {
    let world = world(&|rule| rule);
    let lead = world.lead();
    let given = owner(&world.house, Lead::NAME, lead);
    for member in &world.members {
        let told = member.read(|reader| assignment::explain(&reader, PooledEntity::Lead, lead));
        match member.user() == given {
            true => assert_eq!(told.unwrap().len(), 1),
            false => assert_eq!(refusal(told), Code::RecordNotFound),
        }
    }
    let role = world.house.role("leads only", &[(Lead::NAME, Action::Read, Level::All)]);
    let reader = world.house.user("reader", &[role]);
    let told = reader.read(|reader| assignment::explain(&reader, PooledEntity::Lead, lead)).unwrap();
    assert!(told.is_empty(), "what is written down is read by its own right");
}
