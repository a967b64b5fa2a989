//! A file of the system that nobody changes: for reading what is damaged, and leaving it as it is.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::base::{Code, Error, Result};
use crate::storage::device::{Device, read_exact_at};

/// A file that is open for reading alone. What is written to it is forgotten, so that a mending which
/// belongs to an open takes place nowhere; nobody may read back what he wrote.
#[derive(Debug)]
pub(super) struct FrozenDevice(File);

impl FrozenDevice {
    /// Opens a file that no database has open.
    ///
    /// # Errors
    /// [`Code::DatabaseNotFound`], [`Code::Locked`], [`Code::Io`].
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::new(Code::DatabaseNotFound).because(error),
            _ => Error::from(error),
        })?;
        match file.try_lock_shared() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::new(Code::Locked)),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl Device for FrozenDevice {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        read_exact_at(&self.0, offset, buffer)
    }

    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.0.metadata().map(|metadata| metadata.len())
    }

    fn set_len(&self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }

    fn release(&self) -> io::Result<()> {
        self.0.unlock()
    }
}
