//! Methods that create, change or delete many records by one call, and take such a batch back.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{changes_from_json, condition_from_json, cursor_from_text, cursor_to_text, with};
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{Bulk, BulkOutcome, BulkRow, Reader, Selection, Session};

methods! {
    /// Changes many records alike, in chunks: those that meet a condition, or those named by id. A record that
    /// cannot be changed stays as it is, with its error. A call does at most 10,000 records; the cursor goes on.
    "record.bulk_update" (session, given: BulkUpdate {
        /// The entity.
        entity: String,
        /// The condition; either this or `ids`.
        filter: Option<Json>,
        /// The records; either these or `filter`.
        ids: Option<Vec<Json>>,
        /// Values by field name; null empties a field.
        values: Map<String, Json>,
        /// Most records of this call; 10,000 if not said.
        limit: Option<u64>,
        /// Where the call before stopped.
        cursor: Option<String>,
    }) -> "{batch, rows: [{id, outcome, error}], cursor, stopped}" {
        let selection = selection(session, &given.entity, given.filter.as_ref(), given.ids.as_deref())?;
        let changes = session.read(|reader| {
            changes_from_json(&reader, reader.registry().entity(&given.entity)?, &given.values)
        })?;
        let bulk = bulk(given.limit, given.cursor.as_deref())?;
        outcome_to_json(session, &session.bulk_update(&given.entity, &selection, &changes, &bulk)?)
    }

    /// Deletes many records softly, in chunks, as `record.bulk_update` changes them.
    "record.bulk_delete" (session, given: BulkDelete {
        /// The entity.
        entity: String,
        /// The condition; either this or `ids`.
        filter: Option<Json>,
        /// The records; either these or `filter`.
        ids: Option<Vec<Json>>,
        /// Most records of this call; 10,000 if not said.
        limit: Option<u64>,
        /// Where the call before stopped.
        cursor: Option<String>,
    }) -> "{batch, rows: [{id, outcome, error}], cursor, stopped}" {
        let selection = selection(session, &given.entity, given.filter.as_ref(), given.ids.as_deref())?;
        let bulk = bulk(given.limit, given.cursor.as_deref())?;
        outcome_to_json(session, &session.bulk_delete(&given.entity, &selection, &bulk)?)
    }

    /// Creates many records, in chunks and in the order of the rows. A row of which no record can be made is left
    /// out, with its error. A call does at most 10,000 rows; the cursor goes on, with the same rows.
    "record.bulk_create" (session, given: BulkCreate {
        /// The entity.
        entity: String,
        /// The records: of each its values by field name, as `record.create` takes them.
        rows: Vec<Json>,
        /// Most rows of this call; 10,000 if not said.
        limit: Option<u64>,
        /// Where the call before stopped.
        cursor: Option<String>,
    }) -> "{batch, rows: [{row, id, outcome, error}], cursor, stopped}" {
        let bulk = bulk(given.limit, given.cursor.as_deref())?;
        let changes = |reader: &Reader<'_>, place: usize| {
            let object = given.rows.get(place).and_then(Json::as_object);
            let wrong = || Error::new(Code::InvalidArgument).field("rows").rule("a list of objects");
            let object = object.ok_or_else(wrong)?;
            changes_from_json(reader, reader.registry().entity(&given.entity)?, object)
        };
        let outcome = session.bulk_create_from(&given.entity, given.rows.len(), &changes, &bulk)?;
        let numbers = outcome.first..;
        let rows = numbers.zip(&outcome.rows).map(|(number, row)| {
            let id = if row.outcome.is_ok() { json!(row.id.to_string()) } else { Json::Null };
            with(row_to_json(session, row), [("row", json!(number)), ("id", id)])
        });
        let rows = rows.collect::<Vec<_>>();
        Ok(with(outcome_to_json(session, &outcome)?, [("rows", json!(rows))]))
    }

    /// Takes a batch back: after a mass edit each record that nobody has changed since gets its old values again,
    /// after a mass deletion it is there again, with what went along with it and the references to it, and what was
    /// created is deleted.
    "record.undo_bulk" (session, given: UndoBulk {
        /// The batch, as the call that began it gave it.
        batch: RecordId,
    }) -> "{rows: [{id, outcome, error}]}" {
        let rows = session.undo_bulk(given.batch)?;
        Ok(json!({"rows": rows.iter().map(|row| row_to_json(session, row)).collect::<Vec<_>>()}))
    }
}

pub(super) fn selection(
    session: &Session,
    entity: &str,
    filter: Option<&Json>,
    given: Option<&[Json]>,
) -> Result<Selection> {
    match (filter, given) {
        (Some(filter), None) => session.read(|reader| {
            let entity = reader.registry().entity(entity)?;
            Ok(Selection::Matching(condition_from_json(&reader, entity, filter)?))
        }),
        (None, Some(given)) => Ok(Selection::Ids(ids("ids", given)?)),
        _ => Err(Error::new(Code::InvalidArgument).field("filter").rule("either filter or ids")),
    }
}

/// Ids, as a caller lists them.
pub(super) fn ids(name: &str, given: &[Json]) -> Result<Vec<RecordId>> {
    let wrong = || Error::new(Code::InvalidArgument).field(name).rule("a list of record ids");
    given.iter().map(|id| id.as_str().and_then(|id| id.parse().ok()).ok_or_else(wrong)).collect()
}

pub(super) fn bulk(limit: Option<u64>, cursor: Option<&str>) -> Result<Bulk> {
    let after = cursor.map(cursor_from_text).transpose()?;
    Ok(Bulk { limit: limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX)), after })
}

pub(super) fn outcome_to_json(session: &Session, outcome: &BulkOutcome) -> Result<Json> {
    Ok(json!({
        "batch": outcome.batch.to_string(),
        "rows": outcome.rows.iter().map(|row| row_to_json(session, row)).collect::<Vec<_>>(),
        "cursor": outcome.next.as_ref().map(cursor_to_text).transpose()?,
        "stopped": outcome.stopped.as_ref().map(|error| error.to_json(session.locale())),
    }))
}

fn row_to_json(session: &Session, row: &BulkRow) -> Json {
    let (outcome, error) = match &row.outcome {
        Ok(done) => (done.name(), Json::Null),
        Err(error) => ("refused", error.to_json(session.locale())),
    };
    json!({"id": row.id.to_string(), "outcome": outcome, "error": error})
}
