//! The rules of the packages: whom a manifest may depend on, and what it inherits from the workspace.

use toml::{Table, Value};

use crate::map::{Map, PAGE};
use crate::{SourceFile, Tree, Violation};

/// The tables of a manifest that name other packages.
const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// A manifest and what it says.
struct Manifest<'tree> {
    file: &'tree SourceFile,
    content: Table,
}

impl Manifest<'_> {
    /// The package that it describes; none for a manifest of the workspace alone.
    fn package(&self) -> Option<&Table> {
        self.content.get("package")?.as_table()
    }

    /// The package's room as the map writes it: its folder, and `guanxi` for the core.
    fn room(&self) -> &str {
        match self.file.path.strip_suffix("/Cargo.toml") {
            Some("core") => "guanxi",
            folder => folder.unwrap_or(""),
        }
    }

    /// The dependencies of every kind, those of single targets among them.
    fn dependencies(&self) -> impl Iterator<Item = (&String, &Value)> {
        let targets = self.content.get("target").and_then(Value::as_table);
        let of_targets = targets.into_iter().flat_map(|targets| targets.values().filter_map(Value::as_table));
        let owners = std::iter::once(&self.content).chain(of_targets);
        let tables =
            owners.flat_map(|owner| DEPENDENCIES.iter().filter_map(|name| owner.get(*name)?.as_table()));
        tables.flat_map(Table::iter)
    }

    /// The violation of a rule at the line that begins with a key, or at the first where none does.
    fn violation(&self, key: &str, rule: String) -> Violation {
        let of_name = |next: char| next.is_alphanumeric() || next == '-' || next == '_';
        let begins = |line: &str| line.strip_prefix(key).is_some_and(|rest| !rest.starts_with(of_name));
        let mut lines = (1..).zip(self.file.text.lines());
        let line = lines.find(|(_, line)| begins(line)).map(|(number, _)| number);
        Violation::new(&self.file.path, line.unwrap_or(1), rule)
    }
}

/// Checks every manifest of the tree. What a dependency stands for is read out of the manifests, too.
pub fn violations(tree: &Tree, map: &Map) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut manifests = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.rsplit('/').next() == Some("Cargo.toml")) {
        match file.text.parse() {
            Ok(content) => manifests.push(Manifest { file, content }),
            Err(error) => {
                let rule = format!("a manifest is TOML: {}", toml::de::Error::message(&error));
                found.push(Violation::new(&file.path, 1, rule));
            }
        }
    }
    for manifest in &manifests {
        if let Some(package) = manifest.package() {
            found.extend(inheritance_violations(manifest, package));
            found.extend(dependency_violations(manifest, &manifests, map));
        }
    }
    found
}

fn inheritance_violations(manifest: &Manifest<'_>, package: &Table) -> Vec<Violation> {
    let mut found = Vec::new();
    for field in ["edition", "license"] {
        if !is_inherited(package.get(field)) {
            let rule = format!("a package inherits its {field}: `{field}.workspace = true`");
            found.push(manifest.violation(field, rule));
        }
    }
    if !is_inherited(manifest.content.get("lints")) {
        let rule = "a package inherits the lint table: `[lints]` with `workspace = true`";
        found.push(manifest.violation("[lints", rule.to_owned()));
    }
    found
}

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

fn dependency_violations(manifest: &Manifest<'_>, all: &[Manifest<'_>], map: &Map) -> Vec<Violation> {
    let room = manifest.room();
    let Some(row) = map.package(room) else {
        return vec![manifest.violation("[package]", format!("the package stands in the table of {PAGE}"))];
    };
    let ours = manifest.dependencies().filter_map(|(key, value)| Some((key, room_behind(key, value, all)?)));
    let refused = ours.filter_map(|(key, target)| Some((key, row.objection(room, target)?)));
    refused.map(|(key, rule)| manifest.violation(key, rule)).collect()
}

/// The room of the package that a dependency means; none for a package that is not ours.
fn room_behind<'all>(key: &str, value: &Value, all: &'all [Manifest<'_>]) -> Option<&'all str> {
    let renamed = |value: &Value| Some(value.get("package")?.as_str()?.to_owned());
    let in_workspace = || {
        all.iter()
            .find_map(|manifest| renamed(manifest.content.get("workspace")?.get("dependencies")?.get(key)?))
    };
    let inherited = if is_inherited(Some(value)) { in_workspace() } else { None };
    let name = renamed(value).or(inherited).unwrap_or_else(|| key.to_owned());
    let package = all.iter().find(|manifest| {
        manifest.package().and_then(|package| package.get("name")).and_then(Value::as_str) == Some(&name)
    });
    package.map(Manifest::room)
}
