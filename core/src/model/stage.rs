//! Stage: a step of the pipeline. Stages are data; what they come to is fixed.

use crate::base::Result;
use crate::engine::{Draft, Transaction};
use crate::model::Status;
use crate::schema::declare::entity;
use crate::schema::{Choice, Int, Text};

entity! {
    /// A step of the pipeline.
    Stage = ("crm", 4, "stage", "阶段", "Stage", title "name", data_subject false);
    /// Name.
    NAME: Text = 1, "name", "阶段名称", "Name", [required = true, unique = true, indexed = true];
    /// Place in the pipeline, from 1.
    POSITION: Int = 2, "position", "顺序", "Position", [required = true, indexed = true];
    /// What an opportunity in this stage is.
    OUTCOME: Choice<Status> = 3, "outcome", "结果", "Outcome", [required = true, indexed = true];
    /// Chance of winning, in per cent.
    PROBABILITY: Int = 4, "probability", "赢率", "Probability", [];
}

/// Name, outcome and probability of the stages that a new database begins with.
const DEFAULTS: [(&str, Status, i64); 6] = [
    ("Prospecting", Status::Open, 10),
    ("Engaging", Status::Open, 30),
    ("Negotiating", Status::Open, 70),
    ("Won", Status::Won, 100),
    ("Lost", Status::Lost, 0),
    ("Void", Status::Void, 0),
];

pub(super) fn seed(transaction: &mut Transaction<'_>) -> Result<()> {
    for ((name, outcome, probability), position) in DEFAULTS.into_iter().zip(1_i64..) {
        let stage = Draft::<Stage>::new()
            .with(NAME, name)
            .with(POSITION, position)
            .with(OUTCOME, outcome)
            .with(PROBABILITY, probability);
        transaction.create(stage)?;
    }
    Ok(())
}
