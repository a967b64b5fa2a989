//! Keys of a vendor's: made, and used to sign. They are minisign's, so that its tools read them too.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use guanxi::Result;
use guanxi::base::{Code, Error};
use guanxi_plugin_host::catalogue::signature_of;
use guanxi_plugin_host::{bytes_to_sign, put_signature};
use minisign::{KeyPair, SecretKey, SecretKeyBox};
use serde_json::json;
use zeroize::Zeroizing;

use crate::commands::plugin::packages::tell_path;
use crate::exit::Ended;
use crate::host::Host;
use crate::output;

/// Where the password of a signing key is, if nobody is to be asked.
const PASSWORD: &str = "GUANXI_PLUGIN_KEY_PASSWORD";

#[derive(Debug, Args)]
pub struct Keygen {
    /// File for the secret key, which is not there yet; the public one is beside it, and ends with .pub
    secret: PathBuf,
    /// Keep the secret key without a password, for machines that sign alone
    #[arg(long)]
    no_password: bool,
}

impl Keygen {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let beside = self.secret.with_extension("pub");
        if beside == self.secret || beside.exists() {
            return Err(Error::new(Code::AlreadyExists).value(&beside.to_string_lossy()));
        }
        let pair = match self.no_password {
            true => KeyPair::generate_unencrypted_keypair(),
            false => KeyPair::generate_encrypted_keypair(Some(password(true)?.to_string())),
        };
        let pair = pair.map_err(refused)?;
        let secret = Zeroizing::new(pair.sk.to_box(None).map_err(refused)?.into_string());
        write_secret(&self.secret, secret.as_bytes())?;
        let public = pair.pk.to_base64();
        let box_text = pair.pk.to_box().map_err(refused)?.into_string();
        fs::write(beside, box_text)?;
        match host.wants_json() {
            true => output::json(&json!({"public": public, "secret": self.secret.to_string_lossy()}))?,
            false => output::line(&public)?,
        }
        Ok(Ended::Done)
    }
}

/// Writes a file that was not there and that only this user may read.
fn write_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let exists = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::new(Code::AlreadyExists).value(&path.to_string_lossy()),
        _ => error.into(),
    };
    Ok(options.open(path).map_err(exists)?.write_all(bytes)?)
}

fn password(twice: bool) -> Result<Zeroizing<String>> {
    if let Ok(password) = env::var(PASSWORD) {
        return Ok(Zeroizing::new(password));
    }
    let asked = Zeroizing::new(rpassword::prompt_password("Password of the signing key: ")?);
    if twice && *asked != *Zeroizing::new(rpassword::prompt_password("The same again: ")?) {
        return Err(Error::new(Code::InvalidArgument).field("password").rule("twice the same"));
    }
    Ok(asked)
}

fn refused(error: minisign::PError) -> Error {
    Error::new(Code::InvalidArgument).field("key").rule(&error.to_string())
}

#[derive(Debug, Args)]
pub struct Sign {
    /// The package, a directory, or a catalogue
    signed: PathBuf,
    /// File with the secret key
    #[arg(long, value_name = "FILE")]
    secret_key: PathBuf,
}

impl Sign {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let key = self.key()?;
        let signed = std::path::absolute(&self.signed)?;
        if signed.is_dir() {
            put_signature(&signed, &signature(&key, &bytes_to_sign(&signed)?)?)?;
            return tell_path(host, "signed", &signed);
        }
        let place = signature_of(&signed);
        fs::write(&place, signature(&key, &fs::read(&signed)?)?)?;
        tell_path(host, "signature", &place)
    }

    fn key(&self) -> Result<SecretKey> {
        let text = Zeroizing::new(fs::read_to_string(&self.secret_key)?);
        let parsed = || SecretKeyBox::from_string(&text).map_err(refused);
        match parsed()?.into_unencrypted_secret_key() {
            Ok(key) => Ok(key),
            Err(_) => parsed()?.into_secret_key(Some(password(false)?.to_string())).map_err(refused),
        }
    }
}

fn signature(key: &SecretKey, bytes: &[u8]) -> Result<String> {
    Ok(minisign::sign(None, key, bytes, None, None).map_err(refused)?.into_string())
}
