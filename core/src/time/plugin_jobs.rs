//! The jobs of extensions: a tick plans each as a scheduled job, and does what it hands out of them under the lease.
//!
//! What an extension says of a job's times is kept beside the times of the job, which an administrator may change: they
//! are replaced only where the extension says something else than before.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value as Json;

use crate::base::{Code, Error, RecordId, Result, Value};
use crate::engine::{
    Changes, Comparison, Condition, Crm, FieldSelector, Find, JobDefinition, Lease, Session, Transaction,
    WriteOptions,
};
use crate::schema::EntityType;
use crate::time::crontab::rule_of_schedule;
use crate::time::due::{NotDone, Ticked};
use crate::time::jobs::next_minute;
use crate::time::{JobOutcome, ScheduledJob, scheduled_job};

/// The rules of the jobs that this process has found planned, by their names.
#[derive(Default)]
struct Planned(Mutex<BTreeMap<String, String>>);

/// A job of an extension that comes by a rule.
struct Job {
    extension: String,
    definition: JobDefinition,
    rule: String,
}

/// The jobs of extensions of which it is not known that they are planned as the extensions say.
fn unplanned(crm: &Crm) -> Result<Vec<Job>> {
    let planned = crm.slot(|| Ok(Planned::default()))?;
    let planned = planned.0.lock().unwrap_or_else(PoisonError::into_inner);
    let jobs = crm.jobs_of_extensions().into_iter().filter_map(|(extension, definition)| {
        let rule = rule_of_schedule(&definition.schedule)?;
        let is_known = planned.get(&definition.name) == Some(&rule);
        (!is_known).then_some(Job { extension, definition, rule })
    });
    Ok(jobs.collect())
}

/// Whether a tick would plan something, so that one is due.
pub(super) fn waits(crm: &Crm) -> Result<bool> {
    Ok(!unplanned(crm)?.is_empty())
}

/// Plans the jobs that wait for it. One that cannot be planned is told, and the others are.
pub(super) fn plan(session: &Session) -> Result<Vec<NotDone>> {
    let waiting = unplanned(session.crm())?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let options = WriteOptions::default().cause("job.plan");
    let failed = session.write_with(options, |transaction| {
        let mut failed = Vec::new();
        for job in &waiting {
            let point = transaction.savepoint();
            if let Err(error) = plan_one(transaction, job) {
                if !super::is_of_record(&error) {
                    return Err(error);
                }
                transaction.roll_back_to(point);
                let error = error.plugin(&job.extension).value(&job.definition.name);
                failed.push(NotDone::of_job(RecordId::from_bytes([0; 16]), "job.plan", error));
            }
        }
        Ok(failed)
    })?;
    let planned = session.crm().slot(|| Ok(Planned::default()))?;
    let mut planned = planned.0.lock().unwrap_or_else(PoisonError::into_inner);
    planned.extend(waiting.into_iter().map(|job| (job.definition.name, job.rule)));
    Ok(failed)
}

fn plan_one(transaction: &mut Transaction<'_>, job: &Job) -> Result<()> {
    let (name, rule) = (job.definition.name.as_str(), job.rule.as_str());
    let is = |field: FieldSelector, text: &str| Condition::Compare(field, Comparison::Equal, text.into());
    let filter = Condition::All(vec![
        is(scheduled_job::KIND.into(), name),
        is(scheduled_job::EXTENSION.into(), &job.extension),
    ]);
    let page =
        transaction.reader().find(ScheduledJob::NAME, &Find { filter, limit: 1, ..Find::default() })?;
    let found = page.rows.first().map(|row| Ok::<_, Error>((row.record.id, row.value(scheduled_job::SAID)?)));
    let found = found.transpose()?;
    let id = match found {
        Some((_, said)) if said.as_text() == Some(rule) => return Ok(()),
        Some((id, _)) => {
            let changes = Changes::new().set(scheduled_job::RULE, rule);
            transaction.update_record(ScheduledJob::NAME, id, changes)?;
            id
        }
        None => {
            let label = job.definition.label.text(transaction.locale()).to_owned();
            let changes = Changes::new()
                .set(scheduled_job::NAME, label)
                .set(scheduled_job::KIND, name)
                .set(scheduled_job::RULE, rule)
                .set(scheduled_job::STARTS_AT, next_minute(transaction.now()));
            transaction.create_record(ScheduledJob::NAME, changes)?
        }
    };
    let kept =
        Changes::new().set(scheduled_job::EXTENSION, job.extension.as_str()).set(scheduled_job::SAID, rule);
    transaction.keep(ScheduledJob::NAME, id, kept)
}

/// Does a job of an extension that was handed out, and says how it ended. That the job fails is told, as is that the
/// lease was over by then.
pub(super) fn run(session: &Session, lease: &Lease, ticked: &mut Ticked) {
    // Who may change the record, be it no administrator, does not bring another extension to work by it.
    let extension = lease.extension.as_deref();
    let done = parameters(lease).and_then(|given| session.perform_job(extension, &lease.kind, &given));
    let said = done.as_ref().err().map(|error| error.to_string());
    let outcome = if done.is_ok() { JobOutcome::Done } else { JobOutcome::Failed };
    let ended = session.finish_job(lease.record, lease.token, outcome, said.as_deref());
    for error in [done.err(), ended.err()].into_iter().flatten() {
        ticked.failed.push(NotDone::of_job(lease.record, "job.run", error));
    }
}

/// What the job takes, which an administrator may have said.
fn parameters(lease: &Lease) -> Result<Json> {
    match &lease.parameters {
        Value::Text(text) => serde_json::from_str(text)
            .map_err(|error| Error::new(Code::InvalidJson).field("parameters").because(error)),
        _ => Ok(Json::Null),
    }
}

impl NotDone {
    fn of_job(record: RecordId, work: &'static str, error: Error) -> Self {
        Self { entity: ScheduledJob::NAME.to_owned(), record, work, error }
    }
}
