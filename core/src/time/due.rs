//! The clock of a host: when something is due next, and what is done about it.

use crate::base::{Code, Error, RecordId, Result, Timestamp};
use crate::engine::{Action, DueDone, DueHook, Lease, Session, Transaction, WriteOptions};
use crate::time::{backups, plugin_jobs};

/// Records of one transaction.
const CHUNK: usize = 100;
/// Most records of one tick.
const MAX_TICK: usize = 10_000;
/// How much later a record is due again whose work failed, in microseconds.
const LATER: i64 = 15 * 60 * 1_000_000;

/// A record whose work failed, and which is due again a quarter of an hour later.
#[derive(Debug)]
pub struct NotDone {
    /// The entity, by API name.
    pub entity: String,
    /// The record.
    pub record: RecordId,
    /// What was to be done, by its stable name.
    pub work: &'static str,
    /// Why it was not.
    pub error: Error,
}

/// What a tick did.
#[derive(Debug, Default)]
pub struct Ticked {
    /// How many records were worked on.
    pub done: u64,
    /// Those on which the work failed.
    pub failed: Vec<NotDone>,
    /// Work that was handed out, for the host to do now.
    pub leases: Vec<Lease>,
    /// Whether more was due than this tick took.
    pub more: bool,
}

impl Session {
    /// When something is due next: the moment at which a host ticks again, in the past where something is late. What
    /// rules wait for is told alike, whosever records they are, so only who administers everything is told. Where an
    /// extension has come with a job that no tick has planned yet, it is now.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything.
    pub fn next_due(&self) -> Result<Option<Timestamp>> {
        self.check_may("sys.role", Action::Administer)?;
        let works = self.crm().due_works();
        if plugin_jobs::waits(self.crm())? {
            return Ok(Some(self.crm().moment_of_work()));
        }
        self.read(|reader| {
            let moments = works.iter().map(|hook| reader.next_due(hook)).collect::<Result<Vec<_>>>()?;
            Ok(moments.into_iter().flatten().min())
        })
    }

    /// Does what is due, the earliest first within each kind of work, at most so many records; 0 means 10,000, and is
    /// the most. Each chunk of 100 is a transaction, so that others write between them; a record whose work fails is as
    /// it was, is told, and is due again a quarter of an hour later. Ticks that are late do all that has come due, and
    /// several at once do each record once. The moment is the engine's: it does not go back when the clock does.
    ///
    /// Jobs of extensions are planned and done too, each under its lease and outside of any transaction, on this thread.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; what a transaction gives. What was done by
    /// then stays.
    pub fn tick(&self, limit: usize) -> Result<Ticked> {
        self.check_may("sys.role", Action::Administer)?;
        let now = self.crm().moment_of_work();
        let limit = if limit == 0 { MAX_TICK } else { limit.min(MAX_TICK) };
        let mut ticked = Ticked { failed: plugin_jobs::plan(self)?, ..Ticked::default() };
        let mut left = limit;
        for hook in self.crm().due_works().iter() {
            while left > 0 {
                let (taken, chunk) = self.work_off(hook, now, left.min(CHUNK))?;
                left = left.saturating_sub(taken);
                ticked.done = ticked.done.saturating_add(chunk.done);
                ticked.failed.extend(chunk.failed);
                for lease in chunk.leases {
                    match lease.extension.as_deref() {
                        Some(backups::ENGINE) => backups::run(self, &lease, &mut ticked),
                        Some(_) => plugin_jobs::run(self, &lease, &mut ticked),
                        None => ticked.leases.push(lease),
                    }
                }
                if taken < CHUNK {
                    break;
                }
                self.patience().check()?;
            }
        }
        ticked.more = left == 0 && self.next_due()?.is_some_and(|next| next <= now);
        Ok(ticked)
    }

    /// One transaction of one kind of work, and how many records it took.
    fn work_off(&self, hook: &DueHook, now: Timestamp, most: usize) -> Result<(usize, Ticked)> {
        // Nobody waits for the writer's turn where nothing is due.
        if self.read(|reader| reader.due(hook, now, 1))?.is_empty() {
            return Ok((0, Ticked::default()));
        }
        let options = WriteOptions::default().cause(hook.work().name());
        self.write_with(options, |transaction| {
            let due = transaction.reader().due(hook, now, most)?;
            let mut chunk = Ticked::default();
            for record in &due {
                match work_on(transaction, hook, *record, now) {
                    Ok(lease) => {
                        chunk.done = chunk.done.saturating_add(1);
                        chunk.leases.extend(lease);
                    }
                    Err(error) if is_of_record(&error) => {
                        let later = Timestamp::from_micros(now.micros().saturating_add(LATER));
                        transaction.put_off(hook, *record, Some(later))?;
                        let (entity, work) = (hook.entity().to_owned(), hook.work().name());
                        chunk.failed.push(NotDone { entity, record: *record, work, error });
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok((due.len(), chunk))
        })
    }
}

/// Works on one record, or leaves it as it is.
fn work_on(
    transaction: &mut Transaction<'_>,
    hook: &DueHook,
    record: RecordId,
    now: Timestamp,
) -> Result<Option<Lease>> {
    let point = transaction.savepoint();
    let done = hook.work().run(transaction, record).and_then(|done| {
        let lease = match done {
            DueDone::Moved => None,
            DueDone::Again(moment) => {
                transaction.put_off(hook, record, moment)?;
                None
            }
            DueDone::HandedOut(lease) => {
                transaction.put_off(hook, record, Some(lease.until))?;
                Some(lease)
            }
        };
        match transaction.is_due(hook, record, now)? {
            true => Err(Error::new(Code::StillDue).entity(hook.entity()).record(record)),
            false => Ok(lease),
        }
    });
    if done.is_err() {
        transaction.roll_back_to(point);
    }
    done
}

/// Whether an error is about the record, so that the others may go on without it.
pub(crate) fn is_of_record(error: &Error) -> bool {
    let key = error.code().key();
    let of_all = ["storage.", "engine.", "ledger."].iter().any(|room| key.starts_with(room));
    !of_all && error.code() != Code::SessionEnded
}
