//! A vendor of plugins: builds them from C, packs and signs them.

use std::fs;
use std::path::{Path, PathBuf};

use guanxi::base::Label;
use guanxi_plugin_host::{
    Budgets, Manifest, OnFault, Requires, TARGET, TrustStore, TrustedKey, bytes_to_sign, pack, put_signature,
};
use minisign::KeyPair;

use crate::capabilities::FULL;

/// What a plugin asks leave for that extends accounts.
pub const EXTENDS: [&str; 2] = ["schema:crm.account", "hook:crm.account"];

/// Builds a shared library of one of the programs beside this file, with macros.
pub fn library(place: &Path, program: &str, macros: &[(&str, &str)]) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = match program {
        "score" => tests.join("../examples/c_plugin/score.c"),
        program => tests.join("plugin/programs").join(program).with_extension("c"),
    };
    let named: String = macros.iter().map(|(name, value)| format!("-{name}{value}")).collect();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let named: String = named.chars().filter(|letter| plain(*letter)).collect();
    let library = place.join(format!("{program}{named}.so"));
    let compiler = cc::Build::new()
        .target(TARGET)
        .host(TARGET)
        .opt_level(0)
        .out_dir(place)
        .cargo_metadata(false)
        .try_get_compiler()
        .unwrap();
    let mut command = compiler.to_command();
    command.args(["-std=c99", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"]);
    command.args(["-Wpedantic", "-I"]).arg(tests.join("../include")).arg("-o").arg(&library).arg(source);
    command.args(macros.iter().map(|(name, value)| format!("-D{name}={value}")));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// The manifest of a plugin that needs version 1.2 of the interface.
pub fn manifest(id: &str, version: &str, capabilities: &[&str]) -> Manifest {
    let name = Label::new("插件", "Plugin");
    let manifest = Manifest::new(id, version, name, capabilities, OnFault::Reject).unwrap();
    let budgets = Budgets { hook: 10_000, work: 60_000 };
    manifest.with_abi_minor(2).unwrap().with_budgets(budgets).unwrap()
}

/// The package of the plugin that uses everything.
pub fn full(place: &Path, version: &str, schema_version: u32, macros: &[(&str, &str)]) -> PathBuf {
    let (quoted, migrations) = (format!("\"{version}\""), schema_version.to_string());
    let mut all = vec![("VERSION", quoted.as_str()), ("MIGRATIONS", migrations.as_str())];
    all.extend(macros);
    let library = library(place, "full", &all);
    let manifest = manifest("cn.example.full", version, &FULL).with_schema_version(schema_version);
    pack(&library, place, manifest).unwrap()
}

/// The package of a plugin that does nothing wrong, and little else.
pub fn plain(place: &Path, needs: Requires, conflicts: &[&str]) -> PathBuf {
    let library = library(place, "bad", &[]);
    let capabilities = ["schema:crm.account", "hook:crm.account", "package"];
    let conflicts = conflicts.iter().map(|id| (*id).to_owned()).collect();
    let manifest = manifest("cn.example.bad", "1.0.0", &capabilities).with_needs(needs, conflicts).unwrap();
    pack(&library, place, manifest).unwrap()
}

/// A vendor with a key.
pub struct Vendor(KeyPair);

impl Vendor {
    pub fn new() -> Self {
        Self(KeyPair::generate_unencrypted_keypair().unwrap())
    }

    /// Signs a package that is a directory.
    pub fn sign(&self, package: &Path) {
        put_signature(package, &self.signature(&bytes_to_sign(package).unwrap())).unwrap();
    }

    /// The signature of bytes.
    pub fn signature(&self, bytes: &[u8]) -> String {
        minisign::sign(None, &self.0.sk, bytes, None, None).unwrap().into_string()
    }

    /// A key of the trust store, for these ids and with these capabilities.
    pub fn key(&self, ids: &[&str], grants: &[&str]) -> TrustedKey {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        TrustedKey {
            public: self.0.pk.to_base64(),
            ids: owned(ids),
            grants: owned(grants),
            from: None,
            until: None,
            revoked: None,
        }
    }

    /// A store that trusts this vendor alone, with everything.
    pub fn trusted(&self) -> TrustStore {
        self.trusted_with(self.key(&["cn.example."], &["*"]))
    }

    /// A store with this one key.
    pub fn trusted_with(&self, key: TrustedKey) -> TrustStore {
        TrustStore { keys: [("vendor".to_owned(), key)].into(), ..TrustStore::default() }
    }
}

/// Changes the text of a manifest.
pub fn rewrite(package: &Path, from: &str, to: &str) {
    let path = package.join("manifest.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}
