//! Calendars as files of RFC 5545, read back by a reader of its own, and reminders of birthdays by either calendar.

use guanxi::engine::{Action, Find, Level, NewShare, ShareLevel, Sharee};
use guanxi::model::birthday_reminder::{self, BirthdayCalendar};
use guanxi::model::{BirthdayReminder, Contact, Event, Task, TaskStatus, contact, event, task};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Date, RecordId, Session, Timestamp, Value, api};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

/// A component with its lines as name and value, unfolded and not unescaped.
type Component = (String, Vec<(String, String)>);

/// Reads a file as RFC 5545 says: lines end with CRLF, have at most 75 octets, and go on where a blank begins the next.
fn read(file: &str) -> Vec<Component> {
    assert!(file.ends_with("END:VCALENDAR\r\n"));
    let mut lines: Vec<String> = Vec::new();
    for line in file.strip_suffix("\r\n").unwrap().split("\r\n") {
        assert!(line.len() <= 75, "{} octets: {line}", line.len());
        assert!(!line.contains(['\n', '\r']), "{line:?}");
        match line.strip_prefix(' ') {
            Some(rest) => lines.last_mut().unwrap().push_str(rest),
            None => lines.push(line.to_owned()),
        }
    }
    let mut found: Vec<Component> = Vec::new();
    let mut open: Vec<Component> = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        match name {
            "BEGIN" => open.push((value.to_owned(), Vec::new())),
            "END" => {
                let closed = open.pop().unwrap();
                assert_eq!(closed.0, value);
                found.push(closed);
            }
            _ => open.last_mut().unwrap().1.push((name.to_owned(), value.to_owned())),
        }
    }
    assert!(open.is_empty());
    found
}

fn value<'c>(component: &'c Component, name: &str) -> Option<&'c str> {
    component.1.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn exported(session: &Session, given: &serde_json::Value) -> Vec<Component> {
    let told = api::call(session, "calendar.export", given).unwrap();
    read(told["text"].as_str().unwrap())
}

fn november() -> serde_json::Value {
    json!({"from": "2026-11-23T00:00:00Z", "to": "2026-12-08T00:00:00Z"})
}

#[test]
fn events_and_tasks_of_a_span_are_read_back_as_they_stand() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let long = "与客户讨论，合同；条款\\附件\n第二行 ".repeat(6);
    lin.write(|transaction| {
        let (nine, ten) = (moment("2026-11-23T01:00:00Z"), moment("2026-11-23T02:00:00Z"));
        let weekly = event::between("例会", nine, ten).with(event::RULE, "FREQ=WEEKLY;BYDAY=MO");
        transaction.create(weekly.with(event::ZONE, "Asia/Shanghai"))?;
        let visit = event::between("拜访", moment("2026-11-24T03:00:00Z"), moment("2026-11-24T05:30:00Z"));
        transaction.create(visit.with(event::PLACE, "上海, 浦东").with(event::NOTE, long.as_str()))?;
        // Two days in Shanghai, from midnight to midnight.
        let fair = event::between("展会", moment("2026-11-24T16:00:00Z"), moment("2026-11-26T16:00:00Z"));
        transaction.create(fair.with(event::ALL_DAY, true))?;
        let beyond = event::between("later", moment("2026-12-24T03:00:00Z"), moment("2026-12-24T05:00:00Z"));
        transaction.create(beyond)?;
        let offer = task::about("报价").with(task::DUE_AT, moment("2026-11-25T09:00:00Z"));
        let offer = transaction.create(offer.with(task::PRIORITY, task::Priority::High))?;
        transaction.update_record(Task::NAME, offer.id(), Changes::new().set("status", TaskStatus::Done))?;
        transaction.create(task::about("no day"))
    })
    .unwrap();
    let file = exported(&lin, &november());
    let events: Vec<&Component> = file.iter().filter(|(kind, _)| kind == "VEVENT").collect();
    let told: Vec<(&str, &str)> = events
        .iter()
        .map(|event| {
            let begin = value(event, "DTSTART").or_else(|| value(event, "DTSTART;VALUE=DATE"));
            (value(event, "SUMMARY").unwrap(), begin.unwrap())
        })
        .collect();
    let expected = [
        ("例会", "20261123T010000Z"),
        ("拜访", "20261124T030000Z"),
        ("展会", "20261125"),
        ("例会", "20261130T010000Z"),
        ("例会", "20261207T010000Z"),
    ];
    assert_eq!(told, expected);
    assert_eq!(value(events[1], "DTEND"), Some("20261124T053000Z"));
    assert_eq!(value(events[1], "LOCATION"), Some("上海\\, 浦东"));
    let escaped =
        long.trim_end().replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n");
    assert_eq!(value(events[1], "DESCRIPTION").unwrap().trim_end(), escaped);
    assert_eq!(value(events[2], "DTEND;VALUE=DATE"), Some("20261127"));
    let names: std::collections::BTreeSet<&str> = file.iter().filter_map(|one| value(one, "UID")).collect();
    assert_eq!(names.len(), 6, "each has a name of its own");
    assert!(events.iter().all(|event| value(event, "DTSTAMP") == Some("20261122T040000Z")));
    let tasks: Vec<&Component> = file.iter().filter(|(kind, _)| kind == "VTODO").collect();
    assert_eq!(tasks.len(), 1);
    let expected =
        [("DUE", "20261125T090000Z"), ("SUMMARY", "报价"), ("STATUS", "COMPLETED"), ("PRIORITY", "1")];
    for (name, wanted) in expected {
        assert_eq!(value(tasks[0], name), Some(wanted));
    }
    let calendar = file.last().unwrap();
    assert_eq!((calendar.0.as_str(), value(calendar, "VERSION")), ("VCALENDAR", Some("2.0")));
}

#[test]
fn a_calendar_of_somebody_else_has_what_one_sees_of_it() {
    let house = database();
    let [lin, wang] = ["lin", "wang"].map(|name| house.user_as(name, "salesperson"));
    let visit = event::between("拜访", moment("2026-11-24T03:00:00Z"), moment("2026-11-24T05:00:00Z"));
    lin.write(|transaction| transaction.create(visit.clone())).unwrap();
    let mut given = november();
    given["user"] = json!(lin.user().to_string());
    assert_eq!(exported(&wang, &given).len(), 1, "the calendar itself");
    assert_eq!(exported(&house.admin, &given).len(), 2);
    assert_eq!(exported(&house.admin, &november()).len(), 1, "one's own if nobody is said");
    let masks = house.role_hiding(
        "no places",
        &[(Event::NAME, Action::Read, Level::All), (Task::NAME, Action::Read, Level::All)],
        "subject",
    );
    let reader = house.user("reader", &[masks]);
    let told = exported(&reader, &given);
    assert!(told.iter().all(|component| value(component, "SUMMARY").is_none()), "{told:?}");
    assert_eq!(
        refusal(house.user("nobody", &[]).icalendar(
            lin.user(),
            moment("2026-11-24T03:00:00Z"),
            moment("2026-11-25T03:00:00Z")
        )),
        Code::NotPermitted
    );
}

fn born(house: &House, session: &Session, name: &str, day: &str) -> RecordId {
    let draft =
        contact::named(name).with(contact::BIRTHDAY, day.parse::<Date>().unwrap()).owner(session.user());
    house.admin.write(|transaction| transaction.create(draft.clone())).unwrap().id()
}

fn wish(session: &Session, contact: RecordId, calendar: BirthdayCalendar, days: i64) -> RecordId {
    let changes = Changes::new()
        .set(birthday_reminder::CONTACT, contact)
        .set(birthday_reminder::CALENDAR, calendar)
        .set(birthday_reminder::DAYS_BEFORE, days);
    session.write(|transaction| transaction.create_record(BirthdayReminder::NAME, changes.clone())).unwrap()
}

fn next(house: &House, reminder: RecordId) -> Option<Timestamp> {
    match house.admin.get(BirthdayReminder::NAME, reminder).unwrap().value("next_at").unwrap() {
        Value::DateTime(moment) => Some(moment),
        _ => None,
    }
}

/// The beginning of a day in Shanghai.
fn midnight(day: &str) -> Timestamp {
    moment(&format!("{day}T00:00:00+08:00"))
}

#[test]
fn birthdays_come_by_either_calendar_and_again_each_year() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    // Days of the lunar calendar as the tables of the Hong Kong Observatory have them: the first of the first month is
    // the 10th of February 2024 and the 6th of February 2027, and the Mid-Autumn day, the 15th of the eighth, is the
    // 17th of September 2024 and the 15th of September 2027.
    let cases = [
        ("1990-12-05", BirthdayCalendar::Gregorian, 3, "2026-12-02"),
        ("1990-11-22", BirthdayCalendar::Gregorian, 0, "2027-11-22"),
        ("1990-11-24", BirthdayCalendar::Gregorian, 5, "2027-11-19"),
        ("2000-02-29", BirthdayCalendar::Gregorian, 0, "2027-02-28"),
        ("2024-02-10", BirthdayCalendar::Lunar, 0, "2027-02-06"),
        ("2024-09-17", BirthdayCalendar::Lunar, 1, "2027-09-14"),
    ];
    for (day, calendar, days, expected) in cases {
        let contact = born(&house, &lin, "王芳", day);
        let reminder = wish(&lin, contact, calendar, days);
        assert_eq!(next(&house, reminder), Some(midnight(expected)), "{day} {calendar:?}");
    }
    house.clock.set(midnight("2026-12-02"));
    house.admin.tick(0).unwrap();
    let tasks = lin.list(Task::NAME, &Find::default()).unwrap().rows;
    assert_eq!(tasks.len(), 1);
    assert!(tasks[0].title().contains("王芳"));
    assert_eq!(
        house.admin.next_due().unwrap(),
        Some(midnight("2027-02-06")),
        "the others come in their turn"
    );
    let _ = house.verified();
}

#[test]
fn a_reminder_follows_the_birthday_and_is_left_out_when_it_comes_too_late() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let contact = born(&house, &lin, "王芳", "1990-12-05");
    let reminder = wish(&lin, contact, BirthdayCalendar::Gregorian, 2);
    let changed = Changes::new().set(contact::BIRTHDAY, "1990-12-20".parse::<Date>().unwrap());
    house.change(Contact::NAME, contact, &changed);
    assert_eq!(next(&house, reminder), Some(midnight("2026-12-18")));
    // Late by less than the birthday it is still told, and later it waits for the next year.
    house.clock.set(midnight("2026-12-20"));
    house.admin.tick(0).unwrap();
    assert_eq!(lin.list(Task::NAME, &Find::default()).unwrap().rows.len(), 1);
    assert_eq!(next(&house, reminder), Some(midnight("2027-12-18")));
    house.clock.set(midnight("2027-12-22"));
    house.admin.tick(0).unwrap();
    assert_eq!(lin.list(Task::NAME, &Find::default()).unwrap().rows.len(), 1);
    assert_eq!(next(&house, reminder), Some(midnight("2028-12-18")));
    house.change(Contact::NAME, contact, &Changes::new().set(contact::BIRTHDAY, Value::Null));
    assert_eq!(next(&house, reminder), None);
}

#[test]
fn nobody_learns_a_birthday_by_a_reminder_that_they_may_not_see() {
    let house = database();
    let rights = [("*", Action::Create, Level::Own), ("*", Action::Read, Level::All)];
    let role = house.role_hiding("desk", &rights, "birthday");
    let desk = house.user("desk", &[role]);
    let contact = born(&house, &house.admin, "王芳", "1990-12-05");
    let changes = Changes::new().set(birthday_reminder::CONTACT, contact);
    let refused =
        desk.write(|transaction| transaction.create_record(BirthdayReminder::NAME, changes.clone()));
    assert!(matches!(refusal(refused), Code::UnknownField | Code::FieldNotPermitted));
    // Whose reminder it was is told nothing once the contact is out of reach.
    let lin = house.user_as("lin", "salesperson");
    let known = born(&house, &lin, "李雷", "1990-12-05");
    let _ = wish(&lin, known, BirthdayCalendar::Gregorian, 0);
    house.change(Contact::NAME, known, &Changes::new().owner(house.admin.user()));
    house.clock.set(midnight("2026-12-05"));
    house.admin.tick(0).unwrap();
    assert!(lin.list(Task::NAME, &Find::default()).unwrap().rows.is_empty());
    let twice = Changes::new().set(birthday_reminder::CONTACT, known).set(birthday_reminder::DAYS_BEFORE, 61);
    let refused =
        house.admin.write(|transaction| transaction.create_record(BirthdayReminder::NAME, twice.clone()));
    assert_eq!(refusal(refused), Code::OutOfRange);
}

#[test]
fn the_moment_of_a_reminder_tells_no_birthday_that_its_owner_does_not_see() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let contact = born(&house, &lin, "李雷", "1990-12-05");
    let reminder = wish(&lin, contact, BirthdayCalendar::Gregorian, 0);
    house.change(Contact::NAME, contact, &Changes::new().owner(house.admin.user()));
    let changed = Changes::new().set(contact::BIRTHDAY, "1990-12-30".parse::<Date>().unwrap());
    house.change(Contact::NAME, contact, &changed);
    house.clock.advance_micros(1);
    house.admin.tick(0).unwrap();
    let later = next(&house, reminder).unwrap();
    assert!(later > midnight("2026-12-21"), "it is looked at again, and tells nothing");
    assert_ne!(later, midnight("2026-12-30"));
    // What it says anew does not bring it out either.
    let sooner = Changes::new().set(birthday_reminder::DAYS_BEFORE, 1);
    let refused =
        lin.write(|transaction| transaction.update_record(BirthdayReminder::NAME, reminder, sooner.clone()));
    assert_eq!(refusal(refused), Code::RecordNotFound);
    // Shared, it is seen again, and the next tick finds the day.
    let share = NewShare::new(Sharee::User(lin.user()), ShareLevel::Read);
    house.admin.share(Contact::NAME, contact, &share).unwrap();
    house.clock.set(later);
    house.admin.tick(0).unwrap();
    assert_eq!(next(&house, reminder), Some(midnight("2026-12-30")));
    house.clock.set(midnight("2026-12-30"));
    house.admin.tick(0).unwrap();
    assert_eq!(lin.list(Task::NAME, &Find::default()).unwrap().rows.len(), 1);
}
