//! Finds, checks and loads native plugins.
//!
//! A plugin comes as a package `<id>-<version>.gxplugin`, a directory or one file: a `manifest.toml`, the
//! `manifest.sig` of its vendor, one shared library for each platform, `bin/<target>/plugin.so` (`.dylib`, `.dll`), and
//! what else it brings. [`Loader`] checks everything that can be checked before the library is loaded, for its
//! constructors run at once and unrestrained: that nobody else can change the files, the signature against the
//! host's [`TrustStore`], the manifest and its interface version, what it needs and asks leave for, the platform, and
//! the hashes. What was verified is what is mapped: the bytes are read once, and on Linux loaded out of sealed memory.
//!
//! A loaded library stays for the life of the process, and the same bytes are loaded once. A native
//! plugin has all rights of its process: load only what you would also link.
//!
//! [`Loader::install`] adds what a plugin registers to an open database, as an extension like any other. A plugin that
//! fails three times is called no more; whether saves go on without it is for its manifest to say.
//!
//! This package deliberately does not know what a plugin does.

mod archive;
mod bridge;
pub mod catalogue;
mod connector;
mod contain;
mod extractor;
mod files;
mod frame;
mod functions;
mod guard;
mod image;
mod lent;
mod loader;
mod manifest;
mod names;
mod native;
mod package;
mod trust;
mod value;

pub use contain::MAX_FAULTS;
pub use functions::{Conduct, LogSink, conduct, set_log};
pub use guard::{Health, clear, health};
pub use loader::{LoadedPlugin, Loader, inspect, install, load};
pub use manifest::{Budgets, Manifest, OnFault, Requires};
pub use package::{Contents, archive_package, bytes_to_sign, pack, pack_all, put_signature};
pub use trust::{Signer, TrustStore, TrustedKey};

/// The target triple that this package was built for, by which libraries are named in packages.
pub const TARGET: &str = env!("GUANXI_TARGET");
