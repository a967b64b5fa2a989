//! The methods that bring files in.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::with;
use crate::base::{Code, Error, Result};
use crate::features::exchange::{ImportOptions, ImportReport, Target, preview_csv};

methods! {
    /// Imports CSV text. Every row is taken, taken with a warning, or rejected with line, field and reason.
    "import.csv" (session, given: Csv {
        /// The entity.
        entity: String,
        /// The CSV text.
        text: String,
        /// Column to field, where headings do not say it; the field `-` leaves a column out.
        mapping: Option<Map<String, Json>>,
        /// The column that is the row's key in the other system.
        key: Option<String>,
        /// The name of the other system.
        source: Option<String>,
        /// Other spellings of references: what the file says, and what it means.
        aliases: Option<Map<String, Json>>,
        /// References that are created when no record has their title.
        create_missing: Option<Vec<Json>>,
        /// A text that stands for no value, such as `NULL`.
        null_text: Option<String>,
        /// Checks everything, and leaves nothing behind.
        dry_run: Option<bool>,
    }) -> "{read, taken, warned, rejected, created, updated, unchanged, rows: [{line, outcome, field, reason, message}]}" {
        let options = ImportOptions {
            mapping: texts("mapping", given.mapping.as_ref())?,
            key: given.key.clone(),
            source: given.source.clone().unwrap_or_default(),
            aliases: texts("aliases", given.aliases.as_ref())?,
            create_missing: list("create_missing", given.create_missing.as_deref())?,
            entities: BTreeMap::new(),
            null_text: given.null_text.clone(),
            dry_run: given.dry_run.unwrap_or(false),
        };
        let report = session.import_csv(&given.entity, given.text.as_bytes(), &options, &mut |_| {})?;
        Ok(report_to_json(&report))
    }

    /// Imports records of any entities from a tree in JSON, as sObject Tree of Salesforce writes it:
    /// {records: [{attributes: {type, referenceId}, field: value, reference: "@referenceId"}]}; or all trees that a
    /// plan names, [{sobject, files: [name]}], as one import, of which each row says its file.
    "import.tree" (session, given: Tree {
        /// The JSON text of the tree or of the plan.
        text: String,
        /// For a plan: the JSON text of each of its files by its name there.
        files: Option<Map<String, Json>>,
        /// Key to field, where keys do not say it; the field `-` leaves a key out.
        mapping: Option<Map<String, Json>>,
        /// Type in the file to entity, where several entities, or none, have the type's name.
        entities: Option<Map<String, Json>>,
        /// The name of the other system, whose keys the references are.
        source: Option<String>,
        /// Checks everything, and leaves nothing behind.
        dry_run: Option<bool>,
    }) -> "{read, taken, warned, rejected, created, updated, unchanged, rows: [{file, line, outcome, field, reason, message}]}" {
        let options = ImportOptions {
            mapping: texts("mapping", given.mapping.as_ref())?,
            entities: texts("entities", given.entities.as_ref())?,
            source: given.source.clone().unwrap_or_default(),
            dry_run: given.dry_run.unwrap_or(false),
            ..ImportOptions::default()
        };
        let Some(files) = given.files.as_ref() else {
            return Ok(report_to_json(&session.import_tree(given.text.as_bytes(), &options, &mut |_| {})?));
        };
        let files = texts("files", Some(files))?;
        let mut open = |name: &str| -> Result<Box<dyn Read>> {
            let missing = || Error::new(Code::InvalidArgument).rule("files has each file of the plan");
            let text = files.get(name).ok_or_else(missing)?;
            Ok(Box::new(Cursor::new(text.clone())))
        };
        Ok(report_to_json(&session.import_plan(given.text.as_bytes(), &mut open, &options, &mut |_| {})?))
    }

    /// Says which column of CSV text would go to which field.
    "import.preview" (session, given: Preview {
        /// The entity.
        entity: String,
        /// The CSV text; its first line is enough.
        text: String,
        /// Column to field, where headings do not say it.
        mapping: Option<Map<String, Json>>,
    }) -> "{columns: [{heading, field}]}" {
        let options = ImportOptions { mapping: texts("mapping", given.mapping.as_ref())?, ..ImportOptions::default() };
        let columns = preview_csv(session, &given.entity, given.text.as_bytes(), &options)?;
        let columns = columns.iter().map(|(heading, target)| {
            let field = match target {
                Target::Nothing => None,
                Target::Owner => Some("owner".to_owned()),
                Target::Translation(field, locale) => Some(format!("{}@{locale}", field.api_name)),
                Target::Field(field) | Target::Reference(field, _) => Some(field.api_name.clone()),
            };
            json!({"heading": heading, "field": field})
        });
        Ok(json!({"columns": columns.collect::<Vec<_>>()}))
    }
}

fn report_to_json(report: &ImportReport) -> Json {
    let rows = report.rows.iter().map(|row| {
        let told = json!({
            "line": row.line,
            "outcome": row.outcome.name(),
            "field": row.field,
            "reason": row.reason,
            "message": row.message,
        });
        match &row.file {
            Some(file) => with(told, [("file", json!(file))]),
            None => told,
        }
    });
    json!({
        "read": report.read,
        "taken": report.taken,
        "warned": report.warned,
        "rejected": report.rejected,
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "rows": rows.collect::<Vec<_>>(),
    })
}

fn texts(name: &str, given: Option<&Map<String, Json>>) -> Result<BTreeMap<String, String>> {
    let wrong = || Error::new(Code::InvalidArgument).field(name).rule("text to text");
    let pairs = given
        .into_iter()
        .flatten()
        .map(|(from, to)| to.as_str().map(|to| (from.clone(), to.to_owned())).ok_or_else(wrong));
    pairs.collect()
}

pub(super) fn list(name: &str, given: Option<&[Json]>) -> Result<Vec<String>> {
    let wrong = || Error::new(Code::InvalidArgument).field(name).rule("a list of text");
    given.unwrap_or_default().iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}
