//! The import itself: rows in chunks, each chunk one durable transaction, each row on its own.

use std::collections::HashMap;
use std::io::Read;

use crate::base::{Code, Error, RecordId, Result, Value};
use crate::engine::{Action, Changes, Session, Transaction, Upserted, User, Warning, WriteOptions};
use crate::features::exchange::columns::Columns;
use crate::features::exchange::lines::Lines;
use crate::features::exchange::{ImportOptions, ImportReport, Outcome, Target};
use crate::schema::{EntityType, Field, parse_text};

/// Rows of one transaction. Larger chunks share more of a commit and hold the writer longer.
const CHUNK: usize = 500;
/// What an import is called in the ledger.
const CAUSE: &str = "import.csv";
/// The other system, if the caller does not name it.
const SOURCE: &str = "import";

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
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Import)?;
        let mut rows = Rows::new(input);
        let columns = Columns::find(known, &rows.headings()?, options)?;
        let mut import = Import {
            session: self,
            entity: known.api_name.clone(),
            columns,
            options,
            report: ImportReport::default(),
            resolved: HashMap::new(),
            deferred: Vec::new(),
        };
        let options = || WriteOptions::default().cause(CAUSE);
        let mut transaction = self.begin(options())?;
        while let Some(chunk) = rows.chunk()? {
            let bytes = chunk.bytes;
            let taken = import.take_chunk(&mut transaction, chunk)?;
            // A dry run keeps one transaction to its end, so that later rows find earlier ones.
            if !import.options.dry_run {
                transaction.commit()?;
                transaction = self.begin(options())?;
            }
            taken.into_iter().for_each(|row| import.account_for(row));
            progress(ImportProgress { rows: import.report.read, bytes });
        }
        import.settle_deferred(&mut transaction)?;
        if import.options.dry_run {
            drop(transaction);
        } else {
            transaction.commit()?;
        }
        import.report.rows.sort_by_key(|row| row.line);
        Ok(import.report)
    }
}

/// One row as it stands in the file, or why it cannot be read.
struct Row {
    line: u64,
    cells: Result<Vec<String>>,
}

/// Rows that go into one transaction.
struct Chunk {
    rows: Vec<Row>,
    bytes: u64,
}

struct Rows<R> {
    reader: csv::Reader<Lines<R>>,
    record: csv::ByteRecord,
}

impl<R: Read> Rows<R> {
    fn new(input: R) -> Self {
        let reader = csv::ReaderBuilder::new().flexible(true).from_reader(Lines::new(input));
        Self { reader, record: csv::ByteRecord::new() }
    }

    fn headings(&mut self) -> Result<Vec<String>> {
        let unreadable = |rule: &str| Error::new(Code::InvalidCsv).record(1).rule(rule);
        let headings = self.reader.byte_headers().map_err(|error| unreadable("headings").because(error))?;
        let texts = headings.iter().map(|cell| std::str::from_utf8(cell).map(|text| text.trim().to_owned()));
        let mut texts: Vec<String> =
            texts.collect::<Result<_, _>>().map_err(|_| Error::new(Code::InvalidUtf8).record(1))?;
        if let Some(first) = texts.first_mut() {
            *first = first.trim_start_matches('\u{feff}').to_owned();
        }
        if texts.is_empty() {
            return Err(unreadable("the file is empty"));
        }
        Ok(texts)
    }

    fn chunk(&mut self) -> Result<Option<Chunk>> {
        let width = self.reader.byte_headers().map(csv::ByteRecord::len).unwrap_or(0);
        let mut rows = Vec::new();
        while rows.len() < CHUNK {
            let more = self
                .reader
                .read_byte_record(&mut self.record)
                .map_err(|error| Error::new(Code::Io).rule("reading the file").because(error))?;
            if !more {
                break;
            }
            let begin = self.record.position().map_or(0, csv::Position::byte);
            let line = self.reader.get_mut().line_at(begin);
            rows.push(Row { line, cells: cells(&self.record, width) });
        }
        let bytes = self.reader.position().byte();
        Ok((!rows.is_empty()).then_some(Chunk { rows, bytes }))
    }
}

fn cells(record: &csv::ByteRecord, width: usize) -> Result<Vec<String>> {
    if record.len() != width {
        let rule = format!("{width} columns, not {}", record.len());
        return Err(Error::new(Code::InvalidCsv).rule(&rule));
    }
    let texts = record.iter().map(|cell| String::from_utf8(cell.to_vec()));
    texts.collect::<Result<_, _>>().map_err(|_| Error::new(Code::InvalidUtf8))
}

/// What one row comes to within its transaction.
struct Taken {
    line: u64,
    upserted: Upserted,
    warnings: Vec<Error>,
    said: Vec<Warning>,
}

struct Import<'a> {
    session: &'a Session,
    entity: String,
    columns: Columns,
    options: &'a ImportOptions,
    report: ImportReport,
    /// References found before, by entity and folded title.
    resolved: HashMap<(String, String), RecordId>,
    /// References to rows of this file that may stand further down.
    deferred: Vec<Deferred>,
}

/// A reference that is looked up again when the whole file has been read.
struct Deferred {
    line: u64,
    record: RecordId,
    field: Field,
    entity: String,
    cell: String,
}

impl Import<'_> {
    fn take_chunk(&mut self, transaction: &mut Transaction<'_>, chunk: Chunk) -> Result<Vec<Taken>> {
        let mut taken = Vec::new();
        for row in chunk.rows {
            self.session.patience().check()?;
            self.report.read += 1;
            let before = transaction.savepoint();
            let outcome = row.cells.and_then(|cells| self.take_row(transaction, row.line, &cells));
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
            let settled = self.resolve(transaction, &late.entity, &late.field.api_name, &late.cell);
            let changed = settled.and_then(|found| {
                let changes = Changes::new().set(late.field.api_name.as_str(), found);
                transaction.update_record(&self.entity, late.record, changes)
            });
            match changed {
                Ok(_) => {}
                Err(error) if is_about_the_row(&error) => {
                    self.report.taken = self.report.taken.saturating_sub(1);
                    self.report.warned += 1;
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
        let locale = self.session.locale();
        for warning in &row.warnings {
            self.report.remark(row.line, Outcome::TakenWithWarning, warning, locale);
        }
        for warning in &row.said {
            let error = Error::new(Code::PluginRejected).field(&warning.field).said(warning.message.clone());
            self.report.remark(row.line, Outcome::TakenWithWarning, &error, locale);
        }
    }

    /// One row: all of it or nothing, within the chunk's transaction.
    fn take_row(&mut self, transaction: &mut Transaction<'_>, line: u64, cells: &[String]) -> Result<Taken> {
        let mut changes = Changes::new();
        let mut warnings = Vec::new();
        let mut late = Vec::new();
        let currency = self.session.crm().settings().currency()?;
        for (number, cell) in cells.iter().enumerate() {
            let Some((heading, target)) = self.columns.targets.get(number).cloned() else { continue };
            match target {
                Target::Nothing => {}
                Target::Field(field) => {
                    changes = changes.set(field.api_name.as_str(), parse_text(&field, cell, currency)?)
                }
                Target::Owner => {
                    if let Some(owner) = self.resolve(transaction, User::NAME, "owner", cell)? {
                        changes = changes.owner(owner);
                    }
                }
                Target::Reference(field, entity) => match self.refer(transaction, &field, &entity, cell) {
                    Ok(found) => changes = changes.set(field.api_name.as_str(), found),
                    Err(error) if error.code() == Code::ReferenceMissing && entity == self.entity => {
                        late.push((field, entity, cell.clone()));
                    }
                    Err(error) if error.code() == Code::ReferenceMissing && !field.definition.required => {
                        warnings.push(error.rule(&heading));
                    }
                    Err(error) => return Err(error),
                },
            }
        }
        let key = self.columns.key.and_then(|key| cells.get(key)).map(|key| key.trim().to_owned());
        let upserted = self.upsert(transaction, key.filter(|key| !key.is_empty()), changes);
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
        key: Option<String>,
        changes: Changes,
    ) -> Result<Upserted> {
        let source = if self.options.source.is_empty() { SOURCE } else { &self.options.source };
        match key {
            Some(key) => match self.by_unique_title(transaction, &key)? {
                Some(id) => transaction.update_record(&self.entity, id, changes.external_id(source, &key)),
                None => transaction.upsert_record(&self.entity, source, &key, changes),
            },
            None => transaction.create_record(&self.entity, changes).map(Upserted::Created),
        }
    }

    /// A record that stands already under a unique title is the row's record, whoever made it.
    fn by_unique_title(&self, transaction: &Transaction<'_>, key: &str) -> Result<Option<RecordId>> {
        let reader = transaction.reader();
        let entity = reader.registry().entity(&self.entity)?;
        if !entity.title()?.definition.unique {
            return Ok(None);
        }
        Ok(reader.find_by_title(&self.entity, key)?.first().copied())
    }

    fn refer(
        &mut self,
        transaction: &mut Transaction<'_>,
        field: &Field,
        entity: &str,
        cell: &str,
    ) -> Result<Value> {
        Ok(self.resolve(transaction, entity, &field.api_name, cell)?.into())
    }

    /// The record that a cell names by its title; `None` for an empty cell.
    fn resolve(
        &mut self,
        transaction: &mut Transaction<'_>,
        entity: &str,
        field: &str,
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
        let found = transaction.reader().find_by_title(entity, title)?;
        let fault = |code| Error::new(code).entity(&self.entity).field(field).value(title);
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
