//! Links of the chain that are held against the ledger many at a time.
//!
//! What each link is worked out from is laid out as SHA-256 takes it (FIPS 180-4, sections 5.1.1 and 6.2.2): the
//! texts one behind the other, each filled up to whole blocks. Then the blocks of several links are taken in by
//! turns. None of them waits for another, since a link is worked out from the hash that stands at the entry before,
//! so a processor works on several at once.

use std::slice;

use sha2::block_api::compress256;

use crate::records::ledger::CHAIN_DOMAIN;
use crate::records::merkle::TreeHash;
use crate::storage::LogRow;

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;
/// Bytes of the length that ends a text.
const LENGTH: usize = 8;
/// Links that are worked out by turns.
const LANES: usize = 4;
/// The state of SHA-256 before the first block (FIPS 180-4, section 5.3.3).
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Entries that follow each other, with what their links are worked out from.
pub(super) struct ChainLinks {
    /// The hash that stands at the last entry, or before the first.
    newest: TreeHash,
    /// The texts that are hashed, in whole blocks.
    texts: Vec<u8>,
    entries: Vec<Linked>,
}

/// An entry, and the hash that it says it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linked {
    /// The entry's position.
    pub(super) position: u64,
    /// The hash that stands there.
    pub(super) hash: TreeHash,
    /// Blocks of its text.
    blocks: usize,
}

impl ChainLinks {
    /// No entries, behind one that has this hash.
    pub(super) fn behind(hash: TreeHash) -> Self {
        Self { newest: hash, texts: Vec::new(), entries: Vec::new() }
    }

    /// Adds the next entry.
    pub(super) fn add(&mut self, row: LogRow<'_>) {
        let start = self.texts.len();
        let position = row.position.to_be_bytes();
        let parts = [CHAIN_DOMAIN, &self.newest, &position, row.chained];
        let length = parts.iter().map(|part| part.len()).fold(0, usize::saturating_add);
        let whole = length.saturating_add(1 + LENGTH).next_multiple_of(BLOCK);
        self.texts.reserve(whole);
        parts.iter().for_each(|part| self.texts.extend_from_slice(part));
        self.texts.push(0x80);
        self.texts.resize(start.saturating_add(whole).saturating_sub(LENGTH), 0);
        let bits = u64::try_from(length).unwrap_or(u64::MAX).saturating_mul(8);
        self.texts.extend_from_slice(&bits.to_be_bytes());
        self.newest = *row.hash;
        self.entries.push(Linked { position: row.position, hash: *row.hash, blocks: whole / BLOCK });
    }

    /// The entries.
    pub(super) fn entries(&self) -> &[Linked] {
        &self.entries
    }

    /// The first entry whose hash is not what follows from it and from the hash before it.
    pub(super) fn first_broken(&self) -> Option<u64> {
        let (mut blocks, _) = self.texts.as_chunks::<BLOCK>();
        for entries in self.entries.chunks(LANES) {
            let mut lanes: [&[[u8; BLOCK]]; LANES] = [&[]; LANES];
            for (lane, entry) in lanes.iter_mut().zip(entries) {
                (*lane, blocks) = blocks.split_at_checked(entry.blocks).unwrap_or_default();
            }
            let states = hashes(&lanes);
            let is_right = |(entry, state): &(&Linked, &[u32; 8])| {
                let (words, _) = entry.hash.as_chunks::<4>();
                words.iter().map(|word| u32::from_be_bytes(*word)).eq(state.iter().copied())
            };
            if let Some((broken, _)) = entries.iter().zip(&states).find(|pair| !is_right(pair)) {
                return Some(broken.position);
            }
        }
        None
    }

    /// Goes on behind the last entry.
    pub(super) fn clear(&mut self) {
        self.texts.clear();
        self.entries.clear();
    }
}

/// The state of each lane after its last block.
fn hashes(lanes: &[&[[u8; BLOCK]]; LANES]) -> [[u32; 8]; LANES] {
    let mut states = [START; LANES];
    let longest = lanes.iter().map(|lane| lane.len()).max().unwrap_or(0);
    for place in 0..longest {
        for (state, lane) in states.iter_mut().zip(lanes) {
            if let Some(block) = lane.get(place) {
                compress256(state, slice::from_ref(block));
            }
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::ledger::chain_link;

    /// A chain of entries of many lengths, linked one by one.
    fn chained(lengths: impl Iterator<Item = usize>) -> Vec<(u64, TreeHash, Vec<u8>)> {
        let mut before = [0; 32];
        let entry = |(position, length): (u64, usize)| {
            let chained: Vec<u8> = (0..length).map(|byte| (byte * 7 + length) as u8).collect();
            before = chain_link(&before, position, &chained);
            (position, before, chained)
        };
        (1..).zip(lengths).map(entry).collect()
    }

    fn links(entries: &[(u64, TreeHash, Vec<u8>)]) -> ChainLinks {
        let mut links = ChainLinks::behind([0; 32]);
        for (position, hash, chained) in entries {
            links.add(LogRow { position: *position, hash, chained, sealed: &[] });
        }
        links
    }

    #[test]
    fn links_of_every_length_are_those_that_the_store_makes() {
        let entries = chained((0..300).rev());
        assert_eq!(links(&entries).first_broken(), None);
        let mut parts = ChainLinks::behind([0; 32]);
        for (position, hash, chained) in &entries {
            parts.add(LogRow { position: *position, hash, chained, sealed: &[] });
            if position % 7 == 0 {
                assert_eq!(parts.first_broken(), None);
                parts.clear();
            }
        }
        assert_eq!(parts.first_broken(), None);
    }

    #[test]
    fn every_bit_that_is_flipped_names_the_first_entry_that_it_breaks() {
        let honest = chained([0, 1, 55, 56, 120, 3, 200].into_iter());
        for place in 0..honest.len() {
            for bit in 0..256 {
                let mut forged = honest.clone();
                forged[place].1[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(links(&forged).first_broken(), Some(honest[place].0), "hash {place} {bit}");
            }
            for bit in 0..honest[place].2.len() * 8 {
                let mut forged = honest.clone();
                forged[place].2[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(links(&forged).first_broken(), Some(honest[place].0), "text {place} {bit}");
            }
            let mut forged = honest.clone();
            forged[place].0 += 100;
            assert_eq!(links(&forged).first_broken(), Some(honest[place].0 + 100));
        }
    }
}
