//! How the library and one database are, for hosts that watch themselves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use guanxi_core::Code;
use guanxi_plugin_abi::guanxi_status;
use serde_json::json;

use crate::arguments::Out;
use crate::call::{Buffer, guanxi_buffer};
use crate::error::guanxi_error;
use crate::guard::Call;
use crate::handle;
use crate::log::{self, GUANXI_LOG_DEBUG, GUANXI_LOG_ERROR};
use crate::open::{EngineHandle, guanxi_engine};

static PANICS: AtomicU64 = AtomicU64::new(0);
/// Calls that failed, by the places of their codes in the catalogue. There is no lock, which a child of `fork` might
/// find held for ever.
static FAILURES: [AtomicU64; Code::ALL.len()] = [const { AtomicU64::new(0) }; Code::ALL.len()];

/// Counts and tells a call that failed.
pub(crate) fn note_failure(code: Code) {
    let counts = Code::ALL.iter().zip(&FAILURES);
    for (_, count) in counts.filter(|(known, _)| **known == code) {
        count.fetch_add(1, Ordering::Relaxed);
    }
    // What else the storage refuses, such as a wrong key, is no fault of the disk.
    let is_fault = matches!(code, Code::Damaged | Code::Io | Code::Stopped);
    let level = if is_fault { GUANXI_LOG_ERROR } else { GUANXI_LOG_DEBUG };
    log::tell(level, "call.failed", code.key());
}

/// Counts a panic.
pub(crate) fn note_panic() {
    PANICS.fetch_add(1, Ordering::Relaxed);
}

/// Says how a database and the library are, at little cost and without a session: a JSON object with `state`
/// (`open`, or `stopped` after a panic of a write), `sessions` (with the transactions, cursors and subscriptions
/// that keep theirs), `position` (the newest durable entry of the ledger; null once it has stopped), `recovery`
/// (what the open had to mend: `repaired`, `replayed_commits`, `upgraded_from`, `discarded_units`), and `process`:
/// `handles` that live, `panics` so far, and `failures`, the number of calls that ended with each error, by its
/// key. No name or value of a record is in it. More figures gives the method `database.statistics`, to whoever
/// administers. `*out` is the caller's until guanxi_buffer_free, and NULL on failure.
///
/// Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_health(
    engine: *mut guanxi_engine,
    out: *mut *mut guanxi_buffer,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, engine, out) =
        unsafe { (Call::to(err), handle::shared::<EngineHandle>(engine), Out::handle(out)) };
    call.run(|call| {
        let engine = engine.map_err(|error| error.field("engine"))?;
        let (engine, out) = (&engine.0, out?);
        call.speaks(engine.locale);
        let stopped = engine.check().is_err();
        let position = if stopped { None } else { Some(engine.crm.head()?.position) };
        let mended = engine.crm.recovery();
        let health = json!({
            "state": if stopped { "stopped" } else { "open" },
            "sessions": engine.sessions.load(Ordering::SeqCst),
            "position": position,
            "recovery": {
                "repaired": mended.repaired,
                "replayed_commits": mended.replayed_commits,
                "upgraded_from": mended.upgraded_from,
                "discarded_units": mended.discarded_units,
            },
            "process": {
                "handles": handle::live(),
                "panics": PANICS.load(Ordering::Relaxed),
                "failures": failures(),
            },
        });
        out.set(handle::create(Buffer::new(health.to_string())));
        Ok(())
    })
}

fn failures() -> BTreeMap<&'static str, u64> {
    let keys = Code::ALL.iter().map(|code| code.key());
    let counts = FAILURES.iter().map(|count| count.load(Ordering::Relaxed));
    keys.zip(counts).filter(|(_, count)| *count > 0).collect()
}
