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
//! The life of a query: `syntax` reads the text, `compile` looks its words up in the dictionaries of what may be
//! read and makes a plan of them, and the plan is answered by the index and by the tail alike. The `tail` is what was
//! committed since the index was last written; it goes there when there is enough of it.
//!
//! An index that was lost is made anew in steps, the newest records first: each search takes one, and so may a host
//! ([`crate::Session::settle_search`]). Until then searches answer by what there is, and say so.
//!
//! Where the files take nothing, the index goes on in memory as far as that goes, the newest records first, and is written
//! when they take bytes again.
//!
//! Texts of attachments are read out by a step of the engine and lie beside the attachments ([`crate::Session::extract_texts`]);
//! here they are texts of their records like any other (`making`).
//!
//! What it does not do yet: the order between scripts within a quoted phrase, and work without the writer's own threads.

mod alerts;
mod analysis;
mod any_of;
mod attached;
mod collect;
mod compile;
mod directory;
mod feed;
mod flat;
mod folding;
mod highlight;
mod index;
mod like;
mod making;
mod palette;
mod pinyin;
mod plan;
mod query;
mod readings;
mod schema;
mod session;
mod similar;
mod simplified;
mod syntax;
mod tail;
mod unwanted;
mod visibility;

#[cfg(test)]
mod tests;

pub use alerts::{SearchAlert, SearchAlerts};
pub use analysis::{ANALYZER_VERSION, Analyzer};
pub use directory::{FileStore, MemoryFiles};
pub use feed::SearchProgress;
pub use highlight::highlight;
pub use index::{Change, Cursor, Hit, Hits, Identity, Index, MAX_HITS, Rest};
pub use palette::{PaletteItem, PaletteKind};
pub use query::{Boosts, MAX_QUERY_CHARACTERS, Query};
pub use schema::Document;
pub use session::{Facet, Highlight, SearchHit, SearchPage, SearchRequest};
pub use syntax::{Comparison, Fault};
pub use visibility::Visibility;
