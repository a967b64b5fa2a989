//! Records in from a tree in JSON, as the composite resource sObject Tree of Salesforce's REST API writes it:
//! `{"records": [{"attributes": {"type", "referenceId"}, field: value, reference: "@referenceId"}]}`. Records
//! stand beside each other; children within their parents are not read.
//!
//! A `referenceId` is the record's key in the other system, so the links of one file lead to the records of
//! another, and the same file read again changes nothing.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::base::{Code, Error, MAX_JSON_BYTES, Result, fold};
use crate::engine::Session;
use crate::features::exchange::import::{CHUNK, Chunk, Import, Row, Sheet, Source};
use crate::features::exchange::{ImportOptions, ImportProgress, ImportReport};
use crate::schema::Registry;

/// The heading of the key, which no field can have.
const KEY: &str = "attributes.referenceId";

impl Session {
    /// Reads records of any entities from a tree in JSON. A type is the name, a label or a synonym of an entity;
    /// a key is the name, a label or a synonym of a field, and others are left out. Each record is taken or
    /// rejected by itself, with its number in the file; every 500 of them are durable before the next.
    ///
    /// # Errors
    /// `input.invalid_json` for a file that is no such tree, and `schema.unknown_entity` for a type that no entity
    /// bears, after which what was committed stays; `input.limit_exceeded` above 16 MiB; as
    /// [`Session::import_csv`].
    pub fn import_tree(
        &self,
        input: impl Read,
        options: &ImportOptions,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<ImportReport> {
        let records = read(input)?;
        let records = records.into_iter();
        let tree = Tree { session: self, options, records, taken: 0, sheets: HashMap::new() };
        Import::new(self, options, "import.tree").run(tree, progress)
    }
}

struct Tree<'a> {
    session: &'a Session,
    options: &'a ImportOptions,
    records: std::vec::IntoIter<Json>,
    taken: u64,
    /// The sheets of records of one type with the same keys.
    sheets: HashMap<(String, Vec<String>), Arc<Sheet>>,
}

impl Source for Tree<'_> {
    fn chunk(&mut self) -> Result<Option<Chunk>> {
        let records: Vec<Json> = self.records.by_ref().take(CHUNK).collect();
        let mut rows = Vec::new();
        for record in &records {
            self.taken = self.taken.saturating_add(1);
            rows.push(self.row(self.taken, record)?);
        }
        let bytes = self.taken;
        Ok((!rows.is_empty()).then_some(Chunk { rows, bytes }))
    }
}

impl Tree<'_> {
    fn row(&mut self, line: u64, record: &Json) -> Result<Row> {
        let wrong = |rule: &str| Error::new(Code::InvalidJson).record(line).rule(rule);
        let members = record.as_object().ok_or_else(|| wrong("a record is an object"))?;
        let attribute = |name: &str| record.pointer(&format!("/attributes/{name}")).and_then(Json::as_str);
        let kind = attribute("type").ok_or_else(|| wrong("a record has attributes with a type"))?;
        let (mut headings, mut cells) = (Vec::new(), Ok(Vec::new()));
        for (name, value) in members.iter().filter(|(name, _)| *name != "attributes") {
            headings.push(name.clone());
            match (cell(value), &mut cells) {
                (Some(text), Ok(cells)) => cells.push(text),
                (None, Ok(_)) => {
                    let rule = "a value is a text, a number, true, false or null";
                    cells = Err(Error::new(Code::WrongType).field(name).rule(rule));
                }
                (_, Err(_)) => {}
            }
        }
        headings.push(KEY.to_owned());
        cells = cells.map(|mut cells| {
            cells.push(attribute("referenceId").unwrap_or_default().to_owned());
            cells
        });
        Ok(Row { line, sheet: self.sheet(kind, headings)?, cells })
    }

    fn sheet(&mut self, kind: &str, headings: Vec<String>) -> Result<Arc<Sheet>> {
        let place = (kind.to_owned(), headings);
        if let Some(known) = self.sheets.get(&place) {
            return Ok(Arc::clone(known));
        }
        let entity = entity_of(&self.session.crm().registry(), kind)?;
        let mapping = self.options.mapping.iter().filter(|(heading, _)| place.1.contains(heading));
        let options = ImportOptions {
            mapping: mapping.map(|(heading, field)| (heading.clone(), field.clone())).collect(),
            key: Some(KEY.to_owned()),
            ..ImportOptions::default()
        };
        let sheet = Arc::new(Sheet::of(self.session, &entity, &place.1, &options)?);
        self.sheets.insert(place, Arc::clone(&sheet));
        Ok(sheet)
    }
}

fn read(input: impl Read) -> Result<Vec<Json>> {
    let most = u64::try_from(MAX_JSON_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let mut input = input.take(most.saturating_add(1));
    input
        .read_to_end(&mut bytes)
        .map_err(|error| Error::new(Code::Io).rule("reading the file").because(error))?;
    if bytes.len() > MAX_JSON_BYTES {
        return Err(Error::new(Code::LimitExceeded).rule("JSON <= 16 MiB"));
    }
    let mut document: Map<String, Json> = serde_json::from_slice(&bytes).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Error::new(Code::InvalidJson).rule(&place)
    })?;
    match document.remove("records") {
        Some(Json::Array(records)) => Ok(records),
        _ => Err(Error::new(Code::InvalidJson).rule("{records: [...]}")),
    }
}

/// A value as a cell of a table has it; nothing for lists and objects.
fn cell(value: &Json) -> Option<String> {
    match value {
        Json::Null => Some(String::new()),
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Array(_) | Json::Object(_) => None,
    }
}

/// The entity that a type of another system means: by API name, label or synonym, compared folded.
fn entity_of(registry: &Registry, kind: &str) -> Result<String> {
    let wanted = fold(kind);
    let means = |entity: &&crate::schema::Entity| {
        let definition = &entity.definition;
        let names = [&entity.api_name, &definition.name, &definition.label.zh, &definition.label.en];
        !entity.is_withdrawn()
            && names.into_iter().chain(&definition.synonyms).any(|name| fold(name) == wanted)
    };
    let mut found = registry.entities().iter().filter(means);
    match (found.next(), found.next()) {
        (Some(entity), None) => Ok(entity.api_name.clone()),
        (None, _) => Err(Error::new(Code::UnknownEntity).entity(kind)),
        (Some(_), Some(_)) => {
            Err(Error::new(Code::UnknownEntity).entity(kind).rule("more than one entity has this name"))
        }
    }
}
