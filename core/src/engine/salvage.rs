//! What can still be read of a damaged database, without changing it.

use std::path::Path;
use std::sync::Arc;

use crate::base::{Code, Error, OsRandom, Patience, Result};
use crate::engine::Key;
use crate::records::{self, SalvageReport, Salvager};
use crate::storage::Wreck;

/// Reads everything that a damaged database still says, and changes nothing of its files: records, entries
/// of the ledger and attachments are handed to a function one by one, and the report says what is lost.
///
/// It is for the day when `open` or `verify` says `storage.damaged` and no backup is at hand. Every page
/// is checked as it is read, so what is given out is what was once committed, or it is marked as perhaps
/// not the newest. It needs a key and no session: whoever holds key and files may read everything in them,
/// whatever roles say. Values of persons who were erased stay sealed.
///
/// # Errors
/// `storage.not_found`, `storage.not_a_database`, `storage.wrong_key`, `storage.newer_format`,
/// `storage.locked` while somebody has it open, `storage.damaged` where both superblocks are lost and with
/// them the data key; `engine.cancelled`, `engine.deadline_exceeded`; those of the function, but for
/// `storage.damaged` on an attachment, which counts that one as lost.
pub fn salvage(
    path: impl AsRef<Path>,
    key: &Key,
    patience: &Patience,
    take: &mut Salvager<'_>,
) -> Result<SalvageReport> {
    let path = path.as_ref();
    if !path.try_exists()? {
        return Err(Error::new(Code::DatabaseNotFound));
    }
    let wreck = Wreck::open(path, key, Arc::new(OsRandom), patience)?;
    records::salvage(&wreck, path, patience, take)
}
