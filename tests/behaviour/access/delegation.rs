//! Delegated administration: nobody gives, or takes for themselves, more than they have.

use guanxi::engine::{
    Action, Effect, Find, Grant, Level, Pool, Role, RoleAssignment, Unit, User, UserStatus, grant, pool,
    role, role_assignment, unit, user,
};
use guanxi::model::{Account, account};
use guanxi::schema::{Codes, EntityType};
use guanxi::{Changes, Code, Error, Locale, RecordId, Session};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

/// What it takes to keep users, roles and grants, and nothing of the trade.
const KEEP: [(&str, Action, Level); 5] = [
    ("sys.*", Action::Create, Level::All),
    ("sys.*", Action::Read, Level::All),
    ("sys.*", Action::Update, Level::All),
    ("sys.*", Action::Delete, Level::All),
    ("sys.*", Action::Assign, Level::All),
];

/// A keeper of users and roles who has further rights.
fn keeper(house: &House, further: &[(&str, Action, Level)]) -> Session {
    let role = house.role("keeper", &[&KEEP[..], further].concat());
    house.user("keeper", &[role])
}

fn role_of(house: &House, name: &str) -> RecordId {
    house.admin.read(|reader| reader.find_by_title(Role::NAME, name)).unwrap()[0]
}

fn assigned(session: &Session, user: RecordId, role: RecordId) -> guanxi::Result<RecordId> {
    let changes = Changes::new().set(role_assignment::USER, user).set(role_assignment::ROLE, role);
    session.write(|transaction| transaction.create_record(RoleAssignment::NAME, changes.clone()))
}

fn granted(session: &Session, role: RecordId, given: (&str, Action, Level)) -> guanxi::Result<RecordId> {
    let changes = Changes::new()
        .set(grant::ROLE, role)
        .set(grant::ENTITY, given.0)
        .set(grant::ACTION, given.1)
        .set(grant::LEVEL, given.2);
    session.write(|transaction| transaction.create_record(Grant::NAME, changes.clone()))
}

fn named(error: &Error) -> (Code, Option<&str>, Option<&str>) {
    (error.code(), error.entity_name(), error.rule_name())
}

const BEYOND: Code = Code::BeyondOwnRights;

#[test]
fn a_keeper_of_a_partition_reaches_nothing_of_the_whole_database() {
    let house = database();
    let north = house.partition("north");
    let actions = Action::ALL.iter().map(|(action, _, _, _)| *action);
    let all: Vec<_> = actions.flat_map(|of| [("*", of, Level::All), ("sys.*", of, Level::All)]).collect();
    let boss = house.user("boss", &[house.role("everything", &all)]);
    house.change(User::NAME, boss.user(), &Changes::new().set(user::PARTITION, north));
    // Even the administrator's own role opens nothing beyond the partition.
    assigned(&boss, boss.user(), role_of(&house, "administrator")).unwrap();
    for (method, parameters) in [
        ("ledger.list", json!({})),
        ("ledger.verify", json!({})),
        ("settings.set", json!({"settings": {"base_currency": "USD"}})),
        ("database.inspect", json!({})),
    ] {
        let called = guanxi::api::call(&boss, method, &parameters);
        assert_eq!(refusal(called), Code::NotPermitted, "{method}");
    }
    for entity in [Account::NAME, Role::NAME, User::NAME] {
        assert_eq!(refusal(boss.check_may(entity, Action::Administer)), Code::NotPermitted, "{entity}");
    }
    // What a role of the organisation grants holds in every partition, so it is not changed from within one.
    let sales = role_of(&house, "salesperson");
    let changed = granted(&boss, sales, ("crm.account", Action::Read, Level::All));
    assert_eq!(refusal(changed), Code::NotPermitted);
    let given = json!({"role": "salesperson", "entity": "*", "action": "read", "level": "all"});
    assert_eq!(refusal(guanxi::api::call(&boss, "role.grant", &given)), Code::NotPermitted);
    let find = Find { filter: grant::ROLE.is(sales), ..Find::default() };
    let theirs = house.admin.list(Grant::NAME, &find).unwrap().rows[0].record.id;
    let widened = Changes::new().set(grant::LEVEL, Level::All);
    let widened = boss.write(|transaction| transaction.update_record(Grant::NAME, theirs, widened.clone()));
    assert_eq!(refusal(widened), Code::NotPermitted);
    let deleted = boss.write(|transaction| transaction.delete_record(Grant::NAME, theirs));
    assert_eq!(refusal(deleted), Code::NotPermitted);
    // A role of one's own partition is kept as one likes.
    let own = boss.write(|transaction| {
        transaction.create_record(Role::NAME, Changes::new().set(role::NAME, "north desk"))
    });
    granted(&boss, own.unwrap(), ("crm.account", Action::Read, Level::All)).unwrap();
    assert_eq!(refusal(boss.set_password(house.admin.user(), "a password of theirs")), Code::RecordNotFound);
}

/// What somebody will have once they have done a guide is given by those alone whose rights are not bounded.
#[test]
fn a_keeper_gives_no_role_that_waits_for_a_guide_and_adds_nothing_to_one() {
    let house = database();
    let keeper = keeper(&house, &[("crm.account", Action::Read, Level::All)]);
    let waiting = |session: &Session, role: RecordId| {
        let changes = Changes::new()
            .set(role_assignment::USER, keeper.user())
            .set(role_assignment::ROLE, role)
            .set(role_assignment::GUIDE, "crm.first_deal");
        session.write(|transaction| transaction.create_record(RoleAssignment::NAME, changes.clone()))
    };
    assert_eq!(refusal(waiting(&keeper, role_of(&house, "administrator"))), BEYOND);
    let own = house.role("of one's own", &[]);
    let assignment = waiting(&house.admin, own).unwrap();
    let widened = || granted(&keeper, own, ("crm.account", Action::Read, Level::All));
    assert_eq!(refusal(widened()), BEYOND);
    house.admin.write(|transaction| transaction.delete_record(RoleAssignment::NAME, assignment)).unwrap();
    widened().unwrap();
}

#[test]
fn what_waits_for_a_guide_counts_where_a_password_is_set_its_user_is_moved_or_a_denial_is_lifted() {
    let house = database();
    let role = house.role("desk", &[&KEEP[..], &[("sys.user", Action::Administer, Level::All)]].concat());
    let desk = house.user("desk", &[role]);
    let (li, lin) = (house.user("li", &[]), house.user_as("lin", "salesperson"));
    let waiting = |user: RecordId, role: RecordId| {
        let changes = Changes::new()
            .set(role_assignment::USER, user)
            .set(role_assignment::ROLE, role)
            .set(role_assignment::GUIDE, "crm.first_deal");
        house.create(RoleAssignment::NAME, &changes)
    };
    let set = || desk.set_password(li.user(), "a password of another");
    set().unwrap();
    let _ = waiting(li.user(), house.role("reader", &[("crm.account", Action::Read, Level::Unit)]));
    assert_eq!(refusal(set()), BEYOND);
    let board = Changes::new().set(user::UNIT, house.unit("board"));
    let moved = desk.write(|transaction| transaction.update_record(User::NAME, li.user(), board.clone()));
    assert_eq!(refusal(moved), BEYOND);
    let silent = house.role("silent", &[]);
    house.grant(silent, Effect::Deny, ("crm.account", Action::Read, Level::All), "");
    let denial = waiting(lin.user(), silent);
    let lifted = desk.write(|transaction| transaction.delete_record(RoleAssignment::NAME, denial));
    assert_eq!(refusal(lifted), BEYOND);
}

#[test]
fn a_keeper_lifts_nothing_that_a_pool_hides() {
    let house = database();
    let keeper = keeper(&house, &[("crm.lead", Action::Read, Level::All)]);
    let pool = Changes::new().set(pool::NAME, "公海").set(pool::HIDDEN_FIELDS, "email");
    let pool = house.create(Pool::NAME, &pool);
    let hides = |fields: &str| {
        let changes = Changes::new().set(pool::HIDDEN_FIELDS, fields);
        keeper.write(|transaction| transaction.update_record(Pool::NAME, pool, changes.clone()))
    };
    hides("email, phone").unwrap();
    assert_eq!(refusal(hides("phone")), BEYOND);
    keeper.write(|transaction| transaction.delete_record(Pool::NAME, pool)).unwrap();
}

#[test]
fn who_may_keep_grants_and_roles_gives_nothing_that_they_do_not_have() {
    let house = database();
    let keeper = keeper(&house, &[("crm.account", Action::Read, Level::Own)]);
    for role in ["administrator", "director", "manager", "salesperson"] {
        let taken = assigned(&keeper, keeper.user(), role_of(&house, role));
        assert_eq!(refusal(taken), BEYOND, "{role}");
    }
    let own = house.role("of one's own", &[]);
    assigned(&keeper, keeper.user(), own).unwrap();
    for given in [
        ("*", Action::Read, Level::Own),
        ("sys.role", Action::Administer, Level::Own),
        ("sys.*", Action::Administer, Level::All),
        ("crm.contact", Action::Read, Level::Own),
        ("crm.account", Action::Update, Level::Own),
        ("crm.account", Action::Read, Level::OwnAndSubordinates),
        ("crm.account", Action::Read, Level::All),
        ("none.such", Action::Read, Level::Own),
    ] {
        let error = granted(&keeper, own, given).unwrap_err();
        let said = format!("{} {}", given.1.code(), given.2.code());
        assert_eq!(named(&error), (BEYOND, Some(given.0), Some(said.as_str())));
        assert!(error.message(Locale::English).contains(given.0));
    }
    granted(&keeper, own, ("crm.account", Action::Read, Level::Own)).unwrap();
    granted(&keeper, own, ("sys.user", Action::Read, Level::All)).unwrap();
    // Neither in steps of one transaction, nor by the named methods.
    let in_steps = keeper.write(|transaction| {
        let role = transaction.create_record(Role::NAME, Changes::new().set(role::NAME, "steps"))?;
        let user = transaction.create_record(User::NAME, Changes::new().set(user::NAME, "steps"))?;
        let made = Changes::new().set(role_assignment::USER, user).set(role_assignment::ROLE, role);
        transaction.create_record(RoleAssignment::NAME, made)?;
        let given = Changes::new()
            .set(grant::ROLE, role)
            .set(grant::ENTITY, "crm.account")
            .set(grant::ACTION, Action::Delete)
            .set(grant::LEVEL, Level::Own);
        transaction.create_record(Grant::NAME, given)
    });
    assert_eq!(refusal(in_steps), BEYOND);
    let given = json!({"role": "of one's own", "entity": "account", "action": "delete", "level": "all"});
    assert_eq!(refusal(guanxi::api::call(&keeper, "role.grant", &given)), BEYOND);
    let given = json!({"user": "keeper", "role": "administrator"});
    assert_eq!(refusal(guanxi::api::call(&keeper, "role.assign", &given)), BEYOND);
    let given = json!({"values": {"name": "friend"}, "roles": ["director"]});
    assert_eq!(refusal(guanxi::api::call(&keeper, "user.create", &given)), BEYOND);
    // The refusals are in the ledger.
    let listed = guanxi::api::call(&house.admin, "ledger.query", &json!({"limit": 1000})).unwrap();
    assert!(listed.to_string().contains("access.beyond_own_rights"), "{listed}");
    assert_eq!(house.admin.count(User::NAME, &guanxi::Condition::Everything).unwrap(), 2);
}

#[test]
fn a_grant_is_neither_widened_nor_lent_to_another_role_beyond_ones_own_rights() {
    let house = database();
    let keeper = keeper(&house, &[("crm.account", Action::Read, Level::Unit)]);
    let narrow = house.role("narrow", &[("crm.account", Action::Read, Level::Own)]);
    let wide = house.role("wide", &[("crm.account", Action::Read, Level::All)]);
    let grant_of = |role: RecordId| {
        let find = Find { filter: grant::ROLE.is(role), ..Find::default() };
        house.admin.list(Grant::NAME, &find).unwrap().rows[0].record.id
    };
    let change = |grant: RecordId, changes: Changes| {
        keeper.write(|transaction| transaction.update_record(Grant::NAME, grant, changes.clone()))
    };
    let (narrow_grant, wide_grant) = (grant_of(narrow), grant_of(wide));
    for level in [Level::UnitAndChildren, Level::All] {
        assert_eq!(refusal(change(narrow_grant, Changes::new().set(grant::LEVEL, level))), BEYOND);
    }
    assert_eq!(refusal(change(narrow_grant, Changes::new().set(grant::ENTITY, "*"))), BEYOND);
    assert_eq!(refusal(change(narrow_grant, Changes::new().set(grant::ACTION, Action::Export))), BEYOND);
    assert_eq!(refusal(change(wide_grant, Changes::new().set(grant::ROLE, narrow))), BEYOND);
    change(narrow_grant, Changes::new().set(grant::LEVEL, Level::Unit)).unwrap();
    change(wide_grant, Changes::new().set(grant::LEVEL, Level::Own)).unwrap();
    // A grant that an administrator took away does not come back by another's hand.
    let gone = house.role("gone", &[("crm.account", Action::Read, Level::All)]);
    let gone = grant_of(gone);
    house.admin.write(|transaction| transaction.delete_record(Grant::NAME, gone)).unwrap();
    assert_eq!(refusal(keeper.write(|transaction| transaction.undelete_record(Grant::NAME, gone))), BEYOND);
}

#[test]
fn denials_and_masks_are_lifted_by_those_alone_for_whom_they_do_not_hold() {
    let house = database();
    let read = ("crm.account", Action::Read, Level::All);
    let desk = house.role("desk", &[read]);
    let masks = Changes::new()
        .set(grant::ROLE, desk)
        .set(grant::ENTITY, "crm.account")
        .set(grant::ACTION, Action::Read)
        .set(grant::LEVEL, Level::All)
        .set(grant::EFFECT, Effect::Deny)
        .set(grant::MASKED_FIELDS, "phone");
    let masks = house.create(Grant::NAME, &masks);
    house.grant(desk, Effect::Deny, ("crm.account", Action::Delete, Level::All), "");
    let find = Find { filter: grant::ACTION.is(Action::Delete), ..Find::default() };
    let find =
        Find { filter: guanxi::Condition::All(vec![find.filter, grant::ROLE.is(desk)]), ..Find::default() };
    let denial = house.admin.list(Grant::NAME, &find).unwrap().rows[0].record.id;
    let keep = house.role("keep", &KEEP);
    let keeper = house.user("keeper", &[keep, desk]);
    let unmasked = Changes::new().set(grant::MASKED_FIELDS, None::<&str>);
    let unmasked =
        keeper.write(|transaction| transaction.update_record(Grant::NAME, masks, unmasked.clone()));
    assert_eq!(refusal(unmasked), BEYOND);
    for denial in [masks, denial] {
        let lifted = keeper.write(|transaction| transaction.delete_record(Grant::NAME, denial));
        assert_eq!(refusal(lifted), BEYOND);
    }
    // A role without the mask shows what the keeper does not see.
    let open = house.role("open", &[]);
    let error = granted(&keeper, open, read).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (BEYOND, Some("phone")));
    let masked = Changes::new()
        .set(grant::ROLE, open)
        .set(grant::ENTITY, "crm.account")
        .set(grant::ACTION, Action::Read)
        .set(grant::LEVEL, Level::All)
        .set(grant::MASKED_FIELDS, "phone");
    keeper.write(|transaction| transaction.create_record(Grant::NAME, masked.clone())).unwrap();
    // And who leaves the role of the mask would see it, too.
    let find = Find { filter: role_assignment::ROLE.is(desk), ..Find::default() };
    let left = house.admin.list(RoleAssignment::NAME, &find).unwrap().rows[0].record.id;
    assigned(&house.admin, keeper.user(), house.role("read", &[read])).unwrap();
    let left = keeper.write(|transaction| transaction.delete_record(RoleAssignment::NAME, left));
    assert_eq!(refusal(left), BEYOND);
}

#[test]
fn lines_of_units_and_of_reporting_are_not_bent_towards_what_one_does_not_reach() {
    let house = database();
    let (sales, service) = (house.unit("sales"), house.unit("service"));
    let below = house.unit("below");
    let worker = house.role("worker", &[("crm.account", Action::Read, Level::OwnAndSubordinates)]);
    let unit_wide = house.role("unit wide", &[("crm.account", Action::Read, Level::UnitAndChildren)]);
    let lin = house.user("lin", &[worker]);
    house.change(User::NAME, lin.user(), &Changes::new().set(user::UNIT, service));
    let keep = house.role("keep", &KEEP);
    let keeper = house.user("keeper", &[keep, worker, unit_wide]);
    house.change(User::NAME, keeper.user(), &Changes::new().set(user::UNIT, sales));
    house.change(Unit::NAME, below, &Changes::new().set(unit::PARENT, service));
    let record = lin.user();
    let change = |entity: &str, id: RecordId, changes: Changes| {
        keeper.write(|transaction| transaction.update_record(entity, id, changes.clone()))
    };
    let reports = Changes::new().set(user::REPORTS_TO, keeper.user());
    assert_eq!(refusal(change(User::NAME, record, reports)), BEYOND);
    let moved = Changes::new().set(user::UNIT, service);
    assert_eq!(refusal(change(User::NAME, keeper.user(), moved)), BEYOND);
    assert_eq!(refusal(change(Unit::NAME, below, Changes::new().set(unit::PARENT, sales))), BEYOND);
    // A new unit and a new user open nothing that was there before.
    let made = keeper.write(|transaction| {
        let unit = Changes::new().set(unit::NAME, "new").set(unit::PARENT, sales);
        let unit = transaction.create_record(Unit::NAME, unit)?;
        let user = Changes::new().set(user::NAME, "new").set(user::UNIT, unit);
        transaction.create_record(User::NAME, user.set(user::REPORTS_TO, keeper.user()))
    });
    let made = made.unwrap();
    assigned(&keeper, made, worker).unwrap();
    assert_eq!(refusal(assigned(&keeper, record, unit_wide)), BEYOND, "service is not the keeper's");
    // An administrator is not bounded.
    house.change(User::NAME, record, &Changes::new().set(user::REPORTS_TO, keeper.user()));
}

#[test]
fn an_administrator_is_not_unmade_by_such_as_are_none() {
    let house = database();
    let keeper = keeper(&house, &[]);
    let administrator = role_of(&house, "administrator");
    let find = Find { filter: role_assignment::ROLE.is(administrator), ..Find::default() };
    let assignment = house.admin.list(RoleAssignment::NAME, &find).unwrap().rows[0].record.id;
    let taken = keeper.write(|transaction| transaction.delete_record(RoleAssignment::NAME, assignment));
    assert_eq!(refusal(taken), BEYOND);
    let suspended = Changes::new().set(user::STATUS, UserStatus::Suspended);
    let suspended = keeper
        .write(|transaction| transaction.update_record(User::NAME, house.admin.user(), suspended.clone()));
    assert_eq!(refusal(suspended), BEYOND);
    let denied = Changes::new()
        .set(grant::ROLE, administrator)
        .set(grant::ENTITY, "sys.*")
        .set(grant::ACTION, Action::Administer)
        .set(grant::LEVEL, Level::All)
        .set(grant::EFFECT, Effect::Deny);
    let denied = keeper.write(|transaction| transaction.create_record(Grant::NAME, denied.clone()));
    assert_eq!(refusal(denied), BEYOND);
    // Nor does one who left come back with more than who lets them back has.
    let lin = house.user_as("lin", "director");
    house.change(User::NAME, lin.user(), &Changes::new().set(user::STATUS, UserStatus::Left));
    let back = Changes::new().set(user::STATUS, UserStatus::Active);
    let back = keeper.write(|transaction| transaction.update_record(User::NAME, lin.user(), back.clone()));
    assert_eq!(refusal(back), BEYOND);
}

#[test]
fn a_password_is_set_by_who_administers_its_user_and_may_do_no_less() {
    let house = database();
    let none = house.user("nobody", &[]);
    let other = "a password of another";
    let set = |session: &Session, user: RecordId| session.set_password(user, other);
    for level in [Level::Own, Level::Unit] {
        let role = house.role(
            &format!("desk {level:?}"),
            &[&KEEP[..], &[("sys.user", Action::Administer, level)]].concat(),
        );
        let desk = house.user(&format!("desk {level:?}"), &[role]);
        assert_eq!(refusal(set(&desk, house.admin.user())), Code::NotPermitted, "{level:?}");
        assert_eq!(refusal(set(&desk, none.user())), Code::NotPermitted, "{level:?}");
    }
    let role = house.role("desk", &[&KEEP[..], &[("sys.user", Action::Administer, Level::All)]].concat());
    let desk = house.user("desk", &[role]);
    let lin = house.user_as("lin", "salesperson");
    for stronger in [house.admin.user(), lin.user()] {
        assert_eq!(refusal(set(&desk, stronger)), BEYOND);
        let given = json!({"user": stronger.to_string(), "password": other});
        assert_eq!(refusal(guanxi::api::call(&desk, "user.set_password", &given)), BEYOND);
    }
    set(&desk, none.user()).unwrap();
    assert!(house.crm.sign_in("nobody", other).is_ok());
    // In the transaction that makes somebody stronger, it is what they become that counts.
    let made: Json = json!({"values": {"name": "new"}, "password": other});
    guanxi::api::call(&desk, "user.create", &made).unwrap();
    set(&house.admin, lin.user()).unwrap();
}

#[test]
fn a_field_is_shown_of_the_records_alone_that_a_grant_which_shows_it_reaches() {
    let house = database();
    let read = ("crm.account", Action::Read, Level::Own);
    let own = house.role("own", &[read, ("crm.account", Action::Update, Level::Own)]);
    let wide = house.role("wide", &[]);
    let masks = Changes::new()
        .set(grant::ROLE, wide)
        .set(grant::ENTITY, "crm.account")
        .set(grant::ACTION, Action::Read)
        .set(grant::LEVEL, Level::All)
        .set(grant::MASKED_FIELDS, "phone")
        .set(grant::HIDDEN_FIELDS, "city");
    let _ = house.create(Grant::NAME, &masks);
    let update = Changes::new()
        .set(grant::ROLE, wide)
        .set(grant::ENTITY, "crm.account")
        .set(grant::ACTION, Action::Update)
        .set(grant::LEVEL, Level::All)
        .set(grant::READ_ONLY_FIELDS, "email");
    let _ = house.create(Grant::NAME, &update);
    let lin = house.user("lin", &[own, wide]);
    let values = Changes::new()
        .set("name", "x")
        .set("phone", "13812345678")
        .set("city", "上海")
        .set("email", "a@b.cn");
    let mine = house.create(Account::NAME, &values.clone().owner(lin.user()));
    let theirs = house.create(Account::NAME, &values);
    let shown = |id: RecordId, field: &str| {
        let single = lin.get(Account::NAME, id).unwrap().value(field).unwrap();
        let rows = lin.list(Account::NAME, &Find::default()).unwrap().rows;
        let listed = rows.into_iter().find(|row| row.record.id == id).unwrap().value(field).unwrap();
        let given = json!({"entity": "account", "id": id.to_string()});
        let called = guanxi::api::call(&lin, "record.get", &given).unwrap();
        assert_eq!(single, listed, "{called}");
        assert_eq!(called["values"].get(field).and_then(Json::as_str), single.as_text());
        single
    };
    assert_eq!(shown(mine, "phone"), "+8613812345678".into());
    assert_eq!(shown(theirs, "phone"), "+86138****5678".into());
    assert_eq!(shown(mine, "city"), "上海".into());
    assert!(shown(theirs, "city").is_null());
    // A question is asked of all records, so it is answered for fields alone that are shown of all of them.
    for filter in [account::CITY.is("上海"), account::PHONE.is("+8613812345678")] {
        assert_eq!(refusal(lin.count(Account::NAME, &filter)), Code::FieldNotPermitted);
    }
    let set = |id: RecordId, field: &str| {
        let changes = Changes::new().set(field, if field == "email" { "c@d.cn" } else { "北京" });
        lin.write(|transaction| transaction.update_record(Account::NAME, id, changes.clone()))
    };
    for field in ["city", "email"] {
        assert!(set(mine, field).is_ok(), "{field}");
        assert_eq!(refusal(set(theirs, field)), Code::FieldNotPermitted, "{field}");
    }
    // What is given away leaves with what it showed.
    house.change(Account::NAME, mine, &Changes::new().owner(house.admin.user()));
    assert!(shown(mine, "city").is_null());
}
