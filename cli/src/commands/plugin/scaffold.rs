//! Writes the sources of a new plugin, which builds as it is and has a test against the real engine.

use std::fs;
use std::path::{self, Path, PathBuf};

use clap::{Args, ValueEnum};
use guanxi::Result;
use guanxi::base::{Code, Error, Label};
use guanxi_plugin_host::{Manifest, OnFault};

use crate::commands::plugin::packages::tell_path;
use crate::exit::Ended;
use crate::host::Host;

/// Files of a plugin in Rust: where each goes, and its text.
const RUST: [(&str, &str); 3] = [
    ("Cargo.toml", include_str!("templates/Cargo.toml.txt")),
    ("src/lib.rs", include_str!("templates/lib.rs.txt")),
    ("tests/engine.rs", include_str!("templates/engine.rs.txt")),
];
/// Files of a plugin in C.
const C: [(&str, &str); 3] = [
    ("plugin.c", include_str!("templates/plugin.c.txt")),
    ("Makefile", include_str!("templates/Makefile.txt")),
    ("test.sh", include_str!("templates/test.sh.txt")),
];

/// What would end a text, a comment or a mark of the templates that a name stands in.
const NOT_IN_NAMES: [char; 9] = ['"', '\'', '`', '\\', '$', '*', '#', '{', '}'];

/// Languages of plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    /// Rust, with the plugin kit
    Rust,
    /// C, with the headers of include/
    C,
}

#[derive(Debug, Args)]
pub struct New {
    /// Identifier in reversed domain order, such as cn.example.score
    id: String,
    /// Directory for the sources, which is not there yet
    directory: PathBuf,
    /// Language of the plugin
    #[arg(long, value_enum, default_value = "rust")]
    lang: Language,
    /// What people call it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Sources of Guanxi, to be used in place of its published packages
    #[arg(long, value_name = "DIRECTORY")]
    sources: Option<PathBuf>,
}

impl New {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let name = self.name.clone().unwrap_or_else(|| self.id.clone());
        // The rules of ids and names are those of manifests.
        Manifest::new(&self.id, "0.1.0", Label::new(&name, &name), &[], OnFault::Reject)?;
        if name.contains(NOT_IN_NAMES) {
            let error = Error::new(Code::InvalidArgument).field("name").value(&name);
            return Err(error.rule("no quotes, braces, and signs that sources give a meaning"));
        }
        if self.directory.exists() {
            return Err(Error::new(Code::AlreadyExists).value(&self.directory.to_string_lossy()));
        }
        let files = match self.lang {
            Language::Rust => &RUST,
            Language::C => &C,
        };
        for (place, text) in files {
            self.write(&self.directory.join(place), text, &name)?;
        }
        tell_path(host, "directory", &self.directory)
    }

    fn write(&self, place: &Path, text: &str, name: &str) -> Result<()> {
        let last = self.id.rsplit('.').next().unwrap_or(&self.id);
        let mut filled = text.replace("{{id}}", &self.id).replace("{{name}}", name);
        filled = filled.replace("{{crate}}", last).replace("{{module}}", &last.replace('-', "_"));
        for (mark, folder) in
            [("{{sdk}}", "plugins/sdk"), ("{{guanxi}}", "core"), ("{{host}}", "plugins/host")]
        {
            filled = filled.replace(mark, &self.dependency(folder)?);
        }
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(place, filled)?)
    }

    /// A dependency as a manifest of cargo writes it: by its path in the sources, or by its version.
    fn dependency(&self, folder: &str) -> Result<String> {
        match &self.sources {
            Some(sources) => {
                let path = path::absolute(sources.join(folder))?;
                Ok(format!("{{ path = {:?} }}", path.to_string_lossy()))
            }
            None => Ok(format!("{:?}", env!("CARGO_PKG_VERSION"))),
        }
    }
}
