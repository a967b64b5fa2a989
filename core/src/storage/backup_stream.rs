//! The stream of a backup: a head in clear, then sealed frames, written and read from front to back.
//!
//! The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015), as in sealed files: a key for
//! each backup, the frame's number as nonce, a mark on the last frame. Each frame also authenticates the
//! hash of the head, so a changed head is noticed at the first frame. Neither side needs to seek.

use std::io::{self, Read, Write};

use aes_gcm::Aes256Gcm;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::base::{Code, Error, Random, Result, Timestamp};
use crate::storage::bytes::Fields;
use crate::storage::database::Database;
use crate::storage::keys::{Key, KeyRing, expand};
use crate::storage::store::Head;
use crate::storage::superblock::{BLOCK, FileKind, Superblock};
use crate::storage::xaes::{TAG_BYTES, gcm, open_gcm, seal_gcm};

/// The first eight bytes of a backup.
const MAGIC: [u8; 8] = *b"\x89GXBACK\n";
/// The version of this format.
const VERSION: u32 = 1;
/// Length of the head: magic, version, kind and zeros, two ids, two points, moment, superblock.
const HEAD_BYTES: usize = 8 + 4 + 4 + 16 + 16 + 40 + 40 + 8 + BLOCK;
/// Most plain bytes of one frame.
const FRAME: usize = 64 * 1_024;
/// The mark of a frame of content.
const CONTENT: u8 = 0;
/// The mark of the last frame, which says what came before it.
const TRAILER: u8 = 1;

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BackupKind {
    /// Everything but the keys of data subjects.
    Full,
    /// What changed since another backup.
    Incremental,
    /// The keys of data subjects alone.
    Keys,
}

impl BackupKind {
    const ALL: [(Self, u8, &'static str); 3] =
        [(Self::Full, 1, "full"), (Self::Incremental, 2, "incremental"), (Self::Keys, 3, "keys")];

    /// The stable name: `full`, `incremental`, `keys`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _, _)| *kind == self).map_or("", |(_, _, name)| name)
    }

    fn number(self) -> u8 {
        Self::ALL.iter().find(|(kind, _, _)| *kind == self).map_or(0, |(_, number, _)| *number)
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == number).map(|(kind, _, _)| *kind)
    }
}

/// What a backup says of itself before it is opened. It is trusted only once a frame has authenticated.
#[derive(Clone, PartialEq, Eq)]
pub struct BackupHeader {
    /// What the backup holds.
    pub kind: BackupKind,
    /// Its own id, random.
    pub id: [u8; 16],
    /// The id of the database's file `data`.
    pub database: [u8; 16],
    /// The entry of the ledger after which it begins; position 0 for all but increments.
    pub from: Head,
    /// The entry of the ledger with which it ends.
    pub to: Head,
    /// When it was made, in whole milliseconds.
    pub at: Timestamp,
    /// How often the key slots had been rewritten by then: with the database's id it tells which keys
    /// open the backup.
    pub key_generation: u64,
    superblock: Box<[u8; BLOCK]>,
}

impl std::fmt::Debug for BackupHeader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("BackupHeader");
        shown.field("kind", &self.kind).field("from", &self.from.position).field("to", &self.to.position);
        shown.field("at", &self.at).finish_non_exhaustive()
    }
}

impl BackupHeader {
    /// The head of a new backup of an open database.
    pub(crate) fn new(
        database: &Database,
        kind: BackupKind,
        (from, to): (Head, Head),
        at: Timestamp,
        random: &dyn Random,
    ) -> Self {
        let mut id = [0; 16];
        random.fill(&mut id);
        let superblock = database.vault().current_superblock();
        let at = Timestamp::from_micros(at.micros().div_euclid(1_000).saturating_mul(1_000));
        Self {
            kind,
            id,
            database: superblock.id(),
            from,
            to,
            at,
            key_generation: superblock.generation(),
            superblock: Box::new(superblock.export(&database.ring())),
        }
    }

    /// Reads the head of a backup, and leaves the reader at its first frame.
    ///
    /// # Errors
    /// [`Code::Damaged`] for what is no backup, or is cut; [`Code::NewerFormat`], [`Code::Io`].
    pub fn read(reader: &mut dyn Read) -> Result<Self> {
        let mut bytes = vec![0; HEAD_BYTES];
        read_exact(reader, &mut bytes)?;
        let mut fields = Fields::of(&bytes);
        match (fields.array::<8>(), fields.u32()) {
            (Some(MAGIC), Some(VERSION)) => {}
            (Some(MAGIC), Some(_)) => return Err(Error::new(Code::NewerFormat).rule("backup")),
            _ => return Err(damaged()),
        }
        Self::decode(fields)?.ok_or_else(damaged)
    }

    fn decode(mut fields: Fields<'_>) -> Result<Option<Self>> {
        let Some([kind, 0, 0, 0]) = fields.array::<4>() else { return Ok(None) };
        let Some(kind) = BackupKind::from_number(kind) else { return Ok(None) };
        let (Some(id), Some(database)) = (fields.array(), fields.array::<16>()) else { return Ok(None) };
        let (Some(from), Some(to)) = (read_point(&mut fields), read_point(&mut fields)) else {
            return Ok(None);
        };
        let (Some(millis), Some(block)) = (fields.u64(), fields.array::<BLOCK>()) else { return Ok(None) };
        let superblock = Superblock::import(&block, FileKind::Data)?;
        let Some(micros) = i64::try_from(millis).ok().and_then(|millis| millis.checked_mul(1_000)) else {
            return Ok(None);
        };
        if superblock.id() != database {
            return Ok(None);
        }
        Ok(Some(Self {
            kind,
            id,
            database,
            from,
            to,
            at: Timestamp::from_micros(micros),
            key_generation: superblock.generation(),
            superblock: Box::new(block),
        }))
    }

    fn encode(&self) -> Vec<u8> {
        let millis = u64::try_from(self.at.micros().div_euclid(1_000)).unwrap_or(0);
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&[self.kind.number(), 0, 0, 0]);
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&self.database);
        for point in [self.from, self.to] {
            bytes.extend_from_slice(&point.position.to_be_bytes());
            bytes.extend_from_slice(&point.hash);
        }
        bytes.extend_from_slice(&millis.to_be_bytes());
        bytes.extend_from_slice(self.superblock.as_slice());
        bytes
    }

    /// The keys of the database, if this key opened it when the backup was made.
    ///
    /// # Errors
    /// [`Code::WrongKey`], [`Code::Damaged`].
    pub(crate) fn unlock(&self, key: &Key) -> Result<KeyRing> {
        Superblock::import(&self.superblock, FileKind::Data)?.unlock_block(&self.superblock, key)
    }

    /// Whether these are the keys of the database that was backed up.
    pub(crate) fn is_of(&self, ring: &KeyRing) -> bool {
        self.superblock().is_ok_and(|superblock| superblock.is_block_of(ring, &self.superblock))
    }

    /// The superblock of the database when the backup was made.
    pub(super) fn superblock(&self) -> Result<Superblock> {
        Superblock::import(&self.superblock, FileKind::Data)
    }

    fn cipher(&self, ring: &KeyRing) -> Aes256Gcm {
        gcm(&expand(&self.id, ring.derive("backup").as_slice(), "stream"))
    }
}

fn read_point(fields: &mut Fields<'_>) -> Option<Head> {
    Some(Head { position: fields.u64()?, hash: fields.array()? })
}

/// What the frames of both directions share: cipher, hash of the head, number of the next frame, and
/// the hash of everything so far.
struct Frames {
    cipher: Aes256Gcm,
    head: [u8; 32],
    number: u64,
    bytes: u64,
    digest: Sha256,
}

impl Frames {
    fn new(header: &BackupHeader, head: &[u8], ring: &KeyRing) -> Self {
        let (cipher, head) = (header.cipher(ring), Sha256::digest(head).into());
        Self { cipher, head, number: 0, bytes: 0, digest: Sha256::new() }
    }

    /// Nonce and associated data of the next frame.
    fn next(&mut self, mark: u8) -> ([u8; 12], Vec<u8>) {
        let mut nonce = [0; 12];
        for (target, byte) in nonce.iter_mut().skip(4).zip(self.number.to_be_bytes()) {
            *target = byte;
        }
        let associated = [&self.head[..], &self.number.to_be_bytes(), &[mark]].concat();
        self.number = self.number.saturating_add(1);
        (nonce, associated)
    }

    fn count(&mut self, content: &[u8]) {
        self.bytes = self.bytes.saturating_add(content.len() as u64);
        self.digest.update(content);
    }

    /// What the last frame holds before the counts of the writer: length and hash of the content.
    fn summary(&self) -> Vec<u8> {
        [&self.bytes.to_be_bytes()[..], &self.digest.clone().finalize()].concat()
    }
}

/// Writes a backup.
pub struct BackupWriter<'a> {
    out: &'a mut dyn Write,
    frames: Frames,
    pending: Zeroizing<Vec<u8>>,
    written: u64,
}

impl<'a> BackupWriter<'a> {
    /// Begins a backup with its head.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub(crate) fn begin(out: &'a mut dyn Write, header: &BackupHeader, ring: &KeyRing) -> Result<Self> {
        let head = header.encode();
        out.write_all(&head)?;
        let frames = Frames::new(header, &head, ring);
        let pending = Zeroizing::new(Vec::with_capacity(FRAME + TAG_BYTES));
        Ok(Self { out, frames, pending, written: head.len() as u64 })
    }

    /// Writes bytes of the content.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn put(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let room = FRAME.saturating_sub(self.pending.len());
            let (part, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.pending.extend_from_slice(part);
            bytes = rest;
            if self.pending.len() >= FRAME {
                self.write_content()?;
            }
        }
        Ok(())
    }

    /// Ends the backup with counts that its reader gets back, and gives its length in bytes.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn finish(mut self, counts: &[u8]) -> Result<u64> {
        if !self.pending.is_empty() {
            self.write_content()?;
        }
        let mut trailer = self.frames.summary();
        trailer.extend_from_slice(counts);
        self.write_frame(TRAILER, trailer)?;
        self.out.flush()?;
        Ok(self.written)
    }

    fn write_content(&mut self) -> Result<()> {
        let content = std::mem::take(&mut *self.pending);
        self.frames.count(&content);
        let mut used = self.write_frame(CONTENT, content)?;
        used.clear();
        *self.pending = used;
        Ok(())
    }

    /// Seals a frame in place, writes it, and gives its buffer back, which holds no plain text any more.
    fn write_frame(&mut self, mark: u8, mut text: Vec<u8>) -> Result<Vec<u8>> {
        let (nonce, associated) = self.frames.next(mark);
        let head = frame_head(mark, text.len());
        let tag = seal_gcm(&self.frames.cipher, &nonce, &associated, &mut text)
            .map_err(|error| Error::new(Code::LimitExceeded).because(error))?;
        text.extend_from_slice(&tag);
        self.out.write_all(&head)?;
        self.out.write_all(&text)?;
        self.written = self.written.saturating_add((head.len() + text.len()) as u64);
        Ok(text)
    }
}

/// The mark, and the length of the plain text in three bytes; a frame has at most 65,536.
fn frame_head(mark: u8, length: usize) -> [u8; 4] {
    let [_, high, middle, low] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [mark, high, middle, low]
}

/// Reads a backup. Nothing is given out before the frame in which it lies has authenticated.
pub struct BackupReader<'a> {
    input: &'a mut dyn Read,
    frames: Frames,
    content: Zeroizing<Vec<u8>>,
    /// How much of the content was given out.
    given: usize,
}

impl<'a> BackupReader<'a> {
    /// Goes on behind a head that [`BackupHeader::read`] has read.
    pub(crate) fn begin(input: &'a mut dyn Read, header: &BackupHeader, ring: &KeyRing) -> Self {
        let frames = Frames::new(header, &header.encode(), ring);
        Self { input, frames, content: Zeroizing::default(), given: 0 }
    }

    /// Fills a buffer with the next bytes of the content.
    ///
    /// # Errors
    /// [`Code::Damaged`] where the stream is cut, changed or ends before; [`Code::Io`].
    pub fn fill(&mut self, mut buffer: &mut [u8]) -> Result<()> {
        while !buffer.is_empty() {
            let ready = self.content.get(self.given..).unwrap_or_default();
            if ready.is_empty() {
                self.content = self.read_frame(CONTENT)?;
                self.given = 0;
                self.frames.count(&self.content);
                continue;
            }
            let length = ready.len().min(buffer.len());
            let (target, rest) = buffer.split_at_mut_checked(length).ok_or_else(damaged)?;
            target.copy_from_slice(ready.get(..length).ok_or_else(damaged)?);
            self.given = self.given.saturating_add(length);
            buffer = rest;
        }
        Ok(())
    }

    /// Reads the end of the backup, and gives the counts of its writer.
    ///
    /// # Errors
    /// [`Code::Damaged`] where there is more content, the content is not what was written, or bytes
    /// follow the end; [`Code::Io`].
    pub fn finish(mut self) -> Result<Vec<u8>> {
        if self.given != self.content.len() {
            return Err(damaged());
        }
        let trailer = self.read_frame(TRAILER)?;
        let counts = trailer.strip_prefix(self.frames.summary().as_slice()).ok_or_else(damaged)?.to_vec();
        let mut behind = [0];
        loop {
            match self.input.read(&mut behind) {
                Ok(0) => return Ok(counts),
                Ok(_) => return Err(damaged()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn read_frame(&mut self, mark: u8) -> Result<Zeroizing<Vec<u8>>> {
        let mut head = [0; 4];
        read_exact(self.input, &mut head)?;
        let [found, high, middle, low] = head;
        let length = usize::try_from(u32::from_be_bytes([0, high, middle, low])).unwrap_or(usize::MAX);
        if found != mark || length > FRAME {
            return Err(damaged());
        }
        let mut text = Zeroizing::new(vec![0; length]);
        read_exact(self.input, &mut text)?;
        let mut tag = [0; TAG_BYTES];
        read_exact(self.input, &mut tag)?;
        let (nonce, associated) = self.frames.next(mark);
        open_gcm(&self.frames.cipher, &nonce, &associated, &mut text, &tag)
            .map_err(|error| damaged().because(error))?;
        Ok(text)
    }
}

/// A stream that ends too early is damaged; what the system refuses to read is its refusal.
fn read_exact(reader: &mut dyn Read, buffer: &mut [u8]) -> Result<()> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged(),
        _ => error.into(),
    })
}

fn damaged() -> Error {
    Error::new(Code::Damaged).rule("backup")
}
