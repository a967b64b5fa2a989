//! Days, moments, zones, and the hybrid logical clock that orders changes of all replicas.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::{Clock, Code, Error, Result, Time};

/// Microseconds of a day on which no clock is set.
const MICROS_OF_DAY: i64 = 86_400_000_000;

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment so many microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The day on which this moment falls in a zone.
    #[must_use]
    pub fn date_in(self, zone: &TimeZone) -> Date {
        Date(zone.0.to_datetime(self.to_jiff()).date())
    }

    /// The time of day that this moment has in a zone.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] never in practice.
    pub fn time_in(self, zone: &TimeZone) -> Result<Time> {
        let since = zone.0.to_datetime(self.to_jiff()).time().duration_since(jiff::civil::Time::midnight());
        Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(-1))
    }

    /// Whether a calendar has this moment: years -9999 to 9999.
    #[must_use]
    pub fn is_in_calendar(self) -> bool {
        jiff::Timestamp::from_microsecond(self.0).is_ok()
    }

    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_jiff(), formatter)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339 with an offset, `2026-11-22T08:00:00+08:00`.
    fn from_str(text: &str) -> Result<Self> {
        text.parse::<jiff::Timestamp>()
            .map(|moment| Self(moment.as_microsecond()))
            .map_err(|_| Error::new(Code::WrongType).rule("datetime (RFC 3339)").value(text))
    }
}

/// A day of the proleptic Gregorian calendar, years -9999 to 9999, without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// 1970-01-01.
    pub const EPOCH: Self = Self(jiff::civil::Date::constant(1970, 1, 1));

    /// A day by year, month and day of month.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] for a day that no calendar has.
    pub fn new(year: i16, month: i8, day: i8) -> Result<Self> {
        jiff::civil::Date::new(year, month, day)
            .map(Self)
            .map_err(|_| Error::new(Code::OutOfRange).rule("date"))
    }

    /// The day so many days after 1970-01-01.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] outside of the years -9999 to 9999.
    pub fn from_days(days: i32) -> Result<Self> {
        let epoch = jiff::civil::Date::constant(1970, 1, 1);
        epoch
            .checked_add(jiff::Span::new().try_days(days).unwrap_or_default())
            .map(Self)
            .map_err(|_| Error::new(Code::OutOfRange).rule("date"))
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn days(self) -> i32 {
        let epoch = jiff::civil::Date::constant(1970, 1, 1);
        let days = self.0.duration_since(epoch).as_hours() / 24;
        i32::try_from(days).unwrap_or(0)
    }

    /// The moment at which the day begins in a zone: midnight, or the end of a gap that swallows it.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] at the ends of the calendar.
    pub fn start_in(self, zone: &TimeZone) -> Result<Timestamp> {
        let out_of_range = |error: jiff::Error| Error::new(Code::OutOfRange).rule("date").because(error);
        let start = self.0.to_zoned(zone.0.clone()).map_err(out_of_range)?;
        Ok(Timestamp(start.timestamp().as_microsecond()))
    }

    /// The moment at which clocks on the wall of a zone show so many microseconds after midnight of this day, a whole day
    /// for the midnight behind it. A time that is skipped when clocks go forward is read as before the gap, and one that
    /// comes twice is the first, as RFC 5545 section 3.3.5 has it.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] for what is not of this day, and at the ends of the calendar.
    pub fn at(self, micros: i64, zone: &TimeZone) -> Result<Timestamp> {
        if micros == MICROS_OF_DAY {
            return self.plus_days(1)?.at(0, zone);
        }
        let out_of_range = |error: jiff::Error| Error::new(Code::OutOfRange).rule("date").because(error);
        let time = Time::from_micros(micros)?;
        let since = jiff::Span::new().try_microseconds(time.micros()).map_err(out_of_range)?;
        let wall =
            self.0.to_datetime(jiff::civil::Time::midnight()).checked_add(since).map_err(out_of_range)?;
        let moment = zone.0.to_ambiguous_zoned(wall).compatible().map_err(out_of_range)?;
        Ok(Timestamp(moment.timestamp().as_microsecond()))
    }

    /// The day so many days later, or earlier for a number below zero.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] beyond the calendar.
    pub fn plus_days(self, days: i32) -> Result<Self> {
        Self::from_days(self.days().saturating_add(days))
    }

    /// The day of the week.
    #[must_use]
    pub fn weekday(self) -> Weekday {
        Weekday(self.0.weekday().to_monday_zero_offset())
    }

    /// Year.
    #[must_use]
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// Month, 1 to 12.
    #[must_use]
    pub fn month(self) -> i8 {
        self.0.month()
    }

    /// Day of the month, 1 to 31.
    #[must_use]
    pub fn day(self) -> i8 {
        self.0.day()
    }

    /// The same day so many months later, or the last day of a month that is too short for it.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] beyond the calendar.
    pub fn plus_months(self, months: i64) -> Result<Self> {
        let out_of_range = |error: jiff::Error| Error::new(Code::OutOfRange).rule("months").because(error);
        let span = jiff::Span::new().try_months(months).map_err(out_of_range)?;
        self.0.checked_add(span).map(Self).map_err(out_of_range)
    }

    /// First day of the month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        Self(self.0.first_of_month())
    }

    /// First day of the quarter of a fiscal year that begins with `first_month`.
    #[must_use]
    pub fn first_of_quarter(self, first_month: Month) -> Self {
        let since_start = (self.month() - first_month.number()).rem_euclid(12);
        self.months_back(since_start % 3)
    }

    /// First day of the fiscal year that begins with `first_month`.
    #[must_use]
    pub fn first_of_fiscal_year(self, first_month: Month) -> Self {
        self.months_back((self.month() - first_month.number()).rem_euclid(12))
    }

    /// First day of the week.
    #[must_use]
    pub fn first_of_week(self, first: Weekday) -> Self {
        let today = self.0.weekday().to_monday_zero_offset();
        let back = (today - first.days_after_monday()).rem_euclid(7);
        Self(self.0.saturating_sub(jiff::Span::new().days(back)))
    }

    fn months_back(self, months: i8) -> Self {
        Self(self.0.first_of_month().saturating_sub(jiff::Span::new().months(months)))
    }
}

impl fmt::Display for Date {
    /// ISO 8601, `2026-11-22`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for Date {
    type Err = Error;

    /// Reads ISO 8601, `2026-11-22`, and a year before the year 0 as it is shown, `-000044-03-15`.
    fn from_str(text: &str) -> Result<Self> {
        let usual = text.len() == 10 && text.as_bytes().get(4) == Some(&b'-');
        let shaped = usual || (text.len() == 13 && text.starts_with("-00"));
        shaped
            .then(|| text.parse::<jiff::civil::Date>().ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| Error::new(Code::WrongType).rule("date (YYYY-MM-DD)").value(text))
    }
}

/// A month of the year, 1 to 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month(i8);

impl Month {
    /// January.
    pub const JANUARY: Self = Self(1);

    /// The month with this number.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] outside of 1 to 12.
    pub fn new(number: i8) -> Result<Self> {
        if (1..=12).contains(&number) {
            Ok(Self(number))
        } else {
            Err(Error::new(Code::OutOfRange).rule("month 1..12"))
        }
    }

    /// 1 to 12.
    #[must_use]
    pub fn number(self) -> i8 {
        self.0
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekday(i8);

impl Weekday {
    /// Monday, the first day of the week by ISO 8601.
    pub const MONDAY: Self = Self(0);
    /// Sunday.
    pub const SUNDAY: Self = Self(6);

    /// The weekday by its English name, in any case.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for any other word.
    pub fn parse(name: &str) -> Result<Self> {
        const NAMES: [&str; 7] =
            ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let lower = name.to_ascii_lowercase();
        NAMES
            .iter()
            .zip(0_i8..)
            .find(|(known, _)| **known == lower)
            .map(|(_, offset)| Self(offset))
            .ok_or_else(|| Error::new(Code::InvalidArgument).field("weekday").value(name))
    }

    /// Days since Monday, 0 to 6.
    #[must_use]
    pub fn days_after_monday(self) -> i8 {
        self.0
    }
}

/// A time zone of the IANA database, whose tables are bundled with the engine.
#[derive(Clone)]
pub struct TimeZone(jiff::tz::TimeZone);

impl TimeZone {
    /// Coordinated Universal Time.
    #[must_use]
    pub fn utc() -> Self {
        Self(jiff::tz::TimeZone::UTC)
    }

    /// The zone by its IANA name, `Asia/Shanghai`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] if the database has no such zone.
    pub fn named(name: &str) -> Result<Self> {
        jiff::tz::TimeZone::get(name)
            .map(Self)
            .map_err(|_| Error::new(Code::InvalidArgument).field("time_zone").value(name))
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

/// A point of a hybrid logical clock (Kulkarni et al., 2014): 48 bits of milliseconds, then a
/// 16-bit counter, and the replica that spoke. Totally ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stamp {
    /// Milliseconds since the epoch in the upper 48 bits, counter in the lower 16.
    pub hlc: u64,
    /// Number of the replica within this database; 0 is the database itself.
    pub replica: u32,
}

impl Stamp {
    /// The wall-clock part.
    #[must_use]
    pub fn at(self) -> Timestamp {
        Timestamp::from_micros(i64::try_from(self.hlc >> 16).unwrap_or(0).saturating_mul(1_000))
    }
}

/// Gives stamps that only ever rise, even when the wall clock steps back.
#[derive(Debug)]
pub struct HybridClock {
    last: Mutex<u64>,
    /// The latest moment, in microseconds, that it told.
    told: AtomicI64,
    replica: u32,
}

impl HybridClock {
    /// A clock that continues after `last`.
    #[must_use]
    pub fn resume(last: u64, replica: u32) -> Self {
        Self { last: Mutex::new(last), told: AtomicI64::new(i64::MIN), replica }
    }

    /// The present moment, which never goes back: that of the wall clock, or the one of the newest stamp or the
    /// latest that it told before, where the wall clock has stepped behind it.
    pub fn latest(&self, clock: &dyn Clock) -> Timestamp {
        let last = Stamp { hlc: *self.last.lock().unwrap_or_else(PoisonError::into_inner), replica: 0 }.at();
        let moment = clock.now().max(last).micros();
        Timestamp(self.told.fetch_max(moment, Ordering::AcqRel).max(moment))
    }

    /// The next stamp: the wall clock's milliseconds, or one tick after the last stamp.
    pub fn next(&self, clock: &dyn Clock) -> Stamp {
        let millis = u64::try_from(clock.now().micros().div_euclid(1_000)).unwrap_or(0);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = (millis << 16).max(last.saturating_add(1));
        Stamp { hlc: *last, replica: self.replica }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ManualClock;

    #[test]
    fn a_moment_falls_on_the_day_of_its_zone() {
        let moment: Timestamp = "2026-11-21T17:00:00Z".parse().unwrap();
        assert_eq!(moment.date_in(&TimeZone::utc()).to_string(), "2026-11-21");
        assert_eq!(moment.date_in(&TimeZone::named("Asia/Shanghai").unwrap()).to_string(), "2026-11-22");
    }

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for days in [-719_162, -1, 0, 1, 20_000, 2_932_896] {
            assert_eq!(Date::from_days(days).unwrap().days(), days);
        }
    }

    #[test]
    fn a_fiscal_year_from_april_has_january_in_its_last_quarter() {
        let april = Month::new(4).unwrap();
        let day: Date = "2017-02-14".parse().unwrap();
        assert_eq!(day.first_of_fiscal_year(april).to_string(), "2016-04-01");
        assert_eq!(day.first_of_quarter(april).to_string(), "2017-01-01");
        assert_eq!(day.first_of_quarter(Month::JANUARY).to_string(), "2017-01-01");
    }

    #[test]
    fn a_week_begins_on_the_day_that_the_organisation_says() {
        let wednesday: Date = "2026-11-18".parse().unwrap();
        assert_eq!(wednesday.first_of_week(Weekday::MONDAY).to_string(), "2026-11-16");
        assert_eq!(wednesday.first_of_week(Weekday::SUNDAY).to_string(), "2026-11-15");
    }

    #[test]
    fn stamps_rise_when_the_wall_clock_steps_back() {
        let wall = ManualClock::at(Timestamp::from_micros(5_000_000));
        let clock = HybridClock::resume(0, 0);
        let first = clock.next(&wall);
        wall.set(Timestamp::from_micros(1_000_000));
        assert!(clock.next(&wall) > first);
    }

    #[test]
    fn the_latest_moment_does_not_go_back_with_the_wall_clock_nor_behind_the_newest_stamp() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let wall = ManualClock::at(at(5));
        let clock = HybridClock::resume(9_000 << 16, 0);
        assert_eq!(clock.latest(&wall), at(9));
        wall.set(at(20));
        assert_eq!(clock.latest(&wall), at(20));
        wall.set(at(1));
        assert_eq!(clock.latest(&wall), at(20));
        wall.set(at(21));
        assert_eq!(clock.latest(&wall), at(21));
    }
}
