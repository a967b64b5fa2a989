//! A stand-in for the engine, with which a plugin's own tests set it up and save records.
//!
//! It speaks the same interface as the engine, knows no schema but what the plugin registers and the
//! record brings, and keeps everything on the thread of the test. The acting session reads Chinese.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::mem::size_of;

use guanxi_plugin_abi as abi;
use guanxi_plugin_abi::{
    guanxi_field_definition, guanxi_handle, guanxi_host, guanxi_status, guanxi_str, guanxi_value,
};

use crate::value::{bytes_of, utf8};
use crate::{Error, Setup, Value, entry};

/// The fields of a record by name.
pub type Fields = BTreeMap<String, Value>;

/// A message about a field in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The field; empty if it is about none.
    pub field: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// A field that the plugin registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredField {
    /// The entity it was added to.
    pub entity: String,
    /// Its identity within the plugin.
    pub local_id: u32,
    /// Its name.
    pub name: String,
    /// The name of its type.
    pub type_name: String,
    /// Its label in Chinese.
    pub label_zh: String,
    /// Its label in English.
    pub label_en: String,
    /// What it is for, in Chinese; empty if nothing is said.
    pub help_zh: String,
    /// The same in English.
    pub help_en: String,
    /// Sum of the interface's `GUANXI_FIELD_*` flags.
    pub flags: u32,
}

/// What came of a save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// `GUANXI_OK`, or the status of the hook that stopped the save.
    pub status: guanxi_status,
    /// The record as the hooks left it.
    pub record: Fields,
    /// Why the record was refused, if it was.
    pub rejection: Option<Message>,
    /// Warnings, in their order.
    pub warnings: Vec<Message>,
    /// Other records that were saved: entity, key, and fields as JSON.
    pub saved: Vec<(String, String, String)>,
    /// What an action answered, as JSON; empty for nothing.
    pub answer: String,
    /// The text that an extractor handed over.
    pub extracted: String,
    /// Why a model gave its score: both languages, and the weight.
    pub reasons: Vec<(String, String, String)>,
}

/// A database with one plugin. Dropping it closes the database and destroys the plugin's hooks.
#[derive(Default)]
pub struct Database {
    fields: Vec<RegisteredField>,
    hooks: Vec<RegisteredHook>,
    packages: Vec<String>,
    reports: Vec<(String, String)>,
    works: Vec<RegisteredWork>,
}

/// An action, a job, a migration, a model or an extractor.
struct RegisteredWork {
    name: String,
    function: WorkFunction,
    user_data: *mut c_void,
    destroy: Option<abi::guanxi_destroy>,
}

#[derive(Clone, Copy)]
enum WorkFunction {
    Perform(abi::guanxi_perform),
    Score(abi::guanxi_score),
    Extract(abi::guanxi_extract),
    None,
}

impl RegisteredWork {
    fn new(function: WorkFunction, user_data: *mut c_void, destroy: Option<abi::guanxi_destroy>) -> Self {
        Self { name: String::new(), function, user_data, destroy }
    }
}

impl Drop for RegisteredWork {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: it is the plugin's own pair of function and data, and this is the one call.
            unsafe { destroy(self.user_data) };
        }
    }
}

struct RegisteredHook {
    point: u32,
    entity: String,
    order: i32,
    hook: abi::guanxi_hook,
    user_data: *mut c_void,
    destroy: Option<abi::guanxi_destroy>,
}

impl Drop for RegisteredHook {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: it is the plugin's own pair of function and data, and this is the one call.
            unsafe { destroy(self.user_data) };
        }
    }
}

/// What runs on this thread now, found by the functions of the table.
#[derive(Default)]
struct Stage {
    /// The last handle that was given out; none comes twice.
    last_handle: guanxi_handle,
    opening: Option<Opening>,
    saving: Option<Saving>,
    log: Vec<String>,
}

struct Opening {
    registrar: guanxi_handle,
    capabilities: Vec<String>,
    database: Database,
}

struct Saving {
    context: guanxi_handle,
    record: guanxi_handle,
    outcome: Outcome,
}

thread_local! {
    static STAGE: RefCell<Stage> = RefCell::default();
}

static HOST: guanxi_host = guanxi_host {
    struct_size: size_of::<guanxi_host>(),
    log,
    register_field,
    register_hook,
    record_value,
    record_set,
    reject,
    warn,
    locale,
    register_package,
    register_action,
    register_job,
    register_migration,
    register_model,
    record_old_value,
    record_id,
    read,
    save,
    call,
    call_as_self: call,
    answer,
    reason,
    time_left_ms,
    register_report,
    register_connector,
    register_extractor,
    extracted,
};

impl Database {
    /// Opens a database with the plugin of this setup function, to which these capabilities are granted.
    ///
    /// # Errors
    /// What setup returned; the log may say more.
    pub fn open(
        capabilities: &[&str],
        setup: fn(&mut Setup<'_>) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let registrar = STAGE.with_borrow_mut(|stage| {
            let registrar = stage.handle();
            let capabilities = capabilities.iter().map(|&capability| capability.to_owned()).collect();
            let database = Self::default();
            stage.opening = Some(Opening { registrar, capabilities, database });
            registrar
        });
        // SAFETY: the table is complete and constant.
        let status = unsafe { entry::initialize(&raw const HOST, registrar, setup) };
        let opened = STAGE.with_borrow_mut(|stage| stage.opening.take());
        match opened {
            Some(Opening { mut database, .. }) if status >= 0 => {
                database.hooks.sort_by_key(|hook| hook.order);
                Ok(database)
            }
            _ => Err(Error::new(status, "setup")),
        }
    }

    /// The fields that the plugin registered.
    #[must_use]
    pub fn fields(&self) -> &[RegisteredField] {
        &self.fields
    }

    /// The packages of metadata that the plugin registered, as JSON.
    #[must_use]
    pub fn packages(&self) -> &[String] {
        &self.packages
    }

    /// The reports that the plugin registered: the name of each, and what it asks for, as JSON.
    #[must_use]
    pub fn reports(&self) -> &[(String, String)] {
        &self.reports
    }

    /// Runs the hooks of an entity over a record that is saved: those before, and those behind. The record has the fields
    /// that it names, and those that the plugin registered.
    #[must_use]
    pub fn save(&self, entity: &str, mut record: Fields) -> Outcome {
        for field in self.fields.iter().filter(|field| field.entity == entity) {
            record.entry(field.name.clone()).or_default();
        }
        let mut outcome = Outcome { record, ..Outcome::default() };
        for point in [abi::GUANXI_HOOK_BEFORE_SAVE, abi::GUANXI_HOOK_AFTER_SAVE] {
            outcome = self.run_hooks(point, entity, outcome);
        }
        outcome
    }

    /// Runs the hooks of an entity at one `GUANXI_HOOK_*` point over a record.
    #[must_use]
    pub fn happens(&self, point: u32, entity: &str, record: Fields) -> Outcome {
        self.run_hooks(point, entity, Outcome { record, ..Outcome::default() })
    }

    fn run_hooks(&self, point: u32, entity: &str, mut outcome: Outcome) -> Outcome {
        for hook in self.hooks.iter().filter(|hook| hook.point == point && hook.entity == entity) {
            if outcome.status < 0 {
                break;
            }
            outcome = on_scene(outcome, |context, record| {
                // SAFETY: it is the plugin's own pair of function and data, which is not destroyed yet.
                unsafe { (hook.hook)(hook.user_data, context, record) }
            });
        }
        outcome
    }

    /// Runs an action or a job by its name, a migration by its version, or a connector by its name and `.pull` or
    /// `.push`, with JSON. Nothing for one that is not there.
    #[must_use]
    pub fn perform(&self, name: &str, input: &str) -> Option<Outcome> {
        let work = self.works.iter().find(|work| work.name == name)?;
        let WorkFunction::Perform(function) = work.function else { return None };
        Some(on_scene(Outcome::default(), |context, _| {
            // SAFETY: it is the plugin's own pair of function and data, and the text outlives the call.
            unsafe { function(work.user_data, context, guanxi_str::of(input)) }
        }))
    }

    /// Has an extractor read a content of one of the media types, as it was registered. Nothing where there is none.
    #[must_use]
    pub fn extract(&self, media_type: &str, content: &[u8]) -> Option<Outcome> {
        let of = |work: &&RegisteredWork| work.name.split(' ').any(|known| known == media_type);
        let mut works = self.works.iter().filter(of);
        works.find_map(|work| {
            let WorkFunction::Extract(function) = work.function else { return None };
            Some(on_scene(Outcome::default(), |context, _| {
                let media_type = guanxi_str::of(media_type);
                // SAFETY: it is the plugin's own pair of function and data, and both borrows outlive the call.
                unsafe { function(work.user_data, context, media_type, content.as_ptr(), content.len()) }
            }))
        })
    }

    /// Has a model score values, by its name. Nothing for one that is not there.
    ///
    /// # Errors
    /// `schema.out_of_range` for a value that cannot be lent.
    pub fn score(&self, name: &str, features: &[Value]) -> Option<Result<(f64, Outcome), Error>> {
        let work = self.works.iter().find(|work| work.name == name)?;
        let WorkFunction::Score(function) = work.function else { return None };
        let lent: Result<Vec<_>, Error> = features.iter().map(|value| value.lend("feature")).collect();
        Some(lent.map(|lent| {
            let mut score = f64::NAN;
            let outcome = on_scene(Outcome::default(), |context, _| {
                // SAFETY: it is the plugin's own pair of function and data, and the values outlive the call.
                unsafe { function(work.user_data, context, lent.as_ptr(), lent.len(), &raw mut score) }
            });
            (score, outcome)
        }))
    }
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            status: abi::GUANXI_OK,
            record: Fields::new(),
            rejection: None,
            warnings: Vec::new(),
            saved: Vec::new(),
            answer: String::new(),
            extracted: String::new(),
            reasons: Vec::new(),
        }
    }
}

/// Calls a plugin with a context and a record of this thread's stage.
fn on_scene(outcome: Outcome, call: impl FnOnce(guanxi_handle, guanxi_handle) -> guanxi_status) -> Outcome {
    let unchanged = outcome.clone();
    let (context, record) = STAGE.with_borrow_mut(|stage| {
        let (context, record) = (stage.handle(), stage.handle());
        stage.saving = Some(Saving { context, record, outcome });
        (context, record)
    });
    let status = call(context, record);
    let saved = STAGE.with_borrow_mut(|stage| stage.saving.take());
    Outcome { status, ..saved.map_or(unchanged, |saving| saving.outcome) }
}

/// Takes the lines that were logged on this thread.
#[must_use]
pub fn take_log() -> Vec<String> {
    STAGE.with_borrow_mut(|stage| std::mem::take(&mut stage.log))
}

impl Stage {
    fn handle(&mut self) -> guanxi_handle {
        self.last_handle += 1;
        self.last_handle
    }

    fn opening(&mut self, registrar: guanxi_handle) -> Result<&mut Opening, guanxi_status> {
        let opening = self.opening.as_mut().filter(|opening| opening.registrar == registrar);
        opening.ok_or(abi::GUANXI_ERR_INPUT_INVALID_HANDLE)
    }

    fn context(&mut self, context: guanxi_handle) -> Result<&mut Outcome, guanxi_status> {
        let saving = self.saving.as_mut().filter(|saving| saving.context == context);
        saving.map(|saving| &mut saving.outcome).ok_or(abi::GUANXI_ERR_INPUT_INVALID_HANDLE)
    }

    fn field(&mut self, record: guanxi_handle, field: guanxi_str) -> Result<&mut Value, guanxi_status> {
        let saving = self.saving.as_mut().filter(|saving| saving.record == record);
        let saving = saving.ok_or(abi::GUANXI_ERR_INPUT_INVALID_HANDLE)?;
        saving.outcome.record.get_mut(&text(field)?).ok_or(abi::GUANXI_ERR_SCHEMA_UNKNOWN_FIELD)
    }
}

impl Opening {
    fn permits(&self, action: &str, entity: &str) -> Result<(), guanxi_status> {
        self.permits_plain(&format!("{action}:{entity}"))
    }

    fn permits_plain(&self, capability: &str) -> Result<(), guanxi_status> {
        let granted = self.capabilities.iter().any(|granted| granted == capability);
        granted.then_some(()).ok_or(abi::GUANXI_ERR_ACCESS_NOT_PERMITTED)
    }
}

/// Does a call's work on this thread's stage.
fn on_stage(work: impl FnOnce(&mut Stage) -> Result<(), guanxi_status>) -> guanxi_status {
    STAGE.with_borrow_mut(|stage| work(stage).err().unwrap_or(abi::GUANXI_OK))
}

fn text(view: guanxi_str) -> Result<String, guanxi_status> {
    // SAFETY: the interface has every text readable during the call.
    utf8(unsafe { bytes_of(view) }, "").map_err(|error| error.status())
}

fn message(field: guanxi_str, zh: guanxi_str, en: guanxi_str) -> Result<Message, guanxi_status> {
    Ok(Message { field: text(field)?, zh: text(zh)?, en: text(en)? })
}

unsafe extern "C" fn log(_level: u32, line: guanxi_str) -> guanxi_status {
    on_stage(|stage| {
        stage.log.push(text(line)?);
        Ok(())
    })
}

unsafe extern "C" fn register_field(
    registrar: guanxi_handle,
    entity: guanxi_str,
    definition: *const guanxi_field_definition,
) -> guanxi_status {
    on_stage(|stage| {
        let opening = stage.opening(registrar)?;
        let entity = text(entity)?;
        opening.permits("schema", &entity)?;
        // SAFETY: the caller passes a definition or null.
        let definition = unsafe { definition.as_ref() }.ok_or(abi::GUANXI_ERR_INPUT_NULL_ARGUMENT)?;
        let field = RegisteredField {
            entity,
            local_id: definition.local_id,
            name: text(definition.name)?,
            type_name: text(definition.type_name)?,
            label_zh: text(definition.label_zh)?,
            label_en: text(definition.label_en)?,
            help_zh: text(definition.help_zh)?,
            help_en: text(definition.help_en)?,
            flags: definition.flags,
        };
        let clash = |other: &RegisteredField| {
            other.local_id == field.local_id || (other.entity == field.entity && other.name == field.name)
        };
        if opening.database.fields.iter().any(clash) {
            return Err(abi::GUANXI_ERR_SCHEMA_DUPLICATE_DEFINITION);
        }
        opening.database.fields.push(field);
        Ok(())
    })
}

unsafe extern "C" fn register_hook(
    registrar: guanxi_handle,
    entity: guanxi_str,
    point: u32,
    order: i32,
    hook: abi::guanxi_hook,
    user_data: *mut c_void,
    destroy: Option<abi::guanxi_destroy>,
) -> guanxi_status {
    // Dropping it destroys the user data, whatever comes of the registration, and only once the stage is
    // free again, for the plugin may log then.
    let mut registered =
        Some(RegisteredHook { point, entity: String::new(), order, hook, user_data, destroy });
    on_stage(|stage| {
        let opening = stage.opening(registrar)?;
        let entity = text(entity)?;
        opening.permits("hook", &entity)?;
        if !(abi::GUANXI_HOOK_BEFORE_SAVE..=abi::GUANXI_HOOK_BEFORE_TRANSITION).contains(&point) {
            return Err(abi::GUANXI_ERR_INPUT_INVALID_ARGUMENT);
        }
        opening.database.hooks.extend(registered.take().map(|mut hook| {
            hook.entity = entity;
            hook
        }));
        Ok(())
    })
}

unsafe extern "C" fn record_value(
    record: guanxi_handle,
    field: guanxi_str,
    out: *mut guanxi_value,
) -> guanxi_status {
    on_stage(|stage| {
        let value = stage.field(record, field)?.lend("").map_err(|error| error.status())?;
        // SAFETY: the caller passes a place to write to, or null.
        let out = unsafe { out.as_mut() }.ok_or(abi::GUANXI_ERR_INPUT_NULL_ARGUMENT)?;
        *out = value;
        Ok(())
    })
}

unsafe extern "C" fn record_set(
    record: guanxi_handle,
    field: guanxi_str,
    value: *const guanxi_value,
) -> guanxi_status {
    on_stage(|stage| {
        // SAFETY: the caller passes a value or null.
        let value = unsafe { value.as_ref() }.ok_or(abi::GUANXI_ERR_INPUT_NULL_ARGUMENT)?;
        // SAFETY: the caller's value has the content that its kind calls for.
        let copy = unsafe { Value::copied(value, "") }.map_err(|error| error.status())?;
        *stage.field(record, field)? = copy;
        Ok(())
    })
}

unsafe extern "C" fn reject(
    context: guanxi_handle,
    field: guanxi_str,
    message_zh: guanxi_str,
    message_en: guanxi_str,
) -> guanxi_status {
    on_stage(|stage| {
        let said = message(field, message_zh, message_en)?;
        stage.context(context)?.rejection.get_or_insert(said);
        Ok(())
    })
}

unsafe extern "C" fn warn(
    context: guanxi_handle,
    field: guanxi_str,
    message_zh: guanxi_str,
    message_en: guanxi_str,
) -> guanxi_status {
    on_stage(|stage| {
        let said = message(field, message_zh, message_en)?;
        stage.context(context)?.warnings.push(said);
        Ok(())
    })
}

unsafe extern "C" fn locale(context: guanxi_handle, out: *mut guanxi_str) -> guanxi_status {
    on_stage(|stage| {
        stage.context(context)?;
        // SAFETY: the caller passes a place to write to, or null.
        let out = unsafe { out.as_mut() }.ok_or(abi::GUANXI_ERR_INPUT_NULL_ARGUMENT)?;
        *out = guanxi_str::of("zh-Hans");
        Ok(())
    })
}

unsafe extern "C" fn register_package(registrar: guanxi_handle, json: guanxi_str) -> guanxi_status {
    on_stage(|stage| {
        let opening = stage.opening(registrar)?;
        opening.permits_plain("package")?;
        opening.database.packages.push(text(json)?);
        Ok(())
    })
}

/// Keeps a work under a name, whatever its kind, if the plugin may register it.
fn keep(
    registrar: guanxi_handle,
    capability: &str,
    name: impl FnOnce() -> Result<String, guanxi_status>,
    work: RegisteredWork,
) -> guanxi_status {
    keep_permitted(registrar, |opening| opening.permits_plain(capability), name, work)
}

/// As [`keep`], with whatever is to be permitted.
fn keep_permitted(
    registrar: guanxi_handle,
    permitted: impl FnOnce(&Opening) -> Result<(), guanxi_status>,
    name: impl FnOnce() -> Result<String, guanxi_status>,
    work: RegisteredWork,
) -> guanxi_status {
    // Dropping it destroys the user data, only once the stage is free again.
    let mut work = Some(work);
    on_stage(|stage| {
        let opening = stage.opening(registrar)?;
        permitted(opening)?;
        let name = name()?;
        if opening.database.works.iter().any(|known| known.name == name) {
            return Err(abi::GUANXI_ERR_SCHEMA_DUPLICATE_DEFINITION);
        }
        opening.database.works.extend(work.take().map(|mut work| {
            work.name = name;
            work
        }));
        Ok(())
    })
}

fn name_of(definition: *const abi::guanxi_action_definition) -> Result<String, guanxi_status> {
    // SAFETY: the caller passes a definition or null.
    let definition = unsafe { definition.as_ref() }.ok_or(abi::GUANXI_ERR_INPUT_NULL_ARGUMENT)?;
    text(definition.name)
}

unsafe extern "C" fn register_action(
    registrar: guanxi_handle,
    definition: *const abi::guanxi_action_definition,
    perform: abi::guanxi_perform,
    user_data: *mut c_void,
    destroy: Option<abi::guanxi_destroy>,
) -> guanxi_status {
    let work = RegisteredWork::new(WorkFunction::Perform(perform), user_data, destroy);
    keep(registrar, "action", || name_of(definition), work)
}

unsafe extern "C" fn register_job(
    registrar: guanxi_handle,
    definition: *const abi::guanxi_action_definition,
    perform: abi::guanxi_perform,
    user_data: *mut c_void,
    destroy: Option<abi::guanxi_destroy>,
) -> guanxi_status {
    let work = RegisteredWork::new(WorkFunction::Perform(perform), user_data, destroy);
    keep(registrar, "job", || name_of(definition), work)
}

unsafe extern "C" fn register_migration(
    registrar: guanxi_handle,
    to_version: u32,
    perform: abi::guanxi_perform,
    user_data: *mut c_void,
    destroy: Option<abi::guanxi_destroy>,
) -> guanxi_status {
    let work = RegisteredWork::new(WorkFunction::Perform(perform), user_data, destroy);
    keep(registrar, "migration", || Ok(to_version.to_string()), work)
}

unsafe extern "C" fn register_model(
    registrar: guanxi_handle,
    definition: *const abi::guanxi_action_definition,
    score: abi::guanxi_score,
    user_data: *mut c_void,
    destroy: Option<abi::guanxi_destroy>,
) -> guanxi_status {
    let work = RegisteredWork::new(WorkFunction::Score(score), user_data, destroy);
    keep(registrar, "model", || name_of(definition), work)
}

unsafe extern "C" fn register_report(
    registrar: guanxi_handle,
    definition: *const abi::guanxi_action_definition,
    json: guanxi_str,
) -> guanxi_status {
    on_stage(|stage| {
        let opening = stage.opening(registrar)?;
        opening.permits_plain("report")?;
        opening.database.reports.push((name_of(definition)?, text(json)?));
        Ok(())
    })
}

unsafe extern "C" fn register_connector(
    registrar: guanxi_handle,
    definition: *const abi::guanxi_action_definition,
    pull: Option<abi::guanxi_perform>,
    push: Option<abi::guanxi_perform>,
    user_data: *mut c_void,
    destroy: Option<abi::guanxi_destroy>,
) -> guanxi_status {
    // The directions share their data, which goes with the first of them.
    let mut destroy = destroy;
    let mut status = abi::GUANXI_ERR_SCHEMA_INVALID_DEFINITION;
    for (direction, function) in [("pull", pull), ("push", push)] {
        let Some(function) = function else { continue };
        let work = RegisteredWork::new(WorkFunction::Perform(function), user_data, destroy.take());
        let name = || name_of(definition).map(|name| format!("{name}.{direction}"));
        status = keep(registrar, "connector", name, work);
        if status < 0 {
            break;
        }
    }
    // One without a direction is refused, and its data destroyed all the same.
    drop(RegisteredWork::new(WorkFunction::None, user_data, destroy));
    status
}

unsafe extern "C" fn register_extractor(
    registrar: guanxi_handle,
    media_types: guanxi_str,
    _most_bytes: u64,
    extract: abi::guanxi_extract,
    user_data: *mut c_void,
    destroy: Option<abi::guanxi_destroy>,
) -> guanxi_status {
    let work = RegisteredWork::new(WorkFunction::Extract(extract), user_data, destroy);
    let permitted = |opening: &Opening| {
        text(media_types)?.split(' ').try_for_each(|media_type| opening.permits("extract", media_type))
    };
    keep_permitted(registrar, permitted, || text(media_types), work)
}

unsafe extern "C" fn extracted(context: guanxi_handle, piece: guanxi_str) -> guanxi_status {
    on_stage(|stage| {
        let piece = text(piece)?;
        stage.context(context)?.extracted.push_str(&piece);
        Ok(())
    })
}

/// The stand-in has no record before the one that is saved.
unsafe extern "C" fn record_old_value(
    record: guanxi_handle,
    field: guanxi_str,
    out: *mut guanxi_value,
) -> guanxi_status {
    on_stage(|stage| {
        stage.field(record, field)?;
        // SAFETY: the caller passes a place to write to, or null.
        let out = unsafe { out.as_mut() }.ok_or(abi::GUANXI_ERR_INPUT_NULL_ARGUMENT)?;
        *out = guanxi_value::NULL;
        Ok(())
    })
}

unsafe extern "C" fn record_id(record: guanxi_handle, out: *mut guanxi_value) -> guanxi_status {
    on_stage(|stage| {
        let is_known = stage.saving.as_ref().is_some_and(|saving| saving.record == record);
        // SAFETY: the caller passes a place to write to, or null.
        let out = unsafe { out.as_mut() }.ok_or(abi::GUANXI_ERR_INPUT_NULL_ARGUMENT)?;
        *out = guanxi_value::of_id([1; 16]);
        is_known.then_some(()).ok_or(abi::GUANXI_ERR_INPUT_INVALID_HANDLE)
    })
}

/// The stand-in keeps no records.
unsafe extern "C" fn read(
    context: guanxi_handle,
    _entity: guanxi_str,
    _id: guanxi_str,
    _out: *mut guanxi_str,
) -> guanxi_status {
    on_stage(|stage| {
        stage.context(context)?;
        Err(abi::GUANXI_ERR_RECORD_NOT_FOUND)
    })
}

unsafe extern "C" fn save(
    context: guanxi_handle,
    entity: guanxi_str,
    key: guanxi_str,
    fields: guanxi_str,
    out: *mut guanxi_str,
) -> guanxi_status {
    on_stage(|stage| {
        let saved = (text(entity)?, text(key)?, text(fields)?);
        stage.context(context)?.saved.push(saved);
        // SAFETY: the caller passes a place to write to, or null.
        if let Some(out) = unsafe { out.as_mut() } {
            *out = guanxi_str::of("01010101-0101-0101-0101-010101010101");
        }
        Ok(())
    })
}

/// The stand-in has no methods.
unsafe extern "C" fn call(
    context: guanxi_handle,
    _method: guanxi_str,
    _parameters: guanxi_str,
    _out: *mut guanxi_str,
) -> guanxi_status {
    on_stage(|stage| {
        stage.context(context)?;
        Err(abi::GUANXI_ERR_INPUT_UNKNOWN_METHOD)
    })
}

unsafe extern "C" fn answer(context: guanxi_handle, json: guanxi_str) -> guanxi_status {
    on_stage(|stage| {
        stage.context(context)?.answer = text(json)?;
        Ok(())
    })
}

unsafe extern "C" fn reason(
    context: guanxi_handle,
    text_zh: guanxi_str,
    text_en: guanxi_str,
    weight: f64,
) -> guanxi_status {
    on_stage(|stage| {
        let reason = (text(text_zh)?, text(text_en)?, weight.to_string());
        stage.context(context)?.reasons.push(reason);
        Ok(())
    })
}

unsafe extern "C" fn time_left_ms(context: guanxi_handle, out: *mut i64) -> guanxi_status {
    on_stage(|stage| {
        stage.context(context)?;
        // SAFETY: the caller passes a place to write to, or null.
        *unsafe { out.as_mut() }.ok_or(abi::GUANXI_ERR_INPUT_NULL_ARGUMENT)? = 50;
        Ok(())
    })
}
