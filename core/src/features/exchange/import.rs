//! The import itself: rows in chunks, each chunk one durable transaction, each row on its own.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use crate::base::{Code, Error, RecordId, Result, Value};
use crate::engine::{Action, Changes, Session, Transaction, Upserted, User, Warning, WriteOptions};
use crate::features::exchange::columns::Columns;
use crate::features::exchange::csv_rows::Rows;
use crate::features::exchange::{ImportOptions, ImportReport, Outcome, Target};
use crate::schema::{EntityType, Field, parse_text};

/// Rows of one transaction. Larger chunks share more of a commit and hold the writer longer.
pub(super) const CHUNK: usize = 500;
/// The other system, if the caller does not name it.
const SOURCE: &str = "import";
/// What stands before a key of the other system where a title could be meant.
const KEY_MARK: char = '@';

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportProgress {
    /// Rows read so far.
    pub rows: u64,
    /// Bytes of the file read so far.
    pub bytes: u64,
}

/// The columns of a file, and where each would go: heading and field.
///
/// # Errors
/// `input.invalid_csv`, `schema.unknown_field`.
pub fn preview_csv(
    session: &Session,
    entity: &str,
    input: impl Read,
    options: &ImportOptions,
) -> Result<Vec<(String, Target)>> {
    let mut rows = Rows::new(input);
    let headings = rows.headings()?;
    let registry = session.crm().registry();
    Ok(Columns::find(registry.entity(entity)?, &headings, options)?.targets)
}

impl Session {
    /// Reads records of one entity from CSV (RFC 4180, UTF-8 with or without byte order mark). Each row
    /// is taken or rejected by itself; every chunk of 500 rows is durable before the next begins.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to import; `input.invalid_csv` for a file without
    /// usable headings; `engine.cancelled` and `engine.deadline_exceeded` between rows, after which what
    /// was committed stays; `storage.io`.
    pub fn import_csv(
        &self,
        entity: &str,
        input: impl Read,
        options: &ImportOptions,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<ImportReport> {
        let mut rows = Rows::new(input);
        let sheet = Sheet::of(self, entity, &rows.headings()?, options)?;
        Import::new(self, options, "import.csv").run(rows.on(sheet), progress)
    }
}

/// Where the columns of some rows go.
pub(super) struct Sheet {
    entity: String,
    columns: Columns,
}

impl Sheet {
    /// The columns of headings, for whoever may import the entity.
    pub fn of(session: &Session, entity: &str, headings: &[String], options: &ImportOptions) -> Result<Self> {
        let registry = session.crm().registry();
        let known = registry.entity(entity)?;
        session.check_may(&known.api_name, Action::Import)?;
        Ok(Self { entity: known.api_name.clone(), columns: Columns::find(known, headings, options)? })
    }
}

/// One row as it stands in the file, or why it cannot be read.
pub(super) struct Row {
    /// Line of the file, or number of the record over all files, from 1.
    pub line: u64,
    pub sheet: Arc<Sheet>,
    pub cells: Result<Vec<String>>,
}

/// Rows that go into one transaction.
pub(super) struct Chunk {
    pub rows: Vec<Row>,
    /// How far the file has been read.
    pub bytes: u64,
}

/// What rows are read from.
pub(super) trait Source {
    /// The next rows, as many as go into one transaction; nothing at the end.
    fn chunk(&mut self) -> Result<Option<Chunk>>;
}

/// What one row comes to within its transaction.
struct Taken {
    line: u64,
    upserted: Upserted,
    warnings: Vec<Error>,
    said: Vec<Warning>,
}

pub(super) struct Import<'a> {
    session: &'a Session,
    options: &'a ImportOptions,
    /// What it is called in the ledger.
    cause: &'static str,
    report: ImportReport,
    /// References found before, by entity and folded title.
    resolved: HashMap<(String, String), RecordId>,
    /// References to rows of this file that may stand further down.
    deferred: Vec<Deferred>,
    /// Lines of the rows that were taken with a warning.
    warned: HashSet<u64>,
}

/// A reference that is looked up again when the whole file has been read.
struct Deferred {
    line: u64,
    record: RecordId,
    field: Field,
    entity: String,
    cell: String,
}

impl<'a> Import<'a> {
    pub fn new(session: &'a Session, options: &'a ImportOptions, cause: &'static str) -> Self {
        Self {
            session,
            options,
            cause,
            report: ImportReport::default(),
            resolved: HashMap::new(),
            deferred: Vec::new(),
            warned: HashSet::new(),
        }
    }

    /// Takes all rows in.
    pub fn run(
        mut self,
        mut rows: impl Source,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<ImportReport> {
        let mut transaction = self.session.begin(WriteOptions::default().cause(self.cause))?;
        while let Some(chunk) = rows.chunk()? {
            let bytes = chunk.bytes;
            let taken = self.take_chunk(&mut transaction, chunk)?;
            // A dry run keeps one transaction to its end, so that later rows find earlier ones.
            if !self.options.dry_run {
                transaction.commit()?;
                transaction = self.session.begin(WriteOptions::default().cause(self.cause))?;
            }
            taken.into_iter().for_each(|row| self.account_for(row));
            progress(ImportProgress { rows: self.report.read, bytes });
        }
        self.settle_deferred(&mut transaction)?;
        if self.options.dry_run {
            drop(transaction);
        } else {
            transaction.commit()?;
        }
        self.report.rows.sort_by_key(|row| row.line);
        Ok(self.report)
    }

    fn take_chunk(&mut self, transaction: &mut Transaction<'_>, chunk: Chunk) -> Result<Vec<Taken>> {
        let mut taken = Vec::new();
        for row in chunk.rows {
            self.session.patience().check()?;
            self.report.read += 1;
            let before = transaction.savepoint();
            let outcome =
                row.cells.and_then(|cells| self.take_row(transaction, row.line, &row.sheet, &cells));
            match outcome {
                Ok(row) => taken.push(row),
                Err(error) if is_about_the_row(&error) => {
                    transaction.roll_back_to(before);
                    // A record that the row created for a reference is gone with the row.
                    self.resolved.clear();
                    self.report.rejected += 1;
                    self.report.remark(row.line, Outcome::Rejected, &error, self.session.locale());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    /// Looks references up again that named rows further down.
    fn settle_deferred(&mut self, transaction: &mut Transaction<'_>) -> Result<()> {
        for late in std::mem::take(&mut self.deferred) {
            let place = (late.entity.as_str(), late.field.api_name.as_str());
            let settled = self.resolve(transaction, &late.entity, place, &late.cell);
            let changed = settled.and_then(|found| {
                let changes = Changes::new().set(late.field.api_name.as_str(), found);
                transaction.update_record(&late.entity, late.record, changes)
            });
            match changed {
                Ok(_) => {}
                Err(error) if is_about_the_row(&error) => {
                    // A row that was warned of before counts once.
                    if self.warned.insert(late.line) {
                        self.report.taken = self.report.taken.saturating_sub(1);
                        self.report.warned += 1;
                    }
                    let locale = self.session.locale();
                    self.report.remark(late.line, Outcome::TakenWithWarning, &error, locale);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn account_for(&mut self, row: Taken) {
        match row.upserted {
            Upserted::Created(_) => self.report.created += 1,
            Upserted::Updated(_) => self.report.updated += 1,
            Upserted::Unchanged(_) => self.report.unchanged += 1,
        }
        if row.warnings.is_empty() && row.said.is_empty() {
            self.report.taken += 1;
            return;
        }
        self.report.warned += 1;
        self.warned.insert(row.line);
        let locale = self.session.locale();
        for warning in &row.warnings {
            self.report.remark(row.line, Outcome::TakenWithWarning, warning, locale);
        }
        for warning in &row.said {
            let error = Error::new(warning.code).field(&warning.field).said(warning.message.clone());
            self.report.remark(row.line, Outcome::TakenWithWarning, &error, locale);
        }
    }

    /// One row: all of it or nothing, within the chunk's transaction.
    fn take_row(
        &mut self,
        transaction: &mut Transaction<'_>,
        line: u64,
        sheet: &Sheet,
        cells: &[String],
    ) -> Result<Taken> {
        let mut changes = Changes::new();
        let mut warnings = Vec::new();
        let mut late = Vec::new();
        let currency = self.session.crm().settings().currency()?;
        for (cell, (heading, target)) in cells.iter().zip(&sheet.columns.targets) {
            let cell = if self.options.null_text.as_ref() == Some(cell) { "" } else { cell.as_str() };
            match target {
                Target::Nothing => {}
                Target::Field(field) => {
                    changes = changes.set(field.api_name.as_str(), parse_text(field, cell, currency)?)
                }
                Target::Translation(field, locale) => {
                    let text = Some(cell.trim()).filter(|text| !text.is_empty());
                    changes = changes.translate(field.api_name.as_str(), locale, text);
                }
                Target::Owner => {
                    let place = (sheet.entity.as_str(), "owner");
                    if let Some(owner) = self.resolve(transaction, User::NAME, place, cell)? {
                        changes = changes.owner(owner);
                    }
                }
                Target::Reference(field, entity) => {
                    let place = (sheet.entity.as_str(), field.api_name.as_str());
                    match self.resolve(transaction, entity, place, cell) {
                        Ok(found) => changes = changes.set(field.api_name.as_str(), Value::from(found)),
                        Err(error) if error.code() == Code::ReferenceMissing && self.is_of(sheet, entity) => {
                            late.push((field.clone(), entity.clone(), cell.to_owned()));
                        }
                        Err(error) if error.code() == Code::ReferenceMissing && !field.is_required() => {
                            warnings.push(error.rule(heading));
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        let key = sheet.columns.key.and_then(|key| cells.get(key)).map(|key| key.trim().to_owned());
        let upserted = self.upsert(transaction, &sheet.entity, key.filter(|key| !key.is_empty()), changes);
        let said = transaction.take_warnings();
        let upserted = upserted?;
        let record = upserted.id();
        let late =
            late.into_iter().map(|(field, entity, cell)| Deferred { line, record, field, entity, cell });
        self.deferred.extend(late);
        Ok(Taken { line, upserted, warnings, said })
    }

    fn upsert(
        &self,
        transaction: &mut Transaction<'_>,
        entity: &str,
        key: Option<String>,
        changes: Changes,
    ) -> Result<Upserted> {
        let source = self.source();
        match key {
            Some(key) => match self.by_unique_title(transaction, entity, &key)? {
                Some(id) => transaction.update_record(entity, id, changes.external_id(source, &key)),
                None => transaction.upsert_record(entity, source, &key, changes),
            },
            None => transaction.create_record(entity, changes).map(Upserted::Created),
        }
    }

    /// The name of the other system.
    fn source(&self) -> &str {
        if self.options.source.is_empty() { SOURCE } else { &self.options.source }
    }

    /// A record that stands already under a unique title is the row's record, whoever made it.
    fn by_unique_title(
        &self,
        transaction: &Transaction<'_>,
        entity: &str,
        key: &str,
    ) -> Result<Option<RecordId>> {
        let reader = transaction.reader();
        if !reader.registry().entity(entity)?.title()?.definition.unique {
            return Ok(None);
        }
        Ok(reader.find_by_title(entity, key)?.first().copied())
    }

    /// The record that a cell names by its title, or by its key in the other system; `None` for an empty cell.
    /// `place` is the entity and field that refer.
    fn resolve(
        &mut self,
        transaction: &mut Transaction<'_>,
        entity: &str,
        (of, field): (&str, &str),
        cell: &str,
    ) -> Result<Option<RecordId>> {
        let said = cell.trim();
        let title = self.options.aliases.get(said).map_or(said, String::as_str);
        if title.is_empty() {
            return Ok(None);
        }
        let place = (entity.to_owned(), crate::base::fold(title));
        if let Some(known) = self.resolved.get(&place) {
            return Ok(Some(*known));
        }
        let found = self.named(transaction, entity, title)?;
        let fault = |code| Error::new(code).entity(of).field(field).value(title);
        let id = match found.as_slice() {
            [] if self.options.create_missing.iter().any(|name| name == field) => {
                self.create_reference(transaction, entity, title)?
            }
            [] => return Err(fault(Code::ReferenceMissing)),
            [id] => *id,
            _ => return Err(fault(Code::ReferenceAmbiguous)),
        };
        self.resolved.insert(place, id);
        Ok(Some(id))
    }

    /// The records that a text may mean.
    fn named(&self, transaction: &Transaction<'_>, entity: &str, text: &str) -> Result<Vec<RecordId>> {
        let reader = transaction.reader();
        let by_key = |key: &str| -> Result<Vec<RecordId>> {
            let found = reader.find_by_external_id(entity, self.source(), key)?;
            Ok(found.into_iter().map(|row| row.record.id).collect())
        };
        if let Some(key) = text.strip_prefix(KEY_MARK) {
            let found = by_key(key)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let found = reader.find_by_title(entity, text)?;
        if found.is_empty() { by_key(text) } else { Ok(found) }
    }

    /// Whether a reference leads to the entity of the sheet itself, by whatever name of it.
    fn is_of(&self, sheet: &Sheet, entity: &str) -> bool {
        let registry = self.session.crm().registry();
        registry.entity(entity).is_ok_and(|known| known.api_name == sheet.entity)
    }

    fn create_reference(
        &self,
        transaction: &mut Transaction<'_>,
        entity: &str,
        title: &str,
    ) -> Result<RecordId> {
        let registry = self.session.crm().registry();
        let name = registry.entity(entity)?.title()?.api_name.clone();
        transaction.create_record(entity, Changes::new().set(name, title))
    }
}

/// Whether an error speaks of the row, so that the others may still go in.
fn is_about_the_row(error: &Error) -> bool {
    !matches!(
        error.code(),
        Code::Io
            | Code::Stopped
            | Code::Damaged
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::SessionEnded
            | Code::Panic
    )
}
