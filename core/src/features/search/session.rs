//! Searching as a session: what it may see, from the index and once more from the records.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::feed::Feed;
use super::highlight::highlight;
use super::index::{Hit, Hits};
use super::query::Query;
use super::visibility::{Pair, Visibility as Sees};
use crate::base::{Code, EntityId, FieldId, RecordId, Result, Value};
use crate::engine::{ClassId, Listing, Session, Visibility};

/// A text of a hit, and the parts of it that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Highlight {
    /// The field's API name.
    pub field: String,
    /// The text of the field.
    pub text: String,
    /// Byte ranges of the text that match, in rising order, on character boundaries.
    pub ranges: Vec<Range<usize>>,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    /// The record as the session sees it.
    pub listing: Listing,
    /// Where the query matches; a match by pinyin or misspelling marks nothing.
    pub highlights: Vec<Highlight>,
}

/// One page of what was found, best first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchPage {
    /// The hits.
    pub hits: Vec<SearchHit>,
    /// How many there are in all, of those the session may see.
    pub total: u64,
}

impl Sees for Visibility {
    fn allows(&self, kind: u32, class: u32) -> bool {
        self.scopes
            .get(&EntityId::new(kind))
            .is_some_and(|scope| scope.classes.contains(&ClassId::new(class)))
    }

    fn among(&self, pairs: &BTreeSet<Pair>) -> Vec<Pair> {
        let mut found = Vec::new();
        // Both are in order, so they are walked side by side.
        for (kind, scope) in &self.scopes {
            let kind = kind.number();
            let mut classes = scope.classes.iter().map(|class| class.number()).peekable();
            for pair in pairs.range((kind, 0)..=(kind, u32::MAX)) {
                while classes.next_if(|class| *class < pair.1).is_some() {}
                found.extend((classes.peek() == Some(&pair.1)).then_some(*pair));
            }
        }
        found
    }

    fn singly(&self) -> Vec<(u32, RecordId)> {
        let of = |(kind, scope): (&EntityId, &crate::engine::Scope)| {
            let kind = kind.number();
            scope.singly.iter().map(move |record| (kind, *record)).collect::<Vec<_>>()
        };
        self.scopes.iter().flat_map(of).collect()
    }

    fn reads(&self, kind: u32, field: u32) -> bool {
        self.scopes.get(&EntityId::new(kind)).is_some_and(|scope| scope.fields.contains(&FieldId::new(field)))
    }
}

impl Session {
    /// Searches every entity that the session may read, or one. What the session has committed is found
    /// by its next search. Every word must match: Chinese by any fragment, Latin words whole or by the
    /// beginning of the last one, numbers by fragments, names by pinyin too.
    ///
    /// # Errors
    /// `input.invalid_argument` for an empty text, `input.limit_exceeded`, `schema.unknown_entity`,
    /// `access.not_permitted` for an entity that the session may not read, `engine.cancelled`.
    pub fn search(
        &self,
        text: &str,
        entity: Option<&str>,
        limit: usize,
        offset: usize,
    ) -> Result<SearchPage> {
        let (mut query, mut only) = (Query::new(text), None);
        if let Some(name) = entity {
            self.check_may(name, crate::engine::Action::Read)?;
            let wanted = self.crm().registry().entity(name)?.id();
            query = query.within(&[wanted.number()]);
            only = Some(wanted);
        }
        let visibility = self.visibility(only)?;
        let found = {
            let feed = Feed::of(self.crm())?;
            let state = feed.caught_up(self.crm(), self.patience())?;
            state.index.search(&query, &visibility, limit, offset)
        };
        match found {
            Ok(hits) => self.show(text, &hits),
            // A text of signs alone asks for nothing, and finds nothing.
            Err(error) if error.code() == Code::NothingMatches => Ok(SearchPage::default()),
            Err(error) => Err(error),
        }
    }

    /// Takes out of the search index what it still holds of records that were changed, deleted or erased: it writes
    /// those parts of the index anew, and gives their number. Without it they are written anew as the index grows.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `storage.io`, after which the index is made
    /// anew at the next search; `engine.cancelled`.
    pub fn purge_search(&self) -> Result<u64> {
        self.check_may("sys.role", crate::engine::Action::Administer)?;
        let feed = Feed::of(self.crm())?;
        let mut state = feed.caught_up(self.crm(), self.patience())?;
        state.purge()
    }

    /// Reads the records of a page through the session's own permits, in the order of the hits.
    fn show(&self, text: &str, hits: &Hits) -> Result<SearchPage> {
        let mut wanted: BTreeMap<u32, Vec<RecordId>> = BTreeMap::new();
        for Hit { record, kind, .. } in &hits.hits {
            wanted.entry(*kind).or_default().push(*record);
        }
        let mut rows: BTreeMap<RecordId, Listing> = BTreeMap::new();
        for (kind, ids) in wanted {
            let found = self.get_many(EntityId::new(kind), &ids)?;
            rows.extend(found.into_iter().map(|row| (row.record.id, row)));
        }
        let shown = hits.hits.iter().filter_map(|hit| rows.remove(&hit.record));
        let shown = shown.map(|listing| Ok(SearchHit { highlights: highlights(&listing, text)?, listing }));
        Ok(SearchPage { hits: shown.collect::<Result<_>>()?, total: hits.total })
    }
}

fn highlights(listing: &Listing, query: &str) -> Result<Vec<Highlight>> {
    let fields = listing.entity()?.fields().iter().filter(|field| field.definition.search.is_some());
    let marked = fields.filter_map(|field| match listing.record.value(field.id()) {
        Value::Text(text) => {
            let ranges = highlight(&text, query);
            (!ranges.is_empty()).then(|| Highlight { field: field.api_name.clone(), text, ranges })
        }
        _ => None,
    });
    Ok(marked.collect())
}
