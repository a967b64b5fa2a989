//! `guanxi config`: the settings of the configuration, listed, read, set, given out and taken in.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use guanxi::{Code, Error, Result, api};
use serde_json::{Map, Value as Json, json};

use crate::commands::{list, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, parse_json};
use crate::table::{self, Table};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Config {
    #[command(subcommand)]
    work: Work,
}

/// What is to be done with settings.
#[derive(Debug, Subcommand)]
enum Work {
    /// List the settings with type, value and what they are for
    List(List),
    /// Tell the values of settings
    Get(Get),
    /// Set a setting
    Set(Set),
    /// Take the value of a setting back, so that its default holds again
    Reset(Reset),
    /// Write the values that were set, without secrets
    Export(List),
    /// Take in what `export` wrote, all of it or nothing
    Import(Import),
}

#[derive(Debug, Args)]
struct List {
    /// Directory of the database
    path: PathBuf,
}

#[derive(Debug, Args)]
struct Get {
    /// Directory of the database
    path: PathBuf,
    /// Names of settings; all if not said
    settings: Vec<String>,
}

#[derive(Debug, Args)]
struct Set {
    /// Directory of the database
    path: PathBuf,
    /// Name of the setting
    setting: String,
    /// The value, in JSON or as plain text; `-` reads it from standard input, as a secret should be
    value: String,
    /// The user's own value, and not that of the database
    #[arg(long)]
    own: bool,
}

#[derive(Debug, Args)]
struct Reset {
    /// Directory of the database
    path: PathBuf,
    /// Name of the setting
    setting: String,
    /// The user's own value, and not that of the database
    #[arg(long)]
    own: bool,
}

#[derive(Debug, Args)]
struct Import {
    /// Directory of the database
    path: PathBuf,
    /// The values, a file in JSON
    file: PathBuf,
    /// Only tell what would be
    #[arg(long)]
    dry_run: bool,
}

impl Config {
    /// Does it.
    ///
    /// # Errors
    /// `storage.io` for the file; those of the methods `configuration.*`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let (path, method, request) = self.request()?;
        let session = host.session(path)?;
        let answer = api::call(&session, method, &request)?;
        match &self.work {
            Work::Export(_) => output::json(&answer)?,
            _ if host.wants_json() => output::json(&answer)?,
            Work::List(_) => write_settings(&answer)?,
            Work::Get(_) => write_values(&answer)?,
            Work::Set(_) | Work::Reset(_) | Work::Import(_) => write_changes(&answer)?,
        }
        Ok(Ended::Done)
    }

    /// The database, the method that answers, and its parameters.
    fn request(&self) -> Result<(&PathBuf, &'static str, Json)> {
        Ok(match &self.work {
            Work::List(List { path }) => (path, "configuration.describe", json!({})),
            Work::Get(Get { path, settings }) => {
                let request = if settings.is_empty() { json!({}) } else { json!({"settings": settings}) };
                (path, "configuration.get", request)
            }
            Work::Set(set) => {
                let values = Map::from_iter([(set.setting.clone(), set.value()?)]);
                (&set.path, "configuration.set", json!({"settings": values, "own": set.own}))
            }
            Work::Reset(Reset { path, setting, own }) => {
                (path, "configuration.reset", json!({"settings": [setting], "own": own}))
            }
            Work::Export(List { path }) => (path, "configuration.export", json!({})),
            Work::Import(import) => (&import.path, "configuration.import", import.request()?),
        })
    }
}

impl Set {
    /// What is no JSON is a text.
    fn value(&self) -> Result<Json> {
        let given = match self.value.as_str() {
            "-" => io::read_to_string(io::stdin()).map_err(|error| failed("value", error))?,
            value => value.to_owned(),
        };
        let given = given.trim();
        Ok(serde_json::from_str(given).unwrap_or_else(|_| Json::from(given)))
    }
}

impl Import {
    fn request(&self) -> Result<Json> {
        let read = fs::read_to_string(&self.file).map_err(|error| failed("file", error))?;
        let document = parse_json("file", &read)?;
        let settings = document.get("settings").cloned().unwrap_or(Json::Null);
        Ok(json!({"settings": settings, "dry_run": self.dry_run}))
    }
}

fn failed(what: &str, error: io::Error) -> Error {
    Error::new(Code::Io).field(what).because(error)
}

fn write_settings(answer: &Json) -> Result<()> {
    let mut table = Table::new(["setting", "type", "value", "own", "label"]);
    for setting in list(answer, "settings") {
        let value = match setting.get("secret").and_then(Json::as_bool) {
            Some(true) => "(secret)".to_owned(),
            _ => table::cell(setting.get("value").unwrap_or(&Json::Null)),
        };
        let own = table::cell(setting.get("is_own").unwrap_or(&Json::Null));
        let [name, kind, label] = ["setting", "type", "label"].map(|name| text(setting, name));
        table.push([name, kind, &value, &own, label]);
    }
    table.write(io::stdout().lock())
}

fn write_values(answer: &Json) -> Result<()> {
    let mut table = Table::new(["setting", "value"]);
    for (name, value) in answer.get("settings").and_then(Json::as_object).into_iter().flatten() {
        table.push([name.clone(), table::cell(value)]);
    }
    table.write(io::stdout().lock())
}

fn write_changes(answer: &Json) -> Result<()> {
    let mut table = Table::new(["setting", "old", "new"]);
    for change in list(answer, "changes") {
        let value = |name: &str| change.get(name).map_or_else(|| "(secret)".to_owned(), table::cell);
        table.push([text(change, "setting").to_owned(), value("old"), value("new")]);
    }
    table.write(io::stdout().lock())
}
