//! Counters by values: how many live records of an entity have each combination of values, and what some of
//! their fields come to. They are kept for each access class, so that a permit reads its own alone.
//!
//! FORMAT.md, chapters "Keys of `data`" and "A counter by values", describes every byte.

use std::collections::BTreeMap;

use crate::access::{AccessClass, ClassId};
use crate::base::{Currency, Decimal, EntityId, FieldId, RecordId, Result, Value};
use crate::records::codec::{Reader, damaged};
use crate::records::ordered::write_ordered;
use crate::records::view::WriteView;
use crate::records::wide::Wide;
use crate::records::{Envelope, Record};
use crate::schema::{DeclaredCounter, Entity};
use crate::storage::{Keyspace, RangeRequest, RowVisitor, Snapshot, continue_after};

/// First byte of a counter by values.
const GROUP: u8 = 3;
/// What the position of an unfinished build lies under.
const BUILD: &[u8] = b"build.";
/// Rows of one read, as many as the storage keeps in memory of a range that is read often.
const PAGE: usize = 256;
/// Length of what stands before the values in a key: `GROUP`, entity, number, class.
const PREFIX: usize = 13;

const NULL: u8 = 0x00;
const BOOL: u8 = 0x01;
const INT: u8 = 0x02;
const TEXT: u8 = 0x05;
const DATE: u8 = 0x06;
const ID: u8 = 0x08;

/// What the records of one combination of values come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub count: u64,
    /// For each summed field, by currency (zeros for plain numbers): how many had a value, and their sum.
    pub sums: Vec<Sums>,
}

/// By currency (zeros for plain numbers): how many had a value, and their sum.
type Sums = BTreeMap<[u8; 3], (u64, Wide)>;

/// Currency of numbers that are no amounts.
const PLAIN: [u8; 3] = [0; 3];

/// What one record adds to its combination: one, and its values of the summed fields.
fn of_record(counter: &DeclaredCounter, record: &Record) -> Tally {
    Tally { count: 1, sums: counter.sums().map(|field| sum_of(&record.peek(field))).collect() }
}

/// The sums of one value.
fn sum_of(value: &Value) -> Sums {
    let (currency, number) = match *value {
        Value::Int(number) => (PLAIN, Decimal::from(number)),
        Value::Decimal(number) => (PLAIN, number),
        Value::Money(money) => (letters(money.currency), money.amount),
        _ => return BTreeMap::new(),
    };
    BTreeMap::from([(currency, (1, Wide::of(number)))])
}

fn letters(currency: Currency) -> [u8; 3] {
    currency.code().as_bytes().try_into().unwrap_or(PLAIN)
}

impl Tally {
    /// One record, and its value where that is summed.
    pub fn of_one(value: &Value) -> Self {
        let sums = sum_of(value);
        Self { count: 1, sums: if sums.is_empty() { Vec::new() } else { vec![sums] } }
    }

    /// What the first summed field comes to: the currency of amounts, how many had a value, and the sum.
    /// Nothing where there are several currencies, or no value.
    pub fn single_sum(&self) -> Result<Option<GroupSum>> {
        let mut sums = self.sums.iter().take(1).flatten();
        match (sums.next(), sums.next()) {
            (Some(sum), None) => group_sum(sum).map(Some),
            _ => Ok(None),
        }
    }

    /// Adds another one, or takes it away.
    pub fn merge(&mut self, other: &Self, taken: bool) {
        let step = |mine: u64, theirs: u64| {
            if taken { mine.saturating_sub(theirs) } else { mine.saturating_add(theirs) }
        };
        self.count = step(self.count, other.count);
        self.sums.resize(self.sums.len().max(other.sums.len()), BTreeMap::new());
        for (mine, theirs) in self.sums.iter_mut().zip(&other.sums) {
            for (currency, (count, sum)) in theirs {
                let entry = mine.entry(*currency).or_default();
                entry.0 = step(entry.0, *count);
                entry.1 = entry.1.plus(if taken { sum.negated() } else { *sum });
            }
            mine.retain(|_, (count, _)| *count > 0);
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.count.to_be_bytes().to_vec();
        for sums in &self.sums {
            bytes.extend(u16::try_from(sums.len()).unwrap_or(u16::MAX).to_be_bytes());
            for (currency, (count, sum)) in sums {
                bytes.extend_from_slice(currency);
                bytes.extend(count.to_be_bytes());
                bytes.extend(sum.to_bytes());
            }
        }
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut tally = Self::default();
        tally.take(bytes, true)?;
        Ok(tally)
    }

    /// Adds what [`Tally::encode`] gave, with the sums if they are wanted.
    fn take(&mut self, bytes: &[u8], summed: bool) -> Result<()> {
        let mut reader = Reader::new(bytes);
        self.count = self.count.saturating_add(u64::from_be_bytes(reader.array()?));
        let mut place = 0_usize;
        while summed && !reader.is_empty() {
            if self.sums.len() <= place {
                self.sums.push(Sums::new());
            }
            let sums = self.sums.get_mut(place).ok_or_else(damaged)?;
            for _ in 0..u16::from_be_bytes(reader.array()?) {
                let (count, sum) = sums.entry(reader.array()?).or_default();
                *count = count.saturating_add(u64::from_be_bytes(reader.array()?));
                *sum = sum.plus(Wide::from_bytes(&reader.array()?));
            }
            place = place.saturating_add(1);
        }
        Ok(())
    }
}

/// Tallies by what the keys of a counter have behind the class.
pub(super) type ByValues = BTreeMap<Vec<u8>, Tally>;

/// What all keys of a counter begin with.
pub(super) fn counter_prefix(entity: EntityId, counter: FieldId) -> Vec<u8> {
    let numbers = [entity.number(), counter.number()].map(u32::to_be_bytes);
    [&[GROUP][..], &numbers.concat()].concat()
}

/// What the keys of a counter begin with for one class.
fn class_prefix(entity: EntityId, counter: FieldId, class: ClassId) -> Vec<u8> {
    let numbers = [entity.number(), counter.number(), class.number()].map(u32::to_be_bytes);
    [&[GROUP][..], &numbers.concat()].concat()
}

fn group_key(counter: &DeclaredCounter, record: &Record) -> Vec<u8> {
    let mut key = class_prefix(record.entity, counter.id(), record.envelope.class);
    for field in counter.group_by() {
        write_whole(&mut key, &record.peek(field));
    }
    key
}

/// As a sort key, but a code stands as it is, so that it can be read back.
pub(super) fn write_whole(key: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Text(code) => {
            key.push(TEXT);
            for byte in code.bytes() {
                key.push(byte);
                if byte == 0 {
                    key.push(0xFF);
                }
            }
            key.extend([0, 0]);
        }
        other => write_ordered(key, other),
    }
}

fn read_whole(reader: &mut Reader<'_>) -> Result<Value> {
    let turned = |bytes: [u8; 8]| (u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed();
    Ok(match reader.byte()? {
        NULL => Value::Null,
        BOOL => Value::Bool(reader.byte()? == 1),
        INT => Value::Int(turned(reader.array()?)),
        DATE => {
            let days = i32::try_from(turned(reader.array()?)).map_err(|_| damaged())?;
            Value::Date(crate::base::Date::from_days(days).map_err(|_| damaged())?)
        }
        ID => Value::Id(RecordId::from_bytes(reader.array()?)),
        TEXT => {
            let mut code = Vec::new();
            loop {
                let byte = reader.byte()?;
                if byte == 0 && reader.byte()? == 0 {
                    break;
                }
                code.push(byte);
            }
            Value::Text(String::from_utf8(code).map_err(|_| damaged())?)
        }
        _ => return Err(damaged()),
    })
}

/// Where the position of an unfinished build lies.
pub(super) fn build_key(number: FieldId) -> Vec<u8> {
    [BUILD, &number.number().to_be_bytes()].concat()
}

/// The last record that an unfinished build has taken; zeros before the first.
pub(super) fn build_position(snapshot: &dyn Snapshot, number: FieldId) -> Result<RecordId> {
    let position = snapshot.get(Keyspace::Meta, &build_key(number))?;
    position
        .map_or(Ok(RecordId::from_bytes([0; 16])), |bytes| RecordId::from_suffix(&bytes).ok_or_else(damaged))
}

/// The counters of an entity, each with the last record that it counts while it is being built.
pub(super) fn counters_so_far<'e>(
    snapshot: &dyn Snapshot,
    entity: &'e Entity,
) -> Result<Vec<(&'e DeclaredCounter, Option<RecordId>)>> {
    let counters = entity.counters().iter().map(|counter| {
        let upto = (!counter.complete).then(|| build_position(snapshot, counter.id())).transpose()?;
        Ok((counter, upto))
    });
    counters.collect()
}

/// Brings the counters of an entity from the old image of a record to the new.
pub(super) fn move_tallies(
    view: &mut WriteView<'_>,
    entity: &Entity,
    old: Option<&Record>,
    new: Option<&Record>,
) -> Result<()> {
    let live = |record: &&Record| !record.is_deleted();
    let (old, new) = (old.filter(live), new.filter(live));
    for counter in entity.counters() {
        // A build counts the records that it comes to, in the order of their ids.
        if !counter.complete {
            let position = build_position(view, counter.id())?;
            if old.or(new).is_none_or(|record| record.id > position) {
                continue;
            }
        }
        let part = |record: Option<&Record>| {
            record.map(|record| (group_key(counter, record), of_record(counter, record)))
        };
        let (before, after) = (part(old), part(new));
        if before == after {
            continue;
        }
        if let Some((key, tally)) = before {
            add(view, key, &tally, true)?;
        }
        if let Some((key, tally)) = after {
            add(view, key, &tally, false)?;
        }
    }
    Ok(())
}

/// Adds to what is kept under a key, or takes away. What counts no record is kept no longer.
pub(super) fn add(view: &mut WriteView<'_>, key: Vec<u8>, tally: &Tally, taken: bool) -> Result<()> {
    let stored = view.get(Keyspace::Aggregate, &key)?;
    let mut sum = stored.map_or(Ok(Tally::default()), |bytes| Tally::decode(&bytes))?;
    sum.merge(tally, taken);
    if sum.count == 0 {
        view.remove(Keyspace::Aggregate, key);
    } else {
        view.put(Keyspace::Aggregate, key, sum.encode());
    }
    Ok(())
}

/// Counters that are put together from the records themselves.
#[derive(Debug, Default)]
pub(super) struct Tallies(BTreeMap<Vec<u8>, Tally>);

impl Tallies {
    /// Counts a record in a counter.
    pub fn count(&mut self, counter: &DeclaredCounter, record: &Record) {
        if !record.is_deleted() {
            let tally = self.0.entry(group_key(counter, record)).or_default();
            tally.merge(&of_record(counter, record), false);
        }
    }

    /// Counts a record in those counters that have come to it.
    pub fn count_so_far(&mut self, counters: &[(&DeclaredCounter, Option<RecordId>)], record: &Record) {
        for (counter, upto) in counters {
            if upto.is_none_or(|upto| record.id <= upto) {
                self.count(counter, record);
            }
        }
    }

    /// The rows of the store that say the same.
    pub fn into_rows(self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        self.0.into_iter().map(|(key, tally)| (key, tally.encode()))
    }

    /// Adds what was counted to the counters of a store.
    pub fn add_to(self, view: &mut WriteView<'_>) -> Result<()> {
        self.0.into_iter().try_for_each(|(key, tally)| add(view, key, &tally, false))
    }

    /// Whether a store says the same of all counters, no more and no less, but for those that were taken back, whose
    /// keys begin so.
    pub fn are_those_of(&self, snapshot: &dyn Snapshot, dropped: &[Vec<u8>]) -> Result<bool> {
        let mut expected = self.0.iter();
        let mut same = true;
        for_each_row(snapshot, &[GROUP], &mut |key, value| {
            if dropped.iter().any(|prefix| key.starts_with(prefix)) {
                return Ok(());
            }
            same &= expected.next().is_some_and(|(known, tally)| known == key && tally.encode() == value);
            Ok(())
        })?;
        Ok(same && expected.next().is_none())
    }
}

/// What a counter says of one class and combination of values.
#[derive(Debug)]
pub struct Group {
    /// A record that has these values, owner and unit, and stands for all of them.
    pub record: Record,
    /// How many there are.
    pub count: u64,
    /// For each summed field: how many had a value and what they come to, by currency.
    pub sums: BTreeMap<FieldId, Vec<GroupSum>>,
}

/// The sum of one field over the records of a group, in one currency.
#[derive(Debug, Clone, Copy)]
pub struct GroupSum {
    /// The currency, of amounts.
    pub currency: Option<Currency>,
    /// How many records had a value.
    pub count: u64,
    /// The sum.
    pub sum: Decimal,
}

/// Which combinations of values are wanted of a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Combinations {
    /// Exactly these, by what their keys have behind the class.
    These(Vec<Vec<u8>>),
    /// Those that begin so.
    Under(Vec<Vec<u8>>),
}

/// What a counter says of several classes, put together by their values.
pub(super) fn read_groups(
    snapshot: &dyn Snapshot,
    (entity, counter): (EntityId, &DeclaredCounter),
    classes: &[(ClassId, AccessClass)],
    combinations: &Combinations,
    summed: bool,
) -> Result<ByValues> {
    let mut found = ByValues::new();
    let starts = |values: &[Vec<u8>]| -> Vec<Vec<u8>> {
        let prefixes = classes.iter().map(|(class, _)| class_prefix(entity, counter.id(), *class));
        prefixes.flat_map(|prefix| values.iter().map(move |values| [&*prefix, values].concat())).collect()
    };
    let mut take = |key: &[u8], value: &[u8]| {
        let (_, values) = key.split_at_checked(PREFIX).ok_or_else(damaged)?;
        match found.get_mut(values) {
            Some(tally) => tally.take(value, summed),
            None => {
                let mut tally = Tally::default();
                tally.take(value, summed)?;
                found.insert(values.to_vec(), tally);
                Ok(())
            }
        }
    };
    match combinations {
        Combinations::These(values) => {
            for some in starts(values).chunks(PAGE) {
                let asked: Vec<(Keyspace, &[u8])> =
                    some.iter().map(|key| (Keyspace::Aggregate, &**key)).collect();
                for (key, value) in some.iter().zip(snapshot.get_many_kept(&asked)?) {
                    value.map_or(Ok(()), |value| take(key, &value))?;
                }
            }
        }
        Combinations::Under(values) => {
            for start in starts(values) {
                for_each_row(snapshot, &start, &mut take)?;
            }
        }
    }
    Ok(found)
}

/// A tally as a group: a record that has its values stands for all of its records.
pub(super) fn group_of(
    counter: &DeclaredCounter,
    mut record: Record,
    (values, tally): (&[u8], &Tally),
    wanted: &[FieldId],
) -> Result<Group> {
    let mut reader = Reader::new(values);
    for field in counter.group_by() {
        record.set(field, read_whole(&mut reader)?);
    }
    let mut sums = BTreeMap::new();
    for (field, by_currency) in counter.sums().zip(&tally.sums).filter(|(field, _)| wanted.contains(field)) {
        sums.insert(field, by_currency.iter().map(group_sum).collect::<Result<_>>()?);
    }
    Ok(Group { record, count: tally.count, sums })
}

/// One record as a group of its own.
pub(super) fn group_of_one(record: Record, wanted: &[FieldId]) -> Result<Group> {
    let sum = |field: &FieldId| {
        let sums = sum_of(&record.peek(*field));
        Ok((*field, sums.iter().map(group_sum).collect::<Result<_>>()?))
    };
    let sums = wanted.iter().map(sum).collect::<Result<_>>()?;
    Ok(Group { count: 1, sums, record })
}

fn group_sum((currency, (count, sum)): (&[u8; 3], &(u64, Wide))) -> Result<GroupSum> {
    let currency = match currency {
        &PLAIN => None,
        code => {
            let code = std::str::from_utf8(code).map_err(|_| damaged())?;
            Some(Currency::from_code(code).map_err(|_| damaged())?)
        }
    };
    Ok(GroupSum { currency, count: *count, sum: sum.to_decimal()? })
}

/// A record of nobody's that has an owner and a unit.
pub(super) fn stand_in(entity: EntityId, facts: &AccessClass) -> Record {
    let nobody = RecordId::from_bytes([0; 16]);
    let envelope = Envelope::new(facts.owner, facts.unit, nobody, crate::base::Stamp::default());
    Record::new(nobody, entity, envelope)
}

/// Hands every aggregate whose key begins so to a function.
pub(super) fn for_each_row(snapshot: &dyn Snapshot, prefix: &[u8], visit: RowVisitor<'_>) -> Result<()> {
    let mut range = RangeRequest::prefix(Keyspace::Aggregate, prefix, PAGE);
    loop {
        let page = snapshot.scan_kept(&range)?;
        for (key, value) in &page.rows {
            visit(key, value)?;
        }
        match page.rows.last() {
            Some((last, _)) if page.more => continue_after(&mut range, last.clone()),
            _ => return Ok(()),
        }
    }
}
