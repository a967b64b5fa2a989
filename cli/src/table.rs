//! Tables in plain text, whose columns stand straight with wide characters, too.

use std::io::Write;

use guanxi::Result;
use serde_json::Value as Json;
use unicode_width::UnicodeWidthStr as _;

use crate::output::visible;

/// What stands between two columns.
const GAP: &str = "  ";

/// A table: headings and rows of cells. A column of figures stands to the right.
#[derive(Debug, Clone)]
pub struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A column as it is drawn.
struct Column {
    width: usize,
    is_figures: bool,
}

impl Table {
    /// A table without rows.
    pub fn new<S: AsRef<str>>(headings: impl IntoIterator<Item = S>) -> Self {
        let headings = headings.into_iter().map(|heading| visible(heading.as_ref())).collect();
        Self { headings, rows: Vec::new() }
    }

    /// Adds a row, whose cells are in the order of the headings.
    pub fn push<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(|cell| visible(cell.as_ref())).collect());
    }

    /// Writes headings, a rule and the rows.
    ///
    /// # Errors
    /// `storage.io`.
    pub fn write(&self, mut output: impl Write) -> Result<()> {
        let columns: Vec<Column> = (0..self.headings.len()).map(|number| self.column(number)).collect();
        let rule: Vec<String> = columns.iter().map(|column| "-".repeat(column.width)).collect();
        for cells in [&self.headings, &rule].into_iter().chain(&self.rows) {
            let cells: Vec<String> =
                cells.iter().zip(&columns).map(|(cell, column)| column.pad(cell)).collect();
            writeln!(output, "{}", cells.join(GAP).trim_end())?;
        }
        Ok(())
    }

    fn column(&self, number: usize) -> Column {
        let cells = || self.rows.iter().filter_map(move |row| row.get(number)).map(String::as_str);
        let heading = self.headings.get(number).map_or(0, |heading| heading.width());
        Column {
            width: cells().map(str::width).max().unwrap_or(0).max(heading),
            is_figures: cells().all(|cell| cell.is_empty() || is_figure(cell)),
        }
    }
}

impl Column {
    fn pad(&self, cell: &str) -> String {
        let blanks = " ".repeat(self.width.saturating_sub(cell.width()));
        if self.is_figures { blanks + cell } else { format!("{cell}{blanks}") }
    }
}

/// Whether a cell is a number or an amount: digits first, and at most a word behind them.
fn is_figure(cell: &str) -> bool {
    let number = cell.split(' ').next().unwrap_or_default();
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.chars().all(|character| character.is_ascii_digit() || character == '.')
}

/// A value of an answer as a cell; an amount is the number and its currency.
pub fn cell(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Json::Object(parts) => match (parts.get("amount"), parts.get("currency")) {
            (Some(amount), Some(currency)) => format!("{} {}", cell(amount), cell(currency)),
            _ => value.to_string(),
        },
        Json::Bool(_) | Json::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_stand_straight_with_characters_of_double_width() {
        let mut table = Table::new(["name", "amount"]);
        table.push(["上海加喜", "12800 CNY"]);
        table.push(["Acme", "5 CNY"]);
        let mut text = Vec::new();
        table.write(&mut text).unwrap();
        let expected = "name         amount\n--------  ---------\n上海加喜  12800 CNY\nAcme          5 CNY\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn dates_and_words_stand_to_the_left() {
        assert!(is_figure("-12.50") && is_figure("8 CNY") && is_figure("007"));
        assert!(!is_figure("2017-03-01") && !is_figure("-") && !is_figure("1C1I7A6R"));
    }

    #[test]
    fn every_kind_of_value_has_a_cell() {
        assert_eq!(cell(&json!({"amount": "1054", "currency": "USD"})), "1054 USD");
        assert_eq!(cell(&json!(["a", 1, null])), "a, 1, ");
        assert_eq!(cell(&json!(true)), "true");
    }
}
