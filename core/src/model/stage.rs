//! Stage: a step of a pipeline. Stages are data; what they come to is fixed.

use crate::base::Result;
use crate::engine::{Draft, Transaction};
use crate::model::{ForecastCategory, Pipeline, Status, pipeline};
use crate::schema::declare::entity;
use crate::schema::{Choice, Int, Reference, Text};

entity! {
    /// A step of the pipeline. The organisation may add steps of its own; what they come to is fixed.
    Stage = ("crm", 4, "stage", "阶段", "Stage",
        "销售漏斗中的一步；可自行增减，其结果类型固定。", title "name", data_subject false);
    /// What the step is called. No two stages have the same name, of whatever pipeline they are.
    NAME: Text = 1, "name", "阶段名称", "Name",
        "该步骤的叫法，不可重复。", [required = true, unique = true, indexed = true];
    /// The place in the pipeline, from 1.
    POSITION: Int = 2, "position", "顺序", "Position",
        "在漏斗中的次序，从 1 开始。", [required = true, indexed = true];
    /// What an opportunity in this stage is: open, won, lost or void.
    OUTCOME: Choice<Status> = 3, "outcome", "结果", "Outcome",
        "处于该阶段的商机算作进行中、赢单、输单还是作废。", [required = true, indexed = true];
    /// The chance of winning in this stage, in per cent.
    PROBABILITY: Int = 4, "probability", "赢率", "Probability",
        "处于该阶段时赢单的可能性，按百分比。", [];
    /// The fields that a deal has values of before it leaves this stage for another one or is won, by API name.
    EXIT_FIELDS: Text = 5, "exit_fields", "离开条件", "Exit criteria",
        "商机推进到其他阶段或赢单之前须填写的字段（API 名称）。", [];
    /// Days after which a deal that nobody works at is said to stagnate in this stage.
    STAGNANT_DAYS: Int = 6, "stagnant_days", "停滞天数", "Days to stagnation", "多少天无跟进视为停滞。", [];
    /// As what open deals of this stage stand in a forecast, unless a deal says otherwise; as pipeline if not said.
    FORECAST: Choice<ForecastCategory> = 7, "forecast", "预测类别", "Forecast category",
        "该阶段的进行中商机在预测中的类别，商机可另行指定；未填写时为管道。", [];
    /// The pipeline of which it is a step; the default one if not said. It stays in it.
    PIPELINE: Reference<Pipeline> = 8, "pipeline", "销售管道", "Pipeline",
        "所属的销售管道；未指定时为默认管道。设定后不可更改。", [];
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
    let first = pipeline::first(transaction)?;
    for ((name, outcome, probability), position) in DEFAULTS.into_iter().zip(1_i64..) {
        let stage = Draft::<Stage>::new()
            .with(NAME, name)
            .with(PIPELINE, first)
            .with(POSITION, position)
            .with(OUTCOME, outcome)
            .with(PROBABILITY, probability);
        transaction.create(stage)?;
    }
    Ok(())
}
