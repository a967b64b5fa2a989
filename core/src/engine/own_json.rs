//! What the engine keeps of one user as JSON, beside the records: layouts, settings, what was opened last.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::{Code, Error, Result};
use crate::storage::{Keyspace, Snapshot};

/// What is kept under a key; what there is without anything, where nothing is. `what` is named where it cannot be read.
pub(super) fn read_own<T: DeserializeOwned + Default>(
    snapshot: &dyn Snapshot,
    key: &[u8],
    what: &str,
) -> Result<T> {
    match snapshot.get(Keyspace::Meta, key)? {
        Some(json) => {
            serde_json::from_slice(&json).map_err(|error| Error::new(Code::Damaged).rule(what).because(error))
        }
        None => Ok(T::default()),
    }
}

/// The bytes as which it is kept.
pub(super) fn own_json<T: Serialize>(own: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(own).map_err(|error| Error::new(Code::Panic).because(error))
}
