//! Finds, checks and loads native plugins.
//!
//! A plugin comes as a directory `<id>-<version>.gxplugin` with a `manifest.toml` and one shared library
//! for each platform, `bin/<target>/plugin.so` (`.dylib`, `.dll`). [`load`] checks everything that can be
//! checked before the library is loaded, for its constructors run at once and unrestrained: the
//! manifest and its interface version, the platform, and the library's SHA-256. What was verified is
//! what is mapped: the bytes are read once, and on Linux loaded out of sealed memory.
//!
//! A loaded library stays for the life of the process, and the same bytes are loaded once. A native
//! plugin has all rights of its process: load only what you would also link.
//!
//! [`install`] adds what a plugin registers to an open database, as an extension like any other.
//!
//! This package deliberately does not know what a plugin does.

mod bridge;
mod frame;
mod functions;
mod image;
mod loader;
mod manifest;
mod package;
mod value;

pub use bridge::install;
pub use functions::{LogSink, set_log};
pub use loader::{LoadedPlugin, load};
pub use manifest::{Manifest, OnFault};
pub use package::{inspect, pack};

/// The target triple that this package was built for, by which libraries are named in packages.
pub const TARGET: &str = env!("GUANXI_TARGET");
