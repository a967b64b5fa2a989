//! Where a record lies: its key, the pieces of a large one, and the direct ways to find it.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::access::AccessClass;
use crate::base::{EntityId, FieldId, MAX_VALUE_BYTES, Patience, RecordId, Result, Value};
use crate::records::codec::damaged;
use crate::records::kept::{Known, keep, known};
use crate::records::ordered::ordered;
use crate::records::shared::Shared;
use crate::records::view::WriteView;
use crate::records::{Envelope, ExternalId, Record};
use crate::storage::{Keyspace, RangeRequest, Snapshot, continue_after};

/// First byte of a value whose record lies in pieces under the keys that follow; then their count.
pub(super) const SPILLED: u8 = 0xFE;
/// Length of the key of a record that is not a piece of a larger one.
pub(super) const RECORD_KEY: usize = 20;
/// Rows of one read.
const PAGE: usize = 500;
/// Unique keys longer than this are hashed.
const MAX_UNIQUE: usize = 200;

/// First byte of a unique key of a field.
pub(super) const UNIQUE_FIELD: u8 = 1;
const UNIQUE_EXTERNAL: u8 = 2;
/// First byte of a key of a unique rule.
pub(super) const UNIQUE_RULE: u8 = 3;

pub(super) fn record_key(entity: EntityId, id: RecordId) -> Vec<u8> {
    record_place(entity, id).to_vec()
}

/// The same where many are looked up, without memory of its own.
fn record_place(entity: EntityId, id: RecordId) -> [u8; RECORD_KEY] {
    let mut place = [0; RECORD_KEY];
    let (front, rest) = place.split_at_mut(RECORD_KEY - size_of::<RecordId>());
    front.copy_from_slice(&entity.number().to_be_bytes());
    rest.copy_from_slice(id.as_bytes());
    place
}

fn piece_key(entity: EntityId, id: RecordId, piece: u16) -> Vec<u8> {
    [&record_key(entity, id)[..], &piece.to_be_bytes()].concat()
}

/// What all unique keys of a field begin with.
pub(super) fn unique_field_prefix(entity: EntityId, field: FieldId) -> Vec<u8> {
    [&[UNIQUE_FIELD][..], &entity.number().to_be_bytes(), &field.number().to_be_bytes()].concat()
}

/// The key under which a unique value names its record.
pub(super) fn unique_key(entity: EntityId, field: FieldId, value: &Value) -> Vec<u8> {
    let head = unique_field_prefix(entity, field);
    // Texts are compared whole here, though a sort key is cut.
    let whole = match value {
        Value::Text(text) => crate::base::fold(text).into_bytes(),
        other => ordered(other),
    };
    shorten(head, &whole)
}

/// The number of the field or rule whose unique key this is; nothing for keys of other kinds.
pub(super) fn unique_number_of(key: &[u8]) -> Option<FieldId> {
    let rest = key.strip_prefix(&[UNIQUE_FIELD]).or_else(|| key.strip_prefix(&[UNIQUE_RULE]))?;
    let number = rest.get(4..8)?.try_into().ok()?;
    Some(FieldId::new(u32::from_be_bytes(number)))
}

/// The key under which an external id names its record.
pub(super) fn external_key(entity: EntityId, external: &ExternalId) -> Vec<u8> {
    let head = [&[UNIQUE_EXTERNAL][..], &entity.number().to_be_bytes()].concat();
    let length = u32::try_from(external.source.len()).unwrap_or(u32::MAX);
    shorten(head, &[&length.to_be_bytes()[..], external.source.as_bytes(), external.key.as_bytes()].concat())
}

pub(super) fn shorten(mut head: Vec<u8>, body: &[u8]) -> Vec<u8> {
    if body.len() <= MAX_UNIQUE {
        head.push(0);
        head.extend_from_slice(body);
    } else {
        head.push(1);
        head.extend_from_slice(&Sha256::digest(body));
    }
    head
}

/// Stores the bytes of a record, in pieces if they are more than one value holds. Where the record has
/// stood before, the pieces of its old bytes go.
pub(super) fn put(
    view: &mut WriteView<'_>,
    stood_before: bool,
    record: &Record,
    schema_version: u32,
) -> Result<()> {
    let bytes = record.encode(schema_version);
    let key = record_key(record.entity, record.id);
    let old_pieces = if stood_before { pieces(view, record.entity, record.id)? } else { 0 };
    let mut count = 0_u16;
    for (row, value) in rows_of(&key, &bytes) {
        count = count.saturating_add(u16::from(row.len() > key.len()));
        view.put(Keyspace::Records, row, value);
    }
    for piece in count.saturating_add(1)..=old_pieces {
        view.remove(Keyspace::Records, piece_key(record.entity, record.id, piece));
    }
    Ok(())
}

/// Takes the row of a record away, with its pieces.
pub(super) fn remove(view: &mut WriteView<'_>, entity: EntityId, id: RecordId) -> Result<()> {
    for piece in 1..=pieces(view, entity, id)? {
        view.remove(Keyspace::Records, piece_key(entity, id, piece));
    }
    view.remove(Keyspace::Records, record_key(entity, id));
    Ok(())
}

/// The rows in which the bytes of a record lie: one under its key, or a head there and pieces behind it.
pub(super) fn rows_of(key: &[u8], bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    if bytes.len() <= MAX_VALUE_BYTES {
        return vec![(key.to_vec(), bytes.to_vec())];
    }
    let chunks = (1_u16..).zip(bytes.chunks(MAX_VALUE_BYTES));
    let mut rows: Vec<_> =
        chunks.map(|(piece, chunk)| ([key, &piece.to_be_bytes()].concat(), chunk.to_vec())).collect();
    let count = u16::try_from(rows.len()).unwrap_or(u16::MAX);
    rows.push((key.to_vec(), [&[SPILLED][..], &count.to_be_bytes()].concat()));
    rows
}

fn pieces(snapshot: &dyn Snapshot, entity: EntityId, id: RecordId) -> Result<u16> {
    let head = snapshot.get(Keyspace::Records, &record_key(entity, id))?;
    head.as_deref().map_or(Ok(0), |head| Ok(piece_count(head)?.unwrap_or(0)))
}

pub(super) fn piece_count(head: &[u8]) -> Result<Option<u16>> {
    match head.split_first() {
        Some((&SPILLED, count)) => Ok(Some(u16::from_be_bytes(count.try_into().map_err(|_| damaged())?))),
        _ => Ok(None),
    }
}

/// Several records of one entity, deleted ones among them, in the order asked.
pub(super) fn load_many(
    snapshot: &dyn Snapshot,
    entity: EntityId,
    ids: &[RecordId],
) -> Result<Vec<Option<Record>>> {
    load_fields(snapshot, entity, ids, None)
}

/// As [`load_many`]. The values of other fields than these, if there are any here, need not be there.
pub(super) fn load_fields(
    snapshot: &dyn Snapshot,
    entity: EntityId,
    ids: &[RecordId],
    fields: Option<&BTreeSet<FieldId>>,
) -> Result<Vec<Option<Record>>> {
    let mut records = Vec::with_capacity(ids.len());
    let mut missing = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        let key = record_place(entity, *id);
        match known(snapshot, &key) {
            Known::Here(record) => records.push(Some(record)),
            known => {
                missing.push((number, *id, key, matches!(known, Known::Wanted)));
                records.push(None);
            }
        }
    }
    // Pages of records that are read again and again are kept as a whole.
    if missing.is_empty() {
        return Ok(records);
    }
    let asked: Vec<(Keyspace, &[u8])> =
        missing.iter().map(|(_, _, key, _)| (Keyspace::Records, key.as_slice())).collect();
    let heads = snapshot.get_many(&asked)?;
    for ((number, id, key, wanted), head) in missing.iter().zip(heads) {
        let (Some(head), Some(place)) = (head, records.get_mut(*number)) else { continue };
        *place = Some(if *wanted {
            read_to_keep(snapshot, (entity, *id), key, head)?
        } else {
            let bytes = whole_bytes(snapshot, entity, *id, head)?;
            Record::decode_fields(entity, *id, &bytes, fields)?
        });
    }
    Ok(records)
}

/// A record from the value under its key, kept for the next who asks for it. One in pieces is not: it takes the
/// place of many, and a change of it need not touch the row under its key.
fn read_to_keep(
    snapshot: &dyn Snapshot,
    (entity, id): (EntityId, RecordId),
    key: &[u8],
    head: Vec<u8>,
) -> Result<Record> {
    let is_whole = piece_count(&head)?.is_none();
    let record = assemble(snapshot, entity, id, head)?;
    if is_whole {
        keep(snapshot, key, &record);
    }
    Ok(record)
}

/// A record, deleted or not.
pub(super) fn load(snapshot: &dyn Snapshot, entity: EntityId, id: RecordId) -> Result<Option<Record>> {
    Ok(load_many(snapshot, entity, &[id])?.pop().flatten())
}

/// A record whose envelope is as wanted. One that is not is told after the same reads as one that is not there, of its
/// row and of the first piece that it would have, and none of its values is decoded.
pub(super) fn load_where(
    snapshot: &dyn Snapshot,
    (entity, id): (EntityId, RecordId),
    is_wanted: &dyn Fn(&Envelope) -> bool,
) -> Result<Option<Record>> {
    let key = record_key(entity, id);
    let known = known(snapshot, &key);
    if let Known::Here(record) = &known
        && is_wanted(&record.envelope)
    {
        return Ok(Some(record.clone()));
    }
    let head = snapshot.get(Keyspace::Records, &key)?;
    let in_pieces = head.as_deref().map(piece_count).transpose()?.flatten().is_some();
    if let Some(head) = head.as_deref().filter(|_| !in_pieces)
        && let Some(record) = Record::decode_where(entity, id, (head, None), is_wanted)?
    {
        if matches!(known, Known::Wanted) {
            keep(snapshot, &key, &record);
        }
        return Ok(Some(record));
    }
    let first = snapshot.get(Keyspace::Records, &piece_key(entity, id, 1))?;
    let Some(head) = head.filter(|_| in_pieces) else { return Ok(None) };
    // An envelope that the first piece does not hold whole is read with the rest.
    let envelope = Record::decode_envelope(&first.ok_or_else(damaged)?);
    if envelope.is_ok_and(|envelope| !is_wanted(&envelope)) {
        return Ok(None);
    }
    let bytes = whole_bytes(snapshot, entity, id, head)?;
    Record::decode_where(entity, id, (&bytes, None), is_wanted)
}

/// The envelope of a record, deleted or not.
pub(super) fn load_envelope(
    snapshot: &dyn Snapshot,
    entity: EntityId,
    id: RecordId,
) -> Result<Option<Shared<Envelope>>> {
    let key = record_key(entity, id);
    if let Known::Here(record) = known(snapshot, &key) {
        return Ok(Some(record.envelope));
    }
    match snapshot.get(Keyspace::Records, &key)? {
        Some(head) if piece_count(&head)?.is_none() => Ok(Some(Record::decode_envelope(&head)?.into())),
        Some(head) => Ok(Some(assemble(snapshot, entity, id, head)?.envelope)),
        None => Ok(None),
    }
}

/// A record from the value under its key, with its pieces if it has any.
pub(super) fn assemble(
    snapshot: &dyn Snapshot,
    entity: EntityId,
    id: RecordId,
    head: Vec<u8>,
) -> Result<Record> {
    Record::decode(entity, id, &whole_bytes(snapshot, entity, id, head)?)
}

/// The bytes of a record from the value under its key, with its pieces if it has any.
pub(super) fn whole_bytes(
    snapshot: &dyn Snapshot,
    entity: EntityId,
    id: RecordId,
    head: Vec<u8>,
) -> Result<Vec<u8>> {
    let Some(count) = piece_count(&head)? else { return Ok(head) };
    let mut bytes = Vec::new();
    for piece in 1..=count {
        let chunk = snapshot.get(Keyspace::Records, &piece_key(entity, id, piece))?;
        bytes.extend(chunk.ok_or_else(damaged)?);
    }
    Ok(bytes)
}

/// Entity and id of the key of a record; nothing for the key of a piece.
pub(super) fn parse_key(key: &[u8]) -> Option<(EntityId, RecordId)> {
    let (entity, id) = key.split_first_chunk::<4>()?;
    let id = id.try_into().map(RecordId::from_bytes).ok()?;
    Some((EntityId::new(u32::from_be_bytes(*entity)), id))
}

fn lookup(snapshot: &dyn Snapshot, key: &[u8]) -> Result<Option<RecordId>> {
    let found = snapshot.get(Keyspace::Unique, key)?;
    found.map(|id| RecordId::from_suffix(&id).ok_or_else(damaged)).transpose()
}

/// The record that bears an external id, whoever may see it; callers go on through a permit.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn find_by_external_id(
    snapshot: &dyn Snapshot,
    entity: EntityId,
    external: &ExternalId,
) -> Result<Option<RecordId>> {
    lookup(snapshot, &external_key(entity, external))
}

/// The record that has a value of a unique field, whoever may see it; callers go on through a permit.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn find_unique(
    snapshot: &dyn Snapshot,
    entity: EntityId,
    field: FieldId,
    value: &Value,
) -> Result<Option<RecordId>> {
    lookup(snapshot, &unique_key(entity, field, value))
}

/// A live record for a rule of the engine or an extension, WITHOUT a permit: rules must see what the
/// user they serve may not. What they read never leaves them.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn get_for_rule(snapshot: &dyn Snapshot, entity: EntityId, id: RecordId) -> Result<Option<Record>> {
    Ok(load(snapshot, entity, id)?.filter(|record| !record.is_deleted()))
}

/// A record, deleted or not, whoever may see it; it is decided about and goes no further.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn stored_for_rule(snapshot: &dyn Snapshot, entity: EntityId, id: RecordId) -> Result<Option<Record>> {
    load(snapshot, entity, id)
}

/// The class of a record, deleted or not, whoever may see it; it is held against a permit and goes no further.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn class_of(snapshot: &dyn Snapshot, entity: EntityId, id: RecordId) -> Result<Option<AccessClass>> {
    Ok(load(snapshot, entity, id)?.map(|record| record.envelope.access_class()))
}

/// The class of a live record, whoever may see it; none of its values is read.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn live_class_of(snapshot: &dyn Snapshot, entity: EntityId, id: RecordId) -> Result<Option<AccessClass>> {
    let envelope = load_envelope(snapshot, entity, id)?.filter(|envelope| envelope.deleted_at.is_none());
    Ok(envelope.map(|envelope| envelope.access_class()))
}

/// Hands every record of an entity, deleted ones among them, to a function. A piece of which no record
/// speaks any more is damage: what was taken out of a record must not stay behind.
pub(super) fn for_each_record(
    snapshot: &dyn Snapshot,
    entity: EntityId,
    patience: &Patience,
    visit: &mut dyn FnMut(Record) -> Result<()>,
) -> Result<()> {
    let mut range = RangeRequest::prefix(Keyspace::Records, &entity.number().to_be_bytes(), PAGE);
    let mut standing = (Vec::new(), 0);
    loop {
        patience.check()?;
        let page = snapshot.scan(&range)?;
        let last = page.rows.last().map(|(key, _)| key.clone());
        for (key, value) in page.rows {
            // Pieces of a large record have longer keys behind that of their head, and are read with it.
            match (key.len(), RecordId::from_suffix(&key)) {
                (RECORD_KEY, Some(id)) => {
                    standing = (key, piece_count(&value)?.unwrap_or(0));
                    visit(assemble(snapshot, entity, id, value)?)?;
                }
                _ => check_piece(&key, &standing)?,
            }
        }
        match last {
            Some(last) if page.more => continue_after(&mut range, last),
            _ => return Ok(()),
        }
    }
}

/// Whether a key is that of a piece of the record before it, given with the number of its pieces.
fn check_piece(key: &[u8], (head, pieces): &(Vec<u8>, u16)) -> Result<()> {
    let number = key.strip_prefix(head.as_slice()).and_then(|rest| rest.try_into().ok());
    let number = number.map(u16::from_be_bytes);
    if number.is_some_and(|number| (1..=*pieces).contains(&number)) {
        return Ok(());
    }
    Err(damaged().rule("piece without a record"))
}
