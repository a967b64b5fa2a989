//! Errors as C sees them: an owned object with a status, a stable key, and the place it speaks of.

use std::ffi::{CString, c_char};

use guanxi_core::{Code, Error, Locale};
use guanxi_plugin_abi::{GUANXI_OK, guanxi_status};

use crate::guard;
use crate::handle::{self, State};

/// What went wrong in one call. The caller owns it and frees it with guanxi_error_free; any thread,
/// one at a time. Every function that reads it accepts NULL, and no text in it is ever NULL: texts end
/// in a zero byte and live as long as the error.
pub struct guanxi_error {
    _opaque: [u8; 0],
}

/// An error in texts that C can read.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    code: Code,
    retryable: bool,
    key: CString,
    message: CString,
    entity: CString,
    record: CString,
    field: CString,
    rule: CString,
    plugin: CString,
    json: CString,
}

impl State for Failure {
    type Handle = guanxi_error;
    const TAG: u32 = 1;
}

impl Failure {
    /// The error with its message in a language.
    pub fn new(error: &Error, locale: Locale) -> Self {
        let named = |name: Option<&str>| c_text(name.unwrap_or_default());
        Self {
            code: error.code(),
            retryable: error.is_retryable(),
            key: c_text(error.code().key()),
            message: c_text(&error.message(locale)),
            entity: named(error.entity_name()),
            record: named(error.record_name()),
            field: named(error.field_name()),
            rule: named(error.rule_name()),
            plugin: named(error.plugin_name()),
            json: c_text(&error.to_json(locale).to_string()),
        }
    }

    pub fn status(&self) -> guanxi_status {
        self.code.number().saturating_neg()
    }

    pub fn code(&self) -> Code {
        self.code
    }
}

/// Text with a zero byte at its end; zero bytes within are left out, which no message of ours has.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

/// The same error once more, for what is reported later or twice; the library's own cause stays behind.
pub(crate) fn repeat(error: &Error) -> Error {
    let mut copy = Error::new(error.code());
    if let Some(entity) = error.entity_name() {
        copy = copy.entity(entity);
    }
    if let Some(record) = error.record_name() {
        copy = copy.record(record);
    }
    if let Some(field) = error.field_name() {
        copy = copy.field(field);
    }
    if let Some(rule) = error.rule_name() {
        copy = copy.rule(rule);
    }
    if let Some(value) = error.quoted_value() {
        copy = copy.value(value);
    }
    if let Some(plugin) = error.plugin_name() {
        copy = copy.plugin(plugin);
    }
    copy
}

/// The code that a status stands for, if it is an error of the catalogue.
pub(crate) fn code_of(status: guanxi_status) -> Option<Code> {
    Code::ALL.iter().copied().find(|code| code.number().checked_neg() == Some(status))
}

/// # Safety
/// The pointer is null or a handle of this library.
unsafe fn text_of(error: *const guanxi_error, part: impl FnOnce(&Failure) -> &CString) -> *const c_char {
    // SAFETY: the caller's promise; errors do not change once they are made.
    match unsafe { handle::peek::<Failure>(error) } {
        Ok(failure) => part(failure).as_ptr(),
        Err(_) => c"".as_ptr(),
    }
}

/// The status number of the error; 0 for NULL. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_error_code(error: *const guanxi_error) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { handle::peek::<Failure>(error) }.map_or(GUANXI_OK, Failure::status)
}

/// The stable key of the error, such as `schema.required`; "" for NULL. Borrowed from the error.
/// Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_error_key(error: *const guanxi_error) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { text_of(error, |failure| &failure.key) }
}

/// The sentence for people, in the language of the session (of the open options where there is none
/// yet). Borrowed from the error. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_error_message(error: *const guanxi_error) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { text_of(error, |failure| &failure.message) }
}

/// The entity that the error speaks of, such as `crm.account`, or "". Borrowed from the error.
/// Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_error_entity(error: *const guanxi_error) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { text_of(error, |failure| &failure.entity) }
}

/// The id of the record that the error speaks of, as text, or "". Borrowed from the error.
/// Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_error_record(error: *const guanxi_error) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { text_of(error, |failure| &failure.record) }
}

/// The field, parameter or argument that the error speaks of, or "". Borrowed from the error.
/// Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_error_field(error: *const guanxi_error) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { text_of(error, |failure| &failure.field) }
}

/// The rule that was broken, or "". Borrowed from the error. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_error_rule(error: *const guanxi_error) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { text_of(error, |failure| &failure.rule) }
}

/// The id of the plugin that the error speaks of, or "". Borrowed from the error. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_error_plugin(error: *const guanxi_error) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { text_of(error, |failure| &failure.plugin) }
}

/// 1 if the same call may succeed when it is made again, else 0. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_error_retryable(error: *const guanxi_error) -> i32 {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { handle::peek::<Failure>(error) }.map_or(0, |failure| i32::from(failure.retryable))
}

/// Everything about the error as a JSON object, with cause and remedy; "" for NULL. Borrowed from the
/// error. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_error_json(error: *const guanxi_error) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { text_of(error, |failure| &failure.json) }
}

/// Frees an error; NULL and an error that was freed already are left alone. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_error_free(error: *mut guanxi_error) {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { guard::free::<Failure>(error) };
}
