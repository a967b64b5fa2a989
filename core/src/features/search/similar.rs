//! Records that are like one that a session looks at.

use super::feed::{Feed, texts};
use super::index::Page;
use super::like::Sample;
use super::query::Query;
use super::session::{Answered, SearchPage};
use super::syntax::Parsed;
use crate::base::{EntityId, FieldId, RecordId, Result};
use crate::engine::{Action, Session};

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
        let mut only = None;
        if let Some(name) = among {
            self.check_may(name, Action::Read)?;
            only = Some(self.crm().registry().entity(name)?.id());
        }
        let own = self.visibility(Some(kind))?;
        let shown = |field: u32| own.scopes.get(&kind).is_some_and(|scope| scope.shows(FieldId::new(field)));
        let samples: Vec<Sample> = texts(&own.registry, kind, &listing.record)
            .into_iter()
            .filter(|(field, ..)| shown(*field))
            .map(|(_, analyzer, text)| (analyzer, text))
            .collect();
        let visibility = self.visibility(only)?;
        let query =
            only.map_or_else(|| Query::new(""), |only: EntityId| Query::new("").within(&[only.number()]));
        let page = Page { limit, offset };
        let answered =
            self.answered(|index| index.like(&query, (id, &samples), visibility.as_ref(), page))?;
        self.show(answered, Parsed::default())
    }

    /// What the index answers, and how far it has come where it is not complete.
    pub(super) fn answered(
        &self,
        ask: impl Fn(&super::index::Index) -> Result<super::index::Hits>,
    ) -> Result<Answered> {
        let feed = Feed::of(self.crm())?;
        let once = || -> Result<(Result<Answered>, bool)> {
            let state = feed.caught_up(self.crm(), self.patience())?;
            let behind = state.behind(self.crm())?;
            let hits = ask(&state.index);
            Ok((hits.map(|hits| Answered { hits, behind }), state.index.reached().is_none()))
        };
        match once()? {
            // The index was found damaged while it answered: it is made anew, and asked once more.
            (Err(_), true) => once()?.0,
            (hits, _) => hits,
        }
    }
}
