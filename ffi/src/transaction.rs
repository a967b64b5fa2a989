//! Explicit transactions: begin, write, read what was written, commit or roll back.

use std::ffi::c_char;
use std::sync::Arc;

use guanxi_core::{Code, Error, Result};
use guanxi_plugin_abi::guanxi_status;
use serde_json::{Value as Json, json};

use crate::arguments::{Out, id_out, optional_text, record_id, text};
use crate::call::{Buffer, guanxi_buffer};
use crate::cursor::{Cursor, guanxi_cursor};
use crate::error::guanxi_error;
use crate::guard::{self, Call};
use crate::handle;
use crate::record::{Builder, guanxi_record};
use crate::session::{SessionHandle, guanxi_session, speaker};
use crate::verb::{Verb, write_in};
use crate::writing::{Writing, enter, guanxi_txn};

/// Begins a transaction, which waits for its turn to write. `cause` is what the ledger names as the
/// reason, or NULL. `timeout_ms` bounds the waiting and the whole transaction, after which it rolls
/// back at its next call; 0 is the session's own. `*out` is the caller's until commit or rollback, and
/// NULL on failure.
///
/// Errors: `engine.reentrant` if this thread has a transaction already; `engine.deadline_exceeded`.
/// Any thread, to which the transaction then belongs. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_txn_begin(
    session: *mut guanxi_session,
    cause: *const c_char,
    timeout_ms: u64,
    out: *mut *mut guanxi_txn,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, cause, out) = unsafe {
        let cause = optional_text(cause, "cause");
        (Call::to(err), handle::shared::<SessionHandle>(session), cause, Out::handle(out))
    };
    call.run(|call| {
        let (speaker, out) = (speaker(call, session)?, out?);
        out.set(handle::create(Writing::begin(&speaker, cause?.unwrap_or("api"), timeout_ms)?));
        Ok(())
    })
}

/// Makes everything that the transaction did durable, and frees the handle, also on failure, unless
/// the failure is `engine.wrong_thread`, `engine.forked` or `input.invalid_handle` (also for a lent one).
///
/// Errors: the first error of a write of this transaction, after a rollback; `storage.io`,
/// `storage.conflict`, `engine.deadline_exceeded`. The transaction's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_txn_commit(
    txn: *mut guanxi_txn,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, entered) = unsafe { called(err, txn) };
    call.run(|_| {
        if entered?.is_lent() {
            return Err(Error::new(Code::InvalidHandle).rule("guanxi_write commits this transaction").into());
        }
        // SAFETY: as above; the handle was entered a moment ago and nobody else may free it.
        let writing = unsafe { handle::release::<Writing>(txn) };
        writing.ok_or_else(|| Error::new(Code::InvalidHandle))?.commit()
    })
}

/// Leaves nothing of the transaction behind and frees the handle. NULL is no error.
///
/// Errors: `engine.wrong_thread`, `engine.forked`, `input.invalid_handle` (also for a lent one), and the
/// handle stays. The transaction's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_txn_rollback(
    txn: *mut guanxi_txn,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, entered) = unsafe { called(err, txn) };
    call.run(|_| {
        if txn.is_null() {
            return Ok(());
        }
        if entered?.is_lent() {
            return Err(Error::new(Code::InvalidHandle).rule("guanxi_write ends this transaction").into());
        }
        // SAFETY: as above; the handle was entered a moment ago and nobody else may free it.
        unsafe { guard::free::<Writing>(txn) };
        Ok(())
    })
}

/// Creates a record. `id` is NULL or takes the 16 bytes of the new record's id.
///
/// Errors: the record's own first error; `schema.*` naming entity and field, `access.not_permitted`,
/// `record.reference_missing`, and what rules refuse. The transaction's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_txn_create(
    txn: *mut guanxi_txn,
    record: *const guanxi_record,
    id: *mut u8,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let ((call, txn), record, id) =
        unsafe { (called(err, txn), handle::view::<Builder>(record), id_out(id)) };
    write_in(call, txn, record, Ok(Verb::Create), id.as_ref())
}

/// Changes the record with an id of 16 bytes; fields that are not set stay as they are.
///
/// Errors: as guanxi_txn_create; `record.not_found`, `record.version_conflict`. The transaction's
/// thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_txn_update(
    txn: *mut guanxi_txn,
    id: *const u8,
    record: *const guanxi_record,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let ((call, txn), record, id) =
        unsafe { (called(err, txn), handle::view::<Builder>(record), record_id(id)) };
    write_in(call, txn, record, id.map(Verb::Update), None)
}

/// Changes the record that another system knows by a key, or creates it with that key. `id` is NULL or
/// takes the 16 bytes of the record's id.
///
/// Errors: as guanxi_txn_create and guanxi_txn_update. The transaction's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_txn_upsert(
    txn: *mut guanxi_txn,
    source: *const c_char,
    key: *const c_char,
    record: *const guanxi_record,
    id: *mut u8,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let ((call, txn), record, verb, id) = unsafe {
        let verb = Verb::upsert(text(source, "source"), text(key, "key"));
        (called(err, txn), handle::view::<Builder>(record), verb, id_out(id))
    };
    write_in(call, txn, record, verb, id.as_ref())
}

/// Deletes the record with an id of 16 bytes, softly: the ledger keeps it.
///
/// Errors: `record.not_found`, `record.referenced`, `access.not_permitted`. The transaction's thread.
/// Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_txn_delete(
    txn: *mut guanxi_txn,
    entity: *const c_char,
    id: *const u8,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let ((call, txn), entity, id) = unsafe { (called(err, txn), text(entity, "entity"), record_id(id)) };
    call.run(|_| {
        let txn = txn?;
        let (entity, id) = (entity?, id?);
        txn.writing(|transaction| transaction.delete_record(entity, id))
    })
}

/// Reads the record with an id of 16 bytes, with the changes of this transaction, as a cursor with one
/// row. `*out` is the caller's until guanxi_cursor_free, and NULL on failure.
///
/// Errors: `record.not_found`, `access.not_permitted`, `schema.unknown_entity`. The transaction's
/// thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_txn_get(
    txn: *mut guanxi_txn,
    entity: *const c_char,
    id: *const u8,
    out: *mut *mut guanxi_cursor,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let ((call, txn), entity, id, out) =
        unsafe { (called(err, txn), text(entity, "entity"), record_id(id), Out::handle(out)) };
    call.run(|_| {
        let txn = txn?;
        let (entity, id, out) = (entity?, id?, out?);
        let speaker = Arc::clone(&txn.speaker);
        let cursor = txn.reading(|transaction| {
            let reader = transaction.reader();
            Cursor::of_record(&speaker, &reader, entity, id)
        })?;
        out.set(handle::create(cursor));
        Ok(())
    })
}

/// What the transaction took but a person should look at, as a JSON list of objects with `entity`,
/// `field` and `message` in the session's language. `*out` is the caller's until guanxi_buffer_free,
/// and NULL on failure. The transaction's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_txn_warnings(
    txn: *mut guanxi_txn,
    out: *mut *mut guanxi_buffer,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let ((call, txn), out) = unsafe { (called(err, txn), Out::handle(out)) };
    call.run(|_| {
        let (txn, out) = (txn?, out?);
        let locale = txn.speaker.locale();
        let list = txn.reading(|transaction| {
            let warnings = transaction.warnings().iter();
            let list = warnings.map(|warning| {
                json!({"entity": warning.entity, "field": warning.field, "message": warning.message.text(locale)})
            });
            Ok(list.collect::<Json>())
        })?;
        out.set(handle::create(Buffer::new(list.to_string())));
        Ok(())
    })
}

/// A call on a transaction.
///
/// # Safety
/// As [`Call::to`] and [`enter`].
unsafe fn called<'a>(err: *mut *mut guanxi_error, txn: *mut guanxi_txn) -> (Call, Result<&'a mut Writing>) {
    // SAFETY: the caller's promise is the same.
    unsafe {
        let call = Call::to(err);
        let txn = enter(&call, txn);
        (call, txn)
    }
}
