//! A package: how it is made, and how it is opened, as a directory or as one file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use guanxi::base::{Code, Error, Result};
use sha2::{Digest as _, Sha256};

use crate::TARGET;
use crate::archive::{self, MAX_ARCHIVE};
use crate::files;
use crate::manifest::{Digest, Manifest, digits, library_path};
use crate::trust::{MAX_SIGNATURE, Signer, TrustStore};

/// Name of the manifest in a package.
pub(crate) const MANIFEST: &str = "manifest.toml";
/// Name of the signature over the manifest.
pub(crate) const SIGNATURE: &str = "manifest.sig";
/// The package of metadata that a plugin brings, if it brings one.
pub(crate) const METADATA: &str = "metadata/package.json";
/// Largest manifest, in bytes.
const MAX_MANIFEST: u64 = 64 << 10;
/// Largest file of a package, in bytes.
const MAX_FILE: u64 = 512 << 20;

/// What a package is made of.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// The shared library for each target.
    pub libraries: BTreeMap<String, PathBuf>,
    /// Other files, by their paths in the package: `metadata/package.json`, and guides as `doc/<name>`.
    pub files: BTreeMap<String, PathBuf>,
}

/// Makes the package `<id>-<version>.gxplugin` of a shared library for this platform, as a directory, and returns its
/// path. The package is there whole or not at all.
///
/// # Errors
/// `storage.already_exists` if the package exists; `storage.io` if the library cannot be read or the
/// package not be written.
pub fn pack(library: &Path, out_dir: &Path, manifest: Manifest) -> Result<PathBuf> {
    let libraries = [(TARGET.to_owned(), library.to_owned())].into();
    pack_all(&Contents { libraries, ..Contents::default() }, out_dir, manifest)
}

/// As [`pack`], of libraries for several targets and other files.
///
/// # Errors
/// As [`pack`]; `plugin.manifest` for a file that packages do not have.
pub fn pack_all(contents: &Contents, out_dir: &Path, manifest: Manifest) -> Result<PathBuf> {
    let (files, manifest) = gather(contents, manifest)?;
    let name = format!("{}-{}.gxplugin", manifest.id(), manifest.version());
    let package = out_dir.join(&name);
    if package.exists() {
        return Err(Error::new(Code::AlreadyExists).value(&package.to_string_lossy()));
    }
    let staging = out_dir.join(format!(".{name}.{}", std::process::id()));
    let written = write_files(&staging, &files).and_then(|()| fs::rename(&staging, &package));
    if let Err(error) = written {
        // The first error is the one to tell; what cannot be removed is a hidden directory.
        let _ = fs::remove_dir_all(&staging);
        return Err(error.into());
    }
    Ok(package)
}

fn gather(contents: &Contents, mut manifest: Manifest) -> Result<(BTreeMap<String, Vec<u8>>, Manifest)> {
    let mut files = BTreeMap::new();
    let libraries = contents.libraries.iter().map(|(target, library)| (library_path(target), library));
    let others = contents.files.iter().map(|(path, file)| (path.clone(), file));
    for (path, file) in libraries.chain(others) {
        let bytes = fs::read(file)?;
        manifest = manifest.with_file(path.clone(), digest_of(&bytes))?;
        files.insert(path, bytes);
    }
    files.insert(MANIFEST.to_owned(), manifest.to_toml()?.into_bytes());
    Ok((files, manifest))
}

fn write_files(root: &Path, files: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for (path, bytes) in files {
        let path = root.join(path);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// Makes one file of a package that is a directory, its signature with it, and returns the path:
/// `<id>-<version>.gxplugin` in another directory.
///
/// # Errors
/// Those of opening a package; `storage.already_exists`; `storage.io`.
pub fn archive_package(package: &Path, out_dir: &Path) -> Result<PathBuf> {
    let opened = Package::open(package, None)?;
    let mut files = BTreeMap::from([(MANIFEST.to_owned(), opened.manifest_bytes.clone())]);
    if let Some(signature) = &opened.signature {
        files.insert(SIGNATURE.to_owned(), signature.clone().into_bytes());
    }
    for (path, _) in opened.manifest.files() {
        files.insert(path.to_owned(), opened.file(path)?);
    }
    let path = out_dir.join(format!("{}-{}.gxplugin", opened.manifest.id(), opened.manifest.version()));
    write_new(&path, &archive::archive(&files)?)?;
    Ok(path)
}

/// Writes a file that is not there yet, whole or not at all.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    if path.exists() {
        return Err(Error::new(Code::AlreadyExists).value(&path.to_string_lossy()));
    }
    let staging = path.with_extension(format!("{}.part", std::process::id()));
    let written = fs::write(&staging, bytes).and_then(|()| fs::rename(&staging, path));
    written.inspect_err(|_| drop(fs::remove_file(&staging)))?;
    Ok(())
}

/// The bytes that a signature of a package is over: those of its manifest, which names every other file by its hash.
///
/// # Errors
/// Those of opening a package.
pub fn bytes_to_sign(package: &Path) -> Result<Vec<u8>> {
    Ok(Package::open(package, None)?.manifest_bytes)
}

/// Puts a signature, as minisign writes it, into a package that is a directory, in place of one that is there.
///
/// # Errors
/// `plugin.archive` for a package in one file, which is signed before it is one; `storage.io`.
pub fn put_signature(package: &Path, signature: &str) -> Result<()> {
    if !files::is_directory(package)? {
        return Err(
            Error::new(Code::PluginDamaged).rule("a directory, which is signed before it is one file")
        );
    }
    Ok(fs::write(package.join(SIGNATURE), signature)?)
}

/// A package whose manifest is acceptable.
pub(crate) struct Package {
    origin: Origin,
    manifest_bytes: Vec<u8>,
    signature: Option<String>,
    pub(crate) manifest: Manifest,
    /// Who has signed it, where that was asked.
    pub(crate) signer: Option<Signer>,
}

enum Origin {
    Directory(PathBuf),
    Archive(BTreeMap<String, Vec<u8>>),
}

impl Origin {
    fn open(path: &Path) -> Result<Self> {
        if files::is_directory(path)? {
            return Ok(Self::Directory(path.to_owned()));
        }
        Ok(Self::Archive(archive::unpack(&files::read(path, MAX_ARCHIVE)?)?))
    }

    /// A file, if it is there.
    fn find(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Directory(root) => match root.join(path).symlink_metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                _ => files::read(&root.join(path), limit).map(Some),
            },
            Self::Archive(files) => match files.get(path) {
                Some(bytes) if bytes.len() as u64 > limit => {
                    let error = Error::new(Code::PluginTooLarge).rule(&format!("at most {limit} bytes"));
                    Err(error.value(path))
                }
                found => Ok(found.cloned()),
            },
        }
    }
}

/// The bytes of a library that are the ones the manifest names.
pub(crate) struct Library {
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: Digest,
}

impl Package {
    /// Opens a package, asks who has signed it if that is wanted, and only then reads its manifest.
    ///
    /// # Errors
    /// `plugin.path`, `plugin.too_large`, `plugin.archive`; `plugin.signature` and `plugin.key_*`;
    /// `plugin.manifest`, `plugin.abi_mismatch`.
    pub(crate) fn open(path: &Path, trust: Option<&TrustStore>) -> Result<Self> {
        let origin = Origin::open(path)?;
        let manifest_bytes = origin.find(MANIFEST, MAX_MANIFEST)?;
        let refused = |rule: &str| Error::new(Code::PluginManifest).rule(rule).value(&path.to_string_lossy());
        let manifest_bytes = manifest_bytes.ok_or_else(|| refused("a manifest.toml"))?;
        let signature = origin.find(SIGNATURE, MAX_SIGNATURE)?;
        let unreadable =
            |error| Error::new(Code::PluginSignature).rule("a signature in UTF-8").because(error);
        let signature = signature.map(String::from_utf8).transpose().map_err(unreadable)?;
        let signer =
            trust.map(|trust| signer_of(trust, &manifest_bytes, signature.as_deref())).transpose()?;
        let text = str::from_utf8(&manifest_bytes).map_err(|error| refused("UTF-8").because(error))?;
        let manifest = Manifest::parse(text)?;
        if let Some((trust, signer)) = trust.zip(signer.as_ref()) {
            trust.check_id(signer, manifest.id())?;
        }
        let package = Self { origin, manifest_bytes, signature, manifest, signer };
        package.check_nothing_else()?;
        Ok(package)
    }

    /// What is in one file is all named by the manifest.
    fn check_nothing_else(&self) -> Result<()> {
        let Origin::Archive(files) = &self.origin else { return Ok(()) };
        let is_named = |path: &str| {
            path == MANIFEST || path == SIGNATURE || self.manifest.files().any(|(named, _)| named == path)
        };
        match files.keys().find(|path| !is_named(path)) {
            Some(other) => Err(Error::new(Code::PluginDamaged)
                .plugin(self.manifest.id())
                .rule("files that the manifest names")
                .value(other)),
            None => Ok(()),
        }
    }

    /// A file that the manifest names.
    ///
    /// # Errors
    /// `plugin.hash_mismatch` if it is missing or another one; `plugin.path`, `plugin.too_large`.
    pub(crate) fn file(&self, path: &str) -> Result<Vec<u8>> {
        let other = || Error::new(Code::PluginHash).plugin(self.manifest.id()).value(path);
        let expected = self.manifest.files().find(|(named, _)| *named == path).ok_or_else(other)?.1;
        let bytes = self.origin.find(path, MAX_FILE).map_err(|error| error.plugin(self.manifest.id()))?;
        let bytes = bytes.ok_or_else(other)?;
        if digest_of(&bytes) == *expected { Ok(bytes) } else { Err(other()) }
    }

    /// Reads the library for this platform, once, and every other file but libraries for others, and compares them with
    /// the manifest.
    ///
    /// # Errors
    /// `plugin.wrong_target` if there is none for this platform, and as [`Package::file`].
    pub(crate) fn library(&self) -> Result<Library> {
        let (path, digest) = self.manifest.library(TARGET)?;
        let bytes = self.file(path)?;
        let others = self.manifest.files().filter(|(path, _)| !path.starts_with("bin/"));
        { others }.try_for_each(|(path, _)| self.file(path).map(drop))?;
        Ok(Library { bytes, digest: *digest })
    }

    /// The package of metadata that the plugin brings, as JSON.
    ///
    /// # Errors
    /// As [`Package::file`].
    pub(crate) fn metadata(&self) -> Result<Option<String>> {
        if !self.manifest.files().any(|(path, _)| path == METADATA) {
            return Ok(None);
        }
        let text = String::from_utf8(self.file(METADATA)?);
        let wrong = |error| {
            Error::new(Code::PluginManifest).plugin(self.manifest.id()).field(METADATA).because(error)
        };
        text.map(Some).map_err(wrong)
    }
}

fn signer_of(trust: &TrustStore, manifest: &[u8], signature: Option<&str>) -> Result<Signer> {
    let missing = || Error::new(Code::PluginSignature).rule(&format!("a {SIGNATURE}"));
    trust.verify(manifest, signature.ok_or_else(missing)?)
}

pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// SHA-256 of bytes in hexadecimal digits.
pub(crate) fn digits_of(bytes: &[u8]) -> String {
    digits(&digest_of(bytes))
}
