//! Key slots: each wraps the one master key of a file under a passphrase or a key of the host.

use zeroize::Zeroizing;

use crate::base::{Code, Error, Random, Result};
use crate::storage::bytes::{Fields, put};
use crate::storage::keys::{Key, KeyCost, KeyRing, SlotKind};
use crate::storage::xaes::{NONCE_BYTES, TAG_BYTES, Xaes};

/// Length of one slot on disk, in bytes.
pub(super) const SLOT_BYTES: usize = 128;
/// Slots of one file.
pub(super) const SLOT_COUNT: usize = 8;

/// Bytes of a slot that say how its wrapping key is made: kind, cost, salt.
const PARAMETER_BYTES: usize = 32;

/// One slot as it stands on disk.
#[derive(Clone)]
pub(super) struct Slot([u8; SLOT_BYTES]);

impl Slot {
    /// A slot that no key opens.
    pub(super) const EMPTY: Self = Self([0; SLOT_BYTES]);

    /// The slot with these bytes.
    pub(super) fn from_bytes(bytes: [u8; SLOT_BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub(super) fn as_bytes(&self) -> &[u8; SLOT_BYTES] {
        &self.0
    }

    /// Whether no key is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.first() == Some(&0)
    }

    /// Wraps a ring's master key for slot `number`.
    pub(super) fn wrap(
        ring: &KeyRing,
        number: usize,
        key: &Key,
        cost: KeyCost,
        random: &dyn Random,
    ) -> Result<Self> {
        key.check()?;
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let wrapping = key.wrapping_key(&salt, cost)?;
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce);

        let parameters = encode_parameters(key.kind(), cost, &salt);
        let mut wrapped = ring.master().clone();
        let tag = Xaes::new(&wrapping)
            .seal(&nonce, &associated(&ring.file_id(), number, &parameters), wrapped.as_mut_slice())
            .map_err(|error| Error::new(Code::LimitExceeded).because(error))?;

        let mut slot = [0; SLOT_BYTES];
        put(&mut slot, 0, &parameters);
        put(&mut slot, PARAMETER_BYTES, &nonce);
        put(&mut slot, PARAMETER_BYTES + NONCE_BYTES, wrapped.as_slice());
        put(&mut slot, PARAMETER_BYTES + NONCE_BYTES + 32, &tag);
        Ok(Self(slot))
    }

    /// The master key, if this key opens this slot.
    ///
    /// # Errors
    /// [`Code::Damaged`] where the stored cost is none that the engine writes.
    pub(super) fn unwrap_master(
        &self,
        file_id: &[u8; 16],
        number: usize,
        key: &Key,
    ) -> Result<Option<Zeroizing<[u8; 32]>>> {
        let Some(stored) = Stored::read(&self.0) else { return Ok(None) };
        if stored.kind != key.kind() {
            return Ok(None);
        }
        let wrapping = key
            .wrapping_key(&stored.salt, stored.cost)
            .map_err(|error| Error::new(Code::Damaged).rule("key slot").because(error))?;
        let mut master = Zeroizing::new(stored.wrapped);
        let parameters = encode_parameters(stored.kind, stored.cost, &stored.salt);
        let opened = Xaes::new(&wrapping).open(
            &stored.nonce,
            &associated(file_id, number, &parameters),
            master.as_mut_slice(),
            &stored.tag,
        );
        Ok(opened.ok().map(|()| master))
    }
}

/// A slot's fields.
struct Stored {
    kind: SlotKind,
    cost: KeyCost,
    salt: [u8; 16],
    nonce: [u8; NONCE_BYTES],
    wrapped: [u8; 32],
    tag: [u8; TAG_BYTES],
}

impl Stored {
    /// Reads a slot; `None` where it is empty or of a kind that is not known here.
    fn read(bytes: &[u8; SLOT_BYTES]) -> Option<Self> {
        let mut fields = Fields::of(bytes);
        let kind = match fields.array::<4>()? {
            [1, ..] => SlotKind::Passphrase,
            [2, ..] => SlotKind::Raw,
            _ => return None,
        };
        let cost = KeyCost { memory_kib: fields.u32()?, passes: fields.u32()?, lanes: fields.u32()? };
        Some(Self {
            kind,
            cost,
            salt: fields.array()?,
            nonce: fields.array()?,
            wrapped: fields.array()?,
            tag: fields.array()?,
        })
    }
}

/// Kind, cost and salt. A raw key has no cost, so its cost is zeros.
fn encode_parameters(kind: SlotKind, cost: KeyCost, salt: &[u8; 16]) -> [u8; PARAMETER_BYTES] {
    let mut bytes = [0; PARAMETER_BYTES];
    match kind {
        SlotKind::Passphrase => {
            put(&mut bytes, 0, &[1]);
            put(&mut bytes, 4, &cost.memory_kib.to_be_bytes());
            put(&mut bytes, 8, &cost.passes.to_be_bytes());
            put(&mut bytes, 12, &cost.lanes.to_be_bytes());
        }
        SlotKind::Raw => put(&mut bytes, 0, &[2]),
    }
    put(&mut bytes, 16, salt);
    bytes
}

/// What the wrapping authenticates beside the key: file, number of the slot and its parameters.
fn associated(file_id: &[u8; 16], number: usize, parameters: &[u8; PARAMETER_BYTES]) -> Vec<u8> {
    let number = u8::try_from(number).unwrap_or(u8::MAX);
    file_id.iter().copied().chain([number]).chain(*parameters).collect()
}
