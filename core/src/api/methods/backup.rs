//! The methods that write and keep backups. What is done with no database open stands in `files`.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::base::{Code, Error, Result};
use crate::engine::{Action, BackupFile, BackupFolder, BackupKind, RotationPolicy, Session};
use crate::time::{BackupHealth, BackupSchedule, health_to_json};

methods! {
    /// Writes a backup of the database into a folder of the host.
    "backup.create" (session, given: CreateBackup {
        /// The folder, which is there.
        folder: String,
        /// What is backed up: full, incremental, keys.
        kind: String,
    }) -> "{name, kind, id, database, from, to, at, bytes, sha256, key, whole}" {
        let folder = open(session, &given.folder)?;
        Ok(session.backup_to(&folder, kind(&given.kind)?)?.to_json())
    }

    /// Has backups written into a folder again and again, by `time.tick`. The job is a record of `sys.scheduled_job`,
    /// which is switched off and deleted as such.
    "backup.schedule" (session, given: ScheduleBackup {
        /// The folder, which is there.
        folder: String,
        /// When: a rule of RFC 5545, or the five fields of crontab, by the clocks of the organisation.
        schedule: String,
        /// After how many days a full backup is written in place of an increment; 7 if not said, 0 for full ones alone.
        full_every_days: Option<u64>,
        /// Whether the keys of persons are backed up beside it; yes if not said.
        keys: Option<bool>,
        /// How many of the newest full backups are kept, whatever their age; 3 if not said.
        keep_full: Option<u64>,
        /// How many days full backups and increments are kept; 90 if not said.
        keep_days: Option<u64>,
        /// How many days backups of keys are kept; 30 if not said.
        keys_days: Option<u64>,
    }) -> "{job}" {
        let usual = BackupSchedule::new(&given.folder, &given.schedule);
        let days = given.full_every_days.map(|days| u32::try_from(days).unwrap_or(u32::MAX));
        let schedule = BackupSchedule {
            full_every_days: days.unwrap_or(usual.full_every_days),
            keys: given.keys.unwrap_or(usual.keys),
            keep_full: given.keep_full.unwrap_or(usual.keep_full),
            keep_days: given.keep_days.unwrap_or(usual.keep_days),
            keys_days: given.keys_days.unwrap_or(usual.keys_days),
            ..usual
        };
        Ok(json!({"job": session.schedule_backups(&schedule)?.to_string()}))
    }

    /// Tells how it stands with the schedules of backups: when the last good one was written, what failed or was missed,
    /// and whether one is late.
    "backup.health" (session, _given: ShowBackupHealth {}) -> "{good, schedules: [{job, folder, active, next_at, done_at, files, error, missed, late, good}]}" {
        let health = session.backup_health()?;
        let good = !health.is_empty() && health.iter().all(BackupHealth::is_good);
        Ok(json!({"good": good, "schedules": health.iter().map(health_to_json).collect::<Vec<_>>()}))
    }

    /// Lists the backups of a folder of the host.
    "backup.list" (session, given: ListBackups {
        /// The folder.
        folder: String,
    }) -> "{backups: [{name, kind, id, database, from, to, at, bytes, sha256, key, whole}], unreadable}" {
        let catalogue = open(session, &given.folder)?.list()?;
        let backups: Vec<Json> = catalogue.backups.iter().map(BackupFile::to_json).collect();
        Ok(json!({"backups": backups, "unreadable": catalogue.unreadable}))
    }

    /// Deletes the backups of a folder that are no longer kept, and never breaks the chain of one that is.
    "backup.rotate" (session, given: RotateBackups {
        /// The folder.
        folder: String,
        /// How many of the newest full backups are kept, whatever their age; 3 if not said.
        keep_full: Option<u64>,
        /// How many days full backups and increments are kept; 90 if not said.
        keep_days: Option<u64>,
        /// How many days backups of keys are kept; 30 if not said.
        keys_days: Option<u64>,
        /// Says what would be deleted, and deletes nothing.
        dry_run: Option<bool>,
    }) -> "{keep, delete}" {
        let folder = open(session, &given.folder)?;
        let usual = RotationPolicy::default();
        let policy = RotationPolicy {
            keep_full: given.keep_full.unwrap_or(usual.keep_full),
            keep_days: given.keep_days.unwrap_or(usual.keep_days),
            keys_days: given.keys_days.unwrap_or(usual.keys_days),
        };
        let now = session.crm().now();
        let rotation = match given.dry_run.unwrap_or(false) {
            true => folder.list()?.plan(policy, now),
            false => folder.rotate(policy, now)?,
        };
        Ok(json!({"keep": rotation.keep, "delete": rotation.delete}))
    }
}

/// The folder, for those who may do everything: its name is a place in the host's own file system.
fn open(session: &Session, folder: &str) -> Result<BackupFolder> {
    session.check_may("sys.role", Action::Administer)?;
    BackupFolder::open(folder).map_err(|error| error.value(folder))
}

fn kind(name: &str) -> Result<BackupKind> {
    let kinds = [BackupKind::Full, BackupKind::Incremental, BackupKind::Keys];
    let refused =
        || Error::new(Code::InvalidArgument).field("kind").rule("full, incremental, keys").value(name);
    kinds.into_iter().find(|kind| kind.name() == name).ok_or_else(refused)
}
