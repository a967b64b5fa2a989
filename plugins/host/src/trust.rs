//! Whom a host trusts: the keys of vendors, what their plugins may do here, and what was taken back.
//!
//! The store is a file of the host's and nothing of the database, so that whoever writes into a database brings no
//! code along. Signatures are those of minisign: Ed25519 over the BLAKE2b digest of the manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use guanxi::base::{Code, Date, Error, Result};
use minisign_verify::{PublicKey, Signature};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::manifest::{is_id, parse_digits, version_of};

/// Largest trust store, in bytes.
const MAX_STORE: u64 = 1 << 20;
/// Largest signature, in bytes.
pub(crate) const MAX_SIGNATURE: u64 = 4 << 10;

/// The keys that a host trusts, and what it has taken back. The default trusts nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustStore {
    /// The keys, by a name that the host gives them.
    #[serde(default)]
    pub keys: BTreeMap<String, TrustedKey>,
    /// SHA-256 of libraries that are not loaded any more, in hexadecimal digits, with the reason.
    #[serde(default)]
    pub revoked_libraries: BTreeMap<String, String>,
    /// Versions of plugins that are not loaded any more, as `<id> <version>`, with the reason.
    #[serde(default)]
    pub revoked_versions: BTreeMap<String, String>,
}

/// A key that a host trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// The public key as minisign writes it: one line of base64.
    pub public: String,
    /// The ids that it may sign for: each begins with one of these, such as `cn.example.`.
    pub ids: Vec<String>,
    /// What its plugins may ask leave for: capabilities, where `*` stands for any rest, such as `hook:*`.
    pub grants: Vec<String>,
    /// The first day on which it is in force, UTC, as `2026-11-30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Why it is not in force any more, if it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
}

/// A key that has signed something, and what it grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The name that the host gives the key.
    pub key: String,
    /// What its plugins may ask leave for.
    pub grants: Vec<String>,
}

impl TrustStore {
    /// Reads a store: TOML, in a file that only this user or root may write.
    ///
    /// # Errors
    /// `plugin.path` for a relative path, a link, or a file that others may write; `plugin.too_large`;
    /// `plugin.key_unknown` for a store that is malformed, with the reason, and as [`TrustStore::to_toml`].
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path, MAX_STORE)?;
        let text = String::from_utf8(bytes).map_err(|error| malformed(path).because(error))?;
        let store: Self = toml::from_str(&text).map_err(|error| malformed(path).rule(error.message()))?;
        store.check()?;
        Ok(store)
    }

    /// The store as TOML.
    ///
    /// # Errors
    /// `plugin.key_unknown` for a key or a day that is none, for one key under two names, and for what was taken back
    /// and names neither a version nor a library.
    pub fn to_toml(&self) -> Result<String> {
        self.check()?;
        toml::to_string(self).map_err(|error| Error::new(Code::PluginKeyUnknown).because(error))
    }

    /// Refuses what would not do what it seems to: a key that is taken back under one name would go on under the other,
    /// and a library or version that is misspelt would go on being loaded.
    fn check(&self) -> Result<()> {
        let wrong = |rule: &str, value: &str| Err(Error::new(Code::PluginKeyUnknown).rule(rule).value(value));
        let mut known = BTreeSet::new();
        for (name, key) in &self.keys {
            key.check()?;
            if !known.insert(key.public.trim()) {
                return wrong("each key under one name", name);
            }
        }
        if let Some(library) = self.revoked_libraries.keys().find(|library| parse_digits(library).is_none()) {
            return wrong("SHA-256 in 64 lower-case hexadecimal digits", library);
        }
        match self.revoked_versions.keys().find(|said| !is_id_and_version(said)) {
            Some(said) => wrong("an id and a version, such as cn.example.score 1.2.0", said),
            None => Ok(()),
        }
    }

    /// Who has signed bytes, if it is one of these keys and it is in force.
    ///
    /// # Errors
    /// `plugin.signature` if the signature is malformed, or not of these bytes; `plugin.key_unknown`,
    /// `plugin.key_revoked`, `plugin.key_expired`.
    pub fn verify(&self, bytes: &[u8], signature: &str) -> Result<Signer> {
        self.verify_at(bytes, signature, today()?)
    }

    fn verify_at(&self, bytes: &[u8], signature: &str, today: Date) -> Result<Signer> {
        let signature =
            Signature::decode(signature).map_err(|error| refused(Code::PluginSignature, error))?;
        for (name, key) in &self.keys {
            let public = key.public()?;
            // Signatures of the old kind are over the bytes themselves, which are bounded and in memory.
            match public.verify(bytes, &signature, true) {
                Err(minisign_verify::Error::UnexpectedKeyId) => {}
                Err(error) => return Err(refused(Code::PluginSignature, error).value(name)),
                Ok(()) => {
                    key.check_in_force(name, today)?;
                    return Ok(Signer { key: name.clone(), grants: key.grants.clone() });
                }
            }
        }
        Err(Error::new(Code::PluginKeyUnknown).rule("no key of the trust store has signed it"))
    }

    /// Whether a key may sign for a plugin.
    ///
    /// # Errors
    /// `plugin.key_unknown` if the id is not one of its.
    pub(crate) fn check_id(&self, signer: &Signer, id: &str) -> Result<()> {
        let key = self.keys.get(&signer.key);
        let covers =
            |prefix: &String| id == prefix || (prefix.ends_with('.') && id.starts_with(prefix.as_str()));
        if key.is_some_and(|key| key.ids.iter().any(covers)) {
            return Ok(());
        }
        Err(Error::new(Code::PluginKeyUnknown).plugin(id).rule("a key for this id").value(&signer.key))
    }

    /// Whether a version, or its library, was taken back.
    ///
    /// # Errors
    /// `plugin.revoked`, with the reason.
    pub(crate) fn check_revoked(&self, id: &str, version: &str, library: &str) -> Result<()> {
        let named = format!("{id} {version}");
        let reason = self.revoked_versions.get(&named).or_else(|| self.revoked_libraries.get(library));
        match reason {
            Some(reason) => Err(Error::new(Code::PluginRevoked).plugin(id).rule(reason).value(version)),
            None => Ok(()),
        }
    }
}

impl TrustedKey {
    fn public(&self) -> Result<PublicKey> {
        PublicKey::from_base64(&self.public).map_err(|error| refused(Code::PluginKeyUnknown, error))
    }

    fn check(&self) -> Result<()> {
        self.public()?;
        self.days().map(drop)
    }

    /// The first day on which it is in force, and the last one.
    fn days(&self) -> Result<(Option<Date>, Option<Date>)> {
        let wrong = |day: &str| Error::new(Code::PluginKeyUnknown).rule("a day").value(day);
        let day = |said: &Option<String>| {
            said.as_ref().map(|day| day.parse::<Date>().map_err(|_| wrong(day))).transpose()
        };
        Ok((day(&self.from)?, day(&self.until)?))
    }

    fn check_in_force(&self, name: &str, today: Date) -> Result<()> {
        if let Some(reason) = &self.revoked {
            return Err(Error::new(Code::PluginKeyRevoked).rule(reason).value(name));
        }
        let outside = |rule: &str| Err(Error::new(Code::PluginKeyExpired).rule(rule).value(name));
        match self.days()? {
            (Some(from), _) if today < from => outside(&format!("from {from}")),
            (_, Some(until)) if until < today => outside(&format!("until {until}")),
            _ => Ok(()),
        }
    }
}

fn is_id_and_version(said: &str) -> bool {
    said.split_once(' ').is_some_and(|(id, version)| is_id(id) && version_of(version).is_some())
}

/// Whether a grant covers a capability: it is the same, or the same up to a `*` at its end.
pub(crate) fn grants(grant: &str, capability: &str) -> bool {
    match grant.strip_suffix('*') {
        Some(beginning) => capability.starts_with(beginning),
        None => grant == capability,
    }
}

/// The day by the clock of the system. A host that lies about the time lies to itself.
fn today() -> Result<Date> {
    const DAY: u64 = 86_400;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date::from_days(i32::try_from(since.as_secs() / DAY).unwrap_or(i32::MAX))
}

fn refused(code: Code, error: minisign_verify::Error) -> Error {
    Error::new(code).rule(&error.to_string())
}

fn malformed(path: &Path) -> Error {
    Error::new(Code::PluginKeyUnknown).rule("a trust store").value(&path.to_string_lossy())
}
