//! The encrypted file: pages that redb writes in clear leave this process sealed, each with its number.
//!
//! What redb writes in one call is one unit: it is sealed, collected in memory and goes to the device
//! at the next sync, data first, then nonces and tags, then the header, under one fsync. redb never
//! overwrites a page that its last durable commit refers to, so a torn unit is one that nobody needs;
//! while redb recovers, such a unit reads as zeros, its checksum fails, and redb falls back by itself.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::base::{Code, Error, Random, Result};
use crate::storage::bytes::put;
use crate::storage::device::Device;
use crate::storage::entries::Entries;
use crate::storage::header_slots::{HEADER_BYTES, HeaderSlots};
use crate::storage::keys::KeyRing;
use crate::storage::layout::{BLOCK_BYTES, HEAD_BLOCKS, logical_pages, physical_len, runs};
use crate::storage::page_cipher::{Entry, PageCipher};
use crate::storage::superblock::{BLOCK, SUITE};
use crate::storage::xaes::NotAuthentic;

/// Sealed bytes that wait in memory before they go to the device ahead of a sync.
const MAX_PENDING_BYTES: usize = 16 * 1_024 * 1_024;
/// Longest single write to the device.
const MAX_RUN_BYTES: usize = 1_024 * 1_024;

/// A sealed unit on its way to the device.
struct Unit {
    sealed: Vec<u8>,
    entry: Entry,
}

impl Unit {
    fn pages(&self) -> u64 {
        self.sealed.len() as u64 / BLOCK_BYTES
    }
}

/// What only one thread at a time may change.
struct Writer {
    header: HeaderSlots,
    pending_bytes: usize,
}

/// An encrypted file under redb.
pub(super) struct CryptFile {
    device: Arc<dyn Device>,
    cipher: PageCipher,
    file_id: [u8; 16],
    entries: Entries,
    pages: AtomicU64,
    pending: RwLock<BTreeMap<u64, Unit>>,
    writer: Mutex<Writer>,
    forgiving: AtomicBool,
    forgiven: AtomicU64,
    syncs: AtomicU64,
}

impl CryptFile {
    /// A new file without pages, whose superblock is written by the caller.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub(super) fn create(device: Arc<dyn Device>, ring: &KeyRing, random: Arc<dyn Random>) -> Result<Self> {
        device.set_len(HEAD_BLOCKS * BLOCK_BYTES)?;
        let header = HeaderSlots::new(ring.file_id());
        Ok(Self::new(device, PageCipher::new(&ring.derive("page"), random), ring.file_id(), 0, header))
    }

    /// A file that stands, with its newest header.
    ///
    /// # Errors
    /// [`Code::Damaged`] where it was cut or no header authenticates, [`Code::Io`].
    pub(super) fn open(device: Arc<dyn Device>, ring: &KeyRing, random: Arc<dyn Random>) -> Result<Self> {
        let cipher = PageCipher::new(&ring.derive("page"), random);
        let header = HeaderSlots::load(device.as_ref(), &cipher, ring.file_id())?;
        let pages = logical_pages(device.len()?);
        if pages == 0 {
            return Err(Error::new(Code::Damaged).rule("the file was cut"));
        }
        // The newest header may have been read from the cache of the system after a process died
        // before its fsync. It must be on the medium before the other slot may be overwritten.
        device.sync()?;
        Ok(Self::new(device, cipher, ring.file_id(), pages, header))
    }

    fn new(
        device: Arc<dyn Device>,
        cipher: PageCipher,
        file_id: [u8; 16],
        pages: u64,
        header: HeaderSlots,
    ) -> Self {
        Self {
            device,
            cipher,
            file_id,
            entries: Entries::new(),
            pages: AtomicU64::new(pages),
            pending: RwLock::default(),
            forgiving: AtomicBool::new(header.may_fall_back()),
            forgiven: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            writer: Mutex::new(Writer { header, pending_bytes: 0 }),
        }
    }

    /// Ends the time in which an unreadable unit is forgiven, and says how many there were.
    pub(super) fn end_recovery(&self) -> u64 {
        self.forgiving.store(false, Ordering::SeqCst);
        self.forgiven.load(Ordering::SeqCst)
    }

    /// How often the file was made durable.
    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    fn read_unit(&self, page: u64, out: &mut [u8]) -> io::Result<()> {
        let entry = match self.read_pending(page, out) {
            Some(entry) => entry,
            None => self.read_device(page, out)?,
        };
        let aad = associated(&self.file_id, page, out.len());
        if entry != Entry::BLANK && self.cipher.open(&entry, &aad, out).is_ok() {
            return Ok(());
        }
        if !self.forgiving.load(Ordering::SeqCst) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, NotAuthentic));
        }
        self.forgiven.fetch_add(1, Ordering::SeqCst);
        out.fill(0);
        Ok(())
    }

    /// Copies a unit that the device does not have yet. One of another length is as good as none: the
    /// entry that stands for it will not authenticate what is read.
    fn read_pending(&self, page: u64, out: &mut [u8]) -> Option<Entry> {
        let pending = self.pending.read().unwrap_or_else(PoisonError::into_inner);
        let unit = pending.get(&page).filter(|unit| unit.sealed.len() == out.len())?;
        out.copy_from_slice(&unit.sealed);
        Some(unit.entry)
    }

    fn read_device(&self, page: u64, out: &mut [u8]) -> io::Result<Entry> {
        let entry = self.entries.read(self.device.as_ref(), page)?;
        let mut left = out;
        for run in runs(page, left.len() as u64 / BLOCK_BYTES) {
            let (part, rest) = left.split_at_mut_checked(run.bytes).ok_or(io::ErrorKind::InvalidInput)?;
            self.device.read_at(run.offset, part)?;
            left = rest;
        }
        Ok(entry)
    }

    fn write_unit(&self, page: u64, plain: &[u8]) -> io::Result<()> {
        let mut sealed = plain.to_vec();
        let aad = associated(&self.file_id, page, sealed.len());
        let entry = self
            .cipher
            .seal(&aad, &mut sealed)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let unit = Unit { sealed, entry };

        let mut writer = self.writer();
        for follower in (page..).skip(1).take_while(|follower| *follower < page + unit.pages()) {
            self.entries.write(self.device.as_ref(), follower, &Entry::BLANK)?;
        }
        self.entries.write(self.device.as_ref(), page, &entry)?;
        self.insert_pending(&mut writer, page, unit);
        if writer.pending_bytes >= MAX_PENDING_BYTES {
            self.flush_units(&mut writer)?;
        }
        Ok(())
    }

    /// Adds a unit in place of every waiting unit that shares a page with it: redb has freed those.
    fn insert_pending(&self, writer: &mut Writer, page: u64, unit: Unit) {
        let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        let before = pending.range(..page).next_back();
        let reaching = before.filter(|(start, unit)| *start + unit.pages() > page).map(|(start, _)| *start);
        let within = pending.range(page..page + unit.pages()).map(|(start, _)| *start);
        let stale: Vec<u64> = reaching.into_iter().chain(within).collect();
        for start in stale {
            let removed = pending.remove(&start).map_or(0, |unit| unit.sealed.len());
            writer.pending_bytes = writer.pending_bytes.saturating_sub(removed);
        }
        writer.pending_bytes += unit.sealed.len();
        pending.insert(page, unit);
    }

    /// Writes all waiting units, in the order of the file and neighbours together.
    fn flush_units(&self, writer: &mut Writer) -> io::Result<()> {
        let pending = self.pending.read().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::new(self.device.as_ref());
        for (page, unit) in pending.iter() {
            let mut left = unit.sealed.as_slice();
            for run in runs(*page, unit.pages()) {
                let (part, rest) = left.split_at_checked(run.bytes).ok_or(io::ErrorKind::InvalidInput)?;
                batch.add(run.offset, part)?;
                left = rest;
            }
        }
        batch.write()?;
        drop(pending);
        self.pending.write().unwrap_or_else(PoisonError::into_inner).clear();
        writer.pending_bytes = 0;
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        let mut writer = self.writer();
        self.flush_units(&mut writer)?;
        self.entries.flush(self.device.as_ref())?;
        writer.header.flush(self.device.as_ref(), &self.cipher)?;
        self.device.sync()?;
        self.syncs.fetch_add(1, Ordering::Relaxed);
        writer.header.synced(self.device.as_ref(), &self.cipher)
    }

    fn resize(&self, pages: u64) -> io::Result<()> {
        let mut writer = self.writer();
        if pages < self.pages.load(Ordering::SeqCst) {
            let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
            pending.retain(|page, unit| *page + unit.pages() <= pages);
            writer.pending_bytes = pending.values().map(|unit| unit.sealed.len()).sum();
            drop(pending);
            self.entries.truncate(self.device.as_ref(), pages)?;
        }
        self.device.set_len(physical_len(pages))?;
        self.pages.store(pages, Ordering::SeqCst);
        Ok(())
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page at an offset, if offset and length are whole pages within the file.
    fn page_at(&self, offset: u64, bytes: usize) -> io::Result<u64> {
        let length = bytes as u64;
        if !offset.is_multiple_of(BLOCK_BYTES) || !length.is_multiple_of(BLOCK_BYTES) || length == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let page = offset / BLOCK_BYTES;
        if page.saturating_add(length / BLOCK_BYTES) > self.pages.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(page)
    }
}

impl std::fmt::Debug for CryptFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "CryptFile({:?})", self.device)
    }
}

/// The encrypted file as redb sees it.
#[derive(Debug)]
pub(super) struct Backend(pub(super) Arc<CryptFile>);

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.pages.load(Ordering::SeqCst) * BLOCK_BYTES)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match header_position(offset) {
            Some(at) => self.0.writer().header.read(at, out),
            None => self.0.read_unit(self.0.page_at(offset, out.len())?, out),
        }
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        if !bytes.is_multiple_of(BLOCK_BYTES) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.0.resize(bytes / BLOCK_BYTES)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        match header_position(offset) {
            Some(at) => self.0.writer().header.write(at, data),
            None => self.0.write_unit(self.0.page_at(offset, data.len())?, data),
        }
    }

    fn close(&self) -> io::Result<()> {
        self.0.device.release()
    }
}

/// The place in the header, if an offset lies in it.
fn header_position(offset: u64) -> Option<usize> {
    usize::try_from(offset).ok().filter(|at| *at < HEADER_BYTES)
}

/// What a page authenticates beside its text: file, suite, first page and length of its unit.
pub(super) fn associated(file_id: &[u8; 16], page: u64, bytes: usize) -> [u8; 29] {
    let mut aad = [0; 29];
    put(&mut aad, 0, file_id);
    put(&mut aad, 16, &[SUITE]);
    put(&mut aad, 17, &page.to_be_bytes());
    // A unit of redb is at most 2^20 pages, so its count fits.
    put(&mut aad, 25, &u32::try_from(bytes / BLOCK).unwrap_or(u32::MAX).to_be_bytes());
    aad
}

/// Joins neighbouring writes into one.
struct Batch<'a> {
    device: &'a dyn Device,
    offset: u64,
    bytes: Vec<u8>,
}

impl<'a> Batch<'a> {
    fn new(device: &'a dyn Device) -> Self {
        Self { device, offset: 0, bytes: Vec::new() }
    }

    fn add(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let follows = self.offset + self.bytes.len() as u64 == offset;
        if !follows || self.bytes.len() + bytes.len() > MAX_RUN_BYTES {
            self.write()?;
            self.offset = offset;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        if !self.bytes.is_empty() {
            self.device.write_at(self.offset, &self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }
}
