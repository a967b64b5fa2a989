//! The method that works out reports.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::condition_from_json;
use crate::base::{Code, Error, Result, Value};
use crate::engine::{FieldSelector, Reader};
use crate::features::reports::{Bucket, Figure, GroupBy, Measure, Report, Table};
use crate::schema::Entity;

methods! {
    /// Works out a report over the records that meet a condition, which is as `query.run` takes it. A measure is
    /// `"count"`, `{"sum": field}`, `{"mean": field}`, `{"min": field}`, `{"max": field}`, `{"distinct": field}` (how
    /// many different values there are), `{"share": condition, "of": condition}` or `{"mean_days": [from, to]}`; a group is `"field"`,
    /// `"reference.field"` or `"field:month"` with day, week, month, quarter or year.
    "report.run" (session, given: Run {
        /// The entity.
        entity: String,
        /// The condition.
        filter: Option<Json>,
        /// The groups.
        group_by: Option<Vec<Json>>,
        /// The measures; the count if not said.
        measures: Option<Vec<Json>>,
    }) -> "{rows: [{group, labels, figures}]}" {
        let report = session.read(|reader| {
            let entity = reader.registry().entity(&given.entity)?;
            let count = [Json::from("count")];
            let measures = given.measures.as_deref().unwrap_or(&count).iter();
            let groups = given.group_by.as_deref().unwrap_or_default().iter();
            Ok(Report {
                entity: entity.api_name.clone(),
                filter: condition_from_json(&reader, entity, given.filter.as_ref().unwrap_or(&Json::Null))?,
                group_by: groups.map(group).collect::<Result<_>>()?,
                measures: measures.map(|json| measure(&reader, entity, json)).collect::<Result<_>>()?,
            })
        })?;
        Ok(table_to_json(&session.report(&report)?))
    }
}

pub(super) fn table_to_json(table: &Table) -> Json {
    let figure = |figure: &Figure| match figure {
        Figure::Nothing => Json::Null,
        Figure::Count(count) => json!(count),
        Figure::Number(number) => json!(number.to_string()),
        Figure::Amount(money) => Value::Money(*money).to_json(),
        Figure::Value(value) => value.to_json(),
    };
    let rows = table.rows.iter().map(|row| {
        json!({
            "group": row.group.iter().map(Value::to_json).collect::<Vec<_>>(),
            "labels": row.labels,
            "figures": row.figures.iter().map(figure).collect::<Vec<_>>(),
        })
    });
    json!({"rows": rows.collect::<Vec<_>>()})
}

fn group(json: &Json) -> Result<GroupBy> {
    let said =
        json.as_str().ok_or_else(|| Error::new(Code::InvalidArgument).field("group_by").rule("text"))?;
    let (path, bucket) = match said.split_once(':') {
        Some((path, bucket)) => (path, Some(Bucket::from_name(bucket)?)),
        None => (said, None),
    };
    // A field of another namespace has points in its name too, so only one split is tried, from the left.
    let steps = match path.split_once('.') {
        Some((first, second)) if !first.is_empty() && !second.contains('.') && first != "x" => {
            vec![first, second]
        }
        _ => vec![path],
    };
    Ok(GroupBy { path: steps.into_iter().map(FieldSelector::from).collect(), bucket })
}

/// Makes a measure of one field.
type OfField = fn(FieldSelector) -> Measure;

/// The measures of one field.
const SINGLE: [(&str, OfField); 5] = [
    ("sum", Measure::Sum),
    ("mean", Measure::Mean),
    ("min", Measure::Least),
    ("max", Measure::Greatest),
    ("distinct", Measure::Distinct),
];

fn measure(reader: &Reader<'_>, entity: &Entity, json: &Json) -> Result<Measure> {
    let known = "count, sum, mean, min, max, distinct, share or mean_days";
    let wrong = || Error::new(Code::InvalidArgument).field("measures").rule(known);
    if json.as_str() == Some("count") {
        return Ok(Measure::Count);
    }
    let parts: &Map<String, Json> = json.as_object().ok_or_else(wrong)?;
    let field = |json: &Json| json.as_str().map(FieldSelector::from).ok_or_else(wrong);
    for (name, make) in SINGLE {
        if let Some(named) = parts.get(name) {
            return field(named).map(make);
        }
    }
    if let Some(part) = parts.get("share") {
        let whole = parts.get("of").unwrap_or(&Json::Null);
        let part = condition_from_json(reader, entity, part)?;
        return Ok(Measure::Share(part, condition_from_json(reader, entity, whole)?));
    }
    match parts.get("mean_days").and_then(Json::as_array).map(Vec::as_slice) {
        Some([from, to]) => Ok(Measure::MeanDays(field(from)?, field(to)?)),
        _ => Err(wrong()),
    }
}
