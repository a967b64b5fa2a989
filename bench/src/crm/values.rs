//! Values of Guanxi as a host holds them.

use guanxi::Value;

use crate::harness::Outcome;

/// A text.
pub fn text(value: Value) -> Outcome<String> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(format!("a text was expected, not {other:?}").into()),
    }
}

/// A text, copied.
pub fn text_of(value: &Value) -> Outcome<String> {
    Ok(value.as_text().ok_or_else(|| format!("a text was expected, not {value:?}"))?.to_owned())
}

/// An amount of money in whole units.
pub fn yuan(value: &Value) -> Outcome<i64> {
    match value {
        Value::Money(money) => {
            let unit = 10_i128.pow(money.amount.scale());
            Ok(i64::try_from(money.amount.mantissa() / unit)?)
        }
        other => Err(format!("an amount was expected, not {other:?}").into()),
    }
}

/// A moment in microseconds since 1970.
pub fn moment(value: &Value) -> Outcome<i64> {
    match value {
        Value::DateTime(moment) => Ok(moment.micros()),
        other => Err(format!("a moment was expected, not {other:?}").into()),
    }
}
