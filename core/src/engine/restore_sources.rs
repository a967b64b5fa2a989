//! Where a restore reads from: files and folders of the host, or streams that another program carries.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::base::{Code, Error, Result};
use crate::engine::{BackupFolder, RestoreOptions, RestoreReport, restore};
use crate::storage::Key;

/// Backups to restore from.
pub enum RestoreSource {
    /// One backup in a file; or a folder with the backups of one database, which stands for its newest whole
    /// chain up to the entry that is wanted, and for its newest backup of keys where no other is given.
    Path(PathBuf),
    /// One backup.
    Stream(Box<dyn Read>),
}

impl std::fmt::Debug for RestoreSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => formatter.debug_tuple("Path").field(path).finish(),
            Self::Stream(_) => formatter.debug_tuple("Stream").finish(),
        }
    }
}

/// As [`restore`], from files, folders and streams: the full backup and every increment after it, in any
/// order, and the backup of keys.
///
/// # Errors
/// As [`restore`]; `input.invalid_argument` for a path at which nothing is, `storage.backup_chain` for a folder
/// without a whole chain, or with the backups of several databases.
pub fn restore_from(
    sources: Vec<RestoreSource>,
    keys: Option<RestoreSource>,
    key: &Key,
    path: impl AsRef<Path>,
    options: &RestoreOptions,
) -> Result<RestoreReport> {
    let mut opened = Opened::default();
    for source in sources {
        opened.add(source, options.last())?;
    }
    match keys {
        None => {}
        Some(RestoreSource::Path(path)) => opened.keys = Some(Box::new(open_backup("keys", &path)?)),
        Some(RestoreSource::Stream(stream)) => opened.keys = Some(stream),
    }
    let backups = opened.backups.iter_mut().map(|source| source as &mut dyn Read).collect();
    restore(backups, opened.keys.as_mut().map(|keys| keys as &mut dyn Read), key, path, options)
}

/// What is read.
#[derive(Default)]
struct Opened {
    backups: Vec<Box<dyn Read>>,
    keys: Option<Box<dyn Read>>,
}

impl Opened {
    fn add(&mut self, source: RestoreSource, last: Option<u64>) -> Result<()> {
        match source {
            RestoreSource::Path(path) if path.is_dir() => self.add_folder(&path, last)?,
            RestoreSource::Path(path) => self.backups.push(Box::new(open_backup("sources", &path)?)),
            RestoreSource::Stream(stream) => self.backups.push(stream),
        }
        Ok(())
    }

    fn add_folder(&mut self, path: &Path, last: Option<u64>) -> Result<()> {
        let folder = BackupFolder::open(path)?;
        let catalogue = folder.list()?;
        let mut databases: Vec<[u8; 16]> =
            catalogue.backups.iter().map(|file| file.header.database).collect();
        databases.dedup();
        let refused = |rule: &str| Error::new(Code::BackupChain).rule(rule).value(&path.to_string_lossy());
        let [database] = databases.as_slice() else {
            return Err(refused("a folder with the backups of one database"));
        };
        let chain = catalogue.chain(database, last);
        if chain.is_empty() {
            return Err(refused("a folder with a whole chain of backups"));
        }
        for file in chain {
            self.backups.push(Box::new(folder.read(file)?));
        }
        if let Some(file) = catalogue.newest_keys(database) {
            self.keys = Some(Box::new(folder.read(file)?));
        }
        Ok(())
    }
}

/// Opens the file of a backup, which a field of the call names.
///
/// # Errors
/// `input.invalid_argument` where no file is, or no file can be; `storage.io`.
pub(crate) fn open_backup(field: &str, path: &Path) -> Result<File> {
    let named = |error: Error| error.field(field).value(&path.to_string_lossy());
    let none = || named(Error::new(Code::InvalidArgument).rule("a backup that is there"));
    match File::open(path) {
        Ok(_) if path.is_dir() => Err(none()),
        Ok(file) => Ok(file),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::InvalidInput | ErrorKind::InvalidFilename => {
                Err(none().because(error))
            }
            _ => Err(named(Error::from(error))),
        },
    }
}
