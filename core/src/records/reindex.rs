//! New indexes over records that stand already.

use crate::base::{Code, Error, Patience, Result};
use crate::records::derived::derive;
use crate::records::row::for_each_record;
use crate::records::view::WriteView;
use crate::schema::Entity;
use crate::storage::Snapshot;

/// Most records whose new index keys go into one transaction, which is held in memory until it commits.
const MAX_RECORDS: u64 = 1_000_000;

/// Adds the index keys that a changed definition asks for, within the transaction that publishes it.
///
/// # Errors
/// `input.limit_exceeded` for an entity with more than a million records; `storage.damaged`.
pub fn reindex(view: &mut WriteView<'_>, old: &Entity, new: &Entity) -> Result<()> {
    let mut added = Vec::new();
    let mut records = 0_u64;
    let snapshot: &dyn Snapshot = view;
    for_each_record(snapshot, new.id(), &Patience::default(), &mut |record| {
        records = records.saturating_add(1);
        if records > MAX_RECORDS {
            let rule = "records <= 1000000 for a new index";
            return Err(Error::new(Code::LimitExceeded).entity(&new.api_name).rule(rule));
        }
        let before = derive(old, &record);
        added.extend(derive(new, &record).into_iter().filter(|(key, _)| !before.contains_key(key)));
        Ok(())
    })?;
    for ((keyspace, key), value) in added {
        view.put(keyspace, key, value);
    }
    Ok(())
}
