//! The ledger as an auditor reads it: entries that are looked for, with the values that the reader may see.
//!
//! Who did what and when is the auditor's right. Values are those of records, and shown as the permissions of
//! today show the records themselves, field by field.

use std::time::Duration;

use crate::access::{Action, Permit, Read};
use crate::base::{Code, Error, FieldId, Patience, RecordId, Result, Timestamp, Value};
use crate::engine::{Crm, EntryKind, FieldSelector, LedgerEntry, Reader, Session};
use crate::records::{self, LedgerFilter, LedgerWalk, Summary};
use crate::schema::Entity;

/// Most entries of one page.
const MAX_PAGE: usize = 1_000;
/// How long a search waits to keep what it learnt; it is no loss if it cannot.
const KEEPING: Duration = Duration::from_millis(20);

/// A value of an entry of the ledger, as its reader may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditedValue {
    /// This one; [`Value::Null`] for none.
    Known(Value),
    /// One that nobody can tell any more, since the person whose it was has been forgotten.
    Erased,
    /// One that nobody can tell any more, since it is older than what its entity keeps and was pruned.
    Pruned,
    /// One that the reader may not see.
    Withheld,
}

/// One field of an entry, as its reader may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedChange {
    /// The field, or a number of the envelope.
    pub field: FieldId,
    /// Before.
    pub old: AuditedValue,
    /// After.
    pub new: AuditedValue,
}

/// An entry of the ledger, as its reader may see it.
#[derive(Debug, Clone)]
pub struct AuditedEntry {
    /// What stands in the clear; its values are in `changes`.
    pub entry: LedgerEntry,
    /// The values.
    pub changes: Vec<AuditedChange>,
    /// Whether its values can be opened by nobody any more, since the person whose they were was forgotten, or since
    /// they were pruned, which [`LedgerEntry::is_pruned`] tells.
    pub is_erased: bool,
    /// Whether the actor is a service account.
    pub by_service: bool,
}

/// Which entries of the ledger are looked for. What is not said holds of every entry.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LedgerQuery {
    /// Who did it.
    pub actor: Option<RecordId>,
    /// On whose behalf.
    pub on_behalf_of: Option<RecordId>,
    /// The API name of the entity.
    pub entity: Option<String>,
    /// The record that the entry is about, or names among others.
    pub record: Option<RecordId>,
    /// A field of the entity that the entry changes.
    pub field: Option<FieldSelector>,
    /// The kinds of entries; none for all.
    pub kinds: Vec<EntryKind>,
    /// The cause.
    pub cause: Option<String>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// From this position on.
    pub first: Option<u64>,
    /// Up to this position.
    pub last: Option<u64>,
    /// Newest first.
    pub falling: bool,
    /// The position behind which to go on, in the direction of the query.
    pub after: Option<u64>,
    /// Most entries: 0 means 100, and there are never more than 1,000.
    pub limit: usize,
}

/// A page of a query of the ledger. It may be empty, and more to come.
#[derive(Debug)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditedEntry>,
    /// Where to go on, if there may be more.
    pub next: Option<u64>,
    /// How many entries were read for it.
    pub looked_at: u64,
    /// How many blocks of 1,024 entries were passed over, since none of their entries can match.
    pub passed_over: u64,
}

impl Session {
    /// Looks for entries of the ledger. A page reads at most 65,536 entries and passes over at most 16,384
    /// blocks of 1,024 entries, and says where to go on. The first search that comes through a block keeps what
    /// its entries name, so that later ones pass over it where none can match.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `schema.unknown_entity`,
    /// `schema.unknown_field`, also for a field that the reader may not see;
    /// `input.missing_parameter` for a field without an entity; `ledger.broken`, `storage.damaged`,
    /// `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn query_ledger(&self, query: &LedgerQuery) -> Result<AuditPage> {
        self.check_may("sys.role", Action::Administer)?;
        self.crm().enter_concealed(self.patience())?;
        let (page, learnt) = self.read(|reader| {
            let filter = reader.ledger_filter(query)?;
            let limit = if query.limit == 0 { 100 } else { query.limit.min(MAX_PAGE) };
            let walk = LedgerWalk { falling: query.falling, after: query.after, limit };
            let ledger = self.crm().durable_snapshot()?;
            let source = (ledger.as_ref(), &self.crm().inner.sealer);
            let found = records::search_ledger(source, &filter, walk, self.patience())?;
            let entries = found.entries.into_iter().map(|entry| reader.audited(entry));
            let page = AuditPage {
                entries: entries.collect::<Result<_>>()?,
                next: found.next,
                looked_at: found.looked_at,
                passed_over: found.passed_over,
            };
            Ok((page, found.summaries))
        })?;
        self.crm().keep_summaries(&learnt);
        Ok(page)
    }
}

impl Reader<'_> {
    fn ledger_filter(&self, query: &LedgerQuery) -> Result<LedgerFilter> {
        let entity = query.entity.as_deref().map(|name| self.registry().entity(name)).transpose()?;
        let missing = || Error::new(Code::MissingParameter).field("entity");
        let field = query.field.as_ref().map(|field| {
            let entity = entity.ok_or_else(missing)?;
            Ok::<_, Error>((entity.id(), self.visible(entity, field)?))
        });
        Ok(LedgerFilter {
            actor: query.actor,
            on_behalf_of: query.on_behalf_of,
            entity: entity.map(Entity::id),
            record: query.record,
            field: field.transpose()?,
            kinds: query.kinds.clone(),
            cause: query.cause.clone(),
            from: query.from,
            until: query.until,
            first: query.first,
            last: query.last,
        })
    }

    /// An entry with the values that the user may see.
    pub(super) fn audited(&self, mut entry: LedgerEntry) -> Result<AuditedEntry> {
        let shown = self.shown_in(&entry)?;
        let hide = |field: FieldId, value: AuditedValue| {
            if shown.contains(&field) { value } else { AuditedValue::Withheld }
        };
        let is_erased = entry.changes.is_none();
        let gone = if entry.is_pruned { AuditedValue::Pruned } else { AuditedValue::Erased };
        let changes = match entry.changes.take() {
            Some(changes) => changes
                .into_iter()
                .map(|change| AuditedChange {
                    field: change.field,
                    old: hide(change.field, AuditedValue::Known(change.old)),
                    new: hide(change.field, AuditedValue::Known(change.new)),
                })
                .collect(),
            None => entry
                .fields
                .iter()
                .map(|field| AuditedChange {
                    field: *field,
                    old: hide(*field, gone.clone()),
                    new: hide(*field, gone.clone()),
                })
                .collect(),
        };
        let by_service = self.policy.is_service(entry.actor);
        Ok(AuditedEntry { entry, changes, is_erased, by_service })
    }

    /// Whether the user may see every value of an entry.
    pub(super) fn shows_all(&self, entry: &LedgerEntry) -> Result<bool> {
        Ok(self.shown_in(entry)?.len() == entry.fields.len())
    }

    /// The fields of an entry whose values the user may see: all of one that is about no record, and none
    /// where the record is out of the user's reach.
    fn shown_in(&self, entry: &LedgerEntry) -> Result<Vec<FieldId>> {
        if !entry.kind.tells_values() {
            return Ok(entry.fields.clone());
        }
        let Ok(entity) = self.registry().entity_by_id(entry.entity) else { return Ok(Vec::new()) };
        let Ok(permit) = self.permit(entity) else { return Ok(Vec::new()) };
        let seen = match self.check_standing(&permit, entity, entry.record) {
            // That it was purged is told to whoever saw it.
            Err(error) if error.code() == Code::RecordPurged => Ok(()),
            seen => seen,
        };
        match seen {
            Ok(()) if !self.may_know_of_file(&permit, entity, entry)? => Ok(Vec::new()),
            Ok(()) => Ok(entry.fields.iter().copied().filter(|field| permit.shows(*field)).collect()),
            Err(error) if error.code() == Code::RecordNotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Whether the user, who sees the record of an entry, may know of the attachment that it tells of, if it tells of one.
    fn may_know_of_file(&self, permit: &Permit<Read>, entity: &Entity, entry: &LedgerEntry) -> Result<bool> {
        if !entry.kind.is_of_attachment() {
            return Ok(true);
        }
        let values = entry.changes.iter().flatten().flat_map(|change| [&change.old, &change.new]);
        let attachment = values.filter_map(Value::as_id).next();
        self.may_know_attachment(permit, entity, entry.record, attachment)
    }
}

impl Crm {
    /// Keeps rows of blocks for the next search. What hinders it is no fault: they follow from the ledger.
    pub(super) fn keep_summaries(&self, learnt: &[Summary]) {
        if learnt.is_empty() {
            return;
        }
        let patience = Patience::default().within(KEEPING);
        let kept = self.engine_write(&patience, |view| {
            learnt.iter().for_each(|summary| summary.put(view));
            Ok(())
        });
        // Somebody else may hold the writer, or the disk be full: the next search reads the blocks again.
        drop(kept);
    }
}
