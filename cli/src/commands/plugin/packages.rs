//! Packages: made, checked, and loaded.

use std::path::{self, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use guanxi::Result;
use guanxi::base::{Code, Error, Label};
use guanxi_plugin_host::{Budgets, Contents, Manifest, OnFault, Requires, TARGET};
use serde_json::{Value as Json, json};

use crate::commands::plugin::inside::{Child, Task};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, visible};

#[derive(Debug, Args)]
pub struct Pack {
    /// The shared library for this platform
    library: PathBuf,
    /// Directory in which the package is made
    directory: PathBuf,
    /// Identifier in reversed domain order, such as cn.example.score
    #[arg(long, value_name = "ID")]
    id: String,
    /// Version by semver.org
    #[arg(long, value_name = "VERSION")]
    version: String,
    /// What people call it in Chinese
    #[arg(long, value_name = "NAME")]
    name_zh: String,
    /// What people call it in English
    #[arg(long, value_name = "NAME")]
    name_en: String,
    /// What it asks leave for, such as schema:crm.account or hook:crm.account
    #[arg(long, value_name = "CAPABILITY")]
    capability: Vec<String>,
    /// What becomes of a save when the plugin fails
    #[arg(long, value_enum, default_value = "reject")]
    on_fault: Fault,
    /// The lowest minor version of the plugin interface 1 that it needs
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    abi_minor: u32,
    /// How far its migrations go
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    schema_version: u32,
    /// A plugin that it needs, such as `cn.example.base >=1`
    #[arg(long, value_name = "REQUIREMENT")]
    requires: Vec<String>,
    /// Versions of the engine that it needs, such as `>=0.1`
    #[arg(long, value_name = "VERSIONS")]
    requires_core: Option<String>,
    /// A plugin with which it does not go together, by its id
    #[arg(long, value_name = "ID")]
    conflicts: Vec<String>,
    /// How long a hook may take, in milliseconds
    #[arg(long, value_name = "MS")]
    hook_budget: Option<u32>,
    /// The shared library for another platform, as `<target>=<file>`
    #[arg(long, value_name = "TARGET=FILE", value_parser = named_file)]
    library_for: Vec<(String, PathBuf)>,
    /// Another file, as `<path in the package>=<file>`: metadata/package.json, or doc/<name>
    #[arg(long, value_name = "PATH=FILE", value_parser = named_file)]
    file: Vec<(String, PathBuf)>,
}

fn named_file(said: &str) -> std::result::Result<(String, PathBuf), String> {
    let (name, file) = said.split_once('=').ok_or("a name, =, and a file")?;
    Ok((name.to_owned(), PathBuf::from(file)))
}

/// What becomes of a save when the plugin fails.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Fault {
    /// It is refused
    Reject,
    /// It goes on without the plugin
    Skip,
}

impl Pack {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let on_fault = match self.on_fault {
            Fault::Reject => OnFault::Reject,
            Fault::Skip => OnFault::Skip,
        };
        let capabilities: Vec<&str> = self.capability.iter().map(String::as_str).collect();
        let name = Label::new(&self.name_zh, &self.name_en);
        let usual = Budgets::default();
        let budgets = Budgets { hook: self.hook_budget.unwrap_or(usual.hook), ..usual };
        let requires = Requires { core: self.requires_core.clone(), plugins: self.requires.clone() };
        let manifest = Manifest::new(&self.id, &self.version, name, &capabilities, on_fault)?
            .with_abi_minor(self.abi_minor)?
            .with_schema_version(self.schema_version)
            .with_needs(requires, self.conflicts.clone())?
            .with_budgets(budgets)?;
        let mut libraries = vec![(TARGET.to_owned(), self.library.clone())];
        libraries.extend(self.library_for.iter().cloned());
        let contents = Contents {
            libraries: libraries.into_iter().collect(),
            files: self.file.iter().cloned().collect(),
        };
        let package = guanxi_plugin_host::pack_all(&contents, &self.directory, manifest)?;
        tell_path(host, "package", &package)
    }
}

/// Tells where something was put.
pub(super) fn tell_path(host: &Host, name: &str, path: &std::path::Path) -> Result<Ended> {
    let path = path.to_string_lossy();
    match host.wants_json() {
        true => output::json(&json!({name: path}))?,
        false => output::line(&visible(&path))?,
    }
    Ok(Ended::Done)
}

#[derive(Debug, Args)]
pub struct Archive {
    /// The package, a directory
    package: PathBuf,
    /// Directory in which the file is made
    directory: PathBuf,
}

impl Archive {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let made = guanxi_plugin_host::archive_package(&path::absolute(&self.package)?, &self.directory)?;
        tell_path(host, "package", &made)
    }
}

#[derive(Debug, Args)]
pub struct Verify {
    /// The package, a directory or one file
    package: PathBuf,
}

impl Verify {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        tell(host, &host.loader()?.inspect(&path::absolute(&self.package)?)?)
    }
}

#[derive(Debug, Args)]
pub struct Check {
    /// The package, a directory or one file
    package: PathBuf,
}

impl Check {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let package = path::absolute(&self.package)?;
        let manifest = host.loader()?.inspect(&package)?;
        let child = Child::run(host, Task::Check, &package, Duration::from_secs(60))?;
        if let Some(error) = child.error() {
            return Err(error);
        }
        match child.died {
            Some(how) => Err(Error::new(Code::PluginCrashed).plugin(manifest.id()).rule(&how)),
            None => tell(host, &manifest),
        }
    }
}

#[derive(Debug, Args)]
pub struct Load {
    /// Directory of the database
    path: PathBuf,
    /// The package, a directory or one file
    package: PathBuf,
}

impl Load {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let loaded = host.load_as(&session, std::slice::from_ref(&self.package))?;
        loaded.iter().try_for_each(|manifest| tell(host, manifest).map(drop))?;
        Ok(Ended::Done)
    }
}

/// What a package says of itself.
pub(super) fn tell(host: &Host, manifest: &Manifest) -> Result<Ended> {
    let (major, minor) = manifest.abi();
    let on_fault = match manifest.on_fault() {
        OnFault::Reject => "reject",
        OnFault::Skip => "skip",
    };
    let facts: [(&str, Json); 9] = [
        ("id", json!(manifest.id())),
        ("version", json!(manifest.version())),
        ("name", json!(manifest.name().text(host.locale()))),
        ("abi", json!(format!("{major}.{minor}"))),
        ("targets", manifest.targets().collect()),
        ("capabilities", manifest.capabilities().collect()),
        ("requires", json!(manifest.requires().plugins)),
        ("schema_version", json!(manifest.schema_version())),
        ("on_fault", json!(on_fault)),
    ];
    if host.wants_json() {
        let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value));
        output::json(&Json::Object(facts.collect()))?;
        return Ok(Ended::Done);
    }
    facts.iter().try_for_each(|(name, value)| {
        output::line(&visible(&format!("{name}: {}", crate::table::cell(value))))
    })?;
    Ok(Ended::Done)
}
