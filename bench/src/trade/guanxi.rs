//! Guanxi's side: the verbs and views of the trade, each in a session of the person who asks.

use std::path::Path;
use std::sync::Arc;

use guanxi::base::{ManualClock, Timestamp};
use guanxi::engine::{Bulk, BulkDone, Find, Listing, Selection, User, user};
use guanxi::features::reports::{Bucket, Figure};
use guanxi::model::activity::{self, Outcome as CallOutcome};
use guanxi::model::lead::{self, Conversion};
use guanxi::model::{
    Account, Activity, ActivityKind, Along, ForecastOf, Lead, LeadStatus, Opportunity, Status, Transfer,
    opportunity, task,
};
use guanxi::schema::{EntityType, RecordReference};
use guanxi::{Changes, Condition, Crm, Money, RecordId, Ref, Session, Value};
use guanxi_demo::World;

use crate::crm::guanxi::{ADMINISTRATOR, database, options};
use crate::harness::Outcome;
use crate::trade::store::{DAY, Line, Moments, Question, ROWS, Store, Write};

/// Accounts that each manager looks at.
const PICKED: usize = 400;
/// Tasks of one transaction when many are made.
const CHUNK: usize = 1_000;
/// Memory for pages while the world is made, and while it is read for the other side.
pub const LOADING_CACHE: usize = 256 << 20;

/// An open database of Guanxi.
pub struct Guanxi {
    crm: Crm,
    clock: Arc<ManualClock>,
    admin: Session,
    managers: Vec<(Session, Vec<RecordId>)>,
    sellers: Vec<Session>,
    moments: Moments,
    /// What the turns of a write take.
    prepared: Vec<RecordId>,
}

/// Somebody of the firm.
pub struct Person {
    pub id: RecordId,
    pub name: String,
    pub superior: Option<RecordId>,
    /// 2 for who sells, 1 for a manager, 0 for all others.
    pub level: i64,
}

/// Everybody, by id.
pub fn people(admin: &Session) -> Outcome<Vec<Person>> {
    let mut rows = admin.list(User::NAME, &Find { limit: 1_000, ..Find::default() })?.rows;
    rows.sort_by_key(|row| row.record.id);
    let said = |row: &Listing| -> Outcome<(bool, Option<RecordId>)> {
        Ok((!row.value(user::UNIT)?.is_null(), row.value(user::REPORTS_TO)?.as_id()))
    };
    let mut people = Vec::new();
    for row in &rows {
        let (has_unit, above) = said(row)?;
        let superior = rows.iter().find(|other| Some(other.record.id) == above);
        let below_unit = superior.map(said).transpose()?.is_some_and(|(has_unit, _)| has_unit);
        let level = i64::from(has_unit) + i64::from(below_unit);
        people.push(Person { id: row.record.id, name: row.title(), superior: above, level });
    }
    Ok(people)
}

/// A database that stands, with its clock at the moment of the group.
fn opened(folder: &Path, world: &World, cache_bytes: usize) -> Outcome<(Crm, Arc<ManualClock>)> {
    let now = Moments::of(world)?.now;
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(now)));
    let options = options().cache_bytes(cache_bytes).clock(clock.clone());
    Ok((options.open(database(folder))?, clock))
}

fn whole(money: &Money) -> Outcome<i64> {
    Ok(money.amount.rounded(0).to_string().parse()?)
}

fn hundredths(money: &Money) -> Outcome<i64> {
    let amount: f64 = money.amount.to_string().parse()?;
    Ok((amount * 100.0).round() as i64)
}

fn sum(totals: &[Money]) -> Outcome<i64> {
    totals.iter().map(whole).sum()
}

impl Guanxi {
    /// The accounts that a manager looks at.
    pub fn picked(&self) -> impl Iterator<Item = &(Session, Vec<RecordId>)> {
        self.managers.iter()
    }

    /// The administrator's session.
    pub fn admin(&self) -> &Session {
        &self.admin
    }

    fn seller(&self, number: usize) -> Outcome<&Session> {
        Ok(self.sellers.get(number % self.sellers.len().max(1)).ok_or("nobody sells")?)
    }

    fn prepared(&self, turn: usize) -> Outcome<RecordId> {
        Ok(*self.prepared.get(turn % self.prepared.len().max(1)).ok_or("nothing was prepared")?)
    }

    fn own(&self, seller: &Session, most: usize) -> Outcome<Vec<RecordId>> {
        let filter =
            Condition::Compare("owner".into(), guanxi::engine::Comparison::Equal, Value::Id(seller.user()));
        let page =
            seller.list(Account::NAME, &Find { filter, limit: most.clamp(1, 10_000), ..Find::default() })?;
        Ok(page.rows.iter().map(|row| row.record.id).collect())
    }

    fn call(party: RecordReference) -> Changes {
        Changes::new()
            .set(activity::KIND, ActivityKind::Call)
            .set(activity::SUBJECT, "季度回访 follow-up")
            .set(activity::REGARDING, party)
            .set(activity::OUTCOME, CallOutcome::Reached)
            .set(activity::MINUTES, 15_i64)
    }

    fn prepare_leads(&self, count: usize) -> Outcome<Vec<RecordId>> {
        let [first, ..] = self.counts()?;
        let seller = self.seller(0)?;
        Ok(seller.write(|transaction| {
            let mut leads = Vec::new();
            for number in (first..).take(count) {
                let draft = lead::named(&format!("林{number}"))
                    .with(lead::COMPANY, format!("上海测试{number}贸易有限公司"))
                    .with(lead::POSITION, "总经理")
                    .with(lead::PHONE, format!("+86139{number:08}"))
                    .with(lead::EMAIL, format!("t{number}@example.org"))
                    .with(lead::CITY, "上海")
                    .with(lead::STATUS, LeadStatus::Assigned)
                    .with(lead::NEED, "需要办理营业执照变更")
                    .with(lead::BUDGET, Money::cny(12_800));
                let made = transaction.create(draft)?;
                activity::record(transaction, Self::call(RecordReference::new(Lead::NAME, made.id())))?;
                leads.push(made.id());
            }
            Ok(leads)
        })?)
    }

    fn prepare_deals(&self, count: usize) -> Outcome<Vec<RecordId>> {
        let seller = self.seller(0)?;
        let accounts = self.own(seller, count)?;
        let expected = self.moments.today.plus_days(400)?;
        Ok(seller.write(|transaction| {
            let accounts = accounts.iter().cycle().take(count);
            let deals = accounts.map(|account| {
                let draft = opportunity::titled("代理记账 Bookkeeping")
                    .with(opportunity::ACCOUNT, *account)
                    .with(opportunity::AMOUNT, Money::cny(7_200))
                    .with(opportunity::EXPECTED_ON, expected);
                transaction.create(draft).map(Ref::id)
            });
            deals.collect()
        })?)
    }

    fn overview(&self, turn: usize) -> Outcome<Vec<Line>> {
        let (manager, accounts) =
            self.managers.get(turn % self.managers.len().max(1)).ok_or("nobody manages")?;
        let account = *accounts.get(turn * 7 % accounts.len().max(1)).ok_or("a manager of nothing")?;
        let overview = manager.overview(account, false, ROWS)?;
        let line = |panel: &guanxi::model::Panel| {
            let count = i64::try_from(panel.count)?;
            Ok((format!("{} {}", panel.kind.code(), panel.rows.len()), count, sum(&panel.totals)?))
        };
        overview.panels.iter().map(line).collect()
    }

    fn todo(&self, turn: usize) -> Outcome<Vec<Line>> {
        let line = |todo: &guanxi::model::Todo| {
            Ok((todo.kind.code().to_owned(), i64::try_from(todo.count)?, todo.rows.len() as i64))
        };
        self.seller(turn)?.todo(ROWS)?.iter().map(line).collect()
    }

    fn pipeline(&self, turn: usize) -> Outcome<Vec<Line>> {
        let (manager, _) = self.managers.get(turn % self.managers.len().max(1)).ok_or("nobody manages")?;
        let mut lines = Vec::new();
        for row in manager.report(&opportunity::by_stage())?.rows {
            let [Figure::Count(count), amount] = row.figures.as_slice() else {
                return Err("no figures".into());
            };
            let amount = if let Figure::Amount(money) = amount { whole(money)? } else { 0 };
            lines.push((row.labels.join(" "), i64::try_from(*count)?, amount));
        }
        lines.sort();
        Ok(lines)
    }

    fn forecast(&self, turn: usize) -> Outcome<Vec<Line>> {
        let (manager, _) = self.managers.get(turn % self.managers.len().max(1)).ok_or("nobody manages")?;
        let month = self.moments.today.first_of_month();
        let of = ForecastOf {
            from: month.plus_months(-1)?,
            to: month.plus_months(3)?.plus_days(-1)?,
            bucket: Bucket::Month,
            by_person: false,
            filter: Condition::Everything,
        };
        let mut lines = Vec::new();
        for row in manager.forecast(&of)? {
            let name = format!("{} {}", row.period, row.category.code());
            let weighted: i64 = row.weighted.iter().map(hundredths).sum::<Outcome<i64>>()?;
            lines.push((name.clone(), i64::try_from(row.deals)?, sum(&row.amounts)?));
            lines.push((name, 0, weighted));
        }
        Ok(lines)
    }

    fn counts(&self) -> Outcome<[i64; 4]> {
        let count = |entity: &str, condition: Condition| -> Outcome<i64> {
            Ok(i64::try_from(self.admin.count(entity, &condition)?)?)
        };
        Ok([
            count(Account::NAME, Condition::Everything)?,
            count(Lead::NAME, lead::STATUS.is(LeadStatus::Converted))?,
            count(Activity::NAME, Condition::Everything)?,
            count(Opportunity::NAME, opportunity::STATUS.is(Status::Won))?,
        ])
    }
}

impl Store for Guanxi {
    fn create(folder: &Path, world: &World) -> Outcome<()> {
        let options = options().cache_bytes(LOADING_CACHE).administrator(ADMINISTRATOR, "a long password");
        let patience = guanxi::Patience::default().telling(|told| {
            if told.phase == "history" && told.done.is_multiple_of(73) {
                eprintln!("day {} of {}", told.done, told.total);
            }
        });
        world.create(options, database(folder), ADMINISTRATOR, &patience)?;
        Ok(())
    }

    fn open(folder: &Path, world: &World, cache_bytes: usize) -> Outcome<Self> {
        let (crm, clock) = opened(folder, world, cache_bytes)?;
        let admin = crm.session_for(ADMINISTRATOR)?;
        let (mut managers, mut sellers) = (Vec::new(), Vec::new());
        for Person { name, level, .. } in people(&admin)? {
            match level {
                1 => {
                    let session = crm.session_for(&name)?;
                    let rows = session.list(Account::NAME, &Find { limit: PICKED, ..Find::default() })?.rows;
                    managers.push((session, rows.iter().map(|row| row.record.id).collect()));
                }
                2 => sellers.push(crm.session_for(&name)?),
                _ => {}
            }
        }
        let moments = Moments::of(world)?;
        Ok(Self { crm, clock, admin, managers, sellers, moments, prepared: Vec::new() })
    }

    fn settle(&mut self) -> Outcome<()> {
        self.crm.flush()?;
        Ok(())
    }

    fn counts(&mut self) -> Outcome<[i64; 4]> {
        Guanxi::counts(self)
    }

    fn prepare(&mut self, work: Write, count: usize) -> Outcome<()> {
        self.prepared = match work {
            Write::Convert => self.prepare_leads(count)?,
            Write::Record => self.own(self.seller(0)?, count)?,
            Write::Win => self.prepare_deals(count)?,
        };
        Ok(())
    }

    fn write(&mut self, work: Write, turn: usize) -> Outcome<()> {
        let (seller, record) = (self.seller(0)?, self.prepared(turn)?);
        match work {
            Write::Convert => {
                let wanted = Conversion::default();
                seller.write(|transaction| Ref::<Lead>::new(record).convert(transaction, &wanted))?;
            }
            Write::Record => {
                let call = Self::call(RecordReference::new(Account::NAME, record));
                seller.write(|transaction| activity::record(transaction, call.clone()))?;
            }
            Write::Win => {
                seller.write(|transaction| Ref::<Opportunity>::new(record).win(transaction))?;
            }
        }
        Ok(())
    }

    fn plan(&mut self, count: usize) -> Outcome<()> {
        let now = self.crm.now().micros();
        let seller = self.seller(0)?;
        for begin in (0..count).step_by(CHUNK) {
            seller.write(|transaction| {
                for _ in begin..count.min(begin + CHUNK) {
                    let draft = task::about("发送报价单")
                        .with(task::DUE_AT, Timestamp::from_micros(now + 400 * DAY))
                        .with(task::REMIND_AT, Timestamp::from_micros(now + DAY / 1_440));
                    transaction.create(draft)?;
                }
                Ok(())
            })?;
        }
        self.clock.set(Timestamp::from_micros(now + DAY / 720));
        Ok(())
    }

    fn tick(&mut self) -> Outcome<usize> {
        let mut done = 0;
        loop {
            let ticked = self.admin.tick(0)?;
            done += usize::try_from(ticked.done)?;
            if !ticked.more {
                return Ok(done);
            }
        }
    }

    fn transfer(&mut self, count: usize) -> Outcome<usize> {
        let to = self.seller(1)?.user();
        let mut ids = Vec::new();
        for seller in self.sellers.iter().skip(2) {
            ids.extend(self.own(seller, count)?.into_iter().take(count - ids.len()));
        }
        let along = [Along::Contacts, Along::OpenOpportunities, Along::OpenTasks, Along::FutureEvents];
        let transfer = Transfer { to, along: along.into(), keeps: None };
        let (mut bulk, mut moved) = (Bulk::default(), 0);
        loop {
            let outcome = self.admin.transfer(&Selection::Ids(ids.clone()), &transfer, &bulk)?;
            moved += outcome.rows.iter().filter(|row| matches!(row.outcome, Ok(BulkDone::Updated))).count();
            match outcome.next {
                Some(next) => bulk.after = Some(next),
                None => return Ok(moved),
            }
        }
    }

    fn ask(&mut self, question: Question, turn: usize) -> Outcome<Vec<Line>> {
        match question {
            Question::Overview => self.overview(turn),
            Question::Todo => self.todo(turn),
            Question::Pipeline => self.pipeline(turn),
            Question::Forecast => self.forecast(turn),
        }
    }
}
