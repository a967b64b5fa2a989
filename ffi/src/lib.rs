//! Guanxi for C: opaque handles, status numbers, and one function for each thing that a host does.
//!
//! This package has no rules of its own. It checks pointers, keeps panics inside, converts values and
//! calls the public Rust interface; the headers in `include/` are generated from it, so that every
//! doc comment here is read by C programmers.
//!
//! Exported functions are written out one by one, since the generator of the headers does not see
//! what macros make. Each begins with one unsafe block that turns its pointers into checked Rust
//! values; everything after that block is safe code inside a guard against panics.
#![expect(non_camel_case_types, reason = "these are C types, and the header is generated from their names")]

mod alone;
mod arguments;
mod call;
mod column;
mod cursor;
mod error;
mod extractor;
mod guard;
mod handle;
mod health;
mod listener;
mod log;
mod open;
mod plugin;
mod process;
mod query;
mod record;
mod rows;
mod search;
mod session;
mod sources;
mod subscription;
mod table;
mod transaction;
mod value;
mod verb;
pub mod version;
mod write;
mod writing;

/// What the header promises about threads, held by the compiler.
const _: () = {
    const fn any_thread_at_once<T: Send + Sync>() {}
    const fn any_thread_in_turn<T: Send>() {}
    any_thread_at_once::<open::EngineHandle>();
    any_thread_at_once::<session::SessionHandle>();
    any_thread_at_once::<query::Question>();
    any_thread_at_once::<call::Buffer>();
    any_thread_at_once::<alone::Interrupter>();
    any_thread_at_once::<error::Failure>();
    any_thread_at_once::<subscription::Subscription>();
    any_thread_in_turn::<record::Builder>();
    any_thread_in_turn::<cursor::Cursor>();
};
