//! Writing without a transaction in hand: a function that may run again, and writes of one record.

use std::ffi::{c_char, c_void};

use guanxi_core::{Code, Error, Result};
use guanxi_plugin_abi::{GUANXI_OK, guanxi_status};

use crate::arguments::{id_out, record_id, text};
use crate::error::{Failure, code_of, guanxi_error};
use crate::guard::{Call, Fault};
use crate::handle;
use crate::record::{Builder, guanxi_record};
use crate::session::{SessionHandle, guanxi_session, speaker};
use crate::verb::{Verb, write_alone};
use crate::writing::{Writing, guanxi_txn};

/// A function that writes in a transaction. It may be called more than once, so it must not act on the
/// world outside. It returns GUANXI_OK to commit, and anything else to roll back. The transaction is
/// lent: the function neither commits nor rolls back, nor keeps it.
pub type guanxi_write_function =
    Option<unsafe extern "C" fn(txn: *mut guanxi_txn, user_data: *mut c_void) -> guanxi_status>;

/// Runs a function in a transaction, commits what it did, and runs it again if another change came
/// first. `user_data` is handed to it.
///
/// Errors: the first error of a write of the transaction, also if the function returns GUANXI_OK; else
/// the error of the status that it returned, if that is one of the catalogue; else `engine.cancelled`.
/// Those of guanxi_txn_begin and guanxi_txn_commit. Any thread; the function runs on the same. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_write(
    session: *mut guanxi_session,
    function: guanxi_write_function,
    user_data: *mut c_void,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session) = unsafe { (Call::to(err), handle::shared::<SessionHandle>(session)) };
    call.run(|call| {
        let speaker = speaker(call, session)?;
        let function = function.ok_or_else(|| Error::new(Code::NullArgument).field("function"))?;
        let running = speaker.enter()?;
        let mut told = None;
        let outcome = speaker.engine.writing(|| {
            Ok(running.session.write(|transaction| {
                let (returned, failure) = Writing::lend(transaction, &speaker, &running.session, |txn| {
                    // SAFETY: the function is the caller's, with the user data that came with it, and the
                    // handle is alive until it returns.
                    unsafe { function(txn, user_data) }
                });
                told = failure;
                verdict(returned, told.as_ref())
            })?)
        });
        outcome.map_err(|fault| told.map_or(fault, |failure| Fault::Told(Box::new(failure))))
    })
}

/// What the function's return and the transaction's first error come to.
fn verdict(returned: guanxi_status, failure: Option<&Failure>) -> Result<()> {
    match (returned, failure) {
        (_, Some(failure)) => Err(Error::new(code_of(failure.status()).unwrap_or(Code::Panic))),
        (GUANXI_OK, None) => Ok(()),
        (status, None) => Err(Error::new(code_of(status).unwrap_or(Code::Cancelled))
            .rule("the function returned another status than GUANXI_OK")),
    }
}

/// Creates a record in a transaction of its own. `id` is NULL or takes the 16 bytes of its id.
///
/// Errors: as guanxi_txn_create and guanxi_txn_commit; `record.idempotency_mismatch`. Any thread; the
/// record is only read. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_session_create(
    session: *mut guanxi_session,
    record: *const guanxi_record,
    id: *mut u8,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, record, id) = unsafe {
        let session = handle::shared::<SessionHandle>(session);
        (Call::to(err), session, handle::view::<Builder>(record), id_out(id))
    };
    write_alone(call, session, record, Ok(Verb::Create), id.as_ref())
}

/// Changes the record with an id of 16 bytes in a transaction of its own.
///
/// Errors: as guanxi_txn_update and guanxi_txn_commit; `record.idempotency_mismatch`. Any thread; the
/// record is only read. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_session_update(
    session: *mut guanxi_session,
    id: *const u8,
    record: *const guanxi_record,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, record, id) = unsafe {
        let session = handle::shared::<SessionHandle>(session);
        (Call::to(err), session, handle::view::<Builder>(record), record_id(id))
    };
    write_alone(call, session, record, id.map(Verb::Update), None)
}

/// Changes the record that another system knows by a key, or creates it, in a transaction of its own.
/// `id` is NULL or takes the 16 bytes of the record's id.
///
/// Errors: as guanxi_txn_upsert and guanxi_txn_commit; `record.idempotency_mismatch`. Any thread; the
/// record is only read. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_session_upsert(
    session: *mut guanxi_session,
    source: *const c_char,
    key: *const c_char,
    record: *const guanxi_record,
    id: *mut u8,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, record, verb, id) = unsafe {
        let verb = Verb::upsert(text(source, "source"), text(key, "key"));
        let session = handle::shared::<SessionHandle>(session);
        (Call::to(err), session, handle::view::<Builder>(record), verb, id_out(id))
    };
    write_alone(call, session, record, verb, id.as_ref())
}

/// Deletes the record with an id of 16 bytes in a transaction of its own.
///
/// Errors: as guanxi_txn_delete and guanxi_txn_commit. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_session_delete(
    session: *mut guanxi_session,
    entity: *const c_char,
    id: *const u8,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, entity, id) = unsafe {
        let session = handle::shared::<SessionHandle>(session);
        (Call::to(err), session, text(entity, "entity"), record_id(id))
    };
    call.run(|call| {
        let speaker = speaker(call, session)?;
        let (entity, id) = (entity?, id?);
        let running = speaker.enter()?;
        speaker
            .engine
            .writing(|| Ok(running.session.write(|transaction| transaction.delete_record(entity, id))?))
    })
}
