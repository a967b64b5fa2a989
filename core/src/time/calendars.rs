//! Business calendars as records: what an organisation says of its weeks and days, and how it is read.
//!
//! A calendar has weeks, each in force from a day on, so that new hours change nothing of what was due before; and days
//! that are otherwise, such as the holidays and make-up workdays that the State Council gives out each autumn.

use std::sync::Arc;

use crate::base::{Code, Date, Error, RecordId, Result, TimeZone, Value};
use crate::engine::{
    Action, BeforeSave, Changes, Condition, Find, Listing, Reader, Registrar, Save, Session, Transaction,
    Upserted, WriteOptions,
};
use crate::schema::declare::codes;
use crate::schema::{EntityType, UniqueDefinition};
use crate::time::calendar::{BusinessCalendar, SpecialDay, WorkingHours};

/// Rows of one read.
const PAGE: usize = 1_000;
/// Most days of one call.
const MAX_DAYS: usize = 5_000;

codes! {
    /// How a day is otherwise than its weekday.
    DayKind {
        /// Nobody works.
        Off = "off", "休息日", "Off";
        /// People work, though they would not on this weekday, or at other hours.
        Work = "work", "工作日", "Workday";
    }
}

/// A business calendar.
pub mod calendar {
    use crate::schema::Text;
    use crate::schema::declare::entity;

    entity! {
        /// A business calendar: when people work.
        Calendar = ("sys", 121, "calendar", "工作日历", "Business calendar",
            "规定工作时间的日历。", title "name", data_subject false);
        /// The stable code, by which settings and methods name it.
        CODE: Text = 1, "code", "代码", "Code", "稳定代码，供设置和方法引用。",
            [required = true, unique = true, indexed = true];
        /// What it is called.
        NAME: Text = 2, "name", "名称", "Name", "日历名称。", [required = true];
        /// The zone of all its hours, by its IANA name: `Asia/Shanghai`.
        ZONE: Text = 3, "zone", "时区", "Time zone", "所有时间所用的时区，以 IANA 名称表示，如 `Asia/Shanghai`。",
            [required = true];
    }
}

/// The usual week of a calendar.
pub mod calendar_week {
    use super::Calendar;
    use crate::schema::declare::entity;
    use crate::schema::{DateOnly, OnDelete, Reference, Text};

    entity! {
        /// The hours of a week, in force from a day on until the next such week. A day without hours is a day off.
        CalendarWeek = ("sys", 122, "calendar_week", "日历工作周", "Calendar week",
            "自某日起生效的每周工作时间；未填写工作时间的为休息日。", title "note", data_subject false);
        /// The calendar.
        CALENDAR: Reference<Calendar> = 1, "calendar", "工作日历", "Calendar", "所属日历。",
            [required = true, on_delete = OnDelete::Cascade];
        /// The first day on which it is in force.
        VALID_FROM: DateOnly = 2, "valid_from", "生效日期", "Valid from", "开始生效的日期。",
            [required = true, indexed = true];
        /// The hours of Mondays: `09:00-12:00 13:30-18:00`.
        MONDAY: Text = 3, "monday", "星期一", "Monday", "星期一的工作时间，如 `09:00-12:00 13:30-18:00`。", [];
        /// The hours of Tuesdays.
        TUESDAY: Text = 4, "tuesday", "星期二", "Tuesday", "星期二的工作时间。", [];
        /// The hours of Wednesdays.
        WEDNESDAY: Text = 5, "wednesday", "星期三", "Wednesday", "星期三的工作时间。", [];
        /// The hours of Thursdays.
        THURSDAY: Text = 6, "thursday", "星期四", "Thursday", "星期四的工作时间。", [];
        /// The hours of Fridays.
        FRIDAY: Text = 7, "friday", "星期五", "Friday", "星期五的工作时间。", [];
        /// The hours of Saturdays.
        SATURDAY: Text = 8, "saturday", "星期六", "Saturday", "星期六的工作时间。", [];
        /// The hours of Sundays.
        SUNDAY: Text = 9, "sunday", "星期日", "Sunday", "星期日的工作时间。", [];
        /// Why the hours are these.
        NOTE: Text = 10, "note", "说明", "Note", "如此规定的原因。", [];
    }
}

/// A day of a calendar that is otherwise than its weekday.
pub mod calendar_day {
    use super::{Calendar, DayKind};
    use crate::schema::declare::entity;
    use crate::schema::{Choice, DateOnly, OnDelete, Reference, Text};

    entity! {
        /// A holiday, a make-up workday, or a day of other hours.
        CalendarDay = ("sys", 123, "calendar_day", "日历特殊日", "Calendar day",
            "节假日、调休工作日或工作时间不同的日子。", title "name", data_subject false);
        /// The calendar.
        CALENDAR: Reference<Calendar> = 1, "calendar", "工作日历", "Calendar", "所属日历。",
            [required = true, on_delete = OnDelete::Cascade];
        /// The day.
        DAY: DateOnly = 2, "day", "日期", "Day", "所指日期。", [required = true, indexed = true];
        /// Whether people work on it.
        KIND: Choice<DayKind> = 3, "kind", "类型", "Kind", "当日是否工作。", [required = true];
        /// The hours of a workday; those of the first working day of the week if not said.
        HOURS: Text = 4, "hours", "工作时间", "Hours", "工作日的工作时间；未填写时同本周首个工作日。", [];
        /// The name of the holiday.
        NAME: Text = 5, "name", "名称", "Name", "节日名称。", [];
    }
}

pub use calendar::Calendar;
pub use calendar_day::CalendarDay;
pub use calendar_week::CalendarWeek;

/// The fields of a week, Monday first.
const WEEKDAYS: [crate::schema::TypedField<CalendarWeek, crate::schema::Text>; 7] = [
    calendar_week::MONDAY,
    calendar_week::TUESDAY,
    calendar_week::WEDNESDAY,
    calendar_week::THURSDAY,
    calendar_week::FRIDAY,
    calendar_week::SATURDAY,
    calendar_week::SUNDAY,
];

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(Calendar::definition());
    registrar.entity(CalendarWeek::definition());
    registrar.entity(CalendarDay::definition());
    registrar
        .unique(CalendarWeek::NAME, UniqueDefinition::new("sys", "one_week", &["calendar", "valid_from"]));
    registrar.unique(CalendarDay::NAME, UniqueDefinition::new("sys", "one_day", &["calendar", "day"]));
    for entity in [Calendar::NAME, CalendarWeek::NAME, CalendarDay::NAME] {
        registrar.everybody_reads(entity);
        registrar.before_save(entity, 0, Arc::new(CheckCalendar));
    }
}

/// Holds what is said of calendars to what can be understood.
struct CheckCalendar;

impl BeforeSave for CheckCalendar {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let text = |save: &Save<'_>, field: &str| -> Result<Option<String>> {
            Ok(save.value(field)?.as_text().map(str::to_owned))
        };
        match save.entity() {
            Calendar::NAME => {
                let zone = text(save, "zone")?.unwrap_or_default();
                TimeZone::named(&zone).map(drop).map_err(|error| error.field("zone"))
            }
            CalendarDay::NAME => hours_of(text(save, "hours")?.as_deref(), "hours").map(drop),
            _ => WEEKDAYS
                .iter()
                .try_for_each(|day| hours_of(text(save, day.name())?.as_deref(), day.name()).map(drop)),
        }
    }
}

fn hours_of(text: Option<&str>, field: &str) -> Result<Option<WorkingHours>> {
    let hours = text.map(str::parse::<WorkingHours>).transpose();
    hours.map_err(|error| error.field(field))
}

/// A day as a table of holidays has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedDay {
    /// The day.
    pub day: Date,
    /// The name of the holiday to which it belongs.
    pub name: String,
    /// Whether nobody works; otherwise it is a workday.
    pub off: bool,
}

impl Reader<'_> {
    /// The business calendar with a code, whole.
    ///
    /// # Errors
    /// `record.not_found` where there is none; `access.not_permitted`.
    pub fn business_calendar(&self, code: &str) -> Result<BusinessCalendar> {
        let row = self.calendar_row(code)?;
        let zone = TimeZone::named(row.value(calendar::ZONE)?.as_text().unwrap_or_default())?;
        let mut made = BusinessCalendar::new(zone);
        self.each_row(CalendarWeek::NAME, calendar_week::CALENDAR.is(row.record.id), &mut |week| {
            let Value::Date(from) = week.value(calendar_week::VALID_FROM)? else { return Ok(()) };
            let mut days: [WorkingHours; 7] = std::array::from_fn(|_| WorkingHours::default());
            for (hours, field) in days.iter_mut().zip(WEEKDAYS) {
                let text = week.value(field)?;
                *hours = hours_of(text.as_text(), field.name())?.unwrap_or_default();
            }
            made.set_week(from, days);
            Ok(())
        })?;
        self.each_row(CalendarDay::NAME, calendar_day::CALENDAR.is(row.record.id), &mut |day| {
            let Value::Date(on) = day.value(calendar_day::DAY)? else { return Ok(()) };
            let works = day.value(calendar_day::KIND)?.as_text() == Some(DayKind::Work.code());
            let hours = hours_of(day.value(calendar_day::HOURS)?.as_text(), "hours")?;
            let special = if works { SpecialDay::Work(hours) } else { SpecialDay::Off };
            made.set_day(on, special);
            Ok(())
        })?;
        Ok(made)
    }

    fn calendar_row(&self, code: &str) -> Result<Listing> {
        let find = Find { filter: calendar::CODE.is(code), limit: 1, ..Find::default() };
        let missing = || Error::new(Code::RecordNotFound).entity(Calendar::NAME).value(code);
        self.find(Calendar::NAME, &find)?.rows.into_iter().next().ok_or_else(missing)
    }

    fn each_row(
        &self,
        entity: &str,
        filter: Condition,
        visit: &mut dyn FnMut(&Listing) -> Result<()>,
    ) -> Result<()> {
        let mut find = Find { filter, limit: PAGE, ..Find::default() };
        loop {
            let page = self.find(entity, &find)?;
            page.rows.iter().try_for_each(&mut *visit)?;
            match page.next {
                Some(next) => find.after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

impl Session {
    /// The business calendar with a code, as it is now. See [`Reader::business_calendar`].
    ///
    /// # Errors
    /// As [`Reader::business_calendar`].
    pub fn business_calendar(&self, code: &str) -> Result<BusinessCalendar> {
        self.read(|reader| reader.business_calendar(code))
    }

    /// Says of days of a calendar that they are holidays or make-up workdays, in place of what was said of them before,
    /// hours of their own among it, and gives how many that changed. At most 5,000 days.
    ///
    /// # Errors
    /// `record.not_found` without such a calendar; `access.not_permitted`; `input.limit_exceeded`.
    pub fn set_calendar_days(&self, code: &str, days: &[NamedDay]) -> Result<u64> {
        if days.len() > MAX_DAYS {
            return Err(Error::new(Code::LimitExceeded).field("days").rule("days <= 5000"));
        }
        self.check_may(CalendarDay::NAME, Action::Create)?;
        let options = WriteOptions::default().cause("calendar.set_days");
        self.write_with(options, |transaction| {
            let calendar = transaction.reader().calendar_row(code)?.record.id;
            let mut changed = 0_u64;
            for day in days {
                changed = changed.saturating_add(u64::from(set_day(transaction, calendar, day)?));
            }
            Ok(changed)
        })
    }
}

/// Says one day, and whether that changed anything.
fn set_day(transaction: &mut Transaction<'_>, calendar: RecordId, day: &NamedDay) -> Result<bool> {
    let kind = if day.off { DayKind::Off } else { DayKind::Work };
    let changes = Changes::new()
        .set(calendar_day::CALENDAR, calendar)
        .set(calendar_day::DAY, day.day)
        .set(calendar_day::KIND, kind)
        .set(calendar_day::HOURS, Value::Null)
        .set(calendar_day::NAME, day.name.as_str());
    let of_day = vec![calendar_day::CALENDAR.is(calendar), calendar_day::DAY.is(day.day)];
    let find = Find { filter: Condition::All(of_day), limit: 1, ..Find::default() };
    let stands = transaction.reader().find(CalendarDay::NAME, &find)?.rows.first().map(|row| row.record.id);
    match stands {
        Some(id) => {
            let upserted = transaction.update_record(CalendarDay::NAME, id, changes)?;
            Ok(upserted != Upserted::Unchanged(id))
        }
        None => transaction.create_record(CalendarDay::NAME, changes).map(|_| true),
    }
}
