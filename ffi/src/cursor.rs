//! Cursors: the rows of a result, one by one with typed getters, in blocks of values, or as JSON.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::Arc;
use std::vec::IntoIter;

use guanxi_core::base::{FieldId, MAX_PAGE_ROWS};
use guanxi_core::engine::{Listing, Page, Reader, SystemField};
use guanxi_core::{Code, Date, Error, Find, RecordId, Result, Value, api};
use guanxi_plugin_abi::{
    GUANXI_DONE, GUANXI_ROW, GUANXI_VALUE_BOOL, GUANXI_VALUE_DATE, GUANXI_VALUE_DATETIME,
    GUANXI_VALUE_DECIMAL, GUANXI_VALUE_ID, GUANXI_VALUE_INT, GUANXI_VALUE_MONEY, GUANXI_VALUE_NULL,
    GUANXI_VALUE_TEXT, guanxi_decimal, guanxi_status, guanxi_value, guanxi_value_kind,
};
use serde_json::Value as Json;

use crate::arguments::{Out, text};
use crate::call::{Buffer, guanxi_buffer};
use crate::error::{c_text, guanxi_error};
use crate::guard::{self, Call, Outcome, quietly};
use crate::handle::{self, State};
use crate::query::Question;
use crate::session::Speaker;
use crate::value::{calendar, kind_of, to_c};

/// Rows that a cursor asks for at once when no more are wanted.
const READ_AHEAD: usize = 256;

/// The rows of a result, before the first of which it stands at first. One thread at a time, and any.
/// Freed with guanxi_cursor_free; it keeps the database open.
///
/// Column 0 is the record's id. Then come the fields that the user may see, then the owner, the unit,
/// and when the record was created and last changed. The rows of a search have the columns `id`,
/// `entity` and `title`. Each page that the cursor reads ahead is one stable view of the database.
///
/// Text that a cursor gives is borrowed until the next guanxi_cursor_next, guanxi_cursor_fetch or
/// guanxi_cursor_json on it, or until it is freed.
pub struct guanxi_cursor {
    _opaque: [u8; 0],
}

/// Where the rows come from.
enum Source {
    /// All of them are here.
    Given,
    /// More are read when they are wanted.
    Pages { entity: String, find: Find, left: Option<u64> },
}

struct Column {
    name: CString,
    kind: guanxi_value_kind,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    RecordId,
    Field(FieldId),
    Hit(usize),
}

/// One row.
pub(crate) enum Row {
    Record(Listing),
    Hit { values: [Value; 3], json: Json },
}

/// A cursor's rows, columns and place.
pub(crate) struct Cursor {
    speaker: Arc<Speaker>,
    columns: Vec<Column>,
    source: Source,
    pending: IntoIter<Row>,
    /// The rows that were handed out last; text in C's hands is borrowed from them.
    held: Vec<Row>,
}

impl State for Cursor {
    type Handle = guanxi_cursor;
    const TAG: u32 = 7;
}

impl Cursor {
    /// The rows of a query, of which the first page is read at once.
    pub fn of_query(speaker: &Arc<Speaker>, reader: &Reader<'_>, query: &Question) -> Result<Self> {
        let find = query.find(reader)?;
        let left = (query.limit > 0).then_some(query.limit);
        let source = Source::Pages { entity: query.entity.clone(), find, left };
        let columns = columns(reader, &query.entity)?;
        let mut cursor = Self::new(speaker, columns, source, Vec::new());
        cursor.load(READ_AHEAD, |entity, find| reader.find(entity, find))?;
        Ok(cursor)
    }

    /// One record as the only row.
    pub fn of_record(
        speaker: &Arc<Speaker>,
        reader: &Reader<'_>,
        entity: &str,
        id: RecordId,
    ) -> Result<Self> {
        let row = Row::Record(reader.get(entity, id)?);
        Ok(Self::new(speaker, columns(reader, entity)?, Source::Given, vec![row]))
    }

    /// What a search found.
    pub fn of_hits(speaker: &Arc<Speaker>, hits: Vec<Row>) -> Self {
        let names = [("id", GUANXI_VALUE_ID), ("entity", GUANXI_VALUE_TEXT), ("title", GUANXI_VALUE_TEXT)];
        let columns = names
            .into_iter()
            .enumerate()
            .map(|(place, (name, kind))| Column { name: c_text(name), kind, place: Place::Hit(place) });
        Self::new(speaker, columns.collect(), Source::Given, hits)
    }

    fn new(speaker: &Arc<Speaker>, columns: Vec<Column>, source: Source, rows: Vec<Row>) -> Self {
        let (speaker, pending) = (Arc::clone(speaker), rows.into_iter());
        Self { speaker, columns, source, pending, held: Vec::new() }
    }

    /// Reads the next page into `pending`; `false` if there is none.
    fn load(&mut self, most: usize, list: impl FnOnce(&str, &Find) -> Result<Page>) -> Result<bool> {
        let Source::Pages { entity, find, left } = &mut self.source else { return Ok(false) };
        let within = left.map_or(MAX_PAGE_ROWS, |left| usize::try_from(left).unwrap_or(MAX_PAGE_ROWS));
        find.limit = most.clamp(1, MAX_PAGE_ROWS).min(within);
        let page = if within == 0 { Page { rows: Vec::new(), next: None } } else { list(entity, find)? };
        let read = u64::try_from(page.rows.len()).unwrap_or(u64::MAX);
        *left = left.map(|left| left.saturating_sub(read));
        self.pending = page.rows.into_iter().map(Row::Record).collect::<Vec<_>>().into_iter();
        find.after = page.next;
        if find.after.is_none() {
            self.source = Source::Given;
        }
        Ok(read > 0)
    }

    /// Goes on by so many rows, or as many as there are.
    fn advance(&mut self, most: usize) -> Outcome<usize> {
        self.held.clear();
        while self.held.len() < most {
            let wanted = most.saturating_sub(self.held.len());
            self.held.extend(self.pending.by_ref().take(wanted));
            if self.held.len() < most && !self.load_later(wanted)? {
                break;
            }
        }
        Ok(self.held.len())
    }

    fn load_later(&mut self, wanted: usize) -> Result<bool> {
        let speaker = Arc::clone(&self.speaker);
        if matches!(self.source, Source::Given) {
            return Ok(false);
        }
        let running = speaker.enter()?;
        self.load(wanted.max(READ_AHEAD), |entity, find| running.session.list(entity, find))
    }

    fn column(&self, column: usize) -> Result<&Column> {
        let outside = || Error::new(Code::InvalidArgument).field("column").value(&column.to_string());
        self.columns.get(column).ok_or_else(outside)
    }

    /// The value of the current row in a column; null before the first row and after the last.
    fn value(&self, column: usize) -> Result<guanxi_value> {
        let place = self.column(column)?.place;
        Ok(self.held.last().map_or(guanxi_value::NULL, |row| row.value(place)))
    }

    /// The value in a column, if it is of a kind; `None` for no value.
    fn value_of(&self, column: usize, kind: guanxi_value_kind) -> Result<Option<guanxi_value>> {
        let value = self.value(column)?;
        match value.kind {
            GUANXI_VALUE_NULL => Ok(None),
            other if other == kind => Ok(Some(value)),
            _ => {
                let name = self.column(column)?.name.to_string_lossy().into_owned();
                Err(Error::new(Code::WrongType).field(&name))
            }
        }
    }
}

impl Row {
    fn value(&self, place: Place) -> guanxi_value {
        match (self, place) {
            (Self::Record(row), Place::RecordId) => guanxi_value::of_id(*row.record.id.as_bytes()),
            (Self::Record(row), Place::Field(field)) => match row.record.values.get(&field) {
                Some(value) => to_c(value),
                // A system field is made on the spot; none of them is text, so nothing is borrowed from it.
                None => to_c(&row.record.value(field)),
            },
            (Self::Hit { values, .. }, Place::Hit(place)) => {
                values.get(place).map_or(guanxi_value::NULL, to_c)
            }
            _ => guanxi_value::NULL,
        }
    }

    fn json(&self) -> Result<Json> {
        match self {
            Self::Record(row) => api::listing_to_json(row),
            Self::Hit { json, .. } => Ok(json.clone()),
        }
    }
}

/// The columns of an entity's rows for the user who reads.
fn columns(reader: &Reader<'_>, entity: &str) -> Result<Vec<Column>> {
    let shown = reader.shown_fields(entity)?;
    let entity = reader.registry().entity(entity)?;
    let id = Column { name: c_text("id"), kind: GUANXI_VALUE_ID, place: Place::RecordId };
    let fields = entity.fields().iter().filter(|field| shown.contains(&field.id())).map(|field| Column {
        name: c_text(&field.api_name),
        kind: kind_of(&field.definition.kind),
        place: Place::Field(field.id()),
    });
    let system = SystemField::ALL.into_iter().map(|(field, name)| Column {
        name: c_text(name),
        kind: match field {
            SystemField::Owner | SystemField::Unit => GUANXI_VALUE_ID,
            SystemField::CreatedAt | SystemField::ModifiedAt => GUANXI_VALUE_DATETIME,
        },
        place: Place::Field(field.id()),
    });
    Ok(std::iter::once(id).chain(fields).chain(system).collect())
}

/// Enters a cursor for a call that may read from the database.
///
/// # Safety
/// The pointer is null or a handle of this library, which no other call changes or frees meanwhile.
unsafe fn enter<'a>(cursor: *mut guanxi_cursor) -> Result<&'a mut Cursor> {
    // SAFETY: the caller's promise is the same.
    unsafe {
        handle::check_process::<Cursor>(cursor)?;
        handle::exclusive::<Cursor>(cursor)
    }
}

/// The cursor of a call.
fn named<'a>(call: &Call, cursor: Result<&'a mut Cursor>) -> Result<&'a mut Cursor> {
    let cursor = cursor.map_err(|error| error.field("cursor"))?;
    call.speaks(cursor.speaker.locale());
    Ok(cursor)
}

fn row_or_done(rows: usize) -> guanxi_status {
    if rows > 0 { GUANXI_ROW } else { GUANXI_DONE }
}

/// Goes to the next row: GUANXI_ROW, or GUANXI_DONE after the last. It reads further pages by itself.
///
/// Errors: `engine.cancelled`, `engine.deadline_exceeded`, `access.not_permitted` if the right was taken
/// away meanwhile. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_next(
    cursor: *mut guanxi_cursor,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor) = unsafe { (Call::to(err), enter(cursor)) };
    call.run_for_status(|call| Ok(row_or_done(named(call, cursor)?.advance(1)?)))
}

/// How many columns the rows have; 0 for NULL. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_column_count(cursor: *const guanxi_cursor) -> usize {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::view::<Cursor>(cursor) };
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
    let cursor = unsafe { handle::view::<Cursor>(cursor) };
    quietly(c"".as_ptr(), || Ok(cursor?.column(column)?.name.as_ptr()))
}

/// The number of the column with a name, or -1. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_find(cursor: *const guanxi_cursor, name: *const c_char) -> i64 {
    // SAFETY: the caller keeps the rules of the header.
    let (cursor, name) = unsafe { (handle::view::<Cursor>(cursor), text(name, "name")) };
    quietly(-1, || {
        let name = name?.as_bytes();
        let found = cursor?.columns.iter().position(|column| column.name.as_bytes() == name);
        Ok(found.and_then(|column| i64::try_from(column).ok()).unwrap_or(-1))
    })
}

/// The kind of value that a column holds when it holds one; GUANXI_VALUE_NULL if there is no such column.
/// The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_type(
    cursor: *const guanxi_cursor,
    column: usize,
) -> guanxi_value_kind {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::view::<Cursor>(cursor) };
    quietly(GUANXI_VALUE_NULL, || Ok(cursor?.column(column)?.kind))
}

/// 1 if the current row has no value in a column, or there is no such row or column; else 0.
/// The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_is_null(cursor: *const guanxi_cursor, column: usize) -> i32 {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::view::<Cursor>(cursor) };
    quietly(1, || Ok(i32::from(cursor?.value(column)?.kind == GUANXI_VALUE_NULL)))
}

/// The text in a column of the current row: UTF-8 of `*length` bytes, without a zero byte at its end;
/// NULL and length 0 if there is none or the value is no text. `length` may be NULL. Borrowed, see
/// guanxi_cursor. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_text(
    cursor: *const guanxi_cursor,
    column: usize,
    length: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header.
    let (cursor, length) = unsafe { (handle::view::<Cursor>(cursor), Out::value(length, "length")) };
    let (data, size) = quietly((ptr::null(), 0), || {
        let value = cursor?.value_of(column, GUANXI_VALUE_TEXT)?.unwrap_or(guanxi_value::NULL);
        if value.kind != GUANXI_VALUE_TEXT {
            return Ok((ptr::null(), 0));
        }
        // SAFETY: the kind is text, so the content is.
        let text = unsafe { value.content.text };
        Ok((text.data, text.length))
    });
    if let Ok(length) = length {
        length.set(size);
    }
    data
}

/// The whole number in a column of the current row: an INT, a BOOL as 1 or 0, a DATE as days since
/// 1970-01-01, a DATETIME as microseconds since then in UTC; 0 if there is none or it is none of these.
/// The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_int(cursor: *const guanxi_cursor, column: usize) -> i64 {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::view::<Cursor>(cursor) };
    quietly(0, || {
        let value = cursor?.value(column)?;
        Ok(match value.kind {
            GUANXI_VALUE_INT | GUANXI_VALUE_BOOL | GUANXI_VALUE_DATE | GUANXI_VALUE_DATETIME => {
                // SAFETY: the content of these kinds is an integer.
                unsafe { value.content.integer }
            }
            _ => 0,
        })
    })
}

/// 1 if the value in a column of the current row is true, else 0. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_bool(cursor: *const guanxi_cursor, column: usize) -> i32 {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::view::<Cursor>(cursor) };
    quietly(0, || {
        let value = cursor?.value_of(column, GUANXI_VALUE_BOOL)?;
        // SAFETY: the content of a bool is an integer.
        Ok(value.map_or(0, |value| i32::from(unsafe { value.content.integer } != 0)))
    })
}

const NO_DECIMAL: guanxi_decimal = guanxi_decimal { low: 0, high: 0, scale_and_sign: 0, currency: [0; 3] };

fn decimal(
    call: Call,
    cursor: Result<&mut Cursor>,
    column: usize,
    out: Result<Out<guanxi_decimal>>,
    kind: guanxi_value_kind,
) -> guanxi_status {
    call.run(|call| {
        let (cursor, out) = (named(call, cursor)?, out?);
        let value = cursor.value_of(column, kind)?;
        // SAFETY: the content of a decimal and of an amount is a decimal.
        out.set(value.map_or(NO_DECIMAL, |value| unsafe { value.content.decimal }));
        Ok(())
    })
}

/// The exact decimal in a column of the current row; zero if there is none (guanxi_cursor_is_null).
///
/// Errors: `schema.wrong_type` if the value is no DECIMAL. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_decimal(
    cursor: *mut guanxi_cursor,
    column: usize,
    out: *mut guanxi_decimal,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor, out) =
        unsafe { (Call::to(err), handle::exclusive::<Cursor>(cursor), Out::value(out, "out")) };
    decimal(call, cursor, column, out, GUANXI_VALUE_DECIMAL)
}

/// The amount in a column of the current row, with its currency; zero and no currency if there is none.
///
/// Errors: `schema.wrong_type` if the value is no MONEY. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_money(
    cursor: *mut guanxi_cursor,
    column: usize,
    out: *mut guanxi_decimal,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, cursor, out) =
        unsafe { (Call::to(err), handle::exclusive::<Cursor>(cursor), Out::value(out, "out")) };
    decimal(call, cursor, column, out, GUANXI_VALUE_MONEY)
}

/// The day in a column of the current row, as year, month 1 to 12 and day of month; all 0 if there is
/// none.
///
/// Errors: `schema.wrong_type` if the value is no DATE. The cursor's thread. Since 0.1.
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
        (Call::to(err), handle::exclusive::<Cursor>(cursor), parts.0, parts.1, parts.2)
    };
    call.run(|call| {
        let (cursor, year, month, day) = (named(call, cursor)?, year?, month?, day?);
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
/// Errors: `schema.wrong_type` if the value is no ID. The cursor's thread. Since 0.1.
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
        (Call::to(err), handle::exclusive::<Cursor>(cursor), id)
    };
    call.run(|call| {
        let (cursor, id) = (named(call, cursor)?, id?);
        let value = cursor.value_of(column, GUANXI_VALUE_ID)?;
        // SAFETY: the content of an id is one.
        id.set(value.map_or([0; 16], |value| unsafe { value.content.id }));
        Ok(())
    })
}

/// The version of the current row's record, for guanxi_record_expect_version; 0 if there is no row, and
/// for the rows of a search. The cursor's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_cursor_version(cursor: *const guanxi_cursor) -> u64 {
    // SAFETY: the caller keeps the rules of the header.
    let cursor = unsafe { handle::view::<Cursor>(cursor) };
    quietly(0, || {
        Ok(match cursor?.held.last() {
            Some(Row::Record(row)) => row.record.envelope.version,
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
        unsafe { (Call::to(err), handle::exclusive::<Cursor>(cursor), Out::value(out, "out")) };
    call.run(|call| {
        let (cursor, out) = (named(call, cursor)?, out?);
        out.set(cursor.value(column)?);
        Ok(())
    })
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
    let (call, cursor) = unsafe { (Call::to(err), handle::exclusive::<Cursor>(cursor)) };
    call.run(|call| {
        let cursor = named(call, cursor)?;
        check_room(values, capacity, cursor.columns.len())?;
        let row = cursor.held.last();
        let cells = cursor.columns.iter().map(|column| row.map_or(guanxi_value::NULL, |row| row.value(column.place)));
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
        let (cursor, fetched) = (named(call, cursor)?, fetched?);
        check_room(values, rows, 1)?;
        let count = cursor.advance(rows.min(MAX_PAGE_ROWS))?;
        let cells = cursor.held.iter().flat_map(|row| cursor.columns.iter().map(|column| row.value(column.place)));
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
        let (cursor, out) = (named(call, cursor)?, out?);
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
