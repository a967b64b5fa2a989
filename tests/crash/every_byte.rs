//! Every single byte of a small database, changed one at a time: what is read then is what was written, or
//! an error.
//!
//! The normal run takes every byte of what describes a file, and a sample of the rest; `GUANXI_EVERY_BYTE`
//! takes all. Bytes of backups are in the tests of backups.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use guanxi::Code;
use guanxi::model::account;
use guanxi_tests::{ADMIN, KEY};

use super::power::disk::{Tree, read, write};
use super::power::house::{Content, HOUSE, content, furnished, ledger, open, opened, placed};
use super::power::recording::folder;

/// A block of a file of tables, in bytes.
const BLOCK: usize = 4_096;
/// Positions of one file in the normal run, beside those that are always taken.
const SAMPLE: usize = 350;
/// Words that a search finds.
const WORDS: &str = "Kunstdorf";

/// The newest record, which is in the newest entry of the journal.
const LAST: &str = "the last one";

/// A database that was not closed, with all that it holds.
struct Specimen {
    files: Tree,
    content: Content,
    ledger: String,
    /// The newest entry of the ledger.
    newest: u64,
    hits: u64,
}

/// What the newest entry of the journal is when a byte of it is changed: nothing tells that from a commit
/// that was torn when the power failed, so it is left out, whole.
struct WithoutLast {
    content: Content,
    ledger: String,
}

impl Specimen {
    fn without_last(&self) -> WithoutLast {
        let entries: Vec<serde_json::Value> = serde_json::from_str(&self.ledger).unwrap();
        let ledger = entries.split_last().unwrap().1;
        WithoutLast { content: self.content.without(LAST), ledger: serde_json::json!(ledger).to_string() }
    }
}

/// A house whose search index is there, and whose newest commits are in the journal alone.
fn specimen() -> &'static Specimen {
    static MADE: OnceLock<Specimen> = OnceLock::new();
    MADE.get_or_init(|| {
        let home = placed(&furnished().0);
        let path = home.path().join(HOUSE);
        let session = opened(&path, &KEY).unwrap();
        session.search(WORDS, None, 1, 0).unwrap();
        session.crm().checkpoint().unwrap();
        for name in ["in the journal", LAST] {
            session.write(|transaction| transaction.create(account::named(name))).unwrap();
        }
        let newest = session.crm().head().unwrap().position;
        let files = read(&path);
        let content = content(&session).unwrap();
        let ledger = ledger(&session, newest).unwrap();
        let hits = session.search(WORDS, None, 1, 0).unwrap().total;
        Specimen { files, content, ledger, newest, hits }
    })
}

/// What became of changed bytes.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    refused: u64,
    harmless: u64,
    /// The newest entry of the journal was left out.
    cut: u64,
}

/// How a changed database is read.
#[derive(Debug, PartialEq)]
enum Read {
    Whole,
    WithoutLast,
    Refused(Code),
}

/// Opens and reads everything. Whatever is read is right.
fn judge(specimen: &Specimen, cut: &WithoutLast, name: &str, path: &Path) -> Read {
    let crm = match open(path, &KEY) {
        Ok(crm) => crm,
        Err(error) => {
            // Whoever is refused changes nothing, and is refused again.
            let again = open(path, &KEY).map(drop).unwrap_err();
            assert_eq!(again.code(), error.code(), "the second open");
            return Read::Refused(error.code());
        }
    };
    let session = match crm.session_for(ADMIN) {
        Ok(session) => session,
        Err(error) => return Read::Refused(error.code()),
    };
    let found = content(&session);
    if name == "journal" && found.as_ref().is_ok_and(|found| *found == cut.content) {
        assert!(ledger(&session, specimen.newest - 1).unwrap() == cut.ledger, "another ledger was read");
        return Read::WithoutLast;
    }
    let told = ledger(&session, specimen.newest);
    // Only files of the index say what a search finds, and it is slow.
    let searched = name.is_empty() || name.starts_with("index");
    let hits =
        if searched { session.search(WORDS, None, 1, 0).map(|found| found.total) } else { Ok(specimen.hits) };
    assert!(found.as_ref().map_or(true, |found| *found == specimen.content), "other records were read");
    assert!(told.as_ref().map_or(true, |told| *told == specimen.ledger), "another ledger was read");
    assert!(hits.as_ref().map_or(true, |hits| *hits == specimen.hits), "a search finds something else");
    let refused = [found.err(), told.err(), hits.err().map(|error| format!("{error:?}"))];
    match refused.into_iter().flatten().next() {
        None => Read::Whole,
        Some(error) => {
            // Where a read is refused it is for damage, or for a version that a damaged byte names.
            let damage = ["storage.damaged", "storage.newer_format"].iter().any(|code| error.contains(code));
            assert!(damage, "{error}");
            Read::Refused(Code::Damaged)
        }
    }
}

/// The parts of a file that describe it: all of their bytes are taken.
fn described(name: &str) -> Vec<Range<usize>> {
    match name {
        // Fields, the first slot, seal and checksum of both superblocks, and the two slots of the header.
        "data" | "keys" => (0..4)
            .flat_map(|block| {
                [block * BLOCK..block * BLOCK + 200, (block + 1) * BLOCK - 64..(block + 1) * BLOCK]
            })
            .collect(),
        // Its head, and the head of its first record.
        "journal" => vec![0..32, BLOCK..BLOCK + 96],
        _ => std::iter::once(0..64).collect(),
    }
}

fn positions(name: &str, length: usize) -> Vec<usize> {
    if std::env::var_os("GUANXI_EVERY_BYTE").is_some() {
        return (0..length).collect();
    }
    let mut all: Vec<usize> = described(name).into_iter().flatten().filter(|at| *at < length).collect();
    // The index is many small files, and each of its bytes is followed by a search.
    let sample = if name.starts_with("index") { SAMPLE / 8 } else { SAMPLE };
    all.extend((0..length).step_by((length / sample).max(1)));
    all.sort_unstable();
    all.dedup();
    all
}

/// Changes each of some bytes of a file, one at a time.
fn change(specimen: &Specimen, name: &str, positions: &[usize]) -> Tally {
    let (mut tally, cut) = (Tally::default(), specimen.without_last());
    let mut files = specimen.files.clone();
    for at in positions.iter().copied() {
        let flip = |files: &mut Tree| files.get_mut(name).unwrap().as_mut().unwrap()[at] ^= 1 << (at % 8);
        flip(&mut files);
        let home = folder();
        write(&files, home.path());
        let _place = Place(name, at);
        match judge(specimen, &cut, name, home.path()) {
            Read::Whole => tally.harmless += 1,
            Read::WithoutLast => tally.cut += 1,
            Read::Refused(code) => {
                let known = [Code::Damaged, Code::NotADatabase, Code::NewerFormat, Code::WrongKey];
                assert!(known.contains(&code), "{code:?}");
                tally.refused += 1;
            }
        }
        flip(&mut files);
    }
    tally
}

/// Names the place of a failure.
struct Place<'a>(&'a str, usize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("byte {} of {}", self.1, self.0);
        }
    }
}

/// What kind of file this is, for the counts.
fn kind(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

#[test]
fn a_changed_byte_of_any_file_is_refused_or_harmless_and_never_other_data() {
    let specimen = specimen();
    let home = folder();
    write(&specimen.files, home.path());
    let cut = specimen.without_last();
    assert_eq!(judge(specimen, &cut, "", home.path()), Read::Whole, "the untouched files");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts: BTreeMap<&str, (usize, Tally)> = BTreeMap::new();
    for (name, bytes) in &specimen.files {
        let Some(bytes) = bytes else { continue };
        let positions = positions(name, bytes.len());
        let shares = positions.chunks(positions.len().div_ceil(threads).max(1));
        let tallies: Vec<Tally> = std::thread::scope(|scope| {
            let running: Vec<_> =
                shares.map(|share| scope.spawn(move || change(specimen, name, share))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (length, count) = counts.entry(kind(name)).or_default();
        *length += bytes.len();
        for tally in tallies {
            count.refused += tally.refused;
            count.harmless += tally.harmless;
            count.cut += tally.cut;
        }
        eprintln!("{name}: {} bytes, {} changed", bytes.len(), positions.len());
    }
    for (kind, (length, Tally { refused, harmless, cut })) in &counts {
        let changed = refused + harmless + cut;
        eprintln!(
            "{kind}: {length} bytes; changed {changed}: refused {refused}, harmless {harmless}, cut {cut}"
        );
    }
    // In each kind some bytes matter, or the test looks at none of it.
    for kind in ["data", "journal", "keys", "blobs"] {
        assert!(counts[kind].1.refused > 0, "{kind}: {counts:?}");
    }
}
