//! Floor 6: rooms that share a landing, not doors. None of them knows another.

pub mod exchange;
pub mod formatting;
pub mod privacy;
pub mod reports;
pub mod rights;
pub mod search;
