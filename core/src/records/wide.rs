//! Whole numbers of 256 bits with sign: sums of decimals that stay exact, whatever was added and taken away.

use crate::base::{Code, Decimal, Error, Result};

/// Digits after the point that every sum is kept with: the most that a decimal has.
const SCALE: u32 = 18;
/// 64-bit limbs of a number.
const LIMBS: usize = 4;

/// A sum in units of 10^-18, as two's complement, its lowest limb first. The largest decimal is below 2^96 ·
/// 10^18 < 2^156, so a sum overflows after 2^99 of them at the earliest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wide([u64; LIMBS]);

impl Wide {
    /// The same number as a decimal.
    pub fn of(number: Decimal) -> Self {
        let mantissa = number.mantissa();
        let low = u64::try_from(mantissa.unsigned_abs() & u128::from(u64::MAX)).unwrap_or(0);
        let high = u64::try_from(mantissa.unsigned_abs() >> 64).unwrap_or(0);
        let factor = 10_u64.saturating_pow(SCALE.saturating_sub(number.scale()));
        let scaled = Self([low, high, 0, 0]).times(factor);
        if mantissa < 0 { scaled.negated() } else { scaled }
    }

    /// The sum, modulo 2^256.
    pub fn plus(self, other: Self) -> Self {
        let mut carry = 0_u128;
        let mut sum = [0; LIMBS];
        for (limb, (left, right)) in sum.iter_mut().zip(self.0.into_iter().zip(other.0)) {
            let total = u128::from(left) + u128::from(right) + carry;
            *limb = low_half(total);
            carry = total >> 64;
        }
        Self(sum)
    }

    /// The number with the other sign.
    pub fn negated(self) -> Self {
        Self(self.0.map(|limb| !limb)).plus(Self([1, 0, 0, 0]))
    }

    /// The decimal; digits behind the point are rounded half away from zero where 96 bits do not hold them.
    ///
    /// # Errors
    /// `schema.out_of_range` for a number that no decimal comes to.
    pub fn to_decimal(self) -> Result<Decimal> {
        let below_zero = self.0.last().is_some_and(|limb| limb >> 63 == 1);
        let mut magnitude = if below_zero { self.negated() } else { self };
        let mut scale = SCALE;
        let mut dropped = 0;
        // Most sums are small and end in zeros: those go many at once, in arithmetic of 128 bits.
        if let Some(mut mantissa) = magnitude.narrow() {
            for (power, digits) in [(100_000_000, 8), (100_000_000, 8), (10_000, 4), (100, 2), (10, 1)] {
                if digits <= scale && mantissa % power == 0 {
                    (mantissa, scale) = (mantissa / power, scale - digits);
                }
            }
            return Decimal::new(if below_zero { -mantissa } else { mantissa }, scale);
        }
        loop {
            let fits = magnitude.narrow();
            let (tenth, digit) = magnitude.tenth();
            if let Some(mantissa) = fits.filter(|_| digit != 0 || scale == 0) {
                let mantissa = mantissa.saturating_add(i128::from(dropped >= 5));
                return Decimal::new(if below_zero { -mantissa } else { mantissa }, scale);
            }
            if scale == 0 {
                return Err(Error::new(Code::OutOfRange).rule("96-bit mantissa"));
            }
            (magnitude, dropped, scale) = (tenth, digit, scale - 1);
        }
    }

    /// The bytes in a value of the store, most significant first.
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, limb) in bytes.chunks_exact_mut(8).zip(self.0.into_iter().rev()) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
        bytes
    }

    /// Reads [`Wide::to_bytes`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut limbs = [0; LIMBS];
        for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
            *limb = chunk.try_into().map_or(0, u64::from_be_bytes);
        }
        Self(limbs)
    }

    fn times(self, factor: u64) -> Self {
        let mut carry = 0_u128;
        Self(self.0.map(|limb| {
            let total = u128::from(limb) * u128::from(factor) + carry;
            carry = total >> 64;
            low_half(total)
        }))
    }

    /// A tenth of a number that is not below zero, and the digit that is left.
    fn tenth(self) -> (Self, u64) {
        let mut rest = 0_u128;
        let mut quotient = [0; LIMBS];
        for (limb, value) in quotient.iter_mut().zip(self.0).rev() {
            let value = (rest << 64) | u128::from(value);
            *limb = low_half(value / 10);
            rest = value % 10;
        }
        (Self(quotient), low_half(rest))
    }

    /// The number, if 96 bits hold it.
    fn narrow(self) -> Option<i128> {
        let [low, high, third, fourth] = self.0;
        let fits = third == 0 && fourth == 0 && high >> 32 == 0;
        fits.then(|| (i128::from(high) << 64) | i128::from(low))
    }
}

fn low_half(number: u128) -> u64 {
    u64::try_from(number & u128::from(u64::MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        /// The oracle adds 128-bit integers of hundredths.
        #[test]
        fn what_is_added_and_taken_away_again_leaves_what_was_there(
            amounts in vec((any::<i64>(), 0_u32..3), 1..40), taken in vec(any::<bool>(), 40)
        ) {
            let number = |(mantissa, scale): (i64, u32)| Decimal::new(mantissa.into(), scale).unwrap();
            let mut sum = Wide::default();
            let mut expected = 0_i128;
            for amount in &amounts {
                sum = sum.plus(Wide::of(number(*amount)));
                expected += i128::from(amount.0) * 10_i128.pow(2 - amount.1);
            }
            for (amount, _) in amounts.iter().zip(taken).filter(|(_, taken)| *taken) {
                sum = sum.plus(Wide::of(number(*amount)).negated());
                expected -= i128::from(amount.0) * 10_i128.pow(2 - amount.1);
            }
            prop_assert_eq!(Wide::from_bytes(&sum.to_bytes()), sum);
            prop_assert_eq!(sum.to_decimal().unwrap(), Decimal::new(expected, 2).unwrap());
        }
    }

    #[test]
    fn the_largest_and_the_smallest_number_are_told_apart() {
        let large = Decimal::new((1 << 96) - 1, 0).unwrap();
        let small = Decimal::new(1, 18).unwrap();
        let sum = Wide::of(large).plus(Wide::of(small));
        assert_eq!(sum.plus(Wide::of(large).negated()).to_decimal().unwrap(), small);
        // No decimal has so many digits: the sum is given rounded.
        assert_eq!(sum.to_decimal().unwrap(), large);
        assert_eq!(sum.plus(Wide::of(large)).to_decimal().unwrap_err().code(), Code::OutOfRange);
    }
}
