//! Legal holds: records that must be kept, one by one or all of an entity that meet a condition.
//!
//! A hold is a record of nobody's, which no call changes but to release it, and never goes. The records' floor asks here
//! before each removal, whoever removes.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{Action, Administer, Level, NOBODY, Policy, User};
use crate::base::{Code, Error, MAX_PAGE_ROWS, RecordId, Result, Timestamp, Value, normalize};
use crate::engine::nobodys::Nobodys;
use crate::engine::privacy::kept::Values;
use crate::engine::{Changes, Crm, Reader, Session, Settings, Transaction, WriteOptions};
use crate::records::{self, Comparison, Filter, Holds, PageCursor, Query, Record, RecordFacts, Sight};
use crate::schema::expr::Expression;
use crate::schema::{Entity, EntityType, FieldNames, Registry, compile_condition};
use crate::storage::Snapshot;

/// Most holds in force on one record, and most on an entity.
const MAX_HOLDS: usize = 100;
/// Longest reason, in bytes of UTF-8.
const MAX_REASON_BYTES: usize = 2_000;
/// What the target of a hold says behind the entity where it is no single record.
const ALL: &str = "*";

/// What must be kept.
pub mod legal_hold {
    use crate::schema::declare::entity;
    use crate::schema::{DateTime, Text};

    entity! {
        /// Records that must be kept: while it holds, nobody deletes, purges or erases them.
        LegalHold = ("sys", 33, "legal_hold", "法律保全", "Legal hold",
            "必须保全的记录：保全期间任何人不得删除、清除或抹除。", title "reason", data_subject false);
        /// The entity of what is held, by API name.
        ENTITY: Text = 1, "entity", "实体", "Entity", "所保全记录的实体，填写 API 名称。",
            [required = true, read_only = true, indexed = true];
        /// The record, by its id; all records of the entity if there is none.
        RECORD: Text = 2, "record", "记录", "Record", "所保全记录的编号；为空表示该实体的全部记录。", [read_only = true];
        /// The records of the entity that are held, as an expression; all of them if there is none.
        CONDITION: Text = 3, "condition", "条件", "Condition",
            "以表达式限定所保全的记录；为空表示不限定。", [read_only = true];
        /// Why they are held: the case, the order of a court, the inquiry.
        REASON: Text = 4, "reason", "原因", "Reason", "保全的原因，如案号、法院裁定或调查。",
            [required = true, read_only = true];
        /// The moment from which it holds.
        FROM: DateTime = 5, "from", "开始时间", "From", "生效时刻。", [required = true, read_only = true];
        /// The moment from which it holds no longer; none for one that holds until it is released.
        UNTIL: DateTime = 6, "until", "到期时间", "Until", "失效时刻；为空表示直至解除。", [read_only = true];
        /// Why it was released.
        RELEASED: Text = 7, "release_reason", "解除原因", "Reason of release", "解除保全的原因。", [read_only = true];
        /// What the engine finds it by: the entity's permanent number, and the record.
        TARGET: Text = 8, "target", "目标", "Target", "引擎内部查找所用：实体的永久编号与记录。",
            [required = true, read_only = true, indexed = true];
    }
}

pub use legal_hold::LegalHold;

/// What is to be held, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHold {
    /// The entity.
    pub entity: String,
    /// The record; records of the entity if there is none.
    pub record: Option<RecordId>,
    /// Those of them alone for which this expression is true.
    pub condition: Option<String>,
    /// Why.
    pub reason: String,
    /// From when on; from now on if nothing is said.
    pub from: Option<Timestamp>,
    /// From when on no longer; until it is released if nothing is said.
    pub until: Option<Timestamp>,
}

impl NewHold {
    /// A hold on one record from now on.
    #[must_use]
    pub fn on(entity: &str, record: RecordId, reason: &str) -> Self {
        Self { record: Some(record), ..Self::on_all(entity, reason) }
    }

    /// A hold on all records of an entity from now on.
    #[must_use]
    pub fn on_all(entity: &str, reason: &str) -> Self {
        let (entity, reason) = (entity.to_owned(), reason.to_owned());
        Self { entity, record: None, condition: None, reason, from: None, until: None }
    }
}

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its record.
    pub id: RecordId,
    /// The entity of what is held, by its present API name.
    pub entity: String,
    /// The record, if it is one.
    pub record: Option<RecordId>,
    /// Which records of the entity, if not all.
    pub condition: Option<String>,
    /// Why.
    pub reason: String,
    /// From when on.
    pub from: Timestamp,
    /// From when on no longer.
    pub until: Option<Timestamp>,
    /// Who placed it.
    pub placed_by: RecordId,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Who released it, when and why, if somebody did.
    pub released: Option<(RecordId, Timestamp, String)>,
    /// Whether it holds now.
    pub in_force: bool,
}

/// One page of holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldPage {
    /// The holds, in the order in which they were placed.
    pub rows: Vec<Hold>,
    /// Where to go on, if there is more.
    pub next: Option<PageCursor>,
}

impl Session {
    /// Places a hold. See [`Transaction::place_hold`].
    ///
    /// ```
    /// # fn main() -> guanxi::Result<()> {
    /// # let crm = guanxi::in_memory().create_in_memory()?;
    /// # let session = crm.session_for("admin@example.test")?;
    /// use guanxi::engine::NewHold;
    /// use guanxi::{Changes, Code};
    /// let id = session.write(|txn| txn.create_record("account", Changes::new().set("name", "加喜")))?;
    /// let hold = session.place_hold(&NewHold::on("account", id, "案号 (2026) 沪 01 民初 7 号"))?;
    /// let refused = session.write(|txn| txn.delete_record("account", id));
    /// assert_eq!(refused.err().map(|error| error.code()), Some(Code::LegalHold));
    /// session.release_hold(hold, "结案")?;
    /// session.write(|txn| txn.delete_record("account", id))
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Transaction::place_hold`].
    pub fn place_hold(&self, hold: &NewHold) -> Result<RecordId> {
        let options = WriteOptions::default().cause("hold.place");
        self.write_with(options, |transaction| transaction.place_hold(hold))
    }

    /// Releases a hold. See [`Transaction::release_hold`].
    ///
    /// # Errors
    /// As [`Transaction::release_hold`].
    pub fn release_hold(&self, id: RecordId, reason: &str) -> Result<()> {
        let options = WriteOptions::default().cause("hold.release");
        self.write_with(options, |transaction| transaction.release_hold(id, reason))
    }

    /// Holds on entities of which the user administers all records, those that were released or are over among them, if
    /// `all` is wanted. A page looks at up to 1,000 holds; it may be empty, and more to come.
    ///
    /// # Errors
    /// `access.session_ended`, `schema.unknown_entity`; `access.not_permitted` for an entity that the user does not
    /// administer.
    pub fn holds(
        &self,
        entity: Option<&str>,
        all: bool,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<HoldPage> {
        self.read(|reader| reader.holds(entity, all, after, limit))
    }

    /// The holds that keep a record now, in the order in which they were placed, for who administers the record.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_entity`.
    pub fn holds_on(&self, entity: &str, id: RecordId) -> Result<Vec<Hold>> {
        self.read(|reader| {
            let known = reader.registry.entity(entity)?;
            let record = reader.administered_record(known, id)?;
            let held = LegalHolds::of(&reader).on(reader.snapshot, known, &record)?;
            let now = reader.crm.moment_of_access();
            let holds = reader.registry.entity(LegalHold::NAME)?;
            Ok(held.iter().filter_map(|hold| told(reader.registry, holds, hold, now)).collect())
        })
    }
}

impl Reader<'_> {
    fn holds(
        &self,
        entity: Option<&str>,
        all: bool,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<HoldPage> {
        let wanted = entity.map(|name| self.registry.entity(name)).transpose()?;
        if let Some(wanted) = wanted {
            self.check_administers_all(wanted)?;
        }
        let limit = if limit == 0 { 100 } else { limit.min(MAX_PAGE_ROWS) };
        let (holds, now) = (self.registry.entity(LegalHold::NAME)?, self.crm.moment_of_access());
        let near = BTreeSet::from([self.policy.partition_of(self.user).unwrap_or(0)]);
        let place = self.of_nobody();
        let permit = place.permit(holds, Some(&near));
        let at = after.as_ref().map_or(self.now, PageCursor::at);
        let mut parts = Vec::new();
        if let Some(entity) = wanted {
            let aims = [number_of(entity), over(&number_of(entity))];
            let aims = aims.iter().map(|aim| aimed_within(holds, aim)).collect::<Result<_>>()?;
            parts.push(Filter::Any(aims));
        }
        if !all {
            let until = holds.field(legal_hold::UNTIL.selector())?.id();
            let later = Filter::Compare(until, Comparison::Greater, Value::DateTime(at));
            parts.push(Filter::Any(vec![Filter::IsNull(until), later]));
        }
        let query = Query { filter: Filter::All(parts), limit, after, at, ..Query::default() };
        let sight = Sight::new(self.snapshot, self.registry, holds, &permit, self.patience);
        let found = records::find(&sight, &query)?;
        let rows = found.records.iter().filter_map(|record| told(self.registry, holds, record, now));
        let shown = |hold: &Hold| {
            let entity = self.registry.entity(&hold.entity);
            (all || hold.in_force) && entity.is_ok_and(|entity| self.check_administers_all(entity).is_ok())
        };
        Ok(HoldPage { rows: rows.filter(shown).collect(), next: found.next })
    }

    /// Refuses who does not administer all records of an entity that the partition has, in person.
    fn check_administers_all(&self, entity: &Entity) -> Result<()> {
        let level = self.policy.effective(self.user, &entity.api_name, Action::Administer);
        match level == Level::All && self.policy.acts_for(self.user).is_none() {
            true => Ok(()),
            false => Err(self.policy.refusal(&entity.api_name, Action::Administer)),
        }
    }

    /// A record, deleted or not, that the user administers.
    fn administered_record(&self, entity: &Entity, id: RecordId) -> Result<Record> {
        let permit = self.policy.decide::<Administer>(self.user, entity.id(), &entity.api_name)?;
        let record = self.standing(&self.permit(entity)?, entity, id)?;
        if permit.allows(record.id, &record.envelope.access_class()) {
            return Ok(record);
        }
        Err(self.policy.refusal(&entity.api_name, Action::Administer))
    }
}

impl Transaction<'_> {
    /// Holds a record, or all records of an entity that are there and that come: while it holds, nobody deletes,
    /// purges or erases them, nor takes their attachments, by whatever right; a deletion that would take them along is
    /// refused as a whole, and rules of retention pass over them. Of an entity of which anything is held no history is
    /// pruned. Values may be changed, since the ledger keeps what they were.
    ///
    /// It takes the right to administer the record, deleted or not; for records of an entity, to administer all of
    /// them. Those of the organisation's own partition hold records of all partitions, those of another one its own. A
    /// condition that cannot be worked out for a record holds it.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_entity`; `schema.invalid_expression` for the
    /// condition; `model.reason_required`; `input.invalid_argument` for a span that is over, for a condition on a single
    /// record, and for records of the organisation other than users; `input.limit_exceeded` beyond 100 holds on one record or entity, and 2,000 bytes of the reason.
    pub fn place_hold(&mut self, hold: &NewHold) -> Result<RecordId> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(&hold.entity)?;
        let reason = reason_of(&hold.reason)?;
        self.check_may_hold(entity, hold.record)?;
        self.check_condition(entity, hold)?;
        let now = self.crm().moment_of_access();
        let from = hold.from.unwrap_or(now);
        if hold.until.is_some_and(|until| until <= from.max(now)) {
            return Err(wrong("later than from, and than now").field("until"));
        }
        let target = target_of(entity, hold.record);
        self.make_room_for_hold(entity, &target, now)?;
        let text = |value: Option<String>| value.map_or(Value::Null, Value::Text);
        let changes = Changes::new()
            .set(legal_hold::ENTITY, entity.api_name.as_str())
            .set(legal_hold::RECORD, text(hold.record.map(|record| record.to_string())))
            .set(legal_hold::CONDITION, text(hold.condition.clone()))
            .set(legal_hold::REASON, reason)
            .set(legal_hold::FROM, from)
            .set(legal_hold::UNTIL, hold.until.map_or(Value::Null, Value::DateTime))
            .set(legal_hold::TARGET, target)
            .owner(NOBODY);
        self.create_in_own_right(LegalHold::NAME, changes)
    }

    /// Releases a hold from now on, by the right that placing it takes. The hold stays among those that were, with who
    /// released it and why. One that is over stays as it is.
    ///
    /// # Errors
    /// `record.not_found`, alike for a hold that is not there and one on an entity that the user does not administer;
    /// `model.reason_required`; `input.limit_exceeded`.
    pub fn release_hold(&mut self, id: RecordId, reason: &str) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let holds = registry.entity(LegalHold::NAME)?;
        let missing = || Error::new(Code::RecordNotFound).entity(LegalHold::NAME).record(id);
        let now = self.crm().moment_of_access();
        let record = records::get_for_rule(self.view(), holds.id(), id)?.ok_or_else(missing)?;
        let hold = told(&registry, holds, &record, now).ok_or_else(missing)?;
        let near = self.policy.partition_of(self.user()) == Some(record.envelope.partition);
        let entity = registry.entity(&hold.entity)?;
        let gone = |error: &Error| hold.record.is_some() && error.code() == Code::RecordNotFound;
        match self.check_may_hold(entity, hold.record) {
            _ if !near => return Err(missing()),
            // The record may have gone out of everybody's sight since; who keeps all of them may release it then.
            Err(error) if gone(&error) => self.check_may_hold(entity, None).map_err(|_| missing())?,
            may => may.map_err(|_| missing())?,
        }
        let reason = reason_of(reason)?;
        if hold.until.is_some_and(|until| until <= now) {
            return Ok(());
        }
        let changes = Changes::new()
            .set(legal_hold::UNTIL, now)
            .set(legal_hold::RELEASED, reason)
            .set(legal_hold::TARGET, over(&target_of(entity, hold.record)));
        self.update_in_own_right(LegalHold::NAME, id, changes)
    }

    fn check_may_hold(&self, entity: &Entity, record: Option<RecordId>) -> Result<()> {
        match record {
            None => self.reader().check_administers_all(entity),
            Some(record) => self.reader().administered_record(entity, record).map(drop),
        }
    }

    fn check_condition(&self, entity: &Entity, hold: &NewHold) -> Result<()> {
        // A hold on roles or shares would keep rights that have to be taken away.
        if entity.api_name.starts_with("sys.") && entity.api_name != User::NAME {
            return Err(wrong("records of the trade, and users").field("entity"));
        }
        let Some(condition) = &hold.condition else { return Ok(()) };
        if hold.record.is_some() {
            return Err(wrong("either a record or a condition").field("condition"));
        }
        let shown = self.reader().shown_fields(&entity.api_name)?;
        let compiled = compile_condition(condition, &FieldNames::shown(entity, &shown));
        compiled.map(drop).map_err(|error| error.entity(&entity.api_name).field("condition"))
    }

    /// Refuses one more hold than there may be. Those that have ended are aimed at nothing any more, so that nobody
    /// looks at them again for each removal.
    fn make_room_for_hold(&mut self, entity: &Entity, target: &str, now: Timestamp) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let holds = registry.entity(LegalHold::NAME)?;
        let partition = BTreeSet::from([self.policy.partition_of(self.user()).unwrap_or(0)]);
        let place = Nobodys { snapshot: self.view(), registry: &registry, policy: &self.policy };
        let aimed = place.records::<LegalHold>(Some(&partition), &|holds| aimed_at(holds, vec![target]))?;
        let (ended, standing): (Vec<Record>, Vec<Record>) =
            aimed.into_iter().partition(|hold| has_ended(holds, hold, now));
        if standing.len() >= MAX_HOLDS {
            let rule = format!("at most {MAX_HOLDS} holds");
            return Err(Error::new(Code::LimitExceeded).entity(&entity.api_name).rule(&rule));
        }
        ended.iter().try_for_each(|hold| {
            let changes = Changes::new().set(legal_hold::TARGET, over(target));
            self.update_in_own_right(LegalHold::NAME, hold.id, changes)
        })
    }

    /// What is kept whatever this transaction does, as it has left it so far.
    pub(in crate::engine) fn legal_holds(&self) -> Arc<dyn Holds> {
        Arc::new(LegalHolds {
            registry: Arc::clone(&self.registry),
            policy: Arc::clone(&self.policy),
            settings: self.crm().settings(),
            now: self.crm().moment_of_access(),
            at: self.crm().now(),
        })
    }
}

impl Crm {
    /// What is kept, as a view has it in which nothing is changed yet.
    pub(in crate::engine) fn legal_holds(&self, snapshot: &dyn Snapshot) -> Result<Arc<dyn Holds>> {
        Ok(Arc::new(LegalHolds {
            registry: self.registry(),
            policy: self.policy(snapshot)?,
            settings: self.settings(),
            now: self.moment_of_access(),
            at: self.now(),
        }))
    }

    /// Whether any hold is in force on records of an entity.
    pub(in crate::engine) fn is_any_held(&self, snapshot: &dyn Snapshot, entity: &Entity) -> Result<bool> {
        let (registry, policy) = (self.registry(), self.policy(snapshot)?);
        let Ok(holds) = registry.entity(LegalHold::NAME) else { return Ok(false) };
        let place = Nobodys { snapshot, registry: &registry, policy: &policy };
        let now = self.moment_of_access();
        let aimed = place.records::<LegalHold>(None, &|holds| aimed_within(holds, &number_of(entity)))?;
        Ok(aimed.iter().any(|hold| is_in_force(holds, hold, now)))
    }
}

/// The holds of a view, for whoever removes something from it.
#[derive(Debug)]
pub(super) struct LegalHolds {
    registry: Arc<Registry>,
    policy: Arc<Policy>,
    settings: Arc<Settings>,
    /// The moment by which it is decided what has ended.
    now: Timestamp,
    /// The moment that conditions take for now.
    at: Timestamp,
}

impl LegalHolds {
    /// Those that a reader's view has.
    pub fn of(reader: &Reader<'_>) -> Self {
        Self {
            registry: Arc::clone(reader.registry),
            policy: Arc::new(reader.policy.with_classes(&[])),
            settings: Arc::new(reader.settings.clone()),
            now: reader.crm.moment_of_access(),
            at: reader.now,
        }
    }

    /// The holds that keep a record.
    pub fn on(&self, snapshot: &dyn Snapshot, entity: &Entity, record: &Record) -> Result<Vec<Record>> {
        let Ok(holds) = self.registry.entity(LegalHold::NAME) else { return Ok(Vec::new()) };
        let place = Nobodys { snapshot, registry: &self.registry, policy: &self.policy };
        let partitions = BTreeSet::from([0, record.envelope.partition]);
        let (all, one) = (target_of(entity, None), target_of(entity, Some(record.id)));
        let aimed =
            place.records::<LegalHold>(Some(&partitions), &|holds| aimed_at(holds, vec![&all, &one]))?;
        let keeps = |hold: &Record| {
            let condition = Values { entity: holds, record: hold }.text(legal_hold::CONDITION.selector());
            is_in_force(holds, hold, self.now)
                && condition.is_none_or(|condition| self.is_met(&condition, entity, record))
        };
        Ok(aimed.into_iter().filter(keeps).collect())
    }

    /// Whether a record meets the condition of a hold, or it cannot be told.
    fn is_met(&self, condition: &str, entity: &Entity, record: &Record) -> bool {
        let compiled: Result<Expression> = compile_condition(condition, &FieldNames::of(entity));
        let (Ok(compiled), Ok(moment)) = (compiled, self.settings.moment(self.at)) else { return true };
        compiled.holds(&RecordFacts { record, moment }).map_or(true, |met| met == Some(true))
    }
}

impl Holds for LegalHolds {
    fn holding(&self, snapshot: &dyn Snapshot, entity: &Entity, record: &Record) -> Result<Option<RecordId>> {
        Ok(self.on(snapshot, entity, record)?.first().map(|hold| hold.id))
    }
}

/// What stands for an entity in targets, for ever.
fn number_of(entity: &Entity) -> String {
    format!("{}#{}/", entity.definition.namespace, entity.definition.local)
}

fn target_of(entity: &Entity, record: Option<RecordId>) -> String {
    let of = record.map_or_else(|| ALL.to_owned(), |record| record.to_string());
    format!("{}{of}", number_of(entity))
}

fn aimed_at(holds: &Entity, targets: Vec<&str>) -> Result<Filter> {
    let field = holds.field(legal_hold::TARGET.selector())?.id();
    Ok(Filter::In(field, targets.into_iter().map(Value::from).collect()))
}

/// Whatever is aimed at an entity or at a record of it.
fn aimed_within(holds: &Entity, entity: &str) -> Result<Filter> {
    let field = holds.field(legal_hold::TARGET.selector())?.id();
    Ok(Filter::Compare(field, Comparison::StartsWith, Value::from(entity)))
}

/// The target of a hold that is over.
fn over(target: &str) -> String {
    format!("over:{target}")
}

fn has_ended(holds: &Entity, hold: &Record, now: Timestamp) -> bool {
    let until = Values { entity: holds, record: hold }.moment(legal_hold::UNTIL.selector());
    until.is_some_and(|until| until <= now)
}

fn is_in_force(holds: &Entity, hold: &Record, now: Timestamp) -> bool {
    let values = Values { entity: holds, record: hold };
    let begun = values.moment(legal_hold::FROM.selector()).is_none_or(|from| from <= now);
    begun && !has_ended(holds, hold, now)
}

/// What the record of a hold says.
fn told(registry: &Registry, holds: &Entity, record: &Record, now: Timestamp) -> Option<Hold> {
    let values = Values { entity: holds, record };
    let said = values.text(legal_hold::ENTITY.selector())?;
    let until = values.moment(legal_hold::UNTIL.selector());
    let envelope = &record.envelope;
    let released = values.text(legal_hold::RELEASED.selector());
    Some(Hold {
        id: record.id,
        entity: registry.entity(&said).map_or(said, |entity| entity.api_name.clone()),
        record: values.text(legal_hold::RECORD.selector()).and_then(|id| id.parse().ok()),
        condition: values.text(legal_hold::CONDITION.selector()),
        reason: values.text(legal_hold::REASON.selector()).unwrap_or_default(),
        from: values.moment(legal_hold::FROM.selector())?,
        until,
        placed_by: envelope.created_by,
        placed_at: envelope.created.at(),
        released: released.map(|reason| (envelope.modified_by, envelope.modified.at(), reason)),
        in_force: is_in_force(holds, record, now),
    })
}

fn reason_of(reason: &str) -> Result<String> {
    let reason = normalize(reason.trim());
    if reason.is_empty() {
        return Err(Error::new(Code::ReasonRequired).entity(LegalHold::NAME).field("reason"));
    }
    if reason.len() > MAX_REASON_BYTES {
        let rule = format!("reason <= {MAX_REASON_BYTES} bytes");
        return Err(Error::new(Code::LimitExceeded).entity(LegalHold::NAME).field("reason").rule(&rule));
    }
    Ok(reason)
}

fn wrong(rule: &str) -> Error {
    Error::new(Code::InvalidArgument).entity(LegalHold::NAME).rule(rule)
}
