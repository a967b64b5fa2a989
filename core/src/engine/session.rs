//! A session: one signed-in user, a language, and how long this user waits.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::thread;

use sha2::{Digest, Sha256};

use crate::access::{Action, Administer, Policy};
use crate::base::{
    CancelToken, Code, Error, Label, Locale, MAX_JSON_BYTES, Patience, RecordId, Result, Timestamp,
};
use crate::engine::plugin_accounts::AsPlugin;
use crate::engine::rehearsal::Rehearsal;
use crate::engine::sessions::Ticket;
use crate::engine::transaction::Publish;
use crate::engine::{Condition, Crm, Find, Head, Listing, Page, Reader, Settings, Transaction, WriteOptions};
use crate::records::WriteView;
use crate::schema::expr::Expression;
use crate::schema::{
    CUSTOMER, Entity, EntityDefinition, FieldDefinition, FieldNames, FieldType, RuleDefinition,
    compile_condition,
};
use crate::storage::{Keyspace, Snapshot};

/// Where the answers to requests with an idempotency key lie.
const IDEMPOTENCY: &[u8] = b"idempotency.";
/// How often a write runs again because another commit was in its way.
const MAX_RETRIES: u32 = 100;

/// A signed-in user. Clones are the same session; any thread may use it.
#[derive(Clone)]
pub struct Session {
    crm: Crm,
    user: RecordId,
    locale: Locale,
    patience: Patience,
    /// What its clones have in common.
    ticket: Arc<Ticket>,
    /// Where changes of the registry are planned in place of being made.
    rehearsal: Option<Rehearsal>,
    /// For whom the user acts, if for another one.
    delegator: Option<RecordId>,
    /// As which plugin, if as one.
    plugin: Option<AsPlugin>,
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(crm: Crm, user: RecordId, locale: Locale) -> Self {
        Self::by_token(crm, user, locale, None)
    }

    /// A session that ends with the token by which it was opened, if it was.
    pub(super) fn by_token(
        crm: Crm,
        user: RecordId,
        locale: Locale,
        token: Option<(RecordId, Option<Timestamp>)>,
    ) -> Self {
        let ticket = crm.inner.sessions.issue((crm.new_id(), user), crm.now(), token);
        let patience = Patience::default();
        Self { crm, user, locale, patience, ticket, rehearsal: None, delegator: None, plugin: None }
    }

    /// The same session, but that its changes of the registry come to the plan that it is given with.
    pub(super) fn rehearsing(&self) -> (Self, Rehearsal) {
        let plan = Rehearsal::default();
        (Self { rehearsal: Some(Arc::clone(&plan)), ..self.clone() }, plan)
    }

    pub(super) fn rehearsal(&self) -> Option<&Rehearsal> {
        self.rehearsal.as_ref()
    }

    /// The same session, but that it acts for somebody.
    pub(super) fn acting(&self, delegator: RecordId) -> Self {
        Self { delegator: Some(delegator), ..self.clone() }
    }

    /// The same session, but that it acts as a plugin.
    pub(super) fn of_plugin(&self, plugin: AsPlugin) -> Self {
        Self { plugin: Some(plugin), ..self.clone() }
    }

    /// As which plugin it acts, if as one.
    pub(super) fn plugin(&self) -> Option<&AsPlugin> {
        self.plugin.as_ref()
    }

    /// For whom entries of the ledger say that the user acts.
    pub(super) fn acts_on_behalf_of(&self) -> Option<RecordId> {
        self.delegator.or_else(|| self.plugin.as_ref().and_then(|plugin| plugin.on_behalf_of))
    }

    /// A cause as the ledger has it, which names the plugin that acts, if one does.
    pub(super) fn cause_of<'c>(&self, cause: &'c str) -> Cow<'c, str> {
        match &self.plugin {
            Some(plugin) => Cow::Owned(plugin.cause(cause)),
            None => Cow::Borrowed(cause),
        }
    }

    /// For whom the user acts, if for another one. See [`Session::act_for`].
    #[must_use]
    pub fn delegator(&self) -> Option<RecordId> {
        self.delegator
    }

    pub(super) fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Who is signed in.
    #[must_use]
    pub fn user(&self) -> RecordId {
        self.user
    }

    /// The database.
    #[must_use]
    pub fn crm(&self) -> &Crm {
        &self.crm
    }

    /// The language of messages.
    #[must_use]
    pub fn locale(&self) -> Locale {
        self.locale
    }

    /// The same session in another language.
    #[must_use]
    pub fn with_locale(&self, locale: Locale) -> Self {
        Self { locale, ..self.clone() }
    }

    /// The same session with a deadline or another cancel token.
    #[must_use]
    pub fn with_patience(&self, patience: Patience) -> Self {
        Self { patience, ..self.clone() }
    }

    /// How long this session waits.
    #[must_use]
    pub fn patience(&self) -> &Patience {
        &self.patience
    }

    /// The token that ends this session's long calls from any thread.
    #[must_use]
    pub fn cancel_token(&self) -> &CancelToken {
        self.patience.token()
    }

    /// Reads from one stable view.
    ///
    /// # Errors
    /// `access.session_ended`, and what the function gives.
    pub fn read<T>(&self, read: impl FnOnce(Reader<'_>) -> Result<T>) -> Result<T> {
        // The registry goes before the view: one that is newer than the view would name indexes that it
        // does not have yet.
        let (registry, settings) = (self.crm.registry(), self.crm.settings());
        let snapshot = self.crm.snapshot()?;
        let policy = self.crm.policy_of(snapshot.as_ref(), self.user, self.delegator)?;
        self.check_active(&policy)?;
        self.told(read(Reader {
            snapshot: snapshot.as_ref(),
            policy: &policy,
            registry: &registry,
            settings: &settings,
            user: self.user,
            locale: self.locale,
            patience: &self.patience,
            crm: &self.crm,
            now: self.crm.now(),
        }))
    }

    /// A record. See [`Reader::get`].
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub fn get(&self, entity: &str, id: RecordId) -> Result<Listing> {
        self.read(|reader| reader.get(entity, id))
    }

    /// One page of a list. See [`Reader::find`].
    ///
    /// # Errors
    /// As [`Reader::find`].
    pub fn list(&self, entity: &str, find: &Find) -> Result<Page> {
        self.read(|reader| reader.find(entity, find))
    }

    /// How many records meet a condition. See [`Reader::count`].
    ///
    /// # Errors
    /// As [`Reader::count`].
    pub fn count(&self, entity: &str, condition: &Condition) -> Result<u64> {
        self.read(|reader| reader.count(entity, condition))
    }

    /// Writes in one transaction: everything that the closure does is durable when this returns, or
    /// nothing of it is. The closure may run more than once, so it must not act on the world outside.
    ///
    /// # Errors
    /// What the closure gives; `engine.reentrant` inside another transaction of this thread;
    /// `engine.deadline_exceeded` while waiting for the writer's turn.
    pub fn write<T>(&self, change: impl FnMut(&mut Transaction<'_>) -> Result<T>) -> Result<T> {
        self.write_with(WriteOptions::default(), change)
    }

    /// As [`Session::write`], with a cause for the ledger.
    ///
    /// # Errors
    /// As [`Session::write`].
    pub fn write_with<T>(
        &self,
        options: WriteOptions,
        change: impl FnMut(&mut Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        self.write_and(options, change, None).map(|(value, _)| value)
    }

    /// As [`Session::write_with`]; what the change is in memory too is shown to others by `publish`, when it is
    /// durable and before the next writer has its turn.
    pub(super) fn write_until<T>(
        &self,
        options: WriteOptions,
        change: impl FnMut(&mut Transaction<'_>) -> Result<T>,
        publish: &mut dyn FnMut(),
    ) -> Result<T> {
        self.write_and(options, change, Some(publish)).map(|(value, _)| value)
    }

    /// As [`Session::write_until`], or [`Session::write_with`] where there is nothing to show, and tells with which
    /// entry of the ledger the transaction ends.
    pub(super) fn write_and<T>(
        &self,
        options: WriteOptions,
        mut change: impl FnMut(&mut Transaction<'_>) -> Result<T>,
        mut publish: Publish<'_>,
    ) -> Result<(T, Head)> {
        let mut attempts = 0;
        loop {
            let mut transaction = self.begin(options.clone())?;
            let value = match change(&mut transaction) {
                Ok(value) => value,
                Err(error) => {
                    drop(transaction);
                    return self.told(Err(error));
                }
            };
            let publish = publish.as_mut().map(|publish| &mut **publish as &mut dyn FnMut());
            match transaction.commit_and(publish) {
                Err(error) if error.code() == Code::Conflict && attempts < MAX_RETRIES => attempts += 1,
                committed => return committed.map(|head| (value, head)),
            }
            self.patience.check()?;
        }
    }

    /// Begins a transaction that the caller commits. It holds the writer until then; dropping it
    /// leaves nothing behind.
    ///
    /// # Errors
    /// As [`Session::write`].
    pub fn begin(&self, options: WriteOptions) -> Result<Transaction<'_>> {
        if self.rehearsal.is_some() {
            return Err(Error::new(Code::InvalidArgument).rule("a rehearsal writes no record"));
        }
        self.crm.check_required_plugins()?;
        let turn = WriterTurn::take(&self.crm)?;
        let base = self.crm.inner.database.store.begin(&self.patience)?;
        turn.hold();
        let view = WriteView::new(base)?;
        let policy = self.crm.policy_of(&view, self.user, self.delegator)?;
        Transaction::new(self, view, policy, options, turn)
    }

    /// Writes once for each idempotency key: a repeated request is answered with the first answer, and
    /// changes nothing. The request itself is part of the key's meaning.
    ///
    /// # Errors
    /// As [`Session::write`]; `record.idempotency_mismatch` if the key came with another request.
    pub fn write_once(
        &self,
        key: &str,
        request: &serde_json::Value,
        options: WriteOptions,
        mut change: impl FnMut(&mut Transaction<'_>) -> Result<serde_json::Value>,
    ) -> Result<serde_json::Value> {
        let place = [IDEMPOTENCY, self.user.as_bytes(), &Sha256::digest(key.as_bytes())].concat();
        let fingerprint: [u8; 32] = Sha256::digest(request.to_string().as_bytes()).into();
        self.write_with(options, |transaction| {
            if let Some(stored) = transaction.view().get(Keyspace::Meta, &place)? {
                return replay(&stored, &fingerprint);
            }
            let answer = change(transaction)?;
            let stored = [&fingerprint[..], answer.to_string().as_bytes()].concat();
            if stored.len() > crate::base::MAX_VALUE_BYTES.min(MAX_JSON_BYTES) {
                return Err(Error::new(Code::LimitExceeded).rule("answer of a request with idempotency key"));
            }
            transaction.view_mut().put(Keyspace::Meta, place.clone(), stored);
            Ok(answer)
        })
    }

    /// Adds a field of the customer's own to an entity, and gives its API name. A rollup over more records than
    /// [`Options::build_at_once`](crate::Options::build_at_once) is built in chunks as an index is, and has no
    /// value before it is complete.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity, or to read what a lookup or rollup
    /// reads; `schema.invalid_definition`, `schema.duplicate_definition`; for a rollup those of
    /// [`Session::build_indexes`].
    pub fn define_field(
        &self,
        entity: &str,
        name: &str,
        label: Label,
        kind: FieldType,
        adjust: impl FnOnce(&mut FieldDefinition),
    ) -> Result<String> {
        let registry = self.crm.registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        let local = registry.next_local(entity, CUSTOMER)?;
        let mut field = FieldDefinition::new(CUSTOMER, local, name, label, kind);
        adjust(&mut field);
        if crate::records::SystemField::from_name(name).is_some() || field.required {
            let rule = "a field added later is not required, and bears no system name";
            return Err(Error::new(Code::InvalidDefinition).entity(entity).field(name).rule(rule));
        }
        self.check_expressions(known, field.expressions())?;
        self.check_links(known, &field.kind)?;
        field.namespace = CUSTOMER.to_owned();
        field.local = local;
        let api_name = field.api_name(&known.definition.namespace);
        self.change_schema("schema.define_field", |registry| {
            registry.check_free(entity, &field)?;
            registry.declare_field(entity, &field)
        })?;
        Ok(api_name)
    }

    /// Adds an entity of the customer's own, and gives its API name.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `schema.invalid_definition`,
    /// `schema.invalid_expression`, `schema.duplicate_definition` for a name that is taken.
    pub fn define_entity(&self, entity: EntityDefinition) -> Result<String> {
        self.check_may("sys.role", Action::Administer)?;
        let registry = self.crm.registry();
        let own = registry.entities().iter().map(|known| &known.definition);
        let own = own.filter(|known| known.namespace == CUSTOMER);
        let local = own.map(|known| known.local).max().unwrap_or(0).saturating_add(1);
        let mut entity = EntityDefinition { namespace: CUSTOMER.to_owned(), local, ..entity };
        entity.fields.iter_mut().for_each(|field| CUSTOMER.clone_into(&mut field.namespace));
        self.change_schema("schema.define_entity", |registry| registry.declare_entity(&entity))?;
        Ok(entity.api_name())
    }

    /// Refuses expressions that are not right, or name a field that the user does not see.
    pub(super) fn check_expressions<'e>(
        &self,
        entity: &Entity,
        mut sources: impl Iterator<Item = &'e str>,
    ) -> Result<()> {
        let shown = self.read(|reader| reader.shown_fields(&entity.api_name))?;
        let names = FieldNames::shown(entity, &shown);
        let checked = sources.try_for_each(|source| Expression::compile(source, &names).map(drop));
        checked.map_err(|error| error.entity(&entity.api_name))
    }

    /// The type of a formula over the fields of an entity that the user may see.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `access.not_permitted`, `schema.invalid_expression`.
    pub fn formula(&self, entity: &str, expression: &str) -> Result<FieldType> {
        let registry = self.crm.registry();
        let known = registry.entity(entity)?;
        let shown = self.read(|reader| reader.shown_fields(&known.api_name))?;
        let compiled = Expression::compile(expression, &FieldNames::shown(known, &shown))
            .map_err(|error| error.entity(&known.api_name))?;
        Ok(FieldType::Formula { expression: expression.to_owned(), gives: compiled.kind() })
    }

    /// Adds a rule of the customer's own to an entity, or changes the one of this name, and gives its API
    /// name. Records that stand are held against it when they are next saved.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; `schema.invalid_expression` for
    /// a condition that is not right, or names a field that the user may not see.
    pub fn define_rule(&self, entity: &str, rule: RuleDefinition) -> Result<String> {
        let registry = self.crm.registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        let shown = self.read(|reader| reader.shown_fields(&known.api_name))?;
        let names = FieldNames::shown(known, &shown);
        compile_condition(&rule.condition, &names).map_err(|error| error.entity(&known.api_name))?;
        let rule = RuleDefinition { namespace: CUSTOMER.to_owned(), ..rule };
        let cause = "schema.define_rule";
        self.change_schema(cause, |registry| registry.declare_rule(&known.api_name, &rule))?;
        Ok(rule.api_name())
    }

    /// Changes the settings of the organisation.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `schema.unknown_entity`; those of
    /// [`Settings::check`].
    pub fn change_settings(&self, settings: Settings) -> Result<()> {
        self.check_may("sys.role", Action::Administer)?;
        let registry = self.crm.registry();
        settings.check_in(&registry)?;
        self.crm.change_settings(self.user, settings)
    }

    /// Refuses unless the user may do an action on an entity at all.
    ///
    /// # Errors
    /// `access.not_permitted`, `access.session_ended`, `schema.unknown_entity`, `schema.module_off`.
    pub fn check_may(&self, entity: &str, action: Action) -> Result<()> {
        self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            match reader.may(entity, action) {
                true => Ok(()),
                false => Err(reader.policy.refusal(&known.api_name, action)),
            }
        })
    }

    /// Refuses unless the user administers a record, deleted or not: those of an entity at a level.
    pub(super) fn check_administers(&self, entity: &str, id: RecordId) -> Result<()> {
        self.read(|reader| {
            let entity = reader.registry().entity(entity)?;
            let permit = reader.policy.decide::<Administer>(self.user, entity.id(), &entity.api_name)?;
            match crate::records::class_of(reader.snapshot, entity.id(), id)? {
                Some(class) if !permit.allows(id, &class) => {
                    Err(Error::new(Code::RecordNotFound).entity(&entity.api_name).record(id))
                }
                _ => Ok(()),
            }
        })
    }

    pub(super) fn check_active(&self, policy: &Policy) -> Result<()> {
        let over = self.ticket.has_ended() || self.ticket.is_over_at(self.crm.moment_of_access());
        match policy.is_active(self.user) && !over {
            true => Ok(()),
            false => Err(Error::new(Code::SessionEnded)),
        }
    }
}

fn replay(stored: &[u8], fingerprint: &[u8; 32]) -> Result<serde_json::Value> {
    let damaged = || Error::new(Code::Damaged).rule("idempotency key");
    let (first, answer) = stored.split_first_chunk::<32>().ok_or_else(damaged)?;
    if first != fingerprint {
        return Err(Error::new(Code::IdempotencyMismatch));
    }
    serde_json::from_slice(answer).map_err(|_| damaged())
}

/// Remembers which thread holds the writer, so that a second transaction there is an error and no deadlock.
pub(super) struct WriterTurn {
    crm: Crm,
    /// Whether what waited for its end is entered in the ledger then.
    tells: bool,
}

impl WriterTurn {
    pub(super) fn take(crm: &Crm) -> Result<Self> {
        let mut turn = Self::quiet(crm)?;
        turn.tells = true;
        Ok(turn)
    }

    /// A turn behind which nothing else is done.
    pub(super) fn quiet(crm: &Crm) -> Result<Self> {
        let holder = *crm.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if holder == Some(thread::current().id()) {
            return Err(Error::new(Code::Reentrant));
        }
        Ok(Self { crm: crm.clone(), tells: false })
    }

    pub(super) fn hold(&self) {
        let mut holder = self.crm.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
        *holder = Some(thread::current().id());
    }
}

impl Drop for WriterTurn {
    fn drop(&mut self) {
        {
            let mut holder = self.crm.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
            if *holder == Some(thread::current().id()) {
                *holder = None;
            }
        }
        self.crm.ring();
        if self.tells {
            self.crm.after_transaction();
        }
    }
}
