//! What a plugin registers works in a real database, through the doors that people use.

use guanxi::api::call;
use guanxi::engine::{Action, Grant, Level, Role, RoleAssignment, grant, role, role_assignment};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session};
use guanxi_plugin_host::{Loader, Requires};
use serde_json::{Value as Json, json};

use crate::vendor::{full, library, manifest, plain};
use crate::{House, house, options};

const TICKET: &str = "cn.example.full.ticket";

fn full_house() -> House {
    let house = house();
    let package = full(house.place.path(), "1.0.0", 1, &[]);
    Loader::unsigned().install_as(&house.admin, &[package]).unwrap();
    house
}

fn create(session: &Session, name: &str) -> guanxi::Result<RecordId> {
    session.write(|transaction| transaction.create_record("account", Changes::new().set("name", name)))
}

fn rename(session: &Session, id: RecordId, name: &str) -> guanxi::Result<()> {
    let changes = Changes::new().set("name", name);
    session.write(|transaction| transaction.update_record("account", id, changes.clone()).map(drop))
}

/// The names of the tickets that there are.
fn tickets(session: &Session) -> Vec<String> {
    let page = session.list(TICKET, &guanxi::Find::default()).unwrap();
    page.rows.iter().map(|row| row.value("name").unwrap().as_text().unwrap().to_owned()).collect()
}

#[test]
fn an_entity_with_rules_and_states_comes_with_the_metadata_of_a_plugin() {
    let house = full_house();
    let ticket = |name: &str| {
        house.admin.write(|transaction| transaction.create_record(TICKET, Changes::new().set("name", name)))
    };
    let id = ticket("printer").unwrap();
    let refused = ticket(&"x".repeat(50)).unwrap_err();
    assert_eq!(refused.code(), Code::RuleBroken);
    let close = |id: RecordId| {
        let closed = Changes::new().set("state", "closed");
        house.admin.write(|transaction| transaction.update_record(TICKET, id, closed.clone()).map(drop))
    };
    close(id).unwrap();
    // The hook before a step sees the state before, and refuses.
    let stuck = ticket("stuck").unwrap();
    let refused = close(stuck).unwrap_err();
    assert_eq!((refused.code(), refused.field_name()), (Code::PluginRejected, Some("state")));
    assert_eq!(house.admin.get(TICKET, stuck).unwrap().value("state").unwrap().as_text(), Some("open"));
}

#[test]
fn labels_of_a_plugin_are_told_in_as_many_languages_as_its_package_has() {
    let house = full_house();
    let label = |locale: &str| {
        let given = json!({"entity": TICKET, "locale": locale});
        call(&house.admin, "schema.describe", &given).unwrap()["entities"][0]["label"].clone()
    };
    assert_eq!(
        [label("fr"), label("fr-CA"), label("en"), label("zh-Hans")],
        ["Billet", "Billet", "Ticket", "工单"]
    );
}

#[test]
fn a_hook_behind_the_save_takes_the_save_back_with_all_that_it_wrote() {
    let house = full_house();
    let refused = create(&house.admin, "late").unwrap_err();
    assert_eq!((refused.code(), refused.plugin_name()), (Code::PluginRejected, Some("cn.example.full")));
    assert_eq!(house.admin.count("account", &Condition::Everything).unwrap(), 0);
    assert_eq!(house.admin.count("contact", &Condition::Everything).unwrap(), 0);
    // The transaction goes on without it, and keeps the rest.
    house
        .admin
        .write(|transaction| {
            transaction.create_record("account", Changes::new().set("name", "good"))?;
            let late = transaction.create_record("account", Changes::new().set("name", "late"));
            assert_eq!(late.unwrap_err().code(), Code::PluginRejected);
            Ok(())
        })
        .unwrap();
    assert_eq!(house.admin.count("account", &Condition::Everything).unwrap(), 1);
    assert_eq!(house.admin.count("contact", &Condition::Everything).unwrap(), 0);
    let id = create(&house.admin, "final").unwrap();
    assert_eq!(rename(&house.admin, id, "renamed").unwrap_err().code(), Code::PluginRejected);
    rename(&house.admin, id, "other").unwrap();
    house.crm.verify(house.admin.patience()).unwrap();
}

#[test]
fn behind_the_save_the_record_is_no_longer_set() {
    let house = full_house();
    let id = create(&house.admin, "set").unwrap();
    assert_eq!(house.admin.get("account", id).unwrap().value("name").unwrap().as_text(), Some("set"));
}

#[test]
fn hooks_stand_before_and_behind_a_deletion() {
    let house = full_house();
    let delete = |id| house.admin.write(|transaction| transaction.delete_record("account", id));
    let kept = create(&house.admin, "keep").unwrap();
    assert_eq!(delete(kept).unwrap_err().code(), Code::PluginRejected);
    assert!(house.admin.get("account", kept).is_ok());
    delete(create(&house.admin, "traced").unwrap()).unwrap();
    assert_eq!(tickets(&house.admin), ["first", "deleted"]);
}

#[test]
fn behind_the_commit_a_hook_may_call_and_write_and_is_not_told_of_what_was_taken_back() {
    let house = full_house();
    create(&house.admin, "told").unwrap();
    assert!(tickets(&house.admin).contains(&"told".to_owned()));
    let other = full_house();
    other
        .admin
        .write(|transaction| {
            let point = transaction.savepoint();
            transaction.create_record("account", Changes::new().set("name", "told"))?;
            transaction.roll_back_to(point);
            transaction.create_record("account", Changes::new().set("name", "else")).map(drop)
        })
        .unwrap();
    assert_eq!(tickets(&other.admin), ["first"]);
}

#[test]
fn an_action_is_called_by_its_name_in_the_right_of_its_caller_and_told_of_to_who_may() {
    let house = full_house();
    let echo = "cn.example.full.echo";
    assert_eq!(call(&house.admin, echo, &json!({"a": 1})).unwrap(), json!({"a": 1}));
    assert_eq!(call(&house.admin, echo, &Json::Null).unwrap(), json!({}));
    let refused = call(&house.admin, "cn.example.full.refuse", &json!({})).unwrap_err();
    assert_eq!(refused.code(), Code::PluginRejected);
    let unknown = call(&house.admin, "cn.example.full.none", &json!({})).unwrap_err();
    assert_eq!(unknown.code(), Code::UnknownMethod);
    let lin = reader(&house);
    assert_eq!(call(&lin, echo, &json!({})).unwrap_err().code(), Code::NotPermitted);
    let names = |session: &Session| {
        let told = call(session, "plugin.actions", &json!({})).unwrap();
        told["actions"].as_array().unwrap().iter().map(|action| action["name"].clone()).collect::<Vec<_>>()
    };
    assert!(names(&house.admin).contains(&json!(echo)));
    assert!(!names(&lin).contains(&json!(echo)));
    // Within a transaction it could only wait for itself.
    let within = house.admin.write(|_| house.admin.run_action(echo, &json!({}))).unwrap_err();
    assert_eq!(within.code(), Code::Reentrant);
}

/// Somebody who reads accounts, and no more.
fn reader(house: &House) -> Session {
    let given = json!({"values": {"name": "lin"}});
    let user = call(&house.admin, "user.create", &given).unwrap();
    let user = user.get("id").and_then(Json::as_str).unwrap().to_owned();
    give(house, user.parse().unwrap(), &[("crm.account", Action::Read)]);
    house.admin.set_password(user.parse().unwrap(), crate::PASSWORD).unwrap();
    let crm = &house.crm;
    crm.sign_in_with_new_password("lin", crate::PASSWORD, "another long password").unwrap()
}

/// Gives a user a role that allows so much.
fn give(house: &House, user: RecordId, allowed: &[(&str, Action)]) {
    let given = house.admin.write(|transaction| {
        let named = Changes::new().set(role::NAME, format!("role of {user}"));
        let role = transaction.create_record(Role::NAME, named)?;
        for (entity, action) in allowed {
            let changes = Changes::new()
                .set(grant::ROLE, role)
                .set(grant::ENTITY, *entity)
                .set(grant::ACTION, *action)
                .set(grant::LEVEL, Level::All);
            transaction.create_record(Grant::NAME, changes)?;
        }
        let assigned = Changes::new().set(role_assignment::USER, user).set(role_assignment::ROLE, role);
        transaction.create_record(RoleAssignment::NAME, assigned)
    });
    given.unwrap();
}

#[test]
fn a_job_runs_on_the_account_of_the_plugin_and_not_without_one() {
    let house = full_house();
    let jobs = call(&house.admin, "plugin.jobs", &json!({})).unwrap();
    assert_eq!(jobs["jobs"][0]["schedule"], "0 3 * * *");
    let run = || call(&house.admin, "plugin.run_job", &json!({"job": "cn.example.full.nightly"}));
    assert_eq!(run().unwrap_err().code(), Code::PluginNotAdmitted);
    let given = json!({"values": {"name": "robot", "kind": "service"}});
    let robot = call(&house.admin, "user.create", &given).unwrap()["id"].as_str().unwrap().to_owned();
    let admit = json!({"plugin": "cn.example.full", "user": robot});
    call(&house.admin, "plugin.admit", &admit).unwrap();
    // The account has no role, so it may not write.
    assert_eq!(run().unwrap_err().code(), Code::PluginFault);
    let refused = call(&house.admin, "cn.example.full.as_self", &json!({})).unwrap_err();
    assert_eq!(refused.code(), Code::PluginFault);
    let allowed = [Action::Read, Action::Create, Action::Update].map(|action| (TICKET, action));
    give(&house, robot.parse().unwrap(), &allowed);
    run().unwrap();
    assert!(tickets(&house.admin).contains(&"nightly".to_owned()));
}

#[test]
fn a_model_scores_a_record_as_the_asking_user_sees_it_and_says_why() {
    let house = full_house();
    let id = create(&house.admin, "four").unwrap();
    let asked = json!({"record": id.to_string()});
    let scored = call(&house.admin, "cn.example.full.chance", &asked).unwrap();
    assert_eq!(scored, json!({"score": 4.0, "reasons": [{"zh": "名称", "en": "the name", "weight": 4.0}]}));
    let missing = call(&house.admin, "cn.example.full.chance", &json!({})).unwrap_err();
    assert_eq!(missing.code(), Code::MissingParameter);
}

fn open(path: &std::path::Path) -> (guanxi::Crm, Session) {
    let crm = options().open(path).unwrap();
    let admin = crm.sign_in("admin", crate::PASSWORD).unwrap();
    (crm, admin)
}

#[test]
fn migrations_run_once_in_the_right_of_an_administrator_and_without_one_the_plugin_is_refused() {
    let house = house();
    let place = house.place.path();
    let package = full(place, "1.0.0", 1, &[]);
    let refused = Loader::unsigned().install(&house.crm, std::slice::from_ref(&package)).unwrap_err();
    assert_eq!(refused.code(), Code::PluginMigration);
    assert!(house.crm.registry().entity(TICKET).is_err(), "nothing of it is there");
    assert!(house.crm.plugin_states().unwrap().is_empty());
    create(&house.admin, "late").unwrap();
    Loader::unsigned().install_as(&house.admin, std::slice::from_ref(&package)).unwrap();
    assert_eq!(tickets(&house.admin), ["first"]);
    let path = place.join("house.guanxi");
    drop((house.admin, house.crm));
    let (crm, admin) = open(&path);
    // It is done, so that nobody needs to be an administrator any more.
    Loader::unsigned().install(&crm, &[package]).unwrap();
    create(&admin, "b").unwrap();
    drop((crm, admin));
    let (_crm, admin) = open(&path);
    let whole = full(place, "1.2.0", 2, &[("WIDER", "1")]);
    Loader::unsigned().install_as(&admin, &[whole]).unwrap();
    assert_eq!(tickets(&admin), ["second"]);
}

#[test]
fn of_a_version_whose_migration_fails_nothing_is_there_and_the_one_before_is_in_force() {
    let house = house();
    let place = house.place.path();
    let (old, path) = (full(place, "1.0.0", 1, &[]), place.join("house.guanxi"));
    Loader::unsigned().install_as(&house.admin, std::slice::from_ref(&old)).unwrap();
    let (states, version) = (house.crm.plugin_states().unwrap(), house.crm.registry().version());
    drop((house.admin, house.crm));
    let (crm, admin) = open(&path);
    let before = crm.head().unwrap();
    let broken = full(place, "1.1.0", 2, &[("BROKEN_MIGRATION", "1"), ("WIDER", "1")]);
    let error = Loader::unsigned().install_as(&admin, &[broken]).unwrap_err();
    assert_eq!((error.code(), error.plugin_name()), (Code::PluginFault, Some("cn.example.full")));
    // Neither its field, nor what it wrote, nor that it was seen.
    let registry = crm.registry();
    assert!(registry.entity(TICKET).unwrap().field("note".into()).is_err());
    assert_eq!((registry.version(), crm.plugin_states().unwrap()), (version, states.clone()));
    assert_eq!((tickets(&admin), crm.head().unwrap().position), (vec!["first".to_owned()], before.position));
    assert!(!crm.loaded_plugins().contains("cn.example.full"));
    assert_eq!(call(&admin, "cn.example.full.echo", &json!({})).unwrap_err().code(), Code::UnknownMethod);
    // The one before comes in the same process, as if nothing had been, and in the next one.
    Loader::unsigned().install_as(&admin, std::slice::from_ref(&old)).unwrap();
    assert_eq!(create(&admin, "late").unwrap_err().code(), Code::PluginRejected);
    drop((crm, admin));
    let (crm, admin) = open(&path);
    Loader::unsigned().install(&crm, &[old]).unwrap();
    assert_eq!(create(&admin, "late").unwrap_err().code(), Code::PluginRejected);
    assert_eq!(crm.plugin_states().unwrap()[0].version, "1.0.0");
    crm.verify(admin.patience()).unwrap();
}

#[test]
fn what_a_plugin_registers_is_taken_whole_or_not_at_all() {
    let house = house();
    let place = house.place.path();
    let capabilities = ["schema:crm.account", "hook:crm.account", "package"];
    let library = library(place, "bad", &[("BAD", "7")]);
    let manifest = manifest("cn.example.bad", "1.0.0", &capabilities);
    let broken = guanxi_plugin_host::pack(&library, place, manifest).unwrap();
    assert!(Loader::unsigned().install(&house.crm, &[broken]).is_err());
    let registry = house.crm.registry();
    let account = registry.entity("account").unwrap();
    assert!(account.fields().iter().all(|field| field.definition.namespace != "cn.example.bad"));
    assert!(!house.crm.loaded_plugins().contains("cn.example.bad"));
    create(&house.admin, "a").unwrap();
}

#[test]
fn nothing_is_written_without_a_plugin_that_the_database_requires() {
    let house = house();
    let place = house.place.path();
    let package = plain(place, Requires::default(), &[]);
    Loader::unsigned().install(&house.crm, std::slice::from_ref(&package)).unwrap();
    call(&house.admin, "plugin.require", &json!({"plugin": "cn.example.bad"})).unwrap();
    create(&house.admin, "a").unwrap();
    let path = place.join("house.guanxi");
    drop((house.admin, house.crm));
    let crm = options().open(&path).unwrap();
    let admin = crm.sign_in("admin", crate::PASSWORD).unwrap();
    let refused = create(&admin, "b").unwrap_err();
    assert_eq!((refused.code(), refused.plugin_name()), (Code::PluginRequired, Some("cn.example.bad")));
    assert_eq!(admin.count("account", &Condition::Everything).unwrap(), 1);
    let listed = call(&admin, "plugin.list", &json!({})).unwrap();
    assert_eq!(listed["plugins"][0]["required"], true);
    Loader::unsigned().install(&crm, &[package]).unwrap();
    create(&admin, "b").unwrap();
    call(&admin, "plugin.require", &json!({"plugin": "cn.example.bad", "required": false})).unwrap();
    drop((admin, crm));
    let crm = options().open(&path).unwrap();
    create(&crm.sign_in("admin", crate::PASSWORD).unwrap(), "c").unwrap();
}

#[test]
fn the_plugin_in_c_of_the_examples_scores_refuses_and_enters_a_switchboard() {
    let house = house();
    let place = house.place.path();
    let capabilities = ["schema:crm.account", "hook:crm.account", "write:crm.contact", "action", "model"];
    let manifest = manifest("cn.example.score", "1.0.0", &capabilities);
    let package = guanxi_plugin_host::pack(&library(place, "score", &[]), place, manifest).unwrap();
    Loader::unsigned().install(&house.crm, &[package]).unwrap();
    let id = create(&house.admin, "上海加喜企业服务有限公司浦东分公司").unwrap();
    let row = house.admin.get("account", id).unwrap();
    assert_eq!(row.value("cn.example.score.score").unwrap(), guanxi::Value::Int(51));
    assert_eq!(house.admin.count("contact", &Condition::Everything).unwrap(), 1);
    rename(&house.admin, id, "上海加喜企业服务有限公司浦西分公司").unwrap();
    assert_eq!(house.admin.count("contact", &Condition::Everything).unwrap(), 1);
    assert_eq!(create(&house.admin, "test").unwrap_err().code(), Code::PluginRejected);
    assert_eq!(call(&house.admin, "cn.example.score.limits", &json!({})).unwrap(), json!({"large": 40}));
}
