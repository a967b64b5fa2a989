//! What acts for a user who saves sees and sets what that user may, however much it could by itself; and what a plugin does
//! on its own account it does as a principal of its own.

use std::sync::{Arc, Mutex};

use guanxi::api::call;
use guanxi::engine::{
    Action, BeforeSave, Extension, Grant, Level, PluginAccount, Registrar, RoleAssignment, Save, User,
    UserKind, UserStatus, Verdict, grant, plugin_account, role_assignment, user,
};
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Result, Session};
use guanxi_tests::{House, database, options, refusal};
use serde_json::json;

/// Asks as a plugin's host asks, and notes the answers: of the city and the phone, whether they are read, and set.
struct Asks(Arc<Mutex<Vec<Option<Code>>>>);

impl BeforeSave for Asks {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let answers = ["city", "phone"].into_iter().flat_map(|field| {
            [save.check_user_reads(field), save.check_user_sets(field)]
                .map(|told| told.err().map(|error| error.code()))
        });
        let answers: Vec<Option<Code>> = answers.collect();
        *self.0.lock().unwrap() = answers;
        Ok(())
    }
}

struct Vendor(Arc<Mutex<Vec<Option<Code>>>>);

impl Extension for Vendor {
    fn id(&self) -> &str {
        "cn.example.asks"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        registrar.before_save(Account::NAME, 0, Arc::new(Asks(Arc::clone(&self.0))));
        Ok(())
    }
}

#[test]
fn a_plugin_sees_and_sets_no_more_than_the_user_who_saves() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let house = House::with(|_| options());
    house.crm.install(&Vendor(Arc::clone(&told)), "asks").unwrap();
    let id = house.create(Account::NAME, &Changes::new().set("name", "x").set("city", "上海"));
    assert_eq!(*told.lock().unwrap(), [None; 4]);
    let role = house.role("works", &[(Account::NAME, Action::Create, Level::All)]);
    let read = |hidden: &str, masked: &str| {
        let changes = Changes::new().set(grant::ROLE, role).set(grant::ENTITY, Account::NAME);
        let changes = changes.set(grant::ACTION, Action::Read).set(grant::LEVEL, Level::All);
        changes.set(grant::HIDDEN_FIELDS, hidden).set(grant::MASKED_FIELDS, masked)
    };
    let grants = house.create(Grant::NAME, &read("city", ""));
    let update = Changes::new().set(grant::ROLE, role).set(grant::ENTITY, Account::NAME);
    let update = update.set(grant::ACTION, Action::Update).set(grant::LEVEL, Level::All);
    let _ = house.create(Grant::NAME, &update.set(grant::READ_ONLY_FIELDS, "phone"));
    let lin = house.user("lin", &[role]);
    let save = || {
        lin.write(|transaction| {
            transaction.update_record(Account::NAME, id, Changes::new().set("name", "y"))
        })
        .unwrap();
        let answers = told.lock().unwrap().clone();
        house.change(Account::NAME, id, &Changes::new().set("name", "x"));
        answers
    };
    let hidden = save();
    assert_eq!(hidden[0], Some(Code::FieldNotPermitted), "the city is hidden: {hidden:?}");
    assert!(hidden[1].is_some(), "and what one does not see one does not set: {hidden:?}");
    assert_eq!(
        (hidden[2], hidden[3]),
        (None, Some(Code::FieldNotPermitted)),
        "the phone is read and not set"
    );
    house.change(
        Grant::NAME,
        grants,
        &Changes::new().set(grant::HIDDEN_FIELDS, "").set(grant::MASKED_FIELDS, "city"),
    );
    assert_eq!(save()[0], Some(Code::FieldNotPermitted), "a mask is no value");
}

/// A plugin that only declares itself.
struct Worker;

impl Extension for Worker {
    fn id(&self) -> &str {
        WORKER
    }

    fn declare(&self, _: &mut Registrar) -> Result<()> {
        Ok(())
    }
}

const WORKER: &str = "cn.example.worker";

/// A service account with roles.
fn account(house: &House, name: &str, roles: &[RecordId]) -> RecordId {
    house
        .admin
        .write(|transaction| {
            let changes = Changes::new().set(user::NAME, name).set(user::KIND, UserKind::Service);
            let user = transaction.create_record(User::NAME, changes)?;
            for role in roles {
                let changes =
                    Changes::new().set(role_assignment::USER, user).set(role_assignment::ROLE, *role);
                transaction.create_record(RoleAssignment::NAME, changes)?;
            }
            Ok(user)
        })
        .unwrap()
}

fn named(session: &Session, name: &str) -> Result<RecordId> {
    let changes = Changes::new().set("name", name);
    session.write(|transaction| transaction.create_record(Account::NAME, changes.clone()))
}

#[test]
fn a_plugin_on_its_own_account_has_what_that_account_was_granted_and_the_ledger_says_so() {
    let house = database();
    let _ = named(&house.admin, "somebody's").unwrap();
    let role = house.role(
        "works",
        &[(Account::NAME, Action::Create, Level::Own), (Account::NAME, Action::Read, Level::Own)],
    );
    let robot = account(&house, "robot", &[role]);
    assert_eq!(refusal(house.crm.session_of_plugin(WORKER)), Code::PluginNotAdmitted, "it is not loaded");
    house.crm.install(&Worker, "1.0.0").unwrap();
    assert_eq!(refusal(house.crm.session_of_plugin(WORKER)), Code::PluginNotAdmitted, "it has no account");
    let id = house.admin.admit_plugin(WORKER, robot, Some("nightly")).unwrap();
    let own = house.crm.session_of_plugin(WORKER).unwrap();
    assert_eq!(own.user(), robot);
    let made = named(&own, "by the plugin").unwrap();
    assert_eq!(own.count(Account::NAME, &Condition::Everything).unwrap(), 1, "and nobody else's");
    let changed = own.write(|transaction| {
        transaction.update_record(Account::NAME, made, Changes::new().set("city", "上海")).map(drop)
    });
    assert_eq!(refusal(changed), Code::NotPermitted);
    let lin = house.user("lin", &[]);
    let for_lin = own.on_behalf_of(lin.user()).unwrap();
    let other = named(&for_lin, "for lin").unwrap();
    assert_eq!(for_lin.get(Account::NAME, other).unwrap().record.envelope.owner, robot, "it gives nothing");
    assert_eq!(refusal(lin.on_behalf_of(robot)), Code::NotPermitted, "people act for others by delegation");
    assert_eq!(refusal(own.on_behalf_of(made)), Code::ReferenceMissing);
    let query = json!({"entity": Account::NAME, "kinds": ["create"], "actor": robot.to_string()});
    let told = call(&house.admin, "ledger.query", &query).unwrap();
    let entries = told["entries"].as_array().unwrap();
    let said: Vec<_> = entries.iter().map(|entry| (&entry["cause"], &entry["on_behalf_of"])).collect();
    let cause = json!(format!("plugin:{WORKER} api"));
    let lin = json!(lin.user().to_string());
    assert_eq!(said.len(), 2, "{told}");
    assert!(said.contains(&(&cause, &json!(null))) && said.contains(&(&cause, &lin)), "{said:?}");
    let signed_in = call(&house.admin, "ledger.query", &json!({"kinds": ["sign_in"]})).unwrap();
    assert!(signed_in.to_string().contains(&format!("plugin {WORKER}")));
    let told = house.admin.explain_access(robot, Account::NAME, made, Action::Read).unwrap();
    assert_eq!((told.verdict, told.paths[0].role), (Verdict::Granted, role));
    let listed = house.admin.admitted_plugins().unwrap();
    let listed: Vec<_> = listed.iter().map(|known| (known.id, known.account, known.loaded)).collect();
    assert_eq!(listed, [(id, robot, true)]);
    let _ = house.verified();
}

#[test]
fn what_a_plugin_does_on_its_own_account_ends_with_the_account_and_with_what_gave_it() {
    let house = database();
    let role = house.role("reads", &[(Account::NAME, Action::Read, Level::All)]);
    let (robot, other) = (account(&house, "robot", &[role]), account(&house, "other", &[role]));
    house.crm.install(&Worker, "1.0.0").unwrap();
    let admit = |account| house.admin.admit_plugin(WORKER, account, None);
    let ended = |session: &Session| {
        assert_eq!(refusal(session.count(Account::NAME, &Condition::Everything)), Code::SessionEnded);
    };
    let id = admit(robot).unwrap();
    assert_eq!(refusal(admit(other)), Code::NotUnique, "one account for each plugin");
    assert_eq!(refusal(house.admin.admit_plugin("cn.example.other", robot, None)), Code::NotUnique);
    let session = house.crm.session_of_plugin(WORKER).unwrap();
    house.admin.dismiss_plugin(WORKER).unwrap();
    ended(&session);
    assert_eq!(refusal(house.crm.session_of_plugin(WORKER)), Code::PluginNotAdmitted);
    assert_eq!(refusal(house.admin.dismiss_plugin(WORKER)), Code::RecordNotFound);
    house.admin.write(|transaction| transaction.undelete_record(PluginAccount::NAME, id)).unwrap();
    let session = house.crm.session_of_plugin(WORKER).unwrap();
    house.change(PluginAccount::NAME, id, &Changes::new().set(plugin_account::USER, other));
    ended(&session);
    let session = house.crm.session_of_plugin(WORKER).unwrap();
    assert_eq!(session.user(), other);
    house.change(User::NAME, other, &Changes::new().set(user::STATUS, UserStatus::Suspended));
    ended(&session);
    assert_eq!(refusal(house.crm.session_of_plugin(WORKER)), Code::PluginNotAdmitted);
    house.change(User::NAME, other, &Changes::new().set(user::STATUS, UserStatus::Active));
    let session = house.crm.session_of_plugin(WORKER).unwrap();
    let grants = guanxi::Find { filter: grant::ROLE.is(role), ..guanxi::Find::default() };
    let granted = house.admin.list(Grant::NAME, &grants).unwrap().rows[0].record.id;
    house.admin.write(|transaction| transaction.delete_record(Grant::NAME, granted)).unwrap();
    let refused = refusal(session.count(Account::NAME, &Condition::Everything));
    assert_eq!(refused, Code::NotPermitted, "with the next call");
}

#[test]
fn nobody_gives_a_plugin_an_account_that_is_more_than_their_own_and_nothing_else_opens_it() {
    let house = database();
    house.crm.install(&Worker, "1.0.0").unwrap();
    let robot = account(&house, "robot", &[]);
    let strong = account(&house, "strong", &[house.role("all", &[("*", Action::Read, Level::All)])]);
    let keeps: Vec<_> = ["sys.plugin_account", "sys.user"]
        .into_iter()
        .flat_map(|entity| {
            [Action::Create, Action::Read, Action::Administer].map(|action| (entity, action, Level::All))
        })
        .collect();
    let keeper = house.user("keeper", &[house.role("keeper", &keeps)]);
    let lin = house.user("lin", &[]);
    assert_eq!(refusal(lin.admit_plugin(WORKER, robot, None)), Code::NotPermitted);
    assert_eq!(refusal(keeper.admit_plugin(WORKER, strong, None)), Code::BeyondOwnRights);
    assert_eq!(
        refusal(house.admin.admit_plugin(WORKER, lin.user(), None)),
        Code::InvalidArgument,
        "a person"
    );
    assert_eq!(refusal(house.admin.admit_plugin("worker", robot, None)), Code::InvalidArgument);
    let token = house.admin.issue_token(robot, "x", None).unwrap();
    assert_eq!(refusal(keeper.admit_plugin(WORKER, robot, None)), Code::InvalidArgument, "it has a token");
    house.admin.revoke_token(robot, token.id).unwrap();
    let _ = keeper.admit_plugin(WORKER, robot, None).unwrap();
    assert_eq!(refusal(house.admin.issue_token(robot, "x", None)), Code::InvalidArgument);
    // What a plugin's account may do does not grow beyond its author's rights by the door of all records either.
    let stated =
        Changes::new().set(plugin_account::PLUGIN, "cn.example.other").set(plugin_account::USER, strong);
    let made = keeper.write(|transaction| transaction.create_record(PluginAccount::NAME, stated.clone()));
    assert_eq!(refusal(made), Code::BeyondOwnRights);
    // Where two people decide who signs in, they decide about this, too.
    let _second = house.user_as("second", "administrator");
    let settings = json!({"settings": {"access.four_eyes": ["users"]}});
    call(&house.admin, "configuration.set", &settings).unwrap();
    let given = json!({"plugin": "cn.example.other", "user": "strong"});
    assert_eq!(refusal(call(&house.admin, "plugin.admit", &given)), Code::FourEyes);
    call(&house.admin, "plugin.dismiss", &json!({"plugin": WORKER})).unwrap();
    assert_eq!(call(&house.admin, "plugin.admitted", &json!({})).unwrap(), json!({"plugins": []}));
}

#[test]
fn a_plugin_takes_back_its_own_mass_edit() {
    let house = database();
    house.crm.install(&Worker, "1.0.0").unwrap();
    let work = [Action::Read, Action::Update].map(|action| (Account::NAME, action, Level::All));
    let robot = account(&house, "robot", &[house.role("works", &work)]);
    let _ = house.admin.admit_plugin(WORKER, robot, None).unwrap();
    let id = named(&house.admin, "x").unwrap();
    let own = house.crm.session_of_plugin(WORKER).unwrap();
    let all = guanxi::engine::Selection::Matching(Condition::Everything);
    let changes = Changes::new().set("city", "北京");
    let edited = own.bulk_update(Account::NAME, &all, &changes, &guanxi::engine::Bulk::default()).unwrap();
    assert!(own.undo_bulk(edited.batch).unwrap().iter().all(|row| row.outcome.is_ok()));
    assert_eq!(house.admin.get(Account::NAME, id).unwrap().value("city").unwrap(), guanxi::Value::Null);
}
