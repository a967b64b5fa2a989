//! The bytes of one entry of the log: version, hash, chained part with its length, sealed part.

use crate::base::{Code, Error, Result};
use crate::storage::bytes::Fields;
use crate::storage::store::{LogEntry, LogRecord, LogRow};

/// The version of this encoding.
const VERSION: u8 = 1;

/// The value of an entry whose key is its position.
pub(super) fn encode_entry(hash: &[u8; 32], record: &LogRecord) -> Result<Vec<u8>> {
    let chained = u32::try_from(record.chained.len())
        .map_err(|_| Error::new(Code::LimitExceeded).field("chained bytes of a log entry"))?;
    let mut value = Vec::with_capacity(37 + record.chained.len() + record.sealed.len());
    value.push(VERSION);
    value.extend_from_slice(hash);
    value.extend_from_slice(&chained.to_be_bytes());
    value.extend_from_slice(&record.chained);
    value.extend_from_slice(&record.sealed);
    Ok(value)
}

/// The entry in a row of the log, by itself.
///
/// # Errors
/// As [`decode_row`].
pub(super) fn decode_entry(key: &[u8], value: &[u8]) -> Result<LogEntry> {
    decode_row(key, value).map(LogRow::to_entry)
}

/// The entry in a row of the log.
///
/// # Errors
/// [`Code::NewerFormat`] for a version that is not known here, [`Code::Damaged`].
pub(super) fn decode_row<'a>(key: &[u8], value: &'a [u8]) -> Result<LogRow<'a>> {
    match value.first() {
        Some(&VERSION) => read(key, value).ok_or_else(|| Error::new(Code::Damaged).rule("log entry")),
        Some(_) => Err(Error::new(Code::NewerFormat).rule("log entry")),
        None => Err(Error::new(Code::Damaged).rule("log entry")),
    }
}

fn read<'a>(key: &[u8], value: &'a [u8]) -> Option<LogRow<'a>> {
    let position = u64::from_be_bytes(key.try_into().ok()?);
    let mut fields = Fields::of(value);
    let _version = fields.array::<1>()?;
    let hash = fields.array_ref()?;
    let length = usize::try_from(fields.u32()?).ok()?;
    let chained = fields.take(length)?;
    Some(LogRow { position, hash, chained, sealed: fields.rest() })
}
