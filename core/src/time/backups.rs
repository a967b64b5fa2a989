//! Backups that come again: a schedule is a job like others, which a tick does itself under the lease of the job.
//!
//! The folder is a place in the host's own file system, so only who administers everything says it: it stands in a field
//! that nobody else sets. Of two that would write into one folder at once, be they threads or processes, the second one
//! is refused, and its job fails and is tried again.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::{Code, Error, Label, RecordId, Result, Timestamp, Value};
use crate::engine::{
    Action, BackupFile, BackupFolder, BackupKind, Changes, Comparison, Condition, Find, Lease, Listing,
    RotationPolicy, Session, WriteOptions,
};
use crate::schema::EntityType;
use crate::time::crontab::rule_of_schedule;
use crate::time::due::{NotDone, Ticked};
use crate::time::jobs::{Ended, finish, next_minute};
use crate::time::{JobOutcome, ScheduledJob, scheduled_job};

/// What the leases of these jobs name in place of an extension.
pub(super) const ENGINE: &str = "sys";
/// The kind of these jobs.
const KIND: &str = "backup";
/// How long a backup has, in seconds.
const LEASE_SECONDS: i64 = 6 * 3_600;
/// Days after which a full backup is written in place of an increment, if nothing is said.
const FULL_EVERY_DAYS: u32 = 7;
/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;
/// How late a backup may be before that is told, in microseconds.
const LATE: i64 = 15 * 60 * 1_000_000;
/// Most schedules of a database.
const MAX_SCHEDULES: usize = 20;

/// What is backed up again and again, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSchedule {
    /// The folder, which is there.
    pub folder: String,
    /// When: a rule of RFC 5545, or the five fields of crontab (IEEE Std 1003.1), by the clocks of the organisation.
    pub schedule: String,
    /// After how many days a full backup is written in place of an increment; 0 for full ones alone.
    pub full_every_days: u32,
    /// Whether the keys of persons are backed up beside it.
    pub keys: bool,
    /// How many of the newest full backups are kept, whatever their age; 0 and no days to delete nothing.
    pub keep_full: u64,
    /// How many days full backups and increments are kept.
    pub keep_days: u64,
    /// How many days backups of keys are kept.
    pub keys_days: u64,
}

impl BackupSchedule {
    /// Increments with a full backup each week, the keys beside them, and the usual rotation.
    #[must_use]
    pub fn new(folder: &str, schedule: &str) -> Self {
        let usual = RotationPolicy::default();
        Self {
            folder: folder.to_owned(),
            schedule: schedule.to_owned(),
            full_every_days: FULL_EVERY_DAYS,
            keys: true,
            keep_full: usual.keep_full,
            keep_days: usual.keep_days,
            keys_days: usual.keys_days,
        }
    }

    fn rotation(&self) -> RotationPolicy {
        RotationPolicy { keep_full: self.keep_full, keep_days: self.keep_days, keys_days: self.keys_days }
    }
}

/// How it stands with a schedule of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupHealth {
    /// The job.
    pub job: RecordId,
    /// The folder.
    pub folder: String,
    /// Whether it is switched on.
    pub active: bool,
    /// When it comes next.
    pub next_at: Option<Timestamp>,
    /// When a backup was written last.
    pub done_at: Option<Timestamp>,
    /// The names of the files that were written then, separated by blanks.
    pub files: Option<String>,
    /// Why the last run failed, if it did.
    pub error: Option<String>,
    /// How many of its times passed without a backup.
    pub missed: u64,
    /// Whether it should have come a quarter of an hour ago or more, and nobody has it.
    pub is_late: bool,
}

impl BackupHealth {
    /// Whether backups come as they should: it is on and not late, one was written, and the last run did not fail.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.active && !self.is_late && self.done_at.is_some() && self.error.is_none()
    }
}

impl Session {
    /// Has backups written again and again, by ticks. The job is a record of `sys.scheduled_job`, which is switched off
    /// and deleted as such.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `input.invalid_argument` for a folder that is
    /// not there and a schedule that is not understood; `input.limit_exceeded` beyond 20 schedules.
    pub fn schedule_backups(&self, said: &BackupSchedule) -> Result<RecordId> {
        self.check_may("sys.role", Action::Administer)?;
        BackupFolder::open(&said.folder).map_err(|error| error.value(&said.folder))?;
        let wrong = || Error::new(Code::InvalidArgument).field("schedule").value(&said.schedule);
        let rule = rule_of_schedule(&said.schedule).ok_or_else(wrong)?;
        let text = serde_json::to_string(said).map_err(|error| Error::new(Code::Panic).because(error))?;
        let name = Label::new("备份", "Backup").text(self.locale()).to_owned();
        let options = WriteOptions::default().cause("backup.schedule");
        self.write_with(options, |transaction| {
            let found = transaction.reader().find(ScheduledJob::NAME, &schedules())?;
            if found.rows.len() >= MAX_SCHEDULES {
                return Err(Error::new(Code::LimitExceeded).rule("schedules of backups <= 20"));
            }
            let changes = Changes::new()
                .set(scheduled_job::NAME, name.as_str())
                .set(scheduled_job::KIND, KIND)
                .set(scheduled_job::RULE, rule.as_str())
                .set(scheduled_job::STARTS_AT, next_minute(transaction.now()))
                .set(scheduled_job::LEASE_SECONDS, LEASE_SECONDS);
            let job = transaction.create_record(ScheduledJob::NAME, changes)?;
            let kept = Changes::new().set(scheduled_job::BACKUP, text.as_str());
            transaction.keep(ScheduledJob::NAME, job, kept)?;
            Ok(job)
        })
    }

    /// How it stands with each schedule of backups.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything.
    pub fn backup_health(&self) -> Result<Vec<BackupHealth>> {
        self.check_may("sys.role", Action::Administer)?;
        let now = self.crm().now();
        self.read(|reader| {
            let found = reader.find(ScheduledJob::NAME, &schedules())?;
            found.rows.iter().map(|row| health_of(row, now)).collect()
        })
    }
}

fn schedules() -> Find {
    let filter = Condition::All(vec![
        Condition::Compare(scheduled_job::KIND.into(), Comparison::Equal, KIND.into()),
        Condition::Not(Box::new(Condition::IsNull(scheduled_job::BACKUP.into()))),
    ]);
    Find { filter, limit: MAX_SCHEDULES, ..Find::default() }
}

fn health_of(row: &Listing, now: Timestamp) -> Result<BackupHealth> {
    let moment = |value: Value| match value {
        Value::DateTime(moment) => Some(moment),
        _ => None,
    };
    let text = |value: Value| value.as_text().map(str::to_owned);
    let next_at = moment(row.value(scheduled_job::NEXT_AT)?);
    let said = understood(&row.value(scheduled_job::BACKUP)?)?;
    let active = row.value(scheduled_job::ACTIVE)? == Value::Bool(true);
    Ok(BackupHealth {
        job: row.record.id,
        folder: said.folder,
        active,
        next_at,
        done_at: moment(row.value(scheduled_job::DONE_AT)?),
        files: text(row.value(scheduled_job::RESULT)?),
        error: text(row.value(scheduled_job::ERROR)?),
        missed: match row.value(scheduled_job::MISSED)? {
            Value::Int(missed) => u64::try_from(missed).unwrap_or(0),
            _ => 0,
        },
        // While somebody has it, its next moment is the end of the lease.
        is_late: next_at.is_some_and(|next| next.micros().saturating_add(LATE) <= now.micros()),
    })
}

fn understood(said: &Value) -> Result<BackupSchedule> {
    serde_json::from_str(said.as_text().unwrap_or_default())
        .map_err(|error| Error::new(Code::InvalidJson).field("backup").because(error))
}

/// Writes the backup of a job that was handed out, and says how that ended.
pub(super) fn run(session: &Session, lease: &Lease, ticked: &mut Ticked) {
    let written = understood(&lease.parameters).and_then(|said| write(session, &said));
    let ended = match &written {
        Ok(names) => Ended { outcome: JobOutcome::Done, error: None, result: Some(names.join(" ")) },
        Err(error) => Ended { outcome: JobOutcome::Failed, error: Some(error.to_string()), result: None },
    };
    let options = WriteOptions::default().cause("job.finish");
    let told = session.write_with(options, |transaction| {
        finish(transaction, (lease.record, lease.token), &ended).map(drop)
    });
    for error in [written.err(), told.err()].into_iter().flatten() {
        ticked.failed.push(NotDone {
            entity: ScheduledJob::NAME.to_owned(),
            record: lease.record,
            work: "backup.run",
            error,
        });
    }
}

/// Writes what is due into the folder, then deletes what is no longer kept. Gives the names of the files.
fn write(session: &Session, said: &BackupSchedule) -> Result<Vec<String>> {
    let folder = BackupFolder::open(&said.folder).map_err(|error| error.value(&said.folder))?;
    let _alone = folder.lock()?;
    let now = session.crm().now();
    let data = match is_full_due(session, &folder, said, now)? {
        true => session.backup_to(&folder, BackupKind::Full)?,
        // What the increment would follow may be gone, or of another past.
        false => match session.backup_to(&folder, BackupKind::Incremental) {
            Err(error) if error.code() == Code::BackupChain => {
                session.backup_to(&folder, BackupKind::Full)?
            }
            written => written?,
        },
    };
    let mut names = vec![data.name];
    if said.keys {
        names.push(session.backup_to(&folder, BackupKind::Keys)?.name);
    }
    if (said.keep_full, said.keep_days) != (0, 0) {
        folder.rotate(said.rotation(), now)?;
    }
    Ok(names)
}

/// Whether the newest full backup of this database is too old, or there is none.
fn is_full_due(
    session: &Session,
    folder: &BackupFolder,
    said: &BackupSchedule,
    now: Timestamp,
) -> Result<bool> {
    let backups = folder.list()?.backups;
    let full = backups.iter().filter(|file| session.can_follow(file));
    let full = full.filter(|file| file.header.kind == BackupKind::Full);
    let newest: Option<&BackupFile> = full.max_by_key(|file| file.header.at);
    let age = newest.map(|file| now.micros().saturating_sub(file.header.at.micros()));
    // A backup that is begun a little earlier in the day than the last one is not put off to the next day.
    let most = i64::from(said.full_every_days).saturating_mul(DAY).saturating_sub(DAY / 2);
    Ok(age.is_none_or(|age| age >= most))
}

/// How it stands, as JSON.
pub(crate) fn health_to_json(health: &BackupHealth) -> serde_json::Value {
    json!({
        "job": health.job.to_string(),
        "folder": health.folder,
        "active": health.active,
        "next_at": health.next_at.map(|at| at.to_string()),
        "done_at": health.done_at.map(|at| at.to_string()),
        "files": health.files,
        "error": health.error,
        "missed": health.missed,
        "late": health.is_late,
        "good": health.is_good(),
    })
}
