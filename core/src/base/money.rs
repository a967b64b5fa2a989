//! Exact numbers: a decimal of 96-bit mantissa and scale up to 18, and money with its currency.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use rust_decimal::RoundingStrategy;

use crate::base::{Code, Error, Result};

/// Most digits after the decimal point.
const MAX_SCALE: u32 = 18;

/// An exact decimal number: a mantissa of 96 bits, a sign, and 0 to 18 digits after the point.
/// Equal numbers are equal whatever their scale (`1.0 == 1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(rust_decimal::Decimal);

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self(rust_decimal::Decimal::ZERO);

    /// `mantissa × 10^-scale`.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] if the mantissa needs more than 96 bits or the scale is above 18.
    pub fn new(mantissa: i128, scale: u32) -> Result<Self> {
        if scale > MAX_SCALE {
            return Err(Error::new(Code::OutOfRange).rule("scale <= 18"));
        }
        rust_decimal::Decimal::try_from_i128_with_scale(mantissa, scale)
            .map(Self)
            .map_err(|_| Error::new(Code::OutOfRange).rule("96-bit mantissa"))
    }

    /// The mantissa with its sign, at [`Decimal::scale`].
    #[must_use]
    pub fn mantissa(self) -> i128 {
        self.0.mantissa()
    }

    /// Digits after the point.
    #[must_use]
    pub fn scale(self) -> u32 {
        self.0.scale()
    }

    /// The same number without trailing zeros.
    #[must_use]
    pub fn normalized(self) -> Self {
        Self(self.0.normalize())
    }

    /// Sum.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] on overflow.
    pub fn checked_add(self, other: Self) -> Result<Self> {
        Self::bounded(self.0.checked_add(other.0))
    }

    /// Difference.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] on overflow.
    pub fn checked_sub(self, other: Self) -> Result<Self> {
        Self::bounded(self.0.checked_sub(other.0))
    }

    /// Product, rounded half away from zero to 18 digits.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] on overflow.
    pub fn checked_mul(self, other: Self) -> Result<Self> {
        Self::bounded(self.0.checked_mul(other.0))
    }

    /// Quotient, rounded half away from zero to 18 digits.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] on overflow or division by zero.
    pub fn checked_div(self, other: Self) -> Result<Self> {
        Self::bounded(self.0.checked_div(other.0))
    }

    /// Remainder of a division that is cut towards zero.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] for division by zero.
    pub fn checked_rem(self, other: Self) -> Result<Self> {
        Self::bounded(self.0.checked_rem(other.0))
    }

    /// Rounded half away from zero, as invoices are, to so many digits after the point.
    #[must_use]
    pub fn rounded(self, digits: u32) -> Self {
        Self::of(self.0.round_dp_with_strategy(digits.min(MAX_SCALE), RoundingStrategy::MidpointAwayFromZero))
    }

    fn bounded(number: Option<rust_decimal::Decimal>) -> Result<Self> {
        let number = number.ok_or_else(|| Error::new(Code::OutOfRange).rule("96-bit mantissa"))?;
        Ok(Self::of(number.round_dp_with_strategy(MAX_SCALE, RoundingStrategy::MidpointAwayFromZero)))
    }

    /// A number whose zero has no sign, since none is stored.
    fn of(mut number: rust_decimal::Decimal) -> Self {
        if number.is_zero() {
            number.set_sign_positive(true);
        }
        Self(number)
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self(rust_decimal::Decimal::from(number))
    }
}

impl FromStr for Decimal {
    type Err = Error;

    /// Reads `-12.50`: digits with an optional sign and point; no exponent, no grouping.
    fn from_str(text: &str) -> Result<Self> {
        if !is_number(text) {
            return Err(Error::new(Code::WrongType).rule("decimal").value(text));
        }
        match rust_decimal::Decimal::from_str_exact(text) {
            Ok(number) if number.scale() <= MAX_SCALE => Ok(Self::of(number)),
            Ok(_) => Err(Error::new(Code::OutOfRange).rule("scale <= 18")),
            Err(_) => Err(Error::new(Code::OutOfRange).rule("96-bit mantissa").value(text)),
        }
    }
}

/// Whether a text is digits with an optional sign before them and an optional point among them.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// A currency by its ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Chinese yuan.
    pub const CNY: Self = Self(*b"CNY");
    /// United States dollar.
    pub const USD: Self = Self(*b"USD");

    /// The currency with this ISO 4217 code of three capital letters.
    ///
    /// # Errors
    /// [`Code::UnknownCurrency`] if ISO 4217 has no such code.
    pub fn from_code(code: &str) -> Result<Self> {
        let known = iso_currency::Currency::from_code(code);
        match (known, code.as_bytes().first_chunk::<3>()) {
            (Some(_), Some(bytes)) => Ok(Self(*bytes)),
            _ => Err(Error::new(Code::UnknownCurrency).value(code)),
        }
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Digits of the minor unit by ISO 4217: 2 for CNY, 0 for JPY. `None` where the standard has none.
    #[must_use]
    pub fn minor_digits(&self) -> Option<u32> {
        iso_currency::Currency::from_code(self.code())
            .and_then(iso_currency::Currency::exponent)
            .map(u32::from)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// An amount in a currency. Amounts of different currencies neither add nor compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// The amount, exact.
    pub amount: Decimal,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// An amount in a currency.
    #[must_use]
    pub const fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Whole yuan.
    #[must_use]
    pub fn cny(yuan: i64) -> Self {
        Self::new(Decimal::from(yuan), Currency::CNY)
    }

    /// Sum of two amounts in one currency.
    ///
    /// # Errors
    /// [`Code::CurrencyMismatch`] for two currencies, [`Code::OutOfRange`] on overflow.
    pub fn checked_add(self, other: Self) -> Result<Self> {
        if self.currency != other.currency {
            return Err(
                Error::new(Code::CurrencyMismatch).value(&format!("{} + {}", self.currency, other.currency))
            );
        }
        Ok(Self::new(self.amount.checked_add(other.amount)?, self.currency))
    }
}

impl PartialOrd for Money {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.amount.cmp(&other.amount))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.currency, self.amount)
    }
}

impl FromStr for Money {
    type Err = Error;

    /// Reads `CNY 12800.00`.
    fn from_str(text: &str) -> Result<Self> {
        let (code, amount) =
            text.split_once(' ').ok_or_else(|| Error::new(Code::WrongType).rule("money").value(text))?;
        Ok(Self::new(amount.trim().parse()?, Currency::from_code(code)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_and_two_tenths_are_three_tenths() {
        let sum = "0.1".parse::<Decimal>().unwrap().checked_add("0.2".parse().unwrap()).unwrap();
        assert_eq!(sum, "0.3".parse().unwrap());
    }

    #[test]
    fn halves_round_away_from_zero() {
        assert_eq!("2.345".parse::<Decimal>().unwrap().rounded(2).to_string(), "2.35");
        assert_eq!("-2.345".parse::<Decimal>().unwrap().rounded(2).to_string(), "-2.35");
    }

    #[test]
    fn two_currencies_do_not_add() {
        let dollars = Money::new(Decimal::from(1), Currency::USD);
        assert_eq!(Money::cny(1).checked_add(dollars).unwrap_err().code(), Code::CurrencyMismatch);
    }

    #[test]
    fn exponents_and_groups_are_refused() {
        for text in ["1e5", "1,000", "", "NaN", "--1", "1.2.3", "0.0000000000000000001"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }
}
