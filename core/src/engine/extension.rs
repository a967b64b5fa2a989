//! The door through which the built-in model and every plugin declare themselves.

use std::borrow::Cow;
use std::sync::Arc;

use crate::access::{Create, Policy, Read, Update};
use crate::base::{
    Code, Date, EntityId, Error, FieldId, Label, Locale, Patience, RecordId, Result, TimeZone, Timestamp,
    Value,
};
use crate::engine::actions::Declared;
use crate::engine::connectors::DeclaredConnector;
use crate::engine::due::DueHook;
use crate::engine::record_hooks::KeptPermit;
use crate::engine::{
    ActionDefinition, AfterCommit, Changes, Command, Condition, DueWork, FieldSelector, HookPoint,
    JobDefinition, RecordHook, Settings, TextExtractor, Transaction, condition,
};
use crate::records::{self, Direction, Query, Record, Sight, SortField, Total, find_unique};
use crate::schema::{
    CounterDefinition, Entity, EntityDefinition, FieldDefinition, FieldName, GuideDefinition,
    IndexDefinition, LayoutDefinition, ModuleDefinition, Package, PhoneRegion, RecordTypesDefinition,
    Registry, RuleDefinition, SettingDefinition, StateMachineDefinition, UniqueDefinition,
    ValueSetDefinition, normalize_value,
};
use crate::storage::Snapshot;

/// Something that adds entities, fields and rules to a database.
pub trait Extension: Send + Sync {
    /// A name that is its own, such as `cn.guanxi.licence`.
    fn id(&self) -> &str;

    /// Says what it adds. Called at every open.
    ///
    /// # Errors
    /// What the extension refuses; nothing of it is taken then.
    fn declare(&self, registrar: &mut Registrar) -> Result<()>;

    /// Writes the records that a new database begins with. Called once, by the first administrator.
    ///
    /// # Errors
    /// What the transaction gives; the database is not created then.
    fn seed(&self, _transaction: &mut Transaction<'_>) -> Result<()> {
        Ok(())
    }
}

/// A rule that looks at a record before it is saved, and may change or refuse it.
pub trait BeforeSave: Send + Sync {
    /// Looks at one record.
    ///
    /// # Errors
    /// Refuses the save.
    fn before_save(&self, save: &mut Save<'_>) -> Result<()>;
}

/// What a rule asks for beside the save of a record, done once that is stored.
#[derive(Debug)]
pub(super) enum FollowUp {
    /// Another record.
    Create(String, Changes),
    /// A change of a record that stands.
    Update(String, RecordId, Changes),
    /// Another owner of a record that stands.
    Assign(String, RecordId, RecordId),
}

/// One rule with its place.
#[derive(Clone)]
pub(super) struct Hook {
    pub order: i32,
    pub extension: String,
    pub entity: String,
    pub rule: HookRule,
}

/// What runs, and when.
#[derive(Clone)]
pub(super) enum HookRule {
    BeforeSave(Arc<dyn BeforeSave>),
    At(HookPoint, Arc<dyn RecordHook>),
    AfterCommit(Arc<dyn AfterCommit>),
}

/// Collects what extensions declare; it is applied all or nothing.
#[derive(Default)]
pub struct Registrar {
    pub(super) extension: String,
    pub(super) modules: Vec<ModuleDefinition>,
    pub(super) settings: Vec<SettingDefinition>,
    pub(super) value_sets: Vec<ValueSetDefinition>,
    pub(super) entities: Vec<EntityDefinition>,
    pub(super) fields: Vec<(String, FieldDefinition)>,
    pub(super) rules: Vec<(String, RuleDefinition)>,
    pub(super) states: Vec<(String, StateMachineDefinition)>,
    pub(super) unique: Vec<(String, UniqueDefinition)>,
    pub(super) record_types: Vec<(String, RecordTypesDefinition)>,
    pub(super) layouts: Vec<(String, LayoutDefinition)>,
    pub(super) indexes: Vec<(String, IndexDefinition)>,
    pub(super) counters: Vec<(String, CounterDefinition)>,
    pub(super) hooks: Vec<Hook>,
    pub(super) due: Vec<DueHook>,
    pub(super) shared: Vec<String>,
    pub(super) commands: Vec<Command>,
    pub(super) packages: Vec<Package>,
    pub(super) actions: Vec<Declared<ActionDefinition>>,
    pub(super) jobs: Vec<Declared<JobDefinition>>,
    pub(super) extractors: Vec<Arc<dyn TextExtractor>>,
    pub(super) connectors: Vec<DeclaredConnector>,
    pub(super) guides: Vec<GuideDefinition>,
}

impl Registrar {
    pub(super) fn of(extension: &dyn Extension) -> Result<Self> {
        let mut registrar = Self { extension: extension.id().to_owned(), ..Self::default() };
        extension.declare(&mut registrar)?;
        Ok(registrar)
    }

    /// Adds a module, which entities name by its code.
    pub fn module(&mut self, definition: ModuleDefinition) {
        self.modules.push(definition);
    }

    /// Adds a setting.
    pub fn setting(&mut self, definition: SettingDefinition) {
        self.settings.push(definition);
    }

    /// Adds a value set, which fields name by its API name.
    pub fn value_set(&mut self, definition: ValueSetDefinition) {
        self.value_sets.push(definition);
    }

    /// Adds an entity.
    pub fn entity(&mut self, definition: EntityDefinition) {
        self.entities.push(definition);
    }

    /// Adds a field to an entity, by the entity's API name.
    pub fn field(&mut self, entity: &str, definition: FieldDefinition) {
        self.fields.push((entity.to_owned(), definition));
    }

    /// Adds a rule that records of an entity meet, by the entity's API name.
    pub fn rule(&mut self, entity: &str, definition: RuleDefinition) {
        self.rules.push((entity.to_owned(), definition));
    }

    /// Adds a state machine to an entity, by the entity's API name.
    pub fn states(&mut self, entity: &str, definition: StateMachineDefinition) {
        self.states.push((entity.to_owned(), definition));
    }

    /// Adds a unique rule to an entity, by the entity's API name.
    pub fn unique(&mut self, entity: &str, definition: UniqueDefinition) {
        self.unique.push((entity.to_owned(), definition));
    }

    /// Gives an entity its record types, by the entity's API name.
    pub fn record_types(&mut self, entity: &str, definition: RecordTypesDefinition) {
        self.record_types.push((entity.to_owned(), definition));
    }

    /// Gives an entity a layout, by the entity's API name.
    pub fn layout(&mut self, entity: &str, definition: LayoutDefinition) {
        self.layouts.push((entity.to_owned(), definition));
    }

    /// Adds an index to an entity, by the entity's API name.
    pub fn index(&mut self, entity: &str, definition: IndexDefinition) {
        self.indexes.push((entity.to_owned(), definition));
    }

    /// Adds a counter to an entity, by the entity's API name.
    pub fn counter(&mut self, entity: &str, definition: CounterDefinition) {
        self.counters.push((entity.to_owned(), definition));
    }

    /// Says that every role of a new database may read all records of an entity: reference data such
    /// as stages and products. Databases that stand keep the grants that they have.
    pub fn everybody_reads(&mut self, entity: &str) {
        self.shared.push(entity.to_owned());
    }

    /// Adds something that people do by its name, for command palettes.
    pub fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Adds a guide, in the extension's own namespace.
    pub fn guide(&mut self, definition: GuideDefinition) {
        self.guides.push(GuideDefinition { namespace: self.extension.clone(), ..definition });
    }

    /// Adds what reads texts out of attachments, behind those of the host ([`Options::text_extractor`]).
    ///
    /// [`Options::text_extractor`]: crate::engine::Options::text_extractor
    pub fn text_extractor(&mut self, extractor: Arc<dyn TextExtractor>) {
        self.extractors.push(extractor);
    }

    /// Says what is done with a record of an entity when the moment in one of its fields has come: `index` is of that
    /// field alone, made by [`IndexDefinition::of_due`], and declared by this. Nothing runs by itself: a host calls
    /// [`Session::tick`](crate::engine::Session::tick).
    pub fn due(&mut self, entity: &str, index: IndexDefinition, work: Arc<dyn DueWork>) {
        self.due.push(DueHook { entity: entity.to_owned(), index: index.api_name(), work });
        self.indexes.push((entity.to_owned(), index));
    }

    /// Adds a rule before saving. Rules run by order, then by the extension's id.
    pub fn before_save(&mut self, entity: &str, order: i32, rule: Arc<dyn BeforeSave>) {
        self.hook(entity, order, HookRule::BeforeSave(rule));
    }

    /// Adds a rule at another point of a record's life. Rules run by order, then by the extension's id.
    pub fn record_hook(&mut self, entity: &str, order: i32, point: HookPoint, rule: Arc<dyn RecordHook>) {
        self.hook(entity, order, HookRule::At(point, rule));
    }

    /// Adds something that is told of records when their change is durable.
    pub fn after_commit(&mut self, entity: &str, order: i32, rule: Arc<dyn AfterCommit>) {
        self.hook(entity, order, HookRule::AfterCommit(rule));
    }

    fn hook(&mut self, entity: &str, order: i32, rule: HookRule) {
        let hook = Hook { order, extension: self.extension.clone(), entity: entity.to_owned(), rule };
        self.hooks.push(hook);
    }

    /// Adds a package of metadata in the extension's own namespace, its entities, fields, rules, states and layouts among
    /// them. Its roles and views are records, which a user installs; a package with these is refused here.
    pub fn package(&mut self, package: Package) {
        self.packages.push(package);
    }
}

/// Something that was taken, but that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Why, by a code that never changes: `schema.phone_unparsed`, `schema.rule_broken`, or
    /// `plugin.rejected` where an extension says so.
    pub code: Code,
    /// The entity.
    pub entity: String,
    /// The field.
    pub field: String,
    /// What people read.
    pub message: Label,
}

/// A record on its way into the store, as rules see it.
pub struct Save<'a> {
    pub(super) entity: &'a Entity,
    pub(super) registry: &'a Registry,
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) policy: &'a Arc<Policy>,
    pub(super) kept_permit: &'a KeptPermit,
    /// Who saves; nobody while a database is founded.
    pub(super) user: Option<RecordId>,
    pub(super) settings: &'a Settings,
    pub(super) phones: PhoneRegion,
    pub(super) now: Timestamp,
    pub(super) cause: &'a str,
    pub(super) locale: Locale,
    pub(super) owner_named: bool,
    pub(super) old: Option<&'a Record>,
    pub(super) record: &'a mut Record,
    pub(super) warnings: &'a mut Vec<Warning>,
    pub(super) follow_ups: &'a mut Vec<FollowUp>,
}

impl Save<'_> {
    /// The entity's API name.
    #[must_use]
    pub fn entity(&self) -> &str {
        &self.entity.api_name
    }

    /// Whether the record is new.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.old.is_none()
    }

    /// The language of the acting session.
    #[must_use]
    pub fn locale(&self) -> Locale {
        self.locale
    }

    /// By which verb, import or plugin the record is saved.
    #[must_use]
    pub fn cause(&self) -> &str {
        self.cause
    }

    /// Today, in the organisation's zone.
    ///
    /// # Errors
    /// `input.invalid_argument` if the zone is unknown.
    pub fn today(&self) -> Result<Date> {
        Ok(self.now.date_in(&self.settings.zone()?))
    }

    /// The zone of the organisation.
    ///
    /// # Errors
    /// `input.invalid_argument` if the zone is unknown.
    pub fn zone(&self) -> Result<TimeZone> {
        self.settings.zone()
    }

    /// The value that a field is about to have.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn value(&self, field: impl Into<FieldSelector>) -> Result<Value> {
        Ok(self.record.value(field.into().resolve(self.entity)?))
    }

    /// The value that a field had; [`Value::Null`] for a new record.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn old_value(&self, field: impl Into<FieldSelector>) -> Result<Value> {
        let field = field.into().resolve(self.entity)?;
        Ok(self.old.map(|old| old.value(field)).unwrap_or_default())
    }

    /// Whether the save changes a field.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn changes(&self, field: impl Into<FieldSelector>) -> Result<bool> {
        let field = field.into();
        Ok(self.value(field.clone())? != self.old_value(field)?)
    }

    /// Sets a field, normalised as any value is.
    ///
    /// # Errors
    /// `schema.unknown_field`, `schema.wrong_type` and the like.
    pub fn set(&mut self, field: impl Into<FieldSelector>, value: impl Into<Value>) -> Result<()> {
        let field = field.into().field(self.entity)?.id();
        self.put(field, value.into())
    }

    /// As [`Save::set`] for a field by its number.
    ///
    /// # Errors
    /// As [`Save::set`].
    pub fn put(&mut self, field: FieldId, value: Value) -> Result<()> {
        let unknown = || Error::new(Code::UnknownField).entity(&self.entity.api_name);
        let field = self.entity.field_by_id(field).ok_or_else(unknown)?;
        let value = normalize_value(field, value, self.phones)
            .map_err(|error| error.entity(&self.entity.api_name))?;
        self.record.set(field.id(), value);
        Ok(())
    }

    /// As [`Save::check_user_sets`] for a field by its number.
    ///
    /// # Errors
    /// As [`Save::check_user_sets`].
    pub fn check_sets(&self, field: FieldId) -> Result<()> {
        let Some(user) = self.user else { return Ok(()) };
        let (id, name) = (self.entity.id(), &self.entity.api_name);
        let said = self.entity.field_by_id(field).map_or("", |field| &field.api_name);
        let class = self.record.envelope.access_class();
        let checked = match self.is_new() {
            true => self.policy.decide::<Create>(user, id, name)?.check_sets(&class, field, said),
            false => self.policy.decide::<Update>(user, id, name)?.check_sets(&class, field, said),
        };
        checked.map_err(|error| error.entity(name))
    }

    /// Refuses a field of which the user who saves does not see the value in clear. A rule reads in its own right;
    /// what acts on the user's behalf, as a plugin does, asks this first.
    ///
    /// # Errors
    /// `access.field_not_permitted`, `access.not_permitted`, `schema.unknown_field`.
    pub fn check_user_reads(&self, field: impl Into<FieldSelector>) -> Result<()> {
        match self.user {
            Some(_) => self.check_reads(field.into().field(self.entity)?.id()),
            None => Ok(()),
        }
    }

    /// The entity's number and the version of the registry: within both, a name stands for the same field.
    #[must_use]
    pub fn schema(&self) -> (EntityId, u32) {
        (self.entity.id(), self.registry.version())
    }

    /// The number of a field of the registry, for who asks for it again and again.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn field(&self, name: &str) -> Result<FieldId> {
        Ok(self.entity.field(FieldName::Name(name))?.id())
    }

    /// As [`Save::value`] for a field by its number, without a copy of what is stored.
    #[must_use]
    pub fn peek(&self, field: FieldId) -> Cow<'_, Value> {
        self.record.peek(field)
    }

    /// As [`Save::old_value`] for a field by its number, without a copy of what is stored.
    #[must_use]
    pub fn peek_old(&self, field: FieldId) -> Cow<'_, Value> {
        self.old.map_or(Cow::Owned(Value::Null), |old| old.peek(field))
    }

    /// As [`Save::check_user_reads`] for a field by its number.
    ///
    /// # Errors
    /// `access.field_not_permitted`, `access.not_permitted`.
    pub fn check_reads(&self, field: FieldId) -> Result<()> {
        match self.user {
            Some(user) => self.kept_permit.check_reads((self.policy, user), self.entity, self.record, field),
            None => Ok(()),
        }
    }

    /// Refuses a field that the user who saves may not set.
    ///
    /// # Errors
    /// As [`Save::check_user_reads`].
    pub fn check_user_sets(&self, field: impl Into<FieldSelector>) -> Result<()> {
        match self.user {
            Some(_) => self.check_sets(field.into().field(self.entity)?.id()),
            None => Ok(()),
        }
    }

    /// Lets the save go on, and tells the caller to look at a field.
    pub fn warn(&mut self, field: &str, message: Label) {
        let entity = self.entity.api_name.clone();
        self.warnings.push(Warning { code: Code::PluginRejected, entity, field: field.to_owned(), message });
    }

    /// A field of another record, read by the rule itself, not by the session's user.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `storage.damaged`.
    pub fn value_of(&self, entity: &str, record: RecordId, field: impl Into<FieldSelector>) -> Result<Value> {
        let entity = self.registry.entity(entity)?;
        let field = field.into().resolve(entity)?;
        let record = crate::records::get_for_rule(self.snapshot, entity.id(), record)?;
        Ok(record.map(|record| record.value(field)).unwrap_or_default())
    }

    /// The record of an entity that has a value of a unique field.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `storage.damaged`.
    pub fn find_unique(
        &self,
        entity: &str,
        field: impl Into<FieldSelector>,
        value: &Value,
    ) -> Result<Option<RecordId>> {
        let entity = self.registry.entity(entity)?;
        find_unique(self.snapshot, entity.id(), field.into().resolve(entity)?, value)
    }

    /// The record with the smallest value of a field, read by the rule itself.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `storage.damaged`.
    pub fn first_by(&self, entity: &str, field: impl Into<FieldSelector>) -> Result<Option<RecordId>> {
        self.first_meeting(entity, &Condition::Everything, field)
    }

    /// As [`Save::first_by`], among the records that meet a condition.
    ///
    /// # Errors
    /// As [`Save::first_by`]; `schema.wrong_type`.
    pub fn first_meeting(
        &self,
        entity: &str,
        met: &Condition,
        field: impl Into<FieldSelector>,
    ) -> Result<Option<RecordId>> {
        let entity = self.registry.entity(entity)?;
        let filter = condition::resolve_for_rule(entity, met, self.phones)?;
        let sort = vec![SortField::new(field.into().resolve(entity)?, Direction::Ascending)];
        let query = Query { filter, sort, limit: 1, ..Query::default() };
        let permit = self.policy.bootstrap::<Read>(entity.id());
        let patience = Patience::default();
        let sight = Sight::new(self.snapshot, self.registry, entity, &permit, &patience);
        let page = records::find(&sight, &query)?;
        Ok(page.records.first().map(|record| record.id))
    }

    /// The id of the record that is being saved.
    #[must_use]
    pub fn record(&self) -> RecordId {
        self.record.id
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Creates another record in the same transaction, once this one is saved, in the rule's own right and for the same
    /// owner unless the changes name one.
    pub fn also_create(&mut self, entity: &str, changes: Changes) {
        let owner = changes.owner.unwrap_or(self.record.envelope.owner);
        let changes = changes.owner(owner);
        self.follow_ups.push(FollowUp::Create(entity.to_owned(), changes));
    }

    /// Changes another record in the same transaction, once this one is saved, in the rule's own right. The rules of
    /// that record are asked as for any change, and what they ask for in turn is done too, up to eight steps away. A
    /// record that is gone by then is passed over, and one that somebody has locked is changed all the same.
    pub fn also_update(&mut self, entity: &str, record: RecordId, changes: Changes) {
        self.follow_ups.push(FollowUp::Update(entity.to_owned(), record, changes));
    }

    /// Who saves; nobody while a database is founded.
    #[must_use]
    pub fn user(&self) -> Option<RecordId> {
        self.user
    }

    /// Whose the record is about to be.
    #[must_use]
    pub fn owner(&self) -> RecordId {
        self.record.envelope.owner
    }

    /// Whose it was; nobody's if it is new.
    #[must_use]
    pub fn old_owner(&self) -> Option<RecordId> {
        self.old.map(|old| old.envelope.owner)
    }

    /// Whether an owner is a pool.
    #[must_use]
    pub fn is_pool(&self, owner: RecordId) -> bool {
        self.policy.is_pool(owner)
    }

    /// How many live records of an entity somebody owns that meet a condition, whoever may see them: counted by the
    /// rule itself, among the records of that owner alone.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `schema.wrong_type`, `storage.damaged`.
    pub fn count_owned(&self, entity: &str, owner: RecordId, met: &Condition) -> Result<u64> {
        let entity = self.registry.entity(entity)?;
        let filter = condition::resolve_for_rule(entity, met, self.phones)?;
        let permit = self.policy.bootstrap_of_owner::<Read>(entity.id(), owner);
        let patience = Patience::default();
        let sight = Sight::new(self.snapshot, self.registry, entity, &permit, &patience);
        Ok(records::count(&sight, &filter, Total::Exact)?.count)
    }
}
