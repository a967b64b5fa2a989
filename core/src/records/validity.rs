//! The days on which records hold: keys by which they are found, and the rule that no two of them have the
//! same values on one day.
//!
//! All periods under one body of a key are apart, so whoever looks for a day, or for a clash, looks at the one
//! that begins last before it. FORMAT.md, chapter "Keys of `data`", describes every byte.

use sha2::{Digest, Sha256};

use crate::base::{Code, Date, Error, FieldId, RecordId, Result, Value, fold};
use crate::records::Record;
use crate::records::codec::damaged;
use crate::records::ordered::ordered;
use crate::records::view::WriteView;
use crate::schema::{Entity, Exclusion, Field, Gathering, Validity};
use crate::storage::{Keyspace, RangeRequest, Snapshot, continue_after, successor};

/// First byte of a key of validity.
const HELD: u8 = 3;
/// First byte of a key under which every fact stands, deleted or not.
const FACT: u8 = 4;
/// Length of what the keys of one body begin with.
const PREFIX: usize = 38;
/// Keys of one read.
const PAGE: usize = 8;
/// Facts of one read.
const FACTS: usize = 200;

/// The days from the first one up to the last one, which is not among them; without the one or the other
/// there is no beginning or no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Option<Date>,
    /// The day behind the last one.
    pub to: Option<Date>,
}

impl Period {
    /// The days on which a record holds.
    #[must_use]
    pub fn of(validity: &Validity, record: &Record) -> Self {
        Self::between(record, validity.from, validity.to)
    }

    /// The days between those that a record has in two fields.
    #[must_use]
    pub fn between(record: &Record, from: Option<FieldId>, to: Option<FieldId>) -> Self {
        let day = |field: Option<FieldId>| field.and_then(|field| date_of(&record.peek(field)));
        Self { from: day(from), to: day(to) }
    }

    /// Whether a day is among them.
    #[must_use]
    pub fn contains(self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day < to)
    }

    fn is_empty(self) -> bool {
        self.from.zip(self.to).is_some_and(|(from, to)| from == to)
    }

    fn meets(self, other: Self) -> bool {
        let begins = |one: Self, other: Self| one.from.is_none_or(|from| other.to.is_none_or(|to| from < to));
        !self.is_empty() && !other.is_empty() && begins(self, other) && begins(other, self)
    }
}

fn date_of(value: &Value) -> Option<Date> {
    match value {
        Value::Date(day) => Some(*day),
        _ => None,
    }
}

/// What the keys begin with under which a record excludes others.
fn prefixes(entity: &Entity, exclusion: &Exclusion, record: &Record) -> Vec<Vec<u8>> {
    let values: Vec<Value> = exclusion.fields.iter().map(|field| record.value(*field)).collect();
    if values.iter().any(Value::is_null) { Vec::new() } else { prefixes_of(entity, exclusion, &values) }
}

fn prefixes_of(entity: &Entity, exclusion: &Exclusion, values: &[Value]) -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = values.iter().map(whole).collect();
    let bodies: Vec<Vec<Vec<u8>>> = match exclusion.gathering {
        Gathering::InOrder => vec![parts],
        Gathering::Either => {
            parts.sort_unstable();
            vec![parts]
        }
        Gathering::Each => {
            parts.sort_unstable();
            parts.dedup();
            parts.into_iter().map(|part| vec![part]).collect()
        }
    };
    bodies.iter().map(|body| prefix_of(HELD, entity, exclusion, body)).collect()
}

fn prefix_of(first: u8, entity: &Entity, exclusion: &Exclusion, body: &[Vec<u8>]) -> Vec<u8> {
    let head = [&[first][..], &entity.id().number().to_be_bytes(), &[exclusion.number]].concat();
    [&head[..], &digest(body)].concat()
}

/// What the keys of all facts of one key begin with.
fn facts_prefix(entity: &Entity, values: &[Value]) -> Option<Vec<u8>> {
    let exclusion = entity.validity()?.exclusions.first()?;
    let parts: Vec<Vec<u8>> = values.iter().map(whole).collect();
    (!values.iter().any(Value::is_null)).then(|| prefix_of(FACT, entity, exclusion, &parts))
}

/// The key under which a record stands if it is a fact, deleted or not: what was known before is found by it.
pub(super) fn fact_key(entity: &Entity, record: &Record) -> Option<Vec<u8>> {
    let values: Vec<Value> = entity.fact_key()?.into_iter().map(|field| record.value(field.id())).collect();
    let prefix = facts_prefix(entity, &values)?;
    Some([&prefix[..], record.id.as_bytes()].concat())
}

/// Every fact of a key that there ever was, in the order of their ids. They are found WITHOUT a permit: whoever
/// asks holds them against one.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn facts_of(snapshot: &dyn Snapshot, entity: &Entity, values: &[Value]) -> Result<Vec<RecordId>> {
    let Some(prefix) = facts_prefix(entity, values) else { return Ok(Vec::new()) };
    let mut range = RangeRequest::prefix(Keyspace::Index, &prefix, FACTS);
    let mut found = Vec::new();
    loop {
        let page = snapshot.scan(&range)?;
        found.extend(page.rows.iter().filter_map(|(key, _)| RecordId::from_suffix(key)));
        match page.rows.into_iter().last() {
            Some((last, _)) if page.more => continue_after(&mut range, last),
            _ => return Ok(found),
        }
    }
}

/// What equal values have in common, whole: of a reference the record, whichever entity it is of.
fn whole(value: &Value) -> Vec<u8> {
    match value {
        Value::Text(text) => fold(text).into_bytes(),
        Value::Map(_) if value.part("id").as_id().is_some() => ordered(value.part("id")),
        other => ordered(other),
    }
}

fn digest(parts: &[Vec<u8>]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The keys under which a record excludes others on its days, each with its end.
pub(super) fn validity_keys(entity: &Entity, record: &Record) -> Vec<(Vec<u8>, Vec<u8>)> {
    let Some(validity) = entity.validity() else { return Vec::new() };
    let period = Period::of(validity, record);
    let (first, end) = (ordered(&Value::from(period.from)), ordered(&Value::from(period.to)));
    let prefixes = validity.exclusions.iter().flat_map(|exclusion| prefixes(entity, exclusion, record));
    prefixes.map(|prefix| ([&prefix[..], &first, record.id.as_bytes()].concat(), end.clone())).collect()
}

/// Refuses a record that ends before it begins, that is linked to itself where that may not be, or that has
/// on some day what another one has.
///
/// # Errors
/// [`Code::InvalidPeriod`], [`Code::LinkedToItself`], [`Code::ValidityOverlap`], [`Code::LinkedAlready`];
/// [`Code::KeyFixed`] for a fact that had another key.
pub(super) fn check_validity(
    view: &WriteView<'_>,
    entity: &Entity,
    old: Option<&Record>,
    record: &Record,
) -> Result<()> {
    let Some(validity) = entity.validity().filter(|_| !record.is_deleted()) else { return Ok(()) };
    let refused = |code: Code, field: Option<FieldId>| {
        let field = field.and_then(|field| entity.field_by_id(field));
        Error::new(code).entity(&entity.api_name).field(field.map_or("", |field| &field.api_name))
    };
    let key = entity.fact_key().unwrap_or_default();
    let other = |field: &&&Field| old.is_some_and(|old| old.peek(field.id()) != record.peek(field.id()));
    if let Some(field) = key.iter().find(other) {
        return Err(refused(Code::KeyFixed, Some(field.id())));
    }
    let period = Period::of(validity, record);
    if period.from.zip(period.to).is_some_and(|(from, to)| to < from) {
        return Err(refused(Code::InvalidPeriod, validity.to));
    }
    if let Some(ends) = entity.ends().filter(|_| !validity.to_itself)
        && whole(&record.peek(ends.from)) == whole(&record.peek(ends.to))
    {
        return Err(refused(Code::LinkedToItself, Some(ends.to)));
    }
    for exclusion in validity.exclusions.iter().filter(|exclusion| exclusion.enforced) {
        for prefix in prefixes(entity, exclusion, record) {
            let met = last_before(view, &prefix, period, record.id)?;
            if met.is_some_and(|(_, other)| other.meets(period)) {
                let of_all = Some(exclusion) == validity.exclusions.first();
                let code = if of_all { Code::ValidityOverlap } else { Code::LinkedAlready };
                return Err(refused(code, exclusion.fields.first().copied()));
            }
        }
    }
    Ok(())
}

/// The period that begins last before another one ends, of a record other than that one.
fn last_before(
    snapshot: &dyn Snapshot,
    prefix: &[u8],
    period: Period,
    but: RecordId,
) -> Result<Option<(RecordId, Period)>> {
    let high = match period.to {
        Some(end) => [prefix, &ordered(&Value::Date(end))].concat(),
        None => successor(prefix),
    };
    let low = prefix.to_vec();
    let mut range = RangeRequest { keyspace: Keyspace::Index, low, high, reverse: true, max_rows: PAGE };
    loop {
        let page = snapshot.scan(&range)?;
        for (key, value) in &page.rows {
            let (id, other) = read(key, value)?;
            if id != but && !other.is_empty() {
                return Ok(Some((id, other)));
            }
        }
        match page.rows.into_iter().last() {
            Some((last, _)) if page.more => continue_after(&mut range, last),
            _ => return Ok(None),
        }
    }
}

fn read(key: &[u8], value: &[u8]) -> Result<(RecordId, Period)> {
    let id = RecordId::from_suffix(key).ok_or_else(damaged)?;
    let first = key.get(PREFIX..key.len().saturating_sub(16)).ok_or_else(damaged)?;
    Ok((id, Period { from: day(first)?, to: day(value)? }))
}

/// The day of a sort key, which is that of nothing or of a date.
fn day(key: &[u8]) -> Result<Option<Date>> {
    let Some(bytes) = key.get(1..).filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    let turned = u64::from_be_bytes(bytes.try_into().map_err(|_| damaged())?) ^ (1 << 63);
    let days = i32::try_from(turned.cast_signed()).map_err(|_| damaged())?;
    Date::from_days(days).map(Some).map_err(|_| damaged())
}

/// The live record that has these values by the first exclusion of its entity on a day; on the last day of all
/// if none is said. It is found WITHOUT a permit: whoever asks holds it against one.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn find_held(
    snapshot: &dyn Snapshot,
    entity: &Entity,
    values: &[Value],
    at: Option<Date>,
) -> Result<Option<RecordId>> {
    let exclusion = entity.validity().and_then(|validity| validity.exclusions.first());
    let Some(exclusion) = exclusion else { return Ok(None) };
    let until = Period { from: None, to: at.map(next_day).transpose()?.flatten() };
    for prefix in prefixes_of(entity, exclusion, values) {
        // An id that no record has: none is left out.
        let nobody = RecordId::from_bytes([0; 16]);
        if let Some((id, period)) = last_before(snapshot, &prefix, until, nobody)?
            && at.is_none_or(|day| period.contains(day))
        {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The day behind another one; nothing behind the last one that there is.
fn next_day(day: Date) -> Result<Option<Date>> {
    Ok(day.days().checked_add(1).and_then(|next| Date::from_days(next).ok()))
}
