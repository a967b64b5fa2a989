//! What is going on: for each call into a plugin the handles that are good meanwhile, on its thread alone.

use std::cell::RefCell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

use guanxi::base::Label;
use guanxi::engine::Save;
use guanxi::schema::FieldDefinition;
use guanxi_plugin_abi::{guanxi_destroy, guanxi_handle, guanxi_hook};

/// Handles are never given twice, so a stale one is always known for what it is.
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// What a plugin registers, collected while its init function runs.
pub(crate) struct Collected {
    /// The plugin's id.
    pub plugin: String,
    /// What its manifest asks for, such as `hook:crm.account`.
    pub capabilities: Vec<String>,
    /// Names of the entities that there are.
    pub entities: Vec<String>,
    /// Fields with the entity they are added to.
    pub fields: Vec<(String, FieldDefinition)>,
    /// Hooks with their entity and order.
    pub hooks: Vec<(String, i32, NativeHook)>,
}

/// A hook of a plugin with the data that it owns.
pub(crate) struct NativeHook {
    pub hook: guanxi_hook,
    pub user_data: *mut c_void,
    pub destroy: Option<guanxi_destroy>,
}

// SAFETY: the interface demands of a plugin that its hooks and their data may be used on any thread,
// and that `destroy` may run on any.
unsafe impl Send for NativeHook {}
// SAFETY: as above; hooks of one registration may run on several threads at the same time.
unsafe impl Sync for NativeHook {}

impl Drop for NativeHook {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the registration owned the data, it is dropped once, and no hook runs any more,
            // since whoever runs one holds the registration.
            unsafe { destroy(self.user_data) };
        }
    }
}

/// What a hook may reach while it runs.
pub(crate) struct Running {
    /// The record that is being saved. Good for the duration of the call alone.
    save: *mut c_void,
    /// The plugin's id.
    pub plugin: String,
    /// Why the record is refused.
    pub rejection: Option<(String, Label)>,
    /// Texts that the plugin has borrowed, kept until it returns.
    pub lent: Vec<Box<str>>,
}

impl Running {
    /// The record that is being saved.
    pub fn save(&mut self) -> &mut Save<'static> {
        // SAFETY: the frame stands only while `run_hook` holds the record by a unique reference, on
        // this thread, and frames are reached through one borrow at a time; the lifetime is cut to the
        // frame's, which no function here hands on.
        unsafe { &mut *self.save.cast::<Save<'static>>() }
    }
}

enum Doing {
    Registering(Box<Collected>),
    Running(Box<Running>),
}

struct Frame {
    /// The registrar, or the context of a hook.
    first: guanxi_handle,
    /// The record of a hook.
    second: guanxi_handle,
    doing: Doing,
}

fn enter(doing: Doing) -> (guanxi_handle, guanxi_handle) {
    let first = NEXT.fetch_add(2, Ordering::Relaxed);
    let frame = Frame { first, second: first + 1, doing };
    FRAMES.with(|frames| frames.borrow_mut().push(frame));
    (first, first + 1)
}

fn leave() -> Option<Doing> {
    FRAMES.with(|frames| frames.borrow_mut().pop()).map(|frame| frame.doing)
}

/// Runs an init function with a registrar, and gives back what was registered.
pub(crate) fn collect(
    collected: Collected,
    init: impl FnOnce(guanxi_handle) -> i32,
) -> Option<(i32, Collected)> {
    let (registrar, _) = enter(Doing::Registering(Box::new(collected)));
    let status = init(registrar);
    match leave() {
        Some(Doing::Registering(collected)) => Some((status, *collected)),
        _ => None,
    }
}

/// Runs a hook with a context and a record; gives its status, and why it refused.
pub(crate) fn run_hook(
    hook: &NativeHook,
    plugin: &str,
    save: &mut Save<'_>,
) -> (i32, Option<(String, Label)>) {
    let running = Running {
        save: std::ptr::from_mut(save).cast(),
        plugin: plugin.to_owned(),
        rejection: None,
        lent: Vec::new(),
    };
    let (context, record) = enter(Doing::Running(Box::new(running)));
    // SAFETY: the plugin registered the function for this data, and both handles are good until it returns.
    let status = unsafe { (hook.hook)(hook.user_data, context, record) };
    match leave() {
        Some(Doing::Running(running)) => (status, running.rejection),
        _ => (status, None),
    }
}

/// Gives the registration of a registrar to a function, if the handle is good.
pub(crate) fn with_registrar<T>(
    handle: guanxi_handle,
    use_it: impl FnOnce(&mut Collected) -> T,
) -> Option<T> {
    with_top(|frame| match &mut frame.doing {
        Doing::Registering(collected) if frame.first == handle => Some(use_it(collected)),
        _ => None,
    })
}

/// Gives the running hook of a context to a function, if the handle is good.
pub(crate) fn with_context<T>(handle: guanxi_handle, use_it: impl FnOnce(&mut Running) -> T) -> Option<T> {
    with_top(|frame| match &mut frame.doing {
        Doing::Running(running) if frame.first == handle => Some(use_it(running)),
        _ => None,
    })
}

/// Gives the running hook of a record to a function, if the handle is good.
pub(crate) fn with_record<T>(handle: guanxi_handle, use_it: impl FnOnce(&mut Running) -> T) -> Option<T> {
    with_top(|frame| match &mut frame.doing {
        Doing::Running(running) if frame.second == handle => Some(use_it(running)),
        _ => None,
    })
}

/// Only the innermost call's handles are good: a plugin cannot reach past its own call.
fn with_top<T>(use_it: impl FnOnce(&mut Frame) -> Option<T>) -> Option<T> {
    FRAMES
        .with(|frames| frames.try_borrow_mut().ok().and_then(|mut frames| frames.last_mut().and_then(use_it)))
}
