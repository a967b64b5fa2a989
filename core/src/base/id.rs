//! Identities: records by 128-bit time-ordered ids, entities and fields by small interned numbers.

use std::fmt;
use std::str::FromStr;

use crate::base::{Code, Error, Random, Result, Timestamp};

/// Identity of a record: a UUID of version 7 (RFC 9562 §5.7), so ids sort by time of creation
/// and replicas make them without asking each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId([u8; 16]);

impl RecordId {
    /// A new id from a moment and 74 random bits.
    #[must_use]
    pub fn generate(at: Timestamp, random: &dyn Random) -> Self {
        let mut entropy = [0_u8; 10];
        random.fill(&mut entropy);
        let millis = u64::try_from(at.micros().div_euclid(1_000)).unwrap_or(0);
        Self(*uuid::Builder::from_unix_timestamp_millis(millis, &entropy).as_uuid().as_bytes())
    }

    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes, big-endian, so that their order is the order of ids.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads an id from the end of a key.
    #[must_use]
    pub fn from_suffix(key: &[u8]) -> Option<Self> {
        key.last_chunk::<16>().map(|bytes| Self(*bytes))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", uuid::Uuid::from_bytes(self.0).hyphenated())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl FromStr for RecordId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        uuid::Uuid::parse_str(text)
            .map(|uuid| Self(*uuid.as_bytes()))
            .map_err(|_| Error::new(Code::InvalidId).value(text))
    }
}

macro_rules! interned {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The number as this database interned it.
            #[must_use]
            pub const fn new(number: u32) -> Self {
                Self(number)
            }

            /// The interned number.
            #[must_use]
            pub const fn number(self) -> u32 {
                self.0
            }
        }
    };
}

interned! {
    /// An entity as one database numbers it. Packages and replicas carry (namespace, local id) instead.
    EntityId
}
interned! {
    /// A field as one database numbers it. Packages and replicas carry (namespace, local id) instead.
    FieldId
}
