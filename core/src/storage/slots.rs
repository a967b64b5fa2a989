//! Key slots: each wraps the one master key of a file under a passphrase, a key of the host or a
//! recovery key, and bears a short label and the moment when the key came.

use zeroize::Zeroizing;

use crate::base::{Code, Error, Random, Result, Timestamp};
use crate::storage::bytes::{Fields, put};
use crate::storage::keys::{Key, KeyCost, KeyKind, KeyRing};
use crate::storage::xaes::{NONCE_BYTES, TAG_BYTES, Xaes};

/// Length of one slot on disk, in bytes.
pub(super) const SLOT_BYTES: usize = 128;
/// Slots of one file.
pub(super) const SLOT_COUNT: usize = 8;
/// Longest label, in bytes of UTF-8.
pub(super) const LABEL_BYTES: usize = 15;

/// Bytes of a slot that say how its wrapping key is made: kind, cost, salt.
const PARAMETER_BYTES: usize = 32;
/// Where label and moment stand: the end of the slot.
const ABOUT_AT: usize = 104;
/// Length of moment (8), label (15) and a zero.
const ABOUT_BYTES: usize = SLOT_BYTES - ABOUT_AT;

/// One slot as it stands on disk.
#[derive(Clone)]
pub(super) struct Slot([u8; SLOT_BYTES]);

/// What people are told of a slot: it has no part in opening.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct About {
    /// At most [`LABEL_BYTES`] bytes; empty for none.
    pub(super) label: String,
    /// When the key came.
    pub(super) created_at: Option<Timestamp>,
}

impl About {
    /// A slot without a label that is made now.
    pub(super) fn at(moment: Timestamp) -> Self {
        Self { created_at: Some(moment), ..Self::default() }
    }

    /// Refuses what does not fit a slot.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] naming `label`.
    pub(super) fn check(&self) -> Result<()> {
        if self.label.len() <= LABEL_BYTES && !self.label.contains(char::is_control) {
            return Ok(());
        }
        let rule = "at most 15 bytes of UTF-8 without control characters";
        Err(Error::new(Code::InvalidArgument).field("label").rule(rule))
    }

    fn encode(&self) -> [u8; ABOUT_BYTES] {
        let mut bytes = [0; ABOUT_BYTES];
        let micros = self.created_at.map_or(0, Timestamp::micros);
        put(&mut bytes, 0, &micros.to_be_bytes());
        put(&mut bytes, 8, self.label.as_bytes());
        bytes
    }

    /// Zeros are no moment and no label, as slots had none at first.
    fn decode(bytes: &[u8; ABOUT_BYTES]) -> Self {
        let mut fields = Fields::of(bytes);
        let micros = fields.array().map_or(0, i64::from_be_bytes);
        let label = fields.array::<LABEL_BYTES>().unwrap_or_default();
        let label: Vec<u8> = label.into_iter().take_while(|byte| *byte != 0).collect();
        Self {
            label: String::from_utf8_lossy(&label).into_owned(),
            created_at: (micros != 0).then(|| Timestamp::from_micros(micros)),
        }
    }
}

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

    /// What its key is made of.
    pub(super) fn kind(&self) -> KeyKind {
        kind_of(self.0.first().copied().unwrap_or_default())
    }

    /// What it costs to try a passphrase on it; zeros for the other kinds.
    pub(super) fn cost(&self) -> KeyCost {
        Stored::read(&self.0).map_or(NO_COST, |stored| stored.cost)
    }

    /// Label and moment.
    pub(super) fn about(&self) -> About {
        self.0.last_chunk().map(About::decode).unwrap_or_default()
    }

    /// Wraps a ring's master key for slot `number`.
    pub(super) fn wrap(
        ring: &KeyRing,
        number: usize,
        key: &Key,
        cost: KeyCost,
        about: &About,
        random: &dyn Random,
    ) -> Result<Self> {
        key.check()?;
        about.check()?;
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let wrapping = key.wrapping_key(&salt, cost)?;
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce);

        let parameters = encode_parameters(key.kind(), cost, &salt);
        let about = about.encode();
        let mut wrapped = ring.master().clone();
        let associated = associated(&ring.file_id(), number, &parameters, &about);
        let tag = Xaes::new(&wrapping)
            .seal(&nonce, &associated, wrapped.as_mut_slice())
            .map_err(|error| Error::new(Code::LimitExceeded).because(error))?;

        let mut slot = [0; SLOT_BYTES];
        put(&mut slot, 0, &parameters);
        put(&mut slot, PARAMETER_BYTES, &nonce);
        put(&mut slot, PARAMETER_BYTES + NONCE_BYTES, wrapped.as_slice());
        put(&mut slot, PARAMETER_BYTES + NONCE_BYTES + 32, &tag);
        put(&mut slot, ABOUT_AT, &about);
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
        let parameters = self.0.first_chunk().copied().unwrap_or([0; PARAMETER_BYTES]);
        let opened = Xaes::new(&wrapping).open(
            &stored.nonce,
            &associated(file_id, number, &parameters, &stored.about),
            master.as_mut_slice(),
            &stored.tag,
        );
        Ok(opened.ok().map(|()| master))
    }
}

/// What a slot of another kind than a passphrase says of its cost.
const NO_COST: KeyCost = KeyCost { memory_kib: 0, passes: 0, lanes: 0 };

fn kind_of(byte: u8) -> KeyKind {
    match byte {
        1 => KeyKind::Passphrase,
        2 => KeyKind::Raw,
        3 => KeyKind::Recovery,
        _ => KeyKind::Unknown,
    }
}

/// A slot's fields.
struct Stored {
    kind: KeyKind,
    cost: KeyCost,
    salt: [u8; 16],
    nonce: [u8; NONCE_BYTES],
    wrapped: [u8; 32],
    tag: [u8; TAG_BYTES],
    about: [u8; ABOUT_BYTES],
}

impl Stored {
    /// Reads a slot; `None` where it is empty or of a kind that is not known here.
    fn read(bytes: &[u8; SLOT_BYTES]) -> Option<Self> {
        let mut fields = Fields::of(bytes);
        let [kind, ..] = fields.array::<4>()?;
        let kind = Some(kind_of(kind)).filter(|kind| *kind != KeyKind::Unknown)?;
        let cost = KeyCost { memory_kib: fields.u32()?, passes: fields.u32()?, lanes: fields.u32()? };
        Some(Self {
            kind,
            cost,
            salt: fields.array()?,
            nonce: fields.array()?,
            wrapped: fields.array()?,
            tag: fields.array()?,
            about: fields.array()?,
        })
    }
}

/// Kind, cost and salt. Only a passphrase has a cost; that of the other kinds is zeros.
fn encode_parameters(kind: KeyKind, cost: KeyCost, salt: &[u8; 16]) -> [u8; PARAMETER_BYTES] {
    let mut bytes = [0; PARAMETER_BYTES];
    let (code, cost) = match kind {
        KeyKind::Passphrase => (1, cost),
        KeyKind::Raw => (2, NO_COST),
        KeyKind::Recovery => (3, NO_COST),
        KeyKind::Unknown => (0, NO_COST),
    };
    put(&mut bytes, 0, &[code]);
    put(&mut bytes, 4, &cost.memory_kib.to_be_bytes());
    put(&mut bytes, 8, &cost.passes.to_be_bytes());
    put(&mut bytes, 12, &cost.lanes.to_be_bytes());
    put(&mut bytes, 16, salt);
    bytes
}

/// What the wrapping authenticates beside the key: file, number of the slot, its parameters, and label
/// and moment for the kind that came with them. The first two kinds leave those to the seal of the whole
/// block, so that an engine that knows no labels still opens them.
fn associated(
    file_id: &[u8; 16],
    number: usize,
    parameters: &[u8; PARAMETER_BYTES],
    about: &[u8; ABOUT_BYTES],
) -> Vec<u8> {
    let number = u8::try_from(number).unwrap_or(u8::MAX);
    let covers_about = parameters.first() == Some(&3);
    let about = about.iter().copied().filter(|_| covers_about);
    file_id.iter().copied().chain([number]).chain(*parameters).chain(about).collect()
}
