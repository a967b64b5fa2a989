//! Unique rules: the one key of each record that takes part, and what is done where two would have the same.

use std::collections::BTreeSet;

use crate::base::{Code, EntityId, Error, FieldId, RecordId, Result, Value, fold};
use crate::records::codec::damaged;
use crate::records::derived::Index;
use crate::records::ordered::ordered;
use crate::records::row::{UNIQUE_FIELD, UNIQUE_RULE, shorten, unique_field_prefix, unique_number_of};
use crate::records::tally::counter_prefix;
use crate::records::temporal::versions_prefix;
use crate::records::view::WriteView;
use crate::records::{Moment, Record, RecordFacts};
use crate::schema::{Entity, Field, Normalizer, UniqueRule};
use crate::storage::{Keyspace, RangeRequest, Snapshot};

/// Most records that an error lists.
const MAX_LISTED: usize = 20;
/// Most records that a build in chunks keeps in mind.
const MAX_KEPT: usize = 1_000;
/// What the keys begin with under which a build keeps the records that it turned away.
const SHARED: &[u8] = b"build.shared.";

/// What all keys of a rule begin with.
pub(super) fn rule_prefix(entity: EntityId, rule: FieldId) -> Vec<u8> {
    [&[UNIQUE_RULE][..], &entity.number().to_be_bytes(), &rule.number().to_be_bytes()].concat()
}

/// What all unique keys of a field or a rule begin with.
pub(super) fn unique_prefix(entity: &Entity, number: FieldId) -> Vec<u8> {
    match entity.field_by_id(number) {
        Some(_) => unique_field_prefix(entity.id(), number),
        None => rule_prefix(entity.id(), number),
    }
}

/// The key of a record, whose formulas are worked out; nothing for one that takes no part.
pub(super) fn rule_key(rule: &UniqueRule, record: &Record) -> Option<Vec<u8>> {
    if rule.definition.condition.is_some() {
        let facts = RecordFacts { record, moment: Moment::ANY };
        // What cannot be worked out does not hold.
        if !matches!(rule.condition()?.holds(&facts), Ok(Some(true))) {
            return None;
        }
    }
    let mut body = Vec::new();
    for (field, normalizer) in rule.components() {
        let bytes = match &*record.peek(field) {
            Value::Null => return None,
            // Texts are compared whole here, though a sort key is cut.
            Value::Text(text) if normalizer == Normalizer::Folded => fold(text).into_bytes(),
            Value::Text(text) => text.clone().into_bytes(),
            other => ordered(other),
        };
        body.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        body.extend_from_slice(&bytes);
    }
    Some(shorten(rule_prefix(record.entity, rule.id()), &body))
}

/// The rule of whose keys this is one.
pub(super) fn rule_of<'e>(entity: &'e Entity, key: &[u8]) -> Option<&'e UniqueRule> {
    let number = unique_number_of(key).filter(|_| key.first() == Some(&UNIQUE_RULE))?;
    entity.unique_rules().iter().find(|rule| rule.id() == number)
}

/// The field of whose unique keys this is one.
pub(super) fn field_of<'e>(entity: &'e Entity, key: &[u8]) -> Option<&'e Field> {
    entity.field_by_id(unique_number_of(key).filter(|_| key.first() == Some(&UNIQUE_FIELD))?)
}

/// The names of the fields of a rule, but for those that may not be told.
pub(super) fn told_fields(entity: &Entity, rule: &UniqueRule, shows: &dyn Fn(FieldId) -> bool) -> String {
    let named = rule.components().zip(&rule.definition.fields);
    let named = named.filter(|((field, _), _)| shows(*field));
    let names = named.map(|((field, _), named)| {
        entity.field_by_id(field).map_or(named.field.as_str(), |field| field.api_name.as_str())
    });
    names.collect::<Vec<_>>().join(", ")
}

/// Records that share what is to be unique.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The field or rule of the first of them.
    number: Option<FieldId>,
    records: BTreeSet<RecordId>,
    /// How many were turned away, because another one has what they have.
    refused: u64,
}

impl Shared {
    /// Two records have one unique key; only those have the same key at all.
    pub fn note(&mut self, key: &[u8], holder: &[u8], record: RecordId) {
        self.number = self.number.or_else(|| unique_number_of(key));
        self.refused = self.refused.saturating_add(1);
        self.records.extend(RecordId::from_suffix(holder));
        self.records.insert(record);
    }

    /// # Errors
    /// [`Code::NotUnique`] if there are any, naming field or rule, and the first of them.
    pub fn check(&self, entity: &Entity) -> Result<()> {
        let Some(first) = self.records.first() else { return Ok(()) };
        let rule = entity.unique_rules().iter().find(|rule| Some(rule.id()) == self.number);
        let field = self.number.and_then(|field| entity.field_by_id(field));
        let (name, prefix) = match (rule, field) {
            (Some(rule), _) => {
                let names = told_fields(entity, rule, &|_| true);
                (names, format!("{}: ", rule.definition.api_name()))
            }
            (None, field) => (field.map(|field| field.api_name.clone()).unwrap_or_default(), String::new()),
        };
        let listed: Vec<String> = self.records.iter().take(MAX_LISTED).map(RecordId::to_string).collect();
        let listed = listed.join(", ");
        let count = self.records.len();
        // A build in chunks knows how many it turned away, and keeps no more than the first of all of them.
        let said = match count < MAX_KEPT {
            true => format!("{prefix}{count} records share a value: {listed}"),
            false => format!("{prefix}more than {} records share a value: {listed}", self.refused),
        };
        Err(Error::new(Code::NotUnique).entity(&entity.api_name).field(&name).record(*first).rule(&said))
    }

    /// What a build of a rule has turned away so far.
    fn load(snapshot: &dyn Snapshot, rule: FieldId) -> Result<Self> {
        let mut shared = Self { number: Some(rule), ..Self::default() };
        if let Some(bytes) = snapshot.get(Keyspace::Meta, &shared_key(rule))? {
            let (count, ids) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
            shared.refused = u64::from_be_bytes(*count);
            shared.records = ids.chunks_exact(16).filter_map(RecordId::from_suffix).collect();
        }
        Ok(shared)
    }

    fn keep(&self, view: &mut WriteView<'_>, rule: FieldId) {
        if self.refused > 0 {
            let ids = self.records.iter().take(MAX_KEPT).flat_map(|id| *id.as_bytes());
            let bytes = self.refused.to_be_bytes().into_iter().chain(ids).collect();
            view.put(Keyspace::Meta, shared_key(rule), bytes);
        }
    }
}

fn shared_key(rule: FieldId) -> Vec<u8> {
    [SHARED, &rule.number().to_be_bytes()].concat()
}

/// Gives records their keys of a rule or field that is being built. A record of which another one has the key gets none,
/// and is kept in mind.
pub(super) fn take_in_unique(
    view: &mut WriteView<'_>,
    number: FieldId,
    records: &[(RecordId, Vec<u8>)],
) -> Result<()> {
    let mut shared = Shared::load(view, number)?;
    for (record, key) in records {
        match view.get(Keyspace::Unique, key)? {
            Some(holder) if holder == record.as_bytes() => {}
            Some(holder) => shared.note(key, &holder, *record),
            None => view.put(Keyspace::Unique, key.clone(), record.as_bytes().to_vec()),
        }
    }
    shared.keep(view, number);
    Ok(())
}

/// Ends the build of a rule or field, and says whether what stands breaks it.
pub(super) fn finish_unique(
    view: &mut WriteView<'_>,
    entity: &Entity,
    number: FieldId,
) -> Result<Option<Error>> {
    let shared = Shared::load(view, number)?;
    view.remove(Keyspace::Meta, shared_key(number));
    Ok(shared.check(entity).err())
}

/// Takes away as many keys of a unique rule, an index, a counter or a unique field that was taken back as one chunk
/// takes, and says how many they were and whether all are gone.
pub(super) fn sweep(
    view: &mut WriteView<'_>,
    entity: &Entity,
    number: FieldId,
    most: usize,
) -> Result<(u64, bool)> {
    let unique = (Keyspace::Unique, unique_prefix(entity, number));
    let places = match entity.field_by_id(number) {
        // Of a field the values are no longer unique, and its index stays.
        Some(_) => vec![unique],
        // A number is that of one of these, so the others have no keys.
        None => vec![
            unique,
            (Keyspace::Index, Index { entity: entity.id(), field: number }.all()),
            (Keyspace::Aggregate, counter_prefix(entity.id(), number)),
            (Keyspace::Index, versions_prefix(entity.id(), number)),
        ],
    };
    let mut count = 0_u64;
    for (keyspace, prefix) in places {
        let page = view.scan(&RangeRequest::prefix(keyspace, &prefix, most))?;
        count = count.saturating_add(u64::try_from(page.rows.len()).unwrap_or(u64::MAX));
        page.rows.into_iter().for_each(|(key, _)| view.remove(keyspace, key));
        if page.more {
            return Ok((count, false));
        }
    }
    view.remove(Keyspace::Meta, shared_key(number));
    Ok((count, true))
}
