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

/// Reads one function out of the table, without a reference to the whole, which may be shorter than
/// the type says.
macro_rules! function {
    ($host:expr, $name:ident) => {{
        let table = $host.0.as_ptr();
        // SAFETY: `Host::new` found the table long enough for version 1.0, and tables are constant.
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
