//! What comes again, as RFC 5545 says it in a line: `FREQ=WEEKLY;BYDAY=MO,WE`.
//!
//! The rule is expanded by `calcard` on the clock on the wall, and each time is then looked up in the tables of zones
//! that the engine has: a meeting at nine is at nine on both sides of the night when clocks are set. A time that such a
//! night skips is read as before the gap, as section 3.3.5 wants it.

use calcard::common::timezone::Tz;
use calcard::icalendar::ICalendar;

use crate::base::{Code, Date, Error, Result, TimeZone, Timestamp, Value};

/// Most times of one rule that are gone through by one call.
pub const MAX_OCCURRENCES: usize = 20_000;
/// Longest rule, in bytes.
const MAX_RULE: usize = 1_000;
/// Seconds of a day.
const DAY: i64 = 86_400;
/// How far ahead it is looked for the next time, in days: one step after the other, the last one far enough for
/// 29 February across a century that has none.
const WINDOWS: [i64; 5] = [2, 40, 400, 3_000, 15_000];
/// The parts of a rule.
const PARTS: [&str; 14] = [
    "FREQ",
    "UNTIL",
    "COUNT",
    "INTERVAL",
    "BYSECOND",
    "BYMINUTE",
    "BYHOUR",
    "BYDAY",
    "BYMONTHDAY",
    "BYYEARDAY",
    "BYWEEKNO",
    "BYMONTH",
    "BYSETPOS",
    "WKST",
];

/// A rule with its first time and zone.
#[derive(Debug, Clone)]
pub struct Recurrence {
    /// The parts but `UNTIL`.
    parts: Vec<(String, String)>,
    /// The last time that is possible, in seconds by the clock on the wall.
    until: Option<i64>,
    /// The first time, in seconds by the clock on the wall.
    start: i64,
    zone: TimeZone,
}

fn wrong(rule: &str) -> Error {
    Error::new(Code::InvalidArgument).field("rule").rule(rule)
}

impl Recurrence {
    /// A rule (the value of an `RRULE`), with the moment at which it begins and the zone in whose clocks it speaks. Parts
    /// of seconds of the beginning are left out, and nothing comes more often than every minute.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for what is no rule.
    pub fn new(rule: &str, start: Timestamp, zone: TimeZone) -> Result<Self> {
        let rule = rule.trim().to_ascii_uppercase();
        let rule = rule.strip_prefix("RRULE:").unwrap_or(&rule);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"=;,+-".contains(&byte);
        if rule.len() > MAX_RULE || !rule.bytes().all(plain) {
            return Err(wrong("RRULE of RFC 5545").value(rule));
        }
        let mut parts: Vec<(String, String)> = Vec::new();
        let mut until = None;
        for part in rule.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| wrong("NAME=VALUE").value(part))?;
            let known = PARTS.contains(&name) && parts.iter().all(|(known, _)| known != name);
            if !known || value.is_empty() {
                return Err(wrong("parts of RFC 5545, each once").value(part));
            }
            match name {
                "UNTIL" => until = Some(until_of(value, &zone)?),
                _ => parts.push((name.to_owned(), value.to_owned())),
            }
        }
        let start = on_the_wall(start, &zone)?;
        let made = Self { parts, until, start, zone };
        made.check()?;
        Ok(made)
    }

    /// The zone in whose clocks a rule speaks: the one that a record names in its field `zone`, or the usual one.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a zone that is unknown.
    pub(crate) fn zone_of(named: &Value, usual: impl FnOnce() -> Result<TimeZone>) -> Result<TimeZone> {
        match named.as_text() {
            Some(zone) => TimeZone::named(zone).map_err(|error| error.field("zone")),
            None => usual(),
        }
    }

    /// The times from one moment on and before another, the earliest first, at most so many.
    ///
    /// # Errors
    /// [`Code::LimitExceeded`] where more than [`MAX_OCCURRENCES`] times would have to be gone through.
    pub fn between(&self, from: Timestamp, to: Timestamp, most: usize) -> Result<Vec<Timestamp>> {
        if to <= from {
            return Ok(Vec::new());
        }
        // The clock on the wall may be behind or ahead by some hours on the nights when it is set.
        let (low, high) = (on_the_wall(from, &self.zone)?, on_the_wall(to, &self.zone)?);
        let walls = self.expand(low.saturating_sub(DAY), high.saturating_add(DAY))?;
        let mut found = Vec::new();
        for wall in walls {
            let moment = off_the_wall(wall, &self.zone)?;
            if from <= moment && moment < to && found.len() < most && found.last() != Some(&moment) {
                found.push(moment);
            }
        }
        Ok(found)
    }

    /// The first time after a moment, if there is one within the forty years that follow.
    ///
    /// # Errors
    /// As [`Recurrence::between`].
    pub fn next_after(&self, moment: Timestamp) -> Result<Option<Timestamp>> {
        let begin = moment.max(off_the_wall(self.start, &self.zone)?);
        let from = Timestamp::from_micros(moment.micros().saturating_add(1));
        for days in WINDOWS {
            let ahead = days.saturating_mul(DAY).saturating_mul(1_000_000);
            let to = Timestamp::from_micros(begin.micros().saturating_add(ahead));
            if let Some(next) = self.between(from, to, 1)?.first() {
                return Ok(Some(*next));
            }
        }
        Ok(None)
    }

    fn part(&self, name: &str) -> Option<&str> {
        self.parts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn interval(&self) -> Option<i64> {
        self.part("INTERVAL").map_or(Some(1), |text| text.parse().ok()).filter(|times| *times >= 1)
    }

    /// The length of a period that always takes as long by the clock on the wall, in seconds.
    fn period(&self) -> Option<i64> {
        let unit = match self.part("FREQ")? {
            "SECONDLY" => 1,
            "MINUTELY" => 60,
            "HOURLY" => 3_600,
            "DAILY" => DAY,
            "WEEKLY" => 7 * DAY,
            _ => return None,
        };
        unit.checked_mul(self.interval()?)
    }

    fn check(&self) -> Result<()> {
        const OFTEN: [&str; 6] = ["MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"];
        let often = self.part("FREQ").filter(|often| OFTEN.contains(often));
        let often = often.ok_or_else(|| wrong("FREQ is there, and MINUTELY at the most"))?;
        if self.part("COUNT").is_some() && self.until.is_some() {
            return Err(wrong("COUNT and UNTIL do not go together"));
        }
        let number = |name: &str| self.part(name).map_or(Some(1), |text| text.parse::<u16>().ok());
        if ["INTERVAL", "COUNT"].iter().any(|name| number(name).is_none_or(|number| number == 0)) {
            return Err(wrong("INTERVAL and COUNT are 1 to 65535"));
        }
        // The minutes of whole months would be gone through one by one.
        let of_months = ["BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"];
        if often == "MINUTELY" && of_months.iter().any(|part| self.part(part).is_some()) {
            return Err(wrong("MINUTELY does not go by days of months and years"));
        }
        let until = self.part("COUNT").is_none().then(|| self.start.saturating_add(DAY));
        expand(&self.text(self.start, until), 1).map(drop)
    }

    /// The times from one second by the clock on the wall up to another, and some before.
    fn expand(&self, low: i64, high: i64) -> Result<Vec<i64>> {
        let counted = self.part("COUNT").is_some();
        let start = match self.period().filter(|_| !counted) {
            // Whole periods are left out, but for the last one before.
            Some(period) => {
                let periods = low.saturating_sub(self.start).div_euclid(period).saturating_sub(1).max(0);
                self.start.saturating_add(periods.saturating_mul(period))
            }
            None => self.start,
        };
        let until = if counted { None } else { Some(self.until.map_or(high, |until| until.min(high))) };
        if until.is_some_and(|until| until < start) {
            return Ok(Vec::new());
        }
        let walls = expand(&self.text(start, until), MAX_OCCURRENCES)?;
        if walls.len() >= MAX_OCCURRENCES && walls.last().is_some_and(|last| *last < high) {
            return Err(Error::new(Code::LimitExceeded).field("rule").rule("times of a rule <= 20000"));
        }
        Ok(walls.into_iter().filter(|wall| self.until.is_none_or(|until| *wall <= until)).collect())
    }

    /// An event of iCalendar without a zone.
    fn text(&self, start: i64, until: Option<i64>) -> String {
        let parts = self.parts.iter().map(|(name, value)| format!("{name}={value}"));
        let until = until.map(|until| format!("UNTIL={}", written(until)));
        let rule: Vec<String> = parts.chain(until).collect();
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:{}\r\nDURATION:PT0S\r\nRRULE:{}\r\n\
             END:VEVENT\r\nEND:VCALENDAR\r\n",
            written(start),
            rule.join(";")
        )
    }
}

/// The times of an event without a zone, in seconds by the clock on the wall, the earliest first.
fn expand(event: &str, most: usize) -> Result<Vec<i64>> {
    let calendar = ICalendar::parse(event).map_err(|_| wrong("RRULE of RFC 5545"))?;
    let expanded = calendar.expand_dates(Tz::Floating, most);
    if let Some(error) = expanded.errors.first() {
        return Err(wrong("RRULE of RFC 5545").value(&format!("{:?}", error.error)));
    }
    let mut walls: Vec<i64> = expanded.events.iter().map(|event| event.start.timestamp()).collect();
    walls.sort_unstable();
    Ok(walls)
}

fn on_the_wall(moment: Timestamp, zone: &TimeZone) -> Result<i64> {
    let days = i64::from(moment.date_in(zone).days());
    let seconds = moment.time_in(zone)?.micros().div_euclid(1_000_000);
    Ok(days.saturating_mul(DAY).saturating_add(seconds))
}

fn off_the_wall(wall: i64, zone: &TimeZone) -> Result<Timestamp> {
    let out_of_range = |_| Error::new(Code::OutOfRange).rule("date");
    let day = Date::from_days(i32::try_from(wall.div_euclid(DAY)).map_err(out_of_range)?)?;
    day.at(wall.rem_euclid(DAY).saturating_mul(1_000_000), zone)
}

/// `20261130T090000`.
fn written(wall: i64) -> String {
    let day = Date::from_days(i32::try_from(wall.div_euclid(DAY)).unwrap_or(0)).unwrap_or(Date::EPOCH);
    let seconds = wall.rem_euclid(DAY);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{:04}{:02}{:02}T{hour:02}{minute:02}{second:02}", day.year(), day.month(), day.day())
}

/// The last second that `UNTIL` allows: of a day its end; in UTC where it ends with `Z`.
fn until_of(text: &str, zone: &TimeZone) -> Result<i64> {
    let fault = || wrong("UNTIL=20261231 or 20261231T090000Z").value(text);
    let digits = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse::<i16>().ok());
    let (year, month, day) = (digits(0, 4), digits(4, 6), digits(6, 8));
    let small = |number: Option<i16>| number.and_then(|number| i8::try_from(number).ok()).ok_or_else(fault);
    let day = Date::new(year.ok_or_else(fault)?, small(month)?, small(day)?).map_err(|_| fault())?;
    let midnight = i64::from(day.days()).saturating_mul(DAY);
    if text.len() == 8 {
        return Ok(midnight.saturating_add(DAY - 1));
    }
    let time = |from: usize, most: i16| {
        digits(from, from.saturating_add(2)).filter(|number| *number <= most).map(i64::from).ok_or_else(fault)
    };
    let seconds = time(9, 23)? * 3_600 + time(11, 59)? * 60 + time(13, 59)?;
    let wall = midnight.saturating_add(seconds);
    match (text.len(), text.get(8..9), text.get(15..)) {
        (15, Some("T"), _) => Ok(wall),
        (16, Some("T"), Some("Z")) => on_the_wall(off_the_wall(wall, &TimeZone::utc())?, zone),
        _ => Err(fault()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(text: &str, start: &str) -> Recurrence {
        let zone = TimeZone::named("America/New_York").unwrap();
        Recurrence::new(text, start.parse().unwrap(), zone).unwrap()
    }

    /// The first times, as RFC 3339 in UTC, but for the seconds.
    fn times(rule: &Recurrence, most: usize) -> Vec<String> {
        let (mut at, mut found) = (Timestamp::from_micros(0), Vec::new());
        while found.len() < most {
            let Some(next) = rule.next_after(at).unwrap() else { break };
            found.push(next.to_string().replace(":00Z", ""));
            at = next;
        }
        found
    }

    /// Examples of RFC 5545 section 3.8.5.3, which begin on 2 September 1997 at 9 in New York.
    #[test]
    fn examples_of_the_standard_come_out() {
        let begin = "1997-09-02T09:00:00-04:00";
        let cases: [(&str, &[&str]); 6] = [
            ("FREQ=DAILY;INTERVAL=10;COUNT=3", &["1997-09-02T13:00", "1997-09-12T13:00", "1997-09-22T13:00"]),
            (
                "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,TH;COUNT=4",
                &["1997-09-02T13:00", "1997-09-04T13:00", "1997-09-16T13:00", "1997-09-18T13:00"],
            ),
            // The last one is behind the night when clocks go back.
            ("FREQ=MONTHLY;BYDAY=1FR;COUNT=3", &["1997-09-05T13:00", "1997-10-03T13:00", "1997-11-07T14:00"]),
            ("FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=2", &["1997-09-28T13:00", "1997-10-29T14:00"]),
            (
                "FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3;COUNT=3",
                &["1997-09-04T13:00", "1997-10-07T13:00", "1997-11-06T14:00"],
            ),
            (
                "FREQ=DAILY;UNTIL=19970904T130000Z",
                &["1997-09-02T13:00", "1997-09-03T13:00", "1997-09-04T13:00"],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(times(&rule(text, begin), expected.len() + 1), expected, "{text}");
        }
    }

    #[test]
    fn a_meeting_at_nine_is_at_nine_on_both_sides_of_the_night_when_clocks_are_set() {
        let daily = rule("FREQ=DAILY", "2026-03-06T09:00:00-05:00");
        assert_eq!(times(&daily, 3), ["2026-03-06T14:00", "2026-03-07T14:00", "2026-03-08T13:00"]);
    }

    #[test]
    fn a_time_that_is_skipped_is_read_as_before_the_gap() {
        let daily = rule("FREQ=DAILY;COUNT=3", "2026-03-07T02:30:00-05:00");
        assert_eq!(times(&daily, 4), ["2026-03-07T07:30", "2026-03-08T07:30", "2026-03-09T06:30"]);
    }

    #[test]
    fn the_end_of_a_month_and_leap_days_are_met() {
        let ends = rule("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", "2026-01-31T12:00:00-05:00");
        assert_eq!(times(&ends, 3), ["2026-01-31T17:00", "2026-02-28T17:00", "2026-03-31T16:00"]);
        let leap = rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2024-02-29T12:00:00-05:00");
        assert_eq!(times(&leap, 2), ["2024-02-29T17:00", "2028-02-29T17:00"]);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        let refused = [
            "",
            "FREQ=OFTEN",
            "INTERVAL=2",
            "FREQ=DAILY;COUNT=2;UNTIL=20270101",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;FREQ=DAILY",
            "FREQ=DAILY\r\nDTSTART:20200101",
            "FREQ=DAILY;UNTIL=2027",
            "FREQ=DAILY;X=1",
        ];
        for text in refused {
            let refusal = Recurrence::new(text, Timestamp::from_micros(0), TimeZone::utc());
            assert_eq!(refusal.unwrap_err().code(), Code::InvalidArgument, "{text}");
        }
    }

    proptest! {
        /// Leaving out whole periods changes nothing: the times of a late window are those of a walk from the start.
        #[test]
        fn a_late_window_has_the_times_of_a_walk_from_the_start(
            often in prop::sample::select(vec!["DAILY", "WEEKLY", "HOURLY"]),
            interval in 1_u16..9,
            days in prop::sample::subsequence(vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"], 1..5),
            week_start in prop::sample::select(vec!["MO", "SU"]),
            ahead in 30_i64..300,
        ) {
            let text = format!("FREQ={often};INTERVAL={interval};BYDAY={};WKST={week_start}", days.join(","));
            let start: Timestamp = "2026-02-03T10:15:00Z".parse().unwrap();
            let whole = Recurrence::new(&text, start, TimeZone::named("Europe/Berlin").unwrap()).unwrap();
            let day = |days: i64| Timestamp::from_micros(start.micros() + days * DAY * 1_000_000);
            let all = whole.between(start, day(ahead + 30), MAX_OCCURRENCES).unwrap();
            let late: Vec<Timestamp> = all.into_iter().filter(|moment| *moment >= day(ahead)).collect();
            prop_assert_eq!(whole.between(day(ahead), day(ahead + 30), MAX_OCCURRENCES).unwrap(), late);
        }

        #[test]
        fn no_text_does_harm(text in "(FREQ=(DAILY|YEARLY|MONTHLY|WEEKLY))?(;BY(DAY|HOUR|WEEKNO|YEARDAY|SETPOS|MONTH)=[-+0-9A-Z,]{0,8}){0,3}") {
            if let Ok(made) = Recurrence::new(&text, Timestamp::from_micros(0), TimeZone::utc()) {
                let to = Timestamp::from_micros(400 * DAY * 1_000_000);
                let _ = made.between(Timestamp::from_micros(0), to, 100);
            }
        }
    }
}
