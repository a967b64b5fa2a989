//! Rollups: what records that refer to a record come to, kept in step with every write of theirs.
//!
//! A figure is kept for each rollup and record that has it. Those that are no sum, the smallest and the
//! largest, are kept as a row for each record that counts, in the order of their values. Where a rollup goes
//! over another one, a change goes up in the same transaction.
//!
//! FORMAT.md, chapters "Keys of `data`" and "A rollup", describes every byte.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::base::{
    Code, Date, Decimal, EntityId, FieldId, MAX_TREE_DEPTH, Money, RecordId, Result, Timestamp, Value,
    ValueKind,
};
use crate::records::codec::{decode_value, encode_value};
use crate::records::ordered::write_ordered;
use crate::records::row::load;
use crate::records::tally::{Tally, add, build_position};
use crate::records::view::WriteView;
use crate::records::{GroupSum, Moment, Record};
use crate::schema::expr::Facts;
use crate::schema::{Entity, Figure, Rollup, RollupFunction, Source};
use crate::storage::{Keyspace, RangeRequest, Snapshot, successor};

/// First byte of a figure.
pub(super) const FIGURE: u8 = 5;
/// First byte of a value among those of which the smallest or the largest is wanted.
pub(super) const LISTED: u8 = 6;
/// Digits of a mean behind the point.
const MEAN_DIGITS: u32 = 6;

/// What one record adds to a rollup.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// The record that it is added to.
    pub parent: RecordId,
    /// The record that it comes from.
    child: RecordId,
    /// What that has in the field that is looked at.
    pub value: Value,
}

/// A record with the formulas that a rollup reads of it. They follow from the record alone.
struct Image<'r> {
    record: &'r Record,
    worked_out: BTreeMap<FieldId, Value>,
}

impl<'r> Image<'r> {
    fn of(rollup: &Rollup, record: &'r Record) -> Self {
        let mut image = Self { record, worked_out: BTreeMap::new() };
        for (field, formula) in &rollup.formulas {
            let value = formula.evaluate(&image).unwrap_or_default();
            image.worked_out.insert(*field, value);
        }
        image
    }
}

impl Facts for Image<'_> {
    fn value(&self, field: FieldId) -> Result<Value> {
        Ok(self.worked_out.get(&field).cloned().unwrap_or_else(|| self.record.value(field)))
    }

    fn now(&self) -> Timestamp {
        Moment::ANY.now
    }

    fn today(&self) -> Date {
        Moment::ANY.today
    }
}

/// What a record adds to a rollup; nothing for one that is deleted, does not count, or has no value.
pub(super) fn part(snapshot: &dyn Snapshot, rollup: &Rollup, record: &Record) -> Result<Option<Part>> {
    let Some(parent) = counts_for(rollup, record)? else { return Ok(None) };
    let value = match rollup.source {
        Source::Record => Value::Null,
        Source::Field(field) => Image::of(rollup, record).value(field)?,
        Source::Figure(below) => figure(snapshot, below, record.id)?,
    };
    Ok(with_value(rollup, (parent, record.id), value))
}

/// What a record adds to a rollup that goes over another one, of which it has a value.
fn part_of_figure(rollup: &Rollup, record: &Record, value: Value) -> Result<Option<Part>> {
    let parent = counts_for(rollup, record)?;
    Ok(parent.and_then(|parent| with_value(rollup, (parent, record.id), value)))
}

fn with_value(rollup: &Rollup, (parent, child): (RecordId, RecordId), value: Value) -> Option<Part> {
    let counts = rollup.source == Source::Record || !value.is_null();
    counts.then_some(Part { parent, child, value })
}

/// The record for which another one counts.
fn counts_for(rollup: &Rollup, record: &Record) -> Result<Option<RecordId>> {
    let parent = record.peek(rollup.by).as_id().filter(|_| !record.is_deleted());
    let Some(filter) = rollup.filter.as_ref().filter(|_| parent.is_some()) else { return Ok(parent) };
    // A condition that cannot be worked out is not met: no record is refused because of it.
    let met = filter.holds(&Image::of(rollup, record)).unwrap_or(None);
    Ok(parent.filter(|_| met == Some(true)))
}

/// The key of a figure.
pub(super) fn figure_key(field: FieldId, id: RecordId) -> Vec<u8> {
    [&[FIGURE][..], &field.number().to_be_bytes(), id.as_bytes()].concat()
}

/// What the keys of the values that one record picks from begin with.
fn listed_prefix(field: FieldId, id: RecordId) -> Vec<u8> {
    [&[LISTED][..], &field.number().to_be_bytes(), id.as_bytes()].concat()
}

impl Part {
    /// The row of a value that is picked from, with what stands in it.
    pub fn listed(&self, rollup: &Rollup) -> (Vec<u8>, Vec<u8>) {
        let mut key = listed_prefix(rollup.id(), self.parent);
        write_ordered(&mut key, &self.value);
        key.extend_from_slice(self.child.as_bytes());
        (key, encode_value(&self.value))
    }

    fn is_kept_as(&self, rollup: &Rollup, other: &Self) -> bool {
        self == other && (!rollup.figure.function.picks() || self.listed(rollup) == other.listed(rollup))
    }
}

/// Brings the rollups that are kept of an entity's records from the old image of one to the new. The row of
/// the record itself still is the old one.
pub(super) fn move_rollups(
    view: &mut WriteView<'_>,
    entity: &Entity,
    old: Option<&Record>,
    new: &Record,
) -> Result<()> {
    for rollup in entity.rolled_up() {
        if has_taken(view, rollup, new.id)? {
            let before = old.map_or(Ok(None), |old| part(view, rollup, old))?;
            let after = part(view, rollup, new)?;
            change(view, rollup, before.as_ref(), after.as_ref())?;
        }
    }
    for rollup in entity.rollups() {
        if let Some(tree) = rollup.tree {
            move_branch(view, (rollup, tree), old, new)?;
        }
    }
    Ok(())
}

/// Whether a rollup has come to a record. A build takes records in the order of their ids.
fn has_taken(snapshot: &dyn Snapshot, rollup: &Rollup, id: RecordId) -> Result<bool> {
    Ok(rollup.complete || id <= build_position(snapshot, rollup.id())?)
}

/// Takes one part from a rollup and adds another.
pub(super) fn change(
    view: &mut WriteView<'_>,
    rollup: &Rollup,
    before: Option<&Part>,
    after: Option<&Part>,
) -> Result<()> {
    if before.zip(after).is_some_and(|(before, after)| before.is_kept_as(rollup, after)) {
        return Ok(());
    }
    let parents = before.into_iter().chain(after).map(|part| part.parent);
    for parent in parents.collect::<BTreeSet<RecordId>>() {
        let figure_before = figure_to_follow(view, rollup, parent)?;
        let of_parent = |part: &&Part| part.parent == parent;
        if let Some(part) = before.filter(of_parent) {
            shift(view, rollup, part, true)?;
        }
        if let Some(part) = after.filter(of_parent) {
            shift(view, rollup, part, false)?;
        }
        follow(view, rollup, parent, figure_before)?;
    }
    Ok(())
}

fn shift(view: &mut WriteView<'_>, rollup: &Rollup, part: &Part, taken: bool) -> Result<()> {
    if rollup.figure.function.picks() {
        let (key, value) = part.listed(rollup);
        if taken {
            view.remove(Keyspace::Aggregate, key);
        } else {
            view.put(Keyspace::Aggregate, key, value);
        }
        return Ok(());
    }
    let tally = Tally::of_one(&part.value);
    for id in Trees::default().upwards(view, rollup, part.parent)? {
        add(view, figure_key(rollup.id(), id), &tally, taken)?;
    }
    Ok(())
}

/// The figure of a record, if others go over it.
fn figure_to_follow(view: &WriteView<'_>, rollup: &Rollup, parent: RecordId) -> Result<Value> {
    if rollup.up.is_empty() { Ok(Value::Null) } else { figure(view, rollup.figure, parent) }
}

/// Brings the rollups that go over a figure from what it was to what it is.
fn follow(view: &mut WriteView<'_>, rollup: &Rollup, parent: RecordId, before: Value) -> Result<()> {
    let after = figure_to_follow(view, rollup, parent)?;
    if encode_value(&before) == encode_value(&after) {
        return Ok(());
    }
    let Some(record) = load(view, rollup.parent, parent)? else { return Ok(()) };
    for upper in &rollup.up {
        if has_taken(view, upper, parent)? {
            let before = part_of_figure(upper, &record, before.clone())?;
            let after = part_of_figure(upper, &record, after.clone())?;
            change(view, upper, before.as_ref(), after.as_ref())?;
        }
    }
    Ok(())
}

/// Moves the whole figure of a record of a tree from those above it to those that are above it now.
fn move_branch(
    view: &mut WriteView<'_>,
    (rollup, tree): (&Rollup, FieldId),
    old: Option<&Record>,
    new: &Record,
) -> Result<()> {
    let above = |record: &Record| record.peek(tree).as_id().filter(|_| !record.is_deleted());
    let (before, after) = (old.and_then(above), above(new));
    if before == after {
        return Ok(());
    }
    let Some(bytes) = view.get(Keyspace::Aggregate, &figure_key(rollup.id(), new.id))? else { return Ok(()) };
    let tally = Tally::decode(&bytes)?;
    for (above, taken) in [(before, true), (after, false)] {
        let Some(above) = above else { continue };
        for id in Trees::default().upwards(view, rollup, above)? {
            add(view, figure_key(rollup.id(), id), &tally, taken)?;
        }
    }
    Ok(())
}

/// The records above others, as far as they were looked at.
#[derive(Debug, Default)]
pub(super) struct Trees(RefCell<BTreeMap<(EntityId, RecordId), Option<RecordId>>>);

impl Trees {
    /// A record, and those above it if the rollup goes over a tree. What is deleted is below nothing.
    pub fn upwards(&self, snapshot: &dyn Snapshot, rollup: &Rollup, id: RecordId) -> Result<Vec<RecordId>> {
        let mut found = vec![id];
        let Some(tree) = rollup.tree else { return Ok(found) };
        let mut here = id;
        while let Some(above) = self.above(snapshot, (rollup.parent, here), tree)? {
            // No tree is deeper, and none goes in a circle.
            if found.len() > MAX_TREE_DEPTH.saturating_add(1) || found.contains(&above) {
                break;
            }
            found.push(above);
            here = above;
        }
        Ok(found)
    }

    fn above(
        &self,
        snapshot: &dyn Snapshot,
        place: (EntityId, RecordId),
        tree: FieldId,
    ) -> Result<Option<RecordId>> {
        if let Some(known) = self.0.borrow().get(&place) {
            return Ok(*known);
        }
        let record = load(snapshot, place.0, place.1)?.filter(|record| !record.is_deleted());
        let above = record.and_then(|record| record.peek(tree).as_id());
        self.0.borrow_mut().insert(place, above);
        Ok(above)
    }
}

/// What is kept of a rollup for a record, as a value.
pub(super) fn figure(snapshot: &dyn Snapshot, figure: Figure, id: RecordId) -> Result<Value> {
    Ok(figures(snapshot, figure, &[id])?.pop().unwrap_or_default())
}

/// What is kept of a rollup for several records, in the order asked.
pub(super) fn figures(snapshot: &dyn Snapshot, figure: Figure, ids: &[RecordId]) -> Result<Vec<Value>> {
    if figure.function.picks() {
        return ids.iter().map(|id| picked(snapshot, figure, *id)).collect();
    }
    let keys: Vec<Vec<u8>> = ids.iter().map(|id| figure_key(figure.field, *id)).collect();
    let asked: Vec<(Keyspace, &[u8])> =
        keys.iter().map(|key| (Keyspace::Aggregate, key.as_slice())).collect();
    let rows = snapshot.get_many(&asked)?.into_iter();
    rows.map(|row| {
        let tally = row.map_or(Ok(Tally::default()), |bytes| Tally::decode(&bytes))?;
        value_of(figure, &tally)
    })
    .collect()
}

/// The smallest or the largest value: that of the first or the last row. Amounts are in the order of their
/// currencies first, so those at both ends tell whether there are several.
fn picked(snapshot: &dyn Snapshot, figure: Figure, id: RecordId) -> Result<Value> {
    let largest = figure.function == RollupFunction::Max;
    let value = end_of(snapshot, figure.field, id, largest)?;
    match &value {
        Value::Money(_) => Ok(one_currency(value, &end_of(snapshot, figure.field, id, !largest)?)),
        _ => Ok(value),
    }
}

fn one_currency(value: Value, other: &Value) -> Value {
    match (&value, other) {
        (Value::Money(one), Value::Money(other)) if one.currency != other.currency => Value::Null,
        _ => value,
    }
}

fn end_of(snapshot: &dyn Snapshot, field: FieldId, id: RecordId, last: bool) -> Result<Value> {
    let prefix = listed_prefix(field, id);
    let range = RangeRequest {
        keyspace: Keyspace::Aggregate,
        high: successor(&prefix),
        low: prefix,
        reverse: last,
        max_rows: 1,
    };
    let row = snapshot.scan(&range)?.rows.into_iter().next();
    row.map_or(Ok(Value::Null), |(_, bytes)| decode_value(&bytes))
}

/// A figure as its function gives it. A number that its type does not hold is none.
fn value_of(figure: Figure, tally: &Tally) -> Result<Value> {
    match figure.function {
        RollupFunction::Count => return Ok(i64::try_from(tally.count).map_or(Value::Null, Value::Int)),
        RollupFunction::Exists => return Ok(Value::Bool(tally.count > 0)),
        _ => {}
    }
    let sum = match tally.single_sum() {
        Err(error) if error.code() == Code::OutOfRange => None,
        sum => sum?,
    };
    let Some(sum) = sum else { return Ok(Value::Null) };
    let number = if figure.function == RollupFunction::Avg { mean(&sum)? } else { sum.sum };
    Ok(match (sum.currency, figure.gives) {
        (Some(currency), _) => Value::Money(Money::new(number, currency)),
        (None, ValueKind::Int) => whole(number),
        (None, _) => Value::Decimal(number),
    })
}

fn mean(sum: &GroupSum) -> Result<Decimal> {
    let count = Decimal::from(i64::try_from(sum.count).unwrap_or(i64::MAX));
    Ok(sum.sum.checked_div(count)?.rounded(MEAN_DIGITS).normalized())
}

fn whole(number: Decimal) -> Value {
    i64::try_from(number.mantissa()).map_or(Value::Null, Value::Int)
}

/// A figure that is put together while it is read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    tally: Tally,
    smallest: Option<(Vec<u8>, Value)>,
    largest: Option<(Vec<u8>, Value)>,
}

impl Gathered {
    /// Adds a part.
    pub fn take(&mut self, rollup: &Rollup, part: Part) {
        self.tally.merge(&Tally::of_one(&part.value), false);
        if rollup.figure.function.picks() {
            let (key, _) = part.listed(rollup);
            if self.smallest.as_ref().is_none_or(|(smallest, _)| key < *smallest) {
                self.smallest = Some((key.clone(), part.value.clone()));
            }
            if self.largest.as_ref().is_none_or(|(largest, _)| key > *largest) {
                self.largest = Some((key, part.value));
            }
        }
    }

    /// What the parts come to.
    pub fn value(self, figure: Figure) -> Result<Value> {
        let ends = (self.smallest.map(|end| end.1), self.largest.map(|end| end.1));
        match (figure.function, ends) {
            (RollupFunction::Min, (Some(value), Some(other)))
            | (RollupFunction::Max, (Some(other), Some(value))) => Ok(one_currency(value, &other)),
            (RollupFunction::Min | RollupFunction::Max, _) => Ok(Value::Null),
            _ => value_of(figure, &self.tally),
        }
    }
}
