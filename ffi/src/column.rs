//! Typed getters: the current row of a cursor, column by column.

use std::ffi::c_char;
use std::ptr;

use guanxi_core::{Code, Date, Error, Result};
use guanxi_plugin_abi::{
    GUANXI_VALUE_BOOL, GUANXI_VALUE_DATE, GUANXI_VALUE_DATETIME, GUANXI_VALUE_DECIMAL, GUANXI_VALUE_DURATION,
    GUANXI_VALUE_ID, GUANXI_VALUE_INT, GUANXI_VALUE_JSON, GUANXI_VALUE_MONEY, GUANXI_VALUE_NULL,
    GUANXI_VALUE_TEXT, GUANXI_VALUE_TIME, guanxi_decimal, guanxi_status, guanxi_value, guanxi_value_kind,
};

use crate::arguments::{Out, optional_out, text};
use crate::cursor::{Cursor, Row, guanxi_cursor, seen};
use crate::error::guanxi_error;
use crate::guard::{Call, quietly};
use crate::handle;
use crate::value::calendar;

/// How many columns the rows have; 0 for NULL. The cursor's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_column_count(cursor: *const guanxi_cursor) -> usize {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::peek::<Cursor>(cursor) };
    quietly(0, || Ok(cursor?.columns.len()))
}

/// The name of a column, which ends in a zero byte; "" if there is no such column. Borrowed from the
/// cursor. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_column_name(
    cursor: *const guanxi_cursor,
    column: usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::peek::<Cursor>(cursor) };
    quietly(c"".as_ptr(), || Ok(cursor?.column(column)?.name.as_ptr()))
}

/// The number of the column with a name, or -1. The cursor's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_find(cursor: *const guanxi_cursor, name: *const c_char) -> i64 {
    // SAFETY: the caller keeps the rules of the header.
    let (cursor, name) = unsafe { (handle::peek::<Cursor>(cursor), text(name, "name")) };
    quietly(-1, || {
        let name = name?.as_bytes();
        let found = cursor?.columns.iter().position(|column| column.name.as_bytes() == name);
        Ok(found.and_then(|column| i64::try_from(column).ok()).unwrap_or(-1))
    })
}

/// The kind of value that a column holds when it holds one; GUANXI_VALUE_NULL if there is no such column.
/// The cursor's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_type(
    cursor: *const guanxi_cursor,
    column: usize,
) -> guanxi_value_kind {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::peek::<Cursor>(cursor) };
    quietly(GUANXI_VALUE_NULL, || Ok(cursor?.column(column)?.kind))
}

/// 1 if the current row has no value in a column, or there is no such row or column; else 0.
/// The cursor's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_is_null(cursor: *const guanxi_cursor, column: usize) -> i32 {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::peek::<Cursor>(cursor) };
    quietly(1, || Ok(i32::from(cursor?.value(column)?.kind == GUANXI_VALUE_NULL)))
}

/// The text in a column of the current row, or the JSON of a list or map: UTF-8 of `*length` bytes, without
/// a zero byte at its end; NULL and length 0 if there is none or the value is neither. `length` may be NULL. Borrowed, see
/// guanxi_cursor. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_text(
    cursor: *const guanxi_cursor,
    column: usize,
    length: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header.
    let (cursor, length) = unsafe { (handle::peek::<Cursor>(cursor), optional_out(length)) };
    let (data, size) = quietly((ptr::null(), 0), || {
        let value = cursor?.value(column)?;
        if !matches!(value.kind, GUANXI_VALUE_TEXT | GUANXI_VALUE_JSON) {
            return Ok((ptr::null(), 0));
        }
        // SAFETY: the content of these kinds is text.
        let text = unsafe { value.content.text };
        Ok((text.data, text.length))
    });
    if let Some(length) = length {
        length.set(size);
    }
    data
}

/// The whole number in a column of the current row: an INT, a BOOL as 1 or 0, a DATE as days since
/// 1970-01-01, a DATETIME as microseconds since then in UTC, a TIME as microseconds since midnight, a
/// DURATION in microseconds; 0 if there is none or it is none of these.
/// The cursor's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_int(cursor: *const guanxi_cursor, column: usize) -> i64 {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::peek::<Cursor>(cursor) };
    quietly(0, || {
        let value = cursor?.value(column)?;
        Ok(match value.kind {
            GUANXI_VALUE_INT
            | GUANXI_VALUE_BOOL
            | GUANXI_VALUE_DATE
            | GUANXI_VALUE_DATETIME
            | GUANXI_VALUE_TIME
            | GUANXI_VALUE_DURATION => {
                // SAFETY: the content of these kinds is an integer.
                unsafe { value.content.integer }
            }
            _ => 0,
        })
    })
}

/// 1 if the value in a column of the current row is true, else 0. The cursor's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_bool(cursor: *const guanxi_cursor, column: usize) -> i32 {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::peek::<Cursor>(cursor) };
    quietly(0, || {
        let value = cursor?.value(column)?;
        // SAFETY: the content of a bool is an integer.
        Ok(i32::from(value.kind == GUANXI_VALUE_BOOL && unsafe { value.content.integer } != 0))
    })
}

const NO_DECIMAL: guanxi_decimal = guanxi_decimal { low: 0, high: 0, scale_and_sign: 0, currency: [0; 3] };

fn decimal(
    call: Call,
    cursor: Result<&Cursor>,
    column: usize,
    out: Result<Out<guanxi_decimal>>,
    kind: guanxi_value_kind,
) -> guanxi_status {
    call.run(|call| {
        let (cursor, out) = (seen(call, cursor)?, out?);
        let value = cursor.value_of(column, kind)?;
        // SAFETY: the content of a decimal and of an amount is a decimal.
        out.set(value.map_or(NO_DECIMAL, |value| unsafe { value.content.decimal }));
        Ok(())
    })
}

/// The exact decimal in a column of the current row; zero if there is none (guanxi_cursor_is_null).
///
/// Errors: `schema.wrong_type` if the value is no DECIMAL. The cursor's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_decimal(
    cursor: *mut guanxi_cursor,
    column: usize,
    out: *mut guanxi_decimal,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor, out) =
        unsafe { (Call::to(err), handle::peek::<Cursor>(cursor), Out::value(out, "out")) };
    decimal(call, cursor, column, out, GUANXI_VALUE_DECIMAL)
}

/// The amount in a column of the current row, with its currency; zero and no currency if there is none.
///
/// Errors: `schema.wrong_type` if the value is no MONEY. The cursor's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_money(
    cursor: *mut guanxi_cursor,
    column: usize,
    out: *mut guanxi_decimal,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor, out) =
        unsafe { (Call::to(err), handle::peek::<Cursor>(cursor), Out::value(out, "out")) };
    decimal(call, cursor, column, out, GUANXI_VALUE_MONEY)
}

/// The day in a column of the current row, as year, month 1 to 12 and day of month; all 0 if there is
/// none.
///
/// Errors: `schema.wrong_type` if the value is no DATE. The cursor's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_date(
    cursor: *mut guanxi_cursor,
    column: usize,
    year: *mut i32,
    month: *mut i32,
    day: *mut i32,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor, year, month, day) = unsafe {
        let parts = (Out::value(year, "year"), Out::value(month, "month"), Out::value(day, "day"));
        (Call::to(err), handle::peek::<Cursor>(cursor), parts.0, parts.1, parts.2)
    };
    call.run(|call| {
        let (cursor, year, month, day) = (seen(call, cursor)?, year?, month?, day?);
        let parts = match cursor.value_of(column, GUANXI_VALUE_DATE)? {
            // SAFETY: the content of a date is an integer.
            Some(value) => calendar(date(unsafe { value.content.integer })?),
            None => (0, 0, 0),
        };
        year.set(parts.0);
        month.set(parts.1);
        day.set(parts.2);
        Ok(())
    })
}

fn date(days: i64) -> Result<Date> {
    Date::from_days(i32::try_from(days).map_err(|_| Error::new(Code::OutOfRange))?)
}

/// The id in a column of the current row, as 16 bytes: column 0 is the record's own, others are
/// references; zeros if there is none.
///
/// Errors: `schema.wrong_type` if the value is no ID. The cursor's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_id(
    cursor: *mut guanxi_cursor,
    column: usize,
    id: *mut u8,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor, id) = unsafe {
        let id = Out::value(id.cast::<[u8; 16]>(), "id");
        (Call::to(err), handle::peek::<Cursor>(cursor), id)
    };
    call.run(|call| {
        let (cursor, id) = (seen(call, cursor)?, id?);
        let value = cursor.value_of(column, GUANXI_VALUE_ID)?;
        // SAFETY: the content of an id is one.
        id.set(value.map_or([0; 16], |value| unsafe { value.content.id }));
        Ok(())
    })
}

/// The version of the current row's record, for guanxi_record_expect_version; 0 if there is no row, and
/// for the rows of a search. The cursor's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_version(cursor: *const guanxi_cursor) -> u64 {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::peek::<Cursor>(cursor) };
    quietly(0, || {
        Ok(match cursor?.held.last() {
            Some(Row::Record { row, .. }) => row.record.envelope.version,
            _ => 0,
        })
    })
}

/// The value in a column of the current row, of whatever kind; GUANXI_VALUE_NULL if there is none. Text in
/// it is borrowed, see guanxi_cursor.
///
/// Errors: `input.invalid_argument` if there is no such column. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_value(
    cursor: *mut guanxi_cursor,
    column: usize,
    out: *mut guanxi_value,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor, out) =
        unsafe { (Call::to(err), handle::peek::<Cursor>(cursor), Out::value(out, "out")) };
    call.run(|call| {
        let (cursor, out) = (seen(call, cursor)?, out?);
        out.set(cursor.value(column)?);
        Ok(())
    })
}
