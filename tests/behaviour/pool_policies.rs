//! What pools take back and when, who may claim how much of it, and what is written down of it.

use std::collections::BTreeMap;

use guanxi::engine::{Bulk, Find, Pool, PoolMember, Selection, pool, pool_member};
use guanxi::model::pool_policy::{self, PooledEntity};
use guanxi::model::{
    Account, ActivityKind, Lead, LeadStatus, OwnerChange, OwnerChangeKind, PoolPolicy, Task, account,
    activity, lead, opportunity, owner_change, task,
};
use guanxi::schema::{EntityType, RecordReference};
use guanxi::{Changes, Code, RecordId, Session, Timestamp, Value, api};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

const DAY: i64 = 86_400_000_000;

/// A pool with members, and a policy for accounts.
struct World {
    house: House,
    pool: RecordId,
    policy: RecordId,
    members: Vec<Session>,
}

fn world(policy: &dyn Fn(Changes) -> Changes) -> World {
    let house = database();
    let pool = house.create(Pool::NAME, &Changes::new().set(pool::NAME, "公海"));
    let members: Vec<Session> = ["lin", "wang", "zhao"].map(|name| house.user_as(name, "salesperson")).into();
    for member in &members {
        let changes = Changes::new().set(pool_member::POOL, pool).set(pool_member::USER, member.user());
        let _ = house.create(PoolMember::NAME, &changes);
    }
    let changes = Changes::new()
        .set(pool_policy::NAME, "30 days")
        .set(pool_policy::POOL, pool)
        .set(pool_policy::OF, PooledEntity::Account)
        .set(pool_policy::DEFAULT_OF, PooledEntity::Account);
    let policy = house.create(PoolPolicy::NAME, &policy(changes));
    house.admin.tick(0).unwrap();
    World { house, pool, policy, members }
}

impl World {
    fn account(&self, owner: RecordId) -> RecordId {
        self.house.create(Account::NAME, &Changes::new().set("name", "加喜").owner(owner))
    }

    fn owner(&self, id: RecordId) -> RecordId {
        self.house.admin.get(Account::NAME, id).unwrap().record.envelope.owner
    }

    fn value(&self, id: RecordId, field: &str) -> Value {
        self.house.admin.get(Account::NAME, id).unwrap().value(field).unwrap()
    }

    fn later(&self, days: i64) {
        self.house.clock.set(Timestamp::from_micros(self.house.crm.now().micros() + days * DAY));
    }

    fn after(&self, days: i64) -> Value {
        Value::DateTime(Timestamp::from_micros(self.house.crm.now().micros() + days * DAY))
    }

    fn work_at(&self, session: &Session, id: RecordId) {
        let draft = activity::with(ActivityKind::Call, "spoke", RecordReference::new(Account::NAME, id));
        session.write(|transaction| transaction.create(draft.clone())).unwrap();
    }

    fn kinds(&self, id: RecordId) -> Vec<String> {
        let find = Find {
            filter: owner_change::RECORD.is(id.to_string()),
            sort: vec![owner_change::AT.ascending()],
            ..Find::default()
        };
        let rows = self.house.admin.list(OwnerChange::NAME, &find).unwrap().rows;
        let kind = |row: &guanxi::engine::Listing| row.value("kind").unwrap().as_text().unwrap().to_owned();
        rows.iter().map(kind).collect()
    }
}

#[test]
fn what_nobody_works_at_goes_back_to_the_pool_when_its_time_is_up() {
    let world = world(&|policy| policy.set(pool_policy::FOLLOW_UP_DAYS, 30));
    let lin = &world.members[0];
    let (idle, busy) = (world.account(lin.user()), world.account(lin.user()));
    assert_eq!(world.value(idle, "recycle_at"), world.after(30));
    world.later(20);
    world.work_at(lin, busy);
    assert_eq!(world.value(busy, "recycle_at"), world.after(30));
    world.later(10);
    world.house.admin.tick(0).unwrap();
    assert_eq!((world.owner(idle), world.owner(busy)), (world.pool, lin.user()));
    assert!(world.value(idle, "recycle_at").is_null());
    assert_eq!(world.kinds(idle), ["recycled"]);
    world.later(20);
    world.house.admin.tick(0).unwrap();
    assert_eq!(world.owner(busy), world.pool);
    let _ = world.house.verified();
}

#[test]
fn every_door_through_which_a_record_is_written_moves_its_end() {
    let world = world(&|policy| policy.set(pool_policy::FOLLOW_UP_DAYS, 30));
    let (lin, wang) = (&world.members[0], &world.members[1]);
    let id = world.account(lin.user());
    world.later(10);
    // Given to somebody else, one by one and in bulk; released, claimed; imported.
    world.house.change(Account::NAME, id, &Changes::new().owner(wang.user()));
    assert_eq!(world.value(id, "recycle_at"), world.after(30));
    world.later(1);
    wang.release(Account::NAME, id, world.pool).unwrap();
    assert!(world.value(id, "recycle_at").is_null());
    world.later(1);
    lin.claim(Account::NAME, id).unwrap();
    assert_eq!(world.value(id, "recycle_at"), world.after(30));
    world.later(1);
    let given = Changes::new().owner(wang.user());
    let all = Selection::Ids(vec![id]);
    world.house.admin.bulk_update(Account::NAME, &all, &given, &Bulk::default()).unwrap();
    assert_eq!(world.value(id, "recycle_at"), world.after(30));
    assert_eq!(world.kinds(id), ["assigned", "returned", "claimed", "assigned"]);
    // Nobody says when it goes back but the rule.
    let own = Changes::new().set("recycle_at", moment("2030-01-01T00:00:00Z"));
    let said =
        world.house.admin.write(|transaction| transaction.update_record(Account::NAME, id, own.clone()));
    assert_eq!(refusal(said), Code::ReadOnlyField);
}

#[test]
fn a_record_that_is_never_contacted_goes_back_sooner() {
    let world =
        world(&|policy| policy.set(pool_policy::FOLLOW_UP_DAYS, 30).set(pool_policy::FIRST_CONTACT_DAYS, 3));
    let lin = &world.members[0];
    let id = world.account(lin.user());
    assert_eq!(world.value(id, "recycle_at"), world.after(3));
    world.later(2);
    world.work_at(lin, id);
    assert_eq!(world.value(id, "recycle_at"), world.after(30));
}

#[test]
fn open_and_won_deals_keep_an_account_where_the_policy_says_so() {
    let world = world(&|policy| {
        policy
            .set(pool_policy::FOLLOW_UP_DAYS, 30)
            .set(pool_policy::KEEPS_OPEN, true)
            .set(pool_policy::KEEPS_WON, true)
    });
    let admin = &world.house.admin;
    let id = world.account(world.members[0].user());
    let deal = opportunity::titled("deal").with(opportunity::ACCOUNT, id);
    let deal = admin.write(|transaction| transaction.create(deal.clone())).unwrap();
    world.later(31);
    admin.tick(0).unwrap();
    assert_eq!(world.owner(id), world.members[0].user(), "an open deal keeps it");
    admin.write(|transaction| deal.lose(transaction, "price")).unwrap();
    world.later(1);
    admin.tick(0).unwrap();
    assert_eq!(world.owner(id), world.pool, "a lost one does not");
    let id = world.account(world.members[0].user());
    let deal = opportunity::titled("deal").with(opportunity::ACCOUNT, id);
    let deal = admin.write(|transaction| transaction.create(deal.clone())).unwrap();
    admin.write(|transaction| deal.win(transaction)).unwrap();
    world.later(40);
    admin.tick(0).unwrap();
    assert_eq!(world.owner(id), world.members[0].user(), "a won one does");
    world.later(400);
    assert_eq!(admin.tick(0).unwrap().done, 0, "and it is asked once");
}

#[test]
fn a_lead_goes_back_and_is_claimed_again_with_its_status() {
    let house = database();
    let pool = house.create(Pool::NAME, &Changes::new().set(pool::NAME, "线索池"));
    let lin = house.user_as("lin", "salesperson");
    let member = Changes::new().set(pool_member::POOL, pool).set(pool_member::USER, lin.user());
    let _ = house.create(PoolMember::NAME, &member);
    let policy = Changes::new()
        .set(pool_policy::NAME, "leads")
        .set(pool_policy::POOL, pool)
        .set(pool_policy::OF, PooledEntity::Lead)
        .set(pool_policy::DEFAULT_OF, PooledEntity::Lead)
        .set(pool_policy::CONVERSION_DAYS, 10);
    let _ = house.create(PoolPolicy::NAME, &policy);
    let id = house
        .create(Lead::NAME, &Changes::new().set("name", "王芳").set("status", "assigned").owner(lin.user()));
    house.clock.set(Timestamp::from_micros(house.crm.now().micros() + 10 * DAY));
    house.admin.tick(0).unwrap();
    let row = house.admin.get(Lead::NAME, id).unwrap();
    assert_eq!(row.record.envelope.owner, pool);
    assert_eq!(row.value(lead::STATUS).unwrap().as_text(), Some("recycled"));
    lin.claim(Lead::NAME, id).unwrap();
    let row = house.admin.get(Lead::NAME, id).unwrap();
    assert_eq!(row.value(lead::STATUS).unwrap().as_text(), Some("assigned"));
}

#[test]
fn claims_are_limited_by_the_day() {
    let world = world(&|policy| policy.set(pool_policy::CLAIMS_PER_DAY, 2));
    let lin = &world.members[0];
    let ids: Vec<RecordId> = (0..4).map(|_| world.account(world.pool)).collect();
    lin.claim(Account::NAME, ids[0]).unwrap();
    lin.claim(Account::NAME, ids[1]).unwrap();
    assert_eq!(refusal(lin.claim(Account::NAME, ids[2])), Code::PoolClaims);
    assert_eq!(world.owner(ids[2]), world.pool);
    // Being given one is no claim, and tomorrow is another day.
    world.house.change(Account::NAME, ids[3], &Changes::new().owner(lin.user()));
    world.later(1);
    lin.claim(Account::NAME, ids[2]).unwrap();
}

#[test]
fn of_two_who_claim_the_last_place_and_of_many_who_claim_one_record_one_gets_it() {
    let world = world(&|policy| policy.set(pool_policy::CAPACITY, 1));
    let lin = &world.members[0];
    let ids: Vec<RecordId> = (0..6).map(|_| world.account(world.pool)).collect();
    let got = std::thread::scope(|scope| {
        let threads: Vec<_> = ids.iter().map(|id| scope.spawn(|| lin.claim(Account::NAME, *id))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(Result::is_ok).count()
    });
    assert_eq!(got, 1, "one person has one place");
    let free = *ids.iter().find(|id| world.owner(**id) == world.pool).unwrap();
    let got = std::thread::scope(|scope| {
        let claim = |session: Session| move || session.claim(Account::NAME, free);
        let threads = world.members[1..].iter().map(|member| scope.spawn(claim(member.clone())));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(Result::is_ok).count()
    });
    assert_eq!(got, 1, "one record has one owner");
    let other = *ids.iter().find(|id| world.owner(**id) == world.pool).unwrap();
    assert_eq!(refusal(lin.claim(Account::NAME, other)), Code::PoolCapacity);
    // Room is needed by whoever is given one, too.
    let given = Changes::new().owner(lin.user());
    let given =
        world.house.admin.write(|transaction| transaction.update_record(Account::NAME, other, given.clone()));
    assert_eq!(refusal(given), Code::PoolCapacity);
}

#[test]
fn who_had_it_lately_waits_until_others_had_their_turn() {
    let world =
        world(&|policy| policy.set(pool_policy::FOLLOW_UP_DAYS, 5).set(pool_policy::COOL_DOWN_DAYS, 7));
    let (lin, wang) = (&world.members[0], &world.members[1]);
    let id = world.account(lin.user());
    world.later(5);
    world.house.admin.tick(0).unwrap();
    assert_eq!(refusal(lin.claim(Account::NAME, id)), Code::PoolCoolDown);
    world.later(8);
    lin.claim(Account::NAME, id).unwrap();
    lin.release(Account::NAME, id, world.pool).unwrap();
    wang.claim(Account::NAME, id).unwrap();
}

#[test]
fn protection_keeps_as_long_and_as_many_as_the_policy_lets_it() {
    let world = world(&|policy| {
        policy
            .set(pool_policy::FOLLOW_UP_DAYS, 5)
            .set(pool_policy::PROTECTION_DAYS, 60)
            .set(pool_policy::PROTECTION_MOST, 1)
    });
    let lin = &world.members[0];
    let (one, two) = (world.account(lin.user()), world.account(lin.user()));
    let protect = |id: RecordId, days: i64| {
        let until = Timestamp::from_micros(world.house.crm.now().micros() + days * DAY);
        let changes = Changes::new().set(account::PROTECTED_UNTIL, until);
        lin.write(|transaction| transaction.update_record(Account::NAME, id, changes.clone()))
    };
    assert_eq!(refusal(protect(one, 61)), Code::PoolProtection);
    protect(one, 50).unwrap();
    assert_eq!(world.value(one, "recycle_at"), world.after(50));
    protect(one, 60).unwrap();
    assert_eq!(refusal(protect(two, 10)), Code::PoolProtection);
    world.house.change(Account::NAME, one, &Changes::new().owner(world.members[1].user()));
    assert!(world.value(one, "protected_until").is_null(), "protection does not go over to another");
}

#[test]
fn owners_are_warned_before_and_again_by_a_task_and_not_when_they_work() {
    let world =
        world(&|policy| policy.set(pool_policy::FOLLOW_UP_DAYS, 30).set(pool_policy::WARN_DAYS, "7 3"));
    let lin = &world.members[0];
    let (idle, busy) = (world.account(lin.user()), world.account(lin.user()));
    world.later(20);
    world.work_at(lin, busy);
    world.later(3);
    world.house.admin.tick(0).unwrap();
    let tasks = || lin.list(Task::NAME, &Find::default()).unwrap().rows;
    assert_eq!(tasks().len(), 1);
    assert_eq!(tasks()[0].value("due_at").unwrap(), world.value(idle, "recycle_at"));
    world.later(4);
    world.house.admin.tick(0).unwrap();
    assert_eq!(tasks().len(), 2, "three days before, once more");
    world.later(2);
    world.house.admin.tick(0).unwrap();
    assert_eq!(tasks().len(), 2);
}

#[test]
fn a_policy_that_changes_is_brought_to_the_records_that_stand() {
    let world = world(&|policy| policy.set(pool_policy::FOLLOW_UP_DAYS, 30));
    let lin = &world.members[0];
    let ids: Vec<RecordId> = (0..450).map(|_| world.account(lin.user())).collect();
    let begun = world.house.crm.now();
    world.later(1);
    world.house.change(PoolPolicy::NAME, world.policy, &Changes::new().set(pool_policy::FOLLOW_UP_DAYS, 10));
    for _ in 0..6 {
        world.house.admin.tick(0).unwrap();
        world.house.clock.set(Timestamp::from_micros(world.house.crm.now().micros() + 1_000));
    }
    let end = Value::DateTime(Timestamp::from_micros(begun.micros() + 10 * DAY));
    assert!(ids.iter().all(|id| world.value(*id, "recycle_at") == end));
    // Switched off, it takes nothing.
    world.house.change(PoolPolicy::NAME, world.policy, &Changes::new().set(pool_policy::ACTIVE, false));
    world.later(100);
    for _ in 0..6 {
        world.house.admin.tick(0).unwrap();
        world.house.clock.set(Timestamp::from_micros(world.house.crm.now().micros() + 1_000));
    }
    assert!(ids.iter().all(|id| world.owner(*id) == lin.user()));
}

#[test]
fn what_would_go_back_is_foretold_and_simulated_without_a_change() {
    let world = world(&|policy| policy.set(pool_policy::FOLLOW_UP_DAYS, 30));
    let lin = &world.members[0];
    let id = world.account(lin.user());
    let _pooled = world.account(world.pool);
    let told = |days: i64| {
        let given = json!({"of": "account", "days": days});
        api::call(&world.house.admin, "pool.forecast", &given).unwrap()["rows"].as_array().unwrap().len()
    };
    assert_eq!((told(29), told(30)), (0, 1));
    let given = json!({"policy": world.policy.to_string(), "changes": {"follow_up_days": 5}, "days": 7});
    let simulated = api::call(&world.house.admin, "pool.simulate", &given).unwrap();
    assert_eq!(simulated["rows"].as_array().unwrap().len(), 1);
    assert_eq!(simulated["rows"][0]["id"], id.to_string());
    assert_eq!(world.value(id, "recycle_at"), world.after(30), "nothing has changed");
    let unknown = json!({"policy": world.policy.to_string(), "changes": {"nonsense": 5}});
    assert_eq!(refusal(api::call(&world.house.admin, "pool.simulate", &unknown)), Code::UnknownField);
    let wrong = json!({"policy": world.policy.to_string(), "changes": {"follow_up_days": "five"}});
    assert_eq!(refusal(api::call(&world.house.admin, "pool.simulate", &wrong)), Code::WrongType);
}

#[test]
fn a_job_that_runs_late_twice_or_after_the_clock_went_back_takes_each_record_once() {
    let world = world(&|policy| policy.set(pool_policy::FOLLOW_UP_DAYS, 30));
    let id = world.account(world.members[0].user());
    world.later(300);
    world.house.admin.tick(0).unwrap();
    world.house.admin.tick(0).unwrap();
    assert_eq!(world.kinds(id), ["recycled"]);
    world.members[1].claim(Account::NAME, id).unwrap();
    world.later(-200);
    world.house.admin.tick(0).unwrap();
    assert_eq!(world.owner(id), world.members[1].user());
    world.later(229);
    world.house.admin.tick(0).unwrap();
    assert_eq!(world.owner(id), world.members[1].user());
    world.later(1);
    world.house.admin.tick(0).unwrap();
    assert_eq!(world.owner(id), world.pool);
}

#[test]
fn a_policy_that_no_pool_can_keep_is_refused() {
    let world = world(&|policy| policy);
    let create = |changes: &dyn Fn(Changes) -> Changes| {
        let base = Changes::new().set("name", "x").set("pool", world.pool).set("of", "lead");
        let changes = changes(base);
        world.house.admin.write(|transaction| transaction.create_record(PoolPolicy::NAME, changes.clone()))
    };
    assert_eq!(refusal(create(&|policy| policy.set("follow_up_days", 0))), Code::OutOfRange);
    assert_eq!(refusal(create(&|policy| policy.set("warn_days", "soon"))), Code::InvalidArgument);
    assert_eq!(refusal(create(&|policy| policy.set("default_of", "account"))), Code::InvalidArgument);
    create(&|policy| policy).unwrap();
    assert_eq!(refusal(create(&|policy| policy)), Code::NotUnique, "one policy for each pool and kind");
}

#[test]
fn who_makes_records_makes_no_policy_for_others_unless_they_administer_policies() {
    let world = world(&|policy| policy);
    let lin = &world.members[0];
    let own = Changes::new()
        .set(pool_policy::NAME, "never")
        .set(pool_policy::POOL, world.pool)
        .set(pool_policy::OF, PooledEntity::Lead);
    let made = lin.write(|transaction| transaction.create_record(PoolPolicy::NAME, own.clone()));
    assert_eq!(refusal(made), Code::NotPermitted);
    let changes = Changes::new().set(pool_policy::CAPACITY, 1_000);
    let changed =
        lin.write(|transaction| transaction.update_record(PoolPolicy::NAME, world.policy, changes.clone()));
    assert!(matches!(refusal(changed), Code::NotPermitted | Code::RecordNotFound));
    world.house.change(PoolPolicy::NAME, world.policy, &changes);
}

#[test]
fn the_room_of_a_pool_is_taken_by_its_own_records_alone() {
    let world = world(&|policy| policy);
    let lin = &world.members[0];
    let second = world.house.create(Pool::NAME, &Changes::new().set(pool::NAME, "大客户"));
    let member = Changes::new().set(pool_member::POOL, second).set(pool_member::USER, lin.user());
    let _ = world.house.create(PoolMember::NAME, &member);
    let policy = Changes::new()
        .set(pool_policy::NAME, "one each")
        .set(pool_policy::POOL, second)
        .set(pool_policy::OF, PooledEntity::Account)
        .set(pool_policy::CAPACITY, 1);
    let _ = world.house.create(PoolPolicy::NAME, &policy);
    // This one names no pool, so it is of the default one.
    let _ = world.account(lin.user());
    let of_second = || {
        let changes = Changes::new().set("name", "加喜").set(account::POOL, second).owner(second);
        world.house.create(Account::NAME, &changes)
    };
    let (one, two) = (of_second(), of_second());
    lin.claim(Account::NAME, one).unwrap();
    assert_eq!(refusal(lin.claim(Account::NAME, two)), Code::PoolCapacity);
}

#[test]
fn protection_does_not_come_along_from_a_pool_without_a_policy() {
    let world = world(&|policy| policy.set(pool_policy::FOLLOW_UP_DAYS, 5));
    let id = world.account(world.members[0].user());
    let other = world.house.create(Pool::NAME, &Changes::new().set(pool::NAME, "别处"));
    let away = Changes::new()
        .set(account::POOL, other)
        .set(account::PROTECTED_UNTIL, moment("2036-01-01T00:00:00Z"));
    world.house.change(Account::NAME, id, &away);
    assert!(world.value(id, "recycle_at").is_null());
    world.house.change(Account::NAME, id, &Changes::new().set(account::POOL, Value::Null));
    assert!(world.value(id, "protected_until").is_null());
    assert_eq!(world.value(id, "recycle_at"), world.after(5));
}

#[test]
fn a_longer_term_holds_before_every_record_has_been_brought_to_it() {
    let world = world(&|policy| policy);
    let lin = &world.members[0];
    let policy = Changes::new()
        .set(pool_policy::NAME, "leads")
        .set(pool_policy::POOL, world.pool)
        .set(pool_policy::OF, PooledEntity::Lead)
        .set(pool_policy::DEFAULT_OF, PooledEntity::Lead)
        .set(pool_policy::FOLLOW_UP_DAYS, 10);
    let policy = world.house.create(PoolPolicy::NAME, &policy);
    world.house.admin.tick(0).unwrap();
    for _ in 0..250 {
        let lead = Changes::new().set("name", "王芳").set("status", "assigned").owner(lin.user());
        let _ = world.house.create(Lead::NAME, &lead);
    }
    world.later(11);
    world.house.change(PoolPolicy::NAME, policy, &Changes::new().set(pool_policy::FOLLOW_UP_DAYS, 30));
    world.house.admin.tick(0).unwrap();
    let gone = lead::STATUS.is(LeadStatus::Recycled);
    assert_eq!(world.house.admin.count(Lead::NAME, &gone).unwrap(), 0);
}

#[test]
fn a_record_that_is_locked_holds_up_no_other_when_a_policy_changes() {
    let world = world(&|policy| policy.set(pool_policy::FOLLOW_UP_DAYS, 30));
    let ids: Vec<RecordId> = (0..3).map(|_| world.account(world.members[0].user())).collect();
    world.house.admin.write(|transaction| transaction.lock_record(Account::NAME, ids[0], None)).unwrap();
    world.house.change(PoolPolicy::NAME, world.policy, &Changes::new().set(pool_policy::FOLLOW_UP_DAYS, 10));
    assert!(world.house.admin.tick(0).unwrap().failed.is_empty());
    assert_eq!(world.value(ids[1], "recycle_at"), world.after(10));
    assert_eq!(world.value(ids[2], "recycle_at"), world.after(10));
}

#[test]
fn accounts_go_back_also_while_deals_and_tasks_are_switched_off() {
    let world = world(&|policy| {
        policy
            .set(pool_policy::FOLLOW_UP_DAYS, 30)
            .set(pool_policy::WARN_DAYS, "7")
            .set(pool_policy::KEEPS_OPEN, true)
    });
    let admin = &world.house.admin;
    let id = world.account(world.members[0].user());
    let remind = Timestamp::from_micros(world.house.crm.now().micros() + DAY);
    let task = task::about("call").with(task::REMIND_AT, remind);
    admin.write(|transaction| transaction.create(task.clone())).unwrap();
    for module in ["work", "sales"] {
        api::call(admin, "module.switch", &json!({"module": module, "on": false})).unwrap();
    }
    world.later(24);
    assert!(admin.tick(0).unwrap().failed.is_empty(), "no warning, and no reminder");
    world.later(6);
    assert!(admin.tick(0).unwrap().failed.is_empty());
    assert_eq!(world.owner(id), world.pool);
}

/// A plain reference: owners, when each got it and when it was last worked at, and the days of the policy.
#[derive(Default)]
struct Reference {
    days: i64,
    records: BTreeMap<RecordId, (RecordId, i64, Option<i64>)>,
}

impl Reference {
    fn end(&self, id: RecordId, pool: RecordId) -> Option<i64> {
        let (owner, since, worked) = self.records[&id];
        (owner != pool).then(|| worked.map_or(since, |worked| worked.max(since)) + self.days * DAY)
    }
}

/// Numbers below a bound, the same for each seed.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    }
}

/// Random histories of claims, releases, work, hand-overs and days that pass, held against the reference after each step.
#[test]
fn random_histories_end_as_a_plain_reference_says() {
    for seed in 1_u64..5 {
        let world = world(&|policy| policy.set(pool_policy::FOLLOW_UP_DAYS, 9));
        let mut reference = Reference { days: 9, ..Reference::default() };
        let mut random = dice(seed);
        for _ in 0..6 {
            let id = world.account(world.pool);
            reference.records.insert(id, (world.pool, world.house.crm.now().micros(), None));
        }
        let ids: Vec<RecordId> = reference.records.keys().copied().collect();
        for _ in 0..60 {
            let now = world.house.crm.now().micros();
            let id = ids[random(ids.len())];
            let member = world.members[random(world.members.len())].clone();
            let (owner, _, worked) = reference.records[&id];
            match random(5) {
                0 => {
                    let claimed = member.claim(Account::NAME, id).is_ok();
                    assert_eq!(claimed, owner == world.pool);
                    if claimed {
                        reference.records.insert(id, (member.user(), now, worked));
                    }
                }
                1 => {
                    let released = member.release(Account::NAME, id, world.pool).is_ok();
                    assert_eq!(released, owner == member.user());
                    if released {
                        reference.records.insert(id, (world.pool, now, worked));
                    }
                }
                2 => {
                    if owner == member.user() {
                        world.work_at(&member, id);
                        reference.records.insert(id, (owner, reference.records[&id].1, Some(now)));
                    }
                }
                3 => {
                    world.house.change(Account::NAME, id, &Changes::new().owner(member.user()));
                    if owner != member.user() {
                        reference.records.insert(id, (member.user(), now, worked));
                    }
                }
                _ => {
                    world.later(i64::try_from(random(6)).unwrap());
                    world.house.admin.tick(0).unwrap();
                    let now = world.house.crm.now().micros();
                    for id in &ids {
                        if reference.end(*id, world.pool).is_some_and(|end| end <= now) {
                            let worked = reference.records[id].2;
                            reference.records.insert(*id, (world.pool, now, worked));
                        }
                    }
                }
            }
            for id in &ids {
                assert_eq!(world.owner(*id), reference.records[id].0, "seed {seed}");
                let end = reference.end(*id, world.pool).map(Timestamp::from_micros);
                assert_eq!(
                    world.value(*id, "recycle_at"),
                    end.map_or(Value::Null, Value::DateTime),
                    "seed {seed}"
                );
            }
        }
        let _ = world.house.verified();
    }
}

#[test]
fn what_changes_hands_is_written_down_by_the_rule_alone() {
    let world = world(&|policy| policy);
    let id = world.account(world.members[0].user());
    world.house.change(Account::NAME, id, &Changes::new().owner(world.members[1].user()));
    let find = Find::default();
    let row = world.house.admin.list(OwnerChange::NAME, &find).unwrap().rows.remove(0);
    assert_eq!(row.value(owner_change::KIND).unwrap(), Value::from(OwnerChangeKind::Assigned));
    assert_eq!(row.value(owner_change::BY).unwrap(), Value::Id(world.house.admin.user()));
    let from = row.value(owner_change::FROM).unwrap();
    assert_eq!(from.part("id"), &Value::Id(world.members[0].user()));
    let own = Changes::new().set(owner_change::KIND, OwnerChangeKind::Claimed);
    let forged = world
        .house
        .admin
        .write(|transaction| transaction.update_record(OwnerChange::NAME, row.record.id, own.clone()));
    assert_eq!(refusal(forged), Code::ReadOnlyField);
}
