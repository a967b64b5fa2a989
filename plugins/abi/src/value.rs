//! Text, numbers and the 24-byte value in which every field travels between C and the engine.
#![expect(non_camel_case_types, reason = "these are C types, and the header is generated from their names")]

use core::ffi::c_char;

/// The kind of a [`guanxi_value`]: one of the `GUANXI_VALUE_*` numbers. Since 1.0.
pub type guanxi_value_kind = u32;

/// No value. The content is ignored.
pub const GUANXI_VALUE_NULL: guanxi_value_kind = 0;
/// True or false: `integer` is 1 or 0.
pub const GUANXI_VALUE_BOOL: guanxi_value_kind = 1;
/// A whole number, in `integer`.
pub const GUANXI_VALUE_INT: guanxi_value_kind = 2;
/// An exact decimal, in `decimal`, with a currency of three zero bytes.
pub const GUANXI_VALUE_DECIMAL: guanxi_value_kind = 3;
/// An amount with its currency, in `decimal`.
pub const GUANXI_VALUE_MONEY: guanxi_value_kind = 4;
/// UTF-8 text, the code of an enum, a phone number in E.164 or an e-mail address, in `text`.
pub const GUANXI_VALUE_TEXT: guanxi_value_kind = 5;
/// A day of the Gregorian calendar, in `integer` as days since 1970-01-01.
pub const GUANXI_VALUE_DATE: guanxi_value_kind = 6;
/// A moment, in `integer` as microseconds since 1970-01-01T00:00:00 UTC, without leap seconds.
pub const GUANXI_VALUE_DATETIME: guanxi_value_kind = 7;
/// A record, in `id` as the 16 bytes of its UUID in network order (RFC 9562).
pub const GUANXI_VALUE_ID: guanxi_value_kind = 8;
/// Bytes of any kind, in `text`.
pub const GUANXI_VALUE_BYTES: guanxi_value_kind = 9;
/// A JSON document (RFC 8259) in UTF-8, in `text`.
pub const GUANXI_VALUE_JSON: guanxi_value_kind = 10;
/// Reserved for a binary floating-point number, in `real`. Nothing gives or takes it today; money
/// and quantities are decimals.
pub const GUANXI_VALUE_REAL: guanxi_value_kind = 11;
/// A time of day, in `integer` as microseconds since midnight.
pub const GUANXI_VALUE_TIME: guanxi_value_kind = 12;
/// A length of time, in `integer` as microseconds.
pub const GUANXI_VALUE_DURATION: guanxi_value_kind = 13;

/// Bit of [`guanxi_decimal::scale_and_sign`] that makes the number negative.
pub const GUANXI_DECIMAL_NEGATIVE: u8 = 128;
/// Bits of [`guanxi_decimal::scale_and_sign`] that hold the scale.
pub const GUANXI_DECIMAL_SCALE: u8 = 127;

/// UTF-8 text or bytes by address and length in bytes; not terminated by zero. Since 1.0.
///
/// `data` may be null when `length` is 0. Whoever made the text owns it: as an argument it is
/// borrowed until the call returns, as a result for as long as the function that gave it says.
/// 16 bytes on 64-bit platforms, 8 on 32-bit ones. Readable on any thread while it lives.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct guanxi_str {
    /// First byte.
    pub data: *const c_char,
    /// Length in bytes.
    pub length: usize,
}

impl guanxi_str {
    /// No text.
    pub const EMPTY: Self = Self { data: core::ptr::null(), length: 0 };

    /// The view of a text. It borrows: the text must outlive the view.
    #[inline]
    #[must_use]
    pub const fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    /// The view of bytes. It borrows: the bytes must outlive the view.
    #[inline]
    #[must_use]
    pub const fn of_bytes(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr().cast(), length: bytes.len() }
    }
}

/// An exact decimal, with a currency if it is money: `±(high·2^64 + low) · 10^-scale`. Since 1.0.
///
/// 16 bytes on every platform, and it holds nothing but numbers, so it may be copied freely. A scale
/// above 18, a currency that ISO 4217 does not list in a value of kind MONEY, or a currency other
/// than zeros in one of kind DECIMAL is refused as an argument.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct guanxi_decimal {
    /// Bits 0 to 63 of the mantissa.
    pub low: u64,
    /// Bits 64 to 95 of the mantissa.
    pub high: u32,
    /// Bit 7: negative. Bits 0 to 6: digits after the point, 0 to 18.
    pub scale_and_sign: u8,
    /// The three letters of an ISO 4217 code such as `CNY`, or three zero bytes.
    pub currency: [u8; 3],
}

/// The content of a [`guanxi_value`]; which member counts follows from the kind. Since 1.0.
#[repr(C)]
#[derive(Clone, Copy)]
pub union guanxi_value_content {
    /// BOOL, INT, DATE, DATETIME, TIME and DURATION.
    pub integer: i64,
    /// REAL, which is reserved.
    pub real: f64,
    /// TEXT, BYTES and JSON.
    pub text: guanxi_str,
    /// DECIMAL and MONEY.
    pub decimal: guanxi_decimal,
    /// ID.
    pub id: [u8; 16],
}

/// One value of one field. Since 1.0; its 24 bytes are frozen.
///
/// The content lies at offset 8 everywhere; the whole is aligned to 8 bytes, and on i386, whose C
/// aligns 64-bit numbers to 4, to 4. A value owns nothing: text in it is a [`guanxi_str`] and is
/// borrowed by that type's rule. It may be copied and read on any thread while its text lives.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct guanxi_value {
    /// Which kind of value this is: one of the `GUANXI_VALUE_*` numbers.
    pub kind: guanxi_value_kind,
    /// Zero. Whoever writes a value writes 0 here, and whoever reads one ignores it.
    pub flags: u32,
    /// The content.
    pub content: guanxi_value_content,
}

impl guanxi_value {
    /// No value.
    pub const NULL: Self = Self::of_integer(GUANXI_VALUE_NULL, 0);

    /// A value of kind BOOL, INT, DATE, DATETIME, TIME or DURATION.
    #[inline]
    #[must_use]
    pub const fn of_integer(kind: guanxi_value_kind, integer: i64) -> Self {
        Self { kind, flags: 0, content: guanxi_value_content { integer } }
    }

    /// A value of kind TEXT, BYTES or JSON, which borrows its text.
    #[inline]
    #[must_use]
    pub const fn of_text(kind: guanxi_value_kind, text: guanxi_str) -> Self {
        Self { kind, flags: 0, content: guanxi_value_content { text } }
    }

    /// A value of kind DECIMAL or MONEY.
    #[inline]
    #[must_use]
    pub const fn of_decimal(kind: guanxi_value_kind, decimal: guanxi_decimal) -> Self {
        Self { kind, flags: 0, content: guanxi_value_content { decimal } }
    }

    /// A value of kind ID.
    #[inline]
    #[must_use]
    pub const fn of_id(id: [u8; 16]) -> Self {
        Self { kind: GUANXI_VALUE_ID, flags: 0, content: guanxi_value_content { id } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::{align_of, offset_of, size_of};

    #[test]
    fn a_value_is_24_bytes_with_its_content_at_offset_8() {
        assert_eq!(size_of::<guanxi_value>(), 24);
        assert_eq!(offset_of!(guanxi_value, kind), 0);
        assert_eq!(offset_of!(guanxi_value, flags), 4);
        assert_eq!(offset_of!(guanxi_value, content), 8);
        assert_eq!(align_of::<guanxi_value>(), align_of::<u64>());
    }

    #[test]
    fn a_decimal_is_16_bytes_without_padding() {
        assert_eq!(size_of::<guanxi_decimal>(), 16);
        assert_eq!(offset_of!(guanxi_decimal, low), 0);
        assert_eq!(offset_of!(guanxi_decimal, high), 8);
        assert_eq!(offset_of!(guanxi_decimal, scale_and_sign), 12);
        assert_eq!(offset_of!(guanxi_decimal, currency), 13);
    }

    #[test]
    fn a_text_is_an_address_and_a_length() {
        assert_eq!(size_of::<guanxi_str>(), 2 * size_of::<usize>());
        assert_eq!(offset_of!(guanxi_str, data), 0);
        assert_eq!(offset_of!(guanxi_str, length), size_of::<usize>());
        assert_eq!(guanxi_str::of("关系").length, 6);
    }

    #[test]
    fn sign_and_scale_share_a_byte_without_overlap() {
        assert_eq!(GUANXI_DECIMAL_NEGATIVE ^ GUANXI_DECIMAL_SCALE, u8::MAX);
        assert_eq!(GUANXI_DECIMAL_NEGATIVE & GUANXI_DECIMAL_SCALE, 0);
    }
}
