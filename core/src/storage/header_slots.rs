//! The first bytes of the store below, kept in two slots of which the last synced one is never touched.
//!
//! redb rewrites its header in place and relies on single bytes being written whole. Encrypted, a torn
//! header would be lost entirely; so each version goes to the slot that does not hold the last synced one,
//! and to the other one as well when it is synced.

use std::io;

use crate::base::{Code, Error, Result};
use crate::storage::bytes::{Fields, put};
use crate::storage::device::Device;
use crate::storage::layout::header_offset;
use crate::storage::page_cipher::{Entry, PageCipher};
use crate::storage::superblock::SUITE;

/// Bytes of the store below that are kept here; redb uses the first 320.
pub(super) const HEADER_BYTES: usize = 512;
/// Length of a slot that is written.
const SLOT_BYTES: usize = 8 + Entry::BYTES + HEADER_BYTES;

/// Where redb keeps the state of the file, and the bit that says that its newest commit was synced
/// before it was made the newest one (redb's docs/design.md, "god byte").
const STATE_AT: usize = 9;
const TWO_PHASE_BIT: u8 = 4;

/// The header: its newest text in memory, and which slot is safe.
pub(super) struct HeaderSlots {
    plain: [u8; HEADER_BYTES],
    sequence: u64,
    synced_slot: u64,
    changed: bool,
    file_id: [u8; 16],
}

impl HeaderSlots {
    /// The header of a new file, which no slot holds yet.
    pub(super) fn new(file_id: [u8; 16]) -> Self {
        Self { plain: [0; HEADER_BYTES], sequence: 0, synced_slot: 1, changed: false, file_id }
    }

    /// Reads the newest header that is whole.
    ///
    /// # Errors
    /// [`Code::Damaged`] where neither slot authenticates, [`Code::Io`].
    pub(super) fn load(device: &dyn Device, cipher: &PageCipher, file_id: [u8; 16]) -> Result<Self> {
        let mut newest: Option<Self> = None;
        for slot in 0..2 {
            let Some((sequence, plain)) = read_slot(device, cipher, &file_id, slot)? else { continue };
            if newest.as_ref().is_none_or(|known| known.sequence < sequence) {
                newest = Some(Self { plain, sequence, synced_slot: slot, changed: false, file_id });
            }
        }
        newest.ok_or_else(|| Error::new(Code::Damaged).rule("header slots"))
    }

    /// Whether redb verifies the newest commit at the open and falls back to the one before. It does
    /// so unless the newest commit was synced in two phases, as the last one of a clean close is.
    ///
    /// The bit that asks for recovery is not the one to look at: redb clears it in the midst of a
    /// recovery, and after a second power cut there it verifies and falls back once more.
    pub(super) fn may_fall_back(&self) -> bool {
        self.plain.get(STATE_AT).is_some_and(|state| state & TWO_PHASE_BIT == 0)
    }

    /// Copies header bytes from an offset; refuses a range outside of the header.
    pub(super) fn read(&self, at: usize, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.plain.get(at..).and_then(|tail| tail.get(..out.len()));
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::InvalidInput)?);
        Ok(())
    }

    /// Changes header bytes in memory; refuses a range outside of the header.
    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) -> io::Result<()> {
        let target = self.plain.get_mut(at..).and_then(|tail| tail.get_mut(..bytes.len()));
        target.ok_or(io::ErrorKind::InvalidInput)?.copy_from_slice(bytes);
        self.changed = true;
        Ok(())
    }

    /// Writes a changed header to the slot that is not the last synced one.
    pub(super) fn flush(&mut self, device: &dyn Device, cipher: &PageCipher) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        self.sequence += 1;
        self.write_slot(1 - self.synced_slot, device, cipher)
    }

    fn write_slot(&self, slot: u64, device: &dyn Device, cipher: &PageCipher) -> io::Result<()> {
        let mut sealed = self.plain;
        let entry = cipher
            .seal(&associated(&self.file_id, self.sequence), &mut sealed)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let mut bytes = [0; SLOT_BYTES];
        put(&mut bytes, 0, &self.sequence.to_be_bytes());
        put(&mut bytes, 8, &entry.nonce);
        put(&mut bytes, 8 + entry.nonce.len(), &entry.tag);
        put(&mut bytes, 8 + Entry::BYTES, &sealed);
        device.write_at(header_offset(slot), &bytes)
    }

    /// Notes that what was flushed is durable, and writes it to the other slot too: if that held the header
    /// before, one damaged byte of the newest would bring a state of before it back, and nothing would tell.
    pub(super) fn synced(&mut self, device: &dyn Device, cipher: &PageCipher) -> io::Result<()> {
        if self.changed {
            self.synced_slot = 1 - self.synced_slot;
            self.changed = false;
            self.write_slot(1 - self.synced_slot, device, cipher)?;
        }
        Ok(())
    }
}

/// Sequence and text of one slot; `None` where it does not authenticate.
pub(super) fn read_slot(
    device: &dyn Device,
    cipher: &PageCipher,
    file_id: &[u8; 16],
    slot: u64,
) -> Result<Option<(u64, [u8; HEADER_BYTES])>> {
    let mut bytes = [0; SLOT_BYTES];
    match device.read_at(header_offset(slot), &mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut fields = Fields::of(&bytes);
    let parts = (fields.u64(), fields.array(), fields.array(), fields.array());
    let (Some(sequence), Some(nonce), Some(tag), Some(mut text)) = parts else { return Ok(None) };
    let opened = cipher.open(&Entry { nonce, tag }, &associated(file_id, sequence), &mut text);
    Ok(opened.ok().map(|()| (sequence, text)))
}

/// What a header slot authenticates beside its text; its length differs from that of every page.
fn associated(file_id: &[u8; 16], sequence: u64) -> Vec<u8> {
    file_id.iter().copied().chain([SUITE, b'H']).chain(sequence.to_be_bytes()).collect()
}
