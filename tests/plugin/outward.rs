//! What a plugin does beyond the calls of users: jobs that come by themselves, reports, and connectors.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use guanxi::api::call;
use guanxi::base::Label;
use guanxi::engine::{
    Action, Extension, JobDefinition, Level, Perform, Registrar, RoleAssignment, role_assignment,
};
use guanxi::schema::EntityType;
use guanxi::time::{ScheduledJob, Ticked, scheduled_job};
use guanxi::{Changes, Code, Find, RecordId, Session, Timestamp, Value};
use guanxi_plugin_host::{Loader, health, pack};
use guanxi_tests::{House, database, moment};
use serde_json::json;

use crate::vendor::{library, manifest};

const OUTWARD: &str = "cn.example.outward";
const SWEEP: &str = "cn.example.outward.sweep";
const FAR: &str = "cn.example.outward.far";
const CAPABILITIES: [&str; 6] =
    ["job", "report", "connector", "write:crm.account", "write:crm.contact", "read:crm.account"];

fn load(house: &House, version: &str, macros: &[(&str, &str)]) {
    let quoted = format!("\"{version}\"");
    let mut all = vec![("VERSION", quoted.as_str())];
    all.extend(macros);
    let place = tempfile::tempdir().unwrap();
    let library = library(place.path(), "outward", &all);
    let manifest = manifest(OUTWARD, version, &CAPABILITIES).with_abi_minor(3).unwrap();
    let package = pack(&library, place.path(), manifest).unwrap();
    Loader::unsigned().install(&house.crm, &[package]).unwrap();
}

/// A service account.
fn robot(house: &House, name: &str) -> RecordId {
    let given = json!({"values": {"name": name, "kind": "service"}});
    let made = call(&house.admin, "user.create", &given).unwrap();
    made.get("id").and_then(|id| id.as_str()).unwrap().parse().unwrap()
}

/// Gives the plugin an account that may keep accounts and contacts.
fn admit(house: &House) {
    let robot = robot(house, "robot");
    let may = [Action::Read, Action::Create, Action::Update];
    let grants: Vec<_> = ["crm.account", "crm.contact"]
        .into_iter()
        .flat_map(|entity| may.map(|action| (entity, action, Level::All)))
        .collect();
    let role = house.role("robots", &grants);
    let assigned = Changes::new().set(role_assignment::USER, robot).set(role_assignment::ROLE, role);
    let _ = house.create(RoleAssignment::NAME, &assigned);
    call(&house.admin, "plugin.admit", &json!({"plugin": OUTWARD, "user": robot.to_string()})).unwrap();
}

fn names(session: &Session, entity: &str) -> Vec<String> {
    let page = session.list(entity, &Find::default()).unwrap();
    page.rows.iter().map(|row| row.value("name").unwrap().as_text().unwrap().to_owned()).collect()
}

fn sweeps(house: &House) -> usize {
    names(&house.admin, "crm.contact").iter().filter(|name| *name == "swept").count()
}

fn tick(house: &House, at: &str) -> Ticked {
    house.clock.set(moment(at));
    house.admin.tick(0).unwrap()
}

fn next(house: &House) -> Option<Timestamp> {
    house.admin.next_due().unwrap()
}

/// The record of the plugin's job.
fn job(house: &House) -> (RecordId, guanxi::engine::Listing) {
    let page = house.admin.list(ScheduledJob::NAME, &Find::default()).unwrap();
    assert_eq!(page.rows.len(), 1);
    let row = page.rows.into_iter().next().unwrap();
    (row.record.id, row)
}

#[test]
fn a_job_of_a_plugin_is_planned_and_done_by_ticks_and_comes_again() {
    let house = database();
    load(&house, "1.0.0", &[]);
    admit(&house);
    assert_eq!(next(&house), Some(moment("2026-11-22T04:00:00Z")), "it is to be planned");
    assert_eq!(tick(&house, "2026-11-22T04:00:00Z").done, 0, "its first time is the next full minute");
    assert_eq!(next(&house), Some(moment("2026-11-22T04:01:00Z")));
    let ticked = tick(&house, "2026-11-22T04:01:00Z");
    assert_eq!((ticked.done, ticked.leases.len(), ticked.failed.len()), (1, 0, 0));
    assert_eq!((sweeps(&house), next(&house)), (1, Some(moment("2026-11-22T04:16:00Z"))));
    assert_eq!(tick(&house, "2026-11-22T04:02:00Z").done, 0);
    assert_eq!(tick(&house, "2026-11-22T09:20:00Z").done, 1, "what was missed is not made up for");
    assert_eq!((sweeps(&house), next(&house)), (2, Some(moment("2026-11-22T09:31:00Z"))));
    // The ledger says that it was handed out and how it ended, and what the account did.
    let (id, row) = job(&house);
    assert_eq!(row.value(scheduled_job::OUTCOME).unwrap(), Value::from("done"));
    let given = json!({"record": id.to_string(), "entity": ScheduledJob::NAME});
    let told = call(&house.admin, "ledger.query", &given).unwrap().to_string();
    for cause in ["job.plan", "job.hand_out", "job.finish"] {
        assert!(told.contains(cause), "{cause} in {told}");
    }
}

#[test]
fn of_many_that_tick_at_once_one_does_the_job() {
    let house = database();
    load(&house, "1.0.0", &[]);
    admit(&house);
    tick(&house, "2026-11-22T04:00:00Z");
    house.clock.set(moment("2026-11-22T04:01:00Z"));
    let done: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| house.admin.tick(0).unwrap().done)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!((done.iter().sum::<u64>(), sweeps(&house)), (1, 1), "{done:?}");
}

/// An extension whose job dies, as a process does with whatever it had in its hands.
struct Dying;

impl Extension for Dying {
    fn id(&self) -> &str {
        OUTWARD
    }

    fn declare(&self, registrar: &mut Registrar) -> guanxi::Result<()> {
        let (name, label) = (SWEEP.to_owned(), Label::new("清扫", "Sweep"));
        let schedule = "FREQ=MINUTELY;INTERVAL=15".to_owned();
        registrar.job(JobDefinition { name, label, schedule }, Arc::new(Self));
        Ok(())
    }
}

impl Perform for Dying {
    fn perform(
        &self,
        _session: &Session,
        _parameters: &serde_json::Value,
    ) -> guanxi::Result<serde_json::Value> {
        resume_unwind(Box::new("the process dies here"))
    }
}

#[test]
fn a_job_that_died_with_its_process_is_done_again_when_its_lease_is_over_and_not_before() {
    let house = database();
    house.crm.install(&Dying, "dies").unwrap();
    admit(&house);
    tick(&house, "2026-11-22T04:00:00Z");
    house.clock.set(moment("2026-11-22T04:01:00Z"));
    assert!(catch_unwind(AssertUnwindSafe(|| house.admin.tick(0))).is_err());
    let house = house.reopened();
    load(&house, "1.0.0", &[]);
    tick(&house, "2026-11-22T04:15:00Z");
    assert_eq!(sweeps(&house), 0, "somebody may still be at it");
    assert_eq!((tick(&house, "2026-11-22T04:16:00Z").done, sweeps(&house)), (1, 1));
}

#[test]
fn a_job_that_fails_five_times_in_a_row_is_switched_off_until_an_administrator_wants_it() {
    let house = database();
    load(&house, "1.0.0", &[("JOB_FAILS", "1")]);
    admit(&house);
    tick(&house, "2026-11-22T04:00:00Z");
    for failure in 1..=5 {
        house.clock.set(next(&house).unwrap());
        let ticked = house.admin.tick(0).unwrap();
        let told = &ticked.failed[0];
        assert_eq!((told.work, told.error.code()), ("job.run", Code::PluginRejected), "{failure}");
    }
    let (id, row) = job(&house);
    assert_eq!((next(&house), row.value(scheduled_job::ACTIVE).unwrap()), (None, Value::Bool(false)));
    assert!(row.value(scheduled_job::ERROR).unwrap().as_text().unwrap().contains("not today"));
    house.change(ScheduledJob::NAME, id, &Changes::new().set(scheduled_job::ACTIVE, true));
    assert!(next(&house).is_some());
}

#[test]
fn faults_of_a_job_bring_its_plugin_into_quarantine_too() {
    let house = database();
    load(&house, "1.0.0", &[("JOB_FAILS", "2")]);
    admit(&house);
    tick(&house, "2026-11-22T04:00:00Z");
    let codes: Vec<Code> = (0..5)
        .map(|_| {
            house.clock.set(next(&house).unwrap());
            house.admin.tick(0).unwrap().failed[0].error.code()
        })
        .collect();
    let (fault, quarantined) = (Code::PluginFault, Code::PluginQuarantined);
    assert_eq!(codes, [fault, fault, fault, quarantined, quarantined]);
    assert!(health(&house.path(), OUTWARD).unwrap().quarantined);
    assert_eq!(next(&house), None);
}

#[test]
fn a_job_of_a_plugin_that_is_not_loaded_or_has_no_account_waits_and_is_told() {
    let house = database();
    load(&house, "1.0.0", &[]);
    tick(&house, "2026-11-22T04:00:00Z");
    let ticked = tick(&house, "2026-11-22T04:01:00Z");
    assert_eq!((ticked.done, ticked.failed[0].error.code()), (0, Code::PluginNotAdmitted));
    admit(&house);
    let house = house.reopened();
    let ticked = tick(&house, "2026-11-22T04:16:00Z");
    assert_eq!(
        (ticked.done, ticked.failed[0].error.code()),
        (0, Code::PluginNotAdmitted),
        "it is not loaded"
    );
    load(&house, "1.0.0", &[]);
    assert_eq!((tick(&house, "2026-11-22T04:31:00Z").done, sweeps(&house)), (1, 1));
}

/// Another extension, whose job no rule brings about.
struct Other;

impl Extension for Other {
    fn id(&self) -> &str {
        "cn.example.other"
    }

    fn declare(&self, registrar: &mut Registrar) -> guanxi::Result<()> {
        let (name, label) = ("cn.example.other.wipe".to_owned(), Label::new("清空", "Wipe"));
        registrar.job(JobDefinition { name, label, schedule: "0 3 1 * 1".to_owned() }, Arc::new(Self));
        Ok(())
    }
}

impl Perform for Other {
    fn perform(
        &self,
        _session: &Session,
        _parameters: &serde_json::Value,
    ) -> guanxi::Result<serde_json::Value> {
        Ok(json!("wiped"))
    }
}

#[test]
fn a_job_of_a_plugin_that_is_renamed_does_not_become_that_of_another_one() {
    let house = database();
    load(&house, "1.0.0", &[]);
    admit(&house);
    house.crm.install(&Other, "another one").unwrap();
    house.admin.admit_plugin("cn.example.other", robot(&house, "other"), None).unwrap();
    tick(&house, "2026-11-22T04:00:00Z");
    let (id, _) = job(&house);
    let renamed = Changes::new().set(scheduled_job::KIND, "cn.example.other.wipe");
    house.change(ScheduledJob::NAME, id, &renamed);
    let ticked = tick(&house, "2026-11-22T04:01:00Z");
    assert_eq!(ticked.failed[0].error.code(), Code::UnknownMethod);
    let run = call(&house.admin, "plugin.run_job", &json!({"job": "cn.example.other.wipe"})).unwrap();
    assert_eq!(run, json!("wiped"), "by its name it is done");
}

#[test]
fn times_that_an_administrator_chose_stay_until_the_plugin_says_others() {
    let house = database();
    load(&house, "1.0.0", &[("RULE", "\"0 3 * * *\"")]);
    admit(&house);
    tick(&house, "2026-11-22T04:00:00Z");
    // Three in the morning in Shanghai.
    assert_eq!(next(&house), Some(moment("2026-11-22T19:00:00Z")));
    let (id, _) = job(&house);
    house.change(ScheduledJob::NAME, id, &Changes::new().set(scheduled_job::RULE, "FREQ=HOURLY"));
    let chosen = next(&house);
    let house = house.reopened();
    load(&house, "1.0.0", &[("RULE", "\"0 3 * * *\"")]);
    house.admin.tick(0).unwrap();
    assert_eq!(next(&house), chosen);
    let house = house.reopened();
    load(&house, "1.1.0", &[("RULE", "\"0 5 * * *\"")]);
    house.admin.tick(0).unwrap();
    assert_eq!(next(&house), Some(moment("2026-11-22T21:00:00Z")));
}

#[test]
fn a_report_of_a_plugin_counts_what_the_asking_user_sees() {
    let house = database();
    load(&house, "1.0.0", &[]);
    let create = |session: &Session, name: &str, city: &str| {
        let changes = Changes::new().set("name", name).set("city", city);
        session.write(|transaction| transaction.create_record("account", changes.clone())).unwrap()
    };
    let own = [("crm.account", Action::Read, Level::Own), ("crm.account", Action::Create, Level::Own)];
    let lin = house.user("lin", &[house.role("own", &own)]);
    create(&house.admin, "a", "上海");
    create(&house.admin, "b", "北京");
    create(&lin, "c", "上海");
    let counted = |session: &Session| {
        let told = call(session, "cn.example.outward.cities", &json!({})).unwrap();
        let rows = told["rows"].as_array().unwrap().clone();
        rows.into_iter().map(|row| (row["group"][0].clone(), row["figures"][0].clone())).collect::<Vec<_>>()
    };
    let mut all = counted(&house.admin);
    all.sort_by_key(|(city, _)| city.to_string());
    assert_eq!(all, [(json!("上海"), json!(2)), (json!("北京"), json!(1))]);
    assert_eq!(counted(&lin), [(json!("上海"), json!(1))]);
    let listed = call(&lin, "plugin.actions", &json!({})).unwrap();
    assert_eq!(
        (&listed["actions"][0]["kind"], &listed["actions"][0]["label"]),
        (&json!("report"), &json!("Accounts by city"))
    );
    let refused = call(&lin, "cn.example.outward.cities", &json!({"filter": null})).unwrap_err();
    assert_eq!(refused.code(), Code::UnknownParameter);
}

#[test]
fn what_a_connector_pulls_is_written_with_its_cursor_once_however_often_it_is_pulled() {
    let house = database();
    load(&house, "1.0.0", &[]);
    let pull = || call(&house.admin, "connector.pull", &json!({"connector": FAR}));
    assert_eq!(pull().unwrap_err().code(), Code::PluginNotAdmitted);
    admit(&house);
    assert_eq!(pull().unwrap(), json!({"done": 1, "more": true}));
    assert_eq!(names(&house.admin, "crm.account"), ["one"]);
    assert_eq!(pull().unwrap(), json!({"done": 2, "more": false}));
    let mut all = names(&house.admin, "crm.account");
    all.sort();
    assert_eq!(all, ["one, changed", "two"]);
    assert_eq!(pull().unwrap(), json!({"done": 0, "more": false}));
    let listed = call(&house.admin, "connector.list", &json!({})).unwrap();
    let far = &listed["connectors"][0];
    assert_eq!(
        (&far["name"], &far["cursor"], &far["pushes"]),
        (&json!(FAR), &json!("second"), &json!(["crm.account"]))
    );
    // Where it has come to is a fact of the database.
    let house = house.reopened();
    load(&house, "1.0.0", &[]);
    let again = call(&house.admin, "connector.pull", &json!({"connector": FAR})).unwrap();
    assert_eq!(again, json!({"done": 0, "more": false}));
}

#[test]
fn of_a_pull_that_cannot_be_written_nothing_is_and_the_cursor_stays() {
    let house = database();
    load(&house, "1.0.0", &[("BAD_PULL", "1")]);
    admit(&house);
    house.admin.pull(FAR).unwrap();
    for _ in 0..2 {
        assert_eq!(house.admin.pull(FAR).unwrap_err().code(), Code::Required);
        assert_eq!(names(&house.admin, "crm.account"), ["one"]);
    }
    assert_eq!(house.admin.connectors().unwrap()[0].1.cursor.as_deref(), Some("first"));
    let refused = house.admin.pull("cn.example.outward.over").unwrap_err();
    assert_eq!((refused.code(), refused.rule_name()), (Code::NotPermitted, Some("write:crm.lead")));
    let one_way = house.admin.push("cn.example.outward.over", 0).unwrap_err();
    assert_eq!(one_way.code(), Code::UnknownMethod);
}

#[test]
fn what_changes_is_pushed_once_in_its_order_and_again_where_that_failed() {
    let house = database();
    load(&house, "1.0.0", &[]);
    admit(&house);
    house.admin.pull(FAR).unwrap();
    let account = |name: &str| house.create("crm.account", &Changes::new().set("name", name));
    let (first, second) = (account("a"), account("unsayable"));
    let _ = account("c");
    let push = || call(&house.admin, "connector.push", &json!({"connector": FAR}));
    assert_eq!(push().unwrap_err().code(), Code::PluginRejected);
    assert_eq!(names(&house.admin, "crm.contact"), ["told"], "what the account itself pulled is not told");
    assert_eq!(push().unwrap_err().code(), Code::PluginRejected);
    assert_eq!(names(&house.admin, "crm.contact"), ["told"], "what was told is not told again");
    house.change("crm.account", second, &Changes::new().set("name", "b"));
    assert_eq!(push().unwrap(), json!({"done": 3, "more": false}));
    assert_eq!(push().unwrap(), json!({"done": 0, "more": false}));
    house.admin.write(|transaction| transaction.delete_record("crm.account", first)).unwrap();
    assert_eq!(push().unwrap(), json!({"done": 1, "more": false}));
    let told = names(&house.admin, "crm.contact");
    assert_eq!(told.iter().filter(|name| *name == "gone").count(), 1, "{told:?}");
}

#[test]
fn who_does_not_administer_everything_drives_no_connector() {
    let house = database();
    load(&house, "1.0.0", &[]);
    let worker = house.worker("worker");
    for (method, given) in [
        ("connector.list", json!({})),
        ("connector.pull", json!({"connector": FAR})),
        ("connector.push", json!({"connector": FAR})),
        ("plugin.run_job", json!({"job": SWEEP})),
    ] {
        assert_eq!(call(&worker, method, &given).unwrap_err().code(), Code::NotPermitted, "{method}");
    }
}

#[test]
fn a_schedule_that_nobody_understands_is_refused_when_it_is_registered() {
    let house = database();
    let library = library(house.folder(), "outward", &[("RULE", "\"FREQ=SOMETIMES\"")]);
    let manifest = manifest(OUTWARD, "1.0.0", &CAPABILITIES).with_abi_minor(3).unwrap();
    let package = pack(&library, house.folder(), manifest).unwrap();
    let refused = Loader::unsigned().install(&house.crm, &[package]).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidDefinition);
}
