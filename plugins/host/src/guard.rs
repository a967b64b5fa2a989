//! What of a plugin outlives the process: whether it was running when the process ended, how often it failed, and
//! whether it is in quarantine.
//!
//! It is 64 bytes in a file of the database's folder, mapped, so that a call into a plugin costs two stores and no
//! call of the system. If the process dies inside of the plugin, the next host finds the count above zero.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use guanxi::base::{Code, Error, Result};

/// Folder of the guards in that of a database.
const FOLDER: &str = "plugins";
/// What a guard begins with, as the first of its numbers.
const MAGIC: u32 = 0x3147_5847;
/// Length of the file, in bytes.
const LENGTH: usize = 64;

/// The numbers of a guard, as they lie in the file: little-endian, as are the machines that Guanxi is built for.
#[repr(C)]
struct Cells {
    magic: AtomicU32,
    /// How many calls into the plugin are running.
    running: AtomicU32,
    faults: AtomicU32,
    /// 1 for a plugin that is not called any more.
    quarantined: AtomicU32,
}

/// The guard of one plugin in one database.
pub(crate) struct Guard {
    cells: Place,
    path: Option<PathBuf>,
}

enum Place {
    /// For a database that has no folder.
    Memory(Box<Cells>),
    #[cfg(unix)]
    Mapped(std::ptr::NonNull<Cells>),
}

// SAFETY: the cells are atomic, and a mapping belongs to the process and to no thread.
unsafe impl Send for Guard {}
// SAFETY: as above.
unsafe impl Sync for Guard {}

impl Drop for Guard {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Place::Mapped(cells) = self.cells {
            // SAFETY: the mapping was made with this length, and nobody has it but this guard.
            unsafe { libc::munmap(cells.as_ptr().cast(), LENGTH) };
        }
    }
}

/// Where the guard of a plugin lies.
pub(crate) fn path_of(database: &Path, plugin: &str) -> PathBuf {
    database.join(FOLDER).join(format!("{plugin}.guard"))
}

impl Guard {
    /// Opens the guard of a plugin in the folder of a database, or makes it.
    ///
    /// # Errors
    /// `storage.io`; `plugin.crashed` if the process ended inside of the plugin the last time.
    pub fn open(database: &Path, plugin: &str) -> Result<Self> {
        let guard = Self::at(database, plugin)?;
        let cells = guard.cells();
        cells.magic.store(MAGIC, Ordering::Relaxed);
        if cells.running.load(Ordering::Relaxed) != 0 {
            return Err(Error::new(Code::PluginCrashed).plugin(plugin));
        }
        Ok(guard)
    }

    #[cfg(unix)]
    fn at(database: &Path, plugin: &str) -> Result<Self> {
        if !database.is_dir() {
            return Ok(Self::in_memory());
        }
        let path = path_of(database, plugin);
        std::fs::create_dir_all(database.join(FOLDER))?;
        let cells = map(&path)?;
        Ok(Self { cells: Place::Mapped(cells), path: Some(path) })
    }

    /// Elsewhere what is counted is counted for the life of the process.
    #[cfg(not(unix))]
    fn at(_database: &Path, _plugin: &str) -> Result<Self> {
        Ok(Self::in_memory())
    }

    fn in_memory() -> Self {
        let zero = || AtomicU32::new(0);
        let cells = Cells { magic: zero(), running: zero(), faults: zero(), quarantined: zero() };
        Self { cells: Place::Memory(Box::new(cells)), path: None }
    }

    fn cells(&self) -> &Cells {
        match &self.cells {
            Place::Memory(cells) => cells,
            #[cfg(unix)]
            // SAFETY: the mapping is as long as the guard lives, is long enough, and its parts are atomic.
            Place::Mapped(cells) => unsafe { cells.as_ref() },
        }
    }

    /// A call into the plugin begins.
    pub fn enter(&self) {
        self.cells().running.fetch_add(1, Ordering::Relaxed);
    }

    /// It has returned.
    pub fn leave(&self) {
        self.cells().running.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts a fault, and gives how many there are.
    pub fn fault(&self) -> u32 {
        self.cells().faults.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Puts the plugin in quarantine.
    pub fn quarantine(&self) {
        self.cells().quarantined.store(1, Ordering::Relaxed);
    }

    /// Whether it is there.
    pub fn is_quarantined(&self) -> bool {
        self.cells().quarantined.load(Ordering::Relaxed) != 0
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Guard").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Maps the file of a guard, which is made if it is not there.
#[cfg(unix)]
fn map(path: &Path) -> Result<std::ptr::NonNull<Cells>> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    const { assert!(size_of::<Cells>() <= LENGTH) };
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    file.set_len(LENGTH as u64)?;
    // SAFETY: the file is open and as long as the mapping, which nobody else in this process knows. The mapping
    // outlives the descriptor.
    let mapped = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            LENGTH,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if mapped == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error().into());
    }
    let cells = std::ptr::NonNull::new(mapped.cast::<Cells>());
    cells.ok_or_else(|| Error::new(Code::Panic).rule("a mapping"))
}

/// How a plugin has fared in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Calls that are running now, or were when the process ended.
    pub running: u32,
    /// Faults since it was cleared.
    pub faults: u32,
    /// Whether it is called no more.
    pub quarantined: bool,
}

/// How a plugin has fared in a database, as its guard in the folder says; that of a plugin which was never loaded there is
/// as good as new. Another process may have the database open.
///
/// # Errors
/// `storage.io`; `storage.damaged` for a guard that is none.
pub fn health(database: &Path, plugin: &str) -> Result<Health> {
    let bytes = match std::fs::read(path_of(database, plugin)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Health::default()),
        read => read?,
    };
    let (numbers, _) = bytes.as_chunks::<4>();
    let mut numbers = numbers.iter().map(|number| u32::from_le_bytes(*number));
    match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (Some(MAGIC), Some(running), Some(faults), Some(quarantined)) => {
            Ok(Health { running, faults, quarantined: quarantined != 0 })
        }
        _ => Err(Error::new(Code::Damaged).plugin(plugin).rule("a guard")),
    }
}

/// Forgets that a plugin crashed, failed or is in quarantine in a database that is not open with it.
///
/// # Errors
/// `storage.io`.
pub fn clear(database: &Path, plugin: &str) -> Result<()> {
    match std::fs::remove_file(path_of(database, plugin)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_left_running_is_found_and_can_be_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let guard = Guard::open(folder.path(), "cn.example.one").unwrap();
        guard.enter();
        drop(guard);
        let error = Guard::open(folder.path(), "cn.example.one").unwrap_err();
        assert_eq!((error.code(), error.plugin_name()), (Code::PluginCrashed, Some("cn.example.one")));
        assert!(Guard::open(folder.path(), "cn.example.two").is_ok());
        clear(folder.path(), "cn.example.one").unwrap();
        let guard = Guard::open(folder.path(), "cn.example.one").unwrap();
        guard.enter();
        guard.leave();
        guard.fault();
        guard.quarantine();
        drop(guard);
        let guard = Guard::open(folder.path(), "cn.example.one").unwrap();
        assert!(guard.is_quarantined());
        let expected = Health { running: 0, faults: 1, quarantined: true };
        assert_eq!(health(folder.path(), "cn.example.one").unwrap(), expected);
    }

    #[test]
    fn a_database_without_a_folder_is_guarded_in_memory() {
        let guard = Guard::open(Path::new("/nowhere/at/all"), "cn.example.one").unwrap();
        guard.enter();
        assert_eq!(guard.fault(), 1);
        assert_eq!(guard.fault(), 2);
    }
}
