//! Work report: what somebody did in a day or a week, counted from what is written down, and what they say of it.
//!
//! A report is a draft until it is handed in; then it is counted once more and stays as it is, until somebody else has
//! read it, or its author takes it back.

use std::sync::Arc;

use crate::base::{Code, Date, Error, Result, Value};
use crate::engine::{BeforeSave, Condition, Draft, Registrar, Save};
use crate::model::{
    Activity, ActivityKind, Opportunity, Status, Task, TaskStatus, activity, opportunity, task,
};
use crate::schema::declare::{codes, entity};
use crate::schema::{
    Choice, Columns, DateOnly, DateTime, EntityType, FieldKind, Int, RowColumn, Rows, SearchClass,
    StateMachineDefinition, Text, Transition,
};

codes! {
    /// Of how long a time a report is.
    ReportSpan {
        /// A day.
        Day = "day", "日报", "Day";
        /// A week, from Monday on.
        Week = "week", "周报", "Week";
    }
}

codes! {
    /// How far a report has come.
    ReportStatus {
        /// Its author writes it.
        Draft = "draft", "草稿", "Draft";
        /// It is handed in.
        Submitted = "submitted", "已提交", "Submitted";
        /// Somebody has read it.
        Read = "read", "已阅", "Read";
    }
}

codes! {
    /// What is counted of somebody's work.
    Counted {
        /// Calls.
        Calls = "calls", "电话", "Calls";
        /// Visits.
        Visits = "visits", "拜访", "Visits";
        /// Meetings.
        Meetings = "meetings", "会议", "Meetings";
        /// Letters and e-mails.
        Mails = "mails", "邮件", "Mails";
        /// Short messages.
        Messages = "messages", "消息", "Messages";
        /// Notes.
        Notes = "notes", "备注", "Notes";
        /// What of these had an effect.
        Effective = "effective", "有效跟进", "Effective";
        /// Tasks that were done.
        TasksDone = "tasks_done", "完成任务", "Tasks done";
        /// Deals that were won.
        DealsWon = "deals_won", "赢单", "Deals won";
    }
}

/// What was counted, and how often.
#[derive(Debug, Clone, Copy)]
pub struct CountColumns;

impl Columns for CountColumns {
    fn columns() -> Vec<RowColumn> {
        let column = |name: &str, zh: &str, en: &str, kind| RowColumn {
            name: name.to_owned(),
            label: crate::base::Label::new(zh, en),
            kind,
            required: true,
        };
        vec![
            column("what", "事项", "What", Choice::<Counted>::field_type()),
            column("count", "数量", "Count", Int::field_type()),
        ]
    }
}

entity! {
    /// What somebody did in a day or a week. Who reads the records of the author reads it, and may say that they have.
    WorkReport = ("crm", 23, "work_report", "工作报告", "Work report",
        "某人一日或一周的工作汇报；可查看其记录者可阅。", title "title", data_subject false);
    /// What it is called; the days that it is of, if not said.
    TITLE: Text = 1, "title", "标题", "Title", "报告标题；未填写时为所涉日期。", [search = Some(SearchClass::Title)];
    /// Of how long a time.
    SPAN: Choice<ReportSpan> = 2, "span", "类型", "Span", "日报或周报。", [required = true, indexed = true];
    /// The day, or the first of the week: any day of it may be said.
    FROM: DateOnly = 3, "from_day", "开始日期", "From", "所涉日期；周报可填该周任一日，将归为周一。", [required = true, indexed = true];
    /// The last day. The engine keeps it.
    TO: DateOnly = 4, "to_day", "结束日期", "To", "所涉的最后一天，由引擎维护。", [indexed = true, read_only = true];
    /// How far it has come.
    STATUS: Choice<ReportStatus> = 5, "status", "状态", "Status", "报告的进展。", [indexed = true];
    /// What was done, in words.
    DONE: Text = 6, "done", "工作内容", "Done", "所完成的工作。", [search = Some(SearchClass::Body)];
    /// What is to be done next.
    PLAN: Text = 7, "plan", "下步计划", "Plan", "接下来的计划。", [search = Some(SearchClass::Body)];
    /// What stands in the way.
    PROBLEMS: Text = 8, "problems", "问题与需求", "Problems", "遇到的问题和需要的支持。", [search = Some(SearchClass::Body)];
    /// What was counted of the author's work in these days. The engine keeps it.
    COUNTS: Rows<CountColumns> = 9, "counts", "工作统计", "Counts", "所涉期间的工作统计，由引擎维护。", [read_only = true];
    /// When it was counted last. The engine keeps it.
    COUNTED_AT: DateTime = 10, "counted_at", "统计时间", "Counted at", "最近一次统计的时刻，由引擎维护。", [read_only = true];
    /// When it was handed in. The engine keeps it.
    SUBMITTED_AT: DateTime = 11, "submitted_at", "提交时间", "Submitted at", "提交的时刻，由引擎维护。",
        [indexed = true, read_only = true];
    /// What stands once: the author, the span and the first day. The engine keeps it.
    KEY: Text = 12, "key", "唯一标识", "Key", "由作者、类型与开始日期构成的唯一标识，由引擎维护。", [unique = true, read_only = true];
}

/// A draft of a report on a day, or on the week of a day.
#[must_use]
pub fn of(span: ReportSpan, day: Date) -> Draft<WorkReport> {
    Draft::new().with(SPAN, span).with(FROM, day)
}

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(WorkReport::definition().in_module("work"));
    registrar.states(WorkReport::NAME, states());
    registrar.before_save(WorkReport::NAME, 100, Arc::new(CountWork));
}

fn states() -> StateMachineDefinition {
    use ReportStatus::{Draft, Read, Submitted};
    let step = |name: &str, zh: &str, en: &str, from: ReportStatus, to: ReportStatus| Transition {
        name: name.to_owned(),
        label: crate::base::Label::new(zh, en),
        from: vec![from.code().to_owned()],
        to: to.code().to_owned(),
        ..Transition::default()
    };
    StateMachineDefinition {
        namespace: "crm".to_owned(),
        name: "status".to_owned(),
        field: STATUS.name().to_owned(),
        initial: vec![Draft.code().to_owned()],
        transitions: vec![
            step("submit", "提交", "Submit", Draft, Submitted),
            step("take_back", "撤回", "Take back", Submitted, Draft),
            step("acknowledge", "标为已阅", "Acknowledge", Submitted, Read),
        ],
        locked: [Submitted, Read].map(|status| status.code().to_owned()).into(),
    }
}

/// The rule that counts what the author did, when a report is begun and when it is handed in.
struct CountWork;

impl BeforeSave for CountWork {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        self.settle_days(save)?;
        let status = save.value(STATUS)?;
        let is = |status: &Value, one: ReportStatus| status.as_text() == Some(one.code());
        if save.changes(STATUS)? {
            // Nobody reads their own report for others, and nobody takes back another's.
            let own = save.user() == Some(save.owner());
            let taken_back =
                is(&save.old_value(STATUS)?, ReportStatus::Submitted) && is(&status, ReportStatus::Draft);
            if own && is(&status, ReportStatus::Read) || !own && taken_back {
                return Err(Error::new(Code::NotPermitted)
                    .rule("its author takes it back, and somebody else reads it"));
            }
        }
        let submits = save.changes(STATUS)? && is(&status, ReportStatus::Submitted);
        if submits {
            let now = save.now();
            save.set(SUBMITTED_AT, now)?;
        }
        let over = is(&status, ReportStatus::Submitted) || is(&status, ReportStatus::Read);
        if submits || !over {
            self.count(save)?;
        }
        Ok(())
    }
}

impl CountWork {
    /// The days of a report, by what it is of.
    fn settle_days(&self, save: &mut Save<'_>) -> Result<()> {
        let (Value::Date(day), Value::Text(span)) = (save.value(FROM)?, save.value(SPAN)?) else {
            return Ok(());
        };
        let (from, to) = match span == ReportSpan::Week.code() {
            true => {
                let monday = day.plus_days(-i32::from(day.weekday().days_after_monday()))?;
                (monday, monday.plus_days(6)?)
            }
            false => (day, day),
        };
        save.set(FROM, from)?;
        save.set(TO, to)?;
        save.set(KEY, format!("{}.{span}.{from}", save.owner()))?;
        if save.value(TITLE)?.is_null() {
            let title = if from == to { from.to_string() } else { format!("{from} – {to}") };
            save.set(TITLE, title)?;
        }
        Ok(())
    }

    fn count(&self, save: &mut Save<'_>) -> Result<()> {
        let (Value::Date(from), Value::Date(to)) = (save.value(FROM)?, save.value(TO)?) else {
            return Ok(());
        };
        let mut rows = Vec::new();
        for (what, _, _, _) in <Counted as crate::schema::Codes>::ALL {
            let (entity, met) = met(save, *what, (from, to))?;
            let count = i64::try_from(save.count_owned(entity, save.owner(), &met)?).unwrap_or(i64::MAX);
            if count > 0 {
                let cells = [("what", Value::from(*what)), ("count", Value::Int(count))];
                rows.push(Value::Map(cells.map(|(name, cell)| (name.to_owned(), cell)).into()));
            }
        }
        let counts = if rows.is_empty() { Value::Null } else { Value::List(rows) };
        if counts != save.value(COUNTS)? || save.value(COUNTED_AT)?.is_null() {
            let now = save.now();
            save.set(COUNTS, counts)?;
            save.set(COUNTED_AT, now)?;
        }
        Ok(())
    }
}

/// The records of the author that count as something.
fn met(save: &Save<'_>, what: Counted, (from, to): (Date, Date)) -> Result<(&'static str, Condition)> {
    let zone = save.zone()?;
    let (begin, end) = (from.start_in(&zone)?, to.plus_days(1)?.start_in(&zone)?);
    let done = |more: Condition| {
        let days = vec![activity::AT.at_least(begin), activity::AT.below(end)];
        (Activity::NAME, Condition::All([days, vec![more]].concat()))
    };
    let kind = |kind: ActivityKind| done(activity::KIND.is(kind));
    Ok(match what {
        Counted::Calls => kind(ActivityKind::Call),
        Counted::Visits => kind(ActivityKind::Visit),
        Counted::Meetings => kind(ActivityKind::Meeting),
        Counted::Mails => kind(ActivityKind::Mail),
        Counted::Messages => kind(ActivityKind::Message),
        Counted::Notes => kind(ActivityKind::Note),
        Counted::Effective => done(activity::EFFECTIVE.is(true)),
        Counted::TasksDone => {
            let days = vec![task::DONE_AT.at_least(begin), task::DONE_AT.below(end)];
            (Task::NAME, Condition::All([days, vec![task::STATUS.is(TaskStatus::Done)]].concat()))
        }
        Counted::DealsWon => {
            let days =
                vec![opportunity::CLOSED_ON.at_least(from), opportunity::CLOSED_ON.below(to.plus_days(1)?)];
            (Opportunity::NAME, Condition::All([days, vec![opportunity::STATUS.is(Status::Won)]].concat()))
        }
    })
}
