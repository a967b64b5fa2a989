//! Days of the Chinese lunar calendar: birthdays that people keep by it, and when they fall.
//!
//! The tables are those of `icu_calendar`, which agree with the Purple Mountain Observatory for 1900 to 2025 and the Hong
//! Kong Observatory up to 2100; later years are computed by its simpler rule, so they are refused here.

use std::fmt;

use icu_calendar::Date as AnyDate;
use icu_calendar::cal::{ChineseTraditional, Iso};
use icu_calendar::types::Month;

use crate::base::{Code, Date, Error, Result};

/// The lunar years that are known for certain.
const YEARS: std::ops::RangeInclusive<i32> = 1901..=2099;

/// A day of the lunar calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LunarDate {
    /// The year: that of the Gregorian calendar in which it begins.
    pub year: i32,
    /// The month, 1 to 12.
    pub month: u8,
    /// Whether it is the month of this number that is put in (a leap month).
    pub leap: bool,
    /// The day, 1 to 30.
    pub day: u8,
}

/// When somebody born in a month that is put in keeps the birthday in years that do not put it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeapMonthRule {
    /// In the usual month of the number, as most people do.
    #[default]
    UsualMonth,
    /// Only in years that have the month.
    LeapMonthAlone,
}

impl LeapMonthRule {
    /// The rule of this name: `usual_month` or `leap_month_alone`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`].
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "usual_month" => Ok(Self::UsualMonth),
            "leap_month_alone" => Ok(Self::LeapMonthAlone),
            _ => Err(Error::new(Code::InvalidArgument).field("leap_rule").value(name)),
        }
    }
}

fn out_of_range() -> Error {
    Error::new(Code::OutOfRange).rule("lunar years 1901 to 2099")
}

impl LunarDate {
    /// The lunar day of a day.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] outside of the lunar years 1901 to 2099.
    pub fn of(day: Date) -> Result<Self> {
        let month = u8::try_from(day.month()).map_err(|_| out_of_range())?;
        let number = u8::try_from(day.day()).map_err(|_| out_of_range())?;
        let iso = AnyDate::try_new_iso(i32::from(day.year()), month, number).map_err(|_| out_of_range())?;
        let lunar = iso.to_calendar(ChineseTraditional::new());
        let month = lunar.month().to_input();
        let found = Self {
            year: lunar.year().extended_year(),
            month: month.number(),
            leap: month.is_leap(),
            day: lunar.day_of_month().0,
        };
        if YEARS.contains(&found.year) { Ok(found) } else { Err(out_of_range()) }
    }

    /// The day on which it falls; nothing where its year has no such month or day.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] outside of the lunar years 1901 to 2099.
    pub fn to_date(self) -> Result<Option<Date>> {
        if !YEARS.contains(&self.year) {
            return Err(out_of_range());
        }
        if !(1..=12).contains(&self.month) {
            return Ok(None);
        }
        let month = if self.leap { Month::leap(self.month) } else { Month::new(self.month) };
        let Ok(lunar) = AnyDate::try_new(self.year.into(), month, self.day, ChineseTraditional::new()) else {
            return Ok(None);
        };
        let iso = lunar.to_calendar(Iso);
        let year = i16::try_from(iso.year().extended_year()).map_err(|_| out_of_range())?;
        let month = i8::try_from(iso.month().number()).map_err(|_| out_of_range())?;
        let day = i8::try_from(iso.day_of_month().0).map_err(|_| out_of_range())?;
        Date::new(year, month, day).map(Some)
    }

    /// The first day on or after a day on which this month and day come again, whatever the year. The 30th of a month
    /// that has 29 days is kept on the 29th.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] where it does not come again before 2099, and for a month or day that no year has.
    pub fn next_after(self, from: Date, rule: LeapMonthRule) -> Result<Date> {
        if !(1..=12).contains(&self.month) || !(1..=30).contains(&self.day) {
            return Err(Error::new(Code::OutOfRange).rule("lunar month 1..12, day 1..30"));
        }
        let begin = Self::of(from)?.year;
        for year in begin..=*YEARS.end() {
            match self.in_year(year, rule)? {
                Some(day) if day >= from => return Ok(day),
                _ => {}
            }
        }
        Err(out_of_range())
    }

    /// When this month and day are kept in a year.
    fn in_year(self, year: i32, rule: LeapMonthRule) -> Result<Option<Date>> {
        let here = Self { year, ..self };
        let exact = here.or_last_day()?;
        match (exact, self.leap, rule) {
            (None, true, LeapMonthRule::UsualMonth) => Self { leap: false, ..here }.or_last_day(),
            (exact, ..) => Ok(exact),
        }
    }

    fn or_last_day(self) -> Result<Option<Date>> {
        match self.to_date()? {
            None if self.day == 30 => Self { day: 29, ..self }.to_date(),
            found => Ok(found),
        }
    }
}

impl fmt::Display for LunarDate {
    /// As people write it: `2025年闰六月初一`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MONTHS: [&str; 12] = ["正", "二", "三", "四", "五", "六", "七", "八", "九", "十", "冬", "腊"];
        const DIGITS: [&str; 10] = ["十", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
        let month = MONTHS.get(usize::from(self.month).wrapping_sub(1)).unwrap_or(&"？");
        let digit = DIGITS.get(usize::from(self.day % 10)).unwrap_or(&"？");
        let tens = match self.day {
            0..=10 => "初",
            11..=19 => "十",
            20 => "二",
            21..=29 => "廿",
            _ => "三",
        };
        let leap = if self.leap { "闰" } else { "" };
        write!(formatter, "{}年{leap}{month}月{tens}{digit}", self.year)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn lunar(year: i32, month: u8, leap: bool, day: u8) -> LunarDate {
        LunarDate { year, month, leap, day }
    }

    /// New year's days and a leap month as the Hong Kong Observatory tables have them.
    #[test]
    fn days_of_the_tables_are_met() {
        let known = [
            ("2024-02-10", lunar(2024, 1, false, 1), "2024年正月初一"),
            ("2025-01-29", lunar(2025, 1, false, 1), "2025年正月初一"),
            ("2026-02-17", lunar(2026, 1, false, 1), "2026年正月初一"),
            ("2025-07-25", lunar(2025, 6, true, 1), "2025年闰六月初一"),
            ("2026-09-25", lunar(2026, 8, false, 15), "2026年八月十五"),
            ("2026-06-19", lunar(2026, 5, false, 5), "2026年五月初五"),
        ];
        for (text, expected, written) in known {
            assert_eq!(LunarDate::of(day(text)).unwrap(), expected, "{text}");
            assert_eq!(expected.to_date().unwrap(), Some(day(text)));
            assert_eq!(expected.to_string(), written);
        }
    }

    #[test]
    fn every_day_of_two_centuries_comes_back() {
        let mut at = day("1901-03-01");
        while at < day("2099-12-01") {
            assert_eq!(LunarDate::of(at).unwrap().to_date().unwrap(), Some(at));
            at = at.plus_days(7).unwrap();
        }
    }

    #[test]
    fn a_birthday_in_a_month_that_is_put_in_is_kept_by_the_rule() {
        let born = lunar(1987, 6, true, 3);
        let usual = born.next_after(day("2026-01-01"), LeapMonthRule::UsualMonth).unwrap();
        assert_eq!(LunarDate::of(usual).unwrap(), lunar(2026, 6, false, 3));
        let leap = born.next_after(day("2025-01-01"), LeapMonthRule::UsualMonth).unwrap();
        assert_eq!(LunarDate::of(leap).unwrap(), lunar(2025, 6, true, 3));
        let alone = born.next_after(day("2026-01-01"), LeapMonthRule::LeapMonthAlone).unwrap();
        assert!(LunarDate::of(alone).unwrap().leap && alone > day("2030-01-01"));
    }

    #[test]
    fn the_thirtieth_is_kept_on_the_last_day_of_a_short_month() {
        let born = lunar(1990, 12, false, 30);
        let mut from = day("2024-01-01");
        for _ in 0..10 {
            let kept = born.next_after(from, LeapMonthRule::UsualMonth).unwrap();
            let next = LunarDate::of(kept.plus_days(1).unwrap()).unwrap();
            assert_eq!((next.month, next.day), (1, 1), "{kept} is the last day of the year");
            from = kept.plus_days(1).unwrap();
        }
    }

    #[test]
    fn what_no_table_has_is_refused() {
        assert_eq!(LunarDate::of(day("1850-01-01")).unwrap_err().code(), Code::OutOfRange);
        assert_eq!(lunar(2026, 6, true, 1).to_date().unwrap(), None);
        assert_eq!(lunar(2026, 13, false, 1).to_date().unwrap(), None);
    }
}
