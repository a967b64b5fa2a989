//! The install layout of the C library, as pkg-config, CMake and dynamic linkers expect it.
//!
//! cargo-c would make most of it, and was not taken: it is built from the whole of cargo, which takes longer than all
//! of our crates, knows no CMake package, and would have made a second header beside the generated one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Version of the product, which is that of this package.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Version of the C interface, by which shared libraries are told apart: `GUANXI_ABI_VERSION`.
const ABI: &str = "0";
const HEADERS: [&str; 5] =
    ["guanxi.h", "guanxi_types.h", "guanxi_plugin.h", "guanxi_plugin_helpers.h", "guanxi.hpp"];
/// What a program needs beside the static library: the system libraries that rustc names for it on Linux.
const SYSTEM_LIBRARIES: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

/// What is asked for.
pub(crate) struct Options {
    prefix: PathBuf,
    from: Option<PathBuf>,
    strip: bool,
}

impl Options {
    /// Reads the arguments behind `dist`.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { prefix: root().join("target/dist"), from: None, strip: false };
        while let Some(argument) = arguments.next() {
            let mut folder =
                || arguments.next().map(PathBuf::from).ok_or_else(|| format!("`{argument}` names a folder"));
            match argument.as_str() {
                "--prefix" => options.prefix = folder()?,
                "--from" => options.from = Some(folder()?),
                "--strip" => options.strip = true,
                other => return Err(format!("`dist` has no option `{other}`")),
            }
        }
        Ok(options)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Lays everything out.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let from = match &options.from {
        Some(from) => from.clone(),
        None => build()?,
    };
    headers(&options.prefix)?;
    libraries(&from, options)?;
    let lib = options.prefix.join("lib");
    write(&lib.join("pkgconfig/guanxi.pc"), &pkg_config())?;
    write(&lib.join("cmake/guanxi/guanxiConfig.cmake"), &cmake())?;
    write(&lib.join("cmake/guanxi/guanxiConfigVersion.cmake"), &cmake_version())?;
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&root().join(licence), &options.prefix.join("share/doc/guanxi").join(licence))?;
    }
    println!("{}", options.prefix.display());
    Ok(())
}

/// Builds the release library and gives its folder.
fn build() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--package", "guanxi-ffi"]).current_dir(root());
    done(&mut command)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("release"))
}

fn headers(prefix: &Path) -> Result<(), String> {
    HEADERS
        .iter()
        .try_for_each(|name| copy(&root().join("include").join(name), &prefix.join("include").join(name)))
}

/// The shared library under its full name, with the links that linkers follow, and the static one.
fn libraries(from: &Path, options: &Options) -> Result<(), String> {
    let lib = options.prefix.join("lib");
    let (full, links) = names();
    let shared = from.join(if cfg!(target_os = "macos") { "libguanxi.dylib" } else { "libguanxi.so" });
    copy(&shared, &lib.join(&full))?;
    if options.strip {
        done(Command::new("strip").arg("--strip-unneeded").arg(lib.join(&full)))?;
    }
    for link in &links {
        let place = lib.join(link);
        if place.symlink_metadata().is_ok() {
            fs::remove_file(&place).map_err(|error| told(&place, &error))?;
        }
        symlink(&full, &place).map_err(|error| told(&place, &error))?;
    }
    copy(&from.join("libguanxi.a"), &lib.join("libguanxi.a"))
}

/// The full name of the shared library, and the links to it.
fn names() -> (String, [String; 2]) {
    if cfg!(target_os = "macos") {
        let links = [format!("libguanxi.{ABI}.dylib"), "libguanxi.dylib".to_owned()];
        return (format!("libguanxi.{VERSION}.dylib"), links);
    }
    let links = [format!("libguanxi.so.{ABI}"), "libguanxi.so".to_owned()];
    (format!("libguanxi.so.{VERSION}"), links)
}

#[cfg(unix)]
fn symlink(to: &str, place: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, place)
}

#[cfg(not(unix))]
fn symlink(to: &str, place: &Path) -> std::io::Result<()> {
    fs::copy(place.with_file_name(to), place).map(drop)
}

fn pkg_config() -> String {
    format!(
        "prefix=${{pcfiledir}}/../..\n\
         includedir=${{prefix}}/include\n\
         libdir=${{prefix}}/lib\n\
         \n\
         Name: guanxi\n\
         Description: An embeddable CRM engine over one encrypted database\n\
         Version: {VERSION}\n\
         Cflags: -I${{includedir}}\n\
         Libs: -L${{libdir}} -lguanxi\n\
         Libs.private: {SYSTEM_LIBRARIES}\n"
    )
}

fn cmake() -> String {
    let (full, [name, _]) = names();
    let system = SYSTEM_LIBRARIES.replace("-l", "").replace(' ', ";");
    format!(
        "# find_package(guanxi) gives the targets guanxi::guanxi (shared) and guanxi::static.\n\
         get_filename_component(_guanxi_prefix \"${{CMAKE_CURRENT_LIST_DIR}}/../../..\" ABSOLUTE)\n\
         if(NOT TARGET guanxi::guanxi)\n\
         \x20 add_library(guanxi::guanxi SHARED IMPORTED)\n\
         \x20 set_target_properties(guanxi::guanxi PROPERTIES\n\
         \x20   IMPORTED_LOCATION \"${{_guanxi_prefix}}/lib/{full}\"\n\
         \x20   IMPORTED_SONAME \"{name}\"\n\
         \x20   INTERFACE_INCLUDE_DIRECTORIES \"${{_guanxi_prefix}}/include\")\n\
         \x20 add_library(guanxi::static STATIC IMPORTED)\n\
         \x20 set_target_properties(guanxi::static PROPERTIES\n\
         \x20   IMPORTED_LOCATION \"${{_guanxi_prefix}}/lib/libguanxi.a\"\n\
         \x20   INTERFACE_COMPILE_DEFINITIONS GUANXI_STATIC\n\
         \x20   INTERFACE_INCLUDE_DIRECTORIES \"${{_guanxi_prefix}}/include\"\n\
         \x20   INTERFACE_LINK_LIBRARIES \"{system}\")\n\
         endif()\n\
         unset(_guanxi_prefix)\n"
    )
}

/// Before 1.0, a minor version may break what was built for another.
fn cmake_version() -> String {
    let minor = VERSION.rsplit_once('.').map_or(VERSION, |(minor, _)| minor);
    format!(
        "set(PACKAGE_VERSION \"{VERSION}\")\n\
         if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)\n\
         \x20 set(PACKAGE_VERSION_COMPATIBLE FALSE)\n\
         elseif(PACKAGE_FIND_VERSION STREQUAL \"\" OR PACKAGE_FIND_VERSION VERSION_GREATER_EQUAL \"{minor}\")\n\
         \x20 set(PACKAGE_VERSION_COMPATIBLE TRUE)\n\
         else()\n\
         \x20 set(PACKAGE_VERSION_COMPATIBLE FALSE)\n\
         endif()\n\
         if(PACKAGE_FIND_VERSION STREQUAL PACKAGE_VERSION)\n\
         \x20 set(PACKAGE_VERSION_EXACT TRUE)\n\
         endif()\n"
    )
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    folder_of(to)?;
    fs::copy(from, to).map(drop).map_err(|error| told(from, &error))
}

fn write(to: &Path, text: &str) -> Result<(), String> {
    folder_of(to)?;
    fs::write(to, text).map_err(|error| told(to, &error))
}

fn folder_of(path: &Path) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| told(folder, &error))
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn done(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
