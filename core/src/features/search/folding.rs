//! Folding: text as search compares it, with the way back to the bytes it came from.
//!
//! One character at a time: compatibility form (NFKC, UAX #15), lower case, diacritics dropped,
//! traditional characters made simplified. Because no rule looks at a neighbour, every folded letter
//! knows the bytes of the original that it stands for, which is what highlights need.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use super::simplified::simplified;

/// What a folded letter is to the analyzers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Of a script that is written without spaces: Han, kana, bopomofo, Hangul.
    Ideograph,
    /// A letter of any other script, or a digit.
    Word,
    /// Everything else: spaces, punctuation, symbols.
    Gap,
}

/// One folded letter and the bytes of the original text that it came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter {
    /// The folded character.
    pub(super) character: char,
    /// First byte in the original.
    pub(super) start: usize,
    /// Byte after the last one in the original; always the boundary of a character.
    pub(super) end: usize,
    /// What it is.
    pub(super) class: Class,
    /// Whether the original was upper case, since camel case parts words.
    pub(super) upper: bool,
}

/// Folds a text. Marks that combine (accents written apart) and
/// characters that show nothing vanish into the letter before them.
pub(super) fn fold(text: &str) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::with_capacity(text.len());
    for (start, original) in text.char_indices() {
        let end = start.saturating_add(original.len_utf8());
        let before = letters.len();
        let upper = original.is_uppercase();
        fold_character(original, &mut |character| {
            letters.push(Letter { character, start, end, class: class(character), upper });
        });
        if letters.len() == before
            && let Some(bearer) = letters.last_mut()
        {
            bearer.end = end;
        }
    }
    letters
}

/// The folded text alone.
pub(super) fn folded(text: &str) -> String {
    fold(text).iter().map(|letter| letter.character).collect()
}

/// The characters of some letters, as text.
pub(super) fn spell(letters: &[Letter]) -> String {
    letters.iter().map(|letter| letter.character).collect()
}

/// The longest runs of letters of one class, gaps included, in their order.
pub(super) fn runs(letters: &[Letter]) -> impl Iterator<Item = (Class, &[Letter])> {
    letters
        .chunk_by(|left, right| left.class == right.class)
        .filter_map(|run| run.first().map(|first| (first.class, run)))
}

fn fold_character(original: char, push: &mut impl FnMut(char)) {
    if original.is_ascii() {
        return push(original.to_ascii_lowercase());
    }
    // Of the characters of this block Unicode says nothing but that they are there.
    if matches!(original, '\u{4e00}'..='\u{9fff}') {
        return push(simplified(original));
    }
    for character in std::iter::once(original).nfkc().flat_map(char::to_lowercase) {
        if canonical_combining_class(character) != 0 || is_format(character) {
            continue;
        }
        match latin_spelling(character) {
            Some(spelling) => spelling.chars().for_each(&mut *push),
            None => push(simplified(without_marks(character))),
        }
    }
}

/// Characters that show nothing and only steer how text runs or breaks, general category Cf: the soft
/// hyphen, joiners, marks of direction, the byte order mark.
fn is_format(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Letters that Unicode does not decompose but that people type as plain ones.
fn latin_spelling(character: char) -> Option<&'static str> {
    Some(match character {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ı' => "i",
        _ => return None,
    })
}

/// The base of a letter with marks. Hangul syllables decompose into letters, not marks: they stay.
fn without_marks(character: char) -> char {
    if is_hangul_syllable(character) {
        return character;
    }
    std::iter::once(character).nfd().next().unwrap_or(character)
}

fn is_hangul_syllable(character: char) -> bool {
    matches!(character, '\u{ac00}'..='\u{d7a3}')
}

fn class(character: char) -> Class {
    if is_ideograph(character) {
        Class::Ideograph
    } else if character.is_alphanumeric() {
        Class::Word
    } else {
        Class::Gap
    }
}

fn is_ideograph(character: char) -> bool {
    matches!(character,
        '\u{2e80}'..='\u{2fdf}' // radicals
        | '々' | '〇' | '〡'..='〩'
        | '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{309f}' // hiragana
        | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' // katakana
        | '\u{3105}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}' // bopomofo
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' // Han
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3fffd}')
        || is_hangul_syllable(character)
}
