//! Calendars, jobs and what is due: done once, however late and however many tick.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use guanxi::base::Label;
use guanxi::engine::{Action, BeforeSave, DueDone, DueWork, Extension, Level, Registrar, Save, Transaction};
use guanxi::schema::{EntityType, FieldDefinition, FieldType, IndexDefinition};
use guanxi::time::{JobOutcome, ScheduledJob, scheduled_job};
use guanxi::{Changes, Code, Error, RecordId, Result, Timestamp, Value, api};
use guanxi_tests::{House, database, moment, refusal, shared_data};
use serde_json::{Value as Json, json};

fn call(house: &House, method: &str, given: &Json) -> Json {
    api::call(&house.admin, method, given).unwrap()
}

/// The golden calendar of domain.md, chapter 7, by the doors that a host has.
fn calendar(house: &House) {
    let made =
        json!({"entity": "sys.calendar", "values": {"code": "sh", "name": "上海", "zone": "Asia/Shanghai"}});
    let id = call(house, "record.create", &made)["id"].clone();
    let work = "09:00-12:00 13:30-18:00";
    let week = json!({"calendar": id, "valid_from": "2018-01-01", "monday": work, "tuesday": work, "wednesday": work,
        "thursday": work, "friday": work});
    call(house, "record.create", &json!({"entity": "sys.calendar_week", "values": week}));
    let mut days: Vec<Json> = (1..=5)
        .map(|day| json!({"name": "劳动节", "date": format!("2026-05-0{day}"), "isOffDay": true}))
        .collect();
    days.push(json!({"name": "劳动节", "date": "2026-05-09", "isOffDay": false}));
    let given = json!({"calendar": "sh", "days": days});
    assert_eq!(call(house, "calendar.set_days", &given)["changed"], 6);
    assert_eq!(call(house, "calendar.set_days", &given)["changed"], 0, "said again, nothing changes");
}

#[test]
fn the_golden_figures_come_out_of_a_stored_calendar() {
    let house = database();
    calendar(&house);
    let cases = [
        ("2026-04-30T17:00:00+08:00", 2, "2026-05-06T02:00:00Z"),
        ("2026-04-30T11:30:00+08:00", 1, "2026-04-30T06:00:00Z"),
        ("2026-05-02T10:00:00+08:00", 4, "2026-05-06T06:30:00Z"),
        ("2026-05-08T17:30:00+08:00", 1, "2026-05-09T01:30:00Z"),
        ("2026-05-09T16:00:00+08:00", 8, "2026-05-11T08:30:00Z"),
    ];
    for (start, hours, due) in cases {
        let given = json!({"calendar": "sh", "start": start, "seconds": hours * 3_600});
        assert_eq!(call(&house, "calendar.add", &given)["due"], due, "{start} + {hours} h");
        let given = json!({"calendar": "sh", "from": start, "to": due});
        assert_eq!(call(&house, "calendar.between", &given)["seconds"], hours * 3_600);
    }
    let pause = json!([{"from": "2026-05-06T10:00:00+08:00", "to": "2026-05-06T14:30:00+08:00"}]);
    let given = json!({"calendar": "sh", "start": "2026-05-06T09:00:00+08:00", "seconds": 4 * 3_600, "pauses": pause});
    assert_eq!(call(&house, "calendar.add", &given)["due"], "2026-05-06T09:30:00Z");
}

#[test]
fn new_hours_change_nothing_of_the_days_before_them() {
    let house = database();
    calendar(&house);
    let find = json!({"entity": "sys.calendar", "filter": {"field": "code", "op": "eq", "value": "sh"}});
    let id = call(&house, "record.list", &find)["rows"][0]["id"].clone();
    let week = json!({"calendar": id, "valid_from": "2026-06-01", "monday": "10:00-16:00"});
    call(&house, "record.create", &json!({"entity": "sys.calendar_week", "values": week}));
    let hours = |day: &str| {
        let told = call(&house, "calendar.hours", &json!({"calendar": "sh", "from": day}));
        told["days"][0]["hours"].as_array().unwrap().len()
    };
    assert_eq!((hours("2026-05-25"), hours("2026-06-01"), hours("2026-06-02")), (2, 1, 0));
}

#[test]
fn a_table_of_days_takes_the_place_of_hours_that_were_said_of_a_day() {
    let house = database();
    calendar(&house);
    let find =
        json!({"entity": "sys.calendar_day", "filter": {"field": "day", "op": "eq", "value": "2026-05-09"}});
    let id = call(&house, "record.list", &find)["rows"][0]["id"].clone();
    let short = json!({"entity": "sys.calendar_day", "id": id, "values": {"hours": "10:00-11:00"}});
    call(&house, "record.update", &short);
    let hours = || {
        let told = call(&house, "calendar.hours", &json!({"calendar": "sh", "from": "2026-05-09"}));
        told["days"][0]["hours"].as_array().unwrap().len()
    };
    assert_eq!(hours(), 1);
    let days = json!([{"name": "劳动节", "date": "2026-05-09", "isOffDay": false}]);
    call(&house, "calendar.set_days", &json!({"calendar": "sh", "days": days}));
    assert_eq!(hours(), 2, "as on the first working day of the week");
}

#[test]
fn what_no_calendar_can_mean_is_refused() {
    let house = database();
    let create = |entity: &str, values: Json| {
        refusal(api::call(&house.admin, "record.create", &json!({"entity": entity, "values": values})))
    };
    let zone = json!({"code": "x", "name": "x", "zone": "Mars/Olympus"});
    assert_eq!(create("sys.calendar", zone), Code::InvalidArgument);
    calendar(&house);
    let find = json!({"entity": "sys.calendar", "filter": {"field": "code", "op": "eq", "value": "sh"}});
    let id = call(&house, "record.list", &find)["rows"][0]["id"].clone();
    let week = json!({"calendar": id, "valid_from": "2027-01-01", "monday": "18:00-09:00"});
    assert_eq!(create("sys.calendar_week", week), Code::WrongType);
    let twice = json!({"calendar": id, "valid_from": "2018-01-01"});
    assert_eq!(create("sys.calendar_week", twice), Code::NotUnique);
    let missing = json!({"calendar": "none", "start": "2026-05-06T09:00:00Z", "seconds": 1});
    assert_eq!(refusal(api::call(&house.admin, "calendar.add", &missing)), Code::RecordNotFound);
}

/// Each year's table of the State Council: every day off is off, every make-up day works, and it names at least the seven
/// holidays.
#[test]
fn the_tables_of_holidays_are_taken_as_they_are() {
    let Some(folder) = shared_data("chinese/holidays") else { return };
    let house = database();
    calendar(&house);
    for year in 2019..=2026 {
        let table = read(&folder.join(format!("{year}.json")));
        let days = table["days"].as_array().unwrap();
        call(&house, "calendar.set_days", &json!({"calendar": "sh", "days": days}));
        for day in days {
            let told = call(&house, "calendar.hours", &json!({"calendar": "sh", "from": day["date"]}));
            let works = !told["days"][0]["hours"].as_array().unwrap().is_empty();
            assert_eq!(works, !day["isOffDay"].as_bool().unwrap(), "{day}");
        }
        let off = days.iter().filter(|day| day["isOffDay"] == true).count();
        assert!(off >= 20, "{year} has {off} days off");
    }
}

fn read(path: &Path) -> Json {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn job(house: &House, rule: Option<&str>, starts_at: &str) -> RecordId {
    let mut changes = Changes::new()
        .set(scheduled_job::NAME, "nightly backup")
        .set(scheduled_job::KIND, "backup")
        .set(scheduled_job::STARTS_AT, moment(starts_at));
    if let Some(rule) = rule {
        changes = changes.set(scheduled_job::RULE, rule);
    }
    house.create(ScheduledJob::NAME, &changes)
}

fn next(house: &House) -> Option<Timestamp> {
    house.admin.next_due().unwrap()
}

#[test]
fn a_job_is_handed_out_when_its_time_has_come_and_comes_again() {
    let house = database();
    // The clock stands at 2026-11-22T04:00Z; in Shanghai it is noon.
    let job = job(&house, Some("FREQ=DAILY"), "2026-11-22T18:00:00Z");
    assert_eq!(next(&house), Some(moment("2026-11-22T18:00:00Z")));
    assert!(house.admin.tick(0).unwrap().leases.is_empty(), "it is not due yet");
    house.clock.set(moment("2026-11-22T18:00:00Z"));
    let ticked = house.admin.tick(0).unwrap();
    assert_eq!((ticked.done, ticked.leases.len()), (1, 1));
    let lease = &ticked.leases[0];
    assert_eq!((lease.record, lease.kind.as_str()), (job, "backup"));
    assert!(house.admin.tick(0).unwrap().leases.is_empty(), "nobody else gets it meanwhile");
    let again = house.admin.finish_job(job, lease.token, JobOutcome::Done, None).unwrap();
    assert_eq!(again, Some(moment("2026-11-23T18:00:00Z")));
    assert_eq!(next(&house), again);
}

#[test]
fn a_job_whose_runner_died_is_handed_out_anew_and_the_dead_one_has_no_say() {
    let house = database();
    let job = job(&house, None, "2026-11-22T05:00:00Z");
    house.clock.set(moment("2026-11-22T05:00:00Z"));
    let first = house.admin.tick(0).unwrap().leases.remove(0);
    let house = house.reopened();
    house.clock.set(first.until);
    let second = house.admin.tick(0).unwrap().leases.remove(0);
    assert_eq!(second.record, job);
    assert_ne!(first.token, second.token);
    let late = house.admin.finish_job(job, first.token, JobOutcome::Done, None);
    assert_eq!(refusal(late), Code::LeaseOver);
    assert_eq!(house.admin.finish_job(job, second.token, JobOutcome::Done, None).unwrap(), None);
    assert_eq!(next(&house), None, "it came once");
    let again = house.admin.finish_job(job, second.token, JobOutcome::Done, None);
    assert_eq!(refusal(again), Code::LeaseOver);
}

#[test]
fn a_job_whose_times_change_while_its_runner_has_it_is_nobody_elses() {
    let house = database();
    let job = job(&house, Some("FREQ=DAILY"), "2026-11-22T05:00:00Z");
    house.clock.set(moment("2026-11-22T05:00:00Z"));
    let lease = house.admin.tick(0).unwrap().leases.remove(0);
    let sooner = Changes::new().set(scheduled_job::STARTS_AT, moment("2026-11-22T05:01:00Z"));
    house.change(ScheduledJob::NAME, job, &sooner);
    house.clock.set(moment("2026-11-22T05:02:00Z"));
    assert!(house.admin.tick(0).unwrap().leases.is_empty());
    let again = house.admin.finish_job(job, lease.token, JobOutcome::Done, None).unwrap();
    assert_eq!(again, Some(moment("2026-11-23T05:01:00Z")), "the new time holds from then on");
}

#[test]
fn times_that_nobody_ticked_for_are_not_made_up_for() {
    let house = database();
    let job = job(&house, Some("FREQ=HOURLY"), "2026-11-22T05:00:00Z");
    house.clock.set(moment("2026-11-25T07:30:00Z"));
    let ticked = house.admin.tick(0).unwrap();
    assert_eq!(ticked.leases.len(), 1);
    let again = house.admin.finish_job(job, ticked.leases[0].token, JobOutcome::Done, None).unwrap();
    assert_eq!(again, Some(moment("2026-11-25T08:00:00Z")));
}

#[test]
fn a_job_that_fails_is_tried_again_later_and_later_and_then_waits_for_its_time() {
    let house = database();
    let job = job(&house, Some("FREQ=DAILY"), "2026-11-22T05:00:00Z");
    house.clock.set(moment("2026-11-22T05:00:00Z"));
    let mut waits = Vec::new();
    for _ in 0..5 {
        let now = house.crm.now();
        let lease = house.admin.tick(0).unwrap().leases.remove(0);
        let again = house.admin.finish_job(job, lease.token, JobOutcome::Failed, Some("disk full")).unwrap();
        waits.push((again.unwrap().micros() - now.micros()) / 60_000_000);
        house.clock.set(again.unwrap());
    }
    assert_eq!(waits[..4], [1, 2, 4, 8]);
    assert_eq!(house.crm.now(), moment("2026-11-23T05:00:00Z"));
    let row = house.admin.get(ScheduledJob::NAME, job).unwrap();
    assert_eq!(row.value(scheduled_job::ERROR).unwrap(), Value::from("disk full"));
}

#[test]
fn a_clock_that_goes_back_hands_nothing_out_twice() {
    let house = database();
    let job = job(&house, Some("FREQ=DAILY"), "2026-11-22T05:00:00Z");
    house.clock.set(moment("2026-11-22T05:00:00Z"));
    let lease = house.admin.tick(0).unwrap().leases.remove(0);
    house.admin.finish_job(job, lease.token, JobOutcome::Done, None).unwrap();
    for back in ["2026-11-22T04:59:00Z", "2026-11-20T00:00:00Z", "2026-11-22T05:00:00Z"] {
        house.clock.set(moment(back));
        assert_eq!(house.admin.tick(0).unwrap().done, 0, "{back}");
    }
}

#[test]
fn who_does_not_administer_everything_ticks_nothing_and_learns_no_time() {
    let house = database();
    let worker = house.worker("worker");
    assert_eq!(refusal(worker.tick(0)), Code::NotPermitted);
    assert_eq!(refusal(worker.next_due()), Code::NotPermitted);
    assert_eq!(refusal(api::call(&worker, "time.tick", &json!({}))), Code::NotPermitted);
}

/// An extension that counts on its own records how often they were worked on.
struct Counting;

struct Count;

impl Extension for Counting {
    fn id(&self) -> &'static str {
        "cn.count"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        let label = |text: &str| Label::new(text, text);
        let field =
            |local, name: &str, kind| FieldDefinition::new("cn.count", local, name, label(name), kind);
        let due = FieldDefinition { read_only: true, ..field(1, "due_at", FieldType::DateTime) };
        registrar.field("crm.account", due);
        registrar.field("crm.account", field(2, "worked", FieldType::Int));
        registrar.due(
            "crm.account",
            IndexDefinition::of_due("cn.count", 1, "due", "cn.count.due_at"),
            Arc::new(Count),
        );
        registrar.before_save("crm.account", 50, Arc::new(Begin));
        Ok(())
    }
}

/// A new account with employees is due so many seconds later.
struct Begin;

impl BeforeSave for Begin {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if let (true, Value::Int(seconds)) = (save.is_new(), save.value("employees")?) {
            let due = Timestamp::from_micros(save.now().micros() + seconds * 1_000_000);
            save.set("cn.count.due_at", due)?;
        }
        Ok(())
    }
}

impl DueWork for Count {
    fn name(&self) -> &'static str {
        "count.work"
    }

    fn run(&self, transaction: &mut Transaction<'_>, record: RecordId) -> Result<DueDone> {
        let row = transaction.get_record("crm.account", record)?;
        let worked = int(&row.value("cn.count.worked")?).unwrap_or(0);
        transaction.update_record(
            "crm.account",
            record,
            Changes::new().set("cn.count.worked", worked + 1),
        )?;
        match row.title().as_str() {
            "refuses" => Err(Error::new(Code::PluginRejected)),
            "stays" => Ok(DueDone::Moved),
            _ => Ok(DueDone::Again(None)),
        }
    }
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

fn counting() -> House {
    House::with(|options| options.extension(Arc::new(Counting)))
}

fn account(house: &House, name: &str, seconds: i64) -> RecordId {
    house.create("crm.account", &Changes::new().set("name", name).set("employees", seconds))
}

fn worked(house: &House, id: RecordId) -> Option<i64> {
    int(&house.admin.get("crm.account", id).unwrap().value("cn.count.worked").unwrap())
}

fn later(house: &House, seconds: i64) {
    house.clock.set(Timestamp::from_micros(house.crm.now().micros() + seconds * 1_000_000));
}

#[test]
fn what_is_due_is_worked_on_once_by_however_many_sessions() {
    let house = counting();
    let ids: Vec<RecordId> = (0..230).map(|number| account(&house, &format!("a{number}"), 60)).collect();
    let far = account(&house, "far", 600);
    later(&house, 60);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| house.admin.tick(0).unwrap());
        }
    });
    assert!(ids.iter().all(|id| worked(&house, *id) == Some(1)));
    assert_eq!(worked(&house, far), None);
    assert_eq!(next(&house), Some(Timestamp::from_micros(house.crm.now().micros() + 540 * 1_000_000)));
    assert_eq!(house.admin.tick(0).unwrap().done, 0);
    let _ = house.verified();
}

#[test]
fn a_tick_stops_at_its_limit_and_says_that_there_is_more() {
    let house = counting();
    for number in 0..7 {
        account(&house, &format!("a{number}"), 60);
    }
    later(&house, 90);
    let ticked = house.admin.tick(5).unwrap();
    assert_eq!((ticked.done, ticked.more), (5, true));
    let ticked = house.admin.tick(5).unwrap();
    assert_eq!((ticked.done, ticked.more), (2, false));
}

#[test]
fn work_that_fails_leaves_its_record_as_it_was_and_holds_up_nobody() {
    let house = counting();
    let refuses = account(&house, "refuses", 60);
    let stays = account(&house, "stays", 61);
    let works = account(&house, "works", 62);
    later(&house, 70);
    let ticked = house.admin.tick(0).unwrap();
    let codes: Vec<Code> = ticked.failed.iter().map(|failed| failed.error.code()).collect();
    assert_eq!((ticked.done, codes), (1, vec![Code::PluginRejected, Code::StillDue]));
    assert_eq!(
        (worked(&house, refuses), worked(&house, stays), worked(&house, works)),
        (None, None, Some(1))
    );
    assert!(house.admin.tick(0).unwrap().failed.is_empty(), "they are put off");
    later(&house, 15 * 60);
    assert_eq!(house.admin.tick(0).unwrap().failed.len(), 2);
}

#[test]
fn a_record_that_is_deleted_or_locked_is_due_no_more_or_all_the_same() {
    let house = counting();
    let (gone, locked) = (account(&house, "gone", 60), account(&house, "locked", 60));
    house.admin.write(|transaction| transaction.delete_record("crm.account", gone)).unwrap();
    house.admin.write(|transaction| transaction.lock_record("crm.account", locked, None)).unwrap();
    later(&house, 70);
    let ticked = house.admin.tick(0).unwrap();
    assert_eq!((ticked.done, ticked.failed.len()), (0, 1), "what changes a locked record fails, and is told");
    assert_eq!(ticked.failed[0].error.code(), Code::RecordLocked);
    let _ = house.verified();
}

#[test]
fn an_index_of_what_is_due_serves_no_list() {
    let house = counting();
    let id = account(&house, "listed", 60);
    let find = guanxi::engine::Find {
        sort: vec![("cn.count.due_at".into(), guanxi::engine::Direction::Ascending)],
        ..guanxi::engine::Find::default()
    };
    assert_eq!(house.admin.list("crm.account", &find).unwrap().rows[0].record.id, id);
    let worker = house.user("reader", &[house.role("reads", &[("crm.account", Action::Read, Level::Own)])]);
    assert!(worker.list("crm.account", &find).unwrap().rows.is_empty());
}

#[test]
fn lunar_days_and_recurrences_are_told_without_a_session() {
    let patience = guanxi::Patience::default();
    let lunar =
        api::call_without_session("lunar.from_date", &json!({"date": "2025-07-25"}), &patience).unwrap();
    assert_eq!(
        (&lunar["month"], &lunar["leap"], &lunar["text"]),
        (&json!(6), &json!(true), &json!("2025年闰六月初一"))
    );
    let given = json!({"month": 8, "day": 15, "from": "2026-01-01"});
    let next = api::call_without_session("lunar.next", &given, &patience).unwrap();
    assert_eq!(next["date"], "2026-09-25");
    let given = json!({"rule": "FREQ=MONTHLY;BYMONTHDAY=-1", "start": "2026-01-31T09:00:00+08:00", "zone": "Asia/Shanghai",
        "to": "2026-05-01T00:00:00+08:00"});
    let told = api::call_without_session("recurrence.expand", &given, &patience).unwrap();
    let expected =
        ["2026-01-31T01:00:00Z", "2026-02-28T01:00:00Z", "2026-03-31T01:00:00Z", "2026-04-30T01:00:00Z"];
    assert_eq!(told["times"], json!(expected));
}
