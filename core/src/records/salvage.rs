//! What a damaged database still says: records, entries of the ledger and attachments, one by one.
//!
//! What is read along the trees of the tables is what the newest commit wrote. Where a page that leads to
//! others is lost, rows are looked for on all pages, and of several versions of a record the newest is
//! taken; since a newer one may be lost, such an item is marked as uncertain. An older version of a person
//! who was erased since may still lie on a page: it is withheld where the person's key is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::path::Path;

use crate::base::{Code, EntityId, Error, Patience, RecordId, Result};
use crate::records::attachments::{RowOfAttachment, open_row};
use crate::records::ledger::{chain_link, open_entry};
use crate::records::row::{RECORD_KEY, piece_count};
use crate::records::view::{KEPT_KEY, Sealer};
use crate::records::{Attachment, LedgerEntry, Record, StoredContent};
use crate::schema::{Entity, Registry};
use crate::storage::{Blobs, Head, Keyspace, LogEntry, LostRange, Walked, Wreck, WreckState};

/// Length of the key of a piece of a large record.
const PIECE_KEY: usize = RECORD_KEY + 2;
/// Where the registry lies, whole or in parts whose number follows.
const REGISTRY: &[u8] = b"registry";
const REGISTRY_PART: &[u8] = b"registry.";
/// Registries that are tried where their parts come in several versions.
const TRIED: usize = 256;

/// Something that was found whole.
#[expect(missing_debug_implementations, reason = "a reader shows nothing of itself")]
pub enum SalvagedItem<'a> {
    /// A record, deleted ones among them.
    Record {
        /// The record.
        record: &'a Record,
        /// What the registry says of its entity, if that was found.
        entity: Option<&'a Entity>,
        /// Whether it is the newest version; otherwise a newer one may be lost.
        certain: bool,
    },
    /// An entry of the ledger.
    Entry {
        /// The entry.
        entry: &'a LedgerEntry,
        /// Whether it is linked to the entry before it, which was found too.
        linked: bool,
    },
    /// An attachment.
    Attachment {
        /// What it is.
        attachment: &'a Attachment,
        /// The number of the entity of its record.
        entity: EntityId,
        /// Its record.
        record: RecordId,
        /// Its content. A block that is damaged is an error of the kind `InvalidData`, and no other bytes.
        content: &'a mut dyn Read,
    },
}

/// Keys that are lost with a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalvageLoss {
    /// The table.
    pub table: &'static str,
    /// Which keys.
    pub range: LostRange,
}

/// What a salvage came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SalvageReport {
    /// What the files were like.
    pub state: WreckState,
    /// Whether the registry was found, so that entities and fields have names.
    pub has_registry: bool,
    /// Records, each the newest version.
    pub records: u64,
    /// Records of which a newer version may be lost.
    pub uncertain_records: u64,
    /// Rows of records that the tables had and that were not found, at most; large records have several.
    pub lost_record_rows: u64,
    /// Older versions of erased persons, which were not given out.
    pub withheld_records: u64,
    /// Entries of the ledger.
    pub entries: u64,
    /// Entries that are missing between those that were found, or that the table had at its end.
    pub lost_entries: u64,
    /// Entries whose values do not match their commitments.
    pub broken_entries: u64,
    /// Entries that do not follow from the one before them.
    pub chain_breaks: u64,
    /// Attachments.
    pub attachments: u64,
    /// Attachments of which name or content is lost.
    pub lost_attachments: u64,
    /// Pages that were needed and are lost, with the keys that they led to.
    pub losses: Vec<SalvageLoss>,
}

impl SalvageReport {
    /// Whether nothing is lost, as far as can be told.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let nothing = [
            self.uncertain_records,
            self.lost_record_rows,
            self.withheld_records,
            self.lost_entries,
            self.broken_entries,
            self.chain_breaks,
            self.lost_attachments,
            self.state.journal_broken,
        ];
        let readable = !self.state.header_broken
            && self.state.journal_readable
            && !self.state.subject_keys_lost
            && self.has_registry;
        readable && self.losses.is_empty() && nothing.iter().all(|count| *count == 0)
    }
}

/// Who takes what is found. An error of the code `storage.damaged` on an attachment counts it as lost; any
/// other error ends the salvage.
pub type Salvager<'a> = dyn FnMut(SalvagedItem<'_>) -> Result<()> + 'a;

/// Gives out everything that a damaged database still says.
///
/// # Errors
/// Those of the function that takes it; `engine.cancelled`, `engine.deadline_exceeded`.
pub fn salvage(
    wreck: &Wreck,
    path: &Path,
    patience: &Patience,
    take: &mut Salvager<'_>,
) -> Result<SalvageReport> {
    let derived = wreck.ring().derive("ledger");
    let sealer = Sealer::new(wreck.subject_keys()?, derived, wreck.random());
    let report = SalvageReport { state: wreck.state().clone(), ..SalvageReport::default() };
    let mut salvage = Salvage { wreck, sealer, patience, registry: None, report, take };
    salvage.read_meta()?;
    salvage.records()?;
    salvage.ledger()?;
    salvage.attachments(&path.join("blobs"))?;
    salvage.report.has_registry = salvage.registry.is_some();
    Ok(salvage.report)
}

/// One salvage.
struct Salvage<'w, 't> {
    wreck: &'w Wreck,
    sealer: Sealer,
    patience: &'w Patience,
    registry: Option<Registry>,
    report: SalvageReport,
    take: &'t mut Salvager<'t>,
}

/// The values that a key may have.
type Candidates = BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>;

impl Salvage<'_, '_> {
    fn note(&mut self, table: &'static str, walked: Walked) -> Vec<LostRange> {
        let losses = walked.lost.iter().map(|range| SalvageLoss { table, range: range.clone() });
        self.report.losses.extend(losses);
        walked.lost.into_iter().filter(|range| range.is_branch).collect()
    }

    /// The registry and the key for values of no person, from the table or from any page.
    fn read_meta(&mut self) -> Result<()> {
        let mut found = Candidates::new();
        let mut keep = |key: &[u8], value: &[u8]| {
            if key == KEPT_KEY || key == REGISTRY || key.starts_with(REGISTRY_PART) {
                found.entry(key.to_vec()).or_default().insert(value.to_vec());
            }
            Ok(())
        };
        let walked = self.wreck.rows(Keyspace::Meta, self.patience, &mut keep)?;
        if !walked.lost.is_empty() {
            self.wreck.search(self.patience, &mut keep)?;
        }
        self.note("meta", walked);
        self.registry = newest_registry(&found);
        let kept = found.get(KEPT_KEY).and_then(|values| values.first());
        // A key that is no key leaves values sealed, and their entries are counted as broken.
        let _ = kept.map(|kept| self.sealer.use_key(kept));
        Ok(())
    }

    fn records(&mut self) -> Result<()> {
        let mut assembly = Assembly::default();
        let (wreck, patience) = (self.wreck, self.patience);
        let walked =
            wreck.rows(Keyspace::Records, patience, &mut |key, value| match assembly.add(key, value) {
                Some(record) => self.give_record(&record, !wreck.state().header_broken),
                None => Ok(()),
            })?;
        let lost = walked.expected.saturating_sub(walked.read);
        self.report.lost_record_rows = lost;
        let branches = self.note("records", walked);
        if !branches.is_empty() {
            let found = self.search_records(&branches)?;
            let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
            self.report.lost_record_rows = lost.saturating_sub(count);
            found.values().try_for_each(|record| self.give_found(record))?;
        }
        Ok(())
    }

    /// The newest version of each record in these ranges that lies on any page.
    fn search_records(&self, ranges: &[LostRange]) -> Result<BTreeMap<Vec<u8>, Record>> {
        let mut heads = Candidates::new();
        let mut pieces = Candidates::new();
        self.wreck.search(self.patience, &mut |key, value| {
            let head = key.get(..RECORD_KEY).filter(|head| is_within(head, ranges));
            match (head, key.len()) {
                (Some(_), RECORD_KEY) => drop(heads.entry(key.to_vec()).or_default().insert(value.to_vec())),
                (Some(_), PIECE_KEY) => drop(pieces.entry(key.to_vec()).or_default().insert(value.to_vec())),
                _ => {}
            }
            Ok(())
        })?;
        let newest = heads.into_iter().filter_map(|(key, values)| {
            let versions = values.iter().filter_map(|value| whole_record(&key, value, &pieces));
            Some((key.clone(), versions.max_by_key(|record| record.envelope.version)?))
        });
        Ok(newest.collect())
    }

    /// Gives out a record that was found on some page, unless it is of a person whose key is gone.
    fn give_found(&mut self, record: &Record) -> Result<()> {
        let known = self.sealer.find_key(record.envelope.subject).ok().flatten();
        if known.is_none() && !record.values.is_empty() {
            self.report.withheld_records = self.report.withheld_records.saturating_add(1);
            return Ok(());
        }
        self.give_record(record, false)
    }

    fn give_record(&mut self, record: &Record, certain: bool) -> Result<()> {
        let count = if certain { &mut self.report.records } else { &mut self.report.uncertain_records };
        *count = count.saturating_add(1);
        let entity = self.registry.as_ref().and_then(|registry| registry.entity_by_id(record.entity).ok());
        (self.take)(SalvagedItem::Record { record, entity, certain })
    }

    fn ledger(&mut self) -> Result<()> {
        let mut last = Head::default();
        let wreck = self.wreck;
        let walked = wreck.log_rows(self.patience, &mut |entry| self.give_entry(entry, &mut last))?;
        let (expected, at_end) = (walked.expected, walked.expected.saturating_sub(walked.read));
        let branches = self.note("log", walked);
        // Gaps between entries are counted as they are met.
        self.report.lost_entries = self.report.lost_entries.max(at_end);
        if branches.is_empty() {
            return Ok(());
        }
        let mut found: BTreeMap<u64, LogEntry> = BTreeMap::new();
        wreck.search(self.patience, &mut |key, value| {
            if key.len() == size_of::<u64>() && is_within(key, &branches) {
                found.extend(Wreck::log_entry(key, value).map(|entry| (entry.position, entry)));
            }
            Ok(())
        })?;
        let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
        self.report.lost_entries = self.report.lost_entries.saturating_sub(count);
        let (lost, mut last) = (self.report.lost_entries, Head::default());
        found.values().try_for_each(|entry| self.give_entry(entry, &mut last))?;
        if expected > 0 {
            // The table itself says how many there are; without it the gaps between them do.
            self.report.lost_entries = lost;
        }
        Ok(())
    }

    fn give_entry(&mut self, entry: &LogEntry, last: &mut Head) -> Result<()> {
        let follows = entry.position == last.position.saturating_add(1);
        let is_right = chain_link(&last.hash, entry.position, &entry.record.chained) == entry.hash;
        let gap = entry.position.saturating_sub(last.position).saturating_sub(1);
        self.report.lost_entries = self.report.lost_entries.saturating_add(gap);
        self.report.chain_breaks = self.report.chain_breaks.saturating_add(u64::from(follows && !is_right));
        *last = Head { position: entry.position, hash: entry.hash };
        match open_entry(entry, &self.sealer) {
            Ok(opened) => {
                self.report.entries = self.report.entries.saturating_add(1);
                (self.take)(SalvagedItem::Entry { entry: &opened, linked: follows && is_right })
            }
            Err(_) => {
                self.report.broken_entries = self.report.broken_entries.saturating_add(1);
                Ok(())
            }
        }
    }

    fn attachments(&mut self, directory: &Path) -> Result<()> {
        // A directory is made where it is missing, and nothing is to be changed here.
        let naming = self.wreck.ring().derive("blob");
        let blobs = if directory.is_dir() {
            Some(Blobs::new(directory.to_owned(), naming, self.wreck.random())?)
        } else {
            None
        };
        let wreck = self.wreck;
        let walked =
            wreck.rows(
                Keyspace::Attachments,
                self.patience,
                &mut |key, value| match RowOfAttachment::read(key, value) {
                    Ok(Some(row)) => self.give_attachment(&row, blobs.as_ref()),
                    Ok(None) => Ok(()),
                    Err(_) => self.lose_attachment(),
                },
            )?;
        let branches = self.note("attachments", walked);
        if branches.is_empty() {
            return Ok(());
        }
        let mut found: BTreeMap<Vec<u8>, RowOfAttachment> = BTreeMap::new();
        wreck.search(self.patience, &mut |key, value| {
            let row = RowOfAttachment::read(key, value).ok().flatten().filter(|_| is_within(key, &branches));
            found.extend(row.map(|row| (key.to_vec(), row)));
            Ok(())
        })?;
        found.values().try_for_each(|row| self.give_attachment(row, blobs.as_ref()))
    }

    fn lose_attachment(&mut self) -> Result<()> {
        self.report.lost_attachments = self.report.lost_attachments.saturating_add(1);
        Ok(())
    }

    fn give_attachment(&mut self, row: &RowOfAttachment, blobs: Option<&Blobs>) -> Result<()> {
        let Ok(content) = open_row(row, &self.sealer) else { return self.lose_attachment() };
        let opened: Result<Box<dyn Read>> = match content {
            StoredContent::Inline(bytes) => Ok(Box::new(Cursor::new(bytes))),
            StoredContent::File(file) => {
                let missing = || Error::new(Code::Damaged).rule("missing file");
                let reader = blobs.ok_or_else(missing).and_then(|blobs| blobs.open(&file));
                reader.map(|reader| Box::new(reader) as Box<dyn Read>)
            }
        };
        let Ok(mut content) = opened else { return self.lose_attachment() };
        let (attachment, entity, record) = (row.attachment(), row.entity(), row.record());
        let item = SalvagedItem::Attachment { attachment, entity, record, content: content.as_mut() };
        match (self.take)(item) {
            Ok(()) => {
                self.report.attachments = self.report.attachments.saturating_add(1);
                Ok(())
            }
            Err(error) if error.code() == Code::Damaged => self.lose_attachment(),
            Err(error) => Err(error),
        }
    }
}

fn is_within(key: &[u8], ranges: &[LostRange]) -> bool {
    ranges.iter().any(|range| {
        range.above.as_deref().is_none_or(|above| key > above)
            && range.upto.as_deref().is_none_or(|upto| key <= upto)
    })
}

/// Puts the pieces of large records behind their heads, as rows come in the order of keys.
#[derive(Default)]
struct Assembly {
    head: Vec<u8>,
    /// Pieces that are still to come, and what came.
    missing: u16,
    bytes: Vec<u8>,
}

impl Assembly {
    /// Takes a row; gives the record that is whole with it. A large one is whole with its last piece.
    fn add(&mut self, key: &[u8], value: &[u8]) -> Option<Record> {
        if let Some(number) = key.strip_prefix(self.head.as_slice()).filter(|rest| rest.len() == 2) {
            let expected = self.bytes.len().div_ceil(crate::base::MAX_VALUE_BYTES).saturating_add(1);
            let number = <[u8; 2]>::try_from(number).map_or(0, u16::from_be_bytes);
            // A piece that does not follow is of a record whose other pieces are lost.
            if usize::from(number) == expected && self.missing > 0 {
                self.bytes.extend_from_slice(value);
                self.missing -= 1;
                return if self.missing == 0 { decode(&self.head, &self.bytes) } else { None };
            }
            return None;
        }
        self.head = key.to_vec();
        self.bytes.clear();
        self.missing = piece_count(value).ok().flatten().unwrap_or(0);
        if self.missing == 0 { decode(key, value) } else { None }
    }
}

fn decode(key: &[u8], bytes: &[u8]) -> Option<Record> {
    let (entity, id) = key.split_first_chunk::<4>()?;
    let id = RecordId::from_bytes(<[u8; 16]>::try_from(id).ok()?);
    let record = Record::decode(EntityId::new(u32::from_be_bytes(*entity)), id, bytes).ok()?;
    // Every record has had an owner and a version since it was created.
    let is_record = *record.envelope.owner.as_bytes() != [0; 16] && record.envelope.version > 0;
    is_record.then_some(record)
}

/// The record under a key with this head, with its pieces where each has one candidate alone.
fn whole_record(key: &[u8], head: &[u8], pieces: &Candidates) -> Option<Record> {
    let Some(count) = piece_count(head).ok()? else { return decode(key, head) };
    let mut bytes = Vec::new();
    for piece in 1..=count {
        let candidates = pieces.get([key, &piece.to_be_bytes()].concat().as_slice())?;
        bytes.extend_from_slice(candidates.first().filter(|_| candidates.len() == 1)?);
    }
    decode(key, &bytes)
}

/// The newest registry that can be put together from these values.
fn newest_registry(found: &Candidates) -> Option<Registry> {
    let mut newest: Option<Registry> = None;
    for count in found.get(REGISTRY)?.iter().filter_map(|count| <[u8; 2]>::try_from(count.as_slice()).ok()) {
        let mut texts = vec![Vec::new()];
        for part in 0..u16::from_be_bytes(count) {
            let key = [REGISTRY_PART, &part.to_be_bytes()].concat();
            let candidates = found.get(&key).into_iter().flatten();
            let longer = candidates
                .flat_map(|part| texts.iter().map(move |text: &Vec<u8>| [text, part.as_slice()].concat()));
            texts = longer.take(TRIED).collect();
        }
        for registry in texts.iter().filter_map(|text| Registry::from_json(text).ok()) {
            if newest.as_ref().is_none_or(|known| known.version() < registry.version()) {
                newest = Some(registry);
            }
        }
    }
    newest
}
