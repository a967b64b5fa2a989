//! The block of bytes under an encrypted file: a small trait, and its form on a file of the system.

use std::fmt::Debug;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use crate::base::{Code, Error, Result};

/// Bytes that survive the process. Writes become durable at [`Device::sync`], in any order before.
pub(super) trait Device: Debug + Send + Sync {
    /// Fills the buffer from an offset; `UnexpectedEof` where the device ends before.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all bytes at an offset.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything written so far durable, the length included.
    fn sync(&self) -> io::Result<()>;

    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Cuts, or extends with zeros.
    fn set_len(&self, bytes: u64) -> io::Result<()>;

    /// Lets another open have the device.
    fn release(&self) -> io::Result<()>;
}

/// Bytes in memory, which nothing survives.
#[derive(Default)]
pub(super) struct MemoryDevice(RwLock<Vec<u8>>);

impl MemoryDevice {
    fn range(offset: u64, length: usize) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(offset).ok()?;
        Some(start..start.checked_add(length)?)
    }
}

impl std::fmt::Debug for MemoryDevice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MemoryDevice")
    }
}

impl Device for MemoryDevice {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = Self::range(offset, buffer.len()).and_then(|range| bytes.get(range));
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let range = Self::range(offset, bytes.len()).ok_or(io::ErrorKind::InvalidInput)?;
        if all.len() < range.end {
            all.resize(range.end, 0);
        }
        all.get_mut(range).ok_or(io::ErrorKind::InvalidInput)?.copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).len() as u64)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let bytes = usize::try_from(bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.0.write().unwrap_or_else(PoisonError::into_inner).resize(bytes, 0);
        Ok(())
    }

    fn release(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is locked against every other open of it, in this process and in others.
#[derive(Debug)]
pub(super) struct FileDevice(File);

impl FileDevice {
    /// Makes a new file.
    ///
    /// # Errors
    /// [`Code::AlreadyExists`], [`Code::Locked`], [`Code::Io`].
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = File::options().read(true).write(true).create_new(true).open(path);
        Self::locked(file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::new(Code::AlreadyExists).because(error),
            _ => Error::from(error),
        })?)
    }

    /// Opens a file that stands.
    ///
    /// # Errors
    /// [`Code::DatabaseNotFound`], [`Code::Locked`], [`Code::Io`].
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::options().read(true).write(true).open(path);
        Self::locked(file.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::new(Code::DatabaseNotFound).because(error),
            _ => Error::from(error),
        })?)
    }

    fn locked(file: File) -> Result<Self> {
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::new(Code::Locked)),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl Drop for FileDevice {
    /// A process that another thread is about to start has the same open file until it becomes another
    /// program, and would keep the lock until then.
    fn drop(&mut self) {
        // Closing it gives the lock back too, if later.
        let _ = self.0.unlock();
    }
}

/// Fills a buffer from an offset of a file.
#[cfg(unix)]
pub(super) fn read_exact_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

/// Fills a buffer from an offset of a file.
#[cfg(windows)]
pub(super) fn read_exact_at(file: &File, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        offset = offset.saturating_add(read as u64);
        buffer = std::mem::take(&mut buffer).get_mut(read..).unwrap_or_default();
    }
    Ok(())
}

impl Device for FileDevice {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        read_exact_at(&self.0, offset, buffer)
    }

    #[cfg(unix)]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.0, bytes, offset)
    }

    #[cfg(windows)]
    fn write_at(&self, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = std::os::windows::fs::FileExt::seek_write(&self.0, bytes, offset)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            offset = offset.saturating_add(written as u64);
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// On Apple systems the standard library asks for `F_FULLFSYNC`, which reaches the medium.
    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        self.0.metadata().map(|metadata| metadata.len())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn release(&self) -> io::Result<()> {
        self.0.unlock()
    }
}
