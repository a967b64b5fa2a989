//! Methods that declare indexes and counters, and build them.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::base::{Code, Error, Result};
use crate::schema::{CounterDefinition, Entity, IndexDefinition};

methods! {
    /// Adds an index of the customer's own over one to four fields. A list that fixes the first fields by its
    /// condition, and bounds or sorts by the next, then costs the same however many records there are.
    "schema.define_index" (session, given: DefineIndex {
        /// The entity.
        entity: String,
        /// The name, without namespace.
        name: String,
        /// The fields in their order, system fields such as `created_at` among them; `-amount` falls.
        fields: Vec<Json>,
    }) -> "{index}" {
        let mut index = IndexDefinition::new("x", 0, &given.name);
        for name in names("fields", &given.fields)? {
            index = match name.strip_prefix('-') {
                Some(name) => index.falling(name),
                None => index.rising(name),
            };
        }
        Ok(json!({"index": session.define_index(&given.entity, index)?}))
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
    }) -> "{counter}" {
        let groups = names("group_by", &given.group_by)?;
        let mut counter = CounterDefinition::new("x", 0, &given.name, &groups);
        for name in names("sums", given.sums.as_deref().unwrap_or_default())? {
            counter = counter.summing(name);
        }
        Ok(json!({"counter": session.define_counter(&given.entity, counter)?}))
    }

    /// Goes on with every index and counter that is not complete, in chunks between which others write.
    "schema.build_indexes" (session, _given: BuildIndexes {}) -> "{outcome}" {
        session.build_indexes()?;
        Ok(json!({"outcome": "built"}))
    }
}

fn names<'j>(field: &str, list: &'j [Json]) -> Result<Vec<&'j str>> {
    let wrong = || Error::new(Code::InvalidArgument).field(field).rule("a list of field names");
    list.iter().map(|json| json.as_str().ok_or_else(wrong)).collect()
}

/// The declared indexes and counters of an entity, but for those that speak of a hidden field.
pub(super) fn declared_to_json(entity: &Entity, shown: &[crate::base::FieldId]) -> (Json, Json) {
    let sees = |field: crate::base::FieldId| entity.field_by_id(field).is_none() || shown.contains(&field);
    let indexes = entity.indexes().iter().filter(|index| {
        let mut fields = index.components().iter().map(|component| component.field());
        fields.all(sees)
    });
    let indexes = indexes.map(|index| {
        json!({"name": index.api_name, "fields": index.definition.fields, "complete": index.complete})
    });
    let counters = entity.counters().iter();
    let counters = counters.filter(|counter| counter.group_by().chain(counter.sums()).all(sees));
    let counters = counters.map(|counter| {
        json!({
            "name": counter.api_name,
            "group_by": counter.definition.group_by,
            "sums": counter.definition.sums,
            "complete": counter.complete,
        })
    });
    (Json::Array(indexes.collect()), Json::Array(counters.collect()))
}
