//! Methods on what was: versions of a record, its past states, lists as they were, deleted records.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{
    collation_from_json, cursor_from_text, cursor_to_text, find_at, find_from_json, listing_to_json,
};
use crate::base::{Code, Error, FieldId, RecordId, Result};
use crate::engine::{At, Find, PastRecord, PastValue, RecordVersion, field_name};
use crate::schema::Entity;

use super::records::write;

methods! {
    /// Tells the versions of a record, newest first. A value of a forgotten person reads {"erased": true}.
    "record.history" (session, given: History {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// Versions before this one, by its position; the newest ones if not said.
        before: Option<u64>,
        /// Most versions; 100 if not said, 1000 at the most.
        limit: Option<u64>,
    }) -> "{versions: [{position, kind, at, actor, on_behalf_of, cause, changes: [{field, old, new}]}], before}" {
        let history = session.history(&given.entity, given.id, given.before, count(given.limit))?;
        let registry = session.crm().registry();
        let entity = registry.entity(&given.entity)?;
        let versions: Vec<Json> =
            history.versions.iter().map(|version| version_to_json(entity, version)).collect();
        Ok(json!({"versions": versions, "before": history.next}))
    }

    /// Takes the values of versions out of the ledger that are older than the setting `history_days` keeps for their
    /// entity. Their headers and commitments stay, so that the ledger verifies as before; whoever asks for them is
    /// told `history.expired`. It goes in chunks, and a call that was interrupted is gone on with by the next one.
    "history.prune" (session, given: PruneHistory {
        /// Only says how many versions would lose their values; no if not said.
        dry_run: Option<bool>,
    }) -> "{entities: [{entity, until, versions}]}" {
        let pruned = session.prune_history(given.dry_run.unwrap_or(false))?;
        let told = pruned.iter().map(|entity| {
            json!({
                "entity": entity.entity, "until": entity.until.to_string(), "versions": entity.versions,
            })
        });
        Ok(json!({"entities": told.collect::<Vec<_>>()}))
    }

    /// Takes records for good that were deleted longer ago than the setting `deletion.purge_days` keeps them for their
    /// entity, with their attachments; the ledger keeps what it says of them. Locked records stay, and so do those under a legal hold. Whoever might have
    /// seen one is told `record.purged` when asking for its past or to have it back. It goes in chunks, and a call that
    /// was interrupted is gone on with by the next one.
    "record.purge" (session, given: Purge {
        /// Only says how many records would go; no if not said.
        dry_run: Option<bool>,
    }) -> "{entities: [{entity, until, records, locked, held}]}" {
        let purged = session.purge_deleted(given.dry_run.unwrap_or(false))?;
        let told = purged.iter().map(|entity| {
            json!({
                "entity": entity.entity, "until": entity.until.to_string(), "records": entity.records,
                "locked": entity.locked, "held": entity.held,
            })
        });
        Ok(json!({"entities": told.collect::<Vec<_>>()}))
    }

    /// Reads a record as it was at a moment or after an entry of the ledger, within today's permissions.
    "record.get_as_of" (session, given: GetAsOf {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The moment; this or `position`.
        at: Option<String>,
        /// The entry of the ledger; this or `at`.
        position: Option<u64>,
    }) -> "{id, entity, position, version, created_at, created_by, modified_at, modified_by, facts, values}" {
        let at = place("at", given.at.as_deref(), given.position)?;
        past_to_json(&session.get_as_of(&given.entity, given.id, at)?)
    }

    /// Reads one field of a record as it was.
    "record.value_as_of" (session, given: ValueAsOf {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The field.
        field: String,
        /// The moment; this or `position`.
        at: Option<String>,
        /// The entry of the ledger; this or `at`.
        position: Option<u64>,
    }) -> "{value}" {
        let at = place("at", given.at.as_deref(), given.position)?;
        let value = session.value_as_of(&given.entity, given.id, given.field.as_str(), at)?;
        Ok(json!({"value": past_value_to_json(&value)}))
    }

    /// Tells what differs between two states of a record. Where it was not there, it has no values.
    "record.diff" (session, given: Diff {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The earlier moment; this or `from_position`.
        from: Option<String>,
        /// The earlier entry of the ledger; this or `from`.
        from_position: Option<u64>,
        /// The later moment; this or `to_position`.
        to: Option<String>,
        /// The later entry of the ledger; this or `to`.
        to_position: Option<u64>,
    }) -> "{differences: [{field, from, to}]}" {
        let from = place("from", given.from.as_deref(), given.from_position)?;
        let to = place("to", given.to.as_deref(), given.to_position)?;
        let found = session.diff(&given.entity, given.id, from, to)?;
        let registry = session.crm().registry();
        let entity = registry.entity(&given.entity)?;
        let found = found.iter().map(|found| {
            let (from, to) = (past_value_to_json(&found.from), past_value_to_json(&found.to));
            json!({"field": field_name(entity, found.field), "from": from, "to": to})
        });
        Ok(json!({"differences": found.collect::<Vec<_>>()}))
    }

    /// Lists records as they were, a chunk at a time: those that were there then and met the condition. A chunk
    /// may be empty, and more to come; the list ends where there is no cursor. Conditions along references are held
    /// against what these led to then. With `sort` each call looks at all records of the entity, and gives a page in
    /// that order.
    "record.list_as_of" (session, given: ListAsOf {
        /// The entity.
        entity: String,
        /// The moment; this or `position`, and neither with a cursor.
        at: Option<String>,
        /// The entry of the ledger; this or `at`.
        position: Option<u64>,
        /// The condition.
        filter: Option<Json>,
        /// The day on which the records held, by what was known then; whenever if not said.
        valid_at: Option<String>,
        /// Fields in order, by their values then; `-amount` falls. In the order of creation if not said.
        sort: Option<Vec<Json>>,
        /// How texts sort, as `query.run` takes it.
        collation: Option<String>,
        /// Most rows of a sorted page; 100 if not said, 1000 at the most.
        limit: Option<u64>,
        /// Most records that the chunk looks at; 100 if not said, 1000 at the most. Not with `sort`.
        chunk: Option<u64>,
        /// Where the chunk or the page before ended.
        cursor: Option<String>,
    }) -> "{rows, position, looked_at, undecided, cursor}" {
        let (sort, filter) = (given.sort.as_deref().unwrap_or_default(), given.filter.as_ref().unwrap_or(&Json::Null));
        let find = session.read(|reader| {
            let entity = reader.registry().entity(&given.entity)?;
            find_from_json(&reader, entity, filter, sort, given.limit, None)
        })?;
        let find = Find { collation: collation_from_json(given.collation.as_deref())?, ..find };
        let find = find_at(find, given.valid_at.as_deref())?;
        let at = match given.cursor {
            // The cursor knows the place.
            Some(_) if given.at.is_none() && given.position.is_none() => At::Position(0),
            _ => place("at", given.at.as_deref(), given.position)?,
        };
        if sort.is_empty() {
            if given.limit.is_some() || given.collation.is_some() {
                let error = Error::new(Code::InvalidArgument).field("limit");
                return Err(error.rule("limit and collation are of a list with an order"));
            }
            let cursor = given.cursor.as_deref().map(cursor_from_text).transpose()?;
            let page = session.list_as_of(&given.entity, &find.filter, at, cursor, count(given.chunk))?;
            let next = page.next.as_ref().map(cursor_to_text).transpose()?;
            return past_page_to_json(&page.rows, (page.position, page.looked_at, page.undecided), next);
        }
        if given.chunk.is_some() {
            let error = Error::new(Code::InvalidArgument).field("chunk");
            return Err(error.rule("a list with an order does not go in chunks"));
        }
        let cursor = given.cursor.as_deref().map(cursor_from_text).transpose()?;
        let page = session.list_as_of_sorted(&given.entity, &find, at, cursor.as_ref())?;
        let next = page.next.as_ref().map(cursor_to_text).transpose()?;
        past_page_to_json(&page.rows, (page.position, page.looked_at, page.undecided), next)
    }

    /// Lists deleted records, a chunk at a time. A chunk may be empty, and more to come; the list ends where
    /// there is no `after`.
    "record.deleted" (session, given: Deleted {
        /// The entity.
        entity: String,
        /// The last record that the chunk before looked at.
        after: Option<RecordId>,
        /// Most records that the chunk looks at; 100 if not said, 1000 at the most.
        chunk: Option<u64>,
    }) -> "{rows, looked_at, after}" {
        let page = session.deleted(&given.entity, given.after, count(given.chunk))?;
        let rows = page.rows.iter().map(|row| {
            let deleted_at = row.record.envelope.deleted_at.map(|at| at.to_string());
            let by = row.record.envelope.modified_by.to_string();
            Ok(crate::api::json::with(
                listing_to_json(row)?,
                [("deleted_at", json!(deleted_at)), ("deleted_by", json!(by))],
            ))
        });
        let after = page.next.map(|after| after.to_string());
        Ok(json!({"rows": rows.collect::<Result<Vec<_>>>()?, "looked_at": page.looked_at, "after": after}))
    }

    /// Brings a deleted record back, as it was.
    "record.undelete" (session, given: Undelete {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, outcome}" {
        let request = json!([given.entity, given.id.to_string()]);
        write(session, "record.undelete", given.idempotency_key.as_deref(), &request, |transaction| {
            transaction.undelete_record(&given.entity, given.id)?;
            Ok(json!({"id": given.id.to_string(), "outcome": "undeleted"}))
        })
    }
}

/// Part of a list of the past.
fn past_page_to_json(
    rows: &[PastRecord],
    (position, looked_at, undecided): (u64, u64, u64),
    cursor: Option<String>,
) -> Result<Json> {
    let rows = rows.iter().map(past_to_json).collect::<Result<Vec<_>>>()?;
    Ok(json!({
        "rows": rows, "position": position, "looked_at": looked_at, "undecided": undecided, "cursor": cursor,
    }))
}

fn count(given: Option<u64>) -> usize {
    given.map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX))
}

/// A moment or a position, one of them.
pub(super) fn place(name: &str, moment: Option<&str>, position: Option<u64>) -> Result<At> {
    let refused = |rule: &str| Error::new(Code::InvalidArgument).field(name).rule(rule);
    match (moment, position) {
        (Some(moment), None) => {
            moment.parse().map(At::Time).map_err(|_| refused("a moment in RFC 3339").value(moment))
        }
        (None, Some(position)) => Ok(At::Position(position)),
        _ => Err(refused("either a moment or a position")),
    }
}

/// A value of the past; one that nobody can tell any more is `{"erased": true}`.
fn past_value_to_json(value: &PastValue) -> Json {
    match value {
        PastValue::Known(value) => value.to_json(),
        PastValue::Erased => json!({"erased": true}),
    }
}

fn version_to_json(entity: &Entity, version: &RecordVersion) -> Json {
    let changes = version.changes.iter().map(|change| {
        let (old, new) = (past_value_to_json(&change.old), past_value_to_json(&change.new));
        json!({"field": field_name(entity, change.field), "old": old, "new": new})
    });
    json!({
        "position": version.position,
        "kind": version.kind.name(),
        "at": version.at.to_string(),
        "actor": version.actor.to_string(),
        "on_behalf_of": version.on_behalf_of.map(|user| user.to_string()),
        "cause": version.cause,
        "changes": changes.collect::<Vec<_>>(),
    })
}

/// A record as it was: fields in `values`, owner, unit, tags and the like in `facts`, since a field may bear
/// the name of a fact.
pub(super) fn past_to_json(past: &PastRecord) -> Result<Json> {
    let entity = past.entity()?;
    let (mut facts, mut values) = (Map::new(), Map::new());
    for (field, value) in &past.state.values {
        let place = if is_field(entity, *field) { &mut values } else { &mut facts };
        place.insert(field_name(entity, *field), past_value_to_json(value));
    }
    Ok(json!({
        "id": past.id.to_string(),
        "entity": entity.api_name,
        "position": past.state.position,
        "version": past.state.version,
        "created_at": past.created_at.to_string(),
        "created_by": past.created_by.to_string(),
        "modified_at": past.state.modified_at.to_string(),
        "modified_by": past.state.modified_by.to_string(),
        "facts": facts,
        "values": values,
    }))
}

fn is_field(entity: &Entity, field: FieldId) -> bool {
    entity.field_by_id(field).is_some()
}
