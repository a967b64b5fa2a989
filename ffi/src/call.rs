//! The long tail: every public verb by its name with JSON in and out, and text that C owns.

use std::ffi::{CString, c_char};

use guanxi_core::api;
use guanxi_plugin_abi::guanxi_status;

use crate::arguments::{Out, optional_text, text};
use crate::error::{c_text, guanxi_error};
use crate::guard::{self, Call, quietly};
use crate::handle::{self, State};
use crate::session::{SessionHandle, guanxi_session, speaker};

/// Text that a call gave. The caller owns it and frees it with guanxi_buffer_free; any thread, also
/// several at once.
pub struct guanxi_buffer {
    _opaque: [u8; 0],
}

/// JSON text with a zero byte after it, which JSON itself never has.
pub(crate) struct Buffer(CString);

impl State for Buffer {
    type Handle = guanxi_buffer;
    const TAG: u32 = 8;
}

impl Buffer {
    pub fn new(json: String) -> Self {
        Self(CString::new(json).unwrap_or_else(|error| c_text(&String::from_utf8_lossy(&error.into_vec()))))
    }
}

/// The first byte of the text, which ends in a zero byte; "" for NULL. Borrowed from the buffer.
/// Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_buffer_data(buffer: *const guanxi_buffer) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header.
    let buffer = unsafe { handle::peek::<Buffer>(buffer) };
    quietly(c"".as_ptr(), || Ok(buffer?.0.as_ptr()))
}

/// The length of the text in bytes, without the zero byte; 0 for NULL. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_buffer_length(buffer: *const guanxi_buffer) -> usize {
    // SAFETY: the caller keeps the rules of the header.
    let buffer = unsafe { handle::peek::<Buffer>(buffer) };
    quietly(0, || Ok(buffer?.0.as_bytes().len()))
}

/// Frees a buffer; NULL and one that was freed already are left alone. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_buffer_free(buffer: *mut guanxi_buffer) {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { guard::free::<Buffer>(buffer) };
}

/// Calls a method by its name, such as `opportunity.win`, with a JSON object of its parameters; NULL or
/// "" is none. The answer is JSON. The method `api.describe` lists all methods with their parameters.
/// `*out` is the caller's until guanxi_buffer_free, and NULL on failure.
///
/// Errors: `input.unknown_method`, `input.invalid_json`, `input.missing_parameter`,
/// `input.unknown_parameter`, `input.invalid_argument`, and those of the method. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_call(
    session: *mut guanxi_session,
    method: *const c_char,
    parameters: *const c_char,
    out: *mut *mut guanxi_buffer,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, method, parameters, out) = unsafe {
        let texts = (text(method, "method"), optional_text(parameters, "parameters"));
        (Call::to(err), handle::shared::<SessionHandle>(session), texts.0, texts.1, Out::handle(out))
    };
    call.run(|call| {
        let speaker = speaker(call, session)?;
        let (method, parameters, out) = (method?, parameters?.unwrap_or_default(), out?);
        let running = speaker.enter()?;
        let answer = speaker.engine.writing(|| Ok(api::call_text(&running.session, method, parameters)?))?;
        out.set(handle::create(Buffer::new(answer.to_string())));
        Ok(())
    })
}
