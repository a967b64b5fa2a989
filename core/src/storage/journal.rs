//! The journal: what was committed since the last checkpoint, sealed, appended, one fsync for a group.
//!
//! A commit is durable when its record is. At a checkpoint everything goes into the tables and a new
//! generation begins at the front of the same file; the tables say which generation continues them, so
//! nothing of the journal has to be erased, and a record of an older generation is never mistaken.
//!
//! At the open, records are read until one is not whole. Power may have failed while that one was
//! written, and then nobody was told that it is durable. Each record says how many before it were
//! durable; if a later one says so of the broken one, the file was damaged after the fact.

use std::io;
use std::sync::Arc;

use crate::base::{Code, Error, Random, Result};
use crate::storage::bytes::{Fields, put};
use crate::storage::device::Device;
use crate::storage::keys::KeyRing;
use crate::storage::page_cipher::{Entry, PageCipher};
use crate::storage::superblock::{BLOCK, SUITE};

/// The first eight bytes of a journal.
const MAGIC: [u8; 8] = *b"\x89GXJRNL\n";
/// The newest version of the file.
const VERSION: u32 = 1;
/// Where the first record begins.
pub(super) const RECORDS_AT: u64 = BLOCK as u64;
/// Records begin at multiples of this, the unit that a disk writes whole.
const SECTOR: usize = 512;
/// Generation, number, records known to be durable, length, four zeros, nonce, tag.
const HEAD_BYTES: usize = 16 + 8 + 8 + 4 + 4 + Entry::BYTES;
/// By how much the file grows ahead of its records. Blocks that were written before cost an fsync no
/// metadata, so growth is paid for here and not at each commit.
const GROWTH: usize = 256 * 1_024;

/// Which stretch between two checkpoints a record belongs to; random, so that copies of a database
/// that were both written never mistake each other's records.
pub(super) type Generation = [u8; 16];

/// The journal of an open database.
pub(super) struct Journal {
    device: Arc<dyn Device>,
    cipher: PageCipher,
    file_id: [u8; 16],
    generation: Generation,
    /// Number of the next record.
    number: u64,
    /// Records of this generation that are durable.
    durable: u64,
    /// Where the next record begins.
    end: u64,
    length: u64,
}

impl Journal {
    /// Makes an empty journal on an empty device.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub(super) fn create(device: &dyn Device, file_id: [u8; 16]) -> Result<()> {
        let mut block = [0; BLOCK];
        put(&mut block, 0, &MAGIC);
        put(&mut block, 8, &VERSION.to_be_bytes());
        put(&mut block, 16, &file_id);
        device.set_len(RECORDS_AT)?;
        device.write_at(0, &block)?;
        device.sync()?;
        Ok(())
    }

    /// Opens a journal, which has no generation before [`Journal::restart`].
    ///
    /// # Errors
    /// [`Code::Damaged`] for a foreign file, [`Code::NewerFormat`], [`Code::Io`].
    pub(super) fn open(device: Arc<dyn Device>, ring: &KeyRing, random: Arc<dyn Random>) -> Result<Self> {
        check_head(device.as_ref(), ring.file_id())?;
        Self::over(device, ring, random)
    }

    /// A journal whose first block is not looked at.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub(super) fn over(device: Arc<dyn Device>, ring: &KeyRing, random: Arc<dyn Random>) -> Result<Self> {
        let length = device.len()?;
        Ok(Self {
            device,
            cipher: PageCipher::new(&ring.derive("journal"), random),
            file_id: ring.file_id(),
            generation: [0; 16],
            number: 0,
            durable: 0,
            end: RECORDS_AT,
            length,
        })
    }

    /// Seals what comes from here on under another ring. Only when the tables hold all that came before.
    pub(super) fn change_key(&mut self, ring: &KeyRing, random: Arc<dyn Random>) {
        self.cipher = PageCipher::new(&ring.derive("journal"), random);
    }

    /// Hands every whole record of a generation to a function, in order, and says whether the journal can
    /// go on behind the last of them. It cannot where something of the same generation lies there: a later
    /// record must never be taken for the successor of one that is yet to be written.
    ///
    /// # Errors
    /// [`Code::Damaged`] where a record is broken that a later one knows to be durable; [`Code::Io`],
    /// and those of the function.
    pub(super) fn replay(
        &mut self,
        generation: &Generation,
        visit: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<bool> {
        self.restart(*generation);
        while let Some(record) =
            self.read(generation, self.end)?.filter(|record| record.number == self.number)
        {
            visit(&record.text)?;
            self.end += padded(record.text.len());
            self.number += 1;
        }
        // What comes behind begins at some sector, wherever the broken one would have ended.
        let behind = self.sectors_of(generation, self.end)?;
        for at in &behind {
            if self.read(generation, *at)?.is_some_and(|later| later.durable > self.number) {
                return Err(Error::new(Code::Damaged).rule("journal"));
            }
        }
        Ok(behind.is_empty())
    }

    /// The sectors from a place on that begin as a record of a generation does.
    fn sectors_of(&self, generation: &Generation, mut at: u64) -> Result<Vec<u64>> {
        let mut found = Vec::new();
        let mut chunk = vec![0; GROWTH];
        while at < self.length {
            let length = usize::try_from(self.length - at).unwrap_or(GROWTH).min(GROWTH);
            let chunk = chunk.get_mut(..length).unwrap_or_default();
            self.device.read_at(at, chunk)?;
            let sectors = (at..).step_by(SECTOR).zip(chunk.chunks(SECTOR));
            found.extend(sectors.filter(|(_, sector)| sector.starts_with(generation)).map(|(at, _)| at));
            at += length as u64;
        }
        Ok(found)
    }

    /// The texts of all records of a generation, or of every one, that authenticate, and how many others
    /// there must have been: for reading what is left of a damaged database.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub(super) fn whole_records(&self, generation: Option<&Generation>) -> Result<(Vec<Vec<u8>>, u64)> {
        let (mut texts, mut broken_heads, mut numbers) = (Vec::new(), 0_u64, 0_u64);
        let mut at = RECORDS_AT;
        while at + HEAD_BYTES as u64 <= self.length {
            let mut found = Generation::default();
            self.device.read_at(at, &mut found)?;
            let wanted = generation.map_or(found != Generation::default(), |wanted| found == *wanted);
            let Some(record) = (if wanted { self.read(&found, at)? } else { None }) else {
                broken_heads += u64::from(wanted);
                at += SECTOR as u64;
                continue;
            };
            at += padded(record.text.len());
            numbers = numbers.max(record.number.saturating_add(1));
            texts.push(record.text);
        }
        // Without a generation any sixteen bytes look like one, and numbers of several are mixed.
        let missing = numbers.saturating_sub(texts.len() as u64).max(broken_heads);
        Ok((texts, if generation.is_some() { missing } else { 0 }))
    }

    /// Begins a generation at the front of the file. Only when the tables hold all that came before.
    pub(super) fn restart(&mut self, generation: Generation) {
        self.generation = generation;
        (self.number, self.durable, self.end) = (0, 0, RECORDS_AT);
    }

    /// Appends a record, which is durable after [`Journal::sync`].
    ///
    /// # Errors
    /// Those of the device, and `InvalidInput` for a text of 4 GiB.
    pub(super) fn append(&mut self, mut text: Vec<u8>) -> io::Result<()> {
        let length = u32::try_from(text.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.reserve(padded(text.len()))?;
        let place = Place { generation: self.generation, number: self.number, durable: self.durable, length };
        let entry = self
            .cipher
            .seal(&place.associated(&self.file_id), &mut text)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let mut record = Vec::with_capacity((HEAD_BYTES + text.len()).next_multiple_of(SECTOR));
        place.write_head(&entry, &mut record);
        record.extend_from_slice(&text);
        record.resize(record.len().next_multiple_of(SECTOR), 0);
        self.device.write_at(self.end, &record)?;
        self.end += record.len() as u64;
        self.number += 1;
        Ok(())
    }

    /// Makes every appended record durable.
    ///
    /// # Errors
    /// Those of the device.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.device.sync()?;
        self.durable = self.number;
        Ok(())
    }

    /// Gives the room back that records took. Only when the tables hold all of them.
    ///
    /// # Errors
    /// Those of the device.
    pub(super) fn shrink(&mut self) -> io::Result<()> {
        if self.has_no_records() {
            return Ok(());
        }
        self.device.set_len(RECORDS_AT)?;
        self.length = RECORDS_AT;
        self.end = RECORDS_AT;
        self.device.sync()
    }

    /// Whether the file ends where its first record would begin.
    pub(super) fn has_no_records(&self) -> bool {
        self.length == RECORDS_AT
    }

    /// Length of the file in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Room for so many bytes more, written with zeros so that their blocks are there.
    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        while self.end + bytes > self.length {
            self.device.set_len(self.length + GROWTH as u64)?;
            self.device.write_at(self.length, &vec![0; GROWTH])?;
            self.length += GROWTH as u64;
        }
        Ok(())
    }

    /// The record of a generation that begins at a place; `None` where there is no whole one.
    fn read(&self, generation: &Generation, at: u64) -> Result<Option<Record>> {
        let mut head = [0; HEAD_BYTES];
        if at + HEAD_BYTES as u64 > self.length {
            return Ok(None);
        }
        self.device.read_at(at, &mut head)?;
        let Some((place, entry)) = Place::read(&head).filter(|(place, _)| place.generation == *generation)
        else {
            return Ok(None);
        };
        if at + HEAD_BYTES as u64 + u64::from(place.length) > self.length {
            return Ok(None);
        }
        let mut text = vec![0; usize::try_from(place.length).unwrap_or(0)];
        self.device.read_at(at + HEAD_BYTES as u64, &mut text)?;
        let opened = self.cipher.open(&entry, &place.associated(&self.file_id), &mut text);
        Ok(opened.ok().map(|()| Record { number: place.number, durable: place.durable, text }))
    }
}

/// A record that was read whole.
struct Record {
    number: u64,
    durable: u64,
    text: Vec<u8>,
}

/// Where a record stands, as its head says in clear and its tag proves.
struct Place {
    generation: Generation,
    number: u64,
    durable: u64,
    length: u32,
}

impl Place {
    fn read(head: &[u8; HEAD_BYTES]) -> Option<(Self, Entry)> {
        let mut fields = Fields::of(head);
        let generation = fields.array()?;
        let (number, durable, length) = (fields.u64()?, fields.u64()?, fields.u32()?);
        let _zeros = fields.u32()?;
        let entry = Entry { nonce: fields.array()?, tag: fields.array()? };
        Some((Self { generation, number, durable, length }, entry))
    }

    fn write_head(&self, entry: &Entry, head: &mut Vec<u8>) {
        head.extend_from_slice(&self.generation);
        head.extend_from_slice(&self.number.to_be_bytes());
        head.extend_from_slice(&self.durable.to_be_bytes());
        head.extend_from_slice(&self.length.to_be_bytes());
        head.extend_from_slice(&[0; 4]);
        head.extend_from_slice(&entry.nonce);
        head.extend_from_slice(&entry.tag);
    }

    /// What a record authenticates beside its text.
    fn associated(&self, file_id: &[u8; 16]) -> Vec<u8> {
        let mut aad = file_id.to_vec();
        aad.extend_from_slice(&[SUITE, b'J']);
        aad.extend_from_slice(&self.generation);
        aad.extend_from_slice(&self.number.to_be_bytes());
        aad.extend_from_slice(&self.durable.to_be_bytes());
        aad.extend_from_slice(&self.length.to_be_bytes());
        aad
    }
}

/// Length of a record with its head, up to the next sector.
fn padded(text: usize) -> u64 {
    (HEAD_BYTES + text).next_multiple_of(SECTOR) as u64
}

fn check_head(device: &dyn Device, file_id: [u8; 16]) -> Result<()> {
    let damaged = || Error::new(Code::Damaged).rule("journal");
    let mut head = [0; 32];
    device.read_at(0, &mut head).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged(),
        _ => error.into(),
    })?;
    let mut fields = Fields::of(&head);
    match (fields.array::<8>(), fields.u32(), fields.u32(), fields.array::<16>()) {
        (Some(MAGIC), Some(VERSION), _, Some(owner)) if owner == file_id => Ok(()),
        (Some(MAGIC), Some(version), _, _) if version > VERSION => {
            Err(Error::new(Code::NewerFormat).rule("journal"))
        }
        _ => Err(damaged()),
    }
}
