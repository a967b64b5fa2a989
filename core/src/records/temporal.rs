//! Temporal indexes: every version of a record as it was, under the position of the entry that made it.
//!
//! What was at a place is the newest version up to it, if the next one, or the row, is the version behind that. Where
//! one is missing in between, because an older version of the engine wrote it or the index is still being built, nobody
//! relies on what is there, and the ledger is read. A version has the marks that it was made with: how a record was
//! marked since makes no version, and stands in the ledger alone. So an index that has gaps costs time, and never says what was not.
//! FORMAT.md, chapter "Keys", describes every byte.

use std::collections::BTreeMap;

use crate::base::{Code, EntityId, Error, FieldId, MAX_VALUE_BYTES, Patience, RecordId, Result};
use crate::records::Record;
use crate::records::codec::damaged;
use crate::records::history::{PastState, all_versions};
use crate::records::row::{SPILLED, piece_count};
use crate::records::view::{Sealer, WriteView};
use crate::schema::Entity;
use crate::storage::{Keyspace, RangeRequest, Snapshot, continue_after, successor};

/// First byte of the keys of versions.
const VERSION: u8 = 5;
/// What stands behind the number of the index: a version, or a piece of a large one.
const HEAD: u8 = 1;
const PIECE: u8 = 2;
/// Bytes of a version's number, before the record.
const NUMBER: usize = 8;
/// Rows of one read.
const PAGE: usize = 200;

/// What all keys of a temporal index begin with.
pub(super) fn versions_prefix(entity: EntityId, index: FieldId) -> Vec<u8> {
    [&[VERSION][..], &entity.number().to_be_bytes(), &index.number().to_be_bytes()].concat()
}

/// What all keys of one kind begin with that a record has.
fn of_record(entity: EntityId, index: FieldId, (kind, id): (u8, RecordId)) -> Vec<u8> {
    [&versions_prefix(entity, index)[..], &[kind], id.as_bytes()].concat()
}

/// The rows in which a version lies.
fn rows_of(index: FieldId, record: &Record) -> Vec<(Vec<u8>, Vec<u8>)> {
    let Some(position) = record.envelope.newest_entry else { return Vec::new() };
    let key = |kind: u8| {
        [of_record(record.entity, index, (kind, record.id)), position.to_be_bytes().to_vec()].concat()
    };
    let mut kept = record.clone();
    // They say when a field was changed last, which the entries of the ledger say of each version.
    kept.envelope.field_clocks.clear();
    let (bytes, number) = (kept.encode(0), record.envelope.version.to_be_bytes());
    if bytes.len() <= MAX_VALUE_BYTES.saturating_sub(NUMBER) {
        return vec![(key(HEAD), [&number[..], &bytes].concat())];
    }
    let pieces = (1_u16..).zip(bytes.chunks(MAX_VALUE_BYTES));
    let mut rows: Vec<(Vec<u8>, Vec<u8>)> = pieces
        .map(|(piece, bytes)| ([key(PIECE), piece.to_be_bytes().to_vec()].concat(), bytes.to_vec()))
        .collect();
    let count = u16::try_from(rows.len()).unwrap_or(u16::MAX).to_be_bytes();
    rows.push((key(HEAD), [&number[..], &[SPILLED], &count].concat()));
    rows
}

/// Keeps the version that a record has now, where its entity keeps any.
pub(super) fn keep_version(view: &mut WriteView<'_>, entity: &Entity, record: &Record) {
    let rows = entity.temporal().map(|index| rows_of(index.id(), record));
    rows.into_iter().flatten().for_each(|(key, value)| view.put(Keyspace::Index, key, value));
}

/// A version as it lies in the store.
struct Kept {
    position: u64,
    number: u64,
    /// The record, or how many pieces it has.
    bytes: Vec<u8>,
}

impl Kept {
    fn of((key, value): (Vec<u8>, Vec<u8>)) -> Result<Self> {
        let position = key.last_chunk::<8>().copied().map(u64::from_be_bytes).ok_or_else(damaged)?;
        let (number, bytes) = value.split_first_chunk::<NUMBER>().ok_or_else(damaged)?;
        Ok(Self { position, number: u64::from_be_bytes(*number), bytes: bytes.to_vec() })
    }

    fn record(
        &self,
        snapshot: &dyn Snapshot,
        (entity, index, id): (EntityId, FieldId, RecordId),
    ) -> Result<Record> {
        let Some(count) = piece_count(&self.bytes)? else { return Record::decode(entity, id, &self.bytes) };
        let prefix = [of_record(entity, index, (PIECE, id)), self.position.to_be_bytes().to_vec()].concat();
        let mut bytes = Vec::new();
        for piece in 1..=count {
            let key = [&prefix[..], &piece.to_be_bytes()].concat();
            bytes.extend(snapshot.get(Keyspace::Index, &key)?.ok_or_else(damaged)?);
        }
        Record::decode(entity, id, &bytes)
    }
}

/// The state of a record at a place of the ledger, as its index knows it: `None` where the index does not know, and
/// nothing in it where the record was not there. It reads two keys, and the pieces of a large version.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub(super) fn version_at(
    snapshot: &dyn Snapshot,
    entity: &Entity,
    record: &Record,
    place: u64,
) -> Result<Option<Option<PastState>>> {
    let Some(index) = entity.temporal() else { return Ok(None) };
    let prefix = of_record(entity.id(), index.id(), (HEAD, record.id));
    let behind = successor(&[&prefix[..], &place.to_be_bytes()].concat());
    let one = |low: Vec<u8>, high: Vec<u8>, reverse: bool| -> Result<Option<Kept>> {
        let range = RangeRequest { keyspace: Keyspace::Index, low, high, reverse, max_rows: 1 };
        snapshot.scan(&range)?.rows.into_iter().next().map(Kept::of).transpose()
    };
    let after = one(behind.clone(), successor(&prefix), false)?;
    let Some(before) = one(prefix, behind, true)? else {
        // The first version came later, or an earlier one is missing.
        return Ok(after.filter(|first| first.number == 1).map(|_| None));
    };
    let follows = match &after {
        Some(after) => after.number == before.number.saturating_add(1),
        None => {
            let newest = (record.envelope.version_entry(), record.envelope.version);
            newest == (Some(before.position), before.number)
        }
    };
    if !follows {
        return Ok(None);
    }
    let then = before.record(snapshot, (entity.id(), index.id(), record.id))?;
    Ok(Some(PastState::present(&then)))
}

/// Takes all versions of some records into the index of their entity.
///
/// # Errors
/// `ledger.broken`, `storage.damaged`, `storage.io`, `engine.cancelled`.
pub(super) fn take_in_versions(
    (view, sealer): (&mut WriteView<'_>, &Sealer),
    entity: &Entity,
    records: &[Record],
    patience: &Patience,
) -> Result<()> {
    for record in records {
        let snapshot: &dyn Snapshot = view;
        for version in all_versions((snapshot, sealer), record, patience)? {
            keep_version(view, entity, &version);
        }
    }
    Ok(())
}

/// The rows that the index of an entity has for a record.
///
/// # Errors
/// As [`take_in_versions`].
pub(super) fn all_rows(
    source: (&dyn Snapshot, &Sealer),
    entity: &Entity,
    record: &Record,
    patience: &Patience,
) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let Some(index) = entity.temporal() else { return Ok(Vec::new()) };
    let versions = all_versions(source, record, patience)?;
    Ok(versions.iter().flat_map(|version| rows_of(index.id(), version)).collect())
}

/// Takes the versions of a record away, all of them or those that were made before a position.
///
/// # Errors
/// `storage.io`.
pub(super) fn forget_versions(
    view: &mut WriteView<'_>,
    entity: &Entity,
    id: RecordId,
    before: Option<u64>,
) -> Result<()> {
    let Some(index) = entity.temporal() else { return Ok(()) };
    for kind in [HEAD, PIECE] {
        let prefix = of_record(entity.id(), index.id(), (kind, id));
        let mut range = RangeRequest::prefix(Keyspace::Index, &prefix, PAGE);
        if let Some(before) = before {
            range.high = [&prefix[..], &before.to_be_bytes()].concat();
        }
        loop {
            let page = view.scan(&range)?;
            let last = page.rows.last().map(|(key, _)| key.clone());
            page.rows.into_iter().for_each(|(key, _)| view.remove(Keyspace::Index, key));
            match last {
                Some(last) if page.more => continue_after(&mut range, last),
                _ => break,
            }
        }
    }
    Ok(())
}

/// Holds the versions that an index has of a record against the ledger, and gives the number of their rows. One that
/// is missing is no damage; one that says something else, or what was taken out of the ledger, is.
///
/// # Errors
/// `ledger.index_mismatch`, `ledger.broken`, `storage.damaged`, `storage.io`, `engine.cancelled`.
pub(super) fn verify_versions(
    (snapshot, sealer): (&dyn Snapshot, &Sealer),
    entity: &Entity,
    record: &Record,
    patience: &Patience,
) -> Result<u64> {
    let Some(index) = entity.temporal() else { return Ok(0) };
    let mut kept = BTreeMap::new();
    for kind in [HEAD, PIECE] {
        let prefix = of_record(entity.id(), index.id(), (kind, record.id));
        let mut range = RangeRequest::prefix(Keyspace::Index, &prefix, PAGE);
        loop {
            let page = snapshot.scan(&range)?;
            let last = page.rows.last().map(|(key, _)| key.clone());
            kept.extend(page.rows);
            match last {
                Some(last) if page.more => continue_after(&mut range, last),
                _ => break,
            }
        }
    }
    if kept.is_empty() {
        return Ok(0);
    }
    let rows = u64::try_from(kept.len()).unwrap_or(u64::MAX);
    let mismatch = || {
        let error = Error::new(Code::IndexMismatch).entity(&entity.api_name).rule("temporal index");
        Err(error.record(record.id))
    };
    for version in all_versions((snapshot, sealer), record, patience)? {
        for (key, _) in rows_of(index.id(), &version) {
            let Some(value) = kept.remove(&key) else { continue };
            if key.get(versions_prefix(entity.id(), index.id()).len()) != Some(&HEAD) {
                continue;
            }
            let found = Kept::of((key, value))?;
            let then = found.record(snapshot, (entity.id(), index.id(), record.id))?;
            let same = found.number == version.envelope.version
                && then.envelope.deleted_at == version.envelope.deleted_at
                && PastState::of(&then) == PastState::of(&version);
            if !same {
                return mismatch();
            }
        }
    }
    if kept.is_empty() { Ok(rows) } else { mismatch() }
}
