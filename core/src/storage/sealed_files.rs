//! Whole files under one key: written once, replaced whole, with names that say nothing.
//!
//! A file is a head and blocks of 16 KiB, sealed as `sealed_blocks` says.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::base::{Code, Error, Random, Result};
use crate::storage::bytes::Fields;
use crate::storage::database::sync_directory;
use crate::storage::keys::expand;
use crate::storage::sealed_blocks::SealedBlocks;
use crate::storage::xaes::TAG_BYTES;

/// The first eight bytes of a sealed file.
const MAGIC: [u8; 8] = *b"\x89GXFILE\n";
/// The version of this format.
const VERSION: u32 = 1;
/// Length of the head: magic, version, four zeros, salt, length of the plain text.
const HEAD_BYTES: usize = 8 + 4 + 4 + 32 + 8;
/// Plain bytes of a block.
const BLOCK: usize = 16 * 1_024;
/// What a file has that is still being written.
const DRAFT: &str = "draft";

/// What lets the directories that were opened with it work, until it is shut. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<RwLock<bool>>);

impl Gate {
    /// Waits until whoever is inside has left, and lets nobody in again.
    pub fn shut(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Lets a piece of work in for as long as the guard lives.
    fn pass(&self) -> Result<RwLockReadGuard<'_, bool>> {
        let shut = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if *shut { Err(Error::new(Code::Stopped).rule("sealed files under an older key")) } else { Ok(shut) }
    }
}

/// A directory of sealed files.
pub struct SealedFiles {
    directory: PathBuf,
    key: Zeroizing<[u8; 32]>,
    random: Arc<dyn Random>,
    gate: Gate,
}

impl SealedFiles {
    /// The sealed files of a directory, which is made where it is missing. Where it cannot be made there are no files,
    /// and a write says why, as it does on a full disk.
    #[must_use]
    pub fn new(directory: PathBuf, key: Zeroizing<[u8; 32]>, random: Arc<dyn Random>) -> Self {
        let _ = fs::create_dir_all(&directory);
        Self { directory, key, random, gate: Gate::default() }
    }

    /// The same directory behind a gate: once that is shut, nothing is read, written or deleted any more.
    #[must_use]
    pub fn behind(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// Writes or replaces a file; after a crash it is the old one or the new one, whole.
    ///
    /// # Errors
    /// [`Code::Io`]; [`Code::Stopped`] behind a gate that is shut, as all that follow.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let _inside = self.gate.pass()?;
        let path = self.path_of(name);
        let draft = path.with_extension(DRAFT);
        let mut file = File::create(&draft)?;
        self.write_blocks(&mut file, name, bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&draft, &path)?;
        self.sync()
    }

    /// All of a file, or `None` where there is none.
    ///
    /// # Errors
    /// [`Code::Damaged`] where it is not what was written under this name, [`Code::NewerFormat`],
    /// [`Code::Io`].
    pub fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let _inside = self.gate.pass()?;
        match fs::read(self.path_of(name)) {
            Ok(sealed) => self.open(name, &sealed).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there is a file of this name.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn exists(&self, name: &str) -> Result<bool> {
        let _inside = self.gate.pass()?;
        Ok(self.path_of(name).try_exists()?)
    }

    /// Deletes a file; says whether there was one. Durable after [`SealedFiles::sync`].
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn delete(&self, name: &str) -> Result<bool> {
        let _inside = self.gate.pass()?;
        match fs::remove_file(self.path_of(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes every file of the directory, drafts that a crash left included. The directory is made where it is
    /// missing.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn clear(&self) -> Result<()> {
        let _inside = self.gate.pass()?;
        fs::create_dir_all(&self.directory)?;
        for entry in fs::read_dir(&self.directory)? {
            fs::remove_file(entry?.path())?;
        }
        self.sync()
    }

    /// Makes the names of the directory durable.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn sync(&self) -> Result<()> {
        sync_directory(&self.directory)
    }

    /// The name on disk: a keyed hash (HMAC-SHA256), so that a directory listing tells nothing.
    fn path_of(&self, name: &str) -> PathBuf {
        let key = expand(&[], self.key.as_slice(), "file name");
        let mut padded = Zeroizing::new([0_u8; 64]);
        crate::storage::bytes::put(padded.as_mut_slice(), 0, key.as_slice());
        let mut mac = Hmac::<Sha256>::new((&*padded).into());
        mac.update(name.as_bytes());
        let digest = mac.finalize().into_bytes();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        self.directory.join(Path::new(&hex))
    }

    fn blocks(&self, salt: &[u8; 32], name: &str, length: u64) -> SealedBlocks {
        let context: Vec<u8> = salt.iter().copied().chain(name.bytes()).collect();
        let key = expand(&context, self.key.as_slice(), "file");
        SealedBlocks::new(&key, name.as_bytes(), &length.to_be_bytes())
    }

    fn write_blocks(&self, file: &mut File, name: &str, bytes: &[u8]) -> Result<()> {
        let mut salt = [0; 32];
        self.random.fill(&mut salt);
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend_from_slice(&MAGIC);
        head.extend_from_slice(&VERSION.to_be_bytes());
        head.extend_from_slice(&[0; 4]);
        head.extend_from_slice(&salt);
        head.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        file.write_all(&head)?;

        let blocks = self.blocks(&salt, name, bytes.len() as u64);
        for (index, last, plain) in numbered(bytes) {
            let mut text = plain.to_vec();
            blocks.seal(index, last, &mut text)?;
            file.write_all(&text)?;
        }
        Ok(())
    }

    fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let damaged = || Error::new(Code::Damaged).rule("sealed file");
        let Parts { salt, length, body } = read_head(sealed)?.ok_or_else(damaged)?;
        let blocks = self.blocks(&salt, name, length);
        let mut plain = Zeroizing::new(Vec::with_capacity(body.len()));
        let count = body.len().div_ceil(BLOCK + TAG_BYTES);
        for (index, text) in (0_u64..).zip(body.chunks(BLOCK + TAG_BYTES)) {
            let mut text = Zeroizing::new(text.to_vec());
            blocks.open(index, index + 1 == count as u64, &mut text)?;
            plain.extend_from_slice(&text);
        }
        if count == 0 || plain.len() as u64 != length {
            return Err(damaged());
        }
        Ok(plain)
    }
}

impl std::fmt::Debug for SealedFiles {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SealedFiles({:?})", self.directory)
    }
}

/// The blocks of a text with their numbers, and whether they are the last; an empty text has one block
/// that is empty.
fn numbered(bytes: &[u8]) -> impl Iterator<Item = (u64, bool, &[u8])> {
    let empty = bytes.is_empty().then_some(bytes);
    let count = bytes.len().div_ceil(BLOCK).max(1) as u64;
    let parts = empty.into_iter().chain(bytes.chunks(BLOCK));
    (0_u64..).zip(parts).map(move |(index, part)| (index, index + 1 == count, part))
}

/// A sealed file in its parts.
struct Parts<'a> {
    salt: [u8; 32],
    /// Length of the plain text.
    length: u64,
    /// Sealed blocks.
    body: &'a [u8],
}

/// The parts of a sealed file; `None` where its head is cut or foreign.
fn read_head(sealed: &[u8]) -> Result<Option<Parts<'_>>> {
    let mut fields = Fields::of(sealed);
    match (fields.array::<8>(), fields.u32()) {
        (Some(MAGIC), Some(VERSION)) => {}
        (Some(MAGIC), Some(_)) => return Err(Error::new(Code::NewerFormat).rule("sealed file")),
        _ => return Ok(None),
    }
    let (Some(_), Some(salt), Some(length)) = (fields.array::<4>(), fields.array(), fields.u64()) else {
        return Ok(None);
    };
    Ok(Some(Parts { salt, length, body: fields.rest() }))
}
