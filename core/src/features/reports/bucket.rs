//! Spans of time into which days fall.

use crate::base::{Code, Date, Error, Result, TimeZone, Value};
use crate::engine::Settings;

/// A span of time by which rows are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// The day itself.
    Day,
    /// The week, from the organisation's first weekday.
    Week,
    /// The calendar month.
    Month,
    /// The quarter of the fiscal year.
    Quarter,
    /// The fiscal year.
    Year,
}

impl Bucket {
    /// The stable names.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Day, "day"),
        (Self::Week, "week"),
        (Self::Month, "month"),
        (Self::Quarter, "quarter"),
        (Self::Year, "year"),
    ];

    /// The span with this stable name.
    ///
    /// # Errors
    /// `input.invalid_argument`.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(bucket, _)| *bucket)
            .ok_or_else(|| Error::new(Code::InvalidArgument).field("bucket").value(name))
    }

    /// The first day of the span in which a day falls, by the organisation's way to count days.
    ///
    /// # Errors
    /// `input.invalid_argument` where the settings are not understood.
    pub fn begin(self, day: Date, settings: &Settings) -> Result<Date> {
        Ok(self.floor_day(day, &Calendar::of(settings)?))
    }

    /// The first day of the span in which a day or moment falls.
    ///
    /// # Errors
    /// `schema.wrong_type` for a value that is neither.
    pub(super) fn floor(self, value: &Value, calendar: &Calendar) -> Result<Value> {
        let day = match value {
            Value::Null => return Ok(Value::Null),
            Value::Date(day) => *day,
            Value::DateTime(moment) => moment.date_in(&calendar.zone),
            _ => return Err(Error::new(Code::WrongType).rule("a span of time needs a date")),
        };
        Ok(Value::Date(self.floor_day(day, calendar)))
    }

    fn floor_day(self, day: Date, calendar: &Calendar) -> Date {
        match self {
            Self::Day => day,
            Self::Week => day.first_of_week(calendar.week_start),
            Self::Month => day.first_of_month(),
            Self::Quarter => day.first_of_quarter(calendar.fiscal_month),
            Self::Year => day.first_of_fiscal_year(calendar.fiscal_month),
        }
    }
}

/// The organisation's way to count days.
pub(super) struct Calendar {
    zone: TimeZone,
    week_start: crate::base::Weekday,
    fiscal_month: crate::base::Month,
}

impl Calendar {
    pub fn of(settings: &Settings) -> Result<Self> {
        Ok(Self {
            zone: settings.zone()?,
            week_start: settings.week_start()?,
            fiscal_month: settings.fiscal_month()?,
        })
    }
}
