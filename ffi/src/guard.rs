//! The guard at every entry: results become statuses and error objects, and no panic gets out to C.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use guanxi_core::{Code, Error, Locale};
use guanxi_plugin_abi::{GUANXI_OK, guanxi_status};

use crate::arguments::Out;
use crate::error::{Failure, guanxi_error};
use crate::handle::{self, State};
use crate::health;

/// Why a call failed: an error of the engine, or one that was put into words before.
pub(crate) enum Fault {
    Engine(Error),
    Told(Box<Failure>),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

/// The outcome of a call.
pub(crate) type Outcome<T = ()> = Result<T, Fault>;

/// Where a call leaves its error, and in which language.
pub(crate) struct Call {
    error: Option<Out<*mut guanxi_error>>,
    locale: Cell<Locale>,
}

impl Call {
    /// A call that writes its error to a place, or nowhere if that is null. What stands there is
    /// overwritten with null first.
    ///
    /// # Safety
    /// The pointer is null, or one error pointer may be written there until the call ends.
    pub unsafe fn to(error: *mut *mut guanxi_error) -> Self {
        // Null is no fault here, so no error is made of it, which would take memory at every call without one.
        // SAFETY: the caller's promise is the same.
        let error = if error.is_null() { None } else { unsafe { Out::handle(error) }.ok() };
        Self { error, locale: Cell::new(Locale::default()) }
    }

    /// The language of this call's error, once it is known.
    pub fn speaks(&self, locale: Locale) {
        self.locale.set(locale);
    }

    /// Runs the body of a function that is nothing but done on success.
    pub fn run(self, body: impl FnOnce(&Self) -> Outcome) -> guanxi_status {
        self.run_for_status(|call| body(call).map(|()| GUANXI_OK))
    }

    /// Runs the body of a function; what it panics with stays here.
    pub fn run_for_status(self, body: impl FnOnce(&Self) -> Outcome<guanxi_status>) -> guanxi_status {
        let fault = match contained(|| body(&self)) {
            Ok(status) => return status,
            Err(fault) => fault,
        };
        let failure = match fault {
            Fault::Engine(error) => Failure::new(&error, self.locale.get()),
            Fault::Told(failure) => *failure,
        };
        let status = failure.status();
        health::note_failure(failure.code());
        if let Some(out) = self.error {
            out.set(handle::create(failure));
        }
        status
    }
}

/// Does something; what it panics with stays here, is counted, and becomes an error.
pub(crate) fn contained<T, E: From<Error>>(body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        health::note_panic();
        Err(Error::new(Code::Panic).into())
    })
}

/// Runs a function that has no way to tell an error; after a panic or an error it gives the other value.
pub(crate) fn quietly<T>(otherwise: T, body: impl FnOnce() -> guanxi_core::Result<T>) -> T {
    contained(body).unwrap_or(otherwise)
}

/// Frees a handle and drops what it held, whatever that does.
///
/// # Safety
/// The pointer is null or a handle of this library.
pub(crate) unsafe fn free<S: State>(handle: *mut S::Handle) {
    // SAFETY: the caller's promise is the same.
    let state = unsafe { handle::release::<S>(handle) };
    quietly((), || {
        drop(state);
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{guanxi_error_code, guanxi_error_free, guanxi_error_key};
    use std::ffi::CStr;

    #[test]
    fn a_panic_becomes_a_status_and_an_error_that_says_so() {
        let mut error = std::ptr::null_mut();
        // SAFETY: the place is a local variable.
        let call = unsafe { Call::to(&raw mut error) };
        let status = call.run(|_| panic!("a fault planted by this test"));
        assert_eq!(status, guanxi_plugin_abi::GUANXI_ERR_ENGINE_PANIC);
        // SAFETY: the guard made the error.
        unsafe {
            assert_eq!(guanxi_error_code(error), status);
            assert_eq!(CStr::from_ptr(guanxi_error_key(error)), c"engine.panic");
            guanxi_error_free(error);
        }
    }

    #[test]
    fn a_function_without_an_error_gives_the_other_value_after_a_panic() {
        assert_eq!(quietly(7, || panic!("a fault planted by this test")), 7);
    }
}
