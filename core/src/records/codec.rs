//! The encoding of one record: numbered, self-skipping items, so that newer items survive older code.
//!
//! FORMAT.md, chapter "Record", describes every byte.

use std::collections::BTreeMap;

use crate::base::{
    Code, Currency, Date, Decimal, Duration, Error, MAX_VALUE_DEPTH, Money, OpaqueValue, RecordId, Result,
    Time, Timestamp, Value,
};

/// How many bytes of payload follow a tag.
const WIRE_VARINT: u8 = 1;
const WIRE_BYTES: u8 = 2;
/// Bytes of the longest number, one of 128 bits.
const MAX_VARINT: usize = 19;

const KIND_NULL: u8 = 0;
const KIND_BOOL: u8 = 1;
const KIND_INT: u8 = 2;
const KIND_DECIMAL: u8 = 3;
const KIND_MONEY: u8 = 4;
const KIND_TEXT: u8 = 5;
const KIND_DATE: u8 = 6;
const KIND_DATETIME: u8 = 7;
const KIND_ID: u8 = 8;
const KIND_TIME: u8 = 9;
const KIND_DURATION: u8 = 10;
const KIND_LIST: u8 = 11;
const KIND_MAP: u8 = 12;
/// An unsigned number of the envelope.
const KIND_UNSIGNED: u8 = 14;
/// Bytes of the envelope.
const KIND_BYTES: u8 = 15;

/// One item as it stands in the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawItem {
    pub number: u32,
    pub tag: u8,
    pub payload: Vec<u8>,
}

/// One item, read where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub number: u32,
    pub tag: u8,
    pub payload: &'a [u8],
}

/// Writes items in rising order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A writer with room for so many bytes.
    pub fn with_room(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// Begins again, in the same room.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// What was written so far.
    pub fn written(&self) -> &[u8] {
        &self.bytes
    }

    pub fn varint(&mut self, mut number: u128) {
        loop {
            let low = u8::try_from(number & 0x7F).unwrap_or(0);
            number >>= 7;
            if number == 0 {
                self.bytes.push(low);
                return;
            }
            self.bytes.push(low | 0x80);
        }
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u128);
        self.bytes.extend_from_slice(bytes);
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn unsigned(&mut self, number: u32, value: u64) {
        self.head(number, KIND_UNSIGNED, WIRE_VARINT);
        self.varint(u128::from(value));
    }

    pub fn blob(&mut self, number: u32, value: &[u8]) {
        self.head(number, KIND_BYTES, WIRE_BYTES);
        self.bytes(value);
    }

    pub fn item(&mut self, item: &RawItem) {
        self.varint(u128::from(item.number));
        self.bytes.push(item.tag);
        match item.tag & 0x07 {
            WIRE_BYTES => self.bytes(&item.payload),
            _ => self.raw(&item.payload),
        }
    }

    pub fn value(&mut self, number: u32, value: &Value) {
        match value {
            Value::Null => self.head(number, KIND_NULL, 0),
            Value::Bool(value) => self.number(number, KIND_BOOL, i64::from(*value)),
            Value::Int(value) => self.number(number, KIND_INT, *value),
            Value::Date(date) => self.number(number, KIND_DATE, i64::from(date.days())),
            Value::DateTime(moment) => self.number(number, KIND_DATETIME, moment.micros()),
            Value::Time(time) => self.number(number, KIND_TIME, time.micros()),
            Value::Duration(length) => self.number(number, KIND_DURATION, length.micros()),
            Value::Text(text) => self.payload(number, KIND_TEXT, text.as_bytes()),
            Value::Id(id) => self.payload(number, KIND_ID, id.as_bytes()),
            Value::Decimal(decimal) => {
                let mut inner = Self::default();
                inner.decimal(*decimal);
                self.payload(number, KIND_DECIMAL, &inner.bytes);
            }
            Value::Money(money) => {
                let mut inner = Self::default();
                inner.raw(money.currency.code().as_bytes());
                inner.decimal(money.amount);
                self.payload(number, KIND_MONEY, &inner.bytes);
            }
            Value::Opaque(opaque) => {
                let (tag, payload) = (opaque.tag(), opaque.payload().to_vec());
                self.item(&RawItem { number, tag, payload });
            }
            Value::List(values) => {
                let mut inner = Self::default();
                values.iter().for_each(|value| inner.value(0, value));
                self.payload(number, KIND_LIST, &inner.bytes);
            }
            Value::Map(parts) => {
                let mut inner = Self::default();
                for (name, value) in parts {
                    inner.bytes(name.as_bytes());
                    inner.value(0, value);
                }
                self.payload(number, KIND_MAP, &inner.bytes);
            }
        }
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn head(&mut self, number: u32, kind: u8, wire: u8) {
        self.varint(u128::from(number));
        self.bytes.push((kind << 3) | wire);
    }

    fn number(&mut self, number: u32, kind: u8, value: i64) {
        self.head(number, kind, WIRE_VARINT);
        self.varint(zigzag(i128::from(value)));
    }

    fn payload(&mut self, number: u32, kind: u8, payload: &[u8]) {
        self.head(number, kind, WIRE_BYTES);
        self.bytes(payload);
    }

    fn decimal(&mut self, decimal: Decimal) {
        self.bytes.push(u8::try_from(decimal.scale()).unwrap_or(0));
        self.varint(zigzag(decimal.mantissa()));
    }
}

/// Reads what [`Writer`] wrote; every fault is `storage.damaged`.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.rest.split_first().ok_or_else(damaged)?;
        self.rest = rest;
        Ok(*first)
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(damaged)?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| damaged())
    }

    /// A number of up to 128 bits.
    fn varint(&mut self) -> Result<u128> {
        let mut number = 0_u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let part = u128::from(byte & 0x7F);
            let shifted =
                part.checked_shl(shift).filter(|moved| moved >> shift == part).ok_or_else(damaged)?;
            number |= shifted;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(damaged())
    }

    /// A number of up to 64 bits, as all are but the mantissas of decimals.
    fn short_varint(&mut self) -> Result<u64> {
        let mut number = 0_u64;
        let mut shift = 0;
        for (place, byte) in self.rest.iter().enumerate() {
            // The tenth byte has room for one bit more.
            if shift > 63 || (shift == 63 && byte & 0x7F > 1) {
                break;
            }
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                self.rest = self.rest.get(place.saturating_add(1)..).unwrap_or_default();
                return Ok(number);
            }
            shift += 7;
        }
        Err(damaged())
    }

    /// The bytes of a number, of whatever length.
    fn varint_bytes(&mut self) -> Result<&'a [u8]> {
        let last = self.rest.iter().take(MAX_VARINT).position(|byte| byte & 0x80 == 0).ok_or_else(damaged)?;
        self.take(last.saturating_add(1))
    }

    /// A whole number of either sign.
    fn int(&mut self) -> Result<i64> {
        let number = self.short_varint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub fn unsigned<T: TryFrom<u64>>(&mut self) -> Result<T> {
        T::try_from(self.short_varint()?).map_err(|_| damaged())
    }

    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.unsigned::<usize>()?;
        self.take(length)
    }

    pub fn text(&mut self) -> Result<String> {
        text_of(self.bytes()?)
    }

    /// The number of the next item, which is left where it is.
    pub fn number_of_next(&self) -> Result<u32> {
        Self::new(self.rest).unsigned()
    }

    /// The next item; the payload of a varint is its bytes.
    pub fn item(&mut self) -> Result<Item<'a>> {
        let number = self.unsigned::<u32>()?;
        let tag = self.byte()?;
        let payload = match tag & 0x07 {
            0 => &[],
            WIRE_VARINT => self.varint_bytes()?,
            WIRE_BYTES => self.bytes()?,
            _ => return Err(damaged()),
        };
        Ok(Item { number, tag, payload })
    }

    /// The values of a list.
    fn list(&mut self, depth: usize) -> Result<Value> {
        let mut values = Vec::new();
        while !self.is_empty() {
            values.push(self.item()?.value_within(depth)?);
        }
        Ok(Value::List(values))
    }

    /// The parts of a map.
    fn map(&mut self, depth: usize) -> Result<Value> {
        let mut parts = BTreeMap::new();
        while !self.is_empty() {
            let name = self.text()?;
            parts.insert(name, self.item()?.value_within(depth)?);
        }
        Ok(Value::Map(parts))
    }

    fn decimal(&mut self) -> Result<Decimal> {
        let scale = u32::from(self.byte()?);
        let mantissa = unzigzag(self.varint()?);
        Decimal::new(mantissa, scale).map_err(|_| damaged())
    }
}

impl Item<'_> {
    /// The item as it is kept beyond the bytes that it was read from.
    pub fn to_raw(self) -> RawItem {
        RawItem { number: self.number, tag: self.tag, payload: self.payload.to_vec() }
    }

    /// The value; one of a kind that this version does not know as it stands.
    pub fn value(&self) -> Result<Value> {
        self.value_within(MAX_VALUE_DEPTH)
    }

    /// The value, with at most so many lists and maps around each other.
    fn value_within(&self, depth: usize) -> Result<Value> {
        let mut reader = Reader::new(self.payload);
        Ok(match self.tag >> 3 {
            KIND_NULL => Value::Null,
            KIND_BOOL => Value::Bool(reader.int()? != 0),
            KIND_INT => Value::Int(reader.int()?),
            KIND_DATE => Value::Date(Date::from_days(narrow(reader.int()?)?)?),
            KIND_DATETIME => Value::DateTime(Timestamp::from_micros(reader.int()?)),
            KIND_TEXT => Value::Text(text_of(self.payload)?),
            KIND_ID => Value::Id(RecordId::from_bytes(reader.array()?)),
            KIND_DECIMAL => Value::Decimal(reader.decimal()?),
            KIND_MONEY => {
                let code = std::str::from_utf8(reader.take(3)?).map_err(|_| damaged())?;
                let currency = Currency::from_code(code).map_err(|_| damaged())?;
                Value::Money(Money::new(reader.decimal()?, currency))
            }
            KIND_TIME => Value::Time(Time::from_micros(reader.int()?).map_err(|_| damaged())?),
            KIND_DURATION => Value::Duration(Duration::from_micros(reader.int()?)),
            KIND_LIST | KIND_MAP if depth == 0 => return Err(damaged()),
            KIND_LIST => return reader.list(depth - 1),
            KIND_MAP => return reader.map(depth - 1),
            _ => Value::Opaque(OpaqueValue::new(self.tag, self.payload)),
        })
    }

    /// The unsigned number of an envelope item.
    pub fn unsigned(&self) -> Result<u64> {
        Reader::new(self.payload).unsigned()
    }

    /// The 16 bytes of an envelope item.
    pub fn id(&self) -> Result<RecordId> {
        Ok(RecordId::from_bytes(Reader::new(self.payload).array()?))
    }
}

/// One value alone, as commitments and sealed values hold it.
pub(super) fn encode_value(value: &Value) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.value(0, value);
    writer.finish()
}

/// Reads what [`encode_value`] wrote.
pub(super) fn decode_value(bytes: &[u8]) -> Result<Value> {
    Reader::new(bytes).item()?.value()
}

pub(super) fn text_of(bytes: &[u8]) -> Result<String> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| damaged())
}

pub(super) fn damaged() -> Error {
    Error::new(Code::Damaged).rule("record encoding")
}

fn narrow<T: TryFrom<i64>>(number: i64) -> Result<T> {
    T::try_from(number).map_err(|_| damaged())
}

/// Small numbers of either sign become small unsigned ones (as Protocol Buffers' sint64 does).
fn zigzag(number: i128) -> u128 {
    ((number << 1) ^ (number >> 127)).cast_unsigned()
}

fn unzigzag(number: u128) -> i128 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        any_plain_value().prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                proptest::collection::btree_map(".{0,6}", inner, 0..4).prop_map(Value::Map),
            ]
        })
    }

    fn any_plain_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<i64>().prop_map(|micros| Value::DateTime(Timestamp::from_micros(micros))),
            (-719_162_i32..2_932_896).prop_map(|days| Value::Date(Date::from_days(days).unwrap())),
            ".{0,40}".prop_map(Value::Text),
            any::<[u8; 16]>().prop_map(|bytes| Value::Id(RecordId::from_bytes(bytes))),
            (0_i64..86_400_000_000).prop_map(|micros| Value::Time(Time::from_micros(micros).unwrap())),
            any::<i64>().prop_map(|micros| Value::Duration(Duration::from_micros(micros))),
            (any::<i64>(), 0_u32..=18)
                .prop_map(|(number, scale)| Value::Decimal(Decimal::new(number.into(), scale).unwrap())),
            (any::<i64>(), 0_u32..=18).prop_map(|(number, scale)| {
                Value::Money(Money::new(Decimal::new(number.into(), scale).unwrap(), Currency::CNY))
            }),
        ]
    }

    proptest! {
        #[test]
        fn every_value_comes_back_as_it_went(value in any_value()) {
            prop_assert_eq!(decode_value(&encode_value(&value)).unwrap(), value);
        }

        #[test]
        fn hostile_bytes_are_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while let Ok(item) = reader.item() {
                let _ = item.value();
            }
        }

        #[test]
        fn a_value_of_too_many_lists_is_an_error(more in 1_usize..100) {
            let nested = |depth: usize| (0..depth).fold(Value::Null, |inner, _| Value::List(vec![inner]));
            let value = nested(MAX_VALUE_DEPTH);
            prop_assert_eq!(decode_value(&encode_value(&value)).unwrap(), value);
            prop_assert!(decode_value(&encode_value(&nested(MAX_VALUE_DEPTH + more))).is_err());
        }

        #[test]
        fn items_are_copied_byte_for_byte(values in proptest::collection::vec(any_value(), 0..8)) {
            let mut writer = Writer::default();
            for (number, value) in (64_u32..).zip(&values) {
                writer.value(number, value);
            }
            let bytes = writer.finish();
            let (mut reader, mut copy) = (Reader::new(&bytes), Writer::default());
            while !reader.is_empty() {
                copy.item(&reader.item().unwrap().to_raw());
            }
            prop_assert_eq!(copy.finish(), bytes);
        }
    }
}
