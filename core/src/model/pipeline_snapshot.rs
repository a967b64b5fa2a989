//! Snapshots of the pipeline: what open deals came to on a day, by owner, stage and category, so that later ones can be
//! held against it; and the warning of deals that stagnate.
//!
//! A schedule is due by the same mechanism as all that waits for a moment. One that is late takes one snapshot, of what
//! stands then; days that nobody ticked are not made up for, since nobody knows any more how it stood on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{
    Code, Currency, Date, Decimal, Error, Label, Money, RecordId, Result, TimeZone, Timestamp, Value,
};
use crate::engine::{BeforeSave, Changes, DueDone, DueWork, Registrar, Save, Transaction, User};
use crate::model::forecast::{ForecastCategory, Stages, Sums};
use crate::model::{Opportunity, Pipeline, Stage, Status, opportunity, pipeline, task};
use crate::schema::declare::{codes, entity};
use crate::schema::{
    Bool, Choice, DateOnly, DateTime, EntityType, IndexDefinition, Int, MoneyAmount, OnDelete, Reference,
    Text,
};

/// The cause under which snapshots are taken.
const SNAPSHOT: &str = "pipeline.snapshot";
/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

codes! {
    /// How often a snapshot is taken.
    SnapshotEvery {
        /// Each day.
        Day = "day", "每日", "Each day";
        /// Each Monday.
        Week = "week", "每周一", "Each Monday";
    }
}

entity! {
    /// When snapshots of the pipeline are taken.
    PipelineSchedule = ("crm", 21, "pipeline_schedule", "漏斗快照计划", "Snapshot schedule",
        "何时记录销售漏斗的快照。", title "name", data_subject false);
    /// What it is called.
    NAME: Text = 1, "name", "名称", "Name", "计划名称。", [required = true];
    /// How often.
    EVERY: Choice<SnapshotEvery> = 2, "every", "频率", "Every", "多久记录一次。", [required = true];
    /// At which hour of the organisation's day, from 0 to 23; 0 if not said.
    HOUR_OF_DAY: Int = 3, "hour", "时刻", "Hour", "组织时区当日的几点，0 至 23；未填写时为 0。", [];
    /// Whether any is taken; yes unless it is said.
    ACTIVE: Bool = 4, "active", "启用", "Active", "是否启用；未填写时为是。", [];
    /// When the next one is taken. The engine keeps it.
    NEXT_AT: DateTime = 5, "next_at", "下次时间", "Next at", "下次记录的时刻，由引擎维护。", [read_only = true];
}

/// What open deals came to.
pub mod snapshot {
    use super::{
        Choice, DateOnly, DateTime, ForecastCategory, Int, MoneyAmount, OnDelete, Pipeline, PipelineSchedule,
        Reference, Stage, Text, User, entity,
    };

    entity! {
        /// What the open deals of one owner, in one stage and category and to be closed in one month, came to at a
        /// moment; written by a schedule, and changed by nobody.
        PipelineSnapshot = ("crm", 22, "pipeline_snapshot", "漏斗快照", "Pipeline snapshot",
            "某一时刻某负责人在某阶段、某类别、某预计成交月份的进行中商机汇总，由计划自动写入。", title "title", data_subject false);
        /// The day and the stage, for people.
        TITLE: Text = 1, "title", "标题", "Title", "日期与阶段名称。", [required = true];
        /// The schedule that took it.
        SCHEDULE: Reference<PipelineSchedule> = 2, "schedule", "计划", "Schedule", "记录该快照的计划。",
            [on_delete = OnDelete::SetNull];
        /// When it was taken.
        AT: DateTime = 3, "at", "时间", "At", "记录的时刻。", [required = true, indexed = true];
        /// Whose deals.
        DEALS_OF: Reference<User> = 4, "deals_of", "负责人", "Deals of", "商机的负责人；在公海时为空。", [on_delete = OnDelete::SetNull];
        /// In which stage.
        STAGE: Reference<Stage> = 5, "stage", "阶段", "Stage", "商机所处的阶段。", [on_delete = OnDelete::SetNull];
        /// As what they stood in a forecast.
        CATEGORY: Choice<ForecastCategory> = 6, "category", "预测类别", "Category", "在预测中的类别。", [indexed = true];
        /// The first day of the month in which they were expected to close; none where no day was said.
        MONTH: DateOnly = 7, "month", "预计成交月份", "Month", "预计成交月份的第一天；未填写预计日期时为空。", [indexed = true];
        /// How many of them, those without amount among them.
        DEALS: Int = 8, "deals", "商机数", "Deals", "商机的数量。", [required = true];
        /// What they came to in this currency.
        AMOUNT: MoneyAmount = 9, "amount", "金额", "Amount", "该币种的金额合计。", [];
        /// The same, weighed by the chance of winning.
        WEIGHTED: MoneyAmount = 10, "weighted", "加权金额", "Weighted", "按赢率加权的金额合计。", [];
        /// Through which pipeline they go.
        PIPELINE: Reference<Pipeline> = 11, "pipeline", "销售管道", "Pipeline", "商机所经过的销售管道。",
            [on_delete = OnDelete::SetNull];
    }
}

pub use snapshot::PipelineSnapshot;

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(PipelineSchedule::definition().in_module("sales"));
    registrar.entity(PipelineSnapshot::definition().in_module("sales"));
    registrar.before_save(PipelineSchedule::NAME, 100, Arc::new(Plan));
    registrar.before_save(PipelineSnapshot::NAME, 100, Arc::new(BySchedule));
    let due = IndexDefinition::of_due("crm", 1, "due", NEXT_AT.name());
    registrar.due(PipelineSchedule::NAME, due, Arc::new(Take));
    let stagnant = IndexDefinition::of_due("crm", 51, "stagnations", opportunity::STAGNATION_WARN_AT.name());
    registrar.due(Opportunity::NAME, stagnant, Arc::new(WarnOfStagnation));
}

/// The first time of a schedule after a moment.
fn next_after(
    value: &dyn Fn(&'static str) -> Result<Value>,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Option<Timestamp>> {
    if value(ACTIVE.name())? == Value::Bool(false) {
        return Ok(None);
    }
    let every = value(EVERY.name())?;
    let weekly = every.as_text() == Some(SnapshotEvery::Week.code());
    let hour = match value(HOUR_OF_DAY.name())? {
        Value::Int(hour) => hour,
        _ => 0,
    };
    let today = now.date_in(zone);
    for days in 0..=8 {
        let day = today.plus_days(days)?;
        if weekly && day.weekday().days_after_monday() != 0 {
            continue;
        }
        let at = day.at(hour.saturating_mul(HOUR), zone)?;
        if at > now {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Finds the next time of a schedule that was said anew; it is made by who administers schedules.
struct Plan;

impl BeforeSave for Plan {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if !save.changes_what_is_said() {
            return Ok(());
        }
        save.check_user_administers()?;
        if save.value(ACTIVE)?.is_null() {
            save.set(ACTIVE, true)?;
        }
        if matches!(save.value(HOUR_OF_DAY)?, Value::Int(hour) if !(0..24).contains(&hour)) {
            return Err(Error::new(Code::OutOfRange).field("hour").rule("0 to 23"));
        }
        let next = next_after(&|name| save.value(name), save.now(), &save.zone()?)?;
        save.set(NEXT_AT, next)
    }
}

/// What was is written once, by a schedule that a tick found due. It changes hands with what else somebody owns, and
/// outlives the schedule, the stage and the person that it names.
struct BySchedule;

impl BeforeSave for BySchedule {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        match save.is_new() {
            // Any host may name a cause, but not everybody ticks.
            true if save.cause().ends_with(SNAPSHOT) => save.check_user_administers(),
            false if !save.changes_what_stays() => Ok(()),
            _ => Err(Error::new(Code::NotPermitted).rule("written by a schedule alone")),
        }
    }
}

/// What deals that are alike come to.
#[derive(Default)]
struct Cell {
    deals: i64,
    amounts: Sums,
    weighted: Sums,
}

/// In what deals are alike.
type Alike = (RecordId, [Option<RecordId>; 2], ForecastCategory, Option<Date>, Option<Currency>);

/// Takes a snapshot of all open deals that the one who ticks sees.
struct Take;

impl DueWork for Take {
    fn name(&self) -> &'static str {
        SNAPSHOT
    }

    fn run(&self, transaction: &mut Transaction<'_>, record: RecordId) -> Result<DueDone> {
        let schedule = transaction.get_record(PipelineSchedule::NAME, record)?;
        let now = transaction.now();
        let zone = transaction.reader().settings().zone()?;
        for (alike, cell) in open_deals(transaction)? {
            write(transaction, record, (now, now.date_in(&zone)), &alike, &cell)?;
        }
        Ok(DueDone::Again(next_after(&|name| schedule.value(name), now, &zone)?))
    }
}

fn open_deals(transaction: &Transaction<'_>) -> Result<BTreeMap<Alike, Cell>> {
    let reader = transaction.reader();
    let stages = Stages::of(&reader)?;
    let default = pipeline::default_in(&reader)?;
    let mut cells: BTreeMap<Alike, Cell> = BTreeMap::new();
    reader.scan(Opportunity::NAME, &opportunity::STATUS.is(Status::Open), &mut |deal| {
        let (category, chance) = stages.stand(&deal)?;
        let month = match deal.value(opportunity::EXPECTED_ON)? {
            Value::Date(day) => Some(day.first_of_month()),
            _ => None,
        };
        let amount = match deal.value(opportunity::AMOUNT)? {
            Value::Money(amount) => Some(amount),
            _ => None,
        };
        let stage = deal.value(opportunity::STAGE)?.as_id();
        let through = deal.value(opportunity::PIPELINE)?.as_id().or(default);
        let alike = (
            deal.record.envelope.owner,
            [through, stage],
            category,
            month,
            amount.map(|amount| amount.currency),
        );
        let cell = cells.entry(alike).or_default();
        cell.deals = cell.deals.saturating_add(1);
        if let Some(amount) = amount {
            cell.amounts.add(amount, Decimal::from(1))?;
            cell.weighted.add(amount, chance)?;
        }
        Ok(())
    })?;
    Ok(cells)
}

/// Writes what deals that are alike come to. It is their owner's, so that whoever reads the deals reads it; where that is
/// nobody any more, it is kept by the one who ticks.
fn write(
    transaction: &mut Transaction<'_>,
    schedule: RecordId,
    (now, today): (Timestamp, Date),
    (owner, [through, stage], category, month, _): &Alike,
    cell: &Cell,
) -> Result<()> {
    let named = match stage {
        Some(stage) => transaction.get_record(Stage::NAME, *stage)?.title(),
        None => String::new(),
    };
    let one = |sums: &Sums| -> Option<Money> { sums.rounded().into_iter().next() };
    let user = (!transaction.is_pool(*owner)).then_some(*owner);
    let changes = Changes::new()
        .set(snapshot::TITLE, format!("{today} {named}").trim())
        .set(snapshot::SCHEDULE, schedule)
        .set(snapshot::AT, now)
        .set(snapshot::DEALS_OF, user)
        .set(snapshot::STAGE, *stage)
        .set(snapshot::PIPELINE, *through)
        .set(snapshot::CATEGORY, *category)
        .set(snapshot::MONTH, *month)
        .set(snapshot::DEALS, cell.deals)
        .set(snapshot::AMOUNT, one(&cell.amounts))
        .set(snapshot::WEIGHTED, one(&cell.weighted));
    let point = transaction.savepoint();
    match transaction.create_record(PipelineSnapshot::NAME, changes.clone().owner(*owner)) {
        Err(error) if error.code() == Code::ReferenceMissing => {
            transaction.roll_back_to(point);
            transaction.create_record(PipelineSnapshot::NAME, changes).map(drop)
        }
        written => written.map(drop),
    }
}

/// Warns the owner of a deal at which nobody works, by a task.
struct WarnOfStagnation;

impl DueWork for WarnOfStagnation {
    fn name(&self) -> &'static str {
        "opportunity.warn_of_stagnation"
    }

    fn run(&self, transaction: &mut Transaction<'_>, record: RecordId) -> Result<DueDone> {
        let deal = transaction.get_record(Opportunity::NAME, record)?;
        let told = Label::new("商机停滞：", "The deal stagnates: ");
        let now = transaction.now();
        task::tell_owner(transaction, &told, &deal, now)?;
        Ok(DueDone::Again(None))
    }
}
