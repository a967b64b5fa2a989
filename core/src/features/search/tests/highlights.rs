//! Highlights: the right pieces, in bytes of the original, on boundaries of characters.

use super::*;

fn marked<'a>(text: &'a str, query: &str) -> Vec<&'a str> {
    highlight(text, query).into_iter().map(|range| text.get(range).unwrap()).collect()
}

#[test]
fn chinese_and_latin_words_are_marked_as_they_are_written_in_the_text() {
    assert_eq!(marked("上海加喜企业服务", "加喜"), ["加喜"]);
    assert_eq!(marked("加喜与加喜集团", "加喜 集团"), ["加喜", "加喜集团"]);
    assert_eq!(marked("騰訊計算機", "计算机 腾"), ["騰", "計算機"]);
    assert_eq!(marked("ＡＣＭＥ Trading (acme)", "acme tra"), ["ＡＣＭＥ", "Tra", "acme"]);
    assert_eq!(marked("Café, CAFE\u{301}s", "cafe"), ["Café", "CAFE\u{301}"]);
    assert_eq!(marked("GuanXi2026", "xi"), ["Xi"]);
    assert_eq!(marked("Global", "lob"), ["lob"]);
    assert_eq!(marked("Global Lobby", "lob"), ["Lob"], "a beginning goes before a piece from within");
    assert_eq!(marked("哈哈哈", "哈哈"), ["哈哈哈"]);
}

#[test]
fn numbers_and_addresses_are_marked_through_their_punctuation() {
    assert_eq!(marked("电话 +86 138-1234-5678", "12345678"), ["1234-5678"]);
    assert_eq!(marked("13812345678", "138 1234"), ["1381234"]);
    assert_eq!(marked("写给 Li.Lei@JiaXi.cn。", "li.lei@jiaxi"), ["Li.Lei@JiaXi"]);
}

#[test]
fn nothing_is_marked_for_nothing() {
    assert_eq!(marked("上海加喜", ""), Vec::<&str>::new());
    assert_eq!(marked("上海加喜", "！"), Vec::<&str>::new());
    assert_eq!(marked("", "加喜"), Vec::<&str>::new());
}

#[test]
fn every_range_is_ascending_apart_and_on_boundaries_for_naughty_strings() {
    let mut strings: Vec<String> = match shared("robustness/blns/blns.json") {
        Some(text) => serde_json::from_str(&text).unwrap(),
        None => Vec::new(),
    };
    strings
        .extend(["ﷺﬃ㈱ Ǆ", "e\u{301}\u{302}e", "İstanbul", "각\u{11a8}", "加\u{fe0f}喜"].map(str::to_owned));
    let mut marks = 0;
    for text in &strings {
        let pieces = text.split_whitespace().map(str::to_owned);
        for query in pieces.chain(["e".to_owned(), "1".to_owned(), "社會".to_owned(), text.clone()]) {
            let ranges = highlight(text, &query);
            for range in &ranges {
                assert!(
                    !range.is_empty() && text.get(range.clone()).is_some(),
                    "{text:?} {query:?} {range:?}"
                );
            }
            assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "{text:?} {query:?}");
            marks += ranges.len();
        }
    }
    assert!(marks > 10, "{marks}");
}
