//! Verification: the chain from its first entry, and everything derived against the records themselves.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Code, EntityId, Error, Patience, RecordId, Result};
use crate::records::attachments::verify_attachments;
use crate::records::derived::{Index, derive, is_unfinished, live_counter, read_counter};
use crate::records::history::was_erased;
use crate::records::ledger::{EntryKind, LedgerEntry, chain_link, open_entry};
use crate::records::ledger_blocks::{Summary, block_of, end_of, named_records};
use crate::records::ledger_follow::{Course, follow};
use crate::records::prune::{Pruned, dropped_up_to, may_be_emptied};
use crate::records::rollup::figure_keys;
use crate::records::rollup_build::verify_rollups;
use crate::records::row::{self, for_each_record};
use crate::records::tally::{Tallies, counter_prefix, counters_so_far};
use crate::records::temporal::{verify_versions, versions_prefix};
use crate::records::unique::unique_prefix;
use crate::records::view::Sealer;
use crate::records::{MARKED, Record, load_classes};
use crate::schema::{Entity, Registry};
use crate::storage::{Blobs, Head, Keyspace, LogEntry, RangeRequest, Snapshot, continue_after};

/// Rows of one read.
const PAGE: usize = 500;

/// What a verification found, when it found no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyReport {
    /// Entries of the ledger.
    pub entries: u64,
    /// Entries whose values are gone because their subject was forgotten.
    pub forgotten: u64,
    /// Records, deleted ones among them.
    pub records: u64,
    /// Index and unique keys that follow from records.
    pub derived_keys: u64,
    /// Attachments, each of which was read whole.
    pub attachments: u64,
    /// The newest entry: an anchor that a host may keep elsewhere.
    pub head: Head,
}

/// What a quick verification read, when it found no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuickReport {
    /// Entries of the ledger, each linked to the one before.
    pub entries: u64,
    /// Rows of the other tables.
    pub rows: u64,
    /// The newest entry: an anchor that a host may keep elsewhere.
    pub head: Head,
}

/// Verifies chain, commitments, rows, indexes, unique keys, counters, rollups and attachments of one stable view.
///
/// # Errors
/// `ledger.broken`, `ledger.index_mismatch` or `storage.damaged`, naming the first place that is wrong.
pub fn verify(
    snapshot: &dyn Snapshot,
    registry: &Registry,
    (sealer, blobs): (&Sealer, &Blobs),
    patience: &Patience,
) -> Result<VerifyReport> {
    let head = snapshot.head()?;
    let mut lives = BTreeMap::new();
    let forgotten = verify_entries(snapshot, sealer, head, patience, &mut lives)?;
    let mut counted = BTreeMap::new();
    let of_records = u64::try_from(lives.len()).unwrap_or(u64::MAX);
    let (mut derived_keys, mut records) = (0, 0_u64);
    let mut tallies = Tallies::default();
    // Keys that only a newer engine makes are not held against anything, nor are those that may be strays beside them.
    let is_whole = registry.entities().iter().all(|entity| entity.held().is_none());
    for entity in registry.entities() {
        let counters = counters_so_far(snapshot, entity)?;
        for_each_record(snapshot, entity.id(), patience, &mut |record| {
            tallies.count_so_far(&counters, &record);
            if entity.held().is_none() {
                derived_keys += verify_derived(snapshot, entity, &record)?;
                derived_keys += verify_versions((snapshot, sealer), entity, &record, patience)?;
            }
            let live = !record.is_deleted();
            if live {
                verify_references(snapshot, registry, entity, &record, patience)?;
            }
            let life = lives.remove(&(record.entity, record.id));
            let newest = record.envelope.newest_entry;
            if !life
                .is_some_and(|life| life.live == live && newest.is_none_or(|newest| newest == life.newest))
            {
                return Err(mismatch(entity, "record against ledger", record.id));
            }
            if live {
                *counted.entry((record.entity, record.envelope.class)).or_insert(0_u64) += 1;
            }
            records += 1;
            if records.is_multiple_of(1_000) {
                patience.tell("records", records, of_records);
            }
            Ok(())
        })?;
    }
    if let Some(((entity, record), _)) = lives.pop_first() {
        return Err(mismatch(registry.entity_by_id(entity)?, "ledger against record", record));
    }
    verify_counters(snapshot, registry, &counted)?;
    if is_whole {
        verify_kept(snapshot, registry, &tallies, (derived_keys, patience))?;
    }
    let attachments = verify_attachments(snapshot, registry, (sealer, blobs), patience)?;
    Ok(VerifyReport { entries: head.position, forgotten, records, derived_keys, attachments, head })
}

/// What is kept of all records together: counters by values, rollups, and no key that follows from no record.
fn verify_kept(
    snapshot: &dyn Snapshot,
    registry: &Registry,
    tallies: &Tallies,
    (derived_keys, patience): (u64, &Patience),
) -> Result<()> {
    if !tallies.are_those_of(snapshot, &dropped_counters(registry))? {
        return Err(Error::new(Code::IndexMismatch).rule("counter by values"));
    }
    verify_rollups(snapshot, registry, patience)?;
    let swept = keys_to_sweep(snapshot, registry, patience)?;
    verify_no_strays(snapshot, derived_keys.saturating_add(swept), patience)
}

/// Reads every row of every table of one stable view, and follows the ledger's chain. Every page that is
/// read from the file authenticates; what the rows say is not compared with each other.
///
/// # Errors
/// `ledger.broken`, `storage.damaged`, `engine.cancelled`.
pub fn verify_quickly(snapshot: &dyn Snapshot, patience: &Patience) -> Result<QuickReport> {
    let head = snapshot.head()?;
    let places = BTreeMap::new();
    let course = Course { snapshot, bounds: (1, head.position), places: &places, threads: 1, patience };
    if follow(course, &mut |_| Ok(()))? != head.hash {
        return Err(Error::new(Code::LedgerBroken).rule("head"));
    }
    let mut rows = 0_u64;
    for keyspace in Keyspace::ALL {
        count_rows(snapshot, (keyspace, &[]), patience, &mut rows)?;
    }
    Ok(QuickReport { entries: head.position, rows, head })
}

/// What the ledger says became of a record.
struct Life {
    live: bool,
    /// The position of its newest entry.
    newest: u64,
}

type Lives = BTreeMap<(EntityId, RecordId), Life>;

/// Opens every entry while following the chain; gives the number of entries whose values are gone.
fn verify_entries(
    snapshot: &dyn Snapshot,
    sealer: &Sealer,
    head: Head,
    patience: &Patience,
    lives: &mut Lives,
) -> Result<u64> {
    let mut forgotten = 0_u64;
    let mut block = Vec::new();
    let mut pruned = BTreeMap::new();
    verify_chain(snapshot, head, patience, &mut |entry| {
        let opened = open_entry(entry, sealer)?;
        check_pruned(snapshot, &opened, &mut pruned)?;
        forgotten += u64::from(opened.changes.is_none() && !opened.is_pruned);
        block.push((entry.hash, opened.clone()));
        if end_of(block_of(entry.position)) == entry.position {
            verify_block(snapshot, block_of(entry.position), &std::mem::take(&mut block))?;
        }
        if opened.kind == EntryKind::Purge {
            for id in named_records(&opened) {
                lives.remove(&(opened.entity, id));
            }
        }
        if !opened.kind.is_of_record() {
            return Ok(());
        }
        check_marks_alone(&opened)?;
        let live = matches!(opened.kind, EntryKind::Create | EntryKind::Update | EntryKind::Mark);
        let life = Life { live, newest: entry.position };
        let before = lives.insert((opened.entity, opened.record), life).map(|life| life.newest);
        if opened.previous.is_some() && opened.previous != before {
            return Err(Error::new(Code::LedgerBroken)
                .rule("link to the entry before")
                .record(entry.position));
        }
        Ok(())
    })?;
    Ok(forgotten)
}

/// An entry that is no change of the record by anybody says nothing but how the record is marked.
fn check_marks_alone(entry: &LedgerEntry) -> Result<()> {
    if entry.kind != EntryKind::Mark || entry.fields == [MARKED] {
        return Ok(());
    }
    Err(Error::new(Code::LedgerBroken).rule("marks alone").record(entry.position))
}

/// An entry has no values only where the database says that they were pruned.
fn check_pruned(
    snapshot: &dyn Snapshot,
    entry: &LedgerEntry,
    known: &mut BTreeMap<EntityId, u64>,
) -> Result<()> {
    if !entry.is_pruned || entry.position <= dropped_up_to(snapshot, &[entry.kind])? {
        return Ok(());
    }
    let upto = match known.get(&entry.entity) {
        Some(upto) => *upto,
        None => {
            let upto = Pruned::of(snapshot, entry.entity)?.map_or(0, |pruned| pruned.position);
            known.insert(entry.entity, upto);
            upto
        }
    };
    if may_be_emptied(entry.kind) && entry.position <= upto {
        return Ok(());
    }
    Err(Error::new(Code::LedgerBroken).rule("values missing").record(entry.position))
}

/// The row of a block, if there is one, is what its entries come to.
fn verify_block(snapshot: &dyn Snapshot, block: u64, entries: &[([u8; 32], LedgerEntry)]) -> Result<()> {
    let kept = Summary::load_many(snapshot, &[block])?.into_iter().flatten().next();
    let expected = || Summary::of(block, entries.iter().map(|(hash, entry)| (hash, entry)));
    match kept {
        Some(kept) if kept != expected() => {
            Err(Error::new(Code::IndexMismatch).rule("block of the ledger").record(block))
        }
        _ => Ok(()),
    }
}

/// Recomputes every link, and hands each entry to a function.
fn verify_chain(
    snapshot: &dyn Snapshot,
    head: Head,
    patience: &Patience,
    visit: &mut dyn FnMut(&LogEntry) -> Result<()>,
) -> Result<()> {
    let mut last = Head::default();
    while last.position < head.position {
        patience.check()?;
        let entries = snapshot.read_log(last.position, PAGE)?;
        if entries.is_empty() {
            return Err(Error::new(Code::LedgerBroken).rule("entries missing").record(last.position + 1));
        }
        for entry in entries {
            let expected = chain_link(&last.hash, entry.position, &entry.record.chained);
            if entry.position != last.position + 1 || entry.hash != expected {
                return Err(Error::new(Code::LedgerBroken).rule("chain").record(last.position + 1));
            }
            visit(&entry)?;
            last = Head { position: entry.position, hash: entry.hash };
        }
        patience.tell("ledger", last.position, head.position);
    }
    if last == head { Ok(()) } else { Err(Error::new(Code::LedgerBroken).rule("head")) }
}

fn verify_derived(snapshot: &dyn Snapshot, entity: &Entity, record: &Record) -> Result<u64> {
    let mut derived = derive(entity, record);
    let figures = figure_keys(snapshot, entity, record)?.into_iter();
    derived.extend(figures.map(|(_, key)| ((Keyspace::Index, key), Vec::new())));
    let keys: Vec<(Keyspace, &[u8])> = derived.keys().map(|(space, key)| (*space, key.as_slice())).collect();
    let mut standing = 0_u64;
    for (found, ((keyspace, key), expected)) in snapshot.get_many(&keys)?.iter().zip(&derived) {
        match found {
            Some(found) if found == expected => standing += 1,
            // What is being built has no more than some of its keys, and of those that are to be unique some
            // may be another record's.
            _ if is_unfinished(entity, *keyspace, key) => {}
            _ => return Err(mismatch(entity, "index or unique key", record.id)),
        }
    }
    Ok(standing)
}

/// Whatever a live record refers to is live, too. Only a person who was forgotten by a restore, which asks
/// nobody who refers to them, may be deleted.
fn verify_references(
    snapshot: &dyn Snapshot,
    registry: &Registry,
    entity: &Entity,
    record: &Record,
    patience: &Patience,
) -> Result<()> {
    for field in entity.fields() {
        let value = record.peek(field.id());
        for (target, id) in field.definition.kind.references(&value) {
            let Ok(target) = registry.entity(target) else { continue };
            let stands = match row::load_envelope(snapshot, target.id(), id)? {
                Some(envelope) if envelope.deleted_at.is_none() => true,
                Some(_) => match row::load(snapshot, target.id(), id)? {
                    Some(deleted) => was_erased(snapshot, &deleted, patience)?,
                    None => false,
                },
                None => false,
            };
            if !stands {
                return Err(mismatch(entity, "reference without a target", record.id).field(&field.api_name));
            }
        }
    }
    Ok(())
}

fn verify_counters(
    snapshot: &dyn Snapshot,
    registry: &Registry,
    counted: &BTreeMap<(EntityId, crate::access::ClassId), u64>,
) -> Result<()> {
    let classes: BTreeSet<_> = load_classes(snapshot, None)?.into_iter().map(|(class, _)| class).collect();
    for entity in registry.entities() {
        for class in &classes {
            let expected = counted.get(&(entity.id(), *class)).copied().unwrap_or(0);
            if read_counter(snapshot, &live_counter(entity.id(), *class))? != expected {
                return Err(Error::new(Code::IndexMismatch).entity(&entity.api_name).rule("counter"));
            }
        }
    }
    Ok(())
}

/// What the keys of counters begin with that were taken back; numbers of unique rules and indexes among them have none.
fn dropped_counters(registry: &Registry) -> Vec<Vec<u8>> {
    let of_entity = |entity: &Entity| -> Vec<Vec<u8>> {
        entity.dropped().map(|number| counter_prefix(entity.id(), number)).collect()
    };
    registry.entities().iter().flat_map(of_entity).collect()
}

/// Keys of unique rules and indexes that were taken back, which are still to be swept away.
fn keys_to_sweep(snapshot: &dyn Snapshot, registry: &Registry, patience: &Patience) -> Result<u64> {
    let mut found = 0_u64;
    for entity in registry.entities() {
        for number in entity.dropped() {
            let prefix = unique_prefix(entity, number);
            count_rows(snapshot, (Keyspace::Unique, &prefix), patience, &mut found)?;
            // A field whose values are no longer unique keeps its index.
            if entity.field_by_id(number).is_none() {
                let prefix = Index { entity: entity.id(), field: number }.all();
                count_rows(snapshot, (Keyspace::Index, &prefix), patience, &mut found)?;
                let prefix = versions_prefix(entity.id(), number);
                count_rows(snapshot, (Keyspace::Index, &prefix), patience, &mut found)?;
            }
        }
    }
    Ok(found)
}

/// Every key that follows from a record is there, so a greater number of keys means strays.
fn verify_no_strays(snapshot: &dyn Snapshot, expected: u64, patience: &Patience) -> Result<()> {
    let mut found = 0_u64;
    for keyspace in [Keyspace::Index, Keyspace::Unique] {
        count_rows(snapshot, (keyspace, &[]), patience, &mut found)?;
    }
    if found == expected { Ok(()) } else { Err(Error::new(Code::IndexMismatch).rule("stray keys")) }
}

/// Reads every row of a keyspace whose key begins with a prefix, and adds their number.
fn count_rows(
    snapshot: &dyn Snapshot,
    (keyspace, prefix): (Keyspace, &[u8]),
    patience: &Patience,
    count: &mut u64,
) -> Result<()> {
    let mut range = RangeRequest::prefix(keyspace, prefix, PAGE);
    loop {
        patience.check()?;
        let page = snapshot.scan(&range)?;
        *count = count.saturating_add(u64::try_from(page.rows.len()).unwrap_or(u64::MAX));
        patience.tell("keys", *count, 0);
        match page.rows.into_iter().last() {
            Some((last, _)) if page.more => continue_after(&mut range, last),
            _ => return Ok(()),
        }
    }
}

fn mismatch(entity: &Entity, rule: &str, record: RecordId) -> Error {
    Error::new(Code::IndexMismatch).entity(&entity.api_name).rule(rule).record(record)
}
