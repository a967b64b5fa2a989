//! Keys: what a caller opens a database with, and the ring of sub-keys that follows from it.
//!
//! Wiped when they are done with: passphrases, raw and recovery keys, wrapping keys, the memory of Argon2id,
//! master keys, sub-keys, keys of persons and of files, key schedules of AES, and texts that were unsealed.
//! Not wiped: copies that the compiler makes on the stack and in registers, the inner states of HMAC and
//! SHA-256, pages in clear in the cache of redb, and whatever the host keeps, such as JSON that it passes
//! to a method, its environment and its terminal. Memory is not locked, so the system may swap it out.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::base::{Code, Error, Random, Result};
use crate::storage::recovery::{RECOVERY_BYTES, RecoveryKey};

/// Largest memory that a stored slot may ask for, in KiB, so that a forged file cannot exhaust a host.
const MAX_MEMORY_KIB: u32 = 1 << 20;
/// Most passes that a stored slot may ask for.
const MAX_PASSES: u32 = 64;
/// Most lanes that a stored slot may ask for.
const MAX_LANES: u32 = 16;

/// What opens a database: a passphrase, 32 bytes that the host keeps, or a recovery key. Wiped on drop.
#[derive(Clone)]
pub struct Key(Secret);

#[derive(Clone)]
enum Secret {
    Passphrase(Zeroizing<String>),
    Raw(Zeroizing<[u8; 32]>),
    Recovery(Zeroizing<[u8; RECOVERY_BYTES]>),
}

/// What a key is made of, and so how the key that wraps its slot is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyKind {
    /// Words, stretched by Argon2id.
    Passphrase,
    /// 32 bytes of the host, through HKDF.
    Raw,
    /// 160 random bits that somebody wrote down, through HKDF.
    Recovery,
    /// Something that a newer version knows.
    Unknown,
}

impl KeyKind {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::Raw => "raw",
            Self::Recovery => "recovery",
            Self::Unknown => "unknown",
        }
    }
}

/// Which database asks for its key. It is no secret, and stays the same for as long as the file lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseIdentity([u8; 16]);

impl DatabaseIdentity {
    /// The identity with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The random id of the file `data`.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for DatabaseIdentity {
    /// 32 lower-case hexadecimal digits, fit for the name of an entry in a key store.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Gives a database its key when it is opened, so that a host can keep keys in its system's key store
/// (the keychain, the Credential Manager, the Secret Service, a KMS) under the database's identity.
pub trait KeyProvider: Send + Sync {
    /// The key of a database.
    ///
    /// # Errors
    /// Whatever keeps the host from giving it; the open fails with that error.
    fn key(&self, database: &DatabaseIdentity) -> Result<Key>;
}

impl Key {
    /// A passphrase, in Unicode form C so that the same words typed on another system open the same
    /// database (RFC 8265 §4.2.2).
    #[must_use]
    pub fn from_passphrase(passphrase: &str) -> Self {
        // Form C takes at most three times the bytes (UAX #15), and a text that does not grow leaves no copy.
        let mut words = Zeroizing::new(String::with_capacity(passphrase.len().saturating_mul(3)));
        words.extend(passphrase.nfc());
        Self(Secret::Passphrase(words))
    }

    /// 32 bytes of full entropy, from the host's own key store.
    #[must_use]
    pub fn raw(bytes: [u8; 32]) -> Self {
        Self(Secret::Raw(Zeroizing::new(bytes)))
    }

    /// A recovery key as it was shown: small and capital letters, spaces and hyphens do not matter, and
    /// the letters that Crockford's base32 leaves out are read as the digits that they look like.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] naming `key` where a letter is missing or wrong: the text has a check of
    /// its own, so a slip of the pen is told before any database is asked.
    pub fn recovery(text: &str) -> Result<Self> {
        Ok(RecoveryKey::read(text)?.key())
    }

    /// The 160 bits of a recovery key.
    pub(super) fn recovered(bytes: Zeroizing<[u8; RECOVERY_BYTES]>) -> Self {
        Self(Secret::Recovery(bytes))
    }

    /// A key that derives from another file's ring.
    pub(super) fn derived(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Secret::Raw(bytes))
    }

    /// What it is made of.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        match &self.0 {
            Secret::Passphrase(_) => KeyKind::Passphrase,
            Secret::Raw(_) => KeyKind::Raw,
            Secret::Recovery(_) => KeyKind::Recovery,
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
            Secret::Recovery(bytes) => Ok(expand(salt, bytes.as_slice(), "recovery slot")),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({})", self.kind().name())
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

    /// 32 bytes from words at this cost.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a cost out of bounds.
    pub(crate) fn stretch(self, words: &[u8], salt: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>> {
        let params = self.params()?;
        let mut memory = Zeroizing::new(vec![argon2::Block::default(); params.block_count()]);
        let mut key = Zeroizing::new([0; 32]);
        argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
            .hash_password_into_with_memory(words, salt, key.as_mut_slice(), memory.as_mut_slice())
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
#[derive(Clone, PartialEq, Eq)]
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

    /// Another master key for the file of an id.
    pub(super) fn draw_for(random: &dyn Random, file_id: [u8; 16]) -> Self {
        Self { file_id, ..Self::draw(random) }
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
