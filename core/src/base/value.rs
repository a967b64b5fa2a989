//! One value of one field, as it travels between a record, a query and a caller.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::base64;
use crate::base::{Date, Decimal, Duration, Money, RecordId, Time, Timestamp};

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
    /// A time of day.
    Time(Time),
    /// A length of time.
    Duration(Duration),
    /// Several values, in their order.
    List(Vec<Self>),
    /// Values by name: the parts of an address or of a row within a record.
    Map(BTreeMap<String, Self>),
    /// A value of a kind that this engine does not know, because a newer one stored it.
    Opaque(OpaqueValue),
}

/// A value of a kind that this engine does not know, as its bytes stand in the record. It is carried through
/// everything that is stored, and compares with nothing but itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaqueValue {
    tag: u8,
    payload: Vec<u8>,
}

impl OpaqueValue {
    /// A value of the tag and the payload that stand in a record; see "Record" in FORMAT.md.
    pub(crate) fn new(tag: u8, payload: &[u8]) -> Self {
        Self { tag, payload: payload.to_vec() }
    }

    /// The tag, which says of which kind it is and how its payload is passed over.
    pub(crate) fn tag(&self) -> u8 {
        self.tag
    }

    /// The payload.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Tag and payload as base64 (RFC 4648 §4), in which JSON and exports carry it.
    #[must_use]
    pub fn to_base64(&self) -> String {
        base64::encode(&[&[self.tag][..], &self.payload].concat())
    }
}

/// The kind of a value, without the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    #[serde(rename = "datetime")]
    DateTime,
    /// [`Value::Id`].
    Id,
    /// [`Value::Time`].
    Time,
    /// [`Value::Duration`].
    Duration,
    /// [`Value::List`].
    List,
    /// [`Value::Map`].
    Map,
    /// [`Value::Opaque`].
    #[serde(skip)]
    Opaque,
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
            Self::Time(_) => ValueKind::Time,
            Self::Duration(_) => ValueKind::Duration,
            Self::List(_) => ValueKind::List,
            Self::Map(_) => ValueKind::Map,
            Self::Opaque(_) => ValueKind::Opaque,
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

    /// The values of a list; the value itself where it is none.
    pub fn items(&self) -> impl Iterator<Item = &Self> {
        match self {
            Self::List(items) => items.iter(),
            single => std::slice::from_ref(single).iter(),
        }
    }

    /// A part of a map; [`Value::Null`] where there is none.
    #[must_use]
    pub fn part(&self, name: &str) -> &Self {
        match self {
            Self::Map(parts) => parts.get(name).unwrap_or(&Self::Null),
            _ => &Self::Null,
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
    Date => Date, Timestamp => DateTime, RecordId => Id, Time => Time, Duration => Duration,
    Vec<Value> => List, BTreeMap<String, Value> => Map,
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
