//! Methods on facts: what holds of a key on a day, and what follows from a day on.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{changes_from_json, day_from_text, listing_to_json, warnings_to_json};
use crate::base::{Code, Date, Error, RecordId, Result};
use crate::engine::{Changes, Reader};

use super::history::{past_to_json, place};
use super::records::write;

methods! {
    /// Reads the fact of a key that holds on a day; with a moment or an entry of the ledger, by what was known
    /// then, as `record.get_as_of` tells a record.
    "record.fact" (session, given: Fact {
        /// The entity.
        entity: String,
        /// Values of the fields of the key by name.
        key: Map<String, Json>,
        /// The day; today if not said.
        valid_at: Option<String>,
        /// The moment; the present if neither this nor `position` is said.
        at: Option<String>,
        /// The entry of the ledger.
        position: Option<u64>,
    }) -> "a record" {
        let (key, today) = session.read(|reader| {
            let key = key_from_json(&reader, &given.entity, &given.key)?;
            Ok((key, reader.today()?))
        })?;
        let day = day_from_text("valid_at", given.valid_at.as_deref())?.unwrap_or(today);
        if given.at.is_none() && given.position.is_none() {
            return listing_to_json(&session.fact(&given.entity, &key, day)?);
        }
        let at = place("at", given.at.as_deref(), given.position)?;
        past_to_json(&session.fact_as_of(&given.entity, &key, day, at)?)
    }

    /// Ends the fact that holds on a day, and lets another one follow from that day on, up to the day on which
    /// the first would have ended: with its key, and its values but for those that are said.
    "record.supersede" (session, given: Supersede {
        /// The entity.
        entity: String,
        /// The fact; this or `key`.
        id: Option<RecordId>,
        /// Values of the fields of its key by name; these or `id`.
        key: Option<Map<String, Json>>,
        /// The day from which on the other one holds; today if not said.
        at: Option<String>,
        /// Values by field name; null empties a field.
        values: Map<String, Json>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, superseded, warnings}" {
        let said = (given.id, given.key.as_ref());
        let named = given.id.map(|id| id.to_string());
        let request = json!([given.entity, named, given.key, given.at, given.values]);
        write(session, "record.supersede", given.idempotency_key.as_deref(), &request, |transaction| {
            let reader = transaction.reader();
            let day = day_from_text("at", given.at.as_deref())?.map_or_else(|| reader.today(), Ok)?;
            let fact = fact_of(&reader, &given.entity, said, day)?;
            let changes =
                changes_from_json(&reader, reader.registry().entity(&given.entity)?, &given.values)?;
            let id = transaction.supersede(&given.entity, fact, day, changes)?;
            let warnings = transaction.take_warnings();
            Ok(json!({
                "id": id.to_string(),
                "superseded": fact.to_string(),
                "warnings": warnings_to_json(&warnings, transaction.locale()),
            }))
        })
    }
}

fn key_from_json(reader: &Reader<'_>, entity: &str, key: &Map<String, Json>) -> Result<Changes> {
    changes_from_json(reader, reader.registry().entity(entity)?, key)
}

fn fact_of(
    reader: &Reader<'_>,
    entity: &str,
    said: (Option<RecordId>, Option<&Map<String, Json>>),
    day: Date,
) -> Result<RecordId> {
    match said {
        (Some(id), None) => Ok(id),
        (None, Some(key)) => Ok(reader.fact(entity, &key_from_json(reader, entity, key)?, day)?.record.id),
        _ => Err(Error::new(Code::InvalidArgument).field("id").rule("either id or key")),
    }
}
