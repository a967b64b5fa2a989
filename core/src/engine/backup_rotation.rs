//! Which backups of a folder are still kept: a rule on their age and number that never breaks a chain.

use std::collections::BTreeSet;

use crate::base::Timestamp;
use crate::engine::{BackupCatalogue, BackupFile};
use crate::storage::BackupKind;

/// Microseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// What a rotation keeps, for each database of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationPolicy {
    /// How many of the newest full backups are kept, whatever their age.
    pub keep_full: u64,
    /// How many days full backups and increments are kept.
    pub keep_days: u64,
    /// How many days backups of keys are kept: an erasure reaches the older backups of all else after
    /// that time, so it is the shorter one.
    pub keys_days: u64,
}

impl Default for RotationPolicy {
    fn default() -> Self {
        Self { keep_full: 3, keep_days: 90, keys_days: 30 }
    }
}

/// What a rotation does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rotation {
    /// Names of files that stay.
    pub keep: Vec<String>,
    /// Names of files that are deleted, in this order: an increment before what it follows.
    pub delete: Vec<String>,
}

impl BackupCatalogue {
    /// What a policy keeps at a moment, and what it does not; nothing is deleted by this. Beside what the
    /// policy names, the newest chain that can be restored, the newest backup of keys, whatever a kept
    /// increment follows, and files that are no backups always stay.
    #[must_use]
    pub fn plan(&self, policy: RotationPolicy, now: Timestamp) -> Rotation {
        let mut kept: BTreeSet<&str> = BTreeSet::new();
        let databases: BTreeSet<[u8; 16]> = self.backups.iter().map(|file| file.header.database).collect();
        for database in &databases {
            kept.extend(self.chain(database, None).iter().map(|file| file.name.as_str()));
            kept.extend(self.newest_keys(database).map(|file| file.name.as_str()));
            kept.extend(self.newest_full(database, policy.keep_full));
        }
        let young = self.backups.iter().filter(|file| is_young(file, policy, now));
        for file in young {
            let mut next = Some(file);
            while let Some(file) = next {
                kept.insert(&file.name);
                next = self.before(file);
            }
        }
        let (keep, delete): (Vec<_>, Vec<_>) =
            self.backups.iter().partition(|file| kept.contains(file.name.as_str()));
        let names = |files: Vec<&BackupFile>| files.iter().map(|file| file.name.clone()).collect::<Vec<_>>();
        let mut delete = names(delete);
        // The list goes from what is followed to what follows.
        delete.reverse();
        Rotation { keep: names(keep), delete }
    }

    fn newest_full(&self, database: &[u8; 16], count: u64) -> impl Iterator<Item = &str> {
        let is_full =
            |file: &&BackupFile| file.header.kind == BackupKind::Full && file.header.database == *database;
        let mut full: Vec<&BackupFile> = self.backups.iter().filter(is_full).collect();
        full.sort_by_key(|file| std::cmp::Reverse((file.header.to.position, file.header.at)));
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        full.into_iter().take(count).map(|file| file.name.as_str())
    }
}

fn is_young(file: &BackupFile, policy: RotationPolicy, now: Timestamp) -> bool {
    let days = if file.header.kind == BackupKind::Keys { policy.keys_days } else { policy.keep_days };
    let age = now.micros().saturating_sub(file.header.at.micros());
    age < i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY)
}
