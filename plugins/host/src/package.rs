//! A package on disk: how it is made, and how its files are read without trusting the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use guanxi::base::{Code, Error, Result};
use sha2::{Digest as _, Sha256};

use crate::TARGET;
use crate::manifest::{Digest, Manifest, library_path};

/// Name of the manifest in a package.
const MANIFEST: &str = "manifest.toml";
/// Largest manifest, in bytes.
const MAX_MANIFEST: u64 = 64 << 10;
/// Largest library, in bytes.
const MAX_LIBRARY: u64 = 512 << 20;

/// Makes the package `<id>-<version>.gxplugin` of a shared library for this platform and returns its
/// path. The package is there whole or not at all.
///
/// # Errors
/// `storage.already_exists` if the package exists; `storage.io` if the library cannot be read or the
/// package not be written.
pub fn pack(library: &Path, out_dir: &Path, manifest: Manifest) -> Result<PathBuf> {
    let name = format!("{}-{}.gxplugin", manifest.id(), manifest.version());
    let package = out_dir.join(&name);
    if package.exists() {
        return Err(Error::new(Code::AlreadyExists).value(&package.to_string_lossy()));
    }
    let bytes = fs::read(library)?;
    let path = library_path(TARGET);
    let manifest = manifest.with_library(path.clone(), digest_of(&bytes))?;
    let staging = out_dir.join(format!(".{name}.{}", std::process::id()));
    let written = write_package(&staging, &path, &bytes, &manifest.to_toml()?)
        .and_then(|()| fs::rename(&staging, &package));
    if let Err(error) = written {
        // The first error is the one to tell; what cannot be removed is a hidden directory.
        let _ = fs::remove_dir_all(&staging);
        return Err(error.into());
    }
    Ok(package)
}

fn write_package(root: &Path, library: &str, bytes: &[u8], manifest: &str) -> io::Result<()> {
    let library = root.join(library);
    if let Some(directory) = library.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(library, bytes)?;
    fs::write(root.join(MANIFEST), manifest)
}

/// Checks a package as [`crate::load`] does, short of loading it.
///
/// # Errors
/// As [`crate::load`], but for those of a library that does not load.
pub fn inspect(package: &Path) -> Result<Manifest> {
    let package = Package::open(package)?;
    package.library()?;
    Ok(package.manifest)
}

/// A package whose manifest is acceptable.
pub(crate) struct Package {
    root: PathBuf,
    pub(crate) manifest: Manifest,
}

/// The bytes of a library that are the ones the manifest names.
pub(crate) struct Library {
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: Digest,
}

impl Package {
    /// Opens a package and checks its manifest.
    ///
    /// # Errors
    /// `plugin.manifest` if the path is relative, is no directory of a trusted owner, or has no
    /// acceptable manifest; `plugin.abi_mismatch`.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let refused = |rule: &str| Error::new(Code::PluginManifest).rule(rule).value(&root.to_string_lossy());
        if !root.is_absolute() {
            return Err(refused("an absolute path"));
        }
        let metadata = fs::symlink_metadata(root).map_err(|error| refused("a directory").because(error))?;
        if !metadata.is_dir() {
            return Err(refused("a directory"));
        }
        if !is_trusted(&metadata) {
            return Err(refused(TRUSTED));
        }
        let bytes = read(&root.join(MANIFEST), MAX_MANIFEST, Code::PluginManifest)?;
        let text = String::from_utf8(bytes).map_err(|error| refused("UTF-8").because(error))?;
        Ok(Self { root: root.to_owned(), manifest: Manifest::parse(&text)? })
    }

    /// Reads the library for this platform, once, and compares it with the manifest.
    ///
    /// # Errors
    /// `plugin.wrong_target` if there is none for this platform, `plugin.hash_mismatch` if it cannot be
    /// read or is another one.
    pub(crate) fn library(&self) -> Result<Library> {
        let (path, expected) = self.manifest.library(TARGET)?;
        let bytes = read(&self.root.join(path), MAX_LIBRARY, Code::PluginHash)
            .map_err(|error| error.plugin(self.manifest.id()))?;
        let digest = digest_of(&bytes);
        if digest != *expected {
            return Err(Error::new(Code::PluginHash).plugin(self.manifest.id()).value(path));
        }
        Ok(Library { bytes, digest })
    }
}

fn digest_of(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// Reads a file of a package: a regular file, not a link to one, of a trusted owner and bounded size.
fn read(path: &Path, limit: u64, code: Code) -> Result<Vec<u8>> {
    let refused = |rule: &str| Error::new(code).rule(rule).value(&path.to_string_lossy());
    let file = open_without_following(path).map_err(|error| refused("a readable file").because(error))?;
    let metadata = file.metadata().map_err(|error| refused("a readable file").because(error))?;
    if !metadata.is_file() {
        return Err(refused("a regular file"));
    }
    if !is_trusted(&metadata) {
        return Err(refused(TRUSTED));
    }
    let mut bytes = Vec::new();
    let length = file.take(limit + 1).read_to_end(&mut bytes);
    let length = length.map_err(|error| refused("a readable file").because(error))?;
    if u64::try_from(length).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        Err(refused(&format!("at most {limit} bytes")))
    }
}

/// The rule of [`is_trusted`] in words.
const TRUSTED: &str = "owned by this user or root, and not writable by everyone";

#[cfg(unix)]
fn open_without_following(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

#[cfg(unix)]
fn is_trusted(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    const WRITABLE_BY_EVERYONE: u32 = 0o002;
    // SAFETY: the call takes nothing and cannot fail.
    let user = unsafe { libc::geteuid() };
    let is_owner_trusted = metadata.uid() == user || metadata.uid() == 0;
    is_owner_trusted && metadata.mode() & WRITABLE_BY_EVERYONE == 0
}

#[cfg(not(unix))]
fn open_without_following(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_symlink() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    OpenOptions::new().read(true).open(path)
}

/// Elsewhere the platform's access control lists say who may write, and they are not read here.
#[cfg(not(unix))]
fn is_trusted(_metadata: &fs::Metadata) -> bool {
    true
}
