//! The nonces and tags of pages: one block of entries per group, cached, written by changed sectors.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::storage::bytes::{Fields, put};
use crate::storage::device::Device;
use crate::storage::layout::{GROUP_PAGES, entries_offset, group_of};
use crate::storage::page_cipher::Entry;
use crate::storage::superblock::BLOCK;

/// The unit that a disk writes whole; only sectors with changed entries are written.
const SECTOR: usize = 512;
/// Independent parts of the cache, so that readers rarely wait for each other.
const SHARDS: u64 = 8;
/// Blocks per shard that stay in memory without being dirty; 8 shards hold the entries of 800 MiB.
const CLEAN_BLOCKS: usize = 256;

/// The entries of one group.
struct Block {
    bytes: Box<[u8; BLOCK]>,
    /// One bit per sector that the device does not have yet.
    dirty: u8,
    used: u64,
}

/// The entries of a file.
pub(super) struct Entries {
    shards: Vec<Mutex<HashMap<u64, Block>>>,
    dirty: Mutex<BTreeSet<u64>>,
    clock: AtomicU64,
}

impl Entries {
    /// A table with an empty cache.
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            dirty: Mutex::default(),
            clock: AtomicU64::new(0),
        }
    }

    /// The entry of a page.
    pub(super) fn read(&self, device: &dyn Device, page: u64) -> io::Result<Entry> {
        self.with_block(device, group_of(page), |block| decode(block, page))
    }

    /// Changes the entry of a page, in memory until [`Entries::flush`].
    pub(super) fn write(&self, device: &dyn Device, page: u64, entry: &Entry) -> io::Result<()> {
        self.with_block(device, group_of(page), |block| {
            let at = position(page);
            put(block.bytes.as_mut_slice(), at, &entry.nonce);
            put(block.bytes.as_mut_slice(), at + entry.nonce.len(), &entry.tag);
            block.dirty |= sectors(at);
        })?;
        lock(&self.dirty).insert(group_of(page));
        Ok(())
    }

    /// Forgets every entry at and above a page, before the file is cut there.
    pub(super) fn truncate(&self, device: &dyn Device, pages: u64) -> io::Result<()> {
        let boundary = group_of(pages);
        if !pages.is_multiple_of(GROUP_PAGES) {
            for page in pages..(boundary + 1) * GROUP_PAGES {
                self.write(device, page, &Entry::BLANK)?;
            }
        }
        let first_gone = pages.div_ceil(GROUP_PAGES);
        lock(&self.dirty).retain(|group| *group < first_gone);
        for shard in &self.shards {
            lock(shard).retain(|group, _| *group < first_gone);
        }
        Ok(())
    }

    /// Writes all changed sectors. Nothing may change entries meanwhile.
    pub(super) fn flush(&self, device: &dyn Device) -> io::Result<()> {
        let groups = lock(&self.dirty).clone();
        for group in groups {
            self.with_block(device, group, |block| {
                write_sectors(device, group, block)?;
                block.dirty = 0;
                Ok::<(), io::Error>(())
            })??;
            lock(&self.dirty).remove(&group);
        }
        Ok(())
    }

    fn with_block<T>(
        &self,
        device: &dyn Device,
        group: u64,
        work: impl FnOnce(&mut Block) -> T,
    ) -> io::Result<T> {
        let used = self.clock.fetch_add(1, Ordering::Relaxed);
        let index = usize::try_from(group % SHARDS).unwrap_or(0);
        let shard = self.shards.get(index).ok_or(io::ErrorKind::InvalidInput)?;
        let mut shard = lock(shard);
        if !shard.contains_key(&group) {
            make_room(&mut shard);
            let mut bytes = Box::new([0; BLOCK]);
            device.read_at(entries_offset(group), bytes.as_mut_slice())?;
            shard.insert(group, Block { bytes, dirty: 0, used });
        }
        let block = shard.get_mut(&group).ok_or(io::ErrorKind::NotFound)?;
        block.used = used;
        Ok(work(block))
    }
}

/// Drops the block that was used longest ago and that the device has whole.
fn make_room(shard: &mut HashMap<u64, Block>) {
    if shard.len() < CLEAN_BLOCKS {
        return;
    }
    let clean = shard.iter().filter(|(_, block)| block.dirty == 0);
    if let Some(oldest) = clean.min_by_key(|(_, block)| block.used).map(|(group, _)| *group) {
        shard.remove(&oldest);
    }
}

/// Writes each stretch of changed sectors once.
fn write_sectors(device: &dyn Device, group: u64, block: &Block) -> io::Result<()> {
    let mut stretch: Option<(usize, usize)> = None;
    for sector in 0..=BLOCK / SECTOR {
        let changed = sector < BLOCK / SECTOR && block.dirty & (1 << sector) != 0;
        match (changed, stretch) {
            (true, None) => stretch = Some((sector * SECTOR, (sector + 1) * SECTOR)),
            (true, Some((start, _))) => stretch = Some((start, (sector + 1) * SECTOR)),
            (false, Some((start, end))) => {
                let bytes = block.bytes.get(start..end).ok_or(io::ErrorKind::InvalidInput)?;
                device.write_at(entries_offset(group) + start as u64, bytes)?;
                stretch = None;
            }
            (false, None) => {}
        }
    }
    Ok(())
}

fn decode(block: &Block, page: u64) -> Entry {
    let mut fields = Fields::of(block.bytes.get(position(page)..).unwrap_or_default());
    match (fields.array(), fields.array()) {
        (Some(nonce), Some(tag)) => Entry { nonce, tag },
        _ => Entry::BLANK,
    }
}

/// Where the entry of a page begins in its block.
fn position(page: u64) -> usize {
    usize::try_from(page % GROUP_PAGES).unwrap_or(0) * Entry::BYTES
}

/// The bits of the one or two sectors that an entry lies in.
fn sectors(at: usize) -> u8 {
    let (first, last) = (at / SECTOR, (at + Entry::BYTES - 1) / SECTOR);
    (1 << first) | (1 << last)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
