//! What a database knows of plugins: which were loaded, which it needs, and which have an account.

use std::path::PathBuf;

use clap::Args;
use guanxi::Result;
use guanxi::api::call;
use serde_json::{Value as Json, json};

use crate::commands::access::{rows, told};
use crate::exit::Ended;
use crate::host::Host;

#[derive(Debug, Args)]
pub struct Admit {
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

impl Admit {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({"plugin": self.plugin, "user": self.account, "note": self.note});
        told(host, &self.path, "plugin.admit", &given)
    }
}

#[derive(Debug, Args)]
pub struct Dismiss {
    /// Directory of the database
    path: PathBuf,
    /// The plugin, by its id
    #[arg(id = "plugin_id", value_name = "PLUGIN")]
    plugin: String,
}

impl Dismiss {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        told(host, &self.path, "plugin.dismiss", &json!({"plugin": self.plugin}))
    }
}

#[derive(Debug, Args)]
pub struct Admitted {
    /// Directory of the database
    path: PathBuf,
}

impl Admitted {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let answer = call(&host.session(&self.path)?, "plugin.admitted", &json!({}))?;
        rows(host, &answer, "plugins", &["plugin", "user", "loaded", "note"])
    }
}

#[derive(Debug, Args)]
pub struct List {
    /// Directory of the database
    path: PathBuf,
}

impl List {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let mut answer = call(&host.session(&self.path)?, "plugin.list", &json!({}))?;
        let plugins = answer.get_mut("plugins").and_then(Json::as_array_mut);
        for plugin in plugins.into_iter().flatten() {
            let id = plugin.get("plugin").and_then(Json::as_str).unwrap_or_default().to_owned();
            let health = guanxi_plugin_host::health(&self.path, &id)?;
            if let Some(plugin) = plugin.as_object_mut() {
                plugin.insert("faults".to_owned(), health.faults.into());
                plugin.insert("quarantined".to_owned(), health.quarantined.into());
            }
        }
        rows(
            host,
            &answer,
            "plugins",
            &["plugin", "version", "key", "schema_version", "required", "loaded", "faults", "quarantined"],
        )
    }
}

#[derive(Debug, Args)]
pub struct Require {
    /// Directory of the database
    path: PathBuf,
    /// The plugin, by its id
    #[arg(id = "plugin_id", value_name = "PLUGIN")]
    plugin: String,
    /// Say instead that it is written to without the plugin too
    #[arg(long)]
    off: bool,
}

impl Require {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        told(host, &self.path, "plugin.require", &json!({"plugin": self.plugin, "required": !self.off}))
    }
}

#[derive(Debug, Args)]
pub struct Clear {
    /// Directory of the database, which nobody has open
    path: PathBuf,
    /// The plugin, by its id
    #[arg(id = "plugin_id", value_name = "PLUGIN")]
    plugin: String,
}

impl Clear {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        // Who may open the database may clear the plugin, and nobody has it open then.
        let session = host.session(&self.path)?;
        session.check_may("sys.role", guanxi::engine::Action::Administer)?;
        guanxi_plugin_host::clear(&self.path, &self.plugin)?;
        Ok(Ended::Done)
    }
}
