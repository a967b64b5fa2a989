//! What a plugin registers while it is being set up for one database.

use std::marker::PhantomData;
use std::mem::size_of;

use guanxi_plugin_abi::{
    GUANXI_FIELD_INDEXED, GUANXI_FIELD_REQUIRED, GUANXI_FIELD_SEARCHABLE, GUANXI_FIELD_UNIQUE,
    GUANXI_HOOK_BEFORE_SAVE, guanxi_field_definition, guanxi_handle, guanxi_str,
};

use crate::hook::{self, Context, Record, Registration};
use crate::host::{Host, Log};
use crate::{Error, Reject};

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
        let registration = Box::new(Registration { host: self.host, hook: Box::new(hook) });
        let user_data = Box::into_raw(registration).cast();
        let place = (GUANXI_HOOK_BEFORE_SAVE, order);
        // SAFETY: both functions take a `Registration`, which may be used on any thread, and this one
        // is given away here.
        unsafe { self.host.register_hook(self.registrar, entity, place, hook::run, user_data, hook::destroy) }
    }

    /// The host's log, which hooks and threads of the plugin's own may keep.
    #[must_use]
    pub fn log(&self) -> Log {
        Log(self.host)
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
