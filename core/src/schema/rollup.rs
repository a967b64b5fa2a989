//! What the author of a rollup says: over which records it goes, which of them count, and for whom.

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Result, ValueKind};
use crate::schema::field_type::unsaid;

/// What a rollup makes of the records that it goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollupFunction {
    /// How many there are; 0 where there is none.
    Count,
    /// The sum of a field; no value where no record has one, or where amounts are of several currencies.
    Sum,
    /// The smallest value of a field; no value where amounts are of several currencies.
    Min,
    /// The largest value of a field; no value where amounts are of several currencies.
    Max,
    /// The mean of a field over the records that have a value, rounded half away from zero to 6 digits; no
    /// value where amounts are of several currencies.
    Avg,
    /// Whether there is one.
    Exists,
}

impl RollupFunction {
    /// Whether it looks at a field of the records.
    #[must_use]
    pub fn takes_field(self) -> bool {
        !matches!(self, Self::Count | Self::Exists)
    }

    /// Whether it is one of the values and no figure over all of them.
    #[must_use]
    pub fn picks(self) -> bool {
        matches!(self, Self::Min | Self::Max)
    }

    /// What it gives over values of a kind; nothing where it takes no such values.
    #[must_use]
    pub fn gives(self, kind: ValueKind) -> Option<ValueKind> {
        let number = matches!(kind, ValueKind::Int | ValueKind::Decimal | ValueKind::Money);
        let of_time =
            matches!(kind, ValueKind::Date | ValueKind::DateTime | ValueKind::Time | ValueKind::Duration);
        match self {
            Self::Count => Some(ValueKind::Int),
            Self::Exists => Some(ValueKind::Bool),
            Self::Sum => number.then_some(kind),
            Self::Avg if kind == ValueKind::Int => Some(ValueKind::Decimal),
            Self::Avg => number.then_some(kind),
            Self::Min | Self::Max => (number || of_time).then_some(kind),
        }
    }
}

/// Whose records a rollup goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollupReaders {
    /// All of them, whoever reads the figure. It is kept with every write, and costs a look when it is read.
    #[default]
    All,
    /// Those that the reader may see. It is worked out whenever it is read.
    Visible,
}

/// What records that refer to a record come to, as the author of the field says it. Their entity, and the
/// fields that are named of it, are declared before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollupDefinition {
    /// Name of the entity whose records are rolled up.
    pub entity: String,
    /// The field of these records that refers to the record with the rollup.
    pub by: String,
    /// What is made of them.
    pub function: RollupFunction,
    /// The field that is looked at, if the function takes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// A condition over the fields of these records; those that do not meet it are left out, as are those of
    /// which it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Whose records they are.
    #[serde(default)]
    pub readers: RollupReaders,
    /// Whether the records of all those count too that are below the record in the tree of its entity.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tree: bool,
    /// What it gives; null where its author leaves that to the function and the field.
    #[serde(default = "unsaid")]
    pub gives: ValueKind,
}

impl RollupDefinition {
    /// A rollup of records that refer to its own by a field. Functions that look at a field are told which
    /// one by [`RollupDefinition::of`].
    #[must_use]
    pub fn new(function: RollupFunction, entity: &str, by: &str) -> Self {
        Self {
            entity: entity.to_owned(),
            by: by.to_owned(),
            function,
            field: None,
            filter: None,
            readers: RollupReaders::All,
            tree: false,
            gives: function.gives(ValueKind::Null).unwrap_or(ValueKind::Null),
        }
    }

    /// The field that is looked at, and the kind of its values.
    #[must_use]
    pub fn of(self, field: &str, kind: ValueKind) -> Self {
        let gives = self.function.gives(kind).unwrap_or(kind);
        Self { field: Some(field.to_owned()), gives, ..self }
    }

    /// Only records that meet a condition.
    #[must_use]
    pub fn filtered(self, filter: &str) -> Self {
        Self { filter: Some(filter.to_owned()), ..self }
    }

    /// Only records that the reader may see.
    #[must_use]
    pub fn of_visible(self) -> Self {
        Self { readers: RollupReaders::Visible, ..self }
    }

    /// Over the whole tree below the record.
    #[must_use]
    pub fn over_tree(self) -> Self {
        Self { tree: true, ..self }
    }

    /// Checks what can be told without the entities.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the rule.
    pub(super) fn check(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).rule(rule));
        if self.function.takes_field() != self.field.is_some() {
            return fault("count and exists take no field, sum, min, max and avg take one");
        }
        Ok(())
    }
}
