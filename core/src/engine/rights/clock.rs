//! The clocks by which requests are answered. A period ends with its last day, in the organisation's zone; days on which
//! nobody works do not lengthen it, so that what is told is never later than what a law gives.

use crate::base::{Date, Result, TimeZone, Timestamp};
use crate::engine::rights::record::PrivacyLaw;

/// How long a law gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// Calendar months from the day of receipt; a month that is too short ends it with its last day.
    Months(i64),
    /// Calendar days after the day of receipt.
    Days(u32),
    /// Days from Monday to Friday after the day of receipt. Public holidays are not known here.
    WorkingDays(u32),
}

/// What follows from a law for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// By when it is answered.
    pub answer: Span,
    /// By when, with more time; nothing where the law gives none.
    pub extended: Option<Span>,
    /// By when its receipt is confirmed, where the law says so.
    pub confirm: Option<Span>,
}

/// The days that settings say where a law has no number.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConfiguredDays {
    pub pipl_working_days: u32,
    pub other_days: u32,
}

impl Clock {
    /// GDPR art. 12(3): one month of receipt, two further months where necessary. CCPA §1798.130(a)(2): 45 days, once 45
    /// more; confirmation within 10 business days by its regulations, 11 CCR §7021(a). PIPL art. 50 asks for a
    /// convenient and timely procedure and has no number, so that days are those of a setting, 15 working days where
    /// nobody has said otherwise, which is a practice and not the law's.
    pub fn of(law: PrivacyLaw, days: ConfiguredDays) -> Self {
        match law {
            PrivacyLaw::Gdpr => {
                Self { answer: Span::Months(1), extended: Some(Span::Months(3)), confirm: None }
            }
            PrivacyLaw::Ccpa => Self {
                answer: Span::Days(45),
                extended: Some(Span::Days(90)),
                confirm: Some(Span::WorkingDays(10)),
            },
            PrivacyLaw::Pipl => {
                Self { answer: Span::WorkingDays(days.pipl_working_days), extended: None, confirm: None }
            }
            PrivacyLaw::Other => Self { answer: Span::Days(days.other_days), extended: None, confirm: None },
        }
    }
}

impl Span {
    /// The moment with which it is over: the beginning of the day after its last one.
    pub fn end(self, received: Timestamp, zone: &TimeZone) -> Result<Timestamp> {
        let day = received.date_in(zone);
        let last = match self {
            Self::Months(months) => day.plus_months(months)?,
            Self::Days(days) => later(day, days)?,
            Self::WorkingDays(days) => working(day, days)?,
        };
        later(last, 1)?.start_in(zone)
    }
}

fn later(day: Date, days: u32) -> Result<Date> {
    Date::from_days(day.days().saturating_add(i32::try_from(days).unwrap_or(i32::MAX)))
}

/// The last of so many days from Monday to Friday after a day.
fn working(mut day: Date, days: u32) -> Result<Date> {
    let mut left = days;
    while left > 0 {
        day = later(day, 1)?;
        if is_working(day) {
            left = left.saturating_sub(1);
        }
    }
    Ok(day)
}

/// 1970-01-01, from which days are counted, was a Thursday.
fn is_working(day: Date) -> bool {
    day.days().saturating_add(3).rem_euclid(7) < 5
}
