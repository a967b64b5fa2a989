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
}

impl Expression {
    /// What every record has that meets it, at the moment that the facts tell. No field of theirs is read.
    #[must_use]
    pub fn bounds(&self, facts: &dyn Facts) -> Vec<Bound> {
        let mut bounds = Vec::new();
        collect(&self.root, facts, &mut bounds);
        bounds
    }
}

fn collect(node: &Node, facts: &dyn Facts, bounds: &mut Vec<Bound>) {
    match &node.body {
        Body::Both(left, right) => {
            collect(left, facts, bounds);
            collect(right, facts, bounds);
        }
        Body::Field(field) if node.kind == ValueKind::Bool => {
            bounds.push(Bound::Compare(*field, BoundKind::Equal, Value::Bool(true)));
        }
        Body::Not(inner) => {
            if let Body::Field(field) = inner.body {
                bounds.push(Bound::Compare(field, BoundKind::Equal, Value::Bool(false)));
            }
        }
        Body::Compare(comparison, left, right) => {
            let bound = compared(*comparison, left, right, facts);
            bounds.extend(bound.or_else(|| compared(turned(*comparison), right, left, facts)));
        }
        Body::OneOf(item, list) => {
            let Body::Field(field) = item.body else { return };
            let values: Option<Vec<Value>> = list.iter().map(|node| constant(node, facts)).collect();
            let alike = |values: &Vec<Value>| values.iter().all(|value| value.kind() == item.kind);
            bounds.extend(values.filter(alike).map(|values| Bound::OneOf(field, values)));
        }
        Body::Call(function, arguments) if function.name() == "startsWith" => {
            if let [Node { body: Body::Field(field), .. }, start] = arguments.as_slice() {
                let start = constant(start, facts).filter(|start| start.as_text().is_some());
                bounds.extend(start.map(|start| Bound::Compare(*field, BoundKind::StartsWith, start)));
            }
        }
        _ => {}
    }
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
