//! Rollups: what records that refer to a record come to, kept in step with every write of theirs.
//!
//! A figure is kept for each rollup and record that has it. Those that are no sum, the smallest and the
//! largest, are kept as a row for each record that counts, in the order of their values. Where a rollup goes
//! over another one, a change goes up in the same transaction.
//!
//! FORMAT.md, chapters "Keys of `data`" and "A rollup", describes every byte.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::access::ClassId;
use crate::base::{
    Code, Date, Decimal, EntityId, FieldId, MAX_TREE_DEPTH, Money, RecordId, Result, Timestamp, Value,
    ValueKind,
};
use crate::records::codec::{decode_value, encode_value};
use crate::records::derived::Index;
use crate::records::ordered::{ordered, write_ordered};
use crate::records::row::{load, load_envelope};
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
/// Last byte of the key of a value that comes from a branch of a tree.
const BRANCH: u8 = 1;
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

/// A row of a value that is picked from: under which record, the value, where it comes from.
pub(super) fn listed_row(rollup: &Rollup, id: RecordId, value: &Value, origin: Origin) -> (Vec<u8>, Vec<u8>) {
    let mut key = listed_prefix(rollup.id(), id);
    write_ordered(&mut key, value);
    match origin {
        Origin::Record(record) => key.extend_from_slice(record.as_bytes()),
        Origin::Branch(below) => {
            key.extend_from_slice(below.as_bytes());
            key.push(BRANCH);
        }
    }
    (key, encode_value(value))
}

/// Where a value comes from that is picked from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A record that the rollup goes over.
    Record(RecordId),
    /// One end, the smallest or the largest, of what the next record below in the tree picks from.
    Branch(RecordId),
}

impl Part {
    /// The row of a value that is picked from, with what stands in it.
    pub fn listed(&self, rollup: &Rollup) -> (Vec<u8>, Vec<u8>) {
        listed_row(rollup, self.parent, &self.value, Origin::Record(self.child))
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
    let path = Trees::default().upwards(view, rollup, part.parent)?;
    if rollup.figure.function.picks() {
        let row = part.listed(rollup);
        return if taken {
            shift_listed(view, rollup, &path, vec![row], Vec::new())
        } else {
            shift_listed(view, rollup, &path, Vec::new(), vec![row])
        };
    }
    let tally = Tally::of_one(&part.value);
    path.into_iter().try_for_each(|id| shift_figure(view, rollup, id, (&tally, taken)))
}

/// Adds to the figure of one record or takes from it, with what follows.
fn shift_figure(
    view: &mut WriteView<'_>,
    rollup: &Rollup,
    id: RecordId,
    (tally, taken): (&Tally, bool),
) -> Result<()> {
    keeping_up(view, rollup, id, |view| add(view, figure_key(rollup.id(), id), tally, taken))
}

/// Rows with their values.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// Takes rows from those that a record picks from and adds others. In a tree those above pick from the ends of what
/// it picks from, so that a change goes up no further than an end of it is another one.
fn shift_listed(
    view: &mut WriteView<'_>,
    rollup: &Rollup,
    path: &[RecordId],
    gone: Rows,
    come: Rows,
) -> Result<()> {
    let (mut gone, mut come) = (gone, come);
    for id in path {
        let before = branch(view, rollup, *id)?;
        let rows = (std::mem::take(&mut gone), std::mem::take(&mut come));
        keeping_up(view, rollup, *id, |view| {
            rows.0.into_iter().for_each(|(key, _)| view.remove(Keyspace::Aggregate, key));
            rows.1.into_iter().for_each(|(key, value)| view.put(Keyspace::Aggregate, key, value));
            Ok(())
        })?;
        let after = branch(view, rollup, *id)?;
        if before == after {
            break;
        }
        let Some(above) = path.iter().skip_while(|known| *known != id).nth(1) else { break };
        gone = branch_rows(rollup, (*above, *id), &before);
        come = branch_rows(rollup, (*above, *id), &after);
    }
    Ok(())
}

/// The smallest and the largest value that a record picks from, for those above it in a tree; none where there is no
/// tree.
fn branch(snapshot: &dyn Snapshot, rollup: &Rollup, id: RecordId) -> Result<Vec<Value>> {
    if rollup.tree.is_none() {
        return Ok(Vec::new());
    }
    let ends = [false, true].map(|last| end_of(snapshot, rollup.id(), id, last));
    let mut values = Vec::new();
    for end in ends {
        let end = plain(end?);
        if !end.is_null() && !values.contains(&end) {
            values.push(end);
        }
    }
    Ok(values)
}

/// A number without the zeros that its author wrote behind it, so that values that sort alike are one.
fn plain(value: Value) -> Value {
    match value {
        Value::Decimal(number) => Value::Decimal(number.normalized()),
        Value::Money(money) => Value::Money(Money::new(money.amount.normalized(), money.currency)),
        other => other,
    }
}

/// The rows under a record that come from the one below it.
fn branch_rows(rollup: &Rollup, (above, id): (RecordId, RecordId), ends: &[Value]) -> Rows {
    ends.iter().map(|value| listed_row(rollup, above, value, Origin::Branch(id))).collect()
}

/// Changes what is kept of a rollup for a record, and brings along the key of its index. In a tree the rollups that
/// go over it follow for each record above too.
fn keeping_up(
    view: &mut WriteView<'_>,
    rollup: &Rollup,
    id: RecordId,
    change: impl FnOnce(&mut WriteView<'_>) -> Result<()>,
) -> Result<()> {
    let follows = rollup.tree.is_some() && !rollup.up.is_empty();
    if !rollup.indexed && !follows {
        return change(view);
    }
    let before = figure(view, rollup.figure, id)?;
    change(view)?;
    let after = figure(view, rollup.figure, id)?;
    if encode_value(&before) == encode_value(&after) {
        return Ok(());
    }
    if rollup.indexed {
        let stored = load_envelope(view, rollup.parent, id)?;
        if let Some(envelope) = stored.filter(|envelope| envelope.deleted_at.is_none()) {
            let class = envelope.class;
            view.remove(Keyspace::Index, index_key(rollup, class, id, &before));
            view.put(Keyspace::Index, index_key(rollup, class, id, &after), Vec::new());
        }
    }
    if follows { go_up(view, rollup, id, (before, after)) } else { Ok(()) }
}

/// The key of a record by the index of a rollup.
fn index_key(rollup: &Rollup, class: ClassId, id: RecordId, value: &Value) -> Vec<u8> {
    let mut key = Index { entity: rollup.parent, field: rollup.id() }.prefix(class);
    write_ordered(&mut key, value);
    key.extend_from_slice(id.as_bytes());
    key
}

/// The keys that a record has by the indexes of its rollups, from what is kept of these.
pub(super) fn figure_keys(
    snapshot: &dyn Snapshot,
    entity: &Entity,
    record: &Record,
) -> Result<Vec<(FieldId, Vec<u8>)>> {
    let indexed = entity.rollups().iter().filter(|rollup| rollup.indexed && !record.is_deleted());
    let keys = indexed.map(|rollup| {
        let value = figure(snapshot, rollup.figure, record.id)?;
        Ok((rollup.id(), index_key(rollup, record.envelope.class, record.id, &value)))
    });
    keys.collect()
}

/// Brings the keys of a record itself by the indexes of its rollups from its old image to the new. What is kept of
/// these was moved before.
pub(super) fn move_figure_keys(
    view: &mut WriteView<'_>,
    entity: &Entity,
    old: Option<&Record>,
    new: &Record,
) -> Result<()> {
    let place = |record: &Record| (!record.is_deleted()).then_some(record.envelope.class);
    if old.and_then(place) == place(new) {
        return Ok(());
    }
    for (_, key) in old.map_or(Ok(Vec::new()), |old| figure_keys(view, entity, old))? {
        view.remove(Keyspace::Index, key);
    }
    for (_, key) in figure_keys(view, entity, new)? {
        view.put(Keyspace::Index, key, Vec::new());
    }
    Ok(())
}

/// The figure of a record, if others go over it; in a tree they follow record by record.
fn figure_to_follow(view: &WriteView<'_>, rollup: &Rollup, parent: RecordId) -> Result<Value> {
    if rollup.up.is_empty() || rollup.tree.is_some() {
        return Ok(Value::Null);
    }
    figure(view, rollup.figure, parent)
}

/// Brings the rollups that go over a figure from what it was to what it is.
fn follow(view: &mut WriteView<'_>, rollup: &Rollup, parent: RecordId, before: Value) -> Result<()> {
    let after = figure_to_follow(view, rollup, parent)?;
    if encode_value(&before) == encode_value(&after) {
        return Ok(());
    }
    go_up(view, rollup, parent, (before, after))
}

/// Moves what goes over a figure that was one thing and is another.
fn go_up(
    view: &mut WriteView<'_>,
    rollup: &Rollup,
    parent: RecordId,
    (before, after): (Value, Value),
) -> Result<()> {
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
    let picks = rollup.figure.function.picks();
    let ends = if picks { branch(view, rollup, new.id)? } else { Vec::new() };
    let tally = match view.get(Keyspace::Aggregate, &figure_key(rollup.id(), new.id))? {
        Some(bytes) => Tally::decode(&bytes)?,
        None if picks => Tally::default(),
        None => return Ok(()),
    };
    for (above, taken) in [(before, true), (after, false)] {
        let Some(above) = above else { continue };
        let path = Trees::default().upwards(view, rollup, above)?;
        if picks {
            let rows = branch_rows(rollup, (above, new.id), &ends);
            let (gone, come) = if taken { (rows, Rows::new()) } else { (Rows::new(), rows) };
            shift_listed(view, rollup, &path, gone, come)?;
            continue;
        }
        path.into_iter().try_for_each(|id| shift_figure(view, rollup, id, (&tally, taken)))?;
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

    /// The next record above another one in the tree of a rollup.
    pub fn next_above(
        &self,
        snapshot: &dyn Snapshot,
        rollup: &Rollup,
        id: RecordId,
    ) -> Result<Option<RecordId>> {
        rollup.tree.map_or(Ok(None), |tree| self.above(snapshot, (rollup.parent, id), tree))
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

/// The smallest and the largest of some values, for a record of a tree.
#[derive(Debug, Default)]
pub(super) struct Ends(Option<(Value, Value)>);

impl Ends {
    /// Takes a value in.
    pub fn take(&mut self, value: &Value) {
        let (key, value) = (ordered(value), plain(value.clone()));
        match &mut self.0 {
            None => self.0 = Some((value.clone(), value)),
            Some((smallest, largest)) => {
                if key < ordered(smallest) {
                    *smallest = value.clone();
                }
                if key > ordered(largest) {
                    *largest = value;
                }
            }
        }
    }

    /// The rows that they give the record above.
    pub fn rows(&self, rollup: &Rollup, place: (RecordId, RecordId)) -> Vec<(Vec<u8>, Vec<u8>)> {
        let Some((smallest, largest)) = &self.0 else { return Rows::new() };
        let mut ends = vec![smallest.clone()];
        if smallest != largest {
            ends.push(largest.clone());
        }
        branch_rows(rollup, place, &ends)
    }
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
