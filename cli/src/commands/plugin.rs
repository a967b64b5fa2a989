//! `guanxi plugin`: packages of native plugins, made, checked, and loaded into a database.

use std::path::{self, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use guanxi::Result;
use guanxi::api::call;
use guanxi::base::Label;
use guanxi_plugin_host::{Manifest, OnFault};
use serde_json::{Value as Json, json};

use crate::commands::access::{rows, told};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, visible};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Plugin {
    #[command(subcommand)]
    work: Work,
}

/// What is to be done with plugins.
#[derive(Debug, Subcommand)]
enum Work {
    /// Make the package `<id>-<version>.gxplugin` of a shared library for this platform
    Pack(Pack),
    /// Check manifest and library of a package without loading it
    Check(Check),
    /// Load a package into a database: its fields stand from then on, and its checks hold for every
    /// command that is given the package with --plugin
    Load(Load),
    /// Let a plugin act on its own account, as a service account
    Admit(Admit),
    /// Take its account from a plugin
    Dismiss(Dismiss),
    /// List the plugins that may act on their own account
    Admitted(Admitted),
}

#[derive(Debug, Args)]
struct Admit {
    /// Directory of the database
    path: PathBuf,
    /// The plugin, by its id
    // An id of its own, since `--plugin` is of the id `plugin` in all commands.
    #[arg(id = "plugin_id", value_name = "PLUGIN")]
    plugin: String,
    /// The service account, by id or name
    account: String,
    /// Why it may
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

#[derive(Debug, Args)]
struct Dismiss {
    /// Directory of the database
    path: PathBuf,
    /// The plugin, by its id
    // An id of its own, since `--plugin` is of the id `plugin` in all commands.
    #[arg(id = "plugin_id", value_name = "PLUGIN")]
    plugin: String,
}

#[derive(Debug, Args)]
struct Admitted {
    /// Directory of the database
    path: PathBuf,
}

#[derive(Debug, Args)]
struct Pack {
    /// The shared library
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
}

#[derive(Debug, Args)]
struct Check {
    /// Directory of the package
    package: PathBuf,
}

#[derive(Debug, Args)]
struct Load {
    /// Directory of the database
    path: PathBuf,
    /// Directory of the package
    package: PathBuf,
}

/// What becomes of a save when the plugin fails.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Fault {
    /// It is refused
    Reject,
    /// It goes on without the plugin
    Skip,
}

impl Plugin {
    /// Does it.
    ///
    /// # Errors
    /// Those of the package, `plugin.*`, and of opening a database.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            Work::Pack(pack) => pack.run(host)?,
            Work::Check(check) => {
                tell(host, &guanxi_plugin_host::inspect(&path::absolute(&check.package)?)?)?;
            }
            Work::Load(load) => {
                let session = host.session(&load.path)?;
                let loaded = host.load(&session, std::slice::from_ref(&load.package))?;
                loaded.iter().try_for_each(|manifest| tell(host, manifest))?;
            }
            Work::Admit(Admit { path, plugin, account, note }) => {
                let given = json!({"plugin": plugin, "user": account, "note": note});
                return told(host, path, "plugin.admit", &given);
            }
            Work::Dismiss(Dismiss { path, plugin }) => {
                return told(host, path, "plugin.dismiss", &json!({"plugin": plugin}));
            }
            Work::Admitted(Admitted { path }) => {
                let answer = call(&host.session(path)?, "plugin.admitted", &json!({}))?;
                return rows(host, &answer, "plugins", &["plugin", "user", "loaded", "note"]);
            }
        }
        Ok(Ended::Done)
    }
}

impl Pack {
    fn run(&self, host: &Host) -> Result<()> {
        let on_fault = match self.on_fault {
            Fault::Reject => OnFault::Reject,
            Fault::Skip => OnFault::Skip,
        };
        let capabilities: Vec<&str> = self.capability.iter().map(String::as_str).collect();
        let name = Label::new(&self.name_zh, &self.name_en);
        let manifest = Manifest::new(&self.id, &self.version, name, &capabilities, on_fault)?;
        let package = guanxi_plugin_host::pack(&self.library, &self.directory, manifest)?;
        let package = package.to_string_lossy();
        if host.wants_json() {
            output::json(&json!({"package": package}))
        } else {
            output::line(&visible(&package))
        }
    }
}

/// What a package says of itself.
fn tell(host: &Host, manifest: &Manifest) -> Result<()> {
    let (major, minor) = manifest.abi();
    let on_fault = match manifest.on_fault() {
        OnFault::Reject => "reject",
        OnFault::Skip => "skip",
    };
    let facts: [(&str, Json); 6] = [
        ("id", json!(manifest.id())),
        ("version", json!(manifest.version())),
        ("name", json!(manifest.name().text(host.locale()))),
        ("abi", json!(format!("{major}.{minor}"))),
        ("capabilities", manifest.capabilities().collect()),
        ("on_fault", json!(on_fault)),
    ];
    if host.wants_json() {
        let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value));
        return output::json(&Json::Object(facts.collect()));
    }
    facts.iter().try_for_each(|(name, value)| {
        output::line(&visible(&format!("{name}: {}", crate::table::cell(value))))
    })
}
