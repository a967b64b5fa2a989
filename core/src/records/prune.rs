//! Values of versions that nobody may ask for any more: they are taken out of the ledger, whose headers and
//! commitments stay, so that the chain verifies as before.
//!
//! An entry is emptied once it is older than what its entity keeps: every state that may still be asked for is
//! made from the row and the entries behind it. What was emptied is remembered for each entity, so that nobody is
//! told part of a history when a policy is loosened later. FORMAT.md, chapter "Ledger entry", says what is left.

use std::collections::BTreeMap;

use crate::base::{EntityId, Patience, Result, Timestamp};
use crate::records::EntryKind;
use crate::records::codec::{Reader, damaged};
use crate::records::history::At;
use crate::records::ledger::decode_header;
use crate::records::ledger_blocks::forget_block;
use crate::records::temporal::forget_versions;
use crate::records::view::WriteView;
use crate::schema::Registry;
use crate::storage::{Head, Keyspace, LogEntry, LogRecord, Snapshot};

/// Most entries that one chunk looks at.
pub const PRUNE_CHUNK: u64 = 2_000;
/// What the keys begin with under which the last emptied entry of an entity stands.
const PRUNED: &[u8] = b"history.pruned.";
/// The last emptied entry of all.
const NEWEST: &[u8] = b"history.pruned";
/// What the keys begin with under which stands how far the entries of an entity were looked at.
const WALKED: &[u8] = b"history.walked.";

/// The newest entry of an entity that was emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Its position.
    pub position: u64,
    /// When it was made.
    pub at: Timestamp,
}

impl Pruned {
    /// What was emptied of an entity, if anything was.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn of(snapshot: &dyn Snapshot, entity: EntityId) -> Result<Option<Self>> {
        let Some(bytes) = snapshot.get(Keyspace::Meta, &key_of(PRUNED, entity))? else { return Ok(None) };
        let mut reader = Reader::new(&bytes);
        let position = u64::from_be_bytes(reader.array()?);
        Ok(Some(Self { position, at: Timestamp::from_micros(i64::from_be_bytes(reader.array()?)) }))
    }

    /// Whether a state at a place cannot be made any more.
    #[must_use]
    pub fn hides(&self, at: At) -> bool {
        match at {
            At::Time(moment) => moment < self.at,
            At::Position(position) => position < self.position,
        }
    }

    fn keep(self, view: &mut WriteView<'_>, entity: EntityId) {
        let bytes = [self.position.to_be_bytes(), self.at.micros().to_be_bytes()].concat();
        view.put(Keyspace::Meta, key_of(PRUNED, entity), bytes);
    }
}

/// The position of the newest entry that was emptied; 0 for none.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn newest_pruned(snapshot: &dyn Snapshot) -> Result<u64> {
    number_under(snapshot, NEWEST)
}

/// Up to which entry those of an entity were looked at.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn pruned_up_to(snapshot: &dyn Snapshot, entity: EntityId) -> Result<u64> {
    number_under(snapshot, &key_of(WALKED, entity))
}

fn number_under(snapshot: &dyn Snapshot, key: &[u8]) -> Result<u64> {
    let stored = snapshot.get(Keyspace::Meta, key)?;
    let number = stored.map(|bytes| bytes.as_slice().try_into().map_err(|_| damaged()));
    number.map_or(Ok(0), |bytes| bytes.map(u64::from_be_bytes))
}

fn key_of(prefix: &[u8], entity: EntityId) -> Vec<u8> {
    [prefix, &entity.number().to_be_bytes()].concat()
}

/// What the keys begin with under which stands up to which entry those of a kind were emptied as archived.
const DROPPED: &[u8] = b"ledger.dropped.";
/// How far the ledger was archived: position and hash.
const ARCHIVED: &[u8] = b"ledger.archived";

/// What one look at some entries found.
#[derive(Debug, Default)]
pub struct PruneChunk {
    /// Entries to be emptied, without their values.
    pub emptied: Vec<LogEntry>,
    /// How many of each entity, and the newest.
    pub entities: BTreeMap<EntityId, (u64, Pruned)>,
    /// The last entry that was looked at.
    pub last: u64,
    /// Whether no older ones are left.
    pub finished: bool,
}

/// Looks at the entries behind a position for those of some entities that are older than a moment and have values.
/// Each entity is given with the entry up to which its own were looked at before.
///
/// # Errors
/// `storage.damaged`, `storage.io`, `engine.cancelled`.
pub fn look_for_old(
    snapshot: &dyn Snapshot,
    entities: &BTreeMap<EntityId, u64>,
    (after, most, until): (u64, usize, Timestamp),
    patience: &Patience,
) -> Result<PruneChunk> {
    patience.check()?;
    let entries = snapshot.read_log(after, most)?;
    let mut chunk = PruneChunk { last: after, finished: entries.len() < most, ..PruneChunk::default() };
    for entry in entries {
        let (header, _) = decode_header(&entry)?;
        if header.stamp.at() >= until {
            chunk.finished = true;
            break;
        }
        chunk.last = entry.position;
        let walked = entities.get(&header.entity).filter(|walked| **walked < entry.position);
        if walked.is_none() || !may_be_emptied(header.kind) || entry.record.sealed.is_empty() {
            continue;
        }
        let known = chunk.entities.entry(header.entity).or_default();
        *known = (known.0.saturating_add(1), Pruned { position: entry.position, at: header.stamp.at() });
        let record = LogRecord { sealed: Vec::new(), ..entry.record };
        chunk.emptied.push(LogEntry { record, ..entry });
    }
    Ok(chunk)
}

/// Empties what was found, and remembers how far that went.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn empty_old(
    view: &mut WriteView<'_>,
    registry: &Registry,
    entities: &BTreeMap<EntityId, u64>,
    chunk: PruneChunk,
) -> Result<()> {
    for (entity, (_, pruned)) in &chunk.entities {
        pruned.keep(view, *entity);
    }
    let newest = chunk.emptied.last().map_or(0, |entry| entry.position);
    if newest > newest_pruned(view)? {
        view.put(Keyspace::Meta, NEWEST.to_vec(), newest.to_be_bytes().to_vec());
    }
    for (entity, walked) in entities {
        let last = chunk.last.max(*walked).to_be_bytes();
        view.put(Keyspace::Meta, key_of(WALKED, *entity), last.to_vec());
    }
    for entry in chunk.emptied {
        let (header, _) = decode_header(&entry)?;
        // What this entry put something else in place of is older than what is told. One that marks puts nothing.
        if let Ok(entity) = registry.entity_by_id(header.entity)
            && header.kind != EntryKind::Mark
        {
            forget_versions(view, entity, header.record, Some(entry.position))?;
        }
        view.empty_entry(entry);
    }
    Ok(())
}

/// Up to which entry those of some kinds were emptied, as archived: the one of them that was emptied the least far.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn dropped_up_to(snapshot: &dyn Snapshot, kinds: &[EntryKind]) -> Result<u64> {
    let marks = kinds.iter().map(|kind| number_under(snapshot, &dropped_key(*kind)));
    Ok(marks.collect::<Result<Vec<u64>>>()?.into_iter().min().unwrap_or(0))
}

/// Up to which entry the ledger was archived; 0 if it never was.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn archived_up_to(snapshot: &dyn Snapshot) -> Result<u64> {
    let Some(bytes) = snapshot.get(Keyspace::Meta, ARCHIVED)? else { return Ok(0) };
    Ok(u64::from_be_bytes(Reader::new(&bytes).array()?))
}

/// Remembers how far the ledger was archived.
pub fn keep_archived(view: &mut WriteView<'_>, head: &Head) {
    let row = [&head.position.to_be_bytes()[..], &head.hash].concat();
    view.put(Keyspace::Meta, ARCHIVED.to_vec(), row);
}

/// Looks at the entries behind a position, up to another one, for those of some kinds that have values.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn look_for_kinds(
    snapshot: &dyn Snapshot,
    kinds: &[EntryKind],
    (after, most, last): (u64, usize, u64),
) -> Result<PruneChunk> {
    let mut chunk = PruneChunk { last, finished: true, ..PruneChunk::default() };
    let entries = snapshot.read_log(after, most)?;
    if let Some(newest) = entries.last().filter(|newest| newest.position < last) {
        (chunk.last, chunk.finished) = (newest.position, false);
    }
    for entry in entries.into_iter().filter(|entry| entry.position <= last) {
        let (header, _) = decode_header(&entry)?;
        if kinds.contains(&header.kind) && !entry.record.sealed.is_empty() {
            let record = LogRecord { sealed: Vec::new(), ..entry.record };
            chunk.emptied.push(LogEntry { record, ..entry });
        }
    }
    Ok(chunk)
}

/// Empties what was found, and remembers how far that went. What is known of whole blocks of the ledger speaks of
/// values, and is worked out anew by whoever reads them next.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn drop_values(view: &mut WriteView<'_>, kinds: &[EntryKind], chunk: PruneChunk) -> Result<()> {
    let newest = chunk.emptied.last().map_or(0, |entry| entry.position);
    if newest > newest_pruned(view)? {
        view.put(Keyspace::Meta, NEWEST.to_vec(), newest.to_be_bytes().to_vec());
    }
    for kind in kinds {
        view.put(Keyspace::Meta, dropped_key(*kind), chunk.last.to_be_bytes().to_vec());
    }
    for entry in chunk.emptied {
        forget_block(view, entry.position)?;
        view.empty_entry(entry);
    }
    Ok(())
}

fn dropped_key(kind: EntryKind) -> Vec<u8> {
    [DROPPED, &[kind.number()]].concat()
}

/// Whether entries of a kind are emptied. That a person was forgotten has no values.
pub(super) fn may_be_emptied(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Create | EntryKind::Update | EntryKind::Delete | EntryKind::Mark)
}
