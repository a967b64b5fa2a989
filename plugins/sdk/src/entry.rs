//! The entry function that `plugin!` exports, and the setup that it leads to.

use std::marker::PhantomData;
use std::mem::size_of;

use guanxi_plugin_abi::{
    GUANXI_ERR_INPUT_NULL_ARGUMENT, GUANXI_ERR_PLUGIN_ABI_MISMATCH, GUANXI_ERR_PLUGIN_FAULT, GUANXI_OK,
    GUANXI_PLUGIN_ABI_MAJOR, guanxi_handle, guanxi_host, guanxi_plugin_info, guanxi_plugin_init,
    guanxi_status, guanxi_str,
};

use crate::fault::contained;
use crate::host::{Host, Log};
use crate::{Error, Setup};

/// The lowest minor version of the interface that the functions used here belong to.
const ABI_MINOR_REQUIRED: u32 = 0;

/// What a plugin says of itself.
#[doc(hidden)]
pub struct Identity {
    pub id: &'static str,
    pub version: &'static str,
    pub capabilities: &'static str,
    pub init: guanxi_plugin_init,
}

/// Answers the host's question who the plugin is.
///
/// # Safety
/// `information` is null, or points to a structure of at least the size that it states.
#[doc(hidden)]
pub unsafe fn describe(information: *mut guanxi_plugin_info, identity: &Identity) -> guanxi_status {
    if information.is_null() {
        return GUANXI_ERR_INPUT_NULL_ARGUMENT;
    }
    // SAFETY: every version of the structure begins with its size.
    let struct_size = unsafe { (&raw const (*information).struct_size).read() };
    if struct_size < size_of::<guanxi_plugin_info>() {
        return GUANXI_ERR_PLUGIN_ABI_MISMATCH;
    }
    let described = guanxi_plugin_info {
        struct_size,
        abi_major: GUANXI_PLUGIN_ABI_MAJOR,
        abi_minor_required: ABI_MINOR_REQUIRED,
        id: guanxi_str::of(identity.id),
        version: guanxi_str::of(identity.version),
        capabilities: guanxi_str::of(identity.capabilities),
        init: Some(identity.init),
    };
    // SAFETY: the structure is long enough, as was just seen, and the host's to be written.
    unsafe { information.write(described) };
    GUANXI_OK
}

/// Runs a plugin's setup function for one database.
///
/// # Safety
/// `host` is null or a host's table, as the interface describes it.
#[doc(hidden)]
pub unsafe fn initialize(
    host: *const guanxi_host,
    registrar: guanxi_handle,
    setup: fn(&mut Setup<'_>) -> Result<(), Error>,
) -> guanxi_status {
    // SAFETY: the caller vouches for the table.
    let host = match unsafe { Host::new(host) } {
        Ok(host) => host,
        Err(error) => return error.status(),
    };
    match contained(host, || setup(&mut Setup { host, registrar, during: PhantomData })) {
        Ok(Ok(())) => GUANXI_OK,
        Ok(Err(error)) => {
            Log(host).error(&format!("setup failed on {error}"));
            error.status()
        }
        // The log has the panic already.
        Err(_) => GUANXI_ERR_PLUGIN_FAULT,
    }
}

/// Names the plugin and exports its one symbol, `guanxi_plugin_entry_v1`. Used once in a package.
///
/// - `id`: reversed domain order, such as `"cn.example.licence"`; the namespace of the plugin's fields.
/// - `version`: by semver.org, such as `env!("CARGO_PKG_VERSION")`.
/// - `capabilities`: what the plugin asks leave for, as literals: `"schema:<entity>"` to add fields,
///   `"hook:<entity>"` to add hooks. The manifest states the same.
/// - `setup`: a `fn(&mut Setup<'_>) -> Result<(), Error>`, called for each database.
#[macro_export]
macro_rules! plugin {
    (
        id: $id:expr,
        version: $version:expr,
        capabilities: [$first:literal $(, $more:literal)* $(,)?],
        setup: $setup:expr $(,)?
    ) => {
        /// Tells the host what this plugin is; see the plugin interface.
        ///
        /// # Safety
        /// `information` is null, or points to a structure of at least the size that it states.
        #[expect(unsafe_code, reason = "the symbol that the host looks up is the only way in")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn guanxi_plugin_entry_v1(
            information: *mut $crate::abi::guanxi_plugin_info,
        ) -> $crate::abi::guanxi_status {
            unsafe extern "C" fn init(
                host: *const $crate::abi::guanxi_host,
                registrar: $crate::abi::guanxi_handle,
            ) -> $crate::abi::guanxi_status {
                // SAFETY: the host passes its own table.
                unsafe { $crate::initialize(host, registrar, $setup) }
            }
            let identity = $crate::Identity {
                id: $id,
                version: $version,
                capabilities: ::core::concat!($first $(, " ", $more)*),
                init,
            };
            // SAFETY: the host passes its own structure.
            unsafe { $crate::describe(information, &identity) }
        }
    };
}
