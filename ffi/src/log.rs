//! What the library tells its host beside the answers of calls: faults, what an open had to mend, and refusals.
//!
//! A line names an event and a place, an error's stable key or a path that the host gave: never a value of a record,
//! a name of a person or a key.

use std::cell::Cell;
use std::ffi::{CString, c_char, c_void};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Once, PoisonError, RwLock};

use guanxi_core::{Code, Error};
use guanxi_plugin_abi::guanxi_status;

use crate::error::{c_text, guanxi_error};
use crate::guard::{Call, quietly};

/// Level of a log: a fault of the library, of the disk or of the host's own functions.
pub const GUANXI_LOG_ERROR: i32 = 1;
/// Level of a log: something was mended, such as a database that had not been closed.
pub const GUANXI_LOG_WARN: i32 = 2;
/// Level of a log: a database was created, opened or closed.
pub const GUANXI_LOG_INFO: i32 = 3;
/// Level of a log: a call was refused, by the stable key of its error.
pub const GUANXI_LOG_DEBUG: i32 = 4;

/// A function that is told what happens: one of GUANXI_LOG_*, the event by a name that stays the same, and what it is
/// about. Events: `engine.created`, `engine.opened`, `engine.closed`, `engine.recovered`, `engine.panic` (the
/// line of the library's source), `engine.stopped`, `call.failed` (the key of the error). It runs on the thread
/// of the call, also on several at once; what it causes itself is not told. Texts are the library's, until the
/// function returns. Since 0.1.
pub type guanxi_log_function = Option<
    unsafe extern "C" fn(level: i32, event: *const c_char, text: *const c_char, user_data: *mut c_void),
>;

/// A function that is called once with its data when the library has no more use of them, whatever became of the call
/// that gave them. Since 0.1.
pub type guanxi_destroy_function = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Data of the host with the function that takes it back.
pub(crate) struct Owned {
    pub data: *mut c_void,
    destroy: guanxi_destroy_function,
}

// SAFETY: whoever gives data to a function of the library promises that its functions may be called on any thread.
unsafe impl Send for Owned {}
// SAFETY: as above, also on several at once.
unsafe impl Sync for Owned {}

impl Owned {
    pub fn new(data: *mut c_void, destroy: guanxi_destroy_function) -> Self {
        Self { data, destroy }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the function and its data are the host's, and this is the only call.
            unsafe { destroy(self.data) };
        }
    }
}

struct Sink {
    function: unsafe extern "C" fn(i32, *const c_char, *const c_char, *mut c_void),
    data: Owned,
}

static SINK: RwLock<Option<Arc<Sink>>> = RwLock::new(None);
/// The highest level that is told; 0 where nobody listens.
static LEVEL: AtomicI32 = AtomicI32::new(0);
static HOOK: Once = Once::new();

thread_local! {
    /// Whether this thread is inside of the sink.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// Tells the host's log, if it wants to know of this level.
pub(crate) fn tell(level: i32, event: &str, text: &str) {
    if level > LEVEL.load(Ordering::Relaxed) || TELLING.get() {
        return;
    }
    // A child of `fork` may find the lock held by a thread of its parent: nothing is told then.
    let sink = SINK.try_read().ok().and_then(|sink| sink.clone());
    let Some(sink) = sink else { return };
    let (event, text): (CString, CString) = (c_text(event), c_text(text));
    TELLING.set(true);
    // SAFETY: the function and its data are the host's, and stay while the sink does; the texts outlive the call.
    unsafe { (sink.function)(level, event.as_ptr(), text.as_ptr(), sink.data.data) };
    TELLING.set(false);
}

/// Keeps the words of panics to itself, as they may hold values: the host is told the line of the source alone.
pub(crate) fn keep_panics_quiet() {
    HOOK.call_once(|| std::panic::set_hook(Box::new(tell_panic)));
}

fn tell_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
    let place = place.unwrap_or_default();
    if LEVEL.load(Ordering::Relaxed) >= GUANXI_LOG_ERROR {
        tell(GUANXI_LOG_ERROR, "engine.panic", &place);
    } else {
        eprintln!("guanxi: engine.panic at {place}");
    }
}

/// Has a function told what happens in this process, up to a level: one of GUANXI_LOG_*. It takes the place of the
/// one before; NULL is for nobody. `destroy`, unless it is NULL, is called once with `user_data` when another function
/// has taken the place and no call uses this one any more, and also if this call fails. Without a log, panics
/// of the library are told to the standard error output, by the line of its source.
///
/// Errors: `input.invalid_argument` for another level. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_set_log(
    function: guanxi_log_function,
    user_data: *mut c_void,
    destroy: guanxi_destroy_function,
    level: i32,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let call = unsafe { Call::to(err) };
    let data = Owned::new(user_data, destroy);
    call.run(|_| {
        if function.is_some() && !(GUANXI_LOG_ERROR..=GUANXI_LOG_DEBUG).contains(&level) {
            return Err(Error::new(Code::InvalidArgument).field("level").value(&level.to_string()).into());
        }
        keep_panics_quiet();
        let sink = function.map(|function| Arc::new(Sink { function, data }));
        LEVEL.store(if sink.is_some() { level } else { 0 }, Ordering::Relaxed);
        let before = std::mem::replace(&mut *SINK.write().unwrap_or_else(PoisonError::into_inner), sink);
        // The host's function runs without the lock.
        quietly((), || {
            drop(before);
            Ok(())
        });
        Ok(())
    })
}
