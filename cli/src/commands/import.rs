//! `guanxi import`: records of one entity from a CSV file, or of any from a tree in JSON or a plan of several,
//! with every row accounted for.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Cursor, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use guanxi::features::exchange::{ImportOptions, ImportProgress, ImportReport, Outcome, RowReport};
use guanxi::{Code, Error, Result, Session};
use serde_json::{Value as Json, json};

use crate::arguments::{cut_at_first, cut_at_last};
use crate::exit::Ended;
use crate::host::Host;
use crate::table::Table;
use crate::{output, progress};

/// The file name that stands for standard input.
const STANDARD_INPUT: &str = "-";
/// The entity that stands for those that a tree in JSON names.
const ANY_ENTITY: &str = "tree";
/// Most reasons that are shown.
const MOST_REASONS: usize = 20;
/// Most lines that are named for one reason.
const MOST_LINES: usize = 3;

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Import {
    /// Directory of the database
    path: PathBuf,
    /// Entity of the records; `tree` where the file is a tree in JSON, whose records name their types, or a plan of
    /// such trees
    entity: String,
    /// CSV file in UTF-8 with headings, or tree in JSON; `-` is standard input. The files that a plan names are beside
    /// it
    file: PathBuf,
    /// Field of a column whose heading does not say it; the field `-` leaves the column out
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = cut_at_last, allow_hyphen_values = true)]
    map: Vec<(String, String)>,
    /// Column that identifies a row, so that the same file read again changes nothing; the title if not said
    #[arg(long, value_name = "COLUMN")]
    key: Option<String>,
    /// Name of the system that the key belongs to
    #[arg(long, value_name = "NAME", default_value = "")]
    source: String,
    /// Another spelling of a reference: what the file says, and what it means
    #[arg(long, value_name = "SAID=MEANT", value_parser = cut_at_first)]
    alias: Vec<(String, String)>,
    /// Reference field whose records are created when none has the title
    #[arg(long, value_name = "FIELD")]
    create_missing: Vec<String>,
    /// Entity of a type that a tree names, where several entities, or none, have that name
    #[arg(long, value_name = "TYPE=ENTITY", value_parser = cut_at_first)]
    entity_of: Vec<(String, String)>,
    /// A text that stands for no value
    #[arg(long, value_name = "TEXT")]
    null: Option<String>,
    /// Check everything, and leave nothing behind
    #[arg(long)]
    dry_run: bool,
    /// CSV file to write with line, outcome, field, reason and message of each warning and rejection
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

impl Import {
    /// Imports the file.
    ///
    /// # Errors
    /// `storage.io` for the files; those of `Session::import_csv`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let (input, length) = self.open_input()?;
        let rejects = self.rejects.as_deref().map(|path| self.create_rejects(path)).transpose()?;
        let session = host.session(&self.path)?;
        let options = ImportOptions {
            mapping: self.map.iter().cloned().collect(),
            key: self.key.clone(),
            source: self.source.clone(),
            aliases: self.alias.iter().cloned().collect(),
            create_missing: self.create_missing.clone(),
            entities: self.entity_of.iter().cloned().collect(),
            null_text: self.null.clone(),
            dry_run: self.dry_run,
        };
        let bar = progress::bar(length);
        let mut tell = |so_far: ImportProgress| {
            bar.set_position(so_far.bytes);
            bar.set_message(so_far.rows.to_string());
        };
        let report = match self.entity.as_str() {
            ANY_ENTITY => self.import_trees(&session, input, &options, &mut tell),
            entity => session.import_csv(entity, input, &options, &mut tell),
        };
        bar.finish_and_clear();
        let report = report?;
        if let Some(file) = rejects {
            report.write_csv(BufWriter::new(file))?;
        }
        self.tell(host, &report)?;
        Ok(if report.rejected > 0 { Ended::DoneInPart } else { Ended::Done })
    }

    /// Imports a tree, which is an object, or the trees of a plan, which is a list.
    fn import_trees(
        &self,
        session: &Session,
        mut input: Box<dyn Read>,
        options: &ImportOptions,
        tell: &mut dyn FnMut(ImportProgress),
    ) -> Result<ImportReport> {
        let mut begun = Vec::new();
        let failed = |error| io_error("file", &self.file, error);
        while begun.last().is_none_or(u8::is_ascii_whitespace) {
            if input.by_ref().take(1).read_to_end(&mut begun).map_err(failed)? == 0 {
                break;
            }
        }
        let is_plan = begun.last() == Some(&b'[');
        let input = Cursor::new(begun).chain(input);
        if !is_plan {
            return session.import_tree(input, options, tell);
        }
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let mut open = |name: &str| -> Result<Box<dyn Read>> {
            let path = folder.join(name);
            let file = File::open(&path).map_err(|error| io_error("file", &path, error))?;
            Ok(Box::new(file))
        };
        session.import_plan(input, &mut open, options, tell)
    }

    /// The input, and its length in bytes as far as it is known.
    fn open_input(&self) -> Result<(Box<dyn Read>, u64)> {
        if self.file == Path::new(STANDARD_INPUT) {
            return Ok((Box::new(io::stdin()), 0));
        }
        let failed = |error| io_error("file", &self.file, error);
        let file = File::open(&self.file).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Ok((Box::new(file), length))
    }

    /// Creates the file of reasons before the work begins, for it would be lost if that failed later.
    fn create_rejects(&self, path: &Path) -> Result<File> {
        let is_input = || Some(fs::canonicalize(path).ok()? == fs::canonicalize(&self.file).ok()?);
        if is_input() == Some(true) {
            let rule = "another file than the one that is read";
            return Err(Error::new(Code::InvalidArgument).field("rejects").rule(rule));
        }
        File::create(path).map_err(|error| io_error("rejects", path, error))
    }

    fn tell(&self, host: &Host, report: &ImportReport) -> Result<()> {
        let reasons = reasons_of(report);
        if host.wants_json() {
            return output::json(&report_to_json(report, &reasons));
        }
        let counts = counts_of(report).map(|(name, count)| format!("{name} {count}"));
        output::line(&counts.join(", "))?;
        if self.dry_run {
            output::line("dry run: nothing was kept")?;
        }
        if reasons.is_empty() {
            return Ok(());
        }
        output::line("")?;
        let mut table = Table::new(["outcome", "field", "reason", "rows", "lines", "example"]);
        for reason in reasons.iter().take(MOST_REASONS) {
            let (rows, lines) = (reason.rows.to_string(), reason.lines_in_words());
            let first = reason.first;
            table.push([first.outcome.name(), &first.field, first.reason, &rows, &lines, &first.message]);
        }
        table.write(io::stdout().lock())?;
        match reasons.len().saturating_sub(MOST_REASONS) {
            0 => Ok(()),
            more => output::line(&format!("{more} more reasons; --rejects writes them all to a file")),
        }
    }
}

fn io_error(field: &str, path: &Path, error: io::Error) -> Error {
    Error::new(Code::Io).field(field).value(&path.to_string_lossy()).because(error)
}

/// What went wrong in the same way in one or more rows.
struct Reason<'report> {
    first: &'report RowReport,
    rows: usize,
    lines: Vec<u64>,
}

impl Reason<'_> {
    fn lines_in_words(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(u64::to_string).collect();
        let more = if self.rows > lines.len() { ", …" } else { "" };
        lines.join(", ") + more
    }
}

/// The reasons, rejections before warnings, and the most frequent first.
fn reasons_of(report: &ImportReport) -> Vec<Reason<'_>> {
    let mut found: BTreeMap<(&str, &str, &str), Reason<'_>> = BTreeMap::new();
    for row in &report.rows {
        let reason = found.entry((row.outcome.name(), &row.field, row.reason)).or_insert_with(|| Reason {
            first: row,
            rows: 0,
            lines: Vec::new(),
        });
        reason.rows = reason.rows.saturating_add(1);
        if reason.lines.len() < MOST_LINES {
            reason.lines.push(row.line);
        }
    }
    let mut reasons: Vec<Reason<'_>> = found.into_values().collect();
    reasons.sort_by_key(|reason| (reason.first.outcome != Outcome::Rejected, std::cmp::Reverse(reason.rows)));
    reasons
}

fn counts_of(report: &ImportReport) -> [(&'static str, u64); 7] {
    [
        ("read", report.read),
        ("taken", report.taken),
        ("warned", report.warned),
        ("rejected", report.rejected),
        ("created", report.created),
        ("updated", report.updated),
        ("unchanged", report.unchanged),
    ]
}

/// The shape of `import.csv`, with the reasons put together as `reasons`.
fn report_to_json(report: &ImportReport, reasons: &[Reason<'_>]) -> Json {
    let row_to_json = |row: &RowReport| {
        let mut told = json!({
            "line": row.line,
            "outcome": row.outcome.name(),
            "field": row.field,
            "reason": row.reason,
            "message": row.message,
        });
        if let (Some(members), Some(file)) = (told.as_object_mut(), &row.file) {
            members.insert("file".to_owned(), json!(file));
        }
        told
    };
    let reasons = reasons.iter().map(|reason| {
        let first = reason.first;
        json!({
            "outcome": first.outcome.name(),
            "field": first.field,
            "reason": first.reason,
            "rows": reason.rows,
            "lines": reason.lines,
            "example": first.message,
        })
    });
    let counts = counts_of(report).into_iter().map(|(name, count)| (name.to_owned(), json!(count)));
    let lists = [
        ("reasons".to_owned(), reasons.collect()),
        ("rows".to_owned(), report.rows.iter().map(row_to_json).collect()),
    ];
    Json::Object(counts.chain(lists).collect())
}
