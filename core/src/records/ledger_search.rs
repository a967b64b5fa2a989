//! A search of the ledger: by who, for whom, what, which record, which field, why and when.
//!
//! Moments become positions by halving, since stamps rise with positions. Blocks whose row says that no entry
//! of theirs can match are passed over without a look at their entries. A search ends at the first of three
//! bounds (entries found, entries read, blocks passed over) and says where to go on.

use std::collections::VecDeque;

use crate::base::{Code, EntityId, Error, FieldId, Patience, RecordId, Result, Timestamp};
use crate::records::commitments::Commitments;
use crate::records::history::{At, resolve};
use crate::records::ledger::{EntryKind, LedgerEntry, decode_header, open_into};
use crate::records::ledger_blocks::{BLOCK, Mention, Summary, block_of, end_of, named_records};
use crate::records::view::Sealer;
use crate::storage::{LogEntry, Snapshot};

/// Most entries that one search reads.
const MAX_READ: u64 = 64 * BLOCK;
/// Most blocks that one search passes over.
const MAX_PASSED: u64 = 16_384;
/// Rows of blocks that are read at once.
const ROWS: u64 = 64;

/// Which entries of the ledger are looked for. What is not said holds of every entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerFilter {
    /// Who did it.
    pub actor: Option<RecordId>,
    /// On whose behalf.
    pub on_behalf_of: Option<RecordId>,
    /// The entity.
    pub entity: Option<EntityId>,
    /// The record: the one that the entry is about, or one of those that it names.
    pub record: Option<RecordId>,
    /// The field that changed, with its entity.
    pub field: Option<(EntityId, FieldId)>,
    /// The kinds of entries; none for all.
    pub kinds: Vec<EntryKind>,
    /// The cause.
    pub cause: Option<String>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// From this position on.
    pub first: Option<u64>,
    /// Up to this position.
    pub last: Option<u64>,
}

/// How far a search goes, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LedgerWalk {
    /// Newest first.
    pub falling: bool,
    /// The position behind which the search goes on, in its direction.
    pub after: Option<u64>,
    /// Most entries, at least 1.
    pub limit: usize,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct LedgerPage {
    /// The entries, in the order of the search.
    pub entries: Vec<LedgerEntry>,
    /// Where to go on, if there may be more.
    pub next: Option<u64>,
    /// How many entries were read.
    pub looked_at: u64,
    /// How many blocks of 1,024 entries were passed over.
    pub passed_over: u64,
    /// Rows of blocks that had none, to be kept for the next search.
    pub summaries: Vec<Summary>,
}

/// Searches one stable view of the ledger.
///
/// # Errors
/// `ledger.broken`, `storage.damaged`, `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
pub fn search_ledger(
    (snapshot, sealer): (&dyn Snapshot, &Sealer),
    filter: &LedgerFilter,
    walk: LedgerWalk,
    patience: &Patience,
) -> Result<LedgerPage> {
    let head = snapshot.head()?.position;
    let Some((low, high)) = span(snapshot, filter, walk, head)? else { return Ok(LedgerPage::default()) };
    let mut search = Search {
        snapshot,
        sealer,
        filter,
        walk,
        bounds: (low, high),
        head,
        known: VecDeque::new(),
        page: LedgerPage::default(),
    };
    search.run(patience)?;
    Ok(search.page)
}

/// The first and the last position that the search is about, if there are any.
fn span(
    snapshot: &dyn Snapshot,
    filter: &LedgerFilter,
    walk: LedgerWalk,
    head: u64,
) -> Result<Option<(u64, u64)>> {
    let before = |moment: Timestamp| {
        let last = Timestamp::from_micros(moment.micros().saturating_sub(1));
        resolve(snapshot, At::Time(last))
    };
    let mut low = filter.first.unwrap_or(1).max(1);
    let mut high = filter.last.unwrap_or(head).min(head);
    if let Some(from) = filter.from {
        low = low.max(before(from)?.saturating_add(1));
    }
    if let Some(until) = filter.until {
        high = high.min(before(until)?);
    }
    match walk.after {
        Some(after) if walk.falling => high = high.min(after.saturating_sub(1)),
        Some(after) => low = low.max(after.saturating_add(1)),
        None => {}
    }
    Ok((low <= high).then_some((low, high)))
}

struct Search<'a> {
    snapshot: &'a dyn Snapshot,
    sealer: &'a Sealer,
    filter: &'a LedgerFilter,
    walk: LedgerWalk,
    bounds: (u64, u64),
    head: u64,
    /// Rows of the next blocks in the direction of the search.
    known: VecDeque<(u64, Option<Summary>)>,
    page: LedgerPage,
}

impl Search<'_> {
    fn run(&mut self, patience: &Patience) -> Result<()> {
        let (low, high) = self.bounds;
        let (first, last) = (block_of(low), block_of(high));
        let mut next = Some(if self.walk.falling { last } else { first });
        while let Some(block) = next {
            patience.check()?;
            if self.page.looked_at >= MAX_READ || self.page.passed_over >= MAX_PASSED {
                self.page.next = Some(self.place_before(block));
                return Ok(());
            }
            let summary = self.summary(block, (first, last))?;
            if summary.as_ref().is_some_and(|summary| !may_match(summary, self.filter)) {
                self.page.passed_over = self.page.passed_over.saturating_add(1);
            } else if self.read_block(block, summary.is_none())? {
                return Ok(());
            }
            patience.tell("ledger", self.page.looked_at, 0);
            next = match self.walk.falling {
                true => block.checked_sub(1).filter(|block| *block >= first),
                false => block.checked_add(1).filter(|block| *block <= last),
            };
        }
        Ok(())
    }

    /// The position after which a search goes on with a block.
    fn place_before(&self, block: u64) -> u64 {
        let (low, high) = self.bounds;
        match self.walk.falling {
            true => end_of(block).min(high).saturating_add(1),
            false => block.saturating_mul(BLOCK).max(low.saturating_sub(1)),
        }
    }

    fn summary(&mut self, block: u64, (first, last): (u64, u64)) -> Result<Option<Summary>> {
        if !self.filter.names_something() {
            return Ok(None);
        }
        if self.known.front().is_none_or(|(known, _)| *known != block) {
            let blocks: Vec<u64> = match self.walk.falling {
                true => (block.saturating_sub(ROWS - 1).max(first)..=block).rev().collect(),
                false => (block..=block.saturating_add(ROWS - 1).min(last)).collect(),
            };
            let rows = Summary::load_many(self.snapshot, &blocks)?;
            self.known = blocks.into_iter().zip(rows).collect();
        }
        Ok(self.known.pop_front().and_then(|(_, summary)| summary))
    }

    /// Looks at the entries of a block, and says whether the page is full.
    fn read_block(&mut self, block: u64, make_row: bool) -> Result<bool> {
        let make_row = make_row && end_of(block) <= self.head && self.filter.names_something();
        let (low, high) = self.bounds;
        let whole = (block.saturating_mul(BLOCK).saturating_add(1), end_of(block));
        let (start, end) = if make_row { whole } else { (whole.0.max(low), whole.1.min(high)) };
        let stored = read_span(self.snapshot, start, end)?;
        self.page.looked_at =
            self.page.looked_at.saturating_add(u64::try_from(stored.len()).unwrap_or(u64::MAX));
        let mut entries = stored.into_iter().map(|entry| self.read(entry)).collect::<Result<Vec<_>>>()?;
        if make_row {
            let pairs = entries.iter().map(|read| (&read.stored.hash, &read.entry));
            self.page.summaries.push(Summary::of(block, pairs));
        }
        entries.retain(|read| (low..=high).contains(&read.entry.position));
        if self.walk.falling {
            entries.reverse();
        }
        let edge = if self.walk.falling { low } else { high };
        for read in entries {
            if !self.filter.takes(&read.entry) {
                continue;
            }
            let position = read.entry.position;
            self.page.entries.push(read.opened(self.sealer)?);
            if self.page.entries.len() >= self.walk.limit {
                self.page.next = Some(position).filter(|position| *position != edge);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What an entry says in the clear, and of one about several records, which they are.
    fn read(&self, stored: LogEntry) -> Result<ReadEntry> {
        let (mut entry, commitments) = decode_header(&stored)?;
        let is_open = entry.kind.names_records();
        if is_open {
            open_into((&stored, &commitments), &mut entry, self.sealer)?;
        }
        Ok(ReadEntry { stored, entry, commitments, is_open })
    }
}

/// An entry that was looked at.
struct ReadEntry {
    stored: LogEntry,
    entry: LedgerEntry,
    commitments: Commitments,
    /// Whether its values were opened, as far as anybody can.
    is_open: bool,
}

impl ReadEntry {
    /// The entry with its values.
    fn opened(mut self, sealer: &Sealer) -> Result<LedgerEntry> {
        if !self.is_open {
            open_into((&self.stored, &self.commitments), &mut self.entry, sealer)?;
        }
        Ok(self.entry)
    }
}

/// The entries from one position to another, all of which are there.
pub(super) fn read_span(snapshot: &dyn Snapshot, start: u64, end: u64) -> Result<Vec<LogEntry>> {
    let count = end.saturating_add(1).saturating_sub(start);
    let wanted = usize::try_from(count).unwrap_or(usize::MAX);
    let entries = snapshot.read_log(start.saturating_sub(1), wanted)?;
    match entries.first() {
        Some(first) if first.position == start && entries.len() == wanted => Ok(entries),
        None if count == 0 => Ok(entries),
        _ => Err(Error::new(Code::LedgerBroken).rule("entries missing").record(start)),
    }
}

impl LedgerFilter {
    /// Whether it asks for something that the row of a block can deny.
    fn names_something(&self) -> bool {
        !self.kinds.is_empty() || !self.mentions().is_empty()
    }

    /// What an entry must name, all of it.
    fn mentions(&self) -> Vec<Mention<'_>> {
        let mentions = [
            self.actor.map(Mention::Actor),
            self.on_behalf_of.map(Mention::OnBehalfOf),
            self.entity.map(Mention::Entity),
            self.record.map(Mention::Record),
            self.field.map(|(entity, field)| Mention::Field(entity, field)),
            self.cause.as_deref().map(Mention::Cause),
        ];
        mentions.into_iter().flatten().collect()
    }

    /// Whether it asks for an entry, wherever that stands.
    fn takes(&self, entry: &LedgerEntry) -> bool {
        let is_about =
            |record: RecordId| entry.record == record || named_records(entry).any(|named| named == record);
        (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
            && self.actor.is_none_or(|actor| entry.actor == actor)
            && self.on_behalf_of.is_none_or(|user| entry.on_behalf_of == Some(user))
            && self.entity.is_none_or(|entity| entry.entity == entity)
            && self.record.is_none_or(is_about)
            && self.cause.as_ref().is_none_or(|cause| entry.cause == *cause)
            && self
                .field
                .is_none_or(|(entity, field)| entry.entity == entity && entry.fields.contains(&field))
    }
}

fn may_match(summary: &Summary, filter: &LedgerFilter) -> bool {
    let kind =
        filter.kinds.is_empty() || filter.kinds.iter().any(|kind| summary.may_name(Mention::Kind(*kind)));
    kind && filter.mentions().into_iter().all(|mention| summary.may_name(mention))
}
