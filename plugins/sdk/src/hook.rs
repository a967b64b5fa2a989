//! What a hook sees while it runs, and the one function through which the host calls it.

use std::ffi::c_void;
use std::marker::PhantomData;

use guanxi_plugin_abi::{
    GUANXI_ERR_INPUT_NULL_ARGUMENT, GUANXI_ERR_PLUGIN_FAULT, GUANXI_ERR_PLUGIN_REJECTED,
    GUANXI_ERR_SCHEMA_WRONG_TYPE, GUANXI_OK, guanxi_handle, guanxi_status, guanxi_str, guanxi_value,
};

use crate::error::Reason;
use crate::fault::contained;
use crate::host::{Host, Log};
use crate::value::{bytes_of, utf8};
use crate::{Error, Reject, Value};

/// A hook as its author wrote it.
pub(crate) type Hook = dyn Fn(&Context<'_>, &mut Record<'_>) -> Result<(), Reject> + Send + Sync;

/// An action, a job or a migration as its author wrote it: it takes JSON and gives JSON.
pub(crate) type Work = dyn Fn(&Context<'_>, &str) -> Result<String, Reject> + Send + Sync;

/// A model as its author wrote it: it takes the values of its features and gives a score.
pub(crate) type Score = dyn Fn(&Context<'_>, &[Value]) -> Result<f64, Reject> + Send + Sync;

/// An extractor as its author wrote it: it takes a content and hands its text over.
pub(crate) type Extract = dyn Fn(&Context<'_>, &Content<'_>) -> Result<(), Reject> + Send + Sync;

/// The content of an attachment whose text is read.
#[derive(Debug, Clone, Copy)]
pub struct Content<'call> {
    /// Its media type, as whoever attached it said it.
    pub media_type: &'call str,
    /// All of its bytes.
    pub bytes: &'call [u8],
}

/// A connector as its author wrote it; one direction may be missing.
#[derive(Default)]
pub(crate) struct Directions {
    pub(crate) pull: Option<Box<Work>>,
    pub(crate) push: Option<Box<Work>>,
}

/// Something registered: what the host carries as `user_data`.
pub(crate) struct Registration<W: ?Sized> {
    pub(crate) host: Host,
    pub(crate) work: Box<W>,
}

/// A marker that ties something to the running call and its thread.
type DuringCall<'call> = PhantomData<(&'call (), *const ())>;

/// The operation in which a hook runs. It cannot outlive the call or leave its thread.
pub struct Context<'call> {
    host: Host,
    handle: guanxi_handle,
    during: DuringCall<'call>,
}

impl Context<'_> {
    /// Adds a warning to the outcome of the save, which goes on. The field may be empty; the messages
    /// are sentences without full stop.
    ///
    /// # Errors
    /// Those of the host; none for texts.
    pub fn warn(&self, field: &str, message_zh: &str, message_en: &str) -> Result<(), Error> {
        self.host.warn(self.handle, field, message_zh, message_en)
    }

    /// The language of the acting session as a BCP 47 tag: `zh-Hans` or `en`.
    ///
    /// # Errors
    /// Those of the host.
    pub fn locale(&self) -> Result<String, Error> {
        self.host.locale(self.handle)
    }

    /// The host's log.
    #[must_use]
    pub fn log(&self) -> Log {
        Log(self.host)
    }

    /// A record as the acting user sees it, as JSON; `id` is its id as text. Not before a save. Needs the capability
    /// `read:<entity>` and a host of 1.2, as all that follows does.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `plugin.abi_mismatch` with an older host.
    pub fn read(&self, entity: &str, id: &str) -> Result<String, Error> {
        self.host.read(self.handle, entity, id)
    }

    /// Creates or changes a record in the right of whoever acts, and gives its id. `fields` is a JSON object; `key`
    /// names the record for ever within the plugin, and an empty key makes a new one each time. In a hook it is part of
    /// the open transaction. Not before a save or a step. Needs the capability `write:<entity>`.
    ///
    /// # Errors
    /// Those of a save; `access.not_permitted`.
    pub fn save(&self, entity: &str, key: &str, fields: &str) -> Result<String, Error> {
        self.host.save(self.handle, entity, key, fields)
    }

    /// Calls a method of the engine in the right of whoever acts, with parameters as JSON, and gives the answer as
    /// JSON. Within a transaction, so in every hook but that behind the commit, it is refused. Needs the capability
    /// `call:<method>`.
    ///
    /// # Errors
    /// `engine.reentrant`, `access.not_permitted`, and those of the method.
    pub fn call(&self, method: &str, parameters: &str) -> Result<String, Error> {
        self.host.call(self.handle, (false, method), parameters)
    }

    /// As [`Context::call`], on the plugin's own account. Needs the capability `account` besides.
    ///
    /// # Errors
    /// As [`Context::call`]; `plugin.not_admitted`.
    pub fn call_as_self(&self, method: &str, parameters: &str) -> Result<String, Error> {
        self.host.call(self.handle, (true, method), parameters)
    }

    /// Says why a model gives its score: in both languages, and how much of the score it is.
    ///
    /// # Errors
    /// Those of the host.
    pub fn reason(&self, text_zh: &str, text_en: &str, weight: f64) -> Result<(), Error> {
        self.host.reason(self.handle, text_zh, text_en, weight)
    }

    /// Hands over a piece of the text that an extractor reads, in the order of reading. Needs a host of 1.4.
    ///
    /// # Errors
    /// `input.limit_exceeded` when the text is as long as it may be, `engine.cancelled` and `engine.deadline_exceeded`: the
    /// extractor passes them on, and what fitted is kept.
    pub fn extracted(&self, piece: &str) -> Result<(), Error> {
        self.host.extracted(self.handle, piece)
    }

    /// How long the call may still take, in milliseconds; below 0 once the budget is spent.
    ///
    /// # Errors
    /// Those of the host.
    pub fn time_left_ms(&self) -> Result<i64, Error> {
        self.host.time_left_ms(self.handle)
    }
}

/// The record that is about to be saved. It cannot outlive the call or leave its thread.
///
/// A plain name is a field of the plugin's own if there is one, else of the entity; the field of another
/// plugin is named `<plugin id>/<name>`.
pub struct Record<'call> {
    host: Host,
    handle: guanxi_handle,
    during: DuringCall<'call>,
}

impl Record<'_> {
    /// A field's value as it would be saved now; [`Value::Null`] if it is empty.
    ///
    /// # Errors
    /// `schema.unknown_field`, or `access.field_not_permitted`.
    pub fn value(&self, field: &str) -> Result<Value, Error> {
        self.host.record_value(self.handle, field)
    }

    /// The value that a field had before the save; [`Value::Null`] for a new record. Needs a host of 1.2.
    ///
    /// # Errors
    /// As [`Record::value`].
    pub fn old_value(&self, field: &str) -> Result<Value, Error> {
        self.host.record_old_value(self.handle, field)
    }

    /// The 16 bytes of the record's id. Needs a host of 1.2.
    ///
    /// # Errors
    /// Those of the host.
    pub fn id(&self) -> Result<[u8; 16], Error> {
        self.host.record_id(self.handle)
    }

    /// The text of a field; `None` if it is empty.
    ///
    /// # Errors
    /// As [`Record::value`], and `schema.wrong_type` if the field holds something else than text.
    pub fn text(&self, field: &str) -> Result<Option<String>, Error> {
        match self.value(field)? {
            Value::Text(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            _ => Err(Error::new(GUANXI_ERR_SCHEMA_WRONG_TYPE, field)),
        }
    }

    /// Sets a field; [`Value::Null`] empties it.
    ///
    /// # Errors
    /// `schema.unknown_field`, `schema.wrong_type`, `schema.out_of_range`, `schema.read_only_field`,
    /// or `access.field_not_permitted`.
    pub fn set(&mut self, field: &str, value: &Value) -> Result<(), Error> {
        self.host.record_set(self.handle, field, value)
    }

    /// Sets a field of text.
    ///
    /// # Errors
    /// As [`Record::set`].
    pub fn set_text(&mut self, field: &str, text: &str) -> Result<(), Error> {
        self.set(field, &Value::Text(text.to_owned()))
    }
}

/// The function that the host calls for every hook of every Rust plugin.
///
/// # Safety
/// `user_data` is that of a [`Registration`] of a hook which is not destroyed yet.
pub(crate) unsafe extern "C" fn run(
    user_data: *mut c_void,
    context: guanxi_handle,
    record: guanxi_handle,
) -> guanxi_status {
    // SAFETY: the host passes back what was registered, and does not destroy it while it runs.
    let Some(registration) = (unsafe { user_data.cast::<Registration<Hook>>().as_ref() }) else {
        return GUANXI_ERR_INPUT_NULL_ARGUMENT;
    };
    let host = registration.host;
    let outcome = contained(host, || {
        let seen = Context { host, handle: context, during: PhantomData };
        (registration.work)(&seen, &mut Record { host, handle: record, during: PhantomData })
    });
    settle(host, context, outcome)
}

/// The function that the host calls for every action, job and migration of every Rust plugin.
///
/// # Safety
/// As [`run`], of a work; `input` is readable during the call.
pub(crate) unsafe extern "C" fn perform(
    user_data: *mut c_void,
    context: guanxi_handle,
    input: guanxi_str,
) -> guanxi_status {
    // SAFETY: the host passes back what was registered, and does not destroy it while it runs.
    let Some(registration) = (unsafe { user_data.cast::<Registration<Work>>().as_ref() }) else {
        return GUANXI_ERR_INPUT_NULL_ARGUMENT;
    };
    // SAFETY: the host has the text stay during the call.
    unsafe { perform_work(registration.host, &registration.work, context, input) }
}

/// Does one work with JSON, whatever holds it.
///
/// # Safety
/// `input` is readable during the call.
unsafe fn perform_work(host: Host, work: &Work, context: guanxi_handle, input: guanxi_str) -> guanxi_status {
    // SAFETY: the caller has the text stay during the call.
    let input = unsafe { bytes_of(input) };
    let outcome = contained(host, || {
        let seen = Context { host, handle: context, during: PhantomData };
        let answer = work(&seen, &utf8(input, "input")?)?;
        if !answer.is_empty() {
            host.answer(context, &answer)?;
        }
        Ok(())
    });
    settle(host, context, outcome)
}

/// The function that the host calls for every connector that pulls of every Rust plugin.
///
/// # Safety
/// As [`perform`], of directions.
pub(crate) unsafe extern "C" fn pull(
    user_data: *mut c_void,
    context: guanxi_handle,
    input: guanxi_str,
) -> guanxi_status {
    // SAFETY: the caller keeps the same rules.
    unsafe { direction(user_data, |directions| directions.pull.as_deref(), context, input) }
}

/// The function that the host calls for every connector that pushes of every Rust plugin.
///
/// # Safety
/// As [`perform`], of directions.
pub(crate) unsafe extern "C" fn push(
    user_data: *mut c_void,
    context: guanxi_handle,
    input: guanxi_str,
) -> guanxi_status {
    // SAFETY: the caller keeps the same rules.
    unsafe { direction(user_data, |directions| directions.push.as_deref(), context, input) }
}

/// Goes one direction of a connector.
///
/// # Safety
/// As [`perform`], of directions.
unsafe fn direction(
    user_data: *mut c_void,
    of: fn(&Directions) -> Option<&Work>,
    context: guanxi_handle,
    input: guanxi_str,
) -> guanxi_status {
    // SAFETY: the host passes back what was registered, and does not destroy it while it runs.
    let registration = unsafe { user_data.cast::<Registration<Directions>>().as_ref() };
    match registration.and_then(|known| Some((known.host, of(&known.work)?))) {
        // SAFETY: the host has the text stay during the call.
        Some((host, work)) => unsafe { perform_work(host, work, context, input) },
        None => GUANXI_ERR_INPUT_NULL_ARGUMENT,
    }
}

/// The function that the host calls for every extractor of every Rust plugin.
///
/// # Safety
/// As [`run`], of an extractor; the media type, and so many bytes of the content, are readable during the call.
pub(crate) unsafe extern "C" fn extract(
    user_data: *mut c_void,
    context: guanxi_handle,
    media_type: guanxi_str,
    content: *const u8,
    length: usize,
) -> guanxi_status {
    // SAFETY: the host passes back what was registered, and does not destroy it while it runs.
    let Some(registration) = (unsafe { user_data.cast::<Registration<Extract>>().as_ref() }) else {
        return GUANXI_ERR_INPUT_NULL_ARGUMENT;
    };
    if content.is_null() {
        return GUANXI_ERR_INPUT_NULL_ARGUMENT;
    }
    let host = registration.host;
    // SAFETY: the host has both stay during the call.
    let (media_type, bytes) = unsafe { (bytes_of(media_type), std::slice::from_raw_parts(content, length)) };
    let outcome = contained(host, || {
        let seen = Context { host, handle: context, during: PhantomData };
        let media_type = utf8(media_type, "media_type")?;
        (registration.work)(&seen, &Content { media_type: &media_type, bytes })
    });
    settle(host, context, outcome)
}

/// The function that the host calls for every model of every Rust plugin.
///
/// # Safety
/// As [`run`], of a score; `features` are `count` values, and `score` is a place to write to.
pub(crate) unsafe extern "C" fn score(
    user_data: *mut c_void,
    context: guanxi_handle,
    features: *const guanxi_value,
    count: usize,
    score: *mut f64,
) -> guanxi_status {
    // SAFETY: the host passes back what was registered, and does not destroy it while it runs.
    let Some(registration) = (unsafe { user_data.cast::<Registration<Score>>().as_ref() }) else {
        return GUANXI_ERR_INPUT_NULL_ARGUMENT;
    };
    if features.is_null() || score.is_null() {
        return GUANXI_ERR_INPUT_NULL_ARGUMENT;
    }
    let host = registration.host;
    // SAFETY: the host passes so many values, which stay during the call.
    let features = unsafe { std::slice::from_raw_parts(features, count) };
    let outcome = contained(host, || {
        let seen = Context { host, handle: context, during: PhantomData };
        // SAFETY: the host's values have the content that their kinds call for.
        let values = features.iter().map(|value| unsafe { Value::copied(value, "feature") });
        let given = (registration.work)(&seen, &values.collect::<Result<Vec<_>, Error>>()?)?;
        // SAFETY: the host passes a place to write to.
        unsafe { score.write(given) };
        Ok(())
    });
    settle(host, context, outcome)
}

/// What the host is told of a call.
fn settle(host: Host, context: guanxi_handle, outcome: Result<Result<(), Reject>, String>) -> guanxi_status {
    match outcome {
        Ok(Ok(())) => GUANXI_OK,
        Ok(Err(reject)) => refuse(host, context, reject.0),
        Err(panic) => {
            // The log has the fault already; the words also reach whoever saves, if the host still listens.
            let _ = host.reject(
                context,
                "",
                &format!("插件内部故障：{panic}"),
                &format!("a fault inside the plugin: {panic}"),
            );
            GUANXI_ERR_PLUGIN_FAULT
        }
    }
}

/// Tells the host why the record does not pass.
fn refuse(host: Host, context: guanxi_handle, reason: Reason) -> guanxi_status {
    let failure = match reason {
        Reason::Refused { field, message_zh, message_en } => {
            match host.reject(context, &field, &message_zh, &message_en) {
                Ok(()) => return GUANXI_ERR_PLUGIN_REJECTED,
                Err(error) => error,
            }
        }
        Reason::Failed(error) => error,
    };
    Log(host).error(&format!("a hook failed on {failure}"));
    failure.status()
}

/// Frees a registration, with everything that its closure holds.
///
/// # Safety
/// `user_data` is that of a [`Registration`] of this kind, and is not used again.
pub(crate) unsafe extern "C" fn destroy<W: ?Sized>(user_data: *mut c_void) {
    let registration = user_data.cast::<Registration<W>>();
    if registration.is_null() {
        return;
    }
    // SAFETY: it was made by `Box::into_raw`, and the host gives it back once.
    let registration = unsafe { Box::from_raw(registration) };
    let host = registration.host;
    // The host cannot be told by status here, and the log has the panic already.
    let _ = contained(host, move || drop(registration));
}
