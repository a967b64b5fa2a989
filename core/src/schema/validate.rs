//! Turns what callers send into what is stored: the field's type checked, its text normalised.

use std::str::FromStr;

use crate::base::{
    Code, Currency, Date, Decimal, Error, MAX_TEXT_BYTES, Money, RecordId, Result, Timestamp, Value,
    normalize,
};
use crate::schema::{Field, FieldType};

/// Checks a value against its field and gives the value to store.
///
/// # Errors
/// `schema.wrong_type`, `schema.not_in_value_set`, `schema.invalid_email`, `schema.out_of_range`,
/// `input.limit_exceeded`, each naming the field.
pub fn normalize_value(field: &Field, value: Value) -> Result<Value> {
    let normalized = match (&field.definition.kind, value) {
        (_, Value::Null) => Ok(Value::Null),
        (FieldType::Text, Value::Text(text)) => plain_text(&text),
        (FieldType::Enum { codes }, Value::Text(code)) => {
            let known = codes.iter().any(|known| known.code == code);
            if known { Ok(Value::Text(code)) } else { Err(Error::new(Code::NotInValueSet).value(&code)) }
        }
        (FieldType::Phone, Value::Text(text)) => plain_text(&phone(&text)),
        (FieldType::Email, Value::Text(text)) => email(&text),
        (FieldType::Bool, value @ Value::Bool(_))
        | (FieldType::Int, value @ Value::Int(_))
        | (FieldType::Decimal, value @ Value::Decimal(_))
        | (FieldType::Money, value @ Value::Money(_))
        | (FieldType::Date, value @ Value::Date(_))
        | (FieldType::DateTime, value @ Value::DateTime(_))
        | (FieldType::Reference { .. }, value @ Value::Id(_)) => Ok(value),
        (FieldType::Decimal, Value::Int(number)) => Ok(Value::Decimal(Decimal::from(number))),
        (kind, _) => Err(Error::new(Code::WrongType).rule(kind.name())),
    };
    normalized.map_err(|error| error.field(&field.api_name))
}

/// Reads a value of a field from text, as CSV, JSON strings and command lines give it. Empty text is
/// no value. Money may come without currency: then it is in `base_currency`. References are read as
/// ids only.
///
/// # Errors
/// `schema.wrong_type` and the like, naming the field.
pub fn parse_text(field: &Field, text: &str, base_currency: Currency) -> Result<Value> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Ok(Value::Null);
    }
    let value = match &field.definition.kind {
        FieldType::Text | FieldType::Enum { .. } | FieldType::Phone | FieldType::Email => {
            Ok(Value::Text(trimmed.to_owned()))
        }
        FieldType::Bool => boolean(trimmed),
        FieldType::Int => trimmed
            .parse::<i64>()
            .map(Value::Int)
            .map_err(|_| Error::new(Code::WrongType).rule("int").value(trimmed)),
        FieldType::Decimal => Decimal::from_str(trimmed).map(Value::Decimal),
        FieldType::Money => money(trimmed, base_currency).map(Value::Money),
        FieldType::Date => Date::from_str(trimmed).map(Value::Date),
        FieldType::DateTime => Timestamp::from_str(trimmed).map(Value::DateTime),
        FieldType::Reference { .. } => RecordId::from_str(trimmed).map(Value::Id),
    };
    value.map_err(|error| error.field(&field.api_name))
}

fn plain_text(text: &str) -> Result<Value> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(Error::new(Code::LimitExceeded).rule("text <= 1 MiB"));
    }
    let normalized = normalize(text);
    Ok(if normalized.is_empty() { Value::Null } else { Value::Text(normalized) })
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

/// A phone number in E.164 by the tables of libphonenumber, numbers without country code read as
/// Chinese; what does not parse or is no valid number is kept as it came.
fn phone(text: &str) -> String {
    mainland_mobile(text).unwrap_or_else(|| phone_by_tables(text))
}

/// A mobile number of mainland China in E.164, and nothing for every other text. These are most of what
/// hosts store here, and the tables answer each with several regular expressions, which take longer than
/// the rest of a record together. The prefixes are those of libphonenumber's metadata for the region CN.
fn mainland_mobile(text: &str) -> Option<String> {
    let national = text.strip_prefix("+86").unwrap_or(text);
    let mut digits = String::with_capacity(14);
    digits.push_str("+86");
    digits.extend(national.chars().filter(|character| !matches!(character, ' ' | '-')));
    let number = digits.get(3..).filter(|number| number.len() == 11)?.as_bytes();
    let mobile = match number {
        [b'1', b'3' | b'8', ..] => true,
        [b'1', b'5' | b'9', third, ..] => *third != b'4',
        [b'1', b'4', third, ..] => matches!(third, b'5' | b'7'),
        [b'1', b'6', third, ..] => matches!(third, b'2' | b'5' | b'6' | b'7'),
        [b'1', b'7', third, ..] => !matches!(third, b'4' | b'9'),
        _ => false,
    };
    (mobile && number.iter().all(u8::is_ascii_digit)).then_some(digits)
}

fn phone_by_tables(text: &str) -> String {
    let parsed = std::panic::catch_unwind(|| phonenumber::parse(Some(phonenumber::country::Id::CN), text));
    match parsed {
        Ok(Ok(number)) if phonenumber::is_valid(&number) => {
            number.format().mode(phonenumber::Mode::E164).to_string()
        }
        _ => text.trim().to_owned(),
    }
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
    fn one_phone_written_in_many_ways_is_one_number() {
        for written in ["13812345678", "+86 138 1234 5678", "0086-138-1234-5678", "138-1234-5678"] {
            assert_eq!(phone(written), "+8613812345678", "{written}");
        }
    }

    #[test]
    fn the_short_way_to_a_mobile_number_ends_where_the_tables_do() {
        for prefix in 100..1_000 {
            for written in [
                format!("{prefix}12345678"),
                format!("+86{prefix}12345678"),
                format!("+86 {prefix}-1234 5678"),
                format!("{prefix} 0000 0000"),
                format!("{prefix}1234567"),
                format!("{prefix}123456789"),
            ] {
                if let Some(number) = mainland_mobile(&written) {
                    assert_eq!(number, phone_by_tables(&written), "{written}");
                }
            }
        }
        for prefix in ["130", "147", "159", "166", "173", "189", "198"] {
            assert!(mainland_mobile(&format!("{prefix}12345678")).is_some(), "{prefix}");
        }
        for text in
            ["", "1", "+86", "-", "１3812345678", "1381234567x", "+8613812345678 ext. 5", "138123456789"]
        {
            assert_eq!(mainland_mobile(text), None, "{text}");
        }
    }

    #[test]
    fn a_phone_that_does_not_parse_is_kept_as_it_came() {
        assert_eq!(phone("ask at the desk"), "ask at the desk");
        assert_eq!(phone("12"), "12");
    }

    #[test]
    fn an_address_without_domain_is_refused() {
        for text in ["lin", "lin@", "@jiaxi.cn", "lin@jiaxi", "Lin <lin@jiaxi.cn>"] {
            assert_eq!(email(text).unwrap_err().code(), Code::InvalidEmail, "{text}");
        }
        assert_eq!(email(" lin@JiaXi.cn ").unwrap(), Value::Text("lin@jiaxi.cn".into()));
    }
}
