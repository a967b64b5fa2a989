//! Floor 0: the words that every other room uses, and nothing else.
//!
//! It deliberately knows no other room: no storage, no schema, no noun of the trade.
//! Invariants: an [`Error`] carries a stable code and never a secret; a [`Decimal`] is exact;
//! every moment comes from an injected [`Clock`] and every random byte from an injected [`Random`].

pub(crate) mod base64;
mod catalogue;
mod collation;
mod error;
mod hex;
mod id;
mod json;
mod limits;
mod locale;
mod money;
mod patience;
mod period;
mod source;
mod text;
mod time;
mod time_of_day;
mod value;

pub use catalogue::Code;
pub use collation::{COLLATION_VERSION, Collation};
pub use error::{Error, Holder, Result};
pub(crate) use hex::{hex, unhex};
pub use id::{EntityId, FieldId, RecordId};
pub use limits::{
    MAX_AFFECTED_RECORDS, MAX_FILTER_DEPTH, MAX_FILTER_NODES, MAX_JSON_BYTES, MAX_KEY_BYTES, MAX_LIST_ITEMS,
    MAX_PAGE_ROWS, MAX_TEXT_BYTES, MAX_TREE_DEPTH, MAX_VALUE_BYTES, MAX_VALUE_DEPTH,
};
pub(crate) use locale::in_language;
pub use locale::{Label, Language, Locale, locale_tag};
pub use money::{Currency, Decimal, Money};
pub use patience::{CancelToken, Patience, Progress};
pub use period::{DayCount, Period};
pub use source::{Clock, ManualClock, OsRandom, Random, SeededRandom, SystemClock};
pub use text::{fold, normalize};
pub use time::{Date, HybridClock, Month, Stamp, TimeZone, Timestamp, Weekday};
pub use time_of_day::{Duration, Time};
pub use value::{OpaqueValue, Value, ValueKind};
