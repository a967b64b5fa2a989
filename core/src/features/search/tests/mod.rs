//! Behaviour of search, through its public doors.

mod erasing;
mod fragments;
mod highlights;
mod life;
mod likeness;
mod oracle;
mod quality;
mod sight;
mod syntax;
mod tail;
mod words;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::base::RecordId;

/// The entity and the fields that most tests use.
const ACCOUNT: u32 = 3;
const NAME: u32 = 1;
const NOTE: u32 = 2;
const PHONE: u32 = 3;
const EMAIL: u32 = 4;
const NUMBER: u32 = 70;

const IDENTITY: Identity =
    Identity { database_id: [7; 16], schema_version: 1, analyzer_version: ANALYZER_VERSION };

/// Sees everything.
struct Everything;

impl Visibility for Everything {
    fn allows(&self, _kind: u32, _class: u32) -> bool {
        true
    }

    fn reads(&self, _kind: u32, _field: u32) -> bool {
        true
    }
}

fn id(number: u128) -> RecordId {
    RecordId::from_bytes(number.to_be_bytes())
}

fn number_of(record: RecordId) -> u128 {
    u128::from_be_bytes(*record.as_bytes())
}

fn at(position: u64) -> Cursor {
    Cursor { position, chain: [u8::try_from(position % 251).unwrap(); 32] }
}

fn account(number: u128, fields: &[(u32, Analyzer, &str)]) -> Document {
    let fields =
        fields.iter().map(|(field, analyzer, text)| (*field, *analyzer, (*text).to_owned())).collect();
    Document { record: id(number), kind: ACCOUNT, class: 0, changed: 0, owner: [0; 16], fields }
}

fn named(number: u128, name: &str) -> Document {
    account(number, &[(NAME, Analyzer::Title, name)])
}

fn upserts(documents: impl IntoIterator<Item = Document>) -> Vec<Change> {
    documents.into_iter().map(Change::Upsert).collect()
}

/// An index in memory with these documents, from one commit.
fn index_of(documents: impl IntoIterator<Item = Document>) -> Index {
    let (mut index, cursor) = Index::open_or_create(Arc::new(MemoryFiles::new()), IDENTITY).unwrap();
    assert_eq!(cursor, None);
    index.apply(&upserts(documents), at(1)).unwrap();
    index
}

/// The numbers of all records that match, ascending.
fn found(index: &Index, text: &str) -> Vec<u128> {
    found_by(index, text, &Everything)
}

fn found_by(index: &Index, text: &str, visible: &dyn Visibility) -> Vec<u128> {
    let hits = index.search(&Query::new(text), visible, 5_000, 0).unwrap();
    let mut numbers: Vec<u128> = hits.hits.iter().map(|hit| number_of(hit.record)).collect();
    numbers.sort_unstable();
    assert_eq!(hits.total, u64::try_from(numbers.len()).unwrap());
    numbers
}

/// A file of the shared test data; where there is no such data, it says so.
fn shared(path: &str) -> Option<String> {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let text = std::fs::read_to_string(shared.join("data").join(path)).ok();
    if text.is_none() {
        assert!(!shared.exists(), "../shared is there, and data/{path} is not");
        // The harness keeps what the macros print of a test that passes to itself.
        let _ = writeln!(std::io::stderr(), "skipped: ../shared/data/{path} is absent");
    }
    text
}
