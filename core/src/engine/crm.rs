//! One open database: the store, the registry, the newest policy, and whoever extends them.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::ThreadId;

use zeroize::Zeroizing;

use crate::access::{self, Policy, user};
use crate::base::{
    Clock, Code, Error, FieldId, HybridClock, Label, Locale, Patience, Random, RecordId, Result, Timestamp,
    Value,
};
use crate::engine::actions::Performers;
use crate::engine::anomalies::AnomalyListeners;
use crate::engine::audit_trail::AuditTrail;
use crate::engine::configuration::Configuration;
use crate::engine::due::DueHook;
use crate::engine::extension::Hook;
use crate::engine::plugin_states;
use crate::engine::pool_views::PoolViews;
use crate::engine::retype::begin_moves;
use crate::engine::session::WriterTurn;
use crate::engine::sessions::OpenSessions;
use crate::engine::sharing::KeptShares;
use crate::engine::sign_in::Failed;
use crate::engine::slow::SlowLog;
use crate::engine::transaction::Publish;
use crate::engine::watch::Bell;
use crate::engine::{
    Changes, CheckpointSigner, Command, Options, Session, Settings, TextExtractor, Transaction, VerifyReport,
    Warning, WriteOptions, organisation, organisation::KeptPolicy, settings,
};
use crate::records::{
    EntryKind, LedgerReader, Sealer, Staleness, WaitingText, WriteContext, WriteView, added, build_rollups,
    find_unique, gaining, gains_keys, is_large, note, read_epoch, records_made, reindex, renew_changed_rows,
    verify,
};
use crate::schema::{EntityType, Field, FieldKeys, GuideDefinition, Registry, RegistryChange};
use crate::storage::{
    CommitId, Database, Gate, Head, Key, Keyspace, OpenOptions, RecoveryInfo, Settled, Snapshot,
    StoreStatistics,
};

/// Where the registry lies.
const REGISTRY: &[u8] = b"registry";
/// One part in so many of the memory for pages and records is for records.
const RECORDS_OF_CACHE: usize = 8;
/// Most changes of a registry that one entry of the ledger lists; the rest is counted.
const MAX_TOLD: usize = 200;
/// Longest sealed registry value; a larger one lies in numbered parts.
const PART: usize = 60 * 1_024;

/// An open database. Clones share it; it closes when the last clone and session are gone.
#[derive(Clone)]
pub struct Crm {
    pub(super) inner: Arc<Inner>,
}

impl std::fmt::Debug for Crm {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Crm").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

/// What all sessions share.
pub(super) struct Inner {
    pub path: PathBuf,
    pub database: Database,
    pub sealer: Sealer,
    pub registry: RwLock<Arc<Registry>>,
    /// The newest policy, with the version of the registry that it was read by.
    policy: RwLock<Option<KeptPolicy>>,
    pub hooks: RwLock<Arc<Vec<Hook>>>,
    /// What is done when moments in records have come.
    pub due: RwLock<Arc<Vec<DueHook>>>,
    settings: RwLock<Arc<Settings>>,
    pub configuration: RwLock<Arc<Configuration>>,
    pub slow_log: Mutex<SlowLog>,
    /// The ids of the extensions that are there.
    pub plugins: RwLock<BTreeSet<String>>,
    /// The ids of the plugins without which nothing is written.
    pub required_plugins: RwLock<BTreeSet<String>>,
    /// What extensions do when they are asked by name.
    pub performers: RwLock<Arc<Performers>>,
    /// What extensions let people do by name.
    pub commands: RwLock<Arc<Vec<Command>>>,
    pub guides: RwLock<Arc<Vec<GuideDefinition>>>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub hybrid: HybridClock,
    /// The newest id that was given away, behind which the next one sorts.
    pub newest_id: Mutex<RecordId>,
    host_trust: bool,
    locale: Locale,
    pub key_cost: crate::storage::KeyCost,
    /// Most records whose new indexes are built within the transaction that declares them.
    pub build_at_once: u64,
    /// Most shares with one user or team, and most of one record.
    pub most_shares: (usize, usize),
    /// What the last build took for each record, in nanoseconds; 0 before the first one.
    pub build_rate: AtomicU64,
    /// The thread whose transaction is open, so that it cannot wait for itself.
    pub writer: Mutex<Option<ThreadId>>,
    /// Held while a changed copy of the registry is made and stored, so that two changes make no one lost.
    pub changing_registry: Mutex<()>,
    /// What features keep for each open database, by their type.
    pub slots: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    /// What features' sealed files work behind, until their key changes.
    pub gate: Mutex<Gate>,
    /// Who signs checkpoints of the ledger.
    pub signer: Option<Arc<dyn CheckpointSigner>>,
    /// Who reads texts out of attachments.
    pub extractors: RwLock<Vec<Arc<dyn TextExtractor>>>,
    /// The attachment whose text was read last.
    pub last_text: Mutex<Option<WaitingText>>,
    /// What waits to be entered in the ledger.
    pub audit: AuditTrail,
    /// How many records of pools each has opened today.
    pub pool_views: Mutex<PoolViews>,
    pub anomaly_listeners: AnomalyListeners,
    /// What is shared with those who ask.
    pub shares: KeptShares,
    /// The sessions that are open.
    pub sessions: OpenSessions,
    /// The names that failed to sign in lately.
    pub failed: Failed,
    /// What wakes those who wait for changes.
    pub bell: Bell,
    /// How often a named method ended with each error since the open.
    pub refusals: Mutex<BTreeMap<&'static str, u64>>,
}

impl Crm {
    pub(super) fn create(path: &Path, options: Options) -> Result<Self> {
        let missing = |name: &str| Error::new(Code::MissingParameter).field(name);
        let (name, password) = options.administrator.clone().ok_or_else(|| missing("administrator"))?;
        options.settings.check()?;
        let key = options.key.clone().ok_or_else(|| missing("key"))?;
        // What is under the path has its administrator from the first moment on, whenever the power fails.
        let database = crate::storage::create(path, &open_options(&options, key), |draft| {
            let home = draft.path().to_owned();
            Self::found(&home, draft, &options, &name, &password).map(drop)
        })?;
        let crm = Self::build(path, database, &options)?;
        crm.install_all(&options.extensions)?;
        Ok(crm)
    }

    pub(super) fn create_in_memory(options: Options) -> Result<Self> {
        let missing = |name: &str| Error::new(Code::MissingParameter).field(name);
        let (name, password) = options.administrator.clone().ok_or_else(|| missing("administrator"))?;
        options.settings.check()?;
        let key = options.key.clone().ok_or_else(|| missing("key"))?;
        let options_of_store = open_options(&options, key);
        let database = crate::storage::create_in_memory(&options_of_store, options.conflict_every)?;
        let path = database.path().to_owned();
        Self::found(&path, database, &options, &name, &password)
    }

    fn found(
        path: &Path,
        database: Database,
        options: &Options,
        name: &str,
        password: &Zeroizing<String>,
    ) -> Result<Self> {
        let crm = Self::build(path, database, options)?;
        crm.seed(name, password, options)?;
        Ok(crm)
    }

    pub(super) fn open(path: &Path, options: Options) -> Result<Self> {
        let key = options.opening_key(path)?;
        let database = crate::storage::open(path, &open_options(&options, key))?;
        let crm = Self::build(path, database, &options)?;
        crm.renew_indexes()?;
        crm.install_all(&options.extensions)?;
        Ok(crm)
    }

    fn build(path: &Path, database: Database, options: &Options) -> Result<Self> {
        let derived = database.ring().derive("ledger");
        let sealer = Sealer::new(Arc::clone(&database.subjects), derived, Arc::clone(&options.random));
        sealer.use_kept_key(database.store.snapshot()?.as_ref())?;
        let required;
        let (registry, settings, configuration, newest) = {
            let snapshot = database.store.snapshot()?;
            let newest = LedgerReader::new(&sealer).newest(snapshot.as_ref())?;
            let configuration = Configuration::load(snapshot.as_ref())?;
            required = plugin_states::required(&plugin_states::states(snapshot.as_ref())?);
            (load_registry(snapshot.as_ref())?, Settings::load(snapshot.as_ref())?, configuration, newest)
        };
        let inner = Inner {
            path: path.to_owned(),
            database,
            sealer,
            registry: RwLock::new(Arc::new(registry)),
            policy: RwLock::new(None),
            hooks: RwLock::new(Arc::default()),
            due: RwLock::new(Arc::default()),
            settings: RwLock::new(Arc::new(settings)),
            configuration: RwLock::new(Arc::new(configuration)),
            slow_log: Mutex::new(SlowLog::default()),
            plugins: RwLock::default(),
            required_plugins: RwLock::new(required),
            performers: RwLock::default(),
            commands: RwLock::new(Arc::default()),
            guides: RwLock::new(Arc::default()),
            clock: Arc::clone(&options.clock),
            random: Arc::clone(&options.random),
            hybrid: HybridClock::resume(newest.hlc, 0),
            newest_id: Mutex::new(RecordId::from_bytes([0; 16])),
            host_trust: options.host_trust,
            locale: options.locale,
            key_cost: options.key_cost,
            build_at_once: options.build_at_once,
            most_shares: (options.most_shares, options.most_shares_of_record),
            build_rate: AtomicU64::new(0),
            writer: Mutex::new(None),
            changing_registry: Mutex::new(()),
            slots: Mutex::new(HashMap::new()),
            gate: Mutex::new(Gate::default()),
            signer: options.signer.clone(),
            extractors: RwLock::new(options.extractors.clone()),
            last_text: Mutex::new(None),
            audit: AuditTrail::default(),
            pool_views: Mutex::default(),
            anomaly_listeners: AnomalyListeners::default(),
            shares: KeptShares::default(),
            sessions: OpenSessions::default(),
            failed: Failed::default(),
            bell: Bell::default(),
            refusals: Mutex::new(BTreeMap::new()),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Where the database lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// A session for a user whom the host vouches for.
    ///
    /// # Errors
    /// `access.host_trust_required` unless the database was opened with it; `access.sign_in_failed`.
    pub fn session_for(&self, name: &str) -> Result<Session> {
        if !self.inner.host_trust {
            return Err(Error::new(Code::HostTrustRequired));
        }
        let user = {
            let snapshot = self.snapshot()?;
            let user = self.user_named(snapshot.as_ref(), name)?;
            let policy = self.policy(snapshot.as_ref())?;
            user.filter(|user| policy.is_active(*user)).ok_or_else(|| Error::new(Code::SignInFailed))?
        };
        self.enter_note(user, EntryKind::SignIn, "sign_in", "host")?;
        self.session_of(user)
    }

    /// What opening the database had to mend after a crash.
    #[must_use]
    pub fn recovery(&self) -> RecoveryInfo {
        self.inner.database.recovery
    }

    /// Verifies the whole database: ledger chain, sealed values, indexes, unique keys, counters, rollups,
    /// attachments. The listener of `patience` is told of the phases `ledger`, `records`, `keys` and
    /// `attachments`.
    ///
    /// # Errors
    /// `ledger.broken`, `ledger.index_mismatch`, `storage.damaged`, `engine.cancelled`.
    pub fn verify(&self, patience: &Patience) -> Result<VerifyReport> {
        let blobs = self.blobs()?;
        let _files_stay = blobs.hold();
        let snapshot = self.snapshot()?;
        let bytes = (&self.inner.sealer, blobs.as_ref());
        verify(snapshot.as_ref(), &self.registry(), bytes, patience)
    }

    /// What became of a commit that was named by [`WriteOptions::commit_id`], for the newest thousand
    /// named ones: to be asked after a reopen, when a write ended with `storage.io`.
    ///
    /// # Errors
    /// `storage.stopped`, `storage.io`.
    pub fn settle(&self, id: &CommitId) -> Result<Settled> {
        self.inner.database.store.settle(id)
    }

    /// Makes durable what was committed so far, where the database is open with
    /// [`Durability::Relaxed`](crate::Durability::Relaxed).
    ///
    /// # Errors
    /// `storage.io`, after which the database stops.
    pub fn flush(&self) -> Result<Head> {
        self.inner.database.store.flush()
    }

    /// Brings the journal into the tables, so that a reopen after a crash has nothing to do. A host
    /// calls it when it is idle, and before it may be suspended or killed.
    ///
    /// # Errors
    /// `storage.io`, after which the database stops.
    pub fn checkpoint(&self) -> Result<()> {
        self.inner.database.store.checkpoint()
    }

    /// Sizes of tables and files, and what was done since the open. Walks the pages of all tables.
    ///
    /// # Errors
    /// `storage.stopped`, `storage.io`.
    pub fn statistics(&self) -> Result<StoreStatistics> {
        self.inner.database.store.statistics()
    }

    /// An id that sorts behind all that were given away since the database was opened.
    pub(crate) fn new_id(&self) -> RecordId {
        let mut newest = self.inner.newest_id.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = RecordId::generate_after(*newest, self.now(), self.inner.random.as_ref());
        *newest
    }

    /// The registry as it is now.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.inner.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The settings of the organisation.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.inner.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The present moment by the injected clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// What a feature keeps for this open database, made at its first use.
    pub(crate) fn slot<T: Any + Send + Sync>(&self, make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        let mut slots = self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = slots.get(&TypeId::of::<T>()).and_then(|slot| Arc::clone(slot).downcast::<T>().ok());
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let made = Arc::new(make()?);
        slots.insert(TypeId::of::<T>(), Arc::clone(&made) as Arc<dyn Any + Send + Sync>);
        Ok(made)
    }

    pub(super) fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>> {
        self.inner.database.store.snapshot()
    }

    /// The policy of a view; it is read anew when the epoch has moved.
    pub(super) fn policy(&self, snapshot: &dyn Snapshot) -> Result<Arc<Policy>> {
        self.policy_at(snapshot, self.moment_of_access())
    }

    /// The policy of a view at a moment that [`Crm::moment_of_access`] gave.
    pub(super) fn policy_at(&self, snapshot: &dyn Snapshot, moment: Timestamp) -> Result<Arc<Policy>> {
        Ok(self.kept_policy_at(read_epoch(snapshot)?, snapshot, moment)?.policy)
    }

    /// The policy of a view, with what gives records their marks.
    pub(super) fn kept_policy(&self, snapshot: &dyn Snapshot) -> Result<KeptPolicy> {
        self.kept_policy_of(read_epoch(snapshot)?, snapshot)
    }

    /// As [`Crm::kept_policy`], for who knows the epoch of the view.
    pub(super) fn kept_policy_of(&self, epoch: u64, snapshot: &dyn Snapshot) -> Result<KeptPolicy> {
        self.kept_policy_at(epoch, snapshot, self.moment_of_access())
    }

    fn kept_policy_at(&self, epoch: u64, snapshot: &dyn Snapshot, moment: Timestamp) -> Result<KeptPolicy> {
        let registry = self.registry();
        let kept = self.inner.policy.read().unwrap_or_else(PoisonError::into_inner).clone();
        let renewed = match kept {
            Some(kept) if kept.is_of(epoch, &registry, moment) => return Ok(kept),
            Some(kept) => kept.of_view(snapshot, &registry, moment)?,
            None => KeptPolicy::load(snapshot, &registry, moment)?,
        };
        *self.inner.policy.write().unwrap_or_else(PoisonError::into_inner) = Some(renewed.clone());
        Ok(renewed)
    }

    /// The policy of a view in the words of a registry that is not shown yet.
    pub(super) fn policy_under(&self, snapshot: &dyn Snapshot, registry: &Registry) -> Result<KeptPolicy> {
        let kept = self.inner.policy.read().unwrap_or_else(PoisonError::into_inner).clone();
        match kept {
            Some(kept) => kept.of_view(snapshot, registry, self.moment_of_access()),
            None => KeptPolicy::load(snapshot, registry, self.moment_of_access()),
        }
    }

    pub(super) fn write_context(&self, actor: RecordId, cause: &str, schema_version: u32) -> WriteContext {
        WriteContext {
            actor,
            on_behalf_of: None,
            cause: cause.to_owned(),
            stamp: self.inner.hybrid.next(self.inner.clock.as_ref()),
            schema_version,
            stales: Staleness::None,
            named: BTreeSet::new(),
            marking: Arc::default(),
            holds: Arc::new(crate::records::Unasked),
        }
    }

    /// Enters something that changes no record, in a transaction of its own.
    pub(super) fn enter_note(&self, actor: RecordId, kind: EntryKind, cause: &str, text: &str) -> Result<()> {
        self.system_write(actor, cause, |view, context| {
            note(view, context, kind, actor, text);
            Ok(())
        })
    }

    /// A write of the engine itself, of facts that are no records. It goes round every permit.
    pub(super) fn system_write(
        &self,
        actor: RecordId,
        cause: &str,
        change: impl FnOnce(&mut WriteView<'_>, &WriteContext) -> Result<()>,
    ) -> Result<()> {
        self.system_write_until(actor, cause, change, None)
    }

    /// As [`Crm::system_write`]; what the write changes in memory too is shown to others by `publish`,
    /// when the write is durable and before the next writer has its turn.
    pub(super) fn system_write_and(
        &self,
        actor: RecordId,
        cause: &str,
        change: impl FnOnce(&mut WriteView<'_>, &WriteContext) -> Result<()>,
        publish: &mut dyn FnMut(),
    ) -> Result<()> {
        self.system_write_until(actor, cause, change, Some(publish))
    }

    fn system_write_until(
        &self,
        actor: RecordId,
        cause: &str,
        change: impl FnOnce(&mut WriteView<'_>, &WriteContext) -> Result<()>,
        publish: Publish<'_>,
    ) -> Result<()> {
        let turn = WriterTurn::take(self)?;
        let transaction = self.inner.database.store.begin(&Patience::default())?;
        turn.hold();
        let mut view = WriteView::new(transaction)?;
        let mut context = self.write_context(actor, cause, self.registry().version());
        context.marking = self.kept_policy(&view)?.marking;
        change(&mut view, &context)?;
        match publish {
            Some(publish) => view.commit_and(&self.inner.sealer, publish).map(drop),
            None => view.commit(&self.inner.sealer).map(drop),
        }
    }

    /// Keeps what follows from the rest, without an entry, for whoever is ready to wait only so long.
    pub(super) fn engine_write(
        &self,
        patience: &Patience,
        change: impl FnOnce(&mut WriteView<'_>) -> Result<()>,
    ) -> Result<()> {
        let turn = WriterTurn::take(self)?;
        let transaction = self.inner.database.store.begin(patience)?;
        turn.hold();
        let mut view = WriteView::new(transaction)?;
        change(&mut view)?;
        view.commit(&self.inner.sealer).map(drop)
    }

    pub(super) fn change_settings(&self, actor: RecordId, changed: Settings) -> Result<()> {
        changed.check()?;
        let json = serde_json::to_vec(&changed).map_err(|error| Error::new(Code::Panic).because(error))?;
        let text = String::from_utf8_lossy(&json).into_owned();
        self.system_write_and(
            actor,
            "settings.change",
            |view, context| {
                view.put(Keyspace::Meta, settings::KEY.to_vec(), json);
                note(view, context, EntryKind::Settings, actor, &text);
                Ok(())
            },
            &mut || self.show_settings(&changed),
        )
    }

    pub(super) fn show_settings(&self, changed: &Settings) {
        *self.inner.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(changed.clone());
    }

    pub(super) fn session(&self, user: RecordId) -> Session {
        Session::new(self.clone(), user, self.inner.locale)
    }

    /// The language of a user's sessions.
    pub(super) fn session_locale(&self, user: RecordId) -> Result<Locale> {
        let chosen = self.locale_of(self.snapshot()?.as_ref(), user)?;
        Ok(chosen.unwrap_or(self.inner.locale))
    }

    /// The session of a user who is known, in the language that the user has chosen.
    pub(super) fn session_of(&self, user: RecordId) -> Result<Session> {
        Ok(Session::new(self.clone(), user, self.session_locale(user)?))
    }

    /// What extensions let people do by name.
    pub(super) fn declared_commands(&self) -> Arc<Vec<Command>> {
        Arc::clone(&self.inner.commands.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn user_named(&self, snapshot: &dyn Snapshot, name: &str) -> Result<Option<RecordId>> {
        let registry = self.registry();
        let entity = registry.entity(access::User::NAME)?;
        let field = entity.field(user::NAME.selector())?;
        find_unique(snapshot, entity.id(), field.id(), &Value::from(name))
    }

    /// First of all the organisation's entities, then those of the extensions, then their records.
    fn seed(&self, name: &str, password: &Zeroizing<String>, options: &Options) -> Result<()> {
        let shared = self.install_all(&options.extensions)?;
        self.change_settings(RecordId::from_bytes([0; 16]), options.settings.clone())?;
        let founder = self.new_id();
        let session = self.session(founder);
        session.write_with(WriteOptions::default().cause("database.create"), |transaction| {
            transaction.found(founder, Changes::new().set(user::NAME, name))?;
            organisation::seed(transaction, founder, &shared)?;
            options.extensions.iter().try_for_each(|extension| extension.seed(transaction))?;
            transaction.set_password(founder, password)
        })
    }

    /// Changes a copy of the registry, stores it with an entry of the ledger, and only then shows it.
    pub(super) fn change_registry(
        &self,
        actor: RecordId,
        cause: &str,
        change: impl FnOnce(&mut Registry) -> Result<RegistryChange>,
    ) -> Result<()> {
        let _alone = self.inner.changing_registry.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(next) = self.next_registry(change)? else { return Ok(()) };
        let write =
            |view: &mut WriteView<'_>, context: &WriteContext| next.write_alone(self, (view, context), actor);
        self.system_write_and(actor, cause, write, &mut || self.show_registry(&next.after))
    }

    /// As [`Crm::change_registry`], together with what a session writes in the same transaction under the registry
    /// as it will be. Where nothing of the registry changes, that is written all the same.
    pub(super) fn change_registry_and(
        session: &Session,
        cause: &str,
        change: impl FnOnce(&mut Registry) -> Result<RegistryChange>,
        mut records: impl FnMut(&mut Transaction<'_>) -> Result<()>,
    ) -> Result<()> {
        let crm = session.crm();
        let options = WriteOptions::default().cause(cause);
        let _alone = crm.inner.changing_registry.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(next) = crm.next_registry(change)? else { return session.write_with(options, records) };
        session.write_until(
            options,
            |transaction| {
                next.write_within(transaction)?;
                records(transaction)
            },
            &mut || crm.show_registry(&next.after),
        )
    }

    /// The registry with a change, if that changes anything.
    pub(super) fn next_registry(
        &self,
        change: impl FnOnce(&mut Registry) -> Result<RegistryChange>,
    ) -> Result<Option<NextRegistry>> {
        let mut registry = Registry::clone(&self.registry());
        if change(&mut registry)? == RegistryChange::Nothing {
            return Ok(None);
        }
        let before = self.registry();
        self.put_off_builds(&before, &mut registry)?;
        let (json, said) = (registry.to_json()?, told(&before, &registry));
        Ok(Some(NextRegistry { before, after: Arc::new(registry), json, said }))
    }

    pub(super) fn show_registry(&self, registry: &Arc<Registry>) {
        *self.inner.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(registry);
    }
}

/// A registry that is about to take the place of the one before it.
pub(super) struct NextRegistry {
    before: Arc<Registry>,
    pub after: Arc<Registry>,
    json: Vec<u8>,
    said: String,
}

impl NextRegistry {
    /// Stores it in a write of the engine's own, where rules of the registry as it will be mark records.
    pub fn write_alone(
        &self,
        crm: &Crm,
        (view, context): (&mut WriteView<'_>, &WriteContext),
        actor: RecordId,
    ) -> Result<()> {
        let marking = crm.policy_under(view, &self.after)?.marking;
        self.write(view, &WriteContext { marking, ..context.clone() }, actor)
    }

    /// Stores it in a transaction, which goes on under it.
    pub fn write_within(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        transaction.go_over_to(&self.after)?;
        let (context, user) = (transaction.context().clone(), transaction.user());
        self.write(transaction.view_mut(), &context, user)
    }

    /// Stores it, with all that follows from it at once and with its entry of the ledger.
    fn write(&self, view: &mut WriteView<'_>, context: &WriteContext, actor: RecordId) -> Result<()> {
        for entity in self.after.entities() {
            match self.before.entity_by_id(entity.id()) {
                Ok(old) if gains_keys(old, entity) => reindex(view, old, entity)?,
                _ => {}
            }
        }
        build_rollups(view, &self.before, &self.after)?;
        begin_moves(view, &self.before, &self.after)?;
        renew_changed_rows((view, context), &self.before, &self.after)?;
        store_registry(view, &self.json);
        note(view, context, EntryKind::Schema, actor, &self.said);
        Ok(())
    }
}

impl Crm {
    /// Whether this is a handle of the same open database.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Marks new indexes, counters, rollups and keys of fields of large tables, which are built in chunks.
    fn put_off_builds(&self, before: &Registry, registry: &mut Registry) -> Result<()> {
        let snapshot = self.snapshot()?;
        let mut later = Vec::new();
        for entity in registry.entities() {
            let fresh = before.entity_by_id(entity.id()).map(|old| added(old, entity)).unwrap_or_default();
            let old = before.entity_by_id(entity.id()).ok();
            let fields = || old.into_iter().flat_map(|old| gaining(old, entity));
            let rows = || old.into_iter().flat_map(|old| entity.renewing_rows(old)).map(Field::id);
            if fresh.is_empty() && fields().next().is_none() && rows().next().is_none() {
                continue;
            }
            let large = is_large(snapshot.as_ref(), entity, self.inner.build_at_once)?;
            // Versions are read from the ledger, however few records there are.
            let temporal = entity.temporal().map(crate::schema::TemporalIndex::id);
            let stands = records_made(snapshot.as_ref(), entity)? > 0;
            let fresh: Vec<FieldId> =
                fresh.into_iter().filter(|number| large || (stands && Some(*number) == temporal)).collect();
            // Keys that are still being swept away are not made at once.
            let waits = |field: &Field| entity.dropped().any(|dropped| dropped == field.id());
            let fields = fields().filter(|(field, _)| large || waits(field));
            let fields: Vec<(FieldId, FieldKeys)> = fields.map(|(field, keys)| (field.id(), keys)).collect();
            let rows = if large { rows().collect() } else { Vec::new() };
            later.push((entity.api_name.clone(), fresh, fields, rows));
        }
        for (entity, fresh, fields, rows) in later {
            if !fresh.is_empty() {
                registry.set_complete(&entity, &fresh, false)?;
            }
            if !fields.is_empty() {
                registry.put_off_keys(&entity, &fields)?;
            }
            if !rows.is_empty() {
                registry.set_rows_outdated(&entity, &rows, true)?;
            }
        }
        Ok(())
    }
}

impl Warning {
    /// The warning in a language.
    #[must_use]
    pub fn text(&self, locale: Locale) -> String {
        let message: &Label = &self.message;
        format!("{}.{}: {}", self.entity, self.field, message.text(locale))
    }
}

fn open_options(options: &Options, key: Key) -> OpenOptions {
    let usual = OpenOptions::new(key, Arc::clone(&options.random), crate::records::chain_link);
    let all = options.cache_bytes.unwrap_or(usual.cache_bytes);
    let kept_bytes = options.record_cache_bytes.unwrap_or(all / RECORDS_OF_CACHE).min(all);
    OpenOptions {
        cache_bytes: all.saturating_sub(kept_bytes),
        kept_bytes,
        key_cost: options.key_cost,
        verify_on_open: options.verify_on_open,
        durability: options.durability,
        upgrade: options.upgrade,
        ..usual
    }
}

/// What the ledger keeps of a change of the registry: its new version, and as JSON what is other than before.
pub(super) fn told(before: &Registry, after: &Registry) -> String {
    let mut changes = before.changes_to(after);
    let all = changes.len();
    changes.truncate(MAX_TOLD);
    let version = after.version();
    serde_json::json!({"version": version, "changes": changes, "more": all.saturating_sub(MAX_TOLD)})
        .to_string()
}

fn part_key(part: u16) -> Vec<u8> {
    [REGISTRY, b".", &part.to_be_bytes()].concat()
}

/// The registry lies in numbered parts, since it may outgrow one value.
pub(super) fn store_registry(view: &mut WriteView<'_>, json: &[u8]) {
    let mut count = 0;
    for (part, bytes) in (0_u16..).zip(json.chunks(PART)) {
        view.put(Keyspace::Meta, part_key(part), bytes.to_vec());
        count = part.saturating_add(1);
    }
    view.put(Keyspace::Meta, REGISTRY.to_vec(), count.to_be_bytes().to_vec());
}

pub(super) fn load_registry(snapshot: &dyn Snapshot) -> Result<Registry> {
    let damaged = || Error::new(Code::Damaged).rule("registry");
    let Some(count) = snapshot.get(Keyspace::Meta, REGISTRY)? else { return Ok(Registry::default()) };
    let count = u16::from_be_bytes(count.as_slice().try_into().map_err(|_| damaged())?);
    let mut json = Vec::new();
    for part in 0..count {
        json.extend(snapshot.get(Keyspace::Meta, &part_key(part))?.ok_or_else(damaged)?);
    }
    Registry::from_json(&json)
}
