//! Search: names, text, numbers and addresses of every entity, Chinese and Latin, under one filter.
//!
//! It deliberately does not know entities, roles or the ledger: it takes [`Document`]s in numbers, a
//! [`Visibility`] per question, and a [`Cursor`] that it only carries. It stores no text; what is
//! shown comes from the records, masked, and [`highlight`] works on that.
//!
//! Invariants:
//! - a record or field that the person may not see takes part in no hit and no total;
//! - any fragment of at least two neighbouring characters of Chinese text finds it, and a single
//!   character does too;
//! - every byte goes through the [`FileStore`]; the index may be lost at any time and is fed again;
//! - no fault inside of the index reaches the caller as a panic.
//!
//! What it does not do yet: fragments inside Latin words (only whole words, their beginnings and one
//! wrong letter), a wrong character in Chinese names, quoted phrases and excluded words, changes that
//! are found before they are applied, many small commits sharing one durable write, and work without
//! the writer's own threads.

mod analysis;
mod compile;
mod directory;
mod feed;
mod folding;
mod highlight;
mod index;
mod palette;
mod pinyin;
mod query;
mod readings;
mod schema;
mod session;
mod simplified;
mod visibility;

#[cfg(test)]
mod tests;

pub use analysis::{ANALYZER_VERSION, Analyzer};
pub use directory::{FileStore, MemoryFiles};
pub use highlight::highlight;
pub use index::{Change, Cursor, Hit, Hits, Identity, Index, MAX_HITS};
pub use palette::{PaletteItem, PaletteKind};
pub use query::{MAX_QUERY_CHARACTERS, Query};
pub use schema::Document;
pub use session::{Highlight, SearchHit, SearchPage};
pub use visibility::Visibility;
