//! Stories: what becomes of one party, step by step, and what the one who works at it writes down of each step.

use guanxi::engine::Ref;
use guanxi::model::activity::{self, Outcome};
use guanxi::model::lead::{self, Conversion, LeadSource};
use guanxi::model::{
    Account, Activity, ActivityKind, Contact, Event, Lead, LeadStatus, Opportunity, Task, TaskStatus,
    TeamMember, account, contact, event, opportunity, task,
};
use guanxi::schema::{Codes, EntityType, RecordReference};
use guanxi::{Changes, Code, Decimal, Error, Money, RecordId, Result, Timestamp, Transaction};

use crate::chance::Chance;
use crate::firm::{ACCOUNT_DAYS, Firm, LEAD_DAYS};
use crate::words::{self, CALLS, DEAD_ENDS, MARKETS, MEETINGS, NEEDS, PRODUCTS, REASONS, TASKS};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A lead comes in, and is given to somebody.
    LeadArrives,
    /// Somebody finds an account by themselves.
    AccountArrives,
    /// The lead is called.
    Call,
    /// The lead has a need.
    Qualify,
    /// The lead becomes a customer.
    Convert,
    /// The lead is given up.
    Bury,
    /// The deal goes on to the next stage, or closes.
    Advance,
    /// The deal is lost, since nobody answers any more.
    Lapse,
    /// Somebody keeps in touch with the account.
    Care,
    /// Somebody takes the record from the pool.
    Claim,
    /// A task is done.
    Finish(RecordId),
}

/// How a story stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct Story {
    /// The number of the one who works at it.
    pub seller: u8,
    /// How many steps there have been.
    turn: u16,
    /// The stage of the open deal.
    stage: u8,
    /// Whether a deal was won, after which the pool does not take the account back.
    has_bought: bool,
    /// The lead, until it is an account.
    lead: Option<RecordId>,
    account: Option<RecordId>,
    contact: Option<RecordId>,
    deal: Option<RecordId>,
}

/// What follows from a step.
#[derive(Debug, Default)]
pub struct Follows {
    /// The steps after so many days.
    pub steps: Vec<(u32, Step)>,
    /// The deal that the manager praises.
    pub praised: Option<RecordId>,
}

impl Follows {
    fn then(mut self, days: u32, step: Step) -> Self {
        self.steps.push((days, step));
        self
    }
}

/// What a step is done with.
pub struct Stage<'a, 'transaction> {
    pub firm: &'a Firm,
    pub transaction: &'a mut Transaction<'transaction>,
    pub seed: u64,
    /// The number of the story.
    pub number: u32,
    /// Whether an account comes of it.
    pub succeeds: bool,
    pub now: Timestamp,
}

/// Whether a story that succeeds begins with a lead.
pub fn begins_with_lead(seed: u64, number: u32, succeeds: bool) -> bool {
    !succeeds || Chance::of(seed, u64::from(number), 0).comes(20, 60)
}

/// The seller to whom a story comes first.
pub fn first_seller(seed: u64, number: u32, sellers: usize) -> u8 {
    u8::try_from(Chance::of(seed, u64::from(number), 0).below(21, sellers as u64)).unwrap_or(0)
}

impl Story {
    /// Does a step, and tells what follows.
    pub fn go_on(&mut self, step: Step, stage: &mut Stage<'_, '_>) -> Result<Follows> {
        self.turn = self.turn.saturating_add(1);
        let chance = Chance::of(stage.seed, u64::from(stage.number), u64::from(self.turn));
        match step {
            Step::LeadArrives => self.lead_arrives(stage),
            Step::AccountArrives => self.account_arrives(chance, stage),
            Step::Call => self.call(chance, stage),
            Step::Qualify => self.qualify(chance, stage),
            Step::Convert => self.convert(chance, stage),
            Step::Bury => self.bury(chance, stage),
            Step::Advance => self.advance(chance, stage),
            Step::Lapse => self.lose(chance, stage, "no answer any more"),
            Step::Care => self.care(chance, stage),
            Step::Claim => self.claim(chance, stage),
            Step::Finish(task) => {
                let done = Changes::new().set(task::STATUS, TaskStatus::Done);
                stage.transaction.update_record(Task::NAME, task, done)?;
                Ok(Follows::default())
            }
        }
    }

    fn party(&self, stage: &Stage<'_, '_>) -> words::Party {
        let unit = stage.firm.sellers.get(usize::from(self.seller)).map_or(0, |seller| seller.unit);
        let [market, ..] = &MARKETS;
        let market = MARKETS.get(unit).unwrap_or(market);
        words::party(Chance::of(stage.seed, u64::from(stage.number), 0), market, u64::from(stage.number))
    }

    fn lead_arrives(&mut self, stage: &mut Stage<'_, '_>) -> Result<Follows> {
        let chance = Chance::of(stage.seed, u64::from(stage.number), 0);
        let party = self.party(stage);
        let (_, price) = chance.one_of(30, &PRODUCTS);
        let sources: Vec<LeadSource> = LeadSource::ALL.iter().map(|(source, ..)| *source).collect();
        let source = chance.below(31, sources.len() as u64) as usize;
        let owner = seller_id(stage.firm, self.seller)?;
        let mut draft = lead::named(&party.person)
            .with(lead::COMPANY, party.company)
            .with(lead::POSITION, party.position)
            .with(lead::PHONE, party.phone)
            .with(lead::EMAIL, party.email)
            .with(lead::CITY, party.city)
            .with(lead::INDUSTRY, party.industry)
            .with(lead::STATUS, LeadStatus::Assigned)
            .with(lead::NEED, chance.one_of(32, &NEEDS))
            .with(lead::BUDGET, Money::cny(price))
            .owner(owner);
        if let Some(source) = sources.get(source) {
            draft = draft.with(lead::SOURCE, *source);
        }
        self.lead = Some(stage.transaction.create(draft)?.id());
        if !stage.succeeds && chance.comes(33, 25) {
            // Nobody ever calls, so the lead goes to the pool.
            return Ok(self.left(chance, LEAD_DAYS));
        }
        Ok(Follows::default().then(chance.between(34, 1, 3), Step::Call))
    }

    fn account_arrives(&mut self, chance: Chance, stage: &mut Stage<'_, '_>) -> Result<Follows> {
        let party = self.party(stage);
        let draft = account::named(&party.company)
            .with(account::KIND, account::Kind::Organisation)
            .with(account::INDUSTRY, party.industry)
            .with(account::CITY, party.city);
        let made = stage.transaction.create(draft)?.id();
        let draft = contact::named(&party.person)
            .with(contact::ACCOUNT, made)
            .with(contact::POSITION, party.position)
            .with(contact::PHONE, party.phone)
            .with(contact::EMAIL, party.email);
        self.contact = Some(stage.transaction.create(draft)?.id());
        self.account = Some(made);
        self.record(chance, stage, ActivityKind::Call, Outcome::Reached, None)?;
        if chance.comes(40, 70) { self.begin_deal(chance, stage) } else { Ok(later(chance)) }
    }

    fn call(&mut self, chance: Chance, stage: &mut Stage<'_, '_>) -> Result<Follows> {
        let outcome = if chance.comes(41, 70) { Outcome::Reached } else { Outcome::Interested };
        self.record(chance, stage, ActivityKind::Call, outcome, None)?;
        let next = chance.between(42, 1, 4);
        if stage.succeeds {
            return Ok(Follows::default().then(next, Step::Qualify));
        }
        Ok(match chance.below(43, 3) {
            0 => self.left(chance, LEAD_DAYS),
            _ => Follows::default().then(next, Step::Bury),
        })
    }

    fn qualify(&mut self, chance: Chance, stage: &mut Stage<'_, '_>) -> Result<Follows> {
        let changes = Changes::new().set(lead::STATUS, LeadStatus::Qualified);
        stage.transaction.update_record(Lead::NAME, self.lead.ok_or_else(missing)?, changes)?;
        Ok(Follows::default().then(chance.between(44, 1, 5), Step::Convert))
    }

    fn convert(&mut self, chance: Chance, stage: &mut Stage<'_, '_>) -> Result<Follows> {
        let lead: Ref<Lead> = Ref::new(self.lead.ok_or_else(missing)?);
        let wanted = Conversion { make_anew: true, ..Conversion::default() };
        let made = lead.convert(stage.transaction, &wanted)?;
        self.lead = None;
        self.account = Some(made.account.id());
        self.contact = Some(made.contact.id());
        let deal = made.opportunity.ok_or_else(missing)?;
        let changes = self.planned(chance, stage)?;
        stage.transaction.update_record(Opportunity::NAME, deal.id(), changes)?;
        self.record(chance, stage, ActivityKind::Meeting, Outcome::Interested, None)?;
        Ok(self.engage(chance, deal.id()))
    }

    fn bury(&mut self, chance: Chance, stage: &mut Stage<'_, '_>) -> Result<Follows> {
        let changes = Changes::new()
            .set(lead::STATUS, LeadStatus::Dead)
            .set(lead::REASON, chance.one_of(45, &DEAD_ENDS));
        stage.transaction.update_record(Lead::NAME, self.lead.ok_or_else(missing)?, changes)?;
        Ok(Follows::default())
    }

    /// What is said of a deal that begins.
    fn planned(&self, chance: Chance, stage: &Stage<'_, '_>) -> Result<Changes> {
        let today = stage.now.date_in(&guanxi::base::TimeZone::utc());
        let (product, _, price) = sold(chance);
        let tenths = i64::from(chance.between(47, 8, 30));
        Ok(Changes::new()
            .set(opportunity::PRODUCT, stage.firm.products.get(product).copied())
            .set(opportunity::AMOUNT, Money::cny(price.saturating_mul(tenths) / 10))
            .set(opportunity::ENGAGED_ON, today)
            .set(opportunity::EXPECTED_ON, today.plus_days(chance.between(48, 30, 90) as i32)?))
    }

    fn begin_deal(&mut self, chance: Chance, stage: &mut Stage<'_, '_>) -> Result<Follows> {
        let changes = self.planned(chance, stage)?;
        let (_, name, _) = sold(chance);
        let changes = changes.set(opportunity::TITLE, name).set(opportunity::ACCOUNT, self.account);
        let deal = stage.transaction.create_record(Opportunity::NAME, changes)?;
        if chance.comes(49, 10) {
            self.form_team(chance, stage, deal)?;
        }
        Ok(self.engage(chance, deal))
    }

    /// Gives the deal a team of its owner and somebody else.
    fn form_team(&self, chance: Chance, stage: &mut Stage<'_, '_>, deal: RecordId) -> Result<()> {
        let all = stage.firm.sellers.len() as u64;
        let other = u64::from(self.seller).saturating_add(1).saturating_add(chance.below(50, all - 1)) % all;
        let member = |seller: u8, role: &str, share: i64| {
            let user = seller_id(stage.firm, seller)?;
            Ok::<_, Error>(TeamMember {
                user,
                role: Some(role.to_owned()),
                share: Some(Decimal::from(share)),
            })
        };
        let other = u8::try_from(other).unwrap_or(0);
        let team = [member(self.seller, "负责人 Owner", 70)?, member(other, "支持 Support", 30)?];
        Ref::<Opportunity>::new(deal).set_team(stage.transaction, &team, None)
    }

    fn engage(&mut self, chance: Chance, deal: RecordId) -> Follows {
        (self.deal, self.stage) = (Some(deal), 0);
        Follows::default().then(chance.between(51, 4, 18), Step::Advance)
    }

    /// The deal goes on: through its stages, and then it is won or lost; some come to a standstill on the way.
    fn advance(&mut self, chance: Chance, stage: &mut Stage<'_, '_>) -> Result<Follows> {
        if chance.comes(52, 8) {
            return Ok(Follows::default().then(chance.between(53, 45, 60), Step::Lapse));
        }
        self.stage = self.stage.saturating_add(1);
        if let Some(next) = stage.firm.stages.get(usize::from(self.stage)).copied() {
            self.record(chance, stage, ActivityKind::Meeting, Outcome::FollowUp, Some(next))?;
            let follows = Follows::default().then(chance.between(54, 6, 28), Step::Advance);
            let follows = self.plan_task(chance, stage, follows)?;
            self.plan_event(chance, stage)?;
            return Ok(follows);
        }
        match chance.comes(55, 55) {
            true => self.win(chance, stage),
            false => self.lose(chance, stage, chance.one_of(56, &REASONS)),
        }
    }

    fn win(&mut self, chance: Chance, stage: &mut Stage<'_, '_>) -> Result<Follows> {
        let deal = self.deal.ok_or_else(missing)?;
        self.record(chance, stage, ActivityKind::Visit, Outcome::Agreed, None)?;
        Ref::<Opportunity>::new(deal).win(stage.transaction)?;
        (self.deal, self.has_bought) = (None, true);
        let follows = if chance.comes(57, 85) { later(chance) } else { Follows::default() };
        Ok(Follows { praised: chance.comes(58, 10).then_some(deal), ..follows })
    }

    fn lose(&mut self, chance: Chance, stage: &mut Stage<'_, '_>, reason: &str) -> Result<Follows> {
        self.record(chance, stage, ActivityKind::Call, Outcome::NotInterested, None)?;
        let deal = self.deal.take().ok_or_else(missing)?;
        Ref::<Opportunity>::new(deal).lose(stage.transaction, reason)?;
        Ok(if self.has_bought || chance.comes(59, 50) {
            later(chance)
        } else {
            self.left(chance, ACCOUNT_DAYS)
        })
    }

    fn care(&mut self, chance: Chance, stage: &mut Stage<'_, '_>) -> Result<Follows> {
        let kind = if chance.comes(60, 60) { ActivityKind::Call } else { ActivityKind::Mail };
        self.record(chance, stage, kind, Outcome::Reached, None)?;
        if chance.comes(61, 25) { self.begin_deal(chance, stage) } else { Ok(later(chance)) }
    }

    /// Nobody works at it any more, so it goes to the pool, and most of what is there is claimed by somebody else.
    fn left(&self, chance: Chance, days: u32) -> Follows {
        match chance.comes(62, 60) {
            true => Follows::default().then(days.saturating_add(chance.between(63, 3, 40)), Step::Claim),
            false => Follows::default(),
        }
    }

    fn claim(&mut self, chance: Chance, stage: &mut Stage<'_, '_>) -> Result<Follows> {
        if let Some(account) = self.account {
            stage.transaction.claim_record(Account::NAME, account)?;
            // The contact is still that of the one before.
            self.contact = None;
            return self.care(chance, stage);
        }
        let lead = self.lead.ok_or_else(missing)?;
        stage.transaction.claim_record(Lead::NAME, lead)?;
        self.record(chance, stage, ActivityKind::Call, Outcome::NotInterested, None)?;
        Ok(Follows::default().then(chance.between(64, 2, 9), Step::Bury))
    }

    /// Writes down what was done: with the lead, for the deal, or with the account or its contact.
    fn record(
        &self,
        chance: Chance,
        stage: &mut Stage<'_, '_>,
        kind: ActivityKind,
        outcome: Outcome,
        next: Option<RecordId>,
    ) -> Result<()> {
        let contact = self.contact.filter(|_| chance.comes(65, 30)).map(|id| (Contact::NAME, id));
        let party = self.lead.map(|id| (Lead::NAME, id));
        let party = party.or(self.deal.map(|id| (Opportunity::NAME, id))).or(contact);
        let (entity, id) = party.or(self.account.map(|id| (Account::NAME, id))).ok_or_else(missing)?;
        let subject = match kind {
            ActivityKind::Call | ActivityKind::Mail => chance.one_of(66, &CALLS),
            _ => chance.one_of(66, &MEETINGS),
        };
        let draft = Changes::new()
            .set(activity::KIND, kind)
            .set(activity::SUBJECT, subject)
            .set(activity::REGARDING, RecordReference::new(entity, id))
            .set(activity::OUTCOME, outcome)
            .set(activity::MINUTES, i64::from(chance.between(67, 5, 90)))
            .set(activity::STAGE, next);
        activity::record(stage.transaction, draft).map(|_: Ref<Activity>| ())
    }

    fn plan_task(&self, chance: Chance, stage: &mut Stage<'_, '_>, follows: Follows) -> Result<Follows> {
        let Some(account) = self.account.filter(|_| chance.comes(68, 40)) else { return Ok(follows) };
        let days = chance.between(69, 2, 8);
        let due = after(stage.now, i64::from(days));
        let draft = task::about(chance.one_of(70, &TASKS))
            .with(task::DUE_AT, due)
            .with(task::REMIND_AT, after(due, -1))
            .with(task::REGARDING, RecordReference::new(Account::NAME, account));
        let task = stage.transaction.create(draft)?.id();
        Ok(if chance.comes(71, 85) { follows.then(days, Step::Finish(task)) } else { follows })
    }

    fn plan_event(&self, chance: Chance, stage: &mut Stage<'_, '_>) -> Result<()> {
        let Some(account) = self.account.filter(|_| chance.comes(72, 25)) else { return Ok(()) };
        let begin = after(stage.now, i64::from(chance.between(73, 2, 10)));
        let end = Timestamp::from_micros(begin.micros().saturating_add(DAY / 24));
        let draft = event::between(chance.one_of(74, &MEETINGS), begin, end)
            .with(event::REGARDING, RecordReference::new(Account::NAME, account));
        stage.transaction.create(draft).map(|_: Ref<Event>| ())
    }
}

/// What is sold: its number among the products, its name and its price in yuan.
fn sold(chance: Chance) -> (usize, &'static str, i64) {
    let number = chance.below(46, PRODUCTS.len() as u64) as usize;
    let (name, price) = PRODUCTS.get(number).copied().unwrap_or_default();
    (number, name, price)
}

/// Somebody keeps in touch after a while.
fn later(chance: Chance) -> Follows {
    Follows::default().then(chance.between(75, 30, 75), Step::Care)
}

fn after(moment: Timestamp, days: i64) -> Timestamp {
    Timestamp::from_micros(moment.micros().saturating_add(days.saturating_mul(DAY)))
}

fn seller_id(firm: &Firm, seller: u8) -> Result<RecordId> {
    firm.sellers.get(usize::from(seller)).map(|seller| seller.session.user()).ok_or_else(missing)
}

fn missing() -> Error {
    Error::new(Code::ReferenceMissing).rule("a step of a story comes after those that it needs")
}
