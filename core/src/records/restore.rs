//! Fills an empty database from backups: facts as they were, entries chained anew, rows rolled forward,
//! persons whose keys are gone emptied, and everything that follows from records derived again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use crate::access::ClassId;
use crate::base::{Code, EntityId, Error, Patience, RecordId, Result};
use crate::records::attachments::{is_attachment, record_of};
use crate::records::backup::{associated, for_each_row};
use crate::records::backup_items::{BackupCounts, Item, ItemReader, Tag, damaged};
use crate::records::bulk::Bulk;
use crate::records::checkpoints::Checkpoint;
use crate::records::derived::{derive, live_counter, read_counter};
use crate::records::ledger::{EntryKind, PendingEntry, decode_header};
use crate::records::purge::{is_beyond, purged_class};
use crate::records::replay::{Shells, replay};
use crate::records::rollup::figure_keys;
use crate::records::rollup_build::{levels, rows_of_level};
use crate::records::row::{self, for_each_record, rows_of};
use crate::records::serial::SERIAL_COUNTERS;
use crate::records::suppressed::{SUPPRESSION, restore_suppressed};
use crate::records::tally::{Tallies, counters_so_far};
use crate::records::temporal::all_rows;
use crate::records::view::{Sealer, WriteView};
use crate::records::write::link;
use crate::records::{WriteContext, note};
use crate::schema::{Entity, Registry};
use crate::storage::{
    BackupHeader, BackupKind, BackupReader, BlobName, Database, Head, Keyspace, LogEntry, LogRecord, unseal,
};

/// Entries of one read.
const PAGE: usize = 200;
/// Keys of persons that are stored with one fsync.
const KEYS: usize = 1_000;
/// Changes after which a transaction is committed.
const MAX_CHANGES: usize = 10_000;

/// What was made of persons whose keys were missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// Records of persons that were emptied.
    pub emptied: u64,
    /// Rows of attachments that were left out with them, or because their record is younger.
    pub attachments_left_out: u64,
}

/// Fills one empty database. The calls come in the order of its functions.
pub struct Restorer<'a> {
    database: &'a Database,
    sealer: &'a Sealer,
    blobs: PathBuf,
    patience: &'a Patience,
    /// The last entry that is taken.
    until: u64,
    /// Where the full backup ended.
    base: u64,
    shells: Shells,
    /// Record numbers as the newest increment says they came out.
    counters: BTreeMap<Vec<u8>, u64>,
    /// Persons of whom an entry behind the last one taken says that they were erased.
    erased_later: BTreeSet<RecordId>,
    /// What the backup of keys has of the list of those who must not come back unnoticed.
    suppressed: Vec<(Vec<u8>, Vec<u8>)>,
    restored: Restored,
}

/// What became of a person whose key is gone, by the last entry that speaks of the record.
type Forgotten = BTreeMap<(EntityId, RecordId), EntryKind>;

impl<'a> Restorer<'a> {
    /// Begins with an empty database and the last entry that is wanted.
    #[must_use]
    pub fn new(
        database: &'a Database,
        sealer: &'a Sealer,
        blobs: PathBuf,
        patience: &'a Patience,
        until: u64,
    ) -> Self {
        Self {
            database,
            sealer,
            blobs,
            patience,
            until,
            base: 0,
            shells: Shells::new(),
            counters: BTreeMap::new(),
            erased_later: BTreeSet::new(),
            suppressed: Vec::new(),
            restored: Restored::default(),
        }
    }

    /// Takes the keys of persons.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`, `engine.cancelled`.
    pub fn take_keys(&mut self, reader: BackupReader<'_>) -> Result<BackupCounts> {
        let mut items = ItemReader::new(reader);
        let mut keys = Vec::new();
        while let Some(item) = items.next()? {
            let [subject, key] = item.parts()?;
            if item.tag == Tag::Meta && subject.starts_with(SUPPRESSION) {
                self.suppressed.push((subject.to_vec(), key.to_vec()));
                continue;
            }
            let key = <[u8; 32]>::try_from(key).map_err(|_| damaged())?;
            keys.push((subject.try_into().map_err(|_| damaged())?, key.into()));
            if item.tag != Tag::SubjectKey {
                return Err(damaged());
            }
            if keys.len() >= KEYS {
                self.patience.check()?;
                self.database.subjects.import(keys.drain(..))?;
            }
        }
        self.database.subjects.import(keys)?;
        items.finish()
    }

    /// Takes a full backup, or the increment that follows what was taken before.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.backup_chain` where it does not follow, `storage.io`, `engine.cancelled`.
    pub fn take(&mut self, reader: BackupReader<'_>, header: &BackupHeader) -> Result<BackupCounts> {
        let store = self.database.store.as_ref();
        if store.snapshot()?.head()? != header.from {
            return Err(Error::new(Code::BackupChain).rule("an increment begins where the one before ended"));
        }
        let mut bulk = Bulk::new(store, self.patience);
        if header.kind == BackupKind::Incremental {
            self.counters.clear();
            self.remove_all(&mut bulk, Keyspace::Meta)?;
            self.remove_all(&mut bulk, Keyspace::Attachments)?;
        }
        let mut items = ItemReader::new(reader);
        let mut position = header.from.position;
        while let Some(item) = items.next()? {
            items.pause(self.patience)?;
            self.take_item(&mut bulk, &item, header.kind, &mut position, &mut items)?;
        }
        let counts = items.finish()?;
        bulk.flush()?;
        let head = store.snapshot()?.head()?;
        let cut = Head { position: self.until, hash: head.hash };
        if position != header.to.position || (head != header.to && head != cut) {
            return Err(damaged());
        }
        if header.kind == BackupKind::Full {
            self.base = header.to.position;
        }
        Ok(counts)
    }

    fn take_item(
        &mut self,
        bulk: &mut Bulk<'_>,
        item: &Item,
        kind: BackupKind,
        position: &mut u64,
        items: &mut ItemReader<'_>,
    ) -> Result<()> {
        match item.tag {
            Tag::Meta => {
                let [key, value] = item.parts()?;
                // A checkpoint, and what says that a record was purged, speak of entries that a restore to an earlier
                // one does not take.
                if Checkpoint::is_beyond(key, value, self.until)? || is_beyond(key, value, self.until)? {
                    return Ok(());
                }
                self.put(bulk, Keyspace::Meta, item)
            }
            Tag::Attachment => self.put(bulk, Keyspace::Attachments, item),
            Tag::Counter if kind == BackupKind::Full => self.put(bulk, Keyspace::Aggregate, item),
            Tag::Counter => {
                let [key, value] = item.parts()?;
                // Serial numbers are not counted anew by the entries of an increment.
                if key.starts_with(SERIAL_COUNTERS) {
                    return self.put(bulk, Keyspace::Aggregate, item);
                }
                let value = u64::from_be_bytes(value.try_into().map_err(|_| damaged())?);
                self.counters.insert(key.to_vec(), value);
                Ok(())
            }
            Tag::Record => {
                let [key, bytes] = item.parts()?;
                put_record(bulk, key, bytes)
            }
            Tag::Person => self.take_person(bulk, item),
            Tag::Shell => self.take_shell(item),
            Tag::Entry => {
                *position = position.saturating_add(1);
                self.take_entry(bulk, item, *position)
            }
            Tag::PersonAttachment => self.take_attachment(bulk, item),
            Tag::File => self.take_file(item, items),
            Tag::SubjectKey | Tag::End => Err(damaged()),
        }
    }

    fn put(&self, bulk: &mut Bulk<'_>, keyspace: Keyspace, item: &Item) -> Result<()> {
        let [key, value] = item.parts()?;
        bulk.put(keyspace, key.to_vec(), value.to_vec())
    }

    fn key_of(&self, subject: &[u8]) -> Result<Option<zeroize::Zeroizing<[u8; 32]>>> {
        let subject = subject.try_into().map_err(|_| damaged())?;
        self.sealer.find_key(Some(RecordId::from_bytes(subject)))
    }

    fn take_person(&self, bulk: &mut Bulk<'_>, item: &Item) -> Result<()> {
        let [key, subject, shell, sealed] = item.parts()?;
        match self.key_of(subject)? {
            Some(found) if !sealed.is_empty() => {
                put_record(bulk, key, &unseal(&found, &associated(key), sealed)?)
            }
            _ => put_record(bulk, key, shell),
        }
    }

    fn take_shell(&mut self, item: &Item) -> Result<()> {
        let [key, subject, shell] = item.parts()?;
        if self.key_of(subject)?.is_none() {
            self.shells.insert(key.to_vec(), shell.to_vec());
        }
        Ok(())
    }

    fn take_entry(&mut self, bulk: &mut Bulk<'_>, item: &Item, position: u64) -> Result<()> {
        let [chained, sealed] = item.parts()?;
        let record = LogRecord { chained: chained.to_vec(), sealed: sealed.to_vec() };
        if position <= self.until {
            return bulk.log(record);
        }
        let entry = LogEntry { position, hash: [0; 32], record };
        let (header, _) = decode_header(&entry)?;
        if header.kind == EntryKind::Erase {
            self.erased_later.extend(header.subject);
        }
        Ok(())
    }

    fn take_attachment(&mut self, bulk: &mut Bulk<'_>, item: &Item) -> Result<()> {
        let [key, subject, sealed] = item.parts()?;
        match self.key_of(subject)? {
            Some(found) if !sealed.is_empty() => {
                let value = unseal(&found, &associated(key), sealed)?;
                bulk.put(Keyspace::Attachments, key.to_vec(), value.to_vec())
            }
            _ => {
                let left_out = &mut self.restored.attachments_left_out;
                *left_out = left_out.saturating_add(u64::from(is_attachment(key)));
                Ok(())
            }
        }
    }

    fn take_file(&self, item: &Item, items: &mut ItemReader<'_>) -> Result<()> {
        let [name, length] = item.parts()?;
        let name = std::str::from_utf8(name).ok().and_then(BlobName::from_file_name).ok_or_else(damaged)?;
        let mut file = File::create(self.blobs.join(name.file_name()))?;
        items.content(length, self.patience, &mut |part| Ok(file.write_all(part)?))
    }

    fn remove_all(&self, bulk: &mut Bulk<'_>, keyspace: Keyspace) -> Result<()> {
        let snapshot = self.database.store.snapshot()?;
        for_each_row(snapshot.as_ref(), keyspace, &[], self.patience, &mut |key, _| {
            bulk.remove(keyspace, key.to_vec())
        })
    }

    /// Rolls the rows forward over what the increments brought.
    ///
    /// # Errors
    /// `storage.damaged`, `ledger.broken`, `storage.io`, `engine.cancelled`.
    pub fn roll_forward(&self, is_whole: bool) -> Result<()> {
        let store = self.database.store.as_ref();
        replay(store, self.sealer, self.base, &self.shells, self.patience)?;
        let snapshot = store.snapshot()?;
        for (key, expected) in self.counters.iter().filter(|_| is_whole) {
            if read_counter(snapshot.as_ref(), key)? != *expected {
                return Err(damaged());
            }
        }
        Ok(())
    }

    /// Enters the restore, and empties the records of persons whose keys are gone or who were erased
    /// later than the last entry that is taken. Keys of persons whom the ledger calls erased are destroyed.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`, `engine.cancelled`.
    pub fn settle(&mut self, context: &WriteContext, text: &str) -> Result<()> {
        let store = self.database.store.as_ref();
        restore_suppressed(store, std::mem::take(&mut self.suppressed), self.patience)?;
        let forgotten = self.forgotten()?;
        let mut view = WriteView::new(store.begin(self.patience)?)?;
        note(&mut view, context, EntryKind::Restore, RecordId::from_bytes([0; 16]), text);
        for (entity, id) in forgotten.iter().filter(|(_, last)| **last != EntryKind::Erase).map(|(at, _)| *at)
        {
            self.patience.check()?;
            let emptied = forget(&mut view, context, entity, id)?;
            self.restored.emptied = self.restored.emptied.saturating_add(u64::from(emptied));
            if view.change_count() > MAX_CHANGES {
                view.commit(self.sealer)?;
                view = WriteView::new(store.begin(self.patience)?)?;
            }
        }
        view.commit(self.sealer)?;
        for subject in &self.erased_later {
            self.database.subjects.destroy(subject.as_bytes())?;
        }
        self.leave_out_attachments(&forgotten)
    }

    /// Persons whose keys are gone, and the last entry of each. The key of a person whom an entry calls
    /// erased goes with it.
    fn forgotten(&self) -> Result<Forgotten> {
        let snapshot = self.database.store.snapshot()?;
        let last = snapshot.head()?.position;
        let (mut forgotten, mut after) = (Forgotten::new(), 0);
        while after < last {
            self.patience.check()?;
            for entry in snapshot.read_log(after, PAGE)? {
                after = entry.position;
                let (header, _) = decode_header(&entry)?;
                let place = (header.entity, header.record);
                let Some(subject) = header.subject.filter(|_| header.kind.is_of_record()) else {
                    // A restore before this one emptied a record; its entry is of nobody's.
                    if header.kind == EntryKind::Erase {
                        forgotten.insert(place, header.kind);
                    }
                    continue;
                };
                let erased = header.kind == EntryKind::Erase;
                if erased && self.sealer.find_key(Some(subject))?.is_some() {
                    self.database.subjects.destroy(subject.as_bytes())?;
                }
                if self.erased_later.contains(&subject) || self.sealer.find_key(Some(subject))?.is_none() {
                    forgotten.insert(place, header.kind);
                }
            }
        }
        Ok(forgotten)
    }

    /// Takes out the rows of attachments whose record is forgotten, or was not there yet.
    fn leave_out_attachments(&mut self, forgotten: &Forgotten) -> Result<()> {
        let store = self.database.store.as_ref();
        let snapshot = store.snapshot()?;
        let mut bulk = Bulk::new(store, self.patience);
        let mut left_out = 0_u64;
        for_each_row(snapshot.as_ref(), Keyspace::Attachments, &[], self.patience, &mut |key, _| {
            let Some((entity, id)) = record_of(key) else { return Ok(()) };
            let stays = !forgotten.contains_key(&(entity, id));
            if stays && row::load(snapshot.as_ref(), entity, id)?.is_some() {
                return Ok(());
            }
            left_out = left_out.saturating_add(u64::from(is_attachment(key)));
            bulk.remove(Keyspace::Attachments, key.to_vec())
        })?;
        self.restored.attachments_left_out = self.restored.attachments_left_out.saturating_add(left_out);
        bulk.flush()
    }

    /// Makes indexes, unique keys, counters of live records and rollups, and says what the restore left out.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`, `engine.cancelled`.
    pub fn derive_all(self, registry: &Registry) -> Result<Restored> {
        if let Some(entity) = registry.entities().iter().find(|entity| entity.held().is_some()) {
            let field = entity.held().unwrap_or_default();
            let refused = Error::new(Code::NewerFormat).entity(&entity.api_name).field(field);
            return Err(refused.rule("records have keys by it that only a newer version makes"));
        }
        let store = self.database.store.as_ref();
        let snapshot = store.snapshot()?;
        let mut bulk = Bulk::new(store, self.patience);
        let mut live: BTreeMap<(EntityId, ClassId), u64> = BTreeMap::new();
        let mut tallies = Tallies::default();
        let mut done = 0_u64;
        for entity in registry.entities() {
            let counters = counters_so_far(snapshot.as_ref(), entity)?;
            for_each_record(snapshot.as_ref(), entity.id(), self.patience, &mut |record| {
                for ((keyspace, key), value) in derive(entity, &record) {
                    bulk.put(keyspace, key, value)?;
                }
                for (key, value) in
                    all_rows((snapshot.as_ref(), self.sealer), entity, &record, self.patience)?
                {
                    bulk.put(Keyspace::Index, key, value)?;
                }
                tallies.count_so_far(&counters, &record);
                if !record.is_deleted() {
                    let count = live.entry((record.entity, record.envelope.class)).or_default();
                    *count = count.saturating_add(1);
                }
                done = done.saturating_add(1);
                self.patience.tell("indexes", done, 0);
                Ok(())
            })?;
        }
        for ((entity, class), count) in live {
            bulk.put(Keyspace::Aggregate, live_counter(entity, class), count.to_be_bytes().to_vec())?;
        }
        for (key, value) in tallies.into_rows() {
            bulk.put(Keyspace::Aggregate, key, value)?;
        }
        bulk.flush()?;
        self.roll_up(registry)?;
        Ok(self.restored)
    }

    /// Makes the rollups, each level from what is stored of the one below.
    fn roll_up(&self, registry: &Registry) -> Result<()> {
        let store = self.database.store.as_ref();
        for level in 0..levels(registry) {
            let snapshot = store.snapshot()?;
            let mut bulk = Bulk::new(store, self.patience);
            rows_of_level(snapshot.as_ref(), registry, level, self.patience, &mut |key, value| {
                bulk.put(Keyspace::Aggregate, key.to_vec(), value.to_vec())
            })?;
            bulk.flush()?;
        }
        self.index_rollups(registry)
    }

    /// Makes the keys of the indexes of rollups, which follow from what is kept of these.
    fn index_rollups(&self, registry: &Registry) -> Result<()> {
        let store = self.database.store.as_ref();
        let snapshot = store.snapshot()?;
        let mut bulk = Bulk::new(store, self.patience);
        let indexed = |entity: &&Entity| entity.rollups().iter().any(|rollup| rollup.indexed);
        for entity in registry.entities().iter().filter(indexed) {
            for_each_record(snapshot.as_ref(), entity.id(), self.patience, &mut |record| {
                let mut keys = figure_keys(snapshot.as_ref(), entity, &record)?.into_iter();
                keys.try_for_each(|(_, key)| bulk.put(Keyspace::Index, key, Vec::new()))
            })?;
        }
        bulk.flush()
    }
}

fn put_record(bulk: &mut Bulk<'_>, key: &[u8], bytes: &[u8]) -> Result<()> {
    for (row, value) in rows_of(key, bytes) {
        bulk.put(Keyspace::Records, row, value)?;
    }
    Ok(())
}

/// Leaves of a record what erasure leaves. The entry is of nobody's, for a person's key would be made anew.
fn forget(view: &mut WriteView<'_>, context: &WriteContext, entity: EntityId, id: RecordId) -> Result<bool> {
    let Some(stored) = row::load(view, entity, id)? else {
        let purged = purged_class(view, entity, id)?;
        return purged.map(|_| false).ok_or_else(damaged);
    };
    let mut record = stored.clone().forgotten(context.stamp, context.actor);
    let previous = link(view, Some(&stored), &mut record);
    row::put(view, true, &record, context.schema_version)?;
    view.record_entry(PendingEntry {
        kind: EntryKind::Erase,
        stamp: context.stamp,
        actor: context.actor,
        on_behalf_of: None,
        cause: context.cause.clone(),
        schema_version: context.schema_version,
        entity,
        record: id,
        subject: None,
        previous,
        changes: Vec::new(),
    });
    Ok(true)
}
