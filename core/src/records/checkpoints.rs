//! Checkpoints of the ledger: what its chain and its tree were at a place, signed where the host has a key.
//!
//! A checkpoint names the one before it, so none can be left out, put in or moved. FORMAT.md, "A checkpoint of
//! the ledger".

use sha2::{Digest, Sha256};

use crate::base::{Code, Error, Result, Timestamp};
use crate::records::codec::{Reader, Writer};
use crate::records::merkle::TreeHash;
use crate::records::view::WriteView;
use crate::storage::{Keyspace, RangeRequest, Snapshot};

const PREFIX: &[u8] = b"ledger.checkpoint.";
const FORMAT: u8 = 1;
const DOMAIN: &[u8] = b"guanxi.ledger.checkpoint.v1";
/// Longest name of an algorithm, key and signature, in bytes.
const MAX_PART: usize = 8_192;

/// What the ledger was at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The chain's hash at the first entry, by which one ledger is told from another.
    pub origin: TreeHash,
    /// Its number, from 1.
    pub sequence: u64,
    /// The position of the entry with which it ends.
    pub position: u64,
    /// The chain's hash there.
    pub hash: TreeHash,
    /// The root of the Merkle tree over the entries up to there.
    pub root: TreeHash,
    /// When it was made.
    pub at: Timestamp,
    /// The SHA-256 of the statement of the one before; zeros for the first.
    pub previous: TreeHash,
    /// How it is signed; empty where it is not.
    pub algorithm: String,
    /// Which key signed it: for `ed25519` the public key.
    pub key: Vec<u8>,
    /// The signature of the statement.
    pub signature: Vec<u8>,
}

impl Checkpoint {
    /// The bytes that are signed.
    #[must_use]
    pub fn statement(&self) -> Vec<u8> {
        [
            DOMAIN,
            &self.origin,
            &self.sequence.to_be_bytes(),
            &self.position.to_be_bytes(),
            &self.hash,
            &self.root,
            &self.at.micros().to_be_bytes(),
            &self.previous,
        ]
        .concat()
    }

    /// By what the next one names it.
    #[must_use]
    pub fn digest(&self) -> TreeHash {
        Sha256::digest(self.statement()).into()
    }

    /// Whether it is signed.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        !self.algorithm.is_empty()
    }

    /// Refuses parts that no row takes.
    ///
    /// # Errors
    /// `input.limit_exceeded`.
    pub fn check_limits(&self) -> Result<()> {
        let parts = [self.algorithm.len(), self.key.len(), self.signature.len()];
        match parts.into_iter().any(|length| length > MAX_PART) {
            true => Err(Error::new(Code::LimitExceeded).rule("parts of a signature <= 8192 bytes")),
            false => Ok(()),
        }
    }

    /// Keeps it.
    pub fn put(&self, view: &mut WriteView<'_>) {
        let mut row = Writer::default();
        row.raw(&[FORMAT]);
        row.raw(&self.origin);
        row.raw(&self.position.to_be_bytes());
        row.raw(&self.hash);
        row.raw(&self.root);
        row.raw(&self.at.micros().to_be_bytes());
        row.raw(&self.previous);
        row.bytes(self.algorithm.as_bytes());
        row.bytes(&self.key);
        row.bytes(&self.signature);
        view.put(Keyspace::Meta, [PREFIX, &self.sequence.to_be_bytes()].concat(), row.finish());
    }

    /// Whether a row of `meta` is a checkpoint that ends behind an entry.
    pub(super) fn is_beyond(key: &[u8], row: &[u8], position: u64) -> Result<bool> {
        Ok(key.starts_with(PREFIX) && Self::decode(key, row)?.position > position)
    }

    fn decode(key: &[u8], row: &[u8]) -> Result<Self> {
        let damaged = || Error::new(Code::Damaged).rule("checkpoint of the ledger");
        let sequence = key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes)).ok_or_else(damaged)?;
        let mut reader = Reader::new(row);
        if reader.byte()? != FORMAT {
            return Err(Error::new(Code::NewerFormat).rule("checkpoint of the ledger"));
        }
        Ok(Self {
            sequence,
            origin: reader.array()?,
            position: u64::from_be_bytes(reader.array()?),
            hash: reader.array()?,
            root: reader.array()?,
            at: Timestamp::from_micros(i64::from_be_bytes(reader.array()?)),
            previous: reader.array()?,
            algorithm: reader.text()?,
            key: reader.bytes()?.to_vec(),
            signature: reader.bytes()?.to_vec(),
        })
    }
}

/// Checkpoints behind a number, oldest first, at most `max`.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn checkpoints(snapshot: &dyn Snapshot, after: u64, max: usize) -> Result<Vec<Checkpoint>> {
    let mut range = RangeRequest::prefix(Keyspace::Meta, PREFIX, max.max(1));
    range.low = [PREFIX, &after.saturating_add(1).to_be_bytes()].concat();
    let rows = snapshot.scan(&range)?.rows;
    rows.iter().map(|(key, row)| Checkpoint::decode(key, row)).collect()
}

/// The newest checkpoint.
///
/// # Errors
/// As [`checkpoints`].
pub fn newest_checkpoint(snapshot: &dyn Snapshot) -> Result<Option<Checkpoint>> {
    let range = RangeRequest { reverse: true, ..RangeRequest::prefix(Keyspace::Meta, PREFIX, 1) };
    let rows = snapshot.scan(&range)?.rows;
    rows.first().map(|(key, row)| Checkpoint::decode(key, row)).transpose()
}
