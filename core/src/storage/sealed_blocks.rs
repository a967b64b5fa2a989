//! Blocks of a file, each sealed with its place: the one way in which whole files are encrypted.
//!
//! The scheme is that of STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): a key per file, a counter as
//! nonce, a mark on the last block. A block that is changed, moved, cut off or taken from another file is
//! noticed.

use aes_gcm::Aes256Gcm;

use crate::base::{Code, Error, Result};
use crate::storage::xaes::{TAG_BYTES, gcm, open_gcm, seal_gcm};

/// Seals and opens the blocks of one file.
pub(super) struct SealedBlocks {
    cipher: Aes256Gcm,
    /// What the blocks authenticate before their number.
    before: Vec<u8>,
    /// What they authenticate behind it.
    behind: Vec<u8>,
}

impl SealedBlocks {
    /// The blocks of the file that has this key for itself alone.
    pub(super) fn new(key: &[u8; 32], before: &[u8], behind: &[u8]) -> Self {
        Self { cipher: gcm(key), before: before.to_vec(), behind: behind.to_vec() }
    }

    /// Encrypts a block in place, and puts its tag behind it.
    ///
    /// # Errors
    /// [`Code::LimitExceeded`] above 64 GiB.
    pub(super) fn seal(&self, index: u64, last: bool, block: &mut Vec<u8>) -> Result<()> {
        let tag = seal_gcm(&self.cipher, &nonce(index), &self.associated(index, last), block)
            .map_err(|error| Error::new(Code::LimitExceeded).because(error))?;
        block.extend_from_slice(&tag);
        Ok(())
    }

    /// Verifies a block, takes its tag off and decrypts it in place. Where this fails, nothing of it is in
    /// clear.
    ///
    /// # Errors
    /// [`Code::Damaged`].
    pub(super) fn open(&self, index: u64, last: bool, block: &mut Vec<u8>) -> Result<()> {
        let damaged = || Error::new(Code::Damaged).rule("sealed block");
        let (text, tag) = block.split_last_chunk_mut::<TAG_BYTES>().ok_or_else(damaged)?;
        open_gcm(&self.cipher, &nonce(index), &self.associated(index, last), text, tag)
            .map_err(|error| damaged().because(error))?;
        block.truncate(block.len().saturating_sub(TAG_BYTES));
        Ok(())
    }

    fn associated(&self, index: u64, last: bool) -> Vec<u8> {
        [self.before.as_slice(), &index.to_be_bytes(), &self.behind, &[u8::from(last)]].concat()
    }
}

/// The number of a block as nonce. Keys are per file and per writing, so numbers never meet again.
fn nonce(index: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (target, byte) in nonce.iter_mut().skip(4).zip(index.to_be_bytes()) {
        *target = byte;
    }
    nonce
}
