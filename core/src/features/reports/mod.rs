//! Reports: counts, sums, means and shares over what the asker may see, by any field or span of time.
//!
//! It deliberately knows no noun of the trade and reads no store: it sees what the session sees.
//! Invariants: amounts are summed exactly and never across currencies; a record that the asker may
//! not see changes no figure; days, weeks and fiscal years are the organisation's.

mod bucket;
mod run;

pub use bucket::Bucket;
pub use run::{Figure, GroupBy, Measure, Report, ReportRow, Table};
