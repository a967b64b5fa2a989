//! Requests by which people ask for rights that laws of data protection give them: received, verified, answered within
//! the time that the law gives, and every step of it in the ledger.
//!
//! Requests lie as records that nobody owns. Who may read, create and update `sys.rights_request` at the level `all`
//! works on them, by the calls of this room alone. What a fulfilled request of restriction, objection or opt-out comes
//! to is told of the person's record to whoever sees it. A restriction locks the record, too, so that nobody changes it,
//! and marks its access class, so that nobody reaches it by any door but who handles all requests of the partition: a law
//! allows storage and what the person consents to, and whoever is asked for that is one of these.

mod clock;
mod record;

use std::sync::Arc;

use crate::access::{Action, NOBODY, Process, Update};
use crate::base::{Code, Error, RecordId, Result, Timestamp, Value, normalize};
use crate::engine::{
    BeforeSave, Changes, Condition, Direction, Find, Listing, PageCursor, Reader, Registrar, Save, Session,
    Transaction, WriteOptions,
};
use crate::records::{self, Comparison, Filter, Query, Record};
use crate::schema::{Choice, Codes, DateTime, Entity, EntityType, FieldName, TypedField};
use clock::{Clock, ConfiguredDays};

pub use record::{PrivacyLaw, RequestChannel, RightsKind, RightsRequest, RightsStatus};

/// The fields of requests.
pub mod rights_request {
    pub use super::record::{
        CHANNEL, CONFIRM_BY, CONFIRMED_AT, DECIDED_AT, DECIDED_BY, DECISION, DETAILS, DUE_AT, ENTITY,
        EXTENDED_AT, EXTENSION_REASON, KIND, LAW, LIFT_REASON, LIFTED_AT, OPEN_DUE, RECEIPT, RECEIVED_AT,
        REFERENCE, REQUESTER, RESULT, STATUS, SUBJECT, VERIFIED_AT, VERIFIED_BY, VERIFIED_HOW,
    };
}

/// Longest text of a request, in bytes of UTF-8.
const MAX_TEXT_BYTES: usize = 10_000;
/// Most requests of one page, and most flags of one person.
const MAX_PAGE: usize = 1_000;

/// Declares the entity, with the rule that it is changed by the calls of this room alone.
pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(RightsRequest::definition());
    registrar.before_save(RightsRequest::NAME, 0, Arc::new(MadeByCalls));
}

struct MadeByCalls;

impl BeforeSave for MadeByCalls {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        Err(Error::new(Code::NotPermitted).entity(save.entity()).rule("rights.receive"))
    }
}

/// A request that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRightsRequest {
    /// What is asked for.
    pub kind: RightsKind,
    /// The law by whose clock it is answered.
    pub law: PrivacyLaw,
    /// The person's record, if it is known whose request it is.
    pub subject: Option<(String, RecordId)>,
    /// When it came; now if nothing is said.
    pub received_at: Option<Timestamp>,
    /// How it came.
    pub channel: Option<RequestChannel>,
    /// By what people know it.
    pub reference: Option<String>,
    /// Who asks, where that is not the person.
    pub requester: Option<String>,
    /// What is asked for.
    pub details: Option<String>,
}

impl NewRightsRequest {
    /// A request of a kind that comes in now.
    #[must_use]
    pub fn new(kind: RightsKind, law: PrivacyLaw) -> Self {
        Self {
            kind,
            law,
            subject: None,
            received_at: None,
            channel: None,
            reference: None,
            requester: None,
            details: None,
        }
    }

    /// The same of a person whose record is known.
    #[must_use]
    pub fn of(self, entity: &str, id: RecordId) -> Self {
        Self { subject: Some((entity.to_owned(), id)), ..self }
    }
}

/// What is done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RightsStep {
    /// Its receipt was confirmed to whoever asked.
    Confirm,
    /// Whoever asked is asked to show who they are.
    AskIdentity,
    /// It is known who asks: by what, and which record is theirs if that was not known.
    Identified {
        /// By what it was found out.
        how: String,
        /// The person's record.
        subject: Option<(String, RecordId)>,
    },
    /// It is worked on.
    Start,
    /// More time is taken, as the law allows once.
    Extend {
        /// Why.
        reason: String,
    },
    /// It was done.
    Fulfil {
        /// What was done.
        what: String,
        /// What the person was given, an attachment of the request.
        result: Option<RecordId>,
        /// The receipt of an erasure.
        receipt: Option<RecordId>,
    },
    /// It is refused.
    Refuse {
        /// Why.
        reason: String,
    },
    /// Whoever asked took it back.
    Withdraw,
    /// A restriction, objection or opt-out ends that was fulfilled.
    Lift {
        /// Why.
        reason: String,
    },
}

impl RightsStep {
    /// Its stable name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::AskIdentity => "ask_identity",
            Self::Identified { .. } => "identified",
            Self::Start => "start",
            Self::Extend { .. } => "extend",
            Self::Fulfil { .. } => "fulfil",
            Self::Refuse { .. } => "refuse",
            Self::Withdraw => "withdraw",
            Self::Lift { .. } => "lift",
        }
    }
}

/// A request, as its reader may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct RightsRecord {
    /// The record with all its fields.
    pub listing: Listing,
    /// What is asked for.
    pub kind: RightsKind,
    /// By whose clock.
    pub law: PrivacyLaw,
    /// How far it has come.
    pub status: RightsStatus,
    /// The person's record, if it is known.
    pub subject: Option<(String, RecordId)>,
    /// By when it is answered.
    pub due_at: Timestamp,
    /// Whether it is not answered and should be.
    pub is_overdue: bool,
}

/// A page of requests.
#[derive(Debug)]
pub struct RightsPage {
    /// The requests.
    pub requests: Vec<RightsRecord>,
    /// Where to go on, if there are more.
    pub next: Option<PageCursor>,
}

/// What a person has asked for that holds for whoever reads the person's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlagKind {
    /// The record is stored and nothing else is done with it.
    Restricted,
    /// The person objects to a use of it.
    Objected,
    /// It is neither sold nor shared.
    OptedOut,
    /// A consent was taken back.
    ConsentWithdrawn,
}

impl FlagKind {
    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Objected => "objected",
            Self::OptedOut => "opted_out",
            Self::ConsentWithdrawn => "consent_withdrawn",
        }
    }

    fn of(kind: RightsKind) -> Option<Self> {
        match kind {
            RightsKind::Restriction => Some(Self::Restricted),
            RightsKind::Objection => Some(Self::Objected),
            RightsKind::OptOut => Some(Self::OptedOut),
            RightsKind::Withdrawal => Some(Self::ConsentWithdrawn),
            _ => None,
        }
    }
}

/// A flag of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivacyFlag {
    /// Which.
    pub kind: FlagKind,
    /// Since when.
    pub since: Timestamp,
    /// By which request.
    pub request: RecordId,
}

impl Session {
    /// Enters a request that came in, and gives its id. Its clock begins with the moment of its receipt.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to create `sys.rights_request`; `record.not_found` for a subject that
    /// the user does not see; `schema.invalid_definition` for a subject that is no person; `input.invalid_argument` for
    /// a moment that is to come; `input.limit_exceeded`.
    pub fn receive_rights_request(&self, request: &NewRightsRequest) -> Result<RecordId> {
        self.check_may(RightsRequest::NAME, Action::Create)?;
        let options = WriteOptions::default().cause("rights.receive");
        self.write_with(options, |transaction| transaction.receive(request))
    }

    /// Does a step with a request. That of `fulfil` with a restriction locks the person's record, and `lift` unlocks it.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to update `sys.rights_request`; `record.not_found`;
    /// `model.invalid_transition` for a step that does not follow on its state, a second extension, one that the law
    /// does not give or that comes too late, and for what is fulfilled before it is known who asks, where that matters;
    /// `model.reason_required`; `record.reference_missing` for a result that is no attachment of it and for a receipt
    /// that there is not; those of [`Transaction::lock_record`].
    pub fn step_rights_request(&self, id: RecordId, step: &RightsStep) -> Result<()> {
        let options = WriteOptions::default().cause(&format!("rights.{}", step.name()));
        self.write_with(options, |transaction| transaction.step(id, step))
    }

    /// A request.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to read `sys.rights_request`; `record.not_found`.
    pub fn rights_request(&self, id: RecordId) -> Result<RightsRecord> {
        self.read(|reader| read_request(&reader, reader.get(RightsRequest::NAME, id)?))
    }

    /// Requests that are not answered, those that are due first before the others; with a moment those alone that are
    /// due before it. `limit` 0 means 100.
    ///
    /// # Errors
    /// `access.not_permitted`, `input.invalid_cursor`.
    pub fn rights_due(
        &self,
        before: Option<Timestamp>,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<RightsPage> {
        let field = || record::OPEN_DUE.into();
        let filter = match before {
            Some(before) => Condition::Compare(field(), Comparison::Less, Value::DateTime(before)),
            None => Condition::Not(Box::new(Condition::IsNull(field()))),
        };
        let sort = vec![(field(), Direction::Ascending)];
        self.rights_page(&Find { filter, sort, after, limit, ..Find::default() })
    }

    /// All requests about a person's record, or all that there are. `limit` 0 means 100.
    ///
    /// # Errors
    /// As [`Session::rights_due`].
    pub fn rights_requests(
        &self,
        subject: Option<RecordId>,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<RightsPage> {
        let filter = subject.map_or(Condition::Everything, |subject| {
            Condition::Compare(record::SUBJECT.into(), Comparison::Equal, subject.to_string().as_str().into())
        });
        self.rights_page(&Find { filter, after, limit, ..Find::default() })
    }

    fn rights_page(&self, find: &Find) -> Result<RightsPage> {
        self.read(|reader| {
            let page = reader.find(RightsRequest::NAME, find)?;
            let requests = page.rows.into_iter().map(|row| read_request(&reader, row));
            Ok(RightsPage { requests: requests.collect::<Result<_>>()?, next: page.next })
        })
    }

    /// What holds of a person by requests that were fulfilled: for code that is about to read, send or hand on, and for
    /// whoever sees the record.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_entity`.
    pub fn privacy_flags(&self, entity: &str, id: RecordId) -> Result<Vec<PrivacyFlag>> {
        self.read(|reader| reader.privacy_flags(entity, id))
    }
}

impl Reader<'_> {
    /// What holds of a person. See [`Session::privacy_flags`].
    ///
    /// # Errors
    /// As there.
    pub fn privacy_flags(&self, entity: &str, id: RecordId) -> Result<Vec<PrivacyFlag>> {
        let known = self.registry().entity(entity)?;
        self.stored(&self.permit(known)?, known, id)?;
        let requests = self.registry().entity(RightsRequest::NAME)?;
        let is = |field: FieldName<'static>, value: Value| {
            Ok::<_, Error>(Filter::Compare(requests.field(field)?.id(), Comparison::Equal, value))
        };
        let filter = Filter::All(vec![
            is(record::SUBJECT.selector(), id.to_string().as_str().into())?,
            is(record::STATUS.selector(), RightsStatus::Fulfilled.into())?,
            Filter::IsNull(requests.field(record::LIFTED_AT.selector())?.id()),
        ]);
        let (found, _) = self.nobodys(requests, &Query { filter, limit: MAX_PAGE, ..Query::default() })?;
        let mut flags: Vec<PrivacyFlag> = found.iter().filter_map(|found| flag(requests, found)).collect();
        flags.sort_by_key(|flag| (flag.kind, flag.since));
        Ok(flags)
    }
}

fn flag(entity: &Entity, request: &Record) -> Option<PrivacyFlag> {
    let since = moment(entity, request, record::DECIDED_AT)?;
    let kind = FlagKind::of(choice(entity, request, record::KIND)?)?;
    Some(PrivacyFlag { kind, since, request: request.id })
}

fn moment(
    entity: &Entity,
    request: &Record,
    field: TypedField<RightsRequest, DateTime>,
) -> Option<Timestamp> {
    match request.value(entity.field(field.selector()).ok()?.id()) {
        Value::DateTime(moment) => Some(moment),
        _ => None,
    }
}

fn choice<C: Codes>(
    entity: &Entity,
    request: &Record,
    field: TypedField<RightsRequest, Choice<C>>,
) -> Option<C> {
    let value = request.value(entity.field(field.selector()).ok()?.id());
    let known = C::ALL.iter().find(|(_, code, _, _)| value.as_text() == Some(*code));
    known.map(|(choice, _, _, _)| *choice)
}

fn subject_of(entity: &Entity, request: &Record) -> Option<(String, RecordId)> {
    let text = |field: FieldName<'static>| {
        let value = request.value(entity.field(field).ok()?.id());
        value.as_text().map(str::to_owned)
    };
    Some((text(record::ENTITY.selector())?, text(record::SUBJECT.selector())?.parse().ok()?))
}

/// A request as its reader sees it; of one whose state is hidden from the reader nothing is told.
fn read_request(reader: &Reader<'_>, listing: Listing) -> Result<RightsRecord> {
    let entity = listing.entity()?;
    let row = &listing.record;
    let hidden = |field: &str| Error::new(Code::FieldNotPermitted).entity(RightsRequest::NAME).field(field);
    let status = choice(entity, row, record::STATUS).ok_or_else(|| hidden("status"))?;
    let due_at = moment(entity, row, record::DUE_AT).ok_or_else(|| hidden("due_at"))?;
    Ok(RightsRecord {
        kind: choice(entity, row, record::KIND).ok_or_else(|| hidden("kind"))?,
        law: choice(entity, row, record::LAW).ok_or_else(|| hidden("law"))?,
        status,
        subject: subject_of(entity, row),
        due_at,
        is_overdue: is_open(status) && due_at <= reader.crm.now(),
        listing,
    })
}

fn is_open(status: RightsStatus) -> bool {
    matches!(status, RightsStatus::Received | RightsStatus::Verifying | RightsStatus::InProgress)
}

/// Whether it must be known who asks before a request of a kind is fulfilled. Whoever takes back a consent, objects or
/// opts out need not show who they are (11 CCR §7026(d) of an opt-out).
fn needs_identity(kind: RightsKind) -> bool {
    !matches!(kind, RightsKind::Withdrawal | RightsKind::Objection | RightsKind::OptOut)
}

/// A request on its way from one state to the next.
struct Step<'e> {
    id: RecordId,
    entity: &'e Entity,
    stored: Record,
    kind: RightsKind,
    law: PrivacyLaw,
    status: RightsStatus,
}

impl Step<'_> {
    fn moment(&self, field: TypedField<RightsRequest, DateTime>) -> Option<Timestamp> {
        moment(self.entity, &self.stored, field)
    }

    fn invalid(&self, rule: &str) -> Error {
        Error::new(Code::InvalidTransition).entity(RightsRequest::NAME).record(self.id).rule(rule)
    }

    /// Refuses unless it is in one of the states.
    fn within(&self, states: &[RightsStatus], step: &str) -> Result<()> {
        if states.contains(&self.status) { Ok(()) } else { Err(self.invalid(step)) }
    }
}

const OPEN: &[RightsStatus] = &[RightsStatus::Received, RightsStatus::Verifying, RightsStatus::InProgress];

impl Transaction<'_> {
    fn receive(&mut self, request: &NewRightsRequest) -> Result<RecordId> {
        let now = self.crm().now();
        let received = request.received_at.unwrap_or(now);
        if received > now {
            let refused = Error::new(Code::InvalidArgument).entity(RightsRequest::NAME);
            return Err(refused.field("received_at").rule("not later than now"));
        }
        let clock = Clock::of(request.law, self.crm().configured_days());
        let zone = self.reader().settings().zone()?;
        let due = clock.answer.end(received, &zone)?;
        let confirm = clock.confirm.map(|span| span.end(received, &zone)).transpose()?;
        let channel = request.channel.map_or(Value::Null, Value::from);
        let mut changes = Changes::new()
            .set(record::KIND, request.kind)
            .set(record::LAW, request.law)
            .set(record::STATUS, RightsStatus::Received)
            .set(record::CHANNEL, channel)
            .set(record::REFERENCE, text("reference", request.reference.as_deref())?)
            .set(record::REQUESTER, text("requester", request.requester.as_deref())?)
            .set(record::DETAILS, text("details", request.details.as_deref())?)
            .set(record::RECEIVED_AT, received)
            .set(record::DUE_AT, due)
            .set(record::OPEN_DUE, due)
            .set(record::CONFIRM_BY, confirm.map_or(Value::Null, Value::DateTime))
            .owner(NOBODY);
        if let Some((entity, id)) = &request.subject {
            changes = self.with_subject(changes, entity, *id)?;
        }
        self.create_in_own_right(RightsRequest::NAME, changes)
    }

    /// The person whose request it is, whose record the user sees.
    fn with_subject(&self, changes: Changes, entity: &str, id: RecordId) -> Result<Changes> {
        let reader = self.reader();
        let known = reader.registry().entity(entity)?;
        if !known.definition.data_subject {
            return Err(Error::new(Code::InvalidDefinition).entity(entity).rule("data subject"));
        }
        // One who was erased already may still ask what became of it.
        reader.standing(&reader.permit(known)?, known, id)?;
        Ok(changes.set(record::ENTITY, known.api_name.as_str()).set(record::SUBJECT, id.to_string().as_str()))
    }

    fn step(&mut self, id: RecordId, step: &RightsStep) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(RightsRequest::NAME)?;
        let stored = self.readable(entity, id)?;
        let permit = self.policy.decide::<Update>(self.user(), entity.id(), &entity.api_name)?;
        if !permit.allows(id, &stored.envelope.access_class()) {
            let refused = Error::new(Code::NotPermitted).entity(&entity.api_name);
            return Err(refused.record(id).rule("update"));
        }
        let damaged = || Error::new(Code::Damaged).entity(RightsRequest::NAME).record(id);
        let at = Step {
            id,
            entity,
            kind: choice(entity, &stored, record::KIND).ok_or_else(damaged)?,
            law: choice(entity, &stored, record::LAW).ok_or_else(damaged)?,
            status: choice(entity, &stored, record::STATUS).ok_or_else(damaged)?,
            stored,
        };
        let changes = self.changes_of(&at, step)?;
        self.update_in_own_right(RightsRequest::NAME, id, changes)?;
        self.settle_participants(&at, step)
    }

    /// Whoever works on a request reads the person's record until it is answered.
    fn settle_participants(&mut self, at: &Step<'_>, step: &RightsStep) -> Result<()> {
        let process = Process { entity: RightsRequest::NAME.to_owned(), id: at.id };
        match step {
            RightsStep::Start => match subject_of(at.entity, &at.stored) {
                Some((entity, id)) => self.take_part((&entity, id), &process),
                None => Ok(()),
            },
            RightsStep::Fulfil { .. } | RightsStep::Refuse { .. } | RightsStep::Withdraw => {
                self.take_involvements(&process, at.stored.envelope.partition).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn changes_of(&mut self, at: &Step<'_>, step: &RightsStep) -> Result<Changes> {
        let (now, me, changes) = (self.crm().now(), self.user(), Changes::new());
        let early = &[RightsStatus::Received, RightsStatus::Verifying];
        let decided = |changes: Changes, status: RightsStatus| {
            let changes = changes.set(record::STATUS, status).set(record::OPEN_DUE, Value::Null);
            changes.set(record::DECIDED_AT, now).set(record::DECIDED_BY, me)
        };
        match step {
            RightsStep::Confirm => {
                at.within(OPEN, step.name())?;
                Ok(changes.set(record::CONFIRMED_AT, now))
            }
            RightsStep::AskIdentity => {
                at.within(early, step.name())?;
                Ok(changes.set(record::STATUS, RightsStatus::Verifying))
            }
            RightsStep::Identified { how, subject } => {
                at.within(early, step.name())?;
                let changes = changes
                    .set(record::STATUS, RightsStatus::InProgress)
                    .set(record::VERIFIED_AT, now)
                    .set(record::VERIFIED_BY, me)
                    .set(record::VERIFIED_HOW, reason(how)?);
                self.identified(at, changes, subject.as_ref())
            }
            RightsStep::Start => {
                at.within(early, step.name())?;
                Ok(changes.set(record::STATUS, RightsStatus::InProgress))
            }
            RightsStep::Extend { reason: why } => self.extended(at, &reason(why)?),
            RightsStep::Fulfil { what, result, receipt } => {
                at.within(&[RightsStatus::InProgress], step.name())?;
                let changes = decided(changes, RightsStatus::Fulfilled).set(record::DECISION, reason(what)?);
                self.fulfilled(at, changes, (*result, *receipt))
            }
            RightsStep::Refuse { reason: why } => {
                at.within(OPEN, step.name())?;
                Ok(decided(changes, RightsStatus::Refused).set(record::DECISION, reason(why)?))
            }
            RightsStep::Withdraw => {
                at.within(OPEN, step.name())?;
                Ok(decided(changes, RightsStatus::Withdrawn))
            }
            RightsStep::Lift { reason: why } => self.lifted(at, &reason(why)?),
        }
    }

    /// Whose request it is does not change once it is said.
    fn identified(
        &self,
        at: &Step<'_>,
        changes: Changes,
        subject: Option<&(String, RecordId)>,
    ) -> Result<Changes> {
        match (subject, subject_of(at.entity, &at.stored)) {
            (Some((_, said)), Some((_, known))) if *said != known => Err(at.invalid("subject")),
            (Some((entity, id)), None) => self.with_subject(changes, entity, *id),
            _ => Ok(changes),
        }
    }

    fn extended(&self, at: &Step<'_>, why: &str) -> Result<Changes> {
        at.within(OPEN, "extend")?;
        let now = self.crm().now();
        let clock = Clock::of(at.law, self.crm().configured_days());
        let span = clock.extended.ok_or_else(|| at.invalid("the law gives no more time"))?;
        if at.moment(record::EXTENDED_AT).is_some() {
            return Err(at.invalid("extended once"));
        }
        let due = at.moment(record::DUE_AT).unwrap_or(now);
        if due <= now {
            return Err(at.invalid("extended before it is due"));
        }
        let received = at.moment(record::RECEIVED_AT).unwrap_or(now);
        let due = span.end(received, &self.reader().settings().zone()?)?;
        Ok(Changes::new()
            .set(record::DUE_AT, due)
            .set(record::OPEN_DUE, due)
            .set(record::EXTENDED_AT, now)
            .set(record::EXTENSION_REASON, why))
    }

    fn fulfilled(
        &mut self,
        at: &Step<'_>,
        changes: Changes,
        (result, receipt): (Option<RecordId>, Option<RecordId>),
    ) -> Result<Changes> {
        if needs_identity(at.kind) && at.moment(record::VERIFIED_AT).is_none() {
            return Err(at.invalid("identified before it is fulfilled"));
        }
        let missing = |field: &str, id: RecordId| {
            let missing = Error::new(Code::ReferenceMissing).entity(RightsRequest::NAME);
            missing.field(field).value(&id.to_string())
        };
        let mut changes = changes;
        if let Some(id) = result {
            let attached = records::attachments(self.view(), &at.stored)?;
            if attached.iter().all(|attachment| attachment.id != id) {
                return Err(missing("result", id));
            }
            changes = changes.set(record::RESULT, id);
        }
        if let Some(id) = receipt {
            let receipts = self.registry.entity(crate::engine::ErasureReceiptRecord::NAME)?.id();
            if records::get_for_rule(self.view(), receipts, id)?.is_none() {
                return Err(missing("receipt", id));
            }
            changes = changes.set(record::RECEIPT, id.to_string().as_str());
        }
        if at.kind == RightsKind::Restriction {
            let (entity, subject) = subject_of(at.entity, &at.stored).ok_or_else(|| at.invalid("subject"))?;
            self.restrict_record(&entity, subject, &lock_reason(at.id))?;
        }
        Ok(changes)
    }

    fn lifted(&mut self, at: &Step<'_>, why: &str) -> Result<Changes> {
        at.within(&[RightsStatus::Fulfilled], "lift")?;
        if FlagKind::of(at.kind).is_none() || at.moment(record::LIFTED_AT).is_some() {
            return Err(at.invalid("lift"));
        }
        if at.kind == RightsKind::Restriction
            && let Some((entity, subject)) = subject_of(at.entity, &at.stored)
        {
            let registry = Arc::clone(&self.registry);
            let known = registry.entity(&entity)?;
            let stored = records::get_for_rule(self.view(), known.id(), subject)?;
            // Another lock than that of this request stays.
            let own = lock_reason(at.id);
            if stored.is_some_and(|stored| stored.envelope.lock_reason.as_deref() == Some(own.as_str())) {
                self.lift_restriction(&entity, subject, why)?;
            }
        }
        Ok(Changes::new().set(record::LIFTED_AT, self.crm().now()).set(record::LIFT_REASON, why))
    }
}

fn lock_reason(request: RecordId) -> String {
    format!("{} {request}", RightsRequest::NAME)
}

fn text(field: &str, said: Option<&str>) -> Result<Value> {
    let said = said.map(|said| normalize(said.trim())).filter(|said| !said.is_empty());
    match said {
        Some(said) if said.len() > MAX_TEXT_BYTES => Err(Error::new(Code::LimitExceeded)
            .entity(RightsRequest::NAME)
            .field(field)
            .rule(&format!("text <= {MAX_TEXT_BYTES} bytes"))),
        said => Ok(said.map_or(Value::Null, Value::Text)),
    }
}

fn reason(said: &str) -> Result<String> {
    match text("reason", Some(said))? {
        Value::Text(reason) => Ok(reason),
        _ => Err(Error::new(Code::ReasonRequired).entity(RightsRequest::NAME)),
    }
}

impl crate::engine::Crm {
    /// The days by which requests are answered where a law has no number.
    fn configured_days(&self) -> ConfiguredDays {
        let (pipl_working_days, other_days) = self.days_of_rights();
        ConfiguredDays { pipl_working_days, other_days }
    }
}
