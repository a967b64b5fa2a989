//! Methods that write values for people of a language, and read what they have written.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::base::{Code, Currency, Decimal, Error, Locale, Money, Result, TimeZone, Value};
use crate::engine::Session;
use crate::features::formatting::{AmountStyle, DayOrder, Formats, Length, Reading};

methods! {
    /// Writes a value as people of a language write it, by the patterns of the Unicode CLDR.
    "locale.format" (session, given: FormatValue {
        /// `number`, `percent`, `amount`, `date`, `time`, `datetime`, `duration`, `address` or `person_name`.
        kind: String,
        /// The value, as fields of the type have it: decimals, days and moments as text, `{amount, currency}`,
        /// the parts of an address or a name.
        value: Json,
        /// For days and times `short`, `medium`, `long` or `full`; for amounts `standard`, `accounting`
        /// (negative ones in parentheses) or `capital` (Chinese capital numerals, for CNY). `medium` and
        /// `standard` if not said.
        style: Option<String>,
        /// For number and percent: digits after the point; at most three if not said.
        digits: Option<u64>,
        /// The language, `zh-Hans` or `en`; the session's if not said.
        locale: Option<String>,
        /// For datetime: the zone, an IANA name; the database's if not said.
        time_zone: Option<String>,
    }) -> "{text}" {
        let zone = match &given.time_zone {
            Some(name) => TimeZone::named(name)?,
            None => session.crm().settings().zone()?,
        };
        let formats = Formats::new(language(session, given.locale.as_deref())?, zone);
        let digits = given.digits.map(|digits| u32::try_from(digits).unwrap_or(u32::MAX).min(18));
        let value = &given.value;
        let length = || given.style.as_deref().map_or(Ok(Length::Medium), Length::from_name);
        let text = match given.kind.as_str() {
            "number" => formats.number(decimal(value)?, digits),
            "percent" => formats.percent(decimal(value)?, digits),
            "amount" => formats.amount(money(value)?, style(given.style.as_deref())?)?,
            "date" => formats.date(parsed(value)?, length()?),
            "time" => formats.time(parsed(value)?, length()?),
            "datetime" => formats.moment(parsed(value)?, length()?)?,
            "duration" => formats.duration(parsed(value)?),
            "address" => formats.address(&Value::from_json(value)?)?,
            "person_name" => formats.person_name(&Value::from_json(value)?)?,
            other => return Err(Error::new(Code::InvalidArgument).field("kind").value(other)),
        };
        Ok(json!({"text": text}))
    }

    /// Reads a number, share, amount or day as people write it: `1,234.5`, `１２３４．５`, `1.5万`, `¥12`,
    /// `2026年5月4日`. What could mean two things, as the day 5/4/2026, is refused unless the order is said.
    "locale.parse" (session, given: ParseText {
        /// `number`, `percent`, `amount` or `date`.
        kind: String,
        /// What was written.
        text: String,
        /// For days in numbers alone: `day_first` or `month_first`.
        order: Option<String>,
        /// For amounts that name no currency: its ISO 4217 code; the base currency if not said.
        currency: Option<String>,
        /// The language, `zh-Hans` or `en`; the session's if not said.
        locale: Option<String>,
    }) -> "{value}" {
        let order = given.order.as_deref().map(order).transpose()?;
        let reading = Reading::new(language(session, given.locale.as_deref())?, order);
        let value = match given.kind.as_str() {
            "number" => Value::Decimal(reading.number(&given.text)?),
            "percent" => Value::Decimal(reading.percent(&given.text)?),
            "amount" => {
                let base = match &given.currency {
                    Some(code) => Currency::from_code(code)?,
                    None => session.crm().settings().currency()?,
                };
                Value::Money(reading.amount(&given.text, base)?)
            }
            "date" => Value::Date(reading.date(&given.text)?),
            other => return Err(Error::new(Code::InvalidArgument).field("kind").value(other)),
        };
        Ok(json!({"value": value.to_json()}))
    }
}

fn language(session: &Session, tag: Option<&str>) -> Result<Locale> {
    tag.map_or_else(|| Ok(session.locale()), Locale::parse)
}

fn style(name: Option<&str>) -> Result<AmountStyle> {
    match name.unwrap_or("standard") {
        "standard" => Ok(AmountStyle::Standard),
        "accounting" => Ok(AmountStyle::Accounting),
        "capital" => Ok(AmountStyle::Capital),
        other => Err(Error::new(Code::InvalidArgument).field("style").value(other)),
    }
}

fn order(name: &str) -> Result<DayOrder> {
    match name {
        "day_first" => Ok(DayOrder::DayFirst),
        "month_first" => Ok(DayOrder::MonthFirst),
        other => Err(Error::new(Code::InvalidArgument).field("order").value(other)),
    }
}

fn parsed<T: std::str::FromStr<Err = Error>>(value: &Json) -> Result<T> {
    let text = value.as_str().ok_or_else(|| Error::new(Code::WrongType).field("value").rule("text"))?;
    text.parse()
}

/// A whole number, or a decimal as text: a fraction in JSON is a binary float by the time that it arrives here.
fn decimal(value: &Json) -> Result<Decimal> {
    match value.as_i64() {
        Some(whole) => Ok(Decimal::from(whole)),
        None => parsed(value),
    }
}

fn money(value: &Json) -> Result<Money> {
    let Some(parts) = value.as_object() else { return parsed(value) };
    let wrong = || Error::new(Code::WrongType).field("value").rule("{amount, currency}");
    let currency = parts.get("currency").and_then(Json::as_str).ok_or_else(wrong)?;
    Ok(Money::new(decimal(parts.get("amount").ok_or_else(wrong)?)?, Currency::from_code(currency)?))
}
