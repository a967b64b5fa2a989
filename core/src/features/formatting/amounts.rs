//! Amounts with their currencies. CLDR currencyFormat `¤#,##0.00`, accounting `¤#,##0.00;(¤#,##0.00)`, alike in
//! `zh-Hans` and `en`; digits after the point by ISO 4217. A symbol that ends with a letter is set apart by a
//! no-break space (CLDR currencySpacing, beforeCurrency and afterCurrency).

use crate::base::{Code, Currency, Decimal, Error, Locale, Money, Result};
use crate::features::formatting::capital::capital;
use crate::features::formatting::numbers::grouped;

/// How an amount is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AmountStyle {
    /// With a minus sign before a negative one.
    #[default]
    Standard,
    /// With a negative one in parentheses.
    Accounting,
    /// In Chinese capital numerals, as on bills and receipts; for CNY alone.
    Capital,
}

/// Symbols of currencies in CLDR: code, in `zh-Hans`, in `en`. All others are written by their codes.
pub(super) const SYMBOLS: [(&str, &str, &str); 10] = [
    ("AUD", "AU$", "A$"),
    ("CAD", "CA$", "CA$"),
    ("CNY", "¥", "CN¥"),
    ("EUR", "€", "€"),
    ("GBP", "£", "£"),
    ("HKD", "HK$", "HK$"),
    ("INR", "₹", "₹"),
    ("JPY", "JP¥", "¥"),
    ("TWD", "NT$", "NT$"),
    ("USD", "US$", "$"),
];

/// The symbol of a currency for people of a language.
fn symbol(locale: Locale, code: &str) -> Option<&'static str> {
    let (_, zh, en) = SYMBOLS.iter().find(|(known, _, _)| *known == code)?;
    Some(match locale {
        Locale::SimplifiedChinese => zh,
        Locale::English => en,
    })
}

pub(super) fn amount(locale: Locale, money: Money, style: AmountStyle) -> Result<String> {
    if style == AmountStyle::Capital {
        return match money.currency == Currency::CNY {
            true => capital(money.amount),
            false => Err(Error::new(Code::CurrencyMismatch).rule("capital numerals are for CNY")),
        };
    }
    let digits = money.currency.minor_digits().unwrap_or(2);
    let rounded = money.amount.rounded(digits);
    let text = grouped(rounded, digits);
    let plain = text.trim_start_matches('-');
    let code = money.currency.code();
    let sign = symbol(locale, code).map_or_else(|| format!("{code}\u{a0}"), str::to_owned);
    Ok(match (rounded < Decimal::ZERO, style) {
        (false, _) => format!("{sign}{plain}"),
        (true, AmountStyle::Accounting) => format!("({sign}{plain})"),
        (true, _) => format!("-{sign}{plain}"),
    })
}
