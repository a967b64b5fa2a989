//! New indexes, counters and unique rules over records that stand already: at once where they are few, in chunks otherwise.

use crate::base::{Code, Error, FieldId, Patience, RecordId, Result};
use crate::records::Record;
use crate::records::derived::{
    Derived, Index, computed, derive, is_unfinished, number_counter, read_counter,
};
use crate::records::rollup_build::take_in;
use crate::records::row::{RECORD_KEY, assemble, for_each_record, record_key};
use crate::records::tally::{Tallies, build_key, build_position};
use crate::records::unique::{Shared, finish_unique, rule_key, sweep, take_in_unique};
use crate::records::view::WriteView;
use crate::schema::{Entity, UniqueRule};
use crate::storage::{Keyspace, RangeRequest, Snapshot, continue_after, successor};

/// Most records whose new index keys go into one transaction, which is held in memory until it commits.
pub const MAX_RECORDS: u64 = 1_000_000;
/// Most records of one chunk of a build.
pub const BUILD_CHUNK: u64 = 5_000;
/// Rows of one read.
const PAGE: usize = 500;

/// Whether an entity may have more records than fit into the transaction that publishes a new index: deleted
/// ones are read too, so those are counted that were ever made.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn is_large(snapshot: &dyn Snapshot, entity: &Entity, most: u64) -> Result<bool> {
    Ok(records_made(snapshot, entity)? > most)
}

/// How many records of an entity were ever made.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn records_made(snapshot: &dyn Snapshot, entity: &Entity) -> Result<u64> {
    read_counter(snapshot, &number_counter(entity.id()))
}

/// Whether records that stand have more keys or counts by a changed definition.
#[must_use]
pub fn gains_keys(old: &Entity, new: &Entity) -> bool {
    !added(old, new).is_empty() || fields_gain_keys(old, new)
}

fn fields_gain_keys(old: &Entity, new: &Entity) -> bool {
    new.fields().iter().any(|field| field.gains_keys(old.field_by_id(field.id())))
}

/// The indexes, counters and unique rules that are new in a definition, and the rollups that are kept of its
/// records.
#[must_use]
pub fn added(old: &Entity, new: &Entity) -> Vec<FieldId> {
    let numbers = |entity: &Entity| -> Vec<FieldId> {
        let counters = entity.counters().iter().map(crate::schema::DeclaredCounter::id);
        let rollups = entity.rolled_up().iter().map(|rollup| rollup.id());
        let indexes = entity.indexes().iter().map(crate::schema::DeclaredIndex::id);
        let unique = entity.unique_rules().iter().map(crate::schema::UniqueRule::id);
        indexes.chain(counters).chain(rollups).chain(unique).collect()
    };
    let known = numbers(old);
    numbers(new).into_iter().filter(|number| !known.contains(number)).collect()
}

/// The indexes, counters and unique rules of an entity, and rollups of its records, that are still being built,
/// and the unique rules that are still being swept away.
#[must_use]
pub fn unfinished(entity: &Entity) -> Vec<FieldId> {
    let indexes = entity.indexes().iter().filter(|index| !index.complete).map(|index| index.id());
    let counters = entity.counters().iter().filter(|counter| !counter.complete).map(|counter| counter.id());
    let rollups = entity.rolled_up().iter().filter(|rollup| !rollup.complete).map(|rollup| rollup.id());
    let unique = entity.unique_rules().iter().filter(|rule| !rule.complete).map(|rule| rule.id());
    indexes.chain(counters).chain(rollups).chain(unique).chain(entity.dropped_rules()).collect()
}

/// Adds the index keys and counters that a changed definition asks for, within the transaction that
/// publishes it; but for those that are to be built in chunks.
///
/// # Errors
/// `input.limit_exceeded` for an entity with more than a million records; `schema.not_unique` naming the
/// records that share a value of a field that is unique from now on; `storage.damaged`.
pub fn reindex(view: &mut WriteView<'_>, old: &Entity, new: &Entity) -> Result<()> {
    let (mut keys, mut tallies) = (Derived::new(), Tallies::default());
    let mut shared = Shared::default();
    let mut records = 0_u64;
    let fresh = added(old, new);
    let later = unfinished(new);
    if !fields_gain_keys(old, new) && fresh.iter().all(|number| later.contains(number)) {
        return Ok(());
    }
    let snapshot: &dyn Snapshot = view;
    for_each_record(snapshot, new.id(), &Patience::default(), &mut |record| {
        records = records.saturating_add(1);
        if records > MAX_RECORDS {
            let rule = "records <= 1000000 for a new index";
            return Err(Error::new(Code::LimitExceeded).entity(&new.api_name).rule(rule));
        }
        let before = derive(old, &record);
        let is_new = |keyspace, key: &Vec<u8>| {
            !before.contains_key(&(keyspace, key.clone())) && !is_unfinished(new, keyspace, key)
        };
        let after = derive(new, &record).into_iter();
        for ((keyspace, key), value) in after.filter(|((keyspace, key), _)| is_new(*keyspace, key)) {
            if let Some(other) = keys.insert((keyspace, key.clone()), value) {
                shared.note(&key, &other, record.id);
            }
        }
        for counter in new.counters().iter().filter(|counter| counter.complete) {
            if fresh.contains(&counter.id()) {
                tallies.count(counter, &record);
            }
        }
        Ok(())
    })?;
    shared.check(new)?;
    for ((keyspace, key), value) in keys {
        view.put(keyspace, key, value);
    }
    tallies.add_to(view)
}

/// Takes the next records into indexes, counters and rollups that are being built, and says whether all are in.
/// Where the build stands is part of the same commit.
///
/// # Errors
/// `storage.damaged`, `storage.io`, `engine.cancelled`.
pub fn build_chunk(
    view: &mut WriteView<'_>,
    entity: &Entity,
    most: u64,
    patience: &Patience,
) -> Result<Built> {
    let most = usize::try_from(most.min(BUILD_CHUNK)).unwrap_or(PAGE).max(1);
    let mut built = Built { records: 0, finished: true, broken: Vec::new() };
    for number in unfinished(entity) {
        if entity.dropped_rules().any(|dropped| dropped == number) {
            let (keys, gone) = sweep(view, entity.id(), number, most)?;
            built.records = built.records.saturating_add(keys);
            built.finished &= gone;
            continue;
        }
        let position = build_position(view, number)?;
        let (records, more) = next_records(view, entity, (position, most), patience)?;
        let mut tallies = Tallies::default();
        for record in &records {
            add_keys(view, entity, number, record);
            let counters = entity.counters().iter().filter(|counter| counter.id() == number);
            counters.for_each(|counter| tallies.count(counter, record));
        }
        tallies.add_to(view)?;
        take_in(view, entity, number, &records)?;
        if let Some(rule) = entity.unique_rules().iter().find(|rule| rule.id() == number) {
            take_in_unique(view, rule, &keys_of(entity, rule, &records))?;
        }
        built.records = built.records.saturating_add(u64::try_from(records.len()).unwrap_or(u64::MAX));
        if let Some(last) = records.last() {
            view.put(Keyspace::Meta, build_key(number), last.id.as_bytes().to_vec());
        }
        built.finished &= !more;
    }
    // One that came to the end first waits there for the others.
    if built.finished {
        unfinished(entity).into_iter().for_each(|number| view.remove(Keyspace::Meta, build_key(number)));
        for rule in entity.unique_rules().iter().filter(|rule| !rule.complete) {
            built.broken.extend(finish_unique(view, entity, rule)?.map(|error| (rule.id(), error)));
        }
    }
    Ok(built)
}

/// Takes some of the keys of an index away, whatever they say, and says whether none is left. Its build begins
/// at the first record again.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn clear_chunk(view: &mut WriteView<'_>, entity: &Entity, number: FieldId) -> Result<bool> {
    let index = Index { entity: entity.id(), field: number };
    let most = usize::try_from(BUILD_CHUNK).unwrap_or(PAGE);
    let page = view.scan(&RangeRequest::prefix(Keyspace::Index, &index.all(), most))?;
    page.rows.into_iter().for_each(|(key, _)| view.remove(Keyspace::Index, key));
    view.remove(Keyspace::Meta, build_key(number));
    Ok(!page.more)
}

/// What one chunk of a build came to.
#[derive(Debug, Default)]
pub struct Built {
    /// Records that were taken in, once for each index.
    pub records: u64,
    /// Whether all are in.
    pub finished: bool,
    /// Unique rules, when all are in, that records break which stand already, with what is wrong.
    pub broken: Vec<(FieldId, Error)>,
}

/// The keys that live records have by a unique rule.
fn keys_of(entity: &Entity, rule: &UniqueRule, records: &[Record]) -> Vec<(RecordId, Vec<u8>)> {
    let live = records.iter().filter(|record| !record.is_deleted());
    let keys = live.filter_map(|record| Some((record.id, rule_key(rule, &computed(entity, record))?)));
    keys.collect()
}

fn add_keys(view: &mut WriteView<'_>, entity: &Entity, number: FieldId, record: &Record) {
    let index = Index { entity: entity.id(), field: number };
    let prefix = index.prefix(record.envelope.class);
    for ((keyspace, key), value) in derive(entity, record) {
        if keyspace == Keyspace::Index && key.starts_with(&prefix) {
            view.put(keyspace, key, value);
        }
    }
}

/// The records behind an id, deleted ones among them, as many as one chunk takes, and whether there are more;
/// WITHOUT a permit, for builds that take in what their user may not see.
///
/// # Errors
/// `storage.damaged`, `storage.io`, `engine.cancelled`.
pub fn next_records(
    snapshot: &dyn Snapshot,
    entity: &Entity,
    (after, most): (RecordId, usize),
    patience: &Patience,
) -> Result<(Vec<Record>, bool)> {
    let all = entity.id().number().to_be_bytes();
    let mut range = RangeRequest::prefix(Keyspace::Records, &all, PAGE.min(most));
    // Pieces of the last record lie behind its key.
    range.low = successor(&record_key(entity.id(), after));
    let mut records = Vec::new();
    loop {
        patience.check()?;
        let page = snapshot.scan(&range)?;
        let last = page.rows.last().map(|(key, _)| key.clone());
        for (key, value) in page.rows {
            let id = RecordId::from_suffix(&key).filter(|_| key.len() == RECORD_KEY);
            if let Some(id) = id {
                records.push(assemble(snapshot, entity.id(), id, value)?);
            }
        }
        match last {
            Some(last) if page.more && records.len() < most => continue_after(&mut range, last),
            _ => return Ok((records, page.more)),
        }
    }
}
