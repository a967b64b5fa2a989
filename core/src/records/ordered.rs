//! Keys whose bytes sort as their values do.
//!
//! FORMAT.md, chapter "Keys", describes every byte.

use crate::base::{Collation, Decimal, Value, fold};

/// Folded text is cut to this many bytes in a key; longer texts that share them are told apart by the record.
const MAX_TEXT: usize = 128;

/// Most values of a list or map that its sort key tells.
const MAX_PARTS: usize = 4;

/// Ends a list or map; smaller than what any value begins with but nothing.
const END: u8 = 0x00;
const NULL: u8 = 0x00;
const BOOL: u8 = 0x01;
const INT: u8 = 0x02;
const DECIMAL: u8 = 0x03;
const MONEY: u8 = 0x04;
const TEXT: u8 = 0x05;
const DATE: u8 = 0x06;
const DATETIME: u8 = 0x07;
const ID: u8 = 0x08;
const TIME: u8 = 0x09;
const DURATION: u8 = 0x0A;
const LIST: u8 = 0x0B;
const MAP: u8 = 0x0C;

/// The sort key of a value: nothing sorts first; text by its folded code points; money by currency,
/// then amount.
pub(super) fn ordered(value: &Value) -> Vec<u8> {
    let mut key = Vec::with_capacity(20);
    write_ordered(&mut key, value);
    key
}

/// The sort key of a value whose text sorts by a collation.
pub(super) fn collated(value: &Value, collation: Collation) -> Vec<u8> {
    let mut key = Vec::with_capacity(20);
    write_collated(&mut key, value, collation);
    key
}

/// Adds the sort key of a value whose text sorts by a collation. A key that is cut may put texts at one place,
/// which are told apart by the record as others are.
pub(super) fn write_collated(key: &mut Vec<u8>, value: &Value, collation: Collation) {
    match value {
        Value::Text(text) if !collation.is_plain() => {
            key.push(TEXT);
            let start = key.len();
            collation.write_key(key, text);
            key.truncate(start.saturating_add(MAX_TEXT));
            key.extend([0, 0]);
        }
        other => write_ordered(key, other),
    }
}

/// Adds the sort key of a value to what stands before it in a key.
pub(super) fn write_ordered(key: &mut Vec<u8>, value: &Value) {
    match value {
        // No index is kept on what this version does not know, and no list goes by it.
        Value::Null | Value::Opaque(_) => key.push(NULL),
        Value::Bool(value) => key.extend([BOOL, u8::from(*value)]),
        Value::Int(number) => signed(key, INT, *number),
        Value::Date(date) => signed(key, DATE, i64::from(date.days())),
        Value::DateTime(moment) => signed(key, DATETIME, moment.micros()),
        Value::Decimal(number) => {
            key.push(DECIMAL);
            decimal(key, *number);
        }
        Value::Money(money) => {
            key.push(MONEY);
            key.extend_from_slice(money.currency.code().as_bytes());
            decimal(key, money.amount);
        }
        Value::Text(value) => {
            key.push(TEXT);
            text(key, &fold(value));
        }
        Value::Id(id) => {
            key.push(ID);
            key.extend_from_slice(id.as_bytes());
        }
        Value::Time(time) => signed(key, TIME, time.micros()),
        Value::Duration(length) => signed(key, DURATION, length.micros()),
        // No index is kept on these as a whole; lists that are sorted all the same go by their first values.
        Value::List(values) => {
            key.push(LIST);
            values.iter().take(MAX_PARTS).for_each(|value| write_ordered(key, value));
            key.push(END);
        }
        Value::Map(parts) => {
            key.push(MAP);
            for (name, value) in parts.iter().take(MAX_PARTS) {
                text(key, &fold(name));
                write_ordered(key, value);
            }
            key.push(END);
        }
    }
}

fn signed(key: &mut Vec<u8>, tag: u8, number: i64) {
    key.push(tag);
    key.extend((number.cast_unsigned() ^ (1 << 63)).to_be_bytes());
}

/// 0x00 within the text becomes 0x00 0xFF, and 0x00 0x00 ends it, so that no text is a prefix of another.
fn text(key: &mut Vec<u8>, folded: &str) {
    for byte in folded.bytes().take(MAX_TEXT) {
        key.push(byte);
        if byte == 0 {
            key.push(0xFF);
        }
    }
    key.extend([0, 0]);
}

/// Sign, decimal exponent, then digits, each plus one, ended by zero; all complemented below zero.
fn decimal(key: &mut Vec<u8>, number: Decimal) {
    let number = number.normalized();
    let mantissa = number.mantissa();
    if mantissa == 0 {
        key.push(1);
        return;
    }
    let digits = mantissa.unsigned_abs().to_string();
    let whole = i64::try_from(digits.len()).unwrap_or(0) - i64::from(number.scale());
    let exponent = u8::try_from(whole.saturating_add(64).clamp(0, 255)).unwrap_or(0);
    let mut magnitude = vec![exponent];
    magnitude
        .extend(digits.trim_end_matches('0').bytes().map(|digit| digit.wrapping_sub(b'0').wrapping_add(1)));
    magnitude.push(0);
    if mantissa < 0 {
        key.push(0);
        key.extend(magnitude.iter().map(|byte| !byte));
    } else {
        key.push(2);
        key.extend(magnitude);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Currency, Money};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decimals_sort_as_numbers(
            left in any::<(i64, u8)>(), right in any::<(i64, u8)>()
        ) {
            let number = |(mantissa, scale): (i64, u8)| {
                Decimal::new(mantissa.into(), u32::from(scale % 19)).unwrap()
            };
            let (left, right) = (number(left), number(right));
            prop_assert_eq!(
                ordered(&Value::Decimal(left)).cmp(&ordered(&Value::Decimal(right))),
                left.cmp(&right)
            );
        }

        #[test]
        fn whole_numbers_sort_as_numbers(left: i64, right: i64) {
            prop_assert_eq!(ordered(&Value::Int(left)).cmp(&ordered(&Value::Int(right))), left.cmp(&right));
        }

        #[test]
        fn texts_sort_by_their_folded_code_points(left in ".{0,20}", right in ".{0,20}") {
            let expected = fold(&left).as_bytes().cmp(fold(&right).as_bytes());
            let key = |text: String| ordered(&Value::Text(text));
            prop_assert_eq!(key(left).cmp(&key(right)), expected);
        }
    }

    #[test]
    fn equal_amounts_have_one_key_whatever_their_scale() {
        let money = |text: &str| Value::Money(Money::new(text.parse().unwrap(), Currency::CNY));
        assert_eq!(ordered(&money("1.50")), ordered(&money("1.5")));
        assert!(ordered(&money("-2")) < ordered(&money("-1.5")));
        assert!(ordered(&money("9.99")) < ordered(&money("10")));
    }
}
