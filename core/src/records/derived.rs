//! Everything that follows from a record: index keys, unique keys, links and the counter.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::access::ClassId;
use crate::base::{EntityId, FieldId, RecordId, Result, Value};
use crate::records::cells::write_cell;
use crate::records::codec::{Reader, damaged};
use crate::records::due::due_key;
use crate::records::ordered::{write_collated, write_ordered};
use crate::records::row::{external_key, unique_key};
use crate::records::unique::{field_of, rule_key, rule_of};
use crate::records::validity::{fact_key, validity_keys};
use crate::records::view::WriteView;
use crate::records::{Moment, Record, SystemField};
use crate::schema::{Component, DeclaredIndex, Entity};
use crate::storage::{GROUP_BYTES, Keyspace, RangeRequest, Snapshot, continue_after};

/// First byte of a class-led index key.
const INDEX: u8 = 1;
/// First byte of a link from a referenced record to the one that refers.
const LINK: u8 = 2;
/// Links of one read.
const LINKS: usize = 200;
/// First byte of a counter of live records by entity and class.
const LIVE: u8 = 1;
/// First byte of the last record number of an entity.
const NUMBER: u8 = 2;

/// What the keys of the last record numbers begin with.
pub(super) const NUMBER_COUNTERS: &[u8] = &[NUMBER];

/// The number under which an entity's records are listed in the order of their ids.
const BY_ID: FieldId = FieldId::new(0);

/// Keys that follow from one record, with the values that stand under them.
pub(super) type Derived = BTreeMap<(Keyspace, Vec<u8>), Vec<u8>>;

/// An index: all records of an entity in the order of a field, of several, or of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Index {
    pub entity: EntityId,
    /// The number of the field, or of the declared index.
    pub field: FieldId,
}

impl Index {
    pub fn by_id(entity: EntityId) -> Self {
        Self { entity, field: BY_ID }
    }

    /// The index on a field, if the registry keeps one, complete or not. References always have one, as does the
    /// owner.
    pub fn on(entity: &Entity, field: FieldId) -> Option<Self> {
        let kept = field == SystemField::Owner.id()
            || entity.field_by_id(field).is_some_and(crate::schema::Field::is_indexed);
        kept.then(|| Self { entity: entity.id(), field })
    }

    /// A declared index, complete or not.
    pub fn declared(entity: EntityId, declared: &DeclaredIndex) -> Self {
        Self { entity, field: declared.id() }
    }

    /// What all keys begin with.
    pub fn all(self) -> Vec<u8> {
        [&[INDEX][..], &self.entity.number().to_be_bytes(), &self.field.number().to_be_bytes()].concat()
    }

    /// What all keys of a class begin with.
    pub fn prefix(self, class: ClassId) -> Vec<u8> {
        let mut prefix = self.prefix_of_all();
        prefix.extend_from_slice(&class.number().to_be_bytes());
        prefix
    }

    /// What all keys begin with, whatever the class.
    pub fn prefix_of_all(self) -> Vec<u8> {
        let mut prefix = Vec::with_capacity(USUAL_KEY);
        prefix.push(INDEX);
        for number in [self.entity.number(), self.field.number()] {
            prefix.extend_from_slice(&number.to_be_bytes());
        }
        prefix
    }
}

/// Room for a key of usual length: prefix, a short value, id.
const USUAL_KEY: usize = 72;

/// Length of [`Index::prefix`].
pub(super) const INDEX_PREFIX: usize = 13;

// What the storage keeps in memory of the index of one class is made stale by changes of that class alone.
const _: () = assert!(INDEX_PREFIX == GROUP_BYTES);

/// What all links to a record begin with.
fn link_prefix(target: RecordId) -> Vec<u8> {
    [&[LINK][..], target.as_bytes()].concat()
}

/// What all links to a record begin with that come from one field of an entity.
pub(super) fn link_of(target: RecordId, entity: EntityId, field: FieldId) -> Vec<u8> {
    let numbers = [entity.number(), field.number()].map(u32::to_be_bytes).concat();
    [link_prefix(target), numbers].concat()
}

/// A reference of one record to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The entity of the record that refers.
    pub entity: EntityId,
    /// The field by which it refers.
    pub field: FieldId,
    /// The record that refers.
    pub source: RecordId,
}

/// Hands every reference of live records to a record to a function.
///
/// # Errors
/// `storage.damaged`, `storage.io`, and what the function gives.
pub fn for_each_link(
    snapshot: &dyn Snapshot,
    target: RecordId,
    visit: &mut dyn FnMut(Link) -> Result<()>,
) -> Result<()> {
    let prefix = link_prefix(target);
    let mut range = RangeRequest::prefix(Keyspace::Index, &prefix, LINKS);
    loop {
        let page = snapshot.scan(&range)?;
        for (key, _) in &page.rows {
            visit(link_at(key.get(prefix.len()..).unwrap_or_default())?)?;
        }
        match page.rows.into_iter().last() {
            Some((last, _)) if page.more => continue_after(&mut range, last),
            _ => return Ok(()),
        }
    }
}

/// References of live records to a record behind one of them, in the order of entity, field and record, at most so
/// many, and where to go on.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn links_after(
    snapshot: &dyn Snapshot,
    target: RecordId,
    after: Option<Link>,
    most: usize,
) -> Result<(Vec<Link>, Option<Link>)> {
    let prefix = link_prefix(target);
    let mut range = RangeRequest::prefix(Keyspace::Index, &prefix, most.max(1));
    if let Some(after) = after {
        continue_after(&mut range, link_key(target, after));
    }
    let page = snapshot.scan(&range)?;
    let links = page.rows.iter().map(|(key, _)| link_at(key.get(prefix.len()..).unwrap_or_default()));
    let links = links.collect::<Result<Vec<_>>>()?;
    let next = links.last().copied().filter(|_| page.more);
    Ok((links, next))
}

/// Whether a record refers to another one by a field.
///
/// # Errors
/// `storage.io`.
pub fn refers(snapshot: &dyn Snapshot, target: RecordId, link: Link) -> Result<bool> {
    Ok(snapshot.get(Keyspace::Index, &link_key(target, link))?.is_some())
}

fn link_key(target: RecordId, link: Link) -> Vec<u8> {
    [link_of(target, link.entity, link.field).as_slice(), link.source.as_bytes()].concat()
}

/// The reference of which a key tells, behind the record referred to.
fn link_at(key: &[u8]) -> Result<Link> {
    let mut reader = Reader::new(key);
    let entity = EntityId::new(u32::from_be_bytes(reader.array()?));
    let field = FieldId::new(u32::from_be_bytes(reader.array()?));
    Ok(Link { entity, field, source: RecordId::from_bytes(reader.array()?) })
}

/// Live records of one entity that refer to a record by one field, at most so many.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn links_by(
    snapshot: &dyn Snapshot,
    target: RecordId,
    (entity, field): (EntityId, FieldId),
    most: usize,
) -> Result<Vec<RecordId>> {
    let prefix =
        [&link_prefix(target)[..], &entity.number().to_be_bytes(), &field.number().to_be_bytes()].concat();
    let page = snapshot.scan(&RangeRequest::prefix(Keyspace::Index, &prefix, most))?;
    page.rows.iter().map(|(key, _)| RecordId::from_suffix(key).ok_or_else(damaged)).collect()
}

/// What the keys of all indexes of an entity begin with.
pub(super) fn index_front(entity: EntityId) -> [u8; 5] {
    let [a, b, c, d] = entity.number().to_be_bytes();
    [INDEX, a, b, c, d]
}

pub(super) fn live_counter(entity: EntityId, class: ClassId) -> Vec<u8> {
    [&live_prefix(entity)[..], &class.number().to_be_bytes()].concat()
}

/// What the counters of an entity's live records begin with.
pub(super) fn live_prefix(entity: EntityId) -> Vec<u8> {
    [&[LIVE][..], &entity.number().to_be_bytes()].concat()
}

pub(super) fn number_counter(entity: EntityId) -> Vec<u8> {
    [&[NUMBER][..], &entity.number().to_be_bytes()].concat()
}

/// Every key that follows from a record but its counter; for a deleted one that of a fact alone.
pub(super) fn derive(entity: &Entity, record: &Record) -> Derived {
    let mut derived = Derived::new();
    if let Some(key) = fact_key(entity, record) {
        derived.insert((Keyspace::Index, key), Vec::new());
    }
    if record.is_deleted() {
        return derived;
    }
    let record = &*computed(entity, record);
    let id = record.id.as_bytes();
    let class = record.envelope.class;
    let mut index = |index: Index, value: Option<&Value>, cells: bool| {
        let mut key = index.prefix(class);
        value.into_iter().for_each(|value| match cells {
            true => write_cell(&mut key, value),
            false => write_ordered(&mut key, value),
        });
        key.extend_from_slice(id);
        derived.insert((Keyspace::Index, key), Vec::new());
    };
    index(Index::by_id(record.entity), None, false);
    let system = [(SystemField::Owner.id(), false)];
    // The keys of rollups follow from what is kept of other records.
    let own = entity.fields().iter().filter(|field| !field.definition.kind.follows_others());
    let own = own.map(|field| (field.id(), field.definition.kind.has_cells()));
    for (field, cells) in own.chain(system) {
        if let Some(kept) = Index::on(entity, field) {
            // Several values have a key each, so that the record is found by any of them.
            record.peek(field).items().for_each(|value| index(kept, Some(value), cells));
        }
    }
    for declared in entity.indexes() {
        for mut key in declared_keys(entity, declared, record) {
            key.extend_from_slice(id);
            derived.insert((Keyspace::Index, key), Vec::new());
        }
    }
    for field in entity.fields() {
        let value = record.peek(field.id());
        if entity.keeps_unique(field) && !value.is_null() {
            let key = unique_key(record.entity, field.id(), &value);
            derived.insert((Keyspace::Unique, key), id.to_vec());
        }
        for (_, target) in field.definition.kind.references(&value) {
            let source = [&record.entity.number().to_be_bytes()[..], &field.id().number().to_be_bytes(), id];
            derived.insert((Keyspace::Index, [link_prefix(target), source.concat()].concat()), Vec::new());
        }
    }
    for (key, value) in validity_keys(entity, record) {
        derived.insert((Keyspace::Index, key), value);
    }
    for key in entity.unique_rules().iter().filter_map(|rule| rule_key(rule, record)) {
        derived.insert((Keyspace::Unique, key), id.to_vec());
    }
    for external in &record.envelope.external_ids {
        derived.insert((Keyspace::Unique, external_key(record.entity, external)), id.to_vec());
    }
    derived
}

/// A record with the values of its formulas where keys follow from one, none of which depends on the moment.
pub(super) fn computed<'r>(entity: &Entity, record: &'r Record) -> Cow<'r, Record> {
    if !entity.keeps_formulas() {
        return Cow::Borrowed(record);
    }
    let mut record = record.clone();
    record.compute(entity, Moment::ANY);
    Cow::Owned(record)
}

/// The keys of a record by a declared index, without its id: one for each of several values.
fn declared_keys(entity: &Entity, declared: &DeclaredIndex, record: &Record) -> Vec<Vec<u8>> {
    if declared.definition.due {
        return due_key(declared, record).into_iter().collect();
    }
    let mut keys = vec![Index::declared(record.entity, declared).prefix(record.envelope.class)];
    for component in declared.components() {
        let value = record.peek(component.field());
        let field = entity.field_by_id(component.field());
        if field.is_some_and(|field| field.definition.kind.has_several()) {
            let each = |key: Vec<u8>| -> Vec<Vec<u8>> {
                let items = value.items().map(|item| {
                    let mut key = key.clone();
                    write_component(&mut key, item, *component);
                    key
                });
                items.collect()
            };
            keys = keys.into_iter().flat_map(each).collect();
        } else {
            keys.iter_mut().for_each(|key| write_component(key, &value, *component));
        }
    }
    keys
}

/// Adds a component of a declared index to a key; a turned one sorts the other way round. No sort key is a
/// prefix of another, so neither is a turned one.
fn write_component(key: &mut Vec<u8>, value: &Value, component: Component) {
    let start = key.len();
    if component.cells {
        write_cell(key, value);
    } else {
        write_collated(key, value, component.collation);
    }
    if component.turned {
        key.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
    }
}

/// Whether a key is of an index, a unique rule or a unique field that is still being built.
pub(super) fn is_unfinished(entity: &Entity, keyspace: Keyspace, key: &[u8]) -> bool {
    if keyspace == Keyspace::Unique {
        return match rule_of(entity, key) {
            Some(rule) => !rule.complete,
            None => {
                let field = field_of(entity, key);
                field.is_some_and(|field| field.unfinished_keys().unique)
            }
        };
    }
    let number = key.get(5..9).and_then(|number| number.try_into().ok()).map(u32::from_be_bytes);
    let Some(number) = number.filter(|_| keyspace == Keyspace::Index && key.first() == Some(&INDEX)) else {
        return false;
    };
    let number = FieldId::new(number);
    match entity.field_by_id(number) {
        Some(field) => field.unfinished_keys().index,
        None => entity.indexes().iter().any(|index| index.id() == number && !index.complete),
    }
}

/// Reads a counter.
pub(super) fn read_counter(snapshot: &dyn Snapshot, key: &[u8]) -> Result<u64> {
    counter_of(snapshot.get(Keyspace::Aggregate, key)?.as_deref())
}

/// Reads several counters, in the order asked.
pub(super) fn read_counters(snapshot: &dyn Snapshot, keys: &[Vec<u8>]) -> Result<Vec<u64>> {
    let asked: Vec<(Keyspace, &[u8])> = keys.iter().map(|key| (Keyspace::Aggregate, &**key)).collect();
    snapshot.get_many_kept(&asked)?.iter().map(|stored| counter_of(stored.as_deref())).collect()
}

fn counter_of(stored: Option<&[u8]>) -> Result<u64> {
    let number = stored.map(|bytes| bytes.try_into().map_err(|_| damaged()));
    number.map_or(Ok(0), |bytes| bytes.map(u64::from_be_bytes))
}

/// Moves a counter.
pub(super) fn add_to_counter(view: &mut WriteView<'_>, key: Vec<u8>, change: i64) -> Result<u64> {
    let value = read_counter(view, &key)?.saturating_add_signed(change);
    view.put(Keyspace::Aggregate, key, value.to_be_bytes().to_vec());
    Ok(value)
}
