//! Calls that need no session, because no database is open: their options, and what ends them.

use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use guanxi_core::{CancelToken, Locale, Patience, Result, api};
use guanxi_plugin_abi::guanxi_status;

use crate::arguments::{Out, begin_structure, optional_text, structure, text};
use crate::call::{Buffer, guanxi_buffer};
use crate::error::guanxi_error;
use crate::guard::{self, Call};
use crate::handle::{self, Shared, State};
use crate::listener::{Listener, guanxi_progress_function, told, within};

/// What ends calls without a session from another thread, or from their progress function. Any thread, also
/// several at once. Freed with guanxi_interrupter_free, also while a call with it runs.
pub struct guanxi_interrupter {
    _opaque: [u8; 0],
}

/// The switch, and how many calls watch it.
pub(crate) struct Interrupter(Arc<Watched>);

#[derive(Default)]
struct Watched {
    token: CancelToken,
    running: AtomicUsize,
}

impl State for Interrupter {
    type Handle = guanxi_interrupter;
    const TAG: u32 = 9;
}

/// A call that watches the switch until it is dropped.
struct Watching(Arc<Watched>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Watched {
    /// Begins a call. An interruption ends what runs; what begins later, when nothing runs, is not meant by it.
    fn enter(self: &Arc<Self>) -> Watching {
        if self.running.fetch_add(1, Ordering::SeqCst) == 0 {
            self.token.reset();
        }
        Watching(Arc::clone(self))
    }
}

/// Makes an interrupter. `*out` is the caller's until guanxi_interrupter_free, and NULL on failure.
/// Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_interrupter_new(
    out: *mut *mut guanxi_interrupter,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, out) = unsafe { (Call::to(err), Out::handle(out)) };
    call.run(|_| {
        out?.set(handle::create(Interrupter(Arc::default())));
        Ok(())
    })
}

/// Ends the calls that were given this interrupter and run now; each gives `engine.cancelled` at its next
/// check. A call that begins when none runs is not touched. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_interrupter_interrupt(
    interrupter: *mut guanxi_interrupter,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, interrupter) = unsafe { (Call::to(err), handle::shared::<Interrupter>(interrupter)) };
    call.run(|_| {
        named(interrupter)?.0.token.cancel();
        Ok(())
    })
}

/// Frees an interrupter; NULL and one that was freed already are left alone. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_interrupter_free(interrupter: *mut guanxi_interrupter) {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { guard::free::<Interrupter>(interrupter) };
}

/// How a method is called without a session. Grows at the end; begin with GUANXI_CALL_OPTIONS_INIT or
/// guanxi_call_options_init, which set the size and zeros. Everything in it is the caller's, and must stay
/// until the call returns. Since 0.1.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct guanxi_call_options {
    /// Size in bytes of this structure. Since 0.1.
    pub struct_size: usize,
    /// Language of the error, as a BCP 47 tag such as `zh-Hans`; NULL for English. Since 0.1.
    pub locale: *const c_char,
    /// How long the call may take, in milliseconds; 0 is without end. Since 0.1.
    pub timeout_ms: u64,
    /// Who is told how far the call is; NULL for nobody. Since 0.1.
    pub progress: guanxi_progress_function,
    /// What the progress function is handed. Since 0.1.
    pub user_data: *mut c_void,
    /// What ends the call; NULL for nothing. Since 0.1.
    pub interrupter: *mut guanxi_interrupter,
}

/// Writes `size` bytes of options: zeros, and the size. For languages that cannot use the macro.
///
/// `options` leads to `size` bytes, of which the size itself is one; NULL or fewer bytes are left as
/// they are. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_call_options_init(options: *mut guanxi_call_options, size: usize) {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { begin_structure(options, size) };
}

/// Calls a method that needs no session, because no database is open, such as `backup.restore`,
/// `backup.verify`, `database.create` or `database.salvage`, with a JSON object of its parameters; NULL or ""
/// is none. The answer is JSON. The method `api.describe` lists all methods, and says of each whether its
/// `session` is `required` (guanxi_call), `none` (this function), or `optional` (both). `options` may be NULL.
/// `*out` is the caller's until guanxi_buffer_free, and NULL on failure. Keys and passwords stand in
/// `parameters`, which the caller wipes; the library wipes its copies.
///
/// Errors: `input.unknown_method`, `input.session_required`, `input.invalid_json`, `input.missing_parameter`,
/// `input.unknown_parameter`, `input.invalid_argument`, `engine.cancelled`, `engine.deadline_exceeded`, and
/// those of the method. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_call_without_session(
    method: *const c_char,
    parameters: *const c_char,
    options: *const guanxi_call_options,
    out: *mut *mut guanxi_buffer,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, method, parameters, given, out) = unsafe {
        let texts = (text(method, "method"), optional_text(parameters, "parameters"));
        (Call::to(err), texts.0, texts.1, Given::read(options), Out::handle(out))
    };
    call.run(|call| {
        let given = given?;
        call.speaks(given.locale);
        let (method, parameters, out) = (method?, parameters?.unwrap_or_default(), out?);
        let watching = given.watched.map(|watched| watched.enter());
        let token = watching.as_ref().map(|watching| watching.0.token.clone()).unwrap_or_default();
        let patience = told(within(Patience::with_token(token), given.timeout), given.listener);
        let answer = api::call_text_without_session(method, parameters, &patience)?;
        out.set(handle::create(Buffer::new(answer.to_string())));
        Ok(())
    })
}

fn named(interrupter: Result<Shared<Interrupter>>) -> Result<Shared<Interrupter>> {
    interrupter.map_err(|error| error.field("interrupter"))
}

/// The options as the caller gave them.
#[derive(Default)]
struct Given {
    locale: Locale,
    timeout: u64,
    listener: Option<Listener>,
    watched: Option<Arc<Watched>>,
}

impl Given {
    /// Reads the options.
    ///
    /// # Safety
    /// The pointer is null or leads to as many bytes as its first member says, and every pointer in
    /// them is null or leads to what its description says.
    unsafe fn read(options: *const guanxi_call_options) -> Result<Self> {
        if options.is_null() {
            return Ok(Self::default());
        }
        // SAFETY: the caller's promise is the same, and zeros are valid options.
        let options = unsafe { structure(options, size_of::<guanxi_call_options>()) }?;
        // SAFETY: the promise about the pointers is the caller's.
        let (locale, interrupter) = unsafe {
            let interrupter = match options.interrupter.is_null() {
                true => None,
                false => Some(named(handle::shared::<Interrupter>(options.interrupter))?),
            };
            (optional_text(options.locale, "locale")?, interrupter)
        };
        Ok(Self {
            locale: locale.map_or(Ok(Locale::default()), Locale::parse)?,
            timeout: options.timeout_ms,
            listener: Listener::new(options.progress, options.user_data),
            watched: interrupter.map(|interrupter| Arc::clone(&interrupter.0)),
        })
    }
}
