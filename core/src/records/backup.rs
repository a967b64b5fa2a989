//! What goes into a backup: facts alone, from one stable view, page by page. Whatever follows from them
//! is made anew at a restore.
//!
//! What belongs to a person is sealed under that person's key within the backup too, so destroying the
//! key reaches every backup that was made before. Answers to requests with an idempotency key are left
//! out, since nobody knows whom they quote: after a restore such a request is carried out again.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::base::{Code, EntityId, Error, Patience, RecordId, Result};
use crate::records::attachments::{linked_name, record_of};
use crate::records::backup_items::{BackupCounts, ItemWriter, Tag};
use crate::records::derived::NUMBER_COUNTERS;
use crate::records::envelope::schema_version;
use crate::records::ledger::{EntryKind, decode_header};
use crate::records::row::{parse_key, record_key, whole_bytes};
use crate::records::serial::SERIAL_COUNTERS;
use crate::records::suppressed::for_each_suppressed;
use crate::records::view::Sealer;
use crate::records::{LedgerEntry, Record};
use crate::storage::{
    BackupWriter, Keyspace, LogEntry, RangeRequest, RowVisitor, Snapshot, SubjectKeys, continue_after, seal,
};

/// Rows of one read; one of them may have 64 KiB.
const PAGE: usize = 200;
/// What the keys of answers to requests with an idempotency key begin with.
const IDEMPOTENCY: &[u8] = b"idempotency.";
/// Bytes of a file that are in memory at once.
const CHUNK: usize = 64 * 1_024;

/// Records.
type Places = BTreeSet<(EntityId, RecordId)>;

/// A stable view of a database, and what is needed to back it up.
pub struct BackupSource<'a> {
    /// The view.
    pub snapshot: &'a dyn Snapshot,
    /// The keys of persons.
    pub sealer: &'a Sealer,
    /// The folder of large attachments, from which nothing goes meanwhile.
    pub blobs: PathBuf,
    /// How long the caller waits.
    pub patience: &'a Patience,
}

impl BackupSource<'_> {
    /// Writes everything; gives what it was, and the length in bytes.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn write_all(&self, writer: BackupWriter<'_>) -> Result<(BackupCounts, u64)> {
        let mut items = ItemWriter::new(writer);
        self.facts(&mut items)?;
        self.entries(&mut items, 0, None)?;
        self.records(&mut items)?;
        self.attachments(&mut items)?;
        self.files(&mut items, None)?;
        items.finish()
    }

    /// Writes what changed after an entry of the ledger. The entries say what became of each record, so
    /// no record is among it; facts of the database and rows of attachments are all among it, and files
    /// where an attachment of their record was added.
    ///
    /// # Errors
    /// As [`BackupSource::write_all`].
    pub fn write_changes(&self, writer: BackupWriter<'_>, after: u64) -> Result<(BackupCounts, u64)> {
        let mut items = ItemWriter::new(writer);
        let mut attached = Places::new();
        self.facts(&mut items)?;
        self.entries(&mut items, after, Some(&mut attached))?;
        self.attachments(&mut items)?;
        if !attached.is_empty() {
            self.files(&mut items, Some(&attached))?;
        }
        items.finish()
    }

    fn facts(&self, items: &mut ItemWriter<'_>) -> Result<()> {
        self.rows(Keyspace::Meta, &[], &mut |key, value| {
            if key.starts_with(IDEMPOTENCY) {
                return Ok(());
            }
            items.put(Tag::Meta, &[key, value])
        })?;
        for counters in [NUMBER_COUNTERS, SERIAL_COUNTERS] {
            self.rows(Keyspace::Aggregate, counters, &mut |key, value| {
                items.put(Tag::Counter, &[key, value])
            })?;
        }
        Ok(())
    }

    /// Writes the entries after a position; for an increment with shells between them, and with the records
    /// to which an attachment was added.
    fn entries(
        &self,
        items: &mut ItemWriter<'_>,
        mut after: u64,
        mut attached: Option<&mut Places>,
    ) -> Result<()> {
        let last = self.snapshot.head()?.position;
        while after < last {
            self.patience.check()?;
            let entries = self.snapshot.read_log(after, PAGE)?;
            after = entries.last().ok_or_else(|| Error::new(Code::LedgerBroken).record(after))?.position;
            if let Some(attached) = &mut attached {
                let headers = entries.iter().map(|entry| Ok(decode_header(entry)?.0));
                let headers = headers.collect::<Result<Vec<_>>>()?;
                let added = headers.iter().filter(|header| header.kind == EntryKind::Attach);
                attached.extend(added.map(|header| (header.entity, header.record)));
                self.shells(items, &headers)?;
            }
            for LogEntry { record, .. } in &entries {
                items.put(Tag::Entry, &[&record.chained, &record.sealed])?;
            }
            self.patience.tell("ledger", after, last);
        }
        Ok(())
    }

    /// What is left of persons' records when their keys are gone, for those that these entries change.
    fn shells(&self, items: &mut ItemWriter<'_>, headers: &[LedgerEntry]) -> Result<()> {
        let changed = headers.iter().filter(|header| header.subject.is_some() && header.kind.is_of_record());
        let changed: BTreeSet<_> = changed.map(|header| (header.entity, header.record)).collect();
        for (entity, id) in changed {
            let key = record_key(entity, id);
            let Some(head) = self.snapshot.get(Keyspace::Records, &key)? else { continue };
            let bytes = Zeroizing::new(whole_bytes(self.snapshot, entity, id, head)?);
            let record = Record::decode(entity, id, &bytes)?;
            if let Some(subject) = record.envelope.subject {
                let shell = record.emptied().encode(schema_version(&bytes)?);
                items.put(Tag::Shell, &[&key, subject.as_bytes(), &shell])?;
            }
        }
        Ok(())
    }

    fn records(&self, items: &mut ItemWriter<'_>) -> Result<()> {
        self.rows(Keyspace::Records, &[], &mut |key, value| {
            // Longer keys are those of pieces, which go with their head.
            let Some((entity, id)) = parse_key(key) else { return Ok(()) };
            let bytes = Zeroizing::new(whole_bytes(self.snapshot, entity, id, value.to_vec())?);
            let record = Record::decode(entity, id, &bytes)?;
            match record.envelope.subject {
                None => items.put(Tag::Record, &[key, &bytes])?,
                Some(subject) => {
                    let sealed = self.seal_for(subject, key, &bytes)?;
                    let shell = record.emptied().encode(schema_version(&bytes)?);
                    items.put(Tag::Person, &[key, subject.as_bytes(), &shell, &sealed])?;
                }
            }
            self.patience.tell("records", items.counts.records, 0);
            Ok(())
        })
    }

    fn attachments(&self, items: &mut ItemWriter<'_>) -> Result<()> {
        self.rows(Keyspace::Attachments, &[], &mut |key, value| {
            let Some(subject) = self.subject_of_attachment(key)? else {
                return items.put(Tag::Attachment, &[key, value]);
            };
            let sealed = self.seal_for(subject, key, value)?;
            items.put(Tag::PersonAttachment, &[key, subject.as_bytes(), &sealed])
        })
    }

    fn subject_of_attachment(&self, key: &[u8]) -> Result<Option<RecordId>> {
        let Some((entity, id)) = record_of(key) else { return Ok(None) };
        let record = crate::records::row::load(self.snapshot, entity, id)?;
        Ok(record.and_then(|record| record.envelope.subject))
    }

    /// A value under a person's key; nothing at all for a person who was forgotten.
    fn seal_for(&self, subject: RecordId, key: &[u8], value: &[u8]) -> Result<Vec<u8>> {
        let found = self.sealer.find_key(Some(subject))?;
        let random = self.sealer.random.as_ref();
        Ok(found.map_or_else(Vec::new, |found| seal(&found, &associated(key), value, random)))
    }

    /// Writes the files that rows link: all of them, or those of some records.
    fn files(&self, items: &mut ItemWriter<'_>, of: Option<&Places>) -> Result<()> {
        let mut written = None;
        self.rows(Keyspace::Attachments, &[], &mut |key, _| {
            // The links of one file stand together.
            let name = linked_name(key).filter(|name| written != Some(*name));
            let wanted = of.is_none_or(|of| record_of(key).is_some_and(|place| of.contains(&place)));
            if let Some(name) = name.filter(|_| wanted) {
                self.file(items, &name.file_name())?;
                written = Some(name);
                self.patience.tell("blobs", items.counts.files, 0);
            }
            Ok(())
        })
    }

    fn file(&self, items: &mut ItemWriter<'_>, name: &str) -> Result<()> {
        let missing = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::UnexpectedEof => {
                Error::new(Code::Damaged).rule("attachment").because(error)
            }
            _ => error.into(),
        };
        let mut file = File::open(self.blobs.join(name)).map_err(missing)?;
        let length = file.metadata()?.len();
        items.put(Tag::File, &[name.as_bytes(), &length.to_be_bytes()])?;
        let mut buffer = vec![0; CHUNK];
        let mut left = length;
        while left > 0 {
            self.patience.check()?;
            let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let part = buffer.get_mut(..wanted).unwrap_or_default();
            file.read_exact(part).map_err(missing)?;
            items.put_raw(part)?;
            left = left.saturating_sub(part.len() as u64);
        }
        Ok(())
    }

    /// Hands the rows of a table whose keys have a prefix to a function.
    fn rows(&self, keyspace: Keyspace, prefix: &[u8], visit: RowVisitor<'_>) -> Result<()> {
        for_each_row(self.snapshot, keyspace, prefix, self.patience, visit)
    }
}

/// Writes the keys of all persons, and the hashes of those who must not come back unnoticed; gives what it was, and the length in bytes.
///
/// # Errors
/// As [`BackupSource::write_all`].
pub fn back_up_keys(
    subjects: &SubjectKeys,
    snapshot: &dyn Snapshot,
    writer: BackupWriter<'_>,
    patience: &Patience,
) -> Result<(BackupCounts, u64)> {
    let mut items = ItemWriter::new(writer);
    subjects.export(&mut |subject, key| {
        patience.check()?;
        items.put(Tag::SubjectKey, &[subject, key.as_slice()])?;
        patience.tell("keys", items.counts.keys, 0);
        Ok(())
    })?;
    for_each_suppressed(snapshot, patience, &mut |key, value| items.put(Tag::Meta, &[key, value]))?;
    items.finish()
}

/// Hands the rows of a table whose keys have a prefix to a function, page by page.
pub(super) fn for_each_row(
    snapshot: &dyn Snapshot,
    keyspace: Keyspace,
    prefix: &[u8],
    patience: &Patience,
    visit: RowVisitor<'_>,
) -> Result<()> {
    let mut range = RangeRequest::prefix(keyspace, prefix, PAGE);
    loop {
        patience.check()?;
        let page = snapshot.scan(&range)?;
        for (key, value) in &page.rows {
            visit(key, value)?;
        }
        match page.rows.into_iter().last() {
            Some((last, _)) if page.more => continue_after(&mut range, last),
            _ => return Ok(()),
        }
    }
}

/// What a value under a person's key is bound to: where it stands.
pub(super) fn associated(key: &[u8]) -> Vec<u8> {
    [b"guanxi.backup.v1".as_slice(), key].concat()
}
