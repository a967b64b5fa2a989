//! Spans of time around today, by name: a closed list that hosts offer and queries work out.

use crate::base::{Date, Label, Month, Result, Weekday};

/// What days are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// Today, in the zone of the organisation.
    pub today: Date,
    /// The day on which weeks begin.
    pub week_start: Weekday,
    /// The month in which the fiscal year begins.
    pub fiscal_month: Month,
}

macro_rules! periods {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $zh:literal, $en:literal;)+) => {
        /// A span of whole days around today. Weeks, quarters and years are the organisation's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Period {
            $($(#[$doc])* $name,)+
        }

        impl Period {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable name.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What people read.
            #[must_use]
            pub fn label(self) -> Label {
                match self { $(Self::$name => Label::new($zh, $en),)+ }
            }

            /// The span with this stable name.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().find(|known| known.code() == code).copied()
            }
        }
    };
}

periods! {
    /// Today.
    Today = "today", "今天", "Today";
    /// The day before today.
    Yesterday = "yesterday", "昨天", "Yesterday";
    /// The day after today.
    Tomorrow = "tomorrow", "明天", "Tomorrow";
    /// Seven days that end with today.
    Last7Days = "last_7_days", "最近7天", "Last 7 days";
    /// Thirty days that end with today.
    Last30Days = "last_30_days", "最近30天", "Last 30 days";
    /// Ninety days that end with today.
    Last90Days = "last_90_days", "最近90天", "Last 90 days";
    /// Seven days that begin with today.
    Next7Days = "next_7_days", "未来7天", "Next 7 days";
    /// Thirty days that begin with today.
    Next30Days = "next_30_days", "未来30天", "Next 30 days";
    /// The week of today.
    ThisWeek = "this_week", "本周", "This week";
    /// The week before.
    LastWeek = "last_week", "上周", "Last week";
    /// The week after.
    NextWeek = "next_week", "下周", "Next week";
    /// The month of today.
    ThisMonth = "this_month", "本月", "This month";
    /// The month before.
    LastMonth = "last_month", "上月", "Last month";
    /// The month after.
    NextMonth = "next_month", "下月", "Next month";
    /// The quarter of the fiscal year in which today lies.
    ThisQuarter = "this_quarter", "本季度", "This quarter";
    /// The quarter before.
    LastQuarter = "last_quarter", "上季度", "Last quarter";
    /// The quarter after.
    NextQuarter = "next_quarter", "下季度", "Next quarter";
    /// The fiscal year in which today lies.
    ThisYear = "this_year", "本年", "This year";
    /// The fiscal year before.
    LastYear = "last_year", "去年", "Last year";
    /// The fiscal year after.
    NextYear = "next_year", "明年", "Next year";
}

impl Period {
    /// Its first day, and the first day behind it.
    ///
    /// # Errors
    /// `schema.out_of_range` at the ends of the calendar.
    pub fn days(self, count: &DayCount) -> Result<(Date, Date)> {
        let today = count.today;
        let week = today.first_of_week(count.week_start);
        let month = today.first_of_month();
        let quarter = today.first_of_quarter(count.fiscal_month);
        let year = today.first_of_fiscal_year(count.fiscal_month);
        let days = |from: Date, first: i32, end: i32| Ok((plus_days(from, first)?, plus_days(from, end)?));
        let months =
            |from: Date, first: i64, end: i64| Ok((from.plus_months(first)?, from.plus_months(end)?));
        match self {
            Self::Today => days(today, 0, 1),
            Self::Yesterday => days(today, -1, 0),
            Self::Tomorrow => days(today, 1, 2),
            Self::Last7Days => days(today, -6, 1),
            Self::Last30Days => days(today, -29, 1),
            Self::Last90Days => days(today, -89, 1),
            Self::Next7Days => days(today, 0, 7),
            Self::Next30Days => days(today, 0, 30),
            Self::ThisWeek => days(week, 0, 7),
            Self::LastWeek => days(week, -7, 0),
            Self::NextWeek => days(week, 7, 14),
            Self::ThisMonth => months(month, 0, 1),
            Self::LastMonth => months(month, -1, 0),
            Self::NextMonth => months(month, 1, 2),
            Self::ThisQuarter => months(quarter, 0, 3),
            Self::LastQuarter => months(quarter, -3, 0),
            Self::NextQuarter => months(quarter, 3, 6),
            Self::ThisYear => months(year, 0, 12),
            Self::LastYear => months(year, -12, 0),
            Self::NextYear => months(year, 12, 24),
        }
    }
}

fn plus_days(day: Date, days: i32) -> Result<Date> {
    Date::from_days(day.days().saturating_add(days))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_begin_and_end_where_a_calendar_on_the_wall_says() {
        let count = DayCount {
            today: "2026-11-22".parse().unwrap(),
            week_start: Weekday::MONDAY,
            fiscal_month: Month::new(4).unwrap(),
        };
        let expected = [
            (Period::Today, "2026-11-22", "2026-11-23"),
            (Period::Last7Days, "2026-11-16", "2026-11-23"),
            (Period::Next30Days, "2026-11-22", "2026-12-22"),
            (Period::ThisWeek, "2026-11-16", "2026-11-23"),
            (Period::LastMonth, "2026-10-01", "2026-11-01"),
            (Period::NextMonth, "2026-12-01", "2027-01-01"),
            (Period::ThisQuarter, "2026-10-01", "2027-01-01"),
            (Period::LastQuarter, "2026-07-01", "2026-10-01"),
            (Period::ThisYear, "2026-04-01", "2027-04-01"),
            (Period::LastYear, "2025-04-01", "2026-04-01"),
        ];
        for (period, first, end) in expected {
            let (from, to) = period.days(&count).unwrap();
            assert_eq!((from.to_string().as_str(), to.to_string().as_str()), (first, end), "{period:?}");
        }
    }

    #[test]
    fn every_span_has_a_name_of_its_own_that_leads_back_to_it() {
        for period in Period::ALL {
            assert_eq!(Period::from_code(period.code()), Some(*period));
        }
        assert_eq!(Period::from_code("the_other_day"), None);
    }
}
