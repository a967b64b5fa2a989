//! What stands behind a transaction's handle: the transaction, and the session that it borrows from.

use std::ptr::NonNull;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use guanxi_core::{Code, Error, Patience, Result, Session, Transaction, WriteOptions};
use guanxi_plugin_abi::guanxi_status;

use crate::error::Failure;
use crate::guard::{Call, Fault, Outcome};
use crate::handle::{self, State};
use crate::session::Speaker;

/// A transaction. It belongs to the thread that began it: on any other, every function gives
/// `engine.wrong_thread` and changes nothing. It holds the writer, so others wait until
/// guanxi_txn_commit or guanxi_txn_rollback consumes it.
///
/// After a write that failed, the transaction takes no more writes, and its commit rolls back and
/// reports that first error again: nothing is ever half done. Reading goes on.
pub struct guanxi_txn {
    _opaque: [u8; 0],
}

/// A transaction with what it borrows from. The order of the members is the order in which they go:
/// the transaction before the session that it refers to.
pub(crate) struct Writing {
    held: Held,
    /// The session that `held` borrows. It lies behind an `Arc`, so it stays where it is when this moves.
    _session: Option<Arc<Session>>,
    pub speaker: Arc<Speaker>,
    patience: Patience,
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
    pub fn begin(speaker: &Arc<Speaker>, cause: &str, timeout: u64) -> Outcome<Self> {
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

    fn new(held: Held, session: Option<Arc<Session>>, speaker: &Arc<Speaker>, patience: Patience) -> Self {
        Self {
            held,
            _session: session,
            speaker: Arc::clone(speaker),
            patience,
            thread: thread::current().id(),
            failure: None,
        }
    }

    /// Refuses any other thread than the one that began.
    fn welcome(&self, call: &Call) -> Result<()> {
        call.speaks(self.speaker.locale());
        if self.thread == thread::current().id() { Ok(()) } else { Err(Error::new(Code::WrongThread)) }
    }

    /// Whether the transaction is another's to end.
    pub fn is_lent(&self) -> bool {
        matches!(self.held, Held::Lent(_))
    }

    /// Lends a transaction to a function for as long as that runs, and gives what it returned and the
    /// first error of a write.
    pub fn lend(
        transaction: &mut Transaction<'_>,
        speaker: &Arc<Speaker>,
        session: &Session,
        function: impl FnOnce(*mut guanxi_txn) -> guanxi_status,
    ) -> (guanxi_status, Option<Failure>) {
        let held = Held::Lent(NonNull::from(transaction).cast());
        let txn = handle::create(Self::new(held, None, speaker, session.patience().clone()));
        let returned = function(txn);
        // SAFETY: the handle was made above, and the function has ended, so that nobody is inside.
        let writing = unsafe { handle::release::<Self>(txn) };
        (returned, writing.and_then(|writing| writing.failure))
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

    pub fn reading<T>(&mut self, read: impl FnOnce(&Transaction<'static>) -> Result<T>) -> Outcome<T> {
        let speaker = Arc::clone(&self.speaker);
        let _running = speaker.enter()?;
        Ok(read(self.transaction()?)?)
    }

    pub fn writing<T>(&mut self, write: impl FnOnce(&mut Transaction<'static>) -> Result<T>) -> Outcome<T> {
        if let Some(failure) = &self.failure {
            return Err(Fault::Told(Box::new(failure.clone())));
        }
        let speaker = Arc::clone(&self.speaker);
        let running = speaker.enter()?;
        let outcome = speaker.engine.writing(|| Ok(write(self.transaction()?)?));
        outcome.map_err(|fault| {
            let failure = match fault {
                Fault::Engine(error) => {
                    // What `guanxi_write` lends, the session itself enters when its function fails.
                    if let Held::Own(transaction) = &self.held {
                        transaction.enter_refusal(&error);
                    }
                    Failure::new(&error, running.session.locale())
                }
                Fault::Told(failure) => *failure,
            };
            self.failure = Some(failure.clone());
            Fault::Told(Box::new(failure))
        })
    }

    pub fn commit(mut self) -> Outcome {
        if let Some(failure) = self.failure.take() {
            return Err(Fault::Told(Box::new(failure)));
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

/// Enters a transaction, in whose language the call's error will be.
///
/// # Errors
/// `input.null_argument`, `input.invalid_handle`, `engine.forked`, `engine.wrong_thread`.
///
/// # Safety
/// The pointer is null or a handle of this library, which no other call of this thread is inside of.
pub(crate) unsafe fn enter<'a>(call: &Call, txn: *mut guanxi_txn) -> Result<&'a mut Writing> {
    // SAFETY: the caller's promise is the same; other threads look at what never changes and turn back.
    let entered = unsafe {
        handle::check_process::<Writing>(txn)
            .and_then(|()| handle::peek::<Writing>(txn))
            .and_then(|seen| seen.welcome(call))
            .and_then(|()| handle::alone::<Writing>(txn))
    };
    entered.map_err(|error| error.field("txn"))
}
