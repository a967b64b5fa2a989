//! Which manifests are acceptable, field by field.

use guanxi::base::{Code, Label};
use guanxi_plugin_host::{Manifest, OnFault};

const GOOD: &str = r#"
id = "cn.example.score"
version = "1.2.0-rc.1"
abi = "1.0"
capabilities = ["schema:crm.account", "hook:crm.account"]
on_fault = "reject"

[name]
zh = "评分"
en = "Score"

[files]
"bin/x86_64-unknown-linux-gnu/plugin.so" = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"bin/aarch64-apple-darwin/plugin.dylib" = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"#;

#[test]
fn a_good_manifest_says_what_it_says() {
    let manifest = Manifest::parse(GOOD).unwrap();
    assert_eq!(
        (manifest.id(), manifest.version(), manifest.abi()),
        ("cn.example.score", "1.2.0-rc.1", (1, 0))
    );
    assert_eq!(manifest.name(), &Label::new("评分", "Score"));
    let capabilities: Vec<_> = manifest.capabilities().collect();
    assert_eq!(capabilities, ["hook:crm.account", "schema:crm.account"]);
    assert_eq!(manifest.on_fault(), OnFault::Reject);
    let skipping = Manifest::parse(&GOOD.replace("\"reject\"", "\"skip\"")).unwrap();
    assert_eq!(skipping.on_fault(), OnFault::Skip);
}

#[test]
fn a_manifest_that_is_written_reads_as_the_same() {
    let manifest = Manifest::parse(GOOD).unwrap();
    let text = manifest.to_toml().unwrap();
    assert_eq!(Manifest::parse(&text).unwrap(), manifest);
    assert!(text.contains("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

#[test]
fn a_wrong_field_is_refused_by_name() {
    for (from, to, field) in [
        ("cn.example.score", "score", "id"),
        ("cn.example.score", "cn.Example.score", "id"),
        ("cn.example.score", "cn..score", "id"),
        ("cn.example.score", "crm.score", "id"),
        ("cn.example.score", "../evil.score", "id"),
        ("1.2.0-rc.1", "1.2", "version"),
        ("1.2.0-rc.1", "1.02.0", "version"),
        ("1.2.0-rc.1", "1.2.0/../..", "version"),
        ("1.2.0-rc.1", "1.2.0-", "version"),
        ("1.2.0-rc.1", "+1.2.0", "version"),
        ("1.2.0-rc.1", "1.2.0-01", "version"),
        ("1.2.0-rc.1", "1.2.0+build", "version"),
        ("1.2.0-rc.1", "1.2.4294967296", "version"),
        ("abi = \"1.0\"", "abi = \"1\"", "abi"),
        ("abi = \"1.0\"", "abi = \"1.00\"", "abi"),
        ("schema:crm.account", "root", "capabilities"),
        ("schema:crm.account", "delete:crm.account", "capabilities"),
        ("schema:crm.account", "schema:", "capabilities"),
        ("schema:crm.account", "hook:crm.account", "capabilities"),
        ("评分", " ", "name"),
        ("Score", "Sco\\u0000re", "name"),
        ("bin/x86_64-unknown-linux-gnu/plugin.so", "bin/../plugin.so", "files"),
        ("bin/x86_64-unknown-linux-gnu/plugin.so", "/etc/passwd", "files"),
        ("bin/x86_64-unknown-linux-gnu/plugin.so", "bin/x/y/plugin.so", "files"),
        ("bin/x86_64-unknown-linux-gnu/plugin.so", "bin/aarch64-apple-darwin/plugin.so", "files"),
        ("sha256:e3b0", "sha256:E3B0", "files"),
        ("sha256:e3b0", "sha256:e3b", "files"),
        ("sha256:e3b0", "sha256:e3b000", "files"),
        ("sha256:e3b0", "md5:e3b0", "files"),
    ] {
        let error = Manifest::parse(&GOOD.replace(from, to)).unwrap_err();
        assert_eq!((error.code(), error.field_name()), (Code::PluginManifest, Some(field)), "{to}");
    }
}

#[test]
fn a_field_that_is_missing_unknown_or_of_another_type_is_refused() {
    for text in [
        GOOD.replace("on_fault = \"reject\"\n", ""),
        GOOD.replace("\"reject\"", "\"ignore\""),
        GOOD.replace("on_fault", "requires = 1\non_fault"),
        GOOD.replace("on_fault", "trusted = true\non_fault"),
        GOOD.replace("\"1.0\"", "1.0"),
        GOOD.replace("en = \"Score\"\n", ""),
        "]".to_owned(),
        String::new(),
    ] {
        assert_eq!(Manifest::parse(&text).unwrap_err().code(), Code::PluginManifest, "{text}");
    }
}

#[test]
fn a_manifest_without_library_is_refused() {
    let (head, _) = GOOD.split_once("[files]").unwrap();
    let error = Manifest::parse(&format!("{head}[files]\n")).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::PluginManifest, Some("files")));
}

#[test]
fn what_a_plugin_needs_is_read_written_and_refused_where_it_is_malformed() {
    let more = GOOD.replace("on_fault", "conflicts = [\"cn.example.other\"]\nschema_version = 3\non_fault").replace(
        "[files]",
        "[requires]\ncore = \">=0.1\"\nplugins = [\"cn.example.base >=1\"]\n[budget_ms]\nhook = 10\n[files]",
    );
    let manifest = Manifest::parse(&more).unwrap();
    assert_eq!(manifest.requires().plugins, ["cn.example.base >=1"]);
    assert_eq!((manifest.schema_version(), manifest.budgets().hook, manifest.budgets().work), (3, 10, 2_000));
    assert_eq!(Manifest::parse(&manifest.to_toml().unwrap()).unwrap(), manifest);
    for (from, to, field) in [
        ("cn.example.base >=1", "cn.example.base", "requires"),
        ("cn.example.base >=1", "base >=1", "requires"),
        (">=0.1", "new", "requires"),
        ("cn.example.other", "cn.example.score", "conflicts"),
        ("hook = 10", "hook = 0", "budget_ms"),
        ("hook = 10", "hook = 600001", "budget_ms"),
    ] {
        let error = Manifest::parse(&more.replace(from, to)).unwrap_err();
        assert_eq!((error.code(), error.field_name()), (Code::PluginManifest, Some(field)), "{to}");
    }
}
