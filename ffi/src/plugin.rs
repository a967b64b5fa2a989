//! Plugins in a host in C: loaded from packages, or linked into the host.

use std::ffi::{c_char, c_void};
use std::path::{Path, PathBuf};

use guanxi_core::{Code, Error, Result};
use guanxi_plugin_abi::{guanxi_plugin_entry, guanxi_status};
use guanxi_plugin_host::{Loader, Manifest, TrustStore};

use crate::arguments::{optional_text, text};
use crate::error::guanxi_error;
use crate::guard::Call;
use crate::handle;
use crate::session::{SessionHandle, guanxi_session, speaker};

/// The loader that a trust store asks for, by its absolute path; none takes packages without a signature.
fn loader(trust: Option<&str>) -> Result<Loader> {
    match trust {
        Some(path) => TrustStore::read(Path::new(path)).map(Loader::trusting),
        None => Ok(Loader::unsigned()),
    }
}

/// Loads a plugin from its package, a directory or one file, by its absolute path, into the database of a session.
/// Migrations that are due run in the right of the session's user. A library is never unloaded.
///
/// `trust` is the absolute path of the host's trust store (`guanxi plugin trust`); with NULL a package is taken that
/// nobody has signed, and the host vouches for it. All text is copied.
///
/// Errors: `plugin.path`, `plugin.signature`, `plugin.key_unknown`, `plugin.key_revoked`, `plugin.key_expired`,
/// `plugin.too_large`, `plugin.archive`, `plugin.manifest`, `plugin.abi_mismatch`, `plugin.conflict`,
/// `plugin.capability`, `plugin.wrong_target`, `plugin.hash_mismatch`, `plugin.revoked`, `plugin.requires`,
/// `plugin.excludes`, `plugin.downgrade`, `plugin.crashed`, `plugin.entry`, and what the plugin's registration gives. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_plugin_load(
    session: *mut guanxi_session,
    package: *const c_char,
    trust: *const c_char,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, package, trust) = unsafe {
        let texts = (text(package, "package"), optional_text(trust, "trust"));
        (Call::to(err), handle::shared::<SessionHandle>(session), texts.0, texts.1)
    };
    call.run(|call| {
        let speaker = speaker(call, session)?;
        let packages = [PathBuf::from(package?)];
        let loader = loader(trust?)?;
        let running = speaker.enter()?;
        speaker.engine.writing(|| Ok(loader.install_as(&running.session, &packages).map(drop)?))
    })
}

/// Adds a plugin that is linked into the host to the database of a session. `manifest` is the text of its
/// `manifest.toml`, and is copied; `entry` is its entry function, a `guanxi_plugin_entry` of guanxi_plugin.h, cast to
/// this type.
///
/// Errors: `input.null_argument`; those of guanxi_plugin_load but for packages. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_plugin_link(
    session: *mut guanxi_session,
    manifest: *const c_char,
    entry: Option<unsafe extern "C" fn(information: *mut c_void) -> guanxi_status>,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, manifest) =
        unsafe { (Call::to(err), handle::shared::<SessionHandle>(session), text(manifest, "manifest")) };
    call.run(|call| {
        let speaker = speaker(call, session)?;
        let manifest = Manifest::parse_linked(manifest?)?;
        let entry = entry.ok_or_else(|| Error::new(Code::NullArgument).field("entry"))?;
        // SAFETY: the header has the caller give a function of this type; both take one pointer.
        let entry: guanxi_plugin_entry = unsafe { std::mem::transmute(entry) };
        let running = speaker.enter()?;
        speaker.engine.writing(|| {
            let session = &running.session;
            // SAFETY: as above.
            Ok(unsafe { Loader::unsigned().install_linked(session.crm(), Some(session), &manifest, entry) }?)
        })
    })
}
