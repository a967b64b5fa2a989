//! Arguments as C passes them, checked and turned into Rust values; and places that results go to.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

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

/// A place that may be left out with null, which is no fault, so no error is made of it.
///
/// # Safety
/// As [`Out::value`].
pub(crate) unsafe fn optional_out<T>(place: *mut T) -> Option<Out<T>> {
    (!place.is_null()).then_some(Out(place))
}

/// A place for the 16 bytes of an id; nothing is written where the caller gave null.
///
/// # Safety
/// The pointer is null, or 16 bytes may be written there until the call ends.
pub(crate) unsafe fn id_out(place: *mut u8) -> Option<Out<[u8; 16]>> {
    // SAFETY: the caller's promise is the same.
    unsafe { optional_out(place.cast()) }
}

/// A structure of options that only ever grows at its end and begins with its size: what the caller's version
/// has of it, and zeros for the rest.
///
/// # Errors
/// `input.invalid_argument` for a structure that is smaller than the first version's, or uses members that
/// this version does not know.
///
/// # Safety
/// The pointer leads to as many bytes as its first member says, and zeros are valid in every member.
pub(crate) unsafe fn structure<T: Copy>(pointer: *const T, first_size: usize) -> Result<T> {
    // SAFETY: at least the size is there.
    let size = unsafe { pointer.cast::<usize>().read() };
    // SAFETY: the caller promised so many bytes.
    if size < first_size || unsafe { has_tail(pointer, size) } {
        let rule = "the size of version 0.1, or larger with zeros after it";
        return Err(Error::new(Code::InvalidArgument).field("struct_size").rule(rule));
    }
    let mut whole = MaybeUninit::<T>::zeroed();
    // SAFETY: the caller promised `size` bytes, and zeros are valid where there are fewer than known.
    unsafe {
        let known = size.min(size_of::<T>());
        whole.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(pointer.cast::<u8>(), known);
        Ok(whole.assume_init())
    }
}

/// Whether a later version's members, which this one does not know, are in use.
///
/// # Safety
/// The pointer leads to so many bytes.
unsafe fn has_tail<T>(pointer: *const T, size: usize) -> bool {
    let known = size_of::<T>();
    let Some(rest) = size.checked_sub(known) else { return false };
    // SAFETY: the caller promised `size` bytes, of which these are the last.
    let tail = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>().add(known), rest) };
    tail.iter().any(|byte| *byte != 0)
}

/// Writes `size` bytes of a structure that begins with its size: zeros, and the size. A null pointer and fewer
/// bytes are left as they are.
///
/// # Safety
/// The pointer is null or leads to so many bytes.
pub(crate) unsafe fn begin_structure<T>(pointer: *mut T, size: usize) {
    if pointer.is_null() || size < size_of::<usize>() {
        return;
    }
    // SAFETY: the caller gave so many bytes, which hold at least the size at their beginning.
    unsafe {
        pointer.cast::<u8>().write_bytes(0, size);
        pointer.cast::<usize>().write(size);
    }
}
