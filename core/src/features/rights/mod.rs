//! Rights of persons: the package of all that is kept of one person, values put right in their copies, and receipts of
//! erasures as people read them.
//!
//! It deliberately knows no noun of the trade: what is a person, and what refers to one, is said by the registry.
//! Invariants: whatever leaves the database is what the one who asks may see and export, field by field; of what is left
//! out only the kind is told; a package that does not come to its end is taken away again.

mod copies;
mod package;
mod page;
mod receipt;
mod sinks;
mod walk;

pub use copies::{Copied, CopyOf, CopyPage, CopyPlace, Rectification};
pub use package::{PACKAGE_SCHEMA, PackageReport};
pub use walk::LeftOut;
