//! Alerts: records that were created since a user last looked and that match a search which the user keeps.
//!
//! They are worked out when the user asks, by the rights that the user has then, over the entries of the ledger since:
//! nothing is kept for anybody, so nothing has to be taken back where a record is hidden, changed or erased meanwhile.

use std::sync::Arc;

use super::directory::MemoryFiles;
use super::feed::identity;
use super::index::{Cursor, Index, Page};
use super::making::created;
use super::query::Query;
use super::syntax::parse;
use crate::base::{EntityId, MAX_PAGE_ROWS, Result};
use crate::engine::{Action, Listing, SavedSearch, Session};

/// Entries of the ledger that one call looks at.
const MAX_ENTRIES: usize = 5_000;

/// New records that match a search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchAlert {
    /// The search.
    pub search: SavedSearch,
    /// The records, the best first.
    pub records: Vec<Listing>,
}

/// What is new since a user last looked.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchAlerts {
    /// One for each search that something new matches, by name.
    pub alerts: Vec<SearchAlert>,
    /// The entry of the ledger up to which this tells; acknowledge it to be told no more of these.
    pub until: u64,
    /// Whether there are later entries: acknowledge and ask again.
    pub more: bool,
}

impl Session {
    /// Records that were created since the user last looked and match a search that the user keeps with alerts, by their
    /// fields and not by what is attached to them, as the
    /// user sees them now. One call looks at 5,000 entries of the ledger. What is told is told again until
    /// [`Session::acknowledge_search_alerts`].
    ///
    /// # Errors
    /// `storage.damaged`, `engine.cancelled`.
    pub fn search_alerts(&self) -> Result<SearchAlerts> {
        let crm = self.crm();
        let mut searches = self.saved_searches()?;
        searches.retain(|search| search.alerts);
        let head = crm.head()?.position;
        let Some(from) = searches.iter().map(|search| search.seen).min() else {
            return Ok(SearchAlerts { alerts: Vec::new(), until: head, more: false });
        };
        let (new, last) = crm.created_after(from, MAX_ENTRIES)?;
        let until = last.position;
        let mut alerts = Vec::new();
        for search in searches {
            let since = new.iter().filter(|(position, ..)| *position > search.seen);
            let since = since.map(|(_, entity, record)| (*entity, *record)).collect();
            let changes = created(crm, &since)?;
            if changes.is_empty() {
                continue;
            }
            let (mut index, _) = Index::open_or_create(Arc::new(MemoryFiles::new()), identity(crm))?;
            index.take(&changes, Cursor { position: until, chain: last.hash })?;
            let records = self.matching(&search, &index)?;
            if !records.is_empty() {
                alerts.push(SearchAlert { search, records });
            }
        }
        Ok(SearchAlerts { alerts, until, more: until < head })
    }

    /// The records of a small index that match a search as it is written, as the user sees them.
    fn matching(&self, search: &SavedSearch, index: &Index) -> Result<Vec<Listing>> {
        let registry = self.crm().registry();
        let mut only = None;
        if let Some(name) = &search.entity {
            // An entity that is gone or out of reach meanwhile matches nothing.
            let Ok(entity) = registry.entity(name) else { return Ok(Vec::new()) };
            if self.check_may(name, Action::Read).is_err() {
                return Ok(Vec::new());
            }
            only = Some(entity.id());
        }
        let visibility = self.visibility(only)?;
        let query: Query = self.question(&search.text, &[], only, &visibility)?;
        let Ok(parsed) = parse(&query) else { return Ok(Vec::new()) };
        let page = Page { limit: MAX_ENTRIES.min(MAX_PAGE_ROWS), offset: 0 };
        let hits = index.find(&query, parsed.node.as_ref(), visibility.as_ref(), page)?;
        let mut listings = Vec::new();
        for hit in hits.hits.iter().filter(|_| !hits.near) {
            listings.extend(self.get_many(EntityId::new(hit.kind), &[hit.record])?);
        }
        Ok(listings)
    }
}
