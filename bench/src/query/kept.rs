//! What both sides keep beside the rows, in the commit of each write: counts and sums for each owner by stage
//! and by source. The second stands where a rollup to a parent is to stand; whoever puts one there changes
//! this file and nothing else.

use guanxi::schema::CounterDefinition;

/// Guanxi's counters.
pub fn counters() -> Vec<CounterDefinition> {
    vec![
        CounterDefinition::new("bench", 1, "by_stage", &["stage"]).summing("amount"),
        CounterDefinition::new("bench", 2, "by_source", &["source"]).summing("amount"),
    ]
}

/// SQLCipher's tables and triggers. Amounts are in fen.
pub const TRIGGERS: &str = include_str!("kept.sql");
