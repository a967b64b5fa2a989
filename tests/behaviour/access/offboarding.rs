//! Somebody leaves: no way in, and nothing that is still theirs without being told.

use guanxi::api::call;
use guanxi::base::Value;
use guanxi::engine::{
    Action, Comparison, Level, OffboardingPlan, RoleAssignment, User, role_assignment, user,
};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session};
use guanxi_tests::{House, PASSWORD, database, refusal};
use serde_json::json;

fn accounts(of: &Session, count: usize) -> Vec<RecordId> {
    let made = of.write(|transaction| {
        let rows = (0..count).map(|number| Changes::new().set("name", format!("客户{number}")));
        rows.map(|row| transaction.create_record("account", row)).collect()
    });
    made.unwrap()
}

fn owned_by(house: &House, who: RecordId) -> u64 {
    let owner = Condition::Compare("owner".into(), Comparison::Equal, Value::Id(who));
    house.admin.count("account", &owner).unwrap()
}

fn to(heir: RecordId) -> OffboardingPlan {
    OffboardingPlan { heir: Some(heir), ..OffboardingPlan::default() }
}

#[test]
fn who_leaves_signs_in_no_more_and_owns_nothing() {
    let house = database();
    let (boss, lin, wang) = (
        house.user_as("boss", "manager"),
        house.user_as("lin", "manager"),
        house.user_as("wang", "salesperson"),
    );
    house.admin.set_password(lin.user(), PASSWORD).unwrap();
    let lin = house.crm.sign_in("lin", PASSWORD).unwrap();
    house
        .admin
        .write(|transaction| {
            let under = |who: RecordId| Changes::new().set(user::REPORTS_TO, who);
            transaction.update_record(User::NAME, lin.user(), under(boss.user()))?;
            transaction.update_record(User::NAME, wang.user(), under(lin.user()))
        })
        .unwrap();
    let ids = accounts(&lin, 1_203);
    let looked = OffboardingPlan { dry_run: true, ..to(wang.user()) };
    let seen = house.admin.offboard(lin.user(), &looked).unwrap();
    assert_eq!((seen.sessions, seen.roles, seen.subordinates), (1, 1, 1));
    assert_eq!(seen.entities.iter().find(|of| of.entity == "crm.account").unwrap().owned, 1_203);
    assert!(!seen.is_complete());
    lin.read(|_| Ok(())).unwrap();

    let done = house.admin.offboard(lin.user(), &to(wang.user())).unwrap();
    assert!(done.is_complete(), "{done:?}");
    assert_eq!(refusal(lin.read(|_| Ok(()))), Code::SessionEnded);
    assert_eq!(refusal(house.crm.sign_in("lin", PASSWORD)), Code::SignInFailed);
    assert_eq!(refusal(house.crm.session_for("lin")), Code::SignInFailed);
    assert_eq!((owned_by(&house, lin.user()), owned_by(&house, wang.user())), (0, 1_203));
    assert_eq!(wang.get("account", ids[0]).unwrap().record.envelope.owner, wang.user());
    let assigned = Condition::Compare(role_assignment::USER.into(), Comparison::Equal, Value::Id(lin.user()));
    assert_eq!(house.admin.count(RoleAssignment::NAME, &assigned).unwrap(), 0);
    let reports = house.admin.get(User::NAME, wang.user()).unwrap();
    assert_eq!(reports.value("reports_to").unwrap().as_id(), Some(boss.user()));
    // What is done is done: the same once more finds nothing.
    let again = house.admin.offboard(lin.user(), &to(wang.user())).unwrap();
    assert!(again.is_complete() && again.entities.is_empty(), "{again:?}");
    let _ = house.verified();
}

#[test]
fn what_cannot_be_handed_over_is_told() {
    let house = database();
    let (lin, wang) = (house.user_as("lin", "salesperson"), house.user_as("wang", "salesperson"));
    let ids = accounts(&lin, 3);
    house.admin.write(|transaction| transaction.lock_record("account", ids[1], Some("审核中"))).unwrap();
    let done = house.admin.offboard(lin.user(), &to(wang.user())).unwrap();
    assert!(!done.is_complete());
    let of = done.entities.iter().find(|of| of.entity == "crm.account").unwrap_or_else(|| panic!("{done:?}"));
    assert_eq!((of.owned, of.handed_over, of.heir), (3, 2, Some(wang.user())));
    let [(left, why)] = of.left.as_slice() else { panic!("{of:?}") };
    assert_eq!((*left, why.code()), (ids[1], Code::RecordLocked));
    house.admin.write(|transaction| transaction.unlock_record("account", ids[1], None)).unwrap();
    assert!(house.admin.offboard(lin.user(), &to(wang.user())).unwrap().is_complete());
    // Without an heir the records stay, and are told.
    let kept = accounts(&wang, 2);
    let told = house.admin.offboard(wang.user(), &OffboardingPlan::default()).unwrap();
    let of = told.entities.iter().find(|of| of.entity == "crm.account").unwrap();
    assert_eq!((of.owned, of.handed_over, of.heir), (5, 0, None));
    assert_eq!(house.admin.get("account", kept[0]).unwrap().record.envelope.owner, wang.user());
}

#[test]
fn entities_go_to_the_heirs_that_are_named_and_the_method_does_the_same() {
    let house = database();
    let (lin, wang, zhao) = (
        house.user_as("lin", "salesperson"),
        house.user_as("wang", "salesperson"),
        house.user_as("zhao", "salesperson"),
    );
    accounts(&lin, 2);
    lin.write(|transaction| transaction.create_record("contact", Changes::new().set("name", "王芳")))
        .unwrap();
    let given = json!({"user": "lin", "heir": "wang", "heirs": {"contact": "zhao"}});
    let done = call(&house.admin, "user.offboard", &given).unwrap();
    assert_eq!(done["complete"], true, "{done}");
    assert_eq!(owned_by(&house, wang.user()), 2);
    assert_eq!(zhao.count("contact", &Condition::Everything).unwrap(), 1);
}

#[test]
fn the_records_of_a_user_who_moves_come_along_into_the_unit() {
    let house = database();
    let (north, south) = (house.unit("north"), house.unit("south"));
    let reading = [("*", Action::Read, Level::Unit), ("sys.*", Action::Read, Level::All)];
    let of_unit = house.role("of a unit", &reading);
    let (left, right) = (house.user("left", &[of_unit]), house.user("right", &[of_unit]));
    let lin = house.user_as("lin", "salesperson");
    let into = |who: &Session, unit: RecordId| {
        house.change(User::NAME, who.user(), &Changes::new().set(user::UNIT, unit));
    };
    into(&left, north);
    into(&right, south);
    into(&lin, north);
    accounts(&lin, 501);
    let seen = |by: &Session| by.count("account", &Condition::Everything).unwrap();
    assert_eq!((seen(&left), seen(&right)), (501, 0));
    let given = json!({"user": "lin", "unit": south.to_string()});
    let moved = call(&house.admin, "user.move", &given).unwrap();
    let of = moved["entities"].as_array().unwrap().iter().find(|of| of["entity"] == "crm.account").unwrap();
    assert_eq!((&of["owned"], &of["handed_over"]), (&json!(501), &json!(501)));
    assert_eq!((seen(&left), seen(&right), seen(&lin)), (0, 501, 501));
    assert_eq!(refusal(lin.move_to_unit(lin.user(), Some(north))), Code::NotPermitted);
    let _ = house.verified();
}

#[test]
fn nobody_offboards_themselves_or_whoever_may_do_more() {
    let house = database();
    let keeper = house.role(
        "keeper",
        &[
            ("sys.*", Action::Read, Level::All),
            ("sys.user", Action::Administer, Level::All),
            ("sys.user", Action::Update, Level::All),
            ("sys.role_assignment", Action::Delete, Level::All),
            ("*", Action::Read, Level::All),
        ],
    );
    let keeper = house.user("keeper", &[keeper]);
    let lin = house.user_as("lin", "salesperson");
    let plan = OffboardingPlan::default();
    let oneself = house.admin.offboard(house.admin.user(), &plan);
    assert_eq!(refusal(oneself), Code::InvalidArgument);
    assert_eq!(refusal(house.admin.offboard(lin.user(), &to(lin.user()))), Code::InvalidArgument);
    assert_eq!(refusal(lin.offboard(keeper.user(), &plan)), Code::NotPermitted);
    assert_eq!(refusal(keeper.offboard(house.admin.user(), &plan)), Code::BeyondOwnRights);
    house.admin.read(|_| Ok(())).unwrap();
    house.crm.sign_in("admin", PASSWORD).unwrap();
}
