//! The ledger as lines of JSON, with everything that an outsider needs to work chain and checkpoints out again.
//!
//! The form is described in `examples/audit_verify/README.md`, beside a program that verifies it and shares no
//! code with the engine. Values are commitments alone, unless they are asked for; then an entry has them if the
//! reader may see all of its fields, since the salt that opens one would let the others be guessed.

use std::io::{BufWriter, Write};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::base::{Code, EntityId, Error, Patience, Result, Value};
use crate::engine::audit_trail::own_note;
use crate::engine::{EntryKind, Head, Reader, Session};
use crate::records::{self, Checkpoint, LedgerTree, OpenedEntry};
use crate::storage::Snapshot;

/// Entries of one read.
const PAGE: usize = 500;
/// Checkpoints of one read.
const ROWS: usize = 500;
/// The form of the lines.
const FORMAT: u32 = 1;

/// What an export of the ledger has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LedgerExportOptions {
    /// The first entry; 0 for that of the ledger.
    pub first: u64,
    /// The last entry; 0 for the newest durable one.
    pub last: u64,
    /// Whether values come along, where the reader may see all of an entry.
    pub values: bool,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerExport {
    /// The first entry.
    pub first: u64,
    /// The last entry.
    pub last: u64,
    /// Entries.
    pub entries: u64,
    /// How many of them have their values with them.
    pub with_values: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// The chain's hash at the last entry.
    pub head: Head,
}

impl Session {
    /// Writes the ledger, or a range of it, as lines of JSON. That it was done is an entry of the ledger, made
    /// before the first line.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `input.invalid_argument` for a range
    /// that there is not; `storage.io` of the sink; `ledger.broken`, `engine.cancelled`.
    pub fn export_ledger(&self, options: LedgerExportOptions, sink: &mut dyn Write) -> Result<LedgerExport> {
        let crm = self.administered()?;
        let head = crm.head()?;
        let last = if options.last == 0 { head.position } else { options.last };
        let first = options.first.max(1);
        if last > head.position || first > last {
            let rule = format!("a range up to {}, the newest entry", head.position);
            return Err(Error::new(Code::InvalidArgument).field("last").rule(&rule));
        }
        let rows = i64::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(i64::MAX);
        let facts = [("rows", Value::Int(rows)), ("form", Value::from("ledger"))];
        crm.enter_own(self.user(), "audit.export", own_note(EntryKind::Export, EntityId::new(0), &facts))?;
        let snapshot = crm.durable_snapshot()?;
        let lines = Lines { sink: BufWriter::new(sink), hash: Sha256::new() };
        let mut export =
            Export { session: self, snapshot: snapshot.as_ref(), lines, done: LedgerExport::default() };
        export.begin(first, last)?;
        self.read(|reader| export.entries(&reader, options.values))?;
        export.end()
    }
}

struct Export<'a> {
    session: &'a Session,
    snapshot: &'a dyn Snapshot,
    lines: Lines<'a>,
    done: LedgerExport,
}

/// Lines on their way, and the hash over them.
struct Lines<'a> {
    sink: BufWriter<&'a mut dyn Write>,
    hash: Sha256,
}

impl Lines<'_> {
    fn write(&mut self, line: &Json) -> Result<()> {
        let text = format!("{line}\n");
        self.hash.update(&text);
        Ok(self.sink.write_all(text.as_bytes())?)
    }
}

impl Export<'_> {
    fn begin(&mut self, first: u64, last: u64) -> Result<()> {
        let before = first.saturating_sub(1);
        let mut tree = LedgerTree::new(self.snapshot, self.session.patience());
        let peaks = tree.peaks(before)?;
        let peaks: Vec<Json> = peaks.iter().map(|(level, hash)| json!([level, hex(hash)])).collect();
        (self.done.first, self.done.last) = (first, last);
        self.lines.write(&json!({
            "type": "ledger",
            "format": FORMAT,
            "origin": hex(&records::hash_at(self.snapshot, 1)?),
            "first": first,
            "last": last,
            "before": hex(&records::hash_at(self.snapshot, before)?),
            "peaks": peaks,
        }))
    }

    fn entries(&mut self, reader: &Reader<'_>, values: bool) -> Result<()> {
        let patience: &Patience = self.session.patience();
        let mut checkpoints = self.checkpoints()?.into_iter().peekable();
        let mut next = self.done.first;
        while next <= self.done.last {
            patience.check()?;
            let wanted =
                usize::try_from(self.done.last.saturating_sub(next).saturating_add(1)).unwrap_or(PAGE);
            let sealer = &self.session.crm().inner.sealer;
            let page = records::read_raw((self.snapshot, sealer), next, wanted.min(PAGE))?;
            for opened in page {
                next = opened.entry.position.saturating_add(1);
                self.entry(reader, &opened, values)?;
                while let Some(due) = checkpoints.next_if(|due| due.position <= opened.entry.position) {
                    self.lines.write(&checkpoint_line(&due))?;
                    self.done.checkpoints = self.done.checkpoints.saturating_add(1);
                }
            }
            patience.tell("ledger", self.done.entries, self.done.last.saturating_sub(self.done.first));
        }
        Ok(())
    }

    fn entry(&mut self, reader: &Reader<'_>, opened: &OpenedEntry, values: bool) -> Result<()> {
        let entry = &opened.entry;
        let mut line = json!({
            "type": "entry",
            "position": entry.position,
            "chained": hex(&opened.chained),
            "hash": hex(&entry.hash),
        });
        if values
            && let Some((salt, fields)) = &opened.values
            && reader.shows_all(entry)?
            && let Some(members) = line.as_object_mut()
        {
            let fields = fields.iter().map(|(field, old, new)| json!([field.number(), hex(old), hex(new)]));
            members.insert("salt".to_owned(), json!(hex(salt)));
            members.insert("values".to_owned(), Json::Array(fields.collect()));
            self.done.with_values = self.done.with_values.saturating_add(1);
        }
        self.done.head = Head { position: entry.position, hash: entry.hash };
        self.done.entries = self.done.entries.saturating_add(1);
        self.lines.write(&line)
    }

    /// The checkpoints of the range.
    fn checkpoints(&self) -> Result<Vec<Checkpoint>> {
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let page = records::checkpoints(self.snapshot, after, ROWS)?;
            let Some(last) = page.last() else { return Ok(found) };
            after = last.sequence;
            let range = self.done.first..=self.done.last;
            found.extend(page.into_iter().filter(|checkpoint| range.contains(&checkpoint.position)));
        }
    }

    fn end(mut self) -> Result<LedgerExport> {
        let digest = self.lines.hash.clone().finalize();
        let done = &self.done;
        let line = json!({
            "type": "end",
            "entries": done.entries,
            "checkpoints": done.checkpoints,
            "head": hex(&done.head.hash),
            "sha256": hex(&digest),
        });
        self.lines.write(&line)?;
        self.lines.sink.flush()?;
        Ok(self.done)
    }
}

fn checkpoint_line(checkpoint: &Checkpoint) -> Json {
    json!({
        "type": "checkpoint",
        "origin": hex(&checkpoint.origin),
        "sequence": checkpoint.sequence,
        "position": checkpoint.position,
        "hash": hex(&checkpoint.hash),
        "root": hex(&checkpoint.root),
        "at": checkpoint.at.micros(),
        "previous": hex(&checkpoint.previous),
        "algorithm": checkpoint.algorithm,
        "key": hex(&checkpoint.key),
        "signature": hex(&checkpoint.signature),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
