//! What became of each row, and the file that says so.

use std::io::Write;

use crate::base::{Code, Error, Locale, Result};

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It stands as the file has it.
    Taken,
    /// It stands, but a person should look at it.
    TakenWithWarning,
    /// Nothing of it stands.
    Rejected,
}

impl Outcome {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::TakenWithWarning => "taken_with_warning",
            Self::Rejected => "rejected",
        }
    }
}

/// One thing about one row that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowReport {
    /// The file, where a plan named several.
    pub file: Option<String>,
    /// Line of the file, from 1, where the row begins.
    pub line: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// The field or column.
    pub field: String,
    /// The stable key of the reason.
    pub reason: &'static str,
    /// The reason for people.
    pub message: String,
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Rows read.
    pub read: u64,
    /// Rows taken as they are.
    pub taken: u64,
    /// Rows taken with a warning.
    pub warned: u64,
    /// Rows rejected.
    pub rejected: u64,
    /// Of the rows taken, those that made a record.
    pub created: u64,
    /// Of the rows taken, those that changed a record.
    pub updated: u64,
    /// Of the rows taken, those that stood so already.
    pub unchanged: u64,
    /// Warnings and rejections, in the order of the file.
    pub rows: Vec<RowReport>,
}

impl ImportReport {
    pub(super) fn remark(&mut self, line: u64, outcome: Outcome, error: &Error, locale: Locale) {
        self.rows.push(RowReport {
            file: None,
            line,
            outcome,
            field: error.field_name().unwrap_or_default().to_owned(),
            reason: error.code().key(),
            message: error.message(locale),
        });
    }

    /// Writes warnings and rejections as CSV with the columns line, outcome, field, reason, message, and before them
    /// the file, where a plan named several.
    /// Cells that a spreadsheet would take for a formula begin with an apostrophe (OWASP, CSV injection).
    ///
    /// # Errors
    /// `storage.io`.
    pub fn write_csv(&self, output: impl Write) -> Result<()> {
        let failed = |error: csv::Error| Error::new(Code::Io).because(error);
        let mut writer = csv::Writer::from_writer(output);
        let of_plan = self.rows.iter().any(|row| row.file.is_some());
        let skipped = usize::from(!of_plan);
        let headings = ["file", "line", "outcome", "field", "reason", "message"];
        writer.write_record(headings.iter().skip(skipped)).map_err(failed)?;
        for row in &self.rows {
            let (file, line) = (row.file.as_deref().unwrap_or_default(), row.line.to_string());
            let cells = [file, &line, row.outcome.name(), &row.field, row.reason, &row.message];
            writer.write_record(cells.map(harmless).iter().skip(skipped)).map_err(failed)?;
        }
        writer.flush()?;
        Ok(())
    }
}

fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}
