//! Text as it is stored (NFC) and text as it is compared (width, case and script folded).

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick, is_nfkc_quick};

/// Text as it is stored: Unicode normalisation form C (UAX #15), nothing else changed.
#[must_use]
pub fn normalize(text: &str) -> String {
    if is_composed(text) {
        return text.to_owned();
    }
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.to_owned(),
        _ => text.nfc().collect(),
    }
}

/// Whether a text is so plain that it has form C without a look at the tables: ASCII and unified ideographs, none of
/// which composes with another character or is written as several.
fn is_composed(text: &str) -> bool {
    text.chars().all(|character| character.is_ascii() || ('\u{4E00}'..='\u{9FFF}').contains(&character))
}

/// Text as it is compared in unique keys, references by name and sorted lists: form NFKC, which
/// turns full-width letters into plain ones, lower case, and runs of white space made one space.
#[must_use]
pub fn fold(text: &str) -> String {
    // Codes and most words of Latin letters are folded already.
    if is_folded(text) {
        return text.to_owned();
    }
    match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => fold_normalized(text.chars(), text.len()),
        _ => fold_normalized(text.nfkc(), text.len()),
    }
}

/// Whether a text is so plain that folding does nothing to it: printable ASCII without capitals and white space.
fn is_folded(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
}

fn fold_normalized(characters: impl Iterator<Item = char>, length: usize) -> String {
    let mut folded = String::with_capacity(length);
    let mut gap = false;
    for character in characters.flat_map(char::to_lowercase) {
        if character.is_whitespace() {
            gap = !folded.is_empty();
            continue;
        }
        if gap {
            folded.push(' ');
            gap = false;
        }
        folded.push(character);
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_taken_as_they_are_have_form_c_alone_and_side_by_side() {
        let plain = (0..=char::MAX as u32).filter_map(char::from_u32);
        let plain: Vec<char> = plain.filter(|letter| is_composed(&letter.to_string())).collect();
        assert_eq!(plain.len(), 128 + 0x5200);
        for pair in plain.windows(2).chain(std::iter::once(&['a', '加'][..])) {
            let text: String = pair.iter().collect();
            assert_eq!(text.nfc().collect::<String>(), text);
        }
        // A mark that composes with the letter before it is looked up.
        assert_eq!(normalize("e\u{301}"), "é");
        assert_eq!(normalize("加喜e\u{301}"), "加喜é");
        assert_eq!(normalize("加喜"), "加喜");
    }
}
