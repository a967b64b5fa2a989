//! The functions that plugins call: each checks its handle and arguments, and none unwinds.

use std::ffi::c_void;
use std::mem::{MaybeUninit, offset_of, size_of};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{PoisonError, RwLock};

use guanxi::base::{Code, Error, Label, Locale, Result};
use guanxi::schema::{FieldDefinition, FieldType, SearchClass};
use guanxi_plugin_abi as abi;
use guanxi_plugin_abi::{
    guanxi_destroy, guanxi_field_definition, guanxi_handle, guanxi_hook, guanxi_host, guanxi_status,
    guanxi_str, guanxi_value,
};

use crate::frame::{Collected, NativeHook, Running, with_context, with_record, with_registrar};
use crate::value::{lend, take, text};

/// The table that every plugin gets.
pub(crate) static HOST: guanxi_host = guanxi_host {
    struct_size: size_of::<guanxi_host>(),
    log,
    register_field,
    register_hook,
    record_value,
    record_set,
    reject,
    warn,
    locale,
};

/// Takes a line of a plugin's log: its level (`GUANXI_LOG_*`) and its text.
pub type LogSink = dyn Fn(u32, &str) + Send + Sync;

static LOG: RwLock<Option<Box<LogSink>>> = RwLock::new(None);

/// Says where plugins' log lines go, for the whole process; until then they go nowhere.
pub fn set_log(sink: Box<LogSink>) {
    *LOG.write().unwrap_or_else(PoisonError::into_inner) = Some(sink);
}

/// The size of the definition of a field in version 1.0 of the interface.
const FIELD_1_0: usize = offset_of!(guanxi_field_definition, help_zh);

/// Every flag of a field.
const FLAGS: u32 = abi::GUANXI_FIELD_REQUIRED
    | abi::GUANXI_FIELD_UNIQUE
    | abi::GUANXI_FIELD_INDEXED
    | abi::GUANXI_FIELD_SEARCHABLE;

/// Turns a result into a status, and a panic of the engine into one too.
fn status(work: impl FnOnce() -> Result<()>) -> guanxi_status {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => abi::GUANXI_OK,
        Ok(Err(error)) => -error.code().number(),
        Err(_) => -Code::Panic.number(),
    }
}

fn stale() -> Error {
    Error::new(Code::InvalidHandle)
}

unsafe extern "C" fn log(level: u32, line: guanxi_str) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands a text that outlives the call.
        let line = unsafe { text(line) }?;
        if let Some(sink) = LOG.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            sink(level, &line);
        }
        Ok(())
    })
}

unsafe extern "C" fn register_field(
    registrar: guanxi_handle,
    entity: guanxi_str,
    definition: *const guanxi_field_definition,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands texts and a definition that outlive the call.
        let (entity, definition) = unsafe { (text(entity)?, whole(definition)?) };
        with_registrar(registrar, |collected| {
            allow(collected, "schema", &entity)?;
            let field = field(collected, &definition)?;
            collected.fields.push((entity, field));
            Ok(())
        })
        .ok_or_else(stale)?
    })
}

/// A definition as this version of the interface has it: what one of an older version lacks is empty.
///
/// # Safety
/// The definition is null, or points to as many bytes as it states, which are those of a definition.
unsafe fn whole(definition: *const guanxi_field_definition) -> Result<guanxi_field_definition> {
    if definition.is_null() {
        return Err(Error::new(Code::NullArgument));
    }
    // SAFETY: every version of the structure begins with its size.
    let size = unsafe { (&raw const (*definition).struct_size).read() };
    if size < FIELD_1_0 {
        return Err(Error::new(Code::PluginAbi).rule("guanxi_field_definition"));
    }
    let mut whole = MaybeUninit::<guanxi_field_definition>::zeroed();
    let known = size.min(size_of::<guanxi_field_definition>());
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
        FieldDefinition::new(&collected.plugin, definition.local_id, &name?, Label::new(&zh?, &en?), kind);
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

unsafe extern "C" fn register_hook(
    registrar: guanxi_handle,
    entity: guanxi_str,
    point: u32,
    order: i32,
    hook: guanxi_hook,
    user_data: *mut c_void,
    destroy: Option<guanxi_destroy>,
) -> guanxi_status {
    // From here on the data is the host's: dropping the hook destroys it, whatever happens.
    let hook = NativeHook { hook, user_data, destroy };
    status(|| {
        // SAFETY: the interface demands a text that outlives the call.
        let entity = unsafe { text(entity) }?;
        if point != abi::GUANXI_HOOK_BEFORE_SAVE {
            return Err(Error::new(Code::InvalidArgument).field("point"));
        }
        with_registrar(registrar, |collected| {
            allow(collected, "hook", &entity)?;
            collected.hooks.push((entity, order, hook));
            Ok(())
        })
        .ok_or_else(stale)?
    })
}

/// Refuses an entity that does not exist, or that the manifest did not ask leave for.
fn allow(collected: &Collected, action: &str, entity: &str) -> Result<()> {
    if !collected.entities.iter().any(|known| known == entity) {
        return Err(Error::new(Code::UnknownEntity).entity(entity));
    }
    let capability = format!("{action}:{entity}");
    if collected.capabilities.contains(&capability) {
        return Ok(());
    }
    Err(Error::new(Code::NotPermitted).plugin(&collected.plugin).rule(&capability))
}

unsafe extern "C" fn record_value(
    record: guanxi_handle,
    field: guanxi_str,
    out: *mut guanxi_value,
) -> guanxi_status {
    status(|| {
        if out.is_null() {
            return Err(Error::new(Code::NullArgument));
        }
        // SAFETY: the interface demands a text that outlives the call.
        let field = unsafe { text(field) }?;
        let value = with_record(record, |running| {
            let value = named(running, &field, |running, name| {
                if !is_own(running, name) {
                    running.save().check_user_reads(name)?;
                }
                running.save().value(name)
            })?;
            Ok::<_, Error>(lend(value, &mut running.lent))
        })
        .ok_or_else(stale)??;
        // SAFETY: the interface demands the address of a value, and it is not null.
        unsafe { out.write(value) };
        Ok(())
    })
}

unsafe extern "C" fn record_set(
    record: guanxi_handle,
    field: guanxi_str,
    value: *const guanxi_value,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands a text and a value that outlive the call.
        let (field, value) = unsafe { (text(field)?, value.as_ref()) };
        let value = value.ok_or_else(|| Error::new(Code::NullArgument))?;
        // SAFETY: as above, for the text within the value.
        let value = unsafe { take(value) }?;
        with_record(record, |running| {
            named(running, &field, |running, name| {
                if !is_own(running, name) {
                    running.save().check_user_sets(name)?;
                }
                running.save().set(name, value.clone())
            })
        })
        .ok_or_else(stale)?
    })
}

/// Whether a field is the plugin's own. Of other fields a plugin sees and sets what the user may, and no more.
fn is_own(running: &Running, name: &str) -> bool {
    name.strip_prefix(running.plugin.as_str()).is_some_and(|rest| rest.starts_with('.'))
}

/// Tries a plain name as the plugin's own field first, then as the entity's; `<plugin>/<name>` is
/// another plugin's.
fn named<T>(
    running: &mut Running,
    field: &str,
    mut work: impl FnMut(&mut Running, &str) -> Result<T>,
) -> Result<T> {
    if let Some((plugin, name)) = field.split_once('/') {
        return work(running, &format!("{plugin}.{name}"));
    }
    let own = format!("{}.{field}", running.plugin);
    match work(running, &own) {
        Err(error) if error.code() == Code::UnknownField => work(running, field),
        outcome => outcome,
    }
}

unsafe extern "C" fn reject(
    context: guanxi_handle,
    field: guanxi_str,
    message_zh: guanxi_str,
    message_en: guanxi_str,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands texts that outlive the call.
        let (field, zh, en) = unsafe { (text(field)?, text(message_zh)?, text(message_en)?) };
        with_context(context, |running| {
            running.rejection.get_or_insert_with(|| (field, Label::new(&zh, &en)));
        })
        .ok_or_else(stale)
    })
}

unsafe extern "C" fn warn(
    context: guanxi_handle,
    field: guanxi_str,
    message_zh: guanxi_str,
    message_en: guanxi_str,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands texts that outlive the call.
        let (field, zh, en) = unsafe { (text(field)?, text(message_zh)?, text(message_en)?) };
        with_context(context, |running| running.save().warn(&field, Label::new(&zh, &en))).ok_or_else(stale)
    })
}

unsafe extern "C" fn locale(context: guanxi_handle, out: *mut guanxi_str) -> guanxi_status {
    status(|| {
        if out.is_null() {
            return Err(Error::new(Code::NullArgument));
        }
        let locale: Locale = with_context(context, |running| running.save().locale()).ok_or_else(stale)?;
        // SAFETY: the interface demands the address of a text, and it is not null.
        unsafe { out.write(guanxi_str::of(locale.tag())) };
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
            let read = unsafe { whole(given) };
            read.map(|read| (read.local_id, read.label_en.length, read.help_zh.length, read.help_en.length))
        };
        assert_eq!(read(&given).ok(), Some((1, 4, "其他情况。".len(), 14)));
        given.struct_size = FIELD_1_0;
        assert_eq!(read(&given).ok(), Some((1, 4, 0, 0)));
        given.struct_size = FIELD_1_0 - 1;
        assert_eq!(read(&given).err().map(|error| error.code()), Some(Code::PluginAbi));
        // SAFETY: a null pointer is refused before it is read.
        let refused = unsafe { whole(ptr::null()) };
        assert_eq!(refused.err().map(|error| error.code()), Some(Code::NullArgument));
    }
}
