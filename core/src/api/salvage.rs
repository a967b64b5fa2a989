//! What is left of a damaged database as files that other programs read: JSON Lines for each entity and for
//! the ledger, attachments as they were, and a report.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use crate::api::json::{attachment_to_json, hex, with};
use crate::base::{Code, EntityId, Error, FieldId, Patience, Result};
use crate::engine::{Attachment, Key, LedgerEntry, Record, SalvageReport, SalvagedItem, field_name, salvage};
use crate::schema::Entity;

/// Salvages a damaged database into a new folder, and changes nothing of its files:
///
/// - `NAME.jsonl` for each entity, such as `crm.account.jsonl`, or `entity-7.jsonl` where the registry is
///   lost: a record in each line, with `certain: false` where a newer version may be lost;
/// - `ledger.jsonl`: an entry in each line, and whether it follows from the one before;
/// - `attachments.jsonl`, and the contents in `attachments/`, each under the attachment's id;
/// - `report.json`.
///
/// # Errors
/// As [`salvage`]; `storage.already_exists` for the folder, `storage.io`.
pub fn salvage_to_folder(
    path: impl AsRef<Path>,
    key: &Key,
    folder: impl AsRef<Path>,
    patience: &Patience,
) -> Result<SalvageReport> {
    let mut export = Export::into(folder.as_ref())?;
    let salvaged = salvage(path, key, patience, &mut |item| export.take(item));
    match salvaged {
        Ok(report) => {
            export.finish(&report)?;
            Ok(report)
        }
        Err(error) => {
            // Without a record written, the folder says nothing, and a second try needs its name.
            export.remove_if_empty();
            Err(error)
        }
    }
}

/// What a salvage came to, as data.
#[must_use]
pub fn salvage_report_to_json(report: &SalvageReport) -> Json {
    let losses = report.losses.iter().map(|loss| {
        let key = |key: &Option<Vec<u8>>| key.as_deref().map(hex);
        json!({
            "table": loss.table,
            "above_key": key(&loss.range.above),
            "up_to_key": key(&loss.range.upto),
            "leads_to_pages": loss.range.is_branch,
        })
    });
    json!({
        "whole": report.is_whole(),
        "way": if report.state.has_trees { "trees" } else { "pages" },
        "header_broken": report.state.header_broken,
        "has_registry": report.has_registry,
        "records": report.records,
        "uncertain_records": report.uncertain_records,
        "lost_record_rows": report.lost_record_rows,
        "withheld_records": report.withheld_records,
        "entries": report.entries,
        "lost_entries": report.lost_entries,
        "broken_entries": report.broken_entries,
        "chain_breaks": report.chain_breaks,
        "attachments": report.attachments,
        "lost_attachments": report.lost_attachments,
        "journal": {
            "readable": report.state.journal_readable,
            "commits": report.state.journal_commits,
            "broken_records": report.state.journal_broken,
        },
        "keys_of_persons": {
            "found": report.state.subject_keys,
            "all": !report.state.subject_keys_lost,
        },
        "lost_pages": report.losses.len(),
        "losses": losses.collect::<Vec<_>>(),
    })
}

/// The folder on its way.
struct Export {
    folder: PathBuf,
    files: BTreeMap<String, BufWriter<File>>,
}

impl Export {
    fn into(folder: &Path) -> Result<Self> {
        fs::create_dir(folder).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::new(Code::AlreadyExists).because(error),
            _ => Error::from(error),
        })?;
        Ok(Self { folder: folder.to_owned(), files: BTreeMap::new() })
    }

    fn take(&mut self, item: SalvagedItem<'_>) -> Result<()> {
        match item {
            SalvagedItem::Record { record, entity, certain } => {
                let name = entity.map_or_else(|| unnamed(record.entity), |entity| entity.api_name.clone());
                self.line(&name, &record_to_json(record, entity, certain))
            }
            SalvagedItem::Entry { entry, linked } => self.line("ledger", &entry_to_json(entry, linked)),
            SalvagedItem::Attachment { attachment, entity, record, content } => {
                self.content(attachment, content)?;
                let place = [("entity", json!(entity.number())), ("record", json!(record.to_string()))];
                self.line("attachments", &with(attachment_to_json(attachment), place))
            }
        }
    }

    /// Writes a content; what is not whole is taken away again.
    fn content(&self, attachment: &Attachment, content: &mut dyn io::Read) -> Result<()> {
        let directory = self.folder.join("attachments");
        fs::create_dir_all(&directory)?;
        let path = directory.join(attachment.id.to_string());
        let copied = File::create(&path).and_then(|mut file| io::copy(content, &mut file));
        if let Err(error) = copied {
            fs::remove_file(&path)?;
            return Err(error.downcast::<Error>().unwrap_or_else(Error::from));
        }
        Ok(())
    }

    fn line(&mut self, name: &str, line: &Json) -> Result<()> {
        if !self.files.contains_key(name) {
            let file = File::create(self.folder.join(format!("{name}.jsonl")))?;
            self.files.insert(name.to_owned(), BufWriter::new(file));
        }
        let file = self.files.get_mut(name).ok_or_else(|| Error::new(Code::Panic))?;
        Ok(writeln!(file, "{line}")?)
    }

    fn finish(mut self, report: &SalvageReport) -> Result<()> {
        self.files.values_mut().try_for_each(BufWriter::flush)?;
        fs::write(self.folder.join("report.json"), format!("{:#}\n", salvage_report_to_json(report)))?;
        Ok(())
    }

    fn remove_if_empty(self) {
        if self.files.is_empty() {
            // A folder that stays is in nobody's way.
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

fn unnamed(entity: EntityId) -> String {
    format!("entity-{}", entity.number())
}

fn record_to_json(record: &Record, entity: Option<&Entity>, certain: bool) -> Json {
    let values = record.values.iter().map(|(field, value)| (name_of(entity, field), value.to_json()));
    let envelope = &record.envelope;
    let external = envelope.external_ids.iter().map(|id| json!({"source": id.source, "key": id.key}));
    json!({
        "id": record.id.to_string(),
        "entity": entity.map_or_else(|| unnamed(record.entity), |entity| entity.api_name.clone()),
        "certain": certain,
        "number": envelope.record_number,
        "version": envelope.version,
        "owner": envelope.owner.to_string(),
        "unit": envelope.unit.map(|id| id.to_string()),
        "created_at": envelope.created.at().to_string(),
        "created_by": envelope.created_by.to_string(),
        "modified_at": envelope.modified.at().to_string(),
        "modified_by": envelope.modified_by.to_string(),
        "original_author": envelope.original_author,
        "original_at": envelope.original_at.map(|at| at.to_string()),
        "deleted_at": envelope.deleted_at.map(|at| at.to_string()),
        "tags": envelope.tags,
        "external_ids": external.collect::<Vec<_>>(),
        "values": values.collect::<Map<_, _>>(),
    })
}

fn name_of(entity: Option<&Entity>, field: FieldId) -> String {
    let known = entity.filter(|entity| entity.field_by_id(field).is_some());
    known.map_or_else(|| format!("field-{}", field.number()), |entity| field_name(entity, field))
}

fn entry_to_json(entry: &LedgerEntry, linked: bool) -> Json {
    let changes = entry.changes.as_ref().map(|changes| {
        let list = changes.iter().map(|change| {
            json!({
                "field": change.field.number(),
                "old": change.old.to_json(),
                "new": change.new.to_json(),
            })
        });
        list.collect::<Vec<_>>()
    });
    json!({
        "position": entry.position,
        "hash": hex(&entry.hash),
        "linked": linked,
        "kind": entry.kind.name(),
        "at": entry.stamp.at().to_string(),
        "actor": entry.actor.to_string(),
        "cause": entry.cause,
        "entity": entry.entity.number(),
        "record": entry.record.to_string(),
        "changes": changes,
    })
}
