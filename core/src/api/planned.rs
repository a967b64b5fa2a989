//! What every method that changes the registry answers when it is only asked what it would do.

use serde_json::{Value as Json, json};

use crate::base::Result;
use crate::engine::{SchemaPlan, Session};

/// Defines something, or with `dry_run` says what that would change and how many records would be read for it.
pub(super) fn define_or_plan(
    session: &Session,
    dry_run: Option<bool>,
    define: impl FnOnce(&Session) -> Result<Json>,
) -> Result<Json> {
    match dry_run {
        Some(true) => Ok(plan_to_json(&session.rehearse(define)?)),
        _ => define(session),
    }
}

/// A plan as packages and single definitions tell it; `estimate` is null where nothing was only asked, or no record
/// is read.
pub(super) fn plan_to_json(plan: &SchemaPlan) -> Json {
    let estimate = plan.estimate.map(|estimate| {
        json!({
            "label": "estimate",
            "millis": estimate.millis,
            "bytes": estimate.bytes,
            "basis": estimate.basis.name(),
            "sampled": estimate.sampled,
        })
    });
    json!({"changes": plan.changes, "records": plan.records, "commits": plan.commits, "estimate": estimate})
}
