//! Writing: explicit transactions, the function that may run again, and writes of one record.

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use guanxi_core::{Changes, Code, Error, RecordId, Result, Session, Transaction, WriteOptions};
use guanxi_plugin_abi::{GUANXI_OK, guanxi_status};
use serde_json::{Value as Json, json};

use crate::arguments::{Out, id_out, record_id, text};
use crate::call::{Buffer, guanxi_buffer};
use crate::cursor::{Cursor, guanxi_cursor};
use crate::error::{Failure, code_of, guanxi_error};
use crate::guard::{self, Call, Fault, Outcome};
use crate::handle::{self, Shared, State};
use crate::record::{Builder, guanxi_record};
use crate::session::{SessionHandle, Speaker, guanxi_session, speaker};

/// A transaction. It belongs to the thread that began it: on any other, every function gives
/// `engine.wrong_thread` and changes nothing. It holds the writer, so others wait until
/// guanxi_txn_commit or guanxi_txn_rollback consumes it.
///
/// After a write that failed, the transaction takes no more writes, and its commit rolls back and
/// reports that first error again: nothing is ever half done. Reading goes on.
pub struct guanxi_txn {
    _opaque: [u8; 0],
}

/// A function that writes in a transaction. It may be called more than once, so it must not act on the
/// world outside. It returns GUANXI_OK to commit, and anything else to roll back. The transaction is
/// lent: the function neither commits nor rolls back, nor keeps it.
pub type guanxi_write_function =
    Option<unsafe extern "C" fn(txn: *mut guanxi_txn, user_data: *mut c_void) -> guanxi_status>;

/// A transaction with what it borrows from. The order of the members is the order in which they go:
/// the transaction before the session that it refers to.
pub(crate) struct Writing {
    held: Held,
    /// The session that `held` borrows. It lies behind an `Arc`, so it stays where it is when this moves.
    _session: Option<Arc<Session>>,
    speaker: Arc<Speaker>,
    patience: guanxi_core::Patience,
    thread: ThreadId,
    /// The first error of a write, after which only a rollback is left.
    failure: Option<Failure>,
}

enum Held {
    /// Begun with `guanxi_txn_begin`.
    Own(Box<Transaction<'static>>),
    /// Lent to the function of `guanxi_write`, which ends before the transaction does.
    Lent(NonNull<Transaction<'static>>),
    /// Rolled back already, because its time was over.
    Nothing,
}

impl State for Writing {
    type Handle = guanxi_txn;
    const TAG: u32 = 5;
}

impl Writing {
    fn begin(speaker: &Arc<Speaker>, cause: &str, timeout: u64) -> Outcome<Self> {
        let running = speaker.enter_within(timeout)?;
        let session = Arc::new(running.session.clone());
        // SAFETY: the reference lives as long as `session` does, which lies in an `Arc` that `Writing`
        // keeps and never replaces; `held` is declared before it and so dropped before it; and no
        // function of this module gives anything out that carries the longer lifetime.
        let borrowed: &'static Session = unsafe { &*Arc::as_ptr(&session) };
        let transaction =
            speaker.engine.writing(|| Ok(borrowed.begin(WriteOptions::default().cause(cause))?))?;
        let patience = session.patience().clone();
        let held = Held::Own(Box::new(transaction));
        Ok(Self::new(held, Some(session), speaker, patience))
    }

    fn new(
        held: Held,
        session: Option<Arc<Session>>,
        speaker: &Arc<Speaker>,
        patience: guanxi_core::Patience,
    ) -> Self {
        Self {
            held,
            _session: session,
            speaker: Arc::clone(speaker),
            patience,
            thread: thread::current().id(),
            failure: None,
        }
    }

    fn check_thread(&self) -> Result<()> {
        if self.thread == thread::current().id() { Ok(()) } else { Err(Error::new(Code::WrongThread)) }
    }

    /// The transaction, unless its time is over: then it is rolled back, and others may write.
    fn transaction(&mut self) -> Result<&mut Transaction<'static>> {
        self.speaker.engine.check()?;
        if let Err(error) = self.patience.check() {
            if matches!(self.held, Held::Own(_)) && error.code() == Code::DeadlineExceeded {
                self.held = Held::Nothing;
            }
            return Err(error);
        }
        match &mut self.held {
            Held::Own(transaction) => Ok(transaction),
            // SAFETY: `write` keeps the transaction alive and untouched while its function runs, and
            // frees the handle that leads here before that ends.
            Held::Lent(transaction) => Ok(unsafe { transaction.as_mut() }),
            Held::Nothing => Err(Error::new(Code::DeadlineExceeded)),
        }
    }

    fn reading<T>(&mut self, read: impl FnOnce(&Transaction<'static>) -> Result<T>) -> Outcome<T> {
        let speaker = Arc::clone(&self.speaker);
        let _running = speaker.enter()?;
        Ok(read(self.transaction()?)?)
    }

    fn writing<T>(&mut self, write: impl FnOnce(&mut Transaction<'static>) -> Result<T>) -> Outcome<T> {
        if let Some(failure) = &self.failure {
            return Err(Fault::Told(failure.clone()));
        }
        let speaker = Arc::clone(&self.speaker);
        let running = speaker.enter()?;
        let outcome = speaker.engine.writing(|| Ok(write(self.transaction()?)?));
        outcome.map_err(|fault| {
            let failure = match fault {
                Fault::Engine(error) => Failure::new(&error, running.session.locale()),
                Fault::Told(failure) => failure,
            };
            self.failure = Some(failure.clone());
            Fault::Told(failure)
        })
    }

    fn commit(mut self) -> Outcome {
        if let Some(failure) = self.failure.take() {
            return Err(Fault::Told(failure));
        }
        let speaker = Arc::clone(&self.speaker);
        let _running = speaker.enter()?;
        self.transaction()?;
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Own(transaction) => speaker.engine.writing(|| Ok(transaction.commit().map(|_| ())?)),
            Held::Lent(_) | Held::Nothing => Err(Error::new(Code::InvalidHandle).into()),
        }
    }
}

/// The transaction of a call, on the right thread.
fn writing<'a>(call: &Call, entered: Result<&'a mut Writing>) -> Result<&'a mut Writing> {
    let writing = entered.map_err(|error| error.field("txn"))?;
    call.speaks(writing.speaker.locale());
    writing.check_thread()?;
    Ok(writing)
}

/// Enters a transaction.
///
/// # Safety
/// The pointer is null or a handle of this library, which no other call changes or frees meanwhile.
unsafe fn enter<'a>(txn: *mut guanxi_txn) -> Result<&'a mut Writing> {
    // SAFETY: the caller's promise is the same.
    unsafe {
        handle::check_process::<Writing>(txn)?;
        handle::exclusive::<Writing>(txn)
    }
}

/// What one write does, in a transaction of the caller's or of its own.
enum Verb<'a> {
    Create,
    Update(RecordId),
    Upsert(&'a str, &'a str),
}

impl Verb<'_> {
    fn run(&self, transaction: &mut Transaction<'_>, entity: &str, changes: Changes) -> Result<RecordId> {
        match self {
            Self::Create => transaction.create_record(entity, changes),
            Self::Update(id) => transaction.update_record(entity, *id, changes).map(|()| *id),
            Self::Upsert(source, key) => {
                transaction.upsert_record(entity, source, key, changes).map(guanxi_core::engine::Upserted::id)
            }
        }
    }

    fn request(&self, record: &Builder) -> Json {
        match self {
            Self::Create => record.request("create", ""),
            Self::Update(id) => record.request("update", &id.to_string()),
            Self::Upsert(source, key) => record.request("upsert", &format!("{source}\n{key}")),
        }
    }
}

fn named(record: Result<&Builder>) -> Result<&Builder> {
    record.map_err(|error| error.field("record"))
}

fn write_in(
    call: Call,
    txn: Result<&mut Writing>,
    record: Result<&Builder>,
    verb: Result<Verb<'_>>,
    id: Option<&Out<[u8; 16]>>,
) -> guanxi_status {
    call.run(|call| {
        let (txn, record, verb) = (writing(call, txn)?, named(record)?, verb?);
        let written = txn.writing(|transaction| {
            if record.idempotency_key.is_some() {
                let rule = "idempotency keys belong to writes without a transaction";
                return Err(Error::new(Code::InvalidArgument).field("idempotency_key").rule(rule));
            }
            verb.run(transaction, record.entity()?, record.changes())
        })?;
        if let Some(id) = id {
            id.set(*written.as_bytes());
        }
        Ok(())
    })
}

fn write_alone(
    call: Call,
    session: Result<Shared<SessionHandle>>,
    record: Result<&Builder>,
    verb: Result<Verb<'_>>,
    id: Option<&Out<[u8; 16]>>,
) -> guanxi_status {
    call.run(|call| {
        let (speaker, record, verb) = (speaker(call, session)?, named(record)?, verb?);
        let running = speaker.enter()?;
        let entity = record.entity()?;
        let written = speaker.engine.writing(|| Ok(write_once(&running.session, record, entity, &verb)?))?;
        if let Some(id) = id {
            id.set(*written.as_bytes());
        }
        Ok(())
    })
}

fn write_once(session: &Session, record: &Builder, entity: &str, verb: &Verb<'_>) -> Result<RecordId> {
    let Some(key) = &record.idempotency_key else {
        return session.write(|transaction| verb.run(transaction, entity, record.changes()));
    };
    let request = verb.request(record);
    let answer = session.write_once(key, &request, WriteOptions::default(), |transaction| {
        Ok(json!({"id": verb.run(transaction, entity, record.changes())?.to_string()}))
    })?;
    let id = answer.get("id").and_then(Json::as_str).unwrap_or_default();
    id.parse().map_err(|_| Error::new(Code::IdempotencyMismatch))
}

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
        let cause = crate::arguments::optional_text(cause, "cause");
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
    let (call, entered) = unsafe { (Call::to(err), enter(txn)) };
    call.run(|call| {
        if matches!(writing(call, entered)?.held, Held::Lent(_)) {
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
    let (call, entered) = unsafe { (Call::to(err), enter(txn)) };
    call.run(|call| {
        if txn.is_null() {
            return Ok(());
        }
        if matches!(writing(call, entered)?.held, Held::Lent(_)) {
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
/// `record.reference_missing`, and what rules refuse. The transaction's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_txn_create(
    txn: *mut guanxi_txn,
    record: *const guanxi_record,
    id: *mut u8,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, txn, record, id) =
        unsafe { (Call::to(err), enter(txn), handle::view::<Builder>(record), id_out(id)) };
    write_in(call, txn, record, Ok(Verb::Create), id.as_ref())
}

/// Changes the record with an id of 16 bytes; fields that are not set stay as they are.
///
/// Errors: as guanxi_txn_create; `record.not_found`, `record.version_conflict`. The transaction's
/// thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_txn_update(
    txn: *mut guanxi_txn,
    id: *const u8,
    record: *const guanxi_record,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, txn, record, id) =
        unsafe { (Call::to(err), enter(txn), handle::view::<Builder>(record), record_id(id)) };
    write_in(call, txn, record, id.map(Verb::Update), None)
}

/// Changes the record that another system knows by a key, or creates it with that key. `id` is NULL or
/// takes the 16 bytes of the record's id.
///
/// Errors: as guanxi_txn_create and guanxi_txn_update. The transaction's thread. Since 0.1.
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
    let (call, txn, record, verb, id) = unsafe {
        let verb = upsert(text(source, "source"), text(key, "key"));
        (Call::to(err), enter(txn), handle::view::<Builder>(record), verb, id_out(id))
    };
    write_in(call, txn, record, verb, id.as_ref())
}

fn upsert<'a>(source: Result<&'a str>, key: Result<&'a str>) -> Result<Verb<'a>> {
    Ok(Verb::Upsert(source?, key?))
}

/// Deletes the record with an id of 16 bytes, softly: the ledger keeps it.
///
/// Errors: `record.not_found`, `record.referenced`, `access.not_permitted`. The transaction's thread.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_txn_delete(
    txn: *mut guanxi_txn,
    entity: *const c_char,
    id: *const u8,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, txn, entity, id) =
        unsafe { (Call::to(err), enter(txn), text(entity, "entity"), record_id(id)) };
    call.run(|call| {
        let txn = writing(call, txn)?;
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
    let (call, txn, entity, id, out) = unsafe {
        (Call::to(err), enter(txn), text(entity, "entity"), record_id(id), Out::handle(out))
    };
    call.run(|call| {
        let txn = writing(call, txn)?;
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
    let (call, txn, out) = unsafe { (Call::to(err), enter(txn), Out::handle(out)) };
    call.run(|call| {
        let (txn, out) = (writing(call, txn)?, out?);
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

/// Runs a function in a transaction, commits what it did, and runs it again if another change came
/// first. `user_data` is handed to it.
///
/// Errors: the first error of a write of the transaction, also if the function returns GUANXI_OK; else
/// the error of the status that it returned, if that is one of the catalogue; else `engine.cancelled`.
/// Those of guanxi_txn_begin and guanxi_txn_commit. Any thread; the function runs on the same. Since 0.1.
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
                let (returned, failure) = lend(transaction, &speaker, &running.session, |txn| {
                    // SAFETY: the function is the caller's, with the user data that came with it, and the
                    // handle is alive until it returns.
                    unsafe { function(txn, user_data) }
                });
                told = failure;
                verdict(returned, told.as_ref())
            })?)
        });
        outcome.map_err(|fault| told.map_or(fault, Fault::Told))
    })
}

/// Lends a transaction to a function for as long as that runs.
fn lend(
    transaction: &mut Transaction<'_>,
    speaker: &Arc<Speaker>,
    session: &Session,
    function: impl FnOnce(*mut guanxi_txn) -> guanxi_status,
) -> (guanxi_status, Option<Failure>) {
    let held = Held::Lent(NonNull::from(transaction).cast());
    let txn = handle::create(Writing::new(held, None, speaker, session.patience().clone()));
    let returned = function(txn);
    // SAFETY: the handle was made above, and the function has ended, so that nobody is inside.
    let writing = unsafe { handle::release::<Writing>(txn) };
    (returned, writing.and_then(|writing| writing.failure))
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
        let verb = upsert(text(source, "source"), text(key, "key"));
        let session = handle::shared::<SessionHandle>(session);
        (Call::to(err), session, handle::view::<Builder>(record), verb, id_out(id))
    };
    write_alone(call, session, record, verb, id.as_ref())
}

/// Deletes the record with an id of 16 bytes in a transaction of its own.
///
/// Errors: as guanxi_txn_delete and guanxi_txn_commit. Any thread. Since 0.1.
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
