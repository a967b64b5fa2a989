//! The rule of the unified social credit code against codes of real companies and known mistakes.

use std::io::Write as _;

use guanxi_plugin_licence::credit_code::{Remark, Violation, check, normalize};

/// Codes in use, each right by the check of the code and by that of the organisation code within;
/// the last is the standard's own example.
const VALID: [&str; 9] = [
    "91110108551385082Q",
    "91110000600037341L",
    "9144030071526726XG",
    "91440300708461136T",
    "91330100799655058B",
    "91310000631696382C",
    "91110000802100433B",
    "121200004013590816",
    "91350100M000100Y43",
];

/// Codes of the pilot: first the four from which its rule was found (IDCheck, hutool), then four that
/// other projects report and that played no part in it.
const PILOT: [&str; 8] = [
    "91350211M0000XUF46",
    "91350100M0001TGQXM",
    "91350203M0001FUE2P",
    "91350211M00013FA1N",
    "91350203M0001QKT19",
    "91350203M0001QAY9B",
    "91350200M000000510",
    "91350128M00000019A",
];

const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

fn expected_check(code: &str) -> Option<char> {
    match check(code) {
        Err(Violation::CheckCharacter { expected, .. }) => Some(expected),
        _ => None,
    }
}

/// The file of vectors that is kept beside the workspace, or `None` where nothing is.
fn vectors() -> Option<serde_json::Value> {
    let shared = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let place = "data/chinese/uscc/uscc_vectors.json";
    let Ok(text) = std::fs::read_to_string(shared.join(place)) else {
        assert!(!shared.exists(), "../shared is there, and {place} is not");
        // The harness keeps what the macros print of a test that passes to itself.
        let _ = writeln!(std::io::stderr(), "skipped: ../shared/{place} is absent");
        return None;
    };
    serde_json::from_str(&text).ok()
}

fn codes<'a>(vectors: &'a serde_json::Value, list: &str) -> Vec<&'a str> {
    let lists = vectors.as_object().into_iter().flatten();
    let entries =
        lists.filter(|(key, _)| key.starts_with(list)).filter_map(|(_, entries)| entries.as_array());
    entries.flatten().filter_map(|entry| entry.get("code")?.as_str()).collect()
}

/// Every code that one mistake makes of this one: a wrong character, or two neighbours swapped.
fn mistakes(code: &str) -> Vec<String> {
    let splits = code.char_indices().map(|(place, _)| code.split_at(place));
    let mistaken = splits.flat_map(|(before, after)| {
        let mut rest = after.chars();
        let (first, rest) = (rest.next(), rest.as_str());
        let mut swapped = rest.chars();
        let second = swapped.next().filter(|&second| Some(second) != first);
        let wrong = ALPHABET.chars().filter(move |&wrong| Some(wrong) != first);
        let substitutions = wrong.map(move |wrong| format!("{before}{wrong}{rest}"));
        let transposition = first.zip(second);
        let transposition =
            transposition.map(|(first, second)| format!("{before}{second}{first}{}", swapped.as_str()));
        substitutions.chain(transposition)
    });
    mistaken.collect()
}

#[test]
fn codes_in_use_pass_without_remark() {
    for code in VALID {
        assert_eq!(check(code), Ok(vec![]), "{code}");
    }
}

#[test]
fn a_wrong_check_character_is_refused_with_the_right_one() {
    assert_eq!(expected_check("91440300767669022G"), Some('W'));
    assert_eq!(expected_check("91310115MA1H8R7C6D"), Some('7'));
    assert_eq!(expected_check("91110000600037341N"), Some('L'));
}

#[test]
fn the_misprinted_example_of_the_standard_is_refused_although_it_looks_like_a_pilot_issue() {
    assert_eq!(expected_check("91350100M000100Y4Z"), Some('3'));
}

#[test]
fn codes_of_the_pilot_are_kept_with_a_remark() {
    for code in PILOT {
        assert_eq!(check(code), Ok(vec![Remark::PilotIssue]), "{code}");
    }
}

#[test]
fn the_pilots_check_excuses_nothing_outside_of_its_family() {
    let excused = |last: char| check(&format!("91350203N0001QKT1{last}")) == Ok(vec![Remark::PilotIssue]);
    assert!(!('0'..='Z').any(excused));
}

#[test]
fn every_single_mistake_in_a_code_is_detected() {
    for code in VALID {
        assert!(mistakes(code).len() > code.len() * (ALPHABET.len() - 1));
        for mistaken in mistakes(code) {
            let seen = check(&mistaken).map_or(true, |remarks| remarks.contains(&Remark::PilotIssue));
            assert!(seen, "{code} -> {mistaken}");
        }
    }
}

#[test]
fn length_is_counted_in_characters() {
    assert_eq!(check("12345"), Err(Violation::Length(5)));
    assert_eq!(check("91110000600037341L0"), Err(Violation::Length(19)));
    assert_eq!(check("统一社会信用代码"), Err(Violation::Length(8)));
    assert_eq!(check(""), Err(Violation::Length(0)));
}

#[test]
fn a_letter_that_no_code_has_is_refused_at_its_place() {
    let refused = Violation::Character { position: 14, character: 'I', suggestion: None };
    assert_eq!(check("9111000060003IOZSV"), Err(refused));
}

#[test]
fn a_letter_in_the_administrative_division_is_refused() {
    let refused = Violation::Character { position: 5, character: 'A', suggestion: None };
    assert_eq!(check("9111A000600037341L"), Err(refused));
}

#[test]
fn an_o_for_a_zero_is_suggested_only_if_the_check_passes_then() {
    let helped = check("911100006OOO37341L").unwrap_err();
    assert!(helped.message().en.ends_with("did you mean 91110000600037341L"));
    assert!(helped.message().zh.ends_with("是否应为 91110000600037341L"));
    let beyond_help = check("911100006OOO37341M").unwrap_err();
    assert!(matches!(beyond_help, Violation::Character { suggestion: None, .. }));
}

#[test]
fn an_unknown_pair_of_department_and_category_is_remarked() {
    // With the check character that the refusal of another one names.
    let code = |last: char| format!("A7110000600037341{last}");
    let right = expected_check(&code('0')).unwrap_or('0');
    assert_eq!(check(&code(right)), Ok(vec![Remark::UnknownCategory('A', '7')]));
    assert_eq!(expected_check("A1110000600037341L"), Some('K'));
    assert_eq!(check("A1110000600037341K"), Ok(vec![]));
}

#[test]
fn an_organisation_code_that_fails_its_own_check_is_remarked() {
    let code = |last: char| format!("91110000600037342{last}");
    let right = expected_check(&code('0')).unwrap_or('0');
    assert_eq!(check(&code(right)), Ok(vec![Remark::OrganisationCode('1')]));
}

#[test]
fn entry_in_any_dress_comes_to_the_standard_form() {
    for entered in [
        " 91110000600037341l\n",
        "91 110000 600037341L",
        "91-110000-600037341-L",
        "９１１１００００６０００３７３４１ｌ",
        "911100006000\u{3000}37341—L",
    ] {
        assert_eq!(normalize(entered), "91110000600037341L");
    }
    assert_eq!(normalize("９１o"), "91O");
    assert_eq!(normalize(" —— "), "");
}

#[test]
fn the_collected_vectors_hold() {
    let Some(vectors) = vectors() else { return };
    let valid = codes(&vectors, "valid");
    assert!(valid.len() > 200);
    for code in valid {
        assert_eq!(check(code), Ok(vec![]), "{code}");
        assert!(
            mistakes(code).iter().all(|mistaken| check(mistaken).is_err() || code.contains("M000")),
            "{code}"
        );
    }
    assert_eq!((codes(&vectors, "invalid").len(), codes(&vectors, "real_but").len()), (4, 4));
    for code in codes(&vectors, "invalid") {
        assert!(check(code).is_err(), "{code}");
    }
    for code in codes(&vectors, "real_but") {
        assert_eq!(check(code), Ok(vec![Remark::PilotIssue]), "{code}");
    }
    for pair in vectors["must_normalise"].as_array().unwrap() {
        assert_eq!(normalize(pair["in"].as_str().unwrap()), pair["out"].as_str().unwrap());
    }
}
