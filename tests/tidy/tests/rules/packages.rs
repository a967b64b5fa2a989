//! A manifest depends on what the map permits and inherits what the workspace says.

use crate::house::{clean, put, report, with, with_replaced};

const HOST: &str = "plugins/host/Cargo.toml";
const ABI: &str = "plugins/abi/Cargo.toml";
const CLEAN: [&str; 0] = [];

fn with_dependencies(manifest: &str, lines: &str) -> Vec<String> {
    with_replaced(manifest, "[dependencies]\n", &format!("[dependencies]\n{lines}\n"))
}

#[test]
fn a_package_may_depend_on_the_packages_of_its_row_and_on_strangers() {
    let lines = "guanxi.workspace = true\nguanxi-plugin-abi = { path = \"../abi\" }\nserde = \"1\"";
    assert_eq!(with_dependencies(HOST, lines), CLEAN);
}

#[test]
fn a_dependency_against_the_map_is_found_in_every_table() {
    let expected = [format!("{ABI}:7: plugins/abi may name nothing, and not guanxi (core/ARCHITECTURE.md)")];
    for table in ["dependencies", "dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"]
    {
        let lines = format!("[{table}]\nguanxi.workspace = true\n");
        assert_eq!(with_replaced(ABI, "[dependencies]\n", &lines), expected, "{table}");
    }
}

#[test]
fn a_dependency_under_another_name_is_found() {
    let expected = [format!("{ABI}:7: plugins/abi may name nothing, and not guanxi (core/ARCHITECTURE.md)")];
    assert_eq!(with_dependencies(ABI, "engine = { package = \"guanxi\", path = \"../../core\" }"), expected);
    let core = "core/Cargo.toml";
    let expected = [format!("{core}:7: guanxi may name nothing, and not plugins/abi (core/ARCHITECTURE.md)")];
    assert_eq!(with_dependencies(core, "bytes.workspace = true"), expected);
}

#[test]
fn a_longer_name_that_begins_alike_is_another_dependency() {
    let lines = "guanxi-behaviour-report = \"1\"\nguanxi_report = \"1\"\nguanxi.workspace = true";
    let expected = [format!("{ABI}:9: plugins/abi may name nothing, and not guanxi (core/ARCHITECTURE.md)")];
    assert_eq!(with_dependencies(ABI, lines), expected);
}

#[test]
fn the_row_of_the_nearest_folder_holds() {
    let tidy = "tests/tidy/Cargo.toml";
    let expected = [format!("{tidy}:7: tests/tidy may name nothing, and not guanxi (core/ARCHITECTURE.md)")];
    assert_eq!(with_dependencies(tidy, "guanxi.workspace = true"), expected);
    assert_eq!(with_dependencies("tests/behaviour/Cargo.toml", "guanxi.workspace = true"), CLEAN);
}

#[test]
fn a_package_that_is_not_in_the_table_is_found() {
    let mut tree = clean();
    let manifest = tree.file(ABI).expect("a manifest of the house").text.replace("plugin-abi", "attic");
    put(&mut tree, "attic/Cargo.toml", &manifest);
    assert_eq!(
        report(&tree),
        ["attic/Cargo.toml:1: the package stands in the table of core/ARCHITECTURE.md"]
    );
}

#[test]
fn a_package_that_does_not_inherit_from_the_workspace_is_found() {
    let edition = "a package inherits its edition: `edition.workspace = true`";
    assert_eq!(
        with_replaced(HOST, "edition.workspace = true", "edition = \"2024\""),
        [format!("{HOST}:3: {edition}")]
    );
    let license = "a package inherits its license: `license.workspace = true`";
    assert_eq!(with_replaced(HOST, "license.workspace = true\n", ""), [format!("{HOST}:1: {license}")]);
    let lints = "a package inherits the lint table: `[lints]` with `workspace = true`";
    assert_eq!(with_replaced(HOST, "[lints]\nworkspace = true\n", ""), [format!("{HOST}:1: {lints}")]);
    assert_eq!(with_replaced(HOST, "workspace = true\n", "workspace = false\n").len(), 3);
}

#[test]
fn a_manifest_that_cannot_be_read_is_found() {
    let reported = with("plugins/host/Cargo.toml", "[package\n");
    assert_eq!(reported.len(), 1);
    assert!(reported[0].starts_with("plugins/host/Cargo.toml:1: a manifest is TOML: "), "{}", reported[0]);
}
