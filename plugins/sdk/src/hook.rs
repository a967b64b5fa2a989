//! What a hook sees while it runs, and the one function through which the host calls it.

use std::ffi::c_void;
use std::marker::PhantomData;

use guanxi_plugin_abi::{
    GUANXI_ERR_INPUT_NULL_ARGUMENT, GUANXI_ERR_PLUGIN_FAULT, GUANXI_ERR_PLUGIN_REJECTED,
    GUANXI_ERR_SCHEMA_WRONG_TYPE, GUANXI_OK, guanxi_handle, guanxi_status,
};

use crate::error::Reason;
use crate::fault::contained;
use crate::host::{Host, Log};
use crate::{Error, Reject, Value};

/// A hook as its author wrote it.
pub(crate) type Hook = dyn Fn(&Context<'_>, &mut Record<'_>) -> Result<(), Reject> + Send + Sync;

/// One registered hook: what the host carries as `user_data`.
pub(crate) struct Registration {
    pub(crate) host: Host,
    pub(crate) hook: Box<Hook>,
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
/// `user_data` is that of a [`Registration`] which is not destroyed yet.
pub(crate) unsafe extern "C" fn run(
    user_data: *mut c_void,
    context: guanxi_handle,
    record: guanxi_handle,
) -> guanxi_status {
    // SAFETY: the host passes back what was registered, and does not destroy it while it runs.
    let Some(registration) = (unsafe { user_data.cast::<Registration>().as_ref() }) else {
        return GUANXI_ERR_INPUT_NULL_ARGUMENT;
    };
    let host = registration.host;
    let outcome = contained(host, || {
        let seen = Context { host, handle: context, during: PhantomData };
        (registration.hook)(&seen, &mut Record { host, handle: record, during: PhantomData })
    });
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
/// `user_data` is that of a [`Registration`], and is not used again.
pub(crate) unsafe extern "C" fn destroy(user_data: *mut c_void) {
    let registration = user_data.cast::<Registration>();
    if registration.is_null() {
        return;
    }
    // SAFETY: it was made by `Box::into_raw`, and the host gives it back once.
    let registration = unsafe { Box::from_raw(registration) };
    let host = registration.host;
    // The host cannot be told by status here, and the log has the panic already.
    let _ = contained(host, move || drop(registration));
}
