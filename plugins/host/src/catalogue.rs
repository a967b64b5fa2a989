//! A catalogue of packages: one signed file that names every version of every plugin that somebody offers, by its hash.
//!
//! It lies beside the packages, in one file each, and may be mirrored by anybody: what it names is compared with it, and
//! the signature of each package is asked for all the same. Its number rises with each edition, so that an old one,
//! which does not know what was taken back since, is noticed by whoever has seen a newer one.

use std::fs;
use std::path::{Path, PathBuf};

use guanxi::base::{Code, Error, Result};
use serde::{Deserialize, Serialize};

use crate::archive::{MAX_ARCHIVE, is_plain};
use crate::files;
use crate::manifest::version_of;
use crate::package::{digits_of, write_new};
use crate::trust::{MAX_SIGNATURE, TrustStore};
use crate::{Loader, TARGET, inspect};

/// The format of catalogues that this version reads and writes.
const FORMAT: u32 = 1;
/// The id for which a key of a catalogue is trusted.
const SIGNS_FOR: &str = "catalogue";
/// Largest catalogue, in bytes.
const MAX_CATALOGUE: u64 = 64 << 20;
/// What the name of a signature has more than that of what it signs.
const SIGNATURE: &str = "minisig";

/// What somebody offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// 1 for this format. Members that a reader does not know are passed over; a change that it must not pass over is
    /// another format.
    pub format: u32,
    /// Rises with each edition.
    pub sequence: u64,
    /// Every version of every plugin.
    pub packages: Vec<Offer>,
}

/// One version of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The plugin's id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Major and minor version of the plugin interface that it needs, as `1.2`.
    pub abi: String,
    /// The platforms that it has a library for.
    pub targets: Vec<String>,
    /// The name of the package, beside the catalogue.
    pub file: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Why it was taken back, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
}

fn refused(rule: &str) -> Error {
    Error::new(Code::PluginCatalogue).rule(rule)
}

impl Catalogue {
    /// Lists the packages in one file that lie in a folder, as a new edition. What an edition before it took back stays
    /// taken back.
    ///
    /// # Errors
    /// Those of [`inspect`], `storage.io`.
    pub fn of_folder(folder: &Path, before: Option<&Self>) -> Result<Self> {
        let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        paths.retain(|path| {
            path.is_file() && path.extension().is_some_and(|extension| extension == "gxplugin")
        });
        paths.sort();
        let packages = paths.iter().map(|path| Offer::of(path, before)).collect::<Result<_>>()?;
        let sequence = before.map_or(0, |before| before.sequence).saturating_add(1);
        Ok(Self { format: FORMAT, sequence, packages })
    }

    /// Takes a version back, with the reason; whoever reads the catalogue does not install it.
    ///
    /// # Errors
    /// `plugin.catalogue` for a version that is not offered.
    pub fn revoke(&mut self, id: &str, version: &str, reason: &str) -> Result<()> {
        let mut offers = self.packages.iter_mut();
        let offer = offers.find(|offer| offer.id == id && offer.version == version);
        offer.ok_or_else(|| refused("a version that is offered").plugin(id))?.revoked =
            Some(reason.to_owned());
        Ok(())
    }

    /// The catalogue as JSON, which is what is signed.
    ///
    /// # Errors
    /// `plugin.catalogue` if it cannot be written.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).map_err(|error| refused("JSON").because(error))
    }

    /// Reads a catalogue without asking who has signed it, to make a new edition of it.
    ///
    /// # Errors
    /// `plugin.path`, `plugin.too_large`, `plugin.catalogue`.
    pub fn parse(path: &Path) -> Result<Self> {
        Self::of_bytes(&files::read(path, MAX_CATALOGUE)?)
    }

    /// Reads a catalogue that a key of the trust store has signed which stands there for the id `catalogue`. The signature
    /// lies beside it, as `<name>.minisig`.
    ///
    /// # Errors
    /// `plugin.path`, `plugin.too_large`; `plugin.signature` and `plugin.key_*`; `plugin.catalogue` for another format, and
    /// for an edition before `least`.
    pub fn read(path: &Path, trust: &TrustStore, least: u64) -> Result<Self> {
        let bytes = files::read(path, MAX_CATALOGUE)?;
        let signature = files::read(&signature_of(path), MAX_SIGNATURE)?;
        let signature = String::from_utf8(signature);
        let signature = signature.map_err(|error| Error::new(Code::PluginSignature).because(error))?;
        let signer = trust.verify(&bytes, &signature)?;
        trust.check_id(&signer, SIGNS_FOR)?;
        let catalogue = Self::of_bytes(&bytes)?;
        if catalogue.sequence < least {
            let error = refused(&format!("an edition from {least} on"));
            return Err(error.value(&catalogue.sequence.to_string()));
        }
        Ok(catalogue)
    }

    fn of_bytes(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let wrong = |error: serde_json::Error| refused(&error.to_string());
        let head: Head = serde_json::from_slice(bytes).map_err(wrong)?;
        if head.format != FORMAT {
            return Err(refused(&format!("format {FORMAT}")).value(&head.format.to_string()));
        }
        serde_json::from_slice(bytes).map_err(wrong)
    }

    /// The newest version of a plugin for this platform that meets a requirement, such as `>=1.2`, and that nobody has
    /// taken back; without one, the newest that is no prerelease.
    ///
    /// # Errors
    /// `plugin.catalogue` if there is none; `plugin.revoked` if all that there are were taken back.
    pub fn newest(&self, id: &str, wanted: Option<&str>) -> Result<&Offer> {
        let wanted = semver::VersionReq::parse(wanted.unwrap_or("*"));
        let wanted = wanted.map_err(|error| refused("a requirement on versions").because(error))?;
        let fits = |offer: &&Offer| {
            let version = version_of(&offer.version);
            offer.id == id
                && offer.targets.iter().any(|target| target == TARGET)
                && version.is_some_and(|version| wanted.matches(&version))
        };
        let fitting: Vec<&Offer> = self.packages.iter().filter(fits).collect();
        let standing = fitting.iter().filter(|offer| offer.revoked.is_none());
        match standing.max_by_key(|offer| version_of(&offer.version)) {
            Some(offer) => Ok(offer),
            None => match fitting.first().and_then(|offer| offer.revoked.as_deref()) {
                Some(reason) => Err(Error::new(Code::PluginRevoked).plugin(id).rule(reason)),
                None => Err(refused(&format!("a version for {TARGET}")).plugin(id)),
            },
        }
    }
}

impl Offer {
    fn of(path: &Path, before: Option<&Catalogue>) -> Result<Self> {
        let manifest = inspect(path)?;
        let bytes = files::read(path, MAX_ARCHIVE)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (major, minor) = manifest.abi();
        let mut known = before.into_iter().flat_map(|before| &before.packages);
        let known = known.find(|offer| offer.id == manifest.id() && offer.version == manifest.version());
        Ok(Self {
            id: manifest.id().to_owned(),
            version: manifest.version().to_owned(),
            abi: format!("{major}.{minor}"),
            targets: manifest.targets().map(str::to_owned).collect(),
            file,
            size: bytes.len() as u64,
            sha256: digits_of(&bytes),
            revoked: known.and_then(|known| known.revoked.clone()),
        })
    }

    /// Takes the package from the folder of its catalogue into another one, if it is what the catalogue names and the
    /// loader accepts it, and gives its path there. A file of that name that is there already is left; it has to be the
    /// package too.
    ///
    /// # Errors
    /// `plugin.catalogue` for a name that is none; `plugin.hash_mismatch`; those of [`Loader::inspect`].
    pub fn install(&self, catalogue: &Path, into: &Path, loader: &Loader) -> Result<PathBuf> {
        if !is_plain(&self.file) || self.file.contains('/') {
            return Err(refused("a plain name of a file").plugin(&self.id).value(&self.file));
        }
        let path = into.join(&self.file);
        if path.exists() {
            self.read_named(&path)?;
            return self.check(&path, loader).map(|()| path);
        }
        write_new(&path, &self.read_named(&catalogue.with_file_name(&self.file))?)?;
        // What cannot be removed is refused again.
        self.check(&path, loader).inspect_err(|_| drop(fs::remove_file(&path)))?;
        Ok(path)
    }

    /// The bytes of a file that are those which the catalogue names.
    fn read_named(&self, path: &Path) -> Result<Vec<u8>> {
        let bytes = files::read(path, MAX_ARCHIVE)?;
        if bytes.len() as u64 != self.size || digits_of(&bytes) != self.sha256 {
            return Err(Error::new(Code::PluginHash).plugin(&self.id).value(&self.file));
        }
        Ok(bytes)
    }

    /// Refuses a package that the loader does not accept, or that is not what the catalogue says of it.
    fn check(&self, path: &Path, loader: &Loader) -> Result<()> {
        let manifest = loader.inspect(path)?;
        if (manifest.id(), manifest.version()) == (self.id.as_str(), self.version.as_str()) {
            return Ok(());
        }
        Err(refused("a package of the id and version that it names").plugin(&self.id).value(manifest.id()))
    }
}

/// Where the signature of a catalogue lies.
#[must_use]
pub fn signature_of(catalogue: &Path) -> PathBuf {
    let mut name = catalogue.as_os_str().to_owned();
    name.push(".");
    name.push(SIGNATURE);
    PathBuf::from(name)
}
