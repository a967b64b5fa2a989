//! The C types that the engine's C interface and its plugins share; what stands here is frozen once released.
//!
//! There is no logic here and no dependency: only layouts, numbers and signatures. The C headers are
//! generated from this crate, which is why its names are C names.
//!
//! # Rules of the plugin interface, version 1
//!
//! - **Growth.** Structures begin with their size and only ever grow at the end. A reader that finds a
//!   smaller size than it knows treats the missing tail as absent. Values, text and decimals have no
//!   size and never change. "Since" at an item names the version of the interface that brought it.
//! - **Errors** are returned, never thrown: no panic, exception or `longjmp` may cross a call in
//!   either direction; if one does, the process is lost.
//! - **Memory.** Nobody frees what the other allocated. Text that goes into a call is read before the
//!   call returns; text that comes out of one is borrowed for as long as the item says.
//! - **Handles** ([`guanxi_handle`]) are numbers, checked at each use; one kept beyond the call that
//!   brought it gives [`GUANXI_ERR_INPUT_INVALID_HANDLE`] and does no harm.
//! - **Unloading** does not exist: code and static data of a plugin live as long as the process.
#![no_std]
#![forbid(unsafe_code)]

mod plugin;
mod status;
mod value;

pub use plugin::*;
pub use status::*;
pub use value::*;
