//! What people agreed to: given and taken back for a purpose and a channel, with what shows it, and never overwritten.
//!
//! Each statement is a record of nobody's that tells of a person. Its history is sealed under that person's key, and
//! erasing the person empties it. Nothing that somebody withdrew comes back by that: of whom nothing is known, nothing
//! is allowed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{Action, Delete, NOBODY, Policy};
use crate::base::{Code, Error, MAX_PAGE_ROWS, RecordId, Result, Timestamp, Value, normalize};
use crate::engine::nobodys::Nobodys;
use crate::engine::privacy::kept::Values;
use crate::engine::privacy::purposes::{LegalBasis, RegisteredPurpose};
use crate::engine::{Changes, Reader, Session, Transaction, WriteOptions};
use crate::records::{self, Comparison, Filter, PageCursor, Query, Record, Sight, WriteContext, WriteView};
use crate::schema::declare::codes;
use crate::schema::{Entity, EntityType, Registry};

/// Most consents that are given by one person.
const MAX_GIVEN: usize = 1_000;
/// Most statements of one person in all, so that there is room to withdraw whatever was given.
const MAX_STATEMENTS: usize = 10_000;
/// Longest text that was shown, in bytes of UTF-8.
const MAX_SHOWN_BYTES: usize = 64 << 10;
/// Longest of the other texts.
const MAX_TEXT_BYTES: usize = 2_000;

codes! {
    /// By what a person is reached, or data leaves.
    Channel {
        /// Every channel there is, in what is stated; nothing is asked for it.
        Any = "any", "全部渠道", "Any";
        /// Electronic mail.
        Email = "email", "电子邮件", "E-mail";
        /// Short messages.
        Sms = "sms", "短信", "Text message";
        /// Calls.
        Phone = "phone", "电话", "Phone";
        /// Letters.
        Post = "post", "邮寄", "Post";
        /// Messengers, such as `WeChat`.
        Messenger = "messenger", "即时通讯", "Messenger";
        /// Notices of an app.
        App = "app", "应用通知", "App";
        /// In person.
        InPerson = "in_person", "当面", "In person";
        /// Being handed to somebody else, by an export or an interface.
        Export = "export", "对外提供", "Export";
        /// What is done with the data without reaching the person.
        Processing = "processing", "内部处理", "Processing";
    }
}

codes! {
    /// What a person said, or what was decided of the person's data.
    Decision {
        /// The person agreed.
        Given = "given", "同意", "Given";
        /// The person no longer agrees.
        Withdrawn = "withdrawn", "撤回同意", "Withdrawn";
        /// The person objects (GDPR, article 21; PIPL, article 44).
        Objected = "objected", "拒绝处理", "Objected";
        /// The person no longer objects.
        ObjectionEnded = "objection_ended", "取消拒绝", "Objection ended";
        /// The data is only kept (GDPR, article 18; PIPL, article 44).
        Restricted = "restricted", "限制处理", "Restricted";
        /// It may be used again.
        RestrictionEnded = "restriction_ended", "取消限制", "Restriction ended";
    }
}

/// What people agreed to.
pub mod consent {
    use super::{Channel, Decision};
    use crate::schema::declare::entity;
    use crate::schema::{Choice, DateTime, Privacy, Text};

    entity! {
        /// What a person said on the use of their data. It is stated anew and never changed.
        Consent = ("sys", 32, "consent", "同意记录", "Consent",
            "个人对其信息处理的表示；只追加，不修改。", title "purpose", data_subject false);
        /// The entity of the person, by API name.
        ENTITY: Text = 1, "entity", "实体", "Entity", "个人所属实体的 API 名称。", [required = true, read_only = true];
        /// The person, by the record's id.
        SUBJECT: Text = 2, "subject", "个人", "Subject", "个人记录的编号。",
            [required = true, read_only = true, indexed = true];
        /// The code of the purpose; all of them if there is none.
        PURPOSE: Text = 3, "purpose", "处理目的", "Purpose", "处理目的的代码；为空表示全部目的。", [read_only = true];
        /// The channel.
        CHANNEL: Choice<Channel> = 4, "channel", "渠道", "Channel", "联系或对外提供的渠道。",
            [required = true, read_only = true];
        /// What was said.
        DECISION: Choice<Decision> = 5, "decision", "表示", "Decision", "个人作出的表示。",
            [required = true, read_only = true];
        /// When the person said it.
        AT: DateTime = 6, "at", "时间", "At", "个人作出表示的时刻。", [required = true, read_only = true, indexed = true];
        /// The text that the person was shown.
        SHOWN: Text = 7, "shown", "告知文本", "Text shown", "向个人展示的文本。",
            [read_only = true, privacy = Privacy::Personal];
        /// The version of that text.
        VERSION: Text = 8, "version_shown", "文本版本", "Version of the text", "告知文本的版本。", [read_only = true];
        /// How it was said: a form, a call, a letter.
        METHOD: Text = 9, "method", "方式", "Method", "作出表示的方式，如表单、电话或书面。",
            [read_only = true, privacy = Privacy::Personal];
        /// An attachment of the person's record that shows it, by its id.
        ATTACHMENT: Text = 10, "attachment", "附件", "Attachment", "可资证明的附件编号，附于个人记录。", [read_only = true];
        /// What else is to be said.
        NOTE: Text = 11, "note", "说明", "Note", "其他说明。", [read_only = true, privacy = Privacy::Personal];
    }
}

pub use consent::Consent;

/// What shows that a person said something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The text that the person was shown, at most 64 KiB.
    pub shown: Option<String>,
    /// The version of that text.
    pub version: Option<String>,
    /// How it was said.
    pub method: Option<String>,
    /// An attachment of the person's record.
    pub attachment: Option<RecordId>,
    /// What else is to be said.
    pub note: Option<String>,
}

/// What a person said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentStatement {
    /// The code of the purpose; all of them if there is none, which no consent is given for.
    pub purpose: Option<String>,
    /// The channel.
    pub channel: Channel,
    /// What was said.
    pub decision: Decision,
    /// When; now if nothing is said.
    pub at: Option<Timestamp>,
    /// What shows it.
    pub evidence: Evidence,
}

impl ConsentStatement {
    /// One of now, for a purpose.
    #[must_use]
    pub fn new(purpose: &str, channel: Channel, decision: Decision) -> Self {
        let purpose = Some(purpose.to_owned());
        Self { purpose, channel, decision, at: None, evidence: Evidence::default() }
    }
}

/// A statement as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedConsent {
    /// Its record.
    pub id: RecordId,
    /// Which statement of all it is: later ones have greater numbers.
    pub number: u64,
    /// What was said, and when.
    pub statement: ConsentStatement,
    /// Who recorded it.
    pub recorded_by: RecordId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// One page of statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentPage {
    /// The statements, in the order in which they were recorded.
    pub rows: Vec<RecordedConsent>,
    /// Where to go on, if there is more.
    pub next: Option<PageCursor>,
}

codes! {
    /// Why the use of data is allowed, or is not.
    ConsentReason {
        /// The person agreed.
        Consent = "consent", "已同意", "Consent";
        /// Another basis of the purpose allows it.
        OtherBasis = "other_basis", "其他合法性基础", "Another basis";
        /// The person never agreed, and the purpose has no other basis.
        NoConsent = "no_consent", "未同意", "No consent";
        /// The person no longer agrees.
        Withdrawn = "withdrawn", "已撤回同意", "Withdrawn";
        /// The person objects.
        Objected = "objected", "已拒绝处理", "Objected";
        /// The data is only kept.
        Restricted = "restricted", "已限制处理", "Restricted";
        /// Data is no longer used for the purpose.
        PurposeInactive = "purpose_inactive", "处理目的已停用", "The purpose is not active";
    }
}

/// Whether data of a person may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentAnswer {
    /// Whether it may.
    pub allowed: bool,
    /// Why.
    pub reason: ConsentReason,
    /// The basis by which it may.
    pub basis: Option<LegalBasis>,
    /// The statement that decides, if one does.
    pub statement: Option<RecordId>,
    /// For which moment this is.
    pub at: Timestamp,
}

impl Session {
    /// Records what a person said. See [`Transaction::record_consent`].
    ///
    /// ```
    /// # fn main() -> guanxi::Result<()> {
    /// # let crm = guanxi::in_memory().create_in_memory()?;
    /// # let session = crm.session_for("admin@example.test")?;
    /// use guanxi::engine::{Channel, ConsentStatement, Decision, LegalBasis, purpose};
    /// use guanxi::{Changes, Value};
    /// let bases = Value::List(vec![LegalBasis::Consent.into()]);
    /// let news = Changes::new()
    ///     .set(purpose::NAME, "资讯")
    ///     .set(purpose::NAME_EN, "News")
    ///     .set(purpose::LEGAL_BASES, bases);
    /// session.define_purpose("news", &news)?;
    /// let lin = session.write(|txn| txn.create_record("contact", Changes::new().set("name", "林")))?;
    /// let said = ConsentStatement::new("news", Channel::Email, Decision::Given);
    /// session.record_consent("contact", lin, &said)?;
    /// assert!(session.check_consent("contact", lin, ("news", Channel::Email), None)?.allowed);
    /// assert!(!session.check_consent("contact", lin, ("news", Channel::Sms), None)?.allowed);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Transaction::record_consent`].
    pub fn record_consent(&self, entity: &str, id: RecordId, said: &ConsentStatement) -> Result<RecordId> {
        let options = WriteOptions::default().cause("consent.record");
        self.write_with(options, |transaction| transaction.record_consent(entity, id, said))
    }

    /// Whether data of a person may be used. See [`Reader::check_consent`].
    ///
    /// # Errors
    /// As [`Reader::check_consent`].
    pub fn check_consent(
        &self,
        entity: &str,
        id: RecordId,
        asked: (&str, Channel),
        at: Option<Timestamp>,
    ) -> Result<ConsentAnswer> {
        self.read(|reader| reader.check_consent(entity, id, asked, at))
    }

    /// What a person said, for whoever sees the person.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_entity`; `schema.invalid_definition` for an entity
    /// whose records are no persons; `input.invalid_cursor`.
    pub fn consents(
        &self,
        entity: &str,
        id: RecordId,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<ConsentPage> {
        self.read(|reader| {
            let (_, person) = reader.person(entity, id)?;
            let consents = reader.registry.entity(Consent::NAME)?;
            let place = reader.of_nobody();
            let permit = place.permit(consents, partitions_of(reader.registry, &person).as_ref());
            let sight = Sight::new(reader.snapshot, reader.registry, consents, &permit, reader.patience);
            let limit = if limit == 0 { 100 } else { limit.min(MAX_PAGE_ROWS) };
            let filter = told_of(consents, id)?;
            let query = Query { filter, limit, after, at: reader.now, ..Query::default() };
            let found = records::find(&sight, &query)?;
            let rows = found.records.iter().filter_map(|record| told(consents, record));
            Ok(ConsentPage { rows: rows.collect(), next: found.next })
        })
    }
}

impl Reader<'_> {
    /// Whether data of a person may be used for a purpose by a channel at a moment, now if none is said, and why. A host
    /// asks before each message and each export.
    ///
    /// What was said last counts, of all that speaks of the purpose and of the channel, or of all purposes or channels.
    /// A restriction refuses, and so does an objection. A consent allows where the purpose has that basis. Without one,
    /// another basis of the purpose allows; but where a consent was withdrawn, only one that does not ask what the
    /// person wants ([`LegalBasis::survives_withdrawal`]).
    ///
    /// # Errors
    /// `record.not_found` for a person who was deleted or erased, or whom the user does not see, so that nothing is sent
    /// to them; `record.reference_missing` for a purpose that the register does not have; `schema.invalid_definition` for
    /// an entity whose records are no persons; `input.invalid_argument` for the channel `any`; `access.not_permitted`.
    pub fn check_consent(
        &self,
        entity: &str,
        id: RecordId,
        (purpose, channel): (&str, Channel),
        at: Option<Timestamp>,
    ) -> Result<ConsentAnswer> {
        if channel == Channel::Any {
            return Err(wrong("one channel").field("channel"));
        }
        let (_, person) = self.person(entity, id)?;
        let purpose = self.purpose_of(purpose, person.envelope.partition)?.ok_or_else(|| {
            Error::new(Code::ReferenceMissing).entity(Consent::NAME).field("purpose").value(purpose)
        })?;
        let at = at.unwrap_or(self.now);
        let consents = self.registry.entity(Consent::NAME)?;
        let mut said = self.statements_of(consents, &person)?;
        said.retain(|row| speaks_of(&row.statement, (&purpose.code, channel)) && moment_of(row) <= at);
        Ok(decide(&purpose, &said, at))
    }

    /// A person whom the user sees.
    pub(super) fn person(&self, entity: &str, id: RecordId) -> Result<(&Entity, Record)> {
        let entity = self.registry.entity(entity)?;
        if !entity.definition.data_subject {
            return Err(Error::new(Code::InvalidDefinition).entity(&entity.api_name).rule("data subject"));
        }
        Ok((entity, self.stored(&self.permit(entity)?, entity, id)?))
    }

    fn statements_of(&self, consents: &Entity, person: &Record) -> Result<Vec<RecordedConsent>> {
        let place = self.of_nobody();
        let near = partitions_of(self.registry, person);
        let found = place.records::<Consent>(near.as_ref(), &|entity| told_of(entity, person.id))?;
        Ok(found.iter().filter_map(|record| told(consents, record)).collect())
    }
}

impl Transaction<'_> {
    /// Records what a person said, and gives the id of the statement. Giving and withdrawing are the same call by the
    /// same right, that to change the person's record. Nothing that was recorded is changed by it.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_entity`; `schema.invalid_definition` for an entity
    /// whose records are no persons; `record.reference_missing` for a purpose that the register does not have or has no
    /// longer in use, and for what is no attachment of the person; `input.missing_parameter` for a consent without a
    /// purpose; `input.invalid_argument` for a moment that is still to come, or a consent for a purpose whose bases do
    /// not have it; `input.limit_exceeded` beyond 1,000 consents that one person gave, 10,000 statements, and the bounds
    /// of texts.
    pub fn record_consent(
        &mut self,
        entity: &str,
        id: RecordId,
        said: &ConsentStatement,
    ) -> Result<RecordId> {
        let registry = Arc::clone(&self.registry);
        let reader = self.reader();
        let (entity, person) = reader.person(entity, id)?;
        let entity_name = entity.api_name.clone();
        if reader.way_to(entity, &person, Action::Update).is_none() {
            return Err(reader.policy.refusal(&entity_name, Action::Update));
        }
        reader.check_statement(&person, said)?;
        let known = reader.statements_of(registry.entity(Consent::NAME)?, &person)?;
        check_room(&known, said.decision)?;
        let at = said.at.unwrap_or_else(|| self.crm().now());
        let text = |value: Option<&String>| value.map_or(Value::Null, |text| Value::Text(normalize(text)));
        let evidence = &said.evidence;
        let changes = Changes::new()
            .set(consent::ENTITY, entity_name)
            .set(consent::SUBJECT, id.to_string())
            .set(consent::PURPOSE, text(said.purpose.as_ref()))
            .set(consent::CHANNEL, said.channel)
            .set(consent::DECISION, said.decision)
            .set(consent::AT, at)
            .set(consent::SHOWN, text(evidence.shown.as_ref()))
            .set(consent::VERSION, text(evidence.version.as_ref()))
            .set(consent::METHOD, text(evidence.method.as_ref()))
            .set(consent::ATTACHMENT, text(evidence.attachment.map(|id| id.to_string()).as_ref()))
            .set(consent::NOTE, text(evidence.note.as_ref()))
            .owner(NOBODY);
        self.create_about(Some(id), Consent::NAME, changes)
    }

    /// Empties what a person said who is being erased.
    pub(in crate::engine) fn forget_consents(&mut self, entity: &Entity, person: RecordId) -> Result<()> {
        if !entity.definition.data_subject {
            return Ok(());
        }
        let (registry, policy) = (Arc::clone(&self.registry), Arc::clone(&self.policy));
        let context = self.context_for(registry.entity(Consent::NAME)?, BTreeSet::new());
        forget_consents(self.view_mut(), &context, (&registry, &policy), person)
    }
}

/// Empties what a person said, in the engine's own right.
pub(in crate::engine) fn forget_consents(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    (registry, policy): (&Registry, &Policy),
    person: RecordId,
) -> Result<()> {
    let consents = registry.entity(Consent::NAME)?;
    let place = Nobodys { snapshot: view, registry, policy };
    let found = place.records::<Consent>(None, &|entity| told_of(entity, person))?;
    let permit = policy.bootstrap::<Delete>(consents.id());
    for record in found {
        // A statement has no attachments, so no file is left behind.
        records::erase(view, context, &permit, consents, record.id, &BTreeSet::new())?;
    }
    Ok(())
}

impl Reader<'_> {
    fn check_statement(&self, person: &Record, said: &ConsentStatement) -> Result<()> {
        let missing = |field: &str, value: &str| {
            Error::new(Code::ReferenceMissing).entity(Consent::NAME).field(field).value(value)
        };
        match &said.purpose {
            Some(code) => {
                let purpose = self.purpose_of(code, person.envelope.partition)?;
                let purpose = purpose.ok_or_else(|| missing("purpose", code))?;
                let is_given = said.decision == Decision::Given;
                if is_given && !purpose.active {
                    return Err(missing("purpose", code));
                }
                if is_given && !purpose.legal_bases.contains(&LegalBasis::Consent) {
                    return Err(wrong("consent is no basis of the purpose").field("purpose"));
                }
            }
            None if said.decision == Decision::Given => {
                return Err(Error::new(Code::MissingParameter).entity(Consent::NAME).field("purpose"));
            }
            None => {}
        }
        if said.at.is_some_and(|at| at > self.now) {
            return Err(wrong("not later than now").field("at"));
        }
        if let Some(id) = said.evidence.attachment {
            let attached = records::attachments(self.snapshot, person)?;
            if !attached.iter().any(|attachment| attachment.id == id) {
                return Err(missing("attachment", &id.to_string()));
            }
        }
        check_texts(&said.evidence)
    }
}

fn check_texts(evidence: &Evidence) -> Result<()> {
    let bounds = [
        ("shown", &evidence.shown, MAX_SHOWN_BYTES),
        ("version", &evidence.version, MAX_TEXT_BYTES),
        ("method", &evidence.method, MAX_TEXT_BYTES),
        ("note", &evidence.note, MAX_TEXT_BYTES),
    ];
    for (field, text, most) in bounds {
        if text.as_ref().is_some_and(|text| text.len() > most) {
            let error = Error::new(Code::LimitExceeded).entity(Consent::NAME).field(field);
            return Err(error.rule(&format!("text <= {most} bytes")));
        }
    }
    Ok(())
}

fn check_room(known: &[RecordedConsent], decision: Decision) -> Result<()> {
    let full = |rule: String| Err(Error::new(Code::LimitExceeded).entity(Consent::NAME).rule(&rule));
    let given = known.iter().filter(|row| row.statement.decision == Decision::Given);
    if decision == Decision::Given && given.count() >= MAX_GIVEN {
        return full(format!("at most {MAX_GIVEN} consents of one person"));
    }
    if known.len() >= MAX_STATEMENTS {
        return full(format!("at most {MAX_STATEMENTS} statements of one person"));
    }
    Ok(())
}

/// What the newest statements come to.
fn decide(purpose: &RegisteredPurpose, said: &[RecordedConsent], at: Timestamp) -> ConsentAnswer {
    let newest = |kinds: [Decision; 2]| {
        let of_kind = said.iter().filter(|row| kinds.contains(&row.statement.decision));
        of_kind.max_by_key(|row| (moment_of(row), row.number))
    };
    let is = |row: Option<&RecordedConsent>, decision: Decision| {
        row.filter(|row| row.statement.decision == decision).map(|row| row.id)
    };
    let answer = |reason, basis, statement| ConsentAnswer {
        allowed: matches!(reason, ConsentReason::Consent | ConsentReason::OtherBasis),
        reason,
        basis,
        statement,
        at,
    };
    if !purpose.active {
        return answer(ConsentReason::PurposeInactive, None, None);
    }
    let restricted = newest([Decision::Restricted, Decision::RestrictionEnded]);
    if let Some(id) = is(restricted, Decision::Restricted) {
        return answer(ConsentReason::Restricted, None, Some(id));
    }
    let objected = newest([Decision::Objected, Decision::ObjectionEnded]);
    if let Some(id) = is(objected, Decision::Objected) {
        return answer(ConsentReason::Objected, None, Some(id));
    }
    let consent = newest([Decision::Given, Decision::Withdrawn]);
    let bases = &purpose.legal_bases;
    if let Some(id) = is(consent, Decision::Given).filter(|_| bases.contains(&LegalBasis::Consent)) {
        return answer(ConsentReason::Consent, Some(LegalBasis::Consent), Some(id));
    }
    let withdrawn = is(consent, Decision::Withdrawn);
    let holds = |basis: &&LegalBasis| {
        **basis != LegalBasis::Consent && (withdrawn.is_none() || basis.survives_withdrawal())
    };
    match (bases.iter().find(holds), withdrawn) {
        (Some(basis), _) => answer(ConsentReason::OtherBasis, Some(*basis), None),
        (None, Some(id)) => answer(ConsentReason::Withdrawn, None, Some(id)),
        (None, None) => answer(ConsentReason::NoConsent, None, None),
    }
}

fn moment_of(row: &RecordedConsent) -> Timestamp {
    row.statement.at.unwrap_or(row.recorded_at)
}

/// Whether a statement is about a purpose and a channel.
fn speaks_of(statement: &ConsentStatement, (purpose, channel): (&str, Channel)) -> bool {
    statement.purpose.as_deref().is_none_or(|said| said == purpose)
        && (statement.channel == Channel::Any || statement.channel == channel)
}

/// Where statements on a person are: in the person's partition, but for people of the organisation, who move.
fn partitions_of(registry: &Registry, person: &Record) -> Option<BTreeSet<u32>> {
    let entity = registry.entity_by_id(person.entity).ok()?;
    let moves = entity.api_name.starts_with("sys.");
    (!moves).then(|| BTreeSet::from([person.envelope.partition]))
}

fn told_of(consents: &Entity, person: RecordId) -> Result<Filter> {
    let field = consents.field(consent::SUBJECT.selector())?.id();
    Ok(Filter::Compare(field, Comparison::Equal, Value::from(person.to_string().as_str())))
}

/// What the record of a statement says.
fn told(consents: &Entity, record: &Record) -> Option<RecordedConsent> {
    let values = Values { entity: consents, record };
    Some(RecordedConsent {
        id: record.id,
        number: record.envelope.record_number,
        statement: ConsentStatement {
            purpose: values.text(consent::PURPOSE.selector()),
            channel: Channel::from_code(&values.text(consent::CHANNEL.selector())?)?,
            decision: Decision::from_code(&values.text(consent::DECISION.selector())?)?,
            at: values.moment(consent::AT.selector()),
            evidence: Evidence {
                shown: values.text(consent::SHOWN.selector()),
                version: values.text(consent::VERSION.selector()),
                method: values.text(consent::METHOD.selector()),
                attachment: values.text(consent::ATTACHMENT.selector()).and_then(|id| id.parse().ok()),
                note: values.text(consent::NOTE.selector()),
            },
        },
        recorded_by: record.envelope.created_by,
        recorded_at: record.envelope.created.at(),
    })
}

fn wrong(rule: &str) -> Error {
    Error::new(Code::InvalidArgument).entity(Consent::NAME).rule(rule)
}
