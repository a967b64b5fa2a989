//! Transfer: accounts that go to somebody else, with what goes along, and what the one before keeps.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Code, Error, RecordId, Result, Timestamp, Value};
use crate::engine::{
    Bulk, BulkDone, BulkOutcome, Changes, Comparison, Condition, Find, Listing, MAX_BULK, NewShare,
    Selection, Session, ShareLevel, Sharee, Transaction,
};
use crate::model::{
    Account, Contact, Event, Opportunity, Status, Task, TaskStatus, contact, event, opportunity, task,
};
use crate::schema::declare::codes;
use crate::schema::{EntityType, RecordReference};

/// Most records of one kind that go along with one account.
const MAX_ALONG: usize = 1_000;

codes! {
    /// What goes along with an account.
    Along {
        /// Its contacts.
        Contacts = "contacts", "联系人", "Contacts";
        /// Deals that are open.
        OpenOpportunities = "open_opportunities", "进行中的商机", "Open deals";
        /// Deals that are closed.
        ClosedOpportunities = "closed_opportunities", "已关闭的商机", "Closed deals";
        /// Tasks about it that are not done.
        OpenTasks = "open_tasks", "未完成的任务", "Open tasks";
        /// Events about it that are still to come.
        FutureEvents = "future_events", "将来的日程", "Future events";
    }
}

impl Along {
    /// The entity of what goes along.
    #[must_use]
    pub fn entity(self) -> &'static str {
        match self {
            Self::Contacts => Contact::NAME,
            Self::OpenOpportunities | Self::ClosedOpportunities => Opportunity::NAME,
            Self::OpenTasks => Task::NAME,
            Self::FutureEvents => Event::NAME,
        }
    }

    /// What of an account's goes along: that alone which was of the same owner.
    fn of(self, account: RecordId, owner: RecordId, now: Timestamp) -> Condition {
        let about = || RecordReference::new(Account::NAME, account);
        let met = match self {
            Self::Contacts => vec![contact::ACCOUNT.is(account)],
            Self::OpenOpportunities => {
                vec![opportunity::ACCOUNT.is(account), opportunity::STATUS.is(Status::Open)]
            }
            Self::ClosedOpportunities => {
                vec![opportunity::ACCOUNT.is(account), opportunity::STATUS.is_not(Status::Open)]
            }
            Self::OpenTasks => vec![
                task::REGARDING.is(about()),
                task::STATUS.is_one_of([TaskStatus::Open, TaskStatus::InProgress]),
            ],
            Self::FutureEvents => vec![
                event::REGARDING.is(about()),
                Condition::Any(vec![event::STARTS_AT.at_least(now), event::REPEATS.is(true)]),
            ],
        };
        let owned = Condition::Compare("owner".into(), Comparison::Equal, Value::Id(owner));
        Condition::All([met, vec![owned]].concat())
    }
}

/// To whom accounts go, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// Who gets them.
    pub to: RecordId,
    /// What goes along, as far as it is of the same owner.
    pub along: BTreeSet<Along>,
    /// What the owner before may still do, and until when; nothing if not said.
    pub keeps: Option<(ShareLevel, Option<Timestamp>)>,
}

/// What a transfer would move.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransferPreview {
    /// How many accounts there are that are not the one's already.
    pub accounts: u64,
    /// How many records of each kind would go along.
    pub along: BTreeMap<Along, u64>,
    /// Whether there are more accounts than one call moves; those beyond are not counted.
    pub more: bool,
}

impl Session {
    /// Gives accounts to somebody else, each in one piece with what goes along; one for which that cannot be done stays
    /// as it is, with its error: locked, out of reach, beyond the room that a pool's policy leaves, or with more than
    /// 1,000 records of one kind. It goes in chunks
    /// as [`Session::bulk_update`] does, is gone on with by the cursor, and is taken back by
    /// [`Session::undo_bulk`].
    ///
    /// # Errors
    /// As [`Session::bulk_update`].
    pub fn transfer(&self, accounts: &Selection, transfer: &Transfer, bulk: &Bulk) -> Result<BulkOutcome> {
        self.bulk_each(Account::NAME, accounts, bulk, "transfer", &|transaction, _, account| {
            hand_over(transaction, account, transfer)
        })
    }

    /// What a transfer would move, as far as the user sees it. Nothing is changed.
    ///
    /// # Errors
    /// As [`crate::engine::Reader::find`].
    pub fn preview_transfer(&self, accounts: &Selection, transfer: &Transfer) -> Result<TransferPreview> {
        let mut preview = TransferPreview::default();
        let now = self.crm().now();
        for (account, owner) in self.accounts_of(accounts, &mut preview.more)? {
            if owner == transfer.to {
                continue;
            }
            preview.accounts = preview.accounts.saturating_add(1);
            for kind in &transfer.along {
                let count = self.count(kind.entity(), &kind.of(account, owner, now))?;
                let sum = preview.along.entry(*kind).or_default();
                *sum = sum.saturating_add(count);
            }
            self.patience().check()?;
        }
        Ok(preview)
    }

    /// Accounts with their owners, at most as many as one call moves.
    fn accounts_of(&self, accounts: &Selection, more: &mut bool) -> Result<Vec<(RecordId, RecordId)>> {
        let owner = |row: &Listing| (row.record.id, row.record.envelope.owner);
        let filter = match accounts {
            Selection::Matching(condition) => condition.clone(),
            Selection::Ids(ids) => {
                *more = ids.len() > MAX_BULK;
                let seen = ids.iter().take(MAX_BULK).map(|id| self.get(Account::NAME, *id));
                let is_unseen = |error: &Error| error.code() == Code::RecordNotFound;
                let seen = seen.filter(|row| !row.as_ref().is_err_and(is_unseen));
                return seen.map(|row| row.map(|row| owner(&row))).collect();
            }
        };
        let mut find = Find { filter, limit: MAX_ALONG, ..Find::default() };
        let mut found = Vec::new();
        loop {
            let page = self.list(Account::NAME, &find)?;
            found.extend(page.rows.iter().map(owner));
            *more = page.next.is_some();
            match page.next {
                Some(next) if found.len() < MAX_BULK => find.after = Some(next),
                _ => return Ok(found),
            }
        }
    }
}

/// Gives one account to somebody else.
fn hand_over(transaction: &mut Transaction<'_>, account: RecordId, transfer: &Transfer) -> Result<BulkDone> {
    let row = transaction.get_record(Account::NAME, account)?;
    let before = row.record.envelope.owner;
    if before == transfer.to {
        return Ok(BulkDone::Unchanged);
    }
    // What goes along is found while it is still seen by its owner's ways.
    let now = transaction.now();
    let mut along = Vec::new();
    for kind in &transfer.along {
        let find = Find { filter: kind.of(account, before, now), limit: MAX_ALONG, ..Find::default() };
        let page = transaction.reader().find(kind.entity(), &find)?;
        if page.next.is_some() {
            let full = Error::new(Code::LimitExceeded).entity(kind.entity()).record(account);
            return Err(full.rule("records that go along <= 1000 of a kind"));
        }
        along.extend(page.rows.iter().map(|row| (kind.entity(), row.record.id)));
    }
    let owner = || Changes::new().owner(transfer.to);
    transaction.update_record(Account::NAME, account, owner())?;
    for (entity, record) in along {
        transaction.update_record(entity, record, owner())?;
    }
    if let (Some((level, until)), false) = (transfer.keeps, transaction.is_pool(before)) {
        let share = NewShare { until, ..NewShare::new(Sharee::User(before), level) };
        transaction.share_record(Account::NAME, account, &share)?;
    }
    Ok(BulkDone::Updated)
}
