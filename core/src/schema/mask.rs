//! What is shown of a value to those who may know that it is there, but not what it is.
//!
//! The forms are those that Chinese practice has made usual (GB/T 37964-2019 calls them masking): of a telephone
//! number the last four digits and what stands before the middle, of an identity number both ends, of a name the
//! family name. A mask tells nothing of how long a name or an amount is.

use crate::base::Value;
use crate::schema::{FieldType, display_name};

/// What stands for a value of which nothing is shown.
const NOTHING: &str = "****";
/// Digits of a telephone number that are covered, before as many that are shown.
const COVERED: usize = 4;
/// Characters of an identity number that are shown in front and behind.
const ENDS: (usize, usize) = (3, 4);

/// The mask of a value of a field of a type: a text, whatever the value is; nothing for no value.
#[must_use]
pub fn mask(kind: &FieldType, value: &Value) -> Value {
    match (kind, value) {
        (_, Value::Null) => Value::Null,
        (FieldType::Phone, Value::Text(number)) => masked(phone(number)),
        (FieldType::Email, Value::Text(address)) => masked(email(address)),
        (FieldType::Identifier { .. }, Value::Text(number)) => masked(ends(number)),
        (FieldType::PersonName, name) => masked(person(&display_name(name))),
        (FieldType::Text, Value::Text(text)) => masked(person(text)),
        _ => masked(NOTHING.to_owned()),
    }
}

fn masked(text: String) -> Value {
    Value::Text(text)
}

/// `+86138****5678`; a short number is covered but for its last two digits.
fn phone(number: &str) -> String {
    let characters: Vec<char> = number.chars().collect();
    let shown = if characters.len() > 2 * COVERED + 2 { COVERED } else { 2.min(characters.len() / 2) };
    let (front, last) = characters.split_at(characters.len().saturating_sub(shown));
    let front = front.split_at(front.len().saturating_sub(COVERED)).0;
    let front: String = if shown == COVERED { front.iter().collect() } else { String::new() };
    format!("{front}{NOTHING}{}", last.iter().collect::<String>())
}

/// `l****@jiaxi.cn`.
fn email(address: &str) -> String {
    let (local, domain) = address.split_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    if domain.is_empty() { format!("{first}{NOTHING}") } else { format!("{first}{NOTHING}@{domain}") }
}

/// `310****1234`; of a short one nothing.
fn ends(number: &str) -> String {
    let characters: Vec<char> = number.chars().collect();
    let (front, behind) = ENDS;
    if characters.len() < 2 * (front + behind) {
        return NOTHING.to_owned();
    }
    let first: String = characters.iter().take(front).collect();
    let last: String = characters.iter().skip(characters.len().saturating_sub(behind)).collect();
    format!("{first}{NOTHING}{last}")
}

/// The first character, which is the family name in most Chinese names, and two stars.
fn person(name: &str) -> String {
    let first: String = name.chars().take(1).collect();
    if name.chars().nth(1).is_none() { "**".to_owned() } else { format!("{first}**") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Money;
    use crate::schema::Scheme;

    fn shown(kind: &FieldType, text: &str) -> String {
        mask(kind, &Value::from(text)).as_text().unwrap().to_owned()
    }

    #[test]
    fn each_type_shows_what_is_usual_of_it_and_no_more() {
        assert_eq!(shown(&FieldType::Phone, "+8613812345678"), "+86138****5678");
        assert_eq!(shown(&FieldType::Phone, "110"), "****0");
        assert_eq!(shown(&FieldType::Phone, "12"), "****2");
        assert_eq!(shown(&FieldType::Phone, ""), "****");
        assert_eq!(shown(&FieldType::Email, "lin@jiaxi.cn"), "l****@jiaxi.cn");
        assert_eq!(shown(&FieldType::Email, "nonsense"), "n****");
        assert_eq!(shown(&FieldType::Text, "张伟明"), "张**");
        assert_eq!(shown(&FieldType::Text, "张"), "**");
        assert_eq!(mask(&FieldType::Money, &Value::Money(Money::cny(12_800))), Value::from("****"));
        assert_eq!(mask(&FieldType::Money, &Value::Null), Value::Null);
        let scheme = FieldType::Identifier { scheme: Scheme::CnResidentIdentity };
        assert_eq!(shown(&scheme, "11010519491231002X"), "110****002X");
        assert_eq!(shown(&scheme, "1234"), "****");
    }
}
