//! Serial numbers: texts, dates and a counter that is kept with the records.

use crate::base::{Code, Date, EntityId, Error, FieldId, Result, Value};
use crate::records::derived::add_to_counter;
use crate::records::row::find_unique;
use crate::records::view::WriteView;
use crate::schema::{SerialDate, SerialPart};

/// First byte of the counters of serial numbers.
const SERIAL: u8 = 4;
/// What the counters of serial numbers begin with.
pub(super) const SERIAL_COUNTERS: &[u8] = &[SERIAL];
/// Most numbers that are passed over because a record bears them already.
const MOST_TAKEN: usize = 100_000;

/// The next number of a field, which no record bears.
///
/// # Errors
/// `input.limit_exceeded` where a hundred thousand numbers in a row are taken; `storage.damaged`.
pub fn next_serial(
    view: &mut WriteView<'_>,
    entity: EntityId,
    field: FieldId,
    parts: &[SerialPart],
    today: Date,
) -> Result<Value> {
    // After a restore to an entry of the ledger the counter may stand behind the numbers that are borne.
    for _ in 0..MOST_TAKEN {
        let number = add_to_counter(view, counter(entity, field, &period(parts, today)), 1)?;
        let text = Value::Text(written(parts, today, number));
        if find_unique(view, entity, field, &text)?.is_none() {
            return Ok(text);
        }
    }
    Err(Error::new(Code::LimitExceeded).rule("serial numbers that are taken <= 100000"))
}

/// The key of a counter, which is another one in each period.
fn counter(entity: EntityId, field: FieldId, period: &str) -> Vec<u8> {
    let numbers = [entity.number().to_be_bytes(), field.number().to_be_bytes()].concat();
    [SERIAL_COUNTERS, &numbers, period.as_bytes()].concat()
}

/// The dates of a number, which its counter begins anew with.
fn period(parts: &[SerialPart], today: Date) -> String {
    let finest = parts.iter().filter_map(|part| match part {
        SerialPart::Date { format } => Some(*format),
        _ => None,
    });
    finest.max().map(|format| dated(format, today)).unwrap_or_default()
}

fn written(parts: &[SerialPart], today: Date, number: u64) -> String {
    let pieces = parts.iter().map(|part| match part {
        SerialPart::Text { text } => text.clone(),
        SerialPart::Date { format } => dated(*format, today),
        SerialPart::Counter { digits } => format!("{number:0digits$}", digits = usize::from(*digits)),
    });
    pieces.collect()
}

fn dated(format: SerialDate, day: Date) -> String {
    match format {
        SerialDate::Year => format!("{:04}", day.year()),
        SerialDate::Month => format!("{:04}{:02}", day.year(), day.month()),
        SerialDate::Day => format!("{:04}{:02}{:02}", day.year(), day.month(), day.day()),
    }
}
