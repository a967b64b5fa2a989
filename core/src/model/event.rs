//! Event: an appointment, once or again and again.

use std::sync::Arc;

use crate::base::{Code, Error, Result, Timestamp, Value};
use crate::engine::{BeforeSave, Condition, Draft, Find, Listing, Registrar, Save, Session};
use crate::model::activity::Party;
use crate::schema::declare::entity;
use crate::schema::{AnyReference, Bool, DateTime, EntityType, IndexDefinition, OnDelete, SearchClass, Text};
use crate::time::Recurrence;

/// Most events that one answer goes through.
const MAX_EVENTS: usize = 1_000;
/// Most times of one answer.
const MAX_TIMES: usize = 5_000;
/// Longest event, in days.
const MAX_DAYS: i64 = 62;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

entity! {
    /// An appointment in its owner's calendar.
    Event = ("crm", 10, "event", "日程", "Event", "负责人日历中的安排。", title "subject", data_subject false);
    /// What it is.
    SUBJECT: Text = 1, "subject", "主题", "Subject", "日程的主题。",
        [required = true, search = Some(SearchClass::Title)];
    /// When it begins, for the first time if it comes again.
    STARTS_AT: DateTime = 2, "starts_at", "开始时间", "Starts at", "开始的时刻；重复日程为首次。",
        [required = true, indexed = true];
    /// When it ends; at most 62 days later.
    ENDS_AT: DateTime = 3, "ends_at", "结束时间", "Ends at", "结束的时刻，至多晚 62 天。", [required = true, indexed = true];
    /// Whether it takes whole days.
    ALL_DAY: Bool = 4, "all_day", "全天", "All day", "是否为全天日程。", [];
    /// When it comes again, as RFC 5545 says it.
    RULE: Text = 5, "rule", "重复规则", "Rule", "按 RFC 5545 表示的重复规则。", [];
    /// The zone in whose clocks the rule speaks; that of the organisation if not said.
    ZONE: Text = 6, "zone", "时区", "Time zone", "规则所用的时区；未填写时用组织时区。", [];
    /// Whether it comes again. The engine keeps it.
    REPEATS: Bool = 7, "repeats", "是否重复", "Repeats", "是否为重复日程，由引擎维护。", [indexed = true, read_only = true];
    /// Where it is.
    PLACE: Text = 8, "place", "地点", "Place", "日程的地点。", [];
    /// With whom, or for which deal.
    REGARDING: AnyReference<Party> = 9, "regarding", "关联对象", "Regarding", "日程所涉的对象。",
        [on_delete = OnDelete::Cascade];
    /// Whatever else there is to say.
    NOTE: Text = 10, "note", "说明", "Note", "补充说明。", [search = Some(SearchClass::Body)];
}

/// A draft of an event.
#[must_use]
pub fn between(subject: &str, from: Timestamp, to: Timestamp) -> Draft<Event> {
    Draft::new().with(SUBJECT, subject).with(STARTS_AT, from).with(ENDS_AT, to)
}

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(Event::definition().in_module("work").with_index(by_party()));
    registrar.before_save(Event::NAME, 100, Arc::new(CheckTimes));
}

/// All that is planned with a party, by its beginning.
fn by_party() -> IndexDefinition {
    IndexDefinition::new("crm", 1, "by_party").rising(REGARDING.name()).rising(STARTS_AT.name())
}

struct CheckTimes;

impl BeforeSave for CheckTimes {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let (Value::DateTime(from), Value::DateTime(to)) = (save.value(STARTS_AT)?, save.value(ENDS_AT)?)
        else {
            return Ok(());
        };
        if to < from || to.micros().saturating_sub(from.micros()) > MAX_DAYS.saturating_mul(DAY) {
            return Err(Error::new(Code::OutOfRange).field("ends_at").rule("0 to 62 days after starts_at"));
        }
        let rule = save.value(RULE)?;
        if let Some(rule) = rule.as_text() {
            let zone = Recurrence::zone_of(&save.value(ZONE)?, || save.zone())?;
            Recurrence::new(rule, from, zone)?;
        }
        save.set(REPEATS, !rule.is_null())
    }
}

/// One time of an event.
#[derive(Debug, Clone)]
pub struct Occurrence {
    /// The event.
    pub event: Listing,
    /// When it begins this time.
    pub from: Timestamp,
    /// When it ends this time.
    pub to: Timestamp,
}

impl Session {
    /// The times of events that reach into a span of time, the earliest first, as far as the user may see the events and
    /// they meet a condition.
    ///
    /// # Errors
    /// `input.limit_exceeded` for more than 1,000 events or 5,000 times; as [`crate::engine::Reader::find`].
    pub fn occurrences(&self, from: Timestamp, to: Timestamp, met: &Condition) -> Result<Vec<Occurrence>> {
        let longest = Timestamp::from_micros(from.micros().saturating_sub(MAX_DAYS.saturating_mul(DAY)));
        let once =
            [REPEATS.is(false), STARTS_AT.at_least(longest), STARTS_AT.below(to), ENDS_AT.at_least(from)];
        let again = [REPEATS.is(true), STARTS_AT.below(to)];
        let mut found = Vec::new();
        for conditions in [once.to_vec(), again.to_vec()] {
            for row in self.some_events(Condition::All([conditions, vec![met.clone()]].concat()))? {
                found.extend(times_of(self, row, (from, to))?);
                if found.len() > MAX_TIMES {
                    return Err(Error::new(Code::LimitExceeded).entity(Event::NAME).rule("times <= 5000"));
                }
            }
        }
        found.sort_by_key(|time| (time.from, time.event.record.id));
        Ok(found)
    }

    fn some_events(&self, filter: Condition) -> Result<Vec<Listing>> {
        let page = self.list(Event::NAME, &Find { filter, limit: MAX_EVENTS, ..Find::default() })?;
        match page.next {
            None => Ok(page.rows),
            Some(_) => Err(Error::new(Code::LimitExceeded).entity(Event::NAME).rule("events <= 1000")),
        }
    }
}

fn times_of(
    session: &Session,
    event: Listing,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Occurrence>> {
    let (Value::DateTime(begin), Value::DateTime(end)) = (event.value(STARTS_AT)?, event.value(ENDS_AT)?)
    else {
        return Ok(Vec::new());
    };
    let length = end.micros().saturating_sub(begin.micros());
    let after =
        |moment: Timestamp, micros: i64| Timestamp::from_micros(moment.micros().saturating_add(micros));
    let begins = match event.value(RULE)?.as_text() {
        None => vec![begin],
        Some(rule) => {
            let zone = Recurrence::zone_of(&event.value(ZONE)?, || session.crm().settings().zone())?;
            let rule = Recurrence::new(rule, begin, zone)?;
            rule.between(after(from, length.saturating_neg()), to, MAX_TIMES)?
        }
    };
    let reaching = begins.into_iter().filter(|begin| *begin < to && after(*begin, length) >= from);
    let times =
        reaching.map(|begin| Occurrence { event: event.clone(), from: begin, to: after(begin, length) });
    Ok(times.collect())
}
