//! Floor 1: encrypted bytes. Keys, sealing, the store trait and its implementation on redb.
//!
//! It deliberately does not know what a record, a person or a permission is.
//! Invariants: nothing reaches the disk in clear; a commit is whole or absent; the log has no gaps.

mod backup_stream;
mod blobs;
mod bytes;
mod commit_format;
mod copies;
mod cryptfile;
mod database;
mod device;
mod embedded_store;
mod entries;
#[cfg(test)]
mod everything;
mod faults;
mod frozen;
mod header_slots;
mod journal;
mod kept;
mod key_slots;
mod keys;
mod layered_view;
mod layout;
mod log_format;
mod memory_store;
mod memtable;
mod overlay;
mod page_cipher;
mod places;
mod recovery;
mod restored;
mod salvage;
mod salvage_pages;
mod salvage_tree;
mod sealed_blocks;
mod sealed_files;
mod sealing;
mod slots;
mod store;
mod subject_key_backup;
mod subject_keys;
mod superblock;
mod tables;
mod traces;
mod turns;
mod upgrade;
mod vault;
mod xaes;

#[cfg(test)]
mod tests;

pub use backup_stream::{BackupHeader, BackupKind, BackupReader, BackupWriter};
pub use blobs::{BlobFile, BlobName, BlobReader, Blobs, DraftBlob, SweptBlobs};
pub use copies::CopyReport;
pub use database::{
    BareStore, Database, OpenOptions, create, create_in_memory, open, sealed_tables, sync_directory,
};
#[cfg(test)]
pub(crate) use everything::everything;
pub use kept::{GROUP_BYTES, Made, Recalled};
pub use key_slots::{KeyPlan, KeySlot, identity};
pub use keys::{DatabaseIdentity, Key, KeyCost, KeyKind, KeyProvider, KeyRing};
pub use overlay::{continue_after, scan_over};
pub use recovery::RecoveryKey;
pub use restored::{Draft, create_restored};
pub use salvage::{Wreck, WreckState};
pub use salvage_tree::{LostRange, Walked};
pub use sealed_files::{Gate, SealedFiles};
pub use sealing::{seal, unseal};
pub use store::{
    CommitId, Durability, Family, Head, Keyspace, LogEntry, LogRecord, LogRow, LogVisitor, Page,
    RangeRequest, RowVisitor, Settled, Snapshot, Store, StoreStatistics, StoreTransaction, WriteSet,
    successor,
};
pub use subject_keys::SubjectKeys;
pub use superblock::FORMAT;
pub use tables::TableSize;
pub use upgrade::UpgradePolicy;
pub use vault::RecoveryInfo;
