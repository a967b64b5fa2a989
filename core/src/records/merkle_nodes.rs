//! The Merkle tree over the whole ledger: roots at any size and proofs of inclusion (RFC 9162, section 2.1.3).
//!
//! The roots of whole subtrees from 1,024 entries on are kept, so a proof reads the entries of two blocks and a
//! number of rows that is bounded by the square of the tree's height. Rows that are missing are worked out from
//! the entries, once. They follow from the ledger, and may be deleted at any time.

use std::collections::BTreeMap;

use crate::base::{Code, Error, Patience, Result};
use crate::records::ledger_blocks::BLOCK;
use crate::records::ledger_search::read_span;
use crate::records::merkle::{Peaks, TreeHash, leaf, node};
use crate::records::view::WriteView;
use crate::storage::{Keyspace, Snapshot};

/// Where the rows lie in the table of counters.
const PREFIX: u8 = 8;
/// The least level whose nodes are kept: that of the root of a block.
const KEPT_LEVEL: u32 = BLOCK.trailing_zeros();

/// The tree of one stable view.
pub struct LedgerTree<'a> {
    snapshot: &'a dyn Snapshot,
    patience: &'a Patience,
    /// The leaves of the block that was read last.
    leaves: Option<(u64, Vec<TreeHash>)>,
    /// Nodes that had no row.
    made: BTreeMap<(u32, u64), TreeHash>,
}

impl<'a> LedgerTree<'a> {
    /// The tree over a view.
    #[must_use]
    pub fn new(snapshot: &'a dyn Snapshot, patience: &'a Patience) -> Self {
        Self { snapshot, patience, leaves: None, made: BTreeMap::new() }
    }

    /// The root of the tree over the first `size` entries.
    ///
    /// # Errors
    /// `ledger.broken`, `storage.damaged`, `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn root(&mut self, size: u64) -> Result<TreeHash> {
        self.root_of(0, size)
    }

    /// The roots of the whole subtrees of the tree over the first `size` entries, with their levels, from the
    /// largest on.
    ///
    /// # Errors
    /// As [`LedgerTree::root`].
    pub fn peaks(&mut self, size: u64) -> Result<Vec<(u32, TreeHash)>> {
        let (mut peaks, mut place) = (Vec::new(), 0_u64);
        while place < size {
            let level = size.saturating_sub(place).ilog2();
            peaks.push((level, self.subtree(level, place >> level)?));
            place = place.saturating_add(1 << level);
        }
        Ok(peaks)
    }

    /// The hashes that lead from the leaf of an entry to the root of the tree over the first `size` entries.
    ///
    /// # Errors
    /// As [`LedgerTree::root`]; `input.invalid_argument` for an entry that is not among them.
    pub fn path(&mut self, position: u64, size: u64) -> Result<Vec<TreeHash>> {
        if position == 0 || position > size {
            return Err(Error::new(Code::InvalidArgument).field("position").rule("an entry of the tree"));
        }
        let (mut start, mut end, index) = (0, size, position.saturating_sub(1));
        let mut path = Vec::new();
        while end.saturating_sub(start) > 1 {
            let middle = start.saturating_add(half(end.saturating_sub(start)));
            if index < middle {
                path.push(self.root_of(middle, end)?);
                end = middle;
            } else {
                path.push(self.root_of(start, middle)?);
                start = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// Keeps the nodes that had no row.
    pub fn keep(&self, view: &mut WriteView<'_>) {
        for ((level, index), hash) in &self.made {
            view.put(Keyspace::Aggregate, key(*level, *index), hash.to_vec());
        }
    }

    /// The root over entries from a place on that is a multiple of the greatest power of two among them.
    fn root_of(&mut self, start: u64, end: u64) -> Result<TreeHash> {
        let (mut peaks, mut place) = (Peaks::default(), start);
        while place < end {
            let level = end.saturating_sub(place).ilog2();
            peaks.add(level, self.subtree(level, place >> level)?);
            place = place.saturating_add(1 << level);
        }
        Ok(peaks.root())
    }

    /// The root of a whole subtree of 2^level leaves.
    fn subtree(&mut self, level: u32, index: u64) -> Result<TreeHash> {
        if level < KEPT_LEVEL {
            return self.within_block(level, index);
        }
        if let Some(made) = self.made.get(&(level, index)) {
            return Ok(*made);
        }
        if let Some(row) = self.snapshot.get(Keyspace::Aggregate, &key(level, index))? {
            let damaged = || Error::new(Code::Damaged).rule("node of the ledger's tree");
            return row.as_slice().try_into().map_err(|_| damaged());
        }
        self.patience.check()?;
        let hash = match level {
            KEPT_LEVEL => self.within_block(level, index)?,
            _ => {
                let (below, left) = (level.saturating_sub(1), index.saturating_mul(2));
                node(&self.subtree(below, left)?, &self.subtree(below, left.saturating_add(1))?)
            }
        };
        self.made.insert((level, index), hash);
        Ok(hash)
    }

    /// A subtree that lies in one block.
    fn within_block(&mut self, level: u32, index: u64) -> Result<TreeHash> {
        let first = index << level;
        let block = first / BLOCK;
        if self.leaves.as_ref().is_none_or(|(known, _)| *known != block) {
            let start = block.saturating_mul(BLOCK);
            let end = start.saturating_add(BLOCK).min(self.snapshot.head()?.position);
            let entries = read_span(self.snapshot, start.saturating_add(1), end)?;
            self.leaves = Some((block, entries.iter().map(|entry| leaf(&entry.hash)).collect()));
        }
        let missing =
            || Error::new(Code::LedgerBroken).rule("entries missing").record(first.saturating_add(1));
        let leaves = self.leaves.as_ref().map(|(_, leaves)| leaves.as_slice()).unwrap_or_default();
        let offset = usize::try_from(first % BLOCK).unwrap_or(usize::MAX);
        let own = leaves.get(offset..offset.saturating_add(1 << level)).ok_or_else(missing)?;
        let mut peaks = Peaks::default();
        own.iter().for_each(|hash| peaks.add(0, *hash));
        Ok(peaks.root())
    }
}

/// The root to which a path leads from the leaf of an entry (RFC 9162, section 2.1.3.2); nothing where the path
/// is not one of a tree of this size.
#[must_use]
pub fn root_by_path(chained: &TreeHash, position: u64, size: u64, path: &[TreeHash]) -> Option<TreeHash> {
    let mut place = position.checked_sub(1)?;
    let mut last = size.checked_sub(1).filter(|last| place <= *last)?;
    let mut hash = leaf(chained);
    for other in path {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            hash = node(other, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, other);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// The greatest power of two that is less than a number above one.
fn half(size: u64) -> u64 {
    1 << size.saturating_sub(1).max(1).ilog2()
}

fn key(level: u32, index: u64) -> Vec<u8> {
    let level = u8::try_from(level).unwrap_or(u8::MAX);
    [&[PREFIX, level][..], &index.to_be_bytes()].concat()
}
