//! Keeps panics inside of the plugin: what panics here is caught, and told to the host in one line.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use crate::host::{Host, Log};

thread_local! {
    /// The host whose call runs on this thread, if one does.
    static RUNNING: Cell<Option<Host>> = const { Cell::new(None) };
}

/// Longest message of a panic that is told to the host, in characters.
const MAX_MESSAGE: usize = 200;
/// What is told of a panic whose payload cannot be read.
const NOT_TEXT: &str = "a value that is not text";

/// Runs what a plugin's author wrote.
///
/// # Errors
/// The message of the panic, if it panics; the host's log has it then, with the place.
pub(crate) fn contained<T>(host: Host, work: impl FnOnce() -> T) -> Result<T, String> {
    static FORWARD_PANICS: Once = Once::new();
    FORWARD_PANICS.call_once(forward_panics);
    let before = RUNNING.replace(Some(host));
    // State that a panic may leave half-done is the closure's own, and the host stops calling a plugin
    // that goes on failing.
    let outcome = catch_unwind(AssertUnwindSafe(work));
    RUNNING.set(before);
    outcome.map_err(message_of)
}

/// Has panics inside of a plugin's calls go to the host's log, where nobody misses them, in place of
/// the standard error stream, which is not the plugin's, and without the backtrace, which takes long.
/// All others stay with the hook that stood before: a plugin may be linked into its host.
fn forward_panics() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match RUNNING.get() {
        Some(host) => Log(host).error(&line_of(panic)),
        None => others(panic),
    }));
}

fn line_of(panic: &PanicHookInfo<'_>) -> String {
    let message = text_of(panic.payload()).unwrap_or_else(|| NOT_TEXT.to_owned());
    match panic.location() {
        Some(place) => format!("panic at {}:{}: {message}", place.file(), place.line()),
        None => format!("panic: {message}"),
    }
}

fn message_of(payload: Box<dyn Any + Send>) -> String {
    text_of(&*payload).unwrap_or_else(|| {
        // To drop a value of a foreign type might panic again, now with nobody to catch it.
        Box::leak(payload);
        NOT_TEXT.to_owned()
    })
}

/// The message of a panic on one line, if it is text, as that of every `panic!` with a message is.
fn text_of(payload: &(dyn Any + Send)) -> Option<String> {
    let text = match payload.downcast_ref::<&'static str>() {
        Some(text) => text,
        None => payload.downcast_ref::<String>()?.as_str(),
    };
    let one_line = |character: char| if character.is_control() { ' ' } else { character };
    Some(text.chars().take(MAX_MESSAGE).map(one_line).collect())
}
