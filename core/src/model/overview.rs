//! The whole of an account at one look: what it is, who belongs to it, what is under way and what has come of it, with
//! totals, of the account alone or of all its group.
//!
//! All of it is read from one view of the database, so that the panels belong together; each panel has what its reader
//! may see of it, and one of which the reader may see nothing at all is not there.

use std::collections::BTreeSet;

use crate::base::{Code, Decimal, Error, Money, RecordId, Result, Timestamp, Value};
use crate::engine::{Action, Condition, Direction, FieldSelector, Find, Listing, Page, Reader, Session};
use crate::model::forecast::Sums;
use crate::model::{
    Account, Activity, Contact, Event, Lead, Opportunity, Status, Task, TaskStatus, account, activity,
    contact, event, lead, opportunity, task,
};
use crate::schema::declare::codes;
use crate::schema::{Codes, EntityType, RecordReference};

/// Most accounts of a group that are looked at.
const MAX_GROUP: usize = 500;
/// Most rows of a panel.
const MAX_ROWS: usize = 50;

codes! {
    /// A part of the whole.
    PanelKind {
        /// Who speaks for it.
        Contacts = "contacts", "联系人", "Contacts";
        /// The accounts right below it.
        Subsidiaries = "subsidiaries", "下级单位", "Subsidiaries";
        /// Deals under way, with their amounts.
        OpenDeals = "open_deals", "进行中商机", "Open deals";
        /// Deals that were won, with their amounts.
        WonDeals = "won_deals", "已赢单商机", "Won deals";
        /// Deals that were lost.
        LostDeals = "lost_deals", "已输单商机", "Lost deals";
        /// What was done, the newest first.
        Activities = "activities", "跟进记录", "Activities";
        /// What is to be done.
        OpenTasks = "open_tasks", "未完成任务", "Open tasks";
        /// What is still to come.
        ComingEvents = "coming_events", "将来的日程", "Coming events";
        /// The leads that became it.
        Leads = "leads", "来源线索", "Leads";
    }
}

/// One part, with what its reader may see.
#[derive(Debug)]
pub struct Panel {
    /// Which.
    pub kind: PanelKind,
    /// The entity of its rows.
    pub entity: &'static str,
    /// How many there are.
    pub count: u64,
    /// What their amounts come to, by currency, where they have some.
    pub totals: Vec<Money>,
    /// The first of them.
    pub rows: Vec<Listing>,
}

/// An account at one look.
#[derive(Debug)]
pub struct Overview {
    /// The account.
    pub account: Listing,
    /// The accounts that it is of: the account, and all below it where the group was asked for and the reader sees them.
    pub accounts: Vec<RecordId>,
    /// The parts.
    pub panels: Vec<Panel>,
}

impl PanelKind {
    /// The entity of its rows.
    #[must_use]
    pub fn entity(self) -> &'static str {
        match self {
            Self::Contacts => Contact::NAME,
            Self::Subsidiaries => Account::NAME,
            Self::OpenDeals | Self::WonDeals | Self::LostDeals => Opportunity::NAME,
            Self::Activities => Activity::NAME,
            Self::OpenTasks => Task::NAME,
            Self::ComingEvents => Event::NAME,
            Self::Leads => Lead::NAME,
        }
    }

    /// What belongs to it, and in which order.
    fn met(self, accounts: &[RecordId], now: Timestamp) -> (Vec<Condition>, (FieldSelector, Direction)) {
        let ids = || accounts.iter().copied();
        let parties = || ids().map(|id| RecordReference::new(Account::NAME, id));
        let deals =
            |status: Status| vec![opportunity::ACCOUNT.is_one_of(ids()), opportunity::STATUS.is(status)];
        match self {
            Self::Contacts => (vec![contact::ACCOUNT.is_one_of(ids())], contact::NAME.ascending()),
            Self::Subsidiaries => (vec![account::PARENT.is_one_of(ids())], account::NAME.ascending()),
            Self::OpenDeals => (deals(Status::Open), opportunity::EXPECTED_ON.ascending()),
            Self::WonDeals => (deals(Status::Won), opportunity::CLOSED_ON.descending()),
            Self::LostDeals => (deals(Status::Lost), opportunity::CLOSED_ON.descending()),
            Self::Activities => (vec![activity::ACCOUNT.is_one_of(ids())], activity::AT.descending()),
            Self::OpenTasks => {
                let unfinished = task::STATUS.is_one_of([TaskStatus::Open, TaskStatus::InProgress]);
                (vec![task::REGARDING.is_one_of(parties()), unfinished], task::DUE_AT.ascending())
            }
            Self::ComingEvents => {
                let coming = Condition::Any(vec![event::STARTS_AT.at_least(now), event::REPEATS.is(true)]);
                (vec![event::REGARDING.is_one_of(parties()), coming], event::STARTS_AT.ascending())
            }
            Self::Leads => (vec![lead::ACCOUNT.is_one_of(ids())], lead::CONVERTED_AT.descending()),
        }
    }

    fn has_amounts(self) -> bool {
        self.entity() == Opportunity::NAME
    }
}

impl Session {
    /// An account at one look, from one view of the database: each part with its number, its totals and its first rows,
    /// at most 50, as far as the user sees them. Parts of entities or fields that the user does not read are left out.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`; `input.limit_exceeded` for a group of more than 500 accounts.
    pub fn overview(&self, account: RecordId, with_group: bool, rows: usize) -> Result<Overview> {
        self.read(|reader| {
            let row = reader.get(Account::NAME, account)?;
            let accounts = if with_group { group_of(&reader, account)? } else { vec![account] };
            let now = self.crm().now();
            let panels = <PanelKind as Codes>::ALL.iter().map(|(kind, ..)| {
                let panel = panel(&reader, *kind, (&accounts, now), rows.clamp(1, MAX_ROWS));
                unless_hidden(panel)
            });
            let panels = panels.filter_map(Result::transpose).collect::<Result<_>>()?;
            Ok(Overview { account: row, accounts, panels })
        })
    }

    /// What was done with an account and all accounts below it that the user sees, with their contacts and for their
    /// deals, newest first. Each is seen by who may see that activity.
    ///
    /// # Errors
    /// As [`Session::overview`]; as [`Reader::find`].
    pub fn group_timeline(&self, account: RecordId, find: Find) -> Result<Page> {
        self.read(|reader| {
            reader.get(Account::NAME, account)?;
            let of_group = activity::ACCOUNT.is_one_of(group_of(&reader, account)?);
            let filter = Condition::All(vec![of_group, find.filter]);
            reader.find(Activity::NAME, &Find { filter, sort: vec![activity::AT.descending()], ..find })
        })
    }
}

/// An account and those below it that the reader sees.
fn group_of(reader: &Reader<'_>, account: RecordId) -> Result<Vec<RecordId>> {
    let find = Find { filter: account::PARENT.under(account), limit: MAX_GROUP, ..Find::default() };
    let page = reader.find(Account::NAME, &find)?;
    if page.next.is_some() {
        let full = Error::new(Code::LimitExceeded).entity(Account::NAME).record(account);
        return Err(full.rule("accounts of a group <= 500"));
    }
    let group: BTreeSet<RecordId> = page.rows.iter().map(|row| row.record.id).chain([account]).collect();
    Ok(group.into_iter().collect())
}

fn panel(
    reader: &Reader<'_>,
    kind: PanelKind,
    (accounts, now): (&[RecordId], Timestamp),
    rows: usize,
) -> Result<Option<Panel>> {
    let entity = kind.entity();
    if !reader.may(entity, Action::Read) {
        return Ok(None);
    }
    let (met, order) = kind.met(accounts, now);
    let filter = Condition::All(met);
    let (count, totals) = match kind.has_amounts() {
        true => amounts(reader, &filter)?,
        false => (reader.count(entity, &filter)?, Sums::default()),
    };
    let find = Find { filter, sort: vec![order], limit: rows, ..Find::default() };
    let rows = if count > 0 { reader.find(entity, &find)?.rows } else { Vec::new() };
    Ok(Some(Panel { kind, entity, count, totals: totals.rounded(), rows }))
}

/// How many deals there are, and what the amounts come to that the reader sees.
fn amounts(reader: &Reader<'_>, filter: &Condition) -> Result<(u64, Sums)> {
    let (mut count, mut sums) = (0_u64, Sums::default());
    reader.scan(Opportunity::NAME, filter, &mut |deal| {
        count = count.saturating_add(1);
        match deal.value(opportunity::AMOUNT)? {
            Value::Money(amount) => sums.add(amount, Decimal::from(1)),
            _ => Ok(()),
        }
    })?;
    Ok((count, sums))
}

/// A part by whose fields the reader may not ask is not there.
fn unless_hidden(panel: Result<Option<Panel>>) -> Result<Option<Panel>> {
    match panel {
        Err(error)
            if matches!(error.code(), Code::UnknownField | Code::FieldNotPermitted | Code::ModuleOff) =>
        {
            Ok(None)
        }
        panel => panel,
    }
}
