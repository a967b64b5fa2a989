//! What the blocks of the ledger speak of: for each block of entries one row by which a search passes over it.
//!
//! The row holds the root of the Merkle tree over the block, and a Bloom filter of the people, entities,
//! records, fields, kinds and causes that its entries name. It follows from the entries: whoever reads a block
//! that has none makes it, and it may be deleted at any time. FORMAT.md, "A block of the ledger".

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::base::{Code, EntityId, Error, FieldId, RecordId, Result, Value};
use crate::records::codec::Reader;
use crate::records::ledger::{EntryKind, LedgerEntry, NAMED_RECORDS};
use crate::records::merkle::{Peaks, TreeHash, leaf};
use crate::records::view::WriteView;
use crate::storage::{Keyspace, Snapshot};

/// Entries of a block.
pub(super) const BLOCK: u64 = 1_024;
/// Where the rows lie in the table of counters.
const PREFIX: u8 = 7;
const FORMAT: u8 = 1;
/// Bits of the filter for each of its members, and how many of them a member sets: one in a hundred blocks
/// that do not have a member is read in vain.
const BITS_EACH: usize = 10;
const BITS_SET: u64 = 7;

/// Something that an entry names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mention<'a> {
    Kind(EntryKind),
    Actor(RecordId),
    OnBehalfOf(RecordId),
    Entity(EntityId),
    Record(RecordId),
    Field(EntityId, FieldId),
    Cause(&'a str),
}

/// The number of the block with a position, from 0.
pub(super) fn block_of(position: u64) -> u64 {
    position.saturating_sub(1) / BLOCK
}

/// The position of the last entry of a block.
pub(super) fn end_of(block: u64) -> u64 {
    block.saturating_add(1).saturating_mul(BLOCK)
}

/// What is known of a whole block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    block: u64,
    root: TreeHash,
    filter: Vec<u8>,
}

impl Summary {
    /// Reads the rows of several blocks; of those that have none, nothing.
    pub(super) fn load_many(snapshot: &dyn Snapshot, blocks: &[u64]) -> Result<Vec<Option<Self>>> {
        let keys: Vec<Vec<u8>> = blocks.iter().map(|block| key(*block)).collect();
        let places: Vec<_> = keys.iter().map(|key| (Keyspace::Aggregate, key.as_slice())).collect();
        let found = snapshot.get_many(&places)?.into_iter().zip(blocks);
        found.map(|(row, block)| row.map(|row| Self::decode(*block, &row)).transpose()).collect()
    }

    /// What the entries of a whole block come to, each with what is known of its values.
    pub(super) fn of<'a>(block: u64, entries: impl Iterator<Item = (&'a TreeHash, &'a LedgerEntry)>) -> Self {
        let (mut peaks, mut members) = (Peaks::default(), BTreeSet::new());
        for (hash, entry) in entries {
            peaks.add(0, leaf(hash));
            for_each_mention(entry, &mut |mention| {
                members.insert(digest(mention));
            });
        }
        let bits = members.len().saturating_mul(BITS_EACH).max(64);
        let mut filter = vec![0_u8; bits.div_ceil(8)];
        for member in members {
            for (byte, bit) in places(member, filter.len()) {
                if let Some(byte) = filter.get_mut(byte) {
                    *byte |= bit;
                }
            }
        }
        Self { block, root: peaks.root(), filter }
    }

    /// Whether an entry of the block may name something. One that does is never missed.
    pub(super) fn may_name(&self, mention: Mention<'_>) -> bool {
        let set = |(byte, bit)| self.filter.get(byte).is_some_and(|byte: &u8| byte & bit != 0);
        places(digest(mention), self.filter.len()).all(set)
    }

    /// Keeps the row.
    pub fn put(&self, view: &mut WriteView<'_>) {
        let row = [&[FORMAT][..], &self.root, &self.filter].concat();
        view.put(Keyspace::Aggregate, key(self.block), row);
    }

    fn decode(block: u64, row: &[u8]) -> Result<Self> {
        let damaged = || Error::new(Code::Damaged).rule("block of the ledger");
        let mut reader = Reader::new(row);
        if reader.byte()? != FORMAT {
            return Err(Error::new(Code::NewerFormat).rule("block of the ledger"));
        }
        let root = reader.array()?;
        let filter = row.get(33..).filter(|filter| !filter.is_empty()).ok_or_else(damaged)?.to_vec();
        Ok(Self { block, root, filter })
    }
}

/// Takes away what is known of the block of an entry, so that it is worked out anew.
pub(super) fn forget_block(view: &mut WriteView<'_>, position: u64) -> Result<()> {
    let key = key(block_of(position));
    if view.get(Keyspace::Aggregate, &key)?.is_some() {
        view.remove(Keyspace::Aggregate, key);
    }
    Ok(())
}

fn key(block: u64) -> Vec<u8> {
    [&[PREFIX][..], &block.to_be_bytes()].concat()
}

/// Everything that an entry names. Entries about several records name them in their values.
pub(super) fn for_each_mention(entry: &LedgerEntry, visit: &mut dyn FnMut(Mention<'_>)) {
    visit(Mention::Kind(entry.kind));
    visit(Mention::Actor(entry.actor));
    if let Some(user) = entry.on_behalf_of {
        visit(Mention::OnBehalfOf(user));
    }
    visit(Mention::Entity(entry.entity));
    visit(Mention::Record(entry.record));
    visit(Mention::Cause(&entry.cause));
    for field in &entry.fields {
        visit(Mention::Field(entry.entity, *field));
    }
    for id in named_records(entry) {
        visit(Mention::Record(id));
    }
}

/// The records that the values of an entry name.
pub fn named_records(entry: &LedgerEntry) -> impl Iterator<Item = RecordId> {
    let named = entry.changes.iter().flatten().filter(|change| change.field == NAMED_RECORDS);
    let lists = named.filter_map(|change| match &change.new {
        Value::List(ids) => Some(ids),
        _ => None,
    });
    lists.flatten().filter_map(Value::as_id)
}

fn digest(mention: Mention<'_>) -> [u64; 2] {
    let mut hash = Sha256::new();
    match mention {
        Mention::Kind(kind) => hash.update([1, kind.number()]),
        Mention::Actor(id) => hash.update([&[2][..], id.as_bytes()].concat()),
        Mention::OnBehalfOf(id) => hash.update([&[3][..], id.as_bytes()].concat()),
        Mention::Entity(entity) => hash.update([&[4][..], &entity.number().to_be_bytes()].concat()),
        Mention::Record(id) => hash.update([&[5][..], id.as_bytes()].concat()),
        Mention::Field(entity, field) => {
            let numbers = [entity.number().to_be_bytes(), field.number().to_be_bytes()].concat();
            hash.update([&[6][..], &numbers].concat());
        }
        Mention::Cause(cause) => hash.update([&[7][..], cause.as_bytes()].concat()),
    }
    let hash: [u8; 32] = hash.finalize().into();
    let mut words = hash.chunks_exact(8).filter_map(|word| word.try_into().ok().map(u64::from_be_bytes));
    [words.next().unwrap_or_default(), words.next().unwrap_or_default()]
}

/// The bytes and bits that stand for a member: the first word and multiples of the second (Kirsch and
/// Mitzenmacher, "Less hashing, same performance", 2006).
fn places([first, second]: [u64; 2], bytes: usize) -> impl Iterator<Item = (usize, u8)> {
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(8).max(1);
    (0..BITS_SET).map(move |number| {
        let bit = first.wrapping_add(number.wrapping_mul(second | 1)) % bits;
        (usize::try_from(bit / 8).unwrap_or(usize::MAX), 1 << (bit % 8))
    })
}
