//! What hooks do with the record at hand: read it, set its fields, refuse it, and warn.

use guanxi::Session;
use guanxi::base::{Code, Error, Label, Locale, RecordId, Result, Value};
use guanxi_plugin_abi as abi;
use guanxi_plugin_abi::{guanxi_handle, guanxi_status, guanxi_str, guanxi_value};

use crate::frame::{Running, Scene, with_context, with_record};
use crate::functions::{stale, status};
use crate::names::Named;
use crate::value::{borrowed, lend, take, text};

/// What is read of a record.
#[derive(Clone, Copy)]
enum Which {
    Now,
    Before,
}

pub(super) unsafe extern "C" fn record_value(
    record: guanxi_handle,
    field: guanxi_str,
    out: *mut guanxi_value,
) -> guanxi_status {
    // SAFETY: the caller vouches for the arguments.
    unsafe { read_field(Which::Now, record, field, out) }
}

pub(super) unsafe extern "C" fn record_old_value(
    record: guanxi_handle,
    field: guanxi_str,
    out: *mut guanxi_value,
) -> guanxi_status {
    // SAFETY: the caller vouches for the arguments.
    unsafe { read_field(Which::Before, record, field, out) }
}

/// # Safety
/// As the interface asks of `record_value`.
unsafe fn read_field(
    which: Which,
    record: guanxi_handle,
    field: guanxi_str,
    out: *mut guanxi_value,
) -> guanxi_status {
    status(|| {
        if out.is_null() {
            return Err(Error::new(Code::NullArgument));
        }
        // SAFETY: the interface demands a text that outlives the call.
        let field = unsafe { borrowed(field) }?;
        let value = with_record(record, |running| lend_field(running, which, field)).ok_or_else(stale)??;
        // SAFETY: the interface demands the address of a value, and it is not null.
        unsafe { out.write(value) };
        Ok(())
    })
}

/// A field of the record, if the plugin or the acting user may read it.
fn lend_field(running: &mut Running, which: Which, name: &str) -> Result<guanxi_value> {
    let Running { scene, plugin, lent, .. } = running;
    match *scene {
        Scene::Save(save) => {
            // SAFETY: the scene is good for the duration of the call, on this thread, and reached one at a time.
            let save = unsafe { &*save };
            let Named { field, is_own } =
                plugin.names.find(&plugin.id, save.schema(), name, |full| save.field(full))?;
            if !is_own {
                save.check_reads(field)?;
            }
            Ok(match which {
                Which::Now => lend(&save.peek(field), lent),
                Which::Before => lend(&save.peek_old(field), lent),
            })
        }
        Scene::Happening(happening) => {
            // SAFETY: as above.
            let happening = unsafe { &*happening };
            let Named { field, is_own } =
                plugin.names.find(&plugin.id, happening.schema(), name, |full| happening.field(full))?;
            if !is_own {
                happening.check_reads(field)?;
            }
            Ok(match which {
                Which::Now => lend(&happening.peek(field), lent),
                Which::Before => lend(&happening.peek_old(field), lent),
            })
        }
        Scene::Committed(session, entity, id) => match which {
            Which::Now => {
                // SAFETY: as above; session and name are borrowed by whoever calls.
                let (session, entity) = unsafe { (&*session, &*entity) };
                Ok(lend(&committed(session, &plugin.id, (entity, id), name)?, lent))
            }
            Which::Before => Err(Error::new(Code::InvalidHandle)),
        },
        Scene::Migration(_) | Scene::Asked(_) | Scene::Extracting(_) => Err(stale()),
    }
}

/// A field of a record whose change is durable, as the acting user sees it now.
fn committed(session: &Session, plugin: &str, (entity, id): (&str, RecordId), name: &str) -> Result<Value> {
    let row = session.get(entity, id)?;
    if let Some((other, name)) = name.split_once('/') {
        return row.value(format!("{other}.{name}"));
    }
    match row.value(format!("{plugin}.{name}")) {
        Err(error) if error.code() == Code::UnknownField => row.value(name),
        found => found,
    }
}

pub(super) unsafe extern "C" fn record_id(record: guanxi_handle, out: *mut guanxi_value) -> guanxi_status {
    status(|| {
        if out.is_null() {
            return Err(Error::new(Code::NullArgument));
        }
        let id = with_record(record, |running| id_of(running)).ok_or_else(stale)??;
        // SAFETY: the interface demands the address of a value, and it is not null.
        unsafe { out.write(guanxi_value::of_id(*id.as_bytes())) };
        Ok(())
    })
}

fn id_of(running: &Running) -> Result<RecordId> {
    match running.scene {
        // SAFETY: the scene is good for the duration of the call, on this thread.
        Scene::Save(save) => Ok(unsafe { &*save }.record()),
        // SAFETY: as above.
        Scene::Happening(happening) => Ok(unsafe { &*happening }.record()),
        Scene::Committed(_, _, id) => Ok(id),
        Scene::Migration(_) | Scene::Asked(_) | Scene::Extracting(_) => Err(stale()),
    }
}

pub(super) unsafe extern "C" fn record_set(
    record: guanxi_handle,
    field: guanxi_str,
    value: *const guanxi_value,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands a text and a value that outlive the call.
        let (field, value) = unsafe { (borrowed(field)?, value.as_ref()) };
        let value = value.ok_or_else(|| Error::new(Code::NullArgument))?;
        // SAFETY: as above, for the text within the value.
        let value = unsafe { take(value) }?;
        with_record(record, |running| {
            // Behind the save the record is what it is; other hooks have seen it.
            let Scene::Save(save) = running.scene else { return Err(Error::new(Code::ReadOnlyField)) };
            // SAFETY: the scene is good for the duration of the call, on this thread, and reached one at a time.
            let save = unsafe { &mut *save };
            let plugin = &running.plugin;
            let Named { field, is_own } =
                plugin.names.find(&plugin.id, save.schema(), field, |full| save.field(full))?;
            if !is_own {
                save.check_sets(field)?;
            }
            save.put(field, value)
        })
        .ok_or_else(stale)?
    })
}

pub(super) unsafe extern "C" fn reject(
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

pub(super) unsafe extern "C" fn warn(
    context: guanxi_handle,
    field: guanxi_str,
    message_zh: guanxi_str,
    message_en: guanxi_str,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands texts that outlive the call.
        let (field, zh, en) = unsafe { (text(field)?, text(message_zh)?, text(message_en)?) };
        with_context(context, |running| warn_of(running, &field, Label::new(&zh, &en))).ok_or_else(stale)
    })
}

pub(super) unsafe extern "C" fn locale(context: guanxi_handle, out: *mut guanxi_str) -> guanxi_status {
    status(|| {
        if out.is_null() {
            return Err(Error::new(Code::NullArgument));
        }
        let locale: Locale = with_context(context, |running| locale_of(running)).ok_or_else(stale)?;
        // SAFETY: the interface demands the address of a text, and it is not null.
        unsafe { out.write(guanxi_str::of(locale.tag())) };
        Ok(())
    })
}

/// Adds a warning to the outcome of the save; where there is none, it is a line of the log.
fn warn_of(running: &mut Running, field: &str, message: Label) {
    match running.scene {
        // SAFETY: the scene is good for the duration of the call, on this thread, and reached one at a time.
        Scene::Save(save) => unsafe { &mut *save }.warn(field, message),
        // SAFETY: as above.
        Scene::Happening(happening) => unsafe { &mut *happening }.warn(field, message),
        Scene::Migration(_) | Scene::Asked(_) | Scene::Extracting(_) | Scene::Committed(..) => {
            super::tell(abi::GUANXI_LOG_WARNING, &format!("{}: {field}: {}", running.plugin.id, message.en));
        }
    }
}

fn locale_of(running: &Running) -> Locale {
    // SAFETY: the scene is good for the duration of the call, on this thread.
    unsafe {
        match running.scene {
            Scene::Save(save) => (*save).locale(),
            Scene::Happening(happening) => (*happening).locale(),
            Scene::Migration(transaction) => (*transaction).locale(),
            Scene::Asked(session) | Scene::Committed(session, _, _) => (*session).locale(),
            // Nobody asked for it who reads its words.
            Scene::Extracting(_) => Locale::default(),
        }
    }
}
