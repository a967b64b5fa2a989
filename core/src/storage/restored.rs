//! A database that is filled before anybody sees it: made from the keys that a backup carries, under a
//! draft name, and put in its place whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{Code, Error, Random, Result};
use crate::storage::backup_stream::BackupHeader;
use crate::storage::database::{
    BLOBS, DATA, Database, INDEX, JOURNAL, KEYS, OpenOptions, draft_path, open_files, sync_draft,
};
use crate::storage::device::FileDevice;
use crate::storage::journal::Journal;
use crate::storage::keys::KeyRing;
use crate::storage::places;
use crate::storage::subject_keys::SubjectKeys;
use crate::storage::superblock::{FileKind, Superblock};
use crate::storage::tables;
use crate::storage::vault::{Unlock, Vault};

/// A database under a draft name. It is removed unless it is finished.
#[derive(Debug)]
pub struct Draft {
    database: Option<Database>,
    path: PathBuf,
    target: PathBuf,
}

/// Makes an empty database beside its later place, with the file id, the master key and the key slots of
/// the one that was backed up.
///
/// # Errors
/// [`Code::AlreadyExists`] where the place is taken and `replace` is not asked for, [`Code::Locked`] where
/// a database stands there that somebody has open, [`Code::Io`].
pub fn create_restored(
    target: &Path,
    options: &OpenOptions,
    ring: &KeyRing,
    header: &BackupHeader,
    replace: bool,
) -> Result<Draft> {
    places::settle(target, options.random.as_ref())?;
    drop(hold_place(target, replace)?);
    let path = draft_path(target, options.random.as_ref())?;
    fs::create_dir(&path)?;
    let mut draft = Draft { database: None, path, target: target.to_owned() };
    fill(&draft.path, options, ring, &header.superblock()?)?;
    draft.database = Some(open_files(&draft.path, options, &Unlock::Ring(ring))?);
    Ok(draft)
}

/// Makes all files of a database in an empty directory, and closes them.
fn fill(path: &Path, options: &OpenOptions, ring: &KeyRing, superblock: &Superblock) -> Result<()> {
    let device = Arc::new(FileDevice::create(&path.join(DATA))?);
    let kind = options.vault(FileKind::Data);
    let vault = Vault::create_with(device, &kind, ring.clone(), superblock.clone())?;
    tables::prepare(&vault, options.random.as_ref())?;
    drop(vault);
    Journal::create(&FileDevice::create(&path.join(JOURNAL))?, ring.file_id())?;
    let device = Arc::new(FileDevice::create(&path.join(KEYS))?);
    SubjectKeys::create(device, ring, &options.vault(FileKind::SubjectKeys))?;
    fs::create_dir(path.join(INDEX))?;
    fs::create_dir(path.join(BLOBS))?;
    Ok(())
}

/// Looks whether a place is free; an open database there is nobody's to move. What is given back keeps
/// others from opening it meanwhile.
fn hold_place(target: &Path, replace: bool) -> Result<Option<FileDevice>> {
    if fs::symlink_metadata(target).is_err() {
        return Ok(None);
    }
    if !replace {
        return Err(Error::new(Code::AlreadyExists));
    }
    match FileDevice::open(&target.join(DATA)) {
        Ok(device) => Ok(Some(device)),
        Err(error) if error.code() == Code::Locked => Err(error),
        Err(_) => Ok(None),
    }
}

impl Draft {
    /// The database.
    ///
    /// # Errors
    /// [`Code::Stopped`] if it was closed.
    pub fn database(&self) -> Result<&Database> {
        self.database.as_ref().ok_or_else(|| Error::new(Code::Stopped))
    }

    /// The folder for its large attachments.
    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        self.path.join(BLOBS)
    }

    /// Closes the database, makes it durable and puts it in its place. What stood there before is renamed
    /// to `NAME.before-restore-` and 16 hex digits, and never deleted; its new name is given back.
    ///
    /// # Errors
    /// As [`create_restored`]; the place is as it was then.
    pub fn finish(mut self, replace: bool, random: &dyn Random) -> Result<Option<PathBuf>> {
        drop(self.database.take());
        sync_draft(&self.path)?;
        let held = hold_place(&self.target, replace)?;
        let before = places::take_place(&self.path, &self.target, random)?;
        drop(held);
        Ok(before)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        drop(self.database.take());
        // Once it was renamed there is nothing here; a draft that cannot be removed is an unused directory.
        let _ = fs::remove_dir_all(&self.path);
    }
}
