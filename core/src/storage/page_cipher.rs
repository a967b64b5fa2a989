//! Seals pages: nonces that never repeat between copies of a file, and the subkeys that open old ones.
//!
//! A nonce is a prefix of 96 random bits, drawn once per open, then a counter of 64 bits, then zeros.
//! Two copies of one file that are both written draw different prefixes, so no nonce meets another
//! under one key, and no counter has to be stored. (A stored counter would repeat as soon as a backup
//! is restored and written on, which is fatal for GCM.)

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aes_gcm::Aes256Gcm;

use crate::base::Random;
use crate::storage::xaes::{
    NONCE_BYTES, NotAuthentic, PREFIX_BYTES, TAG_BYTES, Xaes, halves, open_gcm, seal_gcm,
};

/// Messages under one prefix, far below where AES-GCM's bounds begin to matter.
const MESSAGES_PER_PREFIX: u64 = 1 << 32;
/// Subkeys of earlier opens that are kept ready for reading.
const READY_SUBKEYS: usize = 64;

/// Nonce and tag of one sealed unit, 40 bytes on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The nonce.
    pub(super) nonce: [u8; NONCE_BYTES],
    /// The tag.
    pub(super) tag: [u8; TAG_BYTES],
}

impl Entry {
    /// Length on disk.
    pub(super) const BYTES: usize = NONCE_BYTES + TAG_BYTES;
    /// The entry of a page that was never written, or that belongs to a unit that begins before it.
    pub(super) const BLANK: Self = Self { nonce: [0; NONCE_BYTES], tag: [0; TAG_BYTES] };
}

type Subkey = ([u8; PREFIX_BYTES], Arc<Aes256Gcm>);

/// What seals in this process at this time.
struct Session {
    prefix: [u8; PREFIX_BYTES],
    cipher: Arc<Aes256Gcm>,
    counter: u64,
    process: u32,
}

/// The cipher of one file.
pub(super) struct PageCipher {
    xaes: Xaes,
    random: Arc<dyn Random>,
    session: Mutex<Session>,
    ready: RwLock<Vec<Subkey>>,
}

impl PageCipher {
    /// The cipher under a page key, with a prefix of its own.
    pub(super) fn new(key: &[u8; 32], random: Arc<dyn Random>) -> Self {
        let xaes = Xaes::new(key);
        let session = Session::draw(&xaes, random.as_ref());
        Self { xaes, random, session: Mutex::new(session), ready: RwLock::new(Vec::new()) }
    }

    /// Encrypts in place under a nonce that nothing else has.
    pub(super) fn seal(&self, aad: &[u8], buffer: &mut [u8]) -> Result<Entry, NotAuthentic> {
        let (prefix, counter, cipher) = self.next_nonce();
        let mut suffix = [0; 12];
        for (target, byte) in suffix.iter_mut().zip(counter.to_be_bytes()) {
            *target = byte;
        }
        let tag = seal_gcm(&cipher, &suffix, aad, buffer)?;
        let mut nonce = [0; NONCE_BYTES];
        for (target, byte) in nonce.iter_mut().zip(prefix.into_iter().chain(suffix)) {
            *target = byte;
        }
        Ok(Entry { nonce, tag })
    }

    /// Verifies and decrypts in place.
    pub(super) fn open(&self, entry: &Entry, aad: &[u8], buffer: &mut [u8]) -> Result<(), NotAuthentic> {
        let (prefix, suffix) = halves(&entry.nonce);
        open_gcm(&self.subkey(&prefix), &suffix, aad, buffer, &entry.tag)
    }

    /// The next nonce. A child process that came by `fork` has the parent's state, so it draws anew.
    fn next_nonce(&self) -> ([u8; PREFIX_BYTES], u64, Arc<Aes256Gcm>) {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if session.counter >= MESSAGES_PER_PREFIX || session.process != std::process::id() {
            *session = Session::draw(&self.xaes, self.random.as_ref());
        }
        let counter = session.counter;
        session.counter += 1;
        (session.prefix, counter, Arc::clone(&session.cipher))
    }

    fn subkey(&self, prefix: &[u8; PREFIX_BYTES]) -> Arc<Aes256Gcm> {
        let known = |ready: &[Subkey]| {
            ready.iter().find(|(known, _)| known == prefix).map(|(_, cipher)| Arc::clone(cipher))
        };
        if let Some(cipher) = known(&self.ready.read().unwrap_or_else(PoisonError::into_inner)) {
            return cipher;
        }
        let cipher = Arc::new(self.xaes.subkey(prefix));
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        if known(&ready).is_none() {
            if ready.len() >= READY_SUBKEYS {
                ready.remove(0);
            }
            ready.push((*prefix, Arc::clone(&cipher)));
        }
        cipher
    }
}

impl std::fmt::Debug for PageCipher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PageCipher(..)")
    }
}

impl Session {
    fn draw(xaes: &Xaes, random: &dyn Random) -> Self {
        let mut prefix = [0; PREFIX_BYTES];
        random.fill(&mut prefix);
        Self { prefix, cipher: Arc::new(xaes.subkey(&prefix)), counter: 0, process: std::process::id() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{OsRandom, SeededRandom};

    #[test]
    fn nonces_differ_within_an_open_and_between_two_opens_of_copies() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..2 {
            let cipher = PageCipher::new(&[1; 32], Arc::new(OsRandom));
            for _ in 0..1_000 {
                assert!(seen.insert(cipher.seal(b"", &mut [0; 8]).unwrap().nonce));
            }
        }
    }

    #[test]
    fn what_one_open_sealed_any_later_open_reads() {
        let random = Arc::new(SeededRandom::new(4));
        let sealed: Vec<_> = (0..=READY_SUBKEYS as u8 + 5)
            .map(|number| {
                let mut text = [number; 8];
                let cipher = PageCipher::new(&[1; 32], Arc::clone(&random) as Arc<dyn Random>);
                (number, cipher.seal(b"aad", &mut text).unwrap(), text)
            })
            .collect();
        let reader = PageCipher::new(&[1; 32], random);
        for (number, entry, mut text) in sealed.iter().chain(&sealed).copied() {
            reader.open(&entry, b"aad", &mut text).unwrap();
            assert_eq!(text, [number; 8]);
            assert_eq!(reader.open(&entry, b"other", &mut text), Err(NotAuthentic));
        }
    }
}
