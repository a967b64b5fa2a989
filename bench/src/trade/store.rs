//! What a side does for the group: it takes the demo world in, works, and answers.

use std::path::Path;

use guanxi::base::{TimeZone, Timestamp};
use guanxi::{Date, Settings};
use guanxi_demo::World;

use crate::harness::Outcome;

/// Rows of a panel, and of a kind of the to-do list.
pub const ROWS: usize = 10;
/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;
/// Days after which an account that nobody works at goes back, and days before it at which its owner is warned.
pub const BACK_DAYS: i64 = 90;
pub const WARN_DAYS: i64 = 7;
/// Days after which a deal stagnates.
pub const STAGNANT_DAYS: i64 = 30;
/// The seed of the world.
const SEED: u64 = 20_261_120;

/// The world of the group.
pub fn world(accounts: usize) -> Outcome<World> {
    Ok(World { seed: SEED, accounts, until: Date::new(2026, 11, 20)? })
}

/// The moments of the group: now, in the evening of the last day of the world, and that day.
#[derive(Debug, Clone, Copy)]
pub struct Moments {
    pub now: i64,
    pub day_begin: i64,
    pub day_end: i64,
    pub today: Date,
}

impl Moments {
    /// Half an hour after the last tick of the world.
    pub fn of(world: &World) -> Outcome<Self> {
        let begin = world.until.start_in(&TimeZone::utc())?.micros();
        let now = begin + DAY / 48 * 21;
        let zone = TimeZone::named(&Settings::default().time_zone)?;
        let today = Timestamp::from_micros(now).date_in(&zone);
        let day_begin = today.start_in(&zone)?.micros();
        let day_end = today.plus_days(1)?.start_in(&zone)?.micros();
        Ok(Self { now, day_begin, day_end, today })
    }
}

/// What is written, each in a durable transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// A lead becomes an account, a contact and a deal.
    Convert,
    /// An activity is recorded with an account.
    Record,
    /// A deal is won.
    Win,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// An account at one look, by its manager.
    Overview,
    /// What waits for a salesperson.
    Todo,
    /// Deals and amount by stage, of a manager's people.
    Pipeline,
    /// What those are expected to bring in in the months around today, by category.
    Forecast,
}

/// A line of an answer: what it is of, how many, and what they come to.
pub type Line = (String, i64, i64);

/// One side.
pub trait Store: Sized {
    /// Makes a database of the world.
    fn create(folder: &Path, world: &World) -> Outcome<()>;

    /// Opens it.
    fn open(folder: &Path, world: &World, cache_bytes: usize) -> Outcome<Self>;

    /// Does what is done after a large import.
    fn settle(&mut self) -> Outcome<()>;

    /// Accounts, leads that are converted, activities and won deals.
    fn counts(&mut self) -> Outcome<[i64; 4]>;

    /// Makes what so many writes take, in one transaction.
    fn prepare(&mut self, work: Write, count: usize) -> Outcome<()>;

    /// Writes once, with what was prepared for this turn.
    fn write(&mut self, work: Write, turn: usize) -> Outcome<()>;

    /// Makes so many tasks of which one is reminded a minute from now, and puts the clock past that.
    fn plan(&mut self, count: usize) -> Outcome<()>;

    /// Does what is due, and says how much that was.
    fn tick(&mut self) -> Outcome<usize>;

    /// Gives so many accounts to the second seller, with contacts, open deals, open tasks and coming events of the same
    /// owner, and says how many those were.
    fn transfer(&mut self, count: usize) -> Outcome<usize>;

    /// Asks. A turn chooses among accounts, sellers and managers.
    fn ask(&mut self, question: Question, turn: usize) -> Outcome<Vec<Line>>;
}
