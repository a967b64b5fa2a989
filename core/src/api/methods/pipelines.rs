//! Methods on pipelines, and on deals that go through one of several, that are opened again or laid aside.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{Listing, Ref, Session, Transaction};
use crate::model::pipeline::{self, NewStage, Staged};
use crate::model::{ForecastCategory, Opportunity, Pipeline, Status, stage};

use super::records::write;

methods! {
    /// Makes a pipeline with its stages, in their order: an open one first, and at least one that is won and one that is
    /// lost. Where stages and deals stand from before there was any, these become the default pipeline first, by ticks.
    "pipeline.define" (session, given: DefinePipeline {
        /// What it is called. No two pipelines have the same name.
        name: String,
        /// For what it is.
        note: Option<String>,
        /// The stages: `{name, outcome, probability, exit_fields, stagnant_days, forecast}` of each. No two stages have the
        /// same name, of whatever pipeline.
        stages: Vec<Json>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let stages = given.stages.iter().map(stage_of_json).collect::<Result<Vec<_>>>()?;
        let request = json!([given.name, given.note, given.stages]);
        write(session, "pipeline.define", given.idempotency_key.as_deref(), &request, |transaction| {
            let made = pipeline::define(transaction, &given.name, given.note.as_deref(), &stages)?;
            Ok(json!({"id": made.id().to_string()}))
        })
    }

    /// Lists the pipelines with their stages, as far as the user sees them, by their places. Stages from before there was a
    /// pipeline stand without one.
    "pipeline.list" (session, _given: ListPipelines {}) -> "{rows: [{id, name, is_default, active, stages}]}" {
        let rows = session.read(|reader| pipeline::all(&reader))?;
        let rows = rows.iter().map(staged_to_json).collect::<Result<Vec<_>>>()?;
        Ok(json!({"rows": rows}))
    }

    /// Makes a pipeline the default one, of which deals and stages are that name none.
    "pipeline.set_default" (session, given: SetDefaultPipeline {
        /// The pipeline.
        id: RecordId,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let request = json!(given.id.to_string());
        write(session, "pipeline.set_default", given.idempotency_key.as_deref(), &request, |transaction| {
            pipeline::set_default(transaction, Ref::new(given.id))?;
            Ok(json!({"id": given.id.to_string()}))
        })
    }

    /// Lets an open deal go through another pipeline: in a stage of it, or in its first one. The step is one of its history.
    "opportunity.move_to_pipeline" (session, given: MoveToPipeline {
        /// The opportunity.
        id: RecordId,
        /// The pipeline.
        pipeline: RecordId,
        /// The stage; the first one of the pipeline if not said.
        stage: Option<RecordId>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let said = [Some(given.id), Some(given.pipeline), given.stage].map(|id| id.map(|id| id.to_string()));
        change(session, "opportunity.move_to_pipeline", given.idempotency_key, given.id, &json!(said), |deal, transaction| {
            deal.move_to(transaction, Ref::<Pipeline>::new(given.pipeline), given.stage)
        })
    }

    /// Opens a closed deal again, with a reason, which its history keeps. It takes the right to assign the deal. Until then
    /// a closed deal stays as it is, but for its owner, its tags and whether it is laid aside.
    "opportunity.reopen" (session, given: ReopenDeal {
        /// The opportunity.
        id: RecordId,
        /// Why.
        reason: String,
        /// The stage in which it goes on; the first open one of its pipeline if not said.
        stage: Option<RecordId>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let request = json!([given.id.to_string(), given.reason, given.stage.map(|stage| stage.to_string())]);
        change(session, "opportunity.reopen", given.idempotency_key, given.id, &request, |deal, transaction| {
            deal.reopen(transaction, &given.reason, given.stage)
        })
    }

    /// Lays a closed deal aside.
    "opportunity.archive" (session, given: ArchiveDeal {
        /// The opportunity.
        id: RecordId,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let request = json!(given.id.to_string());
        change(session, "opportunity.archive", given.idempotency_key, given.id, &request, |deal, transaction| {
            deal.archive(transaction, true)
        })
    }

    /// Takes a deal out again that was laid aside. It takes the right to assign the deal, and leaves it closed.
    "opportunity.unarchive" (session, given: UnarchiveDeal {
        /// The opportunity.
        id: RecordId,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let request = json!(given.id.to_string());
        change(session, "opportunity.unarchive", given.idempotency_key, given.id, &request, |deal, transaction| {
            deal.archive(transaction, false)
        })
    }
}

fn change(
    session: &Session,
    method: &str,
    key: Option<String>,
    id: RecordId,
    request: &Json,
    mut change: impl FnMut(Ref<Opportunity>, &mut Transaction<'_>) -> Result<()>,
) -> Result<Json> {
    write(session, method, key.as_deref(), request, |transaction| {
        change(Ref::new(id), transaction)?;
        Ok(json!({"id": id.to_string()}))
    })
}

fn stage_of_json(json: &Json) -> Result<NewStage> {
    let wrong = |rule: &str| Error::new(Code::InvalidArgument).field("stages").rule(rule);
    let text = |name: &str| match &json[name] {
        Json::Null => Ok(None),
        Json::String(text) => Ok(Some(text.clone())),
        _ => Err(wrong(&format!("{name}: text"))),
    };
    let number = |name: &str| match &json[name] {
        Json::Null => Ok(None),
        said => said.as_i64().map(Some).ok_or_else(|| wrong(&format!("{name}: a whole number"))),
    };
    let outcome = text("outcome")?.unwrap_or_else(|| Status::Open.code().to_owned());
    let forecast = text("forecast")?;
    let forecast =
        forecast.map(|code| ForecastCategory::from_code(&code).ok_or_else(|| wrong("forecast: a category")));
    Ok(NewStage {
        name: text("name")?.ok_or_else(|| wrong("name: text"))?,
        outcome: Status::from_code(&outcome).ok_or_else(|| wrong("outcome: open, won, lost or void"))?,
        probability: number("probability")?,
        exit_fields: text("exit_fields")?,
        stagnant_days: number("stagnant_days")?,
        forecast: forecast.transpose()?,
    })
}

fn staged_to_json(staged: &Staged) -> Result<Json> {
    let value = |row: &Listing, field: &str| Ok::<_, Error>(row.value(field)?.to_json());
    let stage = |row: &Listing| {
        Ok(json!({
            "id": row.record.id.to_string(),
            "name": row.title(),
            "outcome": value(row, stage::OUTCOME.name())?,
            "probability": value(row, stage::PROBABILITY.name())?,
        }))
    };
    let of = |field: &str| staged.pipeline.as_ref().map(|row| value(row, field)).transpose();
    Ok(json!({
        "id": staged.pipeline.as_ref().map(|row| row.record.id.to_string()),
        "name": staged.pipeline.as_ref().map(Listing::title),
        "is_default": of(pipeline::IS_DEFAULT.name())?,
        "active": of(pipeline::ACTIVE.name())?,
        "stages": staged.stages.iter().map(stage).collect::<Result<Vec<_>>>()?,
    }))
}
