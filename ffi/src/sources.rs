//! Where time and chance come from, if a host has its own.

use std::ffi::c_void;
use std::sync::Arc;

use guanxi_core::base::{Clock, Random, Timestamp};
use guanxi_plugin_abi::{GUANXI_OK, guanxi_status};

/// A function that tells the present moment, in microseconds since 1970-01-01 in UTC. It returns GUANXI_OK; anything
/// else ends the call that asked with `engine.panic`, as no record may bear a moment that nobody knows. It runs
/// on any thread, also on several at once, and may not call the library. Since 0.1.
pub type guanxi_clock_function =
    Option<unsafe extern "C" fn(microseconds: *mut i64, user_data: *mut c_void) -> guanxi_status>;

/// A function that fills `length` bytes at `bytes` with random ones that are fit for keys. It returns GUANXI_OK;
/// anything else ends the call that asked with `engine.panic`, as no key or id may be made without chance. It
/// runs on any thread, also on several at once, and may not call the library. Since 0.1.
pub type guanxi_random_function =
    Option<unsafe extern "C" fn(bytes: *mut u8, length: usize, user_data: *mut c_void) -> guanxi_status>;

/// A function of the host, and what it is handed.
#[derive(Clone, Copy)]
pub(crate) struct Source<F> {
    function: F,
    user_data: *mut c_void,
}

// SAFETY: whoever gives the function promises that it may be called with its data on any thread.
unsafe impl<F: Send> Send for Source<F> {}
// SAFETY: as above, also on several threads at once.
unsafe impl<F: Sync> Sync for Source<F> {}

impl<F> std::fmt::Debug for Source<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a function of the host")
    }
}

type ClockFunction = unsafe extern "C" fn(*mut i64, *mut c_void) -> guanxi_status;
type RandomFunction = unsafe extern "C" fn(*mut u8, usize, *mut c_void) -> guanxi_status;

impl Clock for Source<ClockFunction> {
    #[expect(clippy::panic, reason = "no record may bear a moment that nobody knows; the guard contains it")]
    fn now(&self) -> Timestamp {
        let mut microseconds = 0;
        // SAFETY: the function and its data are the host's, as promised; the place is a local variable.
        let status = unsafe { (self.function)(&raw mut microseconds, self.user_data) };
        if status != GUANXI_OK {
            panic!("the host's clock gives no moment");
        }
        Timestamp::from_micros(microseconds)
    }
}

impl Random for Source<RandomFunction> {
    #[expect(clippy::panic, reason = "no key or id may be made without chance; the guard contains it")]
    fn fill(&self, buffer: &mut [u8]) {
        // SAFETY: the function and its data are the host's, as promised; the buffer has the length that is said.
        let status = unsafe { (self.function)(buffer.as_mut_ptr(), buffer.len(), self.user_data) };
        if status != GUANXI_OK {
            panic!("the host's source of random bytes gives none");
        }
    }
}

/// The clock of a host, unless the function is null.
pub(crate) fn clock(function: guanxi_clock_function, user_data: *mut c_void) -> Option<Arc<dyn Clock>> {
    let function: ClockFunction = function?;
    Some(Arc::new(Source { function, user_data }))
}

/// The random source of a host, unless the function is null.
pub(crate) fn random(function: guanxi_random_function, user_data: *mut c_void) -> Option<Arc<dyn Random>> {
    let function: RandomFunction = function?;
    Some(Arc::new(Source { function, user_data }))
}
