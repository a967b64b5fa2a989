//! Validity: the days on which a record holds, and what no two records of an entity have on one day.
//!
//! Days are half open: a record holds from the first one up to the last one, which is not among them. A
//! record without the one or the other has no beginning or no end.

use crate::base::FieldId;
use crate::schema::Entity;

/// The days on which records of an entity hold, and what no two of them have on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validity {
    /// The field of the first day; nothing where records hold on every day.
    pub from: Option<FieldId>,
    /// The field of the day behind the last one.
    pub to: Option<FieldId>,
    /// What no two records have on one day.
    pub exclusions: Vec<Exclusion>,
    /// Whether a link may have one record at both ends.
    pub to_itself: bool,
}

/// Values that no two records of an entity have on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// Its number within the entity, which stands in keys.
    pub number: u8,
    /// The fields.
    pub fields: Vec<FieldId>,
    /// What is made of their values.
    pub gathering: Gathering,
}

/// What is made of the values of an exclusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gathering {
    /// All of them together, in the order of the fields.
    InOrder,
    /// All of them together, in whichever order.
    Either,
    /// Each by itself.
    Each,
}

impl Entity {
    /// The days on which its records hold, and what no two of them have on one day, if it says so.
    #[must_use]
    pub fn validity(&self) -> Option<&Validity> {
        self.validity_kept()
    }
}
