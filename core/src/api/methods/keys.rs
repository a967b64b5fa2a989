//! Methods on the keys that open the database.
//!
//! Their secrets stand in the JSON of the call and of the answer, which belongs to the host: the engine
//! wipes what it makes of them, and the host wipes its texts. No error and no entry repeats one.

use serde_json::{Map, Value as Json, json};
use zeroize::Zeroizing;

use crate::api::declare::{Secret, methods};
use crate::api::json::{key_slot_to_json, unhex, with};
use crate::base::{Code, Error, Result};
use crate::engine::{Key, KeyCost};

methods! {
    /// Lists the keys that open the database: numbers, kinds, costs and labels, and no secret.
    "key.list" (session, _given: ListKeys {}) -> "{keys: [{slot, kind, cost, label, created_at}]}" {
        Ok(json!({"keys": session.keys()?.iter().map(key_slot_to_json).collect::<Vec<_>>()}))
    }

    /// Adds a key, which opens the database from then on.
    "key.add" (session, given: AddKey {
        /// The key: `{"passphrase"}`, `{"raw"}` with 64 hexadecimal digits, or `{"recovery"}`.
        key: Secret<Map<String, Json>>,
        /// What people call it, at most 15 bytes.
        label: Option<String>,
    }) -> "{slot, kind, cost, label, created_at}" {
        let key = key_from_json("key", &given.key)?;
        Ok(key_slot_to_json(&session.add_key(&key, given.label.as_deref().unwrap_or_default())?))
    }

    /// Draws a recovery key and adds it; the answer is the only place where it is ever shown.
    "key.add_recovery" (session, given: AddRecoveryKey {
        /// What people call it, at most 15 bytes.
        label: Option<String>,
    }) -> "{recovery_key, slot, kind, cost, label, created_at}" {
        let (recovery, slot) = session.add_recovery_key(given.label.as_deref().unwrap_or_default())?;
        let text = recovery.reveal();
        Ok(with(key_slot_to_json(&slot), [("recovery_key", json!(text.as_str()))]))
    }

    /// Puts another key in the place of one.
    "key.change" (session, given: ChangeKey {
        /// The key that goes, in the form of `key.add`.
        old: Secret<Map<String, Json>>,
        /// The key that comes.
        new: Secret<Map<String, Json>>,
    }) -> "{slot, kind, cost, label, created_at}" {
        let (old, new) = (key_from_json("old", &given.old)?, key_from_json("new", &given.new)?);
        Ok(key_slot_to_json(&session.change_key(&old, &new)?))
    }

    /// Takes away the key in a slot. The last key stays; older copies of the files still open with it.
    "key.remove" (session, given: RemoveKey {
        /// The number of the slot, as `key.list` gives it.
        slot: u64,
    }) -> "{slot, kind, cost, label, created_at}" {
        let number = u8::try_from(given.slot).map_err(|_| Error::new(Code::InvalidArgument).field("slot"))?;
        Ok(key_slot_to_json(&session.remove_key_slot(number)?))
    }

    /// Wraps the slot of a passphrase anew, at another cost of guessing it (Argon2id).
    "key.upgrade_cost" (session, given: UpgradeKeyCost {
        /// The passphrase, in the form of `key.add`.
        key: Secret<Map<String, Json>>,
        /// Memory in KiB; 65536 if not said.
        memory_kib: Option<u64>,
        /// Passes over the memory; 3 if not said.
        passes: Option<u64>,
        /// Lanes; 1 if not said.
        lanes: Option<u64>,
    }) -> "{slot, kind, cost, label, created_at}" {
        let usual = KeyCost::default();
        let cost = KeyCost {
            memory_kib: number("memory_kib", given.memory_kib, usual.memory_kib)?,
            passes: number("passes", given.passes, usual.passes)?,
            lanes: number("lanes", given.lanes, usual.lanes)?,
        };
        Ok(key_slot_to_json(&session.upgrade_key_cost(&key_from_json("key", &given.key)?, cost)?))
    }
}

fn number(field: &str, given: Option<u64>, usual: u32) -> Result<u32> {
    let given = given.unwrap_or(usual.into());
    u32::try_from(given).map_err(|_| Error::new(Code::InvalidArgument).field(field).rule("at most 32 bits"))
}

/// A key in one of its three forms.
pub(super) fn key_from_json(field: &str, given: &Map<String, Json>) -> Result<Key> {
    let refused = |rule: &str| Error::new(Code::InvalidArgument).field(field).rule(rule);
    let only = given.iter().next().filter(|_| given.len() == 1);
    match only.and_then(|(kind, secret)| Some((kind.as_str(), secret.as_str()?))) {
        Some(("passphrase", words)) => Ok(Key::from_passphrase(words)),
        Some(("raw", digits)) => {
            let bytes = unhex(digits).map(Zeroizing::new);
            let bytes =
                bytes.as_deref().and_then(|bytes| bytes.first_chunk::<32>().filter(|_| bytes.len() == 32));
            bytes.map(|bytes| Key::raw(*bytes)).ok_or_else(|| refused("64 hexadecimal digits"))
        }
        Some(("recovery", text)) => Key::recovery(text),
        _ => Err(refused("an object with one text: passphrase, raw or recovery")),
    }
}
