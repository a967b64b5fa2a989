//! Score: how promising a lead is, by rules that are data.
//!
//! A model is a list of rules: each has a condition on the lead, or on what was done with it, and points. Every write of
//! a lead or of an activity with it works its score out, whatever door it comes through; a model that changes is brought
//! to the leads that stand in chunks, by the tick that does all that is due. Who asks why is told the rules whose fields
//! they see, and the rest as a sum.
//! Invariants: while a model is active, the score of a lead at which somebody still works is the sum of its rules, and
//! nobody sets it; one that is converted or dead keeps the score that it had.

use std::sync::Arc;

use crate::base::{Code, Error, RecordId, Result, Timestamp, Value};
use crate::engine::{
    BeforeSave, Changes, Condition, DueDone, DueWork, Find, Happening, HookPoint, Listing, PageCursor,
    Reader, RecordHook, Ref, Registrar, Save, Seen, Transaction,
};
use crate::model::{Activity, Lead, activity, lead};
use crate::schema::declare::{codes, entity};
use crate::schema::{Bool, Choice, DateTime, EntityType, IndexDefinition, Int, OnDelete, Reference, Text};
use crate::time::is_of_record;

/// The cause under which leads are brought to a model that has changed.
const REFRESH: &str = "score.refresh";
/// Records that one tick brings to a model, before others have their turn.
const CHUNK: usize = 200;
/// Most points that one rule gives or takes.
const MAX_POINTS: i64 = 10_000;
/// Most activities of a lead that are asked.
const MAX_ACTIVITIES: usize = 1_000;

codes! {
    /// Of what a rule of scores speaks.
    ScoredBy {
        /// Of the lead.
        Lead = "lead", "线索", "Lead";
        /// Of each activity with it.
        Activity = "activity", "跟进记录", "Activity";
    }
}

entity! {
    /// A model by which leads are scored. One is active at a time.
    ScoreModel = ("crm", 26, "score_model", "评分模型", "Score model",
        "线索评分所依据的模型；同时只有一个启用。", title "name", data_subject false);
    /// What it is called.
    NAME: Text = 1, "name", "名称", "Name", "模型名称。", [required = true, unique = true, indexed = true];
    /// Whether leads are scored by it; no unless it is said.
    ACTIVE: Bool = 2, "active", "启用", "Active", "是否按本模型评分；未填写时为否。", [];
    /// For what it is.
    NOTE: Text = 3, "note", "说明", "Note", "模型的用途。", [];
    /// What stands once: the active one. The engine keeps it.
    KEY: Text = 4, "key", "唯一标识", "Key", "启用中模型的唯一标识，由引擎维护。", [unique = true, read_only = true];
    /// When leads that stand are brought to it. The engine keeps it.
    REFRESH_AT: DateTime = 5, "refresh_at", "重算时间", "Refresh at", "按本模型重算现有线索的时刻，由引擎维护。",
        [read_only = true];
    /// Up to which lead that is done.
    REFRESHED: Text = 6, "refreshed", "重算进度", "Refreshed", "重算的进度。", [];
}

/// What gives points.
pub mod score_rule {
    use super::{Bool, Choice, Int, OnDelete, Reference, ScoreModel, ScoredBy, Text, entity};

    entity! {
        /// A condition on a lead, or on what was done with it, and the points that it gives.
        ScoreRule = ("crm", 27, "score_rule", "评分规则", "Score rule",
            "对线索或其跟进记录的条件，以及满足时的分数。", title "name", data_subject false);
        /// What it is called; it is told as the reason of a score.
        NAME: Text = 1, "name", "名称", "Name", "规则名称，作为评分原因显示。", [required = true];
        /// The model of which it is.
        MODEL: Reference<ScoreModel> = 2, "model", "评分模型", "Score model", "所属的评分模型。",
            [required = true, on_delete = OnDelete::Cascade];
        /// Of what the condition speaks; of the lead if not said.
        OF: Choice<ScoredBy> = 3, "of", "条件对象", "Of", "条件所针对的对象；未填写时为线索。", [];
        /// The condition: an expression over the fields of that.
        CONDITION: Text = 4, "condition", "条件", "Condition", "对其字段的条件表达式。", [required = true];
        /// The points, from -10000 to 10000; less than none takes some away.
        POINTS: Int = 5, "points", "分数", "Points", "满足时的分数，-10000 至 10000，负数为扣分。", [required = true];
        /// For how many activities it gives points at the most; for each one if not said.
        MOST_TIMES: Int = 6, "most_times", "计分次数上限", "Most times", "最多对多少条跟进记录计分；未填写时不限。", [];
        /// Whether it counts; yes unless it is said.
        ACTIVE: Bool = 7, "active", "启用", "Active", "是否计分；未填写时为是。", [];
        /// The order in which reasons are told; the smaller one first.
        POSITION: Int = 8, "position", "顺序", "Position", "原因显示的先后次序，小者优先。", [indexed = true];
    }
}

pub use score_rule::ScoreRule;

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(ScoreModel::definition().in_module("sales"));
    registrar.entity(ScoreRule::definition().in_module("sales"));
    registrar.everybody_reads(ScoreModel::NAME);
    registrar.everybody_reads(ScoreRule::NAME);
    registrar.before_save(ScoreModel::NAME, 100, Arc::new(CheckModel));
    registrar.before_save(ScoreRule::NAME, 100, Arc::new(CheckRule));
    registrar.record_hook(ScoreRule::NAME, 100, HookPoint::BeforeDelete, Arc::new(OffBeforeDelete));
    registrar.before_save(Lead::NAME, 180, Arc::new(KeepScore));
    registrar.before_save(Activity::NAME, 180, Arc::new(ScoreAnew));
    registrar.record_hook(Activity::NAME, 180, HookPoint::AfterDelete, Arc::new(WithoutActivity));
    let due = IndexDefinition::of_due("crm", 1, "refreshes", REFRESH_AT.name());
    registrar.due(ScoreModel::NAME, due, Arc::new(Refresh));
}

/// A rule as it counts.
struct Rule {
    id: RecordId,
    name: String,
    of: ScoredBy,
    condition: String,
    points: i64,
    most_times: usize,
}

impl Rule {
    /// The rule that the values of a record say, by the names of the fields; none where it is switched off.
    fn of(id: RecordId, value: &dyn Fn(&'static str) -> Result<Value>) -> Result<Option<Self>> {
        if value(score_rule::ACTIVE.name())? == Value::Bool(false) {
            return Ok(None);
        }
        let text = |name| value(name).map(|value| value.as_text().unwrap_or_default().to_owned());
        let number = |name| {
            value(name).map(|value| match value {
                Value::Int(number) => Some(number),
                _ => None,
            })
        };
        let most = number(score_rule::MOST_TIMES.name())?.and_then(|most| usize::try_from(most).ok());
        Ok(Some(Self {
            id,
            name: text(score_rule::NAME.name())?,
            of: ScoredBy::from_code(&text(score_rule::OF.name())?).unwrap_or(ScoredBy::Lead),
            condition: text(score_rule::CONDITION.name())?,
            points: number(score_rule::POINTS.name())?.unwrap_or_default(),
            most_times: most.unwrap_or(MAX_ACTIVITIES),
        }))
    }

    /// The points for so many times that the condition is met.
    fn points_for(&self, times: usize) -> (usize, i64) {
        let times = times.min(self.most_times);
        (times, self.points.saturating_mul(i64::try_from(times).unwrap_or(i64::MAX)))
    }
}

/// The model that is active, as rules see it.
fn active_model(save: &Save<'_>) -> Result<Option<RecordId>> {
    save.find_unique(ScoreModel::NAME, KEY, &Value::from(ACTIVE_KEY))
}

/// The key of the model that is active.
const ACTIVE_KEY: &str = "active";

fn rules_in(save: &Save<'_>, model: RecordId) -> Result<Vec<Rule>> {
    let met = score_rule::MODEL.is(model);
    let seen = save.seen_anywhere(ScoreRule::NAME, &met, score_rule::POSITION)?;
    let rules = seen.iter().map(|seen| Rule::of(seen.id(), &|name| seen.value(name)));
    Ok(rules.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// The rule of scores: while a model is active, the score of a lead follows from it.
struct KeepScore;

impl BeforeSave for KeepScore {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if lead::is_over(&save.old_value(lead::STATUS)?) && lead::is_over(&save.value(lead::STATUS)?) {
            return Ok(());
        }
        let Some(model) = active_model(save)? else { return Ok(()) };
        let rules = rules_in(save, model)?;
        let asks = rules.iter().any(|rule| rule.of == ScoredBy::Activity);
        let done = if asks && !save.is_new() { activities_with(save)? } else { Vec::new() };
        let mut score = 0_i64;
        for rule in &rules {
            let times = match rule.of {
                ScoredBy::Lead => understood(save.meets(&rule.condition))?.map(usize::from),
                ScoredBy::Activity => understood(save.count_meeting(&done, &rule.condition))?,
            };
            let times = times.unwrap_or_default();
            score = score.saturating_add(rule.points_for(times).1);
        }
        save.set(lead::SCORE, score)
    }
}

fn activities_with<'a>(save: &Save<'a>) -> Result<Vec<Seen<'a>>> {
    let with = Condition::refers_to(activity::REGARDING, Lead::NAME, save.record());
    save.seen_anywhere(Activity::NAME, &with, activity::AT)
}

/// Lets the score of a lead be worked out anew when something was done with it.
struct ScoreAnew;

impl BeforeSave for ScoreAnew {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let changed = save.is_new() || save.brings_back() || save.changes_what_is_said();
        if !changed || active_model(save)?.is_none() {
            return Ok(());
        }
        let (before, after) = (save.old_value(activity::REGARDING)?, save.value(activity::REGARDING)?);
        let mut leads: Vec<RecordId> = [lead_in(&before), lead_in(&after)].into_iter().flatten().collect();
        leads.dedup();
        for of in leads {
            if !lead::is_over(&save.value_of(Lead::NAME, of, lead::STATUS)?) {
                // A change that changes nothing is passed over, so it takes the score away, and the lead finds it anew.
                save.also_update(Lead::NAME, of, Changes::new().set(lead::SCORE, Value::Null));
            }
        }
        Ok(())
    }
}

fn lead_in(regarding: &Value) -> Option<RecordId> {
    let is_lead = regarding.part("entity").as_text() == Some(Lead::NAME);
    regarding.part("id").as_id().filter(|_| is_lead)
}

/// An activity that is deleted gives no points any more.
struct WithoutActivity;

impl RecordHook for WithoutActivity {
    fn run(&self, happening: &mut Happening<'_, '_>) -> Result<()> {
        let Some(of) = lead_in(&happening.value(activity::REGARDING)?) else { return Ok(()) };
        let transaction = happening.transaction();
        let point = transaction.savepoint();
        match transaction.update_record(Lead::NAME, of, Changes::new()) {
            // Whoever may delete the activity and not change the lead leaves the score to its next write.
            Err(error) if is_of_record(&error) => {
                transaction.roll_back_to(point);
                Ok(())
            }
            updated => updated.map(drop),
        }
    }
}

/// Holds models to who administers them: one is active, and leads that stand are brought to it.
struct CheckModel;

impl BeforeSave for CheckModel {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if save.changes_what_is_said() {
            save.check_user_administers()?;
        }
        let active = save.value(ACTIVE)? == Value::Bool(true);
        save.set(KEY, active.then_some(ACTIVE_KEY))?;
        if active && save.changes(ACTIVE)? {
            let now = save.now();
            save.set(REFRESHED, Value::Null)?;
            save.set(REFRESH_AT, now)?;
        }
        Ok(())
    }
}

/// Holds a rule to what can be worked out, and brings leads to it.
struct CheckRule;

impl BeforeSave for CheckRule {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if save.changes_what_is_said() {
            save.check_user_administers()?;
        }
        let of = save.value(score_rule::OF)?;
        let of = of.as_text().and_then(ScoredBy::from_code).unwrap_or(ScoredBy::Lead);
        let entity = if of == ScoredBy::Lead { Lead::NAME } else { Activity::NAME };
        if save.changes(score_rule::CONDITION)? || save.changes(score_rule::OF)? {
            let condition = save.value(score_rule::CONDITION)?;
            let condition = condition.as_text().unwrap_or_default();
            let named = |error: Error| error.field(score_rule::CONDITION.name());
            save.check_criteria(entity, condition).map_err(named)?;
        }
        let out = |field: &str, rule: &str| Err(Error::new(Code::OutOfRange).field(field).rule(rule));
        match (save.value(score_rule::POINTS)?, save.value(score_rule::MOST_TIMES)?) {
            (Value::Int(points), _) if !(-MAX_POINTS..=MAX_POINTS).contains(&points) => {
                return out(score_rule::POINTS.name(), "-10000 to 10000");
            }
            (_, Value::Int(times)) if !(1..=1_000).contains(&times) => {
                return out(score_rule::MOST_TIMES.name(), "1 to 1000");
            }
            _ => {}
        }
        let (before, model) =
            (save.old_value(score_rule::MODEL)?.as_id(), save.value(score_rule::MODEL)?.as_id());
        let mut models: Vec<RecordId> = [before, model].into_iter().flatten().collect();
        models.dedup();
        let now = save.now();
        for model in models {
            let changes = Changes::new().set(REFRESH_AT, now).set(REFRESHED, Value::Null);
            save.also_update(ScoreModel::NAME, model, changes);
        }
        Ok(())
    }
}

/// A rule is switched off before it is deleted, so that leads are brought to a model without it.
struct OffBeforeDelete;

impl RecordHook for OffBeforeDelete {
    fn run(&self, happening: &mut Happening<'_, '_>) -> Result<()> {
        if happening.value(score_rule::ACTIVE)? == Value::Bool(false) {
            return Ok(());
        }
        let counts = Error::new(Code::Referenced).entity(ScoreRule::NAME).record(happening.record());
        Err(counts.field(score_rule::ACTIVE.name()).rule("switch it off first"))
    }
}

/// Brings leads that stand to a model that has changed, a chunk at a time.
struct Refresh;

impl DueWork for Refresh {
    fn name(&self) -> &'static str {
        REFRESH
    }

    fn run(&self, transaction: &mut Transaction<'_>, record: RecordId) -> Result<DueDone> {
        let model = transaction.get_record(ScoreModel::NAME, record)?;
        if model.value(ACTIVE)? != Value::Bool(true) {
            return Ok(DueDone::Again(None));
        }
        let broken = |error: serde_json::Error| Error::new(Code::InvalidCursor).because(error);
        let after = model.value(REFRESHED)?;
        let after: Option<PageCursor> =
            after.as_text().map(serde_json::from_str).transpose().map_err(broken)?;
        let find = Find { limit: CHUNK, after, ..Find::default() };
        let page = transaction.reader().find(Lead::NAME, &find)?;
        for row in &page.rows {
            if lead::is_over(&row.value(lead::STATUS)?) {
                continue;
            }
            let point = transaction.savepoint();
            match transaction.update_record(Lead::NAME, row.record.id, Changes::new()) {
                // One that is locked, or that a rule refuses, holds up no other.
                Err(error) if is_of_record(&error) => transaction.roll_back_to(point),
                updated => drop(updated?),
            }
        }
        let Some(next) = page.next else { return Ok(DueDone::Again(None)) };
        let changes = Changes::new().set(REFRESHED, serde_json::to_string(&next).map_err(broken)?);
        transaction.update_record(ScoreModel::NAME, record, changes)?;
        let soon = Timestamp::from_micros(transaction.now().micros().saturating_add(1));
        Ok(DueDone::Again(Some(soon)))
    }
}

/// A rule that gives a lead points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The rule.
    pub rule: RecordId,
    /// What it is called.
    pub name: String,
    /// How often its condition is met, as far as it counts.
    pub times: u64,
    /// The points that this comes to.
    pub points: i64,
}

/// Why a lead has its score.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScoreReasons {
    /// The score, if it has one that the user sees.
    pub score: Option<i64>,
    /// The model, if one is active.
    pub model: Option<RecordId>,
    /// The rules that give points, by their places, whose fields the user sees.
    pub reasons: Vec<Reason>,
    /// The points of all others: of rules over fields and activities that the user does not see.
    pub others: i64,
}

impl Ref<Lead> {
    /// Why the lead has its score: rule by rule, as far as the user sees what the rules look at.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`.
    pub fn explain_score(self, reader: &Reader<'_>) -> Result<ScoreReasons> {
        let row = reader.get(Lead::NAME, self.id())?;
        let mut told = ScoreReasons {
            score: match row.value(lead::SCORE)? {
                Value::Int(score) => Some(score),
                _ => None,
            },
            ..ScoreReasons::default()
        };
        let active = Find { filter: KEY.is(ACTIVE_KEY), limit: 1, ..Find::default() };
        let model = reader.find(ScoreModel::NAME, &active)?.rows.first().map(|row| row.record.id);
        let (Some(model), Some(score)) = (model, told.score) else { return Ok(told) };
        told.model = Some(model);
        let find = Find {
            filter: score_rule::MODEL.is(model),
            sort: vec![score_rule::POSITION.ascending()],
            limit: MAX_ACTIVITIES,
            ..Find::default()
        };
        let done = self.seen_activities(reader)?;
        for stated in reader.find(ScoreRule::NAME, &find)?.rows {
            let Some(rule) = Rule::of(stated.record.id, &|name| stated.value(name))? else { continue };
            let Some(times) = met(reader, &rule, &row, &done)? else { continue };
            let (times, points) = rule.points_for(times);
            if times > 0 {
                let times = u64::try_from(times).unwrap_or(u64::MAX);
                told.reasons.push(Reason { rule: rule.id, name: rule.name, times, points });
            }
        }
        let said = told.reasons.iter().fold(0_i64, |sum, reason| sum.saturating_add(reason.points));
        told.others = score.saturating_sub(said);
        Ok(told)
    }

    fn seen_activities(self, reader: &Reader<'_>) -> Result<Vec<Listing>> {
        let filter = Condition::refers_to(activity::REGARDING, Lead::NAME, self.id());
        let sort = vec![activity::AT.ascending()];
        let find = Find { filter, sort, limit: MAX_ACTIVITIES, ..Find::default() };
        match reader.find(Activity::NAME, &find) {
            // Who sees no activities, or not with whom or when they were, is told nothing of them.
            Err(error)
                if matches!(
                    error.code(),
                    Code::NotPermitted | Code::ModuleOff | Code::UnknownField | Code::FieldNotPermitted
                ) =>
            {
                Ok(Vec::new())
            }
            page => Ok(page?.rows),
        }
    }
}

/// What a condition gives: nothing where it is not understood any more, or makes no sense of what is stored, which keeps no
/// lead from being written. Any other fault is one.
fn understood<T>(met: Result<T>) -> Result<Option<T>> {
    match met {
        Err(error)
            if matches!(
                error.code(),
                Code::InvalidExpression
                    | Code::OutOfRange
                    | Code::CurrencyMismatch
                    | Code::WrongType
                    | Code::LimitExceeded
            ) =>
        {
            Ok(None)
        }
        met => met.map(Some),
    }
}

/// How often the condition of a rule is met; nothing where the reader does not see what it looks at.
fn met(reader: &Reader<'_>, rule: &Rule, lead: &Listing, done: &[Listing]) -> Result<Option<usize>> {
    let rows: &[Listing] = match rule.of {
        ScoredBy::Lead => std::slice::from_ref(lead),
        ScoredBy::Activity => done,
    };
    let mut times = 0_usize;
    for row in rows {
        let Some(holds) = understood(reader.meets(row, &rule.condition))?.flatten() else { return Ok(None) };
        times = times.saturating_add(usize::from(holds));
    }
    Ok(Some(times))
}
