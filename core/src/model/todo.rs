//! The to-do list of a person: what waits for them, by ten kinds, each the most urgent first.

use crate::base::{Code, Result, Timestamp, Value};
use crate::engine::{Comparison, Condition, Direction, FieldSelector, Find, Listing, Session};
use crate::model::{
    Account, Event, Lead, LeadStatus, Opportunity, Status, Task, TaskStatus, account, event, lead,
    opportunity, task,
};
use crate::schema::EntityType;
use crate::schema::declare::codes;

/// Most rows of each kind.
const MAX_ROWS: usize = 100;
/// Days ahead of which somebody is told that a record goes back to its pool.
const DAYS_AHEAD: i64 = 7;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

codes! {
    /// What waits for somebody.
    TodoKind {
        /// Tasks whose time is over.
        OverdueTasks = "overdue_tasks", "逾期任务", "Overdue tasks";
        /// Tasks that are due today.
        TasksToday = "tasks_today", "今日任务", "Tasks for today";
        /// Tasks of which one was reminded.
        Reminders = "reminders", "提醒", "Reminders";
        /// Events of today, but for those that come again.
        EventsToday = "events_today", "今日日程", "Events of today";
        /// Leads to be contacted by the end of today.
        LeadsToContact = "leads_to_contact", "今日待联系线索", "Leads to contact";
        /// Leads that nobody has contacted yet.
        NewLeads = "new_leads", "待首次跟进线索", "New leads";
        /// Leads that go back to their pool within a week.
        LeadsGoingBack = "leads_going_back", "即将收回的线索", "Leads going back";
        /// Accounts that go back to their pool within a week.
        AccountsGoingBack = "accounts_going_back", "即将收回的客户", "Accounts going back";
        /// Open deals that were to close before today.
        OverdueDeals = "overdue_deals", "逾期未成交商机", "Overdue deals";
        /// Open deals that have been in their stage for too long.
        StagnantDeals = "stagnant_deals", "停滞商机", "Stagnant deals";
    }
}

/// What of one kind waits for somebody.
#[derive(Debug)]
pub struct Todo {
    /// The kind.
    pub kind: TodoKind,
    /// The entity of the records.
    pub entity: &'static str,
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub rows: Vec<Listing>,
}

/// The bounds of a day.
struct Day {
    now: Timestamp,
    begin: Timestamp,
    end: Timestamp,
    today: crate::base::Date,
}

impl TodoKind {
    /// The entity of its records.
    #[must_use]
    pub fn entity(self) -> &'static str {
        match self {
            Self::OverdueTasks | Self::TasksToday | Self::Reminders => Task::NAME,
            Self::EventsToday => Event::NAME,
            Self::LeadsToContact | Self::NewLeads | Self::LeadsGoingBack => Lead::NAME,
            Self::AccountsGoingBack => Account::NAME,
            Self::OverdueDeals | Self::StagnantDeals => Opportunity::NAME,
        }
    }

    /// What meets it, and by what it is sorted.
    fn met(self, day: &Day) -> (Vec<Condition>, FieldSelector) {
        let unfinished = || task::STATUS.is_one_of([TaskStatus::Open, TaskStatus::InProgress]);
        let open = || opportunity::STATUS.is(Status::Open);
        let soon = Timestamp::from_micros(day.now.micros().saturating_add(DAYS_AHEAD.saturating_mul(DAY)));
        match self {
            Self::OverdueTasks => (vec![unfinished(), task::DUE_AT.below(day.now)], task::DUE_AT.into()),
            Self::TasksToday => (
                vec![unfinished(), task::DUE_AT.at_least(day.now), task::DUE_AT.below(day.end)],
                task::DUE_AT.into(),
            ),
            Self::Reminders => (
                vec![unfinished(), Condition::Not(Box::new(task::REMINDED_AT.is_empty()))],
                task::REMINDED_AT.into(),
            ),
            Self::EventsToday => (
                vec![
                    event::STARTS_AT.below(day.end),
                    event::ENDS_AT.at_least(day.begin),
                    event::REPEATS.is(false),
                ],
                event::STARTS_AT.into(),
            ),
            // A lead that is over is locked, so nobody could take it from the list.
            Self::LeadsToContact => (
                vec![
                    lead::NEXT_CONTACT_AT.below(day.end),
                    Condition::Not(Box::new(lead::STATUS.is_one_of(lead::OVER))),
                ],
                lead::NEXT_CONTACT_AT.into(),
            ),
            Self::NewLeads => (
                vec![lead::STATUS.is_one_of([LeadStatus::New, LeadStatus::Assigned])],
                FieldSelector::from("created_at"),
            ),
            Self::LeadsGoingBack => (vec![lead::RECYCLE_AT.below(soon)], lead::RECYCLE_AT.into()),
            Self::AccountsGoingBack => (vec![account::RECYCLE_AT.below(soon)], account::RECYCLE_AT.into()),
            Self::OverdueDeals => {
                (vec![open(), opportunity::EXPECTED_ON.below(day.today)], opportunity::EXPECTED_ON.into())
            }
            Self::StagnantDeals => {
                (vec![open(), opportunity::STAGNANT_AT.below(day.now)], opportunity::STAGNANT_AT.into())
            }
        }
    }
}

impl Session {
    /// What waits for the user who is signed in: what they own alone, as far as they see it, each kind with its number
    /// and its first rows, at most 100. Kinds of which nothing waits, or whose entity or fields the user does not read,
    /// are left out. Today is that of the organisation's zone.
    ///
    /// # Errors
    /// As [`crate::engine::Reader::find`].
    pub fn todo(&self, rows: usize) -> Result<Vec<Todo>> {
        let zone = self.crm().settings().zone()?;
        let now = self.crm().now();
        let today = now.date_in(&zone);
        let (begin, end) = (today.start_in(&zone)?, today.plus_days(1)?.start_in(&zone)?);
        let day = Day { now, begin, end, today };
        let kinds = <TodoKind as crate::schema::Codes>::ALL.iter().map(|(kind, ..)| *kind);
        self.read(|reader| {
            let mut found = Vec::new();
            for kind in kinds {
                if !reader.may(kind.entity(), crate::engine::Action::Read) {
                    continue;
                }
                let (met, by) = kind.met(&day);
                let mine = Condition::Compare("owner".into(), Comparison::Equal, Value::Id(self.user()));
                let filter = Condition::All([vec![mine], met].concat());
                let count = match reader.count(kind.entity(), &filter) {
                    // By what is hidden from the user, or masked, nothing is told to wait.
                    Err(error) if matches!(error.code(), Code::UnknownField | Code::FieldNotPermitted) => 0,
                    count => count?,
                };
                if count > 0 {
                    let sort = vec![(by, Direction::Ascending)];
                    let find = Find { filter, sort, limit: rows.clamp(1, MAX_ROWS), ..Find::default() };
                    let rows = reader.find(kind.entity(), &find)?.rows;
                    found.push(Todo { kind, entity: kind.entity(), count, rows });
                }
            }
            Ok(found)
        })
    }
}
