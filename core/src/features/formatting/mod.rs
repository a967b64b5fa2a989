//! Numbers, amounts, days, times, addresses and names as people of a language write and read them.
//!
//! It deliberately knows no record and no setting: whoever asks hands in the language and the zone. The
//! patterns are those of the Unicode CLDR 47 for `zh-Hans` and `en`, cited where they stand.
//! Invariant: what is written is never read back by a machine; what is read is refused where it could mean two
//! things.

mod amounts;
mod capital;
mod days;
mod numbers;
mod people;
mod reading;

pub use amounts::AmountStyle;
pub use days::Length;
pub use reading::{DayOrder, Reading};

use crate::base::{
    Code, Date, Decimal, Duration, Error, Locale, Money, Result, Time, TimeZone, Timestamp, Value,
};

/// How values are written for people of a language, in a zone.
#[derive(Debug, Clone)]
pub struct Formats {
    locale: Locale,
    zone: TimeZone,
}

impl Formats {
    /// Formats of a language, in a zone.
    #[must_use]
    pub fn new(locale: Locale, zone: TimeZone) -> Self {
        Self { locale, zone }
    }

    /// A number in groups of three digits, with at most three digits after the point, or exactly as many as are
    /// asked for; rounded half away from zero.
    #[must_use]
    pub fn number(&self, number: Decimal, digits: Option<u32>) -> String {
        numbers::number(number, digits)
    }

    /// A share in hundredths: 12.5 is 12.5%.
    #[must_use]
    pub fn percent(&self, share: Decimal, digits: Option<u32>) -> String {
        numbers::percent(share, digits)
    }

    /// An amount, rounded to the minor unit of its currency by ISO 4217.
    ///
    /// # Errors
    /// `schema.currency_mismatch` for the capital style of another currency than CNY; `schema.out_of_range`
    /// for an amount that has no capital form.
    pub fn amount(&self, amount: Money, style: AmountStyle) -> Result<String> {
        amounts::amount(self.locale, amount, style)
    }

    /// A day.
    #[must_use]
    pub fn date(&self, day: Date, length: Length) -> String {
        days::date(self.locale, day, length)
    }

    /// A time of day: to the minute for `Short`, to the second otherwise.
    #[must_use]
    pub fn time(&self, time: Time, length: Length) -> String {
        days::time(self.locale, time, length)
    }

    /// A moment in the zone: its day in this length, its time to the minute, or to the second for `Medium` and
    /// longer.
    ///
    /// # Errors
    /// `schema.out_of_range` never in practice.
    pub fn moment(&self, moment: Timestamp, length: Length) -> Result<String> {
        let (day, time) = (moment.date_in(&self.zone), moment.time_in(&self.zone)?);
        let (day, time) = (self.date(day, length), self.time(time, length));
        Ok(match self.locale {
            // CLDR dateTimeFormat, type standard: `{1}, {0}` and `{1} {0}`.
            Locale::English => format!("{day}, {time}"),
            Locale::SimplifiedChinese => format!("{day} {time}"),
        })
    }

    /// A length of time in hours, minutes and seconds.
    #[must_use]
    pub fn duration(&self, length: Duration) -> String {
        days::duration(self.locale, length)
    }

    /// An address in one line: from the large to the small in Chinese, from the small to the large in English.
    ///
    /// # Errors
    /// `schema.wrong_type` for a value that is no map of an address' parts.
    pub fn address(&self, address: &Value) -> Result<String> {
        match address {
            Value::Map(_) => Ok(people::address(self.locale, address)),
            _ => Err(Error::new(Code::WrongType).rule("address")),
        }
    }

    /// A person's name, its parts in the order that the name itself says.
    ///
    /// # Errors
    /// `schema.wrong_type` for a value that is no map of a name's parts.
    pub fn person_name(&self, name: &Value) -> Result<String> {
        match name {
            Value::Map(_) => Ok(crate::schema::display_name(name)),
            _ => Err(Error::new(Code::WrongType).rule("person_name")),
        }
    }
}
