//! The trust store of this host: which keys it trusts, and what it has taken back.

use std::fs;
use std::path::{self, Path, PathBuf};

use clap::Args;
use guanxi::Result;
use guanxi::base::{Code, Error};
use guanxi_plugin_host::{TrustStore, TrustedKey};
use serde_json::json;

use crate::commands::plugin::replace;
use crate::exit::Ended;
use crate::host::Host;
use crate::output;

/// The store in a file; an empty one where there is none yet.
fn read(store: &Path) -> Result<TrustStore> {
    match store.exists() {
        true => TrustStore::read(&path::absolute(store)?),
        false => Ok(TrustStore::default()),
    }
}

/// Writes the store.
fn write(host: &Host, path: &Path, store: &TrustStore) -> Result<Ended> {
    replace(path, &store.to_toml()?)?;
    if host.wants_json() {
        output::json(&json!({"keys": store.keys.keys().collect::<Vec<_>>()}))?;
    }
    Ok(Ended::Done)
}

/// Adds a key under a name that none has yet.
fn add(store: &mut TrustStore, name: &str, key: TrustedKey) -> Result<()> {
    match store.keys.insert(name.to_owned(), key) {
        Some(_) => Err(Error::new(Code::AlreadyExists).value(name)),
        None => Ok(()),
    }
}

/// A public key: the line itself, or the line in a file of minisign's.
fn public_of(said: &str) -> Result<String> {
    let text = match Path::new(said).is_file() {
        true => fs::read_to_string(said)?,
        false => said.to_owned(),
    };
    let mut lines = text.lines().filter(|line| !line.starts_with("untrusted comment:") && !line.is_empty());
    lines.next().map(str::to_owned).ok_or_else(|| Error::new(Code::PluginKeyUnknown).rule("a public key"))
}

#[derive(Debug, Args)]
pub struct Trust {
    /// The trust store, which is made if it is not there
    store: PathBuf,
    /// What this host calls the key
    name: String,
    /// The public key, or a file with it
    #[arg(long, value_name = "KEY")]
    public: String,
    /// An id, or the beginning of ids with a point at its end, that it may sign for; `catalogue` for catalogues
    #[arg(long = "for", value_name = "ID", required = true)]
    ids: Vec<String>,
    /// A capability that its plugins may have, or the beginning of some with a * at its end
    #[arg(long, value_name = "CAPABILITY")]
    grant: Vec<String>,
    /// First day on which it is in force, such as 2026-11-30
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Last day
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
}

impl Trust {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let mut store = read(&self.store)?;
        let key = TrustedKey {
            public: public_of(&self.public)?,
            ids: self.ids.clone(),
            grants: self.grant.clone(),
            from: self.from.clone(),
            until: self.until.clone(),
            revoked: None,
        };
        add(&mut store, &self.name, key)?;
        write(host, &self.store, &store)
    }
}

#[derive(Debug, Args)]
pub struct Revoke {
    /// The trust store
    store: PathBuf,
    /// The key, by the name that this host gives it
    #[arg(long, value_name = "NAME", group = "revoked")]
    key: Option<String>,
    /// A version of a plugin, such as `cn.example.score 1.2.0`
    #[arg(long, value_name = "ID VERSION", group = "revoked")]
    version: Option<String>,
    /// A library, by its SHA-256 in hexadecimal digits
    #[arg(long, value_name = "SHA256", group = "revoked")]
    library: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Revoke {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let mut store = read(&self.store)?;
        if let Some(name) = &self.key {
            key_of(&mut store, name)?.revoked = Some(self.reason.clone());
        } else if let Some(version) = &self.version {
            store.revoked_versions.insert(version.clone(), self.reason.clone());
        } else if let Some(library) = &self.library {
            store.revoked_libraries.insert(library.clone(), self.reason.clone());
        } else {
            return Err(Error::new(Code::MissingParameter)
                .field("key")
                .rule("a key, a version or a library"));
        }
        write(host, &self.store, &store)
    }
}

fn key_of<'s>(store: &'s mut TrustStore, name: &str) -> Result<&'s mut TrustedKey> {
    store.keys.get_mut(name).ok_or_else(|| Error::new(Code::PluginKeyUnknown).value(name))
}

#[derive(Debug, Args)]
pub struct Rotate {
    /// The trust store
    store: PathBuf,
    /// The older key, by its name
    old: String,
    /// What this host calls the newer one
    new: String,
    /// The newer public key, or a file with it
    #[arg(long, value_name = "KEY")]
    public: String,
    /// Last day of the older key; without it, it is taken back now
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
}

impl Rotate {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let mut store = read(&self.store)?;
        let old = key_of(&mut store, &self.old)?;
        let newer = TrustedKey {
            public: public_of(&self.public)?,
            from: None,
            until: None,
            // A key that was lost is taken back first, and replaced then.
            revoked: None,
            ..old.clone()
        };
        match &self.until {
            Some(day) => old.until = Some(day.clone()),
            None => drop(old.revoked.get_or_insert_with(|| format!("replaced by {}", self.new))),
        }
        add(&mut store, &self.new, newer)?;
        write(host, &self.store, &store)
    }
}
