//! Conditions as places in a row of sort keys: points that equal values have, and ranges between two bounds.

use crate::base::{Date, FieldId, Value};
use crate::records::Comparison;
use crate::records::ordered::ordered;
use crate::records::query::matcher::Test;
use crate::storage::successor;

/// A text whose sort key has at least so many bytes may be cut, and then says less than the text.
const CUT: usize = 128;
/// The sort key of a field without value.
pub(super) const NULL: u8 = 0x00;
/// Behind the first byte of every sort key; complemented, before all of those that are.
const LAST: u8 = 0xFE;

/// A place between keys: before all keys that begin with these bytes, or behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bound {
    prefix: Vec<u8>,
    behind: bool,
}

impl Bound {
    fn before(prefix: &[u8]) -> Self {
        Self { prefix: prefix.to_vec(), behind: false }
    }

    fn behind(prefix: &[u8]) -> Self {
        Self { prefix: prefix.to_vec(), behind: true }
    }

    /// The least key that is not before the bound, where the component stands behind other bytes.
    pub fn key(&self, lead: &[u8]) -> Vec<u8> {
        let whole = [lead, &self.prefix].concat();
        if self.behind { successor(&whole) } else { whole }
    }

    /// The same place among complemented keys.
    fn turned(&self) -> Self {
        Self { prefix: self.prefix.iter().map(|byte| !byte).collect(), behind: !self.behind }
    }
}

/// What lies between two bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub low: Bound,
    pub high: Bound,
}

impl Range {
    /// The same range among complemented keys.
    pub fn turned(&self) -> Self {
        Self { low: self.high.turned(), high: self.low.turned() }
    }

    fn meet(self, other: Self) -> Self {
        let later = |left: Bound, right: Bound| if left.key(&[]) < right.key(&[]) { right } else { left };
        let sooner = |left: Bound, right: Bound| if left.key(&[]) < right.key(&[]) { left } else { right };
        Self { low: later(self.low, other.low), high: sooner(self.high, other.high) }
    }
}

/// What a condition that every record must meet says of one field.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The sort keys that the field may have, if they are counted.
    pub points: Option<Vec<Vec<u8>>>,
    /// The ranges in one of which its sort key lies otherwise.
    pub ranges: Vec<Range>,
    /// Whether a field without value is wanted, too, which sorts before all ranges of values.
    pub or_none: bool,
    /// Which of the conditions say this, by their places.
    pub said_by: Vec<usize>,
    /// Whether a record whose sort key is so meets all of them.
    pub exact: bool,
}

/// The conditions that every record must meet, one by one.
pub(super) fn conjuncts<'t, 'a>(test: &'t Test<'a>, found: &mut Vec<&'t Test<'a>>) {
    match test {
        Test::Everything => {}
        Test::All(parts) => parts.iter().for_each(|part| conjuncts(part, found)),
        other => found.push(other),
    }
}

/// What the keys of an index are, by the field.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Keys {
    /// A record has one for each of several values.
    pub several: bool,
    /// They are cells of places.
    pub cells: bool,
}

/// What the conditions say of a field, put together: the fewest points, or the narrowest range. Of several
/// values each condition may mean another one, so there only points are taken, and those of one condition.
pub(super) fn wanted(conjuncts: &[&Test<'_>], field: FieldId, keys: Keys) -> Option<Wanted> {
    let said = conjuncts.iter().enumerate().filter_map(|(place, test)| said(test, field, (place, keys)));
    said.filter(|said| !keys.several || said.points.is_some()).reduce(|left, right| {
        match (&left.points, &right.points) {
            (Some(few), Some(others)) if few.len() <= others.len() => left,
            (Some(_), None) => left,
            (_, Some(_)) => right,
            (None, None) => {
                let ranges = match (left.ranges.as_slice(), right.ranges.as_slice()) {
                    ([one], [other]) => vec![one.clone().meet(other.clone())],
                    // Two circles: the smaller one leaves the fewer cells.
                    (ranges, others) if ranges.len() > others.len() => return left,
                    _ => return right,
                };
                let said_by = [left.said_by, right.said_by].concat();
                let (or_none, exact) = (left.or_none && right.or_none, left.exact && right.exact);
                Wanted { points: None, ranges, or_none, said_by, exact }
            }
        }
    })
}

fn said(test: &Test<'_>, field: FieldId, (place, keys): (usize, Keys)) -> Option<Wanted> {
    let points = |points: Vec<Vec<u8>>| {
        let exact = points.iter().all(|point| point.len() < CUT);
        Wanted { points: Some(points), ranges: Vec::new(), or_none: false, said_by: vec![place], exact }
    };
    let between = |ranges: Vec<Range>, exact: bool| {
        Some(Wanted { points: None, ranges, or_none: false, said_by: vec![place], exact })
    };
    match test {
        Test::IsNull(of) if *of == field => Some(points(vec![vec![NULL]])),
        Test::Not(inner) if matches!(**inner, Test::IsNull(of) if of == field) => {
            let values = Range { low: Bound::behind(&[NULL]), high: Bound::before(&[LAST]) };
            between(vec![values], true)
        }
        Test::Near(of, circle) if *of == field && keys.cells => {
            let cells = circle.cells().into_iter();
            let ranges =
                cells.map(|(low, high)| Range { low: Bound::before(&low), high: Bound::behind(&high) });
            between(ranges.collect(), false)
        }
        // Places are found by where they lie alone.
        _ if keys.cells => None,
        Test::Among(among) if among.field == field => Some(points(among.points.iter().cloned().collect())),
        Test::Compare(of, Comparison::Equal, value) if *of == field && !value.is_null() => {
            Some(points(vec![ordered(value)]))
        }
        Test::Compare(of, comparison, value) if *of == field => {
            let (range, exact) = range(*comparison, value)?;
            between(vec![range], exact)
        }
        Test::HeldOn(from, to, day) if [*from, *to].contains(&field) => {
            Some(held_on(field == *from, *day, place))
        }
        _ => None,
    }
}

/// What a day says of the first day, which is that one, an earlier one or none, and of the day behind the last
/// one, which is a later one or none. Each alone leaves records that the other refuses.
fn held_on(first: bool, day: Date, place: usize) -> Wanted {
    let key = ordered(&Value::Date(day));
    let kind: Vec<u8> = key.first().copied().into_iter().collect();
    let range = match first {
        true => Range { low: Bound::before(&[NULL]), high: Bound::behind(&key) },
        false => Range { low: Bound::behind(&key), high: Bound::behind(&kind) },
    };
    Wanted { points: None, ranges: vec![range], or_none: !first, said_by: vec![place], exact: false }
}

/// The range of the sort keys of values that compare so. One that holds a cut text holds more than that.
fn range(comparison: Comparison, value: &Value) -> Option<(Range, bool)> {
    let key = ordered(value);
    let cut = key.len() >= CUT;
    // Only values of one kind compare, and only amounts of one currency.
    let kind = match value {
        Value::Null | Value::List(_) | Value::Map(_) => return None,
        Value::Money(_) => key.first_chunk::<4>()?.to_vec(),
        _ => key.first_chunk::<1>()?.to_vec(),
    };
    let (low, high) = match comparison {
        Comparison::Less if cut => (Bound::before(&kind), Bound::behind(&key)),
        Comparison::Less => (Bound::before(&kind), Bound::before(&key)),
        Comparison::LessOrEqual => (Bound::before(&kind), Bound::behind(&key)),
        Comparison::Greater if cut => (Bound::before(&key), Bound::behind(&kind)),
        Comparison::Greater => (Bound::behind(&key), Bound::behind(&kind)),
        Comparison::GreaterOrEqual => (Bound::before(&key), Bound::behind(&kind)),
        Comparison::StartsWith => {
            value.as_text()?;
            // Without the two bytes that end the text.
            let start = key.get(..key.len().saturating_sub(2))?;
            (Bound::before(start), Bound::behind(start))
        }
        _ => return None,
    };
    Some((Range { low, high }, !cut))
}
