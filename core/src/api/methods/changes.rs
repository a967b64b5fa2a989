//! The methods that tell a host which records have changed since it last asked.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::engine::{RecordChange, RecordChanges};

use super::indexes::names;

methods! {
    /// Tells which records were created, changed, deleted or forgotten behind a position of the ledger, of those that
    /// the user may see now: no values, and of the changed fields those that the user may see. There may be none, and
    /// more to come. Ask again with the position of the answer; without one, the answer is the newest position.
    "record.changes" (session, given: Changes {
        /// The position behind which to begin: 0 for the beginning; none for the newest one.
        after: Option<u64>,
        /// The entities; all if not said.
        entities: Option<Vec<Json>>,
        /// Most changes; 256 if not said, 1000 at the most.
        limit: Option<u64>,
    }) -> "{changes: [{position, kind, entity, id, at, actor, fields}], position, more}" {
        let entities = names("entities", given.entities.as_deref().unwrap_or_default())?;
        let after = match given.after {
            Some(after) => after,
            None => session.crm().head()?.position,
        };
        let limit = given.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(changes_to_json(&session.changes_after(after, &entities, limit)?))
    }
}

fn changes_to_json(found: &RecordChanges) -> Json {
    let changes: Vec<Json> = found.changes.iter().map(change_to_json).collect();
    json!({"changes": changes, "position": found.position, "more": found.more})
}

fn change_to_json(change: &RecordChange) -> Json {
    json!({
        "position": change.position,
        "kind": change.kind.name(),
        "entity": change.entity,
        "id": change.record.to_string(),
        "at": change.at.to_string(),
        "actor": change.actor.to_string(),
        "fields": change.fields,
    })
}
