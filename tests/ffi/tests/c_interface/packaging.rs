//! What `cargo xtask dist` lays out is found by pkg-config and by CMake, wherever it is moved to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::library;
use crate::toolchain::{assert_done, has, skip, workspace};

/// Lays the built library out and moves it elsewhere, or says why it cannot.
fn installed(folder: &Path) -> Option<PathBuf> {
    let from = library::shared().parent().unwrap();
    if !from.join("libguanxi.a").exists() || !cfg!(target_os = "linux") {
        skip("there is no static library beside the shared one, or this is not Linux");
        return None;
    }
    let (first, moved) = (folder.join("first"), folder.join("moved"));
    let mut command = Command::new(std::env::var("CARGO").unwrap());
    command.args(["xtask", "dist", "--prefix"]).arg(&first).arg("--from").arg(from);
    assert_done(&command.current_dir(workspace()).output().unwrap(), "cargo xtask dist");
    fs::rename(first, &moved).unwrap();
    Some(moved)
}

fn run(program: &Path, library_path: &Path) {
    let mut command = Command::new(program);
    let output = command.env("LD_LIBRARY_PATH", library_path).output().unwrap();
    assert_done(&output, &program.display().to_string());
    assert!(String::from_utf8_lossy(&output.stdout).contains("The ledger verifies"));
}

#[test]
fn the_layout_has_what_systems_look_for_and_names_no_folder_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let Some(prefix) = installed(folder.path()) else { return };
    for header in fs::read_dir(workspace().join("include")).unwrap() {
        let name = header.unwrap().file_name();
        assert!(prefix.join("include").join(&name).is_file(), "{}", name.display());
    }
    let lib = prefix.join("lib");
    let full = format!("libguanxi.so.{}", env!("CARGO_PKG_VERSION"));
    for link in ["libguanxi.so", "libguanxi.so.0"] {
        assert_eq!(fs::read_link(lib.join(link)).unwrap(), Path::new(&full));
    }
    assert!(lib.join(full).is_file() && lib.join("libguanxi.a").is_file());
    for text in ["pkgconfig/guanxi.pc", "cmake/guanxi/guanxiConfig.cmake"] {
        let text = fs::read_to_string(lib.join(text)).unwrap();
        assert!(!text.contains(folder.path().to_str().unwrap()) && !text.contains("=/"), "{text}");
    }
}

#[test]
fn a_program_is_built_by_what_pkg_config_says() {
    if !has("pkg-config") {
        return skip("pkg-config is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(prefix) = installed(folder.path()) else { return };
    let mut asked = Command::new("pkg-config");
    asked.args(["--cflags", "--libs", "guanxi >= 0.1"]).env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    let said = asked.output().unwrap();
    assert_done(&said, "pkg-config");
    let program = folder.path().join("sales_day");
    let mut command = Command::new("cc");
    command.arg("-std=c99").arg(workspace().join("examples/c/sales_day.c"));
    command.args(String::from_utf8(said.stdout).unwrap().split_whitespace()).arg("-o").arg(&program);
    assert_done(&command.output().unwrap(), "cc with the flags of pkg-config");
    run(&program, &prefix.join("lib"));
}

#[test]
fn a_project_of_cmake_links_both_libraries() {
    if !has("cmake") {
        return skip("cmake is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(prefix) = installed(folder.path()) else { return };
    let (source, build) = (folder.path().join("project"), folder.path().join("build"));
    fs::create_dir(&source).unwrap();
    let example = workspace().join("examples/c/sales_day.c");
    let project = format!(
        "cmake_minimum_required(VERSION 3.13)\nproject(day C)\nfind_package(guanxi 0.1 REQUIRED CONFIG)\n\
         add_executable(shared {0})\ntarget_link_libraries(shared guanxi::guanxi)\n\
         add_executable(static {0})\ntarget_link_libraries(static guanxi::static)\n",
        example.display()
    );
    fs::write(source.join("CMakeLists.txt"), project).unwrap();
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(&source).arg("-B").arg(&build);
    let output = configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())).output().unwrap();
    assert_done(&output, "cmake");
    assert_done(&Command::new("cmake").arg("--build").arg(&build).output().unwrap(), "cmake --build");
    run(&build.join("shared"), &prefix.join("lib"));
    run(&build.join("static"), Path::new("/nowhere"));
}
