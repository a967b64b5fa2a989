//! What examples and tests share: finding a library that cargo builds, by what cargo says of it.

use std::path::PathBuf;
use std::process::Command;

use guanxi::base::{Code, Error, Result};
use serde_json::Value as Json;

/// Builds a package of this workspace in the profile of the caller and gives the path of its shared
/// library, as cargo's own messages name it.
///
/// # Errors
/// `storage.io` if cargo cannot be run, fails, or builds no shared library.
pub fn shared_library(package: &str) -> Result<PathBuf> {
    let failed = |rule: &str| Error::new(Code::Io).rule(rule).value(package);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--message-format=json", "--package", package]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let output = build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).output()?;
    if !output.status.success() {
        return Err(failed("cargo build"));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let mut libraries = built.filter(|message| is_library_of(message, package)).filter_map(shared_file);
    libraries.next_back().ok_or_else(|| failed("no shared library"))
}

/// Whether a message of cargo's tells of a shared library of a package.
fn is_library_of(message: &Json, package: &str) -> bool {
    let text = |place: &str| message.pointer(place).and_then(Json::as_str);
    let kinds = message.pointer("/target/kind").and_then(Json::as_array);
    let is_shared = kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"));
    // The identity of a package of the workspace ends with `#name@version` or, where the folder has
    // the package's name, with `#version`; the target's name tells the two apart.
    let named = text("/package_id").is_some_and(|id| id.contains(&format!("#{package}@")))
        || text("/target/name").is_some_and(|name| name.replace('_', "-") == package);
    text("/reason") == Some("compiler-artifact") && is_shared && named
}

fn shared_file(message: Json) -> Option<PathBuf> {
    let files = message.get("filenames").and_then(Json::as_array)?;
    let paths = files.iter().filter_map(Json::as_str).map(PathBuf::from);
    let mut shared = paths
        .filter(|path| path.extension().is_some_and(|end| end == "so" || end == "dylib" || end == "dll"));
    shared.next()
}

/// The Rust of the first ten minutes, which runs as a test of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../docs/ten_minutes.md")]
pub struct TenMinutes;
