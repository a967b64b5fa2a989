//! Handles: what C holds instead of objects, checked at every use, also after they were freed.
//!
//! A handle points to a slot with a magic word, a tag for its kind, and the process that made it.
//! Slots are never given back to the allocator, only used again, and that late; so a freed handle still
//! points to a slot and is answered with an error instead of being undefined. Nothing here waits for
//! a lock: a child of `fork` that meets a lock held by a thread of its parent would wait for ever.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, TryLockError};

use guanxi_core::{Code, Error, Result};

use crate::process;

/// Magic word of a slot whose handle is alive ("GXH1").
const LIVE: u32 = 0x4758_4831;
/// Magic word of a slot whose handle was freed.
const FREED: u32 = 0x4758_4830;
/// In the count of users: one of them changes the state, so that nobody else may be inside.
const CHANGING: u32 = 1 << 31;
/// In the count of users: two calls were inside at once of which one changes the state.
const MIXED: u32 = 1 << 30;
/// The count itself.
const COUNT: u32 = MIXED - 1;
/// Freed slots that rest before one of them is used again, so that a stale handle is recognised.
const RESTING: usize = 1_024;

static FREE_SLOTS: Mutex<VecDeque<&'static Slot>> = Mutex::new(VecDeque::new());
/// The newest of the slots that were freed while somebody held the lock of [`FREE_SLOTS`].
static WAITING_SLOTS: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());
static LIVE_HANDLES: AtomicI64 = AtomicI64::new(0);

/// What a handle points to.
#[repr(C, align(8))]
struct Slot {
    magic: AtomicU32,
    tag: AtomicU32,
    process: AtomicU32,
    /// One for the handle while it lives, and one for each call that is inside; above that what holds of them.
    users: AtomicU32,
    state: AtomicPtr<()>,
    /// While the slot waits for the lock of [`FREE_SLOTS`]: the one that waited before it.
    next: AtomicPtr<Slot>,
}

/// The state behind one kind of handle.
pub(crate) trait State: Sized + 'static {
    /// The opaque C type.
    type Handle;
    /// A word that no other kind has.
    const TAG: u32;
    /// Whether it is remembered for as long as the handle lives that two threads changed it at once. It is for states whose
    /// changes have no way to tell of an error: whoever reads the state is told.
    const REMEMBERS_MIXED: bool = false;
}

/// How many handles are alive.
pub(crate) fn live() -> i64 {
    LIVE_HANDLES.load(Ordering::SeqCst)
}

/// Makes a handle, which lives until it is released.
pub(crate) fn create<S: State>(state: S) -> *mut S::Handle {
    process::follow_forks();
    let slot = resting_slot().unwrap_or_else(|| Box::leak(Box::new(Slot::empty())));
    // The count rises before the state is there: a stale handle that looks in between leaves it alone.
    slot.users.fetch_add(1, Ordering::SeqCst);
    slot.users.fetch_and(!MIXED, Ordering::SeqCst);
    slot.state.store(Box::into_raw(Box::new(state)).cast(), Ordering::SeqCst);
    slot.tag.store(S::TAG, Ordering::SeqCst);
    slot.process.store(process::current(), Ordering::SeqCst);
    slot.magic.store(LIVE, Ordering::SeqCst);
    LIVE_HANDLES.fetch_add(1, Ordering::SeqCst);
    ptr::from_ref(slot).cast_mut().cast()
}

fn resting_slot() -> Option<&'static Slot> {
    with_free_slots(|free| if free.len() > RESTING { free.pop_front() } else { None }).flatten()
}

fn rest(slot: &'static Slot) {
    if with_free_slots(|free| free.push_back(slot)).is_none() {
        wait_to_rest(slot);
    }
}

/// Does something with the free slots, unless somebody else does already.
fn with_free_slots<T>(act: impl FnOnce(&mut VecDeque<&'static Slot>) -> T) -> Option<T> {
    let mut free = match FREE_SLOTS.try_lock() {
        Ok(free) => free,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return None,
    };
    // All that wait are taken at once, so no slot can leave their list and come back while somebody looks at it.
    let mut waiting = WAITING_SLOTS.swap(ptr::null_mut(), Ordering::SeqCst);
    // SAFETY: slots are never given back, so the address of one stays readable for ever.
    while let Some(slot) = unsafe { waiting.cast_const().as_ref() } {
        waiting = slot.next.swap(ptr::null_mut(), Ordering::SeqCst);
        free.push_back(slot);
    }
    Some(act(&mut free))
}

/// Leaves a slot to whoever next has the lock.
fn wait_to_rest(slot: &'static Slot) {
    let mut newest = WAITING_SLOTS.load(Ordering::SeqCst);
    loop {
        slot.next.store(newest, Ordering::SeqCst);
        let put = ptr::from_ref(slot).cast_mut();
        match WAITING_SLOTS.compare_exchange_weak(newest, put, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => return,
            Err(seen) => newest = seen,
        }
    }
}

impl Slot {
    fn empty() -> Self {
        Self {
            magic: AtomicU32::new(FREED),
            tag: AtomicU32::new(0),
            process: AtomicU32::new(0),
            users: AtomicU32::new(0),
            state: AtomicPtr::new(ptr::null_mut()),
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    fn is<S: State>(&self) -> bool {
        self.magic.load(Ordering::SeqCst) == LIVE && self.tag.load(Ordering::Relaxed) == S::TAG
    }

    fn is_of_this_process(&self) -> bool {
        self.process.load(Ordering::Relaxed) == process::current()
    }

    /// Ends one use, which counts so much. The last one takes the state out, once the handle is freed.
    ///
    /// # Safety
    /// The state in the slot is an `S`, and this use was counted.
    unsafe fn leave<S: State>(&'static self, use_of: u32) -> Option<Box<S>> {
        let last = self.users.fetch_sub(use_of, Ordering::SeqCst) & COUNT == 1;
        if !last || self.magic.load(Ordering::SeqCst) != FREED {
            return None;
        }
        let state = self.state.swap(ptr::null_mut(), Ordering::SeqCst);
        if state.is_null() {
            return None;
        }
        LIVE_HANDLES.fetch_sub(1, Ordering::SeqCst);
        rest(self);
        // SAFETY: `create` made the pointer from a box of this type, and the swap gave it to nobody else.
        Some(unsafe { Box::from_raw(state.cast()) })
    }
}

/// The slot of a living handle of the right kind.
///
/// # Safety
/// The pointer is null or came from [`create`] in this process or a parent of it.
unsafe fn slot<S: State>(handle: *const S::Handle) -> Result<&'static Slot> {
    let slot = handle.cast::<Slot>();
    if slot.is_null() {
        return Err(Error::new(Code::NullArgument));
    }
    if !slot.is_aligned() {
        return Err(Error::new(Code::InvalidHandle));
    }
    // SAFETY: slots are never given back, so the address of one stays readable for ever.
    let slot = unsafe { &*slot };
    if slot.is::<S>() { Ok(slot) } else { Err(Error::new(Code::InvalidHandle)) }
}

/// A handle that any number of threads use at once, held for the length of one call.
pub(crate) struct Shared<S: State> {
    slot: &'static Slot,
    state: *const S,
}

impl<S: State> Deref for Shared<S> {
    type Target = S;

    fn deref(&self) -> &S {
        // SAFETY: the use is counted, so the state stays until this value is dropped.
        unsafe { &*self.state }
    }
}

impl<S: State> Drop for Shared<S> {
    fn drop(&mut self) {
        // SAFETY: `shared` checked the kind and counted this use.
        drop(unsafe { self.slot.leave::<S>(1) });
    }
}

/// Enters a handle that several threads may use; it may even be freed meanwhile.
///
/// # Errors
/// `input.null_argument`, `input.invalid_handle`, `engine.forked`.
///
/// # Safety
/// As [`slot`].
pub(crate) unsafe fn shared<S: State>(handle: *const S::Handle) -> Result<Shared<S>> {
    // SAFETY: the caller's promise is the same.
    let slot = unsafe { slot::<S>(handle) }?;
    if !slot.is_of_this_process() {
        return Err(Error::new(Code::Forked));
    }
    slot.users.fetch_add(1, Ordering::SeqCst);
    let entered = Shared { slot, state: slot.state.load(Ordering::SeqCst).cast::<S>().cast_const() };
    // Between the first look and the count the handle may have been freed.
    if slot.is::<S>() && !entered.state.is_null() {
        Ok(entered)
    } else {
        Err(Error::new(Code::InvalidHandle))
    }
}

/// A handle that one call alone is inside of, for as long as this stands.
pub(crate) struct Exclusive<S: State> {
    slot: &'static Slot,
    state: *mut S,
}

impl<S: State> Deref for Exclusive<S> {
    type Target = S;

    fn deref(&self) -> &S {
        // SAFETY: the use is counted, so the state stays, and nobody else is inside.
        unsafe { &*self.state }
    }
}

impl<S: State> DerefMut for Exclusive<S> {
    fn deref_mut(&mut self) -> &mut S {
        // SAFETY: as above.
        unsafe { &mut *self.state }
    }
}

impl<S: State> Drop for Exclusive<S> {
    fn drop(&mut self) {
        // SAFETY: `exclusive` checked the kind and counted this use.
        drop(unsafe { self.slot.leave::<S>(CHANGING + 1) });
    }
}

/// Enters a handle that one thread uses at a time, and finds out where another one is inside already. The state's own
/// memory is all that may be touched in a child of `fork`; what reaches the database asks [`check_process`] first.
///
/// # Errors
/// `input.null_argument`, `input.invalid_handle`; `engine.wrong_thread` while another call is inside.
///
/// # Safety
/// As [`slot`].
pub(crate) unsafe fn exclusive<S: State>(handle: *mut S::Handle) -> Result<Exclusive<S>> {
    // SAFETY: the caller's promise is the same.
    let slot = unsafe { slot::<S>(handle) }?;
    let mut users = slot.users.load(Ordering::SeqCst);
    loop {
        match users & (CHANGING | COUNT) {
            0 => return Err(Error::new(Code::InvalidHandle)),
            1 => {}
            _ => {
                slot.users.fetch_or(MIXED, Ordering::SeqCst);
                return Err(Error::new(Code::WrongThread));
            }
        }
        let inside = users.saturating_add(CHANGING + 1);
        match slot.users.compare_exchange_weak(users, inside, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => break,
            Err(seen) => users = seen,
        }
    }
    let entered = Exclusive { slot, state: slot.state.load(Ordering::SeqCst).cast::<S>() };
    // Between the first look and the count the handle may have been freed.
    if slot.is::<S>() && !entered.state.is_null() {
        Ok(entered)
    } else {
        Err(Error::new(Code::InvalidHandle))
    }
}

/// Enters a handle that several threads may look at while nobody changes it.
///
/// # Errors
/// As [`exclusive`], and `engine.wrong_thread` where two threads have changed it at once before.
///
/// # Safety
/// As [`slot`].
pub(crate) unsafe fn view<S: State>(handle: *const S::Handle) -> Result<Shared<S>> {
    // SAFETY: the caller's promise is the same.
    let slot = unsafe { slot::<S>(handle) }?;
    let before = slot.users.fetch_add(1, Ordering::SeqCst);
    let entered = Shared { slot, state: slot.state.load(Ordering::SeqCst).cast::<S>().cast_const() };
    if before & CHANGING != 0 {
        slot.users.fetch_or(MIXED, Ordering::SeqCst);
        return Err(Error::new(Code::WrongThread));
    }
    if S::REMEMBERS_MIXED && before & MIXED != 0 {
        return Err(Error::new(Code::WrongThread));
    }
    if slot.is::<S>() && !entered.state.is_null() {
        Ok(entered)
    } else {
        Err(Error::new(Code::InvalidHandle))
    }
}

/// Looks at a handle without being counted, for getters that are called for each value: another call that changes it and
/// is inside already is found out, one that begins meanwhile is not.
///
/// # Errors
/// `input.null_argument`, `input.invalid_handle`, `engine.wrong_thread`.
///
/// # Safety
/// As [`slot`], and no call that begins while the reference lives changes or frees the handle.
pub(crate) unsafe fn peek<'a, S: State>(handle: *const S::Handle) -> Result<&'a S> {
    // SAFETY: the caller's promise is the same.
    let slot = unsafe { slot::<S>(handle) }?;
    if slot.users.load(Ordering::SeqCst) & CHANGING != 0 {
        return Err(Error::new(Code::WrongThread));
    }
    // SAFETY: the handle is alive, so its state is there, and the caller has promised that nobody changes it.
    unsafe { slot.state.load(Ordering::SeqCst).cast::<S>().as_ref() }
        .ok_or_else(|| Error::new(Code::InvalidHandle))
}

/// Enters a handle whose state tells threads apart itself.
///
/// # Errors
/// `input.null_argument`, `input.invalid_handle`.
///
/// # Safety
/// As [`slot`], and no other call is inside the handle or frees it while the reference lives.
pub(crate) unsafe fn alone<'a, S: State>(handle: *mut S::Handle) -> Result<&'a mut S> {
    // SAFETY: the caller's promise is the same.
    let slot = unsafe { slot::<S>(handle) }?;
    // SAFETY: the handle is alive, so its state is there, and the caller has promised to be alone.
    unsafe { slot.state.load(Ordering::SeqCst).cast::<S>().as_mut() }
        .ok_or_else(|| Error::new(Code::InvalidHandle))
}

/// Refuses a handle that another process made.
///
/// # Errors
/// `input.null_argument`, `input.invalid_handle`, `engine.forked`.
///
/// # Safety
/// As [`slot`].
pub(crate) unsafe fn check_process<S: State>(handle: *const S::Handle) -> Result<()> {
    // SAFETY: the caller's promise is the same.
    let slot = unsafe { slot::<S>(handle) }?;
    if slot.is_of_this_process() { Ok(()) } else { Err(Error::new(Code::Forked)) }
}

/// Frees a handle. One that is null, freed already or of a parent process is left alone.
/// Gives the state if no other call is inside; otherwise the last call to leave drops it.
///
/// # Safety
/// As [`slot`].
pub(crate) unsafe fn release<S: State>(handle: *mut S::Handle) -> Option<Box<S>> {
    // SAFETY: the caller's promise is the same.
    let slot = unsafe { slot::<S>(handle) }.ok()?;
    if !slot.is_of_this_process() {
        return None;
    }
    slot.magic.compare_exchange(LIVE, FREED, Ordering::SeqCst, Ordering::SeqCst).ok()?;
    // SAFETY: the kind was checked, and this is the handle's own use, which ends exactly once.
    unsafe { slot.leave::<S>(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    struct Left {
        witness: Arc<()>,
    }
    struct Right;

    impl State for Left {
        type Handle = u8;
        const TAG: u32 = 1;
    }

    impl State for Right {
        type Handle = u8;
        const TAG: u32 = 2;
    }

    fn code<T>(result: Result<T>) -> Option<Code> {
        result.err().map(|error| error.code())
    }

    #[test]
    fn a_freed_handle_is_refused_and_its_state_is_gone() {
        let witness = Arc::new(());
        let handle = create(Left { witness: Arc::clone(&witness) });
        // SAFETY: the handle was made here.
        unsafe {
            assert!(Arc::ptr_eq(&peek::<Left>(handle).unwrap().witness, &witness));
            drop(release::<Left>(handle));
            assert_eq!(code(view::<Left>(handle)), Some(Code::InvalidHandle));
            assert_eq!(code(shared::<Left>(handle)), Some(Code::InvalidHandle));
            assert!(release::<Left>(handle).is_none());
        }
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn a_handle_of_another_kind_is_refused() {
        let handle = create(Right);
        // SAFETY: the handle was made here.
        unsafe {
            assert_eq!(code(view::<Left>(handle)), Some(Code::InvalidHandle));
            assert!(release::<Left>(handle).is_none());
            assert!(release::<Right>(handle).is_some());
        }
    }

    #[test]
    fn whoever_changes_a_handle_is_alone_in_it_and_whoever_is_not_is_told() {
        let handle = create(Left { witness: Arc::new(()) });
        // SAFETY: the handle was made here.
        unsafe {
            let inside = exclusive::<Left>(handle).unwrap();
            assert_eq!(code(exclusive::<Left>(handle)), Some(Code::WrongThread));
            assert_eq!(code(view::<Left>(handle)), Some(Code::WrongThread));
            assert_eq!(code(peek::<Left>(handle)), Some(Code::WrongThread));
            drop(inside);
            let (one, other) = (view::<Left>(handle).unwrap(), view::<Left>(handle).unwrap());
            assert_eq!(code(exclusive::<Left>(handle)), Some(Code::WrongThread));
            assert!(peek::<Left>(handle).is_ok());
            drop((one, other));
            drop(exclusive::<Left>(handle).unwrap());
        }
    }

    #[test]
    fn a_handle_freed_while_it_is_changed_stays_until_that_ends() {
        let witness = Arc::new(());
        let handle = create(Left { witness: Arc::clone(&witness) });
        // SAFETY: the handle was made here.
        let inside = unsafe { exclusive::<Left>(handle) }.unwrap();
        // SAFETY: as above.
        assert!(unsafe { release::<Left>(handle) }.is_none());
        assert_eq!(Arc::strong_count(&inside.witness), 2);
        drop(inside);
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn a_handle_freed_during_a_call_lives_until_the_call_ends() {
        let witness = Arc::new(());
        let handle = create(Left { witness: Arc::clone(&witness) });
        // SAFETY: the handle was made here.
        let inside = unsafe { shared::<Left>(handle) }.unwrap();
        // SAFETY: as above.
        assert!(unsafe { release::<Left>(handle) }.is_none());
        assert_eq!(Arc::strong_count(&inside.witness), 2);
        drop(inside);
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn a_slot_freed_while_the_list_of_free_ones_is_held_comes_back_later() {
        let handle = create(Right);
        let held = FREE_SLOTS.lock().unwrap();
        // SAFETY: the handle was made here.
        assert!(unsafe { release::<Right>(handle) }.is_some());
        assert!(!held.iter().any(|slot| ptr::eq(*slot, handle.cast())));
        drop(held);
        // Other tests may use the list at the same moment, so it may take more than one look.
        let resting = || with_free_slots(|free| free.iter().any(|slot| ptr::eq(*slot, handle.cast())));
        assert!(std::iter::from_fn(|| Some(resting())).find_map(|seen| seen).unwrap());
    }

    #[test]
    fn handles_freed_while_other_threads_enter_them_are_dropped_once() {
        let witness = Arc::new(());
        for _ in 0..200 {
            let address = create(Left { witness: Arc::clone(&witness) }) as usize;
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    std::thread::spawn(move || {
                        // SAFETY: the handle was made above, and slots stay.
                        unsafe {
                            drop(shared::<Left>(address as *const u8));
                            drop(release::<Left>(address as *mut u8));
                        }
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
        assert_eq!(Arc::strong_count(&witness), 1);
    }
}
