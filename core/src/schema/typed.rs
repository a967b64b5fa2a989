//! Typed constants: a field known to the compiler, with the kind of value that it takes.

use std::marker::PhantomData;

use crate::base::{Date, Decimal, Label, Money, RecordId, Timestamp, Value};
use crate::schema::{EntityDefinition, EnumCode, FieldName, FieldType, RowColumn};

/// An entity known to the compiler.
pub trait EntityType: Copy + 'static {
    /// Name in the API, `crm.account`.
    const NAME: &'static str;

    /// The whole definition.
    fn definition() -> EntityDefinition;
}

/// The kind of a typed field: which Rust values it takes and gives.
pub trait FieldKind: 'static {
    /// What a caller passes and gets.
    type Value: Into<Value>;

    /// The field type of the registry.
    fn field_type() -> FieldType;

    /// Reads the Rust value from a stored one; `None` when there is no value of this kind.
    fn read(value: &Value) -> Option<Self::Value>;
}

/// A closed list of codes known to the compiler.
pub trait Codes: Copy + 'static {
    /// Every code with its labels.
    const ALL: &'static [(Self, &'static str, &'static str, &'static str)];
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $value:ty, $type:expr, $variant:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl FieldKind for $name {
            type Value = $value;

            fn field_type() -> FieldType {
                $type
            }

            fn read(value: &Value) -> Option<$value> {
                match value {
                    Value::$variant(value) => Some(value.clone()),
                    _ => None,
                }
            }
        }
    )+};
}

kinds! {
    /// Text.
    Text => String, FieldType::Text, Text;
    /// True or false.
    Bool => bool, FieldType::Bool, Bool;
    /// A whole number.
    Int => i64, FieldType::Int, Int;
    /// An exact decimal.
    DecimalNumber => Decimal, FieldType::Decimal, Decimal;
    /// An amount in a currency.
    MoneyAmount => Money, FieldType::Money, Money;
    /// A day.
    DateOnly => Date, FieldType::Date, Date;
    /// A moment.
    DateTime => Timestamp, FieldType::DateTime, DateTime;
    /// A phone number.
    Phone => String, FieldType::Phone, Text;
    /// An e-mail address.
    Email => String, FieldType::Email, Text;
}

/// One code of a list known to the compiler.
#[derive(Debug, Clone, Copy)]
pub struct Choice<C>(PhantomData<C>);

impl<C: Codes + PartialEq + Into<Value>> FieldKind for Choice<C> {
    type Value = C;

    fn field_type() -> FieldType {
        let codes = C::ALL.iter().map(|(_, code, zh, en)| EnumCode::new(code, Label::new(zh, en)));
        FieldType::Enum { codes: codes.collect() }
    }

    fn read(value: &Value) -> Option<C> {
        let text = value.as_text()?;
        C::ALL.iter().find(|(_, code, _, _)| *code == text).map(|(choice, _, _, _)| *choice)
    }
}

/// Any codes of a list known to the compiler, each once.
#[derive(Debug, Clone, Copy)]
pub struct Choices<C>(PhantomData<C>);

impl<C: Codes + Into<Value>> FieldKind for Choices<C> {
    type Value = Value;

    fn field_type() -> FieldType {
        let codes = C::ALL.iter().map(|(_, code, zh, en)| EnumCode::new(code, Label::new(zh, en)));
        FieldType::MultiEnum { codes: codes.collect() }
    }

    fn read(value: &Value) -> Option<Value> {
        matches!(value, Value::List(_)).then(|| value.clone())
    }
}

/// A reference to a record of an entity known to the compiler.
#[derive(Debug, Clone, Copy)]
pub struct Reference<E>(PhantomData<E>);

impl<E: EntityType> FieldKind for Reference<E> {
    type Value = RecordId;

    fn field_type() -> FieldType {
        FieldType::Reference { entity: E::NAME.to_owned() }
    }

    fn read(value: &Value) -> Option<RecordId> {
        value.as_id()
    }
}

/// The columns of rows that belong to a record, known to the compiler.
pub trait Columns: Copy + 'static {
    /// The columns, in their order.
    fn columns() -> Vec<RowColumn>;
}

/// Rows that belong to a record, as a list of maps by column.
#[derive(Debug, Clone, Copy)]
pub struct Rows<C>(PhantomData<C>);

impl<C: Columns> FieldKind for Rows<C> {
    type Value = Value;

    fn field_type() -> FieldType {
        FieldType::Rows { columns: C::columns() }
    }

    fn read(value: &Value) -> Option<Value> {
        matches!(value, Value::List(_)).then(|| value.clone())
    }
}

/// A record with its entity: what a field says that may refer to records of several entities.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecordReference {
    /// The entity, by its name in the API.
    pub entity: String,
    /// The record.
    pub id: RecordId,
}

impl RecordReference {
    /// A record of an entity.
    #[must_use]
    pub fn new(entity: &str, id: RecordId) -> Self {
        Self { entity: entity.to_owned(), id }
    }
}

impl From<RecordReference> for Value {
    fn from(reference: RecordReference) -> Self {
        let parts = [("entity", reference.entity.into()), ("id", reference.id.into())];
        Self::Map(parts.map(|(name, part): (_, Self)| (name.to_owned(), part)).into())
    }
}

/// Entities known to the compiler, as a tuple of two to four.
pub trait EntityTypes: Copy + 'static {
    /// Their names in the API.
    const NAMES: &'static [&'static str];
}

macro_rules! entity_types {
    ($(($($entity:ident),+))+) => {$(
        impl<$($entity: EntityType),+> EntityTypes for ($($entity,)+) {
            const NAMES: &'static [&'static str] = &[$($entity::NAME),+];
        }
    )+};
}

entity_types! { (A, B) (A, B, C) (A, B, C, D) }

/// A reference to a record of one of several entities, `AnyReference<(Account, Contact)>`.
#[derive(Debug, Clone, Copy)]
pub struct AnyReference<T>(PhantomData<T>);

impl<T: EntityTypes> FieldKind for AnyReference<T> {
    type Value = RecordReference;

    fn field_type() -> FieldType {
        FieldType::AnyReference { entities: T::NAMES.iter().map(|name| (*name).to_owned()).collect() }
    }

    fn read(value: &Value) -> Option<RecordReference> {
        let (entity, id) = (value.part("entity").as_text()?, value.part("id").as_id()?);
        Some(RecordReference::new(entity, id))
    }
}

/// A field known to the compiler: an identity and the kind of its values.
#[derive(Debug)]
pub struct TypedField<E, K> {
    namespace: &'static str,
    local: u32,
    name: &'static str,
    kind: PhantomData<fn() -> (E, K)>,
}

impl<E, K> Clone for TypedField<E, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E, K> Copy for TypedField<E, K> {}

impl<E, K> TypedField<E, K> {
    /// The constant for a field by its identity.
    #[must_use]
    pub const fn new(namespace: &'static str, local: u32, name: &'static str) -> Self {
        Self { namespace, local, name, kind: PhantomData }
    }

    /// How the registry finds it.
    #[must_use]
    pub const fn selector(&self) -> FieldName<'static> {
        FieldName::Identity { namespace: self.namespace, local: self.local, name: self.name }
    }

    /// Its name in the API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}
