//! One value of one field, and how it crosses the interface in 24 bytes.

use guanxi_plugin_abi as abi;
use guanxi_plugin_abi::{guanxi_decimal, guanxi_str, guanxi_value};

use crate::Error;

/// Most digits after the point of a decimal.
const MAX_SCALE: u8 = 18;

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact decimal.
    Decimal(Decimal),
    /// An amount in a currency.
    Money(Money),
    /// Text, the code of an enum, a phone number in E.164, an e-mail address.
    Text(String),
    /// A day, in days since 1970-01-01.
    Date(i64),
    /// A moment, in microseconds since 1970-01-01T00:00:00 UTC.
    DateTime(i64),
    /// A record, by the 16 bytes of its UUID in network order.
    Id([u8; 16]),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A JSON document.
    Json(String),
}

/// An exact decimal, `mantissa × 10^-scale`: at most 96 bits and 18 digits after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// All digits, with the sign.
    pub mantissa: i128,
    /// Digits after the point.
    pub scale: u8,
}

/// An amount in a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// The amount.
    pub amount: Decimal,
    /// The three letters of the currency by ISO 4217, such as `*b"CNY"`.
    pub currency: [u8; 3],
}

impl Value {
    /// The value as the interface carries it; text in it borrows from `self`.
    ///
    /// # Errors
    /// `schema.out_of_range` for a decimal of more than 96 bits or 18 digits after the point.
    pub(crate) fn lend(&self, field: &str) -> Result<guanxi_value, Error> {
        Ok(match self {
            Self::Null => guanxi_value::NULL,
            Self::Bool(truth) => guanxi_value::of_integer(abi::GUANXI_VALUE_BOOL, i64::from(*truth)),
            Self::Int(number) => guanxi_value::of_integer(abi::GUANXI_VALUE_INT, *number),
            Self::Decimal(decimal) => {
                guanxi_value::of_decimal(abi::GUANXI_VALUE_DECIMAL, decimal.packed([0; 3], field)?)
            }
            Self::Money(money) => {
                guanxi_value::of_decimal(abi::GUANXI_VALUE_MONEY, money.amount.packed(money.currency, field)?)
            }
            Self::Text(text) => guanxi_value::of_text(abi::GUANXI_VALUE_TEXT, guanxi_str::of(text)),
            Self::Date(days) => guanxi_value::of_integer(abi::GUANXI_VALUE_DATE, *days),
            Self::DateTime(moment) => guanxi_value::of_integer(abi::GUANXI_VALUE_DATETIME, *moment),
            Self::Id(id) => guanxi_value::of_id(*id),
            Self::Bytes(bytes) => guanxi_value::of_text(abi::GUANXI_VALUE_BYTES, guanxi_str::of_bytes(bytes)),
            Self::Json(document) => guanxi_value::of_text(abi::GUANXI_VALUE_JSON, guanxi_str::of(document)),
        })
    }

    /// A copy of a value that came over the interface.
    ///
    /// # Errors
    /// `schema.wrong_type` for a kind that is not known here, `input.invalid_utf8` for broken text.
    ///
    /// # Safety
    /// The member of the content that the kind calls for is initialised, and text in it is readable
    /// during the call.
    pub(crate) unsafe fn copied(value: &guanxi_value, field: &str) -> Result<Self, Error> {
        // SAFETY: the caller vouches that the member of this kind is initialised.
        let integer = || unsafe { value.content.integer };
        // SAFETY: as above.
        let decimal = || unsafe { value.content.decimal };
        // SAFETY: as above, and the text is readable.
        let bytes = || unsafe { bytes_of(value.content.text) };
        Ok(match value.kind {
            abi::GUANXI_VALUE_NULL => Self::Null,
            abi::GUANXI_VALUE_BOOL => Self::Bool(integer() != 0),
            abi::GUANXI_VALUE_INT => Self::Int(integer()),
            abi::GUANXI_VALUE_DECIMAL => Self::Decimal(Decimal::unpacked(decimal())),
            abi::GUANXI_VALUE_MONEY => {
                let packed = decimal();
                Self::Money(Money { amount: Decimal::unpacked(packed), currency: packed.currency })
            }
            abi::GUANXI_VALUE_TEXT => Self::Text(utf8(bytes(), field)?),
            abi::GUANXI_VALUE_DATE => Self::Date(integer()),
            abi::GUANXI_VALUE_DATETIME => Self::DateTime(integer()),
            // SAFETY: the caller vouches that the member of this kind is initialised.
            abi::GUANXI_VALUE_ID => Self::Id(unsafe { value.content.id }),
            abi::GUANXI_VALUE_BYTES => Self::Bytes(bytes().to_vec()),
            abi::GUANXI_VALUE_JSON => Self::Json(utf8(bytes(), field)?),
            _ => return Err(Error::new(abi::GUANXI_ERR_SCHEMA_WRONG_TYPE, field)),
        })
    }
}

impl Decimal {
    fn packed(self, currency: [u8; 3], field: &str) -> Result<guanxi_decimal, Error> {
        let out_of_range = || Error::new(abi::GUANXI_ERR_SCHEMA_OUT_OF_RANGE, field);
        let magnitude = self.mantissa.unsigned_abs();
        let high = u32::try_from(magnitude >> 64).map_err(|_| out_of_range())?;
        let low = u64::try_from(magnitude & u128::from(u64::MAX)).map_err(|_| out_of_range())?;
        if self.scale > MAX_SCALE {
            return Err(out_of_range());
        }
        let sign = if self.mantissa < 0 { abi::GUANXI_DECIMAL_NEGATIVE } else { 0 };
        Ok(guanxi_decimal { low, high, scale_and_sign: sign | self.scale, currency })
    }

    fn unpacked(packed: guanxi_decimal) -> Self {
        let magnitude = (i128::from(packed.high) << 64) | i128::from(packed.low);
        let negative = packed.scale_and_sign & abi::GUANXI_DECIMAL_NEGATIVE != 0;
        Self {
            mantissa: if negative { -magnitude } else { magnitude },
            scale: packed.scale_and_sign & abi::GUANXI_DECIMAL_SCALE,
        }
    }
}

/// The bytes behind a view; none for a null address.
///
/// # Safety
/// `length` bytes from `data` on are readable and unchanged for `'text`, unless `data` is null.
pub(crate) unsafe fn bytes_of<'text>(view: guanxi_str) -> &'text [u8] {
    if view.data.is_null() {
        return &[];
    }
    // SAFETY: the address is not null, and the caller vouches for the bytes behind it.
    unsafe { std::slice::from_raw_parts(view.data.cast(), view.length) }
}

/// A copy of text that came over the interface.
///
/// # Errors
/// `input.invalid_utf8`, about the field.
pub(crate) fn utf8(bytes: &[u8], field: &str) -> Result<String, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Error::new(abi::GUANXI_ERR_INPUT_INVALID_UTF8, field)),
    }
}
