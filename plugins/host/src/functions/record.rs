//! What hooks do with the record at hand: read it, set its fields, refuse it, and warn.

use guanxi::base::{Code, Error, Label, Locale, RecordId, Result, Value};
use guanxi_plugin_abi as abi;
use guanxi_plugin_abi::{guanxi_handle, guanxi_status, guanxi_str, guanxi_value};

use crate::frame::{Running, Scene, with_context, with_record};
use crate::functions::{stale, status};
use crate::value::{lend, take, text};

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
        let field = unsafe { text(field) }?;
        let value = with_record(record, |running| {
            let value = named(running, &field, |running, name| value_of(running, which, name))?;
            Ok::<_, Error>(lend(value, &mut running.lent))
        })
        .ok_or_else(stale)??;
        // SAFETY: the interface demands the address of a value, and it is not null.
        unsafe { out.write(value) };
        Ok(())
    })
}

/// A field of the record, if the plugin or the acting user may read it.
fn value_of(running: &mut Running, which: Which, name: &str) -> Result<Value> {
    let own = is_own(&running.plugin.id, name);
    match running.scene {
        Scene::Save(save) => {
            // SAFETY: the scene is good for the duration of the call, on this thread, and reached one at a time.
            let save = unsafe { &*save };
            if !own {
                save.check_user_reads(name)?;
            }
            match which {
                Which::Now => save.value(name),
                Which::Before => save.old_value(name),
            }
        }
        Scene::Happening(happening) => {
            // SAFETY: as above.
            let happening = unsafe { &*happening };
            if !own {
                happening.check_user_reads(name)?;
            }
            match which {
                Which::Now => happening.value(name),
                Which::Before => happening.old_value(name),
            }
        }
        Scene::Committed(session, entity, id) => {
            // SAFETY: as above; session and name are borrowed by whoever calls.
            let (session, entity) = unsafe { (&*session, &*entity) };
            match which {
                Which::Now => session.get(entity, id)?.value(name),
                Which::Before => Err(Error::new(Code::InvalidHandle)),
            }
        }
        Scene::Migration(_) | Scene::Asked(_) => Err(stale()),
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
        Scene::Migration(_) | Scene::Asked(_) => Err(stale()),
    }
}

pub(super) unsafe extern "C" fn record_set(
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
            // Behind the save the record is what it is; other hooks have seen it.
            let Scene::Save(save) = running.scene else { return Err(Error::new(Code::ReadOnlyField)) };
            named(running, &field, |running, name| {
                // SAFETY: the scene is good for the duration of the call, on this thread, and reached one at a time.
                let save = unsafe { &mut *save };
                if !is_own(&running.plugin.id, name) {
                    save.check_user_sets(name)?;
                }
                save.set(name, value.clone())
            })
        })
        .ok_or_else(stale)?
    })
}

/// Whether a field is the plugin's own. Of other fields a plugin sees and sets what the user may, and no more.
fn is_own(plugin: &str, name: &str) -> bool {
    let rest = name.strip_prefix(plugin).and_then(|rest| rest.strip_prefix('.'));
    // With another point in it, it is a field of a plugin whose id begins with this one's.
    rest.is_some_and(|field| !field.contains('.'))
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
    let own = format!("{}.{field}", running.plugin.id);
    match work(running, &own) {
        Err(error) if error.code() == Code::UnknownField => work(running, field),
        outcome => outcome,
    }
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
        Scene::Migration(_) | Scene::Asked(_) | Scene::Committed(..) => {
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_plugin_whose_id_begins_with_this_ones_is_not_its_own() {
        assert!(is_own("cn.example", "cn.example.note"));
        for name in ["note", "cn.example", "cn.examples.note", "cn.example.score.note"] {
            assert!(!is_own("cn.example", name), "{name}");
        }
    }
}
