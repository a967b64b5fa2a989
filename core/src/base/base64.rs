//! Base64 (RFC 4648 §4), in which JSON carries bytes.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes as text, with padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = (0..3)
            .fold(0_u32, |bits, place| (bits << 8) | three.get(place).map_or(0, |byte| u32::from(*byte)));
        for place in 0..4 {
            let value = usize::try_from((bits >> (18 - 6 * place)) & 63).unwrap_or(0);
            let character = ALPHABET.get(value).filter(|_| place <= three.len());
            text.push(character.map_or('=', |byte| char::from(*byte)));
        }
    }
    text
}

/// The bytes that a text stands for; `None` unless it is canonical: padded, and without stray bits, spaces
/// or line feeds.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (fours, rest) = text.as_bytes().as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(fours.len() * 3);
    for (number, four) in (1..).zip(fours) {
        let padding = four.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || (padding > 0 && number != fours.len()) {
            return None;
        }
        let values = four.iter().take(4 - padding);
        let bits =
            values.map(|byte| value_of(*byte)).try_fold(0_u32, |bits, value| Some((bits << 6) | value?))?;
        let bits = bits << (6 * padding);
        let [_, three @ ..] = bits.to_be_bytes();
        if three.iter().rev().take(padding).any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend(three.iter().take(3 - padding));
    }
    Some(bytes)
}

fn value_of(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The vectors of RFC 4648 §10.
    const VECTORS: [(&str, &str); 7] = [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ];

    #[test]
    fn the_vectors_of_the_standard_hold_both_ways() {
        for (bytes, text) in VECTORS {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
    }

    #[test]
    fn text_that_is_not_canonical_is_refused() {
        for text in ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9v", "Zm9v\n", "====", "Zm-_", "é==="]
        {
            assert!(decode(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = decode(&text);
        }
    }
}
