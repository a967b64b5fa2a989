//! The report of compliance: sections of one form, which a host writes as JSON, CSV or Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use super::sections::SECTIONS;
use crate::base::{Code, Error, Label, Locale, Result, Timestamp};
use crate::engine::{Action, Session};

/// Most rows of a section.
pub(super) const MAX_ROWS: usize = 1_000;
/// Days without a sign-in, if nothing is said.
const INACTIVE_DAYS: u32 = 90;
/// Days of the period, if nothing is said.
const PERIOD_DAYS: i64 = 30;
const DAY: i64 = 86_400_000_000;

/// What is reported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportRequest {
    /// From this moment on; the last thirty days if nothing is said.
    pub from: Option<Timestamp>,
    /// Before this moment; up to now if nothing is said.
    pub until: Option<Timestamp>,
    /// From how many days without a sign-in on a user is told; 90 if it is 0.
    pub inactive_days: u32,
    /// These sections alone, by code; all of them if none is named.
    pub sections: Vec<String>,
    /// Where sections of the call before stopped, by code; others begin anew.
    pub after: BTreeMap<String, String>,
    /// Most rows of a section, up to 1,000; 0 means that.
    pub limit: usize,
}

/// What stands in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The stable code.
    pub code: &'static str,
    /// What people read.
    pub label: Label,
}

/// What stands in a row under a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A code, a name, an id or a moment.
    Text(String),
    /// How many.
    Count(u64),
}

/// One part of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSection {
    /// The stable code.
    pub code: &'static str,
    /// What people read.
    pub label: Label,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
    /// Where to go on, if there is more.
    pub next: Option<String>,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplianceReport {
    /// When it was made.
    pub at: Timestamp,
    /// From which moment on it tells what was done.
    pub from: Timestamp,
    /// Before which moment.
    pub until: Timestamp,
    /// Its sections.
    pub sections: Vec<ReportSection>,
}

/// What a section is made from.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub from: Timestamp,
    pub until: Timestamp,
    pub inactive_since: Timestamp,
    pub limit: usize,
    /// Where the section goes on.
    pub after: Option<String>,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl Cell {
    fn to_json(&self) -> Json {
        match self {
            Self::Empty => Json::Null,
            Self::Text(text) => json!(text),
            Self::Count(count) => json!(count),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
        }
    }
}

impl Session {
    /// The report of compliance: requests that are not answered, deletions that are overdue, exports, changes of rights, administrators, roles that
    /// nobody has, users who do not sign in, shares without an end, personal fields without a purpose, consents that were
    /// withdrawn, processors without a contract, and what is held. It takes the right to administer everything. A
    /// section that walks over much stops at its bound and says where to go on.
    ///
    /// # Errors
    /// `access.not_permitted`; `input.invalid_argument` for a section that there is not, and for a period that ends before
    /// it begins; `input.invalid_cursor`; those of lists and of the ledger.
    pub fn compliance_report(&self, request: &ReportRequest) -> Result<ComplianceReport> {
        self.check_may("sys.role", Action::Administer)?;
        let now = self.crm().now();
        let until = request.until.unwrap_or(now);
        let usual = until.micros().saturating_sub(PERIOD_DAYS.saturating_mul(DAY));
        let from = request.from.unwrap_or(Timestamp::from_micros(usual));
        if from > until {
            return Err(Error::new(Code::InvalidArgument).field("from").rule("not later than until"));
        }
        check_names(request.sections.iter().chain(request.after.keys()))?;
        let days = if request.inactive_days == 0 { INACTIVE_DAYS } else { request.inactive_days };
        let inactive = now.micros().saturating_sub(i64::from(days).saturating_mul(DAY));
        let limit = if request.limit == 0 { MAX_ROWS } else { request.limit.min(MAX_ROWS) };
        let wanted =
            |code: &str| request.sections.is_empty() || request.sections.iter().any(|one| one == code);
        let sections = SECTIONS.iter().filter(|section| wanted(section.code)).map(|section| {
            let scope = Scope {
                from,
                until,
                inactive_since: Timestamp::from_micros(inactive),
                limit,
                after: request.after.get(section.code).cloned(),
            };
            section.make(self, &scope)
        });
        Ok(ComplianceReport { at: now, from, until, sections: sections.collect::<Result<_>>()? })
    }
}

fn check_names<'n>(mut names: impl Iterator<Item = &'n String>) -> Result<()> {
    match names.find(|name| SECTIONS.iter().all(|section| section.code != name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Error::new(Code::InvalidArgument)
            .field("sections")
            .rule("a section of the report")
            .value(name)),
    }
}

impl ComplianceReport {
    /// As JSON, with labels in both languages.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let sections = self.sections.iter().map(|section| {
            let rows = section.rows.iter().map(|row| {
                let cells = section.columns.iter().zip(row);
                Json::Object(cells.map(|(column, cell)| (column.code.to_owned(), cell.to_json())).collect())
            });
            json!({
                "code": section.code,
                "label": label_to_json(&section.label),
                "columns": section.columns.iter()
                    .map(|column| json!({"code": column.code, "label": label_to_json(&column.label)}))
                    .collect::<Vec<_>>(),
                "rows": rows.collect::<Vec<_>>(),
                "after": section.next,
            })
        });
        json!({
            "at": self.at.to_string(),
            "from": self.from.to_string(),
            "until": self.until.to_string(),
            "sections": sections.collect::<Vec<_>>(),
        })
    }

    /// As Markdown: a table for each section.
    #[must_use]
    pub fn to_markdown(&self, locale: Locale) -> String {
        let title = Label::new("个人信息保护合规报告", "Report of compliance");
        let mut text = format!("# {}\n\n{} — {}\n", title.text(locale), self.from, self.until);
        for section in &self.sections {
            let _ = write!(text, "\n## {}\n\n", section.label.text(locale));
            if section.rows.is_empty() {
                text.push_str(Label::new("无。\n", "None.\n").text(locale));
                continue;
            }
            let heads: Vec<String> =
                section.columns.iter().map(|column| escaped(column.label.text(locale))).collect();
            let rules: Vec<&str> = section.columns.iter().map(|_| "---").collect();
            let _ = write!(text, "| {} |\n| {} |\n", heads.join(" | "), rules.join(" | "));
            for row in &section.rows {
                let cells: Vec<String> = row.iter().map(|cell| escaped(&cell.text())).collect();
                let _ = writeln!(text, "| {} |", cells.join(" | "));
            }
            if section.next.is_some() {
                text.push_str(Label::new("\n还有更多。\n", "\nThere is more.\n").text(locale));
            }
        }
        text
    }

    /// As CSV (RFC 4180): of each row the section, and then its cells; a line of headings stands before each section. A
    /// text that a spreadsheet would take for a formula has an apostrophe before it.
    #[must_use]
    pub fn to_csv(&self, locale: Locale) -> String {
        let mut text = String::new();
        for section in &self.sections {
            let heads = section.columns.iter().map(|column| column.label.text(locale).to_owned());
            line(&mut text, std::iter::once(section.label.text(locale).to_owned()).chain(heads));
            for row in &section.rows {
                let cells = row.iter().map(Cell::text);
                line(&mut text, std::iter::once(section.code.to_owned()).chain(cells));
            }
        }
        text
    }
}

fn label_to_json(label: &Label) -> Json {
    let mut words = Map::new();
    for (name, locale) in [("zh", Locale::SimplifiedChinese), ("en", Locale::English)] {
        words.insert(name.to_owned(), json!(label.text(locale)));
    }
    Json::Object(words)
}

/// A text as one cell of a table in Markdown.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(char::is_control, " ").replace('<', "&lt;")
}

/// One line of CSV.
fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    let cells = cells.map(|cell| {
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let cell = if formula { format!("'{cell}") } else { cell };
        if cell.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    text.push_str(&cells.collect::<Vec<_>>().join(","));
    text.push_str("\r\n");
}
