//! Who may what and why, and what a planned change would open or close, as hosts are told.

use guanxi::api::call;
use guanxi::engine::{Action, Level, Reason, RoleAssignment, Unit, User, Verdict, unit, user};
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

fn account(house: &House, owner: RecordId) -> RecordId {
    house.create(Account::NAME, &Changes::new().set("name", "x").owner(owner))
}

#[test]
fn each_path_names_role_grant_level_and_the_line_to_the_record() {
    let house = database();
    let (above, below) = (house.unit("above"), house.unit("below"));
    house.change(Unit::NAME, below, &Changes::new().set(unit::PARENT, above));
    let role = |name: &str, level| house.role(name, &[("*", Action::Read, level)]);
    let lin = house.user("lin", &[role("own", Level::Own)]);
    let boss = house.user("boss", &[role("line", Level::OwnAndSubordinates)]);
    let head = house.user("head", &[role("units", Level::UnitAndChildren)]);
    let all = house.user("all", &[role("all", Level::All)]);
    let nobody = house.user("nobody", &[role("none", Level::Own)]);
    let place = Changes::new().set(user::UNIT, below).set(user::REPORTS_TO, boss.user());
    house.change(User::NAME, lin.user(), &place);
    house.change(User::NAME, head.user(), &Changes::new().set(user::UNIT, above));
    let record = account(&house, lin.user());
    let explain =
        |user: RecordId| house.admin.explain_access(user, Account::NAME, record, Action::Read).unwrap();
    for (session, reason) in [
        (&lin, Reason::Owner),
        (&boss, Reason::Reporting(vec![lin.user(), boss.user()])),
        (&head, Reason::UnitBelow(vec![below, above])),
        (&all, Reason::Everybody),
    ] {
        let told = explain(session.user());
        assert_eq!((told.verdict, told.paths.len()), (Verdict::Granted, 1));
        assert_eq!(told.paths[0].reason, reason);
        assert_eq!(told.paths[0].entity, "*");
    }
    assert_eq!(explain(nobody.user()).verdict, Verdict::OutOfReach);
    assert_eq!(explain(record).verdict, Verdict::Inactive);
    let told = json!({"entity": "account", "id": record.to_string(), "user": "boss"});
    let told = call(&house.admin, "access.explain", &told).unwrap();
    assert_eq!(
        (told["verdict"].as_str(), told["paths"][0]["role"].as_str()),
        (Some("granted"), Some("line"))
    );
    let who = json!({"entity": "account", "id": record.to_string(), "limit": 2});
    let first = call(&house.admin, "access.who", &who).unwrap();
    let next = json!({"entity": "account", "id": record.to_string(), "cursor": first["cursor"]});
    let rest = call(&house.admin, "access.who", &next).unwrap();
    let count = |page: &Json| page["rows"].as_array().unwrap().len();
    assert_eq!((count(&first), count(&rest)), (2, 3), "the administrator, lin, boss, head and all");
    let told = house.admin.explain_access(all.user(), Account::NAME, record, Action::Delete).unwrap();
    assert_eq!(told.verdict, Verdict::NotGranted);
    house.change(Account::NAME, record, &Changes::new().owner(house.admin.user()));
    assert_eq!(explain(lin.user()).verdict, Verdict::OutOfReach);
}

#[test]
fn nobody_is_told_of_others_nor_of_what_they_do_not_see() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let hidden = account(&house, house.admin.user());
    let mine = account(&house, lin.user());
    let about = |user: RecordId, id: RecordId| lin.explain_access(user, Account::NAME, id, Action::Read);
    assert_eq!(about(lin.user(), mine).unwrap().verdict, Verdict::Granted);
    let told = |id: RecordId| {
        let error = about(lin.user(), id).unwrap_err();
        (error.code(), error.to_json(guanxi::Locale::English).to_string().replace(&id.to_string(), "ID"))
    };
    assert_eq!(told(hidden), told(RecordId::from_bytes([9; 16])));
    assert_eq!(told(hidden).0, Code::RecordNotFound);
    for id in [mine, hidden, RecordId::from_bytes([9; 16])] {
        assert_eq!(refusal(about(house.admin.user(), id)), Code::NotPermitted);
        assert_eq!(refusal(lin.who_may(Account::NAME, id, Action::Read, (None, 0))), Code::NotPermitted);
    }
    assert_eq!(refusal(lin.simulate_access(0, |_| Ok(()))), Code::NotPermitted);
    let planned = json!({"changes": []});
    assert_eq!(refusal(call(&lin, "access.simulate", &planned)), Code::NotPermitted);
}

#[test]
fn a_simulated_change_is_what_the_change_then_does_and_is_not_kept() {
    let house = database();
    let lin = house.user("lin", &[house.role("own", &[("crm.account", Action::Read, Level::Own)])]);
    for _ in 0..3 {
        let _ = account(&house, house.admin.user());
    }
    let _ = account(&house, lin.user());
    let planned = json!({"changes": [
        {"do": "create", "entity": "sys.role", "values": {"name": "wide"}, "as": "wide"},
        {"do": "create", "entity": "sys.grant", "values":
            {"role": "@wide", "entity": "crm.account", "action": "read", "level": "all"}},
        {"do": "create", "entity": "sys.role_assignment", "values":
            {"role": "@wide", "user": lin.user().to_string()}},
    ]});
    let before = house.admin.count("sys.role", &Condition::Everything).unwrap();
    let told = call(&house.admin, "access.simulate", &planned).unwrap();
    let rows = told["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{told}");
    let row = &rows[0];
    assert_eq!(
        (row["user"].as_str(), row["action"].as_str()),
        (Some(&*lin.user().to_string()), Some("read"))
    );
    assert_eq!((row["was"].as_str(), row["becomes"].as_str()), (Some("own"), Some("all")));
    assert_eq!((row["opened"].as_u64(), row["closed"].as_u64()), (Some(3), Some(0)));
    assert_eq!(row["opened_samples"].as_array().unwrap().len(), 3);
    assert_eq!(house.admin.count("sys.role", &Condition::Everything).unwrap(), before);
    assert_eq!(lin.count(Account::NAME, &Condition::Everything).unwrap(), 1);
    // The other way: what is taken away closes.
    let find = guanxi::engine::Find {
        filter: guanxi::engine::role_assignment::USER.is(lin.user()),
        ..guanxi::engine::Find::default()
    };
    let assignment = house.admin.list(RoleAssignment::NAME, &find).unwrap().rows[0].record.id;
    let taken = json!({"changes": [
        {"do": "delete", "entity": "sys.role_assignment", "id": assignment.to_string()},
    ]});
    let told = call(&house.admin, "access.simulate", &taken).unwrap();
    let row = &told["rows"][0];
    assert_eq!((row["opened"].as_u64(), row["closed"].as_u64()), (Some(0), Some(1)));
    let foreign = json!({"changes": [{"do": "create", "entity": "account", "values": {"name": "x"}}]});
    assert_eq!(refusal(call(&house.admin, "access.simulate", &foreign)), Code::InvalidArgument);
    let _ = house.verified();
}
