//! Rows of CSV (RFC 4180).

use std::io::Read;
use std::sync::Arc;

use crate::base::{Code, Error, Result};
use crate::features::exchange::import::{CHUNK, Chunk, Row, Sheet, Source};
use crate::features::exchange::lines::Lines;

/// The rows of a CSV file. What follows its headings is read once the sheet is known.
pub(super) struct Rows<R> {
    reader: csv::Reader<Lines<R>>,
    record: csv::ByteRecord,
    sheet: Option<Arc<Sheet>>,
}

impl<R: Read> Rows<R> {
    pub fn new(input: R) -> Self {
        let reader = csv::ReaderBuilder::new().flexible(true).from_reader(Lines::new(input));
        Self { reader, record: csv::ByteRecord::new(), sheet: None }
    }

    pub fn headings(&mut self) -> Result<Vec<String>> {
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

    /// The same rows, as rows of a sheet.
    pub fn on(self, sheet: Sheet) -> Self {
        Self { sheet: Some(Arc::new(sheet)), ..self }
    }
}

impl<R: Read> Source for Rows<R> {
    fn chunk(&mut self) -> Result<Option<Chunk>> {
        let width = self.reader.byte_headers().map(csv::ByteRecord::len).unwrap_or(0);
        let Some(sheet) = self.sheet.clone() else { return Ok(None) };
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
            rows.push(Row { line, sheet: Arc::clone(&sheet), cells: cells(&self.record, width) });
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
