//! What a host remembers for a user between two sittings: settings of the user alone, by name.
//!
//! They mean nothing to the engine and change nothing that anybody else sees. Those of one user lie together, so that a
//! host which begins a session reads them at once, and ten thousand users make as many short values.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::base::{Code, Error, RecordId, Result};
use crate::engine::own_json::{own_json, read_own};
use crate::engine::{Session, Transaction, WriteOptions};
use crate::storage::{Keyspace, Snapshot};

/// Where the settings of a user lie.
const KEY: &[u8] = b"preference.";
/// Most settings of a user.
pub const MAX_PREFERENCES: usize = 200;
/// Most bytes of them, as JSON.
const MAX_BYTES: usize = 48 * 1_024;
/// Most bytes of a name.
const MAX_NAME: usize = 100;

/// Settings by their names.
pub type Preferences = BTreeMap<String, Json>;

impl Session {
    /// Keeps settings of this user in place of those with the same names; `null` takes one away. A name has at least two
    /// parts of small Latin letters, digits and `_` with a point between them, the first of which says whose it is:
    /// `till.receipt_width`.
    ///
    /// # Errors
    /// `input.invalid_argument` for a name that is none; `input.limit_exceeded` for a name of more than 100 bytes, more
    /// than 200 settings, or 48 KiB of them, and then none is kept; `storage.io`.
    pub fn set_preferences(&self, given: &Preferences) -> Result<()> {
        given.keys().try_for_each(|name| check_name(name))?;
        self.write_with(
            WriteOptions::default().cause("preference.set"),
            |transaction: &mut Transaction<'_>| {
                let mut kept = preferences_of(transaction.view(), self.user())?;
                for (name, value) in given {
                    match value {
                        Json::Null => drop(kept.remove(name)),
                        value => drop(kept.insert(name.clone(), value.clone())),
                    }
                }
                let json = own_json(&kept)?;
                if kept.len() > MAX_PREFERENCES || json.len() > MAX_BYTES {
                    let rule = format!("preferences <= {MAX_PREFERENCES}, {MAX_BYTES} bytes");
                    return Err(Error::new(Code::LimitExceeded).rule(&rule));
                }
                let key = place_of(self.user());
                match kept.is_empty() {
                    true => transaction.view_mut().remove(Keyspace::Meta, key),
                    false => transaction.view_mut().put(Keyspace::Meta, key, json),
                }
                Ok(())
            },
        )
    }

    /// The settings of this user whose names begin with a text; all of them for an empty one.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn preferences(&self, beginning: &str) -> Result<Preferences> {
        let mut kept = self.read(|reader| preferences_of(reader.snapshot, reader.user))?;
        kept.retain(|name, _| name.starts_with(beginning));
        Ok(kept)
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.len() > MAX_NAME {
        return Err(Error::new(Code::LimitExceeded).field("preferences").rule("name <= 100 bytes"));
    }
    let wrong = Error::new(Code::InvalidArgument).field("preferences").value(name);
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let mut parts = name.split('.');
    let has_parts = name.contains('.') && parts.all(|part| !part.is_empty() && part.bytes().all(is_letter));
    if has_parts { Ok(()) } else { Err(wrong.rule("[a-z0-9_]+ with points between them")) }
}

fn place_of(user: RecordId) -> Vec<u8> {
    [KEY, user.as_bytes()].concat()
}

fn preferences_of(snapshot: &dyn Snapshot, user: RecordId) -> Result<Preferences> {
    read_own(snapshot, &place_of(user), "preferences")
}
