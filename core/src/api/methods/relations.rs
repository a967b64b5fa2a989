//! Methods on relations: declared, linked, ended, and asked from either end.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{
    changes_from_json, cursor_from_text, cursor_to_text, day_from_text, listing_to_json, warnings_to_json,
};
use crate::api::planned::define_or_plan;
use crate::base::{Code, Error, Label, RecordId, Result};
use crate::engine::{LinkFind, LinkedRecord, NewRelation, Session, Total, Unlinked};
use crate::schema::{Cardinality, FieldDefinition, RelationDefinition, RelationSide};

use super::query::total;
use super::records::write;

methods! {
    /// Declares a relation of the customer's own: links between records, in a role at each end, with fields of
    /// its own. A relation of this name that stands changes its labels, what becomes of links on a deletion,
    /// and a cardinality that becomes looser.
    "schema.define_relation" (session, given: DefineRelation {
        /// The name, without namespace.
        name: String,
        /// What people read, in Chinese.
        label_zh: String,
        /// What people read, in English.
        label_en: String,
        /// The side that a link goes out from: {entities, label: {zh, en}, name, on_delete}. The name of the
        /// field is `from` if not said, on_delete is `restrict` or `cascade`.
        from: Json,
        /// The side that it leads to, likewise; its field is called `to` if not said.
        to: Json,
        /// `many_to_many`, `many_to_one` or `one_to_one` on any one day; `many_to_many` if not said.
        cardinality: Option<String>,
        /// Whether a link says the same of both ends; no if not said.
        symmetric: Option<bool>,
        /// Whether a record may be linked to itself; no if not said.
        to_itself: Option<bool>,
        /// Whether links hold from `valid_from` up to `valid_to`, which is not among the days; no if not said.
        validity: Option<bool>,
        /// Its own fields, as packages have them, without numbers.
        fields: Option<Vec<Json>>,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{relation}" {
        let relation = RelationDefinition {
            from: RelationSide::from_json(&given.from, "from")?,
            to: RelationSide::from_json(&given.to, "to")?,
            cardinality: given.cardinality.as_deref().map(cardinality).transpose()?.unwrap_or_default(),
            symmetric: given.symmetric.unwrap_or(false),
            to_itself: given.to_itself.unwrap_or(false),
            validity: given.validity.unwrap_or(false),
        };
        let fields = given.fields.unwrap_or_default();
        let relation = NewRelation {
            name: given.name,
            label: Label::new(&given.label_zh, &given.label_en),
            relation,
            fields: fields.into_iter().map(field).collect::<Result<_>>()?,
        };
        define_or_plan(session, given.dry_run, |session| {
            Ok(json!({"relation": session.define_relation(relation)?}))
        })
    }

    /// Links two records.
    "relation.link" (session, given: Link {
        /// The relation.
        relation: String,
        /// The record that the link goes out from.
        from: RecordId,
        /// The record that it leads to.
        to: RecordId,
        /// The first day on which it holds; it has no beginning if not said.
        valid_from: Option<String>,
        /// The day from which on it no longer holds; it has no end if not said.
        valid_to: Option<String>,
        /// Values of the relation's own fields by name.
        values: Option<Map<String, Json>>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, warnings}" {
        let mut values = given.values.unwrap_or_default();
        for (name, day) in [("valid_from", given.valid_from), ("valid_to", given.valid_to)] {
            if let Some(day) = day {
                values.insert(name.to_owned(), json!(day));
            }
        }
        let ends = (given.from, given.to);
        let request = json!([given.relation, ends.0.to_string(), ends.1.to_string(), values]);
        write(session, "relation.link", given.idempotency_key.as_deref(), &request, |transaction| {
            let reader = transaction.reader();
            let changes = changes_from_json(&reader, reader.registry().entity(&given.relation)?, &values)?;
            let id = transaction.link(&given.relation, ends.0, ends.1, changes)?;
            let warnings = transaction.take_warnings();
            Ok(json!({
                "id": id.to_string(),
                "warnings": warnings_to_json(&warnings, transaction.locale()),
            }))
        })
    }

    /// Ends a link from a day on, or deletes it where it would not have held on any day, or where the relation
    /// has no validity.
    "relation.unlink" (session, given: Unlink {
        /// The relation.
        relation: String,
        /// The link; this, or `from` and `to`.
        id: Option<RecordId>,
        /// The record that the link goes out from.
        from: Option<RecordId>,
        /// The record that it leads to.
        to: Option<RecordId>,
        /// The day from which on it no longer holds; today if not said.
        at: Option<String>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, outcome, valid_to}" {
        let at = day_from_text("at", given.at.as_deref())?;
        let named = |id: Option<RecordId>| id.map(|id| id.to_string());
        let request = json!([given.relation, named(given.id), named(given.from), named(given.to), given.at]);
        let place = (given.id, given.from, given.to);
        write(session, "relation.unlink", given.idempotency_key.as_deref(), &request, |transaction| {
            let (id, unlinked) = match place {
                (Some(id), None, None) => (id, transaction.unlink(&given.relation, id, at)?),
                (None, Some(from), Some(to)) => transaction.unlink_pair(&given.relation, (from, to), at)?,
                _ => {
                    let unclear = Error::new(Code::InvalidArgument).field("id");
                    return Err(unclear.rule("either id, or from and to"));
                }
            };
            let (outcome, valid_to) = match unlinked {
                Unlinked::Ended(day) => ("ended", Some(day.to_string())),
                Unlinked::Deleted => ("deleted", None),
            };
            Ok(json!({"id": id.to_string(), "outcome": outcome, "valid_to": valid_to}))
        })
    }

    /// Lists the links of a record whose both ends the user sees, a page at a time. A page may be empty, and
    /// more to come; the list ends where there is no cursor.
    "relation.list" (session, given: List {
        /// The relation.
        relation: String,
        /// The entity of the record.
        entity: String,
        /// The record.
        id: RecordId,
        /// The side at which the record stands, by the name of its field; either one if not said.
        side: Option<String>,
        /// The day on which the links hold; all that ever did or will if not said.
        at: Option<String>,
        /// Most links; 100 if not said, 1000 at the most.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{rows: [{side, role, entity, id, title, link}], cursor}" {
        let find = LinkFind {
            side: given.side,
            at: day_from_text("at", given.at.as_deref())?,
            limit: given.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            after: given.cursor.as_deref().map(cursor_from_text).transpose()?,
        };
        let page = session.links(&given.relation, &given.entity, given.id, &find)?;
        let rows = page.rows.iter().map(|row| linked_to_json(session, row));
        Ok(json!({
            "rows": rows.collect::<Result<Vec<_>>>()?,
            "cursor": page.next.as_ref().map(cursor_to_text).transpose()?,
        }))
    }

    /// Counts the links of a record whose both ends the user sees. No link of another record is read.
    "relation.count" (session, given: Count {
        /// The relation.
        relation: String,
        /// The entity of the record.
        entity: String,
        /// The record.
        id: RecordId,
        /// The side at which the record stands, by the name of its field; either one if not said.
        side: Option<String>,
        /// The day on which the links hold; all that ever did or will if not said.
        at: Option<String>,
        /// How far they are counted: `none`, `bounded` (the first 10,000 links of the record are looked at) or `exact`;
        /// `bounded` if not said.
        total: Option<String>,
    }) -> "{count, more}" {
        let total = total(given.total.as_deref(), Total::USUAL)?;
        let at = day_from_text("at", given.at.as_deref())?;
        let find = LinkFind { side: given.side, at, ..LinkFind::default() };
        let (count, more) = session.read(|reader| {
            reader.count_links(&given.relation, &given.entity, given.id, &find, total)
        })?;
        Ok(json!({"count": count, "more": more}))
    }
}

fn cardinality(name: &str) -> Result<Cardinality> {
    serde_json::from_value(Json::from(name))
        .map_err(|_| Error::new(Code::InvalidArgument).field("cardinality").value(name))
}

/// A field without its number, which the engine gives.
fn field(mut document: Json) -> Result<FieldDefinition> {
    if let Some(field) = document.as_object_mut() {
        field.insert("local".to_owned(), json!(0));
    }
    FieldDefinition::from_json(&document)
}

fn linked_to_json(session: &Session, row: &LinkedRecord) -> Result<Json> {
    Ok(json!({
        "side": row.side,
        "role": row.role.text(session.locale()),
        "entity": row.entity,
        "id": row.id.to_string(),
        "title": row.title,
        "link": listing_to_json(&row.link)?,
    }))
}
