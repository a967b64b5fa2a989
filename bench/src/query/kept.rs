//! What both sides keep beside the rows, in the commit of each write: counts and sums for each owner by stage,
//! and for each customer how many deals there are and what they are worth.

use guanxi::base::{Label, ValueKind};
use guanxi::schema::{CounterDefinition, FieldDefinition, FieldType, RollupDefinition, RollupFunction};

/// Guanxi's counters.
pub fn counters() -> Vec<CounterDefinition> {
    vec![CounterDefinition::new("bench", 1, "by_stage", &["stage"]).summing("amount")]
}

/// Guanxi's rollups: fields of a customer.
pub fn rollups() -> [FieldDefinition; 2] {
    let rollup = |function| RollupDefinition::new(function, "bench.deal", "customer");
    let field = |local, name, rollup| {
        FieldDefinition::new("bench", local, name, Label::new("汇总", name), FieldType::Rollup(rollup))
    };
    [
        field(2, "deals", rollup(RollupFunction::Count)),
        field(3, "worth", rollup(RollupFunction::Sum).of("amount", ValueKind::Money)),
    ]
}

/// SQLCipher's tables and triggers. Amounts are in fen.
pub const TRIGGERS: &str = include_str!("kept.sql");
