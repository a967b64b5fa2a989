//! Floor 1: encrypted bytes. Keys, sealing, the store trait and its implementation on redb.
//!
//! It deliberately does not know what a record, a person or a permission is.
//! Invariants: nothing reaches the disk in clear; a commit is whole or absent; the log has no gaps.

mod store;

pub use store::{
    Caps, ChainLink, Committed, Head, Keyspace, LogEntry, LogRecord, Page, RangeRequest, Snapshot, Store,
    StoreTransaction, WriteSet,
};
