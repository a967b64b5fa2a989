//! New indexes, counters and unique rules over records that stand already: at once where they are few, in chunks otherwise.

use crate::base::{Code, Error, FieldId, Patience, RecordId, Result};
use crate::records::codec::damaged;
use crate::records::derived::{
    Derived, Index, computed, derive, is_unfinished, number_counter, read_counter,
};
use crate::records::rollup::figure_keys;
use crate::records::rollup_build::take_in;
use crate::records::row::{RECORD_KEY, assemble, for_each_record, record_key, unique_key};
use crate::records::row_columns::renew_rows;
use crate::records::tally::{Tallies, build_key};
use crate::records::temporal::take_in_versions;
use crate::records::unique::{Shared, finish_unique, rule_key, sweep, take_in_unique};
use crate::records::view::{Sealer, WriteView};
use crate::records::{Record, WriteContext};
use crate::schema::{Entity, Field, FieldKeys, UniqueRule};
use crate::storage::{Keyspace, RangeRequest, Snapshot, continue_after, successor};

/// Most records whose new index keys go into one transaction, which is held in memory until it commits.
pub const MAX_RECORDS: u64 = 1_000_000;
/// Most records of one chunk of a build.
pub const BUILD_CHUNK: u64 = 5_000;
/// What the position lies under of a build of keys of a field. Rollups, which have numbers of fields too, are built
/// of other records.
const FIELD_BUILD: &[u8] = b"build.keys.";
/// What the position lies under up to which the rows of a field were worked out anew.
const ROWS_BUILD: &[u8] = b"build.rows.";
/// What the number of records lies under that a build has taken in.
const BUILD_DONE: &[u8] = b"build.done.";
/// Rows of one read.
const PAGE: usize = 500;
/// Most records whose histories one chunk of a build reads.
const HISTORIES: usize = 200;

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
    !added(old, new).is_empty() || gaining(old, new).next().is_some()
}

/// The fields by which records that stand get keys that they had not, because an index was switched on, or that no
/// two values are equal.
pub fn gaining<'e>(old: &'e Entity, new: &'e Entity) -> impl Iterator<Item = (&'e Field, FieldKeys)> {
    let gained = |field: &'e Field| (field, field.gained_keys(old.field_by_id(field.id())));
    new.fields().iter().map(gained).filter(|(_, keys)| keys.any())
}

/// Whether a field gains keys within the transaction that publishes it.
fn gains_at_once(old: &Entity, new: &Entity) -> bool {
    gaining(old, new).any(|(field, keys)| {
        let later = field.unfinished_keys();
        (keys.index && !later.index) || (keys.unique && !later.unique)
    })
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
        let temporal = entity.temporal().map(crate::schema::TemporalIndex::id);
        indexes.chain(counters).chain(rollups).chain(unique).chain(temporal).collect()
    };
    let known = numbers(old);
    numbers(new).into_iter().filter(|number| !known.contains(number)).collect()
}

/// What is being built of an entity or swept away, in a form that tells a rollup over its records from a field of
/// its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildKind {
    /// The keys of a unique rule or field that was taken back are swept away.
    Sweep,
    /// A declared index.
    Index,
    /// A counter.
    Counter,
    /// A rollup over the records of the entity, which another one may have.
    Rollup,
    /// A unique rule.
    Unique,
    /// The index of a field, or that no two values of it are equal.
    Field,
    /// Columns of the rows of a field, which are worked out by another expression than before.
    Rows,
    /// The temporal index of the entity.
    Temporal,
}

impl BuildKind {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::Index => "index",
            Self::Counter => "counter",
            Self::Rollup => "rollup",
            Self::Unique => "unique",
            Self::Field => "field",
            Self::Rows => "rows",
            Self::Temporal => "temporal",
        }
    }
}

/// One thing that is being built, or swept away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// What it is.
    pub kind: BuildKind,
    /// Its number.
    pub number: FieldId,
}

impl Build {
    /// Where the id of the record lies to which it has come.
    fn position_key(self) -> Vec<u8> {
        match self.kind {
            BuildKind::Field => [FIELD_BUILD, &self.number.number().to_be_bytes()].concat(),
            BuildKind::Rows => [ROWS_BUILD, &self.number.number().to_be_bytes()].concat(),
            _ => build_key(self.number),
        }
    }

    /// Where the number of records lies that it has taken in.
    fn done_key(self) -> Vec<u8> {
        let of: &[u8] = match self.kind {
            BuildKind::Field => b"f",
            BuildKind::Rows => b"r",
            _ => b"d",
        };
        [BUILD_DONE, of, &self.number.number().to_be_bytes()].concat()
    }

    fn position(self, snapshot: &dyn Snapshot) -> Result<RecordId> {
        let stored = snapshot.get(Keyspace::Meta, &self.position_key())?;
        let none = RecordId::from_bytes([0; 16]);
        stored.map_or(Ok(none), |bytes| RecordId::from_suffix(&bytes).ok_or_else(damaged))
    }

    /// How many records it has taken in.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn done(self, snapshot: &dyn Snapshot) -> Result<u64> {
        let stored = snapshot.get(Keyspace::Meta, &self.done_key())?;
        let number = stored.map(|bytes| bytes.as_slice().try_into().map_err(|_| damaged()));
        number.map_or(Ok(0), |bytes| bytes.map(u64::from_be_bytes))
    }

    fn stand(self, view: &mut WriteView<'_>, last: RecordId, records: u64) -> Result<()> {
        let done = self.done(view)?.saturating_add(records);
        view.put(Keyspace::Meta, self.position_key(), last.as_bytes().to_vec());
        view.put(Keyspace::Meta, self.done_key(), done.to_be_bytes().to_vec());
        Ok(())
    }

    pub(super) fn forget(self, view: &mut WriteView<'_>) {
        view.remove(Keyspace::Meta, self.position_key());
        view.remove(Keyspace::Meta, self.done_key());
    }
}

/// The indexes, counters, unique rules and keys of fields of an entity, and rollups of its records, that are still
/// being built, and the keys that are still being swept away.
#[must_use]
pub fn unfinished(entity: &Entity) -> Vec<Build> {
    let of = |kind: BuildKind| move |number: FieldId| Build { kind, number };
    let indexes = entity.indexes().iter().filter(|index| !index.complete).map(|index| index.id());
    let counters = entity.counters().iter().filter(|counter| !counter.complete).map(|counter| counter.id());
    let rollups = entity.rolled_up().iter().filter(|rollup| !rollup.complete).map(|rollup| rollup.id());
    let unique = entity.unique_rules().iter().filter(|rule| !rule.complete).map(|rule| rule.id());
    let fields = entity.fields().iter().filter(|field| field.unfinished_keys().any()).map(Field::id);
    let rows = entity.fields().iter().filter(|field| field.has_outdated_rows()).map(Field::id);
    let builds = entity.dropped().map(of(BuildKind::Sweep));
    let builds = builds.chain(indexes.map(of(BuildKind::Index)));
    let builds = builds.chain(counters.map(of(BuildKind::Counter)));
    let builds = builds.chain(rollups.map(of(BuildKind::Rollup)));
    let builds = builds.chain(unique.map(of(BuildKind::Unique))).chain(fields.map(of(BuildKind::Field)));
    let temporal =
        entity.temporal().filter(|index| !index.is_complete()).map(crate::schema::TemporalIndex::id);
    builds.chain(rows.map(of(BuildKind::Rows))).chain(temporal.map(of(BuildKind::Temporal))).collect()
}

/// What is worked at now: as long as keys are to be swept away, these, since the same may be built again.
#[must_use]
pub fn in_hand(entity: &Entity) -> Vec<Build> {
    let mut builds = unfinished(entity);
    if builds.iter().any(|build| build.kind == BuildKind::Sweep) {
        builds.retain(|build| build.kind == BuildKind::Sweep);
    }
    builds
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
    let later: Vec<FieldId> = unfinished(new).into_iter().map(|build| build.number).collect();
    if !gains_at_once(old, new) && fresh.iter().all(|number| later.contains(number)) {
        return Ok(());
    }
    let gained: Vec<FieldId> = gaining(old, new)
        .filter(|(field, keys)| keys.index && !field.unfinished_keys().index)
        .map(|(field, _)| field.id())
        .collect();
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
        for (field, key) in figure_keys(snapshot, new, &record)? {
            if gained.contains(&field) {
                keys.insert((Keyspace::Index, key), Vec::new());
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

/// Takes the next records into indexes, counters and rollups that are being built, works their rows out anew where
/// that is to be done, and says whether all are in. Where the build stands is part of the same commit.
///
/// # Errors
/// `storage.damaged`, `storage.io`, `engine.cancelled`.
pub fn build_chunk(
    (view, context, sealer): (&mut WriteView<'_>, &WriteContext, &Sealer),
    entity: &Entity,
    most: u64,
    patience: &Patience,
) -> Result<Built> {
    let most = usize::try_from(most.min(BUILD_CHUNK)).unwrap_or(PAGE).max(1);
    let mut built = Built { records: 0, finished: true, broken: Vec::new() };
    let builds = in_hand(entity);
    for build in &builds {
        if build.kind == BuildKind::Sweep {
            let (keys, gone) = sweep(view, entity, build.number, most)?;
            built.records = built.records.saturating_add(keys);
            built.finished &= gone;
            continue;
        }
        let most = if build.kind == BuildKind::Temporal { most.min(HISTORIES) } else { most };
        let (records, more) = next_records(view, entity, (build.position(view)?, most), patience)?;
        match build.kind {
            BuildKind::Temporal => take_in_versions((view, sealer), entity, &records, patience)?,
            _ => take_in_records((view, context), entity, *build, &records)?,
        }
        let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
        built.records = built.records.saturating_add(count);
        if let Some(last) = records.last() {
            build.stand(view, last.id, count)?;
        }
        built.finished &= !more;
    }
    // One that came to the end first waits there for the others.
    if built.finished {
        for build in builds {
            build.forget(view);
            if matches!(build.kind, BuildKind::Unique | BuildKind::Field) {
                let broken = finish_unique(view, entity, build.number)?;
                built.broken.extend(broken.map(|error| (build.number, error)));
            }
        }
    }
    Ok(built)
}

fn take_in_records(
    (view, context): (&mut WriteView<'_>, &WriteContext),
    entity: &Entity,
    build: Build,
    records: &[Record],
) -> Result<()> {
    let number = build.number;
    match build.kind {
        BuildKind::Sweep | BuildKind::Temporal => Ok(()),
        BuildKind::Index => {
            records.iter().for_each(|record| add_keys(view, entity, number, record));
            Ok(())
        }
        BuildKind::Counter => {
            let mut tallies = Tallies::default();
            for counter in entity.counters().iter().filter(|counter| counter.id() == number) {
                records.iter().for_each(|record| tallies.count(counter, record));
            }
            tallies.add_to(view)
        }
        BuildKind::Rollup => take_in(view, entity, number, records),
        BuildKind::Rows => renew_rows((view, context), entity, number, records),
        BuildKind::Unique => {
            let rule = entity.unique_rules().iter().find(|rule| rule.id() == number);
            let keys = rule.map(|rule| keys_of(entity, rule, records));
            keys.map_or(Ok(()), |keys| take_in_unique(view, number, &keys))
        }
        BuildKind::Field => {
            let Some(field) = entity.field_by_id(number) else { return Ok(()) };
            if field.unfinished_keys().index {
                records.iter().for_each(|record| add_keys(view, entity, number, record));
                for record in records {
                    let keys = figure_keys(view, entity, record)?.into_iter();
                    keys.filter(|(field, _)| *field == number)
                        .for_each(|(_, key)| view.put(Keyspace::Index, key, Vec::new()));
                }
            }
            if field.unfinished_keys().unique {
                take_in_unique(view, number, &field_keys(entity, field, records))?;
            }
            Ok(())
        }
    }
}

/// What the first records of an entity, up to so many, gain by a changed definition: how many they are, and how many
/// bytes of keys. WITHOUT a permit, for estimates that tell nothing of a record.
///
/// # Errors
/// `storage.damaged`, `storage.io`, `engine.cancelled`.
pub fn sample_keys(
    snapshot: &dyn Snapshot,
    (old, new): (&Entity, &Entity),
    most: usize,
    patience: &Patience,
) -> Result<(u64, u64)> {
    let first = RecordId::from_bytes([0; 16]);
    let (records, _) = next_records(snapshot, new, (first, most), patience)?;
    let (mut read, mut bytes) = (0_u64, 0_usize);
    for record in &records {
        let before = derive(old, record);
        let gained = derive(new, record).into_iter().filter(|(key, _)| !before.contains_key(key));
        bytes = gained
            .fold(bytes, |sum, ((_, key), value)| sum.saturating_add(key.len()).saturating_add(value.len()));
        read = read.saturating_add(1);
    }
    Ok((read, u64::try_from(bytes).unwrap_or(u64::MAX)))
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
    Build { kind: BuildKind::Index, number }.forget(view);
    Ok(!page.more)
}

/// What one chunk of a build came to.
#[derive(Debug, Default)]
pub struct Built {
    /// Records that were taken in, once for each index.
    pub records: u64,
    /// Whether all are in.
    pub finished: bool,
    /// Unique rules and fields, when all are in, that records break which stand already, with what is wrong.
    pub broken: Vec<(FieldId, Error)>,
}

/// The keys that live records have by a unique rule.
fn keys_of(entity: &Entity, rule: &UniqueRule, records: &[Record]) -> Vec<(RecordId, Vec<u8>)> {
    let live = records.iter().filter(|record| !record.is_deleted());
    let keys = live.filter_map(|record| Some((record.id, rule_key(rule, &computed(entity, record))?)));
    keys.collect()
}

/// The keys that live records have because no two values of a field are equal.
fn field_keys(entity: &Entity, field: &Field, records: &[Record]) -> Vec<(RecordId, Vec<u8>)> {
    let live = records.iter().filter(|record| !record.is_deleted());
    let keys = live.filter_map(|record| {
        let computed = computed(entity, record);
        let value = computed.peek(field.id());
        (!value.is_null()).then(|| (record.id, unique_key(entity.id(), field.id(), &value)))
    });
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
