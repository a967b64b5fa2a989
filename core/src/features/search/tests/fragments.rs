//! Fragments of Chinese names and of numbers find exactly the records that contain them.

use super::*;

use std::collections::BTreeSet;

fn is_han(character: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&character)
}

fn fragments_of(name: &str, least: usize, most: usize) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    (least..=most.min(characters.len()))
        .flat_map(|length| {
            characters.windows(length).map(|window| window.iter().collect()).collect::<Vec<_>>()
        })
        .collect()
}

fn assert_fragments_find_exactly_what_contains_them(
    names: &[String],
    least: usize,
    most: usize,
    every: usize,
) {
    let documents = (0_u128..).zip(names).map(|(number, name)| named(number, name));
    let index = index_of(documents);
    let fragments: BTreeSet<String> = names.iter().flat_map(|name| fragments_of(name, least, most)).collect();
    for fragment in fragments.iter().step_by(every) {
        let expected: Vec<u128> = (0_u128..)
            .zip(names)
            .filter(|(_, name)| name.contains(fragment.as_str()))
            .map(|(number, _)| number)
            .collect();
        assert_eq!(found(&index, fragment), expected, "{fragment}");
    }
}

#[test]
fn fragments_of_real_company_names_find_exactly_the_names_that_contain_them() {
    let Some(text) = shared("chinese/company_names/company_short_names_28w.txt") else { return };
    let lines: Vec<&str> = text.lines().filter(|line| line.chars().all(is_han) && !line.is_empty()).collect();
    let names: Vec<String> = lines
        .iter()
        .step_by(lines.len() / 2_000)
        .zip(["上海", "深圳市", "北京", "江苏"].iter().cycle())
        .map(|(brand, region)| format!("{region}{brand}科技有限公司"))
        .collect();
    assert!(names.len() >= 2_000);
    assert_fragments_find_exactly_what_contains_them(&names, 2, 4, 4);
}

#[test]
fn fragments_of_names_from_a_tiny_alphabet_are_told_apart_by_the_order_of_characters() {
    let alphabet = ['金', '山', '水', '木'];
    let mut state = 20_261_122_u64;
    let mut names = Vec::new();
    for _ in 0..150 {
        let mut name = String::new();
        for _ in 0..9 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            name.push(alphabet[usize::try_from(state >> 62).unwrap()]);
        }
        names.push(name);
    }
    assert_fragments_find_exactly_what_contains_them(&names, 1, 6, 1);
}

#[test]
fn a_single_character_is_found_at_the_beginning_inside_and_at_the_end() {
    let index = index_of([named(1, "加喜"), named(2, "上海加油站"), named(3, "万事增加"), named(4, "别家")]);
    assert_eq!(found(&index, "加"), [1, 2, 3]);
}

#[test]
fn a_fragment_does_not_reach_across_punctuation_or_into_another_field() {
    let index = index_of([
        named(1, "加喜（上海）有限公司"),
        account(2, &[(NAME, Analyzer::Title, "加喜"), (NOTE, Analyzer::Text, "上海")]),
        named(3, "加喜上海分公司"),
    ]);
    assert_eq!(found(&index, "喜上"), [3]);
    assert_eq!(found(&index, "加喜 上海"), [1, 2, 3]);
}

#[test]
fn traditional_and_simplified_characters_find_each_other() {
    let index = index_of([named(1, "騰訊計算機系統有限公司"), named(2, "时钟厂"), named(3, "鍾錶行")]);
    assert_eq!(found(&index, "腾讯计算机"), [1]);
    assert_eq!(found(&index, "時鐘"), [2]);
    assert_eq!(found(&index, "钟表"), [3]);
}

#[test]
fn full_width_letters_and_digits_are_the_same_as_plain_ones() {
    let index = index_of([named(1, "万科Ａ"), named(2, "ＡＣＭＥ３６０公司"), named(3, "㈱東芝")]);
    assert_eq!(found(&index, "万科a"), [1]);
    assert_eq!(found(&index, "acme360"), [2]);
    assert_eq!(found(&index, "ａｃｍｅ"), [2]);
    assert_eq!(found(&index, "株"), [3]);
}

#[test]
fn a_telephone_number_is_found_by_any_fragment_however_it_is_written() {
    let written = [
        "13812345678",
        "138 1234 5678",
        "138-1234-5678",
        "+86 138 1234 5678",
        "+86-13812345678",
        "0086 138-1234-5678",
        "8613812345678",
        "(+86) 138.1234.5678",
        "１３８１２３４５６７８",
    ];
    for stored in written {
        let index = index_of([
            account(1, &[(PHONE, Analyzer::Phone, stored)]),
            account(2, &[(PHONE, Analyzer::Phone, "021-5888 1234")]),
        ]);
        for typed in written {
            assert_eq!(found(&index, typed), [1], "{stored} by {typed}");
        }
        for fragment in fragments_of("13812345678", 4, 11) {
            let expected: &[u128] = if "02158881234".contains(&fragment) { &[1, 2] } else { &[1] };
            assert_eq!(found(&index, &fragment), expected, "{stored} by {fragment}");
        }
    }
}

#[test]
fn repeated_digits_do_not_find_shorter_runs_of_them() {
    let phone = |number, text| account(number, &[(PHONE, Analyzer::Phone, text)]);
    let index = index_of([phone(1, "021-6888 8123"), phone(2, "400-88888-01"), phone(3, "110")]);
    assert_eq!(found(&index, "8888"), [1, 2]);
    assert_eq!(found(&index, "88888"), [2]);
    assert_eq!(found(&index, "110"), [3]);
}

#[test]
fn one_of_several_numbers_in_a_field_is_found_but_no_number_across_two() {
    let index = index_of([account(1, &[(PHONE, Analyzer::Phone, "021-58881234 转 8001, 13900001111")])]);
    assert_eq!(found(&index, "58881234"), [1]);
    assert_eq!(found(&index, "00001111"), [1]);
    assert_eq!(found(&index, "12348001"), []);
    assert_eq!(found(&index, "80011390"), []);
}

#[test]
fn a_credit_code_is_found_whole_and_by_fragment() {
    let code = "91310000MA1FL0XY7K";
    let index = index_of([account(1, &[(NUMBER, Analyzer::Code, code)])]);
    assert_eq!(found(&index, code), [1]);
    assert_eq!(found(&index, "ma1fl0"), [1]);
    assert_eq!(found(&index, "0XY7K"), [1]);
    assert_eq!(found(&index, "0XY8K"), []);
}

#[test]
fn an_order_number_is_found_with_and_without_its_hyphens() {
    let index = index_of([account(1, &[(NUMBER, Analyzer::Code, "SO-2026-0012")])]);
    for typed in ["SO-2026-0012", "so20260012", "2026-0012", "0012", "so 0012", "260012"] {
        assert_eq!(found(&index, typed), [1], "{typed}");
    }
    assert_eq!(found(&index, "SO-2026-0013"), []);
}
