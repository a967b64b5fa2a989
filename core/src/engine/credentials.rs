//! Passwords: kept as Argon2id (RFC 9106) hashes beside the records, compared without haste or hints.

use sha2::{Digest, Sha256};

use crate::base::{Code, Error, Random, RecordId, Result, Timestamp};
use crate::records::WriteView;
use crate::storage::{KeyCost, Keyspace, RecoveryKey, Snapshot};

/// Where credentials lie, by user id.
const PREFIX: &[u8] = b"credential.";
/// Where it lies since when a password is there, whether it is to be changed, and what it was before.
const STATE: &[u8] = b"password.state.";
/// Where the hash of a recovery code lies that was not used yet.
const RECOVERY: &[u8] = b"password.recovery.";
/// Fewest characters that a rule may ask for (NIST SP 800-63B §5.1.1.1).
pub(super) const MIN_CHARACTERS: u64 = 8;
/// Longest password in bytes, so that nobody keeps the hash busy with a book.
const MAX_BYTES: usize = 1_024;
/// Most earlier passwords that a rule may remember: comparing with each costs as much as a sign-in.
pub(super) const MAX_REMEMBERED: u64 = 24;
const SALT: usize = 16;
/// Memory, passes and lanes of 4 bytes each.
const COST: usize = 12;
/// Cost, salt and hash.
const CREDENTIAL: usize = COST + SALT + 32;
const DAY: i64 = 86_400_000_000;
const MINUTE: i64 = 60_000_000;

/// What the organisation asks of passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PasswordRules {
    /// Fewest characters.
    pub min_characters: u64,
    /// After how many days a password is to be changed; never for 0.
    pub max_age_days: u64,
    /// How many of a user's last passwords are no new one, the present one among them.
    pub remembered: u64,
    /// Whether a password that somebody else has set is to be changed at the first sign-in.
    pub change_after_reset: bool,
    /// For how many minutes a recovery code is good.
    pub recovery_minutes: u64,
}

/// With what a password is hashed, and by whom it is set.
pub(super) struct Setting<'a> {
    pub rules: PasswordRules,
    pub cost: KeyCost,
    pub random: &'a dyn Random,
    pub now: Timestamp,
    /// Whether somebody else sets it than the user.
    pub by_other: bool,
}

/// Since when a password is there, whether it is to be changed, and the credentials before it, newest first.
#[derive(Default)]
struct State {
    changed: i64,
    must_change: bool,
    earlier: Vec<Vec<u8>>,
}

impl State {
    fn read(snapshot: &dyn Snapshot, user: RecordId) -> Result<Option<Self>> {
        let Some(stored) = snapshot.get(Keyspace::Meta, &key(STATE, user))? else { return Ok(None) };
        let damaged = || Error::new(Code::Damaged).rule("state of a password");
        let (changed, rest) = stored.split_first_chunk::<8>().ok_or_else(damaged)?;
        let (flags, earlier) = rest.split_first().ok_or_else(damaged)?;
        if !earlier.len().is_multiple_of(CREDENTIAL) {
            return Err(damaged());
        }
        Ok(Some(Self {
            changed: i64::from_be_bytes(*changed),
            must_change: flags & 1 == 1,
            earlier: earlier.chunks(CREDENTIAL).map(<[u8]>::to_vec).collect(),
        }))
    }

    /// Moment of the change in microseconds (8), flags (1), then the earlier credentials (60 each).
    fn encode(&self) -> Vec<u8> {
        let head = [&self.changed.to_be_bytes()[..], &[u8::from(self.must_change)]].concat();
        [head, self.earlier.concat()].concat()
    }
}

/// Stores the hash of a password: cost (12 bytes), salt (16), hash (32).
///
/// # Errors
/// `access.weak_password`, `input.limit_exceeded`; `access.password_reused` for one of the user's last, where users
/// set their own. To others it is not told: they could try in this way what the password is.
pub(super) fn set_password(
    view: &mut WriteView<'_>,
    user: RecordId,
    password: &str,
    setting: &Setting<'_>,
) -> Result<()> {
    let least = setting.rules.min_characters;
    if (password.chars().count() as u64) < least {
        return Err(Error::new(Code::WeakPassword).rule(&format!(">= {least} characters")));
    }
    if password.len() > MAX_BYTES {
        let rule = format!("password <= {MAX_BYTES} bytes");
        return Err(Error::new(Code::LimitExceeded).field("password").rule(&rule));
    }
    let current = view.get(Keyspace::Meta, &key(PREFIX, user))?;
    let mut state = State::read(view, user)?.unwrap_or_default();
    let remembered = usize::try_from(setting.rules.remembered).unwrap_or(usize::MAX);
    let last: Vec<Vec<u8>> = current.into_iter().chain(state.earlier).take(remembered).collect();
    if !setting.by_other {
        for known in &last {
            if is_of(known, password)? {
                return Err(Error::new(Code::PasswordReused).rule(&format!("the last {remembered}")));
            }
        }
    }
    // The one that is set now is the newest of those that are remembered.
    state.earlier = last.into_iter().take(remembered.saturating_sub(1)).collect();
    state.changed = setting.now.micros();
    state.must_change = setting.by_other && setting.rules.change_after_reset;
    view.put(Keyspace::Meta, key(STATE, user), state.encode());
    view.remove(Keyspace::Meta, key(RECOVERY, user));
    let mut salt = [0_u8; SALT];
    setting.random.fill(&mut salt);
    let hash = setting.cost.stretch(password.as_bytes(), &salt)?;
    let cost = [setting.cost.memory_kib, setting.cost.passes, setting.cost.lanes];
    let cost = cost.map(u32::to_be_bytes).concat();
    view.put(Keyspace::Meta, key(PREFIX, user), [&cost[..], &salt, &hash[..]].concat());
    Ok(())
}

/// Takes everything away by which a user could sign in.
pub(super) fn forget(view: &mut WriteView<'_>, user: RecordId) -> Result<()> {
    for prefix in [PREFIX, STATE, RECOVERY] {
        if view.get(Keyspace::Meta, &key(prefix, user))?.is_some() {
            view.remove(Keyspace::Meta, key(prefix, user));
        }
    }
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
        Some(user) => snapshot.get(Keyspace::Meta, &key(PREFIX, user))?,
        None => None,
    };
    match stored {
        Some(stored) => is_of(&stored, password),
        None => usual_cost.stretch(password.as_bytes(), &[0; SALT]).map(|_| false),
    }
}

/// Whether a user's password is to be changed before anything else. How old one is of which an older engine has
/// not said it, nobody knows; it is to be changed where a rule asks for an age at all.
pub(super) fn is_due(
    snapshot: &dyn Snapshot,
    user: RecordId,
    rules: PasswordRules,
    now: Timestamp,
) -> Result<bool> {
    let days = i64::try_from(rules.max_age_days).unwrap_or(i64::MAX);
    let Some(state) = State::read(snapshot, user)? else { return Ok(days > 0) };
    let age = now.micros().saturating_sub(state.changed);
    Ok(state.must_change || days > 0 && age >= days.saturating_mul(DAY))
}

/// Keeps the hash of a recovery code in the place of an earlier one, and gives until when it is good.
pub(super) fn put_code(
    view: &mut WriteView<'_>,
    user: RecordId,
    code: &RecoveryKey,
    rules: PasswordRules,
    now: Timestamp,
) -> Timestamp {
    let minutes = i64::try_from(rules.recovery_minutes).unwrap_or(i64::MAX);
    let until = Timestamp::from_micros(now.micros().saturating_add(minutes.saturating_mul(MINUTE)));
    let value =
        [&hash_of(user, code)[..], &now.micros().to_be_bytes(), &until.micros().to_be_bytes()].concat();
    view.put(Keyspace::Meta, key(RECOVERY, user), value);
    until
}

/// Whether a recovery code is the user's and good now. One is good from its making on: where the clock was set
/// back behind that, nobody can say how much of its time has passed.
pub(super) fn is_code_of(
    snapshot: &dyn Snapshot,
    user: RecordId,
    code: &RecoveryKey,
    now: Timestamp,
) -> Result<bool> {
    let Some(stored) = snapshot.get(Keyspace::Meta, &key(RECOVERY, user))? else { return Ok(false) };
    let damaged = || Error::new(Code::Damaged).rule("recovery code");
    let (hash, rest) = stored.split_first_chunk::<32>().ok_or_else(damaged)?;
    let (since, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    let until = rest.first_chunk::<8>().ok_or_else(damaged)?;
    let good = (i64::from_be_bytes(*since)..i64::from_be_bytes(*until)).contains(&now.micros());
    Ok(are_equal(hash, &hash_of(user, code)) && good)
}

/// A code has 160 random bits, so a plain hash of it tells nothing.
fn hash_of(user: RecordId, code: &RecoveryKey) -> [u8; 32] {
    let hash = Sha256::new().chain_update(b"guanxi.recovery-code.v1").chain_update(user.as_bytes());
    hash.chain_update(code.reveal().as_bytes()).finalize().into()
}

/// Whether a stored credential is of a password.
fn is_of(stored: &[u8], password: &str) -> Result<bool> {
    let damaged = || Error::new(Code::Damaged).rule("credential");
    let (cost, rest) = stored.split_first_chunk::<COST>().ok_or_else(damaged)?;
    let (salt, expected) = rest.split_first_chunk::<SALT>().ok_or_else(damaged)?;
    let numbers: Vec<u32> =
        cost.chunks(4).filter_map(|bytes| bytes.try_into().ok().map(u32::from_be_bytes)).collect();
    let &[memory_kib, passes, lanes] = numbers.as_slice() else { return Err(damaged()) };
    let hash = KeyCost { memory_kib, passes, lanes }.stretch(password.as_bytes(), salt)?;
    Ok(are_equal(expected, hash.as_slice()))
}

/// Differences are gathered over all bytes, so that the time says nothing of the first one.
pub(super) fn are_equal(left: &[u8], right: &[u8]) -> bool {
    let difference = left.iter().zip(right).fold(0_u8, |found, (left, right)| found | (left ^ right));
    difference == 0 && left.len() == right.len()
}

fn key(prefix: &[u8], user: RecordId) -> Vec<u8> {
    [prefix, user.as_bytes()].concat()
}
