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

pub use base::{
    CancelToken, Code, Currency, Date, Decimal, Error, Locale, Money, Patience, Progress, RecordId, Result,
    Timestamp, Value,
};
pub use engine::{
    Changes, Condition, Crm, Extension, Find, Key, KeyCost, Options, Ref, RestoreOptions, Session, Settings,
    Transaction, WriteOptions, restore,
};

/// Options for a database with the built-in model.
#[must_use]
pub fn options() -> Options {
    Options::default().extension(std::sync::Arc::new(model::Trade))
}
