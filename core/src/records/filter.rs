//! Conditions on records, with their fields resolved.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::base::{
    Code, Date, Error, FieldId, MAX_FILTER_DEPTH, MAX_FILTER_NODES, Period, RecordId, Result, Value, fold,
};
use crate::records::Circle;
use crate::records::ordered::write_ordered;
use crate::schema::expr::Expression;

/// Most references that one condition goes along.
const MAX_HOPS: usize = 3;

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

/// A condition that is said as an expression over the fields of one entity. A record meets it if it is true;
/// one for which it is unknown, or cannot be worked out, does not.
#[derive(Debug, Clone)]
pub struct Stated {
    source: String,
    expression: Option<Arc<Expression>>,
}

impl PartialEq for Stated {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Stated {
    /// An expression that nobody has read yet.
    #[must_use]
    pub fn new(source: &str) -> Self {
        Self { source: source.to_owned(), expression: None }
    }

    /// The text.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The same, found right for an entity.
    #[must_use]
    pub fn compiled(expression: Expression) -> Self {
        Self { source: expression.source().to_owned(), expression: Some(Arc::new(expression)) }
    }

    /// The expression, once it was found right.
    pub(super) fn expression(&self) -> Option<&Arc<Expression>> {
        self.expression.as_ref()
    }
}

/// Records that refer to the one at hand: children, or the links of a relation.
#[derive(Debug, Clone, PartialEq)]
pub struct Referring<F = FieldId> {
    /// The API name of their entity.
    pub entity: String,
    /// The field by which they refer.
    pub by: F,
    /// What they meet.
    pub meets: Filter<F>,
}

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
    /// The field equals one of the values.
    In(F, Vec<Value>),
    /// The field has no value.
    IsNull(F),
    /// The day or moment lies in a span of time around now. It is worked out once, when a query begins, by
    /// the clock of the database and the calendar of the organisation; the pages that follow keep to that.
    Within(F, Period),
    /// The record that the field refers to meets a condition on its own entity. A record that the reader may
    /// not see, and one that is not there, is as one whose fields have no values.
    Through(F, Box<Self>),
    /// Some record of an entity refers to this one and meets a condition. One that the reader may not see refers
    /// to nothing.
    Has(Box<Referring<F>>),
    /// The record is below another one along a field that refers to its own entity, at most 64 steps down.
    /// A record that the reader may not see is below nothing, and nothing is below it.
    Under(F, RecordId),
    /// The place lies in a circle.
    Near(F, Circle),
    /// The record holds on a day, by the validity of its entity. One that the reader may not see holds on none.
    HeldOn(Date),
    /// An expression over the fields is true.
    Holds(Stated),
}

impl<F> Filter<F> {
    /// Checks depth and size.
    ///
    /// # Errors
    /// `input.invalid_filter` naming the limit.
    pub fn check(&self) -> Result<()> {
        let mut nodes = 0;
        self.measure((0, 0), &mut nodes)
    }

    /// Whether a span of time around now may be part of the condition.
    #[must_use]
    pub fn has_span(&self) -> bool {
        match self {
            Self::Within(..) | Self::Holds(_) => true,
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::has_span),
            Self::Not(inner) | Self::Through(_, inner) => inner.has_span(),
            Self::Has(referring) => referring.meets.has_span(),
            _ => false,
        }
    }

    fn measure(&self, (depth, hops): (usize, usize), nodes: &mut usize) -> Result<()> {
        let values = if let Self::In(_, values) = self { values.len() } else { 0 };
        *nodes = nodes.saturating_add(1).saturating_add(values);
        if depth > MAX_FILTER_DEPTH {
            return Err(Error::new(Code::InvalidFilter).rule("nesting <= 32"));
        }
        if *nodes > MAX_FILTER_NODES {
            return Err(Error::new(Code::InvalidFilter).rule("conditions <= 1000"));
        }
        if hops > MAX_HOPS {
            return Err(Error::new(Code::InvalidFilter).rule("references of a path <= 3"));
        }
        let deeper = (depth.saturating_add(1), hops);
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().try_for_each(|part| part.measure(deeper, nodes))
            }
            Self::Not(inner) => inner.measure(deeper, nodes),
            Self::Through(_, inner) => inner.measure((deeper.0, hops.saturating_add(1)), nodes),
            Self::Has(referring) => referring.meets.measure((deeper.0, hops.saturating_add(1)), nodes),
            _ => Ok(()),
        }
    }
}

impl Filter {
    /// Whether it speaks of such a field of the record itself.
    #[must_use]
    pub fn names(&self, wanted: &dyn Fn(FieldId) -> bool) -> bool {
        match self {
            Self::Everything | Self::HeldOn(_) | Self::Has(_) => false,
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.names(wanted)),
            Self::Not(inner) => inner.names(wanted),
            Self::Compare(field, ..) | Self::In(field, _) | Self::IsNull(field) | Self::Near(field, _) => {
                wanted(*field)
            }
            Self::Within(field, _) | Self::Through(field, _) | Self::Under(field, _) => wanted(*field),
            Self::Holds(stated) => stated.expression().is_some_and(|expression| reads(expression, wanted)),
        }
    }

    /// The condition with two fields of the record exchanged, as seen from the other end of a link; nothing where
    /// an expression reads one of them.
    #[must_use]
    pub fn exchanging(&self, one: FieldId, other: FieldId) -> Option<Self> {
        let turned = |field: FieldId| match field {
            same if same == one => other,
            same if same == other => one,
            same => same,
        };
        let each = |parts: &[Self]| -> Option<Vec<Self>> {
            parts.iter().map(|part| part.exchanging(one, other)).collect()
        };
        Some(match self {
            Self::All(parts) => Self::All(each(parts)?),
            Self::Any(parts) => Self::Any(each(parts)?),
            Self::Not(inner) => Self::Not(Box::new(inner.exchanging(one, other)?)),
            Self::Compare(field, comparison, value) => {
                Self::Compare(turned(*field), *comparison, value.clone())
            }
            Self::In(field, values) => Self::In(turned(*field), values.clone()),
            Self::IsNull(field) => Self::IsNull(turned(*field)),
            Self::Within(field, period) => Self::Within(turned(*field), *period),
            Self::Through(field, inner) => Self::Through(turned(*field), inner.clone()),
            Self::Under(field, root) => Self::Under(turned(*field), *root),
            Self::Near(field, circle) => Self::Near(turned(*field), *circle),
            Self::Holds(_) if self.names(&|field| field == one || field == other) => return None,
            Self::Everything | Self::Has(_) | Self::HeldOn(_) | Self::Holds(_) => self.clone(),
        })
    }
}

/// Whether an expression reads such a field.
pub(super) fn reads(expression: &Expression, wanted: &dyn Fn(FieldId) -> bool) -> bool {
    expression.fields().iter().any(|field| wanted(*field))
}

/// Whether a value compares so with another one.
pub(super) fn compares(value: &Value, comparison: Comparison, wanted: &Value) -> bool {
    // Of several values one is enough.
    if let Value::List(values) = value {
        return values.iter().any(|value| compares(value, comparison, wanted));
    }
    match (value, wanted) {
        (Value::Text(text), Value::Text(wanted)) => {
            let (text, wanted) = (fold(text), fold(wanted));
            match comparison {
                Comparison::Contains => text.contains(&wanted),
                Comparison::StartsWith => text.starts_with(&wanted),
                other => holds(other, Some(text.cmp(&wanted))),
            }
        }
        (Value::Map(_), Value::Map(_)) => comparison == Comparison::Equal && whole(value) == whole(wanted),
        _ => holds(comparison, compare_values(value, wanted)),
    }
}

/// What equal values have in common and others do not: texts folded and uncut, numbers whatever their scale, and of
/// lists and maps all that they hold.
pub(super) fn whole(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_whole(&mut bytes, value);
    bytes
}

fn write_whole(bytes: &mut Vec<u8>, value: &Value) {
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend(text.len().to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    };
    match value {
        Value::Text(said) => {
            bytes.push(b't');
            text(bytes, &fold(said));
        }
        Value::List(items) => {
            bytes.push(b'l');
            bytes.extend(items.len().to_be_bytes());
            items.iter().for_each(|item| write_whole(bytes, item));
        }
        Value::Map(parts) => {
            bytes.push(b'm');
            bytes.extend(parts.len().to_be_bytes());
            for (name, part) in parts {
                text(bytes, name);
                write_whole(bytes, part);
            }
        }
        plain => {
            bytes.push(b'k');
            write_ordered(bytes, plain);
        }
    }
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
#[must_use]
pub fn compare_values(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Decimal(left), Value::Decimal(right)) => Some(left.cmp(right)),
        (Value::Money(left), Value::Money(right)) => left.partial_cmp(right),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::DateTime(left), Value::DateTime(right)) => Some(left.cmp(right)),
        (Value::Id(left), Value::Id(right)) => Some(left.cmp(right)),
        (Value::Time(left), Value::Time(right)) => Some(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        _ => None,
    }
}
