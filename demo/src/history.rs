//! The history: day after day, everybody does what the day asks of them, and in the evening a tick does what is due.

use std::mem;

use guanxi::base::{ManualClock, Month, TimeZone, Timestamp};
use guanxi::model::Opportunity;
use guanxi::model::quota::{self, QuotaOf};
use guanxi::schema::EntityType;
use guanxi::{Code, Date, Money, RecordId, Result, Session, WriteOptions};

use crate::chance::Chance;
use crate::firm::Firm;
use crate::story::{self, Follows, Stage, Step, Story};
use crate::words::PRAISE;
use crate::{DAYS, World};

/// Steps of one transaction.
const CHUNK: usize = 250;
/// Microseconds of an hour and of a minute.
const HOUR: i64 = 3_600_000_000;
const MINUTE: i64 = 60_000_000;
/// Parts of the accounts beside which there are stories of which no account comes: two of five.
const FAILING: (usize, usize) = (2, 5);
/// The last day on which a story begins that has to come to an account: a lead takes three weeks at most.
const LAST_BEGIN: u32 = DAYS - 30;
/// What a person is to bring in in a quarter for each account of the world, in yuan.
const QUOTA_OF_ACCOUNT: usize = 60;

/// One step of one story, and who does it; operations where that is nobody who sells.
#[derive(Debug, Clone, Copy)]
struct Entry {
    story: u32,
    by: Option<u8>,
    step: Step,
}

/// The history while it is made.
pub struct History<'a> {
    world: World,
    firm: Firm,
    administrator: &'a Session,
    clock: &'a ManualClock,
    stories: Vec<Story>,
    /// What is to be done on each day.
    agenda: Vec<Vec<Entry>>,
    first_day: Date,
}

impl<'a> History<'a> {
    /// The history of a firm that stands, before its first day.
    pub fn of(world: World, firm: Firm, administrator: &'a Session, clock: &'a ManualClock) -> Result<Self> {
        let (part, parts) = FAILING;
        let stories = world.accounts.saturating_add(world.accounts.saturating_mul(part) / parts);
        let mut history = Self {
            world,
            administrator,
            clock,
            stories: vec![Story::default(); stories],
            agenda: vec![Vec::new(); DAYS as usize],
            first_day: world.begin()?.date_in(&TimeZone::utc()),
            firm,
        };
        history.begin_stories();
        Ok(history)
    }

    /// Puts the first step of every story on the day on which it begins.
    fn begin_stories(&mut self) {
        let sellers = self.firm.sellers.len();
        let World { seed, accounts, .. } = self.world;
        for (number, place) in (0_u32..).zip(0..self.stories.len()) {
            let succeeds = place < accounts;
            let seller = story::first_seller(seed, number, sellers);
            let last = if succeeds { LAST_BEGIN } else { DAYS };
            let day = Chance::of(seed, u64::from(number), 0).below(22, u64::from(last));
            let day = u32::try_from(day).unwrap_or(0);
            let (by, step) = match story::begins_with_lead(seed, number, succeeds) {
                true => (None, Step::LeadArrives),
                false => (Some(seller), Step::AccountArrives),
            };
            if let Some(story) = self.stories.get_mut(place) {
                story.seller = seller;
            }
            self.plan(day, Entry { story: number, by, step });
        }
    }

    /// Puts a step on a day, or on the Monday after it where that is no working day; not beyond the end.
    fn plan(&mut self, day: u32, entry: Entry) {
        let date = self.first_day.plus_days(i32::try_from(day).unwrap_or(i32::MAX));
        let weekday = date.map_or(0, |date| date.weekday().days_after_monday());
        let rest = u32::try_from(7_i8.saturating_sub(weekday)).unwrap_or(0);
        let day = if weekday >= 5 { day.saturating_add(rest) } else { day };
        if let Some(day) = self.agenda.get_mut(day as usize) {
            day.push(entry);
        }
    }

    /// Lives through all days.
    pub fn live(&mut self) -> Result<()> {
        for day in 0..DAYS {
            self.administrator.patience().tell("history", u64::from(day), u64::from(DAYS));
            let date = self.first_day.plus_days(i32::try_from(day).unwrap_or(0))?;
            let morning = date.start_in(&TimeZone::utc())?;
            self.clock.set(Timestamp::from_micros(morning.micros().saturating_add(HOUR)));
            if day == 0 || (date.day() == 1 && date.month() % 3 == 1) {
                self.set_quotas(date)?;
            }
            let praised = self.work(day, morning)?;
            self.clock.set(Timestamp::from_micros(morning.micros().saturating_add(10 * HOUR)));
            self.praise(day, praised)?;
            self.tick()?;
        }
        Ok(())
    }

    /// Does what has come due; what could not be done has no place in a history.
    fn tick(&self) -> Result<()> {
        loop {
            let ticked = self.administrator.tick(0)?;
            if let Some(failed) = ticked.failed.into_iter().next() {
                return Err(failed.error);
            }
            if !ticked.more {
                return Ok(());
            }
        }
    }

    /// Everybody does what the day asks of them, one after the other.
    fn work(&mut self, day: u32, morning: Timestamp) -> Result<Vec<(u8, RecordId)>> {
        let entries = self.agenda.get_mut(day as usize).map(mem::take).unwrap_or_default();
        let sellers = self.firm.sellers.len();
        // Operations come first, so that leads are there when the sellers begin.
        let mut by_person: Vec<Vec<Entry>> = vec![Vec::new(); sellers.saturating_add(1)];
        for entry in entries {
            let place = entry.by.map_or(0, |by| usize::from(by).saturating_add(1));
            if let Some(own) = by_person.get_mut(place) {
                own.push(entry);
            }
        }
        let mut praised = Vec::new();
        for (place, own) in (0_i64..).zip(by_person) {
            let begin =
                morning.micros().saturating_add(HOUR).saturating_add(place.saturating_mul(10 * MINUTE));
            for chunk in own.chunks(CHUNK) {
                self.administrator.patience().check()?;
                self.clock.set(Timestamp::from_micros(begin));
                praised.extend(self.write(day, place, chunk)?);
            }
        }
        Ok(praised)
    }

    /// Does some steps of one person in one transaction, and plans what follows.
    fn write(&mut self, day: u32, place: i64, entries: &[Entry]) -> Result<Vec<(u8, RecordId)>> {
        let seller = usize::try_from(place.saturating_sub(1)).ok();
        let seller = seller.and_then(|seller| self.firm.sellers.get(seller));
        let session = seller.map_or(&self.firm.operations, |seller| &seller.session).clone();
        let mut transaction = session.begin(WriteOptions::default().cause("demo"))?;
        let now = session.crm().now();
        let (mut praised, mut planned) = (Vec::new(), Vec::new());
        for entry in entries {
            let Some(story) = self.stories.get_mut(entry.story as usize) else { continue };
            let before = *story;
            let point = transaction.savepoint();
            let mut stage = Stage {
                firm: &self.firm,
                transaction: &mut transaction,
                seed: self.world.seed,
                number: entry.story,
                succeeds: (entry.story as usize) < self.world.accounts,
                now,
            };
            match story.go_on(entry.step, &mut stage) {
                Ok(Follows { steps, praised: deal }) => {
                    praised.extend(deal.map(|deal| (story.seller, deal)));
                    planned.extend(steps.into_iter().map(|(days, step)| (days, entry.story, step)));
                }
                // Who has claimed enough today claims this one tomorrow.
                Err(error) if error.code() == Code::PoolClaims => {
                    transaction.roll_back_to(point);
                    *story = before;
                    planned.push((1, entry.story, entry.step));
                }
                Err(error) => return Err(error),
            }
        }
        transaction.commit()?;
        for (days, story, step) in planned {
            self.follow(day.saturating_add(days), story, step);
        }
        Ok(praised)
    }

    /// Plans a step of a story for the one who works at it, or for the one who will, where it is to be claimed.
    fn follow(&mut self, day: u32, number: u32, step: Step) {
        let sellers = self.firm.sellers.len();
        let Some(story) = self.stories.get_mut(number as usize) else { return };
        if step == Step::Claim {
            let chance = Chance::of(self.world.seed, u64::from(number), u64::from(day));
            let further = chance.between(23, 1, u32::try_from(sellers.saturating_sub(1)).unwrap_or(1));
            let next = usize::from(story.seller).saturating_add(further as usize) % sellers.max(1);
            story.seller = u8::try_from(next).unwrap_or(0);
        }
        let by = Some(story.seller);
        self.plan(day, Entry { story: number, by, step });
    }

    /// The managers say something of deals that were won.
    fn praise(&self, day: u32, praised: Vec<(u8, RecordId)>) -> Result<()> {
        for (seller, deal) in praised {
            let Some(seller) = self.firm.sellers.get(usize::from(seller)) else { continue };
            let Some(manager) = self.firm.managers.get(seller.unit) else { continue };
            let text = Chance::of(self.world.seed, u64::from(day), 0).one_of(24, &PRAISE);
            manager.comment(Opportunity::NAME, deal, text, &[seller.session.user()])?;
        }
        Ok(())
    }

    /// Sets what everybody is to bring in in a quarter, and each unit.
    fn set_quotas(&self, from: Date) -> Result<()> {
        let first = from.first_of_quarter(Month::new(1)?);
        let days = (first, first.plus_months(3)?.plus_days(-1)?);
        let own =
            i64::try_from(self.world.accounts.saturating_mul(QUOTA_OF_ACCOUNT)).unwrap_or(i64::MAX).max(1);
        self.administrator.write(|transaction| {
            for (number, unit) in self.firm.units.iter().enumerate() {
                let sellers = self.firm.sellers.iter().filter(|seller| seller.unit == number);
                let sellers: Vec<RecordId> = sellers.map(|seller| seller.session.user()).collect();
                for seller in &sellers {
                    quota::set(transaction, QuotaOf::User(*seller), days, Money::cny(own))?;
                }
                let together = own.saturating_mul(i64::try_from(sellers.len()).unwrap_or(1));
                quota::set(transaction, QuotaOf::Unit(*unit), days, Money::cny(together))?;
            }
            Ok(())
        })
    }
}
