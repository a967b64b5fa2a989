//! Turns the errors of redb and of the file below it into the engine's codes.

use std::io;

use crate::base::{Code, Error};

/// An error of redb as an error of the engine.
pub(super) fn from_redb(error: impl Into<redb::Error>) -> Error {
    let error = error.into();
    let code = match &error {
        redb::Error::Io(cause) => code_of_io(cause),
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Code::Locked,
        redb::Error::PreviousIo | redb::Error::DatabaseClosed | redb::Error::LockPoisoned(_) => Code::Stopped,
        redb::Error::UpgradeRequired(_) => Code::NewerFormat,
        redb::Error::ValueTooLarge(_) => Code::LimitExceeded,
        redb::Error::Corrupted(_)
        | redb::Error::TableDoesNotExist(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::RepairAborted => Code::Damaged,
        _ => Code::Io,
    };
    Error::new(code).because(error)
}

/// Bytes that do not authenticate, or that end too early, are damage; the rest is the system's refusal.
fn code_of_io(error: &io::Error) -> Code {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Code::Damaged,
        _ => Code::Io,
    }
}
