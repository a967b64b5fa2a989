//! The superblock: what an encrypted file is, and the slots that open it. It stands twice.
//!
//! A plain checksum tells a torn copy from a whole one before any key is known; an HMAC under a key
//! that derives from the master key tells a forged one from a true one after.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::base::{Code, Error, Random, Result};
use crate::storage::bytes::{Fields, put};
use crate::storage::device::Device;
use crate::storage::keys::{Key, KeyCost, KeyRing};
use crate::storage::slots::{About, SLOT_BYTES, SLOT_COUNT, Slot};

/// Length of a block of the file, in bytes.
pub(super) const BLOCK: usize = 4_096;
/// The first eight bytes of every encrypted file of Guanxi.
const MAGIC: [u8; 8] = *b"\x89GUANXI\n";
/// The newest format that this engine knows.
pub const FORMAT: u32 = 2;
/// XAES-256-GCM.
pub(super) const SUITE: u8 = 1;
/// Groups of one page of entries and 102 pages of data.
const LAYOUT: u8 = 1;

const SLOTS_AT: usize = 64;
const SEAL_AT: usize = BLOCK - 64;
const CHECKSUM_AT: usize = BLOCK - 32;

/// What a file holds; a file of one kind does not open as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// The file `data`.
    Data,
    /// The file `keys`.
    SubjectKeys,
}

impl FileKind {
    fn code(self) -> u8 {
        match self {
            Self::Data => 1,
            Self::SubjectKeys => 2,
        }
    }
}

/// The superblock of a file.
#[derive(Clone)]
pub(super) struct Superblock {
    format: u32,
    kind: FileKind,
    file_id: [u8; 16],
    generation: u64,
    slots: Vec<Slot>,
}

impl Superblock {
    /// The superblock of a new file, with one key in its first slot.
    pub(super) fn new(
        kind: FileKind,
        ring: &KeyRing,
        key: &Key,
        cost: KeyCost,
        random: &dyn Random,
    ) -> Result<Self> {
        let mut slots = vec![Slot::EMPTY; SLOT_COUNT];
        if let Some(first) = slots.first_mut() {
            *first = Slot::wrap(ring, 0, key, cost, &About::default(), random)?;
        }
        Ok(Self { format: FORMAT, kind, file_id: ring.file_id(), generation: 1, slots })
    }

    /// The format that a file says it has, before any key is tried.
    ///
    /// # Errors
    /// [`Code::NotADatabase`], [`Code::NewerFormat`], [`Code::Damaged`], [`Code::Io`].
    pub(super) fn stored_format(device: &dyn Device, kind: FileKind) -> Result<u32> {
        let copies = whole_copies(device, kind)?;
        let damaged = || Error::new(Code::Damaged).rule("superblock");
        copies.first().map(|copy| copy.superblock.format).ok_or_else(damaged)
    }

    /// Says from here on that the file has the newest format.
    pub(super) fn raise_format(&mut self) {
        self.format = FORMAT;
    }

    /// Writes both copies of a file that nobody has seen yet.
    pub(super) fn write_both(&self, device: &dyn Device, ring: &KeyRing) -> Result<()> {
        let block = self.encode(ring);
        device.write_at(0, &block)?;
        device.write_at(BLOCK as u64, &block)?;
        Ok(())
    }

    /// Makes this the superblock of the file: both copies are replaced one after the other, so that a power
    /// cut leaves one of them whole.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub(super) fn store(&mut self, device: &dyn Device, ring: &KeyRing) -> Result<()> {
        self.replace(device, ring, [1, 0])
    }

    fn replace(&mut self, device: &dyn Device, ring: &KeyRing, order: [u64; 2]) -> Result<()> {
        self.generation = self.generation.saturating_add(1);
        let block = self.encode(ring);
        for copy in order {
            device.write_at(copy * BLOCK as u64, &block)?;
            device.sync()?;
        }
        Ok(())
    }

    /// Reads the newest whole copy and opens it. Where the copies differ, because a change of keys was cut
    /// off between them or one is damaged, the one that this key opens becomes both.
    ///
    /// # Errors
    /// [`Code::NotADatabase`], [`Code::NewerFormat`], [`Code::Damaged`], [`Code::WrongKey`], [`Code::Io`].
    pub(super) fn unlock(device: &dyn Device, kind: FileKind, key: &Key) -> Result<(Self, KeyRing)> {
        let mut refusal = Error::new(Code::Damaged).rule("superblock");
        let mut copies = whole_copies(device, kind)?;
        let newest = copies.first().map_or(0, |copy| copy.superblock.generation);
        let agree = matches!(copies.as_slice(), [one, other] if one.block == other.block);
        copies.truncate(if agree { 1 } else { 2 });
        for Copy { mut superblock, block, place } in copies {
            match superblock.open(&block, key) {
                Ok(ring) => {
                    if !agree {
                        superblock.settle(device, &ring, newest, place)?;
                    }
                    return Ok((superblock, ring));
                }
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    /// Makes the copy at a place both copies, newer than any of them.
    fn settle(&mut self, device: &dyn Device, ring: &KeyRing, newest: u64, place: u64) -> Result<()> {
        // What a killed process wrote may be seen and still be lost, so it is made durable before the other
        // copy is overwritten.
        device.sync()?;
        self.generation = newest;
        self.replace(device, ring, [1 - place, place])
    }

    /// The id of a file, which is known before any key is.
    ///
    /// # Errors
    /// As [`Superblock::unlock`], [`Code::WrongKey`] excepted.
    pub(super) fn file_id(device: &dyn Device, kind: FileKind) -> Result<[u8; 16]> {
        let copies = whole_copies(device, kind)?;
        let newest = copies.first().map(|copy| copy.superblock.file_id);
        newest.ok_or_else(|| Error::new(Code::Damaged).rule("superblock"))
    }

    /// Reads the newest whole copy of a file whose master key is at hand.
    ///
    /// # Errors
    /// As [`Superblock::unlock`].
    pub(super) fn verify(device: &dyn Device, kind: FileKind, ring: &KeyRing) -> Result<Self> {
        whole_copies(device, kind)?
            .into_iter()
            .find(|copy| copy.superblock.is_sealed_by(ring, &copy.block))
            .map(|copy| copy.superblock)
            .ok_or_else(|| Error::new(Code::Damaged).rule("superblock"))
    }

    /// The ring that this key opens, if the block is the one that the ring sealed.
    fn open(&self, block: &[u8; BLOCK], key: &Key) -> Result<KeyRing> {
        let (_, master) = self.slot_of(key)?.ok_or_else(|| Error::new(Code::WrongKey))?;
        let ring = KeyRing::new(master, self.file_id);
        if self.is_sealed_by(&ring, block) {
            return Ok(ring);
        }
        Err(Error::new(Code::Damaged).rule("superblock"))
    }

    /// The number of the slot that a key opens, and the master key in it.
    fn slot_of(&self, key: &Key) -> Result<Option<(usize, zeroize::Zeroizing<[u8; 32]>)>> {
        for (number, slot) in self.slots.iter().enumerate() {
            if let Some(master) = slot.unwrap_master(&self.file_id, number, key)? {
                return Ok(Some((number, master)));
            }
        }
        Ok(None)
    }

    fn is_sealed_by(&self, ring: &KeyRing, block: &[u8; BLOCK]) -> bool {
        let (body, tail) = block.split_at(SEAL_AT);
        ring.file_id() == self.file_id
            && tail.first_chunk::<32>().is_some_and(|seal| mac(ring, body).verify_slice(seal).is_ok())
    }

    /// The slots that hold a key, with their numbers.
    pub(super) fn slots(&self) -> impl Iterator<Item = (usize, &Slot)> {
        self.slots.iter().enumerate().filter(|(_, slot)| !slot.is_empty())
    }

    /// How often it was rewritten.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// The number of the slot that a key opens.
    ///
    /// # Errors
    /// [`Code::WrongKey`] where no slot has this key.
    pub(super) fn number_of(&self, key: &Key) -> Result<usize> {
        self.slot_of(key)?.map(|(number, _)| number).ok_or_else(|| Error::new(Code::WrongKey))
    }

    /// The number of a slot that holds no key.
    ///
    /// # Errors
    /// [`Code::LimitExceeded`] where all slots are taken.
    pub(super) fn free_number(&self) -> Result<usize> {
        let free = self.slots.iter().position(Slot::is_empty);
        free.ok_or_else(|| Error::new(Code::LimitExceeded).field("key").rule("8 key slots"))
    }

    /// Puts a slot in the place of another one. Nothing is written yet.
    pub(super) fn put_slot(&mut self, number: usize, slot: Slot) {
        if let Some(place) = self.slots.get_mut(number) {
            *place = slot;
        }
    }

    /// Empties a slot. The last key stays. Nothing is written yet.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for the last key, or a slot without one.
    pub(super) fn clear_slot(&mut self, number: usize) -> Result<Slot> {
        let refused = |field, rule| Error::new(Code::InvalidArgument).field(field).rule(rule);
        let holds_key = |(place, _): &(usize, &Slot)| *place == number;
        if !self.slots().any(|slot| holds_key(&slot)) {
            return Err(refused("slot", "the number of a slot that holds a key"));
        }
        if self.slots().count() < 2 {
            return Err(refused("key", "the last key stays"));
        }
        let place = self.slots.get_mut(number).ok_or_else(|| Error::new(Code::Panic))?;
        Ok(std::mem::replace(place, Slot::EMPTY))
    }

    fn encode(&self, ring: &KeyRing) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        put(&mut block, 0, &MAGIC);
        put(&mut block, 8, &self.format.to_be_bytes());
        put(&mut block, 12, &[SUITE, LAYOUT, self.kind.code(), 0]);
        put(&mut block, 16, &self.file_id);
        put(&mut block, 32, &self.generation.to_be_bytes());
        for (number, slot) in self.slots.iter().enumerate() {
            put(&mut block, SLOTS_AT + number * SLOT_BYTES, slot.as_bytes());
        }
        let seal = mac(ring, block.split_at(SEAL_AT).0).finalize().into_bytes();
        put(&mut block, SEAL_AT, &seal);
        let checksum = Sha256::digest(block.split_at(CHECKSUM_AT).0);
        put(&mut block, CHECKSUM_AT, &checksum);
        block
    }

    /// Reads a block that begins with the magic; `None` where its checksum is wrong.
    fn decode(block: &[u8; BLOCK], kind: FileKind) -> Result<Option<Self>> {
        let (body, checksum) = block.split_at(CHECKSUM_AT);
        if Sha256::digest(body).as_slice() != checksum {
            return Ok(None);
        }
        let mut fields = Fields::of(body);
        let head = (fields.array::<8>(), fields.u32(), fields.array::<4>(), fields.array(), fields.u64());
        let (_, Some(format), Some(nature), Some(file_id), Some(generation)) = head else { return Ok(None) };
        let [suite, layout, stored_kind, _] = nature;
        if format > FORMAT || suite != SUITE || layout != LAYOUT {
            return Err(Error::new(Code::NewerFormat).rule(&format!("format {format}, suite {suite}")));
        }
        if stored_kind != kind.code() {
            return Err(Error::new(Code::NotADatabase).rule("another kind of file"));
        }
        let (_, slots) = body.split_at(SLOTS_AT);
        let slots = slots.as_chunks::<SLOT_BYTES>().0;
        let slots = slots.iter().take(SLOT_COUNT).map(|bytes| Slot::from_bytes(*bytes)).collect();
        Ok(Some(Self { format, kind, file_id, generation, slots }))
    }

    /// The block as it stands on the device, for a backup to carry.
    pub(super) fn export(&self, ring: &KeyRing) -> [u8; BLOCK] {
        self.encode(ring)
    }

    /// The id of the file whose superblock this is.
    pub(super) fn id(&self) -> [u8; 16] {
        self.file_id
    }

    /// Reads a block that a backup carries; nothing of it is trusted until a key or a ring has opened it.
    ///
    /// # Errors
    /// [`Code::Damaged`], [`Code::NewerFormat`].
    pub(super) fn import(block: &[u8; BLOCK], kind: FileKind) -> Result<Self> {
        let copy = if block.starts_with(&MAGIC) { Self::decode(block, kind)? } else { None };
        copy.ok_or_else(|| Error::new(Code::Damaged).rule("superblock"))
    }

    /// The ring that a key opens in a block that a backup carries.
    ///
    /// # Errors
    /// [`Code::WrongKey`], [`Code::Damaged`].
    pub(super) fn unlock_block(&self, block: &[u8; BLOCK], key: &Key) -> Result<KeyRing> {
        self.open(block, key)
    }

    /// Whether a ring sealed a block that a backup carries.
    pub(super) fn is_block_of(&self, ring: &KeyRing, block: &[u8; BLOCK]) -> bool {
        self.is_sealed_by(ring, block)
    }
}

fn mac(ring: &KeyRing, body: &[u8]) -> Hmac<Sha256> {
    let key = ring.derive("superblock");
    let mut block = zeroize::Zeroizing::new([0_u8; 64]);
    // HMAC pads a key shorter than its block of 64 bytes with zeros (RFC 2104 §2).
    put(block.as_mut_slice(), 0, key.as_slice());
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(body);
    mac
}

/// A copy of the superblock whose checksum is right.
struct Copy {
    superblock: Superblock,
    block: [u8; BLOCK],
    /// Which of the two it is, 0 or 1.
    place: u64,
}

/// The copies whose checksum is right, newest first.
fn whole_copies(device: &dyn Device, kind: FileKind) -> Result<Vec<Copy>> {
    let mut blocks = Vec::new();
    for place in 0..2_u64 {
        let mut block = [0; BLOCK];
        match device.read_at(place * BLOCK as u64, &mut block) {
            Ok(()) => blocks.push((place, block)),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error.into()),
        }
    }
    blocks.retain(|(_, block)| block.starts_with(&MAGIC));
    if blocks.is_empty() {
        return Err(no_superblock(device)?);
    }
    let mut copies = Vec::new();
    for (place, block) in blocks {
        if let Some(superblock) = Superblock::decode(&block, kind)? {
            copies.push(Copy { superblock, block, place });
        }
    }
    copies.sort_by_key(|copy| std::cmp::Reverse(copy.superblock.generation));
    Ok(copies)
}

/// Tells a file of ours that was cut inside of its first block from a file of somebody else.
fn no_superblock(device: &dyn Device) -> Result<Error> {
    let mut start = [0; MAGIC.len()];
    let ours = device.read_at(0, &mut start).is_ok() && start == MAGIC;
    Ok(Error::new(if ours { Code::Damaged } else { Code::NotADatabase }))
}
