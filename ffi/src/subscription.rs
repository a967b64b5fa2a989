//! Subscriptions: what changes, asked for or told on a thread of the subscription's own.

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use guanxi_core::{CancelToken, Code, Error, Patience, Result, Session, api};
use guanxi_plugin_abi::{GUANXI_DONE, GUANXI_ROW, guanxi_status};
use serde_json::{Value as Json, json};

use crate::arguments::{Out, optional_text};
use crate::call::{Buffer, guanxi_buffer};
use crate::error::{c_text, guanxi_error};
use crate::guard::{self, Call, quietly};
use crate::handle::{self, Shared, State};
use crate::log::{Owned, guanxi_destroy_function};
use crate::session::{SessionHandle, Speaker, guanxi_session, speaker};

/// What changes in a database, for one user. Any thread, also several at once. Freed with guanxi_unsubscribe; it
/// keeps the database open.
pub struct guanxi_subscription {
    _opaque: [u8; 0],
}

/// A function that is told of changes: `json`, of `length` bytes with a zero byte behind them, as
/// guanxi_subscription_next gives it; or an object with `error` alone, as guanxi_error_json gives it, after which the
/// function is not called again. It runs on the one thread of its subscription, which holds no lock then, and may call
/// the library. `json` is the library's, until the function returns. Since 0.1.
pub type guanxi_changes_function =
    Option<unsafe extern "C" fn(json: *const c_char, length: usize, user_data: *mut c_void)>;

/// Who follows what, and how far it is.
pub(crate) struct Following {
    speaker: Arc<Speaker>,
    entities: Option<Json>,
    position: AtomicU64,
    /// Held while changes are looked for, so that two calls do not get the same ones.
    looking: Mutex<()>,
    /// Ends the waiting of the subscription's own thread.
    stop: CancelToken,
    teller: Mutex<Option<JoinHandle<()>>>,
}

/// What the handle holds: the subscription's own thread shares it.
pub(crate) struct Subscription(Arc<Following>);

impl State for Subscription {
    type Handle = guanxi_subscription;
    const TAG: u32 = 10;
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.0.stop.cancel();
        let teller = lock(&self.0.teller).take();
        // The function may end its own subscription; its thread goes by itself then.
        if let Some(teller) = teller.filter(|teller| teller.thread().id() != thread::current().id()) {
            drop(teller.join());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Following {
    fn begin(speaker: &Arc<Speaker>, filter: &str) -> Result<Self> {
        let filter = Filter::parse(filter)?;
        let running = speaker.enter()?;
        // Whether the user may follow this is told now, and not by the first change.
        let newest = ask(&running.session, None, filter.entities.as_ref())?.1;
        let position = AtomicU64::new(filter.after.unwrap_or(newest));
        Ok(Self {
            speaker: Arc::clone(speaker),
            entities: filter.entities,
            position,
            looking: Mutex::new(()),
            stop: CancelToken::new(),
            teller: Mutex::new(None),
        })
    }

    /// The next changes; none if there are none within so many milliseconds, of which 0 does not wait.
    fn next_within(&self, milliseconds: u64) -> Result<Option<Json>> {
        let running = self.speaker.enter()?;
        let patience = Patience::with_token(running.session.patience().token().clone());
        let until = patience.clone().within(Duration::from_millis(milliseconds));
        self.next_of(&running.session.with_patience(patience), &until)
    }

    /// Looks with one session, and waits with the patience of a call, which does not end a look that has begun.
    fn next_of(&self, asking: &Session, patience: &Patience) -> Result<Option<Json>> {
        let _looking = lock(&self.looking);
        let waiting = asking.with_patience(patience.clone());
        loop {
            let after = self.position.load(Ordering::SeqCst);
            let (answer, position, more) = ask(asking, Some(after), self.entities.as_ref())?;
            self.position.store(position, Ordering::SeqCst);
            if has_changes(&answer) {
                return Ok(Some(answer));
            }
            match if more { Ok(position) } else { waiting.wait_for_changes(position) } {
                Err(error) if error.code() == Code::DeadlineExceeded => return Ok(None),
                waited => waited.map(drop)?,
            }
        }
    }

    /// Tells a function of every change, until the subscription ends.
    fn tell(&self, teller: &Teller) {
        let patience = Patience::with_token(self.stop.clone());
        while !self.stop.is_cancelled() {
            let session = self.speaker.aside(patience.clone());
            // A thread that panics would end in silence, and the host would wait for changes for ever.
            let told = guard::contained(|| self.next_of(&session?, &patience));
            match told {
                Ok(None) => {}
                Ok(Some(changes)) => teller.tell(&changes),
                Err(_) if self.stop.is_cancelled() => return,
                Err(error) => {
                    teller.tell(&json!({"error": error.to_json(self.speaker.locale())}));
                    return;
                }
            }
        }
    }
}

fn has_changes(answer: &Json) -> bool {
    answer.get("changes").and_then(Json::as_array).is_some_and(|changes| !changes.is_empty())
}

/// What changed behind a position, the position to go on from, and whether there is more.
fn ask(session: &Session, after: Option<u64>, entities: Option<&Json>) -> Result<(Json, u64, bool)> {
    let mut parameters = json!({});
    if let Some(given) = parameters.as_object_mut() {
        given.extend(after.map(|after| ("after".to_owned(), Json::from(after))));
        given.extend(entities.map(|entities| ("entities".to_owned(), entities.clone())));
    }
    let answer = api::call(session, "record.changes", &parameters)?;
    let position = answer.get("position").and_then(Json::as_u64).unwrap_or_default();
    let more = answer.get("more").and_then(Json::as_bool).unwrap_or_default();
    Ok((answer, position, more))
}

/// What a subscription is about.
#[derive(Default)]
struct Filter {
    entities: Option<Json>,
    after: Option<u64>,
}

impl Filter {
    fn parse(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let refused = |rule: &str| Error::new(Code::InvalidFilter).rule(rule);
        let json: Json = serde_json::from_str(text).map_err(|_| Error::new(Code::InvalidJson))?;
        let given = json.as_object().ok_or_else(|| refused("a JSON object"))?;
        let mut filter = Self::default();
        for (name, value) in given {
            match name.as_str() {
                "entities" if value.is_array() => filter.entities = Some(value.clone()),
                "after" => {
                    filter.after = Some(value.as_u64().ok_or_else(|| refused("after: a position"))?);
                }
                _ => return Err(refused("`entities`, a list of names, and `after`, a position")),
            }
        }
        Ok(filter)
    }
}

/// A function of the host and its data.
struct Teller {
    function: unsafe extern "C" fn(*const c_char, usize, *mut c_void),
    data: Owned,
}

impl Teller {
    fn tell(&self, json: &Json) {
        let text = c_text(&json.to_string());
        // SAFETY: the function and its data are the host's, and stay while this does; the text outlives the call.
        unsafe { (self.function)(text.as_ptr(), text.as_bytes().len(), self.data.data) };
    }
}

fn named(subscription: Result<Shared<Subscription>>) -> Result<Arc<Following>> {
    Ok(Arc::clone(&subscription.map_err(|error| error.field("subscription"))?.0))
}

/// Follows what changes: `filter` is NULL or "" for all that the session's user may see, or a JSON object with
/// `entities`, a list of names such as `crm.account`, and `after`, a position behind which to begin, where without it
/// only what changes from now on is told. Changes are durable when they are told, and are held against the user's
/// permissions of that moment. A host that keeps the position of the last changes it has done with, and begins
/// there after a restart, misses none. `*out` is the caller's until guanxi_unsubscribe, and NULL on failure.
///
/// Errors: `input.invalid_json`, `input.invalid_filter`, `schema.unknown_entity`, `access.not_permitted`. Any
/// thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_subscribe(
    session: *mut guanxi_session,
    filter: *const c_char,
    out: *mut *mut guanxi_subscription,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, filter, out) = unsafe {
        let filter = optional_text(filter, "filter");
        (Call::to(err), handle::shared::<SessionHandle>(session), filter, Out::handle(out))
    };
    call.run(|call| {
        let (speaker, out) = (speaker(call, session)?, out?);
        let following = Following::begin(&speaker, filter?.unwrap_or_default())?;
        out.set(handle::create(Subscription(Arc::new(following))));
        Ok(())
    })
}

/// Waits for changes: GUANXI_ROW with a JSON object of `changes`, a list of objects with `position`, `kind` (`create`,
/// `update`, `delete`, `erase`), `entity`, `id`, `at`, `actor` and `fields`, as the method `record.changes` gives it;
/// of `position`, where the next ones begin; and of `more`. GUANXI_DONE if there are none within
/// `timeout_ms` milliseconds, of which 0 does not wait. Several calls on one subscription wait for one another,
/// and none gets what another one got. `*out` is the caller's until guanxi_buffer_free, and NULL unless there is a row.
///
/// Errors: `input.invalid_argument` once a function is told of the changes; `engine.cancelled` by
/// guanxi_session_interrupt, `access.session_ended`, `access.not_permitted` if the right was taken away. Any thread.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_subscription_next(
    subscription: *mut guanxi_subscription,
    timeout_ms: u64,
    out: *mut *mut guanxi_buffer,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, subscription, out) =
        unsafe { (Call::to(err), handle::shared::<Subscription>(subscription), Out::handle(out)) };
    call.run_for_status(|call| {
        let (following, out) = (named(subscription)?, out?);
        call.speaks(following.speaker.locale());
        check_untold(lock(&following.teller).as_ref())?;
        match following.next_within(timeout_ms)? {
            Some(changes) => {
                out.set(handle::create(Buffer::new(changes.to_string())));
                Ok(GUANXI_ROW)
            }
            None => Ok(GUANXI_DONE),
        }
    })
}

fn check_untold(teller: Option<&JoinHandle<()>>) -> Result<()> {
    match teller {
        None => Ok(()),
        Some(_) => Err(Error::new(Code::InvalidArgument).field("subscription").rule("a function is told")),
    }
}

/// The position behind which the next changes are looked for; 0 for NULL. A host keeps it to begin there again.
/// Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_subscription_position(subscription: *mut guanxi_subscription) -> u64 {
    // SAFETY: the caller keeps the rules of the header.
    let subscription = unsafe { handle::shared::<Subscription>(subscription) };
    quietly(0, || Ok(named(subscription)?.position.load(Ordering::SeqCst)))
}

/// Has a function told of the changes from now on, on a thread that the subscription begins for it. `destroy`, unless
/// it is NULL, is called once with `user_data` when the function will not be called any more, and also if this call
/// fails. Only one function can be told, and guanxi_subscription_next is refused then.
///
/// Errors: `input.null_argument` without a function; `input.invalid_argument` if there is one already; `storage.io` if
/// the system gives no thread. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_subscription_listen(
    subscription: *mut guanxi_subscription,
    function: guanxi_changes_function,
    user_data: *mut c_void,
    destroy: guanxi_destroy_function,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, subscription) = unsafe { (Call::to(err), handle::shared::<Subscription>(subscription)) };
    let data = Owned::new(user_data, destroy);
    call.run(|call| {
        let following = named(subscription)?;
        call.speaks(following.speaker.locale());
        let function = function.ok_or_else(|| Error::new(Code::NullArgument).field("function"))?;
        let mut begun = lock(&following.teller);
        check_untold(begun.as_ref())?;
        let (teller, told) = (Teller { function, data }, Arc::clone(&following));
        let work = move || {
            quietly((), || {
                told.tell(&teller);
                drop(teller);
                Ok(())
            })
        };
        let thread = thread::Builder::new().name("guanxi-changes".to_owned()).spawn(work);
        *begun = Some(thread.map_err(|_| Error::new(Code::Io).rule("no thread"))?);
        Ok(())
    })
}

/// Ends a subscription and frees its handle. A function that is told returns before this does, and is not called
/// again, unless this is called by the function itself. NULL and one that was freed already are left alone.
/// Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_unsubscribe(subscription: *mut guanxi_subscription) {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { guard::free::<Subscription>(subscription) };
}
