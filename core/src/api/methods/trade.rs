//! Methods that are verbs of the trade.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::methods::reports::table_to_json;
use crate::base::{RecordId, Result};
use crate::engine::{Ref, Session, Transaction};
use crate::model::{Opportunity, opportunity};

use super::records::write;

methods! {
    /// Wins an opportunity.
    "opportunity.win" (session, given: Win {
        /// The opportunity.
        id: RecordId,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, status}" {
        step(session, "opportunity.win", given.id, given.idempotency_key, "won", |deal, transaction| {
            deal.win(transaction)
        })
    }

    /// Loses an opportunity.
    "opportunity.lose" (session, given: Lose {
        /// The opportunity.
        id: RecordId,
        /// Why.
        reason: String,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, status}" {
        step(session, "opportunity.lose", given.id, given.idempotency_key, "lost", |deal, transaction| {
            deal.lose(transaction, &given.reason)
        })
    }

    /// Voids an opportunity.
    "opportunity.void" (session, given: Void {
        /// The opportunity.
        id: RecordId,
        /// Why.
        reason: String,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, status}" {
        step(session, "opportunity.void", given.id, given.idempotency_key, "void", |deal, transaction| {
            deal.void(transaction, &given.reason)
        })
    }

    /// The pipeline: `stages` with count and amount; `totals` with count, win rate and mean days of all
    /// that closed; `won` with count, amount, mean amount and mean days.
    "opportunity.pipeline" (session, _given: Pipeline {}) -> "{stages, totals, won}" {
        let table = |report| session.report(&report).map(|table| table_to_json(&table));
        Ok(json!({
            "stages": table(opportunity::by_stage())?,
            "totals": table(opportunity::totals())?,
            "won": table(opportunity::won())?,
        }))
    }
}

fn step(
    session: &Session,
    method: &str,
    id: RecordId,
    key: Option<String>,
    status: &str,
    mut change: impl FnMut(Ref<Opportunity>, &mut Transaction<'_>) -> Result<()>,
) -> Result<Json> {
    write(session, method, key.as_deref(), &json!(id.to_string()), |transaction| {
        change(Ref::new(id), transaction)?;
        Ok(json!({"id": id.to_string(), "status": status}))
    })
}
