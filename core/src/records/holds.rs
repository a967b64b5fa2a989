//! What is kept whatever anybody asks: records under a legal hold are neither deleted, purged nor erased.
//!
//! What a hold is, the floor above says. This floor asks before each removal, so that no way of removing a record goes
//! round it, the engine's own right included.

use std::fmt;

use crate::base::{Code, Error, RecordId, Result};
use crate::records::Record;
use crate::schema::Entity;
use crate::storage::Snapshot;

/// Says whether something keeps a record.
pub trait Holds: fmt::Debug + Send + Sync {
    /// What keeps a record, deleted or not, at the moment of the write.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`; the record then stays.
    fn holding(&self, snapshot: &dyn Snapshot, entity: &Entity, record: &Record) -> Result<Option<RecordId>>;
}

/// Stands where nothing is removed. Whoever removes a record all the same is refused, so that a caller that forgot to
/// ask for holds is noticed.
#[derive(Debug, Clone, Copy)]
pub struct Unasked;

impl Holds for Unasked {
    fn holding(&self, _: &dyn Snapshot, _: &Entity, _: &Record) -> Result<Option<RecordId>> {
        Err(Error::new(Code::Panic).rule("nobody asked for legal holds"))
    }
}

/// Refuses to remove a record that is held.
///
/// # Errors
/// `record.legal_hold`; those of [`Holds::holding`].
pub fn check_unheld(
    snapshot: &dyn Snapshot,
    holds: &dyn Holds,
    entity: &Entity,
    record: &Record,
) -> Result<()> {
    match holds.holding(snapshot, entity, record)? {
        None => Ok(()),
        Some(_) => Err(Error::new(Code::LegalHold).entity(&entity.api_name).record(record.id)),
    }
}
