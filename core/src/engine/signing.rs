//! Who signs checkpoints of the ledger: a host's own signer, or a key of Ed25519 that lies outside the database.

use std::fs;
use std::path::Path;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::base::{Code, Error, Random, Result};
use crate::engine::Crm;

/// The name of the algorithm of RFC 8032.
pub const ED25519: &str = "ed25519";

/// Signs checkpoints of the ledger with a key that the database does not have. A host may keep it in a security
/// module, in the key store of the system, or on another machine.
///
/// It is called without a transaction being open. It must not call the engine.
pub trait CheckpointSigner: Send + Sync {
    /// The name of the algorithm; `ed25519` for that of RFC 8032, which the engine verifies itself.
    fn algorithm(&self) -> &str;

    /// By what the key is known: for `ed25519` the 32 bytes of the public key.
    fn key(&self) -> Vec<u8>;

    /// The signature of the statement of a checkpoint.
    ///
    /// # Errors
    /// What hinders it; then there is no checkpoint.
    fn sign(&self, statement: &[u8]) -> Result<Vec<u8>>;

    /// Whether a signature of this algorithm and key is good.
    ///
    /// # Errors
    /// What hinders it.
    fn verify(&self, statement: &[u8], signature: &[u8]) -> Result<bool> {
        Ok(self.algorithm() == ED25519 && is_signed_by(&self.key(), statement, signature))
    }
}

/// How a statement is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureOf {
    /// The name of the algorithm.
    pub algorithm: String,
    /// Which key signed: for `ed25519` the public key.
    pub key: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// A statement with its signature, to be looked at.
pub(super) struct Signed<'s> {
    pub algorithm: &'s str,
    pub key: &'s [u8],
    pub signature: &'s [u8],
    pub statement: &'s [u8],
}

impl<'s> Signed<'s> {
    pub fn of(signature: &'s SignatureOf, statement: &'s [u8]) -> Self {
        let SignatureOf { algorithm, key, signature } = signature;
        Self { algorithm, key, signature, statement }
    }

    /// Whether it is signed by a key of Ed25519.
    fn is_by(&self, key: &[u8; 32]) -> bool {
        self.algorithm == ED25519 && self.key == key && is_signed_by(key, self.statement, self.signature)
    }
}

impl Crm {
    /// Signs a statement; nothing where the database was opened without a signer.
    pub(super) fn sign(&self, statement: &[u8]) -> Result<Option<SignatureOf>> {
        let signed = self.inner.signer.as_deref().map(|signer| {
            let signature = signer.sign(statement)?;
            Ok(SignatureOf { algorithm: signer.algorithm().to_owned(), key: signer.key(), signature })
        });
        signed.transpose()
    }

    /// Whether a signature holds: by one of the keys of Ed25519 if some are given, and else by the signer that the
    /// database was opened with. Nothing where there is neither.
    pub(super) fn trusts(&self, signed: &Signed<'_>, keys: &[[u8; 32]]) -> Result<Option<bool>> {
        if !keys.is_empty() {
            return Ok(Some(keys.iter().any(|key| signed.is_by(key))));
        }
        let Some(signer) = self.inner.signer.as_deref() else { return Ok(None) };
        let is_own = signed.algorithm == signer.algorithm() && signed.key == signer.key();
        Ok(Some(is_own && signer.verify(signed.statement, signed.signature)?))
    }
}

/// A key of Ed25519 in memory.
pub struct Ed25519Key(SigningKey);

impl std::fmt::Debug for Ed25519Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Ed25519Key")
    }
}

impl Ed25519Key {
    /// The key of a secret of 32 bytes.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// A new key, and the secret that a host keeps of it.
    #[must_use]
    pub fn generate(random: &dyn Random) -> (Self, Zeroizing<[u8; 32]>) {
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(secret.as_mut());
        (Self::from_secret(&secret), secret)
    }

    /// Reads the secret from a file: 32 bytes, or 64 hexadecimal digits.
    ///
    /// # Errors
    /// `storage.io`; `input.invalid_argument` for a file that holds neither.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let bytes = Zeroizing::new(fs::read(path)?);
        let refused = || Error::new(Code::InvalidArgument).rule("32 bytes, or 64 hexadecimal digits");
        if let Ok(secret) = <&[u8; 32]>::try_from(bytes.as_slice()) {
            return Ok(Self::from_secret(secret));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| refused())?;
        let mut secret = Zeroizing::new([0_u8; 32]);
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return Err(refused());
        }
        for (byte, pair) in secret.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| refused())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| refused())?;
        }
        Ok(Self::from_secret(&secret))
    }

    /// The public key, by which others verify.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

impl CheckpointSigner for Ed25519Key {
    fn algorithm(&self) -> &str {
        ED25519
    }

    fn key(&self) -> Vec<u8> {
        self.public().to_vec()
    }

    fn sign(&self, statement: &[u8]) -> Result<Vec<u8>> {
        Ok(self.0.sign(statement).to_bytes().to_vec())
    }
}

/// Whether a signature of Ed25519 is good. Keys and signatures of small order are not.
pub(crate) fn is_signed_by(key: &[u8], statement: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (key.try_into(), signature.try_into()) else { return false };
    let signature = Signature::from_bytes(signature);
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(statement, &signature).is_ok())
}
