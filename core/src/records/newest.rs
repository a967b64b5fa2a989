//! The records of an entity from the newest on, for who takes in all of them and would rather have the new ones first.

use crate::base::{EntityId, Patience, RecordId, Result};
use crate::records::Record;
use crate::records::row::{RECORD_KEY, assemble, record_key};
use crate::storage::{Keyspace, RangeRequest, Snapshot, continue_after};

/// Rows of one read.
const PAGE: usize = 500;

/// Records of an entity that are not deleted, those below an id or all, WITHOUT a permit, the newest first: about as
/// many as are asked for. Beside them the id below which to go on; nothing where none are left.
///
/// # Errors
/// `storage.damaged`, `storage.io`, `engine.cancelled`.
pub fn newest_records(
    snapshot: &dyn Snapshot,
    entity: EntityId,
    (below, most): (Option<RecordId>, usize),
    patience: &Patience,
) -> Result<(Vec<Record>, Option<RecordId>)> {
    let rows = PAGE.min(most.max(1));
    let all = RangeRequest::prefix(Keyspace::Records, &entity.number().to_be_bytes(), rows);
    let mut range = RangeRequest { reverse: true, ..all };
    if let Some(below) = below {
        range.high = record_key(entity, below);
    }
    let (mut records, mut last) = (Vec::new(), below);
    loop {
        patience.check()?;
        let page = snapshot.scan(&range)?;
        let end = page.rows.last().map(|(key, _)| key.clone());
        for (key, value) in page.rows {
            // Pieces of a large record have longer keys, and are read with it.
            let Some(id) = RecordId::from_suffix(&key).filter(|_| key.len() == RECORD_KEY) else { continue };
            last = Some(id);
            let record = assemble(snapshot, entity, id, value)?;
            if !record.is_deleted() {
                records.push(record);
            }
        }
        match end {
            Some(end) if page.more && records.len() < most => continue_after(&mut range, end),
            _ => return Ok((records, last.filter(|_| page.more))),
        }
    }
}
