//! The host's table of functions behind safe methods: nothing beyond its stated size is ever read.

use std::ffi::c_void;
use std::mem::{offset_of, size_of};
use std::ptr::NonNull;

use guanxi_plugin_abi as abi;
use guanxi_plugin_abi::{
    guanxi_field_definition, guanxi_handle, guanxi_host, guanxi_status, guanxi_str, guanxi_value,
};

use crate::value::{bytes_of, utf8};
use crate::{Error, Value};

/// How far a table of version 1.0 reaches. A host of that version has every function that is used
/// here; a function of a later one is asked for with its own reach before it is read.
const VERSION_1_0: usize = offset_of!(guanxi_host, locale) + size_of::<usize>();
/// The longest piece of a text that a host takes at once, in bytes. A longer one is handed over in several.
const MOST_OF_A_PIECE: usize = 1_048_576;

/// Reads one function out of the table, without a reference to the whole, which may be shorter than
/// the type says.
macro_rules! function {
    ($host:expr, $name:ident) => {{
        let table = $host.0.as_ptr();
        // SAFETY: `Host::new` found the table long enough for version 1.0, and tables are constant.
        unsafe { (&raw const (*table).$name).read() }
    }};
}

/// Reads one function that came after version 1.0, if the host has it.
macro_rules! later {
    ($host:expr, $name:ident) => {{
        let table = $host.0.as_ptr();
        // SAFETY: every version of the table begins with its size.
        let size = unsafe { (&raw const (*table).struct_size).read() };
        if size < offset_of!(guanxi_host, $name) + size_of::<usize>() {
            return Err(Error::new(abi::GUANXI_ERR_PLUGIN_ABI_MISMATCH, stringify!($name)));
        }
        // SAFETY: the table reaches beyond the function, and tables are constant.
        unsafe { (&raw const (*table).$name).read() }
    }};
}

/// The host. It lives as long as the process and may be used on any thread; what a handle allows is
/// the handle's affair.
#[derive(Clone, Copy)]
pub(crate) struct Host(NonNull<guanxi_host>);

// SAFETY: the table is constant, lives as long as the process, and its functions may be called on any
// thread; those that take a handle check the thread themselves.
unsafe impl Send for Host {}
// SAFETY: as above; nothing is ever written through it.
unsafe impl Sync for Host {}

impl Host {
    /// Takes the table that the host passed to init.
    ///
    /// # Errors
    /// `input.null_argument` for null, `plugin.abi_mismatch` for a table shorter than that of 1.0.
    ///
    /// # Safety
    /// `table` is null or a host's table as the interface describes it.
    pub(crate) unsafe fn new(table: *const guanxi_host) -> Result<Self, Error> {
        let Some(table) = NonNull::new(table.cast_mut()) else {
            return Err(Error::new(abi::GUANXI_ERR_INPUT_NULL_ARGUMENT, "host"));
        };
        // SAFETY: every version of the table begins with its size.
        let size = unsafe { (&raw const (*table.as_ptr()).struct_size).read() };
        if size < VERSION_1_0 {
            return Err(Error::new(abi::GUANXI_ERR_PLUGIN_ABI_MISMATCH, "host"));
        }
        Ok(Self(table))
    }

    /// Writes a line to the host's log. There is nobody to tell if that fails.
    pub(crate) fn log(self, level: u32, text: &str) {
        let log = function!(self, log);
        // SAFETY: the text outlives the call, which copies it.
        let _ = unsafe { log(level, guanxi_str::of(text)) };
    }

    pub(crate) fn register_field(
        self,
        registrar: guanxi_handle,
        entity: &str,
        definition: &guanxi_field_definition,
    ) -> Result<(), Error> {
        let register = function!(self, register_field);
        // SAFETY: entity and definition outlive the call, which copies them.
        checked(unsafe { register(registrar, guanxi_str::of(entity), definition) }, entity)
    }

    /// Registers a hook. The host owns `user_data` from here on, whatever the outcome.
    ///
    /// # Safety
    /// `hook` and `destroy` take this `user_data`, on any thread, and `destroy` takes it once.
    pub(crate) unsafe fn register_hook(
        self,
        registrar: guanxi_handle,
        entity: &str,
        (point, order): (u32, i32),
        hook: abi::guanxi_hook,
        user_data: *mut c_void,
        destroy: abi::guanxi_destroy,
    ) -> Result<(), Error> {
        let register = function!(self, register_hook);
        let entity_view = guanxi_str::of(entity);
        // SAFETY: the caller vouches for the functions and their data; the text outlives the call.
        let status =
            unsafe { register(registrar, entity_view, point, order, hook, user_data, Some(destroy)) };
        checked(status, entity)
    }

    pub(crate) fn record_value(self, record: guanxi_handle, field: &str) -> Result<Value, Error> {
        let read = function!(self, record_value);
        let mut value = guanxi_value::NULL;
        // SAFETY: field and value outlive the call.
        checked(unsafe { read(record, guanxi_str::of(field), &raw mut value) }, field)?;
        // SAFETY: the host wrote the value, and its text stays until the field is set, which cannot
        // happen before the copy is made.
        unsafe { Value::copied(&value, field) }
    }

    pub(crate) fn record_set(self, record: guanxi_handle, field: &str, value: &Value) -> Result<(), Error> {
        let lent = value.lend(field)?;
        let set = function!(self, record_set);
        // SAFETY: field and value outlive the call, which copies them.
        checked(unsafe { set(record, guanxi_str::of(field), &raw const lent) }, field)
    }

    pub(crate) fn reject(
        self,
        context: guanxi_handle,
        field: &str,
        message_zh: &str,
        message_en: &str,
    ) -> Result<(), Error> {
        let reject = function!(self, reject);
        let [field_view, zh, en] = [field, message_zh, message_en].map(guanxi_str::of);
        // SAFETY: the texts outlive the call, which copies them.
        checked(unsafe { reject(context, field_view, zh, en) }, field)
    }

    pub(crate) fn warn(
        self,
        context: guanxi_handle,
        field: &str,
        message_zh: &str,
        message_en: &str,
    ) -> Result<(), Error> {
        let warn = function!(self, warn);
        let [field_view, zh, en] = [field, message_zh, message_en].map(guanxi_str::of);
        // SAFETY: the texts outlive the call, which copies them.
        checked(unsafe { warn(context, field_view, zh, en) }, field)
    }

    pub(crate) fn locale(self, context: guanxi_handle) -> Result<String, Error> {
        let locale = function!(self, locale);
        let mut tag = guanxi_str::EMPTY;
        // SAFETY: the tag outlives the call.
        checked(unsafe { locale(context, &raw mut tag) }, "locale")?;
        // SAFETY: the host wrote the tag, whose text lives as long as the process.
        utf8(unsafe { bytes_of(tag) }, "locale")
    }

    pub(crate) fn record_old_value(self, record: guanxi_handle, field: &str) -> Result<Value, Error> {
        let read = later!(self, record_old_value);
        let mut value = guanxi_value::NULL;
        // SAFETY: field and value outlive the call.
        checked(unsafe { read(record, guanxi_str::of(field), &raw mut value) }, field)?;
        // SAFETY: the host wrote the value, whose text stays until the hook returns.
        unsafe { Value::copied(&value, field) }
    }

    pub(crate) fn record_id(self, record: guanxi_handle) -> Result<[u8; 16], Error> {
        let read = later!(self, record_id);
        let mut value = guanxi_value::NULL;
        // SAFETY: the value outlives the call.
        checked(unsafe { read(record, &raw mut value) }, "id")?;
        // SAFETY: the host wrote the value.
        match unsafe { Value::copied(&value, "id") }? {
            Value::Id(id) => Ok(id),
            _ => Err(Error::new(abi::GUANXI_ERR_SCHEMA_WRONG_TYPE, "id")),
        }
    }

    pub(crate) fn register_package(self, registrar: guanxi_handle, json: &str) -> Result<(), Error> {
        let register = later!(self, register_package);
        // SAFETY: the text outlives the call, which copies it.
        checked(unsafe { register(registrar, guanxi_str::of(json)) }, "package")
    }

    /// Registers an action or a job. The host owns `user_data` from here on, if this function is reached.
    ///
    /// # Safety
    /// `perform` and `destroy` take this `user_data`, on any thread, and `destroy` takes it once.
    pub(crate) unsafe fn register_work(
        self,
        registrar: guanxi_handle,
        (kind, definition): (WorkKind, &abi::guanxi_action_definition),
        perform: abi::guanxi_perform,
        user_data: *mut c_void,
        destroy: abi::guanxi_destroy,
    ) -> Result<(), Error> {
        let register = match kind {
            WorkKind::Action => later!(self, register_action),
            WorkKind::Job => later!(self, register_job),
        };
        // SAFETY: the caller vouches for the functions and their data; the definition outlives the call.
        checked(unsafe { register(registrar, definition, perform, user_data, Some(destroy)) }, "action")
    }

    /// Registers a migration. As [`Host::register_work`].
    ///
    /// # Safety
    /// As [`Host::register_work`].
    pub(crate) unsafe fn register_migration(
        self,
        registrar: guanxi_handle,
        to_version: u32,
        perform: abi::guanxi_perform,
        user_data: *mut c_void,
        destroy: abi::guanxi_destroy,
    ) -> Result<(), Error> {
        let register = later!(self, register_migration);
        // SAFETY: the caller vouches for the functions and their data.
        checked(unsafe { register(registrar, to_version, perform, user_data, Some(destroy)) }, "migration")
    }

    /// Registers a model. As [`Host::register_work`].
    ///
    /// # Safety
    /// As [`Host::register_work`].
    pub(crate) unsafe fn register_model(
        self,
        registrar: guanxi_handle,
        definition: &abi::guanxi_action_definition,
        score: abi::guanxi_score,
        user_data: *mut c_void,
        destroy: abi::guanxi_destroy,
    ) -> Result<(), Error> {
        let register = later!(self, register_model);
        // SAFETY: the caller vouches for the functions and their data; the definition outlives the call.
        checked(unsafe { register(registrar, definition, score, user_data, Some(destroy)) }, "model")
    }

    pub(crate) fn register_report(
        self,
        registrar: guanxi_handle,
        definition: &abi::guanxi_action_definition,
        json: &str,
    ) -> Result<(), Error> {
        let register = later!(self, register_report);
        // SAFETY: definition and text outlive the call, which copies them.
        checked(unsafe { register(registrar, definition, guanxi_str::of(json)) }, "report")
    }

    /// Registers a connector. As [`Host::register_work`].
    ///
    /// # Safety
    /// As [`Host::register_work`].
    pub(crate) unsafe fn register_connector(
        self,
        registrar: guanxi_handle,
        definition: &abi::guanxi_action_definition,
        (pull, push): (Option<abi::guanxi_perform>, Option<abi::guanxi_perform>),
        user_data: *mut c_void,
        destroy: abi::guanxi_destroy,
    ) -> Result<(), Error> {
        let register = later!(self, register_connector);
        // SAFETY: the caller vouches for the functions and their data; the definition outlives the call.
        let status = unsafe { register(registrar, definition, pull, push, user_data, Some(destroy)) };
        checked(status, "connector")
    }

    /// Registers an extractor. As [`Host::register_work`].
    ///
    /// # Safety
    /// As [`Host::register_work`].
    pub(crate) unsafe fn register_extractor(
        self,
        registrar: guanxi_handle,
        (media_types, most_bytes): (&str, u64),
        extract: abi::guanxi_extract,
        user_data: *mut c_void,
        destroy: abi::guanxi_destroy,
    ) -> Result<(), Error> {
        let register = later!(self, register_extractor);
        let types = guanxi_str::of(media_types);
        // SAFETY: the caller vouches for the functions and their data; the text outlives the call.
        let status = unsafe { register(registrar, types, most_bytes, extract, user_data, Some(destroy)) };
        checked(status, media_types)
    }

    pub(crate) fn read(self, context: guanxi_handle, entity: &str, id: &str) -> Result<String, Error> {
        let read = later!(self, read);
        let mut out = guanxi_str::EMPTY;
        // SAFETY: the texts and the place for the answer outlive the call.
        let status = unsafe { read(context, guanxi_str::of(entity), guanxi_str::of(id), &raw mut out) };
        checked(status, entity)?;
        // SAFETY: the host wrote the text, which stays until the call of the plugin returns.
        utf8(unsafe { bytes_of(out) }, entity)
    }

    pub(crate) fn save(
        self,
        context: guanxi_handle,
        entity: &str,
        key: &str,
        fields: &str,
    ) -> Result<String, Error> {
        let save = later!(self, save);
        let mut out = guanxi_str::EMPTY;
        let [entity_view, key, fields] = [entity, key, fields].map(guanxi_str::of);
        // SAFETY: the texts and the place for the answer outlive the call.
        checked(unsafe { save(context, entity_view, key, fields, &raw mut out) }, entity)?;
        // SAFETY: the host wrote the text, which stays until the call of the plugin returns.
        utf8(unsafe { bytes_of(out) }, entity)
    }

    pub(crate) fn call(
        self,
        context: guanxi_handle,
        (as_self, method): (bool, &str),
        parameters: &str,
    ) -> Result<String, Error> {
        let call = if as_self { later!(self, call_as_self) } else { later!(self, call) };
        let mut out = guanxi_str::EMPTY;
        let [method_view, parameters] = [method, parameters].map(guanxi_str::of);
        // SAFETY: the texts and the place for the answer outlive the call.
        checked(unsafe { call(context, method_view, parameters, &raw mut out) }, method)?;
        // SAFETY: the host wrote the text, which stays until the call of the plugin returns.
        utf8(unsafe { bytes_of(out) }, method)
    }

    pub(crate) fn answer(self, context: guanxi_handle, json: &str) -> Result<(), Error> {
        let answer = later!(self, answer);
        // SAFETY: the text outlives the call, which copies it.
        checked(unsafe { answer(context, guanxi_str::of(json)) }, "answer")
    }

    pub(crate) fn reason(self, context: guanxi_handle, zh: &str, en: &str, weight: f64) -> Result<(), Error> {
        let reason = later!(self, reason);
        // SAFETY: the texts outlive the call, which copies them.
        checked(unsafe { reason(context, guanxi_str::of(zh), guanxi_str::of(en), weight) }, "reason")
    }

    pub(crate) fn extracted(self, context: guanxi_handle, piece: &str) -> Result<(), Error> {
        let extracted = later!(self, extracted);
        let mut rest = piece;
        loop {
            let most = rest.len().min(MOST_OF_A_PIECE);
            let parts = (0..=most).rev().find_map(|end| rest.split_at_checked(end));
            let (first, others) = parts.unwrap_or_default();
            // SAFETY: the text outlives the call, which copies it.
            checked(unsafe { extracted(context, guanxi_str::of(first)) }, "extracted")?;
            if others.is_empty() {
                return Ok(());
            }
            rest = others;
        }
    }

    pub(crate) fn time_left_ms(self, context: guanxi_handle) -> Result<i64, Error> {
        let time_left = later!(self, time_left_ms);
        let mut out = 0;
        // SAFETY: the place for the answer outlives the call.
        checked(unsafe { time_left(context, &raw mut out) }, "time_left_ms")?;
        Ok(out)
    }
}

/// Which kind of work is registered.
#[derive(Clone, Copy)]
pub(crate) enum WorkKind {
    Action,
    Job,
}

/// The host's log, for any thread and as long as the process lives.
#[derive(Clone, Copy)]
pub struct Log(pub(crate) Host);

impl Log {
    /// Something failed.
    pub fn error(self, text: &str) {
        self.0.log(abi::GUANXI_LOG_ERROR, text);
    }

    /// Something looks wrong and went on.
    pub fn warning(self, text: &str) {
        self.0.log(abi::GUANXI_LOG_WARNING, text);
    }

    /// Something happened that an administrator may want to know.
    pub fn information(self, text: &str) {
        self.0.log(abi::GUANXI_LOG_INFORMATION, text);
    }

    /// Detail for the plugin's own vendor.
    pub fn debug(self, text: &str) {
        self.0.log(abi::GUANXI_LOG_DEBUG, text);
    }
}

fn checked(status: guanxi_status, subject: &str) -> Result<(), Error> {
    if status < 0 { Err(Error::new(status, subject)) } else { Ok(()) }
}
