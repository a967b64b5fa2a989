//! Two people for what gives rights: asked for, agreed to, done as shown, and refused by every other door.

use std::collections::BTreeSet;

use guanxi::api::call;
use guanxi::engine::{
    Action, Bulk, ConfigurationChange, Grant, Level, NewDelegation, NewShare, PrivilegeChange, PrivilegeKind,
    PrivilegeRequest, RequestStatus, Role, RoleAssignment, Selection, ShareLevel, Sharee, User, UserStatus,
    grant, role_assignment, user,
};
use guanxi::features::exchange::ImportOptions;
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session, Timestamp};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::{Value as Json, json};

const POLICY: &str = "access.four_eyes";

/// A house with a second administrator, in which some changes need two people.
struct Two {
    house: House,
    second: Session,
}

fn two(kinds: &[&str]) -> Two {
    let house = database();
    let second = house.user_as("second", "administrator");
    set_policy(&house.admin, kinds).unwrap();
    Two { house, second }
}

fn set_policy(session: &Session, kinds: &[&str]) -> guanxi::Result<()> {
    let values = [(POLICY.to_owned(), Some(json!(kinds)))].into();
    let change = ConfigurationChange { values, ..ConfigurationChange::default() };
    session.change_configuration(&change).map(drop)
}

fn assigning(user: RecordId, role: RecordId) -> Changes {
    Changes::new().set(role_assignment::USER, user).set(role_assignment::ROLE, role)
}

fn assign(session: &Session, user: RecordId, role: RecordId) -> guanxi::Result<RecordId> {
    session.write(|transaction| transaction.create_record(RoleAssignment::NAME, assigning(user, role)))
}

fn ask(session: &Session, user: RecordId, role: RecordId) -> guanxi::Result<RecordId> {
    let (_, change) = session.privilege_to_create(RoleAssignment::NAME, assigning(user, role));
    session.request_privileges(&[change], Some("代班"), None)
}

fn sees(session: &Session) -> bool {
    session.count(Account::NAME, &Condition::Everything).is_ok()
}

fn reading(house: &House) -> RecordId {
    house.role("reading", &[(Account::NAME, Action::Read, Level::All)])
}

#[test]
fn a_second_person_agrees_and_exactly_that_is_done_with_both_in_the_ledger() {
    let house = database();
    let (role, lin) = (reading(&house), house.user("lin", &[]));
    let second = house.user_as("second", "administrator");
    set_policy(&house.admin, &["assignments"]).unwrap();
    assert_eq!(refusal(assign(&house.admin, lin.user(), role)), Code::FourEyes);
    let id = ask(&house.admin, lin.user(), role).unwrap();
    assert!(!sees(&lin), "nothing is done by asking");
    let told = second.privilege_request(id).unwrap();
    assert_eq!(
        (told.status, told.requester, told.is_open),
        (RequestStatus::Pending, Some(house.admin.user()), true)
    );
    assert_eq!(told.changes[0]["values"]["user"], json!(lin.user().to_string()));
    second.approve_privileges(id, Some("gut")).unwrap();
    assert!(sees(&lin));
    let told = house.admin.privilege_request(id).unwrap();
    assert_eq!((told.status, told.decided_by), (RequestStatus::Approved, Some(second.user())));
    let query = json!({"entity": RoleAssignment::NAME, "kinds": ["create"]});
    let entries = call(&house.admin, "ledger.query", &query).unwrap();
    let entries = entries["entries"].as_array().unwrap();
    let made = entries.iter().find(|entry| entry["cause"] == "access.approve").unwrap();
    assert_eq!(made["actor"], json!(second.user().to_string()));
    assert_eq!(made["on_behalf_of"], json!(house.admin.user().to_string()));
    let _ = house.verified();
}

#[test]
fn a_request_is_decided_once_by_somebody_else_in_person() {
    let two = two(&[]);
    let Two { house, second } = &two;
    let (role, lin) = (reading(house), house.user("lin", &[]));
    let third = house.user_as("third", "administrator");
    let until = moment("2026-12-22T00:00:00Z");
    house.admin.delegate(&NewDelegation::new(second.user(), until)).unwrap();
    second.delegate(&NewDelegation::new(house.admin.user(), until)).unwrap();
    set_policy(&house.admin, &["assignments"]).unwrap();
    let id = ask(&house.admin, lin.user(), role).unwrap();
    assert_eq!(refusal(house.admin.approve_privileges(id, None)), Code::NotPermitted, "who asks");
    for (one, other) in [(second, house.admin.user()), (&house.admin, second.user())] {
        let acting = one.act_for(other).unwrap();
        assert!(acting.approve_privileges(id, None).is_err(), "nobody agrees for another one");
        assert!(ask(&acting, lin.user(), role).is_err(), "nor asks");
    }
    assert_eq!(refusal(lin.approve_privileges(id, None)), Code::RecordNotFound);
    assert_eq!(refusal(lin.privilege_request(id)), Code::RecordNotFound);
    second.approve_privileges(id, None).unwrap();
    for session in [second, &third] {
        assert_eq!(refusal(session.approve_privileges(id, None)), Code::RequestClosed, "no second time");
        assert_eq!(refusal(session.refuse_privileges(id, None)), Code::RequestClosed);
    }
    assert_eq!(refusal(house.admin.withdraw_privileges(id)), Code::RequestClosed);
    // Who gains by it does not agree to it.
    let id = ask(&house.admin, second.user(), role).unwrap();
    assert_eq!(refusal(second.approve_privileges(id, None)), Code::NotPermitted);
    third.refuse_privileges(id, None).unwrap();
    assert_eq!(refusal(third.approve_privileges(id, None)), Code::RequestClosed);
    // One that gives a role of theirs more gives them more.
    let grants = Changes::new().set(grant::ROLE, role).set(grant::ENTITY, Account::NAME);
    let grants = grants.set(grant::ACTION, Action::Export).set(grant::LEVEL, Level::All);
    let (_, change) = house.admin.privilege_to_create(Grant::NAME, grants);
    let id = house.admin.request_privileges(&[change], None, None).unwrap();
    second.approve_privileges(id, None).unwrap();
    // A withdrawn and an expired one are closed.
    let id = ask(&house.admin, lin.user(), role).unwrap();
    assert_eq!(refusal(second.withdraw_privileges(id)), Code::RecordNotFound);
    house.admin.withdraw_privileges(id).unwrap();
    assert_eq!(refusal(second.approve_privileges(id, None)), Code::RequestClosed);
    let id = ask(&house.admin, lin.user(), role).unwrap();
    house.clock.set(moment("2026-11-30T00:00:00Z"));
    assert_eq!(refusal(second.approve_privileges(id, None)), Code::RequestClosed);
    house.clock.set(moment("2026-11-22T04:00:00Z"));
    assert_eq!(
        refusal(second.approve_privileges(id, None)),
        Code::RequestClosed,
        "no clock set back opens it"
    );
}

#[test]
fn what_a_request_rests_on_must_stand_until_it_is_agreed_to() {
    let house = database();
    let (role, lin, second) =
        (reading(&house), house.user("lin", &[]), house.user_as("second", "administrator"));
    // Grants are not under the policy, so that who asks could change what the role is worth meanwhile.
    set_policy(&house.admin, &["assignments"]).unwrap();
    let id = ask(&house.admin, lin.user(), role).unwrap();
    house.grant(role, guanxi::engine::Effect::Allow, ("*", Action::Administer, Level::All), "");
    assert_eq!(refusal(second.approve_privileges(id, None)), Code::BaseChanged);
    let id = ask(&house.admin, lin.user(), role).unwrap();
    house.change(User::NAME, lin.user(), &Changes::new().set(user::STATUS, UserStatus::Suspended));
    assert_eq!(refusal(second.approve_privileges(id, None)), Code::BaseChanged);
    house.change(User::NAME, lin.user(), &Changes::new().set(user::STATUS, UserStatus::Active));
    // What the requester was allowed to ask for, and no longer is.
    let third = house.user("third", &[]);
    let administrator =
        house.admin.read(|reader| reader.find_by_title(Role::NAME, "administrator")).unwrap()[0];
    let id = ask(&house.admin, third.user(), administrator).unwrap();
    second.approve_privileges(id, None).unwrap();
    let third = house.crm.session_for("third").unwrap();
    let id = ask(&third, lin.user(), role).unwrap();
    let find = guanxi::Find { filter: role_assignment::USER.is(third.user()), ..guanxi::Find::default() };
    let assignment = house.admin.list(RoleAssignment::NAME, &find).unwrap().rows[0].record.id;
    house.admin.write(|transaction| transaction.delete_record(RoleAssignment::NAME, assignment)).unwrap();
    assert_eq!(refusal(second.approve_privileges(id, None)), Code::BaseChanged);
    assert!(!sees(&lin));
}

/// A house in which every kind of change needs two people, with what the changes are about.
struct Guarded {
    house: House,
    second: Session,
    lin: Session,
    role: RecordId,
    record: RecordId,
    unit: RecordId,
    position: RecordId,
    /// A user who may not sign in for now, and whose role forbids something.
    suspended: RecordId,
    /// Assignments: one that gives, and one that forbids.
    given: RecordId,
    denied: RecordId,
}

fn guarded() -> Guarded {
    let house = database();
    let (role, lin) = (reading(&house), house.user("lin", &[]));
    let suspended = house.user_as("suspended", "director").user();
    let second = house.user_as("second", "administrator");
    let unit = house.unit("unit");
    let position = house.create("sys.position", &Changes::new().set("name", "desk"));
    let record = house.create(Account::NAME, &Changes::new().set("name", "加喜"));
    let given = assign(&house.admin, lin.user(), role).unwrap();
    let denies = house.role("denies", &[]);
    house.grant(denies, guanxi::engine::Effect::Deny, (Account::NAME, Action::Read, Level::All), "");
    let denied = assign(&house.admin, suspended, denies).unwrap();
    house.change(User::NAME, suspended, &Changes::new().set(user::STATUS, UserStatus::Suspended));
    let kinds = ["grants", "assignments", "full_shares", "delegations", "positions", "users", "lines"];
    set_policy(&house.admin, &kinds).unwrap();
    Guarded { house, second, lin, role, record, unit, position, suspended, given, denied }
}

impl Guarded {
    fn make(&self, entity: &str, changes: Changes) -> guanxi::Result<()> {
        self.house.admin.write(|transaction| transaction.create_record(entity, changes.clone()).map(drop))
    }

    fn set(&self, entity: &str, id: RecordId, changes: Changes) -> guanxi::Result<()> {
        self.house.admin.write(|transaction| transaction.update_record(entity, id, changes.clone()).map(drop))
    }

    fn refuses(&self, door: &str, outcome: guanxi::Result<()>) {
        assert_eq!(refusal(outcome), Code::FourEyes, "{door}");
    }
}

#[test]
fn records_of_the_organisation_that_give_rights_are_refused_one_by_one() {
    let house = guarded();
    let admin = &house.house.admin;
    let grants = Changes::new().set(grant::ROLE, house.role).set(grant::ENTITY, "*");
    let grants = grants.set(grant::ACTION, Action::Read).set(grant::LEVEL, Level::All);
    house.refuses("a grant", house.make(Grant::NAME, grants));
    let standing = admin.list(Grant::NAME, &guanxi::Find { limit: 1, ..guanxi::Find::default() }).unwrap();
    let lesser = Changes::new().set(grant::LEVEL, Level::Own);
    house.refuses("a changed grant", house.set(Grant::NAME, standing.rows[0].record.id, lesser));
    let lin = house.lin.user();
    house.refuses("an assignment", house.make(RoleAssignment::NAME, assigning(lin, house.role)));
    let lifted = admin.write(|transaction| transaction.delete_record(RoleAssignment::NAME, house.denied));
    house.refuses("a lifted denial", lifted);
    house.refuses("a user", house.make(User::NAME, Changes::new().set(user::NAME, "new")));
    let active = Changes::new().set(user::STATUS, UserStatus::Active);
    house.refuses("one who comes back", house.set(User::NAME, house.suspended, active));
    let superior = Changes::new().set(user::REPORTS_TO, house.second.user());
    house.refuses("a superior", house.set(User::NAME, lin, superior));
    house.refuses("a unit", house.set(User::NAME, lin, Changes::new().set(user::UNIT, house.unit)));
    let holder = Changes::new().set("position", house.position).set("user", lin);
    house.refuses("a holder", house.make("sys.position_holder", holder));
    let share = Changes::new().set("entity", Account::NAME).set("record", house.record.to_string());
    let share = share.set("level", "full").set("user", lin);
    house.refuses("a share by the door of all records", house.make("sys.share", share));
    // What takes away waits for nobody.
    admin.write(|transaction| transaction.delete_record(RoleAssignment::NAME, house.given)).unwrap();
    house.set(User::NAME, lin, Changes::new().set(user::STATUS, UserStatus::Suspended)).unwrap();
    let told = call(admin, "ledger.query", &json!({"kinds": ["denied"]})).unwrap();
    assert!(told["entries"].as_array().is_some_and(|entries| !entries.is_empty()), "refusals are entered");
    let _ = house.house.verified();
}

#[test]
fn every_verb_and_every_other_door_is_closed_as_well() {
    let house = guarded();
    let (admin, lin) = (&house.house.admin, house.lin.user());
    let until = moment("2026-12-22T00:00:00Z");
    house.refuses("a delegation", admin.delegate(&NewDelegation::new(lin, until)).map(drop));
    let share = |level| NewShare::new(Sharee::User(lin), level);
    house.refuses(
        "a full share",
        admin.share(Account::NAME, house.record, &share(ShareLevel::Full)).map(drop),
    );
    admin.share(Account::NAME, house.record, &share(ShareLevel::Read)).unwrap();
    for (method, given) in [
        ("role.assign", json!({"user": "lin", "role": "reading"})),
        ("role.grant", json!({"role": "reading", "entity": "*", "action": "read", "level": "all"})),
        ("user.create", json!({"values": {"name": "x"}, "roles": ["administrator"]})),
    ] {
        house.refuses(method, call(admin, method, &given).map(drop));
    }
    let second = house.second.user();
    house.refuses("a password of who approves", admin.set_password(second, "a long password"));
    house.refuses("a code of who approves", admin.issue_recovery_code(second).map(drop));
    house.refuses("the policy", set_policy(admin, &[]));
    house.refuses("a part of the policy", set_policy(admin, &["grants"]));
    let csv = format!("user,role\n{lin},{}\n", house.role);
    let imported =
        admin.import_csv(RoleAssignment::NAME, csv.as_bytes(), &ImportOptions::default(), &mut |_| {});
    assert!(imported.is_err() || imported.unwrap().taken == 0, "an import");
    let before = admin.count(RoleAssignment::NAME, &Condition::Everything).unwrap();
    let all = Selection::Matching(Condition::Everything);
    let changes = Changes::new().set(grant::LEVEL, Level::Unit);
    let bulk = admin.bulk_update(Grant::NAME, &all, &changes, &Bulk::default());
    assert!(bulk.is_err() || bulk.unwrap().rows.iter().all(|row| row.outcome.is_err()), "in bulk");
    assert_eq!(admin.count(Grant::NAME, &grant::LEVEL.is(Level::Unit)).unwrap(), 0);
    assert_eq!(admin.count(RoleAssignment::NAME, &Condition::Everything).unwrap(), before);
    for session in [admin, &house.second] {
        let own = Changes::new().set("changes", "[]").set("status", "approved").set("base", "");
        let own = own.set("expires", until);
        let made =
            session.write(|transaction| transaction.create_record(PrivilegeRequest::NAME, own.clone()));
        assert_eq!(refusal(made), Code::NotPermitted, "requests are made by asking alone");
    }
}

#[test]
fn the_policy_is_begun_where_two_approve_and_ended_by_two() {
    let house = database();
    assert_eq!(
        refusal(set_policy(&house.admin, &["grants"])),
        Code::InvalidConfiguration,
        "nobody could agree"
    );
    let second = house.user_as("second", "administrator");
    set_policy(&house.admin, &["grants"]).unwrap();
    set_policy(&house.admin, &["grants", "users"]).unwrap();
    assert_eq!(refusal(set_policy(&second, &["grants"])), Code::FourEyes);
    let off = [PrivilegeChange::FourEyes(BTreeSet::new())];
    let id = house.admin.request_privileges(&off, None, None).unwrap();
    assert_eq!(refusal(house.admin.approve_privileges(id, None)), Code::NotPermitted);
    second.approve_privileges(id, None).unwrap();
    let told = house.admin.configuration().unwrap();
    let setting = told.iter().find(|setting| setting.definition.name == POLICY).unwrap();
    assert_eq!(setting.value, json!([]));
    let _ = house.role("free", &[(Account::NAME, Action::Read, Level::All)]);
    drop(second);
    let house = house.reopened();
    let _ = house.role("free again", &[(Account::NAME, Action::Read, Level::All)]);
    let entries = call(&house.admin, "ledger.query", &json!({"kinds": ["settings"]})).unwrap();
    assert!(entries.to_string().contains(POLICY), "changes of the policy are entered");
}

#[test]
fn a_request_asks_for_no_more_than_who_asks_may_do_and_nobody_agrees_beyond_their_own_rights() {
    let house = database();
    let second = house.user_as("second", "administrator");
    let (role, lin) = (reading(&house), house.user("lin", &[]));
    let all = house.role("everything", &[("*", Action::Administer, Level::All)]);
    let keeps: Vec<_> = ["sys.role_assignment", "sys.privilege_request"]
        .into_iter()
        .flat_map(|entity| {
            [Action::Create, Action::Read, Action::Update, Action::Approve]
                .map(|action| (entity, action, Level::All))
        })
        .chain([("sys.user", Action::Read, Level::All), ("sys.role", Action::Read, Level::All)])
        .chain([(Account::NAME, Action::Read, Level::All)])
        .collect();
    let keeper = house.user("keeper", &[house.role("keeper", &keeps)]);
    set_policy(&house.admin, &["assignments"]).unwrap();
    assert_eq!(refusal(ask(&keeper, lin.user(), all)), Code::BeyondOwnRights);
    assert_eq!(refusal(ask(&lin, lin.user(), role)), Code::NotPermitted);
    let strong = ask(&house.admin, lin.user(), all).unwrap();
    assert_eq!(refusal(keeper.approve_privileges(strong, None)), Code::BeyondOwnRights);
    let weak = ask(&keeper, lin.user(), role).unwrap();
    second.approve_privileges(weak, None).unwrap();
    assert!(sees(&lin));
    let fair = ask(&house.admin, lin.user(), role).unwrap();
    keeper.approve_privileges(fair, None).unwrap();
    // Of somebody else's requests one is told who may read them.
    let other = house.admin.privilege_requests(None, (None, 2)).unwrap();
    assert_eq!((other.rows.len(), other.next.is_some()), (2, true));
    let rest = house.admin.privilege_requests(None, (other.next, 2)).unwrap();
    assert_eq!((rest.rows.len(), rest.next), (1, None));
    assert!(lin.privilege_requests(None, (None, 0)).unwrap().rows.is_empty());
}

#[test]
fn shares_and_delegations_are_asked_for_by_who_may_give_them() {
    let house = database();
    let second = house.user_as("second", "administrator");
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    set_policy(&house.admin, &["full_shares", "delegations"]).unwrap();
    let record = lin.write(|txn| txn.create_record(Account::NAME, Changes::new().set("name", "x"))).unwrap();
    let full = NewShare::new(Sharee::User(wang.user()), ShareLevel::Full);
    assert_eq!(refusal(lin.share(Account::NAME, record, &full)), Code::FourEyes);
    let share = PrivilegeChange::Share { entity: Account::NAME.to_owned(), id: record, share: full };
    let until: Timestamp = moment("2026-12-01T00:00:00Z");
    let delegate = PrivilegeChange::Delegate(NewDelegation::new(wang.user(), until));
    let id = lin.request_privileges(&[share, delegate], None, None).unwrap();
    assert_eq!(refusal(wang.get(Account::NAME, record)), Code::RecordNotFound);
    second.approve_privileges(id, None).unwrap();
    wang.write(|transaction| transaction.delete_record(Account::NAME, record)).unwrap();
    assert!(wang.act_for(lin.user()).is_ok());
    let mine = lin.privilege_requests(Some(RequestStatus::Approved), (None, 0)).unwrap().rows;
    assert_eq!(mine.iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
}

#[test]
fn requests_come_and_are_decided_by_methods() {
    let house = database();
    let second = house.user_as("second", "administrator");
    let lin = house.user("lin", &[]);
    set_policy(&house.admin, &["grants", "assignments"]).unwrap();
    let asked = json!({"reason": "neu", "changes": [
        {"do": "create", "entity": "sys.role", "values": {"name": "wide"}, "as": "wide"},
        {"do": "create", "entity": "sys.grant", "values":
            {"role": "@wide", "entity": "crm.account", "action": "read", "level": "all"}},
        {"do": "create", "entity": "sys.role_assignment", "values": {"role": "@wide", "user": lin.user().to_string()}},
    ]});
    let id = call(&house.admin, "access.request", &asked).unwrap()["id"].clone();
    let listed = call(&second, "access.requests", &json!({"status": "pending"})).unwrap();
    assert_eq!((&listed["requests"][0]["id"], &listed["requests"][0]["open"]), (&id, &Json::Bool(true)));
    assert_eq!(refusal(call(&house.admin, "access.approve", &json!({"id": id}))), Code::NotPermitted);
    call(&second, "access.approve", &json!({"id": id, "note": "ok"})).unwrap();
    assert!(sees(&lin));
    let foreign = json!({"changes": [{"do": "create", "entity": "account", "values": {"name": "x"}}]});
    assert_eq!(refusal(call(&house.admin, "access.request", &foreign)), Code::InvalidArgument);
    assert_eq!(refusal(call(&house.admin, "access.request", &json!({"changes": []}))), Code::LimitExceeded);
    let _ = (PrivilegeKind::Grants, house.verified());
}
