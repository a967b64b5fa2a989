//! The host's part: which language, which user, how long to wait, and the session that follows.

use std::env;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use guanxi::{Code, Error, Key, Locale, Options, Patience, Result, Session};
use guanxi_plugin_host::{Loader, Manifest, TrustStore};

use crate::arguments::Global;
use crate::output::visible;
use crate::secrets::{self, Asked, Wanted};

/// What holds for the whole call.
#[derive(Debug)]
pub struct Host {
    global: Global,
    locale: Locale,
}

impl Host {
    /// Takes over the options, with the language of the environment where none is chosen.
    pub fn new(global: Global) -> Self {
        let locale = global.locale.unwrap_or_else(locale_of_environment);
        Self { global, locale }
    }

    /// The language of messages.
    pub fn locale(&self) -> Locale {
        self.locale
    }

    /// Whether answers and errors are in JSON.
    pub fn wants_json(&self) -> bool {
        self.global.json
    }

    /// The key that opens the database.
    ///
    /// # Errors
    /// As [`secrets::key`].
    pub fn key(&self, asked: Asked) -> Result<Key> {
        let wanted = Wanted::present(self.global.key_file.as_deref(), self.global.key_kind);
        secrets::key(wanted, self.locale, asked)
    }

    /// Options with a key in them.
    pub fn options(&self, key: Key) -> Options {
        guanxi::options().key(key).locale(self.locale)
    }

    /// Opens a database, signs in, and loads the plugins of the command line.
    ///
    /// # Errors
    /// Those of `Options::open`, `Crm::sign_in` and `Crm::session_for`, of plugins, and as [`secrets::key`].
    pub fn session(&self, path: &Path) -> Result<Session> {
        self.session_with(path, self.key(Asked::Once)?)
    }

    /// As [`Host::session`], with a key that is at hand.
    ///
    /// # Errors
    /// As [`Host::session`].
    pub fn session_with(&self, path: &Path, key: Key) -> Result<Session> {
        self.session_of(path, self.options(key))
    }

    /// As [`Host::session`], with options that are made.
    ///
    /// # Errors
    /// As [`Host::session`].
    pub fn session_of(&self, path: &Path, options: Options) -> Result<Session> {
        let session = self.sign_in(path, options)?;
        self.load(&session, &self.global.plugin)?;
        Ok(session.with_patience(self.patience()))
    }

    /// How long the call may take.
    pub fn patience(&self) -> Patience {
        let patience = Patience::default();
        match self.global.timeout {
            Some(seconds) => patience.within(Duration::from_secs(seconds)),
            None => patience,
        }
    }

    /// Loads plugins into the database of a session, in order, and tells what they log on standard error.
    ///
    /// # Errors
    /// Those of `Loader::install`; `storage.io` if a path cannot be made absolute.
    pub fn load(&self, session: &Session, packages: &[PathBuf]) -> Result<Vec<Manifest>> {
        if packages.is_empty() {
            return Ok(Vec::new());
        }
        self.loader()?.install(session.crm(), &self.absolute(packages)?)
    }

    /// As [`Host::load`], and runs migrations that are due in the right of the session's user.
    ///
    /// # Errors
    /// Those of `Loader::install_as`.
    pub fn load_as(&self, session: &Session, packages: &[PathBuf]) -> Result<Vec<Manifest>> {
        self.loader()?.install_as(session, &self.absolute(packages)?)
    }

    fn absolute(&self, packages: &[PathBuf]) -> Result<Vec<PathBuf>> {
        guanxi_plugin_host::set_log(Box::new(|_, text| eprintln!("{}", visible(text))));
        Ok(packages.iter().map(path::absolute).collect::<Result<Vec<_>, _>>()?)
    }

    /// The file of the trust store, if one was named.
    pub fn trust(&self) -> Option<&Path> {
        self.global.trust.as_deref()
    }

    /// Whether packages are taken that nobody has signed.
    pub fn takes_unsigned(&self) -> bool {
        self.global.unsigned
    }

    /// What this host accepts of packages: those that a key of the trust store has signed, or any where that was said.
    ///
    /// # Errors
    /// `plugin.signature` where neither was said; those of the trust store.
    pub fn loader(&self) -> Result<Loader> {
        let loader = match (&self.global.trust, self.global.unsigned) {
            (Some(trust), _) => Loader::trusting(TrustStore::read(&path::absolute(trust)?)?),
            (None, true) => Loader::unsigned(),
            (None, false) => {
                let refused = Error::new(Code::PluginSignature);
                return Err(refused.rule("--trust FILE, or --unsigned for packages of your own"));
            }
        };
        Ok(if self.global.allow_downgrade { loader.allow_downgrade() } else { loader })
    }

    fn sign_in(&self, path: &Path, options: Options) -> Result<Session> {
        if let Some(user) = &self.global.user {
            return options.trust_host().open(path)?.session_for(user);
        }
        let user = secrets::user(self.locale)?;
        let password = secrets::password(&user, self.locale, Asked::Once)?;
        let crm = options.open(path)?;
        match crm.sign_in(&user, &password) {
            Err(error) if error.code() == Code::PasswordExpired => {
                let new = secrets::new_password(&user, self.locale).map_err(|_| error)?;
                crm.sign_in_with_new_password(&user, &password, &new)
            }
            signed_in => signed_in,
        }
    }
}

/// The language by the order of POSIX (IEEE Std 1003.1, 8.2): the first variable that is set decides.
fn locale_of_environment() -> Locale {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| env::var(name).ok());
    set.into_iter().find(|value| !value.is_empty()).map_or_else(Locale::default, |value| locale_named(&value))
}

/// Reads a locale as POSIX writes it, `zh_CN.UTF-8@variant`; what is neither language is English.
fn locale_named(value: &str) -> Locale {
    let tag = value.split(['.', '@']).next().unwrap_or_default();
    Locale::parse(tag).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_read_as_posix_writes_it() {
        let expected = [
            ("zh_CN.UTF-8", Locale::SimplifiedChinese),
            ("zh.utf8@pinyin", Locale::SimplifiedChinese),
            ("en_GB.UTF-8", Locale::English),
            ("C", Locale::English),
            ("fr_FR.UTF-8", Locale::English),
        ];
        for (value, locale) in expected {
            assert_eq!(locale_named(value), locale, "{value}");
        }
    }
}
