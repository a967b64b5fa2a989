//! Schemes of identifiers: how a number is written, and whether its check digits are right.

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Result};

/// A scheme that the engine can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// The identity number of residents of China: 17 digits and a check character (GB 11643-1999).
    CnResidentIdentity,
    /// The code of a legal entity: 18 letters and digits and two check digits (ISO 17442).
    Lei,
    /// The number of a bank account: country, two check digits, at most 30 letters and digits (ISO 13616).
    Iban,
    /// The number of an article: 8, 12, 13 or 14 digits with a check digit (GS1 General Specifications).
    Gtin,
}

impl Scheme {
    /// The identifier without separators and in capitals, if it is one.
    ///
    /// # Errors
    /// `schema.invalid_identifier` with the name of the scheme.
    pub fn normalize(self, text: &str) -> Result<String> {
        let separators = |character: &char| !matches!(character, ' ' | '-' | '.');
        let written: String =
            text.chars().filter(separators).map(|character| character.to_ascii_uppercase()).collect();
        let right = match self {
            Self::CnResidentIdentity => is_resident_identity(&written),
            Self::Lei => written.len() == 20 && remainder_of_97(&written) == Some(1),
            Self::Iban => is_iban(&written),
            Self::Gtin => is_gtin(&written),
        };
        if right {
            Ok(written)
        } else {
            Err(Error::new(Code::InvalidIdentifier).rule(self.name()).value(text))
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::CnResidentIdentity => "cn_resident_identity",
            Self::Lei => "lei",
            Self::Iban => "iban",
            Self::Gtin => "gtin",
        }
    }
}

/// Whether the last of 18 characters is the check character of the others by ISO 7064, MOD 11-2.
fn is_resident_identity(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text
        .chars()
        .enumerate()
        .map(|(place, character)| match character {
            'X' if place == 17 => Some(10),
            digit => digit.to_digit(10),
        })
        .collect();
    let Some(digits) = digits.filter(|digits| digits.len() == 18) else { return false };
    // Horner's scheme: each step doubles what stands before.
    digits.iter().fold(0, |sum, digit| (sum * 2 + digit) % 11) == 1
}

/// The remainder of the number that digits and letters (A is 10, Z is 35) make, by ISO 7064, MOD 97-10.
fn remainder_of_97(text: &str) -> Option<u32> {
    text.chars().try_fold(0, |remainder, character| {
        let value = character.to_digit(36)?;
        Some((remainder * if value < 10 { 10 } else { 100 } + value) % 97)
    })
}

fn is_iban(text: &str) -> bool {
    let head = text.split_at_checked(4).filter(|_| (15..=34).contains(&text.len()));
    head.is_some_and(|(head, rest)| {
        let (country, check) = head.split_at_checked(2).unwrap_or_default();
        country.bytes().all(|byte| byte.is_ascii_uppercase())
            && check.bytes().all(|byte| byte.is_ascii_digit())
            && remainder_of_97(&format!("{rest}{head}")) == Some(1)
    })
}

fn is_gtin(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text.chars().map(|character| character.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| matches!(digits.len(), 8 | 12..=14)) else { return false };
    let weighted = digits.iter().rev().zip([1, 3].into_iter().cycle());
    weighted.map(|(digit, weight)| digit * weight).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of GB 11643, ISO 17442, ISO 13616 and the GS1 specifications.
    const RIGHT: [(Scheme, &str); 7] = [
        (Scheme::CnResidentIdentity, "11010519491231002X"),
        (Scheme::CnResidentIdentity, "440524188001010014"),
        (Scheme::Lei, "5493001KJTIIGC8Y1R12"),
        (Scheme::Iban, "GB29 NWBK 6016 1331 9268 19"),
        (Scheme::Iban, "DE89 3704 0044 0532 0130 00"),
        (Scheme::Gtin, "629104150021-3"),
        (Scheme::Gtin, "96385074"),
    ];

    #[test]
    fn the_examples_of_the_standards_are_right() {
        for (scheme, text) in RIGHT {
            let normal = scheme.normalize(text).unwrap();
            assert_eq!(scheme.normalize(&normal).unwrap(), normal);
        }
    }

    #[test]
    fn a_changed_digit_is_noticed_at_every_place() {
        for (scheme, text) in RIGHT {
            let normal = scheme.normalize(text).unwrap();
            for (place, digit) in normal.char_indices().filter(|(_, character)| character.is_ascii_digit()) {
                let mut changed = normal.clone();
                let other = if digit == '9' { '0' } else { char::from(digit as u8 + 1) };
                changed.replace_range(place..=place, &other.to_string());
                assert_eq!(
                    scheme.normalize(&changed).unwrap_err().code(),
                    Code::InvalidIdentifier,
                    "{changed}"
                );
            }
        }
    }

    #[test]
    fn what_has_another_shape_is_refused() {
        for text in ["", "X", "统一社会信用代码", "1101051949123100", "XX", "GB29", "0", "X1010519491231002X"]
        {
            for scheme in [Scheme::CnResidentIdentity, Scheme::Lei, Scheme::Iban, Scheme::Gtin] {
                assert_eq!(scheme.normalize(text).unwrap_err().code(), Code::InvalidIdentifier, "{text}");
            }
        }
    }
}
