//! Works at a demo world without end, in several threads, and prints each acknowledgement: the soak kills it.
//!
//! Called with the database. Sellers convert leads, record activities and win deals in their own right; beside them
//! due work is done, accounts change hands, and a director looks at all of it. Of the store every few commits fail as
//! if another process had been faster.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::mpsc;
use std::thread;

use guanxi::base::Date;
use guanxi::engine::{Bulk, Find, Selection, User};
use guanxi::features::reports::Bucket;
use guanxi::model::activity::{self, Outcome};
use guanxi::model::lead::{self, Conversion};
use guanxi::model::{
    Account, Activity, ActivityKind, ForecastOf, Lead, LeadStatus, Opportunity, Transfer, opportunity,
};
use guanxi::schema::{EntityType, RecordReference};
use guanxi::{Changes, Code, Condition, Crm, Error, Money, RecordId, Ref, Result, Session};
use guanxi_tests::{ADMIN, options};

/// Every so many commits one fails as if somebody else had been faster.
const CONFLICTS: u64 = 7;
/// How many sellers work.
const SELLERS: usize = 3;
/// What one is told of a record that is another's in the meantime.
const OF_ANOTHER: [Code; 3] = [Code::RecordNotFound, Code::NotPermitted, Code::ReferenceMissing];
/// Accounts that change hands at once.
const MOVED: usize = 5;

fn main() -> Result<()> {
    let missing = || Error::new(Code::MissingParameter).field("database");
    let path = std::env::args().nth(1).ok_or_else(missing)?;
    let crm = options().conflict_every(CONFLICTS).open(&path)?;
    let admin = crm.session_for(ADMIN)?;
    let sellers = sellers(&crm, &admin)?;
    tell("open", admin.user())?;
    let (ended, end) = mpsc::channel();
    for seller in sellers.clone() {
        let ended = ended.clone();
        thread::spawn(move || ended.send(without_end(|turn| sell(&seller, turn))));
    }
    thread::spawn(move || ended.send(without_end(|turn| administer(&admin, &sellers, turn))));
    // Nobody ends unless something is wrong.
    end.recv().map_err(|_| Error::new(Code::Cancelled))?
}

/// Says that something is durable.
fn tell(what: &str, id: RecordId) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{what} {id}")?;
    Ok(output.flush()?)
}

/// Works on and on. What was another's in the meantime is no fault.
fn without_end(mut work: impl FnMut(u64) -> Result<()>) -> Result<()> {
    for turn in 0.. {
        match work(turn) {
            Err(error) if !OF_ANOTHER.contains(&error.code()) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Those who own most.
fn sellers(crm: &Crm, admin: &Session) -> Result<Vec<Session>> {
    let mut owned: BTreeMap<RecordId, usize> = BTreeMap::new();
    for row in admin.list(Account::NAME, &Find { limit: 1_000, ..Find::default() })?.rows {
        let count = owned.entry(row.record.envelope.owner).or_default();
        *count = count.saturating_add(1);
    }
    let mut owners: Vec<(usize, RecordId)> = owned.into_iter().map(|(owner, count)| (count, owner)).collect();
    owners.sort_unstable();
    let people = owners.iter().rev().filter_map(|(_, owner)| admin.get(User::NAME, *owner).ok());
    people.take(SELLERS).map(|person| crm.session_for(&person.title())).collect()
}

fn call(party: RecordReference) -> Changes {
    Changes::new()
        .set(activity::KIND, ActivityKind::Call)
        .set(activity::SUBJECT, "回访 follow-up")
        .set(activity::OUTCOME, Outcome::Reached)
        .set(activity::REGARDING, party)
}

/// An account of one's own, another one in each turn.
fn own_account(seller: &Session, turn: u64) -> Result<RecordId> {
    let mine = Condition::Compare("owner".into(), guanxi::engine::Comparison::Equal, seller.user().into());
    let rows = seller.list(Account::NAME, &Find { filter: mine, limit: 20, ..Find::default() })?.rows;
    let place = turn.checked_rem(rows.len() as u64).and_then(|place| usize::try_from(place).ok());
    let found = place.and_then(|place| rows.get(place));
    found.map(|row| row.record.id).ok_or_else(|| Error::new(Code::RecordNotFound))
}

fn sell(seller: &Session, turn: u64) -> Result<()> {
    match turn % 4 {
        0 => {
            let lead = seller.write(|transaction| {
                let named = lead::named("林浸").with(lead::STATUS, LeadStatus::Assigned);
                let lead: Ref<Lead> = transaction.create(named.with(lead::BUDGET, Money::cny(1_800)))?;
                activity::record(transaction, call(RecordReference::to(lead)))?;
                Ok(lead)
            })?;
            let anew = Conversion { make_anew: true, ..Conversion::default() };
            seller.write(|transaction| lead.convert(transaction, &anew))?;
            tell("converted", lead.id())
        }
        1 => {
            let party = RecordReference::new(Account::NAME, own_account(seller, turn)?);
            let made: Ref<Activity> =
                seller.write(|transaction| activity::record(transaction, call(party.clone())))?;
            tell("recorded", made.id())
        }
        2 => {
            let account = own_account(seller, turn)?;
            let deal: Ref<Opportunity> = seller.write(|transaction| {
                let draft = opportunity::titled("浸泡 soak").with(opportunity::ACCOUNT, account);
                transaction.create(draft.with(opportunity::AMOUNT, Money::cny(100)))
            })?;
            seller.write(|transaction| deal.win(transaction))?;
            tell("won", deal.id())
        }
        _ => {
            seller.todo(10)?;
            seller.overview(own_account(seller, turn)?, true, 10)?;
            seller.search("贸易", None, 5, 0).map(drop)
        }
    }
}

fn administer(admin: &Session, sellers: &[Session], turn: u64) -> Result<()> {
    admin.tick(0)?;
    let day = |text: &str| text.parse::<Date>();
    let of = ForecastOf {
        from: day("2026-01-01")?,
        to: day("2026-12-31")?,
        bucket: Bucket::Month,
        by_person: true,
        filter: Condition::Everything,
    };
    admin.forecast(&of)?;
    admin.report(&opportunity::by_stage())?;
    let [from, to, ..] = sellers else { return Ok(()) };
    let (from, to) = if turn.is_multiple_of(2) { (from, to) } else { (to, from) };
    let accounts: Vec<RecordId> =
        (0..MOVED as u64).map(|place| own_account(from, place)).collect::<Result<_>>()?;
    let along = [guanxi::model::Along::Contacts, guanxi::model::Along::OpenOpportunities].into();
    let transfer = Transfer { to: to.user(), along, keeps: None };
    admin.transfer(&Selection::Ids(accounts), &transfer, &Bulk::default()).map(drop)
}
