//! Finds the built library where cargo says that it is, since the place differs between its commands.
//!
//! `GUANXI_LIBRARY` names another one instead, such as a vendor's own build, which all tests are then about.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value as Json;

use crate::toolchain::{assert_done, workspace};

static BUILT: LazyLock<PathBuf> = LazyLock::new(build);
static NAMED: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let named = std::env::var_os("GUANXI_LIBRARY")?;
    Some(Path::new(&named).canonicalize().expect("GUANXI_LIBRARY names a file"))
});

/// The shared library, built now unless one is named.
pub(crate) fn shared() -> &'static Path {
    NAMED.as_deref().unwrap_or_else(|| &BUILT)
}

/// The shared library by a link in a folder that bears the name which programs look for at run time.
pub(crate) fn linked_into(folder: &Path) -> PathBuf {
    let name = if cfg!(target_os = "macos") { "libguanxi.0.dylib" } else { "libguanxi.so.0" };
    let link = folder.join(name);
    if !link.exists() {
        std::os::unix::fs::symlink(shared(), &link).expect("a temporary folder takes a link");
    }
    link
}

/// The shared library of the licence plugin, built together with ours also where the tests are about another one.
pub(crate) fn licence_plugin() -> PathBuf {
    let ours = &*BUILT;
    let name =
        format!("{}guanxi_plugin_licence.{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_EXTENSION);
    let beside = ours.with_file_name(&name);
    let above = ours.parent().and_then(Path::parent).map(|folder| folder.join(&name));
    [Some(beside), above].into_iter().flatten().find(|path| path.exists()).expect("cargo built the plugin")
}

fn build() -> PathBuf {
    let cargo = std::env::var("CARGO").expect("cargo runs this test");
    let target =
        Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the folder lies in the target folder");
    // With the same selection as `cargo test` makes, nothing is compiled a second time for other features of shared
    // dependencies; with the whole workspace everything would be, and SQLCipher besides.
    let mut command = Command::new(cargo);
    command.args(["build", "--all-targets", "--message-format", "json", "--target-dir"]).arg(target);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.current_dir(workspace()).output().expect("cargo starts");
    assert_done(&output, "cargo build");
    let messages = String::from_utf8(output.stdout).expect("cargo speaks UTF-8");
    let mut files = messages.lines().filter_map(shared_library);
    files.next_back().expect("cargo names the shared library")
}

/// The shared library that a message of cargo names, if it is about ours.
fn shared_library(message: &str) -> Option<PathBuf> {
    let message: Json = serde_json::from_str(message).ok()?;
    let target = message.get("target")?;
    let kinds = target.get("kind")?.as_array()?;
    let ours = target.get("name")?.as_str()? == "guanxi" && kinds.contains(&Json::from("cdylib"));
    let files = message.get("filenames").filter(|_| ours)?.as_array()?;
    let mut paths = files.iter().filter_map(Json::as_str).map(PathBuf::from);
    paths.find(|path| path.extension().is_some_and(|end| end == "so" || end == "dylib"))
}
