//! Seals one value under one key: a message that carries its nonce and opens only with the same
//! associated data. Ledger values and the keys of data subjects lie on disk in this form.

use zeroize::Zeroizing;

use crate::base::{Code, Error, Random, Result};
use crate::storage::bytes::Fields;
use crate::storage::xaes::{NONCE_BYTES, TAG_BYTES, Xaes};

/// XAES-256-GCM, nonce in front, tag behind.
const VERSION: u8 = 1;
/// By how much a sealed value is longer than its plain text, in bytes.
pub const SEALING_OVERHEAD: usize = 1 + NONCE_BYTES + TAG_BYTES;

/// Seals a value: version byte, 24 random bytes of nonce, ciphertext, 16 bytes of tag.
#[must_use]
#[expect(clippy::expect_used, reason = "AES-GCM refuses only texts above 64 GiB, which memory does not hold")]
pub fn seal(key: &[u8; 32], aad: &[u8], plain: &[u8], random: &dyn Random) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce);
    let mut sealed = Vec::with_capacity(plain.len() + SEALING_OVERHEAD);
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let text = sealed.get_mut(1 + NONCE_BYTES..).unwrap_or_default();
    let tag = Xaes::new(key).seal(&nonce, aad, text).expect("a value is shorter than 64 GiB");
    sealed.extend_from_slice(&tag);
    sealed
}

/// Opens a sealed value.
///
/// # Errors
/// [`Code::NewerFormat`] for a version that is not known here; [`Code::Damaged`] where the bytes are
/// not what was sealed under this key with this associated data.
pub fn unseal(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    if sealed.first().is_some_and(|version| *version != VERSION) {
        return Err(Error::new(Code::NewerFormat).rule("sealed value"));
    }
    let damaged = || Error::new(Code::Damaged).rule("sealed value");
    let (nonce, text, tag) = split(sealed).ok_or_else(damaged)?;
    let mut plain = Zeroizing::new(text.to_vec());
    Xaes::new(key).open(&nonce, aad, &mut plain, &tag).map_err(|error| damaged().because(error))?;
    Ok(plain)
}

fn split(sealed: &[u8]) -> Option<([u8; NONCE_BYTES], &[u8], [u8; TAG_BYTES])> {
    let mut fields = Fields::of(sealed);
    let _version = fields.array::<1>()?;
    let nonce = fields.array()?;
    let (text, tag) = fields.rest().split_last_chunk()?;
    Some((nonce, text, *tag))
}
