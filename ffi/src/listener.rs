//! Whom long calls tell how far they are, and how long they may take.

use std::ffi::{CString, c_char, c_void};
use std::time::Duration;

use guanxi_core::{Patience, Progress};

/// A function that is told how far a long call is: what is being done, by a name that stays the same, such
/// as `rows` or `ledger`; how many steps are done; and how many there are, 0 where nobody knows. It runs on
/// the thread of the call. It may end the call with guanxi_session_interrupt or guanxi_interrupter_interrupt;
/// it may not begin a write. `phase` is the engine's, until the function returns.
pub type guanxi_progress_function =
    Option<unsafe extern "C" fn(phase: *const c_char, done: u64, total: u64, user_data: *mut c_void)>;

/// A function of C and its data.
#[derive(Clone, Copy)]
pub(crate) struct Listener {
    function: unsafe extern "C" fn(*const c_char, u64, u64, *mut c_void),
    user_data: *mut c_void,
}

// SAFETY: whoever gives a function to a session promises that it may be called with its data on the thread of
// any call of the session; one that is given to a single call is used on the thread of that call.
unsafe impl Send for Listener {}
// SAFETY: as above; nothing is kept in it that calls change.
unsafe impl Sync for Listener {}

impl Listener {
    /// The listener, unless the function is null.
    pub fn new(function: guanxi_progress_function, user_data: *mut c_void) -> Option<Self> {
        function.map(|function| Self { function, user_data })
    }

    fn tell(&self, progress: Progress) {
        // Names of phases are words without zeros; another one is told as nothing.
        let phase = CString::new(progress.phase).unwrap_or_default();
        // SAFETY: the function and its data are the caller's, as promised; the text outlives the call.
        unsafe { (self.function)(phase.as_ptr(), progress.done, progress.total, self.user_data) };
    }
}

/// Patience that tells a listener, if there is one.
pub(crate) fn told(patience: Patience, listener: Option<Listener>) -> Patience {
    match listener {
        Some(listener) => patience.telling(move |progress| listener.tell(progress)),
        None => patience,
    }
}

/// Patience that ends after so many milliseconds; 0 is without end.
pub(crate) fn within(patience: Patience, milliseconds: u64) -> Patience {
    if milliseconds == 0 { patience } else { patience.within(Duration::from_millis(milliseconds)) }
}
