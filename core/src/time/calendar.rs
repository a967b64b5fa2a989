//! Working time: what a calendar says of each day, and sums in it.
//!
//! A day works as the week does that is in force on it, unless the day itself says otherwise: a holiday does not work,
//! and a make-up workday does, though it is a Saturday or Sunday. All hours are those of the calendar's own zone.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::base::{Code, Date, Duration, Error, Result, Time, TimeZone, Timestamp};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// Most days in a row without working time: after these nobody works any more.
const MAX_IDLE_DAYS: i32 = 3_700;
/// Most intervals of one day.
const MAX_INTERVALS: usize = 24;

/// The hours of a day in which there is work: intervals that are apart, in their order; none for a day off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkingHours(Vec<(i64, i64)>);

impl WorkingHours {
    /// The intervals, in microseconds after midnight: from, and up to but without.
    #[must_use]
    pub fn intervals(&self) -> &[(i64, i64)] {
        &self.0
    }

    /// Whether there is no work.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for WorkingHours {
    type Err = Error;

    /// Reads `09:00-12:00 13:30-18:00`; `24:00` is the midnight behind the day, and an empty text is a day off.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::new(Code::WrongType).rule("hours (09:00-12:00 13:30-18:00)").value(text);
        let time = |text: &str| match text {
            "24:00" => Ok(DAY),
            text => text.parse::<Time>().map(Time::micros),
        };
        let parts = text.split([' ', ',', '，', '、']).filter(|part| !part.is_empty());
        let intervals = parts.map(|part| {
            let (from, to) = part.split_once('-').ok_or_else(wrong)?;
            Ok((time(from).map_err(|_| wrong())?, time(to).map_err(|_| wrong())?))
        });
        let intervals: Vec<(i64, i64)> = intervals.collect::<Result<_>>()?;
        let forward = intervals.iter().all(|(from, to)| from < to);
        let apart = intervals.iter().zip(intervals.iter().skip(1)).all(|(one, next)| one.1 <= next.0);
        match forward && apart && intervals.len() <= MAX_INTERVALS {
            true => Ok(Self(intervals)),
            false => Err(wrong()),
        }
    }
}

/// A day that is otherwise than its weekday.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecialDay {
    /// Nobody works.
    Off,
    /// People work, as on the first working day of the week, unless hours are said.
    Work(Option<WorkingHours>),
}

/// Working time of an organisation, a unit or a person.
#[derive(Debug, Clone)]
pub struct BusinessCalendar {
    zone: TimeZone,
    weeks: BTreeMap<Date, [WorkingHours; 7]>,
    special: BTreeMap<Date, SpecialDay>,
}

impl BusinessCalendar {
    /// A calendar in which nobody works yet.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, weeks: BTreeMap::new(), special: BTreeMap::new() }
    }

    /// The same with a week, Monday first, that is in force from a day on.
    #[must_use]
    pub fn with_week(mut self, from: Date, days: [WorkingHours; 7]) -> Self {
        self.set_week(from, days);
        self
    }

    /// The same with a day that is otherwise.
    #[must_use]
    pub fn with_day(mut self, day: Date, special: SpecialDay) -> Self {
        self.set_day(day, special);
        self
    }

    pub(super) fn set_week(&mut self, from: Date, days: [WorkingHours; 7]) {
        self.weeks.insert(from, days);
    }

    pub(super) fn set_day(&mut self, day: Date, special: SpecialDay) {
        self.special.insert(day, special);
    }

    /// The zone of its hours.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The hours of a day; none before the first week is in force.
    #[must_use]
    pub fn hours_on(&self, day: Date) -> &[(i64, i64)] {
        let week = self.weeks.range(..=day).next_back().map(|(_, week)| week);
        match self.special.get(&day) {
            Some(SpecialDay::Off) => &[],
            Some(SpecialDay::Work(Some(hours))) => hours.intervals(),
            Some(SpecialDay::Work(None)) => {
                let usual = week.and_then(|week| week.iter().find(|hours| !hours.is_empty()));
                usual.map_or(&[], WorkingHours::intervals)
            }
            None => {
                let place = usize::try_from(day.weekday().days_after_monday()).unwrap_or(0);
                week.and_then(|week| week.get(place)).map_or(&[], WorkingHours::intervals)
            }
        }
    }

    /// Whether there is work on a day.
    #[must_use]
    pub fn is_workday(&self, day: Date) -> bool {
        !self.hours_on(day).is_empty()
    }

    /// Whether a moment is in working time.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] at the ends of the calendar.
    pub fn is_working(&self, moment: Timestamp) -> Result<bool> {
        let spans = self.spans(moment.date_in(&self.zone))?;
        Ok(spans.iter().any(|(from, to)| *from <= moment && moment < *to))
    }

    /// The moment at which so much working time has passed since a moment: that moment itself for none. It is the end
    /// of an interval, not the beginning of the next one, where both are as far.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] for time below zero, and where nobody works for ten years.
    pub fn add(&self, start: Timestamp, time: Duration) -> Result<Timestamp> {
        let mut left = time.micros();
        if left < 0 {
            return Err(Error::new(Code::OutOfRange).rule("working time >= 0"));
        }
        if left == 0 {
            return Ok(start);
        }
        let (mut day, mut idle) = (start.date_in(&self.zone), 0_i32);
        loop {
            for (from, to) in self.spans(day)? {
                let from = from.max(start).micros();
                let length = to.micros().saturating_sub(from);
                if length <= 0 {
                    continue;
                }
                if left <= length {
                    return Ok(Timestamp::from_micros(from.saturating_add(left)));
                }
                left = left.saturating_sub(length);
                idle = 0;
            }
            idle = idle.saturating_add(1);
            if idle > MAX_IDLE_DAYS {
                return Err(Error::new(Code::OutOfRange).rule("a calendar in which somebody works"));
            }
            day = day.plus_days(1)?;
        }
    }

    /// The working time between two moments; below zero where the second one is earlier.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] at the ends of the calendar.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Result<Duration> {
        if to < from {
            let turned = self.between(to, from)?.micros();
            return Ok(Duration::from_micros(turned.saturating_neg()));
        }
        let (mut day, last) = (from.date_in(&self.zone), to.date_in(&self.zone));
        let mut sum = 0_i64;
        while day <= last {
            for (begin, end) in self.spans(day)? {
                let part = end.min(to).micros().saturating_sub(begin.max(from).micros());
                sum = sum.saturating_add(part.max(0));
            }
            day = day.plus_days(1)?;
        }
        Ok(Duration::from_micros(sum))
    }

    /// When something is due that may take so much working time and was paused meanwhile: each pause, from and to,
    /// adds the working time that it took. Pauses that meet count once.
    ///
    /// # Errors
    /// As [`BusinessCalendar::add`].
    pub fn due(
        &self,
        start: Timestamp,
        target: Duration,
        pauses: &[(Timestamp, Timestamp)],
    ) -> Result<Timestamp> {
        let mut sorted = pauses.to_vec();
        sorted.sort_unstable();
        let (mut paused, mut reached) = (0_i64, start);
        for (from, to) in sorted {
            let from = from.max(reached);
            if from < to {
                paused = paused.saturating_add(self.between(from, to)?.micros());
                reached = to;
            }
        }
        self.add(start, Duration::from_micros(target.micros().saturating_add(paused)))
    }

    /// The working intervals of a day as moments.
    fn spans(&self, day: Date) -> Result<Vec<(Timestamp, Timestamp)>> {
        let spans = self.hours_on(day).iter();
        spans.map(|(from, to)| Ok((day.at(*from, &self.zone)?, day.at(*to, &self.zone)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moment(text: &str) -> Timestamp {
        format!("{}:00+08:00", text.replace(' ', "T")).parse().unwrap()
    }

    fn hours(number: i64) -> Duration {
        Duration::from_micros(number * 3_600_000_000)
    }

    /// The calendar of domain.md, chapter 7.
    fn golden() -> BusinessCalendar {
        let work: WorkingHours = "09:00-12:00 13:30-18:00".parse().unwrap();
        let off = WorkingHours::default();
        let five = [work.clone(), work.clone(), work.clone(), work.clone(), work, off.clone(), off];
        let zone = TimeZone::named("Asia/Shanghai").unwrap();
        let mut calendar = BusinessCalendar::new(zone).with_week("2020-01-01".parse().unwrap(), five);
        for day in 1..=5 {
            calendar = calendar.with_day(Date::new(2026, 5, day).unwrap(), SpecialDay::Off);
        }
        calendar.with_day(Date::new(2026, 5, 9).unwrap(), SpecialDay::Work(None))
    }

    #[test]
    fn working_time_is_added_over_lunch_holidays_and_make_up_days() {
        let cases = [
            ("2026-04-30 17:00", 2, "2026-05-06 10:00"),
            ("2026-04-30 11:30", 1, "2026-04-30 14:00"),
            ("2026-05-02 10:00", 4, "2026-05-06 14:30"),
            ("2026-05-08 17:30", 1, "2026-05-09 09:30"),
            ("2026-05-09 16:00", 8, "2026-05-11 16:30"),
        ];
        for (start, added, due) in cases {
            assert_eq!(golden().add(moment(start), hours(added)).unwrap(), moment(due), "{start} + {added}");
        }
    }

    #[test]
    fn a_pause_adds_the_working_time_that_it_took_and_lunch_is_none() {
        let pause = (moment("2026-05-06 10:00"), moment("2026-05-06 14:30"));
        let due = golden().due(moment("2026-05-06 09:00"), hours(4), &[pause]).unwrap();
        assert_eq!(due, moment("2026-05-06 17:30"));
    }

    #[test]
    fn hours_that_overlap_or_go_back_are_refused() {
        for text in ["09:00-08:00", "09:00-12:00 11:00-13:00", "9", "09:00-25:00", "09:00-09:00"] {
            assert!(text.parse::<WorkingHours>().is_err(), "{text}");
        }
        assert!("".parse::<WorkingHours>().unwrap().is_empty());
        assert_eq!("22:00-24:00".parse::<WorkingHours>().unwrap().intervals(), [(79_200_000_000, DAY)]);
    }

    #[test]
    fn a_calendar_in_which_nobody_works_ends_and_does_not_run_for_ever() {
        let nobody = BusinessCalendar::new(TimeZone::utc());
        assert_eq!(nobody.add(moment("2026-01-01 00:00"), hours(1)).unwrap_err().code(), Code::OutOfRange);
        assert_eq!(nobody.between(moment("2026-01-01 00:00"), moment("2026-02-01 00:00")).unwrap(), hours(0));
    }

    #[test]
    fn a_night_when_clocks_are_set_has_as_many_hours_as_pass() {
        let night: WorkingHours = "00:00-06:00".parse().unwrap();
        let zone = TimeZone::named("Europe/Berlin").unwrap();
        let week = std::array::from_fn(|_| night.clone());
        let calendar = BusinessCalendar::new(zone).with_week("2020-01-01".parse().unwrap(), week);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let spring = calendar.between(at("2026-03-28T23:00:00Z"), at("2026-03-29T12:00:00Z")).unwrap();
        assert_eq!(spring, hours(5));
        let autumn = calendar.between(at("2026-10-24T22:00:00Z"), at("2026-10-25T12:00:00Z")).unwrap();
        assert_eq!(autumn, hours(7));
    }

    proptest! {
        #[test]
        fn what_is_added_lies_between(start in 0_i64..40_000, first in 0_i64..20_000, more in 0_i64..20_000) {
            let minute = |number: i64| Duration::from_micros(number * 60_000_000);
            let start = Timestamp::from_micros(moment("2026-04-20 00:00").micros() + minute(start).micros());
            let calendar = golden();
            let one = calendar.add(start, minute(first)).unwrap();
            let two = calendar.add(start, minute(first + more)).unwrap();
            prop_assert_eq!(calendar.between(start, one).unwrap(), minute(first));
            prop_assert!(one <= two);
            prop_assert_eq!(calendar.add(one, minute(more)).unwrap(), two);
        }

        #[test]
        fn a_pause_that_is_split_changes_nothing(begin in 0_i64..9_000, length in 1_i64..5_000, cut in 0_i64..5_000) {
            let at = |minutes: i64| Timestamp::from_micros(moment("2026-05-06 09:00").micros() + minutes * 60_000_000);
            let (from, to, middle) = (at(begin), at(begin + length), at(begin + cut.min(length)));
            let calendar = golden();
            let whole = calendar.due(at(0), hours(4), &[(from, to)]).unwrap();
            prop_assert_eq!(calendar.due(at(0), hours(4), &[(middle, to), (from, middle)]).unwrap(), whole);
        }
    }
}
