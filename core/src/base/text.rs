//! Text as it is stored (NFC) and text as it is compared (width, case and script folded).

use unicode_normalization::UnicodeNormalization;

/// Text as it is stored: Unicode normalisation form C (UAX #15), nothing else changed.
#[must_use]
pub fn normalize(text: &str) -> String {
    text.nfc().collect()
}

/// Text as it is compared in unique keys, references by name and sorted lists: form NFKC, which
/// turns full-width letters into plain ones, lower case, and runs of white space made one space.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    for character in text.nfkc().flat_map(char::to_lowercase) {
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
