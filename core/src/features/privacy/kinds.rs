//! What looks like personal data in a text: kinds that can be told from other numbers by a check digit, by the tables of
//! phone numbers, or by their form.

use std::collections::BTreeMap;

use crate::base::Date;
use crate::schema::{Scheme, is_email, is_phone};

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PersonalKind {
    /// A number that the tables of libphonenumber know.
    Phone,
    /// An e-mail address.
    Email,
    /// An identity number of a resident of China: region, day of birth and check character are right (GB 11643).
    ResidentIdentity,
    /// A number of a bank card: an issuer of banking and the check digit are right (ISO/IEC 7812).
    BankCard,
}

impl PersonalKind {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::ResidentIdentity => "resident_identity",
            Self::BankCard => "bank_card",
        }
    }
}

/// The first two digits of identity numbers: provinces of GB/T 2260, and 81 to 83 for residents of Hong Kong, Macao and
/// Taiwan.
const REGIONS: [u32; 34] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54,
    61, 62, 63, 64, 65, 81, 82, 83,
];
/// The letters and digits of a unified social credit code, in the order of their values (GB 32100).
const CREDIT_CODE: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// Most characters of a number with its groups.
const MAX_NUMBER: usize = 24;
/// The first year of birth that an identity number is believed.
const FIRST_YEAR: i16 = 1900;

/// A run of letters and digits, and what stands before it.
#[derive(Debug)]
struct Token {
    text: String,
    /// Whether it belongs to the token before: one space or hyphen lies between them.
    joined: bool,
    /// Whether a plus sign stands before it.
    plus: bool,
}

/// How many things of each kind a text has. Days of birth lie up to today.
pub(super) fn personal_in(text: &str, today: Date) -> BTreeMap<PersonalKind, u64> {
    let mut found = BTreeMap::new();
    let mut add = |kind| {
        let count: &mut u64 = found.entry(kind).or_default();
        *count = count.saturating_add(1);
    };
    let plain: String = text.chars().map(halfwidth).collect();
    let (rest, addresses) = without_addresses(&plain);
    (0..addresses).for_each(|_| add(PersonalKind::Email));
    let tokens = tokens_of(&rest);
    let mut place = 0;
    while place < tokens.len() {
        let (kind, taken) = longest(&tokens, place, today);
        kind.into_iter().for_each(&mut add);
        place = place.saturating_add(taken.max(1));
    }
    found
}

/// A character of full width as its plain one.
fn halfwidth(character: char) -> char {
    let plain = u32::from(character).checked_sub(0xfee0).and_then(char::from_u32);
    match character {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => plain.unwrap_or(character),
        other => other,
    }
}

/// The text without the addresses in it, and how many there are.
fn without_addresses(text: &str) -> (String, usize) {
    let is_local = |character: char| character.is_ascii_alphanumeric() || "._%+-'".contains(character);
    let is_domain = |character: char| character.is_ascii_alphanumeric() || ".-".contains(character);
    let (mut rest, mut open, mut count) = (String::with_capacity(text.len()), text, 0_usize);
    while let Some((before, behind)) = open.split_once('@') {
        let kept = before.trim_end_matches(is_local);
        let local = before.get(kept.len()..).unwrap_or_default();
        let further = behind.trim_start_matches(is_domain);
        let domain = behind.get(..behind.len().saturating_sub(further.len())).unwrap_or_default();
        let domain = domain.trim_end_matches(['.', '-']);
        let address = format!("{}@{domain}", local.trim_start_matches(['.', '-', '\'']));
        if !local.is_empty() && !domain.is_empty() && is_email(&address) {
            count = count.saturating_add(1);
            rest.push_str(kept);
            rest.push('\u{fffd}');
            open = behind.get(domain.len()..).unwrap_or_default();
        } else {
            rest.push_str(before);
            rest.push('@');
            open = behind;
        }
    }
    rest.push_str(open);
    (rest, count)
}

fn tokens_of(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut between = String::new();
    let mut current = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_alphanumeric() {
            current.push(character);
            continue;
        }
        if !current.is_empty() {
            let joined = !tokens.is_empty() && matches!(between.as_str(), " " | "-" | ") " | ")" | ")-");
            let plus = between.ends_with('+');
            tokens.push(Token { text: std::mem::take(&mut current), joined, plus });
            between.clear();
        }
        between.push(character);
    }
    tokens
}

/// What the longest number is that begins with a token, and how many tokens it takes.
fn longest(tokens: &[Token], place: usize, today: Date) -> (Option<PersonalKind>, usize) {
    let Some(first) = tokens.get(place) else { return (None, 1) };
    let mut groups = vec![first];
    groups.extend(tokens.iter().skip(place.saturating_add(1)).take_while(|token| token.joined).take(5));
    while !groups.is_empty() {
        let texts: Vec<&str> = groups.iter().map(|token| token.text.as_str()).collect();
        if let Some(kind) = kind_of(&texts, first.plus, today) {
            return (kind.told(), groups.len());
        }
        groups.pop();
    }
    (None, 1)
}

/// What a number is.
enum Told {
    Personal(PersonalKind),
    /// A code of an organisation, which is nobody's.
    Organisation,
}

impl Told {
    fn told(self) -> Option<PersonalKind> {
        match self {
            Self::Personal(kind) => Some(kind),
            Self::Organisation => None,
        }
    }
}

fn kind_of(groups: &[&str], plus: bool, today: Date) -> Option<Told> {
    let number = groups.concat().to_ascii_uppercase();
    if number.len() > MAX_NUMBER {
        return None;
    }
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    if lengths == [18] && is_credit_code(&number) {
        return Some(Told::Organisation);
    }
    if matches!(lengths.as_slice(), [18] | [6, 8, 4] | [17, 1]) && is_identity(&number, today) {
        return Some(Told::Personal(PersonalKind::ResidentIdentity));
    }
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // What has a region and a day of birth is a mistyped identity number rather than a card.
    if is_grouped_card(&lengths) && is_card(&number) && !has_birth(&number, today) {
        return Some(Told::Personal(PersonalKind::BankCard));
    }
    (is_grouped_phone(&lengths) && is_number(&number, plus)).then_some(Told::Personal(PersonalKind::Phone))
}

fn is_identity(number: &str, today: Date) -> bool {
    has_birth(number, today) && Scheme::CnResidentIdentity.normalize(number).is_ok()
}

/// Whether 18 characters stand where an identity number has its region and its day of birth.
fn has_birth(number: &str, today: Date) -> bool {
    let part = |from: usize, to: usize| number.get(from..to).and_then(|part| part.parse::<u32>().ok());
    let region = part(0, 2).is_some_and(|region| REGIONS.contains(&region));
    let (Some(year), Some(month), Some(day)) = (part(6, 10), part(10, 12), part(12, 14)) else {
        return false;
    };
    let (Ok(year), Ok(month), Ok(day)) = (i16::try_from(year), i8::try_from(month), i8::try_from(day)) else {
        return false;
    };
    let born = Date::new(year, month, day).is_ok_and(|born| year >= FIRST_YEAR && born <= today);
    number.len() == 18 && region && born
}

/// Whether 18 characters are a unified social credit code: of a registry that gives them, with a region, the check
/// character of the organisation's own code (GB 11714), and that of the whole (GB 32100).
fn is_credit_code(code: &str) -> bool {
    let values: Option<Vec<u32>> = code.bytes().map(value_of).collect();
    let Some(values) = values.filter(|values| values.len() == 18) else { return false };
    let registry = code.starts_with(['1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'N', 'Y']);
    let region = code.get(2..4).and_then(|region| region.parse::<u32>().ok());
    let region = region.is_some_and(|region| region == 10 || REGIONS.contains(&region));
    registry && region && is_organisation(code.get(8..17).unwrap_or_default()) && {
        let mut weight = 1;
        let mut sum = 0;
        for value in values.iter().take(17) {
            sum = (sum + value * weight) % 31;
            weight = weight * 3 % 31;
        }
        values.last().is_some_and(|check| (sum + check) % 31 == 0)
    }
}

fn value_of(byte: u8) -> Option<u32> {
    let place = CREDIT_CODE.iter().position(|known| *known == byte)?;
    u32::try_from(place).ok()
}

/// Whether nine characters are the code of an organisation (GB 11714).
fn is_organisation(code: &str) -> bool {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let Some((body, check)) = code.split_at_checked(8) else { return false };
    let values = body.chars().map(|character| character.to_digit(36));
    let Some(values) = values.collect::<Option<Vec<u32>>>() else { return false };
    let sum: u32 = values.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    let expected = match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        digit => char::from_digit(digit, 10).unwrap_or('0'),
    };
    check.chars().eq([expected])
}

/// Cards are written in one piece, in groups of four, or as four, six and five digits.
fn is_grouped_card(lengths: &[usize]) -> bool {
    match lengths {
        [_] | [4, 6, 5] => true,
        [first @ .., last] => first.iter().all(|length| *length == 4) && (1..=4).contains(last),
        [] => false,
    }
}

/// A number of a card: of banking, finance or travel, as long as its issuers have them, with the check digit of Luhn.
fn is_card(number: &str) -> bool {
    let length = number.len();
    let issued = match number.get(..2).and_then(|front| front.parse::<u32>().ok()) {
        Some(34 | 37) => length == 15,
        Some(36 | 38 | 39) => length == 14,
        Some(front) => (35..=69).contains(&front) && (16..=19).contains(&length),
        None => false,
    };
    issued && is_luhn(number)
}

fn is_luhn(number: &str) -> bool {
    let digits = number.chars().rev().filter_map(|digit| digit.to_digit(10)).zip([1, 2].into_iter().cycle());
    let sum: u32 =
        digits.map(|(digit, weight)| digit * weight).map(|product| product / 10 + product % 10).sum();
    sum.is_multiple_of(10) && number.bytes().any(|digit| digit != b'0')
}

/// Phone numbers are written in few groups, none of them long.
fn is_grouped_phone(lengths: &[usize]) -> bool {
    match lengths {
        [one] => (10..=15).contains(one),
        groups => {
            let digits: usize = groups.iter().sum();
            (10..=15).contains(&digits) && groups.iter().all(|length| (1..=11).contains(length))
        }
    }
}

/// Whether digits are a phone number: one with a country code, a mobile one of mainland China, or one with its trunk
/// prefix.
fn is_number(number: &str, plus: bool) -> bool {
    if plus {
        return is_phone(&format!("+{number}"));
    }
    if let Some(international) = number.strip_prefix("00") {
        return is_phone(&format!("+{international}"));
    }
    if let Some(national) = number.strip_prefix('0') {
        return is_phone(&format!("+86{national}"));
    }
    match number.len() {
        11 if number.starts_with('1') => is_phone(&format!("+86{number}")),
        13 if number.starts_with("861") => is_phone(&format!("+{number}")),
        _ => false,
    }
}
