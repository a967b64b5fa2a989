//! Birthday reminder: somebody who wants to be reminded of a contact's birthday, by either calendar.
//!
//! When it comes is worked out for whoever may see the birthday and for nobody else; what the reminder says is the name
//! and the day, never an age.

use std::sync::Arc;

use crate::base::{Code, Date, Error, Label, RecordId, Result, TimeZone, Timestamp, Value};
use crate::engine::{BeforeSave, Changes, DueDone, DueWork, Registrar, Save, Transaction};
use crate::model::{Contact, contact, task};
use crate::schema::declare::{codes, entity};
use crate::schema::{
    Choice, DateTime, EntityType, IndexDefinition, Int, OnDelete, RecordReference, Reference, Text,
};
use crate::time::{LeapMonthRule, LunarDate};

/// Most days between a reminder and the birthday.
const MAX_DAYS: i64 = 60;
/// Microseconds after which it is looked whether a birthday is seen again that was not.
const LOOK_AGAIN: i64 = 30 * 86_400_000_000;

codes! {
    /// By which calendar a birthday is kept.
    BirthdayCalendar {
        /// On the same day of the Gregorian year; one of the 29th of February on the 28th in years without.
        Gregorian = "gregorian", "公历", "Gregorian";
        /// On the same day of the Chinese lunar year; one of a leap month in the usual month of the number.
        Lunar = "lunar", "农历", "Lunar";
        /// As before, but one of a leap month in years alone that have it.
        LunarLeap = "lunar_leap", "农历（仅闰月）", "Lunar, leap month alone";
    }
}

entity! {
    /// That its owner is to be reminded of a contact's birthday, each year.
    BirthdayReminder = ("crm", 24, "birthday_reminder", "生日提醒", "Birthday reminder",
        "每年提醒其负责人某联系人的生日。", title "key", data_subject false);
    /// Whose birthday.
    CONTACT: Reference<Contact> = 1, "contact", "联系人", "Contact", "过生日的联系人。",
        [required = true, on_delete = OnDelete::Cascade];
    /// By which calendar it is kept; by the Gregorian one if not said.
    CALENDAR: Choice<BirthdayCalendar> = 2, "calendar", "历法", "Calendar", "按何种历法过生日；未填写时为公历。", [];
    /// How many days before, from 0 to 60; on the day itself if not said.
    DAYS_BEFORE: Int = 3, "days_before", "提前天数", "Days before", "提前多少天提醒，0 至 60；未填写时为当天。", [];
    /// When its owner is reminded next. The engine keeps it.
    NEXT_AT: DateTime = 4, "next_at", "下次提醒时间", "Next at", "下次提醒的时刻，由引擎维护。", [read_only = true];
    /// What stands once: the contact and the owner. The engine keeps it.
    KEY: Text = 5, "key", "唯一标识", "Key", "由联系人与负责人构成的唯一标识，由引擎维护。", [unique = true, read_only = true];
}

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(BirthdayReminder::definition().in_module("work"));
    registrar.before_save(BirthdayReminder::NAME, 100, Arc::new(Plan));
    registrar.before_save(Contact::NAME, 200, Arc::new(FollowBirthday));
    let due = IndexDefinition::of_due("crm", 1, "birthdays", NEXT_AT.name());
    registrar.due(BirthdayReminder::NAME, due, Arc::new(Remind));
}

/// How a reminder wants it.
#[derive(Debug, Clone, Copy)]
struct Wish {
    calendar: BirthdayCalendar,
    days_before: i64,
}

impl Wish {
    fn of(value: &dyn Fn(&'static str) -> Result<Value>) -> Result<Self> {
        let calendar = value(CALENDAR.name())?;
        let days_before = match value(DAYS_BEFORE.name())? {
            Value::Int(days) => days,
            _ => 0,
        };
        let calendar = calendar.as_text().and_then(BirthdayCalendar::from_code);
        Ok(Self { calendar: calendar.unwrap_or(BirthdayCalendar::Gregorian), days_before })
    }

    /// The first birthday on or after a day; nothing where none is known any more.
    fn birthday(self, born: Date, from: Date) -> Result<Option<Date>> {
        let rule = match self.calendar {
            BirthdayCalendar::Gregorian => return gregorian(born, from).map(Some),
            BirthdayCalendar::Lunar => LeapMonthRule::UsualMonth,
            BirthdayCalendar::LunarLeap => LeapMonthRule::LeapMonthAlone,
        };
        match LunarDate::of(born).and_then(|lunar| lunar.next_after(from, rule)) {
            Err(error) if error.code() == Code::OutOfRange => Ok(None),
            day => day.map(Some),
        }
    }

    /// The day on which somebody is reminded of a birthday.
    fn reminder_of(self, birthday: Date) -> Result<Date> {
        birthday.plus_days(-i32::try_from(self.days_before).unwrap_or(0))
    }

    /// The first moment after another one at which somebody is reminded, and of which day.
    fn next(self, born: Date, now: Timestamp, zone: &TimeZone) -> Result<Option<(Timestamp, Date)>> {
        let mut from = now.date_in(zone);
        // The birthday that comes first may be one of which it is too late to remind.
        for _ in 0..2 {
            let Some(day) = self.birthday(born, from)? else { return Ok(None) };
            let at = self.reminder_of(day)?.start_in(zone)?;
            if at > now {
                return Ok(Some((at, day)));
            }
            from = day.plus_days(1)?;
        }
        Ok(None)
    }
}

/// The first day of the same month and day on or after another one.
fn gregorian(born: Date, from: Date) -> Result<Date> {
    let in_year =
        |year: i16| Date::new(year, born.month(), born.day()).or_else(|_| Date::new(year, born.month(), 28));
    let day = in_year(from.year())?;
    if day >= from { Ok(day) } else { in_year(from.year().saturating_add(1)) }
}

fn born_on(value: &Value) -> Option<Date> {
    match value {
        Value::Date(day) => Some(*day),
        _ => None,
    }
}

/// Finds when a reminder comes, for whoever sees the birthday.
struct Plan;

impl BeforeSave for Plan {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if !save.changes_what_is_said() && save.old_owner() == Some(save.owner()) {
            return Ok(());
        }
        save.check_user_sees(Contact::NAME, contact::BIRTHDAY)?;
        if matches!(save.value(DAYS_BEFORE)?, Value::Int(days) if !(0..=MAX_DAYS).contains(&days)) {
            return Err(Error::new(Code::OutOfRange).field("days_before").rule("0 to 60"));
        }
        let Some(contact) = save.value(CONTACT)?.as_id() else { return Ok(()) };
        // A contact that is named anew is held against what the user sees as any reference is.
        if !save.changes(CONTACT)? {
            save.check_user_reaches(Contact::NAME, contact)?;
        }
        save.set(KEY, format!("{contact}.{}", save.owner()))?;
        let born = born_on(&save.value_of(Contact::NAME, contact, contact::BIRTHDAY)?);
        let wish = Wish::of(&|name| save.value(name))?;
        let (now, zone) = (save.now(), save.zone()?);
        let next = born.map(|born| wish.next(born, now, &zone)).transpose()?.flatten();
        save.set(NEXT_AT, next.map(|(at, _)| at))
    }
}

/// Brings reminders to a birthday that was said anew, so that nobody learns it by the moment who does not see it.
struct FollowBirthday;

impl BeforeSave for FollowBirthday {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if save.is_new() || !save.changes(contact::BIRTHDAY)? {
            return Ok(());
        }
        let born = born_on(&save.value(contact::BIRTHDAY)?);
        let (now, zone) = (save.now(), save.zone()?);
        let mut planned = Vec::new();
        for row in save.seen(BirthdayReminder::NAME, &CONTACT.is(save.record()), KEY)? {
            let wish = Wish::of(&|name| row.value(name))?;
            let next = match born {
                None => None,
                Some(born) if save.shows_to(row.owner(), contact::BIRTHDAY)? => {
                    wish.next(born, now, &zone)?.map(|(at, _)| at)
                }
                // The tick asks what is shared with the owner too.
                Some(_) => Some(now),
            };
            planned.push((row.id(), next));
        }
        for (reminder, at) in planned {
            save.also_update(BirthdayReminder::NAME, reminder, Changes::new().set(NEXT_AT, at));
        }
        Ok(())
    }
}

/// Reminds the owner by a task that is due on the birthday, unless the contact or its birthday is hidden by now.
struct Remind;

impl DueWork for Remind {
    fn name(&self) -> &'static str {
        "birthday.remind"
    }

    fn run(&self, transaction: &mut Transaction<'_>, record: RecordId) -> Result<DueDone> {
        let reminder = transaction.get_record(BirthdayReminder::NAME, record)?;
        let Some(id) = reminder.value(CONTACT)?.as_id() else { return Ok(DueDone::Again(None)) };
        let row = transaction.get_record(Contact::NAME, id)?;
        let Some(born) = born_on(&row.value(contact::BIRTHDAY)?) else { return Ok(DueDone::Again(None)) };
        let wish = Wish::of(&|name| reminder.value(name))?;
        let zone = transaction.reader().settings().zone()?;
        let now = transaction.now();
        let owner = reminder.record.envelope.owner;
        if !transaction.reader().shows_to(owner, Contact::NAME, id, contact::BIRTHDAY)? {
            let again = Timestamp::from_micros(now.micros().saturating_add(LOOK_AGAIN));
            return Ok(DueDone::Again(Some(again)));
        }
        // What has come too late is left out, and the next one is waited for.
        let today = now.date_in(&zone);
        let birthday = wish.birthday(born, today)?.map(|day| wish.reminder_of(day)).transpose()?;
        if birthday.is_some_and(|reminder| reminder <= today) {
            // The task says no day: others may see the task, and not the birthday.
            let words = Label::new("生日临近：", "A birthday is near: ");
            let subject = format!("{}{}", words.text(transaction.locale()), row.title());
            let about = RecordReference::new(Contact::NAME, id);
            let end_of_day = today.plus_days(1)?.start_in(&zone)?;
            task::tell(transaction, owner, (&subject, about), end_of_day)?;
        }
        Ok(DueDone::Again(wish.next(born, now, &zone)?.map(|(at, _)| at)))
    }
}
