//! Holds an archive of the ledger against the ledger that it was written from.
//!
//! What is chained of an entry stays in the database when its values are taken out, so an archive is true if its lines
//! are whole, what it has chained is what the database has at the same place, and its values are those that the entries
//! commit to. `examples/audit_verify` verifies one without any database.

use std::io::BufRead;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::base::{Code, Error, FieldId, Result, unhex};
use crate::engine::Session;
use crate::records::{RawChange, check_committed, checkpoints};
use crate::storage::{LogEntry, Snapshot};

/// Longest line, in bytes: an entry of the largest change and its digits.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// Entries of one read.
const PAGE: usize = 500;
/// Checkpoints of one read.
const ROWS: usize = 500;

/// What an archive has that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LedgerArchiveCheck {
    /// The first entry.
    pub first: u64,
    /// The last entry.
    pub last: u64,
    /// Entries.
    pub entries: u64,
    /// How many of them have their values with them, which are those that they commit to.
    pub with_values: u64,
    /// Checkpoints, which are those of the database.
    pub checkpoints: u64,
}

impl Session {
    /// Verifies an archive, or an export of the ledger: that it is whole, that every entry is the one that this database
    /// has there, that its values are those of the entry, also where the database no longer has them, and that its
    /// checkpoints are those of the database.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `input.invalid_argument` naming the line for
    /// what is no archive, or not a whole one; `ledger.broken` naming the entry that is another one, or whose values are
    /// others; `ledger.checkpoint_invalid`; `storage.io`, `engine.cancelled`.
    pub fn verify_ledger_archive(&self, source: &mut dyn BufRead) -> Result<LedgerArchiveCheck> {
        let crm = self.administered()?;
        let snapshot = crm.durable_snapshot()?;
        let mut check = Check {
            session: self,
            snapshot: snapshot.as_ref(),
            lines: Sha256::new(),
            number: 0,
            page: Vec::new().into_iter(),
            done: LedgerArchiveCheck::default(),
        };
        let begin = check.next(source)?.ok_or_else(|| check.wrong("a first line"))?;
        check.begin(&begin)?;
        loop {
            let before = check.lines.clone();
            let line = check.next(source)?.ok_or_else(|| check.wrong("a last line"))?;
            match kind_of(&line) {
                "entry" => check.entry(&line)?,
                "checkpoint" => check.checkpoint(&line)?,
                "end" => {
                    check.end(&line, before)?;
                    break;
                }
                _ => return Err(check.wrong("entry, checkpoint or end")),
            }
        }
        match check.next(source)? {
            None => Ok(check.done),
            Some(_) => Err(check.wrong("nothing behind the end")),
        }
    }
}

/// An archive on its way.
struct Check<'a> {
    session: &'a Session,
    snapshot: &'a dyn Snapshot,
    lines: Sha256,
    number: u64,
    /// Entries of the database that come next.
    page: std::vec::IntoIter<LogEntry>,
    done: LedgerArchiveCheck,
}

impl Check<'_> {
    fn wrong(&self, rule: &str) -> Error {
        Error::new(Code::InvalidArgument).field("archive").rule(rule).record(self.number)
    }

    fn next(&mut self, source: &mut dyn BufRead) -> Result<Option<Json>> {
        let mut line = Vec::new();
        let read = std::io::Read::take(source, MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        if line.last() != Some(&b'\n') {
            return Err(self.wrong("whole lines"));
        }
        self.lines.update(&line);
        serde_json::from_slice(&line).map(Some).map_err(|error| self.wrong("JSON").because(error))
    }

    fn begin(&mut self, line: &Json) -> Result<()> {
        let origin = crate::records::hash_at(self.snapshot, 1)?;
        let said = bytes(line, "origin");
        if kind_of(line) != "ledger" || number(line, "format") != Some(1) {
            return Err(self.wrong("an export of the ledger of format 1"));
        }
        if said.as_deref() != Some(origin.as_slice()) {
            return Err(self.wrong("an archive of this database"));
        }
        let first = number(line, "first").filter(|first| *first > 0);
        let first = first.ok_or_else(|| self.wrong("first"))?;
        let last = number(line, "last").filter(|last| *last >= first).ok_or_else(|| self.wrong("last"))?;
        if last > self.snapshot.head()?.position {
            return Err(self.wrong("entries that this database has"));
        }
        (self.done.first, self.done.last) = (first, last);
        Ok(())
    }

    /// The entry of the database that comes next.
    fn stored(&mut self) -> Result<Option<LogEntry>> {
        if let Some(entry) = self.page.next() {
            return Ok(Some(entry));
        }
        let next = self.done.first.saturating_add(self.done.entries);
        if next > self.done.last {
            return Ok(None);
        }
        self.session.patience().check()?;
        let left = self.done.last.saturating_sub(next).saturating_add(1);
        let most = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
        self.page = self.snapshot.read_log(next.saturating_sub(1), most)?.into_iter();
        self.session.patience().tell(
            "ledger",
            self.done.entries,
            self.done.last.saturating_sub(self.done.first),
        );
        Ok(self.page.next())
    }

    fn entry(&mut self, line: &Json) -> Result<()> {
        let stored = self.stored()?.ok_or_else(|| self.wrong("no more entries than it says"))?;
        let broken = |rule: &str| Error::new(Code::LedgerBroken).rule(rule).record(stored.position);
        if number(line, "position") != Some(stored.position) {
            return Err(broken("position"));
        }
        if bytes(line, "chained").as_deref() != Some(stored.record.chained.as_slice()) {
            return Err(broken("chained"));
        }
        if bytes(line, "hash").as_deref() != Some(stored.hash.as_slice()) {
            return Err(broken("hash"));
        }
        if line.get("salt").is_some() || line.get("values").is_some() {
            let (salt, values) = values_of(line).ok_or_else(|| broken("values"))?;
            check_committed(&stored, &salt, &values).map_err(|_| broken("values"))?;
            self.done.with_values = self.done.with_values.saturating_add(1);
        }
        self.done.entries = self.done.entries.saturating_add(1);
        Ok(())
    }

    fn checkpoint(&mut self, line: &Json) -> Result<()> {
        let sequence = number(line, "sequence").filter(|sequence| *sequence > 0);
        let sequence = sequence.ok_or_else(|| self.wrong("sequence"))?;
        let page = checkpoints(self.snapshot, sequence.saturating_sub(1), ROWS)?;
        let known = page.first().filter(|known| known.sequence == sequence);
        let same = known.is_some_and(|known| {
            number(line, "position") == Some(known.position)
                && bytes(line, "hash").as_deref() == Some(known.hash.as_slice())
                && bytes(line, "root").as_deref() == Some(known.root.as_slice())
                && bytes(line, "key").as_deref() == Some(known.key.as_slice())
                && bytes(line, "signature").as_deref() == Some(known.signature.as_slice())
        });
        if !same {
            return Err(Error::new(Code::CheckpointInvalid).record(sequence));
        }
        self.done.checkpoints = self.done.checkpoints.saturating_add(1);
        Ok(())
    }

    fn end(&self, line: &Json, before: Sha256) -> Result<()> {
        let whole = self.done.last.saturating_sub(self.done.first).saturating_add(1);
        if self.done.entries != whole || number(line, "entries") != Some(whole) {
            return Err(self.wrong("as many entries as it says"));
        }
        if number(line, "checkpoints") != Some(self.done.checkpoints) {
            return Err(self.wrong("as many checkpoints as it says"));
        }
        if bytes(line, "sha256").as_deref() != Some(before.finalize().as_slice()) {
            return Err(self.wrong("the lines as they were written"));
        }
        Ok(())
    }
}

fn kind_of(line: &Json) -> &str {
    line.get("type").and_then(Json::as_str).unwrap_or_default()
}

fn number(line: &Json, name: &str) -> Option<u64> {
    line.get(name).and_then(Json::as_u64)
}

fn bytes(line: &Json, name: &str) -> Option<Vec<u8>> {
    line.get(name).and_then(Json::as_str).and_then(unhex)
}

/// Salt and values of an entry, as an export writes them.
fn values_of(line: &Json) -> Option<([u8; 32], Vec<RawChange>)> {
    let salt = bytes(line, "salt")?.try_into().ok()?;
    let change = |json: &Json| {
        let [field, before, after] = json.as_array()?.as_slice() else { return None };
        let field = FieldId::new(u32::try_from(field.as_u64()?).ok()?);
        Some((field, unhex(before.as_str()?)?, unhex(after.as_str()?)?))
    };
    let values = line.get("values")?.as_array()?.iter().map(change).collect::<Option<_>>()?;
    Some((salt, values))
}
