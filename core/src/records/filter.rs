//! Conditions on records, with their fields resolved.

use std::cmp::Ordering;

use crate::base::{Code, Error, FieldId, MAX_FILTER_DEPTH, MAX_FILTER_NODES, Result, Value, fold};
use crate::records::Record;

/// How a field is compared with a value. Text is compared folded (width, case, white space).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
    /// The text contains the other.
    Contains,
    /// The text begins with the other.
    StartsWith,
}

impl Comparison {
    /// The stable names.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Equal, "eq"),
        (Self::Less, "lt"),
        (Self::LessOrEqual, "le"),
        (Self::Greater, "gt"),
        (Self::GreaterOrEqual, "ge"),
        (Self::Contains, "contains"),
        (Self::StartsWith, "starts_with"),
    ];
}

/// Turns a field, and the value that it is compared with if it is, into others.
pub type Turn<'t, F, G> = &'t mut dyn FnMut(&F, Option<&Value>) -> Result<(G, Value)>;

/// A condition on a record. A field without value meets no comparison, as in SQL, and
/// [`Filter::Not`] of a comparison is met by it.
///
/// `F` is how fields are named: resolved by default, by selector in what callers build.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Filter<F = FieldId> {
    /// Met by every record.
    #[default]
    Everything,
    /// All of them.
    All(Vec<Self>),
    /// At least one of them.
    Any(Vec<Self>),
    /// Not that one.
    Not(Box<Self>),
    /// The field compares so with the value.
    Compare(F, Comparison, Value),
    /// The field has no value.
    IsNull(F),
}

impl<F> Filter<F> {
    /// The same condition with its fields and values turned into others.
    ///
    /// # Errors
    /// What the function gives, and `input.invalid_filter` for a condition that is too deep or large.
    pub fn try_map<G>(&self, turn: Turn<'_, F, G>) -> Result<Filter<G>> {
        self.check()?;
        self.map_checked(turn)
    }

    fn map_checked<G>(&self, turn: Turn<'_, F, G>) -> Result<Filter<G>> {
        Ok(match self {
            Self::Everything => Filter::Everything,
            Self::All(parts) => {
                Filter::All(parts.iter().map(|part| part.map_checked(turn)).collect::<Result<_>>()?)
            }
            Self::Any(parts) => {
                Filter::Any(parts.iter().map(|part| part.map_checked(turn)).collect::<Result<_>>()?)
            }
            Self::Not(inner) => Filter::Not(Box::new(inner.map_checked(turn)?)),
            Self::IsNull(field) => Filter::IsNull(turn(field, None)?.0),
            Self::Compare(field, comparison, value) => {
                let (field, value) = turn(field, Some(value))?;
                Filter::Compare(field, *comparison, value)
            }
        })
    }

    /// Checks depth and size.
    ///
    /// # Errors
    /// `input.invalid_filter` naming the limit.
    pub fn check(&self) -> Result<()> {
        let mut nodes = 0;
        self.measure(0, &mut nodes)
    }

    fn measure(&self, depth: usize, nodes: &mut usize) -> Result<()> {
        *nodes = nodes.saturating_add(1);
        if depth > MAX_FILTER_DEPTH {
            return Err(Error::new(Code::InvalidFilter).rule("nesting <= 32"));
        }
        if *nodes > MAX_FILTER_NODES {
            return Err(Error::new(Code::InvalidFilter).rule("conditions <= 1000"));
        }
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().try_for_each(|part| part.measure(depth.saturating_add(1), nodes))
            }
            Self::Not(inner) => inner.measure(depth.saturating_add(1), nodes),
            _ => Ok(()),
        }
    }
}

impl Filter {
    /// Whether a record meets the condition.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        match self {
            Self::Everything => true,
            Self::All(parts) => parts.iter().all(|part| part.matches(record)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(record)),
            Self::Not(inner) => !inner.matches(record),
            Self::IsNull(field) => record.peek(*field).is_null(),
            Self::Compare(field, comparison, wanted) => compares(&record.peek(*field), *comparison, wanted),
        }
    }

    /// Every field that the condition looks at.
    pub fn fields(&self, found: &mut Vec<FieldId>) {
        match self {
            Self::Everything => {}
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.fields(found)),
            Self::Not(inner) => inner.fields(found),
            Self::IsNull(field) | Self::Compare(field, _, _) => found.push(*field),
        }
    }

    /// The equalities that every matching record meets, for the choice of an index.
    pub(super) fn equalities(&self) -> Vec<(FieldId, &Value)> {
        match self {
            Self::Compare(field, Comparison::Equal, value) => vec![(*field, value)],
            Self::All(parts) => parts.iter().flat_map(Self::equalities).collect(),
            _ => Vec::new(),
        }
    }
}

fn compares(value: &Value, comparison: Comparison, wanted: &Value) -> bool {
    if let (Value::Text(text), Value::Text(wanted)) = (value, wanted) {
        let (text, wanted) = (fold(text), fold(wanted));
        return match comparison {
            Comparison::Contains => text.contains(&wanted),
            Comparison::StartsWith => text.starts_with(&wanted),
            other => holds(other, Some(text.cmp(&wanted))),
        };
    }
    holds(comparison, compare(value, wanted))
}

fn holds(comparison: Comparison, order: Option<Ordering>) -> bool {
    match (comparison, order) {
        (Comparison::Equal, Some(order)) => order.is_eq(),
        (Comparison::Less, Some(order)) => order.is_lt(),
        (Comparison::LessOrEqual, Some(order)) => order.is_le(),
        (Comparison::Greater, Some(order)) => order.is_gt(),
        (Comparison::GreaterOrEqual, Some(order)) => order.is_ge(),
        _ => false,
    }
}

/// The order of two values of one kind; amounts of two currencies have none.
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Decimal(left), Value::Decimal(right)) => Some(left.cmp(right)),
        (Value::Money(left), Value::Money(right)) => left.partial_cmp(right),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::DateTime(left), Value::DateTime(right)) => Some(left.cmp(right)),
        (Value::Id(left), Value::Id(right)) => Some(left.cmp(right)),
        _ => None,
    }
}
