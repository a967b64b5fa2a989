//! The demo world: a bilingual firm of 40 people with two years of history, made from a seed.
//!
//! It goes through the doors that every host has: each day of the history the clock is put forward, everybody does
//! what the day asks of them in a session of their own, and in the evening a tick does what has come due. It
//! deliberately writes nothing that a person of the firm could not have written.
//! Invariants: the same seed, size and last day make the same history; the clock never goes back; each account is
//! there when the history ends.

mod chance;
mod firm;
mod history;
mod story;
mod words;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use guanxi::base::{ManualClock, TimeZone, Timestamp};
use guanxi::engine::{Head, Pool, Unit, User};
use guanxi::model::{
    Account, Activity, Contact, Event, Lead, Opportunity, OwnerChange, Product, Quota, StageChange, Task,
    Territory,
};
use guanxi::schema::EntityType;
use guanxi::{Code, Condition, Date, Durability, Error, Options, Patience, Result, Session};

use crate::firm::Firm;
use crate::history::History;

/// Days of the history.
pub const DAYS: u32 = 730;
/// People of the firm, beside the administrator of the database.
pub const PEOPLE: usize = 40;
/// Most accounts of a world.
pub const MAX_ACCOUNTS: usize = 1_000_000;
/// Accounts of a world of which nothing else is said.
pub const DEFAULT_ACCOUNTS: usize = 5_000;

/// What is counted when a world is made.
const COUNTED: [&str; 15] = [
    Account::NAME,
    Contact::NAME,
    Lead::NAME,
    Opportunity::NAME,
    StageChange::NAME,
    Activity::NAME,
    Task::NAME,
    Event::NAME,
    OwnerChange::NAME,
    Quota::NAME,
    Product::NAME,
    Territory::NAME,
    Pool::NAME,
    Unit::NAME,
    User::NAME,
];

/// Which world is made.
///
/// ```
/// use std::sync::Arc;
/// use guanxi::base::{Date, ManualClock};
///
/// # fn main() -> guanxi::Result<()> {
/// let world = guanxi_demo::World { seed: 7, accounts: 3, until: Date::new(2026, 11, 20)? };
/// let clock = Arc::new(ManualClock::at(world.begin()?));
/// let crm = guanxi::in_memory().clock(clock.clone()).create_in_memory()?;
/// let made = world.fill(&crm.session_for("admin@example.test")?, &clock)?;
/// assert_eq!(made.counts[0], ("crm.account", 3));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct World {
    /// From what everything is drawn.
    pub seed: u64,
    /// How many accounts there are when the history ends, from 1 to [`MAX_ACCOUNTS`].
    pub accounts: usize,
    /// The last day of the history.
    pub until: Date,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// How many records there are of each entity, by its API name.
    pub counts: Vec<(&'static str, u64)>,
    /// Where the ledger ends.
    pub head: Head,
}

impl World {
    /// The moment at which the history begins, in UTC.
    ///
    /// # Errors
    /// `schema.out_of_range` for a last day too close to the ends of the calendar.
    pub fn begin(&self) -> Result<Timestamp> {
        self.until.plus_days(1 - DAYS as i32)?.start_in(&TimeZone::utc())
    }

    /// Makes a database with this world in it. The options have key and administrator, whose name is said once more;
    /// clock and durability are the world's. What was begun and not finished is removed.
    ///
    /// # Errors
    /// As [`Options::create`] and [`World::fill`].
    pub fn create(
        &self,
        options: Options,
        path: impl AsRef<Path>,
        administrator: &str,
        patience: &Patience,
    ) -> Result<Made> {
        self.check()?;
        let clock = Arc::new(ManualClock::at(self.begin()?));
        let options = options.clock(clock.clone()).durability(Durability::Relaxed).trust_host();
        let crm = options.create(&path)?;
        let made = crm
            .session_for(administrator)
            .and_then(|session| self.fill(&session.with_patience(patience.clone()), &clock));
        drop(crm);
        if made.is_err() {
            fs::remove_dir_all(&path)?;
        }
        made
    }

    /// Makes this world in a new database whose clock is put forward and stands at [`World::begin`], in the right of
    /// its administrator and of the people whom that one makes. The listener of the session's patience is told of the
    /// phase `history`, by days.
    ///
    /// # Errors
    /// `schema.out_of_range` for a size that is none of [`World::accounts`]; `engine.cancelled` and
    /// `engine.deadline_exceeded` by the session's patience; `access.not_permitted` in a database that does not trust
    /// its host; what the verbs of the trade give.
    pub fn fill(&self, administrator: &Session, clock: &ManualClock) -> Result<Made> {
        self.check()?;
        let firm = Firm::found(administrator, self.accounts)?;
        History::of(*self, firm, administrator, clock)?.live()?;
        let head = administrator.crm().flush()?;
        let counted =
            |entity: &&'static str| Ok((*entity, administrator.count(entity, &Condition::Everything)?));
        Ok(Made { counts: COUNTED.iter().map(counted).collect::<Result<_>>()?, head })
    }

    fn check(&self) -> Result<()> {
        match self.accounts {
            1..=MAX_ACCOUNTS => Ok(()),
            _ => Err(Error::new(Code::OutOfRange).field("accounts").rule("1 to 1000000")),
        }
    }
}
