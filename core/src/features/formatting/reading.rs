//! Numbers, amounts and days as people write them. What could mean two things is refused and not guessed.

use crate::base::{Code, Currency, Date, Decimal, Error, Locale, Money, Result};
use crate::features::formatting::amounts::SYMBOLS;
use crate::features::formatting::days::month_named;

/// Which of the first two numbers of a day is the month, where a text does not say it itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayOrder {
    /// 4/5/2026 is the fourth of May.
    DayFirst,
    /// 4/5/2026 is the fifth of April.
    MonthFirst,
}

/// How texts are read that people of a language have written.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    locale: Locale,
    order: Option<DayOrder>,
}

/// Words behind a number that stand for its power of ten.
const POWERS: [(&str, i64); 3] = [("万亿", 1_000_000_000_000), ("亿", 100_000_000), ("万", 10_000)];
/// Words behind an amount that stand for its currency.
const WORDS: [(&str, &str); 7] = [
    ("美元", "USD"),
    ("欧元", "EUR"),
    ("日元", "JPY"),
    ("英镑", "GBP"),
    ("港元", "HKD"),
    ("人民币", "CNY"),
    ("元", "CNY"),
];

impl Reading {
    /// Reading in a language; days in numbers alone are read if their order is said.
    #[must_use]
    pub fn new(locale: Locale, order: Option<DayOrder>) -> Self {
        Self { locale, order }
    }

    /// A number: `1,234.5`, `１２３４．５`, `-7`, `(7)`, `1.5万`. Commas stand between groups of three.
    ///
    /// # Errors
    /// `schema.wrong_type`, `schema.out_of_range`.
    pub fn number(&self, text: &str) -> Result<Decimal> {
        number(&narrow(text)).map_err(|error| error.value(text))
    }

    /// A share in hundredths, with or without its sign: `12.5%` and `12.5` are 12.5.
    ///
    /// # Errors
    /// As [`Reading::number`].
    pub fn percent(&self, text: &str) -> Result<Decimal> {
        let plain = narrow(text);
        number(plain.trim_end_matches('%')).map_err(|error| error.value(text))
    }

    /// An amount with a code, symbol or word of its currency before or behind it, or in `base`:
    /// `¥1,234.50`, `USD 12`, `12美元`, `-$3`, `($3)`.
    ///
    /// # Errors
    /// As [`Reading::number`]; `schema.unknown_currency`.
    pub fn amount(&self, text: &str, base: Currency) -> Result<Money> {
        let plain = narrow(text);
        let (negative, plain) = signed(&plain);
        let (code, figure) = self.currency(plain, base)?;
        let currency = code.map_or(Ok(base), |code| Currency::from_code(&code))?;
        let amount = number(figure).map_err(|error| error.value(text))?;
        let amount = if negative { Decimal::ZERO.checked_sub(amount)? } else { amount };
        Ok(Money::new(amount, currency))
    }

    /// A day: `2026-05-04`, `2026/5/4`, `2026年5月4日`, `20260504`, `May 4, 2026`, `4 May 2026`; `5/4/2026` only if
    /// the order is said or only one order makes a day of it.
    ///
    /// # Errors
    /// `input.ambiguous_date` where both orders make a day and none is said; `schema.wrong_type`.
    pub fn date(&self, text: &str) -> Result<Date> {
        let wrong = || Error::new(Code::WrongType).rule("date").value(text);
        let plain = narrow(text).replace(['年', '月'], "-").replace('日', "");
        let parts: Vec<&str> =
            plain.split(['-', '/', '.', ',', ' ']).filter(|part| !part.is_empty()).collect();
        let day = match parts.as_slice() {
            [compact] if compact.len() == 8 && is_digits(compact) => {
                let (year, rest) = compact.split_at_checked(4).ok_or_else(wrong)?;
                let (month, day) = rest.split_at_checked(2).ok_or_else(wrong)?;
                day_of(year, month, day)
            }
            [year, month, day] if year.len() == 4 && is_digits(year) => day_of(year, month, day),
            [day, month, year] if month_named(month).is_some() => named(year, month, day),
            [month, day, year] if month_named(month).is_some() => named(year, month, day),
            [first, second, year] if year.len() == 4 => return self.in_order(text, first, second, year),
            _ => None,
        };
        day.ok_or_else(wrong)
    }

    /// A day of two numbers and a year.
    fn in_order(&self, text: &str, first: &str, second: &str, year: &str) -> Result<Date> {
        let wrong = || Error::new(Code::WrongType).rule("date").value(text);
        let (day_first, month_first) = (day_of(year, second, first), day_of(year, first, second));
        match (self.order, day_first, month_first) {
            (Some(DayOrder::DayFirst), day, _) | (Some(DayOrder::MonthFirst), _, day) => {
                day.ok_or_else(wrong)
            }
            (None, Some(one), Some(other)) if one != other => {
                Err(Error::new(Code::AmbiguousDate).value(text).rule(&format!("{one} or {other}")))
            }
            (None, day, other) => day.or(other).ok_or_else(wrong),
        }
    }

    /// The currency that a text names before or behind its figure, and the figure.
    fn currency<'t>(&self, text: &'t str, base: Currency) -> Result<(Option<String>, &'t str)> {
        let letters = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        let code = |text: &str| Some(text.to_ascii_uppercase());
        if let Some((head, tail)) = text.split_at_checked(3).filter(|(head, _)| letters(head)) {
            return Ok((code(head), tail.trim()));
        }
        let behind = text.len().checked_sub(3).and_then(|place| text.split_at_checked(place));
        if let Some((head, tail)) = behind.filter(|(_, tail)| letters(tail)) {
            return Ok((code(tail), head.trim()));
        }
        for (word, known) in WORDS {
            if let Some(rest) = text.strip_suffix(word).or_else(|| text.strip_prefix(word)) {
                return Ok((code(known), rest.trim()));
            }
        }
        // The longest symbol first, since some end as others begin.
        let both = SYMBOLS.iter().flat_map(|(known, zh, en)| [(*zh, *known), (*en, *known)]);
        let mut signs: Vec<(&str, &str)> = both.collect();
        signs.sort_by_key(|(sign, _)| std::cmp::Reverse(sign.chars().count()));
        for (sign, known) in signs {
            let Some(rest) = text.strip_prefix(sign).or_else(|| text.strip_suffix(sign)) else { continue };
            let known = if sign.chars().count() == 1 { self.bare(sign, known, base)? } else { known };
            return Ok((code(known), rest.trim()));
        }
        Ok((None, text))
    }

    /// The currency of a sign by itself. Several currencies have `¥` and `$`; the one that is expected comes first,
    /// then the dollar of the United States, and the yuan where Chinese is written.
    fn bare<'c>(&self, sign: &str, known: &'c str, base: Currency) -> Result<&'c str> {
        let has = |code: &str| {
            SYMBOLS.iter().any(|(known, zh, en)| *known == code && (zh.ends_with(sign) || en.ends_with(sign)))
        };
        let expected =
            SYMBOLS.iter().map(|(code, _, _)| *code).find(|code| *code == base.code() && has(code));
        match (expected, sign) {
            (Some(code), _) => Ok(code),
            (None, "$") => Ok("USD"),
            (None, "¥") if self.locale == Locale::SimplifiedChinese => Ok("CNY"),
            (None, "¥") => Err(Error::new(Code::WrongType).rule("¥ is CNY or JPY")),
            (None, _) => Ok(known),
        }
    }
}

/// A text in narrow forms, without white space at its ends.
fn narrow(text: &str) -> String {
    let narrow = text.chars().map(|character| match character {
        '\u{ff01}'..='\u{ff5e}' => {
            u32::from(character).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(character)
        }
        '\u{3000}' | '\u{a0}' | '\u{202f}' => ' ',
        '￥' => '¥',
        '−' => '-',
        other => other,
    });
    narrow.collect::<String>().trim().to_owned()
}

/// Whether a figure is below zero, by a sign before it or parentheses around it, and the figure.
fn signed(text: &str) -> (bool, &str) {
    let inside = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    match (inside, text.strip_prefix('-')) {
        (Some(inside), _) => (true, inside.trim()),
        (None, Some(rest)) => (true, rest.trim()),
        (None, None) => (false, text.strip_prefix('+').unwrap_or(text).trim()),
    }
}

fn number(text: &str) -> Result<Decimal> {
    let wrong = || Error::new(Code::WrongType).rule("number");
    let (negative, plain) = signed(text.trim());
    let power = POWERS.iter().find(|(word, _)| plain.ends_with(word));
    let figure = power.map_or(plain, |(word, _)| plain.trim_end_matches(word)).trim();
    let (whole, fraction) =
        figure.split_once('.').map_or((figure, None), |(whole, rest)| (whole, Some(rest)));
    let grouped = ungrouped(whole).ok_or_else(wrong)?;
    if fraction.is_some_and(|fraction| !is_digits(fraction)) {
        return Err(wrong());
    }
    let plain: Decimal = format!("{grouped}.{}", fraction.unwrap_or("0")).parse()?;
    let number = plain.checked_mul(Decimal::from(power.map_or(1, |(_, power)| *power)))?.normalized();
    if negative { Decimal::ZERO.checked_sub(number) } else { Ok(number) }
}

/// Digits without the commas between groups of three; nothing where commas stand elsewhere.
fn ungrouped(whole: &str) -> Option<String> {
    let mut groups = whole.split(',');
    let first = groups.next().filter(|first| is_digits(first))?;
    let others: Vec<&str> = groups.collect();
    let right = others.iter().all(|group| group.len() == 3 && is_digits(group));
    (right && (others.is_empty() || first.len() <= 3)).then(|| [first, &others.concat()].concat())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn day_of(year: &str, month: &str, day: &str) -> Option<Date> {
    let short = |text: &str| (is_digits(text) && text.len() <= 2).then(|| text.parse().ok()).flatten();
    Date::new(year.parse().ok().filter(|_| year.len() == 4)?, short(month)?, short(day)?).ok()
}

fn named(year: &str, month: &str, day: &str) -> Option<Date> {
    day_of(year, &month_named(month)?.to_string(), day)
}
