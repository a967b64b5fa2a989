//! Guanxi: an embeddable CRM engine over one encrypted database.
//!
//! A host opens a database, signs a user in, and reads and writes through that session. There is no
//! ambient user, no server and no thread of the engine's own.
//!
//! ```
//! use guanxi::model::{Opportunity, Status, account, opportunity};
//! use guanxi::{Key, KeyCost, Money};
//!
//! # fn main() -> guanxi::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("jiaxi.guanxi");
//! let crm = guanxi::options()
//!     .key(Key::from_passphrase("correct horse battery staple"))
//!     # .key_cost(KeyCost { memory_kib: 64, passes: 1, lanes: 1 })
//!     .administrator("lin@jiaxi.cn", "a long password")
//!     .create(&path)?;
//! let lin = crm.sign_in("lin@jiaxi.cn", "a long password")?;
//! let deal = lin.write(|txn| {
//!     let buyer = txn.create(account::named("上海加喜企业服务有限公司").with(account::CITY, "上海"))?;
//!     txn.create(
//!         opportunity::titled("执照变更代办")
//!             .with(opportunity::ACCOUNT, buyer)
//!             .with(opportunity::AMOUNT, Money::cny(12_800)),
//!     )
//! })?;
//! let open = lin
//!     .find::<Opportunity>()
//!     .filter(opportunity::STATUS.is(Status::Open))
//!     .sort(opportunity::AMOUNT.descending())
//!     .fetch()?;
//! assert_eq!(open.len(), 1);
//! lin.write(|txn| deal.win(txn))?;
//! assert_eq!(lin.find::<Opportunity>().filter(opportunity::STATUS.is(Status::Won)).count()?, 1);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod access;
pub mod api;
pub mod base;
pub mod engine;
pub mod features;
pub mod model;
mod records;
pub mod schema;
mod storage;
pub mod time;

/// Parts that the bench measures by themselves. Nothing for hosts: they may change at any time.
#[doc(hidden)]
pub mod parts {
    pub use crate::storage::{BareStore, sealed_tables};
}

pub use base::{
    CancelToken, Code, Currency, Date, Decimal, Error, Locale, Money, Patience, Progress, RecordId, Result,
    Timestamp, Value,
};
pub use engine::{
    Changes, Condition, Crm, Durability, Extension, Find, Key, KeyCost, KeyProvider, Options, RecoveryKey,
    Ref, RestoreOptions, RestoreSource, Session, Settings, Transaction, WriteOptions, restore, restore_from,
    salvage, verify_backup,
};

/// Options for a database with the built-in model.
#[must_use]
pub fn options() -> Options {
    Options::default().extension(std::sync::Arc::new(model::Trade))
}

/// Options for a database in memory, for the tests of hosts: a random key, a cheap password hash, a
/// trusted host and an administrator `admin@example.test`. All of them can be set otherwise.
///
/// ```
/// use std::sync::Arc;
/// use guanxi::base::ManualClock;
/// use guanxi::model::{Account, account};
///
/// # fn main() -> guanxi::Result<()> {
/// let clock = Arc::new(ManualClock::at("2026-11-22T09:00:00Z".parse().unwrap()));
/// let crm = guanxi::in_memory().clock(clock.clone()).conflict_every(3).create_in_memory()?;
/// let session = crm.session_for("admin@example.test")?;
/// for name in ["加喜", "Guanxi"] {
///     session.write(|txn| txn.create(account::named(name)))?;
/// }
/// assert_eq!(session.find::<Account>().count()?, 2);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn in_memory() -> Options {
    let mut key = [0; 32];
    base::Random::fill(&base::OsRandom, &mut key);
    options()
        .key(Key::raw(key))
        .key_cost(KeyCost { memory_kib: 8, passes: 1, lanes: 1 })
        .trust_host()
        .administrator("admin@example.test", "in memory only")
}
