//! Plugins in a host in C: loaded, obeyed, and clean under valgrind with the host.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::library;
use crate::programs::run;
use crate::toolchain::{assert_done, skip, workspace};

/// Writes a package by hand, as the page on plugins has it: this test knows the format and not the code that makes it.
fn package(place: &Path, library: &Path, [id, version, abi]: [&str; 3], capabilities: &[&str]) -> PathBuf {
    let package = place.join(format!("{id}-{version}.gxplugin"));
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let folder = package.join("bin").join(&target);
    fs::create_dir_all(&folder).unwrap();
    let bytes = fs::read(library).unwrap();
    fs::write(folder.join("plugin.so"), &bytes).unwrap();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = format!(
        "id = {id:?}\nversion = {version:?}\nabi = {abi:?}\ncapabilities = {capabilities:?}\non_fault = \"reject\"\n\
         name = {{zh = \"插件\", en = \"Plugin\"}}\nbudget_ms = {{hook = 60000, work = 60000}}\n\
         [files]\n\"bin/{target}/plugin.so\" = \"sha256:{digest}\"\n"
    );
    fs::write(package.join("manifest.toml"), manifest).unwrap();
    package
}

#[test]
fn a_host_in_c_loads_a_plugin_in_rust_and_one_in_c_and_loses_no_memory() {
    if !cfg!(target_os = "linux") {
        return skip("the package is for Linux");
    }
    let place = tempfile::tempdir().unwrap();
    let score = place.path().join("score.so");
    let mut compiler = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
    compiler.args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-fPIC", "-shared"]);
    compiler.arg("-fvisibility=hidden").arg("-I").arg(workspace().join("include")).arg("-o").arg(&score);
    let built = compiler.arg(workspace().join("examples/c_plugin/score.c")).output().unwrap();
    assert_done(&built, "score.c");
    let rust = package(
        place.path(),
        &library::licence_plugin(),
        ["cn.guanxi.licence", env!("CARGO_PKG_VERSION"), "1.0"],
        &["schema:crm.account", "hook:crm.account"],
    );
    let c = package(
        place.path(),
        &score,
        ["cn.example.score", "1.0.0", "1.2"],
        &["schema:crm.account", "hook:crm.account", "write:crm.contact", "action", "model"],
    );
    let said = run("tests/ffi/tests/c_interface/programs/plugins.c", &[&rust, &c]);
    assert!(said.contains("two plugins were obeyed"), "{said}");
}
