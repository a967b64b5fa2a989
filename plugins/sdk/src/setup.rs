//! What a plugin registers while it is being set up for one database.

use std::marker::PhantomData;
use std::mem::size_of;

use guanxi_plugin_abi::{
    self as abi, GUANXI_FIELD_INDEXED, GUANXI_FIELD_REQUIRED, GUANXI_FIELD_SEARCHABLE, GUANXI_FIELD_UNIQUE,
    guanxi_action_definition, guanxi_field_definition, guanxi_handle, guanxi_perform, guanxi_str,
};

use crate::hook::{self, Content, Context, Directions, Extract, Hook, Record, Registration, Score, Work};
use crate::host::{Host, Log, WorkKind};
use crate::{Error, Reject, Value};

/// When a hook runs. All but [`HookPoint::BeforeSave`] need a host of 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookPoint {
    /// Before a record is checked and written; the hook may set its fields.
    BeforeSave,
    /// A record is stored in the open transaction; the hook may write others, and refuse.
    AfterSave,
    /// A change is durable; the hook has no say in it.
    AfterCommit,
    /// A record is about to be deleted; the hook may refuse.
    BeforeDelete,
    /// A record was deleted in the open transaction; the hook may refuse.
    AfterDelete,
    /// A record is about to go to another state; the hook may refuse.
    BeforeTransition,
}

impl HookPoint {
    fn number(self) -> u32 {
        match self {
            Self::BeforeSave => abi::GUANXI_HOOK_BEFORE_SAVE,
            Self::AfterSave => abi::GUANXI_HOOK_AFTER_SAVE,
            Self::AfterCommit => abi::GUANXI_HOOK_AFTER_COMMIT,
            Self::BeforeDelete => abi::GUANXI_HOOK_BEFORE_DELETE,
            Self::AfterDelete => abi::GUANXI_HOOK_AFTER_DELETE,
            Self::BeforeTransition => abi::GUANXI_HOOK_BEFORE_TRANSITION,
        }
    }
}

/// What a plugin does by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action<'text> {
    /// The name in lower case; people call `<plugin id>.<name>`.
    pub name: &'text str,
    /// What people see, in Chinese and in English.
    pub label: (&'text str, &'text str),
    /// What it does and takes, in Chinese and in English; may be empty.
    pub help: (&'text str, &'text str),
    /// The entity, and what its caller must be allowed there: `read`, `create`, `update`, `delete`, `administer`. Both
    /// empty for none. For a model, the entity is that of its records.
    pub needs: (&'text str, &'text str),
}

impl<'text> Action<'text> {
    /// An action that every user may call.
    #[must_use]
    pub fn new(name: &'text str, label_zh: &'text str, label_en: &'text str) -> Self {
        Self { name, label: (label_zh, label_en), help: ("", ""), needs: ("", "") }
    }

    /// The same action for those alone who may do something with an entity.
    #[must_use]
    pub fn needing(self, entity: &'text str, action: &'text str) -> Self {
        Self { needs: (entity, action), ..self }
    }

    fn lend(&self, details: &str) -> guanxi_action_definition {
        guanxi_action_definition {
            struct_size: size_of::<guanxi_action_definition>(),
            name: guanxi_str::of(self.name),
            label_zh: guanxi_str::of(self.label.0),
            label_en: guanxi_str::of(self.label.1),
            help_zh: guanxi_str::of(self.help.0),
            help_en: guanxi_str::of(self.help.1),
            needs_entity: guanxi_str::of(self.needs.0),
            needs_action: guanxi_str::of(self.needs.1),
            details: guanxi_str::of(details),
        }
    }
}

/// The plugin's side of opening one database. What is registered takes effect together, when the setup
/// function returns `Ok`.
pub struct Setup<'call> {
    pub(crate) host: Host,
    pub(crate) registrar: guanxi_handle,
    pub(crate) during: PhantomData<(&'call (), *const ())>,
}

impl Setup<'_> {
    /// Adds a field to an entity such as `crm.account`. Needs the capability `schema:<entity>`.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.duplicate_definition`, `schema.invalid_definition`, or
    /// `access.not_permitted`.
    pub fn field(&mut self, entity: &str, definition: FieldDefinition<'_>) -> Result<(), Error> {
        self.host.register_field(self.registrar, entity, &definition.lend())
    }

    /// Adds a hook that runs before a record of the entity is saved. Hooks run by rising `order`, then
    /// by plugin id, then in the order of registration. Needs the capability `hook:<entity>`.
    ///
    /// The hook may run on several threads at the same time, and again for the same save when the
    /// transaction is repeated; so it should do nothing but look at the record and change it.
    ///
    /// # Errors
    /// `schema.unknown_entity`, or `access.not_permitted`.
    pub fn before_save<F>(&mut self, entity: &str, order: i32, hook: F) -> Result<(), Error>
    where
        F: Fn(&Context<'_>, &mut Record<'_>) -> Result<(), Reject> + Send + Sync + 'static,
    {
        self.on(HookPoint::BeforeSave, entity, order, hook)
    }

    /// Adds a hook at another point of a record's life, as [`Setup::before_save`] does. With `read`, `save` and `call`
    /// of its [`Context`] it may do more than look at the record, each with its capability.
    ///
    /// # Errors
    /// As [`Setup::before_save`]; `input.invalid_argument` from a host that does not know the point.
    pub fn on<F>(&mut self, point: HookPoint, entity: &str, order: i32, hook: F) -> Result<(), Error>
    where
        F: Fn(&Context<'_>, &mut Record<'_>) -> Result<(), Reject> + Send + Sync + 'static,
    {
        let work: Box<Hook> = Box::new(hook);
        let user_data = self.registration(work);
        let place = (point.number(), order);
        // SAFETY: both functions take a registration of a hook, which may be used on any thread, and this one
        // is given away here.
        unsafe {
            self.host.register_hook(
                self.registrar,
                entity,
                place,
                hook::run,
                user_data,
                hook::destroy::<Hook>,
            )
        }
    }

    /// Adds a package of metadata: JSON in the format of the engine's packages, whose `package` is the plugin's id. A
    /// plugin declares its fields here or with [`Setup::field`], not in both ways. Needs the capability `package`, and
    /// `schema:<entity>` for each entity that it extends.
    ///
    /// # Errors
    /// `input.invalid_json`, `schema.invalid_definition`, `access.not_permitted`; `plugin.abi_mismatch` with a host
    /// before 1.2, as all that follows.
    pub fn package(&mut self, json: &str) -> Result<(), Error> {
        self.host.register_package(self.registrar, json)
    }

    /// Adds an action, which users call by `<plugin id>.<name>`: it takes a JSON object and answers with JSON, or with
    /// an empty text for nothing. Needs the capability `action`.
    ///
    /// # Errors
    /// `schema.invalid_definition`, `access.not_permitted`.
    pub fn action<F>(&mut self, action: Action<'_>, work: F) -> Result<(), Error>
    where
        F: Fn(&Context<'_>, &str) -> Result<String, Reject> + Send + Sync + 'static,
    {
        self.work((WorkKind::Action, &action.lend("")), work)
    }

    /// Adds a job, which runs on the plugin's own account when its time has come: `schedule` says when, in the five fields
    /// of crontab, or with a host of 1.3 by a rule of RFC 5545 such as `FREQ=MINUTELY;INTERVAL=15`. Needs the capability
    /// `job`.
    ///
    /// # Errors
    /// As [`Setup::action`].
    pub fn job<F>(&mut self, action: Action<'_>, schedule: &str, work: F) -> Result<(), Error>
    where
        F: Fn(&Context<'_>, &str) -> Result<String, Reject> + Send + Sync + 'static,
    {
        self.work((WorkKind::Job, &action.lend(schedule)), work)
    }

    fn work<F>(&mut self, kind: (WorkKind, &guanxi_action_definition), work: F) -> Result<(), Error>
    where
        F: Fn(&Context<'_>, &str) -> Result<String, Reject> + Send + Sync + 'static,
    {
        let work: Box<Work> = Box::new(work);
        let user_data = self.registration(work);
        // SAFETY: both functions take a registration of a work, which may be used on any thread, and this one
        // is given away here.
        unsafe {
            self.host.register_work(self.registrar, kind, hook::perform, user_data, hook::destroy::<Work>)
        }
    }

    /// Adds the migration of what the plugin has stored from version `to_version - 1` to `to_version`. It writes with
    /// [`Context::save`], runs once, and in one transaction with the others that are due. Needs the capability
    /// `migration`; the manifest states the highest version as its `schema_version`.
    ///
    /// # Errors
    /// `input.invalid_argument` for version 0 or one given twice, `access.not_permitted`.
    pub fn migration<F>(&mut self, to_version: u32, work: F) -> Result<(), Error>
    where
        F: Fn(&Context<'_>) -> Result<(), Reject> + Send + Sync + 'static,
    {
        let work: Box<Work> = Box::new(move |context, _| work(context).map(|()| String::new()));
        let user_data = self.registration(work);
        // SAFETY: as in `work`.
        unsafe {
            self.host.register_migration(
                self.registrar,
                to_version,
                hook::perform,
                user_data,
                hook::destroy::<Work>,
            )
        }
    }

    /// Adds a model that scores records of the entity that the action needs: it is given the values of the fields in
    /// `features` as the asking user sees them, and may say why with [`Context::reason`]. Needs the capability `model`.
    ///
    /// # Errors
    /// As [`Setup::action`].
    pub fn model<F>(&mut self, action: Action<'_>, features: &[&str], score: F) -> Result<(), Error>
    where
        F: Fn(&Context<'_>, &[Value]) -> Result<f64, Reject> + Send + Sync + 'static,
    {
        let work: Box<Score> = Box::new(score);
        let user_data = self.registration(work);
        let features = features.join(" ");
        let definition = action.lend(&features);
        // SAFETY: both functions take a registration of a score, which may be used on any thread, and this one
        // is given away here.
        unsafe {
            self.host.register_model(
                self.registrar,
                &definition,
                hook::score,
                user_data,
                hook::destroy::<Score>,
            )
        }
    }

    /// Adds a report, which users call by `<plugin id>.<name>` and which counts what each may see: `json` is what the
    /// method `report.run` takes. Needs the capability `report` and a host of 1.3.
    ///
    /// # Errors
    /// `input.invalid_json`, `schema.invalid_definition`, `schema.unknown_entity`, `access.not_permitted`.
    pub fn report(&mut self, action: Action<'_>, json: &str) -> Result<(), Error> {
        self.host.register_report(self.registrar, &action.lend(""), json)
    }

    /// Adds a connector to a system outside, which the host drives. Needs the capability `connector`, `write:<entity>`
    /// for what is pulled, `read:<entity>` for what is pushed, and a host of 1.3.
    ///
    /// # Errors
    /// `schema.invalid_definition` for one without a direction, `schema.unknown_entity`, `access.not_permitted`.
    pub fn connector(&mut self, action: Action<'_>, connector: Connector) -> Result<(), Error> {
        let Connector { directions, entities } = connector;
        let (pulls, pushes) = (directions.pull.is_some(), directions.push.is_some());
        let functions: (Option<guanxi_perform>, Option<guanxi_perform>) =
            (pulls.then_some(hook::pull as _), pushes.then_some(hook::push as _));
        let user_data = self.registration(Box::new(directions));
        // SAFETY: all functions take a registration of directions, which may be used on any thread, and this one
        // is given away here.
        unsafe {
            self.host.register_connector(
                self.registrar,
                &action.lend(&entities),
                functions,
                user_data,
                hook::destroy::<Directions>,
            )
        }
    }

    /// Adds an extractor: it reads the texts out of attachments of these media types, such as `application/pdf` or
    /// `text/*`, and hands them over with [`Context::extracted`], so that search finds records by what is written inside.
    /// It is handed no content of more than `most_bytes`; 0 leaves that to the host. Needs the capability
    /// `extract:<media type>` for each, and a host of 1.4.
    ///
    /// # Errors
    /// `schema.invalid_definition`, `access.not_permitted`.
    pub fn extractor<F>(&mut self, media_types: &[&str], most_bytes: u64, extract: F) -> Result<(), Error>
    where
        F: Fn(&Context<'_>, &Content<'_>) -> Result<(), Reject> + Send + Sync + 'static,
    {
        let work: Box<Extract> = Box::new(extract);
        let user_data = self.registration(work);
        let reads = (media_types.join(" "), most_bytes);
        // SAFETY: both functions take a registration of an extractor, which may be used on any thread, and this one
        // is given away here.
        unsafe {
            self.host.register_extractor(
                self.registrar,
                (&reads.0, reads.1),
                hook::extract,
                user_data,
                hook::destroy::<Extract>,
            )
        }
    }

    /// What the host carries for a work. A host that does not know the function it goes to is never given it, and the
    /// little that it holds then stays as long as the process.
    fn registration<W: ?Sized>(&self, work: Box<W>) -> *mut std::ffi::c_void {
        Box::into_raw(Box::new(Registration { host: self.host, work })).cast()
    }

    /// The host's log, which hooks and threads of the plugin's own may keep.
    #[must_use]
    pub fn log(&self) -> Log {
        Log(self.host)
    }
}

/// What a connector does, in one direction or in both.
#[derive(Default)]
pub struct Connector {
    directions: Directions,
    entities: String,
}

impl Connector {
    /// A connector that does nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Brings records in: it is given `{"cursor": text}` as JSON, and `{}` for the first time, writes nothing, and answers
    /// with `{"records": [{"entity", "key", "fields"}], "cursor": text, "more": bool}`.
    #[must_use]
    pub fn pull<F>(mut self, work: F) -> Self
    where
        F: Fn(&Context<'_>, &str) -> Result<String, Reject> + Send + Sync + 'static,
    {
        self.directions.pull = Some(Box::new(work));
        self
    }

    /// Tells a system outside of changes of records of these entities, each as JSON:
    /// `{"position", "kind", "entity", "record", "at", "fields", "values"}`. One that fails is told again.
    #[must_use]
    pub fn push<F>(mut self, entities: &[&str], work: F) -> Self
    where
        F: Fn(&Context<'_>, &str) -> Result<(), Reject> + Send + Sync + 'static,
    {
        self.entities = entities.join(" ");
        let work = move |context: &Context<'_>, change: &str| work(context, change).map(|()| String::new());
        self.directions.push = Some(Box::new(work));
        self
    }
}

/// A field that a plugin adds to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldDefinition<'text> {
    local_id: u32,
    name: &'text str,
    type_name: &'text str,
    label_zh: &'text str,
    label_en: &'text str,
    help: (&'text str, &'text str),
    flags: u32,
}

impl<'text> FieldDefinition<'text> {
    /// A field of a type that the engine's schema names, such as `int`, `money` or `date`.
    ///
    /// `local_id` is the field's identity within the plugin: above 0, chosen once, and never given to
    /// another field, even after this one is gone. `name` has lower-case letters, digits and
    /// underscores; the labels are what people see.
    #[must_use]
    pub fn new(
        local_id: u32,
        name: &'text str,
        type_name: &'text str,
        label_zh: &'text str,
        label_en: &'text str,
    ) -> Self {
        Self { local_id, name, type_name, label_zh, label_en, help: ("", ""), flags: 0 }
    }

    /// A field of text; see [`FieldDefinition::new`].
    #[must_use]
    pub fn text(local_id: u32, name: &'text str, label_zh: &'text str, label_en: &'text str) -> Self {
        Self::new(local_id, name, "text", label_zh, label_en)
    }

    /// What the field is for, for people who fill it in, in Chinese and in English. A host of the interface 1.0
    /// passes it over.
    #[must_use]
    pub fn help(mut self, zh: &'text str, en: &'text str) -> Self {
        self.help = (zh, en);
        self
    }

    /// A record without a value is refused.
    #[must_use]
    pub fn required(self) -> Self {
        self.with(GUANXI_FIELD_REQUIRED)
    }

    /// No two records have the same value.
    #[must_use]
    pub fn unique(self) -> Self {
        self.with(GUANXI_FIELD_UNIQUE)
    }

    /// Lists filter and sort by the field through an index.
    #[must_use]
    pub fn indexed(self) -> Self {
        self.with(GUANXI_FIELD_INDEXED)
    }

    /// Full-text search finds records by the field.
    #[must_use]
    pub fn searchable(self) -> Self {
        self.with(GUANXI_FIELD_SEARCHABLE)
    }

    fn with(mut self, flag: u32) -> Self {
        self.flags |= flag;
        self
    }

    /// The definition as the interface carries it, borrowing the texts.
    fn lend(&self) -> guanxi_field_definition {
        guanxi_field_definition {
            struct_size: size_of::<guanxi_field_definition>(),
            local_id: self.local_id,
            flags: self.flags,
            name: guanxi_str::of(self.name),
            type_name: guanxi_str::of(self.type_name),
            label_zh: guanxi_str::of(self.label_zh),
            label_en: guanxi_str::of(self.label_en),
            help_zh: guanxi_str::of(self.help.0),
            help_en: guanxi_str::of(self.help.1),
        }
    }
}
