//! Records that were deleted long enough ago go for good: row, keys, versions and attachments. The ledger keeps what it
//! says of them, and an entry that they were purged; beside it stands under whose access class they were, so that
//! whoever might have seen them is told that they are gone, and nobody else.
//!
//! Whom somebody has locked stays, and so does what is left of a person who was forgotten.

use crate::access::ClassId;
use crate::base::{Code, EntityId, Error, Patience, RecordId, Result, Timestamp, Value};
use crate::records::attachments::remove_all;
use crate::records::classes::load_classes;
use crate::records::codec::{Reader, damaged};
use crate::records::derived::derive;
use crate::records::holds::{Holds, check_unheld};
use crate::records::ledger::{EntryKind, FieldChange, NAMED_RECORDS};
use crate::records::reindex::next_records;
use crate::records::row;
use crate::records::temporal::forget_versions;
use crate::records::view::{Sealer, WriteView};
use crate::records::write::enter_note;
use crate::records::{Note, WriteContext};
use crate::schema::Entity;
use crate::storage::{BlobName, Keyspace, Snapshot};

/// Most records that one chunk looks at.
pub const PURGE_CHUNK: u64 = 2_000;
/// What the keys begin with under which the entry stands that purged a record.
const PURGED: &[u8] = b"purged.";
/// What the keys begin with under which stands how far an unfinished purge of an entity is.
const WALKED: &[u8] = b"purge.walked.";
/// Most records that one entry of the ledger names.
const NAMED: usize = 256;

/// What one look at some records found.
#[derive(Debug, Default)]
pub struct PurgeChunk {
    /// Records that go.
    pub ids: Vec<RecordId>,
    /// Records that would go, but that somebody has locked.
    pub locked: u64,
    /// Records that would go, but that are under a legal hold.
    pub held: u64,
    /// Records that were looked at.
    pub looked_at: u64,
    /// The last record that was looked at.
    pub last: Option<RecordId>,
    /// Whether no more are left.
    pub finished: bool,
}

fn purged_key(entity: EntityId, id: RecordId) -> Vec<u8> {
    [PURGED, &entity.number().to_be_bytes(), id.as_bytes()].concat()
}

fn walked_key(entity: EntityId) -> Vec<u8> {
    [WALKED, &entity.number().to_be_bytes()].concat()
}

/// Where an unfinished purge of an entity goes on; zeros where there is none.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn purge_begins(snapshot: &dyn Snapshot, entity: EntityId) -> Result<RecordId> {
    let stored = snapshot.get(Keyspace::Meta, &walked_key(entity))?;
    let none = RecordId::from_bytes([0; 16]);
    stored.map_or(Ok(none), |bytes| RecordId::from_suffix(&bytes).ok_or_else(damaged))
}

/// Looks at some records of an entity behind one of them, WITHOUT a permit, for those that were deleted before a
/// moment.
///
/// # Errors
/// `storage.damaged`, `storage.io`, `engine.cancelled`.
pub fn look_for_purgeable(
    (snapshot, sealer, holds): (&dyn Snapshot, &Sealer, &dyn Holds),
    entity: &Entity,
    (after, most, until): (RecordId, usize, Timestamp),
    patience: &Patience,
) -> Result<PurgeChunk> {
    let (records, more) = next_records(snapshot, entity, (after, most), patience)?;
    let mut chunk = PurgeChunk { finished: !more, ..PurgeChunk::default() };
    for record in records {
        chunk.looked_at = chunk.looked_at.saturating_add(1);
        chunk.last = Some(record.id);
        if record.envelope.deleted_at.is_none_or(|at| at >= until) {
            continue;
        }
        // Of a person who was forgotten nothing is left but that there was one.
        let subject = record.envelope.subject;
        if subject.is_some() && sealer.find_key(subject)?.is_none() {
            continue;
        }
        if record.envelope.locked_by.is_some() {
            chunk.locked = chunk.locked.saturating_add(1);
        } else if holds.holding(snapshot, entity, &record)?.is_some() {
            chunk.held = chunk.held.saturating_add(1);
        } else {
            chunk.ids.push(record.id);
        }
    }
    Ok(chunk)
}

/// Purges what a look found, enters that, and remembers how far it went. The files that are given back are the
/// caller's to delete once this is durable.
///
/// # Errors
/// `record.legal_hold`; `storage.newer_format` for records whose keys only a newer version makes; `storage.damaged`, `storage.io`.
pub fn purge(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    entity: &Entity,
    chunk: &PurgeChunk,
) -> Result<Vec<BlobName>> {
    let mut files = Vec::new();
    if let Some(field) = entity.held().filter(|_| !chunk.ids.is_empty()) {
        return Err(Error::new(Code::NewerFormat).entity(&entity.api_name).field(field));
    }
    for ids in chunk.ids.chunks(NAMED) {
        let position = view.next_position().unwrap_or(0);
        for id in ids {
            let Some(record) = row::load(view, entity.id(), *id)? else { continue };
            check_unheld(view, context.holds.as_ref(), entity, &record)?;
            files.extend(remove_all(view, entity.id(), *id)?.files);
            derive(entity, &record).into_keys().for_each(|(keyspace, key)| view.remove(keyspace, key));
            forget_versions(view, entity, *id, None)?;
            row::remove(view, entity.id(), *id)?;
            let class = record.envelope.class.number().to_be_bytes();
            let place = [&position.to_be_bytes()[..], &class].concat();
            view.put(Keyspace::Meta, purged_key(entity.id(), *id), place);
        }
        let named = Value::List(ids.iter().map(|id| Value::Id(*id)).collect());
        let record = match ids {
            [one] => *one,
            _ => RecordId::from_bytes([0; 16]),
        };
        let changes = vec![FieldChange { field: NAMED_RECORDS, old: Value::Null, new: named }];
        enter_note(view, context, &Note { kind: EntryKind::Purge, entity: entity.id(), record, changes });
    }
    match chunk.last.filter(|_| !chunk.finished) {
        Some(last) => view.put(Keyspace::Meta, walked_key(entity.id()), last.as_bytes().to_vec()),
        None => view.remove(Keyspace::Meta, walked_key(entity.id())),
    }
    Ok(files)
}

/// Takes what an entry says was purged out of rows that are rolled forward.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub(super) fn roll_purge(
    view: &mut WriteView<'_>,
    entity: EntityId,
    ids: impl Iterator<Item = RecordId>,
) -> Result<()> {
    for id in ids {
        row::remove(view, entity, id)?;
    }
    Ok(())
}

/// The access class under which a record was that was purged; nothing for any other record.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub(super) fn purged_class(
    snapshot: &dyn Snapshot,
    entity: EntityId,
    id: RecordId,
) -> Result<Option<ClassId>> {
    let Some(bytes) = snapshot.get(Keyspace::Meta, &purged_key(entity, id))? else { return Ok(None) };
    let mut reader = Reader::new(&bytes);
    let _position: [u8; 8] = reader.array()?;
    Ok(Some(ClassId::new(u32::from_be_bytes(reader.array()?))))
}

/// Whether a row of `meta` says of a record that it was purged by an entry behind a position.
///
/// # Errors
/// `storage.damaged`.
pub(super) fn is_beyond(key: &[u8], value: &[u8], until: u64) -> Result<bool> {
    if !key.starts_with(PURGED) {
        return Ok(false);
    }
    Ok(u64::from_be_bytes(Reader::new(value).array()?) > until)
}

/// What somebody is told who asks for a record that has no row: that it is not there, or, if the permit reached it,
/// that it was purged.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub(super) fn gone(
    snapshot: &dyn Snapshot,
    allows: &dyn Fn(&crate::access::AccessClass) -> bool,
    entity: &Entity,
    id: RecordId,
) -> Result<Error> {
    let missing = || Error::new(Code::RecordNotFound).entity(&entity.api_name).record(id);
    // Of a link nobody knows any more whose ends it had.
    let number = if entity.ends().is_some() { None } else { purged_class(snapshot, entity.id(), id)? };
    let Some(number) = number else { return Ok(missing()) };
    let before = number.number().checked_sub(1).map(ClassId::new).filter(|before| before.number() > 0);
    let class = load_classes(snapshot, before)?.into_iter().find(|(known, _)| *known == number);
    let seen = class.is_some_and(|(_, class)| allows(&class));
    Ok(if seen { Error::new(Code::RecordPurged).entity(&entity.api_name).record(id) } else { missing() })
}
