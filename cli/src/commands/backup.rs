//! `guanxi backup`: a backup into a folder, or to standard output for another program to carry on.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use clap::Args;
use guanxi::engine::{BackupFolder, BackupHeader, BackupKind, BackupReport, BackupScope};
use guanxi::{Code, Error, Result, Session};

use crate::exit::Ended;
use crate::host::Host;
use crate::{output, progress};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Backup {
    /// Directory of the database
    path: PathBuf,
    /// Folder for the backup, or `-` for standard output
    folder: PathBuf,
    /// Write what changed since the newest backup of the folder
    #[arg(long)]
    incremental: bool,
    /// Write the keys of persons, which are in no other backup; keep them apart and for a shorter time
    #[arg(long, conflicts_with = "incremental")]
    keys: bool,
    /// The backup that the increment follows, where it goes to standard output
    #[arg(long, value_name = "FILE", requires = "incremental")]
    after: Option<PathBuf>,
}

impl Backup {
    /// Writes the backup.
    ///
    /// # Errors
    /// Those of `Session::backup` and `Session::backup_to`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let (session, bar) = progress::told(host.session(&self.path)?);
        if self.folder.as_os_str() == "-" {
            let report = self.stream(&session)?;
            bar.finish_and_clear();
            eprintln!("{} bytes, up to entry {}", report.bytes, report.header.to.position);
            return Ok(Ended::Done);
        }
        let file = session.backup_to(&BackupFolder::open(&self.folder)?, self.kind())?;
        bar.finish_and_clear();
        if host.wants_json() {
            output::json(&file.to_json())?;
        } else {
            output::line(&output::visible(&self.folder.join(&file.name).to_string_lossy()))?;
        }
        Ok(Ended::Done)
    }

    fn kind(&self) -> BackupKind {
        match (self.incremental, self.keys) {
            (true, _) => BackupKind::Incremental,
            (_, true) => BackupKind::Keys,
            _ => BackupKind::Full,
        }
    }

    fn stream(&self, session: &Session) -> Result<BackupReport> {
        let mut out = io::stdout().lock();
        match self.kind() {
            BackupKind::Full => session.backup(&mut out, BackupScope::Everything),
            BackupKind::Keys => session.backup_keys(&mut out),
            BackupKind::Incremental => {
                let missing = || Error::new(Code::MissingParameter).field("after");
                let mut before = File::open(self.after.as_ref().ok_or_else(missing)?)?;
                session.backup(&mut out, BackupScope::Since(&BackupHeader::read(&mut before)?))
            }
        }
    }
}
