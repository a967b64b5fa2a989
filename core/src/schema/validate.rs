//! Turns what callers send into what is stored: the field's type checked, its text normalised.

use std::str::FromStr;

use crate::base::{
    Code, Currency, Date, Decimal, Duration, Error, MAX_TEXT_BYTES, Money, RecordId, Result, Time, Timestamp,
    Value, ValueKind, fold, normalize,
};
use crate::schema::composite::composite;
use crate::schema::phone::phone;
use crate::schema::{EnumCode, Field, FieldType, PhoneRegion};

/// Checks a value against its field and gives the value to store. Values within lists and maps may come as
/// text, as JSON gives them, where their type is written as text. Phone numbers without country code are read by
/// the dialling rules of a region.
///
/// # Errors
/// `schema.wrong_type`, `schema.not_in_value_set`, `schema.invalid_email`, `schema.invalid_url`,
/// `schema.invalid_identifier`, `schema.out_of_range`, `schema.required` for a column,
/// `input.limit_exceeded`, each naming the field.
pub fn normalize_value(field: &Field, value: Value, region: PhoneRegion) -> Result<Value> {
    let value = field.spelled(value);
    normalize_kind(&field.definition.kind, value, region).map_err(|error| error.within(&field.api_name))
}

/// The value to store, by the type alone.
pub(super) fn normalize_kind(kind: &FieldType, value: Value, region: PhoneRegion) -> Result<Value> {
    match (kind, value) {
        (FieldType::Opaque(opaque), _) => Err(not_known(&opaque.said)),
        (_, Value::Null) => Ok(Value::Null),
        (FieldType::Text | FieldType::RichText | FieldType::Serial { .. }, Value::Text(text)) => {
            plain_text(&text)
        }
        (FieldType::Enum { codes }, Value::Text(code)) => known_code(codes, code),
        (FieldType::Phone, Value::Text(text)) => phone_text(&text, region),
        (FieldType::Email, Value::Text(text)) => email(&text),
        (FieldType::Url, Value::Text(text)) => absolute_url(&text),
        (FieldType::Identifier { scheme }, Value::Text(text)) => scheme.normalize(&text).map(Value::Text),
        (FieldType::Decimal | FieldType::Percent, Value::Int(number)) => {
            Ok(Value::Decimal(Decimal::from(number)))
        }
        (kind, _) if kind.is_worked_out() => Err(Error::new(Code::ReadOnlyField).rule(kind.name())),
        (
            FieldType::MultiEnum { .. }
            | FieldType::MultiReference { .. }
            | FieldType::AnyReference { .. }
            | FieldType::Rows { .. }
            | FieldType::Address
            | FieldType::PersonName
            | FieldType::GeoPoint
            | FieldType::Json,
            value,
        ) => composite(kind, value, region),
        (kind, value) if value.kind() == kind.value_kind() && value.kind() != ValueKind::Text => {
            in_calendar(&value)?;
            Ok(value)
        }
        (kind, _) => Err(Error::new(Code::WrongType).rule(kind.name())),
    }
}

/// A field of a type that only a newer engine understands can be read, and neither set nor asked by.
pub(super) fn not_known(said: &str) -> Error {
    Error::new(Code::NewerFormat).rule(&format!("type {said}"))
}

/// Reads a value of a field from text, as CSV, JSON strings and command lines give it. Empty text is
/// no value. Money may come without currency: then it is in `base_currency`. A code is named by itself or by its
/// label; a day may be written as the midnight with which it begins. References are read as ids only; several codes or ids stand between semicolons, a point as `latitude, longitude`, and rows
/// as JSON.
///
/// # Errors
/// `schema.wrong_type` and the like, naming the field.
pub fn parse_text(field: &Field, text: &str, base_currency: Currency) -> Result<Value> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Ok(Value::Null);
    }
    // What does not parse is kept with the white space that it was written with.
    if field.definition.kind == FieldType::Phone {
        return Ok(Value::Text(text.to_owned()));
    }
    parse_kind(&field.definition.kind, trimmed, base_currency).map_err(|error| error.field(&field.api_name))
}

/// Reads a value of a kind from text, as [`parse_text`] reads that of a field.
///
/// # Errors
/// `schema.wrong_type` and the like.
pub fn parse_as(kind: ValueKind, text: &str, base_currency: Currency) -> Result<Value> {
    let kind = match kind {
        ValueKind::Bool => FieldType::Bool,
        ValueKind::Int => FieldType::Int,
        ValueKind::Decimal => FieldType::Decimal,
        ValueKind::Money => FieldType::Money,
        ValueKind::Date => FieldType::Date,
        ValueKind::DateTime => FieldType::DateTime,
        ValueKind::Time => FieldType::Time,
        ValueKind::Duration => FieldType::Duration,
        ValueKind::Id => FieldType::Attachment,
        ValueKind::List | ValueKind::Map => FieldType::Json,
        ValueKind::Opaque => return Err(Error::new(Code::WrongType).rule("opaque")),
        ValueKind::Null | ValueKind::Text => return Ok(Value::Text(text.to_owned())),
    };
    parse_kind(&kind, text.trim(), base_currency)
}

/// Reads a value of a type from text without white space around it.
pub(super) fn parse_kind(kind: &FieldType, trimmed: &str, base_currency: Currency) -> Result<Value> {
    match kind {
        FieldType::Opaque(opaque) => Err(not_known(&opaque.said)),
        FieldType::Bool => boolean(trimmed),
        FieldType::Int => trimmed
            .parse::<i64>()
            .map(Value::Int)
            .map_err(|_| Error::new(Code::WrongType).rule("int").value(trimmed)),
        FieldType::Decimal => Decimal::from_str(trimmed).map(Value::Decimal),
        FieldType::Percent => {
            Decimal::from_str(trimmed.trim_end_matches(['%', '％', ' '])).map(Value::Decimal)
        }
        FieldType::Money => money(trimmed, base_currency).map(Value::Money),
        FieldType::Date => Date::from_str(without_midnight(trimmed)).map(Value::Date),
        FieldType::Enum { codes } => Ok(Value::from(code_of(codes, trimmed))),
        FieldType::MultiEnum { codes } => {
            Ok(Value::List(items_of(trimmed).map(|item| Value::from(code_of(codes, item))).collect()))
        }
        FieldType::DateTime => Timestamp::from_str(trimmed).map(Value::DateTime),
        FieldType::Time => Time::from_str(trimmed).map(Value::Time),
        FieldType::Duration => Duration::from_str(trimmed).map(Value::Duration),
        FieldType::Reference { .. } | FieldType::Attachment => RecordId::from_str(trimmed).map(Value::Id),
        FieldType::MultiReference { .. } => Ok(Value::List(items_of(trimmed).map(Value::from).collect())),
        FieldType::Rows { .. } | FieldType::Json | FieldType::AnyReference { .. } => {
            Value::from_json_text(trimmed)
        }
        _ => Ok(Value::Text(trimmed.to_owned())),
    }
}

fn items_of(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', '；']).map(str::trim).filter(|item| !item.is_empty())
}

/// The code that a text names, by itself or by its label in either language; the text where it names none.
fn code_of<'t>(codes: &'t [EnumCode], text: &'t str) -> &'t str {
    let wanted = fold(text);
    let labelled = |code: &&EnumCode| fold(&code.label.zh) == wanted || fold(&code.label.en) == wanted;
    let known = codes.iter().find(|code| code.code == text).or_else(|| codes.iter().find(labelled));
    known.map_or(text, |code| code.code.as_str())
}

/// A day that another system writes as the midnight with which it begins, as `1996-07-04 00:00:00.000`.
fn without_midnight(text: &str) -> &str {
    let Some((day, time)) = text.split_once([' ', 'T']) else { return text };
    let fraction = time.strip_prefix("00:00:00");
    let is_midnight = |rest: &str| rest.chars().all(|digit| matches!(digit, '.' | '0'));
    if fraction.is_some_and(is_midnight) { day } else { text }
}

/// The code, if it is one of the list that may be chosen or was once.
pub(super) fn known_code(codes: &[EnumCode], code: String) -> Result<Value> {
    match codes.iter().any(|known| known.code == code) {
        true => Ok(Value::Text(code)),
        false => Err(Error::new(Code::NotInValueSet).value(&code)),
    }
}

fn absolute_url(text: &str) -> Result<Value> {
    let parsed = url::Url::parse(text.trim()).ok().filter(url::Url::has_host);
    let parsed = parsed.ok_or_else(|| Error::new(Code::InvalidUrl).value(text))?;
    plain_text(parsed.as_str())
}

/// Refuses a moment that no calendar has, since nobody could read it.
pub(super) fn in_calendar(value: &Value) -> Result<()> {
    match value {
        Value::DateTime(moment) if !moment.is_in_calendar() => {
            Err(Error::new(Code::OutOfRange).rule("years -9999 to 9999"))
        }
        _ => Ok(()),
    }
}

pub(super) fn plain_text(text: &str) -> Result<Value> {
    let too_long = |text: &str| text.len() > MAX_TEXT_BYTES;
    let refused = || Error::new(Code::LimitExceeded).rule("text <= 1 MiB");
    if too_long(text) {
        return Err(refused());
    }
    let normalized = normalize(text);
    // There are letters that form C writes as two.
    if too_long(&normalized) {
        return Err(refused());
    }
    Ok(if normalized.is_empty() { Value::Null } else { Value::Text(normalized) })
}

/// A phone number; one that does not parse not even in another Unicode form.
fn phone_text(text: &str, region: PhoneRegion) -> Result<Value> {
    plain_text(text)?;
    Ok(if text.trim().is_empty() { Value::Null } else { Value::Text(phone(text, region)) })
}

fn boolean(text: &str) -> Result<Value> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "1" | "是" => Ok(Value::Bool(true)),
        "false" | "no" | "0" | "否" => Ok(Value::Bool(false)),
        _ => Err(Error::new(Code::WrongType).rule("bool").value(text)),
    }
}

fn money(text: &str, base_currency: Currency) -> Result<Money> {
    if text.contains(' ') {
        return Money::from_str(text);
    }
    Ok(Money::new(Decimal::from_str(text)?, base_currency))
}

/// Whether a text is an e-mail address that a field would take.
#[must_use]
pub fn is_email(text: &str) -> bool {
    email(text).is_ok()
}

fn email(text: &str) -> Result<Value> {
    let options = email_address::Options::default().without_display_text().with_required_tld();
    let trimmed = text.trim();
    let address = email_address::EmailAddress::parse_with_options(trimmed, options)
        .map_err(|_| Error::new(Code::InvalidEmail).value(trimmed))?;
    Ok(Value::Text(format!("{}@{}", address.local_part(), address.domain().to_lowercase())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_domain_is_refused() {
        for text in ["lin", "lin@", "@jiaxi.cn", "lin@jiaxi", "Lin <lin@jiaxi.cn>"] {
            assert_eq!(email(text).unwrap_err().code(), Code::InvalidEmail, "{text}");
        }
        assert_eq!(email(" lin@JiaXi.cn ").unwrap(), Value::Text("lin@jiaxi.cn".into()));
    }
}
