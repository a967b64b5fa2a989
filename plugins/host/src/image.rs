//! A private copy of verified bytes under a path from which the system can load a library.
//!
//! Between the check of a file and its loading, the file may change. So what is loaded is a copy of
//! the bytes that were checked, which nobody else can change.

use std::io;
use std::path::PathBuf;

/// Copies the bytes into sealed memory and returns the path under which the system loads them.
///
/// The descriptor stays open for ever: the C library knows loaded objects by name, and with a
/// descriptor's number used again it would take the next plugin for this one.
///
/// # Errors
/// Those of the system.
#[cfg(target_os = "linux")]
pub(crate) fn private_copy(bytes: &[u8]) -> io::Result<PathBuf> {
    use std::fs::File;
    use std::io::Write;
    use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

    const SEALS: libc::c_int =
        libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;

    // SAFETY: the name is a C string, and the call touches no other memory of ours.
    let descriptor =
        unsafe { libc::memfd_create(c"guanxi-plugin".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made, and nobody else has it.
    let mut file = File::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
    file.write_all(bytes)?;
    // SAFETY: the descriptor is open, and the call touches no memory of ours.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(PathBuf::from(format!("/proc/self/fd/{}", file.into_raw_fd())))
}

/// Copies the bytes into a new directory for this user alone and returns the copy's path. It stays
/// there, since a loaded library must.
///
/// # Errors
/// Those of the system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn private_copy(bytes: &[u8]) -> io::Result<PathBuf> {
    use std::fs::{DirBuilder, OpenOptions};
    use std::io::Write;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static COPIES: AtomicUsize = AtomicUsize::new(0);

    let copy = COPIES.fetch_add(1, Ordering::Relaxed);
    let since_epoch = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let name = format!("guanxi-plugin-{}-{copy}-{}", std::process::id(), since_epoch.as_nanos());
    let directory = std::env::temp_dir().join(name);
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has a mode to set"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    // It fails if the directory is there already, so nobody can have put it there for us.
    builder.create(&directory)?;
    let path = directory.join("plugin").with_extension(std::env::consts::DLL_EXTENSION);
    OpenOptions::new().write(true).create_new(true).open(&path)?.write_all(bytes)?;
    Ok(path)
}
