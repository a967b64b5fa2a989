//! Reads files without trusting the disk: whole, bounded, through no link, and of nobody whom the host does not trust.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use guanxi::base::{Code, Error, Result};

/// The rule of [`is_trusted`] in words.
const TRUSTED: &str = "owned by this user or root, and not writable by everyone";

fn refused(path: &Path, rule: &str) -> Error {
    Error::new(Code::PluginPath).rule(rule).value(&path.to_string_lossy())
}

/// Reads a regular file, not a link to one, of a trusted owner and bounded size.
///
/// # Errors
/// `plugin.path`, `plugin.too_large`.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    if !path.is_absolute() {
        return Err(refused(path, "an absolute path"));
    }
    let file =
        open_without_following(path).map_err(|error| refused(path, "a readable file").because(error))?;
    let metadata = file.metadata().map_err(|error| refused(path, "a readable file").because(error))?;
    if !metadata.is_file() {
        return Err(refused(path, "a regular file"));
    }
    if !is_trusted(&metadata) {
        return Err(refused(path, TRUSTED));
    }
    let mut bytes = Vec::new();
    let length = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    let length = length.map_err(|error| refused(path, "a readable file").because(error))?;
    if u64::try_from(length).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        let error = Error::new(Code::PluginTooLarge).rule(&format!("at most {limit} bytes"));
        Err(error.value(&path.to_string_lossy()))
    }
}

/// Whether a path is a directory, after checks that it is absolute, no link, and safe from others.
///
/// # Errors
/// `plugin.path`.
pub(crate) fn is_directory(path: &Path) -> Result<bool> {
    if !path.is_absolute() {
        return Err(refused(path, "an absolute path"));
    }
    let metadata = fs::symlink_metadata(path);
    let metadata = metadata.map_err(|error| refused(path, "a file or directory").because(error))?;
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(refused(path, "a file or directory, and no link"));
    }
    if !is_trusted(&metadata) {
        return Err(refused(path, TRUSTED));
    }
    Ok(metadata.is_dir())
}

#[cfg(unix)]
fn open_without_following(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

#[cfg(unix)]
fn is_trusted(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    const WRITABLE_BY_EVERYONE: u32 = 0o002;
    // SAFETY: the call takes nothing and cannot fail.
    let user = unsafe { libc::geteuid() };
    let is_owner_trusted = metadata.uid() == user || metadata.uid() == 0;
    is_owner_trusted && metadata.mode() & WRITABLE_BY_EVERYONE == 0
}

#[cfg(not(unix))]
fn open_without_following(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_symlink() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    OpenOptions::new().read(true).open(path)
}

/// Elsewhere the platform's access control lists say who may write, and they are not read here.
#[cfg(not(unix))]
fn is_trusted(_metadata: &fs::Metadata) -> bool {
    true
}
