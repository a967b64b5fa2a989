//! Methods on the ledger: what it says, of whom and of what, and what it is to say of reading.

use std::fs::{self, File};
use std::io::{BufReader, ErrorKind};
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{head_to_json, hex, owner_from_json, with};
use crate::base::{Code, Error, RecordId, Result, Timestamp};
use crate::engine::{
    Action, AuditedEntry, AuditedValue, Carried, EntryKind, LedgerExport, LedgerExportOptions, LedgerQuery,
    ReadMode, ReadPolicy, Session, field_name, note_name,
};
use crate::schema::Registry;

methods! {
    /// Reads entries of the ledger, oldest first, as `ledger.query` shows them; where all values are those of a
    /// forgotten person, or of an entry that was pruned, `changes` is null.
    "ledger.list" (session, given: ListLedger {
        /// Entries after this position; from the first if not said.
        after: Option<u64>,
        /// Most entries; 100 if not said, 1000 at the most.
        limit: Option<u64>,
    }) -> "{entries: [{position, hash, kind, at, actor, by_service, on_behalf_of, cause, schema_version, entity, record, changes}]}" {
        let limit = count(given.limit);
        let found = session.query_ledger(&LedgerQuery { after: given.after, limit, ..LedgerQuery::default() })?;
        let registry = session.crm().registry();
        let entries = found.entries.iter().map(|entry| match entry.is_erased {
            true => with(entry_to_json(&registry, entry), [("changes", Json::Null)]),
            false => entry_to_json(&registry, entry),
        });
        Ok(json!({"entries": entries.collect::<Vec<_>>()}))
    }

    /// Looks for entries of the ledger: who did what to which record, when, why and on whose behalf. A page may
    /// be empty, and more to come; the search ends where there is no `after`. Values are those that the caller
    /// may see of the record today: any other reads {"withheld": true}, and one of a forgotten person
    /// {"erased": true}, one that was pruned {"pruned": true}.
    "ledger.query" (session, given: QueryLedger {
        /// Who did it, by id or name.
        actor: Option<String>,
        /// On whose behalf, by id or name.
        on_behalf_of: Option<String>,
        /// The entity.
        entity: Option<String>,
        /// The record that the entry is about, or names among others.
        record: Option<RecordId>,
        /// A field of the entity.
        field: Option<String>,
        /// Kinds of entries, for example `update`, `sign_in_refused`, `read`; all if not said.
        kinds: Option<Vec<Json>>,
        /// The cause: the verb, import or plugin.
        cause: Option<String>,
        /// From this moment on, in RFC 3339.
        from: Option<String>,
        /// Before this moment.
        until: Option<String>,
        /// From this position on.
        first: Option<u64>,
        /// Up to this position.
        last: Option<u64>,
        /// `falling` for the newest first, which is usual, or `rising`.
        order: Option<String>,
        /// Where the page before ended.
        after: Option<u64>,
        /// Most entries; 100 if not said, 1000 at the most.
        limit: Option<u64>,
    }) -> "{entries: [{position, hash, kind, at, actor, by_service, on_behalf_of, cause, schema_version, entity, record, changes: [{field, old, new}]}], after, looked_at, passed_over}" {
        let query = LedgerQuery {
            actor: user(session, "actor", given.actor.as_deref())?,
            on_behalf_of: user(session, "on_behalf_of", given.on_behalf_of.as_deref())?,
            entity: given.entity,
            record: given.record,
            field: given.field.as_deref().map(Into::into),
            kinds: given.kinds.iter().flatten().map(kind_from_json).collect::<Result<_>>()?,
            cause: given.cause,
            from: moment("from", given.from.as_deref())?,
            until: moment("until", given.until.as_deref())?,
            first: given.first,
            last: given.last,
            falling: is_falling(given.order.as_deref())?,
            after: given.after,
            limit: count(given.limit),
        };
        let page = session.query_ledger(&query)?;
        let registry = session.crm().registry();
        let entries = page.entries.iter().map(|entry| entry_to_json(&registry, entry));
        Ok(json!({
            "entries": entries.collect::<Vec<_>>(),
            "after": page.next,
            "looked_at": page.looked_at,
            "passed_over": page.passed_over,
        }))
    }

    /// Says whether the ledger tells who reads the records of an entity, or some fields of them. With `strict` the
    /// entry is on the disk before the rows are returned; within a transaction it comes with the commit. With
    /// `batched` entries are collected and written with the next call behind five seconds, behind a thousand, or
    /// at the close: a crash loses those since. With `off` nothing is entered. The policy is a setting of the
    /// organisation, `audit.read_policies`.
    "audit.define_read_policy" (session, given: DefineReadPolicy {
        /// The entity.
        entity: String,
        /// `strict`, `batched` or `off`.
        mode: String,
        /// The fields whose readers are entered; reading a record at all is, if not said.
        fields: Option<Vec<Json>>,
    }) -> "{entity, mode, fields}" {
        let mode = match given.mode.as_str() {
            "strict" => Some(ReadMode::Strict),
            "batched" => Some(ReadMode::Batched),
            "off" => None,
            other => {
                let refused = Error::new(Code::InvalidArgument).field("mode").value(other);
                return Err(refused.rule("strict, batched or off"));
            }
        };
        let text = |json: &Json| json.as_str().map(str::to_owned);
        let refused = || Error::new(Code::InvalidArgument).field("fields").rule("names of fields");
        let fields = given.fields.iter().flatten().map(|json| text(json).ok_or_else(refused));
        let fields = fields.collect::<Result<_>>()?;
        let policy = mode.map(|mode| ReadPolicy { mode, fields });
        session.define_read_policy(&given.entity, policy.clone())?;
        let fields = policy.map(|policy| policy.fields).unwrap_or_default();
        Ok(json!({"entity": given.entity, "mode": given.mode, "fields": fields}))
    }

    /// Lists the policies on reads.
    "audit.read_policies" (session, _given: ReadPolicies {}) -> "{policies: [{entity, mode, fields}]}" {
        let settings = session.crm().settings();
        let policies = settings.read_policies.iter().map(|(entity, policy)| {
            json!({"entity": entity, "mode": policy.mode, "fields": policy.fields})
        });
        Ok(json!({"policies": policies.collect::<Vec<_>>()}))
    }

    /// Enters in the ledger that the user took records out of the database into a file. The engine does not see
    /// what a host writes, so a host that exports calls this first.
    "audit.note_export" (session, given: NoteExport {
        /// The entity.
        entity: String,
        /// The records, at most 10000.
        records: Option<Vec<Json>>,
        /// How many records; as many as are named, if not said.
        rows: Option<u64>,
        /// The format of the file.
        form: String,
        /// By which condition they were chosen, without its values.
        filter: Option<String>,
    }) -> "{}" {
        let records = ids_from_json(given.records.as_deref())?;
        let (entity, form, filter) = (given.entity, given.form, given.filter);
        let rows = given.rows.unwrap_or_default();
        session.note_export(&Carried { entity, records, rows, form, filter })?;
        Ok(json!({}))
    }

    /// Enters in the ledger that the user printed records. A host that prints calls this first.
    "audit.note_print" (session, given: NotePrint {
        /// The entity.
        entity: String,
        /// The records, at most 10000.
        records: Vec<Json>,
        /// The name of the form.
        form: String,
    }) -> "{}" {
        let records = ids_from_json(Some(&given.records))?;
        let (entity, form) = (given.entity, given.form);
        session.note_print(&Carried { entity, records, rows: 0, form, filter: None })?;
        Ok(json!({}))
    }

    /// Writes the ledger, or a range of it, as lines of JSON to a new file of the host: everything that an outsider
    /// needs to work the chain and the checkpoints out again. `examples/audit_verify` verifies it. The export
    /// itself is an entry.
    "audit.export" (session, given: ExportLedger {
        /// The file, which does not stand yet: an absolute path.
        path: String,
        /// The first entry; that of the ledger if not said.
        first: Option<u64>,
        /// The last entry; the newest if not said.
        last: Option<u64>,
        /// Whether values come along, where the caller may see all of an entry; commitments alone if not said.
        values: Option<bool>,
    }) -> "{first, last, entries, with_values, checkpoints, head}" {
        session.check_may("sys.role", Action::Administer)?;
        let mut file = new_file(&given.path)?;
        let options = LedgerExportOptions {
            first: given.first.unwrap_or_default(),
            last: given.last.unwrap_or_default(),
            values: given.values.unwrap_or_default(),
        };
        let done = session.export_ledger(options, &mut file);
        if done.is_err() {
            // A part of a ledger would be taken for a whole one by who does not verify it.
            drop(fs::remove_file(&given.path));
        }
        let done = done?;
        file.sync_all()?;
        Ok(export_to_json(&done))
    }

    /// Writes what was entered since the last archive, with values, to a new file of the host, up to the newest
    /// checkpoint that is signed, and remembers how far that goes. `examples/audit_verify` verifies it.
    "audit.archive" (session, given: ArchiveLedger {
        /// The file, which does not stand yet: an absolute path.
        path: String,
    }) -> "{first, last, entries, with_values, checkpoints, head}" {
        session.check_may("sys.role", Action::Administer)?;
        let mut file = new_file(&given.path)?;
        let done = session.archive_ledger(&mut file);
        if done.is_err() {
            drop(fs::remove_file(&given.path));
        }
        let done = done?;
        file.sync_all()?;
        Ok(export_to_json(&done))
    }

    /// Verifies an archive of the ledger, or an export of it: that it is whole, that every entry is the one that this
    /// database has there, and that its values are those of the entry, also where the database no longer has them.
    /// `examples/audit_verify` verifies one without the database, by the public key of its checkpoints.
    "audit.verify_archive" (session, given: VerifyArchive {
        /// The file: an absolute path.
        path: String,
    }) -> "{first, last, entries, with_values, checkpoints}" {
        session.check_may("sys.role", Action::Administer)?;
        let mut file = BufReader::new(old_file(&given.path)?);
        let done = session.verify_ledger_archive(&mut file)?;
        Ok(json!({
            "first": done.first,
            "last": done.last,
            "entries": done.entries,
            "with_values": done.with_values,
            "checkpoints": done.checkpoints,
        }))
    }

    /// Takes the values out of entries of the ledger that are archived and older than the setting
    /// `audit.retention_days` keeps them. The chain verifies as before.
    "audit.drop_archived" (session, given: DropArchived {
        /// Only says what would be taken out; no if not said.
        dry_run: Option<bool>,
    }) -> "{archived, classes: [{class, until, last, entries}]}" {
        let dropped = session.drop_archived(given.dry_run.unwrap_or(false))?;
        let classes = dropped.iter().map(|dropped| json!({
            "class": dropped.class.code(),
            "until": dropped.until.to_string(),
            "last": dropped.last,
            "entries": dropped.entries,
        }));
        let classes: Vec<Json> = classes.collect();
        Ok(json!({"archived": session.archived_ledger()?, "classes": classes}))
    }

    /// Writes what was collected for the ledger: reads of batched policies, and counts of refusals whose minute is
    /// over. A host calls it when it is idle.
    "audit.flush" (session, _given: FlushAudit {}) -> "{}" {
        session.flush_audit()?;
        Ok(json!({}))
    }
}

fn count(given: Option<u64>) -> usize {
    given.map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX))
}

/// A new file of the host. What hinders it is the caller's to mend, but for what stands there already.
fn old_file(path: &str) -> Result<File> {
    let refused = || Error::new(Code::InvalidArgument).field("path");
    if !Path::new(path).is_absolute() {
        return Err(refused().rule("an absolute path"));
    }
    File::open(path).map_err(|error| refused().rule("a file that can be read").because(error))
}

fn new_file(path: &str) -> Result<File> {
    let refused = || Error::new(Code::InvalidArgument).field("path");
    if !Path::new(path).is_absolute() {
        return Err(refused().rule("an absolute path"));
    }
    File::create_new(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Error::new(Code::AlreadyExists).field("path").because(error),
        _ => refused().rule("a file that can be made").because(error),
    })
}

fn ids_from_json(given: Option<&[Json]>) -> Result<Vec<RecordId>> {
    let refused = || Error::new(Code::InvalidArgument).field("records").rule("ids");
    let parse = |json: &Json| json.as_str().and_then(|text| text.parse().ok()).ok_or_else(refused);
    given.unwrap_or_default().iter().map(parse).collect()
}

fn user(session: &Session, name: &str, said: Option<&str>) -> Result<Option<RecordId>> {
    let Some(said) = said else { return Ok(None) };
    let found = session.read(|reader| owner_from_json(&reader, &Json::from(said)));
    found.map(Some).map_err(|error| error.field(name))
}

pub(super) fn moment(name: &str, said: Option<&str>) -> Result<Option<Timestamp>> {
    let parse = |said: &str| {
        let refused =
            || Error::new(Code::InvalidArgument).field(name).rule("a moment in RFC 3339").value(said);
        said.parse().map_err(|_| refused())
    };
    said.map(parse).transpose()
}

fn kind_from_json(json: &Json) -> Result<EntryKind> {
    let refused = || Error::new(Code::InvalidArgument).field("kinds").rule("a kind of entries");
    let name = json.as_str().ok_or_else(refused)?;
    EntryKind::from_name(name).ok_or_else(|| refused().value(name))
}

fn is_falling(order: Option<&str>) -> Result<bool> {
    match order {
        None | Some("falling") => Ok(true),
        Some("rising") => Ok(false),
        Some(other) => {
            Err(Error::new(Code::InvalidArgument).field("order").rule("falling or rising").value(other))
        }
    }
}

fn export_to_json(done: &LedgerExport) -> Json {
    json!({
        "first": done.first,
        "last": done.last,
        "entries": done.entries,
        "with_values": done.with_values,
        "checkpoints": done.checkpoints,
        "head": head_to_json(done.head),
    })
}

fn entry_to_json(registry: &Registry, audited: &AuditedEntry) -> Json {
    let entry = &audited.entry;
    let entity = registry.entity_by_id(entry.entity).ok();
    let changes = audited.changes.iter().map(|change| {
        let name = match entity {
            Some(entity) => Some(field_name(entity, change.field)),
            None => note_name(change.field).map(str::to_owned),
        };
        json!({"field": name, "old": value_to_json(&change.old), "new": value_to_json(&change.new)})
    });
    json!({
        "position": entry.position,
        "hash": hex(&entry.hash),
        "kind": entry.kind.name(),
        "at": entry.stamp.at().to_string(),
        "actor": entry.actor.to_string(),
        "by_service": audited.by_service,
        "on_behalf_of": entry.on_behalf_of.map(|user| user.to_string()),
        "cause": entry.cause,
        "schema_version": entry.schema_version,
        "entity": entity.map(|entity| entity.api_name.clone()),
        "record": entry.record.to_string(),
        "changes": changes.collect::<Vec<_>>(),
    })
}

fn value_to_json(value: &AuditedValue) -> Json {
    match value {
        AuditedValue::Known(value) => value.to_json(),
        AuditedValue::Erased => json!({"erased": true}),
        AuditedValue::Pruned => json!({"pruned": true}),
        AuditedValue::Withheld => json!({"withheld": true}),
    }
}
