//! `guanxi plugin`: packages of native plugins, made, signed, checked, offered, and loaded into a database.

mod accounts;
mod catalogue;
mod conform;
mod inside;
mod keys;
mod packages;
mod scaffold;
mod trust;

use std::fs;
use std::path::Path;

use clap::{Args, Subcommand};
use guanxi::Result;

use crate::exit::Ended;
use crate::host::Host;

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Plugin {
    #[command(subcommand)]
    work: Work,
}

/// What is to be done with plugins.
#[derive(Debug, Subcommand)]
enum Work {
    /// Write the sources of a new plugin, with a test against the real engine
    New(scaffold::New),
    /// Make the package `<id>-<version>.gxplugin` of a shared library
    Pack(packages::Pack),
    /// Make one file of a package that is a directory
    Archive(packages::Archive),
    /// Make a key that signs packages and catalogues
    Keygen(keys::Keygen),
    /// Sign a package that is a directory, or a catalogue
    Sign(keys::Sign),
    /// Check signature, manifest and files of a package without loading it
    Verify(packages::Verify),
    /// Load a package in a process of its own, and tell what it is, or how it failed
    Check(packages::Check),
    /// Put a finished package through the conformance tests, in a process of its own
    Conform(conform::Conform),
    /// Trust a key of a vendor's, for plugins of some names and with some capabilities
    Trust(trust::Trust),
    /// Take back a key, a version or a library
    Revoke(trust::Revoke),
    /// Trust a newer key in place of an older one
    Rotate(trust::Rotate),
    /// Make a catalogue of the packages in a folder, or take a version in it back
    Catalogue(catalogue::Make),
    /// Put a package, or the newest one of a catalogue, where this host keeps its plugins
    Install(catalogue::Install),
    /// Load a package into a database: its fields stand from then on, its migrations run, and its checks hold for every
    /// command that is given the package with --plugin
    Load(packages::Load),
    /// List the plugins that were ever loaded into a database
    List(accounts::List),
    /// Say that nothing is written to a database without a plugin
    Require(accounts::Require),
    /// Call a plugin again that was in quarantine, or that the process died in
    Clear(accounts::Clear),
    /// Let a plugin act on its own account, as a service account
    Admit(accounts::Admit),
    /// Take its account from a plugin
    Dismiss(accounts::Dismiss),
    /// List the plugins that may act on their own account
    Admitted(accounts::Admitted),
    /// What `check` and `conform` run in a process of its own
    #[command(hide = true)]
    Inside(inside::Inside),
}

/// Writes a file, whole or not at all, in the place of one that is there.
fn replace(path: &Path, text: &str) -> Result<()> {
    let staging = path.with_extension(format!("{}.part", std::process::id()));
    fs::write(&staging, text)?;
    Ok(fs::rename(&staging, path)?)
}

impl Plugin {
    /// Does it.
    ///
    /// # Errors
    /// Those of the package, `plugin.*`, and of opening a database.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            Work::New(work) => work.run(host),
            Work::Pack(work) => work.run(host),
            Work::Archive(work) => work.run(host),
            Work::Keygen(work) => work.run(host),
            Work::Sign(work) => work.run(host),
            Work::Verify(work) => work.run(host),
            Work::Check(work) => work.run(host),
            Work::Conform(work) => work.run(host),
            Work::Trust(work) => work.run(host),
            Work::Revoke(work) => work.run(host),
            Work::Rotate(work) => work.run(host),
            Work::Catalogue(work) => work.run(host),
            Work::Install(work) => work.run(host),
            Work::Load(work) => work.run(host),
            Work::List(work) => work.run(host),
            Work::Require(work) => work.run(host),
            Work::Clear(work) => work.run(host),
            Work::Admit(work) => work.run(host),
            Work::Dismiss(work) => work.run(host),
            Work::Admitted(work) => work.run(host),
            Work::Inside(work) => work.run(host),
        }
    }
}
