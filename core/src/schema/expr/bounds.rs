//! What a condition says of single fields: the part of an expression that an index can answer.
//!
//! A record that meets the expression meets every bound; the reverse need not be so, and the expression itself
//! is held against what the bounds leave. Texts are bounded only where equality in a language without folding
//! follows equality with it, as queries compare texts: an order of texts says nothing here.

use crate::base::{FieldId, Value, ValueKind};
use crate::schema::expr::evaluate::evaluate;
use crate::schema::expr::node::{Body, Comparison, Node};
use crate::schema::expr::{Expression, Facts};

/// How a field is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundKind {
    /// It equals the value.
    Equal,
    /// It is less.
    Less,
    /// It is less or equal.
    LessOrEqual,
    /// It is greater.
    Greater,
    /// It is greater or equal.
    GreaterOrEqual,
    /// Its text begins with the value.
    StartsWith,
}

/// What a record that meets an expression has in one field.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// A value that compares so.
    Compare(FieldId, BoundKind, Value),
    /// One of some values.
    OneOf(FieldId, Vec<Value>),
    /// No value.
    Missing(FieldId),
    /// Any value.
    Present(FieldId),
    /// All bounds of at least one of these.
    OneOfThese(Vec<Vec<Bound>>),
}

/// Most alternatives that are told apart, and how deep they lie in each other.
const MAX_SIDES: usize = 32;
const MAX_DEPTH: usize = 3;

impl Expression {
    /// What every record has that meets it, at the moment that the facts tell. No field of theirs is read.
    #[must_use]
    pub fn bounds(&self, facts: &dyn Facts) -> Vec<Bound> {
        let mut bounds = Vec::new();
        collect(&self.root, true, (facts, MAX_DEPTH), &mut bounds);
        bounds
    }
}

type Known<'f> = (&'f dyn Facts, usize);

/// What follows from a part being true, or being false.
fn collect(node: &Node, is: bool, known: Known<'_>, bounds: &mut Vec<Bound>) {
    let (facts, _) = known;
    match &node.body {
        Body::Both(left, right) if is => {
            collect(left, is, known, bounds);
            collect(right, is, known, bounds);
        }
        Body::Either(left, right) if !is => {
            collect(left, is, known, bounds);
            collect(right, is, known, bounds);
        }
        Body::Both(..) | Body::Either(..) => bounds.extend(either(node, is, known)),
        Body::Field(field) if node.kind == ValueKind::Bool => {
            bounds.push(Bound::Compare(*field, BoundKind::Equal, Value::Bool(is)));
        }
        Body::Not(inner) => collect(inner, !is, known, bounds),
        Body::Compare(comparison, left, right) => {
            let comparison = if is { *comparison } else { opposite(*comparison) };
            let bound = compared(comparison, left, right, facts);
            bounds.extend(bound.or_else(|| compared(turned(comparison), right, left, facts)));
        }
        Body::OneOf(item, list) if is => {
            let Body::Field(field) = item.body else { return };
            let values: Option<Vec<Value>> = list.iter().map(|node| constant(node, facts)).collect();
            let alike = |values: &Vec<Value>| values.iter().all(|value| value.kind() == item.kind);
            bounds.extend(values.filter(alike).map(|values| Bound::OneOf(field, values)));
        }
        Body::Call(function, arguments) if is && function.name() == "startsWith" => {
            if let [Node { body: Body::Field(field), .. }, start] = arguments.as_slice() {
                let start = constant(start, facts).filter(|start| start.as_text().is_some());
                bounds.extend(start.map(|start| Bound::Compare(*field, BoundKind::StartsWith, start)));
            }
        }
        _ => {}
    }
}

/// What follows where one of several parts is enough, if each of them bounds something. Values of one field make
/// one bound.
fn either(node: &Node, is: bool, (facts, depth): Known<'_>) -> Option<Bound> {
    let depth = depth.checked_sub(1)?;
    let (mut waiting, mut sides) = (vec![node], Vec::new());
    while let Some(part) = waiting.pop() {
        match &part.body {
            Body::Either(left, right) if is => waiting.extend([&**right, &**left]),
            Body::Both(left, right) if !is => waiting.extend([&**right, &**left]),
            _ => {
                let mut bounds = Vec::new();
                collect(part, is, (facts, depth), &mut bounds);
                sides.push(bounds);
            }
        }
    }
    if sides.iter().any(Vec::is_empty) {
        return None;
    }
    one_field(&sides).or_else(|| (sides.len() <= MAX_SIDES).then_some(Bound::OneOfThese(sides)))
}

/// The values that one field has by all sides.
fn one_field(sides: &[Vec<Bound>]) -> Option<Bound> {
    let mut found: Option<(FieldId, Vec<Value>)> = None;
    for side in sides {
        let (field, values) = match side.as_slice() {
            [Bound::Compare(field, BoundKind::Equal, value)] => (*field, std::slice::from_ref(value)),
            [Bound::OneOf(field, values)] => (*field, values.as_slice()),
            _ => return None,
        };
        let (known, all) = found.get_or_insert_with(|| (field, Vec::new()));
        if *known != field {
            return None;
        }
        all.extend_from_slice(values);
    }
    found.map(|(field, values)| Bound::OneOf(field, values))
}

/// The bound of a field on the left, with what is compared on the right.
fn compared(comparison: Comparison, left: &Node, right: &Node, facts: &dyn Facts) -> Option<Bound> {
    let Body::Field(field) = left.body else { return None };
    let value = constant(right, facts)?;
    let kind = match comparison {
        Comparison::Equal if value.is_null() => return Some(Bound::Missing(field)),
        Comparison::Unequal if value.is_null() => return Some(Bound::Present(field)),
        Comparison::Unequal => return None,
        Comparison::Equal => BoundKind::Equal,
        _ if left.kind == ValueKind::Text => return None,
        Comparison::Less => BoundKind::Less,
        Comparison::LessOrEqual => BoundKind::LessOrEqual,
        Comparison::Greater => BoundKind::Greater,
        Comparison::GreaterOrEqual => BoundKind::GreaterOrEqual,
    };
    (value.kind() == left.kind).then_some(Bound::Compare(field, kind, value))
}

/// The comparison that holds of two values where this one does not.
fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::Unequal,
        Comparison::Unequal => Comparison::Equal,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
    }
}

/// The comparison with its sides exchanged.
fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

/// The value of a part that reads no field.
fn constant(node: &Node, facts: &dyn Facts) -> Option<Value> {
    if reads_fields(node) { None } else { evaluate(node, facts).ok() }
}

fn reads_fields(node: &Node) -> bool {
    match &node.body {
        Body::Field(_) | Body::Item(_) | Body::Column(..) => true,
        Body::Literal(_) | Body::Now | Body::Today => false,
        Body::Not(inner) | Body::Negate(inner) | Body::Matches(inner, _) => reads_fields(inner),
        Body::Both(left, right)
        | Body::Either(left, right)
        | Body::Compare(_, left, right)
        | Body::Arithmetic(_, left, right)
        | Body::Among(left, right)
        | Body::Each(_, left, right) => reads_fields(left) || reads_fields(right),
        Body::Choose(condition, yes, no) => [condition, yes, no].into_iter().any(|node| reads_fields(node)),
        Body::OneOf(item, list) => reads_fields(item) || list.iter().any(reads_fields),
        Body::Call(_, arguments) => arguments.iter().any(reads_fields),
    }
}
