//! Methods that declare indexes and counters, and build them.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::collation_from_json;
use crate::api::planned::define_or_plan;
use crate::base::{Code, Collation, Error, Result};
use crate::schema::{CounterDefinition, FieldKeys, IndexDefinition, IndexField, Reveal};

methods! {
    /// Adds an index of the customer's own over one to four fields. A list that fixes the first fields by its
    /// condition, and bounds or sorts by the next, then costs the same however many records there are.
    "schema.define_index" (session, given: DefineIndex {
        /// The entity.
        entity: String,
        /// The name, without namespace.
        name: String,
        /// The fields in their order, system fields such as `created_at` among them; `-amount` falls. A text may
        /// be `{field, descending, collation}`, to serve lists that sort it by `pinyin`, `stroke` or `surname`. One
        /// may have several codes or references; the index then serves lists that name values of it.
        fields: Vec<Json>,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{index}" {
        let mut index = IndexDefinition::new("x", 0, &given.name);
        index.fields = given.fields.iter().map(index_field).collect::<Result<_>>()?;
        define_or_plan(session, given.dry_run, |session| {
            Ok(json!({"index": session.define_index(&given.entity, index)?}))
        })
    }

    /// Adds a counter of the customer's own: how many records there are for each combination of values of one
    /// to three fields, and what up to four fields of theirs come to. Counts and reports of that shape then
    /// read no record.
    "schema.define_counter" (session, given: DefineCounter {
        /// The entity.
        entity: String,
        /// The name, without namespace.
        name: String,
        /// The fields by which it groups: enums, references, int, date and bool.
        group_by: Vec<Json>,
        /// The fields that it sums: int, decimal and money.
        sums: Option<Vec<Json>>,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{counter}" {
        let groups = names("group_by", &given.group_by)?;
        let mut counter = CounterDefinition::new("x", 0, &given.name, &groups);
        for name in names("sums", given.sums.as_deref().unwrap_or_default())? {
            counter = counter.summing(name);
        }
        define_or_plan(session, given.dry_run, |session| {
            Ok(json!({"counter": session.define_counter(&given.entity, counter)?}))
        })
    }

    /// Switches the index of a field of the customer's own on, so that lists filter and sort by it through one; with
    /// `unique`, also that no two records have the same value.
    "schema.index_field" (session, given: IndexOfField {
        /// The entity.
        entity: String,
        /// The field.
        field: String,
        /// Whether no two records have the same value; no if not said. Where some have, it stays as it was, and the
        /// error lists them.
        unique: Option<bool>,
        /// What a refused writer learns of a record that has the value and that they may not see: `nothing`,
        /// `existence` (that it is such a record) or `owner` (whose it is); as it was if not said.
        reveal: Option<String>,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        let keys = FieldKeys { index: true, unique: given.unique.unwrap_or(false) };
        let reveal = given.reveal.as_deref().map(Reveal::from_name).transpose()?;
        define_or_plan(session, given.dry_run, |session| {
            session.index_field(&given.entity, &given.field, keys, reveal)?;
            Ok(json!({"outcome": "indexed"}))
        })
    }

    /// What is still being built over records that stood when it was declared: indexes, counters, rollups, unique
    /// rules, the index or unique values of fields, and rows of records that are worked out anew. `kind` is `index`,
    /// `counter`, `rollup`, `unique`, `field`, `rows`, `temporal`, or `sweep` for keys of what was taken back; `done` of `total` records are in. `schema.build_indexes` goes on with
    /// it.
    "schema.pending_builds" (session, _given: PendingBuilds {}) -> "{builds: [{entity, kind, name, done, total}]}" {
        let builds = session.pending_builds()?;
        let told = builds.iter().map(|build| {
            json!({
                "entity": build.entity, "kind": build.kind, "name": build.name,
                "done": build.done, "total": build.total,
            })
        });
        Ok(json!({"builds": told.collect::<Vec<_>>()}))
    }

    /// Takes an index of the customer's own back: no query reads it any more, and its keys go in chunks.
    "schema.remove_index" (session, given: RemoveIndex {
        /// The entity.
        entity: String,
        /// The name, with the namespace or without.
        name: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        define_or_plan(session, given.dry_run, |session| {
            session.remove_index(&given.entity, &given.name)?;
            Ok(json!({"outcome": "removed"}))
        })
    }

    /// Gives an entity a temporal index: every version of its records is kept whole, so that lists of the past read no
    /// history. It takes as much space as all versions together.
    "schema.define_temporal_index" (session, given: DefineTemporalIndex {
        /// The entity.
        entity: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        define_or_plan(session, given.dry_run, |session| {
            session.define_temporal_index(&given.entity)?;
            Ok(json!({"outcome": "defined"}))
        })
    }

    /// Takes the temporal index of the customer's own back: lists of the past read histories again, and its keys go in
    /// chunks.
    "schema.remove_temporal_index" (session, given: RemoveTemporalIndex {
        /// The entity.
        entity: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        define_or_plan(session, given.dry_run, |session| {
            session.remove_temporal_index(&given.entity)?;
            Ok(json!({"outcome": "removed"}))
        })
    }

    /// Takes a counter of the customer's own back: counts of its shape read records again, and its keys go in chunks.
    "schema.remove_counter" (session, given: RemoveCounter {
        /// The entity.
        entity: String,
        /// The name, with the namespace or without.
        name: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        define_or_plan(session, given.dry_run, |session| {
            session.remove_counter(&given.entity, &given.name)?;
            Ok(json!({"outcome": "removed"}))
        })
    }

    /// Goes on with every index and counter that is not complete, in chunks between which others write.
    "schema.build_indexes" (session, _given: BuildIndexes {}) -> "{outcome}" {
        session.build_indexes()?;
        Ok(json!({"outcome": "built"}))
    }
}

/// A field of an index: its name, with a minus sign before it if it falls, or an object.
fn index_field(json: &Json) -> Result<IndexField> {
    if let Some(said) = json.as_str() {
        let (field, descending) = said.strip_prefix('-').map_or((said, false), |name| (name, true));
        return Ok(IndexField { field: field.to_owned(), descending, collation: Collation::default() });
    }
    let wrong = || Error::new(Code::InvalidArgument).field("fields").rule("{field, descending, collation}");
    let parts = json.as_object().ok_or_else(wrong)?;
    let text = |name: &str| parts.get(name).map(|said| said.as_str().ok_or_else(wrong)).transpose();
    if parts.keys().any(|name| !["field", "descending", "collation"].contains(&name.as_str())) {
        return Err(wrong());
    }
    Ok(IndexField {
        field: text("field")?.ok_or_else(wrong)?.to_owned(),
        descending: parts.get("descending").map_or(Some(false), Json::as_bool).ok_or_else(wrong)?,
        collation: collation_from_json(text("collation")?)?,
    })
}

pub(super) fn names<'j>(field: &str, list: &'j [Json]) -> Result<Vec<&'j str>> {
    let wrong = || Error::new(Code::InvalidArgument).field(field).rule("a list of field names");
    list.iter().map(|json| json.as_str().ok_or_else(wrong)).collect()
}
