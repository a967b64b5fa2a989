//! Days, times of day and lengths of time, by the Gregorian calendar of CLDR.

use crate::base::{Code, Date, Duration, Error, Locale, Result, Time};

/// How much of a day or time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Length {
    /// In numbers alone.
    Short,
    /// With the month in short where the language has that.
    #[default]
    Medium,
    /// With the name of the month.
    Long,
    /// With the day of the week.
    Full,
}

impl Length {
    /// The length of this name: `short`, `medium`, `long`, `full`.
    ///
    /// # Errors
    /// `input.invalid_argument`.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "short" => Ok(Self::Short),
            "medium" => Ok(Self::Medium),
            "long" => Ok(Self::Long),
            "full" => Ok(Self::Full),
            _ => Err(Error::new(Code::InvalidArgument).field("style").value(name)),
        }
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// The days of the week from Monday on.
const WEEKDAYS: [(&str, &str); 7] = [
    ("星期一", "Monday"),
    ("星期二", "Tuesday"),
    ("星期三", "Wednesday"),
    ("星期四", "Thursday"),
    ("星期五", "Friday"),
    ("星期六", "Saturday"),
    ("星期日", "Sunday"),
];

/// CLDR dateFormat, full to short: `y年M月d日EEEE`, `y年M月d日`, `y年M月d日`, `y/M/d` in `zh-Hans`;
/// `EEEE, MMMM d, y`, `MMMM d, y`, `MMM d, y`, `M/d/yy` in `en`. The year stands whole in the short form of
/// `en` too, since two digits do not tell a century.
pub(super) fn date(locale: Locale, day: Date, length: Length) -> String {
    let (year, month, number) = (day.year(), day.month(), day.day());
    let (zh, en) = weekday(day);
    let name = name_of(month);
    let short: String = name.chars().take(3).collect();
    match (locale, length) {
        (Locale::SimplifiedChinese, Length::Short) => format!("{year}/{month}/{number}"),
        (Locale::SimplifiedChinese, Length::Full) => format!("{year}年{month}月{number}日{zh}"),
        (Locale::SimplifiedChinese, _) => format!("{year}年{month}月{number}日"),
        (Locale::English, Length::Short) => format!("{month}/{number}/{year}"),
        (Locale::English, Length::Medium) => format!("{short} {number}, {year}"),
        (Locale::English, Length::Long) => format!("{name} {number}, {year}"),
        (Locale::English, Length::Full) => format!("{en}, {name} {number}, {year}"),
    }
}

fn name_of(month: i8) -> &'static str {
    let place = usize::try_from(month).unwrap_or(0).saturating_sub(1);
    MONTHS.get(place).copied().unwrap_or_default()
}

/// The number of a month by its English name, whole or its first three letters, in any case.
pub(super) fn month_named(name: &str) -> Option<i8> {
    let wanted = name.trim_end_matches('.').to_ascii_lowercase();
    let is_it = |month: &str| {
        let month = month.to_ascii_lowercase();
        month == wanted || (wanted.len() >= 3 && wanted.len() <= 4 && month.starts_with(&wanted))
    };
    MONTHS.iter().zip(1_i8..).find(|(month, _)| is_it(month)).map(|(_, number)| number)
}

fn weekday(day: Date) -> (&'static str, &'static str) {
    // 1970-01-01 was a Thursday, which is three days behind a Monday.
    let place = day.days().saturating_add(3).rem_euclid(7);
    usize::try_from(place).ok().and_then(|place| WEEKDAYS.get(place)).copied().unwrap_or_default()
}

/// CLDR timeFormat, medium and short: `HH:mm:ss`, `HH:mm` in `zh-Hans`; `h:mm:ss a`, `h:mm a` in `en`, with the
/// narrow no-break space U+202F before AM and PM.
pub(super) fn time(locale: Locale, time: Time, length: Length) -> String {
    let seconds = time.micros() / 1_000_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let behind = match length {
        Length::Short => format!("{minute:02}"),
        Length::Medium | Length::Long | Length::Full => format!("{minute:02}:{second:02}"),
    };
    match locale {
        Locale::SimplifiedChinese => format!("{hour:02}:{behind}"),
        Locale::English => {
            let of_twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
            let half = if hour < 12 { "AM" } else { "PM" };
            format!("{of_twelve}:{behind}\u{202f}{half}")
        }
    }
}

/// CLDR units, long: `{0}小时`, `{0}分钟`, `{0}秒钟` put together without a sign in `zh-Hans`; `{0} hours`,
/// `{0} minutes`, `{0} seconds` with commas in `en`.
pub(super) fn duration(locale: Locale, length: Duration) -> String {
    let total = length.micros().unsigned_abs() / 1_000_000;
    let parts = [
        (total / 3_600, "小时", "hour"),
        (total / 60 % 60, "分钟", "minute"),
        (total % 60, "秒钟", "second"),
    ];
    let mut told: Vec<String> = Vec::new();
    for (count, zh, en) in parts {
        let is_only = told.is_empty() && en == "second";
        if count > 0 || is_only {
            told.push(match locale {
                Locale::SimplifiedChinese => format!("{count}{zh}"),
                Locale::English => format!("{count} {en}{}", if count == 1 { "" } else { "s" }),
            });
        }
    }
    let joined = match locale {
        Locale::SimplifiedChinese => told.concat(),
        Locale::English => told.join(", "),
    };
    if length.micros() < 0 && total > 0 { format!("-{joined}") } else { joined }
}
