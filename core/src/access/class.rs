//! Access classes: records that the same people may see share one small number.

use crate::base::RecordId;

/// Number of an access class within one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(u32);

impl ClassId {
    /// The class with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// What makes records equal before the rules of access. Classes are disjoint: a record has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessClass {
    /// The partition that nothing crosses; 0 is the only one so far.
    pub partition: u32,
    /// The unit that the record belongs to.
    pub unit: Option<RecordId>,
    /// The user who owns the record.
    pub owner: RecordId,
}
