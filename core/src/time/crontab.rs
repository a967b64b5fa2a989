//! The five fields of crontab (IEEE Std 1003.1) as a rule of RFC 5545.

/// The least and the greatest number of each field: minute, hour, day of the month, month, day of the week.
const BOUNDS: [(u8, u8); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];
/// Days of the week, as crontab counts them; 7 is Sunday once more.
const DAYS: [&str; 8] = ["SU", "MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// What a job's schedule says as a rule: itself, if it is one. Nothing where crontab has no rule for it: for what is
/// none of crontab, and for days of the month or of the week, whichever comes first.
pub fn rule_of_schedule(schedule: &str) -> Option<String> {
    let said = schedule.trim().to_ascii_uppercase();
    if said.contains("FREQ=") {
        return Some(said);
    }
    let fields: Vec<&str> = said.split_ascii_whitespace().collect();
    let [minutes, hours, days, months, weekdays] = <[&str; 5]>::try_from(fields).ok()?;
    let [minutes, hours, days, months, weekdays] = [
        numbers(minutes, BOUNDS[0])?,
        numbers(hours, BOUNDS[1])?,
        numbers(days, BOUNDS[2])?,
        numbers(months, BOUNDS[3])?,
        numbers(weekdays, BOUNDS[4])?,
    ];
    let mut rule = format!("FREQ=DAILY;BYHOUR={};BYMINUTE={};BYSECOND=0", list(&hours), list(&minutes));
    let is_all = |numbers: &[u8], bounds: (u8, u8)| numbers.len() > usize::from(bounds.1 - bounds.0);
    if !is_all(&months, BOUNDS[3]) {
        rule.push_str(&format!(";BYMONTH={}", list(&months)));
    }
    match (is_all(&days, BOUNDS[2]), is_all(&weekdays, BOUNDS[4])) {
        (true, true) => {}
        (false, true) => rule.push_str(&format!(";BYMONTHDAY={}", list(&days))),
        (true, false) => rule.push_str(&format!(";BYDAY={}", named(&weekdays))),
        (false, false) => return None,
    }
    Some(rule)
}

/// The numbers of a field, rising: `*`, `4`, `1-5`, `*/15`, `8-18/2`, and lists of these.
fn numbers(field: &str, bounds: (u8, u8)) -> Option<Vec<u8>> {
    let mut all = std::collections::BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<u8>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => bounds,
            Some((low, high)) => (low.parse().ok()?, high.parse().ok()?),
            None => {
                let one = range.parse().ok()?;
                (one, if part.contains('/') { bounds.1 } else { one })
            }
        };
        if low < bounds.0 || high > bounds.1 || low > high {
            return None;
        }
        all.extend((low..=high).step_by(usize::from(step)));
    }
    Some(all.into_iter().collect())
}

fn list(numbers: &[u8]) -> String {
    numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(",")
}

fn named(weekdays: &[u8]) -> String {
    let names = weekdays.iter().filter_map(|day| DAYS.get(usize::from(*day)).copied());
    let names: std::collections::BTreeSet<&str> = names.collect();
    names.into_iter().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_fields_of_crontab_are_a_rule_and_a_rule_is_itself() {
        let of = |schedule: &str| rule_of_schedule(schedule);
        let daily = "FREQ=DAILY;BYHOUR=3;BYMINUTE=0;BYSECOND=0";
        assert_eq!(of("0 3 * * *").as_deref(), Some(daily));
        assert_eq!(of("0 3 1,15 * *"), Some(format!("{daily};BYMONTHDAY=1,15")));
        assert_eq!(of("0 3 * 2-4/2 1-2"), Some(format!("{daily};BYMONTH=2,4;BYDAY=MO,TU")));
        assert_eq!(of("0 3 * * 0,7"), Some(format!("{daily};BYDAY=SU")));
        let quarters = "FREQ=DAILY;BYHOUR=8,9;BYMINUTE=0,15,30,45;BYSECOND=0";
        assert_eq!(of("*/15 8-9 * * *").as_deref(), Some(quarters));
        assert_eq!(of("freq=hourly;interval=2").as_deref(), Some("FREQ=HOURLY;INTERVAL=2"));
    }

    #[test]
    fn what_no_rule_says_is_none() {
        for schedule in ["0 3 1 * 1", "60 3 * * *", "0 3 * *", "a b c d e", "5-1 * * * *", "*/0 * * * *", ""]
        {
            assert_eq!(rule_of_schedule(schedule), None, "{schedule}");
        }
    }
}
