//! Phone numbers as they are stored: E.164 where they parse, and otherwise as they came.

/// A phone number in E.164 by the tables of libphonenumber, numbers without country code read as
/// Chinese; what does not parse or is no valid number is kept as it came.
pub(super) fn phone(text: &str) -> String {
    mainland_mobile(text).unwrap_or_else(|| phone_by_tables(text))
}

/// A mobile number of mainland China in E.164, and nothing for every other text. These are most of what
/// hosts store here, and the tables answer each with several regular expressions, which take longer than
/// the rest of a record together. The prefixes are those of libphonenumber's metadata for the region CN.
fn mainland_mobile(text: &str) -> Option<String> {
    let national = text.strip_prefix("+86").unwrap_or(text);
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

fn phone_by_tables(text: &str) -> String {
    if text.len() > MAX_NUMBER {
        return text.trim().to_owned();
    }
    let parsed = std::panic::catch_unwind(|| phonenumber::parse(Some(phonenumber::country::Id::CN), text));
    match parsed {
        Ok(Ok(number)) if phonenumber::is_valid(&number) => {
            number.format().mode(phonenumber::Mode::E164).to_string()
        }
        _ => text.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_phone_written_in_many_ways_is_one_number() {
        for written in ["13812345678", "+86 138 1234 5678", "0086-138-1234-5678", "138-1234-5678"] {
            assert_eq!(phone(written), "+8613812345678", "{written}");
        }
    }

    #[test]
    fn the_short_way_to_a_mobile_number_ends_where_the_tables_do() {
        for prefix in 100..1_000 {
            for written in [
                format!("{prefix}12345678"),
                format!("+86{prefix}12345678"),
                format!("+86 {prefix}-1234 5678"),
                format!("{prefix} 0000 0000"),
                format!("{prefix}1234567"),
                format!("{prefix}123456789"),
            ] {
                if let Some(number) = mainland_mobile(&written) {
                    assert_eq!(number, phone_by_tables(&written), "{written}");
                }
            }
        }
        for prefix in ["130", "147", "159", "166", "173", "189", "198"] {
            assert!(mainland_mobile(&format!("{prefix}12345678")).is_some(), "{prefix}");
        }
        for text in
            ["", "1", "+86", "-", "１3812345678", "1381234567x", "+8613812345678 ext. 5", "138123456789"]
        {
            assert_eq!(mainland_mobile(text), None, "{text}");
        }
    }

    #[test]
    fn a_phone_that_does_not_parse_is_kept_as_it_came() {
        assert_eq!(phone("ask at the desk"), "ask at the desk");
        assert_eq!(phone("12"), "12");
    }
}
