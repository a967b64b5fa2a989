//! Values, records, conditions and pages as JSON, and back by the types of their fields.

use serde_json::{Map, Value as Json, json};

use crate::base::{
    Code, Collation, Currency, Date, Decimal, Error, FieldId, Locale, Money, Period, RecordId, Result, Value,
    ValueKind,
};
use crate::engine::{
    Attachment, Changes, Circle, Comparison, Condition, Direction, Explanation, FieldSelector, Find, Head,
    KeySlot, Listing, Path, Reader, RestoreReport, Stated, SystemField, Warning, field_name, follow,
};
use crate::schema::{Entity, Field, FieldName, FieldType, RowColumn, parse_as, parse_text};

pub(super) use crate::base::{hex, unhex};

/// An object with further members.
pub(super) fn with<const N: usize>(mut object: Json, members: [(&str, Json); N]) -> Json {
    if let Some(object) = object.as_object_mut() {
        object.extend(members.map(|(name, value)| (name.to_owned(), value)));
    }
    object
}

/// A record as JSON: envelope facts beside `values` by API name.
///
/// # Errors
/// `schema.unknown_entity` if the plugin of its entity is gone.
pub fn listing_to_json(row: &Listing) -> Result<Json> {
    let entity = row.entity()?;
    let envelope = &row.record.envelope;
    let mut values = Map::new();
    for field in entity.fields() {
        let value = row.record.value(field.id());
        if !value.is_null() {
            values.insert(field.api_name.clone(), value.to_json());
        }
    }
    let external = envelope.external_ids.iter().map(|id| json!({"source": id.source, "key": id.key}));
    let mut json = json!({
        "id": row.record.id.to_string(),
        "entity": entity.api_name,
        "title": row.title(),
        "number": envelope.record_number,
        "version": envelope.version,
        "owner": envelope.owner.to_string(),
        "unit": envelope.unit.map(|unit| unit.to_string()),
        "created_at": envelope.created.at().to_string(),
        "modified_at": envelope.modified.at().to_string(),
        "tags": envelope.tags,
        "locked_by": envelope.locked_by.map(|user| user.to_string()),
        "lock_reason": envelope.lock_reason.as_ref().filter(|_| envelope.locked_by.is_some()),
        "external_ids": external.collect::<Vec<_>>(),
        "values": values,
    });
    let unparsed = row.unparsed()?;
    if let Some(members) = json.as_object_mut().filter(|_| !unparsed.is_empty()) {
        members.insert("unparsed".to_owned(), json!(unparsed));
    }
    Ok(json)
}

/// What a key slot says, as JSON.
#[must_use]
pub fn key_slot_to_json(slot: &KeySlot) -> Json {
    let cost = slot
        .cost
        .map(|cost| json!({"memory_kib": cost.memory_kib, "passes": cost.passes, "lanes": cost.lanes}));
    json!({
        "slot": slot.number,
        "kind": slot.kind.name(),
        "cost": cost,
        "label": slot.label,
        "created_at": slot.created_at.map(|at| at.to_string()),
    })
}

/// What is known of an attachment, as JSON.
pub(super) fn attachment_to_json(attachment: &Attachment) -> Json {
    json!({
        "id": attachment.id.to_string(),
        "name": attachment.name,
        "media_type": attachment.media_type,
        "size": attachment.size,
        "sha256": hex(&attachment.sha256),
        "created_at": attachment.created_at.to_string(),
        "created_by": attachment.created_by.to_string(),
    })
}

/// What a restore came to, as JSON.
#[must_use]
pub fn restore_report_to_json(report: &RestoreReport) -> Json {
    json!({
        "restored_to": head_to_json(report.restored_to),
        "backups": report.backups,
        "records": report.verified.records,
        "keys": report.keys,
        "emptied": report.emptied,
        "attachments_left_out": report.attachments_left_out,
        "replaced": report.replaced.as_ref().map(|path| path.to_string_lossy()),
    })
}

/// A place of the ledger.
pub(super) fn head_to_json(head: Head) -> Json {
    json!({"position": head.position, "hash": hex(&head.hash)})
}

/// Warnings as JSON, in the session's language.
pub(super) fn warnings_to_json(warnings: &[Warning], locale: Locale) -> Json {
    let list = warnings.iter().map(|warning| {
        json!({
            "code": warning.code.key(),
            "entity": warning.entity,
            "field": warning.field,
            "message": warning.message.text(locale),
        })
    });
    Json::Array(list.collect())
}

/// Values by field name as changes. A reference is an id, `{"title": …}`, or `{"source": …, "key": …}`.
///
/// # Errors
/// `schema.unknown_field`, `schema.wrong_type` and the like, naming the field; `record.reference_missing`.
pub fn changes_from_json(
    reader: &Reader<'_>,
    entity: &Entity,
    values: &Map<String, Json>,
) -> Result<Changes> {
    let mut changes = Changes::new();
    for (name, json) in values {
        let named = |error: Error| error.entity(&entity.api_name).field(name);
        if name == SystemField::ALL[0].1 {
            changes = changes.owner(owner_from_json(reader, json).map_err(named)?);
            continue;
        }
        let field = entity.field(FieldName::Name(name))?;
        let value = value_from_json(reader, field, json).map_err(named)?;
        changes = changes.set(field.api_name.as_str(), value);
    }
    Ok(changes)
}

/// An owner: a user's id or name.
pub(super) fn owner_from_json(reader: &Reader<'_>, json: &Json) -> Result<RecordId> {
    let text = json.as_str().ok_or_else(|| Error::new(Code::WrongType).rule("text"))?;
    match text.parse() {
        Ok(id) => Ok(id),
        Err(_) => one(reader.find_by_title("sys.user", text)?, text),
    }
}

fn one(found: Vec<RecordId>, said: &str) -> Result<RecordId> {
    match found.as_slice() {
        [id] => Ok(*id),
        [] => Err(Error::new(Code::ReferenceMissing).value(said)),
        _ => Err(Error::new(Code::ReferenceAmbiguous).value(said)),
    }
}

pub(super) fn value_from_json(reader: &Reader<'_>, field: &Field, json: &Json) -> Result<Value> {
    let kind = &field.definition.kind;
    let wrong = || Error::new(Code::WrongType).rule(kind.name());
    let currency = reader.settings().currency()?;
    match (kind, json) {
        // What is not understood is refused when it is normalised.
        (_, Json::Null) | (FieldType::Opaque(_), _) => Ok(Value::Null),
        (FieldType::Json, json) => Value::from_json(json),
        (kind, _) if kind.is_worked_out() => Err(Error::new(Code::ReadOnlyField).rule(kind.name())),
        (FieldType::Bool, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (FieldType::Int, Json::Number(number)) => number.as_i64().map(Value::Int).ok_or_else(wrong),
        (FieldType::Decimal | FieldType::Percent | FieldType::Money, Json::Number(number)) => {
            // A fraction in JSON is a binary float by the time that it arrives here.
            let whole = number.as_i64().ok_or_else(|| wrong().rule("fractions travel as text"))?;
            parse_text(field, &whole.to_string(), currency)
        }
        (FieldType::Money, Json::Object(parts)) => money(parts, currency).ok_or_else(wrong)?,
        (FieldType::Reference { entity }, Json::Object(parts)) => reference(reader, entity, parts),
        (FieldType::MultiReference { entity }, Json::Array(items)) => {
            let ids = items.iter().map(|item| match item {
                Json::Object(parts) => reference(reader, entity, parts),
                plain => Value::from_json(plain),
            });
            ids.collect::<Result<_>>().map(Value::List)
        }
        (FieldType::Rows { columns }, Json::Array(rows)) => {
            rows.iter().map(|row| row_from_json(reader, columns, row)).collect::<Result<_>>().map(Value::List)
        }
        (kind, Json::Array(_) | Json::Object(_)) if kind.is_composite() => Value::from_json(json),
        // Which entity an id is of is said, and not guessed.
        (FieldType::AnyReference { .. }, _) => Err(wrong().rule("a reference here is {entity, id}")),
        (FieldType::Bool | FieldType::Int, _) => Err(wrong()),
        (FieldType::Text | FieldType::RichText, Json::String(text)) => Ok(Value::Text(text.clone())),
        (_, Json::String(text)) => parse_text(field, text, currency),
        _ => Err(wrong()),
    }
}

fn money(parts: &Map<String, Json>, base: Currency) -> Option<Result<Value>> {
    let amount = parts.get("amount")?;
    let amount =
        amount.as_str().map(str::to_owned).or_else(|| amount.as_i64().map(|whole| whole.to_string()))?;
    let currency = match parts.get("currency") {
        Some(code) => Currency::from_code(code.as_str()?),
        None => Ok(base),
    };
    Some(currency.and_then(|currency| Ok(Value::Money(Money::new(amount.parse()?, currency)))))
}

/// A row, in which a reference may be said as in a field.
fn row_from_json(reader: &Reader<'_>, columns: &[RowColumn], row: &Json) -> Result<Value> {
    let Json::Object(parts) = row else { return Value::from_json(row) };
    let parts = parts.iter().map(|(name, part)| {
        let kind = columns.iter().find(|column| column.name == *name).map(|column| &column.kind);
        let value = match (kind, part) {
            (Some(FieldType::Reference { entity }), Json::Object(said)) => reference(reader, entity, said),
            _ => Value::from_json(part),
        };
        Ok((name.clone(), value?))
    });
    parts.collect::<Result<_>>().map(Value::Map)
}

fn reference(reader: &Reader<'_>, entity: &str, parts: &Map<String, Json>) -> Result<Value> {
    let text = |name: &str| parts.get(name).and_then(Json::as_str);
    if let Some(title) = text("title") {
        return one(reader.find_by_title(entity, title)?, title).map(Value::Id);
    }
    match (text("source"), text("key")) {
        (Some(source), Some(key)) => {
            let found = reader.find_by_external_id(entity, source, key)?;
            let id = found.map(|row| row.record.id);
            Ok(Value::Id(one(id.into_iter().collect(), key)?))
        }
        _ => Err(Error::new(Code::InvalidArgument).rule("a reference is an id, a title, or source and key")),
    }
}

/// A condition from JSON: `{"all": […]}`, `{"any": […]}`, `{"not": …}`,
/// `{"has": {"entity": …, "by": …, "where": …, "valid_at": …}}` and `{"has_none": …}` for records, or links of a
/// relation, that refer to the one asked for, on a day if one is said,
/// `{"field": …, "op": …, "value": …}`, or `{"field name": value, …}`, which all must equal. A field may be
/// a path along references, as `account.owner.name`.
///
/// # Errors
/// `input.invalid_filter`, `schema.unknown_field`, `schema.wrong_type`, `record.reference_missing`,
/// `record.reference_ambiguous`.
pub fn condition_from_json(reader: &Reader<'_>, entity: &Entity, json: &Json) -> Result<Condition> {
    condition(reader, entity, json, 0).map_err(|error| error.entity(&entity.api_name))
}

fn condition(reader: &Reader<'_>, entity: &Entity, json: &Json, depth: usize) -> Result<Condition> {
    let invalid = |rule: &str| Error::new(Code::InvalidFilter).rule(rule);
    if depth > crate::base::MAX_FILTER_DEPTH {
        return Err(invalid("nesting <= 32"));
    }
    let parts = match json {
        Json::Null => return Ok(Condition::Everything),
        Json::Object(parts) => parts,
        _ => return Err(invalid("a condition is an object")),
    };
    let list = |json: &Json| -> Result<Vec<Condition>> {
        let items = json.as_array().ok_or_else(|| invalid("all and any take a list"))?;
        items.iter().map(|item| condition(reader, entity, item, depth.saturating_add(1))).collect()
    };
    let single = |name: &str| if parts.len() == 1 { parts.get(name) } else { None };
    if let Some(items) = single("all") {
        return list(items).map(Condition::All);
    }
    if let Some(items) = single("any") {
        return list(items).map(Condition::Any);
    }
    if let Some(source) = single("expression") {
        let source = source.as_str().ok_or_else(|| invalid("an expression is a text"))?;
        return Ok(Condition::Holds(Stated::new(source)));
    }
    for (name, some) in [("has", true), ("has_none", false)] {
        if let Some(json) = single(name) {
            let has = referring(reader, json, depth)?;
            return Ok(if some { has } else { Condition::Not(Box::new(has)) });
        }
    }
    if let Some(inner) = single("not") {
        let inner = condition(reader, entity, inner, depth.saturating_add(1))?;
        return Ok(Condition::Not(Box::new(inner)));
    }
    if let (Some(field), Some(operator)) = (text(parts, "field"), text(parts, "op")) {
        return comparison(reader, entity, field, operator, parts.get("value").unwrap_or(&Json::Null));
    }
    let equal = parts.iter().map(|(field, value)| comparison(reader, entity, field, "eq", value));
    equal.collect::<Result<_>>().map(Condition::All)
}

/// Records that refer to the one at hand.
fn referring(reader: &Reader<'_>, json: &Json, depth: usize) -> Result<Condition> {
    let refused = || Error::new(Code::InvalidFilter).rule("has takes {entity, by, where, valid_at}");
    let parts = json.as_object().ok_or_else(refused)?;
    if parts.keys().any(|name| !["entity", "by", "where", "valid_at"].contains(&name.as_str())) {
        return Err(refused());
    }
    let (entity, by) = text(parts, "entity").zip(text(parts, "by")).ok_or_else(refused)?;
    let entity = reader.registry().entity(entity)?;
    reader.visible(entity, &by.into())?;
    let inner = parts.get("where").unwrap_or(&Json::Null);
    let meets = condition(reader, entity, inner, depth.saturating_add(1));
    let meets = meets.map_err(|error| error.entity(&entity.api_name))?;
    let day = parts.get("valid_at").filter(|day| !day.is_null());
    let day = day.map(|day| day.as_str().ok_or_else(refused)).transpose()?;
    let meets = find_at(Find { filter: meets, ..Find::default() }, day)?.filter;
    Ok(Condition::of_some(&entity.api_name, by, meets))
}

fn text<'j>(parts: &'j Map<String, Json>, name: &str) -> Option<&'j str> {
    parts.get(name).and_then(Json::as_str)
}

fn comparison(
    reader: &Reader<'_>,
    entity: &Entity,
    name: &str,
    operator: &str,
    json: &Json,
) -> Result<Condition> {
    let selector = FieldSelector::Name(name.to_owned());
    let path = follow(reader, entity, name)?;
    let value = |json: &Json| value_at(reader, &path, name, json);
    let refused = |rule: &str| Error::new(Code::InvalidFilter).field(name).rule(rule);
    let list = |json: &Json| -> Result<Vec<Value>> {
        json.as_array().ok_or_else(|| refused("in"))?.iter().map(value).collect()
    };
    Ok(match operator {
        "is_null" => Condition::IsNull(selector),
        "in" => Condition::In(selector, list(json)?),
        "not_in" => Condition::Not(Box::new(Condition::In(selector, list(json)?))),
        "ne" => Condition::Not(Box::new(comparison(reader, entity, name, "eq", json)?)),
        "between" => match json.as_array().map(Vec::as_slice) {
            Some([low, high]) => Condition::All(vec![
                comparison(reader, entity, name, "ge", low)?,
                comparison(reader, entity, name, "le", high)?,
            ]),
            _ => return Err(refused("between takes a list of two values")),
        },
        "within" => {
            let period = json.as_str().and_then(Period::from_code);
            Condition::Within(selector, period.ok_or_else(|| refused("within"))?)
        }
        "near" => {
            let circle =
                circle_from_json(json).ok_or_else(|| refused("near takes {latitude, longitude, metres}"))?;
            Condition::Near(selector, circle.map_err(|error| error.field(name))?)
        }
        "under" => match value(json)? {
            Value::Id(root) => Condition::Under(selector, root),
            _ => return Err(refused("under takes a reference to the entity itself")),
        },
        _ => {
            let known = Comparison::ALL.iter().find(|(_, known)| *known == operator);
            let (comparison, _) = known.ok_or_else(|| refused("operator").value(operator))?;
            if json.is_null() && *comparison == Comparison::Equal {
                return Ok(Condition::IsNull(selector));
            }
            Condition::Compare(selector, *comparison, value(json)?)
        }
    })
}

/// A circle around a place; nothing where the JSON is none.
fn circle_from_json(json: &Json) -> Option<Result<Circle>> {
    let parts = json.as_object().filter(|parts| parts.len() == 3)?;
    let degrees = |name: &str| -> Option<Decimal> {
        match parts.get(name)? {
            Json::String(text) => text.parse().ok(),
            Json::Number(number) => number.to_string().parse().ok(),
            _ => None,
        }
    };
    let metres = u32::try_from(parts.get("metres")?.as_u64()?).ok()?;
    Some(Circle::around(degrees("latitude")?, degrees("longitude")?, metres))
}

/// A value for the field at the end of a path.
fn value_at(reader: &Reader<'_>, path: &Path<'_>, name: &str, json: &Json) -> Result<Value> {
    match path.entity.field_by_id(path.field) {
        Some(field) if field.definition.kind.is_worked_out() => {
            given_value(reader, &field.definition.kind, json).map_err(|error| error.field(name))
        }
        Some(field) => value_from_json(reader, field, json).map_err(|error| error.field(name)),
        None => system_value(reader, SystemField::from_id(path.field), name, json),
    }
}

/// A value that what is worked out is compared with.
fn given_value(reader: &Reader<'_>, kind: &FieldType, json: &Json) -> Result<Value> {
    let currency = reader.settings().currency()?;
    let wrong = || Error::new(Code::WrongType).rule(kind.name());
    match (kind.value_kind(), json) {
        (_, Json::Null) => Ok(Value::Null),
        (ValueKind::Bool, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (ValueKind::Money, Json::Object(parts)) => money(parts, currency).ok_or_else(wrong)?,
        (gives @ (ValueKind::Int | ValueKind::Decimal | ValueKind::Money), Json::Number(number)) => {
            // As for stored fields, fractions travel as text.
            let whole = number.as_i64().ok_or_else(wrong)?;
            parse_as(gives, &whole.to_string(), currency)
        }
        (gives, Json::String(text)) => parse_as(gives, text, currency),
        _ => Err(wrong()),
    }
}

fn system_value(reader: &Reader<'_>, field: Option<SystemField>, name: &str, json: &Json) -> Result<Value> {
    let wrong = || Error::new(Code::WrongType).field(name);
    let text = json.as_str().ok_or_else(wrong)?;
    match field {
        Some(SystemField::Owner) => owner_from_json(reader, json).map(Value::Id),
        Some(SystemField::Unit) => match text.parse() {
            Ok(id) => Ok(Value::Id(id)),
            Err(_) => one(reader.find_by_title("sys.unit", text)?, text).map(Value::Id),
        },
        _ => text.parse().map(Value::DateTime).map_err(|_| wrong()),
    }
}

/// A list from JSON: condition, order (`"-amount"` falls), limit and cursor.
pub(super) fn find_from_json(
    reader: &Reader<'_>,
    entity: &Entity,
    filter: &Json,
    sort: &[Json],
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Find> {
    let sort = sort.iter().map(|json| {
        let said =
            json.as_str().ok_or_else(|| Error::new(Code::InvalidArgument).field("sort").rule("text"))?;
        let (name, direction) = match said.strip_prefix('-') {
            Some(name) => (name, Direction::Descending),
            None => (said, Direction::Ascending),
        };
        reader.visible(entity, &name.into())?;
        Ok((FieldSelector::Name(name.to_owned()), direction))
    });
    Ok(Find {
        filter: condition_from_json(reader, entity, filter)?,
        sort: sort.collect::<Result<_>>()?,
        collation: Collation::default(),
        locale: None,
        limit: limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        after: cursor.map(cursor_from_text).transpose()?,
    })
}

/// The collation of a name; that by code points where none is said.
pub(super) fn collation_from_json(name: Option<&str>) -> Result<Collation> {
    name.map_or(Ok(Collation::default()), Collation::from_name)
}

/// A list of what holds on a day, if one is said.
pub(super) fn find_at(find: Find, day: Option<&str>) -> Result<Find> {
    Ok(match day_from_text("valid_at", day)? {
        Some(day) => find.valid_at(day),
        None => find,
    })
}

/// A day that a parameter names.
pub(super) fn day_from_text(name: &str, text: Option<&str>) -> Result<Option<Date>> {
    let wrong =
        |text: &str| Error::new(Code::InvalidArgument).field(name).rule("a day, as 2026-11-22").value(text);
    text.map(|text| text.parse().map_err(|_| wrong(text))).transpose()
}

/// How a list would be read, as JSON.
#[must_use]
pub fn explanation_to_json(entity: &Entity, explained: &Explanation) -> Json {
    let named = |fields: &[FieldId]| -> Vec<String> {
        fields.iter().map(|field| field_name(entity, *field)).collect()
    };
    let alternatives = explained.alternatives.iter();
    let alternatives = alternatives.map(|(index, used)| json!({"index": index, "components": named(used)}));
    json!({
        "index": explained.index,
        "components": named(&explained.components),
        "alternatives": alternatives.collect::<Vec<_>>(),
        "keys": explained.keys.map(|keys| json!({"about": keys.keys(), "from": keys.name()})),
        "ranges": explained.ranges,
        "lanes": explained.lanes,
        "residual": explained.residual,
        "order": if explained.streamed { "streamed" } else { "gathered" },
        "scan": explained.scan,
        "shared": explained.shared,
        "count": explained.count.name(),
    })
}

/// A page cursor as text.
pub(super) fn cursor_to_text(cursor: &impl serde::Serialize) -> Result<String> {
    let bytes = serde_json::to_vec(cursor).map_err(|error| Error::new(Code::Panic).because(error))?;
    Ok(hex(&bytes))
}

/// The cursor that a text stands for.
pub(super) fn cursor_from_text<C: serde::de::DeserializeOwned>(text: &str) -> Result<C> {
    unhex(text)
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| Error::new(Code::InvalidCursor))
}
