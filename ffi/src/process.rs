//! Which process this is. The system is asked once and at each `fork`, not at each call: the row of a cursor would wait
//! for that longer than for all else that the boundary does.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The number of this process, good once [`TOLD`] is set.
static NUMBER: AtomicU32 = AtomicU32::new(0);
/// Whether somebody asked to be told of forks, which is done once; nobody waits for that, see `handle`.
static ASKED: AtomicBool = AtomicBool::new(false);
/// Whether a child of `fork` is told that it is one, before its first call.
static TOLD: AtomicBool = AtomicBool::new(false);

/// The number of this process. A child that no `fork` of the C library made is not noticed by it.
pub(crate) fn current() -> u32 {
    if TOLD.load(Ordering::SeqCst) { NUMBER.load(Ordering::Relaxed) } else { std::process::id() }
}

/// Asks the system to be told of forks, before the first handle is there. Where it does not do that, [`current`] asks for
/// the number each time.
pub(crate) fn follow_forks() {
    if !ASKED.load(Ordering::Relaxed) && !ASKED.swap(true, Ordering::SeqCst) {
        note_number();
        TOLD.store(is_told(), Ordering::SeqCst);
    }
}

fn note_number() {
    NUMBER.store(std::process::id(), Ordering::SeqCst);
}

#[cfg(unix)]
fn is_told() -> bool {
    unsafe extern "C" fn in_child() {
        note_number();
    }
    // SAFETY: what runs in a child stores a number and asks the system for one, which is allowed there, and the library
    // is never unloaded.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) == 0 }
}

/// Elsewhere nobody forks.
#[cfg(not(unix))]
fn is_told() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_that_of_the_system_before_and_behind_the_first_look() {
        assert_eq!(current(), std::process::id());
        for _ in 0..2 {
            follow_forks();
            assert_eq!(current(), std::process::id());
        }
    }
}
