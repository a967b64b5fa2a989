//! The recovery key: 160 random bits that are shown once, written down, and told from a slip of the pen.
//!
//! The alphabet is Crockford's base32 (crockford.com/base32.html), which has no I, L, O and U: the first
//! three are read as the digits that they look like, the last one is refused. Behind the 32 characters of
//! the key stand four of a check, so that one wrong text in a million passes as a key.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::base::{Code, Error, Random, Result};
use crate::storage::keys::Key;

/// Length of a recovery key in bytes.
pub(super) const RECOVERY_BYTES: usize = 20;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of the key, five bits each.
const KEY_CHARACTERS: usize = 32;
/// Characters of the check.
const CHECK_CHARACTERS: usize = 4;
/// Characters between two hyphens.
const GROUP: usize = 6;
/// Separates the check from every other use of the hash.
const CHECK_DOMAIN: &[u8] = b"guanxi.recovery-key.v1";

/// A recovery key, as it is made. It prints nothing of itself; [`RecoveryKey::reveal`] does. Wiped on drop.
#[derive(Clone)]
pub struct RecoveryKey(Zeroizing<[u8; RECOVERY_BYTES]>);

impl RecoveryKey {
    /// A new key of 160 random bits.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; RECOVERY_BYTES]);
        random.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The text to write down: six groups of six characters with hyphens between them. This is the only
    /// way to it; whoever has the text has the database.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let check = check_of(&self.0);
        let values = fives(self.0.as_slice()).chain(fives(check.as_slice()).take(CHECK_CHARACTERS));
        // With the room for everything from the start, growing leaves no copy behind.
        let mut text = Zeroizing::new(String::with_capacity((KEY_CHARACTERS + CHECK_CHARACTERS) * 2));
        for (place, value) in values.enumerate() {
            if place > 0 && place % GROUP == 0 {
                text.push('-');
            }
            text.push(ALPHABET.get(usize::from(value)).copied().map_or('0', char::from));
        }
        text
    }

    /// The key that opens.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::recovered(self.0.clone())
    }

    /// Reads what [`RecoveryKey::reveal`] gave and a person typed.
    ///
    /// # Errors
    /// `input.invalid_argument` naming what is wrong with the text.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let refused = |rule| Error::new(Code::InvalidArgument).field("key").rule(rule);
        let written = text.chars().filter(|character| !matches!(character, '-' | ' ' | '\t' | '\r' | '\n'));
        // With room for one more than there should be, growing leaves no copy behind.
        let mut values = Zeroizing::new(Vec::with_capacity(KEY_CHARACTERS + CHECK_CHARACTERS + 1));
        for character in written.take(KEY_CHARACTERS + CHECK_CHARACTERS + 1) {
            let rule = "a recovery key has digits, and letters without I, L, O, U";
            values.push(value_of(character).ok_or_else(|| refused(rule))?);
        }
        let (key, check) = values
            .split_first_chunk::<KEY_CHARACTERS>()
            .filter(|(_, check)| check.len() == CHECK_CHARACTERS)
            .ok_or_else(|| refused("a recovery key has six groups of six characters"))?;
        let mut bytes = Zeroizing::new([0; RECOVERY_BYTES]);
        // Eight characters of five bits are five bytes.
        for (target, eight) in bytes.chunks_mut(5).zip(key.chunks(8)) {
            let mut bits = eight.iter().fold(0_u64, |bits, value| (bits << 5) | u64::from(*value));
            for byte in target.iter_mut().rev() {
                *byte = u8::try_from(bits & 0xFF).unwrap_or(0);
                bits >>= 8;
            }
            bits.zeroize();
        }
        if fives(check_of(&bytes).as_slice()).take(CHECK_CHARACTERS).eq(check.iter().copied()) {
            Ok(Self(bytes))
        } else {
            Err(refused("the check of the recovery key: a character is wrong"))
        }
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RecoveryKey(..)")
    }
}

/// The first bytes of the hash of a key.
fn check_of(key: &[u8; RECOVERY_BYTES]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(Sha256::new().chain_update(CHECK_DOMAIN).chain_update(key).finalize().into())
}

/// The bits in fives, the most significant first. Five bytes are eight of them; a rest is left out.
fn fives(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.as_chunks::<5>().0.iter().flat_map(|[a, b, c, d, e]| {
        let bits = u64::from_be_bytes([0, 0, 0, *a, *b, *c, *d, *e]);
        (0..8_u32).rev().map(move |place| u8::try_from((bits >> (place * 5)) & 31).unwrap_or(0))
    })
}

fn value_of(character: char) -> Option<u8> {
    let read = match character.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    };
    let place = ALPHABET.iter().position(|known| char::from(*known) == read)?;
    u8::try_from(place).ok()
}
