//! Large contents as encrypted files, written and read as a stream, each under a key of its own.
//!
//! The key is not in the file: whoever keeps the row about a file keeps its key there, sealed, so that the
//! content goes when the row's key goes. A file's name is a keyed hash of its owner and its content: the
//! same content of one owner is one file, and nobody sees that two owners or databases have the same.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::base::{Code, Error, Patience, Random, Result, Timestamp};
use crate::storage::bytes::put;
use crate::storage::database::sync_directory;
use crate::storage::sealed_blocks::SealedBlocks;
use crate::storage::xaes::TAG_BYTES;

/// Magic, version 1 and zeros: the head of a file, which its blocks authenticate.
const HEAD: [u8; 16] = *b"\x89GXBLOB\n\0\0\0\x01\0\0\0\0";
/// Where the version begins in the head, and where it ends.
const VERSION_AT: std::ops::Range<usize> = 8..12;
/// Plain bytes of a block.
const BLOCK: usize = 64 * 1_024;
/// What a file has that is not linked by anything yet.
const DRAFT: &str = "draft";

/// The name of a file: HMAC-SHA256 over owner and content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobName([u8; 32]);

impl BlobName {
    /// The name with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The name as the directory has it.
    #[must_use]
    pub fn file_name(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a name as the directory has it; nothing for one that no file has.
    #[must_use]
    pub fn from_file_name(name: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(name.get(place * 2..place * 2 + 2)?, 16).ok()?;
        }
        Some(Self(bytes)).filter(|read| read.file_name() == name)
    }
}

/// What it takes to read a file.
#[derive(Clone)]
pub struct BlobFile {
    /// Its name.
    pub name: BlobName,
    /// Length of the content in bytes.
    pub size: u64,
    /// The key of this file alone.
    pub key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for BlobFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BlobFile").field("size", &self.size).finish_non_exhaustive()
    }
}

/// How many files a sweep deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SweptBlobs {
    /// Files.
    pub files: u64,
    /// Their length on disk.
    pub bytes: u64,
}

/// A directory of large contents.
pub struct Blobs {
    directory: PathBuf,
    naming: Zeroizing<[u8; 32]>,
    random: Arc<dyn Random>,
    /// Drafts that somebody is working on.
    drafts: Mutex<BTreeSet<PathBuf>>,
    /// Readers of an older view that need every file to stay.
    holds: Mutex<u32>,
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Blobs({:?})", self.directory)
    }
}

impl Blobs {
    /// The contents in a directory, which is made where it is missing.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn new(directory: PathBuf, naming: Zeroizing<[u8; 32]>, random: Arc<dyn Random>) -> Result<Self> {
        fs::create_dir_all(&directory)?;
        Ok(Self { directory, naming, random, drafts: Mutex::default(), holds: Mutex::default() })
    }

    /// Keeps every file from being deleted until this is dropped, for whoever reads from a view that may
    /// become old meanwhile. To be taken before the view.
    #[must_use]
    pub fn hold(&self) -> BlobHold<'_> {
        let mut holds = lock(&self.holds);
        *holds = holds.saturating_add(1);
        BlobHold(self)
    }

    /// The name of a content of an owner, by the SHA-256 of the content.
    #[must_use]
    pub fn name_of(&self, owner: &[u8; 16], sha256: &[u8; 32]) -> BlobName {
        // HMAC pads a key shorter than its block of 64 bytes with zeros (RFC 2104 §2).
        let mut block = Zeroizing::new([0_u8; 64]);
        put(block.as_mut_slice(), 0, self.naming.as_slice());
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        mac.update(owner);
        mac.update(sha256);
        BlobName(mac.finalize().into_bytes().into())
    }

    /// Writes all of a source into a draft under a new key, durably. It holds two blocks in memory.
    ///
    /// # Errors
    /// [`Code::LimitExceeded`] beyond so many bytes; [`Code::Io`], also where the source fails;
    /// [`Code::Cancelled`], [`Code::DeadlineExceeded`].
    pub fn write(
        &self,
        source: &mut dyn Read,
        most: u64,
        at: Timestamp,
        patience: &Patience,
    ) -> Result<DraftBlob<'_>> {
        let mut salt = [0; 8];
        self.random.fill(&mut salt);
        let path = self.directory.join(format!("{:016x}.{DRAFT}", u64::from_be_bytes(salt)));
        let mut key = Zeroizing::new([0; 32]);
        self.random.fill(key.as_mut_slice());
        lock(&self.drafts).insert(path.clone());
        // From here on the draft goes with its value, whatever fails.
        let mut draft = DraftBlob { blobs: self, path, key, size: 0, sha256: [0; 32] };
        let mut file = File::options().write(true).create_new(true).open(&draft.path)?;
        draft.fill(&mut file, source, most, patience)?;
        file.set_modified(system_time(at))?;
        file.sync_all()?;
        Ok(draft)
    }

    /// Gives a draft its name, durably. A file of this name that stood there before is replaced.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn place(&self, draft: DraftBlob<'_>, name: &BlobName) -> Result<BlobFile> {
        fs::rename(&draft.path, self.path_of(name))?;
        sync_directory(&self.directory)?;
        Ok(BlobFile { name: *name, size: draft.size, key: draft.key.clone() })
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`Code::Damaged`] where it is missing, or its head or length are wrong; [`Code::NewerFormat`],
    /// [`Code::Io`].
    pub fn open(&self, blob: &BlobFile) -> Result<BlobReader> {
        let damaged = |rule| Error::new(Code::Damaged).rule(rule);
        let mut file = File::open(self.path_of(&blob.name)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => damaged("missing file").because(error),
            _ => Error::from(error),
        })?;
        let mut head = [0; HEAD.len()];
        file.read_exact(&mut head).map_err(|error| damaged("head of a file").because(error))?;
        if head != HEAD {
            let newer = head.get(..VERSION_AT.start) == HEAD.get(..VERSION_AT.start)
                && head.get(VERSION_AT) != HEAD.get(VERSION_AT);
            return Err(if newer {
                Error::new(Code::NewerFormat).rule("blob")
            } else {
                damaged("head of a file")
            });
        }
        let blocks = blob.size.div_ceil(BLOCK as u64).max(1);
        let length = blocks.checked_mul(TAG_BYTES as u64).and_then(|tags| tags.checked_add(blob.size));
        if length.and_then(|length| length.checked_add(HEAD.len() as u64)) != Some(file.metadata()?.len()) {
            return Err(damaged("length of a file"));
        }
        let sealed = SealedBlocks::new(&blob.key, &HEAD, &[]);
        let (size, position) = (blob.size, 0);
        Ok(BlobReader { file, sealed, size, blocks, position, loaded: None, plain: Zeroizing::default() })
    }

    /// Deletes a file that nothing links, unless somebody holds the files; says how long it was.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn delete(&self, name: &BlobName) -> Result<Option<u64>> {
        let holds = lock(&self.holds);
        if *holds > 0 {
            return Ok(None);
        }
        remove(&self.path_of(name))
    }

    /// The files that were written before a moment, drafts excepted.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn names_before(&self, moment: Timestamp) -> Result<Vec<BlobName>> {
        let older = self.files_before(moment)?;
        let names = older.iter().filter_map(|path| BlobName::from_file_name(path.file_name()?.to_str()?));
        Ok(names.collect())
    }

    /// Deletes the drafts of before a moment that nobody works on: what crashes left.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn sweep_drafts(&self, moment: Timestamp) -> Result<SweptBlobs> {
        let mut swept = SweptBlobs::default();
        for path in self.files_before(moment)? {
            let drafts = lock(&self.drafts);
            if path.extension().is_some_and(|extension| extension == DRAFT) && !drafts.contains(&path) {
                swept.add(remove(&path)?);
            }
        }
        Ok(swept)
    }

    fn files_before(&self, moment: Timestamp) -> Result<Vec<PathBuf>> {
        let mut older = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            // A draft that becomes a file, or goes, between two calls is not there any more.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() && metadata.modified()? < system_time(moment) {
                older.push(entry.path());
            }
        }
        Ok(older)
    }

    fn path_of(&self, name: &BlobName) -> PathBuf {
        self.directory.join(name.file_name())
    }
}

impl SweptBlobs {
    /// Counts a file that was deleted.
    pub fn add(&mut self, length: Option<u64>) {
        self.files = self.files.saturating_add(u64::from(length.is_some()));
        self.bytes = self.bytes.saturating_add(length.unwrap_or(0));
    }
}

/// Keeps files from being deleted.
#[derive(Debug)]
pub struct BlobHold<'a>(&'a Blobs);

impl Drop for BlobHold<'_> {
    fn drop(&mut self) {
        let mut holds = lock(&self.0.holds);
        *holds = holds.saturating_sub(1);
    }
}

/// A content that is written and not placed yet. Dropping it deletes it.
pub struct DraftBlob<'a> {
    blobs: &'a Blobs,
    path: PathBuf,
    key: Zeroizing<[u8; 32]>,
    size: u64,
    sha256: [u8; 32],
}

impl DraftBlob<'_> {
    /// Length of the content in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256 of the content.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Seals block after block. One block is read ahead, since the last one bears a mark.
    fn fill(&mut self, file: &mut File, source: &mut dyn Read, most: u64, patience: &Patience) -> Result<()> {
        let sealed = SealedBlocks::new(&self.key, &HEAD, &[]);
        let mut hash = Sha256::new();
        file.write_all(&HEAD)?;
        let (mut block, mut next) = (empty_block(), empty_block());
        read_block(source, &mut block)?;
        for index in 0_u64.. {
            patience.check()?;
            self.size = self.size.saturating_add(block.len() as u64);
            if self.size > most {
                let rule = format!("at most {most} bytes");
                return Err(Error::new(Code::LimitExceeded).field("content").rule(&rule));
            }
            hash.update(block.as_slice());
            read_block(source, &mut next)?;
            sealed.seal(index, next.is_empty(), &mut block)?;
            file.write_all(&block)?;
            patience.tell("blobs", self.size, 0);
            if next.is_empty() {
                break;
            }
            std::mem::swap(&mut block, &mut next);
        }
        self.sha256 = hash.finalize().into();
        Ok(())
    }
}

impl Drop for DraftBlob<'_> {
    fn drop(&mut self) {
        // A draft that was placed is not there any more; one that cannot be removed is left to a sweep.
        let _ = fs::remove_file(&self.path);
        lock(&self.blobs.drafts).remove(&self.path);
    }
}

impl std::fmt::Debug for DraftBlob<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DraftBlob").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Reads a file; each block is verified before a byte of it is given.
pub struct BlobReader {
    file: File,
    sealed: SealedBlocks,
    size: u64,
    blocks: u64,
    position: u64,
    /// The block whose text is at hand.
    loaded: Option<u64>,
    plain: Zeroizing<Vec<u8>>,
}

impl BlobReader {
    /// Verifies and gives the text from the present position to the end of its block; nothing at the end.
    ///
    /// # Errors
    /// [`Code::Damaged`], [`Code::Io`].
    pub fn rest_of_block(&mut self) -> Result<&[u8]> {
        if self.position >= self.size && self.size > 0 {
            return Ok(&[]);
        }
        let index = self.position / BLOCK as u64;
        if self.loaded != Some(index) {
            self.load(index)?;
        }
        let within = usize::try_from(self.position % BLOCK as u64).unwrap_or(usize::MAX);
        Ok(self.plain.get(within..).unwrap_or_default())
    }

    /// Moves on by so many bytes.
    pub fn advance(&mut self, bytes: usize) {
        self.position = self.position.saturating_add(bytes as u64);
    }

    fn load(&mut self, index: u64) -> Result<()> {
        self.loaded = None;
        let start = index * BLOCK as u64;
        let plain = usize::try_from(self.size.saturating_sub(start).min(BLOCK as u64)).unwrap_or(BLOCK);
        self.plain.clear();
        self.plain.resize(plain + TAG_BYTES, 0);
        self.file.seek(SeekFrom::Start(HEAD.len() as u64 + index * (BLOCK + TAG_BYTES) as u64))?;
        let cut = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Error::new(Code::Damaged).rule("length of a file").because(error),
            _ => Error::from(error),
        };
        self.file.read_exact(&mut self.plain).map_err(cut)?;
        self.sealed.open(index, index + 1 == self.blocks, &mut self.plain)?;
        self.loaded = Some(index);
        Ok(())
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut text = self.rest_of_block().map_err(into_io)?;
        let read = text.read(buffer)?;
        self.advance(read);
        Ok(read)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl std::fmt::Debug for BlobReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BlobReader").field("size", &self.size).finish_non_exhaustive()
    }
}

/// The engine's error as one of the system, which keeps it as its source.
fn into_io(error: Error) -> io::Error {
    let kind = if error.code() == Code::Damaged { io::ErrorKind::InvalidData } else { io::ErrorKind::Other };
    io::Error::new(kind, error)
}

/// Room for a block and its tag from the start, so that growing leaves no copy behind.
fn empty_block() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(BLOCK + TAG_BYTES))
}

/// Fills a block, or as much of it as the source still has.
fn read_block(source: &mut dyn Read, block: &mut Vec<u8>) -> Result<()> {
    block.clear();
    source.take(BLOCK as u64).read_to_end(block)?;
    Ok(())
}

fn system_time(moment: Timestamp) -> SystemTime {
    let micros = u64::try_from(moment.micros()).unwrap_or(0);
    UNIX_EPOCH.checked_add(Duration::from_micros(micros)).unwrap_or(UNIX_EPOCH)
}

/// Removes a file; gives its length if there was one.
fn remove(path: &Path) -> Result<Option<u64>> {
    let removed = fs::metadata(path).and_then(|metadata| fs::remove_file(path).map(|()| metadata.len()));
    match removed {
        Ok(length) => Ok(Some(length)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
