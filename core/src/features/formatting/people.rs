//! Addresses of people and places. The orders are those of the address metadata of Chromium (libaddressinput),
//! region CN: `fmt` `%Z%n%S%C%D%n%A` for Chinese, `lfmt` `%A%n%D%n%C%n%S, %Z` for Latin script, with the country
//! behind everything as the Universal Postal Union asks for mail that crosses a border.

use crate::base::{Locale, Value};

pub(super) fn address(locale: Locale, address: &Value) -> String {
    let part = |name: &str| address.part(name).as_text().unwrap_or_default().to_owned();
    let (province, city, district) = (part("province"), part("city"), part("district"));
    // A municipality is its own province, and is written once.
    let province = if province == city { String::new() } else { province };
    let (street, code, country) = (part("street"), part("postal_code"), country(locale, &part("country")));
    let places = [&province, &city, &district, &street];
    if places.iter().all(|place| place.is_empty()) {
        let raw = part("raw");
        if !raw.is_empty() {
            return raw;
        }
    }
    match locale {
        Locale::SimplifiedChinese => {
            let whole = [country, province, city, district, street].concat();
            joined(&[code, whole], " ")
        }
        Locale::English => {
            let last = joined(&[province, code], " ");
            joined(&[street, district, city, last, country], ", ")
        }
    }
}

/// The country as it stands in an address: at home it is left out in Chinese.
fn country(locale: Locale, code: &str) -> String {
    match (locale, code) {
        (Locale::SimplifiedChinese, "CN") => String::new(),
        (Locale::English, "CN") => "China".to_owned(),
        (_, code) => code.to_owned(),
    }
}

fn joined(parts: &[String], between: &str) -> String {
    let said: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    said.join(between)
}
