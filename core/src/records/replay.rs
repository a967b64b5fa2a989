//! Rolls the ledger forward: rows as they were at one entry become rows as they were at a later one.
//!
//! The rows come out as they were written, byte for byte, since an entry names every fact that a caller
//! set, and the rest (version, stamps, clocks of fields, record number, access class) follows from the
//! entry's own place, time and author as it followed when the row was written. Entries that versions
//! before 0.2 wrote do not tell tags, external ids, original author and unit; no increment holds such
//! entries, since an increment begins behind a full backup, which only later versions write.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Code, EntityId, Error, Patience, RecordId, Result};
use crate::records::backup_items::damaged;
use crate::records::classes::intern;
use crate::records::derived::{add_to_counter, number_counter};
use crate::records::envelope::schema_version;
use crate::records::ledger::{EntryKind, decode_header, open_entry};
use crate::records::ledger_blocks::named_records;
use crate::records::purge::roll_purge;
use crate::records::row::{self, record_key};
use crate::records::view::{Sealer, WriteView};
use crate::records::write::marked_behind;
use crate::records::{Envelope, FieldChange, LedgerEntry, Record};
use crate::storage::{Snapshot, Store};

/// Entries of one transaction.
const PAGE: usize = 200;

/// What is left of the records of persons whose keys are gone, by key: it stands in for what their
/// entries no longer tell.
pub(super) type Shells = BTreeMap<Vec<u8>, Vec<u8>>;

/// Rolls the rows of a store forward from an entry to the newest one.
///
/// # Errors
/// `storage.damaged` where an entry speaks of a record that is not there, `ledger.broken`, `storage.io`,
/// `engine.cancelled`.
pub(super) fn replay(
    store: &dyn Store,
    sealer: &Sealer,
    mut after: u64,
    shells: &Shells,
    patience: &Patience,
) -> Result<()> {
    let last = store.snapshot()?.head()?.position;
    let purged = purged_behind(store, sealer, after)?;
    while after < last {
        patience.check()?;
        let mut view = WriteView::new(store.begin(patience)?)?;
        let entries = view.read_log(after, PAGE)?;
        after = entries.last().ok_or_else(damaged)?.position;
        for entry in &entries {
            roll(&mut view, &open_entry(entry, sealer)?, (shells, &purged))?;
        }
        // The classes of all records were among the facts of the increment.
        if !view.interned().is_empty() {
            return Err(damaged());
        }
        if !view.is_empty() {
            view.commit(sealer)?;
        }
        patience.tell("replay", after, last);
    }
    Ok(())
}

/// Records of which an entry behind a position says that they were purged: no increment has shells of them.
type PurgedRecords = BTreeSet<(EntityId, RecordId)>;

fn purged_behind(store: &dyn Store, sealer: &Sealer, mut after: u64) -> Result<PurgedRecords> {
    let snapshot = store.snapshot()?;
    let (last, mut purged) = (snapshot.head()?.position, PurgedRecords::new());
    while after < last {
        let entries = snapshot.read_log(after, PAGE)?;
        after = entries.last().ok_or_else(damaged)?.position;
        for entry in &entries {
            if decode_header(entry)?.0.kind == EntryKind::Purge {
                let opened = open_entry(entry, sealer)?;
                purged.extend(named_records(&opened).map(|id| (opened.entity, id)));
            }
        }
    }
    Ok(purged)
}

/// Does to the rows what an entry says was done.
fn roll(
    view: &mut WriteView<'_>,
    entry: &LedgerEntry,
    (shells, purged): (&Shells, &PurgedRecords),
) -> Result<()> {
    if entry.kind == EntryKind::Purge {
        return roll_purge(view, entry.entity, named_records(entry));
    }
    if !entry.kind.is_of_record() {
        return Ok(());
    }
    let number = match entry.kind {
        EntryKind::Create => add_to_counter(view, number_counter(entry.entity), 1)?,
        _ => 0,
    };
    let Some(changes) = &entry.changes else { return put_shell(view, entry, (shells, purged)) };
    let mut record = match entry.kind {
        EntryKind::Create => created(view, entry, changes, number)?,
        EntryKind::Update => updated(view, entry, changes)?,
        EntryKind::Mark => marked(view, entry, changes)?,
        EntryKind::Delete => {
            let mut record = changed(view, entry)?;
            record.envelope.deleted_at = Some(entry.stamp.at());
            record
        }
        _ => stored(view, entry)?.forgotten(entry.stamp, entry.actor),
    };
    record.envelope.newest_entry = Some(entry.position);
    row::put(view, true, &record, entry.schema_version)
}

fn created(
    view: &mut WriteView<'_>,
    entry: &LedgerEntry,
    changes: &[FieldChange],
    number: u64,
) -> Result<Record> {
    let envelope = Envelope::new(entry.actor, None, entry.actor, entry.stamp);
    let mut record = Record::new(entry.record, entry.entity, envelope);
    for change in changes {
        record.set_entered(change.field, &change.new)?;
    }
    record.envelope.class = intern(view, &record.envelope.access_class())?;
    record.envelope.record_number = number;
    record.envelope.subject = entry.subject;
    Ok(record)
}

fn updated(view: &mut WriteView<'_>, entry: &LedgerEntry, changes: &[FieldChange]) -> Result<Record> {
    let mut record = changed(view, entry)?;
    take_over(view, entry, changes, &mut record)?;
    let clocks = changes.iter().map(|change| (change.field, entry.stamp));
    record.envelope.field_clocks.extend(clocks);
    Ok(record)
}

/// The record with other marks, of the version that it was.
fn marked(view: &mut WriteView<'_>, entry: &LedgerEntry, changes: &[FieldChange]) -> Result<Record> {
    let mut record = stored(view, entry)?;
    record.envelope.marked_behind = marked_behind(&record.envelope, Some(entry.position));
    take_over(view, entry, changes, &mut record)?;
    Ok(record)
}

/// Does what an entry changes to the record that was before it.
fn take_over(
    view: &mut WriteView<'_>,
    entry: &LedgerEntry,
    changes: &[FieldChange],
    record: &mut Record,
) -> Result<()> {
    for change in changes {
        if record.value(change.field) != change.old {
            return Err(damaged().record(entry.position));
        }
        record.set_entered(change.field, &change.new)?;
    }
    record.envelope.class = intern(view, &record.envelope.access_class())?;
    Ok(())
}

/// The record with the version, time and author of its change.
fn changed(view: &WriteView<'_>, entry: &LedgerEntry) -> Result<Record> {
    let mut record = stored(view, entry)?;
    record.envelope.version = record.envelope.version.saturating_add(1);
    record.envelope.marked_behind = None;
    record.envelope.modified = entry.stamp;
    record.envelope.modified_by = entry.actor;
    Ok(record)
}

fn stored(view: &WriteView<'_>, entry: &LedgerEntry) -> Result<Record> {
    row::load(view, entry.entity, entry.record)?.ok_or_else(|| damaged().record(entry.position))
}

fn put_shell(
    view: &mut WriteView<'_>,
    entry: &LedgerEntry,
    (shells, purged): (&Shells, &PurgedRecords),
) -> Result<()> {
    let key = record_key(entry.entity, entry.record);
    if !shells.contains_key(&key) && purged.contains(&(entry.entity, entry.record)) {
        return Ok(());
    }
    let missing = || Error::new(Code::Damaged).rule("backup").record(entry.position);
    let shell = shells.get(&key).ok_or_else(missing)?;
    // The shell is of the end of the increment, and a restore may end before.
    let mut record = Record::decode(entry.entity, entry.record, shell)?;
    (record.envelope.newest_entry, record.envelope.marked_behind) = (Some(entry.position), None);
    row::put(view, true, &record, schema_version(shell)?)
}
