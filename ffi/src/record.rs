//! The builder of a record: values by field name, and what else a write should know.

use std::ffi::c_char;

use guanxi_core::{Changes, Code, Currency, Decimal, Error, Money, RecordId, Result, Value};
use guanxi_plugin_abi::guanxi_value;
use serde_json::{Value as Json, json};

use crate::arguments::{field_text, record_id, text};
use crate::error::repeat;
use crate::guard::{self, quietly};
use crate::handle::{self, Exclusive, State};
use crate::value;

/// A record that is being put together: what is not set stays as it is. One thread at a time. Freed
/// with guanxi_record_free; writing it does not change it, so it may be written again.
///
/// The functions that set something report nothing. The first of their errors is kept, and every write
/// of the record reports it, naming the field; once two threads have set something at once, every write gives
/// `engine.wrong_thread`.
pub struct guanxi_record {
    _opaque: [u8; 0],
}

/// What was set so far.
pub(crate) struct Builder {
    entity: String,
    values: Vec<(String, Value)>,
    owner: Option<RecordId>,
    external_ids: Vec<(String, String)>,
    expected_version: Option<u64>,
    pub idempotency_key: Option<String>,
    fault: Option<Error>,
}

impl State for Builder {
    type Handle = guanxi_record;
    const TAG: u32 = 4;
    const REMEMBERS_MIXED: bool = true;
}

impl Builder {
    /// The entity, unless something that was set is at fault.
    ///
    /// # Errors
    /// The first error of a function that set something.
    pub fn entity(&self) -> Result<&str> {
        match &self.fault {
            Some(fault) => Err(repeat(fault)),
            None => Ok(&self.entity),
        }
    }

    /// What was set, as the engine takes it.
    pub fn changes(&self) -> Changes {
        let values = self.values.iter().cloned();
        let changes = values.fold(Changes::new(), |changes, (field, value)| changes.set(field, value));
        let external = self.external_ids.iter();
        let changes = external.fold(changes, |changes, (source, key)| changes.external_id(source, key));
        let changes = self.owner.into_iter().fold(changes, Changes::owner);
        self.expected_version.into_iter().fold(changes, Changes::expect_version)
    }

    /// What was set, as the request that an idempotency key stands for.
    pub fn request(&self, verb: &str, target: &str) -> Json {
        let values = self.values.iter().map(|(field, value)| json!([field, value.to_json()]));
        json!({
            "verb": verb,
            "entity": self.entity,
            "target": target,
            "values": values.collect::<Vec<_>>(),
            "owner": self.owner.map(|owner| owner.to_string()),
            "external_ids": self.external_ids,
            "version": self.expected_version,
        })
    }

    fn keep(&mut self, outcome: Result<()>, field: &str) {
        if let Err(error) = outcome
            && self.fault.is_none()
        {
            self.fault = Some(error.entity(&self.entity).field(field));
        }
    }

    fn set(&mut self, field: Result<&str>, value: Result<Value>) {
        let name = field.as_ref().copied().unwrap_or("field").to_owned();
        let outcome = field.and_then(|field| value.map(|value| self.values.push((field.to_owned(), value))));
        self.keep(outcome, &name);
    }
}

/// Changes a builder; one that is no record is left alone, since the write will report it.
fn change(record: Result<Exclusive<Builder>>, change: impl FnOnce(&mut Builder)) {
    quietly((), || {
        change(&mut *record?);
        Ok(())
    });
}

/// A new, empty builder for a record of an entity such as `crm.account`. It is the caller's until
/// guanxi_record_free. NULL only if memory runs out. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_new(entity: *const c_char) -> *mut guanxi_record {
    // SAFETY: the caller keeps the rules of the header.
    let entity = unsafe { text(entity, "entity") };
    quietly(std::ptr::null_mut(), || {
        let (entity, fault) = match entity {
            Ok(entity) => (entity.to_owned(), None),
            Err(fault) => (String::new(), Some(fault)),
        };
        Ok(handle::create(Builder {
            entity,
            values: Vec::new(),
            owner: None,
            external_ids: Vec::new(),
            expected_version: None,
            idempotency_key: None,
            fault,
        }))
    })
}

/// Sets a field to a text, a code of an enum, a phone number or an e-mail address. Copied.
/// The builder's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_text(
    record: *mut guanxi_record,
    field: *const c_char,
    value: *const c_char,
) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, field, value) =
        unsafe { (handle::exclusive::<Builder>(record), text(field, "field"), field_text(value)) };
    change(record, |record| record.set(field, value.map(Value::from)));
}

/// Sets a field to a whole number; a decimal field takes it too. The builder's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_int(record: *mut guanxi_record, field: *const c_char, value: i64) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, field) = unsafe { (handle::exclusive::<Builder>(record), text(field, "field")) };
    change(record, |record| record.set(field, Ok(Value::Int(value))));
}

/// Sets a field to true (not 0) or false (0). The builder's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_bool(
    record: *mut guanxi_record,
    field: *const c_char,
    value: i32,
) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, field) = unsafe { (handle::exclusive::<Builder>(record), text(field, "field")) };
    change(record, |record| record.set(field, Ok(Value::Bool(value != 0))));
}

/// Sets a field to an exact decimal, written as text such as `-12.50`. The builder's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_decimal(
    record: *mut guanxi_record,
    field: *const c_char,
    value: *const c_char,
) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, field, value) =
        unsafe { (handle::exclusive::<Builder>(record), text(field, "field"), field_text(value)) };
    change(record, |record| record.set(field, value.and_then(|text| text.parse().map(Value::Decimal))));
}

/// Sets a field to an amount, written as text such as `12800.00`, in a currency by its ISO 4217 code
/// such as `CNY`. The builder's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_money(
    record: *mut guanxi_record,
    field: *const c_char,
    amount: *const c_char,
    currency: *const c_char,
) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, field, amount, currency) = unsafe {
        let texts = (field_text(amount), field_text(currency));
        (handle::exclusive::<Builder>(record), text(field, "field"), texts.0, texts.1)
    };
    change(record, |record| {
        let money = amount.and_then(|amount| {
            Ok(Value::Money(Money::new(amount.parse::<Decimal>()?, Currency::from_code(currency?)?)))
        });
        record.set(field, money);
    });
}

/// Sets a field to a day, written as `2026-11-22`. The builder's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_date(
    record: *mut guanxi_record,
    field: *const c_char,
    value: *const c_char,
) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, field, value) =
        unsafe { (handle::exclusive::<Builder>(record), text(field, "field"), field_text(value)) };
    change(record, |record| record.set(field, value.and_then(|text| text.parse().map(Value::Date))));
}

/// Sets a field to a moment, written by RFC 3339 as `2026-11-22T08:00:00+08:00`. The builder's thread.
/// Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_datetime(
    record: *mut guanxi_record,
    field: *const c_char,
    value: *const c_char,
) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, field, value) =
        unsafe { (handle::exclusive::<Builder>(record), text(field, "field"), field_text(value)) };
    change(record, |record| record.set(field, value.and_then(|text| text.parse().map(Value::DateTime))));
}

/// Sets a field to refer to a record by the 16 bytes of its id. The builder's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_reference(
    record: *mut guanxi_record,
    field: *const c_char,
    id: *const u8,
) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, field, id) =
        unsafe { (handle::exclusive::<Builder>(record), text(field, "field"), record_id(id)) };
    change(record, |record| record.set(field, id.map(Value::Id)));
}

/// Sets a field to refer to a record by its id as text, as JSON gives it. The builder's thread.
/// Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_reference_text(
    record: *mut guanxi_record,
    field: *const c_char,
    id: *const c_char,
) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, field, id) =
        unsafe { (handle::exclusive::<Builder>(record), text(field, "field"), field_text(id)) };
    change(record, |record| record.set(field, id.and_then(|text| text.parse().map(Value::Id))));
}

/// Empties a field. The builder's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_null(record: *mut guanxi_record, field: *const c_char) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, field) = unsafe { (handle::exclusive::<Builder>(record), text(field, "field")) };
    change(record, |record| record.set(field, Ok(Value::Null)));
}

/// Sets a field to a value of any kind that a field takes; text in it is copied and may hold zero
/// bytes. The builder's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_value(
    record: *mut guanxi_record,
    field: *const c_char,
    value: *const guanxi_value,
) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, field, value) = unsafe {
        let given = value.as_ref().ok_or_else(|| Error::new(Code::NullArgument));
        let value = given.and_then(|given| value::from_c(given));
        (handle::exclusive::<Builder>(record), text(field, "field"), value)
    };
    change(record, |record| record.set(field, value));
}

/// Gives the record to an owner, by the 16 bytes of the user's id. A new record without one belongs to
/// the session's user. The builder's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_owner(record: *mut guanxi_record, owner: *const u8) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, owner) = unsafe { (handle::exclusive::<Builder>(record), record_id(owner)) };
    change(record, |record| {
        let outcome = owner.map(|owner| record.owner = Some(owner));
        record.keep(outcome, "owner");
    });
}

/// Adds a key by which another system knows the record. Both texts are copied. The builder's thread.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_external_id(
    record: *mut guanxi_record,
    source: *const c_char,
    key: *const c_char,
) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, source, key) =
        unsafe { (handle::exclusive::<Builder>(record), text(source, "source"), text(key, "key")) };
    change(record, |record| {
        let outcome = source.and_then(|source| Ok((source.to_owned(), key?.to_owned())));
        let outcome = outcome.map(|pair| record.external_ids.push(pair));
        record.keep(outcome, "external_id");
    });
}

/// Lets an update pass only if the stored record has this version (guanxi_cursor_version); otherwise it
/// gives `record.version_conflict`. The builder's thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_expect_version(record: *mut guanxi_record, version: u64) {
    // SAFETY: the caller keeps the rules of the header.
    let record = unsafe { handle::exclusive::<Builder>(record) };
    change(record, |record| record.expected_version = Some(version));
}

/// Makes a write of its own (guanxi_session_create, _update, _upsert) happen once: repeated with the same
/// key it gives the first answer and changes nothing, and with the same key for another request it gives
/// `record.idempotency_mismatch`. Inside a transaction it is refused. Copied. The builder's thread.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_set_idempotency_key(record: *mut guanxi_record, key: *const c_char) {
    // SAFETY: the caller keeps the rules of the header.
    let (record, key) = unsafe { (handle::exclusive::<Builder>(record), text(key, "idempotency_key")) };
    change(record, |record| {
        let outcome = key.map(|key| record.idempotency_key = Some(key.to_owned()));
        record.keep(outcome, "idempotency_key");
    });
}

/// Frees a builder; NULL and one that was freed already are left alone. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_record_free(record: *mut guanxi_record) {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { guard::free::<Builder>(record) };
}
