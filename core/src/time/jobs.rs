//! Jobs that come again: work that reaches out of the database, so that a host does it. It is handed out by a tick, under
//! a lease; whoever has it says how it ended, and who does not say so in time has it no more.
//!
//! A runner that dies with a job lets its lease run out, and the next tick hands the job out anew: at least once, and
//! never to two at a time. What must not happen twice names the token, which is another one each time. A job of an
//! extension is not handed to the host: the tick does it itself, under the same lease.

use std::sync::Arc;

use crate::base::{Code, Error, RecordId, Result, TimeZone, Timestamp, Value};
use crate::engine::{
    BeforeSave, Changes, DueDone, DueWork, Lease, Listing, Registrar, Save, Session, Transaction,
    WriteOptions,
};
use crate::schema::declare::codes;
use crate::schema::{EntityType, IndexDefinition};
use crate::time::{Recurrence, backups};

/// How long a job is its runner's if nothing else is said, in seconds.
const LEASE_SECONDS: i64 = 900;
/// Longest lease, in seconds.
const MAX_LEASE: i64 = 7 * 86_400;
/// Failures after which a job waits for its next time.
const MAX_ATTEMPTS: i64 = 5;
/// Most times that are counted between two moments.
const MAX_PASSED: usize = 1_000;
/// A minute, in microseconds.
const MINUTE: i64 = 60_000_000;
/// Longest text that is kept of a failure, in characters.
const MAX_ERROR: usize = 500;

codes! {
    /// How a run of a job ended.
    JobOutcome {
        /// It is done.
        Done = "done", "完成", "Done";
        /// It failed, and is tried again: after one minute, then two, four and eight.
        Failed = "failed", "失败", "Failed";
    }
}

/// A job that comes again.
pub mod scheduled_job {
    use super::JobOutcome;
    use crate::schema::declare::entity;
    use crate::schema::{Bool, Choice, DateTime, Int, Text};

    entity! {
        /// A job that comes again, which a host does when a tick hands it out: a backup, a report, a fetch of rates.
        ScheduledJob = ("sys", 120, "scheduled_job", "定时任务", "Scheduled job",
            "由宿主在 tick 交付时执行的周期任务，如备份、报表、汇率更新。", title "name", data_subject false);
        /// What it is called.
        NAME: Text = 1, "name", "名称", "Name", "任务名称。", [required = true];
        /// What is to be done, by a name that the host knows: `backup`.
        KIND: Text = 2, "kind", "类型", "Kind", "要执行的工作，以宿主所知的名称表示，如 `backup`。",
            [required = true, indexed = true];
        /// What the work takes, as the host wants it.
        PARAMETERS: Text = 3, "parameters", "参数", "Parameters", "执行所需的参数，格式由宿主约定。", [];
        /// When it comes again, as RFC 5545 says it: `FREQ=DAILY`. Once, if there is none.
        RULE: Text = 4, "rule", "重复规则", "Rule", "按 RFC 5545 表示的重复规则，如 `FREQ=DAILY`；为空则只执行一次。", [];
        /// When it comes for the first time, and the time of day of all times that the rule does not say.
        STARTS_AT: DateTime = 5, "starts_at", "开始时间", "Starts at", "首次执行的时刻，也是规则未指定时的每次时刻。",
            [required = true];
        /// The zone in whose clocks the rule speaks, by its IANA name; that of the organisation if not said.
        ZONE: Text = 6, "zone", "时区", "Time zone", "规则所用的时区（IANA 名称）；未填写时用组织时区。", [];
        /// Whether it waits; yes unless it is said.
        ACTIVE: Bool = 7, "active", "启用", "Active", "是否启用；未填写时为是。", [];
        /// How long a runner has it, in seconds; 900 if not said, a week at the most.
        LEASE_SECONDS: Int = 8, "lease_seconds", "租约秒数", "Lease in seconds",
            "执行者占用任务的秒数；未填写时为 900，最长一周。", [];
        /// When it is handed out next. The engine keeps it.
        NEXT_AT: DateTime = 9, "next_at", "下次时间", "Next at", "下次交付的时刻，由引擎维护。", [read_only = true];
        /// The time that it is or was handed out for. The engine keeps it.
        DUE_AT: DateTime = 10, "due_at", "应执行时间", "Due at", "本次交付所对应的时刻，由引擎维护。", [read_only = true];
        /// What tells the present handing out from others; none while nobody has it.
        TOKEN: Text = 11, "token", "租约标识", "Token", "本次交付的标识；无人占用时为空。", [read_only = true];
        /// Until when it is its runner's.
        LEASED_UNTIL: DateTime = 12, "leased_until", "租约到期", "Leased until", "执行者占用任务的截止时刻。",
            [read_only = true];
        /// How often it failed in a row.
        ATTEMPTS: Int = 13, "attempts", "连续失败次数", "Attempts", "连续失败的次数。", [read_only = true];
        /// When a run ended last.
        ENDED_AT: DateTime = 14, "ended_at", "上次结束", "Ended at", "最近一次执行结束的时刻。", [read_only = true];
        /// How the last run ended.
        OUTCOME: Choice<JobOutcome> = 15, "outcome", "上次结果", "Outcome", "最近一次执行的结果。", [read_only = true];
        /// What the runner said of the last failure.
        ERROR: Text = 16, "error", "上次错误", "Error", "执行者对最近一次失败的说明。", [read_only = true];
        /// The extension whose job it is, by its id: a tick does it. The engine keeps it.
        EXTENSION: Text = 17, "extension", "所属插件", "Extension", "任务所属的插件，由 tick 直接执行；为空则交由宿主执行。",
            [read_only = true];
        /// The rule as the extension says it; where that changes, it takes the place of the rule. The engine keeps it.
        SAID: Text = 18, "said_rule", "插件规则", "Rule of the extension", "插件声明的重复规则；声明改变时取代重复规则。",
            [read_only = true];
        /// Of a job that a tick does itself: what is backed up, and where. `backup.schedule` says it, and nobody else.
        BACKUP: Text = 19, "backup", "备份内容", "Backup", "由 tick 直接执行的备份任务的内容与位置，仅由 `backup.schedule` 设置。",
            [read_only = true];
        /// When it was done last.
        DONE_AT: DateTime = 20, "done_at", "上次完成", "Done at", "最近一次成功完成的时刻。", [read_only = true];
        /// What it gave when it was done last: the files of a backup.
        RESULT: Text = 21, "result", "上次成果", "Result", "最近一次成功完成的成果，如备份文件名。", [read_only = true];
        /// How many of its times passed without its being done: nobody ticked, or it failed.
        MISSED: Int = 22, "missed", "错过次数", "Missed", "未能完成的次数：到时无人执行，或执行失败。", [read_only = true];
    }
}

pub use scheduled_job::ScheduledJob;

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(ScheduledJob::definition());
    registrar.before_save(ScheduledJob::NAME, 0, Arc::new(Plan));
    let due = IndexDefinition::of_due("sys", 1, "due", scheduled_job::NEXT_AT.name());
    registrar.due(ScheduledJob::NAME, due, Arc::new(HandOut));
}

/// When a job comes.
struct Times {
    rule: Option<String>,
    starts_at: Timestamp,
    zone: TimeZone,
}

impl Times {
    /// The times of a job's values, by the names of the fields.
    fn of(
        value: &dyn Fn(&'static str) -> Result<Value>,
        usual_zone: impl FnOnce() -> Result<TimeZone>,
    ) -> Result<Self> {
        let Value::DateTime(starts_at) = value(scheduled_job::STARTS_AT.name())? else {
            let missing = Error::new(Code::Required).entity(ScheduledJob::NAME);
            return Err(missing.field(scheduled_job::STARTS_AT.name()));
        };
        let zone = Recurrence::zone_of(&value(scheduled_job::ZONE.name())?, usual_zone)?;
        let rule = value(scheduled_job::RULE.name())?.as_text().map(str::to_owned);
        Ok(Self { rule, starts_at, zone })
    }

    /// The first time after a moment; the beginning itself if that is still to come.
    fn next_after(&self, moment: Timestamp) -> Result<Option<Timestamp>> {
        match &self.rule {
            Some(rule) => Recurrence::new(rule, self.starts_at, self.zone.clone())?.next_after(moment),
            None => Ok(Some(self.starts_at).filter(|start| *start > moment)),
        }
    }

    /// How many times lie behind a moment and up to another one; those beyond 1,000 are not counted.
    fn passed_between(&self, after: Timestamp, until: Timestamp) -> Result<i64> {
        let Some(rule) = &self.rule else { return Ok(0) };
        let next = |moment: Timestamp| Timestamp::from_micros(moment.micros().saturating_add(1));
        let rule = Recurrence::new(rule, self.starts_at, self.zone.clone())?;
        match rule.between(next(after), next(until), MAX_PASSED) {
            Ok(passed) => Ok(i64::try_from(passed.len()).unwrap_or(i64::MAX)),
            // So many that they cannot be gone through.
            Err(error) if error.code() == Code::LimitExceeded => {
                Ok(i64::try_from(MAX_PASSED).unwrap_or(i64::MAX))
            }
            Err(error) => Err(error),
        }
    }
}

/// How many times of a job have passed without its being done, when one of them has ended.
fn missed(row: &Listing, times: &Times, (is_done, now): (bool, Timestamp)) -> Result<Option<i64>> {
    let before = match row.value(scheduled_job::MISSED)? {
        Value::Int(missed) => missed,
        _ => 0,
    };
    let passed = match row.value(scheduled_job::DUE_AT)? {
        Value::DateTime(due_at) => times.passed_between(due_at, now)?,
        _ => 0,
    };
    let all = before.saturating_add(passed).saturating_add(i64::from(!is_done));
    Ok(Some(all).filter(|all| *all > 0))
}

/// The next full minute: where a rule says no times of its own, they are those of its beginning.
pub(super) fn next_minute(now: Timestamp) -> Timestamp {
    let minutes = now.micros().div_euclid(MINUTE).saturating_add(1);
    Timestamp::from_micros(minutes.saturating_mul(MINUTE))
}

/// Finds the next time of a job whose times were said anew.
struct Plan;

impl BeforeSave for Plan {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if save.value(scheduled_job::ACTIVE)?.is_null() {
            save.set(scheduled_job::ACTIVE, true)?;
        }
        let seconds = save.value(scheduled_job::LEASE_SECONDS)?;
        if matches!(seconds, Value::Int(seconds) if !(1..=MAX_LEASE).contains(&seconds)) {
            return Err(Error::new(Code::OutOfRange).field("lease_seconds").rule("1 to 604800"));
        }
        let said = [
            save.changes(scheduled_job::ACTIVE)?,
            save.changes(scheduled_job::RULE)?,
            save.changes(scheduled_job::STARTS_AT)?,
            save.changes(scheduled_job::ZONE)?,
        ];
        if !said.contains(&true) || save.value(scheduled_job::STARTS_AT)?.is_null() {
            return Ok(());
        }
        let times = Times::of(&|name| save.value(name), || save.zone())?;
        // A beginning that is now is met now; one that has passed is not made up for.
        let before = Timestamp::from_micros(save.now().micros().saturating_sub(1));
        let next = match save.value(scheduled_job::LEASED_UNTIL)? {
            // While a runner has it, it is nobody else's; when that one ends, the new times are looked at.
            Value::DateTime(until) if until > save.now() => Some(until),
            _ => times.next_after(before)?,
        };
        let active = save.value(scheduled_job::ACTIVE)? == Value::Bool(true);
        save.set(scheduled_job::NEXT_AT, next.filter(|_| active))
    }
}

/// Hands a job out.
struct HandOut;

impl DueWork for HandOut {
    fn name(&self) -> &'static str {
        "job.hand_out"
    }

    fn run(&self, transaction: &mut Transaction<'_>, record: RecordId) -> Result<DueDone> {
        let job = transaction.get_record(ScheduledJob::NAME, record)?;
        let extension = job.value(scheduled_job::EXTENSION)?.as_text().map(str::to_owned);
        extension.as_deref().map_or(Ok(()), |extension| transaction.check_acts(extension))?;
        let backup = job.value(scheduled_job::BACKUP)?;
        let now = transaction.now();
        let seconds = match job.value(scheduled_job::LEASE_SECONDS)? {
            Value::Int(seconds) => seconds,
            _ => LEASE_SECONDS,
        };
        let until = Timestamp::from_micros(now.micros().saturating_add(seconds.saturating_mul(1_000_000)));
        let token = transaction.fresh_id();
        // Where the runner died, the job is still of the time that it was handed out for then.
        let due_at = match job.value(scheduled_job::TOKEN)?.is_null() {
            true => job.value(scheduled_job::NEXT_AT)?,
            false => job.value(scheduled_job::DUE_AT)?,
        };
        let changes = Changes::new()
            .set(scheduled_job::DUE_AT, due_at)
            .set(scheduled_job::TOKEN, token.to_string())
            .set(scheduled_job::LEASED_UNTIL, until);
        transaction.keep(ScheduledJob::NAME, record, changes)?;
        let kind = job.value(scheduled_job::KIND)?.as_text().unwrap_or_default().to_owned();
        let (extension, parameters) = match backup.is_null() {
            true => (extension, job.value(scheduled_job::PARAMETERS)?),
            false => (Some(backups::ENGINE.to_owned()), backup),
        };
        Ok(DueDone::HandedOut(Lease { record, kind, parameters, token, until, extension }))
    }
}

impl Session {
    /// Says how a job ended that was handed out, and gives when it comes again, if it does. Times that passed while
    /// it was worked on, or while nobody ticked, are left out and not made up for. A job of an extension that failed five
    /// times in a row is switched off until an administrator makes it active again.
    ///
    /// # Errors
    /// `time.lease_over` where the token is not that of the present handing out, or its time is up;
    /// `record.not_found`; `access.not_permitted` without the right to change the job.
    pub fn finish_job(
        &self,
        job: RecordId,
        token: RecordId,
        outcome: JobOutcome,
        error: Option<&str>,
    ) -> Result<Option<Timestamp>> {
        let options = WriteOptions::default().cause("job.finish");
        let ended = Ended { outcome, error: error.map(str::to_owned), result: None };
        self.write_with(options, |transaction| finish(transaction, (job, token), &ended))
    }
}

/// How a run of a job ended, and what it gave.
pub(super) struct Ended {
    pub outcome: JobOutcome,
    pub error: Option<String>,
    pub result: Option<String>,
}

/// Writes down how a job ended, and finds when it comes again.
pub(super) fn finish(
    transaction: &mut Transaction<'_>,
    (job, token): (RecordId, RecordId),
    ended: &Ended,
) -> Result<Option<Timestamp>> {
    let row = transaction.get_record(ScheduledJob::NAME, job)?;
    // Who may not change the job says nothing of it.
    transaction.update_record(ScheduledJob::NAME, job, Changes::new())?;
    let now = transaction.now();
    let is_his = row.value(scheduled_job::TOKEN)?.as_text() == Some(token.to_string().as_str());
    let until = row.value(scheduled_job::LEASED_UNTIL)?;
    if !is_his || !matches!(until, Value::DateTime(until) if now < until) {
        return Err(Error::new(Code::LeaseOver).entity(ScheduledJob::NAME).record(job));
    }
    let before = match row.value(scheduled_job::ATTEMPTS)? {
        Value::Int(attempts) => attempts,
        _ => 0,
    };
    let is_done = ended.outcome == JobOutcome::Done;
    let attempts = if is_done { 0 } else { before.saturating_add(1) };
    // A job of an extension that fails so often is switched off: nobody else could mend it.
    let is_extensions = !row.value(scheduled_job::EXTENSION)?.is_null();
    let quarantined = is_extensions && attempts >= MAX_ATTEMPTS;
    let active = row.value(scheduled_job::ACTIVE)? == Value::Bool(true) && !quarantined;
    let is_tried_again = (1..MAX_ATTEMPTS).contains(&attempts);
    let usual_zone = || transaction.reader().settings().zone();
    let times = Times::of(&|name| row.value(name), usual_zone)?;
    let next = match attempts {
        _ if !active => None,
        _ if is_tried_again => {
            let minutes = 1_i64.checked_shl(u32::try_from(attempts - 1).unwrap_or(0)).unwrap_or(1);
            Some(Timestamp::from_micros(now.micros().saturating_add(minutes.saturating_mul(60_000_000))))
        }
        _ => times.next_after(now)?,
    };
    let told: Option<String> = ended.error.as_ref().map(|error| error.chars().take(MAX_ERROR).collect());
    let changes = Changes::new()
        .set(scheduled_job::ACTIVE, active)
        .set(scheduled_job::NEXT_AT, next)
        .set(scheduled_job::TOKEN, Value::Null)
        .set(scheduled_job::LEASED_UNTIL, Value::Null)
        .set(scheduled_job::ATTEMPTS, if attempts >= MAX_ATTEMPTS { 0 } else { attempts })
        .set(scheduled_job::ENDED_AT, now)
        .set(scheduled_job::OUTCOME, ended.outcome)
        .set(scheduled_job::ERROR, told);
    let changes = match is_done {
        true => changes.set(scheduled_job::DONE_AT, now).set(scheduled_job::RESULT, ended.result.clone()),
        false => changes,
    };
    let changes = match is_tried_again {
        true => changes,
        false => changes.set(scheduled_job::MISSED, missed(&row, &times, (is_done, now))?),
    };
    transaction.keep(ScheduledJob::NAME, job, changes)?;
    Ok(next)
}
