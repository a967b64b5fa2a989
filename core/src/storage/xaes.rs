//! XAES-256-GCM: AES-256-GCM with a nonce of 192 bits, as specified by C2SP (c2sp.org/XAES-256-GCM).
//!
//! A key and the first half of the nonce give a subkey, the second half is the nonce of plain
//! AES-256-GCM under it. So random nonces do not run out, and a caller that keeps the first half for
//! a while pays for the derivation once.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

/// Length of a nonce in bytes.
pub(super) const NONCE_BYTES: usize = 24;
/// Length of the half that selects the subkey, in bytes.
pub(super) const PREFIX_BYTES: usize = 12;
/// Length of an authentication tag in bytes.
pub(super) const TAG_BYTES: usize = 16;

/// The sealed bytes are not what was sealed under this key, nonce and associated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAuthentic;

impl std::fmt::Display for NotAuthentic {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("sealed bytes do not authenticate")
    }
}

impl std::error::Error for NotAuthentic {}

/// A key of XAES-256-GCM, ready to derive subkeys. Wiped on drop.
pub(super) struct Xaes {
    cipher: Aes256,
    /// K1 of AES-CMAC (NIST SP 800-38B §6.1).
    mask: Zeroizing<[u8; 16]>,
}

impl Xaes {
    /// Prepares a key.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let cipher = Aes256::new(key.into());
        let mut block = Zeroizing::new([0_u8; 16]);
        cipher.encrypt_block((&mut *block).into());
        let secret = Zeroizing::new(u128::from_be_bytes(*block));
        // Doubling in GF(2^128): the reduction is selected without a branch on the secret bit.
        let mask = (*secret << 1) ^ ((*secret >> 127) * 0x87);
        Self { cipher, mask: Zeroizing::new(mask.to_be_bytes()) }
    }

    /// The AES-256-GCM key for the first half of a nonce, as bytes.
    fn subkey_bytes(&self, prefix: &[u8; PREFIX_BYTES]) -> Zeroizing<[u8; 32]> {
        let mut subkey = Zeroizing::new([0_u8; 32]);
        for (half, counter) in subkey.chunks_exact_mut(16).zip(1_u8..) {
            let message = [0, counter, b'X', 0].into_iter().chain(*prefix);
            for (byte, (plain, mask)) in half.iter_mut().zip(message.zip(self.mask.iter())) {
                *byte = plain ^ mask;
            }
            if let Ok(block) = half.try_into() {
                self.cipher.encrypt_block(block);
            }
        }
        subkey
    }

    /// The AES-256-GCM cipher for the first half of a nonce.
    pub(super) fn subkey(&self, prefix: &[u8; PREFIX_BYTES]) -> Aes256Gcm {
        gcm(&self.subkey_bytes(prefix))
    }

    /// Encrypts in place and returns the tag.
    pub(super) fn seal(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], NotAuthentic> {
        let (prefix, suffix) = halves(nonce);
        seal_gcm(&self.subkey(&prefix), &suffix, aad, buffer)
    }

    /// Verifies and decrypts in place; the buffer is unchanged where the tag is wrong.
    pub(super) fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), NotAuthentic> {
        let (prefix, suffix) = halves(nonce);
        open_gcm(&self.subkey(&prefix), &suffix, aad, buffer, tag)
    }
}

/// Plain AES-256-GCM under a key.
pub(super) fn gcm(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

/// Encrypts in place under plain AES-256-GCM and returns the tag.
///
/// Fails only above the 64 GiB that GCM takes.
pub(super) fn seal_gcm(
    cipher: &Aes256Gcm,
    nonce: &[u8; 12],
    aad: &[u8],
    buffer: &mut [u8],
) -> Result<[u8; TAG_BYTES], NotAuthentic> {
    cipher
        .encrypt_inout_detached(nonce.into(), aad, InOutBuf::from(buffer))
        .map(Into::into)
        .map_err(|_| NotAuthentic)
}

/// Verifies and decrypts in place under plain AES-256-GCM.
pub(super) fn open_gcm(
    cipher: &Aes256Gcm,
    nonce: &[u8; 12],
    aad: &[u8],
    buffer: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), NotAuthentic> {
    cipher
        .decrypt_inout_detached(nonce.into(), aad, InOutBuf::from(buffer), tag.into())
        .map_err(|_| NotAuthentic)
}

/// The two halves of a nonce: for the subkey, and for AES-256-GCM.
pub(super) fn halves(nonce: &[u8; NONCE_BYTES]) -> ([u8; PREFIX_BYTES], [u8; 12]) {
    let (mut prefix, mut suffix) = ([0; PREFIX_BYTES], [0; 12]);
    for (target, byte) in prefix.iter_mut().chain(suffix.iter_mut()).zip(nonce) {
        *target = *byte;
    }
    (prefix, suffix)
}
