//! Methods by which who may not change a record proposes how it should be, and who may decides.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{cursor_from_text, cursor_to_text, value_from_json};
use crate::api::methods::sharing::sharee;
use crate::base::{Code, Error, RecordId, Result, Value};
use crate::engine::{Correction, CorrectionsOf};
use crate::schema::FieldName;

methods! {
    /// Proposes values for fields of a record that the user sees, with a reason. Who may change those fields of the
    /// record decides. At most 10 requests of a person about a record stand open, 100 about a record, 1,000 of a person.
    "correction.propose" (session, given: Propose {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// Values by field name; null empties a field.
        values: Map<String, Json>,
        /// Why the record is wrong.
        reason: String,
    }) -> "{id}" {
        let values = session.read(|reader| {
            let known = reader.registry().entity(&given.entity)?;
            let values = given.values.iter().map(|(name, json)| {
                // What is hidden is told before what its type takes.
                reader.comparable(known, &name.as_str().into())?;
                let value = value_from_json(&reader, known.field(FieldName::Name(name))?, json);
                Ok((name.as_str(), value.map_err(|error| error.entity(&known.api_name).field(name))?))
            });
            values.collect::<Result<Vec<(&str, Value)>>>()
        })?;
        let id = session.propose_correction(&given.entity, given.id, &values, &given.reason)?;
        Ok(json!({"id": id.to_string()}))
    }

    /// Lists requests for corrections: one's own, those about a record, or those that stand open and that the user may
    /// decide.
    "correction.list" (session, given: ListCorrections {
        /// mine, undecided or record; mine if not said.
        of: Option<String>,
        /// The entity of the record, with `of` record.
        entity: Option<String>,
        /// The record, with `of` record.
        id: Option<RecordId>,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{corrections: [{id, entity, record, proposed, reason, status, proposer, at, decided_by, decided_at, decision}], cursor}" {
        let missing = |field: &str| Error::new(Code::MissingParameter).field(field);
        let of = match given.of.as_deref() {
            None | Some("mine") => CorrectionsOf::Mine,
            Some("undecided") => CorrectionsOf::Undecided,
            Some("record") => CorrectionsOf::Record(
                given.entity.clone().ok_or_else(|| missing("entity"))?,
                given.id.ok_or_else(|| missing("id"))?,
            ),
            Some(other) => {
                let refused = Error::new(Code::InvalidArgument).field("of");
                return Err(refused.rule("mine, undecided or record").value(other));
            }
        };
        let after = given.cursor.as_deref().map(cursor_from_text).transpose()?;
        let limit = given.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let page = session.corrections(&of, after, limit)?;
        let corrections: Vec<Json> = page.corrections.iter().map(correction_to_json).collect();
        Ok(json!({"corrections": corrections, "cursor": page.next.as_ref().map(cursor_to_text).transpose()?}))
    }

    /// Gives the record the values that a request proposes, as a change by the user that names who proposed it.
    "correction.accept" (session, given: AcceptCorrection {
        /// The request for a correction.
        id: RecordId,
        /// What whoever proposed it is told.
        note: Option<String>,
    }) -> "{}" {
        session.accept_correction(given.id, given.note.as_deref())?;
        Ok(json!({}))
    }

    /// Refuses a request for a correction.
    "correction.refuse" (session, given: RefuseCorrection {
        /// The request for a correction.
        id: RecordId,
        /// Why.
        reason: String,
    }) -> "{}" {
        session.refuse_correction(given.id, &given.reason)?;
        Ok(json!({}))
    }

    /// Refers a request for a correction to a user or a team, who take part in the decision: they see the request, read
    /// the record until it is decided, and may refuse it; to accept it takes the right to change the record. It takes the
    /// right to share the record.
    "correction.refer" (session, given: ReferCorrection {
        /// The request for a correction.
        id: RecordId,
        /// The user, by id or name; this, or `team`.
        user: Option<String>,
        /// The team, by id or name; this or `user`.
        team: Option<String>,
    }) -> "{}" {
        let to = session.read(|reader| sharee(&reader, given.user.as_deref(), given.team.as_deref()))?;
        session.refer_correction(given.id, to)?;
        Ok(json!({}))
    }

    /// Takes back a request for a correction of one's own.
    "correction.withdraw" (session, given: WithdrawCorrection {
        /// The request for a correction.
        id: RecordId,
    }) -> "{}" {
        session.withdraw_correction(given.id)?;
        Ok(json!({}))
    }
}

fn correction_to_json(correction: &Correction) -> Json {
    let proposed = correction.proposed.iter().map(|(field, value)| (field.clone(), value.to_json()));
    json!({
        "id": correction.id.to_string(),
        "entity": correction.entity,
        "record": correction.record.to_string(),
        "proposed": proposed.collect::<Map<_, _>>(),
        "reason": correction.reason,
        "status": correction.status.code(),
        "proposer": correction.proposer.map(|id| id.to_string()),
        "at": correction.at.to_string(),
        "decided_by": correction.decided_by.map(|id| id.to_string()),
        "decided_at": correction.decided_at.map(|at| at.to_string()),
        "decision": correction.decision,
    })
}
