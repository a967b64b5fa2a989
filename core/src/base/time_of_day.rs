//! Times of day and lengths of time, to the microsecond.

use std::fmt;
use std::str::FromStr;

use crate::base::{Code, Error, Result};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A time of day without a zone, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// The time so many microseconds after midnight.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] for what is not within one day.
    pub fn from_micros(micros: i64) -> Result<Self> {
        if (0..DAY).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(Error::new(Code::OutOfRange).rule("time"))
        }
    }

    /// Microseconds since midnight.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Time {
    /// `HH:MM:SS`, with a fraction where there is one, as ISO 8601 has it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / SECOND;
        write!(formatter, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)?;
        match self.0 % SECOND {
            0 => Ok(()),
            fraction => write!(formatter, ".{}", format!("{fraction:06}").trim_end_matches('0')),
        }
    }
}

impl FromStr for Time {
    type Err = Error;

    /// Reads `HH:MM`, `HH:MM:SS` and fractions of a second.
    fn from_str(text: &str) -> Result<Self> {
        let time = text.parse::<jiff::civil::Time>();
        let time = time.map_err(|_| Error::new(Code::WrongType).rule("time (HH:MM:SS)").value(text))?;
        let since = time.duration_since(jiff::civil::Time::midnight());
        Self::from_micros(i64::try_from(since.as_micros()).unwrap_or(-1))
    }
}

/// A length of time, to the microsecond; below zero for one that goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(i64);

impl Duration {
    /// So many microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Duration {
    /// As ISO 8601 has it, in hours, minutes and seconds: `PT1H30M`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&jiff::SignedDuration::from_micros(self.0), formatter)
    }
}

impl FromStr for Duration {
    type Err = Error;

    /// Reads ISO 8601 (`PT1H30M`) and what people write (`1h 30m`). Days and longer units, which are not
    /// of one length everywhere, are refused.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::new(Code::WrongType).rule("duration (PT1H30M)").value(text);
        let length = text.parse::<jiff::SignedDuration>().map_err(|_| wrong())?;
        i64::try_from(length.as_micros()).map(Self).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_lengths_are_read_as_they_are_written() {
        for (written, shown) in
            [("08:30", "08:30:00"), ("23:59:59.5", "23:59:59.5"), ("00:00:00.000001", "00:00:00.000001")]
        {
            assert_eq!(written.parse::<Time>().unwrap().to_string(), shown);
        }
        for (written, micros) in [("PT1H30M", 5_400_000_000), ("90m", 5_400_000_000), ("-PT0.5S", -500_000)] {
            let length = written.parse::<Duration>().unwrap();
            assert_eq!(length.micros(), micros, "{written}");
            assert_eq!(length.to_string().parse::<Duration>().unwrap(), length);
        }
    }

    #[test]
    fn what_no_day_has_is_refused() {
        for text in ["24:00", "8:61", "noon", "", "-01:00"] {
            assert_eq!(text.parse::<Time>().unwrap_err().code(), Code::WrongType, "{text}");
        }
        assert_eq!(Time::from_micros(DAY).unwrap_err().code(), Code::OutOfRange);
        assert_eq!(Time::from_micros(-1).unwrap_err().code(), Code::OutOfRange);
        for text in ["P1D", "P1M", "two hours", "", "PT99999999999999H"] {
            assert_eq!(text.parse::<Duration>().unwrap_err().code(), Code::WrongType, "{text}");
        }
    }
}
