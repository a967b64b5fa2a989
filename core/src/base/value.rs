//! One value of one field, as it travels between a record, a query and a caller.

use crate::base::{Date, Decimal, Money, RecordId, Timestamp};

/// A value. Which kinds a field takes is the registry's affair; enum codes, phones and e-mail
/// addresses travel as [`Value::Text`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact decimal.
    Decimal(Decimal),
    /// An amount in a currency.
    Money(Money),
    /// Text, the code of an enum, a phone number in E.164, an e-mail address.
    Text(String),
    /// A day of the Gregorian calendar.
    Date(Date),
    /// A moment, in microseconds UTC.
    DateTime(Timestamp),
    /// A reference to a record.
    Id(RecordId),
}

/// The kind of a value, without the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// [`Value::Null`].
    Null,
    /// [`Value::Bool`].
    Bool,
    /// [`Value::Int`].
    Int,
    /// [`Value::Decimal`].
    Decimal,
    /// [`Value::Money`].
    Money,
    /// [`Value::Text`].
    Text,
    /// [`Value::Date`].
    Date,
    /// [`Value::DateTime`].
    DateTime,
    /// [`Value::Id`].
    Id,
}

impl Value {
    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Null => ValueKind::Null,
            Self::Bool(_) => ValueKind::Bool,
            Self::Int(_) => ValueKind::Int,
            Self::Decimal(_) => ValueKind::Decimal,
            Self::Money(_) => ValueKind::Money,
            Self::Text(_) => ValueKind::Text,
            Self::Date(_) => ValueKind::Date,
            Self::DateTime(_) => ValueKind::DateTime,
            Self::Id(_) => ValueKind::Id,
        }
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The referenced record, if it is a reference.
    #[must_use]
    pub fn as_id(&self) -> Option<RecordId> {
        match self {
            Self::Id(id) => Some(*id),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($kind:ty => $variant:ident),+ $(,)?) => {$(
        impl From<$kind> for Value {
            fn from(value: $kind) -> Self {
                Self::$variant(value.into())
            }
        }
    )+};
}

from! {
    bool => Bool, i64 => Int, Decimal => Decimal, Money => Money, String => Text, &str => Text,
    Date => Date, Timestamp => DateTime, RecordId => Id,
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
