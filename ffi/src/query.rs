//! Queries: which records of an entity, in which order, and how many of them.

use std::ffi::c_char;
use std::sync::Arc;

use guanxi_core::base::{Collation, Date, locale_tag};
use guanxi_core::engine::{Direction, FieldSelector, Question as Asked, Reader, Total};
use guanxi_core::{Code, Condition, Error, Find, Result, api};
use guanxi_plugin_abi::guanxi_status;
use serde_json::Value as Json;

use crate::arguments::{Out, record_id, text};
use crate::call::{Buffer, guanxi_buffer};
use crate::cursor::{Cursor, guanxi_cursor};
use crate::error::{guanxi_error, repeat};
use crate::guard::{self, Call, quietly};
use crate::handle::{self, Exclusive, Shared, State};
use crate::session::{SessionHandle, guanxi_session, speaker};

/// A query: an entity, a filter, an order and a limit. One thread at a time while it is put together;
/// then any number of threads may run it at once, in sessions of any user. Freed with guanxi_query_free.
///
/// The functions that set something report nothing. The first of their errors is kept, and every run of
/// the query reports it; once two threads have set something at once, every run gives `engine.wrong_thread`.
pub struct guanxi_query {
    _opaque: [u8; 0],
}

/// What to look for.
pub(crate) struct Question {
    pub entity: String,
    filter: Json,
    sort: Vec<(FieldSelector, Direction)>,
    collation: Collation,
    /// The language of the texts, as a BCP 47 tag.
    pub locale: Option<String>,
    /// The fields that are columns; all if none is named.
    pub fields: Vec<String>,
    /// Whether references have columns with titles.
    pub titles: bool,
    /// The day on which the records hold.
    valid_at: Option<Date>,
    /// Most rows altogether; 0 is without limit.
    pub limit: u64,
    fault: Option<Error>,
}

impl State for Question {
    type Handle = guanxi_query;
    const TAG: u32 = 6;
    const REMEMBERS_MIXED: bool = true;
}

impl Question {
    fn keep(&mut self, outcome: Result<()>) {
        if let Err(error) = outcome
            && self.fault.is_none()
        {
            self.fault = Some(error.entity(&self.entity));
        }
    }

    /// Which records are meant, unless something that was set is at fault.
    fn condition(&self, reader: &Reader<'_>) -> Result<Condition> {
        if let Some(fault) = &self.fault {
            return Err(repeat(fault));
        }
        api::condition_from_json(reader, reader.registry().entity(&self.entity)?, &self.filter)
    }

    /// The query as the engine takes it, without a page size.
    pub fn find(&self, reader: &Reader<'_>) -> Result<Find> {
        let filter = self.condition(reader)?;
        let (sort, locale) = (self.sort.clone(), self.locale.clone());
        let find = Find { filter, sort, collation: self.collation, locale, ..Find::default() };
        Ok(match self.valid_at {
            Some(day) => find.valid_at(day),
            None => find,
        })
    }

    /// The same with its fields and titles, as the engine answers it a page at a time.
    pub fn asked(&self, reader: &Reader<'_>) -> Result<Asked> {
        let fields = self.fields.iter().map(|name| FieldSelector::from(name.as_str())).collect();
        Ok(Asked { fields, display: self.titles, ..Asked::from(self.find(reader)?) })
    }
}

/// Changes a query; one that is no query is left alone, since the run will report it.
fn change(query: Result<Exclusive<Question>>, change: impl FnOnce(&mut Question)) {
    quietly((), || {
        change(&mut *query?);
        Ok(())
    });
}

fn named(query: Result<Shared<Question>>) -> Result<Shared<Question>> {
    query.map_err(|error| error.field("query"))
}

/// A new query for all records of an entity such as `crm.account`. It is the caller's until
/// guanxi_query_free. NULL only if memory runs out. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_query_new(entity: *const c_char) -> *mut guanxi_query {
    // SAFETY: the caller keeps the rules of the header.
    let entity = unsafe { text(entity, "entity") };
    quietly(std::ptr::null_mut(), || {
        let (entity, fault) = match entity {
            Ok(entity) => (entity.to_owned(), None),
            Err(fault) => (String::new(), Some(fault)),
        };
        let collation = Collation::default();
        let filter = Json::Null;
        let (sort, fields) = (Vec::new(), Vec::new());
        let question = Question {
            entity,
            filter,
            sort,
            collation,
            locale: None,
            fields,
            titles: false,
            valid_at: None,
            limit: 0,
            fault,
        };
        Ok(handle::create(question))
    })
}

/// Sets the filter, a JSON object: `{"all": [...]}`, `{"any": [...]}`, `{"not": ...}`,
/// `{"field": ..., "op": ..., "value": ...}`, or `{"status": "open", "city": "上海"}`, which must all be
/// equal. Operators: `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `between`, `contains`, `starts_with`, `in`, `not_in`,
/// `within` (a span of time that `query.periods` lists), `under` (below a record of the same entity), `near` (within
/// `{"latitude": ..., "longitude": ..., "metres": ...}`), `is_null`; and `{"expression": "amount > 100"}`. A field may lie along at most three references, as `account.owner.name`. Copied. The query's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_query_filter_json(query: *mut guanxi_query, filter: *const c_char) {
    // SAFETY: the caller keeps the rules of the header.
    let (query, filter) = unsafe { (handle::exclusive::<Question>(query), text(filter, "filter")) };
    change(query, |query| {
        let outcome = filter.and_then(parse).map(|filter| query.filter = filter);
        query.keep(outcome);
    });
}

fn parse(filter: &str) -> Result<Json> {
    serde_json::from_str(filter).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Error::new(Code::InvalidJson).field("filter").rule(&place)
    })
}

/// Adds a field to the order: smallest first, or largest first if `descending` is not 0. Without any,
/// records come in the order of their creation. Copied. The query's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_query_sort(query: *mut guanxi_query, field: *const c_char, descending: i32) {
    // SAFETY: the caller keeps the rules of the header.
    let (query, field) = unsafe { (handle::exclusive::<Question>(query), text(field, "field")) };
    change(query, |query| {
        let direction = if descending == 0 { Direction::Ascending } else { Direction::Descending };
        let outcome = field.map(|field| query.sort.push((FieldSelector::from(field), direction)));
        query.keep(outcome);
    });
}

/// Sets how the texts among the fields of the order sort: `code_point`, as without this, `pinyin`, `stroke`, or
/// `surname` for names of persons. Codes keep their order. Copied. The query's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_query_collate(query: *mut guanxi_query, collation: *const c_char) {
    // SAFETY: the caller keeps the rules of the header.
    let (query, name) = unsafe { (handle::exclusive::<Question>(query), text(collation, "collation")) };
    change(query, |query| {
        let outcome = name.and_then(Collation::from_name).map(|collation| query.collation = collation);
        query.keep(outcome);
    });
}

/// Sets the language, as a BCP 47 tag, in which texts are told, compared and sorted where they have a translation;
/// without it, and with NULL, the texts themselves are. Copied. The query's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_query_locale(query: *mut guanxi_query, locale: *const c_char) {
    // SAFETY: the caller keeps the rules of the header.
    let (query, tag) = unsafe {
        let tag = if locale.is_null() { Ok(None) } else { text(locale, "locale").map(Some) };
        (handle::exclusive::<Question>(query), tag)
    };
    change(query, |query| {
        let outcome = tag.and_then(|tag| tag.map(locale_tag).transpose()).map(|tag| query.locale = tag);
        query.keep(outcome);
    });
}

/// Adds a field to the columns of the cursor, which then has those alone that were added, in their order, between the
/// id and the facts of every record; without any it has all that the user may see. No other values are read. Copied.
/// The query's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_query_field(query: *mut guanxi_query, field: *const c_char) {
    // SAFETY: the caller keeps the rules of the header.
    let (query, field) = unsafe { (handle::exclusive::<Question>(query), text(field, "field")) };
    change(query, |query| {
        let outcome = field.map(|field| query.fields.push(field.to_owned()));
        query.keep(outcome);
    });
}

/// Sets whether the titles of the records that rows refer to come along, if `wanted` is not 0: behind the column of
/// each reference to one record, and of owner and unit, stands one of its name and `.title`, such as `account.title`.
/// It is null where the user may not see the title. The query's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_query_titles(query: *mut guanxi_query, wanted: i32) {
    // SAFETY: the caller keeps the rules of the header.
    let query = unsafe { handle::exclusive::<Question>(query) };
    change(query, |query| query.titles = wanted != 0);
}

/// Sets the day on which the records hold, as `2026-11-22`, where records of the entity hold on some days; NULL for
/// whenever, as without this. Copied. The query's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_query_valid_at(query: *mut guanxi_query, day: *const c_char) {
    // SAFETY: the caller keeps the rules of the header.
    let (query, day) = unsafe {
        let day = if day.is_null() { Ok(None) } else { text(day, "valid_at").map(Some) };
        (handle::exclusive::<Question>(query), day)
    };
    change(query, |query| {
        let read = |day: &str| {
            let wrong = || Error::new(Code::InvalidArgument).field("valid_at").rule("a day, as 2026-11-22");
            day.parse::<Date>().map_err(|_| wrong().value(day))
        };
        let outcome = day.and_then(|day| day.map(read).transpose()).map(|day| query.valid_at = day);
        query.keep(outcome);
    });
}

/// Says how a query would be read, without reading a row: a JSON object with `index`, `components`, `ranges`, `lanes`,
/// `residual`, `order`, `scan` and `count`, as the method `query.explain` gives it. `*out` is the caller's until
/// guanxi_buffer_free, and NULL on failure.
///
/// Errors: as guanxi_query_run. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_query_explain(
    session: *mut guanxi_session,
    query: *const guanxi_query,
    out: *mut *mut guanxi_buffer,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, query, out) = unsafe {
        let session = handle::shared::<SessionHandle>(session);
        (Call::to(err), session, handle::view::<Question>(query), Out::handle(out))
    };
    call.run(|call| {
        let (speaker, query, out) = (speaker(call, session)?, named(query)?, out?);
        let running = speaker.enter()?;
        let explained = running.session.read(|reader| {
            let explained = reader.explain(&query.entity, &query.find(&reader)?)?;
            Ok(api::explanation_to_json(reader.registry().entity(&query.entity)?, &explained))
        })?;
        out.set(handle::create(Buffer::new(explained.to_string())));
        Ok(())
    })
}

/// Sets the most rows that a run gives altogether; 0 is all. The query's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_query_limit(query: *mut guanxi_query, rows: u64) {
    // SAFETY: the caller keeps the rules of the header.
    let query = unsafe { handle::exclusive::<Question>(query) };
    change(query, |query| query.limit = rows);
}

/// Runs a query. The cursor stands before its first row; it is the caller's until guanxi_cursor_free,
/// and NULL on failure.
///
/// Errors: the query's own first error; `schema.unknown_entity`, `schema.unknown_field`,
/// `input.invalid_filter`, `access.not_permitted`, `access.field_not_permitted`. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_query_run(
    session: *mut guanxi_session,
    query: *const guanxi_query,
    out: *mut *mut guanxi_cursor,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, query, out) = unsafe {
        let session = handle::shared::<SessionHandle>(session);
        (Call::to(err), session, handle::view::<Question>(query), Out::handle(out))
    };
    call.run(|call| {
        let (speaker, query, out) = (speaker(call, session)?, named(query)?, out?);
        let running = speaker.enter()?;
        let cursor = running.session.read(|reader| Cursor::of_query(&speaker, &reader, &query))?;
        out.set(handle::create(cursor));
        Ok(())
    })
}

/// Counts the records that a query means; its order and limit do not matter. `*count` is written on
/// success only.
///
/// Errors: as guanxi_query_run. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_count(
    session: *mut guanxi_session,
    query: *const guanxi_query,
    count: *mut u64,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, query, count) = unsafe {
        let session = handle::shared::<SessionHandle>(session);
        (Call::to(err), session, handle::view::<Question>(query), Out::value(count, "count"))
    };
    call.run(|call| {
        let (speaker, query, count) = (speaker(call, session)?, named(query)?, count?);
        let running = speaker.enter()?;
        let counted = running.session.read(|reader| {
            let condition = query.condition(&reader)?;
            reader.count_in(query.locale.as_deref(), &query.entity, &condition, Total::Exact)
        })?;
        count.set(counted.count);
        Ok(())
    })
}

/// Reads the record with an id of 16 bytes, as a cursor with one row. `*out` is the caller's until
/// guanxi_cursor_free, and NULL on failure.
///
/// Errors: `record.not_found`, `access.not_permitted`, `schema.unknown_entity`. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_session_get(
    session: *mut guanxi_session,
    entity: *const c_char,
    id: *const u8,
    out: *mut *mut guanxi_cursor,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, entity, id, out) = unsafe {
        let session = handle::shared::<SessionHandle>(session);
        (Call::to(err), session, text(entity, "entity"), record_id(id), Out::handle(out))
    };
    call.run(|call| {
        let (speaker, entity, id, out) = (speaker(call, session)?, entity?, id?, out?);
        let running = speaker.enter()?;
        let cursor =
            running.session.read(|reader| Cursor::of_record(&Arc::clone(&speaker), &reader, entity, id))?;
        out.set(handle::create(cursor));
        Ok(())
    })
}

/// Frees a query; NULL and one that was freed already are left alone. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_query_free(query: *mut guanxi_query) {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { guard::free::<Question>(query) };
}
