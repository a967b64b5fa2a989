//! Search: what is found by words and by likeness, how far its index has come, and the steps that a host drives.

use std::ffi::c_char;

use guanxi_core::{Error, Result, Value, api};
use guanxi_plugin_abi::guanxi_status;
use serde_json::{Value as Json, json};

use crate::arguments::{Out, optional_out, optional_text, record_id, text};
use crate::cursor::{Cursor, Row, guanxi_cursor};
use crate::error::guanxi_error;
use crate::guard::{Call, Outcome};
use crate::handle;
use crate::session::{SessionHandle, Speaker, guanxi_session, speaker};

/// Searches for words, parts of words and, in Chinese, their sounds, among what the user may see.
/// `entity` narrows it to one entity, or is NULL; `limit` is the most hits, 0 for the method's own. The
/// cursor's columns are `id`, `entity` and `title`, best hit first; it is the caller's until
/// guanxi_cursor_free, and NULL on failure.
///
/// Errors: those of the method `search.find`. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_search(
    session: *mut guanxi_session,
    entity: *const c_char,
    words: *const c_char,
    limit: u64,
    out: *mut *mut guanxi_cursor,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, entity, words, out) = unsafe {
        let texts = (optional_text(entity, "entity"), text(words, "words"));
        (Call::to(err), handle::shared::<SessionHandle>(session), texts.0, texts.1, Out::handle(out))
    };
    call.run(|call| {
        let (speaker, out) = (speaker(call, session)?, out?);
        let parameters = json!({"text": words?, "entity": entity?, "limit": given(limit)});
        let answer = called(&speaker, "search.find", &parameters)?;
        out.set(handle::create(Cursor::of_hits(&speaker, hits(answer)?)));
        Ok(())
    })
}

/// Finds records that have telling words in common with one, of an entity, by its id of 16 bytes, the most alike first.
/// `among` narrows what is found to one entity, or is NULL; `limit` is the most hits, 0 for the method's own. The
/// cursor's columns are as those of guanxi_search; it is the caller's until guanxi_cursor_free, and NULL on failure.
///
/// Errors: those of the method `search.similar`. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_search_similar(
    session: *mut guanxi_session,
    entity: *const c_char,
    id: *const u8,
    among: *const c_char,
    limit: u64,
    out: *mut *mut guanxi_cursor,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, entity, id, among, out) = unsafe {
        let texts = (text(entity, "entity"), optional_text(among, "among"));
        let session = handle::shared::<SessionHandle>(session);
        (Call::to(err), session, texts.0, record_id(id), texts.1, Out::handle(out))
    };
    call.run(|call| {
        let (speaker, out) = (speaker(call, session)?, out?);
        let id = id.map_err(|error| error.field("id"))?.to_string();
        let parameters = json!({"entity": entity?, "id": id, "among": among?, "limit": given(limit)});
        let answer = called(&speaker, "search.similar", &parameters)?;
        out.set(handle::create(Cursor::of_hits(&speaker, hits(answer)?)));
        Ok(())
    })
}

/// Tells how far the search index has come. `*behind` is 1 while it is made anew or very much was written, and 0 where
/// it is complete; then the others are 0. `*done` are the records that are found already of the `*total` that there
/// are, and `*entries` the entries of the ledger that were not looked at yet. Each place may be NULL.
///
/// Errors: `access.not_permitted` without the right to administer everything; `storage.io`. Any thread.
/// Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_search_progress(
    session: *mut guanxi_session,
    behind: *mut i32,
    done: *mut u64,
    total: *mut u64,
    entries: *mut u64,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, behind, counts) = unsafe {
        let counts = [
            ("done", optional_out(done)),
            ("total", optional_out(total)),
            ("entries", optional_out(entries)),
        ];
        (Call::to(err), handle::shared::<SessionHandle>(session), optional_out(behind), counts)
    };
    call.run(|call| {
        let speaker = speaker(call, session)?;
        let answer = called(&speaker, "search.progress", &json!({}))?;
        let progress = answer.get("progress").unwrap_or(&Json::Null);
        set(behind, i32::from(!progress.is_null()));
        for (name, place) in counts {
            set(place, count(progress, name));
        }
        Ok(())
    })
}

/// Brings the search index up to date, however far it is behind, and makes it durable. It stops when the session is
/// interrupted, and what was done until then stays done. Others search meanwhile.
///
/// Errors: those of the method `search.settle`. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_search_settle(
    session: *mut guanxi_session,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session) = unsafe { (Call::to(err), handle::shared::<SessionHandle>(session)) };
    call.run(|call| {
        let speaker = speaker(call, session)?;
        called(&speaker, "search.settle", &json!({})).map(|_| ())
    })
}

/// Has the host's function of guanxi_open_options, `extractor`, read the texts of at most `limit` attachments that wait
/// for it, 0 for the method's own number, so that search finds the records by them. Unless `again` is 0, all
/// attachments without a text wait once more first: those that could not be read three times, and those that were
/// attached before there was a function. `*read` are those that have a text now, `*failed` those that could not be
/// read, and `*waiting` what the next calls read; each place may be NULL.
///
/// Errors: those of the method `search.extract`. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_search_extract(
    session: *mut guanxi_session,
    limit: u64,
    again: i32,
    read: *mut u64,
    failed: *mut u64,
    waiting: *mut u64,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, read, failed, waiting) = unsafe {
        let counts = (optional_out(read), optional_out(failed), optional_out(waiting));
        (Call::to(err), handle::shared::<SessionHandle>(session), counts.0, counts.1, counts.2)
    };
    call.run(|call| {
        let parameters = json!({"limit": given(limit), "again": again != 0});
        let speaker = speaker(call, session)?;
        let answer = called(&speaker, "search.extract", &parameters)?;
        set(read, count(&answer, "read"));
        set(failed, count(&answer, "failed"));
        set(waiting, count(answer.get("texts").unwrap_or(&Json::Null), "waiting"));
        Ok(())
    })
}

/// Calls a method as one that may write, since a search may write its index.
fn called(speaker: &Speaker, method: &str, parameters: &Json) -> Outcome<Json> {
    let running = speaker.enter()?;
    speaker.engine.writing(|| Ok(api::call(&running.session, method, parameters)?))
}

/// A limit, or null for the method's own.
fn given(limit: u64) -> Option<u64> {
    (limit > 0).then_some(limit)
}

fn set<T>(place: Option<Out<T>>, value: T) {
    if let Some(place) = place {
        place.set(value);
    }
}

fn count(answer: &Json, name: &str) -> u64 {
    answer.get(name).and_then(Json::as_u64).unwrap_or_default()
}

fn hits(mut answer: Json) -> Result<Vec<Row>> {
    let list = answer.get_mut("hits").map(Json::take);
    let Some(Json::Array(list)) = list else { return Ok(Vec::new()) };
    list.into_iter().map(hit).collect()
}

fn hit(json: Json) -> Result<Row> {
    let text = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default();
    let id = text("id").parse().map_err(|error: Error| error.field("id"))?;
    let values = [Value::Id(id), Value::from(text("entity")), Value::from(text("title"))];
    Ok(Row::Hit { values, json })
}
