//! Task: something that somebody is to do, by when, and for whom.

use std::sync::Arc;

use crate::base::{Code, Label, RecordId, Result, Timestamp, Value};
use crate::engine::{BeforeSave, Changes, Draft, DueDone, DueWork, Listing, Registrar, Save, Transaction};
use crate::model::activity::Party;
use crate::schema::declare::{codes, entity};
use crate::schema::{
    AnyReference, Choice, DateTime, EntityType, IndexDefinition, OnDelete, RecordReference, SearchClass,
    StateMachineDefinition, Text, Transition,
};

codes! {
    /// How far a task has come.
    TaskStatus {
        /// It is to be done.
        Open = "open", "待办", "Open";
        /// Somebody is at it.
        InProgress = "in_progress", "进行中", "In progress";
        /// It is done.
        Done = "done", "已完成", "Done";
        /// It is not to be done any more.
        Cancelled = "cancelled", "已取消", "Cancelled";
    }
}

codes! {
    /// How much it matters.
    Priority {
        /// First of all.
        High = "high", "高", "High";
        /// As usual.
        Normal = "normal", "中", "Normal";
        /// When there is time.
        Low = "low", "低", "Low";
    }
}

entity! {
    /// Something that its owner is to do.
    Task = ("crm", 9, "task", "任务", "Task", "负责人需要完成的事项。", title "subject", data_subject false);
    /// What is to be done.
    SUBJECT: Text = 1, "subject", "主题", "Subject", "要完成的事项。",
        [required = true, search = Some(SearchClass::Title)];
    /// How far it has come.
    STATUS: Choice<TaskStatus> = 2, "status", "状态", "Status", "完成的进展。", [indexed = true];
    /// How much it matters.
    PRIORITY: Choice<Priority> = 3, "priority", "优先级", "Priority", "重要程度。", [];
    /// By when it is to be done.
    DUE_AT: DateTime = 4, "due_at", "截止时间", "Due at", "应完成的时刻。", [indexed = true];
    /// For whom, or for which deal.
    REGARDING: AnyReference<Party> = 5, "regarding", "关联对象", "Regarding", "任务所涉的对象。",
        [on_delete = OnDelete::Cascade];
    /// When its owner is to be reminded; emptied when that has come.
    REMIND_AT: DateTime = 6, "remind_at", "提醒时间", "Remind at", "提醒负责人的时刻；提醒后清空。", [];
    /// The moment of the last reminder that has come.
    REMINDED_AT: DateTime = 7, "reminded_at", "已提醒时间", "Reminded at", "最近一次到来的提醒时刻。", [indexed = true];
    /// When it was done. The engine keeps it.
    DONE_AT: DateTime = 8, "done_at", "完成时间", "Done at", "完成的时刻，由引擎维护。",
        [indexed = true, read_only = true];
    /// Whatever else there is to say.
    NOTE: Text = 9, "note", "说明", "Note", "补充说明。", [search = Some(SearchClass::Body)];
}

/// A draft of a task.
#[must_use]
pub fn about(subject: &str) -> Draft<Task> {
    Draft::new().with(SUBJECT, subject)
}

/// Makes a task by which the owner of a record is told something; nobody is told where tasks are switched off, or the
/// owner is no user who is there.
pub(super) fn tell_owner(
    transaction: &mut Transaction<'_>,
    told: &Label,
    record: &Listing,
    due_at: Timestamp,
) -> Result<()> {
    let subject = format!("{}{}", told.text(transaction.locale()), record.title());
    let party = RecordReference::new(&record.entity()?.api_name, record.record.id);
    tell(transaction, record.record.envelope.owner, (&subject, party), due_at)
}

/// As [`tell_owner`], for anybody.
pub(super) fn tell(
    transaction: &mut Transaction<'_>,
    owner: RecordId,
    (subject, party): (&str, RecordReference),
    due_at: Timestamp,
) -> Result<()> {
    let draft = about(subject).with(DUE_AT, due_at).with(REGARDING, party).owner(owner);
    match transaction.create(draft) {
        Err(error) if !matches!(error.code(), Code::ModuleOff | Code::ReferenceMissing) => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(Task::definition().in_module("work").with_index(todo()).with_index(by_party()));
    registrar.states(Task::NAME, states());
    registrar.before_save(Task::NAME, 100, Arc::new(KeepMoments));
    let due = IndexDefinition::of_due("crm", 2, "reminders", REMIND_AT.name());
    registrar.due(Task::NAME, due, Arc::new(Remind));
}

/// What is to be done, by when.
fn todo() -> IndexDefinition {
    IndexDefinition::new("crm", 1, "todo").rising(STATUS.name()).rising(DUE_AT.name())
}

/// All that is to be done for a party, by when.
fn by_party() -> IndexDefinition {
    IndexDefinition::new("crm", 3, "by_party").rising(REGARDING.name()).rising(DUE_AT.name())
}

fn states() -> StateMachineDefinition {
    use TaskStatus::{Cancelled, Done, InProgress, Open};
    let step = |name: &str, label: Label, from: &[TaskStatus], to: TaskStatus| Transition {
        name: name.to_owned(),
        label,
        from: from.iter().map(|status| status.code().to_owned()).collect(),
        to: to.code().to_owned(),
        ..Transition::default()
    };
    StateMachineDefinition {
        namespace: "crm".to_owned(),
        name: "status".to_owned(),
        field: STATUS.name().to_owned(),
        initial: [Open, InProgress, Done].map(|status| status.code().to_owned()).into(),
        transitions: vec![
            step("begin", Label::new("开始", "Begin"), &[Open], InProgress),
            step("finish", Label::new("完成", "Finish"), &[Open, InProgress], Done),
            step("cancel", Label::new("取消", "Cancel"), &[Open, InProgress], Cancelled),
            step("reopen", Label::new("重新打开", "Reopen"), &[Done, Cancelled], Open),
        ],
        locked: Vec::new(),
    }
}

/// The rule that keeps the moment when a task was done; of one that is over nobody is reminded.
struct KeepMoments;

impl BeforeSave for KeepMoments {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let status = save.value(STATUS)?;
        let is = |status: &Value, one: TaskStatus| status.as_text() == Some(one.code());
        let over = is(&status, TaskStatus::Done) || is(&status, TaskStatus::Cancelled);
        if over {
            save.set(REMIND_AT, Value::Null)?;
        }
        if !is(&status, TaskStatus::Done) {
            return save.set(DONE_AT, Value::Null);
        }
        if save.value(DONE_AT)?.is_null() {
            let now = save.now();
            save.set(DONE_AT, now)?;
        }
        Ok(())
    }
}

/// Notes that the moment of a reminder has come: the to-do list of its owner shows it, and watchers of the ledger see it.
struct Remind;

impl DueWork for Remind {
    fn name(&self) -> &'static str {
        "task.remind"
    }

    fn run(&self, transaction: &mut Transaction<'_>, record: RecordId) -> Result<DueDone> {
        let moment = transaction.get_record(Task::NAME, record)?.value(REMIND_AT)?;
        let changes = Changes::new().set(REMINDED_AT, moment).set(REMIND_AT, Value::Null);
        transaction.update_record(Task::NAME, record, changes)?;
        Ok(DueDone::Moved)
    }
}
