//! Delegation for a period: who stands in has what the other one has at that moment, and nothing of administration.

use guanxi::api::call;
use guanxi::engine::{
    Action, Delegation, Level, NewDelegation, NewShare, RoleAssignment, ShareLevel, Sharee, User, UserStatus,
    role_assignment, user,
};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session, Timestamp};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

const EVERYTHING: Condition = Condition::Everything;

fn next_month() -> Timestamp {
    moment("2026-12-22T00:00:00Z")
}

fn worker(house: &House, name: &str) -> Session {
    use Action::{Assign, Create, Delete, Export, Read, Share, Update};
    house.user_who_may(name, &[Create, Read, Update, Delete, Assign, Share, Export])
}

fn account_of(session: &Session, name: &str) -> RecordId {
    let changes = Changes::new().set("name", name);
    session.write(|transaction| transaction.create_record(Account::NAME, changes.clone())).unwrap()
}

fn rename(session: &Session, id: RecordId) -> guanxi::Result<()> {
    let changes = Changes::new().set("name", "renamed");
    session.write(|transaction| transaction.update_record(Account::NAME, id, changes.clone()).map(drop))
}

#[test]
fn who_stands_in_reads_and_changes_what_the_other_one_reaches_and_the_ledger_names_both() {
    let house = database();
    let (lin, wang) = (worker(&house, "lin"), worker(&house, "wang"));
    let theirs = account_of(&lin, "lin's");
    let mine = account_of(&wang, "wang's");
    assert_eq!(refusal(wang.act_for(lin.user())), Code::SessionEnded);
    lin.delegate(&NewDelegation::new(wang.user(), next_month())).unwrap();
    // What one has as oneself stays what it was.
    assert_eq!(refusal(wang.get(Account::NAME, theirs)), Code::RecordNotFound);
    let acting = wang.act_for(lin.user()).unwrap();
    assert_eq!(acting.get(Account::NAME, theirs).unwrap().title(), "lin's");
    assert_eq!(refusal(acting.get(Account::NAME, mine)), Code::RecordNotFound);
    assert_eq!(acting.count(Account::NAME, &EVERYTHING).unwrap(), 1);
    rename(&acting, theirs).unwrap();
    let made = account_of(&acting, "made");
    let record = lin.get(Account::NAME, made).unwrap().record;
    assert_eq!((record.envelope.owner, record.envelope.created_by), (lin.user(), wang.user()));
    let query = json!({"entity": "account", "record": theirs.to_string()});
    let told = call(&house.admin, "ledger.query", &query).unwrap();
    let changed = told["entries"].as_array().unwrap().iter().find(|entry| entry["kind"] == "update").unwrap();
    assert_eq!(changed["actor"], json!(wang.user().to_string()));
    assert_eq!(changed["on_behalf_of"], json!(lin.user().to_string()));
    let _ = house.verified();
}

#[test]
fn who_stands_in_neither_administers_nor_hands_on_nor_passes_it_on() {
    let house = database();
    let (wang, li) = (worker(&house, "wang"), worker(&house, "li"));
    house.admin.delegate(&NewDelegation::new(wang.user(), next_month())).unwrap();
    let acting = wang.act_for(house.admin.user()).unwrap();
    let record = account_of(&house.admin, "加喜");
    rename(&acting, record).unwrap();
    let role =
        acting.write(|transaction| transaction.create_record("sys.role", Changes::new().set("name", "mine")));
    assert_eq!(refusal(role), Code::NotPermitted);
    let grant = acting.write(|transaction| {
        transaction.update_record(User::NAME, wang.user(), Changes::new().set("email", "a@example.test"))
    });
    assert_eq!(refusal(grant), Code::NotPermitted);
    assert_eq!(refusal(acting.set_password(house.admin.user(), "a long password")), Code::NotPermitted);
    assert_eq!(refusal(acting.check_may("sys.role", Action::Administer)), Code::NotPermitted);
    assert_eq!(refusal(acting.change_settings((*house.crm.settings()).clone())), Code::NotPermitted);
    let share = NewShare::new(Sharee::User(wang.user()), ShareLevel::Read);
    assert_eq!(refusal(acting.share(Account::NAME, record, &share)), Code::NotPermitted);
    for action in [Action::Export, Action::Import, Action::Approve, Action::Share] {
        assert_eq!(refusal(acting.check_may(Account::NAME, action)), Code::NotPermitted);
    }
    assert_eq!(refusal(acting.delegate(&NewDelegation::new(li.user(), next_month()))), Code::NotPermitted);
    // What was delegated to the other one is not among what the other one delegates.
    wang.delegate(&NewDelegation::new(li.user(), next_month())).unwrap();
    let for_wang = li.act_for(wang.user()).unwrap();
    assert_eq!(refusal(for_wang.get(Account::NAME, record)), Code::RecordNotFound);
    assert_eq!(refusal(for_wang.act_for(house.admin.user())), Code::NotPermitted);
}

#[test]
fn it_ends_with_its_period_with_its_revocation_and_with_whom_it_is_for() {
    let house = database();
    let (lin, wang) = (worker(&house, "lin"), worker(&house, "wang"));
    let record = account_of(&lin, "加喜");
    let begins = moment("2026-11-23T00:00:00Z");
    let ends = moment("2026-11-24T00:00:00Z");
    let period = NewDelegation { from: Some(begins), ..NewDelegation::new(wang.user(), ends) };
    lin.delegate(&period).unwrap();
    assert_eq!(refusal(wang.act_for(lin.user())), Code::SessionEnded);
    house.clock.set(begins);
    let acting = wang.act_for(lin.user()).unwrap();
    rename(&acting, record).unwrap();
    house.clock.set(ends);
    assert_eq!(refusal(acting.get(Account::NAME, record)), Code::SessionEnded);
    house.clock.set(begins);
    assert_eq!(
        refusal(acting.get(Account::NAME, record)),
        Code::SessionEnded,
        "no clock set back opens it again"
    );
    house.clock.set(ends);
    let id = lin.delegate(&NewDelegation::new(wang.user(), next_month())).unwrap();
    assert!(wang.delegations().unwrap().iter().any(|row| row.id == id && row.holds));
    rename(&acting, record).unwrap();
    lin.end_delegation(id).unwrap();
    assert_eq!(refusal(acting.get(Account::NAME, record)), Code::SessionEnded);
    let id = lin.delegate(&NewDelegation::new(wang.user(), next_month())).unwrap();
    assert_eq!(acting.count(Account::NAME, &EVERYTHING).unwrap(), 1);
    house.change(User::NAME, lin.user(), &Changes::new().set(user::STATUS, UserStatus::Suspended));
    assert_eq!(refusal(acting.count(Account::NAME, &EVERYTHING)), Code::SessionEnded);
    house.change(User::NAME, lin.user(), &Changes::new().set(user::STATUS, UserStatus::Active));
    assert_eq!(acting.count(Account::NAME, &EVERYTHING).unwrap(), 1);
    // Who stands in gives it up, and who loses a role has nothing of it to stand in for.
    wang.end_delegation(id).unwrap();
    assert_eq!(refusal(acting.count(Account::NAME, &EVERYTHING)), Code::SessionEnded);
    lin.delegate(&NewDelegation::new(wang.user(), next_month())).unwrap();
    let find = guanxi::engine::Find { filter: role_assignment::USER.is(lin.user()), ..Default::default() };
    let assignment = house.admin.list(RoleAssignment::NAME, &find).unwrap().rows[0].record.id;
    house.admin.write(|transaction| transaction.delete_record(RoleAssignment::NAME, assignment)).unwrap();
    assert_eq!(refusal(acting.count(Account::NAME, &EVERYTHING)), Code::NotPermitted);
}

#[test]
fn it_is_about_the_entities_that_it_names_and_follows_what_is_shared() {
    let house = database();
    let (lin, wang, li) = (worker(&house, "lin"), worker(&house, "wang"), worker(&house, "li"));
    let only =
        NewDelegation { entities: vec!["account".into()], ..NewDelegation::new(wang.user(), next_month()) };
    lin.delegate(&only).unwrap();
    let acting = wang.act_for(lin.user()).unwrap();
    assert_eq!(acting.count(Account::NAME, &EVERYTHING).unwrap(), 0);
    assert_eq!(refusal(acting.count(Contact::NAME, &EVERYTHING)), Code::NotPermitted);
    let record = account_of(&li, "li's");
    li.share(Account::NAME, record, &NewShare::new(Sharee::User(lin.user()), ShareLevel::Read)).unwrap();
    assert_eq!(acting.count(Account::NAME, &EVERYTHING).unwrap(), 1);
    li.share(Account::NAME, record, &NewShare::new(Sharee::User(wang.user()), ShareLevel::Edit)).unwrap();
    assert_eq!(refusal(rename(&acting, record)), Code::NotPermitted, "one's own shares are one's own");
    let explain = |id: RecordId| house.admin.explain_access(id, Account::NAME, record, Action::Read).unwrap();
    assert_eq!(explain(wang.user()).delegators, [lin.user()]);
    assert_eq!(explain(lin.user()).delegators, []);
}

#[test]
fn nobody_delegates_for_another_one_unless_they_keep_users_and_nobody_to_themselves() {
    let house = database();
    let keeps = [("sys.user", Action::Read, Level::All), ("sys.user", Action::Administer, Level::All)];
    let (lin, wang, li) = (worker(&house, "lin"), worker(&house, "wang"), worker(&house, "li"));
    let keeper = house.user("keeper", &[house.role("keeper", &keeps)]);
    let of = |delegator: RecordId, delegate: RecordId| NewDelegation {
        delegator: Some(delegator),
        ..NewDelegation::new(delegate, next_month())
    };
    assert_eq!(refusal(wang.delegate(&of(lin.user(), wang.user()))), Code::NotPermitted);
    assert_eq!(refusal(wang.delegate(&of(lin.user(), li.user()))), Code::NotPermitted);
    assert_eq!(refusal(house.admin.delegate(&of(lin.user(), house.admin.user()))), Code::NotPermitted);
    assert_eq!(refusal(lin.delegate(&of(lin.user(), lin.user()))), Code::NotPermitted);
    assert_eq!(refusal(keeper.delegate(&of(lin.user(), li.user()))), Code::BeyondOwnRights);
    assert_eq!(refusal(keeper.delegate(&of(house.admin.user(), li.user()))), Code::BeyondOwnRights);
    house.admin.delegate(&of(lin.user(), li.user())).unwrap();
    let _ = li.act_for(lin.user()).unwrap();
    // The door of all records is held to the same rules.
    let stated = Changes::new().set("delegator", lin.user()).set("delegate", house.admin.user());
    let stated = stated.set("until", next_month());
    let made = house.admin.write(|transaction| transaction.create_record(Delegation::NAME, stated.clone()));
    assert_eq!(refusal(made), Code::NotPermitted);
    // Nobody ends, nor learns of, what is between others.
    let id = lin.delegations().unwrap()[0].id;
    assert_eq!(refusal(wang.end_delegation(id)), Code::RecordNotFound);
    assert_eq!(refusal(wang.end_delegation(RecordId::from_bytes([9; 16]))), Code::RecordNotFound);
    assert!(wang.delegations().unwrap().is_empty());
    let over = NewDelegation::new(wang.user(), moment("2026-11-01T00:00:00Z"));
    assert_eq!(refusal(lin.delegate(&over)), Code::InvalidArgument);
    let north = house.partition("north");
    house.change(User::NAME, wang.user(), &Changes::new().set(user::PARTITION, north));
    let far = NewDelegation::new(wang.user(), next_month());
    assert_eq!(refusal(lin.delegate(&far)), Code::ReferenceMissing);
}

#[test]
fn hosts_delegate_and_call_for_others_by_named_methods() {
    let house = database();
    let (lin, wang) = (worker(&house, "lin"), worker(&house, "wang"));
    let record = account_of(&lin, "加喜");
    let given = json!({"delegate": wang.user().to_string(), "until": "2026-12-22T00:00:00Z", "entities": ["account"]});
    let id = call(&lin, "delegation.grant", &given).unwrap()["id"].clone();
    let told = call(&wang, "delegation.list", &json!({})).unwrap();
    assert_eq!((&told["delegations"][0]["id"], &told["delegations"][0]["holds"]), (&id, &json!(true)));
    let get = json!({
        "delegator": lin.user().to_string(),
        "method": "record.get",
        "given": {"entity": "account", "id": record.to_string()},
    });
    assert_eq!(call(&wang, "delegation.call", &get).unwrap()["id"], json!(record.to_string()));
    let again = json!({"delegator": lin.user().to_string(), "method": "delegation.call", "given": get});
    assert_eq!(refusal(call(&wang, "delegation.call", &again)), Code::NotPermitted);
    call(&lin, "delegation.end", &json!({"id": id})).unwrap();
    assert_eq!(refusal(call(&wang, "delegation.call", &get)), Code::SessionEnded);
}
