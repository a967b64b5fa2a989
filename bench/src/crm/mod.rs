//! The work that both sides do: one CRM with accounts, contacts and opportunities of a sales team.

mod data;
pub mod guanxi;
pub mod sqlcipher;
pub mod values;

use std::path::Path;

pub use data::{
    Account, Contact, Opportunity, Row, Rows, VISIBLE_OWNERS, Workload, account, draw, note, phone, pick,
};
pub use guanxi::Guanxi;
pub use sqlcipher::SqlCipher;

use crate::harness::Outcome;

/// The key of every database, as a host's key store would give it.
const RAW_KEY: [u8; 32] = [0x5A; 32];
/// Rows of a page.
pub const PAGE_ROWS: usize = 50;
/// Places of a list from which pages are read on.
pub const ANCHORS: usize = 100;

/// How a database is opened.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// Memory for pages, in bytes.
    pub cache_bytes: usize,
    /// Whether commits may be lost, though never torn, when the power goes.
    pub relaxed: bool,
}

/// One side: a database of the workload.
pub trait Store: Sync + Sized {
    /// What one thread works with.
    type Worker<'a>: Worker + Send
    where
        Self: 'a;

    /// Makes a database in a folder, with the people of the workload and nothing else.
    fn create(folder: &Path) -> Outcome<()>;

    /// Opens it.
    fn open(folder: &Path, opening: Opening) -> Outcome<Self>;

    /// A worker, who knows the accounts that were loaded.
    fn worker(&self, role: Role) -> Outcome<Self::Worker<'_>>;

    /// Bytes of all files of the database.
    fn size(folder: &Path) -> Outcome<u64>;

    /// Bytes of the file that hold the history of changes: the ledger, or the audit table.
    fn size_of_history(folder: &Path) -> Outcome<u64>;

    /// Bytes after the database was compacted.
    fn compacted_size(folder: &Path, opening: Opening) -> Outcome<u64>;

    /// Bytes of a backup.
    fn backup_size(folder: &Path, opening: Opening) -> Outcome<u64>;

    /// How often the side has made a file durable since it was opened.
    fn flushes(&self) -> Outcome<u64>;
}

/// Whose work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The administrator, who loads for everybody.
    Administrator,
    /// A manager, who sees the accounts of half the team.
    Manager,
}

/// One thread's work. Every write is one transaction.
pub trait Worker {
    /// Stores new rows in one transaction.
    fn store(&mut self, rows: &Rows) -> Outcome<()>;

    /// Changes telephone and note of an account, in a transaction of its own.
    fn change(&mut self, account: usize, phone: &str, note: &str) -> Outcome<()>;

    /// Keeps what later workers need to know of the rows stored.
    fn remember(&self, folder: &Path) -> Outcome<()>;

    /// Reads an account whole, and gives the bytes of its texts.
    fn read(&mut self, account: usize) -> Outcome<usize>;

    /// Finds the places from which [`Worker::page_by_name`] goes on.
    fn prepare_pages(&mut self, accounts: usize) -> Outcome<()>;

    /// The next page of accounts by name behind a place, of those that the reader may see.
    fn page_by_name(&mut self, anchor: usize) -> Outcome<usize>;

    /// The next page of the accounts of one owner, in the order of creation.
    fn page_by_owner(&mut self, owner: usize) -> Outcome<usize>;
}

/// Bytes of all files in a folder and below it.
pub fn folder_size(folder: &Path) -> Outcome<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let known = entry.metadata()?;
        total += if known.is_dir() { folder_size(&entry.path())? } else { known.len() };
    }
    Ok(total)
}
