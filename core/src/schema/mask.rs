//! What is shown of a value to those who may know that it is there, but not what it is.
//!
//! The forms are those that Chinese practice has made usual (GB/T 37964-2019 calls them masking): of a telephone
//! number the last four digits and what stands before the middle, of an identity number both ends, of a name the
//! family name. A mask tells nothing of how long a name or an amount is.

use serde::{Deserialize, Serialize};

use crate::base::Value;
use crate::schema::{FieldType, display_name};

/// What stands for a value of which nothing is shown.
const NOTHING: &str = "****";
/// Digits of a telephone number that are covered, before as many that are shown.
const COVERED: usize = 4;
/// Characters of an identity number that are shown in front and behind.
const ENDS: (usize, usize) = (3, 4);

/// Which form the masks of a field have, where its author says another one than that of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskForm {
    /// Nothing is shown.
    Nothing,
    /// The last four digits, and what stands before the middle, as of a telephone number.
    Phone,
    /// The first character, and what stands behind the sign, as of an e-mail address.
    Email,
    /// Both ends, as of an identity number or an account.
    Ends,
    /// The first character, as of a name.
    Name,
    /// How many digits a number has before its point, as of an amount.
    Magnitude,
}

/// The mask of a value of a field of a type: a text, whatever the value is; nothing for no value. It has the form that
/// is said, or else that of the type.
#[must_use]
pub fn mask(form: Option<MaskForm>, kind: &FieldType, value: &Value) -> Value {
    match (form, value) {
        (_, Value::Null) => Value::Null,
        (None, _) => usual(kind, value),
        (Some(MaskForm::Nothing), _) => masked(NOTHING.to_owned()),
        (Some(MaskForm::Magnitude), value) => masked(magnitude(value)),
        (Some(form), value) => {
            let text = if let FieldType::PersonName = kind { display_name(value) } else { value.to_string() };
            masked(match form {
                MaskForm::Phone => phone(&text),
                MaskForm::Email => email(&text),
                MaskForm::Ends => ends(&text),
                MaskForm::Name | MaskForm::Nothing | MaskForm::Magnitude => person(&text),
            })
        }
    }
}

fn usual(kind: &FieldType, value: &Value) -> Value {
    match (kind, value) {
        (FieldType::Phone, Value::Text(number)) => masked(phone(number)),
        (FieldType::Email, Value::Text(address)) => masked(email(address)),
        (FieldType::Identifier { .. }, Value::Text(number)) => masked(ends(number)),
        (FieldType::PersonName, name) => masked(person(&display_name(name))),
        (FieldType::Text, Value::Text(text)) => masked(person(text)),
        _ => masked(NOTHING.to_owned()),
    }
}

/// `~10000` for a number of five digits, whatever its sign is.
fn magnitude(value: &Value) -> String {
    let text = match value {
        Value::Money(money) => money.amount.to_string(),
        Value::Int(_) | Value::Decimal(_) => value.to_string(),
        _ => return NOTHING.to_owned(),
    };
    let digits = text.trim_start_matches('-').split('.').next().unwrap_or_default().len();
    format!("~1{}", "0".repeat(digits.saturating_sub(1)))
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
        mask(None, kind, &Value::from(text)).as_text().unwrap().to_owned()
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
        assert_eq!(mask(None, &FieldType::Money, &Value::Money(Money::cny(12_800))), Value::from("****"));
        assert_eq!(mask(None, &FieldType::Money, &Value::Null), Value::Null);
        let scheme = FieldType::Identifier { scheme: Scheme::CnResidentIdentity };
        assert_eq!(shown(&scheme, "11010519491231002X"), "110****002X");
        assert_eq!(shown(&scheme, "1234"), "****");
    }

    #[test]
    fn an_author_chooses_another_form() {
        let shown = |form, kind: &FieldType, value: Value| mask(Some(form), kind, &value).to_string();
        let text = |text: &str| Value::from(text);
        assert_eq!(shown(MaskForm::Phone, &FieldType::Text, text("13812345678")), "138****5678");
        assert_eq!(shown(MaskForm::Nothing, &FieldType::Phone, text("13812345678")), "****");
        assert_eq!(shown(MaskForm::Ends, &FieldType::Text, text("6222021234567890123")), "622****0123");
        assert_eq!(shown(MaskForm::Name, &FieldType::Email, text("lin@jiaxi.cn")), "l**");
        assert_eq!(
            shown(MaskForm::Magnitude, &FieldType::Money, Value::Money(Money::cny(-12_800))),
            "~10000"
        );
        assert_eq!(shown(MaskForm::Magnitude, &FieldType::Text, text("12800")), "****");
        assert_eq!(mask(Some(MaskForm::Ends), &FieldType::Text, &Value::Null), Value::Null);
    }
}
