//! Methods that list, count and explain, as a screen asks for it.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{
    collation_from_json, condition_from_json, cursor_to_text, explanation_to_json, find_at, find_from_json,
    listing_to_json,
};
use crate::base::{Code, Error, Period, Result};
use crate::engine::{Counted, FieldSelector, Find, Question, Total};

methods! {
    /// Lists records, a page at a time: with the fields that are wanted, the titles of the records that they
    /// refer to, and how many there are. A condition may go along references, as `account.owner.name`, at most
    /// three of them, and back along them: `{"has": {"entity": "contact", "by": "account", "where": {…}}}` and
    /// `{"has_none": …}` speak of the records, or links of a relation, that refer to the one asked for; with
    /// `valid_at`, of those alone that hold on that day. A symmetric relation is found from both of its sides. Groups,
    /// sums and other figures over the records of a condition are what `report.run` works out.
    "query.run" (session, given: Run {
        /// The entity.
        entity: String,
        /// The condition.
        filter: Option<Json>,
        /// The day on which the records hold, where they hold on some days; whenever if not said.
        valid_at: Option<String>,
        /// Fields in order; `-amount` falls.
        sort: Option<Vec<Json>>,
        /// How texts sort: `code_point`, `pinyin`, `stroke` or `surname`; `code_point` if not said.
        collation: Option<String>,
        /// A BCP 47 tag: texts that have a translation in this language are told, compared and sorted by it. No index
        /// knows translations.
        locale: Option<String>,
        /// The fields that the rows have; all if not said.
        fields: Option<Vec<Json>>,
        /// Whether the titles of the records that the rows refer to come along, by id.
        display: Option<bool>,
        /// How far records are counted: `none`, `bounded` (to 10,000) or `exact`; `none` if not said.
        total: Option<String>,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{rows, cursor, titles, total: {count, more, source}}" {
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
            let collation = collation_from_json(given.collation.as_deref())?;
            let find = Find { collation, locale: given.locale.clone(), ..find };
            let fields = given.fields.as_deref().unwrap_or_default().iter().map(|json| {
                let wrong = || Error::new(Code::InvalidArgument).field("fields").rule("text");
                json.as_str().map(FieldSelector::from).ok_or_else(wrong)
            });
            let question = Question {
                find: find_at(find, given.valid_at.as_deref())?,
                fields: fields.collect::<Result<_>>()?,
                display: given.display.unwrap_or(false),
                total: total(given.total.as_deref(), Total::None)?,
            };
            let answer = reader.query(&given.entity, &question)?;
            let titles = answer.titles.iter().map(|(id, title)| (id.to_string(), json!(title)));
            Ok(json!({
                "rows": answer.rows.iter().map(listing_to_json).collect::<Result<Vec<_>>>()?,
                "cursor": answer.next.as_ref().map(cursor_to_text).transpose()?,
                "titles": question.display.then(|| titles.collect::<Map<_, _>>()),
                "total": answer.total.map(counted_to_json),
            }))
        })
    }

    /// Counts records, and says where the count comes from: `counters` that writes keep, the keys of an
    /// `index`, or a `scan` of the records.
    "query.count" (session, given: Count {
        /// The entity.
        entity: String,
        /// The condition.
        filter: Option<Json>,
        /// How far records are counted: `bounded` (to 10,000) or `exact`; `bounded` if not said. What counters
        /// answer is exact in either case.
        total: Option<String>,
        /// A BCP 47 tag: texts that have a translation in this language are compared by it.
        locale: Option<String>,
    }) -> "{count, more, source}" {
        session.read(|reader| {
            let entity = reader.registry().entity(&given.entity)?;
            let filter = given.filter.as_ref().unwrap_or(&Json::Null);
            let condition = condition_from_json(&reader, entity, filter)?;
            let total = total(given.total.as_deref(), Total::USUAL)?;
            Ok(counted_to_json(reader.count_in(given.locale.as_deref(), &given.entity, &condition, total)?))
        })
    }

    /// Says how a list would be read: by which index, which of its components the condition fixes or bounds,
    /// how many ranges are merged, how many conditions are held against each record, whether rows come in
    /// order, about how many keys are read in all, and where a count comes from. Alternatives that are answered by
    /// an index each are listed with their indexes; the index is called `any` then. `keys` is known from
    /// `counters`, from the `index` that was counted, from a `sample` of it, or there are `more` than so many; of
    /// links, whose ends the reader may not see, it is not told.
    "query.explain" (session, given: Explain {
        /// The entity.
        entity: String,
        /// The condition.
        filter: Option<Json>,
        /// The day on which the records hold.
        valid_at: Option<String>,
        /// Fields in order; `-amount` falls.
        sort: Option<Vec<Json>>,
        /// How texts sort: `code_point`, `pinyin`, `stroke` or `surname`; `code_point` if not said.
        collation: Option<String>,
        /// The language of the texts, as `query.run` takes it.
        locale: Option<String>,
    }) -> "{index, components, alternatives: [{index, components}], ranges, lanes, residual, order, scan, keys: {about, from}, count}" {
        session.read(|reader| {
            let entity = reader.registry().entity(&given.entity)?;
            let filter = given.filter.as_ref().unwrap_or(&Json::Null);
            let sort = given.sort.as_deref().unwrap_or_default();
            let find = find_from_json(&reader, entity, filter, sort, None, None)?;
            let collation = collation_from_json(given.collation.as_deref())?;
            let find = Find { collation, locale: given.locale.clone(), ..find };
            let find = find_at(find, given.valid_at.as_deref())?;
            let explained = reader.explain(&given.entity, &find)?;
            Ok(explanation_to_json(entity, &explained))
        })
    }

    /// Lists the spans of time around now that the operator `within` takes, in the session's language.
    "query.periods" (session, _given: Periods {}) -> "{periods: [{name, label}]}" {
        let periods = Period::ALL.iter().map(|period| {
            json!({"name": period.code(), "label": period.label().text(session.locale())})
        });
        Ok(json!({"periods": periods.collect::<Vec<_>>()}))
    }
}

/// How far a method counts.
pub(super) fn total(said: Option<&str>, usual: Total) -> Result<Total> {
    match said {
        None => Ok(usual),
        Some("none") => Ok(Total::None),
        Some("bounded") => Ok(Total::USUAL),
        Some("exact") => Ok(Total::Exact),
        Some(other) => Err(Error::new(Code::InvalidArgument).field("total").value(other)),
    }
}

fn counted_to_json(counted: Counted) -> Json {
    json!({"count": counted.count, "more": counted.more, "source": counted.source.name()})
}
