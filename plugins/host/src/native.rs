//! Maps verified libraries, once for each process, and hears from them who they are.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::size_of;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use guanxi::base::{Code, Error, Result};
use guanxi_plugin_abi::{
    GUANXI_ERR_PLUGIN_ABI_MISMATCH, GUANXI_PLUGIN_ENTRY_SYMBOL, guanxi_plugin_entry, guanxi_plugin_info,
    guanxi_plugin_init, guanxi_str,
};

#[cfg(unix)]
use libloading::os::unix as platform;
#[cfg(windows)]
use libloading::os::windows as platform;

use crate::image::private_copy;
use crate::manifest::{Digest, Manifest};
use crate::package::Library;

/// Longest text that a plugin may say of itself, in bytes.
const MAX_TEXT: usize = 64 << 10;

/// What this process knows of the libraries it has seen, by their digests.
static KNOWN: Mutex<BTreeMap<Digest, Known>> = Mutex::new(BTreeMap::new());

/// A library of this process.
struct Known {
    /// Where its private copy is, also if it did not load: there is no second copy.
    image: PathBuf,
    /// What its entry function said, if it got that far.
    identity: Option<Identity>,
}

/// What a library says of itself.
#[derive(Clone)]
pub(crate) struct Identity {
    abi: (u32, u32),
    id: &'static str,
    version: &'static str,
    capabilities: &'static str,
    pub init: guanxi_plugin_init,
}

impl Identity {
    /// Refuses a library that says something else than its manifest.
    ///
    /// # Errors
    /// `plugin.entry`, naming the field.
    pub fn check(&self, manifest: &Manifest) -> Result<()> {
        let (major, minor) = manifest.abi();
        let claimed: BTreeSet<&str> = self.capabilities.split_ascii_whitespace().collect();
        // The manifest may ask for more of the interface than the library needs, and not for less.
        let disagreement = if self.abi.0 != major || self.abi.1 > minor {
            "abi"
        } else if self.id != manifest.id() {
            "id"
        } else if self.version != manifest.version() {
            "version"
        } else if !claimed.into_iter().eq(manifest.capabilities()) {
            "capabilities"
        } else {
            return Ok(());
        };
        Err(entry_error("as in the manifest").plugin(manifest.id()).field(disagreement))
    }
}

/// Finds the library among those that are known, or loads it.
///
/// # Errors
/// `plugin.entry`, `plugin.abi_mismatch`, `storage.io`.
pub(crate) fn identity_of(library: &Library) -> Result<Identity> {
    // What a poisoned lock guards is whole: an entry is only ever added or filled.
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = match known.entry(library.digest) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(Known { image: private_copy(&library.bytes)?, identity: None }),
    };
    match &known.identity {
        Some(identity) => Ok(identity.clone()),
        None => Ok(known.identity.insert(ask(open(&known.image)?)?).clone()),
    }
}

fn entry_error(rule: &str) -> Error {
    Error::new(Code::PluginEntry).rule(rule)
}

/// Loads a library for the life of the process and finds its entry function.
fn open(image: &Path) -> Result<guanxi_plugin_entry> {
    let library = map(image).map_err(|error| entry_error("a library that loads").because(error))?;
    // SAFETY: the interface gives the symbol of this name this type.
    let entry = unsafe { library.get::<guanxi_plugin_entry>(GUANXI_PLUGIN_ENTRY_SYMBOL) };
    let entry = *entry.map_err(|error| entry_error(GUANXI_PLUGIN_ENTRY_SYMBOL).because(error))?;
    // Given up instead of closed: a thread or a destructor of the plugin may outlive the last database.
    let _ = library.into_raw();
    Ok(entry)
}

/// Maps a library at once and whole, with its names for itself alone.
#[cfg(unix)]
fn map(image: &Path) -> std::result::Result<platform::Library, libloading::Error> {
    const FLAGS: libc::c_int = libc::RTLD_NOW | libc::RTLD_LOCAL | libc::RTLD_NODELETE;
    // SAFETY: what runs on loading was verified to be what the manifest names; whether that is to be
    // trusted is for whoever named the package to say.
    unsafe { platform::Library::open(Some(image), FLAGS) }
}

/// Maps a library; what it needs is looked for beside it and in the system, never on the path.
#[cfg(windows)]
fn map(image: &Path) -> std::result::Result<platform::Library, libloading::Error> {
    const FLAGS: u32 = platform::LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | platform::LOAD_LIBRARY_SEARCH_SYSTEM32;
    // SAFETY: what runs on loading was verified to be what the manifest names; whether that is to be
    // trusted is for whoever named the package to say.
    unsafe { platform::Library::load_with_flags(image, FLAGS) }
}

/// Calls the entry function and copies what it says.
///
/// # Errors
/// `plugin.entry`, `plugin.abi_mismatch`.
pub(crate) fn ask(entry: guanxi_plugin_entry) -> Result<Identity> {
    let mut information = guanxi_plugin_info {
        struct_size: size_of::<guanxi_plugin_info>(),
        abi_major: 0,
        abi_minor_required: 0,
        id: guanxi_str::EMPTY,
        version: guanxi_str::EMPTY,
        capabilities: guanxi_str::EMPTY,
        init: None,
    };
    // SAFETY: the structure is whole and states its size, as the interface asks.
    let status = unsafe { entry(&raw mut information) };
    if status == GUANXI_ERR_PLUGIN_ABI_MISMATCH {
        return Err(Error::new(Code::PluginAbi).rule("a plugin for the structures of this engine"));
    }
    if status < 0 {
        return Err(entry_error(&format!("status {status}")));
    }
    let init = information.init.ok_or_else(|| entry_error("an init function"))?;
    Ok(Identity {
        abi: (information.abi_major, information.abi_minor_required),
        id: static_text(information.id)?,
        version: static_text(information.version)?,
        capabilities: static_text(information.capabilities)?,
        init,
    })
}

/// A text that a plugin says of itself, which lives as long as the process by the interface.
fn static_text(view: guanxi_str) -> Result<&'static str> {
    if view.data.is_null() || view.length > MAX_TEXT {
        return Err(entry_error("texts of at most 64 KiB"));
    }
    // SAFETY: the address is not null, and the interface has the text live as long as the process.
    let bytes = unsafe { std::slice::from_raw_parts(view.data.cast::<u8>(), view.length) };
    std::str::from_utf8(bytes).map_err(|error| entry_error("UTF-8").because(error))
}
