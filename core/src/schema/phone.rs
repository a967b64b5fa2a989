//! Phone numbers as they are stored: E.164 where they parse, and otherwise as they were written.
//!
//! Whether a stored number parsed is told by the number itself: one that is valid in E.164 did, every other one did
//! not. So no mark lies beside it that could be wrong, and a list can ask for those that did not.

use std::str::FromStr;

use phonenumber::country::Id;

use crate::base::{Code, Error, Result, Value};
use crate::schema::FieldType;

/// The region whose dialling rules a number without country code is read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneRegion(Option<Id>);

impl Default for PhoneRegion {
    /// Mainland China.
    fn default() -> Self {
        Self(Some(Id::CN))
    }
}

impl PhoneRegion {
    /// None: only numbers with country code are read.
    pub const INTERNATIONAL: Self = Self(None);

    /// The region of a code.
    ///
    /// # Errors
    /// `input.invalid_argument` for what is no region that has phone numbers, as ISO 3166-1 alpha-2 has them.
    pub fn from_code(code: &str) -> Result<Self> {
        let wrong = || Error::new(Code::InvalidArgument).value(code).rule("ISO 3166-1 alpha-2");
        Id::from_str(code).map(|region| Self(Some(region))).map_err(|_| wrong())
    }
}

/// A phone number in E.164 by the tables of libphonenumber; what does not parse, is no valid number, or says more
/// than E.164 can, as an extension, is kept as it was written.
pub(super) fn phone(text: &str, region: PhoneRegion) -> String {
    let parsed = mainland_mobile(text, region).or_else(|| phone_by_tables(text, region.0));
    parsed.unwrap_or_else(|| text.to_owned())
}

/// Whether a stored text is a phone number that parsed: a valid one in E.164.
#[must_use]
pub fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return false;
    }
    let number = || mainland_mobile(text, PhoneRegion::INTERNATIONAL).or_else(|| phone_by_tables(text, None));
    number().is_some_and(|number| number == text)
}

/// Whether some phone number in a value of a type did not parse.
#[must_use]
pub fn has_unparsed_phone(kind: &FieldType, value: &Value) -> bool {
    match (kind, value) {
        (FieldType::Phone, Value::Text(text)) => !is_phone(text),
        (FieldType::Rows { columns }, rows) => rows
            .items()
            .any(|row| columns.iter().any(|column| has_unparsed_phone(&column.kind, row.part(&column.name)))),
        _ => false,
    }
}

/// A mobile number of mainland China in E.164, and nothing for every other text. These are most of what
/// hosts store here, and the tables answer each with several regular expressions, which take longer than
/// the rest of a record together. The prefixes are those of libphonenumber's metadata for the region CN.
fn mainland_mobile(text: &str, region: PhoneRegion) -> Option<String> {
    let national = match text.strip_prefix("+86") {
        Some(national) => national,
        None if region == PhoneRegion::default() => text,
        None => return None,
    };
    let mut digits = String::with_capacity(14);
    digits.push_str("+86");
    digits.extend(national.chars().filter(|character| !matches!(character, ' ' | '-')));
    let number = digits.get(3..).filter(|number| number.len() == 11)?.as_bytes();
    let mobile = match number {
        [b'1', b'3' | b'8', ..] => true,
        [b'1', b'5' | b'9', third, ..] => *third != b'4',
        [b'1', b'4', third, ..] => matches!(third, b'5' | b'7'),
        [b'1', b'6', third, ..] => matches!(third, b'2' | b'5' | b'6' | b'7'),
        [b'1', b'7', third, ..] => !matches!(third, b'4' | b'9'),
        _ => false,
    };
    (mobile && number.iter().all(u8::is_ascii_digit)).then_some(digits)
}

/// Most bytes of what may be a phone number, as libphonenumber has it.
const MAX_NUMBER: usize = 250;

fn phone_by_tables(text: &str, region: Option<Id>) -> Option<String> {
    if text.len() > MAX_NUMBER {
        return None;
    }
    // The library panics on some texts.
    let parsed = std::panic::catch_unwind(|| phonenumber::parse(region, text)).ok()?.ok()?;
    let is_whole = parsed.extension().is_none() && phonenumber::is_valid(&parsed);
    is_whole.then(|| parsed.format().mode(phonenumber::Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chinese(text: &str) -> String {
        phone(text, PhoneRegion::default())
    }

    #[test]
    fn one_phone_written_in_many_ways_is_one_number() {
        for written in ["13812345678", "+86 138 1234 5678", "0086-138-1234-5678", "138-1234-5678"] {
            assert_eq!(chinese(written), "+8613812345678", "{written}");
        }
    }

    #[test]
    fn the_short_way_to_a_mobile_number_ends_where_the_tables_do() {
        let china = PhoneRegion::default();
        for prefix in 100..1_000 {
            for written in [
                format!("{prefix}12345678"),
                format!("+86{prefix}12345678"),
                format!("+86 {prefix}-1234 5678"),
                format!("{prefix} 0000 0000"),
                format!("{prefix}1234567"),
                format!("{prefix}123456789"),
            ] {
                if let Some(number) = mainland_mobile(&written, china) {
                    assert_eq!(Some(number), phone_by_tables(&written, china.0), "{written}");
                }
            }
        }
        for prefix in ["130", "147", "159", "166", "173", "189", "198"] {
            assert!(mainland_mobile(&format!("{prefix}12345678"), china).is_some(), "{prefix}");
        }
        for text in
            ["", "1", "+86", "-", "１3812345678", "1381234567x", "+8613812345678 ext. 5", "138123456789"]
        {
            assert_eq!(mainland_mobile(text, china), None, "{text}");
        }
    }

    #[test]
    fn a_phone_that_does_not_parse_is_kept_as_it_was_written_and_can_be_told_from_one_that_did() {
        for text in ["ask at the desk", " 12 ", "+86", "+12", "+8613812345678 ext. 5", "+", "+1３8"] {
            assert_eq!(chinese(text), text);
            assert!(!is_phone(text), "{text}");
        }
        for text in ["13812345678", "021-58881234", "+1 212 555 2368", "+44 20 7946 0958"] {
            assert!(is_phone(&chinese(text)), "{text}");
            assert_eq!(chinese(&chinese(text)), chinese(text));
        }
    }

    #[test]
    fn a_number_without_country_code_is_read_by_the_region() {
        let america = PhoneRegion::from_code("US").unwrap();
        assert_eq!(phone("(212) 555-2368", america), "+12125552368");
        assert_eq!(phone("13812345678", PhoneRegion::INTERNATIONAL), "13812345678");
        assert_eq!(phone("+8613812345678", america), "+8613812345678");
        for code in ["", "cn", "China", "X1"] {
            assert_eq!(PhoneRegion::from_code(code).unwrap_err().code(), Code::InvalidArgument, "{code}");
        }
    }
}
