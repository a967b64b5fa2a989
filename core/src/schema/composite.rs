//! Values of several parts: lists of codes and references, rows, addresses, names of persons, points, JSON.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{
    Code, Currency, Decimal, Error, MAX_LIST_ITEMS, MAX_VALUE_DEPTH, Money, RecordId, Result, Value,
    ValueKind,
};
use crate::schema::expr::Expression;
use crate::schema::row_formulas::{formulas_of, work_out};
use crate::schema::validate::{in_calendar, known_code, normalize_kind, parse_kind, plain_text};
use crate::schema::{FieldType, PhoneRegion, RecordReference, RowColumn, person_name};

/// Parts of an address.
const ADDRESS: [&str; 8] =
    ["country", "region_code", "province", "city", "district", "street", "postal_code", "raw"];
/// Parts of a person's name.
const PERSON_NAME: [&str; 7] = ["full", "family", "given", "middle", "prefix", "suffix", "order"];

/// The value to store of a type whose values have parts.
///
/// # Errors
/// Those of [`crate::schema::normalize_value`].
pub(super) fn composite(kind: &FieldType, value: Value, region: PhoneRegion) -> Result<Value> {
    let value = bounded(value)?;
    match (kind, value) {
        (FieldType::Json, value) => Ok(value),
        (FieldType::MultiEnum { codes }, Value::List(items)) => {
            let chosen: BTreeSet<String> =
                items.into_iter().map(|item| text_of(item, kind)).collect::<Result<_>>()?;
            chosen.iter().try_for_each(|code| known_code(codes, code.clone()).map(|_| ()))?;
            // They stand in the order of the list, whatever the order in which they were chosen.
            let ordered = codes.iter().filter(|known| chosen.contains(&known.code));
            Ok(some_list(ordered.map(|known| Value::from(known.code.as_str())).collect()))
        }
        (FieldType::MultiReference { .. }, Value::List(items)) => {
            let mut seen = BTreeSet::new();
            let ids = items.into_iter().map(record_id).collect::<Result<Vec<_>>>()?;
            Ok(some_list(ids.into_iter().filter(|id| seen.insert(*id)).map(Value::Id).collect()))
        }
        (FieldType::AnyReference { entities }, Value::Map(parts)) => any_reference(entities, parts),
        (FieldType::Rows { columns }, Value::List(rows)) => {
            let formulas = formulas_of(columns)?;
            let rows = rows.into_iter().enumerate().map(|(number, given)| {
                row(columns, &formulas, given, region)
                    .map_err(|error| error.within(&(number + 1).to_string()))
            });
            Ok(some_list(rows.collect::<Result<_>>()?))
        }
        (FieldType::Address, Value::Text(raw)) => {
            texts(&ADDRESS, BTreeMap::from([("raw".into(), raw.into())]))
        }
        (FieldType::Address, Value::Map(parts)) => texts(&ADDRESS, parts),
        (FieldType::PersonName, Value::Text(full)) => Ok(person_name::taken_apart(&full)),
        (FieldType::PersonName, Value::Map(parts)) => Ok(person_name::completed(texts(&PERSON_NAME, parts)?)),
        (FieldType::GeoPoint, Value::Text(text)) => point(&text),
        (FieldType::GeoPoint, Value::Map(parts)) => geo_point(parts),
        (kind, _) => Err(Error::new(Code::WrongType).rule(kind.name())),
    }
}

/// Refuses what is too large or too deep to be stored.
fn bounded(value: Value) -> Result<Value> {
    measure(&value, MAX_VALUE_DEPTH)?;
    Ok(value)
}

fn measure(value: &Value, depth: usize) -> Result<()> {
    let fault = |rule: &str| Err(Error::new(Code::LimitExceeded).rule(rule));
    let deeper = || depth.checked_sub(1).ok_or_else(|| Error::new(Code::LimitExceeded).rule("nesting <= 16"));
    match value {
        Value::List(items) if items.len() > MAX_LIST_ITEMS => fault("items <= 1000"),
        Value::Map(parts) if parts.len() > MAX_LIST_ITEMS => fault("parts <= 1000"),
        Value::List(items) => {
            let depth = deeper()?;
            items.iter().try_for_each(|item| measure(item, depth))
        }
        Value::Map(parts) => {
            let depth = deeper()?;
            parts.iter().try_for_each(|(name, part)| {
                plain_text(name)?;
                measure(part, depth)
            })
        }
        Value::Text(text) => plain_text(text).map(|_| ()),
        Value::Opaque(_) => Err(Error::new(Code::WrongType).rule("opaque")),
        value => in_calendar(value),
    }
}

/// A list that has something, or no value.
fn some_list(items: Vec<Value>) -> Value {
    if items.is_empty() { Value::Null } else { Value::List(items) }
}

/// A map that has something, or no value.
fn some_map(parts: BTreeMap<String, Value>) -> Value {
    if parts.is_empty() { Value::Null } else { Value::Map(parts) }
}

fn text_of(value: Value, kind: &FieldType) -> Result<String> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(Error::new(Code::WrongType).rule(kind.name())),
    }
}

fn record_id(value: Value) -> Result<RecordId> {
    match value {
        Value::Id(id) => Ok(id),
        Value::Text(text) => text.parse(),
        _ => Err(Error::new(Code::WrongType).rule("reference")),
    }
}

fn any_reference(entities: &[String], mut parts: BTreeMap<String, Value>) -> Result<Value> {
    let (entity, id) = (parts.remove("entity"), parts.remove("id"));
    refuse_others(&parts)?;
    let entity = entity.and_then(|entity| entity.as_text().map(str::to_owned));
    let entity = entity.ok_or_else(|| Error::new(Code::WrongType).field("entity"))?;
    if !entities.contains(&entity) {
        return Err(Error::new(Code::NotInValueSet).field("entity").value(&entity));
    }
    let id = record_id(id.unwrap_or_default()).map_err(|error| error.within("id"))?;
    Ok(RecordReference { entity, id }.into())
}

/// One row: each column by its type, and nothing besides. What is worked out is worked out anew, whatever came.
fn row(
    columns: &[RowColumn],
    formulas: &[(&RowColumn, Expression)],
    given: Value,
    region: PhoneRegion,
) -> Result<Value> {
    let Value::Map(mut given) = given else { return Err(Error::new(Code::WrongType).rule("row")) };
    let mut row = BTreeMap::new();
    for column in columns {
        let value = given.remove(&column.name).unwrap_or_default();
        if column.kind.is_worked_out() {
            continue;
        }
        let typed = parse_plain(&column.kind, value);
        let typed = typed.and_then(|value| normalize_kind(&column.kind, value, region));
        match typed.map_err(|error| error.within(&column.name))? {
            Value::Null if column.required => return Err(Error::new(Code::Required).field(&column.name)),
            Value::Null => {}
            value => {
                row.insert(column.name.clone(), value);
            }
        }
    }
    refuse_others(&given)?;
    work_out(columns, formulas, &mut row);
    Ok(Value::Map(row))
}

fn refuse_others(parts: &BTreeMap<String, Value>) -> Result<()> {
    match parts.keys().next() {
        Some(name) => Err(Error::new(Code::UnknownField).field(name)),
        None => Ok(()),
    }
}

/// A map whose parts are texts of these names.
fn texts(names: &[&str], parts: BTreeMap<String, Value>) -> Result<Value> {
    let mut kept = BTreeMap::new();
    for (name, value) in parts {
        if !names.contains(&name.as_str()) {
            return Err(Error::new(Code::UnknownField).field(&name));
        }
        let text = match value {
            Value::Null => continue,
            Value::Text(text) => plain_text(text.trim())?,
            _ => return Err(Error::new(Code::WrongType).rule("text").field(&name)),
        };
        if !text.is_null() {
            kept.insert(name, text);
        }
    }
    check_country(&kept)?;
    check_order(&kept)?;
    Ok(some_map(kept))
}

/// A country is two capital letters, as ISO 3166-1 alpha-2 has them.
fn check_country(parts: &BTreeMap<String, Value>) -> Result<()> {
    let country = parts.get("country").and_then(Value::as_text);
    match country.filter(|code| code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_uppercase())) {
        Some(code) => {
            Err(Error::new(Code::WrongType).field("country").rule("ISO 3166-1 alpha-2").value(code))
        }
        None => Ok(()),
    }
}

/// The order of a name is one that [`person_name`] knows.
fn check_order(parts: &BTreeMap<String, Value>) -> Result<()> {
    let order = parts.get("order").and_then(Value::as_text);
    match order.filter(|order| !person_name::ORDERS.contains(order)) {
        Some(order) => Err(Error::new(Code::NotInValueSet).field("order").value(order)),
        None => Ok(()),
    }
}

fn point(text: &str) -> Result<Value> {
    let wrong = || Error::new(Code::WrongType).rule("latitude, longitude").value(text);
    let (latitude, longitude) = text.split_once([',', '，']).ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<Decimal>().map(Value::Decimal).map_err(|_| wrong());
    let parts = [("latitude", number(latitude)?), ("longitude", number(longitude)?)];
    geo_point(parts.map(|(name, value)| (name.to_owned(), value)).into())
}

fn geo_point(mut given: BTreeMap<String, Value>) -> Result<Value> {
    let mut parts = BTreeMap::new();
    for (name, most) in [("latitude", 90), ("longitude", 180)] {
        let degrees = match parse_plain(&FieldType::Decimal, given.remove(name).unwrap_or_default())? {
            Value::Decimal(degrees) => degrees,
            Value::Int(degrees) => Decimal::from(degrees),
            _ => return Err(Error::new(Code::WrongType).rule("decimal").field(name)),
        };
        if degrees < Decimal::from(-most) || degrees > Decimal::from(most) {
            return Err(Error::new(Code::OutOfRange).rule("degrees of WGS 84").field(name));
        }
        parts.insert(name.to_owned(), Value::Decimal(degrees));
    }
    refuse_others(&given)?;
    Ok(Value::Map(parts))
}

/// A typed value where a part came as JSON writes it: days, decimals and amounts as text.
fn parse_plain(kind: &FieldType, value: Value) -> Result<Value> {
    match (kind, value) {
        (FieldType::Money, Value::Map(parts)) => {
            let amount = parse_plain(&FieldType::Decimal, parts.get("amount").cloned().unwrap_or_default())?;
            let currency =
                Currency::from_code(parts.get("currency").and_then(Value::as_text).unwrap_or_default())?;
            match normalize_kind(&FieldType::Decimal, amount, PhoneRegion::INTERNATIONAL)? {
                Value::Decimal(amount) => Ok(Value::Money(Money::new(amount, currency))),
                _ => Err(Error::new(Code::WrongType).rule("money").field("amount")),
            }
        }
        (FieldType::Money, Value::Text(text)) => text.parse().map(Value::Money),
        (kind, Value::Text(text)) if !matches!(kind.value_kind(), ValueKind::Text | ValueKind::Map) => {
            // The currency counts for amounts only, which are read above.
            parse_kind(kind, text.trim(), Currency::CNY)
        }
        (_, value) => Ok(value),
    }
}
