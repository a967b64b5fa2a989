//! Rules of retention: what must go once it was kept long enough, and what may not go before.
//!
//! A rule removes by the verbs that people have and by the rights of who runs it, in chunks between which others write.
//! It passes over what is held, locked, or kept longer by another rule, and says so of each.

use std::sync::Arc;

use crate::access::{Action, Role};
use crate::base::{Code, Date, Error, Patience, RecordId, Result, Timestamp, Value};
use crate::engine::bulk::{BulkDone, each, ends};
use crate::engine::privacy::forget_consents;
use crate::engine::privacy::holds::LegalHolds;
use crate::engine::privacy::kept::Values;
use crate::engine::privacy::term::Term;
use crate::engine::{
    BeforeSave, Changes, Condition, ErasureReason, FieldSelector, Find, Reader, Save, Session, Transaction,
    WriteOptions,
};
use crate::records::{
    self, Comparison, Filter, Holds, Moment, PageCursor, PurgeChunk, Record, RecordFacts, Stated, SystemField,
};
use crate::schema::declare::codes;
use crate::schema::{
    Entity, EntityType, Field, FieldNames, FieldType, Privacy, Registry, compile_condition, valid_name,
};

/// Records of one transaction.
const CHUNK: usize = 200;
/// Most records that one call looks at.
const MAX_LOOKS: usize = 10_000;
/// Most rules.
const MAX_RULES: usize = 1_000;
/// Records that stay and are told one by one.
const MAX_TOLD: usize = 100;
/// What the ledger names, before the code of the rule.
const CAUSE: &str = "retention.";
/// What stands in place of a personal text that a record cannot be without.
const EMPTIED: &str = "—";

codes! {
    /// What a rule does with a record that was kept long enough.
    RetentionAction {
        /// It is deleted, and comes back until deleted records are purged.
        Delete = "delete", "删除", "Delete";
        /// It goes for good: row, keys, versions and attachments.
        Purge = "purge", "彻底清除", "Purge";
        /// Its personal fields are emptied. The ledger tells what stood there as long as history is kept.
        Anonymise = "anonymise", "匿名化", "Anonymise";
        /// The person is erased: record, history, attachments and older backups.
        Erase = "erase", "抹除个人", "Erase";
    }
}

/// What must go when.
pub mod retention_rule {
    use super::RetentionAction;
    use crate::schema::declare::entity;
    use crate::schema::{Bool, Choice, Text};

    entity! {
        /// What must go once it was kept long enough.
        RetentionRule = ("sys", 34, "retention_rule", "保存规则", "Retention rule",
            "数据保存期满后的处理规则。", title "name", data_subject false);
        /// The stable code, by which the ledger names it.
        CODE: Text = 1, "code", "代码", "Code", "稳定代码，账本据此记录。",
            [required = true, unique = true, indexed = true];
        /// What it is called.
        NAME: Text = 2, "name", "名称", "Name", "规则名称。", [required = true];
        /// The entity, by API name.
        ENTITY: Text = 3, "entity", "实体", "Entity", "所涉实体的 API 名称。", [required = true, indexed = true];
        /// The records of the entity that it is about, as an expression; all of them if there is none.
        CONDITION: Text = 4, "condition", "条件", "Condition", "以表达式限定记录；为空表示全部。", [];
        /// The field with whose day or moment the period begins, `created_at` or `modified_at`.
        CLOCK: Text = 5, "clock", "起算字段", "Clock", "期间的起算字段，或 created_at、modified_at。", [required = true];
        /// How long records are kept: P5Y, P18M, P90D.
        PERIOD: Text = 6, "period", "保存期限", "Period", "保存期限，如 P5Y、P18M、P90D。", [required = true];
        /// How long the law wants them to be kept at least, by whatever rule.
        MIN_PERIOD: Text = 7, "min_period", "最短保存期限", "Minimum period",
            "法定最短保存期限，任何规则均不得缩短。", [];
        /// What is done then.
        ACTION: Choice<RetentionAction> = 8, "action", "处理", "Action", "期满后的处理。", [required = true];
        /// The law, the contract or the decision that says so.
        BASIS: Text = 9, "basis", "依据", "Basis", "法律、合同或决定等依据。", [required = true];
        /// Whether it is on; no unless it is said.
        ACTIVE: Bool = 10, "active", "启用", "Active", "是否启用；未填写时为否。", [];
    }
}

pub use retention_rule::RetentionRule;

/// Why a record stays though a rule is about it.
#[derive(Debug)]
pub enum Kept {
    /// It is under a legal hold.
    Hold,
    /// Somebody has locked it.
    Locked,
    /// Another rule keeps it longer, by this code.
    Minimum(String),
    /// It could not be removed.
    Refused(Error),
}

impl Kept {
    /// The stable name: `hold`, `locked`, `minimum`, `refused`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Locked => "locked",
            Self::Minimum(_) => "minimum",
            Self::Refused(_) => "refused",
        }
    }
}

/// A record that a rule is about.
#[derive(Debug)]
pub struct RetentionRow {
    /// The record.
    pub id: RecordId,
    /// Why it stays, if it does.
    pub kept: Option<Kept>,
}

/// What a rule would remove.
#[derive(Debug)]
pub struct RetentionPage {
    /// Records whose period began on this day or earlier are due.
    pub until: Date,
    /// How many are due in all, those that stay among them.
    pub due: u64,
    /// Some of them, in the order in which they were made.
    pub rows: Vec<RetentionRow>,
    /// Where to go on, if there is more.
    pub next: Option<PageCursor>,
}

/// What a rule has removed.
#[derive(Debug)]
pub struct RetentionRun {
    /// The code of the rule.
    pub rule: String,
    /// How many records are gone, or anonymous.
    pub removed: u64,
    /// How many stay though they are due.
    pub kept: u64,
    /// The first hundred of those, and why.
    pub rows: Vec<RetentionRow>,
    /// Where to go on, if there is more.
    pub next: Option<PageCursor>,
    /// Why it stopped before its limit: it was cancelled, or its time was up. What was removed stays so.
    pub stopped: Option<Error>,
}

/// A rule as it is worked by.
struct Rule {
    code: String,
    entity: String,
    condition: Option<String>,
    clock: FieldSelector,
    period: Term,
    minimum: Option<Term>,
    action: RetentionAction,
    basis: String,
    active: bool,
}

/// Holds a rule to what it can do.
pub(super) struct CheckRule;

impl BeforeSave for CheckRule {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if save.value(retention_rule::ACTIVE)?.is_null() {
            save.set(retention_rule::ACTIVE, false)?;
        }
        let rule = Rule::of(save.entity, save.record)?;
        if !valid_name(&rule.code) {
            return Err(wrong("code", "small letters, digits and _"));
        }
        if !save.is_new() && save.changes(retention_rule::CODE)? {
            return Err(wrong("code", "a code stays what it is"));
        }
        let entity = save.registry.entity(&rule.entity)?;
        if entity.api_name.starts_with("sys.") {
            return Err(wrong("entity", "records of the organisation are kept"));
        }
        rule.clock_of(entity)?;
        if let Some(condition) = &rule.condition {
            compile_condition(condition, &FieldNames::of(entity))
                .map_err(|error| error.field("condition"))?;
        }
        rule.check_period(save.today()?)?;
        rule.check_action(save.registry, entity)
    }
}

impl Rule {
    fn of(rules: &Entity, record: &Record) -> Result<Self> {
        let values = Values { entity: rules, record };
        let text = |name| values.text(name).unwrap_or_default();
        let term = |field: &str, text: String| text.parse::<Term>().map_err(|error| error.field(field));
        let action = text(retention_rule::ACTION.selector());
        Ok(Self {
            code: text(retention_rule::CODE.selector()),
            entity: text(retention_rule::ENTITY.selector()),
            condition: values.text(retention_rule::CONDITION.selector()),
            clock: text(retention_rule::CLOCK.selector()).into(),
            period: term("period", text(retention_rule::PERIOD.selector()))?,
            minimum: values
                .text(retention_rule::MIN_PERIOD.selector())
                .map(|text| term("min_period", text))
                .transpose()?,
            action: RetentionAction::from_code(&action).ok_or_else(|| wrong("action", "an action"))?,
            basis: text(retention_rule::BASIS.selector()),
            active: values.value(retention_rule::ACTIVE.selector()) == Value::Bool(true),
        })
    }

    /// The field of the clock, and whether it has moments.
    fn clock_of(&self, entity: &Entity) -> Result<(crate::base::FieldId, bool)> {
        let field = self.clock.resolve(entity)?;
        if [SystemField::CreatedAt.id(), SystemField::ModifiedAt.id()].contains(&field) {
            return Ok((field, true));
        }
        match entity.field_by_id(field).map(|field| &field.definition.kind) {
            Some(FieldType::Date) => Ok((field, false)),
            Some(FieldType::DateTime) => Ok((field, true)),
            _ => Err(wrong("clock", "a day or a moment")),
        }
    }

    fn check_period(&self, today: Date) -> Result<()> {
        match self.minimum {
            Some(minimum) if minimum.before(today)? < self.period.before(today)? => {
                Err(wrong("period", "not shorter than the minimum"))
            }
            _ => Ok(()),
        }
    }

    fn check_action(&self, registry: &Registry, entity: &Entity) -> Result<()> {
        match self.action {
            RetentionAction::Erase if !entity.definition.data_subject => {
                Err(wrong("action", "only persons are erased"))
            }
            RetentionAction::Anonymise => {
                let fields = personal(registry, entity);
                if fields.is_empty() {
                    return Err(wrong("action", "no personal fields that anybody sets"));
                }
                let stays = |field: &&Field| {
                    let text = matches!(field.definition.kind, FieldType::Text);
                    let bound = field.is_required() && (!text || field.definition.unique);
                    field.definition.read_only || bound
                };
                match fields.into_iter().find(stays) {
                    Some(field) => {
                        let error = wrong("action", "a personal field that cannot be emptied");
                        Err(error.value(&field.api_name))
                    }
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// What anonymises a record.
    fn anonymous(registry: &Registry, entity: &Entity) -> Changes {
        personal(registry, entity).into_iter().fold(Changes::new(), |changes, field| {
            let value = if field.is_required() { Value::from(EMPTIED) } else { Value::Null };
            changes.set(field.api_name.clone(), value)
        })
    }

    /// The records that are due on a day.
    fn due(&self, registry: &Registry, reader: &Reader<'_>) -> Result<(Date, Condition)> {
        let entity = registry.entity(&self.entity)?;
        let until = self.period.before(reader.today()?)?;
        let (_, has_moments) = self.clock_of(entity)?;
        let due = match has_moments {
            false => Filter::Compare(self.clock.clone(), Comparison::LessOrEqual, Value::Date(until)),
            true => {
                let end = behind(until)?.start_in(&reader.settings.zone()?)?;
                Filter::Compare(self.clock.clone(), Comparison::Less, Value::DateTime(end))
            }
        };
        let mut parts = vec![due];
        parts.extend(self.condition.as_deref().map(|source| Filter::Holds(Stated::new(source))));
        if self.action == RetentionAction::Anonymise {
            let fields = personal(registry, entity).into_iter();
            let filled = fields.map(|field| {
                let name = FieldSelector::from(field.api_name.as_str());
                let empty = match field.is_required() {
                    true => Filter::Compare(name, Comparison::Equal, Value::from(EMPTIED)),
                    false => Filter::IsNull(name),
                };
                Filter::Not(Box::new(empty))
            });
            parts.push(Filter::Any(filled.collect()));
        }
        Ok((until, Filter::All(parts)))
    }

    /// Whether the minimum of this rule keeps a record.
    fn keeps(&self, entity: &Entity, record: &Record, (moment, end): (Moment, &Ends<'_>)) -> Result<bool> {
        let Some(minimum) = self.minimum.filter(|_| self.active) else { return Ok(false) };
        if let Some(condition) = &self.condition {
            let compiled = compile_condition(condition, &FieldNames::of(entity))?;
            if compiled.holds(&RecordFacts { record, moment })? != Some(true) {
                return Ok(false);
            }
        }
        let until = minimum.before(moment.today)?;
        let (clock, _) = self.clock_of(entity)?;
        Ok(match record.value(clock) {
            Value::Date(day) => day > until,
            Value::DateTime(at) => at >= end(until)?,
            // A clock that has not begun to run keeps what it is about.
            _ => true,
        })
    }
}

impl RetentionRun {
    /// One that has done nothing yet.
    fn of(rule: &Rule, next: Option<PageCursor>) -> Self {
        Self { rule: rule.code.clone(), removed: 0, kept: 0, rows: Vec::new(), next, stopped: None }
    }
}

/// The moment with which a day ends for the organisation.
type Ends<'a> = dyn Fn(Date) -> Result<Timestamp> + 'a;

impl Session {
    /// What a rule would remove, and what of it stays and why: counts, and a page of the records. Nothing is removed.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `record.reference_missing` for a rule that
    /// there is not; those of lists.
    pub fn preview_retention(
        &self,
        rule: &str,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<RetentionPage> {
        self.check_may(Role::NAME, Action::Administer)?;
        self.read(|reader| {
            let rules = reader.retention_rules()?;
            let rule = found(&rules, rule)?;
            let (until, filter) = rule.due(reader.registry, &reader)?;
            let due = reader.count(&rule.entity, &filter)?;
            let page = reader.find(&rule.entity, &Find { filter, limit, after, ..Find::default() })?;
            let holds = LegalHolds::of(&reader);
            let rows = page.rows.iter().map(|row| {
                let kept = reader.keeping(&holds, (&rules, rule), row.record.id)?;
                Ok(RetentionRow { id: row.record.id, kept })
            });
            Ok(RetentionPage { until, due, rows: rows.collect::<Result<_>>()?, next: page.next })
        })
    }

    /// Removes what a rule is about, in chunks of 200 records, at most 10,000 of them by one call. Each removal is
    /// entered in the ledger with the cause `retention.` and the code of the rule. What cannot be removed stays, and is
    /// told. Each person that a rule erases has a receipt ([`Session::erasure_receipts`]), which names the rule. Erasures
    /// that an earlier run began, and did not end because the process did or a signer failed, are finished first. The
    /// listener of the session's patience is told of the phase `retention`.
    ///
    /// # Errors
    /// As [`Session::preview_retention`]; `input.invalid_argument` for a rule that is not active.
    pub fn run_retention(&self, rule: &str, after: Option<PageCursor>, limit: usize) -> Result<RetentionRun> {
        self.check_may(Role::NAME, Action::Administer)?;
        self.finish_erasing()?;
        let rules = self.read(|reader| reader.retention_rules())?;
        let rule = found(&rules, rule)?;
        if !rule.active {
            return Err(wrong("rule", "an active rule"));
        }
        let most = if limit == 0 { MAX_LOOKS } else { limit.min(MAX_LOOKS) };
        let mut run = RetentionRun::of(rule, after);
        let mut looked = 0;
        while looked < most {
            match self.retention_chunk(&rules, rule, (&mut run, CHUNK.min(most.saturating_sub(looked)))) {
                Ok(0) => break,
                Ok(count) => {
                    looked = looked.saturating_add(count);
                    self.finish_chunk(rule)?;
                }
                Err(error) if ends(&error) => {
                    run.stopped = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
            self.patience().tell("retention", looked as u64, 0);
            if run.next.is_none() {
                break;
            }
        }
        Ok(run)
    }

    /// Runs every active rule in the order of their codes, until so many records were looked at: a host calls it from
    /// time to time. A rule that did not come to its end says where to go on.
    ///
    /// # Errors
    /// As [`Session::run_retention`].
    pub fn run_due_retention(&self, limit: usize) -> Result<Vec<RetentionRun>> {
        self.check_may(Role::NAME, Action::Administer)?;
        // What an interrupted run has begun is finished, be its rule gone or not active any more.
        self.finish_erasing()?;
        let rules = self.read(|reader| reader.retention_rules())?;
        let mut left = if limit == 0 { MAX_LOOKS } else { limit.min(MAX_LOOKS) };
        let mut runs = Vec::new();
        for rule in rules.iter().filter(|rule| rule.active) {
            if left == 0 {
                break;
            }
            let run = match self.run_retention(&rule.code, None, left) {
                // A rule that no longer fits its entity holds up none of the others.
                Err(error) if is_of_rule(&error) => {
                    runs.push(RetentionRun { stopped: Some(error), ..RetentionRun::of(rule, None) });
                    continue;
                }
                run => run?,
            };
            let looked = usize::try_from(run.removed.saturating_add(run.kept)).unwrap_or(usize::MAX);
            left = left.saturating_sub(looked);
            let stopped = run.stopped.is_some();
            runs.push(run);
            if stopped {
                break;
            }
        }
        Ok(runs)
    }

    /// The active rules by their codes, each with its entity and how many records are due, those that stay among them;
    /// nothing where that cannot be worked out, since the rule no longer fits its entity.
    ///
    /// # Errors
    /// As [`Session::preview_retention`].
    pub fn due_by_retention(&self) -> Result<Vec<(String, String, Option<u64>)>> {
        self.check_may(Role::NAME, Action::Administer)?;
        self.read(|reader| {
            let rules = reader.retention_rules()?;
            let active = rules.into_iter().filter(|rule| rule.active).map(|rule| {
                let due = rule.due(reader.registry, &reader);
                let due = due.and_then(|(_, filter)| reader.count(&rule.entity, &filter));
                match due {
                    Err(error) if is_of_rule(&error) => Ok((rule.code, rule.entity, None)),
                    due => Ok((rule.code, rule.entity, Some(due?))),
                }
            });
            active.collect()
        })
    }

    /// Brings the erasures of a chunk to their end. Whoever cancels the run meanwhile waits for that: rows that are empty
    /// have keys that are to go and receipts that are to come, and the run's counts speak of them already.
    fn finish_chunk(&self, rule: &Rule) -> Result<()> {
        match rule.action {
            RetentionAction::Erase => self.with_patience(Patience::default()).finish_erasing(),
            RetentionAction::Delete | RetentionAction::Purge | RetentionAction::Anonymise => Ok(()),
        }
    }

    /// Looks at the next records of a rule, removes those that may go, and gives how many it looked at.
    fn retention_chunk(
        &self,
        rules: &[Rule],
        rule: &Rule,
        (run, most): (&mut RetentionRun, usize),
    ) -> Result<usize> {
        self.patience().check()?;
        let page = self.read(|reader| {
            let (_, filter) = rule.due(reader.registry, &reader)?;
            let find = Find { filter, limit: most, after: run.next.clone(), ..Find::default() };
            reader.find(&rule.entity, &find)
        })?;
        let ids: Vec<RecordId> = page.rows.iter().map(|row| row.record.id).collect();
        let rows = self.remove_chunk(rules, rule, &ids)?;
        for row in rows {
            match row.kept {
                None => run.removed = run.removed.saturating_add(1),
                Some(_) => {
                    run.kept = run.kept.saturating_add(1);
                    if run.rows.len() < MAX_TOLD {
                        run.rows.push(row);
                    }
                }
            }
        }
        run.next = page.next;
        Ok(ids.len())
    }

    fn remove_chunk(&self, rules: &[Rule], rule: &Rule, ids: &[RecordId]) -> Result<Vec<RetentionRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let options = WriteOptions::default().cause(&format!("{CAUSE}{}", rule.code));
        self.write_with(options, |transaction| {
            let mut kept: Vec<RetentionRow> = Vec::new();
            let mut going = Vec::new();
            let holds = transaction.legal_holds();
            for id in ids.iter().copied() {
                match transaction.reader().keeping(holds.as_ref(), (rules, rule), id)? {
                    None => going.push(id),
                    why => kept.push(RetentionRow { id, kept: why }),
                }
            }
            let done = each(transaction, &going, |transaction, id| transaction.remove_by(rule, id))?;
            let gone: Vec<RecordId> =
                done.iter().filter(|row| row.outcome.is_ok()).map(|row| row.id).collect();
            transaction.finish_removal(rule, &gone)?;
            kept.extend(
                done.into_iter()
                    .map(|row| RetentionRow { id: row.id, kept: row.outcome.err().map(Kept::Refused) }),
            );
            Ok(kept)
        })
    }
}

impl Reader<'_> {
    /// The rules that the user sees, in the order of their codes.
    fn retention_rules(&self) -> Result<Vec<Rule>> {
        let entity = self.registry.entity(RetentionRule::NAME)?;
        let page = self.find(RetentionRule::NAME, &Find { limit: MAX_RULES, ..Find::default() })?;
        let rules = page.rows.iter().map(|row| Rule::of(entity, &row.record));
        let mut rules: Vec<Rule> = rules.collect::<Result<_>>()?;
        rules.sort_by(|one, other| one.code.cmp(&other.code));
        Ok(rules)
    }

    /// Why a record stays that a rule is about.
    fn keeping(
        &self,
        holds: &dyn Holds,
        (rules, rule): (&[Rule], &Rule),
        id: RecordId,
    ) -> Result<Option<Kept>> {
        let entity = self.registry.entity(&rule.entity)?;
        let record = self.stored(&self.permit(entity)?, entity, id)?;
        if holds.holding(self.snapshot, entity, &record)?.is_some() {
            return Ok(Some(Kept::Hold));
        }
        if record.envelope.locked_by.is_some() {
            return Ok(Some(Kept::Locked));
        }
        let (moment, zone) = (self.moment()?, self.settings.zone()?);
        let ends = |day: Date| behind(day)?.start_in(&zone);
        for other in rules.iter().filter(|other| self.is_about(other, entity)) {
            match other.keeps(entity, &record, (moment, &ends)) {
                Ok(false) => {}
                Ok(true) => return Ok(Some(Kept::Minimum(other.code.clone()))),
                // A minimum that cannot be worked out, since a field has another name now, is kept to.
                Err(error) if is_of_rule(&error) => return Ok(Some(Kept::Minimum(other.code.clone()))),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn is_about(&self, rule: &Rule, entity: &Entity) -> bool {
        self.registry.entity(&rule.entity).is_ok_and(|known| known.id() == entity.id())
    }
}

impl Transaction<'_> {
    fn remove_by(&mut self, rule: &Rule, id: RecordId) -> Result<BulkDone> {
        match rule.action {
            RetentionAction::Delete | RetentionAction::Purge => {
                self.delete_record(&rule.entity, id).map(|()| BulkDone::Deleted)
            }
            RetentionAction::Erase => {
                let registry = Arc::clone(&self.registry);
                let entity = &registry.entity(&rule.entity)?.api_name;
                let erased = self.erase_record(entity, id, &ErasureReason::default())?;
                self.begin_erasing((entity, id), (&rule.code, &rule.basis), &erased)?;
                Ok(BulkDone::Deleted)
            }
            RetentionAction::Anonymise => {
                let registry = Arc::clone(&self.registry);
                let changes = Rule::anonymous(&registry, registry.entity(&rule.entity)?);
                self.update_record(&rule.entity, id, changes).map(|_| BulkDone::Updated)
            }
        }
    }

    /// What is done with those that are gone, in the same transaction.
    fn finish_removal(&mut self, rule: &Rule, gone: &[RecordId]) -> Result<()> {
        match rule.action {
            RetentionAction::Purge => self.purge_now(&rule.entity, gone),
            RetentionAction::Delete | RetentionAction::Erase | RetentionAction::Anonymise => Ok(()),
        }
    }

    /// Purges records that this transaction has deleted.
    fn purge_now(&mut self, entity: &str, gone: &[RecordId]) -> Result<()> {
        let (registry, policy) = (Arc::clone(&self.registry), Arc::clone(&self.policy));
        let entity = registry.entity(entity)?;
        let context = self.context_for(entity, std::collections::BTreeSet::new());
        let ids: Vec<RecordId> = gone.to_vec();
        let chunk = PurgeChunk { ids, ..PurgeChunk::default() };
        let files = records::purge(self.view_mut(), &context, entity, &chunk)?;
        self.unlinked.extend(files);
        if entity.definition.data_subject {
            for person in gone {
                forget_consents(self.view_mut(), &context, (&registry, &policy), *person)?;
            }
        }
        Ok(())
    }
}

/// The fields that tell something of people and that somebody sets.
fn personal<'e>(registry: &Registry, entity: &'e Entity) -> Vec<&'e Field> {
    let set = |field: &&Field| {
        let kind = &field.definition.kind;
        !kind.is_worked_out() && !kind.is_opaque() && !field.is_withdrawn()
    };
    let tells = |field: &&Field| registry.privacy(entity, field.id()) > Privacy::None;
    entity.fields().iter().filter(set).filter(tells).collect()
}

/// The day behind another one.
fn behind(day: Date) -> Result<Date> {
    Date::from_days(day.days().saturating_add(1))
}

/// Whether an error says that a rule does not fit its entity.
fn is_of_rule(error: &Error) -> bool {
    error.code().key().starts_with("schema.")
}

fn found<'r>(rules: &'r [Rule], code: &str) -> Result<&'r Rule> {
    let missing = || Error::new(Code::ReferenceMissing).entity(RetentionRule::NAME).field("code").value(code);
    rules.iter().find(|rule| rule.code == code).ok_or_else(missing)
}

fn wrong(field: &str, rule: &str) -> Error {
    Error::new(Code::InvalidArgument).entity(RetentionRule::NAME).field(field).rule(rule)
}
