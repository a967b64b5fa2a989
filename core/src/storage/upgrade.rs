//! Databases that an older engine wrote: copied as they are, then brought to the newest format.
//!
//! What an upgrade does to the tables is one transaction, and the number of the format is written last,
//! so an upgrade that was cut off is done again from the start, and an older engine never meets a
//! database whose newest commits it would not see.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::base::{Code, Error, Random, Result};
use crate::storage::database::{DATA, KEYS, draft_path, parent_of, sync_directory};
use crate::storage::device::{Device, FileDevice};
use crate::storage::superblock::{FORMAT, FileKind, Superblock};
use crate::storage::vault::Unlock;

/// Bytes of one read of a copy.
const CHUNK: usize = 1_024 * 1_024;

/// What an open does with a database of an older format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpgradePolicy {
    /// Copies its files to a folder beside it, named after it with `.format-` and the old number, and
    /// then upgrades it. The copy opens with the older engine, and is the host's to delete.
    #[default]
    Snapshot,
    /// Refuses it, for hosts that ask somebody first.
    Refuse,
    /// Upgrades it without a copy, for hosts that have just made one of their own.
    WithoutSnapshot,
}

/// The format of a file `data`, if it is older than the newest.
///
/// # Errors
/// [`Code::NotADatabase`], [`Code::NewerFormat`], [`Code::Damaged`], [`Code::Io`].
pub(super) fn older_format(device: &dyn Device) -> Result<Option<u32>> {
    let format = Superblock::stored_format(device, FileKind::Data)?;
    Ok((format < FORMAT).then_some(format))
}

/// Does what a policy says before anything of an older database is changed. The key is tried first, so
/// that nobody without it makes copies.
///
/// # Errors
/// [`Code::UpgradeNeeded`] where the policy refuses, [`Code::WrongKey`], [`Code::Io`] where the copy
/// cannot be made.
pub(super) fn prepare(
    path: &Path,
    data: &dyn Device,
    format: u32,
    policy: UpgradePolicy,
    unlock: &Unlock<'_>,
    random: &dyn Random,
) -> Result<()> {
    if let Unlock::Key(key) = unlock {
        Superblock::unlock(data, FileKind::Data, key)?;
    }
    match policy {
        UpgradePolicy::WithoutSnapshot => Ok(()),
        UpgradePolicy::Refuse => {
            Err(Error::new(Code::UpgradeNeeded).rule(&format!("format {format}, newest {FORMAT}")))
        }
        UpgradePolicy::Snapshot => {
            let target = snapshot_path(path, format)?;
            // One that stands is whole, from an upgrade that was cut off later.
            if target.try_exists()? { Ok(()) } else { copy_files(path, data, &target, random) }
        }
    }
}

/// Where the copy of a database of an older format lies.
fn snapshot_path(path: &Path, format: u32) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| Error::new(Code::InvalidArgument).field("path"))?;
    let mut copy = OsString::from(name);
    copy.push(format!(".format-{format}"));
    Ok(parent_of(path).join(copy))
}

fn copy_files(path: &Path, data: &dyn Device, target: &Path, random: &dyn Random) -> Result<()> {
    let draft = draft_path(target, random)?;
    fs::create_dir(&draft)?;
    let copied = (|| {
        copy_device(data, &draft.join(DATA))?;
        copy_device(&FileDevice::open(&path.join(KEYS))?, &draft.join(KEYS))?;
        sync_directory(&draft)?;
        fs::rename(&draft, target)?;
        sync_directory(&parent_of(target))
    })();
    if copied.is_err() {
        // What went wrong is told; the database is untouched, and the draft only an unused directory.
        let _ = fs::remove_dir_all(&draft);
    }
    copied
}

fn copy_device(device: &dyn Device, target: &Path) -> Result<()> {
    let mut file = File::create_new(target)?;
    let (mut at, length) = (0, device.len()?);
    let mut chunk = vec![0; CHUNK];
    while at < length {
        let left = usize::try_from(length - at).unwrap_or(CHUNK).min(CHUNK);
        let part = chunk.get_mut(..left).unwrap_or_default();
        device.read_at(at, part)?;
        file.write_all(part)?;
        at += left as u64;
    }
    Ok(file.sync_all()?)
}
