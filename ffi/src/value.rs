//! Values between C's 24 bytes and the engine's own types.

use guanxi_core::base::{Duration, Time, ValueKind};
use guanxi_core::schema::FieldType;
use guanxi_core::{Code, Currency, Date, Decimal, Error, Money, RecordId, Result, Timestamp, Value};
use guanxi_plugin_abi::{
    GUANXI_DECIMAL_NEGATIVE, GUANXI_DECIMAL_SCALE, GUANXI_VALUE_BOOL, GUANXI_VALUE_DATE,
    GUANXI_VALUE_DATETIME, GUANXI_VALUE_DECIMAL, GUANXI_VALUE_DURATION, GUANXI_VALUE_ID, GUANXI_VALUE_INT,
    GUANXI_VALUE_JSON, GUANXI_VALUE_MONEY, GUANXI_VALUE_NULL, GUANXI_VALUE_TEXT, GUANXI_VALUE_TIME,
    guanxi_decimal, guanxi_str, guanxi_value, guanxi_value_kind,
};

/// The kind of value that a field of this type holds.
pub(crate) fn kind_of(field: &FieldType) -> guanxi_value_kind {
    match field.value_kind() {
        ValueKind::Null => GUANXI_VALUE_NULL,
        ValueKind::Bool => GUANXI_VALUE_BOOL,
        ValueKind::Int => GUANXI_VALUE_INT,
        ValueKind::Decimal => GUANXI_VALUE_DECIMAL,
        ValueKind::Money => GUANXI_VALUE_MONEY,
        ValueKind::Text => GUANXI_VALUE_TEXT,
        ValueKind::Date => GUANXI_VALUE_DATE,
        ValueKind::DateTime => GUANXI_VALUE_DATETIME,
        ValueKind::Id => GUANXI_VALUE_ID,
        ValueKind::Time => GUANXI_VALUE_TIME,
        ValueKind::Duration => GUANXI_VALUE_DURATION,
        ValueKind::List | ValueKind::Map | ValueKind::Opaque => GUANXI_VALUE_JSON,
    }
}

/// A list, a map, or what only a newer engine knows, as JSON text, which somebody has to keep while C reads it; nothing
/// for other values.
pub(crate) fn document(value: &Value) -> Option<String> {
    matches!(value, Value::List(_) | Value::Map(_) | Value::Opaque(_)).then(|| value.to_json().to_string())
}

/// A value of kind JSON, which borrows its text.
pub(crate) fn json_to_c(document: &str) -> guanxi_value {
    guanxi_value::of_text(GUANXI_VALUE_JSON, guanxi_str::of(document))
}

/// A value as C reads it; text in it is borrowed from the value. Lists and maps go by [`json_to_c`].
pub(crate) fn to_c(value: &Value) -> guanxi_value {
    let integer = guanxi_value::of_integer;
    match value {
        Value::Null => guanxi_value::NULL,
        Value::Bool(value) => integer(GUANXI_VALUE_BOOL, i64::from(*value)),
        Value::Int(number) => integer(GUANXI_VALUE_INT, *number),
        Value::Decimal(number) => {
            guanxi_value::of_decimal(GUANXI_VALUE_DECIMAL, decimal_to_c(*number, [0; 3]))
        }
        Value::Money(money) => guanxi_value::of_decimal(GUANXI_VALUE_MONEY, money_to_c(money)),
        Value::Text(text) => guanxi_value::of_text(GUANXI_VALUE_TEXT, guanxi_str::of(text)),
        Value::Date(day) => integer(GUANXI_VALUE_DATE, i64::from(day.days())),
        Value::DateTime(moment) => integer(GUANXI_VALUE_DATETIME, moment.micros()),
        Value::Id(id) => guanxi_value::of_id(*id.as_bytes()),
        Value::Time(time) => integer(GUANXI_VALUE_TIME, time.micros()),
        Value::Duration(length) => integer(GUANXI_VALUE_DURATION, length.micros()),
        Value::List(_) | Value::Map(_) | Value::Opaque(_) => guanxi_value::NULL,
    }
}

/// A decimal as C reads it.
pub(crate) fn decimal_to_c(number: Decimal, currency: [u8; 3]) -> guanxi_decimal {
    let mantissa = number.mantissa();
    let bytes = mantissa.unsigned_abs().to_le_bytes();
    let (low, rest) = bytes.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    let high = rest.first_chunk::<4>().unwrap_or(&[0; 4]);
    let sign = if mantissa < 0 { GUANXI_DECIMAL_NEGATIVE } else { 0 };
    let scale = u8::try_from(number.scale()).unwrap_or(GUANXI_DECIMAL_SCALE);
    guanxi_decimal {
        low: u64::from_le_bytes(*low),
        high: u32::from_le_bytes(*high),
        scale_and_sign: scale | sign,
        currency,
    }
}

/// An amount as C reads it.
pub(crate) fn money_to_c(money: &Money) -> guanxi_decimal {
    let currency = money.currency.code().as_bytes().first_chunk::<3>().copied().unwrap_or_default();
    decimal_to_c(money.amount, currency)
}

/// A value that C wrote. Text is copied.
///
/// # Errors
/// `schema.wrong_type` for a kind that no field takes, `input.invalid_utf8`, `schema.out_of_range`,
/// `schema.unknown_currency`.
///
/// # Safety
/// The content is of the kind that the value names, and text in it can be read.
pub(crate) unsafe fn from_c(value: &guanxi_value) -> Result<Value> {
    let content = value.content;
    // SAFETY: every bit pattern is an integer, a decimal and an id; which one counts the kind says, and
    // the caller promised that text is there where the kind is text.
    let (integer, decimal, id) = unsafe { (content.integer, content.decimal, content.id) };
    match value.kind {
        GUANXI_VALUE_NULL => Ok(Value::Null),
        GUANXI_VALUE_BOOL => Ok(Value::Bool(integer != 0)),
        GUANXI_VALUE_INT => Ok(Value::Int(integer)),
        GUANXI_VALUE_DATETIME => Ok(Value::DateTime(Timestamp::from_micros(integer))),
        GUANXI_VALUE_ID => Ok(Value::Id(RecordId::from_bytes(id))),
        GUANXI_VALUE_DATE => day_from_c(integer),
        GUANXI_VALUE_DECIMAL => decimal_from_c(&decimal).map(Value::Decimal),
        GUANXI_VALUE_MONEY => money_from_c(&decimal).map(Value::Money),
        GUANXI_VALUE_TEXT => {
            // SAFETY: the kind is text, so the content is text that the caller promised to be readable.
            unsafe { text_from_c(content.text) }.map(|text| Value::Text(text.to_owned()))
        }
        GUANXI_VALUE_TIME => Time::from_micros(integer).map(Value::Time),
        GUANXI_VALUE_DURATION => Ok(Value::Duration(Duration::from_micros(integer))),
        GUANXI_VALUE_JSON => {
            // SAFETY: as for text.
            Value::from_json_text(unsafe { text_from_c(content.text) }?)
        }
        other => Err(Error::new(Code::WrongType).rule("kind of value").value(&other.to_string())),
    }
}

fn day_from_c(days: i64) -> Result<Value> {
    let days = i32::try_from(days).map_err(|_| Error::new(Code::OutOfRange).rule("date"))?;
    Date::from_days(days).map(Value::Date)
}

fn decimal_from_c(decimal: &guanxi_decimal) -> Result<Decimal> {
    if decimal.currency != [0; 3] {
        return Err(Error::new(Code::WrongType).rule("a decimal has no currency"));
    }
    amount_from_c(decimal)
}

fn money_from_c(decimal: &guanxi_decimal) -> Result<Money> {
    let code = std::str::from_utf8(&decimal.currency).map_err(|_| Error::new(Code::UnknownCurrency))?;
    Ok(Money::new(amount_from_c(decimal)?, Currency::from_code(code)?))
}

fn amount_from_c(decimal: &guanxi_decimal) -> Result<Decimal> {
    let size = (i128::from(decimal.high) << 64) | i128::from(decimal.low);
    let negative = decimal.scale_and_sign & GUANXI_DECIMAL_NEGATIVE != 0;
    let mantissa = if negative { -size } else { size };
    Decimal::new(mantissa, u32::from(decimal.scale_and_sign & GUANXI_DECIMAL_SCALE))
}

/// Text by address and length.
///
/// # Errors
/// `input.null_argument` for no address with a length, `input.invalid_utf8`.
///
/// # Safety
/// The bytes can be read as long as the result is used.
unsafe fn text_from_c<'a>(text: guanxi_str) -> Result<&'a str> {
    if text.length == 0 {
        return Ok("");
    }
    if text.data.is_null() {
        return Err(Error::new(Code::NullArgument).rule("text"));
    }
    // SAFETY: the address is not null, and the caller promised so many readable bytes.
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.length) };
    std::str::from_utf8(bytes).map_err(|_| Error::new(Code::InvalidUtf8))
}

/// Year, month and day of a date.
pub(crate) fn calendar(day: Date) -> (i32, i32, i32) {
    let in_month = day.days().saturating_sub(day.first_of_month().days()).saturating_add(1);
    (i32::from(day.year()), i32::from(day.month()), in_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(value: Value) {
        // SAFETY: the content was written for its kind, and the text is borrowed from the value.
        let back = unsafe { from_c(&to_c(&value)) }.unwrap();
        assert_eq!(back, value);
    }

    #[test]
    fn every_kind_of_value_comes_back_as_it_went() {
        let days = ["0001-01-01", "1969-12-31", "2024-02-29", "9999-12-31"];
        days.into_iter().for_each(|day| round_trip(Value::Date(day.parse().unwrap())));
        let numbers =
            ["0", "-0.000000000000000001", "79228162514264337593543950335", "-79228162514264337593543950335"];
        numbers.into_iter().for_each(|number| round_trip(Value::Decimal(number.parse().unwrap())));
        round_trip(Value::Money("CNY -12800.50".parse().unwrap()));
        round_trip(Value::Text("关系\0里外".into()));
        round_trip(Value::Bool(true));
        round_trip(Value::Int(i64::MIN));
        round_trip(Value::DateTime(Timestamp::from_micros(-1)));
        round_trip(Value::Id(RecordId::from_bytes([7; 16])));
        round_trip(Value::Null);
        round_trip(Value::Time("23:59:59.999999".parse().unwrap()));
        round_trip(Value::Duration(Duration::from_micros(-1)));
    }

    #[test]
    fn lists_and_maps_go_as_json() {
        let address = Value::from_json(&serde_json::json!({"city": "上海", "lines": ["一", 2]})).unwrap();
        let document = document(&address).unwrap();
        // SAFETY: the text is kept in `document`.
        assert_eq!(unsafe { from_c(&json_to_c(&document)) }.unwrap(), address);
        // SAFETY: the text is a literal.
        let fault = unsafe { from_c(&json_to_c("{")) }.unwrap_err();
        assert_eq!(fault.code(), Code::InvalidJson);
    }

    #[test]
    fn a_decimal_is_sign_scale_and_96_bits() {
        let decimal = decimal_to_c("-18446744073709551616.5".parse().unwrap(), [0; 3]);
        // 184467440737095516165 = 10 · 2^64 + 5.
        assert_eq!((decimal.low, decimal.high, decimal.scale_and_sign), (5, 10, 128 + 1));
    }

    #[test]
    fn what_no_field_takes_is_refused() {
        let code = |value: &guanxi_value| {
            // SAFETY: none of the values below is text.
            unsafe { from_c(value) }.unwrap_err().code()
        };
        let scale_19 = guanxi_decimal { low: 1, high: 0, scale_and_sign: 19, currency: [0; 3] };
        let nowhere = guanxi_decimal { low: 1, high: 0, scale_and_sign: 0, currency: *b"ZZZ" };
        assert_eq!(code(&guanxi_value::of_decimal(GUANXI_VALUE_DECIMAL, scale_19)), Code::OutOfRange);
        assert_eq!(code(&guanxi_value::of_decimal(GUANXI_VALUE_DECIMAL, nowhere)), Code::WrongType);
        assert_eq!(code(&guanxi_value::of_decimal(GUANXI_VALUE_MONEY, nowhere)), Code::UnknownCurrency);
        assert_eq!(code(&guanxi_value::of_integer(GUANXI_VALUE_DATE, i64::MAX)), Code::OutOfRange);
        assert_eq!(code(&guanxi_value::of_integer(77, 0)), Code::WrongType);
    }

    #[test]
    fn a_date_is_year_month_and_day() {
        for (text, parts) in [("2024-02-29", (2024, 2, 29)), ("1969-12-01", (1969, 12, 1))] {
            assert_eq!(calendar(text.parse().unwrap()), parts);
        }
    }
}
