//! The rule of the unified social credit code (`统一社会信用代码`), GB 32100-2015, and of its pilot issues.
//!
//! A code has 18 characters out of 31, the digits and the capital letters without I, O, S, V and Z:
//!
//! | position | meaning |
//! |---|---|
//! | 1, 2 | registering department and category within it |
//! | 3 to 8 | administrative division of the registering office (GB/T 2260), digits |
//! | 9 to 17 | code of the organisation (GB 11714), the last being its own check character |
//! | 18 | check character |
//!
//! # Pilot issues
//!
//! Before the standard came into force in October 2015, Fujian gave out codes of the same shape whose
//! check characters do not follow it. They are legal, for ever, and borne by existing companies. The
//! standard's check is `(31 - Σ value·3^(i-1)) mod 31` over its 31 characters. The codes of the pilot
//! follow the same form with other numbers, `(37 - Σ value·2^(i-1)) mod 37` over all 36 digits and
//! letters. No document of that rule is known to us: it was found from the four pilot codes that the
//! IDCheck and hutool projects list as real and nonconforming, and then held for four other codes that
//! people report as real (a chance of one in 37 each). All eight have an organisation code that begins
//! with `M000`.
//!
//! So a code of that family is a pilot issue if its last character is the pilot's, and it is kept with a
//! remark. The textbook's `91350100M000100Y4Z` is of the family, fits neither check, and is refused. The
//! price: within the family `M000`, one wrong code in 37 passes with a remark; elsewhere, none does.

/// Length of a code, in characters.
pub const LENGTH: usize = 18;

/// The characters of a code; the place of each is its value.
const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
/// Digits and letters, each in the place of its value, as the pilot and GB 11714 count.
const ALL_LETTERS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// The standard's check: powers of 3, modulo 31.
const STANDARD: CheckRule = CheckRule { alphabet: ALPHABET, radix: 3, modulus: 31 };
/// The pilot's check: powers of 2, modulo 37.
const PILOT: CheckRule = CheckRule { alphabet: ALL_LETTERS, radix: 2, modulus: 37 };
/// How the organisation codes of the pilot's family begin.
const PILOT_FAMILY: [char; 4] = ['M', '0', '0', '0'];
/// Weights of the first eight characters of an organisation code, GB 11714.
const ORGANISATION_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// Letters that no code has, and the digit that each is mistaken for.
const LOOKALIKES: [(char, char); 4] = [('I', '1'), ('O', '0'), ('S', '5'), ('Z', '2')];

/// Registering departments with their categories: GB 32100-2015 and its later amendments, as the
/// registration certificates and the validators in use (uscc-utils among them) have them.
const CATEGORIES: [(char, &str); 12] = [
    ('1', "1239"),
    ('2', "19"),
    ('3', "1234569"),
    ('4', "19"),
    ('5', "123459"),
    ('6', "129"),
    ('7', "129"),
    ('8', "19"),
    ('9', "1239"),
    ('A', "19"),
    ('N', "1239"),
    ('Y', "1"),
];

/// A sentence in both languages, without full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// Why a text is not a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// It has not 18 characters but so many.
    Length(usize),
    /// A character of the first 17 cannot stand where it does.
    Character {
        /// Its position, counted from 1.
        position: usize,
        /// The character.
        character: char,
        /// The code that it would be with letters read as the digits that they look like, if that passes.
        suggestion: Option<String>,
    },
    /// The last character does not follow from the others.
    CheckCharacter {
        /// What it should be.
        expected: char,
        /// What it is.
        actual: char,
    },
}

/// What is strange about a code that may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// It follows the check of the pilot and not that of the standard.
    PilotIssue,
    /// The standard has no such pair of department and category.
    UnknownCategory(char, char),
    /// The organisation code within it fails its own check, which this character would pass.
    OrganisationCode(char),
}

/// One check character by weights that are powers of a radix: ISO 7064 in shape, with the weights rising
/// from the left.
struct CheckRule {
    alphabet: &'static str,
    radix: u32,
    modulus: u32,
}

/// The text in standard form: full-width characters made plain, capitals, without white space and
/// hyphens or dashes. Nothing is guessed: an `O` stays an `O`.
#[must_use]
pub fn normalize(text: &str) -> String {
    text.chars()
        .map(half_width)
        .filter(|&character| !is_separator(character))
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// Checks a code in standard form.
///
/// Returns what is to be remarked on it, which is nothing for an ordinary code.
///
/// # Errors
/// The first rule that it breaks: length, then characters from the left, then the check character.
pub fn check(code: &str) -> Result<Vec<Remark>, Violation> {
    let characters: Vec<char> = code.chars().collect();
    let length = characters.len();
    let characters: [char; LENGTH] = characters.try_into().map_err(|_| Violation::Length(length))?;
    let [body @ .., last] = characters;
    check_characters(&body, last)?;
    let expected = STANDARD.check_character(&body);
    let is_pilot = expected != Some(last) && is_pilot_issue(&body, last);
    match expected {
        Some(expected) if expected != last && !is_pilot => {
            Err(Violation::CheckCharacter { expected, actual: last })
        }
        _ => Ok(remarks(&body, is_pilot)),
    }
}

fn check_characters(body: &[char; 17], last: char) -> Result<(), Violation> {
    for (position, &character) in (1..).zip(body) {
        let is_division = (3..=8).contains(&position);
        if !ALPHABET.contains(character) || (is_division && !character.is_ascii_digit()) {
            let suggestion = suggestion(body, last);
            return Err(Violation::Character { position, character, suggestion });
        }
    }
    Ok(())
}

/// The code with every letter that no code has read as the digit it looks like, if it passes then.
fn suggestion(body: &[char; 17], last: char) -> Option<String> {
    let digit = |character: &char| {
        let lookalike = LOOKALIKES.iter().find(|(letter, _)| letter == character);
        lookalike.map_or(*character, |&(_, digit)| digit)
    };
    let (body, last) = (body.each_ref().map(digit), digit(&last));
    let legible = body.iter().all(|&character| ALPHABET.contains(character));
    let passes = legible && STANDARD.check_character(&body) == Some(last);
    passes.then(|| body.iter().chain([&last]).collect())
}

fn is_pilot_issue(body: &[char; 17], last: char) -> bool {
    let [_, _, _, _, _, _, _, _, family @ .., _, _, _, _, _] = body;
    *family == PILOT_FAMILY && PILOT.check_character(body) == Some(last)
}

fn remarks(body: &[char; 17], is_pilot: bool) -> Vec<Remark> {
    let &[department, category, _, _, _, _, _, _, ref organisation @ .., organisation_check] = body;
    let mut remarks = Vec::new();
    if is_pilot {
        remarks.push(Remark::PilotIssue);
    }
    let is_known =
        CATEGORIES.iter().any(|&(known, categories)| known == department && categories.contains(category));
    if !is_known {
        remarks.push(Remark::UnknownCategory(department, category));
    }
    match organisation_check_character(organisation) {
        Some(expected) if expected != organisation_check => remarks.push(Remark::OrganisationCode(expected)),
        _ => {}
    }
    remarks
}

/// The check character of an organisation code, GB 11714: `11 - Σ value·weight mod 11`, X for 10 and 0
/// for 11.
fn organisation_check_character(organisation: &[char; 8]) -> Option<char> {
    let mut sum = 0;
    for (&character, weight) in organisation.iter().zip(ORGANISATION_WEIGHTS) {
        sum += value(ALL_LETTERS, character)? * weight;
    }
    match (11 - sum % 11) % 11 {
        10 => Some('X'),
        digit => char::from_digit(digit, 10),
    }
}

impl CheckRule {
    /// The character that makes the sum of weighted values zero; none if a character has no value, or if
    /// the alphabet has none of that value.
    fn check_character(&self, body: &[char; 17]) -> Option<char> {
        let (mut sum, mut weight) = (0, 1);
        for &character in body {
            sum = (sum + value(self.alphabet, character)? * weight) % self.modulus;
            weight = weight * self.radix % self.modulus;
        }
        let check = usize::try_from((self.modulus - sum) % self.modulus).ok()?;
        self.alphabet.chars().nth(check)
    }
}

fn value(alphabet: &str, character: char) -> Option<u32> {
    alphabet.chars().zip(0..).find_map(|(letter, value)| (letter == character).then_some(value))
}

/// The plain form of a full-width character (Unicode block of half-width and full-width forms).
fn half_width(character: char) -> char {
    const OFFSET: u32 = 0xFF01 - 0x21;
    match character {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(character) - OFFSET).unwrap_or(character),
        other => other,
    }
}

/// White space, marks that have no width, and hyphens and dashes of any length.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{200B}' | '\u{FEFF}')
}

impl Violation {
    /// What to tell whoever entered the code.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Length(length) => Message {
                zh: format!("统一社会信用代码应为 {LENGTH} 位，现为 {length} 位"),
                en: format!("a unified social credit code has {LENGTH} characters, and this has {length}"),
            },
            Self::Character { position, character, suggestion } => {
                let mut message = Message {
                    zh: format!("统一社会信用代码第 {position} 位不能是“{character}”"),
                    en: format!(
                        "character {position} of the unified social credit code cannot be `{character}`"
                    ),
                };
                if let Some(code) = suggestion {
                    message.zh += &format!("，是否应为 {code}");
                    message.en += &format!("; did you mean {code}");
                }
                message
            }
            Self::CheckCharacter { expected, actual } => Message {
                zh: format!("统一社会信用代码校验位应为 {expected}，现为 {actual}"),
                en: format!("the check character should be {expected} and is {actual}"),
            },
        }
    }
}

impl Remark {
    /// What to tell whoever entered the code.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::PilotIssue => Message {
                zh: "该统一社会信用代码为早期试点发放，校验位不符合 GB 32100-2015，请核对营业执照".to_owned(),
                en: "this code is of the pilot before GB 32100-2015; compare it with the licence".to_owned(),
            },
            Self::UnknownCategory(department, category) => Message {
                zh: format!(
                    "统一社会信用代码前两位“{department}{category}”不在登记管理部门和机构类别代码表中"
                ),
                en: format!("the standard has no department and category `{department}{category}`"),
            },
            Self::OrganisationCode(expected) => Message {
                zh: format!("统一社会信用代码第 17 位（组织机构代码校验位）按 GB 11714 应为 {expected}"),
                en: format!(
                    "character 17, the check of the organisation code, should be {expected} by GB 11714"
                ),
            },
        }
    }
}
