//! Pipeline: the stages through which deals of one kind go. An organisation has one, or several: one for new business,
//! one for renewals.
//!
//! Each stage and each deal is of one pipeline; those that name none are of the default one. So a database from before
//! there were several goes on as it was, and when another one is made, what stands becomes the default pipeline, in
//! chunks, by the tick that does all that is due.

use std::sync::Arc;

use crate::base::{Code, Error, RecordId, Result, Timestamp, Value};
use crate::engine::{
    BeforeSave, Changes, Comparison, Condition, Draft, DueDone, DueWork, Find, Listing, Reader, Ref,
    Registrar, Save, Transaction,
};
use crate::model::{ForecastCategory, Opportunity, Stage, Status, opportunity, stage};
use crate::schema::declare::entity;
use crate::schema::{Bool, DateTime, EntityType, IndexDefinition, Int, Text};
use crate::time::is_of_record;

/// The cause under which stages and deals of no pipeline are taken into the default one.
const ADOPT: &str = "pipeline.adopt";
/// The pipeline with which a database begins.
const FIRST: &str = "Sales";
/// The key of the default pipeline.
const DEFAULT: &str = "default";
/// Records that one tick takes into the default pipeline, of stages and of deals, before others have their turn.
const CHUNK: usize = 200;
/// Chunks of what cannot be taken, be it locked or refused by a rule, that one tick goes past.
const CHUNKS_PASSED: usize = 10;
/// Most pipelines, and most stages of one.
pub const MAX_STAGES: usize = 1_000;

entity! {
    /// The stages through which deals of one kind go. Exactly one is the default.
    Pipeline = ("crm", 25, "pipeline", "销售管道", "Pipeline",
        "一类商机所经过的各个阶段；其中一个为默认管道。", title "name", data_subject false);
    /// What it is called. No two pipelines have the same name.
    NAME: Text = 1, "name", "名称", "Name", "管道名称，不可重复。", [required = true, unique = true, indexed = true];
    /// Whether deals and stages that name no pipeline are of this one; the first pipeline is.
    IS_DEFAULT: Bool = 2, "is_default", "默认", "Default",
        "未指定管道的商机和阶段是否属于本管道；首个管道即为默认。", [];
    /// Whether new deals are taken into it; yes unless it is said. Those that are in it go on.
    ACTIVE: Bool = 3, "active", "启用", "Active", "是否接收新商机；未填写时为是。已在其中的商机不受影响。", [];
    /// The place among pipelines, from 1.
    POSITION: Int = 4, "position", "顺序", "Position", "在各管道中的次序，从 1 开始。", [indexed = true];
    /// For what it is.
    NOTE: Text = 5, "note", "说明", "Note", "管道的用途。", [];
    /// What stands once: the default one. The engine keeps it.
    KEY: Text = 6, "key", "唯一标识", "Key", "默认管道的唯一标识，由引擎维护。", [unique = true, read_only = true];
    /// When what stands without a pipeline is taken into it. The engine keeps it.
    ADOPT_AT: DateTime = 7, "adopt_at", "归入时间", "Adopts at", "将未指定管道的阶段和商机归入本管道的时刻，由引擎维护。",
        [read_only = true];
}

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(Pipeline::definition().in_module("sales"));
    registrar.everybody_reads(Pipeline::NAME);
    registrar.before_save(Pipeline::NAME, 100, Arc::new(CheckPipeline));
    registrar.before_save(Stage::NAME, 100, Arc::new(CheckStage));
    let due = IndexDefinition::of_due("crm", 1, "adoptions", ADOPT_AT.name());
    registrar.due(Pipeline::NAME, due, Arc::new(Adopt));
}

/// A stage of a pipeline that is made whole.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStage {
    /// What it is called. No two stages have the same name, of whatever pipeline, so that a name tells which is meant.
    pub name: String,
    /// What a deal in it is.
    pub outcome: Status,
    /// The chance of winning, in per cent.
    pub probability: Option<i64>,
    /// The fields that a deal has before it leaves, by API name.
    pub exit_fields: Option<String>,
    /// Days after which a deal that nobody works at is said to stagnate.
    pub stagnant_days: Option<i64>,
    /// As what open deals in it stand in a forecast.
    pub forecast: Option<ForecastCategory>,
}

/// Makes a pipeline with its stages, in their order. Where stages stand from before there was any, these become the
/// default pipeline first.
///
/// # Errors
/// `model.pipeline_incomplete` without a stage that is open, one that is won and one that is lost, or for an open one
/// that stands behind one that is not; `record.not_unique` for a name that stands; `access.not_permitted`.
pub fn define(
    transaction: &mut Transaction<'_>,
    name: &str,
    note: Option<&str>,
    stages: &[NewStage],
) -> Result<Ref<Pipeline>> {
    check_whole(stages)?;
    keep_what_stands(transaction)?;
    let mut draft = Draft::<Pipeline>::new().with(NAME, name);
    if let Some(note) = note {
        draft = draft.with(NOTE, note);
    }
    let pipeline = transaction.create(draft)?;
    for (stage, position) in stages.iter().zip(1_i64..) {
        transaction.create_record(Stage::NAME, stage_of(pipeline.id(), stage, position))?;
    }
    Ok(pipeline)
}

/// What stands without a pipeline is of one of its own, so that its stages do not stand among those of another.
fn keep_what_stands(transaction: &mut Transaction<'_>) -> Result<()> {
    let reader = transaction.reader();
    let none = Find { filter: Condition::IsNull(stage::PIPELINE.into()), limit: 1, ..Find::default() };
    if default_in(&reader)?.is_some() || reader.find(Stage::NAME, &none)?.rows.is_empty() {
        return Ok(());
    }
    first(transaction).map(drop)
}

/// Makes the pipeline with which a database begins.
pub(super) fn first(transaction: &mut Transaction<'_>) -> Result<Ref<Pipeline>> {
    transaction.create(Draft::<Pipeline>::new().with(NAME, FIRST).with(POSITION, 1))
}

fn stage_of(pipeline: RecordId, stage: &NewStage, position: i64) -> Changes {
    Changes::new()
        .set(stage::NAME, stage.name.as_str())
        .set(stage::PIPELINE, pipeline)
        .set(stage::POSITION, position)
        .set(stage::OUTCOME, stage.outcome)
        .set(stage::PROBABILITY, stage.probability)
        .set(stage::EXIT_FIELDS, stage.exit_fields.clone())
        .set(stage::STAGNANT_DAYS, stage.stagnant_days)
        .set(stage::FORECAST, stage.forecast)
}

/// A deal begins in the first stage, and can be won and lost.
fn check_whole(stages: &[NewStage]) -> Result<()> {
    let wrong = |rule: &str| Err(Error::new(Code::PipelineIncomplete).field("stages").rule(rule));
    if stages.len() > MAX_STAGES {
        return Err(Error::new(Code::LimitExceeded).field("stages").rule("1000 stages of a pipeline"));
    }
    let needed =
        [(Status::Open, "an open stage"), (Status::Won, "a won stage"), (Status::Lost, "a lost stage")];
    for (outcome, rule) in needed {
        if !stages.iter().any(|stage| stage.outcome == outcome) {
            return wrong(rule);
        }
    }
    match stages.first().map(|first| first.outcome) {
        Some(Status::Open) => Ok(()),
        _ => wrong("the first stage is open"),
    }
}

/// Makes another pipeline the default one.
///
/// # Errors
/// `model.pipeline_adopting` while what stands without a pipeline is still taken into the one before;
/// `record.not_found`, `access.not_permitted`.
pub fn set_default(transaction: &mut Transaction<'_>, pipeline: Ref<Pipeline>) -> Result<()> {
    if let Some(before) = default_in(&transaction.reader())?.filter(|before| *before != pipeline.id()) {
        transaction.update_record(Pipeline::NAME, before, Changes::new().set(IS_DEFAULT, false))?;
    }
    let changes = Changes::new().set(IS_DEFAULT, true);
    transaction.update_record(Pipeline::NAME, pipeline.id(), changes).map(drop)
}

/// The default pipeline, as far as the reader sees it.
///
/// # Errors
/// As [`Reader::find`].
pub fn default_in(reader: &Reader<'_>) -> Result<Option<RecordId>> {
    let find = Find { filter: KEY.is(DEFAULT), limit: 1, ..Find::default() };
    match reader.find(Pipeline::NAME, &find) {
        Err(error) if error.code() == Code::NotPermitted => Ok(None),
        page => Ok(page?.rows.first().map(|row| row.record.id)),
    }
}

/// What is of a pipeline: what names it, and of the default one what names none. `field` is the name of the reference.
///
/// # Errors
/// As [`Reader::find`].
pub fn of_pipeline(reader: &Reader<'_>, field: &'static str, pipeline: RecordId) -> Result<Condition> {
    Ok(within(field, Some(pipeline), default_in(reader)?))
}

/// The same for a pipeline, or for none where there is no pipeline at all.
fn within(field: &'static str, pipeline: Option<RecordId>, default: Option<RecordId>) -> Condition {
    let none = Condition::IsNull(field.into());
    let Some(pipeline) = pipeline else { return none };
    let named = Condition::Compare(field.into(), Comparison::Equal, Value::Id(pipeline));
    if default == Some(pipeline) { Condition::Any(vec![named, none]) } else { named }
}

/// A pipeline with its stages.
#[derive(Debug)]
pub struct Staged {
    /// The pipeline; none for stages that stood before there was one.
    pub pipeline: Option<Listing>,
    /// Its stages, in their order.
    pub stages: Vec<Listing>,
}

/// All pipelines with their stages, as far as the reader sees them: by their places, those of no pipeline with the
/// default one.
///
/// # Errors
/// As [`Reader::find`].
pub fn all(reader: &Reader<'_>) -> Result<Vec<Staged>> {
    let by = |sort| Find { sort: vec![sort], limit: MAX_STAGES, ..Find::default() };
    let default = default_in(reader)?;
    let pipelines = reader.find(Pipeline::NAME, &by(POSITION.ascending()))?.rows;
    let stages = reader.find(Stage::NAME, &by(stage::POSITION.ascending()))?.rows;
    let mut all: Vec<Staged> = pipelines
        .into_iter()
        .map(|pipeline| Staged { pipeline: Some(pipeline), stages: Vec::new() })
        .collect();
    for stage in stages {
        let of = stage.value(stage::PIPELINE)?.as_id().or(default);
        let is_its = |staged: &&mut Staged| staged.pipeline.as_ref().map(|row| row.record.id) == of;
        match all.iter_mut().find(is_its) {
            Some(staged) => staged.stages.push(stage),
            None if of.is_none() => all.push(Staged { pipeline: None, stages: vec![stage] }),
            // Of a pipeline that the reader does not see.
            None => {}
        }
    }
    Ok(all)
}

/// The default pipeline, as rules see it.
fn default_of(save: &Save<'_>) -> Result<Option<RecordId>> {
    save.find_unique(Pipeline::NAME, KEY, &Value::from(DEFAULT))
}

/// Keeps the pipeline of a deal and its stage together, before anything follows from the stage: a deal that names no
/// stage begins in the first one of its pipeline, one that names a stage alone is of the pipeline of that, and one that
/// goes to another pipeline begins there anew, unless it names a stage of it.
pub(super) fn settle(save: &mut Save<'_>) -> Result<()> {
    let moved = save.changes(opportunity::STAGE)? || save.changes(opportunity::PIPELINE)?;
    if !save.is_new() && !moved && !save.value(opportunity::STAGE)?.is_null() {
        return Ok(());
    }
    let default = default_of(save)?;
    let named = save.value(opportunity::PIPELINE)?.as_id();
    let stage = save.value(opportunity::STAGE)?.as_id();
    let pipeline_of = |stage: Option<RecordId>| match stage {
        Some(stage) => {
            save.value_of(Stage::NAME, stage, stage::PIPELINE).map(|value| value.as_id().or(default))
        }
        None => Ok(None),
    };
    let of_stage = pipeline_of(stage)?;
    // One that named none is of the pipeline of its stage, also where another one has become the default since.
    let before = match save.old_value(opportunity::PIPELINE)?.as_id() {
        _ if save.is_new() => None,
        None => pipeline_of(save.old_value(opportunity::STAGE)?.as_id())?.or(default),
        named => named,
    };
    let pipeline = named.or(if save.is_new() { of_stage } else { before }).or(default);
    let goes = !save.is_new() && pipeline != before;
    if (save.is_new() || goes) && !takes_deals(save, pipeline)? {
        return Err(Error::new(Code::PipelineInactive).field(opportunity::PIPELINE.name()));
    }
    if stage.is_none() || goes && !save.changes(opportunity::STAGE)? && of_stage != pipeline {
        let first = first_stage(save, pipeline, default)?;
        save.set(opportunity::STAGE, first)?;
    } else if of_stage != pipeline {
        return Err(Error::new(Code::StageOfAnotherPipeline).field(opportunity::STAGE.name()));
    }
    // Whoever does not see the default pipeline writes deals that name none, which are of it all the same.
    let names = |pipeline: RecordId| {
        default != Some(pipeline) || save.check_user_reaches(Pipeline::NAME, pipeline).is_ok()
    };
    let pipeline = pipeline.filter(|pipeline| names(*pipeline));
    save.set(opportunity::PIPELINE, pipeline)
}

fn takes_deals(save: &Save<'_>, pipeline: Option<RecordId>) -> Result<bool> {
    let Some(pipeline) = pipeline else { return Ok(true) };
    Ok(save.value_of(Pipeline::NAME, pipeline, ACTIVE)? != Value::Bool(false))
}

fn first_stage(
    save: &Save<'_>,
    pipeline: Option<RecordId>,
    default: Option<RecordId>,
) -> Result<Option<RecordId>> {
    let met = within(stage::PIPELINE.name(), pipeline, default);
    save.first_meeting(Stage::NAME, &met, stage::POSITION)
}

/// The first stage of an outcome in the pipeline of a deal.
pub(super) fn stage_for(transaction: &Transaction<'_>, deal: RecordId, outcome: Status) -> Result<RecordId> {
    let reader = transaction.reader();
    let deal = reader.get(Opportunity::NAME, deal)?;
    let default = default_in(&reader)?;
    // Where the deal names none, and also where the user does not see pipelines, its stage says of which it is.
    let of_stage = match deal.value(opportunity::STAGE)?.as_id() {
        Some(stage) => reader.get(Stage::NAME, stage)?.value(stage::PIPELINE)?.as_id(),
        None => None,
    };
    let pipeline = deal.value(opportunity::PIPELINE)?.as_id().or(of_stage).or(default);
    let filter =
        Condition::All(vec![stage::OUTCOME.is(outcome), within(stage::PIPELINE.name(), pipeline, default)]);
    let find = Find { filter, sort: vec![stage::POSITION.ascending()], limit: 1, ..Find::default() };
    let page = reader.find(Stage::NAME, &find)?;
    page.rows.first().map(|row| row.record.id).ok_or_else(|| {
        Error::new(Code::ReferenceMissing).entity(Stage::NAME).field("outcome").value(outcome.code())
    })
}

/// Holds pipelines to who administers them, and keeps exactly one as the default.
struct CheckPipeline;

impl BeforeSave for CheckPipeline {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if save.changes_what_is_said() {
            save.check_user_administers()?;
        }
        if save.value(ACTIVE)?.is_null() {
            save.set(ACTIVE, true)?;
        }
        let default = default_of(save)?;
        if default.is_none() && save.is_new() {
            save.set(IS_DEFAULT, true)?;
        }
        let is_default = save.value(IS_DEFAULT)? == Value::Bool(true);
        let adopts = !save.value(ADOPT_AT)?.is_null();
        if adopts && !is_default {
            return Err(Error::new(Code::PipelineAdopting).field(IS_DEFAULT.name()));
        }
        save.set(KEY, is_default.then_some(DEFAULT))?;
        // What stands without a pipeline is the first one's.
        let first = is_default && save.is_new();
        let orphan = Condition::IsNull(stage::PIPELINE.into());
        if first && save.first_meeting(Stage::NAME, &orphan, stage::POSITION)?.is_some() {
            let now = save.now();
            save.set(ADOPT_AT, now)?;
        }
        Ok(())
    }
}

/// A stage stays in its pipeline: the deals in it and their history are of that.
struct CheckStage;

impl BeforeSave for CheckStage {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let before = save.old_value(stage::PIPELINE)?;
        if !before.is_null() && save.changes(stage::PIPELINE)? {
            return Err(Error::new(Code::StageOfAnotherPipeline).field(stage::PIPELINE.name()));
        }
        if save.is_new() && save.value(stage::PIPELINE)?.is_null() {
            let default = default_of(save)?;
            save.set(stage::PIPELINE, default)?;
        }
        Ok(())
    }
}

/// Takes stages and deals that stood before there was a pipeline into the default one, a chunk at a time.
struct Adopt;

impl DueWork for Adopt {
    fn name(&self) -> &'static str {
        ADOPT
    }

    fn run(&self, transaction: &mut Transaction<'_>, record: RecordId) -> Result<DueDone> {
        let stages = take_in(transaction, (Stage::NAME, stage::PIPELINE.name()), record)?;
        let deals = take_in(transaction, (Opportunity::NAME, opportunity::PIPELINE.name()), record)?;
        let goes_on = (stages.more || deals.more) && stages.taken.max(deals.taken) > 0;
        let soon = Timestamp::from_micros(transaction.now().micros().saturating_add(1));
        Ok(DueDone::Again(goes_on.then_some(soon)))
    }
}

/// How many records of one kind were taken into a pipeline, and whether there may be more of them.
#[derive(Debug, Clone, Copy)]
struct TakenIn {
    taken: usize,
    more: bool,
}

/// Takes a chunk of the records of one kind that name no pipeline into one.
fn take_in(
    transaction: &mut Transaction<'_>,
    (entity, field): (&'static str, &'static str),
    pipeline: RecordId,
) -> Result<TakenIn> {
    let mut taken = 0_usize;
    let mut find = Find { filter: Condition::IsNull(field.into()), limit: CHUNK, ..Find::default() };
    for _ in 0..CHUNKS_PASSED {
        let page = transaction.reader().find(entity, &find)?;
        find.after = page.next;
        for row in page.rows {
            let point = transaction.savepoint();
            match transaction.update_record(entity, row.record.id, Changes::new().set(field, pipeline)) {
                // One that is locked holds up no other: it names no pipeline, and is of the default one.
                Err(error) if is_of_record(&error) => transaction.roll_back_to(point),
                updated => {
                    updated?;
                    taken = taken.saturating_add(1);
                }
            }
        }
        // What was passed is passed again by the next tick, so this one goes on until it has taken a chunk.
        if taken >= CHUNK || find.after.is_none() {
            break;
        }
    }
    Ok(TakenIn { taken, more: find.after.is_some() })
}
