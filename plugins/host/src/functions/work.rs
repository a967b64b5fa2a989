//! What plugins do beyond the record at hand: read and write other records, call methods, answer, and give reasons.

use std::sync::Arc;
use std::time::Instant;

use guanxi::base::{Code, Error, Result};
use guanxi::{Changes, RecordId, Session, Transaction, WriteOptions, api};
use guanxi_plugin_abi::{guanxi_handle, guanxi_status, guanxi_str};
use serde_json::{Value as Json, json};

use crate::contain::Plugin;
use crate::frame::{Scene, with_context};
use crate::functions::{stale, status};
use crate::value::text;

/// What a call is about, taken out of its frame: the frame is free again, since what follows may call plugins, and
/// stands as long as the call runs.
fn scene_of(context: guanxi_handle) -> Result<(Scene, Arc<Plugin>)> {
    with_context(context, |running| (running.scene, Arc::clone(&running.plugin))).ok_or_else(stale)
}

/// Lends a text until the call of the plugin returns.
///
/// # Safety
/// `out` is null or the address of a text.
unsafe fn lend_text(context: guanxi_handle, said: String, out: *mut guanxi_str) -> Result<()> {
    if out.is_null() {
        return Ok(());
    }
    let view = with_context(context, |running| running.lent.lend_own(said.into_boxed_str()));
    // SAFETY: the caller vouches for the address, and it is not null.
    unsafe { out.write(view.ok_or_else(stale)?) };
    Ok(())
}

pub(super) unsafe extern "C" fn read(
    context: guanxi_handle,
    entity: guanxi_str,
    id: guanxi_str,
    out: *mut guanxi_str,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands texts that outlive the call.
        let (entity, id) = unsafe { (text(entity)?, text(id)?) };
        let (scene, plugin) = scene_of(context)?;
        plugin.check_capability(&format!("read:{entity}"))?;
        let id: RecordId = id.parse()?;
        // SAFETY: the scene is good for the duration of the call, on this thread; what is made of it ends here.
        let row = unsafe {
            match scene {
                Scene::Save(_) | Scene::Extracting(_) => return Err(Error::new(Code::Reentrant)),
                Scene::Happening(happening) => (*happening).transaction().get_record(&entity, id)?,
                Scene::Migration(transaction) => (*transaction).get_record(&entity, id)?,
                Scene::Asked(session) | Scene::Committed(session, _, _) => (*session).get(&entity, id)?,
            }
        };
        // SAFETY: the interface demands the address of a text.
        unsafe { lend_text(context, api::listing_to_json(&row)?.to_string(), out) }
    })
}

pub(super) unsafe extern "C" fn save(
    context: guanxi_handle,
    entity: guanxi_str,
    key: guanxi_str,
    fields: guanxi_str,
    out: *mut guanxi_str,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands texts that outlive the call.
        let (entity, key, fields) = unsafe { (text(entity)?, text(key)?, text(fields)?) };
        let (scene, plugin) = scene_of(context)?;
        plugin.check_capability(&format!("write:{entity}"))?;
        let wanted = Wanted { plugin: &plugin.id, entity: &entity, key: &key, fields: &fields };
        // SAFETY: the scene is good for the duration of the call, on this thread, and the frame is not held, so
        // whatever hooks run within have scenes of their own, of which this one is lent for as long.
        let id = unsafe {
            match scene {
                Scene::Save(_) | Scene::Extracting(_) => return Err(Error::new(Code::Reentrant)),
                Scene::Happening(happening) if (*happening).transition().is_some() => {
                    return Err(Error::new(Code::Reentrant));
                }
                Scene::Happening(happening) => wanted.save((*happening).transaction())?,
                Scene::Migration(transaction) => wanted.save(&mut *transaction)?,
                Scene::Asked(session) | Scene::Committed(session, _, _) => wanted.save_in(&*session)?,
            }
        };
        // SAFETY: the interface demands null or the address of a text.
        unsafe { lend_text(context, id.to_string(), out) }
    })
}

/// A record that a plugin wants to be.
struct Wanted<'w> {
    plugin: &'w str,
    entity: &'w str,
    key: &'w str,
    fields: &'w str,
}

impl Wanted<'_> {
    fn save(&self, transaction: &mut Transaction<'_>) -> Result<RecordId> {
        let changes = self.changes(transaction)?;
        if self.key.is_empty() {
            return transaction.create_record(self.entity, changes);
        }
        transaction.upsert_record(self.entity, self.plugin, self.key, changes).map(|done| done.id())
    }

    fn save_in(&self, session: &Session) -> Result<RecordId> {
        let options = WriteOptions::default().cause(&format!("plugin.save {}", self.plugin));
        session.write_with(options, |transaction| self.save(transaction))
    }

    fn changes(&self, transaction: &Transaction<'_>) -> Result<Changes> {
        let Json::Object(fields) = parse(self.fields)? else {
            return Err(Error::new(Code::InvalidArgument).field("fields").rule("a JSON object"));
        };
        let reader = transaction.reader();
        let registry = reader.registry();
        api::changes_from_json(&reader, registry.entity(self.entity)?, &fields)
    }
}

fn parse(text: &str) -> Result<Json> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Error::new(Code::InvalidJson).rule(&place)
    })
}

pub(super) unsafe extern "C" fn call(
    context: guanxi_handle,
    method: guanxi_str,
    parameters: guanxi_str,
    out: *mut guanxi_str,
) -> guanxi_status {
    // SAFETY: the caller vouches for the arguments.
    unsafe { call_in(context, method, parameters, out, |session, _| Ok(session.clone())) }
}

pub(super) unsafe extern "C" fn call_as_self(
    context: guanxi_handle,
    method: guanxi_str,
    parameters: guanxi_str,
    out: *mut guanxi_str,
) -> guanxi_status {
    // SAFETY: the caller vouches for the arguments.
    unsafe {
        call_in(context, method, parameters, out, |session, plugin| {
            plugin.check_capability("account")?;
            session.crm().session_of_plugin(&plugin.id)?.on_behalf_of(session.user())
        })
    }
}

/// # Safety
/// As the interface asks of `call`.
unsafe fn call_in(
    context: guanxi_handle,
    method: guanxi_str,
    parameters: guanxi_str,
    out: *mut guanxi_str,
    session_of: impl FnOnce(&Session, &Plugin) -> Result<Session>,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands texts that outlive the call.
        let (method, parameters) = unsafe { (text(method)?, text(parameters)?) };
        let (scene, plugin) = scene_of(context)?;
        let (Scene::Asked(session) | Scene::Committed(session, _, _)) = scene else {
            return Err(Error::new(Code::Reentrant));
        };
        plugin.check_capability(&format!("call:{method}"))?;
        // SAFETY: the scene is good for the duration of the call, on this thread.
        let session = session_of(unsafe { &*session }, &plugin)?;
        let answer = api::call_text(&session, &method, &parameters)?;
        // SAFETY: the interface demands null or the address of a text.
        unsafe { lend_text(context, answer.to_string(), out) }
    })
}

pub(super) unsafe extern "C" fn answer(context: guanxi_handle, json: guanxi_str) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands a text that outlives the call.
        let answer = parse(&unsafe { text(json) }?)?;
        with_context(context, |running| running.answer = Some(answer)).ok_or_else(stale)
    })
}

pub(super) unsafe extern "C" fn reason(
    context: guanxi_handle,
    text_zh: guanxi_str,
    text_en: guanxi_str,
    weight: f64,
) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands texts that outlive the call.
        let (zh, en) = unsafe { (text(text_zh)?, text(text_en)?) };
        let reason = json!({"zh": zh, "en": en, "weight": weight});
        with_context(context, |running| running.reasons.push(reason)).ok_or_else(stale)
    })
}

pub(super) unsafe extern "C" fn time_left_ms(context: guanxi_handle, out: *mut i64) -> guanxi_status {
    status(|| {
        if out.is_null() {
            return Err(Error::new(Code::NullArgument));
        }
        let until = with_context(context, |running| running.until).ok_or_else(stale)?;
        let now = Instant::now();
        let milliseconds = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let left = match until.checked_duration_since(now) {
            Some(left) => milliseconds(left),
            None => -milliseconds(now.duration_since(until)),
        };
        // SAFETY: the interface demands the address of a number, and it is not null.
        unsafe { out.write(left) };
        Ok(())
    })
}

pub(super) unsafe extern "C" fn extracted(context: guanxi_handle, piece: guanxi_str) -> guanxi_status {
    status(|| {
        // SAFETY: the interface demands a text that outlives the call.
        let piece = unsafe { text(piece) }?;
        let (Scene::Extracting(text), _) = scene_of(context)? else { return Err(stale()) };
        // SAFETY: the scene is good for the duration of the call, on this thread, and reached one at a time.
        unsafe { &mut *text }.push(&piece)
    })
}
