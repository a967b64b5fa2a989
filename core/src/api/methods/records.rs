//! Methods on records of any entity.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{
    changes_from_json, condition_from_json, cursor_to_text, find_from_json, listing_to_json,
    warnings_to_json, with,
};
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{Changes, Find, Session, Total, Transaction, Upserted, WriteOptions};

/// Writes once: with an idempotency key a repeated request gets the first answer.
pub(super) fn write(
    session: &Session,
    method: &str,
    key: Option<&str>,
    request: &Json,
    change: impl FnMut(&mut Transaction<'_>) -> Result<Json>,
) -> Result<Json> {
    let options = WriteOptions::default().cause(method);
    match key {
        Some(key) => session.write_once(key, &json!([method, request]), options, change),
        None => session.write_with(options, change),
    }
}

fn changes(
    transaction: &Transaction<'_>,
    entity: &str,
    values: &Map<String, Json>,
    version: Option<u64>,
) -> Result<Changes> {
    let reader = transaction.reader();
    let changes = changes_from_json(&reader, reader.registry().entity(entity)?, values)?;
    Ok(match version {
        Some(version) => changes.expect_version(version),
        None => changes,
    })
}

fn answer(transaction: &mut Transaction<'_>, upserted: Upserted) -> Json {
    let warnings = transaction.take_warnings();
    let outcome = match upserted {
        Upserted::Created(_) => "created",
        Upserted::Updated(_) => "updated",
        Upserted::Unchanged(_) => "unchanged",
    };
    json!({
        "id": upserted.id().to_string(),
        "outcome": outcome,
        "warnings": warnings_to_json(&warnings, transaction.locale()),
    })
}

methods! {
    /// Creates a record.
    "record.create" (session, given: Create {
        /// The entity.
        entity: String,
        /// Values by field name; `owner` names a user.
        values: Map<String, Json>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, outcome, warnings}" {
        let request = json!([given.entity, given.values]);
        write(session, "record.create", given.idempotency_key.as_deref(), &request, |transaction| {
            let changes = changes(transaction, &given.entity, &given.values, None)?;
            let id = transaction.create_record(&given.entity, changes)?;
            Ok(answer(transaction, Upserted::Created(id)))
        })
    }

    /// Lists the steps that leave the states of a record, with whether each is open to it now.
    "record.transitions" (session, given: Transitions {
        /// The entity.
        entity: String,
        /// The record.
        id: String,
    }) -> "{transitions: [{field, name, label, to, open}]}" {
        let locale = session.locale();
        let steps = session.open_steps(&given.entity, given.id.parse()?)?;
        let steps = steps.iter().map(|step| {
            json!({
                "field": step.field,
                "name": step.name,
                "label": step.label.text(locale),
                "to": step.to,
                "open": step.open,
            })
        });
        Ok(json!({"transitions": steps.collect::<Vec<_>>()}))
    }

    /// Reads a record.
    "record.get" (session, given: Get {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// A BCP 47 tag: texts that have a translation in this language are told in it.
        locale: Option<String>,
    }) -> "{id, entity, title, number, version, owner, unit, created_at, modified_at, tags, locked_by, lock_reason, external_ids, values}" {
        let row = session.get(&given.entity, given.id)?;
        listing_to_json(&match given.locale.as_deref() {
            Some(tag) => row.in_language(tag)?,
            None => row,
        })
    }

    /// Sets the text of a translatable field in other languages. Lists sort and filter by the text itself unless they
    /// name a language, and search finds all of them.
    "record.translate" (session, given: Translate {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The field.
        field: String,
        /// Texts by BCP 47 tag; null takes one away, and what is not named stays.
        texts: Map<String, Json>,
        /// The version that the record must have.
        version: Option<u64>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, outcome, warnings}" {
        let request = json!([given.entity, given.id.to_string(), given.field, given.texts, given.version]);
        write(session, "record.translate", given.idempotency_key.as_deref(), &request, |transaction| {
            let mut changes = changes(transaction, &given.entity, &Map::new(), given.version)?;
            for (locale, text) in &given.texts {
                let text = match text {
                    Json::Null => None,
                    Json::String(text) => Some(text.as_str()),
                    _ => return Err(Error::new(Code::WrongType).field(&given.field).rule("text")),
                };
                changes = changes.translate(given.field.as_str(), locale, text);
            }
            let upserted = transaction.update_record(&given.entity, given.id, changes)?;
            Ok(answer(transaction, upserted))
        })
    }

    /// Changes a record.
    "record.update" (session, given: Update {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// Values by field name; null empties a field.
        values: Map<String, Json>,
        /// The version that the record must have.
        version: Option<u64>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, outcome, warnings}" {
        let request = json!([given.entity, given.id.to_string(), given.values, given.version]);
        write(session, "record.update", given.idempotency_key.as_deref(), &request, |transaction| {
            let changes = changes(transaction, &given.entity, &given.values, given.version)?;
            let upserted = transaction.update_record(&given.entity, given.id, changes)?;
            Ok(answer(transaction, upserted))
        })
    }

    /// Creates the record of an external id, or changes the one that bears it.
    "record.upsert" (session, given: Upsert {
        /// The entity.
        entity: String,
        /// The other system.
        source: String,
        /// Its key.
        key: String,
        /// Values by field name.
        values: Map<String, Json>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, outcome, warnings}" {
        let request = json!([given.entity, given.source, given.key, given.values]);
        write(session, "record.upsert", given.idempotency_key.as_deref(), &request, |transaction| {
            let changes = changes(transaction, &given.entity, &given.values, None)?;
            let upserted = transaction.upsert_record(&given.entity, &given.source, &given.key, changes)?;
            Ok(answer(transaction, upserted))
        })
    }

    /// Locks a record: nobody changes it any more, its owner, tags and attachments included, nor deletes it, until it
    /// is unlocked. It takes the rights to lock the record and to change it.
    "record.lock" (session, given: Lock {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// Why, for whoever reads the record.
        reason: Option<String>,
    }) -> "{id, outcome, warnings}" {
        let options = WriteOptions::default().cause("record.lock");
        session.write_with(options, |transaction| {
            let locked = transaction.lock_record(&given.entity, given.id, given.reason.as_deref())?;
            Ok(answer(transaction, locked))
        })
    }

    /// Unlocks a record that the user has locked; one of somebody else only who may administer the entity.
    "record.unlock" (session, given: Unlock {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// Why, for the ledger.
        reason: Option<String>,
    }) -> "{id, outcome, warnings}" {
        let options = WriteOptions::default().cause("record.unlock");
        session.write_with(options, |transaction| {
            let unlocked = transaction.unlock_record(&given.entity, given.id, given.reason.as_deref())?;
            Ok(answer(transaction, unlocked))
        })
    }

    /// Deletes a record softly.
    "record.delete" (session, given: Delete {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, outcome}" {
        let request = json!([given.entity, given.id.to_string()]);
        write(session, "record.delete", given.idempotency_key.as_deref(), &request, |transaction| {
            transaction.delete_record(&given.entity, given.id)?;
            Ok(json!({"id": given.id.to_string(), "outcome": "deleted"}))
        })
    }

    /// Forgets a person: empties the record and destroys the key of its history. It cannot be taken back. `receipt` is
    /// the id of the receipt, which `privacy.receipts` lists.
    "record.erase" (session, given: Erase {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
    }) -> "{id, outcome, receipt}" {
        let receipt = session.erase(&given.entity, given.id)?;
        Ok(json!({"id": given.id.to_string(), "outcome": "erased", "receipt": receipt.id.to_string()}))
    }

    /// Lists records, a page at a time.
    "record.list" (session, given: List {
        /// The entity.
        entity: String,
        /// The condition.
        filter: Option<Json>,
        /// Fields in order; `-amount` falls.
        sort: Option<Vec<Json>>,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
        /// A BCP 47 tag: texts that have a translation in this language are told, compared and sorted by it. No index
        /// knows translations.
        locale: Option<String>,
    }) -> "{rows, cursor}" {
        session.read(|reader| {
            let entity = reader.registry().entity(&given.entity)?;
            let find = find_from_json(
                &reader,
                entity,
                given.filter.as_ref().unwrap_or(&Json::Null),
                given.sort.as_deref().unwrap_or_default(),
                given.limit,
                given.cursor.as_deref(),
            )?;
            let page = reader.find(&given.entity, &Find { locale: given.locale.clone(), ..find })?;
            let rows = page.rows.iter().map(listing_to_json).collect::<Result<Vec<_>>>()?;
            Ok(json!({"rows": rows, "cursor": page.next.as_ref().map(cursor_to_text).transpose()?}))
        })
    }

    /// Reads what stands above and below a record in a tree of its entity, as far as the user sees.
    "record.tree" (session, given: ReadTree {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The field that names the record above; the only one that makes a tree if not said.
        field: Option<String>,
        /// Most records below it; 100 if not said.
        limit: Option<u64>,
    }) -> "{ancestors: [record], descendants: [record with {parent, depth}], more}" {
        let limit = given.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let tree = session.tree(&given.entity, given.id, given.field.as_deref(), limit)?;
        let ancestors = tree.ancestors.iter().map(listing_to_json).collect::<Result<Vec<_>>>()?;
        let descendants = tree.descendants.iter().map(|node| {
            let members = [("parent", json!(node.parent.to_string())), ("depth", json!(node.depth))];
            Ok(with(listing_to_json(&node.record)?, members))
        });
        let descendants = descendants.collect::<Result<Vec<_>>>()?;
        Ok(json!({"ancestors": ancestors, "descendants": descendants, "more": tree.more}))
    }

    /// Counts records.
    "record.count" (session, given: Count {
        /// The entity.
        entity: String,
        /// The condition.
        filter: Option<Json>,
        /// A BCP 47 tag: texts that have a translation in this language are compared by it.
        locale: Option<String>,
    }) -> "{count}" {
        session.read(|reader| {
            let entity = reader.registry().entity(&given.entity)?;
            let filter = given.filter.as_ref().unwrap_or(&Json::Null);
            let condition = condition_from_json(&reader, entity, filter)?;
            let counted = reader.count_in(given.locale.as_deref(), &given.entity, &condition, Total::Exact)?;
            Ok(json!({"count": counted.count}))
        })
    }
}
