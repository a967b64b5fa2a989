//! What is loaded, what is refused, and that nothing of what is refused ever ran.
#![cfg(unix)]

use std::error::Error as StdError;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use guanxi::base::{Code, Label};
use guanxi_plugin_abi::{guanxi_plugin_info, guanxi_status};
use guanxi_plugin_host::{Loader, Manifest, OnFault, Requires, TARGET, inspect, load, pack};
use tempfile::TempDir;

type Outcome<T> = Result<T, Box<dyn StdError>>;

/// A plugin of the C fixture with its package, in a directory of its own.
struct Fixture {
    directory: TempDir,
    package: PathBuf,
}

impl Fixture {
    /// Builds the library with macros and packs it under the fixture's honest manifest.
    fn with(id: &str, macros: &[(&str, &str)]) -> Outcome<Self> {
        let directory = TempDir::new()?;
        let library = directory.path().join("fixture.so");
        let mark = directory.path().join("mark");
        let texts = [
            ("MARK", mark.to_string_lossy().into_owned()),
            ("ID", id.to_owned()),
            ("VERSION", "1.2.0".to_owned()),
            ("CAPABILITIES", "schema:crm.account hook:crm.account".to_owned()),
        ];
        let compiler = cc::Build::new()
            .target(TARGET)
            .host(TARGET)
            .opt_level(0)
            .out_dir(directory.path())
            .cargo_metadata(false)
            .try_get_compiler()?;
        let mut command = compiler.to_command();
        command.args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&library);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixture/plugin.c"));
        for (name, text) in texts.iter().filter(|(name, _)| macros.iter().all(|(other, _)| other != name)) {
            command.arg(format!("-D{name}=\"{text}\""));
        }
        for (name, definition) in macros {
            command.arg(format!("-D{name}={definition}"));
        }
        let output = command.output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let package = pack(&library, directory.path(), manifest(id)?)?;
        Ok(Self { directory, package })
    }

    /// How often the entry function ran, or `None` if the library was never loaded.
    fn entries(&self) -> Option<usize> {
        fs::read(self.directory.path().join("mark")).ok().map(|mark| mark.len())
    }

    fn load(&self) -> Result<Vec<guanxi_plugin_host::LoadedPlugin>, guanxi::base::Error> {
        load(std::slice::from_ref(&self.package))
    }

    /// The code and the field of the error with which loading is refused.
    fn refusal(&self) -> Option<(Code, Option<String>)> {
        self.load().err().map(|error| (error.code(), error.field_name().map(str::to_owned)))
    }

    fn rewrite_manifest(&self, from: &str, to: &str) -> Outcome<()> {
        let path = self.package.join("manifest.toml");
        let text = fs::read_to_string(&path)?;
        assert!(text.contains(from), "{text}");
        Ok(fs::write(path, text.replace(from, to))?)
    }

    fn library(&self) -> PathBuf {
        self.package.join("bin").join(TARGET).join("plugin").with_extension(std::env::consts::DLL_EXTENSION)
    }
}

fn manifest(id: &str) -> Result<Manifest, guanxi::base::Error> {
    let capabilities = ["hook:crm.account", "schema:crm.account"];
    Manifest::new(id, "1.2.0", Label::new("评分", "Score"), &capabilities, OnFault::Reject)
}

#[test]
fn a_plugin_in_c_is_packed_verified_and_loaded() {
    let fixture = Fixture::with("cn.example.score", &[]).unwrap();
    assert_eq!(fixture.package.file_name().unwrap(), "cn.example.score-1.2.0.gxplugin");
    assert_eq!(fixture.entries(), None);
    let plugins = fixture.load().unwrap();
    let [plugin] = plugins.as_slice() else { panic!("one plugin") };
    assert_eq!(plugin.manifest().id(), "cn.example.score");
    assert_eq!(plugin.manifest().name(), &Label::new("评分", "Score"));
    assert_eq!(fixture.entries(), Some(1));
    // SAFETY: the fixture's init looks at neither argument's target.
    assert_eq!(unsafe { plugin.init()(std::ptr::null(), 100) }, 116);
}

#[test]
fn the_same_bytes_are_loaded_once_and_others_are_not_taken_for_them() {
    let first = Fixture::with("cn.example.first", &[]).unwrap();
    let second = Fixture::with("cn.example.second_one", &[]).unwrap();
    let copy = first.directory.path().join("copy.gxplugin");
    let copied = Command::new("cp").arg("-r").arg(&first.package).arg(&copy).status().unwrap();
    assert!(copied.success());
    let mut answers = Vec::new();
    for package in [&first.package, &second.package, &copy] {
        let plugins = load(std::slice::from_ref(package)).unwrap();
        // SAFETY: the fixture's init looks at neither argument's target.
        answers.push(unsafe { plugins[0].init()(std::ptr::null(), 0) });
    }
    assert_eq!(answers, [16, 21, 16]);
    assert_eq!((first.entries(), second.entries()), (Some(1), Some(1)));
}

#[test]
#[cfg(target_os = "linux")]
fn what_runs_is_sealed_memory_and_not_the_file() {
    let fixture = Fixture::with("cn.example.sealed", &[]).unwrap();
    fixture.load().unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    assert!(maps.contains("/memfd:guanxi-plugin"));
    assert!(!maps.contains("cn.example.sealed-1.2.0.gxplugin"));
    let library = fs::read(fixture.library()).unwrap();
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().flatten().map(|entry| entry.path());
    let is_memory = |path: &PathBuf| {
        fs::read_link(path).is_ok_and(|link| link.starts_with("/memfd:guanxi-plugin (deleted)"))
    };
    let mut images =
        descriptors.filter(is_memory).filter(|path| fs::read(path).is_ok_and(|bytes| bytes == library));
    let image = images.next().unwrap();
    let written = fs::OpenOptions::new().write(true).open(image).and_then(|mut file| file.write_all(b"x"));
    assert_eq!(written.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[test]
fn a_flipped_byte_is_refused_before_the_library_runs() {
    let fixture = Fixture::with("cn.example.flipped", &[]).unwrap();
    let mut bytes = fs::read(fixture.library()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(fixture.library(), bytes).unwrap();
    assert_eq!(fixture.refusal().unwrap().0, Code::PluginHash);
    assert_eq!(inspect(&fixture.package).unwrap_err().code(), Code::PluginHash);
    assert_eq!(fixture.entries(), None);
}

#[test]
fn a_missing_library_is_refused_as_not_the_one_named() {
    let fixture = Fixture::with("cn.example.missing", &[]).unwrap();
    fs::remove_file(fixture.library()).unwrap();
    assert_eq!(fixture.refusal().unwrap().0, Code::PluginHash);
}

#[test]
fn another_version_of_the_interface_is_refused_before_the_library_runs() {
    let fixture = Fixture::with("cn.example.versions", &[]).unwrap();
    for (before, after) in [("1.0", "2.0"), ("2.0", "1.5"), ("1.5", "0.9")] {
        fixture.rewrite_manifest(&format!("abi = \"{before}\""), &format!("abi = \"{after}\"")).unwrap();
        let error = fixture.load().unwrap_err();
        assert_eq!(error.code(), Code::PluginAbi);
        assert_eq!(error.rule_name().unwrap(), format!("it needs {after}, this engine has 1.4"));
    }
    assert_eq!(fixture.entries(), None);
}

#[test]
fn a_package_for_another_platform_names_the_one_it_is_for() {
    let fixture = Fixture::with("cn.example.platform", &[]).unwrap();
    fixture.rewrite_manifest(TARGET, "riscv64gc-unknown-linux-gnu").unwrap();
    let error = fixture.load().unwrap_err();
    assert_eq!(error.code(), Code::PluginTarget);
    let rule = format!("for riscv64gc-unknown-linux-gnu, not for {TARGET}");
    assert_eq!(error.rule_name(), Some(rule.as_str()));
}

#[test]
fn two_packages_of_one_id_are_refused_before_either_runs() {
    let one = Fixture::with("cn.example.twin", &[]).unwrap();
    let other = Fixture::with("cn.example.twin", &[]).unwrap();
    let error = load(&[one.package.clone(), other.package.clone()]).unwrap_err();
    assert_eq!((error.code(), error.plugin_name()), (Code::PluginConflict, Some("cn.example.twin")));
    assert_eq!((one.entries(), other.entries()), (None, None));
}

#[test]
fn one_bad_package_keeps_every_other_from_running() {
    let good = Fixture::with("cn.example.good", &[]).unwrap();
    let bad = Fixture::with("cn.example.bad", &[]).unwrap();
    fs::write(bad.library(), b"not a library").unwrap();
    let error = load(&[good.package.clone(), bad.package.clone()]).unwrap_err();
    assert_eq!((error.code(), error.plugin_name()), (Code::PluginHash, Some("cn.example.bad")));
    assert_eq!(good.entries(), None);
}

#[test]
fn a_library_that_says_something_else_than_its_manifest_is_refused_by_field() {
    let id = "cn.example.liar";
    for (macros, field) in [
        (("ID", "\"cn.example.other\""), "id"),
        (("VERSION", "\"1.2.1\""), "version"),
        (("CAPABILITIES", "\"hook:crm.account\""), "capabilities"),
        (("MAJOR", "2"), "abi"),
        (("MINOR", "1"), "abi"),
    ] {
        let fixture = Fixture::with(id, &[macros]).unwrap();
        assert_eq!(fixture.refusal(), Some((Code::PluginEntry, Some(field.to_owned()))), "{macros:?}");
    }
}

#[test]
fn a_library_without_entry_or_init_is_refused_each_time_it_is_tried() {
    for (name, calls) in [("NO_ENTRY", 0), ("NO_INIT", 2)] {
        let fixture = Fixture::with("cn.example.hollow", &[(name, "1")]).unwrap();
        assert_eq!(fixture.refusal(), Some((Code::PluginEntry, None)));
        assert_eq!(fixture.refusal(), Some((Code::PluginEntry, None)));
        assert_eq!(fixture.entries(), Some(calls));
    }
}

#[test]
fn an_entry_function_that_fails_is_told_apart_by_its_status() {
    let short = Fixture::with("cn.example.short", &[("STATUS", "-703")]).unwrap();
    assert_eq!(short.refusal(), Some((Code::PluginAbi, None)));
    let failing = Fixture::with("cn.example.failing", &[("STATUS", "-1")]).unwrap();
    assert_eq!(failing.refusal(), Some((Code::PluginEntry, None)));
}

#[test]
fn bytes_that_are_no_library_are_refused_although_their_hash_is_right() {
    let directory = TempDir::new().unwrap();
    let library = directory.path().join("text.so");
    fs::write(&library, b"not a library").unwrap();
    let package = pack(&library, directory.path(), manifest("cn.example.text").unwrap()).unwrap();
    assert_eq!(inspect(&package).unwrap().id(), "cn.example.text");
    assert_eq!(load(&[package]).unwrap_err().code(), Code::PluginEntry);
}

#[test]
fn a_package_is_not_written_over() {
    let fixture = Fixture::with("cn.example.once", &[]).unwrap();
    let again = pack(&fixture.library(), fixture.directory.path(), manifest("cn.example.once").unwrap());
    assert_eq!(again.unwrap_err().code(), Code::AlreadyExists);
    assert_eq!(fs::read_dir(fixture.directory.path()).unwrap().count(), 2);
}

#[test]
fn a_relative_path_a_link_and_a_file_are_no_packages() {
    let fixture = Fixture::with("cn.example.paths", &[]).unwrap();
    let link = fixture.directory.path().join("link.gxplugin");
    std::os::unix::fs::symlink(&fixture.package, &link).unwrap();
    let file = fixture.directory.path().join("fixture.so");
    for path in [Path::new("cn.example.paths-1.2.0.gxplugin"), &link, &file, Path::new("/nonexistent")] {
        let error = load(&[path.to_owned()]).unwrap_err();
        let expected = if path.extension().is_some_and(|end| end == "so") {
            Code::PluginDamaged
        } else {
            Code::PluginPath
        };
        assert_eq!(error.code(), expected, "{path:?}");
    }
    assert_eq!(fixture.entries(), None);
}

#[test]
fn files_that_are_links_or_that_everyone_may_write_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::with("cn.example.open", &[]).unwrap();
    let manifest = fixture.package.join("manifest.toml");
    for path in [fixture.package.clone(), manifest.clone(), fixture.library()] {
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, PermissionsExt::from_mode(before.mode() | 0o002)).unwrap();
        assert_eq!(fixture.refusal().unwrap().0, Code::PluginPath);
        fs::set_permissions(&path, before).unwrap();
    }
    let elsewhere = fixture.directory.path().join("elsewhere.toml");
    fs::rename(&manifest, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &manifest).unwrap();
    assert_eq!(fixture.refusal().unwrap().0, Code::PluginPath);
    assert_eq!(fixture.entries(), None);
}

#[test]
fn the_licence_plugin_is_found_packed_and_loaded() {
    let library = built("guanxi-plugin-licence").unwrap();
    let directory = TempDir::new().unwrap();
    let capabilities = ["schema:crm.account", "hook:crm.account"];
    let name = Label::new("企业执照", "Company licences");
    let version = env!("CARGO_PKG_VERSION");
    let manifest = Manifest::new("cn.guanxi.licence", version, name, &capabilities, OnFault::Reject).unwrap();
    let package = pack(&library, directory.path(), manifest).unwrap();
    let plugins = load(&[package]).unwrap();
    // SAFETY: null is allowed, and says so.
    assert_eq!(unsafe { plugins[0].init()(std::ptr::null(), 0) }, -Code::NullArgument.number());
}

/// The shared library of a package of this workspace, built now, by cargo's own word.
fn built(package: &str) -> Outcome<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--message-format=json", "--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let target = package.replace('-', "_");
    let library = String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message.pointer("/target/name").is_some_and(|name| name == target.as_str()))
        .filter_map(|message| message.get("filenames")?.as_array().cloned())
        .flatten()
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .find(|file| file.extension().is_some_and(|found| found == std::env::consts::DLL_EXTENSION));
    library.ok_or_else(|| String::from_utf8_lossy(&output.stderr).into())
}

/// What is never asked who it is.
unsafe extern "C" fn no_entry(_information: *mut guanxi_plugin_info) -> guanxi_status {
    -1
}

#[test]
fn what_is_linked_into_the_host_needs_what_its_manifest_says_too() -> Outcome<()> {
    let crm = guanxi::in_memory().create_in_memory()?;
    let install = |manifest: &Manifest| {
        // SAFETY: the function is of the type that the interface gives it, and writes nothing.
        unsafe { Loader::unsigned().install_linked(&crm, None, manifest, no_entry) }
    };
    let manifest = manifest("cn.example.linked")?;
    assert_eq!(install(&manifest).map_err(|error| error.code()), Err(Code::PluginEntry));
    let needs = Requires { plugins: vec!["cn.example.base >=1".to_owned()], ..Requires::default() };
    let manifest = manifest.with_needs(needs, Vec::new())?;
    assert_eq!(install(&manifest).map_err(|error| error.code()), Err(Code::PluginRequires));
    Ok(())
}
