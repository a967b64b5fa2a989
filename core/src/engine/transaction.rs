//! One transaction: every change validated, permitted, checked by rules, and entered in the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::{
    self, AccessClass, Assign, ClassId, Create, Delete, Policy, PrivilegeRequest, Sharee, Update, User, user,
};
use crate::base::{Code, Error, FieldId, Locale, MAX_LIST_ITEMS, MAX_TEXT_BYTES, RecordId, Result, Stamp};
use crate::engine::extension::{FollowUp, Hook, HookRule};
use crate::engine::layout_overrides::partition_of;
use crate::engine::organisation::KeptPolicy;
use crate::engine::privacy::check_not_kept;
use crate::engine::record_hooks::{HookState, KeptPermit, tell_committed};
use crate::engine::record_types::{check_type, enter_type, excludes, settle_type};
use crate::engine::rules::{
    apply_defaults, check_codes, check_required_when, check_rules, read_phones, unparsed_phones,
};
use crate::engine::session::WriterTurn;
use crate::engine::states::{advance, check_state};
use crate::engine::translations::translated;
use crate::engine::{Changes, Listing, Reader, Save, Session, Settings, Warning, organisation};
use crate::records::{self, Envelope, ExternalId, Moment, Record, Savepoint, WriteContext, WriteView};
use crate::schema::{Entity, EntityType, Field, FieldType, PhoneRegion, Registry, normalize_value};
use crate::storage::{BlobName, CommitId, Head, Snapshot};

/// How a transaction is written down.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    cause: String,
    commit_id: CommitId,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { cause: "api".to_owned(), commit_id: CommitId::default() }
    }
}

impl WriteOptions {
    /// The verb, import or plugin that the ledger names.
    #[must_use]
    pub fn cause(mut self, cause: &str) -> Self {
        cause.clone_into(&mut self.cause);
        self
    }

    /// Names the commit by 16 bytes that the caller has not used before, for [`Crm::settle`](crate::Crm::settle).
    #[must_use]
    pub fn commit_id(mut self, id: CommitId) -> Self {
        self.commit_id = id;
        self
    }
}

/// What an upsert did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upserted {
    /// There was no record of this external id.
    Created(RecordId),
    /// The record was changed.
    Updated(RecordId),
    /// The record was like this already.
    Unchanged(RecordId),
}

impl Upserted {
    /// The record.
    #[must_use]
    pub fn id(self) -> RecordId {
        match self {
            Self::Created(id) | Self::Updated(id) | Self::Unchanged(id) => id,
        }
    }
}

/// A transaction of one session. It reads what it has written.
pub struct Transaction<'s> {
    // The view goes before the turn: the writer is free before another thread may begin.
    view: WriteView<'s>,
    session: &'s Session,
    /// The policy as it was when the writer's turn came.
    base_policy: Arc<Policy>,
    /// The same, with the access classes of this transaction.
    pub(super) policy: Arc<Policy>,
    pub(super) registry: Arc<Registry>,
    settings: Arc<Settings>,
    phones: PhoneRegion,
    hooks: Arc<Vec<Hook>>,
    hook_state: HookState,
    pub(super) kept_permit: KeptPermit,
    context: WriteContext,
    warnings: Vec<Warning>,
    /// The classes that the policy has beyond those of its begin.
    known_classes: Vec<(ClassId, AccessClass)>,
    /// The first user of a new database acts under bootstrap permits until roles stand.
    founding: bool,
    /// Files of attachments that this transaction took away, to be deleted once it is durable.
    pub(super) unlinked: Vec<BlobName>,
    /// Other users whose passwords this transaction sets.
    pub(super) passwords: BTreeSet<RecordId>,
    /// Everybody whose password it sets.
    renewed: BTreeSet<RecordId>,
    /// With whom the shares are that it makes, changes or takes back.
    pub(super) shared_with: BTreeSet<Sharee>,
    /// Tokens that it takes back.
    pub(super) revoked: BTreeSet<RecordId>,
    /// Whether a second person has agreed to what it does.
    pub(super) agreed: bool,
    /// Whether whoever makes the record that is being made named an owner.
    owner_named: bool,
    /// How many steps away from what the caller asked for rules are.
    pub(super) followed: usize,
    /// How many shares stand with those with whom it makes some, at most.
    pub(super) standing_shares: BTreeMap<Sharee, usize>,
    _turn: WriterTurn,
}

/// What shows others a change that is in memory too, where there is one. The writer's turn is held until it has run.
pub(super) type Publish<'p> = Option<&'p mut dyn FnMut()>;

/// Who sets values: only rules set what callers may only read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hand {
    Caller,
    Rule,
}

impl<'s> Transaction<'s> {
    pub(super) fn new(
        session: &'s Session,
        mut view: WriteView<'s>,
        policy: Arc<Policy>,
        options: WriteOptions,
        turn: WriterTurn,
    ) -> Result<Self> {
        let crm = session.crm();
        let registry = crm.registry();
        let founding = view.epoch() == 0;
        if !founding {
            session.check_active(&policy)?;
        }
        view.name_commit(options.commit_id);
        view.use_policy(&policy);
        let cause = session.cause_of(&options.cause);
        let context = crm.write_context(session.user(), &cause, registry.version());
        let marking = crm.kept_policy_of(view.epoch(), &view)?.marking;
        let context = WriteContext { on_behalf_of: session.acts_on_behalf_of(), marking, ..context };
        let hooks = Arc::clone(&crm.inner.hooks.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        Ok(Self {
            view,
            session,
            base_policy: Arc::clone(&policy),
            policy,
            registry,
            settings: crm.settings(),
            phones: crm.phone_region(),
            hooks,
            hook_state: HookState::default(),
            kept_permit: KeptPermit::default(),
            context,
            warnings: Vec::new(),
            known_classes: Vec::new(),
            founding,
            unlinked: Vec::new(),
            passwords: BTreeSet::new(),
            renewed: BTreeSet::new(),
            shared_with: BTreeSet::new(),
            revoked: BTreeSet::new(),
            agreed: false,
            owner_named: false,
            followed: 0,
            standing_shares: BTreeMap::new(),
            _turn: turn,
        })
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// `access.beyond_own_rights` where it would give anybody rights that the user does not have, naming entity,
    /// action and level; `access.four_eyes` for what the organisation leaves to two people; `storage.io`, after which
    /// the database stops.
    pub fn commit(self) -> Result<Head> {
        self.commit_and(None)
    }

    /// As [`Transaction::commit`], and runs a function, if there is one, when everything is durable and before the next
    /// writer has its turn. Without one, the next writer goes on while this commit becomes durable, and shares its
    /// flush.
    pub(super) fn commit_and(mut self, publish: Publish<'_>) -> Result<Head> {
        if self.view.is_empty() {
            return self.view.head();
        }
        self.check_hooks()?;
        let committed = self.take_commits();
        let checked = self.check_four_eyes().and_then(|()| self.check_bounds());
        checked.inspect_err(|error| self.enter_refusal(error))?;
        let sealer = &self.session.crm().inner.sealer;
        let head = match publish {
            Some(publish) => self.view.commit_and(sealer, publish)?,
            None => self.view.commit(sealer)?,
        };
        for user in &self.renewed {
            self.session.crm().end_other_sessions(*user, self.session.ticket().id);
        }
        self.session.crm().end_sessions_by(&self.revoked);
        self.session.crm().delete_unlinked(&self.unlinked, self.session.patience());
        // Who is told may write, so the turn is over.
        drop(self._turn);
        tell_committed(self.session, &self.hooks, committed);
        Ok(head)
    }

    /// Reads what the user may see, with the changes of this transaction.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        Reader {
            snapshot: &self.view,
            policy: &self.policy,
            registry: &self.registry,
            settings: &self.settings,
            user: self.session.user(),
            locale: self.session.locale(),
            patience: self.session.patience(),
            crm: self.session.crm(),
            now: self.session.crm().now(),
        }
    }

    /// A record. See [`Reader::get`].
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub fn get_record(&self, entity: &str, id: RecordId) -> Result<Listing> {
        self.reader().get(entity, id)
    }

    /// What was taken, but should be looked at.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Says something that a person should look at.
    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// Takes the warnings out.
    pub fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }

    /// The language of the session.
    #[must_use]
    pub fn locale(&self) -> Locale {
        self.session.locale()
    }

    /// How many stored keys this transaction changes so far, for bulk work that goes in chunks.
    #[must_use]
    pub fn change_count(&self) -> usize {
        self.view.change_count()
    }

    /// Creates a record.
    ///
    /// # Errors
    /// `schema.*` naming entity and field, `access.not_permitted`, `record.reference_missing`,
    /// and what rules refuse.
    pub fn create_record(&mut self, entity: &str, changes: Changes) -> Result<RecordId> {
        let id = self.session.crm().new_id();
        self.create_as(entity, id, changes)
    }

    /// Changes a record, and says whether anything changed.
    ///
    /// # Errors
    /// As [`Transaction::create_record`]; `record.not_found`, `record.version_conflict`.
    pub fn update_record(&mut self, entity: &str, id: RecordId, changes: Changes) -> Result<Upserted> {
        self.with_hooks(|transaction| transaction.change(entity, id, changes))
    }

    /// The present point, to which [`Transaction::roll_back_to`] goes back.
    #[must_use]
    pub fn savepoint(&mut self) -> Savepoint {
        self.view.savepoint()
    }

    /// Takes back everything since a point; the transaction goes on.
    pub fn roll_back_to(&mut self, point: Savepoint) {
        self.view.roll_back_to(point);
        self.learn_classes();
    }

    /// Deletes a record softly, and does to the records that refer to it what their fields say: it refuses,
    /// empties the reference, or deletes them too. All of it is done, with an entry for each record, or
    /// nothing of it. A record to be deleted with it needs the right to delete that record, one to be changed
    /// the right to change it.
    ///
    /// # Errors
    /// `record.not_found`; `record.referenced` while another record refers to it that stays, or that the user
    /// may not see; `access.not_permitted`; `input.limit_exceeded` where more than
    /// [`MAX_AFFECTED_RECORDS`](crate::base::MAX_AFFECTED_RECORDS) records would go or change with it; what
    /// rules say to a reference that is emptied.
    pub fn delete_record(&mut self, entity: &str, id: RecordId) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        refuse_requests(entity)?;
        let old = self.readable(entity, id)?;
        // Who may not delete it does not learn what refers to it either.
        let permit = self.policy.decide::<Delete>(self.session.user(), entity.id(), &entity.api_name)?;
        records::check_deletes(&permit, entity, &old)?;
        self.all_or_nothing(|transaction| {
            let going = transaction.delete_dependents(entity, &old)?;
            transaction.delete_one(entity, &old, &going)
        })
    }

    /// Takes back what was done of a work that failed, so that the transaction may go on without it.
    pub(super) fn all_or_nothing<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let point = self.savepoint();
        let done = work(self);
        if done.is_err() {
            self.roll_back_to(point);
        }
        done
    }

    /// Deletes one record, to which only records refer that go with it.
    pub(super) fn delete_one(
        &mut self,
        entity: &Entity,
        old: &Record,
        going: &BTreeSet<RecordId>,
    ) -> Result<()> {
        let permit = self.policy.decide::<Delete>(self.session.user(), entity.id(), &entity.api_name)?;
        check_state(entity, old)?;
        check_not_kept(entity)?;
        self.before_delete(entity, old)?;
        self.note_share(entity, old);
        self.note_plugin_account(entity, old);
        self.check_pool_empty(entity, old)?;
        let context = self.context_for(entity, BTreeSet::new());
        records::delete(&mut self.view, &context, &permit, entity, old, going)?;
        self.end_with_process(entity, old)?;
        self.after_delete(entity, old)
    }

    /// Takes records that go out of references of a record, in the right to change it. Rules are asked as for
    /// any change.
    pub(super) fn empty_references(
        &mut self,
        entity: &Entity,
        old: &Record,
        (fields, going): (&BTreeSet<FieldId>, &BTreeSet<RecordId>),
    ) -> Result<()> {
        let permit = self.policy.decide::<Update>(self.session.user(), entity.id(), &entity.api_name)?;
        let mut new = old.clone();
        for field in fields.iter().filter_map(|field| entity.field_by_id(*field)) {
            new.set(field.id(), field.definition.kind.without(&old.peek(field.id()), going));
        }
        let follow_ups = self.prepare(entity, Some(old), &mut new)?;
        self.check_references(entity, Some(old), &new)?;
        let moves = self.moves(entity, old, &new)?;
        let context = self.context_for(entity, BTreeSet::new());
        let saved = records::update(&mut self.view, &context, &permit, None, entity, old, new);
        saved.map_err(|error| self.telling_holder(entity, error))?;
        self.follow_moves(entity, &moves)?;
        self.learn_classes();
        self.follow_up(follow_ups)?;
        self.after_save(entity, Some(old), old.id)
    }

    /// Brings a deleted record back, as it was: into lists, counts and search, under its unique keys. Its
    /// rules are asked as for any change.
    ///
    /// # Errors
    /// `record.not_found` for a record that is not there, is not deleted, is out of reach, or of a person
    /// who was forgotten; `record.purged` for one that went for good; `access.not_permitted` without the right to delete it; `record.reference_missing`
    /// where it refers to what is gone; `schema.not_unique` where another record has taken its place.
    pub fn undelete_record(&mut self, entity: &str, id: RecordId) -> Result<()> {
        self.with_hooks(|transaction| transaction.bring_back(entity, id, &BTreeSet::new()))
    }

    /// As [`Transaction::undelete_record`], with others that come back with it, to which it may refer before
    /// they are there.
    pub(super) fn bring_back(
        &mut self,
        entity: &str,
        id: RecordId,
        coming: &BTreeSet<RecordId>,
    ) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        refuse_requests(entity)?;
        let read = self.reader().permit(entity)?;
        let old = self.reader().standing(&read, entity, id)?;
        let permit = self.policy.decide::<Delete>(self.session.user(), entity.id(), &entity.api_name)?;
        if !old.is_deleted() || records::was_erased(&self.view, &old, self.session.patience())? {
            return Err(Error::new(Code::RecordNotFound).entity(&entity.api_name).record(id));
        }
        let mut new = old.clone();
        self.take_along(entity, &mut new)?;
        new.renew_rows(entity, None);
        self.place_in_trees(entity, None, &mut new)?;
        let follow_ups = self.prepare(entity, Some(&old), &mut new)?;
        self.check_references_but(entity, None, &new, coming)?;
        self.check_stated_share(entity, None, &mut new)?;
        self.check_stated_delegation(entity, &new)?;
        self.check_plugin_account(entity, &new)?;
        self.check_not_brought_back(entity)?;
        let context = self.context_for(entity, BTreeSet::new());
        let back = records::undelete(&mut self.view, &context, &permit, entity, &old, new);
        back.map_err(|error| self.telling_holder(entity, error))?;
        self.learn_classes();
        self.follow_up(follow_ups)?;
        self.after_save(entity, Some(&old), id)
    }

    /// Creates the record of an external id, or changes the one that bears it.
    ///
    /// # Errors
    /// As [`Transaction::create_record`] and [`Transaction::update_record`].
    pub fn upsert_record(
        &mut self,
        entity: &str,
        source: &str,
        key: &str,
        changes: Changes,
    ) -> Result<Upserted> {
        let known = self.registry.entity(entity)?.id();
        let external = ExternalId { source: source.to_owned(), key: key.to_owned() };
        match records::find_by_external_id(&self.view, known, &external)? {
            None => self.create_record(entity, changes.external_id(source, key)).map(Upserted::Created),
            Some(id) => self.update_record(entity, id, changes),
        }
    }

    /// The first user of a new database, who owns itself.
    pub(super) fn found(&mut self, founder: RecordId, changes: Changes) -> Result<RecordId> {
        self.create_as(User::NAME, founder, changes)
    }

    pub(super) fn is_founding(&self) -> bool {
        self.founding
    }

    /// A user's other sessions end when this transaction is durable.
    pub(super) fn renew_sessions_of(&mut self, user: RecordId) {
        self.renewed.insert(user);
    }

    /// What is done from here on is done because somebody else has asked for it.
    pub(super) fn act_on_request_of(&mut self, requester: RecordId) {
        self.context.on_behalf_of = Some(requester);
        self.agreed = true;
    }

    /// Who changes, when and why.
    pub(super) fn context(&self) -> &WriteContext {
        &self.context
    }

    /// Goes on under another registry, which it is to store. Nothing was changed in it before.
    pub(super) fn go_over_to(&mut self, registry: &Arc<Registry>) -> Result<()> {
        let KeptPolicy { policy, marking, .. } = self.session.crm().policy_under(&self.view, registry)?;
        (self.base_policy, self.policy) = (Arc::clone(&policy), policy);
        self.context.marking = marking;
        self.registry = Arc::clone(registry);
        self.context.schema_version = registry.version();
        Ok(())
    }

    /// The policy as it was when the writer's turn came.
    pub(super) fn base_policy(&self) -> &Arc<Policy> {
        &self.base_policy
    }

    pub(super) fn session(&self) -> &Session {
        self.session
    }

    /// The stamp of all that this transaction changes.
    pub(super) fn stamp(&self) -> Stamp {
        self.context.stamp
    }

    pub(super) fn user(&self) -> RecordId {
        self.session.user()
    }

    pub(super) fn crm(&self) -> &'s crate::engine::Crm {
        self.session.crm()
    }

    pub(super) fn hooks(&self) -> Arc<Vec<Hook>> {
        Arc::clone(&self.hooks)
    }

    pub(super) fn hook_state(&mut self) -> &mut HookState {
        &mut self.hook_state
    }

    pub(super) fn view(&self) -> &WriteView<'s> {
        &self.view
    }

    pub(super) fn view_mut(&mut self) -> &mut WriteView<'s> {
        &mut self.view
    }

    pub(super) fn create_as(&mut self, entity: &str, id: RecordId, changes: Changes) -> Result<RecordId> {
        let registry = Arc::clone(&self.registry);
        let known = registry.entity(entity)?;
        self.with_hooks(|transaction| transaction.create_from(known, (id, None), changes))
    }

    /// Creates a record with the values of another one, but for what the changes say and for what no two records
    /// have alike. Values that the user does not see are taken over, too. It is of the same owner, as long as
    /// that is an active user.
    pub(super) fn create_like(
        &mut self,
        entity: &Entity,
        other: &Record,
        changes: Changes,
    ) -> Result<RecordId> {
        let owner = Some(other.envelope.owner).filter(|owner| self.policy.is_active(*owner));
        let owner = changes.owner.or(owner);
        let id = self.session.crm().new_id();
        let changes = Changes { owner, ..changes };
        self.with_hooks(|transaction| transaction.create_from(entity, (id, Some(other)), changes))
    }

    fn create_from(
        &mut self,
        entity: &Entity,
        (id, other): (RecordId, Option<&Record>),
        changes: Changes,
    ) -> Result<RecordId> {
        let permit = if self.founding {
            self.policy.bootstrap::<Create>(entity.id())
        } else {
            self.policy.decide::<Create>(self.session.user(), entity.id(), &entity.api_name)?
        };
        if entity.is_withdrawn() {
            return Err(Error::new(Code::Withdrawn).entity(&entity.api_name));
        }
        refuse_requests(entity)?;
        // Who acts for another one makes records of the other's.
        let holder = self.session.delegator().unwrap_or(self.session.user());
        let owner = changes.owner.unwrap_or(holder);
        let unit = self.policy.unit_of(owner);
        let envelope = Envelope::new(owner, unit, self.session.user(), self.context.stamp);
        let mut record = Record::new(id, entity.id(), envelope);
        if owner != holder {
            self.check_owner(entity, owner, self.policy.partition_of(self.session.user()))?;
        }
        let alike = |field: &&Field| {
            let own = field.definition.unique || matches!(field.definition.kind, FieldType::Attachment);
            let kind = &field.definition.kind;
            !own && !field.is_withdrawn() && !kind.is_worked_out() && !kind.is_opaque()
        };
        for field in entity.fields().iter().filter(alike).filter(|_| other.is_some()) {
            record.set(field.id(), other.map(|other| other.value(field.id())).unwrap_or_default());
        }
        self.owner_named = changes.owner.is_some();
        let named = self.set_values(entity, &mut record, changes, Hand::Caller)?;
        self.furnish(entity, &mut record)?;
        self.settle_partition(entity, &mut record)?;
        let follow_ups = self.prepare(entity, None, &mut record)?;
        self.check_references(entity, None, &record)?;
        self.check_granted_role(entity, &record)?;
        self.check_stated_share(entity, None, &mut record)?;
        self.check_stated_delegation(entity, &record)?;
        self.check_plugin_account(entity, &record)?;
        self.check_opening(entity, None, &mut record)?;
        record.envelope.partition = self.partition_of(entity, &record)?;
        self.look_for_suppressed(entity, None, &record)?;
        let context = self.context_for(entity, named);
        let created = records::create(&mut self.view, &context, &permit, entity, record);
        let id = created.map_err(|error| self.telling_holder(entity, error))?.id;
        self.learn_classes();
        self.follow_up(follow_ups)?;
        self.after_save(entity, None, id)?;
        Ok(id)
    }

    fn change(&mut self, entity: &str, id: RecordId, changes: Changes) -> Result<Upserted> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        refuse_requests(entity)?;
        let old = self.readable(entity, id)?;
        if changes.expected_version.is_some_and(|expected| expected != old.envelope.version) {
            return Err(Error::new(Code::VersionConflict).entity(&entity.api_name).record(id));
        }
        let user = self.session.user();
        let permit = self.policy.decide::<Update>(user, entity.id(), &entity.api_name)?;
        let mut new = old.clone();
        let mut assign = None;
        let given = changes.owner.filter(|owner| *owner != old.envelope.owner);
        let follows = changes.follows_owner && self.policy.unit_of(old.envelope.owner) != old.envelope.unit;
        if let Some(owner) = given.or_else(|| follows.then_some(old.envelope.owner)) {
            self.check_owner(entity, owner, Some(old.envelope.partition))?;
            new.envelope.owner = owner;
            new.envelope.unit = self.policy.unit_of(owner);
            assign = Some(self.policy.decide::<Assign>(user, entity.id(), &entity.api_name)?);
        }
        let named = self.set_values(entity, &mut new, changes, Hand::Caller)?;
        let follow_ups = self.prepare(entity, Some(&old), &mut new)?;
        self.check_references(entity, Some(&old), &new)?;
        self.check_granted_role(entity, &new)?;
        self.check_stated_share(entity, Some(&old), &mut new)?;
        self.check_stated_delegation(entity, &new)?;
        self.check_plugin_account(entity, &new)?;
        self.check_opening(entity, Some(&old), &mut new)?;
        if entity.api_name == access::User::NAME {
            new.envelope.partition = self.partition_of(entity, &new)?;
        }
        if new.envelope.partition != old.envelope.partition {
            assign = Some(self.policy.decide::<Assign>(user, entity.id(), &entity.api_name)?);
        }
        self.look_for_suppressed(entity, Some(&old), &new)?;
        let context = self.context_for(entity, named);
        let moves = self.moves(entity, &old, &new)?;
        let point = (!moves.is_empty()).then(|| self.savepoint());
        let saved = records::update(&mut self.view, &context, &permit, assign.as_ref(), entity, &old, new);
        let saved = saved.map_err(|error| self.telling_holder(entity, error))?;
        if saved.envelope.version == old.envelope.version {
            // Rules may ask for something beside a record that is as it was.
            self.learn_classes();
            self.follow_up(follow_ups)?;
            return Ok(Upserted::Unchanged(id));
        }
        if let (Some(point), Err(error)) = (point, self.follow_moves(entity, &moves)) {
            self.roll_back_to(point);
            return Err(error);
        }
        self.learn_classes();
        self.follow_up(follow_ups)?;
        self.after_save(entity, Some(&old), id)?;
        Ok(Upserted::Updated(id))
    }

    /// The stored record, whole, if the user may see it.
    pub(super) fn readable(&self, entity: &Entity, id: RecordId) -> Result<Record> {
        let permit = self.reader().permit(entity)?;
        self.reader().stored(&permit, entity, id)
    }

    /// Sets what the caller wants, and gives the fields that the caller named.
    pub(super) fn set_values(
        &self,
        entity: &Entity,
        record: &mut Record,
        changes: Changes,
        hand: Hand,
    ) -> Result<BTreeSet<FieldId>> {
        let mut fields = BTreeSet::new();
        for (selector, value) in changes.values {
            let named = |error: Error| error.entity(&entity.api_name);
            let field = selector.field(entity).map_err(named)?;
            let value = normalize_value(field, value, self.phones).map_err(named)?;
            let other = value != record.value(field.id());
            if hand == Hand::Caller && field.definition.read_only && other {
                return Err(named(Error::new(Code::ReadOnlyField).field(&field.api_name)));
            }
            if field.is_withdrawn() && other && !value.is_null() {
                return Err(named(Error::new(Code::Withdrawn).field(&field.api_name)));
            }
            record.set(field.id(), value);
            fields.insert(field.id());
        }
        for (selector, locale, text) in changes.translations {
            let named = |error: Error| error.entity(&entity.api_name);
            let (kept, texts) = translated(entity, record, &selector, (&locale, text)).map_err(named)?;
            record.set(kept, texts);
            fields.insert(kept);
        }
        for external in changes.external_ids {
            check_texts("external_ids", [&external.source, &external.key])?;
            if !record.envelope.external_ids.contains(&external) {
                record.envelope.external_ids.push(external);
            }
        }
        check_count("external_ids", record.envelope.external_ids.len())?;
        if let Some(tags) = changes.tags {
            check_count("tags", tags.len())?;
            check_texts("tags", &tags)?;
            record.envelope.tags = tags;
        }
        if let Some((author, at)) = changes.original {
            record.envelope.original_author = Some(author);
            record.envelope.original_at = Some(at);
        }
        Ok(fields)
    }

    /// What is done to every record before it is stored: its places in trees are found, and rules are asked.
    pub(super) fn prepare(
        &mut self,
        entity: &Entity,
        old: Option<&Record>,
        record: &mut Record,
    ) -> Result<Vec<FollowUp>> {
        self.hold_to_guide(entity, old, record)?;
        self.place_in_trees(entity, old, record)?;
        let placed = entity.trees().next().is_some().then(|| record.clone());
        let follow_ups = self.run_rules(entity, old, record)?;
        if placed.is_some() {
            self.place_in_trees(entity, placed.as_ref(), record)?;
        }
        Ok(follow_ups)
    }

    fn run_rules(
        &mut self,
        entity: &Entity,
        old: Option<&Record>,
        record: &mut Record,
    ) -> Result<Vec<FollowUp>> {
        let hooks = Arc::clone(&self.hooks);
        let mut follow_ups = Vec::new();
        for hook in hooks.iter().filter(|hook| entity.is_called(&hook.entity)) {
            let HookRule::BeforeSave(rule) = &hook.rule else { continue };
            let mut save = Save {
                entity,
                registry: &self.registry,
                snapshot: &self.view,
                policy: &self.policy,
                kept_permit: &self.kept_permit,
                user: (!self.founding).then(|| self.session.user()),
                settings: &self.settings,
                phones: self.phones,
                now: self.session.crm().now(),
                cause: &self.context.cause,
                locale: self.session.locale(),
                owner_named: self.owner_named,
                old,
                record,
                warnings: &mut self.warnings,
                follow_ups: &mut follow_ups,
            };
            rule.before_save(&mut save).map_err(|error| error.entity(&entity.api_name))?;
        }
        // Rules hold of what is stored, so they look at what the hooks have made of the record.
        let moment = self.moment()?;
        self.look_at_others(entity, record)?;
        record.compute(entity, moment);
        enter_type(entity, old, record, moment)?;
        advance(entity, old, record, moment)?;
        self.before_transition(entity, old, record)?;
        read_phones(entity, old, record, self.phones)?;
        let shown = || self.reader().shown_fields(&entity.api_name).unwrap_or_default();
        let owner = record.envelope.owner;
        check_type(entity, old, record, &shown, &|| partition_of(self.reader(), owner))?;
        check_codes(entity, old, record)?;
        check_required_when(entity, record, moment)?;
        self.warnings.extend(check_rules(entity, record, moment)?);
        self.warnings.extend(unparsed_phones(entity, old, record));
        Ok(follow_ups)
    }

    pub(super) fn moment(&self) -> Result<Moment> {
        self.settings.moment(self.session.crm().now())
    }

    /// Gives a new record its serial numbers, and the defaults of what nobody said.
    pub(super) fn furnish(&mut self, entity: &Entity, record: &mut Record) -> Result<()> {
        let moment = self.moment()?;
        settle_type(entity, record, moment)?;
        for field in entity.fields() {
            let FieldType::Serial { parts } = &field.definition.kind else { continue };
            if record.stored(field.id()).is_none() && !excludes(entity, record, field.id()) {
                let serial =
                    records::next_serial(&mut self.view, entity.id(), field.id(), parts, moment.today)?;
                record.set(field.id(), serial);
            }
        }
        self.look_at_others(entity, record)?;
        apply_defaults(entity, record, moment)?;
        read_phones(entity, None, record, self.phones)
    }

    /// A new user works in the partition of whoever makes the user, if nothing else is said.
    fn settle_partition(&self, entity: &Entity, record: &mut Record) -> Result<()> {
        let maker = self.session.user();
        let divided = self.policy.partition_of(maker).is_some_and(|partition| partition != 0);
        if !divided || entity.api_name != User::NAME {
            return Ok(());
        }
        let field = entity.field(user::PARTITION.selector())?.id();
        if record.peek(field).is_null()
            && let Some(maker) = records::get_for_rule(&self.view, entity.id(), maker)?
        {
            record.set(field, maker.value(field));
        }
        Ok(())
    }

    /// The partition of a record: that of its owner. People, and what they are assigned, belong to the partition
    /// that they work in, and the organisation's other facts to that of whoever makes them.
    pub(super) fn partition_of(&self, entity: &Entity, record: &Record) -> Result<u32> {
        let of_user = |user| self.policy.partition_of_owner(user).unwrap_or(0);
        match entity.api_name.as_str() {
            access::User::NAME => {
                let partition = record.value(entity.field(access::user::PARTITION.selector())?.id()).as_id();
                let Some(partition) = partition else { return Ok(0) };
                let partitions = self.registry.entity(access::Partition::NAME)?.id();
                let found = records::get_for_rule(&self.view, partitions, partition)?;
                Ok(found.as_ref().map_or(u32::MAX, organisation::number_of))
            }
            name @ (access::RoleAssignment::NAME
            | access::TeamMember::NAME
            | access::PositionHolder::NAME
            | access::Delegation::NAME) => {
                // The user may have been made by this transaction, so that the policy knows of none.
                let user = match name {
                    access::TeamMember::NAME => access::team_member::USER.selector(),
                    access::PositionHolder::NAME => access::position_holder::USER.selector(),
                    access::Delegation::NAME => access::delegation::DELEGATOR.selector(),
                    _ => access::role_assignment::USER.selector(),
                };
                let user = entity.field(user)?.id();
                let Some(user) = record.peek(user).as_id() else { return Ok(0) };
                let users = self.registry.entity(User::NAME)?.id();
                let found = records::get_for_rule(&self.view, users, user)?;
                Ok(found.map_or(0, |user| user.envelope.partition))
            }
            name if name.starts_with("sys.") => Ok(of_user(self.session.user())),
            _ => Ok(of_user(record.envelope.owner)),
        }
    }

    /// An owner is an active user of the partition, or a pool of it. Beyond it nobody is known. The organisation's own
    /// facts are of users.
    pub(super) fn check_owner(&self, entity: &Entity, owner: RecordId, partition: Option<u32>) -> Result<()> {
        let pool = self.policy.is_pool(owner) && !entity.api_name.starts_with("sys.");
        let owns = pool || self.policy.is_active(owner);
        let known = owns && self.policy.partition_of_owner(owner) == partition;
        if self.founding || known {
            return Ok(());
        }
        Err(Error::new(Code::ReferenceMissing)
            .entity(&entity.api_name)
            .field("owner")
            .rule("an owner is an active user")
            .value(&owner.to_string()))
    }

    pub(super) fn context_for(&self, entity: &Entity, named: BTreeSet<FieldId>) -> WriteContext {
        let stales = organisation::stales(&entity.api_name);
        WriteContext { stales, named, holds: self.legal_holds(), ..self.context.clone() }
    }

    /// Keeps the classes that permits list in step with those that this transaction has interned, so
    /// that it lists and counts what it has written.
    pub(super) fn learn_classes(&mut self) {
        let interned = self.view.interned();
        if interned != self.known_classes.as_slice() {
            self.known_classes = interned.to_vec();
            self.policy = Arc::new(self.base_policy.with_classes(interned));
        }
    }
}

/// Requests for privileges are made and decided by their own verbs, and by nothing else.
fn refuse_requests(entity: &Entity) -> Result<()> {
    if entity.api_name == PrivilegeRequest::NAME {
        return Err(Error::new(Code::NotPermitted).entity(&entity.api_name).rule("access.request"));
    }
    Ok(())
}

/// Refuses more facts of one kind about a record than a list of a field has items.
fn check_count(name: &str, count: usize) -> Result<()> {
    if count > MAX_LIST_ITEMS {
        return Err(Error::new(Code::LimitExceeded).field(name).rule("items <= 1000"));
    }
    Ok(())
}

/// Refuses texts about a record that are longer than those of fields.
fn check_texts<'t>(name: &str, texts: impl IntoIterator<Item = &'t String>) -> Result<()> {
    if texts.into_iter().any(|text| text.len() > MAX_TEXT_BYTES) {
        return Err(Error::new(Code::LimitExceeded).field(name).rule("text <= 1 MiB"));
    }
    Ok(())
}
