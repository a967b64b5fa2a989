//! What plugins register while their init function runs. It is collected, and takes effect all at once or not at all.

use std::ffi::c_void;
use std::mem::{MaybeUninit, offset_of, size_of};
use std::ptr;

use guanxi::base::{Code, Error, Label, Result, TimeZone, Timestamp};
use guanxi::engine::{
    Action, ActionDefinition, ConnectorDefinition, HookPoint, JobDefinition, PerformKind, USUAL_CONTENT_BYTES,
};
use guanxi::schema::{FieldDefinition, FieldType, Package, SearchClass};
use guanxi::time::{Recurrence, rule_of_schedule};
use guanxi_plugin_abi as abi;
use guanxi_plugin_abi::{
    guanxi_action_definition, guanxi_destroy, guanxi_extract, guanxi_field_definition, guanxi_handle,
    guanxi_hook, guanxi_perform, guanxi_score, guanxi_status, guanxi_str,
};

use crate::frame::{Callback, Collected, Directions, Extracts, ModelInput, Point, with_registrar};
use crate::functions::{stale, status};
use crate::manifest::is_media_type;
use crate::value::text;

/// The size of the definition of a field in version 1.0 of the interface.
const FIELD_1_0: usize = offset_of!(guanxi_field_definition, help_zh);

/// Every flag of a field.
const FLAGS: u32 = abi::GUANXI_FIELD_REQUIRED
    | abi::GUANXI_FIELD_UNIQUE
    | abi::GUANXI_FIELD_INDEXED
    | abi::GUANXI_FIELD_SEARCHABLE;

pub(super) unsafe extern "C" fn register_field(
    registrar: guanxi_handle,
    entity: guanxi_str,
    definition: *const guanxi_field_definition,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands texts and a definition that outlive the call.
        let (entity, definition) = unsafe { (text(entity)?, whole(definition, FIELD_1_0)?) };
        with_registrar(registrar, |collected| {
            allow(collected, "schema", &entity)?;
            let field = field(collected, &definition)?;
            collected.fields.push((entity, field));
            Ok(())
        })
        .ok_or_else(stale)?
    })
}

/// A structure of the interface that begins with its size, and of which zeros are a value.
trait Definition {}

impl Definition for guanxi_field_definition {}
impl Definition for guanxi_action_definition {}

/// A definition as this version of the interface has it: what one of an older version lacks is empty.
///
/// # Safety
/// The definition is null, or points to as many bytes as it states, which are those of a definition.
unsafe fn whole<T: Definition>(definition: *const T, least: usize) -> Result<T> {
    if definition.is_null() {
        return Err(Error::new(Code::NullArgument));
    }
    // SAFETY: every version of the structure begins with its size.
    let size = unsafe { definition.cast::<usize>().read() };
    if size < least {
        return Err(Error::new(Code::PluginAbi).rule(std::any::type_name::<T>()));
    }
    let mut whole = MaybeUninit::<T>::zeroed();
    let known = size.min(size_of::<T>());
    // SAFETY: as many bytes are there on both sides, and they are those of one structure. Zeros are a definition
    // too: of numbers and of texts that are empty.
    unsafe {
        ptr::copy_nonoverlapping(definition.cast::<u8>(), whole.as_mut_ptr().cast::<u8>(), known);
        Ok(whole.assume_init())
    }
}

fn field(collected: &Collected, definition: &guanxi_field_definition) -> Result<FieldDefinition> {
    if definition.flags & !FLAGS != 0 || definition.local_id == 0 {
        return Err(Error::new(Code::InvalidDefinition).rule("flags and local_id"));
    }
    let views = [definition.name, definition.type_name, definition.label_zh, definition.label_en];
    // SAFETY: the interface demands texts that outlive the call.
    let [name, kind, zh, en] = views.map(|view| unsafe { text(view) });
    let kind = FieldType::from_name(&kind?)?;
    let has = |flag: u32| definition.flags & flag != 0;
    let mut field =
        FieldDefinition::new(&collected.plugin.id, definition.local_id, &name?, Label::new(&zh?, &en?), kind);
    // SAFETY: the interface demands texts that outlive the call.
    let [zh, en] = [definition.help_zh, definition.help_en].map(|view| unsafe { text(view) });
    let help = Label::new(&zh?, &en?);
    field.help = Some(help).filter(|help| *help != Label::default());
    field.required = has(abi::GUANXI_FIELD_REQUIRED);
    field.unique = has(abi::GUANXI_FIELD_UNIQUE);
    field.indexed = has(abi::GUANXI_FIELD_INDEXED);
    field.search = has(abi::GUANXI_FIELD_SEARCHABLE).then_some(match field.kind {
        FieldType::Phone => SearchClass::Phone,
        FieldType::Email => SearchClass::Email,
        _ => SearchClass::Body,
    });
    field.check()?;
    Ok(field)
}

/// The point of a number of the interface.
fn point_of(number: u32) -> Result<Point> {
    match number {
        abi::GUANXI_HOOK_BEFORE_SAVE => Ok(Point::BeforeSave),
        abi::GUANXI_HOOK_AFTER_SAVE => Ok(Point::Around(HookPoint::AfterSave)),
        abi::GUANXI_HOOK_AFTER_COMMIT => Ok(Point::AfterCommit),
        abi::GUANXI_HOOK_BEFORE_DELETE => Ok(Point::Around(HookPoint::BeforeDelete)),
        abi::GUANXI_HOOK_AFTER_DELETE => Ok(Point::Around(HookPoint::AfterDelete)),
        abi::GUANXI_HOOK_BEFORE_TRANSITION => Ok(Point::Around(HookPoint::BeforeTransition)),
        _ => Err(Error::new(Code::InvalidArgument).field("point")),
    }
}

pub(super) unsafe extern "C" fn register_hook(
    registrar: guanxi_handle,
    entity: guanxi_str,
    point: u32,
    order: i32,
    hook: guanxi_hook,
    user_data: *mut c_void,
    destroy: Option<guanxi_destroy>,
) -> guanxi_status {
    register(registrar, Callback { function: hook, user_data, destroy }, |collected, hook| {
        // SAFETY: the interface demands a text that outlives the call.
        let entity = unsafe { text(entity) }?;
        let point = point_of(point)?;
        allow(collected, "hook", &entity)?;
        collected.hooks.push((entity, order, point, hook));
        Ok(())
    })
}

/// Has a registrar keep a function of a plugin. Its data is the host's from here on: dropping it destroys the data,
/// whatever happens.
fn register<F>(
    registrar: guanxi_handle,
    work: Callback<F>,
    keep: impl FnOnce(&mut Collected, Callback<F>) -> Result<()>,
) -> guanxi_status {
    status(|| with_registrar(registrar, |collected| keep(collected, work)).ok_or_else(stale)?)
}

/// Refuses an entity that does not exist, or that the manifest did not ask leave for.
fn allow(collected: &Collected, action: &str, entity: &str) -> Result<()> {
    check_entity(collected, entity)?;
    collected.plugin.check_capability(&format!("{action}:{entity}"))
}

/// Refuses an entity that neither exists nor is declared by a package that was registered before.
fn check_entity(collected: &Collected, entity: &str) -> Result<()> {
    let mut declared = collected.packages.iter().flat_map(|package| &package.entities);
    let mut is_packaged =
        || declared.any(|known| format!("{}.{}", collected.plugin.id, known.name) == entity);
    if collected.entities.iter().any(|known| known == entity) || is_packaged() {
        return Ok(());
    }
    Err(Error::new(Code::UnknownEntity).entity(entity))
}

pub(super) unsafe extern "C" fn register_package(
    registrar: guanxi_handle,
    json: guanxi_str,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands a text that outlives the call.
        let json = unsafe { text(json) }?;
        with_registrar(registrar, |collected| package(collected, &json)).ok_or_else(stale)?
    })
}

/// Takes a package of metadata, of the plugin's own namespace.
pub(crate) fn package(collected: &mut Collected, json: &str) -> Result<()> {
    let wrong = |error: serde_json::Error| {
        let place = format!("line {} column {}: {error}", error.line(), error.column());
        Error::new(Code::InvalidJson).plugin(&collected.plugin.id).rule(&place)
    };
    let package: Package = serde_json::from_str(json).map_err(wrong)?;
    let id = &collected.plugin.id;
    if package.package != *id {
        let error = Error::new(Code::InvalidDefinition).plugin(id).field("package");
        return Err(error.rule("the id of the plugin").value(&package.package));
    }
    collected.plugin.check_capability("package")?;
    for extended in &package.extends {
        collected.plugin.check_capability(&format!("schema:{}", extended.entity))?;
    }
    collected.packages.push(package);
    Ok(())
}

/// What a plugin does by name, as it was registered.
struct Named {
    definition: ActionDefinition,
    entity: String,
    details: String,
}

/// # Safety
/// As [`whole`].
unsafe fn named(
    collected: &Collected,
    capability: &str,
    definition: *const guanxi_action_definition,
) -> Result<Named> {
    collected.plugin.check_capability(capability)?;
    // SAFETY: the caller vouches for the definition.
    let given = unsafe { whole(definition, size_of::<guanxi_action_definition>()) }?;
    let views = [
        given.name,
        given.label_zh,
        given.label_en,
        given.help_zh,
        given.help_en,
        given.needs_entity,
        given.needs_action,
        given.details,
    ];
    // SAFETY: the interface demands texts that outlive the call.
    let [name, zh, en, help_zh, help_en, entity, action, details] = views.map(|view| unsafe { text(view) });
    let (entity, action) = (entity?, action?);
    let action = match action.as_str() {
        "" | "read" => Action::Read,
        "create" => Action::Create,
        "update" => Action::Update,
        "delete" => Action::Delete,
        "administer" => Action::Administer,
        other => return Err(Error::new(Code::InvalidDefinition).field("needs_action").value(other)),
    };
    if !entity.is_empty() {
        check_entity(collected, &entity)?;
    }
    let definition = ActionDefinition {
        name: format!("{}.{}", collected.plugin.id, name?),
        label: Label::new(&zh?, &en?),
        help: Label::new(&help_zh?, &help_en?),
        needs: (!entity.is_empty()).then(|| (entity.clone(), action)),
        kind: PerformKind::Action,
    };
    if definition.label.zh.is_empty() || definition.label.en.is_empty() {
        return Err(Error::new(Code::InvalidDefinition).field("label").rule("text in each language"));
    }
    Ok(Named { definition, entity, details: details? })
}

pub(super) unsafe extern "C" fn register_action(
    registrar: guanxi_handle,
    definition: *const guanxi_action_definition,
    perform: guanxi_perform,
    user_data: *mut c_void,
    destroy: Option<guanxi_destroy>,
) -> guanxi_status {
    register(registrar, Callback { function: perform, user_data, destroy }, |collected, work| {
        // SAFETY: the interface demands a definition that outlives the call.
        let named = unsafe { named(collected, "action", definition) }?;
        collected.actions.push((named.definition, work));
        Ok(())
    })
}

pub(super) unsafe extern "C" fn register_job(
    registrar: guanxi_handle,
    definition: *const guanxi_action_definition,
    perform: guanxi_perform,
    user_data: *mut c_void,
    destroy: Option<guanxi_destroy>,
) -> guanxi_status {
    register(registrar, Callback { function: perform, user_data, destroy }, |collected, work| {
        // SAFETY: the interface demands a definition that outlives the call.
        let Named { definition, details, .. } = unsafe { named(collected, "job", definition) }?;
        check_schedule(&details)?;
        let ActionDefinition { name, label, .. } = definition;
        collected.jobs.push((JobDefinition { name, label, schedule: details }, work));
        Ok(())
    })
}

/// Refuses a schedule that is neither of crontab nor a rule.
fn check_schedule(schedule: &str) -> Result<()> {
    let wrong = |rule: &str| Error::new(Code::InvalidDefinition).field("details").rule(rule).value(schedule);
    match rule_of_schedule(schedule) {
        Some(rule) => match Recurrence::new(&rule, Timestamp::from_micros(0), TimeZone::utc()) {
            Ok(_) => Ok(()),
            Err(error) => Err(wrong(error.rule_name().unwrap_or("RRULE of RFC 5545"))),
        },
        // Crontab says more than rules do; the host does such a job as it always has.
        None if schedule.split(' ').count() == 5 => Ok(()),
        None => Err(wrong("five fields of crontab, or a rule of RFC 5545")),
    }
}

pub(super) unsafe extern "C" fn register_migration(
    registrar: guanxi_handle,
    to_version: u32,
    perform: guanxi_perform,
    user_data: *mut c_void,
    destroy: Option<guanxi_destroy>,
) -> guanxi_status {
    register(registrar, Callback { function: perform, user_data, destroy }, |collected, work| {
        collected.plugin.check_capability("migration")?;
        if to_version == 0 || collected.migrations.contains_key(&to_version) {
            return Err(Error::new(Code::InvalidArgument).field("to_version"));
        }
        collected.migrations.insert(to_version, work);
        Ok(())
    })
}

pub(super) unsafe extern "C" fn register_model(
    registrar: guanxi_handle,
    definition: *const guanxi_action_definition,
    score: guanxi_score,
    user_data: *mut c_void,
    destroy: Option<guanxi_destroy>,
) -> guanxi_status {
    register(registrar, Callback { function: score, user_data, destroy }, |collected, work| {
        // SAFETY: the interface demands a definition that outlives the call.
        let Named { definition, entity, details } = unsafe { named(collected, "model", definition) }?;
        let features: Vec<String> = details.split_ascii_whitespace().map(str::to_owned).collect();
        if entity.is_empty() || features.is_empty() {
            let error = Error::new(Code::InvalidDefinition).field("details");
            return Err(error.rule("an entity and the fields that are looked at"));
        }
        let definition = ActionDefinition { kind: PerformKind::Model, ..definition };
        collected.models.push((definition, ModelInput { entity, features }, work));
        Ok(())
    })
}

pub(super) unsafe extern "C" fn register_report(
    registrar: guanxi_handle,
    definition: *const guanxi_action_definition,
    json: guanxi_str,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands a text that outlives the call.
        let json = unsafe { text(json) }?;
        with_registrar(registrar, |collected| {
            // SAFETY: the interface demands a definition that outlives the call.
            let Named { definition, .. } = unsafe { named(collected, "report", definition) }?;
            let asked: serde_json::Value = serde_json::from_str(&json)
                .map_err(|error| Error::new(Code::InvalidJson).field("json").because(error))?;
            let entity = asked.get("entity").and_then(serde_json::Value::as_str);
            let wrong =
                || Error::new(Code::InvalidDefinition).field("entity").rule("the entity that is counted");
            check_entity(collected, entity.ok_or_else(wrong)?)?;
            let definition = ActionDefinition { kind: PerformKind::Report, ..definition };
            collected.reports.push((definition, asked));
            Ok(())
        })
        .ok_or_else(stale)?
    })
}

pub(super) unsafe extern "C" fn register_connector(
    registrar: guanxi_handle,
    definition: *const guanxi_action_definition,
    pull: Option<guanxi_perform>,
    push: Option<guanxi_perform>,
    user_data: *mut c_void,
    destroy: Option<guanxi_destroy>,
) -> guanxi_status {
    register(
        registrar,
        Callback { function: Directions { pull, push }, user_data, destroy },
        |collected, work| {
            // SAFETY: the interface demands a definition that outlives the call.
            let Named { definition, details, .. } = unsafe { named(collected, "connector", definition) }?;
            let pushes: Vec<String> = details.split_ascii_whitespace().map(str::to_owned).collect();
            let wrong = |rule: &str| Err(Error::new(Code::InvalidDefinition).field("details").rule(rule));
            if pull.is_none() && push.is_none() {
                return wrong("a function that pulls or one that pushes");
            }
            if push.is_some() == pushes.is_empty() {
                return wrong("the entities whose changes are pushed, where there is a function that pushes");
            }
            pushes.iter().try_for_each(|entity| allow(collected, "read", entity))?;
            let ActionDefinition { name, label, help, .. } = definition;
            let definition = ConnectorDefinition { name, label, help, pulls: pull.is_some(), pushes };
            collected.connectors.push((definition, work));
            Ok(())
        },
    )
}

pub(super) unsafe extern "C" fn register_extractor(
    registrar: guanxi_handle,
    media_types: guanxi_str,
    most_bytes: u64,
    extract: guanxi_extract,
    user_data: *mut c_void,
    destroy: Option<guanxi_destroy>,
) -> guanxi_status {
    register(registrar, Callback { function: extract, user_data, destroy }, |collected, work| {
        // SAFETY: the interface demands a text that outlives the call.
        let media_types = unsafe { text(media_types) }?;
        let media_types: Vec<String> = media_types.split_ascii_whitespace().map(str::to_owned).collect();
        if media_types.is_empty() || !media_types.iter().all(|media_type| is_media_type(media_type)) {
            let wrong = Error::new(Code::InvalidDefinition).field("media_types");
            return Err(wrong.rule("media types in small letters, such as text/plain or text/*"));
        }
        for media_type in &media_types {
            collected.plugin.check_capability(&format!("extract:{media_type}"))?;
        }
        let most_bytes = if most_bytes == 0 { USUAL_CONTENT_BYTES } else { most_bytes };
        collected.extractors.push((Extracts { media_types, most_bytes }, work));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_of_version_1_0_has_no_help_and_a_shorter_one_is_refused() {
        let mut given = guanxi_field_definition {
            struct_size: size_of::<guanxi_field_definition>(),
            local_id: 1,
            flags: 0,
            name: guanxi_str::of("note"),
            type_name: guanxi_str::of("text"),
            label_zh: guanxi_str::of("备注"),
            label_en: guanxi_str::of("Note"),
            help_zh: guanxi_str::of("其他情况。"),
            help_en: guanxi_str::of("Whatever else."),
        };
        let read = |given: &guanxi_field_definition| {
            // SAFETY: the definition is at least as long as it states.
            let read = unsafe { whole(std::ptr::from_ref(given), FIELD_1_0) };
            read.map(|read| (read.local_id, read.label_en.length, read.help_zh.length, read.help_en.length))
        };
        assert_eq!(read(&given).ok(), Some((1, 4, "其他情况。".len(), 14)));
        given.struct_size = FIELD_1_0;
        assert_eq!(read(&given).ok(), Some((1, 4, 0, 0)));
        given.struct_size = FIELD_1_0 - 1;
        assert_eq!(read(&given).err().map(|error| error.code()), Some(Code::PluginAbi));
        // SAFETY: a null pointer is refused before it is read.
        let refused = unsafe { whole(ptr::null::<guanxi_field_definition>(), FIELD_1_0) };
        assert_eq!(refused.err().map(|error| error.code()), Some(Code::NullArgument));
    }
}
