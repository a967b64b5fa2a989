//! The package of one person: whatever the database keeps of that person, for machines and for people.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::sinks::{Document, Folder, Sink, remove};
use super::walk::{Found, LeftOut, Walk};
use crate::base::{Code, FieldId, Locale, RecordId, Result, Value};
use crate::engine::{
    Carried, Correction, CorrectionsOf, EntryKind, LedgerQuery, PageCursor, PastValue, RecordVersion,
    Session, field_name,
};
use crate::schema::{Entity, FieldType, Registry};

/// What a package is, as a JSON Schema; it lies beside every package in a folder.
pub const PACKAGE_SCHEMA: &str = include_str!("package.schema.json");
/// The format of the document, and its version.
const FORMAT: &str = "guanxi.personal_package";
const VERSION: u32 = 1;
/// What the ledger says of how the records left.
const FORM: &str = "privacy.package";
/// Versions and entries of one page.
const PAGE: usize = 500;

/// What went into a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageReport {
    /// Records, that of the person among them.
    pub records: u64,
    /// Versions of those records.
    pub versions: u64,
    /// Attachments.
    pub attachments: u64,
    /// Comments on those records.
    pub comments: u64,
    /// Requests for corrections.
    pub corrections: u64,
    /// Entries of the ledger that are no changes.
    pub entries: u64,
    /// Kinds of what was left out.
    pub left_out: BTreeSet<LeftOut>,
}

impl Session {
    /// Writes all that the database keeps of a person into a new folder, as far as the user may see and export it:
    /// `package.json`, which `package.schema.json` describes, `index.html` for people in the session's language, and
    /// attachments. A package that does not come to its end is taken away again. The ledger says who made it, of whom,
    /// and of how many records of each entity. The listener of the session's patience is told of the phase `package`.
    ///
    /// It takes a record and a page of versions into memory at a time. Deleted records that once referred to the person
    /// are not in it.
    ///
    /// # Errors
    /// `access.not_permitted` without the rights to administer and export the entity, `record.not_found`,
    /// `schema.invalid_definition` for an entity whose records are no persons; `storage.already_exists` for the
    /// folder; `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn personal_package(
        &self,
        entity: &str,
        id: RecordId,
        folder: impl AsRef<Path>,
    ) -> Result<PackageReport> {
        self.check_takes_out(entity, id)?;
        self.get(entity, id)?;
        let mut sink = Folder::create(folder.as_ref(), self.locale())?;
        let made = self.pack(entity, id, &mut sink);
        drop(sink);
        made.inspect_err(|_| remove(folder.as_ref()))
    }

    /// As [`Session::personal_package`], as one JSON document without the contents of attachments.
    ///
    /// # Errors
    /// As there; `storage.io` if the writer fails.
    pub fn write_personal_package(
        &self,
        entity: &str,
        id: RecordId,
        out: &mut dyn Write,
    ) -> Result<PackageReport> {
        self.check_takes_out(entity, id)?;
        self.get(entity, id)?;
        self.pack(entity, id, &mut Document::new(out))
    }

    fn pack(&self, entity: &str, id: RecordId, sink: &mut dyn Sink) -> Result<PackageReport> {
        let registry = self.crm().registry();
        let own = registry.entity(entity)?;
        // The entry stands before anything leaves.
        self.note_taken(&own.api_name, vec![id], 1)?;
        let mut packing =
            Packing { session: self, registry: &registry, id, report: PackageReport::default() };
        packing.begin(own, sink)?;
        let mut walk = Walk::new(self, &own.api_name, id);
        let taken = packing.records(&mut walk, sink)?;
        packing.history(&mut walk, sink)?;
        packing.attachments(&mut walk, sink)?;
        packing.comments(&mut walk, sink)?;
        packing.corrections(own, sink)?;
        packing.flags(own, sink)?;
        packing.ledger(&mut walk, sink)?;
        if !sink.takes_contents() && packing.report.attachments > 0 {
            walk.left_out.insert(LeftOut::AttachmentContents);
        }
        for (name, records) in taken.into_iter().filter(|(name, _)| *name != own.api_name) {
            self.note_taken(&name, Vec::new(), records)?;
        }
        packing.report.left_out = walk.left_out;
        packing.end(sink)?;
        Ok(packing.report)
    }

    fn note_taken(&self, entity: &str, records: Vec<RecordId>, rows: u64) -> Result<()> {
        let carried =
            Carried { entity: entity.to_owned(), records, rows, form: FORM.to_owned(), filter: None };
        self.note_export(&carried)
    }
}

/// A package on its way.
struct Packing<'s> {
    session: &'s Session,
    registry: &'s Registry,
    id: RecordId,
    report: PackageReport,
}

impl Packing<'_> {
    fn begin(&self, own: &Entity, sink: &mut dyn Sink) -> Result<()> {
        let language = match self.session.locale() {
            Locale::English => "en",
            Locale::SimplifiedChinese => "zh-Hans",
        };
        let title = self.session.get(&own.api_name, self.id)?.title();
        sink.begin(&json!({
            "format": FORMAT,
            "version": VERSION,
            "made_at": self.session.crm().now().to_string(),
            "made_by": self.session.user().to_string(),
            "language": language,
            "subject": {"entity": own.api_name, "id": self.id.to_string(), "title": title},
        }))
    }

    fn end(&self, sink: &mut dyn Sink) -> Result<()> {
        let report = &self.report;
        sink.end(&json!({
            "counts": {
                "records": report.records,
                "versions": report.versions,
                "attachments": report.attachments,
                "comments": report.comments,
                "corrections": report.corrections,
                "entries": report.entries,
            },
            "left_out": report.left_out.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
        }))
    }

    /// The records; gives how many there are of each entity.
    fn records(&mut self, walk: &mut Walk<'_>, sink: &mut dyn Sink) -> Result<BTreeMap<String, u64>> {
        sink.section("records")?;
        let locale = self.session.locale();
        let mut taken: BTreeMap<String, u64> = BTreeMap::new();
        walk.each(self.registry, &mut |walk, found| {
            sink.item(&record_to_json(walk, found, locale))?;
            let count = taken.entry(found.entity.api_name.clone()).or_default();
            *count = count.saturating_add(1);
            self.report.records = self.report.records.saturating_add(1);
            self.session.patience().tell("package", self.report.records, 0);
            Ok(())
        })?;
        Ok(taken)
    }

    fn history(&mut self, walk: &mut Walk<'_>, sink: &mut dyn Sink) -> Result<()> {
        sink.section("history")?;
        let (session, locale) = (self.session, self.session.locale());
        walk.each(self.registry, &mut |walk, found| {
            let (name, id) = (&found.entity.api_name, found.row.record.id);
            let mut before = None;
            loop {
                let page = session.history(name, id, before, PAGE)?;
                for version in &page.versions {
                    sink.item(&version_to_json(walk, found, version, locale))?;
                    self.report.versions = self.report.versions.saturating_add(1);
                }
                before = page.next;
                if before.is_none() {
                    return Ok(());
                }
            }
        })
    }

    fn attachments(&mut self, walk: &mut Walk<'_>, sink: &mut dyn Sink) -> Result<()> {
        sink.section("attachments")?;
        let session = self.session;
        walk.each(self.registry, &mut |_, found| {
            let (name, id) = (&found.entity.api_name, found.row.record.id);
            for attachment in session.attachments(name, id)? {
                session.patience().check()?;
                let file = match sink.takes_contents() {
                    true => {
                        let mut content = session.read_attachment(name, id, attachment.id)?;
                        sink.content(attachment.id, &attachment.name, &mut content)?
                    }
                    false => None,
                };
                let digits: String = attachment.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
                sink.item(&json!({
                    "entity": name,
                    "record": id.to_string(),
                    "id": attachment.id.to_string(),
                    "name": attachment.name,
                    "media_type": attachment.media_type,
                    "size": attachment.size,
                    "sha256": digits,
                    "file": file,
                }))?;
                self.report.attachments = self.report.attachments.saturating_add(1);
            }
            Ok(())
        })
    }

    /// What was said about the records.
    fn comments(&mut self, walk: &mut Walk<'_>, sink: &mut dyn Sink) -> Result<()> {
        sink.section("comments")?;
        let session = self.session;
        walk.each(self.registry, &mut |_, found| {
            let (name, id) = (&found.entity.api_name, found.row.record.id);
            // On the organisation's own records nobody comments.
            if name.starts_with("sys.") {
                return Ok(());
            }
            let mut after: Option<PageCursor> = None;
            loop {
                session.patience().check()?;
                let page = session.comments(name, id, PAGE, after)?;
                for comment in &page.rows {
                    sink.item(&json!({
                        "entity": name,
                        "record": id.to_string(),
                        "id": comment.id.to_string(),
                        "at": comment.at.to_string(),
                        "author": comment.author.to_string(),
                        "text": comment.text,
                    }))?;
                    self.report.comments = self.report.comments.saturating_add(1);
                }
                after = page.next;
                if after.is_none() {
                    return Ok(());
                }
            }
        })
    }

    fn corrections(&mut self, own: &Entity, sink: &mut dyn Sink) -> Result<()> {
        sink.section("corrections")?;
        let of = CorrectionsOf::Record(own.api_name.clone(), self.id);
        let mut after: Option<PageCursor> = None;
        loop {
            let page = self.session.corrections(&of, after, PAGE)?;
            for correction in &page.corrections {
                sink.item(&correction_to_json(correction))?;
                self.report.corrections = self.report.corrections.saturating_add(1);
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    fn flags(&self, own: &Entity, sink: &mut dyn Sink) -> Result<()> {
        sink.section("flags")?;
        for flag in self.session.privacy_flags(&own.api_name, self.id)? {
            sink.item(&json!({
                "kind": flag.kind.name(),
                "since": flag.since.to_string(),
                "request": flag.request.to_string(),
            }))?;
        }
        Ok(())
    }

    /// What the ledger says of the person's record beside its changes, for whoever may look into the ledger.
    fn ledger(&mut self, walk: &mut Walk<'_>, sink: &mut dyn Sink) -> Result<()> {
        sink.section("ledger")?;
        let mut query = LedgerQuery { record: Some(self.id), limit: PAGE, ..LedgerQuery::default() };
        loop {
            let page = match self.session.query_ledger(&query) {
                Err(error) if error.code() == Code::NotPermitted => {
                    walk.left_out.insert(LeftOut::Ledger);
                    return Ok(());
                }
                page => page?,
            };
            for audited in page.entries.iter().filter(|audited| !is_version(audited.entry.kind)) {
                let entry = &audited.entry;
                sink.item(&json!({
                    "position": entry.position,
                    "kind": entry.kind.name(),
                    "at": entry.stamp.at().to_string(),
                    "actor": entry.actor.to_string(),
                    "cause": entry.cause,
                }))?;
                self.report.entries = self.report.entries.saturating_add(1);
            }
            query.after = page.next;
            if query.after.is_none() {
                return Ok(());
            }
        }
    }
}

/// Whether an entry is a version of a record, which stands in its history.
fn is_version(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Create | EntryKind::Update | EntryKind::Delete | EntryKind::Erase)
}

fn record_to_json(walk: &Walk<'_>, found: &Found<'_>, locale: Locale) -> Json {
    let (record, envelope) = (&found.row.record, &found.row.record.envelope);
    let fields = walk.fields(found.entity).filter_map(|field| {
        let value = record.value(field.id());
        let label = field.definition.label.text(locale);
        let text = told(&field.definition.kind, &value, locale);
        (!value.is_null())
            .then(|| json!({"field": field.api_name, "label": label, "value": value.to_json(), "text": text}))
    });
    let external = envelope.external_ids.iter().map(|id| json!({"source": id.source, "key": id.key}));
    let by_label = found.by.as_deref().map(|by| label_of(found.entity, by, locale));
    json!({
        "entity": found.entity.api_name,
        "label": found.entity.label().text(locale),
        "id": record.id.to_string(),
        "title": found.row.title(),
        "refers_by": found.by,
        "refers_by_label": by_label,
        "created_at": envelope.created.at().to_string(),
        "modified_at": envelope.modified.at().to_string(),
        "tags": envelope.tags,
        "external_ids": external.collect::<Vec<_>>(),
        "fields": fields.collect::<Vec<_>>(),
    })
}

fn version_to_json(walk: &Walk<'_>, found: &Found<'_>, version: &RecordVersion, locale: Locale) -> Json {
    let shown = version.changes.iter().filter(|change| walk.shows(found.entity, change.field));
    let changes = shown.map(|change| {
        let name = field_name(found.entity, change.field);
        let told = |value: &PastValue| past(found.entity, change.field, value, locale);
        let ((old, old_text), (new, new_text)) = (told(&change.old), told(&change.new));
        json!({
            "label": label_of(found.entity, &name, locale),
            "field": name,
            "old": old,
            "new": new,
            "old_text": old_text,
            "new_text": new_text,
        })
    });
    json!({
        "entity": found.entity.api_name,
        "label": found.entity.label().text(locale),
        "record": found.row.record.id.to_string(),
        "position": version.position,
        "at": version.at.to_string(),
        "actor": version.actor.to_string(),
        "kind": version.kind.name(),
        "changes": changes.collect::<Vec<_>>(),
    })
}

fn correction_to_json(correction: &Correction) -> Json {
    let proposed = correction.proposed.iter().map(|(field, value)| (field.clone(), value.to_json()));
    json!({
        "id": correction.id.to_string(),
        "at": correction.at.to_string(),
        "proposed": proposed.collect::<serde_json::Map<_, _>>(),
        "reason": correction.reason,
        "status": correction.status.code(),
    })
}

/// A value of the past for machines and for people.
fn past(entity: &Entity, field: FieldId, value: &PastValue, locale: Locale) -> (Json, String) {
    match value {
        PastValue::Erased => (json!({"erased": true}), String::new()),
        PastValue::Known(value) => {
            let text = match entity.field_by_id(field) {
                Some(field) => told(&field.definition.kind, value, locale),
                None => plain(&value.to_json()),
            };
            (value.to_json(), text)
        }
    }
}

fn label_of(entity: &Entity, field: &str, locale: Locale) -> String {
    let known = entity.fields().iter().find(|known| known.api_name == field);
    known.map_or_else(|| field.to_owned(), |known| known.definition.label.text(locale).to_owned())
}

/// A value as people read it: codes by their labels, amounts with their currency, what has parts by its parts.
fn told(kind: &FieldType, value: &Value, locale: Locale) -> String {
    let label = |code: &str| {
        let known = kind.codes().into_iter().flatten().find(|known| known.code == code);
        known.map_or_else(|| code.to_owned(), |known| known.label.text(locale).to_owned())
    };
    match value {
        Value::Text(code) if kind.codes().is_some() => label(code),
        Value::List(items) if kind.codes().is_some() => {
            let labels: Vec<String> = items.iter().filter_map(Value::as_text).map(label).collect();
            labels.join(", ")
        }
        Value::Map(parts) if parts.contains_key("full") => {
            parts.get("full").and_then(Value::as_text).unwrap_or_default().to_owned()
        }
        value => plain(&value.to_json()),
    }
}

/// JSON as people read it.
fn plain(json: &Json) -> String {
    match json {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Json::Object(parts) => {
            let parts: Vec<String> = parts.values().map(plain).filter(|part| !part.is_empty()).collect();
            parts.join(" ")
        }
        other => other.to_string(),
    }
}
