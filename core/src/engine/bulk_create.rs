//! Many records created by one call, each with its own outcome, in chunks as a mass edit goes.

use crate::access::Action;
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::bulk::{CHUNK, ends, most_of};
use crate::engine::{Bulk, BulkCursor, BulkDone, BulkOutcome, Changes, Reader, Session};

impl Session {
    /// Creates many records of an entity, in the order in which they are given. One that cannot be created is
    /// left out, with its error; the others are created. Who goes on with the cursor hands in the same rows again.
    /// [`Session::undo_bulk`] takes the batch back. The listener of the session's patience is told of the phase
    /// `bulk`.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `access.not_permitted` without the right to create any record of the entity;
    /// `input.invalid_cursor` for a cursor of other rows; `storage.io` and the like, after which what was committed
    /// stays.
    pub fn bulk_create(&self, entity: &str, rows: &[Changes], bulk: &Bulk) -> Result<BulkOutcome> {
        self.bulk_create_from(
            entity,
            rows.len(),
            &|_, place| rows.get(place).cloned().ok_or_else(invalid),
            bulk,
        )
    }

    /// As [`Session::bulk_create`], of rows that are made as they are needed; one that cannot be made has its error
    /// for an outcome.
    pub(crate) fn bulk_create_from(
        &self,
        entity: &str,
        count: usize,
        row: &dyn Fn(&Reader<'_>, usize) -> Result<Changes>,
        bulk: &Bulk,
    ) -> Result<BulkOutcome> {
        self.check_may(entity, Action::Create)?;
        let (batch, first) = match &bulk.after {
            Some(cursor) => (RecordId::from_bytes(cursor.batch), cursor.row()?),
            None => (self.crm().new_id(), 0),
        };
        if first > count {
            return Err(invalid());
        }
        let most = most_of(bulk);
        let mut outcome =
            BulkOutcome { batch, first: first as u64, rows: Vec::new(), next: None, stopped: None };
        loop {
            let done = first.saturating_add(outcome.rows.len());
            outcome.next = (done < count).then(|| BulkCursor::of_row(batch, done));
            let wanted = CHUNK.min(most.saturating_sub(outcome.rows.len())).min(count.saturating_sub(done));
            if wanted == 0 {
                return Ok(outcome);
            }
            if let Err(stopped) = self.patience().check() {
                outcome.stopped = Some(stopped);
                return Ok(outcome);
            }
            let ids: Vec<RecordId> = (0..wanted).map(|_| self.crm().new_id()).collect();
            let made = self.chunk(batch, "create", &ids, &|transaction, place, id| {
                let changes = row(&transaction.reader(), done.saturating_add(place))?;
                transaction.create_as(entity, id, changes).map(|_| BulkDone::Created)
            });
            match made {
                Err(error) if ends(&error) => {
                    outcome.stopped = Some(error);
                    return Ok(outcome);
                }
                made => outcome.rows.extend(made?),
            }
            self.patience().tell("bulk", outcome.rows.len() as u64, count as u64);
        }
    }
}

fn invalid() -> Error {
    Error::new(Code::InvalidCursor)
}
