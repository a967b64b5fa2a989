//! Backups that come again by ticks: what is written, what failed, what was missed, and that there is one at a time.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use guanxi::api::call;
use guanxi::engine::{BackupFolder, BackupKind};
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::time::{BackupSchedule, ScheduledJob, scheduled_job};
use guanxi::{Changes, Code, RecordId};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// A house, at noon by its clocks, whose backups come each day at one in the morning.
struct Kept {
    house: House,
    path: PathBuf,
    job: RecordId,
}

fn kept(adjust: impl FnOnce(&mut Json)) -> Kept {
    let house = database();
    let path = house.folder().join("backups");
    fs::create_dir(&path).unwrap();
    let mut given = json!({"folder": path.to_str().unwrap(), "schedule": "0 1 * * *"});
    adjust(&mut given);
    let job =
        call(&house.admin, "backup.schedule", &given).unwrap()["job"].as_str().unwrap().parse().unwrap();
    Kept { house, path, job }
}

impl Kept {
    /// Lets time pass, ticks, and gives the error of each job that failed.
    fn after(&self, micros: i64) -> Vec<Code> {
        self.house.clock.advance_micros(micros);
        let ticked = self.house.admin.tick(0).unwrap();
        assert!(ticked.leases.is_empty(), "a tick does it itself");
        ticked.failed.iter().map(|failed| failed.error.code()).collect()
    }

    fn health(&self) -> Json {
        let told = call(&self.house.admin, "backup.health", &json!({})).unwrap();
        assert_eq!(told["good"], told["schedules"][0]["good"]);
        told["schedules"][0].clone()
    }

    fn kinds(&self) -> Vec<BackupKind> {
        let mut backups = BackupFolder::open(&self.path).unwrap().list().unwrap().backups;
        backups.sort_by_key(|file| (file.header.at, file.header.kind == BackupKind::Keys));
        backups.iter().map(|file| file.header.kind).collect()
    }

    fn work(&self) {
        let _ = self.house.create(Account::NAME, &Changes::new().set("name", "加喜"));
    }
}

#[test]
fn a_tick_writes_full_backups_increments_and_keys_at_their_times_and_health_tells_the_last_good_one() {
    use BackupKind::{Full, Incremental, Keys};
    let kept = kept(|given| given["full_every_days"] = json!(3));
    let health = kept.health();
    assert_eq!(
        (&health["good"], &health["late"], &health["next_at"]),
        (&json!(false), &json!(false), &json!("2026-11-22T17:00:00Z"))
    );
    assert_eq!(kept.after(12 * 60 * MINUTE), []);
    assert!(kept.kinds().is_empty(), "an hour before its time nothing is written");
    assert_eq!(kept.after(60 * MINUTE), []);
    assert_eq!(kept.kinds(), [Full, Keys]);
    let health = kept.health();
    assert_eq!((&health["good"], &health["done_at"]), (&json!(true), &json!("2026-11-22T17:00:00Z")));
    let files = health["files"].as_str().unwrap().split(' ').collect::<Vec<_>>();
    assert!(files.len() == 2 && files.iter().all(|name| kept.path.join(name).is_file()));
    for _ in 0..3 {
        kept.work();
        assert_eq!(kept.after(DAY), []);
    }
    assert_eq!(kept.kinds(), [Full, Keys, Incremental, Keys, Incremental, Keys, Full, Keys]);
    assert_eq!((kept.after(0), kept.kinds().len()), (vec![], 8), "nothing comes twice");
    assert_eq!((&kept.health()["missed"], &kept.health()["error"]), (&json!(0), &Json::Null));
    let _ = kept.house.verified();
}

#[test]
fn a_full_disk_is_told_tried_again_and_leaves_no_half_backup() {
    let kept = kept(|_| ());
    // What is written under the name of the draft meets a device that is always full.
    symlink("/dev/full", kept.path.join(".house.gxb.draft")).unwrap();
    assert_eq!(kept.after(13 * 60 * MINUTE), [Code::Io]);
    assert!(kept.kinds().is_empty());
    let health = kept.health();
    assert_eq!((&health["good"], &health["next_at"]), (&json!(false), &json!("2026-11-22T17:01:00Z")));
    assert!(health["error"].as_str().is_some_and(|error| !error.is_empty()) && health["done_at"].is_null());
    // A minute later there is room.
    assert_eq!(kept.after(MINUTE), []);
    assert_eq!((kept.health()["good"].clone(), kept.health()["missed"].clone()), (json!(true), json!(0)));
    let _ = kept.house.verified();
}

#[test]
fn a_folder_that_is_gone_fails_five_times_and_waits_for_the_next_day_and_is_never_switched_off() {
    let kept = kept(|_| ());
    fs::remove_dir(&kept.path).unwrap();
    assert_eq!(kept.after(13 * 60 * MINUTE), [Code::InvalidArgument]);
    for minutes in [1, 2, 4, 8] {
        assert_eq!(kept.after(minutes * MINUTE), [Code::InvalidArgument]);
    }
    let health = kept.health();
    let expected = (&json!(true), &json!(1), &json!("2026-11-23T17:00:00Z"));
    assert_eq!((&health["active"], &health["missed"], &health["next_at"]), expected);
    fs::create_dir(&kept.path).unwrap();
    assert_eq!(kept.after(DAY), []);
    assert_eq!((kept.health()["good"].clone(), kept.health()["missed"].clone()), (json!(true), json!(1)));
}

#[test]
fn times_at_which_nobody_ticked_are_missed_told_and_made_up_for_by_one_backup() {
    let kept = kept(|_| ());
    kept.house.clock.advance_micros(3 * DAY);
    assert_eq!((&kept.health()["late"], &kept.health()["good"]), (&json!(true), &json!(false)));
    assert_eq!(kept.after(0), []);
    assert_eq!(kept.kinds(), [BackupKind::Full, BackupKind::Keys]);
    let health = kept.health();
    assert_eq!(
        (&health["late"], &health["good"], &health["missed"]),
        (&json!(false), &json!(true), &json!(2))
    );
    assert_eq!(health["next_at"], "2026-11-25T17:00:00Z");
}

#[test]
fn of_two_that_write_into_one_folder_at_once_the_second_is_refused() {
    let kept = kept(|_| ());
    // Somebody else, as another process would, has the folder.
    let other = File::create(kept.path.join(".backup.lock")).unwrap();
    other.lock().unwrap();
    assert_eq!(kept.after(13 * 60 * MINUTE), [Code::BackupRunning]);
    assert!(kept.kinds().is_empty());
    drop(other);
    assert_eq!(kept.after(MINUTE), []);
    // Many that tick at once do it once.
    kept.house.clock.advance_micros(DAY);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| kept.house.admin.tick(0).unwrap());
        }
    });
    assert_eq!(kept.kinds().len(), 4);
}

#[test]
fn only_who_administers_everything_says_where_backups_go_and_no_other_door_does() {
    let kept = kept(|_| ());
    let lin = kept.house.user_as("lin", "director");
    let given = json!({"folder": kept.path.to_str().unwrap(), "schedule": "0 1 * * *"});
    assert_eq!(refusal(call(&lin, "backup.schedule", &given)), Code::NotPermitted);
    assert_eq!(refusal(call(&lin, "backup.health", &json!({}))), Code::NotPermitted);
    let elsewhere = serde_json::to_string(&BackupSchedule::new("/", "0 1 * * *")).unwrap();
    let forged = Changes::new().set(scheduled_job::BACKUP, elsewhere);
    let set = kept.house.admin.write(|txn| txn.update_record(ScheduledJob::NAME, kept.job, forged.clone()));
    assert_eq!(refusal(set), Code::ReadOnlyField);
    for (name, wrong) in [("folder", "/there/is/none"), ("schedule", "at night"), ("schedule", "0 1 1 * 1")] {
        let mut given = given.clone();
        given[name] = json!(wrong);
        assert_eq!(
            refusal(call(&kept.house.admin, "backup.schedule", &given)),
            Code::InvalidArgument,
            "{wrong}"
        );
    }
    // It is switched off as any job, and then nothing comes.
    kept.house.change(ScheduledJob::NAME, kept.job, &Changes::new().set(scheduled_job::ACTIVE, false));
    assert_eq!(kept.after(2 * DAY), []);
    assert!(kept.kinds().is_empty());
    assert_eq!((&kept.health()["active"], &kept.health()["good"]), (&json!(false), &json!(false)));
}
