//! The list of those who must not come back unnoticed: people who were erased, or who asked not to be entered again.
//!
//! It keeps a keyed hash of each e-mail address, phone number and identity number, within its partition, and never what
//! was hashed. A record of a person that is made or changed to have one of them is taken with a warning, or refused, as
//! a setting says. Who handles requests of persons at the level `all` keeps the list.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::access::Action;
use crate::base::{Code, Error, Label, Locale, MAX_PAGE_ROWS, RecordId, Result, Timestamp, normalize};
use crate::engine::{Reader, RightsRequest, Session, SuppressionMode, Transaction, Warning, WriteOptions};
use crate::records::{
    self, EntryKind, Record, SuppressedHash, Suppressor, list_suppressed, name_of_suppressed, note,
    suppressed_by_name,
};
use crate::schema::declare::codes;
use crate::schema::{Entity, EntityType, FieldName, IdentifierKind, identifiers_in};

/// Longest reason, in bytes of UTF-8.
const MAX_REASON_BYTES: usize = 500;
/// Most identifiers that are asked for at a time.
const MAX_ASKED: usize = 1_000;

codes! {
    /// Why an identifier is on the list.
    SuppressionCause {
        /// The person was erased.
        Erased = "erased", "已被抹除", "Erased";
        /// The person asked for it.
        Asked = "asked", "本人要求", "Asked for";
    }
}

/// An identifier on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressedIdentifier {
    /// The name of its hash, 64 hexadecimal digits.
    pub hash: String,
    /// What it is.
    pub kind: IdentifierKind,
    /// Why it is on the list.
    pub cause: SuppressionCause,
    /// Since when.
    pub at: Timestamp,
    /// Who put it there.
    pub by: RecordId,
    /// The request for it, a record of `sys.rights_request`.
    pub request: Option<RecordId>,
    /// What else is to be said. It names nobody.
    pub reason: Option<String>,
}

/// One page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionPage {
    /// Identifiers, in the order of their hashes, which is none that says anything.
    pub rows: Vec<SuppressedIdentifier>,
    /// The name of the last hash, if there are more.
    pub next: Option<String>,
}

/// Why somebody is put on the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuppressionReason {
    /// What explains it, at most 500 bytes. It is kept, so it should name nobody.
    pub reason: Option<String>,
    /// The request for it, a record of `sys.rights_request`.
    pub request: Option<RecordId>,
}

/// An identifier of a record, as it would be put on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifierOfRecord {
    /// The field, by API name.
    pub field: String,
    /// What it is.
    pub kind: IdentifierKind,
    /// Whether it is on the list already.
    pub listed: bool,
}

/// What lies beside a hash.
#[derive(Serialize, Deserialize)]
struct Known {
    kind: String,
    cause: String,
    at: String,
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Session {
    /// Puts an identifier on the list, and says whether it was not on it. It is kept as a hash alone.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to read and update `sys.rights_request` at the level `all`; those of a
    /// field of its type; `input.limit_exceeded` for a reason of more than 500 bytes.
    pub fn suppress(&self, kind: IdentifierKind, value: &str, why: &SuppressionReason) -> Result<bool> {
        self.check_handles_requests()?;
        check_reason(why.reason.as_deref())?;
        let identifier = kind.normalized(value, self.crm().phone_region())?;
        let options = WriteOptions::default().cause("suppression.add");
        self.write_with(options, |transaction| {
            let partition = transaction.own_partition();
            let given = [(kind, identifier.clone())];
            let added = transaction.suppress(partition, &given, (SuppressionCause::Asked, why))?;
            Ok(added > 0)
        })
    }

    /// Puts all identifiers of a person's record on the list, and gives how many were not on it.
    ///
    /// # Errors
    /// As [`Session::suppress`]; `record.not_found`; `schema.invalid_definition` for an entity whose records are no
    /// persons.
    pub fn suppress_person(&self, entity: &str, id: RecordId, why: &SuppressionReason) -> Result<u64> {
        self.check_handles_requests()?;
        check_reason(why.reason.as_deref())?;
        let options = WriteOptions::default().cause("suppression.add");
        self.write_with(options, |transaction| {
            let (partition, found) = {
                let reader = transaction.reader();
                let (entity, record) = reader.person(entity, id)?;
                (record.envelope.partition, identifiers(entity, &record))
            };
            let given: Vec<_> = found.into_iter().map(|(_, kind, text)| (kind, text)).collect();
            transaction.suppress(partition, &given, (SuppressionCause::Asked, why))
        })
    }

    /// The identifiers of a person's record that the user sees, and which of them are on the list. Nothing is changed.
    ///
    /// # Errors
    /// As [`Session::suppress_person`].
    pub fn preview_suppression(&self, entity: &str, id: RecordId) -> Result<Vec<IdentifierOfRecord>> {
        self.check_handles_requests()?;
        self.read(|reader| {
            let (entity, record) = reader.person(entity, id)?;
            let shown = reader.shown_fields(&entity.api_name)?;
            let mut rows = Vec::new();
            for (field, kind, text) in identifiers(entity, &record) {
                if shown.contains(&entity.field(FieldName::Name(&field))?.id()) {
                    let at = (record.envelope.partition, kind);
                    let listed = reader.suppressed(at, &text)?.is_some();
                    rows.push(IdentifierOfRecord { field, kind, listed });
                }
            }
            Ok(rows)
        })
    }

    /// Which of up to 1,000 identifiers are on the list, in their order: for a host before it imports or sends.
    ///
    /// # Errors
    /// As [`Session::suppress`]; `input.limit_exceeded`.
    pub fn look_up_suppressed(
        &self,
        identifiers: &[(IdentifierKind, String)],
    ) -> Result<Vec<Option<SuppressedIdentifier>>> {
        self.check_handles_requests()?;
        if identifiers.len() > MAX_ASKED {
            let error = Error::new(Code::LimitExceeded).field("identifiers");
            return Err(error.rule(&format!("at most {MAX_ASKED}")));
        }
        let region = self.crm().phone_region();
        self.read(|reader| {
            let partition = reader.policy.partition_of(self.user()).unwrap_or(0);
            let asked = identifiers.iter();
            let found = asked
                .map(|(kind, text)| reader.suppressed((partition, *kind), &kind.normalized(text, region)?));
            found.collect()
        })
    }

    /// The list, a page at a time: what is behind a hash, by its name. `limit` 0 means 100.
    ///
    /// # Errors
    /// As [`Session::suppress`]; `input.invalid_cursor` for a name that is none.
    pub fn suppression_list(&self, after: Option<&str>, limit: usize) -> Result<SuppressionPage> {
        self.check_handles_requests()?;
        let after = after.map(|name| suppressed_by_name(name).ok_or_else(|| Error::new(Code::InvalidCursor)));
        let after = after.transpose()?;
        let limit = if limit == 0 { 100 } else { limit.min(MAX_PAGE_ROWS) };
        self.read(|reader| {
            let partition = reader.policy.partition_of(self.user()).unwrap_or(0);
            let (rows, more) = list_suppressed(reader.snapshot, partition, after.as_ref(), limit)?;
            let rows: Vec<SuppressedIdentifier> =
                rows.iter().map(|(hash, known)| told(hash, known)).collect::<Result<_>>()?;
            let next = rows.last().filter(|_| more).map(|row| row.hash.clone());
            Ok(SuppressionPage { rows, next })
        })
    }

    /// Takes an identifier off the list, by the name of its hash, with a reason that the ledger keeps.
    ///
    /// # Errors
    /// As [`Session::suppress`]; `model.reason_required`; `record.not_found` for a hash that is not on the list.
    pub fn unsuppress(&self, hash: &str, reason: &str) -> Result<()> {
        self.check_handles_requests()?;
        let reason = normalize(reason.trim());
        if reason.is_empty() {
            return Err(Error::new(Code::ReasonRequired).field("reason"));
        }
        check_reason(Some(&reason))?;
        let missing = || Error::new(Code::RecordNotFound).field("hash").value(hash);
        let found = suppressed_by_name(hash).ok_or_else(missing)?;
        let options = WriteOptions::default().cause("suppression.remove");
        self.write_with(options, |transaction| {
            let partition = transaction.own_partition();
            if records::suppressed(transaction.view(), partition, &found)?.is_none() {
                return Err(missing());
            }
            records::unsuppress(transaction.view_mut(), partition, &found);
            let context = transaction.context().clone();
            let about = context.actor;
            note(transaction.view_mut(), &context, EntryKind::Settings, about, &reason);
            Ok(())
        })
    }

    fn check_handles_requests(&self) -> Result<()> {
        self.read(|reader| match reader.handles_requests() {
            true => Ok(()),
            false => Err(reader.policy.refusal(RightsRequest::NAME, Action::Update)),
        })
    }
}

impl Reader<'_> {
    /// What is known of an identifier, if it is on the list of a partition.
    fn suppressed(
        &self,
        (partition, kind): (u32, IdentifierKind),
        identifier: &str,
    ) -> Result<Option<SuppressedIdentifier>> {
        let Some(suppressor) = Suppressor::of(self.snapshot)? else { return Ok(None) };
        let hash = suppressor.hash(partition, kind.code(), identifier);
        let known = records::suppressed(self.snapshot, partition, &hash)?;
        known.map(|known| told(&hash, &known)).transpose()
    }
}

impl Transaction<'_> {
    fn own_partition(&self) -> u32 {
        self.policy.partition_of(self.user()).unwrap_or(0)
    }

    /// Puts identifiers on the list of a partition, and gives how many were not on it.
    fn suppress(
        &mut self,
        partition: u32,
        given: &[(IdentifierKind, String)],
        (cause, why): (SuppressionCause, &SuppressionReason),
    ) -> Result<u64> {
        if given.is_empty() {
            return Ok(0);
        }
        let random = std::sync::Arc::clone(&self.crm().inner.random);
        let suppressor = Suppressor::ensure(self.view_mut(), random.as_ref())?;
        let mut added = 0_u64;
        for (kind, identifier) in given {
            let hash = suppressor.hash(partition, kind.code(), identifier);
            if records::suppressed(self.view(), partition, &hash)?.is_some() {
                continue;
            }
            let known = Known {
                kind: kind.code().to_owned(),
                cause: cause.code().to_owned(),
                at: self.crm().now().to_string(),
                by: self.user().to_string(),
                request: why.request.map(|request| request.to_string()),
                reason: why.reason.as_deref().map(normalize),
            };
            let known = serde_json::to_vec(&known).map_err(|error| Error::new(Code::Panic).because(error))?;
            records::suppress(self.view_mut(), partition, &hash, known);
            added = added.saturating_add(1);
        }
        if added > 0 {
            // The entry has no hash, which would outlive its being taken off.
            let said = format!("{added} {}", cause.code());
            let context = self.context().clone();
            note(self.view_mut(), &context, EntryKind::Settings, context.actor, &said);
        }
        Ok(added)
    }

    /// Puts the identifiers of a person on the list who is being erased, if that is wanted, and gives how many there are
    /// that were not on it.
    pub(in crate::engine) fn suppress_erased(
        &mut self,
        entity: &Entity,
        id: RecordId,
        (wanted, request): (Option<bool>, Option<RecordId>),
    ) -> Result<u64> {
        if !is_of_people(entity) || !wanted.unwrap_or_else(|| self.crm().suppresses_erased()) {
            return Ok(0);
        }
        let Some(record) = records::stored_for_rule(self.view(), entity.id(), id)? else { return Ok(0) };
        let given = identifiers(entity, &record).into_iter().map(|(_, kind, text)| (kind, text));
        let why = SuppressionReason { reason: None, request };
        let given: Vec<_> = given.collect();
        self.suppress(record.envelope.partition, &given, (SuppressionCause::Erased, &why))
    }

    /// Looks whether a record gets an identifier that is on the list.
    pub(in crate::engine) fn look_for_suppressed(
        &mut self,
        entity: &Entity,
        old: Option<&Record>,
        record: &Record,
    ) -> Result<()> {
        if !is_of_people(entity) {
            return Ok(());
        }
        let before: BTreeSet<_> = old.map(|old| identifiers(entity, old)).into_iter().flatten().collect();
        let mut new = identifiers(entity, record);
        new.retain(|identifier| !before.contains(identifier));
        let Some(suppressor) = (!new.is_empty()).then(|| Suppressor::of(self.view())).transpose()?.flatten()
        else {
            return Ok(());
        };
        let mode = self.crm().suppression_mode();
        let partition = record.envelope.partition;
        for (field, kind, text) in new.into_iter().filter(|_| mode != SuppressionMode::Off) {
            let hash = suppressor.hash(partition, kind.code(), &text);
            if records::suppressed(self.view(), partition, &hash)?.is_none() {
                continue;
            }
            if mode == SuppressionMode::Refuse {
                return Err(Error::new(Code::Suppressed).entity(&entity.api_name).field(&field));
            }
            self.warn(suppressed_warning(entity, field));
        }
        Ok(())
    }
}

fn suppressed_warning(entity: &Entity, field: String) -> Warning {
    let code = Code::Suppressed;
    let [zh, en] = [Locale::SimplifiedChinese, Locale::English].map(|locale| code.message(locale));
    Warning { code, entity: entity.api_name.clone(), field, message: Label::new(zh, en) }
}

/// Whether the list is asked for the records of an entity: those of people, but for the organisation's own.
fn is_of_people(entity: &Entity) -> bool {
    entity.definition.data_subject && !entity.api_name.starts_with("sys.")
}

/// The identifiers of a record with their fields, each in its one form.
fn identifiers(entity: &Entity, record: &Record) -> Vec<(String, IdentifierKind, String)> {
    let fields = entity.fields().iter().filter(|field| !field.is_withdrawn());
    let found = fields.flat_map(|field| {
        let of_field = identifiers_in(field, &record.peek(field.id()));
        of_field.into_iter().map(|(kind, text)| (field.api_name.clone(), kind, text))
    });
    found.collect()
}

fn check_reason(reason: Option<&str>) -> Result<()> {
    match reason.is_some_and(|reason| reason.len() > MAX_REASON_BYTES) {
        true => {
            let rule = format!("reason <= {MAX_REASON_BYTES} bytes");
            Err(Error::new(Code::LimitExceeded).field("reason").rule(&rule))
        }
        false => Ok(()),
    }
}

fn told(hash: &SuppressedHash, known: &[u8]) -> Result<SuppressedIdentifier> {
    let damaged = || Error::new(Code::Damaged).rule("suppression.listed");
    let known: Known = serde_json::from_slice(known).map_err(|error| damaged().because(error))?;
    let request = known.request.map(|request| request.parse().map_err(|_| damaged()));
    Ok(SuppressedIdentifier {
        hash: name_of_suppressed(hash),
        kind: IdentifierKind::from_code(&known.kind).ok_or_else(damaged)?,
        cause: SuppressionCause::from_code(&known.cause).ok_or_else(damaged)?,
        at: known.at.parse().map_err(|_| damaged())?,
        by: known.by.parse().map_err(|_| damaged())?,
        request: request.transpose()?,
        reason: known.reason,
    })
}
