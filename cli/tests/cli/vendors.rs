//! The door for vendors: keys, trust, catalogues, sources of a new plugin, and the conformance tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::sandbox::{Answer, Sandbox};

const SCORE: &str = "cn.example.score-1.0.0.gxplugin";
/// A budget that no hook of a good plugin spends.
const PATIENT: &str = "60000";
const BAD: &str = "cn.example.bad-1.0.0.gxplugin";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds a plugin from C in a sandbox.
fn build(sandbox: &Sandbox, source: &str, library: &str, macros: &[String]) {
    let mut command = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
    command.args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fPIC", "-shared"]);
    command.arg("-fvisibility=hidden").arg("-I").arg(workspace().join("include")).args(macros);
    command.arg("-o").arg(sandbox.path(library)).arg(workspace().join(source));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Packs a plugin, whose hooks may take so many milliseconds: a machine that does much else makes good plugins slow.
fn pack(sandbox: &Sandbox, id: &str, (library, budget): (&str, &str), capabilities: &[&str]) -> Answer {
    let mut words = vec!["plugin", "pack", library, ".", "--id", id, "--version", "1.0.0"];
    words.extend(["--hook-budget", budget]);
    words.extend(["--name-zh", "插件", "--name-en", "Plugin", "--abi-minor", "2"]);
    words.extend(capabilities.iter().flat_map(|capability| ["--capability", *capability]));
    sandbox.guanxi(words)
}

/// The plugin in C of the examples, packed.
fn score(sandbox: &Sandbox) {
    build(sandbox, "examples/c_plugin/score.c", "score.so", &[]);
    let capabilities = ["schema:crm.account", "hook:crm.account", "write:crm.contact", "action", "model"];
    let packed = pack(sandbox, "cn.example.score", ("score.so", PATIENT), &capabilities);
    assert_eq!(packed.status, 0, "{}", packed.errors);
}

/// A key without a password, for machines; gives the public one.
fn key(sandbox: &Sandbox, name: &str) -> String {
    let made = sandbox.guanxi(["plugin", "keygen", name, "--no-password", "--json"]).json();
    made["public"].as_str().unwrap().to_owned()
}

fn trust(sandbox: &Sandbox, name: &str, public: &str, words: &[&str]) {
    let mut all = vec!["plugin", "trust", "trust.toml", name, "--public", public];
    all.extend(words);
    let trusted = sandbox.guanxi(all);
    assert_eq!(trusted.status, 0, "{}", trusted.errors);
}

fn ok(answer: &Answer) {
    assert_eq!(answer.status, 0, "{}", answer.errors);
}

fn verify(sandbox: &Sandbox, package: &str) -> Answer {
    sandbox.guanxi(["plugin", "verify", package, "--trust", "trust.toml", "--json"])
}

const EVERYTHING: [&str; 10] = [
    "--for",
    "cn.example.",
    "--grant",
    "schema:*",
    "--grant",
    "hook:*",
    "--grant",
    "write:*",
    "--grant",
    "*",
];

#[test]
fn a_package_is_signed_with_a_key_trusted_rotated_and_taken_back() {
    let sandbox = Sandbox::new();
    score(&sandbox);
    let unsigned = sandbox.guanxi(["plugin", "verify", SCORE, "--json"]);
    assert_eq!((unsigned.status, unsigned.error_code().as_str()), (9, "plugin.signature"));
    let public = key(&sandbox, "vendor.key");
    trust(&sandbox, "example", &public, &EVERYTHING);
    assert_eq!(verify(&sandbox, SCORE).error_code(), "plugin.signature");
    ok(&sandbox.guanxi(["plugin", "sign", SCORE, "--secret-key", "vendor.key"]));
    assert_eq!(verify(&sandbox, SCORE).json()["id"], "cn.example.score");
    let loaded =
        sandbox.guanxi(["plugin", "load", "crm.guanxi", SCORE, "--trust", "trust.toml", "--as", "lin"]);
    ok(&loaded);
    let listed = sandbox.guanxi(["plugin", "list", "crm.guanxi", "--as", "lin", "--json"]).json();
    let row = &listed["plugins"][0];
    assert_eq!(
        (&row["plugin"], &row["key"], &row["faults"]),
        (&"cn.example.score".into(), &"example".into(), &0.into())
    );
    // A newer key takes the place of the older one, with what that was trusted with.
    let newer = key(&sandbox, "newer.key");
    ok(&sandbox.guanxi(["plugin", "rotate", "trust.toml", "example", "newer", "--public", &newer]));
    assert_eq!(verify(&sandbox, SCORE).error_code(), "plugin.key_revoked");
    ok(&sandbox.guanxi(["plugin", "sign", SCORE, "--secret-key", "newer.key"]));
    ok(&verify(&sandbox, SCORE));
    // One that was taken back is replaced by one that is in force.
    ok(&sandbox.guanxi(["plugin", "revoke", "trust.toml", "--key", "newer", "--reason", "lost"]));
    let newest = key(&sandbox, "newest.key");
    ok(&sandbox.guanxi(["plugin", "rotate", "trust.toml", "newer", "newest", "--public", &newest]));
    assert_eq!(verify(&sandbox, SCORE).error_code(), "plugin.key_revoked");
    ok(&sandbox.guanxi(["plugin", "sign", SCORE, "--secret-key", "newest.key"]));
    ok(&verify(&sandbox, SCORE));
    ok(&sandbox.guanxi([
        "plugin",
        "revoke",
        "trust.toml",
        "--version",
        "cn.example.score 1.0.0",
        "--reason",
        "loses data",
    ]));
    assert_eq!(verify(&sandbox, SCORE).error_code(), "plugin.revoked");
}

#[test]
fn a_key_with_a_password_is_not_used_without_it() {
    let sandbox = Sandbox::empty();
    score(&sandbox);
    let with = |words: &[&str], password: &str| {
        let mut command = sandbox.command(words);
        command.env("GUANXI_PLUGIN_KEY_PASSWORD", password);
        command.output().unwrap().status.code()
    };
    assert_eq!(with(&["plugin", "keygen", "vendor.key"], "a long password"), Some(0));
    let sign = ["plugin", "sign", SCORE, "--secret-key", "vendor.key"];
    assert_eq!(with(&sign, "another password"), Some(3));
    assert_eq!(with(&sign, "a long password"), Some(0));
    // A key is not written over.
    assert_eq!(with(&["plugin", "keygen", "vendor.key"], "a long password"), Some(5));
    assert_eq!(
        with(&["plugin", "keygen", "vendor.secret"], "a long password"),
        Some(5),
        "vendor.pub is there"
    );
    assert_eq!(with(&["plugin", "keygen", "other.pub"], "a long password"), Some(5), "it would be both");
}

#[test]
fn the_newest_package_of_a_catalogue_is_installed_and_loads() {
    let sandbox = Sandbox::new();
    score(&sandbox);
    let public = key(&sandbox, "vendor.key");
    trust(&sandbox, "example", &public, &[&["--for", "catalogue"], &EVERYTHING[..]].concat());
    ok(&sandbox.guanxi(["plugin", "sign", SCORE, "--secret-key", "vendor.key"]));
    std::fs::create_dir(sandbox.path("shop")).unwrap();
    ok(&sandbox.guanxi(["plugin", "archive", SCORE, "shop"]));
    ok(&sandbox.guanxi(["plugin", "catalogue", "shop"]));
    let install = || {
        sandbox.guanxi([
            "plugin",
            "install",
            "cn.example.score",
            "plugins",
            "--catalogue",
            "shop/catalogue.json",
            "--trust",
            "trust.toml",
            "--json",
        ])
    };
    assert_eq!(install().error_code(), "plugin.path", "there is no signature yet");
    ok(&sandbox.guanxi(["plugin", "sign", "shop/catalogue.json", "--secret-key", "vendor.key"]));
    let package = install().json()["package"].as_str().unwrap().to_owned();
    let loaded =
        sandbox.guanxi(["plugin", "load", "crm.guanxi", &package, "--trust", "trust.toml", "--as", "lin"]);
    ok(&loaded);
    // What was taken back since is not installed any more.
    ok(&sandbox.guanxi([
        "plugin",
        "catalogue",
        "shop",
        "--revoke",
        "cn.example.score 1.0.0",
        "--reason",
        "loses data",
    ]));
    ok(&sandbox.guanxi(["plugin", "sign", "shop/catalogue.json", "--secret-key", "vendor.key"]));
    assert_eq!(install().error_code(), "plugin.revoked");
    // What cannot be read of the newest edition is not taken for none.
    sandbox.file("plugins/catalogue.seen", "");
    assert_eq!(install().error_code(), "plugin.catalogue");
}

#[test]
fn a_plugin_that_takes_its_process_down_is_told_of_by_check() {
    let sandbox = Sandbox::empty();
    score(&sandbox);
    let checked = sandbox.guanxi(["plugin", "check", SCORE, "--unsigned", "--json"]).json();
    assert_eq!(checked["abi"], "1.2");
    let died = check_of_constructor(&sandbox, "boom", "abort();");
    assert_eq!((died.status, died.error_code().as_str()), (9, "plugin.crashed"));
}

/// Checks a library that does something when it is loaded, and is no plugin.
fn check_of_constructor(sandbox: &Sandbox, name: &str, work: &str) -> Answer {
    let program = "#include <stdlib.h>\n__attribute__((constructor)) static void work(void) ";
    sandbox.file("work.c", format!("{program} {{ {work} }}\n"));
    let library = format!("{name}.so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([sandbox.path(&library), sandbox.path("work.c")])
        .status()
        .unwrap();
    assert!(compiled.success());
    ok(&pack(sandbox, &format!("cn.example.{name}"), (&library, PATIENT), &[]));
    let package = format!("cn.example.{name}-1.0.0.gxplugin");
    sandbox.guanxi(["plugin", "check", &package, "--unsigned", "--json"])
}

#[test]
fn a_plugin_that_is_checked_is_not_given_the_keys_and_passwords_of_the_environment() {
    let sandbox = Sandbox::empty();
    let checked = check_of_constructor(&sandbox, "nosy", "if (getenv(\"GUANXI_PASSWORD\")) abort();");
    assert_eq!(checked.error_code(), "plugin.entry");
}

/// The checks of a conformance test that failed.
fn conform(sandbox: &Sandbox, package: &str, within: &str) -> (i32, Vec<String>) {
    let done = sandbox.guanxi(["plugin", "conform", package, "--unsigned", "--within", within, "--json"]);
    let told: Json = serde_json::from_str(&done.output).unwrap_or_default();
    let checks = told["checks"].as_array().cloned().unwrap_or_default();
    let failed = checks.iter().filter(|check| check["passed"] == false);
    (done.status, failed.map(|check| check["check"].as_str().unwrap_or_default().to_owned()).collect())
}

#[test]
fn good_plugins_pass_the_conformance_tests() {
    let sandbox = Sandbox::empty();
    score(&sandbox);
    assert_eq!(conform(&sandbox, SCORE, "300"), (0, Vec::new()));
    build(&sandbox, "tests/plugin/programs/bad.c", "bad.so", &[]);
    ok(&pack(
        &sandbox,
        "cn.example.bad",
        ("bad.so", PATIENT),
        &["schema:crm.account", "hook:crm.account", "package"],
    ));
    assert_eq!(conform(&sandbox, BAD, "300"), (0, Vec::new()));
}

#[test]
fn the_licence_plugin_passes_the_conformance_tests() {
    let sandbox = Sandbox::empty();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--offline", "--message-format=json", "--package", "guanxi-plugin-licence"])
        .current_dir(workspace())
        .output()
        .unwrap();
    let messages = String::from_utf8(built.stdout).unwrap();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let licence = messages.filter(|message| message["target"]["name"] == "guanxi_plugin_licence");
    let files = licence.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    let library =
        files.filter_map(|file| file.as_str().map(str::to_owned)).find(|file| file.ends_with(".so"));
    let (version, library) = (env!("CARGO_PKG_VERSION"), library.unwrap());
    let packed = sandbox.guanxi([
        "plugin",
        "pack",
        &library,
        ".",
        "--id",
        "cn.guanxi.licence",
        "--version",
        version,
        "--name-zh",
        "执照",
        "--name-en",
        "Licence",
        "--hook-budget",
        PATIENT,
        "--capability",
        "schema:crm.account",
        "--capability",
        "hook:crm.account",
    ]);
    ok(&packed);
    let package = format!("cn.guanxi.licence-{version}.gxplugin");
    assert_eq!(conform(&sandbox, &package, "300"), (0, Vec::new()));
}

#[test]
fn each_of_thirteen_bad_plugins_fails_the_conformance_tests_for_its_own_reason() {
    let expected = [
        (1, "loads"),
        (2, "loads"),
        (3, "oversteps"),
        (4, "faults"),
        (5, "handles"),
        (6, "oversteps"),
        (7, "loads"),
        (8, "process"),
        (9, "memory"),
        (10, "faults"),
        (11, "process"),
        (12, "process"),
        (13, "arguments"),
    ];
    for (number, check) in expected {
        let sandbox = Sandbox::empty();
        build(&sandbox, "tests/plugin/programs/bad.c", "bad.so", &[format!("-DBAD={number}")]);
        ok(&pack(
            &sandbox,
            "cn.example.bad",
            ("bad.so", if number == 4 { "50" } else { PATIENT }),
            &["schema:crm.account", "hook:crm.account", "package"],
        ));
        // Only the one that never ends is waited for in vain.
        let within = if number == 11 { "10" } else { "300" };
        let (status, failed) = conform(&sandbox, BAD, within);
        assert_eq!(status, 9, "{number}");
        assert!(failed.iter().any(|name| name == check), "{number}: {failed:?}");
    }
}

#[test]
fn sources_of_a_new_plugin_are_written_and_those_in_c_pass_their_own_test() {
    let sandbox = Sandbox::empty();
    ok(&sandbox.guanxi(["plugin", "new", "cn.example.industry", "rust", "--name", "行业"]));
    let library = sandbox.text("rust/src/lib.rs");
    assert!(library.contains("id: \"cn.example.industry\"") && !library.contains("{{"));
    assert!(!library.contains("unsafe"), "a vendor's code has none");
    let again = sandbox.guanxi(["plugin", "new", "cn.example.industry", "rust", "--json"]);
    assert_eq!(again.error_code(), "storage.already_exists");
    let named = sandbox.guanxi(["plugin", "new", "crm.industry", "other", "--json"]);
    assert_eq!(named.error_code(), "plugin.manifest");
    let quoted = sandbox.guanxi(["plugin", "new", "cn.example.industry", "other", "--name", "\"", "--json"]);
    assert_eq!(quoted.error_code(), "input.invalid_argument");
    ok(&sandbox.guanxi(["plugin", "new", "cn.example.industry", "c", "--lang", "c", "--name", "行业"]));
    let tested = Command::new("make")
        .arg("test")
        .current_dir(sandbox.path("c"))
        .env("GUANXI", env!("CARGO_BIN_EXE_guanxi"))
        .env("GUANXI_INCLUDE", workspace().join("include").canonicalize().unwrap())
        .output();
    let Ok(tested) = tested else {
        println!("skipped: there is no make");
        return;
    };
    let told = String::from_utf8_lossy(&tested.stdout) + String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{told}");
    assert!(told.contains("another one refused"), "{told}");
}
