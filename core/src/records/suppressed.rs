//! Identifiers of persons who must not come back unnoticed, as keyed hashes and nothing else.
//!
//! A hash is HMAC-SHA256 (RFC 2104) of partition, kind and normalised identifier, under a secret that is drawn with the
//! first of them and lies in the database. It says nothing to whoever has not the key of the database; whoever has it
//! can try numbers. They are in the backups of the keys of persons as well, so that a restore of an older backup of the
//! data knows what was put on the list since.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::base::{Code, Error, Patience, Random, Result, hex, unhex};
use crate::records::backup::for_each_row;
use crate::records::bulk::Bulk;
use crate::records::view::WriteView;
use crate::storage::{Keyspace, RangeRequest, RowVisitor, Snapshot, Store};

/// What all of it begins with in the table `meta`.
pub(super) const SUPPRESSION: &[u8] = b"suppression.";
/// Where the secret lies.
const SECRET: &[u8] = b"suppression.secret";
/// What the keys of hashes begin with.
const LISTED: &[u8] = b"suppression.listed.";
/// What the text that is hashed begins with.
const DOMAIN: &[u8] = b"guanxi.suppression.v1\0";

/// The hash of an identifier.
pub type SuppressedHash = [u8; 32];

/// A row of the list: its hash, and what is known of it.
pub type SuppressedRow = (SuppressedHash, Vec<u8>);

/// Makes hashes of identifiers.
pub struct Suppressor(Zeroizing<[u8; 32]>);

impl Suppressor {
    /// That of a database; none where nobody was ever put on the list.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn of(snapshot: &dyn Snapshot) -> Result<Option<Self>> {
        let Some(secret) = snapshot.get(Keyspace::Meta, SECRET)? else { return Ok(None) };
        let secret = Zeroizing::new(secret);
        let damaged = |_| Error::new(Code::Damaged).rule("suppression.secret");
        let secret = <[u8; 32]>::try_from(secret.as_slice()).map_err(damaged)?;
        Ok(Some(Self(Zeroizing::new(secret))))
    }

    /// The same, with a secret that is drawn if there is none.
    ///
    /// # Errors
    /// As [`Suppressor::of`].
    pub fn ensure(view: &mut WriteView<'_>, random: &dyn Random) -> Result<Self> {
        if let Some(known) = Self::of(view)? {
            return Ok(known);
        }
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(secret.as_mut_slice());
        view.put(Keyspace::Meta, SECRET.to_vec(), secret.to_vec());
        Ok(Self(secret))
    }

    /// The hash of a normalised identifier within a partition.
    #[must_use]
    pub fn hash(&self, partition: u32, kind: &str, identifier: &str) -> SuppressedHash {
        let mut block = Zeroizing::new([0; 64]);
        if let Some(start) = block.first_chunk_mut::<32>() {
            start.copy_from_slice(self.0.as_slice());
        }
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        mac.update(DOMAIN);
        mac.update(&partition.to_be_bytes());
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(identifier.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// What is known of a hash that is on the list.
///
/// # Errors
/// `storage.io`.
pub fn suppressed(snapshot: &dyn Snapshot, partition: u32, hash: &SuppressedHash) -> Result<Option<Vec<u8>>> {
    snapshot.get(Keyspace::Meta, &key(partition, hash))
}

/// Puts a hash on the list.
pub fn suppress(view: &mut WriteView<'_>, partition: u32, hash: &SuppressedHash, known: Vec<u8>) {
    view.put(Keyspace::Meta, key(partition, hash), known);
}

/// Takes a hash off the list.
pub fn unsuppress(view: &mut WriteView<'_>, partition: u32, hash: &SuppressedHash) {
    view.remove(Keyspace::Meta, key(partition, hash));
}

/// The rows of a partition behind a hash, in the order of hashes, and whether there are more.
///
/// # Errors
/// `storage.io`, `storage.damaged`.
pub fn list_suppressed(
    snapshot: &dyn Snapshot,
    partition: u32,
    after: Option<&SuppressedHash>,
    limit: usize,
) -> Result<(Vec<SuppressedRow>, bool)> {
    let prefix = [LISTED, &partition.to_be_bytes()].concat();
    let mut range = RangeRequest::prefix(Keyspace::Meta, &prefix, limit);
    if let Some(hash) = after {
        crate::storage::continue_after(&mut range, key(partition, hash));
    }
    let page = snapshot.scan(&range)?;
    let rows = page.rows.into_iter().map(|(key, known)| {
        let hash = key.last_chunk::<32>().copied();
        Ok((hash.ok_or_else(|| Error::new(Code::Damaged).rule("suppression.listed"))?, known))
    });
    Ok((rows.collect::<Result<_>>()?, page.more))
}

/// The list of a database as a backup of keys has it: rows of `meta`.
///
/// # Errors
/// `storage.io`, `engine.cancelled`, and what the function gives.
pub(super) fn for_each_suppressed(
    snapshot: &dyn Snapshot,
    patience: &Patience,
    visit: RowVisitor<'_>,
) -> Result<()> {
    for_each_row(snapshot, Keyspace::Meta, SUPPRESSION, patience, visit)
}

/// Brings to a restored database what a backup of keys has of the list and it has not. Hashes under another secret
/// than its own, as after a restore to before the first of them, would say nothing and stay away.
pub(super) fn restore_suppressed(
    store: &dyn Store,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    patience: &Patience,
) -> Result<()> {
    let snapshot = store.snapshot()?;
    let own = snapshot.get(Keyspace::Meta, SECRET)?;
    let theirs = rows.iter().find(|(key, _)| key == SECRET).map(|(_, secret)| secret);
    if own.is_some() && own.as_ref() != theirs {
        return Ok(());
    }
    let mut bulk = Bulk::new(store, patience);
    for (key, known) in rows {
        if snapshot.get(Keyspace::Meta, &key)?.is_none() {
            bulk.put(Keyspace::Meta, key, known)?;
        }
    }
    bulk.flush()
}

/// A hash as people and programs name it: 64 hexadecimal digits.
#[must_use]
pub fn name_of_suppressed(hash: &SuppressedHash) -> String {
    hex(hash)
}

/// The hash of a name.
#[must_use]
pub fn suppressed_by_name(name: &str) -> Option<SuppressedHash> {
    unhex(name)?.try_into().ok()
}

fn key(partition: u32, hash: &SuppressedHash) -> Vec<u8> {
    [LISTED, &partition.to_be_bytes(), hash.as_slice()].concat()
}
