//! Values and texts between the engine and a plugin.

use guanxi::base::{
    Code, Currency, Date, Decimal, Duration, Error, Money, RecordId, Result, Time, Timestamp, Value,
};
use guanxi_plugin_abi as abi;

use crate::lent::Lent;
use guanxi_plugin_abi::{guanxi_decimal, guanxi_str, guanxi_value};

/// Longest text that is taken from a plugin, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// Copies a text of a plugin's.
///
/// # Safety
/// `data` is null or the address of `length` bytes that stay as they are during the call.
pub(crate) unsafe fn text(view: guanxi_str) -> Result<String> {
    // SAFETY: the caller vouches for the bytes, and the copy is made before anything else.
    unsafe { borrowed(view) }.map(str::to_owned)
}

/// Looks at a text of a plugin's.
///
/// # Safety
/// As [`text`], for as long as the text is looked at.
pub(crate) unsafe fn borrowed<'t>(view: guanxi_str) -> Result<&'t str> {
    if view.length == 0 {
        return Ok("");
    }
    if view.data.is_null() {
        return Err(Error::new(Code::NullArgument));
    }
    if view.length > MAX_TEXT {
        return Err(Error::new(Code::LimitExceeded).rule("text <= 1 MiB"));
    }
    // SAFETY: the caller vouches for the bytes; the address is not null.
    let bytes = unsafe { std::slice::from_raw_parts(view.data.cast::<u8>(), view.length) };
    std::str::from_utf8(bytes).map_err(|error| Error::new(Code::InvalidUtf8).because(error))
}

/// A value for a plugin; its text is kept in `lent`.
pub(crate) fn lend(value: &Value, lent: &mut Lent) -> guanxi_value {
    match value {
        Value::Null => guanxi_value::NULL,
        Value::Bool(value) => guanxi_value::of_integer(abi::GUANXI_VALUE_BOOL, i64::from(*value)),
        Value::Int(number) => guanxi_value::of_integer(abi::GUANXI_VALUE_INT, *number),
        Value::Date(day) => guanxi_value::of_integer(abi::GUANXI_VALUE_DATE, i64::from(day.days())),
        Value::DateTime(at) => guanxi_value::of_integer(abi::GUANXI_VALUE_DATETIME, at.micros()),
        Value::Decimal(number) => {
            guanxi_value::of_decimal(abi::GUANXI_VALUE_DECIMAL, decimal(*number, [0; 3]))
        }
        Value::Money(money) => {
            let code = money.currency.code().as_bytes().first_chunk::<3>().copied().unwrap_or_default();
            guanxi_value::of_decimal(abi::GUANXI_VALUE_MONEY, decimal(money.amount, code))
        }
        Value::Id(id) => guanxi_value::of_id(*id.as_bytes()),
        Value::Time(time) => guanxi_value::of_integer(abi::GUANXI_VALUE_TIME, time.micros()),
        Value::Duration(length) => guanxi_value::of_integer(abi::GUANXI_VALUE_DURATION, length.micros()),
        Value::Text(text) => guanxi_value::of_text(abi::GUANXI_VALUE_TEXT, lent.lend(text)),
        parts @ (Value::List(_) | Value::Map(_) | Value::Opaque(_)) => {
            let json = parts.to_json().to_string().into_boxed_str();
            guanxi_value::of_text(abi::GUANXI_VALUE_JSON, lent.lend_own(json))
        }
    }
}

/// Copies a value of a plugin's.
///
/// # Safety
/// As [`text`] for a value that holds one.
pub(crate) unsafe fn take(value: &guanxi_value) -> Result<Value> {
    let wrong = |rule: &str| Error::new(Code::WrongType).rule(rule);
    // SAFETY: every member of the union is plain numbers or an address that is not followed here, and
    // any bytes are good ones for them.
    let (integer, number, view, id) =
        unsafe { (value.content.integer, value.content.decimal, value.content.text, value.content.id) };
    match value.kind {
        abi::GUANXI_VALUE_NULL => Ok(Value::Null),
        abi::GUANXI_VALUE_BOOL => Ok(Value::Bool(integer != 0)),
        abi::GUANXI_VALUE_INT => Ok(Value::Int(integer)),
        abi::GUANXI_VALUE_DATE => {
            let days = i32::try_from(integer).map_err(|_| wrong("date"))?;
            Date::from_days(days).map(Value::Date)
        }
        abi::GUANXI_VALUE_DATETIME => Ok(Value::DateTime(Timestamp::from_micros(integer))),
        abi::GUANXI_VALUE_DECIMAL if number.currency == [0; 3] => exact(number).map(Value::Decimal),
        abi::GUANXI_VALUE_MONEY => {
            let code = std::str::from_utf8(&number.currency).map_err(|_| wrong("currency"))?;
            Ok(Value::Money(Money::new(exact(number)?, Currency::from_code(code)?)))
        }
        abi::GUANXI_VALUE_ID => Ok(Value::Id(RecordId::from_bytes(id))),
        // SAFETY: the kind says that the text counts, for which the caller vouches.
        abi::GUANXI_VALUE_TEXT => unsafe { text(view) }.map(Value::Text),
        abi::GUANXI_VALUE_TIME => Time::from_micros(integer).map(Value::Time),
        abi::GUANXI_VALUE_DURATION => Ok(Value::Duration(Duration::from_micros(integer))),
        abi::GUANXI_VALUE_JSON => {
            // SAFETY: as for text.
            Value::from_json_text(&unsafe { text(view) }?)
        }
        _ => Err(wrong("kind of value")),
    }
}

fn decimal(number: Decimal, currency: [u8; 3]) -> guanxi_decimal {
    let mantissa = number.mantissa();
    let magnitude = mantissa.unsigned_abs();
    let sign = if mantissa < 0 { abi::GUANXI_DECIMAL_NEGATIVE } else { 0 };
    guanxi_decimal {
        low: u64::try_from(magnitude & u128::from(u64::MAX)).unwrap_or(0),
        high: u32::try_from(magnitude >> 64).unwrap_or(0),
        scale_and_sign: u8::try_from(number.scale()).unwrap_or(0) | sign,
        currency,
    }
}

fn exact(number: guanxi_decimal) -> Result<Decimal> {
    let magnitude = (i128::from(number.high) << 64) | i128::from(number.low);
    let negative = number.scale_and_sign & abi::GUANXI_DECIMAL_NEGATIVE != 0;
    let scale = u32::from(number.scale_and_sign & abi::GUANXI_DECIMAL_SCALE);
    Decimal::new(if negative { -magnitude } else { magnitude }, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_goes_to_a_plugin_and_back() {
        let amount: Decimal = "-79228162514264337593543950335".parse().unwrap();
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Text("关系".into()),
            Value::Decimal("0.000000000000000001".parse().unwrap()),
            Value::Money(Money::new(amount, Currency::CNY)),
            Value::Date("2026-11-22".parse().unwrap()),
            Value::DateTime(Timestamp::from_micros(-1)),
            Value::Id(RecordId::from_bytes([7; 16])),
            Value::Time("08:30".parse().unwrap()),
            Value::Duration(Duration::from_micros(-1)),
            Value::List(vec![Value::Int(1), Value::Map([("二".to_owned(), Value::Bool(true))].into())]),
        ];
        for value in values {
            let mut lent = Lent::take();
            let there = lend(&value, &mut lent);
            // SAFETY: the text is kept in `lent`.
            assert_eq!(unsafe { take(&there) }.unwrap(), value);
        }
    }
}
