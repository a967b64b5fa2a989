//! Arguments as C passes them, checked and turned into Rust values; and places that results go to.

use std::ffi::{CStr, c_char};

use guanxi_core::{Code, Error, RecordId, Result};

/// A place that the caller gave for a result.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// A place for a plain value, which is written on success only.
    ///
    /// # Errors
    /// `input.null_argument` naming the argument.
    ///
    /// # Safety
    /// The pointer is null, or one value may be written there until the call ends.
    pub unsafe fn value(place: *mut T, name: &str) -> Result<Self> {
        if place.is_null() { Err(Error::new(Code::NullArgument).field(name)) } else { Ok(Self(place)) }
    }

    /// Writes the result.
    pub fn set(&self, value: T) {
        // SAFETY: whoever made this promised that the place may be written until the call ends.
        unsafe { self.0.write(value) };
    }
}

impl<T> Out<*mut T> {
    /// A place for a new handle, which is null unless the call succeeds.
    ///
    /// # Errors
    /// `input.null_argument`.
    ///
    /// # Safety
    /// As [`Out::value`].
    pub unsafe fn handle(place: *mut *mut T) -> Result<Self> {
        // SAFETY: the caller's promise is the same.
        let out = unsafe { Self::value(place, "out") }?;
        out.set(std::ptr::null_mut());
        Ok(out)
    }
}

/// A text that must be given.
///
/// # Errors
/// `input.null_argument` and `input.invalid_utf8`, naming the argument.
///
/// # Safety
/// The pointer is null or leads to bytes that end in zero and stay as they are during the call.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: the caller's promise is the same.
    unsafe { field_text(pointer) }.map_err(|error| error.field(name))
}

/// The text of a field, whose errors get the field's name later.
///
/// # Errors
/// `input.null_argument` and `input.invalid_utf8`.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn field_text<'a>(pointer: *const c_char) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(Error::new(Code::NullArgument));
    }
    // SAFETY: the pointer is not null, and the caller promised that its bytes end in zero.
    let bytes = unsafe { CStr::from_ptr(pointer) };
    bytes.to_str().map_err(|_| Error::new(Code::InvalidUtf8))
}

/// A text that may be left out with null.
///
/// # Errors
/// `input.invalid_utf8`, naming the argument.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn optional_text<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise is the same.
    unsafe { text(pointer, name) }.map(Some)
}

/// The 16 bytes of a record's id.
///
/// # Errors
/// `input.null_argument`.
///
/// # Safety
/// The pointer is null or leads to 16 bytes.
pub(crate) unsafe fn record_id(pointer: *const u8) -> Result<RecordId> {
    if pointer.is_null() {
        return Err(Error::new(Code::NullArgument).field("id"));
    }
    // SAFETY: the caller promised 16 bytes, and bytes need no alignment.
    Ok(RecordId::from_bytes(unsafe { pointer.cast::<[u8; 16]>().read() }))
}

/// A place for the 16 bytes of an id; nothing is written where the caller gave null.
///
/// # Safety
/// The pointer is null, or 16 bytes may be written there until the call ends.
pub(crate) unsafe fn id_out(place: *mut u8) -> Option<Out<[u8; 16]>> {
    // SAFETY: the caller's promise is the same.
    unsafe { Out::value(place.cast(), "id") }.ok()
}
