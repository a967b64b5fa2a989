//! What examples and tests share: finding a library that cargo builds, by what cargo says of it.

use std::path::PathBuf;
use std::process::Command;

use guanxi::base::{Code, Error, Result};

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
    let built = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let wanted = package.replace('-', "_");
    let files = built
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| {
            message["target"]["name"].as_str().is_some_and(|name| {
                name.replace('-', "_") == wanted || package == "guanxi-ffi" && name == "guanxi"
            })
        })
        .filter(|message| {
            message["target"]["kind"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
        })
        .filter_map(|message| message["filenames"].as_array().cloned())
        .flatten();
    let shared = |file: &serde_json::Value| {
        let path = PathBuf::from(file.as_str()?);
        let is_shared = path.extension().is_some_and(|end| end == "so" || end == "dylib" || end == "dll");
        is_shared.then_some(path)
    };
    files.filter_map(|file| shared(&file)).next_back().ok_or_else(|| failed("no shared library"))
}
