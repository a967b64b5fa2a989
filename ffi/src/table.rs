//! Rows as one JSON text of lists, for languages whose parser of JSON is the fastest way to many values.

use std::io::Write as _;

use guanxi_core::base::MAX_PAGE_ROWS;
use guanxi_core::{Code, Error, Result, Value};
use guanxi_plugin_abi::guanxi_status;

use crate::arguments::Out;
use crate::call::{Buffer, guanxi_buffer};
use crate::cursor::{Column, Cursor, guanxi_cursor, named};
use crate::error::guanxi_error;
use crate::guard::Call;
use crate::rows::{enter, row_or_done};

/// Bytes that a value takes as a rule.
const USUAL_VALUE: usize = 24;

/// Goes on by at most `rows` rows (10,000 if it is 0 or more than that) and gives them as a JSON list of lists: of
/// each row the values of the first `columns` columns in their order, of all columns if it is 0 or more than there
/// are. Values are those that guanxi_cursor_json gives, null where there is none. GUANXI_ROW if there are any rows,
/// GUANXI_DONE with an empty list if there are no more. `*out` is the caller's until guanxi_buffer_free, and NULL
/// on failure.
///
/// Errors: as guanxi_cursor_next. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_json_table(
    cursor: *mut guanxi_cursor,
    rows: usize,
    columns: usize,
    out: *mut *mut guanxi_buffer,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor, out) = unsafe { (Call::to(err), enter(cursor), Out::handle(out)) };
    call.run_for_status(|call| {
        let (mut cursor, out) = (named(call, cursor)?, out?);
        let most = if rows == 0 { MAX_PAGE_ROWS } else { rows.min(MAX_PAGE_ROWS) };
        let count = cursor.advance(most)?;
        out.set(crate::handle::create(Buffer::new(table(&cursor, columns)?)));
        Ok(row_or_done(count))
    })
}

fn table(cursor: &Cursor, columns: usize) -> Result<String> {
    let shown = if columns == 0 { cursor.columns.len() } else { columns.min(cursor.columns.len()) };
    let shown: &[Column] = cursor.columns.get(..shown).unwrap_or_default();
    let room = cursor.held.len().saturating_mul(shown.len()).saturating_mul(USUAL_VALUE);
    let mut text = Vec::with_capacity(room.saturating_add(2));
    text.push(b'[');
    for (number, row) in cursor.held.iter().enumerate() {
        text.extend_from_slice(if number == 0 { b"[".as_slice() } else { b",[" });
        for (place, column) in shown.iter().enumerate() {
            if place > 0 {
                text.push(b',');
            }
            write(&mut text, &row.core_value(column.place)).map_err(|_| Error::new(Code::LimitExceeded))?;
        }
        text.push(b']');
    }
    text.push(b']');
    String::from_utf8(text).map_err(|_| Error::new(Code::Damaged))
}

fn write(text: &mut Vec<u8>, value: &Value) -> std::io::Result<()> {
    match value {
        Value::Null => text.write_all(b"null"),
        Value::Bool(value) => write!(text, "{value}"),
        Value::Int(number) => write!(text, "{number}"),
        Value::Text(words) => Ok(serde_json::to_writer(text, words.as_str())?),
        // None of these has a character that JSON escapes.
        Value::Id(id) => write!(text, "\"{id}\""),
        Value::Date(day) => write!(text, "\"{day}\""),
        Value::DateTime(moment) => write!(text, "\"{moment}\""),
        Value::Decimal(number) => write!(text, "\"{number}\""),
        Value::Money(money) => {
            let (amount, currency) = (&money.amount, money.currency.code());
            write!(text, "{{\"amount\":\"{amount}\",\"currency\":\"{currency}\"}}")
        }
        other => Ok(serde_json::to_writer(text, &other.to_json())?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guanxi_core::{Money, RecordId};
    use serde_json::Value as Json;

    #[test]
    fn values_are_written_as_they_are_elsewhere() {
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::from("\"加喜\"\\\n\u{0}\u{7f}"),
            Value::Id(RecordId::from_bytes([0xab; 16])),
            Value::Date("2024-02-29".parse().unwrap()),
            Value::DateTime("2026-11-22T08:00:00.000001Z".parse().unwrap()),
            Value::Decimal("-0.10".parse().unwrap()),
            Value::Money(Money::cny(-12_800)),
            Value::List(vec![Value::Int(1), Value::from("two")]),
        ];
        for value in values {
            let mut text = Vec::new();
            write(&mut text, &value).unwrap();
            assert_eq!(serde_json::from_slice::<Json>(&text).unwrap(), value.to_json(), "{value:?}");
        }
    }
}
