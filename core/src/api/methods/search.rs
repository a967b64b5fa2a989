//! The methods that search every entity, or one.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::find_from_json;
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{FieldSelector, Listing, SavedSearch, Session, TextsWaiting};
use crate::features::search::{Facet, Fault, SearchHit, SearchPage, SearchProgress, SearchRequest};

methods! {
    /// Searches every entity that the user may read, or one, best first. Every word must match. `"two words"` are
    /// a phrase, `-word` must not match, `a OR b` is either, `(…)` a group, `name:word` looks in one field alone, and
    /// `wor*` for a beginning; of one entity `amount:>1000` and `amount:10..20` compare. What makes no sense is told
    /// in `faults`, by its place and length in characters, and the text is read without it, as `read_as` says. Hits
    /// are `near` where none has the words as they are written; `corrected` has the misspelt ones put right. While the
    /// index is being made anew, `incomplete` has the records it has, of how many, and the entries of the ledger that
    /// it has not looked at; otherwise it is null.
    "search.find" (session, given: Find {
        /// What to look for.
        text: String,
        /// One entity; all if not said.
        entity: Option<String>,
        /// A condition that the hits of one entity meet besides; at most 10,000 records may match the words then.
        filter: Option<Json>,
        /// Fields of the one entity in order, `-amount` falls; the best hits first if not said.
        sort: Option<Vec<Json>>,
        /// Fields of the one entity whose values are counted among the hits.
        facets: Option<Vec<Json>>,
        /// Groups of words that stand for each other, as `[["有限公司", "Ltd"]]`, beside those of the setting
        /// `search.synonyms`.
        synonyms: Option<Json>,
        /// What hits of an entity count, by its API name, as `{"account": 2}`; 1 if not said.
        weights: Option<Json>,
        /// What is added to the score of a record that was changed now, as a part of it; half is left after 30 days.
        recent: Option<Json>,
        /// What is added to the score of the user's own records, as a part of it.
        own: Option<Json>,
        /// Whether records that have only some of the words are found where none has all.
        closest: Option<bool>,
        /// Most hits; 20 if not said.
        limit: Option<u64>,
        /// Hits to pass over.
        offset: Option<u64>,
    }) -> "{hits: [{entity, id, title, highlights: [{field, text, ranges}]}], total, entities, facets: [{field, values: [{value, count}]}], near, corrected, faults: [{place, length, rule}], read_as, incomplete: {done, total, entries}}" {
        let request = SearchRequest {
            entity: given.entity.clone(),
            synonyms: groups(given.synonyms.as_ref())?,
            weights: weights(given.weights.as_ref())?,
            recent: part(given.recent.as_ref(), "recent")?,
            own: part(given.own.as_ref(), "own")?,
            closest: given.closest.unwrap_or(false),
            limit: size(given.limit, 20),
            offset: size(given.offset, 0),
            ..SearchRequest::new(&given.text)
        };
        let request = narrowed(session, request, &given)?;
        page_to_json(&session.search_with(&request)?)
    }

    /// Completes what was typed: titles of records that the user may see, best first.
    "search.complete" (session, given: Complete {
        /// What was typed.
        text: String,
        /// One entity; all if not said.
        entity: Option<String>,
        /// Most titles; 10 if not said.
        limit: Option<u64>,
    }) -> "{titles: [{entity, id, title}]}" {
        let found = session.complete(&given.text, given.entity.as_deref(), size(given.limit, 10))?;
        let titles = found.iter().map(title_to_json);
        Ok(json!({"titles": titles.collect::<Result<Vec<_>>>()?}))
    }

    /// Finds records that have telling words in common with one, the most alike first. `incomplete` is as in
    /// `search.find`.
    "search.similar" (session, given: Similar {
        /// The entity of the record.
        entity: String,
        /// The record.
        id: RecordId,
        /// The one entity of which records are wanted; all if not said.
        among: Option<String>,
        /// Most hits; 20 if not said.
        limit: Option<u64>,
        /// Hits to pass over.
        offset: Option<u64>,
    }) -> "{hits: [{entity, id, title}], total, entities, incomplete: {done, total, entries}}" {
        let record = (given.entity.as_str(), given.id);
        let shown = (size(given.limit, 20), size(given.offset, 0));
        let page = session.similar(record, given.among.as_deref(), shown)?;
        let hits = page.hits.iter().map(|hit| title_to_json(&hit.listing)).collect::<Result<Vec<_>>>()?;
        Ok(json!({
            "hits": hits,
            "total": page.total,
            "entities": page.entities,
            "incomplete": progress_to_json(page.incomplete.as_ref()),
        }))
    }

    /// Keeps a search under a name, in place of the user's own one of this name. With `alerts` the user is told of
    /// records that match and are created from now on.
    "search.save" (session, given: Save {
        /// What the user calls it.
        name: String,
        /// What to look for.
        text: String,
        /// One entity; all if not said.
        entity: Option<String>,
        /// Whether the user wants to know of new matches.
        alerts: Option<bool>,
    }) -> "{id}" {
        let alerts = given.alerts.unwrap_or(false);
        let id = session.save_search(&given.name, &given.text, given.entity.as_deref(), alerts)?;
        Ok(json!({"id": id.to_string()}))
    }

    /// Lists the searches that the user keeps, by name.
    "search.saved" (session, _given: Saved {}) -> "{searches: [{id, name, text, entity, alerts}]}" {
        let searches = session.saved_searches()?;
        Ok(json!({"searches": searches.iter().map(saved_to_json).collect::<Vec<_>>()}))
    }

    /// Forgets a search that the user keeps.
    "search.forget" (session, given: Forget {
        /// The search.
        id: RecordId,
    }) -> "{}" {
        session.delete_saved_search(given.id)?;
        Ok(json!({}))
    }

    /// Tells of records that were created since the user last looked and match a search that the user keeps with
    /// alerts, as the user sees them now. They are told again until `search.acknowledge` is given `until`; with `more`
    /// there are later entries of the ledger to look at after that.
    "search.alerts" (session, _given: Alerts {}) -> "{alerts: [{search, name, records: [{entity, id, title}]}], until, more}" {
        let told = session.search_alerts()?;
        let alerts = told.alerts.iter().map(|alert| {
            let records = alert.records.iter().map(title_to_json).collect::<Result<Vec<_>>>()?;
            Ok(json!({"search": alert.search.id.to_string(), "name": alert.search.name, "records": records}))
        });
        let alerts = alerts.collect::<Result<Vec<_>>>()?;
        Ok(json!({"alerts": alerts, "until": told.until, "more": told.more}))
    }

    /// Notes that the user has looked at alerts up to an entry of the ledger.
    "search.acknowledge" (session, given: Acknowledge {
        /// The `until` of `search.alerts`.
        until: u64,
    }) -> "{}" {
        session.acknowledge_search_alerts(given.until)?;
        Ok(json!({}))
    }

    /// Tells how far the search index has come: `progress` is null where it is complete. `texts` are the attachments
    /// whose texts are still to be read, and those whose extractor failed too often.
    "search.progress" (session, _given: SearchProgressOf {}) -> "{progress: {done, total, entries}, texts: {waiting, failed}}" {
        Ok(json!({
            "progress": progress_to_json(session.search_progress()?.as_ref()),
            "texts": waiting_to_json(session.texts_waiting()?),
        }))
    }

    /// Has the host's extractors read the texts of attachments that wait for it, so that search finds the records by
    /// them. Tells how many have a text now, how many have none or are too large, and how many could not be read.
    /// Those are tried three times, and once more with `again`.
    "search.extract" (session, given: ExtractTexts {
        /// Most attachments; 100 if not said.
        limit: Option<u64>,
        /// Whether all attachments without a text wait once more: those that could not be read, and those that were
        /// attached before there was an extractor.
        again: Option<bool>,
    }) -> "{read, without, failed, texts: {waiting, failed}}" {
        let done = session.extract_texts(size(given.limit, 100), given.again.unwrap_or(false))?;
        Ok(json!({
            "read": done.read,
            "without": done.without,
            "failed": done.failed,
            "texts": waiting_to_json(done.left),
        }))
    }

    /// Brings the search index up to date, however far it is behind, and makes it durable. It stops when it is
    /// cancelled, and what was done until then stays done.
    "search.settle" (session, _given: SettleSearch {}) -> "{}" {
        session.settle_search()?;
        Ok(json!({}))
    }

    /// Takes out of the search index what it still holds of records that were changed, deleted or erased. `parts` is
    /// how many parts of the index were written anew for it.
    "search.purge" (session, _given: PurgeSearch {}) -> "{parts}" {
        Ok(json!({"parts": session.purge_search()?}))
    }
}

fn title_to_json(listing: &Listing) -> Result<Json> {
    Ok(json!({
        "entity": listing.entity()?.api_name,
        "id": listing.record.id.to_string(),
        "title": listing.title(),
    }))
}

fn saved_to_json(search: &SavedSearch) -> Json {
    json!({
        "id": search.id.to_string(),
        "name": search.name,
        "text": search.text,
        "entity": search.entity,
        "alerts": search.alerts,
    })
}

fn size(number: Option<u64>, default: usize) -> usize {
    number.map_or(default, |number| usize::try_from(number).unwrap_or(usize::MAX))
}

fn wrong(field: &str, rule: &str) -> Error {
    Error::new(Code::InvalidArgument).field(field).rule(rule)
}

/// The request with what speaks of one entity.
fn narrowed(session: &Session, request: SearchRequest, given: &Find) -> Result<SearchRequest> {
    let sort = given.sort.as_deref().unwrap_or_default();
    let facets = given.facets.as_deref().unwrap_or_default();
    let filter = given.filter.as_ref().unwrap_or(&Json::Null);
    if filter.is_null() && sort.is_empty() && facets.is_empty() {
        return Ok(request);
    }
    let missing = || Error::new(Code::MissingParameter).field("entity").rule("one entity is searched");
    let name = given.entity.as_deref().ok_or_else(missing)?;
    session.read(|reader| {
        let entity = reader.registry().entity(name)?;
        let find = find_from_json(&reader, entity, filter, sort, None, None)?;
        let facets = facets.iter().map(|json| {
            let name = json.as_str().ok_or_else(|| wrong("facets", "text"))?;
            reader.visible(entity, &name.into())?;
            Ok(FieldSelector::Name(name.to_owned()))
        });
        let facets = facets.collect::<Result<_>>()?;
        Ok(SearchRequest { filter: find.filter, sort: find.sort, facets, ..request })
    })
}

fn groups(json: Option<&Json>) -> Result<Vec<Vec<String>>> {
    let refused = || wrong("synonyms", "groups of words");
    let words = |group: &Json| -> Result<Vec<String>> {
        let words = group.as_array().ok_or_else(refused)?.iter();
        words.map(|word| word.as_str().map(str::to_owned).ok_or_else(refused)).collect()
    };
    let groups = json.filter(|json| !json.is_null()).map(|json| json.as_array().ok_or_else(refused));
    groups.transpose()?.into_iter().flatten().map(words).collect()
}

fn weights(json: Option<&Json>) -> Result<Vec<(String, f32)>> {
    let refused = || wrong("weights", "numbers by entity");
    let weights = json.filter(|json| !json.is_null()).map(|json| json.as_object().ok_or_else(refused));
    let weights = weights.transpose()?.into_iter().flatten();
    weights.map(|(entity, weight)| Ok((entity.clone(), part(Some(weight), "weights")?))).collect()
}

/// A number from 0 to 1,000; 0 where none is said.
fn part(json: Option<&Json>, field: &str) -> Result<f32> {
    let Some(json) = json.filter(|json| !json.is_null()) else { return Ok(0.0) };
    let number = json.as_f64().filter(|number| (0.0..=1_000.0).contains(number));
    let number = number.ok_or_else(|| wrong(field, "0 <= number <= 1000"))?;
    // What a score is multiplied by needs no more precision.
    Ok(number as f32)
}

fn page_to_json(page: &SearchPage) -> Result<Json> {
    let hits = page.hits.iter().map(hit_to_json).collect::<Result<Vec<_>>>()?;
    let entities: Map<String, Json> =
        page.entities.iter().map(|(entity, count)| (entity.clone(), json!(count))).collect();
    Ok(json!({
        "hits": hits,
        "total": page.total,
        "entities": entities,
        "facets": page.facets.iter().map(facet_to_json).collect::<Vec<_>>(),
        "near": page.near,
        "corrected": page.corrected,
        "faults": page.faults.iter().map(fault_to_json).collect::<Vec<_>>(),
        "read_as": page.read_as,
        "incomplete": progress_to_json(page.incomplete.as_ref()),
    }))
}

fn waiting_to_json(waiting: TextsWaiting) -> Json {
    json!({"waiting": waiting.waiting, "failed": waiting.failed})
}

fn progress_to_json(progress: Option<&SearchProgress>) -> Json {
    progress.map_or(
        Json::Null,
        |progress| json!({"done": progress.done, "total": progress.total, "entries": progress.entries}),
    )
}

fn facet_to_json(facet: &Facet) -> Json {
    let values = facet.values.iter().map(|(value, count)| json!({"value": value.to_json(), "count": count}));
    json!({"field": facet.field, "values": values.collect::<Vec<_>>()})
}

fn fault_to_json(fault: &Fault) -> Json {
    json!({"place": fault.place, "length": fault.length, "rule": fault.rule})
}

fn hit_to_json(hit: &SearchHit) -> Result<Json> {
    let highlights = hit.highlights.iter().map(|highlight| {
        let ranges = highlight.ranges.iter().map(|range| json!([range.start, range.end]));
        json!({"field": highlight.field, "text": highlight.text, "ranges": ranges.collect::<Vec<_>>()})
    });
    Ok(json!({
        "entity": hit.listing.entity()?.api_name,
        "id": hit.listing.record.id.to_string(),
        "title": hit.listing.title(),
        "highlights": highlights.collect::<Vec<_>>(),
    }))
}
