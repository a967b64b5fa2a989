//! How every group is run, and how its phases are called.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::Outcome;

/// How a group is run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How much data: accounts in `storage`, with half as many contacts and opportunities each; deals in
    /// `query`.
    #[arg(long, default_value_t = 100_000)]
    pub accounts: usize,
    /// How often each phase of each side is measured.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Only steps whose name begins so, besides those that they need.
    #[arg(long, default_value = "")]
    pub only: String,
    /// Prints one JSON object a line instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Where the databases lie while they are measured; the system's temporary folder unless said.
    #[arg(long)]
    pub folder: Option<PathBuf>,
}

impl Arguments {
    /// A new folder for the databases, which goes with the value.
    pub fn scratch(&self) -> Outcome<TempDir> {
        Ok(match &self.folder {
            Some(folder) => TempDir::new_in(folder)?,
            None => TempDir::new()?,
        })
    }
}

/// Flags with their values, as the command line takes them.
pub fn flags<const N: usize>(pairs: [(&str, String); N]) -> impl Iterator<Item = String> {
    pairs.into_iter().flat_map(|(name, value)| [format!("--{name}"), value])
}
