//! Identities: records by 128-bit time-ordered ids, entities and fields by small interned numbers.

use std::fmt;
use std::str::FromStr;

use crate::base::{Code, Error, Random, Result, Timestamp};

/// Identity of a record: a UUID of version 7 (RFC 9562 §5.7), so ids sort by time of creation
/// and replicas make them without asking each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId([u8; 16]);

/// The 12 random bits behind the version, and the 62 behind the variant.
const RANDOM_A: u128 = 0xFFF;
const RANDOM_B_BITS: u32 = 62;
const RANDOM_B: u128 = (1 << RANDOM_B_BITS) - 1;

impl RecordId {
    /// A new id from a moment and 74 random bits.
    #[must_use]
    pub fn generate(at: Timestamp, random: &dyn Random) -> Self {
        let mut entropy = [0_u8; 10];
        random.fill(&mut entropy);
        let millis = u64::try_from(at.micros().div_euclid(1_000)).unwrap_or(0);
        Self(*uuid::Builder::from_unix_timestamp_millis(millis, &entropy).as_uuid().as_bytes())
    }

    /// A new id that sorts behind another one, also where both are of one millisecond or the clock went back:
    /// then it is the other one with a random step added to its random bits (RFC 9562 §6.2, method 2).
    #[must_use]
    pub fn generate_after(last: Self, at: Timestamp, random: &dyn Random) -> Self {
        let fresh = Self::generate(at, random);
        if fresh > last { fresh } else { last.behind(fresh.step()) }
    }

    /// A random number of 32 bits, from the end of the random ones.
    fn step(self) -> u32 {
        self.0.last_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    /// The id whose random bits are so much larger and one more; where they run over, the time is a millisecond
    /// later.
    fn behind(self, step: u32) -> Self {
        let number = u128::from_be_bytes(self.0);
        let upper = (number >> 64) & RANDOM_A;
        let random = ((upper << RANDOM_B_BITS) | (number & RANDOM_B)).saturating_add(u128::from(step) + 1);
        let millis = (number >> 80).saturating_add(random >> (RANDOM_B_BITS + 12));
        let fixed = number & !(RANDOM_B | (RANDOM_A << 64)) & ((1 << 80) - 1);
        let upper = (random >> RANDOM_B_BITS) & RANDOM_A;
        Self(((millis << 80) | fixed | (upper << 64) | (random & RANDOM_B)).to_be_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives the same byte for ever.
    #[derive(Debug)]
    struct Always(u8);

    impl Random for Always {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn ids_of_one_millisecond_and_of_a_clock_that_went_back_sort_in_the_order_in_which_they_were_made() {
        let mut last = RecordId::generate(Timestamp::from_micros(5_000_000), &Always(0xFF));
        for (number, at) in
            [5_000_000, 5_000_000, 4_000_000, 5_000_500].into_iter().cycle().take(400).enumerate()
        {
            let next = RecordId::generate_after(last, Timestamp::from_micros(at), &Always(0xFF));
            assert!(next > last, "{number}: {last} {next}");
            let text = next.to_string();
            let (version, variant) = (text.as_bytes()[14], text.as_bytes()[19]);
            assert!(version == b'7' && b"89ab".contains(&variant), "{text}");
            last = next;
        }
        // All random bits were set, so the first step ran over into the next millisecond.
        assert_eq!(last.to_string().get(..13), Some("00000000-1389"));
    }
}
