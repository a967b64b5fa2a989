//! Methods on calendars, recurrence, lunar days, and on what is due.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::base::{Code, Date, Duration, Error, Locale, RecordId, Result, TimeZone, Timestamp};
use crate::engine::Lease;
use crate::time::{JobOutcome, LeapMonthRule, LunarDate, MAX_OCCURRENCES, NamedDay, NotDone, Recurrence};

/// Times of one answer if nothing is said.
const TIMES: u64 = 100;

methods! {
    /// Does what is due: pools take back what nobody works at, jobs are handed out, those of plugins are done, and
    /// whatever else extensions wait for. A host calls it when `time.next_due` has come, at once again while there is
    /// `more`, and after every open. What fails is told, and due again a quarter of an hour later. It takes the right to
    /// administer everything.
    "time.tick" (session, given: Tick {
        /// Most records that are worked on; 10000 if not said, and at the most.
        limit: Option<u64>,
    }) -> "{done, failed: [{entity, record, work, error}], leases: [{job, kind, parameters, token, until}], more, next}" {
        let limit = usize::try_from(given.limit.unwrap_or(0)).unwrap_or(usize::MAX);
        let ticked = session.tick(limit)?;
        let locale = session.locale();
        Ok(json!({
            "done": ticked.done,
            "failed": ticked.failed.iter().map(|failed| failed_to_json(failed, locale)).collect::<Vec<_>>(),
            "leases": ticked.leases.iter().map(lease_to_json).collect::<Vec<_>>(),
            "more": ticked.more,
            "next": session.next_due()?.map(|next| next.to_string()),
        }))
    }

    /// Tells when something is due next, so that a host knows how long it may sleep. It takes the right to administer
    /// everything.
    "time.next_due" (session, _given: NextDue {}) -> "{next}" {
        Ok(json!({"next": session.next_due()?.map(|next| next.to_string())}))
    }

    /// Says how a job ended that `time.tick` handed out. A failed one is tried again after one minute, then two, four and
    /// eight, and then at its next time.
    "job.finish" (session, given: FinishJob {
        /// The job.
        job: RecordId,
        /// The token of the lease.
        token: RecordId,
        /// `done` or `failed`.
        outcome: String,
        /// What went wrong, in a few words; at most 500 characters are kept.
        error: Option<String>,
    }) -> "{next}" {
        let wrong = || Error::new(Code::InvalidArgument).field("outcome").value(&given.outcome);
        let outcome = JobOutcome::from_code(&given.outcome).ok_or_else(wrong)?;
        let next = session.finish_job(given.job, given.token, outcome, given.error.as_deref())?;
        Ok(json!({"next": next.map(|next| next.to_string())}))
    }

    /// Says of days of a business calendar that they are holidays or make-up workdays, in place of what was said of them
    /// before. The tables of `holiday-cn` are understood as they are.
    "calendar.set_days" (session, given: SetDays {
        /// The code of the calendar.
        calendar: String,
        /// Objects of `date`, `name`, and `isOffDay`: true for a day off, false for a workday. At most 5000.
        days: Vec<Json>,
    }) -> "{changed}" {
        let days = given.days.iter().map(named_day).collect::<Result<Vec<_>>>()?;
        Ok(json!({"changed": session.set_calendar_days(&given.calendar, &days)?}))
    }

    /// Tells the working hours of days of a business calendar.
    "calendar.hours" (session, given: Hours {
        /// The code of the calendar.
        calendar: String,
        /// The first day.
        from: String,
        /// The last day; the same if not said, at most 366 days later.
        to: Option<String>,
    }) -> "{days: [{date, hours: [{from, to}]}]}" {
        let from: Date = day("from", &given.from)?;
        let to = given.to.as_deref().map(|to| day("to", to)).transpose()?.unwrap_or(from);
        if to.days().saturating_sub(from.days()) > 366 {
            return Err(Error::new(Code::LimitExceeded).field("to").rule("days <= 367"));
        }
        let calendar = session.business_calendar(&given.calendar)?;
        let days = (from.days()..=to.days()).map(|number| {
            let date = Date::from_days(number)?;
            let hours = calendar.hours_on(date).iter();
            let hours = hours.map(|(from, to)| json!({"from": clock(*from), "to": clock(*to)}));
            Ok(json!({"date": date.to_string(), "hours": hours.collect::<Vec<_>>()}))
        });
        Ok(json!({"days": days.collect::<Result<Vec<_>>>()?}))
    }

    /// Tells when so much working time has passed, and with pauses when something is due that was paused meanwhile.
    "calendar.add" (session, given: AddTime {
        /// The code of the calendar.
        calendar: String,
        /// The moment from which on, RFC 3339.
        start: String,
        /// Seconds of working time.
        seconds: u64,
        /// Objects of `from` and `to`, RFC 3339: the working time in them is added.
        pauses: Option<Vec<Json>>,
    }) -> "{due}" {
        let calendar = session.business_calendar(&given.calendar)?;
        let seconds = i64::try_from(given.seconds).unwrap_or(i64::MAX);
        let target = Duration::from_micros(seconds.saturating_mul(1_000_000));
        let pauses = given.pauses.unwrap_or_default();
        let pauses = pauses.iter().map(pause).collect::<Result<Vec<_>>>()?;
        let due = calendar.due(instant("start", &given.start)?, target, &pauses)?;
        Ok(json!({"due": due.to_string()}))
    }

    /// Tells how much working time lies between two moments, in seconds; below zero where the second is earlier.
    "calendar.between" (session, given: BetweenTimes {
        /// The code of the calendar.
        calendar: String,
        /// The first moment, RFC 3339.
        from: String,
        /// The second moment, RFC 3339.
        to: String,
    }) -> "{seconds}" {
        let (from, to) = (instant("from", &given.from)?, instant("to", &given.to)?);
        if to.micros().saturating_sub(from.micros()).unsigned_abs() > 100 * 366 * 86_400_000_000 {
            return Err(Error::new(Code::LimitExceeded).field("to").rule("years <= 100"));
        }
        let time = session.business_calendar(&given.calendar)?.between(from, to)?;
        Ok(json!({"seconds": time.micros() / 1_000_000}))
    }

    /// Lists the times of a rule of recurrence (RFC 5545) from one moment on and before another.
    "recurrence.expand" with_or_without_session (_caller, given: ExpandRule {
        /// The rule: `FREQ=WEEKLY;BYDAY=MO,WE`.
        rule: String,
        /// The first time, RFC 3339.
        start: String,
        /// The zone in whose clocks the rule speaks, by its IANA name.
        zone: String,
        /// From when on, RFC 3339; from the first time on if not said.
        from: Option<String>,
        /// Before when, RFC 3339.
        to: String,
        /// Most times; 100 if not said, 20000 at the most.
        limit: Option<u64>,
    }) -> "{times}" {
        let start = instant("start", &given.start)?;
        let from = given.from.as_deref().map(|from| instant("from", from)).transpose()?.unwrap_or(start);
        let most = usize::try_from(given.limit.unwrap_or(TIMES)).unwrap_or(usize::MAX).min(MAX_OCCURRENCES);
        let rule = Recurrence::new(&given.rule, start, TimeZone::named(&given.zone)?)?;
        let times = rule.between(from, instant("to", &given.to)?, most)?;
        Ok(json!({"times": times.iter().map(Timestamp::to_string).collect::<Vec<_>>()}))
    }

    /// Tells which day of the Chinese lunar calendar a day is.
    "lunar.from_date" with_or_without_session (_caller, given: LunarFromDate {
        /// The day, in the lunar years 1901 to 2099.
        date: String,
    }) -> "{date, year, month, leap, day, text}" {
        let date = day("date", &given.date)?;
        Ok(lunar_to_json(date, LunarDate::of(date)?))
    }

    /// Tells when a day of the Chinese lunar calendar comes again, such as a birthday. The 30th of a month that has 29
    /// days is kept on the 29th.
    "lunar.next" with_or_without_session (_caller, given: NextLunar {
        /// The lunar month, 1 to 12.
        month: u64,
        /// The lunar day, 1 to 30.
        day: u64,
        /// Whether the month is one that is put in (a leap month); no if not said.
        leap: Option<bool>,
        /// `usual_month` if not said: in years that do not put the month in, it is kept in the usual one; or
        /// `leap_month_alone`: only in years that do.
        leap_rule: Option<String>,
        /// The first day that may be meant.
        from: String,
    }) -> "{date, year, month, leap, day, text}" {
        let small = |name: &str, number: u64| {
            u8::try_from(number).map_err(|_| Error::new(Code::OutOfRange).field(name))
        };
        let wanted = LunarDate {
            year: 0,
            month: small("month", given.month)?,
            leap: given.leap.unwrap_or(false),
            day: small("day", given.day)?,
        };
        let rule = given.leap_rule.as_deref().map(LeapMonthRule::from_name).transpose()?.unwrap_or_default();
        let date = wanted.next_after(day("from", &given.from)?, rule)?;
        Ok(lunar_to_json(date, LunarDate::of(date)?))
    }
}

fn failed_to_json(failed: &NotDone, locale: Locale) -> Json {
    json!({
        "entity": failed.entity,
        "record": failed.record.to_string(),
        "work": failed.work,
        "error": failed.error.to_json(locale),
    })
}

fn lease_to_json(lease: &Lease) -> Json {
    json!({
        "job": lease.record.to_string(),
        "kind": lease.kind,
        "parameters": lease.parameters.to_json(),
        "token": lease.token.to_string(),
        "until": lease.until.to_string(),
    })
}

fn lunar_to_json(date: Date, lunar: LunarDate) -> Json {
    json!({
        "date": date.to_string(),
        "year": lunar.year,
        "month": lunar.month,
        "leap": lunar.leap,
        "day": lunar.day,
        "text": lunar.to_string(),
    })
}

fn instant(name: &str, text: &str) -> Result<Timestamp> {
    text.parse().map_err(|error: Error| error.field(name))
}

fn day(name: &str, text: &str) -> Result<Date> {
    text.parse().map_err(|error: Error| error.field(name))
}

fn pause(json: &Json) -> Result<(Timestamp, Timestamp)> {
    let part = |name: &str| {
        let missing = || Error::new(Code::InvalidArgument).field("pauses").rule("objects of from and to");
        instant("pauses", json.get(name).and_then(Json::as_str).ok_or_else(missing)?)
    };
    Ok((part("from")?, part("to")?))
}

fn named_day(json: &Json) -> Result<NamedDay> {
    let wrong = || Error::new(Code::InvalidArgument).field("days").rule("objects of date, name and isOffDay");
    let date = json.get("date").and_then(Json::as_str).ok_or_else(wrong)?;
    Ok(NamedDay {
        day: day("days", date)?,
        name: json.get("name").and_then(Json::as_str).unwrap_or_default().to_owned(),
        off: json.get("isOffDay").and_then(Json::as_bool).ok_or_else(wrong)?,
    })
}

/// `09:00`, and `24:00` for the midnight behind the day.
fn clock(micros: i64) -> String {
    let minutes = micros / 60_000_000;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
