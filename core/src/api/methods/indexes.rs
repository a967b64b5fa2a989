//! Methods that declare indexes and counters, and build them.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::planned::define_or_plan;
use crate::base::{Code, Error, Result};
use crate::schema::{CounterDefinition, IndexDefinition};

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
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{index}" {
        let mut index = IndexDefinition::new("x", 0, &given.name);
        for name in names("fields", &given.fields)? {
            index = match name.strip_prefix('-') {
                Some(name) => index.falling(name),
                None => index.rising(name),
            };
        }
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
