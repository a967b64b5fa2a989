//! Backups of an open database: everything, what changed since, or the keys of persons alone.
//!
//! A backup is sealed under the keys of the database, and opens with each key that opened the database
//! when it was made. The keys of persons are in none but a backup of keys: whoever keeps those for a
//! shorter time than the others lets an erasure reach every backup that was made before it.

use std::io::{self, Read, Write};

use crate::access::Action;
use crate::base::{Code, Error, Patience, Result};
use crate::engine::{BackupFile, Key, Session};
use crate::records::{BackupCounts, BackupSource, EntryKind, back_up_keys, newest_pruned, read_through};
use crate::storage::{BackupHeader, BackupKind, BackupReader, BackupWriter, Head};

/// How much of a database is backed up.
#[derive(Debug, Clone, Copy)]
pub enum BackupScope<'a> {
    /// Everything but the keys of persons.
    Everything,
    /// What changed since another backup of the same database, full or incremental, ended.
    Since(&'a BackupHeader),
}

/// A backup that was written, or read from end to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// What it says of itself.
    pub header: BackupHeader,
    /// What it holds.
    pub counts: BackupCounts,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Reads a backup from end to end, and says what it holds. Every byte of it is then as it was written; whether
/// a database comes out of it is what a restore verifies, which needs the backups that go before it as well.
///
/// # Errors
/// `storage.damaged` for what is no backup, or is cut or changed; `storage.wrong_key`, `storage.newer_format`,
/// `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
pub fn verify_backup(source: &mut dyn Read, key: &Key, patience: &Patience) -> Result<BackupReport> {
    let mut counted = Counted { source, bytes: 0 };
    let header = BackupHeader::read(&mut counted)?;
    let ring = header.unlock(key)?;
    let counts = read_through(BackupReader::begin(&mut counted, &header, &ring), patience)?;
    Ok(BackupReport { header, counts, bytes: counted.bytes })
}

/// A source that counts what was read of it.
struct Counted<'a> {
    source: &'a mut dyn Read,
    bytes: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.bytes = self.bytes.saturating_add(count as u64);
        Ok(count)
    }
}

impl Session {
    /// Writes a backup from one stable view, while others go on to write. It is a whole backup only when
    /// this returns without an error. That a backup was begun is an entry of the ledger, which is in it.
    ///
    /// Answers to requests with an idempotency key are left out, since nobody knows whom they quote.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `storage.backup_chain` where
    /// the other backup is none of this database's past, or was made before the data key was changed;
    /// `storage.io` if the writer fails; `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn backup(&self, out: &mut dyn Write, scope: BackupScope<'_>) -> Result<BackupReport> {
        let (kind, since) = match scope {
            BackupScope::Everything => (BackupKind::Full, Head::default()),
            BackupScope::Since(before) => (BackupKind::Incremental, self.check_before(before)?),
        };
        self.enter_backup(kind)?;
        let inner = &self.crm().inner;
        let blobs = self.crm().blobs()?;
        let _files_stay = blobs.hold();
        let snapshot = self.crm().durable_snapshot()?;
        let header = self.header_of(kind, since, snapshot.head()?);
        let writer = BackupWriter::begin(out, &header, &inner.database.ring())?;
        let source = BackupSource {
            snapshot: snapshot.as_ref(),
            sealer: &inner.sealer,
            blobs: inner.path.join("blobs"),
            patience: self.patience(),
        };
        let (counts, bytes) = match kind {
            BackupKind::Incremental => source.write_changes(writer, since.position)?,
            BackupKind::Full | BackupKind::Keys => source.write_all(writer)?,
        };
        Ok(BackupReport { header, counts, bytes })
    }

    /// Writes a backup of the keys of persons. Keep it apart from the others, and for a shorter time: with
    /// it older backups say again what was erased since.
    ///
    /// # Errors
    /// As [`Session::backup`].
    pub fn backup_keys(&self, out: &mut dyn Write) -> Result<BackupReport> {
        self.enter_backup(BackupKind::Keys)?;
        let inner = &self.crm().inner;
        // New keys of persons are in the journal first.
        self.crm().checkpoint()?;
        // The view comes before the keys, so that the keys of every person in it are there.
        let header = self.header_of(BackupKind::Keys, Head::default(), self.crm().head()?);
        let writer = BackupWriter::begin(out, &header, &inner.database.ring())?;
        let (counts, bytes) = {
            let snapshot = self.crm().durable_snapshot()?;
            back_up_keys(&inner.database.subjects, snapshot.as_ref(), writer, self.patience())?
        };
        Ok(BackupReport { header, counts, bytes })
    }

    fn enter_backup(&self, kind: BackupKind) -> Result<()> {
        self.check_may("sys.role", Action::Administer)?;
        self.crm().enter_note(self.user(), EntryKind::Backup, "backup.create", kind.name())
    }

    fn header_of(&self, kind: BackupKind, from: Head, to: Head) -> BackupHeader {
        let inner = &self.crm().inner;
        BackupHeader::new(&inner.database, kind, (from, to), self.crm().now(), inner.random.as_ref())
    }

    /// Whether an increment can follow a backup of a folder.
    pub(crate) fn can_follow(&self, file: &BackupFile) -> bool {
        self.check_before(&file.header).is_ok()
    }

    /// Where a backup ended, if that is a place of this ledger and the same keys open it.
    pub(super) fn check_before(&self, before: &BackupHeader) -> Result<Head> {
        let broken = |rule: &str| Err(Error::new(Code::BackupChain).rule(rule));
        if before.kind == BackupKind::Keys {
            return broken("an increment follows a full backup or an increment");
        }
        if before.database != self.crm().inner.database.ring().file_id() {
            return broken("the backup before is of another database");
        }
        if !before.is_of(&self.crm().inner.database.ring()) {
            return broken("the data key was changed since: a full backup comes first");
        }
        if self.crm().entry_at(before.to.position)? != Some(before.to) {
            return broken("the backup before is of another past of this database");
        }
        // An increment says by its entries what became of records.
        if newest_pruned(self.crm().snapshot()?.as_ref())? > before.to.position {
            return broken("history behind the backup before was pruned: a full backup comes first");
        }
        Ok(before.to)
    }
}
