//! Conditions as callers write them: fields by name or typed constant, resolved against the registry.

use crate::base::{Code, Error, FieldId, Result, Value};
use crate::records::{Comparison, Filter, SystemField};
use crate::schema::{Entity, EntityType, FieldKind, FieldName, FieldType, TypedField, normalize_value};

/// How a caller names a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldSelector {
    /// By API name, or the name of a system field such as `owner`.
    Name(String),
    /// By identity, through a typed constant.
    Identity(FieldName<'static>),
}

impl From<&str> for FieldSelector {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for FieldSelector {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl<E: EntityType, K> From<TypedField<E, K>> for FieldSelector {
    fn from(field: TypedField<E, K>) -> Self {
        Self::Identity(field.selector())
    }
}

impl FieldSelector {
    /// The number of the field in an entity; system fields are found too.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn resolve(&self, entity: &Entity) -> Result<FieldId> {
        match self {
            Self::Identity(identity) => Ok(entity.field(*identity)?.id()),
            // A field of the entity itself goes before a system field of its name: the unit of a user is
            // where the user works, not whose the user's record is.
            Self::Name(name) => {
                let own = entity.fields().iter().find(|field| field.api_name == *name);
                match (own, SystemField::from_name(name)) {
                    (Some(own), _) => Ok(own.id()),
                    (None, Some(system)) => Ok(system.id()),
                    (None, None) => Ok(entity.field(FieldName::Name(name))?.id()),
                }
            }
        }
    }

    /// The field of the registry; system fields are refused.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn field<'e>(&self, entity: &'e Entity) -> Result<&'e crate::schema::Field> {
        match self {
            Self::Identity(identity) => entity.field(*identity),
            Self::Name(name) => entity.field(FieldName::Name(name)),
        }
    }
}

/// A condition with fields by selector.
pub type Condition = Filter<FieldSelector>;

impl Condition {
    /// The condition with fields as numbers and values as the fields store them.
    ///
    /// # Errors
    /// `schema.unknown_field`, `schema.wrong_type`, `input.invalid_filter`.
    pub fn resolve(&self, entity: &Entity) -> Result<Filter> {
        self.check_operators(entity)?;
        self.try_map(&mut |selector, value| {
            let id = selector.resolve(entity)?;
            let value = match (value, entity.field_by_id(id)) {
                (Some(value), Some(field)) => comparable(field, value.clone())?,
                (Some(value), None) => value.clone(),
                (None, _) => Value::Null,
            };
            Ok((id, value))
        })
        .map_err(|error| error.entity(&entity.api_name))
    }

    fn check_operators(&self, entity: &Entity) -> Result<()> {
        match self {
            Self::Compare(selector, Comparison::Contains | Comparison::StartsWith, value)
                if value.as_text().is_none() =>
            {
                let field = selector.field(entity)?;
                Err(Error::new(Code::InvalidFilter)
                    .entity(&entity.api_name)
                    .field(&field.api_name)
                    .rule("contains and starts_with take text"))
            }
            _ => Ok(()),
        }
    }
}

/// Text conditions look at any part of a text, so only whole values are normalised as stored.
fn comparable(field: &crate::schema::Field, value: Value) -> Result<Value> {
    match (&field.definition.kind, &value) {
        (FieldType::Text | FieldType::Email | FieldType::Phone, Value::Text(_)) => {
            match field.definition.kind {
                FieldType::Phone => normalize_value(field, value),
                _ => Ok(value),
            }
        }
        _ => normalize_value(field, value),
    }
}

impl<E: EntityType, K: FieldKind> TypedField<E, K> {
    /// The field has this value.
    #[must_use]
    pub fn is(self, value: impl Into<K::Value>) -> Condition {
        self.compare(Comparison::Equal, value)
    }

    /// The field has another value, or none.
    #[must_use]
    pub fn is_not(self, value: impl Into<K::Value>) -> Condition {
        Filter::Not(Box::new(self.is(value)))
    }

    /// The field has no value.
    #[must_use]
    pub fn is_empty(self) -> Condition {
        Filter::IsNull(self.into())
    }

    /// The field is at least this.
    #[must_use]
    pub fn at_least(self, value: impl Into<K::Value>) -> Condition {
        self.compare(Comparison::GreaterOrEqual, value)
    }

    /// The field is less than this.
    #[must_use]
    pub fn below(self, value: impl Into<K::Value>) -> Condition {
        self.compare(Comparison::Less, value)
    }

    /// Smallest first.
    #[must_use]
    pub fn ascending(self) -> (FieldSelector, crate::records::Direction) {
        (self.into(), crate::records::Direction::Ascending)
    }

    /// Largest first.
    #[must_use]
    pub fn descending(self) -> (FieldSelector, crate::records::Direction) {
        (self.into(), crate::records::Direction::Descending)
    }

    fn compare(self, comparison: Comparison, value: impl Into<K::Value>) -> Condition {
        Filter::Compare(self.into(), comparison, value.into().into())
    }
}
