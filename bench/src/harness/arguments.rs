//! How every group is run, and how its phases are called.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::harness::{Outcome, Side};

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

    /// Where the databases lie: where they stay, if that is said, else a new folder, which goes with the second value.
    pub fn room(&self, staying: Option<&Path>) -> Outcome<(PathBuf, Option<TempDir>)> {
        if let Some(folder) = staying {
            return Ok((folder.to_owned(), None));
        }
        let scratch = self.scratch()?;
        Ok((scratch.path().to_owned(), Some(scratch)))
    }
}

/// Makes the databases of a folder, unless they were made there before, with the same sizes.
pub fn once(folder: &Path, sizes: &str, make: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    let said = folder.join("loaded");
    if std::fs::read_to_string(&said).is_ok_and(|known| known == sizes) {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    make()?;
    Ok(std::fs::write(said, sizes)?)
}

/// One step of a side, which runs in a process of its own, and its circumstances.
#[derive(Debug, Clone, clap::Args)]
pub struct Phase {
    /// Which step.
    pub step: String,
    /// By whom.
    #[arg(long)]
    pub side: Side,
    /// Where the database lies.
    #[arg(long)]
    pub folder: PathBuf,
    /// Memory for pages, in bytes.
    #[arg(long)]
    pub cache_bytes: usize,
}

impl Phase {
    /// The arguments as the command line takes them, with the sizes of a group.
    pub fn to_strings<const N: usize>(&self, group: &str, sizes: [(&str, usize); N]) -> Vec<String> {
        let mut strings = vec![format!("{group}-phase"), self.step.clone()];
        let place = self.folder.to_string_lossy().into_owned();
        strings.extend(flags([("side", self.side.name().to_owned()), ("folder", place)]));
        strings.extend(flags(sizes.map(|(name, size)| (name, size.to_string()))));
        strings.extend(flags([("cache-bytes", self.cache_bytes.to_string())]));
        strings
    }
}

/// Flags with their values, as the command line takes them.
pub fn flags<const N: usize>(pairs: [(&str, String); N]) -> impl Iterator<Item = String> {
    pairs.into_iter().flat_map(|(name, value)| [format!("--{name}"), value])
}
