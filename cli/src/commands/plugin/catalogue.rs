//! Catalogues: made by who offers packages, and read by who installs them.

use std::fs;
use std::path::{self, Path, PathBuf};

use clap::Args;
use guanxi::Result;
use guanxi::base::{Code, Error};
use guanxi_plugin_host::TrustStore;
use guanxi_plugin_host::catalogue::Catalogue;

use crate::commands::plugin::packages::tell_path;
use crate::commands::plugin::replace;
use crate::exit::Ended;
use crate::host::Host;

/// Name of a catalogue in its folder.
const NAME: &str = "catalogue.json";
/// Where a folder of plugins keeps the number of the newest edition that it has seen.
const SEEN: &str = "catalogue.seen";

#[derive(Debug, Args)]
pub struct Make {
    /// Folder with packages in one file each; the catalogue is `catalogue.json` in it
    folder: PathBuf,
    /// Take a version back, such as `cn.example.score 1.2.0`
    #[arg(long, value_name = "ID VERSION", requires = "reason")]
    revoke: Option<String>,
    /// Why it is taken back
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Make {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let folder = path::absolute(&self.folder)?;
        let place = folder.join(NAME);
        let before = place.exists().then(|| Catalogue::parse(&place)).transpose()?;
        let mut catalogue = Catalogue::of_folder(&folder, before.as_ref())?;
        if let (Some(version), Some(reason)) = (&self.revoke, &self.reason) {
            let wrong = || Error::new(Code::InvalidArgument).field("revoke").rule("an id and a version");
            let (id, version) = version.split_once(' ').ok_or_else(wrong)?;
            catalogue.revoke(id, version, reason)?;
        }
        replace(&place, &catalogue.to_json()?)?;
        tell_path(host, "catalogue", &place)
    }
}

#[derive(Debug, Args)]
pub struct Install {
    /// The package, or with --catalogue the id of a plugin
    package: String,
    /// Folder in which this host keeps its plugins
    folder: PathBuf,
    /// A catalogue, with its signature beside it
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// Which versions of the catalogue, such as `>=1.2, <2`
    #[arg(long, value_name = "VERSIONS", requires = "catalogue")]
    versions: Option<String>,
}

impl Install {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let folder = path::absolute(&self.folder)?;
        fs::create_dir_all(&folder)?;
        match &self.catalogue {
            Some(catalogue) => self.newest(host, &path::absolute(catalogue)?, &folder),
            None => self.copy(host, &folder),
        }
    }

    fn newest(&self, host: &Host, catalogue: &Path, folder: &Path) -> Result<Ended> {
        let trust = host.trust().ok_or_else(|| Error::new(Code::MissingParameter).field("trust"))?;
        let trust = TrustStore::read(&path::absolute(trust)?)?;
        let seen = folder.join(SEEN);
        let offers = Catalogue::read(catalogue, &trust, newest_seen(&seen)?)?;
        replace(&seen, &offers.sequence.to_string())?;
        let offer = offers.newest(&self.package, self.versions.as_deref())?;
        tell_path(host, "package", &offer.install(catalogue, folder, &host.loader()?)?)
    }

    fn copy(&self, host: &Host, folder: &Path) -> Result<Ended> {
        let package = path::absolute(&self.package)?;
        host.loader()?.inspect(&package)?;
        let made = match package.is_dir() {
            true => guanxi_plugin_host::archive_package(&package, folder)?,
            false => {
                let name = package.file_name().ok_or_else(|| Error::new(Code::PluginPath))?;
                let place = folder.join(name);
                if place.exists() {
                    return Err(Error::new(Code::AlreadyExists).value(&place.to_string_lossy()));
                }
                fs::copy(&package, &place)?;
                place
            }
        };
        // What lies there now is what is checked last.
        host.loader()?.inspect(&made).inspect_err(|_| drop(fs::remove_file(&made)))?;
        tell_path(host, "package", &made)
    }
}

/// The number of the newest edition that a folder has seen; 0 for none. One that cannot be read is not taken for none,
/// which would let an old edition pass.
fn newest_seen(file: &Path) -> Result<u64> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        read => read?,
    };
    let wrong = |error| {
        let refused = Error::new(Code::PluginCatalogue).rule("the number of an edition");
        refused.value(&file.to_string_lossy()).because(error)
    };
    text.trim().parse().map_err(wrong)
}
