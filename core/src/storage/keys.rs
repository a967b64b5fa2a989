//! Keys: what a caller opens a database with, and the ring of sub-keys that follows from it.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::base::{Code, Error, Random, Result, normalize};

/// Largest memory that a stored slot may ask for, in KiB, so that a forged file cannot exhaust a host.
const MAX_MEMORY_KIB: u32 = 1 << 20;
/// Most passes that a stored slot may ask for.
const MAX_PASSES: u32 = 64;
/// Most lanes that a stored slot may ask for.
const MAX_LANES: u32 = 16;

/// What opens a database: a passphrase, or 32 bytes that the host keeps. Wiped on drop.
#[derive(Clone)]
pub struct Key(Secret);

#[derive(Clone)]
enum Secret {
    Passphrase(Zeroizing<String>),
    Raw(Zeroizing<[u8; 32]>),
}

/// How a slot's wrapping key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlotKind {
    /// By Argon2id from a passphrase.
    Passphrase,
    /// By HKDF from 32 bytes of the host.
    Raw,
}

impl Key {
    /// A passphrase, in Unicode form C so that the same words typed on another system open the same
    /// database (RFC 8265 §4.2.2).
    #[must_use]
    pub fn from_passphrase(passphrase: &str) -> Self {
        Self(Secret::Passphrase(Zeroizing::new(normalize(passphrase))))
    }

    /// 32 bytes of full entropy, from the host's own key store.
    #[must_use]
    pub fn raw(bytes: [u8; 32]) -> Self {
        Self(Secret::Raw(Zeroizing::new(bytes)))
    }

    /// A key that derives from another file's ring.
    pub(super) fn derived(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Secret::Raw(bytes))
    }

    pub(super) fn kind(&self) -> SlotKind {
        match &self.0 {
            Secret::Passphrase(_) => SlotKind::Passphrase,
            Secret::Raw(_) => SlotKind::Raw,
        }
    }

    /// Refuses a passphrase without characters, which nobody sets on purpose.
    pub(super) fn check(&self) -> Result<()> {
        match &self.0 {
            Secret::Passphrase(words) if words.is_empty() => {
                Err(Error::new(Code::InvalidArgument).field("key").rule("a passphrase is not empty"))
            }
            _ => Ok(()),
        }
    }

    /// The key that wraps the master key in one slot.
    pub(super) fn wrapping_key(&self, salt: &[u8; 16], cost: KeyCost) -> Result<Zeroizing<[u8; 32]>> {
        match &self.0 {
            Secret::Passphrase(words) => cost.stretch(words.as_bytes(), salt),
            Secret::Raw(bytes) => Ok(expand(salt, bytes.as_slice(), "slot")),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.0 {
            Secret::Passphrase(_) => "Key(passphrase)",
            Secret::Raw(_) => "Key(raw)",
        })
    }
}

/// What it costs to try one passphrase, by Argon2id (RFC 9106). Stored beside each passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl KeyCost {
    /// 64 MiB, 3 passes, 1 lane: the second recommended choice of RFC 9106 §4 with one lane, about
    /// 0.2 s on a desktop.
    pub const DESKTOP: Self = Self { memory_kib: 64 * 1_024, passes: 3, lanes: 1 };
    /// 19 MiB, 2 passes, 1 lane: the least that OWASP's password storage cheat sheet accepts, for phones.
    pub const PHONE: Self = Self { memory_kib: 19 * 1_024, passes: 2, lanes: 1 };

    /// The parameters as argon2 takes them, within bounds that keep a forged file from hurting.
    fn params(self) -> Result<argon2::Params> {
        let bounded =
            self.memory_kib <= MAX_MEMORY_KIB && self.passes <= MAX_PASSES && self.lanes <= MAX_LANES;
        let refused = || Error::new(Code::InvalidArgument).field("key_cost").rule("Argon2id parameters");
        if !bounded {
            return Err(refused());
        }
        argon2::Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(|_| refused())
    }

    fn stretch(self, words: &[u8], salt: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>> {
        let mut key = Zeroizing::new([0; 32]);
        argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, self.params()?)
            .hash_password_into(words, salt, key.as_mut_slice())
            .map_err(|_| Error::new(Code::InvalidArgument).field("key").rule("Argon2id"))?;
        Ok(key)
    }
}

impl Default for KeyCost {
    fn default() -> Self {
        Self::DESKTOP
    }
}

/// The master key of one file and everything that derives from it. Wiped on drop.
#[derive(Clone)]
pub struct KeyRing {
    master: Zeroizing<[u8; 32]>,
    file_id: [u8; 16],
}

impl KeyRing {
    /// The ring over a master key that was unwrapped from a slot.
    pub(super) fn new(master: Zeroizing<[u8; 32]>, file_id: [u8; 16]) -> Self {
        Self { master, file_id }
    }

    /// A ring of its own for a new file.
    pub(super) fn draw(random: &dyn Random) -> Self {
        let (mut master, mut file_id) = (Zeroizing::new([0; 32]), [0; 16]);
        random.fill(master.as_mut_slice());
        random.fill(&mut file_id);
        Self { master, file_id }
    }

    /// The sub-key for a purpose: HKDF-SHA256 (RFC 5869) with the file's id as salt and the purpose
    /// as info. The same purpose gives the same key for as long as the file lives.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        expand(&self.file_id, self.master.as_slice(), purpose)
    }

    /// The random id of the file, which is not secret.
    #[must_use]
    pub fn file_id(&self) -> [u8; 16] {
        self.file_id
    }

    pub(super) fn master(&self) -> &Zeroizing<[u8; 32]> {
        &self.master
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyRing(..)")
    }
}

/// 32 bytes by HKDF-SHA256.
#[expect(clippy::expect_used, reason = "HKDF refuses only lengths above 255 hashes, and 32 bytes are one")]
pub(super) fn expand(salt: &[u8], secret: &[u8], purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), secret)
        .expand(purpose.as_bytes(), key.as_mut_slice())
        .expect("32 bytes are within the length of HKDF-SHA256");
    key
}
