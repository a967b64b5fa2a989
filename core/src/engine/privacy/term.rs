//! Periods for which something is kept: whole years, months and days, as ISO 8601 writes them.

use std::fmt;
use std::str::FromStr;

use crate::base::{Code, Date, Error, Result};

/// Most years of a period.
const MAX_YEARS: u32 = 1_000;

/// A period of the calendar, such as five years (`P5Y`) or eighteen months (`P18M`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Term {
    months: u32,
    days: u32,
}

impl Term {
    /// The last day on which a period began that is over on a day: records of that day and of earlier ones have been
    /// kept for it. Months go first, and a day that a month does not have is its last one.
    ///
    /// # Errors
    /// `input.invalid_argument` for a day that the calendar does not have.
    pub fn before(self, day: Date) -> Result<Date> {
        let months = day.plus_months(-i64::from(self.months))?;
        Date::from_days(months.days().saturating_sub(i32::try_from(self.days).unwrap_or(i32::MAX)))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (years, months) = (self.months / 12, self.months % 12);
        write!(formatter, "P")?;
        for (number, unit) in [(years, 'Y'), (months, 'M'), (self.days, 'D')] {
            if number > 0 {
                write!(formatter, "{number}{unit}")?;
            }
        }
        if self.months == 0 && self.days == 0 { write!(formatter, "0D") } else { Ok(()) }
    }
}

impl FromStr for Term {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            || Error::new(Code::InvalidArgument).rule("a period such as P5Y, P18M or P90D").value(text);
        let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty()).ok_or_else(wrong)?;
        let mut term = Self::default();
        for (unit, months) in [('Y', 12), ('M', 1), ('D', 0)] {
            let Some((number, behind)) = rest.split_once(unit) else { continue };
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let number: u32 = number.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
            if number > MAX_YEARS.saturating_mul(366) {
                return Err(wrong());
            }
            match months {
                0 => term.days = number,
                months => term.months = term.months.saturating_add(number.saturating_mul(months)),
            }
            rest = behind;
        }
        if !rest.is_empty() || term.months > MAX_YEARS.saturating_mul(12) {
            return Err(wrong());
        }
        Ok(term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn periods_go_back_by_the_calendar() {
        for (term, from, to) in [
            ("P5Y", "2026-11-22", "2021-11-22"),
            ("P1Y", "2024-02-29", "2023-02-28"),
            ("P1M", "2026-03-31", "2026-02-28"),
            ("P18M", "2026-11-22", "2025-05-22"),
            ("P1Y6M10D", "2026-11-22", "2025-05-12"),
            ("P90D", "2026-03-01", "2025-12-01"),
            ("P0D", "2026-03-01", "2026-03-01"),
        ] {
            let read: Term = term.parse().unwrap();
            assert_eq!(read.before(day(from)).unwrap(), day(to), "{term}");
            assert_eq!(read.to_string().parse::<Term>().unwrap(), read);
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for text in ["", "P", "5Y", "P5", "PY", "P-5Y", "P5W", "P5D3Y", "P1Y1Y", "P99999999Y", "P+5Y", "P5Yx"]
        {
            assert!(text.parse::<Term>().is_err(), "{text}");
        }
    }
}
