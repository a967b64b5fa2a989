//! How a database is created or opened.

use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::base::{Clock, Locale, OsRandom, Random, Result, SystemClock};
use crate::engine::{
    CheckpointSigner, Crm, Extension, MAX_SHARES, MAX_SHARES_OF_RECORD, Settings, TextExtractor,
};
use crate::records::MAX_RECORDS;
use crate::storage::{Durability, Key, KeyCost, KeyProvider, UpgradePolicy};

/// Most records over which something new is built within the transaction that declares it, if not said.
const BUILT_AT_ONCE: u64 = 100_000;

/// Options for [`Options::create`] and [`Options::open`].
#[derive(Clone)]
pub struct Options {
    pub(super) key: Option<Key>,
    pub(super) key_provider: Option<Arc<dyn KeyProvider>>,
    pub(super) key_cost: KeyCost,
    pub(super) build_at_once: u64,
    pub(super) most_shares: usize,
    pub(super) most_shares_of_record: usize,
    pub(super) cache_bytes: Option<usize>,
    pub(super) record_cache_bytes: Option<usize>,
    pub(super) verify_on_open: bool,
    pub(super) durability: Durability,
    pub(super) upgrade: UpgradePolicy,
    pub(super) host_trust: bool,
    pub(super) locale: Locale,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) extensions: Vec<Arc<dyn Extension>>,
    pub(super) administrator: Option<(String, Zeroizing<String>)>,
    pub(super) settings: Settings,
    pub(super) conflict_every: u64,
    pub(super) signer: Option<Arc<dyn CheckpointSigner>>,
    pub(super) extractors: Vec<Arc<dyn TextExtractor>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            key: None,
            key_provider: None,
            key_cost: KeyCost::default(),
            build_at_once: BUILT_AT_ONCE,
            most_shares: MAX_SHARES,
            most_shares_of_record: MAX_SHARES_OF_RECORD,
            cache_bytes: None,
            record_cache_bytes: None,
            verify_on_open: false,
            durability: Durability::default(),
            upgrade: UpgradePolicy::default(),
            host_trust: false,
            locale: Locale::default(),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            extensions: Vec::new(),
            administrator: None,
            settings: Settings::default(),
            conflict_every: 0,
            signer: None,
            extractors: Vec::new(),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Options").field("cache_bytes", &self.cache_bytes).finish_non_exhaustive()
    }
}

impl Options {
    /// The key that opens the database. Required, but for an open with [`Options::key_provider`].
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Who gives the key when a database is opened without [`Options::key`], by the database's identity.
    /// A new database is made with a key; its identity, under which the host then keeps that key, is
    /// `Crm::identity`.
    #[must_use]
    pub fn key_provider(mut self, provider: Arc<dyn KeyProvider>) -> Self {
        self.key_provider = Some(provider);
        self
    }

    /// Most records over which a new index or counter, or an index or unique values that are switched on for a
    /// field, are built within the transaction that declares them, which holds their keys in memory and lets nobody
    /// write meanwhile; 100,000 if not said, and never more than 1,000,000. Over more they are built in chunks,
    /// between which others write.
    #[must_use]
    pub fn build_at_once(mut self, records: u64) -> Self {
        self.build_at_once = records.min(MAX_RECORDS);
        self
    }

    /// Most shares of single records that stand with one user or one team, and most that stand of one record; 10,000
    /// and 1,000 if not said, and never more. What is shared with somebody is read for that person alone, so the first
    /// bounds what a list or a count of theirs may cost.
    #[must_use]
    pub fn most_shares(mut self, with_one: usize, of_one: usize) -> Self {
        self.most_shares = with_one.min(MAX_SHARES);
        self.most_shares_of_record = of_one.min(MAX_SHARES_OF_RECORD);
        self
    }

    /// What a guess at a passphrase or password costs. The default is Argon2id with 64 MiB and 3 passes.
    #[must_use]
    pub fn key_cost(mut self, cost: KeyCost) -> Self {
        self.key_cost = cost;
        self
    }

    /// Memory for pages, and for records that are read often, in bytes; 16 MiB by default.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = Some(bytes);
        self
    }

    /// How much of the memory of [`Options::cache_bytes`] is for what is read often, in bytes; an eighth of it by
    /// default: records, short ranges of indexes, and counters. Such a record is neither looked for nor decoded again
    /// until it changes, and has gone when the commit that changes or erases it is accepted; a range is sought anew
    /// once a record of its access class has changed in the index. With 0, every read finds and decodes what it reads.
    #[must_use]
    pub fn record_cache_bytes(mut self, bytes: usize) -> Self {
        self.record_cache_bytes = Some(bytes);
        self
    }

    /// When a write is durable: when it returns, unless this says otherwise.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// What is done with a database that an older engine wrote: copied and upgraded, unless this says
    /// otherwise.
    #[must_use]
    pub fn upgrade(mut self, policy: UpgradePolicy) -> Self {
        self.upgrade = policy;
        self
    }

    /// Checks every page when the database is opened.
    #[must_use]
    pub fn verify_on_open(mut self, verify: bool) -> Self {
        self.verify_on_open = verify;
        self
    }

    /// Lets the host name its users without their passwords (`Crm::session_for`).
    #[must_use]
    pub fn trust_host(mut self) -> Self {
        self.host_trust = true;
        self
    }

    /// The language of sessions that choose none.
    #[must_use]
    pub fn locale(mut self, locale: Locale) -> Self {
        self.locale = locale;
        self
    }

    /// Where the present moment comes from.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where random bytes come from.
    #[must_use]
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// Adds an extension.
    #[must_use]
    pub fn extension(mut self, extension: Arc<dyn Extension>) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Name and password of the first user, who administers the database. Required by `create`.
    #[must_use]
    pub fn administrator(mut self, name: &str, password: &str) -> Self {
        self.administrator = Some((name.to_owned(), Zeroizing::new(password.to_owned())));
        self
    }

    /// Settings of the organisation that a new database begins with.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Signs checkpoints of the ledger with a key that the database does not have.
    #[must_use]
    pub fn checkpoint_signer(mut self, signer: Arc<dyn CheckpointSigner>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Adds what reads texts out of attachments, which search finds them by then. What is attached waits for
    /// [`Session::extract_texts`](crate::engine::Session::extract_texts). Of several that take a media type the first
    /// one reads it.
    #[must_use]
    pub fn text_extractor(mut self, extractor: Arc<dyn TextExtractor>) -> Self {
        self.extractors.push(extractor);
        self
    }

    /// For [`Options::create_in_memory`]: one of so many commits (at least every second) finds another
    /// in its way, as happens on stores with several writers, so that a host sees whether the closures
    /// that it passes to `write` can run again. 0, the default, for none.
    #[must_use]
    pub fn conflict_every(mut self, commits: u64) -> Self {
        self.conflict_every = commits;
        self
    }

    /// Creates a database in memory, for the tests of hosts; it is gone when it is closed. The index of
    /// search and large attachments lie in a temporary folder meanwhile, under a key that is nowhere else.
    ///
    /// # Errors
    /// As [`Options::create`].
    pub fn create_in_memory(self) -> Result<Crm> {
        Crm::create_in_memory(self)
    }

    /// Creates a database: a directory, conventionally `name.guanxi`.
    ///
    /// # Errors
    /// `storage.already_exists`, `storage.io`, `input.missing_parameter` without key or administrator,
    /// `access.weak_password`.
    pub fn create(self, path: impl AsRef<Path>) -> Result<Crm> {
        Crm::create(path.as_ref(), self)
    }

    /// Opens a database.
    ///
    /// # Errors
    /// `storage.not_found`, `storage.wrong_key`, `storage.not_a_database`, `storage.damaged`,
    /// `storage.newer_format`, `storage.locked`, `storage.io`, `input.missing_parameter` without key.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Crm> {
        Crm::open(path.as_ref(), self)
    }
}
