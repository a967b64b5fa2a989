//! The method that searches every entity, or one.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::base::Result;
use crate::features::search::SearchHit;

methods! {
    /// Searches every entity that the user may read, or one, best first.
    "search.find" (session, given: Find {
        /// What to look for.
        text: String,
        /// One entity; all if not said.
        entity: Option<String>,
        /// Most hits; 20 if not said.
        limit: Option<u64>,
        /// Hits to pass over.
        offset: Option<u64>,
    }) -> "{hits: [{entity, id, title, highlights: [{field, text, ranges}]}], total}" {
        let size = |number: Option<u64>, default: usize| {
            number.map_or(default, |number| usize::try_from(number).unwrap_or(usize::MAX))
        };
        let page = session.search(
            &given.text,
            given.entity.as_deref(),
            size(given.limit, 20),
            size(given.offset, 0),
        )?;
        let hits = page.hits.iter().map(hit_to_json).collect::<Result<Vec<_>>>()?;
        Ok(json!({"hits": hits, "total": page.total}))
    }

    /// Takes out of the search index what it still holds of records that were changed, deleted or erased. `parts` is
    /// how many parts of the index were written anew for it.
    "search.purge" (session, _given: PurgeSearch {}) -> "{parts}" {
        Ok(json!({"parts": session.purge_search()?}))
    }
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
