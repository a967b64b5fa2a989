//! Facts of every record that definitions, queries and reports name like fields.

use crate::base::FieldId;

/// Facts of the envelope that queries, lists and reports use like fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemField {
    /// The owner, a reference to a user.
    Owner,
    /// The unit, a reference to a unit.
    Unit,
    /// When the record was created.
    CreatedAt,
    /// When the record was last changed.
    ModifiedAt,
}

impl SystemField {
    /// All of them, with their names in the API.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Owner, "owner"),
        (Self::Unit, "unit"),
        (Self::CreatedAt, "created_at"),
        (Self::ModifiedAt, "modified_at"),
    ];

    /// The number that stands for it among field numbers: that of its item in an encoded record.
    #[must_use]
    pub const fn id(self) -> FieldId {
        FieldId::new(match self {
            Self::Owner => 1,
            Self::Unit => 2,
            Self::CreatedAt => 7,
            Self::ModifiedAt => 10,
        })
    }

    /// The system field with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(field, _)| *field)
    }

    /// The system field with this number.
    #[must_use]
    pub fn from_id(id: FieldId) -> Option<Self> {
        Self::ALL.iter().find(|(field, _)| field.id() == id).map(|(field, _)| *field)
    }

    /// The entity that it refers to, if it is a reference.
    #[must_use]
    pub const fn target(self) -> Option<&'static str> {
        match self {
            Self::Owner => Some("sys.user"),
            Self::Unit => Some("sys.unit"),
            Self::CreatedAt | Self::ModifiedAt => None,
        }
    }
}
