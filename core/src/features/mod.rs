//! Floor 6: rooms that share a landing, not doors: none of them names another.

pub mod search;
