//! Values as JSON, where no field says of which type they are.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::base::{Code, Error, MAX_JSON_BYTES, Result, Value};

impl Value {
    /// The value that JSON text says, as [`Value::from_json`] has it.
    ///
    /// # Errors
    /// `input.invalid_json`, `input.limit_exceeded`, `schema.out_of_range`.
    pub fn from_json_text(text: &str) -> Result<Self> {
        if text.len() > MAX_JSON_BYTES {
            return Err(Error::new(Code::LimitExceeded).rule("JSON <= 16 MiB"));
        }
        let json =
            serde_json::from_str(text).map_err(|error| Error::new(Code::InvalidJson).because(error))?;
        Self::from_json(&json)
    }

    /// The value that JSON says without knowing a type: texts, whole numbers, decimals for fractions, lists
    /// and maps.
    ///
    /// # Errors
    /// `schema.out_of_range` for a number that no decimal holds.
    pub fn from_json(json: &Json) -> Result<Self> {
        Ok(match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Self::Int(whole),
                // The shortest digits that give the fraction back are what its writer wrote.
                None => Self::Decimal(number.to_string().parse().map_err(|_| {
                    Error::new(Code::OutOfRange).rule("number of JSON").value(&number.to_string())
                })?),
            },
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::from_json).collect::<Result<_>>()?),
            Json::Object(parts) => {
                let parts = parts.iter().map(|(name, part)| Ok((name.clone(), Self::from_json(part)?)));
                Self::Map(parts.collect::<Result<_>>()?)
            }
        })
    }

    /// The value as JSON: decimals, days, moments, times and ids as text, money as `{"amount", "currency"}`, and what
    /// this engine does not know as `{"opaque"}` with base64.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::from(*value),
            Self::Int(number) => Json::from(*number),
            Self::Text(text) => Json::from(text.as_str()),
            Self::Decimal(number) => Json::from(number.to_string()),
            Self::Money(money) => json!({
                "amount": money.amount.to_string(),
                "currency": money.currency.code(),
            }),
            Self::Date(day) => Json::from(day.to_string()),
            Self::DateTime(moment) => Json::from(moment.to_string()),
            Self::Id(id) => Json::from(id.to_string()),
            Self::Time(time) => Json::from(time.to_string()),
            Self::Duration(length) => Json::from(length.to_string()),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(parts) => parts.iter().map(|(name, part)| (name.clone(), part.to_json())).collect(),
            Self::Opaque(opaque) => json!({ "opaque": opaque.to_base64() }),
        }
    }
}

impl fmt::Display for Value {
    /// The value as people and tables write it: nothing for no value, text as it is, lists and maps as JSON.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Money(money) => money.fmt(formatter),
            value => match value.to_json() {
                Json::String(text) => formatter.write_str(&text),
                json => json.fmt(formatter),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_json_comes_back_as_it_was_written() {
        for text in [r#"{"a":[1,"二",null,true,{"b":-7}],"c":""}"#, "[]", "null", "9223372036854775807"] {
            let json: Json = serde_json::from_str(text).unwrap();
            assert_eq!(Value::from_json(&json).unwrap().to_json(), json);
        }
    }

    #[test]
    fn fractions_are_exact_and_what_no_decimal_holds_is_refused() {
        let read = |text: &str| Value::from_json(&serde_json::from_str(text).unwrap());
        assert_eq!(read("0.1").unwrap(), Value::Decimal("0.1".parse().unwrap()));
        assert_eq!(read("-2.50").unwrap(), Value::Decimal("-2.5".parse().unwrap()));
        assert_eq!(read("1e300").unwrap_err().code(), Code::OutOfRange);
    }
}
