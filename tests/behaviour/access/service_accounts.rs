//! Service accounts: programs that sign in by a token, which is shown once, ends, and is taken back.

use guanxi::api::call;
use guanxi::engine::{Action, Level, OffboardingPlan, User, UserKind, UserStatus, user};
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

const EVERYTHING: Condition = Condition::Everything;

/// A service account with roles.
fn account(house: &House, name: &str, roles: &[RecordId]) -> RecordId {
    let changes = Changes::new().set(user::NAME, name).set(user::KIND, UserKind::Service);
    let id = house.create(User::NAME, &changes);
    for role in roles {
        let _ = house.create("sys.role_assignment", &Changes::new().set("user", id).set("role", *role));
    }
    id
}

#[test]
fn a_program_signs_in_by_its_token_until_that_ends_or_is_revoked() {
    let house = database();
    let reads = house.role("reads", &[(Account::NAME, Action::Read, Level::All)]);
    let robot = account(&house, "robot", &[reads]);
    let until = moment("2026-11-23T00:00:00Z");
    let token = house.admin.issue_token(robot, "nightly", Some(until)).unwrap();
    let text = token.reveal();
    let session = house.crm.sign_in_by_token(&text).unwrap();
    assert_eq!((session.user(), session.count(Account::NAME, &EVERYTHING).unwrap()), (robot, 0));
    assert_eq!(house.crm.sign_in("robot", &text).unwrap().user(), robot, "in the place of a password, too");
    assert_eq!(refusal(house.crm.sign_in("admin", &text)), Code::SignInFailed);
    let known = house.admin.tokens(robot).unwrap();
    assert_eq!(
        (known.len(), known[0].id, known[0].label.as_str(), known[0].holds),
        (1, token.id, "nightly", true)
    );
    assert!(!format!("{token:?} {known:?}").contains(text.split('.').next_back().unwrap()));
    house.clock.set(until);
    assert_eq!(refusal(session.count(Account::NAME, &EVERYTHING)), Code::SessionEnded);
    assert_eq!(refusal(house.crm.sign_in_by_token(&text)), Code::SignInFailed);
    house.clock.set(moment("2026-11-22T04:00:00Z"));
    assert_eq!(refusal(house.crm.sign_in_by_token(&text)), Code::SignInFailed, "no clock set back opens it");
    let second = house.admin.issue_token(robot, "", None).unwrap();
    let session = house.crm.sign_in_by_token(&second.reveal()).unwrap();
    let other = house.admin.issue_token(robot, "", None).unwrap();
    let beside = house.crm.sign_in_by_token(&other.reveal()).unwrap();
    house.admin.revoke_token(robot, second.id).unwrap();
    assert_eq!(refusal(session.count(Account::NAME, &EVERYTHING)), Code::SessionEnded);
    assert_eq!(refusal(house.crm.sign_in_by_token(&second.reveal())), Code::SignInFailed);
    assert!(beside.count(Account::NAME, &EVERYTHING).is_ok(), "others stay");
    assert_eq!(refusal(house.admin.revoke_token(robot, second.id)), Code::RecordNotFound);
    house.change(User::NAME, robot, &Changes::new().set(user::STATUS, UserStatus::Suspended));
    assert_eq!(refusal(beside.count(Account::NAME, &EVERYTHING)), Code::SessionEnded);
    assert_eq!(refusal(house.crm.sign_in_by_token(&other.reveal())), Code::SignInFailed);
    let _ = house.verified();
}

#[test]
fn tokens_are_kept_as_hashes_and_outlast_the_process() {
    let house = database();
    let robot = account(&house, "robot", &[]);
    let text = house.admin.issue_token(robot, "", None).unwrap().reveal();
    let house = house.reopened();
    assert_eq!(house.crm.sign_in_by_token(&text).unwrap().user(), robot);
    let mut forged = text.to_string();
    let last = forged.pop().unwrap();
    let short = forged.clone();
    forged.push(if last == '0' { '1' } else { '0' });
    for wrong in
        [forged.as_str(), "", "guanxi", "guanxi.a.b.c", short.as_str(), &format!("{}x", text.as_str())]
    {
        assert_eq!(refusal(house.crm.sign_in_by_token(wrong)), Code::SignInFailed, "{wrong}");
    }
}

#[test]
fn nobody_issues_tokens_but_for_service_accounts_that_are_theirs_to_keep_and_no_stronger() {
    let house = database();
    let robot = account(&house, "robot", &[house.role("strong", &[("*", Action::Delete, Level::All)])]);
    let lin = house.user_as("lin", "salesperson");
    assert_eq!(refusal(lin.issue_token(robot, "", None)), Code::NotPermitted);
    assert_eq!(refusal(lin.tokens(robot)), Code::NotPermitted);
    assert_eq!(refusal(house.admin.issue_token(lin.user(), "", None)), Code::InvalidArgument, "no person");
    let keeps = [Action::Read, Action::Administer].map(|action| ("sys.user", action, Level::All));
    let keeper = house.user("keeper", &[house.role("keeper", &keeps)]);
    assert_eq!(refusal(keeper.issue_token(robot, "", None)), Code::BeyondOwnRights);
    let weak = account(&house, "weak", &[]);
    keeper.issue_token(weak, "", None).unwrap();
    let over = moment("2026-11-01T00:00:00Z");
    assert_eq!(refusal(keeper.issue_token(weak, "", Some(over))), Code::InvalidArgument);
    let session =
        house.crm.sign_in_by_token(&house.admin.issue_token(weak, "", None).unwrap().reveal()).unwrap();
    assert_eq!(
        refusal(session.issue_token(weak, "", None)),
        Code::NotPermitted,
        "no token makes another one"
    );
    assert_eq!(refusal(house.admin.set_password(weak, "a long password")), Code::InvalidArgument);
    assert_eq!(refusal(session.set_password(weak, "a long password")), Code::InvalidArgument);
    assert_eq!(refusal(house.admin.issue_recovery_code(weak)), Code::InvalidArgument);
    for _ in 0..98 {
        keeper.issue_token(weak, "", None).unwrap();
    }
    assert_eq!(refusal(keeper.issue_token(weak, "", None)), Code::LimitExceeded);
}

#[test]
fn a_service_account_is_nobodys_superior_and_stays_what_it_is() {
    let house = database();
    let robot = account(&house, "robot", &[]);
    let lin = house.user_as("lin", "salesperson");
    let set = |id: RecordId, changes: Changes| {
        house.admin.write(|transaction| transaction.update_record(User::NAME, id, changes.clone()).map(drop))
    };
    assert_eq!(refusal(set(lin.user(), Changes::new().set(user::REPORTS_TO, robot))), Code::InvalidArgument);
    let under = Changes::new().set(user::NAME, "new").set(user::REPORTS_TO, robot);
    let made = house.admin.write(|transaction| transaction.create_record(User::NAME, under.clone()));
    assert_eq!(refusal(made), Code::InvalidArgument);
    assert_eq!(refusal(set(robot, Changes::new().set(user::KIND, UserKind::Person))), Code::ReadOnlyField);
    assert_eq!(
        refusal(set(lin.user(), Changes::new().set(user::KIND, UserKind::Service))),
        Code::ReadOnlyField
    );
    set(lin.user(), Changes::new().set(user::KIND, UserKind::Person)).unwrap();
    let desk = house.create("sys.position", &Changes::new().set("name", "desk"));
    let holds = Changes::new().set("position", desk).set("user", robot);
    let held =
        house.admin.write(|transaction| transaction.create_record("sys.position_holder", holds.clone()));
    assert_eq!(refusal(held), Code::InvalidArgument);
    set(robot, Changes::new().set(user::REPORTS_TO, lin.user())).unwrap();
    let filter = user::KIND.is(UserKind::Service);
    assert_eq!(house.admin.count(User::NAME, &filter).unwrap(), 1);
}

#[test]
fn the_ledger_tells_programs_from_people_and_methods_do_as_much() {
    let house = database();
    let writes = house.role(
        "writes",
        &[(Account::NAME, Action::Create, Level::All), (Account::NAME, Action::Read, Level::All)],
    );
    let robot = account(&house, "robot", &[writes]);
    let issued = call(&house.admin, "token.issue", &json!({"user": "robot", "label": "sync"})).unwrap();
    let session = house.crm.sign_in_by_token(issued["token"].as_str().unwrap()).unwrap();
    let id = call(&session, "record.create", &json!({"entity": "account", "values": {"name": "x"}})).unwrap()
        ["id"]
        .clone();
    let told = call(&house.admin, "ledger.query", &json!({"entity": "account", "record": id})).unwrap();
    assert_eq!(
        (&told["entries"][0]["actor"], &told["entries"][0]["by_service"]),
        (&json!(robot.to_string()), &json!(true))
    );
    let told = call(&house.admin, "ledger.query", &json!({"kinds": ["sign_in"], "actor": robot.to_string()}))
        .unwrap();
    assert!(told.to_string().contains("token") || !told["entries"].as_array().unwrap().is_empty());
    let secret = issued["token"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
    let whole = call(&house.admin, "ledger.query", &json!({})).unwrap().to_string();
    assert!(!whole.contains(&secret), "no entry holds a secret");
    let listed = call(&house.admin, "token.list", &json!({"user": "robot"})).unwrap();
    assert_eq!((&listed["tokens"][0]["id"], &listed["tokens"][0]["label"]), (&issued["id"], &json!("sync")));
    house
        .admin
        .offboard(robot, &OffboardingPlan { heir: Some(house.admin.user()), ..OffboardingPlan::default() })
        .unwrap();
    assert!(house.admin.tokens(robot).unwrap().is_empty());
    assert_eq!(refusal(session.count(Account::NAME, &EVERYTHING)), Code::SessionEnded);
    let _ = house.verified();
}
