//! What is due: the keys of indexes that have records by moments, whatever their access classes.
//!
//! They lie where those of other indexes do, under the class 0, which no record is of. So the records that are due are
//! one range however many classes there are, and no list, which goes by classes, ever meets them.

use crate::access::ClassId;
use crate::base::{RecordId, Result, Timestamp, Value};
use crate::records::Record;
use crate::records::codec::damaged;
use crate::records::derived::Index;
use crate::records::ordered::{ordered, write_ordered};
use crate::schema::{DeclaredIndex, Entity};
use crate::storage::{Keyspace, RangeRequest, Snapshot};

/// The class of no record.
const NO_CLASS: ClassId = ClassId::new(0);

/// The key of a record without its id, if it has a moment.
pub(super) fn due_key(declared: &DeclaredIndex, record: &Record) -> Option<Vec<u8>> {
    let field = declared.components().first()?.field();
    let value = record.peek(field);
    let due = matches!(&*value, Value::DateTime(_));
    due.then(|| {
        let mut key = Index::declared(record.entity, declared).prefix(NO_CLASS);
        write_ordered(&mut key, &value);
        key
    })
}

/// Live records whose moment has come, the earliest first, at most so many. They are found WITHOUT a permit.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn due_until(
    snapshot: &dyn Snapshot,
    (entity, declared): (&Entity, &DeclaredIndex),
    until: Timestamp,
    most: usize,
) -> Result<Vec<RecordId>> {
    let prefix = Index::declared(entity.id(), declared).prefix(NO_CLASS);
    let mut range = RangeRequest::prefix(Keyspace::Index, &prefix, most.max(1));
    let behind = Timestamp::from_micros(until.micros().saturating_add(1));
    range.high = [prefix, ordered(&Value::DateTime(behind))].concat();
    let page = snapshot.scan(&range)?;
    page.rows.iter().map(|(key, _)| RecordId::from_suffix(key).ok_or_else(damaged)).collect()
}

/// The live record whose moment comes first, if any has one. It is found WITHOUT a permit.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn first_due(
    snapshot: &dyn Snapshot,
    (entity, declared): (&Entity, &DeclaredIndex),
) -> Result<Option<RecordId>> {
    let prefix = Index::declared(entity.id(), declared).prefix(NO_CLASS);
    let page = snapshot.scan(&RangeRequest::prefix(Keyspace::Index, &prefix, 1))?;
    page.rows.first().map(|(key, _)| RecordId::from_suffix(key).ok_or_else(damaged)).transpose()
}
