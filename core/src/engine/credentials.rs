//! Passwords: kept as Argon2id (RFC 9106) hashes beside the records, compared without haste or hints.

use crate::base::{Code, Error, Random, RecordId, Result};
use crate::records::WriteView;
use crate::storage::{KeyCost, Keyspace, Snapshot};

/// Where credentials lie, by user id.
const PREFIX: &[u8] = b"credential.";
/// Fewest characters of a password (NIST SP 800-63B §5.1.1.1).
const MIN_CHARACTERS: usize = 8;
const SALT: usize = 16;
/// Memory, passes and lanes of 4 bytes each.
const COST: usize = 12;

/// Stores the hash of a password: cost (12 bytes), salt (16), hash (32).
///
/// # Errors
/// `access.weak_password`.
pub(super) fn set_password(
    view: &mut WriteView<'_>,
    user: RecordId,
    password: &str,
    cost: KeyCost,
    random: &dyn Random,
) -> Result<()> {
    if password.chars().count() < MIN_CHARACTERS {
        return Err(Error::new(Code::WeakPassword));
    }
    let mut salt = [0_u8; SALT];
    random.fill(&mut salt);
    let hash = cost.stretch(password.as_bytes(), &salt)?;
    let cost = [cost.memory_kib, cost.passes, cost.lanes].map(u32::to_be_bytes).concat();
    view.put(Keyspace::Meta, key(user), [&cost[..], &salt, &hash[..]].concat());
    Ok(())
}

/// Whether a password is the user's. For a user without one, or none at all, it takes as long.
pub(super) fn verify_password(
    snapshot: &dyn Snapshot,
    user: Option<RecordId>,
    password: &str,
    usual_cost: KeyCost,
) -> Result<bool> {
    let stored = match user {
        Some(user) => snapshot.get(Keyspace::Meta, &key(user))?,
        None => None,
    };
    let Some(stored) = stored else {
        usual_cost.stretch(password.as_bytes(), &[0; SALT])?;
        return Ok(false);
    };
    let damaged = || Error::new(Code::Damaged).rule("credential");
    let (cost, rest) = stored.split_first_chunk::<COST>().ok_or_else(damaged)?;
    let (salt, expected) = rest.split_first_chunk::<SALT>().ok_or_else(damaged)?;
    let numbers: Vec<u32> =
        cost.chunks(4).filter_map(|bytes| bytes.try_into().ok().map(u32::from_be_bytes)).collect();
    let &[memory_kib, passes, lanes] = numbers.as_slice() else { return Err(damaged()) };
    let hash = KeyCost { memory_kib, passes, lanes }.stretch(password.as_bytes(), salt)?;
    // Differences are gathered over all bytes, so that the time says nothing of the first one.
    let difference = hash.iter().zip(expected).fold(0_u8, |found, (left, right)| found | (left ^ right));
    Ok(difference == 0 && expected.len() == hash.len())
}

fn key(user: RecordId) -> Vec<u8> {
    [PREFIX, user.as_bytes()].concat()
}
