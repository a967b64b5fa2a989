//! A database made anew from its backups: filled under a draft name, verified whole, and only then put
//! in its place.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::base::{Code, Error, HybridClock, Patience, RecordId, Result};
use crate::engine::Options;
use crate::engine::crm::{load_registry, store_registry};
use crate::engine::restore_administrator::{NewAdministrator, appoint, check_administered};
use crate::records::{
    BackupCounts, LedgerReader, Restored, Restorer, Sealer, Staleness, VerifyReport, WriteContext, WriteView,
    begin_rows_anew, chain_link, verify,
};
use crate::schema::Registry;
use crate::storage::{
    BackupHeader, BackupKind, BackupReader, Blobs, Database, Draft, Head, Key, KeyCost, KeyRing, OpenOptions,
    create_restored,
};

/// How a database is restored.
#[derive(Clone, Default)]
pub struct RestoreOptions {
    up_to: Option<u64>,
    replace: bool,
    administrator: Option<NewAdministrator>,
    key_of_keys: Option<Key>,
    patience: Patience,
    host: Options,
}

impl From<Options> for RestoreOptions {
    /// Restores with the cache, the clock and the random bytes of a host's options; what else they say is for
    /// whoever opens the database.
    fn from(host: Options) -> Self {
        Self { host, ..Self::default() }
    }
}

impl std::fmt::Debug for RestoreOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("RestoreOptions");
        shown.field("up_to", &self.up_to).field("replace", &self.replace).finish_non_exhaustive()
    }
}

impl RestoreOptions {
    /// Stops after this entry of the ledger, which is not before the end of the full backup. Records are
    /// as they were then; registry, settings, passwords and attachments are those of the backup in which
    /// the entry lies.
    #[must_use]
    pub fn up_to(mut self, position: u64) -> Self {
        self.up_to = Some(position);
        self
    }

    /// The last entry that is wanted.
    pub(super) fn last(&self) -> Option<u64> {
        self.up_to
    }

    /// Takes the place of what stands there, which is renamed to `NAME.before-restore-…` and kept.
    #[must_use]
    pub fn replace(mut self, replace: bool) -> Self {
        self.replace = replace;
        self
    }

    /// What opens the backup of keys, where that was made after the data key was changed and the others
    /// before.
    #[must_use]
    pub fn key_of_keys(mut self, key: Key) -> Self {
        self.key_of_keys = Some(key);
        self
    }

    /// Makes one more user, who administers the database: for the day on which the backup of keys is lost
    /// and every user with it. The cost is that of a guess at the password.
    #[must_use]
    pub fn administrator(mut self, name: &str, password: &str, cost: KeyCost) -> Self {
        let password = Zeroizing::new(password.to_owned());
        self.administrator = Some(NewAdministrator { name: name.to_owned(), password, cost });
        self
    }

    /// How long to wait, and who is told how far it is.
    #[must_use]
    pub fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }
}

/// A database that was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreReport {
    /// The last entry that came from a backup.
    pub restored_to: Head,
    /// Backups that were used, the one of keys not counted.
    pub backups: u64,
    /// What they held.
    pub counts: BackupCounts,
    /// Keys of persons that came from a backup of keys.
    pub keys: u64,
    /// Records of persons that were emptied, because the key of the person was erased or is not in the
    /// backup of keys.
    pub emptied: u64,
    /// Attachments that were left out with them, or because their record is younger than the last entry.
    pub attachments_left_out: u64,
    /// What the verification found, before the database was put in its place.
    pub verified: VerifyReport,
    /// Where the database lies now that stood in the place.
    pub replaced: Option<PathBuf>,
}

/// Restores a database from a full backup and any number of increments that follow it, in any order.
/// They open with a key that opened the database when the newest of them was made, and so does the
/// restored one, which has the same identity and history.
///
/// The records of persons whose keys are not in the backup of keys, because they were erased since or
/// because none is given, are restored emptied, as erasure leaves them, and each is entered as erased.
/// A person whom an entry of the ledger calls erased stays erased, whatever keys are given. Users are
/// persons as well, so without any backup of keys nobody could sign in any more: that is refused, unless
/// the options name a new administrator.
///
/// Whatever goes wrong, the place is left as it was.
///
/// # Errors
/// `storage.backup_chain`, `storage.wrong_key`, `storage.damaged` for a backup that is cut or changed,
/// `storage.already_exists`, `storage.locked`, `storage.io`, `input.invalid_argument` for a position that
/// the backups do not reach, `ledger.*` if what was restored does not verify, `engine.cancelled`.
pub fn restore(
    sources: Vec<&mut dyn Read>,
    keys: Option<&mut dyn Read>,
    key: &Key,
    path: impl AsRef<Path>,
    options: &RestoreOptions,
) -> Result<RestoreReport> {
    let chain = Chain::read(sources)?;
    let (ring, newest) = chain.unlock(key)?;
    let (chain, until) = chain.cut(options.up_to)?;
    let usual = OpenOptions::new(key.clone(), Arc::clone(&options.host.random), chain_link);
    let cache_bytes = options.host.cache_bytes.unwrap_or(usual.cache_bytes);
    let open = OpenOptions { cache_bytes, ..usual };
    let draft = create_restored(path.as_ref(), &open, &ring, &newest, options.replace)?;
    let report = Filling { draft: &draft, ring: &ring, key, options, until }.fill(chain, keys)?;
    let replaced = draft.finish(options.replace, options.host.random.as_ref())?;
    Ok(RestoreReport { replaced, ..report })
}

/// Backups whose heads were read, in the order of the ledger.
struct Chain<'a>(Vec<(BackupHeader, &'a mut dyn Read)>);

impl<'a> Chain<'a> {
    /// Reads the heads, and checks that each begins where the one before it ended.
    fn read(sources: Vec<&'a mut dyn Read>) -> Result<Self> {
        let mut chain = Vec::with_capacity(sources.len());
        for source in sources {
            chain.push((BackupHeader::read(source)?, source));
        }
        chain.sort_by_key(|(header, _)| (header.to.position, header.from.position));
        let broken = |rule: &str| Err(Error::new(Code::BackupChain).rule(rule));
        if chain.iter().any(|(header, _)| header.kind == BackupKind::Keys) {
            return broken("a backup of keys is given as such");
        }
        if chain.iter().map(|(header, _)| header.database).collect::<BTreeSet<_>>().len() > 1 {
            return broken("backups of several databases");
        }
        let mut end = Head::default();
        for (place, (header, _)) in chain.iter().enumerate() {
            match (place, header.kind) {
                (0, BackupKind::Full) | (1.., BackupKind::Incremental) if header.from == end => {}
                (0, _) => return broken("a chain begins with a full backup"),
                (_, BackupKind::Full) => return broken("a chain has one full backup"),
                _ => return broken(&format!("nothing goes from entry {} on", end.position)),
            }
            end = header.to;
        }
        if chain.is_empty() { broken("a chain begins with a full backup") } else { Ok(Self(chain)) }
    }

    /// The keys of the database, and the head of the newest backup, whose key slots the restored database
    /// gets: a key that was taken away meanwhile does not come back.
    fn unlock(&self, key: &Key) -> Result<(KeyRing, BackupHeader)> {
        let missing = || Error::new(Code::BackupChain);
        let (newest, _) = self.0.last().ok_or_else(missing)?;
        let ring = newest.unlock(key)?;
        if self.0.iter().all(|(header, _)| header.is_of(&ring)) {
            return Ok((ring, newest.clone()));
        }
        Err(missing().rule("backups of several databases"))
    }

    /// The backups that are needed up to an entry, and that entry.
    fn cut(self, up_to: Option<u64>) -> Result<(Self, u64)> {
        let first = self.0.first().map_or(0, |(header, _)| header.to.position);
        let last = self.0.last().map_or(0, |(header, _)| header.to.position);
        let until = up_to.unwrap_or(last);
        if !(first..=last).contains(&until) {
            let rule = format!("{first} to {last}, where the full backup and the last increment end");
            let refused = Error::new(Code::InvalidArgument).field("up_to").rule(&rule);
            return Err(refused.value(&until.to_string()));
        }
        let needed =
            |(header, _): &(BackupHeader, _)| header.kind == BackupKind::Full || header.from.position < until;
        Ok((Self(self.0.into_iter().filter(needed).collect()), until))
    }
}

/// What it takes to fill a draft.
struct Filling<'a> {
    draft: &'a Draft,
    ring: &'a KeyRing,
    key: &'a Key,
    options: &'a RestoreOptions,
    until: u64,
}

impl Filling<'_> {
    fn fill(&self, chain: Chain<'_>, keys: Option<&mut dyn Read>) -> Result<RestoreReport> {
        let database = self.draft.database()?;
        let patience = &self.options.patience;
        let derived = database.ring().derive("ledger");
        let sealer =
            Sealer::new(Arc::clone(&database.subjects), derived, Arc::clone(&self.options.host.random));
        let mut restorer = Restorer::new(database, &sealer, self.draft.blobs(), patience, self.until);
        let keys = keys.map_or(Ok(0), |keys| self.take_keys(&mut restorer, keys))?;
        let backups = chain.0.len() as u64;
        let mut counts = BackupCounts::default();
        let mut end = Head::default();
        for (header, source) in chain.0 {
            let reader = BackupReader::begin(source, &header, self.ring);
            counts = counts.plus(restorer.take(reader, &header)?);
            end = header.to;
        }
        sealer.use_kept_key(database.store.snapshot()?.as_ref())?;
        restorer.roll_forward(end.position == self.until)?;
        let restored_to = database.store.snapshot()?.head()?;
        let context = self.context(database, &sealer)?;
        restorer.settle(&context, &format!("to entry {} from {backups} backups", restored_to.position))?;
        let mut registry = load_registry(database.store.snapshot()?.as_ref())?;
        if end.position != self.until {
            registry = self.outdate_rows(database, &sealer, registry)?;
        }
        let Restored { emptied, attachments_left_out } = restorer.derive_all(&registry)?;
        if let Some(new) = &self.options.administrator {
            appoint(database.store.as_ref(), &sealer, &registry, &context, new, &self.options.host.clock)?;
        }
        let snapshot = database.store.snapshot()?;
        check_administered(snapshot.as_ref(), &registry, self.options.host.clock.now())?;
        let naming = database.ring().derive("blob");
        let blobs = Blobs::new(self.draft.blobs(), naming, Arc::clone(&self.options.host.random))?;
        let verified = verify(snapshot.as_ref(), &registry, (&sealer, &blobs), patience)?;
        let replaced = None;
        Ok(RestoreReport {
            restored_to,
            backups,
            counts,
            keys,
            emptied,
            attachments_left_out,
            verified,
            replaced,
        })
    }

    /// A registry that is later than the records may say other expressions than those by which the columns of their
    /// rows were worked out: they are still to be worked out anew.
    fn outdate_rows(&self, database: &Database, sealer: &Sealer, registry: Registry) -> Result<Registry> {
        let mut after = registry.clone();
        if registry.newer().is_some() || !after.outdate_rows() {
            return Ok(registry);
        }
        let mut view = WriteView::new(database.store.begin(&self.options.patience)?)?;
        store_registry(&mut view, &after.to_json()?);
        begin_rows_anew(&mut view, &after);
        crate::engine::Crm::begin_marking_anew(&mut view, &after)?;
        view.commit(sealer)?;
        Ok(after)
    }

    fn take_keys(&self, restorer: &mut Restorer<'_>, keys: &mut dyn Read) -> Result<u64> {
        let header = BackupHeader::read(keys)?;
        if header.kind != BackupKind::Keys || header.database != self.ring.file_id() {
            let rule = "the backup of keys is one of the same database";
            return Err(Error::new(Code::BackupChain).rule(rule));
        }
        // The data key may have been changed between the two.
        let key = self.options.key_of_keys.as_ref().unwrap_or(self.key);
        let ring = if header.is_of(self.ring) { self.ring.clone() } else { header.unlock(key)? };
        let reader = BackupReader::begin(keys, &header, &ring);
        Ok(restorer.take_keys(reader)?.keys)
    }

    /// Under which name and at which time the restore is entered: after everything that came back.
    fn context(&self, database: &Database, sealer: &Sealer) -> Result<WriteContext> {
        let snapshot = database.store.snapshot()?;
        let newest = LedgerReader::new(sealer).newest(snapshot.as_ref())?;
        let stamp = HybridClock::resume(newest.hlc, 0).next(self.options.host.clock.as_ref());
        Ok(WriteContext {
            actor: RecordId::from_bytes([0; 16]),
            on_behalf_of: None,
            cause: "restore".to_owned(),
            stamp,
            schema_version: load_registry(snapshot.as_ref())?.version(),
            stales: Staleness::None,
            named: BTreeSet::new(),
            marking: Arc::default(),
            holds: Arc::new(crate::records::Unasked),
        })
    }
}
