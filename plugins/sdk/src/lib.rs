//! Safe Rust for vendors of plugins: fields and hooks without a line of `unsafe`.
//!
//! A plugin is a package with `crate-type = ["cdylib"]` that names itself once with [`plugin!`] and
//! registers fields and hooks in its setup function:
//!
//! ```
//! use guanxi_plugin_sdk::{Error, FieldDefinition, Reject, Setup};
//!
//! fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
//!     setup.field("crm.account", FieldDefinition::text(1, "licence_number", "营业执照号", "Licence number"))?;
//!     setup.before_save("crm.account", 100, |context, record| {
//!         let Some(number) = record.text("licence_number")? else { return Ok(()) };
//!         if number.chars().count() > 18 {
//!             return Err(Reject::new("licence_number", "营业执照号过长", "the licence number is too long"));
//!         }
//!         if number.is_ascii() {
//!             return Ok(record.set_text("licence_number", &number.to_uppercase())?);
//!         }
//!         Ok(context.warn("licence_number", "含有非常规字符", "has unusual characters")?)
//!     })
//! }
//!
//! guanxi_plugin_sdk::plugin! {
//!     id: "cn.example.licence",
//!     version: "1.0.0",
//!     capabilities: ["schema:crm.account", "hook:crm.account"],
//!     setup: setup,
//! }
//! # fn main() {}
//! ```
//!
//! A panic in a hook or in setup is caught: the save is refused with the status of a plugin fault, and
//! one line goes to the host's log. A plugin must therefore be built with `panic = "unwind"`.
//!
//! One loaded plugin may serve several databases at the same time. Keep state in the closure, which is
//! made anew for each of them, and not in a `static`.

pub use guanxi_plugin_abi as abi;

mod entry;
mod error;
mod fault;
mod hook;
mod host;
mod setup;
#[cfg(feature = "testing")]
pub mod testing;
mod value;

#[doc(hidden)]
pub use entry::{Identity, describe, initialize};
pub use error::{Error, Reject};
pub use hook::{Content, Context, Record};
pub use host::Log;
pub use setup::{Action, Connector, FieldDefinition, HookPoint, Setup};
pub use value::{Decimal, Money, Value};
