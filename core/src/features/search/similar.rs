//! Records that are like one that a session looks at.

use super::index::Page;
use super::like::Sample;
use super::making::texts;
use super::query::Query;
use super::session::SearchPage;
use super::syntax::Parsed;
use crate::base::{EntityId, FieldId, RecordId, Result};
use crate::engine::Session;

impl Session {
    /// Records that have telling words in common with one, the most alike first, among all that the session may read,
    /// or those of one entity. It goes by the titles and the prose of the record that the session sees whole.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_entity`; else as [`Session::search_with`].
    pub fn similar(
        &self,
        (entity, id): (&str, RecordId),
        among: Option<&str>,
        (limit, offset): (usize, usize),
    ) -> Result<SearchPage> {
        let listing = self.get(entity, id)?;
        let kind = listing.record.entity;
        let only = self.readable_entity(among)?;
        let own = self.visibility(Some(kind))?;
        let shown = |field: u32| own.scopes.get(&kind).is_some_and(|scope| scope.shows(FieldId::new(field)));
        let samples: Vec<Sample> = texts(&own.registry, kind, &listing.record)
            .into_iter()
            .filter(|(field, ..)| shown(*field))
            .map(|(_, analyzer, text)| (analyzer, text))
            .collect();
        let visibility = self.visibility(only)?;
        let query = Query::new("").within(only.map(EntityId::number).as_slice());
        let page = Page { limit, offset };
        let answered =
            self.answered(|index| index.like(&query, (id, &samples), visibility.as_ref(), page))?;
        self.show(answered, Parsed::default(), None)
    }
}
