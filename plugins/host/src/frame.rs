//! What is going on: for each call into a plugin the handles that are good meanwhile, on its thread alone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use guanxi::Session;
use guanxi::base::{Label, RecordId};
use guanxi::engine::{
    ActionDefinition, ConnectorDefinition, ExtractedText, Happening, HookPoint, JobDefinition, Save,
    Transaction,
};
use guanxi::schema::{FieldDefinition, Package};
use guanxi_plugin_abi::{
    guanxi_destroy, guanxi_extract, guanxi_handle, guanxi_hook, guanxi_perform, guanxi_score,
};

use crate::contain::{Outcome, Plugin};
use crate::lent::Lent;

/// Handles are never given twice, so a stale one is always known for what it is.
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    BeforeSave,
    Around(HookPoint),
    AfterCommit,
}

/// What a plugin registers, collected while its init function runs.
pub(crate) struct Collected {
    pub plugin: Arc<Plugin>,
    /// Names of the entities that there are.
    pub entities: Vec<String>,
    /// Fields with the entity they are added to.
    pub fields: Vec<(String, FieldDefinition)>,
    /// Hooks with their entity, order and point.
    pub hooks: Vec<(String, i32, Point, Callback<guanxi_hook>)>,
    pub packages: Vec<Package>,
    pub actions: Vec<(ActionDefinition, Callback<guanxi_perform>)>,
    pub jobs: Vec<(JobDefinition, Callback<guanxi_perform>)>,
    pub migrations: BTreeMap<u32, Callback<guanxi_perform>>,
    /// Models with the entity whose records they score and the fields that they are given.
    pub models: Vec<(ActionDefinition, ModelInput, Callback<guanxi_score>)>,
    /// Reports with what they ask for.
    pub reports: Vec<(ActionDefinition, serde_json::Value)>,
    pub connectors: Vec<(ConnectorDefinition, Callback<Directions>)>,
    pub extractors: Vec<(Extracts, Callback<guanxi_extract>)>,
}

/// What an extractor reads.
#[derive(Debug, Clone)]
pub(crate) struct Extracts {
    /// Media types in small letters; `*` in place of the second half stands for each.
    pub media_types: Vec<String>,
    /// The largest content, in bytes.
    pub most_bytes: u64,
}

/// The functions of a connector, which share their data.
#[derive(Clone, Copy)]
pub(crate) struct Directions {
    pub pull: Option<guanxi_perform>,
    pub push: Option<guanxi_perform>,
}

/// What a model looks at.
#[derive(Debug, Clone)]
pub(crate) struct ModelInput {
    pub entity: String,
    pub features: Vec<String>,
}

impl Collected {
    pub fn new(plugin: Arc<Plugin>, entities: Vec<String>) -> Self {
        Self {
            plugin,
            entities,
            fields: Vec::new(),
            hooks: Vec::new(),
            packages: Vec::new(),
            actions: Vec::new(),
            jobs: Vec::new(),
            migrations: BTreeMap::new(),
            models: Vec::new(),
            reports: Vec::new(),
            connectors: Vec::new(),
            extractors: Vec::new(),
        }
    }
}

/// A function of a plugin with the data that it owns.
pub(crate) struct Callback<F> {
    pub function: F,
    pub user_data: *mut c_void,
    pub destroy: Option<guanxi_destroy>,
}

// SAFETY: the interface demands of a plugin that its functions and their data may be used on any thread,
// and that `destroy` may run on any.
unsafe impl<F: Send> Send for Callback<F> {}
// SAFETY: as above; functions of one registration may run on several threads at the same time.
unsafe impl<F: Sync> Sync for Callback<F> {}

impl<F> Drop for Callback<F> {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the registration owned the data, it is dropped once, and no function of it runs any more,
            // since whoever runs one holds the registration.
            unsafe { destroy(self.user_data) };
        }
    }
}

/// What a call is about. Each pointer is good for the duration of the call alone, on its thread.
#[derive(Clone, Copy)]
pub(crate) enum Scene {
    /// A record that is about to be saved.
    Save(*mut Save<'static>),
    /// A record that something happens to within its transaction.
    Happening(*mut Happening<'static, 'static>),
    /// A transaction in which stored data is brought to a newer form.
    Migration(*mut Transaction<'static>),
    /// Nothing but who asks.
    Asked(*const Session),
    /// A content whose text is read.
    Extracting(*mut ExtractedText<'static>),
    /// A record whose change is durable, by entity and id.
    Committed(*const Session, *const str, RecordId),
}

/// What a plugin may reach while it runs.
pub(crate) struct Running {
    pub scene: Scene,
    pub plugin: Arc<Plugin>,
    /// When its time is over.
    pub until: Instant,
    /// Why the record is refused.
    pub rejection: Option<(String, Label)>,
    /// Texts that the plugin has borrowed, kept until it returns.
    pub lent: Lent,
    /// What it answers, as JSON.
    pub answer: Option<serde_json::Value>,
    /// Why a model gave its score.
    pub reasons: Vec<serde_json::Value>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "a call of a plugin is not to cost an allocation, and frames are few"
)]
enum Doing {
    Registering(Box<Collected>),
    Running(Running),
}

struct Frame {
    /// The registrar, or the context of a call.
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

/// What a call left behind beside its outcome.
#[derive(Default)]
pub(crate) struct Said {
    pub answer: Option<serde_json::Value>,
    pub reasons: Vec<serde_json::Value>,
}

/// Calls a plugin with a context and a record; gives what came of it.
pub(crate) fn call(
    plugin: &Arc<Plugin>,
    scene: Scene,
    budget: Duration,
    function: impl FnOnce(guanxi_handle, guanxi_handle) -> i32,
) -> (Outcome, Said) {
    let since = plugin.enter();
    let running = Running {
        scene,
        plugin: Arc::clone(plugin),
        until: since + budget,
        rejection: None,
        lent: Lent::take(),
        answer: None,
        reasons: Vec::new(),
    };
    let (context, record) = enter(Doing::Running(running));
    let status = function(context, record);
    let left = leave();
    let took = plugin.leave(since);
    match left {
        Some(Doing::Running(running)) => {
            let Running { rejection, answer, reasons, lent, .. } = running;
            lent.give_back();
            (Outcome { status, rejection, took }, Said { answer, reasons })
        }
        _ => (Outcome { status, rejection: None, took }, Said::default()),
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

/// Gives the running call of a context to a function, if the handle is good. The function calls no plugin.
pub(crate) fn with_context<T>(handle: guanxi_handle, use_it: impl FnOnce(&mut Running) -> T) -> Option<T> {
    with_top(|frame| match &mut frame.doing {
        Doing::Running(running) if frame.first == handle => Some(use_it(running)),
        _ => None,
    })
}

/// Gives the running hook of a record to a function, if the handle is good. The function calls no plugin.
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
