//! What an organisation shows of its handling of personal data: a report of what is open, overdue and changed, and where
//! personal data lies that nobody declared.
//!
//! It deliberately decides nothing and changes nothing: it asks the engine as whoever administers everything, and what
//! that person may not read it says it did not read. No value of a record stands in what it tells.

mod discover;
mod discover_across;
mod kinds;
mod report;
mod sections;

pub use discover::{Discover, DiscoverCursor, Discovered, Finding};
pub use discover_across::{AcrossCursor, Coverage, DiscoveredAcross, DiscoveredIn};
pub use kinds::PersonalKind;
pub use report::{Cell, Column, ComplianceReport, ReportRequest, ReportSection};
