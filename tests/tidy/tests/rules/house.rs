//! A small house in memory that obeys every rule, so that one planted fault gives one violation.

use guanxi_tidy::{SourceFile, Tree, violations};

const MANIFEST: &str = "[package]
name = \"NAME\"
edition.workspace = true
license.workspace = true

[dependencies]

[lints]
workspace = true
";

const PAGE: &str = "# Map

| room | may name |
|---|---|
| base | nothing |
| storage | base |
| engine | base, storage |
| features/* | base, engine |
| model | base, engine, features |
| guanxi | nothing |
| plugins/abi | nothing |
| plugins/host | guanxi, plugins/abi |
| tests | guanxi |
| tests/tidy | nothing |

Features: `core/src/features/search/`, `core/src/features/reports.rs`. The bytes: `core/FORMAT.md`.

```
`in/a/fence/anything.rs` may stand
```
";

/// The paths of the house's files of Rust; each has only its opening line.
const RUST: [&str; 9] = [
    "core/src/lib.rs",
    "core/src/base/mod.rs",
    "core/src/storage/mod.rs",
    "core/src/engine/mod.rs",
    "core/src/features/mod.rs",
    "core/src/features/search/mod.rs",
    "core/src/features/reports.rs",
    "core/src/model/mod.rs",
    "plugins/host/src/lib.rs",
];

/// Folders of packages and the names of the packages.
const PACKAGES: [(&str, &str); 5] = [
    ("core", "guanxi"),
    ("plugins/abi", "guanxi-plugin-abi"),
    ("plugins/host", "guanxi-plugin-host"),
    ("tests/behaviour", "guanxi-behaviour"),
    ("tests/tidy", "guanxi-tidy"),
];

/// The opening line that every planted file of Rust has.
pub const OPENING: &str = "//! What this file is for, in words.\n";

/// The house without a fault.
pub fn clean() -> Tree {
    let mut tree = Tree::default();
    put(
        &mut tree,
        "Cargo.toml",
        "[workspace]\n[workspace.dependencies]\nbytes = { package = \"guanxi-plugin-abi\" }\n",
    );
    put(&mut tree, "core/ARCHITECTURE.md", PAGE);
    put(&mut tree, "core/FORMAT.md", "# Bytes\n");
    for path in RUST {
        put(&mut tree, path, OPENING);
    }
    for (folder, name) in PACKAGES {
        put(&mut tree, &format!("{folder}/Cargo.toml"), &MANIFEST.replace("NAME", name));
    }
    tree
}

/// Puts a file into a tree, in place of the one at its path.
pub fn put(tree: &mut Tree, path: &str, text: &str) {
    tree.files.retain(|file| file.path != path);
    tree.files.push(SourceFile { path: path.to_owned(), text: text.to_owned() });
}

/// What the rules say of the clean house with one file put in.
pub fn with(path: &str, text: &str) -> Vec<String> {
    let mut tree = clean();
    put(&mut tree, path, text);
    report(&tree)
}

/// What the rules say of the clean house with a file of Rust, whose lines begin on line 2.
pub fn with_rust(path: &str, code: &str) -> Vec<String> {
    with(path, &format!("{OPENING}{code}\n"))
}

/// What the rules say of the clean house in which a text of a file is replaced by another.
pub fn with_replaced(path: &str, from: &str, to: &str) -> Vec<String> {
    let text = clean().file(path).map_or_else(String::new, |file| file.text.clone());
    assert!(text.contains(from), "{path} holds {from:?}");
    with(path, &text.replace(from, to))
}

/// What the rules say of the clean house without what lies at or below a path.
pub fn without(path: &str) -> Vec<String> {
    let mut tree = clean();
    tree.files.retain(|file| !file.path.starts_with(path));
    report(&tree)
}

/// The violations of a tree as they are printed.
pub fn report(tree: &Tree) -> Vec<String> {
    violations(tree).iter().map(ToString::to_string).collect()
}

#[test]
fn the_house_without_a_fault_breaks_no_rule() {
    assert_eq!(report(&clean()), [""; 0]);
}
