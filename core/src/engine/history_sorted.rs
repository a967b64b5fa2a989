//! Lists as they were, in an order: by one look at all records of an entity, of which the best page is kept.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::{Code, Error, Result};
use crate::engine::{At, Find, PastPage, Session};
use crate::records::{self, PastOrder};
use crate::schema::Entity;

/// Where a page of a sorted list of the past ended. Opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortedPastCursor {
    position: u64,
    key: Vec<u8>,
    /// Which list it belongs to.
    list: [u8; 8],
}

/// A page of a sorted list of the past.
pub type SortedPastPage = PastPage<SortedPastCursor>;

impl Session {
    /// A page of what a list gave at a place of the ledger, in the order of the values that the records had then, of
    /// what this session may see today. `find` says the condition, the order and the size of the page (100 rows if it
    /// says none, 1,000 at the most); a language and a cursor of lists of today it does not take. Each page looks at
    /// all records of the entity and keeps no more than its rows, so it is for entities whose whole list may be waited
    /// for; [`Session::list_as_of`] goes in chunks. What it may not take longer than the session's patience says.
    ///
    /// # Errors
    /// As [`Session::list_as_of`]; `input.invalid_filter` for an order by lookups and rollups, which have no past, and
    /// for a language; `input.invalid_cursor` for that of another list.
    pub fn list_as_of_sorted(
        &self,
        entity: &str,
        find: &Find,
        at: At,
        cursor: Option<&SortedPastCursor>,
    ) -> Result<SortedPastPage> {
        if find.locale.is_some() || find.after.is_some() {
            let rule = "a sorted list of the past takes no language and no cursor of another list";
            return Err(Error::new(Code::InvalidFilter).entity(entity).rule(rule));
        }
        let at = cursor.map_or(at, |cursor| At::Position(cursor.position));
        self.past_page((entity, &find.filter, at), |reader, sight, query| {
            let list = fingerprint(sight.entity, find);
            if cursor.is_some_and(|cursor| cursor.list != list) {
                return Err(Error::new(Code::InvalidCursor));
            }
            let sort = reader.order_of(sight.entity, find)?;
            let limit = if find.limit == 0 { 100 } else { find.limit.min(crate::base::MAX_PAGE_ROWS) };
            let after = cursor.map(|cursor| cursor.key.as_slice());
            let order = PastOrder { sort: &sort, after, limit };
            let page = records::list_past_sorted(sight, &self.crm().inner.sealer, &query, &order)?;
            let position = query.place.0;
            Ok(page.going_on_by(|key| SortedPastCursor { position, key, list }))
        })
    }
}

/// What tells the cursors of a list from those of others.
fn fingerprint(entity: &Entity, find: &Find) -> [u8; 8] {
    let said = format!("{:?} {:?} {:?} {:?}", entity.id(), find.filter, find.sort, find.collation);
    let digest: [u8; 32] = Sha256::digest(said.as_bytes()).into();
    digest.first_chunk().copied().unwrap_or_default()
}
