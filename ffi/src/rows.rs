//! Going through the rows of a cursor: one by one, in blocks of values, or as JSON.

use guanxi_core::base::MAX_PAGE_ROWS;
use guanxi_core::{Code, Error, Result};
use guanxi_plugin_abi::{GUANXI_DONE, GUANXI_ROW, guanxi_status, guanxi_value};
use serde_json::Value as Json;

use crate::arguments::Out;
use crate::call::{Buffer, guanxi_buffer};
use crate::cursor::{Cursor, Row, guanxi_cursor, named, seen};
use crate::error::guanxi_error;
use crate::guard::{self, Call};
use crate::handle::{self, Exclusive};

/// Enters a cursor for a call that may read from the database.
///
/// # Safety
/// The pointer is null or a handle of this library.
pub(crate) unsafe fn enter(cursor: *mut guanxi_cursor) -> Result<Exclusive<Cursor>> {
    // SAFETY: the caller's promise is the same.
    unsafe {
        handle::check_process::<Cursor>(cursor)?;
        handle::exclusive::<Cursor>(cursor)
    }
}

pub(crate) fn row_or_done(rows: usize) -> guanxi_status {
    if rows > 0 { GUANXI_ROW } else { GUANXI_DONE }
}

/// Goes to the next row: GUANXI_ROW, or GUANXI_DONE after the last. It reads further pages by itself.
///
/// Errors: `engine.cancelled`, `engine.deadline_exceeded`, `access.not_permitted` if the right was taken
/// away meanwhile. The cursor's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_next(
    cursor: *mut guanxi_cursor,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor) = unsafe { (Call::to(err), enter(cursor)) };
    call.run_for_status(|call| Ok(row_or_done(named(call, cursor)?.advance(1)?)))
}

/// Every value of the current row, in the order of the columns. `capacity` is how many values there is
/// room for at `values`. Text in them is borrowed, see guanxi_cursor.
///
/// Errors: `input.limit_exceeded` if there is room for less than a row. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_row(
    cursor: *mut guanxi_cursor,
    values: *mut guanxi_value,
    capacity: usize,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor) = unsafe { (Call::to(err), handle::peek::<Cursor>(cursor)) };
    call.run(|call| {
        let cursor = seen(call, cursor)?;
        check_room(values, capacity, cursor.columns.len())?;
        let row = cursor.held.last();
        let cells =
            cursor.columns.iter().map(|column| row.map_or(guanxi_value::NULL, |row| row.value(column.place)));
        // SAFETY: there is room for as many values as the row has, which was checked above.
        unsafe { write(values, cells) };
        Ok(())
    })
}

/// Goes on by as many rows as there is room for, at most 10,000, and writes their values row by row.
/// `rows` is how many rows there is room for at `values`, each of guanxi_cursor_column_count values;
/// `*fetched` is how many were written. GUANXI_ROW if any, GUANXI_DONE if there are no more. The current
/// row is the last one written. Text in the values is borrowed, see guanxi_cursor.
///
/// Errors: as guanxi_cursor_next; `input.limit_exceeded` if there is room for none. The cursor's thread.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_fetch(
    cursor: *mut guanxi_cursor,
    values: *mut guanxi_value,
    rows: usize,
    fetched: *mut usize,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor, fetched) = unsafe { (Call::to(err), enter(cursor), Out::value(fetched, "fetched")) };
    call.run_for_status(|call| {
        let (mut cursor, fetched) = (named(call, cursor)?, fetched?);
        check_room(values, rows, 1)?;
        let count = cursor.advance(rows.min(MAX_PAGE_ROWS))?;
        let cells =
            cursor.held.iter().flat_map(|row| cursor.columns.iter().map(|column| row.value(column.place)));
        // SAFETY: there is room for `rows` rows of as many values as there are columns, and no more
        // rows than that are held.
        unsafe { write(values, cells) };
        fetched.set(count);
        Ok(row_or_done(count))
    })
}

/// Goes on by at most `rows` rows (10,000 if it is 0 or more than that) and gives them as a JSON list of
/// records, as the method `record.list` does. GUANXI_ROW if there are any, GUANXI_DONE with an empty list
/// if there are no more. `*out` is the caller's until guanxi_buffer_free, and NULL on failure.
///
/// Errors: as guanxi_cursor_next. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_json(
    cursor: *mut guanxi_cursor,
    rows: usize,
    out: *mut *mut guanxi_buffer,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor, out) = unsafe { (Call::to(err), enter(cursor), Out::handle(out)) };
    call.run_for_status(|call| {
        let (mut cursor, out) = (named(call, cursor)?, out?);
        let most = if rows == 0 { MAX_PAGE_ROWS } else { rows.min(MAX_PAGE_ROWS) };
        let count = cursor.advance(most)?;
        let list = cursor.held.iter().map(Row::json).collect::<Result<Json>>()?;
        out.set(handle::create(Buffer::new(list.to_string())));
        Ok(row_or_done(count))
    })
}

fn check_room(values: *mut guanxi_value, room: usize, needed: usize) -> Result<()> {
    if values.is_null() {
        return Err(Error::new(Code::NullArgument).field("values"));
    }
    if room < needed { Err(Error::new(Code::LimitExceeded).field("values")) } else { Ok(()) }
}

/// Writes values one after the other.
///
/// # Safety
/// There is room for all of them.
unsafe fn write(mut place: *mut guanxi_value, values: impl Iterator<Item = guanxi_value>) {
    for value in values {
        // SAFETY: the caller promised room for this value, and the place after the last is not written.
        unsafe {
            place.write(value);
            place = place.add(1);
        }
    }
}

/// Frees a cursor, and with it all text that it gave; NULL and one that was freed already are left alone.
/// Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_free(cursor: *mut guanxi_cursor) {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { guard::free::<Cursor>(cursor) };
}
