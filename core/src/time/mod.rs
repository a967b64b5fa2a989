//! Floor 5: calendars, recurrence, lunar days, and what is due.
//!
//! It deliberately does not know what is done when a moment has come; whoever declares a field of moments says so
//! through [`Registrar::due`].
//! Invariants: nothing here reads a clock but that of the engine; a record that is due is worked on once however many
//! tick; what a calendar says of a day does not depend on the zone of the machine.

mod backups;
mod calendar;
mod calendars;
mod crontab;
mod due;
mod jobs;
mod lunar;
mod plugin_jobs;
mod recurrence;

pub(crate) use backups::health_to_json;
pub use backups::{BackupHealth, BackupSchedule};
pub use calendar::{BusinessCalendar, SpecialDay, WorkingHours};
pub use calendars::{
    Calendar, CalendarDay, CalendarWeek, DayKind, NamedDay, calendar as calendar_record, calendar_day,
    calendar_week,
};
pub use crontab::rule_of_schedule;
pub(crate) use due::is_of_record;
pub use due::{NotDone, Ticked};
pub use jobs::{JobOutcome, ScheduledJob, scheduled_job};
pub use lunar::{LeapMonthRule, LunarDate};
pub use recurrence::{MAX_OCCURRENCES, Recurrence};

use crate::engine::Registrar;

/// Declares calendars and scheduled jobs, for whatever model is built on them.
pub fn declare(registrar: &mut Registrar) {
    calendars::declare(registrar);
    jobs::declare(registrar);
}
