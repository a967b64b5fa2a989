//! Requests for corrections: who may read a record and not change it says what is wrong with it, and who may change it
//! accepts or refuses.
//!
//! Requests lie as records that nobody owns, in one access class for each partition, and are reached through the calls
//! of this file alone. A request is shown to who made it, to those who see and may change everything that it would
//! change, and to those to whom one of these has referred it: they take part in the decision, and read the record until
//! it is made. What it proposes is sealed under a key of its own, which goes with the erasure of the record.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::access::{NOBODY, Permit, Process, Read, Sharee, Update};
use crate::base::{Code, Error, RecordId, Result, Timestamp, Value, normalize};
use crate::engine::nobodys::NobodysPage;
use crate::engine::reader::{found, is_out_of_reach};
use crate::engine::sharing::shares_of;
use crate::engine::{BeforeSave, Changes, Reader, Registrar, Save, Session, Transaction, WriteOptions};
use crate::records::{self, Comparison, Filter, PageCursor, Query, Record};
use crate::schema::{Entity, EntityType, Field, FieldName, IndexDefinition, Registry, normalize_value};

pub use correction::{CorrectionRequest, CorrectionStatus};

/// Most requests that stand open of one person about one record.
pub const MAX_OPEN_OF_PERSON: usize = 10;
/// Most requests that stand open about one record.
pub const MAX_OPEN_OF_RECORD: usize = 100;
/// Most requests that stand open of one person.
pub const MAX_OPEN_BY_PERSON: usize = 1_000;
/// Most fields of one request.
const MAX_FIELDS: usize = 50;
/// Longest reason, in bytes of UTF-8.
const MAX_REASON_BYTES: usize = 2_000;
/// Requests that one page looks at, and most of one page.
const MAX_PAGE: usize = 1_000;

/// What is proposed for records by those who may not change them.
pub mod correction {
    use crate::access::User;
    use crate::schema::declare::{codes, entity};
    use crate::schema::{Choice, DateTime, FieldType, OnDelete, Reference, Text};

    codes! {
        /// What has become of a request for a correction.
        CorrectionStatus {
            /// Nobody has decided.
            Open = "open", "待处理", "Open";
            /// The record has the values.
            Accepted = "accepted", "已接受", "Accepted";
            /// The record stays as it is.
            Refused = "refused", "已拒绝", "Refused";
            /// Whoever made it took it back.
            Withdrawn = "withdrawn", "已撤回", "Withdrawn";
        }
    }

    entity! {
        /// Values that somebody who sees a record proposes for it, with a reason, and what was decided of them.
        CorrectionRequest = ("sys", 42, "correction_request", "更正申请", "Correction request",
            "可查看记录的人对其提出的更正内容、理由及处理结果。", title "reason", data_subject true);
        /// The entity of the record, by API name.
        ENTITY: Text = 1, "entity", "实体", "Entity",
            "所涉记录的实体，填写 API 名称。", [required = true, read_only = true];
        /// The record, by its id.
        RECORD: Text = 2, "record", "记录", "Record",
            "所涉记录的标识。", [required = true, indexed = true, read_only = true];
        /// The values, by the numbers of their fields.
        PROPOSED: Text = 3, "proposed", "建议值", "Proposed",
            "按字段编号列出的建议值。", [kind = FieldType::Json, read_only = true];
        /// Why the record is wrong.
        REASON: Text = 4, "reason", "理由", "Reason",
            "认为记录有误的原因。", [required = true, read_only = true];
        /// What has become of it.
        STATUS: Choice<CorrectionStatus> = 5, "status", "状态", "Status",
            "目前的处理进展。", [required = true, read_only = true];
        /// Who made it.
        PROPOSER: Reference<User> = 6, "proposer", "申请人", "Proposer",
            "提出更正的用户。", [read_only = true, on_delete = OnDelete::SetNull];
        /// Who decided.
        DECIDED_BY: Reference<User> = 7, "decided_by", "处理人", "Decided by",
            "作出决定的用户。", [read_only = true, on_delete = OnDelete::SetNull];
        /// When it was decided, or taken back.
        DECIDED_AT: DateTime = 8, "decided_at", "处理时间", "Decided at",
            "作出决定或撤回的时刻。", [read_only = true];
        /// Why it was decided so.
        DECISION: Text = 9, "decision", "处理说明", "Decision",
            "作出该决定的原因。", [read_only = true];
    }
}

/// Declares the entity and how its records are found.
pub(super) fn declare(registrar: &mut Registrar) {
    let index = |local, name| IndexDefinition::new("sys", local, name);
    registrar.entity(CorrectionRequest::definition());
    registrar.index(CorrectionRequest::NAME, index(1, "by_record").rising("record").rising("status"));
    registrar.index(CorrectionRequest::NAME, index(2, "by_proposer").rising("proposer").rising("status"));
    registrar.index(CorrectionRequest::NAME, index(3, "by_status").rising("status"));
    registrar.before_save(CorrectionRequest::NAME, 0, Arc::new(MadeByCalls));
}

/// Requests are made and decided by the calls of this file, which go round the rules, and in no other way.
struct MadeByCalls;

impl BeforeSave for MadeByCalls {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        Err(Error::new(Code::NotPermitted).entity(save.entity()).rule("correction.propose"))
    }
}

/// A request for a correction, as its reader may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Correction {
    /// The request.
    pub id: RecordId,
    /// The entity of the record, by API name.
    pub entity: String,
    /// The record.
    pub record: RecordId,
    /// The values that are proposed, by the names of their fields; [`Value::Null`] empties one.
    pub proposed: BTreeMap<String, Value>,
    /// Why.
    pub reason: String,
    /// What has become of it.
    pub status: CorrectionStatus,
    /// Who made it, unless that person was forgotten.
    pub proposer: Option<RecordId>,
    /// When.
    pub at: Timestamp,
    /// Who decided.
    pub decided_by: Option<RecordId>,
    /// When it was decided or taken back.
    pub decided_at: Option<Timestamp>,
    /// Why it was decided so.
    pub decision: Option<String>,
}

/// A page of requests. It may be empty, and more to come.
#[derive(Debug)]
pub struct CorrectionPage {
    /// The requests.
    pub corrections: Vec<Correction>,
    /// Where to go on, if there may be more.
    pub next: Option<PageCursor>,
}

/// Which requests are listed.
#[derive(Debug, Clone, Default)]
pub enum CorrectionsOf {
    /// One's own, of every state.
    #[default]
    Mine,
    /// Those that stand open and that the reader may decide, or takes part in deciding.
    Undecided,
    /// Those about a record.
    Record(String, RecordId),
}

impl Session {
    /// Proposes values for fields of a record, and gives the id of the request. It takes no more than to read the
    /// record and those fields as they are; nothing is told of whether others have such values.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_field` also for a field that is hidden from the
    /// user, `access.field_not_permitted` for one that is masked, `record.read_only_field` for one that nobody sets;
    /// those of a value that the field does not take; `model.reason_required`; `input.limit_exceeded` beyond 50 fields,
    /// 2,000 bytes of the reason, 10 open requests of a person about a record, 100 about a record and 1,000 of a
    /// person; `input.invalid_argument` for records of the organisation, and without any value.
    pub fn propose_correction(
        &self,
        entity: &str,
        id: RecordId,
        proposed: &[(&str, Value)],
        reason: &str,
    ) -> Result<RecordId> {
        let reason = reason_of(reason)?;
        let options = WriteOptions::default().cause("correction.propose");
        self.write_with(options, |transaction| transaction.propose(entity, id, proposed, &reason))
    }

    /// Applies what a request proposes, as the user, in one transaction with the decision. The ledger names the
    /// request's author in the cause, `correction.accept by ID`.
    ///
    /// # Errors
    /// `record.not_found` for a request that the user may not decide; `model.invalid_transition` for one that is
    /// decided; whatever a change of the record by the user is refused for.
    pub fn accept_correction(&self, id: RecordId, note: Option<&str>) -> Result<()> {
        let request = self.read(|reader| reader.decidable(id))?;
        let author = request.proposer.map_or_else(String::new, |proposer| format!(" by {proposer}"));
        let options = WriteOptions::default().cause(&format!("correction.accept{author}"));
        self.write_with(options, |transaction| {
            let request = transaction.reader().decidable(id)?;
            let values = request.proposed.iter();
            let changes = values
                .fold(Changes::new(), |changes, (field, value)| changes.set(field.as_str(), value.clone()));
            transaction.update_record(&request.entity, request.record, changes)?;
            transaction.decide(id, CorrectionStatus::Accepted, note)
        })
    }

    /// Refuses what a request proposes.
    ///
    /// # Errors
    /// As [`Session::accept_correction`]; `model.reason_required`.
    pub fn refuse_correction(&self, id: RecordId, reason: &str) -> Result<()> {
        let reason = reason_of(reason)?;
        self.write_with(WriteOptions::default().cause("correction.refuse"), |transaction| {
            transaction.reader().decidable(id)?;
            transaction.decide(id, CorrectionStatus::Refused, Some(&reason))
        })
    }

    /// Refers a request to a user or a team, who take part in the decision from now on: they see the request, read the
    /// record until the request is decided or withdrawn ([`Transaction::involve`]), and may refuse what is proposed. To
    /// accept it takes the right to change the record, whoever referred it. Nobody refers one to themselves, or they
    /// could keep a record by it that is taken from them.
    ///
    /// # Errors
    /// `record.not_found` for a request that the user may not decide; `model.invalid_transition` for one that is
    /// decided; those of [`Transaction::involve`], which takes the right to share the record.
    pub fn refer_correction(&self, id: RecordId, to: Sharee) -> Result<()> {
        self.write_with(WriteOptions::default().cause("correction.refer"), |transaction| {
            let request = transaction.reader().decidable(id)?;
            transaction.involve_in((&request.entity, request.record), to, &process_of(id)).map(drop)
        })
    }

    /// Takes back a request of one's own that nobody has decided.
    ///
    /// # Errors
    /// `record.not_found` for one of somebody else; `model.invalid_transition` for one that is decided.
    pub fn withdraw_correction(&self, id: RecordId) -> Result<()> {
        self.write_with(WriteOptions::default().cause("correction.withdraw"), |transaction| {
            let request = transaction.reader().correction_at(id)?;
            if request.proposer != Some(transaction.user()) {
                return Err(missing(id));
            }
            open(&request)?;
            transaction.decide(id, CorrectionStatus::Withdrawn, None)
        })
    }

    /// Requests for corrections, oldest first: `limit` 0 means 100. A page of those that may be decided looks at 1,000
    /// at the most.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted` for the record; `input.invalid_cursor`.
    pub fn corrections(
        &self,
        of: &CorrectionsOf,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<CorrectionPage> {
        self.read(|reader| reader.corrections(of, after, limit))
    }
}

impl Reader<'_> {
    /// Requests for corrections. See [`Session::corrections`].
    ///
    /// # Errors
    /// As there.
    pub fn corrections(
        &self,
        of: &CorrectionsOf,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<CorrectionPage> {
        let limit = if limit == 0 { 100 } else { limit.min(MAX_PAGE) };
        let (filter, most) = match of {
            CorrectionsOf::Mine => (Asked::By(self.user), limit),
            CorrectionsOf::Undecided => (Asked::Open, MAX_PAGE),
            CorrectionsOf::Record(entity, id) => {
                self.check_seen(entity, *id)?;
                (Asked::Of(*id, false), limit)
            }
        };
        let (records, next) = self.stored_corrections(&filter, after, most)?;
        let mut corrections = Vec::new();
        let entity = self.registry().entity(CorrectionRequest::NAME)?;
        for record in &records {
            let Some(request) = read_correction(self.registry(), entity, record)? else { continue };
            if request.proposer == Some(self.user)
                || self.may_decide(&request)?
                || self.takes_part(&request)?
            {
                corrections.push(request);
            }
        }
        Ok(CorrectionPage { corrections, next })
    }

    /// A record that the user sees.
    fn check_seen(&self, entity: &str, id: RecordId) -> Result<()> {
        let known = self.registry().entity(entity)?;
        self.stored(&self.permit(known)?, known, id).map(drop)
    }

    fn stored_corrections(
        &self,
        asked: &Asked,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<NobodysPage> {
        let entity = self.registry().entity(CorrectionRequest::NAME)?;
        self.nobodys(entity, &Query { filter: asked.filter(entity)?, limit, after, ..Query::default() })
    }

    /// How many requests stand that are asked for, up to a bound.
    fn count_corrections(&self, asked: &Asked, most: usize) -> Result<usize> {
        Ok(self.stored_corrections(asked, None, most)?.0.len())
    }

    /// A request of the user's partition, whoever may see it.
    fn correction_at(&self, id: RecordId) -> Result<Correction> {
        let entity = self.registry().entity(CorrectionRequest::NAME)?;
        let record = records::get_for_rule(self.snapshot, entity.id(), id)?;
        let record = record
            .filter(|record| Some(record.envelope.partition) == self.policy.partition_of(self.user))
            .ok_or_else(|| missing(id))?;
        read_correction(self.registry(), entity, &record)?.ok_or_else(|| missing(id))
    }

    /// A request that the user may decide, and that stands open. That one is there is told to nobody else.
    fn decidable(&self, id: RecordId) -> Result<Correction> {
        let request = self.correction_at(id)?;
        match self.may_decide(&request)? || self.takes_part(&request)? {
            true => open(&request).map(|()| request),
            false if request.proposer == Some(self.user) => {
                Err(Error::new(Code::NotPermitted).entity(CorrectionRequest::NAME).record(id).rule("update"))
            }
            false => Err(missing(id)),
        }
    }

    /// Whether a request was referred to the user, or to a team of theirs, and they see what it is about.
    fn takes_part(&self, request: &Correction) -> Result<bool> {
        let Ok(entity) = self.registry().entity(&request.entity) else { return Ok(false) };
        let Some(permit) = reached(self.permit(entity))? else { return Ok(false) };
        let Some(record) = found(self.stored(&permit, entity, request.record))? else { return Ok(false) };
        let process = process_of(request.id);
        let shares = shares_of(self.snapshot, self.registry, self.policy, &record)?;
        let referred = shares
            .iter()
            .any(|fact| fact.process.as_ref() == Some(&process) && self.policy.is_with(self.user, fact.with));
        let shown =
            |name: &String| entity.field(FieldName::Name(name)).is_ok_and(|field| permit.shows(field.id()));
        Ok(referred && request.proposed.keys().all(shown))
    }

    /// Whether the user sees the record of a request, and sees and may change all that it would change.
    fn may_decide(&self, request: &Correction) -> Result<bool> {
        let Ok(entity) = self.registry().entity(&request.entity) else { return Ok(false) };
        let Some(permit) = reached(self.permit(entity))? else { return Ok(false) };
        let Some(record) = found(self.stored(&permit, entity, request.record))? else { return Ok(false) };
        let update = self.policy.decide::<Update>(self.user, entity.id(), &entity.api_name);
        let Some(update) = reached(update)? else { return Ok(false) };
        let class = record.envelope.access_class();
        let changeable = |permit: &Permit<Read>, update: &Permit<Update>, field: &Field| {
            permit.shows(field.id()) && update.check_sets(&class, field.id(), &field.api_name).is_ok()
        };
        let fields = request.proposed.keys().map(|name| entity.field(FieldName::Name(name)));
        let all =
            fields.into_iter().all(|field| field.is_ok_and(|field| changeable(&permit, &update, field)));
        Ok(all && update.allows(record.id, &class))
    }
}

/// A permit, or nothing where there is none.
fn reached<T>(decided: Result<T>) -> Result<Option<T>> {
    match decided {
        Err(error) if is_out_of_reach(error.code()) => Ok(None),
        decided => decided.map(Some),
    }
}

impl Transaction<'_> {
    fn propose(
        &mut self,
        entity: &str,
        id: RecordId,
        proposed: &[(&str, Value)],
        reason: &str,
    ) -> Result<RecordId> {
        let registry = Arc::clone(&self.registry);
        let known = registry.entity(entity)?;
        let refused = |field: &str, rule: &str| {
            Error::new(Code::InvalidArgument).entity(&known.api_name).field(field).rule(rule)
        };
        if known.api_name.starts_with("sys.") {
            return Err(refused("entity", "records of the organisation are not corrected so"));
        }
        self.reader().check_seen(entity, id)?;
        if proposed.is_empty() {
            return Err(refused("values", "at least one"));
        }
        if proposed.len() > MAX_FIELDS {
            return Err(full(&format!("values <= {MAX_FIELDS}")));
        }
        let mut values = BTreeMap::new();
        for (name, value) in proposed {
            let (field, value) = self.proposable(known, name, value)?;
            values.insert(field.id().number().to_string(), value);
        }
        self.check_number_of_open(id)?;
        let changes = Changes::new()
            .set(correction::ENTITY, known.api_name.as_str())
            .set(correction::RECORD, id.to_string().as_str())
            .set(correction::PROPOSED, Value::Map(values))
            .set(correction::REASON, reason)
            .set(correction::STATUS, CorrectionStatus::Open)
            .set(correction::PROPOSER, self.user())
            .owner(NOBODY);
        self.create_in_own_right(CorrectionRequest::NAME, changes)
    }

    /// A field for which the user may propose a value, and the value as the field would have it.
    fn proposable<'e>(&self, entity: &'e Entity, name: &str, value: &Value) -> Result<(&'e Field, Value)> {
        let named = |error: Error| error.entity(&entity.api_name);
        let id = self.reader().comparable(entity, &name.into()).map_err(named)?;
        let unknown = || Error::new(Code::UnknownField).entity(&entity.api_name).field(name);
        let field = entity.field_by_id(id).ok_or_else(unknown)?;
        let kind = &field.definition.kind;
        if field.definition.read_only || field.is_withdrawn() || kind.is_worked_out() {
            return Err(named(Error::new(Code::ReadOnlyField).field(&field.api_name)));
        }
        let value = normalize_value(field, value.clone(), self.crm().phone_region()).map_err(named)?;
        Ok((field, value))
    }

    fn check_number_of_open(&self, record: RecordId) -> Result<()> {
        let (reader, me) = (self.reader(), self.user());
        let (of_record, _) = reader.stored_corrections(&Asked::Of(record, true), None, MAX_OPEN_OF_RECORD)?;
        if of_record.len() >= MAX_OPEN_OF_RECORD {
            return Err(full(&format!("open requests about a record <= {MAX_OPEN_OF_RECORD}")));
        }
        let entity = reader.registry().entity(CorrectionRequest::NAME)?;
        let proposer = entity.field(correction::PROPOSER.selector())?.id();
        let mine = of_record.iter().filter(|record| record.value(proposer).as_id() == Some(me));
        if mine.count() >= MAX_OPEN_OF_PERSON {
            return Err(full(&format!("open requests of a person about a record <= {MAX_OPEN_OF_PERSON}")));
        }
        match reader.count_corrections(&Asked::OpenBy(me), MAX_OPEN_BY_PERSON)? {
            count if count >= MAX_OPEN_BY_PERSON => {
                Err(full(&format!("open requests of a person <= {MAX_OPEN_BY_PERSON}")))
            }
            _ => Ok(()),
        }
    }

    fn decide(&mut self, id: RecordId, status: CorrectionStatus, note: Option<&str>) -> Result<()> {
        let note = note.map(|note| bounded(&normalize(note.trim()))).transpose()?;
        let decider = (status != CorrectionStatus::Withdrawn).then(|| self.user());
        let changes = Changes::new()
            .set(correction::STATUS, status)
            .set(correction::DECIDED_BY, decider)
            .set(correction::DECIDED_AT, self.crm().now())
            .set(correction::DECISION, note.as_deref().map_or(Value::Null, Value::from));
        self.update_in_own_right(CorrectionRequest::NAME, id, changes)?;
        let partition = self.policy.partition_of(self.user()).unwrap_or(0);
        self.take_involvements(&process_of(id), partition).map(drop)
    }

    /// Forgets all that was ever proposed for a record; gives the requests, whose keys are to be destroyed.
    pub(super) fn erase_corrections(&mut self, entity: &Entity, record: RecordId) -> Result<Vec<RecordId>> {
        let registry = Arc::clone(&self.registry);
        // An entity that this version brings is not there before the database has been opened by it.
        let Ok(requests) = registry.entity(CorrectionRequest::NAME) else { return Ok(Vec::new()) };
        if entity.api_name.starts_with("sys.") {
            return Ok(Vec::new());
        }
        let Some(class) = records::class_of(self.view(), entity.id(), record)? else { return Ok(Vec::new()) };
        let query =
            Query { filter: Asked::Of(record, false).filter(requests)?, limit: MAX_PAGE, ..Query::default() };
        let mut forgotten = Vec::new();
        loop {
            let (found, _) = self.reader().nobodys_of(requests, class.partition, &query)?;
            if found.is_empty() {
                return Ok(forgotten);
            }
            for request in found {
                self.take_involvements(&process_of(request.id), class.partition)?;
                self.erase_in_own_right(CorrectionRequest::NAME, request.id)?;
                forgotten.push(request.id);
            }
        }
    }
}

/// Which requests are looked for.
enum Asked {
    By(RecordId),
    OpenBy(RecordId),
    Open,
    /// Of a record: all, or those that stand open.
    Of(RecordId, bool),
}

impl Asked {
    fn filter(&self, entity: &Entity) -> Result<Filter> {
        let is = |field: FieldName<'static>, value: Value| {
            Ok::<_, Error>(Filter::Compare(entity.field(field)?.id(), Comparison::Equal, value))
        };
        let open = || is(correction::STATUS.selector(), CorrectionStatus::Open.into());
        let by = |user: RecordId| is(correction::PROPOSER.selector(), Value::Id(user));
        let of = |id: RecordId| is(correction::RECORD.selector(), id.to_string().as_str().into());
        match self {
            Self::By(user) => by(*user),
            Self::OpenBy(user) => Ok(Filter::All(vec![by(*user)?, open()?])),
            Self::Open => open(),
            Self::Of(record, false) => of(*record),
            Self::Of(record, true) => Ok(Filter::All(vec![of(*record)?, open()?])),
        }
    }
}

/// What a request says; nothing where its entity or fields are not there any more.
fn read_correction(registry: &Registry, entity: &Entity, record: &Record) -> Result<Option<Correction>> {
    let value = |field: FieldName<'static>| Ok::<_, Error>(record.value(entity.field(field)?.id()));
    let text = |field| Ok::<_, Error>(value(field)?.as_text().map(str::to_owned));
    let of = text(correction::ENTITY.selector())?.unwrap_or_default();
    let Ok(target) = registry.entity(&of) else { return Ok(None) };
    let Value::Map(stored) = value(correction::PROPOSED.selector())? else { return Ok(None) };
    let mut proposed = BTreeMap::new();
    for (number, value) in stored {
        let field = target.fields().iter().find(|field| field.id().number().to_string() == number);
        let Some(field) = field else { return Ok(None) };
        proposed.insert(field.api_name.clone(), value);
    }
    let about = text(correction::RECORD.selector())?.and_then(|id| id.parse().ok());
    let status = text(correction::STATUS.selector())?.and_then(|code| CorrectionStatus::from_code(&code));
    let (Some(about), Some(status)) = (about, status) else { return Ok(None) };
    let decided_at = match value(correction::DECIDED_AT.selector())? {
        Value::DateTime(at) => Some(at),
        _ => None,
    };
    Ok(Some(Correction {
        id: record.id,
        entity: target.api_name.clone(),
        record: about,
        proposed,
        reason: text(correction::REASON.selector())?.unwrap_or_default(),
        status,
        proposer: value(correction::PROPOSER.selector())?.as_id(),
        at: record.envelope.created.at(),
        decided_by: value(correction::DECIDED_BY.selector())?.as_id(),
        decided_at,
        decision: text(correction::DECISION.selector())?,
    }))
}

/// A request as the process that those who decide it take part in.
fn process_of(id: RecordId) -> Process {
    Process { entity: CorrectionRequest::NAME.to_owned(), id }
}

fn open(request: &Correction) -> Result<()> {
    match request.status {
        CorrectionStatus::Open => Ok(()),
        _ => Err(Error::new(Code::InvalidTransition).entity(CorrectionRequest::NAME).record(request.id)),
    }
}

fn reason_of(reason: &str) -> Result<String> {
    let reason = normalize(reason.trim());
    match reason.is_empty() {
        true => Err(Error::new(Code::ReasonRequired).entity(CorrectionRequest::NAME)),
        false => bounded(&reason),
    }
}

fn bounded(reason: &str) -> Result<String> {
    match reason.len() > MAX_REASON_BYTES {
        true => Err(full(&format!("reason <= {MAX_REASON_BYTES} bytes"))),
        false => Ok(reason.to_owned()),
    }
}

fn missing(id: RecordId) -> Error {
    Error::new(Code::RecordNotFound).entity(CorrectionRequest::NAME).record(id)
}

fn full(rule: &str) -> Error {
    Error::new(Code::LimitExceeded).entity(CorrectionRequest::NAME).rule(rule)
}
