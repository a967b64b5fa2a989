//! Records in from a tree in JSON, as the composite resource sObject Tree of Salesforce's REST API writes it:
//! `{"records": [{"attributes": {"type", "referenceId"}, field: value, reference: "@referenceId"}]}`. Records
//! stand beside each other; children within their parents are not read. A plan, as `sf data export tree --plan`
//! writes it, names the files of several trees in their order: `[{"sobject", "files": [name]}]`.
//!
//! A `referenceId` is the record's key in the other system, so the links of one file lead to the records of
//! another, and the same file read again changes nothing.

use std::collections::{HashMap, VecDeque};
use std::io::Read;
use std::path::{Component, Path};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
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
        let mut tree = Tree::new(self, options);
        tree.records = records_of(read(input)?)?.into_iter();
        Import::new(self, options, "import.tree").run(&mut tree, progress)
    }

    /// Reads the trees that a plan names, in its order, as one import: `open` is asked for each file by its name in
    /// the plan, which leads nowhere but to files in the plan's own folder and below. All records of a file are of
    /// the type that the plan says. `saveRefs` and `resolveRefs` of Salesforce's own reader change nothing here: every
    /// key is kept, and the type of a field says whether a value is a link. Warnings and rejections name their file,
    /// and their number is that of the record in it.
    ///
    /// # Errors
    /// As [`Session::import_tree`], with the file as the field; `input.invalid_json` for a file that is no plan;
    /// `input.invalid_argument` for a name that leads out of the plan's folder; those of `open`.
    pub fn import_plan(
        &self,
        plan: impl Read,
        open: &mut dyn FnMut(&str) -> Result<Box<dyn Read>>,
        options: &ImportOptions,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<ImportReport> {
        let mut tree = Tree::new(self, options);
        tree.files = files_of(read(plan)?)?;
        tree.open = Some(open);
        let mut report = Import::new(self, options, "import.tree").run(&mut tree, progress)?;
        for row in &mut report.rows {
            let file = tree.begun.iter().rev().find(|(before, _)| *before < row.line);
            if let Some((before, name)) = file {
                row.line = row.line.saturating_sub(*before);
                row.file = Some(name.clone());
            }
        }
        Ok(report)
    }
}

/// What opens a file of a plan by its name.
type Open<'a> = &'a mut dyn FnMut(&str) -> Result<Box<dyn Read>>;

/// A part of a plan: files whose records are of one type.
#[derive(Deserialize)]
struct Step {
    sobject: String,
    files: Vec<String>,
}

struct Tree<'a> {
    session: &'a Session,
    options: &'a ImportOptions,
    /// The files of a plan that were not begun, each with the type of its records.
    files: VecDeque<(String, String)>,
    open: Option<Open<'a>>,
    /// The files that were begun, each with the number of records before it.
    begun: Vec<(u64, String)>,
    /// The type that a plan says of the records of the file at hand.
    kind: Option<String>,
    records: std::vec::IntoIter<Json>,
    taken: u64,
    /// The sheets of records of one type with the same keys.
    sheets: HashMap<(String, Vec<String>), Arc<Sheet>>,
}

impl Source for &mut Tree<'_> {
    fn chunk(&mut self) -> Result<Option<Chunk>> {
        let mut records: Vec<Json> = self.records.by_ref().take(CHUNK).collect();
        while records.is_empty() && self.begin_file()? {
            records = self.records.by_ref().take(CHUNK).collect();
        }
        let mut rows = Vec::new();
        for record in &records {
            self.taken = self.taken.saturating_add(1);
            let row = self.row(self.taken, record);
            rows.push(row.map_err(|error| self.in_file(error))?);
        }
        let bytes = self.taken;
        Ok((!rows.is_empty()).then_some(Chunk { rows, bytes }))
    }
}

impl<'a> Tree<'a> {
    fn new(session: &'a Session, options: &'a ImportOptions) -> Self {
        Self {
            session,
            options,
            files: VecDeque::new(),
            open: None,
            begun: Vec::new(),
            kind: None,
            records: Vec::new().into_iter(),
            taken: 0,
            sheets: HashMap::new(),
        }
    }

    /// Opens the next file of a plan; whether there was one.
    fn begin_file(&mut self) -> Result<bool> {
        let Some((name, kind)) = self.files.pop_front() else { return Ok(false) };
        let Some(open) = self.open.as_mut() else { return Ok(false) };
        let records = open(&name).and_then(read).and_then(records_of);
        self.begun.push((self.taken, name));
        self.kind = Some(kind);
        self.records = records.map_err(|error| self.in_file(error))?.into_iter();
        Ok(true)
    }

    /// An error about the file of a plan that is at hand.
    fn in_file(&self, error: Error) -> Error {
        match self.begun.last() {
            Some((_, name)) => error.within(name),
            None => error,
        }
    }

    fn row(&mut self, line: u64, record: &Json) -> Result<Row> {
        let before = self.begun.last().map_or(0, |(before, _)| *before);
        let wrong = |rule: &str| Error::new(Code::InvalidJson).record(line.saturating_sub(before)).rule(rule);
        let members = record.as_object().ok_or_else(|| wrong("a record is an object"))?;
        let attribute = |name: &str| record.pointer(&format!("/attributes/{name}")).and_then(Json::as_str);
        let kind = attribute("type").ok_or_else(|| wrong("a record has attributes with a type"))?;
        if self.kind.as_ref().is_some_and(|planned| fold(planned) != fold(kind)) {
            return Err(wrong("the records of a file are of the type that the plan says"));
        }
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
        let said = self.options.entities.get(kind).map_or(kind, String::as_str);
        let entity = entity_of(&self.session.crm().registry(), said)?;
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

/// A document, no larger than the engine takes one.
fn read<T: DeserializeOwned>(input: impl Read) -> Result<T> {
    let most = u64::try_from(MAX_JSON_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let mut input = input.take(most.saturating_add(1));
    input
        .read_to_end(&mut bytes)
        .map_err(|error| Error::new(Code::Io).rule("reading the file").because(error))?;
    if bytes.len() > MAX_JSON_BYTES {
        return Err(Error::new(Code::LimitExceeded).rule("JSON <= 16 MiB"));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Error::new(Code::InvalidJson).rule(&place)
    })
}

fn records_of(mut document: Map<String, Json>) -> Result<Vec<Json>> {
    match document.remove("records") {
        Some(Json::Array(records)) => Ok(records),
        _ => Err(Error::new(Code::InvalidJson).rule("{records: [...]}")),
    }
}

/// The files of a plan in their order, each with the type of its records.
fn files_of(plan: Vec<Step>) -> Result<VecDeque<(String, String)>> {
    let files = plan.into_iter().flat_map(|step| {
        let kind = step.sobject;
        step.files.into_iter().map(move |name| (name, kind.clone()))
    });
    let files: VecDeque<(String, String)> = files.collect();
    let stays = |name: &str| {
        let mut parts = Path::new(name).components();
        !name.is_empty() && !name.contains('\\') && parts.all(|part| matches!(part, Component::Normal(_)))
    };
    match files.iter().find(|(name, _)| !stays(name)) {
        Some((name, _)) => Err(Error::new(Code::InvalidArgument)
            .field("files")
            .rule("a file in the folder of the plan")
            .value(name)),
        None => Ok(files),
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
        let labels = [&definition.label, entity.label()].into_iter().flat_map(|label| [&label.zh, &label.en]);
        let names = [&entity.api_name, &definition.name].into_iter().chain(labels);
        !entity.is_withdrawn()
            && names.chain(entity.former_names()).chain(&definition.synonyms).any(|name| fold(name) == wanted)
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
