//! Exchange: records in from CSV and from trees in JSON, with every row accounted for: taken, taken with warning, or rejected.
//!
//! It deliberately knows no noun of the trade: headings find their fields by name, label or synonym.
//! Invariants: a rejected row leaves nothing behind and keeps no other row out; what was reported as
//! taken is durable; the same file read again changes nothing.

mod columns;
mod csv_rows;
mod import;
mod lines;
mod outcome;
mod tree;

pub use columns::{ImportOptions, Target};
pub use import::{ImportProgress, preview_csv};
pub use outcome::{ImportReport, Outcome, RowReport};
