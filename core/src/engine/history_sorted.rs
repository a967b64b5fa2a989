//! Lists as they were, in an order: by one look at all records of an entity, of which the best page is kept.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::{Code, Error, RecordId, Result};
use crate::engine::audit_trail::Asked;
use crate::engine::history::past_record;
use crate::engine::{At, Find, PastRecord, Session};
use crate::records::{self, PastOrder, PastQuery};
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
#[derive(Debug)]
pub struct SortedPastPage {
    /// The records, in the order asked.
    pub rows: Vec<PastRecord>,
    /// The last entry of the ledger that the list knows of.
    pub position: u64,
    /// Records that were looked at: all that the entity has, deleted ones among them.
    pub looked_at: u64,
    /// Records of forgotten persons, of which nobody can tell whether they met the condition.
    pub undecided: u64,
    /// Where to go on, if there is more.
    pub next: Option<SortedPastCursor>,
}

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
        self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            let permit = reader.permit(known)?;
            let at = cursor.map_or(at, |cursor| At::Position(cursor.position));
            self.check_kept(reader, entity, at)?;
            let position = records::resolve(reader.snapshot, at)?;
            let stamp = records::stamp_at(reader.snapshot, position)?;
            let filter = reader.resolve(known, &find.filter, stamp.at())?;
            let list = fingerprint(known, find);
            if cursor.is_some_and(|cursor| cursor.list != list) {
                return Err(Error::new(Code::InvalidCursor));
            }
            let sort = reader.order_of(known, find)?;
            let kept = |beyond: &Entity| self.check_kept(reader, &beyond.api_name, at);
            let query = PastQuery {
                filter: &filter,
                place: (position, stamp),
                moment: reader.settings().moment(stamp.at())?,
                kept: &kept,
                after: None,
                looks: 0,
            };
            let limit = if find.limit == 0 { 100 } else { find.limit.min(crate::base::MAX_PAGE_ROWS) };
            let after = cursor.map(|cursor| cursor.key.as_slice());
            let order = PastOrder { sort: &sort, after, limit };
            let far = reader.far_permits(known, &filter)?;
            let sight = reader.sight(known, &permit, &far);
            let part = records::list_past_sorted(&sight, &self.crm().inner.sealer, &query, &order)?;
            let rows = part.rows.into_iter();
            let rows: Vec<PastRecord> =
                rows.map(|(record, state)| past_record(reader, &permit, &record, state)).collect();
            let given: Vec<RecordId> = rows.iter().map(|row| row.id).collect();
            reader.reads(known, &given, &Asked::by("list_as_of"))?;
            let next = part.next.map(|key| SortedPastCursor { position, key, list });
            let (looked_at, undecided) = (part.looked_at, part.undecided);
            Ok(SortedPastPage { rows, position, looked_at, undecided, next })
        })
    }
}

/// What tells the cursors of a list from those of others.
fn fingerprint(entity: &Entity, find: &Find) -> [u8; 8] {
    let said = format!("{:?} {:?} {:?} {:?}", entity.id(), find.filter, find.sort, find.collation);
    let digest: [u8; 32] = Sha256::digest(said.as_bytes()).into();
    digest.first_chunk().copied().unwrap_or_default()
}
