//! The Merkle tree over the hashes of the ledger's chain (RFC 9162, section 2.1; the tree of RFC 6962).
//!
//! The leaf of an entry is the hash of the chain there, so a proof about a leaf is one about the entry and,
//! through the chain, about every entry before it.

use sha2::{Digest, Sha256};

/// A hash of the tree.
pub type TreeHash = [u8; 32];

/// The hash of a leaf.
#[must_use]
pub fn leaf(chained: &TreeHash) -> TreeHash {
    Sha256::new().chain_update([0]).chain_update(chained).finalize().into()
}

/// The hash of what stands above two.
#[must_use]
pub fn node(left: &TreeHash, right: &TreeHash) -> TreeHash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The roots of the whole subtrees of a tree that grows at its end, from the largest to the smallest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peaks(Vec<(u32, TreeHash)>);

impl Peaks {
    /// Adds a whole subtree of 2^level leaves, which no peak is smaller than.
    pub fn add(&mut self, mut level: u32, mut hash: TreeHash) {
        while let Some((_, left)) = self.0.pop_if(|(own, _)| *own == level) {
            hash = node(&left, &hash);
            level = level.saturating_add(1);
        }
        self.0.push((level, hash));
    }

    /// Adds the peaks of a tree that begins where this one ends. None of its subtrees is larger than the smallest of
    /// this one.
    pub fn append(&mut self, other: &Self) {
        other.0.iter().for_each(|(level, hash)| self.add(*level, *hash));
    }

    /// The root of the tree; the hash of nothing for a tree without leaves.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let mut peaks = self.0.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = peaks.next() else { return Sha256::digest([]).into() };
        peaks.fold(last, |right, left| node(&left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9162, section 2.1.1, as it is written there.
    fn by_definition(leaves: &[TreeHash]) -> TreeHash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => leaf(one),
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                node(&by_definition(&leaves[..half]), &by_definition(&leaves[half..]))
            }
        }
    }

    #[test]
    fn a_tree_that_grows_has_the_root_of_the_definition_at_every_size() {
        let leaves: Vec<TreeHash> = (0..70_u8).map(|number| [number; 32]).collect();
        let mut peaks = Peaks::default();
        assert_eq!(peaks.root(), by_definition(&[]));
        for size in 1..=leaves.len() {
            peaks.add(0, leaf(&leaves[size - 1]));
            assert_eq!(peaks.root(), by_definition(&leaves[..size]), "{size}");
        }
    }

    #[test]
    fn a_tree_goes_on_with_one_that_begins_where_it_ends() {
        let leaves: Vec<TreeHash> = (0..23_u8).map(|number| [number; 32]).collect();
        let tree_of = |leaves: &[TreeHash]| {
            let mut peaks = Peaks::default();
            leaves.iter().for_each(|one| peaks.add(0, leaf(one)));
            peaks
        };
        let mut peaks = Peaks::default();
        for eight in leaves.chunks(8) {
            peaks.append(&tree_of(eight));
        }
        assert_eq!(peaks, tree_of(&leaves));
    }

    #[test]
    fn whole_subtrees_may_be_added_at_once() {
        let leaves: Vec<TreeHash> = (0..23_u8).map(|number| [number; 32]).collect();
        let mut peaks = Peaks::default();
        for four in leaves.chunks(4) {
            match four.len() {
                4 => peaks.add(2, by_definition(four)),
                _ => four.iter().for_each(|one| peaks.add(0, leaf(one))),
            }
        }
        assert_eq!(peaks.root(), by_definition(&leaves));
    }
}
