//! Text as it is stored (NFC) and text as it is compared (width, case and script folded).

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick, is_nfkc_quick};

/// Text as it is stored: Unicode normalisation form C (UAX #15), nothing else changed.
#[must_use]
pub fn normalize(text: &str) -> String {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.to_owned(),
        _ => text.nfc().collect(),
    }
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
