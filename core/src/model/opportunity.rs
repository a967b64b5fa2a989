//! Opportunity: a deal on its way through the pipeline, with the verbs that close it.

use crate::base::{Code, Error, Label, RecordId, Result, Timestamp, Value};
use crate::engine::{BeforeSave, Changes, Condition, Draft, Ref, Save, Transaction};
use crate::features::reports::{GroupBy, Measure, Report};
use crate::model::deal_team::TeamColumns;
use crate::model::{
    Account, Competitor, ForecastCategory, Pipeline, Product, Stage, account, pipeline, stage,
};
use crate::schema::declare::{codes, entity};
use crate::schema::{
    Bool, Choice, CounterDefinition, DateOnly, DateTime, EntityType, Int, MoneyAmount, OnDelete, Reference,
    Rows, SearchClass, StateMachineDefinition, Text, Transition,
};

pub use stage_change::StageChange;

codes! {
    /// What an opportunity has come to. Fixed, as in every peer; the stages between are data.
    Status {
        /// Still in the pipeline.
        Open = "open", "进行中", "Open";
        /// Won.
        Won = "won", "赢单", "Won";
        /// Lost to a competitor, or to nobody.
        Lost = "lost", "输单", "Lost";
        /// Never was a deal.
        Void = "void", "作废", "Void";
    }
}

entity! {
    /// A deal on its way through the pipeline, from the first contact to the outcome.
    Opportunity = ("crm", 5, "opportunity", "商机", "Opportunity",
        "从初次接触到最终结果的一笔潜在交易。", title "title", data_subject false);
    /// What the deal is called in lists and reports.
    TITLE: Text = 1, "title", "商机名称", "Title",
        "列表和报表中显示的名称。",
        [required = true, search = Some(SearchClass::Title),
         synonyms = vec!["opportunity id".into(), "opportunity_id".into(), "name".into()]];
    /// Who would buy; a deal may stand before its account does.
    ACCOUNT: Reference<Account> = 2, "account", "客户", "Account",
        "拟购买的客户；客户尚未建档时可留空。", [];
    /// What would be sold.
    PRODUCT: Reference<Product> = 3, "product", "产品", "Product",
        "拟销售的商品或服务。", [];
    /// Where the deal stands in the pipeline; the first stage if nothing is said.
    STAGE: Reference<Stage> = 4, "stage", "阶段", "Stage",
        "当前所处的漏斗步骤；未指定时为第一个阶段。",
        [synonyms = vec!["deal stage".into(), "deal_stage".into()]];
    /// What the deal has come to, which follows from the stage.
    STATUS: Choice<Status> = 5, "status", "状态", "Status",
        "当前结果，由所处阶段决定。", [indexed = true, read_only = true];
    /// What the deal is expected to bring in; what it brought in once it is won.
    AMOUNT: MoneyAmount = 6, "amount", "金额", "Amount",
        "预计成交额；赢单后为实际成交额。",
        [indexed = true, synonyms = vec!["close value".into(), "close_value".into()]];
    /// The day on which work on the deal began.
    ENGAGED_ON: DateOnly = 7, "engaged_on", "跟进日期", "Engaged on",
        "开始跟进的日期。",
        [indexed = true, synonyms = vec!["engage date".into(), "engage_date".into()]];
    /// The day on which the deal was won, lost or voided.
    CLOSED_ON: DateOnly = 8, "closed_on", "成交日期", "Closed on",
        "赢单、输单或作废的日期。",
        [indexed = true, synonyms = vec!["close date".into(), "close_date".into()]];
    /// The day on which the deal is expected to close.
    EXPECTED_ON: DateOnly = 9, "expected_on", "预计成交日期", "Expected on",
        "预期完成交易的日期。", [indexed = true];
    /// Why the deal was lost or voided, in a few words.
    CLOSE_REASON: Text = 10, "close_reason", "关闭原因", "Close reason",
        "输单或作废的缘由，简要说明。", [search = Some(SearchClass::Body)];
    /// The moment at which the deal came to its present stage. The engine keeps it.
    STAGE_SINCE: DateTime = 11, "stage_since", "进入阶段时间", "Stage since",
        "转入当前阶段的时刻，由引擎维护。", [read_only = true];
    /// Whatever else is known and has no field of its own.
    NOTE: Text = 12, "note", "备注", "Note",
        "其他没有专门字段的情况。", [search = Some(SearchClass::Body)];
    /// When somebody last followed it up with an effect. The engine keeps it.
    LAST_ACTIVITY_AT: DateTime = 13, "last_activity_at", "最近跟进时间", "Last activity",
        "最近一次有效跟进的时刻，由引擎维护。", [indexed = true, read_only = true];
    /// What is to be done next for the deal.
    NEXT_STEP: Text = 14, "next_step", "下一步", "Next step", "为推进该商机接下来要做的事。", [search = Some(SearchClass::Body)];
    /// The day by which that is to be done.
    NEXT_STEP_ON: DateOnly = 15, "next_step_on", "下一步日期", "Next step on", "下一步应完成的日期。", [indexed = true];
    /// When it is said to stagnate, if nobody works at it until then. The engine keeps it.
    STAGNANT_AT: DateTime = 16, "stagnant_at", "停滞时间", "Stagnant at", "若无跟进，将视为停滞的时刻，由引擎维护。",
        [indexed = true, read_only = true];
    /// As what it stands in a forecast while it is open; as its stage says, if not said.
    FORECAST: Choice<ForecastCategory> = 17, "forecast", "预测类别", "Forecast category",
        "进行中时在预测中的类别；未填写时以阶段的设定为准。", [indexed = true];
    /// Who works at it, and whose share of it is how large: all shares together are 100, or nobody has one.
    TEAM: Rows<TeamColumns> = 18, "team", "团队", "Team", "参与人员及其业绩分成；分成合计为 100，或均不填写。", [];
    /// When its owner is warned that it stagnates. The engine keeps it.
    STAGNATION_WARN_AT: DateTime = 19, "stagnation_warn_at", "停滞预警时间", "Warned of stagnation at",
        "预警负责人商机停滞的时刻，由引擎维护。", [read_only = true];
    /// How often the day on which it is expected to close has moved later. The engine keeps it.
    SLIPPED: Int = 20, "slipped", "延期次数", "Slipped", "预计成交日期推迟的次数，由引擎维护。",
        [indexed = true, read_only = true];
    /// The competitor to whom it was lost.
    LOST_TO: Reference<Competitor> = 21, "lost_to", "输给", "Lost to", "赢得该商机的竞争对手。",
        [on_delete = OnDelete::SetNull];
    /// The pipeline through which it goes: that of its stage, the default one if not said.
    PIPELINE: Reference<Pipeline> = 22, "pipeline", "销售管道", "Pipeline",
        "商机所经过的销售管道，与阶段所属一致；未指定时为默认管道。", [];
    /// Why it was opened again, given with the step that opens it; emptied when it closes.
    REOPEN_REASON: Text = 23, "reopen_reason", "重新打开原因", "Reason to reopen",
        "重新打开的缘由，须随该操作填写；再次关闭时清空。", [];
    /// How often it was opened again. The engine keeps it.
    REOPENED: Int = 24, "reopened", "重新打开次数", "Reopened", "关闭后又重新打开的次数，由引擎维护。", [read_only = true];
    /// Whether it is laid aside. Only what is closed is.
    ARCHIVED: Bool = 25, "archived", "已归档", "Archived", "是否已归档；仅已关闭的商机可归档。", [indexed = true];
    /// When it was laid aside. The engine keeps it.
    ARCHIVED_AT: DateTime = 26, "archived_at", "归档时间", "Archived at", "归档的时刻，由引擎维护。", [read_only = true];
}

/// One step of an opportunity from stage to stage.
pub mod stage_change {
    use super::{DateTime, Int, Opportunity, Reference, Stage, Text, entity};

    entity! {
        /// One step of an opportunity from stage to stage, written by the rule of stages and by nobody else.
        StageChange = ("crm", 6, "stage_change", "阶段变更", "Stage change",
            "商机的一次阶段推进，由阶段规则自动写入。", title "reason", data_subject false);
        /// The opportunity that moved.
        OPPORTUNITY: Reference<Opportunity> = 1, "opportunity", "商机", "Opportunity",
            "发生变更的商机。",
            [required = true, read_only = true];
        /// The stage that it left; none for the first.
        FROM: Reference<Stage> = 2, "from_stage", "原阶段", "From stage",
            "变更前所处的阶段；首次为空。", [read_only = true];
        /// The stage that it came to.
        TO: Reference<Stage> = 3, "to_stage", "新阶段", "To stage",
            "变更后所处的阶段。", [required = true, read_only = true];
        /// The moment of the step.
        AT: DateTime = 4, "at", "时间", "At",
            "发生变更的时刻。", [required = true, indexed = true, read_only = true];
        /// Whole days that it had spent in the stage before.
        DAYS: Int = 5, "days", "停留天数", "Days",
            "在前一阶段停留的整天数。", [read_only = true];
        /// Why, if a reason was given.
        REASON: Text = 6, "reason", "原因", "Reason",
            "变更时填写的缘由，可为空。", [read_only = true];
    }
}

/// How many deals there are in each stage, and their amount: the pipeline.
pub(super) fn counted_by_stage() -> CounterDefinition {
    CounterDefinition::new("crm", 1, "by_stage", &["stage"]).summing("amount")
}

/// How many deals there are of each status, and their amount.
pub(super) fn counted_by_status() -> CounterDefinition {
    CounterDefinition::new("crm", 2, "by_status", &["status"]).summing("amount")
}

/// A draft of an opportunity with a title.
#[must_use]
pub fn titled(title: &str) -> Draft<Opportunity> {
    Draft::new().with(TITLE, title)
}

impl Ref<Opportunity> {
    /// Wins the deal: it goes to the first stage whose outcome is won, closed today unless a date stands.
    ///
    /// # Errors
    /// `model.invalid_transition` unless it is open; `record.not_found`, `access.not_permitted`.
    pub fn win(self, transaction: &mut Transaction<'_>) -> Result<()> {
        self.close(transaction, Status::Won, None)
    }

    /// Loses the deal, with a reason.
    ///
    /// # Errors
    /// `model.reason_required` for an empty reason; as [`Ref::win`].
    pub fn lose(self, transaction: &mut Transaction<'_>, reason: &str) -> Result<()> {
        self.close(transaction, Status::Lost, Some(reason))
    }

    /// Voids the deal, with a reason.
    ///
    /// # Errors
    /// As [`Ref::lose`].
    pub fn void(self, transaction: &mut Transaction<'_>, reason: &str) -> Result<()> {
        self.close(transaction, Status::Void, Some(reason))
    }

    /// Opens a closed deal again, in a stage of its pipeline that is open, or in the first one. It takes the right to
    /// assign the deal, as superiors have it. The days that it was closed are a step of its history, with the reason.
    ///
    /// # Errors
    /// `model.reason_required` for an empty reason; `model.invalid_transition` unless it is closed; `access.not_permitted`,
    /// `record.not_found`; `model.stage_of_another_pipeline`.
    pub fn reopen(
        self,
        transaction: &mut Transaction<'_>,
        reason: &str,
        stage: Option<RecordId>,
    ) -> Result<()> {
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(Error::new(Code::ReasonRequired).field(REOPEN_REASON.name()));
        }
        let stage = match stage {
            Some(stage) => stage,
            None => pipeline::stage_for(transaction, self.id(), Status::Open)?,
        };
        let changes = Changes::new().set(STAGE, stage).set(REOPEN_REASON, reason);
        transaction.update_record(Opportunity::NAME, self.id(), changes).map(|_| ())
    }

    /// Lays a closed deal aside, or takes it out again. The latter takes the right to assign the deal.
    ///
    /// # Errors
    /// `model.not_closed` for a deal that is open; `record.not_found`, `access.not_permitted`.
    pub fn archive(self, transaction: &mut Transaction<'_>, archived: bool) -> Result<()> {
        let changes = Changes::new().set(ARCHIVED, archived);
        transaction.update_record(Opportunity::NAME, self.id(), changes).map(|_| ())
    }

    /// Lets an open deal go through another pipeline from now on: in a stage of it, or in its first one.
    ///
    /// # Errors
    /// `model.stage_of_another_pipeline`, `model.pipeline_inactive`; `record.locked` for a closed deal; what the stage asks
    /// for that it leaves; `record.not_found`, `access.not_permitted`.
    pub fn move_to(
        self,
        transaction: &mut Transaction<'_>,
        pipeline: Ref<Pipeline>,
        stage: Option<RecordId>,
    ) -> Result<()> {
        let mut changes = Changes::new().set(PIPELINE, pipeline.id());
        if let Some(stage) = stage {
            changes = changes.set(STAGE, stage);
        }
        transaction.update_record(Opportunity::NAME, self.id(), changes).map(|_| ())
    }

    fn close(self, transaction: &mut Transaction<'_>, outcome: Status, reason: Option<&str>) -> Result<()> {
        let stage = pipeline::stage_for(transaction, self.id(), outcome)?;
        let mut changes = Changes::new().set(STAGE, stage);
        if let Some(reason) = reason {
            changes = changes.set(CLOSE_REASON, reason.trim());
        }
        transaction.update_record(Opportunity::NAME, self.id(), changes).map(|_| ())
    }
}

/// Which status may follow which. A deal may come closed, as it does from another system.
pub(super) fn states() -> StateMachineDefinition {
    let step = |name: &str, label: Label, from: &[Status], to: Status| Transition {
        name: name.to_owned(),
        label,
        from: from.iter().map(|status| status.code().to_owned()).collect(),
        to: to.code().to_owned(),
        ..Transition::default()
    };
    let reopen = step("reopen", Label::new("重新打开", "Reopen"), &CLOSED, Status::Open);
    StateMachineDefinition {
        namespace: "crm".to_owned(),
        name: "status".to_owned(),
        field: STATUS.name().to_owned(),
        initial: [Status::Open, Status::Won, Status::Lost, Status::Void]
            .map(|one| one.code().to_owned())
            .into(),
        transitions: vec![
            step("win", Label::new("赢单", "Win"), &[Status::Open], Status::Won),
            step("lose", Label::new("输单", "Lose"), &[Status::Open], Status::Lost),
            step("void", Label::new("作废", "Void"), &[Status::Open], Status::Void),
            Transition { guard: Some(format!("{} != null", REOPEN_REASON.name())), ..reopen },
        ],
        // What may still be changed of a closed deal is finer than a locked state: see `HoldClosed`.
        locked: Vec::new(),
    }
}

/// The statuses of deals that have come to an end.
const CLOSED: [Status; 3] = [Status::Won, Status::Lost, Status::Void];

fn is_closed(status: &Value) -> bool {
    status.as_text().and_then(Status::from_code).is_some_and(|status| CLOSED.contains(&status))
}

/// The rule of closed deals: one stays as it is, but for its owner, its tags and whether it is laid aside, until
/// somebody opens it again who may, with a reason.
#[derive(Debug, Clone, Copy)]
pub(super) struct HoldClosed;

impl BeforeSave for HoldClosed {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        // A step out of a closed stage is looked at by the rule of stages.
        let steps = save.changes(STAGE)? || save.changes(STATUS)?;
        if steps || !is_closed(&save.old_value(STATUS)?) {
            return Ok(());
        }
        for field in save.said_changes() {
            if !may_change_closed(save, field)? {
                return Err(Error::new(Code::RecordLocked)
                    .field(field)
                    .rule("a closed opportunity stays as it is"));
            }
        }
        Ok(())
    }
}

/// Beside whether it is laid aside: what a deletion empties, and a pipeline or product that the deal did not name yet.
fn may_change_closed(save: &Save<'_>, field: &str) -> Result<bool> {
    Ok(match field {
        field if field == ARCHIVED.name() => true,
        field if field == PIPELINE.name() => save.old_value(PIPELINE)?.is_null(),
        field if field == PRODUCT.name() => save.old_value(PRODUCT)?.is_null(),
        field if field == LOST_TO.name() => save.value(LOST_TO)?.is_null(),
        _ => false,
    })
}

/// The rule of what is laid aside: only closed deals are, and who takes one out again may assign it.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeepArchive;

impl BeforeSave for KeepArchive {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if !save.changes(ARCHIVED)? {
            return Ok(());
        }
        if save.value(ARCHIVED)? != Value::Bool(true) {
            if save.old_value(ARCHIVED)? == Value::Bool(true) {
                save.check_user_assigns()?;
            }
            return save.set(ARCHIVED_AT, Value::Null);
        }
        if !is_closed(&save.value(STATUS)?) {
            return Err(Error::new(Code::NotClosed).field(ARCHIVED.name()));
        }
        let now = save.now();
        save.set(ARCHIVED_AT, now)
    }
}

/// The rule that keeps status, dates and history in step with the stage.
#[derive(Debug, Clone, Copy)]
pub(super) struct FollowStage;

impl BeforeSave for FollowStage {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        pipeline::settle(save)?;
        let reopens = is_closed(&save.old_value(STATUS)?) && save.changes(STAGE)?;
        let reasoned = save.changes(REOPEN_REASON)? && !save.value(REOPEN_REASON)?.is_null();
        if reasoned && !reopens && !save.is_new() {
            let wrong = Error::new(Code::InvalidTransition).field(REOPEN_REASON.name());
            return Err(wrong.rule("only what is closed is opened again"));
        }
        if save.changes(STAGE)? {
            self.enter_stage(save)?;
        }
        if save.changes(STAGE)? || save.changes(LAST_ACTIVITY_AT)? {
            let stagnant = self.stagnant_at(save)?;
            save.set(STAGNANT_AT, stagnant)?;
            save.set(STAGNATION_WARN_AT, stagnant)?;
        }
        self.count_slips(save)
    }
}

/// The rule that moves the clocks of an account on which a pool waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct MoveAccountClocks;

impl BeforeSave for MoveAccountClocks {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let Some(account) = save.value(ACCOUNT)?.as_id() else { return Ok(()) };
        let won = save.changes(STATUS)? && save.value(STATUS)?.as_text() == Some(Status::Won.code());
        if !(save.is_new() || won) || save.value_of(Account::NAME, account, account::RECYCLE_AT)?.is_null() {
            return Ok(());
        }
        let mut changes = Changes::new();
        if save.is_new() {
            changes = changes.set(account::LAST_OPPORTUNITY_AT, save.now());
        }
        if won {
            changes = changes.set(account::LAST_DEAL_AT, save.now());
        }
        save.also_update(Account::NAME, account, changes);
        Ok(())
    }
}

impl FollowStage {
    fn enter_stage(&self, save: &mut Save<'_>) -> Result<()> {
        let outcome = self.outcome(save)?;
        let reopened = is_closed(&save.old_value(STATUS)?);
        if reopened {
            self.reopen(save, outcome)?;
        } else {
            self.check_exit(save, outcome)?;
        }
        if matches!(outcome, Status::Lost | Status::Void)
            && !save.is_new()
            && save.value(CLOSE_REASON)?.is_null()
        {
            return Err(Error::new(Code::ReasonRequired).field("close_reason"));
        }
        if outcome != Status::Open {
            if save.value(CLOSED_ON)?.is_null() {
                let today = save.today()?;
                save.set(CLOSED_ON, today)?;
            }
            save.set(REOPEN_REASON, Value::Null)?;
        }
        save.set(STATUS, outcome)?;
        let now = save.now();
        if !save.is_new() {
            let reason = if reopened { REOPEN_REASON } else { CLOSE_REASON };
            let reason = save.value(reason)?;
            self.remember(save, now, reason)?;
        }
        if reopened {
            [CLOSE_REASON.name(), CLOSED_ON.name(), LOST_TO.name(), ARCHIVED.name(), ARCHIVED_AT.name()]
                .into_iter()
                .try_for_each(|field| save.set(field, Value::Null))?;
        }
        save.set(STAGE_SINCE, now)
    }

    /// A closed deal is opened again by a step to an open stage that says why, and by no other one.
    fn reopen(&self, save: &mut Save<'_>, outcome: Status) -> Result<()> {
        let reasoned = save.changes(REOPEN_REASON)? && !save.value(REOPEN_REASON)?.is_null();
        if outcome != Status::Open || !reasoned {
            let wrong = Error::new(Code::InvalidTransition).field("stage");
            return Err(wrong.rule("a closed opportunity stays closed"));
        }
        save.check_user_assigns()?;
        let Value::Int(times) = save.value(REOPENED)? else { return save.set(REOPENED, 1) };
        save.set(REOPENED, times.saturating_add(1))
    }

    /// Counts how often the day of an open deal was moved later.
    fn count_slips(&self, save: &mut Save<'_>) -> Result<()> {
        let open = save.value(STATUS)?.as_text() == Some(Status::Open.code());
        let (before, day) = (save.old_value(EXPECTED_ON)?, save.value(EXPECTED_ON)?);
        let (Value::Date(before), Value::Date(day), true) = (before, day, open) else { return Ok(()) };
        if day <= before {
            return Ok(());
        }
        let slipped = match save.value(SLIPPED)? {
            Value::Int(slipped) => slipped,
            _ => 0,
        };
        save.set(SLIPPED, slipped.saturating_add(1))
    }

    /// When an open deal stagnates in its stage, by the days that the stage has for that.
    fn stagnant_at(&self, save: &Save<'_>) -> Result<Option<Timestamp>> {
        let open = save.value(STATUS)?.as_text() == Some(Status::Open.code());
        let Some(stage) = save.value(STAGE)?.as_id().filter(|_| open) else { return Ok(None) };
        let Value::Int(days) = save.value_of(Stage::NAME, stage, stage::STAGNANT_DAYS)? else {
            return Ok(None);
        };
        let Value::DateTime(since) = save.value(STAGE_SINCE)? else { return Ok(None) };
        let worked_at = match save.value(LAST_ACTIVITY_AT)? {
            Value::DateTime(moment) => moment.max(since),
            _ => since,
        };
        let length = days.saturating_mul(86_400_000_000);
        Ok(Some(Timestamp::from_micros(worked_at.micros().saturating_add(length))))
    }

    /// A deal goes on from a stage, or is won, when it has what the stage asks for. It may be lost or voided at any time.
    fn check_exit(&self, save: &Save<'_>, outcome: Status) -> Result<()> {
        let before = save.old_value(STAGE)?.as_id();
        let Some(before) = before.filter(|_| matches!(outcome, Status::Open | Status::Won)) else {
            return Ok(());
        };
        let named = save.value_of(Stage::NAME, before, stage::EXIT_FIELDS)?;
        let named = named.as_text().unwrap_or_default().split([' ', ',', '，', '、']);
        for field in named.filter(|field| !field.is_empty()) {
            if save.value(field)?.is_null() {
                return Err(Error::new(Code::ExitCriteria).field(field).rule("exit criteria of the stage"));
            }
        }
        Ok(())
    }

    fn outcome(&self, save: &Save<'_>) -> Result<Status> {
        let missing = || Error::new(Code::ReferenceMissing).field("stage");
        let stage = save.value(STAGE)?.as_id().ok_or_else(missing)?;
        let outcome = save.value_of(Stage::NAME, stage, stage::OUTCOME)?;
        outcome.as_text().and_then(Status::from_code).ok_or_else(missing)
    }

    fn remember(&self, save: &mut Save<'_>, now: Timestamp, reason: Value) -> Result<()> {
        let days = match save.old_value(STAGE_SINCE)? {
            Value::DateTime(since) => {
                Value::Int(now.micros().saturating_sub(since.micros()) / 86_400_000_000)
            }
            _ => Value::Null,
        };
        let changes = Changes::new()
            .set(stage_change::OPPORTUNITY, save.record())
            .set(stage_change::FROM, save.old_value(STAGE)?)
            .set(stage_change::TO, save.value(STAGE)?)
            .set(stage_change::AT, now)
            .set(stage_change::DAYS, days)
            .set(stage_change::REASON, reason);
        save.also_create(StageChange::NAME, changes);
        Ok(())
    }
}

/// The pipeline: deals and amount by stage.
#[must_use]
pub fn by_stage() -> Report {
    Report {
        entity: Opportunity::NAME.to_owned(),
        filter: Condition::Everything,
        group_by: vec![GroupBy { path: vec![STAGE.into()], bucket: None }],
        measures: vec![Measure::Count, Measure::Sum(AMOUNT.into())],
    }
}

/// All deals: how many, the amount won, the win rate among closed ones, and the mean days of a won one
/// from the beginning of work to its close.
#[must_use]
pub fn totals() -> Report {
    let won = || STATUS.is(Status::Won);
    let closed = Condition::Any(vec![won(), STATUS.is(Status::Lost)]);
    Report {
        entity: Opportunity::NAME.to_owned(),
        filter: Condition::Everything,
        group_by: Vec::new(),
        measures: vec![
            Measure::Count,
            Measure::Share(won(), closed),
            Measure::MeanDays(ENGAGED_ON.into(), CLOSED_ON.into()),
        ],
    }
}

/// Deals won: how many, their amount, their mean amount, and their mean days.
#[must_use]
pub fn won() -> Report {
    Report {
        filter: STATUS.is(Status::Won),
        measures: vec![
            Measure::Count,
            Measure::Sum(AMOUNT.into()),
            Measure::Mean(AMOUNT.into()),
            Measure::MeanDays(ENGAGED_ON.into(), CLOSED_ON.into()),
        ],
        ..totals()
    }
}
