//! The pages of an encrypted file one by one, for reading what is left of a damaged one: a page that does
//! not authenticate is an answer here, and no fault that ends everything.

use std::sync::Arc;

use crate::base::{Random, Result};
use crate::storage::cryptfile::associated;
use crate::storage::device::Device;
use crate::storage::entries::Entries;
use crate::storage::header_slots::{HEADER_BYTES, read_slot};
use crate::storage::keys::KeyRing;
use crate::storage::layout::{BLOCK_BYTES, header_offset, logical_pages, runs};
use crate::storage::page_cipher::{Entry, PageCipher};

/// Most pages of a unit that is looked for without a tree that names it: 8 MiB, far above the largest
/// value of a table.
const MAX_UNIT: u64 = 2_048;

/// Bytes of a header slot, its sequence and nonce, that are zeros as long as it was never written.
const BLANK_START: usize = 32;

/// The first bytes of redb's file, as one of the header slots has them.
pub(super) type Header = [u8; HEADER_BYTES];

/// The pages of a file.
pub(super) struct Pages {
    device: Arc<dyn Device>,
    cipher: PageCipher,
    file_id: [u8; 16],
    entries: Entries,
    count: u64,
}

impl Pages {
    /// The pages of a file under its ring.
    ///
    /// # Errors
    /// `storage.io`.
    pub(super) fn of(device: Arc<dyn Device>, ring: &KeyRing, random: Arc<dyn Random>) -> Result<Self> {
        let count = logical_pages(device.len()?);
        let cipher = PageCipher::new(&ring.derive("page"), random);
        Ok(Self { device, cipher, file_id: ring.file_id(), entries: Entries::new(), count })
    }

    /// How many pages the file holds.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The headers that authenticate, newest first.
    pub(super) fn headers(&self) -> Vec<Header> {
        let slots = (0..2).filter_map(|slot| {
            read_slot(self.device.as_ref(), &self.cipher, &self.file_id, slot).ok().flatten()
        });
        let mut slots: Vec<(u64, Header)> = slots.collect();
        slots.sort_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
        slots.into_iter().map(|(_, header)| header).collect()
    }

    /// Whether a header slot was written and does not authenticate: power failed while it was written, or
    /// it is damaged, and the other one is then perhaps not the newest.
    pub(super) fn has_broken_header(&self) -> bool {
        (0..2).any(|slot| {
            let mut start = [0; BLANK_START];
            let written = match self.device.read_at(header_offset(slot), &mut start) {
                Ok(()) => start != [0; BLANK_START],
                Err(_) => true,
            };
            let read = read_slot(self.device.as_ref(), &self.cipher, &self.file_id, slot);
            written && !read.is_ok_and(|read| read.is_some())
        })
    }

    /// The text of a unit; `None` where it does not authenticate or cannot be read.
    pub(super) fn read(&self, page: u64, pages: u64) -> Option<Vec<u8>> {
        if pages == 0 || page.checked_add(pages)? > self.count {
            return None;
        }
        let entry = self.entry(page)?;
        let mut text = vec![0; usize::try_from(pages.checked_mul(BLOCK_BYTES)?).ok()?];
        let mut left = text.as_mut_slice();
        for run in runs(page, pages) {
            let (part, rest) = left.split_at_mut_checked(run.bytes)?;
            self.device.read_at(run.offset, part).ok()?;
            left = rest;
        }
        let aad = associated(&self.file_id, page, text.len());
        self.cipher.open(&entry, &aad, &mut text).ok().map(|()| text)
    }

    /// The text of the unit that begins at a page, whatever its length; `None` where none does.
    pub(super) fn read_any(&self, page: u64) -> Option<Vec<u8>> {
        self.entry(page)?;
        let mut pages = 1;
        loop {
            if let Some(text) = self.read(page, pages) {
                return Some(text);
            }
            // The pages of a unit behind its first one have no entries of their own.
            let followers = page + pages..page + pages * 2;
            pages *= 2;
            if pages > MAX_UNIT || followers.into_iter().any(|follower| !self.is_blank(follower)) {
                return None;
            }
        }
    }

    /// The entry of a page that was written.
    fn entry(&self, page: u64) -> Option<Entry> {
        let entry = self.entries.read(self.device.as_ref(), page).ok()?;
        (entry != Entry::BLANK).then_some(entry)
    }

    fn is_blank(&self, page: u64) -> bool {
        page < self.count
            && self.entries.read(self.device.as_ref(), page).is_ok_and(|entry| entry == Entry::BLANK)
    }
}
