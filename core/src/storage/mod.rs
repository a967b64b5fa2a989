//! Floor 1: encrypted bytes. Keys, sealing, the store trait and its implementation on redb.
//!
//! It deliberately does not know what a record, a person or a permission is.
//! Invariants: nothing reaches the disk in clear; a commit is whole or absent; the log has no gaps.

mod backup_stream;
mod bytes;
mod cryptfile;
mod database;
mod device;
mod entries;
mod faults;
mod header_slots;
mod keys;
mod layout;
mod log_format;
mod page_cipher;
mod redb_store;
mod restored;
mod sealed_files;
mod sealing;
mod slots;
mod store;
mod subject_key_backup;
mod subject_keys;
mod superblock;
mod turns;
mod vault;
mod xaes;

#[cfg(test)]
mod tests;

pub use backup_stream::{BackupHeader, BackupKind, BackupReader, BackupWriter};
pub use database::{Database, OpenOptions, create, open, sync_directory};
pub use keys::{Key, KeyCost, KeyRing};
pub use restored::{Draft, create_restored};
pub use sealed_files::SealedFiles;
pub use sealing::{seal, unseal};
pub use store::{
    Head, Keyspace, LogEntry, LogRecord, Page, RangeRequest, Snapshot, Store, StoreTransaction, WriteSet,
    successor,
};
pub use subject_keys::SubjectKeys;
pub use vault::RecoveryInfo;
