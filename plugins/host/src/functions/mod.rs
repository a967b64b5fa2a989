//! The functions that plugins call: each checks its handle and arguments, and none unwinds.

mod record;
mod register;
mod work;

use std::mem::size_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use guanxi::base::{Code, Error, Result};
use guanxi_plugin_abi as abi;
use guanxi_plugin_abi::{guanxi_host, guanxi_status, guanxi_str};

pub(crate) use register::package;

use crate::value::text;

/// The table that every plugin gets.
pub(crate) static HOST: guanxi_host = guanxi_host {
    struct_size: size_of::<guanxi_host>(),
    log,
    register_field: register::register_field,
    register_hook: register::register_hook,
    record_value: record::record_value,
    record_set: record::record_set,
    reject: record::reject,
    warn: record::warn,
    locale: record::locale,
    register_package: register::register_package,
    register_action: register::register_action,
    register_job: register::register_job,
    register_migration: register::register_migration,
    register_model: register::register_model,
    record_old_value: record::record_old_value,
    record_id: record::record_id,
    read: work::read,
    save: work::save,
    call: work::call,
    call_as_self: work::call_as_self,
    answer: work::answer,
    reason: work::reason,
    time_left_ms: work::time_left_ms,
    register_report: register::register_report,
    register_connector: register::register_connector,
    register_extractor: register::register_extractor,
    extracted: work::extracted,
};

/// Takes a line of a plugin's log: its level (`GUANXI_LOG_*`) and its text.
pub type LogSink = dyn Fn(u32, &str) + Send + Sync;

static LOG: RwLock<Option<Box<LogSink>>> = RwLock::new(None);

/// Says where plugins' log lines go, for the whole process; until then they go nowhere.
pub fn set_log(sink: Box<LogSink>) {
    *LOG.write().unwrap_or_else(PoisonError::into_inner) = Some(sink);
}

/// Writes a line where plugins' lines go.
pub(crate) fn tell(level: u32, line: &str) {
    if let Some(sink) = LOG.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
        sink(level, line);
    }
}

/// How plugins of this process have behaved towards the host, beside what their hooks were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Conduct {
    /// Calls with a handle that was kept beyond its call, or never given.
    pub stale_handles: u64,
    /// Calls for which the manifest did not ask leave, and definitions outside of the plugin's namespace.
    pub oversteps: u64,
    /// Calls with a null, a text or a structure that cannot be.
    pub bad_arguments: u64,
}

static STALE: AtomicU64 = AtomicU64::new(0);
static OVERSTEPS: AtomicU64 = AtomicU64::new(0);
static BAD_ARGUMENTS: AtomicU64 = AtomicU64::new(0);

/// How plugins of this process have behaved so far. It is what a conformance test of a plugin looks at.
#[must_use]
pub fn conduct() -> Conduct {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Conduct {
        stale_handles: count(&STALE),
        oversteps: count(&OVERSTEPS),
        bad_arguments: count(&BAD_ARGUMENTS),
    }
}

/// Turns a result into a status, and a panic of the engine into one too.
fn status(work: impl FnOnce() -> Result<()>) -> guanxi_status {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => abi::GUANXI_OK,
        Ok(Err(error)) => {
            note(&error);
            -error.code().number()
        }
        Err(_) => -Code::Panic.number(),
    }
}

/// Counts what a plugin should not have asked for.
fn note(error: &Error) {
    let counter = match error.code() {
        Code::InvalidHandle => &STALE,
        Code::NullArgument | Code::InvalidUtf8 | Code::PluginAbi => &BAD_ARGUMENTS,
        Code::NotPermitted if error.plugin_name().is_some() => &OVERSTEPS,
        Code::InvalidDefinition if error.field_name() == Some("package") => &OVERSTEPS,
        _ => return,
    };
    counter.fetch_add(1, Ordering::Relaxed);
}

fn stale() -> Error {
    Error::new(Code::InvalidHandle)
}

unsafe extern "C" fn log(level: u32, line: guanxi_str) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands a text that outlives the call.
        tell(level, &unsafe { text(line) }?);
        Ok(())
    })
}
