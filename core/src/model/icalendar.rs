//! A calendar as a file: events and tasks of somebody in the form of RFC 5545, which calendars of phones and desks read.
//!
//! Each time of an event that comes again stands for itself. So nobody has to know our zones and rules to read the file,
//! and it is of a span of time anyway.

use crate::base::{Code, Error, RecordId, Result, TimeZone, Timestamp, Value};
use crate::engine::{Comparison, Condition, Find, Listing, Session};
use crate::model::Task;
use crate::model::event::{self, Occurrence};
use crate::model::task::{self, Priority, TaskStatus};
use crate::schema::{EntityType, TypedField};

/// Most octets of a line, without its end (RFC 5545, 3.1).
const MAX_LINE: usize = 75;
/// Most tasks of one file.
const MAX_TASKS: usize = 1_000;

impl Session {
    /// The events that reach into a span of time and the tasks that are due in it, of one person, as a file of RFC 5545:
    /// those that the user sees, with what the user sees of them.
    ///
    /// # Errors
    /// `input.limit_exceeded` for more than 1,000 tasks; as [`Session::occurrences`].
    pub fn icalendar(&self, of: RecordId, from: Timestamp, to: Timestamp) -> Result<String> {
        let owned = || Condition::Compare("owner".into(), Comparison::Equal, Value::Id(of));
        let times = self.occurrences(from, to, &owned())?;
        let due = [task::DUE_AT.at_least(from), task::DUE_AT.below(to), owned()];
        let find = Find { filter: Condition::All(due.into()), limit: MAX_TASKS, ..Find::default() };
        let tasks = self.list(Task::NAME, &find)?;
        if tasks.next.is_some() {
            return Err(Error::new(Code::LimitExceeded).entity(Task::NAME).rule("tasks <= 1000"));
        }
        let zone = self.crm().settings().zone()?;
        let mut file = File::default();
        file.line("BEGIN", "VCALENDAR");
        file.line("VERSION", "2.0");
        file.line("PRODID", "-//Guanxi//Guanxi//EN");
        file.line("CALSCALE", "GREGORIAN");
        times.iter().try_for_each(|time| file.event(time, &zone))?;
        tasks.rows.iter().try_for_each(|task| file.task(task))?;
        file.line("END", "VCALENDAR");
        Ok(file.text)
    }
}

/// A file that grows by lines.
#[derive(Default)]
struct File {
    text: String,
}

impl File {
    /// One line, folded where it is too long: not within a character, and each part that follows begins with a blank.
    fn line(&mut self, name: &str, value: &str) {
        let mut octets = 0;
        for character in format!("{name}:{value}").chars() {
            if octets + character.len_utf8() > MAX_LINE {
                self.text.push_str("\r\n ");
                octets = 1;
            }
            self.text.push(character);
            octets += character.len_utf8();
        }
        self.text.push_str("\r\n");
    }

    /// A line of text, if there is one.
    fn said(&mut self, name: &str, value: &Value) {
        if let Some(text) = value.as_text() {
            self.line(name, &escaped(text));
        }
    }

    fn event(&mut self, time: &Occurrence, zone: &TimeZone) -> Result<()> {
        let row = &time.event;
        let again = row.value(event::REPEATS)? == Value::Bool(true);
        let id = row.record.id;
        let name = if again { format!("{id}-{}@guanxi", stamp(time.from)) } else { format!("{id}@guanxi") };
        self.line("BEGIN", "VEVENT");
        self.line("UID", &name);
        self.line("DTSTAMP", &stamp(row.record.envelope.modified.at()));
        match row.value(event::ALL_DAY)? == Value::Bool(true) {
            true => {
                let day = |moment: Timestamp| moment.date_in(zone);
                let last = day(time.to.max(time.from));
                // The end is the day after the last one; a day that is over at midnight was the one before.
                let ends_at_midnight = last.start_in(zone)? == time.to && last > day(time.from);
                let end = if ends_at_midnight { last } else { last.plus_days(1)? };
                self.line("DTSTART;VALUE=DATE", &compact(&day(time.from).to_string()));
                self.line("DTEND;VALUE=DATE", &compact(&end.to_string()));
            }
            false => {
                self.line("DTSTART", &stamp(time.from));
                self.line("DTEND", &stamp(time.to));
            }
        }
        self.said("SUMMARY", &row.value(event::SUBJECT)?);
        self.said("LOCATION", &row.value(event::PLACE)?);
        self.said("DESCRIPTION", &row.value(event::NOTE)?);
        self.line("END", "VEVENT");
        Ok(())
    }

    fn task(&mut self, row: &Listing) -> Result<()> {
        self.line("BEGIN", "VTODO");
        self.line("UID", &format!("{}@guanxi", row.record.id));
        self.line("DTSTAMP", &stamp(row.record.envelope.modified.at()));
        self.moment("DUE", row, task::DUE_AT)?;
        self.said("SUMMARY", &row.value(task::SUBJECT)?);
        self.said("DESCRIPTION", &row.value(task::NOTE)?);
        let status = row.value(task::STATUS)?;
        let status = match status.as_text().and_then(TaskStatus::from_code) {
            Some(TaskStatus::InProgress) => "IN-PROCESS",
            Some(TaskStatus::Done) => "COMPLETED",
            Some(TaskStatus::Cancelled) => "CANCELLED",
            Some(TaskStatus::Open) | None => "NEEDS-ACTION",
        };
        self.line("STATUS", status);
        self.moment("COMPLETED", row, task::DONE_AT)?;
        let priority = row.value(task::PRIORITY)?;
        if let Some(priority) = priority.as_text().and_then(Priority::from_code) {
            let number = match priority {
                Priority::High => "1",
                Priority::Normal => "5",
                Priority::Low => "9",
            };
            self.line("PRIORITY", number);
        }
        self.line("END", "VTODO");
        Ok(())
    }

    fn moment(
        &mut self,
        name: &str,
        row: &Listing,
        field: TypedField<Task, crate::schema::DateTime>,
    ) -> Result<()> {
        if let Value::DateTime(moment) = row.value(field)? {
            self.line(name, &stamp(moment));
        }
        Ok(())
    }
}

/// A moment in whole seconds of UTC: `20261130T010000Z`.
fn stamp(moment: Timestamp) -> String {
    let fraction = moment.micros().rem_euclid(1_000_000);
    compact(&Timestamp::from_micros(moment.micros().saturating_sub(fraction)).to_string())
}

fn compact(text: &str) -> String {
    text.replace(['-', ':'], "")
}

/// Text as a value (RFC 5545, 3.3.11), without control characters, which no file may have.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.replace("\r\n", "\n").chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\\' | ';' | ',' => escaped.extend(['\\', character]),
            character if character.is_control() && character != '\t' => {}
            character => escaped.push(character),
        }
    }
    escaped
}
